"""A cell is one step, with a cache of its inputs and results; the network is a loop over cells, forward and then back.

The idea: write one step, forward and backward, and loop over it. Here a is the state and z the pre-activation:

    here                                                in this library, in rows
    z⟨t⟩ = Wax x⟨t⟩ + Waa a⟨t-1⟩ + ba                   a_t = x_t Wxh + h_{t-1} Whh + bh     Wax = Wxhᵀ, Waa = Whhᵀ
    a⟨t⟩ = tanh(z⟨t⟩)                                   h_t = tanh(a_t)
    ŷ⟨t⟩ = softmax(Wya a⟨t⟩ + by)                       ŷ_t = softmax(h_t Why + by)          Wya = Whyᵀ
    dz⟨t⟩ = (da⟨t⟩ + Waaᵀ dz⟨t+1⟩) ⊙ (1 - a⟨t⟩²)        da_t = dh_t ⊙ (1 - h_t²)

Layout: column vectors, the batch in the middle: x (n_x, m, T), a (n_a, m, T), ŷ (n_y, m, T), biases (n, 1); n_x inputs,
n_a hidden units, n_y outputs, m sequences, T steps. Parameters and gradients are dicts.
Reduction: `rnn_backward` takes da, the gradient of any loss with respect to the states, and sums over steps and batch;
`output_backward` computes da for a softmax cross-entropy, the mean or the sum over all predictions.
Good for: replacing the loss or the cell.
"""

import numpy as np

from .. import _check
from ..rnn import Params, check_params
from ..text import one_hot

NAMES = ("Wax", "Waa", "Wya", "ba", "by")


def softmax(u):
    """ŷ = exp(u) / Σ exp(u) down each column; its largest entry is subtracted first, so that nothing overflows."""
    e = np.exp(u - u.real.max(axis=0))
    return e / e.sum(axis=0)


def rnn_cell_forward(xt, a_prev, parameters):
    """One step: (a_next, yt_pred, cache), where cache is (a_next, a_prev, xt, parameters).

    a_next = tanh(Wax xt + Waa a_prev + ba);  yt_pred = softmax(Wya a_next + by)

    xt (n_x, m), a_prev (n_a, m), parameters a dict -> a_next (n_a, m), yt_pred (n_y, m). Raises TypeError or ValueError
    for parameters of a different layout and for xt and a_prev that do not fit them.
    """
    Wax, Waa, Wya, ba, by = _check_parameters(parameters)
    n_a, n_x = Wax.shape
    xt = _columns("xt", xt, (n_x, "m"), Wax)
    a_prev = _columns("a_prev", a_prev, (n_a, xt.shape[1]), Wax)
    a_next = np.tanh(Wax @ xt + Waa @ a_prev + ba)
    yt_pred = softmax(Wya @ a_next + by)
    return a_next, yt_pred, (a_next, a_prev, xt, parameters)


def rnn_forward(x, a0, parameters):
    """All steps: (a, y_pred, caches) for x (n_x, m, T) from the states a0 (n_a, m).

    a (n_a, m, T), y_pred (n_y, m, T), caches: the pair (list of T caches, x). Raises as `rnn_cell_forward` does.
    """
    Wax, *_ = _check_parameters(parameters)
    n_a, n_x = Wax.shape
    x = _columns("x", x, (n_x, "m", "T"), Wax)
    a_next = _columns("a0", a0, (n_a, x.shape[1]), Wax)
    a, y_pred, caches = [], [], []
    for t in range(x.shape[2]):
        a_next, yt_pred, cache = rnn_cell_forward(x[:, :, t], a_next, parameters)
        a.append(a_next)
        y_pred.append(yt_pred)
        caches.append(cache)
    return np.stack(a, axis=2), np.stack(y_pred, axis=2), (caches, x)


def rnn_cell_backward(da_next, cache):
    """One backward step, from da_next (n_a, m) to the dict of dxt, da_prev, dWax, dWaa, dba.

    dz = da_next ⊙ (1 - a_next²)
    dxt = Waxᵀ dz,  da_prev = Waaᵀ dz,  dWax = dz xtᵀ,  dWaa = dz a_prevᵀ,  dba = dz summed over the batch
    """
    a_next, a_prev, xt, parameters = _check_cache(cache)
    Wax, Waa, *_ = _check_parameters(parameters)
    dz = _columns("da_next", da_next, a_next.shape, a_next) * (1 - a_next**2)
    return {
        "dxt": Wax.T @ dz,
        "da_prev": Waa.T @ dz,
        "dWax": dz @ xt.T,
        "dWaa": dz @ a_prev.T,
        "dba": dz.sum(axis=1, keepdims=True),
    }


def rnn_backward(da, caches):
    """All backward steps, from da (n_a, m, T) to the dict of dx (n_x, m, T), da0 (n_a, m), dWax, dWaa, dba.

    da: the gradient of the loss with respect to each state through that step's output alone. The part that comes back
    from the next step is added here; the gradients of the parameters are sums over the steps.
    """
    caches = _check_caches(caches)
    a_first, *_ = _check_cache(caches[0])
    da = _columns("da", da, (*a_first.shape, len(caches)), a_first)
    da_prev = np.zeros_like(da[:, :, 0])  # nothing comes back from beyond the last step
    dx, totals = [], {"dWax": 0, "dWaa": 0, "dba": 0}
    for t in reversed(range(len(caches))):
        grads = rnn_cell_backward(da[:, :, t] + da_prev, caches[t])
        da_prev = grads["da_prev"]
        dx.append(grads["dxt"])
        totals = {name: total + grads[name] for name, total in totals.items()}
    return {"dx": np.stack(dx[::-1], axis=2), "da0": da_prev, **totals}


def output_loss(a, y, parameters, reduction="mean"):
    """L = -Σ y ⊙ log ŷ over all steps and sequences, or that divided by m T, in nats.

    a: states (n_a, m, T); y: one-hot columns (n_y, m, T). Computed from u = Wya a + by: log ŷ = u - log Σ exp(u) does
    not take the logarithm of a probability that underflowed. Raises ValueError for columns of y that do not sum to 1,
    and for other shapes.
    """
    u, y, weight = _output(a, y, parameters, reduction)
    u = u - u.real.max(axis=0)
    return (0 - (y * (u - np.log(np.exp(u).sum(axis=0)))).sum()) * weight


def output_backward(a, y, parameters, reduction="mean"):
    """The gradient of `output_loss`: the dict of da (n_a, m, T), dWya and dby.

    du = ŷ - y, divided by m T for the mean;  da = Wyaᵀ du,  dWya = Σ du aᵀ,  dby = Σ du
    """
    u, y, weight = _output(a, y, parameters, reduction)
    du = (softmax(u) - y) * weight
    return {
        "da": np.einsum("ya,ymt->amt", parameters["Wya"], du),
        "dWya": np.einsum("ymt,amt->ya", du, a),
        "dby": du.sum(axis=(1, 2))[:, None],
    }


def loss_and_gradients(x, y, a0, parameters, reduction="mean"):
    """(loss, gradients) of the whole network, the dict of dx, da0, dWax, dWaa, dba, dWya and dby."""
    a, _, caches = rnn_forward(x, a0, parameters)
    output = output_backward(a, y, parameters, reduction)
    hidden = rnn_backward(output["da"], caches)
    return output_loss(a, y, parameters, reduction), hidden | {"dWya": output["dWya"], "dby": output["dby"]}


def initialize_adam(parameters):
    """(v, s): the running means of the gradients and of their squares, two dicts of zeros."""
    arrays = dict(zip(NAMES, _check_parameters(parameters), strict=True))
    v, s = ({"d" + name: np.zeros_like(array) for name, array in arrays.items()} for _ in "vs")
    return v, s


def update_parameters_with_adam(
    parameters, gradients, v, s, t, *, learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8
):
    """Step t (from 1) of Adam: new (parameters, v, s); the arguments are not changed.

    v ← β₁ v + (1 - β₁) g;  s ← β₂ s + (1 - β₂) g²;  w ← w - α v̂ / (√ŝ + ε)  with v̂ = v / (1 - β₁ᵗ), ŝ = s / (1 - β₂ᵗ)

    Kingma and Ba, Adam: A Method for Stochastic Optimization, ICLR 2015, algorithm 1.
    """
    t = _check.positive_int("t", t)
    rate, epsilon = _check.positive("learning_rate", learning_rate), _check.positive("epsilon", epsilon)
    beta1, beta2 = _check.below_one("beta1", beta1), _check.below_one("beta2", beta2)
    arrays = dict(zip(NAMES, _check_parameters(parameters), strict=True))
    gradients, v, s = (_check_gradients(*named, arrays) for named in (("gradients", gradients), ("v", v), ("s", s)))
    v = {name: beta1 * mean + (1 - beta1) * gradients[name] for name, mean in v.items()}
    s = {name: beta2 * mean + (1 - beta2) * gradients[name] ** 2 for name, mean in s.items()}
    updated = {}
    for name, array in arrays.items():
        v_hat = v["d" + name] / (1 - beta1**t)
        s_hat = s["d" + name] / (1 - beta2**t)
        updated[name] = array - rate * v_hat / (np.sqrt(s_hat) + epsilon)
    return updated, v, s


def train(x, y, a0, parameters, *, steps, learning_rate=0.01):
    """(parameters, losses) of Adam on one batch; losses: the mean loss before each of the steps."""
    v, s = initialize_adam(parameters)
    learning_rate, losses = _check.positive("learning_rate", learning_rate), []
    for t in range(1, _check.positive_int("steps", steps) + 1):
        loss, grads = loss_and_gradients(x, y, a0, parameters)
        losses.append(float(loss))
        parameters, v, s = update_parameters_with_adam(parameters, grads, v, s, t, learning_rate=learning_rate)
    return parameters, losses


def from_params(params):
    """The dict of parameters of the same network: every matrix transposed, the biases as columns."""
    Wxh, Whh, Why, bh, by = (array.copy() for array in check_params(params))
    return {"Wax": Wxh.T, "Waa": Whh.T, "Wya": Why.T, "ba": bh[:, None], "by": by[:, None]}


def to_params(parameters):
    """`Params` of the same network."""
    Wax, Waa, Wya, ba, by = (array.copy() for array in _check_parameters(parameters))
    return Params(Wax.T, Waa.T, Wya.T, ba[:, 0], by[:, 0])


def to_columns(rows):
    """(n, m, T) from rows (T, m, n) of a batch, or (n, 1, T) from rows (T, n) of one sequence."""
    return (rows[:, None] if rows.ndim == 2 else rows).T


def gradients(params, x, y, *, h0=None, reduction="mean"):
    """`Params` of gradients, computed by the functions of this module; a single sequence is a batch of one.

    params: `Params`; x: ids (T,) or (T, B), or features of floating type (T, D) or (T, B, D); y: target ids (T,) or
    (T, B); h0: (H,) or (B, H).
    """
    params = check_params(params)
    D, H = params.Wxh.shape
    y = _ids("y", y, len(params.by))
    x = _check.array("x", x)
    if x.dtype.kind in "iu":
        x = _ids("x", x, D)
    if x.shape != (*y.shape[:-1], D):
        raise ValueError(f"x: expected one input for each target, {(*y.shape[:-1], D)} as rows, got {x.shape}")
    batch = y.shape[1:-1]
    h0 = np.zeros(H) if h0 is None else _check.numbers("h0", h0)
    if h0.shape not in ((H,), (*batch, H)):
        expected = f"({H},) or {(*batch, H)}" if batch else f"({H},)"
        raise ValueError(f"h0: expected shape {expected}, got {h0.shape}")
    a0 = np.broadcast_to(h0, (*(batch or (1,)), H)).T
    _, grads = loss_and_gradients(to_columns(x), to_columns(y), a0, from_params(params), reduction)
    return Params(*(grads["d" + name].T.reshape(w.shape) for name, w in zip(NAMES, params, strict=True)))


def _ids(name, ids, size):
    """One-hot rows (T, V) or (T, B, V) of ids (T,) or (T, B)."""
    ids = _check.ids(name, ids, size, "(T,) or (T, B)")
    if ids.ndim not in (1, 2) or not ids.size:
        raise ValueError(f"{name}: expected ids (T,) or (T, B), at least one of them, got shape {ids.shape}")
    return one_hot(ids, size)


def _output(a, y, parameters, reduction):
    """u = Wya a + by (n_y, m, T), the targets in its dtype, and the weight of one prediction in the loss."""
    _check.one_of("reduction", reduction, ("sum", "mean"))
    _, Waa, Wya, _, by = _check_parameters(parameters)
    a = _columns("a", a, (len(Waa), "m", "T"), Waa)
    u = np.einsum("ya,amt->ymt", Wya, a) + by[:, :, None]
    y = _columns("y", y, u.shape, u)
    if (abs(y.sum(axis=0) - 1) > 1e-6).any():
        raise ValueError(f"y: expected columns that sum to 1, got sums from {y.sum(0).min()} to {y.sum(0).max()}")
    return u, y, 1 / (a.shape[1] * a.shape[2]) if reduction == "mean" else 1


def _columns(name, value, shape, like):
    """`value` as finite numbers of the given shape, a letter for any size, in the dtype of `like` or complex."""
    value = _check.numbers(name, value)
    fits = value.ndim == len(shape) and value.size
    if not fits or any(isinstance(n, int) and n != came for n, came in zip(shape, value.shape, strict=True)):
        sizes = ", ".join(map(str, shape))
        raise ValueError(f"{name}: expected columns, shape ({sizes}), got {_check.describe(value)}")
    complex_only_here = np.iscomplexobj(value) and not np.iscomplexobj(like)
    return value.astype(np.result_type(like, np.complex64) if complex_only_here else like.dtype, copy=False)


def _check_caches(caches):
    """The list in the pair that `rnn_forward` returned."""
    if not (isinstance(caches, tuple) and len(caches) == 2 and isinstance(caches[0], list) and caches[0]):
        raise TypeError(f"caches: expected the pair (list of caches, x) of rnn_forward, got {_check.describe(caches)}")
    return caches[0]


def _check_cache(cache):
    if not (isinstance(cache, tuple) and len(cache) == 4 and isinstance(cache[3], dict)):
        raise TypeError(f"cache: expected (a_next, a_prev, xt, parameters), got {_check.describe(cache)}")
    return cache


def _check_parameters(parameters):
    """Wax, Waa, Wya, ba, by as floating-point arrays of one dtype, with the shapes for column vectors."""
    if not (isinstance(parameters, dict) and parameters.keys() == set(NAMES)):
        raise TypeError(f"parameters: expected a dict of {', '.join(NAMES)}, got {_check.describe(parameters)}")
    arrays = [_check.numbers(f"parameters.{name}", parameters[name]) for name in NAMES]
    n_a, n_y = (bias.size for bias in arrays[3:])  # in every layout, the biases have these sizes
    n_x = arrays[0].size // max(n_a, 1)
    shapes = ((n_a, n_x), (n_a, n_a), (n_y, n_a), (n_a, 1), (n_y, 1))
    for name, array, shape in zip(NAMES, arrays, shapes, strict=True):
        if array.shape != shape or not array.size:
            layout = "column vectors, so Wax (n_a, n_x), Waa (n_a, n_a), Wya (n_y, n_a), ba (n_a, 1), by (n_y, 1)"
            raise ValueError(f"parameters.{name}: expected {layout}, {shape} here, got shape {array.shape}")
    dtype = np.result_type(*arrays)
    return [array.astype(dtype if dtype.kind in "fc" else np.float64, copy=False) for array in arrays]


def _check_gradients(argument, values, arrays):
    """One array for each parameter, in its shape, by the name of its gradient, without others such as dx."""
    if not (isinstance(values, dict) and values.keys() >= {"d" + name for name in arrays}):
        names = ", ".join("d" + name for name in arrays)
        raise TypeError(f"{argument}: expected a dict with {names}, got {_check.describe(values)}")
    return {
        "d" + name: _check.numbers(f"{argument}.d{name}", values["d" + name], w.shape) for name, w in arrays.items()
    }
