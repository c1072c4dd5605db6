"""The model class of three matrices: the same network as the core's, and the training on two titles."""

from types import SimpleNamespace

import models
import numpy as np
import pytest
from models import STEP, assert_close, refuses, worst

from rnnlib import Params, backward, check_gradients, cross_entropy, forward
from rnnlib.formulations import matrices
from rnnlib.formulations.matrices import RNN, from_params, gradients, next_characters, to_params, train_with_sgd

WEIGHTS = ("Wxh", "Whh", "Why")


def case_of(seed, **sizes):
    """A case of a network without biases."""
    case = models.case_of(seed, **sizes)
    return case._replace(params=case.params._replace(bh=0 * case.params.bh, by=0 * case.params.by))


def test_gradients_equal_those_of_the_core():
    errors = []
    for seed in range(300):
        params, x, y, h0, reduction, *_ = case_of(seed)
        given = gradients(params, x, y, h0=h0, reduction=reduction)
        errors.append(worst(given, backward(params, forward(params, x, h0), y, reduction=reduction)))
        assert given.bh is None and given.by is None
    print(f"worst relative difference of {len(errors)} models: {max(errors):.1e}")
    assert max(errors) < 5e-15


def test_a_truncated_walk_equals_the_truncation_of_the_core():
    errors, cuts = [], 0
    for seed in range(40):
        params, x, y, h0, reduction, *_ = case_of(seed, T=seed % 9 + 1)
        trace = forward(params, x, h0)
        full = backward(params, trace, y, reduction=reduction)
        for k in range(1, len(x) + 2):
            given = gradients(params, x, y, h0=h0, reduction=reduction, truncate=k)
            errors.append(worst(given, backward(params, trace, y, reduction=reduction, truncate=k)))
            cuts += worst(given, full) > 1e-3
    print(f"worst relative difference of {len(errors)} truncations: {max(errors):.1e}; {cuts} of them cut something")
    assert max(errors) < 2e-15
    assert cuts > 50


def trace_of_its_own(params, x, h0):
    h0 = np.zeros(len(params.bh)) if h0 is None else h0
    return SimpleNamespace(x=x, h0=h0, o=from_params(params).forward(x, h0)[1].T)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("seed", range(5))
def test_the_gradients_are_the_derivatives_of_its_own_loss(seed, reduction):
    params, x, y, h0, *_ = case_of(seed)
    report = check_gradients(
        params,
        x,
        y,
        h0=h0,
        reduction=reduction,
        forward=trace_of_its_own,
        backward=lambda params, trace, y, *, reduction: gradients(params, x, y, h0=trace.h0, reduction=reduction),
        tolerance=1e-13,
    )
    assert report.ok and report.checks.keys() == set(WEIGHTS), report


def test_states_logits_and_losses_are_those_of_the_core():
    params, x, y, h0, *_ = case_of(3, T=6, V=5, H=4)
    model, trace = from_params(params), forward(params, x, h0)
    h, o = model.forward(x, h0)
    assert_close(h.T, trace.h, 1e-15)
    assert_close(o.T, trace.o, 1e-15)
    assert_close(matrices.softmax(o).T, trace.yhat, 1e-15)
    o = forward(params, x).o
    assert np.array_equal(model.predict(x), o.argmax(axis=1))
    assert model.total_loss([x, x[:2]], [y, y[:2]]) == pytest.approx(
        cross_entropy(o, y, "sum") + cross_entropy(o[:2], y[:2], "sum"), rel=1e-14
    )
    assert model.loss([x, x], [y, y]) == pytest.approx(cross_entropy(o, y), rel=1e-14)


def test_logits_of_any_size_overflow_nothing():
    params, x, y, *_ = case_of(4, T=5, V=4, H=3, scale=1.0)
    params = params._replace(Why=1e5 * params.Why)
    model, o = from_params(params), forward(params, x).o
    assert np.abs(o).max() > 1e4
    assert model.total_loss([x], [y]) == pytest.approx(cross_entropy(o, y, "sum"), rel=1e-14)
    assert worst(gradients(params, x, y), backward(params, forward(params, x), y)) < 1e-14


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_parameters_survive_the_round_trip_and_nothing_is_shared(dtype):
    params = Params(*(array.astype(dtype) for array in case_of(5, T=2, V=4, H=3).params))
    model = from_params(params)
    assert (model.U.shape, model.V.shape, model.W.shape) == ((3, 4), (4, 3), (3, 3))
    back = to_params(model)
    for one, other in zip(back, params, strict=True):
        assert one.dtype == other.dtype and np.array_equal(one, other) and not np.shares_memory(one, other)
    model.U[:] = model.V[:] = model.W[:] = 7
    assert not any((array == 7).any() for array in (*params, *back))


def test_a_new_model_is_uniform_within_one_over_the_root_of_the_columns():
    model = RNN.uniform(100, 400, rng=np.random.default_rng(0))
    for array, shape, bound in ((model.U, (400, 100), 0.1), (model.V, (100, 400), 0.05), (model.W, (400, 400), 0.05)):
        assert array.shape == shape
        assert 0.99 * bound < array.max() <= bound and -bound <= array.min() < -0.99 * bound
        assert array.std() == pytest.approx(bound / np.sqrt(3), rel=0.01)


def test_each_title_wraps_to_its_own_first_character():
    vocab, sequences, targets = next_characters()
    assert [vocab.decode(x) for x in sequences] == ["你好李焕英", "夏洛特烦恼"]
    assert [vocab.decode(y) for y in targets] == ["好李焕英你", "洛特烦恼夏"]


def titles_model(seed, kind=RNN, hidden_dim=100):
    vocab, sequences, targets = next_characters()
    return kind.uniform(len(vocab), hidden_dim, rng=np.random.default_rng(seed)), sequences, targets


def all_right(model, sequences, targets):
    return all(np.array_equal(model.predict(x), y) for x, y in zip(sequences, targets, strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_both_titles_are_predicted_exactly_after_training(seed):
    model, sequences, targets = titles_model(seed)
    assert not all_right(model, sequences, targets)
    run = train_with_sgd(model, sequences, targets, rate=0.1)
    assert all_right(model, sequences, targets)
    assert run[0].loss == pytest.approx(np.log(10), rel=0.1)
    assert run[-1].loss == model.loss(sequences, targets) < 0.004
    assert [evaluation.epoch for evaluation in run] == list(range(0, 101, 5))
    assert {evaluation.rate for evaluation in run} == {0.1}  # the loss never rose


def test_a_step_of_sgd_goes_down_the_gradient_of_the_sum():
    params, x, y, *_ = case_of(6, T=5, V=4, H=3)
    grads = backward(params, forward(params, x), y, reduction="sum")
    model = from_params(params)
    model.sgd_step(x, y, 0.25)
    for name, after in to_params(model)._asdict().items():
        expected = getattr(params, name) - 0.25 * getattr(grads, name) * (name in WEIGHTS)
        assert_close(after, expected, 1e-15, scale=np.abs(params.Wxh).max())


def test_the_last_epoch_is_evaluated_too():
    model, sequences, targets = titles_model(0)
    run = train_with_sgd(model, sequences, targets, epochs=7, evaluate_every=3)
    assert [evaluation.epoch for evaluation in run] == [0, 3, 6, 7]


def rates_of_the_rule(run):
    """The rates by the rule, told from the losses alone: halved where a loss is above the last finite one, or none."""
    rates, rate, last = [], run[0].rate, np.inf
    for evaluation in run:
        fell = np.isfinite(evaluation.loss) and evaluation.loss <= last
        rate, last = rate if fell else rate / 2, evaluation.loss if np.isfinite(evaluation.loss) else last
        rates.append(rate)
    return rates


def test_a_rate_of_one_makes_the_loss_rise_is_halved_and_recovers():
    model, sequences, targets = titles_model(0)
    run = train_with_sgd(model, sequences, targets, rate=1)
    assert run[1].loss > 10 * run[0].loss and run[1].rate == 0.5
    assert [evaluation.rate for evaluation in run] == rates_of_the_rule(run)
    assert run[-1].loss < 1e-4 and all_right(model, sequences, targets)


def test_where_training_overflows_it_goes_back_to_the_last_finite_parameters():
    model, sequences, targets = titles_model(0)
    train_with_sgd(model, sequences, targets, epochs=5)
    before = to_params(model)
    run = train_with_sgd(model, sequences, targets, rate=1e308, epochs=10)
    assert [evaluation.rate for evaluation in run] == [1e308, 5e307, 2.5e307]
    assert np.isfinite(run[0].loss) and not np.isfinite([run[1].loss, run[2].loss]).any()
    for one, other in zip(to_params(model), before, strict=True):
        assert np.array_equal(one, other)


class Reckless(RNN):
    """Learns, but leaves an infinite weight behind: its state is 1 then, and the loss stays finite."""

    def sgd_step(self, x, y, rate):
        super().sgd_step(x, y, rate)
        self.U[0, 0] = np.inf


def test_an_infinite_parameter_is_seen_although_the_loss_is_finite_and_lower():
    model, sequences, targets = titles_model(0, Reckless)
    before = to_params(model)
    run = train_with_sgd(model, sequences, targets, rate=0.1, epochs=5)
    assert run[1].loss < run[0].loss and run[1].rate == 0.05
    for one, other in zip(to_params(model), before, strict=True):
        assert np.array_equal(one, other)


class WithoutTanh(RNN):
    """The mistake of a forward pass that forgets tanh, while the way back multiplies by 1 - h²."""

    def forward(self, x, h0=None):
        h, states = np.zeros_like(self.W[0]), []
        for symbol in x:
            h = self.U[:, symbol] + self.W @ h
            states.append(h)
        return np.stack(states, axis=1), self.V @ np.stack(states, axis=1)


def error_of_dW(model, sequences, targets):
    """|given - true| / |true|, the true derivative by complex steps of the model's own loss."""
    given = sum(model.bptt(x, y)[2] for x, y in zip(sequences, targets, strict=True))
    true, W = np.empty_like(given), model.W
    for index in np.ndindex(W.shape):
        model.W = W.astype(complex)
        model.W[index] += 1j * STEP
        true[index] = model.total_loss(sequences, targets).imag / STEP
    model.W = W
    return np.linalg.norm(given - true) / np.linalg.norm(true)


@pytest.mark.parametrize("seed", [1, 2])
def test_without_tanh_the_titles_are_learnt_although_the_gradient_is_wrong(seed):
    model, sequences, targets = titles_model(seed, WithoutTanh, hidden_dim=20)
    first = error_of_dW(model, sequences, targets)
    run = train_with_sgd(model, sequences, targets, rate=0.1, epochs=500)
    after = error_of_dW(model, sequences, targets)
    print(f"error of dW: {first:.0%} at first, {after:.0%} after training, loss {run[-1].loss:.1e}")
    assert 0.05 < first < 0.15 and 0.98 < after < 1.02
    assert run[-1].loss < 2e-3 and all_right(model, sequences, targets)
    right, *data = titles_model(seed, hidden_dim=20)
    assert error_of_dW(right, *data) < 1e-13


@pytest.mark.parametrize("rate, low, high", [(0.005, 0.5, 0.66), (0.1, 0.9, 0.96)])
def test_without_tanh_dW_is_six_tenths_wrong_at_the_rate_of_the_tutorial_and_nine_tenths_at_ours(rate, low, high):
    """A hundred units and epochs; the targets are those of the joined titles, all learnt, as no character repeats."""
    model, sequences, targets = titles_model(0, WithoutTanh)
    joined = np.roll(np.concatenate(sequences), -1)
    assert np.concatenate(targets).tolist() != joined.tolist() and len(set(joined.tolist())) == 10
    first = error_of_dW(model, sequences, [joined[:5], joined[5:]])
    train_with_sgd(model, sequences, [joined[:5], joined[5:]], rate=rate, epochs=100)
    after = error_of_dW(model, sequences, [joined[:5], joined[5:]])
    print(f"rate {rate}: error of dW {first:.1%} at first, {after:.1%} after training")
    assert 0.08 < first < 0.12 and low < after < high
    assert all_right(model, sequences, [joined[:5], joined[5:]])


@pytest.mark.parametrize("seed", range(5))
def test_without_tanh_a_rate_of_one_overflows_and_recovers(seed):
    model, sequences, targets = titles_model(seed, WithoutTanh)
    run = train_with_sgd(model, sequences, targets, rate=1)
    assert not np.isfinite(run[1].loss) and run[1].rate == 0.5
    assert [evaluation.rate for evaluation in run] == rates_of_the_rule(run)
    assert run[-1].loss < 1e-3 and all_right(model, sequences, targets)


def test_a_state_before_the_first_step_counts():
    params, x, y, h0, *_ = case_of(7, T=3, V=4, H=3, scale=1.0)
    assert worst(gradients(params, x, y), gradients(params, x, y, h0=h0)) > 0.1


@pytest.mark.parametrize("name", ["bh", "by"])
def test_biases_are_refused(name):
    params = case_of(0, T=3, V=4, H=3).params
    biased = params._replace(**{name: np.array([0, 0.5, 0] + [0] * (name == "by"))})
    with refuses(ValueError, f"params.{name}", "0.5", expected="no biases"):
        from_params(biased)
    with refuses(ValueError, f"params.{name}", "0.5", expected="no biases"):
        gradients(biased, [0, 1], [1, 0])


def test_rows_are_refused_where_columns_belong():
    params = case_of(0, T=3, V=5, H=3).params
    with refuses(ValueError, "W", "(3, 3)", expected="columns here and U, (H, K), is (5, 3)"):
        RNN(params.Wxh, params.Why, params.Whh)
    with refuses(ValueError, "V", "(3, 5)", expected="(5, 3), for vectors are columns here"):
        RNN(params.Wxh.T, params.Why, params.Whh)


@pytest.mark.parametrize(
    "name, value, error, got",
    [
        ("U", np.zeros(4), ValueError, "(4,)"),
        ("V", np.zeros((5, 0)), ValueError, "(5, 0)"),
        ("W", [["a"]], TypeError, "[['a']]"),
        ("W", np.full((3, 3), np.nan), ValueError, "nan"),
    ],
)
def test_what_is_no_matrix_is_refused(name, value, error, got):
    given = {"U": np.zeros((3, 5)), "V": np.zeros((5, 3)), "W": np.zeros((3, 3)), name: value}
    with refuses(error, name, got):
        RNN(**given)


@pytest.mark.parametrize(
    "argument, value, error, got",
    [
        ("x", np.zeros((4, 2), int), ValueError, "(4, 2)"),
        ("x", np.zeros((4, 5)), TypeError, "(4, 5)"),
        ("x", [], TypeError, "[]"),
        ("x", np.zeros(0, int), ValueError, "(0,)"),
        ("x", [0, 1, 5], ValueError, "5"),
        ("y", [0, 1, -1], ValueError, "-1"),
        ("y", [0, 1], ValueError, "(2,)"),
        ("h0", np.zeros(5), ValueError, "(5,)"),
        ("h0", np.zeros((2, 3)), ValueError, "(2, 3)"),
        ("reduction", "average", ValueError, "'average'"),
        ("truncate", 0, ValueError, "0"),
        ("truncate", 2.0, TypeError, "float 2.0"),
    ],
)
def test_what_does_not_fit_is_refused(argument, value, error, got):
    given = {"x": [0, 1, 2], "y": [1, 2, 0], argument: value}
    with refuses(error, argument, got):
        gradients(case_of(0, T=3, V=5, H=3).params, **given)


@pytest.mark.parametrize(
    "argument, value, error", [("epochs", 0, ValueError), ("evaluate_every", 2.5, TypeError), ("rate", "1", TypeError)]
)
def test_training_without_sense_is_refused(argument, value, error):
    with refuses(error, argument, str(value)):
        train_with_sgd(*titles_model(0), **{argument: value})


@pytest.mark.parametrize("one", [lambda model, x, y: model.loss(x, y), lambda *all: train_with_sgd(*all, epochs=2)])
def test_sequences_that_are_no_lists_of_one_length_are_refused_for_a_generator_is_empty_after_one_epoch(one):
    model, x, y = titles_model(0)
    for sequences, targets in (((ids for ids in x), y), (x, iter(y)), (x, y[:1]), ([], [])):
        with pytest.raises(ValueError, match="sequences, targets: expected two lists of equal length, got "):
            one(model, sequences, targets)
