"""BackwardStepper as a Jupyter widget: its traits, its errors, its gradients, and the Python that it shows."""

import base64
import sys

import ipywidgets
import numpy as np
import pytest
import traitlets
from models import assert_close, make_case, refuses
from pages import code_of_moves

import rnnlib
from rnnlib import Params, Vocabulary, backward, contributions, forward, init_params, one_hot, plots
from rnnlib.widgets import BackwardStepper

TEXT = "I am learning RNN"
LONGEST = "ab" * 32 + "c"
PLACE = ("t", "move", "loss_t", "s")


def place(stepper):
    return tuple(getattr(stepper, name) for name in PLACE)


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def network(text, H, seed):
    """The network that a stepper shows: its parameters, its trace and its targets."""
    vocab = Vocabulary(text)
    params = init_params(len(vocab), H, rng=np.random.default_rng(seed))
    ids = vocab.encode(text)
    return params, forward(params, ids[:-1]), ids[1:]


# Traits


@pytest.mark.parametrize(("text", "t", "s"), [("ab", 0, 0), ("hello", 2, 0), (TEXT, 12, 9), (LONGEST, 50, 47)])
def test_it_opens_where_two_paths_meet_and_at_the_loss_of_that_step(text, t, s):
    assert place(BackwardStepper(text=text)) == (t, 1, t, s)


@pytest.mark.parametrize(("text", "last", "s"), [("ab", 0, 0), ("hello", 3, 0), (TEXT, 15, 12), (LONGEST, 63, 60)])
def test_where_a_place_is_given_the_others_are_the_last_step_and_the_cell_three_before_it(text, last, s):
    assert place(BackwardStepper(text=text, move=0)) == (last, 0, last, s)
    assert place(BackwardStepper(text=text, t=0)) == (0, 0, last, s)
    assert place(BackwardStepper(text=text, s=0)) == (last, 0, last, 0)


def test_the_cell_reaches_back_from_the_loss_that_was_given():
    assert place(BackwardStepper(text=TEXT, loss_t=9)) == (15, 0, 9, 6)
    assert place(BackwardStepper(text=TEXT, loss_t=np.int64(9))) == (15, 0, 9, 6)
    assert place(BackwardStepper(text=TEXT, t=4, move=3, loss_t=9, s=9)) == (4, 3, 9, 9)


def test_unless_told_otherwise_it_shows_the_sum_in_full():
    stepper = BackwardStepper()
    assert (stepper.reduction, stepper.parameter, stepper.truncate, stepper.card) == ("sum", "Whh", 64, "step")
    assert same(stepper.truncated_grads, stepper.grads)


BAD = [
    ("text", "", ValueError, "a string of 2 to 65 characters", "0"),
    ("text", "a", ValueError, "a string of 2 to 65 characters", "1"),
    ("text", "ab" * 33, ValueError, "a string of 2 to 65 characters", "66"),
    ("text", b"ab", TypeError, "a string of 2 to 65 characters", "bytes b'ab'"),
    ("hidden_size", 65, ValueError, "from 1 to 64", "65"),
    ("seed", -1, ValueError, "from 0 to 9007199254740991", "-1"),
    ("t", -1, ValueError, "from 0 to 63", "-1"),
    ("t", 4, ValueError, "a step from 0 to 3", "4"),
    ("t", None, TypeError, "a whole number", "NoneType None"),
    ("move", 5, ValueError, "a whole number from 0 to 4", "5"),
    ("move", True, TypeError, "a whole number from 0 to 4", "bool True"),
    ("loss_t", -1, ValueError, "from 0 to 63", "-1"),
    ("loss_t", 4, ValueError, "a step from 0 to 3", "4"),
    ("loss_t", 1.5, TypeError, "a whole number from 0 to 63", "float 1.5"),
    ("loss_t", "2", TypeError, "a whole number from 0 to 63", "str '2'"),
    ("loss_t", None, TypeError, "a whole number from 0 to 63", "NoneType None"),
    ("s", 4, ValueError, "a step from 0 to loss_t = 3", "4"),
    ("s", -1, ValueError, "from 0 to 63", "-1"),
    ("s", "0", TypeError, "a whole number from 0 to 63", "str '0'"),
    ("truncate", 0, ValueError, "a whole number from 1 to 64", "0"),
    ("truncate", 65, ValueError, "a whole number from 1 to 64", "65"),
    ("truncate", 2.0, TypeError, "a whole number from 1 to 64", "float 2.0"),
    ("reduction", "max", ValueError, "one of 'sum', 'mean'", "str 'max'"),
    ("reduction", None, TypeError, "", "NoneType None"),
    ("parameter", "h0", ValueError, "one of 'Wxh', 'Whh', 'Why', 'bh', 'by'", "str 'h0'"),
    ("parameter", 3, TypeError, "", "int 3"),
    ("card", "matrix", ValueError, "one of 'step', 'sums', 'shares'", "str 'matrix'"),
    ("card", None, TypeError, "", "NoneType None"),
]


@pytest.mark.parametrize(("trait", "value", "kind", "expected", "got"), BAD)
def test_a_value_that_cannot_be_is_refused_when_the_figure_is_made(trait, value, kind, expected, got):
    with refuses(kind, trait, got, expected=expected):
        BackwardStepper(**{"text": "hello", "hidden_size": 3, trait: value})


@pytest.mark.parametrize(("trait", "value", "kind", "expected", "got"), BAD)
def test_a_value_that_cannot_be_is_refused_later_and_the_old_one_kept(trait, value, kind, expected, got):
    stepper = BackwardStepper(text="hello", hidden_size=3, loss_t=3)
    before = getattr(stepper, trait)
    with refuses(kind, trait, got, expected=expected):
        setattr(stepper, trait, value)
    with pytest.raises(traitlets.TraitError):  # which is what ipywidgets expects of a trait
        setattr(stepper, trait, value)
    assert getattr(stepper, trait) == before


def test_a_cell_above_the_diagonal_is_refused_at_whatever_loss():
    with refuses(ValueError, "s", "2", expected="a step from 0 to loss_t = 1"):
        BackwardStepper(text="hello", loss_t=1, s=2)
    stepper = BackwardStepper(text="hello", loss_t=1, s=0)
    with refuses(ValueError, "s", "2", expected="a step from 0 to loss_t = 1"):
        stepper.s = 2
    stepper.loss_t = 2
    stepper.s = 2
    assert place(stepper) == (3, 0, 2, 2)


def test_an_earlier_loss_takes_the_cell_back_to_the_diagonal():
    stepper = BackwardStepper(text="hello", s=3)
    stepper.loss_t = 1
    assert place(stepper) == (3, 0, 1, 1)


def test_a_shorter_text_keeps_the_steps_that_it_still_has():
    stepper = BackwardStepper(text=TEXT, t=2, move=4, loss_t=9, s=7)
    stepper.text = "hello"
    assert place(stepper) == (2, 4, 3, 3)
    stepper.text = "hi"
    assert place(stepper) == (0, 4, 0, 0)
    stepper.text = TEXT
    assert place(stepper) == (0, 4, 0, 0)


def test_several_traits_arrive_at_once():
    stepper = BackwardStepper(text="hello")
    stepper.set_state({"text": TEXT, "t": 15, "loss_t": 15, "s": 14, "move": 2})
    assert place(stepper) == (15, 2, 15, 14)
    stepper.set_state({"s": 1, "loss_t": 1})
    assert place(stepper) == (15, 2, 1, 1)
    stepper.set_state({"s": 8, "loss_t": 9})
    assert place(stepper) == (15, 2, 9, 8)
    stepper.set_state({"text": "hello", "t": 3, "loss_t": 3, "s": 3, "move": 0, "hidden_size": 2})
    assert place(stepper) == (3, 0, 3, 3) and stepper.grads.Whh.shape == (2, 2)
    with refuses(ValueError, "s", "3", expected="loss_t = 2"), stepper.hold_trait_notifications():
        stepper.loss_t, stepper.s = 2, 2
        stepper.s = 3


def test_traits_can_be_observed():
    seen = []
    stepper = BackwardStepper(text="hello", t=3, loss_t=2, s=1)
    stepper.observe(lambda change: seen.append((change["name"], change["new"])), [*PLACE, "text"])
    stepper.move = 4
    stepper.text = "hi"
    assert seen[0] == ("move", 4)
    assert sorted(seen[1:]) == [("loss_t", 0), ("s", 0), ("t", 0), ("text", "hi")]


def test_traits_can_be_linked_with_those_of_jupyter_s_own_widgets():
    stepper, slider = BackwardStepper(text=TEXT), ipywidgets.IntSlider(min=1, max=64, value=5)
    ipywidgets.link((slider, "value"), (stepper, "truncate"))
    assert stepper.truncate == 5
    stepper.truncate = 2
    assert slider.value == 2
    choice = ipywidgets.Dropdown(options=["sum", "mean"])
    ipywidgets.link((choice, "value"), (stepper, "reduction"))
    choice.value = "mean"
    assert stepper.reduction == "mean"
    assert ipywidgets.jslink((slider, "value"), (stepper, "t")).target == (stepper, "t")


# Gradients


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("k", [1, 3, 12, 13, 64])
def test_gradients_are_those_of_rnnlib(reduction, k):
    text = "夏洛特烦恼，你好李焕英 😀!"
    params, trace, y = network(text, 6, 3)
    stepper = BackwardStepper(text=text, hidden_size=6, seed=3, reduction=reduction, truncate=k)
    assert same(stepper.grads, backward(params, trace, y, reduction=reduction))
    assert same(stepper.truncated_grads, backward(params, trace, y, reduction=reduction, truncate=k))
    assert (k < 13) != same(stepper.truncated_grads, stepper.grads)
    assert np.array_equal(stepper.contributions, contributions(params, trace, y, reduction=reduction))


def test_given_weights_are_walked_back_through():
    text, vocab = "hell", Vocabulary("hello")
    case = make_case(5, T=3, B=None, V=4, H=3)
    params = case.params  # biases that are not zero
    stepper = BackwardStepper.from_params(params, vocab, text, reduction="mean", loss_t=1, truncate=2, parameter="by")
    assert place(stepper) == (2, 0, 1, 0)
    trace, y = forward(params, vocab.encode("hel")), vocab.encode("ell")
    assert same(stepper.grads, backward(params, trace, y, reduction="mean"))
    assert same(stepper.truncated_grads, backward(params, trace, y, reduction="mean", truncate=2))
    with refuses(ValueError, "t", "3", expected="a step from 0 to 2"):
        BackwardStepper.from_params(params, vocab, text, t=3)
    with refuses(ValueError, "text", "1", expected="a string of 2 to 65 characters"):
        BackwardStepper.from_params(params, vocab, "h")
    with refuses(ValueError, "text", "'x'", expected="only the 4 characters of the given weights"):
        stepper.text = "hex"
    assert place(stepper) == (2, 0, 1, 0)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("T", [1, 2, 9])
def test_the_python_beside_the_moves_computes_the_gradients(reduction, T):
    case = make_case(T, T=T, B=None, V=5, H=4)
    params, x, y, h0 = case.params, case.x, case.y, case.h0
    trace = forward(params, x, h0)
    lines = code_of_moves(reduction)
    assert len(lines) == 5
    names = {"np": np, "one_hot": one_hot, "T": T, "V": 5, "x": x, "y": y, "yhat": trace.yhat, "h": trace.h}
    names |= params._asdict() | {f"d{name}": np.zeros_like(array) for name, array in params._asdict().items()}
    names["da_next"] = np.zeros(4)
    expected = backward(params, trace, y, reduction=reduction)
    for t in reversed(range(T)):
        names |= {"t": t, "h_prev": trace.h[t - 1] if t else h0}
        for line in lines:
            exec(line, names)
        for name in ("do", "dh", "da"):
            assert_close(names[name], getattr(expected, name)[t], 1e-14)
        names["da_next"] = names["da"]
    for name in Params._fields:
        assert_close(names[f"d{name}"], getattr(expected, name), 1e-14)


# Where no script runs


def test_a_picture_of_the_contributions_and_words_stand_in(monkeypatch):
    asked = []

    def recorded(matrix, text, truncate):
        asked.append((matrix, text, truncate))
        return drawn(matrix, text, truncate=truncate)

    drawn = plots.plot_contributions
    monkeypatch.setattr(plots, "plot_contributions", recorded)
    stepper = BackwardStepper(text="你好李焕英", t=2, truncate=3, reduction="mean")
    data, _ = stepper._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    [(matrix, text, truncate)] = asked
    assert np.array_equal(matrix, stepper.contributions) and text == "你好李焕英" and truncate == 3
    assert all(words in data["text/plain"] for words in ("“你好李焕英”", "4 hidden units", "step 1 to step 4"))
    assert "application/vnd.jupyter.widget-view+json" in data


@pytest.mark.parametrize("text", ["ab", "aaaa", "<b>\n\t\u202eא", "ab" * 32 + "c"])
def test_every_text_has_a_picture(text):
    data, _ = BackwardStepper(text=text, hidden_size=2, truncate=2)._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert text in data["text/plain"]


def test_without_matplotlib_only_the_picture_is_missing(monkeypatch):
    monkeypatch.delitem(sys.modules, "rnnlib.plots")
    monkeypatch.delattr(rnnlib, "plots")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    data, _ = BackwardStepper(text="hello")._repr_mimebundle_()
    assert set(data) == {"text/plain", "application/vnd.jupyter.widget-view+json"}
    assert "“hello”" in data["text/plain"]
