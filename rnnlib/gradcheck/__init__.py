"""Is a gradient right? Every entry is compared with a derivative of the loss itself. And if it is wrong, why?

The verdict depends on `forward` and `cross_entropy` alone. Formulas for the gradient are used only afterwards, to find
the likely cause: a known mistake is named if making it on purpose gives the very numbers that were given.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _check
from ..bptt import backward
from ..loss import cross_entropy
from ..rnn import Params, check_params, forward
from ._diagnosis import Evidence, likely_causes, verdict
from ._numeric import NAMES, TOLERANCES, Loss, doubts, error_scales, gradient, relative_errors
from ._report import Check, Report

__all__ = ["NAMES", "TOLERANCES", "Check", "Report", "check_gradients"]


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
    """Compare what `backward` returns with derivatives of L = cross_entropy(forward(params, x, h0).o, y, reduction).

        "complex":  ∂L/∂p ≈ Im L(p + is) / s                s = 1e-30
        "central":  ∂L/∂p ≈ (L(p + s) - L(p - s)) / 2s      s = ∛eps · max(1, |p|)

    The complex step subtracts nothing, so s may be so small that its error, of the order of s², is far below rounding.
    Squire and Trapp, Using Complex Variables to Estimate Derivatives of Real Functions, SIAM Review 40(1), 110-112,
    1998; Martins, Sturdza and Alonso, The Complex-Step Derivative Approximation, ACM Transactions on Mathematical
    Software 29(3), 245-262, 2003. It needs a `forward` of analytic functions (no abs, conj or real part).

    The central difference works with any `forward`. Its truncation error s² L‴ / 6 grows with s, its rounding error
    eps |L| / s shrinks with s: their sum is smallest near s = ∛eps = 6e-6, about 1e-10 where p, L and L‴ are near 1.
    With large weights L‴ is large: an entry that looks wrong is therefore differentiated again with the step 2s, and
    the change counts as uncertainty of the difference, not as a mistake of `backward`.

    params, x, y, h0, reduction: as for `forward` and `cross_entropy`; float32 is converted to float64.
    backward: a function (params, trace, y, *, reduction) that returns an object with some or all of the attributes
        Wxh (V, H), Whh (H, H), Why (H, V), bh (H,), by (V,), h0 (H,) or (B, H).
    forward: a function (params, x, h0) that returns an object with .o and .h0; most causes can be found only if it is
        a `Trace`. It is called once for every entry of every parameter (central: twice).
    step: s, the same for every entry. tolerance: the largest relative error that counts as right; 1e-9 for complex
        steps, 1e-5 for central differences. Errors are relative to the largest entry of the array, because an entry
        whose terms nearly cancel is known no better than these terms; and at least to a thousandth of the largest
        gradient and of the weight of one prediction in L, because 1 - h² and ŷ - y are rounded like numbers near 1,
        however small they are.

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
    cross_entropy(trace.o, y, reduction)  # rejects targets that do not fit, before anything is differentiated
    y = np.asarray(y)

    given = _gradients_of(backward, forward, params, x, trace.h0, y, reduction)
    loss = Loss({**params._asdict(), "h0": trace.h0}, x, y, reduction, forward)
    expected = {name: gradient(loss, name, method, step) for name in given}
    scales = error_scales(expected, 1 if reduction == "sum" else 1 / y.size)
    evidence = {}
    for name, scale in scales.items():
        errors = relative_errors(given[name], expected[name], scale)
        doubt = np.zeros(errors.shape)
        if method == "central":
            suspect = (errors > tolerance) & np.isfinite(errors)
            doubt = doubts(loss, name, expected[name], suspect, step) / scale
        ok = bool((errors <= tolerance + doubt).all())
        evidence[name] = Evidence(given[name], expected[name], scale, errors, doubt, tolerance, ok)

    checks = {name: verdict(name, found) for name, found in evidence.items()}
    unclear = [name for name, check in checks.items() if not (check.ok or check.cause)]
    if unclear:
        causes = likely_causes(unclear, evidence, params, trace, y, reduction)
        checks |= {name: checks[name]._replace(cause=cause) for name, cause in causes.items()}
    return Report(method, tolerance, checks, given, expected, scales)


def _gradients_of(backward, forward, params, x, h0, y, reduction):
    """name -> what `backward` returns, as an array. It gets copies, so that training in place changes nothing here."""
    copies = Params(*(array.copy() for array in params))
    result = backward(copies, forward(copies, x.copy(), h0.copy()), y.copy(), reduction=reduction)
    given = {name: _as_array(getattr(result, name)) for name in NAMES if getattr(result, name, None) is not None}
    if not given:
        wanted = f"an object with some of the attributes {', '.join(NAMES)}"
        raise TypeError(f"backward: expected it to return {wanted}, got {_check.describe(result)}")
    return given


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
