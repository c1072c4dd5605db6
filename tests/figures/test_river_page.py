"""River in a real browser: its numbers, its keys, its film, wide and narrow."""

import re

import numpy as np
import pytest
from browsing import painted
from pages import set_range

from rnnlib import backward, step_losses
from rnnlib.widgets import River
from rnnlib.widgets._bundle import words

TEXT = "I am learning RNN"


@pytest.fixture
def opened(visit_alone):
    """opened(**traits) -> the page and the figure; at the end nothing has been complained of."""
    watches = []

    def visit(fragment="", page=None, **traits):
        river = River(**({"text": TEXT, "hidden_size": 8, "seed": 1, "t": 12} | traits))
        page, watch = visit_alone(river, fragment, **(page or {}))
        watches.append(watch)
        view = page.locator(".rnn-river-figure").first
        view.wait_for()
        return page, view

    yield visit
    assert not any(watch.complaints for watch in watches)


def path(view, name):
    return view.locator(f"path.rnn-river-{name}").get_attribute("d")


def bars(text):
    """The heights of the rectangles of a path."""
    return [float(to) - float(start) for start, to in re.findall(r"M\S+ (\S+)H\S+V([^H]+)H", text)]


def holds(view, river):
    """The figure shows the numbers of the widget."""
    losses = step_losses(river.trace.o, river.targets)
    summary = view.locator(".rnn-summary").inner_text()
    t = river.t
    lengths = river.contributions[t, t::-1][:6]
    assert f"mean loss is {losses.mean():.3f}." in summary and f"step {t + 1} is {losses[t]:.3f};" in summary
    told = summary.rpartition("lengths ")[2]
    end = ", …" if t + 1 > 6 else "."
    assert told.endswith(end)
    told = [float(number) for number in told.removesuffix(end).split(", ")]
    assert np.allclose(told, lengths, rtol=0, atol=6e-4)
    # The drawing is square, and in tenths of a unit; its scale follows from the highest column
    grey, lit = bars(path(view, "bars")), bars(path(view, "litbars"))
    sums = river.contributions.sum(axis=0)
    scale = grey[int(sums.argmax())] / (sums.max() or 1)  # one character alone surprises nobody
    assert np.allclose(grey, scale * sums, rtol=0, atol=0.2)
    assert np.allclose(lit, scale * river.contributions[t, : t + 1], rtol=0, atol=0.2)
    ticks = [float(y) for y in re.findall(r"M\S+ ([^H]+)H", path(view, "ticks"))]
    da = backward(river.params, river.trace, river.targets, reduction="sum").da
    assert np.allclose(ticks, scale * np.linalg.norm(da, axis=1), rtol=0, atol=0.2)


@pytest.mark.parametrize("updates, fill", [(0, False), (60, False), (300, True)])
def test_it_shows_the_numbers_of_python(opened, updates, fill):
    _, view = opened(updates=updates, fill=fill)
    holds(view, River(text=TEXT, hidden_size=8, seed=1, t=12, updates=updates))


@pytest.mark.parametrize("text, size, seed", [("ab", 1, 0), ("循环神经网络，循环不已", 7, 2**40), ("aaaaaa", 3, 2)])
def test_every_control_changes_the_numbers_as_in_python(opened, text, size, seed):
    page, view = opened()
    view.get_by_label("Text", exact=True).fill(text)
    view.get_by_label("Seed", exact=True).fill(str(seed))
    set_range(view, "Hidden size H", size)
    set_range(view, "Training", 40)
    painted(page)
    holds(view, River(text=text, hidden_size=size, seed=seed, t=min(12, len(text) - 2), updates=40))


def test_a_long_text_says_what_is_not_drawn(opened):
    text = "".join(chr(97 + i % 26) for i in range(65))
    page, view = opened(text=text, t=63)
    assert view.locator(".rnn-river-step").count() == 40
    assert view.get_by_text("Not drawn: 24 steps before and 0 after.").is_visible()
    view.locator(".rnn-river-step").first.click()
    painted(page)
    assert "step 25 is" in view.locator(".rnn-summary").inner_text()


def test_keys_move_the_lit_step_and_the_focus(opened):
    page, view = opened(t=3)
    view.locator('.rnn-river-step[aria-current="step"]').focus()
    for key, t in (("ArrowRight", 4), ("ArrowDown", 5), ("ArrowLeft", 4), ("End", 15), ("ArrowRight", 15), ("Home", 0)):
        page.keyboard.press(key)
        painted(page)
        current = view.locator('.rnn-river-step[aria-current="step"]')
        assert current.get_attribute("data-t") == str(t)
        assert current.evaluate("node => node === document.activeElement")


def test_pointing_at_a_step_lights_its_ribbon_and_leaving_puts_it_back(opened):
    page, view = opened()
    before = path(view, "litbars")
    view.locator('.rnn-river-step[data-t="5"]').hover()
    assert len(bars(path(view, "litbars"))) == 6
    page.mouse.move(1, 1)
    assert path(view, "litbars") == before


def test_an_arrow_that_moves_the_window_leaves_the_current_step_lit(opened):
    page, view = opened(text="".join(chr(97 + i % 26) for i in range(65)), t=30)
    view.locator('.rnn-river-step[aria-current="step"]').focus()
    page.keyboard.press("ArrowRight")
    painted(page)
    current = view.locator(":focus")
    lit = path(view, "litbars")
    current.evaluate("node => node.blur()")
    assert current.count() == 0 and path(view, "litbars") == lit
    assert view.locator('.rnn-river-step[aria-current="step"]').get_attribute("data-t") == "31"


def test_the_steps_that_stay_in_the_window_keep_their_elements(opened):
    text = "".join(chr(97 + i % 26) for i in range(65))
    page, view = opened(text=text, t=30)
    mark = "nodes => nodes.forEach((node) => { node.own = node.dataset.t; })"
    shown = """nodes => nodes.map((node) => [Number(node.dataset.t), node.querySelector(".rnn-river-x").textContent,
      node.own])"""
    steps = view.locator(".rnn-river-step")
    view.locator('.rnn-river-step[aria-current="step"]').focus()
    seen = {steps.first.get_attribute("data-t")}
    for key in ("ArrowRight", "End", "ArrowLeft", "Home", "End"):
        before = set(steps.evaluate_all("nodes => nodes.map((node) => node.dataset.t)"))
        steps.evaluate_all(mark)
        page.keyboard.press(key)
        painted(page)
        found = steps.evaluate_all(shown)
        first = found[0][0]
        assert [t for t, *_ in found] == [*range(first, first + len(found))]
        assert all(sign == text[t] for t, sign, _ in found)
        assert all(own == str(t) for t, _, own in found if str(t) in before)
        seen.add(str(first))
        assert view.locator(":focus").get_attribute("aria-current") == "step"
    assert len(seen) > 3


def test_a_text_that_becomes_shorter_under_the_pointer_lights_what_is_there(opened):
    page, view = opened()
    view.locator('.rnn-river-step[data-t="5"]').hover()
    view.locator("input[type=text]").first.fill("ab")
    page.wait_for_function("view => view.querySelectorAll('.rnn-river-step').length === 1", arg=view.element_handle())
    painted(page)
    assert "NaN" not in path(view, "litbars")
    assert len(bars(path(view, "litbars"))) == 1


def test_a_press_drawn_along_the_steps_takes_the_step_along(opened):
    page, view = opened()
    places = [view.locator(f'.rnn-river-step[data-t="{t}"]').bounding_box() for t in (3, 4, 9)]
    middles = [(box["x"] + box["width"] / 2, box["y"] + 20) for box in places]
    page.mouse.move(*middles[0])
    page.mouse.down()
    for middle in middles[1:]:
        page.mouse.move(*middle)
    page.mouse.up()
    painted(page)
    assert view.locator('.rnn-river-step[aria-current="step"]').get_attribute("data-t") == "9"


def test_each_step_says_its_ribbon_in_words(opened):
    _, view = opened()
    name = view.locator('.rnn-river-step[data-t="12"] [role=img]').get_attribute("aria-label")
    assert name.startswith("Step 13: reads “\u2068g\u2069”")
    told = [float(number) for number in name.rpartition("lengths ")[2].split(", ")]
    river = River(text=TEXT, hidden_size=8, seed=1)
    assert np.allclose(told, river.contributions[12, 12:7:-1], rtol=0, atol=6e-4)


def test_the_film_reads_goes_back_and_learns_and_any_step_ends_it(opened):
    page, view = opened()
    play = view.get_by_role("button", name="Play", exact=True)
    play.click()
    view.locator(".rnn-river-ahead").first.wait_for()  # it reads
    view.locator(".rnn-river-front:not([hidden])").wait_for()
    page.wait_for_function("() => document.querySelector('.rnn-control-river_updates input').value > 0")  # it learns
    view.locator('.rnn-river-step[data-t="2"]').click()
    play.wait_for()
    painted(page)
    assert view.locator(".rnn-river-ahead").count() == 0 and view.locator(".rnn-river-front").is_hidden()
    reached = int(view.get_by_role("slider", name="Training").input_value())
    assert 0 < reached < 300
    holds(view, River(text=TEXT, hidden_size=8, seed=1, t=2, updates=reached))


# As soon as it has read a step.
HOLD = """const hold = () => {
  const left = document.querySelectorAll(".rnn-river-ahead").length;
  if (left && left < 16) document.querySelector(".rnn-play").click();
  else requestAnimationFrame(hold);
};
requestAnimationFrame(hold);"""


def test_by_itself_it_plays_once_a_press_holds_it_and_any_key_ends_it(opened):
    page, view = opened(page={"before": lambda page: page.add_init_script(HOLD)}, autoplay=True, updates=300)
    shown = "[view.querySelectorAll('.rnn-river-ahead').length, view.querySelector('.rnn-river-film p').textContent]"
    play = view.get_by_role("button", name="Play", exact=True)
    held = f"view => ({shown})[0] % 16 && view.querySelector('.rnn-play').ariaPressed === 'false'"
    page.wait_for_function(held, arg=view.element_handle())
    left, told = view.evaluate(f"view => {shown}")
    assert told == words()["en"]["river_reads"]
    painted(page, 10)
    assert view.evaluate(f"view => {shown}") == [left, told]
    play.click()  # and it goes on
    page.wait_for_function(f"([view, left]) => ({shown})[0] < left", arg=[view.element_handle(), left])
    view.get_by_label("Seed", exact=True).press("ArrowRight")
    play.wait_for()
    painted(page, 10)
    assert view.evaluate(f"view => {shown}") == [0, words()["en"]["river_rests"]]
    assert view.locator(".rnn-river-front").is_hidden()
    reached = int(view.get_by_role("slider", name="Training").input_value())
    holds(view, River(text=TEXT, hidden_size=8, seed=1, t=12, updates=reached))


@pytest.mark.parametrize(
    "fragment, options",
    [("", {"reduced_motion": "reduce"}), ("#figure=river&t=3&updates=60", {})],
    ids=["motion is not wanted", "a link has opened a state"],
)
def test_it_does_not_play_by_itself_where(opened, fragment, options):
    page, view = opened(fragment, options, autoplay=True, updates=60)
    painted(page, 10)
    assert view.get_by_role("button", name="Play", exact=True).is_visible()
    assert view.get_by_role("slider", name="Training").input_value() == "60"


# An observer whose sight is reported when the test says so.
SEES = """IntersectionObserver = class {
  constructor(act) { this.act = act; }
  observe(node) {
    const box = { height: 9 };
    const seen = () => this.act([{ intersectionRect: box, boundingClientRect: box }]);
    if (node.matches(".rnn-river")) globalThis.comesIntoView = seen;
  }
  disconnect() { this.act = () => {}; }
};"""


def test_a_film_that_the_reader_has_started_plays_on_when_it_comes_into_view(opened):
    page, view = opened(page={"before": lambda page: page.add_init_script(SEES)}, autoplay=True)
    view.get_by_role("button", name="Play", exact=True).click()
    page.evaluate("comesIntoView()")
    assert view.locator(".rnn-play").get_attribute("aria-pressed") == "true"


def test_without_motion_the_film_is_its_end(opened):
    page, view = opened()
    page.emulate_media(reduced_motion="reduce")
    view.get_by_role("button", name="Play", exact=True).click()
    painted(page)
    assert view.get_by_role("slider", name="Training").input_value() == "300"
    assert view.get_by_role("button", name="Stretch to full height").get_attribute("aria-pressed") == "true"
    holds(view, River(text=TEXT, hidden_size=8, seed=1, t=12, updates=300))


def test_the_film_ends_with_the_band_stretched_and_begins_with_one_scale_for_all_of_it(opened):
    page, view = opened(updates=300, fill=True)
    stretched = path(view, "bars")
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    view.get_by_role("button", name="Play", exact=True).click()
    page.clock.run_for(4700)  # in the midst of the learning
    assert view.get_by_role("button", name="Stretch to full height").get_attribute("aria-pressed") == "false"
    page.clock.run_for(1700)  # it is stretching
    assert view.locator(".rnn-river-film p").inner_text() == words()["en"]["river_stretches"]
    assert 0 < sum(bars(path(view, "bars"))) < 0.9 * sum(bars(stretched))
    page.clock.run_for(2000)
    assert path(view, "bars") == stretched
    assert view.get_by_role("button", name="Stretch to full height").get_attribute("aria-pressed") == "true"


def test_on_a_phone_time_runs_down_and_nothing_is_wider_than_the_page(opened):
    page, view = opened()
    page.set_viewport_size({"width": 360, "height": 800})
    painted(page)
    boxes = [view.locator(f'.rnn-river-step[data-t="{t}"]').bounding_box() for t in (0, 1, 15)]
    assert boxes[0]["x"] == boxes[1]["x"] == boxes[2]["x"] and boxes[0]["y"] < boxes[1]["y"] < boxes[2]["y"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    band = view.locator("svg.rnn-river-band").bounding_box()
    assert band["height"] == pytest.approx(16 * 26, abs=1)


def test_on_a_phone_play_stays_in_sight_and_covers_no_step_that_has_the_focus(opened):
    page, view = opened(t=0, page={"width": 360, "height": 330})
    controls, steps = view.locator(".rnn-river-film"), view.locator(".rnn-river-step")

    def covered():
        box, bar = view.locator(":focus").bounding_box(), controls.bounding_box()
        return box["y"] + box["height"] > bar["y"] + 0.5 or box["y"] < 0

    bar = controls.bounding_box()
    assert bar["y"] + bar["height"] == pytest.approx(330, abs=1)
    steps.first.focus()
    for _ in range(15):
        page.keyboard.press("ArrowDown")
        painted(page)
        assert not covered()
    page.evaluate("scrollTo(0, 0)")
    view.get_by_role("button", name="Play", exact=True).focus()
    page.keyboard.press("Shift+Tab")
    painted(page)
    assert view.locator(":focus").get_attribute("data-t") == "15" and not covered()
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    painted(page)
    last = steps.last.bounding_box()
    assert controls.bounding_box()["y"] >= last["y"] + last["height"]


def test_a_step_that_has_the_focus_may_be_taken_away(visit_alone):
    page, watch = visit_alone(River(text="I am learning RNN", hidden_size=2))
    view = page.locator(".rnn-river-figure")
    view.locator(".rnn-river-step").last.focus()
    typed = "(field) => { field.value = 'ab'; field.dispatchEvent(new Event('input', { bubbles: true })); }"
    view.get_by_label("Text", exact=True).evaluate(typed)
    page.wait_for_function("() => document.querySelectorAll('.rnn-river-step').length === 1")
    assert not watch.complaints
