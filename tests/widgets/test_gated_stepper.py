"""GatedStepper as a Jupyter widget: its traits, its errors, its numbers in Python and in the page."""

import base64
import inspect

import numpy as np
import pytest
from javascript import bundled, entry_of
from models import refuses

from rnnlib import Vocabulary, gru, init_params, lstm, one_hot
from rnnlib.widgets import GatedStepper
from rnnlib.widgets._bundle import words
from rnnlib.widgets.gated_stepper import CELLS, INSIGHT, MOVES
from rnnlib.widgets.gated_stepper._moves import COUNT, FORWARD, numbers

TEXT = "I am learning RNN"
BOTH = pytest.mark.parametrize("cell", [*CELLS])


# Where it opens, and what it refuses


@BOTH
@pytest.mark.parametrize(("text", "t"), [("ab", 0), ("hello", 1), (TEXT, 7), ("ab" * 32 + "c", 31)])
def test_it_opens_in_the_middle_where_the_paths_back_meet(cell, text, t):
    stepper = GatedStepper(text=text, cell=cell)
    assert (stepper.t, stepper.move) == (t, {"lstm": 9, "gru": 7}[cell])
    assert MOVES[cell][stepper.move].name == {"lstm": "dc", "gru": "dh"}[cell]


def test_where_a_place_is_given_the_other_one_is_the_first():
    assert (GatedStepper(t=3).t, GatedStepper(t=3).move) == (3, 0)
    assert (GatedStepper(move=8).t, GatedStepper(move=8).move) == (0, 8)


BAD = [
    ("text", "a", ValueError, "a string of 2 to 65 characters", "1"),
    ("hidden_size", 65, ValueError, "from 1 to 64", "65"),
    ("cell", "rnn", ValueError, "one of 'lstm', 'gru'", "str 'rnn'"),
    ("cell", None, TypeError, "", "NoneType None"),
    ("forget_bias", 6.1, ValueError, "a number from 0 to 6", "6.1"),
    ("forget_bias", "1", TypeError, "a number from 0 to 6", "str '1'"),
    ("t", 4, ValueError, "a step from 0 to 3", "4"),
    ("move", 12, ValueError, "a whole number from 0 to 11", "12"),
    ("move", True, TypeError, "a whole number from 0 to 11", "bool True"),
]


@pytest.mark.parametrize(("trait", "value", "kind", "expected", "got"), BAD)
def test_a_value_that_cannot_be_is_refused(trait, value, kind, expected, got):
    with refuses(kind, trait, got, expected=expected):
        GatedStepper(**{"text": "hello", trait: value})
    stepper = GatedStepper(text="hello")
    before = getattr(stepper, trait)
    with refuses(kind, trait, got, expected=expected):
        setattr(stepper, trait, value)
    assert getattr(stepper, trait) == before


def test_a_forget_bias_is_refused_where_there_is_no_forget_gate():
    with pytest.raises(TypeError, match="forget_bias: expected none with cell='gru'"):
        GatedStepper(cell="gru", forget_bias=3)


def test_a_shorter_text_moves_the_step_to_the_last_one():
    stepper = GatedStepper(text=TEXT, t=12, move=3)
    stepper.text = "hello"
    assert (stepper.t, stepper.move) == (3, 3)


# Which network


@BOTH
def test_the_network_is_that_of_rnnlib(cell):
    stepper = GatedStepper(text="hello", hidden_size=4, seed=5, cell=cell)
    options = {"forget_bias": 1.0} if cell == "lstm" else {}
    params = CELLS[cell].init_params(4, 4, rng=np.random.default_rng(5), **options)
    trace = CELLS[cell].forward(params, Vocabulary("hello").encode("hell"))
    grads = CELLS[cell].backward(params, trace, Vocabulary("hello").encode("ello"), reduction="sum")
    for mine, theirs in ((stepper.params, params), (stepper.trace, trace), (stepper.grads, grads)):
        assert type(mine) is type(theirs) and all(map(np.array_equal, mine, theirs))
    matrix = CELLS[cell].contributions(params, trace, Vocabulary("hello").encode("ello"), reduction="sum")
    assert np.array_equal(stepper.contributions, matrix)


def test_the_forget_bias_is_that_of_the_weights():
    assert (GatedStepper(text="hello", forget_bias=2.5).params.bh[3:6] == 2.5).all()


@BOTH
def test_given_weights_say_which_cell_they_are_of(cell):
    vocab = Vocabulary("hello")
    params = CELLS[cell].init_params(4, 5, rng=np.random.default_rng(7))
    stepper = GatedStepper.from_params(params, vocab, "hell")
    assert stepper.cell == cell and stepper.hidden_size == 5 and (stepper.t, stepper.move) == (1, INSIGHT[cell])
    assert all(map(np.array_equal, stepper.params, params))
    other = {"lstm": "gru", "gru": "lstm"}[cell]
    with refuses(ValueError, "cell", f"'{other}'", expected="that of the given weights"):
        stepper.cell = other
    with refuses(ValueError, "hidden_size", "4", expected="that of the given weights"):
        stepper.hidden_size = 4
    with refuses(ValueError, "text", "'x'", expected="only the 4 characters of the given weights"):
        stepper.text = "hex"
    with refuses(TypeError, "cell", "str 'lstm'", expected="none with given weights"):
        GatedStepper.from_params(params, vocab, "hell", cell="lstm")
    with refuses(TypeError, "forget_bias", "float 2.0", expected="none with given weights"):
        GatedStepper.from_params(params, vocab, "hell", forget_bias=2.0)


def test_weights_of_another_cell_are_refused():
    params = init_params(4, 3, rng=np.random.default_rng(0))
    with refuses(TypeError, "params", "the Params of the vanilla network", expected="lstm.Params or gru.Params"):
        GatedStepper.from_params(params, Vocabulary("hello"), "hello")


# Its numbers


def names_of(cell, params, trace, grads, y, t):
    """What the names in the rows stand for in the code of the cell, at step t."""
    row = lambda array, start: array[t - 1] if t else start  # noqa: E731
    names = {name: array[t] for name, array in trace._asdict().items() if array.ndim > 1}
    names |= {"np": np, "Why": params.Why, "Whh": params.Whh, "bh": params.bh, "by": params.by}
    names |= {
        "do": grads.do[t],
        "dh": grads.dh[t],
        "h_prev": row(trace.h, trace.h0),
        "y": one_hot(y[t], len(params.by)),
    }
    gates = "ifgq" if cell == "lstm" else "rzn"
    names |= {f"a_{gate}": part for gate, part in zip(gates, np.split(trace.a[t], len(gates)), strict=True)}
    names |= {f"da_{gate}": part for gate, part in zip(gates, np.split(grads.da[t], len(gates)), strict=True)}
    if cell == "lstm":
        c_prev = row(trace.c, trace.c0)
        names |= {"dc": grads.dc[t], "da": grads.da[t], "c_prev": c_prev, "tanh_c": np.tanh(trace.c[t])}
    return names


# Rows of all gates at once, and names that the code of one step has not: the products and sums below are their test.
OTHERS = {
    "lstm": {
        "x_Wxh",
        "h_prev @ Whh",
        "bh",
        "a",
        "dh_next",
        "through_h",
        "dc_next",
        "dc[t+1]",
        "f[t+1]",
        *(f"da_{k}[t+1]" for k in "ifgq"),
    },
    "gru": {
        "x_Wxh",
        "h_Whh",
        "a",
        "bn",
        "through_z",
        "through_gates",
        "dh_next",
        "dh[t+1]",
        "z[t+1]",
        *(f"dk_{k}[t+1]" for k in "rzn"),
    },
}


@BOTH
@pytest.mark.parametrize("t", [0, 7, 15])
def test_the_names_of_the_rows_are_python_that_computes_them(cell, t):
    stepper = GatedStepper(text=TEXT, hidden_size=4, seed=2, cell=cell)
    given = stepper.params, stepper.trace, stepper.grads, stepper.targets
    names = names_of(cell, *given, t)
    for move in range(COUNT):
        for name, values in numbers(*given, t, move).items():
            if name not in OTHERS[cell]:
                np.testing.assert_allclose(values, eval(name, dict(names)), rtol=0, atol=1e-14, err_msg=name)


@BOTH
@pytest.mark.parametrize("t", [0, 7, 15])
def test_products_and_sums_of_the_rows_are_their_results(cell, t):
    """What stands in the code without a name of its own, and the paths that meet."""
    stepper = GatedStepper(text=TEXT, hidden_size=4, seed=3, cell=cell)
    params, trace, grads, y = stepper.params, stepper.trace, stepper.grads, stepper.targets
    rows = lambda move, at=t: numbers(params, trace, grads, y, at, move)  # noqa: E731
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-15)  # noqa: E731
    if cell == "lstm":
        first, dh, dc = rows(0), rows(7), rows(9)
        close(first["x_Wxh"] + first["h_prev @ Whh"] + first["bh"], first["a"])
        close(dh["do @ Why.T"] + dh["dh_next"], grads.dh[t])
        close(dc["dh"] * dc["q"] * dc["1 - tanh_c**2"], dc["through_h"])
        close(dc["through_h"] + dc["dc_next"], grads.dc[t])
        if t < 15:  # what step t + 1 sends is what step t receives
            close(rows(11, t + 1)["da @ Whh.T"], dh["dh_next"])
            close(rows(11, t + 1)["dc * f"], dc["dc_next"])
            close(np.concatenate([dh[f"da_{k}[t+1]"] for k in "ifgq"]) @ params.Whh.T, dh["dh_next"])
            close(dc["dc[t+1]"] * dc["f[t+1]"], dc["dc_next"])
        else:
            assert not dc["dc_next"].any() and not dh["dh_next"].any() and "dc[t+1]" not in dc
    else:
        first, dh, back = rows(0), rows(7), rows(11)
        close(first["x_Wxh"] + first["h_Whh"], first["a"])
        close(dh["do @ Why.T"] + dh["through_z"] + dh["through_gates"], grads.dh[t])
        close(back["through_z"] + back["through_gates"], back["dh_next"])
        if t < 15:
            close(rows(11, t + 1)["dh_next"], dh["through_z"] + dh["through_gates"])
            close(dh["dh[t+1]"] * dh["z[t+1]"], dh["through_z"])
            close(np.concatenate([dh[f"dk_{k}[t+1]"] for k in "rzn"]) @ params.Whh.T, dh["through_gates"])
            close(dh["dk_n[t+1]"], rows(11, t + 1)["da_n * r"])
        else:
            assert not dh["through_z"].any() and not dh["through_gates"].any() and "dh[t+1]" not in dh
        close(rows(2)["h_Whh"] + rows(2)["bn"], rows(2)["m"])
        close(rows(3)["x_Wxh"] + rows(3)["r * m"], rows(3)["a_n"])
    close(back["dh_next"] if cell == "gru" else rows(11)["da @ Whh.T"], grads.dh[t - 1] - grads.do[t - 1] @ params.Why.T
          if t else grads.h0)  # fmt: skip


@BOTH
def test_the_direct_path_is_what_is_left_without_the_matrix(cell):
    """With Whh = 0 nothing comes back through the gates: complex steps of a later state give the direct path alone."""
    vocab, ids = Vocabulary(TEXT), Vocabulary(TEXT).encode(TEXT)
    params = CELLS[cell].init_params(len(vocab), 3, rng=np.random.default_rng(1))
    params = params._replace(Whh=0 * params.Whh)
    stepper = GatedStepper.from_params(params, vocab, TEXT)
    state = {"lstm": "c0", "gru": "h0"}[cell]
    t = 9
    direct = stepper.paths["dc_next" if cell == "lstm" else "through_z"][t]
    start = stepper.trace.c[t] if cell == "lstm" else stepper.trace.h[t]

    def loss(value):
        run = CELLS[cell].forward(params, ids[t + 1 : -1], **{state: value})
        return (np.log(np.exp(run.o).sum(axis=1)) - run.o[np.arange(len(run.o)), ids[t + 2 :]]).sum()

    steps = [loss(start + 1e-30j * e).imag / 1e-30 for e in np.eye(3)]
    np.testing.assert_allclose(direct, steps, rtol=1e-12)


@BOTH
def test_the_paths_are_those_of_every_step(cell):
    stepper = GatedStepper(text="hello", cell=cell)
    total = stepper.grads.dc if cell == "lstm" else stepper.grads.dh
    assert np.allclose(sum(stepper.paths.values()), total, rtol=0, atol=1e-15)
    assert all(path.shape == (4, 3) for path in stepper.paths.values())
    stepper.t, stepper.move = 2, INSIGHT[cell]
    for name, path in stepper.paths.items():
        assert np.array_equal(stepper.numbers[name], path[2])


@pytest.fixture(scope="module")
def page():
    with bundled("entry.js", {"entry.js": entry_of("model/gated.js", "engine/flat.js")}) as v8:
        yield v8


IN_THE_PAGE = """(b, { cell, V, H, T, x, y, weights, name, t }) => {
  const params = b.unflatten(Float64Array.from(weights), V, H, cell);
  const kind = b.gatedCell({ get: (trait) => ({ cell, forget_bias: 1 })[trait] });
  const trace = kind.forward(params, x);
  const { grads } = b.gatedGradients({ params, trace, y });
  return b.blocksOf(name, { params, trace, grads, x, y, V, H, T, t });
}"""


@BOTH
@pytest.mark.parametrize("text, H", [(TEXT, 3), ("ab", 1), ("aa", 2), ("to be, or not to be: that", 16)])
def test_the_page_has_the_rows_of_python(page, cell, text, H):
    stepper = GatedStepper(text=text, hidden_size=H, seed=4, cell=cell)
    params, trace, grads, y = stepper.params, stepper.trace, stepper.grads, stepper.targets
    sizes = {"cell": cell, "V": len(params.by), "H": H, "T": len(y), "x": trace.x.tolist(), "y": y.tolist()}
    weights = np.concatenate([array.ravel() for array in params]).tolist()
    for t in {0, len(y) // 2, len(y) - 1}:
        for move, (name, *_) in enumerate(MOVES[cell]):
            blocks = page.call(IN_THE_PAGE, sizes | {"weights": weights, "name": name, "t": t})
            found = {}
            for row in (row for block in blocks for row in block["rows"]):
                if move == 0:  # a block for each gate
                    found.setdefault(row["name"], []).extend(row["values"])
                else:
                    assert found.setdefault(row["name"], row["values"]) == row["values"]
            expected = numbers(params, trace, grads, y, t, move)
            assert set(found) == set(expected), name
            for key, values in expected.items():
                scale = max(1, abs(values).max())
                np.testing.assert_allclose(found[key], values, rtol=0, atol=1e-12 * scale, err_msg=f"{name} {key}")


# Equations, lines of code and words


@BOTH
def test_the_lines_of_code_are_those_of_the_library(cell):
    lines = [line.strip() for line in inspect.getsource(CELLS[cell]).splitlines()]
    for move in MOVES[cell]:
        for line in move.code:
            assert line in lines or move.name == "do", line
    [error] = [move.code[0] for move in MOVES[cell] if move.name == "do"]
    stepper = GatedStepper(text="hello", cell=cell)
    names = {"yhat": stepper.trace.yhat, "y": stepper.targets, "V": 4, "t": 2, "one_hot": one_hot}
    exec(error, names)
    np.testing.assert_allclose(names["do"], stepper.grads.do[2], rtol=0, atol=1e-16)


@BOTH
def test_every_move_has_its_words(cell):
    assert len(MOVES[cell]) == COUNT == 2 * FORWARD
    for move in MOVES[cell]:
        assert f"gated_move_{move.name}" in words()["en"]
        assert f'"gated_move_{move.name}"' in GatedStepper._esm


# Where no script runs


@BOTH
@pytest.mark.parametrize("text", ["ab", "aaaa", "<b>\n\t\u202eא", "ab" * 32 + "c"])
def test_a_picture_and_words_stand_in(cell, text):
    data, _ = GatedStepper(text=text, hidden_size=2, cell=cell)._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert text in data["text/plain"] and cell.upper() in data["text/plain"]
    assert {"lstm": lstm, "gru": gru}[cell] is CELLS[cell]
