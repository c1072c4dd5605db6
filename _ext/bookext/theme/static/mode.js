/* Runs before the first paint: the reader's colours, and whether scripts run at all. */
(() => {
  const root = document.documentElement;
  let stored;
  try {
    stored = localStorage.getItem("mode");
  } catch {
    // a browser that keeps nothing for the page: the system's colours, then
  }
  const mode = stored === "light" || stored === "dark" ? stored : "auto";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const now = root.dataset.mode;
    root.dataset.theme = now === "auto" ? (dark.matches ? "dark" : "light") : now;
  };
  root.dataset.mode = mode;
  apply();
  dark.addEventListener("change", apply);
  new MutationObserver(apply).observe(root, { attributeFilter: ["data-mode"] });

  // while scripts run, a figure's picture waits out of sight; if the widget host cannot be had, it comes back
  root.classList.add("has-script");
  // the address may hold another state for one of them: then none is shown that nobody asked for
  if (/[#&]figure=/.test(location.hash)) root.classList.add("has-link");
  const unserved = location.protocol === "file:" ? "is-file" : "is-refused";
  addEventListener("error", ({ target }) => {
    if (target.dataset?.host !== undefined) root.classList.remove("has-script");
    // a module is refused to a page that was opened as a file, and to a sandboxed frame without the host's leave
    if (target.dataset?.words !== undefined && target.type === "module") root.classList.add(unserved);
  }, true);

  // ?figure=2 shows only the second figure of the page, to be embedded in slides or on another site
  const only = Number(new URLSearchParams(location.search).get("figure"));
  if (Number.isInteger(only) && only > 0) {
    root.classList.add("only-figure"); // nothing shows until it is there
    document.addEventListener("DOMContentLoaded", () => {
      const figure = document.querySelectorAll(".rnn-widget")[only - 1];
      if (figure) figure.classList.add("the-figure");
      else root.classList.remove("only-figure");
    });
  }
})();
