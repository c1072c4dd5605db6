"""Training runs on disk: written completely or not at all, and resumed bit for bit."""

import json
import math
import os
import zipfile
from dataclasses import asdict
from typing import BinaryIO

import numpy as np

from . import _check, _flat, gru, lstm
from ._files import atomic_write, checked_path, open_regular
from .optim import SGD, Adagrad, Adam, Momentum, Optimizer, RMSprop
from .rnn import Params
from .text import Vocabulary
from .train import Run, check_run

_OPTIMIZERS = {kind.__name__: kind for kind in (SGD, Momentum, Adagrad, RMSprop, Adam)}
_CELLS = {"RNN": Params, "LSTM": lstm.Params, "GRU": gru.Params}
_MEASURED = ("losses", "norms", "rates", "evaluations")
_PLACE = ("stopped", "epoch", "window", "t")
_MAX_WORDS = 2**26  # bytes of the JSON, at most: a vocabulary of all code points there are takes 40 MB
_WORDS = {"optimizer", "hyperparameters", "vocabulary", *_PLACE}


def save(path: str | os.PathLike[str], run: Run, vocab: Vocabulary, optimizer: Optimizer) -> None:
    """Write a checkpoint: a run, its vocabulary and its optimiser in one file, from which training resumes bit for bit.

    The file is an archive of NumPy arrays (.npz); names and hyperparameters are stored in it as JSON. It replaces an
    older file at `path` only when it is complete and on the disk. Raises OSError where it cannot be written; TypeError
    or ValueError for what `load` could not restore.
    """
    if type(optimizer) not in _OPTIMIZERS.values():
        raise TypeError(f"optimizer: expected one of {', '.join(_OPTIMIZERS)}, got {_check.describe(optimizer)}")
    path, (V, _) = checked_path("path", path), check_run(run, optimizer)
    trained = (run.settings or {}).get("optimizer")
    if trained is not None and trained != (own := {name: float(value) for name, value in asdict(optimizer).items()}):
        raise ValueError(f"optimizer: expected {trained}, with which the run was trained, got {own}")
    cell = next(name for name, kind in _CELLS.items() if isinstance(run.params, kind))
    if not isinstance(vocab, Vocabulary) or len(vocab) != V:
        raise ValueError(f"vocab: expected a Vocabulary of {V} characters, got {_check.describe(vocab)}")
    settings = {
        "cell": cell,
        "optimizer": type(optimizer).__name__,
        "hyperparameters": asdict(optimizer),
        "vocabulary": [ord(character) for character in vocab.characters],
        "settings": run.settings,
        **{name: getattr(run, name) for name in _PLACE},
    }
    arrays = {f"params.{name}": array for name, array in run.params._asdict().items()}
    arrays |= {f"best.{name}": array for name, array in run.best._asdict().items()}
    arrays |= {f"slots.{name}": array for name, array in run.slots.items()}
    arrays |= {name: getattr(run, name) for name in (*_MEASURED, *_CELLS[cell].states)}
    try:
        words = json.dumps(settings, default=float)
    except (TypeError, ValueError):
        got = _check.describe(run.settings)
        raise TypeError(f"run.settings: expected numbers and words, as `train` leaves them, got {got}") from None
    with atomic_write(path) as file:
        np.savez(file, json=np.array(words), **arrays)


def load(path: str | os.PathLike[str]) -> tuple[Run, Vocabulary, Optimizer]:
    """Read a checkpoint written by `save`: `(run, vocab, optimizer)`.

    `run.settings` are the arguments of `train` that made it, with which it resumes; None in files of rnnlib 0.1.0. No
    array is read before the names, types and sizes of all of them are known to fit each other.

    Raises OSError where there is no file to read; ValueError naming the path for a damaged or foreign file, and for a
    pipe or a device; MemoryError for a file whose arrays do not fit into memory.
    """
    with open_regular(path := checked_path("path", path)) as file:
        try:
            return _read(file)
        except MemoryError as error:
            size = f"{os.fstat(file.fileno()).st_size:,} bytes"
            raise MemoryError(
                f"path: expected a file that fits into memory, got {os.fspath(path)!r}, {size}"
            ) from error
        except Exception as error:  # no list of what a damaged archive may raise is complete
            raise ValueError(f"path: expected a file written by `save`, got {os.fspath(path)!r}") from error


def _read(file: BinaryIO) -> tuple[Run, Vocabulary, Optimizer]:
    """The parts of an open checkpoint; raises anything at all for a file that is none."""
    with zipfile.ZipFile(file) as archive:
        headers = {info.filename.removesuffix(".npy"): _header(archive, info) for info in archive.infolist()}
        if len(headers) < len(archive.infolist()):
            raise ValueError("two arrays have the same name")
        _check_header("json", headers, (), "U", headers["json"][1].newbyteorder("="))
        if headers["json"][2] > _MAX_WORDS:
            raise ValueError("its JSON is too long")
        words = json.loads(str(_array(archive, "json")))
        if not _WORDS <= words.keys() <= _WORDS | {"settings", "cell"}:
            raise ValueError(f"the names in its JSON are {', '.join(words)}")
        optimizer = _OPTIMIZERS[words["optimizer"]](**words["hyperparameters"])
        vocab = Vocabulary("".join(map(chr, words["vocabulary"])))
        kind = _CELLS[words.get("cell", "RNN")]  # rnnlib 0.1.0 knew no other one
        _check_headers(headers, kind, len(vocab), optimizer, _check.whole("epoch", words["epoch"], 0, 2**63 - 1))
        if archive.testzip():  # compares the checksums before any number is used
            raise ValueError("a checksum does not fit")
        arrays = {name: _array(archive, name) for name in headers if name != "json"}
    settings = words.get("settings")
    if not (settings is None or isinstance(settings, dict)) or not isinstance(words["stopped"], str):
        raise ValueError("its settings, or why it stopped, are not of the right type")
    params, best = (kind(*(arrays[f"{set}.{name}"] for name in kind._fields)) for set in ("params", "best"))
    run = Run(
        params,
        best,
        slots={name: arrays[f"slots.{name}"] for name in optimizer.slots},
        settings=settings,
        **{name: arrays[name] for name in (*_MEASURED, *kind.states)},
        **{name: words[name] for name in _PLACE},
    )
    check_run(run, optimizer)
    return run, vocab, optimizer


def _check_headers(headers, kind, V, optimizer, epochs):
    """Raise ValueError unless these are the arrays of one run: names, shapes and types, before any of them is read."""
    H, (batch, *_) = headers["params.Why"][0][0], headers["h"][0]
    shapes = _flat.shapes(V, H, kind=kind)
    expected = {f"{set}.{name}": shape for set in ("params", "best") for name, shape in shapes.items()}
    expected |= {f"slots.{name}": (_flat.size(V, H, kind=kind),) for name in optimizer.slots}
    (updates,) = headers["losses"][0]
    expected |= (
        dict.fromkeys(kind.states, (batch, H)) | dict.fromkeys(_MEASURED, (updates,)) | {"evaluations": (epochs,)}
    )
    if headers.keys() != expected.keys() | {"json"}:
        raise ValueError(f"its arrays are {', '.join(headers)}")
    dtype = headers["params.bh"][1].newbyteorder("=")
    for name, shape in expected.items():
        _check_header(name, headers, shape, "f", np.dtype(np.float64) if name in _MEASURED else dtype)


def _check_header(name, headers, shape, kind, dtype):
    """Raise ValueError unless an array has this shape, kind of type and type, in any byte order."""
    found, type, size = headers[name]
    if found != shape or type.kind != kind or type.newbyteorder("=") != dtype:
        raise ValueError(f"{name} is of shape {found} and type {type}")
    if size != math.prod(shape) * type.itemsize:
        raise ValueError(f"{name} has {size:,} bytes")


def _header(archive, info):
    """Shape, type and number of bytes of an array in an archive, without reading its numbers."""
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{info.filename} is compressed")  # few bytes could become many
    with archive.open(info) as member:
        if np.lib.format.read_magic(member) != (1, 0):
            raise ValueError(f"{info.filename} is not an array")
        shape, _, dtype = np.lib.format.read_array_header_1_0(member)
        return shape, dtype, info.file_size - member.tell()


def _array(archive, name):
    """One array of an archive, in the byte order of this machine."""
    with archive.open(f"{name}.npy") as member:
        array = np.lib.format.read_array(member, allow_pickle=False)
    return array.astype(array.dtype.newbyteorder("="), copy=False)
