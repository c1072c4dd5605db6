"""The pages in a second browser: Firefox shows the same figures, moves every control, and keeps pages as well."""

import os
from collections import Counter

import numpy as np
import pytest
from audit import pages
from browsing import FRAMES, STARTED
from hostile import HOSTILE, INTRUDERS, MARKUP, PASTE, TYPED, code_units, kind_of
from pages import SNAPSHOT, shown, slight
from switched_host import Host

import rnnlib.widgets
from rnnlib import Vocabulary, backward, forward, init_params
from rnnlib.widgets import TrainingLab

FIGURES = rnnlib.widgets.__all__
TEXT = "夏洛特烦恼，你好!"


@pytest.fixture(scope="session")
def session():
    import firefox

    if not firefox.binary():
        missing = "Firefox is not installed (Debian and Ubuntu: apt install firefox-esr)"
        # `make` cannot install a second browser: who only reads the code may lack it, CI may not
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    session = firefox.Firefox()
    yield session
    session.close()


@pytest.fixture
def fox(session):
    """Firefox; at the end of the test no page may have complained."""
    session.log.clear()
    yield session
    session.evaluate("() => localStorage.clear()")
    complaints = [told for told in session.log if "could not start" not in told]  # the page of broken figures
    session.log.clear()
    assert not complaints


def opened(fox, address, **size):
    fox.open(address, **size)
    fox.wait(STARTED)


def view_of(figure):
    return f".rnn-widget-{kind_of(figure)}"


# Every page


def test_every_page_is_whole_and_fits_a_phone(fox, book, serving):
    faults = {}
    for path in pages(book):
        opened(fox, f"{serving(book)}/{path}", width=360)
        shown = fox.evaluate(
            """() => {
              scrollTo(0, document.body.scrollHeight);
              const size = (node) => node.getBoundingClientRect();
              return {
                dead: [...document.querySelectorAll(".rnn-widget:not([data-state=live])")].map((v) => v.className),
                flat: [...document.querySelectorAll("math")].filter((m) => m.checkVisibility() && !size(m).height)
                  .map((m) => m.textContent),
                font: !document.querySelector("math") || document.fonts.check("16px 'Book Math'"),
                wide: document.documentElement.scrollWidth > 360,
              };
            }"""
        )
        if shown != {"dead": [], "flat": [], "font": True, "wide": False}:
            faults[path] = shown
    assert not faults


def test_what_the_policy_forbids_does_not_happen(session, specimen, serving):
    for name, intrude in INTRUDERS.items():
        opened(session, f"{serving(specimen)}/index.html")
        session.log.clear()
        intruded = session.evaluate(
            f"""async () => {{
              const refused = new Promise((done) => addEventListener("securitypolicyviolation", done));
              try {{ ({intrude})(); }} catch {{}} // a sink of scripts throws
              await refused;
              await ({FRAMES})(2);
              return !!window.intruded;
            }}"""
        )
        assert not intruded, name
        assert [told for told in session.log if "refused: " in told], name
        session.log.clear()


def test_hats_and_subscripts_stand_where_they_belong(fox, specimen, serving):
    opened(fox, f"{serving(specimen)}/pages/equations.html")
    places = fox.evaluate(
        """async () => {
          await document.fonts.ready;
          const box = (node) => node.getBoundingClientRect();
          const pairs = (name) => [...document.querySelectorAll(name)].filter((n) => n.checkVisibility())
            .map((n) => [...n.children].map(box));
          return {
            hats: pairs("mover").map(([base, hat]) =>
              [hat.bottom - base.bottom, hat.left - base.right, base.left - hat.right]),
            subs: pairs("msub").map(([base, sub]) => [sub.bottom - base.bottom, sub.left - base.left]),
            fractions: pairs("mfrac").map(([over, under]) => under.top - over.bottom),
            stretched: Math.max(...[...document.querySelectorAll("mo")].filter((n) => n.textContent === "(")
              .map((n) => box(n).height)) / parseFloat(getComputedStyle(document.body).fontSize),
          };
        }"""
    )
    assert places["hats"] and all(low < 0 and left < 0 and right < 0 for low, left, right in places["hats"])
    assert places["subs"] and all(low > 0 and right > 0 for low, right in places["subs"])
    assert places["fractions"] and all(gap > 0 for gap in places["fractions"])
    assert places["stretched"] > 3, "brackets around a matrix are as high as it is"


def test_the_colours_can_be_switched(fox, specimen, serving):
    opened(fox, f"{serving(specimen)}/pages/stepper.html")
    ground = """() => [document.body, document.querySelector(".rnn-forward")].map((node) =>
      getComputedStyle(node).backgroundColor.match(/[\\d.]+/g).slice(0, 3).map(Number))"""
    light = fox.evaluate(ground)
    fox.click(*fox.evaluate(CENTRE, ".theme-switch-button"))
    fox.wait("() => document.documentElement.dataset.theme === 'dark'")
    dark = fox.evaluate(ground)
    assert min(light[0]) > 200 and max(dark[0]) < 80 and dark != light
    opened(fox, f"{serving(specimen)}/index.html")
    assert fox.evaluate("() => document.documentElement.dataset.theme") == "dark"


# Every figure

CENTRE = """(selector, n = 0) => {
  const node = document.querySelectorAll(selector)[n];
  node.scrollIntoView({ block: "center", behavior: "instant" });
  const box = node.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}"""

# The control at a place in a view, scrolled into sight; null after the last one.
CONTROL = """async (selector, n) => {
  const control = document.querySelectorAll(`${selector} :is(button, input, select, textarea)`)[n];
  if (!control) return null;
  const label = control.type === "radio" ? control.labels[0] : control;
  const idle = !label.checkVisibility({ visibilityProperty: true }) || control.disabled || control.readOnly ||
    control.ariaDisabled === "true";
  const chosen = [control.ariaPressed, control.ariaSelected].includes("true") ||
    (control.ariaCurrent ?? "false") !== "false" || control.checked;
  if (idle || chosen) return { kind: "none" };
  label.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const box = label.getBoundingClientRect();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const kind = control.localName === "input" ? control.type : control.localName;
  if (["range", "select"].includes(kind)) control.focus(); // a click would move the one and open the other
  const under = document.elementFromPoint(x, y);
  return {
    kind, x, y, tab: control.role === "tab", covered: !under || !(label.contains(under) || under.contains(label)),
    name: control.ariaLabel ?? control.labels?.[0]?.textContent ?? control.textContent,
    first: control.localName === "select" ? control.selectedIndex === 0 : control.value === control.min,
  };
}"""
# Everything that can be unfolded is; how many cards there are.
OPEN = """(selector) => {
  for (const fold of document.querySelectorAll(`${selector} details`)) fold.open = true;
  return document.querySelectorAll(`${selector} [role=tab]`).length;
}"""
SHOWN = f"(selector) => ({SNAPSHOT})(document.querySelector(selector))"


def move(fox, control):
    """What a reader does to a control of this kind, with real presses and clicks."""
    kind = control["kind"]
    if kind == "range":
        fox.press("ArrowUp" if control["first"] else "ArrowDown")
    elif kind == "select":
        fox.press("ArrowDown" if control["first"] else "ArrowUp")
    else:
        fox.click(control["x"], control["y"])
        if kind == "number":
            fox.press("ArrowUp")
        elif kind in ("text", "textarea"):
            fox.press("End", "Backspace", "z")


def aside(fox):
    """Move the pointer out of the way: a control that is scrolled to under it may show already what a click would."""
    fox.point(0, 0)
    return fox


@pytest.mark.parametrize("figure", FIGURES)
def test_every_control_changes_what_is_seen(fox, specimen, serving, figure):
    address = f"{serving(specimen)}/pages/hostile.html?controls"  # with all figures, none of which knows of another
    if fox.evaluate("() => location.href") != address:
        opened(fox, address)
    view, moved = view_of(figure), {}
    tabs = fox.evaluate(OPEN, view)
    for round in range(tabs + 1):  # the first one with the card that is open, then each of them, the tabs last
        place = 0
        while control := aside(fox).evaluate(CONTROL, view, place):
            place += 1
            if control["kind"] == "none" or place in moved or (control["tab"] and not round):
                continue
            before = fox.evaluate(SHOWN, view)
            move(fox, control)
            try:
                fox.wait(f"(selector, before) => ({SHOWN})(selector) !== before", view, before)
            except TimeoutError:
                pytest.fail(f"nothing has changed after {control}", pytrace=False)
            if control["name"] == "Play":
                fox.click(control["x"], control["y"])  # the same button pauses
            moved[place] = control["kind"]
            if control["tab"]:
                break  # to what it shows
    moved = Counter(moved.values())
    typed, fields = {"TrainingLab": ("textarea", 1), "Cliff": ("number", 2)}.get(figure, ("text", 1))
    assert moved[typed] == fields, moved
    assert sum(moved.values()) >= 3, moved  # the text, the size and the seed of a network at least
    fox.evaluate("() => document.activeElement.blur()")


# of each way to type a text one; tests/site/test_security.py asks all of them
@pytest.mark.parametrize("figure", ["ForwardStepper", "TrainingLab", "Rosetta"])
def test_nothing_typed_into_a_figure_becomes_markup(fox, specimen, serving, figure):
    opened(fox, f"{serving(specimen)}/pages/hostile.html")
    found = fox.evaluate(
        f"""async (selector, typed, texts) => {{
          const view = document.querySelector(selector);
          const control = view.querySelector(typed);
          const units = (text) => Array.from(text, (_, i) => text.charCodeAt(i));
          await ({PASTE})(control, units("ab"));
          const names = new Set(({MARKUP})(view)[0]);
          const strange = [];
          for (const text of texts) {{
            await ({PASTE})(control, text);
            const [now, active] = ({MARKUP})(view);
            strange.push(...active, ...now.filter((name) => !names.has(name)));
          }}
          return strange;
        }}""",
        view_of(figure),
        TYPED,
        [code_units(text) for text in HOSTILE[:-1]],
    )
    assert not found


SAME_ROWS = """(selector, wanted) => {
  const rows = [...document.querySelector(selector).querySelectorAll(":scope > :last-child > .rnn-row")];
  const cells = rows.map((row) => [...row.children].map((cell) => cell.textContent.trim()));
  return JSON.stringify(cells) === JSON.stringify(wanted);
}"""


def type_text(fox, view, text):
    fox.click(*fox.evaluate(CENTRE, f"{view} :is(input[type=text], textarea)"))
    fox.evaluate("() => document.activeElement.select()")
    fox.press(*text)


def network(text, H, seed=0):
    vocab = Vocabulary(text)
    params = init_params(len(vocab), H, rng=np.random.default_rng(seed))
    ids = vocab.encode(text)
    return params, forward(params, ids[:-1]), ids[1:]


def test_the_forward_stepper_shows_the_numbers_of_rnnlib(fox, specimen, serving):
    opened(fox, f"{serving(specimen)}/pages/stepper.html")
    type_text(fox, ".rnn-forward", TEXT)
    fox.click(*fox.evaluate(CENTRE, ".rnn-forward .rnn-river-step", 2))
    params, trace, _ = network(TEXT, 3)
    units = [params.Wxh[trace.x[2]], trace.h[1] @ params.Whh, params.bh, trace.a[2], trace.h[2]]
    wanted = [[str(k + 1), *(shown(u[k]) for u in units)] for k in range(3)]
    fox.wait(SAME_ROWS, ".rnn-forward .rnn-units", wanted)


def test_the_backward_stepper_shows_the_numbers_of_rnnlib(fox, specimen, serving):
    opened(fox, f"{serving(specimen)}/pages/hostile.html")
    fox.click(*fox.evaluate(CENTRE, ".rnn-backward summary", 0))  # its fields are folded away
    type_text(fox, ".rnn-backward", TEXT)
    fox.click(*fox.evaluate(CENTRE, ".rnn-backward .rnn-river-step", 3))
    fox.click(*fox.evaluate(CENTRE, ".rnn-backward .rnn-move", 4))
    fox.click(*fox.evaluate(CENTRE, ".rnn-backward summary", 1))
    params, trace, y = network(TEXT, 2)
    grads, t = backward(params, trace, y, reduction="sum"), 3
    parts = [grads.do[t] @ params.Why.T, grads.da[t + 1] @ params.Whh.T, grads.dh[t], 1 - trace.h[t] ** 2, grads.da[t]]
    wanted = [[str(j + 1), shown(trace.h[t, j]), *(slight(part[j]) for part in parts)] for j in range(2)]
    fox.wait(SAME_ROWS, ".rnn-backward .rnn-gradients", wanted)


def test_the_lab_trains_what_python_trains(fox, specimen, serving):
    opened(fox, f"{serving(specimen)}/pages/hostile.html")
    text = "the cat sat on the mat"
    type_text(fox, ".rnn-lab", text)
    one = fox.evaluate(
        "() => [...document.querySelectorAll('.rnn-lab button')].findIndex((b) => b.textContent.trim() === 'One step')"
    )
    for _ in range(5):
        fox.click(*fox.evaluate(CENTRE, ".rnn-lab button", one))
    run = TrainingLab(text=text, hidden_size=2, updates=5).run
    wanted = ["5", slight(run.losses[-1]), slight(run.norms[-1])]
    fox.wait(
        """(wanted) => ["update", "loss", "norm"].every((name, i) =>
          document.querySelector(`.rnn-lab .rnn-lab-${name}`).textContent === wanted[i])""",
        wanted,
    )


# Without a network


def test_a_visited_page_works_without_a_network(fox, specimen, load_ext):
    fox.keeping(True)
    with Host(load_ext("serve").Handler) as host:
        host.folder = specimen
        opened(fox, f"{host.address}/pages/stepper.html")
        fox.wait("() => !!navigator.serviceWorker.controller")
        host.folder = None
        opened(fox, f"{host.address}/pages/stepper.html?again")
        type_text(fox, ".rnn-forward", "offline")
        fox.wait("() => document.querySelector('.rnn-forward .rnn-summary').textContent.includes('“\u2068o\u2069”')")
        fox.open(f"{host.address}/pages/plain.html")
        assert fox.evaluate("() => document.querySelector('h1').textContent") == "Not kept on this device"
        fox.log[:] = [told for told in fox.log if "503" not in told]
    fox.keeping(False)
