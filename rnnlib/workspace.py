"""The loss and its gradient for training: the forward and backward pass of `rnn.py` and `bptt.py`, but faster.

Buffers, and the views that the loops over the steps need, are allocated once and reused; an update allocates only a few
arrays of one number per prediction. Where one matrix product can cover all steps, it does. Rows of Wxh are looked up,
not multiplied by one-hot rows. The results equal those of `forward`, `cross_entropy` and `backward` up to rounding; the
tests compare them.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _check, _flat
from .rnn import Params


class Workspace:
    """The buffers for the loss and gradient of one window of T steps of B sequences, for the vanilla network.

    Those of the LSTM and the GRU are in `gated_workspace.py`.

    steps: T, the window length; input_size: D, the number of ids that can be read, V unless given. weights, gradient:
    vectors (n,) of all parameters, n = DH + H² + HV + H + V, allocated here unless given, so that workspaces can share
    them; `params` and `grads` are views of them as `Params`. `h[0]` (B, H) is the state that the next window starts
    from; `h[1:]` (T, B, H) and `yhat` (T, B, V) are the states and predictions of the last one. Each call overwrites
    the results of the call before it.

    Raises TypeError for sizes that are not whole numbers, a dtype that is not real and floating, and a vector of
    another dtype; ValueError for sizes below 1, a vector of another shape, and a read-only gradient or the weights as
    gradient.
    """

    kind: Any = Params  # the type of its parameters

    def __init__(
        self,
        vocab_size: int,
        hidden_size: int,
        steps: int,
        batch: int = 1,
        *,
        dtype: npt.DTypeLike = np.float64,
        weights: np.ndarray | None = None,
        gradient: np.ndarray | None = None,
        input_size: int | None = None,
    ) -> None:
        V, H = _check.positive_int("vocab_size", vocab_size), _check.positive_int("hidden_size", hidden_size)
        T, B = _check.positive_int("steps", steps), _check.positive_int("batch", batch)
        D = V if input_size is None else _check.positive_int("input_size", input_size)
        dtype = _check.floating("dtype", dtype)
        for name, vector in (("weights", weights), ("gradient", gradient)):
            if vector is not None and not (isinstance(vector, np.ndarray) and vector.dtype == dtype):
                raise TypeError(f"{name}: expected an array of type {dtype}, got {_check.describe(vector)}")
        if gradient is not None and not gradient.flags.writeable:
            raise ValueError("gradient: expected an array that can be written to, got one that is read-only")
        if weights is not None and gradient is not None and np.may_share_memory(weights, gradient):
            raise ValueError("gradient: expected another array than weights, got one with the same memory")
        count = _flat.size(V, H, D, self.kind)
        self.weights = np.zeros(count, dtype) if weights is None else weights
        self.gradient = np.zeros(count, dtype) if gradient is None else gradient
        vectors = self.weights, self.gradient
        kind = self.kind
        self.params, self.grads = (kind(**_flat.unflatten(vector, V, H, D, kind)) for vector in vectors)
        self.h, self.yhat = np.zeros((T + 1, B, H), dtype), np.empty((T, B, V), dtype)

        # The same arrays with steps and sequences in one axis, for products over all of them
        N = T * B
        self._before, self._after = self.h[:-1].reshape(N, H), self.h[1:].reshape(N, H)
        self._o, self._logits = self.yhat.reshape(N, V), self.yhat.reshape(N * V)
        self._top, self._sum = np.empty((N, 1), dtype), np.empty((N, 1), dtype)
        self._losses = self._top.reshape(N)
        self._ones, self._each = np.ones(N, dtype), np.ones((V, 1), dtype)
        self._starts, self._places = np.arange(N) * V, np.empty(N, np.intp)  # of rows and targets in the logits
        # Scalars as arrays: NumPy would convert a Python number in every call. Below the lowest, exp is denormal: slow,
        # and no longer exact
        self._one, self._share = np.array(1, dtype), np.array(1 / N, dtype)
        self._lowest = np.array(np.log(np.finfo(dtype).tiny), dtype)
        self._shape, self._rows = (T, B), list(self.grads.Wxh)
        self._allocate(T, B, H, D, dtype)

    @property
    def states(self) -> tuple[np.ndarray, ...]:
        """What is handed on from window to window, each (T + 1, B, H): h, and c of an LSTM."""
        return tuple(getattr(self, name) for name in self.kind.states)

    def _allocate(self, T, B, H, D, dtype):
        """The buffers that depend on the cell."""
        N = T * B
        self._da, self._slope = np.empty((N, H), dtype), np.empty((N, H), dtype)
        self._read = np.empty((D, H), dtype) if D < N else None  # Wxh + bh, where it has fewer rows than the window
        self._back = np.empty((H, H), dtype)  # Whhᵀ, laid out for a product with rows from the left

        # The same arrays step by step. The state of a single sequence is a vector: faster than a matrix of one row
        shape = (H,) if B == 1 else (B, H)
        h, da, slope = (array.reshape(-1, *shape) for array in (self.h, self._da, self._slope))
        self._spare = np.empty(shape, dtype)
        self._last = da[-1], slope[-1]
        self._steps = list(pairwise(h))
        self._steps_back = list(zip(da[:0:-1], da[-2::-1], slope[-2::-1], strict=True))
        self._terms = list(self._da) if N <= 64 else None

    def loss(self, x: np.ndarray, y: np.ndarray, weights: npt.ArrayLike | None = None) -> float:
        """The mean loss over the window x, y, ids (T, B), from the state `h[0]`; in nats.

        weights (T, B): how much the loss of each prediction counts, as in `cross_entropy(..., "mean", weights)`.

        Raises TypeError for anything but arrays of integers, ValueError for ids out of range and another shape, and for
        weights as `cross_entropy` does.
        """
        return self._loss(x, y, self._factors(weights))

    def _loss(self, x, y, factors):
        x, places = self._window(x, y)
        Wxh, Whh, _, bh, _ = self.params
        dot, add, tanh, spare = np.dot, np.add, np.tanh, self._spare
        if self._read is None:
            Wxh.take(x, 0, self._after, "clip")  # other modes would need a buffer
            add(self._after, bh, self._after)
        else:
            add(Wxh, bh, self._read)
            self._read.take(x, 0, self._after, "clip")
        for before, after in self._steps:
            dot(before, Whh, spare)
            add(after, spare, after)
            tanh(after, after)
        return self._predict(places, factors)

    def loss_and_gradient(self, x: np.ndarray, y: np.ndarray, weights: npt.ArrayLike | None = None) -> float:
        """`loss(x, y, weights)`; its gradient is left in `gradient`, that is in `grads`. Raises as `loss` does."""
        factors = self._factors(weights)
        loss = self._loss(x, y, factors)
        _, Whh, Why, _, _ = self.params
        dWxh, dWhh, _, dbh, _ = self.grads
        dot, add, multiply, spare, back = np.dot, np.add, np.multiply, self._spare, self._back
        da = self._da
        dot(self._output_errors(factors), Why.T, da)
        multiply(self._after, self._after, self._slope)
        np.subtract(self._one, self._slope, self._slope)
        back[:] = Whh.T
        multiply(*self._last, self._last[0])
        for da_next, da_t, slope in self._steps_back:
            dot(da_next, back, spare)
            add(da_t, spare, da_t)
            multiply(da_t, slope, da_t)
        dot(self._before.T, da, dWhh)
        dot(self._ones, da, dbh)
        self._sum_rows(x.reshape(-1), dWxh)
        return loss

    def _predict(self, places, factors):
        """The loss, from the states of all steps; o holds the predictions afterwards."""
        Why, by = self.params.Why, self.params.by
        dot, add, o = np.dot, np.add, self._o
        dot(self._after, Why, o)
        add(o, by, o)
        np.subtract(o, np.maximum.reduce(o, 1, None, self._top, True), o)
        right = self._logits.take(places)
        np.maximum(o, self._lowest, out=o)
        np.exp(o, o)
        dot(o, self._each, self._sum)
        np.log(self._sum, self._top)
        np.reciprocal(self._sum, self._sum)
        np.multiply(o, self._sum, o)
        if factors is not None:
            return float(dot(factors, self._losses) - dot(factors, right))
        return float(dot(self._ones, self._losses) - dot(self._ones, right)) / len(o)

    def _output_errors(self, factors):
        """do of all steps, (N, V), written over the predictions; and its sums dWhy and dby."""
        do = self._o
        right = self._logits.take(self._places)
        np.subtract(right, self._one, right)
        self._logits.put(self._places, right)
        np.multiply(do, self._share if factors is None else factors[:, None], do)
        np.dot(self._after.T, do, self.grads.Why)
        np.dot(self._ones, do, self.grads.by)
        return do

    def _window(self, x, y):
        """The ids of a window, and the places of its targets in the logits, all in one axis (N,)."""
        D, V = len(self.params.Wxh), self.yhat.shape[2]
        return self._ids("x", x, D), np.add(self._starts, self._ids("y", y, V), self._places)

    def _factors(self, weights):
        """What the loss of each prediction is multiplied with, (N,); None where that is 1 / N for all."""
        if weights is None:
            return None
        return _check.weights("weights", weights, self._shape, "mean").astype(self.h.dtype, copy=False).reshape(-1)

    def _ids(self, name, given, size):
        """The ids of a window, all in one axis (N,)."""
        if not isinstance(given, np.ndarray) or given.shape != self._shape:
            raise ValueError(f"{name}: expected an array of shape {self._shape}, got {_check.describe(given)}")
        ids = (given if type(given) is np.ndarray else _check.array(name, given)).reshape(-1)
        # A negative id, read as unsigned, is too large as well: one look at each of them is enough
        if ids.dtype != np.intp or np.maximum.reduce(ids.view(np.uintp)) >= size:
            ids = _check.ids(name, ids, size, f"{self._shape}").astype(np.intp)
        return ids

    def _sum_rows(self, x, dWxh):
        """dWxh = Σ x_tᵀ da_t: row i adds up the da of all steps that read symbol i. Writes over the slopes."""
        dWxh.fill(0)
        if self._terms:
            for symbol, term in zip(x.tolist(), self._terms, strict=True):
                row = self._rows[symbol]
                np.add(row, term, row)
        else:
            order, segments = self._segments(x)
            self._da.take(order, axis=0, out=self._slope, mode="clip")  # the slopes are not needed any more
            for symbol, start, end in segments:
                np.dot(self._ones[start:end], self._slope[start:end], self._rows[symbol])

    def _segments(self, x):
        """The order that sorts the ids, and (symbol, start, end) for each symbol that is read."""
        order = x.argsort(kind="stable")
        symbols = x[order]
        starts = np.flatnonzero(np.r_[True, symbols[1:] != symbols[:-1]])
        ends = [*starts[1:].tolist(), len(x)]
        return order, list(zip(symbols[starts].tolist(), starts.tolist(), ends, strict=True))
