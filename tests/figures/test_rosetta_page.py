"""Rosetta in a real browser: every notation, both layouts, both losses."""

import itertools

import numpy as np
import pytest
from browsing import painted
from pages import change, matrix, set_range, slight, snapshot

from rnnlib import cross_entropy
from rnnlib.formulations.dialects import DIALECTS
from rnnlib.widgets import Rosetta

TITLES = {name: dialect.title for name, dialect in DIALECTS.items()}


@pytest.fixture
def view(visit_alone):
    """The figure, in our own notation."""
    page, watch = visit_alone(Rosetta(text="hello, hello", hidden_size=3, seed=0, names="rnnlib"))
    view = page.locator(".rnn-rosetta").first
    view.wait_for()
    unfolded(view)
    yield view
    assert not watch.complaints


def unfolded(view):
    view.locator(".rnn-more").evaluate("node => { node.open = true; }")


def choice(view, name):
    return view.get_by_role("combobox", name=name, exact=True)


def pick(view, names):
    choice(view, "Notation of").select_option(names)


def stand(view, layout):
    choice(view, "Vectors are").select_option(layout)


def reduce(view, reduction):
    choice(view, "Loss is the").select_option(reduction)


def row_of(view, ours):
    """The row whose equation begins with this name in our notation."""
    return next((row for row in rows_of(view) if plain(row.locator(".rnn-rosetta-ours")).split("=")[0] == ours), None)


def line(view, ours):
    """The equation of that row in the notation shown, without white space."""
    row = row_of(view, ours)
    return row and plain(row.locator(".rnn-rosetta-equation"))


def said(view):
    return view.locator(".rnn-summary").inner_text()


def widget_of(view):
    """The Python widget that shows what the page shows."""
    return Rosetta(
        text=view.get_by_label("Text", exact=True).input_value(),
        hidden_size=int(view.get_by_role("slider", name="Hidden size H").input_value()),
        seed=int(view.get_by_label("Seed", exact=True).input_value()),
        names=choice(view, "Notation of").input_value(),
        layout=choice(view, "Vectors are").input_value(),
        reduction=choice(view, "Loss is the").input_value(),
    )


def check_numbers(view):
    widget = widget_of(view)
    symbol = DIALECTS[widget.names].symbols["Whh"]
    for name, arrays, code in (
        ("rosetta-weights", widget.stored, symbol.code),
        ("rosetta-slopes", widget.stored_grads, symbol.grad or symbol.code),
    ):
        columns, rows, cells = matrix(view, name)
        expected = np.atleast_2d(np.squeeze(arrays[code]))
        assert cells == [[slight(number) for number in row] for row in expected]
        side = ("to", "from") if "Whh" in DIALECTS[widget.names].turned else ("from", "to")
        for heads, word in ((rows, side[0]), (columns, side[1])):
            assert heads == [f"{word} {i + 1}" for i in range(len(expected))]
    loss = cross_entropy(widget.trace.o, widget.targets, widget.reduction)
    told = f"Loss {loss:.4f} nats, the {widget.reduction} over T = {len(widget.text) - 1} steps."
    assert view.locator(".rnn-rosetta-loss").inner_text() == told


@pytest.mark.parametrize(
    "text, size, seed", [("hello, hello", 3, 0), ("循环神经网络，循环不已", 6, 2**40), ("abab", 1, 5)]
)
def test_the_numbers_are_those_of_python_as_each_dialect_stores_them(view, text, size, seed):
    view.get_by_label("Text", exact=True).fill(text)
    view.get_by_label("Seed", exact=True).fill(str(seed))
    set_range(view, "Hidden size H", size)
    for names in DIALECTS:
        pick(view, names)
        for reduction in ("sum", "mean"):
            reduce(view, reduction)
            check_numbers(view)


def test_picking_a_notation_takes_over_its_habits_and_says_so(view):
    for names, dialect in DIALECTS.items():
        reduce(view, "sum")
        pick(view, names)
        assert choice(view, "Vectors are").input_value() == dialect.vectors
        assert choice(view, "Loss is the").input_value() == (dialect.reduction or "sum")
        assert said(view).startswith(f"{dialect.title}: vectors are {dialect.vectors}s.") or names == "rnnlib"
        stored = {0: "in × out, as ours", 2: "Wxh, Whh are stored out × in", 3: "out × in: each is the transpose"}
        if names != "rnnlib":
            assert stored[len(dialect.turned)] in said(view)
            count = sum(key in dialect.symbols for key in ("bh", "bh2"))
            assert ["There are no biases.", "A step adds one bias.", "A step adds two biases"][count] in said(view)


# One equation forward and one backward: a_t and dWhh in the four cases of layout and storage.
WRITTEN = {
    ("rnnlib", "row"): ("at=xtWxh+ht−1Whh+bh", "dWhh=∑tht−1⊤dat"),
    ("rnnlib", "column"): ("at=Wxh⊤xt+Whh⊤ht−1+bh", "dWhh=∑tht−1dat⊤"),
    ("pytorch", "row"): ("at=xtWih⊤+ht−1Whh⊤+bih+bhh", "dWhh=∑tdat⊤ht−1"),
    ("pytorch", "column"): ("at=Wihxt+Whhht−1+bih+bhh", "dWhh=∑tdatht−1⊤"),
    ("cells", "column"): ("z⟨t⟩=Waxx⟨t⟩+Waaa⟨t−1⟩+ba", "dWaa=∑tdz⟨t⟩a⟨t−1⟩⊤"),
    ("cells", "row"): ("z⟨t⟩=x⟨t⟩Wax⊤+a⟨t−1⟩Waa⊤+ba⊤", "dWaa=∑tdz⟨t⟩⊤a⟨t−1⟩"),
    ("matrices", "column"): ("at=Uxt+Wht−1", "dW=∑tdatht−1⊤"),
    ("layers", "row"): ("at=xtwxh+ht−1whh+bxh+bhh", "dwhh=∑tht−1⊤dat"),
    ("keras", "row"): (
        "at=xtkernel+outputt−1recurrent_kernel+bias",
        "drecurrent_kernel=∑toutputt−1⊤dat",
    ),
    ("onnx", "row"): ("at=XtWi⊤+Ht−1Ri⊤+Wbi+Rbi", "dRi=∑tdat⊤Ht−1"),
}


@pytest.mark.parametrize("names, layout", WRITTEN)
def test_equations_are_written_as_the_notation_writes_them(view, names, layout):
    pick(view, names)
    stand(view, layout)
    assert (line(view, "at"), line(view, "dWhh")) == WRITTEN[names, layout]


def test_the_mean_stands_in_two_lines_and_the_sum_in_none(view):
    assert (line(view, "dot"), line(view, "L")) == ("dot=(y^t−yt)/T", "L=−(1/T)∑tlny^t[yt]")
    reduce(view, "sum")
    assert (line(view, "dot"), line(view, "L")) == ("dot=y^t−yt", "L=−∑tlny^t[yt]")
    changed = view.locator(".rnn-rosetta-changed:visible")
    assert [plain(row.locator(".rnn-rosetta-equation")) for row in changed.all()] == [
        line(view, "L"),
        line(view, "dot"),
    ]
    assert [tags_of(row) for row in changed.all()] == [["not divided by T (L)"], ["not divided by T (do)"]]
    marked = view.locator(".rnn-rosetta-ours .rnn-rosetta-undivided").evaluate_all("ns => ns.map((n) => n.textContent)")
    assert marked == ["(1/T)", "/T"]
    assert "T = 11 times as large" in said(view)
    reduce(view, "mean")
    assert "divided by T = 11" in said(view)


def test_biases_that_are_two_share_a_line_and_those_that_are_none_have_no_line(view):
    pick(view, "pytorch")
    assert line(view, "dbh") == "dbih=dbhh=∑tdat"
    pick(view, "gates")
    assert line(view, "dbh") is None and line(view, "dby") is None
    assert view.locator(".rnn-rosetta-line").count() == 5 + 6
    pick(view, "rnnlib")
    assert line(view, "dbh") == "dbh=∑tdat" and view.locator(".rnn-rosetta-line").count() == 5 + 8


def test_a_layout_alone_leaves_the_numbers_and_turns_the_products(view):
    before = [matrix(view, name) for name in ("rosetta-weights", "rosetta-slopes")]
    stand(view, "column")
    assert [matrix(view, name) for name in ("rosetta-weights", "rosetta-slopes")] == before
    assert "the matrix comes first" in said(view) and "needs their transposes" in said(view)
    pick(view, "pytorch")
    stand(view, "column")
    assert "fit without a transpose" in said(view)
    stand(view, "row")
    assert "the vector comes first" in said(view) and "needs their transposes" in said(view)


def test_other_numbers_change_no_equation(view):
    lines = view.locator(".rnn-rosetta-equation").all_inner_texts()
    view.get_by_label("Seed", exact=True).fill("3")
    assert view.locator(".rnn-rosetta-equation").all_inner_texts() == lines
    assert said(view) == "Other numbers, the same equations."
    assert not view.locator(".rnn-rosetta-changed").count()
    check_numbers(view)


def test_the_table_names_all_that_the_notation_has(view):
    for names, dialect in DIALECTS.items():
        pick(view, names)
        table = view.locator(".rnn-rosetta-table")
        assert table.locator("caption").inner_text() == f"What everything is called: {dialect.title}"
        rows = table.locator("tbody tr:visible")
        assert rows.count() == 13 + ("bh2" in dialect.symbols)
        codes = rows.locator("code:first-child").all_inner_texts()
        assert {code for code in codes if code != "–"} == {s.code for s in dialect.symbols.values() if s.code}
        weights = [s.grad for key, s in dialect.symbols.items() if key[0] in "Wb" and s.grad]
        assert sorted(filter(None, rows.locator(".rnn-rosetta-grad").all_inner_texts())) == sorted(weights)


def plain(node):
    return "".join(node.evaluate("n => n.textContent").split())


def rows_of(view):
    return view.locator(".rnn-rosetta-line").all()


def tags_of(row):
    """What is said of how a row differs, with the names that a screen reader hears."""
    return row.locator(".rnn-rosetta-tag").evaluate_all("ns => ns.map((n) => n.textContent)")


def fold(view):
    return view.locator(".rnn-rosetta-fold")


def test_rows_that_are_as_ours_are_folded_into_one_line(view):
    for names in DIALECTS:
        pick(view, names)
        same = [
            plain(row.locator(".rnn-rosetta-ours")) == plain(row.locator(".rnn-rosetta-equation"))
            for row in rows_of(view)
        ]
        assert [row.is_visible() for row in rows_of(view)] == [not alike for alike in same], names
        assert [bool(tags_of(row)) for row in rows_of(view)] == [not alike for alike in same], names
        n = sum(same)
        assert fold(view).is_visible() == (n > 0)
        assert not n or fold(view).inner_text() == (f"{n} rows are the same" if n > 1 else "1 row is the same")
    pick(view, "pytorch")
    assert fold(view).inner_text() == "4 rows are the same" and fold(view).get_attribute("aria-expanded") == "false"
    fold(view).press("Enter")
    assert fold(view).get_attribute("aria-expanded") == "true"
    assert all(row.is_visible() for row in rows_of(view))
    twice = view.locator(".rnn-rosetta-same .rnn-rosetta-book:visible")
    assert not twice.count()  # one equation says it for both
    pick(view, "rnnlib")
    assert all(row.is_visible() for row in rows_of(view))
    fold(view).click()
    assert not view.locator(".rnn-rosetta-line:visible, .rnn-rosetta-panels .rnn-title:visible").count()


def test_what_differs_is_marked_and_said(view):
    pick(view, "pytorch")
    a = row_of(view, "at")
    assert tags_of(a) == ["transposed (Wxh, Whh)", "added bias (bh2)", "renamed (Wxh, bh)"]
    for kind, names in (("turned", ["Wxh", "Whh"]), ("added", ["bh2"]), ("renamed", ["Wxh", "bh"])):
        marked = a.locator(f".rnn-rosetta-equation .rnn-rosetta-{kind}").evaluate_all(
            "ns => ns.map((n) => n.dataset.name)"
        )
        assert marked == names
    assert tags_of(row_of(view, "dWhh")) == ["transposed (da, h)"]
    pick(view, "matrices")
    missing = row_of(view, "at").locator(".rnn-rosetta-ours .rnn-rosetta-missing")
    assert missing.evaluate_all("ns => ns.map((n) => n.dataset.name)") == ["bh"]
    # No mark is hue alone: each kind has a line below or around what it marks.
    for kind in ("missing", "renamed"):
        line_below = view.locator(f"math .rnn-rosetta-{kind}").first.evaluate(
            "n => getComputedStyle(n).borderBottomStyle"
        )
        assert line_below in ("dotted", "dashed")


def lit(view):
    return view.locator(".rnn-rosetta-line .rnn-rosetta-lit:visible").evaluate_all(
        "ns => ns.map((n) => n.dataset.name)"
    )


def test_a_name_that_is_pointed_at_lights_up_everywhere(view):
    pick(view, "pytorch")
    view.locator('.rnn-rosetta-equation [data-name="Whh"]:visible').first.hover()
    painted(view.page)
    symbol = DIALECTS["pytorch"].symbols["Whh"]
    assert f"Whh is {symbol.code}" in view.locator(".rnn-rosetta-pointed").inner_text()
    assert lit(view) == ["Whh"] * 6  # in a, dh and dWhh, in both columns
    assert view.locator("tr.rnn-rosetta-lit").get_attribute("data-name") == "Whh"
    view.page.mouse.move(0, 0)
    assert lit(view) == []
    # With the keyboard: one stop for all names, and arrows between them.
    names = view.locator(".rnn-rosetta-name:visible")
    assert names.evaluate_all("ns => ns.filter((n) => n.tabIndex === 0).length") == 1
    names.first.focus()
    view.page.keyboard.press("End")
    painted(view.page)
    assert {*lit(view)} == {"by"}
    view.page.keyboard.press("ArrowUp")
    painted(view.page)
    assert {*lit(view)} == {"bh2"}
    pick(view, "keras")  # has no second bias
    assert names.evaluate_all("ns => ns.filter((n) => n.tabIndex === 0).length") == 1


# The numbers of a matrix and where they are seen, with the animations at a time in ms; they stay paused there.
PLACES = """async (view, [names, time]) => {
  if (names) {
    const select = view.querySelector("select");
    select.value = names;
    select.dispatchEvent(new Event("change"));
    await Promise.resolve();
  }
  for (const animation of document.getAnimations()) {
    animation.pause();
    animation.currentTime = time;
  }
  const { left, top } = view.querySelector(".rnn-rosetta-weights").getBoundingClientRect();
  const cells = [...view.querySelectorAll(".rnn-rosetta-weights [role=cell], .rnn-rosetta-da .rnn-number")];
  return Object.fromEntries(cells.map((cell) => {
    const box = cell.getBoundingClientRect();
    return [cell.textContent.trim(), [box.left - left, box.top - top].map(Math.round)];
  }));
}"""


def test_numbers_keep_what_they_are_on_the_way_to_their_transposed_places(view):
    def places(names, time):
        return view.evaluate(PLACES, [names, time])

    cells = [cell for row in matrix(view, "rosetta-weights")[2] for cell in row]
    still = view.locator(".rnn-rosetta-da .rnn-number").all_inner_texts()
    before = places(None, 0)
    begun, halfway = places("pytorch", 0), places(None, 200)
    turned, back = places("rnnlib", 0), places(None, 400)  # interrupted, they turn round where they are
    after = places("pytorch", 400)
    for i, cell in enumerate(cells):
        assert begun[cell] == before[cell] == back[cell] and turned[cell] == halfway[cell]
        assert after[cell] == before[cells[i % 3 * 3 + i // 3]]
        assert (halfway[cell] != before[cell]) == (i % 4 != 0)  # all but those on the diagonal are under way
    assert view.locator(".rnn-rosetta-da .rnn-number").all_inner_texts() == still


def test_where_no_motion_is_wanted_numbers_are_in_their_places_at_once(view):
    view.page.emulate_media(reduced_motion="reduce")
    pick(view, "pytorch")
    painted(view.page)
    assert view.page.evaluate("document.getAnimations().length") == 0
    check_numbers(view)


WIDE = """root => [...root.querySelectorAll(
  ".rnn-rosetta-line, .rnn-rosetta-equation math, .rnn-rosetta-tags, .rnn-rosetta-table, td, th, p, .rnn-title")]
  .filter((n) => n.offsetParent !== null || n.namespaceURI.endsWith("MathML"))
  .filter((n) => n.scrollWidth > n.clientWidth + 1 && n.clientWidth > 0
    || n.getBoundingClientRect().right > root.getBoundingClientRect().right - 10)
  .map((n) => n.outerHTML.slice(0, 100))"""


def test_nothing_is_wider_than_a_phone_in_any_of_its_states(visit_alone):
    # Without the fonts of the book formulas are wider than there, and the figure is narrower.
    page, watch = visit_alone(Rosetta(), width=360, has_touch=True, is_mobile=True)
    view = page.locator(".rnn-rosetta").first
    unfolded(view)
    fold(view).click()
    set_range(view, "Hidden size H", 6)
    for names, layout, reduction in itertools.product(DIALECTS, ("row", "column"), ("sum", "mean")):
        pick(view, names)
        stand(view, layout)
        reduce(view, reduction)
        assert not view.evaluate(WIDE), (names, layout, reduction)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        cut = """math => { const box = math.closest('.rnn-rosetta-line').getBoundingClientRect();
          return math.getBoundingClientRect().right > box.right - 6; }"""
        assert not any(view.locator(".rnn-rosetta-equation math").evaluate_all(f"ms => ms.map({cut})"))
    assert not watch.complaints


def test_every_control_changes_what_is_shown(view):
    controls = view.locator("input, select").all()
    assert len(controls) == 6
    for control in controls:
        before = snapshot(view)
        change(view.page, control)
        painted(view.page)
        assert snapshot(view) != before
        check_numbers(view)


def test_the_keyboard_alone_walks_through_the_notations(view):
    page = view.page
    choice(view, "Notation of").focus()
    for title in list(TITLES.values())[1:]:
        page.keyboard.press("ArrowDown")
        assert said(view).startswith(f"{title}: ")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert choice(view, "Vectors are").input_value() == "column"
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowUp")
    assert choice(view, "Loss is the").input_value() == "sum"


def test_what_is_said_is_announced_and_all_has_a_name(view):
    assert view.get_attribute("aria-label") == "Rosetta: one network in nine notations"
    assert view.locator(".rnn-summary").get_attribute("role") == "status"
    assert said(view).startswith("rnnlib: vectors are rows.")
    assert view.get_by_role("table").count() == 3
    fold(view).click()
    for name, count in (("Forward", 5), ("Backward", 8)):
        assert view.get_by_role("list", name=name).get_by_role("listitem").count() == count


@pytest.mark.parametrize("width", [800, 360])
def test_no_choice_moves_the_head_of_the_rows(visit_alone, width):
    page, _ = visit_alone(Rosetta(), width=width)
    view = page.locator(".rnn-rosetta").first
    top = """root => root.querySelector('.rnn-rosetta-panels').getBoundingClientRect().top
      - root.getBoundingClientRect().top"""
    tops = set()
    for names in DIALECTS:
        pick(view, names)
        for layout, reduction in itertools.product(("row", "column"), ("sum", "mean")):
            stand(view, layout)
            reduce(view, reduction)
            tops.add(view.evaluate(top))
    assert len(tops) == 1


def test_a_longer_text_is_cut_with_a_message(view):
    view.get_by_label("Text", exact=True).fill("ab" * 20)
    assert "Of 40 characters, the first 25 are used" in view.inner_text()
    assert "over T = 24 steps" in view.inner_text()


def test_dark_mode_repaints_at_once(view):
    cell = view.locator(".rnn-rosetta-weights [role=cell]").first
    fill = cell.evaluate("n => n.style.backgroundColor")
    view.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    painted(view.page)
    assert cell.evaluate("n => n.style.backgroundColor") != fill


# --- states that the page's own figure does not have -----------------------------------------------------------------


GIVEN = """async ({ source, changes, ...traits }) => {
    const { default: view } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    const numbers = new Float64Array(2 * 2 * 2 + 4 + 2 + 2).map((_, i) => 0.1 * (i + 1));
    const state = { text: "abab", hidden_size: 2, seed: 0, names: "rnnlib", layout: "row", reduction: "mean",
      _characters: "ab", _weights: new DataView(numbers.buffer), ...traits };
    const listeners = [];
    const draw = () => listeners.forEach((listener) => listener());
    const model = { get: (name) => state[name], off() {}, save_changes() {}, set() {},
      on(events, listener) { listeners.push(listener); } };
    const el = document.body.appendChild(document.createElement("div"));
    const clean = view.render({ model, el });
    const said = [el.querySelector(".rnn-summary").textContent];
    for (const change of changes ?? []) {
      Object.assign(state, change);
      draw();
      await Promise.resolve();
      said.push(el.querySelector(".rnn-summary").textContent);
    }
    const chosen = [...el.querySelectorAll("select")].map((select) => select.value);
    clean();
    el.remove();
    return [said, chosen];
}"""


@pytest.fixture
def given(browser):
    """given(changes=(), **traits): what is said at first and after each change, and what is chosen in the end."""
    page = browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield lambda **values: page.evaluate(GIVEN, {"source": Rosetta._esm, **values})
    assert not errors
    page.close()


@pytest.mark.parametrize("names, place", [("gates", False), ("layers", True)])
def test_given_biases_without_a_place_are_told_as_long_as_it_is_so(given, names, place):
    changes = [{"text": "bbaa"}, {"layout": "column"}, {"reduction": "sum"}]
    said, _ = given(names=names, changes=changes)
    assert len({*said}) == 4
    assert all(("has no place for them" in text) != place for text in said)
    said, _ = given(names=names, changes=[{"names": "keras"}])
    assert "has no place" not in said[1]


@pytest.mark.parametrize("bad", ["unheard of", "toString", "__proto__", "", None, 3])
def test_for_traits_that_cannot_be_the_first_state_is_shown_and_then_what_comes_next(given, bad):
    said, chosen = given(names=bad, layout=bad, reduction=bad, changes=[{"names": "keras"}])
    assert said[0].startswith("PyTorch: vectors are rows.") and said[1].startswith("Keras: ")
    assert chosen == ["keras", "row", "mean"]


def test_where_the_figure_differs_from_what_is_usual_it_says_so(given):
    usual = {"names": "matrices", "layout": "column", "reduction": "sum"}
    said, _ = given(**usual)
    assert "Here" not in said[0]
    said, _ = given(**{**usual, "layout": "row"})
    assert "vectors are columns. Here they are written as rows. Matrices" in said[0]
    said, _ = given(**{**usual, "reduction": "mean"})
    assert "The loss is the sum. Here it is the mean. There" in said[0]
    said, _ = given(names="onnx", layout="column", reduction="sum")  # it has no loss to differ from
    assert "rows. Here they are written as columns." in said[0] and "Here it is" not in said[0]
    said, _ = given(changes=[{**usual, "names": "pytorch"}])
    assert "Here they are written as columns" in said[1] and "Here it is the sum" in said[1]
