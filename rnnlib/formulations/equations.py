"""Functions over a dict of weights: one line of code for each equation, one iteration for each step of the text.

The idea: write the equations on paper, then type them in. The notation is that of the rest of this library, so the
equations are the same:

    a_t = x_t Wxh + h_{t-1} Whh + bh        dh_t = do_t Whyᵀ + da_{t+1} Whhᵀ,  do_t = (ŷ_t - y_t) / T
    h_t = tanh(a_t)                         da_t = dh_t ⊙ (1 - h_t²)
    o_t = h_t Why + by                      dWhh = Σ h_{t-1}ᵀ da_t, from t = 1: h_0 need not be zero
    ŷ_t = softmax(o_t)                      dWxh = Σ x_tᵀ da_t,  dWhy = Σ h_tᵀ do_t,  dbh = Σ da_t,  dby = Σ do_t

Layout: row vectors, one sequence, so that x and y are matrices (T, V) of one-hot rows. V symbols, H hidden units,
T steps. Reduction: the mean over the steps, unless the sum is asked for.
Good for: reading the equations and the code side by side, and inspecting what every step computed.
"""

import numpy as np

from .. import _check
from ..rnn import Params, check_params
from ..text import Vocabulary, one_hot, windows

NAMES = ("Wxh", "Whh", "Why", "bh", "by")
SENTENCE = "I am learning RNN"


def get_weights(shape, *, rng=None):
    """Standard normal numbers of the given shape, in float32.

    rng: a `numpy.random.Generator`. Without one, the numbers that follow `np.random.seed(123)`, from the first one on
    at *every* call: reproducible, but weights of equal size come out equal, and smaller ones are their beginning.
    Raises TypeError or ValueError for anything that is not a shape.
    """
    shape = _check_shape(shape)
    if rng is None:
        rng = np.random.RandomState(123)  # the legacy generator, but not the one that all of NumPy shares
    else:
        rng = _check.generator("rng", rng)
    return rng.standard_normal(shape).astype(np.float32)


def get_bias(shape):
    """Zeros of the given shape, in float32. A bias is (H,) or (V,) in this module, where other programs have (1, H)."""
    return np.zeros(_check_shape(shape), np.float32)


def _check_shape(shape):
    """The shape of an array, given as a whole number or a tuple or list of them, as a tuple."""
    if not isinstance(shape, (tuple, list)):
        return (_check.positive_int("shape", shape),)
    return tuple(_check.positive_int("shape", size) for size in shape)


def init_weights(vocab_size, hidden_size, *, rng=None):
    """The dict of weights Wxh (V, H), Whh (H, H), Why (H, V), each from `get_weights`, and biases of zero."""
    V, H = _check.positive_int("vocab_size", vocab_size), _check.positive_int("hidden_size", hidden_size)
    shapes = {"Wxh": (V, H), "Whh": (H, H), "Why": (H, V)}
    weights = {name: get_weights(shape, rng=rng) for name, shape in shapes.items()}
    return weights | {"bh": get_bias(H), "by": get_bias(V)}


def softmax(o):
    """ŷ = exp(o) / Σ exp(o) in each row (..., V); its largest logit is subtracted first, so that nothing overflows."""
    e = np.exp(o - o.real.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def forward(weights, x, h0=None):
    """Everything that the network computes for x (T, V) from the state h0 (H,), zeros unless given, as a dict.

    a_t = x_t Wxh + h_{t-1} Whh + bh;  h_t = tanh(a_t);  o_t = h_t Why + by;  ŷ_t = softmax(o_t)

    Keys: x (T, V) and h0 (H,), as given; a, h (T, H); o, yhat (T, V). The dtype is that of the weights, complex where x
    or h0 is. Raises TypeError or ValueError for weights of a different layout and for x and h0 that do not fit them.
    """
    Wxh, Whh, Why, bh, by = _check_weights(weights)
    V, H = Wxh.shape
    x = _matrix("x", x, V).astype(_type(Wxh, x))
    h0 = np.zeros(H, Wxh.dtype) if h0 is None else _check.numbers("h0", h0, (H,)).astype(_type(Wxh, h0))
    a, h = [], []
    h_prev = h0
    for x_t in x:
        a_t = x_t @ Wxh + h_prev @ Whh + bh
        h_t = np.tanh(a_t)
        a.append(a_t)
        h.append(h_t)
        h_prev = h_t
    o = np.array(h) @ Why + by
    return {"x": x, "h0": h0, "a": np.array(a), "h": np.array(h), "o": o, "yhat": softmax(o)}


def cross_entropy(o, y, reduction="mean"):
    """L = -(1/T) Σ_t log ŷ_t · y_t, in nats, or without the 1/T for "sum"; from the logits: log ŷ = o - log Σ exp(o).

    o: logits (T, V); y: one-hot rows (T, V). Raises ValueError for rows that do not sum to 1 and for other shapes.
    """
    _check.one_of("reduction", reduction, ("sum", "mean"))
    o = _matrix("o", o)
    y = _targets(y, o)
    shifted = o - o.real.max(axis=-1, keepdims=True)
    log_yhat = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return (0 - (y * log_yhat).sum()) / (len(o) if reduction == "mean" else 1)


def backward(weights, states, y, *, reduction="mean"):
    """The gradient of `cross_entropy(states["o"], y, reduction)`: a dict of dWxh, dWhh, dWhy, dbh, dby and dh0.

    states: what `forward` returned; y: one-hot rows (T, V). Raises as `cross_entropy` does.
    """
    _check.one_of("reduction", reduction, ("sum", "mean"))
    Wxh, Whh, Why, bh, by = _check_weights(weights)
    x, h0, h, yhat = _check_states(states, Wxh.shape)
    T = len(x)
    do = (yhat - _targets(y, yhat)) / (T if reduction == "mean" else 1)
    dWxh, dWhh, dWhy, dbh, dby = (np.zeros(w.shape, do.dtype) for w in (Wxh, Whh, Why, bh, by))
    dh_next = np.zeros_like(h0)  # nothing comes back from beyond the last step
    for t in reversed(range(T)):
        h_prev = h[t - 1] if t > 0 else h0
        dh = do[t] @ Why.T + dh_next
        da = dh * (1 - h[t] ** 2)
        dWhy += np.outer(h[t], do[t])
        dWhh += np.outer(h_prev, da)
        dWxh += np.outer(x[t], da)
        dby += do[t]
        dbh += da
        dh_next = da @ Whh.T
    return {"dWxh": dWxh, "dWhh": dWhh, "dWhy": dWhy, "dbh": dbh, "dby": dby, "dh0": dh_next}


def samples(text=SENTENCE, length=3):
    """The vocabulary of the text, and its windows of `length` characters: a list of (x, y), one-hot rows (length, V).

    y is one character ahead of x: window and target of "hello" are (h, e, l) and (e, l, l).
    """
    vocab = Vocabulary(text)
    x, y = (one_hot(ids.T, len(vocab)) for ids in windows(vocab.encode(text), length))
    return vocab, list(zip(x, y, strict=True))


def train(weights, pairs, *, epochs, rate):
    """(weights, losses) of gradient descent, one step for each pair (x, y) in each epoch; every x starts from zeros.

    w ← w - rate · dw.  losses: the mean loss of each epoch, where the loss of each pair is taken just before its step.
    The given dict is not changed.
    """
    if not isinstance(pairs, (list, tuple)):  # a generator would be empty in the second epoch
        raise TypeError(f"pairs: expected a list of (x, y), got {_check.describe(pairs)}")
    if not pairs:
        raise ValueError(f"pairs: expected at least one (x, y), got {_check.describe(pairs)}")
    rate, losses = _check.positive("rate", rate), []
    for _ in range(_check.positive_int("epochs", epochs)):
        total = 0.0
        for x, y in pairs:
            states = forward(weights, x)
            total += float(cross_entropy(states["o"], y))
            grads = backward(weights, states, y)
            weights = {name: w - rate * grads["d" + name] for name, w in weights.items()}
        losses.append(total / len(pairs))
    return weights, losses


def from_params(params):
    """The dict of weights of the same network: copies in the same layout."""
    return {name: array.copy() for name, array in check_params(params)._asdict().items()}


def to_params(weights):
    """`Params` of the same network, copied."""
    return Params(*(array.copy() for array in _check_weights(weights)))


def gradients(params, x, y, *, h0=None, reduction="mean"):
    """`Params` of gradients, computed by the functions of this module.

    params: `Params`; x: ids (T,) or rows (T, V) of a floating-point dtype; y: target ids (T,); h0: (H,).
    """
    weights = from_params(params)
    V = len(weights["by"])
    x = _check.array("x", x)
    if x.dtype.kind in "iu":
        x = _ids("x", x, V)
    grads = backward(weights, forward(weights, x, h0), _ids("y", y, V), reduction=reduction)
    return Params(*(grads["d" + name] for name in NAMES))


def _ids(name, ids, size):
    """One-hot rows (T, V) of one sequence of ids (T,)."""
    return one_hot(_check.sequence(name, ids, size), size)


def _matrix(name, value, columns=None):
    """`value` as a matrix (T, V) of finite numbers with no empty side."""
    value = _check.numbers(name, value)
    if value.ndim != 2 or 0 in value.shape or value.shape[1] != (columns or value.shape[1]):
        raise ValueError(f"{name}: expected rows, shape (T, {columns or 'V'}), got {_check.describe(value)}")
    return value


def _targets(y, o):
    """`y` in the shape and dtype of `o`. Raises ValueError where a row does not sum to 1."""
    y = _check.numbers("y", y, o.shape)
    wrong = np.flatnonzero(abs(y.sum(axis=1) - 1) > 1e-6)
    if len(wrong):
        raise ValueError(f"y: expected rows that sum to 1, got {y[wrong[0]].sum()} in row {wrong[0]}")
    return y.astype(o.dtype)


def _type(weight, given):
    """The dtype of the weights, complex where `given` is."""
    return np.result_type(weight, np.complex64) if np.iscomplexobj(given) else weight.dtype


def _check_states(states, size):
    """x, h0, h, ŷ of what `forward` returned for weights of the given size (V, H)."""
    if not (isinstance(states, dict) and {"x", "h0", "h", "yhat"} <= states.keys()):
        raise TypeError(f"states: expected the dict that forward returned, got {_check.describe(states)}")
    x, h0, h, yhat = (states[name] for name in ("x", "h0", "h", "yhat"))
    if (x.shape[1], h.shape[1]) != size:
        raise ValueError(f"states: expected (V, H) = {size} as in weights, got {(x.shape[1], h.shape[1])}")
    return x, h0, h, yhat


def _check_weights(weights):
    """Wxh, Whh, Why, bh, by as floating-point arrays of one dtype, with the shapes for row vectors."""
    if not (isinstance(weights, dict) and weights.keys() == set(NAMES)):
        raise TypeError(f"weights: expected a dict of {', '.join(NAMES)}, got {_check.describe(weights)}")
    arrays = [_check.numbers(f"weights.{name}", weights[name]) for name in NAMES]
    H, V = (bias.size for bias in arrays[3:])  # in every layout, the biases have these sizes
    for name, array, shape in zip(NAMES, arrays, ((V, H), (H, H), (H, V), (H,), (V,)), strict=True):
        if array.shape != shape or not array.size:
            layout = "row vectors, so Wxh (V, H), Whh (H, H), Why (H, V), bh (H,), by (V,)"
            raise ValueError(f"weights.{name}: expected {layout}, {shape} here, got shape {array.shape}")
    dtype = np.result_type(*arrays)
    return [array.astype(dtype if dtype.kind in "fc" else np.float64, copy=False) for array in arrays]
