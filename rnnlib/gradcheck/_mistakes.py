"""The known mistakes: what each would leave in the gradients if it were made on purpose.

Three lists, one for each place where a mistake can be made: the error `do` at the logits, the loop back through the
steps, and the sums that make the gradients. A new mistake is one more line in one of them.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from ..loss import softmax
from ._replay import Pass, Replay, product, shifted

REACH = 64  # the work of a truncated pass grows with the square of the steps
SYMBOLS = 12  # in a larger alphabet only the first and the last are tried as the sign of padding
SEQUENCES = 8  # of a larger batch a mistake that needs a pass for each sequence is not tried
SMOOTHING = 0.1, 0.2  # as people choose it
BOUNDS = (
    0.001,
    0.01,
    0.1,
    0.25,
    0.5,
    1.0,
    2.0,
    3.0,
    5.0,
    10.0,
    15.0,
    50.0,
    100.0,
)  # of clipping, as people choose them


class Core(NamedTuple):
    """A pass with at most one mistake in the error and at most one in the loop."""

    causes: tuple[str, ...]
    run: Pass


def cores(r: Replay, *, both: bool) -> Iterator[Core]:
    """The right pass and those with one mistake; with `both`, those with a mistake in the error and one in the loop."""
    right = r.right
    if both:
        scaled = ((cause, ratio * right.do) for cause, ratio in scalings(r).items())
        for first, do in chain(errors(r), left_out(r), scaled):
            for second, run in chain(_slopes(r, do), _ways(r, do)):
                yield Core((first, second), run)
        return
    yield Core((), right)
    for cause, run in loops(r, right.do):
        yield Core((cause,), run)
    for cause, do in errors(r):
        run = r.back(do)
        yield Core((cause,), run)
        yield Core((f"{cause} (only on the way to the states)",), run._replace(do=right.do))
        yield Core((f"{cause} (only in the sums for Why and by)",), right._replace(do=do))
    for cause, do in left_out(r):  # what is left out of the sums alone is one of the mistakes of `sums`
        run = r.back(do)
        yield Core((cause,), run)
        yield Core((f"{cause} (only on the way to the states)",), run._replace(do=right.do))
    for cause, ratio in scalings(r).items():
        yield Core((cause,), Pass(*(ratio * array for array in right)))


# --- The error at the logits ------------------------------------------------------------------------------------------


def errors(r: Replay) -> Iterator[tuple[str, np.ndarray]]:
    """(cause, do) of every known mistake in do."""
    yhat, hot, share = r.yhat, r.one_hot, r.share
    error = yhat - hot
    if not np.allclose(r.given_yhat, yhat, rtol=0, atol=1e-6):
        cause = "right if ŷ were softmax(o), which it is not: is every step normalised by itself?"
        yield cause, (r.given_yhat - hot) * share
    formulas = {
        "ŷ where ŷ - y belongs: the targets are left out": yhat,
        "-y where ŷ - y belongs: the prediction is left out": -hot,
        "ŷ + y where ŷ - y belongs": yhat + hot,
        "-y / ŷ where ŷ - y belongs: the derivative of softmax is left out": -hot / yhat,
        "(ŷ - y) ŷ (1 - ŷ) where ŷ - y belongs: one slope too many": error * yhat * (1 - yhat),
        "ŷ - y at the target alone: the other symbols get no error": error * hot,
        "the gradient of a squared error, not of the cross-entropy": yhat
        * (error - (yhat * error).sum(axis=-1, keepdims=True)),
        "o - y where ŷ - y belongs: logits in place of probabilities": r.o - hot,
        "a sigmoid in place of the softmax": 1 / (1 + np.exp(-r.o)) - hot,
        "the likeliest symbol in place of the probabilities": r.rows(r.o.argmax(axis=-1)) - hot,
        "ŷ - y divided by ŷ": error / yhat,
        "softmax is taken twice": softmax(yhat) - hot,
        "softmax runs over the steps, not over the symbols": _softmax(r.o, 0) - hot,
        "softmax runs over the sequences, not over the symbols": _softmax(r.o, 1) - hot,
        "softmax runs over the whole array, not over the symbols of each step": _softmax(r.o, (0, 1, 2)) - hot,
        "the predictions are one step late: ŷ_{t-1} - y_t": shifted(yhat, 1, yhat[0]) - hot,
        "the predictions are one step early: ŷ_{t+1} - y_t": shifted(yhat, -1, yhat[-1]) - hot,
    }
    for cause, do in formulas.items():
        yield cause, do * share
    for cause, target in _targets(r):
        yield cause, (yhat - target) * share
    yield from _other_weights(r, error)


def _softmax(o, axis):
    e = np.exp(o - o.max())
    return e / e.sum(axis=axis, keepdims=True)


def _targets(r):
    late, early = "the targets are one step late: y_{t-1}", "the targets are one step early: y_{t+1}"
    for cause, steps, end in ((late, 1, 0), (early, -1, -1)):
        yield cause, r.rows(shifted(r.y, steps, r.y[end]))
        yield cause, shifted(r.one_hot, steps)
        yield cause, np.roll(r.one_hot, steps, axis=0)
    if r.has_ids and r.D == r.V:
        yield "the inputs where the targets belong", r.rows(r.x)
    if r.B > 1:
        yield "the targets of the next sequence", np.roll(r.one_hot, -1, axis=1)
        if r.B > 2:
            yield "the targets of the previous sequence", np.roll(r.one_hot, 1, axis=1)
        yield "the targets of the first sequence for every sequence", r.one_hot[:, :1]
        yield "the targets of all sequences are subtracted from each", r.one_hot.max(axis=1, keepdims=True)
        yield "the targets of all sequences are subtracted from each", r.one_hot.sum(axis=1, keepdims=True)
    yield "the targets are in reverse order", r.one_hot[::-1]
    for part in SMOOTHING:
        cause = f"the targets are smoothed: {part:g} of each is spread over all symbols, but the loss is not smoothed"
        yield cause, (1 - part) * r.one_hot + part / r.V
    for cause, ids in _other_layout(r, r.y):
        yield f"the targets are {cause}", r.rows(ids)


def _other_layout(r, array):
    """(cause, array) of (T, B) numbers that are stored as (B, T), or read so."""
    if r.B > 1 and r.T > 1:
        yield "read in the wrong layout: (B, T) where (T, B) belongs", array.swapaxes(0, 1).reshape(array.shape)
        other = array.reshape(r.B, r.T, *array.shape[2:]).swapaxes(0, 1)
        yield "read in the wrong layout: (B, T) where (T, B) belongs", other


def left_out(r: Replay) -> Iterator[tuple[str, np.ndarray]]:
    """(cause, do) where losses are left out. A loop that ends a step early leaves out the last one and all it adds."""
    do, step, last = r.right.do, np.arange(r.T)[:, None, None], r.T - 1
    yield "the last step is missing: is it never visited, or its loss left out?", do * (step < last)
    yield "the loss of the first step is left out", do * (step > 0)
    for n in range(2, min(r.T, REACH)):
        yield (
            f"the last {n} steps are missing: are they never visited, or their losses left out?",
            do * (step < r.T - n),
        )
    yield "only the loss of the last step enters", do * (step == last)
    yield "only the loss of the first step enters", do * (step == 0)
    for target in np.unique(r.y) if r.V <= SYMBOLS else {0, r.V - 1}:
        others = (r.y != target)[..., None]
        cause = f"the predictions of symbol {target} are left out, as with ignore_index={target}"
        yield cause, do * others
        if others.any():
            yield cause, do * others * (r.share.sum() / (r.share * others).sum())
    sequence, last = np.arange(r.B)[:, None], r.B - 1
    if r.B > 1:
        yield "only the first sequence of the batch enters", do * (sequence == 0)
        yield "only the last sequence of the batch enters", do * (sequence == last)
    if r.B > 2:
        yield "the last sequence of the batch is left out", do * (sequence < last)
        yield "the first sequence of the batch is left out", do * (sequence > 0)


def _other_weights(r, error):
    """What a pass makes of weights that it does not take as they are."""
    w, size = r.weights, r.weights.size
    if np.ptp(w) == 0:
        return
    yield "the weights are left out: every prediction counts as 1 / T·B", error / size
    yield "the weights are left out: every prediction counts as 1", error
    yield "the weights are squared", error * w * r.share
    yield "the weights are not divided by their sum", error * w
    yield "the weights are divided by their sum, where the sum of the losses belongs", error * w / w.sum()
    yield "the weights are divided by T·B", error * w / size
    if r.B > 1:
        cause = "each sequence is divided by the sum of its own weights, and by B, where the sum of all weights belongs"
        yield cause, error * w / w.sum(axis=0) / r.B
    counted = w != 0
    if not counted.all() and np.ptp(w[counted]):
        yield (
            "every weight that is not zero counts the same, and the mean is taken over those",
            error * counted / counted.sum(),
        )
        yield "every weight that is not zero counts as 1", error * counted


# --- The loop back through the steps ----------------------------------------------------------------------------------


def loops(r: Replay, do: np.ndarray) -> Iterator[tuple[str, Pass]]:
    """(cause, what the pass leaves) of every known mistake in the loop. `do` is the error that it starts from."""
    yield from _slopes(r, do)
    yield from _ways(r, do)
    yield from _visits(r, do)
    yield from _resets(r, do)
    yield from _clipped(r, do)


def _slopes(r, do):
    return ((cause, r.back(do, slope=slope)) for cause, slope in _other_slopes(r))


def _other_slopes(r):
    a, h, hp = r.a, r.h, r.h_prev
    one = np.ones(h.shape)
    yield "tanh's slope is left out: the factor 1 - h² is missing", one
    yield "tanh's slope is taken at a: 1 - a² where 1 - h² belongs", 1 - a**2
    yield "tanh's slope is taken at h: 1 - tanh²(h) where 1 - h² belongs", 1 - np.tanh(h) ** 2
    yield "division by tanh's slope: 1 / (1 - h²) where 1 - h² belongs", 1 / r.slope
    yield "the slope is a sigmoid's: h (1 - h) where 1 - h² belongs", h * (1 - h)
    yield "the slope is a sigmoid's: σ(a) (1 - σ(a)) where 1 - h² belongs", 1 / (2 + np.exp(a) + np.exp(-a))
    yield "the square is missing in tanh's slope: 1 - h where 1 - h² belongs", 1 - h
    yield "tanh's slope is squared: (1 - h²)² where 1 - h² belongs", r.slope**2
    yield "(1 - h)² where 1 - h² belongs", (1 - h) ** 2
    yield "1 + h² where 1 - h² belongs", 1 + h**2
    yield "h² - 1 where 1 - h² belongs", -r.slope
    yield "h² where 1 - h² belongs", h**2
    yield "-h² where 1 - h² belongs", -(h**2)
    yield "2h where 1 - h² belongs", 2 * h
    yield "-2h where 1 - h² belongs", -2 * h
    yield "1 - 2h where 1 - h² belongs", 1 - 2 * h
    yield "1 - 2h² where 1 - h² belongs", 1 - 2 * h**2
    yield "tanh(a) itself where its slope 1 - h² belongs", h
    yield "sqrt(1 - h²) where 1 - h² belongs", np.sqrt(r.slope)
    yield "tanh's slope is taken at h_{t-1} Whh alone: the input is left out", 1 - np.tanh(hp @ r.params.Whh) ** 2
    yield "the slope is a ReLU's: 1 where h > 0, where 1 - h² belongs", (h > 0) * 1.0
    before = "the slope is taken from the previous state: h_{t-1}"
    after = "the slope is taken from the next state: h_{t+1}"
    yield before, 1 - hp**2
    yield before, 1 - shifted(h, 1) ** 2
    yield before, shifted(r.slope, 1, 1 - h[-1] ** 2)
    for end in (0.0, h[-1], r.h0, h[0]):
        yield after, 1 - shifted(h, -1, end) ** 2
    for t, which in ((r.T - 1, "last"), (0, "first")):
        yield f"the slope of the {which} step is used for every step", one * r.slope[t]
    if r.B > 1:
        yield "the slopes of the first sequence are used for every sequence", one * r.slope[:, :1]
        yield "the slope is taken from the mean state of the batch", one * (1 - h.mean(axis=1, keepdims=True) ** 2)
        yield "the mean slope of the batch is used for every sequence", one * r.slope.mean(axis=1, keepdims=True)
    yield "the slopes are in reverse order", r.slope[::-1]
    for cause, states in _other_layout(r, h):
        yield f"the states in the slope are {cause}", 1 - states**2


def _sends(r):
    """cause -> what goes to the previous step."""
    WhhT = r.params.Whh.T
    sends = {
        "Whh where its transpose belongs, on the way to the previous step": lambda r, dh, da, f: da @ WhhT.T,
        "Whhᵀ is left out on the way to the previous step": lambda r, dh, da, f: da,
        "dh itself goes to the previous step, without the slope and Whhᵀ": lambda r, dh, da, f: dh,
        "dh Whhᵀ where da Whhᵀ belongs: tanh's slope is left out on the way back": lambda r, dh, da, f: dh @ WhhT,
        "dh itself goes to the previous step as well, in addition to da Whhᵀ": lambda r, dh, da, f: dh + da @ WhhT,
        "what goes to the previous step is added up and never reset": lambda r, dh, da, f: f + da @ WhhT,
        "what goes to the previous step is subtracted": lambda r, dh, da, f: -da @ WhhT,
        "what goes to the previous step counts twice": lambda r, dh, da, f: 2 * da @ WhhT,
        "what goes to the previous step counts half": lambda r, dh, da, f: da @ WhhT / 2,
    }
    if r.B > 1:
        zero = np.zeros(r.h0.shape)
        sends |= {
            "what goes to the previous step is summed over the batch": lambda r, dh, da, f: zero + (da @ WhhT).sum(0),
            "what goes to the previous step is averaged over the batch": lambda r, dh, da, f: (
                zero + (da @ WhhT).mean(0)
            ),
            "what goes to the previous step is that of the first sequence": lambda r, dh, da, f: zero + (da @ WhhT)[0],
            "what goes to the previous step is that of the last sequence": lambda r, dh, da, f: zero + (da @ WhhT)[-1],
        }
    return sends


def _ways(r, do):
    """Mistakes on the way through one step, or from a step to the previous one."""
    Whh, Why = r.params.Whh, r.params.Why
    for cause, send in _sends(r).items():
        yield cause, r.back(do, send=send)
    if r.T > 1:
        yield "the future term is missing: only each step's own loss reaches a_t", _band(r, do, 1)
    yield (
        "the future term is added after tanh's slope, which should multiply it too",
        r.back(do, join=lambda out, future, slope: out * slope + future),
    )
    yield (
        "tanh's slope is left out where the loss enters: only the future term is multiplied by it",
        r.back(do, join=lambda out, future, slope: out + future * slope),
    )
    yield (
        "the future term is multiplied, not added",
        r.back(do, join=lambda out, f, s: out * f * s if f.any() else out * s),
    )
    twice = r.back(do, join=lambda out, future, slope: (out + future * slope) * slope)
    cause = "tanh's slope twice on the way from state to state"
    yield cause, twice
    yield cause, twice._replace(dh0=twice.dh0 * (1 - r.h0**2))
    yield cause, r.back(do, send=lambda r, dh, da, f: (da @ Whh.T) * np.divide(da, dh, where=dh != 0, out=0 * dh))
    for what, start in {"the last state": r.h[-1], "ones": np.ones(r.h0.shape), "h0": r.h0}.items():
        yield f"the loop starts with {what}, where nothing comes back to the last step", r.back(do, start=start)
    if r.H == r.V:
        yield "Why where its transpose belongs, on the way to the states", r.back(do, out=do @ Why)
    elsewhere = "the error of the {} step goes into each state, not that of its own step"
    yield elsewhere.format("next"), r.back(do, out=shifted(do, -1) @ Why.T)
    yield elsewhere.format("previous"), r.back(do, out=shifted(do, 1) @ Why.T)
    if r.B > 1:
        yield (
            "the error is summed over the batch on the way to the states",
            r.back(do, out=(do @ Why.T).sum(1, keepdims=True) + np.zeros_like(r.h)),
        )
    if 1 < r.B <= SEQUENCES:
        yield (
            "the gradient left at the end of one sequence goes into the next: dh_next is not reset to zero",
            _carried(r, do),
        )


def _carried(r, do):
    """A loop for each sequence, which starts with what is left from the previous sequence."""
    start = np.zeros(r.h0.shape)
    for n in range(1, r.B):
        start[n] = r.back(do, start=start).dh0[n - 1]
    return r.back(do, start=start)


def _visits(r, do):
    """Steps in a different order, or never visited."""
    forward = r.back(do, order=iter)
    cause = "the loop runs forward, from the first step to the last"
    yield cause, forward
    yield cause, forward._replace(dh0=forward.da[0] @ r.params.Whh.T)
    p = r.back(do)
    for n in range(1, min(r.T, REACH)):
        keep = (np.arange(r.T) >= n)[:, None, None]
        missing = "step is missing: is it" if n == 1 else f"{n} steps are missing: are they"
        for end in (p.da[n] @ r.params.Whh.T, np.zeros_like(p.dh0), p.dh0):
            without = Pass(p.do, p.dh * keep, p.da * keep, end)
            yield f"the first {missing} never visited?", without
            yield f"the first {missing} never visited?", without._replace(do=p.do * keep)


def _clipped(r, do):
    """Clipping inside the loop, at bounds that people choose."""
    largest = np.abs(r.back(do).dh).max() * max(1, np.abs(r.params.Whh).sum(axis=1).max())
    for b in BOUNDS:
        if b > largest:
            return
        where = f"clipped to ±{b:g} inside the loop"
        yield (
            f"what goes to the previous step is {where}",
            r.back(do, send=lambda r, dh, da, f, b=b: (da @ r.params.Whh.T).clip(-b, b)),
        )
        yield f"dh is {where}", r.back(do, join=lambda out, f, slope, b=b: (out + f).clip(-b, b) * slope)
        yield f"da is {where}", r.back(do, join=lambda out, f, slope, b=b: ((out + f) * slope).clip(-b, b))


def _resets(r, do):
    """The gradient cut, by a reach for each loss, at fixed steps, or where a weight is zero."""
    counted = r.weights != 0
    if not counted.all():
        cause = "nothing goes back through a step of weight 0, where only its own loss should be left out"
        left = iter(counted[::-1])
        yield cause, r.back(do, send=lambda r, dh, da, f: (da @ r.params.Whh.T) * next(left))
        yield cause, r.back(do, slope=r.slope * counted)
    for reach in range(2, min(r.T, REACH + 1)):
        yield f"truncated: each loss reaches back over {reach} steps only", _band(r, do, reach)
    for length in range(2, min(r.T, REACH)):
        cause = f"truncated: cut into chunks of {length} steps, and nothing goes back from one to the previous one"
        yield cause, _chunks(r, do, {t for t in range(r.T) if t % length == 0})
        yield cause, _chunks(r, do, {t for t in range(r.T) if (r.T - t) % length == 0})


def _band(r, do, reach):
    """Each loss reaches back over `reach` steps."""
    share = do @ r.params.Why.T
    dh = share.copy()
    for lag in range(1, reach):
        share = (share[1:] * r.slope[1 : len(share)]) @ r.params.Whh.T
        dh[: r.T - lag] += share
    da = dh * r.slope
    return Pass(do, dh, da, da[0] @ r.params.Whh.T)


def _chunks(r, do, starts):
    """Nothing goes back beyond the steps in `starts`; h0 gets what its own step sends."""
    left = iter(reversed(range(r.T)))
    return r.back(do, send=lambda r, dh, da, f: (da @ r.params.Whh.T) * (next(left) not in starts - {0}))


# --- The sums ---------------------------------------------------------------------------------------------------------


def sums(r: Replay, name: str, p: Pass) -> Iterator[tuple[str, Any]]:
    """(cause, gradient) of every known mistake in the sum that makes one gradient, in the shape of the parameter."""
    right = r.gradient(name, p)
    for cause, ratio in scalings(r).items():
        yield cause, ratio * right
    if right.ndim == 2 and right.shape[0] == right.shape[1] and name != "h0":
        yield "transposed", right.T
    yield from _initial(r, p) if name == "h0" else _some_terms(r, name, p)
    yield from _OPERANDS[name](r, p) if name in _OPERANDS else ()


def scalings(r: Replay) -> dict[str, float]:
    """cause -> the factor that it multiplies a gradient with."""
    result = {"the sign is wrong: every entry is the negative of what it should be": -1.0}
    for letters, factor in _factors(r).items():
        result[f"{letters} = {factor} times too large: sum or mean?"] = factor
        result[f"{letters} = {factor} times too small: sum or mean?"] = 1 / factor
    for cause, ratio in _ratios(r).items():
        result[f"{cause}: every entry is {ratio:.6g} times what it should be"] = ratio
    if 2 not in result.values():
        result["every entry is twice what it should be"] = 2
        result["every entry is half of what it should be"] = 1 / 2
    return result


def _factors(r):
    """Letters -> the factors by which a sum and a mean can differ; letters that stand for one number go together."""
    found: dict[int, list[str]] = {}
    for letters, factor in {"T·B": r.T * r.B, "T": r.T, "B": r.B, "V": r.V, "H": r.H, "T·V": r.T * r.V}.items():
        if factor > 1 and not (letters == "T·B" and r.single):
            found.setdefault(factor, []).append(letters)
    return {" or ".join(letters): factor for factor, letters in found.items()}


def _ratios(r):
    """What is divided by -> what that makes of the gradients of a mean."""
    T, B = r.T, r.B
    ratios = {f"divided by T + 1 = {T + 1} where T belongs": T / (T + 1)}
    if T > 2:
        ratios[f"divided by T - 1 = {T - 1} where T belongs"] = T / (T - 1)
    if not r.single and T != B:
        ratios |= {f"B = {B} instead of T = {T} in the mean": T / B, f"T = {T} instead of B = {B} in the mean": B / T}
    return ratios


def _some_terms(r, name, p):
    """Sums over some of the steps or sequences only, or over sequences too early."""
    if r.B > 1 and "W" in name:
        left = {"Whh": r.h_prev, "Why": r.h}.get(name)
        if left is None:
            left = np.eye(r.D)[r.x] if r.has_ids else r.x
        right = p.do if name == "Why" else p.da
        summed = product(left.sum(1), right.sum(1))
        yield "both factors are summed over the batch before they are multiplied", summed
        mean = "averaged over the batch before they are multiplied"
        yield f"both factors are {mean}", summed / r.B**2
        yield f"one factor is summed and the other {mean}", summed / r.B
    last = r.T - 1
    steps = {
        "the first step's term alone: = where += belongs?": [0],
        "the last step's term alone: = where += belongs?": [last],
        "the last step's term is missing": range(last),
    }
    if name != "Whh":  # there it is a lost initial state
        steps["the first step's term is missing"] = range(1, r.T)
    for cause, chosen in steps.items():
        keep = np.isin(np.arange(r.T), [*chosen])[:, None, None]
        yield cause, r.gradient(name, Pass(p.do * keep, p.dh * keep, p.da * keep, p.dh0))
    if r.B > 1:
        for which, i in (("first", 0), ("last", r.B - 1)):
            keep = (np.arange(r.B) == i)[:, None]
            some = Pass(p.do * keep, p.dh * keep, p.da * keep, p.dh0)
            yield f"the term of the {which} sequence of the batch alone", r.gradient(name, some)
        one = Pass(*(0 * array + array[:, :1] for array in p[:3]), p.dh0)
        yield "the error of the first sequence for every sequence, in this sum", r.gradient(name, one)


def _initial(r, p):
    """Gradients of h0."""
    Whh, (first, last) = r.params.Whh, (p.da[0], p.da[-1])
    arrays = {
        "da_1 itself: the way back through Whhᵀ is missing": first,
        "Whh where its transpose belongs, on the way to the previous step": first @ Whh,
        "dh_1 itself: h0 is one step further back": p.dh[0],
        "dh_1 Whhᵀ where da_1 Whhᵀ belongs: the slope is missing": p.dh[0] @ Whh.T,
        "that of the last step, da_T Whhᵀ, where da_1 Whhᵀ belongs": last @ Whh.T,
        "nothing but zeros: is it never added to?": np.zeros_like(first),
    }
    if r.B > 1:
        arrays["summed over the batch"] = (first @ Whh.T).sum(0) + np.zeros_like(first)
        arrays["averaged over the batch"] = (first @ Whh.T).mean(0) + np.zeros_like(first)
    if r.T > 1:
        arrays["that of the previous step, da_2 Whhᵀ, where da_1 Whhᵀ belongs"] = p.da[1] @ Whh.T
    for cause, array in arrays.items():
        yield cause, r.states(array)


def _recurrent(r, p):
    h, h0, da = r.h, r.h0, p.da
    lost = "wrong only through t = 1: is the initial state lost?"
    yield lost, product(shifted(h, 1), da)
    yield "h[-1] is read at the first step: the last state where the initial one belongs", product(np.roll(h, 1, 0), da)
    yield "one step late: h_t where h_{t-1} belongs", product(h, da)
    yield "one step late: da_{t+1} where da_t belongs", product(r.h_prev[:-1], da[1:])
    yield "one step early: h_{t-2} where h_{t-1} belongs", product(shifted(r.h_prev, 1, h0), da)
    yield "two steps late: h_{t+1} where h_{t-1} belongs", product(h[1:], da[:-1])
    yield "da_{t-1} where da_t belongs", product(r.h_prev[1:], da[:-1])
    yield "da_{t-1} where da_t belongs", product(r.h_prev, np.roll(da, 1, 0))
    for start in (h0, 0.0):
        yield "a_{t-1} where h_{t-1} belongs", product(shifted(r.a, 1, start), da)
    yield "the initial state at every step, where h_{t-1} belongs", product(np.broadcast_to(h0, h.shape), da)
    yield "tanh is taken of a state: tanh(h_{t-1}) where h_{t-1} belongs", product(np.tanh(r.h_prev), da)
    for start in (h0, 0.0):
        yield "1 - h² where h belongs: the slope in place of the state", product(1 - shifted(h, 1, start) ** 2, da)
    yield "the states are in reverse order", product(r.h_prev[::-1], da)
    for cause, states in _other_layout(r, r.h_prev):
        yield f"the states are {cause}", product(states, da)
    if r.B > 1:
        yield "the initial state of the first sequence for every sequence", product(shifted(h, 1, h0[:1]), da)
        yield "the mean initial state for every sequence", product(shifted(h, 1, h0.mean(axis=0)), da)
        yield "h_{t-1} and da_t belong to different sequences", product(np.roll(r.h_prev, 1, 1), da)
    yield from _through(r, p, lambda right: product(r.h_prev, right))
    yield "transposed, and one step late: h_t where h_{t-1} belongs", product(da, h)


def _through(r, p, total):
    """A sum over the steps with a different array in place of da."""
    yield "dh where da belongs: tanh's slope is missing in this sum", total(p.dh)
    yield "tanh's slope twice in this sum", total(p.da * r.slope)
    own = (p.do @ r.params.Why.T) * r.slope
    yield "only each step's own loss enters this sum: da without the future term", total(own)
    yield "only what comes from the next step enters this sum: da without the loss's own term", total(p.da - own)


def _input(r, p):
    yield from _through(r, p, lambda right: r.by_input(r.x, right))
    late, early = "one step late: x_{t+1} where x_t belongs", "one step early: x_{t-1} where x_t belongs"
    for cause, steps in ((late, -1), (early, 1)):
        yield cause, r.by_input(np.roll(r.x, steps, 0), p.da)
        yield cause, r.by_input(r.x[1:] if steps < 0 else r.x[:-1], p.da[:-1] if steps < 0 else p.da[1:])
    yield "the inputs are in reverse order", r.by_input(r.x[::-1], p.da)
    for cause, x in _other_layout(r, r.x):
        yield f"the inputs are {cause}", r.by_input(x, p.da)
    if r.B > 1:
        yield "x_t and da_t belong to different sequences", r.by_input(np.roll(r.x, 1, 1), p.da)
    if not r.has_ids:
        return
    if r.D == r.V:
        yield "the targets where the inputs belong", r.by_input(r.y, p.da)
    lost = "a repeated character loses terms: dWxh[x] += da adds only one of them, np.add.at adds all"
    at_once, of_steps, last = (np.zeros((r.D, r.H)) for _ in range(3))
    at_once[r.x.reshape(-1)] += p.da.reshape(-1, r.H)
    for order in (reversed(range(r.T)), range(r.T)):
        assigned = np.zeros((r.D, r.H))
        for t in order:
            assigned[r.x[t]] = p.da[t]
        yield "only one term of each character is kept: dWxh[x] = da where += belongs", assigned
    for t in range(r.T):
        of_steps[r.x[t]] += p.da[t]
    for b in range(r.B):
        last[r.x[:, b]] += p.da[:, b]
    for array in (of_steps, at_once, last):
        yield lost, array
    for order in (slice(None), slice(None, None, -1)):  # the last or the first of all
        assigned = np.zeros((r.D, r.H))
        assigned[r.x.reshape(-1)[order]] = p.da.reshape(-1, r.H)[order]
        yield "only one term of each character is kept: dWxh[x] = da where += belongs", assigned
    for row in {0, r.D - 1}.intersection(r.x.reshape(-1)):
        others = (np.arange(r.D) != row)[:, None]
        yield f"the row of character {row} is zero, as with padding_idx={row}", r.by_input(r.x, p.da) * others
    counts = np.maximum(np.bincount(r.x.reshape(-1), minlength=r.D), 1)[:, None]
    yield "each row is divided by how often its character is read", r.by_input(r.x, p.da) / counts


def _output(r, p):
    yield "one step early: h_{t-1} where h_t belongs", product(r.h_prev, p.do)
    yield "one step early: h_{t-1} where h_t belongs", product(shifted(r.h, 1), p.do)
    yield "h[-1] is read at the first step, and h_{t-1} where h_t belongs", product(np.roll(r.h, 1, 0), p.do)
    yield "one step late: h_{t+1} where h_t belongs", product(r.h[1:], p.do[:-1])
    yield "a_t where h_t belongs: the value before tanh", product(r.a, p.do)
    yield "tanh is taken of a state: tanh(h_t) where h_t belongs", product(np.tanh(r.h), p.do)
    yield "one factor too many in this sum: tanh's slope", product(r.h * r.slope, p.do)
    yield "the last state at every step, where h_t belongs", product(np.broadcast_to(r.h[-1], r.h.shape), p.do)
    yield "the states are in reverse order", product(r.h[::-1], p.do)
    for cause, states in _other_layout(r, r.h):
        yield f"the states are {cause}", product(states, p.do)
    if r.B > 1:
        yield "h_t and do_t belong to different sequences", product(np.roll(r.h, 1, 1), p.do)


def _hidden_bias(r, p):
    yield from _through(r, p, lambda right: right.sum(axis=(0, 1)))


def _output_bias(r, p):
    yield "ŷ where ŷ - y belongs: the targets are left out", (r.yhat * r.share).sum(axis=(0, 1))
    yield "-y where ŷ - y belongs: the prediction is left out", (-r.one_hot * r.share).sum(axis=(0, 1))


_OPERANDS = {"Wxh": _input, "Whh": _recurrent, "Why": _output, "bh": _hidden_bias, "by": _output_bias}
