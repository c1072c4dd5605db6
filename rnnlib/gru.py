"""The GRU: its parameters, its forward pass, and backpropagation through time, as `rnn.py` and `bptt.py` have them.

Row vectors, time first; T steps, B sequences, V symbols, D inputs, H hidden units. Wxh, Whh and bh have
three blocks of H columns side by side, those of r, z and n:

    a_r = x_t Wxr + h_{t-1} Whr + br,   r_t = σ(a_r)        reset gate
    a_z = x_t Wxz + h_{t-1} Whz + bz,   z_t = σ(a_z)        update gate
    m_t = h_{t-1} Whn + bn                                  what the candidate could take from the previous state
    a_n = x_t Wxn + bh_n + r_t ⊙ m_t,   n_t = tanh(a_n)      candidate
    h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}
    o_t = h_t Why + by,  ŷ_t = softmax(o_t)

This is the form of PyTorch, of ONNX with `linear_before_reset=1` and of Keras with `reset_after=True`: r_t multiplies
the product with Whn, hence the second bias bn. Cho et al., Learning Phrase Representations using RNN Encoder-Decoder
for Statistical Machine Translation, EMNLP 2014, multiply h_{t-1} by r_t before the product, and call z_t what is
1 - z_t here in some versions of the paper.
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
    """The weights and biases, the same at every step; columns of the gates in the order r, z, n."""

    Wxh: np.ndarray  # (D, 3H)  input to gates; D = V where the network reads what it predicts
    Whh: np.ndarray  # (H, 3H)  hidden to gates, one step later
    Why: np.ndarray  # (H, V)   hidden to output
    bh: np.ndarray  # (3H,)
    bn: np.ndarray  # (H,)     the bias within the brackets that r_t multiplies
    by: np.ndarray  # (V,)

    cell = "a GRU"
    gates = 3
    states = ("h",)

    def __repr__(self) -> str:
        return "gru." + _repr.short(self)


class Trace(NamedTuple):
    """All that the forward pass computes; `backward` needs all but a and o. A single sequence has no axis B."""

    x: np.ndarray  # ids (T, B) or features (T, B, D), a copy of those given
    h0: np.ndarray  # (B, H)      the state before the first step
    a: np.ndarray  # (T, B, 3H)  pre-activations of r, z, n
    r: np.ndarray  # (T, B, H)   reset gate
    z: np.ndarray  # (T, B, H)   update gate
    m: np.ndarray  # (T, B, H)   h_{t-1} Whn + bn, before r_t multiplies it
    n: np.ndarray  # (T, B, H)   candidate
    h: np.ndarray  # (T, B, H)   hidden states
    o: np.ndarray  # (T, B, V)   logits
    yhat: np.ndarray  # (T, B, V)   predicted probabilities

    cell = Params.cell

    def __repr__(self) -> str:
        return "gru." + _repr.short(self)


class Grads(NamedTuple):
    """The gradient of the loss with respect to each parameter (summed over the steps), to h0, and at each step."""

    Wxh: np.ndarray  # (D, 3H)
    Whh: np.ndarray  # (H, 3H)
    Why: np.ndarray  # (H, V)
    bh: np.ndarray  # (3H,)
    bn: np.ndarray  # (H,)
    by: np.ndarray  # (V,)
    h0: np.ndarray  # (B, H)      the axis B is absent for one sequence
    do: np.ndarray  # (T, B, V)
    dh: np.ndarray  # (T, B, H)
    da: np.ndarray  # (T, B, 3H)

    def __repr__(self) -> str:
        return "gru." + _repr.short(self)


class Path(NamedTuple):
    """The path from the loss of step t back to step s: the factors of one share. See `path`."""

    error: np.ndarray  # (B, H)          do_t Whyᵀ = ∂L_t/∂h_t; the axis B is absent for one sequence
    jacobians: np.ndarray  # (t - s, B, H, H)  ∂h_r/∂h_{r-1} for r = t, …, s+1, laid out for row vectors
    slope: np.ndarray  # (B, H, 3H)      ∂h_s/∂a_s
    state: np.ndarray  # (B, H)          h_{s-1}; the initial state where s is the first step
    share: np.ndarray  # (B, 3H)         ∂L_t/∂a_s, the product of the error, the jacobians and the slope

    def __repr__(self) -> str:
        return "gru." + _repr.short(self)


def init_params(
    vocab_size: int,
    hidden_size: int,
    *,
    rng: np.random.Generator,
    dtype: npt.DTypeLike = np.float64,
    input_size: int | None = None,
) -> Params:
    """Weights uniform within ±1/√fan-in, in the order Wxh, Whh, Why; biases zero.

    Arguments and what is raised: as for `rnnlib.init_params`.
    """
    return _cell.init_params(Params, vocab_size, hidden_size, rng, dtype, input_size)


def forward(params: Params, x: npt.ArrayLike, h0: npt.ArrayLike | None = None) -> Trace:
    """Run the network over x from the state h0 (zeros unless given) and return the whole `Trace`.

        r_t = σ(a_r),  z_t = σ(a_z),  m_t = h_{t-1} Whn + bn,  n_t = tanh(x_t Wxn + bh_n + r_t ⊙ m_t)
        h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1};  o_t = h_t Why + by;  ŷ_t = softmax(o_t)

    x, the shapes of h0, the type of the result and what is raised: as in `rnnlib.forward`.
    """
    params = _cell.check_params(Params, params)
    x, h0 = _cell.check_inputs(params, x, h0=h0)

    Wxh, Whh, Why, bh, bn, by = params
    H = len(Whh)
    x_Wxh = _cell.input_rows(x, Wxh, h0.dtype) + bh
    a = np.empty((len(x), *h0.shape[:-1], 3 * H), h0.dtype)
    r, z, m, n, h = (np.empty((len(x), *h0.shape), h0.dtype) for _ in range(5))
    h_prev = h0
    for t in range(len(x)):
        h_Whh = h_prev @ Whh
        a[t, ..., : 2 * H] = x_Wxh[t, ..., : 2 * H] + h_Whh[..., : 2 * H]
        r[t], z[t] = sigmoid(a[t, ..., :H]), sigmoid(a[t, ..., H : 2 * H])
        m[t] = h_Whh[..., 2 * H :] + bn
        a[t, ..., 2 * H :] = x_Wxh[t, ..., 2 * H :] + r[t] * m[t]
        n[t] = np.tanh(a[t, ..., 2 * H :])
        h[t] = (1 - z[t]) * n[t] + z[t] * h_prev
        h_prev = h[t]
    o = h @ Why + by
    return Trace(x, h0, a, r, z, m, n, h, o, softmax(o))


def backward(
    params: Params,
    trace: Trace,
    y: npt.ArrayLike,
    *,
    reduction: str = "mean",
    truncate: int | None = None,
    weights: npt.ArrayLike | None = None,
) -> Grads:
    """The gradient of `cross_entropy(trace.o, y, reduction, weights)` with respect to the parameters and h0.

        do_t = w_t (ŷ_t - y_t)                  divided by Σ w_t when the loss is the mean; w_t = 1 unless given
        dh_t = do_t Whyᵀ + dh_{t+1} ⊙ z_{t+1} + dk_{t+1} Whhᵀ
        da_t = (da_n ⊙ m_t ⊙ r_t(1 - r_t),  dh_t ⊙ (h_{t-1} - n_t) ⊙ z_t(1 - z_t),  dh_t ⊙ (1 - z_t) ⊙ (1 - n_t²))
        dk_t = (da_r, da_z, da_n ⊙ r_t)           the gradient of h_{t-1} Whh: its last block is that of m_t
        dWhy = Σ h_tᵀ do_t,  dWhh = Σ h_{t-1}ᵀ dk_t,  dWxh = Σ x_tᵀ da_t
        dbh = Σ da_t,  dbn = Σ da_n ⊙ r_t,  dby = Σ do_t,  dh0 = dh_1 ⊙ z_1 + dk_1 Whhᵀ

    Arguments, `truncate=k` (the loss of each step reaches back over at most k steps) and what is raised: as in
    `rnnlib.backward`.
    """
    params, do = _errors(params, trace, y, reduction, weights)
    Whh, Why, gates, T = params.Whh, params.Why, _gates(trace), len(do)
    if truncate is not None:
        truncate = min(_check.positive_int("truncate", truncate), T)

    dh, da = np.zeros_like(trace.h), np.empty_like(trace.a)
    if truncate is None or truncate == T:
        dh_next = np.zeros_like(trace.h0)  # no step follows the last one
        for t in reversed(range(T)):
            dh[t] = do[t] @ Why.T + dh_next
            da[t], dh_next = _step_back(Whh, gates[:, t], dh[t])
    else:
        for lag, share in enumerate(_shares_by_lag(Whh, Why, gates, do, truncate)):
            dh[: T - lag] += share
        da, dh_before = _step_back(Whh, gates, dh)
        dh_next = dh_before[0]

    dk = rows(_through_reset(da, trace.r))
    return Grads(
        Wxh=_cell.input_gradient(trace.x, da, len(params.Wxh)),
        Whh=rows(previous(trace.h0, trace.h)).T @ dk,
        Why=rows(trace.h).T @ rows(do),
        bh=rows(da).sum(axis=0),
        bn=dk[:, -len(Whh) :].sum(axis=0),
        by=rows(do).sum(axis=0),
        h0=dh_next,
        do=do,
        dh=dh,
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
    """∂L_t/∂a_s over all gates, the part of each step's da from the loss of each step: (T, T, B, 3H); zero for s > t.

    Summed over t this is `backward(...).da`; summed over the band t < s + k it is that of `truncate=k`. Memory and time
    grow with T². Raises as `backward` does.
    """
    params, do = _errors(params, trace, y, reduction, weights)
    gates, T = _gates(trace), len(do)
    result = np.zeros((T, *trace.a.shape), trace.a.dtype)
    for lag, dh in enumerate(_shares_by_lag(params.Whh, params.Why, gates, do, T)):
        steps = np.arange(T - lag)
        result[steps + lag, steps], _ = _step_back(params.Whh, gates[:, steps], dh)
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
    """∂h_t/∂h_{t-1} of every step, laid out for row vectors: (T, B, H, H).

    A gradient that arrives at h_t leaves for h_{t-1} as its product with jacobians[t]: by way of z_t, and of the gates.
    It is made of unit vectors, each sent back through the step. Raises as `backward` does for parameters and a trace.
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

        share = do_t Whyᵀ · Π ∂h_r/∂h_{r-1} · ∂h_s/∂a_s,  r = t, …, s+1

    t and s count from 0, s at most t. The term of dWhh that comes from this path is stateᵀ share, the last block of the
    share multiplied by r_s. Raises as `rnnlib.path` does.
    """
    params, do = _errors(params, trace, y, reduction, weights)
    t = _check.whole("t", t, 0, len(do) - 1)
    s = _check.whole("s", s, 0, t)
    slopes, matrices = _matrices(params.Whh, _gates(trace)[:, s : t + 1])
    error, factors, slope = do[t] @ params.Why.T, matrices[:0:-1], slopes[0]
    share = _cell.along(_cell.along(error, factors), slope[None])
    return Path(error, factors, slope, trace.h[s - 1] if s else trace.h0, share)


def _errors(params, trace, y, reduction, weights):
    """The checked parameters and do."""
    params = _cell.check_params(Params, params)
    return params, output_errors(params, trace, Trace, y, reduction, weights)


def _gates(trace):
    """r, z, n, m and h_{t-1} of all steps, in one array (5, T, B, H)."""
    return np.stack([trace.r, trace.z, trace.n, trace.m, previous(trace.h0, trace.h)])


def _through_reset(da, r):
    """dk: the gradient of h_{t-1} Whh, which in its last block, that of n, is da_n ⊙ r."""
    da_r, da_z, da_n = np.split(da, 3, axis=-1)
    return np.concatenate([da_r, da_z, da_n * r], axis=-1)


def _step_back(Whh, gates, dh):
    """A backward step, from dh_t: da_t, and the term of dh_{t-1} from step t. The gates may be those of many steps."""
    r, z, n, m, h_prev = gates
    da_n = dh * (1 - z) * (1 - n**2)
    da_z = dh * (h_prev - n) * z * (1 - z)
    da_r = da_n * m * r * (1 - r)
    da = np.concatenate([da_r, da_z, da_n], axis=-1)
    return da, dh * z + _through_reset(da, r) @ Whh.T


def _shares_by_lag(Whh, Why, gates, do, reach) -> Iterator[np.ndarray]:
    """For each lag below `reach`, the terms of dh that come from losses `lag` steps later; shape (T - lag, ...)."""
    dh = do @ Why.T
    for _ in range(reach):
        yield dh
        _, dh = _step_back(Whh, gates[:, 1 : len(dh)], dh[1:])


def _matrices(Whh, gates):
    """∂h_t/∂a_t (..., H, 3H) and ∂h_t/∂h_{t-1} (..., H, H) of every step."""
    return _step_back(Whh, gates[..., None, :], np.eye(len(Whh), dtype=gates.dtype))
