"""What a page must not let anybody do, and texts that try."""

INTRUDERS = {
    "an inline script": """() => {
      const script = document.createElement("script");
      script.textContent = "window.intruded = true";
      document.body.append(script);
    }""",
    "a handler": """() => {
      const holder = document.createElement("div");
      holder.innerHTML = '<img src="data:image/png;base64,zz" onerror="window.intruded = true">';
      document.body.append(holder);
    }""",
    "a data: script": """() => {
      const script = document.createElement("script");
      script.src = "data:text/javascript,window.intruded=true";
      document.body.append(script);
    }""",
    "a blob: module": """() => {
      const module = new Blob(["window.intruded = true"], { type: "text/javascript" });
      import(URL.createObjectURL(module)).catch(() => {});
    }""",
    "another base address": """() => {
      document.head.prepend(Object.assign(document.createElement("base"), { href: "https://example.org/" }));
      window.intruded = document.baseURI.startsWith("https://example.org");
    }""",
    "a request to another host": """() => {
      fetch("https://example.org/").then(() => (window.intruded = true)).catch(() => {});
    }""",
    "a picture from another host": """() => void (new Image().src = "https://example.org/a.png")""",
    "a frame": """() => {
      document.body.append(Object.assign(document.createElement("iframe"), { src: "https://example.org/" }));
    }""",
    "a style sheet": """() => {
      const style = document.createElement("style");
      style.textContent = "body { display: none }";
      document.body.append(style);
      window.intruded = getComputedStyle(document.body).display === "none";
    }""",
}

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "</textarea></script><script>alert(1)</script>",
    "<!--<b>]]>&lt;b&gt;",
    "javascript:alert(1)",
    "{n}{known}{constructor}$&$'$`$1",
    "${alert(1)}`'\"\\u003c\\",
    "__proto__ constructor",
    "%E0%A4%A%00%3Cb%3E",
    "nul\0bel\x07esc\x1bdel\x7f",
    "\ud83d half \udc00 a pair",
    "\u202eright to left\u2066 \u05d0\u0627\u202c",
    "\u2028\u2029\u0085\ufeff\u00ad\u200b\ufffe",
    "e" + "\u0301" * 60,
    "👩🏽‍🚀👨‍👩‍👧‍👦🏳️‍🌈" * 22,
    "你好，李焕英！夏洛特烦恼。𠮷野家",
    " \t ",
    "<b>x</b>" * 10_000,
]

# Elements by name, and attributes that could run something, of all that a figure shows.
MARKUP = """view => {
  const nodes = [view, ...view.querySelectorAll("*")];
  const names = new Set(nodes.map((node) => node.nodeName.toLowerCase()));
  const active = nodes.flatMap((node) => [...node.attributes])
    .filter(({ name, value }) => /^(on|srcdoc$|formaction$)/i.test(name) || /^\\s*(javascript|data:text)/i.test(value));
  return [[...names].sort(), active.map(({ name, value }) => `${name}="${value}"`)];
}"""

# As if it had been pasted: `fill` would refuse what is no number, and could not write half a surrogate pair.
PASTE = """async (control, units) => {
  control.focus();
  control.value = units.map((unit) => String.fromCharCode(unit)).join("");
  control.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertFromPaste" }));
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
}"""
TYPED = "input:is([type=text], [type=number], [type=search], :not([type])), textarea:not([readonly]), [contenteditable]"


def code_units(text):
    raw = text.encode("utf-16-le", "surrogatepass")
    return [int.from_bytes(raw[i : i + 2], "little") for i in range(0, len(raw), 2)]


def kind_of(figure):
    return figure.lower()


# Figures whose state is a link; share.js asks no figure to have one.
