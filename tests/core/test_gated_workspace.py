"""The workspaces of the LSTM and the GRU against their pure functions, which are the oracle."""

import tracemalloc

import numpy as np
import pytest
from gated import CELLS, GATED
from hypothesis import example, given, settings
from hypothesis import strategies as st
from models import assert_close, refuses

from rnnlib import cross_entropy, gated_workspace, rnn
from rnnlib.gated_workspace import workspace_of
from rnnlib.workspace import Workspace

SIZES = {"T": st.integers(1, 70), "B": st.integers(1, 9), **{name: st.integers(1, 12) for name in "VHD"}}
gated_cell = pytest.mark.parametrize("cell", GATED.values(), ids=GATED)


def filled(cell, seed, T, B, V, H, D, dtype=np.float64, scale=0.5):
    """A workspace with every weight and first state not zero, and a window for it."""
    rng = np.random.default_rng(seed)
    space = workspace_of(cell.Params)(V, H, T, B, dtype=dtype, input_size=D)
    space.weights[:] = scale * rng.normal(size=space.weights.shape)
    space.params.Whh[:] /= np.sqrt(H)
    for state in space.states:
        state[0] = rng.uniform(-1, 1, (B, H))
    return space, rng.integers(D, size=(T, B)), rng.integers(V, size=(T, B))


def compare(cell, space, x, y, tolerance, weights=None):
    params = cell.Params(*(array.astype(float) for array in space.params))
    trace = cell.forward(params, x, *(state[0].astype(float) for state in space.states))
    loss = cross_entropy(trace.o, y, weights=weights)
    grads = cell.backward(params, trace, y, weights=weights)[: len(params)]
    assert_close(space.loss_and_gradient(x, y, weights), loss, tolerance, scale=max(1.0, loss))
    for name, state in zip(cell.Params.states, space.states, strict=True):
        found = getattr(trace, name)
        assert_close(state[1:], found, tolerance, scale=max(1.0, np.abs(found).max()))
    scale = max(np.abs(g).max() for g in (*grads, np.array(1 / x.size)))
    for mine, theirs in zip(space.grads, grads, strict=True):
        assert_close(mine, theirs, tolerance, scale)


@gated_cell
@given(seed=st.integers(0, 2**32 - 1), **SIZES)
@example(seed=0, T=64, B=1, V=5, H=4, D=5)  # the last window whose rows are added one by one, and the first one sorted
@example(seed=0, T=13, B=5, V=5, H=4, D=90)
@example(seed=0, T=3, B=200, V=6, H=40, D=2)  # so many gates that each step is a chunk of its own
@example(seed=0, T=70, B=9, V=12, H=12, D=12)
@example(seed=0, T=1, B=1, V=1, H=1, D=1)
@settings(max_examples=60)
def test_loss_and_gradient_are_those_of_the_pure_functions(cell, seed, T, B, V, H, D):
    compare(cell, *filled(cell, seed, T, B, V, H, D), 1e-12)


@gated_cell
@given(seed=st.integers(0, 2**32 - 1), **SIZES)
@settings(max_examples=30)
def test_weights_of_the_predictions_count_as_in_the_pure_functions(cell, seed, T, B, V, H, D):
    weights = np.random.default_rng(seed).choice([0, 1, 2.5], size=(T, B))
    weights[-1, 0] = 0.5
    compare(cell, *filled(cell, seed, T, B, V, H, D), 1e-12, weights)


@gated_cell
@given(seed=st.integers(0, 2**32 - 1), **SIZES)
@settings(max_examples=30)
def test_float32_is_float32_all_the_way_and_near(cell, seed, T, B, V, H, D):
    space, x, y = filled(cell, seed, T, B, V, H, D, np.float32, scale=0.3)
    compare(cell, space, x, y, 1e-4)
    arrays = (*space.params, *space.grads, *space.states, space.yhat)
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


@gated_cell
@pytest.mark.parametrize("chunk", [1, 100, 10**6])
def test_how_many_steps_are_worked_on_at_once_changes_nothing(cell, chunk, monkeypatch):
    space, x, y = filled(cell, 1, 23, 3, 5, 4, 6)
    space.loss_and_gradient(x, y)
    monkeypatch.setattr(gated_workspace, "CHUNK", chunk)
    other, *_ = filled(cell, 1, 23, 3, 5, 4, 6)
    other.loss_and_gradient(x, y)
    assert np.array_equal(space.gradient, other.gradient)


@gated_cell
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_saturated_gates_are_finite_and_warn_of_nothing(cell, dtype):
    space, x, y = filled(cell, 2, 6, 4, 5, 20, 5, dtype)  # of more steps, rounding grows beyond every tolerance
    space.weights[:] = np.where(space.weights < 0, -50, 50)
    space.loss_and_gradient(x, y)
    assert np.isfinite(space.gradient).all() and all(np.isfinite(state).all() for state in space.states)
    if dtype == np.float64:
        compare(cell, space, x, y, 1e-9)


@gated_cell
@pytest.mark.parametrize("T, B", [(10, 1), (20, 8)])
def test_a_second_call_gives_the_same_bits_and_the_loss_alone_is_the_same(cell, T, B):
    space, x, y = filled(cell, 4, T, B, 6, 5, 6)
    first = space.loss_and_gradient(x, y), space.gradient.copy()
    space.loss_and_gradient(y, x)
    assert space.loss(x, y) == first[0]
    assert space.loss_and_gradient(x, y) == first[0]
    assert np.array_equal(space.gradient, first[1])


@gated_cell
def test_workspaces_of_two_sizes_share_weights_and_gradient(cell):
    space, x, y = filled(cell, 7, 8, 3, 5, 4, 5)
    kind = workspace_of(cell.Params)
    smaller = kind(5, 4, 2, 3, weights=space.weights, gradient=space.gradient)
    for mine, other in zip(smaller.states, space.states, strict=True):
        mine[0] = other[0]
    compare(cell, smaller, x[:2], y[:2], 1e-12)
    assert smaller.gradient is space.gradient


@gated_cell
@pytest.mark.parametrize("T, B, V, H", [(40, 50, 60, 64), (200, 10, 40, 50)])
def test_a_further_call_takes_a_few_numbers_for_each_prediction_and_no_array_of_a_layer(cell, T, B, V, H):
    space, x, y = filled(cell, 8, T, B, V, H, V)
    space.loss_and_gradient(x, y)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        space.loss_and_gradient(x, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    allowed = 8 * (7 * T * B + 3 * 8192) + 16_000  # as for the vanilla network, and the views of the rows
    assert peak - before < allowed < 8 * T * B * min(V, H)


@gated_cell
def test_wrong_windows_and_sizes_are_named_before_anything_is_computed(cell):
    space, x, y = filled(cell, 9, 4, 2, 3, 2, 3)
    kept = [state.copy() for state in space.states], space.gradient.copy()
    for wrong, error in ((x.T, ValueError), (x.tolist(), ValueError), (x + 3, ValueError), (x + 0.5, TypeError)):
        with refuses(error, "x"):
            space.loss_and_gradient(wrong, y)
        with refuses(error, "y"):
            space.loss(x, wrong)
    with refuses(ValueError, "weights"):
        space.loss(x, y, np.zeros((4, 2)))
    assert all(np.array_equal(*pair) for pair in zip(space.states, kept[0], strict=True))
    assert np.array_equal(space.gradient, kept[1])
    for name, place in (("vocab_size", 0), ("hidden_size", 1), ("steps", 2), ("batch", 3)):
        sizes = [3, 3, 3, 3]
        for wrong, error in ((0, ValueError), (2.0, TypeError), (True, TypeError)):
            with refuses(error, name):
                type(space)(*sizes[:place], wrong, *sizes[place + 1 :])
    with refuses(ValueError, "vector"):
        type(space)(3, 2, 4, weights=np.zeros(20))


def test_each_cell_has_a_workspace_of_its_own():
    kinds = [workspace_of(cell.Params) for cell in CELLS.values()]
    assert [kind.kind for kind in kinds] == [cell.Params for cell in CELLS.values()]
    assert kinds[0] is Workspace and Workspace.kind is rnn.Params
