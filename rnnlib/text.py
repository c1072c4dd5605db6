"""From text to integers and back: characters, their ids, and windows of ids; also for text files of any length."""

import codecs
import io
import os
import shutil
import sys
import tempfile
import unicodedata
import weakref

import numpy as np
import numpy.typing as npt

from . import _check
from ._files import atomic_write, checked_path, open_regular

_NAMED = 20  # unknown characters, at most, in an error


class Vocabulary:
    """The distinct characters of a text, sorted by code point; a character's id is its place in that order.

    A character is one Unicode code point. `Vocabulary("I am learning RNN").characters` is the tuple
    `(' ', 'I', 'N', 'R', 'a', 'e', 'g', 'i', 'l', 'm', 'n', 'r')`.

    Raises TypeError when `text` is not a string and ValueError when it is empty.
    """

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError(f"text: expected a string, got {_check.describe(text)}")
        if not text:
            raise ValueError("text: expected at least one character, got an empty string")
        self.characters = tuple(sorted(set(text)))
        self._ids = {character: i for i, character in enumerate(self.characters)}

    def __len__(self) -> int:
        return len(self.characters)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.characters == other.characters

    def __hash__(self) -> int:
        return hash(self.characters)

    def __repr__(self) -> str:
        text = "".join(self.characters)
        if len(text) <= 120:
            return f"Vocabulary({text!r})"
        return f"Vocabulary({text[:80]!r} and {len(text) - 80} more)"

    def encode(self, text: str) -> np.ndarray:
        """Ids of the characters of `text`: integers of shape (T,).

        Raises TypeError when `text` is not a string and ValueError naming the characters that the vocabulary lacks.
        Where the vocabulary has another Unicode form of them, é as one character and not as two, the error says so.
        """
        if not isinstance(text, str):
            raise TypeError(f"text: expected a string, got {_check.describe(text)}")
        self._check_known("text", set(text), [text])
        return np.array([self._ids[character] for character in text], dtype=np.intp)

    def _check_known(self, name, characters, pieces):
        """Raise ValueError if the vocabulary lacks some of `characters`, the distinct ones of these pieces of text."""
        unknown = sorted(characters - self._ids.keys())
        if not unknown:
            return
        more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
        listed = ", ".join(map(_named, unknown[:_NAMED])) + more
        forms = (
            form
            for form in ("NFC", "NFD", "NFKC", "NFKD")
            if self._ids.keys() >= {c for piece in pieces for c in unicodedata.normalize(form, piece)}
        )
        form = next(forms, None)
        hint = f"; unicodedata.normalize({form!r}, {name}) has none of them" if form else ""
        known = f"the {len(self)} characters of the vocabulary"
        raise ValueError(f"{name}: expected only {known}, got the unknown {listed}{hint}")

    def decode(self, ids: npt.ArrayLike) -> str:
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


def _named(character):
    """The character as an error shows it: what changes another character, such as an accent, by its code."""
    if unicodedata.category(character).startswith("M"):
        return f"U+{ord(character):04X}"
    return repr(character)


def encode_file(
    path: str | os.PathLike[str],
    *,
    encoding: str = "utf-8",
    vocab: Vocabulary | None = None,
    chunk: int = 2**18,
    out: str | os.PathLike[str] | None = None,
) -> tuple[np.ndarray, Vocabulary]:
    """The characters of a text file as ids (n,), of the smallest type that holds them, and their vocabulary.

    The file is read twice, `chunk` bytes at a time, first for its characters, then for their ids: about 20 times
    `chunk` plus 6 MB are in memory at once, however long the file is. The ids are stored on the disk, in an .npy file
    that is mapped into memory for reading: `out`, which is written completely or not at all, or a temporary file that
    is deleted together with the array. If several threads or processes write to one `out` at once, each gets its own
    ids, and the file holds those of the last. A byte order mark at the beginning is dropped, every line ending becomes
    "\\n". With a `vocab` the ids are those of its characters.

    Raises OSError where a file cannot be read or written; ValueError for a file that is not text in this encoding,
    with the place of the first wrong byte, that is empty, changes meanwhile, or has characters that `vocab` lacks, for
    a pipe or a device, and for an encoding that is not known; TypeError for a path, out, vocab or chunk that is none.
    """
    path, chunk = checked_path("path", path), _check.positive_int("chunk", chunk)
    out = None if out is None else os.path.realpath(checked_path("out", out))
    if vocab is not None and not isinstance(vocab, Vocabulary):
        raise TypeError(f"vocab: expected a Vocabulary, got {_check.describe(vocab)}")
    try:
        "".encode(encoding)  # refuses codecs of anything but text, too
    except (LookupError, TypeError, ValueError):
        known = "the name of an encoding of text, such as 'utf-8'"
        raise ValueError(f"encoding: expected {known}, got {_check.describe(encoding)}") from None
    if out == os.path.realpath(path):
        raise ValueError(f"out: expected another file than path, got {path!r}")

    try:
        file = open_regular(path, buffering=0)
    except OSError as error:
        raise type(error)(f"path: expected a file to read, got {path!r}: {error.strerror}") from error
    with file:
        before = _version(file)
        count, characters = _survey(file, path, encoding, chunk)
        vocab = Vocabulary(characters) if vocab is None else vocab
        vocab._check_known("path", set(characters), characters)

        file.seek(0)
        folder = tempfile.mkdtemp(prefix="rnnlib-") if out is None else None
        target = os.path.join(folder, "ids.npy") if folder else out
        try:
            with open(target, "w+b") if folder else atomic_write(target) as written:
                start, dtype = _write(written, count, vocab, _code_points(file, path, encoding, chunk))
                if _version(file) != before:
                    raise ValueError(f"path: expected a file that stays as it is while it is read, got {path!r}")
                if os.name != "nt":  # mapped before it gets its name: another thread may replace it right after that
                    written.flush()
                    ids = np.memmap(written, dtype, "r", start, (count,))
                    ids.filename = target  # by which other processes find it
            if os.name == "nt":  # where a file that is mapped cannot be renamed
                ids = np.load(target, mmap_mode="r")
        except BaseException as error:
            if folder:
                shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, OSError) and error.errno:  # one without a number already says what it is about
                raise type(error)(f"out: expected a file to write, got {target!r}: {error.strerror}") from error
            raise
    if folder:
        weakref.finalize(ids.base, shutil.rmtree, folder, ignore_errors=True)  # the map, which all views of it share
    return ids, vocab


def _version(file):
    """Size and time of the last change: they differ after the file has been written to."""
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def _survey(file, path, encoding, chunk):
    """The number of characters in an open file, and its distinct characters as a string, sorted."""
    count, seen = 0, np.zeros(sys.maxunicode + 1, bool)
    for points in _code_points(file, path, encoding, chunk):
        count += len(points)
        seen[points] = True
    if not count:
        raise ValueError(f"path: expected at least one character, got the empty file {path!r}")
    return count, "".join(map(chr, np.flatnonzero(seen)))


def _code_points(file, path, encoding, chunk):
    """The code points of the text in an open file, array after array."""
    decoder = codecs.getincrementaldecoder(encoding)()
    ends = io.IncrementalNewlineDecoder(None, translate=True)
    size, begun, final = 0, False, False
    while not final:
        try:
            data = file.read(chunk)
        except OSError as error:
            raise type(error)(f"path: expected a file to read, got {path!r}: {error.strerror}") from error
        size, final = size + len(data), not data
        try:
            text = decoder.decode(data, final)
        except UnicodeDecodeError as error:  # its object holds the bytes not yet decoded, which end at `size`
            place = size - len(error.object) + error.start
            wrong = f"byte 0x{error.object[error.start]:02x} at offset {place} of {path!r} ({error.reason})"
            raise ValueError(f"path: expected {encoding} text, got {wrong}") from None
        except UnicodeError as error:  # without a place in the file
            hint = f"; '{encoding}-le' and '{encoding}-be' need none" if "BOM" in str(error) else ""
            raise ValueError(f"path: expected {encoding} text, got {path!r}: {error}{hint}") from None
        if text and not begun:
            text, begun = text.removeprefix("\ufeff"), True
        text = ends.decode(text, final)
        yield np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def _write(file, count, vocab, arrays):
    """Write the ids of `count` characters, whose code points come in arrays, to an open file in .npy format.

    Returns the place of the first id in the file, and the type of the ids.
    """
    known = [ord(character) for character in vocab.characters]
    table = np.zeros(known[-1] + 1, np.min_scalar_type(len(vocab) - 1))
    table[known] = np.arange(len(vocab))
    header = {"descr": np.lib.format.dtype_to_descr(table.dtype), "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(file, header)
    start = file.tell()
    for points in arrays:
        file.write(table.take(points, mode="clip"))
    return start, table.dtype


def windows(ids: npt.ArrayLike, length: int) -> tuple[np.ndarray, np.ndarray]:
    """All windows of `length` ids, and the ids one step later: inputs and targets of next-character prediction.

    Returns `(x, y)`, both of shape (length, N) with N = len(ids) - length: time first, one column a window,
    and y one step ahead of x, so that `y[t, n] == ids[n + t + 1]`. Both are read-only views into `ids`.

    Raises TypeError for ids that are not integers or a length that is not, ValueError when `ids` is not of
    shape (n,) or too short for one window and its last target.
    """
    length = _check.positive_int("length", length)
    _check.not_text("ids", ids)
    ids = _check.array("ids", ids)
    if ids.dtype.kind not in "iu":
        raise TypeError(f"ids: expected integer ids of shape (n,), got {_check.describe(ids)}")
    if ids.ndim != 1:
        raise ValueError(f"ids: expected shape (n,), got {ids.shape}")
    if len(ids) <= length:
        raise ValueError(f"ids: expected at least length + 1 = {length + 1} ids, got {len(ids)}")
    view = np.lib.stride_tricks.sliding_window_view(ids, length).T
    return view[:, :-1], view[:, 1:]


def one_hot(ids: npt.ArrayLike, size: int, dtype: npt.DTypeLike = np.float64) -> np.ndarray:
    """Rows of zeros with a single one, at the index of the id: shape `ids.shape + (size,)`.

    Raises TypeError for ids that are not integers and a dtype that is not one of numbers, ValueError for ids out of
    range.
    """
    size = _check.positive_int("size", size)
    try:
        numeric = np.dtype(dtype).kind in "biufc"
    except TypeError:
        numeric = False
    if not numeric:
        raise TypeError(f"dtype: expected a type of numbers, got {_check.describe(dtype)}")
    _check.not_text("ids", ids)
    ids = _check.ids("ids", ids, size, "(T,) or (T, B)")
    rows = np.zeros((*ids.shape, size), dtype)
    rows.reshape(-1, size)[np.arange(ids.size), ids.ravel()] = 1
    return rows
