"""Softmax and cross-entropy, held against fifty-digit decimal arithmetic and against logits of great size."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import STEP, assert_close, refuses

from rnnlib import cross_entropy, log_softmax, softmax, step_losses

EPS = np.finfo(np.float64).eps

logits = st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=6)
eighths = st.integers(-8000, 8000).map(lambda n: n / 8)


def decimal_log_softmax(row):
    """log ŷ of a row of floats in fifty digits, with no maximum subtracted."""
    with localcontext() as context:
        context.prec = 50
        exact = [Decimal(value) for value in row]
        log_sum = sum(value.exp() for value in exact).ln()
        return [value - log_sum for value in exact]


@given(logits)
def test_log_softmax_equals_decimal_arithmetic(row):
    # Absolute below 1: where one logit outweighs the rest, its log ŷ is 0 to within the rounding of a sum near 1.
    for actual, exact in zip(log_softmax(row), decimal_log_softmax(row), strict=True):
        assert abs(actual - float(exact)) <= 4 * EPS * max(1, abs(float(exact)))


@given(logits)
def test_softmax_equals_decimal_arithmetic(row):
    # Rounding o - max(o) by half a unit in the last place moves its exponential by as much times o - max(o).
    for actual, exact in zip(softmax(row), decimal_log_softmax(row), strict=True):
        expected = float(exact.exp())
        assert abs(actual - expected) <= (8 + abs(float(exact))) * EPS * expected + 1e-307


@given(st.lists(logits.filter(lambda row: len(row) == 3), min_size=1, max_size=4))
def test_each_row_of_softmax_sums_to_one(rows):
    assert_close(softmax(rows).sum(axis=-1), np.ones(len(rows)), 3 * EPS)


@given(st.lists(eighths, min_size=1, max_size=6), eighths)
def test_a_shift_of_all_logits_changes_nothing(row, shift):
    # Eighths add without rounding, so not one bit may change.
    shifted = np.array(row) + shift
    assert softmax(shifted).tolist() == softmax(row).tolist()
    assert log_softmax(shifted).tolist() == log_softmax(row).tolist()


def test_logits_of_ten_thousand_overflow_nowhere():
    o = np.array([[1e4, -1e4, -1e4], [-1e4, 1e4, 1e4]])
    assert softmax(o).tolist() == [[1, 0, 0], [0, 0.5, 0.5]]
    assert log_softmax(o)[0].tolist() == [0, -2e4, -2e4]


@pytest.mark.parametrize("target, loss", [(0, 0.0), (1, 2e4), (2, 2e4)])
def test_cross_entropy_is_exact_at_logits_of_ten_thousand(target, loss):
    assert cross_entropy([[1e4, -1e4, -1e4]], [target]) == loss


@pytest.mark.parametrize("V", [1, 2, 12, 1000])
@pytest.mark.parametrize("level", [0.0, -1e4, 3.7])
@pytest.mark.parametrize("shape", [(7,), (7, 3)])
def test_uniform_logits_cost_the_logarithm_of_the_number_of_symbols(V, level, shape):
    o = np.full((*shape, V), level)
    y = np.arange(math.prod(shape)).reshape(shape) % V
    assert cross_entropy(o, y) == pytest.approx(math.log(V), rel=4 * EPS, abs=0)
    assert cross_entropy(o, y, "sum") == pytest.approx(math.prod(shape) * math.log(V), rel=4 * EPS, abs=0)


@pytest.mark.parametrize("shape", [(), (6,), (6, 4)])
def test_step_losses_are_minus_the_log_probability_of_each_target(shape):
    rng = np.random.default_rng(0)
    o, y = rng.normal(scale=3, size=(*shape, 5)), rng.integers(5, size=shape)
    losses = step_losses(o, y)
    assert losses.shape == shape
    for index in np.ndindex(shape):
        exact = -decimal_log_softmax(o[index].tolist())[y[index]]
        assert losses[index] == pytest.approx(float(exact), abs=4 * EPS * max(1, float(exact)), rel=0)


@pytest.mark.parametrize("shape", [(6,), (6, 4)])
def test_reductions_are_the_sum_and_the_mean_over_steps_and_sequences(shape):
    rng = np.random.default_rng(1)
    o, y = rng.normal(scale=3, size=(*shape, 5)), rng.integers(5, size=shape)
    total = math.fsum(-float(decimal_log_softmax(o[i].tolist())[y[i]]) for i in np.ndindex(shape))
    assert cross_entropy(o, y, "sum") == pytest.approx(total, rel=4 * EPS, abs=0)
    assert cross_entropy(o, y, "mean") == pytest.approx(total / y.size, rel=4 * EPS, abs=0)


def test_the_mean_is_taken_unless_the_sum_is_asked_for():
    assert cross_entropy(np.zeros((5, 2)), [0] * 5) == pytest.approx(math.log(2), rel=4 * EPS)


def test_complex_logits_carry_the_derivative_probability_minus_target():
    rng = np.random.default_rng(2)
    o, y = rng.normal(scale=3, size=(3, 5)), rng.integers(5, size=3)
    derivative = np.empty_like(o)
    for index in np.ndindex(o.shape):
        moved = o.astype(complex)
        moved[index] += 1j * STEP
        derivative[index] = cross_entropy(moved, y, "sum").imag / STEP
    expected = np.exp([[float(value) for value in decimal_log_softmax(row)] for row in o.tolist()])
    expected[range(3), y] -= 1
    assert_close(derivative, expected, 4 * EPS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_the_type_of_the_logits_is_the_type_of_the_result(dtype):
    o = np.arange(6).reshape(2, 3).astype(dtype)
    assert softmax(o).dtype == log_softmax(o).dtype == step_losses(o, [0, 1]).dtype == dtype
    assert cross_entropy(o, [0, 1], "sum").dtype == cross_entropy(o, [0, 1], "mean").dtype == dtype


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint64])
def test_integer_logits_of_every_type_mean_the_same_as_floating_ones(dtype):
    o = np.array([[1, 2, 100]], dtype)
    assert softmax(o).tolist() == softmax(o.astype(float)).tolist()
    assert log_softmax(o).tolist() == log_softmax(o.astype(float)).tolist()


def test_a_certain_prediction_costs_nothing_and_not_minus_nothing():
    assert str(step_losses([[1e4, -1e4]], [0])[0]) == "0.0"


def test_logits_are_left_as_they_were():
    o = np.array([[1.0, 2.0], [3.0, -4.0]])
    o.setflags(write=False)
    softmax(o), log_softmax(o), cross_entropy(o, [0, 1])
    assert o.tolist() == [[1, 2], [3, -4]]


O = np.zeros((3, 2, 5))  # noqa: E741
Y = np.zeros((3, 2), int)


@pytest.mark.parametrize("function", [cross_entropy, step_losses])
@pytest.mark.parametrize(
    "o, y, error, argument, got, expected",
    [
        (O, Y + 0.5, TypeError, "y", "float64", "integer ids"),
        (O, "text", TypeError, "y", "str 'text'", "vocab.encode(text)"),
        (O, Y.astype(bool), TypeError, "y", "bool", "integer ids"),
        (O, Y - 1, ValueError, "y", "-1", "from 0 to 4"),
        (O, Y + 5, ValueError, "y", "5", "from 0 to 4"),
        (O, Y[:2], ValueError, "y", "(2, 2)", "(3, 2)"),
        (O, Y[:, 0], ValueError, "y", "(3,)", "(3, 2)"),
        (O, Y.T, ValueError, "y", "(2, 3)", "(3, 2)"),
        (O, 0, ValueError, "y", "()", "(3, 2)"),
        (O + np.nan, Y, ValueError, "o", "nan at index (0, 0, 0)", "finite"),
        (np.where(np.arange(5) == 3, -np.inf, O), Y, ValueError, "o", "-inf at index (0, 0, 3)", "finite"),
        (O.astype(str), Y, TypeError, "o", "<U", "numbers"),
        (O[:0], Y[:0], ValueError, "o", "(0, 2, 5)", "no empty axis"),
        (O[:, :0], Y[:, :0], ValueError, "o", "(3, 0, 5)", "no empty axis"),
        (O[..., :0], Y, ValueError, "o", "(3, 2, 0)", "no empty axis"),
        (1.0, 0, ValueError, "o", "()", "(T, V)"),
        pytest.param([[0.0, 1.0], [2.0]], [0, 0], ValueError, "o", "", ""),
    ],
)
def test_logits_and_targets_that_do_not_fit_are_refused(function, o, y, error, argument, got, expected):
    with refuses(error, argument, got, expected=expected):
        function(o, y)


@pytest.mark.parametrize(
    "reduction, got",
    [
        ("average", "str 'average'"),
        (None, "NoneType None"),
        ("SUM", "'SUM'"),
        (["sum"], "['sum']"),
        pytest.param(np.array(["sum", "mean"]), "(2,)"),
    ],
)
def test_a_reduction_other_than_sum_and_mean_is_refused(reduction, got):
    with refuses(ValueError, "reduction", got, expected="'sum', 'mean'"):
        cross_entropy(O, Y, reduction)


@pytest.mark.parametrize("function", [softmax, log_softmax])
@pytest.mark.parametrize(
    "o, error, got",
    [
        ("abc", TypeError, "str 'abc'"),
        (None, TypeError, "None"),
        ([True, False], TypeError, "[True, False]"),
        (np.array([1, 2], object), TypeError, "object"),
        ([], ValueError, "(0,)"),
        (np.zeros((3, 0)), ValueError, "(3, 0)"),
        (3.0, ValueError, "()"),
    ],
)
def test_what_is_no_row_of_logits_has_no_softmax(function, o, error, got):
    with refuses(error, "o", got):
        function(o)
