"""The LSTM: its parameters, its forward pass, and backpropagation through time, as `rnn.py` and `bptt.py` have them.

Row vectors, time first; T steps, B sequences, V symbols, D inputs, H hidden units:

    a_t = x_t Wxh + h_{t-1} Whh + bh               four blocks of H columns side by side: a_i, a_f, a_g, a_q
    i_t = σ(a_i)   f_t = σ(a_f)   g_t = tanh(a_g)   q_t = σ(a_q)
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
    h_t = q_t ⊙ tanh(c_t)
    o_t = h_t Why + by,  ŷ_t = softmax(o_t)

i, f, g are the input gate, the forget gate and the candidate. The output gate, which others call o, is q here: o_t are
the logits in this book. PyTorch stores the gates in the same order (its i, f, g, o), each matrix transposed.
Hochreiter and Schmidhuber, Long Short-Term Memory, Neural Computation 9(8), 1997; the forget gate: Gers, Schmidhuber
and Cummins, Learning to Forget, Neural Computation 12(10), 2000.
"""

from __future__ import annotations  # naming `np.random` would import it, which takes a while

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from . import _cell, _check, _repr
from ._cell import previous, rows, sigmoid
from .bptt import check_trace, output_errors
from .loss import softmax


class Params(NamedTuple):
    """The weights and biases, the same at every step; columns of the gates in the order i, f, g, q."""

    Wxh: np.ndarray  # (D, 4H)  input to gates; D = V where the network reads what it predicts
    Whh: np.ndarray  # (H, 4H)  hidden to gates, one step later
    Why: np.ndarray  # (H, V)   hidden to output
    bh: np.ndarray  # (4H,)
    by: np.ndarray  # (V,)

    cell = "an LSTM"
    gates = 4
    states = ("h", "c")

    def __repr__(self) -> str:
        return "lstm." + _repr.short(self)


class Trace(NamedTuple):
    """All that the forward pass computes; `backward` needs all but a and o. A single sequence has no axis B."""

    x: np.ndarray  # ids (T, B) or features (T, B, D), a copy of those given
    h0: np.ndarray  # (B, H)      the hidden state before the first step
    c0: np.ndarray  # (B, H)      the cell state before the first step
    a: np.ndarray  # (T, B, 4H)  pre-activations of i, f, g, q
    i: np.ndarray  # (T, B, H)   input gate
    f: np.ndarray  # (T, B, H)   forget gate
    g: np.ndarray  # (T, B, H)   candidate
    q: np.ndarray  # (T, B, H)   output gate
    c: np.ndarray  # (T, B, H)   cell states
    h: np.ndarray  # (T, B, H)   hidden states
    o: np.ndarray  # (T, B, V)   logits
    yhat: np.ndarray  # (T, B, V)   predicted probabilities

    cell = Params.cell

    def __repr__(self) -> str:
        return "lstm." + _repr.short(self)


class Grads(NamedTuple):
    """The gradient of the loss with respect to each parameter (summed over the steps), to h0 and c0, and at each step.

    dc_t is that of c_t by both paths: through h_t, and through c_{t+1}.
    """

    Wxh: np.ndarray  # (D, 4H)
    Whh: np.ndarray  # (H, 4H)
    Why: np.ndarray  # (H, V)
    bh: np.ndarray  # (4H,)
    by: np.ndarray  # (V,)
    h0: np.ndarray  # (B, H)      the axis B is absent for one sequence
    c0: np.ndarray  # (B, H)
    do: np.ndarray  # (T, B, V)
    dh: np.ndarray  # (T, B, H)
    dc: np.ndarray  # (T, B, H)
    da: np.ndarray  # (T, B, 4H)

    def __repr__(self) -> str:
        return "lstm." + _repr.short(self)


class Path(NamedTuple):
    """The path from the loss of step t back to step s, of the pair (h, c): the factors of one share. See `path`."""

    error: np.ndarray  # (B, 2H)         (do_t Whyᵀ, 0) = ∂L_t/∂(h_t, c_t); the axis B is absent for one sequence
    jacobians: np.ndarray  # (t - s, B, 2H, 2H)  ∂(h_r, c_r)/∂(h_{r-1}, c_{r-1}) for r = t, …, s+1, see `jacobians`
    slope: np.ndarray  # (B, 2H, 4H)     ∂(h_s, c_s)/∂a_s
    state: np.ndarray  # (B, H)          h_{s-1}; the initial state where s is the first step
    share: np.ndarray  # (B, 4H)         ∂L_t/∂a_s, the product of the error, the jacobians and the slope

    def __repr__(self) -> str:
        return "lstm." + _repr.short(self)


def init_params(
    vocab_size: int,
    hidden_size: int,
    *,
    rng: np.random.Generator,
    dtype: npt.DTypeLike = np.float64,
    input_size: int | None = None,
    forget_bias: float = 1.0,
) -> Params:
    """Weights uniform within ±1/√fan-in, in the order Wxh, Whh, Why; biases zero but for that of the forget gate.

    forget_bias: every entry of that one. With 1, f_t starts near σ(1) = 0.73, so that c fades slowly; Jozefowicz,
    Zaremba and Sutskever, An Empirical Exploration of Recurrent Network Architectures, ICML 2015. All else, and what is
    raised, as for `rnnlib.init_params`; TypeError or ValueError too for a forget_bias that is not a finite number.
    """
    forget_bias = np.array(_check.finite("forget_bias", forget_bias))
    params = _cell.init_params(Params, vocab_size, hidden_size, rng, dtype, input_size)
    H = len(params.Whh)
    params.bh[H : 2 * H] = _check.cast("forget_bias", forget_bias, params.bh.dtype)
    return params


def forward(
    params: Params, x: npt.ArrayLike, h0: npt.ArrayLike | None = None, c0: npt.ArrayLike | None = None
) -> Trace:
    """Run the network over x from the states h0 and c0 (zeros unless given) and return the whole `Trace`.

        a_t = x_t Wxh + h_{t-1} Whh + bh,  (i_t, f_t, g_t, q_t) = (σ(a_i), σ(a_f), tanh(a_g), σ(a_q))
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t;  h_t = q_t ⊙ tanh(c_t);  o_t = h_t Why + by;  ŷ_t = softmax(o_t)

    x, the shapes of h0 and c0, the type of the result and what is raised: as in `rnnlib.forward`; TypeError too for
    both states as a tuple, which PyTorch takes.
    """
    params = _cell.check_params(Params, params)
    if isinstance(h0, tuple) and len(h0) == 2:
        raise TypeError("h0: expected the hidden state alone, got a tuple of two; the cell state is c0=")
    x, h0, c0 = _cell.check_inputs(params, x, h0=h0, c0=c0)

    Wxh, Whh, Why, bh, by = params
    x_Wxh = _cell.input_rows(x, Wxh, h0.dtype)
    a = np.empty((len(x), *h0.shape[:-1], 4 * len(Whh)), h0.dtype)
    i, f, g, q, c, h = (np.empty((len(x), *h0.shape), h0.dtype) for _ in range(6))
    h_prev, c_prev = h0, c0
    for t in range(len(x)):
        a[t] = x_Wxh[t] + h_prev @ Whh + bh
        a_i, a_f, a_g, a_q = np.split(a[t], 4, axis=-1)
        i[t], f[t], g[t], q[t] = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_q)
        c[t] = f[t] * c_prev + i[t] * g[t]
        h[t] = q[t] * np.tanh(c[t])
        h_prev, c_prev = h[t], c[t]
    o = h @ Why + by
    return Trace(x, h0, c0, a, i, f, g, q, c, h, o, softmax(o))


def backward(
    params: Params,
    trace: Trace,
    y: npt.ArrayLike,
    *,
    reduction: str = "mean",
    truncate: int | None = None,
    weights: npt.ArrayLike | None = None,
) -> Grads:
    """The gradient of `cross_entropy(trace.o, y, reduction, weights)` with respect to the parameters, h0 and c0.

        do_t = w_t (ŷ_t - y_t)                  divided by Σ w_t when the loss is the mean; w_t = 1 unless given
        dh_t = do_t Whyᵀ + da_{t+1} Whhᵀ         the term through the output, and the term through the next gates
        dc_t = dh_t ⊙ q_t ⊙ (1 - tanh²(c_t)) + dc_{t+1} ⊙ f_{t+1}    through h_t, and along the path of c
        da_t = (dc_t ⊙ g_t ⊙ i_t(1 - i_t),  dc_t ⊙ c_{t-1} ⊙ f_t(1 - f_t),
                dc_t ⊙ i_t ⊙ (1 - g_t²),    dh_t ⊙ tanh(c_t) ⊙ q_t(1 - q_t))
        dWhy = Σ h_tᵀ do_t,  dWhh = Σ h_{t-1}ᵀ da_t,  dWxh = Σ x_tᵀ da_t,  dbh = Σ da_t,  dby = Σ do_t
        dh0 = da_1 Whhᵀ,  dc0 = dc_1 ⊙ f_1

    Arguments, `truncate=k` (the loss of each step reaches back over at most k steps, by either path) and what is
    raised: as in `rnnlib.backward`.
    """
    params, do = _errors(params, trace, y, reduction, weights)
    Whh, Why, gates, T = params.Whh, params.Why, _gates(trace), len(do)
    if truncate is not None:
        truncate = min(_check.positive_int("truncate", truncate), T)

    dh, dc, da = np.zeros_like(trace.h), np.zeros_like(trace.c), np.empty_like(trace.a)
    if truncate is None or truncate == T:
        dh_next, dc_next = np.zeros_like(trace.h0), np.zeros_like(trace.c0)  # no step follows the last one
        for t in reversed(range(T)):
            dh[t] = do[t] @ Why.T + dh_next
            da[t], dc[t], dh_next, dc_next = _step_back(Whh, gates[:, t], dh[t], dc_next)
    else:
        for lag, (dh_share, dc_share) in enumerate(_shares_by_lag(Whh, Why, gates, do, truncate)):
            dh[: T - lag] += dh_share
            dc[: T - lag] += dc_share
        da, dc, dh_before, dc_before = _step_back(Whh, gates, dh, dc)
        dh_next, dc_next = dh_before[0], dc_before[0]

    return Grads(
        Wxh=_cell.input_gradient(trace.x, da, len(params.Wxh)),
        Whh=rows(previous(trace.h0, trace.h)).T @ rows(da),
        Why=rows(trace.h).T @ rows(do),
        bh=rows(da).sum(axis=0),
        by=rows(do).sum(axis=0),
        h0=dh_next,
        c0=dc_next,
        do=do,
        dh=dh,
        dc=dc,
        da=da,
    )


def shares(
    params: Params,
    trace: Trace,
    y: npt.ArrayLike,
    *,
    reduction: str = "mean",
    weights: npt.ArrayLike | None = None,
) -> np.ndarray:
    """∂L_t/∂a_s over all gates, the part of each step's da from the loss of each step: (T, T, B, 4H); zero for s > t.

    Summed over t this is `backward(...).da`; summed over the band t < s + k it is that of `truncate=k`. Memory and time
    grow with T². Raises as `backward` does.
    """
    params, do = _errors(params, trace, y, reduction, weights)
    gates, T = _gates(trace), len(do)
    result = np.zeros((T, *trace.a.shape), trace.a.dtype)
    for lag, (dh, dc) in enumerate(_shares_by_lag(params.Whh, params.Why, gates, do, T)):
        steps = np.arange(T - lag)
        result[steps + lag, steps], *_ = _step_back(params.Whh, gates[:, steps], dh, dc)
    return result


def contributions(
    params: Params,
    trace: Trace,
    y: npt.ArrayLike,
    *,
    reduction: str = "mean",
    weights: npt.ArrayLike | None = None,
) -> np.ndarray:
    """How strongly the loss of step t depends on the pre-activations of step s: the matrix |shares[t, s]|, (T, T).

    The norm is taken over all gates and units, and over the sequences of a batch. Raises as `backward` does.
    """
    return _cell.lengths(shares(params, trace, y, reduction=reduction, weights=weights))


def jacobians(params: Params, trace: Trace) -> np.ndarray:
    """∂(h_t, c_t)/∂(h_{t-1}, c_{t-1}) of every step, laid out for row vectors: (T, B, 2H, 2H).

        ∂h_t/∂h_{t-1}, ∂h_t/∂c_{t-1}    rows 0 to H: what a gradient of h_t passes on to h_{t-1}, and to c_{t-1}
        ∂c_t/∂h_{t-1}, ∂c_t/∂c_{t-1}    rows H to 2H: the last block is diag(f_t)

    A gradient (dh, dc) of step t leaves for step t - 1 as its product with jacobians[t]. It is made of unit vectors,
    each sent back through the step. Raises as `backward` does for parameters and a trace.
    """
    params = _cell.check_params(Params, params)
    check_trace(params, trace, Trace)
    return _matrices(params.Whh, _gates(trace))[1]


def path(
    params: Params,
    trace: Trace,
    y: npt.ArrayLike,
    t: int,
    s: int,
    *,
    reduction: str = "mean",
    weights: npt.ArrayLike | None = None,
) -> Path:
    """The factors of `shares(...)[t, s]`, along the path from the loss of step t back to step s: a `Path`.

        share = (do_t Whyᵀ, 0) · Π ∂(h_r, c_r)/∂(h_{r-1}, c_{r-1}) · ∂(h_s, c_s)/∂a_s,  r = t, …, s+1

    t and s count from 0, s at most t. The term of dWhh that comes from this path is stateᵀ share.
    Raises as `rnnlib.path` does.
    """
    params, do = _errors(params, trace, y, reduction, weights)
    t = _check.whole("t", t, 0, len(do) - 1)
    s = _check.whole("s", s, 0, t)
    slopes, matrices = _matrices(params.Whh, _gates(trace)[:, s : t + 1])
    direct = do[t] @ params.Why.T
    error = np.concatenate([direct, np.zeros_like(direct)], axis=-1)
    factors, slope = matrices[:0:-1], slopes[0]
    share = _cell.along(_cell.along(error, factors), slope[None])
    return Path(error, factors, slope, trace.h[s - 1] if s else trace.h0, share)


def _errors(params, trace, y, reduction, weights):
    """The checked parameters and do."""
    params = _cell.check_params(Params, params)
    return params, output_errors(params, trace, Trace, y, reduction, weights)


def _gates(trace):
    """i, f, g, q, tanh(c_t) and c_{t-1} of all steps, in one array (6, T, B, H)."""
    return np.stack([trace.i, trace.f, trace.g, trace.q, np.tanh(trace.c), previous(trace.c0, trace.c)])


def _step_back(Whh, gates, dh, dc):
    """A backward step, from dh_t, dc_{t+1} ⊙ f_{t+1}: da_t, dc_t, and the terms of dh_{t-1}, dc_{t-1} from step t.

    The gates may be those of one step, or of many side by side.
    """
    i, f, g, q, tanh_c, c_prev = gates
    dc = dc + dh * q * (1 - tanh_c**2)
    da_i = dc * g * i * (1 - i)
    da_f = dc * c_prev * f * (1 - f)
    da_g = dc * i * (1 - g**2)
    da_q = dh * tanh_c * q * (1 - q)
    da = np.concatenate([da_i, da_f, da_g, da_q], axis=-1)
    return da, dc, da @ Whh.T, dc * f


def _shares_by_lag(Whh, Why, gates, do, reach) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each lag below `reach`, what losses `lag` steps later send to h_t, and to c_t along c: (T - lag, ...)."""
    dh = do @ Why.T
    dc = np.zeros_like(dh)
    for _ in range(reach):
        yield dh, dc
        _, _, dh, dc = _step_back(Whh, gates[:, 1 : len(dh)], dh[1:], dc[1:])


def _matrices(Whh, gates):
    """∂(h_t, c_t)/∂a_t (..., 2H, 4H) and ∂(h_t, c_t)/∂(h_{t-1}, c_{t-1}) (..., 2H, 2H) of every step."""
    dh, dc = np.split(np.eye(2 * len(Whh), dtype=gates.dtype), 2, axis=1)
    slopes, _, dh_before, dc_before = _step_back(Whh, gates[..., None, :], dh, dc)
    return slopes, np.concatenate([dh_before, dc_before], axis=-1)
