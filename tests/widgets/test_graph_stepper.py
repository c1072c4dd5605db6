"""GraphStepper as a Jupyter widget: its traits, its errors, its tape, and what stands in where no script runs."""

import base64

import ipywidgets
import numpy as np
import pytest
import traitlets
from models import assert_close, refuses

from rnnlib import Params, Vocabulary, backward, forward, init_params
from rnnlib.formulations import gates
from rnnlib.widgets import GraphStepper

BAD = [
    ("text", "a", ValueError, "a string of 2 to 3 characters", "1"),
    ("text", "abab", ValueError, "a string of 2 to 3 characters", "4"),
    ("text", b"ab", TypeError, "a string of 2 to 3 characters", "bytes b'ab'"),
    ("hidden_size", 0, ValueError, "a whole number from 1 to 3", "0"),
    ("hidden_size", 4, ValueError, "a whole number from 1 to 3", "4"),
    ("hidden_size", 2.0, TypeError, "a whole number from 1 to 3", "float 2.0"),
    ("seed", -1, ValueError, "from 0 to 9007199254740991", "-1"),
    ("move", -1, ValueError, "a whole number from 0 to 41", "-1"),
    ("move", 42, ValueError, "a whole number from 0 to 41", "42"),
    ("move", "1", TypeError, "a whole number from 0 to 41", "str '1'"),
    ("move", True, TypeError, "a whole number from 0 to 41", "bool True"),
]


@pytest.mark.parametrize(("trait", "value", "kind", "expected", "got"), BAD)
def test_a_value_that_cannot_be_is_refused_and_the_old_one_kept(trait, value, kind, expected, got):
    with refuses(kind, trait, got, expected=expected):
        GraphStepper(**{trait: value})
    stepper = GraphStepper()
    before = getattr(stepper, trait)
    with refuses(kind, trait, got, expected=expected):
        setattr(stepper, trait, value)
    with pytest.raises(traitlets.TraitError):  # which is what ipywidgets expects of a trait
        setattr(stepper, trait, value)
    assert getattr(stepper, trait) == before


def test_the_last_move_is_that_of_the_last_node_on_the_way_back():
    for text, nodes in (("ab", 13), ("aba", 21)):
        stepper = GraphStepper(text=text, move=2 * nodes - 1)
        assert len(gates.graph(stepper.loss)) == nodes
        if nodes < 21:
            with refuses(ValueError, "move", str(2 * nodes), expected=f"a move from 0 to {2 * nodes - 1}"):
                stepper.move = 2 * nodes


def test_a_shorter_text_takes_the_move_back_to_the_last_one():
    stepper = GraphStepper(text="aba", move=40)
    stepper.text = "ab"
    assert stepper.move == 25
    stepper.text = "abc"
    assert stepper.move == 25


@pytest.mark.parametrize(("text", "H", "seed"), [("aba", 2, 0), ("ab", 1, 3), ("aa", 3, 1), ("你好吗", 3, 2**40)])
def test_the_loss_is_the_tape_of_the_seed_with_all_gradients(text, H, seed):
    stepper, vocab = GraphStepper(text=text, hidden_size=H, seed=seed), Vocabulary(text)
    ids, rng = vocab.encode(text), np.random.default_rng(seed)
    loss = gates.rnn_loss(gates.init_parameters(len(vocab), H, rng=rng), ids[:-1], ids[1:])
    expected = loss.backward()
    assert stepper.loss.data == loss.data
    for node in gates.graph(stepper.loss):
        grad = expected[node.name]
        assert (node.grad is None) if grad is None else np.array_equal(node.grad, grad)


def test_the_gradients_are_those_of_backward_for_the_sum_of_the_losses():
    for seed in range(10):
        stepper = GraphStepper(text="abc", hidden_size=3, seed=seed)
        grads, expected = stepper.grads, backward(stepper.params, stepper.trace, stepper.targets, reduction="sum")
        assert isinstance(grads, Params) and grads.bh is None and grads.by is None
        for name in ("Wxh", "Whh", "Why"):
            assert_close(getattr(grads, name), getattr(expected, name), 1e-13)


def given(V, H, **biases):
    params = init_params(V, H, rng=np.random.default_rng(5))
    return params._replace(**{name: np.array(value, float) for name, value in biases.items()})


def test_given_weights_are_shown_and_stay():
    params, vocab = given(3, 2), Vocabulary("abc")
    stepper = GraphStepper.from_params(params, vocab, "ca", move=4)
    assert all(np.array_equal(a, b) for a, b in zip(stepper.params, params, strict=True))
    assert (stepper.text, stepper.hidden_size, stepper.move, stepper.vocab) == ("ca", 2, 4, vocab)
    loss = -np.log(forward(params, vocab.encode("c")).yhat[0, 0])
    assert_close(stepper.loss.data, loss, 1e-14)
    with refuses(ValueError, "text", "the unknown 'x'"):
        stepper.text = "ax"
    assert stepper.text == "ca"


def test_biases_that_are_not_zero_are_refused_by_name():
    for name, value in (("bh", [0, 0.5]), ("by", [0, 0, 0.25])):
        with refuses(ValueError, f"params.{name}", str(max(value)), expected="zeros, for there are no biases here"):
            GraphStepper.from_params(given(3, 2, **{name: value}), Vocabulary("abc"), "ab")


def test_weights_that_are_too_many_or_do_not_fit_are_refused():
    with refuses(ValueError, "params.Wxh", "4", expected="at most 3 characters"):
        GraphStepper.from_params(given(4, 2), Vocabulary("abcd"), "ab")
    with refuses(ValueError, "hidden_size", "4", expected="from 1 to 3"):
        GraphStepper.from_params(given(3, 4), Vocabulary("abc"), "ab")
    with refuses(ValueError, "vocab", "2", expected="the 3 characters of params.Wxh"):
        GraphStepper.from_params(given(3, 2), Vocabulary("ab"), "ab")
    with refuses(TypeError, "vocab", "str 'abc'", expected="a Vocabulary"):
        GraphStepper.from_params(given(3, 2), "abc", "ab")


def test_it_can_be_observed_and_linked():
    stepper, slider, told = GraphStepper(), ipywidgets.IntSlider(max=41), []
    stepper.observe(lambda change: told.append(change["new"]), "move")
    ipywidgets.link((slider, "value"), (stepper, "move"))
    slider.value = 30
    assert stepper.move == 30 and told == [30]


def test_where_no_script_runs_the_picture_of_the_tape_and_words_stand_in():
    data, _ = GraphStepper(text="你好", hidden_size=3)._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert "“你好”" in data["text/plain"] and "13 nodes" in data["text/plain"] and "3 hidden" in data["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in data
