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

An LSTM is `lstm` there, a GRU `gru`, with four and three blocks in place of one. Their order, by our names:

    rnnlib, PyTorch    i f g q      r z n
    Keras              i f g q      z r n      GRU with reset_after=True: bias (2, 3H), inputs first
    ONNX               i q f g      z r n      GRU with linear_before_reset=1

The recurrent bias of n stands within the brackets that r multiplies, so it is not added to the other: it is our bn.
`from_…` knows the cell by the shape of the recurrent matrix, which has one, three or four blocks of H × H. In PyTorch,
a module of any of the three kinds may be called `rnn`.
"""

import numpy as np

from .. import _cell, _check, _flat, gru, lstm
from ..rnn import Params

_KINDS = {"rnn": Params, "lstm": lstm.Params, "gru": gru.Params}
_KERAS_ORDER = {Params: (0,), lstm.Params: (0, 1, 2, 3), gru.Params: (1, 0, 2)}
_ONNX_ORDER = {Params: (0,), lstm.Params: (0, 3, 1, 2), gru.Params: (1, 0, 2)}


def to_pytorch(params, *, like=None):
    """The state dict of a module that has `rnn = nn.RNN(D, H)` and `linear = nn.Linear(H, V)`: matrices out × in.

    Of an LSTM and a GRU: `lstm = nn.LSTM(D, H)`, `gru = nn.GRU(D, H)`.
    like: the state dict of such a module; the result is then what its `load_state_dict` takes, tensors of the same type
    under the same names. Without it the result holds arrays; with `torch` at hand they become tensors by
    `{name: torch.tensor(array) for name, array in to_pytorch(params).items()}`.

    Raises TypeError for a `like` of other names, ValueError for other shapes and where `like` has no place for a bias
    that is not zero.
    """
    params = _cell.check_any(params)
    arrays = params.Wxh.T, params.Whh.T, *_two_biases(params), params.Why.T, params.by
    kind = type(params)
    if like is None:
        return _named(_pytorch(_module(kind), kind), *arrays)
    module, like_kind = _found(like, _pytorch)
    prefix = _prefix("like", like, _pytorch(module, like_kind))
    if like_kind is not kind:
        expected = f"the state dict of a module with {kind.cell}, as in params"
        raise ValueError(f"like: expected {expected}, got that of {like_kind.cell}: {', '.join(like)}")
    return _filled(_named(_pytorch(module, kind), *arrays), like, prefix)


def from_pytorch(arrays, *, gradients=False):
    """`Params` from a state dict, or from the gradients of its parameters, as `to_pytorch` names them.

    arrays: {name: array or tensor}; `dict(model.named_parameters())` will do as well, for tensors are detached and
    brought to the CPU. Two biases that are added become one, their sum. The gradient of each is that of the sum: with
    `gradients` they are therefore not added, and that of a missing bias is None. Raises TypeError for what is not a
    dict of these names and for what NumPy cannot read, ValueError for shapes that do not fit.
    """
    gradients = _check.flag("gradients", gradients)
    kind, (W_ih, W_hh, b_ih, b_hh, W, b) = _recognised(arrays, _pytorch, gradients=gradients)
    return _params(kind, W_ih.T, W_hh.T, W.T, *_own_biases(kind, b_ih, b_hh, gradients), b)


def to_keras(params):
    """The arrays of `SimpleRNN(H, return_sequences=True)` and `Dense(V)`, in the order of `model.get_weights()`.

    Of an LSTM and a GRU: `LSTM(H, return_sequences=True)`, `GRU(H, return_sequences=True, reset_after=True)`.
    """
    params = _cell.check_any(params)
    kind = type(params)
    Wxh, Whh, *biases = (
        _ordered(array, _KERAS_ORDER[kind]) for array in (params.Wxh, params.Whh, *_two_biases(params))
    )
    bias = np.stack(biases) if kind is gru.Params else biases[0]
    return _named(_keras(_module(kind), kind), Wxh, Whh, bias, params.Why, params.by)


def from_keras(arrays, *, gradients=False):
    """`Params` from these arrays, or from gradients by these names. Raises as `from_pytorch` does.

    A GRU with `reset_after=False` multiplies h by r before the product and is a different cell: its bias has one axis,
    and is refused.
    """
    gradients = _check.flag("gradients", gradients)
    kind, (kernel, recurrent, bias, dense, dense_bias) = _recognised(arrays, _keras, gradients=gradients)
    order = np.argsort(_KERAS_ORDER[kind])
    kernel, recurrent, bias = (None if a is None else _ordered(a, order) for a in (kernel, recurrent, bias))
    biases = (bias,)
    if kind is gru.Params:
        biases = _own_biases(kind, *(bias if bias is not None else (None, None)), gradients)
    return _params(kind, kernel, recurrent, dense, *biases, dense_bias)


def to_onnx(params):
    """The inputs W, R, B of the operator RNN, whose first axis counts directions, and Why, by for the output layer.

    The parameters of an LSTM give the inputs of the operator LSTM; those of a GRU, of GRU with `linear_before_reset=1`.
    """
    params = _cell.check_any(params)
    kind = type(params)
    Wxh, Whh, *biases = (_ordered(array, _ONNX_ORDER[kind]) for array in (params.Wxh, params.Whh, *_two_biases(params)))
    return _named(_onnx("", kind), Wxh.T[None], Whh.T[None], np.concatenate(biases)[None], params.Why, params.by)


def from_onnx(arrays):
    """`Params` from the arrays of one direction as `to_onnx` names them. Raises as `from_pytorch` does.

    Nothing in the arrays of a GRU says whether `linear_before_reset` was 1; with 0 it is a different cell.
    """
    kind, (W, R, B, Why, by) = _recognised(arrays, _onnx)
    order = np.argsort(_ONNX_ORDER[kind])
    biases = _own_biases(kind, *(_ordered(half, order) for half in np.split(B[0], 2)), False)
    return _params(kind, _ordered(W[0].T, order), _ordered(R[0].T, order), Why, *biases, by)


def _module(kind):
    """What a layer of this kind is called: "rnn", "lstm", "gru"."""
    return next(name for name, each in _KINDS.items() if each is kind)


def _pytorch(module, kind):
    """name -> shape of each array in PyTorch, the layer being called `module`."""
    G = _flat.columns(kind, "H")
    layer = {"weight_ih_l0": (G, "D"), "weight_hh_l0": (G, "H"), "bias_ih_l0": (G,), "bias_hh_l0": (G,)}
    return {f"{module}.{name}": shape for name, shape in layer.items()} | {
        "linear.weight": ("V", "H"),
        "linear.bias": ("V",),
    }


def _keras(module, kind):
    """name -> shape of each array in Keras."""
    G = _flat.columns(kind, "H")
    layer = {"kernel": ("D", G), "recurrent_kernel": ("H", G), "bias": (2, G) if kind is gru.Params else (G,)}
    return {f"{module}/{name}": shape for name, shape in layer.items()} | {
        "dense/kernel": ("H", "V"),
        "dense/bias": ("V",),
    }


def _onnx(module, kind):
    """name -> shape of each array in ONNX, where no name says which cell it is."""
    G = _flat.columns(kind, "H")
    return {"W": (1, G, "D"), "R": (1, G, "H"), "B": (1, f"{2 * kind.gates}H"), "Why": ("H", "V"), "by": ("V",)}


def _is_bias(name):
    return "bias" in name or name in ("B", "by")


def _ordered(array, order):
    """The blocks of the last axis in a different order."""
    blocks = np.split(array, len(order), axis=-1)
    return np.concatenate([blocks[k] for k in order], axis=-1)


def _two_biases(params):
    """The bias of the inputs and that of the recurrent product, which is zero but for bn of a GRU."""
    recurrent = np.zeros_like(params.bh)
    if isinstance(params, gru.Params):
        recurrent[2 * len(params.bn) :] = params.bn
    return params.bh, recurrent


def _own_biases(kind, inputs, recurrent, gradients):
    """bh, and bn of a GRU, of the two biases in our order of the gates; None where there is no gradient."""
    if kind is not gru.Params:
        return (inputs if gradients else inputs + recurrent,)
    if inputs is None:
        return None, None
    H = len(inputs) // 3
    outside = recurrent.copy()
    outside[2 * H :] = 0
    return inputs if gradients else inputs + outside, recurrent[2 * H :]


def _named(names, *arrays):
    """Copies of the arrays by their names, each contiguous in C order."""
    return {name: np.array(array, order="C") for name, array in zip(names, arrays, strict=True)}


def _params(kind, *arrays):
    """`Params` of copies, None where there is no gradient."""
    return kind(*(None if array is None else array.copy() for array in arrays))


def _filled(arrays, like, prefix):
    """The arrays by the names of `like` and, where it holds tensors, as tensors of their types."""
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


def _recognised(arrays, layout, *, gradients=False):
    """The type of the parameters that these arrays are, and the arrays in the order of the layout."""
    module, kind = _found(arrays, layout)
    return kind, _arrays(arrays, layout(module, kind), gradients=gradients)


def _found(arrays, layout):
    """(what the layer is called, the type of its parameters), as the name and the shape of its recurrent matrix say.

    Where both say nothing, those of the vanilla network, whose names the error will give.
    """
    if isinstance(arrays, dict):
        for module, kind in _KINDS.items():
            recurrent = list(layout(module, kind))[1]
            key = next((key for key in arrays if isinstance(key, str) and key.endswith(recurrent)), None)
            if key is not None:
                sides = sorted(np.shape(arrays[key])[-2:]) or [0]
                of_shape = next((each for each in _KINDS.values() if sides[-1] == each.gates * sides[0]), kind)
                return module, of_shape if module == "rnn" else kind
    return "rnn", Params


def _prefix(name, arrays, names):
    """What all keys of `arrays` begin with before the names. Raises TypeError for other keys."""
    if not (isinstance(arrays, dict) and all(isinstance(key, str) for key in arrays)):
        raise TypeError(f"{name}: expected a dict of {', '.join(names)}, got {_check.describe(arrays)}")
    first = next(iter(names))
    prefix = next((key.removesuffix(first) for key in arrays if key.endswith(first)), "")
    known = {prefix + each for each in names}
    needed = {prefix + each for each in names if not _is_bias(each)}
    if not needed <= arrays.keys() <= known:
        same = "or these with one prefix before all of them"
        raise TypeError(f"{name}: expected a dict of {', '.join(names)}, {same}, got a dict of {', '.join(arrays)}")
    return prefix


def _arrays(arrays, names, *, gradients=False):
    """The arrays in the order of `names`; where a bias is missing zeros, among gradients None.

    Raises TypeError for other names, and where one of two biases is missing; ValueError for other sizes.
    """
    prefix = _prefix("arrays", arrays, names)
    keys = {each: prefix + each for each in names if prefix + each in arrays}
    two = [each for each in names if each.endswith(("bias_ih_l0", "bias_hh_l0"))]
    if len({each in keys for each in two}) > 1:
        layer = two[0].partition(".")[0]
        raise TypeError(f"arrays: expected both biases of {layer} or neither, got {', '.join(arrays)}")
    read = {each: _read(f"arrays[{key!r}]", arrays[key]) for each, key in keys.items()}
    inputs, recurrent, output = (each for each in names if not _is_bias(each))
    sizes = {}
    for each in (recurrent, output, inputs):  # the recurrent one first: it says what H is
        if read[each].ndim == len(names[each]):
            for axis, size in reversed([*zip(names[each], read[each].shape, strict=True)]):
                if axis in ("D", "H", "V"):
                    sizes.setdefault(axis, size)
    sizes |= {f"{k}H": k * sizes["H"] for k in range(2, 9) if "H" in sizes}
    for each, array in read.items():
        expected = [sizes.get(axis, axis) for axis in names[each]]
        if list(array.shape) != expected or not array.size:
            shape = ", ".join(map(str, expected)) + "," * (len(expected) == 1)
            raise ValueError(f"arrays[{keys[each]!r}]: expected shape ({shape}), got {array.shape}")
    dtype = read[recurrent].dtype
    absent = {
        each: None if gradients else np.zeros([sizes.get(axis, axis) for axis in shape], dtype)
        for each, shape in names.items()
        if _is_bias(each)
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
