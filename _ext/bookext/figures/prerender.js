/* A page with one widget on it, on which static/host.js starts as it does in a browser. Observers never see anything and
 * timers never ring: what a view has drawn once render() is through is its first state.
 */

const nothing = () => {};
const Idle = class {
  observe() {}
  unobserve() {}
  disconnect() {}
  takeRecords() { return []; }
};

/** What a view may ask about the address of its page: there is none yet. */
class Address {
  constructor(href) {
    this.href = String(href);
    this.hash = /#.*$/.exec(this.href)?.[0] ?? "";
  }
  toString() { return this.href; }
}
class Fields {
  constructor(fields) { this.map = new Map(typeof fields === "object" ? Object.entries(fields) : []); }
  get(name) { return this.map.get(name) ?? null; }
  getAll(name) { return this.map.has(name) ? [this.map.get(name)] : []; }
  has(name) { return this.map.has(name); }
  set(name, value) { this.map.set(name, String(value)); }
  toString() { return ""; }
}

const SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
function atob(data) {
  let [bits, held, out] = [0, 0, ""];
  for (const sign of data.replace(/[=\s]/g, "")) {
    held = ((held << 6) | SIGNS.indexOf(sign)) & 0xffff;
    bits += 6;
    if (bits >= 8) out += String.fromCharCode((held >> (bits -= 8)) & 255);
  }
  return out;
}

/** A module as a function of `exports`; only what modules of widgets have: no import, and exports at the start of a line
 * or, as in a minified module, after a statement.
 */
function moduleBody(source) {
  const names = [];
  const body = source
    .replace(/(^|[;}])[ \t]*export default\b/m, "$1;exports.default =")
    .replace(/(^|[;}])[ \t]*export (?=(?:async function|function|const|let|class)\b\*?\s*([\w$]+))/gm,
      (_, before, name) => (names.push([name]), before))
    .replace(/(^|[;}])[ \t]*export ?\{([\w$\s,]*)\}/gm, (_, before, list) => {
      for (const item of list.split(",").filter((item) => item.trim())) names.push(item.trim().split(/\s+as\s+/));
      return before;
    });
  return `"use strict";${body}\n;${names.map(([name, outside = name]) => `exports.${outside} = ${name};`).join("")}`;
}

/** Start the widget of one view; `dark` is what its style sheet would say of the page. */
function openPage({ host, state, modules, language, view: { id, name } }, dark) {
  const make = (tag, namespace = XHTML) => new (tag === "canvas" ? Canvas : Element)(tag, namespace);
  const html = make("html");
  const body = make("body");
  html.lang = language;
  html.append(make("head"), body);
  const view = make("div");
  view.className = `rnn-widget rnn-widget-${name}`;
  view.dataset.modelId = id;
  body.append(view);

  const errors = [];
  const complain = (...said) => void errors.push(said.map(String).join(" "));
  const document = Object.assign(new Fragment(), {
    documentElement: html, body, head: html.firstChild, activeElement: body, readyState: "complete", visibilityState: "visible",
    baseURI: "", hidden: false,
    createElement: (tag) => make(String(tag)),
    createElementNS: (namespace, tag) => make(String(tag), namespace),
    createTextNode: (data) => new Text(data),
    createDocumentFragment: () => new Fragment(),
    getElementById: (wanted) => html.querySelector(`#${wanted}`),
    querySelector: (selector) => document.querySelectorAll(selector)[0] ?? null,
    querySelectorAll: (selector) => (selector.startsWith("script[") ? [{ textContent: state }] : html.querySelectorAll(selector)),
  });
  const loaded = {};
  const load = async (address) => {
    const source = modules[address];
    if (source === undefined) throw new Error(`no module at ${address}`);
    if (!loaded[address]) {
      loaded[address] = {};
      run(moduleBody(source), { ...globals, exports: loaded[address] });
    }
    return loaded[address];
  };
  const globals = {
    document, load, atob, Node, Element, Text, HTMLElement: Element, DocumentFragment: Fragment,
    URL: Address, URLSearchParams: Fields, location: new Address(""), navigator: { clipboard: {}, language },
    ResizeObserver: Idle, MutationObserver: Idle, IntersectionObserver: Idle,
    MessageChannel: class { port1 = { close: nothing }; port2 = { postMessage: nothing }; },
    AbortController: class { signal = { addEventListener: nothing, aborted: false }; abort() {} },
    ImageData: class { constructor(width, height) { Object.assign(this, { width, height, data: new Uint8ClampedArray(4 * width * height) }); } },
    getComputedStyle: () => ({ getPropertyValue: (name) => (name === "--rnn-dark" ? String(Number(dark)) : "") }),
    matchMedia: () => ({ matches: false, addEventListener: nothing, removeEventListener: nothing }),
    localStorage: { getItem: () => null, setItem: nothing, removeItem: nothing },
    performance: { now: () => 0, mark: nothing, measure: nothing },
    queueMicrotask: (act) => void Promise.resolve().then(act).catch(complain),
    setTimeout: () => 0, clearTimeout: nothing, setInterval: () => 0, clearInterval: nothing,
    requestAnimationFrame: () => 0, cancelAnimationFrame: nothing,
    addEventListener: nothing, removeEventListener: nothing,
    console: { log: nothing, info: nothing, debug: nothing, warn: complain, error: complain }, reportError: complain,
    devicePixelRatio: 1,
  };
  globals.window = globals.self = globals;
  run(`"use strict";${host.replace(/\bimport\(/g, "load(")}`, globals);
  return { view, errors };
}

function run(source, globals) {
  new Function(...Object.keys(globals), source)(...Object.values(globals));
}

let pages; // the view on a light page, and on a dark one

function begin(page) {
  pages = [false, true].map((dark) => openPage(page, dark));
}

/** The HTML of the view that `begin` has started, once all promises are kept: pieces of it, pictures as their size, colours
 * and one character for each pixel's colour. */
function finish() {
  const [light, dark] = pages;
  const errors = [...new Set(pages.flatMap((page) => page.errors))];
  if (light.view.dataset.state !== "live" && !errors.length) errors.push("it has not finished drawing");
  if (errors.length) return JSON.stringify({ errors });
  const [live, twin] = pages.map(({ view }) => view.querySelector(".rnn-widget-live"));
  const pieces = [""];
  for (const piece of live.childNodes.flatMap((node, i) => write(node, twin.childNodes[i]))) {
    if (piece.canvas) pieces.push(picture(piece.canvas), "");
    else pieces[pieces.length - 1] += piece;
  }
  return JSON.stringify({ errors, pieces });
}

function picture({ width, height, [PIXELS]: pixels }) {
  const colours = [...new Set(pixels)].sort((a, b) => a - b); // the hole, if any, is the first
  const places = new Map(colours.map((colour, i) => [colour, String.fromCharCode(i)]));
  return { width, height, colours, pixels: Array.from(pixels, (pixel) => places.get(pixel)).join("") };
}
