"""`check_gradients` of an LSTM and a GRU: right gradients, wrong ones, and what does not fit."""

import numpy as np
import pytest
from gated import CELLS, GATED, STATES, make_model
from models import refuses

import rnnlib
from rnnlib import check_gradients, gru, lstm

gated_cell = pytest.mark.parametrize("cell", GATED.values(), ids=GATED)
every_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)


def checked(model, **options):
    weights = {"weights": model.options["weights"]} if "weights" in model.options else {}
    reduction = {"reduction": model.options["reduction"]}
    return check_gradients(model.params, model.x, model.y, **model.states, **weights, **reduction, **options)


@every_cell
@pytest.mark.parametrize("layout", [
    {"T": 5, "B": None}, {"T": 4, "B": 2, "features": True, "D": 3}, {"T": 3, "B": 3, "weighted": True},
    {"T": 6, "B": None, "reduction": "sum"},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("method", ["complex", "central"])
def test_right_gradients_are_right(cell, layout, method):
    model = make_model(cell, 1, V=4, H=3, **layout)
    report = checked(model, method=method)
    assert report.ok and list(report.checks) == [*cell.Params._fields, *STATES[cell]] == list(report.names)
    assert max(check.error for check in report.checks.values()) < (1e-13 if method == "complex" else 1e-7)
    assert "every gradient is right" in str(report) and "not checked" not in str(report)


@gated_cell
def test_float32_and_a_sample_are_checked_in_float64(cell):
    model = make_model(cell, 2, T=4, B=2, V=4, H=3)
    model = model._replace(params=cell.Params(*(array.astype(np.float32) for array in model.params)))
    report = checked(model, sample=4)
    assert report.ok and report.counts["Whh"] == (4, model.params.Whh.size)


MISTAKES = {
    "a wrong sign": lambda g: {"Whh": -g.Whh},
    "gates in another order": lambda g: {"Wxh": np.roll(g.Wxh, g.dh.shape[-1], axis=1)},
    "one step only": lambda g: {"bh": g.da[0].reshape(-1, g.da.shape[-1]).sum(axis=0)},
    "a first state that is lost": lambda g: {"h0": 0 * g.h0},
    "half": lambda g: {"Why": g.Why / 2},
    "one entry": lambda g: {"by": g.by + np.eye(len(g.by))[1] * 1e-6},
}


@gated_cell
@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_is_found_where_it_is_and_nowhere_else(cell, kind):
    model = make_model(cell, 3, T=5, B=2, V=4, H=3)

    def wrong(params, trace, y, **options):
        grads = cell.backward(params, trace, y, **options)
        return grads._replace(**MISTAKES[kind](grads))

    (name,) = MISTAKES[kind](model.backward())
    report = checked(model, backward=wrong)
    assert [check.name for check in report.checks.values() if not check.ok] == [name]
    assert f"wrong: {name}" in str(report)
    cause = {"a wrong sign": "the sign is wrong", "half": "every entry is 0.5 times"}.get(kind)
    if cause:
        assert report.checks[name].cause.startswith(cause) and "; or" not in report.checks[name].cause


def test_the_road_of_c_and_the_bias_within_the_brackets_are_missed():
    model = make_model(lstm, 4, T=5, B=2, V=4, H=3)

    def without_the_road(params, trace, y, **options):  # f = 0 on the way back: c hands nothing on
        return lstm.backward(params, trace._replace(f=np.zeros_like(trace.f)), y, **options)

    report = checked(model, backward=without_the_road)
    assert {name for name, check in report.checks.items() if not check.ok} == {"Wxh", "Whh", "bh", "h0", "c0"}

    model = make_model(gru, 4, T=5, B=2, V=4, H=3)
    report = checked(model, backward=lambda *args, **options: (g := gru.backward(*args, **options))._replace(
        bn=g.bh[-len(g.bn) :]  # as if r multiplied nothing
    ))  # fmt: skip
    assert [name for name, check in report.checks.items() if not check.ok] == ["bn"]


@gated_cell
def test_a_tuple_or_a_dict_may_leave_the_states_out(cell):
    model = make_model(cell, 5, T=4, B=None, V=4, H=3)
    count = len(cell.Params._fields)
    for form in (
        lambda g: tuple(g[:count]),
        lambda g: tuple(g[: count + len(STATES[cell])]),
        lambda g: {f"d{name}": array for name, array in g._asdict().items() if name[0] != "d"},
        lambda g: {name: array for name, array in g._asdict().items() if name != "h0"},
        lambda g: {"Whh": g.Whh},
    ):
        report = checked(model, backward=lambda *args, form=form, **options: form(cell.backward(*args, **options)))
        assert report.ok
        assert ("not checked" in str(report)) == (len(report.checks) < len(report.names))
    for wrong in ((1, 2, 3), {"dWxx": np.eye(3)}, {"Whh": model.params.Whh, "dWhh": model.params.Whh}, None, 3):
        with refuses(TypeError, "backward"):
            checked(model, backward=lambda *args, wrong=wrong, **options: wrong)


@gated_cell
def test_what_the_point_hides_is_told(cell):
    model = make_model(cell, 6, T=4, B=None, V=4, H=3)
    zeros = model._replace(states={name: 0 * state for name, state in model.states.items()})
    symmetric = model.params.Whh.copy().reshape(3, -1, 3)
    symmetric += symmetric.transpose(2, 1, 0)
    alike = zeros._replace(params=model.params._replace(Whh=symmetric.reshape(3, -1)))
    told = " ".join(checked(alike).blind_spots)
    assert "Whh is symmetric" in told and all(f"{name} is zero" in told for name in STATES[cell])
    assert "is symmetric" not in " ".join(checked(model).blind_spots)


def test_what_belongs_to_another_cell_is_told():
    models = {cell: make_model(cell, 7, T=3, B=None, V=4, H=3) for cell in CELLS.values()}
    for cell in (rnnlib, gru):
        with refuses(TypeError, "c0", "array", expected=cell.Params.cell):
            check_gradients(models[cell].params, models[cell].x, models[cell].y, c0=np.zeros(3))
    with refuses(TypeError, "forward", "h0", expected="a function of (params, x, h0, c0)"):
        check_gradients(models[lstm].params, models[lstm].x, models[lstm].y, forward=gru.forward)
    with refuses(TypeError, "params", "a GRU", expected="an LSTM"):
        check_gradients(models[gru].params, models[gru].x, models[gru].y, forward=lstm.forward)
    with refuses(TypeError, "params", "a GRU", expected="an LSTM"):
        check_gradients(models[gru].params, models[gru].x, models[gru].y, backward=lstm.backward)
    with refuses(ValueError, "c0"):
        check_gradients(models[lstm].params, models[lstm].x, models[lstm].y, c0=np.zeros(4))
    with refuses(TypeError, "c0", "complex"):
        check_gradients(models[lstm].params, models[lstm].x, models[lstm].y, c0=np.zeros(3, complex))


@every_cell
def test_the_figure_has_a_panel_for_every_gradient_of_the_cell(cell):
    from rnnlib.plots import plot_check, plot_contributions

    model = make_model(cell, 8, T=4, B=2, V=4, H=3)
    figure = plot_check(checked(model))
    titles = [axes.get_title().split(" ")[0] for axes in figure.axes if axes.get_title()]
    assert sorted(titles) == sorted([*cell.Params._fields, *STATES[cell]])
    assert all(" ok" in axes.get_title() for axes in figure.axes if axes.get_title())
    plot_contributions(cell.contributions(model.params, model.forward(), model.y), "text")


@gated_cell
@pytest.mark.parametrize("layout", [{"B": None}, {"B": 2, "weighted": True}], ids=str)
def test_without_a_cause_the_steps_of_the_errors_tell_from_which_on_they_are_right(cell, layout):
    """Half of what comes back from step 3 is lost; the steps after it do not notice."""
    model = make_model(cell, 4, T=6, V=4, H=3, **layout)

    def fading(params, trace, y, **options):
        grads = cell.backward(params, trace, y, **options)
        dh, da = grads.dh.copy(), grads.da.copy()
        dh[:3] *= 0.5
        da[:3] *= 0.5
        rows = da.reshape(-1, da.shape[-1])
        return grads._replace(dh=dh, da=da, bh=rows.sum(axis=0))

    report = checked(model, backward=fading)
    assert [check.name for check in report.checks.values() if not check.ok] == ["bh"]
    assert not any(check.cause for check in report.checks.values())
    assert "do is right at every step" in report.findings
    for name in ("dh", "da"):
        assert f"{name} is right from step 3 to the last, and wrong earlier: t = 0-2, counted from 0" in report.findings


@gated_cell
def test_of_a_trace_that_is_not_the_cell_s_nothing_is_told_of_the_steps(cell):
    model = make_model(cell, 5, T=4, B=None, V=4, H=3)

    def other(params, x, *states):
        trace = cell.forward(params, x, *states)
        return trace._replace(h=trace.h[:2])  # the logits, and so the loss, are right

    def wrong(params, trace, y, **options):
        grads = model.backward()
        return grads._replace(bh=grads.bh * np.linspace(1, 2, grads.bh.size))

    report = checked(model, forward=other, backward=wrong)
    assert not report.checks["bh"].ok and not any("step" in line for line in report.findings)
