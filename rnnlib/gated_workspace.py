"""The loss and its gradient for training an LSTM or a GRU: `lstm.py` and `gru.py`, but faster; see `workspace.py`.

Beside what `Workspace` does, three things help. All gates that are logistic functions take one call of exp a step:
σ(a) = 1 / (1 + exp(-a)), the sign (and, as tanh(a) = 2 σ(2a) - 1, the factor 2 of the LSTM's candidate) is multiplied
into a copy of the weights. What the derivatives of a step need of its gates is computed for a few steps at once, as
many as stay in the processor's cache. And dWhh is one product over all steps.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from . import _check, gru, lstm
from .workspace import Workspace

CHUNK = 2**14  # numbers, 128 kB in float64: the gates of so many are worked on at once


def workspace_of(kind: Any) -> type[Workspace]:
    """The class of the workspaces for parameters of this type. Raises TypeError where it is the type of none."""
    for each in (Workspace, LSTMWorkspace, GRUWorkspace):
        if each.kind is kind:
            return each
    raise TypeError(f"kind: expected the type of the parameters of a cell, got {_check.describe(kind)}")


class _Gated(Workspace):
    """What both have in common: four numbers for each unit in each step of each sequence, and as many derivatives."""

    _scales: tuple[float, ...]  # what the columns of each gate in Wxh, Whh and bh are multiplied with

    def _allocate(self, T, B, H, D, dtype):
        N, G, shape = T * B, self.kind.gates * H, (H,) if B == 1 else (B, H)
        self._gates, self._da = np.empty((N, 4 * H), dtype), np.empty((N, 4 * H), dtype)
        self._scale = np.repeat(np.array(self._scales, dtype), H)
        self._recurrent, self._back = np.empty((H, G), dtype), np.empty((G, H), dtype)
        self._spare, self._product = np.empty(shape, dtype), np.empty((*shape[:-1], G), dtype)
        self._carried, self._dh = np.empty(shape, dtype), np.empty((N, H), dtype)
        self._two, self._four = np.array(2, dtype), np.array(4, dtype)
        self._by_symbol = D < N  # whether fewer rows of Wxh are made ready than there are steps
        length = min(T, max(1, CHUNK // (B * 4 * H)))
        self._chunks = [(start, min(start + length, T)) for start in reversed(range(0, T, length))]
        self._views(T, B, shape, length * B)

    def _loss(self, x, y, factors):
        x, places = self._window(x, y)
        np.multiply(self.params.Whh, self._scale, self._recurrent)
        self._read(x, self.params.Wxh if self._by_symbol else self.params.Wxh.take(x, 0))
        with np.errstate(over="ignore"):  # of exp(-a): the gate is then zero
            self._run()
        return self._predict(places, factors)

    def loss_and_gradient(self, x: np.ndarray, y: np.ndarray, weights: npt.ArrayLike | None = None) -> float:
        """`loss(x, y, weights)`; its gradient is left in `gradient`, that is in `grads`. Raises as `loss` does."""
        factors = self._factors(weights)
        loss = self._loss(x, y, factors)
        np.dot(self._output_errors(factors), self.params.Why.T, self._dh)
        self._back[:] = self.params.Whh.T
        self._run_back()
        self._sum_rows(x.reshape(-1), self.grads.Wxh)
        return loss

    def _sum_rows(self, x, dWxh):
        """dWxh = Σ x_tᵀ da_t, as in `Workspace`. Writes over the gates, which are not needed any more."""
        dWxh.fill(0)
        parts = self._parts
        if len(x) <= 64:
            for symbol, term in zip(x.tolist(), self._da, strict=True):
                row = self._rows[symbol]
                for here, there in parts:
                    row[here] += term[there]
            return
        order, segments = self._segments(x)
        self._da.take(order, axis=0, out=self._gates, mode="clip")
        for symbol, start, end in segments:
            ones, terms, row = self._ones[start:end], self._gates[start:end], self._rows[symbol]
            for here, there in parts:
                np.matmul(ones, terms[:, there], row[here])

    def _views(self, T, B, shape, rows):
        """The buffers step by step and chunk by chunk, of at most so many rows."""
        raise NotImplementedError

    def _read(self, x, rows):
        """Write x_t Wxh + bh, with the scales, to where the gates will be. rows: of each symbol, or of each step."""
        raise NotImplementedError

    def _run(self):
        """The pass forward: the gates and states of all steps."""
        raise NotImplementedError

    def _run_back(self):
        """The pass back from dh, as far as it comes through the output: da of all steps, dWhh and the biases."""
        raise NotImplementedError


class LSTMWorkspace(_Gated):
    """`Workspace` of an LSTM. `c[0]` (B, H), beside `h[0]`, is the state that the next window starts from."""

    kind = lstm.Params
    _scales = (-1, -1, -2, -1)

    def _views(self, T, B, shape, rows):
        N, H, dtype = T * B, shape[-1], self.h.dtype
        self.c, self._tanh_c = np.zeros((T + 1, B, H), dtype), np.empty((N, H), dtype)
        self._table = np.empty((len(self.params.Wxh), 4 * H), dtype) if self._by_symbol else None
        self._parts = ((slice(None), slice(None)),)  # of dWxh, and of da
        slopes, candidate, fours, through_h = (np.empty((rows, k * H), dtype) for k in (4, 1, 1, 1))

        def steps(array, width=1):
            return array.reshape(-1, *shape[:-1], width * H)

        h, c, tanh_c, dh, gates, da = (*map(steps, (self.h, self.c, self._tanh_c, self._dh)), *(
            steps(array, 4) for array in (self._gates, self._da)
        ))  # fmt: skip
        i, f, g, q = np.split(gates, 4, axis=-1)
        self._steps = list(zip(h[:-1], h[1:], c[:-1], c[1:], gates, i, f, g, q, tanh_c, strict=True))
        back = list(zip(dh, da, *np.split(da, 4, axis=-1), c[:-1], tanh_c, f, strict=True))
        of_chunk = list(
            zip(*np.split(steps(slopes, 4), 4, axis=-1), *map(steps, (candidate, fours, through_h)), strict=True)
        )
        self._steps_back = []
        for start, end in self._chunks:
            r, n = slice(start * B, end * B), (end - start) * B
            inputs, _, candidates, outputs = np.split(self._gates[r], 4, axis=1)
            whole = self._gates[r], inputs, candidates, outputs, self._tanh_c[r]
            whole += slopes[:n], candidate[:n], fours[:n], through_h[:n]
            joined = [(*one, *other) for one, other in zip(back[start:end], of_chunk, strict=False)]
            self._steps_back.append((whole, joined[::-1]))

    def _read(self, x, rows):
        table = self._table if self._by_symbol else self._gates
        np.add(rows, self.params.bh, table)
        np.multiply(table, self._scale, table)
        if self._by_symbol:
            table.take(x, 0, self._gates, "clip")

    def _run(self):
        dot, add, multiply, subtract = np.dot, np.add, np.multiply, np.subtract
        exp, divide, tanh, one, two = np.exp, np.divide, np.tanh, self._one, self._two
        recurrent, spare, product = self._recurrent, self._spare, self._product
        for h_prev, h, c_prev, c, gates, i, f, g, q, tanh_c in self._steps:
            dot(h_prev, recurrent, product)
            add(gates, product, gates)
            exp(gates, gates)
            add(gates, one, gates)
            divide(one, gates, gates)  # much faster than reciprocal
            multiply(g, two, spare)
            subtract(spare, one, spare)  # the candidate; its block keeps σ(2a)
            multiply(i, spare, spare)
            multiply(f, c_prev, c)
            add(c, spare, c)
            tanh(c, tanh_c)
            multiply(q, tanh_c, h)

    def _run_back(self):
        dot, add, multiply, spare = np.dot, np.add, np.multiply, self._spare
        back, dc, da_next = self._back, self._carried, None
        dc[...] = 0
        for chunk, steps in self._steps_back:
            self._derive(*chunk)
            for dh, da, da_i, da_f, da_g, da_q, c_prev, tanh_c, f, i_, f_, g_, q_, candidate, fours, through_h in steps:
                if da_next is not None:
                    dot(da_next, back, spare)
                    add(dh, spare, dh)
                multiply(dh, through_h, spare)
                add(dc, spare, dc)
                multiply(dc, candidate, spare)
                multiply(i_, spare, da_i)
                multiply(dc, c_prev, spare)
                multiply(f_, spare, da_f)
                multiply(dc, fours, spare)
                multiply(g_, spare, da_g)
                multiply(dh, tanh_c, spare)
                multiply(q_, spare, da_q)
                multiply(dc, f, dc)
                da_next = da
        dot(self._before.T, self._da, self.grads.Whh)
        dot(self._ones, self._da, self.grads.bh)

    def _derive(self, gates, i, g, q, tanh_c, slopes, candidate, fours, through_h):
        """σ(1 - σ) of all gates, g, 4 i (since 1 - g² = 4 σ(1 - σ)), and ∂h_t/∂c_t = q (1 - tanh² c)."""
        multiply, subtract, one = np.multiply, np.subtract, self._one
        subtract(one, gates, slopes)
        multiply(slopes, gates, slopes)
        multiply(g, self._two, candidate)
        subtract(candidate, one, candidate)
        multiply(i, self._four, fours)
        multiply(tanh_c, tanh_c, through_h)
        subtract(one, through_h, through_h)
        multiply(through_h, q, through_h)


class GRUWorkspace(_Gated):
    """`Workspace` of a GRU.

    The blocks of da are da_n, da_r, da_z, and the gradient of m. So both da (for dWxh) and the gradient of h_{t-1} Whh
    (for dWhh) are three blocks side by side.
    """

    kind = gru.Params
    _scales = (-1, -1, 1)

    def _views(self, T, B, shape, rows):
        N, H, dtype = T * B, shape[-1], self.h.dtype
        numbers = self._gates.reshape(-1)
        self._rz = numbers[: 2 * N * H].reshape(N, 2 * H)
        self._n, self._m = numbers[2 * N * H :].reshape(2, N, H)
        tables = [np.empty((len(self.params.Wxh), k * H), dtype) for k in (2, 1)] if self._by_symbol else None
        self._tables = tables or [self._rz, self._n]
        self._parts = (slice(0, 2 * H), slice(H, 3 * H)), (slice(2 * H, 3 * H), slice(0, H))  # of dWxh, and of da
        slopes, slope_n, slope_z, slope_r = (np.empty((rows, k * H), dtype) for k in (2, 1, 1, 1))

        def steps(array, width=1):
            return array.reshape(-1, *shape[:-1], width * H)

        h, n, m, dh, rz, da = (
            *map(steps, (self.h, self._n, self._m, self._dh)),
            steps(self._rz, 2),
            steps(self._da, 4),
        )
        r, z = np.split(rz, 2, axis=-1)
        self._steps = list(zip(h[:-1], h[1:], rz, r, z, n, m, strict=True))
        back = list(zip(dh, da[..., H:], *np.split(da, 4, axis=-1), r, z, strict=True))
        of_chunk = list(zip(*map(steps, (slope_n, slope_z, slope_r)), strict=True))
        self._steps_back = []
        for start, end in self._chunks:
            of, count = slice(start * B, end * B), (end - start) * B
            whole = [a[of] for a in (self._rz, self._n, self._m, self._before)]
            whole += [a[:count] for a in (slopes, slopes[:, :H], slopes[:, H:], slope_n, slope_z, slope_r)]
            joined = [(*one, *other) for one, other in zip(back[start:end], of_chunk, strict=False)]
            self._steps_back.append((whole, joined[::-1]))

    def _read(self, x, rows):
        H2, bh = 2 * self.h.shape[2], self.params.bh
        of_rz, of_n = self._tables
        np.add(rows[:, :H2], bh[:H2], of_rz)
        np.negative(of_rz, of_rz)
        np.add(rows[:, H2:], bh[H2:], of_n)
        if self._by_symbol:
            of_rz.take(x, 0, self._rz, "clip")
            of_n.take(x, 0, self._n, "clip")

    def _run(self):
        dot, add, multiply, subtract = np.dot, np.add, np.multiply, np.subtract
        exp, divide, tanh, one, bn = np.exp, np.divide, np.tanh, self._one, self.params.bn
        recurrent, spare, product, H2 = self._recurrent, self._spare, self._product, 2 * self.h.shape[2]
        product_rz, product_n = product[..., :H2], product[..., H2:]
        for h_prev, h, rz, r, z, n, m in self._steps:
            dot(h_prev, recurrent, product)
            add(rz, product_rz, rz)
            exp(rz, rz)
            add(rz, one, rz)
            divide(one, rz, rz)  # much faster than reciprocal
            add(product_n, bn, m)
            multiply(r, m, spare)
            add(n, spare, n)
            tanh(n, n)
            subtract(h_prev, n, spare)  # h = n + z (h_prev - n)
            multiply(z, spare, spare)
            add(spare, n, h)

    def _run_back(self):
        # matmul, not dot: of a matrix with gaps between its rows, dot makes a copy
        matmul, add, multiply, spare = np.matmul, np.add, np.multiply, self._spare
        back, carried, dk_next = self._back, self._carried, None
        for chunk, steps in self._steps_back:
            self._derive(*chunk)
            for dh, dk, da_n, da_r, da_z, dm, r, z, slope_n, slope_z, slope_r in steps:
                if dk_next is not None:
                    matmul(dk_next, back, spare)
                    add(dh, spare, dh)
                    add(dh, carried, dh)
                multiply(slope_n, dh, spare)
                multiply(spare, r, dm)
                multiply(slope_r, spare, da_r)
                multiply(slope_z, dh, da_z)
                da_n[...] = spare
                multiply(z, dh, carried)
                dk_next = dk
        H = len(self._back) // 3
        matmul(self._before.T, self._da[:, H:], self.grads.Whh)
        sums = np.dot(self._ones, self._da)
        for here, there in self._parts:
            self.grads.bh[here] = sums[there]
        self.grads.bn[:] = sums[3 * H :]

    def _derive(self, rz, n, m, h_prev, both, of_r, of_z, slope_n, slope_z, slope_r):
        """What dh (of r: da_n) is multiplied with to give da: (1-z)(1-n²), (h_{t-1} - n) z(1-z), m r(1-r)."""
        multiply, subtract, one = np.multiply, np.subtract, self._one
        subtract(one, rz, both)
        multiply(n, n, slope_n)
        subtract(one, slope_n, slope_n)
        multiply(of_z, slope_n, slope_n)
        multiply(both, rz, both)
        subtract(h_prev, n, slope_z)
        multiply(of_z, slope_z, slope_z)
        multiply(of_r, m, slope_r)
