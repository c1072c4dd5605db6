"""LogitLoss in a real browser: its numbers, and the ways to move a logit."""

import re

import numpy as np
import pytest
from browsing import painted
from pages import set_range, shown, slight

from rnnlib import Vocabulary, cross_entropy, softmax
from rnnlib.widgets import LogitLoss

TEXT = "I am learning RNN"


@pytest.fixture
def opened(visit_alone):
    """opened(**options) -> the page and the figure; at the end nothing has been complained of."""
    watches = []

    def visit(**options):
        page, watch = visit_alone(LogitLoss(text=TEXT, t=9, logit=7), **options)
        watches.append(watch)
        return page, page.locator(".rnn-logit").first

    yield visit
    assert not any(watch.complaints for watch in watches)


def holds(view, figure):
    """The figure says the numbers of the widget."""
    said = view.locator(".rnn-summary").inner_text()
    further = figure.logits + 0.1 * np.eye(len(figure.logits))[figure.logit]
    slope, target = figure.gradient[figure.logit], figure.targets[figure.t]
    fact = cross_entropy(further, target) - figure.loss
    assert f"is {shown(figure.logits[figure.logit])}, and the loss is {shown(figure.loss)}." in said
    assert f" = {shown(slope)}. " in said
    assert f"about {slight(0.1 * slope)}; in fact it changes by {slight(fact)}." in said
    yhat = softmax(figure.logits)
    for row in view.locator(".rnn-logit-bars button:visible").all():
        share = re.search(r"([\d.]+) %", row.inner_text())[1]
        assert share == f"{100 * yhat[int(row.get_attribute('data-id'))]:.1f}"


def test_slider_keys_bars_and_fields_move_it_as_in_python(opened):
    page, view = opened()
    holds(view, LogitLoss(text=TEXT, t=9, logit=7))
    set_range(view, "Change", 15)
    view.get_by_role("slider", name="Change", exact=True).press("ArrowRight")
    painted(page)
    holds(view, LogitLoss(text=TEXT, t=9, logit=7, shift=1.6))
    row = view.locator(".rnn-logit-bars button[aria-pressed=false]").first
    logit = int(row.get_attribute("data-id"))
    row.click()
    set_range(view, "Change", -32)
    painted(page)
    holds(view, LogitLoss(text=TEXT, t=9, logit=logit, shift=-3.2))
    set_range(view, "Step t", 3)
    view.get_by_label("Seed", exact=True).fill("7")
    painted(page)
    holds(view, LogitLoss(text=TEXT, seed=7, t=2, logit=Vocabulary(TEXT).encode("m")[0]))


@pytest.mark.parametrize("width", [800, 360])
def test_the_dot_is_drawn_along_the_curve(opened, width):
    page, view = opened(width=width)
    view.locator(".rnn-logit-plot").scroll_into_view_if_needed()

    def dot():
        box = view.locator(".rnn-logit-dot").bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    (x, y), plot = dot(), view.locator(".rnn-logit-plot > .rnn-axes").bounding_box()
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + plot["width"] / 4, y)  # a quarter of the way from −4 to 4
    page.mouse.up()
    painted(page)
    holds(view, LogitLoss(text=TEXT, t=9, logit=7, shift=2.0))
    assert dot()[0] == pytest.approx(x + plot["width"] / 4, abs=0.05 * plot["width"] / 8 + 1)  # it goes by tenths
    page.mouse.down()
    page.mouse.move(x + 2 * plot["width"], y)
    page.mouse.up()
    painted(page)
    holds(view, LogitLoss(text=TEXT, t=9, logit=7, shift=4.0))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_shorter_text_moves_the_step_and_the_logit_for_good(visit_alone):
    page, watch = visit_alone(LogitLoss(text="hello", t=3, logit=3))
    view, figure = page.locator(".rnn-logit").first, LogitLoss(text="hello", t=3, logit=3)
    for text in ("hi", "hello"):
        view.get_by_label("Text", exact=True).fill(text)
        painted(page)
        figure.text = text
        holds(view, figure)
    assert not watch.complaints
