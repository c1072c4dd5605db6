"""The settings of a training run: checked once, before anything is computed, and never changed afterwards."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import _check
from ..optim import Adam, Constant, Optimizer, Schedule
from ._windows import Windows, check_text, shuffled, streams


class Config(NamedTuple):
    """What a run is to do. `configure` makes it from the arguments of `train`, whose docstring explains them."""

    ids: np.ndarray  # (n,)
    optimizer: Optimizer
    schedule: Schedule
    window_length: int  # T
    batch: int  # B
    epochs: float  # math.inf where `updates` alone ends the run
    updates: float  # math.inf where `epochs` alone ends the run
    stateful: bool
    clip: float | None
    validation: np.ndarray | None  # (m,)
    patience: int | None
    seed: int
    callbacks: Sequence[Callable[..., object]]
    windows_per_epoch: int = 0
    predictions_per_epoch: int = 0

    def windows(self, epoch: int) -> Windows:
        """The windows of this epoch, in the order in which they are read."""
        if self.stateful:
            return streams(self.ids, self.batch, self.window_length)
        return shuffled(self.ids, self.batch, self.window_length, np.random.default_rng([self.seed, epoch]))

    def work_left(self, epoch: int, window: int, updates: int) -> bool:
        """Whether anything is left to do after so many epochs, windows of the next epoch, and updates in all.

        An interrupt may have come between the last update of an epoch and its evaluation, which is then still to do.
        """
        return epoch < self.epochs and (updates < self.updates or window == self.windows_per_epoch)

    def characters_read(self, epoch: int, window: int) -> int:
        """How many characters have been predicted after so many epochs and windows of the next one."""
        in_epoch = min(window * self.window_length * self.batch, self.predictions_per_epoch)
        return epoch * self.predictions_per_epoch + in_epoch

    def characters_to_read(self) -> int:
        """How many characters are predicted in the whole run, if nothing ends it early."""
        updates = min(self.epochs * self.windows_per_epoch, self.updates)
        full_epochs, extra_updates = divmod(int(updates), self.windows_per_epoch)
        return self.characters_read(full_epochs, extra_updates)


def configure(
    vocab_size: int,
    ids: npt.ArrayLike,
    *,
    rate: float | Schedule,
    steps: int,
    optimizer: Optimizer | None = None,
    batch: int = 1,
    epochs: int | None = None,
    updates: int | None = None,
    carry: bool = True,
    clip: float | None = None,
    validation: npt.ArrayLike | None = None,
    patience: int | None = None,
    seed: int = 0,
    callbacks: Sequence[Callable[..., object]] = (),
) -> Config:
    """Check the arguments of `train` and return them as a `Config`, with the defaults that depend on other arguments.

    Raises TypeError or ValueError, naming the argument, for one that does not fit.
    """
    if epochs is updates is None:
        epochs = 1
    config = Config(
        window_length=_check.positive_int("steps", steps),
        batch=_check.positive_int("batch", batch),
        seed=_check.whole("seed", seed, 0, 2**63 - 1),
        epochs=math.inf if epochs is None else _check.positive_int("epochs", epochs),
        updates=math.inf if updates is None else _check.whole("updates", updates, 0, 2**63 - 1),
        stateful=bool(carry),
        clip=None if clip is None else _check.positive("clip", clip),
        patience=None if patience is None else _check.positive_int("patience", patience),
        optimizer=Adam() if optimizer is None else _optimizer(optimizer),
        schedule=rate if callable(rate) and not isinstance(rate, type) else Constant(rate),
        callbacks=_functions("callbacks", callbacks),
        ids=check_text("ids", ids, vocab_size),
        validation=None if validation is None else check_text("validation", validation, vocab_size),
    )
    windows = config.windows(0)
    T, B, count = config.window_length, config.batch, len(windows)
    predictions = (count - 1) * T * B + windows[-1][0].size  # only the last window may be smaller
    return config._replace(windows_per_epoch=count, predictions_per_epoch=predictions)


def _optimizer(value: Any) -> Optimizer:
    """Return `value` if it has a method `step`; else raise TypeError."""
    if isinstance(value, type) or not callable(getattr(value, "step", None)):
        raise TypeError(f"optimizer: expected a value of `optim` such as Adam(), got {_check.describe(value)}")
    return value


def _functions(name: str, values: Any) -> Sequence[Callable[..., object]]:
    """Return `values` if it is a list or tuple of functions; else raise TypeError, also for a single function."""
    if not isinstance(values, (list, tuple)) or not all(map(callable, values)):
        raise TypeError(f"{name}: expected a list or tuple of functions, got {_check.describe(values)}")
    return values
