"""From text to integers and back: characters, their ids, and windows of them."""

import numpy as np

from . import _check


class Vocabulary:
    """The distinct characters of a text, sorted by code point; a character's id is its place in that order.

    A character is one Unicode code point. `Vocabulary("I am learning RNN").characters` is the tuple
    `(' ', 'I', 'N', 'R', 'a', 'e', 'g', 'i', 'l', 'm', 'n', 'r')`.

    Raises TypeError when `text` is no string and ValueError when it is empty.
    """

    def __init__(self, text):
        if not isinstance(text, str):
            raise TypeError(f"text: expected a string, got {_check.describe(text)}")
        if not text:
            raise ValueError("text: expected at least one character, got an empty string")
        self.characters = tuple(sorted(set(text)))
        self._ids = {character: i for i, character in enumerate(self.characters)}

    def __len__(self):
        return len(self.characters)

    def __eq__(self, other):
        return isinstance(other, Vocabulary) and self.characters == other.characters

    def __hash__(self):
        return hash(self.characters)

    def __repr__(self):
        return f"Vocabulary({''.join(self.characters)!r})"

    def encode(self, text):
        """Ids of the characters of `text`: integers of shape (T,).

        Raises TypeError when `text` is no string and ValueError naming the characters that the vocabulary lacks.
        """
        if not isinstance(text, str):
            raise TypeError(f"text: expected a string, got {_check.describe(text)}")
        unknown = sorted(set(text) - self._ids.keys())
        if unknown:
            raise ValueError(
                f"text: expected only the {len(self)} characters of the vocabulary, "
                f"got the unknown {', '.join(map(repr, unknown))}"
            )
        return np.array([self._ids[character] for character in text], dtype=np.intp)

    def decode(self, ids):
        """The string whose ids, of shape (T,), are given; the inverse of `encode`.

        Raises TypeError for anything but integers, ValueError for ids out of range or of another shape.
        """
        ids = _check.array("ids", ids)
        if ids.ndim != 1:
            raise ValueError(f"ids: expected shape (T,), got {ids.shape}")
        if ids.size == 0:
            return ""
        ids = _check.ids("ids", ids, len(self), "(T,)")
        return "".join(self.characters[i] for i in ids)


def windows(ids, length):
    """All windows of `length` ids and, for each, the ids that follow: the samples of next-character prediction.

    Returns `(x, y)`, both of shape (length, N) with N = len(ids) - length: time first, one column a sample,
    and y one step ahead of x, so that `y[t, n] == ids[n + t + 1]`. Both are read-only views into `ids`.

    Raises TypeError for ids that are not integers or a length that is not, ValueError when `ids` is not of
    shape (n,) or too short for one window and its last target.
    """
    length = _check.positive_int("length", length)
    ids = _check.array("ids", ids)
    if ids.dtype.kind not in "iu":
        raise TypeError(f"ids: expected integer ids of shape (n,), got {_check.describe(ids)}")
    if ids.ndim != 1:
        raise ValueError(f"ids: expected shape (n,), got {ids.shape}")
    if len(ids) <= length:
        raise ValueError(f"ids: expected at least length + 1 = {length + 1} ids, got {len(ids)}")
    view = np.lib.stride_tricks.sliding_window_view(ids, length).T
    return view[:, :-1], view[:, 1:]


def one_hot(ids, size, dtype=np.float64):
    """Rows of zeros with a single one: shape `ids.shape + (size,)`, the one standing at the id.

    Raises TypeError for ids that are not integers, ValueError for ids out of range.
    """
    size = _check.positive_int("size", size)
    return np.eye(size, dtype=dtype)[_check.ids("ids", ids, size, "(T,) or (T, B)")]
