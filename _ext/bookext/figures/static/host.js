/* Runs a page's Jupyter widgets without a kernel.
 *
 * The page holds the models' state as JSON and a <div class="rnn-widget" data-model-id> per view. Models behave
 * like ipywidgets' (Backbone) models as far as anywidget's views can tell; what a kernel would hear is dropped.
 */

/** The words the host shows, in the page's language; they come with the models. */
let words = {};

const models = new Map();
const modelOf = (ref) => models.get(String(ref).replace(/^(IPY_MODEL_|anywidget:)/, ""));

/** A widget that cannot be shown for its state; `said` tells the reader. */
class StateError extends Error {
  constructor(message, said) {
    super(message);
    this.said = said;
  }
}

const isObject = (value) => typeof value === "object" && value !== null;

/** Deep equality, as Backbone uses it to tell whether a set() changes anything. */
function equal(a, b) {
  if (Object.is(a, b)) return true;
  if (!isObject(a) || !isObject(b)) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (ArrayBuffer.isView(a)) {
    const [x, y] = [a, b].map((v) => new Uint8Array(v.buffer, v.byteOffset, v.byteLength));
    return x.length === y.length && x.every((byte, i) => byte === y[i]);
  }
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((k) => Object.hasOwn(b, k) && equal(a[k], b[k]));
}

class Model {
  #listeners = [];
  #changing = false;
  #pending = false;

  constructor({ model_name, esm, state, buffers }) {
    if (!isObject(state)) throw new TypeError(`the state of a ${model_name} is ${JSON.stringify(state)}, expected an object`);
    Object.assign(this, { name: String(model_name), esm, attributes: state });
    for (const buffer of buffers ?? []) putBuffer(state, buffer);
  }
  get(name) {
    return this.attributes[name];
  }
  /** Each changed name fires `change:name` at once; `change` fires once, after the outermost set. */
  set(key, value, options) {
    const values = typeof key === "object" ? key : { [key]: value };
    const changed = Object.keys(values).filter((k) => !equal(this.attributes[k], values[k]));
    const outermost = !this.#changing;
    this.#changing = true;
    for (const k of changed) this.attributes[k] = values[k];
    if (changed.length) this.#pending = true;
    for (const k of changed) this.trigger(`change:${k}`, this, this.attributes[k], options);
    if (!outermost) return this;
    while (this.#pending) {
      this.#pending = false;
      this.trigger("change", this, options);
    }
    this.#changing = false;
    return this;
  }
  save_changes() {}
  send() {}
  on(names, callback, context) {
    for (const name of names.split(/\s+/)) this.#listeners.push({ name, callback, context });
  }
  off(names, callback, context) {
    const gone = names?.split(/\s+/);
    this.#listeners = this.#listeners.filter(
      (l) =>
        (gone && !gone.includes(l.name)) ||
        (callback && l.callback !== callback) ||
        (context && l.context !== context),
    );
  }
  /** One listener's mistake is reported like any other, and keeps no other listener from hearing. */
  trigger(name, ...args) {
    for (const l of [...this.#listeners]) {
      if (l.name !== name && l.name !== "all") continue;
      try {
        l.callback.apply(l.context, l.name === "all" ? [name, ...args] : args);
      } catch (error) {
        reportError(error);
      }
    }
  }
  /** The module, its definition and initialize() are one per model, whatever the number of its views. */
  start() {
    return (this.started ??= this.#start());
  }
  async #start() {
    const module = await import(new URL(this.esm, document.baseURI));
    const exported = module.default ?? { render: module.render };
    const widget = typeof exported === "function" ? await exported() : exported;
    const { signal } = new AbortController();
    const result = await widget.initialize?.({ model: facade(this, this), signal, experimental });
    return { widget, exports: typeof result === "object" ? result : undefined };
  }
}

/** Put the bytes of a buffer at its path in a state: through own properties only, so that no path leads to a prototype. */
function putBuffer(state, { path, data, encoding }) {
  let slot = state;
  for (const key of path.slice(0, -1)) slot = Object.hasOwn(slot, key) ? slot[key] : undefined;
  if (!isObject(slot) || !path.length) throw new TypeError(`no place for a buffer at ${JSON.stringify(path)}`);
  const value = decode(data, encoding);
  Object.defineProperty(slot, path.at(-1), { value, writable: true, enumerable: true, configurable: true });
}

function decode(data, encoding) {
  if (typeof data !== "string") throw new TypeError(`a buffer's data: ${JSON.stringify(data)}, expected text`);
  if (encoding === "hex" && !/^([\da-f]{2})*$/i.test(data)) throw new TypeError("a buffer that is not hexadecimal");
  const bytes =
    encoding === "hex"
      ? Uint8Array.from(data.match(/../g) ?? [], (pair) => parseInt(pair, 16))
      : Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  return new DataView(bytes.buffer);
}

/** A model as one view sees it: its off() removes that view's listeners only. */
const facade = (model, context) => ({
  get: (name) => model.get(name),
  set: (key, value, options) => void model.set(key, value, options),
  save_changes: () => {},
  send: () => {},
  on: (names, callback) => model.on(names, callback, context),
  off: (names, callback) => model.off(names, callback, context),
  widget_manager: { get_model: async (id) => modelOf(id) },
});

const experimental = { invoke: async () => Promise.reject(new Error("no kernel to invoke")) };

/** What a view may ask of other widgets on the page. */
const hostFor = (signal) => ({
  getModel: async (ref) => facade(modelOf(ref), {}),
  getWidget: async (ref) => ({
    exports: (await modelOf(ref).start()).exports,
    render: ({ el, signal: own }) => renderAnywidget(modelOf(ref), el, own ?? signal),
  }),
});

async function renderAnywidget(model, el, signal) {
  // before anything is waited for: whoever starts first can tell which of several figures it is
  el.dataset.figure = String(model.get("_anywidget_id") ?? "").split(".").at(-1);
  const { widget } = await model.start();
  const context = {};
  signal.addEventListener("abort", () => model.off(null, null, context));
  const cleanup = await widget.render?.({ model: facade(model, context), el, signal, host: hostFor(signal), experimental });
  if (typeof cleanup === "function") signal.addEventListener("abort", () => cleanup());
}

const element = (tag, className, ...children) => {
  const node = Object.assign(document.createElement(tag), className && { className });
  node.append(...children);
  return node;
};

/** Int- and FloatSlider as the browser's own range, with a name and a readout. */
function renderSlider(model, el) {
  const input = Object.assign(document.createElement("input"), { type: "range" });
  const [text, output] = [element("span"), element("output")];
  const digits = /\.(\d+)f/.exec(model.get("readout_format"))?.[1] ?? (model.name === "FloatSliderModel" ? 2 : 0);
  const draw = () => {
    for (const name of ["min", "max", "step", "disabled"]) input[name] = model.get(name) ?? "";
    input.value = model.get("value");
    text.textContent = model.get("description");
    if (!model.get("description")) input.setAttribute("aria-label", model.name.replace("Model", ""));
    output.textContent = Number(model.get("value")).toFixed(digits);
    output.hidden = model.get("readout") === false;
  };
  const event = model.get("continuous_update") === false ? "change" : "input";
  input.addEventListener(event, () => model.set("value", input.valueAsNumber));
  model.on("change", draw);
  draw();
  // the readout stands outside the label, or the control's name would change with its value
  el.append(element("div", "rnn-host-slider", element("label", "", text, input), output));
}

function renderText(model, el) {
  const line = element("div", "rnn-host-text");
  const draw = () => {
    line.textContent = String(model.get("value") ?? ""); // of HTML, the build has left the words
  };
  model.on("change", draw);
  draw();
  el.append(line);
}

/** A box with its children. Those of Tab, Accordion and Stack stand one after another too, each under its title. */
async function renderBox(model, el, signal) {
  const titles = model.get("titles");
  const box = element("div", `rnn-host-box rnn-host-${model.name.replace("Model", "").toLowerCase()}`);
  el.append(box);
  await Promise.all(
    (model.get("children") ?? []).map((ref, i) => {
      const child = element("div", "rnn-host-child");
      if (titles) box.append(element("p", "rnn-host-title", element("strong", "", titles[i] || String(i + 1))));
      box.append(child);
      return attempt(child, () => show(modelOf(ref), child, signal), words.host_failed_plain);
    }),
  );
}

const renderers = {
  IntSliderModel: renderSlider,
  FloatSliderModel: renderSlider,
  LabelModel: renderText,
  HTMLModel: renderText,
  BoxModel: renderBox,
  VBoxModel: renderBox,
  HBoxModel: renderBox,
  GridBoxModel: renderBox,
  TabModel: renderBox,
  AccordionModel: renderBox,
  StackModel: renderBox,
};

async function show(model, el, signal) {
  if (!model) throw new StateError("it has no state", words.host_missing);
  if (model.broken) throw new StateError(model.broken.message, words.host_broken);
  if (model.esm) return renderAnywidget(model, el, signal);
  if (Object.hasOwn(renderers, model.name)) return renderers[model.name](model, el, signal);
  el.append(element("p", "rnn-widget-note", words.host_kernel?.replace("{name}", () => model.name.replace("Model", "")) ?? ""));
}

/** Runs one view; a failure is told in its place and keeps nothing else from starting. */
async function attempt(el, render, message) {
  try {
    await render();
    return true;
  } catch (error) {
    el.replaceChildren(element("p", "rnn-widget-note", error.said ?? message ?? ""));
    console.warn("A widget could not start:", error);
    return false;
  }
}

/** A view is drawn out of sight and then takes the place of its first state, which the page came with; one that cannot
 * start leaves its picture, and says so. */
async function mount(view) {
  const controller = new AbortController();
  const live = view.appendChild(element("div", "rnn-widget-live"));
  const message = view.querySelector(".rnn-widget-picture") ? words.host_failed : words.host_failed_plain;
  const alive = await attempt(live, () => show(models.get(view.dataset.modelId), live, controller.signal), message);
  view.querySelector(".rnn-widget-first")?.remove();
  view.dataset.state = alive ? "live" : "failed";
  if (!alive) controller.abort();
}

/** jslink keeps two traits equal, jsdlink follows one way; the source gives the first value. */
function link({ name, attributes: { source, target } }) {
  const [[from, a], [to, b]] = [source, target].map(([ref, trait]) => [modelOf(ref), trait]);
  if (!from?.on || !to?.on) throw new Error("an end of a link has no model, or a broken one");
  const copy = () => to.set(b, from.get(a));
  from.on(`change:${a}`, copy);
  if (name === "LinkModel") to.on(`change:${b}`, () => from.set(a, to.get(b)));
  copy();
}

/** Style sheets tell a view whether the page is dark, and its size; a script that is there before them waits. */
const styled = () =>
  Promise.all(
    [...document.querySelectorAll('link[rel="stylesheet"]')].map(
      (link) => link.sheet ?? new Promise((done) => (link.onload = link.onerror = done)),
    ),
  );

/** The result of `act`; of an error, which concerns one model only, a report and what `instead` makes of it. */
function guarded(act, instead = () => undefined) {
  try {
    return act();
  } catch (error) {
    console.warn("A widget's state cannot be used:", error);
    return instead(error);
  }
}

async function start() {
  for (const block of document.querySelectorAll('script[type="application/vnd.jupyter.widget-state+json"]')) {
    const page = guarded(() => JSON.parse(block.textContent)) ?? {};
    words = page.words ?? words;
    for (const [id, entry] of Object.entries(page.state ?? {})) {
      models.set(id, guarded(() => new Model(entry), (broken) => ({ broken })));
    }
  }
  const sound = [...models.values()].filter(({ broken }) => !broken);
  for (const model of sound) if (/LinkModel$/.test(model.name)) guarded(() => link(model));
  for (const model of sound) if (model.esm) model.start().catch(() => {}); // its views report the failure
  await styled();
  document.querySelectorAll(".rnn-widget[data-model-id]").forEach(mount);
}

// an async module may come before the page is parsed; waiting for "load" would keep the reader waiting
if (document.readyState === "loading") {
  document.addEventListener("readystatechange", start, { once: true });
} else start();
