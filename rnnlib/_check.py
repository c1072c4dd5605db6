"""Checks of arguments, shared by every public function: each error names the argument, what came, what was expected."""

import numpy as np
import numpy.typing as npt


def describe(value):
    """What came, in a few words: type and shape of an array, else the value itself."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and type {value.dtype}"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


def array(name, value):
    """Return `value` as an array.

    Raises ValueError for nested sequences of unequal lengths and for masked values, those in a list of arrays too;
    TypeError for a named tuple, such as a `Trace` in place of one of its arrays, and for float16, whose 11 bits lose
    the small terms of a sum over many steps.
    """
    if type(value) is not np.ndarray:
        _refuse_several_and_masked(name, value)
        try:
            value = np.asarray(value)
        except ValueError:
            raise ValueError(f"{name}: expected rows of equal length, got {describe(value)}") from None
    if value.dtype == np.float16:
        raise TypeError(f"{name}: expected float32 or float64, got {describe(value)}; .astype(np.float32) converts it")
    return value


def _refuse_several_and_masked(name, value):
    """Raise TypeError for a named tuple, ValueError for masked values, also those of the arrays in a list."""
    if hasattr(type(value), "_fields"):
        fields = ", ".join(type(value)._fields)
        raise TypeError(f"{name}: expected one array, got a {type(value).__name__}, which has several: {fields}")
    for part in value if isinstance(value, (list, tuple)) else (value,):
        if isinstance(part, np.ma.MaskedArray) and (masked := int(np.ma.getmaskarray(part).sum())):
            hint = "a prediction that does not count has weight 0, for example weights=~y.mask with y.filled(0)"
            raise ValueError(
                f"{name}: expected an array without masked values, got {masked} of {part.size} masked"
                f"{'; ' + hint if name in ('x', 'y', 'ids', 'weights') else ''}"
            )


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


def finite(name, value):
    """Return `value` as a float. Raises TypeError when it is no number, ValueError when it is not finite."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name}: expected a finite number, got {describe(value)}")
    if not -np.inf < value < np.inf:
        raise ValueError(f"{name}: expected a finite number, got {value}")
    return float(value)


def learning_rate(name, value):
    """Return what a schedule gave as a float of at least 0. Raises TypeError or ValueError for anything else."""
    expected = "a schedule that gives a finite number of at least 0"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name}: expected {expected}, got {describe(value)}")
    if not 0 <= value < np.inf:
        raise ValueError(f"{name}: expected {expected}, got {value}")
    return float(value)


def real(name: str, value: float) -> float:
    """Return `value` as a float, NaN and infinity too. Raises TypeError when it is no number (a bool is none)."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name}: expected a number, got {describe(value)}")
    return float(value)


def below_one(name: str, value: float) -> float:
    """Return `value` as a float of at least 0 and below 1, as a β is. Raises TypeError or ValueError otherwise."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name}: expected a number of at least 0 and below 1, got {describe(value)}")
    if not 0 <= value < 1:
        raise ValueError(f"{name}: expected at least 0 and below 1, got {value}")
    return float(value)


def flag(name: str, value: object) -> bool:
    """Return `value` as a bool. Raises TypeError for anything else: the string "False" would count as true."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}: expected True or False, got {describe(value)}")
    return bool(value)


def floating(name: str, dtype: npt.DTypeLike, kinds: str = "f") -> np.dtype:
    """Return `dtype` as a type of float32 or wider; with the kinds "fc" also a complex one. Else raises TypeError."""
    try:
        known = np.dtype(dtype)
    except TypeError:
        known = None
    if known is None or known.kind not in kinds or known == np.float16:
        real = "" if "c" in kinds else "real "
        raise TypeError(f"{name}: expected a {real}floating type, float32 or wider, got {describe(dtype)}")
    return known


def cast(name: str, array: np.ndarray, dtype: npt.DTypeLike) -> np.ndarray:
    """Return finite numbers in another type. Raises ValueError for one that is too large for it."""
    if array.dtype == dtype:
        return array
    with np.errstate(over="ignore"):
        result = array.astype(dtype, copy=False)
    if not np.can_cast(array.dtype, result.dtype) and not np.isfinite(result).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(result))[0])
        at = f" at index {where}" if where else ""
        raise ValueError(f"{name}: expected numbers that fit into {result.dtype}, got {array[where]}{at}")
    return result


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
    not_text(name, value)
    given, value = value, array(name, value)
    if value.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integer ids of shape {shapes}, got {describe(given)}")
    if value.size and (value.min() < 0 or value.max() >= size):
        wrong = value[(value < 0) | (value >= size)][0]
        hint = "; a prediction that does not count has a valid id and weight 0" if wrong < 0 and name == "y" else ""
        raise ValueError(f"{name}: expected ids from 0 to {size - 1}, got {wrong}{hint}")
    return value


def not_text(name, value):
    """Raise TypeError for a string where its ids belong, also for a list or an array of strings."""
    kinds = {type(part) for part in value} if isinstance(value, (list, tuple)) else {type(value)}
    if str in kinds or (isinstance(value, np.ndarray) and value.dtype.kind == "U"):
        raise TypeError(f"{name}: expected ids, which vocab.encode(text) gives, got the text itself, {describe(value)}")


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


def weights(name, value, shape, reduction):
    """Return the factors of losses with weights `value`: the weights themselves, or for a mean divided by their sum.

    The weights are at least 0 and of exactly `shape`; booleans count as 0 and 1.

    Raises TypeError when it holds no real numbers; ValueError for another shape, a negative weight, NaN or infinity,
    and where a mean would divide by a sum of zero.
    """
    given, value = value, array(name, value)
    if value.dtype.kind not in "bfiu":
        raise TypeError(f"{name}: expected real weights of shape {shape}, got {describe(given)}")
    if value.shape != shape:
        raise ValueError(f"{name}: expected one weight for each prediction, shape {shape}, got {value.shape}")
    value = numbers(name, value if value.dtype.kind == "f" else value.astype(np.float64))
    if value.min() < 0:
        where = tuple(int(i) for i in np.argwhere(value < 0)[0])
        raise ValueError(f"{name}: expected weights of at least 0, got {value[where]} at index {where}")
    if reduction == "sum":
        return value
    with np.errstate(over="ignore"):
        total = value.sum()
    if not 0 < total < np.inf:
        raise ValueError(f"{name}: expected a positive, finite sum, by which the mean divides, got {total}")
    return value / total


def pairs(names, x, y):
    """Raise ValueError unless x and y hold equally many sequences, at least one: one of each makes a pair.

    Lists, tuples and arrays can be read more than once; a generator would be empty the second time.
    """
    if not all(isinstance(each, (list, tuple, np.ndarray)) for each in (x, y)) or not len(x) == len(y) > 0:
        raise ValueError(f"{names}: expected two lists of equal length, got {describe(x)}, {describe(y)}")


def one_of(name, value, choices):
    """Return `value` when it is one of `choices`, else raise ValueError."""
    if not (isinstance(value, str) and value in choices):
        raise ValueError(f"{name}: expected one of {', '.join(map(repr, choices))}, got {describe(value)}")
    return value
