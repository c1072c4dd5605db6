"""The five formulations called the way that programs of their kind call them: each call agrees or is refused."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from models import assert_close, make_case

from rnnlib import Vocabulary, backward, forward, init_params
from rnnlib.formulations import cells, equations, gates, layers, matrices

ROOT = Path(__file__).resolve().parents[2]
RNG = np.random.default_rng(5)


def agrees(given, expected):
    """The same numbers in the same shapes, up to rounding."""
    given, expected = (each if isinstance(each, tuple) else (each,) for each in (given, expected))
    assert len(given) == len(expected)
    for one, other in zip(given, expected, strict=True):
        assert np.shape(one) == np.shape(other)
        assert_close(one, other, 1e-14)


def refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


# equations: forward(xs, weights) -> yhat, a, h, o; backward(xs, ys, weights, a, o, h, yhat); biases (1, n)

WEIGHTS, ROWS = equations.init_weights(12, 4), np.eye(12)[:3]
STATES = equations.forward(WEIGHTS, ROWS)
LIKE_EQUATIONS = {
    "rows before weights": (
        lambda: equations.forward(ROWS, WEIGHTS),
        TypeError,
        r"weights: expected a dict of Wxh, Whh, Why, bh, by, got an array of shape \(3, 12\)",
    ),
    "seven arguments back": (
        lambda: equations.backward(ROWS, ROWS, WEIGHTS, STATES["a"], STATES["o"], STATES["h"], STATES["yhat"]),
        TypeError,
        "positional arguments",
    ),
    "biases that are rows": (
        lambda: equations.forward(
            WEIGHTS | {"bh": equations.get_bias((1, 4)), "by": equations.get_bias((1, 12))}, ROWS
        ),
        ValueError,
        r"weights\.bh: expected row vectors, .* bh \(H,\), by \(V,\).* got shape \(1, 4\)",
    ),
    "a tuple of four states": (lambda: dict(zip("yaho", STATES, strict=True)), ValueError, "zip"),
    "gradients without d": (lambda: equations.backward(WEIGHTS, STATES, ROWS)["Wxh"], KeyError, "Wxh"),
}


@pytest.mark.parametrize("name", LIKE_EQUATIONS)
def test_equations_refuse_another_order_of_arguments_and_other_shapes(name):
    refused(*LIKE_EQUATIONS[name])


@pytest.mark.parametrize("shape", [4, (4,), (1, 4)])
def test_a_bias_is_zeros_in_float32(shape):
    bias = equations.get_bias(shape)
    assert bias.shape == np.shape(np.zeros(shape)) and bias.dtype == np.float32 and not bias.any()


# cells: the names, the order of the arguments and the pair of caches are those of the courses

X, A0 = RNG.normal(size=(3, 10, 4)), RNG.normal(size=(5, 10))
PARAMETERS = {
    name: RNG.normal(size=shape)
    for name, shape in {"Wax": (5, 3), "Waa": (5, 5), "Wya": (2, 5), "ba": (5, 1), "by": (2, 1)}.items()
}
A, _, CACHES = cells.rnn_forward(X, A0, PARAMETERS)
GRADS = cells.rnn_backward(A, CACHES) | {"dWya": PARAMETERS["Wya"], "dby": PARAMETERS["by"]}
LIKE_CELLS = {
    "a cache where the pair belongs": (
        lambda: cells.rnn_backward(A, CACHES[0][0]),
        TypeError,
        r"caches: expected the pair \(list of caches, x\)",
    ),
    "the pair where a cache belongs": (
        lambda: cells.rnn_cell_backward(A[:, :, 0], CACHES),
        TypeError,
        r"cache: expected \(a_next, a_prev, xt, parameters\)",
    ),
    "a bias named b": (
        lambda: cells.rnn_forward(X, A0, {("b" if k == "ba" else k): v for k, v in PARAMETERS.items()}),
        TypeError,
        "parameters: expected a dict of Wax, Waa, Wya, ba, by",
    ),
    "a rate by its place": (
        lambda: cells.update_parameters_with_adam(PARAMETERS, GRADS, *cells.initialize_adam(PARAMETERS), 1, 0.01),
        TypeError,
        "positional arguments",
    ),
    "states before inputs": (lambda: cells.rnn_forward(A0, X, PARAMETERS), ValueError, r"x: expected columns"),
}


@pytest.mark.parametrize("name", LIKE_CELLS)
def test_cells_refuse_what_is_not_theirs(name):
    refused(*LIKE_CELLS[name])


def test_the_caches_of_cells_are_a_pair_as_in_the_courses():
    steps, x = CACHES
    assert len(CACHES) == 2 and len(steps) == 4
    a_next, a_prev, xt, parameters = steps[0]
    agrees((a_next, a_prev, xt, x), (A[:, :, 0], A0, X[:, :, 0], X))
    assert parameters is PARAMETERS


# matrices: one-hot rows, RNN(word_dim, hidden_dim, bptt_truncate), train_with_sgd(model, X, y, rate, nepoch, every)

IDS, NEXT = np.array([0, 2, 1]), np.array([2, 1, 0])
MODEL = matrices.RNN.uniform(4, 3, rng=np.random.default_rng(0))
LIKE_MATRICES = {
    "sizes": (lambda: matrices.RNN(4, 3, 4), ValueError, r"U: expected a matrix .* got shape \(\)"),
    "one-hot rows": (lambda: MODEL.forward(np.eye(4)[IDS]), TypeError, "x: expected integer ids"),
    "one-hot rows of integers": (
        lambda: MODEL.forward(np.eye(4, dtype=int)[IDS]),
        ValueError,
        "x: expected one sequence",
    ),
    "one-hot targets": (lambda: MODEL.bptt(IDS, np.eye(4)[NEXT]), TypeError, "y: expected integer ids"),
    "a single sequence": (lambda: MODEL.total_loss(IDS, NEXT), ValueError, "x: expected one sequence"),
    "a single sequence, mean": (lambda: MODEL.loss(IDS, NEXT), ValueError, "x: expected one sequence"),
    "settings by their place": (
        lambda: matrices.train_with_sgd(MODEL, [IDS], [NEXT], 0.005, 100, 5),
        TypeError,
        "positional arguments",
    ),
}


@pytest.mark.parametrize("name", LIKE_MATRICES)
def test_matrices_refuse_what_is_not_theirs(name):
    refused(*LIKE_MATRICES[name])


@pytest.mark.parametrize("rate", [0, -0.1, np.nan, np.inf])
def test_a_single_step_takes_no_rate_that_is_not_positive(rate):
    network = layers.from_params(init_params(4, 3, rng=np.random.default_rng(0)))
    network.forward(IDS)
    network.backward(NEXT)
    model = gates.Model(4, 3, rng=np.random.default_rng(0))
    refused(lambda: MODEL.sgd_step(IDS, NEXT, rate), ValueError, "rate: expected a positive number")
    refused(lambda: model.sgd_step(IDS, NEXT, rate), ValueError, "learning_rate: expected a positive number")
    refused(lambda: network.update(rate), ValueError, "rate: expected a positive number")
    refused(lambda: network.clip(rate), ValueError, "bound: expected a positive number")


def test_a_sample_wants_a_generator():
    network, vocab = layers.init_network(2, 3, rng=np.random.default_rng(0)), Vocabulary("ab")
    refused(lambda: layers.sample(network, vocab, "a", rng=0), TypeError, "rng: expected a numpy.random.Generator")


def test_matrices_agree_where_the_call_is_the_same():
    U, V, W = MODEL.U.copy(), MODEL.V.copy(), MODEL.W.copy()
    model = matrices.RNN(U, V, W)
    dU, dV, dW = model.bptt(IDS, NEXT)  # in this order
    assert (dU.shape, dV.shape, dW.shape) == (U.shape, V.shape, W.shape)
    model.sgd_step(IDS, NEXT, 0.1)
    agrees((model.U, model.V, model.W), (U - 0.1 * dU, V - 0.1 * dV, W - 0.1 * dW))


# layers: a target is the pair (0, id), probabilities go into the loss, sizes into Linear

ROW, ERROR = RNG.normal(size=(1, 4)), RNG.normal(size=(1, 4))
PROBABILITIES = np.exp(ROW) / np.exp(ROW).sum()
TWO = np.array([[0.25, 0.75]])  # with two symbols the shapes would fit
LIKE_LAYERS = {
    "softmax back from a target": (
        lambda: layers.Softmax().backward(PROBABILITIES, (0, 2)),
        ValueError,
        r"dyhat: expected a row of shape \(1, 4\)",
    ),
    "softmax back from a target of two": (
        lambda: layers.Softmax().backward(TWO, (0, 1)),
        ValueError,
        r"dyhat: expected a row of shape \(1, 2\)",
    ),
    "a loss of a pair": (
        lambda: layers.CrossEntropy().forward(PROBABILITIES, (0, 2)),
        TypeError,
        r"y: expected the id of the target, for o are logits \(1, V\) here, got tuple \(0, 2\)",
    ),
    "a loss back from a pair": (
        lambda: layers.CrossEntropy().backward(PROBABILITIES, (0, 2)),
        TypeError,
        "y: expected the id",
    ),
    "a loss of no target": (
        lambda: layers.CrossEntropy().forward(ROW, -1),
        ValueError,
        "y: expected .* from 0 to 3, got -1",
    ),
    "sizes": (lambda: layers.Linear(4, 3), ValueError, r"w: expected shape \(n, m\)"),
    "a column": (
        lambda: layers.Linear(np.eye(4), np.zeros((1, 4))).forward(ROW.T),
        ValueError,
        r"x: expected a row .* \(1, 4\)",
    ),
    "a batch back": (
        lambda: layers.Linear(np.eye(4), np.zeros((1, 4))).backward(np.eye(4), np.eye(4)),
        ValueError,
        "x: expected a row",
    ),
    "a flat error": (
        lambda: layers.Tanh().backward(ROW, ERROR[0]),
        ValueError,
        r"dh: expected a row of shape \(1, 4\)",
    ),
    "one-hot rows": (
        lambda: layers.from_params(init_params(4, 3, rng=np.random.default_rng(0))).forward(np.eye(4)),
        TypeError,
        "x: expected integer ids",
    ),
}


@pytest.mark.parametrize("name", LIKE_LAYERS)
def test_layers_refuse_what_is_not_theirs(name):
    refused(*LIKE_LAYERS[name])


def test_layers_agree_where_the_call_is_the_same():
    agrees(layers.Tanh().backward(ROW, ERROR), ERROR / np.cosh(ROW) ** 2)  # from the pre-activation
    w, b = RNG.normal(size=(4, 4)), RNG.normal(size=(1, 4))
    linear = layers.Linear(w, b)
    agrees(linear.forward(ROW), np.einsum("ni,ij->nj", ROW, w) + b)
    agrees(linear.backward(ROW, ERROR), np.einsum("nj,ij->ni", ERROR, w))
    agrees((linear.dw, linear.db), (np.multiply.outer(ROW[0], ERROR[0]), ERROR))
    agrees(layers.Softmax().forward(ROW), PROBABILITIES)


# gates: backward(*inputs, dz); Model(word_dim, hidden_dim=100, bptt_truncate=4)

MATRIX, VECTOR, OUT = RNG.normal(size=(3, 4)), RNG.normal(size=4), RNG.normal(size=3)
OTHER = RNG.normal(size=3)


def test_gates_agree_where_the_call_is_the_same():
    agrees(
        gates.MultiplyGate().backward(MATRIX, VECTOR, OUT),
        (np.multiply.outer(OUT, VECTOR), np.einsum("ij,i->j", MATRIX, OUT)),
    )
    agrees(gates.AddGate().backward(OTHER, OTHER**2, OUT), (OUT, OUT))
    agrees(gates.Tanh().backward(OTHER, OUT), OUT / np.cosh(OTHER) ** 2)
    agrees(gates.Sigmoid().backward(OTHER, OUT), OUT / (2 + np.exp(OTHER) + np.exp(-OTHER)))
    probabilities = np.exp(VECTOR) / np.exp(VECTOR).sum()
    agrees(gates.Softmax().predict(VECTOR), probabilities)
    agrees(gates.Softmax().loss(VECTOR, 2), -np.log(probabilities[2]))
    agrees(gates.Softmax().diff(VECTOR, 2), probabilities - [0, 0, 1, 0])


PLAIN = gates.init_parameters(4, 3, rng=np.random.default_rng(0))
LIKE_GATES = {
    "dz and z first, matrix": (
        lambda: gates.MultiplyGate().backward(OUT, OUT, MATRIX, VECTOR),
        TypeError,
        "positional",
    ),
    "dz and z first, sum": (
        lambda: gates.AddGate().backward(OUT, OUT, VECTOR),
        ValueError,
        r"dz: expected the terms and then dz",
    ),
    "a sum without terms": (lambda: gates.AddGate().backward(OUT), ValueError, "dz: expected the terms and then dz"),
    "a one-hot target": (lambda: gates.Softmax().diff(VECTOR, np.eye(4)[1]), TypeError, "y: expected a whole number"),
    "a one-hot target of integers": (
        lambda: gates.Softmax().diff(VECTOR, [0, 1, 0, 0]),
        TypeError,
        "y: expected a whole number",
    ),
    "a target from the end": (
        lambda: gates.Softmax().diff(VECTOR, -1),
        ValueError,
        "y: expected .* from 0 to 3, got -1",
    ),
    "rows of logits": (lambda: gates.Softmax().predict(np.eye(4)), ValueError, r"o: expected logits \(n,\)"),
    "a layer without a step": (lambda: gates.RNNLayer(), TypeError, "'t'"),
    "a one-hot input": (
        lambda: gates.RNNLayer(1).forward(np.eye(4)[1], np.zeros(3), *PLAIN),
        TypeError,
        "x: expected a whole number",
    ),
    "seven arguments back": (
        lambda: gates.RNNLayer(1).forward(1, np.zeros(3), *PLAIN).backward(1, np.zeros(3), *PLAIN, OUT, VECTOR),
        TypeError,
        "positional",
    ),
    "a model without a generator": (lambda: gates.Model(4), TypeError, "'rng'"),
    "a seed": (lambda: gates.Model(4, rng=0), TypeError, "rng: expected a numpy.random.Generator"),
}


@pytest.mark.parametrize("name", LIKE_GATES)
def test_gates_refuse_what_is_not_theirs(name):
    refused(*LIKE_GATES[name])


def walked(U, W, V, x, y, moves):
    """(dU, dW, dV) from the definition: ∂L_t/∂a_s by Jacobians, for all s with t - s <= moves."""
    states, dU, dW, dV = [np.zeros(len(W))], np.zeros_like(U), np.zeros_like(W), np.zeros_like(V)
    for symbol in x:
        states.append(np.tanh(U[:, symbol] + W @ states[-1]))
    for t in range(1, len(states)):
        probabilities = np.exp(V @ states[t]) / np.exp(V @ states[t]).sum()
        error = probabilities - np.eye(len(V))[y[t - 1]]
        dV += np.outer(error, states[t])
        for s in range(max(1, t - moves), t + 1):
            jacobian = np.eye(len(W))
            for between in range(s + 1, t + 1):
                jacobian = np.diag(1 - states[between] ** 2) @ W @ jacobian
            delta = np.diag(1 - states[s] ** 2) @ jacobian.T @ V.T @ error
            dU += np.outer(delta, np.eye(len(V))[x[s - 1]])
            dW += np.outer(delta, states[s - 1])
    return dU, dW, dV


@pytest.mark.parametrize("moves", [0, 1, 4, None])
def test_a_model_counts_moves_and_its_4_is_the_5_of_the_core(moves):
    case = make_case(3, T=9, B=None, V=5, H=4)
    model = gates.Model(5, 4, moves, rng=np.random.default_rng(1))
    given = model.bptt(case.x, case.y)
    agrees(tuple(given), walked(model.U, model.W, model.V, case.x, case.y, 9 if moves is None else moves))
    params = gates.to_params(model.parameters)
    truncate = None if moves is None else moves + 1
    trace = forward(params, case.x)
    core = backward(params, trace, case.y, reduction="sum", truncate=truncate)
    agrees(tuple(given), (core.Wxh.T, core.Whh.T, core.Why.T))
    if truncate == 5:
        four = backward(params, trace, case.y, reduction="sum", truncate=4)
        assert abs(four.Whh.T - given[1]).max() > 1e-3


def test_a_model_has_the_losses_of_its_definition_and_steps_down_the_sum():
    X = [np.array([0, 1, 2, 3, 0]), np.array([2, 0])]
    Y = [np.array([1, 2, 3, 0, 0]), np.array([0, 1])]
    model = gates.Model(4, rng=np.random.default_rng(2))
    assert model.W.shape == (100, 100) and model.bptt_truncate == 4
    U, W, V = model.parameters
    means, guesses = [], []
    for x, y in zip(X, Y, strict=True):
        o = forward(gates.to_params(model.parameters), x).o
        yhat = np.exp(o) / np.exp(o).sum(axis=1, keepdims=True)
        means.append(-np.log(yhat[range(len(y)), y]).mean())
        guesses.append(o.argmax(axis=1).tolist())
    assert [model.calculate_loss(x, y) for x, y in zip(X, Y, strict=True)] == pytest.approx(means, rel=1e-14)
    assert model.calculate_total_loss(X, Y) == pytest.approx(np.mean(means), rel=1e-14)
    assert [model.predict(x) for x in X] == guesses
    assert len(model.forward_propagation(X[0])) == 5
    dU, dW, dV = walked(U, W, V, X[0], Y[0], 4)
    model.sgd_step(X[0], Y[0], 0.1)
    agrees((model.U, model.W, model.V), (U - 0.1 * dU, W - 0.1 * dW, V - 0.1 * dV))


def test_a_model_learns_by_plain_descent_over_sentences_and_halves_its_rate_when_the_loss_rises():
    X, Y = [np.array([0, 1, 2, 3])], [np.array([1, 2, 3, 0])]
    model = gates.Model(4, 10, rng=np.random.default_rng(3))
    losses = model.train(X, Y, learning_rate=0.1, nepoch=100, evaluate_loss_after=20)
    assert [seen for seen, _ in losses] == [0, 20, 40, 60, 80]
    assert losses[0][1] > 1.2 and losses[-1][1] < 0.1 and model.predict(X[0]) == [1, 2, 3, 0]

    again, rates = gates.Model(4, 10, rng=np.random.default_rng(3)), []
    step = again.sgd_step
    again.sgd_step = lambda x, y, rate: (rates.append(rate), step(x, y, rate))
    found = [loss for _, loss in again.train(X, Y, 8.0, 12, 1)]
    expected = [8.0]
    for before, after in itertools.pairwise(found):
        expected.append(expected[-1] / 2 if after > before else expected[-1])
    assert rates == expected and rates[-1] < 8


@pytest.mark.parametrize(
    "changes, error, words",
    [
        ({"X": [[0, 1]], "Y": []}, ValueError, "X, Y: expected two lists of equal length"),
        ({"X": np.array([[0, 1]])}, ValueError, "X, Y: expected two lists"),
        ({"learning_rate": 0}, ValueError, "learning_rate: expected a positive number, got 0"),
        ({"nepoch": 1.5}, TypeError, "nepoch: expected a whole number"),
        ({"evaluate_loss_after": 0}, ValueError, "evaluate_loss_after: expected at least 1"),
        ({"Y": [[1]]}, ValueError, r"y: expected one sequence, shape \(2,\), got \(1,\)"),
    ],
)
def test_a_model_refuses_training_that_cannot_be(changes, error, words):
    with pytest.raises(error, match=words):
        gates.Model(4, 3, rng=np.random.default_rng(0)).train(**({"X": [[0, 1]], "Y": [[1, 2]]} | changes))


@pytest.mark.parametrize("truncate, error", [(-1, ValueError), (2.0, TypeError), ("4", TypeError)])
def test_a_model_refuses_a_truncation_that_is_no_count(truncate, error):
    refused(lambda: gates.Model(4, 3, truncate, rng=np.random.default_rng(0)), error, "bptt_truncate: expected")


NAMES_OF_THE_ORIGINALS = {
    "equations": "get_weights get_bias OneHotEncoder",
    "cells": "rnn_utils rnn_cell_forward rnn_forward rnn_cell_backward rnn_backward initialize_adam "
    "update_parameters_with_adam",
    "matrices": "numpy_sdg_step calculate_total_loss calculate_loss forward_propagation train_with_sgd bptt_truncate",
    "layers": "CharNN OneHotEncoder",
    "gates": "pangolulu MultiplyGate AddGate RNNLayer bptt_truncate calculate_total_loss",
}


@pytest.mark.parametrize("module", NAMES_OF_THE_ORIGINALS)
def test_the_names_of_an_original_are_in_the_index_and_in_the_text_of_its_chapter(module):
    page = (ROOT / "chapters" / f"{module}.md").read_text("utf-8")
    entries = re.findall(r"^```{index} (.*)$", page, re.MULTILINE)
    index = {name.strip() for entry in entries for name in entry.split(",")}
    text = re.sub(r"^```{index}.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
    for name in NAMES_OF_THE_ORIGINALS[module].split():
        assert name in index and name in text, name
