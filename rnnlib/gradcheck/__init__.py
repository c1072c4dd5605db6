"""Is a gradient right? Every entry is held against a derivative of the loss itself; and if it is wrong, why?

The verdict rests on `forward` and `cross_entropy` alone. Formulas of the gradient come in only afterwards, when the
likely cause is looked for: one is named when the mistake, made on purpose, gives the very numbers that were given.
"""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import _check
from ..bptt import backward
from ..loss import cross_entropy
from ..rnn import Params, check_params, forward
from ._diagnosis import likely_causes

NAMES = (*Params._fields, "h0")
TOLERANCES = {"complex": 1e-9, "central": 1e-5}
SHARE = 1e-3  # of the largest gradient: errors in a smaller array are relative to this


class Check(NamedTuple):
    """The verdict on the gradient in one parameter."""

    name: str
    ok: bool
    error: float  # the worst |given - expected| / scale; infinite where the two cannot be compared
    index: tuple | None  # where the worst is; None for another shape or for no numbers
    given: float  # the two numbers there
    expected: float
    cause: str  # in plain words; empty when nothing is wrong or nothing could be told


class Report(NamedTuple):
    """What `check_gradients` found: print it. Its dicts have one entry for every gradient that was given."""

    method: str
    tolerance: float
    checks: dict[str, Check]  # name -> Check
    given: dict[str, np.ndarray]  # name -> what backward returned, as an array
    expected: dict[str, np.ndarray]  # name -> the derivatives of the loss, in the shape of the parameter
    scales: dict[str, float]  # name -> the number that errors are relative to

    @property
    def ok(self) -> bool:
        """Whether every gradient that was given is right."""
        return all(check.ok for check in self.checks.values())

    @property
    def relative_errors(self) -> dict[str, np.ndarray]:
        """name -> |given - expected| / scale, in the shape of the parameter: what a heat map shows."""
        return {name: _errors(self.given[name], self.expected[name], scale) for name, scale in self.scales.items()}

    def __str__(self) -> str:
        wrong = [check.name for check in self.checks.values() if not check.ok]
        verdict = f"wrong: {', '.join(wrong)}" if wrong else "every gradient is right"
        rows = [("", "shape", "worst error", "at", " given", " expected", "")]
        for name, ok, error, index, given, expected, _ in self.checks.values():
            at, shape = "-" if index is None else str(index), str(self.expected[name].shape)
            rows.append((name, shape, f"{error:.1e}", at, f"{given: .6g}", f"{expected: .6g}", "ok" if ok else "WRONG"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        method = {"complex": "complex steps", "central": "central differences"}[self.method]
        lines = [f"{method}, tolerance {self.tolerance:.1e}: {verdict}"]
        for row in rows:
            lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        for cause in dict.fromkeys(check.cause for check in self.checks.values() if check.cause):
            lines.append(f"{', '.join(name for name, check in self.checks.items() if check.cause == cause)}: {cause}")
        absent = [name for name in NAMES if name not in self.checks]
        if absent:
            lines.append(f"not checked, for backward returned none: {', '.join(absent)}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)


def check_gradients(
    params: Params,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    h0: npt.ArrayLike | None = None,
    reduction: str = "mean",
    backward: Callable[..., Any] = backward,
    forward: Callable[..., Any] = forward,
    method: str = "complex",
    step: float | None = None,
    tolerance: float | None = None,
) -> Report:
    """Hold what `backward` returns against derivatives of L = cross_entropy(forward(params, x, h0).o, y, reduction).

        "complex":  ∂L/∂p ≈ Im L(p + is) / s                s = 1e-30
        "central":  ∂L/∂p ≈ (L(p + s) - L(p - s)) / 2s      s = ∛eps · max(1, |p|)

    The complex step subtracts nothing, so s may be so small that its error, of the order of s², vanishes beside the
    rounding. Squire and Trapp, Using Complex Variables to Estimate Derivatives of Real Functions, SIAM Review 40(1),
    110-112, 1998; Martins, Sturdza and Alonso, The Complex-Step Derivative Approximation, ACM Transactions on
    Mathematical Software 29(3), 245-262, 2003. It needs a `forward` of analytic functions (no abs, conj or real part).

    The central difference does with any `forward`, but truncates s² L‴ / 6, which grows with s, and rounds off
    eps |L| / s, which shrinks with it: near s = ∛eps = 6e-6 the sum is least, about 1e-10 where p, L and L‴ are near 1.
    With large weights L‴ is large: an entry that looks wrong is therefore differentiated again with the step 2s, and
    what this changes counts as doubt of the difference itself, not as a mistake of `backward`.

    params, x, y, h0, reduction: as for `forward` and `cross_entropy`; always computed in float64, float32 is converted.
    backward: a function (params, trace, y, *, reduction) that returns an object with some or all of the attributes
        Wxh (V, H), Whh (H, H), Why (H, V), bh (H,), by (V,), h0 (H,) or (B, H).
    forward: a function (params, x, h0) that returns an object with .o and .h0; most causes can be told only where it
        is a `Trace`. It is called once for every entry of every parameter (central: twice).
    step: s, the same for every entry. tolerance: the largest relative error that is right; 1e-9 for complex steps,
        1e-5 for central differences. Errors are relative to the largest entry of the array, for an entry that nearly
        cancels out is known no better than the terms it is a sum of; and at least to a thousandth of the largest
        gradient and of the weight of one prediction in L, for 1 - h² and ŷ - y are rounded as 1 is, however small.

    Returns a `Report`. Raises TypeError for a backward or forward that is no function or returns nothing of use, for
    complex numbers, and for a forward that drops the imaginary part; ValueError for another method and for a step or
    tolerance that is not positive; and what `forward` and `cross_entropy` raise.
    """
    _check.one_of("method", method, TOLERANCES)
    step = None if step is None else _check.positive("step", step)
    tolerance = TOLERANCES[method] if tolerance is None else _check.positive("tolerance", tolerance)
    for name, value in {"backward": backward, "forward": forward}.items():
        if not callable(value):
            raise TypeError(f"{name}: expected a function, got {_check.describe(value)}")
    params = Params(*(_float64("params", array) for array in check_params(params)))
    x = _float64("x", _check.array("x", x))
    trace = forward(params, x, None if h0 is None else _float64("h0", _check.numbers("h0", h0)))
    if not (hasattr(trace, "o") and hasattr(trace, "h0")):
        raise TypeError(f"forward: expected it to return an object with .o and .h0, got {_check.describe(trace)}")
    cross_entropy(trace.o, y, reduction)  # refuses what does not fit, before anything is differentiated
    y = np.asarray(y)

    # What backward gets is a copy: if it trains in place, the point of the derivatives stays where it is.
    copies = Params(*(array.copy() for array in params))
    result = backward(copies, forward(copies, x.copy(), trace.h0.copy()), y.copy(), reduction=reduction)
    given = {name: _as_array(getattr(result, name)) for name in NAMES if getattr(result, name, None) is not None}
    if not given:
        wanted = f"an object with some of the attributes {', '.join(NAMES)}"
        raise TypeError(f"backward: expected it to return {wanted}, got {_check.describe(result)}")

    point = {**params._asdict(), "h0": trace.h0}

    def slope(name, index, times=1):
        def loss(number):
            moved = point[name].astype(type(number))
            moved[index] = number
            *arrays, start = {**point, name: moved}.values()
            return cross_entropy(forward(Params(*arrays), x, start).o, y, reduction)

        return _SLOPES[method](loss, float(point[name][index]), step, times)

    expected = {name: np.empty(point[name].shape) for name in given}
    for name, array in expected.items():
        for index in np.ndindex(array.shape):
            array[index] = slope(name, index)
    weight = 1 if reduction == "sum" else 1 / y.size
    least = SHARE * max(weight, *(np.abs(array).max() for array in expected.values()))
    scales = {name: max(float(np.abs(array).max()), least) for name, array in expected.items()}

    checks = {}
    for name, scale in scales.items():
        errors = _errors(given[name], expected[name], scale)
        doubts = np.zeros(errors.shape)
        if method == "central":
            for index in np.argwhere((errors > tolerance) & np.isfinite(errors)):
                index = tuple(index)
                doubts[index] = abs(slope(name, index, times=2) - expected[name][index]) / scale
        checks[name] = _verdict(name, given[name], expected[name], errors, doubts, tolerance)
    unclear = [name for name, check in checks.items() if not (check.ok or check.cause)]
    causes = likely_causes(unclear, given, expected, scales, tolerance, params, trace, y, reduction) if unclear else {}
    checks = {name: check._replace(cause=causes.get(name, check.cause)) for name, check in checks.items()}
    return Report(method, tolerance, checks, given, expected, scales)


def _complex_slope(loss, p, step, times):
    s = times * (step or 1e-30)
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        try:
            moved = loss(complex(p, s))
        except (TypeError, np.exceptions.ComplexWarning) as error:
            raise TypeError(f"forward: expected it to keep complex numbers, got {error}; or use 'central'") from error
    if not np.iscomplexobj(moved):
        raise TypeError("forward: expected complex logits of complex parameters, got real ones; or use 'central'")
    return moved.imag / s


def _central_slope(loss, p, step, times):
    s = times * (step or np.cbrt(np.finfo(np.float64).eps) * max(1, abs(p)))
    if p - s == p or p + s == p:
        raise ValueError(f"step: expected one large enough to change a parameter of {p:.6g}, got {s:.6g}")
    return (loss(p + s) - loss(p - s)) / (2 * s)


_SLOPES = {"complex": _complex_slope, "central": _central_slope}


def _errors(given, expected, scale):
    """|given - expected| / scale; infinite where given is not finite, and all over if its shape or type is no use."""
    if given.shape != expected.shape or given.dtype.kind not in "fiu":
        return np.full(expected.shape, np.inf)
    with np.errstate(all="ignore"):
        errors = np.abs(given - expected) / scale
    return np.where(np.isfinite(given), errors, np.inf)


def _verdict(name, given, expected, errors, doubts, tolerance):
    """The `Check` of one gradient, with the causes that show without any formula."""
    ok = bool((errors <= tolerance + doubts).all())
    cause, kind = "", given.dtype.kind
    if kind not in "fiu":
        cause = f"of type {given.dtype}, where floating numbers belong"
    elif given.shape != expected.shape:
        cause = f"shape {given.shape}, where {expected.shape} belongs"
        turned = given.shape == expected.T.shape
        if given.size == expected.size:
            same = (given.T if turned else given).reshape(expected.shape)
            if np.abs(same - expected).max() <= tolerance * np.abs(expected).max():
                cause += ": transposed" if turned else ": the numbers are right"
    elif not np.isfinite(given).all():
        cause = f"{(~np.isfinite(given)).sum()} of {given.size} entries are NaN or infinite"
    elif ok and (errors > tolerance).any():
        cause = f"central differences are themselves known to {doubts.max():.0e} only: use the method 'complex'"
    elif not ok and kind in "iu":
        cause = f"of type {given.dtype}, which cuts fractions off"
    elif not ok and given.dtype in (np.float16, np.float32) and errors.max() <= 64 * np.finfo(given.dtype).eps:
        cause = f"returned in {given.dtype}, whose rounding explains an error of this size"
    if given.shape != expected.shape or kind not in "fiu":
        return Check(name, False, np.inf, None, np.nan, np.nan, cause)
    index = np.unravel_index((errors if ok else errors - doubts).argmax(), errors.shape)
    index = tuple(int(i) for i in index)
    return Check(name, ok, float(errors[index]), index, float(given[index]), float(expected[index]), cause)


def _as_array(value):
    """`value` as an array, whatever it is."""
    try:
        return np.asarray(value)
    except ValueError:  # rows of unequal length
        return np.array(None)


def _float64(name, array):
    """An array of floats as float64; integers as they are. Raises TypeError for complex numbers."""
    if np.iscomplexobj(array):
        raise TypeError(f"{name}: expected real numbers, got {_check.describe(array)}")
    return array.astype(np.float64) if array.dtype.kind == "f" else array
