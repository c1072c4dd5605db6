// In a page that nbconvert made, which holds the states of all figures: draw them from these, without a kernel and without
// another host. In a notebook the document was loaded long before, and nothing happens. The first figure's script does it
// for all, and before a widget manager looks for them.
document.addEventListener("DOMContentLoaded", () => {
  const [VIEW, STATE] = ["view", "state"].map((what) => `script[type="application/vnd.jupyter.widget-${what}+json"]`);

  /** The result of `act`; an error concerns one figure only, whose picture is shown then. */
  function guarded(act) {
    try {
      return act();
    } catch (error) {
      console.error(error);
      return undefined;
    }
  }
  const models = guarded(() => JSON.parse(document.querySelector(STATE)?.textContent ?? "{}").state) ?? {};

  /** Put the bytes of a buffer at its path in a state: through own properties only, so that no path leads to a prototype. */
  function putBuffer(state, { path, data }) {
    if (typeof data !== "string") throw new TypeError("a buffer without data");
    let slot = state;
    for (const key of path.slice(0, -1)) slot = Object.hasOwn(slot, key) ? slot[key] : undefined;
    const value = new DataView(Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0)).buffer);
    Object.defineProperty(slot, path.at(-1), { value, writable: true, enumerable: true, configurable: true });
  }

  /** A model as a view of ours asks for it. */
  function modelOf({ state, buffers }) {
    const heard = [];
    for (const buffer of buffers ?? []) putBuffer(state, buffer);
    return {
      get: (name) => state[name],
      set(name, value) {
        if (Object.is(state[name], value)) return;
        state[name] = value;
        for (const event of [`change:${name}`, "change"]) {
          for (const [events, callback] of [...heard]) if (events.split(" ").includes(event)) callback();
        }
      },
      save_changes() {},
      on: (...listener) => void heard.push(listener),
      off(events, callback) {
        const at = heard.findIndex((listener) => listener[0] === events && listener[1] === callback);
        if (at >= 0) heard.splice(at, 1);
      },
    };
  }

  function revive(view) {
    const entry = models[JSON.parse(view.textContent).model_id];
    if (!String(entry?.state?._anywidget_id).startsWith("rnnlib.widgets.")) return;
    entry.model ??= modelOf(entry);
    entry.module ??= import(URL.createObjectURL(new Blob([entry.state._esm], { type: "text/javascript" })));
    const el = document.createElement("div");
    const style = document.createElement("style");
    style.textContent = entry.state._css;
    document.head.append(style);
    view.replaceWith(el);
    entry.module.then(({ default: figure }) => figure.render({ model: entry.model, el })).catch((error) => {
      el.remove();
      console.error(error);
    });
  }

  for (const view of document.querySelectorAll(VIEW)) guarded(() => revive(view));
});
