"""Random models for the tests of the core, and the one way they expect an argument to be refused."""

import re
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import strategies as st

from rnnlib import Params

STEP = 1e-30
"""Size of a complex step: its square vanishes beside 1, so the derivative carries no error of the step, only rounding.

Unlike 1e-200 it keeps gradients down to 1e-270 out of the subnormal numbers.
"""


class Case(NamedTuple):
    """All that a loss depends on."""

    params: Params
    x: np.ndarray
    y: np.ndarray
    h0: np.ndarray
    reduction: str
    weights: np.ndarray | None = None  # of the losses; None where all count once


def make_case(seed, *, T, B, V, H, D=None, features=False, reduction="mean", scale=1.0):
    """A model with every number non-zero, biases and h0 included; `B` None is one sequence without a batch axis."""
    D = D or V
    rng = np.random.default_rng(seed)
    batch = () if B is None else (B,)

    def normal(*shape):
        return rng.normal(size=shape)

    params = Params(
        Wxh=scale * normal(D, H),
        Whh=scale * normal(H, H) / np.sqrt(H),
        Why=scale * normal(H, V),
        bh=0.5 * normal(H),
        by=0.5 * normal(V),
    )
    x = normal(T, *batch, D) if features else rng.integers(D, size=(T, *batch))
    return Case(params, x, rng.integers(V, size=(T, *batch)), 0.5 * normal(*batch, H), reduction)


def cases(max_steps=12):
    """Models of every kind the contract allows: one sequence or a batch, ids or features, both reductions."""
    return st.builds(
        make_case,
        st.integers(0, 2**32 - 1),
        T=st.integers(1, max_steps),
        B=st.none() | st.integers(1, 4),
        V=st.integers(1, 5),
        H=st.integers(1, 5),
        features=st.booleans(),
        reduction=st.sampled_from(["sum", "mean"]),
        scale=st.sampled_from([0.1, 0.5, 1.0]),
    )


def weighted_cases(max_steps=8):
    """Models whose losses have weights, about a third of them 0, and whose inputs have a size D of their own."""

    def with_weights(case, seed):
        rng = np.random.default_rng(seed)
        weights = rng.choice([0, 1, 2.5], size=case.y.shape) * rng.uniform(0.5, 1, case.y.shape)
        weights.flat[rng.integers(weights.size)] = 1.0  # a mean needs a weight that is not 0
        return case._replace(weights=weights)

    sizes = {name: st.integers(1, 5) for name in "VHD"}
    kinds = {"features": st.booleans(), "reduction": st.sampled_from(["sum", "mean"])}
    seeds = st.integers(0, 2**32 - 1)
    models = st.builds(
        make_case,
        seeds,
        T=st.integers(1, max_steps),
        B=st.none() | st.integers(1, 4),
        scale=st.just(0.5),
        **sizes,
        **kinds,
    )
    return st.builds(with_weights, models, seeds)


def case_of(seed, **sizes):
    """One sequence; what is not given follows from the seed."""
    rng = np.random.default_rng(seed)
    drawn = {"T": int(rng.integers(1, 25)), "V": int(rng.integers(2, 8)), "H": int(rng.integers(2, 8))}
    drawn["scale"] = float(rng.choice([0.1, 0.5, 1.0]))
    return make_case(seed, B=None, reduction=("sum", "mean")[seed % 2], **(drawn | sizes))


def worst(given, expected):
    """The largest difference relative to the largest entry of its array; an array of zeros is to be met exactly."""
    errors = []
    for name, one in given._asdict().items():
        other = getattr(expected, name)
        if one is not None:
            assert one.shape == other.shape and one.dtype == other.dtype
            errors.append(np.abs(one - other).max() / (np.abs(other).max() or 1))
    return max(errors)


def assert_close(actual, expected, tolerance, scale=None):
    """Assert the same shape, and every difference within `tolerance` times `scale`.

    The scale is the largest magnitude in `expected` unless given: an entry that nearly cancels out is
    known no better than the terms it is a sum of.
    """
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    if scale is None:
        scale = np.abs(expected).max()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * scale)


@contextmanager
def refuses(error, argument, *got, expected=""):
    """The block raises `error`, whose message is `argument: expected …, got …` with every one of `got` after "got"."""
    with pytest.raises(error) as caught:
        yield
    message = re.fullmatch(r"([\w.\[\]]+): expected (.*)[, ]+got (.*)", str(caught.value), flags=re.DOTALL)
    assert message, f"not of the form 'argument: expected …, got …': {caught.value}"
    assert message[1] == argument
    assert expected in message[2]
    for words in got:
        assert words in message[3]
