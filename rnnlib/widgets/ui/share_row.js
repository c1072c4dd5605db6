/**
 * The foot of every figure, a menu: its state as a link, as an image, and as lines of Python. On a page of the book a link for the
 * figure is opened before its first drawing; once the reader changes something, the address lets go of it, so that nothing
 * old comes back when the page is loaded again.
 */

import { parseLink, readLink, writeLink } from "../model/permalink.js";
import { pythonLines } from "../model/python_source.js";
import { make, setText } from "./dom.js";
import { figureImage, figurePixels } from "./export_image.js";

const linkName = (figure) => figure.replace(/\B[A-Z]/g, (letter) => `-${letter}`).toLowerCase();

function download(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** The figures of the page, without the first states that are shown until a view is drawn.
 * @returns {any[]} */
const figures = () => [...document.querySelectorAll("[data-figure]")].filter((node) => !node.closest(".rnn-widget-first"));

/** Open the links that the address holds for the figure, now and whenever it is another one: of all figures of the page, one
 * gets their traits, and says so in the node `opened`.
 * @returns {{letGo: () => void, forget: () => void}} letGo: traits have changed */
function followLinks({ el, root, model, words, spec, open, opened }) {
  let held; // the fragment that was opened, and its traits

  function openLink() {
    const fragment = globalThis.location?.hash ?? "";
    const asked = parseLink(fragment);
    if (!asked) return;
    const all = figures();
    const same = all.filter((node) => linkName(node.dataset.figure) === asked.figure);
    const meant = same[asked.n - 1];
    if ((meant ?? same[0] ?? all[0]) !== el) return; // a link for no figure of the page is answered by the first
    const known = Object.fromEntries(["hidden_size", ...Object.keys(spec)].map((key) => [key, model.get(key)]));
    const { traits, broken } = meant ? readLink(asked, spec, known) : { broken: same.length ? "n" : "figure" };
    held = undefined;
    if (traits) {
      open(traits);
      held = { fragment, traits };
    }
    opened.classList.add("rnn-opened-kept"); // its line stays when its words go
    setText(opened, words(traits ? "share_opened" : "share_broken", { field: broken }));
    requestAnimationFrame(() => root.scrollIntoView({ block: "start" })); // it may be drawn out of sight at first
  }

  /** Something is another: what was said of the state before is no longer true. */
  function letGo() {
    if (!held || Object.entries(held.traits).every(([key, value]) => model.get(key) === value)) return;
    if (location.hash === held.fragment) history.replaceState(history.state, "", location.pathname + location.search);
    held = undefined;
    setText(opened, "");
  }

  globalThis.addEventListener?.("hashchange", openLink);
  openLink();
  return { letGo, forget: () => globalThis.removeEventListener?.("hashchange", openLink) };
}

/** A button that opens a list of buttons over the figure; a choice, Escape, and a press or the focus elsewhere close it.
 * @param {any} words
 * @param {[string, () => void][]} acts the key of its words and what it does, for each button
 * @returns {{node: HTMLElement, close: () => void}} */
function buildMenu(words, acts) {
  const opener = make("button", {
    type: "button", className: "rnn-button rnn-sharing-opener", "aria-expanded": "false", "aria-label": words("share_name"),
  }, "⋯");
  const items = acts.map(([key]) => make("button", { type: "button", className: "rnn-button" }, words(key)));
  const list = make("div", {
    className: "rnn-sharing-list", role: "group", "aria-label": words("share_name"), hidden: true,
  }, ...items);
  const node = make("div", { className: "rnn-sharing-menu" }, opener, list);
  const elsewhere = ({ target }) => {
    if (!node.contains(target)) show(false);
  };

  function show(open) {
    list.hidden = !open;
    opener.setAttribute("aria-expanded", String(open));
    if (open) document.addEventListener("pointerdown", elsewhere, true);
    else document.removeEventListener("pointerdown", elsewhere, true);
  }

  function close() {
    show(false);
    opener.focus({ preventScroll: true });
  }

  opener.addEventListener("click", () => show(list.hidden));
  items.forEach((item, i) => item.addEventListener("click", () => {
    close();
    acts[i][1]();
  }));
  node.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget && !node.contains(relatedTarget)) show(false);
  });
  node.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !list.hidden) {
      event.stopPropagation();
      close();
    }
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(true);
    const stops = [opener, ...items];
    stops[(stops.indexOf(event.target) + by + stops.length) % stops.length].focus({ preventScroll: true });
  });
  return { node, close: () => show(false) };
}

/** The row: a menu of `acts`, [key of its words, what it does with the traits shown], and what has come of the choice.
 * @returns {{node: HTMLElement, close: () => void, tell: (key?: string, values?: object) => void,
 *   copyText: (text: string, key: string) => Promise<void>}} tell(): nothing is said any more */
function buildRow(words, shown, acts) {
  const status = make("p", { className: "rnn-sharing-status", role: "status" });
  const field = make("textarea", { className: "rnn-sharing-text", readOnly: true, rows: 4, spellcheck: false, hidden: true });
  field.setAttribute("aria-label", words("share_text"));
  const tell = (key, values) => {
    field.hidden = true;
    setText(status, key ? words(key, values) : "");
  };
  const menu = buildMenu(words, acts.map(([key, act]) => [key, () => {
    const traits = shown();
    if (!traits) return;
    tell("share_busy");
    act(traits);
  }]));
  const node = make("div", { className: "rnn-sharing rnn-unshared" }, status, menu.node, field);

  async function copyText(text, key) {
    try {
      await navigator.clipboard.writeText(text);
      tell(key);
    } catch {
      tell("share_by_hand");
      field.value = text;
      field.hidden = false;
      field.focus({ preventScroll: true });
      field.select();
    }
  }
  return { node, close: menu.close, tell, copyText };
}

/** Save the figure as SVG, or copy it as PNG. name(): that of the file, without its ending. */
function imageActions({ root, said, name, tell }) {
  const save = (blob, file) => {
    download(blob, file);
    tell("share_saved", { name: file });
  };
  const image = () => figureImage(root, said());

  async function saveDrawing() {
    const { text } = await image();
    save(new Blob([text], { type: "image/svg+xml" }), `${name()}.svg`);
  }

  async function copyImage() {
    const file = `${name()}.png`;
    const png = image().then(figurePixels);
    try {
      // A promise inside: some browsers let go of the reader's click before the picture is there.
      await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
      tell("share_image_copied");
    } catch {
      try {
        save(await png, file);
      } catch {
        await saveDrawing(); // this browser gives no pixels back
      }
    }
  }
  return { saveDrawing, copyImage };
}

/** Put the row into `root`, below all that is there, and open the link that the address holds for the figure.
 * @param {{el: HTMLElement, root: HTMLElement, model: any, words: any, change: (traits: object) => void, figure: string,
 *   spec: object, shown: () => object | undefined, said: () => string, place: () => string,
 *   python: () => {plain: string[], imports?: object}, refuse?: () => string | false | undefined, open?: (traits: object) => void}} parts
 * figure: the class in Python. spec: what a link may say, see model/permalink.js. shown(): the traits as they are shown. said(): the
 * figure in a sentence. place(): the step or case shown, for the name of a file. refuse(): the words why there can be no link.
 * open(traits): set what came from a link, where `change` is not enough.
 * @returns {() => void} a clean-up */
export function shareRow({ el, root, model, words, change, figure, spec, shown, said, place, python, refuse, open = change }) {
  const onPage = Boolean(el.closest(".rnn-widget")); // elsewhere no address leads back to this figure
  const opened = make("p", { className: "rnn-opened rnn-unshared", role: "status" });
  const tell = (key, values) => row.tell(key, values);
  const name = () => `${linkName(figure)}-${place()}`;
  const { copyImage, saveDrawing } = imageActions({ root, said, name, tell });

  function copyLink(traits) {
    const why = refuse?.();
    if (why) return tell(why);
    const entries = Object.keys(spec).map((key) => [key, traits[key]]).filter(([, value]) => value !== undefined);
    const n = figures().filter((node) => node.dataset.figure === figure).indexOf(el) + 1;
    row.copyText(writeLink(linkName(figure), n, Object.fromEntries(entries)), "share_link_copied");
  }

  function copyPython(traits) {
    const text = pythonLines({ figure, model, traits, spec, ...python() });
    if (text) row.copyText(text, "share_python_copied");
    else tell("share_python_large");
  }

  const row = buildRow(words, shown, [
    ["share_link", copyLink], ["share_image", copyImage], ["share_svg", saveDrawing], ["share_python", copyPython],
  ].slice(onPage ? 0 : 1));
  root.prepend(opened);
  root.append(row.node);
  const links = onPage && followLinks({ el, root, model, words, spec, open, opened });
  const changed = () => {
    tell();
    if (links) links.letGo();
  };
  const events = Object.keys(spec).map((key) => `change:${key}`).join(" ");
  model.on(events, changed);
  return () => {
    row.close();
    model.off(events, changed);
    if (links) links.forget();
  };
}
