/** What is copied from a figure is plain text: numbers that a program can read, and the cells of a table apart. */

const BLOCKS = "address,blockquote,caption,dd,div,dl,dt,fieldset,label,legend,li,ol,p,section,table,tr,ul";

const CELLS = "td,th,[role=cell],[role=columnheader],[role=rowheader]";

/** The text without what is there for the eye alone: true minus signs, isolates, thin spaces between thousands. */
export function plain(text) {
  return text.replaceAll("−", "-").replace(/[\u2066-\u2069]/g, "").replace(/(?<=\d)\u202f(?=\d{3})/g, "");
}

/** The text of a part of a figure: a line for each block, tabs between cells. */
function textOf(node) {
  if (node.nodeType === Node.TEXT_NODE) return node.data;
  if (node.localName === "br") return "\n";
  if (node.matches?.("[hidden], .rnn-said, canvas, svg, select, textarea")) return "";
  const text = Array.from(node.childNodes, textOf).join("");
  if (node.matches?.(CELLS)) return `${text.trim()}\t`;
  return node.matches?.(`${BLOCKS},[role=row]`) ? `\n${text}\n` : text;
}

/** What is copied of a selection. */
export function copiedText(selection) {
  const parts = Array.from({ length: selection.rangeCount }, (_, i) => textOf(selection.getRangeAt(i).cloneContents()));
  return plain(parts.join("\n")).replace(/\t?\n\s*/g, "\n").replace(/^\n|[\n\t]+$/g, "");
}

/** Let what is copied in `el` be plain text; the text of a field is copied as it is. Returns a clean-up. */
export function copyPlain(el) {
  const copy = (event) => {
    const selection = document.getSelection();
    if (event.target.closest?.("input, textarea") || !selection || selection.isCollapsed || !event.clipboardData) return;
    event.clipboardData.setData("text/plain", copiedText(selection));
    event.preventDefault();
  };
  el.addEventListener("copy", copy);
  return () => el.removeEventListener("copy", copy);
}
