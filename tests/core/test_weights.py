"""Weights of the losses, padding, and inputs of a size of their own, against loops and automatic differentiation."""

import math

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import assert_close, make_case, refuses, weighted_cases, worst

from rnnlib import (
    Params,
    Vocabulary,
    backward,
    contributions,
    cross_entropy,
    forward,
    init_params,
    last_step_weights,
    pad,
    path,
    shares,
    step_losses,
)
from rnnlib.optim import flatten, unflatten
from rnnlib.train import evaluate, sample, train
from rnnlib.workspace import Workspace

EPS = np.finfo(np.float64).eps


def run(case, **options):
    trace = forward(case.params, case.x, case.h0)
    return backward(case.params, trace, case.y, reduction=case.reduction, weights=case.weights, **options)


def factors(case):
    """What each loss is multiplied with, from the definition."""
    return case.weights / (1 if case.reduction == "sum" else math.fsum(case.weights.ravel()))


def loss_in_loops(params, h0, case):
    """The weighted loss from the definition, for `autograd` to differentiate."""
    (Wxh, Whh, Why, bh, by), h, loss = params, h0, 0.0
    rows = case.x if case.x.dtype.kind == "f" else np.eye(len(Wxh))[case.x]
    for row, target, factor in zip(rows, np.eye(len(by))[case.y], factors(case), strict=True):
        h = anp.tanh(anp.dot(row, Wxh) + anp.dot(h, Whh) + bh)
        o = anp.dot(h, Why) + by
        loss = loss + anp.sum(factor * (anp.log(anp.sum(anp.exp(o), axis=-1)) - anp.sum(target * o, axis=-1)))
    return loss


@given(weighted_cases())
def test_loss_and_gradients_equal_automatic_differentiation(case):
    trace = forward(case.params, case.x, case.h0)
    expected = loss_in_loops(tuple(case.params), case.h0, case)
    scale = max(abs(factors(case)).sum(), abs(expected))
    assert_close(cross_entropy(trace.o, case.y, case.reduction, case.weights), expected, 1e-13, scale=scale)
    slopes, slope_h0 = autograd.grad(lambda both: loss_in_loops(*both, case))((tuple(case.params), case.h0))
    grads = run(case)
    for name, slope in zip((*Params._fields, "h0"), (*slopes, slope_h0), strict=True):
        # ŷ - y is known to the rounding of 1, so no gradient better than what one prediction counts for
        assert_close(getattr(grads, name), slope, 1e-13, scale=max(np.abs(slope).max(), factors(case).max()))


@given(weighted_cases())
def test_the_weights_of_a_mean_have_no_unit(case):
    case = case._replace(reduction="mean")
    assert worst(run(case._replace(weights=case.weights * 8)), run(case)) == 0


@given(weighted_cases())
def test_weights_of_one_are_no_weights(case):
    case = case._replace(weights=np.ones(case.y.shape))
    for mine, theirs in zip(run(case), run(case._replace(weights=None)), strict=True):
        assert_close(mine, theirs, 1e-14, scale=max(abs(theirs).max(), factors(case).max()))
    o = forward(case.params, case.x, case.h0).o
    expected = cross_entropy(o, case.y, case.reduction)
    assert cross_entropy(o, case.y, case.reduction, case.weights) == pytest.approx(expected, rel=1e-14, abs=1e-300)


@given(weighted_cases(), st.integers(0, 4))
def test_the_target_of_a_weight_of_zero_does_not_matter(case, shift):
    V = len(case.params.by)
    other = np.where(case.weights == 0, (case.y + shift) % V, case.y)
    assert worst(run(case._replace(y=other)), run(case)) == 0


@pytest.mark.parametrize("B", [None, 3])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_shares_contributions_and_paths_count_each_loss_as_often_as_its_weight(B, reduction):
    case = make_case(3, T=6, B=B, V=4, H=3, D=5, reduction=reduction)
    trace = forward(case.params, case.x, case.h0)
    weights = np.random.default_rng(0).uniform(0, 2, case.y.shape)
    weights[2] = 0
    options = {"reduction": reduction, "weights": weights}
    per_loss = shares(case.params, trace, case.y, **options)
    grads = backward(case.params, trace, case.y, **options)
    assert_close(per_loss.sum(axis=0), grads.da, 1e-14)
    matrix = contributions(case.params, trace, case.y, **options)
    assert_close(matrix, np.sqrt((per_loss**2).sum(axis=tuple(range(2, per_loss.ndim)))), 1e-15)
    assert not matrix[2].any() and matrix[1, :2].all()
    assert_close(path(case.params, trace, case.y, 4, 1, **options).share, per_loss[4, 1], 1e-14)
    unweighted = shares(case.params, trace, case.y, reduction="sum")
    factor = weights / (weights.sum() if reduction == "mean" else 1)
    for t in range(6):
        assert_close(per_loss[t], unweighted[t] * factor[t][..., None], 1e-14)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_truncation_is_the_band_of_the_weighted_shares(k):
    case = make_case(4, T=6, B=2, V=4, H=3)._replace(weights=np.random.default_rng(1).uniform(0, 2, (6, 2)))
    per_loss = shares(case.params, forward(case.params, case.x, case.h0), case.y, weights=case.weights)
    t, s = np.indices((6, 6))
    band = np.where((t - s < k)[..., None, None], per_loss, 0).sum(axis=0)
    assert_close(run(case, truncate=k).da, band, 1e-13)


def test_padding_changes_neither_the_loss_nor_the_gradient_of_any_sequence():
    rng = np.random.default_rng(5)
    params = init_params(6, 4, rng=rng)
    texts = [rng.integers(6, size=n) for n in (8, 2, 5)]
    x, weights, lengths = pad([text[:-1] for text in texts])
    y = pad([text[1:] for text in texts]).values
    assert x.shape == weights.shape == (7, 3) and lengths.tolist() == [7, 1, 4]
    single = [backward(params, forward(params, text[:-1]), text[1:], reduction="sum") for text in texts]
    grads = backward(params, forward(params, x), y, reduction="sum", weights=weights)
    for name in Params._fields:
        assert_close(getattr(grads, name), sum(getattr(one, name) for one in single), 1e-14)
    for b, one in enumerate(single):
        assert_close(grads.da[: lengths[b], b], one.da, 1e-14)
        assert not grads.da[lengths[b] :, b].any()
    losses = [step_losses(forward(params, text[:-1]).o, text[1:]) for text in texts]
    expected = math.fsum(np.concatenate(losses)) / 12
    assert cross_entropy(forward(params, x).o, y, weights=weights) == pytest.approx(expected, rel=1e-14)


def test_padding_with_features_fills_up_with_zeros():
    rng = np.random.default_rng(6)
    a, b = rng.normal(size=(3, 2)), rng.normal(size=(1, 2))
    values, weights, lengths = pad([a, b])
    assert values.shape == (3, 2, 2) and lengths.tolist() == [3, 1] and weights.tolist() == [[1, 1], [1, 0], [1, 0]]
    assert (values[:, 0] == a).all() and (values[0, 1] == b[0]).all() and not values[1:, 1].any()


def test_a_loss_at_the_last_step_alone_is_one_label_for_each_sequence():
    rng = np.random.default_rng(7)
    params = init_params(2, 4, rng=rng, input_size=3)
    x, _, lengths = pad([rng.normal(size=(n, 3)) for n in (4, 2, 3)])
    labels = np.array([1, 0, 1])
    weights = last_step_weights(lengths)
    trace = forward(params, x)
    assert weights.sum(axis=0).tolist() == [1, 1, 1]
    last = trace.o[lengths - 1, np.arange(3)]
    y = np.broadcast_to(labels, weights.shape)
    assert cross_entropy(trace.o, y, weights=weights) == pytest.approx(cross_entropy(last, labels), rel=1e-14)
    do = backward(params, trace, y, weights=weights).do
    assert not do[weights == 0].any()
    assert_close(do[lengths - 1, np.arange(3)], (trace.yhat[lengths - 1, np.arange(3)] - np.eye(2)[labels]) / 3, 1e-15)


def test_class_weights_are_weights_of_the_targets():
    rng = np.random.default_rng(8)
    o, y, by_class = rng.normal(size=(9, 3)), rng.integers(3, size=9), np.array([1.0, 5.0, 0.2])
    losses = [float(loss) for loss in step_losses(o, y)]
    expected = sum(by_class[c] * loss for c, loss in zip(y, losses, strict=True)) / sum(by_class[c] for c in y)
    assert cross_entropy(o, y, weights=by_class[y]) == pytest.approx(expected, rel=1e-14)


def test_a_mask_of_booleans_is_weights_of_zero_and_one():
    o, y = np.random.default_rng(9).normal(size=(4, 3)), np.array([0, 1, 2, 0])
    mask = np.array([True, False, True, True])
    assert cross_entropy(o, y, weights=mask) == pytest.approx(float(step_losses(o, y)[mask].mean()), rel=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_leave_the_type_of_the_result_alone(dtype):
    params = init_params(5, 4, rng=np.random.default_rng(0), dtype=dtype)
    trace, weights = forward(params, [0, 1, 2]), [1e-60, 2e-60, 0]  # below the numbers of float32
    assert cross_entropy(trace.o, [1, 2, 3], weights=weights).dtype == dtype
    grads = backward(params, trace, [1, 2, 3], weights=weights)
    expected = backward(params, trace, [1, 2, 3], weights=[1, 2, 0])
    assert {array.dtype for array in grads} == {np.dtype(dtype)}
    assert worst(grads, expected) <= 4 * np.finfo(dtype).eps


BAD = [
    (np.ones(2), ValueError, "(2,)", "(3,)"),
    (np.ones((3, 1)), ValueError, "(3, 1)", "(3,)"),
    (1.0, ValueError, "()", "(3,)"),
    ([1, -1, 1], ValueError, "-1.0 at index (1,)", "at least 0"),
    ([1, np.nan, 1], ValueError, "nan at index (1,)", "finite"),
    ([1, np.inf, 1], ValueError, "inf at index (1,)", "finite"),
    ([0, 0, 0], ValueError, "0.0", "positive, finite sum"),
    ([1e308] * 3, ValueError, "inf", "positive, finite sum"),
    (["1", "1", "1"], TypeError, "['1'", "real weights"),
    ([1, 1j, 1], TypeError, "list [1, 1j, 1]", "real weights"),
    (np.ones(3, np.float16), TypeError, "float16", "float32"),
    (np.ma.array(np.ones(3), mask=[0, 1, 0]), ValueError, "1 of 3 masked", "without masked"),
    ([[1, 2], [3]], ValueError, "list", "rows of equal length"),
]


@pytest.mark.parametrize("weights, error, got, expected", BAD)
def test_weights_that_do_not_fit_are_refused_everywhere(weights, error, got, expected):
    params = init_params(5, 4, rng=np.random.default_rng(0))
    trace, y = forward(params, [0, 1, 2]), [1, 2, 3]
    calls = [
        lambda: cross_entropy(trace.o, y, "mean", weights),
        lambda: backward(params, trace, y, weights=weights),
        lambda: shares(params, trace, y, weights=weights),
        lambda: contributions(params, trace, y, weights=weights),
        lambda: path(params, trace, y, 1, 0, weights=weights),
    ]
    for call in calls:
        with refuses(error, "weights", got, expected=expected):
            call()


def test_a_sum_may_have_no_weight_at_all():
    params = init_params(5, 4, rng=np.random.default_rng(0))
    trace = forward(params, [0, 1, 2])
    assert cross_entropy(trace.o, [1, 2, 3], "sum", [0, 0, 0]) == 0
    assert not flatten(backward(params, trace, [1, 2, 3], reduction="sum", weights=[0, 0, 0])[:5]).any()


@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(1, 4), *[st.integers(1, 8)] * 3)
def test_the_workspace_gives_what_the_pure_functions_give(seed, T, B, V, H, D):
    rng = np.random.default_rng(seed)
    space = Workspace(V, H, T, B, input_size=D)
    space.weights[:] = 0.5 * rng.normal(size=space.weights.shape)
    x, y = rng.integers(D, size=(T, B)), rng.integers(V, size=(T, B))
    weights = rng.choice([0.0, 1.0, 3.0], size=(T, B))
    weights[-1, 0] = 0.5
    params = Params(*(array.copy() for array in space.params))
    trace = forward(params, x)
    expected = cross_entropy(trace.o, y, weights=weights)
    assert_close(space.loss_and_gradient(x, y, weights), expected, 1e-13, scale=max(1.0, expected))
    assert_close(space.loss(x, y, weights), expected, 1e-13, scale=max(1.0, expected))
    grads = backward(params, trace, y, weights=weights)[:5]
    for mine, theirs in zip(space.grads, grads, strict=True):
        assert_close(mine, theirs, 1e-12, scale=max(abs(theirs).max(), (weights / weights.sum()).max()))


def test_the_workspace_refuses_weights_as_cross_entropy_does():
    space = Workspace(3, 2, 4, 2)
    ids = np.zeros((4, 2), int)
    for weights, error in ((np.ones((2, 4)), ValueError), (-np.ones((4, 2)), ValueError), ("1", TypeError)):
        with pytest.raises(error, match=r"weights: expected"):
            space.loss_and_gradient(ids, ids, weights)


def test_parameters_with_inputs_of_their_own_size_go_into_a_vector_and_back():
    params = init_params(4, 3, rng=np.random.default_rng(0), input_size=7)
    assert params.Wxh.shape == (7, 3) and params.Why.shape == (3, 4)
    vector = flatten(params)
    for array, other in zip(unflatten(vector, 4, 3, 7), params, strict=True):
        assert (array == other).all()
    with pytest.raises(ValueError, match="V = 4, H = 3"):
        unflatten(vector, 4, 3)


def test_the_input_size_decides_which_ids_and_features_are_read():
    params = init_params(2, 3, rng=np.random.default_rng(0), input_size=7)
    assert forward(params, [6, 0]).o.shape == (2, 2)
    with refuses(ValueError, "x", "7", expected="ids from 0 to 6"):
        forward(params, [7])
    with refuses(ValueError, "x", "(4, 2)", expected="(T, 7)"):
        forward(params, np.ones((4, 2)))


@pytest.mark.parametrize("x", [[0, 6], np.ones((2, 7))])
def test_a_trace_of_inputs_of_another_size_is_refused(x):
    wide, narrow = (init_params(2, 3, rng=np.random.default_rng(0), input_size=D) for D in (7, 5))
    with refuses(ValueError, "trace", "6" if len(np.shape(x)) == 1 else "7", expected="D = 5"):
        backward(narrow, forward(wide, x), [0, 1])


def test_a_network_that_reads_something_else_than_it_predicts_writes_no_text():
    params = init_params(2, 3, rng=np.random.default_rng(0), input_size=7)
    calls = [
        lambda: train(params, [0, 1, 0], rate=0.1, steps=2),
        lambda: evaluate(params, [0, 1, 0]),
        lambda: sample(params, Vocabulary("ab"), "a", 3, rng=np.random.default_rng(0)),
    ]
    for call in calls:
        with refuses(ValueError, "params", "D = 7 and V = 2", expected="as many inputs as predictions"):
            call()


@pytest.mark.parametrize("size, error", [(0, ValueError), (-1, ValueError), (2.5, TypeError), (True, TypeError)])
def test_an_input_size_that_is_no_whole_number_of_at_least_one_is_refused(size, error):
    with pytest.raises(error, match=r"input_size: expected"):
        init_params(2, 3, rng=np.random.default_rng(0), input_size=size)
    with pytest.raises(error, match=r"input_size: expected"):
        Workspace(2, 3, 4, input_size=size)


@pytest.mark.parametrize(
    "sequences, error, argument, got, expected",
    [
        ([], ValueError, "sequences", "none", "at least one"),
        (np.zeros((2, 3), int), TypeError, "sequences", "an array", "list or tuple"),
        ("ab", TypeError, "sequences", "str 'ab'", "list or tuple"),
        ([[1, 2], []], ValueError, "sequences[1]", "(0,)", "T at least 1"),
        ([[1, 2], [[1.0]]], ValueError, "sequences[1]", "(1, 1)", "one D for all"),
        ([np.ones((2, 3)), np.ones((2, 4))], ValueError, "sequences[1]", "(2, 4)", "one D for all"),
        ([np.ones((2, 3, 4))], ValueError, "sequences[0]", "(2, 3, 4)", "(T, D)"),
        ([5], ValueError, "sequences[0]", "()", "(T,)"),
        ([[1, 2], ["a"]], TypeError, "sequences[1]", "list", "vocab.encode(text)"),
        (["ab", "c"], TypeError, "sequences[0]", "str 'ab'", "vocab.encode(text)"),
        ([[1, 2], [None]], TypeError, "sequences[1]", "None", "numbers"),
        ([[1.0, 2.0]], TypeError, "sequences[0]", "float64", "integer ids"),
        ([np.ones((1, 1)), np.ones((1, 1), int)], TypeError, "sequences[1]", "int64", "float64"),
        ([np.array([[np.nan]])], ValueError, "sequences[0]", "nan", "finite"),
        ([np.ma.array([1, 2], mask=[0, 1])], ValueError, "sequences[0]", "masked", "without masked"),
    ],
)
def test_sequences_that_cannot_be_padded_are_refused(sequences, error, argument, got, expected):
    with pytest.raises(error) as caught:
        pad(sequences)
    message = str(caught.value)
    assert message.startswith(f"{argument}: expected ") and got in message and expected in message


@pytest.mark.parametrize(
    "lengths, error", [([], ValueError), ([0], ValueError), ([[1]], ValueError), (3, ValueError), ([1.5], TypeError)]
)
def test_lengths_that_are_none_are_refused(lengths, error):
    with pytest.raises(error, match=r"lengths: expected"):
        last_step_weights(lengths)


def test_weights_that_are_too_large_for_the_type_of_the_loss_are_refused():
    case = make_case(0, T=4, B=2, V=3, H=2)
    params = Params(*(array.astype(np.float32) for array in case.params))
    trace, huge = forward(params, case.x), np.full(case.y.shape, 1e39)
    for function in (lambda **more: cross_entropy(trace.o, case.y, **more), lambda **more: backward(
        params, trace, case.y, **more
    ).by):  # fmt: skip
        with refuses(ValueError, "weights", "1e+39 at index (0, 0)", expected="float32"):
            function(reduction="sum", weights=huge)
        assert_close(function(reduction="mean", weights=huge), function(reduction="mean"), 1e-6)


def test_ids_of_two_integer_types_stay_ids_where_they_are_padded():
    padded = pad([np.array([1, 2], np.uint64), np.array([3], np.int64)])
    assert padded.values.dtype.kind == "i" and padded.values.tolist() == [[1, 3], [2, 0]]
