"""Why a gradient is wrong: each known mistake is made on purpose, and named when it gives the very numbers given."""

import numpy as np

from ..bptt import backward
from ..loss import softmax
from ..rnn import Trace


def likely_causes(unclear, given, expected, scales, tolerance, params, trace, y, reduction):
    """name -> the cause that gives the numbers given; of several, the one that explains most of the gradients."""
    with np.errstate(all="ignore"):
        mistakes = [*_slips(unclear, expected, y.shape)]
        mistakes += _mistakes(params, trace, y, reduction) if _is_usual(trace, params, y) else []
        mistakes += _patterns(unclear, given, expected)  # last, for they claim least
        found = {name: [] for name in unclear}
        for cause, arrays in mistakes:
            for name in set(unclear) & set(arrays):
                missed = np.abs(given[name] - arrays[name]).max()
                size = max(scales[name], np.abs(given[name]).max())
                if missed <= tolerance * size and missed <= np.abs(given[name] - expected[name]).max() / 100:
                    found[name].append(cause)
    votes = [cause for causes in found.values() for cause in set(causes)]
    return {name: max(causes, key=votes.count) for name, causes in found.items() if causes}


def _is_usual(trace, params, y):
    """Whether `trace` is laid out as `forward` does it, so that the pass backward can be made again from it."""
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


def _slips(names, expected, shape):
    """(cause, {name: gradient}) for what can be made of the right gradient alone; `shape` is that of the targets."""
    factors = {"T·B" if len(shape) == 2 else "T": int(np.prod(shape))}
    if len(shape) == 2:
        factors |= {"T or B": shape[0]} if shape[0] == shape[1] else {"T": shape[0], "B": shape[1]}
    for name in names:
        right = expected[name]
        yield "the sign is wrong: every entry is the negative of what it should be", {name: -right}
        for letters, factor in factors.items():
            yield f"{letters} = {factor} times too large: sum or mean?", {name: right * factor}
            yield f"{letters} = {factor} times too small: sum or mean?", {name: right / factor}
        if right.ndim == 2 and right.shape[0] == right.shape[1]:
            yield "transposed", {name: right.T}


def _patterns(names, given, expected):
    """(cause, {name: gradient}) for what can be seen in the numbers given; one number alone shows no pattern."""
    everything = np.concatenate([abs(array).ravel() for array in given.values() if array.dtype.kind in "fiu"])
    for name in names:
        right, wrong = expected[name], given[name]
        if not wrong.any():
            yield "nothing but zeros: is it never added to?", {name: np.zeros(right.shape)}
        elif right.size > 1:
            ratio = (wrong * right).sum() / (right * right).sum()
            yield f"every entry is {ratio:.6g} times what it should be", {name: ratio * right}
            bound = abs(wrong).max()
            if (everything == bound).sum() > 1:  # some entry is the largest, clipped or not; two are no accident
                clipped = right.clip(-bound, bound)
                yield f"clipped: every entry beyond {bound:.6g} stands at ±{bound:.6g}", {name: clipped}


def _mistakes(params, trace, y, reduction):
    """(cause, {name: gradient}) for the mistakes that are made on the way back."""
    given_yhat, trace = trace.yhat, trace._replace(yhat=softmax(trace.o))
    Whh, a, h = params.Whh, trace.a, trace.h
    T, V = len(h), trace.o.shape[-1]
    one_hot = np.eye(V)[y]
    weight = 1 if reduction == "sum" else 1 / y.size
    do = (trace.yhat - one_hot) * weight
    h_prev = np.concatenate([trace.h0[None], h[:-1]])
    rows = np.eye(V)[trace.x] if trace.x.dtype.kind in "iu" else trace.x

    def steps_back(do, slope=1 - h**2, through=Whh.T):
        da, future = np.empty(h.shape), 0
        for t in reversed(range(T)):
            da[t] = (do[t] @ params.Why.T + future) * slope[t]
            future = da[t] @ through
        return da

    def total(left, right):
        return left.reshape(-1, left.shape[-1]).T @ right.reshape(-1, right.shape[-1])

    def sums(do, da, steps=slice(None)):
        ones, do, da_ = np.ones((*h.shape[:-1], 1))[steps], do[steps], da[steps]
        of_states = {"Wxh": total(rows[steps], da_), "Whh": total(h_prev[steps], da_), "bh": total(ones, da_)[0]}
        return {**of_states, "Why": total(h[steps], do), "by": total(ones, do)[0], "h0": da[0] @ Whh.T}

    da = steps_back(do)
    right = sums(do, da)
    if not np.allclose(h, np.tanh(a), rtol=0, atol=1e-6):
        yield "right if h were tanh(a), which it is not: does forward leave the tanh out?", right
    else:
        yield "right for the usual network: does forward do otherwise, or is the step of the difference unfit?", right
    if not np.allclose(given_yhat, trace.yhat, rtol=0, atol=1e-6):
        do_given = (given_yhat - one_hot) * weight
        cause = "right if ŷ were softmax(o), which it is not: is every step normalised by itself?"
        yield cause, sums(do_given, steps_back(do_given))
    lost = right["Whh"] - total(trace.h0[None], da[:1])
    yield "wrong only through t = 1: is the initial state lost?", {"Whh": lost}
    yield "one step late: h_t where h_{t-1} belongs", {"Whh": total(h, da)}
    yield "one step late: da_{t+1} where da_t belongs", {"Whh": total(h_prev[:-1], da[1:])}
    yield "one step early: h_{t-1} where h_t belongs", {"Why": total(h_prev, do)}
    for reach in range(1, min(T, 65)):  # the work grows with the square
        few = backward(params, trace, y, reduction=reduction, truncate=reach)._asdict()
        only = "the future term is missing: only each step's own loss reaches a_t"
        yield only if reach == 1 else f"truncated: each loss reaches back over {reach} steps only", few
    slopes = {
        "tanh's slope is left out: the factor 1 - h² is missing": np.ones(h.shape),
        "tanh's slope is taken at a: 1 - a² where 1 - h² belongs": 1 - a**2,
        "tanh's slope is taken at h: 1 - tanh²(h) where 1 - h² belongs": 1 - np.tanh(h) ** 2,
        "tanh's slope is turned over: 1 / (1 - h²) where 1 - h² belongs": 1 / (1 - h**2),
        "the slope is a sigmoid's: h (1 - h) where 1 - h² belongs": h * (1 - h),
        "the square is missing in tanh's slope: 1 - h where 1 - h² belongs": 1 - h,
    }
    for cause, slope in slopes.items():
        yield cause, sums(do, steps_back(do, slope))
    turned, cause = steps_back(do, through=Whh), "Whh where its transpose belongs, on the way to the step before"
    yield cause, sums(do, turned)
    yield cause, {"h0": turned[0] @ Whh}
    yield cause, {"h0": da[0] @ Whh}
    yield "da_1 itself: the way back through Whhᵀ is missing", {"h0": da[0]}
    whole = weight * trace.yhat
    yield "ŷ where ŷ - y belongs: the targets are left out", sums(whole, steps_back(whole))
    yield "the first step's term alone: = where += belongs?", {**sums(do, da, slice(1)), "h0": right["h0"]}
    yield "the last step's term alone: = where += belongs?", {**sums(do, da, slice(T - 1, T)), "h0": right["h0"]}
