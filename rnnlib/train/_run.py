"""A training run as a value: its parts, its beginning, and the check that they fit together."""

from typing import Any, NamedTuple

import numpy as np

from .. import _cell, _check, _flat
from ..optim import Optimizer, flatten, unflatten
from ..rnn import Params


class Run(NamedTuple):
    """A training run so far: what was learned, what was measured, and everything that the next update depends on."""

    params: Params  # after the last update: always finite
    best: Params  # at the lowest evaluation; before the first one, those at the beginning
    losses: np.ndarray  # (n,)  (weighted) mean loss over the window of each update, just before it, in nats
    norms: np.ndarray  # (n,)  norm of its gradient, before clipping
    rates: np.ndarray  # (n,)  its learning rate
    evaluations: np.ndarray  # (epoch,)  loss on the validation text, else over the epoch's predictions; inf: diverged
    stopped: str  # why the run ended before its last epoch, in a sentence; else empty
    epoch: int  # completed epochs
    window: int  # completed windows of the next epoch
    h: np.ndarray  # (B, H)  the state that the next window starts from
    slots: dict[str, np.ndarray]  # name -> (weights,)  state of the optimiser, see `optim`; zeros after a divergence
    t: int  # updates that this state covers
    settings: dict[str, Any] | None = None  # the arguments of `train` that have to stay the same; None: not known
    c: np.ndarray | None = None  # (B, H)  the cell state of an LSTM

    def __repr__(self) -> str:
        """The progress and the shapes of the parameters; `_asdict()` shows all that was measured."""
        last = f"last loss {self.losses[-1]:.4g} nats" if len(self.losses) else "no loss yet"
        stopped = f", {self.stopped}" if self.stopped else ""
        return f"Run(epoch {self.epoch}, update {len(self.losses)}, {last}, {self.params!r}{stopped})"


def fresh_run(params: Params, optimizer: Optimizer, batch: int, settings: dict[str, Any]) -> Run:
    """The run of these `Params`, of any cell and already checked, before its first update."""
    kind, (V, H, _) = type(params), _cell.sizes(params)
    begin, best = (unflatten(flatten(params), V, H, kind=kind) for _ in range(2))
    none, dtype = np.zeros(0), params.bh.dtype
    slots = {name: np.zeros(_flat.size(V, H, kind=kind), dtype) for name in optimizer.slots}
    states = {name: np.zeros((batch, H), dtype) for name in kind.states}
    return Run(
        begin, best, none, none, none, none, "", epoch=0, window=0, slots=slots, t=0, settings=settings, **states
    )


def check_network(params: Params) -> Params:
    """Return `params`, of any cell, as `check_text_params` does. Raises as it does, and TypeError for a `Run`."""
    if isinstance(params, Run):
        raise TypeError("params: expected Params, got a Run: take its run.params, or run.best")
    return _cell.check_text_params(params)


def check_trainable(params: Params) -> Params:
    """Return `params` as `check_network` does. Raises as it does, and TypeError for complex numbers."""
    params = check_network(params)
    if params.bh.dtype.kind != "f":
        raise TypeError(f"params: expected real numbers, got type {params.bh.dtype}")
    return params


def check_run(run: Run, optimizer: Optimizer) -> tuple[int, int]:
    """V and H of a run whose parts fit each other and the optimiser; else raises TypeError or ValueError."""
    if not isinstance(run, Run):
        raise TypeError(f"run: expected a Run, as `train` returns, got {_check.describe(run)}")
    params, best = check_trainable(run.params), check_trainable(run.best)
    kind, (V, H, _) = type(params), _cell.sizes(params)
    if type(best) is not kind:
        raise TypeError(f"best: expected the Params of {kind.cell}, as in params, got {_cell.describe(best)}")
    if best.Wxh.shape != params.Wxh.shape:
        raise ValueError(f"best: expected parameters of shape {params.Wxh.shape}, as in params, got {best.Wxh.shape}")
    if not isinstance(run.slots, dict):
        raise TypeError(f"slots: expected a dict of vectors, got {_check.describe(run.slots)}")
    if tuple(run.slots) != tuple(optimizer.slots):
        names = f"slots {optimizer.slots}, which {type(optimizer).__name__} remembers"
        raise ValueError(f"optimizer: expected that of the run, with slots {tuple(run.slots)}, got {names}")
    for name, vector in run.slots.items():
        _same_type(f"slots.{name}", _check.numbers(f"slots.{name}", vector, (_flat.size(V, H, kind=kind),)), params)
        if name in getattr(optimizer, "squares", ()) and (vector < 0).any():
            raise ValueError(f"slots.{name}: expected a mean or sum of squares, at least 0, got {vector.min()}")
    batch = max(1, len(_check.array("h", run.h))) if np.ndim(run.h) else "batch"
    for name in kind.states:
        _same_type(name, _check.numbers(name, getattr(run, name), (batch, H)), params)
    if run.c is not None and "c" not in kind.states:
        raise TypeError(f"c: expected None, since {kind.cell} has no cell state, got {_check.describe(run.c)}")
    updates = np.size(run.losses)
    for name, size in (("losses", updates), ("norms", updates), ("rates", updates), ("evaluations", run.epoch)):
        _measured(name, getattr(run, name), size)
    if not isinstance(run.stopped, str):
        raise TypeError(f"stopped: expected a sentence, or an empty string, got {_check.describe(run.stopped)}")
    if not isinstance(run.settings, (dict, type(None))):
        raise TypeError(f"settings: expected a dict, or None if unknown, got {_check.describe(run.settings)}")
    for name in ("epoch", "window", "t"):
        _check.whole(name, getattr(run, name), 0, 2**63 - 1)
    return V, H


def _same_type(name, array, params):
    """Raise TypeError unless the array has the type of the parameters."""
    if array.dtype != params.bh.dtype:
        raise TypeError(f"{name}: expected type {params.bh.dtype}, as in params, got {array.dtype}")


def _measured(name, values, size):
    """Raise TypeError or ValueError unless `values` are numbers (size,); only an evaluation may be infinite."""
    values = _check.array(name, values)
    if values.shape != (size,):
        raise ValueError(f"{name}: expected shape ({size},), got {values.shape}")
    if values.size and values.dtype.kind not in "fiu":
        raise TypeError(f"{name}: expected an array of numbers, got {_check.describe(values)}")
    if np.isnan(values).any() or (name != "evaluations" and np.isinf(values).any()):
        raise ValueError(f"{name}: expected finite numbers, got {values[~np.isfinite(values)][0]}")
