"""How a page is set: its type and measure, the code of its figures, the map of the book, its name."""

import re

import numpy as np
import pytest
import yaml
from audit import violations
from books import ROOT

from rnnlib.widgets import River

PROSE = (
    "At each step the network reads one character and mixes it with its previous state into a new state, and from the "
    "state it makes a prediction: a probability for every character that might come next in the text. "
) * 4
LINES = """(words) => {
  const p = document.querySelector(".bd-article section > p");
  p.textContent = words;
  const range = document.createRange();
  const lines = new Map();
  for (let i = 0; i < words.length; i++) {
    range.setStart(p.firstChild, i);
    range.setEnd(p.firstChild, i + 1);
    const { top } = range.getBoundingClientRect();
    lines.set(top, (lines.get(top) ?? 0) + 1);
  }
  return [...lines.values()].slice(0, -1);
}"""
TYPE = "n => { const s = getComputedStyle(n); return [s.fontSize, s.fontWeight, parseFloat(s.lineHeight)]; }"


def test_text_has_its_sizes_and_some_66_characters_to_the_line(specimen, visit):
    page, _ = visit(specimen, "pages/plain.html")
    size, weight, height = page.locator(".bd-article section > p").first.evaluate(TYPE)
    assert (size, weight) == ("17px", "400") and height == pytest.approx(28, abs=0.01)
    for kind, size in (("h1", "36px"), ("h2", "26px"), ("h3", "19px")):
        page.evaluate(
            "kind => document.querySelector('.bd-article section').append(document.createElement(kind))", kind
        )
        assert page.locator(f".bd-article {kind}").last.evaluate(TYPE)[:2] == [size, "600"]
    lines = page.evaluate(LINES, PROSE)
    assert len(lines) > 8
    assert 62 <= np.median(lines) <= 70  # 66 of the widest of the usual fonts, which the reader's system chooses


def test_a_figure_that_opens_a_page_is_on_the_first_screen_in_line_with_the_text(specimen, visit):
    page, _ = visit(specimen, "pages/stepper.html")
    assert page.locator(".rnn-widget").first.bounding_box()["y"] <= 200
    left = page.locator(".bd-article section > p").first.bounding_box()["x"]
    drawn = page.locator(".rnn-widget-live > .rnn").first
    assert drawn.evaluate("n => n.getBoundingClientRect().x + 1 + parseFloat(getComputedStyle(n).paddingLeft)") == left
    assert drawn.evaluate("n => getComputedStyle(n).borderTopColor") == "rgba(0, 0, 0, 0)"


def test_the_code_of_a_figure_folds_into_its_foot_without_a_script(specimen, visit):
    page, _ = visit(specimen, "pages/stepper.html", java_script_enabled=False)
    cell = page.locator(".cell").filter(has=page.locator(".rnn-widget")).nth(1)
    fold = cell.locator("details.figure-source")
    assert fold.locator("summary").inner_text() == "Python"
    code = fold.locator(".cell_input pre")
    assert not code.is_visible()
    assert fold.bounding_box()["y"] >= cell.locator(".rnn-widget").bounding_box()["y"]
    fold.locator("summary").focus()
    page.keyboard.press("Enter")
    assert code.is_visible() and code.inner_text().strip() == "stepper"


def test_code_that_gives_no_figure_stays_above_what_it_gives(specimen):
    html = (specimen / "pages/plain.html").read_text(encoding="utf-8")
    assert "cell_output" in html and "figure-source" not in html
    html = (specimen / "pages/stepper.html").read_text(encoding="utf-8")
    assert html.count("figure-source") == html.count("rnn-widget-first") == 3


def test_the_name_of_the_book_stands_once(specimen, visit):
    page, _ = visit(specimen, "index.html")
    brand = page.locator(".navbar-brand:visible")
    assert page.get_by_role("link", name="Specimen", exact=True).count() == 1
    assert brand.inner_text().strip() == "" and brand.get_attribute("aria-label") == "Specimen"
    page, _ = visit(specimen, "pages/plain.html")
    assert page.locator(".navbar-brand:visible").inner_text().strip() == "Specimen"
    assert page.get_by_role("navigation", name="Main").get_by_role("link", name="Specimen").count() == 0


MAPPED = ["pages/live", "pages/broken", "pages/equations", "pages/plain", "pages/stepper"]  # in the order of _toc.yml


@pytest.mark.parametrize(("width", "columns"), [(1280, 4), (360, 2)])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_map_has_a_card_for_each_page_in_the_book_s_order(specimen, visit, width, columns, theme):
    page, watch = visit(specimen, "index.html", width=width, theme=theme)
    cards = page.locator(".book-map > li")
    assert cards.evaluate_all("cards => cards.map((card) => card.querySelector('a').getAttribute('href'))") == [
        f"{name}.html" for name in MAPPED
    ]
    boxes = [card.bounding_box() for card in cards.all()]
    assert len({box["y"] for box in boxes[:columns]}) == 1 and boxes[columns]["y"] > boxes[0]["y"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for picture in page.locator(".book-map svg").all():
        assert picture.get_attribute("aria-hidden") == "true" and 120 <= picture.bounding_box()["width"] <= 160
    assert page.get_by_text("that is no page").is_visible()
    assert violations(page) == []
    picture = page.locator(".book-map svg").nth(3)
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url("**/pages/plain.html")
    assert watch.complaints == []


def test_the_map_keeps_its_meaning_in_forced_colours(specimen, visit):
    page, _ = visit(specimen, "index.html", forced_colors="active")
    fills = {
        page.locator(f".book-map-{name}").first.evaluate("n => getComputedStyle(n).fill")
        for name in ("ribbons", "bars", "lit")
    }
    assert len(fills) == 3


@pytest.mark.parametrize("updates", [0, 30, 120])
def test_a_river_of_the_map_is_what_the_figure_computes(load_ext, updates):
    front = load_ext("bookext.theme.front")
    drawn = front.rivers(updates)
    lengths = River(text=front.TEXT, hidden_size=front.HIDDEN, seed=front.SEED, updates=updates).contributions
    heights = lengths.sum(axis=0)
    unit = front.HEIGHT / heights.max()
    bars = [int(number) for number in re.findall(r"V(\d+)h-", drawn.bars)]
    np.testing.assert_allclose(bars, unit * heights, atol=0.5)
    assert len(drawn.strands) == len(lengths)
    for t, strand in enumerate(drawn.strands):
        lit = [(int(x) // front.STEP, int(b) - int(a)) for x, a, b in re.findall(r"M(\d+) (\d+)h10V(\d+)", strand)]
        assert lit[-1][0] == t
        for s, height in lit:
            assert height == pytest.approx(unit * lengths[t, s], abs=1)  # both of its ends are rounded


def test_every_chapter_is_on_the_map():
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))["parts"]
    chapters = [entry["file"] for part in parts if part["caption"] != "Reference" for entry in part["chapters"]]
    intro = (ROOT / "intro.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\[\]\((chapters/\w+)\.md\)\n: ", intro, re.M)) == sorted(chapters)
