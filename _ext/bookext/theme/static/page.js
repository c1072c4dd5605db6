/* What the page's frame can do: colours, side bars, search, copying, scrolling by keyboard. */

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const byId = (id) => document.getElementById(id);
const root = document.documentElement;
const said = JSON.parse(document.querySelector("script[data-words]").dataset.words);

/* Light, dark, or as the system says. */
const modes = matchMedia("(prefers-color-scheme: dark)").matches ? ["auto", "light", "dark"] : ["auto", "dark", "light"];
const label = () => all(".theme-switch-button").forEach((b) => b.setAttribute("aria-label", said[`page_colours_${root.dataset.mode}`]));
for (const button of all(".theme-switch-button")) {
  button.addEventListener("click", () => {
    root.dataset.mode = modes[(modes.indexOf(root.dataset.mode) + 1) % modes.length];
    try {
      localStorage.setItem("mode", root.dataset.mode);
    } catch {
      // not kept for the next page
    }
    label();
  });
}
label();

/* Dialogs close with Escape (the browser's doing) and with a click beside them. */
for (const dialog of all("dialog")) {
  dialog.addEventListener("click", (event) => {
    const box = dialog.getBoundingClientRect();
    const beside = event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
    if (beside && event.target === dialog) dialog.close();
  });
}

/* The menu of launch links closes with Escape, and when the reader turns to something else. */
for (const menu of all(".launch-links")) {
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
  });
  addEventListener("click", (event) => {
    if (!menu.contains(event.target) || event.target.closest("a")) menu.open = false;
  });
}

/* On a narrow screen a side bar's content moves into a dialog while it is open. */
function drawer(button, dialog, bar) {
  if (!button || !dialog || !bar) return;
  const move = (from, to) => {
    to.append(...from.childNodes);
    to.className = from.className;
    from.className = "";
  };
  button.addEventListener("click", () => {
    if (button.matches(".primary-toggle") && matchMedia("(min-width: 992px)").matches) {
      bar.classList.toggle("pst-sidebar-hidden");
      return;
    }
    move(bar, dialog);
    dialog.showModal();
  });
  dialog.addEventListener("close", () => {
    move(dialog, bar);
    button.focus({ preventScroll: true }); // the link that was followed has scrolled the page
  });
  dialog.addEventListener("click", (event) => event.target.closest("a[href]") && dialog.close());
}
drawer(document.querySelector(".primary-toggle"), byId("pst-primary-sidebar-modal"), byId("pst-primary-sidebar"));
drawer(document.querySelector(".secondary-toggle"), byId("pst-secondary-sidebar-modal"), byId("pst-secondary-sidebar"));

/* Search: the button or Ctrl+K opens the field; Enter goes to the search page. */
const search = byId("pst-search-dialog");
const find = () => {
  const field = document.querySelector(".bd-search-container input") ?? search?.querySelector("input");
  if (search && search.contains(field) && !search.open) search.showModal();
  field?.focus();
  field?.select();
};
all(".search-button__button").forEach((button) => button.addEventListener("click", find));
addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey) {
    event.preventDefault();
    find();
  }
});
if (document.querySelector(".bd-search-container")) find();

/* A copy button on every block of code that was typed, not printed. */
for (const pre of all("div.highlight > pre")) {
  if (pre.closest(".cell_output") || !navigator.clipboard) continue;
  const button = Object.assign(document.createElement("button"), { type: "button", className: "copy-button", title: said.page_copy });
  button.setAttribute("aria-label", said.page_copy_code);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(pre.textContent.trimEnd());
    button.classList.add("copied");
    button.setAttribute("aria-label", said.page_copied);
    setTimeout(() => {
      button.classList.remove("copied");
      button.setAttribute("aria-label", said.page_copy_code);
    }, 1500);
  });
  pre.parentElement.append(button);
}

/* What scrolls inside itself can be reached and scrolled with the keyboard. */
const scrollers = {
  ".math-scroll": said.page_equation,
  pre: said.page_code,
  ".cell_output": said.page_output,
  ".pst-scrollable-table-container": said.page_table,
};
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const scrolls = target.scrollWidth > target.clientWidth + 1 || target.scrollHeight > target.clientHeight + 1;
    const reachable = scrolls && getComputedStyle(target).overflowX !== "visible";
    const kind = Object.keys(scrollers).find((selector) => target.matches(selector));
    for (const [name, value] of [["tabindex", "0"], ["role", "group"], ["aria-label", scrollers[kind]]]) {
      if (reachable) target.setAttribute(name, value);
      else target.removeAttribute(name);
    }
  }
});
all(Object.keys(scrollers).join()).forEach((node) => sizes.observe(node));

/* The section being read is marked in the page's contents. */
const sectionOf = (a) => {
  const name = a.hash.slice(1);
  try {
    return byId(decodeURIComponent(name));
  } catch {
    return byId(name); // a % that begins no character
  }
};
const entries = new Map(all("#pst-page-toc-nav a[href^='#']").map((a) => [sectionOf(a), a]));
const inSight = new Set();
const seen = new IntersectionObserver(
  (changes) => {
    for (const { target, isIntersecting } of changes) inSight[isIntersecting ? "add" : "delete"](target);
    const current = [...entries.keys()].filter((section) => inSight.has(section)).pop();
    for (const [section, a] of entries) {
      a.classList.toggle("active", section === current);
      if (section === current) a.setAttribute("aria-current", "true");
      else a.removeAttribute("aria-current");
    }
  },
  { rootMargin: "-60px 0px -70% 0px" },
);
for (const section of entries.keys()) if (section) seen.observe(section);
new IntersectionObserver(([mark]) => document.body.classList.toggle("scrolled", mark.boundingClientRect.y < 0)).observe(
  document.querySelector(".sbt-scroll-pixel-helper") ?? document.body,
);

/* On paper colours are light, pictures that wait to be scrolled to are there, and the answers of the exercises are open. */
addEventListener("beforeprint", () => {
  root.dataset.theme = "light";
  for (const image of document.images) image.loading = "eager";
  for (const fold of all("details:not([open])")) Object.assign(fold, { open: true }).dataset.openedToPrint = "";
});
addEventListener("afterprint", () => {
  root.dataset.mode += ""; // mode.js paints anew
  for (const fold of all("[data-opened-to-print]")) {
    fold.open = false;
    delete fold.dataset.openedToPrint;
  }
});

/* Visited pages are kept for reading without a network (sw.js): after all else, and not for who asks to save data. */
addEventListener("load", async () => {
  if (navigator.connection?.saveData) return;
  try {
    // the one address that the page's policy trusts as a script's
    const worker = new URL("sw.js", new URL(root.dataset.content_root, location)).href;
    const policy = window.trustedTypes?.createPolicy("book-worker", { createScriptURL: () => worker });
    await navigator.serviceWorker.register(policy?.createScriptURL("") ?? worker);
  } catch {
    // no secure address, or a browser that keeps nothing
  }
});
