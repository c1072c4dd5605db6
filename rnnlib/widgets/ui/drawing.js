/**
 * A figure as it is now as a drawing that every program for SVG can show: boxes as rectangles, each line of text as text,
 * canvases as images. What only browsers know (HTML, style sheets of a page, formulas) is not in it.
 */

import { make, svg } from "./dom.js";

const XLINK = "http://www.w3.org/1999/xlink"; // older programs know the address of an image by this name alone

const SHARPNESS = 2; // pixels of an image for each of the page

/** Attributes of a drawing in the page that say how it looks rather than what it is. */
const PAINTED = ["fill", "stroke"];
const STROKED = ["vector-effect", "stroke-width", "stroke-dasharray", "stroke-linejoin", "stroke-linecap"];

const put = (value) => Number(value.toFixed(2));

/** The figure without its foot: what goes into an SVG of this size, and the style sheet with its fonts.
 * @returns {{width: number, height: number, styles: string, parts: Element[]}} */
export function drawing(root) {
  const { left, top, width, height } = root.getBoundingClientRect();
  const foot = root.querySelector(".rnn-sharing");
  const below = foot ? foot.getBoundingClientRect().height + parseFloat(getComputedStyle(foot).marginTop) : 0;
  const shown = { width: put(width), height: put(height - below) };
  const pen = new Pen(left, top);
  const body = svg("g");
  pen.element(root, body, { x: 0, y: 0, ...shown });
  const styles = [...pen.fonts].map(([font, name]) => `.${name}{${font}}`).join("\n");
  return { ...shown, styles, parts: [pen.definitions, body] };
}

class Pen {
  constructor(left, top) {
    this.left = left;
    this.top = top;
    this.definitions = svg("defs");
    this.fonts = new Map(); // properties of a font -> class
    this.context = make("canvas").getContext("2d"); // for colours and the heights of fonts
    this.range = document.createRange();
  }

  /** A colour as every program knows it; none for one that cannot be seen. */
  colour(name, css) {
    this.context.fillStyle = "black";
    this.context.fillStyle = css;
    const [, rgb, alpha] = /^rgba\((.*), ([\d.]+)\)$/.exec(this.context.fillStyle) ?? [];
    if (alpha === undefined) return { [name]: this.context.fillStyle };
    return Number(alpha) ? { [name]: `rgb(${rgb})`, [`${name}-opacity`]: alpha } : { [name]: "none" };
  }

  /** Draw an element, and all that is in it, into `parent`; box: its place, where that is not the one in the page. */
  element(node, parent, box = this.boxOf(node.getBoundingClientRect())) {
    const style = getComputedStyle(node);
    const corners = style.clipPath === "none" ? null : cornersOf(style.clipPath, box);
    if (style.display === "none" || corners?.length === 0 || node.classList.contains("rnn-unshared")) return;
    const group = parent.appendChild(svg("g", corners ? this.clip(svg("path", { d: `M${corners.join("L")}z` })) : {}));
    if (style.opacity !== "1") group.setAttribute("opacity", style.opacity);
    if (style.visibility === "visible") {
      const boxes = style.display === "inline" ? [...node.getClientRects()].map((rect) => this.boxOf(rect)) : [box];
      // A slider and a radio button have no box, whatever the browser's own style sheet says of one.
      if (!node.matches("[type=range], [type=radio]")) for (const each of boxes) this.box(each, style, group);
      this.content(node, style, box, group);
    } else this.children(node, style, group);
    if (style.outlineStyle === "solid" && !node.matches(":focus-visible")) {
      const [offset, size] = [parseFloat(style.outlineOffset), parseFloat(style.outlineWidth)];
      frame(box, -offset - size / 2, { ...this.colour("stroke", style.outlineColor), "stroke-width": size }, group);
    }
    if (!group.hasChildNodes()) group.remove();
  }

  boxOf({ left, top, width, height }) {
    return { x: left - this.left, y: top - this.top, width, height };
  }

  /** What an element holds. */
  content(node, style, box, group) {
    if (node instanceof SVGSVGElement) this.vector(node, group, box);
    else if (node instanceof HTMLCanvasElement) canvasImage(node, style, box, group);
    else if (node instanceof HTMLTextAreaElement || node instanceof HTMLSelectElement) this.value(node, style, group);
    else if (node instanceof HTMLInputElement) {
      if (node.type === "range") this.slider(node, style, box, group);
      else if (node.type === "radio") this.radio(node, style, box, group);
      else this.value(node, style, group);
    } else if (!(node instanceof HTMLProgressElement)) {
      this.children(node, style, this.clipped(node, style, box, group));
      this.arrow(node, style, box, group);
      if (node.localName === "summary" && style.display === "list-item") this.marker(node, style, box, group);
    }
    if (node.localName === "mfrac") {
      const [above, below] = [...node.children].map((child) => this.boxOf(child.getBoundingClientRect()));
      const y = (above.y + above.height + below.y) / 2;
      group.append(svg("rect", { ...rounded({ ...box, y: y - 0.5, height: 1 }), ...this.colour("fill", style.color) }));
    }
  }

  /** Children from the lowest to the highest, each with what it holds. */
  children(node, style, group) {
    const layer = (child) => {
      if (child.nodeType !== Node.ELEMENT_NODE) return 0;
      const { position, zIndex } = getComputedStyle(child);
      return position === "static" ? 0 : 1 + (Number(zIndex) || 0);
    };
    const folded = node instanceof HTMLDetailsElement && !node.open;
    const seen = [...node.childNodes].filter((child) => !folded || child === node.querySelector(":scope > summary"));
    const layers = seen.map((child) => ({ child, at: layer(child) }));
    for (const { child } of layers.sort((a, b) => a.at - b.at)) {
      if (child.nodeType === Node.TEXT_NODE) {
        if (style.visibility === "visible") this.text(child, style, group);
      } else if (child.nodeType === Node.ELEMENT_NODE) this.element(child, group);
    }
  }

  /** Where an element cuts off what is in it, a group that does so, too. */
  clipped(node, style, { x, y }, group) {
    const whole = node.scrollWidth <= node.clientWidth && node.scrollHeight <= node.clientHeight;
    if (whole || style.overflow === "visible" || !node.clientWidth) return group;
    const inner = { x: x + node.clientLeft, y: y + node.clientTop, width: node.clientWidth, height: node.clientHeight };
    return group.appendChild(svg("g", this.clip(svg("rect", rounded(inner)))));
  }

  /** The attribute of a group of which only what is in the shape can be seen. */
  clip(shape) {
    const id = `rnn-clip-${this.definitions.childElementCount}`;
    this.definitions.append(svg("clipPath", { id }, shape));
    return { "clip-path": `url(#${id})` };
  }

  /** The background of a box, its shadows and its borders. */
  box(box, style, group) {
    if (!box.width || !box.height) return;
    const radius = parseFloat(style.borderTopLeftRadius) || 0;
    const shadows = style.boxShadow === "none" ? [] : style.boxShadow.split(/,(?![^(]*\))/).map(shadowOf);
    for (const { colour, spread, inset } of shadows.reverse()) {
      if (!inset && spread) frame(box, -spread / 2, { ...this.colour("stroke", colour), "stroke-width": spread }, group, radius);
    }
    const fill = this.background(style);
    if (fill.fill !== "none") group.append(svg("rect", { ...rounded(box, radius), ...fill }));
    for (const shadow of shadows.filter(({ inset }) => inset)) {
      group.append(svg("path", { ...insetOf(box, shadow), ...this.colour("fill", shadow.colour) }));
    }
    this.borders(box, style, radius, group);
  }

  background({ backgroundImage, backgroundColor }) {
    const [, way, stops] = /^linear-gradient\((?:(90deg|to right|to bottom), )?(rgb.*)\)$/.exec(backgroundImage) ?? [];
    if (!stops) return this.colour("fill", backgroundColor);
    const parts = stops.split(/,(?![^(]*\))/).flatMap((stop) => {
      const [, colour, from, to] = /^\s*(.*?)(?: ([\d.]+)%)?(?: ([\d.]+)%)?$/.exec(stop) ?? [];
      return to ? [[colour, from], [colour, to]] : [[colour, from]];
    });
    const id = `rnn-fill-${this.definitions.childElementCount}`;
    const down = way ? way === "to bottom" : true; // which a browser leaves out
    this.definitions.append(svg("linearGradient", down ? { id, x2: 0, y2: 1 } : { id }, ...parts.map(([colour, at], i) => {
      const seen = this.colour("stop-color", colour);
      const offset = at === undefined ? i / (parts.length - 1) : Number(at) / 100;
      return svg("stop", { offset: put(offset), ...(seen["stop-color"] === "none" ? { "stop-opacity": 0 } : seen) });
    })));
    return { fill: `url(#${id})` };
  }

  borders({ x, y, width, height }, style, radius, group) {
    const sides = ["Top", "Right", "Bottom", "Left"].map((side) => ({
      size: style[`border${side}Style`] === "none" ? 0 : parseFloat(style[`border${side}Width`]),
      dash: { dashed: [3, 2], dotted: [1, 1] }[style[`border${side}Style`]], paint: this.colour("stroke", style[`border${side}Color`]),
    }));
    const line = ({ size, dash, paint }) => (
      { ...paint, "stroke-width": size, ...(dash ? { "stroke-dasharray": dash.map((part) => part * size).join(" ") } : {}) });
    const [first] = sides;
    if (sides.every((side) => side.size && JSON.stringify(side) === JSON.stringify(first))) {
      return frame({ x, y, width, height }, first.size / 2, line(first), group, radius);
    }
    const ends = [[x, y], [x + width, y], [x + width, y + height], [x, y + height], [x, y]];
    const inward = [[0, 1], [-1, 0], [0, -1], [1, 0]];
    sides.forEach((side, i) => {
      if (!side.size || side.paint.stroke === "none") return;
      const [from, to] = [ends[i], ends[i + 1]].map((end) => end.map((at, k) => put(at + (inward[i][k] * side.size) / 2)));
      group.append(svg("path", { d: `M${from}L${to}`, ...line(side) }));
    });
  }

  /** The class of a font. */
  font(style, italic = false) {
    const maths = style.fontFamily.includes("math") ? ", serif" : "";
    const font = [
      `font-family:${style.fontFamily}${maths}`, `font-size:${style.fontSize}`, `font-weight:${style.fontWeight}`,
      `font-style:${italic ? "italic" : style.fontStyle}`,
      ...(style.letterSpacing === "normal" ? [] : [`letter-spacing:${style.letterSpacing}`]),
    ].join(";");
    if (!this.fonts.has(font)) this.fonts.set(font, `f${this.fonts.size}`);
    return this.fonts.get(font);
  }

  /** How far the letters of a font reach above and below their line. */
  reach({ fontStyle, fontWeight, fontSize, fontFamily }) {
    this.context.font = `${fontStyle} ${fontWeight} ${fontSize} ${fontFamily}`;
    const { fontBoundingBoxAscent: above, fontBoundingBoxDescent: below } = this.context.measureText("x");
    return { above, below };
  }

  write(text, { x, y, width, height }, style, group, italic) {
    const { above, below } = this.reach(style);
    const from = style.direction === "rtl" ? x + width : x;
    const node = svg("text", {
      x: put(from), y: put(y + (height - above - below) / 2 + above), class: this.font(style, italic), ...this.colour("fill", style.color),
    }, text);
    if (style.direction === "rtl") node.setAttribute("direction", "rtl");
    if (style.textDecorationLine !== "none") node.setAttribute("text-decoration", style.textDecorationLine);
    group.append(node);
  }

  /** The lines of a text in the page. */
  text(node, style, group) {
    const italic = style.textTransform === "math-auto" && [...node.data.trim()].length === 1 && /\p{L}/u.test(node.data);
    for (const [from, to] of this.lines(node)) {
      const text = node.data.slice(from, to);
      const before = text.length - text.trimStart().length;
      if (before === text.length) continue;
      this.range.setStart(node, from + before);
      this.range.setEnd(node, from + text.trimEnd().length);
      const shown = style.whiteSpace.startsWith("pre") ? text.trim() : text.trim().replace(/\s+/g, " ");
      this.write(shown, this.boxOf(this.range.getBoundingClientRect()), style, group, italic);
    }
  }

  /** Where the lines of a text begin and end. */
  lines(node) {
    this.range.selectNodeContents(node);
    const rects = [...this.range.getClientRects()];
    if (!rects.length) return [];
    const apart = ({ top, height }, other) => Math.abs(top - other.top) > height / 2;
    if (!rects.some((rect) => apart(rect, rects[0]))) return [[0, node.length]];
    const starts = [0];
    let at = 0;
    let last = null;
    for (const character of node.data) {
      this.range.setStart(node, at);
      this.range.setEnd(node, at + character.length);
      const rect = this.range.getClientRects()[0];
      if (rect && rect.width) {
        if (last && apart(rect, last)) starts.push(at);
        last = rect;
      }
      at += character.length;
    }
    return starts.map((start, i) => [start, starts[i + 1] ?? node.length]);
  }

  /** The value of a field, laid out as the field does it, in a box of its own for as long as this takes. */
  value(node, style, group) {
    const box = node.getBoundingClientRect();
    const select = node instanceof HTMLSelectElement;
    const area = node instanceof HTMLTextAreaElement;
    const text = select ? node.selectedOptions[0]?.textContent ?? "" : node.value;
    const mirror = make("div", {}, text);
    const inner = box.height - parseFloat(style.borderTopWidth) - parseFloat(style.borderBottomWidth);
    mirror.style.cssText = "position:fixed;box-sizing:border-box;margin:0;border:solid transparent;overflow:hidden;"
      + "overflow-wrap:anywhere";
    for (const name of ["borderWidth", "fontFamily", "fontSize", "fontWeight", "fontStyle", "padding", "color", "direction", "textAlign"]) {
      mirror.style[name] = style[name];
    }
    Object.assign(mirror.style, {
      left: `${box.left}px`, top: `${box.top}px`, width: `${box.width}px`, height: `${box.height}px`,
      whiteSpace: area ? "pre-wrap" : "pre", lineHeight: area ? style.lineHeight : `${inner}px`,
      ...(select ? { paddingLeft: `${parseFloat(style.paddingLeft) + 4}px`, paddingRight: "20px" } : {}),
    });
    document.body.append(mirror);
    mirror.scrollTop = node.scrollTop;
    const place = this.boxOf(box);
    this.children(mirror, getComputedStyle(mirror), this.clipped(mirror, style, place, group));
    mirror.remove();
    if (!select) return;
    const [x, y] = [put(place.x + place.width - 18), put(place.y + place.height / 2 - 2)];
    group.append(svg("path", { d: `M${x} ${y}l4 4l4 -4`, fill: "none", "stroke-width": 1.5, ...this.colour("stroke", style.color) }));
  }

  slider({ min, max, value }, style, { x, y, width, height }, group) {
    const share = max > min ? (value - min) / (max - min) : 0;
    const [middle, thumb] = [y + height / 2, x + 8 + (width - 16) * share];
    const accent = this.colour("fill", style.accentColor);
    const track = { x, y: middle - 4, width, height: 8 };
    group.append(svg("rect", { ...rounded(track, 4), "fill-opacity": 0.25, ...this.colour("fill", style.color) }),
      svg("rect", { ...rounded({ ...track, width: thumb - x }, 4), ...accent }),
      svg("circle", { cx: put(thumb), cy: put(middle), r: 8, ...accent }));
  }

  radio({ checked }, style, { x, y, width, height }, group) {
    const [cx, cy] = [put(x + width / 2), put(y + height / 2)];
    const ring = this.colour("stroke", checked ? style.accentColor : style.color);
    group.append(svg("circle", { cx, cy, r: put(width / 2 - 1), fill: "none", ...ring }));
    if (checked) group.append(svg("circle", { cx, cy, r: put(width / 4), ...this.colour("fill", style.accentColor) }));
  }

  /** An arrow between two columns, or one after a word: text that the style sheet puts after an element. */
  arrow(node, _style, { x, y }, group) {
    const style = getComputedStyle(node, "::after");
    const [, text] = /^"(.+)"$/.exec(style.content) ?? [];
    if (!text) return;
    if (style.position !== "absolute") {
      this.range.selectNodeContents(node);
      const word = this.boxOf(this.range.getBoundingClientRect());
      this.reach(style); // the font
      const space = this.context.measureText(text).width - this.context.measureText(text.trimStart()).width;
      this.write(text.trimStart(), { ...word, x: word.x + word.width + space }, style, group);
      return;
    }
    this.reach(style);
    const spare = style.textAlign === "center" ? (parseFloat(style.width) - this.context.measureText(text).width) / 2 : 0;
    const height = parseFloat(style.lineHeight) || parseFloat(style.height);
    const place = { x: x + parseFloat(style.left) + spare, y: y + parseFloat(style.top), width: 0, height };
    this.write(text, place, style, group);
  }

  /** The triangle before what unfolds. */
  marker(node, style, { x, y, height }, group) {
    const size = parseFloat(style.fontSize) / 3;
    const [left, middle] = [put(x + parseFloat(style.paddingLeft)), put(y + height / 2)];
    const across = `M${left} ${put(middle - size)}l${put(1.7 * size)} ${put(size)}l${put(-1.7 * size)} ${put(size)}z`;
    const down = `M${left} ${put(middle - size)}l${put(2 * size)} 0l${put(-size)} ${put(1.7 * size)}z`;
    group.append(svg("path", { d: node.parentElement.open ? down : across, ...this.colour("fill", style.color) }));
  }

  /** A drawing in the page: its shapes, with the paint that they get from style sheets. */
  vector(node, group, place) {
    const style = getComputedStyle(node);
    if (style.display === "none" || style.visibility !== "visible") return;
    const copy = svg(node.localName);
    for (const { name, value } of node.attributes) {
      if (!/^(class|style|role|aria-.*|data-.*|tabindex)$/.test(name)) copy.setAttribute(name, value);
    }
    if (place) for (const [key, value] of Object.entries(place)) copy.setAttribute(key, put(value));
    if (style.opacity !== "1") copy.setAttribute("opacity", style.opacity);
    if (node.localName === "g" && style.transform !== "none") copy.setAttribute("transform", style.transform);
    if (node instanceof SVGGeometryElement || node instanceof SVGTextContentElement) this.paint(node, style, copy);
    for (const child of node.children) this.vector(child, copy);
    if (!node.childElementCount) copy.append(node.textContent);
    group.append(copy);
  }

  paint(node, style, copy) {
    for (const name of PAINTED) {
      const paint = style[name] === "none" ? { [name]: "none" } : this.colour(name, style[name]);
      for (const [key, value] of Object.entries(paint)) if (key !== "stroke" || value !== "none") copy.setAttribute(key, value);
      const part = style.getPropertyValue(`${name}-opacity`);
      if (part !== "1") copy.setAttribute(`${name}-opacity`, part);
    }
    if (style.stroke !== "none") for (const name of STROKED) copy.setAttribute(name, style.getPropertyValue(name));
    if (!(node instanceof SVGTextContentElement)) return;
    copy.setAttribute("class", this.font(style));
    if (style.textAnchor !== "start") copy.setAttribute("text-anchor", style.textAnchor);
    copy.removeAttribute("dominant-baseline");
    if (!/central|middle/.test(style.dominantBaseline)) return;
    const { above, below } = this.reach(style);
    copy.setAttribute("y", put(Number(node.getAttribute("y")) + (above - below) / 2)); // not every program knows that baseline
  }
}

/** The corners of what a clip path leaves of a box; none where it leaves nothing. */
function cornersOf(clip, { x, y, width, height }) {
  const [, shape, values = ""] = /^(inset|polygon)\((.*)\)$/.exec(clip) ?? [];
  const length = (text, whole) => [...text.matchAll(/(?:([-+]) )?(-?[\d.]+)(%|px)/g)].reduce(
    (sum, [, sign, size, unit]) => sum + (sign === "-" ? -1 : 1) * Number(size) * (unit === "%" ? whole / 100 : 1), 0);
  const apart = (text) => text.split(/ (?![^(]*\))/);
  if (shape === "polygon") {
    return values.split(", ").map(apart).map(([across, down]) => [put(x + length(across, width)), put(y + length(down, height))]);
  }
  const [top, right = top, bottom = top, left = right] = apart(values);
  const [x1, x2] = [x + length(left, width), x + width - length(right, width)];
  const [y1, y2] = [y + length(top, height), y + height - length(bottom, height)];
  return shape && x1 < x2 && y1 < y2 ? [[x1, y1], [x2, y1], [x2, y2], [x1, y2]].map((corner) => corner.map(put)) : [];
}

function rounded({ x, y, width, height }, radius = 0) {
  const place = { x: put(x), y: put(y), width: put(Math.max(0, width)), height: put(Math.max(0, height)) };
  return radius ? { ...place, rx: radius } : place;
}

/** A frame that lies `inside` px within the edge of a box. */
function frame({ x, y, width, height }, inside, line, group, radius = 0) {
  if (line.stroke === "none") return;
  const place = { x: x + inside, y: y + inside, width: width - 2 * inside, height: height - 2 * inside };
  group.append(svg("rect", { ...rounded(place, Math.max(0, radius - inside)), fill: "none", ...line }));
}

/** A shadow as browsers write it: rgb(10, 92, 194) 3px 0px 0px 2px inset. */
function shadowOf(text) {
  const [x, y, , spread] = text.match(/-?[\d.]+px/g).map(parseFloat);
  return { colour: text.trim().replace(/ -?[\d.]+px.*$/, ""), x, y, spread, inset: text.endsWith("inset") };
}

/** What an inner shadow without blur covers: the box but for a smaller one. */
function insetOf({ x, y, width, height }, shadow) {
  const inside = (side) => Math.max(0, shadow.spread + side);
  const [left, right, top, bottom] = [inside(shadow.x), inside(-shadow.x), inside(shadow.y), inside(-shadow.y)].map(put);
  const outer = `M${put(x)} ${put(y)}h${put(width)}v${put(height)}h${put(-width)}z`;
  const inner = `M${put(x + left)} ${put(y + top)}h${put(width - left - right)}v${put(height - top - bottom)}h${put(left + right - width)}z`;
  return { d: outer + inner, "fill-rule": "evenodd" };
}

/** The pixels of a canvas; where each is to be seen as a square, they are drawn as squares, since programs differ there. */
function canvasImage(node, style, box, group) {
  if (!node.width || !node.height || !box.width || !box.height) return;
  const sharp = make("canvas", { width: Math.round(SHARPNESS * box.width), height: Math.round(SHARPNESS * box.height) });
  const context = sharp.getContext("2d");
  context.imageSmoothingEnabled = style.imageRendering !== "pixelated";
  context.drawImage(node, 0, 0, sharp.width, sharp.height);
  const image = svg("image", { ...rounded(box), preserveAspectRatio: "none" });
  image.setAttributeNS(XLINK, "xlink:href", sharp.toDataURL());
  group.append(image);
}
