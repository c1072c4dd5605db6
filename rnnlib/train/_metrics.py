"""How good a network is: its loss on a whole text, and the same number in other units."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .. import _cell, _check
from ..gated_workspace import workspace_of
from ..optim import flatten
from ..rnn import Params
from ._run import check_trainable
from ._windows import Texts, check_texts


def evaluate(
    params: Params,
    ids: npt.ArrayLike | Sequence[npt.ArrayLike],
    *,
    steps: int = 256,
    weights: npt.ArrayLike | Sequence[npt.ArrayLike] | None = None,
) -> float:
    """The mean loss over all predictions of a text (n,), in nats, read once from a state of zeros.

    Each prediction counts once, in whichever window it is made. Of a list of sequences, (n_1,), (n_2,), …, each is read
    from a state of zeros, and the mean is over the predictions of all. weights: how much the prediction of each id
    counts, in the shape of the ids; the first of each sequence is not used, since nothing predicts it.

    steps: how many predictions are computed at once; it changes memory and speed, not the result. Raises as `forward`
    does for parameters, and TypeError or ValueError for ids, weights or steps that do not fit.
    """
    params = check_trainable(params)
    steps = _check.positive_int("steps", steps)
    return mean_loss(params, check_texts("ids", ids, len(params.by), weights), steps)


def mean_loss(params: Params, texts: Texts, steps: int = 256) -> float:
    """`evaluate` of arguments already checked: Σ w L / Σ w over all predictions."""
    (V, H, _), kind = _cell.sizes(params), workspace_of(type(params))
    weights, workspaces = flatten(params), {}
    batch = 1
    if texts.starts is not None:  # short sequences side by side, no more predictions at once than one long one has
        longest = int(np.diff(texts.starts, append=len(texts.ids)).max()) - 1
        batch = min(len(texts.starts), max(1, steps // longest))
    states, total, count = [np.zeros((batch, H), weights.dtype) for _ in params.states], 0.0, 0.0
    windows = texts.windows(batch, steps)
    for number, (x, y, *w) in enumerate(windows):
        if number in windows.begins:
            for state in states:
                state[:] = 0
        if x.shape not in workspaces:
            workspaces[x.shape] = kind(V, H, *x.shape, dtype=weights.dtype, weights=weights)
        workspace = workspaces[x.shape]
        for first, state in zip(workspace.states, states, strict=True):
            first[0] = state
        counted = float(w[0].sum()) if w else x.size
        loss = workspace.loss(x, y, *w if counted else ())  # without weights, it is computed for the state alone
        total += loss * counted
        count += counted
        for state, after in zip(states, workspace.states, strict=True):
            state[:] = after[-1]
    return total / count


def perplexity(loss: float) -> float:
    """exp L, for a loss L in nats: a uniform choice among that many characters has the same loss.

    Raises TypeError for a loss that is not a number.
    """
    loss = _check.real("loss", loss)
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf


def bits_per_character(loss: float) -> float:
    """L / ln 2, for a loss L in nats, or for an array of them. `bits` is another name for this function.

    Raises TypeError for a loss that is not a number and for float16, ValueError for masked values.
    """
    if isinstance(loss, np.ndarray) and loss.dtype.kind in "fiu":
        return _check.array("loss", loss) / math.log(2)
    return _check.real("loss", loss) / math.log(2)


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
    decay, values = _check.below_one(decay_name, decay), _check.numbers(name, values)
    if values.dtype.kind == "c":
        raise TypeError(f"{name}: expected real numbers, got {_check.describe(values)}")
    if values.ndim != 1:
        raise ValueError(f"{name}: expected shape (n,), got {values.shape}")
    curve = values.astype(float)
    for n in range(1, len(curve)):
        curve[n] = decay * curve[n - 1] + (1 - decay) * curve[n]
    return curve
