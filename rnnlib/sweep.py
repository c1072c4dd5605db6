"""A hyperparameter sweep: one training run for each hidden size, learning rate and seed, in parallel on all cores."""

import math
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import nullcontext
from functools import partial
from itertools import product
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import _check
from ._extras import missing
from .optim import Optimizer
from .rnn import init_params as vanilla
from .train import perplexity, train
from .train._progress import bar, say
from .train._windows import check_texts


class Row(NamedTuple):
    """The result of one run of a sweep."""

    hidden_size: int
    rate: float  # the learning rate
    seed: int
    loss: float  # the last evaluation, in nats; inf: diverged
    best: float  # the lowest evaluation; inf where the run diverged before its first
    perplexity: float  # exp loss
    updates: int
    seconds: float
    stopped: str  # why the run ended before its last epoch, as `Run.stopped` says; else empty


MEASURED = Row._fields[3:8]


class Sweep(NamedTuple):
    """The rows of a sweep, ordered by hidden size, then by learning rate, then by seed, as these were given."""

    rows: tuple[Row, ...]  # one for each completed run
    hidden_sizes: tuple[int, ...]
    rates: tuple[float, ...]
    seeds: tuple[int, ...]
    stopped: str  # why rows are missing, in a sentence; else empty

    def __repr__(self) -> str:
        """The number of rows, and the one with the lowest loss; `rows` has all of them."""
        runs = len(self.hidden_sizes) * len(self.rates) * len(self.seeds)
        lowest = f", lowest loss: {min(self.rows, key=lambda row: row.loss)}" if self.rows else ""
        return f"Sweep({len(self.rows)} of {runs} runs{lowest})"

    def grid(self, of: str = "loss") -> np.ndarray:
        """The median over the seeds of one column of the rows: (hidden sizes, rates); nan where no run is complete.

        Raises ValueError for a name that is not in `MEASURED`.
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
    ids: npt.ArrayLike | Sequence[npt.ArrayLike],
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
    weights: npt.ArrayLike | Sequence[npt.ArrayLike] | None = None,
    validation: npt.ArrayLike | Sequence[npt.ArrayLike] | None = None,
    validation_weights: npt.ArrayLike | Sequence[npt.ArrayLike] | None = None,
    patience: int | None = None,
    init_params: Callable[..., Any] = vanilla,
    dtype: npt.DTypeLike = np.float64,
    n_jobs: int = -1,
    progress: bool | None = None,
) -> Sweep:
    """Train once for each hidden size, learning rate and seed, and measure each run: a `Sweep`.

    A run is `train` from `init_params(vocab_size, hidden_size, rng=np.random.default_rng(seed), dtype=dtype)` with the
    learning rate, with `seed` for the order of its windows, and with the other arguments as given. init_params: that
    of the cell, for example `lstm.init_params`, or a function of your own with the same arguments. `n_jobs` runs are
    done in parallel, each in its own process with one BLAS thread; -1: as many as there are cores, 1: one after the
    other in this process. `progress` as in `train`; the bar advances when a run ends.

    joblib distributes the runs, and every backend of joblib works, for example a Dask cluster:

        client = dask.distributed.Client(...)
        with joblib.parallel_config(backend="dask"):
            sweep(...)

    A run that diverges is a row whose loss is inf. Ctrl-C ends the sweep, and so does a process that dies, killed for
    its memory for example: runs in progress are given up, completed ones are in the `Sweep` returned, and its `stopped`
    says so and names the others, as does a line where the bar is. Any other exception carries the completed runs as its
    attribute `sweep`.

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
    _check.positive_int("epochs", epochs)  # None, too, is refused: the bar needs the number
    options = {"optimizer": optimizer, "steps": steps, "batch": batch, "epochs": epochs, "carry": carry, "clip": clip,
               "weights": weights, "validation": validation, "validation_weights": validation_weights,
               "patience": patience}  # fmt: skip
    if not callable(init_params):
        raise TypeError(
            f"init_params: expected a function such as lstm.init_params, got {_check.describe(init_params)}"
        )
    smallest = init_params(V, 1, rng=np.random.default_rng(0), dtype=dtype)
    if smallest.bh.dtype.kind != "f":
        raise TypeError(f"dtype: expected a real floating type, got {_check.describe(dtype)}")
    train(smallest, ids, rate=rates[0], updates=0, progress=False, **options)  # checks the arguments, and no more
    count = len(check_texts("ids", ids).ids)

    cells = list(product(hidden_sizes, rates, seeds))
    backend, _ = get_active_backend()
    one_thread = nullcontext()
    if backend.supports_inner_max_num_threads:  # other backends reject the option
        one_thread = joblib.parallel_config(backend=backend, inner_max_num_threads=1)
    begin = partial(init_params, dtype=dtype)
    jobs = [(index, cell, ids, V, begin, options) for index, cell in enumerate(cells)]
    done, stopped = {}, ""

    def result():
        return Sweep(tuple(row for _, row in sorted(done.items())), hidden_sizes, rates, seeds, stopped)

    with one_thread, bar(progress, len(cells) * epochs * count, 0) as advance:
        try:
            for index, row in _results(joblib, backend, n_jobs, jobs):
                done[index] = row
                advance(epochs * count, row.loss)
        except KeyboardInterrupt:
            stopped = f"interrupted after {len(done)} of {len(cells)} runs"
        except _died() as error:
            without = ", ".join(str(cell) for index, cell in enumerate(cells) if index not in done)
            happened = f"a process died after {len(done)} of {len(cells)} runs ({type(error).__name__})"
            stopped = f"{happened}; without a row: {without}"
        except BaseException as error:
            error.sweep = result()
            raise
    if stopped:
        say(progress, f"sweep: {stopped}; the rows of the completed runs are in the Sweep returned")
    return result()


def _results(joblib, backend, n_jobs, jobs):
    """What `_run` gives for each job, as the jobs end."""
    if type(backend).__name__ == "DaskDistributedBackend" and n_jobs != 1:
        return _results_of_dask(backend, jobs)
    kind = "generator_unordered" if backend.supports_return_generator else "list"
    return joblib.Parallel(n_jobs, return_as=kind)(joblib.delayed(_run)(*job) for job in jobs)


def _results_of_dask(backend, jobs):
    """The same from Dask itself: joblib (1.6) would wait without end for the result of a worker that has died."""
    from distributed import as_completed

    client = backend.client
    _, _, ids, vocab_size, begin, options = jobs[0]
    ids, options = client.scatter([ids, options], hash=False)  # once, not with each job
    futures = [
        client.submit(_run, index, cell, ids, vocab_size, begin, options, pure=False, **backend.submit_kwargs)
        for index, cell, *_ in jobs
    ]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        client.cancel(futures)


def _died():
    """The exceptions by which joblib and Dask tell that the process of a run has died."""
    distributed = sys.modules.get("distributed")  # a caller who uses Dask has imported it already
    return (BrokenExecutor, distributed.KilledWorker) if distributed else BrokenExecutor


def _run(index, cell, ids, vocab_size, begin, options):
    """The index of a run in the grid, and its row."""
    hidden_size, rate, seed = cell
    before = perf_counter()
    start = begin(vocab_size, hidden_size, rng=np.random.default_rng(seed))
    run = train(start, ids, rate=rate, seed=seed, progress=False, **options)
    if run.stopped.startswith("interrupted"):  # `train` has caught a Ctrl-C that is for the whole sweep
        raise KeyboardInterrupt
    diverged = run.stopped and not run.t
    loss = math.inf if diverged else float(run.evaluations[-1])
    best = float(min(run.evaluations, default=math.inf))
    seconds = perf_counter() - before
    return index, Row(*cell, loss, best, perplexity(loss), len(run.losses), seconds, run.stopped)


def _values(name, values, check):
    """The values along one axis of the grid as a tuple, each checked; else raises TypeError or ValueError."""
    several = isinstance(values, (list, tuple)) and any(isinstance(value, (list, tuple)) for value in values)
    if several or isinstance(values, str) or np.ndim(values) != 1:
        raise TypeError(f"{name}: expected a list of numbers, got {_check.describe(values)}")
    values = tuple(check(name, value) for value in values)
    if not values or len(set(values)) < len(values):
        raise ValueError(f"{name}: expected at least one number, and none of them twice, got {values}")
    return values
