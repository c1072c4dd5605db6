"""Optimisers, clipping and schedules: from a gradient to the next weights.

All weights stand one after the other in one vector w (n,), their gradient in another, g (n,): a step is the same few
operations whatever the network, and `Params` are views of such a vector. An optimiser is a value: its hyperparameters,
and the rule of one step. What it remembers it is handed each time, as vectors (n,) that begin as zeros, one for each
name in `slots`: the whole state of a training run can be looked at, saved and loaded. No two optimisers but those of
the same kind have the same names, so that one is never handed what another remembers.

    w  weights      g  gradient      η  learning rate (`rate`)      t  number of the step, from 1

`optimizer.step(g, slots, rate, t, out)` writes into `out` (n,) what is to be taken from the weights, and moves on the
slots: no new array is made, and an update can be looked at before it is done. It runs at every update and checks
nothing; g, the slots and `out` are of one shape and type, and no two of them the same array.

A schedule is a value too: `schedule(t, evaluations)` is the rate after t updates, t from 0, and after these
evaluations, one for each epoch done, in nats.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np

from . import _check
from .rnn import Params


def views(vector: np.ndarray, vocab_size: int, hidden_size: int) -> Params:
    """`Params` whose arrays are views of the vector (n,), n = 2VH + H² + H + V: writing to one writes to the other.

    Raises TypeError for a vector that is no array and for sizes that are no whole numbers; ValueError for sizes below
    1, another shape, and a vector with gaps between its numbers, of which there is no view as a matrix.
    """
    V, H = _check.positive_int("vocab_size", vocab_size), _check.positive_int("hidden_size", hidden_size)
    shapes = ((V, H), (H, H), (H, V), (H,), (V,))
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    if not isinstance(vector, np.ndarray):
        raise TypeError(f"vector: expected an array of shape ({ends[-1]},), got {_check.describe(vector)}")
    if vector.shape != (ends[-1],) or not vector.flags.c_contiguous:
        gaps = "" if vector.flags.c_contiguous else " with gaps"
        expected = f"shape ({ends[-1]},) without gaps for V = {V}, H = {H}"
        raise ValueError(f"vector: expected {expected}, got {vector.shape}{gaps}")
    parts = np.split(vector, ends[:-1])
    return Params(*(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)))


def below_one(name: str, value: float) -> float:
    """Return `value` as a float of at least 0 and below 1, as a β is. Raises TypeError or ValueError otherwise."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value == 0:
        return 0.0
    if _check.positive(name, value) >= 1:
        raise ValueError(f"{name}: expected at least 0 and below 1, got {value}")
    return float(value)


def _check_fields(self):
    """Raise TypeError or ValueError unless every β is at least 0 and below 1, and every other hyperparameter above 0.

    A hyperparameter that is said to be whole has to be.
    """
    for field in fields(self):
        check = below_one if field.name.startswith("beta") else _check.positive
        (_check.positive_int if field.type is int else check)(field.name, getattr(self, field.name))


class Optimizer(Protocol):
    """What `train` asks of an optimiser, one of these or of your own; see above."""

    @property
    def slots(self) -> tuple[str, ...]: ...

    def step(self, g: np.ndarray, slots: Sequence[np.ndarray], rate: float, t: int, out: np.ndarray) -> None: ...


class Schedule(Protocol):
    """What `train` asks of a schedule, one of these or a function of your own; see above."""

    def __call__(self, t: int, evaluations: Sequence[float], /) -> float: ...


@dataclass(frozen=True)
class SGD:
    """Gradient descent:  w ← w - η g."""

    slots = ()

    def step(self, g, slots, rate, t, out):
        np.multiply(g, rate, out=out)


@dataclass(frozen=True)
class Momentum:
    """v ← β v + g;  w ← w - η v.

    Polyak, Some methods of speeding up the convergence of iteration methods, 1964; written as PyTorch does.
    """

    beta: float = 0.9
    slots = ("v",)
    __post_init__ = _check_fields

    def step(self, g, slots, rate, t, out):
        (v,) = slots
        v *= self.beta
        v += g
        np.multiply(v, rate, out=out)


@dataclass(frozen=True)
class Adagrad:
    """G ← G + g²;  w ← w - η g / (√G + ε).

    Duchi, Hazan and Singer, Adaptive Subgradient Methods for Online Learning and Stochastic Optimization, 2011.
    """

    epsilon: float = 1e-10
    slots = ("G",)
    __post_init__ = _check_fields

    def step(self, g, slots, rate, t, out):
        (G,) = slots
        np.multiply(g, g, out=out)
        G += out
        _scaled(g, G, rate, self.epsilon, out)


@dataclass(frozen=True)
class RMSprop:
    """r ← β r + (1 - β) g²;  w ← w - η g / (√r + ε).

    Tieleman and Hinton, Neural Networks for Machine Learning, lecture 6.5, 2012.
    """

    beta: float = 0.99
    epsilon: float = 1e-8
    slots = ("r",)
    __post_init__ = _check_fields

    def step(self, g, slots, rate, t, out):
        (r,) = slots
        _average(r, g, self.beta, out, square=True)
        _scaled(g, r, rate, self.epsilon, out)


@dataclass(frozen=True)
class Adam:
    """m ← β₁ m + (1 - β₁) g;  s ← β₂ s + (1 - β₂) g²;  w ← w - η m̂ / (√ŝ + ε).

    m̂ = m / (1 - β₁ᵗ) and ŝ = s / (1 - β₂ᵗ) undo that both begin as zeros; they are not computed, but multiplied into
    η and ε, which makes the same step.
    Kingma and Ba, Adam: A Method for Stochastic Optimization, ICLR 2015, algorithm 1.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    slots = ("m", "s")
    __post_init__ = _check_fields

    def step(self, g, slots, rate, t, out):
        m, s = slots
        _average(m, g, self.beta1, out)
        _average(s, g, self.beta2, out, square=True)
        root = math.sqrt(1 - self.beta2**t)
        _scaled(m, s, rate * root / (1 - self.beta1**t), self.epsilon * root, out)


def _average(mean, g, beta, spare, square=False):
    """mean ← β mean + (1 - β) g, or g² for the mean of squares"""
    np.multiply(g, 1 - beta, out=spare)
    if square:
        spare *= g
    mean *= beta
    mean += spare


def _scaled(g, squares, rate, epsilon, out):
    """out = η g / (√squares + ε)"""
    np.sqrt(squares, out=out)
    out += epsilon
    np.divide(g, out, out=out)
    out *= rate


def norm(g: np.ndarray) -> float:
    """√Σ g², the length of a vector (n,), a number; not finite only where g is not, or the length itself too large."""
    with np.errstate(over="ignore"):
        length = math.sqrt(np.dot(g, g))
    if math.isfinite(length) or not len(g):
        return length
    largest = float(np.abs(g).max())  # the squares may have been too large where their root is not
    return largest * math.sqrt(np.square(g / largest).sum()) if math.isfinite(largest) else largest


def clip_by_value(g: np.ndarray, bound: float) -> None:
    """Bring every number of g (n,) into ±bound, in place: its direction may change. NaN stays NaN.

    Raises TypeError or ValueError for a bound that is no positive number.
    """
    bound = _check.positive("bound", bound)
    np.clip(g, -bound, bound, out=g)


def clip_by_norm(g: np.ndarray, bound: float) -> float:
    """Shorten g (n,) to the length `bound` where it is longer, in place: its direction stays. Returns its old length.

    A g that is not finite has no direction and stays as it is; the length returned tells.
    Raises TypeError or ValueError for a bound that is no positive number.
    Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks, ICML 2013, algorithm 1.
    """
    bound, length = _check.positive("bound", bound), norm(g)
    if bound < length < math.inf:
        g *= bound / length
    return length


@dataclass(frozen=True)
class Constant:
    """η = rate."""

    rate: float
    __post_init__ = _check_fields

    def __call__(self, t: int, evaluations: Sequence[float]) -> float:
        return self.rate


@dataclass(frozen=True)
class Cosine:
    """η_t = rate · (1 + cos(π t / updates)) / 2 from update t = 0 to the last one: fast at first, then ever slower.

    Loshchilov and Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, ICLR 2017, without the restarts.
    """

    rate: float
    updates: int
    __post_init__ = _check_fields

    def __call__(self, t: int, evaluations: Sequence[float]) -> float:
        return self.rate * (1 + math.cos(math.pi * min(t / self.updates, 1))) / 2


@dataclass(frozen=True)
class HalveOnRise:
    """η = rate · ½ᵏ, where k counts the evaluations that lie above the last finite one before, or are not finite.

    What counts is "not (finite and not above)": no comparison with NaN is true, so that a rule that waits for a rise
    never sees one.
    """

    rate: float
    __post_init__ = _check_fields

    def __call__(self, t: int, evaluations: Sequence[float]) -> float:
        k, last = 0, math.inf
        for loss in evaluations:
            k += not (math.isfinite(loss) and loss <= last)
            last = loss if math.isfinite(loss) else last
        return math.ldexp(self.rate, -k)
