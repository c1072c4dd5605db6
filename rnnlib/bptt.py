"""Backpropagation through time: the gradient of the loss, from the last step back to the first."""

from typing import NamedTuple

import numpy as np

from . import _check
from .loss import REDUCTIONS, check_targets
from .rnn import Trace, check_params


class Grads(NamedTuple):
    """The gradient of the loss: in each parameter (summed over the steps), in the initial state, and step by step."""

    Wxh: np.ndarray  # (V, H)
    Whh: np.ndarray  # (H, H)
    Why: np.ndarray  # (H, V)
    bh: np.ndarray  # (H,)
    by: np.ndarray  # (V,)
    h0: np.ndarray  # (B, H)     the axis B is absent for one sequence
    do: np.ndarray  # (T, B, V)
    dh: np.ndarray  # (T, B, H)
    da: np.ndarray  # (T, B, H)


def backward(params, trace, y, *, reduction="mean"):
    """The gradient of `cross_entropy(trace.o, y, reduction)` in every parameter and in h0, in one pass back.

        do_t = ŷ_t - y_t                        divided by T·B when the loss is the mean
        dh_t = do_t Whyᵀ + da_{t+1} Whhᵀ         the road through the output, and the road through the next state
        da_t = dh_t ⊙ (1 - h_t²)
        dWhy = Σ h_tᵀ do_t,  dWhh = Σ h_{t-1}ᵀ da_t,  dWxh = Σ x_tᵀ da_t,  dbh = Σ da_t,  dby = Σ do_t
        dh0 = da_1 Whhᵀ

    `trace` is what `forward(params, x, h0)` returned; y: target ids (T,) or (T, B). The sums run over the steps
    and, in a batch, over the sequences; h_0 need not be zero.

    Raises TypeError for targets that are not integers; ValueError for targets out of range or of another shape,
    parameters of another size than the trace's, and a reduction other than "sum" and "mean".
    """
    Wxh, Whh, Why, _, _ = check_params(params)
    if not isinstance(trace, Trace):
        raise TypeError(f"trace: expected the Trace that forward returned, got {_check.describe(trace)}")
    _check.one_of("reduction", reduction, REDUCTIONS)
    y = check_targets(trace.o, y)
    V, H = Wxh.shape
    if trace.o.shape[-1] != V or trace.h.shape[-1] != H:
        raise ValueError(
            f"trace: expected V = {V} and H = {H} as in params, got V = {trace.o.shape[-1]} and H = {trace.h.shape[-1]}"
        )

    do = trace.yhat.copy()
    np.put_along_axis(do, y[..., None], np.take_along_axis(do, y[..., None], axis=-1) - 1, axis=-1)
    if reduction == "mean":
        do /= y.size

    dh = np.empty_like(trace.h)
    da = np.empty_like(trace.h)
    dh_next = np.zeros_like(trace.h0)  # no step follows the last one
    for t in reversed(range(len(dh))):
        dh[t] = do[t] @ Why.T + dh_next
        da[t] = dh[t] * (1 - trace.h[t] ** 2)
        dh_next = da[t] @ Whh.T

    # One product sums over steps and sequences at once, when these share an axis.
    h_prev = np.concatenate([trace.h0[None], trace.h[:-1]]).reshape(-1, H)
    h, da_rows, do_rows = trace.h.reshape(-1, H), da.reshape(-1, H), do.reshape(-1, V)
    if trace.x.dtype.kind in "iu":
        dWxh = np.zeros((V, H), da.dtype)
        np.add.at(dWxh, trace.x.reshape(-1), da_rows)
    else:
        dWxh = trace.x.reshape(-1, V).astype(da.dtype, copy=False).T @ da_rows
    return Grads(
        Wxh=dWxh,
        Whh=h_prev.T @ da_rows,
        Why=h.T @ do_rows,
        bh=da_rows.sum(axis=0),
        by=do_rows.sum(axis=0),
        h0=dh_next,
        do=do,
        dh=dh,
        da=da,
    )
