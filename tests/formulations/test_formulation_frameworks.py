"""The weights in the layouts of PyTorch, Keras and ONNX. ONNX's own reference evaluator runs them here;
`benchmarks/frameworks.py` runs them in PyTorch and Keras, forward and backward."""

import numpy as np
import onnx
import pytest
from models import assert_close, case_of, refuses
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from rnnlib import Params, forward
from rnnlib.formulations import frameworks
from rnnlib.text import one_hot

PAIRS = {
    "pytorch": (frameworks.to_pytorch, frameworks.from_pytorch),
    "keras": (frameworks.to_keras, frameworks.from_keras),
    "onnx": (frameworks.to_onnx, frameworks.from_onnx),
}


@pytest.fixture
def params():
    return case_of(3, V=5, H=3).params


@pytest.fixture(params=PAIRS)
def pair(request):
    return PAIRS[request.param]


def same(one, other):
    return all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_there_and_back_is_the_same_to_the_last_bit(pair, params, dtype):
    to, back = pair
    params = Params(*(array.astype(dtype) for array in params))
    assert same(back(to(params)), params)


def test_what_comes_back_is_a_copy(pair, params):
    to, back = pair
    arrays = to(params)
    kept = {name: array.copy() for name, array in arrays.items()}
    for array in (*to(params).values(), *back(arrays)):
        array += 1
    assert all(np.array_equal(arrays[name], kept[name]) for name in kept)
    assert same(back(arrays), params)


def test_two_biases_are_their_sum_but_their_gradients_are_one(params):
    arrays = frameworks.to_pytorch(params)
    arrays["rnn.bias_hh_l0"] = np.array([1.0, 2.0, 3.0])
    assert np.array_equal(frameworks.from_pytorch(arrays).bh, params.bh + np.array([1, 2, 3]))
    assert np.array_equal(frameworks.from_pytorch(arrays, gradients=True).bh, params.bh)
    arrays = frameworks.to_onnx(params)
    arrays["B"][0, 3:] = [1, 2, 3]
    assert np.array_equal(frameworks.from_onnx(arrays).bh, params.bh + np.array([1, 2, 3]))


def test_wrong_names_and_shapes_are_refused_by_name(pair, params):
    to, back = pair
    with refuses(TypeError, "arrays", "list", expected="a dict of "):
        back([1, 2])
    arrays = to(params)
    last = list(arrays)[-1]
    with refuses(TypeError, "arrays", "dict", expected=last):
        back({name: array for name, array in arrays.items() if name != last})
    for name, array in arrays.items():
        for wrong in (np.float64(1), array[..., None], np.repeat(array, 2, axis=0)):
            with pytest.raises(ValueError, match=r"arrays\['[\w./]+'\]: expected shape \(.*\), got \("):
                back({**arrays, name: wrong})
        with pytest.raises(ValueError, match="expected finite numbers, got nan"):
            back({**arrays, name: array * np.nan})


def test_pytorchs_layout_is_told_from_ours(params):
    arrays = frameworks.to_pytorch(params)
    with pytest.raises(ValueError, match=r"arrays\['rnn.weight_ih_l0'\]: expected shape \(3, 5\), got \(5, 3\)"):
        frameworks.from_pytorch({**arrays, "rnn.weight_ih_l0": params.Wxh})


def onnx_model(arrays, T, B):
    """RNN, Squeeze of the axis of directions, and the output layer, as ONNX's operators."""
    inputs = {name: arrays[name] for name in ("W", "R", "B", "Why", "by")} | {"direction": np.array([1])}
    V, H = arrays["Why"].shape[::-1]
    nodes = [
        helper.make_node("RNN", ["x", "W", "R", "B", "", "h0"], ["Y", "Y_h"], hidden_size=H),
        helper.make_node("Squeeze", ["Y", "direction"], ["h"]),
        helper.make_node("MatMul", ["h", "Why"], ["hWhy"]),
        helper.make_node("Add", ["hWhy", "by"], ["o"]),
    ]
    graph = helper.make_graph(
        nodes,
        "rnn",
        [
            helper.make_tensor_value_info("x", TensorProto.DOUBLE, [T, B, V]),
            helper.make_tensor_value_info("h0", TensorProto.DOUBLE, [1, B, H]),
        ],
        [
            helper.make_tensor_value_info("h", TensorProto.DOUBLE, [T, B, H]),
            helper.make_tensor_value_info("o", TensorProto.DOUBLE, [T, B, V]),
        ],
        [numpy_helper.from_array(array, name) for name, array in inputs.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)])
    onnx.checker.check_model(model, full_check=True)
    return model


@pytest.mark.parametrize("seed", range(20))
def test_onnx_computes_the_same_states_and_logits(seed):
    rng = np.random.default_rng(seed)
    T, B = (int(n) for n in rng.integers(1, 9, size=2))
    params = case_of(seed).params
    V, H = params.Wxh.shape
    x, h0 = rng.integers(V, size=(T, B)), rng.normal(size=(B, H))
    arrays = frameworks.to_onnx(params)
    split = rng.normal(size=H)  # how bh is shared out between the two biases is nobody's business
    arrays["B"] += np.concatenate([-split, split])
    h, o = ReferenceEvaluator(onnx_model(arrays, T, B)).run(None, {"x": one_hot(x, V), "h0": h0[None]})
    trace = forward(params, x, h0)
    assert_close(h, trace.h, 1e-12)
    assert_close(o, trace.o, 1e-12)
