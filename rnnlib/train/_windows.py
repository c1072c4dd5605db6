"""The windows of one epoch: which part of the text each update reads."""

from __future__ import annotations  # naming `np.random` would import it, which takes a while

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _check


class Windows:
    """The windows (x, y) of one epoch. Each is cut from the text when it is asked for, since a long text has millions.

    `len`, indexing, slicing and iteration work as on a list.
    """

    def __init__(self, numbers: Sequence[int], cut: Callable[[int], tuple[np.ndarray, np.ndarray]]) -> None:
        self._numbers, self._cut = numbers, cut

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return map(self._cut, self._numbers)

    def __repr__(self) -> str:
        return f"<{len(self)} windows (x, y)>"

    def __getitem__(self, index: int | slice) -> Any:
        found = self._numbers[index]
        return self._cut(found) if isinstance(found, int) else Windows(found, self._cut)


def streams(ids: npt.ArrayLike, batch: int, steps: int) -> Windows:
    """The windows (x, y) of one epoch over `batch` streams, in order: ids (T, B), y one step ahead of x.

    steps: T, the window length. The first batch · ⌊(n - 1) / batch⌋ predictions of the text are used; the last window
    is shorter if T does not divide the length of a stream. Raises ValueError for a text that is too short for one
    prediction in every stream.
    """
    ids = check_text("ids", ids)
    B, T = _check.positive_int("batch", batch), _check.positive_int("steps", steps)
    length = (len(ids) - 1) // B
    if not length:
        raise ValueError(f"ids: expected at least batch + 1 = {B + 1} ids, got {len(ids)}")
    x, y = (ids[shift : shift + B * length].reshape(B, length).T for shift in (0, 1))
    return Windows(range(0, length, T), lambda t: (x[t : t + T], y[t : t + T]))


def shuffled(ids: npt.ArrayLike, batch: int, steps: int, rng: np.random.Generator) -> Windows:
    """The windows (x, y) of one epoch in random order: ids (T, B), each column T ids of the text and those after them.

    steps: T, the window length. The text is cut into ⌊(n - 1) / T⌋ windows; the last batch has fewer columns if B does
    not divide their number. Raises ValueError for a text that is shorter than one window and its last target.
    """
    ids = check_text("ids", ids)
    B, T = _check.positive_int("batch", batch), _check.positive_int("steps", steps)
    count = (len(ids) - 1) // T
    if not count:
        raise ValueError(f"ids: expected at least steps + 1 = {T + 1} ids, got {len(ids)}")
    order = rng.permutation(count)
    x, y = (ids[shift : shift + count * T].reshape(count, T) for shift in (0, 1))
    return Windows(range(0, count, B), lambda b: (x[order[b : b + B]].T, y[order[b : b + B]].T))


def check_text(name: str, ids: npt.ArrayLike, size: float = np.inf) -> np.ndarray:
    """Return `ids` as an array of one text (n,), n at least 2, ids below `size`; else raise TypeError or ValueError."""
    ids = _check.ids(name, ids, size, "(n,)")
    if ids.ndim != 1 or len(ids) < 2:
        raise ValueError(f"{name}: expected one text of at least 2 ids, shape (n,), got {ids.shape}")
    return ids
