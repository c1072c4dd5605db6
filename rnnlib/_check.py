"""Checks of arguments, shared by every public function: each error names the argument, what came, what was expected."""

import numpy as np


def describe(value):
    """What came, in a few words: type and shape of an array, else the value itself."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and type {value.dtype}"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


def array(name, value):
    """Return `value` as an array. Raises ValueError for nested sequences of unequal lengths."""
    try:
        return np.asarray(value)
    except ValueError:
        raise ValueError(f"{name}: expected rows of equal length, got {describe(value)}") from None


def positive_int(name, value):
    """Return `value` as an int of at least 1.

    Raises TypeError when it is no whole number (a bool is none), ValueError when it is below 1.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name}: expected a whole number of at least 1, got {describe(value)}")
    if value < 1:
        raise ValueError(f"{name}: expected at least 1, got {value}")
    return int(value)


def whole(name, value, low, high):
    """Return `value` as an int from `low` to `high`.

    Raises TypeError when it is no whole number (a bool is none), ValueError when it is out of range.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name}: expected a whole number from {low} to {high}, got {describe(value)}")
    if not low <= value <= high:
        raise ValueError(f"{name}: expected a whole number from {low} to {high}, got {value}")
    return int(value)


def positive(name, value):
    """Return `value` as a float. Raises TypeError when it is no number, ValueError when not positive or not finite."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name}: expected a positive number, got {describe(value)}")
    if not 0 < value < np.inf:
        raise ValueError(f"{name}: expected a positive number, got {value}")
    return float(value)


def below_one(name: str, value: float) -> float:
    """Return `value` as a float of at least 0 and below 1, as a β is. Raises TypeError or ValueError otherwise."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value == 0:
        return 0.0
    if positive(name, value) >= 1:
        raise ValueError(f"{name}: expected at least 0 and below 1, got {value}")
    return float(value)


def generator(name, value):
    """Return `value` when it is a `numpy.random.Generator`, else raise TypeError."""
    if not isinstance(value, np.random.Generator):
        raise TypeError(
            f"{name}: expected a numpy.random.Generator such as np.random.default_rng(0), got {describe(value)}"
        )
    return value


def ids(name, value, size, shapes):
    """Return `value` as an array of ids from 0 to `size` - 1; `shapes` says in words which shapes are expected.

    Raises TypeError for anything but integers, ValueError for ids out of range.
    """
    given, value = value, array(name, value)
    if value.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integer ids of shape {shapes}, got {describe(given)}")
    if value.size and (value.min() < 0 or value.max() >= size):
        wrong = value[(value < 0) | (value >= size)][0]
        raise ValueError(f"{name}: expected ids from 0 to {size - 1}, got {wrong}")
    return value


def sequence(name, value, size, length=None):
    """Return `value` as ids below `size` of one sequence (T,), of that length where one is given.

    Raises as `ids` does, and ValueError for an empty sequence and another shape.
    """
    value = ids(name, value, size, f"({length or 'T'},)")
    if value.ndim != 1 or not value.size or length not in (None, len(value)):
        shape = f"({length},)" if length else "(T,), T at least 1"
        raise ValueError(f"{name}: expected one sequence, shape {shape}, got {value.shape}")
    return value


def numbers(name, value, shape=None):
    """Return `value` as an array of finite real or complex floats, of exactly `shape` where one is given.

    Raises TypeError when it holds no numbers, ValueError for another shape, NaN or infinity.
    """
    given, value = value, array(name, value)
    if value.dtype.kind not in "fciu":
        raise TypeError(f"{name}: expected an array of numbers, got {describe(given)}")
    if shape is not None and value.shape != shape:
        raise ValueError(f"{name}: expected shape {shape}, got {value.shape}")
    if not np.isfinite(value).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(value))[0])
        raise ValueError(f"{name}: expected finite numbers, got {value[where]} at index {where}")
    return value


def one_of(name, value, choices):
    """Return `value` when it is one of `choices`, else raise ValueError."""
    if not (isinstance(value, str) and value in choices):
        raise ValueError(f"{name}: expected one of {', '.join(map(repr, choices))}, got {describe(value)}")
    return value
