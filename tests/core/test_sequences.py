"""Training and evaluation on sequences of different lengths and on weighted texts, held against each sequence alone."""

import math
import os
import signal
from contextlib import contextmanager

import numpy as np
import pytest
from models import assert_close, refuses
from test_train import SIZE, VOCAB, Brittle, Tripped, fresh, same

from rnnlib import Params, backward, cross_entropy, forward, step_losses
from rnnlib.checkpoint import load, save
from rnnlib.optim import SGD, Adam, HalveOnRise, Momentum, flatten
from rnnlib.train import evaluate, shuffled, streams, train

WORDS = "one fish two fish red fish blue fish, old black fish and new, new fish or not fish"
SEQUENCES = [VOCAB.encode("".join(c for c in word if c in VOCAB.characters)) for word in WORDS.split(", ")]
SEQUENCES += [VOCAB.encode("fish"), VOCAB.encode("on")]
MASKED = [np.random.default_rng(len(s)).integers(0, 3, len(s)) * 0.5 for s in SEQUENCES]
MASKED[0][:20] = 0  # the first windows of the first group do not count, nor do those of the last sequence
MASKED[1][:12] = 0
MASKED[-1][:] = 0
ONES = [np.ones(len(s)) for s in SEQUENCES]
TEXT = np.concatenate(SEQUENCES)


def read_apart(params, columns, states):
    """Σ w L, its gradient (n,) and Σ w over columns (x, y, w) of any lengths, each by itself; the states go on."""
    loss, gradient, count = 0.0, np.zeros(SIZE), 0.0
    for b, (x, y, w) in columns.items():
        trace = forward(params, x, states.get(b))
        loss += (w * step_losses(trace.o, y)).sum()
        gradient += flatten(Params(*backward(params, trace, y, reduction="sum", weights=w)[:5]))
        count += w.sum()
        states[b] = trace.h[-1]
    return loss, gradient, count


def in_order(sequences, weights, T, B):
    """For each window, whether it begins a group, and its columns: sequence -> (x, y, w)."""
    for first in range(0, len(sequences), B):
        group = range(first, min(first + B, len(sequences)))
        longest = max(len(sequences[i]) for i in group) - 1
        for t in range(0, longest, T):
            pieces = {i: slice(t, min(t + T, len(sequences[i]) - 1)) for i in group if t < len(sequences[i]) - 1}
            columns = {i: (sequences[i][:-1][p], sequences[i][1:][p], weights[i][1:][p]) for i, p in pieces.items()}
            yield t == 0, columns


def in_random_order(sequences, weights, T, B, rng):
    """For each batch of windows of T steps or fewer, its columns."""
    pieces = [(i, slice(t, t + T)) for i, s in enumerate(sequences) for t in range(0, len(s) - 1, T)]
    order = rng.permutation(len(pieces))
    for b in range(0, len(order), B):
        chosen = [pieces[n] for n in order[b : b + B]]
        yield (
            True,
            {n: (sequences[i][:-1][p], sequences[i][1:][p], weights[i][1:][p]) for n, (i, p) in enumerate(chosen)},
        )


def by_hand(windows_of, rate, epochs):
    """Gradient descent, each sequence by itself: the parameters, the losses, and the evaluation of each epoch."""
    params, losses, evaluations = fresh(), [], []
    for epoch in range(epochs):
        states, total, weight = {}, 0.0, 0.0
        for begins, columns in windows_of(epoch):
            loss, gradient, count = read_apart(params, columns, {} if begins else states)
            if begins:
                states = {}
                read_apart(params, columns, states)
            if count:
                losses.append(loss / count)
                total, weight = total + loss, weight + count
                ends = np.cumsum([array.size for array in params])[:-1]
                steps = np.split(rate * gradient / count, ends)
                params = Params(*(p - step.reshape(p.shape) for p, step in zip(params, steps, strict=True)))
        evaluations.append(total / weight)
    return params, losses, evaluations


@pytest.mark.parametrize("weights", [None, MASKED], ids=["all count", "masked"])
@pytest.mark.parametrize("batch", [1, 2, 3, 5])
@pytest.mark.parametrize("carry", [True, False])
def test_each_sequence_is_read_as_if_it_were_alone(batch, weights, carry):
    options = {"rate": 0.2, "steps": 7, "batch": batch, "epochs": 2, "carry": carry, "seed": 3, "weights": weights}
    run = train(fresh(), SEQUENCES, SGD(), **options)
    each = SEQUENCES, weights or ONES, 7, batch

    def windows_of(epoch):
        return in_order(*each) if carry else in_random_order(*each, np.random.default_rng([3, epoch]))

    params, losses, evaluations = by_hand(windows_of, 0.2, 2)
    assert len(run.losses) == run.t == len(losses)
    assert_close(run.losses, losses, 1e-12)
    assert_close(run.evaluations, evaluations, 1e-12)
    for mine, theirs in zip(run.params, params, strict=True):
        assert_close(mine, theirs, 1e-12)


def test_some_of_the_masked_windows_do_not_count_at_all():
    counts = [sum(w.sum() for _, _, w in columns.values()) for _, columns in in_order(SEQUENCES, MASKED, 7, 2)]
    assert 0 in counts[:2] and counts[-1] == 0 and sum(count > 0 for count in counts) > 3


@pytest.mark.parametrize("carry", [True, False])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_text_whose_predictions_all_count_once_is_read_as_one_without_weights(batch, carry):
    options = {"rate": 0.1, "steps": 7, "batch": batch, "epochs": 2, "carry": carry, "validation": TEXT[:30]}
    plain = train(fresh(), TEXT, Adam(), **options)
    ones = train(fresh(), TEXT, Adam(), **options, weights=np.ones(len(TEXT)), validation_weights=np.ones(30, bool))
    assert_close(ones.losses, plain.losses, 1e-12)
    assert_close(ones.evaluations, plain.evaluations, 1e-12)
    assert_close(flatten(ones.params), flatten(plain.params), 1e-9)


@pytest.mark.parametrize("carry", [True, False])
def test_a_weighted_text_is_cut_like_one_without_weights(carry):
    weights = np.random.default_rng(0).uniform(0, 2, len(TEXT))
    run = train(fresh(), TEXT, SGD(), rate=0.1, steps=7, batch=3, carry=carry, seed=4, weights=weights)
    places = np.arange(len(TEXT))
    windows = streams(places, 3, 7) if carry else shuffled(places, 3, 7, np.random.default_rng([4, 0]))
    params, losses, h = fresh(), [], None
    for x, y in windows:
        trace = forward(params, TEXT[x], h)
        h = trace.h[-1] if carry else None
        losses.append(cross_entropy(trace.o, TEXT[y], weights=weights[y]))
        grads = backward(params, trace, TEXT[y], weights=weights[y])[:5]
        params = Params(*(p - 0.1 * g for p, g in zip(params, grads, strict=True)))
    assert_close(run.losses, losses, 1e-12)
    assert_close(run.evaluations, [np.average(losses, weights=[weights[y].sum() for _, y in windows])], 1e-12)


def test_the_weight_of_the_first_id_of_a_sequence_is_not_used():
    other = [np.append(99.0, w[1:]) for w in MASKED]
    options = {"rate": 0.1, "steps": 7, "batch": 2, "epochs": 2}
    one, two = (train(fresh(), SEQUENCES, **options, weights=w) for w in (MASKED, other))
    same(one, two)


def test_sequences_may_be_of_different_integer_types():
    kinds = [np.uint64, np.int64, np.uint8, np.int32, np.int64]
    mixed = [s.astype(kind) for s, kind in zip(SEQUENCES, kinds, strict=True)]
    same(*(train(fresh(), ids, rate=0.1, steps=7, batch=2) for ids in (mixed, SEQUENCES)))
    assert evaluate(fresh(), mixed) == evaluate(fresh(), SEQUENCES)


# Resuming


@pytest.mark.parametrize("carry", [True, False])
@pytest.mark.parametrize("weights", [None, MASKED], ids=["all count", "masked"])
def test_a_run_on_sequences_goes_on_bit_for_bit_from_any_update(tmp_path, carry, weights):
    options = {"rate": 0.1, "steps": 7, "batch": 2, "carry": carry, "weights": weights, "validation": SEQUENCES[:2]}
    whole = train(fresh(), SEQUENCES, Adam(), epochs=2, **options)
    for update in range(len(whole.losses) + 1):
        part = train(fresh(), SEQUENCES, Adam(), updates=update, **options)
        assert len(part.losses) == update
        save(tmp_path / "run.npz", part, VOCAB, Adam())
        same(train(load(tmp_path / "run.npz")[0], SEQUENCES, Adam(), epochs=2, **options), whole)


@pytest.mark.parametrize("carry", [True, False])
def test_a_run_on_sequences_that_is_interrupted_goes_on_bit_for_bit(carry):
    options = {"rate": 0.1, "steps": 7, "batch": 2, "carry": carry, "weights": MASKED, "epochs": 2}
    whole = train(fresh(), SEQUENCES, SGD(), **options)
    for update in range(1, len(whole.losses) + 1):
        stop = Tripped(update, lambda out: os.kill(os.getpid(), signal.SIGINT))
        part = train(fresh(), SEQUENCES, stop, **options)
        assert len(part.losses) == part.t == update
        same(train(part, SEQUENCES, SGD(), **options), whole)


def test_a_run_stops_at_its_number_of_updates_although_windows_without_weight_follow():
    options = {"rate": 0.1, "steps": 7, "batch": 2, "weights": MASKED}
    each = len(train(fresh(), SEQUENCES, SGD(), **options).losses)
    run = train(fresh(), SEQUENCES, SGD(), updates=3 * each - 1, **options)
    assert len(run.losses) == 3 * each - 1 and run.epoch == 2


def test_other_sequences_or_weights_are_another_text():
    options = {"rate": 0.1, "steps": 7}
    run = train(fresh(), SEQUENCES, **options, weights=ONES)
    moved = [np.concatenate(SEQUENCES[:2]), *SEQUENCES[2:]]  # the same ids, one after another
    for ids, weights in ((SEQUENCES, None), (SEQUENCES, MASKED), (moved, None), (TEXT, None)):
        with refuses(ValueError, "ids", "checksum", expected=run.settings["ids"]):
            train(run, ids, **options, weights=weights, epochs=2)


def test_a_divergence_within_sequences_goes_on_from_the_best_weights():
    options = {"steps": 7, "batch": 2, "epochs": 4, "weights": MASKED}
    run = train(fresh(), SEQUENCES, Brittle(), rate=HalveOnRise(0.8), **options)
    assert run.evaluations[:2].tolist() == [math.inf] * 2 and np.isfinite(run.evaluations[2:]).all()


@pytest.mark.parametrize("carry", [True, False])
@pytest.mark.parametrize(
    "ids, weights", [(SEQUENCES, None), (SEQUENCES, MASKED), (TEXT, None), (TEXT, np.ones(len(TEXT)))]
)
def test_the_bar_counts_every_prediction_and_ends_full(monkeypatch, ids, weights, carry):
    shown = {}

    @contextmanager
    def bar(progress, total, done):
        shown.update(total=total, done=done)

        def advance(characters, loss):
            shown["done"] += characters

        yield advance

    monkeypatch.setattr("rnnlib.train._loop.bar", bar)
    options = {"rate": 0.1, "steps": 7, "batch": 2, "carry": carry, "weights": weights}
    part = train(fresh(), ids, Momentum(), updates=4, **options)
    assert weights is MASKED or shown["done"] == shown["total"]  # else windows that make no update come on top
    before = shown["done"]
    train(part, ids, Momentum(), epochs=2, **options)
    assert shown["done"] == shown["total"] > before
    if ids is SEQUENCES:
        assert shown["total"] == 2 * sum(len(s) - 1 for s in SEQUENCES)


# Evaluation


@pytest.mark.parametrize("steps", [1, 3, 7, 30, 256])
@pytest.mark.parametrize("weights", [None, MASKED], ids=["all count", "masked"])
def test_evaluate_is_the_mean_over_the_predictions_of_all_sequences(steps, weights):
    columns = {i: (s[:-1], s[1:], w[1:]) for i, (s, w) in enumerate(zip(SEQUENCES, weights or ONES, strict=True))}
    loss, _, count = read_apart(fresh(), columns, {})
    assert evaluate(fresh(), SEQUENCES, steps=steps, weights=weights) == pytest.approx(loss / count, rel=1e-13)
    shifted = evaluate(fresh(), tuple(s.tolist() for s in SEQUENCES), steps=steps, weights=weights)
    assert shifted == pytest.approx(loss / count, rel=1e-13)


@pytest.mark.parametrize("steps", [1, 7, 256])
def test_evaluate_weighs_a_text(steps):
    weights = np.random.default_rng(0).integers(0, 2, len(TEXT))
    trace = forward(fresh(), TEXT[:-1])
    expected = cross_entropy(trace.o, TEXT[1:], weights=weights[1:])
    assert evaluate(fresh(), TEXT, steps=steps, weights=weights) == pytest.approx(expected, rel=1e-13)


def test_the_validation_is_evaluated_with_its_weights():
    given = {"validation": SEQUENCES, "validation_weights": MASKED}
    run = train(fresh(), TEXT, rate=0.1, steps=7, **given)
    assert run.evaluations.tolist() == [evaluate(run.params, SEQUENCES, weights=MASKED)]


# Bad input


@pytest.mark.parametrize(
    "error, name, change",
    [
        (ValueError, "ids[1]", {"ids": [TEXT, TEXT[:1]]}),
        (ValueError, "ids[1]", {"ids": [TEXT, 3]}),
        (ValueError, "ids[0]", {"ids": [np.zeros((2, 2), int)]}),
        (ValueError, "ids[0]", {"ids": [[0, len(VOCAB)]]}),
        (TypeError, "ids[1]", {"ids": [TEXT, TEXT.astype(float)]}),
        (TypeError, "ids[1]", {"ids": [TEXT, "fish"]}),
        (TypeError, "ids", {"ids": ["fish", "red"]}),
        (TypeError, "ids", {"ids": ()}),
        (TypeError, "weights", {"ids": SEQUENCES, "weights": np.ones(len(TEXT))}),
        (TypeError, "weights", {"ids": SEQUENCES, "weights": ONES[1:]}),
        (ValueError, "weights[1]", {"ids": SEQUENCES, "weights": [ONES[0], ONES[0], *ONES[2:]]}),
        (ValueError, "weights", {"weights": np.ones(len(TEXT) - 1)}),
        (ValueError, "weights", {"weights": -np.ones(len(TEXT))}),
        (ValueError, "weights", {"weights": np.full(len(TEXT), math.nan)}),
        (ValueError, "weights", {"weights": np.zeros(len(TEXT))}),
        (ValueError, "weights", {"weights": np.eye(len(TEXT))[0]}),  # of the first id only
        (ValueError, "weights", {"weights": np.eye(len(TEXT))[-1], "steps": len(TEXT) - 2, "carry": False}),
        (TypeError, "weights", {"weights": ["a"] * len(TEXT)}),
        (ValueError, "validation[0]", {"validation": [[0]]}),
        (ValueError, "validation_weights", {"validation_weights": np.ones(3)}),
        (ValueError, "validation_weights", {"validation": TEXT, "validation_weights": np.ones(3)}),
    ],
)
def test_sequences_and_weights_that_do_not_fit_are_named_before_anything_is_computed(error, name, change, monkeypatch):
    monkeypatch.setattr("rnnlib.train._loop.Workspace", None)
    with refuses(error, name):
        train(**{"start": fresh(), "ids": TEXT, "rate": 0.1, "steps": 7} | change)


def test_evaluate_names_sequences_and_weights_that_do_not_fit():
    with refuses(ValueError, "ids[1]", "(1,)"):
        evaluate(fresh(), [TEXT, TEXT[:1]])
    with refuses(ValueError, "weights", "(3,)"):
        evaluate(fresh(), TEXT, weights=np.ones(3))
    with refuses(TypeError, "weights", expected=f"a list of {len(SEQUENCES)} arrays"):
        evaluate(fresh(), SEQUENCES, weights=np.ones(len(TEXT)))
