"""How good a network is: its loss on a whole text, and the same number in other units."""

import math

import numpy as np
import numpy.typing as npt

from .. import _check
from ..optim import flatten
from ..rnn import Params, check_text_params
from ..workspace import Workspace
from ._windows import check_text, streams


def evaluate(params: Params, ids: npt.ArrayLike, *, steps: int = 256) -> float:
    """The mean loss over all predictions of a text (n,), in nats, read once from a state of zeros.

    steps: the window length; it changes memory and speed, not the result. Raises as `forward` does for parameters, and
    TypeError or ValueError for ids or steps that do not fit.
    """
    params = check_text_params(params)
    V, H = params.Wxh.shape
    weights, workspaces = flatten(params), {}
    h, total = np.zeros((1, H), weights.dtype), 0.0
    for x, y in streams(check_text("ids", ids, V), 1, steps):
        if len(x) not in workspaces:
            workspaces[len(x)] = Workspace(V, H, len(x), dtype=weights.dtype, weights=weights)
        workspace = workspaces[len(x)]
        workspace.h[0] = h
        total += workspace.loss(x, y) * len(x)
        h = workspace.h[-1]
    return total / (len(ids) - 1)


def perplexity(loss: float) -> float:
    """exp L, for a loss L in nats: a uniform choice among that many characters has the same loss."""
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf


def bits_per_character(loss: float) -> float:
    """L / ln 2, for a loss L in nats. `bits` is another name of this function."""
    return loss / math.log(2)


bits = bits_per_character


def ema(values: npt.ArrayLike, *, decay: float = 0.99) -> np.ndarray:
    """The exponential moving average of values (n,), a curve (n,) on which single outliers have little effect.

        s_n = decay · s_{n-1} + (1 - decay) · x_n,    s_0 = x_0

    `smoothed(losses, keep=)` is the same function. Raises TypeError or ValueError for values that are not finite
    numbers of shape (n,), and for a decay that is not from 0 to below 1.
    """
    return _ema("values", values, "decay", decay)


def smoothed(losses: npt.ArrayLike, *, keep: float = 0.99) -> np.ndarray:
    """`ema(losses, decay=keep)`: s_n = keep · s_{n-1} + (1 - keep) · L_n from s_0 = L_0. Raises as `ema` does."""
    return _ema("losses", losses, "keep", keep)


def _ema(name, values, decay_name, decay):
    decay, curve = _check.below_one(decay_name, decay), np.array(_check.numbers(name, values), float)
    if curve.ndim != 1:
        raise ValueError(f"{name}: expected shape (n,), got {curve.shape}")
    for n in range(1, len(curve)):
        curve[n] = decay * curve[n - 1] + (1 - decay) * curve[n]
    return curve
