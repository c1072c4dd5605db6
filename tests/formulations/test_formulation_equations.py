"""Functions over a dict of weights: equal to the core, right by derivatives of the loss, and its recipe of weights."""

from types import SimpleNamespace

import numpy as np
import pytest
from models import assert_close, make_case, refuses

import rnnlib
from rnnlib import Params, Vocabulary, check_gradients, one_hot
from rnnlib.formulations import equations

TOLERANCE = 2e-14  # of the largest entry of each array


def random_cases(count):
    """One sequence each: 1 to 12 steps, ids and features, both reductions, biases and h0 never zero."""
    for seed in range(count):
        T, V, H = np.random.default_rng([7, seed]).integers(1, [13, 8, 8])
        reduction = ("sum", "mean")[seed % 2]
        yield make_case(seed, T=T, B=None, V=V, H=H, features=seed % 3 == 0, reduction=reduction)


def rows_of(case):
    return case.x if case.x.dtype.kind == "f" else one_hot(case.x, len(case.params.by))


def forward(params, x, h0):
    """The module's own pass forward, for `check_gradients`."""
    rows = x if x.dtype.kind in "fc" else one_hot(x, len(params.by))
    return SimpleNamespace(**equations.forward(equations.from_params(params), rows, h0))


def backward(params, trace, y, *, reduction):
    """The module's own pass back, for `check_gradients`."""
    weights = equations.from_params(params)
    states = equations.forward(weights, trace.x, trace.h0)
    grads = equations.backward(weights, states, one_hot(y, len(params.by)), reduction=reduction)
    return SimpleNamespace(**{name[1:]: array for name, array in grads.items()})


def recipe(V=12, H=4):
    return equations.init_weights(V, H)


def test_gradients_of_250_models_equal_those_of_the_core():
    worst = 0
    for case in random_cases(250):
        expected = rnnlib.backward(
            case.params, rnnlib.forward(case.params, case.x, case.h0), case.y, reduction=case.reduction
        )
        grads = equations.gradients(case.params, case.x, case.y, h0=case.h0, reduction=case.reduction)
        assert isinstance(grads, Params)
        own = backward(case.params, forward(case.params, case.x, case.h0), case.y, reduction=case.reduction)
        for name, array in (*grads._asdict().items(), ("h0", own.h0)):
            wanted = getattr(expected, name)
            assert_close(array, wanted, TOLERANCE)
            if wanted.any():
                worst = max(worst, np.abs(array - wanted).max() / np.abs(wanted).max())
    print(f"worst difference from the core, of the largest entry: {worst:.1e}")
    assert worst > 0  # another order of the sums: the core itself was not called


def test_every_state_and_the_loss_equal_those_of_the_core():
    for case in random_cases(40):
        trace = rnnlib.forward(case.params, case.x, case.h0)
        states = equations.forward(equations.from_params(case.params), rows_of(case), case.h0)
        assert list(states) == list(trace._fields)
        for name in ("h0", "a", "h", "o", "yhat"):
            assert_close(states[name], getattr(trace, name), 1e-14)
        loss = equations.cross_entropy(states["o"], one_hot(case.y, len(case.params.by)), case.reduction)
        assert loss == pytest.approx(rnnlib.cross_entropy(trace.o, case.y, case.reduction), rel=1e-14, abs=1e-15)


def test_without_h0_the_first_state_is_zero():
    case = next(random_cases(1))
    zeros = np.zeros_like(case.h0)
    for given, absent in zip(
        equations.gradients(case.params, case.x, case.y, h0=zeros),
        equations.gradients(case.params, case.x, case.y),
        strict=True,
    ):
        assert np.array_equal(given, absent)


@pytest.mark.parametrize("seed", range(6))
def test_the_gradients_are_the_derivatives_of_the_loss(seed):
    case = list(random_cases(6))[seed]
    report = check_gradients(
        case.params,
        case.x,
        case.y,
        h0=case.h0,
        reduction=case.reduction,
        backward=backward,
        forward=forward,
        tolerance=1e-13,
    )
    assert report.ok, report
    assert len(report.checks) == 6


def test_the_first_step_is_in_the_gradient_of_the_recurrent_weights():
    case = make_case(3, T=1, B=None, V=4, H=3)
    weights = equations.from_params(case.params)
    grads = equations.backward(
        weights, equations.forward(weights, one_hot(case.x, 4), case.h0), one_hot(case.y, 4), reduction="sum"
    )
    assert_close(grads["dWhh"], np.outer(case.h0, grads["dbh"]), 1e-15)
    assert grads["dWhh"].all()  # a sum over h_tᵀ da_{t+1} would be empty here


def test_softmax_is_that_of_each_row_and_nothing_overflows():
    o = np.array([[[0.0, 1.0, 2.0], [1e4, -1e4, 0.0]], [[3.0, 3.0, 3.0], [-1e4, -1e4, -1e4]]])
    e = np.exp([0.0, 1.0, 2.0])
    expected = [[e / e.sum(), [1, 0, 0]], [[1 / 3] * 3, [1 / 3] * 3]]
    assert_close(equations.softmax(o), expected, 1e-15)
    assert equations.cross_entropy([[1e4, -1e4]], [[0, 1]]) == 2e4


# The recipe of weights: seed 123 of the legacy generator at every call, float32.


def test_weights_of_equal_size_are_the_same_numbers_and_smaller_ones_their_beginning():
    weights = recipe()
    assert {name: array.shape for name, array in weights.items()} == {
        "Wxh": (12, 4), "Whh": (4, 4), "Why": (4, 12), "bh": (4,), "by": (12,),
    }  # fmt: skip
    assert {array.dtype for array in weights.values()} == {np.dtype(np.float32)}
    assert np.array_equal(weights["Why"], weights["Wxh"].reshape(4, 12))
    assert np.array_equal(weights["Whh"], weights["Wxh"].ravel()[:16].reshape(4, 4))
    assert len(np.unique(weights["Wxh"])) == 48
    assert not weights["bh"].any() and not weights["by"].any()


def test_the_recipe_is_that_of_the_legacy_generator_and_leaves_the_shared_one_alone():
    before = np.random.get_state()  # noqa: NPY002
    numbers = equations.get_weights((12, 4))
    after = np.random.get_state()  # noqa: NPY002
    assert before[1].tolist() == after[1].tolist() and before[2:] == after[2:]
    try:
        np.random.seed(123)  # noqa: NPY002
        expected = np.random.randn(12, 4).astype(np.float32)  # noqa: NPY002
    finally:
        np.random.set_state(before)  # noqa: NPY002
    assert np.array_equal(numbers, expected)


def test_a_generator_draws_every_weight_anew():
    weights = equations.init_weights(12, 4, rng=np.random.default_rng(5))
    assert len(np.unique(np.concatenate([weights[name].ravel() for name in ("Wxh", "Whh", "Why")]))) == 48 + 16 + 48
    again = equations.init_weights(12, 4, rng=np.random.default_rng(5))
    assert all(np.array_equal(weights[name], again[name]) for name in weights)


def test_the_sentence_has_twelve_characters_and_fourteen_windows_and_the_letter_h_in_none():
    vocab, pairs = equations.samples()
    assert len(vocab) == 12 and len(pairs) == 14
    texts = [tuple(vocab.decode(rows.argmax(axis=1)) for rows in pair) for pair in pairs]
    assert texts[0] == ("I a", " am") and texts[-1] == (" RN", "RNN") and ("lea", "ear") in texts
    assert all(set(np.unique(rows)) == {0, 1} and (rows.sum(axis=1) == 1).all() for pair in pairs for rows in pair)
    with refuses(ValueError, "text", "'h'"):
        vocab.encode("hel")


# What a tutorial with this recipe prints for the first window, `I a` and ` am`; the other rows of dWxh are zero.
PRINTED_WXH = {
    " ": ["-5.8980067e-03", "-1.0567507e-03", "5.3060856e-02", "3.2835844e-01"],
    "I": ["-2.1574606e-01", "-4.6572205e-02", "-1.2665960e-03", "-2.1078084e-01"],
    "a": ["2.6740572e-01", "-2.2931943e-04", "-1.3003336e-01", "3.1455082e-03"],
}
PRINTED_WHY = (
    "8.50889087e-02 6.36707619e-03 -7.47825659e-04 -1.98840220e-02 2.58626133e-01 -2.30374616e-02 "
    "-1.09052859e-01 -2.62917131e-02 4.05798629e-02 -2.19466284e-01 3.74572002e-03 4.07243753e-03",
    "-1.46826804e-01 1.54953711e-02",
)


@pytest.mark.parametrize("dtype, off", [(np.float64, 2e-8), (np.float32, 1e-7)])
def test_the_first_window_has_the_printed_gradients(dtype, off):
    """The weights are float32, so that the eighth digit depends on where a program rounds; 2e-8 is two units of it."""
    vocab, pairs = equations.samples()
    weights = {name: array.astype(dtype) for name, array in recipe().items()}
    grads = equations.backward(weights, equations.forward(weights, pairs[0][0]), pairs[0][1])
    expected = np.zeros((12, 4))
    for character, row in PRINTED_WXH.items():
        expected[vocab.characters.index(character)] = np.array(row, float)
    assert [vocab.characters.index(character) for character in PRINTED_WXH] == [0, 1, 4]
    np.testing.assert_allclose(grads["dWxh"], expected, rtol=0, atol=off)
    assert not grads["dWxh"][expected[:, 0] == 0].any()
    for row, printed in zip(grads["dWhy"], PRINTED_WHY, strict=False):
        printed = np.array(printed.split(), float)
        np.testing.assert_allclose(row[: len(printed)], printed, rtol=0, atol=off)


# (h, e, l) -> (e, l, l) needs an alphabet with an h, which the sentence lacks: here the first twelve letters.
TWELVE = Vocabulary("abcdefghijkl")
SENTENCE = Vocabulary(equations.SENTENCE)
WINDOWS = [
    (TWELVE, "hel", "ell"),
    *((SENTENCE, equations.SENTENCE[n : n + 3], equations.SENTENCE[n + 1 : n + 4]) for n in range(14)),
]


@pytest.mark.parametrize("vocab, x, y", WINDOWS)
def test_gradients_from_the_recipe_are_the_derivatives_of_the_mean_loss(vocab, x, y):
    params = equations.to_params(recipe())
    x, y = vocab.encode(x), vocab.encode(y)
    double = Params(*(array.astype(np.float64) for array in params))
    assert len(vocab) == len(params.by)
    report = check_gradients(double, x, y, backward=backward, forward=forward, tolerance=1e-14)
    assert report.ok, report
    single, total = equations.gradients(params, x, y), equations.gradients(params, x, y, reduction="sum")
    for name, expected in report.expected.items():
        if name != "h0":
            array = getattr(single, name)
            assert array.dtype == np.float32
            assert_close(array, expected, 16 * np.finfo(np.float32).eps)  # h near ±1: 1 - h² cancels
            assert_close(getattr(total, name), 3 * array, 16 * np.finfo(np.float32).eps)


def test_windows_of_hello_are_those_of_the_description():
    vocab, pairs = equations.samples("hello", 3)
    assert [tuple(vocab.decode(rows.argmax(axis=1)) for rows in pair) for pair in pairs] == [
        ("hel", "ell"), ("ell", "llo"),
    ]  # fmt: skip


def test_training_from_the_recipe_learns_the_sentence_and_leaves_its_weights_alone():
    start = recipe()
    _, pairs = equations.samples()
    weights, losses = equations.train(start, pairs, epochs=200, rate=0.3)
    assert len(losses) == 200
    assert losses[0] > np.log(12) and losses[-1] < 0.25
    assert all(np.array_equal(start[name], array) for name, array in recipe().items())
    assert {array.dtype for array in weights.values()} == {np.dtype(np.float32)}
    right = [equations.forward(weights, x)["yhat"].argmax(axis=1) == y.argmax(axis=1) for x, y in pairs]
    # From one character alone 10 of 14 are the most there are: " ", "a" and "n" are followed by 3, 2 and 2 others.
    assert np.sum(right, axis=0).tolist() == [10, 14, 14]


def test_one_step_of_training_goes_down_the_gradient():
    case = make_case(5, T=4, B=None, V=5, H=3)
    weights = equations.from_params(case.params)
    pair = one_hot(case.x, 5), one_hot(case.y, 5)
    after, losses = equations.train(weights, [pair], epochs=1, rate=0.25)
    trace = rnnlib.forward(case.params, case.x)
    assert losses == [pytest.approx(rnnlib.cross_entropy(trace.o, case.y), rel=1e-14)]
    slopes = rnnlib.backward(case.params, trace, case.y)
    for name, array in after.items():
        assert_close(array, weights[name] - 0.25 * getattr(slopes, name), 1e-15, scale=1)


# There and back, and what is refused.


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_params_go_there_and_back_bit_for_bit_and_share_no_memory(dtype):
    params = Params(*(array.astype(dtype) for array in make_case(1, T=1, B=None, V=5, H=3).params))
    weights = equations.from_params(params)
    back = equations.to_params(weights)
    for name, array, given in zip(Params._fields, back, params, strict=True):
        assert array.dtype == dtype and np.array_equal(array, given)
        assert not np.shares_memory(weights[name], given) and not np.shares_memory(weights[name], array)


def moved(name, array):
    return recipe() | {name: array}


@pytest.mark.parametrize(
    "weights, argument, got",
    [
        (moved("Wxh", np.ones((4, 12))), "weights.Wxh", "(4, 12)"),
        (moved("Why", np.ones((12, 4))), "weights.Why", "(12, 4)"),
        (moved("Whh", np.ones((4, 5))), "weights.Whh", "(4, 5)"),
        (moved("bh", np.ones((4, 1))), "weights.bh", "(4, 1)"),
        (moved("by", np.ones((1, 12))), "weights.by", "(1, 12)"),
    ],
)
def test_weights_of_another_layout_are_refused(weights, argument, got):
    for function in (lambda: equations.forward(weights, np.eye(12)), lambda: equations.to_params(weights)):
        with refuses(ValueError, argument, got, expected="row vectors, so Wxh (V, H)"):
            function()


def test_what_is_no_dict_of_five_weights_is_refused():
    x = np.eye(12)
    with refuses(TypeError, "weights", "Params", expected="a dict of Wxh, Whh, Why, bh, by"):
        equations.forward(equations.to_params(recipe()), x)
    four = {name: array for name, array in recipe().items() if name != "by"}
    with refuses(TypeError, "weights", "dict"):
        equations.forward(four, x)
    with refuses(ValueError, "weights.Whh", "nan", expected="finite"):
        equations.forward(moved("Whh", np.full((4, 4), np.nan)), x)


@pytest.mark.parametrize(
    "changes, error, argument, got",
    [
        ({"x": np.zeros((3, 2), int), "y": np.zeros((3, 2), int)}, ValueError, "x", "(3, 2)"),
        ({"y": np.zeros((3, 2), int)}, ValueError, "y", "(3, 2)"),
        ({"x": np.zeros(0, int)}, ValueError, "x", "(0,)"),
        ({"x": [0, 1, 5]}, ValueError, "x", "5"),
        ({"x": [0.0, 1.0, 2.0]}, ValueError, "x", "(3,)"),
        ({"x": np.zeros((3, 4))}, ValueError, "x", "(3, 4)"),
        ({"y": [0, 1]}, ValueError, "y", "(2, 5)"),
        ({"y": [0.0, 1.0, 2.0]}, TypeError, "y", "[0.0, 1.0, 2.0]"),
        ({"h0": np.zeros(4)}, ValueError, "h0", "(4,)"),
        ({"h0": np.zeros((1, 3))}, ValueError, "h0", "(1, 3)"),
        ({"reduction": "average"}, ValueError, "reduction", "'average'"),
        ({"params": None}, TypeError, "params", "None"),
    ],
)
def test_what_gradients_cannot_take_is_refused(changes, error, argument, got):
    case = make_case(2, T=3, B=None, V=5, H=3)
    given = {"params": case.params, "x": case.x, "y": case.y} | changes
    with refuses(error, argument, got):
        equations.gradients(**given)


@pytest.mark.parametrize("make", [equations.get_weights, equations.get_bias])
@pytest.mark.parametrize(
    "shape, error, got",
    [
        ("ab", TypeError, "'ab'"),
        (None, TypeError, "None"),
        (1.5, TypeError, "1.5"),
        ((2, True), TypeError, "True"),
        ((2, 0), ValueError, "0"),
        (-1, ValueError, "-1"),
    ],
)
def test_a_shape_is_whole_numbers_of_at_least_one(make, shape, error, got):
    with refuses(error, "shape", got):
        make(shape)


def test_what_the_single_functions_cannot_take_is_refused():
    weights, rows = recipe(), np.eye(12)[:3]
    states = equations.forward(weights, rows)
    with refuses(ValueError, "x", "(3,)", expected="rows, shape (T, 12)"):
        equations.forward(weights, np.array([1, 2, 3]))
    with refuses(ValueError, "y", "2.0 in row 1", expected="sum to 1"):
        equations.cross_entropy(states["o"], rows * [[1], [2], [1]])
    with refuses(TypeError, "states", "an array of shape (3, 4)", expected="forward returned"):
        equations.backward(weights, states["h"], rows)
    with refuses(ValueError, "states", "(12, 4)", expected="(12, 5)"):
        equations.backward(recipe(H=5), states, rows)
    with refuses(TypeError, "rng", "int 3"):
        equations.get_weights((2, 2), rng=3)
    with refuses(ValueError, "vocab_size", "0"):
        equations.init_weights(0, 4)


@pytest.mark.parametrize(
    "changes, error, argument, got",
    [
        ({"rate": 0}, ValueError, "rate", "0"),
        ({"rate": np.ones(2)}, TypeError, "rate", "(2,)"),
        ({"epochs": 1.5}, TypeError, "epochs", "1.5"),
        ({"pairs": []}, ValueError, "pairs", "[]"),
        ({"pairs": zip([1], [2], strict=True)}, TypeError, "pairs", "zip"),  # empty in the second epoch
    ],
)
def test_what_train_cannot_take_is_refused(changes, error, argument, got):
    with refuses(error, argument, got):
        equations.train(**({"weights": recipe(), "pairs": equations.samples()[1], "epochs": 1, "rate": 0.1} | changes))
