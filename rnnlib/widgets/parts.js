/**
 * What every view needs: elements, formulas, numbers, characters, colours, words.
 * Text reaches the page through textContent alone.
 */

const MATHML = "http://www.w3.org/1998/Math/MathML";
const SVG = "http://www.w3.org/2000/svg";

/** An element with properties set on it and children put in; children may be strings.
 * Properties that elements do not have by name (aria-…, role, for) are set as attributes.
 * @returns {any} */
export function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key in node) node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

/** An element of a drawing with attributes set on it and children put in. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** A MathML element. A string child of mrow, msub or msup stands for an identifier, a number or an operator. */
export function math(tag, ...children) {
  const node = document.createElementNS(MATHML, tag);
  const leaf = tag === "mi" || tag === "mn" || tag === "mo" || tag === "mtext";
  for (const child of children) {
    if (leaf || typeof child !== "string") node.append(child);
    else node.append(math(/^[−\d]/.test(child) ? "mn" : /^[\p{L}]/u.test(child) ? "mi" : "mo", child));
  }
  if (tag === "mo") node.setAttribute("stretchy", "false"); // brackets stay as high as letters
  if (children[0] === "+") node.setAttribute("form", "infix"); // also where a line begins with it
  return node;
}

/** A whole formula. */
export function formula(...children) {
  return math("math", math("mrow", ...children));
}

/** A symbol with a subscript: sub("a", "t"). */
export function sub(base, ...index) {
  return math("msub", typeof base === "string" ? math("mi", base) : base, math("mrow", ...index));
}

/** The gradient of a symbol: d("a", "t") is da with the subscript t. */
export function d(name, ...index) {
  return sub(math("mrow", math("mi", "d"), math("mi", name)), ...index);
}

/** A transposed symbol: transposed("W", "h", "h"). */
export function transposed(base, ...index) {
  return math("msubsup", base, math("mrow", ...index), "⊤");
}

/** Put text into a node that nobody else writes to, and only where it differs: most cells stay as they are from draw to
 * draw, and a node remembers what it shows more cheaply than it can be asked. */
export function setText(node, text) {
  if (node.shown === text) return;
  node.shown = text;
  node.textContent = text;
}

/** A number in print: three decimals and a true minus sign; from 100 on fewer, very large ones in powers of ten, so that
 * most take at most seven characters. */
export function number(value, digits = 3) {
  const size = Math.abs(value);
  const text = size < 100 ? size.toFixed(digits) : size < 1e4 ? size.toFixed(size < 1000 ? 2 : 1) : size.toExponential(1);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** A gradient in print: three or four decimals, and smaller ones in powers of ten, so that none but 0 looks like 0; at most
 * seven characters. */
export function slight(value) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (!(size < 0.1)) return number(value);
  const text = size < 0.001 ? size.toExponential(size < 1e-9 ? 0 : 1).replace("-", "−") : size.toFixed(4);
  return value < 0 ? `−${text}` : text;
}

/** A probability in print. */
export function percent(value) {
  return `${(100 * value).toFixed(1)} %`;
}

const VISIBLE = new Map([[" ", "␣"], ["\n", "⏎"], ["\t", "⇥"], ["\u00a0", "⍽"], ["\u3000", "□"]]);

/** A character as something that can be seen: white space as a sign, a combining mark on a dotted circle,
 * anything invisible as its code point. */
export function visible(character) {
  const sign = VISIBLE.get(character);
  if (sign) return sign;
  if (/\p{M}/u.test(character) && !/[\ufe00-\ufe0f]/.test(character)) return `◌${character}`;
  if (/[\p{C}\p{Z}\ufe00-\ufe0f]/u.test(character)) {
    return `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
  }
  return character;
}

/** A character in a sentence, which it cannot turn around when it is written from right to left. */
export function quoted(character) {
  return `“\u2068${visible(character)}\u2069”`;
}

/* Colour. Lightness and chroma change evenly with |value| in the OKLab space, so equal steps look equal; blue against
 * orange is told apart by all common kinds of colour blindness. The ink on a cell is the one of black and white that
 * contrasts more, at least 4.5 : 1 on every cell. */

const STEPS = 40;

function oklch(L, C, hue) {
  const a = C * Math.cos((hue * Math.PI) / 180);
  const b = C * Math.sin((hue * Math.PI) / 180);
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const clamp = (v) => Math.min(1, Math.max(0, v));
  const rgb = [
    clamp(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    clamp(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    clamp(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
  const luminance = 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2];
  const bytes = rgb.map((v) => Math.round(255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055)));
  return { bytes, fill: `rgb(${bytes.join(",")})`, ink: luminance > 0.179 ? "#000" : "#fff" };
}

function scale(centre, end) {
  const colours = [];
  for (let i = -STEPS; i <= STEPS; i++) {
    const x = Math.abs(i) / STEPS;
    colours.push(oklch(centre + (end - centre) * x, 0.15 * x, i < 0 ? 250 : 60));
  }
  return colours;
}

const SCALES = { light: scale(0.975, 0.58), dark: scale(0.27, 0.8) };

/** The colour of a value on the diverging scale from -limit to limit: {fill, ink} for CSS, bytes for pixels. */
export function colour(value, limit, dark) {
  const x = Math.round((STEPS * value) / limit);
  return SCALES[dark ? "dark" : "light"][STEPS + Math.max(-STEPS, Math.min(STEPS, x || 0))];
}

/** The diverging scale as a background, for a legend: all of it, or the half from zero on. Between every eighth colour the
 * browser finds the others. */
export function ramp(dark, half = false) {
  const colours = SCALES[dark ? "dark" : "light"].slice(half ? STEPS : 0).filter((_, i) => i % 8 === 0);
  return `linear-gradient(90deg, ${colours.map(({ fill }) => fill).join(",")})`;
}

/** The largest size of a number in the array: the limit of its colour scale. Never zero. */
export function extent(array) {
  let limit = 1e-300;
  for (const value of array) if (Math.abs(value) > limit) limit = Math.abs(value);
  return limit;
}

/** Paint a cell: its number, and its colour on the scale from -limit to limit. */
export function paint(cell, value, limit, dark, print = number) {
  const { fill, ink } = colour(value, limit, dark);
  setText(cell, print(value).padStart(7));
  if (cell.fill !== fill) {
    cell.fill = fill; // what was set last; reading it back from the style is slower and normalised
    cell.style.backgroundColor = fill;
    cell.style.color = ink;
  }
}

/** A bar as a background, from one share of the width to another: it moves without anything being laid out. */
export function stripe(fill, from, to) {
  const [a, b] = [from, to].map((share) => `${(100 * share).toFixed(2)}%`);
  return `linear-gradient(90deg, transparent ${a}, ${fill} ${a} ${b}, transparent ${b})`;
}

/** A canvas that is given a size, be it the one that it has, is laid out and allocated anew. */
function resize(canvas, width, height) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

/** Paint a canvas of one pixel for each cell; bytes(row, column) gives red, green and blue, or null for a hole. The
 * style sheet stretches it. */
export function drawPixels(canvas, rows, columns, bytes) {
  resize(canvas, columns, rows);
  const image = new ImageData(columns, rows);
  const { data } = image;
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, at += 4) {
      const pixel = bytes(i, j);
      if (!pixel) continue;
      data[at] = pixel[0];
      data[at + 1] = pixel[1];
      data[at + 2] = pixel[2];
      data[at + 3] = 255;
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Draw numbers as cells: `rows` of them in each column, `column` wide and `height` high with a gap on either side (px),
 * on the scale from -limit to limit. The colours go into one pixel a number, which is then stretched. */
export function drawCells(canvas, values, rows, { column, gap, height, limit, dark }) {
  const columns = values.length / rows;
  const small = (canvas.pixels ??= make("canvas"));
  drawPixels(small, rows, columns, (i, t) => colour(values[t * rows + i], limit, dark).bytes);
  const ratio = window.devicePixelRatio || 1;
  resize(canvas, Math.round(columns * column * ratio), Math.round(height * ratio));
  Object.assign(canvas.style, { width: `${columns * column}px`, height: `${height}px` });
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  for (let t = 0; t < columns; t++) {
    context.drawImage(small, t, 0, 1, rows, t * column + gap, 0, column - 2 * gap, height);
  }
}

/** Is the page dark around this element? The style sheet knows every host's way of saying so. A notebook puts a figure into
 * its page after the first drawing: until then, what would stand there as it is asks for it. */
export function isDark(node) {
  if (node.isConnected === false) {
    const there = document.body.appendChild(make("div", { className: "rnn", hidden: true }));
    const dark = isDark(there);
    there.remove();
    return dark;
  }
  return getComputedStyle(node).getPropertyValue("--rnn-dark").trim() === "1";
}

/** Call back when the page turns dark or light; returns a clean-up. */
export function onThemeChange(callback) {
  const observer = new MutationObserver(callback);
  const attributes = { attributes: true, attributeFilter: ["class", "data-theme", "data-mode", "data-jp-theme-light"] };
  observer.observe(document.documentElement, attributes);
  observer.observe(document.body, attributes);
  return () => observer.disconnect();
}

/** The words in the language of the page around `node`: words("of", {t: 1, T: 3}). English where a word is missing. */
export function wordsFor(node) {
  const language = (node.closest("[lang]") ?? document.documentElement).lang || "en";
  const table = { ...WORDS.en, ...WORDS[language.split("-")[0]], ...WORDS[language] };
  const pieces = {}; // key -> the text between the names, the names at odd places
  return (key, values = {}) => {
    pieces[key] ??= table[key].split(/\{(\w+)\}/);
    return pieces[key].map((piece, i) => (i % 2 ? values[piece] : piece)).join("");
  };
}

/** A value that is computed anew only when one of the things it depends on is another: kept(compute, a, b). */
export function keep() {
  let last = [];
  let value;
  return (compute, ...depends) => {
    if (!last.length || depends.some((thing, i) => thing !== last[i])) value = compute();
    last = depends;
    return value;
  };
}

/** Draw once, however many traits change in the same task. */
export function coalesce(draw) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    queueMicrotask(() => {
      waiting = false;
      draw();
    });
  };
}
