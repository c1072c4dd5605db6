"""The foot of every figure in a real browser: its state as a link, as an image and as lines of Python."""

import base64
import io
import re
from itertools import cycle
from urllib.parse import parse_qsl, urlencode, urlsplit

import numpy as np
import pytest
from browsing import painted
from figure_pages import write_page
from pages import SNAPSHOT, rows, share, shown
from PIL import Image

from rnnlib import Params, Vocabulary, gru, init_params, lstm, step_losses
from rnnlib.formulations.dialects import DIALECTS
from rnnlib.widgets import (
    BackwardStepper,
    Cliff,
    ForwardStepper,
    GatedStepper,
    GradientDetective,
    GradientFlow,
    GraphStepper,
    LogitLoss,
    River,
    Rosetta,
    TrainingLab,
    gradient_detective,
)
from rnnlib.widgets._bundle import words

WORDS = words()["en"]
CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}
FIGURES = {
    "forward-stepper": ForwardStepper,
    "backward-stepper": BackwardStepper,
    "cliff": Cliff,
    "gated-stepper": GatedStepper,
    "gradient-detective": GradientDetective,
    "gradient-flow": GradientFlow,
    "graph-stepper": GraphStepper,
    "logit-loss": LogitLoss,
    "river": River,
    "rosetta": Rosetta,
    "training-lab": TrainingLab,
}
# Texts that a page, an address, XML and a line of Python may each stumble over
CHARACTERS = [
    *"ab &#%+=?/\\\"'`{}$<>\u00e9\u4f60\u597d\u05d0",
    "\u0301",
    "\u202e",
    "\u200d",
    "\U0001f642",
    "\U00020bb7",
]
CONTROLS = ["\n", "\r", "\t", "\x00", "\x0b", "\x1b", "\u2028", "\ufeff", "\uffff", "\U0010ffff"]


def random_text(rng, most, characters=CHARACTERS + CONTROLS):
    return "".join(rng.choice(characters, size=int(rng.integers(2, most + 1))))


def random_figure(name, rng):
    """A figure of this name in a random state, and the traits that say which."""
    text = random_text(
        rng, {"graph-stepper": 3, "gradient-detective": 8, "rosetta": 25, "training-lab": 40}.get(name, 30)
    )
    last = len(text) - 2
    H = int(rng.integers(1, {"graph-stepper": 4, "rosetta": 7}.get(name, 8)))
    traits = {"text": text, "hidden_size": H, "seed": int(rng.choice([0, 7, 2**53 - 1]))}
    pick = lambda *choices: choices[int(rng.integers(len(choices)))]  # noqa: E731
    upto = lambda most: int(rng.integers(0, most + 1))  # noqa: E731
    if name == "cliff":
        traits = {"w": pick(0.5, 1.35, 2.5), "b": pick(-0.2, -0.05, 0.075, 1.0), "steps": pick(2, 30, 50)}
        traits |= {"rate": pick(0.001, 0.012), "clip": pick(0.1, 2.5), "clipping": pick("norm", "value")}
        traits |= {"updates": upto(60)}
    elif name == "forward-stepper":
        traits |= {"t": upto(last), "unit": upto(H - 1), "updates": pick(0, 1, 300)}
        traits |= pick({}, {"weight": f"Whh[{H - 1}, 0] = -1.25"}, {"weight": "bh[0] = 2"})
    elif name == "backward-stepper":
        loss_t = upto(last)
        traits |= {"t": upto(last), "move": upto(4), "parameter": pick(*Params._fields), "loss_t": loss_t}
        traits |= {"s": upto(loss_t), "truncate": 1 + upto(63), "reduction": pick("sum", "mean")}
    elif name == "gated-stepper":
        cell = pick("lstm", "gru")
        traits |= {"cell": cell, "t": upto(last), "move": upto(11)}
        traits |= {"forget_bias": pick(0.0, 1.0, 2.5)} if cell == "lstm" else {}
    elif name == "gradient-detective":
        traits |= {"case": upto(len(gradient_detective.CASES)), "suspect": pick(*gradient_detective.SUSPECTS)}
        traits |= {"batch": pick(1, 2)}
    elif name == "gradient-flow":
        traits |= {"gain": pick(0.1, 1.35, 2.5), "start": pick("uniform", "orthogonal", "identity")}
        traits |= {"inputs": pick("on", "off"), **pick({}, {"loss_t": upto(last)})}
        traits |= pick(
            {"cell": "leaky", "alpha": pick(0.01, 1.0)}, {"cell": "lstm", "forget_bias": 1.5}, {"cell": "gru"}
        )
        traits |= {"product": pick("on", "off")}
    elif name == "graph-stepper":
        traits |= {"move": upto(25 if last == 0 else 41)}
    elif name == "logit-loss":
        traits |= {"t": upto(last), "logit": upto(len(set(text)) - 1), "shift": pick(-4.0, -0.3, 0.0, 1.7)}
    elif name == "river":
        traits |= {"t": upto(last), "updates": pick(0, 1, 300)}
    elif name == "rosetta":
        traits |= {"names": pick(*DIALECTS), "layout": pick("row", "column"), "reduction": pick("sum", "mean")}
    else:
        cell = pick("rnn", "lstm", "gru")
        traits |= {"cell": cell, "recalled": pick("", text[-1])}
        traits |= {"forget_bias": pick(0.0, 1.0, 2.5)} if cell == "lstm" else {}
        traits |= {"steps": 1 + upto(20), "clip": pick(0.0, 0.5, 5.0), "optimizer": pick("sgd", "momentum", "adam")}
        traits |= {"learning_rate": pick(0.0123, 0.1, 1e-4), "temperature": pick(0.1, 1.3, 3.0)}
        traits |= {"updates": pick(0, 1, 40), "_rates": ""}
        if traits["updates"] == 40:
            traits |= {"_rates": f"0:0.05,7:0.02,20:{traits['learning_rate']:g}*"}
    return FIGURES[name](**traits), traits


@pytest.fixture
def opens(browser, serving, tmp_path_factory):
    """opens(widgets, fragment="") -> the page; what it complained about fails the test."""
    folder, contexts, complaints = tmp_path_factory.mktemp("figures"), [], []

    def go(widgets, fragment="", *, permissions=("clipboard-read", "clipboard-write"), width=800, theme="light"):
        name = write_page(folder, widgets, f"page{len(contexts)}.html")
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, permissions=list(permissions)
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: m.type in ("error", "warning") and complaints.append(m.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{serving(folder)}/{name}{fragment}")
        ready(page, len(widgets))
        return page

    yield go
    for context in contexts:
        context.close()
    assert not complaints


def ready(page, n):
    page.locator(f":nth-match(.rnn-widget[data-state=live], {n})").wait_for()
    for view in page.locator(".rnn-lab").all():
        view.get_by_role("button", name="Play", exact=True).wait_for()  # it has computed what it begins with
    painted(page)


def press(view, name):
    view.get_by_role("button", name=name, exact=True).click()


def said(view):
    return view.locator(".rnn-sharing-status").text_content()


def copied(view, key):
    """What is in the clipboard after the button of these words."""
    share(view, WORDS[key])
    view.get_by_text(WORDS[f"{key}_copied"]).wait_for()
    return view.page.evaluate("navigator.clipboard.readText()")


def state_of(view):
    """All that a reader can perceive of a figure, but for its foot and what is said of a link."""
    return view.evaluate(
        f"""root => {{
          const without = root.querySelectorAll(".rnn-unshared");
          without.forEach((n) => {{ n.style.display = "none"; }});
          const state = ({SNAPSHOT})(root);
          without.forEach((n) => {{ n.style.display = ""; }});
          return state;
        }}"""
    )


@pytest.mark.parametrize("name", FIGURES)
def test_a_link_restores_random_states_exactly(opens, name):
    rng = np.random.default_rng(sum(map(ord, name)))
    plain = FIGURES[name]()
    for _ in range(2):
        widget, traits = random_figure(name, rng)
        view = opens([widget]).locator(".rnn")
        link = copied(view, "share_link")
        fields = dict(parse_qsl(urlsplit(link).fragment, keep_blank_values=True))
        assert fields.pop("figure") == name
        wanted = {key: value for key, value in traits.items() if (key, value) != ("_rates", "")}
        assert {key: type(traits[key])(value) for key, value in fields.items()} == wanted
        there = opens([plain], f"#{urlsplit(link).fragment}").locator(".rnn")
        assert there.locator(".rnn-opened").text_content() == WORDS["share_opened"]
        assert state_of(there) == state_of(view), traits


def run(code):
    names = {}
    exec(compile(code, "copied", "exec"), names)
    return names


def same(ours, theirs):
    return all((a == b).all() and a.shape == b.shape for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("name", FIGURES)
def test_copied_python_makes_the_state_and_its_numbers(opens, name):
    rng = np.random.default_rng(100 + sum(map(ord, name)))
    for _ in range(2):
        widget, traits = random_figure(name, rng)
        view = opens([widget]).locator(".rnn")
        names = run(copied(view, "share_python"))
        figure = names["figure"]
        assert {key: getattr(figure, key) for key in traits} == traits
        if name == "cliff":
            assert (names["plain"], names["clipped"]) == (figure.walk, figure.clipped_walk)
            continue
        start = figure.start if name == "training-lab" else figure.params
        assert same(names["params"], start)
        rng_of_the_seed = np.random.default_rng(figure.seed)
        if (
            name not in ("gradient-flow", "gated-stepper")
            and not traits.get("weight")
            and (not traits.get("updates") or name == "training-lab")
        ):
            init = {"lstm": lstm.init_params, "gru": gru.init_params}.get(traits.get("cell"), init_params)
            assert same(start, init(len(figure.vocab), figure.hidden_size, rng=rng_of_the_seed))
        if name == "forward-stepper":
            assert same([names["trace"].h], [figure.trace.h])
            cells = [row[-1] for row in rows(view, "units")]
            assert cells == [shown(value) for value in names["trace"].h[figure.t]]
        elif name == "backward-stepper":
            assert same(names["grads"][:5], figure.grads[:5]) and same([names["matrix"]], [figure.contributions])
            if "truncated" in names:
                assert same(names["truncated"][:5], figure.truncated_grads[:5])
        elif name == "gated-stepper":
            assert same(names["grads"], figure.grads) and same(names["trace"], figure.trace)
        elif name == "gradient-detective":
            assert repr(names["report"]) == repr(figure.report)
        elif name == "graph-stepper":
            ours, theirs = names["nodes"], figure.loss
            assert ours[-1].data == theirs.data
        elif name == "logit-loss":
            assert names["loss"] == figure.loss and same([names["o"], names["do"]], [figure.logits, figure.gradient])
        elif name == "river":
            assert same(
                [names["lengths"], names["losses"]], [figure.contributions, step_losses(figure.trace.o, figure.targets)]
            )
        elif name == "gradient-flow":
            assert same([names["plain"], names["second"]], [figure.plain.shares[0], figure.second.shares[0]])
        elif name == "rosetta":
            for mine, its in ((names["weights"], figure.stored), (names["gradients"], figure.stored_grads)):
                assert list(mine) == list(its) and same(mine.values(), its.values())
        else:
            assert same(names["run"].params, figure.run.params) and names["written"] == figure.sample
            letters = view.locator(".rnn-lab-sample").text_content()
            assert letters.startswith(names["written"][:1]) or not names["written"][0].isalnum()


def test_given_weights_are_in_the_python_and_the_page_of_a_link_has_them(opens):
    vocab = Vocabulary("你好李焕英夏洛特烦恼")
    params = init_params(len(vocab), 5, rng=np.random.default_rng(7))
    widget = ForwardStepper.from_params(params, vocab, "夏洛特烦恼", t=2, unit=4, updates=3, weight="bh[1] = 2")
    view = opens([widget]).locator(".rnn")
    names = run(copied(view, "share_python"))
    assert same(names["params"], widget.params) and same(names["figure"].params, widget.params)
    assert (names["figure"].t, names["figure"].unit) == (2, 4)
    link = copied(view, "share_link")
    other = ForwardStepper.from_params(params, vocab, "你好")
    there = opens([other], f"#{urlsplit(link).fragment}").locator(".rnn")
    assert state_of(there) == state_of(view)


@pytest.mark.parametrize("cell", [lstm, gru])
def test_given_weights_of_a_gated_cell_are_in_the_python(opens, cell):
    vocab = Vocabulary("你好李焕英夏洛特烦恼")
    params = cell.init_params(len(vocab), 5, rng=np.random.default_rng(7))
    view = opens([GatedStepper.from_params(params, vocab, "夏洛特烦恼", t=2, move=8)]).locator(".rnn")
    names = run(copied(view, "share_python"))
    assert type(names["params"]) is cell.Params and same(names["params"], params)
    assert same(names["figure"].params, params) and (names["figure"].t, names["figure"].move) == (2, 8)


def test_too_many_given_weights_are_refused_in_words(opens):
    vocab = Vocabulary("".join(map(chr, range(0x4E00, 0x4E00 + 60))))
    params = init_params(len(vocab), 64, rng=np.random.default_rng(7))
    view = opens([BackwardStepper.from_params(params, vocab, vocab.decode(range(5)))]).locator(".rnn")
    share(view, WORDS["share_python"])
    assert said(view) == WORDS["share_python_large"]


BROKEN = {
    "forward-stepper": [
        ("weight=Whh[4, 0] = 1", "weight"),
        ("t=16", "t"),
        ("t=-1", "t"),
        ("unit=4", "unit"),
        ("hidden_size=2&unit=2", "unit"),
    ],
    "backward-stepper": [("loss_t=3&s=4", "s"), ("move=5", "move"), ("parameter=constructor", "parameter")],
    "gated-stepper": [("t=16", "t"), ("move=12", "move"), ("cell=rnn", "cell"), ("forget_bias=6.1", "forget_bias")],
    "gradient-detective": [
        ("case=18", "case"),
        ("batch=3", "batch"),
        ("suspect=__proto__", "suspect"),
        ("hidden_size=9", "hidden_size"),
    ],
    "graph-stepper": [("text=abcd", "text"), ("move=42", "move"), ("text=ab&move=26", "move")],
    "river": [("t=16", "t"), ("updates=301", "updates"), ("updates=-1", "updates"), ("t=1.5", "t")],
    "rosetta": [("names=toString", "names"), ("layout=", "layout"), ("text=" + "a" * 26, "text")],
    "training-lab": [
        ("updates=1e9", "updates"),
        ("_rates=0:1,0:2", "_rates"),
        ("_rates=0:1;alert(1)", "_rates"),
        ("learning_rate=Infinity", "learning_rate"),
        ("optimizer=constructor", "optimizer"),
        ("cell=toString", "cell"),
        ("text=abab&recalled=c", "recalled"),
        ("text=" + "ab" * 1001, "text"),
    ],
}
BROKEN["cliff"] = [
    *(("w=0.4", "w"), ("b=-0.3", "b"), ("w=-1", "w"), ("b=--0.1", "b"), ("steps=1", "steps"), ("steps=2.5", "steps")),
    *(("updates=1&updates=2", "updates"), ("clipping=l2", "clipping"), ("clipping=__proto__", "clipping")),
]
BROKEN["logit-loss"] = [("t=16", "t"), ("logit=12", "logit"), ("text=aab&logit=2", "logit"), ("shift=4.1", "shift")]
BROKEN["gradient-flow"] = [("gain=0", "gain"), ("gain=99", "gain"), ("start=zeros", "start"), ("alpha=-1", "alpha")]
BROKEN["gradient-flow"] += [("cell=rnn", "cell"), ("forget_bias=6.1", "forget_bias"), ("text=abc&loss_t=2", "loss_t")]
ANYWHERE = [
    ("text=a", "text"),
    ("seed=1&seed=2", "seed"),
    ("seed=9007199254740992", "seed"),
    ("hidden_size=0x3", "hidden_size"),
    ("n=2", "n"),
    ("n=0", "n"),
    ("n=__proto__", "n"),
    ("text=%F0%9F%99%82%ff%00<img src=x onerror=f()>&t=NaN&case=NaN&move=NaN&names=NaN&updates=NaN&gain=NaN", None),
    ("x=" + "y" * 50_000, "length"),
]


@pytest.mark.parametrize("name", FIGURES)
def test_a_broken_link_gives_the_defaults_and_says_so(opens, name):
    page = opens([FIGURES[name]()])
    view = page.locator(".rnn")
    before = state_of(view)
    anywhere = [each for each in ANYWHERE if name != "cliff" or each[1] not in ("text", "seed", "hidden_size")]
    for fragment, field in [*BROKEN[name], *anywhere]:
        page.evaluate("(hash) => { location.hash = hash; }", f"figure={name}&{fragment}")
        message = view.locator(".rnn-opened")
        message.get_by_text("The link is broken").wait_for()
        assert field is None or f"“{field}”" in message.text_content(), fragment[:100]
        assert state_of(view) == before, fragment[:100]
        page.evaluate(
            "() => { location.hash = ''; document.querySelector('.rnn-opened').textContent = ''; "
            "document.querySelector('.rnn-opened').shown = ''; }"
        )


def test_a_link_for_no_figure_of_the_page_is_answered_by_the_first(opens):
    page = opens([ForwardStepper(), GraphStepper()], "#figure=nonsense&text=abc")
    told = page.locator(".rnn-opened").all_text_contents()
    assert "“figure” cannot be used" in told[0] and not told[1]
    page = opens([ForwardStepper(), GraphStepper()], "#a-heading")
    assert page.locator(".rnn-opened").all_text_contents() == ["", ""]


def test_of_several_figures_the_link_names_one_and_the_page_goes_there(opens):
    kinds = [ForwardStepper(), GraphStepper(), ForwardStepper(text="hello"), ForwardStepper(text="third")]
    page = opens(kinds)
    views = page.locator(".rnn").all()
    links = [copied(view, "share_link") for view in views]
    assert ["n=" in link for link in links] == [False, False, True, True]
    fragment = urlsplit(links[3]).fragment.replace("t=0", "t=2").replace("third", "%E4%B8%89third")
    page = opens(kinds, f"#{fragment}")
    views = page.locator(".rnn")
    texts = [view.get_by_label("Text", exact=True).input_value() for view in views.all()]
    assert texts == ["I am learning RNN", "aba", "hello", "三third"]
    top = views.nth(3).bounding_box()["y"]
    assert -1 < top < 400 or page.evaluate("scrollY + innerHeight >= document.documentElement.scrollHeight - 2")


def test_what_is_changed_after_a_link_lets_go_of_it(opens):
    page = opens([ForwardStepper()], "#" + urlencode({"figure": "forward-stepper", "text": "hello", "t": 2}))
    view = page.locator(".rnn")
    assert "figure=forward-stepper" in page.url
    kept = view.bounding_box()["height"]
    press(view, "Next step")
    painted(page)
    assert "#" not in page.url and view.locator(".rnn-opened").text_content() == ""
    assert view.bounding_box()["height"] == kept
    page.reload()
    ready(page, 1)
    assert view.get_by_label("Text", exact=True).input_value() == "I am learning RNN"


def test_the_first_picture_is_that_of_the_link(opens):
    """No state of the page is drawn before that of the link."""
    page = opens([ForwardStepper()])
    page.evaluate("(hash) => history.replaceState(null, '', hash)", "#figure=forward-stepper&text=hello&t=2")
    page.add_init_script(
        """addEventListener("DOMContentLoaded", () => {
          window.seen = [];
          const look = () => {
            const field = document.querySelector(".rnn-field-text input");
            if (field) window.seen.push(field.value);
          };
          new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
        })"""
    )
    page.reload()
    ready(page, 1)
    assert set(page.evaluate("window.seen")) == {"hello"}


def test_without_a_clipboard_the_text_is_shown_and_selected(opens):
    page = opens([ForwardStepper()], permissions=())
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    view = page.locator(".rnn")
    field = view.get_by_label(WORDS["share_text"])
    for key, start in (("share_link", "http://"), ("share_python", "import numpy")):
        share(view, WORDS[key])
        field.wait_for()
        painted(page)
        assert said(view) == WORDS["share_by_hand"]
        assert field.input_value().startswith(start)
        assert field.evaluate(
            "n => n === document.activeElement && n.value.slice(n.selectionStart, n.selectionEnd) === n.value"
        )
    press(view, "Next step")
    painted(page)
    assert not field.is_visible() and said(view) == ""


def clipboard_picture(page):
    data = page.evaluate(
        """async () => {
          const [item] = await navigator.clipboard.read();
          const reader = new FileReader();
          reader.readAsDataURL(await item.getType("image/png"));
          await new Promise((done) => { reader.onload = done; });
          return reader.result;
        }"""
    )
    return Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))).convert("RGB")


def coarse(pixels):
    """The mean colours of squares of 4 px: how letters are smoothed hardly shows there, and what is missing does."""
    height, width = pixels.shape[0] // 4, pixels.shape[1] // 4
    return pixels[: 4 * height, : 4 * width].reshape(height, 4, width, 4, 3).mean((1, 3))


# What a picture takes its colours from is the same for all figures: each is looked at in one of the modes.
IN_TURN = [*zip(FIGURES, cycle(["light", "dark"]), strict=False)]


def opened_and_seen(opens, name, theme):
    """A figure in some state, its page, its view there, and what the page shows of it."""
    widget, _ = random_figure(name, np.random.default_rng(5))
    if name == "training-lab":
        widget = TrainingLab(updates=30)
    page = opens([widget], theme=theme)
    view = page.locator(".rnn")
    return widget, page, view, Image.open(io.BytesIO(view.screenshot())).convert("RGB")


@pytest.mark.parametrize(("name", "theme"), IN_TURN)
def test_the_image_shows_what_the_page_shows(opens, name, theme):
    _, page, view, seen = opened_and_seen(opens, name, theme)
    share(view, WORDS["share_image"])
    view.get_by_text(WORDS["share_image_copied"]).wait_for()
    picture = clipboard_picture(page)
    foot = view.locator(".rnn-sharing").bounding_box()
    box = view.bounding_box()
    assert picture.width == pytest.approx(2 * box["width"], abs=1)
    assert picture.height == pytest.approx(2 * (box["height"] - foot["height"] - 8), abs=2)
    # Halved, it is the figure as the page shows it down to the foot, but for the smoothing of letters.
    rows_shown = int(foot["y"] - box["y"]) - 12
    a = np.asarray(seen, float)[:rows_shown]
    b = np.asarray(picture.resize((seen.width, round(picture.height / 2)), Image.Resampling.BOX), float)[:rows_shown]
    assert np.abs(coarse(a) - coarse(b)).mean() < 2.5, np.abs(coarse(a) - coarse(b)).mean()
    assert a.std() > 10 and b.std() > 10
    colours = np.unique(a[::7, ::7].reshape(-1, 3) @ [1, 256, 65536])
    drawn = np.unique(np.asarray(picture)[::2, ::2].reshape(-1, 3) @ [1, 256, 65536])
    assert len(np.intersect1d(colours, drawn)) > 0.5 * len(colours)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("part", [".rnn-river-band", ".rnn-river-state"])
def test_an_image_without_a_part_of_the_river_would_be_noticed(opens, theme, part):
    page = opens([River(hidden_size=8, seed=1, t=12, updates=60)], theme=theme)
    view = page.locator(".rnn")
    shots = []
    for opacity in ("1", "0"):
        view.locator(f".rnn-river-stage {part}").evaluate_all(
            "(nodes, opacity) => nodes.forEach((node) => { node.style.opacity = opacity; })", opacity
        )
        shots.append(coarse(np.asarray(Image.open(io.BytesIO(view.screenshot())).convert("RGB"), float)))
    assert np.abs(shots[0] - shots[1]).mean() > 2.5


def test_the_drawing_is_a_file_that_says_what_it_is(opens):
    page = opens([ForwardStepper(text="夏洛特\x0b\uffff<烦&恼", t=3)])
    view = page.locator(".rnn")
    with page.expect_download() as waiting:
        share(view, WORDS["share_svg"])
    assert waiting.value.suggested_filename == "forward-stepper-t4.svg"
    text = waiting.value.path().read_text(encoding="utf-8")
    from xml.etree import ElementTree

    root = ElementTree.fromstring(text)
    title = root.find("{http://www.w3.org/2000/svg}title").text
    assert "reads “夏洛特" in title and "step 4 of 8 outlined" in title
    assert not re.search(r"<script|https?://(?!www\.w3\.org)|<button[^>]*>Copy", text)
    assert said(view) == "Saved as forward-stepper-t4.svg."


SVG_NAME = "{http://www.w3.org/2000/svg}"
# What a program for SVG knows, without HTML, scripts, and style sheets of a page
ELEMENTS = "svg title style defs g rect text path image circle polyline line linearGradient stop clipPath tspan".split()
# Each line of text in the page that can be seen, but for what formulas and fields hold
LINES = """root => [...root.querySelectorAll("p, .rnn-title, button, .rnn-label, dt, dd, svg text, .rnn-line-number,"
    + " .rnn-river-step > span")]
  .filter((node) => node.getClientRects().length === 1 && node.checkVisibility())  // not what is folded away
  .filter((node) => !node.closest(".rnn-unshared, .rnn-scroll, .rnn-track, [hidden]"))
  .filter((node) => !node.childElementCount && node.offsetHeight !== 0 && node.textContent.trim())
  .map((node) => node.textContent.trim().split(/\\s+/)[0])"""


def saved(page, view):
    with page.expect_download() as waiting:
        share(view, WORDS["share_svg"])
    return waiting.value.path().read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "theme"), IN_TURN)
def test_the_drawing_needs_no_browser_and_shows_what_the_page_shows(opens, name, theme):
    from xml.etree import ElementTree

    widget, page, view, seen = opened_and_seen(opens, name, theme)
    text = saved(page, view)
    root = ElementTree.fromstring(text)
    kinds = [node.tag.removeprefix(SVG_NAME) for node in root.iter()]
    assert set(kinds) <= set(ELEMENTS) and kinds.count("rect") > 20
    assert kinds.count("text") > (30 if name in ("gradient-flow", "logit-loss") else 40)  # their axes have few words
    values = [value for node in root.iter() for key, value in node.attrib.items() if not key.endswith("href")]
    assert not re.search(r"NaN|undefined|var\(|rgba\(|color\(|oklch", " ".join(values))
    written = " ".join("".join(node.itertext()) for node in root.iter(f"{SVG_NAME}text")).split()
    wanted = view.evaluate(LINES)
    assert len(wanted) > 10 and not set(wanted) - set(written)
    if name != "cliff":  # it reads no text
        assert written.count(widget.text.split()[0]) >= (len(widget.text.split()[0]) > 1)

    # Drawn by itself it is the figure, but for the frames of sliders and the smoothing of letters.
    box, foot = view.bounding_box(), view.locator(".rnn-sharing").bounding_box()
    assert float(root.get("width")) == pytest.approx(box["width"], abs=0.01)
    assert float(root.get("height")) == pytest.approx(box["height"] - foot["height"] - 8, abs=0.5)
    alone = page.context.new_page()
    alone.set_viewport_size({"width": seen.width, "height": seen.height})
    alone.set_content(f"<body style='margin:0'>{text}</body>")
    rows_shown = int(foot["y"] - box["y"]) - 12
    a = np.asarray(seen, float)[:rows_shown]
    b = np.asarray(Image.open(io.BytesIO(alone.screenshot())).convert("RGB"), float)[:rows_shown]
    assert a.shape == b.shape and np.abs(a - b).mean() < 5, np.abs(a - b).mean()
    assert b.std() > 10


def test_where_no_image_can_be_copied_it_is_saved(opens):
    page = opens([GraphStepper(move=6)], permissions=())
    page.evaluate("() => { navigator.clipboard.write = () => Promise.reject(new Error()); }")
    with page.expect_download() as waiting:
        share(page.locator(".rnn"), WORDS["share_image"])
    assert waiting.value.suggested_filename == "graph-stepper-move7.png"
    assert Image.open(io.BytesIO(waiting.value.path().read_bytes())).width > 800
    page.evaluate("() => { HTMLCanvasElement.prototype.toBlob = () => { throw new DOMException('tainted'); }; }")
    with page.expect_download() as waiting:
        share(page.locator(".rnn"), WORDS["share_image"])
    assert waiting.value.suggested_filename == "graph-stepper-move7.svg"


ENTRIES = [WORDS[key] for key in ("share_link", "share_image", "share_svg", "share_python")]


@pytest.mark.parametrize("width", [1280, 360])
def test_the_menu_has_names_and_nothing_jumps(opens, width):
    page = opens([widget() for widget in FIGURES.values()], width=width)
    for view in page.locator(".rnn").all():
        opener = view.get_by_role("button", name=WORDS["share_name"], exact=True)
        assert opener.get_attribute("aria-expanded") == "false" and opener.bounding_box()["width"] >= 44
        height = view.bounding_box()["height"]
        opener.click()
        assert opener.get_attribute("aria-expanded") == "true"
        menu = view.get_by_role("group", name=WORDS["share_name"])
        assert menu.get_by_role("button").all_text_contents() == ENTRIES
        box = menu.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
        assert box["y"] >= view.bounding_box()["y"], "a notebook cuts off what is outside of its output"
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert view.bounding_box()["height"] == height
        opener.click()
        assert opener.get_attribute("aria-expanded") == "false" and not menu.is_visible()
        for key in ("share_link", "share_python"):
            copied(view, key)
            assert not menu.is_visible()
            assert view.bounding_box()["height"] == height


def test_every_message_has_its_room_before_it_is_said(opens):
    page = opens([ForwardStepper()], width=320)
    status = page.locator(".rnn-sharing-status")
    for width in (320, 360, 500, 700, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        before = page.locator(".rnn").bounding_box()["height"]
        for key in ("share_by_hand", "share_python_large", "share_link_copied"):
            status.evaluate("(node, words) => { node.textContent = words; }", WORDS[key])
            assert page.locator(".rnn").bounding_box()["height"] == before, (width, key)
        status.evaluate("(node) => { node.textContent = ''; }")


def test_the_menu_is_worked_with_keys_and_gives_the_focus_back(opens):
    page = opens([ForwardStepper()])
    view = page.locator(".rnn")
    opener = view.get_by_role("button", name=WORDS["share_name"], exact=True)
    menu = view.get_by_role("group", name=WORDS["share_name"])

    def focused():
        return page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent")

    opener.focus()
    page.keyboard.press("Enter")
    for name in ENTRIES:
        page.keyboard.press("Tab")
        assert focused() == name
    page.keyboard.press("Escape")
    assert not menu.is_visible() and focused() == WORDS["share_name"]
    page.keyboard.press("ArrowDown")
    assert menu.is_visible() and focused() == ENTRIES[0]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert focused() == ENTRIES[-1]
    page.keyboard.press("Enter")
    view.get_by_text(WORDS["share_python_copied"]).wait_for()
    assert not menu.is_visible() and focused() == WORDS["share_name"]
    page.keyboard.press("Space")
    assert menu.is_visible()
    view.get_by_label("Text", exact=True).focus()
    assert not menu.is_visible()


def test_a_press_elsewhere_closes_the_menu(opens):
    page = opens([ForwardStepper(), GraphStepper()])
    first, second = page.locator(".rnn").all()
    opener = first.get_by_role("button", name=WORDS["share_name"], exact=True)
    opener.click()
    second.get_by_role("button", name=WORDS["share_name"], exact=True).click()
    assert opener.get_attribute("aria-expanded") == "false"
    assert page.locator(".rnn-sharing-list:visible").count() == 1


def test_fingers_have_room_in_the_menu(browser, serving, tmp_path):
    name = write_page(tmp_path, [ForwardStepper()])
    context = browser.new_context(viewport={"width": 360, "height": 900}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{serving(tmp_path)}/{name}")
    ready(page, 1)
    page.get_by_role("button", name=WORDS["share_name"], exact=True).tap()
    sizes = [button.bounding_box() for button in page.locator(".rnn-sharing .rnn-button").all()]
    context.close()
    assert len(sizes) == 5 and all(min(box["width"], box["height"]) >= 44 for box in sizes)
