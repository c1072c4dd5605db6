"""The pass backward that is judged: how it is called, and which gradients it returned."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from itertools import permutations
from typing import Any

import numpy as np

from .. import _check


def call(backward: Callable[..., Any], params: Any, trace: Any, y: np.ndarray, **options: Any) -> Any:
    """What backward(params, trace, y, ...) returns, with those of the options that it takes.

    One that takes no `reduction` has a reduction of its own, so it is called without. Weights must be taken.
    """
    try:
        signature = inspect.signature(backward)
    except (TypeError, ValueError):  # some built-in functions have none
        return backward(params, trace, y, **options)
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    takes_all = inspect.Parameter.VAR_KEYWORD in kinds
    positional = [p.name for p in signature.parameters.values() if p.kind is inspect.Parameter.POSITIONAL_ONLY]
    taken = {
        name: value
        for name, value in options.items()
        if takes_all or (name in signature.parameters and name not in positional)
    }
    if "weights" in options and "weights" not in taken:
        raise TypeError(f"backward: expected it to take weights=, as weights are given, got one that takes {signature}")
    try:
        signature.bind(params, trace, y, **taken)
    except TypeError:
        expected = "a function of (params, trace, y), and of reduction= if it has the choice"
        raise TypeError(f"backward: expected {expected}, got one that takes {signature}") from None
    return backward(params, trace, y, **taken)


def check_forward(forward: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    """Raise TypeError unless forward can be called with so many arguments, as far as its signature is known."""
    try:
        signature = inspect.signature(forward)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*arguments)
    except TypeError:
        expected = f"a function of ({', '.join(arguments)})"
        raise TypeError(f"forward: expected {expected}, got one that takes {signature}") from None


def gradients_of(result: Any, shapes: Mapping[str, tuple[int, ...]], of_steps: Iterable[str]) -> dict[str, np.ndarray]:
    """name -> gradient, in the order of `shapes`, of what `backward` returned.

    shapes: those of the parameters, then of the states before the first step. of_steps: names of what a dict may hold
    for each step, such as da. An object with attributes, a dict, or a tuple in the order of the parameters, with or
    without the states after them. A name may have a d in front. Raises TypeError for a name that is there twice, a key
    that names no gradient, and a tuple of the wrong length or in the wrong order.
    """
    if isinstance(result, Mapping):
        known = {*shapes, *(f"d{name}" for name in shapes), *of_steps}
        unknown = [key for key in result if key not in known]
        if unknown:
            keys = ", ".join(f"d{name}" for name in shapes)
            raise TypeError(f"backward: expected a dict with keys of {keys}, with or without d, got {unknown[0]!r}")
        found = _by_name(result.get, shapes)
    elif type(result) in (tuple, list):
        found = _in_order(result, shapes)
    else:
        found = _by_name(lambda name: getattr(result, name, None), shapes)
    if not found:
        wanted = f"an object, a dict or a tuple with some of {', '.join(shapes)}"
        raise TypeError(f"backward: expected it to return {wanted}, got {_check.describe(result)}")
    return found


def steps_of(result: Any, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """do, dh, da, and dc of an LSTM, of what `backward` returned: those that it has, and that have the right shape."""
    get = result.get if isinstance(result, Mapping) else lambda name: getattr(result, name, None)
    arrays = {name: as_array(get(name)) for name in shapes if get(name) is not None}
    return {name: a for name, a in arrays.items() if a.shape == shapes[name] and a.dtype.kind in "fiu"}


def as_array(value: Any) -> np.ndarray:
    """`value` as an array, whatever it is."""
    try:
        return np.asarray(value)
    except ValueError:  # rows of unequal length
        return np.array(None)


def _by_name(get, names):
    found = {}
    for name in names:
        plain, with_d = get(name), get(f"d{name}")
        if plain is not None and with_d is not None:
            raise TypeError(f"backward: expected one gradient of {name}, got both {name} and d{name}")
        value = with_d if plain is None else plain
        if value is not None:
            found[name] = as_array(value)
    return found


def _in_order(result, shapes):
    names = list(shapes)
    parameters = names[: names.index("h0")]
    order = f"({', '.join(parameters)})"
    if len(result) not in (len(parameters), len(names)):
        expected = f"a tuple {order}, or that and {' and '.join(names[len(parameters) :])}"
        raise TypeError(f"backward: expected {expected}, got {len(result)} values; a dict can have any of them")
    found = {name: as_array(value) for name, value in zip(names, result, strict=False) if value is not None}
    given = [array.shape for array in found.values()]
    wanted = [shapes[name] for name in found]
    if given != wanted and sorted(given) == sorted(wanted) and _another_order(found, shapes):
        raise TypeError(f"backward: expected the order {order} in a tuple, got shapes {', '.join(map(str, given))}")
    return found


def _another_order(found, shapes):
    """Whether the same arrays would all fit in a different order."""
    given = [array.shape for array in found.values()]
    return any(given == [shapes[name] for name in order] for order in permutations(found))
