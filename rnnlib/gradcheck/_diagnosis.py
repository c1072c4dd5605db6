"""Why a gradient is wrong.

Rules look at one gradient alone: its type, its shape, its precision. Then each known mistake is made on purpose, and it
is named if it gives every number that was given, those of the right gradients too. Two mistakes are named if no single
one does so and both together do. Where nothing explains all, nothing is named.
"""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np

from ._mistakes import cores, sums
from ._replay import Replay
from ._report import Check

MATCH = 1e-9  # relative; both numbers are computed from the same trace, whatever the derivatives are worth
ALTERNATIVES = 3  # more causes that give the same numbers are not an answer
PAIRS = 2e6  # passes with a mistake in the error and one in the loop are tried up to this work a pass, about 3 s


class Evidence(NamedTuple):
    """What is known about the gradient with respect to one parameter. Entries that were not checked are NaN."""

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

    @property
    def finite(self) -> bool:
        return self.comparable and bool(np.isfinite(self.given).all())


def verdict(name: str, evidence: Evidence) -> Check:
    """The `Check` of one gradient, with the cause that the first of `RULES` to apply gives."""
    cause = next((cause for rule in RULES if (cause := rule(evidence))), "")
    if not evidence.comparable:
        return Check(name, False, np.inf, None, np.nan, np.nan, cause)
    given, expected, errors, ok = evidence.given, evidence.expected, evidence.errors, evidence.ok
    index = np.unravel_index(np.nanargmax(errors if ok else errors - evidence.doubts), errors.shape)
    index = tuple(int(i) for i in index)
    return Check(name, ok, float(errors[index]), index, float(given[index]), float(expected[index]), cause)


def farthest(array: np.ndarray, other: np.ndarray) -> float:
    """The largest |array - other| of the entries that are known in both."""
    return float(np.nanmax(np.abs(array - other), initial=0.0))


# --- Rules that look at one gradient alone: each returns a cause, or "" if it does not apply --------------------------


def _no_numbers(e):
    return "" if e.given.dtype.kind in "fiu" else f"of type {e.given.dtype}, where floating numbers belong"


def _wrong_shape(e):
    given, expected = e.given, e.expected
    if given.shape == expected.shape:
        return ""
    cause = f"shape {given.shape}, where {expected.shape} belongs"

    def right(array):
        return np.isfinite(array).all() and farthest(array, expected) <= e.tolerance * np.nanmax(np.abs(expected))

    if given.size == expected.size:
        transposed = given.shape == expected.T.shape
        if right((given.T if transposed else given).reshape(expected.shape)):
            cause += ": transposed" if transposed else ": the numbers are right"
    elif given.ndim == expected.ndim + 1:
        for axis in range(given.ndim):
            total = given.sum(axis=axis)
            if total.shape == expected.shape and right(total):
                return f"{cause}: the sum over axis {axis} is missing"
    return cause


def _not_finite(e):
    wrong = (~np.isfinite(e.given)).sum()
    return f"{wrong} of {e.given.size} entries are NaN or infinite" if wrong else ""


def _uncertain_difference(e):
    if not e.ok or not (e.errors > e.tolerance).any():
        return ""
    return f"central differences are themselves accurate only to {e.doubts.max():.0e}: use the method 'complex'"


def _integers(e):
    return "" if e.ok or e.given.dtype.kind == "f" else f"of type {e.given.dtype}, which drops fractions"


def _low_precision(e):
    if e.ok:
        return ""
    for dtype in (np.float16, np.float32):
        if np.nanmax(e.errors) > 64 * np.finfo(dtype).eps:
            continue
        if e.given.dtype == dtype:
            return f"returned in {np.dtype(dtype)}, whose rounding explains an error of this size"
        # A number of 53 bits whose last 29 are zero by chance is one in 500 million.
        if e.given.size > 1 and e.given.any() and np.array_equal(e.given, e.given.astype(dtype)):
            return f"computed in {np.dtype(dtype)}, whose rounding explains an error of this size"
    return ""


RULES = (_no_numbers, _wrong_shape, _not_finite, _uncertain_difference, _integers, _low_precision)


# --- Known mistakes, each made on purpose -----------------------------------------------------------------------------

Explanation = dict[str, tuple[str, ...]]  # name -> the causes that together give its numbers; none where it is right


def likely_causes(evidence: dict[str, Evidence], wrong: list[str], replay: Replay | None) -> dict[str, str]:
    """name -> cause, for each of the wrong gradients; empty unless the causes explain all numbers that were given."""
    considered = {name: e for name, e in evidence.items() if name in wrong or (e.ok and e.finite)}
    with np.errstate(all="ignore"):
        if replay is not None and not fits_the_loss(replay.right_gradient, considered):
            return _another_network(replay, considered, wrong)
        found = _simplest(considered, wrong, replay)
    said: dict[str, str] = {}
    for name in wrong if 0 < len(found) <= ALTERNATIVES else []:
        ways = dict.fromkeys("; and ".join(explanation[name]) for explanation in found)
        fit = f"{len(ways)} explanations fit: " if len(ways) > 1 else ""
        said[name] = fit + "; or ".join(ways)
    return said


def fits_the_loss(right: Callable[[str], np.ndarray], evidence: dict[str, Evidence]) -> bool:
    """Whether the derivatives of the loss are those of the usual network, name -> gradient of which `right` gives."""
    for name, e in evidence.items():
        bound = max(e.tolerance, 1e-3 if e.tolerance > MATCH * 10 else 0)
        if farthest(right(name), e.expected) > bound * e.scale:
            return False
    return True


def _another_network(replay, evidence, wrong):
    """What to say when the loss is not that of the usual network, but the gradient is."""
    if not all(_matches(replay.gradient(name, replay.right), e) for name, e in evidence.items()):
        return {}
    cause = "right for the usual network: does forward compute something else, or does the step size not fit?"
    if not np.allclose(replay.h, np.tanh(replay.a), rtol=0, atol=1e-6):
        cause = "right if h were tanh(a), which it is not: does forward leave the tanh out?"
    return dict.fromkeys(wrong, cause)


def _matches(array, e):
    """Whether an array is the one that was given: much nearer to it than the right one where that is wrong."""
    missed = np.abs(e.given - array).max()
    size = max(e.scale, np.abs(e.given).max())
    if e.ok:
        return missed <= max(MATCH, e.tolerance + e.doubts.max()) * size
    return missed <= MATCH * size and missed <= farthest(e.given, e.expected) / 100


def _simplest(evidence, wrong, replay) -> list[Explanation]:
    """The explanations with the fewest mistakes: all that need one, else all that need two."""
    patterns = {name: list(_patterns(name, evidence, replay)) for name in wrong}
    tries = []
    if replay:
        tries += [
            lambda: _search(evidence, replay, cores(replay, both=False), 1),
            lambda: _from_zero(evidence, wrong, replay),
        ]
    tries.append(lambda: _by_patterns(evidence, wrong, replay, patterns, 1))
    if replay:
        tries += [
            lambda: _search(evidence, replay, cores(replay, both=False), 2),
            lambda: _by_patterns(evidence, wrong, replay, patterns, 2),
        ]
        if replay.T * (replay.B * replay.H * (replay.V + replay.H) + 20_000) < PAIRS:
            tries.append(lambda: _search(evidence, replay, cores(replay, both=True), 2))
    return next((found for attempt in tries if (found := attempt())), [])


def _from_zero(evidence, wrong, replay) -> list[Explanation]:
    """Whether backward computed the states again, and lost the initial one."""
    other = replay.from_zero()
    if not all(_matches(other.gradient(name, other.right), e) for name, e in evidence.items()):
        return []
    return [dict.fromkeys(wrong, ("right for h0 = 0: are the states computed again, from zero?",))]


def _search(evidence, replay, candidates, most) -> list[Explanation]:
    """All explanations by one of these cores and by mistakes in the sums, `most` mistakes together."""
    found: list[Explanation] = []
    # Wrong ones refute most cores, small ones at little cost.
    order = sorted(evidence, key=lambda name: (evidence[name].ok, evidence[name].given.size))
    for core in candidates:
        allowed = most - len(core.causes)
        if allowed < 0:
            continue
        choices: dict[str, set[str]] = {}
        for name in order:
            if _is_plain(name, core, evidence[name], replay):
                continue
            if evidence[name].ok or not allowed:
                break
            choices[name] = {cause for cause, array in sums(replay, name, core.run) if _matches(array, evidence[name])}
            if not choices[name]:
                break
        else:
            for picked in _smallest(choices, allowed):
                found.append(_explanation(core, picked, evidence, replay))
    fewest = min((len({c for causes in e.values() for c in causes}) for e in found), default=0)
    kept = [e for e in found if len({c for causes in e.values() for c in causes}) == fewest]
    return [e for i, e in enumerate(kept) if e not in kept[:i]]


def _is_plain(name, core, e, replay):
    """Whether a core gives the numbers without a mistake in the sum. Of h0 the last round of the loop may be given."""
    if _matches(replay.gradient(name, core.run), e):
        return True
    return name == "h0" and _matches(replay.states(core.run.dh0), e)


def _smallest(choices, most) -> Iterator[dict[str, str]]:
    """Yield name -> cause for each smallest set of at most `most` causes that together explain every name."""
    if not choices:
        yield {}
        return
    causes = sorted(set().union(*choices.values()))
    for size in range(1, most + 1):
        hits = [s for s in combinations(causes, size) if all(c.intersection(s) for c in choices.values())]
        if hits:
            for s in hits:
                yield {name: next(c for c in s if c in choices[name]) for name in choices}
            return


def _explanation(core, picked, evidence, replay) -> Explanation:
    """name -> causes. A mistake of the core is named at the arrays that it changes."""
    result: Explanation = {}
    for name, e in evidence.items():
        plain, right = (replay.gradient(name, run) for run in (core.run, replay.right))
        moved = farthest(plain, right) > MATCH * max(e.scale, np.abs(right).max())
        own = (picked[name],) if name in picked else ()
        result[name] = () if e.ok else (core.causes if moved or not own else ()) + own
    return result


def _by_patterns(evidence, wrong, replay, patterns, most) -> list[Explanation]:
    """Explanations by patterns in the numbers, and by mistakes in the sums of a right pass."""
    choices = {name: {cause for cause, array in patterns[name] if _matches(array, evidence[name])} for name in wrong}
    if most > 1:
        for name in wrong:
            known = sums(replay, name, replay.right)
            choices[name] |= {cause for cause, array in known if _matches(array, evidence[name])}
    if not all(choices.values()):
        return []
    nothing = dict.fromkeys(evidence, ())
    return [nothing | {name: (cause,) for name, cause in picked.items()} for picked in _smallest(choices, most)]


def _patterns(name, evidence, replay):
    """(description, array) of patterns in the numbers that were given. A single number shows none."""
    e = evidence[name]
    given = e.given
    right = e.expected if replay is None else replay.gradient(name, replay.right)
    if not np.isfinite(right).all():
        return  # a sample, and no replay that knows the rest
    if not given.any():
        yield "nothing but zeros: is it never added to?", np.zeros(right.shape)
        return
    if replay is None:
        yield "the sign is wrong: every entry is the negative of what it should be", -right
    if right.size == 1:
        return
    ratio = (given * right).sum() / (right * right).sum()
    if replay is not None or abs(ratio + 1) > MATCH:  # said above
        yield f"every entry is {ratio:.6g} times what it should be{_of_norm(evidence, ratio)}", ratio * right
    bound = abs(given).max()
    everything = np.concatenate([np.abs(other.given).ravel() for other in evidence.values()])
    if (everything == bound).sum() > 1:  # some entry is always the largest; two equal ones are no coincidence
        yield f"clipped: every entry beyond {bound:.6g} is ±{bound:.6g}", right.clip(-bound, bound)
    if replay is not None and name != "h0":
        weight = getattr(replay.params, name)
        decay = ((given - right) * weight).sum() / max((weight * weight).sum(), 1e-300)
        yield f"{decay:.6g} times the weight itself is added: weight decay?", right + decay * weight


def _of_norm(evidence, ratio):
    """Words on a common length of all gradients that is a short number: that is what clipping by the norm leaves."""
    if not 0 < ratio < 1:
        return ""
    for left_out in ((), ("h0",)):
        squares = sum((e.given**2).sum() for name, e in evidence.items() if name not in left_out)
        norm = float(np.sqrt(squares))
        if abs(norm - float(f"{norm:.2g}")) <= 2e-6 * max(norm, 1):
            return f": together they have the length {norm:.2g}: clipped by the norm?"
    return ""
