"""Softmax and cross-entropy, both from logits and both stable for logits of any finite size."""

import numpy as np
import numpy.typing as npt

from . import _check

REDUCTIONS = ("sum", "mean")


def _floating(o):
    """Integer logits as float64: in their own type a difference may wrap around and an exponential overflow.

    Raises TypeError for anything but an array of numbers, ValueError for one without a last axis to sum over.
    """
    given, o = o, _check.array("o", o)
    if o.dtype.kind not in "fciu":
        raise TypeError(f"o: expected an array of numbers, got {_check.describe(given)}")
    if not o.ndim or not o.shape[-1]:
        raise ValueError(f"o: expected logits of shape (..., V), V at least 1, got {o.shape}")
    return o.astype(np.float64) if o.dtype.kind in "iu" else o


def log_softmax(o: npt.ArrayLike) -> np.ndarray:
    """log ŷ = o - log Σ exp(o), over the last axis; any shape (..., V), real or complex.

    The largest logit is subtracted first, so that no exponential overflows and the sum is at least 1. Raises as
    `softmax` does.
    """
    o = _floating(o)
    shifted = o - o.real.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def softmax(o: npt.ArrayLike) -> np.ndarray:
    """ŷ = exp(o) / Σ exp(o), over the last axis; any shape (..., V), real or complex.

    Where a logit is NaN, or the largest one infinite, so are the probabilities of its row. Raises TypeError for
    anything but an array of numbers, ValueError for one without a last axis.
    """
    o = _floating(o)
    yhat = np.exp(o - o.real.max(axis=-1, keepdims=True))
    yhat /= yhat.sum(axis=-1, keepdims=True)
    return yhat


def check_targets(o: np.ndarray, y: npt.ArrayLike) -> np.ndarray:
    """Return y as an array of ids that fits logits o of shape (..., V), else raise as `cross_entropy` does."""
    y = _check.ids("y", y, o.shape[-1], f"{o.shape[:-1]}")
    if y.shape != o.shape[:-1]:
        first = "; time comes first, so transpose it" if y.shape == o.shape[-2::-1] else ""
        raise ValueError(f"y: expected one target id for each prediction, shape {o.shape[:-1]}, got {y.shape}{first}")
    return y


def step_losses(o: npt.ArrayLike, y: npt.ArrayLike) -> np.ndarray:
    """L_t = -log ŷ_t[y_t], in nats: the loss of every single prediction, in the shape of y.

    o: logits (T, V) or (T, B, V); y: target ids (T,) or (T, B). Raises as `cross_entropy` does.
    """
    o = _check.numbers("o", o)
    if o.ndim < 1 or 0 in o.shape:
        raise ValueError(f"o: expected logits of shape (T, V) or (T, B, V) with no empty axis, got {o.shape}")
    y = check_targets(o, y)
    return 0 - np.take_along_axis(log_softmax(o), y[..., None], axis=-1)[..., 0]


def cross_entropy(
    o: npt.ArrayLike, y: npt.ArrayLike, reduction: str = "mean", weights: npt.ArrayLike | None = None
) -> np.floating:
    """L = Σ_t w_t L_t (`"sum"`), or this divided by Σ_t w_t (`"mean"`), over all steps and sequences; in nats.

    o: logits (T, V) or (T, B, V), before the softmax, so that the logarithm of a probability that underflows to zero is
    never needed; y: target ids (T,) or (T, B). Real logits give a real number, complex logits a complex one.

    weights: how much the loss of each prediction counts, at least 0, in the shape of y; all 1 unless given. A weight
    of 0 masks a prediction: its target may be any id, and the mean does not count it. So padding, class weights
    (`class_weights[y]`) and a loss at the last step alone are all weights; see `rnnlib.padding`.

    Raises TypeError for targets that are not integers and weights that are not real; ValueError for targets out of
    range or of the wrong shape, for logits that are not finite, for weights of the wrong shape, below 0 or (for the
    mean) without a positive sum, and for a reduction other than "sum" and "mean".
    """
    _check.one_of("reduction", reduction, REDUCTIONS)
    losses = step_losses(o, y)
    if weights is None:
        return losses.sum() if reduction == "sum" else losses.mean()
    factors = _check.weights("weights", weights, losses.shape, reduction)
    return (_check.cast("weights", factors, losses.real.dtype) * losses).sum()
