"""ForwardStepper in a real browser, on the built pages: no kernel is there, and every control does its work."""

import re

import numpy as np
import pytest
from audit import pages
from browsing import STARTED, painted
from pages import SNAPSHOT, change, rows, set_range, shown, snapshot

from rnnlib import Vocabulary, forward, init_params, step_losses
from rnnlib.widgets import ForwardStepper

PAGE = "chapters/stepping.html"
TEXT = "I am learning RNN"


PARTS = "nodes => nodes.map(node => node.style.getPropertyValue('--rnn-part'))"


def attributes(locator, name):
    return locator.evaluate_all("(nodes, name) => nodes.map(node => node.getAttribute(name))", name)


@pytest.fixture
def stepper(visit_alone):
    """The figure of the front page."""
    page, watch = visit_alone(ForwardStepper(text=TEXT, hidden_size=8, seed=1, t=5))
    view = page.locator(".rnn-forward").first
    view.wait_for()
    view.get_by_text("All numbers").click()
    yield view
    assert not watch.complaints


def test_every_number_on_the_page_is_the_number_of_rnnlib(stepper):
    text = "夏洛特烦恼，你好李焕英 😀!"
    stepper.get_by_label("Text", exact=True).fill(text)
    set_range(stepper, "Hidden size H", 11)
    stepper.get_by_label("Seed", exact=True).fill("4294967299")
    set_range(stepper, "Step t", 6)
    stepper.get_by_role("button", name="Unit 5: show the terms").click()

    vocab = Vocabulary(text)
    params = init_params(len(vocab), 11, rng=np.random.default_rng(4294967299))
    ids = vocab.encode(text)
    x, y, t, j = ids[:-1], ids[1:], 6, 4
    trace = forward(params, x)
    losses = step_losses(trace.o, y)
    earlier = trace.h[t - 1] @ params.Whh

    units = [params.Wxh[x[t]], earlier, params.bh, trace.a[t], trace.h[t]]
    assert rows(stepper, "units") == [[str(k + 1), *(shown(u[k]) for u in units)] for k in range(11)]
    signs = ["␣" if c == " " else c for c in vocab.characters]
    assert rows(stepper, "characters") == [
        [c, str(int(i == x[t])), shown(trace.o[t, i]), shown(trace.yhat[t, i]), str(int(i == y[t]))]
        for i, c in enumerate(signs)
    ]
    terms = rows(stepper, "terms")
    assert terms[0][:3] == [
        "input “\u2068你\u2069”",
        f"1 × {shown(params.Wxh[x[t], j]):>6}",
        shown(params.Wxh[x[t], j]),
    ]
    for k in range(11):
        state, weight = trace.h[t - 1, k], params.Whh[k, j]
        expected = [f"unit {k + 1}, t = 6", f"{shown(state)} × {shown(weight):>6}", shown(state * weight)]
        assert terms[k + 1][:3] == expected
    assert len(terms) == 13
    columns = stepper.locator(".rnn-river-step")
    assert columns.locator(".rnn-river-x").all_text_contents() == ["␣" if c == " " else c for c in text[:-1]]
    names = attributes(columns.get_by_role("img"), "aria-label")
    assert [name.rpartition("loss ")[2] for name in names] == [shown(one, 2) for one in losses]
    parts = [float(part) for part in stepper.locator(".rnn-river-bar").evaluate_all(PARTS)]
    assert np.allclose(parts, np.minimum(1, losses / (1.6 * np.log(len(vocab)))), rtol=0, atol=1e-4)
    told = stepper.locator(".rnn-cell-sum").inner_text()
    terms = [params.Wxh[x[t], j], earlier[j], params.bh[j], trace.a[t, j], trace.h[t, j]]
    assert [number for number in re.findall(r"[−\d.]+(?=[,;.]| )", told)[-5:]] == [shown(term) for term in terms], told
    likely = np.argsort(-trace.yhat[t], kind="stable")[:5]
    assert stepper.locator(".rnn-cell-char").all_text_contents() == [signs[i] for i in likely]
    assert f"mean loss {shown(losses.mean())}" in stepper.inner_text()


def test_the_page_starts_with_the_state_that_python_gave(book, visit):
    page, watch = visit(book, PAGE)
    stepper = page.locator(".rnn-forward").first
    assert stepper.get_by_label("Text", exact=True).input_value() == TEXT
    assert stepper.get_by_role("slider", name="Hidden size H").input_value() == "4"
    assert stepper.locator("[aria-current=step]").get_attribute("data-t") == "0"
    assert not watch.complaints


def test_every_figure_on_every_page_answers(book, visit):
    """One control of each: test_every_control_changes_what_is_seen asks all of them, of one figure of each kind."""
    met = []
    for path in pages(book):
        if 'class="rnn-widget' not in (book / path).read_text(encoding="utf-8"):
            continue
        page, watch = visit(book, path)
        for view in page.locator(".rnn").all():
            for control in view.locator("input, button, select").all():
                if not control.is_visible() or control.is_disabled():
                    continue
                made = [control.get_attribute(f"aria-{name}") for name in ("pressed", "selected", "current")]
                if made[0] == "true" or made[1] == "true" or made[2]:
                    continue  # the choice that is already made
                before = snapshot(view)
                change(page, control)
                page.wait_for_function(
                    f"([root, before]) => ({SNAPSHOT})(root) !== before",
                    arg=[view.element_handle(), before],
                )
                met.append((path, view.get_attribute("class")))
                break
            else:
                pytest.fail(f"{path}: a figure without a control that changes something", pytrace=False)
        assert not watch.complaints, path
        page.context.close()
    assert len(met) > 15, met


def test_play_walks_to_the_end_and_pauses(stepper):
    set_range(stepper, "Step t", 13)
    play = stepper.get_by_role("button", name="Play")
    play.click()
    stepper.get_by_role("button", name="Pause").wait_for()
    stepper.locator("[data-t='15'][aria-current=step]").wait_for()
    play.wait_for()
    play.click()  # from the end it starts again
    stepper.locator("[data-t='0'][aria-current=step]").wait_for()
    stepper.get_by_role("button", name="Pause").click()
    assert play.get_attribute("aria-pressed") == "false"


def test_the_keyboard_alone_reaches_and_moves_everything(stepper):
    page = stepper.page
    stepper.locator("[aria-current=step]").focus()
    page.keyboard.press("Shift+Tab")
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        where = page.evaluate(
            "() => { const n = document.activeElement; return n.closest('.rnn-forward') ?"
            " (n.ariaLabel ?? n.querySelector('[role=img]')?.ariaLabel ?? n.labels?.[0]?.textContent ?? n.textContent)"
            " : null }"
        )
        if where is None:
            break
        reached.append(where)
    names = " | ".join(reached)
    for name in ("Hidden size", "Seed", "Step 6: reads", "Play", "Previous", "Next", "Step t", "Training", "Unit 1:"):
        assert name in names, names

    column = stepper.locator("[aria-current=step]")
    column.focus()
    for key, t in (("ArrowRight", 6), ("ArrowLeft", 5), ("Home", 0), ("ArrowLeft", 0), ("End", 15), ("ArrowRight", 15)):
        page.keyboard.press(key)
        assert column.get_attribute("data-t") == str(t)
        assert page.evaluate("document.activeElement.dataset.t") == str(t)
    pick = stepper.locator(".rnn-pick[aria-pressed=true]")
    pick.focus()
    for key, unit in (("ArrowDown", 1), ("End", 7), ("ArrowUp", 6), ("Home", 0)):
        page.keyboard.press(key)
        assert pick.get_attribute("data-unit") == str(unit)
    page_top = page.evaluate("scrollY")
    stepper.locator("[aria-current=step]").focus()
    page.keyboard.press("Home")
    assert page.evaluate("scrollY") == page_top  # arrows never make the page jump


def test_the_units_of_the_cell_are_chosen_by_key_and_pointer(stepper):
    page = stepper.page
    unit = stepper.locator(".rnn-cell-after [aria-pressed=true]")
    unit.focus()
    for key, j in (("ArrowDown", 1), ("End", 7), ("ArrowUp", 6), ("Home", 0)):
        page.keyboard.press(key)
        assert unit.get_attribute("data-unit") == str(j)
        assert page.evaluate("document.activeElement.dataset.unit") == str(j)
    lines = stepper.locator(".rnn-cell-lines path")
    before = attributes(lines, "d")
    assert len(before) == 9  # eight units of the last state, and the input
    stepper.locator(".rnn-cell-after [data-unit='4']").hover()
    assert attributes(lines, "d") != before
    page.mouse.move(1, 1)
    assert attributes(lines, "d") == before
    stepper.locator(".rnn-cell-after [data-unit='4']").click()
    assert unit.get_attribute("data-unit") == "4" and "Unit 5: input" in stepper.locator(".rnn-cell-sum").inner_text()


@pytest.mark.parametrize("updates", [1, 60])
def test_training_shows_the_numbers_of_python(stepper, updates):
    set_range(stepper, "Training", updates)
    trained = ForwardStepper(text=TEXT, hidden_size=8, seed=1, t=5, updates=updates)
    painted(stepper.page)
    assert [row[5] for row in rows(stepper, "units")] == [shown(h) for h in trained.trace.h[5]]
    losses = step_losses(trained.trace.o, trained.targets)
    assert f"mean loss {shown(losses.mean())}" in stepper.inner_text()


def test_one_weight_is_set_by_hand_and_everything_follows(stepper):
    stepper.locator(".rnn-cell-after [data-unit='4']").click()
    choice, value = stepper.get_by_role("combobox", name="Weight"), stepper.get_by_role("slider", name="Value")
    traits = {"text": TEXT, "hidden_size": 8, "seed": 1, "t": 5}
    x = ForwardStepper(**traits).trace.x[5]
    entries = {"unit 3 → unit 5": "Whh[2, 4]", "“\u2068l\u2069” → unit 5": f"Wxh[{x}, 4]", "bias → unit 5": "bh[4]"}
    reset = stepper.get_by_role("button", name="Reset", exact=True)
    assert reset.get_attribute("aria-disabled") == "true"
    for option, entry in entries.items():
        choice.select_option(option)
        drawn = ForwardStepper(**traits).params
        assert value.get_attribute("aria-valuetext") == shown(eval(entry, drawn._asdict()))
        set_range(stepper, "Value", 37)
        painted(stepper.page)
        changed = ForwardStepper(**traits, weight=f"{entry} = 1.85")
        assert [row[5] for row in rows(stepper, "units")] == [shown(h) for h in changed.trace.h[5]]
        losses = step_losses(changed.trace.o, changed.targets)
        assert f"mean loss {shown(losses.mean())}" in stepper.inner_text()
        told = stepper.locator(".rnn-hand-note").inner_text()
        assert told.startswith(f"{entry} is set to 1.850 by hand instead of {shown(eval(entry, drawn._asdict()))}")
    value.focus()
    stepper.page.keyboard.press("ArrowLeft")
    painted(stepper.page)
    assert stepper.locator(".rnn-hand-note").inner_text().startswith("bh[4] is set to 1.800")
    reset.click()
    painted(stepper.page)
    assert [row[5] for row in rows(stepper, "units")] == [shown(h) for h in ForwardStepper(**traits).trace.h[5]]


def test_a_finger_can_do_it_on_a_phone(book, visit):
    page, watch = visit(book, PAGE, width=360, has_touch=True, is_mobile=True)
    view = page.locator(".rnn-forward").first
    view.locator("[data-t='3']").tap()
    assert view.locator("[aria-current=step]").get_attribute("data-t") == "3"
    view.get_by_text("All numbers").tap()
    view.get_by_role("button", name="Unit 3: show the terms").tap()
    assert "The terms of unit 3 at t = 4" in view.inner_text()
    view.get_by_role("button", name="Next step").tap()
    assert view.locator("[aria-current=step]").get_attribute("data-t") == "4"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert not watch.complaints


@pytest.mark.parametrize("typed", ["", "a", "😀"])
def test_a_text_too_short_gets_a_message_and_the_last_picture_stays(stepper, typed):
    field = stepper.get_by_label("Text", exact=True)
    before = stepper.locator(".rnn-summary").inner_text()
    field.fill(typed)
    assert "at least two characters" in stepper.locator(".rnn-control-text .rnn-message").inner_text()
    assert field.get_attribute("aria-invalid") == "true"
    assert stepper.locator(".rnn-summary").inner_text() == before
    set_range(stepper, "Step t", 2)  # the rest goes on working
    assert "At t = 3" in stepper.locator(".rnn-summary").inner_text()
    field.fill("ab")
    assert stepper.locator(".rnn-control-text .rnn-message").inner_text() == ""
    assert "At t = 1" in stepper.locator(".rnn-summary").inner_text()


def test_a_very_long_text_is_cut_with_a_message(stepper):
    stepper.get_by_label("Text", exact=True).fill("春眠不觉晓" * 2000)
    assert "Of 10000 characters, the first 65 are used" in stepper.inner_text()
    assert "6 of 64" in stepper.inner_text()


@pytest.mark.parametrize(
    "text",
    ["👩‍👩‍👧‍👦🇨🇳é̂", "<img src=x onerror=alert(1)>", "aaaa", "  ", "\u200b\u202e\ufeff\x00\x7f", "ﬁ\ufffd𝒳\U0010fffd"],
)
def test_any_unicode_is_shown_as_text(stepper, text):
    stepper.get_by_label("Text", exact=True).fill(text)
    typed = stepper.get_by_label("Text", exact=True).input_value()
    assert len(rows(stepper, "characters")) == len(set(typed))
    assert f"of {len(typed) - 1}" in stepper.inner_text()
    assert stepper.locator("img").count() == 0
    assert all(cell[0].strip() for cell in rows(stepper, "characters"))  # nothing is invisible


@pytest.mark.parametrize("typed", ["-1", "1.5", "9007199254740992", ""])
def test_a_seed_that_is_none_gets_a_message_and_the_last_picture_stays(stepper, typed):
    before = rows(stepper, "units")
    stepper.get_by_label("Seed", exact=True).fill(typed)
    assert "whole number from 0 to 9007199254740991" in stepper.locator(".rnn-control-seed .rnn-message").inner_text()
    assert rows(stepper, "units") == before
    stepper.get_by_label("Seed", exact=True).fill("12")
    assert stepper.locator(".rnn-control-seed .rnn-message").inner_text() == ""
    assert rows(stepper, "units") != before


def test_the_largest_network_and_text_are_shown_whole(stepper):
    text = "".join(chr(0x4E00 + i) for i in range(65))
    stepper.get_by_label("Text", exact=True).fill(text)
    set_range(stepper, "Hidden size H", 64)
    set_range(stepper, "Step t", 63)
    assert (len(rows(stepper, "units")), len(rows(stepper, "characters")), len(rows(stepper, "terms"))) == (64, 65, 66)
    assert "64 of 64" in stepper.inner_text() and "Not drawn: 24 steps before and 0 after." in stepper.inner_text()
    set_range(stepper, "Hidden size H", 1)
    stepper.get_by_label("Text", exact=True).fill("ab")
    assert (len(rows(stepper, "units")), len(rows(stepper, "characters")), len(rows(stepper, "terms"))) == (1, 2, 3)
    assert "1 of 1" in stepper.inner_text()


def test_dark_mode_repaints_at_once(stepper):
    cell = stepper.locator(".rnn-number[role=cell]").first
    before = cell.evaluate("n => getComputedStyle(n).backgroundColor")
    states = stepper.locator(".rnn-river-step > .rnn-river-state").first.evaluate(
        "n => getComputedStyle(n).backgroundImage"
    )
    stepper.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    painted(stepper.page)
    assert cell.evaluate("n => getComputedStyle(n).backgroundColor") != before
    assert (
        stepper.locator(".rnn-river-step > .rnn-river-state").first.evaluate("n => getComputedStyle(n).backgroundImage")
        != states
    )


# On the specimen: linked sliders, several views, given weights


@pytest.fixture
def linked(specimen, visit):
    page, watch = visit(specimen, "pages/stepper.html")
    page.locator(".rnn-forward").nth(2).wait_for()
    yield page
    assert not watch.complaints


def test_sliders_linked_in_python_stay_alive_on_the_page(linked):
    view = linked.locator(".rnn-forward").first
    set_range(linked, "linked step", 2)
    assert view.locator("[aria-current=step]").get_attribute("data-t") == "2"
    view.get_by_role("button", name="Previous step").click()
    assert linked.get_by_label("linked step").input_value() == "1"


def test_a_linked_value_that_cannot_be_shown_gets_a_message_and_the_last_picture_stays(linked):
    view = linked.locator(".rnn-forward").first
    before = rows(view, "units")
    for value in ("0", "2.5"):
        set_range(linked, "linked size", value)
        assert f"1 to 64, not {value}" in view.inner_text()
        assert rows(view, "units") == before
    set_range(linked, "linked size", 5)
    assert "The figure stays" not in view.inner_text()
    assert len(rows(view, "units")) == 5


def test_two_views_of_one_model_move_together(linked):
    first, second = linked.locator(".rnn-forward").nth(0), linked.locator(".rnn-forward").nth(1)
    second.get_by_label("Text", exact=True).fill("two views")
    assert first.get_by_label("Text", exact=True).input_value() == "two views"
    first.get_by_role("button", name="Next step").click()
    assert rows(first, "units") == rows(second, "units")
    assert second.locator("[aria-current=step]").get_attribute("data-t") == "1"


def test_given_weights_are_shown_and_know_only_their_characters(linked):
    view = linked.locator(".rnn-forward").nth(2)
    vocab = Vocabulary("你好李焕英夏洛特烦恼")
    params = init_params(10, 5, rng=np.random.default_rng(7))
    trace = forward(params, vocab.encode("夏洛特烦"))
    assert [row[5] for row in rows(view, "units")] == [shown(h) for h in trace.h[2]]
    assert "Given weights: V = 10, H = 5" in view.inner_text()
    assert not view.get_by_label("Seed", exact=True).is_visible()
    before = rows(view, "units")
    view.get_by_label("Text", exact=True).fill("你好吗！")
    assert "unknown here: 吗 ！" in view.inner_text()
    assert rows(view, "units") == before
    view.get_by_label("Text", exact=True).fill("你好你好")
    assert rows(view, "units") != before


def test_focus_stays_on_a_button_that_has_nothing_left_to_do(stepper):
    page = stepper.page
    stepper.get_by_label("Text", exact=True).fill("abcd")
    button = stepper.get_by_role("button", name="Next step")
    button.focus()
    top = page.evaluate("scrollY")
    for _ in range(6):
        page.keyboard.press("Space")
    assert stepper.locator("[aria-current=step]").get_attribute("data-t") == "2"
    assert button.get_attribute("aria-disabled") == "true"
    assert button.evaluate("n => n === document.activeElement") and page.evaluate("scrollY") == top


def test_arrow_keys_find_their_way_after_the_choice_was_scrolled_away(stepper):
    page = stepper.page
    stepper.get_by_label("Text", exact=True).fill("".join(chr(0x4E00 + i) for i in range(61)))
    set_range(stepper, "Hidden size H", 64)
    chosen = stepper.locator(".rnn-pick[tabindex='0']:visible")
    chosen.focus()
    page.keyboard.press("End")
    stepper.locator(".rnn-units").evaluate("n => n.parentElement.scrollTo(0, 0)")
    painted(page)
    assert chosen.count() == 1  # the Tab key still has a place to stop
    chosen.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.getAttribute('data-unit')") == "1"
    step = stepper.locator(".rnn-river-step[tabindex='0']")
    step.focus()
    for key, t in (("End", 59), ("Home", 0), ("ArrowRight", 1)):  # the strip draws other steps on the way
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.getAttribute('data-t')") == str(t)


def test_keys_of_the_browser_are_left_to_it(stepper):
    column = stepper.locator("[aria-current=step]")
    column.focus()
    for key in ("Control+Home", "Shift+ArrowRight", "Meta+ArrowLeft"):
        stepper.page.keyboard.press(key)
        assert column.get_attribute("data-t") == "5"


def test_a_message_goes_with_the_value_it_was_about(stepper):
    field = stepper.get_by_label("Text", exact=True)
    field.fill("a")
    stepper.get_by_role("button", name="Next step").click()
    assert field.input_value() == TEXT
    assert stepper.locator(".rnn-control-text .rnn-message").inner_text() == ""
    assert field.get_attribute("aria-invalid") == "false"


def test_a_late_style_sheet_does_not_paint_a_dark_page_light(book, browser, serving):
    context = browser.new_context(color_scheme="dark")
    page, waiting = context.new_page(), []
    page.route("**/_static/widgets/*.css", lambda route: waiting.append(route))
    with page.expect_request_finished(lambda request: re.search(r"/_static/widgets/\w+\.js", request.url)) as module:
        page.goto(f"{serving(book)}/{PAGE}", wait_until="commit")
    page.evaluate("(address) => import(address).then(() => {})", module.value.url)  # all that a figure could begin with
    page.evaluate("() => new Promise((done) => setTimeout(done))")
    assert waiting
    for route in waiting:
        route.continue_()
    page.wait_for_function(STARTED)
    cell = page.locator(".rnn-forward .rnn-number[role=cell]").nth(2)  # the bias, 0: the middle of the scale
    red = int(cell.evaluate("n => getComputedStyle(n).backgroundColor").split("(")[1].split(",")[0])
    context.close()
    assert red < 80


@pytest.mark.parametrize("blocked", ["**/host.js*", "**/_static/widgets/*.js", None])
def test_without_its_script_a_figure_is_its_picture_and_a_message(book, browser, serving, blocked):
    context = browser.new_context(java_script_enabled=blocked is not None)
    page = context.new_page()
    if blocked:
        page.route(blocked, lambda route: route.abort())
    page.goto(f"{serving(book)}/{PAGE}")
    widget = page.locator(".rnn-widget").first
    picture, note = widget.locator("img"), widget.locator(".rnn-widget-note:visible")
    assert picture.is_visible() and "a static image" in note.inner_text()
    box, inside = widget.bounding_box(), picture.bounding_box()
    assert box["height"] < inside["height"] + 120  # and no hole below
    context.close()
