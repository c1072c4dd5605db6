"""The weights as PyTorch, Keras and ONNX store them: arrays by the names used there, and back to `Params`.

    rnnlib       PyTorch                                  Keras                              ONNX
                 nn.RNN `rnn`, nn.Linear `linear`         SimpleRNN, then Dense              RNN, then MatMul, Add
    Wxh (D, H)   rnn.weight_ih_l0 (H, D)                  rnn/kernel                         W (1, H, D)
    Whh (H, H)   rnn.weight_hh_l0, transposed             rnn/recurrent_kernel               R (1, H, H), transposed
    bh  (H,)     rnn.bias_ih_l0 + rnn.bias_hh_l0          rnn/bias                           B (1, 2H), both halves
    Why (H, V)   linear.weight (V, H)                     dense/kernel                       Why
    by  (V,)     linear.bias                              dense/bias                         by

None of the three is imported: `from_…` takes arrays, and tensors that NumPy can read. All names may begin with one
prefix, such as `module.`. A bias that is missing is zero. Where two biases are added, as in PyTorch and ONNX, bh
becomes the first, that of the input, and the other is zero. The RNN operator of ONNX has no output layer: the product
and the sum that follow it use our arrays unchanged.
"""

import numpy as np

from .. import _check
from ..rnn import Params, check_params


def to_pytorch(params, *, like=None):
    """The state dict of a module that has `rnn = nn.RNN(D, H)` and `linear = nn.Linear(H, V)`: matrices out × in.

    like: the state dict of such a module; the result is then what its `load_state_dict` takes, tensors of the same type
    under the same names. Without it the result holds arrays; with `torch` at hand they become tensors by
    `{name: torch.tensor(array) for name, array in to_pytorch(params).items()}`.

    Raises TypeError for a `like` of other names, ValueError for other shapes and where `like` has no place for a bias
    that is not zero.
    """
    Wxh, Whh, Why, bh, by = check_params(params)
    arrays = _named(_PYTORCH, Wxh.T, Whh.T, bh, np.zeros_like(bh), Why.T, by)
    return arrays if like is None else _filled(arrays, like)


def from_pytorch(arrays, *, gradients=False):
    """`Params` from a state dict, or from the gradients of its parameters, as `to_pytorch` names them.

    arrays: {name: array or tensor}; `dict(model.named_parameters())` will do as well, for tensors are detached and
    brought to the CPU. Two biases that are added become one, their sum. The gradient of each is that of the sum: with
    `gradients` they are therefore not added, and that of a missing bias is None. Raises TypeError for what is not a
    dict of these names and for what NumPy cannot read, ValueError for shapes that do not fit.
    """
    W_ih, W_hh, b_ih, b_hh, W, b = _arrays(arrays, _PYTORCH, gradients=gradients)
    bh = b_ih if gradients else b_ih + b_hh
    return _params(W_ih.T, W_hh.T, W.T, bh, b)


def to_keras(params):
    """The arrays of `SimpleRNN(H, return_sequences=True)` and `Dense(V)`, in the order of `model.get_weights()`."""
    Wxh, Whh, Why, bh, by = check_params(params)
    return _named(_KERAS, Wxh, Whh, bh, Why, by)


def from_keras(arrays, *, gradients=False):
    """`Params` from these arrays, or from gradients by these names. Raises as `from_pytorch` does."""
    kernel, recurrent_kernel, bias, dense, dense_bias = _arrays(arrays, _KERAS, gradients=gradients)
    return _params(kernel, recurrent_kernel, dense, bias, dense_bias)


def to_onnx(params):
    """The inputs W, R, B of the operator RNN, whose first axis counts directions, and Why, by for the output layer."""
    Wxh, Whh, Why, bh, by = check_params(params)
    B = np.concatenate([bh, np.zeros_like(bh)])
    return _named(_ONNX, Wxh.T[None], Whh.T[None], B[None], Why, by)


def from_onnx(arrays):
    """`Params` from the arrays of one direction as `to_onnx` names them. Raises as `from_pytorch` does."""
    W, R, B, Why, by = _arrays(arrays, _ONNX)
    bh = B[0, : len(Why)] + B[0, len(Why) :]
    return _params(W[0].T, R[0].T, Why, bh, by)


_PYTORCH = {
    "rnn.weight_ih_l0": ("H", "D"),
    "rnn.weight_hh_l0": ("H", "H"),
    "rnn.bias_ih_l0": ("H",),
    "rnn.bias_hh_l0": ("H",),
    "linear.weight": ("V", "H"),
    "linear.bias": ("V",),
}
_KERAS = {
    "rnn/kernel": ("D", "H"),
    "rnn/recurrent_kernel": ("H", "H"),
    "rnn/bias": ("H",),
    "dense/kernel": ("H", "V"),
    "dense/bias": ("V",),
}
_ONNX = {"W": (1, "H", "D"), "R": (1, "H", "H"), "B": (1, "2H"), "Why": ("H", "V"), "by": ("V",)}
_BIASES = {"rnn.bias_ih_l0", "rnn.bias_hh_l0", "linear.bias", "rnn/bias", "dense/bias", "B", "by"}


def _named(names, *arrays):
    """Copies of the arrays by their names, each contiguous in C order."""
    return {name: np.array(array, order="C") for name, array in zip(names, arrays, strict=True)}


def _params(Wxh, Whh, Why, bh, by):
    """`Params` of copies, None where there is no gradient."""
    return Params(*(None if array is None else array.copy() for array in (Wxh, Whh, Why, bh, by)))


def _filled(arrays, like):
    """The arrays by the names of `like` and, where it holds tensors, as tensors of their types."""
    prefix, _ = _prefix("like", like, _PYTORCH), _arrays(like, _PYTORCH, name="like")
    filled = {}
    for name, array in arrays.items():
        key = prefix + name
        if key not in like:
            if array.any():
                raise ValueError(f"like: expected {key}, for that bias is not zero in params, got {', '.join(like)}")
            continue
        if np.shape(like[key]) != array.shape:
            raise ValueError(f"like[{key!r}]: expected shape {array.shape} as in params, got {tuple(like[key].shape)}")
        filled[key] = like[key].new_tensor(array) if hasattr(like[key], "new_tensor") else array
    return filled


def _prefix(name, arrays, names):
    """What all keys of `arrays` begin with before the names. Raises TypeError for other keys."""
    if not (isinstance(arrays, dict) and all(isinstance(key, str) for key in arrays)):
        raise TypeError(f"{name}: expected a dict of {', '.join(names)}, got {_check.describe(arrays)}")
    first = next(iter(names))
    prefix = next((key.removesuffix(first) for key in arrays if key.endswith(first)), "")
    known = {prefix + each for each in names}
    needed = known - {prefix + each for each in _BIASES}
    if not needed <= arrays.keys() <= known:
        same = "or these with one prefix before all of them"
        raise TypeError(f"{name}: expected a dict of {', '.join(names)}, {same}, got a dict of {', '.join(arrays)}")
    return prefix


def _arrays(arrays, names, *, gradients=False, name="arrays"):
    """The arrays in the order of `names`; where a bias is missing zeros, among gradients None.

    Raises TypeError for other names, and where one of two biases is missing; ValueError for other sizes.
    """
    prefix = _prefix(name, arrays, names)
    keys = {each: prefix + each for each in names if prefix + each in arrays}
    if ("rnn.bias_ih_l0" in keys) != ("rnn.bias_hh_l0" in keys):
        raise TypeError(f"{name}: expected both biases of rnn or neither, got {', '.join(arrays)}")
    read = {each: _read(f"{name}[{key!r}]", arrays[key]) for each, key in keys.items()}
    inputs, recurrent, output = (each for each in names if each not in _BIASES)
    sizes = {1: 1}
    for each in (recurrent, output, inputs):  # the recurrent one is square in every layout, so it says what H is
        if read[each].ndim == len(names[each]):
            for axis, size in reversed([*zip(names[each], read[each].shape, strict=True)]):
                sizes.setdefault(axis, size)
    sizes["2H"] = 2 * sizes.get("H", 0)
    for each, array in read.items():
        expected = [sizes.get(axis, axis) for axis in names[each]]
        if list(array.shape) != expected or not array.size:
            shape = ", ".join(map(str, expected)) + "," * (len(expected) == 1)
            raise ValueError(f"{name}[{keys[each]!r}]: expected shape ({shape}), got {array.shape}")
    dtype = read[recurrent].dtype
    absent = {
        each: None if gradients else np.zeros([sizes[axis] for axis in names[each]], dtype)
        for each in _BIASES & names.keys()
    }
    return [(absent | read)[each] for each in names]


def _read(name, value):
    """`value` as an array of finite numbers. A tensor is detached and brought to the CPU first, if it can be."""
    for method in ("detach", "cpu"):
        value = getattr(value, method)() if callable(getattr(value, method, None)) else value
    try:
        np.asarray(value)
    except (RuntimeError, TypeError) as error:
        raise TypeError(
            f"{name}: expected an array, or a tensor that NumPy can read, got a {type(value).__name__}: {error}"
        ) from error
    return _check.numbers(name, value)
