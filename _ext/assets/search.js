/* In the search page's excerpts an equation is its letters, once: without the LaTeX that lies beside them for copying,
   and without what is there only for its height. */
const htmlToText = Search.htmlToText;
Search.htmlToText = (html, anchor) => htmlToText(html.replace(/<(annotation|mphantom)\b.*?<\/\1>/gs, ""), anchor);
