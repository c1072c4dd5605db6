"""The table of dialects, held against the modules and operators that it describes."""

from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from models import assert_close, case_of, make_case, refuses
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from rnnlib import Params, backward, cross_entropy, forward
from rnnlib.formulations import cells, equations, frameworks, gates, layers, matrices
from rnnlib.formulations.dialects import DIALECTS, MATRICES, OURS, STEPS, latex, shape, stored
from rnnlib.text import one_hot

T, B, V, H = 6, 4, 5, 3
WITHOUT_BIASES = ("matrices", "gates")
ONE_SEQUENCE = ("equations", "matrices", "layers", "gates")
MODULES = ("rnnlib", "equations", "cells", "matrices", "layers", "gates")


def case(name, reduction="mean"):
    """A model that the dialect can hold: one sequence where it knows no batch, biases of zero where it has none."""
    made = make_case(7, T=T, B=None if name in ONE_SEQUENCE else B, V=V, H=H, reduction=reduction)
    if name in WITHOUT_BIASES:
        made = made._replace(params=made.params._replace(bh=np.zeros(H), by=np.zeros(V)))
    return made


def rnnlib_names(params, x, y, h0):
    trace = forward(params, x, h0)
    return {
        "params": params,
        "trace": trace,
        "y": y,
        "grads": backward(params, trace, y),
        "cross_entropy": cross_entropy,
    }


def equations_names(params, x, y, h0):
    weights, x, y = equations.from_params(params), one_hot(x, V), one_hot(y, V)
    states = equations.forward(weights, x, h0)
    grads = equations.backward(weights, states, y)
    return {
        "weights": weights,
        "states": states,
        "y": y,
        "grads": grads,
        "cross_entropy": equations.cross_entropy,
    }


def cells_names(params, x, y, h0):
    parameters, x, y = cells.from_params(params), *(cells.to_columns(one_hot(ids, V)) for ids in (x, y))
    a, y_pred, _ = cells.rnn_forward(x, h0.T, parameters)
    _, grads = cells.loss_and_gradients(x, y, h0.T, parameters)
    values = {"parameters": parameters, "x": x, "y": y, "a0": h0.T, "a": a, "y_pred": y_pred, "grads": grads}
    return values | {"output_loss": cells.output_loss, "output_backward": cells.output_backward}


def matrices_names(params, x, y, h0):
    model = matrices.from_params(params)
    h, o = model.forward(x, h0)
    dU, dV, dW = model.bptt(x, y, h0)
    names = {"model": model, "x": x, "y": y, "h0": h0, "h": h, "o": o, "dU": dU, "dV": dV, "dW": dW}
    return names | {"softmax": matrices.softmax}


def layers_names(params, x, y, h0):
    network = layers.from_params(params)
    network.forward(x, h0[None])
    network.backward(y)
    return {"network": network, "y": y, "Softmax": layers.Softmax}


def gates_names(params, x, y, h0):
    parameters = gates.from_params(params)
    grads = gates.rnn_loss(parameters, x, y, h0).backward()
    names = {"parameters": parameters, "x": x, "y": y, "h0": h0, "grads": grads}
    names["layers"] = gates.forward(parameters, x, h0)
    return names | {"softmax": gates.softmax, "rnn_loss": lambda *given: gates.rnn_loss(*given, h0)}


NAMES = {
    "rnnlib": rnnlib_names,
    "equations": equations_names,
    "cells": cells_names,
    "matrices": matrices_names,
    "layers": layers_names,
    "gates": gates_names,
}
each_module = pytest.mark.parametrize("name", MODULES)
each = pytest.mark.parametrize("name", DIALECTS)


def found(name, code, step=0):
    """What the expression of the table is in the module itself."""
    return eval(code, NAMES[name](*case(name)[:4]) | {"t": step})


def sizes():
    return {"T": T, "B": B, "V": V, "H": H}


# --- the six that are modules ---------------------------------------------------------------------------------------


@each_module
def test_everything_named_is_there_in_the_shape_that_is_said(name):
    for key, symbol in DIALECTS[name].symbols.items():
        for code in filter(None, (symbol.code, symbol.grad)):
            value = np.asarray(found(name, code))
            if code == symbol.code or key in Params._fields or key == "bh2":
                assert value.shape == shape(symbol.shape, **sizes()), (key, code)
            assert np.isfinite(value).all()


@each_module
def test_parameters_are_ours_turned_over_where_it_is_said(name):
    dialect, params = DIALECTS[name], case(name).params
    for key in MATRICES:
        array, ours = found(name, dialect.symbols[key].code), getattr(params, key)
        assert np.array_equal(array, ours.T if key in dialect.turned else ours), key
    added = [found(name, dialect.symbols[key].code) for key in ("bh", "bh2") if key in dialect.symbols]
    assert bool(added) == (name not in WITHOUT_BIASES)
    if added:
        assert np.array_equal(np.ravel(sum(added)), params.bh)
        assert np.array_equal(np.ravel(found(name, dialect.symbols["by"].code)), params.by)


@each_module
def test_what_stored_makes_is_what_the_module_holds(name):
    params = case(name).params
    made = stored(name, params)
    assert made.keys() == {s.code for key, s in DIALECTS[name].symbols.items() if key in (*Params._fields, "bh2")}
    for code, array in made.items():
        assert np.array_equal(array, found(name, code)), code
        assert not any(np.shares_memory(array, ours) for ours in params)


@each_module
def test_gradients_are_ours_under_the_reduction_that_is_said(name):
    made = case(name, reduction=DIALECTS[name].reduction)
    trace = forward(made.params, made.x, made.h0)
    ours = backward(made.params, trace, made.y, reduction=made.reduction)
    for grad, array in stored(name, ours, gradients=True).items():
        assert_close(found(name, grad), array, 1e-12)
    other = backward(made.params, trace, made.y, reduction="sum" if made.reduction == "mean" else "mean")
    grad = DIALECTS[name].symbols["Whh"].grad
    assert not np.allclose(found(name, grad), stored(name, other, gradients=True)[grad], rtol=0.1)
    loss = cross_entropy(trace.o, made.y, made.reduction)
    if name != "matrices":  # its total_loss starts every sequence from zeros
        assert found(name, DIALECTS[name].symbols["L"].code) == pytest.approx(loss, rel=1e-12)


def test_the_loss_of_matrices_is_the_sum_from_a_state_of_zeros():
    params, x, y, *_ = case("matrices")
    loss = cross_entropy(forward(params, x).o, y, "sum")
    assert found("matrices", DIALECTS["matrices"].symbols["L"].code) == pytest.approx(loss, rel=1e-12)


@each_module
def test_a_sequence_of_states_has_the_axes_that_are_said(name):
    dialect, made = DIALECTS[name], case(name)
    states = forward(made.params, made.x, made.h0).h  # (T, H) or (T, B, H)
    letters = [axis for axis in dialect.axes if axis not in (1, "T list")]
    ours = ["T", "B", "H"] if states.ndim == 3 else ["T", "H"]
    if "T list" in dialect.axes:
        for t in range(T):
            array = found(name, dialect.symbols["h"].code, t)
            assert array.shape == shape(dialect.axes, **sizes())
            assert_close(np.ravel(array), states[t], 1e-13)
    else:
        assert sorted(letters) == sorted(ours)
        turned = states.transpose([ours.index(axis) for axis in letters])
        assert_close(found(name, dialect.symbols["h"].code), turned, 1e-13)
        assert dialect.symbols["h"].shape == dialect.axes


@each_module
def test_every_value_of_a_step_is_ours_at_that_step(name):
    dialect, made = DIALECTS[name], case(name)
    trace = forward(made.params, made.x, made.h0)
    for key in ("a", "h", "o", "yhat"):
        code = dialect.symbols[key].code if key in dialect.symbols else ""
        if not code:
            continue
        for t in range(T):
            value, ours = np.asarray(found(name, code, t)), getattr(trace, key)
            time = dialect.symbols[key].shape.index("T") if "T" in dialect.symbols[key].shape else None
            step = value if time is None else value.take(t, axis=time)
            batch = step.T if dialect.vectors == "column" and step.ndim == 2 else step
            assert_close(batch.reshape(ours[t].shape), ours[t], 1e-12)


def test_in_the_modules_code_is_formula_so_that_no_product_forward_needs_a_transpose():
    for name in MODULES:
        assert (DIALECTS[name].vectors == "column") == (DIALECTS[name].turned == MATRICES)


# --- the three that are libraries -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name, to", [(n, getattr(frameworks, f"to_{n}")) for n in ("pytorch", "keras", "onnx")])
def test_the_arrays_of_a_library_are_those_of_its_converter(name, to):
    for seed in range(5):
        params = case_of(seed).params
        expected, made = to(params), stored(name, params)
        assert made.keys() == expected.keys()
        assert all(np.array_equal(made[key], expected[key]) for key in made)


def test_the_gradients_of_two_biases_are_the_same_and_come_back_as_one():
    made = case("rnnlib")
    grads = backward(made.params, forward(made.params, made.x, made.h0), made.y)
    arrays = stored("pytorch", grads, gradients=True)
    assert np.array_equal(arrays["rnn.bias_ih_l0.grad"], grads.bh)
    assert np.array_equal(arrays["rnn.bias_hh_l0.grad"], grads.bh)
    plain = {name.removesuffix(".grad"): array for name, array in arrays.items()}
    back = frameworks.from_pytorch(plain, gradients=True)
    assert all(np.array_equal(one, other) for one, other in zip(back, grads[:5], strict=True))
    both = stored("onnx", grads, gradients=True)["B"]
    assert np.array_equal(both, np.concatenate([grads.bh, grads.bh])[None])


def test_onnx_takes_and_gives_arrays_with_the_axes_that_are_said():
    params, x, _, h0, *_ = case("onnx")
    arrays, table = stored("onnx", params), DIALECTS["onnx"]
    node = helper.make_node("RNN", ["X", "W", "R", "B", "", "initial_h"], ["Y", "Y_h"], hidden_size=H)
    tensors = {
        "X": ("x", one_hot(x, V)),
        "initial_h": ("h0", h0[None]),
    }
    given = [
        helper.make_tensor_value_info(name, TensorProto.DOUBLE, shape(table.symbols[key].shape, **sizes()))
        for name, (key, _) in tensors.items()
    ]
    result = helper.make_tensor_value_info("Y", TensorProto.DOUBLE, shape(table.symbols["h"].shape, **sizes()))
    weights = [numpy_helper.from_array(arrays[name], name) for name in "WRB"]
    graph = helper.make_graph([node], "rnn", given, [result], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)])
    onnx.checker.check_model(model, full_check=True)
    (Y,) = ReferenceEvaluator(model).run(None, {name: array for name, (_, array) in tensors.items()})
    assert Y.shape == shape(table.axes, **sizes())
    assert_close(Y[:, 0], forward(params, x, h0).h, 1e-12)


def test_onnx_says_of_its_arrays_what_the_table_says():
    schema = onnx.defs.get_schema("RNN", 22)
    said = {value.name: value.description for value in (*schema.inputs, *schema.outputs)}
    words = DIALECTS["onnx"].sizes | {"1": "num_directions", "2H": "2*hidden_size"}
    for key, code in {"x": "X", "Wxh": "W", "Whh": "R", "bh": "B", "h0": "initial_h", "h": "Y"}.items():
        symbol = DIALECTS["onnx"].symbols[key]
        letters = ", ".join(words[str(letter)] for letter in symbol.shape)
        assert symbol.code == code and f"[{letters}]" in said[code], key
    assert "Ht = f(Xt*(Wi^T) + Ht-1*(Ri^T) + Wbi + Rbi)" in schema.doc
    assert "[Wbi, Rbi]" in said["B"]


# --- the table ------------------------------------------------------------------------------------------------------


@each
def test_a_dialect_says_all_there_is_to_say(name):
    dialect = DIALECTS[name]
    assert dialect.vectors in ("row", "column") and dialect.reduction in ("sum", "mean", "")
    assert (dialect.reduction == "") == (name == "onnx") == ("L" not in dialect.symbols)
    assert set(dialect.turned) <= set(MATRICES) and dialect.index in ("below", "above")
    assert dialect.sizes.keys() == {"T", "B", "V", "H"} and set(dialect.symbols) <= {*OURS, "bh2"}
    assert set(MATRICES) < set(dialect.symbols) and ("bh" in dialect.symbols) == (name not in WITHOUT_BIASES)
    assert ("bh2" in dialect.symbols) == (name in ("layers", "pytorch", "onnx"))
    for key in MATRICES:
        letters = tuple(letter for letter in dialect.symbols[key].shape if letter != 1)
        inwards = {"Wxh": ("V", "H"), "Whh": ("H", "H"), "Why": ("H", "V")}[key]
        assert letters == (inwards[::-1] if key in dialect.turned else inwards)


def test_symbols_in_latex():
    assert latex("rnnlib", "Whh") == "W_{hh}" and latex("rnnlib", "yhat", "t") == r"\hat{y}_{t}"
    assert latex("cells", "h", "t-1") == r"a^{\langle t-1 \rangle}"
    assert latex("cells", "o", "t") == r"u^{\langle t \rangle}"
    assert latex("pytorch", "bh2") == "b_{hh}" and latex("gates", "bh") == latex("rnnlib", "bh2") == ""
    assert latex("keras", "Whh") == r"\mathrm{recurrent\_kernel}"
    assert latex("keras", "Why") == r"\mathrm{kernel}_{\mathrm{dense}}"
    assert latex("keras", "a", "t") == "a_{t}"  # borrowed


@each
def test_two_things_of_one_dialect_never_share_a_symbol(name):
    keys = [key for key in (*OURS, "bh2") if key != "h0" and latex(name, key, "t")]
    assert len({latex(name, key, "t") for key in keys}) == len(keys)
    assert set(STEPS) < set(OURS)


def test_wrong_arguments_are_refused_by_name():
    params = case("rnnlib").params
    for call in (lambda: stored("jax", params), lambda: latex("jax", "h")):
        with refuses(ValueError, "name", "jax", expected="'pytorch'"):
            call()
    for name in WITHOUT_BIASES:
        with refuses(ValueError, "params.bh", str(params.bh[0]), expected="zeros"):
            stored(name, params)
        assert len(stored(name, params, gradients=True)) == 3
    with refuses(TypeError, "params", expected="Params"):
        stored("rnnlib", SimpleNamespace())


def test_what_no_dialect_has_a_letter_for_is_refused():
    with refuses(ValueError, "key", "nope", expected="'Wxh'"):
        latex("keras", "nope")
    params = case("rnnlib").params
    with refuses(ValueError, "params", "D = 2", expected="as many inputs"):
        stored("pytorch", params._replace(Wxh=params.Wxh[:2]))
