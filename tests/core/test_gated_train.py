"""Training, evaluating, saving and sweeping with an LSTM and a GRU: the pure functions are the oracle."""

import json
import math
import os
import signal
import zipfile
from functools import partial

import numpy as np
import pytest
from gated import CELLS, GATED, STATES
from models import assert_close, refuses

import rnnlib
from rnnlib import Vocabulary, cross_entropy, gru, lstm
from rnnlib.checkpoint import load, save
from rnnlib.optim import SGD, Adam, flatten, unflatten
from rnnlib.sweep import sweep
from rnnlib.train import evaluate, sample, train

TEXT = "the cat sat on the mat. the dog sat on the log. " * 2
VOCAB = Vocabulary(TEXT)
IDS = VOCAB.encode(TEXT)
V, H = len(VOCAB), 6
gated_cell = pytest.mark.parametrize("cell", GATED.values(), ids=GATED)
every_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)


def fresh(cell, seed=0, dtype=np.float64):
    return cell.init_params(V, H, rng=np.random.default_rng(seed), dtype=dtype)


def same(one, other):
    """Whether two runs are equal to the last bit."""
    for name, mine in one._asdict().items():
        theirs = getattr(other, name)
        if isinstance(mine, tuple):
            assert type(mine) is type(theirs)
            assert all(
                np.array_equal(*pair) and pair[0].dtype == pair[1].dtype for pair in zip(mine, theirs, strict=True)
            )
        elif isinstance(mine, dict) and mine and isinstance(next(iter(mine.values())), np.ndarray):
            assert mine.keys() == theirs.keys() and all(np.array_equal(mine[k], theirs[k]) for k in mine)
        elif isinstance(mine, np.ndarray):
            assert np.array_equal(mine, theirs) and mine.dtype == theirs.dtype, name
        elif name != "stopped":
            assert mine == theirs, name
    return True


def interrupting(after):
    """A schedule that asks for an interrupt, as Ctrl-C does, within update number `after`."""

    def rate(t, evaluations):
        if t == after:
            os.kill(os.getpid(), signal.SIGINT)
        return 0.05

    return rate


@gated_cell
@pytest.mark.parametrize("batch", [1, 3])
def test_stateful_training_is_forward_and_backward_window_by_window(cell, batch):
    run = train(fresh(cell), IDS, SGD(), rate=0.5, steps=7, batch=batch, epochs=2)
    params = fresh(cell)
    length = (len(IDS) - 1) // batch
    x, y = (IDS[s : s + batch * length].reshape(batch, length).T for s in (0, 1))
    losses = []
    for _ in range(2):
        states = {name: np.zeros((batch, H)) for name in STATES[cell]}
        for t in range(0, length, 7):
            trace = cell.forward(params, x[t : t + 7], **states)
            losses.append(cross_entropy(trace.o, y[t : t + 7]))
            grads = cell.backward(params, trace, y[t : t + 7])
            params = cell.Params(*(p - 0.5 * g for p, g in zip(params, grads, strict=False)))
            states = {name: getattr(trace, name[0])[-1] for name in STATES[cell]}
    assert_close(run.losses, losses, 1e-12)
    for mine, theirs in zip(run.params, params, strict=True):
        assert_close(mine, theirs, 1e-11, scale=1)
    assert type(run.params) is type(run.best) is cell.Params


@gated_cell
def test_it_learns_and_float32_stays_float32(cell):
    run = train(fresh(cell, dtype=np.float32), IDS, rate=0.02, steps=16, batch=2, epochs=60)
    assert run.losses[-1] < 0.5 < run.losses[0]
    arrays = [*run.params, *run.best, run.h, *run.slots.values()] + ([run.c] if cell is lstm else [])
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


@gated_cell
@pytest.mark.parametrize("carry", [True, False])
def test_a_run_goes_on_bit_for_bit_from_any_epoch(cell, carry):
    options = {"rate": 0.01, "steps": 8, "batch": 2, "carry": carry, "clip": 1.0, "seed": 3}
    whole = train(fresh(cell), IDS, epochs=4, **options)
    for epochs in (1, 2, 3):
        first = train(fresh(cell), IDS, epochs=epochs, **options)
        assert same(train(first, IDS, epochs=4, **options), whole)


@gated_cell
@pytest.mark.parametrize("carry", [True, False])
@pytest.mark.parametrize("after", [0, 3, 7])
def test_an_interrupted_run_goes_on_bit_for_bit_also_from_its_file(cell, carry, after, tmp_path):
    options = {"steps": 8, "batch": 2, "carry": carry, "epochs": 2}
    whole = train(fresh(cell), IDS, rate=0.05, **options)
    cut = train(fresh(cell), IDS, rate=interrupting(after), **options)
    assert cut.stopped == f"interrupted after update {after + 1}" and len(cut.losses) == after + 1
    if carry and cell is lstm and cut.window:
        assert cut.c.shape == (2, H) and cut.c.any()
    assert (cut.c is None) == (cell is gru)
    save(tmp_path / "run.npz", cut, VOCAB, Adam())
    loaded, vocab, optimizer = load(tmp_path / "run.npz")
    assert same(loaded, cut) and vocab.characters == VOCAB.characters and optimizer == Adam()
    assert same(train(cut, IDS, rate=0.05, **options), whole)
    assert same(train(loaded, IDS, rate=0.05, **options), whole)


@gated_cell
def test_sequences_begin_from_zeros_and_padding_counts_nothing(cell):
    texts = [VOCAB.encode(t) for t in ("the cat", "on the mat. the log", "a cat sat")]
    trained = train(fresh(cell), texts, rate=0.02, steps=4, batch=2, epochs=3, validation=texts)
    losses, counts = [], []
    for ids in texts:
        trace = cell.forward(trained.params, ids[:-1])
        losses.append(cross_entropy(trace.o, ids[1:], "sum"))
        counts.append(len(ids) - 1)
    expected = sum(losses) / sum(counts)
    assert trained.evaluations[-1] == pytest.approx(expected, rel=1e-12)
    for steps in (1, 5, 256):
        assert evaluate(trained.params, texts, steps=steps) == pytest.approx(expected, rel=1e-12)


@gated_cell
@pytest.mark.parametrize("steps", [1, 7, 256])
def test_evaluate_is_the_mean_loss_of_one_pass_over_the_text(cell, steps):
    params = fresh(cell, 4)
    trace = cell.forward(params, IDS[:-1])
    assert evaluate(params, IDS, steps=steps) == pytest.approx(cross_entropy(trace.o, IDS[1:]), rel=1e-12)


@gated_cell
def test_a_divergence_keeps_the_weights_before_it(cell):
    run = train(fresh(cell), IDS, SGD(), rate=1e308, steps=8, epochs=3)
    assert "not finite" in run.stopped and all(np.isfinite(array).all() for array in run.params)


@every_cell
def test_flatten_and_unflatten_are_inverse_for_every_cell(cell):
    params = fresh(cell)
    vector = flatten(params)
    again = unflatten(vector, V, H, kind=cell.Params)
    assert type(again) is cell.Params and all(np.array_equal(*pair) for pair in zip(again, params, strict=True))
    assert all(np.shares_memory(vector, array) for array in again)
    with refuses(ValueError, "vector"):
        unflatten(vector, V, H + 1, kind=cell.Params)
    with refuses(TypeError, "kind", "module"):
        unflatten(vector, V, H, kind=cell)


# Runs and files whose parts do not fit


def run_of(cell):
    return train(fresh(cell), IDS, rate=0.01, steps=8, batch=2, updates=3)


@pytest.mark.parametrize(
    "cell, change, error, argument",
    [
        (lstm, {"c": None}, TypeError, "c"),
        (lstm, {"c": np.zeros((2, H + 1))}, ValueError, "c"),
        (lstm, {"c": np.zeros((2, H), np.float32)}, TypeError, "c"),
        (lstm, {"c": np.full((2, H), np.nan)}, ValueError, "c"),
        (gru, {"c": np.zeros((2, H))}, TypeError, "c"),
        (rnnlib, {"c": np.zeros((2, H))}, TypeError, "c"),
        (lstm, {"best": fresh(gru)}, TypeError, "best"),
        (gru, {"best": fresh(rnnlib)}, TypeError, "best"),
        (rnnlib, {"best": fresh(lstm)}, TypeError, "best"),
        (gru, {"slots": {"m": np.zeros(5), "s": np.zeros(5)}}, ValueError, "slots.m"),
    ],
)
def test_a_run_whose_parts_do_not_fit_is_neither_resumed_nor_saved(cell, change, error, argument, tmp_path):
    run = run_of(cell)._replace(**change)
    with refuses(error, argument):
        train(run, IDS, rate=0.01, steps=8, batch=2, updates=5)
    with refuses(error, argument):
        save(tmp_path / "run.npz", run, VOCAB, Adam())


def changed(path, words=(), arrays=()):
    """Write the checkpoint again with other words in its JSON and other arrays; None takes one out."""
    with np.load(path) as file:
        held = {**file}
    said = json.loads(str(held["json"])) | dict(words)
    held |= dict(arrays)
    held["json"] = np.array(json.dumps({key: value for key, value in said.items() if value is not None}))
    np.savez(path, **{name: array for name, array in held.items() if array is not None})


@every_cell
def test_a_file_says_which_cell_and_one_from_before_there_were_others_is_loaded(cell, tmp_path):
    path, run = tmp_path / "run.npz", run_of(cell)
    save(path, run, VOCAB, Adam())
    changed(path)
    assert same(load(path)[0], run)
    changed(path, {"cell": None})
    if cell is rnnlib:
        assert same(load(path)[0], run)
    else:
        with pytest.raises(ValueError, match="expected a file written by `save`"):
            load(path)


@gated_cell
@pytest.mark.parametrize("change", [
    {"words": {"cell": "RNN"}}, {"words": {"cell": "Elman"}}, {"words": {"cell": 3}},
    {"arrays": {"c": np.zeros((3, H))}}, {"arrays": {"params.bh": np.zeros(H)}}, {"arrays": {"h": None}},
    {"arrays": {"params.Whh": np.zeros((H, 2 * H))}}, {"arrays": {"best.Wxh": None}},
], ids=str)  # fmt: skip
def test_a_file_whose_cell_does_not_fit_its_arrays_is_refused(cell, change, tmp_path):
    path = tmp_path / "run.npz"
    save(path, run_of(cell), VOCAB, Adam())
    changed(path, **change)
    with pytest.raises(ValueError, match="path: expected a file written by `save`"):
        load(path)
    assert zipfile.is_zipfile(path)


# What takes any cell, and what does not fit it


@gated_cell
def test_parameters_that_do_not_fit_are_named_by_all_that_take_any_cell(cell):
    params = fresh(cell)
    wrong = params._replace(Whh=params.Whh[:, :-1])
    features = cell.init_params(V, H, rng=np.random.default_rng(0), input_size=V + 1)
    for given, argument, error in (
        (wrong, "params.Whh", ValueError),
        (params._replace(by=params.by * np.nan), "params.by", ValueError),
        (features, "params", ValueError),
        (run_of(cell), "params", TypeError),
    ):
        with refuses(error, argument):
            evaluate(given, IDS)
        with refuses(error, argument):
            sample(given, VOCAB, "the", 3, rng=np.random.default_rng(0))
        if argument != "params" or error is ValueError:
            with refuses(error, argument):
                train(given, IDS, rate=0.1, steps=4)
    with refuses(TypeError, "params", "complex"):
        train(cell.Params(*(array.astype(complex) for array in params)), IDS, rate=0.1, steps=4)


@gated_cell
def test_a_sweep_begins_with_the_cell_that_it_is_told(cell):
    options = {"steps": 8, "epochs": 2, "n_jobs": 1, "progress": False}
    result = sweep(IDS, V, [3, 4], [0.01], [5], init_params=cell.init_params, **options)
    for row in result.rows:
        start = cell.init_params(V, row.hidden_size, rng=np.random.default_rng(5))
        assert row.loss == train(start, IDS, rate=0.01, steps=8, epochs=2, seed=5).evaluations[-1]
    with refuses(TypeError, "init_params", "module"):
        sweep(IDS, V, [3], [0.01], init_params=cell, **options)


def test_a_sweep_takes_a_start_of_your_own_in_other_processes_too():
    begin = partial(lstm.init_params, forget_bias=3.0)
    options = {"steps": 8, "epochs": 1, "progress": False}
    one, two = (sweep(IDS, V, [3], [0.01, 0.02], init_params=begin, n_jobs=n, **options) for n in (1, 2))
    assert [row[:6] for row in one.rows] == [row[:6] for row in two.rows] and math.isfinite(one.rows[0].loss)


@every_cell
def test_the_figure_of_a_run_shows_the_predictions_of_its_cell(cell):
    from rnnlib.plots import plot_training

    figure = plot_training(run_of(cell), VOCAB, "the cat")
    yhat = cell.forward(run_of(cell).params, VOCAB.encode("the cat")[:-1]).yhat
    likeliest = [VOCAB.characters[i] for i in yhat.argmax(axis=1)]
    shown = [text.get_text() for text in figure.axes[1].texts]
    assert shown[2::2] == [character.replace(" ", "␣") for character in likeliest]
