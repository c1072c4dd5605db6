"""The backward pass written out again over (T, B, ·), so that each part of it can be replaced by a mistake."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from ..loss import softmax
from ..rnn import Params, Trace, forward


class Pass(NamedTuple):
    """What a pass back through the steps leaves behind. The gradients are sums of products of these."""

    do: np.ndarray  # (T, B, V)
    dh: np.ndarray  # (T, B, H)
    da: np.ndarray  # (T, B, H)
    dh0: np.ndarray  # (B, H)   what arrives at h0 when the loop has ended


def is_usual(trace: Any, params: Params, y: np.ndarray) -> bool:
    """Whether `trace` has the layout of `forward`'s, so that the backward pass can be repeated from it."""
    if not isinstance(trace, Trace):
        return False
    H, V = params.Why.shape
    states, logits = (*y.shape, H), (*y.shape, V)
    shapes = {"h0": (*y.shape[1:], H), "a": states, "h": states, "o": logits, "yhat": logits}
    return all(np.shape(getattr(trace, name)) == shape for name, shape in shapes.items())


def shifted(array: np.ndarray, steps: int, fill: Any = 0.0) -> np.ndarray:
    """`array` moved along its first axis to later (steps > 0) or earlier steps; `fill` is what moves in."""
    result = np.empty_like(array)
    n = min(abs(steps), len(array))
    if steps > 0:
        result[:n], result[n:] = fill, array[: len(array) - n]
    else:
        result[len(array) - n :], result[: len(array) - n] = fill, array[n:]
    return result


def product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Σ leftᵀ right over all axes but the last."""
    return left.reshape(-1, left.shape[-1]).T @ right.reshape(-1, right.shape[-1])


class Replay:
    """All that the backward pass reads, with an axis for the sequences, and `right`, the pass without a mistake.

    weights and share: how much each prediction counts, and its share in the loss, with an axis for the symbols.
    yhat is softmax(o), whatever the trace has there.
    """

    def __init__(
        self, params: Params, trace: Trace, y: np.ndarray, share: np.ndarray, weights: np.ndarray | None = None
    ):
        self._given = trace, y, share, weights
        self.params, self.single = params, y.ndim == 1
        self.y, self.x = self.batched(y), self.batched(trace.x)
        self.has_ids = trace.x.dtype.kind in "iu"
        self.share = self.batched(share)[..., None]
        self.weights = np.ones(self.share.shape) if weights is None else self.batched(weights)[..., None]
        self.a, self.h, self.o = (self.batched(array) for array in (trace.a, trace.h, trace.o))
        self.h0 = trace.h0[None] if self.single else trace.h0
        self.given_yhat, self.yhat = self.batched(trace.yhat), softmax(self.o)
        self.T, self.B, self.H = self.h.shape
        self.D, self.V = len(params.Wxh), self.o.shape[-1]
        self.h_prev = shifted(self.h, 1, self.h0)
        self.one_hot = self.rows(self.y)
        self.slope = 1 - self.h**2
        self.right = self.back((self.yhat - self.one_hot) * self.share)

    def from_zero(self) -> "Replay":
        """The same of states that are computed again from h0 = 0."""
        trace, y, share, weights = self._given
        return Replay(self.params, forward(self.params, trace.x), y, share, weights)

    def batched(self, array: np.ndarray) -> np.ndarray:
        return array[:, None] if self.single else array

    def rows(self, ids: np.ndarray) -> np.ndarray:
        """Ids of targets as one-hot rows."""
        result = np.zeros((*ids.shape, self.V))
        np.put_along_axis(result, ids[..., None], 1, axis=-1)
        return result

    def back(
        self,
        do: np.ndarray,
        *,
        slope: np.ndarray | None = None,
        join: Callable[..., Any] = lambda out, future, slope: (out + future) * slope,
        send: Callable[..., Any] = lambda r, dh, da, future: da @ r.params.Whh.T,
        out: np.ndarray | None = None,
        start: np.ndarray | None = None,
        order: Callable[[range], Iterable[int]] = reversed,
    ) -> Pass:
        """The loop back through the steps.

        slope: of the activation; join: da of what comes through the output, what comes from the next state, and the
        slope; send: what goes on to the previous step; out: do Whyᵀ; start: what comes back to the last step, zeros
        unless given; order: in which the steps are visited.
        """
        slope = self.slope if slope is None else slope
        out = do @ self.params.Why.T if out is None else out
        dh, da = np.zeros(self.h.shape), np.zeros(self.h.shape)
        future = np.zeros(self.h0.shape) if start is None else start
        for t in order(range(self.T)):
            dh[t] = out[t] + future
            da[t] = join(out[t], future, slope[t])
            future = send(self, dh[t], da[t], future)
        return Pass(do, dh, da, future)

    def gradient(self, name: str, p: Pass) -> np.ndarray:
        """The gradient with respect to one parameter, or to h0, summed as it should be."""
        if name == "h0":
            return self.states(p.da[0] @ self.params.Whh.T)
        if name == "Wxh":
            return self.by_input(self.x, p.da)
        left = {"Whh": self.h_prev, "Why": self.h}.get(name)
        right = p.do if name in ("Why", "by") else p.da
        return right.sum(axis=(0, 1)) if left is None else product(left, right)

    def right_gradient(self, name: str) -> np.ndarray:
        """The gradient of the pass without a mistake."""
        return self.gradient(name, self.right)

    def by_input(self, x: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Σ x_tᵀ right_t, for ids or features."""
        if not self.has_ids:
            return product(x, right)
        result = np.zeros((self.D, right.shape[-1]))
        np.add.at(result, x.reshape(-1), right.reshape(-1, right.shape[-1]))
        return result

    def states(self, array: np.ndarray) -> np.ndarray:
        """(B, H) in the shape of h0."""
        return array[0] if self.single else array
