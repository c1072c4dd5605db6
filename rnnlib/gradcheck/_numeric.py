"""Derivatives of the loss without any formula for them: complex steps and central differences, entry by entry."""

from __future__ import annotations  # naming `np.random` would import it, which takes a while

import warnings
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .. import _check
from ..loss import cross_entropy
from ..rnn import Params

NAMES = (*Params._fields, "h0")
TOLERANCES = {"complex": 1e-9, "central": 1e-5}
SHARE = 1e-3  # of the largest gradient: errors in an array of smaller ones are relative to this


class Loss(NamedTuple):
    """L = cross_entropy(forward(params, x, h0).o, y, reduction, weights), as a function of any entry of the arrays."""

    kind: Any  # the type of the parameters
    arrays: dict[str, np.ndarray]  # name -> values of the parameters, then of h0, and c0 of an LSTM
    x: np.ndarray
    y: np.ndarray
    reduction: str
    weights: np.ndarray | None
    forward: Callable[..., Any]

    def __call__(self, name: str, index: tuple[int, ...], number: complex) -> Any:
        """L with `number` in place of one entry; complex where the number is."""
        changed = self.arrays[name].astype(type(number))
        changed[index] = number
        params, states = self.split({**self.arrays, name: changed})
        return cross_entropy(self.forward(params, self.x, *states).o, self.y, self.reduction, self.weights)

    def split(self, arrays: dict[str, np.ndarray]) -> tuple[Any, list[np.ndarray]]:
        """The parameters, and the states before the first step."""
        values, count = list(arrays.values()), len(self.kind._fields)
        return self.kind(*values[:count]), values[count:]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.arrays)


def derivative(loss: Loss, name: str, index: tuple[int, ...], method: str, step: float | None, times: int = 1) -> float:
    """The derivative of L with respect to one entry. step: s, the usual one if None; it is multiplied by `times`."""
    return _DERIVATIVES[method](partial(loss, name, index), float(loss.arrays[name][index]), step, times)


def gradient(
    loss: Loss,
    name: str,
    method: str,
    step: float | None,
    entries: Iterable[tuple[int, ...]],
    advance: Callable[[], None] = lambda: None,
) -> np.ndarray:
    """The derivatives of L with respect to these entries of one array, in its shape; NaN at all others.

    advance: called after each entry.
    """
    result = np.full(loss.arrays[name].shape, np.nan)
    for index in entries:
        result[index] = derivative(loss, name, index, method, step)
        advance()
    return result


def check_step(step: float, method: str, tolerance: float) -> float:
    """Return `step` as a float. Raises TypeError or ValueError where a right gradient would be called wrong with it.

    The error of either method is about s²; a complex step near the smallest numbers loses its digits.
    """
    step = _check.positive("step", step)
    low, high = (1e-300, np.sqrt(tolerance) / 10) if method == "complex" else (0, 0.1)
    if not low <= step <= high:
        given = f"with the method {method!r} and the tolerance {tolerance:.3g}"
        raise ValueError(f"step: expected a number from {low:.3g} to {high:.3g} {given}, got {step:.6g}")
    return step


def entries_of(shape: tuple[int, ...], sample: int | None, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """All indices of an array, or `sample` different ones at random where it has more."""
    size = int(np.prod(shape))
    if sample is None or sample >= size:
        return list(np.ndindex(*shape))
    chosen = rng.choice(size, sample, replace=False)
    return [tuple(map(int, index)) for index in np.transpose(np.unravel_index(np.sort(chosen), shape))]


def _complex_step(loss, p, step, times):
    s = times * (step or 1e-30)
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        try:
            moved = loss(complex(p, s))
        except (TypeError, np.exceptions.ComplexWarning) as error:
            raise TypeError(f"forward: expected it to keep complex numbers, got {error}; or use 'central'") from error
    if not np.iscomplexobj(moved):
        raise TypeError("forward: expected complex logits of complex parameters, got real ones; or use 'central'")
    return moved.imag / s


def _central_difference(loss, p, step, times):
    s = times * (step or np.cbrt(np.finfo(np.float64).eps) * max(1, abs(p)))
    above, below = p + s, p - s  # rounded: their distance is not quite 2s
    if p in (above, below):
        raise ValueError(f"step: expected one large enough to change a parameter of {p:.6g}, got {s:.6g}")
    return (loss(above) - loss(below)) / (above - below)


_DERIVATIVES = {"complex": _complex_step, "central": _central_difference}


def error_scales(expected: dict[str, np.ndarray], weight: float) -> dict[str, float]:
    """name -> the number that errors in this gradient are relative to; `weight` is the largest of a prediction in L."""
    largest = {name: float(np.nanmax(np.abs(array))) for name, array in expected.items()}
    least = SHARE * max(weight, *largest.values())
    return {name: max(size, least) for name, size in largest.items()}


def relative_errors(given: np.ndarray, expected: np.ndarray, scale: float) -> np.ndarray:
    """|given - expected| / scale; NaN at entries that were not checked.

    Infinite where `given` is not finite; everywhere if its shape or type is wrong.
    """
    if given.shape != expected.shape or given.dtype.kind not in "fiu":
        return np.full(expected.shape, np.inf)
    with np.errstate(all="ignore"):
        errors = np.abs(given - expected) / scale
    return np.where(np.isfinite(given), errors, np.inf)


def doubts(loss: Loss, name: str, expected: np.ndarray, suspect: np.ndarray, step: float | None) -> np.ndarray:
    """|change of a central difference when its step is doubled| at the suspect entries, zero elsewhere."""
    result = np.zeros(expected.shape)
    for index in map(tuple, np.argwhere(suspect)):
        result[index] = abs(derivative(loss, name, index, "central", step, times=2) - expected[index])
    return result
