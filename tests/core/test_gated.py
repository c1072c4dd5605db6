"""The LSTM and the GRU: forward against ONNX's reference evaluator, gradients against complex steps and autograd."""

import autograd
import numpy as np
import pytest
from gated import (
    CELLS,
    GATED,
    GATES,
    STATES,
    Model,
    astype,
    autograd_loss,
    complex_slopes,
    make_model,
    onnx_states,
    rows_of,
)
from models import STEP, assert_close, refuses

import rnnlib
from rnnlib import gru, lstm, softmax, starts

ORDERS = {lstm: (0, 3, 1, 2), gru: (1, 0, 2)}  # ONNX stores i o f c and z r h
EVERY = {name: pytest.param(cell, id=name) for name, cell in CELLS.items()}
every_cell = pytest.mark.parametrize("cell", EVERY.values())
gated_cell = pytest.mark.parametrize("cell", [EVERY[name] for name in GATED])

# Every layout: one sequence or a batch, ids or features, sum or mean, weights, D of its own
LAYOUTS = [
    {"T": T, "B": B, "features": features, "reduction": reduction, "weighted": weighted, "D": D}
    for T, B, features, reduction, weighted, D in [
        (1, None, False, "mean", False, None),
        (2, 1, True, "sum", False, 5),
        (3, None, True, "mean", True, 2),
        (5, 3, False, "sum", True, 6),
        (8, 2, False, "mean", True, None),
        (13, None, False, "sum", False, 2),
        (21, 2, True, "mean", False, None),
        (40, None, False, "mean", False, None),
    ]
]
layouts = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda d: f"T{d['T']}-B{d['B']}")


def model_of(cell, layout, seed=0, **other):
    return make_model(cell, seed, **({"V": 4, "H": 3} | layout | other))


def onnx_layout(model):
    """W, R, B as ONNX's operator wants them, gate by gate, written here without the library's help."""
    Wxh, Whh, bh = model.params.Wxh, model.params.Whh, model.params.bh
    H = len(Whh)

    def turned(array):
        blocks = np.split(array, GATES[model.cell], axis=-1)
        return np.concatenate([blocks[k].T for k in ORDERS[model.cell]])

    recurrent = np.zeros_like(bh)
    if model.cell is gru:
        recurrent[2 * H :] = model.params.bn
    B = np.concatenate([turned(bh), turned(recurrent)])
    return {"W": turned(Wxh)[None], "R": turned(Whh)[None], "B": B[None]}


@gated_cell
@pytest.mark.parametrize("seed", range(12))
def test_onnx_computes_the_same_states(cell, seed):
    T, B, H, D = (int(n) for n in np.random.default_rng(seed).integers(1, 9, size=4))
    model = make_model(cell, seed, T=T, B=B, V=3, H=H, D=D, features=seed % 2 == 1)
    trace = model.forward()
    h, *last = onnx_states(cell, onnx_layout(model), rows_of(model.x, D), list(model.states.values()))
    assert_close(trace.h, h, 1e-13, scale=1)
    for name, state in zip(STATES[cell], last, strict=True):
        assert_close(getattr(trace, name[0])[-1], state, 1e-13, scale=max(1, np.abs(state).max()))
    assert_close(trace.o, h @ model.params.Why + model.params.by, 1e-13)
    assert np.array_equal(trace.yhat, softmax(trace.o))


@gated_cell
@layouts
def test_the_trace_holds_every_gate_as_the_equations_have_it(cell, layout):
    model = model_of(cell, layout)
    trace, p = model.forward(), model.params
    before = np.concatenate([trace.h0[None], trace.h[:-1]])
    rows = rows_of(model.x, len(p.Wxh)) @ p.Wxh + p.bh
    recurrent = before @ p.Whh
    if cell is lstm:
        i, f, g, q = np.split(trace.a, 4, axis=-1)
        assert_close(trace.a, rows + recurrent, 1e-14)
        pairs = {"i": (i, 1), "f": (f, 1), "q": (q, 1), "g": (g, 0)}
    else:
        r, z, n = np.split(trace.a, 3, axis=-1)
        m = recurrent[..., -n.shape[-1] :] + p.bn
        assert_close(trace.m, m, 1e-14)
        assert_close(n, rows[..., -n.shape[-1] :] + trace.r * m, 1e-14)
        assert_close(trace.a[..., : 2 * n.shape[-1]], (rows + recurrent)[..., : 2 * n.shape[-1]], 1e-14)
        pairs = {"r": (r, 1), "z": (z, 1), "n": (n, 0)}
    for name, (a, is_gate) in pairs.items():
        assert_close(getattr(trace, name), 1 / (1 + np.exp(-a)) if is_gate else np.tanh(a), 1e-15, scale=1)
    assert (
        np.array_equal(trace.x, model.x)
        and trace.h.shape == (*model.y.shape, 3)
        and trace.o.shape == (*model.y.shape, 4)
    )


@gated_cell
@layouts
def test_every_gradient_equals_complex_steps(cell, layout):
    model = model_of(cell, layout)
    grads = model.backward()
    for name, slope in complex_slopes(model).items():
        # A gradient that comes through many steps is known less well than the largest one
        assert_close(getattr(grads, name), slope, 1e-13 if name in ("h0", "c0") else 2e-14)


@gated_cell
@layouts
@pytest.mark.parametrize("seed", range(3))
def test_every_gradient_equals_automatic_differentiation(cell, layout, seed):
    model = model_of(cell, layout, seed + 1)
    grads = model.backward()
    for name, slope in autograd.grad(autograd_loss(model))(model.point()).items():
        assert_close(getattr(grads, name), slope, 1e-13 if name in ("h0", "c0") else 2e-14)


def windowed_loss(model, k):
    """point -> the loss, where each step's own loss sees the point in the last k steps before it alone.

    A window of k steps for each loss, which starts from the states that the network has there as it is, held fixed; or
    from the point's where the sequence starts within the window.
    """
    trace, T = model.forward(), len(model.y)

    def loss(point):
        params = type(model.params)(*(point[name] for name in model.params._fields))
        logits = []
        for t in range(T):
            s = max(0, t - k + 1)
            start = {name: getattr(trace, name[0])[s - 1] if s else point[name] for name in model.states}
            logits.append(model.cell.forward(params, model.x[s : t + 1], **start).o[-1])
        return rnnlib.cross_entropy(np.stack(logits), model.y, **model.options)

    return loss


@gated_cell
@pytest.mark.parametrize("layout", LAYOUTS[:6], ids=lambda d: f"T{d['T']}-B{d['B']}")
def test_every_truncation_equals_windows_of_their_own(cell, layout):
    model = model_of(cell, layout, V=3, H=2)
    for k in {1, 2, 3, layout["T"] - 1, layout["T"]} - {0}:
        grads = model.backward(truncate=k)
        for name, slope in complex_slopes(model, windowed_loss(model, k)).items():
            assert_close(getattr(grads, name), slope, 2e-14, scale=np.abs(slope).max() or 1)


@gated_cell
@layouts
def test_truncation_is_the_band_of_the_shares_and_all_of_them_the_gradient(cell, layout):
    model = model_of(cell, layout)
    parts = cell.shares(model.params, model.forward(), model.y, **model.options)
    T = len(model.y)
    lag = np.subtract.outer(np.arange(T), np.arange(T))
    assert not parts[lag < 0].any()
    scale = np.abs(model.backward().da).max()
    for k in range(1, T + 1):
        band = np.where((lag < k).reshape(T, T, *[1] * (parts.ndim - 2)), parts, 0).sum(axis=0)
        assert_close(model.backward(truncate=k).da, band, 1e-14, scale)
    assert_close(model.backward().da, parts.sum(axis=0), 1e-14, scale)
    expected = np.sqrt((parts.reshape(T, T, -1) ** 2).sum(axis=-1))
    assert_close(cell.contributions(model.params, model.forward(), model.y, **model.options), expected, 1e-15)


@gated_cell
def test_a_full_truncation_and_one_that_is_longer_are_no_truncation(cell):
    model = model_of(cell, LAYOUTS[4])
    whole = model.backward()
    for k in (8, 9, 10**9):
        assert all(np.array_equal(*pair) for pair in zip(model.backward(truncate=k), whole, strict=True))


@gated_cell
@pytest.mark.parametrize("B", [None, 2])
def test_the_share_of_a_path_is_the_product_of_its_factors_and_that_of_the_shares(cell, B):
    model = make_model(cell, 5, T=6, B=B, V=4, H=3)
    trace = model.forward()
    parts = cell.shares(model.params, trace, model.y)
    for t in range(6):
        for s in range(t + 1):
            way = cell.path(model.params, trace, model.y, t, s)
            product = way.error
            for factor in (*way.jacobians, way.slope):
                product = np.einsum("...j,...ji->...i", product, factor)
            assert len(way.jacobians) == t - s
            assert_close(product, way.share, 1e-15)
            assert_close(way.share, parts[t, s], 4e-15, scale=np.abs(parts[t]).max())
            assert np.array_equal(way.state, trace.h[s - 1] if s else trace.h0)


@every_cell
@pytest.mark.parametrize("B", [None, 2])
def test_jacobians_are_the_derivatives_of_one_step_in_the_states_before(cell, B):
    model = make_model(cell, 6, T=5, B=B, V=3, H=4)
    trace, H = model.forward(), 4
    found = cell.jacobians(model.params, trace)
    names = STATES[cell]
    before = [np.concatenate([getattr(trace, n)[None], getattr(trace, n[0])[:-1]]) for n in names]
    for row in range(len(names) * H):  # of what the step reads: a complex step in one unit of one state
        moved = [state.astype(complex) for state in before]
        moved[row // H][..., row % H] += 1j * STEP
        for t in range(5):
            one = cell.forward(model.params, model.x[t : t + 1], **{n: m[t] for n, m in zip(names, moved, strict=True)})
            after = np.concatenate([getattr(one, n[0])[0] for n in names], axis=-1).imag / STEP
            assert_close(found[t][..., row], after, 1e-15, scale=1)


@gated_cell
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_type_of_the_parameters_is_the_type_of_everything(cell, dtype):
    model = astype(make_model(cell, 7, T=6, B=2, V=4, H=3), dtype)
    trace = model.forward()
    for result in (trace, model.backward(), model.backward(truncate=2), cell.path(model.params, trace, model.y, 3, 1)):
        assert {array.dtype for name, array in result._asdict().items() if name != "x"} == {np.dtype(dtype)}
    assert cell.shares(model.params, trace, model.y).dtype == cell.jacobians(model.params, trace).dtype == dtype


@gated_cell
def test_float32_is_near_float64(cell):
    model = make_model(cell, 8, T=20, B=4, V=6, H=8, scale=0.5)
    exact, near = model.backward(), astype(model, np.float32).backward()
    for mine, theirs in zip(near, exact, strict=True):
        assert_close(mine, theirs, 2e-5)


@gated_cell
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_weights_of_fifty_saturate_and_stay_finite(cell, dtype):
    model = make_model(cell, 9, T=30, B=3, V=5, H=8)
    params = type(model.params)(*(np.where(a < 0, -50, 50).astype(dtype) for a in model.params))
    model = model._replace(params=params)
    trace, grads = model.forward(), model.backward()
    for result in (trace, grads, model.backward(truncate=3)):
        assert all(np.isfinite(array).all() for array in result)
    assert np.abs(trace.h).max() > 0.7


@gated_cell
def test_gradients_with_weights_of_fifty_equal_complex_steps(cell):
    model = make_model(cell, 10, T=8, B=2, V=4, H=3)
    params = (np.where(a < 0, -50.0, 50.0) if a.ndim == 2 else a for a in model.params)
    model = model._replace(params=type(model.params)(*params))
    grads, slopes = model.backward(), complex_slopes(model)
    scale = max(np.abs(slope).max() for slope in slopes.values())
    assert scale > 0.01
    for name, slope in slopes.items():  # 1 - n² is rounded as 1 is, then multiplied by weights of 50
        assert_close(getattr(grads, name), slope, 1e-12, scale)


@gated_cell
@pytest.mark.parametrize("features", [False, True])
def test_a_batch_is_its_sequences_one_by_one_and_a_run_may_be_cut_anywhere(cell, features):
    model = make_model(cell, 11, T=7, B=3, V=4, H=5, features=features)
    whole = model.forward()
    for b in range(3):
        alone = cell.forward(model.params, model.x[:, b], **{n: s[b] for n, s in model.states.items()})
        assert_close(alone.h, whole.h[:, b], 1e-14)
    for cut in range(1, 7):
        rest = cell.forward(model.params, model.x[cut:], **{n: getattr(whole, n[0])[cut - 1] for n in STATES[cell]})
        assert_close(rest.o, whole.o[cut:], 1e-14)


@gated_cell
def test_ids_mean_one_hot_rows_and_states_are_zero_unless_given(cell):
    model = make_model(cell, 12, T=6, B=2, V=4, H=3)
    by_rows = model._replace(x=np.eye(4)[model.x])
    for mine, theirs in zip(model.backward(), by_rows.backward(), strict=True):
        assert_close(mine, theirs, 1e-14)
    zeros = {name: np.zeros_like(state) for name, state in model.states.items()}
    silent, given = cell.forward(model.params, model.x), cell.forward(model.params, model.x, **zeros)
    assert all(np.array_equal(*pair) for pair in zip(silent, given, strict=True))


@gated_cell
def test_nothing_that_is_given_is_changed(cell):
    model = make_model(cell, 13, T=4, B=2, V=4, H=3, weighted=True)
    trace = model.forward()
    for array in (*model.params, *trace, model.y, *model.states.values(), model.options["weights"]):
        array.setflags(write=False)
    cell.backward(model.params, trace, model.y, **model.options)
    cell.backward(model.params, trace, model.y, truncate=2, **model.options)
    cell.path(model.params, trace, model.y, 3, 0, **model.options)


# Beginnings


@gated_cell
def test_parameters_are_drawn_as_those_of_the_vanilla_network(cell):
    params = cell.init_params(5, 4, rng=np.random.default_rng(3), input_size=7)
    rng, G = np.random.default_rng(3), 4 * GATES[cell]
    for name, shape in (("Wxh", (7, G)), ("Whh", (4, G)), ("Why", (4, 5))):
        bound = 1 / np.sqrt(shape[0])
        assert np.array_equal(getattr(params, name), -bound + 2 * bound * rng.random(shape))
    biases = {"bh": np.zeros(G), "by": np.zeros(5)} | ({"bn": np.zeros(4)} if cell is gru else {})
    if cell is lstm:
        biases["bh"][4:8] = 1
    for name, expected in biases.items():
        assert np.array_equal(getattr(params, name), expected)


def test_the_forget_bias_opens_the_forget_gate_alone():
    params = lstm.init_params(3, 2, rng=np.random.default_rng(0), forget_bias=-2.5, dtype=np.float32)
    assert params.bh.tolist() == [0, 0, -2.5, -2.5, 0, 0, 0, 0] and params.bh.dtype == np.float32
    for wrong, error in ((np.nan, ValueError), (np.inf, ValueError), ("1", TypeError), (True, TypeError)):
        with refuses(error, "forget_bias"):
            lstm.init_params(3, 2, rng=np.random.default_rng(0), forget_bias=wrong)


# Bad input: every function, every argument, every kind of mistake

WORDS = {rnnlib: "the vanilla network", lstm: "an LSTM", gru: "a GRU"}
CASE = {name: make_model(cell, 20, T=5, B=2, V=4, H=3) for name, cell in CELLS.items()}
OF_A_TRACE = {
    "backward": lambda m, *args, **options: m.cell.backward(*args, **options),
    "shares": lambda m, *args, **options: m.cell.shares(*args, **options),
    "contributions": lambda m, *args, **options: m.cell.contributions(*args, **options),
    "path": lambda m, *args, **options: m.cell.path(*args, 1, 0, **options),
}


@pytest.mark.parametrize("mine", CELLS)
@pytest.mark.parametrize("other", CELLS)
def test_what_belongs_to_another_cell_is_told_so(mine, other):
    if mine == other:
        return
    model, foreign = CASE[mine], CASE[other]
    cell, trace = model.cell, model.forward()
    with refuses(TypeError, "params", f"the Params of {WORDS[foreign.cell]}", expected=WORDS[cell]):
        cell.forward(foreign.params, model.x)
    for function in OF_A_TRACE.values():
        with refuses(TypeError, "params", f"the Params of {WORDS[foreign.cell]}", expected=WORDS[cell]):
            function(model, foreign.params, trace, model.y)
        with refuses(TypeError, "trace", f"the Trace of {WORDS[foreign.cell]}", expected=WORDS[cell]):
            function(model, model.params, foreign.forward(), model.y)
    with refuses(TypeError, "params", WORDS[foreign.cell], expected=WORDS[cell]):
        cell.jacobians(foreign.params, trace)
    with refuses(TypeError, "trace", WORDS[foreign.cell], expected=WORDS[cell]):
        cell.jacobians(model.params, foreign.forward())


def wrong_parameters(model):
    """(argument, error, params) for each array and each kind of mistake."""
    for name, array in model.params._asdict().items():
        yield f"params.{name}", ValueError, {name: array[..., None]}
        yield f"params.{name}", ValueError, {name: np.where(np.arange(array.size).reshape(array.shape), array, np.nan)}
        yield f"params.{name}", TypeError, {name: array.astype(str)}
        yield f"params.{name}", TypeError, {name: array.astype(np.float16)}
    yield "params.Wxh", ValueError, {"Wxh": model.params.Wxh[:, :-1]}
    yield "params.Whh", ValueError, {"Whh": model.params.Whh[:, :3]}
    yield "params.bh", ValueError, {"bh": model.params.bh[:3]}
    yield "params.by", ValueError, {"by": model.params.by[:-1]}


@pytest.mark.parametrize("name", GATED)
def test_wrong_parameters_are_named_by_every_function(name):
    model = CASE[name]
    trace = model.forward()
    for argument, error, change in wrong_parameters(model):
        params = model.params._replace(**change)
        with refuses(error, argument):
            model.cell.forward(params, model.x)
        with refuses(error, argument):
            model.cell.jacobians(params, trace)
        for function in OF_A_TRACE.values():
            with refuses(error, argument):
                function(model, params, trace, model.y)
    for wrong in (None, 3, model.params[:3]):
        with refuses(TypeError, "params", expected=f"{name}.Params(Wxh, Whh, Why"):
            model.cell.forward(wrong, model.x)


@pytest.mark.parametrize("name", GATED)
def test_wrong_inputs_and_states_are_named(name):
    model = CASE[name]
    for wrong, error in (
        (model.x + 0.5, ValueError),
        (np.full((5, 2), 4), ValueError),
        (np.full((5, 2), -1), ValueError),
        (np.zeros((0, 2), int), ValueError),
        (np.array("text"), TypeError),
        (np.eye(4, dtype=int)[model.x], TypeError),
        (np.full((5, 2, 4), np.inf), ValueError),
    ):
        with refuses(error, "x"):
            model.cell.forward(model.params, wrong)
    for state in model.states:
        for wrong in (np.zeros((2, 2)), np.zeros((5, 3)), np.zeros(4), np.full(3, np.nan)):
            with refuses(ValueError, state):
                model.cell.forward(model.params, model.x, **{state: wrong})
        with refuses(TypeError, state):
            model.cell.forward(model.params, model.x, **{state: "zeros"})


@pytest.mark.parametrize("function", OF_A_TRACE)
@pytest.mark.parametrize("name", GATED)
def test_wrong_targets_weights_and_options_are_named(name, function):
    model = CASE[name]
    trace, call = model.forward(), OF_A_TRACE[function]
    y, other = model.y, make_model(model.cell, 0, T=5, B=2, V=5, H=2)
    for change, argument, error in (
        ({"y": y + 0.5}, "y", TypeError),
        ({"y": y.T}, "y", ValueError),
        ({"y": y + 4}, "y", ValueError),
        ({"trace": None}, "trace", TypeError),
        ({"trace": other.forward()}, "trace", ValueError),
        ({"reduction": "average"}, "reduction", ValueError),
        ({"weights": np.zeros((5, 2))}, "weights", ValueError),
        ({"weights": -np.ones((5, 2))}, "weights", ValueError),
        ({"weights": np.ones(5)}, "weights", ValueError),
        ({"weights": "1"}, "weights", TypeError),
    ):
        given = {"trace": trace, "y": y} | change
        with refuses(error, argument):
            call(model, model.params, given.pop("trace"), given.pop("y"), **given)
    if function == "backward":
        for wrong, error in ((0, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError)):
            with refuses(error, "truncate"):
                call(model, model.params, trace, y, truncate=wrong)


@pytest.mark.parametrize("t, s, argument, error", [
    (5, 0, "t", ValueError), (-1, 0, "t", ValueError), (2, 3, "s", ValueError), (2.0, 0, "t", TypeError),
    (2, None, "s", TypeError),
])  # fmt: skip
@pytest.mark.parametrize("name", GATED)
def test_a_path_that_is_none_is_refused(name, t, s, argument, error):
    model = CASE[name]
    with refuses(error, argument):
        model.cell.path(model.params, model.forward(), model.y, t, s)


@gated_cell
def test_a_repr_says_which_cell(cell):
    model = make_model(cell, 1, T=2, B=None, V=3, H=2)
    name = cell.__name__.rpartition(".")[2]
    for value in (model.params, model.forward(), model.backward()):
        assert repr(value).startswith(f"{name}.{type(value).__name__}(") and "float64[2, " in repr(value)
    assert isinstance(model, Model)


def test_both_states_of_an_LSTM_in_one_tuple_are_refused_for_a_batch_of_two_would_take_them_for_two_rows():
    model = make_model(lstm, 1, T=3, B=2, V=3, H=2)
    state = np.ones(2), np.zeros(2)
    with refuses(TypeError, "h0", "a tuple of two", expected="hidden state alone"):
        lstm.forward(model.params, model.x, state)
    assert lstm.forward(model.params, model.x, *state).h.shape == (3, 2, 2)
    assert lstm.forward(model.params, model.x, list(state)).h.shape == (3, 2, 2)


def test_a_forget_bias_and_a_gain_that_are_too_large_for_the_type_are_refused():
    rng = np.random.default_rng(0)
    with refuses(ValueError, "forget_bias", "1e+39", expected="float32"):
        lstm.init_params(3, 2, rng=rng, dtype=np.float32, forget_bias=1e39)
    params = lstm.init_params(3, 2, rng=rng, dtype=np.float32, forget_bias=1e38)
    assert params.bh[2] == np.float32(1e38)
    for begin in (starts.scaled, starts.identity, lambda p, gain: starts.orthogonal(p, rng=rng, gain=gain)):
        with refuses(ValueError, "gain", "1e+40", expected="float32"):
            begin(params, gain=1e40)
