"""The pass backward, held against complex steps of the loss, an independent network, and automatic differentiation."""

import autograd
import numpy as np
import pytest
from hypothesis import given
from models import assert_close, cases, make_case, refuses
from oracles import autograd_loss, complex_step, gradients, weight

from rnnlib import Grads, Params, backward, cross_entropy, forward, init_params, one_hot

EPS = np.finfo(np.float64).eps


def assert_gradient(actual, expected, case):
    """Equal to 1e-13 of the largest entry, or of what one prediction counts for where every entry is smaller.

    ŷ - y is known to the rounding of 1, not of itself: with a single symbol all gradients are nothing but that.
    """
    assert_close(actual, expected, 1e-13, scale=max(np.abs(expected).max(), weight(case)))


@given(cases())
def test_gradients_equal_complex_steps_of_every_parameter_and_of_the_initial_state(case):
    grads = gradients(case)

    def loss(params, h0):
        return cross_entropy(forward(params, case.x, h0).o, case.y, case.reduction)

    for name, array in case.params._asdict().items():
        slope = complex_step(lambda moved, name=name: loss(case.params._replace(**{name: moved}), case.h0), array)
        assert_gradient(getattr(grads, name), slope, case)
    assert_gradient(grads.h0, complex_step(lambda moved: loss(case.params, moved), case.h0), case)


@given(cases())
def test_gradients_equal_automatic_differentiation(case):
    V = len(case.params.by)
    rows = case.x if case.x.dtype.kind == "f" else np.eye(V)[case.x]
    expected, expected_h0 = autograd.grad(lambda both: autograd_loss(*both, rows, np.eye(V)[case.y], weight(case)))(
        (tuple(case.params), case.h0)
    )
    grads = gradients(case)
    for name, slope in zip(Params._fields, expected, strict=True):
        assert_gradient(getattr(grads, name), slope, case)
    assert_gradient(grads.h0, expected_h0, case)


def nudged_loss(case, nudged, nudge):
    """The loss when `nudge` is added to every a_t, h_t or o_t as soon as it is computed, in loops of its own."""
    Wxh, Whh, Why, bh, by = case.params
    V, zero = len(by), np.zeros(len(case.x))
    rows = case.x if case.x.dtype.kind == "f" else np.eye(V)[case.x]
    add = {"a": zero, "h": zero, "o": zero, nudged: nudge}
    h, loss = case.h0, 0.0
    for t in range(len(rows)):
        a = np.einsum("...v,vh->...h", rows[t], Wxh) + np.einsum("...i,ih->...h", h, Whh) + bh + add["a"][t]
        h = (np.exp(2 * a) - 1) / (np.exp(2 * a) + 1) + add["h"][t]
        o = np.einsum("...h,hv->...v", h, Why) + by + add["o"][t]
        loss += (np.log(np.exp(o).sum(axis=-1)) - (np.eye(V)[case.y[t]] * o).sum(axis=-1)).sum()
    return weight(case) * loss


@pytest.mark.parametrize("nudged", ["a", "h", "o"])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("T, B, features", [(1, None, False), (5, None, True), (12, 1, True), (6, 3, False)])
def test_each_step_s_gradient_is_what_a_nudge_at_that_step_does_to_the_loss(nudged, reduction, T, B, features):
    case = make_case(T, T=T, B=B, V=4, H=3, features=features, reduction=reduction)
    at = getattr(forward(case.params, case.x, case.h0), nudged)
    slope = complex_step(lambda nudge: nudged_loss(case, nudged, nudge), np.zeros(at.shape))
    assert_gradient(getattr(gradients(case), f"d{nudged}"), slope, case)


@pytest.mark.parametrize("B", [None, 3])
@pytest.mark.parametrize("features", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_have_the_shapes_and_the_type_of_what_they_are_gradients_of(dtype, features, B):
    case = make_case(0, T=5, B=B, V=4, H=3, features=features)
    params = Params(*(array.astype(dtype) for array in case.params))
    trace = forward(params, case.x, case.h0)
    grads = backward(params, trace, case.y)
    assert isinstance(grads, Grads)
    of = {**params._asdict(), "h0": trace.h0, "do": trace.o, "dh": trace.h, "da": trace.a}
    assert {name: grad.shape for name, grad in grads._asdict().items()} == {name: z.shape for name, z in of.items()}
    assert {grad.dtype for grad in grads} == {np.dtype(dtype)}


@pytest.mark.parametrize("features", [False, True])
def test_float32_gradients_stay_within_a_few_of_their_own_roundings_of_float64(features):
    case = make_case(1, T=12, B=3, V=6, H=8, features=features, scale=0.5)
    exact = gradients(case)
    rounded = gradients(case._replace(params=Params(*(array.astype(np.float32) for array in case.params))))
    for a, b in zip(rounded, exact, strict=True):
        assert_close(a, b, 8 * np.finfo(np.float32).eps)


@pytest.mark.parametrize("B", [None, 2])
@pytest.mark.parametrize("features", [False, True])
def test_backward_leaves_its_arguments_as_they_were(features, B):
    case = make_case(2, T=4, B=B, V=3, H=4, features=features)
    trace = forward(case.params, case.x, case.h0)
    arrays = [*case.params, *trace, case.y]
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.setflags(write=False)
    grads = backward(case.params, trace, case.y)
    assert all(np.array_equal(array, copy) for array, copy in zip(arrays, before, strict=True))
    assert not any(np.shares_memory(grad, array) for grad in grads for array in arrays)


def test_gradients_of_the_mean_are_those_of_the_sum_over_the_number_of_predictions():
    # A power of two divides without rounding, so that not one bit may differ.
    case = make_case(3, T=4, B=2, V=5, H=6, features=True)
    for mean, total in zip(gradients(case), gradients(case._replace(reduction="sum")), strict=True):
        assert np.array_equal(mean, total / 8)


@pytest.mark.parametrize("features", [False, True])
def test_the_gradient_of_a_batch_is_the_sum_of_its_sequences_gradients(features):
    case = make_case(4, T=7, B=4, V=5, H=6, features=features, reduction="sum")
    whole = gradients(case)
    alone = [gradients(case._replace(x=case.x[:, b], y=case.y[:, b], h0=case.h0[b])) for b in range(4)]
    for name in Params._fields:
        assert_close(getattr(whole, name), sum(getattr(one, name) for one in alone), 8 * EPS)
    assert_close(whole.h0, np.stack([one.h0 for one in alone]), 8 * EPS)
    for name in ("do", "dh", "da"):
        assert_close(getattr(whole, name), np.stack([getattr(one, name) for one in alone], axis=1), 8 * EPS)


def test_the_gradient_of_a_shared_initial_state_is_the_sum_over_the_batch():
    case = make_case(5, T=4, B=3, V=4, H=3)
    shared = case.h0[0]
    grads = gradients(case._replace(h0=shared))
    slope = complex_step(lambda h0: cross_entropy(forward(case.params, case.x, h0).o, case.y), shared)
    assert grads.h0.shape == (3, 3)
    assert_gradient(grads.h0.sum(axis=0), slope, case)


@pytest.mark.parametrize("B", [None, 3])
def test_gradients_of_ids_are_those_of_one_hot_features(B):
    case = make_case(6, T=9, B=B, V=3, H=4)  # nine steps over three symbols: rows of Wxh gather several terms
    for by_ids, by_rows in zip(gradients(case), gradients(case._replace(x=one_hot(case.x, 3))), strict=True):
        assert_close(by_ids, by_rows, 8 * EPS)


def test_a_symbol_that_never_comes_gets_no_gradient():
    case = make_case(7, T=6, B=2, V=4, H=3)
    grads = gradients(case._replace(x=case.x % 3))
    assert (grads.Wxh[3] == 0).all() and (grads.Wxh[:3] != 0).all()


@pytest.mark.parametrize("B", [None, 3])
def test_weights_of_fifty_give_finite_gradients(B):
    case = make_case(8, T=12, B=B, V=5, H=8)
    params = Params(*(np.where(array < 0, -50.0, 50.0) for array in case.params))
    grads = gradients(case._replace(params=params))
    assert all(np.isfinite(grad).all() for grad in grads)
    assert np.abs(grads.do).max() > 0


def test_the_mean_is_taken_unless_the_sum_is_asked_for():
    case = make_case(9, T=5, B=3, V=4, H=3)
    trace = forward(case.params, case.x, case.h0)
    silent = backward(case.params, trace, case.y)
    assert all(np.array_equal(a, b) for a, b in zip(silent, gradients(case), strict=True))


BATCH = make_case(10, T=5, B=3, V=4, H=6)
SINGLE = make_case(10, T=5, B=None, V=4, H=6)


@pytest.mark.parametrize(
    "case, y, error, got, expected",
    [
        (BATCH, BATCH.y.astype(float), TypeError, "float64", "integer ids of shape (5, 3)"),
        (BATCH, BATCH.y > 1, TypeError, "bool", "integer ids"),
        (BATCH, np.full((5, 3), -1), ValueError, "-1", "from 0 to 3"),
        (BATCH, np.full((5, 3), 4), ValueError, "4", "from 0 to 3"),
        (BATCH, BATCH.y[:, :2], ValueError, "(5, 2)", "(5, 3)"),
        (BATCH, BATCH.y[:4], ValueError, "(4, 3)", "(5, 3)"),
        (BATCH, BATCH.y.T, ValueError, "(3, 5)", "(5, 3)"),
        (BATCH, BATCH.y[:, 0], ValueError, "(5,)", "(5, 3)"),
        (SINGLE, BATCH.y, ValueError, "(5, 3)", "(5,)"),
        (SINGLE, SINGLE.y[:, None], ValueError, "(5, 1)", "(5,)"),
        (SINGLE, 0, ValueError, "()", "(5,)"),
    ],
)
def test_targets_that_do_not_fit_the_trace_are_refused(case, y, error, got, expected):
    trace = forward(case.params, case.x)
    with refuses(error, "y", got, expected=expected):
        backward(case.params, trace, y)


@pytest.mark.parametrize("reduction, got", [("average", "str 'average'"), (None, "NoneType None"), (1, "int 1")])
def test_a_reduction_other_than_sum_and_mean_is_refused(reduction, got):
    with refuses(ValueError, "reduction", got, expected="'sum', 'mean'"):
        gradients(BATCH._replace(reduction=reduction))


@pytest.mark.parametrize("V, H", [(4, 7), (5, 6), (7, 3)])
def test_a_trace_of_another_network_is_refused_with_both_sizes(V, H):
    trace = forward(BATCH.params, BATCH.x)
    other = init_params(V, H, rng=np.random.default_rng(0))
    with refuses(ValueError, "trace", "V = 4 and H = 6", expected=f"V = {V} and H = {H}"):
        backward(other, trace, BATCH.y)


@pytest.mark.parametrize(
    "change, error, argument, got",
    [
        ({"Whh": np.zeros((4, 6))}, ValueError, "params.Whh", "(4, 6)"),
        ({"Why": np.full((6, 4), np.nan)}, ValueError, "params.Why", "nan at index (0, 0)"),
        ({"bh": np.full(6, "0")}, TypeError, "params.bh", "<U1"),
    ],
)
def test_parameters_that_do_not_hold_together_are_refused(change, error, argument, got):
    trace = forward(BATCH.params, BATCH.x)
    with refuses(error, argument, got):
        backward(BATCH.params._replace(**change), trace, BATCH.y)


def test_parameters_that_are_not_five_arrays_are_refused():
    trace = forward(BATCH.params, BATCH.x)
    with refuses(TypeError, "params", "Trace", expected="Params(Wxh, Whh, Why, bh, by)"):
        backward(trace, trace, BATCH.y)


def test_a_trace_that_is_none_is_refused():
    with refuses(TypeError, "trace", "Params", expected="Trace"):
        backward(BATCH.params, BATCH.params, BATCH.y)


@pytest.mark.parametrize(
    "change, error, argument, got",
    [
        (lambda trace: {"h": trace.h[:-1]}, ValueError, "trace.x", str(BATCH.x.shape)),
        (lambda trace: {"h": trace.h.tolist()}, TypeError, "trace.h", "list"),
        (lambda trace: {"h0": trace.h0[:1]}, ValueError, "trace.h0", "(1, "),
        (lambda trace: {"x": trace.x[:, :1]}, ValueError, "trace.x", ", 1)"),
        (lambda trace: {"x": trace.x - 1 - trace.x.max()}, ValueError, "trace", "to -1"),
        (lambda trace: {"yhat": trace.yhat[..., :1]}, ValueError, "trace.yhat", ", 1)"),
    ],
)
def test_a_trace_whose_arrays_were_changed_is_refused_by_the_name_of_the_first_that_does_not_fit(
    change, error, argument, got
):
    """A negative id would be read from the end, and a state of another shape be broadcast."""
    trace = forward(BATCH.params, BATCH.x, BATCH.h0)
    with refuses(error, argument, got):
        backward(BATCH.params, trace._replace(**change(trace)), BATCH.y)
