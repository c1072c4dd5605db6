"""What helps a reader on a page: symbols that say what they mean, equations that can be copied and heard."""

import json
import re
from itertools import pairwise

import pytest
import yaml
from audit import violations
from books import ROOT


@pytest.fixture(scope="module")
def find(load_ext):
    """find(latex, page) -> the ids that are named in the equation, in order."""
    load_ext("bookext.maths.mathml")
    from sphinx.config import Config

    config = Config({}, {})
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["sphinx"]["config"]
    for name in ("mathml_macros", "notation_page"):
        config.add(name, settings[name], "env", ())

    def names(latex, page="chapters/bptt"):
        tree = load_ext("bookext.maths.mathml").typeset(config, page, latex, False)
        return [e.get("data-symbol") for e in tree.iter() if e.get("data-symbol")]

    return names


@pytest.mark.parametrize(
    ("latex", "symbols"),
    [
        ("h_t", ["h"]),
        ("h_{t-1}", ["h"]),
        ("h_3^2", ["h"]),
        ("h_0", ["h0"]),
        (r"\hat{y}_t - y_t", ["yhat", "y"]),
        (r"W_{hh}^\top", ["Whh", "transpose"]),
        ("dh_t", ["d h"]),
        (r"do_t W_{hy}^\top", ["d o", "Why", "transpose"]),
        (r"\frac{\dplus h_t}{\partial w}", ["dplus", "h", "partial", "w_scalar"]),
        (r"W_{hh}^{(s)}", ["copy"]),
        (r"\frac{d}{ds}", []),
        ("q_i", []),
        (r"\text{if } x", ["x"]),
    ],
)
def test_symbols_are_found_with_any_index_of_a_step(find, latex, symbols):
    assert find(latex) == symbols


def test_a_letter_means_what_its_chapter_says(find):
    assert find("V") == ["V"]
    assert find("V", "chapters/matrices") == ["V_mat"]
    assert find(r"a^{\langle t \rangle}", "chapters/cells") == ["a_cell"]
    assert find("a_t", "chapters/cells") == ["a"]
    assert find("s", "chapters/checking") == ["s_nudge"] and find("s") == []


def test_every_symbol_has_words_and_a_place_of_its_own(load_ext):
    table = load_ext("bookext.maths.symbols")
    entries = [entry for group in table.groups().values() for entry in group]
    assert len({table.target(entry["id"]) for entry in entries}) == len(entries) > 60
    for entry in entries:
        assert entry["meaning"]["en"] and not entry["meaning"]["en"].endswith("."), entry["id"]


def test_every_symbol_of_the_table_stands_in_the_book(book):
    html = (book / "chapters/notation.html").read_text(encoding="utf-8")
    rows = re.findall(r'<tr [^>]*id="symbol-([\w-]+)">(.*?)</tr>', html, re.S)
    assert len(rows) > 60
    assert not [name for name, row in rows if "reference internal" not in row]


def test_a_symbol_in_a_sentence_is_a_link_without_scripts(specimen, visit):
    page, _ = visit(specimen, "pages/equations.html", java_script_enabled=False)
    link = page.locator("p", has_text="Punctuation").locator("a.symbol").first
    assert link.get_attribute("title").startswith("the input at a step")
    link.click()
    assert page.url.endswith("chapters/notation.html#symbol-x")
    assert page.locator("tr:target annotation").text_content() == "x_t"


def test_the_tab_key_stops_once_at_each_symbol_of_a_page(specimen):
    html = (specimen / "pages/equations.html").read_text(encoding="utf-8")
    links = re.findall(r'<a class="symbol" href="[^"]*#symbol-x"[^>]*>', html)
    assert len(links) > 1
    assert ["tabindex" in link for link in links] == [False] + [True] * (len(links) - 1)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pointing_at_a_symbol_tells_its_meaning_and_escape_hides_it(specimen, visit, theme):
    page, watch = visit(specimen, "pages/equations.html", theme=theme, before=lambda page: page.clock.install())
    symbol, tip = page.locator(".math-block [data-symbol='d h']").first, page.get_by_role("tooltip")
    symbol.hover()
    tip.wait_for()
    assert "the gradient of the loss with respect to this: the hidden state after a step" in tip.inner_text()
    assert tip.locator("a").get_attribute("href").endswith("/chapters/notation.html#symbol-d")
    assert violations(page) == []
    tip.hover()
    page.clock.fast_forward(1000)  # longer than a tip stays once the pointer has left
    assert tip.is_visible(), "the pointer may move onto the tip"
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    symbol.click()
    page.wait_for_url("**/chapters/notation.html#symbol-d")
    assert not watch.complaints


def test_a_finger_is_told_the_meaning_before_it_goes_anywhere(specimen, visit):
    page, _ = visit(specimen, "pages/equations.html", width=360, has_touch=True)
    page.locator("p", has_text="Punctuation").locator("a.symbol").first.tap()
    tip = page.get_by_role("tooltip")
    tip.wait_for()
    box = tip.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 360
    assert page.url.endswith("pages/equations.html")
    tip.locator("a").tap()
    page.wait_for_url("**/chapters/notation.html#symbol-x")


def test_an_equation_s_button_copies_it_and_names_its_symbols(specimen, visit):
    page, _ = visit(specimen, "pages/equations.html", permissions=["clipboard-read", "clipboard-write"])
    block = page.locator(".math-block", has_text="(3)")
    page.locator("body").press("Tab")
    block.locator("button").focus()
    tip = page.get_by_role("tooltip")
    tip.wait_for()
    assert "the elementwise product" in tip.inner_text()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.textContent === 'Copied'")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(r"da_t = dh_t \odot (1 - h_t^2)")


def test_a_copied_selection_holds_the_latex_of_its_equations(specimen, visit):
    page, _ = visit(specimen, "pages/equations.html", permissions=["clipboard-read", "clipboard-write"])
    page.evaluate(
        """() => {
          const from = document.querySelector("article p math mo"); // from inside the first equation
          const to = document.querySelector(".math-block math mi"); // into the first displayed one
          getSelection().setBaseAndExtent(from.firstChild, 0, to.firstChild, 1);
        }"""
    )
    page.keyboard.press("Control+c")
    text = page.evaluate("navigator.clipboard.readText()")
    assert text.startswith(r"$h_t = \tanh(a_t)$, $\hat{y}_t = \softmax(o_t)$, $W_{hh}")
    assert "\n$$\n\\frac{\\partial L}{\\partial W_{hh}} = \\sum" in text and "\n$$" in text
    assert "Copy LaTeX" not in text and "#" not in text and "𝑡" not in text
    assert page.locator(".being-copied").count() == 0


def test_equations_are_heard_once(specimen, visit):
    page, _ = visit(specimen, "pages/equations.html")
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    shown = [node for node in nodes if not node.get("ignored")]
    roles = {node["role"]["value"] for node in shown}
    assert {"MathMLFraction", "MathMLSub", "MathMLIdentifier"} <= roles
    assert not [n for n in shown if "\\" in str(n.get("name", {}).get("value", ""))], "the LaTeX is for copying only"


def test_the_words_of_the_tips_come_when_they_are_asked_for(specimen, visit):
    page, _ = visit(specimen, "pages/equations.html")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator(".math-block [data-symbol]").first.hover()
    page.get_by_role("tooltip").wait_for()
    assert [url.rpartition("/")[2].partition("?")[0] for url in asked] == ["symbols.json"]
    assert json.loads((specimen / "_static/symbols.json").read_text(encoding="utf-8"))["symbols"]["h"]


# Glossary, index, bibliography


def test_the_index_names_the_pages_that_use_a_term(specimen, visit):
    page, _ = visit(specimen, "genindex.html")
    assert page.locator("h1").inner_text() == "Index"
    links = page.locator("dt", has_text="hidden state").locator("+ dd").locator("a")
    assert links.all_inner_texts() == ["Plain notebook", "Glossary"]
    links.first.click()
    page.wait_for_url("**/pages/plain.html#term-0")
    assert page.locator("p:has(#term-0)").inner_text().startswith("The hidden states meet")


def test_a_term_leads_to_its_words(specimen, visit):
    page, _ = visit(specimen, "pages/plain.html")
    page.get_by_role("link", name="hidden states").click()
    assert page.locator("dt:target").inner_text().startswith("hidden state")


def test_every_chapter_leads_to_the_glossary_once_for_each_term(book):
    for path in book.glob("chapters/*.html"):
        terms = re.findall(r'href="glossary.html#(term-[\w-]+)"', path.read_text(encoding="utf-8"))
        assert len(terms) == len(set(terms)), path.name
        if path.stem not in ("glossary", "notation", "references"):
            assert len(terms) > 8, path.name


def test_every_entry_of_the_bibliography_says_when_it_was_or_where_it_is(book):
    html = (book / "chapters/references.html").read_text(encoding="utf-8")
    entries = re.findall(r'<div class="citation".*?</div>', html, re.S)
    keys = re.findall(r"^@\w+\{", (ROOT / "chapters/references.bib").read_text(encoding="utf-8"), re.M)
    assert len(entries) == len(keys)
    for entry in entries:
        assert re.search(r"\b(19|20)\d\d\b", entry) or "reference external" in entry, entry


# The frame


def test_a_wrong_address_gets_a_page_that_stands_by_itself(specimen, serving, browser):
    html = (specimen / "404.html").read_text(encoding="utf-8")
    page, refused = browser.new_page(), []
    page.on("console", lambda message: refused.append(message.text))
    for address, link in (("no-such-page.html", 0), ("chapters/no-such-page.html", 1)):
        page.route(f"**/{address}", lambda route: route.fulfill(body=html, content_type="text/html"))  # as a host does
        page.goto(f"{serving(specimen)}/{address}")
        assert page.locator("h1").inner_text() == "Page not found"
        for theme in ("dark", "light"):
            page.emulate_media(color_scheme=theme)
            assert violations(page) == []
        page.locator("a").nth(link).click()
        assert page.locator("h1").inner_text().startswith("Specimen")
    assert not refused
    page.close()


def test_with_a_base_address_the_missing_page_leads_to_the_book(load_ext, tmp_path):
    from types import SimpleNamespace

    from jinja2 import Environment, FileSystemLoader

    templates = Environment(loader=FileSystemLoader(ROOT / "_ext" / "bookext" / "theme" / "templates"))
    render = SimpleNamespace(render=lambda name, context: templates.get_template(name).render(context))
    config = SimpleNamespace(html_baseurl="https://example.org/book", html_title="A & B", language="en")
    app = SimpleNamespace(config=config, builder=SimpleNamespace(templates=render))
    site = load_ext("bookext.postprocess.site").Site(tmp_path)
    load_ext("bookext.pages.not_found").add_page(site, app)
    html = site.text("404.html")
    assert 'href="https://example.org/book/">A &amp; B</a>' in html and 'href="../"' not in html


@pytest.mark.parametrize(
    "path", ["pages/plain.html", "pages/equations.html", "chapters/notation.html", "genindex.html"]
)
def test_text_twice_as_large_still_fits_a_phone(specimen, visit, path):
    page, _ = visit(specimen, path, width=360)
    page.evaluate("document.documentElement.style.fontSize = '32px'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("folder", ["specimen", "book"])
def test_headings_go_down_one_level_at_a_time(folder, request):
    for path in request.getfixturevalue(folder).rglob("*.html"):
        html = re.sub(r"<template.*?</template>", "", path.read_text(encoding="utf-8"), flags=re.S)
        main = html[html.index("<main") :]
        levels = [int(level) for level in re.findall(r"<h([1-6])\b", main)]
        assert levels.count(1) == 1 and levels[0] == 1, path.name
        assert all(after <= before + 1 for before, after in pairwise(levels)), path.name


def test_the_skip_link_leads_past_the_frame(specimen, visit):
    page, _ = visit(specimen, "pages/plain.html")
    page.keyboard.press("Tab")
    link = page.locator("a:focus")
    assert link.inner_text() == "Skip to main content"
    page.wait_for_function("() => document.activeElement.getBoundingClientRect().y >= 0")  # it slides in
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_nothing_moves_for_who_wants_no_motion(specimen, visit):
    page, _ = visit(specimen, "pages/plain.html", reduced_motion="reduce")
    moving = page.evaluate(
        """[document.documentElement, ...document.querySelectorAll("*")].filter((node) => {
          const { scrollBehavior, transitionDuration, animationName } = getComputedStyle(node);
          return scrollBehavior === "smooth" || animationName !== "none"
            || transitionDuration.split(",").some((time) => parseFloat(time) > 0.01);
        }).map((node) => node.outerHTML.slice(0, 80))"""
    )
    assert moving == []


def test_no_page_keeps_a_cookie(specimen, visit):
    page, _ = visit(specimen, "pages/live.html")
    assert page.context.cookies() == []


def test_figures_keep_their_wide_layout_where_the_contents_come_beside_the_page(specimen, visit):
    page, _ = visit(specimen, "pages/stepper.html", width=1200)
    figure = page.locator(".rnn-widget-forwardstepper").first
    assert figure.evaluate("view => view.getBoundingClientRect().width - 2 * 13") >= 620, (
        "its own border, see network.css"
    )
