"""The vanilla recurrent network: its parameters and its forward pass through time.

Row vectors, time first; T steps, B sequences, V symbols, D inputs, H hidden units:

    a_t = x_t Wxh + h_{t-1} Whh + bh
    h_t = tanh(a_t)
    o_t = h_t Why + by
    ŷ_t = softmax(o_t)
"""

from __future__ import annotations  # naming `np.random` would import it, which takes a while

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from . import _cell, _repr
from .loss import softmax


class Params(NamedTuple):
    """The weights and biases, the same at every step; gradients with respect to them have the same shapes.

    Its repr shows types and shapes, like that of the other named tuples; `params._asdict()` shows the numbers.
    """

    Wxh: np.ndarray  # (D, H)  input to hidden; D = V where the network reads what it predicts
    Whh: np.ndarray  # (H, H)  hidden to hidden, one step later
    Why: np.ndarray  # (H, V)  hidden to output
    bh: np.ndarray  # (H,)
    by: np.ndarray  # (V,)

    cell = "the vanilla network"  # these three are not parameters: they say which cell it is, see `_cell.py`
    gates = 1
    states = ("h",)

    def __repr__(self) -> str:
        return _repr.short(self)


class Trace(NamedTuple):
    """All that the forward pass computes; `backward` needs x, h0, h and yhat. A single sequence has no axis B."""

    x: np.ndarray  # ids (T, B) or features (T, B, D), a copy of those given
    h0: np.ndarray  # (B, H)     the state before the first step
    a: np.ndarray  # (T, B, H)  pre-activations
    h: np.ndarray  # (T, B, H)  hidden states
    o: np.ndarray  # (T, B, V)  logits
    yhat: np.ndarray  # (T, B, V)  predicted probabilities

    cell = Params.cell

    def __repr__(self) -> str:
        return _repr.short(self)


def init_params(
    vocab_size: int,
    hidden_size: int,
    *,
    rng: np.random.Generator,
    dtype: npt.DTypeLike = np.float64,
    input_size: int | None = None,
) -> Params:
    """Weights uniform within ±1/√fan-in, in the order Wxh, Whh, Why; biases zero.

    vocab_size: V, the number of classes that are predicted; input_size: D, the size of the features or the number of
    ids that are read, V unless given. Fan-in is the number of rows: D for Wxh, H for Whh and Why. `rng` is a
    `numpy.random.Generator`; the numbers are drawn in float64 and then rounded to `dtype`, so that one seed gives one
    network in every precision.

    Raises TypeError for a size that is not a whole number, an rng that is not a Generator, or a dtype other than
    float32, float64 and wider or complex ones; ValueError for a size below 1.
    """
    return _cell.init_params(Params, vocab_size, hidden_size, rng, dtype, input_size)


def check_params(params: Params) -> Params:
    """Return `params` as `Params` of floating arrays of one common type, whose shapes fit each other.

    Raises TypeError when they are those of a different cell or not five arrays of numbers, ValueError when a shape
    does not fit the others or a value is not finite.
    """
    return _cell.check_params(Params, params)


def check_text_params(params: Params) -> Params:
    """`check_params` of a network that reads what it predicts, as one of a text does: D = V, else ValueError."""
    return _cell.check_text_params(check_params(params))


def forward(params: Params, x: npt.ArrayLike, h0: npt.ArrayLike | None = None) -> Trace:
    """Run the network over x from the state h0 (zeros unless given) and return the whole `Trace`.

        a_t = x_t Wxh + h_{t-1} Whh + bh;  h_t = tanh(a_t);  o_t = h_t Why + by;  ŷ_t = softmax(o_t)

    x: ids of integer type, (T,) for one sequence or (T, B) for a batch; or features of floating type, (T, D) or
    (T, B, D): the type alone decides. Ids mean one-hot rows: x_t Wxh is then row x_t of Wxh. h0: (H,), from which
    every sequence of a batch starts, or (B, H).

    The result has the type of the parameters; complex parameters, features or h0 make it complex, as a complex-step
    check of the gradients requires.

    Raises TypeError for x of any other type (fractional ids included) and for one-hot rows of integers; ValueError for
    ids out of range, shapes that do not fit, an empty sequence or batch, and for numbers that are not finite.
    """
    params = check_params(params)
    x, h0 = _cell.check_inputs(params, x, h0=h0)

    Wxh, Whh, Why, bh, by = params
    x_Wxh = _cell.input_rows(x, Wxh, h0.dtype)
    a = np.empty((len(x), *h0.shape), h0.dtype)
    h = np.empty_like(a)
    h_prev = h0
    for t in range(len(x)):
        a[t] = x_Wxh[t] + h_prev @ Whh + bh
        h[t] = np.tanh(a[t])
        h_prev = h[t]
    o = h @ Why + by
    return Trace(x, h0, a, h, o, softmax(o))
