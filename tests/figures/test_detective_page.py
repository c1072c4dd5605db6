"""GradientDetective in a real browser: by mouse, by key and by touch.

What it computes and says of every line in every case is in tests/widgets/test_detective.py, without a browser.
"""

import re

import numpy as np
import pytest
from browsing import painted
from pages import set_range, slight

from rnnlib.widgets._bundle import words
from rnnlib.widgets.gradient_detective import (
    CASES,
    LINES,
    NONE,
    GradientDetective,
    faults,
    fingerprints,
    written,
)

KEYS = [*CASES]
TITLES = {key: words()["en"][key].split("\n")[0] for key in KEYS}
N = len(KEYS)
NAMES = ("Wxh", "Whh", "Why", "bh", "by", "h0")


@pytest.fixture
def view(visit_alone):
    """The figure as the chapter has it."""
    page, watch = visit_alone(GradientDetective())
    view = page.locator(".rnn-detective").first
    view.wait_for()
    view.get_by_text("More settings").click()
    yield view
    assert not watch.complaints


def cases(view):
    return view.get_by_role("combobox", name="Case", exact=True)


def choose(view, case):
    cases(view).select_option(str(case))


def pick(view, key):
    view.locator(f"input[type=radio][value={key}]").check()


def wrong_maps(view):
    return [name for name, (word, _, _) in maps(view).items() if word == "wrong"]


def verdict(view):
    return view.locator(".rnn-verdict").inner_text()


def maps(view):
    """name -> (right or wrong, the worst error as it is printed, its index)"""
    found = {}
    for text in view.locator(".rnn-error-map").all_inner_texts():
        name, word, error, index = re.fullmatch(
            r"d(\w+) (right|wrong)\s+([\d.e−+∞]+) at \[([\d, ]+)\]", text.strip().replace("\u00a0", " ")
        ).groups()
        found[name] = word, error, tuple(int(i) for i in index.split(","))
    return found


def batches(view):
    return view.get_by_role("combobox", name="Sequences")


def widget_of(view, case):
    """The Python widget that shows what the page shows."""
    text = view.get_by_label("Text", exact=True).input_value()
    size = int(view.get_by_role("slider", name="Hidden size H").input_value())
    seed = int(view.get_by_label("Seed", exact=True).input_value())
    return GradientDetective(text=text, hidden_size=size, seed=seed, case=case, batch=int(batches(view).input_value()))


def assert_ends(told, losses):
    """The first and the last loss, where rounding errors have grown."""
    first, last = map(float, re.search(r"gradient: ([\d.]+) → ([\d.]+) nats$", told.strip()).groups())
    assert first == pytest.approx(losses[0], abs=6e-4)
    assert last == pytest.approx(losses[-1], rel=1e-2, abs=6e-4)


def assert_shows(view, case):
    """The errors and the training are those of Python."""
    widget, found = widget_of(view, case), maps(view)
    report, losses = widget.report, widget.losses
    assert tuple(found) == tuple(report.checks)
    for name, check in report.checks.items():
        word, error, index = found[name]
        assert word == ("right" if check.ok else "wrong"), (case, name)
        if check.ok:  # rounding errors are others here and there
            assert float(error.replace("−", "-")) < 1e-7
            continue
        assert error == slight(check.error)
        assert report.relative_errors[name][index] == pytest.approx(check.error, rel=1e-6)
    given, right = view.locator(".rnn-curve-line").all_inner_texts()
    healthy = GradientDetective(text=widget.text, hidden_size=widget.hidden_size, seed=widget.seed, case=0)
    healthy.batch = widget.batch
    assert_ends(right, healthy.losses)
    assert right.split()[-2] in view.locator(".rnn-summary").inner_text().rpartition("the healthy one to ")[2]
    reached = np.isfinite(losses).sum()
    points = view.locator("polyline").evaluate_all("lines => lines.map((line) => line.points.length)")
    assert points[1] == 201
    if reached < 201:
        assert "a number is no longer finite" in given
    else:
        assert_ends(given, losses)
        assert points[0] == 201


def test_a_case_shows_the_numbers_of_python(view):
    """A wrong sum, all gradients wrong, training that breaks off, two mistakes, healthy code; another network."""
    for case in (3, 5, 7, 12, 0):
        choose(view, case)
        assert_shows(view, case)
    view.get_by_label("Text", exact=True).fill("循环神经网络，循环不已")
    view.get_by_label("Seed", exact=True).fill(str(2**40))
    set_range(view, "Hidden size H", 7)
    assert_shows(view, 0)


def test_a_batch_shows_its_numbers_and_its_lines(view):
    choose(view, 6)
    batches(view).select_option("2")
    for case in (6, 3, 16):
        choose(view, case)
        assert_shows(view, case)
    lines = view.locator(".rnn-line:has(.rnn-dots) code").all_inner_texts()
    assert lines == [written(line)[1].strip() for line in LINES] != [line.strip() for line in LINES.values()]
    batches(view).select_option("1")
    choose(view, 3)
    assert view.locator(".rnn-line:has(.rnn-dots) code").all_inner_texts() == [line.strip() for line in LINES.values()]


def test_a_mistake_of_a_batch_needs_two_sequences(view):
    assert batches(view).input_value() == "1"
    choose(view, 16)
    assert batches(view).input_value() == "2" and wrong_maps(view) == ["bh"]
    batches(view).select_option("1")
    assert not wrong_maps(view) and "With one sequence the fault does not show" in verdict(view)
    batches(view).select_option("2")
    pick(view, "dbh")
    assert "Found. Line 10" in verdict(view)
    assert view.locator("del:visible").all_inner_texts() == ["dbh = da[:, 0].sum(axis=0)"]
    assert view.locator("ins:visible").all_inner_texts() == ["dbh = da.sum(axis=(0, 1))"]


def test_the_lines_at_fault_are_the_answer_in_every_case(view):
    """One line that is right, and then those that are not."""
    for case, key in enumerate(KEYS, 1):
        at_fault = faults(CASES[key])
        choose(view, case)
        number, line = next((number, line) for number, line in enumerate(LINES, 1) if line not in at_fault)
        pick(view, line)
        said = verdict(view)
        assert said.startswith(f"Line {number} is right") and not re.search(r"[{}]|undefined|NaN", said)
        for line in at_fault:
            assert not view.locator(".rnn-diff:visible").count()
            pick(view, line)
        place = {1: "is at fault", 2: "are at fault"}[len(at_fault)]
        assert f"{place}: {TITLES[key]}." in verdict(view)
        form = int(view.locator("select").nth(1).input_value()) - 1
        was = [(form and one.batch_code) or one.code for one in CASES[key]]
        assert view.locator("del:visible").all_inner_texts() == [code.strip() for code in was]
        belongs = [written(one.line)[form].strip() for one in CASES[key]]
        assert view.locator("ins:visible").all_inner_texts() == belongs
        told = view.locator(".rnn-verdict-panel").inner_text()
        assert words()["en"][key].split("\n")[3] in told and not re.search(r"[{}]|undefined|NaN", told)
        assert f"{case} of {N} found" in view.inner_text()


@pytest.mark.parametrize("case, batch", [(5, 1), (8, 2)])
def test_a_line_that_is_right_gets_an_answer_that_is_true(view, case, batch):
    """One case in which the places differ in size, one in which the last step tells."""
    choose(view, case)
    batches(view).select_option(str(batch))
    wrong = set(wrong_maps(view))
    pick(view, NONE)
    assert verdict(view) == words()["en"]["detective_not_none"]
    for number, line in enumerate(LINES, 1):
        if line in faults(CASES[KEYS[case - 1]]):
            continue
        pick(view, line)
        said = verdict(view)
        assert said.startswith(f"Line {number} is right") and not re.search(r"[{}]|undefined|NaN", said)
        beyond, missing = re.search(r"could not reach (.*)\.", said), re.search(r"would show in (.*) too\.", said)
        if beyond:
            assert set(beyond[1].split(", ")) <= {f"d{name}" for name in wrong}
        if missing:
            assert not set(missing[1].split(", ")) & {f"d{name}" for name in wrong}
        row = re.search(r"row (\d+) of dWxh: “\u2068(.)\u2069”", said)
        if row:
            widget = widget_of(view, case)
            read = widget.trace.x.ravel().tolist()
            assert widget.vocab.characters[int(row[1])] == row[2] and read.index(int(row[1])) == len(read) - 1
            errors = widget.report.relative_errors["Wxh"][int(row[1])]
            assert (errors.max() < 1e-5) == ("Here the last step is right" in said)
        before = re.search(r"before the first update is ([\d.]+)", said)
        if before:
            assert float(before[1]) == pytest.approx(widget_of(view, case).losses[0], abs=6e-6)
        assert not view.locator(".rnn-diff:visible").count()


def test_a_case_has_a_name_only_when_it_is_solved(view):
    names = view.locator("select option").all_inner_texts()
    numbers = [f"Case {i}" if i < 14 else f"Case {i}, in a batch" for i in range(1, N + 1)]
    assert names == ["Healthy code, for comparison", *numbers, "1: forwards", "2: both ways"]
    choose(view, 6)
    assert "late" not in view.inner_text()
    pick(view, "dWhh")
    assert view.locator("select option").nth(6).inner_text() == "Case 6: " + TITLES["mistake_late"]
    choose(view, 7)
    assert not view.locator("input[type=radio]:checked").count()
    choose(view, 6)
    assert view.locator("input[type=radio]:checked").get_attribute("value") == "dWhh"
    assert "Found. Line 9" in verdict(view)


def test_an_answer_that_is_asked_for_is_shown_and_not_counted(view):
    choose(view, 3)
    view.get_by_role("button", name="Show the answer").click()
    assert "Line 8 is at fault: " + TITLES["mistake_lost_state"] in verdict(view)
    assert view.locator("del").first.is_visible() and "0 of 17 found" in view.inner_text()
    assert view.get_by_role("button", name="Show the answer").get_attribute("aria-disabled") == "true"


def test_in_a_case_that_is_solved_no_more_is_picked(view):
    choose(view, 6)
    pick(view, "dWhh")
    before = view.inner_text()
    view.locator(".rnn-line").first.click(force=True)  # it says that it is disabled
    view.locator("input[type=radio][value=dbh]").focus()
    view.page.keyboard.press("Space")
    painted(view.page)
    assert view.locator("input[type=radio]:checked").get_attribute("value") == "dWhh"
    assert view.inner_text() == before
    choose(view, 7)
    pick(view, "dbh")
    assert view.locator("input[type=radio]:checked").get_attribute("value") == "dbh"


def test_in_healthy_code_every_line_is_right(view):
    choose(view, 0)
    for number, line in enumerate(LINES, 1):
        pick(view, line)
        assert f"Line {number} is right, as all lines are here" in verdict(view)
    assert not view.locator(".rnn-diff:visible").count() and "0 of 17 found" in view.inner_text()
    pick(view, NONE)
    assert verdict(view) == words()["en"]["detective_none_healthy"]


def test_the_keyboard_alone_solves_a_case(view):
    page = view.page
    cases(view).focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert cases(view).input_value() == "1"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # on the button for the next case
    assert cases(view).input_value() == "2"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.evaluate("document.activeElement.textContent") == "Compare"
    assert view.locator(".rnn-compared").is_visible()
    page.keyboard.press("Tab")
    assert batches(view).evaluate("node => node === document.activeElement")
    page.keyboard.press("Tab")
    at = "document.activeElement.value"
    assert page.evaluate(at) == "state"
    top = page.evaluate("scrollY")
    for key, line in (
        ("ArrowDown", "softmax"),
        ("End", NONE),
        ("ArrowDown", NONE),
        ("Home", "state"),
        ("ArrowUp", "state"),
    ):
        page.keyboard.press(key)
        assert page.evaluate(at) == line
        assert not view.locator("input[type=radio]:checked").count()  # reading on picks nothing
    assert abs(page.evaluate("scrollY") - top) < 900
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    assert "Found. Line 4" in verdict(view)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Show the answer"


def test_previous_and_next_stop_at_the_ends(view):
    previous, following = (view.get_by_role("button", name=name) for name in ("Previous case", "Next case"))
    choose(view, 0)
    previous.click(force=True)
    assert cases(view).input_value() == "0"
    following.click()
    assert cases(view).input_value() == "1"
    choose(view, N - 1)
    for _ in range(2):
        following.click(force=True)
        assert cases(view).input_value() == str(N)
    previous.click()
    assert cases(view).input_value() == str(N - 1)


def test_a_finger_can_do_it_on_a_phone(visit_alone):
    page, watch = visit_alone(GradientDetective(), width=360, has_touch=True, is_mobile=True)
    view = page.locator(".rnn-detective").first
    choose(view, 9)
    view.locator(".rnn-line:has(input[value=dWhh])").tap()
    assert "Found. Line 9" in verdict(view)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    boxes = view.locator(".rnn-line").evaluate_all("ns => ns.map((n) => n.getBoundingClientRect().height)")
    assert min(boxes) >= 24
    assert not watch.complaints


def test_a_fault_that_does_not_show_is_said_to_be_so(view):
    set_range(view, "Hidden size H", 1)
    choose(view, 8)  # a transposed matrix of one number is the same
    assert "With this network the fault does not show" in verdict(view)
    pick(view, "dWhh")
    assert "With this network the fault does not show" in verdict(view)
    pick(view, "back")
    assert "Found. Line 7" in verdict(view)
    view.get_by_label("Text", exact=True).fill("ab")
    choose(view, 2)  # one step: the sum is the mean
    assert "With this network the fault does not show" in verdict(view)


def test_a_longer_text_is_cut_with_a_message(view):
    view.get_by_label("Text", exact=True).fill("ab" * 20)
    assert "Of 40 characters, the first 25 are used" in view.inner_text()
    assert "T = 24" in view.inner_text()


def test_dark_mode_repaints_at_once(view):
    pixels = view.locator("canvas").first.evaluate("n => n.toDataURL()")
    view.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    painted(view.page)
    assert view.locator("canvas").first.evaluate("n => n.toDataURL()") != pixels


def test_it_opens_at_a_case_that_hides(view):
    assert cases(view).input_value() == "3" and wrong_maps(view) == ["Whh"]
    assert view.locator(".rnn-curve-line").all_inner_texts() == [
        "this gradient: 2.480 → 0.696 nats",
        "healthy gradient: 2.480 → 0.670 nats",
    ]


def dots(view):
    """line -> the gradients with a dot, as they are drawn and as they are said"""
    found = {}
    for row in view.locator(".rnn-line:has(.rnn-dots)").all():
        drawn = [name for name, dot in zip(NAMES, row.locator(".rnn-dot").all_inner_texts(), strict=True) if dot == "●"]
        said = re.findall(r"d(\w+)", row.locator(".rnn-said").text_content())
        assert said == drawn
        found[row.locator("input").get_attribute("value")] = drawn
    return found


def test_the_dots_of_each_line_are_its_fingerprint_and_the_wrong_columns_are_marked(view):
    for case in (5, 12):
        choose(view, case)
        assert dots(view) == fingerprints()
        lit = view.locator(".rnn-line:has(input[value=state]) .rnn-dot").evaluate_all(
            "nodes => nodes.map((node) => node.classList.contains('rnn-dot-lit'))"
        )
        assert [name for name, on in zip(NAMES, lit, strict=True) if on] == wrong_maps(view)


def test_only_when_it_is_asked_for_a_line_that_cannot_be_at_fault_is_struck_through(view):
    struck = ".rnn-line-not input"
    assert not view.locator(struck).count() and not view.locator(".rnn-compared").is_visible()
    button = view.get_by_role("button", name="Compare")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    marks = fingerprints()
    for case in (0, 3, 11, 12, 13):
        key = ["", *KEYS][case]
        choose(view, case)
        wrong = set(wrong_maps(view))
        values = "nodes => nodes.map((node) => node.value)"
        expected = [line for line in LINES if wrong and not set(marks[line]) <= wrong]
        assert view.locator(struck).evaluate_all(values) == expected
        fitting = [line for line in LINES if set(marks[line]) == wrong]
        assert view.locator(".rnn-line-fits input").evaluate_all(values) == fitting
        for code in view.locator(".rnn-line code").all():
            is_struck = "line-through" in code.evaluate("node => getComputedStyle(node).textDecorationLine")
            assert is_struck == (code.evaluate("node => node.parentNode.firstChild.value") in expected)
        said = view.locator(".rnn-compared").inner_text()
        if key and len(CASES[key]) == 1 and CASES[key][0].line in LINES:
            assert CASES[key][0].line in fitting
            assert all(re.search(rf"\b{1 + [*LINES].index(one)}\b", said) for one in fitting)
        elif key:
            assert not fitting and said.startswith("No line fits")
    button.click()
    assert not view.locator(struck).count() and not view.locator(".rnn-compared").is_visible()


@pytest.mark.parametrize("first, second", [("dWhh", "dbh"), ("dbh", "dWhh")])
def test_two_mistakes_are_found_one_after_the_other(view, first, second):
    choose(view, 12)
    assert wrong_maps(view) == ["Whh", "bh"]
    pick(view, first)
    beyond = {"dWhh": "dbh", "dbh": "dWhh"}[first]
    assert f"not alone: a fault in it could not reach {beyond}." in verdict(view)
    pick(view, "before")
    assert verdict(view).startswith("Line 8 is right") and "0 of 17 found" in view.inner_text()
    pick(view, second)
    assert "Found. Lines 9 and 10 are at fault" in verdict(view) and "1 of 17 found" in view.inner_text()
    assert view.locator("del:visible").count() == 2 == view.locator(".rnn-line-fault").count()


def test_none_of_these_is_the_answer_where_the_mistake_is_elsewhere(view):
    choose(view, 13)
    assert wrong_maps(view) == ["Wxh"]
    pick(view, NONE)
    assert "Found. None of these lines is at fault" in verdict(view) and "1 of 17 found" in view.inner_text()
    view.get_by_label("Text", exact=True).fill("abcd")  # no character is read again
    choose(view, 0)
    choose(view, 13)
    assert not wrong_maps(view)


@pytest.mark.parametrize("width, most", [(800, 760), (360, 1250)])
def test_the_first_state_is_no_higher_than_the_design_allows(visit_alone, width, most):
    page, watch = visit_alone(GradientDetective(), width=width)
    view = page.locator(".rnn-detective").first
    assert view.evaluate("node => node.offsetHeight") <= most
    assert not watch.complaints
