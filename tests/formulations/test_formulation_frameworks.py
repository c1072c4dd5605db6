"""The weights in the layouts of PyTorch, Keras and ONNX. ONNX's own reference evaluator runs them here;
`benchmarks/frameworks.py` runs them in PyTorch and Keras, forward and backward."""

import contextlib

import numpy as np
import onnx
import pytest
from models import assert_close, case_of, refuses
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from rnnlib import Params, forward, init_params
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
    first, *_ = arrays
    with refuses(TypeError, "arrays", "a dict of", expected=first):
        back({name: array for name, array in arrays.items() if name != first})
    with refuses(TypeError, "arrays", "embedding.weight", expected=first):
        back(arrays | {"embedding.weight": np.eye(5)})
    for name, array in arrays.items():
        other = np.repeat(array, 2, axis=int(name == "rnn/kernel"))  # its rows are as many as there are inputs
        for wrong in (np.float64(1), array[..., None], other, array[:0]):
            with pytest.raises(ValueError, match=r"arrays\['[\w./]+'\]: expected shape \(.*\), got \("):
                back({**arrays, name: wrong})
        with pytest.raises(ValueError, match="expected finite numbers, got nan"):
            back({**arrays, name: array * np.nan})


def test_pytorchs_layout_is_told_from_ours(params):
    arrays = frameworks.to_pytorch(params)
    with pytest.raises(ValueError, match=r"arrays\['rnn.weight_ih_l0'\]: expected shape \(3, D\), got \(5, 3, 1\)"):
        frameworks.from_pytorch({**arrays, "rnn.weight_ih_l0": params.Wxh[..., None]})
    with pytest.raises(ValueError, match=r"arrays\['rnn.weight_ih_l0'\]: expected shape \(3, 3\), got \(5, 3\)"):
        frameworks.from_pytorch({**arrays, "rnn.weight_ih_l0": params.Wxh})


# Tensors. PyTorch is not needed for the tests: the stand-in behaves as its tensors do where it matters here.


class Tensor:
    """As `torch.Tensor`: NumPy can read it unless it requires a gradient, or lies on another device, or is bfloat16."""

    def __init__(self, array, *, grad=False, device="cpu", dtype="float32"):
        self.array, self.requires_grad, self.device, self.dtype = np.asarray(array), grad, device, dtype
        self.shape = self.array.shape

    def __array__(self, dtype=None, copy=None):
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        if self.device != "cpu":
            raise TypeError(
                "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor first."
            )
        if self.dtype == "bfloat16":
            raise TypeError("Got unsupported ScalarType BFloat16")
        return np.array(self.array, dtype=dtype)

    def detach(self):
        return Tensor(self.array, device=self.device, dtype=self.dtype)

    def cpu(self):
        return Tensor(self.array, grad=self.requires_grad, dtype=self.dtype)

    def new_tensor(self, array):
        return Tensor(np.array(array, self.array.dtype), device=self.device, dtype=self.dtype)


def state_dict(params, prefix="", without=(), **options):
    arrays = frameworks.to_pytorch(params)
    return {prefix + key: Tensor(array, **options) for key, array in arrays.items() if key not in without}


RNN_BIASES = ("rnn.bias_ih_l0", "rnn.bias_hh_l0")


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.model."])
@pytest.mark.parametrize("options", [{}, {"grad": True}, {"grad": True, "device": "cuda"}])
def test_tensors_of_a_module_are_read_under_any_prefix(params, prefix, options):
    with pytest.raises((RuntimeError, TypeError)) if options else contextlib.nullcontext():
        np.asarray(Tensor(params.bh, **options))  # the stand-in refuses as a tensor does
    assert same(frameworks.from_pytorch(state_dict(params, prefix, **options)), params)


@pytest.mark.parametrize("absent, zero", [(RNN_BIASES, ["bh"]), (("linear.bias",), ["by"])])
def test_a_missing_bias_is_zero_and_has_no_gradient(params, absent, zero):
    given = frameworks.from_pytorch(state_dict(params, "net.", absent))
    grads = frameworks.from_pytorch(state_dict(params, "net.", absent), gradients=True)
    for name in Params._fields:
        expected = 0 * getattr(params, name) if name in zero else getattr(params, name)
        assert np.array_equal(getattr(given, name), expected) and getattr(given, name).dtype == expected.dtype
        assert (getattr(grads, name) is None) == (name in zero)


@pytest.mark.parametrize("absent, zero", [("rnn/bias", "bh"), ("dense/bias", "by"), ("B", "bh"), ("by", "by")])
def test_a_bias_is_zero_where_keras_and_onnx_have_none(params, absent, zero):
    to, back = PAIRS["keras" if "/" in absent else "onnx"]
    given = back({f"model/{key}": array for key, array in to(params).items() if key != absent})
    assert same(given, params._replace(**{zero: 0 * getattr(params, zero)}))


def test_the_gradient_of_a_bias_that_keras_lacks_is_none(params):
    arrays = {key: array for key, array in frameworks.to_keras(params).items() if key != "dense/bias"}
    assert frameworks.from_keras(arrays, gradients=True).by is None


def test_one_bias_of_two_that_are_added_is_refused(params):
    with refuses(TypeError, "arrays", "rnn.weight_ih_l0", expected="both biases of rnn or neither"):
        frameworks.from_pytorch(state_dict(params, without=RNN_BIASES[:1]))


def test_two_prefixes_are_refused(params):
    arrays = state_dict(params)
    mixed = {("a." if key.startswith("rnn") else "b.") + key: value for key, value in arrays.items()}
    with refuses(TypeError, "arrays", "b.linear.weight", expected="these with one prefix before all of them"):
        frameworks.from_pytorch(mixed)


def test_a_tensor_that_numpy_cannot_read_is_named_with_its_own_reason(params):
    arrays = state_dict(params) | {"linear.bias": Tensor(params.by, dtype="bfloat16")}
    with pytest.raises(
        TypeError, match=r"arrays\['linear.bias'\]: expected .* NumPy can read, got a Tensor: .*BFloat16"
    ):
        frameworks.from_pytorch(arrays)
    with pytest.raises(TypeError, match=r"arrays\['rnn.bias_hh_l0'\]: expected an array of numbers, got NoneType None"):
        frameworks.from_pytorch(state_dict(params) | {"rnn.bias_hh_l0": None})


@pytest.mark.parametrize("prefix", ["", "module."])
def test_what_goes_back_into_a_module_has_its_names_types_and_devices(params, prefix):
    other = Params(*(np.float32(array + 1) for array in params))
    like = state_dict(other, prefix, device="cuda")
    given = frameworks.to_pytorch(params, like=like)
    assert list(given) == list(like)
    for key, tensor in given.items():
        assert (type(tensor), tensor.device, tensor.array.dtype) == (Tensor, "cuda", np.float32)
        assert np.array_equal(tensor.array, np.float32(frameworks.to_pytorch(params)[key.removeprefix(prefix)]))


def test_a_module_without_a_bias_takes_zeros_only(params):
    like = state_dict(params, "net.", RNN_BIASES)
    with refuses(ValueError, "like", "net.rnn.weight_ih_l0", expected="net.rnn.bias_ih_l0, for that bias is not zero"):
        frameworks.to_pytorch(params, like=like)
    unbiased = params._replace(bh=0 * params.bh)
    assert same(frameworks.from_pytorch(frameworks.to_pytorch(unbiased, like=like)), unbiased)


def test_a_module_of_another_size_is_refused(params):
    like = state_dict(case_of(3, V=5, H=4).params)
    with pytest.raises(
        ValueError, match=r"like\['rnn.weight_ih_l0'\]: expected shape \(3, 5\) as in params, got \(4, 5\)"
    ):
        frameworks.to_pytorch(params, like=like)
    with refuses(TypeError, "like", "list"):
        frameworks.to_pytorch(params, like=[1])


def test_the_number_of_inputs_may_differ_from_that_of_the_outputs(pair):
    to, back = pair
    params = init_params(2, 4, rng=np.random.default_rng(0), input_size=3)
    assert same(back(to(params)), params)


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


def test_whether_arrays_are_gradients_is_said_by_true_or_false(params):
    for to, back in ((frameworks.to_pytorch, frameworks.from_pytorch), (frameworks.to_keras, frameworks.from_keras)):
        with refuses(TypeError, "gradients", "'no'", expected="True or False"):
            back(to(params), gradients="no")
