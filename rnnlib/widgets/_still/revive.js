// In a page that nbconvert made, which holds the states of all figures: draw them from these, without a kernel and without
// another host. In a notebook the document has been there long before; nothing happens. The first figure's script does it
// for all, and before a widget manager looks for them.
document.addEventListener("DOMContentLoaded", () => {
  const [VIEW, STATE] = ["view", "state"].map((what) => `script[type="application/vnd.jupyter.widget-${what}+json"]`);
  const models = JSON.parse(document.querySelector(STATE)?.textContent ?? "{}").state ?? {};

  /** A model as a view of ours asks for it. */
  function modelOf({ state, buffers = [] }) {
    const heard = [];
    for (const { path, data } of buffers) {
      state[path[0]] = new DataView(Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0)).buffer);
    }
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

  for (const view of document.querySelectorAll(VIEW)) {
    const entry = models[JSON.parse(view.textContent).model_id];
    if (!entry?.state._anywidget_id?.startsWith("rnnlib.widgets.")) continue;
    const el = document.createElement("div");
    const style = document.createElement("style");
    style.textContent = entry.state._css;
    document.head.append(style);
    view.replaceWith(el);
    entry.model ??= modelOf(entry);
    entry.module ??= import(URL.createObjectURL(new Blob([entry.state._esm], { type: "text/javascript" })));
    entry.module.then(({ default: figure }) => figure.render({ model: entry.model, el })).catch((error) => {
      el.remove(); // its picture is shown
      console.error(error);
    });
  }
});
