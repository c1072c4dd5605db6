"""Training: windows, the loop held against the pure functions, resuming, stopping, saving, sampling."""

import json
import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import assert_close, refuses

from rnnlib import Params, Vocabulary, backward, cross_entropy, forward, init_params, softmax
from rnnlib.checkpoint import load, save
from rnnlib.optim import SGD, Adagrad, Adam, Constant, Cosine, HalveOnRise, Momentum, RMSprop
from rnnlib.train import (
    Run,
    bits,
    bits_per_character,
    ema,
    evaluate,
    perplexity,
    sample,
    shuffled,
    smoothed,
    streams,
    train,
)

TEXT = "one fish two fish red fish blue fish black fish blue fish old fish new fish "
VOCAB = Vocabulary(TEXT)
IDS = VOCAB.encode(TEXT)
V, H = len(VOCAB), 5
SIZE = 2 * V * H + H * H + H + V  # of a vector of all parameters
OPTIMIZERS = [SGD(), Momentum(0.8), Adagrad(), RMSprop(0.95, 1e-6), Adam(0.8, 0.95)]


def fresh(seed=0, dtype=np.float64):
    return init_params(V, H, rng=np.random.default_rng(seed), dtype=dtype)


def same(run, other):
    """Every number of two runs, bit for bit."""
    for name in Run._fields:
        mine, theirs = getattr(run, name), getattr(other, name)
        if name == "slots":
            assert list(mine) == list(theirs)
            mine, theirs = list(mine.values()), list(theirs.values())
        if name in ("params", "best", "slots"):
            assert [array.dtype for array in mine] == [array.dtype for array in theirs]
            assert all(map(np.array_equal, mine, theirs)), name
        else:
            assert mine == theirs if name == "settings" else np.array_equal(mine, theirs), name


def finite(params):
    return all(np.isfinite(array).all() for array in params)


class Tripped(SGD):
    """Descent that does something of the test's own before one step, the first of which is 1."""

    def __init__(self, at, do):
        object.__setattr__(self, "at", at)
        object.__setattr__(self, "do", do)

    def step(self, g, slots, rate, t, out):
        super().step(g, slots, rate, t, out)
        if t == self.at:
            self.do(out)


class Brittle(SGD):
    """Descent that gives NaN at any rate above 0.3."""

    def step(self, g, slots, rate, t, out):
        super().step(g, slots, rate, t, out)
        if rate > 0.3:
            out[:] = np.nan


# Windows


@given(st.integers(2, 60), st.integers(1, 7), st.integers(1, 9))
def test_streams_partition_the_predictions_of_the_text(n, batch, steps):
    ids = np.arange(n)
    length = (n - 1) // batch
    if not length:
        with refuses(ValueError, "ids", str(n)):
            streams(ids, batch, steps)
        return
    windows = streams(ids, batch, steps)
    assert [len(x) for x, _ in windows[:-1]] == [steps] * (len(windows) - 1) and 1 <= len(windows[-1][0]) <= steps
    for x, y in windows:
        assert x.shape == y.shape and np.array_equal(y, x + 1)
    columns = np.concatenate([x for x, _ in windows]).T
    assert columns.shape == (batch, length)
    assert columns.ravel().tolist() == list(range(batch * length))  # each once; each stream in order


def test_windows_are_cut_when_their_turn_comes_however_many_there_are():
    ids = np.zeros(1_000_001, np.uint8)

    def rate(t, evaluations):
        if t == 3:
            raise StopIteration
        return 0.1

    for carry, most in ((True, 0.2e6), (False, 3.4e6)):  # two orders of 200,000 windows, at 8 bytes
        tracemalloc.start()
        with pytest.raises(StopIteration):
            train(init_params(1, 2, rng=np.random.default_rng(0)), ids, rate=rate, steps=5, carry=carry)
        assert tracemalloc.get_traced_memory()[1] < most
        tracemalloc.stop()
    tracemalloc.start()
    windows = streams(ids, 1, 5)
    assert len(windows) == len(windows[1:]) + 1 == 200_000
    assert tracemalloc.get_traced_memory()[1] < 1e5
    tracemalloc.stop()


@given(st.integers(2, 60), st.integers(1, 7), st.integers(1, 9), st.integers(0, 99))
def test_shuffled_windows_partition_the_predictions_of_the_text(n, batch, steps, seed):
    ids = np.arange(n)
    count = (n - 1) // steps
    if not count:
        with refuses(ValueError, "ids", str(n)):
            shuffled(ids, batch, steps, np.random.default_rng(seed))
        return
    windows = shuffled(ids, batch, steps, np.random.default_rng(seed))
    assert [x.shape[1] for x, _ in windows[:-1]] == [batch] * (len(windows) - 1)
    for x, y in windows:
        assert len(x) == steps and np.array_equal(y, x + 1) and np.all(np.diff(x, axis=0) == 1)
    read = np.concatenate([x.T.ravel() for x, _ in windows])
    assert sorted(read.tolist()) == list(range(count * steps))


def test_each_epoch_has_an_order_of_its_own_that_the_seed_fixes():
    orders = [[x.tolist() for x, _ in shuffled(IDS, 2, 4, np.random.default_rng([0, epoch]))] for epoch in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]


# The loop against the pure functions


def by_hand(params, windows, rate, carry, epochs=1, clip=math.inf):
    """Gradient descent by `forward` and `backward`, window by window: the parameters and the losses."""
    losses, norms = [], []
    for _ in range(epochs):
        h = None
        for x, y in windows:
            trace = forward(params, x, h)
            h = trace.h[-1] if carry else None
            losses.append(cross_entropy(trace.o, y))
            grads = backward(params, trace, y)[:5]
            norms.append(math.sqrt(sum((g**2).sum() for g in grads)))
            scale = min(1, clip / norms[-1])
            params = Params(*(w - rate * scale * g for w, g in zip(params, grads, strict=True)))
    return params, losses, norms


@pytest.mark.parametrize("batch, clip", [(1, None), (3, None), (3, 0.2)])
def test_stateful_training_is_forward_and_backward_window_by_window(batch, clip):
    run = train(fresh(), IDS, SGD(), rate=0.1, steps=7, batch=batch, epochs=2, clip=clip)
    params, losses, norms = by_hand(fresh(), streams(IDS, batch, 7), 0.1, True, 2, clip or math.inf)
    for mine, theirs in zip(run.params, params, strict=True):
        assert_close(mine, theirs, 1e-12)
    assert_close(run.losses, losses, 1e-12)
    assert_close(run.norms, norms, 1e-12)
    assert run.rates.tolist() == [0.1] * len(losses)
    sizes = [x.size for x, _ in streams(IDS, batch, 7)]
    assert sizes[-1] < sizes[0]  # so that each loss has to count by the predictions of its window
    mean = np.average(losses[len(losses) // 2 :], weights=sizes)
    assert run.evaluations[1] == pytest.approx(mean, rel=1e-12)
    assert (run.epoch, run.window, run.stopped, run.t) == (2, 0, "", len(losses))


def test_windows_on_their_own_begin_from_zeros_in_the_seeded_order():
    run = train(fresh(), IDS, SGD(), rate=0.1, steps=7, batch=3, epochs=2, carry=False, seed=4)
    windows = [window for epoch in (0, 1) for window in shuffled(IDS, 3, 7, np.random.default_rng([4, epoch]))]
    params, losses, _ = by_hand(fresh(), windows, 0.1, False)
    assert_close(run.losses, losses, 1e-12)
    assert_close(run.params.Whh, params.Whh, 1e-12)
    assert not run.h.any()


def test_carried_windows_see_what_the_unrolled_network_sees():
    """At a rate too small to matter the windows' losses are those of one pass over the whole text."""
    run = train(fresh(), IDS, SGD(), rate=1e-300, steps=10)
    trace = forward(fresh(), IDS[:-1])
    losses = [cross_entropy(trace.o[t : t + 10], IDS[1:][t : t + 10]) for t in range(0, len(IDS) - 1, 10)]
    assert_close(run.losses, losses, 1e-12)


def test_the_state_goes_on_within_an_epoch_and_stands_in_an_interrupted_run():
    stop = Tripped(3, lambda out: os.kill(os.getpid(), signal.SIGINT))
    run = train(fresh(), IDS, stop, rate=1e-300, steps=10, batch=2)
    seen = np.concatenate([x for x, _ in streams(IDS, 2, 10)[:3]])
    assert_close(run.h, forward(fresh(), seen).h[-1], 1e-12)


def test_training_leaves_what_it_was_given_as_it_was():
    start, ids = fresh(), IDS.copy()
    first = train(start, ids, rate=0.01, steps=7)
    kept = [array.copy() for array in (*first.params, *first.best, *first.slots.values(), first.h, first.losses)]
    train(first, ids, rate=0.01, steps=7, epochs=3)
    after = [*first.params, *first.best, *first.slots.values(), first.h, first.losses]
    assert all(map(np.array_equal, kept, after))
    assert all(map(np.array_equal, start, fresh())) and np.array_equal(ids, IDS)


def test_float32_stays_float32():
    run = train(fresh(dtype=np.float32), IDS, rate=0.01, steps=7, validation=IDS)
    assert {a.dtype for a in (*run.params, *run.best, *run.slots.values(), run.h)} == {np.dtype(np.float32)}


def test_it_learns():
    run = train(fresh(), IDS, rate=0.03, steps=8, batch=2, epochs=30, clip=5)
    assert run.evaluations[-1] < 0.6 * math.log(V)  # far below chance, and far from where rounding decides


# Resuming


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("carry", [True, False])
def test_a_run_goes_on_bit_for_bit_from_any_epoch(optimizer, carry):
    options = {"rate": Cosine(0.02, 50), "steps": 9, "batch": 2, "carry": carry, "clip": 0.5, "validation": IDS[:40]}
    whole = train(fresh(), IDS, optimizer, epochs=4, **options)
    for epochs in range(1, 4):
        part = train(fresh(), IDS, optimizer, epochs=epochs, **options)
        same(train(part, IDS, optimizer, epochs=4, **options), whole)


@pytest.mark.parametrize("carry", [True, False])
def test_a_run_interrupted_in_any_update_goes_on_bit_for_bit(carry):
    options = {"rate": 0.1, "steps": 9, "batch": 2, "carry": carry, "epochs": 2}
    whole = train(fresh(), IDS, SGD(), **options)
    for update in range(1, len(whole.losses) + 1):
        stop = Tripped(update, lambda out: os.kill(os.getpid(), signal.SIGINT))
        part = train(fresh(), IDS, stop, **options)
        assert len(part.losses) == part.t == update
        assert part.stopped == f"interrupted after update {update}"
        same(train(part, IDS, SGD(), **options), whole)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("carry", [True, False])
def test_a_run_of_so_many_updates_goes_on_bit_for_bit(optimizer, carry):
    options = {"rate": Cosine(0.02, 50), "steps": 9, "batch": 2, "carry": carry, "clip": 0.5, "validation": IDS[:40]}
    whole = train(fresh(), IDS, optimizer, epochs=2, **options)
    updates = len(whole.losses)
    same(train(fresh(), IDS, optimizer, updates=updates, **options), whole)
    part = train(fresh(), IDS, optimizer, updates=0, **options)
    for update in range(1, updates + 1):
        part = train(part, IDS, optimizer, updates=update, **options)  # one more each time
        same(part, train(fresh(), IDS, optimizer, updates=update, **options))
        assert len(part.losses) == part.t == update and part.stopped == ""
        assert part.losses.tolist() == whole.losses[:update].tolist()
        assert divmod(update, updates // 2) == (part.epoch, part.window)
        assert len(part.evaluations) == part.epoch
        same(train(part, IDS, optimizer, epochs=2, **options), whole)
        same(train(part, IDS, optimizer, updates=update - 1, **options), part)  # as they are done already


def test_no_update_is_the_run_before_the_first_one():
    run = train(fresh(), IDS, rate=0.01, steps=9, updates=0)
    assert all(map(np.array_equal, run.params, fresh())) and run.losses.shape == (0,) and run.stopped == ""
    assert (run.epoch, run.window, run.t) == (0, 0, 0) and not run.h.any() and list(run.slots) == ["m", "s"]
    same(train(run, IDS, rate=0.01, steps=9), train(fresh(), IDS, rate=0.01, steps=9))


def test_epochs_or_updates_end_the_run_whichever_come_first():
    each = len(streams(IDS, 1, 9))
    for epochs, updates, done in ((2, 3, 3), (2, 5 * each, 2 * each), (None, 5 * each, 5 * each), (None, None, each)):
        assert len(train(fresh(), IDS, rate=0.01, steps=9, epochs=epochs, updates=updates).losses) == done


def test_an_epoch_whose_last_update_was_interrupted_is_evaluated_though_its_updates_are_done():
    each = len(streams(IDS, 1, 9))
    stop = Tripped(each, lambda out: os.kill(os.getpid(), signal.SIGINT))
    part = train(fresh(), IDS, stop, rate=0.1, steps=9, updates=each)
    assert (part.epoch, part.window) == (0, each)
    same(train(part, IDS, SGD(), rate=0.1, steps=9, updates=each), train(fresh(), IDS, SGD(), rate=0.1, steps=9))


def test_callbacks_and_patience_count_epochs_in_a_run_of_updates_too():
    seen, each = [], len(streams(IDS, 1, 9))
    train(fresh(), IDS, rate=0.01, steps=9, updates=2 * each + 1, callbacks=[lambda run: seen.append(len(run.losses))])
    assert seen == [each, 2 * each]
    run = train(fresh(), IDS, rate=1e-300, steps=9, updates=20 * each, patience=3)  # the losses do not change
    assert "3 epochs" in run.stopped and len(run.losses) == 4 * each


def test_a_run_of_updates_of_which_none_can_be_done_ends_when_the_rate_is_halved_to_nothing():
    huge = Params(*(np.full_like(array, 1e308) for array in fresh()))
    run = train(huge, IDS, rate=HalveOnRise(1.0), steps=9, updates=5)
    assert "update 1" in run.stopped and len(run.losses) == 0
    assert math.ldexp(1.0, -run.epoch) > 0 == math.ldexp(1.0, -run.epoch - 1)


def test_a_finished_run_is_handed_back_as_it_is():
    run = train(fresh(), IDS, rate=0.01, steps=9, epochs=2)
    same(train(run, IDS, rate=0.01, steps=9, epochs=2), run)


def test_a_second_interrupt_is_a_keyboard_interrupt_and_the_old_handler_returns():
    def twice(out):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(fresh(), IDS, Tripped(2, twice), rate=0.1, steps=9)
    assert signal.getsignal(signal.SIGINT) is before


def test_where_ctrl_c_is_ignored_it_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run = train(fresh(), IDS, Tripped(2, lambda out: signal.raise_signal(signal.SIGINT)), rate=0.1, steps=9)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    same(run, train(fresh(), IDS, SGD(), rate=0.1, steps=9))


def test_training_works_in_another_thread():
    runs = []
    thread = threading.Thread(target=lambda: runs.append(train(fresh(), IDS, rate=0.01, steps=9)))
    thread.start()
    thread.join(30)
    same(runs[0], train(fresh(), IDS, rate=0.01, steps=9))


@pytest.mark.parametrize("first, second", [(Momentum(), Adagrad()), (Adagrad(), RMSprop()), (Adam(), SGD())])
def test_a_run_of_another_optimizer_is_refused(first, second):
    run = train(fresh(), IDS, first, rate=0.01, steps=9)
    with refuses(ValueError, "optimizer", type(second).__name__):
        train(run, IDS, second, rate=0.01, steps=9, epochs=2)


RESUMED = {"rate": 0.01, "steps": 5, "batch": 2, "carry": False, "clip": 1.0, "seed": 3}


@pytest.mark.parametrize(
    "name, change",
    [
        ("steps", {"steps": 6}),
        ("batch", {"batch": 3}),
        ("carry", {"carry": True}),
        ("clip", {"clip": None}),
        ("clip", {"clip": 2.0}),
        ("seed", {"seed": 4}),
        ("optimizer", {"optimizer": Adam(0.8)}),
        ("ids", {"ids": IDS[::-1]}),
        ("ids", {"ids": IDS[:-1]}),
        ("ids", {"ids": [IDS]}),
        ("ids", {"weights": np.ones(len(IDS))}),
    ],
)
@pytest.mark.parametrize("updates", [2, 8])  # in the first epoch and at its end
def test_a_run_is_resumed_with_the_settings_it_was_made_with_or_on_request(tmp_path, updates, name, change):
    options = {"ids": IDS, "optimizer": Adam()} | RESUMED
    run = train(fresh(), **options, updates=updates)
    save(tmp_path / "run.npz", run, VOCAB, Adam())
    for known in (run, load(tmp_path / "run.npz")[0]):
        before, now = run.settings[name], train(fresh(), **options | change, updates=0).settings[name]
        with refuses(ValueError, name, str(now), "run._replace(settings=None)", expected=str(before)):
            train(known, **options | change, updates=9)
    if name != "batch":  # the state has one row for each sequence
        assert train(run._replace(settings=None), **options | change, updates=9).settings[name] == now


def test_a_run_may_go_on_at_another_rate_with_another_validation_and_to_another_end():
    run = train(fresh(), IDS, **RESUMED, updates=2)
    changed = RESUMED | {"rate": HalveOnRise(0.1), "validation": IDS[:9], "patience": 2, "callbacks": [id]}
    assert train(run, IDS.astype(np.uint8), **changed, updates=5).settings == run.settings
    carried = {"rate": 0.1, "steps": 5, "updates": 2}
    same(train(fresh(), IDS, **carried, seed=1), train(fresh(), IDS, **carried, seed=2))  # without effect


def test_a_run_of_another_batch_or_window_is_refused_also_when_its_settings_are_not_known():
    run = train(fresh(), IDS, SGD(), rate=0.01, steps=5, batch=2, updates=7)._replace(settings=None)
    with refuses(ValueError, "batch", "3", expected="2"):
        train(run, IDS, SGD(), rate=0.01, steps=5, batch=3)
    with refuses(ValueError, "start", "7"):
        train(run, IDS, SGD(), rate=0.01, steps=30, batch=2)


@pytest.mark.parametrize(
    "error, name, change",
    [
        (ValueError, "h", {"h": np.zeros((2, H + 1))}),
        (TypeError, "h", {"h": np.zeros((2, H), int)}),
        (TypeError, "h", {"h": np.zeros((2, H), np.float32)}),
        (ValueError, "h", {"h": np.full((2, H), math.nan)}),
        (ValueError, "losses", {"losses": np.zeros((7, 1))}),
        (TypeError, "losses", {"losses": np.full(7, "2.5")}),
        (ValueError, "norms", {"norms": np.full(7, math.nan)}),
        (ValueError, "rates", {"rates": np.full(7, math.inf)}),
        (ValueError, "evaluations", {"evaluations": np.zeros(1)}),
        (ValueError, "slots.s", {"slots": {"m": -np.ones(SIZE), "s": -np.ones(SIZE)}}),
        (TypeError, "slots.m", {"slots": {"m": np.ones(SIZE, int), "s": np.ones(SIZE)}}),
        (TypeError, "window", {"window": 1.5}),
        (TypeError, "h", {"h": None}),
        (ValueError, "h", {"h": np.zeros((0, H))}),
        (ValueError, "losses", {"losses": None}),
        (TypeError, "slots", {"slots": None}),
        (TypeError, "settings", {"settings": ["steps"]}),
        (TypeError, "stopped", {"stopped": None}),
    ],
)
def test_a_run_with_a_part_that_does_not_fit_is_refused(error, name, change):
    run = train(fresh(), IDS, rate=0.01, steps=5, batch=2, updates=7)
    with refuses(error, name):
        train(run._replace(**change), IDS, rate=0.01, steps=5, batch=2)


# Divergence, schedules, early stopping


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_diverged_run_stops_at_its_update_with_the_weights_before_it(value):
    def spoil(out):
        out[3] = value

    options = {"rate": 0.1, "steps": 9}
    run = train(fresh(), IDS, Tripped(5, spoil), epochs=2, **options)
    assert "update 5" in run.stopped and "not finite" in run.stopped
    assert len(run.losses) == len(run.norms) == len(run.rates) == run.window == 4
    params, losses, _ = by_hand(fresh(), streams(IDS, 1, 9)[:4], 0.1, True)
    assert_close(run.losses, losses, 1e-12)
    for mine, theirs in zip(run.params, params, strict=True):
        assert_close(mine, theirs, 1e-12)


def test_a_diverged_run_remembers_nothing_and_goes_on_at_a_smaller_rate():
    run = train(fresh(), IDS, Adam(), rate=1e308, steps=9, epochs=3)
    assert run.stopped and finite(run.params) and run.t == 0
    assert not any(vector.any() for vector in run.slots.values())
    after = train(run._replace(params=run.best), IDS, Adam(), rate=0.01, steps=9, epochs=3)
    assert after.stopped == "" and finite(after.params)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("rate", [1e9, 1e155, 1e308])
def test_rates_beyond_all_reason_end_in_finite_weights_and_no_warning(optimizer, rate):
    run = train(fresh(), IDS, optimizer, rate=rate, steps=9, epochs=3, validation=IDS)
    assert finite(run.params) and finite(run.best) and np.isfinite(run.losses).all()


def test_halve_on_rise_recovers_from_nan_from_the_first_epoch_on():
    run = train(fresh(), IDS, Brittle(), rate=HalveOnRise(1.0), steps=9, epochs=4)
    updates = len(streams(IDS, 1, 9))
    assert run.evaluations[:2].tolist() == [math.inf] * 2 and np.isfinite(run.evaluations[2:]).all()
    assert run.stopped == "" and run.epoch == 4
    assert run.rates[:updates].tolist() == [0.25] * updates
    _, losses, _ = by_hand(fresh(), streams(IDS, 1, 9), 0.25, True)
    assert_close(run.losses[:updates], losses, 1e-12)


def test_halve_on_rise_goes_on_from_the_best_weights_with_an_optimiser_that_begins_anew():
    class Once(Adam):
        spoiled = False

        def step(self, g, slots, rate, t, out):
            super().step(g, slots, rate, t, out)
            if t == 12 and not Once.spoiled:
                Once.spoiled = True
                out[:] = np.nan

    options = {"steps": 9, "validation": IDS[:30]}
    run = train(fresh(), IDS, Once(), rate=HalveOnRise(0.01), epochs=3, **options)
    first = train(fresh(), IDS, Adam(), rate=0.01, epochs=1, **options)
    anew = train(first.best, IDS, Adam(), rate=0.005, epochs=1, **options)
    assert run.evaluations.tolist() == [first.evaluations[0], math.inf, anew.evaluations[0]]
    assert all(map(np.array_equal, run.params, anew.params)) and run.t == anew.t


def test_a_divergence_during_an_interrupt_ends_the_run_with_the_weights_before_it():
    def spoil(out):
        signal.raise_signal(signal.SIGINT)
        out[:] = np.nan

    run = train(fresh(), IDS, Tripped(3, spoil), rate=HalveOnRise(0.1), steps=9, epochs=3)
    assert "update 3" in run.stopped and "not finite" in run.stopped and run.epoch == 0
    assert all(map(np.array_equal, run.params, train(fresh(), IDS, SGD(), rate=0.1, steps=9, updates=2).params))


def test_an_evaluation_that_is_not_finite_ends_the_run(monkeypatch):
    monkeypatch.setattr("rnnlib.train._loop.mean_loss", lambda params, texts: math.nan)
    run = train(fresh(), IDS, rate=0.01, steps=9, epochs=3, validation=IDS)
    assert "evaluation is nan" in run.stopped and run.epoch == 0 and finite(run.params)
    recovered = train(fresh(), IDS, rate=HalveOnRise(0.01), steps=9, epochs=3, validation=IDS)
    assert recovered.evaluations.tolist() == [math.inf] * 3
    assert all(map(np.array_equal, recovered.params, fresh()))


def test_schedules_see_the_updates_and_the_evaluations_so_far():
    seen = []

    def schedule(t, evaluations):
        seen.append((t, len(evaluations)))
        return 0.01 / (1 + t)

    run = train(fresh(), IDS, rate=schedule, steps=25, epochs=2)
    each = len(streams(IDS, 1, 25))
    assert seen == [(t, t // each) for t in range(2 * each)]
    assert run.rates.tolist() == [0.01 / (1 + t) for t in range(len(seen))]


@pytest.mark.parametrize(
    "wrong, error",
    [
        (-0.1, ValueError),
        (math.nan, ValueError),
        (math.inf, ValueError),
        (np.float32(math.nan), ValueError),
        (np.full(1, 0.1), TypeError),
        (None, TypeError),
        ("0.1", TypeError),
        (True, TypeError),
        (0.1j, TypeError),
    ],
)
def test_a_schedule_that_gives_no_rate_is_refused_when_it_does_and_keeps_the_run(wrong, error):
    def rate(t, evaluations):
        return 0.1 if t < 3 else wrong

    with pytest.raises(
        error, match=r"^rate: expected a schedule that gives a finite number of at least 0, got"
    ) as caught:
        train(fresh(), IDS, SGD(), rate=rate, steps=9)
    same(caught.value.run, train(fresh(), IDS, SGD(), rate=0.1, steps=9, updates=3))
    with pytest.raises((TypeError, ValueError), match=r"^rate: expected "):
        train(fresh(), IDS, rate=wrong, steps=9)


@pytest.mark.parametrize("rate", [0, 0.5, np.float32(0.5), np.float64(0.5), np.int64(0)])
def test_a_schedule_may_give_any_real_number_and_zero(rate):
    run = train(fresh(dtype=np.float32), IDS, SGD(), rate=lambda t, evaluations: rate, steps=9)
    assert run.rates.tolist() == [float(rate)] * len(run.losses) and run.params.bh.dtype == np.float32


def test_a_schedule_or_callback_of_other_arguments_is_refused_before_the_first_update():
    with refuses(TypeError, "rate", expected="schedule(t, evaluations)"):
        train(fresh(), IDS, rate=lambda t: 0.1, steps=9)
    with refuses(TypeError, "callbacks", expected="take a Run"):
        train(fresh(), IDS, rate=0.1, steps=9, callbacks=[lambda: None])


def test_nothing_that_a_callback_or_a_schedule_is_given_can_be_changed_through_it():
    def spoil(run):
        arrays = [*run.params, *run.best, *run.slots.values(), run.h, run.losses, run.evaluations, run.norms, run.rates]
        for array in arrays:
            array[...] = -1
        run.slots.clear()
        run.settings["optimizer"].clear()

    options = {"steps": 9, "epochs": 3, "validation": IDS[:30]}
    same(train(fresh(), IDS, rate=0.01, callbacks=[spoil], **options), train(fresh(), IDS, rate=0.01, **options))
    with pytest.raises(AttributeError, match="append"):
        train(fresh(), IDS, rate=lambda t, evaluations: evaluations.append(0) or 0.1, **options)


def test_patience_ends_the_run_after_that_many_epochs_without_a_new_best(monkeypatch):
    values = [3.0, 2.0, 2.5, 2.0, 1.0, 1.0, 1.1, 1.2, 0.5]
    monkeypatch.setattr("rnnlib.train._loop.mean_loss", lambda params, texts: given.pop(0))
    for patience, epochs in ((1, 3), (2, 4), (3, 8), (4, 9), (None, 9)):
        given = list(values)
        run = train(fresh(), IDS, rate=0.01, steps=9, epochs=9, validation=IDS, patience=patience)
        assert run.epoch == len(run.evaluations) == epochs
        assert bool(run.stopped) == (epochs < 9)


def test_best_is_the_parameters_at_the_lowest_evaluation():
    kept = []
    run = train(
        fresh(), IDS, rate=0.3, steps=9, epochs=8, validation=IDS[:30], callbacks=[lambda run: kept.append(run.params)]
    )
    lowest = int(run.evaluations.argmin())
    assert all(map(np.array_equal, run.best, kept[lowest]))
    assert evaluate(run.best, IDS[:30]) == run.evaluations[lowest]


def test_callbacks_get_the_run_after_each_epoch_as_it_would_have_ended_there():
    runs = []
    train(fresh(), IDS, rate=0.01, steps=9, epochs=3, callbacks=(runs.append,))
    for epochs, run in enumerate(runs, 1):
        same(run, train(fresh(), IDS, rate=0.01, steps=9, epochs=epochs))


# What is shown


def test_nothing_is_printed_where_nobody_watches(capsys):
    train(fresh(), IDS, rate=0.01, steps=9)
    assert capsys.readouterr() == ("", "")


def test_a_bar_is_shown_where_it_is_asked_for(capsys):
    pytest.importorskip("tqdm")
    train(fresh(), IDS, rate=0.01, steps=9, epochs=2, progress=True)
    assert "loss=" in capsys.readouterr().err


def test_without_tqdm_there_is_no_bar_and_an_error_only_for_one_that_was_asked_for(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    train(fresh(), IDS, rate=0.01, steps=9)
    assert capsys.readouterr() == ("", "")
    with pytest.raises(ModuleNotFoundError, match=r"progress: expected tqdm.*rnnlib\[train\]"):
        train(fresh(), IDS, rate=0.01, steps=9, progress=True)


def interrupt(run):
    if run.epoch == 2:
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_is_told_in_one_line_where_somebody_watches(monkeypatch, capsys):
    options = {"rate": 0.01, "steps": 30, "epochs": 4, "callbacks": [interrupt]}
    run = train(fresh(), IDS, **options)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    same(train(fresh(), IDS, **options), run)
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == f"train: {run.stopped}; train(run, ...) with the Run returned goes on from there"
    train(fresh(), IDS, **options, progress=False)
    assert capsys.readouterr() == ("", "")


def test_a_run_that_ends_early_is_told_why_where_somebody_watches(capsys):
    spoiled = Tripped(3, lambda out: out.fill(math.nan))
    run = train(fresh(), IDS, spoiled, rate=0.1, steps=9, progress=True)
    assert run.stopped and capsys.readouterr().err.endswith(f"\ntrain: {run.stopped}\n")


def test_nothing_left_to_do_is_told(capsys):
    run = train(fresh(), IDS, rate=0.01, steps=30)
    with pytest.warns(UserWarning, match=r"nothing left to do: .* epoch 1, update 3, and epochs=1 counts") as told:
        same(train(run, IDS, rate=0.01, steps=30), run)
    assert told[0].filename == __file__  # the line of the caller
    same(train(run, IDS, rate=0.01, steps=30, epochs=1, progress=True), run)  # as a script that is run again does
    assert "nothing left to do" in capsys.readouterr().err
    same(train(run, IDS, rate=0.01, steps=30, updates=2), run)
    assert capsys.readouterr() == ("", "")


class Unlucky(RuntimeError):
    pass


def unlucky(run):
    if run.epoch == 2:
        raise Unlucky("the disk is full")


@pytest.mark.parametrize("carry", [True, False])
def test_an_exception_in_a_callback_keeps_the_run(carry):
    options = {"rate": HalveOnRise(0.1), "steps": 9, "batch": 2, "carry": carry}
    with pytest.raises(Unlucky, match="the disk is full") as caught:
        train(fresh(), IDS, **options, epochs=5, callbacks=[unlucky])
    assert caught.value.__context__ is None
    same(caught.value.run, train(fresh(), IDS, **options, epochs=2))
    same(train(caught.value.run, IDS, **options, epochs=5), train(fresh(), IDS, **options, epochs=5))
    if sys.version_info >= (3, 11):
        assert "attribute `run` of this exception" in caught.value.__notes__[0]


def test_an_exception_in_a_schedule_keeps_the_run():
    def rate(t, evaluations):
        return 0.1 if t < 5 else 1 / 0

    with pytest.raises(ZeroDivisionError) as caught:
        train(fresh(), IDS, rate=rate, steps=5, epochs=3)
    same(train(caught.value.run, IDS, rate=0.1, steps=5, epochs=3), train(fresh(), IDS, rate=0.1, steps=5, epochs=3))


def test_a_second_interrupt_within_an_update_keeps_a_run_whose_optimiser_remembers_nothing():
    class Impatient(Adam):
        def step(self, g, slots, rate, t, out):
            super().step(g, slots, rate, t, out)
            if t == 4:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as caught:
        train(fresh(), IDS, Impatient(), rate=0.1, steps=9)
    run, before = caught.value.run, train(fresh(), IDS, Adam(), rate=0.1, steps=9, updates=3)
    assert run.t == 0 and not any(vector.any() for vector in run.slots.values())
    same(run._replace(slots=before.slots, t=before.t), before)
    assert train(run, IDS, Adam(), rate=0.1, steps=9, epochs=2).epoch == 2


# Bad input


@pytest.mark.parametrize(
    "error, name, change",
    [
        (ValueError, "rate", {"rate": math.nan}),
        (ValueError, "rate", {"rate": math.inf}),
        (ValueError, "rate", {"rate": -0.1}),
        (ValueError, "rate", {"rate": 0}),
        (TypeError, "rate", {"rate": "fast"}),
        (TypeError, "rate", {"rate": Constant}),
        (ValueError, "steps", {"steps": 0}),
        (TypeError, "steps", {"steps": 2.5}),
        (ValueError, "batch", {"batch": 0}),
        (ValueError, "epochs", {"epochs": 0}),
        (ValueError, "clip", {"clip": 0}),
        (ValueError, "clip", {"clip": math.nan}),
        (ValueError, "patience", {"patience": 0}),
        (ValueError, "updates", {"updates": -1}),
        (TypeError, "updates", {"updates": 2.0}),
        (TypeError, "updates", {"updates": True}),
        (ValueError, "seed", {"seed": -1}),
        (TypeError, "optimizer", {"optimizer": "adam"}),
        (TypeError, "optimizer", {"optimizer": Adam}),
        (TypeError, "callbacks", {"callbacks": print}),
        (TypeError, "callbacks", {"callbacks": [1]}),
        (ValueError, "ids", {"ids": np.zeros(0, int)}),
        (ValueError, "ids", {"ids": np.zeros(1, int)}),
        (ValueError, "ids", {"ids": np.zeros((4, 4), int)}),
        (ValueError, "ids", {"ids": np.array([0, V])}),
        (TypeError, "ids", {"ids": TEXT}),
        (TypeError, "ids", {"ids": []}),
        (TypeError, "ids", {"ids": [TEXT]}),
        (ValueError, "ids", {"ids": IDS[:5], "carry": False}),
        (ValueError, "ids", {"ids": IDS[:5], "batch": 5}),
        (ValueError, "validation", {"validation": IDS[:1]}),
        (ValueError, "validation", {"validation": np.array([0, V])}),
        (TypeError, "params", {"start": 3}),
        (TypeError, "params", {"start": Params(*(array.astype(complex) for array in fresh()))}),
        (ValueError, "params.Whh", {"start": fresh()._replace(Whh=np.full((H, H), math.nan))}),
    ],
)
def test_arguments_that_do_not_fit_are_named_before_anything_is_computed(error, name, change, monkeypatch):
    monkeypatch.setattr("rnnlib.train._loop.Workspace", None)
    with refuses(error, name):
        train(**{"start": fresh(), "ids": IDS, "rate": 0.1, "steps": 9} | change)


def test_a_text_shorter_than_a_window_is_one_short_window_of_a_stream():
    run = train(fresh(), IDS[:4], SGD(), rate=0.1, steps=100)
    _, losses, _ = by_hand(fresh(), [(IDS[:3], IDS[1:4])], 0.1, True)
    assert_close(run.losses, losses, 1e-12)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_a_text_of_one_character_is_certain(optimizer):
    start = init_params(1, 3, rng=np.random.default_rng(0))
    run = train(start, np.zeros(20, int), optimizer, rate=0.1, steps=6, epochs=2, clip=1, patience=1)
    assert not run.losses.any() and not run.norms.any()
    assert all(map(np.array_equal, run.params, start))
    assert sample(start, Vocabulary("a"), "a", 4, rng=np.random.default_rng(0)) == "aaaaa"


# Evaluation and its units


@pytest.mark.parametrize("steps", [1, 7, 256])
def test_evaluate_is_the_mean_loss_of_one_pass_over_the_text(steps):
    trace = forward(fresh(), IDS[:-1])
    assert evaluate(fresh(), IDS, steps=steps) == pytest.approx(cross_entropy(trace.o, IDS[1:]), rel=1e-13)


def test_evaluate_names_what_does_not_fit():
    with refuses(ValueError, "ids", str(V)):
        evaluate(fresh(), np.array([0, V]))
    with refuses(ValueError, "steps"):
        evaluate(fresh(), IDS, steps=0)


def test_units():
    assert perplexity(math.log(7)) == pytest.approx(7, rel=1e-15) and bits(math.log(8)) == pytest.approx(3, rel=1e-15)
    assert bits is bits_per_character
    assert perplexity(1e4) == perplexity(math.inf) == math.inf and math.isnan(perplexity(math.nan))


def test_smoothed_is_the_weighted_mean_of_all_losses_before():
    losses = np.array([4.0, 1.0, 3.0])
    assert smoothed(losses, keep=0.5).tolist() == [4.0, 2.5, 2.75]
    assert smoothed(losses, keep=0).tolist() == losses.tolist() and smoothed([]).shape == (0,)
    for keep in (1, -0.1, math.nan):
        with refuses(ValueError, "keep"):
            smoothed(losses, keep=keep)
        with refuses(ValueError, "decay"):
            ema(losses, decay=keep)
    assert ema(losses, decay=0.5).tolist() == smoothed(losses, keep=0.5).tolist()
    assert ema(losses).tolist() == smoothed(losses).tolist()


# Sampling


def chi_square(counts, odds):
    return float(((counts - counts.sum() * odds) ** 2 / (counts.sum() * odds)).sum())


@pytest.mark.parametrize("temperature, top_k", [(1.0, None), (0.5, None), (2.0, None), (1.0, 4), (0.7, 2)])
def test_samples_are_distributed_as_the_softmax_of_the_tempered_logits(temperature, top_k):
    """by alone makes the logits, so that each draw is from one distribution; 1 in 10 000 would exceed the bound."""
    vocab, draws = Vocabulary("abcdef"), 4000
    by = np.array([0.0, 1.0, -0.5, 0.3, 0.8, -1.0])
    params = Params(np.zeros((6, 2)), np.zeros((2, 2)), np.zeros((2, 6)), np.zeros(2), by)
    text = sample(params, vocab, "a", draws, temperature=temperature, top_k=top_k, rng=np.random.default_rng(1))
    kept = np.sort(np.argsort(-by)[: top_k or 6])
    counts = np.bincount(vocab.encode(text[1:]), minlength=6)
    assert counts.sum() == counts[kept].sum() == draws
    odds = np.exp(by[kept] / temperature) / np.exp(by[kept] / temperature).sum()
    assert chi_square(counts[kept], odds) < {6: 25.7, 4: 21.1, 2: 15.1}[len(kept)]


def test_each_character_is_drawn_after_the_whole_text_before_it():
    """At a temperature that leaves the likeliest only, and with top_k = 1, the text is that of `forward` each time."""
    params = train(fresh(), IDS, rate=0.03, steps=8, epochs=8).params
    ids = VOCAB.encode("red ")
    for _ in range(12):
        ids = np.append(ids, forward(params, ids).o[-1].argmax())
    for options in ({"top_k": 1}, {"temperature": 1e-9}, {"temperature": 5e-324}):
        assert sample(params, VOCAB, "red ", 12, rng=np.random.default_rng(0), **options) == VOCAB.decode(ids)


def test_sampling_draws_by_the_odds_after_each_prefix():
    """The characters that one stream of random numbers picks, by `forward` over the whole text at each step."""
    text, rng = "red ", np.random.default_rng(7)
    for _ in range(20):
        odds = softmax(forward(fresh(), VOCAB.encode(text)).o[-1])
        text += VOCAB.decode([int(np.searchsorted(odds.cumsum(), rng.random()))])
    assert sample(fresh(), VOCAB, "red ", 20, rng=np.random.default_rng(7)) == text
    assert sample(fresh(), VOCAB, "red ", 20, rng=np.random.default_rng(8)) != text


def test_a_text_that_is_not_encoded_and_a_run_for_its_parameters_are_told_what_to_give():
    run = train(fresh(), IDS, rate=0.01, steps=9)
    for function in (lambda ids: train(fresh(), ids, rate=0.01, steps=9), lambda ids: evaluate(fresh(), ids)):
        with refuses(TypeError, "ids", "str", expected="vocab.encode(text)"):
            function(TEXT)
    with refuses(TypeError, "validation", "str", expected="vocab.encode(text)"):
        train(fresh(), IDS, rate=0.01, steps=9, validation=TEXT)
    for function in (
        lambda: sample(run, VOCAB, "a", 1, rng=np.random.default_rng(0)),
        lambda: evaluate(run, IDS),
    ):
        with refuses(TypeError, "params", "Run", "run.params"):
            function()
    with refuses(TypeError, "params", "Run", "take its .params"):
        forward(run, IDS[:3])
    with refuses(TypeError, "vocab", "str"):
        sample(run.params, TEXT, "a", 1, rng=np.random.default_rng(0))
    with refuses(TypeError, "run", "Params"):
        save("run.npz", run.params, VOCAB, Adam())


def test_float16_is_refused_by_name():
    half = Params(*(array.astype(np.float16) for array in fresh()))
    for function in (
        lambda: train(half, IDS, rate=0.01, steps=9),
        lambda: evaluate(half, IDS),
        lambda: sample(half, VOCAB, "one", 1, rng=np.random.default_rng(0)),
    ):
        with pytest.raises(TypeError, match=r"^params\.Wxh: expected float32 or float64, got .*float16"):
            function()


@pytest.mark.parametrize(
    "error, name, got, change",
    [
        (ValueError, "prompt", "'Z'", {"prompt": "reZ"}),
        (ValueError, "prompt", "empty", {"prompt": ""}),
        (TypeError, "prompt", "3", {"prompt": 3}),
        (ValueError, "length", "0", {"length": 0}),
        (ValueError, "temperature", "0", {"temperature": 0}),
        (ValueError, "temperature", "nan", {"temperature": math.nan}),
        (ValueError, "top_k", "0", {"top_k": 0}),
        (ValueError, "top_k", str(V + 1), {"top_k": V + 1}),
        (ValueError, "vocab", "2", {"vocab": Vocabulary("ab")}),
        (TypeError, "rng", "0", {"rng": 0}),
    ],
)
def test_sample_names_what_does_not_fit(error, name, got, change):
    options = {"params": fresh(), "vocab": VOCAB, "prompt": "red", "length": 3, "rng": np.random.default_rng(0)}
    with refuses(error, name, got):
        sample(**options | change)


# Saving


def test_a_pickled_run_comes_back_and_so_does_one_from_when_training_was_a_single_module():
    run = train(fresh(), IDS, rate=0.01, steps=9)
    same(pickle.loads(pickle.dumps(run)), run)
    assert pickle.loads(b"crnnlib.train\nRun\n.") is Run


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_a_saved_run_comes_back_whole_and_goes_on_bit_for_bit(tmp_path, optimizer, dtype):
    options = {"rate": Cosine(0.02, 50), "steps": 9, "batch": 2, "validation": IDS[:40]}
    path = tmp_path / "run.npz"
    run = train(fresh(dtype=dtype), IDS, optimizer, epochs=2, **options)
    save(path, run, VOCAB, optimizer)
    loaded, vocab, again = load(str(path))
    same(loaded, run)
    assert (vocab, again) == (VOCAB, optimizer) and os.listdir(tmp_path) == ["run.npz"]
    whole = train(fresh(dtype=dtype), IDS, optimizer, epochs=4, **options)
    same(train(loaded, IDS, again, epochs=4, **options), whole)


def test_an_interrupted_run_goes_on_bit_for_bit_from_its_file(tmp_path):
    options = {"rate": 0.1, "steps": 9, "batch": 2, "epochs": 2}
    part = train(fresh(), IDS, Tripped(3, lambda out: os.kill(os.getpid(), signal.SIGINT)), **options)
    save(tmp_path / "run.npz", part, VOCAB, SGD())
    loaded, _, optimizer = load(tmp_path / "run.npz")
    same(loaded, part)
    same(train(loaded, IDS, optimizer, **options), train(fresh(), IDS, SGD(), **options))


def test_every_character_survives_the_file(tmp_path):
    vocab = Vocabulary('a\0\n"\\é人😀\ud83d\ude00')  # the last two are halves of one, and stay two
    run = train(init_params(len(vocab), 2, rng=np.random.default_rng(0)), np.arange(len(vocab)), rate=0.1, steps=4)
    save(tmp_path / "run.npz", run, vocab, Adam())
    assert load(tmp_path / "run.npz")[1] == vocab


@pytest.mark.parametrize("where", ["numpy.savez", "os.fsync", "os.replace"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=repr)
def test_a_save_that_is_cut_off_leaves_the_old_file_whole_and_nothing_beside_it(tmp_path, monkeypatch, where, error):
    path = tmp_path / "run.npz"
    run = train(fresh(), IDS, rate=0.01, steps=9)
    save(path, run, VOCAB, Adam())
    old = path.read_bytes()

    def fail(*args, **kwargs):
        if where == "numpy.savez":
            args[0].write(b"half")
        raise error

    monkeypatch.setattr(where, fail)
    with pytest.raises(type(error)):
        save(path, train(run, IDS, rate=0.01, steps=9, epochs=2), VOCAB, Adam())
    monkeypatch.undo()
    assert path.read_bytes() == old and os.listdir(tmp_path) == ["run.npz"]
    same(load(path)[0], run)


def test_save_replaces_an_older_file_only_when_the_new_one_is_on_the_disk(tmp_path, monkeypatch):
    path, events = tmp_path / "run.npz", []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr("os.fsync", lambda fd: (events.append("fsync"), fsync(fd)))
    monkeypatch.setattr("os.replace", lambda a, b: (events.append(os.path.dirname(a)), replace(a, b)))
    save(path, train(fresh(), IDS, rate=0.01, steps=9), VOCAB, Adam())
    assert events == ["fsync", os.path.realpath(tmp_path)]


SAVING = """
import sys
import numpy as np
from rnnlib import Vocabulary, init_params
from rnnlib.checkpoint import save
from rnnlib.optim import Adam
from rnnlib.train import train

vocab = Vocabulary("ab")
run = train(init_params(2, 200, rng=np.random.default_rng(0)), np.arange(9) % 2, rate=0.01, steps=9)
while True:
    save(sys.argv[1], run, vocab, Adam())
    print("saved", flush=True)
"""


def test_a_process_that_is_killed_while_it_saves_leaves_a_whole_file(tmp_path):
    path, rng = tmp_path / "run.npz", np.random.default_rng(0)
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", SAVING, path], stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(rng.uniform(0, 0.02))
            process.kill()
        run, vocab, optimizer = load(path)
        assert (run.epoch, vocab, optimizer) == (1, Vocabulary("ab"), Adam())


def test_what_could_not_be_loaded_is_not_saved(tmp_path):
    path, run = tmp_path / "run.npz", train(fresh(), IDS, rate=0.01, steps=9)
    with refuses(ValueError, "optimizer", "Momentum"):
        save(path, run, VOCAB, Momentum())
    with refuses(TypeError, "optimizer", "Brittle"):
        save(path, run, VOCAB, Brittle())
    with refuses(ValueError, "vocab"):
        save(path, run, Vocabulary("ab"), Adam())
    with pytest.raises(FileNotFoundError):
        save(tmp_path / "no folder" / "run.npz", run, VOCAB, Adam())
    assert not list(tmp_path.iterdir())


def saved(tmp_path):
    path = tmp_path / "run.npz"
    save(path, train(fresh(), IDS, rate=0.01, steps=9), VOCAB, Adam())
    return path


def damaged(path):
    """That loading gives a ValueError which names the path and what was expected."""
    with refuses(ValueError, "path", str(path), expected="written by `save`"):
        load(path)


def test_a_damaged_file_is_refused_or_gives_the_very_same_run(tmp_path):
    path = saved(tmp_path)
    run, whole, rng = load(path)[0], path.read_bytes(), np.random.default_rng(0)
    for end in rng.integers(len(whole), size=20):
        path.write_bytes(whole[:end])
        damaged(path)
    refused = 0
    for place in rng.integers(len(whole), size=80):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << int(rng.integers(8))]) + whole[place + 1 :])
        try:
            same(load(path)[0], run)  # a date, say, that nobody reads
        except ValueError as error:
            assert str(error).startswith("path: expected a file written by `save`") and str(path) in str(error)
            refused += 1
    assert refused > 40


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "run.npz"
    for content in (b"", b"hello", b"PK\x03\x04"):
        path.write_bytes(content)
        damaged(path)
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))
    damaged(path)
    np.savez(path, zeros=np.zeros(3))
    damaged(path)
    np.savez(path, json=np.array([{"a": 1}], dtype=object))  # a pickle, which is never opened
    damaged(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("json.npy", "hello")
    damaged(path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.npz")


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": "HalveOnRise"},
        {"optimizer": "Momentum", "hyperparameters": {}},
        {"hyperparameters": {"beta1": 2}},
        {"hyperparameters": {"speed": 2}},
        {"vocabulary": [97, 98]},
        {"epoch": -1},
        {"epoch": 0.5},
        {"t": None},
    ],
    ids=str,
)
def test_a_file_whose_parts_do_not_fit_together_is_refused(tmp_path, change):
    path = saved(tmp_path)
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays["json"] = np.array(json.dumps(json.loads(str(arrays["json"])) | change))
    np.savez(path, **arrays)
    damaged(path)


def rewritten(path, change):
    """The checkpoint with arrays of another content, or without those that are None."""
    with np.load(path) as stored:
        arrays = dict(stored) | change
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


def test_a_file_of_the_first_version_which_knew_no_settings_is_loaded(tmp_path):
    path = saved(tmp_path)
    run, words = load(path)[0], json.loads(str(np.load(path)["json"]))
    del words["settings"]
    rewritten(path, {"json": np.array(json.dumps(words))})
    old, vocab, optimizer = load(path)
    assert old.settings is None and vocab == VOCAB
    same(old._replace(settings=run.settings), run)
    again = train(old, IDS, optimizer, rate=0.01, steps=9, epochs=2)
    same(again, train(run, IDS, optimizer, rate=0.01, steps=9, epochs=2))


@pytest.mark.parametrize(
    "change",
    [
        {"h": np.zeros((1, H), int)},
        {"h": np.zeros((1, H), np.float32)},
        {"losses": np.full(9, "2.5")},
        {"losses": np.zeros(9, np.float16)},
        {"losses": np.zeros(9, np.float32)},
        {name: np.zeros((9, 1)) for name in ("losses", "norms", "rates")},
        {"norms": np.full(9, math.nan)},
        {"slots.s": np.full(SIZE, -1.0)},
        {"slots.v": np.zeros(SIZE)},
        {"extra": np.zeros(1)},
        {"params.Whh": np.zeros((H, H), np.float16)},
        {"params.Whh": np.full((H, H), math.inf)},
    ],
    ids=str,
)
def test_a_file_with_an_array_of_another_name_type_or_sign_is_refused(tmp_path, change):
    path = saved(tmp_path)
    rewritten(path, change)
    damaged(path)


@pytest.mark.parametrize("name", ["extra", "losses", "h", "json", "slots.m"])
def test_no_array_is_read_before_the_sizes_of_all_are_known_to_fit(tmp_path, name):
    path = saved(tmp_path)
    rewritten(path, {name: np.zeros(4_000_000)})
    tracemalloc.start()
    damaged(path)
    assert tracemalloc.get_traced_memory()[1] < 4e6  # of 32 MB
    tracemalloc.stop()


def test_words_that_are_longer_than_any_vocabulary_makes_them_are_not_read(tmp_path, monkeypatch):
    path = saved(tmp_path)
    monkeypatch.setattr("rnnlib.checkpoint._MAX_WORDS", 4 * len(str(np.load(path)["json"])) - 1)
    damaged(path)


def test_a_header_that_promises_more_than_the_file_has_is_refused(tmp_path):
    path = saved(tmp_path)
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    for name in ("losses", "norms", "rates"):  # alike, so that their shapes do not give it away
        members[f"{name}.npy"] = members[f"{name}.npy"].replace(b"(9,)", b"(9999999999,)").replace(b" " * 10, b"", 1)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    damaged(path)


def test_a_compressed_archive_and_two_arrays_of_one_name_are_refused(tmp_path):
    path = saved(tmp_path)
    with np.load(path) as stored:
        arrays = dict(stored)
    np.savez_compressed(path, **arrays)
    damaged(path)
    saved(tmp_path)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("h.npy", archive.read("h.npy"))
    damaged(path)


def test_an_array_from_a_machine_of_another_byte_order_is_loaded(tmp_path):
    path = saved(tmp_path)
    run = load(path)[0]
    rewritten(path, {"losses": run.losses.astype(">f8"), "params.by": run.params.by.astype(">f8")})
    same(load(path)[0], run)


def test_a_file_that_does_not_fit_into_memory_is_told_as_such(tmp_path, monkeypatch):
    path = saved(tmp_path)

    def full(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr("numpy.lib.format.read_array", full)
    with refuses(MemoryError, "path", str(path), "bytes", expected="fits into memory"):
        load(path)


def test_pipes_and_devices_are_neither_loaded_nor_replaced(tmp_path):
    pipe, run = tmp_path / "pipe", train(fresh(), IDS, rate=0.01, steps=9)
    os.mkfifo(pipe)
    for path in (pipe, "/dev/zero"):
        with refuses(ValueError, "path", repr(str(path)), expected="a regular file"):
            load(path)
        with pytest.raises(OSError, match="not a regular file"):
            save(path, run, VOCAB, Adam())
    assert pipe.is_fifo()


def test_threads_that_save_to_one_path_leave_a_whole_file_at_every_moment(tmp_path):
    path, runs = tmp_path / "run.npz", [train(fresh(seed), IDS, rate=0.01, steps=9) for seed in (0, 1)]
    save(path, runs[0], VOCAB, Adam())
    done = threading.Event()

    def save_often(run):
        for _ in range(30):
            save(path, run, VOCAB, Adam())

    def load_often():
        seen = [load(path)[0]]
        while not done.is_set():
            seen.append(load(path)[0])
        return seen

    with ThreadPoolExecutor() as pool:
        loading = pool.submit(load_often)
        try:
            list(pool.map(save_often, runs))
        finally:
            done.set()
    for loaded in loading.result():
        same(loaded, runs[loaded.losses.tolist() == runs[1].losses.tolist()])
    assert os.listdir(tmp_path) == ["run.npz"]


@pytest.mark.parametrize("name", ["params.Whh", "best.by", "slots.m", "losses", "evaluations", "h"])
def test_a_file_with_an_array_missing_or_of_another_shape_is_refused(tmp_path, name):
    path = saved(tmp_path)
    with np.load(path) as stored:
        arrays = dict(stored)
    np.savez(path, **arrays | {name: np.zeros((3, 1, 2))})
    damaged(path)
    del arrays[name]
    np.savez(path, **arrays)
    damaged(path)


# What could silently mean something else


@pytest.mark.parametrize("name", ["carry", "progress"])
@pytest.mark.parametrize("wrong", ["no", "False", 0, 1.0, []])
def test_a_switch_is_true_or_false_for_the_word_false_would_count_as_true(name, wrong):
    with refuses(TypeError, name, type(wrong).__name__, expected="True or False"):
        train(fresh(), IDS, rate=0.01, steps=5, **{name: wrong})
    assert len(train(fresh(), IDS, rate=0.01, steps=5, updates=1, **{name: np.False_}).losses) == 1


def test_a_text_and_its_targets_as_a_pair_are_refused_and_two_sequences_in_a_list_are_not():
    pair = IDS[:-1], IDS[1:]
    for function in (
        lambda ids: train(fresh(), ids, rate=0.01, steps=5, updates=1),
        lambda ids: evaluate(fresh(), ids),
    ):
        with refuses(ValueError, "ids", "a pair (x, y)", expected="the text alone"):
            function(pair)
        function(list(pair))
        function((IDS, IDS[1:]))


@pytest.mark.parametrize("part", [slice(1, 3), slice(None, None, -1), slice(2, None), slice(5, 2)])
def test_a_part_of_the_windows_counts_its_own_predictions(part):
    every = streams(IDS, 2, 5)
    some = every[part]
    sizes = [0, *np.cumsum([y.size for _, y in list(every)[part]])]
    assert [some.predictions(count) for count in range(len(some) + 1)] == sizes
    assert [some[1:].predictions(1)] == [some[1][1].size] if len(some) > 1 else not some[1:]


def test_complex_parameters_and_losses_are_refused_where_real_ones_are_needed():
    params = Params(*(array.astype(complex) for array in fresh()))
    with refuses(TypeError, "params", "complex128", expected="real"):
        evaluate(params, IDS)
    with refuses(TypeError, "params", "complex128", expected="real"):
        sample(params, VOCAB, VOCAB.characters[0], 3, rng=np.random.default_rng(0))
    with refuses(TypeError, "values", "complex128", expected="real"):
        ema([1j, 2j])


def test_a_loss_in_other_units_is_that_of_a_number():
    for function in (perplexity, bits):
        for wrong in ("1", None, True, [1.0]):
            with refuses(TypeError, "loss", type(wrong).__name__):
                function(wrong)
    assert bits(np.log([2.0, 8.0])).tolist() == pytest.approx([1, 3], rel=1e-15)


@pytest.mark.parametrize("rng", [None, 0, np.random.RandomState(0)])
def test_the_order_of_the_windows_is_drawn_by_a_generator(rng):
    with refuses(TypeError, "rng", expected="Generator"):
        shuffled(IDS, 2, 5, rng)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [None, 3])
def test_a_temperature_above_the_largest_float32_makes_all_characters_equally_likely(count):
    params = Params(*(array.astype(np.float32) for array in fresh()))
    texts = [
        sample(
            params, VOCAB, VOCAB.characters[0], 50, temperature=temperature, rng=np.random.default_rng(1), count=count
        )
        for temperature in (1e30, 1e60)
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("path", [None, 5, 0, b"\0", "a\0b", ""])
def test_a_number_is_no_path_and_neither_is_nothing(path):
    """`open` would take a number for a file that is open already."""
    run = train(fresh(), IDS, rate=0.01, steps=5, updates=1)
    for function in (load, lambda path: save(path, run, VOCAB, Adam())):
        with refuses(TypeError if not isinstance(path, str) else ValueError, "path", expected="path"):
            function(path)


def test_a_file_from_which_training_could_not_go_on_is_not_written(tmp_path):
    run = train(fresh(), IDS, rate=0.01, steps=5, updates=1)
    with refuses(ValueError, "optimizer", "0.5", expected="0.9"):
        save(tmp_path / "run.npz", run, VOCAB, Adam(beta1=0.5))
    with refuses(TypeError, "run.settings", "dict"):
        save(tmp_path / "run.npz", run._replace(settings={"steps": np.zeros(2)}), VOCAB, Adam())
    with refuses(TypeError, "stopped", "None"):
        save(tmp_path / "run.npz", run._replace(stopped=None), VOCAB, Adam())
    assert not list(tmp_path.iterdir())
