"""GatedStepper in a real browser: every move has Python's numbers, and every way of moving leads somewhere."""

import re

import numpy as np
import pytest
from browsing import painted
from pages import set_range, shown, slight

from rnnlib import Vocabulary, lstm
from rnnlib.widgets import GatedStepper
from rnnlib.widgets.gated_stepper import MOVES

TEXT = "I am learning RNN"
ROWS = """view => [...view.querySelectorAll("[role=row]:has(code)")].map((row) => [
  row.querySelector("code").textContent, [...row.querySelectorAll("[role=cell]")].map((n) => n.textContent.trim())])"""


@pytest.fixture
def opened(visit_alone):
    """opened(**traits) -> the page and the figure; at the end nothing has been complained of."""
    watches = []

    def visit(figure=None, width=800, **traits):
        page, watch = visit_alone(figure or GatedStepper(**traits), width=width, reduced_motion="reduce")
        watches.append(watch)
        view = page.locator(".rnn-gated").first
        view.wait_for()
        return page, view

    yield visit
    assert not any(watch.complaints for watch in watches)


def where(view):
    """The step and the move that are shown, from 0."""
    return tuple(
        view.evaluate(
            """n => [Number(n.querySelector(".rnn-river-step[aria-current]").dataset.t),
              [...n.querySelectorAll(".rnn-moves:not([hidden]) .rnn-move")].findIndex((move) => move.ariaCurrent)]"""
        )
    )


def holds(view, stepper):
    """The figure shows the numbers of the stepper, and no others, the equations of its move and its lines of code."""
    painted(view.page)
    assert where(view) == (stepper.t, stepper.move)
    found = {}
    for name, cells in view.evaluate(ROWS):
        if stepper.move == 0:  # a block for each gate
            found.setdefault(name, []).extend(cells)
        else:
            assert found.setdefault(name, cells) == cells
    assert set(found) == set(stepper.numbers)
    for name, values in stepper.numbers.items():
        assert len(found[name]) == len(values)
        assert all(text in (slight(v), shown(v)) for text, v in zip(found[name], values, strict=True)), name
    move = MOVES[stepper.cell][stepper.move]
    said = view.locator(".rnn-moves:not([hidden]) > .rnn-lit .rnn-move-said")
    assert said.locator("code").text_content() == "\n".join(move.code)
    drawn = [text.replace("y^", "ŷ") for text in said.locator("math").all_text_contents()]
    assert drawn == [re.sub(r"[ _^]", "", equation) for equation in move.equations]
    summary = view.locator(".rnn-summary").inner_text()
    assert summary.startswith(f"Step {stepper.t + 1}, move {stepper.move + 1} of 12.")
    return summary


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_every_move_shows_the_numbers_of_python(opened, cell):
    """All moves of a step in the middle; forward at the first step and back at the last, what is different there."""
    page, view = opened(text=TEXT, cell=cell, t=0, move=0, width=360)
    stepper = GatedStepper(text=TEXT, cell=cell, t=0, move=0)
    for t, moves in ((0, range(6)), (8, range(12)), (15, range(6, 12)), (0, [11])):
        for stepper.t, stepper.move in ((t, move) for move in moves):
            view.locator(f".rnn-river-step[data-t='{stepper.t}']").evaluate("node => node.click()")
            view.locator(".rnn-moves:not([hidden]) .rnn-move").nth(stepper.move).click()
            holds(view, stepper)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_it_opens_where_two_paths_meet_and_says_how_long_they_are(opened):
    _, view = opened(text=TEXT)
    stepper = GatedStepper(text=TEXT)
    summary = holds(view, stepper)
    for name in ("through_h", "dc_next"):
        assert slight(np.linalg.norm(stepper.numbers[name])) in summary
    titles = view.locator(".rnn-title").all_inner_texts()
    assert titles == ["first path: through h", "second path: along c, from step t+1", "gradient of c: the sum"]


def test_keys_go_from_step_to_step_and_from_move_to_move(opened):
    page, view = opened(text="hello", t=1, move=0)
    stepper = GatedStepper(text="hello", t=1, move=0)
    view.locator(".rnn-river-step[aria-current]").focus()
    walk = [
        ("ArrowRight", 2, 0), ("End", 3, 0), ("Home", 0, 0), ("ArrowUp", 0, 0), ("ArrowDown", 0, 1),
        ("ArrowLeft", 0, 1),
        *(("ArrowDown", 0, move) for move in range(2, 6)), ("ArrowDown", 1, 0), ("ArrowUp", 0, 5), ("End", 3, 5),
        ("ArrowDown", 3, 6), ("ArrowLeft", 2, 6), ("ArrowUp", 3, 11), ("ArrowDown", 2, 6), ("Home", 0, 6),
        *(("ArrowDown", 0, min(move, 11)) for move in range(7, 13)),
    ]  # fmt: skip
    for key, stepper.t, stepper.move in walk:
        page.keyboard.press(key)
        holds(view, stepper)
        assert view.locator(".rnn-river-step[aria-current]").evaluate("node => node === document.activeElement")


def test_space_plays_and_pauses(opened):
    page, view = opened(text="hello", t=1, move=0)
    view.locator(".rnn-river-step[aria-current]").focus()
    page.keyboard.press("Space")
    view.get_by_role("button", name="Pause", exact=True).wait_for()
    view.locator(".rnn-move[aria-current]", has_text="gates").wait_for()
    page.keyboard.press("Space")
    view.get_by_role("button", name="Play", exact=True).wait_for()
    assert view.locator(".rnn-river-step[aria-current]").evaluate("node => node === document.activeElement")


def test_every_control_leads_to_the_numbers_of_python(opened):
    _, view = opened(text=TEXT)
    view.locator("summary", has_text="More").click()
    view.get_by_label("Text", exact=True).fill("夏洛特烦恼，你好")
    view.get_by_label("Seed", exact=True).fill("12")
    set_range(view, "Hidden size H", 5)
    set_range(view, "Forget bias", 35)
    traits = {"text": "夏洛特烦恼，你好", "seed": 12, "hidden_size": 5}
    holds(view, GatedStepper(**traits, forget_bias=3.5))
    set_range(view, "Step t", 2)
    view.get_by_role("button", name="Next move").click()
    holds(view, GatedStepper(**traits, forget_bias=3.5, t=2, move=10))
    view.get_by_label("Cell").select_option("gru")
    holds(view, GatedStepper(**traits, cell="gru"))
    assert view.get_by_role("slider", name="Forget bias").count() == 0
    view.get_by_role("button", name="Previous move").click()
    holds(view, GatedStepper(**traits, cell="gru", t=3, move=6))


def test_the_front_is_drawn_through_the_walk_back(opened):
    page, view = opened(text="hello", t=3, move=6)
    box = view.locator(".rnn-river-stage").bounding_box()
    hold = view.locator(".rnn-river-hold").bounding_box()
    page.mouse.move(hold["x"] + hold["width"] / 2, hold["y"] + hold["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 2, hold["y"] + hold["height"] / 2, steps=4)
    page.mouse.up()
    holds(view, GatedStepper(text="hello", t=2, move=10))


def test_given_weights_have_their_cell(opened):
    vocab = Vocabulary("hello")
    params = lstm.init_params(4, 6, rng=np.random.default_rng(3), forget_bias=2.0)
    stepper = GatedStepper.from_params(params, vocab, "hell", t=1, move=3)
    _, view = opened(stepper)
    holds(view, stepper)
    view.locator("summary", has_text="More").click()
    for name in ("Cell", "Forget bias", "Seed"):
        assert view.get_by_label(name, exact=True).filter(visible=True).count() == 0
