/* Equations: what a symbol means, under the pointer, the finger or the focus; and their LaTeX, for copying.
   A tip's words come from symbols.json, once a reader asks for the first one. */

const latexOf = (math) => math.querySelector("annotation")?.textContent.trim() ?? math.textContent;
const isDisplay = (math) => math.getAttribute("display") === "block";

/* Copying: every equation of a selection becomes its LaTeX. */
addEventListener("copy", (event) => {
  const selection = getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return;
  const range = selection.getRangeAt(0).cloneRange();
  const last = mathAround(range.endContainer);
  if (last) range.setEndAfter(last); // half an equation is copied whole: its LaTeX stands at its end
  const copy = document.createElement("div");
  copy.append(range.cloneContents());
  if (!copy.querySelector("math")) return;
  event.clipboardData.setData("text/html", copy.innerHTML);
  for (const node of copy.querySelectorAll("button, .headerlink")) node.remove();
  for (const math of copy.querySelectorAll("math")) {
    const latex = Object.assign(document.createElement("pre"), { textContent: `$$\n${latexOf(math)}\n$$` });
    math.replaceWith(isDisplay(math) ? latex : `$${latexOf(math)}$`);
  }
  copy.className = "being-copied";
  document.body.append(copy); // only what is laid out has lines
  event.clipboardData.setData("text/plain", copy.innerText);
  copy.remove();
  event.preventDefault();
});
const mathAround = (node) => (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement)?.closest("math");

document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.(".copy-latex");
  if (!button) return;
  await navigator.clipboard.writeText(latexOf(button.parentElement.querySelector("math")));
  const words = button.textContent;
  if (words === button.dataset.copied) return;
  button.textContent = button.dataset.copied;
  setTimeout(() => (button.textContent = words), 1500);
});

/* Tips */
let words;
const load = () =>
  (words ??= fetch(new URL("symbols.json", import.meta.url), { cache: "no-cache" }).then((answer) => answer.json()));
const tip = Object.assign(document.createElement("div"), { className: "symbol-tip", id: "symbol-tip", hidden: true });
tip.setAttribute("role", "tooltip");
(document.querySelector("main") ?? document.body).append(tip);
let owner = null;
let timer;

/* The symbols that an element asks about: its own, or all those of the equation beside a button. */
function asked(target) {
  const symbol = target.closest?.("a.symbol, math [data-symbol]");
  if (symbol) return { owner: symbol, marks: [symbol.matches("a") ? symbol.querySelector("[data-symbol]") : symbol] };
  const button = target.closest?.(".copy-latex");
  return button && { owner: button, marks: [...button.parentElement.querySelectorAll("math [data-symbol]")] };
}

function line(mark, text) {
  const row = document.createElement("p");
  const math = document.createElementNS("http://www.w3.org/1998/Math/MathML", "math");
  math.append(mark.cloneNode(true));
  row.append(math, ` ${text}`);
  return row;
}

async function show(request) {
  const { page, notation, gradient, symbols } = await load();
  const marks = new Map(request.marks.map((mark) => [mark.dataset.symbol, mark]));
  const meaning = ([d, of]) => (of ? gradient.replace("{of}", symbols[of]) : symbols[d]);
  const rows = [...marks].map(([names, mark]) => line(mark, meaning(names.split(" "))));
  if (!rows.length) return;
  hide();
  owner = request.owner;
  if (request.marks.length === 1) {
    const link = Object.assign(document.createElement("a"), { textContent: notation, tabIndex: -1 });
    link.href = address(page, request.marks[0].dataset.symbol);
    rows.push(link);
  }
  tip.replaceChildren(...rows);
  tip.hidden = false;
  owner.setAttribute("aria-describedby", tip.id);
  const at = owner.getBoundingClientRect();
  const size = tip.getBoundingClientRect();
  const below = at.bottom + size.height + 12 < innerHeight;
  tip.style.left = `${Math.max(8, Math.min(at.left, document.documentElement.clientWidth - size.width - 8))}px`;
  tip.style.top = `${Math.max(8, below ? at.bottom + 6 : at.top - size.height - 6)}px`;
}

function hide() {
  clearTimeout(timer);
  owner?.removeAttribute("aria-describedby");
  owner = null;
  tip.hidden = true;
}

const address = (page, names) =>
  new URL(`../${page}#symbol-${names.split(" ")[0].replaceAll("_", "-")}`, import.meta.url).href;

for (const link of document.querySelectorAll("a.symbol")) {
  link.setAttribute("aria-description", link.title); // the tip shows it; two would be one too many
  link.removeAttribute("title");
}

document.addEventListener("pointerover", ({ target, pointerType }) => {
  if (pointerType === "touch") return;
  clearTimeout(timer);
  if (tip.contains(target)) return;
  const request = asked(target);
  if (request?.owner === owner && owner) return;
  if (request && !request.owner.matches("button")) timer = setTimeout(() => show(request), 150);
  else if (owner && owner !== document.activeElement) timer = setTimeout(hide, 250);
});
document.addEventListener("focusin", ({ target }) => {
  const request = asked(target);
  if (request && target.matches(":focus-visible")) show(request);
});
document.addEventListener("focusout", ({ target }) => target === owner && hide());
addEventListener("keydown", (event) => event.key === "Escape" && hide());
addEventListener("scroll", () => owner && hide(), { passive: true, capture: true });

/* A finger asks first: the tip holds the link. A pointer that asked already goes there. */
document.addEventListener("click", async (event) => {
  if (tip.contains(event.target)) return;
  const request = asked(event.target);
  if (!request || request.owner.matches("button")) return hide();
  if (event.pointerType === "touch") {
    event.preventDefault();
    show(request);
  } else if (!request.owner.matches("a") && getSelection().isCollapsed) {
    const { page } = await load();
    location.href = address(page, request.owner.dataset.symbol);
  }
});
