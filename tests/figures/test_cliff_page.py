"""Cliff in a real browser: its numbers, its controls, and starts that are pressed, dragged and moved with keys."""

import re

import numpy as np
import pytest
from browsing import painted
from pages import set_range

from rnnlib.widgets import Cliff
from rnnlib.widgets.cliff import states, walk


@pytest.fixture
def opened(visit_alone):
    """opened(**traits) -> the page and the figure; at the end nothing has been complained of."""
    watches = []

    def visit(width=800, options=None, **traits):
        page, watch = visit_alone(Cliff(**traits), width=width, **(options or {}))
        watches.append(watch)
        view = page.locator(".rnn-cliff").first
        view.wait_for()
        return page, view

    yield visit
    assert not any(watch.complaints for watch in watches)


def read(text):
    return float(text.replace("−", "-").rstrip("."))


def holds(view, figure):
    """The sentence says where both walks of the figure are, and each drawing shows it."""
    said = view.locator(".rnn-summary").inner_text()
    found = re.findall(r"\((\S+), (\S+)\): loss (\S+), gradient (\S+), next move (\S+)\.(?: |$)", said)
    assert len(found) == 2, said
    bounds = {}, {"clip": figure.clip, "clipping": figure.clipping}
    for told, each, bound in zip(found, said.split("Clipped"), bounds, strict=True):
        w, b, loss, length, move = map(read, told)
        how = {"steps": figure.steps, "rate": figure.rate, "updates": figure.updates + 1}
        here, after = walk(figure.w, figure.b, **how, **bound)[-2:]
        np.testing.assert_allclose([w, b, loss], here[:3], rtol=0, atol=5.1e-4)
        assert length == pytest.approx(here.length, rel=0.06, abs=5.1e-4)
        assert move == pytest.approx(np.hypot(after.w - here.w, after.b - here.b), rel=0.06, abs=5.1e-4)
        assert ("left the map" in each) == (not (0.5 <= here.w <= 2.5 and -0.2 <= here.b <= 1))
    note = view.locator(".rnn-note").inner_text()
    assert f"at w = {figure.w:.3f} it is at b = {figure.wall:.3f}" in note
    # The states at the two balls: a line through their numbers, on one scale
    paths = [view.locator(f".rnn-cliff-states .rnn-cliff-line.rnn-cliff-{name}") for name in ("plain", "clipped")]
    for path, points in zip(paths, (figure.walk, figure.clipped_walk), strict=True):
        drawn = np.array([each.split() for each in path.get_attribute("d")[1:].split("L")], float)
        h = states(points[-1].w, points[-1].b, figure.steps)
        assert len(drawn) == len(h)
        np.testing.assert_allclose(drawn[:, 1], 100 - (h + 1.1) / 2.2 * 100, rtol=0, atol=0.06)


def test_one_step_and_plain_descent_leaves_the_map_while_the_clipped_one_holds_on(opened):
    page, view = opened()
    holds(view, Cliff())
    view.get_by_role("button", name="One update further").click()
    painted(page)
    holds(view, Cliff(updates=9))
    assert view.locator(".rnn-cliff-whole .rnn-cliff-ball.rnn-cliff-plain").evaluate(
        "ball => ball.cx.baseVal.value < 0 || ball.cy.baseVal.value < 0"
    )
    view.get_by_role("button", name="Play").click()
    view.get_by_role("button", name="Pause").click()


def test_every_control_changes_the_numbers_as_in_python(opened):
    page, view = opened(width=360)
    view.get_by_role("tab", name="Settings").click()
    view.get_by_label("Start w", exact=True).fill("1.2")
    view.get_by_label("Start b", exact=True).fill("-0.1")
    set_range(view, "Steps T", 20)
    set_range(view, "Rate η", 26)  # 0.001 · 10^(26 / 20), of two digits
    set_range(view, "Clip to", 8)
    view.get_by_label("Clip by").select_option("value")
    set_range(view, "Updates", 17)
    painted(page)
    traits = {"w": 1.2, "b": -0.1, "steps": 20, "rate": 0.02, "clip": 0.25, "clipping": "value", "updates": 17}
    holds(view, Cliff(**traits))
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def place(view, w, b):
    """Where on the page a point of the map is."""
    box = view.locator(".rnn-cliff-whole canvas").bounding_box()
    return box["x"] + box["width"] * (w - 0.5) / 2, box["y"] + box["height"] * (1 - b) / 1.2


def start_of(view):
    return [float(view.get_by_label(name, exact=True).input_value()) for name in ("Start w", "Start b")]


def test_a_start_is_pressed_dragged_and_moved_with_keys(opened):
    page, view = opened()
    page.mouse.click(*place(view, 2.0, 0.6))
    painted(page)
    np.testing.assert_allclose(start_of(view), [2.0, 0.6], atol=0.011)  # about a pixel
    holds(view, Cliff(**dict(zip("wb", start_of(view), strict=True)), updates=0))
    page.mouse.move(*place(view, 2.0, 0.6))
    page.mouse.down()
    page.mouse.move(*place(view, 1.0, -0.1), steps=3)
    page.mouse.move(*place(view, 0.2, -0.1))  # outside: the start stops at the edge
    page.mouse.up()
    painted(page)
    np.testing.assert_allclose(start_of(view), [0.5, -0.1], atol=0.011)
    handle = view.get_by_role("slider", name="Start of both runs")
    before = start_of(view)
    handle.focus()
    for key in ("ArrowRight", "Shift+ArrowUp", "ArrowDown"):
        page.keyboard.press(key)
        painted(page)
    np.testing.assert_allclose(start_of(view), np.add(before, [0.01, 0.045]), atol=1e-9)
    w, b = start_of(view)
    assert handle.get_attribute("aria-valuetext") == f"w = {w:.3f}, b = {b:.3f}".replace("-", "−")


def test_a_finger_drops_a_start_and_scrolls_the_page(opened):
    page, view = opened(width=360, options={"has_touch": True, "is_mobile": True})
    page.touchscreen.tap(*place(view, 1.8, 0.2))
    painted(page)
    np.testing.assert_allclose(start_of(view), [1.8, 0.2], atol=0.011)
    touch = "node => getComputedStyle(node).touchAction"
    assert view.locator(".rnn-cliff-whole .rnn-cliff-drawing").evaluate(touch) != "none"
    handle = view.get_by_role("slider", name="Start of both runs")
    assert handle.evaluate(touch) == "none" and handle.bounding_box()["width"] >= 44


CARDS = "nodes => nodes.filter((node) => node.checkVisibility()).map((node) => node.ariaLabel)"


def test_a_phone_shows_one_card_at_a_time_and_a_wide_page_all_of_them(opened):
    page, view = opened(width=360, options={"has_touch": True, "is_mobile": True})
    cards, tabs = view.get_by_role("tabpanel", include_hidden=True), view.get_by_role("tab")
    names = tabs.all_inner_texts()
    assert names == ["Next update", "Close-up", "States", "Settings"]
    for name in names:
        view.get_by_role("tab", name=name).tap()
        assert cards.evaluate_all(CARDS) == [name]
        assert view.bounding_box()["height"] <= 900
        assert view.locator(".rnn-cliff-whole").is_visible()
    tabs.last.press("Home")
    assert cards.evaluate_all(CARDS) == ["Next update"]
    small = "nodes => Math.min(...nodes.map((n) => parseFloat(getComputedStyle(n).fontSize) * n.getScreenCTM().a))"
    assert view.locator("text:visible").evaluate_all(small) >= 11
    page.set_viewport_size({"width": 800, "height": 900})
    assert {*cards.evaluate_all(CARDS)} == {*names} and not tabs.first.is_visible()


def test_a_number_that_cannot_be_is_refused_in_words(opened):
    page, view = opened()
    before = view.locator(".rnn-summary").inner_text()
    field = view.get_by_label("Start w", exact=True)
    field.fill("3")
    painted(page)
    view.get_by_text("Type a number from 0.5 to 2.5").wait_for()
    assert field.get_attribute("aria-invalid") == "true" and view.locator(".rnn-summary").inner_text() == before


def test_where_no_motion_is_wanted_play_goes_to_the_end(opened):
    _, view = opened(options={"reduced_motion": "reduce"})
    view.get_by_role("button", name="Play").click()
    view.locator("[aria-valuetext='60']").wait_for()
