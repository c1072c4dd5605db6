"""Parameters and the pass forward, held against scalar loops over Python floats."""

import math

import numpy as np
import pytest
from hypothesis import given
from models import STEP, assert_close, cases, make_case, refuses

import rnnlib
from rnnlib import (
    Params,
    Trace,
    Vocabulary,
    cross_entropy,
    forward,
    gru,
    init_params,
    lstm,
    one_hot,
    pad,
    softmax,
    windows,
)

EPS = np.finfo(np.float64).eps
TRACED = ("a", "h", "o", "yhat")


def forward_in_loops(params, rows, h0):
    """a, h, o, ŷ of one sequence, number by number; `rows` are its feature rows."""
    Wxh, Whh, Why, bh, by = (array.tolist() for array in params)
    V, H = range(len(Wxh)), range(len(Whh))
    h_prev, steps = h0.tolist(), []
    for row in rows.tolist():
        a = [math.fsum([row[v] * Wxh[v][j] for v in V] + [h_prev[i] * Whh[i][j] for i in H] + [bh[j]]) for j in H]
        h = [math.tanh(value) for value in a]
        o = [math.fsum([h[i] * Why[i][v] for i in H] + [by[v]]) for v in V]
        weights = [math.exp(value) for value in o]
        steps.append((a, h, o, [weight / math.fsum(weights) for weight in weights]))
        h_prev = h
    return (np.array(values) for values in zip(*steps, strict=True))


def single(case, b):
    """Sequence b of a batch, alone."""
    return case.params, case.x[:, b], case.h0[b]


@given(cases())
def test_forward_equals_scalar_loops(case):
    trace = forward(case.params, case.x, case.h0)
    rows = case.x if case.x.dtype.kind == "f" else one_hot(case.x, case.params.Wxh.shape[0])
    batch = [(..., case.h0)] if case.h0.ndim == 1 else list(enumerate(case.h0))
    for b, h0 in batch:
        loops = forward_in_loops(case.params, rows if b is ... else rows[:, b], h0)
        for name, expected in zip(TRACED, loops, strict=True):
            # Rounding of a state is handed on from step to step and may grow on its way.
            assert_close(getattr(trace, name)[:, b] if b is not ... else getattr(trace, name), expected, 1e-13, scale=1)


def test_one_step_worked_by_hand():
    log3 = math.log(3)  # tanh(log(3)) = (9 - 1) / (9 + 1)
    params = Params(
        Wxh=np.array([[0.0], [log3 - 0.5]]),
        Whh=np.array([[0.5]]),
        Why=np.array([[0.0, 1.25 * log3]]),
        bh=np.array([0.25]),
        by=np.array([0.0, 0.0]),
    )
    trace = forward(params, [1], h0=[0.5])
    assert trace.a == pytest.approx(log3, rel=2 * EPS)
    assert trace.h == pytest.approx(0.8, rel=4 * EPS)
    assert trace.o == pytest.approx(np.array([[0, log3]]), rel=4 * EPS)
    assert trace.yhat == pytest.approx(np.array([[0.25, 0.75]]), rel=4 * EPS)


@given(cases())
def test_trace_has_the_shapes_of_the_notation(case):
    trace = forward(case.params, case.x, case.h0)
    T, (V, H), batch = len(case.x), case.params.Wxh.shape, case.h0.shape[:-1]
    assert isinstance(trace, Trace)
    assert trace.a.shape == trace.h.shape == (T, *batch, H)
    assert trace.o.shape == trace.yhat.shape == (T, *batch, V)
    assert trace.h0.shape == (*batch, H)
    assert np.array_equal(trace.x, case.x) and trace.x.dtype == case.x.dtype


@pytest.mark.parametrize("features", [False, True])
def test_a_batch_is_its_sequences_run_one_by_one(features):
    case = make_case(0, T=9, B=4, V=5, H=6, features=features)
    batch = forward(case.params, case.x, case.h0)
    for b in range(4):
        alone = forward(*single(case, b))
        for name in TRACED:
            # A product of many rows may add in another order than a product of one.
            assert_close(getattr(batch, name)[:, b], getattr(alone, name), 4 * EPS)


@pytest.mark.parametrize("B", [None, 3])
def test_ids_mean_one_hot_features(B):
    case = make_case(1, T=7, B=B, V=5, H=4)
    by_ids = forward(case.params, case.x, case.h0)
    by_features = forward(case.params, one_hot(case.x, 5), case.h0)
    for name in TRACED:
        assert_close(getattr(by_ids, name), getattr(by_features, name), 4 * EPS)


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.uint8, np.uint64])
def test_ids_may_be_of_every_integer_type(dtype):
    case = make_case(2, T=5, B=2, V=4, H=3)
    expected = forward(case.params, case.x)
    assert np.array_equal(forward(case.params, case.x.astype(dtype)).yhat, expected.yhat)
    assert np.array_equal(forward(case.params, case.x.tolist()).yhat, expected.yhat)


def test_windows_of_a_text_are_a_batch():
    text = "I am learning RNN"
    vocab = Vocabulary(text)
    params = init_params(len(vocab), 5, rng=np.random.default_rng(0))
    x, _ = windows(vocab.encode(text), 4)
    assert forward(params, x).yhat.shape == (4, 13, 12)


@pytest.mark.parametrize("B", [None, 3])
def test_the_state_before_the_first_step_is_zero_unless_given(B):
    case = make_case(3, T=4, B=B, V=3, H=5)
    silent, given_zeros = forward(case.params, case.x), forward(case.params, case.x, np.zeros_like(case.h0))
    for name in ("h0", *TRACED):
        assert np.array_equal(getattr(silent, name), getattr(given_zeros, name))
    assert not np.array_equal(silent.h, forward(case.params, case.x, case.h0).h)


def test_one_state_is_shared_by_every_sequence_of_a_batch():
    case = make_case(4, T=4, B=3, V=3, H=5)
    shared = forward(case.params, case.x, case.h0[0])
    repeated = forward(case.params, case.x, np.repeat(case.h0[:1], 3, axis=0))
    for name in ("h0", *TRACED):
        assert np.array_equal(getattr(shared, name), getattr(repeated, name))
    assert shared.h0.shape == (3, 5)


@pytest.mark.parametrize("features", [False, True])
@pytest.mark.parametrize("B", [None, 3])
def test_a_run_may_be_cut_anywhere_and_resumed_from_its_state(B, features):
    case = make_case(5, T=8, B=B, V=4, H=5, features=features)
    whole = forward(case.params, case.x, case.h0)
    for cut in range(1, 8):
        first = forward(case.params, case.x[:cut], case.h0)
        rest = forward(case.params, case.x[cut:], first.h[-1])
        for name in TRACED:
            joined = np.concatenate([getattr(first, name), getattr(rest, name)])
            assert_close(joined, getattr(whole, name), 4 * EPS)


def test_float32_stays_within_a_few_of_its_own_roundings_of_float64():
    case = make_case(6, T=20, B=4, V=8, H=16, scale=0.5)
    exact = forward(case.params, case.x, case.h0)
    rounded = forward(Params(*(array.astype(np.float32) for array in case.params)), case.x, case.h0)
    for name in TRACED:
        # Sixteen products are added at every step, and weights of this size do not let the error grow with the steps.
        assert_close(getattr(rounded, name), getattr(exact, name), 4 * np.finfo(np.float32).eps)


@pytest.mark.parametrize("features", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_the_type_of_the_parameters_is_the_type_of_the_result(dtype, features):
    case = make_case(7, T=3, B=2, V=4, H=3, features=features)
    trace = forward(Params(*(array.astype(dtype) for array in case.params)), case.x, case.h0)
    assert {getattr(trace, name).dtype for name in ("h0", *TRACED)} == {np.dtype(dtype)}


@pytest.mark.parametrize("real, expected", [(np.float32, np.complex64), (np.float64, np.complex128)])
def test_a_complex_state_makes_the_result_complex_in_the_precision_of_the_parameters(real, expected):
    case = make_case(7, T=3, B=2, V=4, H=3)
    trace = forward(Params(*(array.astype(real) for array in case.params)), case.x, case.h0 + 0j)
    assert {getattr(trace, name).dtype for name in ("h0", *TRACED)} == {np.dtype(expected)}


def complex_inputs():
    case = make_case(8, T=3, B=2, V=4, H=3, features=True)
    for name in Params._fields:
        yield (
            name,
            case,
            case._replace(params=case.params._replace(**{name: getattr(case.params, name) * (1 + 1j * STEP)})),
        )
    yield "h0", case, case._replace(h0=case.h0 * (1 + 1j * STEP))
    yield "x", case, case._replace(x=case.x * (1 + 1j * STEP))


@pytest.mark.parametrize("real, moved", [pytest.param(real, moved, id=name) for name, real, moved in complex_inputs()])
def test_complex_parameters_state_or_features_flow_through_to_the_prediction(real, moved):
    expected = forward(real.params, real.x, real.h0)
    trace = forward(moved.params, moved.x, moved.h0)
    assert trace.yhat.dtype == np.complex128
    assert_close(trace.yhat.real, expected.yhat, 8 * EPS)
    # Probabilities sum to one, so their derivatives sum to zero; each moves.
    slope = trace.yhat.imag / STEP
    assert (np.abs(slope[-1]) > 1e-6).all()
    assert_close(slope.sum(axis=-1), np.zeros((3, 2)), 1e-14, scale=np.abs(slope).max())


@pytest.mark.parametrize("B", [None, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_of_fifty_saturate_and_stay_finite(dtype, B):
    case = make_case(9, T=12, B=B, V=5, H=8)
    params = Params(*(np.where(array < 0, dtype(-50), dtype(50)) for array in case.params))
    trace = forward(params, case.x, case.h0)
    assert all(np.isfinite(getattr(trace, name)).all() for name in TRACED)
    assert np.abs(trace.h).max() == 1
    assert_close(trace.yhat.sum(axis=-1), np.ones(case.y.shape), 4 * np.finfo(dtype).eps)
    assert np.array_equal(trace.yhat, softmax(trace.o))


def test_forward_leaves_its_arguments_as_they_were():
    case = make_case(10, T=4, B=2, V=3, H=4, features=True)
    arrays = [*case.params, case.x, case.h0]
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.setflags(write=False)
    trace = forward(case.params, case.x, case.h0)
    assert all(np.array_equal(array, copy) for array, copy in zip(arrays, before, strict=True))
    assert not np.shares_memory(trace.h0, case.h0)


def test_initial_weights_are_the_generator_s_next_numbers_scaled_to_one_over_root_fan_in():
    V, H = 7, 5
    params = init_params(V, H, rng=np.random.default_rng(42))
    unit = np.random.default_rng(42).random(V * H + H * H + H * V)  # in [0, 1), one stream for all three
    for name, shape, numbers in [
        ("Wxh", (V, H), unit[: V * H]),
        ("Whh", (H, H), unit[V * H : V * H + H * H]),
        ("Why", (H, V), unit[V * H + H * H :]),
    ]:
        bound = 1 / np.sqrt(shape[0])
        assert np.array_equal(getattr(params, name), (-bound + 2 * bound * numbers).reshape(shape)), name


def test_initial_weights_fill_their_bounds_and_no_more():
    params = init_params(100, 50, rng=np.random.default_rng(0))
    for weights, fan_in in [(params.Wxh, 100), (params.Whh, 50), (params.Why, 50)]:
        bound = fan_in**-0.5
        assert -bound <= weights.min() < -0.99 * bound
        assert 0.99 * bound < weights.max() <= bound


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_initial_biases_are_zero_and_every_parameter_has_the_type_asked_for(dtype):
    params = init_params(4, 3, rng=np.random.default_rng(0), dtype=dtype)
    assert [array.dtype for array in params] == [dtype] * 5
    assert params.bh.tolist() == [0] * 3 and params.by.tolist() == [0] * 4


def test_one_seed_gives_one_network_and_another_seed_another():
    first, again, other = (init_params(6, 4, rng=np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first[:3], other[:3], strict=True))


def test_initial_float32_is_float64_rounded():
    single, double = (
        init_params(6, 4, rng=np.random.default_rng(3), dtype=dtype) for dtype in (np.float32, np.float64)
    )
    for a, b in zip(single, double, strict=True):
        assert np.array_equal(a, b.astype(np.float32))


@pytest.mark.parametrize("argument", ["vocab_size", "hidden_size"])
@pytest.mark.parametrize(
    "size, error, got",
    [
        (0, ValueError, "0"),
        (-2, ValueError, "-2"),
        (2.5, TypeError, "float 2.5"),
        (4.0, TypeError, "float 4.0"),
        (True, TypeError, "bool True"),
        (np.True_, TypeError, "True"),
        ("4", TypeError, "str '4'"),
        (None, TypeError, "NoneType None"),
        (float("nan"), TypeError, "float nan"),
    ],
)
def test_a_size_that_is_no_whole_number_of_at_least_one_is_refused(argument, size, error, got):
    sizes = {"vocab_size": 3, "hidden_size": 4, argument: size}
    with refuses(error, argument, got, expected="at least 1"):
        init_params(**sizes, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    "rng, got",
    [(0, "int 0"), (None, "NoneType None"), (np.random, "numpy.random"), (np.random.RandomState(0), "RandomState")],
)
def test_an_rng_that_is_no_generator_is_refused(rng, got):
    with refuses(TypeError, "rng", got, expected="np.random.default_rng(0)"):
        init_params(3, 4, rng=rng)


@pytest.mark.parametrize(
    "dtype, got",
    [
        (int, "int"),
        (np.uint8, "uint8"),
        (bool, "bool"),
        (str, "str"),
        ("wide", "str 'wide'"),
    ],
)
def test_a_type_of_parameters_that_is_not_floating_is_refused(dtype, got):
    with refuses(TypeError, "dtype", got, expected="floating"):
        init_params(3, 4, rng=np.random.default_rng(0), dtype=dtype)


PARAMS = init_params(5, 4, rng=np.random.default_rng(0))  # V = 5, H = 4


@pytest.mark.parametrize(
    "params, got",
    [
        (None, "NoneType None"),
        (3, "int 3"),
        (PARAMS[:4], "tuple"),
        ((*PARAMS, PARAMS.by), "tuple"),
        (PARAMS.Wxh[:4], "shape (4, 4)"),
        (PARAMS._asdict(), "dict"),  # of which a loop gives the names, five of them
        ("Wxh__", "str 'Wxh__'"),
        (set("abcde"), "set"),
    ],
)
def test_parameters_that_are_not_five_arrays_are_refused(params, got):
    with refuses(TypeError, "params", got, expected="Params(Wxh, Whh, Why, bh, by)"):
        forward(params, [0])


@pytest.mark.parametrize(
    "name, shape, expected",
    [
        ("Wxh", (4,), "(D, H)"),
        ("Wxh", (5, 4, 1), "(D, H)"),
        ("Wxh", (0, 4), "(D, H)"),
        ("Wxh", (5, 0), "(D, H)"),
        ("Whh", (5, 4), "(4, 4)"),
        ("Whh", (4,), "(4, 4)"),
        ("Why", (5, 4), "(4, V)"),
        ("Why", (4,), "(4, V)"),
        ("Why", (4, 0), "(4, V)"),
        ("bh", (5,), "(4,)"),
        ("bh", (1, 4), "(4,)"),
        ("by", (4,), "(5,)"),
        ("by", (), "(5,)"),
    ],
)
def test_a_parameter_whose_shape_does_not_fit_the_others_is_named(name, shape, expected):
    with refuses(ValueError, f"params.{name}", str(shape), expected=expected):
        forward(PARAMS._replace(**{name: np.zeros(shape)}), [0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", Params._fields)
def test_a_parameter_that_is_not_finite_is_named_with_its_place(name, bad):
    array = getattr(PARAMS, name).copy()
    array[-1] = bad
    first = (len(array) - 1, 0) if array.ndim == 2 else (len(array) - 1,)
    with refuses(ValueError, f"params.{name}", f"{bad} at index {first}", expected="finite"):
        forward(PARAMS._replace(**{name: array}), [0])


@pytest.mark.parametrize("name", Params._fields)
@pytest.mark.parametrize("dtype", [str, bool, object])
def test_a_parameter_that_holds_no_numbers_is_named(name, dtype):
    array = getattr(PARAMS, name).astype(dtype)
    with refuses(TypeError, f"params.{name}", str(array.dtype), expected="numbers"):
        forward(PARAMS._replace(**{name: array}), [0])


@pytest.mark.parametrize(
    "x, error, got, expected",
    [
        ([0, -1], ValueError, "-1", "from 0 to 4"),
        ([[0, 1], [5, 2]], ValueError, "5", "from 0 to 4"),
        ([10**12], ValueError, "1000000000000", "from 0 to 4"),
        ([0.0, 1.5], TypeError, "float64", "integer ids"),
        ([0.0, 1.0], TypeError, "float64", "integer ids"),
        ("abc", TypeError, "str 'abc'", "vocab.encode(text)"),
        (list("abc"), TypeError, "['a', 'b', 'c']", "vocab.encode(text)"),
        (np.array(list("abc")), TypeError, "<U1", "vocab.encode(text)"),
        ([True, False], TypeError, "bool", "numbers"),
        ([None], TypeError, "object", "numbers"),
        (3, ValueError, "shape ()", "(T,) or (T, B)"),
        (0.5, ValueError, "shape ()", "(T, 5) or (T, B, 5)"),
        (np.zeros((2, 3, 4), int), ValueError, "(2, 3, 4)", "(T,) or (T, B)"),
        (np.zeros((2, 4)), ValueError, "(2, 4)", "(T, 5)"),
        (np.zeros((2, 3, 4)), ValueError, "(2, 3, 4)", "(T, B, 5)"),
        (np.zeros((2, 3, 4, 5)), ValueError, "(2, 3, 4, 5)", "(T, B, 5)"),
        pytest.param([], ValueError, "(0,)", "at least one step"),
        pytest.param([[0, 1], [2]], ValueError, "[[0, 1], [2]]", ""),
        (np.zeros(0, int), ValueError, "(0,)", "at least one step"),
        (np.zeros((0, 2), int), ValueError, "(0, 2)", "at least one step"),
        (np.zeros((2, 0), int), ValueError, "(2, 0)", "one sequence"),
        (np.zeros((0, 5)), ValueError, "(0, 5)", "at least one step"),
        (np.zeros((2, 0, 5)), ValueError, "(2, 0, 5)", "one sequence"),
        ([[0, 0, np.nan, 0, 0]], ValueError, "nan at index (0, 2)", "finite"),
        ([[[0, 0, 0, 0, np.inf]]], ValueError, "inf at index (0, 0, 4)", "finite"),
    ],
)
def test_an_input_that_is_neither_ids_nor_features_of_the_network_is_refused(x, error, got, expected):
    with refuses(error, "x", got, expected=expected):
        forward(PARAMS, x)


@pytest.mark.parametrize(
    "x, h0, error, got, expected",
    [
        ([0], np.zeros(5), ValueError, "(5,)", "(4,)"),
        ([0], np.zeros((1, 4)), ValueError, "(1, 4)", "(4,)"),
        ([0], 0.0, ValueError, "()", "(4,)"),
        ([[0, 1, 2]], np.zeros((2, 4)), ValueError, "(2, 4)", "(4,) or (3, 4)"),
        ([[0, 1, 2]], np.zeros((1, 4)), ValueError, "(1, 4)", "(4,) or (3, 4)"),
        ([[0, 1, 2]], np.zeros((1, 3, 4)), ValueError, "(1, 3, 4)", "(4,) or (3, 4)"),
        ([0], [0, 0, np.nan, 0], ValueError, "nan at index (2,)", "finite"),
        ([[0]], [[-np.inf, 0, 0, 0]], ValueError, "-inf at index (0, 0)", "finite"),
        ([0], "zero", TypeError, "zero", "numbers"),
        ([0], [None] * 4, TypeError, "None", "numbers"),
    ],
)
def test_a_state_before_the_first_step_that_does_not_fit_is_refused(x, h0, error, got, expected):
    with refuses(error, "h0", got, expected=expected):
        forward(PARAMS, x, h0)


@pytest.mark.parametrize("layout", [list, tuple])
def test_a_mask_is_seen_in_a_list_of_arrays_too(layout):
    rows = [np.ma.array([0, 1, 2], mask=[0, 0, masked]) for masked in (0, 1)]
    assert np.array_equal(forward(PARAMS, layout(rows[:1])).x, [[0, 1, 2]])
    with refuses(ValueError, "x", "1 of 3 masked", expected="without masked"):
        forward(PARAMS, layout(rows))


def test_a_named_tuple_is_refused_where_one_of_its_arrays_belongs():
    trace = forward(PARAMS, [0, 1])
    with refuses(TypeError, "x", "Padded", "values, weights, lengths", expected="one array"):
        forward(PARAMS, pad([[0, 1], [0, 1]]))
    with refuses(TypeError, "h0", "Trace", "h0, a, h"):
        forward(PARAMS, [0, 1], trace)
    for function in (softmax, lambda o: cross_entropy(o, [0, 1])):
        with refuses(TypeError, "o", "Trace", "yhat"):
            function(trace)


def test_numbers_that_are_too_large_for_float32_are_refused_and_no_infinity_takes_their_place():
    params = Params(*(array.astype(np.float32) for array in PARAMS))
    features, state = np.zeros((2, 5)), np.zeros(4)
    features[1, 2] = state[3] = 1e39
    with refuses(ValueError, "x", "1e+39 at index (1, 2)", expected="float32"):
        forward(params, features)
    with refuses(ValueError, "h0", "1e+39 at index (3,)", expected="float32"):
        forward(params, [0, 1], state)
    assert np.isfinite(forward(PARAMS, features, state).h).all()
    assert forward(params, features / 10, state / 10).h.dtype == np.float32


def test_a_small_batch_that_looks_like_one_hot_rows_is_read_as_ids():
    ids = np.array([[0, 1], [1, 0], [0, 1]])  # two texts over two symbols: "010" and "101"
    params = init_params(2, 3, rng=np.random.default_rng(0))
    for b in (0, 1):
        np.testing.assert_allclose(forward(params, ids).o[:, b], forward(params, ids[:, b]).o, rtol=0, atol=1e-15)


@pytest.mark.parametrize("cell", [rnnlib, lstm, gru])
@pytest.mark.parametrize("features", [False, True])
def test_a_trace_keeps_what_was_read_when_the_array_is_used_again(cell, features):
    params = cell.init_params(5, 4, rng=np.random.default_rng(0))
    x = np.eye(5)[[0, 1, 2]] if features else np.array([0, 1, 2])
    trace = cell.forward(params, x)
    before = cell.backward(params, trace, [1, 2, 3]).Wxh
    x[:] = x[::-1].copy()
    assert np.array_equal(cell.backward(params, trace, [1, 2, 3]).Wxh, before)
