"""Cells with caches: the printed numbers, equal to the core, right by derivatives of the loss, and Adam."""

from types import SimpleNamespace

import numpy as np
import pytest
from models import assert_close, make_case, refuses
from oracles import complex_step

import rnnlib
from rnnlib import Params, check_gradients, one_hot
from rnnlib.formulations import cells

TOLERANCE = 2e-14  # of the largest entry of each array
SIZES = {"x": (3, 10, 4), "xt": (3, 10), "a0": (5, 10), "a_prev": (5, 10), "da_next": (5, 10), "da": (5, 10, 4)}
SIZES |= {"Wax": (5, 3), "Waa": (5, 5), "Wya": (2, 5), "ba": (5, 1), "by": (2, 1)}


def drawn(names):
    """Standard normal arrays in the order of the names, as after `np.random.seed(1)`; and the parameters among them."""
    generator = np.random.RandomState(1)
    arrays = {name: generator.standard_normal(SIZES[name]) for name in names.split()}
    return arrays, {name: arrays[name] for name in cells.NAMES}


def cell_example():
    arrays, parameters = drawn("xt a_prev Waa Wax Wya ba by")
    return arrays["xt"], arrays["a_prev"], parameters


def sequence_example():
    arrays, parameters = drawn("x a0 Waa Wax Wya ba by")
    return arrays["x"], arrays["a0"], parameters


def step_back_example():
    """da_next and the cache; the weights come in another order here."""
    arrays, parameters = drawn("xt a_prev Wax Waa Wya ba by da_next")
    *_, cache = cells.rnn_cell_forward(arrays["xt"], arrays["a_prev"], parameters)
    return arrays["da_next"], cache


def random_cases(count):
    """1 to 12 steps, one sequence or up to 4, ids and features, both reductions, biases and h0 never zero."""
    for seed in range(count):
        T, V, H, B = np.random.default_rng([8, seed]).integers(1, [13, 8, 8, 6])
        options = {"features": seed % 3 == 0, "reduction": ("sum", "mean")[seed % 2]}
        yield make_case(seed, T=T, B=None if B == 5 else B, V=V, H=H, **options)


def columns_of(case):
    """x, y and a0 in columns: written out here, entry by entry, apart from the module."""
    V, H = case.params.Wxh.shape
    batch = case.y.shape[1:] or (1,)
    T, m = len(case.y), batch[0]
    ids, targets, h0 = case.x, case.y.reshape(T, m), case.h0.reshape(m, H)
    x, y = np.zeros((V, m, T)), np.zeros((V, m, T))
    for t, i in np.ndindex(T, m):
        x[:, i, t] = case.x.reshape(T, m, V)[t, i] if ids.dtype.kind == "f" else np.eye(V)[ids.reshape(T, m)[t, i]]
        y[targets[t, i], i, t] = 1
    return x, y, h0.T


def forward(params, x, h0):
    """The module's own pass forward, for `check_gradients`: logits are what its softmax and loss start from."""
    parameters = cells.from_params(params)
    rows = x if x.dtype.kind in "fc" else one_hot(x, len(params.by))
    one = h0.ndim == 1
    a, _, _ = cells.rnn_forward(cells.to_columns(rows), np.atleast_2d(h0).T, parameters)
    o = (np.tensordot(parameters["Wya"], a, 1) + parameters["by"][:, :, None]).T
    return SimpleNamespace(o=o[:, 0] if one else o, h0=h0, x=x)


def backward(params, trace, y, *, reduction):
    """The module's own pass back, for `check_gradients`."""
    case = SimpleNamespace(params=params, x=trace.x, y=y, h0=trace.h0)
    _, grads = cells.loss_and_gradients(*columns_of(case), cells.from_params(params), reduction)
    own = cells.gradients(params, trace.x, y, h0=trace.h0, reduction=reduction)
    return SimpleNamespace(**own._asdict(), h0=grads["da0"].T.reshape(trace.h0.shape))


# The numbers that its readers have seen printed: all of them, to the last printed digit.


def test_one_step_forward_gives_the_printed_numbers():
    a_next, yt_pred, _ = cells.rnn_cell_forward(*cell_example())
    assert a_next.shape == (5, 10) and yt_pred.shape == (2, 10)
    assert [f"{number:.8f}" for number in a_next[4, :5]] == [
        "0.59584544", "0.18141802", "0.61311866", "0.99808218", "0.85016201",
    ]  # fmt: skip
    assert [f"{number:.8f}" for number in yt_pred[1, :4]] == ["0.98881610", "0.01682021", "0.21140899", "0.36817467"]


def test_four_steps_forward_give_the_printed_numbers():
    a, y_pred, caches = cells.rnn_forward(*sequence_example())
    assert a.shape == (5, 10, 4) and y_pred.shape == (2, 10, 4) and len(caches) == 2 and len(caches[0]) == 4
    assert [f"{number:.8f}" for number in caches[1][1][3]] == [
        "-1.14251820",
        "-0.34934272",
        "-0.20889423",
        "0.58662319",
    ]
    assert [f"{number:.8f}" for number in a[4][1]] == ["-0.99999375", "0.77911235", "-0.99861469", "-0.99833267"]
    assert [f"{number:.8f}" for number in y_pred[1][3]] == ["0.79560373", "0.86224861", "0.11118257", "0.81515947"]


def test_one_step_back_gives_the_printed_numbers():
    grads = cells.rnn_cell_backward(*step_back_example())
    shapes = {"dxt": (3, 10), "da_prev": (5, 10), "dWax": (5, 3), "dWaa": (5, 5), "dba": (5, 1)}
    assert {name: array.shape for name, array in grads.items()} == shapes
    # Sixteen digits: the last is in the hands of the order in which a processor sums.
    assert grads["dxt"][1][2] == pytest.approx(-1.3872130506020925, rel=1e-15, abs=0)
    assert grads["dWax"][3][1] == pytest.approx(0.41077282493545836, rel=1e-15, abs=0)
    assert [f"{number:.8f}" for number in grads["dba"][4]] == ["0.20023491"]


def test_four_steps_back_give_the_printed_numbers():
    """The numbers of the known example, drawn in the order x, a0, Wax, Waa, Wya, ba, by, and then da."""
    arrays, parameters = drawn("x a0 Wax Waa Wya ba by da")
    _, _, caches = cells.rnn_forward(arrays["x"], arrays["a0"], parameters)
    grads = cells.rnn_backward(arrays["da"], caches)
    assert [f"{number:.8f}" for number in grads["dx"][1][2]] == [
        "-2.07101689",
        "-0.59255627",
        "0.02466855",
        "0.01483317",
    ]
    # Sixteen digits, and sums of 40 terms: the last ones are in the hands of the order in which a processor adds.
    assert grads["da0"][2][3] == pytest.approx(-0.31494237512664996, rel=1e-14, abs=0)
    assert grads["dWax"][3][1] == pytest.approx(11.264104496527777, rel=1e-14, abs=0)
    assert [f"{number:.8f}" for number in grads["dba"][4]] == ["-0.74747722"]
    # The example prints 2.3033333126579893, with one 3 too many.
    assert grads["dWaa"][1][2] == pytest.approx(2.303333126579893, rel=1e-14, abs=0)
    assert abs(grads["dWaa"][1][2] - 2.3033333126579893) > 1e-7


def test_the_printed_numbers_of_the_step_back_need_the_fresh_bias():
    da_next, (_, a_prev, xt, parameters) = step_back_example()
    *_, stale = sequence_example()
    *_, cache = cells.rnn_cell_forward(xt, a_prev, parameters | {"ba": stale["ba"]})
    assert abs(cells.rnn_cell_backward(da_next, cache)["dba"][4, 0] - 0.20023491) > 0.5


# The functions themselves.


def test_the_sequence_is_a_loop_over_cells_and_its_caches_are_theirs():
    x, a0, parameters = sequence_example()
    a, y_pred, caches = cells.rnn_forward(x, a0, parameters)
    a_prev = a0
    for t in range(4):
        a_next, yt_pred, cache = cells.rnn_cell_forward(x[:, :, t], a_prev, parameters)
        assert np.array_equal(a[:, :, t], a_next) and np.array_equal(y_pred[:, :, t], yt_pred)
        for mine, own in zip(caches[0][t][:3], cache[:3], strict=True):
            assert np.array_equal(mine, own)
        assert caches[0][t][3] is parameters
        a_prev = a_next
    assert np.array_equal(caches[1], x)


def test_one_step_back_is_the_derivative_of_one_step_forward():
    da_next, cache = step_back_example()
    _, a_prev, xt, parameters = cache
    grads = cells.rnn_cell_backward(da_next, cache)

    def loss(name):
        def of(array):
            given = {"xt": xt, "a_prev": a_prev, **parameters, name: array}
            fresh = {each: given[each] for each in cells.NAMES}
            return (da_next * cells.rnn_cell_forward(given["xt"], given["a_prev"], fresh)[0]).sum()

        return of

    points = {"dxt": ("xt", xt), "da_prev": ("a_prev", a_prev)}
    points |= {"d" + name: (name, parameters[name]) for name in ("Wax", "Waa", "ba")}
    for gradient, (name, at) in points.items():
        assert_close(grads[gradient], complex_step(loss(name), at), 1e-14)


def test_the_way_back_takes_the_gradient_of_any_loss_in_the_states_and_gives_that_in_everything_before_them():
    x, a0, parameters = sequence_example()
    da = np.random.default_rng(2).normal(size=(5, 10, 4))
    _, _, caches = cells.rnn_forward(x, a0, parameters)
    grads = cells.rnn_backward(da, caches)
    assert list(grads) == ["dx", "da0", "dWax", "dWaa", "dba"]
    points = {"x": x, "a0": a0, "Wax": parameters["Wax"], "Waa": parameters["Waa"], "ba": parameters["ba"]}
    for name, at in points.items():

        def loss(array, name=name):
            given = {"x": x, "a0": a0, **parameters, name: array}
            a, *_ = cells.rnn_forward(given["x"], given["a0"], {each: given[each] for each in cells.NAMES})
            return (da * a).sum()

        assert_close(grads["d" + name], complex_step(loss, at), 1e-13)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_the_gradient_of_the_output_is_the_derivative_of_its_loss(reduction):
    x, a0, parameters = sequence_example()
    a, y_pred, _ = cells.rnn_forward(x, a0, parameters)
    rng = np.random.default_rng(3)
    y = rng.random((2, 10, 4))
    y /= y.sum(axis=0)  # any distribution may be a target
    weight = 1 / 40 if reduction == "mean" else 1
    expected = -weight * (y * np.log(y_pred)).sum()
    assert cells.output_loss(a, y, parameters, reduction) == pytest.approx(expected, rel=1e-14)
    grads = cells.output_backward(a, y, parameters, reduction)

    def loss(name):
        if name == "a":
            return lambda at: cells.output_loss(at, y, parameters, reduction)
        return lambda at: cells.output_loss(a, y, parameters | {name: at}, reduction)

    for name, at in {"a": a, "Wya": parameters["Wya"], "by": parameters["by"]}.items():
        assert_close(grads["d" + name], complex_step(loss(name), at), 1e-14)


def test_softmax_is_that_of_each_column_and_nothing_overflows():
    z = np.array([[0.0, 1e4, 3.0], [1.0, -1e4, 3.0], [2.0, 0.0, 3.0]])
    e = np.exp([0.0, 1.0, 2.0])
    assert_close(cells.softmax(z), np.stack([e / e.sum(), [1, 0, 0], [1 / 3] * 3], axis=1), 1e-15)
    _, _, parameters = sequence_example()
    huge = parameters | {"Wya": 1e4 * np.ones((2, 5)) * [[1], [-1]], "by": np.zeros((2, 1))}
    y = np.array([0.0, 1.0]).reshape(2, 1, 1)
    assert cells.output_loss(np.ones((5, 1, 1)), y, huge) == 1e5


# Equal to the core.


def test_gradients_of_250_models_equal_those_of_the_core():
    worst = 0
    for case in random_cases(250):
        trace = rnnlib.forward(case.params, case.x, case.h0)
        expected = rnnlib.backward(case.params, trace, case.y, reduction=case.reduction)
        grads = cells.gradients(case.params, case.x, case.y, h0=case.h0, reduction=case.reduction)
        assert isinstance(grads, Params)
        loss, own = cells.loss_and_gradients(*columns_of(case), cells.from_params(case.params), case.reduction)
        wanted_loss = rnnlib.cross_entropy(trace.o, case.y, case.reduction)
        assert loss == pytest.approx(wanted_loss, rel=1e-14, abs=1e-15)
        da0 = own["da0"].T.reshape(case.h0.shape)
        for name, array in (*grads._asdict().items(), ("h0", da0)):
            wanted = getattr(expected, name)
            assert_close(array, wanted, TOLERANCE)
            if wanted.any():
                worst = max(worst, np.abs(array - wanted).max() / np.abs(wanted).max())
        dx = own["dx"].T.reshape(*expected.da.shape[:-1], len(case.params.by))
        assert_close(dx, expected.da @ case.params.Wxh.T, TOLERANCE)
    print(f"worst difference from the core, of the largest entry: {worst:.1e}")
    assert worst > 0  # another order of the sums: the core itself was not called


def test_states_and_predictions_equal_those_of_the_core():
    for case in random_cases(40):
        trace = rnnlib.forward(case.params, case.x, case.h0)
        x, _, a0 = columns_of(case)
        a, y_pred, _ = cells.rnn_forward(x, a0, cells.from_params(case.params))
        assert_close(a.T.reshape(trace.h.shape), trace.h, 1e-14)
        assert_close(y_pred.T.reshape(trace.yhat.shape), trace.yhat, 1e-14)


@pytest.mark.parametrize("seed", range(8))
def test_the_gradients_are_the_derivatives_of_the_loss(seed):
    case = list(random_cases(8))[seed]
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


def test_one_state_for_all_sequences_and_none_at_all():
    case = make_case(4, T=3, B=2, V=4, H=3)
    one = case.h0[0]
    for given, twice in zip(
        cells.gradients(case.params, case.x, case.y, h0=one),
        cells.gradients(case.params, case.x, case.y, h0=np.stack([one, one])),
        strict=True,
    ):
        assert np.array_equal(given, twice)
    for absent, zeros in zip(
        cells.gradients(case.params, case.x, case.y),
        cells.gradients(case.params, case.x, case.y, h0=np.zeros((2, 3))),
        strict=True,
    ):
        assert np.array_equal(absent, zeros)


def test_float32_stays_float32():
    case = make_case(6, T=5, B=2, V=4, H=3)
    params = Params(*(array.astype(np.float32) for array in case.params))
    grads = cells.gradients(params, case.x, case.y, h0=case.h0)
    assert {array.dtype for array in grads} == {np.dtype(np.float32)}
    wide = cells.gradients(case.params, case.x, case.y, h0=case.h0)
    for array, expected in zip(grads, wide, strict=True):
        assert_close(array, expected, 16 * np.finfo(np.float32).eps)


# Adam, and training.


def random_gradients(parameters, count, seed=0):
    rng = np.random.default_rng(seed)
    return [{"d" + name: rng.normal(size=array.shape) for name, array in parameters.items()} for _ in range(count)]


def test_adam_is_the_weighted_sum_of_all_gradients_so_far():
    """Against the sums written out: m̂ = Σ_i (1 - β₁) β₁^(t-i) g_i / (1 - β₁^t), and likewise with g²."""
    *_, parameters = sequence_example()
    history = random_gradients(parameters, 6)
    rate, beta1, beta2, epsilon = 0.03, 0.8, 0.95, 1e-3
    current, (v, s) = parameters, cells.initialize_adam(parameters)
    expected = {name: array.copy() for name, array in parameters.items()}
    for t, grads in enumerate(history, start=1):
        current, v, s = cells.update_parameters_with_adam(
            current, grads, v, s, t, learning_rate=rate, beta1=beta1, beta2=beta2, epsilon=epsilon
        )
        for name in cells.NAMES:
            past = np.array([each["d" + name] for each in history[:t]])
            ages = np.arange(t)[::-1].reshape(-1, 1, 1)
            mean = ((1 - beta1) * beta1**ages * past).sum(axis=0) / (1 - beta1**t)
            square = ((1 - beta2) * beta2**ages * past**2).sum(axis=0) / (1 - beta2**t)
            expected[name] = expected[name] - rate * mean / (np.sqrt(square) + epsilon)
            assert_close(current[name], expected[name], 1e-15)


def test_the_first_step_of_adam_has_the_length_of_the_rate_whatever_the_gradient():
    *_, parameters = sequence_example()
    (grads,) = random_gradients(parameters, 1)
    grads = {name: 1000 * array for name, array in grads.items()}
    after, _, _ = cells.update_parameters_with_adam(parameters, grads, *cells.initialize_adam(parameters), 1)
    for name, array in after.items():
        assert_close(array - parameters[name], -0.01 * np.sign(grads["d" + name]), 1e-9, scale=1)


def test_adam_leaves_all_that_it_was_given_as_it_was():
    *_, parameters = sequence_example()
    (grads,) = random_gradients(parameters, 1)
    v, s = cells.initialize_adam(parameters)
    for array in (*parameters.values(), *grads.values(), *v.values(), *s.values()):
        array.setflags(write=False)
    after, v_after, s_after = cells.update_parameters_with_adam(parameters, grads, v, s, 1)
    assert not any(array.any() for array in (*v.values(), *s.values()))
    assert all(array.any() for array in (*v_after.values(), *s_after.values()))
    assert after.keys() == parameters.keys()


def test_training_steps_lower_the_loss_of_the_example():
    x, a0, parameters = sequence_example()
    classes = np.random.default_rng(4).integers(2, size=(10, 4))
    y = np.stack([classes == 0, classes == 1]).astype(float)
    before = {name: array.copy() for name, array in parameters.items()}
    trained, losses = cells.train(x, y, a0, parameters, steps=60, learning_rate=0.02)
    assert len(losses) == 60
    assert losses[-1] < losses[9] < losses[0] and losses[-1] < 0.5 * losses[0]
    assert losses[0] == cells.loss_and_gradients(x, y, a0, before)[0]
    assert all(np.array_equal(parameters[name], array) for name, array in before.items())
    assert not any(np.array_equal(parameters[name], array) for name, array in trained.items())


# There and back, and what is refused.


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_params_go_there_and_back_bit_for_bit_and_share_no_memory(dtype):
    params = Params(*(array.astype(dtype) for array in make_case(1, T=1, B=None, V=5, H=3).params))
    parameters = cells.from_params(params)
    assert {name: array.shape for name, array in parameters.items()} == {
        "Wax": (3, 5), "Waa": (3, 3), "Wya": (5, 3), "ba": (3, 1), "by": (5, 1),
    }  # fmt: skip
    back = cells.to_params(parameters)
    for array, given, own in zip(back, params, parameters.values(), strict=True):
        assert array.dtype == dtype and np.array_equal(array, given)
        assert not np.shares_memory(own, given) and not np.shares_memory(own, array)


def test_another_number_of_inputs_than_of_outputs_has_the_gradient_of_the_core():
    rng = np.random.default_rng(11)
    params = rnnlib.init_params(2, 4, rng=rng, input_size=3)
    back = cells.to_params(cells.from_params(params))
    assert all(np.array_equal(one, other) for one, other in zip(back, params, strict=True))
    x, y, h0 = rng.normal(size=(6, 5, 3)), rng.integers(2, size=(6, 5)), rng.normal(size=(5, 4))
    expected = rnnlib.backward(params, rnnlib.forward(params, x, h0), y)
    for array, wanted in zip(cells.gradients(params, x, y, h0=h0), expected[:5], strict=True):
        assert_close(array, wanted, TOLERANCE)
    ids = rng.integers(3, size=(6, 5))
    expected = rnnlib.backward(params, rnnlib.forward(params, ids, h0), y)
    assert_close(cells.gradients(params, ids, y, h0=h0).Wxh, expected.Wxh, TOLERANCE)


@pytest.mark.parametrize(
    "name, shape", [("Wax", (3, 5)), ("Waa", (5, 4)), ("Wya", (5, 2)), ("ba", (5,)), ("by", (1, 2))]
)
def test_parameters_of_another_layout_are_refused(name, shape):
    x, a0, parameters = sequence_example()
    wrong = parameters | {name: np.ones(shape)}
    for function in (
        lambda: cells.rnn_forward(x, a0, wrong),
        lambda: cells.rnn_cell_forward(x[:, :, 0], a0, wrong),
        lambda: cells.to_params(wrong),
        lambda: cells.initialize_adam(wrong),
    ):
        with refuses(ValueError, f"parameters.{name}", str(shape), expected="column vectors, so Wax (n_a, n_x)"):
            function()


def test_what_is_no_dict_of_five_parameters_is_refused():
    x, a0, parameters = sequence_example()
    with refuses(TypeError, "parameters", "Params", expected="a dict of Wax, Waa, Wya, ba, by"):
        cells.rnn_forward(x, a0, make_case(1, T=1, B=None, V=5, H=3).params)
    renamed = {{"ba": "b"}.get(name, name): array for name, array in parameters.items()}
    with refuses(TypeError, "parameters", "dict"):
        cells.rnn_forward(x, a0, renamed)
    with refuses(ValueError, "parameters.Waa", "nan", expected="finite"):
        cells.rnn_forward(x, a0, parameters | {"Waa": np.full((5, 5), np.nan)})


def test_what_the_single_functions_cannot_take_is_refused():
    x, a0, parameters = sequence_example()
    a, y_pred, caches = cells.rnn_forward(x, a0, parameters)
    cell, forward, back = cells.rnn_cell_forward, cells.rnn_forward, cells.rnn_cell_backward
    refused = [
        (ValueError, "x", "(4, 10, 3)", "shape (3, m, T)", lambda: forward(x.T, a0, parameters)),
        (ValueError, "a0", "(10, 5)", "shape (5, 10)", lambda: forward(x, a0.T, parameters)),
        (ValueError, "x", "(3, 10, 0)", "shape (3, m, T)", lambda: forward(x[:, :, :0], a0, parameters)),
        (ValueError, "xt", "(3, 10, 4)", "shape (3, m)", lambda: cell(x, a0, parameters)),
        (ValueError, "a_prev", "(5, 9)", "shape (5, 10)", lambda: cell(x[:, :, 0], a0[:, :9], parameters)),
        (ValueError, "da_next", "(5,)", "shape (5, 10)", lambda: back(np.ones(5), caches[0][0])),
        (TypeError, "cache", "tuple", "(a_next, a_prev, xt, parameters)", lambda: back(a[:, :, 0], caches)),
        (ValueError, "da", "(5, 10, 3)", "shape (5, 10, 4)", lambda: cells.rnn_backward(a[:, :, :3], caches)),
        (TypeError, "caches", "list", "the pair (list of caches, x)", lambda: cells.rnn_backward(a, caches[0])),
        (ValueError, "a", "(10, 5, 4)", "shape (5, m, T)",
         lambda: cells.output_loss(a.swapaxes(0, 1), y_pred, parameters)),
        (ValueError, "y", "(10, 4)", "shape (2, 10, 4)", lambda: cells.output_loss(a, y_pred[0], parameters)),
        (ValueError, "y", "2.0", "sum to 1", lambda: cells.output_backward(a, 0 * y_pred + 1, parameters)),
        (ValueError, "reduction", "'batch'", "'mean'", lambda: cells.output_loss(a, y_pred, parameters, "batch")),
        (TypeError, "steps", "2.5", "whole number", lambda: cells.train(x, y_pred, a0, parameters, steps=2.5)),
    ]  # fmt: skip
    for error, argument, got, expected, call in refused:
        with refuses(error, argument, got, expected=expected):
            call()


def test_adam_refuses_gradients_without_those_of_the_output_and_those_of_another_shape():
    *_, parameters = sequence_example()
    (grads,) = random_gradients(parameters, 1)
    v, s = cells.initialize_adam(parameters)
    with refuses(TypeError, "gradients", "dict", expected="dWya"):
        four = {name: array for name, array in grads.items() if name != "dWya"}
        cells.update_parameters_with_adam(parameters, four, v, s, 1)
    with refuses(ValueError, "gradients.dba", "(5,)", expected="(5, 1)"):
        cells.update_parameters_with_adam(parameters, grads | {"dba": np.ones(5)}, v, s, 1)
    with refuses(ValueError, "t", "0", expected="at least 1"):
        cells.update_parameters_with_adam(parameters, grads, v, s, 0)
    with refuses(TypeError, "v", "dict", expected="dWya"):
        cells.update_parameters_with_adam(parameters, grads, parameters, s, 1)
    with refuses(ValueError, "s.dba", "(5,)", expected="(5, 1)"):
        cells.update_parameters_with_adam(parameters, grads, v, s | {"dba": np.ones(5)}, 1)
    for name, value in (("learning_rate", -0.1), ("epsilon", 0), ("beta1", 1), ("beta2", -0.5)):
        with refuses(ValueError, name, str(value)):
            cells.update_parameters_with_adam(parameters, grads, v, s, 1, **{name: value})


@pytest.mark.parametrize(
    "changes, error, argument, got",
    [
        ({"x": np.zeros((3, 2, 2), int)}, ValueError, "x", "(3, 2, 2)"),
        ({"x": np.zeros(3, int)}, ValueError, "x", "(3, 5)"),
        ({"x": np.zeros((0, 2), int)}, ValueError, "x", "(0, 2)"),
        ({"x": np.full((3, 2), 5)}, ValueError, "x", "5"),
        ({"x": np.zeros((3, 2, 4))}, ValueError, "x", "(3, 2, 4)"),
        ({"y": np.zeros((3, 3), int)}, ValueError, "x", "(3, 2, 5)"),
        ({"y": np.zeros((3, 2))}, TypeError, "y", "float64"),
        ({"h0": np.zeros(4)}, ValueError, "h0", "(4,)"),
        ({"h0": np.zeros((3, 3))}, ValueError, "h0", "(3, 3)"),
        ({"reduction": "average"}, ValueError, "reduction", "'average'"),
        ({"params": None}, TypeError, "params", "None"),
    ],
)
def test_what_gradients_cannot_take_is_refused(changes, error, argument, got):
    case = make_case(2, T=3, B=2, V=5, H=3)
    given = {"params": case.params, "x": case.x, "y": case.y} | changes
    with refuses(error, argument, got):
        cells.gradients(**given)
