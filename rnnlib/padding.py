"""Sequences of different lengths side by side in one batch: padded at the end, with weights that mask the padding."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from . import _check, _repr


class Padded(NamedTuple):
    """Sequences of different lengths in one array, time first. `weights` is 1 where a sequence has a step, else 0."""

    values: np.ndarray  # (T, B) or (T, B, D), T the greatest length; zero where a sequence has ended
    weights: np.ndarray  # (T, B)
    lengths: np.ndarray  # (B,)

    def __repr__(self) -> str:
        return _repr.short(self)


def pad(sequences: Sequence[npt.ArrayLike]) -> Padded:
    """Put B sequences side by side, each from the first step on, and fill up the shorter ones with zeros at the end.

    sequences: B arrays of ids (T_b,) or of features (T_b, D), each of at least one step, all of one kind. With
    `weights=padded.weights` in `cross_entropy`, `backward` and `shares`, the padding changes neither loss nor gradient.
    For a loss at the last step of each sequence alone, use `last_step_weights(padded.lengths)`.

    The states of a sequence that has ended go on through the padding, so the state after its last step is
    `trace.h[padded.lengths - 1, np.arange(B)]`, not `trace.h[-1]`.

    Raises TypeError for what is not a list or tuple of arrays of numbers, and for ids next to features; ValueError for
    an empty list, an empty sequence, sequences of several dimensions or of different D, and nan or infinity.
    """
    if not isinstance(sequences, (list, tuple)):
        raise TypeError(f"sequences: expected a list or tuple of arrays, got {_check.describe(sequences)}")
    if not sequences:
        raise ValueError("sequences: expected at least one sequence, got none")
    for b, sequence in enumerate(sequences):
        _check.not_text(f"sequences[{b}]", sequence)
    arrays = [_check.numbers(f"sequences[{b}]", sequence) for b, sequence in enumerate(sequences)]
    first = arrays[0]
    for b, array in enumerate(arrays):
        if array.ndim not in (1, 2) or not array.size or array.shape[1:] != first.shape[1:]:
            expected = f"(T,), T at least 1, or (T, D) with one D for all; sequences[0] has shape {first.shape}"
            raise ValueError(f"sequences[{b}]: expected shape {expected}, got {array.shape}")
        if (array.dtype.kind in "iu") != (first.dtype.kind in "iu"):
            raise TypeError(f"sequences[{b}]: expected the type of sequences[0], {first.dtype}, got {array.dtype}")
        if array.ndim == 1 and array.dtype.kind not in "iu":
            raise TypeError(
                f"sequences[{b}]: expected integer ids (T,) or features (T, D), got {_check.describe(array)}"
            )
    lengths = np.array([len(array) for array in arrays])
    dtype = np.result_type(*arrays)
    if first.dtype.kind in "iu" and dtype.kind not in "iu":  # of uint64 next to int64, NumPy makes floats
        dtype = np.dtype(np.intp)
    values = np.zeros((lengths.max(), len(arrays), *first.shape[1:]), dtype)
    for b, array in enumerate(arrays):
        values[: len(array), b] = array
    return Padded(values, (np.arange(len(values))[:, None] < lengths).astype(float), lengths)


def last_step_weights(lengths: npt.ArrayLike) -> np.ndarray:
    """Weights (T, B) of a loss at the last step of each sequence alone, T the greatest length.

    lengths: (B,), whole numbers of at least 1. Raises TypeError or ValueError for anything else.
    """
    given, lengths = lengths, _check.array("lengths", lengths)
    if lengths.size and lengths.dtype.kind not in "iu":
        raise TypeError(f"lengths: expected whole numbers, got {_check.describe(given)}")
    if lengths.ndim != 1 or not lengths.size or lengths.min() < 1:
        raise ValueError(f"lengths: expected shape (B,) and at least 1 each, got {_check.describe(given)}")
    return (np.arange(lengths.max())[:, None] == lengths - 1).astype(float)
