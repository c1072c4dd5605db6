"""How nine texts and libraries write the same network: what they call each thing, and in which shape they store it.

If you know one of these dialects, the table `DIALECTS` translates the others. A dialect is described relative to the
notation of this library: row vectors, matrices stored in × out, T steps, B sequences, V symbols, H hidden units.

    vectors   whether a state is a row or a column in the equations
    turned    which matrices are stored out × in, so that they are the transposes of ours
    axes      the axes of a sequence of states, first to last; "T list" where it is a list of T arrays
    reduction the default reduction of the losses of the steps to one number; "" where there is no loss
    symbols   our name -> its symbol in maths, its name in code, its shape, and the name of its gradient in code

A dialect without one of our names in `symbols` has no such thing: its equations use our symbol or, for a bias, none.
"bh2" is a second bias, added to the first at every step. "h0" is the state before the first step.

PyTorch is `nn.RNN` as `rnn` and `nn.Linear` as `linear` with `cross_entropy`; Keras `SimpleRNN(return_sequences=True)`
as `rnn` and `Dense` as `dense` with `SparseCategoricalCrossentropy`; ONNX the operator RNN, followed by MatMul and Add,
whose two arrays have only the names that a model gives them. The arrays are named as in `frameworks.py`.
"""

from typing import NamedTuple

import numpy as np

from .. import _check, _repr
from ..bptt import Grads
from ..rnn import Params, check_text_params

MATRICES = ("Wxh", "Whh", "Why")
OURS = {  # our own symbols: a base and its subscript
    **{"x": "x", "y": "y", "a": "a", "h0": "h", "h": "h", "o": "o", "yhat": "ŷ", "L": "L"},
    **{"Wxh": "W xh", "Whh": "W hh", "Why": "W hy", "bh": "b h", "by": "b y"},
}
STEPS = ("x", "y", "a", "h0", "h", "o", "yhat")  # these have the step t as an index


class Symbol(NamedTuple):
    """One thing in one dialect."""

    maths: str  # "W ih" is W with the subscript ih; "" where the dialect has no symbol of its own
    code: str  # the array, as an expression; "" where none is stored
    shape: tuple  # of that array, in our notation; () for a number
    grad: str = ""  # its gradient in code; "" where the dialect has no name for it


class Dialect(NamedTuple):
    """How one text or library writes the network."""

    title: str
    vectors: str  # "row" or "column"
    turned: tuple  # our names
    axes: tuple
    reduction: str  # "sum", "mean" or ""
    index: str  # "below" for h with the subscript t, "above" for a with the superscript ⟨t⟩
    sizes: dict  # our T, B, V, H -> the letters or words there
    symbols: dict  # our name -> Symbol

    def __repr__(self):
        return _repr.short(self)


def _params(names, grads, shapes, maths):
    """The symbols of the parameters, by our names."""
    keys = (*MATRICES, *(("bh", "by") if len(maths) == 5 else ("bh", "bh2", "by") if len(maths) == 6 else ()))
    rows = zip(keys, maths, names, shapes, grads or ("",) * len(keys), strict=True)
    return {key: Symbol(symbol, name, shape, grad) for key, symbol, name, shape, grad in rows}


def _each(form, names):
    return tuple(form.format(name) for name in names)


IN_OUT = (("V", "H"), ("H", "H"), ("H", "V"))
OUT_IN = (("H", "V"), ("H", "H"), ("V", "H"))
FLAT = (("H",), ("V",))
_NAMES = Params._fields
_CELLS = ("Wax", "Waa", "Wya", "ba", "by")
_LAYERS = ("xh.w", "hh.w", "hy.w", "xh.b", "hh.b", "hy.b")
_PYTORCH = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")

DIALECTS = {
    "rnnlib": Dialect(
        title="rnnlib",
        vectors="row",
        turned=(),
        axes=("T", "B", "H"),
        reduction="mean",
        index="below",
        sizes={"T": "T", "B": "B", "V": "V", "H": "H"},
        symbols={
            "x": Symbol("x", "trace.x", ("T", "B")),
            "y": Symbol("y", "y", ("T", "B")),
            "a": Symbol("a", "trace.a", ("T", "B", "H"), "grads.da"),
            "h0": Symbol("h", "trace.h0", ("B", "H"), "grads.h0"),
            "h": Symbol("h", "trace.h", ("T", "B", "H"), "grads.dh"),
            "o": Symbol("o", "trace.o", ("T", "B", "V"), "grads.do"),
            "yhat": Symbol("ŷ", "trace.yhat", ("T", "B", "V")),
            "L": Symbol("L", "cross_entropy(trace.o, y)", ()),
            **_params(
                _each("params.{}", _NAMES),
                _each("grads.{}", _NAMES),
                (*IN_OUT, *FLAT),
                ("W xh", "W hh", "W hy", "b h", "b y"),
            ),
        },
    ),
    "equations": Dialect(
        title="equations",
        vectors="row",
        turned=(),
        axes=("T", "H"),
        reduction="mean",
        index="below",
        sizes={"T": "T", "B": "", "V": "V", "H": "H"},
        symbols={
            "x": Symbol("x", 'states["x"]', ("T", "V")),
            "y": Symbol("y", "y", ("T", "V")),
            "a": Symbol("a", 'states["a"]', ("T", "H")),
            "h0": Symbol("h", 'states["h0"]', ("H",), 'grads["dh0"]'),
            "h": Symbol("h", 'states["h"]', ("T", "H")),
            "o": Symbol("o", 'states["o"]', ("T", "V")),
            "yhat": Symbol("ŷ", 'states["yhat"]', ("T", "V")),
            "L": Symbol("L", 'cross_entropy(states["o"], y)', ()),
            **_params(
                _each('weights["{}"]', _NAMES),
                _each('grads["d{}"]', _NAMES),
                (*IN_OUT, *FLAT),
                ("W xh", "W hh", "W hy", "b h", "b y"),
            ),
        },
    ),
    "cells": Dialect(
        title="cells",
        vectors="column",
        turned=MATRICES,
        axes=("H", "B", "T"),
        reduction="mean",
        index="above",
        sizes={"T": "T", "B": "m", "V": "n_x, n_y", "H": "n_a"},
        symbols={
            "x": Symbol("x", "x", ("V", "B", "T"), 'grads["dx"]'),
            "y": Symbol("y", "y", ("V", "B", "T")),
            "a": Symbol("z", "", ()),
            "h0": Symbol("a", "a0", ("H", "B"), 'grads["da0"]'),
            "h": Symbol("a", "a", ("H", "B", "T"), 'output_backward(a, y, parameters)["da"]'),
            "o": Symbol("u", "", ()),
            "yhat": Symbol("ŷ", "y_pred", ("V", "B", "T")),
            "L": Symbol("L", "output_loss(a, y, parameters)", ()),
            **_params(
                _each('parameters["{}"]', _CELLS),
                _each('grads["d{}"]', _CELLS),
                (*OUT_IN, ("H", 1), ("V", 1)),
                ("W ax", "W aa", "W ya", "b a", "b y"),
            ),
        },
    ),
    "matrices": Dialect(
        title="matrices",
        vectors="column",
        turned=MATRICES,
        axes=("H", "T"),
        reduction="sum",
        index="below",
        sizes={"T": "T", "B": "", "V": "K", "H": "H"},
        symbols={
            "x": Symbol("x", "x", ("T",)),
            "y": Symbol("y", "y", ("T",)),
            "h0": Symbol("h", "h0", ("H",)),
            "h": Symbol("h", "h", ("H", "T")),
            "o": Symbol("o", "o", ("V", "T")),
            "yhat": Symbol("ŷ", "softmax(o)", ("V", "T")),
            "L": Symbol("L", "model.total_loss([x], [y])", ()),
            **_params(("model.U", "model.W", "model.V"), ("dU", "dW", "dV"), OUT_IN, ("U", "W", "V")),
        },
    ),
    "layers": Dialect(
        title="layers",
        vectors="row",
        turned=(),
        axes=("T list", 1, "H"),
        reduction="sum",
        index="below",
        sizes={"T": "T", "B": "", "V": "V", "H": "H"},
        symbols={
            "x": Symbol("x", "network.history[t].x", (1, "V")),
            "y": Symbol("y", "y", ("T",)),
            "a": Symbol("a", "network.history[t].a", (1, "H")),
            "h0": Symbol("h", "network.history[0].before", (1, "H")),
            "h": Symbol("h", "network.history[t].h", (1, "H")),
            "o": Symbol("o", "network.history[t].o", (1, "V")),
            "yhat": Symbol("ŷ", "Softmax().forward(network.history[t].o)", (1, "V")),
            "L": Symbol("L", "network.loss(y)", ()),
            **_params(
                _each("network.{}", _LAYERS),
                _each("network.{}", [name.replace(".", ".d") for name in _LAYERS]),
                (*IN_OUT, (1, "H"), (1, "H"), (1, "V")),
                ("w xh", "w hh", "w hy", "b xh", "b hh", "b hy"),
            ),
        },
    ),
    "gates": Dialect(
        title="gates",
        vectors="column",
        turned=MATRICES,
        axes=("T list", "H"),
        reduction="sum",
        index="below",
        sizes={"T": "T", "B": "", "V": "n", "H": "H"},
        symbols={
            "x": Symbol("x", "x", ("T",)),
            "y": Symbol("y", "y", ("T",)),
            "a": Symbol("a", "layers[t].a.data", ("H",), 'grads[f"a_{t + 1}"]'),
            "h0": Symbol("h", "h0", ("H",), 'grads["h_0"]'),
            "h": Symbol("h", "layers[t].h.data", ("H",), 'grads[f"h_{t + 1}"]'),
            "o": Symbol("o", "layers[t].o.data", ("V",), 'grads[f"o_{t + 1}"]'),
            "yhat": Symbol("ŷ", "softmax.predict(layers[t].o.data)", ("V",)),
            "L": Symbol("L", "rnn_loss(parameters, x, y).data", ()),
            **_params(_each("parameters.{}", "UWV"), _each('grads["{}"]', "UWV"), OUT_IN, ("U", "W", "V")),
        },
    ),
    "pytorch": Dialect(
        title="PyTorch",
        vectors="row",
        turned=MATRICES,
        axes=("T", "B", "H"),
        reduction="mean",
        index="below",
        sizes={"T": "L", "B": "N", "V": "H_in", "H": "H_out"},
        symbols={
            "x": Symbol("x", "input", ("T", "B", "V")),
            "y": Symbol("", "target", ("T·B",)),
            "h0": Symbol("h", "h_0", (1, "B", "H")),
            "h": Symbol("h", "output", ("T", "B", "H")),
            "o": Symbol("", "linear(output)", ("T", "B", "V")),
            "L": Symbol("ℓ", "cross_entropy(linear(output).flatten(0, 1), target)", ()),
            **_params(
                (*_each("rnn.{}", _PYTORCH[:2]), "linear.weight", *_each("rnn.{}", _PYTORCH[2:]), "linear.bias"),
                (
                    *_each("rnn.{}.grad", _PYTORCH[:2]),
                    "linear.weight.grad",
                    *_each("rnn.{}.grad", _PYTORCH[2:]),
                    "linear.bias.grad",
                ),
                (*OUT_IN, ("H",), ("H",), ("V",)),
                ("W ih", "W hh", "A", "b ih", "b hh", "b"),
            ),
        },
    ),
    "keras": Dialect(
        title="Keras",
        vectors="row",
        turned=(),
        axes=("B", "T", "H"),
        reduction="mean",
        index="below",
        sizes={"T": "timesteps", "B": "batch", "V": "feature", "H": "units"},
        symbols={
            "x": Symbol("", "sequence", ("B", "T", "V")),
            "y": Symbol("", "y_true", ("B", "T")),
            "h0": Symbol("output", "initial_state", ("B", "H")),
            "h": Symbol("output", "rnn(sequence)", ("B", "T", "H")),
            "o": Symbol("", "dense(rnn(sequence))", ("B", "T", "V")),
            "L": Symbol("", "SparseCategoricalCrossentropy(from_logits=True)(y_true, dense(rnn(sequence)))", ()),
            **_params(
                ("rnn/kernel", "rnn/recurrent_kernel", "dense/kernel", "rnn/bias", "dense/bias"),
                (),
                (*IN_OUT, *FLAT),
                ("kernel", "recurrent_kernel", "kernel dense", "bias", "bias dense"),
            ),
        },
    ),
    "onnx": Dialect(
        title="ONNX",
        vectors="row",
        turned=("Wxh", "Whh"),
        axes=("T", 1, "B", "H"),
        reduction="",
        index="below",
        sizes={"T": "seq_length", "B": "batch_size", "V": "input_size", "H": "hidden_size"},
        symbols={
            "x": Symbol("X", "X", ("T", "B", "V")),
            "h0": Symbol("H", "initial_h", (1, "B", "H")),
            "h": Symbol("H", "Y", ("T", 1, "B", "H")),
            **_params(
                ("W", "R", "Why", "B", "B", "by"),
                (),
                ((1, "H", "V"), (1, "H", "H"), ("H", "V"), (1, "2H"), (1, "2H"), ("V",)),
                ("W i", "R i", "", "Wb i", "Rb i", ""),
            ),
        },
    ),
}


def shape(letters, **sizes):
    """A shape in our notation as numbers: shape(("V", "2H"), V=5, H=3) is (5, 6); the letter of a list is left out."""
    sizes = {**sizes, "2H": 2 * sizes.get("H", 0), "T·B": sizes.get("T", 0) * sizes.get("B", 0)}
    return tuple(sizes.get(letter, letter) for letter in letters if letter != "T list")


def latex(name, key, at=""):
    r"""The LaTeX of the dialect `name` for our `key` at the step `at`: W_{ih}, a^{\langle t \rangle}, \hat{y}_{t}.

    Our own symbol where the dialect has none; "" for a bias that it does not have.
    """
    dialect = _dialect(name)
    symbol = dialect.symbols.get(_check.one_of("key", key, (*OURS, "bh2")))
    if symbol is None and key.startswith("b"):
        return ""
    base, _, below = ((symbol.maths if symbol else "") or OURS[key]).partition(" ")
    if len(base) > 1:
        base = rf"\mathrm{{{base}}}".replace("_", r"\_")
    if len(below) > 2:
        below = rf"\mathrm{{{below}}}"
    base = base.replace("ŷ", r"\hat{y}")
    at = at if key in STEPS else ""
    above = rf"^{{\langle {at} \rangle}}" if at and dialect.index == "above" else ""
    below += "" if above else at
    return base + (f"_{{{below}}}" if below else "") + above


def stored(name, params, *, gradients=False):
    """`params` as the dialect stores them: copies of the arrays by their names in code, in its shapes.

    Where two biases are added, bh is the first and the second is zero. With `gradients`, `params` are gradients: both
    biases have the gradient of their sum, and the names are those of gradients where the dialect has such names.

    params: `Params` or `Grads`. Raises ValueError for a name that is not a dialect, and for biases other than zero
    where the dialect has none; TypeError for what are not `Params`.
    """
    dialect = _dialect(name)
    params = check_text_params(params[:5] if isinstance(params, Grads) else params)
    V, H = params.Wxh.shape
    for key in ("bh", "by"):
        bias = getattr(params, key)
        if key not in dialect.symbols and bias.any() and not gradients:
            raise ValueError(f"params.{key}: expected zeros, for {name} has no biases, got {bias[bias != 0][0]}")
    ours = {**params._asdict(), "bh2": params.bh if gradients else np.zeros_like(params.bh)}
    parts = {}
    for key, symbol in dialect.symbols.items():
        if key in ours:
            array = ours[key].T if key in dialect.turned else ours[key]
            parts.setdefault((gradients and symbol.grad) or symbol.code, (symbol, []))[1].append(array)
    return {
        code: np.concatenate(arrays).reshape(shape(symbol.shape, V=V, H=H)) for code, (symbol, arrays) in parts.items()
    }


def _dialect(name):
    return DIALECTS[_check.one_of("name", name, tuple(DIALECTS))]
