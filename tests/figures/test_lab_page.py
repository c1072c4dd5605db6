"""TrainingLab in a real browser, on its chapter's page: it trains what Python trains, and every control answers."""

import re
from pathlib import Path

import numpy as np
import pytest
from browsing import painted
from pages import share, shown, slight, snapshot

from rnnlib import Vocabulary, backward, forward, init_params
from rnnlib._tokens import ramp
from rnnlib.optim import Adam
from rnnlib.train import perplexity, sample, train
from rnnlib.widgets import TrainingLab
from rnnlib.widgets._bundle import words
from rnnlib.widgets.training_lab import OPTIMIZERS

PAGE = "chapters/training.html"
CORPUS = Path(__file__).resolve().parents[2] / "rnnlib" / "data" / "three_character_classic.txt"
GENTLE = {"text": "the cat sat on the mat", "hidden_size": 6, "steps": 8, "learning_rate": 0.01, "clip": 0, "seed": 3}
LABELS = {
    "hidden_size": "Hidden size H",
    "steps": "Steps back",
    "learning_rate": "Learning rate η",
    "clip": "Clip gradient",
    "temperature": "Temperature",
}
CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}

# The slider is moved to the place that says the value, as a reader would move it; every place is heard of at once.
MOVE = """async (node, wanted) => {
  const go = async (value) => {
    node.value = value;
    node.dispatchEvent(new Event("input", { bubbles: true }));
    await Promise.resolve();
    return Number(node.getAttribute("aria-valuetext")) || 0;
  };
  let [low, high] = [0, Number(node.max)];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (await go(middle) < wanted) low = middle + 1;
    else high = middle;
  }
  return go(low);
}"""
STATE = """view => {
  const said = (name) => view.querySelector(`.rnn-lab-${name}`).textContent.replaceAll("\\u202f", "");
  return Object.fromEntries(
    ["update", "reading", "loss", "mean", "perplexity", "bits", "norm", "rate"].map((name) => [name, said(name)]));
}"""
LETTERS = "nodes => nodes.map((node) => [...node.children].map((child) => child.textContent))"


@pytest.fixture
def view(book, visit):
    page, watch = visit(book, PAGE, **CLIPBOARD)
    yield opened(page)
    assert not watch.complaints


def opened(page):
    """The first lab of the page, when it has computed what the page begins with, with all its settings in sight."""
    view = page.locator(".rnn-lab").first
    view.scroll_into_view_if_needed()
    resting(view)
    unfolded(view)
    return view


def unfolded(view):
    view.locator(".rnn-more").evaluate("node => { node.open = true; }")


def card(view, name):
    view.get_by_role("tab", name=name, exact=True).click()


def resting(view):
    view.get_by_role("button", name="Play", exact=True).wait_for()


def press(view, name):
    view.get_by_role("button", name=name, exact=True).click()


def move(view, trait, value):
    slider = view.get_by_role("slider", name=LABELS[trait], exact=True)
    assert slider.evaluate(MOVE, value) == value


def setting(view, **traits):
    """Dial in the traits; the run stands at its start."""
    for trait, value in {**GENTLE, **traits}.items():
        if trait == "text":
            view.get_by_label("Text", exact=True).fill(value)
        elif trait == "seed":
            view.get_by_label("Seed", exact=True).fill(str(value))
        elif trait == "optimizer":
            view.get_by_role("combobox", name="Optimiser").select_option(value)
        else:
            move(view, trait, value)
    assert view.evaluate(STATE)["update"] == "0"


def step(view, n):
    button = view.get_by_role("button", name="One step", exact=True)
    button.evaluate("async (node, n) => { while (n--) { node.click(); await Promise.resolve(); } }", n)


def expected(run, windows):
    """What the panel of numbers shows of a run of Python."""
    n = len(run.losses)
    mean = run.losses[-min(n, windows) :].mean()
    return {
        "update": str(n),
        "reading": str(run.epoch + 1),
        "loss": slight(run.losses[-1]),
        "mean": slight(mean),
        "perplexity": slight(perplexity(mean)),
        "bits": slight(mean / np.log(2)),
        "norm": slight(run.norms[-1]),
        "rate": f"{run.rates[-1]:g}",
    }


@pytest.mark.parametrize(("clip", "text"), [(0, GENTLE["text"]), (0.5, "人之初，性本善。\n性相近，習相遠。")])
def test_what_is_trained_is_what_python_trains(view, clip, text):
    vocab = Vocabulary(text)
    ids = vocab.encode(text)
    for optimizer in OPTIMIZERS:
        traits = GENTLE | {"optimizer": optimizer, "clip": clip, "text": text}
        setting(view, **traits)
        step(view, 30)
        lab = TrainingLab(**traits, updates=30)
        assert view.evaluate(STATE) == expected(lab.run, -(-(len(text) - 1) // 8)), optimizer

        yhat = forward(lab.run.params, ids[:-1]).yhat
        guesses = ["", *(_sign(vocab.characters[i]) for i in yhat.argmax(axis=1))]
        letters = view.locator(".rnn-letter").evaluate_all(LETTERS)
        assert letters == [[_sign(c), guess] for c, guess in zip(text, guesses, strict=True)], optimizer
        drawn = sample(lab.run.params, vocab, text[0], 80, rng=np.random.default_rng(GENTLE["seed"]))
        assert view.locator(".rnn-lab-sample").text_content() == drawn.replace("\n", "⏎"), optimizer


def _sign(character):
    return {" ": "␣", "\n": "⏎"}.get(character, character)


def test_the_colours_of_the_text_are_the_probabilities(view):
    setting(view, optimizer="adam")
    step(view, 20)
    lab = TrainingLab(**GENTLE, optimizer="adam", updates=20)
    vocab = Vocabulary(GENTLE["text"])
    ids = vocab.encode(GENTLE["text"])
    given = forward(lab.run.params, ids[:-1]).yhat[np.arange(len(ids) - 1), ids[1:]]
    fills = view.locator(".rnn-letter > :first-child").evaluate_all("ns => ns.map((n) => n.style.backgroundColor)")
    seen = ["#" + "".join(f"{int(part):02x}" for part in re.findall(r"\d+", fill)) for fill in fills[1:]]
    places = np.floor(40 * given + 0.5).astype(int)
    assert seen == [ramp("grey")[place] for place in places] and len(set(places)) > 3


def test_the_bars_are_the_lengths_of_the_gradients_of_the_steps(view):
    setting(view, optimizer="sgd")
    card(view, "Gradient per step")
    step(view, 1)
    vocab = Vocabulary(GENTLE["text"])
    ids = vocab.encode(GENTLE["text"])
    params = TrainingLab(**GENTLE, optimizer="sgd").start
    da = backward(params, forward(params, ids[:8]), ids[1:9]).da
    path = view.locator(".rnn-norm-bars").get_attribute("d")
    tops = np.array([float(top) for top in re.findall(r"V([\d.]+)", path)])
    line = np.polyfit(np.log(np.linalg.norm(da, axis=1)), tops, 1)
    assert line[0] < 0  # the longer the higher
    assert np.abs(np.polyval(line, np.log(np.linalg.norm(da, axis=1))) - tops).max() < 0.1


def test_the_page_begins_with_the_updates_that_python_gave_before_any_script_runs(book):
    html = (book / PAGE).read_text(encoding="utf-8")
    first = re.search(r"After update 60 the loss is ([\d.]+)", html)
    losses = TrainingLab(hidden_size=8, learning_rate=1.1, steps=16, clip=0, optimizer="sgd", updates=60).run.losses
    assert first[1] == slight(losses[-1])


def test_the_page_begins_with_the_updates_that_python_gave(view):
    lab = TrainingLab(
        text="I am learning RNN", hidden_size=8, learning_rate=1.1, steps=16, clip=0.0, optimizer="sgd", updates=60
    )
    assert view.evaluate(STATE)["update"] == str(len(lab.run.losses)) == "60"


def test_the_learning_rate_turned_on_the_way_is_the_one_of_the_next_update(view):
    setting(view, optimizer="adam")
    step(view, 20)
    move(view, "learning_rate", 0.05)
    step(view, 20)
    lab = TrainingLab(**GENTLE, optimizer="adam", updates=20)
    run = train(lab.run, lab.ids, Adam(), rate=0.05, steps=8, epochs=10**6, updates=40)
    assert view.evaluate(STATE) == expected(run, 3)


def test_play_trains_until_it_is_paused_and_goes_on_there(view):
    setting(view, optimizer="adam")
    press(view, "Play")
    view.page.wait_for_function("n => Number(n.textContent.replace('\\u202f', '')) > 50", arg=handle(view, "update"))
    press(view, "Pause")
    n = int(view.evaluate(STATE)["update"])
    step(view, 1)
    assert view.evaluate(STATE)["update"] == str(n + 1)
    press(view, "Reset")
    assert view.evaluate(STATE)["update"] == "0"
    assert view.get_by_role("button", name="Reset").get_attribute("aria-disabled") == "true"


def handle(view, name):
    return view.locator(f".rnn-lab-{name}").element_handle()


def test_another_text_begins_another_run_which_plays_on(view):
    setting(view)
    press(view, "Play")
    view.get_by_label("Text", exact=True).fill("another text")
    view.page.wait_for_function("n => Number(n.textContent.replace('\\u202f', '')) > 5", arg=handle(view, "update"))
    press(view, "Pause")
    letters = view.locator(".rnn-letter > :first-child").all_text_contents()
    assert "".join(letters).replace("␣", " ") == "another text"


def go_to(view, n):
    """Move the slider of updates."""
    slider = view.get_by_role("slider", name="Update", exact=True)
    slider.evaluate("(node, n) => { node.value = n; node.dispatchEvent(new Event('input', { bubbles: true })); }", n)
    view.page.wait_for_function("([node, n]) => node.textContent === String(n)", arg=[handle(view, "update"), n])


def test_the_run_goes_back_to_any_update_and_forward_again(view):
    setting(view, optimizer="adam", clip=0.5)
    step(view, 70)
    for n in (41, 3, 32, 70, 0, 17):
        go_to(view, n)
        lab = TrainingLab(**GENTLE | {"clip": 0.5}, optimizer="adam", updates=n)
        if n:
            assert view.evaluate(STATE) == expected(lab.run, 3), n
        assert view.locator(".rnn-lab-sample").text_content() == lab.sample.replace("\n", "⏎")
        assert view.locator(".rnn-run-ahead").get_attribute("d").startswith("M") is (n < 70)


def test_another_rate_from_an_update_of_the_past_is_another_run_beside_the_first(view):
    setting(view, optimizer="adam")
    step(view, 40)
    go_to(view, 10)
    move(view, "learning_rate", 0.02)
    step(view, 5)
    lab = TrainingLab(**GENTLE, optimizer="adam", updates=10)
    run = train(lab.run, lab.ids, Adam(), rate=0.02, steps=8, epochs=10**6, updates=15)
    assert view.evaluate(STATE) == expected(run, 3)
    card(view, "Kept runs")
    [told] = view.locator(".rnn-lab-kept li").all_inner_texts()
    assert "A: 40 updates" in told and "η = 0.01" in told
    assert not view.locator(".rnn-run-ahead").get_attribute("d")


def test_the_curve_is_a_handle(view):
    setting(view, optimizer="adam")
    step(view, 40)
    painted(view.page)
    box = view.locator(".rnn-losses").bounding_box()
    dot = view.locator(".rnn-run-dot").bounding_box()
    mouse, y = view.page.mouse, dot["y"] + dot["height"] / 2
    mouse.move(dot["x"] + dot["width"] / 2, y)
    mouse.down()
    mouse.move(box["x"] + box["width"] / 2, y, steps=4)
    painted(view.page)
    half = int(view.evaluate(STATE)["update"])
    assert 15 < half < 25
    mouse.move(box["x"] - 30, y)
    mouse.up()
    painted(view.page)
    assert view.evaluate(STATE)["update"] == "0"
    mouse.move(box["x"] + box["width"] / 2, y)
    painted(view.page)
    assert view.evaluate(STATE)["update"] == "0", "it is let go"


def test_play_waits_where_the_loss_leaps_and_says_so(view):
    press(view, "Reset")
    press(view, "Play")
    resting(view)
    losses = TrainingLab(hidden_size=8, learning_rate=1.1, steps=16, clip=0, optimizer="sgd", updates=60).run.losses
    least, leap = 15, 17
    assert losses[least] == losses[: leap + 1].min() and losses[leap] > 1.5 * losses[least] > losses[leap - 1]
    assert view.evaluate(STATE)["update"] == str(leap + 1)
    summary = view.locator(".rnn-lab-summary").text_content()
    assert f"after update {least + 1} it was {slight(losses[least])}" in summary
    assert f"after update {leap + 1} it is {slight(losses[leap])}" in summary
    press(view, "Play")  # and it goes on
    view.page.wait_for_function("n => Number(n.textContent.replace('\u202f', '')) > 40", arg=handle(view, "update"))
    press(view, "Pause")


def test_the_cards_are_tabs_for_keys_and_screen_readers(view):
    tabs = view.get_by_role("tab")
    assert tabs.count() == 7 and view.get_by_role("tabpanel").count() == 1
    tabs.first.focus()
    for name in ("States", "Weights", "Contributions", "Gradient per step"):
        view.page.keyboard.press("ArrowRight")
        painted(view.page)
        assert page_focus(view) == name
        assert view.get_by_role("tabpanel").get_attribute("aria-label") == name
    assert tabs.evaluate_all("nodes => nodes.map((node) => node.tabIndex)") == [-1, -1, -1, -1, 0, -1, -1]


def test_out_of_sight_nothing_is_trained(view):
    setting(view)
    press(view, "Play")
    page = view.page
    page.evaluate("document.body.append(Object.assign(document.createElement('div'), { style: 'height: 9000px' }))")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    painted(page, 20)
    before = view.evaluate(STATE)["update"]
    painted(page, 20)
    assert view.evaluate(STATE)["update"] == before
    view.scroll_into_view_if_needed()
    page.wait_for_function(
        "([n, before]) => n.textContent.replace('\\u202f', '') !== before", arg=[handle(view, "update"), before]
    )


def test_a_link_brings_the_run_back_number_by_number(view, visit, book):
    setting(view, optimizer="momentum", clip=1, temperature=0.7)
    step(view, 25)
    move(view, "learning_rate", 0.02)
    step(view, 10)
    before = view.evaluate(STATE), view.locator(".rnn-lab-sample").text_content()
    share(view, "Copy link")
    view.get_by_text("Link copied").wait_for()
    link = view.page.evaluate("navigator.clipboard.readText()")
    page, watch = visit(book, f"{PAGE}#{link.split('#')[1]}")
    there = opened(page)
    assert (there.evaluate(STATE), there.locator(".rnn-lab-sample").text_content()) == before
    assert there.get_by_label("Text", exact=True).input_value() == GENTLE["text"]
    assert "comes from the link" in there.locator(".rnn-opened").text_content()
    step(there, 1)
    step(view, 1)
    assert there.evaluate(STATE) == view.evaluate(STATE)
    assert not watch.complaints


def test_kept_runs_stay_in_the_plot_and_can_be_told_apart_without_colour(view):
    for optimizer in ("sgd", "momentum", "adagrad", "rmsprop", "adam", "sgd"):
        setting(view, optimizer=optimizer)
        step(view, 5)
        press(view, "Keep this run")
    lines = view.locator(".rnn-losses .rnn-run-line:not(.rnn-run-now, .rnn-run-ahead)")
    dashes = lines.evaluate_all("ns => ns.map((n) => getComputedStyle(n).strokeDasharray)")
    assert len(set(dashes)) == 6 and "none" not in dashes
    assert view.locator(".rnn-run-letter").all_text_contents() == list("ABCDEF")
    card(view, "Kept runs")
    told = view.locator(".rnn-lab-kept li").all_inner_texts()
    loss = TrainingLab(**GENTLE, optimizer="momentum", updates=5).run.losses[-1]
    assert f"B: 5 updates, last loss {slight(loss)}" in told[1] and "momentum" in told[1]
    assert view.get_by_role("button", name="Keep this run").get_attribute("aria-disabled") == "true"
    press(view, "Remove run C")
    assert view.locator(".rnn-run-letter").all_text_contents() == list("ABDEF")
    press(view, "Keep this run")
    assert sorted(view.locator(".rnn-run-letter").all_text_contents()) == list("ABCDEF")


def test_the_line_of_a_uniform_guess_is_in_the_plot(view):
    setting(view)
    assert view.locator(".rnn-uniform-name").text_content() == "ln V"
    summary = view.locator(".rnn-lab-summary").text_content()
    assert f"near ln 10 = {shown(np.log(10))}" in summary
    view.get_by_label("Text", exact=True).fill("aaaa")  # one character alone: nothing is uncertain
    step(view, 3)
    assert view.locator(".rnn-uniform-name").text_content() == ""
    assert view.evaluate(STATE)["loss"] == "0"


def test_a_rate_that_is_too_large_is_told_and_fresh_weights_at_a_tenth_of_it_learn(view):
    setting(view, optimizer="adam", learning_rate=3)
    step(view, 40)
    run = TrainingLab(**GENTLE | {"learning_rate": 3}, optimizer="adam", updates=40).run
    assert run.losses[-3:].mean() > max(1.3 * np.log(10) + 0.1, run.losses[0])
    summary = view.locator(".rnn-lab-alert")
    assert f"above the {slight(run.losses[0])} of the start" in summary.text_content()
    assert "The learning rate 3 is too large" in summary.text_content()
    press(view, "Go on with half the rate")
    press(view, "Pause")
    assert view.evaluate(STATE)["rate"] == "1.5" and int(view.evaluate(STATE)["update"]) >= 40
    press(view, "Reset")
    move(view, "learning_rate", 3)
    step(view, 40)
    assert "The learning rate 3 is too large" in summary.text_content()
    press(view, "Start anew at a tenth")
    press(view, "Pause")
    press(view, "Reset")  # from the same weights, so that the number of updates is known
    step(view, 60)
    run = TrainingLab(**GENTLE | {"learning_rate": 0.3}, optimizer="adam", updates=60).run
    assert view.evaluate(STATE) == expected(run, 3) and run.losses[-3:].mean() < 0.5
    assert not summary.count()


def test_every_example_can_be_chosen_and_the_classic_is_that_of_the_book(view):
    choice = view.get_by_role("combobox", name="Example")
    field = view.get_by_label("Text", exact=True)
    texts = []
    for i in range(4):
        choice.select_option(index=i)
        painted(view.page)
        texts.append(field.input_value())
    assert len(set(texts)) == 4
    assert texts[0] == "I am learning RNN"
    assert texts[1].split() == ["你好李焕英", "夏洛特烦恼"]
    assert texts[2] == "".join(f"{n} " for n in range(1, 31))
    assert CORPUS.read_text(encoding="utf-8").startswith(texts[3])
    field.fill("mine")
    assert choice.evaluate("n => n.selectedOptions[0].textContent") == "your own text"


@pytest.mark.parametrize("typed", ["", "a"])
def test_a_text_too_short_gets_a_message_and_the_run_stays(view, typed):
    before = view.evaluate(STATE)
    view.get_by_label("Text", exact=True).fill(typed)
    assert "at least two characters" in view.locator(".rnn-control-text .rnn-message").inner_text()
    assert view.evaluate(STATE) == before


def test_a_text_too_long_is_cut_with_a_message(view):
    view.get_by_label("Text", exact=True).fill("ab" * 1500)
    assert "Of 3000 characters, the first 2000 are used" in view.inner_text()
    step(view, 1)
    assert view.locator(".rnn-letter").count() == 200


def test_it_turns_dark_at_once(view):
    card(view, "Weights")
    painted(view.page)
    before = view.locator(".rnn-lab-map").first.evaluate("n => n.toDataURL()")
    view.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    painted(view.page)
    assert view.locator(".rnn-lab-map").first.evaluate("n => n.toDataURL()") != before


@pytest.mark.parametrize("width", [1280, 768, 360])
def test_nothing_is_too_wide(book, visit, width):
    page, _ = visit(book, PAGE, width=width)
    opened(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (360, "dark")])
def test_axe_finds_nothing_in_the_midst_of_training(book, visit, width, theme):
    from axe_playwright_python.sync_playwright import Axe

    page, watch = visit(book, PAGE, width=width, theme=theme)
    view = opened(page)
    press(view, "Keep this run")
    view.get_by_role("combobox", name="Example").select_option(index=3)
    step(view, 5)
    press(view, "Play")
    results = Axe().run(page, context=".rnn-lab")  # what stands around it is checked at rest, with all other pages
    assert results.violations_count == 0, results.generate_report()
    assert not watch.complaints


def test_the_keyboard_alone_reaches_everything(view):
    page = view.page
    view.locator(":is(button, input, select, textarea):visible").first.focus()
    reached = []
    for _ in range(40):
        reached.append(
            page.evaluate(
                """() => { const n = document.activeElement;
                    return n.ariaLabel ?? n.labels?.[0]?.textContent ?? n.textContent }"""
            )
        )
        page.keyboard.press("Tab")
    names = " | ".join(reached)
    for name in [
        *LABELS.values(),
        "Text",
        "Optimiser",
        "Seed",
        "Play",
        "One step",
        "Reset",
        "Keep this run",
        "Share this figure",
    ]:
        assert name in names, names


MOUNT = """async ([esm, traits]) => {
  traits._weights = new DataView(Uint8Array.from(traits._weights).buffer);
  const heard = [];
  const model = {
    get: (name) => traits[name],
    set(name, value) {
      traits[name] = value;
      for (const [names, f] of heard) if (names.includes(`change:${name}`)) f();
    },
    on: (names, f) => heard.push([names.split(" "), f]),
    off: (names, f) => heard.splice(heard.findIndex((each) => each[1] === f), 1),
    save_changes() {},
  };
  const { default: view } = await import(URL.createObjectURL(new Blob([esm], { type: "text/javascript" })));
  const el = document.body.appendChild(document.createElement("div"));
  Object.assign(window, { traits, heard, model, cleanup: view.render({ model, el }) });
}"""


@pytest.fixture
def bare(browser):
    """bare(lab=None, **traits) -> the view on an empty page without a book; traits and clean-up are on `window`."""
    page = browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    def mount(lab=None, **traits):
        state = (lab or TrainingLab(**traits)).get_state()
        plain = {name: value for name, value in state.items() if isinstance(value, (str, int, float))}
        page.evaluate(MOUNT, [TrainingLab._esm, plain | {"_esm": "", "_css": "", "_weights": list(state["_weights"])}])
        unfolded(page.locator(".rnn-lab"))
        return page.locator(".rnn-lab")

    yield mount
    page.close()
    assert not errors


def test_after_the_clean_up_nothing_is_left_running(bare):
    view = bare(**GENTLE)
    press(view, "Play")
    page = view.page
    page.wait_for_function("traits.updates > 0")
    page.evaluate("cleanup()")
    n = page.evaluate("traits.updates")
    painted(page, 40)
    assert page.evaluate("traits.updates") == n and page.evaluate("heard.length") == 0


def test_the_traits_say_what_was_trained(bare):
    view = bare(**GENTLE, optimizer="adam")
    view.get_by_role("button", name="Share this figure").click()
    assert not view.get_by_role("button", name="Copy link").is_visible()  # no address would lead back
    assert view.get_by_role("button", name="Copy Python").is_visible()
    step(view, 12)
    move(view, "learning_rate", 0.02)
    step(view, 3)
    traits = view.page.evaluate(
        "({ ...traits, _trained: [...new Float64Array(traits._trained.buffer)] })",
    )
    assert (traits["updates"], traits["_rates"], traits["learning_rate"]) == (15, "0:0.01,12:0.02", 0.02)
    lab = TrainingLab(**GENTLE, optimizer="adam", updates=12)
    run = train(lab.run, lab.ids, Adam(), rate=0.02, steps=8, epochs=10**6, updates=15)
    np.testing.assert_allclose(traits["_trained"], np.concatenate([p.ravel() for p in run.params]), rtol=1e-9)
    press(view, "Reset")
    assert view.page.evaluate("[traits.updates, traits._rates, traits._trained.byteLength]") == [0, "", 0]


def test_given_weights_are_trained_as_python_trains_them(bare):
    vocab = Vocabulary("the cat sat on the mat!?")
    params = init_params(len(vocab), 5, rng=np.random.default_rng(1))
    traits = {"steps": 8, "learning_rate": 0.01, "clip": 0, "optimizer": "rmsprop"}
    view = bare(TrainingLab.from_params(params, vocab, GENTLE["text"], **traits))
    assert not view.get_by_label("Seed", exact=True).is_visible()
    step(view, 9)
    lab = TrainingLab.from_params(params, vocab, GENTLE["text"], updates=9, **traits)
    assert view.evaluate(STATE) == expected(lab.run, 3)


def test_a_run_that_diverges_stops_says_so_and_goes_on_with_half_the_rate(bare):
    vocab = Vocabulary(GENTLE["text"])
    params = init_params(len(vocab), 5, rng=np.random.default_rng(1))
    params = params._replace(Why=1e308 * np.sign(params.Why))  # the logits, sums of five such numbers, are not finite
    lab = TrainingLab.from_params(params, vocab, GENTLE["text"], steps=8, learning_rate=0.5, clip=0, optimizer="sgd")
    view = bare(lab)
    press(view, "Play")
    resting(view)
    lab.updates = 1
    assert "update 1" in lab.run.stopped and not len(lab.run.losses)
    summary = view.locator(".rnn-lab-summary")
    assert "Training stopped: at update 1 the loss was no finite number" in summary.inner_text()
    assert "learning rate 0.5 each step overshoots" in summary.inner_text()
    assert view.page.evaluate("traits.updates") == 0 and view.evaluate(STATE)["update"] == "0"
    press(view, "Go on with half the rate")
    resting(view)
    assert page_focus(view) == "Play", "the button that was pressed may be gone"
    assert view.page.evaluate("traits.learning_rate") == 0.25
    assert "learning rate 0.25 each step overshoots" in summary.inner_text()
    press(view, "Reset")
    assert "Training stopped" not in summary.inner_text()
    assert not view.get_by_role("button", name="Go on with half the rate").count()


def page_focus(view):
    return view.evaluate("() => document.activeElement.textContent")


def test_given_weights_that_begin_badly_and_learn_are_not_told_off(bare):
    vocab = Vocabulary(GENTLE["text"])
    params = init_params(len(vocab), 5, rng=np.random.default_rng(1))
    params = params._replace(by=30.0 * (np.arange(len(vocab)) == 0))  # sure of one character, and mostly wrong
    traits = {"steps": 8, "learning_rate": 0.01, "clip": 0, "optimizer": "adam"}
    view = bare(TrainingLab.from_params(params, vocab, GENTLE["text"], **traits))
    step(view, 25)
    run = TrainingLab.from_params(params, vocab, GENTLE["text"], updates=25, **traits).run
    assert run.losses[0] > run.losses[-3:].mean() > 1.3 * np.log(10) + 0.1
    assert not view.locator(".rnn-lab-alert").count()


def test_where_the_optimiser_forgot_the_replay_forgets_too(bare):
    view = bare(**GENTLE, optimizer="adam", updates=12)
    resting(view)
    view.page.evaluate(
        """() => {
          traits._rates = "0:0.01,5:0.02*,9:0.01";
          model.set("learning_rate", 0.01);
          model.set("updates", 14);
        }"""
    )
    view.page.wait_for_function("node => node.textContent === '14'", arg=handle(view, "update"))
    lab = TrainingLab(**GENTLE, optimizer="adam", updates=14)
    lab._rates = "0:0.01,5:0.02*,9:0.01"
    assert view.evaluate(STATE) == expected(lab.run, 3)
    lab._rates = "0:0.01,5:0.02,9:0.01"
    assert view.evaluate(STATE) != expected(lab.run, 3)


def test_updates_set_from_python_are_trained(bare):
    view = bare(**GENTLE, updates=7)
    resting(view)
    assert view.evaluate(STATE)["update"] == "7"
    for n in (30, 12):  # on, and back
        view.page.evaluate("n => model.set('updates', n)", n)
        view.page.wait_for_function("([node, n]) => node.textContent === String(n)", arg=[handle(view, "update"), n])
        assert view.evaluate(STATE) == expected(TrainingLab(**GENTLE, updates=n).run, 3)


def test_a_trait_that_cannot_be_shown_gets_a_message(bare):
    view = bare(**GENTLE)
    view.page.evaluate("model.set('steps', 2.5)")
    view.get_by_text("from 1 to 64, not 2.5").wait_for()
    view.page.evaluate("model.set('steps', 4)")
    view.page.wait_for_function("view => !view.innerText.includes('The figure stays')", arg=view.element_handle())


def test_every_sentence_is_whole(view):
    assert not re.search(r"[{}]|undefined|NaN", view.inner_text())
    assert snapshot(view) == snapshot(view)
    assert "{" in words()["en"]["lab_summary"]
