"""The loss and its gradient for training an LSTM or a GRU: `lstm.py` and `gru.py`, but faster; see `workspace.py`.

Beside what `Workspace` does, three things help. All gates that are logistic functions take one call of exp a step:
σ(a) = 1 / (1 + exp(-a)), the sign (and, as tanh(a) = 2 σ(2a) - 1, the factor 2 of the LSTM's candidate) is multiplied
into a copy of the weights. What the derivatives of a step need of its gates is computed for a few steps at once, as
many as stay in the processor's cache. And dWhh is one product over all steps.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from . import gru, lstm
from .workspace import Workspace

CHUNK = 2**14  # numbers, 128 kB in float64: the gates of so many are worked on at once


def workspace_of(kind: Any) -> type[Workspace]:
    """The class of the workspaces for parameters of this type."""
    return next(each for each in (Workspace, LSTMWorkspace, GRUWorkspace) if each.kind is kind)


class _Gated(Workspace):
    """What both have in common: four blocks of H numbers for each step of each sequence, in one array."""

    _scales: tuple[float, ...]  # what the columns of each gate in Wxh, Whh and bh are multiplied with

    def _allocate(self, T, B, H, D, dtype):
        N, G, shape = T * B, self.kind.gates * H, (H,) if B == 1 else (B, H)
        wide = (*shape[:-1], 4 * H)
        self._gates, self._da = np.empty((N, 4 * H), dtype), np.empty((N, 4 * H), dtype)
        self._scale = np.repeat(np.array(self._scales, dtype), H)
        self._read = np.zeros(
            (D if D < N else N, 4 * H), dtype
        )  # what is read: of each symbol, or if few, of each step
        self._recurrent, self._back = np.empty((H, G), dtype), np.empty((G, H), dtype)
        self._spare, self._spare_gates = np.empty(shape, dtype), np.empty((*shape[:-1], G), dtype)
        self._carried = np.empty(shape, dtype)
        self._dh = np.empty((N, H), dtype)
        self._two, self._four = np.array(2, dtype), np.array(4, dtype)
        self._by_symbol = D < N
        length = max(1, CHUNK // (B * 4 * H))
        self._chunk_spare = np.empty((min(length, T) * B, H), dtype)
        self._chunks = [(start, min(start + length, T)) for start in range(0, T, length)]
        self._views(T, B, shape, wide)

    def _blocks(self, array, shape):
        """The four blocks of an array (..., 4H), each (T, B, H), or (T, H) for one sequence."""
        return [block.reshape(-1, *shape) if block.base is None else block for block in np.split(array, 4, axis=-1)]

    def _read_inputs(self, x):
        """Write x_t Wxh + bh, with the scales, into the gates of all steps."""
        Wxh, G, read = self.params.Wxh, len(self._scale), self._read
        rows = Wxh if self._by_symbol else Wxh.take(x, 0)
        np.add(rows, self.params.bh, read[:, :G])
        np.multiply(read[:, :G], self._scale, read[:, :G])
        if self._by_symbol:
            read.take(x, 0, self._gates, "clip")
        else:
            self._gates[:] = read
        np.multiply(self.params.Whh, self._scale, self._recurrent)

    def _loss(self, x, y, factors):
        x, places = self._window(x, y)
        with np.errstate(over="ignore"):  # of exp(-a): the gate is then zero
            self._run(x)
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

    def _run(self, x):
        """The pass forward: the gates and states of all steps."""
        raise NotImplementedError

    def _run_back(self):
        """The pass back from dh, as far as it comes through the output: da of all steps, dWhh and the biases."""
        raise NotImplementedError


class LSTMWorkspace(_Gated):
    """`Workspace` of an LSTM. `c[0]` (B, H), beside `h[0]`, is the state that the next window starts from."""

    kind = lstm.Params
    _scales = (-1, -1, -2, -1)

    def _allocate(self, T, B, H, D, dtype):
        self.c = np.zeros((T + 1, B, H), dtype)
        self._tanh_c, self._through_h = np.empty((T * B, H), dtype), np.empty((T * B, H), dtype)
        super()._allocate(T, B, H, D, dtype)

    def _views(self, T, B, shape, wide):
        h, c = self.h.reshape(-1, *shape), self.c.reshape(-1, *shape)
        gates, da = (array.reshape(-1, *wide) for array in (self._gates, self._da))
        tanh_c, dh, through = (a.reshape(-1, *shape) for a in (self._tanh_c, self._dh, self._through_h))
        i, f, g, q = np.split(gates, 4, axis=-1)
        self._steps = list(zip(h[:-1], h[1:], c[:-1], c[1:], gates, i, f, g, q, tanh_c, strict=True))
        three = da.reshape(*da.shape[:-1], 4, shape[-1])[..., :3, :]
        last = np.split(da, 4, axis=-1)[3]
        back = list(zip(da, dh, through, three, last, f, strict=True))
        wholes = np.split(self._gates, 4, axis=1), np.split(self._da, 4, axis=1), self.c[:-1].reshape(T * B, -1)
        self._steps_back = []
        for start, end in reversed(self._chunks):
            rows = slice(start * B, end * B)
            self._steps_back.append((self._chunk(rows, *wholes), back[start:end][::-1]))

    def _chunk(self, rows, gates, da, c_before):
        """The views that the derivatives of the gates of some steps are computed from, and into."""
        whole = self._gates[rows], self._da[rows]
        spare = self._chunk_spare[: rows.stop - rows.start]
        return (
            *whole,
            [b[rows] for b in gates],
            [b[rows] for b in da],
            c_before[rows],
            self._tanh_c[rows],
            (self._through_h[rows]),
            spare,
        )

    def _run(self, x):
        dot, add, multiply, subtract = np.dot, np.add, np.multiply, np.subtract
        exp, reciprocal, tanh, one, two = np.exp, np.reciprocal, np.tanh, self._one, self._two
        self._read_inputs(x)
        recurrent, spare, wide = self._recurrent, self._spare, self._spare_gates
        for h_prev, h, c_prev, c, gates, i, f, g, q, tanh_c in self._steps:
            dot(h_prev, recurrent, wide)
            add(gates, wide, gates)
            exp(gates, gates)
            add(gates, one, gates)
            reciprocal(gates, gates)
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
            for da, dh, through_h, three, last, f in steps:
                if da_next is not None:
                    dot(da_next, back, spare)
                    add(dh, spare, dh)
                multiply(dh, through_h, spare)
                add(dc, spare, dc)
                multiply(three, dc[..., None, :], three)
                multiply(last, dh, last)
                multiply(dc, f, dc)
                da_next = da
        dot(self._before.T, self._da, self.grads.Whh)
        dot(self._ones, self._da, self.grads.bh)

    def _derive(self, gates, da, blocks, da_blocks, c_prev, tanh_c, through_h, spare):
        """What dc (of q: dh) is multiplied with to give da, into da; and ∂c_t's part through h_t, q (1 - tanh² c)."""
        multiply, subtract, one = np.multiply, np.subtract, self._one
        (i, _, g, q), (da_i, da_f, da_g, da_q) = blocks, da_blocks
        subtract(one, gates, da)
        multiply(da, gates, da)  # σ(1 - σ)
        multiply(g, self._two, spare)
        subtract(spare, one, spare)
        multiply(da_i, spare, da_i)
        multiply(da_f, c_prev, da_f)
        multiply(i, self._four, spare)  # 1 - g² = 4 σ(1 - σ)
        multiply(da_g, spare, da_g)
        multiply(da_q, tanh_c, da_q)
        multiply(tanh_c, tanh_c, through_h)
        subtract(one, through_h, through_h)
        multiply(through_h, q, through_h)

    def _sum_rows(self, x, dWxh):
        """As in `Workspace`; writes over the gates, which are not needed any more."""
        dWxh.fill(0)
        if len(x) <= 64:
            for symbol, term in zip(x.tolist(), self._da, strict=True):
                row = self._rows[symbol]
                np.add(row, term, row)
            return
        order, segments = self._segments(x)
        self._da.take(order, axis=0, out=self._gates, mode="clip")
        for symbol, start, end in segments:
            np.dot(self._ones[start:end], self._gates[start:end], self._rows[symbol])


class GRUWorkspace(_Gated):
    """`Workspace` of a GRU.

    The blocks of its gates are r, z, n and m; those of da are da_n, da_r, da_z, and the gradient of m. So both da (for
    dWxh) and the gradient of h_{t-1} Whh (for dWhh) are three blocks side by side.
    """

    kind = gru.Params
    _scales = (-1, -1, 1)

    def _views(self, T, B, shape, wide):
        H = shape[-1]
        h = self.h.reshape(-1, *shape)
        gates, da = (array.reshape(-1, *wide) for array in (self._gates, self._da))
        dh = self._dh.reshape(-1, *shape)
        r, z, n, m = np.split(gates, 4, axis=-1)
        self._spare_rz, self._spare_n = self._spare_gates[..., : 2 * H], self._spare_gates[..., 2 * H :]
        self._steps = list(zip(h[:-1], h[1:], gates[..., : 2 * H], r, z, n, m, strict=True))
        da_n, da_r, da_z, dm = np.split(da, 4, axis=-1)
        back = list(zip(da[..., H:], dh, da_n, da_r, da_z, dm, r, z, strict=True))
        wholes = np.split(self._gates, 4, axis=1), np.split(self._da, 4, axis=1)
        self._steps_back = []
        for start, end in reversed(self._chunks):
            rows = slice(start * B, end * B)
            views = [[block[rows] for block in whole] for whole in wholes]
            spare = self._chunk_spare[: rows.stop - rows.start]
            self._steps_back.append(((*views, self._before[rows], spare), back[start:end][::-1]))

    def _run(self, x):
        dot, add, multiply, subtract = np.dot, np.add, np.multiply, np.subtract
        exp, reciprocal, tanh, one = np.exp, np.reciprocal, np.tanh, self._one
        self._read[:, 3 * self.h.shape[2] :] = self.params.bn
        self._read_inputs(x)
        recurrent, spare, wide = self._recurrent, self._spare, self._spare_gates
        wide_rz, wide_n = self._spare_rz, self._spare_n
        for h_prev, h, rz, r, z, n, m in self._steps:
            dot(h_prev, recurrent, wide)
            add(rz, wide_rz, rz)
            exp(rz, rz)
            add(rz, one, rz)
            reciprocal(rz, rz)
            add(m, wide_n, m)
            multiply(r, m, spare)
            add(n, spare, n)
            tanh(n, n)
            subtract(h_prev, n, spare)  # h = n + z (h_prev - n)
            multiply(spare, z, spare)
            add(spare, n, h)

    def _run_back(self):
        # matmul, not dot: of a matrix with gaps between its rows, dot makes a copy
        matmul, add, multiply, spare = np.matmul, np.add, np.multiply, self._spare
        back, carried, dk_next = self._back, self._carried, None
        H = len(self._back) // 3
        for chunk, steps in self._steps_back:
            self._derive(*chunk)
            for dk, dh, da_n, da_r, da_z, dm, r, z in steps:
                if dk_next is not None:
                    matmul(dk_next, back, spare)
                    add(dh, spare, dh)
                    add(dh, carried, dh)
                multiply(da_n, dh, da_n)
                multiply(da_z, dh, da_z)
                multiply(da_r, da_n, da_r)
                multiply(da_n, r, dm)
                multiply(dh, z, carried)
                dk_next = dk
        matmul(self._before.T, self._da[:, H:], self.grads.Whh)
        sums = np.dot(self._ones, self._da)
        self.grads.bh[:] = np.r_[sums[H : 3 * H], sums[:H]]
        self.grads.bn[:] = sums[3 * H :]

    def _derive(self, blocks, da_blocks, h_prev, spare):
        """What dh (of r: da_n) is multiplied with to give da, into da."""
        multiply, subtract, one = np.multiply, np.subtract, self._one
        (r, z, n, m), (da_n, da_r, da_z, _) = blocks, da_blocks
        subtract(one, r, da_r)
        multiply(da_r, r, da_r)
        multiply(da_r, m, da_r)
        subtract(one, z, spare)
        multiply(n, n, da_n)
        subtract(one, da_n, da_n)
        multiply(da_n, spare, da_n)
        multiply(spare, z, spare)
        subtract(h_prev, n, da_z)
        multiply(da_z, spare, da_z)

    def _sum_rows(self, x, dWxh):
        """As in `Workspace`; writes over the gates, which are not needed any more."""
        H = len(self._back) // 3
        dWxh.fill(0)
        if len(x) <= 64:
            for symbol, term in zip(x.tolist(), self._da, strict=True):
                row = self._rows[symbol]
                row[: 2 * H] += term[H : 3 * H]
                row[2 * H :] += term[:H]
            return
        order, segments = self._segments(x)
        self._da.take(order, axis=0, out=self._gates, mode="clip")
        for symbol, start, end in segments:
            ones, terms, row = self._ones[start:end], self._gates[start:end], self._rows[symbol]
            np.matmul(ones, terms[:, H : 3 * H], row[: 2 * H])
            np.matmul(ones, terms[:, :H], row[2 * H :])
