"""The first state of a figure, as HTML: safe whatever stands in it, and the same as what the live view shows."""

import base64
import io
import json
import re
import subprocess
import sys
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

import pytest
from audit import pages
from browsing import PATIENCE, STARTED, painted

VOID = {"br", "hr", "img", "input"}


class Tree(HTMLParser):
    """The elements that a parser finds, with their attributes and the text inside them."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.text = [], [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def draw(load_ext):
    """draw(body of render) -> HTML; `model` has the traits given."""

    def run(body, module="export default {{ render({{ model, el }}) {{ {} }} }};", **traits):
        models = {"one": {"model_name": "AnyModel", "state": traits, "esm": "module.js"}}
        state = json.dumps({"words": {}, "state": models})
        modules = {"module.js": module.format(body)}
        return load_ext("bookext.figures.prerender").first_state(state, modules, "en", view_id="one", name="any")

    return run


HOSTILE = [
    "</div><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</textarea></title></style><!-- --> <![CDATA[ ]]>",
    "&lt;b&gt; &amp;amp; &#60;",
    "a\nb\tc\u2028d\u00a0e",
    "</svg></math><p>",
    "{canvas:0} url(data:,0) $& $1",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_reader_becomes_markup(draw, text):
    html = draw(
        """
        const text = model.get("text");
        const put = (tag, set) => { const node = document.createElement(tag); set(node); el.append(node); };
        put("div", (node) => { node.textContent = text; });
        put("textarea", (node) => { node.value = text; });
        put("input", (node) => { node.value = text; node.setAttribute("aria-label", text); node.title = text; });
        put("p", (node) => { node.className = text; node.dataset.text = text; node.style.color = text; });
        el.append(text);
        """,
        text=text,
    )
    tree = Tree(html)
    assert [tag for tag, _ in tree.elements] == ["div", "textarea", "input", "p"] and not tree.open
    attributes = [attrs for _, attrs in tree.elements]
    assert attributes[2] == {"value": text, "aria-label": text, "title": text}
    assert (attributes[3]["class"], attributes[3]["data-text"]) == (text, text)
    assert set(attributes[3]) <= {"class", "data-text", "style"}
    assert ";" not in attributes[3].get("style", "")
    assert tree.text == f"{text}\n{text}{text}", "a parser drops the line break after <textarea>"


def test_text_that_cannot_be_written_down_as_it_is(draw):
    assert draw('el.append(model.get("text"));', text="a\0b\rc\ud800d") == "a\ufffdb&#13;c\ufffdd"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("el.innerHTML = '<b>x</b>';", "innerHTML"),
        ("el.append(document.createElement('script'));", "<script> cannot be written"),
        ("el.append(document.createElementNS('http://www.w3.org/2000/svg', 'style'));", "<style> cannot be written"),
        ("el.append(document.createElement('b><i'));", "no name of an element"),
        ("el.setAttribute('onclick', 'alert(1)');", "event handler"),
        ("el.setAttribute('a=\"b', '');", "no name of an attribute"),
        ("el.append(document.createElement('p')); el.querySelector('p:nth-child(2)');", "no selector of ours"),
        ("throw new RangeError('too far');", "RangeError: too far"),
        ("return new Promise(() => {});", "not finished"),
        ("queueMicrotask(() => { throw new Error('later'); });", "Error: later"),
        ("el.whirl();", "el.whirl is not a function"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_says_why(draw, load_ext, body, problem):
    with pytest.raises(load_ext("bookext.figures.prerender").CannotDraw, match=re.escape(problem)):
        draw(body)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("while (true);", "not finished after 1 seconds"),
        ("(async () => { for (;;) await 0; })();", "not finished after 1 seconds"),
        ("const all = []; while (true) all.push(new Array(1000).fill(1.5));", "more than 256 MiB of memory"),
        ("const all = []; while (true) all.push(new Uint8Array(1e8));", "memory|allocation failed"),
        ("const text = ['x']; while (true) text[0] += text[0];", "Invalid string length"),
        ("const deeper = () => deeper() + 1; deeper();", "Maximum call stack"),
    ],
)  # fmt: skip
# mini-racer: a script that was cancelled still answers, when its engine is closed
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_figure_that_never_ends_or_fills_the_memory_is_given_up(draw, load_ext, monkeypatch, body, problem):
    prerender = load_ext("bookext.figures.prerender")
    monkeypatch.setattr(prerender, "SECONDS", 1 if "1 seconds" in problem else 600)
    monkeypatch.setattr(prerender, "MEMORY", 256 << 20)
    with pytest.raises(prerender.CannotDraw, match=problem):
        draw(body)
    monkeypatch.undo()
    assert draw("el.append('the next figure');") == "the next figure"


@pytest.mark.parametrize(
    "module",
    [
        "export default {{ render({{ model, el }}) {{ {} }} }};",
        "export default () => ({{ render({{ model, el }}) {{ {} }} }});",
        "export default async function () {{ return {{ render({{ model, el }}) {{ {} }} }}; }}",
        "export function render({{ model, el }}) {{ {} }}",
        "export const render = async ({{ model, el }}) => {{ await null; {} }};",
    ],
)
def test_every_form_of_a_module_is_run(draw, module):
    assert draw('el.textContent = model.get("text");', module=module, text="here") == "here"


def test_controls_keep_what_they_show(draw):
    html = draw(
        """
        const make = (tag, values, ...children) => {
          const node = Object.assign(document.createElement(tag), values);
          node.append(...children);
          return node;
        };
        const select = make("select", {}, make("option", { value: "a" }, "A"), make("option", { value: "b" }, "B"));
        select.value = "b";
        const radio = make("input", { type: "radio", name: "group", checked: true });
        el.append(select, radio, make("textarea", { value: "\\nline" }));
        el.append(make("button", { disabled: false, hidden: true }, "no"));
        """
    )
    assert html == (
        '<select><option value="a">A</option><option value="b" selected>B</option></select>'
        '<input type="radio" checked><textarea>\n\nline</textarea><button hidden>no</button>'
    )


def test_the_page_chooses_between_light_and_dark(draw):
    html = draw(
        """
        const dark = getComputedStyle(el).getPropertyValue("--rnn-dark") === "1";
        const node = document.createElement("i");
        node.style.backgroundColor = dark ? "rgb(10,20,30)" : "rgb(1, 2, 3)";
        node.style.color = dark ? "#fff" : "#000";
        node.style.borderColor = "#abc";
        el.append(node);
        """
    )
    assert html == (
        '<i style="background-color:light-dark(#010203,#0a141e);color:light-dark(#000,#fff);border-color:#abc"></i>'
    )


def test_a_canvas_is_a_picture_of_its_pixels(draw):
    from PIL import Image

    html = draw(
        """
        const canvas = Object.assign(document.createElement("canvas"), { width: 2, height: 1 });
        const image = new ImageData(2, 1);
        image.data.set([9, 8, 7, 255]);
        canvas.getContext("2d").putImageData(image, 0, 0);
        const large = Object.assign(document.createElement("canvas"), { width: 4, height: 2 });
        const context = large.getContext("2d");
        context.setTransform(2, 0, 0, 2, 0, 0);
        context.drawImage(canvas, 0, 0, 1, 1, 1, 0, 1, 1);
        el.append(canvas, large, document.createElement("canvas"));
        """
    )
    pictures = [
        Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA") for data in re.findall(r"base64,([^)]+)", html)
    ]
    assert [picture.size for picture in pictures] == [(2, 1), (4, 2)]
    ink, hole = (9, 8, 7, 255), (0, 0, 0, 0)
    rows = [[picture.getpixel((x, 0)) for x in range(picture.width)] for picture in pictures]
    assert rows[0] == [ink, hole] and rows[1][2:] == [ink, ink] and rows[1][0][3] == 0


def test_a_widget_that_cannot_be_drawn_is_a_warning(load_ext, caplog):
    """A build with -W stops at it."""
    from types import SimpleNamespace

    host = load_ext("bookext.figures.collect")
    state = json.dumps({"words": {}, "state": {}})
    page = SimpleNamespace(config=SimpleNamespace(language="en"))
    with caplog.at_level("WARNING"):
        body = host.with_first_states(page, "a/page", "<p><!-- first state of gone broken --></p>", state, {})
    assert body == "<p></p>"
    [record] = caplog.records
    assert "broken cannot draw its first state" in record.getMessage() and record.location == "a/page"


def test_a_build_comes_to_its_end(load_ext):
    """V8 that is left open can keep the interpreter from ending."""
    code = "from bookext.figures import prerender; prerender.engine().eval('1')"
    folder = Path(load_ext("bookext").__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], cwd=folder, timeout=PATIENCE, check=True)


# On the page

HEIGHTS = "() => [...document.querySelectorAll('.rnn-widget')].map((view) => view.getBoundingClientRect().height)"

# The text that can be seen of each view, and where; what is scrolled out of sight cannot.
SEEN = """() => [...document.querySelectorAll(".rnn-widget")].map((view) => {
  const { left, top } = view.getBoundingClientRect();
  const inSight = (box, node) => {
    if (!node || node === view) return true;
    const { left, right, top, bottom } = node.getBoundingClientRect();
    // by its middle: the edges of letters lie anywhere, and a hair would decide
    const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
    const inside = x >= left - 0.25 && x <= right + 0.25 && y >= top - 0.25 && y <= bottom + 0.25;
    return (inside || getComputedStyle(node).overflowX === "visible") && inSight(box, node.parentElement);
  };
  const seen = [];
  const shown = view.querySelector(".rnn-widget-first, .rnn-widget-live") ?? view;
  shown.normalize(); // as a parser does
  const walker = document.createTreeWalker(shown, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    // pictures that fit the page's width are stretched at first, and labels at their axes others
    if (!node.data.trim() || !box.width || node.parentElement.closest(".rnn-graph, .rnn-plot")) continue;
    if (inSight(box, node.parentElement)) seen.push([node.data.trim(), box.left - left, box.top - top]);
  }
  return { name: view.classList[1] ?? "", seen };
})"""
# Fonts are asked for once the style sheet is there and text needs them; "ready" comes before that as well.
FONTS = """async () => {
  for (const link of document.querySelectorAll("link[rel=stylesheet]")) {
    if (!link.sheet) await new Promise((done) => (link.onload = link.onerror = done));
  }
  await document.fonts.load("16px 'Book Math'");
  await document.fonts.ready;
  return true;
}"""
# Rounding errors are not the same in each engine; they are shown as such.
NOISE = re.compile(r"\d(\.\d)?e−(0?[89]|1\d)( at \[\d+(,\s\d+)?\])?")


def widget_pages(folder):
    """The pages with figures. The front is the first chapter again, with the very bytes, and left out."""
    texts = {path: (folder / path).read_text(encoding="utf-8") for path in pages(folder) if path != "index.html"}
    return [path for path, text in texts.items() if 'class="rnn-widget-first"' in text]


@pytest.fixture
def held(browser, serving):
    """held(folder, path, width) -> (page, release): a page whose host does not come before release() is called.

    `slower` is how many times as slow the page's scripts are until then.
    """
    contexts = []

    def go(folder, path, width, watch="", slower=1):
        # a figure that plays by itself would soon show something else
        context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce")
        contexts.append(context)
        context.add_init_script(watch)
        page, waiting = context.new_page(), []
        processor = context.new_cdp_session(page)
        processor.send("Emulation.setCPUThrottlingRate", {"rate": slower})
        page.route("**/host.js*", lambda route: waiting.append(route))
        page.goto(f"{serving(folder)}/{path}", wait_until="domcontentloaded")
        page.evaluate(FONTS)

        def release():
            for route in waiting:
                route.continue_()
            page.wait_for_function(STARTED)
            painted(page)
            processor.send("Emulation.setCPUThrottlingRate", {"rate": 1})

        return page, release

    yield go
    for context in contexts:
        context.close()


def started(page, path):
    """The views' places among those of the page, without those that are broken on purpose."""
    alive = page.eval_on_selector_all(".rnn-widget", "views => views.map((v) => v.dataset.state === 'live')")
    assert all(alive) or "broken" in path
    return [i for i, each in enumerate(alive) if each and "broken" not in path]


def at_rest(page, look):
    """look() once it gives the same twice, ten frames apart: figures hear of their sizes late, and side bars glide."""
    last = look()
    for _ in range(200):
        painted(page, 10)
        last, before = look(), last
        if last == before:
            return last
    raise AssertionError("the page never came to rest")


# Its value is asked for at the end; shifts that a reader has caused do not count.
WATCH_SHIFTS = """window.jumped = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.jumped += entry.value;
}).observe({ type: "layout-shift", buffered: true });"""

HEIGHT = "() => [document.documentElement.scrollHeight, window.jumped]"


# Every figure is compared at both widths in the small book, once on a slow machine; the whole book takes long, and is
# compared once. test_every_page_is_in_order asks of the book at both widths whether anything jumps.
@pytest.mark.parametrize(("name", "width", "slower"), [("book", 360, 1), ("specimen", 1280, 4), ("specimen", 360, 1)])
def test_a_page_shows_its_figures_before_any_script_of_theirs_and_nothing_jumps(request, held, name, width, slower):
    folder, shown, shifts = request.getfixturevalue(name), 0, {}
    for path in widget_pages(folder):
        page, release = held(folder, path, width, watch=WATCH_SHIFTS, slower=slower)
        at_rest(page, partial(page.evaluate, HEIGHT))
        first = page.evaluate(SEEN)
        release()
        live = at_rest(page, lambda page=page: page.evaluate(SEEN))
        if "broken" not in path:  # where pictures come back
            shifts[path] = page.evaluate("() => window.jumped")
        for i in started(page, path):
            before, after = (views[i]["seen"] for views in (first, live))
            texts = [[NOISE.sub("tiny", text) for text, *_ in seen] for seen in (before, after)]
            assert texts[0] == texts[1], (path, live[i]["name"])
            for (text, *place), (_, *kept) in zip(after, before, strict=True):
                assert place == pytest.approx(kept, abs=1), (path, text)  # a page scrolls by whole pixels
            shown += len(before)
        page.context.close()
    assert shown > 100
    assert shifts and max(shifts.values()) < 0.01, shifts


def test_a_figure_takes_the_place_that_was_kept_for_it_at_any_width(specimen, held):
    """The small book has every figure; the states of the whole book keep their places by the test above."""
    widths = (1280, 1230, 1000, 768, 690, 560, 360)
    for path in widget_pages(specimen):
        page, release = held(specimen, path, widths[0])

        def heights(page=page):
            found = []
            for width in widths:
                page.set_viewport_size({"width": width, "height": 900})
                found.append(at_rest(page, lambda: page.evaluate(HEIGHTS)))
            return found

        kept = heights()
        release()
        places = started(page, path)
        for width, before, after in zip(widths, kept, heights(), strict=True):
            assert [after[i] for i in places] == pytest.approx([before[i] for i in places], abs=0.5), (path, width)
        page.context.close()


def test_what_is_shown_at_first_is_out_of_reach_and_has_a_name(specimen, held):
    page, release = held(specimen, "pages/stepper.html", 1280)
    first = page.locator(".rnn-widget-first").first
    assert first.is_visible()
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    told = [(node["role"]["value"], node["name"]["value"]) for node in tree if not node["ignored"]]
    assert ("image", first.get_attribute("aria-label")) in told
    assert "slider" not in dict(told), "a control that does nothing"
    slider = first.locator("input[type=range]").first
    assert slider.evaluate("node => { node.focus(); return document.activeElement === node; }") is False
    release()
    assert page.locator(".rnn-widget-first").count() == 0
    assert page.get_by_role("slider", name="linked step").is_enabled()


def test_without_scripts_no_dead_control_is_shown(specimen, visit):
    page, _ = visit(specimen, "pages/stepper.html", java_script_enabled=False)
    assert not page.locator(".rnn-widget-first").first.is_visible()
