"""TrainingLab's cells and tasks in a real browser: their controls, what the plot shows, messages, a narrow page."""

import re

import numpy as np
import pytest
from figure_pages import write_page

import rnnlib
from rnnlib import gru, lstm, tasks
from rnnlib.widgets import TrainingLab
from rnnlib.widgets._bundle import words

WORDS = words()["en"]
CELLS = {"rnn": rnnlib, "lstm": lstm, "gru": gru}
ABOUT = {"all": ("loss (nats)", "ln V"), "loss": ("loss (nats)", "ln 4"), "share": ("hits", "1/4")}


@pytest.fixture
def opens(browser, serving, tmp_path):
    """opens(lab, width) -> its view; what the page complained about fails the test."""
    pages, complaints = [], []

    def go(lab, width=800):
        page = browser.new_page(viewport={"width": width, "height": 900})
        pages.append(page)
        page.on("console", lambda m: m.type in ("error", "warning") and complaints.append(m.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{serving(tmp_path)}/{write_page(tmp_path, [lab])}")
        page.locator(".rnn-widget[data-state=live]").wait_for()
        return page.locator(".rnn")

    yield go
    for page in pages:
        page.close()
    assert not complaints


def press(view, name):
    view.get_by_role("button", name=name, exact=True).click()


def step(view, n):
    button = view.get_by_role("button", name="One step", exact=True)
    button.evaluate("async (node, n) => { while (n--) { node.click(); await Promise.resolve(); } }", n)


def number(view, name):
    return view.locator(f".rnn-lab-{name}").text_content().replace("\u202f", "")


def at(view, update):
    view.locator(".rnn-lab-update", has_text=re.compile(f"^{update}$")).wait_for(state="attached")


def choose(view, name, option):
    view.get_by_role("combobox", name=name, exact=True).select_option(label=option)


def reaches(view, lab):
    """The card of the contributions says what Python computes of the row of the recalled place."""
    text = view.locator(".rnn-lab-reached").text_content().replace("\u202f", "")
    update, row, first, between = re.search(
        r"update (\d+), .* recalled character, in row (\d+)\. .* step 1 has length (\S+) %, .* length (\S+) % on", text
    ).groups()
    due = np.flatnonzero(np.isin(lab.ids[1:], lab.vocab.encode(lab.recalled)))[0]
    lengths = lab.contributions[due, : due + 1]
    assert (int(update), int(row)) == (lab.updates, due + 1)
    shown = lengths[0] / lengths.max(), lengths[1:-1].mean() / lengths.max()
    np.testing.assert_allclose([float(first), float(between)], np.multiply(100, shown), rtol=0, atol=0.051)


def test_three_cells_train_what_python_trains_and_are_compared(opens):
    task = tasks.recall(2, rng=np.random.default_rng(0), length=60)
    given = {**task._asdict(), "hidden_size": 6, "seed": 5, "learning_rate": 0.03}
    view = opens(TrainingLab(cell="lstm", **given))
    titles = {"all": WORDS["lab_losses_title"], "loss": WORDS["lab_recalled_title"], "share": WORDS["lab_hits_title"]}
    plot = view.get_by_role("combobox", name=WORDS["lab_about"])
    assert plot.locator("option").all_text_contents() == list(titles.values()) and plot.input_value() == "share"
    view.get_by_role("tab", name=WORDS["back_card_shares"]).click()
    for cell, name in (("rnn", "vanilla"), ("lstm", "LSTM"), ("gru", "GRU")):
        choose(view, WORDS["lab_cell"], name)
        at(view, 0)
        step(view, 60)
        at(view, 60)
        lab = TrainingLab(cell=cell, updates=60, **given)
        assert number(view, "loss") == f"{lab.run.losses[-1]:.3f}"
        text = view.locator(".rnn-lab-summary").text_content()
        right, of = map(int, re.search(r"(\d+) of (\d+) are right; their", text).groups())
        trace = CELLS[cell].forward(lab.params, lab.ids[:-1])
        due = np.isin(lab.ids[1:], lab.vocab.encode(lab.recalled))
        assert (right, of) == ((trace.o.argmax(axis=1) == lab.ids[1:])[due].sum(), due.sum())
        reaches(view, lab)
        press(view, WORDS["lab_keep"])
    view.get_by_role("slider", name=WORDS["lab_place"], exact=True).press("Home")  # back along the run
    at(view, 0)
    reaches(view, TrainingLab(cell=cell, **given))
    view.get_by_role("tab", name=WORDS["lab_kept_title"]).click()
    kept = view.locator(".rnn-lab-kept li").all_inner_texts()
    assert [name in told for name, told in zip(("vanilla", "LSTM", "GRU"), kept, strict=True)] == [True] * 3
    for about, (up, guess) in ABOUT.items():
        plot.select_option(about)
        names = view.locator(".rnn-losses svg > text").all_text_contents()
        assert up in names and view.locator(".rnn-uniform-name").text_content() == guess
        assert view.locator(".rnn-run-letter").all_text_contents() == ["A", "B", "C"]
        lines = view.locator(".rnn-losses .rnn-run-line:not(.rnn-run-ahead)")
        paths = lines.evaluate_all("nodes => nodes.map((node) => node.getAttribute('d'))")
        assert len(set(paths)) >= 3 and not any("NaN" in path for path in paths)
    assert view.locator(".rnn-letter-recalled").count() == of


def test_tasks_are_chosen_and_their_size_turned_and_what_cannot_be_is_told(opens):
    view = opens(TrainingLab(), width=360)
    view.locator(".rnn-more > summary").click()
    text, recalled = (view.get_by_label(WORDS[key], exact=True) for key in ("text", "lab_recalled"))
    for kind, key, size, label in (
        ("recall", "lab_preset_recall", 10, "lab_fillers"),
        ("brackets", "lab_preset_brackets", 4, "lab_depth"),
        ("sums", "lab_preset_sums", 4, "lab_fillers"),
    ):
        choose(view, WORDS["lab_preset"], WORDS[key])
        slider = view.get_by_role("slider", name=WORDS[label], exact=True)
        for n, turn in ((size, None), (size + 1, "ArrowRight"), (size, "ArrowLeft"), (1, "Home")):
            if turn:
                slider.press(turn)
            made = getattr(tasks, kind)(n, rng=np.random.default_rng(0))
            assert slider.get_attribute("aria-valuetext") == str(n)
            assert (text.input_value(), recalled.input_value()) == (made.text, made.recalled)
            assert view.get_by_role("slider", name="Steps back").get_attribute("aria-valuetext") == str(made.steps)
    view.get_by_role("slider", name="Steps back").press("Home")
    step(view, 3)
    at(view, 3)
    assert WORDS["lab_recall_short"].format(line=6, steps=1) in view.locator(".rnn-lab-summary").text_content()
    message = view.locator(".rnn-control-lab_recalled .rnn-message")
    recalled.fill("x")
    assert message.text_content() == WORDS["lab_bad_recalled"].format(most=16, value="x")
    assert recalled.get_attribute("aria-invalid") == "true" and number(view, "update") == "3"
    recalled.fill("=")
    at(view, 0)
    assert message.text_content() == ""
    text.fill("no such sign here")
    view.locator(".rnn-lab-head > .rnn-title").wait_for()
    assert recalled.input_value() == ""
    assert not view.get_by_role("combobox", name=WORDS["lab_about"]).is_visible()
    assert not view.get_by_role("slider", name=WORDS["lab_fillers"], exact=True).is_visible()
    step(view, 2)
    at(view, 2)
    assert "recalled" not in view.locator(".rnn-lab-summary").text_content()
    bias = view.get_by_role("slider", name=WORDS["flow_forget_bias"], exact=True)
    assert not bias.is_visible()
    choose(view, WORDS["lab_cell"], "LSTM")
    bias.press("End")
    assert bias.get_attribute("aria-valuetext") == "6"
    step(view, 2)
    at(view, 2)
    lab = TrainingLab(text="no such sign here", cell="lstm", forget_bias=6, steps=1, updates=2)
    assert number(view, "loss") == f"{lab.run.losses[-1]:.3f}"
    assert view.evaluate("node => node.scrollWidth <= node.clientWidth + 1")
