"""What the cells have in common: which module belongs to given parameters, and the checks of parameters and inputs.

A cell is a module with `Params`, `Trace`, `init_params`, `forward`, `backward`, `shares`, `contributions`, `path` and
`jacobians`: `rnnlib` itself for the vanilla network, `rnnlib.lstm`, `rnnlib.gru`. Attributes of the class `Params` say
what is particular to a cell: `cell`, its name in words; `gates`, how many blocks of H columns stand side by side in Wxh
and Whh; `states`, what is handed on from step to step.
"""

from __future__ import annotations  # naming `np.random` would import it, which takes a while

import sys
from collections.abc import Mapping, Set
from types import ModuleType
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from . import _check, _flat

P = TypeVar("P", bound=tuple)


def describe(value: Any) -> str:
    """What came, in a few words; of `Params` and of a `Trace` also which cell they belong to."""
    cell = getattr(type(value), "cell", None)
    return f"the {type(value).__name__} of {cell}" if cell else _check.describe(value)


def cell_of(params: Any) -> ModuleType:
    """The module of the cell whose `Params` these are; `rnnlib` for those of the vanilla network, and for no `Params`.

    The type of the parameters was defined beside its `forward`, so it knows the module.
    """
    name = type(params).__module__ if hasattr(type(params), "gates") else "rnnlib.rnn"
    return sys.modules["rnnlib" if name == "rnnlib.rnn" else name]


def kind_of(params: Any) -> Any:
    """The type of these parameters: `Params` of their cell."""
    return cell_of(params).Params


def states_of(kind: Any) -> list[str]:
    """The names of the states before the first step: h0, and c0 for an LSTM."""
    return [f"{state}0" for state in kind.states]


def sizes(params: Any) -> tuple[int, int, int]:
    """V, H, D of checked parameters of any cell."""
    H, V = params.Why.shape
    return V, H, len(params.Wxh)


def sigmoid(a: np.ndarray) -> np.ndarray:
    """σ(a) = 1 / (1 + exp(-a)) = (1 + tanh(a/2)) / 2, which overflows for no a and keeps complex numbers."""
    return 0.5 + 0.5 * np.tanh(0.5 * a)


def init_params(kind: Any, vocab_size: int, hidden_size: int, rng: Any, dtype: Any, input_size: int | None) -> Any:
    """What `init_params` of every cell does: matrices uniform within ±1/√rows, in the order of `Params`, and zeros."""
    V = _check.positive_int("vocab_size", vocab_size)
    H = _check.positive_int("hidden_size", hidden_size)
    D = V if input_size is None else _check.positive_int("input_size", input_size)
    rng = _check.generator("rng", rng)
    dtype = _check.floating("dtype", dtype, "fc")

    def drawn(shape):
        if len(shape) == 1:
            return np.zeros(shape, dtype)
        # rng.uniform(-bound, bound), written out: the same numbers, but rounded alike on every processor
        bound = 1 / np.sqrt(shape[0])
        return (-bound + 2 * bound * rng.random(shape)).astype(dtype)

    return kind(**{name: drawn(shape) for name, shape in _flat.shapes(V, H, D, kind).items()})


def check_params(kind: type[P], params: Any) -> P:
    """Return `params` as `kind` of floating arrays of one common type, whose shapes fit each other.

    Raises TypeError when they are those of another cell or not as many arrays of numbers, ValueError when a shape does
    not fit the others or a value is not finite.
    """
    expected = f"{'' if kind.gates == 1 else kind.__module__.removeprefix('rnnlib.') + '.'}Params"
    expected += f"({', '.join(kind._fields)})"
    if hasattr(type(params), "cell") and type(params) is not kind:
        raise TypeError(f"params: expected {expected} of {kind.cell}, got {describe(params)}")
    try:
        params = kind(*(() if isinstance(params, (str, Mapping, Set)) else params))  # of a dict, it would be the keys
    except TypeError:
        hint = "; take its .params" if hasattr(params, "params") else ""
        raise TypeError(f"params: expected {expected}, got {_check.describe(params)}{hint}") from None
    size, columns = _check.array("params.Wxh", params.Wxh).shape, _flat.columns(kind, "H")
    if len(size) != 2 or 0 in size or size[1] % kind.gates:
        raise ValueError(f"params.Wxh: expected shape (D, {columns}), both at least 1, got {size}")
    H = size[1] // kind.gates
    output = _check.array("params.Why", params.Why).shape
    if len(output) != 2 or 0 in output or output[0] != H:
        raise ValueError(f"params.Why: expected shape ({H}, V) with V at least 1, got {output}")
    shapes = _flat.shapes(output[1], H, size[0], kind)
    arrays = [_check.numbers(f"params.{name}", getattr(params, name), shape) for name, shape in shapes.items()]
    dtype = np.result_type(*arrays)
    return kind(*(a.astype(dtype if dtype.kind in "fc" else np.float64, copy=False) for a in arrays))


def check_any(params: Any) -> Any:
    """`check_params` of whichever cell they belong to."""
    return check_params(kind_of(params), params)


def check_text_params(params: Any) -> Any:
    """`check_any` of a network that reads what it predicts, as one of a text does: D = V, else ValueError."""
    params = check_any(params)
    V, _, D = sizes(params)
    if D != V:
        expected = "as many inputs as predictions, since each id predicted is the next one read"
        raise ValueError(f"params: expected {expected}, got D = {D} and V = {V}")
    return params


def check_inputs(params: Any, x: npt.ArrayLike, **states: npt.ArrayLike | None) -> tuple[np.ndarray, ...]:
    """x as an array, then each of the states before the first step, in the type of the result; see `rnn.forward`.

    params: already checked; states: name -> array, zeros where it is None.
    """
    _, H, D = sizes(params)
    _check.not_text("x", x)
    x = np.array(_check.array("x", x))  # a copy: `backward` reads x in the trace, whatever became of the caller's array
    if x.size == 0:
        raise ValueError(f"x: expected at least one step and one sequence, got shape {x.shape}")
    shapes = f"(T,) or (T, B) as integer ids, (T, {D}) or (T, B, {D}) as features"
    if x.dtype.kind in "iu":
        # Up to three symbols, a batch of D sequences often has one 1 in each row, and else zeros, by chance.
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
    dtype = params.Wxh.dtype
    checked = [_state(name, value, batch, H, len(x), dtype) for name, value in states.items()]
    if any(np.iscomplexobj(array) for array in (x, *checked)):
        dtype = np.result_type(dtype, np.complex64)
    if x.dtype.kind not in "iu":
        _check.cast("x", x, dtype)
    checked = [_check.cast(name, state, dtype) for name, state in zip(states, checked, strict=True)]
    return x, *(np.broadcast_to(state, (*batch, H)).astype(dtype) for state in checked)


def _state(name, value, batch, H, T, dtype):
    """A state before the first step as an array, (H,) or (*batch, H); zeros where it is None."""
    state = np.zeros((*batch, H), dtype) if value is None else _check.numbers(name, value)
    if state.shape not in ((H,), (*batch, H)):
        expected = f"({H},)" if not batch else f"({H},) or ({batch[0]}, {H})"
        first = "; time comes first in x, so it may need to be transposed" if state.shape == (T, H) else ""
        raise ValueError(f"{name}: expected shape {expected}, got {state.shape}{first}")
    return state


def input_rows(x: np.ndarray, Wxh: np.ndarray, dtype: npt.DTypeLike) -> np.ndarray:
    """x_t Wxh for all steps: rows of Wxh for ids, a product for features."""
    return Wxh[x] if x.dtype.kind in "iu" else x.astype(dtype, copy=False) @ Wxh


def input_gradient(x: np.ndarray, da: np.ndarray, D: int) -> np.ndarray:
    """dWxh = Σ x_tᵀ da_t over steps and sequences, for ids or features."""
    rows = da.reshape(-1, da.shape[-1])
    if x.dtype.kind not in "iu":
        return x.reshape(-1, D).astype(da.dtype, copy=False).T @ rows
    dWxh = np.zeros((D, da.shape[-1]), da.dtype)
    np.add.at(dWxh, x.reshape(-1), rows)
    return dWxh


def previous(first: np.ndarray, states: np.ndarray) -> np.ndarray:
    """The state before each step, (T, B, H): the first one, then all but the last."""
    return np.concatenate([first[None], states[:-1]])


def rows(array: np.ndarray) -> np.ndarray:
    """Steps and sequences in one axis, so that one product or one sum goes over both."""
    return array.reshape(-1, array.shape[-1])


def lengths(shares: np.ndarray) -> np.ndarray:
    """|shares[t, s]|, (T, T): the norm over all gates and units, and over the sequences of a batch."""
    return np.sqrt((abs(shares) ** 2).sum(axis=tuple(range(2, shares.ndim))))


def along(error: np.ndarray, jacobians: np.ndarray) -> np.ndarray:
    """error · Π jacobians: a row vector for each sequence, sent back through one step after another."""
    for jacobian in jacobians:
        error = (error[..., None, :] @ jacobian)[..., 0, :]
    return error
