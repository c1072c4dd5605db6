"""Backpropagation through time: the gradient of the loss, from the last step back to the first."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import _cell, _check, _repr
from .loss import REDUCTIONS, check_targets
from .rnn import Params, Trace, check_params


class Grads(NamedTuple):
    """The gradient of the loss with respect to each parameter (summed over the steps), to h0, and at each step."""

    Wxh: np.ndarray  # (D, H)
    Whh: np.ndarray  # (H, H)
    Why: np.ndarray  # (H, V)
    bh: np.ndarray  # (H,)
    by: np.ndarray  # (V,)
    h0: np.ndarray  # (B, H)     the axis B is absent for one sequence
    do: np.ndarray  # (T, B, V)
    dh: np.ndarray  # (T, B, H)
    da: np.ndarray  # (T, B, H)

    def __repr__(self) -> str:
        return _repr.short(self)


class Path(NamedTuple):
    """The path from the loss of step t back to step s: the factors behind one cell of `contributions`. See `path`."""

    error: np.ndarray  # (B, H)          do_t Whyᵀ = ∂L_t/∂h_t; the axis B is absent for one sequence
    jacobians: np.ndarray  # (t - s, B, H, H)  diag(1 - h_r²) Whhᵀ for r = t, …, s+1, in this order
    slope: np.ndarray  # (B, H)          1 - h_s²
    state: np.ndarray  # (B, H)          h_{s-1}; the initial state where s is the first step
    share: np.ndarray  # (B, H)          ∂L_t/∂a_s, the product of the error, the jacobians and the slope

    def __repr__(self) -> str:
        return _repr.short(self)


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
        dh_t = do_t Whyᵀ + da_{t+1} Whhᵀ         the term through the output, and the term through the next state
        da_t = dh_t ⊙ (1 - h_t²)
        dWhy = Σ h_tᵀ do_t,  dWhh = Σ h_{t-1}ᵀ da_t,  dWxh = Σ x_tᵀ da_t,  dbh = Σ da_t,  dby = Σ do_t
        dh0 = da_1 Whhᵀ

    `trace` is what `forward(params, x, h0)` returned; y: target ids (T,) or (T, B); weights: how much the loss of each
    prediction counts, in the shape of y (see `cross_entropy`). The sums run over the steps and, in a batch, over the
    sequences; h_0 need not be zero. The source of the method: Werbos, Backpropagation Through Time: What It Does and
    How to Do It, Proceedings of the IEEE 78(10), 1990.

    With `truncate=k` the loss of each step reaches back over at most k pre-activations: k = 1 is its own step only,
    k = T the full gradient. da_s is then the sum of the losses' shares (see `shares`) from step s to s + k - 1, and
    all the other sums follow from it as above. This takes up to k passes instead of one.

    Raises TypeError for targets that are not integers, weights that are not real, a trace that is not a `Trace` and a
    truncate that is not a whole number; ValueError for targets out of range or of the wrong shape, weights as
    `cross_entropy` does, parameters whose sizes do not match the trace's, a reduction other than "sum" and "mean", and
    a truncate below 1.
    """
    Wxh, Whh, Why, do = _errors(params, trace, y, reduction, weights)
    (D, H), V = Wxh.shape, Why.shape[1]
    T = len(do)
    if truncate is not None:
        truncate = min(_check.positive_int("truncate", truncate), T)

    dh = np.empty_like(trace.h)
    da = np.empty_like(trace.h)
    if truncate is None or truncate == T:
        dh_next = np.zeros_like(trace.h0)  # no step follows the last one
        for t in reversed(range(T)):
            dh[t] = do[t] @ Why.T + dh_next
            da[t] = dh[t] * (1 - trace.h[t] ** 2)
            dh_next = da[t] @ Whh.T
    else:
        dh[:] = do @ Why.T
        for lag, share in enumerate(_shares_by_lag(Whh, Why, trace.h, do, truncate)):
            if lag:
                dh[: T - lag] += share
        da[:] = dh * (1 - trace.h**2)

    # One product sums over steps and sequences at once, when these share an axis.
    h_prev = np.concatenate([trace.h0[None], trace.h[:-1]]).reshape(-1, H)
    h, da_rows, do_rows = trace.h.reshape(-1, H), da.reshape(-1, H), do.reshape(-1, V)
    if trace.x.dtype.kind in "iu":
        dWxh = np.zeros((D, H), da.dtype)
        np.add.at(dWxh, trace.x.reshape(-1), da_rows)
    else:
        dWxh = trace.x.reshape(-1, D).astype(da.dtype, copy=False).T @ da_rows
    return Grads(
        Wxh=dWxh,
        Whh=h_prev.T @ da_rows,
        Why=h.T @ do_rows,
        bh=da_rows.sum(axis=0),
        by=do_rows.sum(axis=0),
        h0=da[0] @ Whh.T,
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
    """The part of each step's da that comes from the loss of each step: (T, T, B, H), B absent for one sequence.

        shares[t, s] = ∂L_t/∂a_s = (do_t Whyᵀ) ⊙ (1 - h_t²) · Π Whhᵀ diag(1 - h_r²),  r = t-1, …, s;  zero for s > t

    Summed over t this is `backward(...).da`; summed over the band t < s + k it is that of `truncate=k`. Memory and time
    grow with T². The shares of a loss are multiplied by its weight. Raises as `backward` does.
    """
    _, Whh, Why, do = _errors(params, trace, y, reduction, weights)
    T = len(do)
    result = np.zeros((T, *trace.h.shape), trace.h.dtype)
    for lag, share in enumerate(_shares_by_lag(Whh, Why, trace.h, do, T)):
        steps = np.arange(T - lag)
        result[steps + lag, steps] = share * (1 - trace.h[: T - lag] ** 2)
    return result


def contributions(
    params: Params,
    trace: Trace,
    y: npt.ArrayLike,
    *,
    reduction: str = "mean",
    weights: npt.ArrayLike | None = None,
) -> np.ndarray:
    """How strongly the loss of step t depends on the pre-activation of step s: the matrix |shares[t, s]|, (T, T).

    The norm is taken over all hidden units, and over the sequences of a batch; zero for s > t. Raises as `backward`.
    """
    return _cell.lengths(shares(params, trace, y, reduction=reduction, weights=weights))


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

        ∂L_t/∂h_t = do_t Whyᵀ,  ∂h_r/∂h_{r-1} = diag(1 - h_r²) Whhᵀ,  ∂h_s/∂a_s = diag(1 - h_s²)
        share = do_t Whyᵀ · Π diag(1 - h_r²) Whhᵀ · diag(1 - h_s²),  r = t, …, s+1

    t and s count from 0, s at most t. The term of dWhh that comes from this path is stateᵀ share.

    Raises as `backward` does, TypeError for a step that is not a whole number, ValueError for one out of range.
    """
    _, Whh, Why, do = _errors(params, trace, y, reduction, weights)
    t = _check.whole("t", t, 0, len(do) - 1)
    s = _check.whole("s", s, 0, t)
    slopes = 1 - trace.h**2
    error = do[t] @ Why.T
    jacobians = slopes[t:s:-1, ..., None] * Whh.T
    share = _cell.along(error, jacobians)
    state = trace.h[s - 1] if s else trace.h0
    return Path(error, jacobians, slopes[s], state, share * slopes[s])


def jacobians(params: Params, trace: Trace) -> np.ndarray:
    """∂h_t/∂h_{t-1} of every step, laid out for row vectors: diag(1 - h_t²) Whhᵀ; (T, B, H, H).

    A gradient that arrives at h_t leaves for h_{t-1} as its product with jacobians[t]. Raises as `backward` does for
    parameters and a trace.
    """
    params = check_params(params)
    check_trace(params, trace, Trace)
    return (1 - trace.h**2)[..., None] * params.Whh.T


def check_trace(params: Any, trace: Any, kind: Any) -> None:
    """Raise TypeError or ValueError unless `trace` is one of this kind, and of the sizes of `params`, of any cell."""
    if not isinstance(trace, kind):
        raise TypeError(f"trace: expected the Trace that forward of {kind.cell} returned, got {_cell.describe(trace)}")
    V, H, D = _cell.sizes(params)
    for name, array in zip(kind._fields, trace, strict=True):
        if not isinstance(array, np.ndarray):
            raise TypeError(f"trace.{name}: expected the array that forward returned, got {_check.describe(array)}")
    if not trace.h.size:
        raise ValueError(f"trace: expected at least one step and one sequence, got h of shape {trace.h.shape}")
    if trace.o.shape[-1:] != (V,) or trace.h.shape[-1:] != (H,):
        sizes = [array.shape[-1] if array.ndim else "none" for array in (trace.o, trace.h)]
        raise ValueError(f"trace: expected V = {V} and H = {H} as in params, got V = {sizes[0]} and H = {sizes[1]}")
    x, states, steps = trace.x, trace.h.shape, trace.h.shape[:-1]
    ids = x.dtype.kind in "iu"
    logits = (*steps, V)
    shapes = {"x": steps if ids else (*steps, *x.shape[-1:]), "a": (*steps, params.gates * H), "o": logits}
    shapes |= {"yhat": logits, "h0": states[1:], "c0": states[1:]}
    for name, array in zip(kind._fields, trace, strict=True):
        if array.shape != (shape := shapes.get(name, states)):
            raise ValueError(f"trace.{name}: expected shape {shape}, as trace.h has {trace.h.shape}, got {array.shape}")
    if not (0 <= x.min() <= x.max() < D if ids else x.shape[-1] == D):
        got = f"ids from {x.min()} to {x.max()}" if ids else f"features of size {x.shape[-1]}"
        raise ValueError(f"trace: expected inputs of size D = {D} as in params, got {got}")


def output_errors(params: Any, trace: Any, kind: Any, y: Any, reduction: Any, weights: Any) -> np.ndarray:
    """do_t = w_t (ŷ_t - y_t) for any cell, after all checks; `params` are already checked, `kind` is that of traces."""
    check_trace(params, trace, kind)
    _check.one_of("reduction", reduction, REDUCTIONS)
    y = check_targets(trace.o, y)
    do = trace.yhat.copy()
    np.put_along_axis(do, y[..., None], np.take_along_axis(do, y[..., None], axis=-1) - 1, axis=-1)
    if weights is not None:
        do *= _check.cast("weights", _check.weights("weights", weights, y.shape, reduction), do.real.dtype)[..., None]
    elif reduction == "mean":
        do /= y.size
    return do


def _errors(params, trace, y, reduction, weights):
    """Wxh, Whh, Why and do, after all checks."""
    params = check_params(params)
    do = output_errors(params, trace, Trace, y, reduction, weights)
    return params.Wxh, params.Whh, params.Why, do


def _shares_by_lag(Whh, Why, h, do, reach):
    """For each lag below `reach`, the terms of dh that come from losses `lag` steps later; shape (T - lag, ...)."""
    share = do @ Why.T
    for _ in range(reach):
        yield share
        share = (share[1:] * (1 - h[1 : len(share)] ** 2)) @ Whh.T
