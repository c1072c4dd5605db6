"""Rosetta as a Jupyter widget, and its equations: each, as it is written in any dialect, holds for the numbers."""

import base64
import itertools
import json
import re

import numpy as np
import pytest
from javascript import bundled
from models import make_case, refuses

from rnnlib import Vocabulary, backward, forward, init_params, one_hot
from rnnlib.formulations.dialects import DIALECTS, MATRICES, OURS, shape, stored
from rnnlib.plots import plot_matrices
from rnnlib.widgets import Rosetta
from rnnlib.widgets.rosetta import LAYOUTS, facts

each = pytest.mark.parametrize("name", DIALECTS)
WITHOUT_BIASES = ("matrices", "gates")


# --- the widget -----------------------------------------------------------------------------------------------------


@each
def test_picking_a_dialect_takes_over_its_habits(name):
    for widget in (Rosetta(names=name), Rosetta()):
        widget.names = name
        assert widget.layout == DIALECTS[name].vectors
        assert widget.reduction == (DIALECTS[name].reduction or "mean")


@pytest.mark.parametrize("layout, reduction", [*itertools.product(LAYOUTS, ("sum", "mean"))])
def test_what_is_asked_for_goes_before_what_is_usual(layout, reduction):
    for name in DIALECTS:
        widget = Rosetta(names=name, layout=layout, reduction=reduction)
        assert (widget.names, widget.layout, widget.reduction) == (name, layout, reduction)


def test_a_dialect_without_a_loss_leaves_the_reduction_as_it_was():
    widget = Rosetta(reduction="sum")
    widget.names = "onnx"
    assert widget.reduction == "sum"


def test_a_dialect_and_its_habits_reach_the_views_in_one_message(monkeypatch):
    widget = Rosetta()
    sent = []
    monkeypatch.setattr(widget, "_send", lambda message, buffers=None: sent.append(message["state"]))
    widget.names = "matrices"
    widget.layout = "row"
    widget.names = "layers"  # its vectors are rows, and its loss a sum, already
    assert sent == [
        {"names": "matrices", "layout": "column", "reduction": "sum"},
        {"layout": "row"},
        {"names": "layers"},
    ]


def test_the_network_is_that_of_the_seed_and_the_gradients_are_of_the_loss_shown():
    widget = Rosetta(text="banana", hidden_size=4, seed=9)
    expected = init_params(3, 4, rng=np.random.default_rng(9))
    assert all(np.array_equal(one, other) for one, other in zip(widget.params, expected, strict=True))
    ids = widget.vocab.encode("banana")
    for reduction in ("sum", "mean"):
        widget.reduction = reduction
        grads = backward(expected, forward(expected, ids[:-1]), ids[1:], reduction=reduction)
        assert all(np.array_equal(one, other) for one, other in zip(widget.grads, grads, strict=True))


@each
def test_arrays_are_those_of_the_dialect(name):
    widget = Rosetta(names=name, text="banana", hidden_size=2)
    symbols = {key: s for key, s in DIALECTS[name].symbols.items() if key in (*MATRICES, "bh", "bh2", "by")}
    assert widget.stored.keys() == {symbol.code for symbol in symbols.values()}
    assert widget.stored_grads.keys() == {symbol.grad or symbol.code for symbol in symbols.values()}
    for symbol in symbols.values():
        for arrays, code in ((widget.stored, symbol.code), (widget.stored_grads, symbol.grad or symbol.code)):
            assert arrays[code].shape == shape(symbol.shape, V=3, H=2)
    ours = widget.grads.Whh.T if "Whh" in DIALECTS[name].turned else widget.grads.Whh
    theirs = widget.stored_grads[symbols["Whh"].grad or symbols["Whh"].code]
    assert np.array_equal(np.squeeze(theirs), ours)


def test_given_biases_are_refused_where_there_is_no_place_for_them():
    params = make_case(0, T=4, B=None, V=3, H=2).params
    widget = Rosetta.from_params(params, Vocabulary("abc"), "abca", names="cells")
    assert np.array_equal(widget.stored['parameters["ba"]'][:, 0], params.bh)
    widget.names = "gates"
    with refuses(ValueError, "params.bh", expected="zeros, for gates has no biases"):
        _ = widget.stored


@pytest.mark.parametrize(
    ("trait", "value", "kind", "expected"),
    [
        ("names", "jax", ValueError, "names: expected one of 'rnnlib', 'equations'"),
        ("names", 3, TypeError, "got int 3"),
        ("layout", "rows", ValueError, "layout: expected one of 'row', 'column', got str 'rows'"),
        ("reduction", "max", ValueError, "reduction: expected one of 'sum', 'mean', got str 'max'"),
        ("hidden_size", 7, ValueError, "hidden_size: expected a whole number from 1 to 6, got 7"),
        ("text", "ab" * 13, ValueError, "text: expected a string of 2 to 25 characters, got 26"),
    ],
)
def test_a_value_that_cannot_be_is_refused_and_the_old_one_kept(trait, value, kind, expected):
    widget = Rosetta(names="keras")
    before = getattr(widget, trait)
    with pytest.raises(kind, match=re.escape(expected)):
        setattr(widget, trait, value)
    assert getattr(widget, trait) == before and widget.names == "keras"


@each
def test_where_no_script_runs_a_picture_and_words_stand_in(name):
    data, _ = Rosetta(names=name)._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert DIALECTS[name].title in data["text/plain"] and "“hello, hello”" in data["text/plain"]


def test_the_page_knows_the_dialects_as_python_does():
    values = dict(re.findall(r"^export const (\w+) = (.*);$", facts()["rosetta/dialects.js"], re.MULTILINE))
    table = json.loads(values["DIALECTS"])
    assert list(table) == list(DIALECTS) and json.loads(values["OURS"]) == OURS
    assert set(json.loads(values["SYMBOL_KEYS"])) == {*OURS, "bh2"}
    for name, dialect in DIALECTS.items():
        assert table[name]["turned"] == list(dialect.turned)
        assert table[name]["symbols"].keys() == dialect.symbols.keys()
    module = Rosetta._esm
    assert not re.search(r"\beval\(|new Function\(", module)
    assert re.findall(r"^export .*", module, re.MULTILINE) == ["export default figure(render);"]


# --- the equations --------------------------------------------------------------------------------------------------


ENTRY = """
import { DIALECTS } from "./rosetta/dialects.js";
import { asStored, differences, factorShape, translate } from "./rosetta/equations.js";
export { DIALECTS, asStored, differences, factorShape, translate };
"""


@pytest.fixture(scope="module")
def engine():
    """The rules that rewrite equations, in V8."""
    with bundled("entry.js", {**facts(), "entry.js": ENTRY}) as engine:
        yield engine


TRANSLATE = """(engine, { name, layout, reduction }) => {
    const [dialect, { rnnlib }] = [engine.DIALECTS[name], engine.DIALECTS];
    const all = (...how) => Object.values(engine.translate(...how)).flat();
    const ours = new Map(all(rnnlib, "row", "mean").map((one) => [one.key, one]));
    const shaped = (part) => ({ ...part, shape: engine.factorShape(part, dialect, layout) });
    return all(dialect, layout, reduction).map((one) => ({
        ...one, left: one.left.map(shaped), terms: one.terms.map((factors) => factors.map(shaped)),
        kinds: Object.fromEntries(engine.differences(one, ours.get(one.key), dialect)),
    }));
}"""


def translated(engine, name, layout, reduction):
    return engine.call(TRANSLATE, {"name": name, "layout": layout, "reduction": reduction})


def numbers(name, layout, case):
    """value(factor, t): what a factor is at step t (from 0) where vectors stand as the layout says."""
    trace = forward(case.params, case.x, case.h0)
    grads = backward(case.params, trace, case.y, reduction=case.reduction)
    V, H = case.params.Wxh.shape
    steps = {
        "x": one_hot(case.x, V),
        "y": one_hot(case.y, V),
        "a": trace.a,
        "h": trace.h,
        "o": trace.o,
        "yhat": trace.yhat,
    }
    slopes = {"a": grads.da, "h": grads.dh, "o": grads.do}
    kept, kept_slopes = {}, {}
    for key, symbol in DIALECTS[name].symbols.items():
        for table, arrays, code in (
            (kept, stored(name, case.params), symbol.code),
            (kept_slopes, stored(name, grads, gradients=True), symbol.grad or symbol.code),
        ):
            if key in (*MATRICES, "bh", "bh2", "by"):
                array = arrays[code]
                if "2H" in symbol.shape:  # both biases in one array
                    array = array[0, H:] if key == "bh2" else array[0, :H]
                if key in MATRICES:
                    array = array.reshape(array.shape[-2:])
                table[key] = array if array.ndim == 2 else array[:, None] if layout == "column" else array[None]

    def value(factor, t):
        if not factor["at"]:
            array = (kept_slopes if factor["gradient"] else kept)[factor["name"]]
        else:
            table = slopes if factor["gradient"] else steps
            s = t + {"t": 0, "t−1": -1, "t+1": 1}[factor["at"]]
            rows = table[factor["name"]]
            row = case.h0 if s < 0 else np.zeros_like(rows[0]) if s == len(rows) else rows[s]
            array = row[:, None] if layout == "column" else row[None]
        return array.T if factor["turned"] else array

    return value


@each
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_every_equation_as_written_holds_for_the_numbers(engine, name, layout, reduction):
    equations = translated(engine, name, layout, reduction)
    made = make_case(5, T=6, B=None, V=5, H=3, reduction=reduction)
    if name in WITHOUT_BIASES:
        made = made._replace(params=made.params._replace(bh=np.zeros(3), by=np.zeros(5)))
    value = numbers(name, layout, made)
    T, functions = 6, {"tanh": np.tanh, "softmax": lambda o: np.exp(o) / np.exp(o).sum()}
    biases = [] if name in WITHOUT_BIASES else ["dbh", "dby"]
    keys = ["a", "h", "o", "yhat", "L", "do", "dh", "da", "dWxh", "dWhh", "dWhy", *biases]
    assert [one["key"] for one in equations] == keys
    for one in equations:
        if one["loss"]:
            assert one["share"] == (reduction == "mean") and not one["terms"]
            continue
        right = []
        for t in range(T):
            products = []
            for factors in one["terms"]:
                values = [value(factor, t) for factor in factors]
                for factor, array in zip(factors, values, strict=True):
                    assert array.shape == shape(factor["shape"], V=5, H=3)
                products.append(np.linalg.multi_dot(values) if len(values) > 1 else values[0])
            total = products[0] - products[1] if one["minus"] else sum(products)
            if one["apply"]:
                total = functions[one["apply"]](total)
            if one["slope"]:
                total = total * (1 - value(one["slope"], t) ** 2)
            right.append(total / T if one["share"] else total)
        for left in one["left"]:
            for t in range(1 if one["sum"] else T):
                expected = value(left, t)
                got = sum(right) if one["sum"] else right[t]
                assert got.shape == expected.shape == shape(left["shape"], V=5, H=3), one["key"]
                np.testing.assert_allclose(got, expected, rtol=0, atol=1e-13, err_msg=one["key"])


def typed(part, dialect):
    """A factor as it is written in a line of text."""
    symbol = dialect.symbols.get(part["name"])
    letters = (symbol and symbol.maths) or OURS[part["name"]]
    step = f"<{part['at']}>" if part["at"] and dialect.index == "above" else f"_{part['at']}"
    return "d" * part["gradient"] + letters.replace(" ", "_") + step + "'" * part["turned"]


def line(one, dialect):
    """An equation in a line of text."""
    loss = [{"name": name, "at": "t", "gradient": False, "turned": False} for name in ("yhat", "y")]
    terms = [loss] if one["loss"] else one["terms"]
    right = " + ".join(" ".join(typed(part, dialect) for part in factors) for factors in terms)
    slope = typed(one["slope"], dialect) if one["slope"] else ""
    left = " = ".join(typed(part, dialect) for part in one["left"])
    return f"{left} = {one['apply']} {one['minus']} {right} {slope}" + "/T" * one["share"]


@each
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_a_row_differs_where_its_text_does_and_says_how(engine, name, layout, reduction):
    dialect = DIALECTS[name]
    ours = {one["key"]: line(one, DIALECTS["rnnlib"]) for one in translated(engine, "rnnlib", "row", "mean")}
    for one in translated(engine, name, layout, reduction):
        text, kinds = line(one, dialect), one["kinds"]
        assert bool(kinds) == (text != ours[one["key"]]), (one["key"], kinds)
        assert ("undivided" in kinds) == (text.endswith("/T") != ours[one["key"]].endswith("/T"))
        assert ("above" in kinds) == ("<" in text)
        assert all(part["name"] == "bh2" for part in kinds.get("added", []))
        assert all(part["name"] in ("bh", "by") for part in kinds.get("missing", []))
        for part in kinds.get("renamed", []):
            assert dialect.symbols[part["name"]].maths != OURS[part["name"]]


# By hand: what is transposed, added and renamed in each row of PyTorch; the rows that are missing are as ours.
PYTORCH = {
    "a": {"turned": ["Wxh", "Whh"], "added": ["bh2"], "renamed": ["Wxh", "bh"]},
    "o": {"turned": ["Why"], "renamed": ["Why", "by"]},
    "L": {"renamed": ["L"]},
    "dh": {"turned": ["Why", "Whh"], "renamed": ["Why"]},
    "dWxh": {"turned": ["a", "x"], "renamed": ["Wxh"]},
    "dWhh": {"turned": ["a", "h"]},
    "dWhy": {"turned": ["o", "h"], "renamed": ["Why"]},
    "dbh": {"added": ["bh2"], "renamed": ["bh"]},
    "dby": {"renamed": ["by"]},
}


def test_the_rows_of_pytorch_differ_in_what_was_found_by_hand(engine):
    found = {
        one["key"]: {kind: [part["name"] for part in parts] for kind, parts in one["kinds"].items()}
        for one in translated(engine, "pytorch", "row", "mean")
    }
    assert {key: kinds for key, kinds in found.items() if kinds} == PYTORCH


def test_sums_columns_and_missing_biases_are_told(engine):
    def kinds(*how):
        return {one["key"]: [*one["kinds"]] for one in translated(engine, *how)}

    assert {key: each for key, each in kinds("rnnlib", "row", "sum").items() if each} == {
        "L": ["undivided"],
        "do": ["undivided"],
    }
    assert kinds("rnnlib", "column", "mean")["a"] == ["turned"]
    assert kinds("matrices", "column", "sum")["a"] == ["missing", "renamed", "order"]
    assert kinds("cells", "column", "mean")["L"] == ["above"]


def test_a_stored_matrix_is_turned_or_left(engine):
    matrix = np.arange(9.0).reshape(3, 3)
    for turned in (False, True):
        got = engine.call(
            "(engine, m, turned) => engine.asStored(Float64Array.from(m), 3, turned)", [*matrix.flat], turned
        )
        assert np.array_equal(np.reshape(got, (3, 3)), matrix.T if turned else matrix)


# --- the picture ----------------------------------------------------------------------------------------------------


def test_matrices_are_drawn_with_their_numbers_on_scales_of_their_own():
    small, large = np.array([[0.001, -0.002]]), np.array([[3.0, -2.0], [1.0, 0.0]])
    figure = plot_matrices({"a $b": small, "c": large}, "from", "to")
    first, second = [axes for axes in figure.axes if axes.images and axes.get_title()]
    assert (first.get_title(), second.get_title()) == ("a $b", "c")
    assert [axes.images[0].get_clim() for axes in (first, second)] == [(-0.002, 0.002), (-3, 3)]
    assert [text.get_text() for text in first.texts] == ["0.0010", "−0.0020"]
    assert [text.get_text() for text in second.texts] == ["3.00", "−2.00", "1.00", "0.00"]
    assert (second.get_xlabel(), second.get_ylabel()) == ("to", "from")
    assert [tick.get_text() for tick in second.get_xticklabels()] == ["1", "2"]
    assert np.array_equal(second.images[0].get_array(), large)


def test_large_matrices_and_zeros_can_be_drawn():
    figure = plot_matrices({"zeros": np.zeros((2, 2)), "large": np.ones((30, 40))})
    figure.savefig("/dev/null", format="png")
    assert len(figure.axes[1].texts) == 0


@pytest.mark.parametrize(
    ("matrices", "error", "argument", "got"),
    [
        ([1], TypeError, "matrices", "list"),
        ({3: np.ones((1, 1))}, TypeError, "matrices", "dict"),
        ({}, ValueError, "matrices", "an empty dict"),
    ],
)
def test_what_are_no_matrices_is_refused(matrices, error, argument, got):
    with refuses(error, argument, got):
        plot_matrices(matrices)


@pytest.mark.parametrize(
    ("matrix", "error", "message"),
    [
        (np.ones(3), ValueError, "expected a matrix, both sides at least 1, got shape (3,)"),
        (np.ones((0, 2)), ValueError, "got shape (0, 2)"),
        (np.array([[np.nan]]), ValueError, "expected finite numbers"),
        (np.ones((1, 1), complex), TypeError, "expected real numbers"),
        ([["a"]], TypeError, "expected an array of numbers"),
    ],
)
def test_a_matrix_that_cannot_be_drawn_is_refused_by_its_title(matrix, error, message):
    with pytest.raises(error, match=re.escape(message)) as caught:
        plot_matrices({"W": matrix})
    assert str(caught.value).startswith("matrices['W']: ")
