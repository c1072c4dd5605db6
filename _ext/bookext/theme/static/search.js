/* The search page: Sphinx's index of the book, asked in the browser. The results are words, put in as text; excerpts come
   from the paragraphs and the code of the pages found, without their frame. */

const LONGEST = 240; // characters of an excerpt
const MOST = 40; // words of a question
const BLOCKS = ["p", "dd", "li", "pre", ".math-block", "td", "th"]; // an excerpt is one of these, of equal ones an earlier kind
const SKIPPED = ".rnn-widget, .headerlink, .toctree-wrapper, .prev-next-footer, .copy-latex, annotation, mphantom, button, script, template";

const here = document.currentScript;
const said = JSON.parse(here.dataset.words);
const root = new URL(document.documentElement.dataset.content_root, location);
const stemmer = new Stemmer(); // of language_data.js, as is `stopwords`

/** The words of a text as the index has them, and its mathematical signs: theme/search.py splits the pages so. */
function split(text) {
  return text.toLowerCase().match(/[\p{L}\p{N}_]+|(?![\x00-\x7f])\p{Sm}/gu) ?? [];
}

/** What is looked for: each word, with its stem. */
function terms(question) {
  const words = [...new Set(split(question))];
  const telling = words.filter((word) => !stopwords.includes(word));
  return (telling.length ? telling : words).slice(0, MOST).map((word) => ({ word, stem: stemmer.stemWord(word) }));
}

/** The numbers of the pages in a table of the index that have the term: [whole word, part of a word]. */
function pagesWith(table, { word, stem }) {
  const of = (key) => (Object.hasOwn(table, key) ? [table[key]].flat() : []);
  const parts = word.length < 3 ? [] : Object.keys(table).filter((key) => key.includes(word)).flatMap(of);
  return [new Set([...of(word), ...of(stem)]), new Set(parts)];
}

/** The pages that have all terms, best first: {page, anchor, title, score}. */
function find(index, question) {
  const asked = terms(question);
  if (!asked.length) return [];
  const scores = index.docnames.map(() => 0);
  const missed = new Set();
  for (const term of asked) {
    const tables = [[index.titleterms, 15, 7], [index.terms, 5, 2]];
    const found = tables.map(([table, whole, part]) => [pagesWith(table, term), whole, part]);
    scores.forEach((_, page) => {
      const values = found.map(([[exact, partly], whole, part]) => (exact.has(page) ? whole : partly.has(page) ? part : 0));
      scores[page] += Math.max(...values);
      if (!Math.max(...values)) missed.add(page);
    });
  }
  const titles = index.titles.map(plain);
  const pages = titles.map((title, page) => ({ page, anchor: "", title, score: missed.has(page) ? 0 : scores[page] }));
  return [...pages, ...places(index, question, titles)].filter(({ score }) => score).sort((a, b) => b.score - a.score);
}

/** Sections and terms of the book's index whose names have the question in them. */
function places(index, question, titles) {
  const wanted = question.trim().toLowerCase();
  const named = (table) => Object.entries(table).filter(([name]) => wanted && name.toLowerCase().includes(wanted));
  const found = new Map();
  for (const [name, spots] of [...named(index.alltitles), ...named(index.indexentries)]) {
    for (const [page, anchor] of spots) {
      if (!anchor || plain(name) === titles[page] || found.has(`${page} ${name}`)) continue;
      const score = name.toLowerCase() === wanted ? 12 : 6;
      found.set(`${page} ${name}`, { page, anchor, title: `${titles[page]} › ${name}`, score });
    }
  }
  return [...found.values()];
}

/** The words of a page's title, which the index has as HTML: without elements, each sign once. No pattern reads on past
    another "<", so the time is linear in the title. */
function plain(html) {
  const signs = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", "#x27": "'" };
  return html
    .replace(/<(annotation|mphantom)\b[^<>]*>[^<]*<\/\1>/g, "")
    .replace(/<[^<>]*>/g, "")
    .replace(/&(#?\w+);/g, (entity, name) => signs[name] ?? entity);
}

/** A page as a document in which nothing runs; no HTML passes through a string. */
function open(address) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.responseType = "document";
    request.onload = () => (request.status < 400 && request.response ? done(request.response) : failed(new Error(address)));
    request.onerror = () => failed(new Error(address));
    request.send();
  });
}

/** The text of the block of a page that tells most about the terms; "" where none has one of them. */
function telling(page, asked) {
  let best = { score: 0, text: "" };
  for (const node of page.querySelectorAll(`article :is(${BLOCKS.join()})`)) {
    if (node.closest(SKIPPED) || node.querySelector(BLOCKS.join())) continue;
    const block = node.closest("td, th") ?? node;
    const copy = node.cloneNode(true);
    for (const part of copy.querySelectorAll(SKIPPED)) part.remove();
    const text = copy.textContent.replace(/\s+/g, " ").trim();
    const words = new Set(split(text).flatMap((word) => [word, stemmer.stemWord(word)]));
    const whole = asked.filter(({ word, stem }) => words.has(word) || words.has(stem)).length;
    const partly = asked.filter(({ word }) => text.toLowerCase().includes(word)).length;
    const score = 10 * (2 * whole + partly) - BLOCKS.findIndex((kind) => block.matches(kind));
    if (whole + partly && score > best.score) best = { score, text };
  }
  return best.text;
}

/** The text around the first of the terms, with each of them marked. */
function excerpt(text, asked) {
  const marks = asked.map(({ word }) => word).sort((a, b) => b.length - a.length); // no sign of theirs is one of the syntax
  const pattern = new RegExp(`(${marks.join("|")})`, "giu");
  const from = Math.max(0, text.search(pattern) - LONGEST / 2);
  const start = from && text.indexOf(" ", from) + 1;
  const end = start + LONGEST < text.length ? text.lastIndexOf(" ", start + LONGEST) : text.length;
  const shown = `${start ? "… " : ""}${text.slice(start, Math.max(end, start + 1))}${end < text.length ? " …" : ""}`;
  return shown.split(pattern).map((piece, i) => (i % 2 ? make("mark", "", piece) : piece));
}

function make(tag, className, ...children) {
  const node = Object.assign(document.createElement(tag), { className });
  node.append(...children);
  return node;
}

/** Show the results, then their excerpts as the pages come. */
async function show(index, question) {
  const found = find(index, question);
  const key = found.length > 1 ? "search_found" : found.length ? "search_found_one" : "search_none";
  const status = make("p", "search-summary", said[key].replace("{n}", found.length));
  status.setAttribute("role", "status");
  const items = found.map(({ page, anchor, title }) => {
    const link = make("a", "", title);
    link.href = new URL(`${index.docnames[page]}.html`, root).href + (anchor && `#${anchor}`);
    return { page, node: make("li", "", link) };
  });
  document.getElementById("search-results").replaceChildren(status, make("ul", "search", ...items.map(({ node }) => node)));
  const asked = terms(question);
  const texts = new Map();
  for (const { page, node } of items) {
    if (texts.has(page) || location.protocol === "file:") continue; // once a page; a file may not read another
    texts.set(page, open(new URL(`${index.docnames[page]}.html`, root)).then((document) => telling(document, asked)));
    const text = await texts.get(page).catch(() => ""); // without a network
    if (text) node.append(make("p", "context", ...excerpt(text, asked)));
  }
}

/* searchindex.js calls it with the index. */
window.Search = {
  setIndex(index) {
    const question = new URLSearchParams(location.search).get("q") ?? "";
    document.querySelector(".bd-search-container input").value = question;
    if (question.trim()) show(index, question);
  },
};
