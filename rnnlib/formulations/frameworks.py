"""The weights as PyTorch, Keras and ONNX store them: arrays by the names used there, and back to `Params`.

    rnnlib       PyTorch                                  Keras                              ONNX
                 nn.RNN `rnn`, nn.Linear `linear`         SimpleRNN, then Dense              RNN, then MatMul, Add
    Wxh (V, H)   rnn.weight_ih_l0 (H, V)                  rnn/kernel                         W (1, H, V)
    Whh (H, H)   rnn.weight_hh_l0, transposed             rnn/recurrent_kernel               R (1, H, H), transposed
    bh  (H,)     rnn.bias_ih_l0 + rnn.bias_hh_l0          rnn/bias                           B (1, 2H), both halves
    Why (H, V)   linear.weight (V, H)                     dense/kernel                       Why
    by  (V,)     linear.bias                              dense/bias                         by

None of the three is imported. Where two biases are added, as in PyTorch and ONNX, bh becomes the first, that of the
input, and the other is zero. The RNN operator of ONNX has no output layer: the product and the sum that follow it use
our arrays unchanged.
"""

import numpy as np

from .. import _check
from ..rnn import Params, check_params


def to_pytorch(params):
    """The state dict of a module that has `rnn = nn.RNN(V, H)` and `linear = nn.Linear(H, V)`: matrices out × in."""
    Wxh, Whh, Why, bh, by = check_params(params)
    return _named(_pytorch(*Wxh.shape), Wxh.T, Whh.T, bh, np.zeros_like(bh), Why.T, by)


def from_pytorch(arrays, *, gradients=False):
    """`Params` from a state dict, or from the gradients of its parameters, as `to_pytorch` names them.

    Two biases that are added become one, their sum. The gradient of each is that of the sum: with `gradients` they are
    therefore not added. Raises TypeError for what is not a dict of these names, ValueError for shapes that do not fit.
    """
    W_ih, W_hh, b_ih, b_hh, W, b = _arrays(arrays, _pytorch)
    return Params(W_ih.T.copy(), W_hh.T.copy(), W.T.copy(), b_ih.copy() if gradients else b_ih + b_hh, b.copy())


def to_keras(params):
    """The arrays of `SimpleRNN(H, return_sequences=True)` and `Dense(V)`, in the order of `model.get_weights()`."""
    Wxh, Whh, Why, bh, by = check_params(params)
    return _named(_keras(*Wxh.shape), Wxh, Whh, bh, Why, by)


def from_keras(arrays):
    """`Params` from these arrays, or from gradients by these names. Raises as `from_pytorch` does."""
    kernel, recurrent_kernel, bias, dense, dense_bias = _arrays(arrays, _keras)
    return Params(*(array.copy() for array in (kernel, recurrent_kernel, dense, bias, dense_bias)))


def to_onnx(params):
    """The inputs W, R, B of the operator RNN, whose first axis counts directions, and Why, by for the output layer."""
    Wxh, Whh, Why, bh, by = check_params(params)
    B = np.concatenate([bh, np.zeros_like(bh)])
    return _named(_onnx(*Wxh.shape), Wxh.T[None], Whh.T[None], B[None], Why, by)


def from_onnx(arrays):
    """`Params` from the arrays of one direction as `to_onnx` names them. Raises as `from_pytorch` does."""
    W, R, B, Why, by = _arrays(arrays, _onnx)
    bh = B[0, : len(Why)] + B[0, len(Why) :]
    return Params(W[0].T.copy(), R[0].T.copy(), Why.copy(), bh, by.copy())


def _pytorch(V, H):
    """Names and shapes in PyTorch; below, those in Keras and ONNX. The last array of each has V numbers."""
    rnn = {"weight_ih_l0": (H, V), "weight_hh_l0": (H, H), "bias_ih_l0": (H,), "bias_hh_l0": (H,)}
    return {f"rnn.{name}": shape for name, shape in rnn.items()} | {"linear.weight": (V, H), "linear.bias": (V,)}


def _keras(V, H):
    rnn = {"kernel": (V, H), "recurrent_kernel": (H, H), "bias": (H,)}
    return {f"rnn/{name}": shape for name, shape in rnn.items()} | {"dense/kernel": (H, V), "dense/bias": (V,)}


def _onnx(V, H):
    return {"W": (1, H, V), "R": (1, H, H), "B": (1, 2 * H), "Why": (H, V), "by": (V,)}


def _named(shapes, *arrays):
    """Copies of the arrays by their names, each contiguous in C order."""
    return {name: np.array(array, order="C") for name, array in zip(shapes, arrays, strict=True)}


def _arrays(arrays, shapes):
    """The arrays in the order of `shapes(V, H)`. Raises TypeError for other names, ValueError for other sizes."""
    names = tuple(shapes(1, 1))
    if not (isinstance(arrays, dict) and arrays.keys() == set(names)):
        raise TypeError(f"arrays: expected a dict of {', '.join(names)}, got {_check.describe(arrays)}")
    sizes = np.size(arrays[names[-1]]), np.shape(arrays[names[1]])[-1:]  # V, and H from the square matrix
    V, H = sizes[0], sizes[1][0] if sizes[1] else 0
    return [_check.numbers(f"arrays[{name!r}]", arrays[name], shape) for name, shape in shapes(V, H).items()]
