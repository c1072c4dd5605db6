"""Why a gradient is wrong, by two lists of rules.

The first list looks at the gradient alone: its type, its shape, its precision. The second one makes each known mistake
on purpose, and names it as the cause if that gives the very numbers that were given.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from ..bptt import backward
from ..loss import softmax
from ..rnn import Params, Trace
from ._report import Check

Mutant = tuple[str, dict[str, np.ndarray]]  # a cause, and name -> the gradients that this mistake gives


class Evidence(NamedTuple):
    """What is known about the gradient with respect to one parameter."""

    given: np.ndarray
    expected: np.ndarray
    scale: float
    errors: np.ndarray  # relative to the scale, in the shape of the parameter
    doubts: np.ndarray  # how uncertain the expected numbers are, relative to the scale
    tolerance: float
    ok: bool  # whether no error is larger than the tolerance and the doubt together

    @property
    def comparable(self) -> bool:
        """Whether the given numbers can be compared with the expected ones, entry by entry."""
        return self.given.shape == self.expected.shape and self.given.dtype.kind in "fiu"


def verdict(name: str, evidence: Evidence) -> Check:
    """The `Check` of one gradient, with the cause that the first of `RULES` to apply gives."""
    cause = next((cause for rule in RULES if (cause := rule(evidence))), "")
    if not evidence.comparable:
        return Check(name, False, np.inf, None, np.nan, np.nan, cause)
    given, expected, errors, ok = evidence.given, evidence.expected, evidence.errors, evidence.ok
    index = np.unravel_index((errors if ok else errors - evidence.doubts).argmax(), errors.shape)
    index = tuple(int(i) for i in index)
    return Check(name, ok, float(errors[index]), index, float(given[index]), float(expected[index]), cause)


# --- Rules that look at one gradient alone: each returns a cause, or "" if it does not apply --------------------------


def _no_numbers(e):
    return "" if e.given.dtype.kind in "fiu" else f"of type {e.given.dtype}, where floating numbers belong"


def _wrong_shape(e):
    given, expected = e.given, e.expected
    if given.shape == expected.shape:
        return ""
    cause, transposed = f"shape {given.shape}, where {expected.shape} belongs", given.shape == expected.T.shape
    if given.size != expected.size:
        return cause
    reshaped = (given.T if transposed else given).reshape(expected.shape)
    if np.abs(reshaped - expected).max() <= e.tolerance * np.abs(expected).max():
        cause += ": transposed" if transposed else ": the numbers are right"
    return cause


def _not_finite(e):
    wrong = (~np.isfinite(e.given)).sum()
    return f"{wrong} of {e.given.size} entries are NaN or infinite" if wrong else ""


def _uncertain_difference(e):
    if not e.ok or (e.errors <= e.tolerance).all():
        return ""
    return f"central differences are themselves known to {e.doubts.max():.0e} only: use the method 'complex'"


def _integers(e):
    return "" if e.ok or e.given.dtype.kind == "f" else f"of type {e.given.dtype}, which cuts fractions off"


def _low_precision(e):
    dtype = e.given.dtype
    if not e.ok and dtype in (np.float16, np.float32) and e.errors.max() <= 64 * np.finfo(dtype).eps:
        return f"returned in {dtype}, whose rounding explains an error of this size"
    return ""


RULES = (_no_numbers, _wrong_shape, _not_finite, _uncertain_difference, _integers, _low_precision)


# --- Known mistakes, each made on purpose -----------------------------------------------------------------------------


def likely_causes(
    unclear: Iterable[str], evidence: dict[str, Evidence], params: Params, trace: Trace, y: np.ndarray, reduction: str
) -> dict[str, str]:
    """name -> the cause that gives the numbers given; of several, the one that explains most of the gradients."""
    found = {name: [] for name in unclear}
    with np.errstate(all="ignore"):
        for cause, arrays in _mutants(list(found), evidence, params, trace, y, reduction):
            for name in found.keys() & arrays.keys():
                if _explains(arrays[name], evidence[name]):
                    found[name].append(cause)
    votes = [cause for causes in found.values() for cause in set(causes)]
    return {name: max(causes, key=votes.count) for name, causes in found.items() if causes}


def _explains(mutant, e):
    """Whether a mistake gives the given numbers: within the tolerance, and far better than the right gradient does."""
    missed = np.abs(e.given - mutant).max()
    size = max(e.scale, np.abs(e.given).max())
    return missed <= e.tolerance * size and missed <= np.abs(e.given - e.expected).max() / 100


def _mutants(names, evidence, params, trace, y, reduction) -> Iterator[Mutant]:
    """Every known mistake. Of causes that explain equally much the first one wins, so the vaguest ones come last."""
    yield from _of_the_right_gradient(names, evidence, y.shape)
    if _is_usual(trace, params, y):
        replay = _Replay(params, trace, y, reduction)
        for rule in MISTAKES:
            yield from rule(replay)
    yield from _patterns(names, evidence)


def _is_usual(trace, params, y):
    """Whether `trace` has the layout of `forward`'s, so that the backward pass can be repeated from it."""
    if not isinstance(trace, Trace):
        return False
    V, H = params.Wxh.shape
    shapes = {
        "h0": (*y.shape[1:], H),
        "a": (*y.shape, H),
        "h": (*y.shape, H),
        "o": (*y.shape, V),
        "yhat": (*y.shape, V),
    }
    return all(np.shape(getattr(trace, name)) == shape for name, shape in shapes.items())


def _of_the_right_gradient(names, evidence, shape):
    """Mistakes that change the finished gradient; `shape` is that of the targets."""
    factors = {"T·B" if len(shape) == 2 else "T": int(np.prod(shape))}
    if len(shape) == 2:
        factors |= {"T or B": shape[0]} if shape[0] == shape[1] else {"T": shape[0], "B": shape[1]}
    for name in names:
        right = evidence[name].expected
        yield "the sign is wrong: every entry is the negative of what it should be", {name: -right}
        for letters, factor in factors.items():
            yield f"{letters} = {factor} times too large: sum or mean?", {name: right * factor}
            yield f"{letters} = {factor} times too small: sum or mean?", {name: right / factor}
        if right.ndim == 2 and right.shape[0] == right.shape[1]:
            yield "transposed", {name: right.T}


def _patterns(names, evidence):
    """Patterns in the given numbers. A single number shows none."""
    numbers = [np.abs(e.given).ravel() for e in evidence.values() if e.given.dtype.kind in "fiu"]
    everything = np.concatenate(numbers)
    for name in names:
        right, wrong = evidence[name].expected, evidence[name].given
        if not wrong.any():
            yield "nothing but zeros: is it never added to?", {name: np.zeros(right.shape)}
        elif right.size > 1:
            ratio = (wrong * right).sum() / (right * right).sum()
            yield f"every entry is {ratio:.6g} times what it should be", {name: ratio * right}
            bound = abs(wrong).max()
            if (everything == bound).sum() > 1:  # some entry is always the largest; two equal ones are no coincidence
                clipped = right.clip(-bound, bound)
                yield f"clipped: every entry beyond {bound:.6g} stands at ±{bound:.6g}", {name: clipped}


class _Replay:
    """The backward pass written out again, so that a rule can repeat it with one mistake in it."""

    def __init__(self, params, trace, y, reduction):
        self.params, self.y, self.reduction = params, y, reduction
        self.given_yhat, self.trace = trace.yhat, trace._replace(yhat=softmax(trace.o))
        self.a, self.h, self.T = trace.a, trace.h, len(trace.h)
        V = trace.o.shape[-1]
        self.one_hot = np.eye(V)[y]
        self.weight = 1 if reduction == "sum" else 1 / y.size
        self.h_prev = np.concatenate([trace.h0[None], trace.h[:-1]])
        self.rows = np.eye(V)[trace.x] if trace.x.dtype.kind in "iu" else trace.x
        self.do = (self.trace.yhat - self.one_hot) * self.weight
        self.da = self.steps_back(self.do)
        self.right = self.sums(self.do, self.da)

    def steps_back(self, do, slope=None, through=None):
        """da, with another slope of the activation or another matrix on the way to the step before."""
        slope = 1 - self.h**2 if slope is None else slope
        through = self.params.Whh.T if through is None else through
        da, future = np.empty(self.h.shape), 0
        for t in reversed(range(self.T)):
            da[t] = (do[t] @ self.params.Why.T + future) * slope[t]
            future = da[t] @ through
        return da

    def sums(self, do, da, steps=slice(None)):
        """name -> gradient: the sums over these steps and all sequences."""
        ones, do, da_ = np.ones((*self.h.shape[:-1], 1))[steps], do[steps], da[steps]
        return {
            "Wxh": _total(self.rows[steps], da_),
            "Whh": _total(self.h_prev[steps], da_),
            "bh": _total(ones, da_)[0],
            "Why": _total(self.h[steps], do),
            "by": _total(ones, do)[0],
            "h0": da[0] @ self.params.Whh.T,
        }


def _total(left, right):
    """Σ leftᵀ right over all axes but the last."""
    return left.reshape(-1, left.shape[-1]).T @ right.reshape(-1, right.shape[-1])


def _another_network(r):
    if not np.allclose(r.h, np.tanh(r.a), rtol=0, atol=1e-6):
        yield "right if h were tanh(a), which it is not: does forward leave the tanh out?", r.right
    else:
        yield "right for the usual network: does forward do otherwise, or is the step of the difference unfit?", r.right


def _another_softmax(r):
    if not np.allclose(r.given_yhat, r.trace.yhat, rtol=0, atol=1e-6):
        do = (r.given_yhat - r.one_hot) * r.weight
        cause = "right if ŷ were softmax(o), which it is not: is every step normalised by itself?"
        yield cause, r.sums(do, r.steps_back(do))


def _off_by_one_step(r):
    lost = r.right["Whh"] - _total(r.trace.h0[None], r.da[:1])
    yield "wrong only through t = 1: is the initial state lost?", {"Whh": lost}
    yield "one step late: h_t where h_{t-1} belongs", {"Whh": _total(r.h, r.da)}
    yield "one step late: da_{t+1} where da_t belongs", {"Whh": _total(r.h_prev[:-1], r.da[1:])}
    yield "one step early: h_{t-1} where h_t belongs", {"Why": _total(r.h_prev, r.do)}


def _truncated(r):
    for reach in range(1, min(r.T, 65)):  # the work grows with the square
        few = backward(r.params, r.trace, r.y, reduction=r.reduction, truncate=reach)._asdict()
        only = "the future term is missing: only each step's own loss reaches a_t"
        yield only if reach == 1 else f"truncated: each loss reaches back over {reach} steps only", few


def _another_slope(r):
    a, h = r.a, r.h
    slopes = {
        "tanh's slope is left out: the factor 1 - h² is missing": np.ones(h.shape),
        "tanh's slope is taken at a: 1 - a² where 1 - h² belongs": 1 - a**2,
        "tanh's slope is taken at h: 1 - tanh²(h) where 1 - h² belongs": 1 - np.tanh(h) ** 2,
        "tanh's slope is turned over: 1 / (1 - h²) where 1 - h² belongs": 1 / (1 - h**2),
        "the slope is a sigmoid's: h (1 - h) where 1 - h² belongs": h * (1 - h),
        "the square is missing in tanh's slope: 1 - h where 1 - h² belongs": 1 - h,
    }
    for cause, slope in slopes.items():
        yield cause, r.sums(r.do, r.steps_back(r.do, slope))


def _not_transposed(r):
    Whh = r.params.Whh
    da, cause = r.steps_back(r.do, through=Whh), "Whh where its transpose belongs, on the way to the step before"
    yield cause, r.sums(r.do, da)
    yield cause, {"h0": da[0] @ Whh}
    yield cause, {"h0": r.da[0] @ Whh}
    yield "da_1 itself: the way back through Whhᵀ is missing", {"h0": r.da[0]}


def _no_targets(r):
    do = r.weight * r.trace.yhat
    yield "ŷ where ŷ - y belongs: the targets are left out", r.sums(do, r.steps_back(do))


def _assigned(r):
    for which, step in (("first", slice(1)), ("last", slice(r.T - 1, r.T))):
        one = r.sums(r.do, r.da, step) | {"h0": r.right["h0"]}
        yield f"the {which} step's term alone: = where += belongs?", one


MISTAKES = (
    _another_network,
    _another_softmax,
    _off_by_one_step,
    _truncated,
    _another_slope,
    _not_transposed,
    _no_targets,
    _assigned,
)
