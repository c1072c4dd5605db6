/* A tree of nodes that is written down and never shown: as much of the DOM as a widget's first drawing needs, and its HTML.
 * Nothing is laid out here, and nothing happens: sizes are 0, and events never come.
 */

"use strict";

const XHTML = "http://www.w3.org/1999/xhtml";
const VOID = new Set(["area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]);
/** Their text would be read as something else than text: nothing that is put into it could be escaped. */
const RAW = new Set(["script", "style", "iframe", "noembed", "noframes", "noscript", "plaintext", "template", "xmp"]);
const NAME = /^[a-z][\w.-]*$/i;

const kebab = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

class Node {
  childNodes = [];
  parentNode = null;

  get parentElement() { return this.parentNode; }
  get children() { return this.childNodes.filter((child) => child instanceof Element); }
  get firstChild() { return this.childNodes[0] ?? null; }
  get lastChild() { return this.childNodes.at(-1) ?? null; }
  get firstElementChild() { return this.children[0] ?? null; }
  get lastElementChild() { return this.children.at(-1) ?? null; }
  get childElementCount() { return this.children.length; }
  get nextSibling() { return this.#beside(1); }
  get previousSibling() { return this.#beside(-1); }
  #beside(by) {
    const siblings = this.parentNode?.childNodes ?? [];
    return siblings[siblings.indexOf(this) + by] ?? null;
  }
  hasChildNodes() { return this.childNodes.length > 0; }
  contains(node) {
    for (let at = node; at; at = at.parentNode) if (at === this) return true;
    return false;
  }
  get textContent() { return this.childNodes.map((child) => child.textContent).join(""); }
  set textContent(text) { this.replaceChildren(...(text === null || text === "" ? [] : [text])); }
  get innerText() { return this.textContent; }
  set innerText(text) { this.textContent = text; }
  get innerHTML() { return this.childNodes.map((child) => child.outerHTML).join(""); }
  set innerHTML(text) { throw new Error("innerHTML is not written to at build time; use textContent"); }
  get outerHTML() { return write(this).join(""); }

  /** Nodes as they can be put in: strings become text, a fragment gives its children, and all leave where they were. */
  #taken(nodes) {
    const flat = nodes.flatMap((node) => (node instanceof Fragment ? [...node.childNodes] : [node instanceof Node ? node : new Text(node)]));
    for (const node of flat) {
      if (node.contains(this)) throw new Error("a node cannot be put into itself");
      node.remove();
      node.parentNode = this;
    }
    return flat;
  }
  append(...nodes) { this.childNodes.push(...this.#taken(nodes)); }
  prepend(...nodes) { this.childNodes.unshift(...this.#taken(nodes)); }
  appendChild(node) { this.append(node); return node; }
  insertBefore(node, next) {
    const taken = this.#taken([node]);
    this.childNodes.splice(next ? this.childNodes.indexOf(next) : this.childNodes.length, 0, ...taken);
    return node;
  }
  removeChild(node) { node.remove(); return node; }
  replaceChildren(...nodes) {
    for (const child of [...this.childNodes]) child.remove();
    this.append(...nodes);
  }
  remove() {
    const siblings = this.parentNode?.childNodes;
    if (siblings) siblings.splice(siblings.indexOf(this), 1);
    this.parentNode = null;
  }
  before(...nodes) { for (const node of nodes) this.parentNode.insertBefore(node, this); }
  after(...nodes) {
    const next = this.nextSibling;
    for (const node of nodes) this.parentNode.insertBefore(node, next);
  }
  replaceWith(...nodes) {
    this.before(...nodes);
    this.remove();
  }
  addEventListener() {}
  removeEventListener() {}
  dispatchEvent() { return true; }
}

class Text extends Node {
  constructor(data) {
    super();
    this.data = String(data);
  }
  get textContent() { return this.data; }
  set textContent(data) { this.data = String(data); }
}

class Fragment extends Node {}

/** The style attribute as an object. A value that a browser would not take is not taken. */
function styleOf() {
  const values = new Map();
  const put = (name, value) => {
    const text = String(value ?? "").trim();
    if (text === "") values.delete(name);
    else if (!/[;{}\\]|NaN|Infinity|undefined/.test(text)) values.set(name, text);
  };
  const own = {
    values,
    setProperty: put,
    getPropertyValue: (name) => values.get(name) ?? "",
    removeProperty: (name) => void values.delete(name),
  };
  return new Proxy(own, {
    get: (_, name) => (name in own ? own[name] : typeof name === "string" ? values.get(kebab(name)) ?? "" : undefined),
    set: (_, name, value) => {
      if (name === "cssText") for (const part of String(value).split(";")) put(...part.split(/:(.*)/).map((text) => text.trim()));
      else put(kebab(name), value);
      return true;
    },
  });
}

const REFLECTED = {
  string: {
    className: "class", id: "id", title: "title", lang: "lang", dir: "dir", role: "role", type: "type", name: "name", min: "min", max: "max",
    step: "step", autocomplete: "autocomplete", inputMode: "inputmode", placeholder: "placeholder", scope: "scope", htmlFor: "for",
    href: "href", src: "src", alt: "alt", label: "label", rows: "rows", cols: "cols", maxLength: "maxlength", tabIndex: "tabindex",
    colSpan: "colspan", rowSpan: "rowspan", spellcheck: "spellcheck", draggable: "draggable", download: "download", rel: "rel",
  },
  flag: {
    hidden: "hidden", disabled: "disabled", checked: "checked", readOnly: "readonly", selected: "selected", open: "open",
    multiple: "multiple", required: "required", inert: "inert",
  },
};
for (const name of [
  "Atomic", "Busy", "Checked", "ColCount", "ColIndex", "ColSpan", "Current", "Description", "Disabled", "Expanded", "HasPopup", "Hidden",
  "Invalid", "Label", "Level", "Live", "Orientation", "PosInSet", "Pressed", "ReadOnly", "Required", "RoleDescription", "RowCount",
  "RowIndex", "RowSpan", "Selected", "SetSize", "Sort", "ValueMax", "ValueMin", "ValueNow", "ValueText",
]) REFLECTED.string[`aria${name}`] = `aria-${name.toLowerCase()}`;

class Element extends Node {
  attributes = new Map();
  style = styleOf();

  constructor(tag, namespace) {
    super();
    if (!NAME.test(tag)) throw new Error(`no name of an element: ${tag}`);
    this.namespaceURI = namespace;
    this.localName = namespace === XHTML ? tag.toLowerCase() : tag;
    if (RAW.has(this.localName.toLowerCase())) throw new Error(`<${tag}> cannot be written at build time`);
  }
  get tagName() { return this.namespaceURI === XHTML ? this.localName.toUpperCase() : this.localName; }
  get nodeName() { return this.tagName; }

  #named(name) { return this.namespaceURI === XHTML ? String(name).toLowerCase() : String(name); }
  getAttribute(name) { return this.attributes.get(this.#named(name)) ?? null; }
  setAttribute(name, value) {
    const key = this.#named(name);
    if (!/^[a-z_][\w:.-]*$/i.test(key)) throw new Error(`no name of an attribute: ${name}`);
    if (/^on/i.test(key)) throw new Error(`an event handler cannot be written: ${name}`);
    if (key === "style") this.style.cssText = value;
    else this.attributes.set(key, String(value));
  }
  setAttributeNS(_, name, value) { this.setAttribute(name, value); }
  removeAttribute(name) { this.attributes.delete(this.#named(name)); }
  hasAttribute(name) { return this.attributes.has(this.#named(name)); }
  toggleAttribute(name, force = !this.hasAttribute(name)) {
    if (force) this.setAttribute(name, "");
    else this.removeAttribute(name);
    return force;
  }
  get dataset() {
    const key = (name) => `data-${kebab(name)}`;
    return new Proxy({}, {
      get: (_, name) => this.getAttribute(key(name)) ?? undefined,
      set: (_, name, value) => (this.setAttribute(key(name), value), true),
      has: (_, name) => this.hasAttribute(key(name)),
      deleteProperty: (_, name) => (this.removeAttribute(key(name)), true),
    });
  }
  get classList() {
    const list = this.className.split(/\s+/).filter(Boolean);
    const set = (names) => (this.className = names.join(" "));
    return Object.assign([...list], {
      contains: (name) => list.includes(name),
      add: (...names) => set([...new Set([...list, ...names])]),
      remove: (...names) => set(list.filter((name) => !names.includes(name))),
      toggle: (name, force = !list.includes(name)) => {
        set(force ? [...new Set([...list, name])] : list.filter((each) => each !== name));
        return force;
      },
    });
  }

  /* Controls keep what they show in a property; written down, it is an attribute, a text or a chosen option. */
  #chosen = null;
  get options() { return this.querySelectorAll("option"); }
  get value() {
    if (this.localName === "select") return this.#chosen?.value ?? this.options[0]?.value ?? "";
    if (this.localName === "textarea" || this.localName === "output") return this.textContent;
    return this.getAttribute("value") ?? (this.localName === "option" ? this.textContent : "");
  }
  set value(value) {
    if (this.localName === "select") this.#chosen = this.options.find((option) => option.value === String(value));
    else if (this.localName === "textarea" || this.localName === "output") this.textContent = value;
    else this.setAttribute("value", value ?? "");
  }
  get valueAsNumber() { return this.value === "" ? NaN : Number(this.value); }
  get selectedIndex() { return this.options.indexOf(this.#chosen ?? this.options[0]); }
  set selectedIndex(i) { this.#chosen = this.options[i]; }

  get selectedOptions() { return this.options.slice(this.selectedIndex).slice(0, 1); }

  closest(selector) {
    for (let at = this; at instanceof Element; at = at.parentNode) if (at.matches(selector)) return at;
    return null;
  }
  matches(selector) { return selector.split(",").some((one) => matchesPath(this, one.trim().split(/\s*(>)\s*|\s+/).filter(Boolean))); }
  querySelectorAll(selector) {
    return this.children.flatMap((child) => [...(child.matches(selector) ? [child] : []), ...child.querySelectorAll(selector)]);
  }
  querySelector(selector) { return this.querySelectorAll(selector)[0] ?? null; }

  /* Nothing has a size. */
  getBoundingClientRect() { return { x: 0, y: 0, left: 0, top: 0, right: 0, bottom: 0, width: 0, height: 0 }; }
  focus() {}
  blur() {}
  select() {}
  scrollTo() {}
  scrollIntoView() {}
}
for (const [name, attribute] of Object.entries(REFLECTED.string)) {
  Object.defineProperty(Element.prototype, name, {
    get() { return this.getAttribute(attribute) ?? (name.startsWith("aria") ? null : ""); },
    set(value) {
      if (value === null) this.removeAttribute(attribute);
      else this.setAttribute(attribute, value);
    },
  });
}
for (const [name, attribute] of Object.entries(REFLECTED.flag)) {
  Object.defineProperty(Element.prototype, name, {
    get() { return this.hasAttribute(attribute); },
    set(value) { this.toggleAttribute(attribute, Boolean(value)); },
  });
}
for (const name of ["client", "offset", "scroll"]) {
  for (const side of ["Width", "Height", "Left", "Top"]) {
    Object.defineProperty(Element.prototype, name + side, { value: 0, writable: name === "scroll" });
  }
}

function matchesPath(node, path) {
  const last = path.at(-1);
  if (!matchesOne(node, last)) return false;
  if (path.length === 1) return true;
  const direct = path.at(-2) === ">";
  const rest = path.slice(0, direct ? -2 : -1);
  for (let at = node.parentNode; at instanceof Element; at = at.parentNode) {
    if (matchesPath(at, rest)) return true;
    if (direct) return false;
  }
  return false;
}

function matchesOne(node, selector) {
  let rest = selector;
  const take = (pattern) => {
    const found = pattern.exec(rest);
    if (found) rest = rest.slice(found[0].length);
    return found;
  };
  const tag = take(/^(\*|[\w-]+)/);
  if (tag && tag[0] !== "*" && tag[0].toLowerCase() !== node.localName.toLowerCase()) return false;
  while (rest) {
    const [all, sign, name] = take(/^([.#:])([\w-]+)/) ?? [];
    if (sign === "." && !node.classList.contains(name)) return false;
    if (sign === "#" && node.id !== name) return false;
    if (sign === ":" && !["focus", "focus-visible", "focus-within", "hover", "active"].includes(name)) throw new Error(`no selector of ours: ${selector}`);
    if (sign === ":") return false; // nobody is there to point at anything
    if (all) continue;
    const [found, attribute, , value] = take(/^\[([\w-]+)(=["']?([^"'\]]*)["']?)?\]/) ?? [];
    if (!found) throw new Error(`no selector of ours: ${selector}`);
    if (!node.hasAttribute(attribute) || (value !== undefined && node.getAttribute(attribute) !== value)) return false;
  }
  return true;
}

/** Pixels as 0xrrggbb, and -1 where there is none; under a name that no view can use for its own. */
const PIXELS = Symbol("pixels");

class Canvas extends Element {
  #size = [300, 150];
  [PIXELS] = new Int32Array(300 * 150).fill(-1);

  get width() { return this.#size[0]; }
  get height() { return this.#size[1]; }
  set width(width) { this.#resize([width, this.height]); }
  set height(height) { this.#resize([this.width, height]); }
  #resize(size) {
    this.#size = size.map((length) => Math.max(0, Math.trunc(length)));
    this[PIXELS] = new Int32Array(this.width * this.height).fill(-1);
  }

  getContext() {
    const canvas = this;
    let matrix = [1, 0, 0, 1, 0, 0];
    const drawing = {
      setTransform: (...values) => void (matrix = values),
      putImageData({ width, height, data }, left, top) {
        for (let i = 0; i < height; i++) {
          for (let j = 0; j < width; j++) {
            const at = 4 * (i * width + j);
            canvas[PIXELS][(top + i) * canvas.width + left + j] = data[at + 3] ? (data[at] << 16) | (data[at + 1] << 8) | data[at + 2] : -1;
          }
        }
      },
      /** Each pixel takes the nearest of those it is made from. */
      drawImage(from, sx, sy, sw, sh, dx, dy, dw, dh) {
        const [left, top] = [dx * matrix[0] + matrix[4], dy * matrix[3] + matrix[5]].map(Math.round);
        const [width, height] = [dw * matrix[0], dh * matrix[3]].map(Math.round);
        for (let i = 0; i < height; i++) {
          for (let j = 0; j < width; j++) {
            const source = (sy + Math.floor((i * sh) / height)) * from.width + sx + Math.floor((j * sw) / width);
            canvas[PIXELS][(top + i) * canvas.width + left + j] = from[PIXELS][source];
          }
        }
      },
    };
    return new Proxy(drawing, { get: (own, name) => own[name] ?? (() => {}) });
  }
}

/* Writing */

const text = (data) => data.toWellFormed().replace(/[&<>\r\0]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;", "\0": "\ufffd" })[sign]);
const quoted = (value) => text(value).replaceAll('"', "&quot;");

/** Colours as short as they can be written; where a second drawing has another one, the page chooses between the two. */
const COLOUR = /rgb\((\d+), ?(\d+), ?(\d+)\)|#[0-9a-f]{3,8}\b/gi;
const short = (colour) => colour.replace(/rgb\((\d+), ?(\d+), ?(\d+)\)/, (_, ...rgb) => {
  return `#${rgb.slice(0, 3).map((byte) => Number(byte).toString(16).padStart(2, "0")).join("")}`;
});
function either(light, dark = light) {
  const others = dark.match(COLOUR) ?? [];
  let i = 0;
  return light.replace(COLOUR, (colour) => {
    const other = others[i++] ?? colour;
    return other === colour ? short(colour) : `light-dark(${short(colour)},${short(other)})`;
  });
}

/** The attributes of a drawing that are colours. */
const PAINTED = new Set(["fill", "stroke"]);

function attributesOf(node, dark) {
  const given = new Map(node.attributes);
  given.delete("name"); // the live view's radio buttons would belong to the same group
  if (node instanceof Canvas) for (const name of ["width", "height"]) given.set(name, String(node[name]));
  if (node.localName === "option" && node.closest("select")?.selectedOptions[0] === node) given.set("selected", "");
  return [...given].map(([name, value]) => {
    const shown = PAINTED.has(name) ? either(value, dark?.getAttribute(name) ?? value) : value;
    return shown === "" ? ` ${name}` : ` ${name}="${quoted(shown)}"`;
  }).join("");
}

/** A style attribute; that of a canvas has its picture in it. */
function styleAttribute(node, dark) {
  const style = [...node.style.values].map(([name, value]) => `${name}:${either(value, dark?.style.values.get(name))}`);
  const above = node.parentNode?.firstChild === node ? node.parentNode.scrollTop : 0;
  if (above) style.push(`margin-top:-${above}px`); // scrolled out of sight
  const pieces = [quoted(style.join(";"))];
  if (node instanceof Canvas && node[PIXELS].some((pixel) => pixel >= 0)) pieces.push(`${style.length ? ";" : ""}background-image:url(`, { canvas: node }, ")");
  return pieces.length > 1 || pieces[0] ? [' style="', ...pieces, '"'] : [];
}

/** A node as HTML, in pieces: strings, and in their places the canvases that have been drawn on. `dark` is the same node
 * as it was drawn for a dark page.
 * @returns {(string | {canvas: Canvas})[]} */
function write(node, dark) {
  if (node instanceof Text) return [text(node.data)];
  const twins = dark?.childNodes.length === node.childNodes.length ? dark.childNodes : [];
  const inside = node.childNodes.flatMap((child, i) => write(child, twins[i]));
  if (!(node instanceof Element)) return inside;
  const open = [`<${node.localName}${attributesOf(node, dark)}`, ...styleAttribute(node, dark), ">"];
  if (VOID.has(node.localName) && node.namespaceURI === XHTML) return open;
  const blank = ["textarea", "pre"].includes(node.localName) ? ["\n"] : []; // a parser drops the first line break in it
  return [...open, ...blank, ...inside, `</${node.localName}>`];
}
