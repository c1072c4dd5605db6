"""`gradient_flow` and the starts: lengths and Jacobians against complex steps."""

import numpy as np
import pytest
from gated import CELLS, GATES, STATES, astype, make_model
from models import STEP, assert_close, refuses

import rnnlib
from rnnlib import gru, lstm, starts, step_losses
from rnnlib.flow import gradient_flow

every_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)


def flow_of(model, **options):
    return gradient_flow(model.params, model.forward(), model.y, **model.options | options)


def moved_states(model, s):
    """For each unit of each state after step s: the states that the rest begins from, that unit with a complex step.

    In a batch the unit is moved in all sequences at once, for no sequence sees another.
    """
    trace = model.forward()
    after = {name: getattr(trace, name[0])[s] for name in STATES[model.cell]}
    for name, state in after.items():
        for unit in range(state.shape[-1]):
            changed = state.astype(complex)
            changed[..., unit] += 1j * STEP
            yield {**after, name: changed}


@every_cell
@pytest.mark.parametrize("B", [None, 3])
def test_lengths_are_those_of_the_derivatives_of_each_loss_in_each_state(cell, B):
    model = make_model(cell, 1, T=6, B=B, V=4, H=3)
    flow, H = flow_of(model, reduction="sum"), 3
    for s in range(5):
        slopes = []  # [unit, t - s - 1, b]
        for start in moved_states(model, s):
            o = cell.forward(model.params, model.x[s + 1 :], **start).o
            slopes.append(step_losses(o, model.y[s + 1 :]).imag / STEP)
        slopes = np.array(slopes)
        for t in range(s + 1, 6):
            given = slopes[:, t - s - 1]
            assert flow.lengths[t, s] == pytest.approx(np.linalg.norm(given[:H]), rel=1e-12)
            if cell is lstm:
                assert flow.cell_lengths[t, s] == pytest.approx(np.linalg.norm(given[H:]), rel=1e-12)
    assert not np.triu(flow.lengths, 1).any() and (flow.cell_lengths is None) == (cell is not lstm)
    direct = [
        np.linalg.norm(do @ model.params.Why.T) for do in model._replace(options={"reduction": "sum"}).backward().do
    ]
    assert_close(np.diag(flow.lengths), direct, 1e-15)
    assert np.array_equal(flow.by_lag, flow.lengths[5, ::-1])
    assert flow.rate == pytest.approx((flow.lengths[5, 0] / flow.lengths[5, 5]) ** (1 / 5), rel=1e-12)


@every_cell
@pytest.mark.parametrize("t", [0, 3, 5])
def test_singular_values_are_those_of_the_derivatives_of_the_states(cell, t):
    model = make_model(cell, 2, T=6, B=None, V=4, H=3)
    flow = flow_of(model, t=t)
    assert flow.largest.shape == flow.smallest.shape == flow.step_bound.shape == (t + 1,)
    assert flow.largest[0] == flow.smallest[0] == flow.step_bound[0] == 1
    for s in range(t):
        columns = []
        for start in moved_states(model, s):
            trace = cell.forward(model.params, model.x[s + 1 : t + 1], **start)
            columns.append(np.concatenate([getattr(trace, name[0])[-1] for name in STATES[cell]]).imag / STEP)
        values = np.linalg.svd(np.array(columns), compute_uv=False)
        assert_close(flow.largest[t - s], values[0], 1e-13)
        assert_close(flow.smallest[t - s], values[-1], 1e-13, scale=values[0])


@every_cell
@pytest.mark.parametrize("B", [None, 2])
@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0])
def test_nothing_is_above_its_bound(cell, B, scale):
    model = make_model(cell, 3, T=12, B=B, V=4, H=5, scale=scale)
    flow, slack = flow_of(model), 1 + 1e-12
    assert (flow.largest <= flow.step_bound * slack).all() and (flow.smallest <= flow.largest).all()
    if cell is rnnlib:
        bound = flow.bound if B is None else flow.bound[:, None]
        assert (flow.step_bound <= bound * slack).all()
        assert (flow.by_lag <= flow.by_lag[0] * flow.bound * slack).all()
    else:
        assert flow.bound is None
    assert flow.sigma.shape == flow.radius.shape == (GATES[cell],) and (flow.radius <= flow.sigma * slack).all()
    blocks = np.split(model.params.Whh, GATES[cell], axis=1)
    for k, block in enumerate(blocks):
        assert flow.sigma[k] == pytest.approx(np.sqrt(np.linalg.eigvalsh(block.T @ block).max()), rel=1e-12)
        for value in flow.eigenvalues[k]:  # singular where the eigenvalue is taken off
            assert np.linalg.svd(block - value * np.eye(5), compute_uv=False)[-1] < 1e-12 * flow.sigma[k]


def linear(H=4, gain=0.5, T=9):
    """A vanilla network that hardly leaves zero, so that every slope is 1, with an orthogonal Whh."""
    rng = np.random.default_rng(0)
    params = starts.orthogonal(rnnlib.init_params(3, H, rng=rng), rng=rng, gain=gain)
    params = params._replace(Wxh=1e-9 * params.Wxh)
    x, y = rng.integers(3, size=(2, T))
    return params, rnnlib.forward(params, x), y


@pytest.mark.parametrize("gain", [0.5, 1.0, 1.5])
def test_an_orthogonal_matrix_and_flat_slopes_give_the_gain_at_every_step(gain):
    flow = gradient_flow(*linear(gain=gain))
    powers = gain ** np.arange(9)
    for values in (flow.largest, flow.smallest, flow.bound, flow.step_bound, flow.by_lag / flow.by_lag[0]):
        np.testing.assert_allclose(values, powers, rtol=1e-9)
    assert flow.rate == pytest.approx(gain, rel=1e-9) and flow.slopes == pytest.approx(np.ones(9))
    assert np.abs(flow.eigenvalues) == pytest.approx(np.full((1, 4), gain))


def test_a_spectral_radius_below_one_may_grow_first():
    Whh = np.array([[0.5, 0.0], [8.0, 0.5]])
    zeros = np.zeros((2, 2))
    params = rnnlib.Params(zeros, Whh, np.eye(2), np.zeros(2), np.zeros(2))
    flow = gradient_flow(params, rnnlib.forward(params, np.zeros(30, int)), np.zeros(30, int))
    assert flow.radius[0] == 0.5 and flow.sigma[0] > 8
    assert flow.largest[1] > 8 and flow.largest[-1] < 1e-5


def test_what_multiplies_each_step_is_the_slope_or_the_gate():
    for cell, of in ((rnnlib, lambda tr: 1 - tr.h**2), (lstm, lambda tr: tr.f), (gru, lambda tr: tr.z)):
        model = make_model(cell, 5, T=4, B=2, V=4, H=3)
        assert_close(flow_of(model).slopes, of(model.forward()).mean(axis=(1, 2)), 1e-15)


def test_an_open_forget_gate_keeps_the_gradient_of_c():
    """With f near 1 and the other roads shut, each step hands the gradient of c on as it is."""
    params = lstm.init_params(3, 4, rng=np.random.default_rng(0), forget_bias=40.0)
    params = params._replace(Whh=0 * params.Whh)
    x = np.random.default_rng(1).integers(3, size=20)
    flow = gradient_flow(params, lstm.forward(params, x), x)
    along = flow.cell_lengths[19, :19]
    np.testing.assert_allclose(along, along[0], rtol=1e-12)
    assert along[0] > 0.01


@every_cell
def test_weights_batches_and_types(cell):
    model = make_model(cell, 6, T=5, B=2, V=4, H=3, weighted=True)
    flow = flow_of(model)
    by_weight = np.sqrt((model.options["weights"] > 0).sum(axis=1)) > 0
    assert (np.diag(flow.lengths) > 0).tolist() == by_weight.tolist()
    single = flow_of(astype(model, np.float32))
    assert single.lengths.dtype == single.largest.dtype == np.float32
    assert_close(single.largest, flow.largest, 1e-4)


@every_cell
def test_what_does_not_fit_is_named(cell):
    model = make_model(cell, 7, T=4, B=2, V=4, H=3)
    trace = model.forward()
    other = make_model(gru if cell is lstm else lstm, 7, T=4, B=2, V=4, H=3)
    for args, options, error, name in (
        ((model.params, other.forward(), model.y), {}, TypeError, "trace"),
        ((other.params, trace, model.y), {}, TypeError, "trace"),
        ((None, trace, model.y), {}, TypeError, "params"),
        ((model.params, trace, model.y + 9), {}, ValueError, "y"),
        ((model.params, trace, model.y), {"t": 4}, ValueError, "t"),
        ((model.params, trace, model.y), {"t": 1.0}, TypeError, "t"),
        ((model.params, trace, model.y), {"reduction": "max"}, ValueError, "reduction"),
        ((model.params, trace, model.y), {"weights": np.ones(3)}, ValueError, "weights"),
        ((astype(model, complex).params, astype(model, complex).forward(), model.y), {}, TypeError, "params"),
    ):
        with refuses(error, name):
            gradient_flow(*args, **options)


# Starts


def fresh(cell, H=6, dtype=np.float64):
    return cell.init_params(5, H, rng=np.random.default_rng(0), dtype=dtype, input_size=7)


@every_cell
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_each_start_changes_what_it_says_and_keeps_the_cell_and_the_type(cell, dtype):
    params, rng = fresh(cell, dtype=dtype), np.random.default_rng(1)
    made = {
        "uniform": starts.uniform(params, rng=rng),
        "orthogonal": starts.orthogonal(params, rng=rng, gain=1.5),
        "identity": starts.identity(params, gain=0.5),
        "scaled": starts.scaled(params, 3.0),
    }
    for name, start in made.items():
        assert type(start) is cell.Params and {array.dtype for array in start} == {np.dtype(dtype)}
        changed = {key for key in cell.Params._fields if not np.array_equal(getattr(start, key), getattr(params, key))}
        assert changed == ({"Wxh", "Whh", "Why"} if name == "uniform" else {"Whh"})
    blocks = {name: np.split(start.Whh, GATES[cell], axis=1) for name, start in made.items()}
    tolerance = 8 * np.finfo(dtype).eps
    for block in blocks["orthogonal"]:
        assert_close(block @ block.T, 2.25 * np.eye(6), tolerance)
    assert all(np.array_equal(block, 0.5 * np.eye(6)) for block in blocks["identity"])
    assert_close(made["scaled"].Whh, 3 * params.Whh, tolerance)
    if GATES[cell] > 1:
        assert not np.array_equal(*blocks["orthogonal"][:2])


def test_the_uniform_start_is_drawn_as_it_says():
    start, rng, bound = (
        starts.uniform(fresh(rnnlib), rng=np.random.default_rng(4)),
        np.random.default_rng(4),
        1 / np.sqrt(6),
    )
    for name, shape in (("Wxh", (7, 6)), ("Whh", (6, 6)), ("Why", (6, 5))):
        assert np.array_equal(getattr(start, name), -bound + 2 * bound * rng.random(shape))


def test_orthogonal_matrices_are_uniformly_distributed():
    """Of a uniform orthogonal matrix, the trace has mean 0 and variance 1, the determinant both signs alike."""
    params, rng = fresh(rnnlib, H=5), np.random.default_rng(2)
    drawn = np.array([starts.orthogonal(params, rng=rng).Whh for _ in range(2000)])
    traces = np.trace(drawn, axis1=1, axis2=2)
    assert abs(traces.mean()) < 4 / np.sqrt(2000) and 0.85 < traces.var() < 1.15
    assert abs((np.linalg.det(drawn) > 0).mean() - 0.5) < 4 * 0.5 / np.sqrt(2000)
    again = starts.orthogonal(params, rng=np.random.default_rng(2)).Whh
    assert np.array_equal(again, drawn[0])


@pytest.mark.parametrize("function, takes", [
    (starts.orthogonal, ("rng", "gain")), (starts.identity, ("gain",)), (starts.scaled, ("gain",)),
    (starts.uniform, ("rng",)),
], ids=lambda value: getattr(value, "__name__", ""))  # fmt: skip
def test_starts_name_what_does_not_fit(function, takes):
    params, given = fresh(gru), {"rng": np.random.default_rng(0), "gain": 1.0}
    right = {name: given[name] for name in takes}
    with refuses(TypeError, "params", "None"):
        function(None, **right)
    with refuses(ValueError, "params.Whh"):
        function(params._replace(Whh=np.eye(6)), **right)
    wrong = {"gain": [(0, ValueError), (np.inf, ValueError), ("1", TypeError), (True, TypeError)]}
    wrong["rng"] = [(0, TypeError), (None, TypeError)]
    for name in takes:
        for value, error in wrong[name]:
            with refuses(error, name):
                function(params, **right | {name: value})
