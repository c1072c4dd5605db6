"""What a check cannot show at the point where it was made: conditions under which a mistake changes nothing."""

from collections.abc import Iterator
from typing import Any

import numpy as np


def blind_spots(
    params: Any,
    x: np.ndarray,
    y: np.ndarray,
    trace: Any,
    reduction: str,
    weights: np.ndarray | None,
    tolerance: float,
) -> tuple[str, ...]:
    """A sentence for each kind of mistake that these numbers hide. `trace` is what forward returned."""
    return (
        *_of_time(y, trace, reduction, weights),
        *_of_characters(x, y),
        *_of_the_batch(x, y),
        *_of_the_weights(params, trace, tolerance),
    )


def _of_time(y, trace, reduction, weights) -> Iterator[str]:
    T = len(y)
    if T == 1:
        yield "there is one step: nothing goes back in time, and a sum over the steps has one term"
    elif T == 2:
        yield "there are two steps: an error goes back once only, so at least three are needed"
    for name in ("h0", "c0"):
        if hasattr(trace, name) and not np.any(getattr(trace, name)):
            yield f"{name} is zero: losing the initial state has no effect"
    if reduction == "sum" and y.size > 1:
        yield "the loss is a sum: forgetting the mean has no effect"
    if weights is not None and np.ptp(weights) == 0:
        yield "all weights are equal: weights that are left out of one term change nothing"


def _of_characters(x, y) -> Iterator[str]:
    if x.dtype.kind not in "iu":
        return
    if x.size > 1 and len(np.unique(x)) == x.size:
        yield "no character is read twice: dWxh[x] = da changes nothing where += belongs"
    elif x.ndim == 2 and x.shape[1] > 1 and all(len(np.unique(row)) == len(row) for row in x):
        yield (
            "no two sequences read the same character at the same step: dWxh[x[t]] += da[t], which adds only one of "
            "them, changes nothing"
        )
    if x.shape == y.shape and np.array_equal(x, y):
        yield "the targets are the inputs: using one in place of the other changes nothing"


def _of_the_batch(x, y) -> Iterator[str]:
    if y.ndim == 1:
        return
    T, B = y.shape
    if B == 1:
        yield "the batch has one sequence: a sum over the sequences has one term"
    elif T == B:
        yield f"T = B = {T}: using one in place of the other changes nothing"
    elif all(np.array_equal(x[:, :1], x[:, b : b + 1]) and np.array_equal(y[:, 0], y[:, b]) for b in range(1, B)):
        yield "all sequences of the batch are alike: using one in place of another changes little"


def _of_the_weights(params, trace, tolerance) -> Iterator[str]:
    Whh = params.Whh
    if len(Whh) == 1:
        yield "there is one hidden unit: a product of matrices in the wrong order, or transposed, changes nothing"
    elif all(
        np.allclose(block, block.T, rtol=0, atol=tolerance * np.abs(Whh).max())
        for block in np.split(Whh, params.gates, axis=1)
    ):
        yield "Whh is symmetric: leaving out its transpose changes nothing"
    for name in ("Whh", "Why"):
        if not np.any(getattr(params, name)):
            yield f"{name} is zero: nothing goes back through it"
    h = getattr(trace, "h", None)
    if params.gates == 1 and h is not None and h.dtype.kind == "f" and h.size and np.max(h**2) <= tolerance:
        yield f"no state is larger than {np.abs(h).max():.1g}: tanh and its slope are hardly different from a and 1"
