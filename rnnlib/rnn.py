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

from . import _check, _flat, _repr
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

    def __repr__(self) -> str:
        return _repr.short(self)


class Trace(NamedTuple):
    """All that the forward pass computes; `backward` needs x, h0, h and yhat. A single sequence has no axis B."""

    x: np.ndarray  # ids (T, B) or features (T, B, D), as given
    h0: np.ndarray  # (B, H)     the state before the first step
    a: np.ndarray  # (T, B, H)  pre-activations
    h: np.ndarray  # (T, B, H)  hidden states
    o: np.ndarray  # (T, B, V)  logits
    yhat: np.ndarray  # (T, B, V)  predicted probabilities

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
    """Weights drawn uniformly from ±1/√fan-in, in the order Wxh, Whh, Why; biases zero.

    vocab_size: V, the number of classes that are predicted; input_size: D, the size of the features or the number of
    ids that are read, V unless given. Fan-in is the number of rows: D for Wxh, H for Whh and Why. `rng` is a
    `numpy.random.Generator`; the numbers are drawn in float64 and then rounded to `dtype`, so that one seed gives one
    network in every precision.

    Raises TypeError for a size that is not a whole number, an rng that is no Generator, or a dtype other than float32,
    float64 and wider or complex ones; ValueError for a size below 1.
    """
    V = _check.positive_int("vocab_size", vocab_size)
    H = _check.positive_int("hidden_size", hidden_size)
    D = V if input_size is None else _check.positive_int("input_size", input_size)
    rng = _check.generator("rng", rng)
    try:
        floating = np.dtype(dtype).kind in "fc" and np.dtype(dtype) != np.float16
    except TypeError:
        floating = False
    if not floating:
        raise TypeError(f"dtype: expected a floating type, float32 or wider, got {_check.describe(dtype)}")

    def uniform(fan_in, fan_out):
        # rng.uniform(-bound, bound), written out: the same numbers, but rounded alike on every processor
        bound = 1 / np.sqrt(fan_in)
        return (-bound + 2 * bound * rng.random((fan_in, fan_out))).astype(dtype)

    return Params(Wxh=uniform(D, H), Whh=uniform(H, H), Why=uniform(H, V), bh=np.zeros(H, dtype), by=np.zeros(V, dtype))


def check_params(params: Params) -> Params:
    """Return `params` as `Params` of floating arrays of one common type, whose shapes fit each other.

    Raises TypeError when they are not five arrays of numbers, ValueError when a shape does not fit the others
    or a value is not finite.
    """
    try:
        params = Params(*params)
    except TypeError:
        raise TypeError(f"params: expected Params(Wxh, Whh, Why, bh, by), got {_check.describe(params)}") from None
    size = _check.array("params.Wxh", params.Wxh).shape
    if len(size) != 2 or 0 in size:
        raise ValueError(f"params.Wxh: expected shape (D, H), both at least 1, got {size}")
    output = _check.array("params.Why", params.Why).shape
    if len(output) != 2 or 0 in output or output[0] != size[1]:
        raise ValueError(f"params.Why: expected shape ({size[1]}, V) with V at least 1, got {output}")
    shapes = _flat.shapes(output[1], size[1], size[0])
    arrays = [_check.numbers(f"params.{name}", getattr(params, name), shape) for name, shape in shapes.items()]
    dtype = np.result_type(*arrays)
    return Params(*(a.astype(dtype if dtype.kind in "fc" else np.float64, copy=False) for a in arrays))


def check_text_params(params: Params) -> Params:
    """`check_params` of a network that reads what it predicts, as one of a text does: D = V, else ValueError."""
    params = check_params(params)
    D, V = len(params.Wxh), len(params.by)
    if D != V:
        expected = "as many inputs as predictions, since each id predicted is the next one read"
        raise ValueError(f"params: expected {expected}, got D = {D} and V = {V}")
    return params


def forward(params: Params, x: npt.ArrayLike, h0: npt.ArrayLike | None = None) -> Trace:
    """Run the network over x from the state h0 (zeros unless given) and return the whole `Trace`.

        a_t = x_t Wxh + h_{t-1} Whh + bh;  h_t = tanh(a_t);  o_t = h_t Why + by;  ŷ_t = softmax(o_t)

    x: ids of integer type, (T,) for one sequence or (T, B) for a batch; or features of floating type, (T, D) or
    (T, B, D): the type alone decides. Ids stand for one-hot rows: x_t Wxh is then row x_t of Wxh. h0: (H,), from which
    every sequence of a batch starts, or (B, H).

    The result has the type of the parameters; complex parameters, features or h0 make it complex, as a complex-step
    check of the gradients requires.

    Raises TypeError for x of another type (fractional ids included) and for one-hot rows of integers; ValueError for
    ids out of range, shapes that do not fit, an empty sequence or batch, and for numbers that are not finite.
    """
    params = check_params(params)
    D, H = params.Wxh.shape
    x = _check.array("x", x)
    if x.size == 0:
        raise ValueError(f"x: expected at least one step and one sequence, got shape {x.shape}")
    shapes = f"(T,) or (T, B) as integer ids, (T, {D}) or (T, B, {D}) as features"
    if x.dtype.kind in "iu":
        if D > 3 and x.ndim > 1 and x.shape[-1] == D and ((x == 0).sum(-1) == D - 1).all() and (x.sum(-1) == 1).all():
            hint = "pass x.argmax(-1) as ids, or x.astype(float) as features"
            raise TypeError(f"x: expected integer ids, got one-hot rows of type {x.dtype}; {hint}")
        x = _check.ids("x", x, D, shapes)
        batch = x.shape[1:]
        fits = x.ndim in (1, 2)
    else:
        x = _check.numbers("x", x)
        batch = x.shape[1:-1]
        fits = x.ndim in (2, 3) and x.shape[-1] == D
    if not fits:
        raise (TypeError if x.dtype.kind == "f" and x.ndim == 1 else ValueError)(
            f"x: expected shape {shapes}, got {_check.describe(x)}"
        )

    h0 = np.zeros((*batch, H), params.Wxh.dtype) if h0 is None else _check.numbers("h0", h0)
    if h0.shape not in ((H,), (*batch, H)):
        expected = f"({H},)" if not batch else f"({H},) or ({batch[0]}, {H})"
        first = "; time comes first in x, so it may need to be transposed" if h0.shape == (len(x), H) else ""
        raise ValueError(f"h0: expected shape {expected}, got {h0.shape}{first}")
    dtype = params.Wxh.dtype
    if any(np.iscomplexobj(array) for array in (x, h0)):
        dtype = np.result_type(dtype, np.complex64)
    h0 = np.broadcast_to(h0, (*batch, H)).astype(dtype)

    Wxh, Whh, Why, bh, by = params
    x_Wxh = Wxh[x] if x.dtype.kind in "iu" else x.astype(dtype, copy=False) @ Wxh
    a = np.empty((len(x), *batch, H), dtype)
    h = np.empty_like(a)
    h_prev = h0
    for t in range(len(x)):
        a[t] = x_Wxh[t] + h_prev @ Whh + bh
        h[t] = np.tanh(a[t])
        h_prev = h[t]
    o = h @ Why + by
    return Trace(x, h0, a, h, o, softmax(o))
