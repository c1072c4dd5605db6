"""Is a gradient right? Every entry is compared with a derivative of the loss itself. And if it is wrong, why?

The verdict depends on `forward` and `cross_entropy` alone. Formulas for the gradient are used only afterwards, to find
the cause: a known mistake is named if making it on purpose gives all the numbers that were given. If none does, the
report says what the errors show instead.
"""

from __future__ import annotations  # naming `np.random` would import it, which takes a while

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _cell, _check, bptt, rnn
from ..bptt import backward
from ..loss import cross_entropy, softmax
from ..rnn import Params, forward
from . import _candidate
from ._blind import blind_spots
from ._diagnosis import Evidence, likely_causes, verdict
from ._findings import findings
from ._meter import meter
from ._numeric import NAMES, TOLERANCES, Loss, check_step, doubts, entries_of, error_scales, gradient, relative_errors
from ._replay import Replay, is_usual
from ._report import Check, Report

__all__ = ["NAMES", "TOLERANCES", "Check", "Report", "check_gradients"]


def check_gradients(
    params: Params,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    h0: npt.ArrayLike | None = None,
    reduction: str = "mean",
    weights: npt.ArrayLike | None = None,
    c0: npt.ArrayLike | None = None,
    backward: Callable[..., Any] = backward,
    forward: Callable[..., Any] = forward,
    method: str = "complex",
    step: float | None = None,
    tolerance: float | None = None,
    sample: int | None = None,
    rng: np.random.Generator | None = None,
    progress: bool | None = None,
) -> Report:
    """Compare what `backward` returns with derivatives of L = cross_entropy(forward(params, x, h0).o, y, ...).

        "complex":  ∂L/∂p ≈ Im L(p + is) / s                s = 1e-30
        "central":  ∂L/∂p ≈ (L(p + s) - L(p - s)) / 2s      s = ∛eps · max(1, |p|)

    The complex step subtracts no two losses, so s may be so small that its error, about s², is far below rounding.
    Squire and Trapp, Using Complex Variables to Estimate Derivatives of Real Functions, SIAM Review 40(1), 110-112,
    1998; Martins, Sturdza and Alonso, The Complex-Step Derivative Approximation, ACM Transactions on Mathematical
    Software 29(3), 245-262, 2003. It needs a `forward` of analytic functions (no abs, conj or real part).

    The central difference works with any `forward`. Its truncation error s² L‴ / 6 grows with s, its rounding error
    eps |L| / s shrinks with s: their sum is smallest near s = ∛eps = 6e-6, about 1e-10 where p, L and L‴ are near 1.
    With large weights L‴ is large: an entry that looks wrong is therefore differentiated again with the step 2s, and
    the change counts as uncertainty of the difference, not as a mistake of `backward`.

    params, x, y, h0, reduction, weights: as for `forward` and `cross_entropy`; float32 is converted to float64. The
        parameters may be those of any cell; c0 is for an LSTM.
    backward: a function (params, trace, y, *, reduction), with weights= too where weights are given; that of the cell
        unless given; one that takes no `reduction` is called without. It returns an object or a dict with some or all
        of Wxh (D, H), Whh (H, H), Why (H, V), bh (H,), by (V,), h0 (H,) or (B, H), or what the cell has instead, each
        with or without a d in front; or a tuple of the parameters', or of these and the first states', in this order.
        Where it returns do, dh and da too, a report without a cause says at which steps they are right.
    forward: a function (params, x, h0), for an LSTM (params, x, h0, c0), that returns an object with .o and .h0; that
        of the cell unless given. Most causes can be found only if it is a `Trace` of the vanilla network. It is called
        once for every entry of every parameter (central: twice).
    step: s, the same for every entry; not so large that a right gradient would be called wrong: at most a tenth of
        √tolerance for complex steps and 0.1 for central differences. tolerance: the largest relative error that counts
        as right; 1e-9 for complex steps, 1e-5 for central differences. Errors are relative to the largest entry of the
        array, because an entry whose terms nearly cancel is no more precise than these terms; and at least to a
        thousandth of the largest gradient and of the weight of one prediction in L, because 1 - h² and ŷ - y are
        rounded like numbers near 1, however small they are.
    sample: how many entries of each array to check, at random (the rest is compared with nothing but known mistakes);
        all unless given. With 65 symbols, 100 units and 25 steps there are 23,265 entries, which takes tens of seconds;
        20 of each array take a fraction of one. rng: draws them; the same ones every time unless given.
    progress: whether to say how far a check is that takes more than a second; as in `train`, by default if stderr is a
        terminal or in a notebook.

    Returns a `Report`. Raises TypeError for a backward or forward that is not a function, takes other arguments or
    returns nothing usable, for complex numbers, and for a forward that drops the imaginary part; ValueError for an
    unknown method, for a tolerance or sample that is not positive and a step out of range; and what `forward` and
    `cross_entropy` raise.
    """
    _check.one_of("method", method, TOLERANCES)
    tolerance = TOLERANCES[method] if tolerance is None else _check.positive("tolerance", tolerance)
    step = None if step is None else check_step(step, method, tolerance)
    sample = None if sample is None else _check.positive_int("sample", sample)
    rng = np.random.default_rng(0) if rng is None else _check.generator("rng", rng)
    cell = _cell.cell_of(params)
    backward = cell.backward if backward is bptt.backward else backward
    forward = cell.forward if forward is rnn.forward else forward
    for name, value in {"backward": backward, "forward": forward}.items():
        if not callable(value):
            raise TypeError(f"{name}: expected a function, got {_check.describe(value)}")
    params = cell.Params(*(_float64("params", array) for array in _cell.check_any(params)))
    x = _float64("x", _check.array("x", x))
    states = _states(cell.Params, h0=h0, c0=c0)
    _candidate.check_forward(forward, ("params", "x", *states))
    trace = forward(params, x, *states.values())
    if not all(hasattr(trace, name) for name in ("o", *states)):
        expected = f"an object with .o and .{' and .'.join(states)}"
        raise TypeError(f"forward: expected it to return {expected}, got {_check.describe(trace)}")
    cross_entropy(trace.o, y, reduction, weights)  # rejects what does not fit, before anything is differentiated
    y = np.asarray(y)
    weights = None if weights is None else np.asarray(weights, float)
    arrays = params._asdict() | {name: getattr(trace, name) for name in states}
    loss = Loss(cell.Params, arrays, x, y, reduction, weights, forward)

    given, steps = _called(backward, loss)
    share = _shares(y, reduction, weights)
    evidence = _evidence(loss, given, share.max(), method, step, tolerance, (sample, rng, progress))
    replay = Replay(params, trace, y, share, weights) if is_usual(trace, params, y) else None
    checks = {name: verdict(name, found) for name, found in evidence.items()}
    unclear = [name for name, check in checks.items() if not (check.ok or check.cause)]
    told: tuple[str, ...] = ()
    if unclear:
        causes = likely_causes(evidence, unclear, replay)
        checks |= {name: checks[name]._replace(cause=cause) for name, cause in causes.items()}
        right = None if causes else _right(cell, params, trace, y, reduction, weights)
        told = () if causes else findings(evidence, steps, right, replay)
    spots = blind_spots(params, x, y, trace, reduction, weights, tolerance)
    expected, scales = ({name: e[i] for name, e in evidence.items()} for i in (1, 2))
    return Report(method, tolerance, checks, given, expected, scales, told, spots, loss.names)


def _called(backward, loss):
    """What `backward` returns: name -> gradient, and do, dh, da where it has them.

    It gets copies, so that training in place changes nothing here.
    """
    params, states = loss.split({name: array.copy() for name, array in loss.arrays.items()})
    trace = loss.forward(params, loss.x.copy(), *states)
    options = {"reduction": loss.reduction}
    if loss.weights is not None:
        options["weights"] = loss.weights.copy()
    result = _candidate.call(backward, type(params)(*params), trace, loss.y.copy(), **options)
    shapes = {name: array.shape for name, array in loss.arrays.items()}
    H, V = shapes["Why"]
    steps = {"do": V, "dh": H, "da": shapes["Whh"][1]} | ({"dc": H} if "c0" in shapes else {})
    of_steps = {name: (*loss.y.shape, size) for name, size in steps.items()}
    return _candidate.gradients_of(result, shapes, of_steps), _candidate.steps_of(result, of_steps)


def _right(cell, params, trace, y, reduction, weights):
    """What a right pass backward returns for this trace; None where it is not one of the cell."""
    try:
        trace = trace._replace(yhat=softmax(trace.o))  # whatever it has there
        return cell.backward(params, trace, y, reduction=reduction, weights=weights)
    except (AttributeError, TypeError, ValueError):
        return None


def _shares(y, reduction, weights):
    """What each prediction counts in the loss, in the shape of y."""
    if weights is not None:
        return _check.weights("weights", weights, y.shape, reduction)
    return np.full(y.shape, 1.0 if reduction == "sum" else 1 / y.size)


def _evidence(loss, given, share, method, step, tolerance, sampling):
    """name -> Evidence, of every gradient that was given. share: the largest of a prediction in the loss."""
    sample, rng, progress = sampling
    entries = {name: entries_of(loss.arrays[name].shape, sample, rng) for name in given}
    with meter(progress, sum(map(len, entries.values()))) as advance:
        expected = {name: gradient(loss, name, method, step, chosen, advance) for name, chosen in entries.items()}
    evidence = {}
    for name, scale in error_scales(expected, share).items():
        errors = relative_errors(given[name], expected[name], scale)
        doubt = np.zeros(errors.shape)
        if method == "central":
            suspect = (errors > tolerance) & np.isfinite(errors) & np.isfinite(expected[name])
            doubt = doubts(loss, name, expected[name], suspect, step) / scale
        ok = not (errors > tolerance + doubt).any()
        evidence[name] = Evidence(given[name], expected[name], scale, errors, doubt, tolerance, ok)
    return evidence


def _states(kind, **given):
    """name -> the states before the first step as float64, or None for zeros, in the order of the cell."""
    names = _cell.states_of(kind)
    for name, value in given.items():
        if name not in names and value is not None:
            raise TypeError(f"{name}: expected None, since {kind.cell} has no such state, got {_check.describe(value)}")
    return {name: None if given[name] is None else _float64(name, _check.numbers(name, given[name])) for name in names}


def _float64(name, array):
    """An array of floats as float64; integers as they are. Raises TypeError for complex numbers."""
    if np.iscomplexobj(array):
        raise TypeError(f"{name}: expected real numbers, got {_check.describe(array)}")
    return array.astype(np.float64) if array.dtype.kind == "f" else array
