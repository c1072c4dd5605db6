"""Gradients of every length and layout, against complex steps of the loss and against automatic differentiation."""

import autograd
import numpy as np
import pytest
from models import STEP, assert_close, make_case, refuses
from oracles import autograd_loss, complex_step, gradients, weight

from rnnlib import Params, Path, backward, check_gradients, contributions, cross_entropy, forward, path, shares
from rnnlib.gradcheck import NAMES

BATCHES = (None, *range(1, 9))
# Of the largest entry. h0 is reached only through every Jacobian: of 64 steps little is left, known less well.
TOLERANCES = dict.fromkeys(("Why", "by"), 5e-15) | dict.fromkeys(("Wxh", "Whh", "bh"), 3e-14) | {"h0": 1e-13}


def cases_of(T):
    """One model for each batch size; over all T each size comes as ids and as features, with the sum and the mean."""
    for i, B in enumerate(BATCHES):
        kind = (T + i) % 4
        reduction = ("sum", "mean")[kind // 2]
        yield make_case(100 * T + i, T=T, B=B, V=3, H=2, features=kind % 2 == 1, reduction=reduction)


def rows_of(case):
    return case.x if case.x.dtype.kind == "f" else np.eye(len(case.params.by))[case.x]


def slopes(case, loss):
    """name -> the derivative of `loss(params, h0)` by complex steps, in every parameter and in h0."""
    point = {**case.params._asdict(), "h0": case.h0}

    def moved(name, array):
        *params, h0 = {**point, name: array}.values()
        return loss(Params(*params), h0)

    return {name: complex_step(lambda array, name=name: moved(name, array), at) for name, at in point.items()}


def loss_of(case):
    return lambda params, h0: cross_entropy(forward(params, case.x, h0).o, case.y, case.reduction)


@pytest.mark.parametrize("T", range(1, 65))
def test_gradients_of_every_length_equal_complex_steps(T):
    for case in cases_of(T):
        grads = gradients(case)
        for name, slope in slopes(case, loss_of(case)).items():
            assert_close(getattr(grads, name), slope, TOLERANCES[name])


@pytest.mark.parametrize("T", range(1, 65))
def test_gradients_of_every_length_equal_automatic_differentiation(T):
    for case in list(cases_of(T))[T % 3 :: 3]:  # a third of them, another one for each T
        rows, targets = rows_of(case), np.eye(3)[case.y]
        loss = autograd.grad(lambda both, *given: autograd_loss(*both, *given))
        expected, expected_h0 = loss((tuple(case.params), case.h0), rows, targets, weight(case))
        grads = gradients(case)
        for name, slope in zip(NAMES, (*expected, expected_h0), strict=True):
            assert_close(getattr(grads, name), slope, TOLERANCES[name])


def truncated_loss(case, k):
    """(params, h0) -> the loss, where each step's own loss sees `params` in the last k steps before it alone.

    A window for each step t, all of them side by side: it starts from the state that the network, as it is, has before
    step t - k + 1, which is held fixed, or from h0 where the sequence starts within the window.
    """
    T, before, rows = len(case.x), forward(case.params, case.x, case.h0).h, rows_of(case)

    def loss(params, h0):
        h = np.empty(before.shape, complex)
        h[:k], h[k:] = h0, before[: T - k]
        for back in reversed(range(k)):  # every window takes its step t - back
            h[back:] = np.tanh(rows[: T - back] @ params.Wxh + h[back:] @ params.Whh + params.bh)
        return cross_entropy(h @ params.Why + params.by, case.y, case.reduction)

    return loss


@pytest.mark.parametrize("T, B, features, reduction", [
    (1, None, False, "mean"), (2, 1, True, "sum"), (5, None, True, "mean"), (8, 3, False, "sum"),
    (13, None, False, "sum"), (13, 4, True, "mean"), (32, 2, False, "mean"),
])  # fmt: skip
def test_every_truncation_equals_windows_of_their_own(T, B, features, reduction):
    case = make_case(T, T=T, B=B, V=3, H=2, features=features, reduction=reduction)
    trace = forward(case.params, case.x, case.h0)
    for k in range(1, T + 1):
        grads = backward(case.params, trace, case.y, reduction=reduction, truncate=k)
        for name, slope in slopes(case, truncated_loss(case, k)).items():
            assert_close(getattr(grads, name), slope, 4e-15)


@pytest.mark.parametrize("features", [False, True])
@pytest.mark.parametrize("T, B", [(16, None), (16, 3), (64, None), (64, 3)])
def test_gradients_with_weights_of_fifty_equal_complex_steps(T, B, features):
    case = make_case(T, T=T, B=B, V=4, H=3, features=features)
    weights = (np.where(array < 0, -50.0, 50.0) for array in case.params[:3])
    case = case._replace(params=Params(*weights, *case.params[3:]))
    grads, expected = gradients(case), slopes(case, loss_of(case))
    assert 0.01 < np.abs(expected["Whh"]).max() < np.inf  # not all units are saturated at every step
    # 1 - h² is rounded as 1 is, however small, and then multiplied by weights of 50.
    scale = max(np.abs(slope).max() for slope in expected.values())
    for name, slope in expected.items():
        assert_close(getattr(grads, name), slope, 3e-13, scale)


@pytest.mark.parametrize("T", [1, 7, 64])
@pytest.mark.parametrize("B", [None, 3])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_shares_add_up_to_the_gradient_of_every_step(reduction, B, T):
    case = make_case(T, T=T, B=B, V=4, H=5, reduction=reduction)
    trace = forward(case.params, case.x, case.h0)
    total = shares(case.params, trace, case.y, reduction=reduction).sum(axis=0)
    assert_close(total, gradients(case).da, 2e-15)


PATHS = [(1, None), (6, None), (6, 1), (5, 3)]


def paths_of(T, B, reduction="mean", features=False):
    """A model, its trace, and its paths by (t, s)."""
    case = make_case(T, T=T, B=B, V=4, H=3, features=features, reduction=reduction)
    trace = forward(case.params, case.x, case.h0)
    every = [(t, s) for t in range(T) for s in range(t + 1)]
    return case, trace, {(t, s): path(case.params, trace, case.y, t, s, reduction=reduction) for t, s in every}


def nudged(function, at):
    """The Jacobian of a function of states, one column for each unit that is moved by a complex step.

    A unit is moved in all sequences at once, for no sequence sees another.
    """
    steps = 1j * STEP * np.eye(at.shape[-1])
    return np.stack([function(at + step).imag / STEP for step in steps], axis=-1)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("T, B", PATHS)
def test_each_factor_of_a_path_is_the_derivative_that_it_is_said_to_be(T, B, reduction):
    case, trace, paths = paths_of(T, B, reduction)
    Wxh, Whh, Why, bh, by = case.params
    before = [trace.h0, *trace.h[:-1]]

    def losses(h, y):
        o = h @ Why + by
        return weight(case) * (np.log(np.exp(o).sum(axis=-1)) - np.take_along_axis(o, y[..., None], axis=-1)[..., 0])

    errors = [nudged(lambda h, y=y: losses(h, y), h) for h, y in zip(trace.h, case.y, strict=True)]
    jacobians = [nudged(lambda h, x=x: np.tanh(Wxh[x] + h @ Whh + bh), h) for x, h in zip(case.x, before, strict=True)]
    slopes = [np.diagonal(nudged(np.tanh, a), axis1=-2, axis2=-1) for a in trace.a]
    batch = case.y.shape[1:]
    for (t, s), way in paths.items():
        assert isinstance(way, Path)
        assert_close(way.error, errors[t], 1e-15, scale=weight(case) * abs(Why).sum(axis=1).max())
        assert way.jacobians.shape == (t - s, *batch, 3, 3)
        for r, jacobian in zip(range(t, s, -1), way.jacobians, strict=True):
            assert_close(jacobian, jacobians[r], 1e-15, scale=np.abs(Whh).max())
        assert_close(way.slope, slopes[s], 1e-15, scale=1)  # 1 - h² is rounded as 1 is
        assert np.array_equal(way.state, before[s])


@pytest.mark.parametrize("features", [False, True])
@pytest.mark.parametrize("T, B", PATHS)
def test_the_share_of_a_path_is_the_product_of_its_factors_and_that_of_the_shares(T, B, features):
    case, trace, paths = paths_of(T, B, features=features)
    expected = shares(case.params, trace, case.y)
    lengths = contributions(case.params, trace, case.y)
    for (t, s), way in paths.items():
        product = way.error
        for jacobian in way.jacobians:
            product = np.einsum("...j,...ji->...i", product, jacobian)
        assert_close(product * way.slope, way.share, 1e-15)
        assert_close(way.share, expected[t, s], 1e-15, scale=np.abs(expected[t]).max())
        assert np.linalg.norm(way.share) == pytest.approx(lengths[t, s], rel=1e-13)


@pytest.mark.parametrize("T, B", PATHS)
def test_the_paths_of_all_losses_to_all_steps_add_up_to_the_gradients(T, B):
    case, _, paths = paths_of(T, B)
    grads = gradients(case)
    terms = [np.atleast_2d(way.state).T @ np.atleast_2d(way.share) for way in paths.values()]
    assert_close(sum(terms), grads.Whh, 2e-15)
    assert_close(sum(np.atleast_2d(way.share).sum(axis=0) for way in paths.values()), grads.bh, 2e-15)
    assert_close(sum(way.share for (_, s), way in paths.items() if s == 0) @ case.params.Whh.T, grads.h0, 2e-15)


def test_the_path_of_a_batch_is_made_of_those_of_its_sequences():
    case, _, paths = paths_of(5, 3, reduction="sum")
    for b in range(3):
        trace = forward(case.params, case.x[:, b], case.h0[b])
        for (t, s), way in paths.items():
            alone = path(case.params, trace, case.y[:, b], t, s, reduction="sum")
            of_batch = (way.error[b], way.jacobians[:, b], way.slope[b], way.state[b], way.share[b])
            for one, other in zip(alone, of_batch, strict=True):
                assert_close(one, other, 1e-15, scale=1)


def test_a_path_keeps_the_type_of_the_network_and_leaves_the_arguments_as_they_were():
    case = make_case(1, T=4, B=2, V=4, H=3)
    params = Params(*(array.astype(np.float32) for array in case.params))
    trace = forward(params, case.x, case.h0)
    for array in (*params, *trace, case.y):
        array.setflags(write=False)
    way = path(params, trace, case.y, np.int64(3), np.int32(0))
    assert {array.dtype for array in way} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    "t, s, error, argument, got",
    [
        (5, 0, ValueError, "t", "5"),
        (-1, 0, ValueError, "t", "-1"),
        (2, 3, ValueError, "s", "3"),
        (2, -1, ValueError, "s", "-1"),
        (2.0, 0, TypeError, "t", "float 2.0"),
        (2, 0.0, TypeError, "s", "float 0.0"),
        (True, 0, TypeError, "t", "bool True"),
        (2, np.True_, TypeError, "s", "True"),
        ("2", 0, TypeError, "t", "str '2'"),
        (2, None, TypeError, "s", "NoneType None"),
        (np.array([1, 2]), 0, TypeError, "t", "an array of shape (2,)"),
    ],
)
def test_a_path_that_is_none_is_refused(t, s, error, argument, got):
    case = make_case(0, T=5, B=None, V=4, H=3)
    trace = forward(case.params, case.x, case.h0)
    with refuses(error, argument, got, expected={"t": "from 0 to 4", "s": f"from 0 to {t}"}[argument]):
        path(case.params, trace, case.y, t, s)


OF_A_TRACE = {
    "backward": backward,
    "truncated": lambda *args: backward(*args, truncate=2),
    "shares": shares,
    "contributions": contributions,
    "path": lambda *args: path(*args, 0, 0),
}


@pytest.mark.parametrize("shape", [(0,), (0, 2), (3, 0), (0, 0)])
def test_no_steps_and_no_sequences_are_refused(shape):
    case = make_case(0, T=3, B=2, V=4, H=3)
    nothing = np.zeros(shape, int)
    for x in (nothing, np.zeros((*shape, 4))):
        with refuses(ValueError, "x", str(x.shape), expected="at least one step and one sequence"):
            forward(case.params, x)
        with refuses(ValueError, "x", str(x.shape), expected="at least one step and one sequence"):
            check_gradients(case.params, x, nothing)
    with refuses(ValueError, "y", str(shape), expected="(3, 2)"):
        check_gradients(case.params, case.x, nothing)
    trace = forward(case.params, case.x)
    for function in OF_A_TRACE.values():
        with refuses(ValueError, "y", str(shape), expected="(3, 2)"):
            function(case.params, trace, nothing)


@pytest.mark.parametrize("name", OF_A_TRACE)
@pytest.mark.parametrize("cut", [np.s_[:0], np.s_[:, :0]])
def test_a_trace_of_no_steps_or_no_sequences_is_refused(cut, name):
    case = make_case(0, T=3, B=2, V=4, H=3)
    trace = forward(case.params, case.x, case.h0)
    empty = trace._replace(**{field: getattr(trace, field)[cut] for field in ("x", "a", "h", "o", "yhat")})
    with refuses(ValueError, "trace", str(empty.h.shape), expected="at least one step and one sequence"):
        OF_A_TRACE[name](case.params, empty, case.y[cut])
