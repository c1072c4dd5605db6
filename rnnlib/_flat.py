"""All parameters in one vector: their names, shapes, number, and the way into the vector and back.

    Wxh (D, H), Whh (H, H), Why (H, V), bh (H,), by (V,)    <->    a vector (n,), n = DH + H² + HV + H + V

D, the size of the inputs, is V unless given. A cell with gates has them side by side: (D, 4H), (H, 4H), (4H,) for an
LSTM. `kind` is the type of the parameters, such as `lstm.Params`; those of the vanilla network unless given.

The order is that of `Params`; each matrix is stored row by row.
"""

import math
from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np

from . import _check

Size = TypeVar("Size", int, str)


def columns(kind: Any, hidden_size: Size) -> Size:
    """How many columns Wxh and Whh have: H for each gate; `columns(lstm.Params, "H")` is "4H"."""
    gates = 1 if kind is None else kind.gates
    if isinstance(hidden_size, str):
        return hidden_size if gates == 1 else f"{gates}{hidden_size}"
    return gates * hidden_size


def shapes(
    vocab_size: Size, hidden_size: Size, input_size: Size | None = None, kind: Any = None
) -> dict[str, tuple[Size, ...]]:
    """name -> shape of each parameter, in the order of `Params`; `shapes("V", "H")` gives the letters of the shapes."""
    V, H, D = vocab_size, hidden_size, vocab_size if input_size is None else input_size
    G = columns(kind, H)
    known = {"Wxh": (D, G), "Whh": (H, G), "Why": (H, V), "bh": (G,), "bn": (H,), "by": (V,)}
    return {name: known[name] for name in (("Wxh", "Whh", "Why", "bh", "by") if kind is None else kind._fields)}


def size(vocab_size: int, hidden_size: int, input_size: int | None = None, kind: Any = None) -> int:
    """n, the number of all weights and biases together."""
    return sum(map(math.prod, shapes(vocab_size, hidden_size, input_size, kind).values()))


def flatten(params: Iterable[np.ndarray]) -> np.ndarray:
    """All numbers of the parameters in a new vector (n,)."""
    return np.concatenate([array.ravel() for array in params])


def unflatten(
    vector: np.ndarray, vocab_size: int, hidden_size: int, input_size: int | None = None, kind: Any = None
) -> dict[str, np.ndarray]:
    """name -> a view of the vector (n,) in the shape of the parameter: writing to one writes to the other.

    Raises TypeError for a vector that is not an array and sizes that are not whole numbers; ValueError for sizes below
    1, another shape, and a vector with gaps between its numbers, of which there is no view as a matrix.
    """
    V, H = _check.positive_int("vocab_size", vocab_size), _check.positive_int("hidden_size", hidden_size)
    D = V if input_size is None else _check.positive_int("input_size", input_size)
    count = size(V, H, D, kind)
    if not isinstance(vector, np.ndarray):
        raise TypeError(f"vector: expected an array of shape ({count},), got {_check.describe(vector)}")
    if vector.shape != (count,) or not vector.flags.c_contiguous:
        gaps = "" if vector.flags.c_contiguous else " with gaps"
        sizes = f"V = {V}, H = {H}" if input_size is None else f"V = {V}, H = {H}, D = {D}"
        expected = f"shape ({count},) without gaps for {sizes}"
        raise ValueError(f"vector: expected {expected}, got {vector.shape}{gaps}")
    views, start = {}, 0
    for name, shape in shapes(V, H, D, kind).items():
        end = start + math.prod(shape)
        views[name] = vector[start:end].reshape(shape)
        start = end
    return views
