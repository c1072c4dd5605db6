"""The workspace against the pure functions: `forward`, `cross_entropy` and `backward` are its oracle."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from models import assert_close, refuses

from rnnlib import backward, cross_entropy, forward
from rnnlib.workspace import Workspace

SIZES = {"T": st.integers(1, 70), "B": st.integers(1, 9), "V": st.integers(1, 12), "H": st.integers(1, 12)}


def filled(seed, T, B, V, H, dtype=np.float64, scale=0.5):
    """A workspace with every weight and `h[0]` not zero, and a window for it."""
    rng = np.random.default_rng(seed)
    space = Workspace(V, H, T, B, dtype=dtype)
    space.weights[:] = scale * rng.normal(size=space.weights.shape)
    space.params.Whh[:] /= np.sqrt(H)  # or rounding grows from step to step, and no tolerance holds
    space.h[0] = rng.uniform(-1, 1, (B, H))
    ids = rng.integers(V, size=(T + 1, B))
    return space, ids[:-1], ids[1:]


def expected(space, x, y):
    """Loss, states, predictions and gradient by the pure functions, in float64."""
    params = type(space.params)(*(array.astype(float) for array in space.params))
    trace = forward(params, x, space.h[0].astype(float))
    return cross_entropy(trace.o, y), trace, backward(params, trace, y)[:5]


def compare(space, x, y, tolerance):
    loss, trace, grads = expected(space, x, y)
    assert_close(space.loss_and_gradient(x, y), loss, tolerance, scale=max(1.0, loss))
    assert_close(space.h[1:], trace.h, tolerance)
    # Where the terms cancel, a sum is known no better than they are: the measure is the largest term of a prediction
    for mine, theirs in zip(space.grads, grads, strict=True):
        assert_close(mine, theirs, tolerance, scale=max(np.abs(g).max() for g in (*grads, np.array(1 / x.size))))


@given(st.integers(0, 2**32 - 1), *SIZES.values())
@example(0, 64, 1, 5, 4)  # the last window whose rows are added one by one, and the first that is sorted
@example(0, 13, 5, 5, 4)
@example(0, 70, 9, 12, 12)
@example(0, 1, 1, 1, 1)
@settings(max_examples=60)
def test_loss_and_gradient_are_those_of_the_pure_functions(seed, T, B, V, H):
    compare(*filled(seed, T, B, V, H), 1e-12)


@given(st.integers(0, 2**32 - 1), *SIZES.values())
@settings(max_examples=30)
def test_float32_is_float32_all_the_way_and_near(seed, T, B, V, H):
    space, x, y = filled(seed, T, B, V, H, np.float32, scale=0.3)
    compare(space, x, y, 1e-4)
    assert {array.dtype for array in (*space.params, *space.grads, space.h, space.yhat)} == {np.dtype(np.float32)}


def test_loss_alone_is_the_same_loss_leaves_the_predictions_and_touches_no_gradient():
    space, x, y = filled(3, 9, 4, 6, 5)
    space.gradient[:] = 7
    loss = space.loss(x, y)
    assert_close(space.yhat, expected(space, x, y)[1].yhat, 1e-13)
    assert np.all(space.gradient == 7)
    assert loss == space.loss_and_gradient(x, y)


@pytest.mark.parametrize("T, B", [(10, 1), (20, 8)])
def test_a_second_call_gives_the_same_bits_whatever_was_computed_between(T, B):
    space, x, y = filled(4, T, B, 6, 5)
    first = space.loss_and_gradient(x, y), space.gradient.copy()
    space.loss_and_gradient(y, x)
    assert space.loss_and_gradient(x, y) == first[0]
    assert np.array_equal(space.gradient, first[1])


@pytest.mark.parametrize("T, B", [(12, 2), (25, 1), (60, 20)])
def test_one_symbol_is_certain_and_has_no_gradient(T, B):
    space, x, y = filled(5, T, B, 1, 4)
    assert space.loss_and_gradient(x, y) == 0
    assert np.all(space.gradient == 0)


@pytest.mark.parametrize("T, B", [(11, 3), (40, 3)])
def test_a_symbol_that_is_not_read_has_a_row_of_zeros_and_those_that_are_have_not(T, B):
    space, _, y = filled(6, T, B, 7, 4)
    space.loss_and_gradient(np.full((T, B), 3), y)
    used = np.abs(space.grads.Wxh).sum(axis=1) > 0
    assert used.tolist() == [symbol == 3 for symbol in range(7)]


@pytest.mark.parametrize("size", [1e3, 1e150, 1e300])
def test_logits_of_any_finite_size_give_the_loss_and_the_errors_of_the_definition(size):
    """by alone makes the logits: surely right costs nothing, surely wrong costs the difference of the logits."""
    space = Workspace(3, 2, 4)
    space.params.by[:] = (0, size, -size)
    x = np.zeros((4, 1), int)
    assert space.loss_and_gradient(x, x + 1) == 0
    assert np.abs(space.grads.by).max() <= 1.001 * np.finfo(float).tiny  # what exp gives for less
    assert space.loss_and_gradient(x, x + 2) == 2 * size
    np.testing.assert_allclose(space.grads.by, (0, 1, -1), atol=1.001 * np.finfo(float).tiny)


def test_workspaces_of_two_sizes_share_weights_and_gradient():
    space, x, y = filled(7, 8, 3, 5, 4)
    smaller = Workspace(5, 4, 2, 3, weights=space.weights, gradient=space.gradient)
    smaller.h[0] = space.h[0]
    space.weights *= 1.5
    compare(smaller, x[:2], y[:2], 1e-12)
    assert smaller.gradient is space.gradient
    assert np.shares_memory(space.grads.Why, smaller.grads.Why) and np.shares_memory(space.params.bh, space.weights)


@pytest.mark.parametrize("T, B, V, H", [(32, 2, 300, 400), (40, 50, 60, 64), (200, 10, 40, 50), (1, 2000, 80, 30)])
def test_a_further_call_takes_a_few_numbers_for_each_prediction_and_no_array_of_a_layer(T, B, V, H):
    """Flat ids twice, their order, places of the targets, logarithms, and so on: at most seven numbers at one time.

    Beside them stand Python's own objects and the 8192 numbers by which NumPy buffers an array that is broadcast.
    """
    space, x, y = filled(8, T, B, V, H)
    space.loss_and_gradient(x, y)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        space.loss_and_gradient(x, y)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    N = T * B
    allowed = 8 * (7 * N + 8192) + 4_000
    assert peak - before < allowed
    assert after - before < 2_000
    assert 8 * N * min(V, H) > allowed


def test_wrong_windows_are_named_before_anything_is_computed():
    space, x, y = filled(9, 4, 2, 3, 2)
    kept = space.h.copy(), space.gradient.copy()
    with refuses(ValueError, "x", "(2, 4)", expected="(4, 2)"):
        space.loss_and_gradient(x.T, y)
    with refuses(ValueError, "y", "(3, 2)", expected="(4, 2)"):
        space.loss(x, y[1:])
    with refuses(ValueError, "x", "list"):
        space.loss(x.tolist(), y)
    with refuses(ValueError, "x", "3", expected="0 to 2"):
        space.loss(np.where(np.arange(8).reshape(4, 2) == 5, 3, x), y)
    with refuses(ValueError, "y", "-1"):
        space.loss(x, np.where(np.arange(8).reshape(4, 2) == 7, -1, y))
    with refuses(TypeError, "x", "float64"):
        space.loss(x + 0.5, y)
    assert np.array_equal(space.h, kept[0]) and np.array_equal(space.gradient, kept[1])


@pytest.mark.parametrize("place, name", list(enumerate(["vocab_size", "hidden_size", "steps", "batch"])))
def test_sizes_are_whole_numbers_of_at_least_one(place, name):
    sizes = [3, 3, 3, 3]
    for wrong, error in ((0, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError), ("3", TypeError)):
        with refuses(error, name):
            Workspace(*sizes[:place], wrong, *sizes[place + 1 :])


def test_vectors_and_types_that_do_not_fit_are_named():
    for wrong in (complex, int, bool):
        with refuses(TypeError, "dtype"):
            Workspace(3, 2, 4, dtype=wrong)
    for name in ("weights", "gradient"):
        with refuses(TypeError, name, "float32", expected="float64"):
            Workspace(3, 2, 4, **{name: np.zeros(21, np.float32)})
        with refuses(TypeError, name, "list"):
            Workspace(3, 2, 4, **{name: [0.0] * 21})
        with refuses(ValueError, "vector", "(20,)", expected="(21,)"):
            Workspace(3, 2, 4, **{name: np.zeros(20)})


def test_masks_are_seen_and_vectors_that_would_overwrite_each_other_are_refused():
    ids = np.zeros((4, 1), int)
    with refuses(ValueError, "x", "4 of 4 masked"):
        Workspace(3, 2, 4).loss(np.ma.array(ids, mask=True), ids)
    assert Workspace(3, 2, 4).loss(np.ma.array(ids), ids) == Workspace(3, 2, 4).loss(ids, ids)
    vector = np.zeros(21)
    with refuses(ValueError, "gradient", "same memory", expected="another array"):
        Workspace(3, 2, 4, weights=vector, gradient=vector)
    vector.setflags(write=False)
    with refuses(ValueError, "gradient", "read-only"):
        Workspace(3, 2, 4, gradient=vector)
    assert Workspace(3, 2, 4, weights=vector).loss_and_gradient(ids, ids) > 0
    with refuses(TypeError, "dtype", "'x'"):
        Workspace(3, 2, 4, dtype="x")
