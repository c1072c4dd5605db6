"""A training run as a value: its parts, its beginning, and the check that they fit together."""

from typing import NamedTuple

import numpy as np

from .. import _check, _flat
from ..optim import Optimizer, flatten, unflatten
from ..rnn import Params, check_params, check_text_params


class Run(NamedTuple):
    """A training run so far: what was learned, what was measured, and everything that the next update depends on."""

    params: Params  # after the last update: always finite
    best: Params  # at the lowest evaluation; before the first one, those at the beginning
    losses: np.ndarray  # (n,)  mean loss over the window of each update, just before it, in nats
    norms: np.ndarray  # (n,)  norm of its gradient, before clipping
    rates: np.ndarray  # (n,)  its learning rate
    evaluations: np.ndarray  # (epoch,)  loss on the validation text, else the mean of the epoch's losses; inf: diverged
    stopped: str  # why the run ended before its last epoch, in a sentence; else empty
    epoch: int  # completed epochs
    window: int  # completed windows of the next epoch
    h: np.ndarray  # (B, H)  the state that the next window starts from
    slots: dict[str, np.ndarray]  # name -> (weights,)  state of the optimiser, see `optim`; zeros after a divergence
    t: int  # updates that this state covers

    def __repr__(self) -> str:
        """The progress and the shapes of the parameters; `_asdict()` shows all that was measured."""
        last = f"last loss {self.losses[-1]:.4g} nats" if len(self.losses) else "no loss yet"
        stopped = f", {self.stopped}" if self.stopped else ""
        return f"Run(epoch {self.epoch}, update {len(self.losses)}, {last}, {self.params!r}{stopped})"


def fresh_run(params: Params, optimizer: Optimizer, batch: int) -> Run:
    """The run of these `Params`, already checked, before its first update."""
    V, H = params.Wxh.shape
    begin, best = (unflatten(flatten(params), V, H) for _ in range(2))
    none, dtype = np.zeros(0), params.bh.dtype
    slots = {name: np.zeros(_flat.size(V, H), dtype) for name in optimizer.slots}
    return Run(begin, best, none, none, none, none, "", 0, 0, np.zeros((batch, H), dtype), slots, 0)


def check_trainable(params: Params) -> Params:
    """Return `params` as `Params` of real arrays, those of a network that reads what it predicts.

    Raises as `check_text_params` does, and TypeError for complex numbers.
    """
    params = check_text_params(params)
    if params.bh.dtype.kind != "f":
        raise TypeError(f"params: expected real numbers, got type {params.bh.dtype}")
    return params


def check_run(run: Run, optimizer: Optimizer) -> tuple[int, int]:
    """V and H of a run whose parts fit each other and the optimiser; else raises TypeError or ValueError."""
    params, best = check_trainable(run.params), check_params(run.best)
    V, H = params.Wxh.shape
    if best.Wxh.shape != (V, H):
        raise ValueError(f"best: expected parameters of shape {(V, H)}, as in params, got {best.Wxh.shape}")
    if tuple(run.slots) != tuple(optimizer.slots):
        names = f"slots {optimizer.slots}, which {type(optimizer).__name__} remembers"
        raise ValueError(f"optimizer: expected that of the run, with slots {tuple(run.slots)}, got {names}")
    for name, vector in run.slots.items():
        _check.numbers(f"slots.{name}", vector, (_flat.size(V, H),))
    _check.numbers("h", run.h, (len(run.h), H))
    updates = len(run.losses)
    for name, size in (("losses", updates), ("norms", updates), ("rates", updates), ("evaluations", run.epoch)):
        if np.shape(getattr(run, name)) != (size,):
            raise ValueError(f"{name}: expected shape ({size},), got {np.shape(getattr(run, name))}")
    for name in ("epoch", "window", "t"):
        _check.whole(name, getattr(run, name), 0, 2**63 - 1)
    return V, H
