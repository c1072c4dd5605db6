"""Optimisers, clipping and schedules: from a gradient to the next weights.

All weights are stored in one vector w (n,), their gradient in another, g (n,): a step is the same few operations for
every network. `unflatten` gives such a vector as `Params`, `flatten` makes it from `Params`. An optimiser is a value:
its hyperparameters and the rule of one step. It holds no state. Its state is passed to it at each step, as vectors (n,)
that begin as zeros, one for each name in `slots`, so that the whole state of a training run can be inspected, saved and
loaded. Two optimisers of different kinds have different names of slots, so that the state of one is never passed to
another. `squares` names those slots that hold sums or means of squares, which are never negative.

    w  weights      g  gradient      η  learning rate (`rate`)      t  number of the step, from 1

`optimizer.step(g, slots, rate, t, out)` writes into `out` (n,) what is to be subtracted from the weights, and updates
the slots in place. It allocates nothing, and an update can be inspected before it is applied. It runs at every update
and checks nothing; g, the slots and `out` have the same shape and type, and no two of them are the same array.

A learning-rate schedule is a value too: `schedule(t, evaluations)` is the learning rate after t updates, t from 0, and
after these evaluations, one for each completed epoch, in nats.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np

from . import _check, _flat
from ._check import below_one
from .rnn import Params


def flatten(params: Params) -> np.ndarray:
    """All numbers of `Params` of any cell in a new vector (n,), each matrix row by row.

    n = DH + H² + HV + H + V for the vanilla network. The vector of a gradient is flatten(grads[:5]), since `Grads` of
    it have more than the parameters. Raises TypeError for these and for anything else that is not a list of arrays.
    """
    fields = getattr(type(params), "_fields", None)
    if isinstance(params, np.ndarray) or not isinstance(params, Iterable) or (fields and not hasattr(params, "gates")):
        raise TypeError(f"params: expected Params, or a list of their arrays, got {_check.describe(params)}")
    arrays = list(params)
    for i, array in enumerate(arrays):
        if not isinstance(array, np.ndarray) or isinstance(array, np.ma.MaskedArray):
            name = f"params.{fields[i]}" if fields else f"params[{i}]"
            raise TypeError(f"{name}: expected an array without a mask, got {_check.describe(array)}")
    if not arrays:
        raise ValueError("params: expected at least one array, got none")
    return _flat.flatten(arrays)


def unflatten(
    vector: np.ndarray, vocab_size: int, hidden_size: int, input_size: int | None = None, *, kind: Any = Params
) -> Any:
    """`Params` whose arrays are views of the vector (n,), n = DH + H² + HV + H + V: writing to one writes to the other.

    input_size: D, V unless given. kind: the type of the parameters, for another cell `lstm.Params` or `gru.Params`.

    `views` is another name for this function. Raises TypeError for a vector that is not an array, sizes that are not
    whole numbers and a kind that is not a type of parameters; ValueError for sizes below 1, a wrong shape, and a vector
    with gaps between its numbers, of which there is no view as a matrix.
    """
    if not (isinstance(kind, type) and hasattr(kind, "gates")):
        raise TypeError(f"kind: expected a type of parameters such as lstm.Params, got {_check.describe(kind)}")
    return kind(**_flat.unflatten(vector, vocab_size, hidden_size, input_size, kind))


views = unflatten


def _check_fields(self):
    """Raise TypeError or ValueError unless every β is at least 0 and below 1, and every other hyperparameter above 0.

    A hyperparameter whose type is int has to be a whole number.
    """
    for field in fields(self):
        check = below_one if field.name.startswith("beta") else _check.positive
        (_check.positive_int if field.type is int else check)(field.name, getattr(self, field.name))


class Optimizer(Protocol):
    """What `train` needs of an optimiser, whether it is defined here or your own; see the module's docstring."""

    @property
    def slots(self) -> tuple[str, ...]: ...

    def step(self, g: np.ndarray, slots: Sequence[np.ndarray], rate: float, t: int, out: np.ndarray) -> None: ...


class Schedule(Protocol):
    """What `train` needs of a schedule, whether it is defined here or your own; see the module's docstring."""

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

    Polyak, Some methods of speeding up the convergence of iteration methods, 1964, in the form that PyTorch uses.
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
    slots = squares = ("G",)
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
    slots = squares = ("r",)
    __post_init__ = _check_fields

    def step(self, g, slots, rate, t, out):
        (r,) = slots
        _average(r, g, self.beta, out, square=True)
        _scaled(g, r, rate, self.epsilon, out)


@dataclass(frozen=True)
class Adam:
    """m ← β₁ m + (1 - β₁) g;  s ← β₂ s + (1 - β₂) g²;  w ← w - η m̂ / (√ŝ + ε).

    m̂ = m / (1 - β₁ᵗ) and ŝ = s / (1 - β₂ᵗ) correct for m and s beginning as zeros. The corrections are multiplied into
    η and ε, which gives the same step without two more arrays.
    Kingma and Ba, Adam: A Method for Stochastic Optimization, ICLR 2015, algorithm 1.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    slots, squares = ("m", "s"), ("s",)
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


def _check_gradient(g):
    """Raise TypeError or ValueError unless g is a vector (n,) of real floats in which sums keep their small terms."""
    if not isinstance(g, np.ndarray) or g.dtype.char not in "fdg":  # float32, float64 and wider
        raise TypeError(f"g: expected an array of type float32 or float64, got {_check.describe(g)}")
    if isinstance(g, np.ma.MaskedArray):
        raise TypeError(f"g: expected an array without a mask, got {_check.describe(g)}")
    if g.ndim != 1:
        raise ValueError(f"g: expected a vector, shape (n,), got {g.shape}")
    if not g.flags.writeable:
        raise ValueError("g: expected an array that can be written to, got one that is read-only")


def norm(g: np.ndarray) -> float:
    """√Σ g², the norm of a vector (n,); not finite only where g is not, or where the norm itself is too large.

    It runs several times in every update and checks nothing.
    """
    with np.errstate(over="ignore"):
        length = math.sqrt(np.dot(g, g))
    if math.isfinite(length) or not len(g):
        return length
    largest = float(np.abs(g).max())  # the squares may overflow where the norm does not
    return largest * math.sqrt(np.square(g / largest).sum()) if math.isfinite(largest) else largest


def clip_by_value(g: np.ndarray, bound: float) -> None:
    """Clip every entry of g (n,) to ±bound, in place: the direction of g may change. NaN stays NaN.

    Raises TypeError or ValueError for a bound that is not a positive number and a g that is not a vector of real floats
    of at least float32.
    """
    bound = _check.positive("bound", bound)
    _check_gradient(g)
    np.clip(g, -bound, bound, out=g)


def clip_by_norm(g: np.ndarray, bound: float) -> float:
    """Scale g (n,) down to the norm `bound` if its norm is larger, in place: its direction stays. Returns the old norm.

    A g that is not finite has no direction and stays as it is; the norm returned is then not finite.
    Raises TypeError or ValueError for a bound that is not a positive number and a g that is not a vector of real floats
    of at least float32.
    Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks, ICML 2013, algorithm 1.
    """
    _check_gradient(g)
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
    """η_t = rate · (1 + cos(π t / updates)) / 2 from update t = 0 to the last one: from `rate` down to zero.

    Loshchilov and Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, ICLR 2017, without the restarts.
    """

    rate: float
    updates: int
    __post_init__ = _check_fields

    def __call__(self, t: int, evaluations: Sequence[float]) -> float:
        return self.rate * (1 + math.cos(math.pi * min(t / self.updates, 1))) / 2


@dataclass(frozen=True)
class HalveOnRise:
    """η = rate · ½ᵏ, where k counts the evaluations that are above the last finite one before, or are not finite.

    The test is "not (finite and not above)", because every comparison with NaN is false: a test for "above" alone would
    miss a NaN.
    """

    rate: float
    __post_init__ = _check_fields

    def __call__(self, t: int, evaluations: Sequence[float]) -> float:
        k, last = 0, math.inf
        for loss in evaluations:
            k += not (math.isfinite(loss) and loss <= last)
            last = loss if math.isfinite(loss) else last
        return math.ldexp(self.rate, -k)
