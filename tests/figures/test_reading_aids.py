"""What figures owe to copying, phones, scripts from right to left, large letters, and hands that press anything."""

import re

import numpy as np
import pytest
from browsing import painted
from figure_pages import write_page
from pages import rows, set_range

import rnnlib.widgets
from rnnlib.widgets import ForwardStepper, Rosetta, TrainingLab

ALL = rnnlib.widgets.__all__
CLIPBOARD = ("clipboard-read", "clipboard-write")
HEBREW = "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd"
# A network that learned "RNN" may well write "NaN": what it writes is left out.
SAID = """root => [root.innerText.replace(root.querySelector(".rnn-lab-sample")?.innerText ?? "", ""),
  ...[...root.querySelectorAll("*")].flatMap((n) => [...n.attributes]
    .filter(({ name }) => /^(aria-.*|title|value|points|d|x|y|width|height|cx|cy|style|transform)$/.test(name))
    .map(({ name, value }) => `${name}=${value}`)),
].join("\\n")"""


@pytest.fixture
def shows(visit, tmp_path):
    """shows(widget, …) -> the figures on a page of their own; what the page complains about fails the test."""
    watches = []

    def go(*widgets, **options):
        page, watch = visit(tmp_path, write_page(tmp_path, widgets), **options)
        watches.append(watch)
        for view in page.locator(".rnn-lab").all():
            view.get_by_role("button", name="Play", exact=True).wait_for()
        painted(page)
        return page.locator(".rnn")

    yield go
    for watch in watches:
        assert watch.complaints == []


def press(view, name):
    view.get_by_role("button", name=name, exact=True).click()


def copied(view, selector):
    view.locator(selector).first.evaluate("node => getSelection().selectAllChildren(node)")
    view.page.keyboard.press("Control+c")
    return view.page.evaluate("navigator.clipboard.readText()")


def test_a_copied_table_is_numbers_apart(shows):
    widget = ForwardStepper(text="hello", hidden_size=4, seed=3, t=2)
    view = shows(widget, permissions=CLIPBOARD)
    lines = copied(view, ".rnn-units").splitlines()
    assert len(lines) == 1 + 4
    found = np.array([[float(number) for number in line.split("\t")[1:]] for line in lines[1:]])
    np.testing.assert_allclose(found[:, -1], widget.trace.h[2], atol=5e-4)
    assert (found < 0).any() and [line.split("\t")[0] for line in lines[1:]] == ["1", "2", "3", "4"]
    assert [line.split("\t") for line in lines[1:]] == [
        [cell.replace("−", "-") for cell in row] for row in rows(view, "units")
    ]


def test_a_copied_sentence_has_no_signs_that_cannot_be_seen(shows):
    view = shows(ForwardStepper(text=HEBREW, hidden_size=2, t=3), permissions=CLIPBOARD)
    assert "\u2068" in view.locator(".rnn-summary").text_content()
    text = copied(view, ".rnn-summary")
    assert text and not set(text) & set("\u2066\u2067\u2068\u2069\u2212")


def test_a_copied_table_of_names_keeps_its_columns(shows):
    view = shows(Rosetta(names="pytorch"), permissions=CLIPBOARD)
    lines = copied(view, ".rnn-rosetta-table").splitlines()
    assert ["rnn.weight_hh_l0rnn.weight_hh_l0.grad" in line.replace(" ", "") for line in lines].count(True) == 1
    assert {len(line.split("\t")) for line in lines[1:]} == {4}


def test_what_is_copied_from_a_field_is_what_was_typed(shows):
    view = shows(ForwardStepper(text="a−b\u2069c"), permissions=CLIPBOARD)
    view.get_by_label("Text", exact=True).select_text()
    view.page.keyboard.press("Control+c")
    assert view.page.evaluate("navigator.clipboard.readText()") == "a−b\u2069c"


def test_on_a_phone_fields_are_large_and_quick_taps_do_not_zoom(shows):
    views = shows(*(getattr(rnnlib.widgets, name)() for name in ALL), width=360, has_touch=True, is_mobile=True)
    assert views.page.evaluate("matchMedia('(pointer: coarse)').matches")
    fields = views.locator("input, select, textarea")
    sizes = fields.evaluate_all("nodes => nodes.map((node) => parseFloat(getComputedStyle(node).fontSize))")
    assert len(sizes) > 20 and min(sizes) >= 16
    buttons = views.locator("button:not([role=slider])")
    actions = buttons.evaluate_all("nodes => nodes.map((node) => getComputedStyle(node).touchAction)")
    assert len(actions) > 20 and set(actions) <= {"manipulation", "none"} and actions.count("manipulation") > 20
    assert views.page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("name", [name for name in ALL if hasattr(getattr(rnnlib.widgets, name), "text")])
def test_the_text_of_the_reader_has_its_own_direction(shows, name):
    widget = getattr(rnnlib.widgets, name)
    view = shows(widget(text=HEBREW[:3]))
    fields = ".rnn-field-text :is(input, textarea), .rnn-letters, .rnn-lab-sample"
    directions = "nodes => nodes.map((node) => getComputedStyle(node).direction)"
    assert set(view.locator(fields).evaluate_all(directions)) == {"rtl"}
    assert view.evaluate("node => getComputedStyle(node).direction") == "ltr"
    view.locator("details").evaluate_all("nodes => nodes.forEach((node) => { node.open = true; })")
    view.get_by_label("Text", exact=True).fill("abc")
    painted(view.page)
    assert set(view.locator(fields).evaluate_all(directions)) == {"ltr"}


def test_letters_of_a_text_from_right_to_left_are_read_so(shows):
    view = shows(TrainingLab(text=HEBREW))
    places = view.locator(".rnn-letter").evaluate_all("nodes => nodes.map((node) => node.getBoundingClientRect().left)")
    assert len(places) == len(HEBREW) and places == sorted(places, reverse=True)


LARGE = """() => {
  const nodes = [...document.querySelectorAll(".rnn, .rnn *")];
  const sizes = nodes.map((node) => 2 * parseFloat(getComputedStyle(node).fontSize));
  nodes.forEach((node, i) => { node.style.fontSize = `${sizes[i]}px`; });
}"""
# An arrow leads out of each step of the river into the next one, so its letters count, not the step.
CLIPPED = """root => [...root.querySelectorAll(
    "button:not(.rnn-river-step), .rnn-river-step > :not(.rnn-river-state), label, p, .rnn-label, .rnn-value,"
    + ".rnn-letter, .rnn-title, dd, dt, legend, td, th")]
  .filter((node) => node.offsetWidth > 2 && node.textContent && !node.closest("canvas, svg"))
  .filter((node) => {
    const cut = node.closest(".rnn-scroll, .rnn-track, .rnn-graph") || getComputedStyle(node).overflow === "auto";
    return !cut && (node.scrollWidth > node.clientWidth + 1 || node.scrollHeight > node.clientHeight + 1)
      && getComputedStyle(node).display !== "inline";
  }).map((node) => [node.className, node.textContent.slice(0, 40), node.scrollWidth - node.clientWidth,
    node.scrollHeight - node.clientHeight])"""


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("name", ["ForwardStepper", "GradientDetective", "River", "Rosetta", "TrainingLab"])
def test_letters_of_twice_the_size_are_not_cut_off(shows, name, width):
    view = shows(getattr(rnnlib.widgets, name)(), width=width)
    assert view.evaluate(CLIPPED) == []
    view.page.evaluate(LARGE)
    painted(view.page)
    assert view.evaluate(CLIPPED) == []


def test_a_run_without_a_loss_cannot_be_kept(shows):
    view = shows(TrainingLab())
    keep = view.get_by_role("button", name="Keep this run")
    assert keep.get_attribute("aria-disabled") == "true"
    keep.click(force=True)
    press(view, "One step")
    painted(view.page)
    # Both in one task: the button still looks as it did after the update.
    view.evaluate(
        "root => { root.querySelector('.rnn-lab-reset').click(); root.querySelector('.rnn-lab-keep').click(); }"
    )
    painted(view.page)
    assert view.locator(".rnn-lab-kept > li").count() == 0
    press(view, "One step")
    keep.click()
    kept = view.locator(".rnn-lab-kept > li").all_inner_texts()
    assert len(kept) == 1 and re.search(r"A: 1 .*loss \d", kept[0])


def test_a_loss_beyond_all_bounds_is_no_word(shows):
    view = shows(TrainingLab(text="to be, or not to be", learning_rate=3.0, clip=0, optimizer="sgd", hidden_size=64))
    set_range(view, "Learning rate η", 90)
    for _ in range(60):
        view.locator(".rnn-lab-step").evaluate("n => n.click()")
    painted(view.page)
    assert not re.search(r"NaN|Infinity|undefined", view.evaluate(SAID))
