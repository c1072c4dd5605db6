"""Training runs on disk: written completely or not at all, and resumed bit for bit."""

import json
import os
import zipfile
from dataclasses import asdict

import numpy as np

from . import _check
from ._files import atomic_write
from .optim import SGD, Adagrad, Adam, Momentum, Optimizer, RMSprop
from .rnn import Params
from .text import Vocabulary
from .train import Run, check_run

_OPTIMIZERS = {kind.__name__: kind for kind in (SGD, Momentum, Adagrad, RMSprop, Adam)}
_MEASURED = ("losses", "norms", "rates", "evaluations", "h")


def save(path: str | os.PathLike[str], run: Run, vocab: Vocabulary, optimizer: Optimizer) -> None:
    """Write a checkpoint: a run, its vocabulary and its optimiser in one file, from which training resumes bit for bit.

    The file is an archive of NumPy arrays (.npz); names and hyperparameters are stored in it as JSON. It replaces an
    older file at `path` only when it is complete and on the disk. Raises OSError where it cannot be written; TypeError
    or ValueError for what `load` could not restore.
    """
    if type(optimizer) not in _OPTIMIZERS.values():
        raise TypeError(f"optimizer: expected one of {', '.join(_OPTIMIZERS)}, got {_check.describe(optimizer)}")
    V, _ = check_run(run, optimizer)
    if not isinstance(vocab, Vocabulary) or len(vocab) != V:
        raise ValueError(f"vocab: expected a Vocabulary of {V} characters, got {_check.describe(vocab)}")
    settings = {
        "optimizer": type(optimizer).__name__,
        "hyperparameters": asdict(optimizer),
        "vocabulary": [ord(character) for character in vocab.characters],
        **{name: getattr(run, name) for name in ("stopped", "epoch", "window", "t")},
    }
    arrays = {f"params.{name}": array for name, array in run.params._asdict().items()}
    arrays |= {f"best.{name}": array for name, array in run.best._asdict().items()}
    arrays |= {f"slots.{name}": array for name, array in run.slots.items()}
    arrays |= {name: getattr(run, name) for name in _MEASURED}
    with atomic_write(path) as file:
        np.savez(file, json=np.array(json.dumps(settings, default=float)), **arrays)


def load(path: str | os.PathLike[str]) -> tuple[Run, Vocabulary, Optimizer]:
    """Read a checkpoint written by `save`: `(run, vocab, optimizer)`.

    Raises OSError where there is no file to read, and ValueError naming the path for a damaged or foreign file.
    """
    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                if archive.testzip():  # compares the checksums before any number is used
                    raise ValueError("a checksum does not fit")
            file.seek(0)
            with np.load(file, allow_pickle=False) as stored:
                arrays = dict(stored)
            settings = json.loads(str(arrays["json"]))
            optimizer = _OPTIMIZERS[settings["optimizer"]](**settings["hyperparameters"])
            vocab = Vocabulary("".join(map(chr, settings["vocabulary"])))
            params, best = (Params(*(arrays[f"{set}.{name}"] for name in Params._fields)) for set in ("params", "best"))
            run = Run(
                params,
                best,
                stopped=str(settings["stopped"]),
                slots={name: arrays[f"slots.{name}"] for name in optimizer.slots},
                **{name: arrays[name] for name in _MEASURED},
                **{name: settings[name] for name in ("epoch", "window", "t")},
            )
            if check_run(run, optimizer)[0] != len(vocab):
                raise ValueError(f"{len(vocab)} characters for parameters of another size")
        except Exception as error:  # no list of what a damaged archive may raise is complete
            raise ValueError(f"path: expected a file written by `save`, got {os.fspath(path)!r}") from error
    return run, vocab, optimizer
