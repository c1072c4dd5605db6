"""Where training may begin: other recurrent matrices for parameters of any cell, drawn from a generator.

    params = starts.orthogonal(init_params(V, H, rng=rng), rng=rng, gain=1.2)

Each function returns new parameters, of which it has changed Whh alone, or all three matrices. A cell with gates has a
block of H × H for each gate in Whh; what is said of Whh holds for each block.
"""

from __future__ import annotations  # naming `np.random` would import it, which takes a while

from typing import Any

import numpy as np

from . import _cell, _check


def uniform(params: Any, *, rng: np.random.Generator) -> Any:
    """Wxh, Whh and Why drawn uniformly within ±1/√H, in this order; the biases stay.

    The start of PyTorch (which draws the biases too). `init_params` takes 1/√D for Wxh: of one-hot input only one row
    in D is read, so its states are the smaller, the larger the alphabet.

    Raises TypeError or ValueError for parameters that do not fit each other, and an rng that is not a Generator.
    """
    params, rng = _cell.check_any(params), _check.generator("rng", rng)
    bound = 1 / np.sqrt(len(params.Whh))
    drawn = {name: getattr(params, name) for name in ("Wxh", "Whh", "Why")}
    return params._replace(
        **{name: (-bound + 2 * bound * rng.random(a.shape)).astype(a.dtype) for name, a in drawn.items()}
    )


def orthogonal(params: Any, *, rng: np.random.Generator, gain: float = 1.0) -> Any:
    """Whh = gain · Q, Q orthogonal and uniformly distributed: every singular value is the gain, |eigenvalues| too.

    Q is that of the QR decomposition, R with a positive diagonal, of numbers √(-2 ln(1 - u)) · cos(2πv): normal ones.
    First all u of a block are drawn from `rng.random`, then all v. Saxe, McClelland and Ganguli, Exact solutions to the
    nonlinear dynamics of learning in deep linear neural networks, ICLR 2014.

    Raises as `uniform` does, and TypeError or ValueError for a gain that is not a positive number.
    """
    params, rng = _cell.check_any(params), _check.generator("rng", rng)
    gain, H = _check.positive("gain", gain), len(params.Whh)

    def block():
        u, v = rng.random((H, H)), rng.random((H, H))
        return orthogonal_factor(np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v))

    return _with_blocks(params, gain, [block() for _ in range(params.gates)])


def orthogonal_factor(matrix: np.ndarray) -> np.ndarray:
    """Q (H, H) of matrix = QR, R with a diagonal that is not negative: of a matrix of full rank there is only one.

    Raises TypeError or ValueError for anything but a square matrix of finite real numbers.
    """
    given, matrix = matrix, _check.numbers("matrix", matrix)
    if matrix.dtype.kind == "c":
        raise TypeError(f"matrix: expected real numbers, got {_check.describe(given)}")
    if matrix.ndim != 2 or not matrix.size or len(matrix) != len(matrix.T):
        raise ValueError(f"matrix: expected shape (H, H), H at least 1, got {matrix.shape}")
    Q, R = np.linalg.qr(matrix)
    return Q * np.where(np.diag(R) < 0, -1, 1)


def identity(params: Any, *, gain: float = 1.0) -> Any:
    """Whh = gain · I: each unit hands its own value on. Raises as `orthogonal` does.

    Le, Jaitly and Hinton, A Simple Way to Initialize Recurrent Networks of Rectified Linear Units, 2015.
    """
    params, gain = _cell.check_any(params), _check.positive("gain", gain)
    return _with_blocks(params, gain, [np.eye(len(params.Whh))] * params.gates)


def scaled(params: Any, gain: float) -> Any:
    """Whh multiplied by the gain, and with it its singular values and eigenvalues. Raises as `orthogonal` does."""
    params, gain = _cell.check_any(params), _check.positive("gain", gain)
    return params._replace(Whh=_times(gain, params.Whh, params.Whh.dtype))


def _with_blocks(params, gain, blocks):
    """The parameters with these blocks times the gain, side by side, as Whh in the type of the old one."""
    blocks = np.concatenate(blocks, axis=1)
    return params._replace(Whh=_times(gain, blocks, params.Whh.dtype))


def _times(gain, matrix, dtype):
    """gain · matrix in this type. Raises ValueError where a number is too large for it."""
    with np.errstate(over="ignore"):
        product = (gain * matrix).astype(dtype)
    if not np.isfinite(product).all():
        raise ValueError(f"gain: expected one with which Whh fits into {dtype}, got {gain}")
    return product
