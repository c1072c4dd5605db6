"""River as a Jupyter widget: its traits, the network after training, and the picture that stands for it."""

import re

import numpy as np
import pytest

from rnnlib import Params, Vocabulary, backward, contributions, cross_entropy, forward, init_params, plots
from rnnlib.widgets import River

TEXT = "I am learning RNN"


def descended(params, x, y, updates):
    for _ in range(updates):
        grads = backward(params, forward(params, x), y)
        params = Params(*(p - 0.2 * g for p, g in zip(params, grads[:5], strict=True)))
    return params


@pytest.mark.parametrize("updates", [0, 1, 60])
def test_its_parameters_are_those_after_the_updates(updates):
    river = River(text=TEXT, hidden_size=8, seed=1, updates=updates)
    ids = Vocabulary(TEXT).encode(TEXT)
    params = descended(init_params(12, 8, rng=np.random.default_rng(1)), ids[:-1], ids[1:], updates)
    for mine, theirs in zip(river.params, params, strict=True):
        assert np.array_equal(mine, theirs)
    trace = forward(params, ids[:-1])
    assert np.array_equal(river.contributions, contributions(params, trace, ids[1:], reduction="sum"))
    assert np.array_equal(river.trace.o, trace.o)


def test_training_lowers_the_loss_and_lets_the_gradient_reach_further():
    losses, reach = [], []
    for updates in (0, 60):
        river = River(text=TEXT, hidden_size=8, seed=1, updates=updates)
        losses.append(cross_entropy(river.trace.o, river.targets))
        reach.append(river.contributions[12, 9] / river.contributions[12, 12])
    assert losses[0] > 2.5 > 1.7 > losses[1] and reach[1] > 3 * reach[0]


def test_given_weights_are_where_it_starts():
    vocab = Vocabulary("ehlo")
    params = init_params(4, 3, rng=np.random.default_rng(5))
    river = River.from_params(params, vocab, "hello", updates=2)
    x, y = vocab.encode("hell"), vocab.encode("ello")
    for mine, theirs in zip(river.params, descended(params, x, y, 2), strict=True):
        assert np.array_equal(mine, theirs)


@pytest.mark.parametrize(
    "traits, kind, expected",
    [
        ({"updates": 301}, ValueError, "updates: expected a whole number from 0 to 300, got 301"),
        ({"updates": -1}, ValueError, "got -1"),
        ({"updates": 1.5}, TypeError, "updates: expected a whole number from 0 to 300, got float 1.5"),
        ({"t": 4}, ValueError, "t: expected a step from 0 to 3, got 4"),
        ({"text": "a"}, ValueError, "text: expected a string of 2 to 65 characters, got 1"),
    ],
)
def test_a_value_that_cannot_be_is_refused(traits, kind, expected):
    with pytest.raises(kind, match=re.escape(expected)):
        River(**({"text": "hello"} | traits))


def test_a_shorter_text_moves_the_step_to_its_last_one():
    river = River(text="hello", t=3)
    river.text = "hi"
    assert river.t == 0


@pytest.mark.parametrize(("updates", "moments"), [(0, (0, 60, 300)), (90, (0, 90, 300)), (300, (0, 60, 300))])
def test_on_paper_it_is_its_first_moment_one_between_and_its_last(updates, moments):
    river = River(text="hello", hidden_size=3, t=2, updates=updates)
    parts = river._figure(plots).subfigs
    assert [part.get_suptitle().split(" updates")[0] for part in parts] == [f"After {n}" for n in moments]
    for n, part in zip(moments, parts, strict=True):
        river.updates = n
        assert np.allclose(part.axes[1].images[0].get_array(), river.trace.h.T, rtol=0, atol=1e-12)
        mean = cross_entropy(river.trace.o, river.targets)
        assert part.get_suptitle().endswith(f"mean loss {mean:.3f}")


def test_its_stand_in_is_a_picture_and_a_sentence():
    data, _ = River(text="hello", t=2, updates=3)._repr_mimebundle_()
    assert "“hello” for 3 updates; the loss of step 3 of 4" in data["text/plain"] and data["image/png"]
