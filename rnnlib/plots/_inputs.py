"""Checks of the arguments of the figures, in addition to those that all of rnnlib shares."""

import numpy as np

from .. import _check


def instance(name, value, kind, expected=""):
    """Return `value` when it is a `kind`, else raise TypeError; `expected` replaces "a <name of the kind>"."""
    if not isinstance(value, kind):
        raise TypeError(f"{name}: expected {expected or f'a {kind.__name__}'}, got {_check.describe(value)}")
    return value


def real(name, value, shape=None):
    """Return `value` as an array of float64s. Raises as `_check.numbers` does, and TypeError for complex numbers."""
    value = _check.numbers(name, value, shape)
    if value.dtype.kind == "c":
        raise TypeError(f"{name}: expected real numbers, got {_check.describe(value)}")
    return value.astype(np.float64)


def not_negative(name, value):
    """Return the array `value` when no number in it is below zero, else raise ValueError."""
    if value.min() < 0:
        where = tuple(int(i) for i in np.argwhere(value < 0)[0])
        raise ValueError(f"{name}: expected no negative numbers, got {value[where]} at index {where}")
    return value
