"""How the length of a gradient changes on its way back through time: it may vanish or explode, within bounds."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import _cell, _check, _repr
from .bptt import output_errors


class Flow(NamedTuple):
    """What `gradient_flow` found. Arrays "by lag" begin with lag 0, the step of the loss itself."""

    lengths: np.ndarray  # (T, T)     |∂L_t/∂h_s|, over all units and sequences; zero for s > t
    cell_lengths: np.ndarray | None  # (T, T)     |∂L_t/∂c_s| with h_s held fixed, of an LSTM; zero for s = t too
    t: int  # the step, from 0, that the next three look back from
    largest: np.ndarray  # (t + 1, B) by lag: largest singular value of ∂state_t/∂state_s; one sequence has no axis B
    smallest: np.ndarray  # (t + 1, B) by lag: the smallest one
    step_bound: np.ndarray  # (t + 1, B) by lag: product of the largest singular values of all single steps
    bound: np.ndarray | None  # (t + 1,)   by lag: σ^lag, σ that of Whh; None with gates, which it does not bound
    sigma: np.ndarray  # (gates,)    largest singular value of each block of Whh
    radius: np.ndarray  # (gates,)    its spectral radius, the largest |eigenvalue|
    eigenvalues: np.ndarray  # (gates, H) complex
    slopes: np.ndarray  # (T,)       mean of what a step multiplies by: 1 - h², of an LSTM f, of a GRU z

    def __repr__(self) -> str:
        return _repr.short(self)

    @property
    def by_lag(self) -> np.ndarray:
        """|∂L_t/∂h_s| of the loss of step t, by lag: (t + 1,)."""
        return self.lengths[self.t, self.t :: -1]

    @property
    def rate(self) -> float:
        """The factor by which each step back from t changes the length: the geometric mean; nan where it is not known.

        It is not known for the first step, which has none before it, nor for a gradient that is zero at either end.
        """
        first, last = self.by_lag[0], self.by_lag[-1]
        return float((last / first) ** (1 / self.t)) if self.t and first > 0 and last > 0 else float("nan")


def gradient_flow(
    params: Any,
    trace: Any,
    y: npt.ArrayLike,
    *,
    t: int | None = None,
    reduction: str = "sum",
    weights: npt.ArrayLike | None = None,
) -> Flow:
    """How long the gradient of each loss is at each earlier step, and what the Jacobians along the way say about it.

        ∂L_t/∂h_s = do_t Whyᵀ · ∂h_t/∂h_{t-1} ⋯ ∂h_{s+1}/∂h_s
        |∂h_t/∂h_s| <= Π |∂h_r/∂h_{r-1}| <= σ^(t-s)     σ = |Whh|, vanilla network, since no slope 1 - h² is above 1

    The state of an LSTM is the pair (h, c), so its Jacobians are 2H × 2H, and ∂L_t/∂h_s holds c_s fixed. ∂L_t/∂c_s
    holds h_s fixed: it is the term dc_{s+1} ⊙ f_{s+1} of dc_s in `lstm.backward`, without the one through h_s.

    params, trace, y: of any cell, as for its `backward`; t: the step to look back from, the last unless given.
    `reduction` is the sum unless given, so that the length of a gradient does not depend on T. A bound is not a rate:
    with σ above 1 gradients may still fade. A spectral radius below 1 makes the powers of Whh fade in the long run, but
    not necessarily from the first step on. Small singular values are known to about 1e-16 of the largest one.
    Bengio, Simard and Frasconi, Learning Long-Term Dependencies with Gradient Descent Is Difficult, IEEE Transactions
    on Neural Networks 5(2), 1994; Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks,
    ICML 2013.

    Raises as `backward` does, and TypeError for complex numbers; TypeError or ValueError for a t that is not a step.
    """
    cell, params = _cell.cell_of(params), _cell.check_any(params)
    do = output_errors(params, trace, cell.Trace, y, reduction, weights)
    if do.dtype.kind != "f" or params.Whh.dtype.kind != "f":
        raise TypeError(f"params: expected real numbers, got type {np.result_type(do, params.Whh)}")
    t = len(do) - 1 if t is None else _check.whole("t", t, 0, len(do) - 1)
    jacobians = cell.jacobians(params, trace)
    lengths = _lengths(do @ params.Why.T, jacobians)
    largest, smallest, step_bound = _singular_values(jacobians[: t + 1])
    blocks = np.stack(np.split(params.Whh, params.gates, axis=1))
    sigma, eigenvalues = np.linalg.norm(blocks, 2, axis=(1, 2)), np.linalg.eigvals(blocks).astype(complex)
    return Flow(
        lengths=lengths[0],
        cell_lengths=lengths[1] if len(lengths) > 1 else None,
        t=t,
        largest=largest,
        smallest=smallest,
        step_bound=step_bound,
        bound=sigma[0] ** np.arange(t + 1) if params.gates == 1 else None,
        sigma=sigma,
        radius=np.abs(eigenvalues).max(axis=1),
        eigenvalues=eigenvalues,
        slopes=_slopes(trace).reshape(len(do), -1).mean(axis=1),
    )


def _lengths(errors, jacobians):
    """The lengths (T, T) of ∂L_t/∂h_s and, of an LSTM, of ∂L_t/∂c_s; from ∂L_t/∂h_t."""
    T, H = len(errors), errors.shape[-1]
    parts = jacobians.shape[-1] // H
    lengths = np.zeros((parts, T, T), errors.dtype)
    gradient = np.concatenate([errors, *[np.zeros_like(errors)] * (parts - 1)], axis=-1)
    for lag in range(T):
        steps = np.arange(T - lag)
        for part, values in enumerate(np.split(gradient, parts, axis=-1)):
            lengths[part, steps + lag, steps] = np.linalg.norm(values.reshape(T - lag, -1), axis=1)
        gradient = (gradient[1:, ..., None, :] @ jacobians[1 : T - lag])[..., 0, :]
    return lengths


def _singular_values(jacobians):
    """By lag from the last of these steps: largest and smallest of the product so far, product of the largest ones."""
    product = np.broadcast_to(np.eye(jacobians.shape[-1], dtype=jacobians.dtype), jacobians.shape[1:])
    found = [np.linalg.svd(product, compute_uv=False)[..., [0, -1]]]
    for jacobian in jacobians[:0:-1]:
        product = product @ jacobian
        found.append(np.linalg.svd(product, compute_uv=False)[..., [0, -1]])
    steps = np.linalg.norm(jacobians[:0:-1], 2, axis=(-2, -1))
    largest, smallest = np.moveaxis(np.array(found), -1, 0)
    return largest, smallest, np.concatenate([np.ones_like(largest[:1]), np.cumprod(steps, axis=0)])


def _slopes(trace):
    """What each step multiplies the gradient of each unit by, on the path that belongs to the unit alone."""
    if hasattr(trace, "f"):
        return trace.f
    return trace.z if hasattr(trace, "z") else 1 - trace.h**2
