"""Random models of any cell for the tests, and three oracles of them that share no formula with the library."""

from typing import Any, NamedTuple

import autograd.numpy as anp
import numpy as np
import onnx
from models import STEP
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import rnnlib
from rnnlib import cross_entropy, gru, lstm

CELLS = {"rnn": rnnlib, "lstm": lstm, "gru": gru}
GATED = {"lstm": lstm, "gru": gru}
STATES = {rnnlib: ("h0",), lstm: ("h0", "c0"), gru: ("h0",)}
GATES = {rnnlib: 1, lstm: 4, gru: 3}


class Model(NamedTuple):
    """All that a loss of a network of this cell depends on."""

    cell: Any
    params: Any
    x: np.ndarray
    y: np.ndarray
    states: dict[str, np.ndarray]  # h0, and c0 for an LSTM
    options: dict[str, Any]  # reduction, weights

    def forward(self):
        return self.cell.forward(self.params, self.x, **self.states)

    def backward(self, **options):
        return self.cell.backward(self.params, self.forward(), self.y, **self.options, **options)

    def point(self):
        """name -> every array that the loss depends on smoothly."""
        return {**self.params._asdict(), **self.states}

    def loss_at(self, point):
        params = type(self.params)(*(point[name] for name in self.params._fields))
        trace = self.cell.forward(params, self.x, **{name: point[name] for name in self.states})
        return cross_entropy(trace.o, self.y, **self.options)


def make_model(cell, seed, *, T, B, V, H, D=None, features=False, reduction="mean", weighted=False, scale=1.0):
    """A model with every number non-zero; `B` None is one sequence without a batch axis."""
    rng, D, G = np.random.default_rng(seed), D or V, GATES[cell] * H
    batch = () if B is None else (B,)
    shapes = {"Wxh": (D, G), "Whh": (H, G), "Why": (H, V), "bh": (G,), "bn": (H,), "by": (V,)}
    params = cell.Params(*(scale * rng.normal(size=shapes[name]) for name in cell.Params._fields))
    params.Whh[:] /= np.sqrt(H)
    x = rng.normal(size=(T, *batch, D)) if features else rng.integers(D, size=(T, *batch))
    y = rng.integers(V, size=(T, *batch))
    states = {name: 0.5 * rng.normal(size=(*batch, H)) for name in STATES[cell]}
    options = {"reduction": reduction}
    if weighted:
        weights = rng.choice([0, 1, 2.5], size=y.shape) * rng.uniform(0.5, 1, y.shape)
        weights.flat[rng.integers(weights.size)] = 1.0  # a mean needs a weight that is not 0
        options["weights"] = weights
    return Model(cell, params, x, y, states, options)


def astype(model, dtype):
    """The same model with parameters of another type."""
    return model._replace(params=type(model.params)(*(array.astype(dtype) for array in model.params)))


def complex_slopes(model, loss=None):
    """name -> the derivative of the loss, or of another function of the point, by complex steps."""
    loss, point, slopes = loss or model.loss_at, model.point(), {}
    for name, at in point.items():
        slopes[name] = np.empty(at.shape)
        for index in np.ndindex(at.shape):
            moved = at.astype(complex)
            moved[index] += 1j * STEP
            slopes[name][index] = loss({**point, name: moved}).imag / STEP
    return slopes


def rows_of(x, D):
    """x as features: one-hot rows of ids."""
    return x if x.dtype.kind == "f" else np.eye(D)[x]


# --- The equations written out gate by gate, for automatic differentiation ---


def _sigma(a):
    return 1 / (1 + anp.exp(-a))


def _rnn_step(p, row, h):
    return (anp.tanh(anp.dot(row, p["Wxh"]) + anp.dot(h, p["Whh"]) + p["bh"]),)


def _lstm_step(p, row, h, c):
    H = h.shape[-1]

    def a(k):
        block = slice(k * H, (k + 1) * H)
        return anp.dot(row, p["Wxh"][:, block]) + anp.dot(h, p["Whh"][:, block]) + p["bh"][block]

    c = _sigma(a(1)) * c + _sigma(a(0)) * anp.tanh(a(2))
    return _sigma(a(3)) * anp.tanh(c), c


def _gru_step(p, row, h):
    H = h.shape[-1]
    blocks = [slice(k * H, (k + 1) * H) for k in range(3)]
    xr, xz, xn = (anp.dot(row, p["Wxh"][:, b]) + p["bh"][b] for b in blocks)
    hr, hz, hn = (anp.dot(h, p["Whh"][:, b]) for b in blocks)
    z = _sigma(xz + hz)
    return ((1 - z) * anp.tanh(xn + _sigma(xr + hr) * (hn + p["bn"])) + z * h,)


STEPS = {rnnlib: _rnn_step, lstm: _lstm_step, gru: _gru_step}


def autograd_loss(model):
    """point -> the loss, from the equations above, in functions that `autograd` differentiates."""
    rows, targets = rows_of(model.x, len(model.params.Wxh)), np.eye(len(model.params.by))[model.y]
    weights = model.options.get("weights", np.ones(model.y.shape))
    factors = weights / (weights.sum() if model.options["reduction"] == "mean" else 1)

    def loss(point):
        states, total = [point[name] for name in model.states], 0.0
        for row, target, factor in zip(rows, targets, factors, strict=True):
            states = STEPS[model.cell](point, row, *states)
            o = anp.dot(states[0], point["Why"]) + point["by"]
            total = total + anp.sum(
                factor * (anp.log(anp.sum(anp.exp(o), axis=-1)) - anp.sum(target * o, axis=-1)), axis=None
            )
        return total

    return loss


# --- ONNX's reference evaluator ------------------------------------------------------------------------------------


def onnx_states(cell, arrays, rows, states):
    """h of every step (T, B, H), then the last states, by ONNX's operator. arrays: its W, R, B; rows: (T, B, D)."""
    kind = {rnnlib: "RNN", lstm: "LSTM", gru: "GRU"}[cell]
    (T, B, D), H = rows.shape, arrays["R"].shape[2]
    names = ["initial_h", "initial_c"][: len(states)]
    outputs = ["Y", "Y_h", "Y_c"][: 1 + len(states)]
    options = {"linear_before_reset": 1} if cell is gru else {}
    node = helper.make_node(kind, ["x", "W", "R", "B", "", *names], outputs, hidden_size=H, **options)
    shapes = {"x": [T, B, D]} | {key: [1, B, H] for key in names}
    found = {"Y": [T, 1, B, H]} | {key: [1, B, H] for key in outputs[1:]}
    values = [
        [helper.make_tensor_value_info(name, TensorProto.DOUBLE, shape) for name, shape in each.items()]
        for each in (shapes, found)
    ]
    weights = [numpy_helper.from_array(arrays[name], name) for name in ("W", "R", "B")]
    model = helper.make_model(
        helper.make_graph([node], "cell", *values, weights), opset_imports=[helper.make_opsetid("", 22)]
    )
    onnx.checker.check_model(model, full_check=True)
    given = {name: state[None] for name, state in zip(names, states, strict=True)}
    Y, *last = ReferenceEvaluator(model).run(None, {"x": rows, **given})
    return Y[:, 0], *(state[0] for state in last)
