"""Random actions on every figure of a page, and what must hold after each of them.

    python tests/support/soak.py --actions 10000 --seed 0

builds the tests' small book and works on its page of all figures. It ends with 0 when no action gave an error or a
number that is none, every figure still answers, and the Python that each of them copies gives the numbers it shows.
"""

import argparse
import contextlib
import importlib
import random
import re
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from browsing import BROWSER_ARGS, STARTED, Watch, chromium_path, painted, patient
from hostile import HOSTILE, PASTE, TYPED, code_units
from pages import SNAPSHOT, matrix, rows, shown, slight

import rnnlib
from rnnlib import step_losses
from rnnlib.formulations.dialects import DIALECTS
from rnnlib.widgets._bundle import words

ROOT = Path(__file__).resolve().parents[2]
PAGE = "pages/hostile.html"  # all figures of the library
FIGURES = {
    "forward-stepper": ".rnn-forward",
    "backward-stepper": ".rnn-backward",
    "cliff": ".rnn-cliff",
    "gated-stepper": ".rnn-gated",
    "gradient-detective": ".rnn-detective",
    "gradient-flow": ".rnn-flow",
    "graph-stepper": ".rnn-grapher",
    "logit-loss": ".rnn-logit",
    "river": ".rnn-river-figure",
    "rosetta": ".rnn-rosetta",
    "training-lab": ".rnn-lab",
}
STILL = "gradient-detective", "gradient-flow", "logit-loss", "rosetta"  # nothing in them plays
WORDS = words()["en"]
WIDTHS = 1280, 768, 360
TEXTS = [
    *HOSTILE[:-1],
    *("ab", "hello, hello", "夏洛特烦恼", "👩‍👩‍👧‍👦🇨🇳é̂", "שלום עולם", "مرحبا", "\u200b\u2060x", "x" * 2500, "", "a"),
]
NUMBERS = "0", "1", "7", "-1", "1.5", "1e9", "9007199254740991", "9007199254740992", "", "e", "٣", "0x10"
KEYS = [
    *("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"),
    *("Enter", "Space", "Escape", "Tab", "Shift+Tab", "Delete", "Backspace", "a", "Control+z"),
]
# The names of all that a link can say, and some values that it should and should not say.
TRAITS = (
    "text hidden_size seed t unit move parameter loss_t s truncate reduction case suspect names layout fill batch"
    " steps learning_rate clip optimizer temperature updates _rates n gain start inputs alpha cell forget_bias"
    " w b rate clipping logit shift"
).split()
VALUES = [
    *("0", "1", "2", "3", "40", "64", "-1", "1.5", "1e400", "", "NaN", "sum", "mean", "Whh", "adam", "column", "dWhh"),
    "gru",
    *("%F0%9F%99%82", "%E0%A4%A", "%00", "<script>alert(1)</script>", "__proto__", "constructor", "0:0.1,7:0.02"),
]

# The visible controls of a view: their places among all of them, and of what kind they are.
SELECTOR = "button, input, select, textarea, [tabindex='0']"
CONTROLS = f"""view => [...view.querySelectorAll("{SELECTOR}")].flatMap((node, i) => {{
  if (!node.checkVisibility({{ visibilityProperty: true }}) || node.disabled || node.readOnly) return [];
  const kind = node.localName === "input" ? node.type : node.localName;
  return [[i, node.closest(".rnn-sharing") ? "share" : kind]];
}})"""
# Where to press it, from 0 to 1 along it; null where something else lies there.
PLACE = """(node, part) => {
  const shown = node.type === "radio" ? node.labels[0] : node;
  shown.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
  const { left, top, width, height } = shown.getBoundingClientRect();
  const [x, y] = [left + part * width, top + height / 2];
  const under = document.elementFromPoint(x, y);
  return under && (shown.contains(under) || under.contains(shown)) ? [x, y] : null;
}"""
# What a reader can see or hear of a view that no number and no word should be.
STRANGE = r"""view => {
  const told = [view.innerText];
  for (const node of view.querySelectorAll("*")) {
    told.push(node.ariaLabel, node.ariaValueText, node.ariaDescription, node.title);
    if (node.matches("input, textarea, select")) told.push(node.value);
  }
  const strange = /.{0,40}(?<![\p{L}_])(NaN|undefined|null|Infinity|\[object \w+\])(?![\p{L}_]).{0,40}/u;
  return told.flatMap((text) => strange.exec(text ?? "")?.[0] ?? []);
}"""


class Soak:
    """The figures of a page, and a reader who does anything at all to them."""

    def __init__(self, page, watch, seed):
        self.page, self.watch, self.rng = page, watch, random.Random(seed)
        self.views = {name: page.locator(selector).first for name, selector in FIGURES.items()}
        self.number, self.done = 0, []
        self.address = page.url

    def run(self, actions):
        for _ in range(actions):
            self.number += 1
            name = self.rng.choice([*FIGURES])
            act, weight = zip(*ACTIONS.items(), strict=True)
            [action] = self.rng.choices(act, weight)
            self.done.append([self.number, name, action.__name__])
            action(self, self.views[name])
            self.check(name)
            if self.number % 50 == 0:
                self.answers(name)
        for name in FIGURES:
            self.copies(name)
            self.answers(name)

    def note(self, *what):
        self.done[-1] += [repr(each)[:60] for each in what]

    def fail(self, what):
        raise AssertionError(f"{what}\nafter {self.number} actions, the last of them {self.done[-5:]}")

    def check(self, name):
        painted(self.page)
        if self.page.url.partition("#")[0] != self.address:
            self.fail(f"the page has become {self.page.url}")
        if self.watch.complaints:
            self.fail(self.watch.complaints[:3])
        for each, view in self.views.items():
            if (each == name or self.number % 10 == 0) and (found := view.evaluate(STRANGE)):
                self.fail(f"{each} shows {found[:3]}")

    def answers(self, name):
        """A text that fits every figure is read, and shown; where there is none, a number."""
        view = self.views[name]
        self.pause(name)
        field = view.locator(TYPED).first
        texts = ("1", "2") if name == "cliff" else ("ab", "ba")
        for text in texts[::-1] if field.input_value() == texts[0] else texts:  # what is there already changes nothing
            before = view.evaluate(SNAPSHOT)
            field.evaluate(PASTE, code_units(text))
            same = f"([view, before]) => ({SNAPSHOT})(view) !== before"
            self.page.wait_for_function(same, arg=[view.element_handle(), before])
        self.check(name)

    def pause(self, name):
        """Stop what plays, and wait for what is still being computed."""
        view = self.views[name]
        view.scroll_into_view_if_needed()
        if (pause := view.get_by_role("button", name="Pause", exact=True)).count():
            pause.evaluate("node => node.click()")
        if name not in STILL:
            view.get_by_role("button", name="Play", exact=True).wait_for()
        painted(self.page)

    def copies(self, name):
        """The lines of Python that a figure copies give the numbers that it shows."""
        view = self.views[name]
        self.pause(name)
        self.page.evaluate("() => navigator.clipboard.writeText('')")
        entry = view.get_by_role("button", name=WORDS["share_python"], exact=True, include_hidden=True)  # of a menu
        entry.evaluate("node => node.click()")
        view.get_by_text(WORDS["share_python_copied"]).wait_for()
        code = compile(self.page.evaluate("navigator.clipboard.readText()"), f"copied from {name}", "exec")

        def numbers():
            names = {}
            exec(code, names)
            return NUMBERS_OF[name](self.page, view, names)

        ours, theirs = numbers()
        if ours != theirs:
            with last_digits_changed():
                _, others = numbers()
            if others == theirs:  # else rounding decides, after tens of thousands of updates
                self.fail(f"{name} shows {ours}, and its Python gives {theirs}")


@contextlib.contextmanager
def last_digits_changed():
    """Networks begin with weights that differ from what they should be in the last digits."""

    def disturbed(init_params):
        def init(*args, **kwargs):
            params = init_params(*args, **kwargs)
            return type(params)(*(array * (1 + 1e-15) for array in params))

        return init

    with pytest.MonkeyPatch.context() as patch:
        for module in (rnnlib, rnnlib.rnn, rnnlib.lstm, rnnlib.gru):
            patch.setattr(module, "init_params", disturbed(module.init_params))
        yield


# Actions


def control(soak, view, *kinds):
    """A visible control of one of these kinds; None where there is none."""
    found = [i for i, kind in view.evaluate(CONTROLS) if kind in kinds]
    return view.locator(SELECTOR).nth(soak.rng.choice(found)) if found else None


def press(soak, view, node):
    told = node.evaluate("n => n.ariaLabel ?? n.textContent")
    soak.note(told)
    if place := node.evaluate(PLACE, 0.5):
        soak.page.mouse.click(*place)
    else:
        node.evaluate("n => n.click()")


def click(soak, view):
    if node := control(soak, view, "button", "radio", "checkbox", "div", "span", "td", "canvas"):
        press(soak, view, node)


def share(soak, view):
    if node := control(soak, view, "share"):
        press(soak, view, node)


def key(soak, view):
    node = control(soak, view, "button", "range", "select", "radio", "number", "text", "textarea", "div", "span")
    keys = [soak.rng.choice(KEYS) for _ in range(soak.rng.randint(1, 4))]
    soak.note(keys)
    if node:
        node.focus()
        for each in keys:
            soak.page.keyboard.press(each)


def drag(soak, view):
    if node := control(soak, view, "range"):
        ends = [node.evaluate(PLACE, soak.rng.uniform(0.02, 0.98)) for _ in range(2)]
        if all(ends):
            soak.note(node.evaluate("n => n.labels[0]?.textContent ?? n.ariaLabel"), ends)
            soak.page.mouse.move(*ends[0])
            soak.page.mouse.down()
            soak.page.mouse.move(*ends[1], steps=3)
            soak.page.mouse.up()


def choose(soak, view):
    if node := control(soak, view, "select"):
        n = soak.rng.randrange(node.evaluate("n => n.options.length"))
        soak.note(n)
        node.evaluate("(n, i) => { n.selectedIndex = i; n.dispatchEvent(new Event('change', { bubbles: true })); }", n)


def write(soak, view):
    if node := control(soak, view, "text", "textarea"):
        text = soak.rng.choice(TEXTS)
        soak.note(text)
        node.evaluate(PASTE, code_units(text))


def write_number(soak, view):
    if node := control(soak, view, "number"):
        text = soak.rng.choice(NUMBERS)
        soak.note(text)
        node.focus()
        soak.page.keyboard.press("Control+a")
        soak.page.keyboard.type(text)


def follow(soak, view):
    """Open a link of this figure, or of none, with some states that it has and some that nothing has."""
    figure = soak.rng.choice([*FIGURES, "nonsense", "__proto__"])
    traits = soak.rng.sample(TRAITS, soak.rng.randint(0, 4))
    values = [
        quote(soak.rng.choice(TEXTS[:12]), errors="replace") if t == "text" else soak.rng.choice(VALUES) for t in traits
    ]
    fragment = "&".join([f"figure={figure}", *map("=".join, zip(traits, values, strict=True))])
    soak.note(fragment)
    soak.page.evaluate("(hash) => { location.hash = hash; }", fragment)


def begin_again(soak, view):
    for name in ("Reset", "Play"):
        if (node := view.get_by_role("button", name=name, exact=True)).count():
            return press(soak, view, node.first)


def switch_colours(soak, view):
    soak.page.locator(".theme-switch-button").first.evaluate("n => n.click()")


def resize(soak, view):
    width = soak.rng.choice(WIDTHS)
    soak.note(width)
    soak.page.set_viewport_size({"width": width, "height": 900})


ACTIONS = {
    **{click: 30, key: 15, drag: 15, choose: 8, write: 12, write_number: 6},
    **{follow: 6, begin_again: 4, switch_colours: 2, resize: 2, share: 1},
}


# What a figure shows, and what its Python gives: both as they are printed


def forward_numbers(page, view, names):
    figure = names["figure"]
    loss = step_losses(names["trace"].o, figure.targets).mean()
    view.locator(".rnn-all-numbers").evaluate("node => { node.open = true; }")
    painted(page)
    mean = re.search(r"mean loss (\S+)", view.inner_text())[1]
    return [mean, *(row[-1] for row in rows(view, "units"))], [shown(loss), *map(shown, names["trace"].h[figure.t])]


def backward_numbers(page, view, names):
    figure = names["figure"]
    view.locator(".rnn-fold-numbers").evaluate("node => { node.open = true; }")
    painted(page)
    losses = step_losses(figure.trace.o, figure.targets)
    return [row[3] for row in rows(view, "times")], [shown(loss, 2) for loss in losses]


def gated_numbers(page, view, names):
    view.locator(".rnn-moves:not([hidden]) .rnn-move").first.evaluate("node => node.click()")  # the sums a
    painted(page)
    row = view.locator("[role=row]", has=page.locator("code", has_text=re.compile("^a$"))).first
    figure = names["figure"]
    figure.move = 0
    given = names["trace"].a[figure.t][: figure.hidden_size]
    told = [text.strip() for text in row.locator("[role=cell]").all_inner_texts()]
    return told, [slight(number) for number in given]


def cliff_numbers(page, view, names):
    """The start and the wall: what follows from them may hang on the last digits, since a wall is steep."""
    figure = names["figure"]
    start = [float(view.get_by_label(name, exact=True).input_value()) for name in ("Start w", "Start b")]
    told = re.search(r"at w = (\S+) it is at b = (\S+)\. ", view.locator(".rnn-note").inner_text()).groups()
    given = shown(figure.w), shown(figure.wall), len(names["plain"]), len(names["clipped"])
    return [*start, *told, *[figure.updates + 1] * 2], [figure.w, figure.b, *given]


def detective_numbers(page, view, names):
    told = [
        re.match(r"d(\w+) (right|wrong)", text.strip()).groups()
        for text in view.locator(".rnn-error-map").all_inner_texts()
    ]
    return told, [(name, "right" if check.ok else "wrong") for name, check in names["report"].checks.items()]


def flow_numbers(page, view, names):
    """The two that rounding does not enlarge: at a high gain the states of a long text hang on their last digits."""
    Whh = names["params"].Whh
    given = abs(np.linalg.eigvals(Whh)).max(), np.linalg.norm(Whh, 2)
    return [*re.search(r"ρ = (\S+), σ = (\S+)\.", view.inner_text()).groups()], [shown(each, 2) for each in given]


def graph_numbers(page, view, names):
    view.get_by_role("slider", name="Move", exact=True).press("End")  # where the loss is there
    painted(page)
    value, loss = view.locator(".rnn-graph-loss:not([hidden])").inner_text(), float(names["nodes"][-1].data)
    return value, shown(loss, 2) if loss else "0"


def logit_numbers(page, view, names):
    said = view.locator(".rnn-summary").inner_text()
    figure = names["figure"]
    told = re.search(r"(\S+), and the loss is (\S+)\. .* = (\S+)\. Raise", said, re.DOTALL).groups()
    return told, tuple(map(shown, (names["o"][figure.logit], names["loss"], names["do"][figure.logit])))


def river_numbers(page, view, names):
    figure, losses = names["figure"], names["losses"]
    mean, loss = re.search(r"mean loss is (\S+)\. .* is (\S+);", view.locator(".rnn-summary").inner_text()).groups()
    lengths = view.locator(".rnn-summary").inner_text().rpartition("lengths ")[2].rstrip(".").split(", ")
    t = figure.t
    given = [slight(length) for length in names["lengths"][t, t::-1][:6]] + ["…"] * (t >= 6)
    return [mean, loss, *lengths], [shown(losses.mean()), shown(losses[t]), *given]


def rosetta_numbers(page, view, names):
    symbol = DIALECTS[names["figure"].names].symbols["Whh"]
    arrays = names["weights"][symbol.code], names["gradients"][symbol.grad or symbol.code]
    given = [[[slight(number) for number in row] for row in np.atleast_2d(np.squeeze(array))] for array in arrays]
    return [matrix(view, f"rosetta-{name}")[2] for name in ("weights", "slopes")], given


def lab_numbers(page, view, names):
    run = names["run"]
    said = [view.locator(f".rnn-lab-{name}").text_content().replace("\u202f", "") for name in ("update", "loss")]
    return said, [str(len(run.losses)), slight(run.losses[-1]) if len(run.losses) else said[1]]


NUMBERS_OF = {
    "forward-stepper": forward_numbers,
    "backward-stepper": backward_numbers,
    "cliff": cliff_numbers,
    "gated-stepper": gated_numbers,
    "gradient-detective": detective_numbers,
    "gradient-flow": flow_numbers,
    "graph-stepper": graph_numbers,
    "logit-loss": logit_numbers,
    "river": river_numbers,
    "rosetta": rosetta_numbers,
    "training-lab": lab_numbers,
}


# From the command line


@contextlib.contextmanager
def opened(folder):
    """(page, watch): the page of all figures of the built book, in a browser of its own."""
    from playwright.sync_api import sync_playwright

    sys.path.append(str(ROOT / "tools"))
    with importlib.import_module("serve").serve(folder) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=BROWSER_ARGS)
        permissions = ["clipboard-read", "clipboard-write"]
        page = patient(browser.new_context)(permissions=permissions, viewport={"width": 1280, "height": 900}).new_page()
        watch = Watch(page, base)
        page.goto(f"{base}/{PAGE}")
        page.wait_for_function(STARTED)
        yield page, watch
        browser.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--actions", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--built", type=Path, help="the folder of the small book, where it is built already")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if not given.built:
            from books import build, specimen_source

            build(specimen_source(Path(folder, "source")), Path(folder, "target"))
        with opened(given.built or Path(folder, "target", "_build", "html")) as (page, watch):
            Soak(page, watch, given.seed).run(given.actions)
    print(f"{given.actions} actions on {len(FIGURES)} figures (seed {given.seed}): nothing to complain of")


if __name__ == "__main__":
    main()
