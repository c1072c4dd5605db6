"""The settings of a training run: checked once, before anything is computed, and never changed afterwards."""

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any, NamedTuple

import numpy as np

from .. import _check
from ..optim import Adam, Constant, Optimizer, Schedule
from ._windows import Texts, Windows, check_texts


class Config(NamedTuple):
    """What a run is to do: the arguments of `train` after its first, in their order; its docstring explains them.

    `checked` makes values of these types from what `train` was given.
    """

    ids: Texts
    optimizer: Optimizer
    rate: Schedule
    steps: int
    batch: int
    epochs: float  # math.inf where `updates` alone ends the run
    updates: float  # math.inf where `epochs` alone ends the run
    carry: bool
    clip: float | None
    weights: None  # those of `ids` are stored there
    validation: Texts | None
    validation_weights: None
    patience: int | None
    seed: int
    callbacks: Sequence[Callable[..., object]]
    windows_per_epoch: int = 0
    predictions_per_epoch: int = 0

    def windows(self, epoch: int) -> Windows:
        """The windows of this epoch, in the order in which they are read."""
        rng = None if self.carry else np.random.default_rng([self.seed, epoch])
        return self.ids.windows(self.batch, self.steps, rng)

    def work_left(self, epoch: int, window: int, updates: int) -> bool:
        """Whether anything is left to do after so many epochs, windows of the next epoch, and updates in all.

        An interrupt may have come between the last update of an epoch and its evaluation, which is then still to do.
        """
        return epoch < self.epochs and (updates < self.updates or window == self.windows_per_epoch)

    def characters_read(self, epoch: int, window: int) -> int:
        """How many characters have been predicted after so many epochs and windows of the next one."""
        in_epoch = self.windows(epoch).predictions(window) if window else 0
        return epoch * self.predictions_per_epoch + in_epoch

    def characters_to_read(self) -> int:
        """How many characters are predicted in the whole run, if nothing ends it early."""
        updates = min(self.epochs * self.windows_per_epoch, self.updates)
        full_epochs, extra_updates = divmod(int(updates), self.windows_per_epoch)
        return self.characters_read(full_epochs, extra_updates)

    def settings(self) -> dict[str, Any]:
        """What has to stay as it is when a run is resumed: argument -> a value that JSON can hold."""
        own = asdict(self.optimizer) if is_dataclass(self.optimizer) else {}
        return {
            **{name: getattr(self, name) for name in ("steps", "batch", "carry", "clip")},
            "seed": None if self.carry else self.seed,  # without effect on a text that is read in order
            "optimizer": {name: float(value) for name, value in own.items()},
            "ids": self.ids.checksum(),
        }


def checked(vocab_size: int, given: Config) -> Config:
    """Check the arguments of `train` and return them with the defaults that depend on other arguments.

    Raises TypeError or ValueError, naming the argument, for one that does not fit.
    """
    epochs, updates, rate = given.epochs, given.updates, given.rate
    if epochs is updates is None:
        epochs = 1
    config = Config(
        steps=_check.positive_int("steps", given.steps),
        batch=_check.positive_int("batch", given.batch),
        seed=_check.whole("seed", given.seed, 0, 2**63 - 1),
        epochs=math.inf if epochs is None else _check.positive_int("epochs", epochs),
        updates=math.inf if updates is None else _check.whole("updates", updates, 0, 2**63 - 1),
        carry=_check.flag("carry", given.carry),
        clip=None if given.clip is None else _check.positive("clip", given.clip),
        patience=None if given.patience is None else _check.positive_int("patience", given.patience),
        optimizer=Adam() if given.optimizer is None else _optimizer(given.optimizer),
        rate=_schedule(rate) if callable(rate) and not isinstance(rate, type) else Constant(rate),
        callbacks=_functions("callbacks", given.callbacks),
        ids=check_texts("ids", given.ids, vocab_size, given.weights),
        weights=None,
        validation=_validation(vocab_size, given.validation, given.validation_weights),
        validation_weights=None,
    )
    windows = config.windows(0)
    if config.ids.weights is not None and not any(w.any() for _, _, w in windows):
        raise ValueError("weights: expected one above 0 in the windows that are read, got none there")
    return config._replace(windows_per_epoch=len(windows), predictions_per_epoch=windows.predictions(len(windows)))


def _validation(vocab_size: int, ids: Any, weights: Any) -> Texts | None:
    """The validation text with its weights, None without one."""
    if ids is not None:
        return check_texts("validation", ids, vocab_size, weights, "validation_weights")
    if weights is not None:
        raise ValueError(f"validation_weights: expected None without `validation`, got {_check.describe(weights)}")
    return None


def _optimizer(value: Any) -> Optimizer:
    """Return `value` if it has a method `step`; else raise TypeError."""
    if isinstance(value, type) or not callable(getattr(value, "step", None)):
        raise TypeError(f"optimizer: expected a value of `optim` such as Adam(), got {_check.describe(value)}")
    return value


def _schedule(value: Any) -> Schedule:
    """Return `value` if it can be called as schedule(t, evaluations); else raise TypeError."""
    if not _takes(value, 2):
        raise TypeError(f"rate: expected a schedule(t, evaluations), got {_check.describe(value)}")
    return value


def _functions(name: str, values: Any) -> Sequence[Callable[..., object]]:
    """Return `values` if it is a list or tuple of functions of a Run; else raise TypeError, also for one function."""
    if not isinstance(values, (list, tuple)) or not all(callable(value) and _takes(value, 1) for value in values):
        expected = "a list or tuple of functions that take a Run"
        raise TypeError(f"{name}: expected {expected}, got {_check.describe(values)}")
    return values


def _takes(function: Callable[..., object], count: int) -> bool:
    """Whether a function can be called with so many arguments, as far as its signature is known."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # a builtin function without a signature
        pass
    return True
