"""The LSTM and the GRU in V8 compute what lstm.py and gru.py do, from the same weights to the last bit."""

import numpy as np
import pytest
from engine_page import TOLERANCE, relative_error
from gated import GATED, make_model
from javascript import bundled, entry_of

from rnnlib import cross_entropy
from rnnlib.flow import gradient_flow

SIZES = [(1, 1, 1), (1, 3, 2), (2, 1, 1), (5, 4, 3), (9, 7, 6), (12, 2, 16), (24, 30, 5)]  # T, V, H
FILES = ("engine/lstm.js", "engine/gru.js", "engine/flat.js", "engine/rnn.js", "engine/params.js",
         "engine/gated_workspace.js", "engine/workspace.js")  # fmt: skip


@pytest.fixture(scope="module")
def engine():
    with bundled("entry.js", {"entry.js": entry_of(*FILES)}) as v8:
        yield v8


def models(cell, count=3):
    """Random models of one sequence of ids, of all sizes."""
    for n, (T, V, H) in enumerate(SIZES):
        for seed in range(count):
            reduction = "mean" if (n + seed) % 2 else "sum"
            yield make_model(cell, 100 * n + seed, T=T, B=None, V=V, H=H, reduction=reduction, scale=0.5 + seed)


def data_of(name, model):
    params = {key: array.ravel().tolist() for key, array in model.params._asdict().items()}
    states = [state.tolist() for state in model.states.values()]
    V, H = len(model.params.by), len(model.params.Whh)
    return {"cell": name, "V": V, "H": H, "params": params, "ids": model.x.tolist(), "y": model.y.tolist(),
            "states": states, "reduction": model.options["reduction"]}  # fmt: skip


SETUP = """
  const { cell, V, H, ids, y, states, reduction } = model;
  const module = engine[cell];
  const params = { cell, V, H };
  for (const [name, numbers] of Object.entries(model.params)) params[name] = Float64Array.from(numbers);
  const trace = module.forward(params, ids, ...states.map((state) => Float64Array.from(state)));
"""


def errors(found, expected, sizes=None):
    """name -> relative error; both name the same arrays."""
    assert list(found) == list(expected)
    return {name: relative_error(found[name], expected[name], (sizes or {}).get(name)) for name in expected}


def sizes_of(grads, model, trace):
    """What sums over the steps are measured by: Σ_t |term|, whose rounding errors do not cancel."""
    da, do, h = np.abs(grads.da), np.abs(grads.do), np.abs(trace.h)
    before = np.abs(np.vstack([trace.h0, trace.h[:-1]]))
    rows = np.eye(len(model.params.by))[model.x]
    return {"Wxh": rows.T @ da, "Whh": before.T @ da, "Why": h.T @ do, "bh": da.sum(0), "by": do.sum(0),
            "bn": da.sum(0)}  # fmt: skip


@pytest.mark.parametrize("name", GATED)
def test_weights_are_the_bits_of_python(engine, name):
    for V, H, seed in [(5, 3, 0), (1, 1, 1), (65, 64, 2**53 - 1), (7, 2, 2**31)]:
        options = {"forget_bias": -0.3} if name == "lstm" else {}
        expected = GATED[name].init_params(V, H, rng=np.random.default_rng(seed), **options)
        found = engine.call(f"(engine, V, H, seed) => engine.{name}.initParams(V, H, seed, -0.3)", V, H, seed)
        arrays = expected._asdict()
        assert list(found) == ["cell", "V", "H", *arrays] and found["cell"] == name
        for key, array in arrays.items():
            assert found[key] == array.ravel().tolist(), key


def test_the_forget_bias_is_one_unless_given(engine):
    assert engine.call("({ lstm }) => lstm.initParams(4, 2, 0).bh") == [0, 0, 1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("name", GATED)
def test_every_gate_of_the_pass_forward_is_that_of_python(engine, name):
    for model in models(GATED[name]):
        trace = model.forward()._asdict()
        found = engine.call(f"(engine, model) => {{ {SETUP} return trace; }}", data_of(name, model))
        assert found.pop("T") == len(model.x) and found.pop("ids") == trace.pop("x").tolist()
        assert max(errors(found, trace).values()) <= TOLERANCE


@pytest.mark.parametrize("truncate", [None, 1, 3])
@pytest.mark.parametrize("name", GATED)
def test_gradients_are_those_of_python(engine, name, truncate):
    for model in models(GATED[name]):
        grads = model.backward(truncate=truncate)
        found = engine.call(
            f"(engine, model, k) => {{ {SETUP} return module.backward(params, trace, y, reduction, k); }}",
            data_of(name, model), truncate,
        )  # fmt: skip
        worst = errors(found, grads._asdict(), sizes_of(grads, model, model.forward()))
        assert max(worst.values()) <= TOLERANCE, worst


@pytest.mark.parametrize("name", GATED)
def test_shares_contributions_and_flow_are_those_of_python(engine, name):
    for model in models(GATED[name]):
        cell, trace, T = GATED[name], model.forward(), len(model.x)
        found = engine.call(
            f"""(engine, model, t) => {{ {SETUP}
                return {{ shares: module.shares(params, trace, y, reduction),
                  contributions: module.contributions(params, trace, y, reduction),
                  flow: module.gradientFlow(params, trace, y, t) }}; }}""",
            data_of(name, model), T // 2,
        )  # fmt: skip
        assert relative_error(found["shares"], cell.shares(model.params, trace, model.y, **model.options)) <= TOLERANCE
        expected = cell.contributions(model.params, trace, model.y, **model.options)
        assert relative_error(found["contributions"], expected) <= TOLERANCE
        flow = gradient_flow(model.params, trace, model.y, t=T // 2)
        *lengths, start = found["flow"]["dh"]
        np.testing.assert_allclose(lengths, flow.by_lag, rtol=1e-10, atol=1e-300)
        last = np.zeros(T)
        last[T // 2] = 1.0  # the loss of step t alone, whose gradient goes back to the states before the first step
        alone = cell.backward(model.params, trace, model.y, reduction="sum", weights=last)
        np.testing.assert_allclose(start, np.linalg.norm(alone.h0), rtol=1e-10, atol=1e-300)
        if name == "lstm":
            *lengths, start = found["flow"]["dc"]
            np.testing.assert_allclose(lengths, np.linalg.norm(alone.dc, axis=1)[T // 2 :: -1], rtol=1e-10, atol=1e-300)
            np.testing.assert_allclose(start, np.linalg.norm(alone.c0), rtol=1e-10, atol=1e-300)


@pytest.mark.parametrize("name", GATED)
def test_the_workspace_for_training_has_the_loss_and_the_gradient_of_python(engine, name):
    for model in models(GATED[name]):
        if len(model.x) == 1:
            continue
        # a text: each id is predicted from those before it; two windows, of which the second one is shorter
        ids, T = model.x, len(model.x) - 1
        found = engine.call(
            f"""(engine, model) => {{ {SETUP}
                const workspace = engine.GATED_WORKSPACES[cell];
                const gradient = new Float64Array(engine.size(V, H, cell));
                const grads = engine.unflatten(gradient, V, H, cell);
                const space = {{ ...workspace.buffers(V, H, ids.length), grads }};
                const run = {{ V, H, ids, params, space }};
                const windows = [[0, ids.length - 1], [1, ids.length - 2]].filter(([, T]) => T);
                return windows.map(([from, T]) => {{
                  states.forEach((state, which) => space[["h", "c"][which]].set(state));
                  workspace.states(run, from, T);
                  const loss = engine.lossOfStates(run, from, T);
                  workspace.gradient(run, from, T);
                  const last = states.map((_, which) => space[["h", "c"][which]].slice(T * H, (T + 1) * H));
                  return {{ loss, gradient: engine.unflatten(gradient.slice(), V, H, cell), last }};
                }}); }}""",
            data_of(name, model),
        )
        assert len(found) == min(T, 2)
        for start, result in enumerate(found):
            window = model._replace(x=ids[start:T], y=ids[start + 1 :], options={"reduction": "mean"})
            trace, grads = window.forward(), window.backward()
            np.testing.assert_allclose(result["loss"], cross_entropy(trace.o, window.y), rtol=1e-12)
            expected = {key: getattr(grads, key) for key in model.params._fields}
            got = {key: result["gradient"][key] for key in expected}
            assert max(errors(got, expected, sizes_of(grads, window, trace)).values()) <= TOLERANCE
            for key, last in zip("hc", result["last"], strict=False):
                np.testing.assert_allclose(last, getattr(trace, key)[-1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("call, argument", [
    ("lstm.initParams(0, 2, 0)", "V"), ("gru.initParams(3, 1.5, 0)", "H"), ("lstm.initParams(3, 2, -1)", "seed"),
    ("lstm.initParams(3, 2, 0, NaN)", "forgetBias"), ("lstm.forward(other, ids)", "params.cell"),
    ("gru.forward(params, ids)", "params.cell"), ("forward(params, ids)", "params.cell"),
    ("lstm.forward(initParams(3, 2, 0), ids)", "params.cell"),
    ("lstm.forward({ ...params, bh: short }, ids)", "params.bh"),
    ("gru.forward({ ...other, bn: short }, ids)", "params.bn"), ("lstm.forward(params, [])", "ids"),
    ("lstm.forward(params, [0, 3])", "ids[1]"), ("lstm.forward(params, ids, short)", "h0"),
    ("lstm.forward(params, ids, null, short)", "c0"), ("lstm.backward(other, trace, y)", "params.cell"),
    ("lstm.backward(params, gru.forward(other, ids), y)", "trace.c0"), ("lstm.backward(params, trace, [1])", "y"),
    ("lstm.backward(params, { ...trace, q: short }, y)", "trace.q"),
    ("lstm.backward(params, trace, y, 'max')", "reduction"), ("lstm.backward(params, trace, y, 'sum', 0)", "truncate"),
    ("lstm.shares(other, trace, y)", "params.cell"), ("gru.contributions(other, trace, y)", "trace.a"),
    ("lstm.gradientFlow(params, trace, y, 3)", "t"),
])  # fmt: skip
def test_wrong_input_is_refused_by_name(engine, call, argument):
    name, message = engine.call(
        f"""({{ lstm, gru, initParams, forward }}) => {{
            const [params, other, ids, y] = [lstm.initParams(3, 2, 0), gru.initParams(3, 2, 0), [0, 1, 2], [1, 2, 0]];
            const [trace, short] = [lstm.forward(params, ids), new Float64Array(1)];
            try {{ {call}; }} catch (error) {{ return [error.name, error.message]; }}
            return ["nothing was thrown", ""];
        }}""",
    )
    assert (name, message.partition(":")[0]) == ("RangeError", argument)
    assert ": expected " in message


@pytest.mark.parametrize("cell", [None, "lstm", "gru"])
def test_a_vector_of_all_numbers_leads_to_the_parameters_and_back(engine, cell):
    same = engine.call(
        """(engine, cell) => {
            const params = cell ? engine[cell].initParams(5, 3, 1) : engine.initParams(5, 3, 1);
            const [vector, name] = [engine.flatten(params), cell ?? undefined];
            const same = JSON.stringify(engine.unflatten(vector, 5, 3, name)) === JSON.stringify(params);
            return [vector.length === engine.size(5, 3, name), same, engine.shapes("V", "H", name).Whh];
        }""",
        cell,
    )
    assert same == [True, True, ["H", {None: "H", "lstm": "4H", "gru": "3H"}[cell]]]
