/* In the search page's excerpts an equation is its letters, once: without the LaTeX that lies beside them for copying,
   without what is there only for its height, and without the button beside it. */
const htmlToText = Search.htmlToText;
Search.htmlToText = (html, anchor) => htmlToText(html.replace(/<(annotation|mphantom|button)\b.*?<\/\1>/gs, ""), anchor);
