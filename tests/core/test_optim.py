"""Each optimiser against its formula in plain Python floats, and against PyTorch 2.13; clipping; schedules.

`PYTORCH` is what this script prints, with W and GRADIENTS as below:

    import torch

    kinds = {"SGD": {}, "SGD with momentum": {"momentum": 0.9}, "Adagrad": {"eps": 1e-10},
             "RMSprop": {"alpha": 0.99, "eps": 1e-8}, "Adam": {"betas": (0.9, 0.999), "eps": 1e-8}}
    for name, options in kinds.items():
        w = torch.tensor(W, dtype=torch.float64, requires_grad=True)
        optimizer = getattr(torch.optim, name.split()[0])([w], lr=0.1, **options)
        for g in GRADIENTS:
            w.grad = torch.tensor(g, dtype=torch.float64)
            optimizer.step()
        print(name, w.tolist())
"""

import math

import numpy as np
import pytest
from models import refuses

from rnnlib import Params, _flat, backward, forward, init_params
from rnnlib.optim import (
    SGD,
    Adagrad,
    Adam,
    Constant,
    Cosine,
    HalveOnRise,
    Momentum,
    RMSprop,
    clip_by_norm,
    clip_by_value,
    flatten,
    norm,
    unflatten,
    views,
)

W = [1.0, -0.5, 0.25]
GRADIENTS = [[0.5, -2.0, 0.0], [-1.5, 0.25, 1e-3], [3.0, -2.0, -1e-3], [0.125, 4.0, 0.5]]
PYTORCH = {
    SGD: [0.7874999999999999, -0.525, 0.2],
    Momentum: [0.6520499999999999, 0.10005000000000004, 0.199919],
    Adagrad: [0.9027196087854116, -0.423510951588094, 0.12071108313625399],
    RMSprop: [0.02638272209069252, 0.26508048391252614, -1.041064912509884],
    Adam: [0.8768690463030059, -0.27752151456595775, 0.12200339686247078],
}
KINDS = list(PYTORCH)


def walk(optimizer, gradients, rates, dtype=np.float64):
    """The weights after each step, from W."""
    w, out = np.array(W, dtype), np.empty(3, dtype)
    slots, path = [np.zeros(3, dtype) for _ in optimizer.slots], []
    for t, (g, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        optimizer.step(np.array(g, dtype), slots, rate, t, out)
        w = w - out
        path.append(w)
    return np.array(path)


def by_hand(kind, gradients, rates):
    """The same by the formulas of the papers, one float at a time, every mean corrected where it stands."""
    path = []
    for i, w in enumerate(W):
        v = G = r = m = s = 0.0
        column = []
        for t, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), 1):
            g = gradient[i]
            if kind is SGD:
                w = w - rate * g
            elif kind is Momentum:
                v = 0.8 * v + g
                w = w - rate * v
            elif kind is Adagrad:
                G = G + g**2
                w = w - rate * g / (math.sqrt(G) + 1e-4)
            elif kind is RMSprop:
                r = 0.7 * r + 0.3 * g**2
                w = w - rate * g / (math.sqrt(r) + 1e-4)
            else:
                m = 0.8 * m + 0.2 * g
                s = 0.7 * s + 0.3 * g**2
                w = w - rate * (m / (1 - 0.8**t)) / (math.sqrt(s / (1 - 0.7**t)) + 1e-4)
            column.append(w)
        path.append(column)
    return np.array(path).T


UNUSUAL = [SGD(), Momentum(0.8), Adagrad(1e-4), RMSprop(0.7, 1e-4), Adam(0.8, 0.7, 1e-4)]


@pytest.mark.parametrize("optimizer", UNUSUAL, ids=repr)
def test_every_step_is_the_formula_also_when_the_rate_changes(optimizer):
    rates = [0.1, 0.1, 0.05, 0.3]
    expected = by_hand(type(optimizer), GRADIENTS, rates)
    np.testing.assert_allclose(walk(optimizer, GRADIENTS, rates), expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("kind", KINDS)
def test_the_defaults_step_as_pytorch_does(kind):
    np.testing.assert_allclose(walk(kind(), GRADIENTS, [0.1] * 4)[-1], PYTORCH[kind], rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("kind", KINDS)
def test_float32_stays_float32_and_near(kind):
    path = walk(kind(), GRADIENTS, [0.1] * 4, np.float32)
    assert path.dtype == np.float32
    np.testing.assert_allclose(path[-1], PYTORCH[kind], rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_gradient_of_zeros_moves_nothing(kind):
    assert np.array_equal(walk(kind(), [[0.0] * 3] * 3, [0.1] * 3), [W] * 3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_leaves_the_gradient_as_it_was(kind):
    optimizer, g, out = kind(), np.array([1.0, -2.0, 3.0]), np.empty(3)
    optimizer.step(g, [np.zeros(3) for _ in optimizer.slots], 0.1, 1, out)
    assert g.tolist() == [1.0, -2.0, 3.0]


def test_no_two_kinds_remember_under_the_same_names():
    assert len({kind.slots for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize(
    "make, name",
    [
        (lambda value: Momentum(beta=value), "beta"),
        (lambda value: RMSprop(beta=value), "beta"),
        (lambda value: Adam(beta1=value), "beta1"),
        (lambda value: Adam(beta2=value), "beta2"),
    ],
)
def test_a_beta_is_at_least_zero_and_below_one(make, name):
    for good in (0, 0.0, 0.5, np.float64(0.999)):
        make(good)
    for wrong in (1, 1.0, -0.1, math.nan, math.inf):
        with refuses(ValueError, name, str(wrong)):
            make(wrong)
    for wrong in ("0.9", None, True, False, [0.9]):
        with refuses(TypeError, name):
            make(wrong)


@pytest.mark.parametrize(
    "make, name",
    [(kind, "epsilon") for kind in (Adagrad, RMSprop, Adam)] + [(kind, "rate") for kind in (Constant, HalveOnRise)],
)
def test_an_epsilon_and_a_rate_are_positive_numbers(make, name):
    for wrong in (0, -1e-8, math.nan, math.inf, -math.inf):
        with refuses(ValueError, name, str(wrong)):
            make(**{name: wrong})
    for wrong in ("1", None, True):
        with refuses(TypeError, name):
            make(**{name: wrong})


def test_cosine_wants_a_rate_and_a_whole_number_of_updates():
    for rate, updates, name, error in (
        (math.nan, 5, "rate", ValueError),
        (0.1, 0, "updates", ValueError),
        (0.1, 2.5, "updates", TypeError),
    ):
        with refuses(error, name):
            Cosine(rate, updates)


def test_norm_is_the_length_also_where_the_squares_are_too_large():
    assert norm(np.array([3.0, -4.0])) == 5
    assert norm(np.zeros(3)) == norm(np.zeros(0)) == 0
    assert norm(np.array([3e200, -4e200])) == pytest.approx(5e200, rel=1e-15)
    assert norm(np.array([3e30, -4e30], np.float32)) == pytest.approx(5e30, rel=1e-6)
    assert norm(np.array([1.0, math.inf])) == math.inf
    assert math.isnan(norm(np.array([1.0, math.nan])))


def test_clip_by_norm_shortens_what_is_longer_in_place_and_keeps_the_direction():
    g = np.array([3.0, -4.0])
    assert clip_by_norm(g, 5) == 5 and g.tolist() == [3, -4]
    assert clip_by_norm(g, 2.5) == 5
    np.testing.assert_allclose(g, [1.5, -2.0], rtol=1e-15)
    huge = np.array([3e200, -4e200])
    assert clip_by_norm(huge, 1) == pytest.approx(5e200)
    np.testing.assert_allclose(huge, [0.6, -0.8], rtol=1e-15)


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_clip_by_norm_leaves_what_is_not_finite_and_tells(value):
    g = np.array([1.0, value])
    assert not math.isfinite(clip_by_norm(g, 1))
    np.testing.assert_array_equal(g, [1.0, value])


def test_clip_by_value_brings_each_number_into_the_bounds():
    g = np.array([3.0, -4.0, 0.5, math.inf, -2.0, math.nan])
    clip_by_value(g, 2)
    np.testing.assert_array_equal(g, [2, -2, 0.5, 2, -2, math.nan])


@pytest.mark.parametrize("clip", [clip_by_norm, clip_by_value])
def test_a_bound_is_a_positive_number(clip):
    for wrong, error in (
        (0, ValueError),
        (-1, ValueError),
        (math.nan, ValueError),
        ("1", TypeError),
        (None, TypeError),
    ):
        with refuses(error, "bound"):
            clip(np.ones(2), wrong)


@pytest.mark.parametrize("clip", [clip_by_norm, clip_by_value])
def test_a_gradient_is_a_vector_of_real_floats_that_can_be_summed(clip):
    for wrong, error in (
        (np.ones(2, np.float16), TypeError),
        (np.ones(2, int), TypeError),
        (np.ones(2, complex), TypeError),
        ([1.0, 2.0], TypeError),
        (np.ones((2, 2)), ValueError),
    ):
        with refuses(error, "g"):
            clip(wrong, 1)


def test_the_slots_of_squares_are_those_that_a_negative_gradient_makes_positive():
    for kind in KINDS:
        slots = [np.zeros(3) for _ in kind.slots]
        kind().step(-np.ones(3), slots, 0.1, 1, np.empty(3))
        positive = [name for name, slot in zip(kind.slots, slots, strict=True) if (slot > 0).all()]
        assert positive == list(getattr(kind, "squares", ()))


def test_constant_is_constant():
    assert {Constant(0.1)(t, losses) for t in (0, 7) for losses in ([], [1.0, math.nan])} == {0.1}


def test_cosine_falls_from_the_rate_over_its_half_to_zero_and_stays_there():
    schedule = Cosine(0.2, 100)
    rates = [schedule(t, []) for t in range(101)]
    assert rates[0] == 0.2 and rates[50] == pytest.approx(0.1, rel=1e-15) and rates[100] == schedule(250, []) == 0
    assert rates[25] == pytest.approx(0.1 * (1 + math.sqrt(0.5)), rel=1e-15)
    assert np.all(np.diff(rates) < 0)


@pytest.mark.parametrize(
    "evaluations, halvings",
    [
        ([], 0),
        ([3.0], 0),
        ([3.0, 2.0, 2.0, 1.0], 0),
        ([3.0, 3.1], 1),
        ([3.0, 3.1, 3.05, 3.06], 2),
        ([math.nan], 1),
        ([math.inf], 1),
        ([3.0, math.nan, 2.0], 1),
        ([3.0, math.nan, 3.5], 2),
        ([3.0, -math.inf, 2.0], 1),
        ([math.nan, math.inf, 5.0, 6.0], 3),
    ],
)
def test_halve_on_rise_halves_for_each_rise_and_each_evaluation_that_is_not_finite(evaluations, halvings):
    assert HalveOnRise(0.8)(99, evaluations) == 0.8 / 2**halvings


def test_halve_on_rise_never_overflows():
    assert HalveOnRise(0.8)(0, [math.nan] * 3000) == 0


def test_views_write_through_in_both_directions():
    V, H = 3, 2
    vector = np.arange(21.0)
    params = views(vector, V, H)
    assert isinstance(params, Params)
    assert [array.shape for array in params] == [(3, 2), (2, 2), (2, 3), (2,), (3,)]
    assert np.concatenate([array.ravel() for array in params]).tolist() == list(range(21))
    params.Why[1, 2] = -1
    vector[20] = -2
    assert vector[15] == -1 and params.by[2] == -2


def test_views_refuse_what_would_be_a_copy():
    with refuses(TypeError, "vector", "list"):
        views([0.0] * 21, 3, 2)
    for wrong in (np.zeros(20), np.zeros((1, 21)), np.zeros(42)[::2]):
        with refuses(ValueError, "vector", str(wrong.shape)):
            views(wrong, 3, 2)
    with refuses(ValueError, "hidden_size"):
        views(np.zeros(21), 3, 0)


def test_flatten_and_unflatten_are_inverse_and_in_the_order_of_the_parameters():
    vector = np.arange(21.0)
    params = unflatten(vector, 3, 2)
    assert flatten(params).tolist() == vector.tolist() and not np.shares_memory(flatten(params), vector)
    assert views is unflatten


def test_the_shapes_written_down_once_are_those_of_a_network():
    params = init_params(3, 2, rng=np.random.default_rng(0))
    assert _flat.shapes(3, 2) == {name: array.shape for name, array in params._asdict().items()}
    assert _flat.size(3, 2) == sum(array.size for array in params) == 21


@pytest.mark.parametrize("clip", [clip_by_norm, clip_by_value])
def test_what_clipping_could_not_write_to_or_would_read_through_a_mask_is_refused(clip):
    g = np.array([3.0, 4.0])
    with refuses(TypeError, "g", "array", expected="without a mask"):
        clip(np.ma.array(g, mask=[0, 1]), 1)
    g.setflags(write=False)
    with refuses(ValueError, "g", "read-only", expected="written to"):
        clip(g, 1)


@pytest.mark.parametrize("given", [3, np.zeros(3), "ab", None])
def test_what_is_no_list_of_arrays_is_not_flattened(given):
    with refuses(TypeError, "params[0]" if isinstance(given, str) else "params"):
        flatten(given)


def test_gradients_of_more_than_the_parameters_are_not_flattened_as_a_whole():
    """With the errors of all steps among them, the norm would be that of another vector."""
    params = init_params(3, 2, rng=np.random.default_rng(0))
    grads = backward(params, forward(params, [0, 1]), [1, 2])
    with refuses(TypeError, "params", "Grads"):
        flatten(grads)
    assert flatten(grads[:5]).shape == flatten(params).shape
    with refuses(TypeError, "params.by", "list"):
        flatten(params._replace(by=[0.0] * 3))
    with refuses(ValueError, "params", "none"):
        flatten([])
