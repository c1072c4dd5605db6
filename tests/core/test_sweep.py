"""Sweeps: each row is the run that `train` does alone, wherever it was done; what goes wrong is told, not raised."""

import importlib
import io
import math
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest
from matplotlib.colors import LogNorm
from matplotlib.image import imread
from models import refuses

from rnnlib import Vocabulary, init_params
from rnnlib.optim import SGD, Adam
from rnnlib.plots import plot_sweep
from rnnlib.sweep import MEASURED, Row, Sweep, sweep
from rnnlib.text import encode_file
from rnnlib.train import train

joblib = importlib.import_module("joblib")
module = importlib.import_module("rnnlib.sweep")
TEXT = "I am learning RNN, and RNN is learning me. " * 4
VOCAB = Vocabulary(TEXT)
IDS = VOCAB.encode(TEXT)
GRID = {"hidden_sizes": (3, 5), "rates": (0.1, 0.01), "seeds": (0, 7)}
TRAINING = {"steps": 6, "batch": 2, "epochs": 2, "carry": False, "clip": 1.0, "validation": IDS[:40]}
TOO_FAST = 1e308  # the second step of plain descent is out of the floating numbers


def without_time(result):
    return [row._replace(seconds=0) for row in result.rows]


@pytest.fixture(scope="module")
def alone():
    """The sweep of GRID, in this process."""
    return sweep(IDS, len(VOCAB), **GRID, **TRAINING, n_jobs=1)


def test_each_row_is_the_run_that_train_does_alone(alone):
    rows = iter(alone.rows)
    for H in GRID["hidden_sizes"]:
        for rate in GRID["rates"]:
            for seed in GRID["seeds"]:
                start = init_params(len(VOCAB), H, rng=np.random.default_rng(seed))
                run, row = train(start, IDS, rate=rate, seed=seed, **TRAINING), next(rows)
                assert row[:3] == (H, rate, seed)
                assert row.loss == run.evaluations[-1] and row.best == run.evaluations.min()
                assert row.perplexity == pytest.approx(math.exp(row.loss), rel=1e-15)
                assert row.updates == len(run.losses) and row.seconds > 0 and row.stopped == ""
    assert next(rows, None) is None and alone.stopped == ""
    assert alone[1:4] == tuple(GRID.values())


def test_the_optimiser_the_type_and_the_patience_are_those_asked_for():
    result = sweep(IDS, len(VOCAB), [4], [0.5], optimizer=SGD(), steps=9, dtype=np.float32, epochs=30, patience=1,
                   n_jobs=1)  # fmt: skip
    start = init_params(len(VOCAB), 4, rng=np.random.default_rng(0), dtype=np.float32)
    run = train(start, IDS, SGD(), rate=0.5, steps=9, epochs=30, patience=1)
    (row,) = result.rows
    assert (row.loss, row.best, row.updates) == (run.evaluations[-1], run.evaluations.min(), len(run.losses))
    assert row.stopped == run.stopped


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_every_way_of_joblib_gives_the_same_rows(alone, backend):
    with joblib.parallel_config(backend=backend):
        result = sweep(IDS, len(VOCAB), **GRID, **TRAINING, n_jobs=2)
    assert without_time(result) == without_time(alone)


def test_all_cores_are_taken_unless_told_otherwise(alone):
    assert without_time(sweep(IDS, len(VOCAB), **GRID, **TRAINING)) == without_time(alone)


def test_a_dask_cluster_gives_the_same_rows(alone):
    distributed = importlib.import_module("dask.distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster):
        with joblib.parallel_config(backend="dask"):
            result = sweep(IDS, len(VOCAB), **GRID, **TRAINING)
    assert without_time(result) == without_time(alone)


def test_ids_in_a_file_are_swept_as_those_in_memory(alone, tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text(TEXT)
    ids, _ = encode_file(path)
    result = sweep(ids, len(VOCAB), **GRID, **TRAINING, n_jobs=2)
    assert without_time(result) == without_time(alone)


class Telling(SGD):
    """Descent that ends with what a variable of the environment is where it runs."""

    def step(self, g, slots, rate, t, out):
        raise RuntimeError(f"{os.environ['OPENBLAS_NUM_THREADS']} in {os.getpid()}")


def test_blas_has_one_thread_in_each_process_whatever_it_has_here(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    with pytest.raises(RuntimeError, match=r"^1 in ") as caught:
        sweep(IDS, len(VOCAB), [2], [0.1, 0.2], optimizer=Telling(), steps=9, n_jobs=2)
    assert str(caught.value) != f"1 in {os.getpid()}"


def test_a_run_that_diverges_is_a_row_and_the_others_go_on():
    result = sweep(IDS, len(VOCAB), [3], [TOO_FAST, 0.1], (0, 1), optimizer=SGD(), steps=9, n_jobs=1)
    for row in result.rows[:2]:
        assert row.loss == row.best == row.perplexity == math.inf
        assert "not finite" in row.stopped and row.updates < 9
    for row in result.rows[2:]:
        assert math.isfinite(row.loss) and not row.stopped
    assert np.isposinf(result.grid()).tolist() == [[True, False]]


def made(losses, hidden_sizes=(4, 8), rates=(0.1, 0.01, 1.0)):
    """A sweep of these losses: {(hidden size, rate): one for each seed}."""
    rows = [
        Row(*cell, seed, loss, loss / 2, np.exp(loss), 10 * seed, 0.5, "")
        for cell, values in losses.items()
        for seed, loss in enumerate(values)
    ]
    return Sweep(tuple(rows), hidden_sizes, rates, (0, 1, 2), "")


def test_the_grid_is_the_median_over_the_seeds_and_nan_where_there_is_none():
    inf, nan = math.inf, math.nan
    result = made(
        {(4, 0.1): [3, 1, 2], (4, 0.01): [1, inf, inf], (4, 1.0): [inf, 1, 2], (8, 0.1): [1, 2], (8, 1.0): [inf]}
    )
    np.testing.assert_array_equal(result.grid(), [[2, inf, 2], [1.5, nan, inf]])
    np.testing.assert_array_equal(result.grid("best"), [[1, inf, 1], [0.75, nan, inf]])
    np.testing.assert_array_equal(result.grid("updates"), [[10, 10, 10], [5, nan, 0]])
    with refuses(ValueError, "of", "'rate'", expected="'perplexity'"):
        result.grid("rate")


INTERRUPTED = """
import importlib, os, signal, sys, threading, time
from contextlib import contextmanager
from pathlib import Path
import numpy as np
from rnnlib.optim import SGD
module, n_jobs, folder = importlib.import_module("rnnlib.sweep"), int(sys.argv[1]), Path(sys.argv[2])

class Endless(SGD):
    def step(self, g, slots, rate, t, out):
        super().step(g, slots, rate, t, out)
        if t == 10:  # those that diverge come to no tenth update
            (folder / str(os.getpid())).touch()

def interrupt():
    while len(ended) < 2 or len(list(folder.iterdir())) < n_jobs:
        time.sleep(0.02)  # asked again: other processes make the files
    os.killpg(0, signal.SIGINT)  # to all processes, as a terminal does

@contextmanager
def bar(progress, total, done):
    yield lambda characters, loss: ended.append(loss)

ended, module.bar = [], bar
threading.Thread(target=interrupt, daemon=True).start()
result = module.sweep(np.arange(12) % 3, 3, [2], [1e308, 0.1], (0, 1), optimizer=Endless(), steps=4, epochs=10**9,
                      n_jobs=n_jobs)
print(result.stopped, [row[:4] for row in result.rows], sep="; ")
"""


@pytest.mark.parametrize("n_jobs", ["1", "2"])
def test_ctrl_c_gives_back_the_runs_that_have_come_to_their_end(tmp_path, n_jobs):
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED)
    (tmp_path / "running").mkdir()
    command = [sys.executable, "-W", "error", str(script), n_jobs, str(tmp_path / "running")]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        told, complaints = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    assert (told, complaints) == ("interrupted after 2 of 4 runs; [(2, 1e+308, 0, inf), (2, 1e+308, 1, inf)]\n", "")


class Killed(SGD):
    """Descent whose process is killed at one rate, once a file says that another run has come to its end."""

    def __init__(self, file):
        object.__setattr__(self, "file", file)

    def step(self, g, slots, rate, t, out):
        super().step(g, slots, rate, t, out)
        if rate == 0.2:
            while not self.file.exists():  # asked again: another process makes it
                time.sleep(0.02)
            os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_dies_ends_the_sweep_and_the_rows_before_are_kept(tmp_path, monkeypatch, capsys):
    file = tmp_path / "one run has ended"

    @contextmanager
    def bar(progress, total, done):
        yield lambda characters, loss: file.touch()

    monkeypatch.setattr(module, "bar", bar)
    options = {"steps": 9, "optimizer": Killed(file)}
    result = sweep(IDS, len(VOCAB), [2], [0.1, 0.2], (0, 1), **options, n_jobs=2, progress=True)
    assert len(result.rows) >= 1 and all(row.rate == 0.1 for row in result.rows)
    alone = sweep(IDS, len(VOCAB), [2], [0.1], (0, 1), steps=9, optimizer=SGD(), n_jobs=1, progress=False)
    assert set(without_time(result)) <= set(without_time(alone))
    assert result.stopped.startswith(f"a process died after {len(result.rows)} of 4 runs (")
    missing = {(2, rate, seed) for rate in (0.1, 0.2) for seed in (0, 1)} - {row[:3] for row in result.rows}
    assert result.stopped.endswith("without a row: " + ", ".join(map(str, sorted(missing))))
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"sweep: {result.stopped}; ")


def test_a_dask_worker_that_dies_ends_the_sweep_and_the_rows_before_are_kept(tmp_path, monkeypatch):
    distributed = importlib.import_module("dask.distributed")
    dask = importlib.import_module("dask")
    file = tmp_path / "one run has ended"

    @contextmanager
    def bar(progress, total, done):
        yield lambda characters, loss: file.touch()

    monkeypatch.setattr(module, "bar", bar)
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        with distributed.LocalCluster(**options, silence_logs=50) as cluster, distributed.Client(cluster):
            with joblib.parallel_config(backend="dask"):
                result = sweep(IDS, len(VOCAB), [2], [0.1, 0.2], steps=9, optimizer=Killed(file))
    assert [row[:3] for row in result.rows] == [(2, 0.1, 0)]
    assert "a process died after 1 of 2 runs" in result.stopped and "(2, 0.2, 0)" in result.stopped


class Raising(SGD):
    """Descent that raises at one rate."""

    def step(self, g, slots, rate, t, out):
        super().step(g, slots, rate, t, out)
        if rate == 0.2:
            raise ZeroDivisionError("at the rate 0.2")


def test_an_exception_in_a_run_carries_the_rows_before_it():
    with pytest.raises(ZeroDivisionError, match=r"at the rate 0\.2") as caught:
        sweep(IDS, len(VOCAB), [2], [0.1, 0.2, 0.3], optimizer=Raising(), steps=9, n_jobs=1)
    alone = sweep(IDS, len(VOCAB), [2], [0.1], optimizer=SGD(), steps=9, n_jobs=1)
    assert without_time(caught.value.sweep) == without_time(alone) and caught.value.sweep.rates == (0.1, 0.2, 0.3)


def test_sequences_and_weights_are_swept_as_train_reads_them():
    sequences, weights = [IDS[:9], IDS[9:30]], [np.ones(9), np.linspace(0, 1, 21)]
    options = {"steps": 6, "batch": 2, "weights": weights, "validation": sequences, "validation_weights": weights}
    (row,) = sweep(sequences, len(VOCAB), [2], [0.1], **options, n_jobs=1).rows
    run = train(init_params(len(VOCAB), 2, rng=np.random.default_rng(0)), sequences, rate=0.1, **options)
    assert row.loss == run.evaluations[-1] and row.updates == len(run.losses) == 4


def test_an_interrupted_sweep_says_so_where_somebody_watches(monkeypatch, capsys):
    module = sys.modules["rnnlib.sweep"]
    monkeypatch.setattr(module, "_run", lambda *job: signal.raise_signal(signal.SIGINT))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    result = sweep(IDS, len(VOCAB), [2], [0.1, 0.2], steps=9, n_jobs=1)
    assert result.rows == () and result.stopped == "interrupted after 0 of 2 runs"
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"sweep: {result.stopped}; ")


def test_the_bar_is_full_at_the_end_and_none_is_shown_unless_somebody_watches(capsys):
    few = {"hidden_sizes": [2], "rates": [0.1, 0.2], "steps": 9, "n_jobs": 1}
    sweep(IDS, len(VOCAB), **few)
    assert capsys.readouterr() == ("", "")
    sweep(IDS, len(VOCAB), **few, progress=True)
    assert "100%" in capsys.readouterr().err.rpartition("\r")[2]


def test_without_joblib_it_is_told_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "joblib", None)
    with refuses(ModuleNotFoundError, "sweep", "no such module", expected='pip install "rnnlib[sweep]"'):
        sweep(IDS, len(VOCAB), [2], [0.1], steps=9)


@pytest.mark.parametrize(
    "name, wrong, error",
    [
        ("vocab_size", 0, ValueError),
        ("hidden_sizes", 4, TypeError),
        ("hidden_sizes", "48", TypeError),
        ("hidden_sizes", [], ValueError),
        ("hidden_sizes", [4, 0], ValueError),
        ("hidden_sizes", [4, 4.5], TypeError),
        ("hidden_sizes", [4, 8, 4], ValueError),
        ("rates", [0.1, -0.1], ValueError),
        ("rates", [0.1, math.nan], ValueError),
        ("rates", ["0.1"], TypeError),
        ("rates", [[0.1]], TypeError),
        ("seeds", [-1], ValueError),
        ("seeds", [0.5], TypeError),
        ("seeds", 0, TypeError),
        ("ids", IDS.astype(float), TypeError),
        ("ids", IDS + 1, ValueError),
        ("ids", IDS[:1], ValueError),
        ("ids", "text", TypeError),
        ("optimizer", Adam, TypeError),
        ("optimizer", "adam", TypeError),
        ("steps", 0, ValueError),
        ("batch", 0, ValueError),
        ("batch", 2.0, TypeError),
        ("epochs", 0, ValueError),
        ("epochs", True, TypeError),
        ("epochs", None, TypeError),
        ("clip", -1, ValueError),
        ("validation", IDS[:1], ValueError),
        ("patience", 0, ValueError),
        ("dtype", int, TypeError),
        ("dtype", complex, TypeError),
        ("dtype", np.float16, TypeError),
        ("weights", np.ones(3), ValueError),
        ("weights", -np.ones(len(IDS)), ValueError),
        ("validation_weights", np.ones(len(IDS)), ValueError),
        ("n_jobs", 0, ValueError),
        ("n_jobs", 1.5, TypeError),
    ],
)
def test_arguments_that_do_not_fit_are_refused_before_anything_runs(monkeypatch, name, wrong, error):
    monkeypatch.setattr(module, "_run", lambda *all: pytest.fail("a run was started"))
    good = {"ids": IDS, "vocab_size": len(VOCAB), "hidden_sizes": [2], "rates": [0.1], "steps": 9, "n_jobs": 1}
    with refuses(error, name):
        sweep(**(good | {name: wrong}))


def test_the_sides_of_the_grid_may_be_arrays_and_ranges():
    result = sweep(IDS, len(VOCAB), range(2, 4), np.array([0.1]), np.arange(1), steps=9, n_jobs=1)
    assert (
        result.hidden_sizes == (2, 3) and result.rates == (0.1,) and [row.hidden_size for row in result.rows] == [2, 3]
    )


# The picture


def legend(figure):
    return [text.get_text() for found in figure.legends for text in found.get_texts()]


def numbers(figure):
    return {tuple(int(n) for n in text.get_position()[::-1]): text.get_text() for text in figure.axes[0].texts}


MIXED = {(4, 0.1): [1.5] * 3, (4, 0.01): [2.25] * 3, (4, 1.0): [math.inf] * 3, (8, 0.1): [1.234567] * 3,
         (8, 1.0): [math.inf, math.inf, 1]}  # fmt: skip


def test_the_picture_has_a_row_for_each_size_and_a_column_for_each_rate_from_low_to_high():
    axes = plot_sweep(made(MIXED)).axes[0]
    assert [tick.get_text() for tick in axis_labels(axes.xaxis)] == ["0.01", "0.1", "1"]
    assert [tick.get_text() for tick in axis_labels(axes.yaxis)] == ["4", "8"]
    shown = axes.images[0].get_array()
    assert shown.filled(-1).tolist() == [[2.25, 1.5, -1], [-1, 1.234567, -1]]


def axis_labels(axis):
    return axis.get_ticklabels()


def test_each_cell_that_has_a_number_carries_it():
    assert numbers(plot_sweep(made(MIXED))) == {(0, 0): "2.25", (0, 1): "1.50", (1, 1): "1.23"}
    assert numbers(plot_sweep(made(MIXED), "best")) == {(0, 0): "1.12", (0, 1): "0.750", (1, 1): "0.617"}


def test_what_diverged_or_never_ended_is_marked_and_said_and_the_lowest_is_outlined():
    figure = plot_sweep(made(MIXED))
    marks = {}
    for patch in figure.axes[0].patches:
        kind = "outline" if not patch.get_fill() else "hatched" if patch.get_hatch() else "white"
        marks.setdefault(kind, []).append((patch.get_y() + 0.5, patch.get_x() + 0.5))
    assert marks == {"hatched": [(0, 2), (1, 2)], "white": [(1, 0)], "outline": [(1, 1)]}
    assert legend(figure) == ["diverged: at least half of the runs", "no run came to its end", "the lowest"]


def test_with_one_seed_the_legend_says_diverged_alone():
    figure = plot_sweep(made({(4, 0.1): [1], (4, 0.01): [math.inf]}, (4,), (0.1, 0.01))._replace(seeds=(0,)))
    assert legend(figure) == ["diverged"]


def test_perplexities_are_coloured_by_their_logarithm():
    figure = plot_sweep(made(MIXED), "perplexity")
    image = figure.axes[0].images[0]
    assert isinstance(image.norm, LogNorm)
    assert image.get_clim() == pytest.approx((math.exp(1.234567), math.exp(2.25)))
    assert figure.axes[1].get_ylabel() == "perplexity"


@pytest.mark.parametrize("of", MEASURED)
@pytest.mark.parametrize(
    "losses",
    [MIXED, {}, {(4, 0.1): [math.inf]}, {(4, 0.1): [0.0]}, {(4, 0.1): [500.0], (8, 0.1): [1.0]}],
    ids=["mixed", "nothing", "all diverged", "zero", "far apart"],
)
def test_every_measure_of_every_sweep_can_be_drawn(losses, of):
    png = io.BytesIO()
    plot_sweep(made(losses), of).savefig(png, format="png")
    png.seek(0)
    assert imread(png).std() > 0.05  # not blank


def test_a_large_grid_thins_out_its_ticks_and_carries_no_numbers():
    sizes, rates = tuple(range(1, 61)), tuple(np.geomspace(1e-4, 1, 40).tolist())
    figure = plot_sweep(made({(H, rate): [H * rate] for H in sizes for rate in rates}, sizes, rates))
    axes = figure.axes[0]
    assert not axes.texts and len(axes.get_xticks()) < 20 and len(axes.get_yticks()) < 31


def test_what_is_no_sweep_and_what_is_not_measured_is_refused():
    with refuses(TypeError, "result", "list"):
        plot_sweep([])
    with refuses(ValueError, "of", "'rates'"):
        plot_sweep(made(MIXED), "rates")
