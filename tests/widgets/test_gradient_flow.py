"""GradientFlow as a Jupyter widget: its traits, its numbers, and the picture that stands for it."""

import re

import numpy as np
import pytest

from rnnlib import Vocabulary, backward, forward, gru, init_params, lstm, starts
from rnnlib.widgets import GradientFlow
from rnnlib.widgets.gradient_flow import flow

TEXT = "to be, or not to be: that is the question"


def test_the_first_network_is_the_one_of_the_library():
    widget = GradientFlow(gain=1.5, seed=3)
    ids = Vocabulary(TEXT).encode(TEXT)
    params = init_params(15, 32, rng=np.random.default_rng(3))
    params = params._replace(Whh=1.5 * params.Whh)
    only_last = np.r_[np.zeros(39), 1]
    grads = backward(params, forward(params, ids[:-1]), ids[1:], reduction="sum", weights=only_last)
    lengths = np.linalg.norm(np.vstack([grads.h0, grads.dh])[::-1], axis=1)
    assert widget.plain.shares.shape == (8, 41) and widget.plain.slopes.shape == (8, 40)
    np.testing.assert_allclose(widget.plain.shares[0], lengths / lengths[0], rtol=1e-10)
    for mine, theirs in zip(widget.params, params, strict=True):
        assert np.array_equal(mine, theirs)


@pytest.mark.parametrize("alpha", [0.1, 0.7])
def test_the_leaky_gradient_is_that_of_complex_steps(alpha):
    """The same network as a function of its first state, nudged along the imaginary axis."""
    params = init_params(5, 6, rng=np.random.default_rng(1))
    params = params._replace(Whh=2 * params.Whh)
    x, last = [0, 3, 1, 4, 4, 2], 3

    def loss(h):
        for i in x:
            h = (1 - alpha) * h + alpha * np.tanh(params.Wxh[i] + h @ params.Whh + params.bh)
        o = h @ params.Why + params.by
        return np.log(np.exp(o).sum()) - o[last], h

    first = np.array([loss(1e-30j * e)[0].imag / 1e-30 for e in np.eye(6)])
    h = loss(np.zeros(6))[1]
    o = h @ params.Why + params.by
    error = np.exp(o) / np.exp(o).sum() - np.eye(5)[last]
    shares, _ = flow(params, x, last, alpha=alpha)
    assert np.isclose(shares[-1], np.linalg.norm(first) / np.linalg.norm(error @ params.Why.T), rtol=1e-12)


@pytest.mark.parametrize("name, cell", [("lstm", lstm), ("gru", gru)])
def test_the_gradient_through_gates_is_that_of_complex_steps(name, cell):
    """The same network as a function of its first state, of an LSTM its cell state, nudged along the imaginary axis."""
    options = {"forget_bias": 2.5} if name == "lstm" else {}
    params = starts.scaled(cell.init_params(5, 6, rng=np.random.default_rng(1), **options), 2)
    x, last, state = [0, 3, 1, 4, 4, 2], 3, "c0" if name == "lstm" else "h0"

    def loss(first, steps):
        o = cell.forward(params, steps, **{state: first}).o[-1]
        return np.log(np.exp(o).sum()) - o[last]

    def length(first, steps):
        nudges = 1e-30j * np.eye(6)
        return np.linalg.norm([loss(first + nudge, steps).imag / 1e-30 for nudge in nudges])

    shares, kept = flow(params, x, last)
    trace = cell.forward(params, x)
    if name == "lstm":  # of the last cell state, by hand: it acts through the hidden state alone
        row = (trace.yhat[-1] - np.eye(5)[last]) @ params.Why.T
        at_last = np.linalg.norm(row * trace.q[-1] * (1 - np.tanh(trace.c[-1]) ** 2))
    else:
        at_last = np.linalg.norm((trace.yhat[-1] - np.eye(5)[last]) @ params.Why.T)
    assert np.isclose(shares[-1], length(np.zeros(6), x) / at_last, rtol=1e-12)
    np.testing.assert_allclose(kept, (trace.f if name == "lstm" else trace.z).mean(axis=1), rtol=0, atol=0)


@pytest.mark.parametrize("cell, start", [("lstm", "uniform"), ("lstm", "identity"), ("gru", "uniform")])
def test_the_second_networks_are_those_of_the_library(cell, start):
    options = {"forget_bias": 3.0} if cell == "lstm" else {}
    widget = GradientFlow(cell=cell, gain=1.5, seed=3, hidden_size=7, start=start, **options)
    module = {"lstm": lstm, "gru": gru}[cell]
    for seed, mine in zip(range(3, 11), widget.second_networks, strict=True):
        theirs = module.init_params(15, 7, rng=np.random.default_rng(seed), **options)
        theirs = starts.identity(theirs, gain=1.5) if start == "identity" else starts.scaled(theirs, 1.5)
        assert all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))
    assert widget.second.shares.shape == (8, 41)
    assert np.array_equal(widget.plain.shares, GradientFlow(gain=1.5, seed=3, hidden_size=7, start=start).plain.shares)


def test_each_block_of_an_orthogonal_start_is_orthogonal():
    widget = GradientFlow(cell="gru", gain=2, hidden_size=5, start="orthogonal")
    for block in np.split(widget.second_networks[0].Whh / 2, 3, axis=1):
        np.testing.assert_allclose(block @ block.T, np.eye(5), rtol=0, atol=1e-14)


def test_open_gates_keep_what_the_plain_cell_loses():
    left = {
        bias: np.median(GradientFlow(cell="lstm", gain=1, forget_bias=bias).second.shares[:, 40]) for bias in (0, 1, 3)
    }
    plain = np.median(GradientFlow(gain=1).plain.shares[:, 40])
    assert plain < 1e-7 and left[0] < 1e-5 and 1e-5 < left[1] < 1e-2 and 0.3 < left[3] < 10


def test_an_earlier_loss_is_the_last_one_of_a_shorter_text():
    whole = GradientFlow(text="hello, hello", gain=1.5, loss_t=4, cell="lstm")
    params, x, last = whole.networks[0], whole.vocab.encode("hello"), whole.vocab.encode(",")[0]
    assert whole.plain.shares.shape == (8, 6) and whole.second.slopes.shape == (8, 5)
    np.testing.assert_array_equal(whole.plain.shares[0], flow(params, x, last)[0])
    whole.text = "hell"
    assert whole.loss_t is None and whole.plain.shares.shape == (8, 4)
    whole.text = "hello, hello"
    assert whole.plain.shares.shape == (8, 12)


# Medians of 20 networks after 40 random steps. The reference values come from other random inputs. From one draw to the
# next such a median moves by up to half a decade, and by more than one where the states are chaotic.
@pytest.mark.parametrize("gain, alpha, decades, apart", [
    (0.5, 1, -22.2, 0.5), (1, 1, -10.4, 0.5), (1.5, 1, -4.1, 0.5), (2, 1, -1.3, 0.7), (2.5, 1, -0.1, 0.5),
    (4, 1, 2.0, 1.5), (6, 1, 4.9, 1.5), (1, 0.5, -5.2, 0.5), (1, 0.2, -2.0, 0.5), (1, 0.1, -1.1, 0.3),
    (1, 0.05, -0.6, 0.3),
])  # fmt: skip
def test_the_medians_of_many_networks(gain, alpha, decades, apart):
    ends = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        params = init_params(8, 32, rng=rng)
        shares, _ = flow(params._replace(Whh=gain * params.Whh), rng.integers(8, size=40), 0, alpha=alpha)
        ends.append(shares[-1])
    assert abs(np.log10(np.median(ends)) - decades) < apart


def test_without_inputs_the_gradient_meets_the_matrix_alone():
    widget = GradientFlow(inputs="off", gain=1.2)
    row = (np.full(15, 1 / 15) - np.eye(15)[widget.targets[-1]]) @ widget.params.Why.T
    ends = [np.linalg.norm(row @ np.linalg.matrix_power(widget.params.Whh.T, k)) for k in (0, 40)]
    assert (widget.plain.slopes == 1).all()
    np.testing.assert_allclose(widget.plain.shares[0, 40], ends[1] / ends[0], rtol=1e-10)


@pytest.mark.parametrize("start, rho", [("orthogonal", 1.5), ("identity", 1.5)])
def test_starts_with_all_eigenvalues_on_a_circle(start, rho):
    widget = GradientFlow(start=start, gain=1.5, hidden_size=9)
    np.testing.assert_allclose(abs(widget.eigenvalues), rho, rtol=1e-12)
    assert np.isclose(widget.sigma, rho) and np.isclose(widget.rho, rho)


def test_given_weights_are_one_network():
    vocab = Vocabulary("ehlo")
    params = init_params(4, 3, rng=np.random.default_rng(5))
    widget = GradientFlow.from_params(params, vocab, "hello", gain=2.0)
    assert widget.plain.shares.shape == (1, 5) and np.array_equal(widget.params.Whh, 2 * params.Whh)


@pytest.mark.parametrize(
    "traits, kind, expected",
    [
        ({"gain": 9}, ValueError, "gain: expected a number from 0.1 to 8, got 9"),
        ({"gain": "2"}, TypeError, "gain: expected a number"),
        ({"alpha": 0}, ValueError, "alpha: expected a number from 0.01 to 1, got 0"),
        ({"start": "zero"}, ValueError, "start"),
        ({"cell": "rnn"}, ValueError, "cell: expected one of"),
        ({"cell": ["lstm"]}, TypeError, "cell: expected one of"),
        ({"cell": "lstm", "forget_bias": 7}, ValueError, "forget_bias: expected a number from 0 to 6, got 7"),
        ({"cell": "gru", "forget_bias": 1}, TypeError, "forget_bias: expected none with cell='gru'"),
        ({"forget_bias": 1}, TypeError, "forget_bias: expected none with cell='leaky'"),
        ({"cell": "lstm", "alpha": 0.5}, TypeError, "alpha: expected none with cell='lstm'"),
        ({"text": "abc", "loss_t": 2}, ValueError, "loss_t: expected a step from 0 to 1, got 2"),
        ({"loss_t": "1"}, TypeError, "loss_t: expected a whole number"),
        ({"inputs": True}, TypeError, "inputs"),
        ({"text": "a"}, ValueError, "text: expected a string of 2 to 65 characters, got 1"),
    ],
)
def test_a_value_that_cannot_be_is_refused(traits, kind, expected):
    with pytest.raises(kind, match=re.escape(expected)):
        GradientFlow(**traits)


def test_its_stand_in_is_a_picture_and_a_sentence():
    data, _ = GradientFlow(text="hello", gain=2)._repr_mimebundle_()
    assert "“hello”" in data["text/plain"] and "multiplied by 2" in data["text/plain"] and data["image/png"]


def test_given_weights_have_no_gates():
    params = init_params(4, 3, rng=np.random.default_rng(5))
    with pytest.raises(ValueError, match="cell: expected 'leaky' with given weights, which have no gates, got 'lstm'"):
        GradientFlow.from_params(params, Vocabulary("ehlo"), "hello", cell="lstm")
    widget = GradientFlow.from_params(params, Vocabulary("ehlo"), "hello")
    with pytest.raises(ValueError, match="cell: expected 'leaky'"):
        widget.cell = "gru"
    assert widget.cell == "leaky" and widget.second.shares.shape == (1, 5)


def test_a_cell_with_gates_has_no_leak():
    params = lstm.init_params(4, 3, rng=np.random.default_rng(5))
    with pytest.raises(
        ValueError, match=r"alpha: expected 1 with the parameters of an LSTM, which has no leak, got 0\.5"
    ):
        flow(params, [0, 1], 2, alpha=0.5)


@pytest.mark.parametrize("cell, said", [("leaky", "leaky cells"), ("lstm", "LSTMs"), ("gru", "GRUs")])
def test_its_stand_in_names_the_second_cell(cell, said):
    data, _ = GradientFlow(text="hello", cell=cell)._repr_mimebundle_()
    assert f"vanilla cells and in {said}." in data["text/plain"]
