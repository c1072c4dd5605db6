"""Which hidden size, which learning rate? One training run for each pair and each seed, side by side on all cores."""

import math
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import product
from time import perf_counter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from . import _check
from ._extras import missing
from .optim import Adam, Optimizer
from .rnn import init_params
from .train import Run, perplexity, train
from .train._progress import bar, say


class Row(NamedTuple):
    """What came of one run of a sweep."""

    hidden_size: int
    rate: float
    seed: int
    loss: float  # the last evaluation, in nats; inf: diverged
    best: float  # the lowest evaluation; inf where the run diverged before its first
    perplexity: float  # exp loss
    updates: int
    seconds: float
    stopped: str  # why the run ended before its last epoch, as `Run.stopped` says; else empty


MEASURED = Row._fields[3:8]


class Sweep(NamedTuple):
    """The rows of a sweep, hidden size after hidden size, in it rate after rate, in it seed after seed."""

    rows: tuple[Row, ...]  # one for each run that came to its end
    hidden_sizes: tuple[int, ...]
    rates: tuple[float, ...]
    seeds: tuple[int, ...]
    stopped: str  # why runs are missing, in a sentence; else empty

    def __repr__(self) -> str:
        """How many rows there are, and the one with the lowest loss; `rows` are all of them."""
        runs = len(self.hidden_sizes) * len(self.rates) * len(self.seeds)
        lowest = f", lowest loss: {min(self.rows, key=lambda row: row.loss)}" if self.rows else ""
        return f"Sweep({len(self.rows)} of {runs} runs{lowest})"

    def grid(self, of: str = "loss") -> np.ndarray:
        """One number of the rows, its median over the seeds: (hidden sizes, rates); nan where no run came to its end.

        Raises ValueError for what is not measured.
        """
        _check.one_of("of", of, MEASURED)
        medians = np.full((len(self.hidden_sizes), len(self.rates)), np.nan)
        for place in np.ndindex(medians.shape):
            cell = self.hidden_sizes[place[0]], self.rates[place[1]]
            values = [getattr(row, of) for row in self.rows if row[:2] == cell]
            if values:
                medians[place] = np.median(values)
        return medians


def sweep(
    ids: npt.ArrayLike,
    vocab_size: int,
    hidden_sizes: Sequence[int],
    rates: Sequence[float],
    seeds: Sequence[int] = (0,),
    *,
    optimizer: Optimizer | None = None,
    steps: int,
    batch: int = 1,
    epochs: int = 1,
    carry: bool = True,
    clip: float | None = None,
    validation: npt.ArrayLike | None = None,
    patience: int | None = None,
    dtype: npt.DTypeLike = np.float64,
    n_jobs: int = -1,
    progress: bool | None = None,
) -> Sweep:
    """Train once for each hidden size, rate and seed, and measure each: a `Sweep`.

    A run is `train` from `init_params(vocab_size, hidden_size, rng=np.random.default_rng(seed), dtype=dtype)` with the
    rate, `seed` for the order of its windows, and the other arguments as they are. `n_jobs` runs go on side by side,
    each in a process of its own, in which BLAS has one thread; -1: as many as there are cores, 1: here, one after the
    other. `progress` as in `train`: the bar moves on as runs end.

    joblib does the distributing, and whatever it can distribute to will do, a Dask cluster too:

        client = dask.distributed.Client(...)
        with joblib.parallel_config(backend="dask"):
            sweep(...)

    A run that diverges is a row whose loss is inf. Ctrl-C ends the sweep: the runs under way are given up, those that
    have come to their end are in what is returned, and its `stopped` tells, as does a line where the bar is.

    Raises TypeError or ValueError, before anything is computed, for arguments that do not fit; ModuleNotFoundError
    without joblib.
    """
    try:
        import joblib
        from joblib.parallel import get_active_backend
    except ModuleNotFoundError:
        raise missing("sweep", "joblib", "sweep") from None
    V = _check.positive_int("vocab_size", vocab_size)
    hidden_sizes = _values("hidden_sizes", hidden_sizes, _check.positive_int)
    rates = _values("rates", rates, _check.positive)
    seeds = _values("seeds", seeds, lambda name, seed: _check.whole(name, seed, 0, 2**63 - 1))
    if _check.whole("n_jobs", n_jobs, -(2**31), 2**31 - 1) == 0:
        raise ValueError("n_jobs: expected a number of processes, or -1 for all cores, got 0")
    ids = _check.array("ids", ids)
    options = {"optimizer": optimizer, "steps": steps, "batch": batch, "epochs": epochs, "carry": carry, "clip": clip,
               "validation": validation, "patience": patience}  # fmt: skip
    _check_training(ids, V, rates[0], dtype, options)

    cells = list(product(hidden_sizes, rates, seeds))
    backend, _ = get_active_backend()
    one_thread = nullcontext()
    if backend.supports_inner_max_num_threads:  # others refuse to be asked
        one_thread = joblib.parallel_config(backend=backend, inner_max_num_threads=1)
    kind = "generator_unordered" if backend.supports_return_generator else "list"
    done, stopped = {}, ""
    with one_thread, bar(progress, len(cells) * epochs * len(ids), 0) as advance:
        jobs = (joblib.delayed(_run)(place, cell, ids, V, dtype, options) for place, cell in enumerate(cells))
        try:
            for place, row in joblib.Parallel(n_jobs, return_as=kind)(jobs):
                done[place] = row
                advance(epochs * len(ids), row.loss)
        except KeyboardInterrupt:
            stopped = f"interrupted after {len(done)} of {len(cells)} runs"
    if stopped:
        say(progress, f"sweep: {stopped}; the rows of these runs are in the Sweep returned")
    return Sweep(tuple(row for _, row in sorted(done.items())), hidden_sizes, rates, seeds, stopped)


def _run(place, cell, ids, vocab_size, dtype, options):
    """The place of a run in the grid, and its row."""
    hidden_size, rate, seed = cell
    begin = perf_counter()
    start = init_params(vocab_size, hidden_size, rng=np.random.default_rng(seed), dtype=dtype)
    run = train(start, ids, rate=rate, seed=seed, progress=False, **options)
    if run.stopped.startswith("interrupted"):  # `train` has heard the Ctrl-C that was meant for all
        raise KeyboardInterrupt
    diverged = run.stopped and not run.t
    loss = math.inf if diverged else float(run.evaluations[-1])
    best = float(min(run.evaluations, default=math.inf))
    seconds = perf_counter() - begin
    return place, Row(*cell, loss, best, perplexity(loss), len(run.losses), seconds, run.stopped)


def _check_training(ids, vocab_size, rate, dtype, options):
    """Raise as `train` does: it is given a run that is over, so that it checks everything and has nothing to do."""
    B, _ = (_check.positive_int(name, options[name]) for name in ("batch", "epochs"))
    optimizer = Adam() if options["optimizer"] is None else options["optimizer"]
    params = init_params(vocab_size, 1, rng=np.random.default_rng(0), dtype=dtype)
    slots = {name: np.zeros(sum(array.size for array in params)) for name in getattr(optimizer, "slots", ())}
    none = np.zeros(0)
    over = Run(params, params, none, none, none, np.zeros(1), "", 1, 0, np.zeros((B, 1)), slots, 0)
    train(over, ids, rate=rate, progress=False, **(options | {"epochs": 1}))


def _values(name, values, check):
    """The values of one side of the grid as a tuple, each checked; else raises TypeError or ValueError."""
    if isinstance(values, str) or np.ndim(values) != 1:
        raise TypeError(f"{name}: expected a list of numbers, got {_check.describe(values)}")
    values = tuple(check(name, value) for value in values)
    if not values or len(set(values)) < len(values):
        raise ValueError(f"{name}: expected at least one number, and none of them twice, got {values}")
    return values
