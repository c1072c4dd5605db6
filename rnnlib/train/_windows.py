"""The windows of one epoch: which part of the text, or of several sequences, each update reads."""

from __future__ import annotations  # naming `np.random` would import it, which takes a while

import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import _check


class Windows:
    """The windows (x, y) of one epoch. Each is cut from the text when it is asked for, since a long text has millions.

    `len`, indexing, slicing and iteration work as on a list. Windows of sequences of different lengths, or of a text
    with weights, are (x, y, w): w (T, B) is the weight of each prediction, 0 for the padding.
    """

    begins: frozenset[int] = frozenset()  # the windows, after the first, at which other sequences begin

    def __init__(
        self,
        numbers: Sequence[int],
        cut: Callable[[int], tuple[np.ndarray, ...]],
        predictions: Callable[[int], int] = lambda count: 0,
    ) -> None:
        self._numbers, self._cut = numbers, cut
        self.predictions = predictions  # predictions(count): how many the first `count` windows have

    def counted(self) -> np.ndarray:
        """How much each window counts in a mean over all predictions; (n,), without those that do not count at all."""
        counts = np.full(len(self), float(self[0][0].size))
        counts[-1] = self[-1][0].size  # without weights only the last may be smaller
        if len(self[0]) == 3:
            counts = np.array([w.sum() for _, _, w in self])
        return counts[counts > 0]

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        return map(self._cut, self._numbers)

    def __repr__(self) -> str:
        return f"<{len(self)} windows (x, y)>"

    def __getitem__(self, index: int | slice) -> Any:
        found = self._numbers[index]
        if isinstance(found, int):
            return self._cut(found)
        places = range(len(self))[index]

        def predictions(count):
            return sum(self.predictions(place + 1) - self.predictions(place) for place in places[:count])

        return Windows(found, self._cut, predictions)


def streams(ids: npt.ArrayLike, batch: int, steps: int) -> Windows:
    """The windows (x, y) of one epoch over `batch` streams, in order: ids (T, B), y one step ahead of x.

    steps: T, the window length. The first batch · ⌊(n - 1) / batch⌋ predictions of the text are used; the last window
    is shorter if T does not divide the length of a stream. Raises ValueError for a text that is too short for one
    prediction in every stream.
    """
    ids = check_text("ids", ids)
    B, T = _check.positive_int("batch", batch), _check.positive_int("steps", steps)
    length = _stream_length(ids, B)
    x, y = (ids[shift : shift + B * length].reshape(B, length).T for shift in (0, 1))
    numbers = range(0, length, T)
    return Windows(numbers, lambda t: (x[t : t + T], y[t : t + T]), lambda count: min(count * T, length) * B)


def shuffled(ids: npt.ArrayLike, batch: int, steps: int, rng: np.random.Generator) -> Windows:
    """The windows (x, y) of one epoch in random order: ids (T, B), each column T ids of the text and those after them.

    steps: T, the window length. The text is cut into ⌊(n - 1) / T⌋ windows; the last batch has fewer columns if B does
    not divide their number. Raises ValueError for a text that is shorter than one window and its last target.
    """
    ids, rng = check_text("ids", ids), _check.generator("rng", rng)
    B, T = _check.positive_int("batch", batch), _check.positive_int("steps", steps)
    count = _window_count(ids, T)
    order = rng.permutation(count)
    x, y = (ids[shift : shift + count * T].reshape(count, T) for shift in (0, 1))
    numbers = range(0, count, B)
    return Windows(
        numbers,
        lambda b: (x[order[b : b + B]].T, y[order[b : b + B]].T),
        lambda batches: min(batches * B, count) * T,
    )


def check_text(name: str, ids: npt.ArrayLike, size: float = np.inf) -> np.ndarray:
    """Return `ids` as an array of one text (n,), n at least 2, ids below `size`; else raise TypeError or ValueError."""
    _check.not_text(name, ids)
    ids = _check.ids(name, ids, size, "(n,)")
    if ids.ndim != 1 or len(ids) < 2:
        raise ValueError(f"{name}: expected one text of at least 2 ids, shape (n,), got {ids.shape}")
    return ids


class Texts(NamedTuple):
    """What is read in an epoch: one text, or several sequences, with the weight of each prediction. All checked."""

    ids: np.ndarray  # (n,)  one sequence after another
    starts: np.ndarray | None  # (S,)  where each sequence begins; None for one text
    weights: np.ndarray | None  # (n,)  how much the prediction of each id counts; None where all count once

    @property
    def padded(self) -> bool:
        """Whether the windows have weights, 0 for padding: (x, y, w), not (x, y)."""
        return self.starts is not None or self.weights is not None

    def windows(self, batch: int, steps: int, rng: np.random.Generator | None = None) -> Windows:
        """The windows of one epoch: in order, or with an `rng` shuffled; (x, y), or (x, y, w) where weights differ.

        One text without weights gives `streams` or `shuffled`. A text with weights is cut in the same way. Of several
        sequences, B are read side by side from their beginnings on, then the next B; with an `rng`, each is cut into
        windows of T steps, the last of them shorter, and these are shuffled. What is too short is padded with weight 0.
        """
        if not self.padded:
            return streams(self.ids, batch, steps) if rng is None else shuffled(self.ids, batch, steps, rng)
        if rng is None:
            return self._side_by_side(batch, steps)
        starts, lengths = self._pieces(steps)
        order = rng.permutation(len(starts))
        read = np.append(0, lengths[order].cumsum())

        def cut(b):
            columns = order[b : b + batch]
            return self._cut(starts[columns], lengths[columns])

        return Windows(range(0, len(order), batch), cut, lambda count: int(read[min(count * batch, len(order))]))

    def checksum(self) -> str:
        """A few words that differ, with near certainty, for other ids, sequences or weights."""
        value, parts = 0, [self.ids]
        parts += [part for part in (self.starts, self.weights) if part is not None]
        for part in parts:
            kind = "<f8" if part.dtype.kind == "f" else "<u4"
            for begin in range(0, len(part), 2**14):  # a long text is not copied as a whole
                value = zlib.crc32(part[begin : begin + 2**14].astype(kind), value)
        sequences = "" if self.starts is None else f"{len(self.starts)} sequences, "
        return f"{sequences}{len(self.ids)} ids, {'' if self.weights is None else 'weights, '}checksum {value:08x}"

    def _lengths(self):
        """How many predictions each sequence has, (S,)."""
        return np.diff(self.starts, append=len(self.ids)) - 1

    def _side_by_side(self, B, T):
        """The windows of B sequences after B sequences, or of the B streams of one text."""
        if self.starts is None:
            length = _stream_length(self.ids, B)
            begins, counts = np.arange(B) * length, np.full(B, length)
        else:
            begins, counts = self.starts, self._lengths()
        starts, lengths, ends = [], [], [0]
        for b in range(0, len(begins), B):
            begin, count = (np.pad(array[b : b + B], (0, max(0, b + B - len(array)))) for array in (begins, counts))
            t = np.arange(0, count.max(), T)[:, None]
            starts.append(begin + np.minimum(t, count))
            lengths.append(np.clip(count - t, 0, T))
            ends.append(ends[-1] + len(t))
        starts, lengths = np.concatenate(starts), np.concatenate(lengths)
        read = np.append(0, lengths.sum(axis=1).cumsum())
        windows = Windows(range(len(starts)), lambda w: self._cut(starts[w], lengths[w]), lambda k: int(read[k]))
        windows.begins = frozenset(ends)
        return windows

    def _pieces(self, T):
        """Where the windows of T steps or fewer begin, and how many predictions they have."""
        if self.starts is None:
            count = _window_count(self.ids, T)
            return np.arange(count) * T, np.full(count, T)
        counts = self._lengths()
        pieces = -(-counts // T)
        t = T * (np.arange(pieces.sum()) - np.repeat(pieces.cumsum() - pieces, pieces))
        return np.repeat(self.starts, pieces) + t, np.minimum(T, np.repeat(counts, pieces) - t)

    def _cut(self, starts, lengths):
        """The window (x, y, w) whose column b has `lengths[b]` predictions, from the id at `starts[b]` on."""
        t = np.arange(lengths.max())[:, None]
        inside = t < lengths
        at = np.where(inside, starts + t, 0)
        return self.ids[at], self.ids[at + 1], inside * (1.0 if self.weights is None else self.weights[at + 1])


def check_texts(name: str, ids: Any, size: float = np.inf, weights: Any = None, weights_name: str = "weights") -> Texts:
    """Return one text (n,) or a list of sequences, ids below `size`, and their weights, as `Texts`.

    weights: in the shape of the ids; the weight of an id is that of its prediction, so the first one of each sequence
    is not used. Raises TypeError or ValueError for anything else, and where no prediction has a weight above 0.
    """
    several = isinstance(ids, (list, tuple)) and any(map(_is_sequence, ids))
    sequences = [check_text(f"{name}[{i}]", item, size) for i, item in enumerate(ids)] if several else None
    if isinstance(ids, tuple) and several and len(ids) == 2 and _is_one_ahead(*sequences):
        raise ValueError(
            f"{name}: expected the text alone, in which each id is the target of those before it, got a pair (x, y) "
            "whose second text is the first one step ahead; a list holds several sequences"
        )
    text = _joined(sequences) if several else check_text(name, ids, size)
    lengths = [len(sequence) for sequence in sequences] if several else [len(text)]
    starts = np.cumsum([0, *lengths[:-1]])
    if weights is not None:
        if several:
            if not isinstance(weights, (list, tuple)) or len(weights) != len(lengths):
                expected = f"a list of {len(lengths)} arrays, as {name}"
                raise TypeError(f"{weights_name}: expected {expected}, got {_check.describe(weights)}")
            named = [(f"{weights_name}[{i}]", item) for i, item in enumerate(weights)]
        else:
            named = [(weights_name, weights)]
        checked = [_check.weights(*item, (length,), "sum") for item, length in zip(named, lengths, strict=True)]
        weights = np.concatenate(checked).astype(np.float64)
        weights[starts] = 0
        total = weights.sum()
        if not 0 < total < np.inf:
            raise ValueError(f"{weights_name}: expected a positive, finite sum over the predictions, got {total}")
    return Texts(text, starts if several else None, weights)


def _is_one_ahead(x, y):
    """Whether y holds the targets of x."""
    return len(x) == len(y) and np.array_equal(x[1:], y[:-1])


def _joined(sequences):
    """One array of all ids, of an integer type: NumPy makes floats of uint64 next to int64."""
    dtype = np.result_type(*{sequence.dtype for sequence in sequences})
    return np.concatenate(sequences, dtype=dtype if dtype.kind in "iu" else np.intp, casting="unsafe")


def _is_sequence(item):
    return isinstance(item, (list, tuple)) or getattr(item, "ndim", 0) > 0


def _stream_length(ids, B):
    """How many predictions each of B streams has; raises ValueError if there is none."""
    length = (len(ids) - 1) // B
    if not length:
        raise ValueError(f"ids: expected at least batch + 1 = {B + 1} ids, got {len(ids)}")
    return length


def _window_count(ids, T):
    """How many windows of T predictions a text has; raises ValueError if there is none."""
    count = (len(ids) - 1) // T
    if not count:
        raise ValueError(f"ids: expected at least steps + 1 = {T + 1} ids, got {len(ids)}")
    return count
