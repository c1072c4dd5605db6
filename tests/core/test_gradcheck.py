"""The gradient check: right gradients pass, wrong ones are found, and the cause that is named is the one put in."""

import pickle
import re
from types import SimpleNamespace

import numpy as np
import pytest
from models import make_case, refuses

from rnnlib import Params, Trace, backward, cross_entropy, forward, softmax
from rnnlib.gradcheck import NAMES, TOLERANCES, Check, Report, check_gradients
from rnnlib.gradcheck._mistakes import cores, sums
from rnnlib.gradcheck._replay import Replay

RECURRENT = {"Wxh", "Whh", "bh", "h0"}
CASE = make_case(0, T=5, B=2, V=4, H=3)


def check(case, **options):
    return check_gradients(case.params, case.x, case.y, h0=case.h0, reduction=case.reduction, **options)


def random_case(seed, *, T=None, least=1, scales=(0.1, 0.5, 1.0, 3.0, 10.0)):
    """A model of any kind, no size below `least`."""
    rng = np.random.default_rng([seed, 7])
    T, V, H = rng.integers(least, 21) if T is None else T, *rng.integers(least, 4, size=2)
    B = [None, 1, 2, 3][rng.integers(4)] if least == 1 else [None, 2, 3][rng.integers(3)]
    options = {"features": bool(rng.integers(2)), "reduction": ["sum", "mean"][rng.integers(2)]}
    return make_case(seed, T=int(T), B=B, V=int(V), H=int(H), scale=rng.choice(scales), **options)


def only(wrong):
    """A pass backward which is right but for what `wrong(grads, params, trace)` puts in place of some gradients."""

    def changed(params, trace, y, *, reduction):
        grads = backward(params, trace, y, reduction=reduction)
        return grads._replace(**wrong(grads, params, trace))

    return changed


def loop(*, slope=lambda a, h: 1 - h**2, turned=False, targets=True, assign=False, order=reversed):
    """A pass backward as one writes it by hand, one step and one term after the other, with one mistake put in."""

    def by_hand(params, trace, y, *, reduction):
        Whh, Why, V = params.Whh, params.Why, len(params.by)
        do = trace.yhat - np.eye(V)[y] if targets else trace.yhat
        do = do if reduction == "sum" else do / y.size
        da, future = np.zeros_like(trace.h), 0
        for t in reversed(range(len(y))):
            da[t] = (np.einsum("...v,hv->...h", do[t], Why) + future) * slope(trace.a[t], trace.h[t])
            future = np.einsum("...h,hk->...k" if turned else "...h,kh->...k", da[t], Whh)
        total = dict.fromkeys(Params._fields, 0)
        for t in order(range(len(y))):
            row = trace.x[t] if trace.x.dtype.kind == "f" else np.eye(V)[trace.x[t]]
            before = trace.h[t - 1] if t else trace.h0
            for name, left, right in (("Wxh", row, da), ("Whh", before, da), ("Why", trace.h[t], do)):
                term = np.atleast_2d(left).T @ np.atleast_2d(right[t])
                total[name] = term if assign else total[name] + term
            for name, right in (("bh", da), ("by", do)):
                term = np.atleast_2d(right[t]).sum(axis=0)
                total[name] = term if assign else total[name] + term
        return SimpleNamespace(**total, h0=future)

    return by_hand


def written_out(*, visited=range, lost=False, state=None, slope=None, losses=None, mean=None, terms=np.add.at):
    """A pass backward as one writes it for a batch, all in one loop, with one of its parts replaced.

    visited: T -> the steps in the order of forward; lost: whether h[t - 1] reads h[-1] at the first step; slope:
    (h, h_prev) -> the slope; losses: do -> do; mean: (T, B) -> what the sum is divided by; terms: adds rows to dWxh.
    """

    def by_hand(params, trace, y, *, reduction):
        h, y = (array.reshape(len(y), -1, *array.shape[np.ndim(y) :]) for array in (trace.h, y))
        (T, B), V = y.shape, len(params.by)
        do = trace.yhat.reshape(T, B, V) - np.eye(V)[y]
        do /= 1 if reduction == "sum" else (mean or (lambda T, B: T * B))(T, B)
        do = losses(do) if losses else do
        total = {name: np.zeros_like(array) for name, array in params._asdict().items()}
        future = np.zeros((B, h.shape[-1]))
        for t in reversed(visited(T)):
            h_prev = h[t - 1] if t or lost else trace.h0.reshape(B, -1)
            da = (do[t] @ params.Why.T + future) * (slope or (lambda h, h_prev: 1 - h**2))(h[t], h_prev)
            terms(total["Wxh"], trace.x.reshape(T, B)[t], da)
            total["Whh"] += h_prev.T @ da
            total["Why"] += h[t].T @ do[t]
            total["bh"] += da.sum(axis=0)
            total["by"] += do[t].sum(axis=0)
            future = da @ params.Whh.T
        return total | {"h0": future.reshape(trace.h0.shape)}

    return by_hand


def add_rows(total, rows, values):
    """NumPy adds one of the values to each row, however often the row is named."""
    total[rows] += values


def before(trace):
    return np.concatenate([trace.h0[None], trace.h[:-1]])


def product(left, right):
    """Σ of the outer products over all axes but the last."""
    return np.einsum("ni,nj->ij", left.reshape(-1, left.shape[-1]), right.reshape(-1, right.shape[-1]))


def clipped(bound):
    """Every gradient clipped to a share of its own largest entry, so that in each at least one entry stands there."""

    def clip(grads, params, trace):
        limit = bound * min(np.abs(getattr(grads, name)).max() for name in Params._fields)
        return {name: getattr(grads, name).clip(-limit, limit) for name in NAMES}

    return only(clip)


MISTAKES = {
    "sign": (only(lambda g, p, tr: {"Wxh": -g.Wxh}), {"Wxh"}, "the negative"),
    "twice": (only(lambda g, p, tr: {"bh": 2.5 * g.bh}), {"bh"}, "2.5 times what it should be"),
    "never added": (only(lambda g, p, tr: {"by": np.zeros_like(g.by)}), {"by"}, "nothing but zeros"),
    "transposed": (only(lambda g, p, tr: {"Whh": g.Whh.T}), {"Whh"}, "transposed"),
    "state lost": (
        lambda p, tr, y, *, reduction: backward(p, tr._replace(h0=0 * tr.h0), y, reduction=reduction),
        {"Whh"},
        "initial state lost",
    ),
    "source 1": (only(lambda g, p, tr: {"Whh": product(tr.h[:-1], g.da[1:])}), {"Whh"}, "initial state lost"),
    "state late": (only(lambda g, p, tr: {"Whh": product(tr.h, g.da)}), {"Whh"}, "h_t where h_{t-1}"),
    "slope late": (only(lambda g, p, tr: {"Whh": product(before(tr)[:-1], g.da[1:])}), {"Whh"}, "da_{t+1} where da_t"),
    "state early": (only(lambda g, p, tr: {"Why": product(before(tr), g.do)}), {"Why"}, "h_{t-1} where h_t"),
    "da_1": (only(lambda g, p, tr: {"h0": g.da[0]}), {"h0"}, "Whhᵀ is missing"),
    "own step": (
        lambda p, tr, y, *, reduction: backward(p, tr, y, reduction=reduction, truncate=1),
        RECURRENT,
        "only each step's own loss",
    ),
    "window": (
        lambda p, tr, y, *, reduction: backward(p, tr, y, reduction=reduction, truncate=3),
        RECURRENT,
        "over 3 steps only",
    ),
    "no slope": (loop(slope=lambda a, h: 1), RECURRENT, "slope is left out"),
    "slope at a": (loop(slope=lambda a, h: 1 - a**2), RECURRENT, "1 - a² where"),
    "slope of h": (loop(slope=lambda a, h: 1 - np.tanh(h) ** 2), RECURRENT, "1 - tanh²(h) where"),
    "inverse": (loop(slope=lambda a, h: 1 / (1 - h**2)), RECURRENT, "division by"),
    "sigmoid": (loop(slope=lambda a, h: h * (1 - h)), RECURRENT, "sigmoid"),
    "no square": (loop(slope=lambda a, h: 1 - h), RECURRENT, "square is missing"),
    "Whh turned": (loop(turned=True), RECURRENT, "Whh where its transpose belongs"),
    "no targets": (loop(targets=False), set(NAMES), "targets are left out"),
    "assigned": (loop(assign=True), set(Params._fields), "the first step's term alone"),
    "assigned forward": (loop(assign=True, order=iter), set(Params._fields), "the last step's term alone"),
    "clipped": (clipped(0.5), None, "clipped: every entry beyond"),
}


@pytest.mark.parametrize("method", TOLERANCES)
def test_a_right_pass_backward_is_found_right_on_a_hundred_random_models(method):
    for seed in range(100):
        report = check(random_case(seed), method=method)
        assert report.ok, f"seed {seed}\n{report}"
        assert tuple(report.checks) == NAMES
        if method == "complex":
            assert not any(one.cause for one in report.checks.values())


@pytest.mark.parametrize("method", TOLERANCES)
def test_a_right_pass_backward_over_sixty_four_steps_is_found_right(method):
    for seed in range(4):
        assert check(random_case(seed, T=64), method=method).ok


def test_a_loop_written_by_hand_is_found_right():
    for seed in range(10):
        assert check(random_case(seed), backward=loop()).ok


@pytest.mark.parametrize("method", TOLERANCES)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found_its_cause_named_and_nothing_else_accused(mistake, method):
    wrong_backward, names, words = MISTAKES[mistake]
    for seed in range(5 if method == "complex" else 2):
        case = random_case(seed, T=4 + seed, least=2, scales=(0.5, 1.0))
        report = check(case, backward=wrong_backward, method=method)
        wrong = {name for name, one in report.checks.items() if not one.ok}
        assert wrong and wrong == (names or wrong), f"seed {seed}\n{report}"
        for name, one in report.checks.items():
            assert (words in one.cause) if name in wrong else one.cause == "", f"seed {seed}, {name}\n{report}"


REPORTED = {  # by people who made them
    "repeated character": (written_out(terms=add_rows), {"Wxh"}, "repeated character loses terms"),
    "h[-1]": (written_out(lost=True), {"Whh"}, "h[-1] is read at the first step"),
    "slope before": (written_out(slope=lambda h, h_prev: 1 - h_prev**2), RECURRENT, "from the previous state"),
    "last step": (written_out(visited=lambda T: range(T - 1)), set(NAMES), "last step is missing: is it never visited"),
    "first step": (
        written_out(visited=lambda T: range(1, T)),
        set(NAMES),
        "first step is missing: is it never visited",
    ),
    "last loss": (
        written_out(losses=lambda do: do * (np.arange(len(do)) == len(do) - 1)[:, None, None]),
        set(NAMES),
        "only the loss of the last step enters",
    ),
    "forward": (written_out(visited=lambda T: range(T)[::-1]), RECURRENT, "the loop runs forward"),
    "B for T": (written_out(mean=lambda T, B: B * B), set(NAMES), "B = 3 instead of T = 6 in the mean"),
    "steps less one": (written_out(mean=lambda T, B: (T - 1) * B), set(NAMES), "divided by T - 1 = 5 where T"),
}


@pytest.mark.parametrize("mistake", REPORTED)
def test_a_mistake_that_people_reported_is_named(mistake):
    wrong_backward, names, words = REPORTED[mistake]
    for seed in range(5):
        case = make_case(seed, T=6, B=3, V=4, H=5)
        assert check(case, backward=written_out()).ok
        report = check(case, backward=wrong_backward)
        assert {name for name, one in report.checks.items() if not one.ok} == names, report
        assert all((words in one.cause) if name in names else one.cause == "" for name, one in report.checks.items())
        assert report.findings == ()


def carried(params, trace, y, *, reduction):
    """A loop over the sequences that never resets what goes to the previous step."""
    right, dh_next = backward(params, trace, y, reduction=reduction), np.zeros(len(params.Whh))
    da = np.zeros_like(right.da)
    for n in range(y.shape[1]):
        for t in reversed(range(len(y))):
            da[t, n] = (right.do[t, n] @ params.Why.T + dh_next) * (1 - trace.h[t, n] ** 2)
            dh_next = params.Whh @ da[t, n]
    dWxh = np.zeros_like(params.Wxh)
    np.add.at(dWxh, trace.x, da)
    dWhh = sum(h.T @ d for h, d in zip(before(trace), da, strict=True))
    return right._replace(Wxh=dWxh, Whh=dWhh, bh=da.sum(axis=(0, 1)), h0=da[0] @ params.Whh.T, da=da)


def padded(params, trace, y, *, reduction):
    """A table of characters in which the first has no gradient, as with `padding_idx=0`."""
    grads = backward(params, trace, y, reduction=reduction)
    return grads._replace(Wxh=np.vstack([0 * grads.Wxh[:1], grads.Wxh[1:]]))


def smoothed(params, trace, y, *, reduction):
    """Targets of which a tenth is spread over the symbols; backward is linear in ŷ, so ŷ takes the difference."""
    V = len(params.by)
    yhat = trace.yhat + 0.1 * (np.eye(V)[y] - 1 / V)
    return backward(params, trace._replace(yhat=yhat), y, reduction=reduction)


DEVISED = {
    "carried": (carried, RECURRENT, "the gradient left at the end of one sequence goes into the next"),
    "padded": (padded, {"Wxh"}, "is zero, as with padding_idx=0"),
    "smoothed": (smoothed, set(NAMES), "the targets are smoothed: 0.1 of each"),
}


@pytest.mark.parametrize("mistake", DEVISED)
def test_a_mistake_that_was_devised_for_the_check_is_named(mistake):
    wrong_backward, names, words = DEVISED[mistake]
    for seed in range(5):
        case = make_case(seed, T=6, B=3, V=4, H=5)
        report = check(case, backward=wrong_backward)
        assert {name for name, one in report.checks.items() if not one.ok} == names, report
        assert all((words in one.cause) if name in names else one.cause == "" for name, one in report.checks.items())


OR = "; or "


@pytest.mark.parametrize("seed, B", [(1, 3), (2, 2), (3, None)])
def test_every_known_mistake_is_named_by_its_own_words_and_no_other(seed, B):
    """Each is given as a whole gradient; of two with the same numbers both are named."""
    case = make_case(seed, T=6, B=B, V=5, H=4)
    trace = forward(case.params, case.x, case.h0)
    replay = Replay(case.params, trace, case.y, np.full(case.y.shape, 1 / case.y.size))
    right = {name: replay.gradient(name, replay.right) for name in NAMES}
    made = [
        (core.causes[0], {name: replay.gradient(name, core.run) for name in NAMES})
        for core in cores(replay, both=False)
        if core.causes
    ]
    made += [(cause, right | {name: one}) for name in NAMES for cause, one in sums(replay, name, replay.right)]
    alone = 0
    for cause, grads in made:
        report = check(case, backward=lambda *args, grads=grads: grads, sample=4)
        said = {one.cause for one in report.checks.values() if not one.ok}
        named = [re.sub(r"^\d explanations fit: ", "", one).split(OR) for one in said]
        assert report.ok or (len(named) == 1 and cause in named[0]), f"{cause}\n{report}"
        alone += any(one.cause == cause for one in report.checks.values())
    assert alone > 0.95 * len(made) > 250


def test_states_computed_again_from_zero_are_named():
    def again(params, trace, y, *, reduction):
        return backward(params, forward(params, trace.x), y, reduction=reduction)

    assert {one.cause for one in check(CASE, backward=again).checks.values()} == {
        "right for h0 = 0: are the states computed again, from zero?"
    }


def noise(grads, params, trace):
    rng = np.random.default_rng(0)
    return {name: getattr(grads, name) + 1e-3 * rng.normal(size=getattr(grads, name).shape) for name in NAMES}


@pytest.mark.parametrize(
    "T, B, V, H, method",
    [
        *((*size, method) for size in [(1, None, 2, 1), (2, 2, 2, 2)] for method in TOLERANCES),
        *[(2, None, 2, 2, "central"), (3, 2, 3, 3, "complex"), (6, 3, 4, 5, "complex")],
    ],
)
def test_what_is_no_known_mistake_gets_no_cause_however_small_the_network(T, B, V, H, method):
    for seed in range(10):
        report = check(make_case(seed, T=T, B=B, V=V, H=H), backward=only(noise), method=method)
        assert not report.ok and not any(one.cause for one in report.checks.values()), report
        assert report.findings[0].startswith("no known mistake explains all that is wrong")


@pytest.mark.parametrize("known", ["state late", "no slope", "transposed"])
def test_a_known_mistake_beside_an_unknown_one_is_not_named_for_it_explains_only_a_part(known):
    def both(params, trace, y, *, reduction):
        given = MISTAKES[known][0](params, trace, y, reduction=reduction)
        wrong = {name: getattr(given, name) for name in NAMES}
        return wrong | {"by": wrong["by"] + np.array([0, 1e-3, 0, 0])}

    report = check(CASE, backward=both)
    assert not any(one.cause for one in report.checks.values())
    assert "by: 1 of 4 entries are wrong, all in entry 1" in report.findings


def test_a_right_gradient_that_a_mistake_would_have_made_wrong_clears_it():
    """All that comes through the slope is wrong in the way of a missing slope, but for bh."""

    def all_but_bh(params, trace, y, *, reduction):
        given = MISTAKES["no slope"][0](params, trace, y, reduction=reduction)
        bh = backward(params, trace, y, reduction=reduction).bh
        return {name: getattr(given, name) for name in NAMES} | {"bh": bh}

    report = check(CASE, backward=all_but_bh)
    assert [name for name, one in report.checks.items() if not one.ok] == ["Wxh", "Whh", "h0"]
    assert not any(one.cause for one in report.checks.values())
    assert "right: Why, bh, by; wrong: Wxh, Whh, h0" in report.findings


def faded(params, trace, y, *, reduction):
    """A mistake that is not known, without do, dh and da."""
    grads = backward(params, trace, y, reduction=reduction)
    da = grads.da * np.linspace(0.5, 3, len(y)).clip(0, 1)[:, None]  # right from step T/5 on
    rows = np.eye(len(params.by))[trace.x]
    return {"Wxh": rows.T @ da, "bh": da.sum(axis=0)}


def test_without_da_the_rows_of_dWxh_tell_from_which_step_on_it_is_right():
    case = make_case(0, T=11, B=None, V=11, H=4)._replace(x=np.arange(11))
    report = check(case, backward=faded)
    assert not any(one.cause for one in report.checks.values())
    assert "the rows of dWxh that are read at step 2 and later are right, so da is right there" in report.findings
    assert any(line.startswith("da is wrong at step 1: ") for line in report.findings)
    assert "Wxh: 8 of 44 entries are wrong" in report.findings


@pytest.mark.parametrize("B, words", [(None, "T = 6"), (4, "T·B = 24")])
@pytest.mark.parametrize("reduction, size", [("mean", "too large"), ("sum", "too small")])
def test_the_sum_for_the_mean_and_the_mean_for_the_sum_are_told_by_their_factor(reduction, size, B, words):
    for seed in range(3):
        case = make_case(seed, T=6, B=B, V=3, H=3, reduction=reduction)
        other = {"mean": "sum", "sum": "mean"}[reduction]
        report = check(case, backward=lambda p, tr, y, other=other, **_: backward(p, tr, y, reduction=other))
        assert {one.cause for one in report.checks.values()} == {f"{words} times {size}: sum or mean?"}


def test_a_mean_over_the_batch_alone_is_told_by_its_factor():
    case = make_case(0, T=6, B=4, V=3, H=4)
    report = check(case, backward=lambda p, tr, y, **_: SimpleNamespace(bh=backward(p, tr, y).bh * 6))
    assert report.checks["bh"].cause == "T = 6 times too large: sum or mean?"


def test_a_cause_that_explains_many_gradients_goes_before_one_that_explains_a_single_one():
    # of two steps, the last step's term alone is also what is left of Whh when the initial state is lost
    for seed in range(5):
        case = random_case(seed, T=2, least=2, scales=(0.5, 1.0))
        report = check(case, backward=MISTAKES["assigned forward"][0])
        assert "the last step's term alone" in report.checks["Whh"].cause
        report = check(case, backward=MISTAKES["state lost"][0])
        assert "initial state lost" in report.checks["Whh"].cause


def test_a_single_hidden_unit_does_not_hide_a_cause_behind_a_factor():
    for seed in range(5):  # with H = 1 any wrong gradient in h0 of one sequence is a multiple of the right one
        case = make_case(seed, T=4, B=None, V=3, H=1)
        assert "Whhᵀ is missing" in check(case, backward=MISTAKES["da_1"][0]).checks["h0"].cause
        assert (
            "h_{t-1} where h_t"
            in check(case._replace(y=0 * case.y), backward=MISTAKES["state early"][0]).checks["Why"].cause
        )
        assert check(case, backward=MISTAKES["twice"][0]).checks["bh"].cause == ""


def test_a_mistake_that_is_not_known_is_found_without_a_claim():
    for seed in range(5):
        case = random_case(seed, T=5, least=2, scales=(0.5,))
        noise = 1e-3 * np.random.default_rng(seed).normal(size=case.params.Whh.shape)
        report = check(case, backward=only(lambda g, p, tr, noise=noise: {"Whh": g.Whh + noise}))
        assert [(name, one.cause) for name, one in report.checks.items() if not one.ok] == [("Whh", "")]


@pytest.mark.parametrize("name", NAMES)
def test_one_wrong_entry_is_found_where_it_is_with_both_numbers(name):
    def nudge(grads, params, trace):
        array = getattr(grads, name).copy()
        array.flat[-1] += 1e-6
        return {name: array}

    report = check(CASE, backward=only(nudge))
    shape = report.expected[name].shape
    one = report.checks[name]
    assert [each.name for each in report.checks.values() if not each.ok] == [name]
    assert one.index == tuple(n - 1 for n in shape)
    assert one.given == report.given[name][one.index] and one.expected == report.expected[name][one.index]
    assert one.given - one.expected == pytest.approx(1e-6, rel=1e-6)
    errors = report.relative_errors[name]
    assert errors.shape == shape and errors.max() == errors[one.index] == one.error
    assert np.array_equal(
        report.given[name], nudge(backward(CASE.params, forward(*CASE[:2], CASE.h0), CASE.y), 0, 0)[name]
    )


def test_complex_steps_are_exact_to_rounding():
    for seed in range(100, 110):
        assert all(one.error < 1e-13 for one in check(random_case(seed, scales=(0.1, 0.5, 1.0))).checks.values())


@pytest.mark.parametrize("step", [1e-300, 1e-30, 3e-6])
def test_every_complex_step_that_is_taken_finds_a_right_gradient_right(step):
    assert check(CASE, step=step).ok


def test_a_central_difference_s_error_shrinks_with_the_square_of_a_large_step():
    coarse, fine = (check(CASE, method="central", step=step, tolerance=1.0) for step in (4e-3, 2e-3))
    for name in NAMES:
        ratio = np.linalg.norm(coarse.given[name] - coarse.expected[name]) / np.linalg.norm(
            fine.given[name] - fine.expected[name]
        )
        assert ratio == pytest.approx(4, rel=0.01)


def test_a_central_difference_s_error_is_the_rounding_of_the_loss_over_a_small_step():
    loss = cross_entropy(forward(CASE.params, CASE.x, CASE.h0).o, CASE.y)
    report = check(CASE, method="central", step=1e-10, tolerance=1.0)
    rounding = np.finfo(float).eps * loss / 1e-10
    worst = max(np.abs(report.given[name] - report.expected[name]).max() for name in NAMES)
    assert rounding / 10 < worst < 10 * rounding


def test_a_central_difference_of_the_usual_step_is_right_to_about_ten_digits():
    report = check(CASE, method="central")
    assert 1e-12 < max(np.abs(report.given[name] - report.expected[name]).max() for name in NAMES) < 1e-9


def test_what_a_central_difference_cannot_know_is_not_held_against_a_right_gradient():
    report = check(CASE, method="central", step=0.02)
    assert report.ok
    doubtful = [one for one in report.checks.values() if one.error > TOLERANCES["central"]]
    assert doubtful and all("use the method 'complex'" in one.cause for one in doubtful)
    wrong = only(lambda g, p, tr: {"Whh": g.Whh.T})
    assert not check(CASE, method="central", step=0.02, backward=wrong).ok


def test_a_network_with_one_symbol_has_no_gradient_and_raises_no_alarm():
    case = make_case(0, T=5, B=2, V=1, H=3)
    for method in TOLERANCES:
        report = check(case, method=method)
        assert report.ok and max(np.abs(array).max() for array in report.expected.values()) < 1e-9


@pytest.mark.parametrize("scale", [10.0, 50.0])
def test_saturated_units_whose_gradients_vanish_raise_no_alarm(scale):
    for seed in range(5):
        assert check(make_case(seed, T=8, B=2, V=3, H=3, scale=scale)).ok


@pytest.mark.parametrize("features", [False, True])
def test_float32_parameters_are_checked_in_float64(features):
    case = make_case(1, T=4, B=2, V=3, H=4, features=features)
    params = Params(*(array.astype(np.float32) for array in case.params))
    x = case.x.astype(np.float32) if features else case.x
    seen = []

    def watch(params, trace, y, *, reduction):
        seen.extend([*params, trace.h0, trace.h])
        return backward(params, trace, y, reduction=reduction)

    report = check_gradients(params, x, case.y, h0=case.h0.astype(np.float32), backward=watch)
    assert report.ok and {array.dtype for array in seen} == {np.dtype(np.float64)}
    assert max(one.error for one in report.checks.values()) < 1e-13


def test_a_gradient_returned_in_float32_is_said_to_be_rounded():
    report = check(CASE, backward=only(lambda g, p, tr: {"Whh": g.Whh.astype(np.float32)}))
    assert not report.checks["Whh"].ok and "float32, whose rounding" in report.checks["Whh"].cause


@pytest.mark.parametrize(
    "value, words",
    [
        (lambda g: g.T, "shape (3, 4), where (4, 3) belongs: transposed"),
        (lambda g: g.ravel(), "shape (12,), where (4, 3) belongs: the numbers are right"),
        (lambda g: -g.T, "shape (3, 4), where (4, 3) belongs"),
        (lambda g: np.nan * g.T, "shape (3, 4), where (4, 3) belongs"),
        (lambda g: g[:2], "shape (2, 3), where (4, 3) belongs"),
        (lambda g: 0.0, "shape (), where (4, 3) belongs"),
        (lambda g: g + 0j, "of type complex128, where floating numbers belong"),
        (lambda g: g > 0, "of type bool, where floating numbers belong"),
        (lambda g: [[1.0], [1.0, 2.0]], "of type object, where floating numbers belong"),
        (lambda g: "text", "of type <U4, where floating numbers belong"),
        (lambda g: (1000 * g).astype(int), "of type int64, which drops fractions"),
        (lambda g: np.where(g == g[1, 0], np.nan, g), "1 of 12 entries are NaN or infinite"),
        (lambda g: g / 0.0, "12 of 12 entries are NaN or infinite"),
        (lambda g: np.full_like(g, 1e308), ""),
    ],
)
def test_a_gradient_of_another_shape_or_type_gets_a_clear_line(value, words):
    def give(grads, params, trace):
        with np.errstate(all="ignore"):
            return {"Wxh": value(grads.Wxh)}

    report = check(CASE, backward=only(give))
    assert [one.name for one in report.checks.values() if not one.ok] == ["Wxh"]
    assert report.checks["Wxh"].cause == words
    assert report.relative_errors["Wxh"].shape == (4, 3)
    assert words in str(report)


def test_a_wrong_gradient_beside_one_of_another_shape_still_gets_its_cause():
    report = check(CASE, backward=only(lambda g, p, tr: {"Whh": g.Whh.T, "by": g.by[:2], "bh": [np.nan] * 3}))
    assert report.checks["Whh"].cause == "transposed"


def test_gradients_that_are_not_returned_are_not_checked_and_the_report_says_so():
    report = check(CASE, backward=lambda p, tr, y, **_: SimpleNamespace(bh=backward(p, tr, y).bh, Whh=None))
    assert report.ok and list(report.checks) == ["bh"]
    assert str(report).splitlines()[-1].endswith("Wxh, Whh, Why, by, h0")


def test_a_report_prints_a_header_a_line_for_each_parameter_and_one_for_each_cause():
    report = check(CASE, backward=MISTAKES["no slope"][0])
    lines = str(report).splitlines()
    assert lines[0] == "complex steps, tolerance 1.0e-09: wrong: Wxh, Whh, bh, h0"
    assert lines[1].split() == ["shape", "worst", "error", "at", "given", "expected"]
    number = r"-?[\d.]+(e[-+]\d+)?"
    for name, line in zip(NAMES, lines[2:8], strict=True):
        verdict = "WRONG" if name in RECURRENT else "ok"
        columns = rf"{name} +\(\d,.*\) +\d\.\de[-+]\d\d +\(\d,.*\) +{number} +{number} +{verdict}"
        assert re.fullmatch(columns, line), line
    assert len({line.index("(") for line in lines[2:8]}) == 1  # columns stand below each other
    assert len({re.search("ok$|WRONG$", line).start() for line in lines[2:8]}) == 1
    assert lines[8:] == ["Wxh, Whh, bh, h0: tanh's slope is left out: the factor 1 - h² is missing"]
    assert repr(report) == str(report)


def test_a_report_of_right_gradients_says_so_in_its_first_line():
    for method, words in (("complex", "complex steps"), ("central", "central differences")):
        lines = str(check(CASE, method=method)).splitlines()
        assert lines[0].startswith(words) and lines[0].endswith("every gradient is right")
        assert len(lines) == 2 + len(NAMES)


def linear(params, x, h0=None):
    """A pass forward that forgets tanh."""
    trace = forward(params, x, h0)
    a, h = np.empty_like(trace.a), trace.h0
    for t, symbol in enumerate(trace.x):
        a[t] = h = params.Wxh[symbol] + h @ params.Whh + params.bh
    o = a @ params.Why + params.by
    return Trace(trace.x, trace.h0, a, a, o, softmax(o))


def test_a_tanh_left_out_of_forward_alone_is_found_and_named():
    for seed in range(5):
        report = check(make_case(seed, T=5, B=2, V=4, H=3, scale=0.3), forward=linear)
        assert {name for name, one in report.checks.items() if not one.ok} == RECURRENT
        assert all("does forward leave the tanh out" in report.checks[name].cause for name in RECURRENT)


def test_a_linear_network_with_its_own_backward_is_right():
    assert check(make_case(0, T=5, B=2, V=4, H=3, scale=0.3), forward=linear, backward=loop(slope=lambda a, h: 1)).ok


def test_a_softmax_over_the_whole_array_is_found_and_named():
    def spread(params, x, h0=None):
        trace = forward(params, x, h0)
        whole = softmax(trace.o.reshape(-1)).reshape(trace.o.shape)
        return trace._replace(yhat=whole)

    report = check(CASE, forward=spread)
    assert not report.ok and all("right if ŷ were softmax(o)" in one.cause for one in report.checks.values())


def test_a_forward_of_another_layout_gets_verdicts_without_causes():
    def bare(params, x, h0=None):
        trace = forward(params, x, h0)
        return SimpleNamespace(o=trace.o, h0=trace.h0, usual=trace)

    through = {name: lambda p, tr, y, f=f, **options: f(p, tr.usual, y, **options) for name, f in
               {"right": backward, "wrong": MISTAKES["no slope"][0]}.items()}  # fmt: skip
    assert check(CASE, forward=bare, backward=through["right"]).ok
    report = check(CASE, forward=bare, backward=through["wrong"])
    assert {(name, one.cause) for name, one in report.checks.items() if not one.ok} == {(n, "") for n in RECURRENT}


def test_a_pass_backward_that_trains_in_place_is_judged_at_the_old_point():
    before = [array.copy() for array in (*CASE.params, CASE.x, CASE.y, CASE.h0)]

    def train(params, trace, y, *, reduction):
        grads = backward(params, trace, y, reduction=reduction)
        for array in (*params, trace.h0, trace.h, trace.x, y):
            array[...] = 0
        return grads

    assert check(CASE, backward=train).ok
    after = (*CASE.params, CASE.x, CASE.y, CASE.h0)
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_without_an_initial_state_the_zero_state_is_checked():
    report = check_gradients(CASE.params, CASE.x.tolist(), CASE.y.tolist())
    assert report.ok and report.expected["h0"].shape == (2, 3)


def test_one_initial_state_for_a_batch_is_checked_for_every_sequence():
    report = check(CASE._replace(h0=CASE.h0[0]))
    assert report.ok and report.expected["h0"].shape == (2, 3)


def test_a_tolerance_of_one_s_own_is_what_the_verdict_rests_on():
    wrong = only(lambda g, p, tr: {"bh": g.bh * (1 + 1e-6)})
    assert check(CASE, backward=wrong, tolerance=2e-6).ok
    assert not check(CASE, backward=wrong, tolerance=5e-7).ok


# --- weights, samples, ways to return a gradient ----------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("B", [None, 3])
def test_weights_are_those_of_the_loss(B, reduction):
    for seed in range(5):
        case = make_case(seed, T=6, B=B, V=4, H=3, reduction=reduction)
        weights = np.random.default_rng(seed).random(case.y.shape)
        weights.flat[seed] = 0
        assert check(case, weights=weights).ok and check(case, weights=weights.tolist()).ok
        part = "1 / T·B" if reduction == "mean" else "1"
        mask = "the same, and the mean is taken over those" if reduction == "mean" else "as 1"
        unread = {
            f"the weights are left out: every prediction counts as {part}": None,
            f"every weight that is not zero counts {mask}": weights != 0,
        }
        for cause, other in unread.items():
            report = check(
                case,
                weights=weights,
                backward=lambda p, tr, y, *, reduction, weights, other=other: backward(
                    p, tr, y, reduction=reduction, weights=other
                ),
            )
            assert {one.cause for one in report.checks.values()} == {cause}, report


@pytest.mark.parametrize("features", [False, True])
def test_inputs_of_a_size_of_their_own_are_checked_and_mistakes_named(features):
    rng = np.random.default_rng(0)
    case = make_case(0, T=6, B=3, V=4, H=5)
    case = case._replace(
        params=case.params._replace(Wxh=rng.normal(size=(7, 5))),
        x=rng.normal(size=(6, 3, 7)) if features else rng.integers(7, size=(6, 3)),
    )
    assert check(case).ok and check(case, sample=3).ok
    for mistake in ("state late", "own step", "window"):
        wrong_backward, names, words = MISTAKES[mistake]
        report = check(case, backward=wrong_backward)
        assert {name for name, one in report.checks.items() if not one.ok} == names
        assert all(words in report.checks[name].cause for name in names)


def test_weights_that_backward_does_not_take_are_refused_before_anything_is_computed():
    with refuses(TypeError, "backward", "(params, trace, y, *, reduction)", expected="weights="):
        check(CASE, weights=np.ones(CASE.y.shape), backward=loop())
    with refuses(ValueError, "weights", "(5,)"):
        check(CASE, weights=np.ones(5))


def test_a_sample_checks_so_many_entries_of_each_array_and_says_so():
    case = make_case(0, T=5, B=2, V=9, H=7)
    report = check(case, sample=20)
    sizes = {name: array.size for name, array in report.expected.items()}
    assert report.counts == {name: (min(20, size), size) for name, size in sizes.items()}
    assert report.ok and str(report).startswith(
        f"complex steps, tolerance 1.0e-09, {14 + 7 + 9 + 60} of {sum(sizes.values())} entries: every entry checked is"
    )
    whole = check(case).expected
    for name, array in report.expected.items():
        known = ~np.isnan(array)
        assert np.array_equal(array[known], whole[name][known])
    again, other = check(case, sample=20), check(case, sample=20, rng=np.random.default_rng(1))
    assert np.array_equal(again.expected["Whh"], report.expected["Whh"], equal_nan=True)
    assert not np.array_equal(other.expected["Whh"], report.expected["Whh"], equal_nan=True)
    assert str(check(case, sample=1000)) == str(check(case))


@pytest.mark.parametrize("method", TOLERANCES)
def test_a_sample_finds_a_mistake_and_names_it_from_all_numbers(method):
    case = make_case(0, T=6, B=2, V=8, H=9, scale=0.7)
    for mistake in ("no slope", "transposed", "state late"):
        wrong_backward, names, words = MISTAKES[mistake]
        report = check(case, backward=wrong_backward, sample=10, method=method)
        assert {name for name, one in report.checks.items() if not one.ok} == names
        assert all(words in report.checks[name].cause for name in names)


def test_a_long_check_says_how_far_it_is_where_that_is_wanted(capsys, monkeypatch):
    monkeypatch.setattr("rnnlib.gradcheck._meter.PATIENCE", 0)
    monkeypatch.setattr("rnnlib.gradcheck._meter.PAUSE", 0)
    report = check(CASE, progress=True)
    total = sum(size for _, size in report.counts.values())
    out, err = capsys.readouterr()
    lines = err.strip().split("\r")
    assert out == "" and len(lines) == total and err.endswith("\n")
    assert lines[-1] == f"check_gradients: {total} of {total} entries (100%)"
    check(CASE, progress=False)
    check(CASE)  # nobody watches the stderr of a test
    assert capsys.readouterr() == ("", "")


def named(change, keys=NAMES):
    """The right gradients in another container."""
    return lambda params, trace, y: change({key: getattr(backward(params, trace, y), key) for key in keys})


@pytest.mark.parametrize(
    "returned",
    [
        named(dict),
        named(lambda grads: {f"d{name}": array for name, array in grads.items()}),
        named(lambda grads: {f"d{name}" if "W" in name else name: array for name, array in grads.items()}),
        named(lambda grads: SimpleNamespace(**{f"d{name}": array for name, array in grads.items()})),
        named(lambda grads: tuple(grads.values())),
        named(lambda grads: list(grads.values())[:5]),
        named(dict, (*NAMES, "do", "dh", "da")),
        lambda params, trace, y, reduction: backward(params, trace, y, reduction=reduction),
        lambda params, trace, y, **options: backward(params, trace, y, **options),
        lambda *args: backward(*args),
    ],
)
def test_a_backward_without_reduction_and_gradients_in_dicts_and_tuples_are_taken(returned):
    assert check(CASE, backward=returned).ok


def test_a_backward_without_reduction_is_judged_by_the_reduction_of_the_check():
    report = check(CASE._replace(reduction="sum"), backward=named(dict))
    assert {one.cause for one in report.checks.values()} == {"T·B = 10 times too small: sum or mean?"}


@pytest.mark.parametrize(
    "returned, got",
    [
        (named(lambda grads: grads | {"dWhh": grads["Whh"]}), "both Whh and dWhh"),
        (named(lambda grads: grads | {"dU": grads["Whh"]}), "'dU'"),
        (named(lambda grads: (0.5, *grads.values())), "7 values"),
        (named(lambda grads: tuple(grads.values())[:4]), "4 values"),
        (named(lambda grads: tuple(grads[name] for name in ("Wxh", "Why", "Whh", "bh", "by"))), "(4, 3), (3, 4)"),
        (named(lambda grads: {}), "dict {}"),
        (lambda params, trace: None, "takes (params, trace)"),
        (lambda params, trace, y, masks: None, "takes (params, trace, y, masks)"),
    ],
)
def test_what_could_mean_several_gradients_is_refused_by_name(returned, got):
    with refuses(TypeError, "backward", got):
        check(CASE, backward=returned)


SPOTS = {
    "one step": (dict(T=1, B=2), "there is one step"),
    "two steps": (dict(T=2, B=3), "at least three are needed"),
    "T = B": (dict(T=3, B=3), "T = B = 3"),
    "one sequence": (dict(T=4, B=1), "the batch has one sequence"),
    "one unit": (dict(T=4, B=2, H=1), "there is one hidden unit"),
    "sum": (dict(T=4, B=2, reduction="sum"), "forgetting the mean"),
}


@pytest.mark.parametrize("spot", SPOTS)
def test_conditions_that_hide_mistakes_are_said(spot):
    sizes, words = SPOTS[spot]
    report = check(make_case(0, **(dict(V=4, H=3) | sizes)))
    assert report.ok and any(words in line for line in report.blind_spots)
    assert str(report).count("not detectable here: ") == len(report.blind_spots)


def test_a_good_point_hides_nothing_and_each_of_its_faults_is_said_alone():
    case = make_case(0, T=6, B=3, V=3, H=4)
    params = case.params
    assert check(case).blind_spots == () and any(len(set(row)) < 3 for row in case.x.tolist())
    apart = np.array([[0, 1, 2], [1, 2, 0]] * 3)
    faults = {
        "h0 is zero": {"h0": np.zeros(4)},
        "Whh is symmetric": {"params": params._replace(Whh=params.Whh + params.Whh.T)},
        "Why is zero": {"params": params._replace(Why=0 * params.Why)},
        "the targets are the inputs": {"y": case.x},
        "the same character at the same step": {"x": apart},
        "no state is larger than": {"params": Params(*(1e-6 * array for array in params)), "h0": case.h0 * 1e-6},
        "all sequences of the batch are alike": {"x": case.x[:, [0, 0, 0]], "y": case.y[:, [0, 0, 0]]},
    }
    for words, changes in faults.items():
        [said] = check(case._replace(**changes)).blind_spots
        assert words in said
    single = make_case(0, T=4, B=None, V=6, H=3)._replace(x=np.array([3, 1, 0, 5]))
    assert "no character is read twice" in check(single).blind_spots[0]
    [said] = check(case, weights=np.full((6, 3), 2.0)).blind_spots
    assert "all weights are equal" in said


@pytest.mark.parametrize("axis", [0, 1])
def test_a_sum_that_is_missing_is_named_by_its_axis(axis):
    def summed_once(params, trace, y):
        grads = backward(params, trace, y)
        return {"bh": grads.da.sum(axis=axis), "by": grads.by}

    cause = check(make_case(0, T=5, B=3, V=4, H=3), backward=summed_once).checks["bh"].cause
    assert cause.endswith("where (3,) belongs: the sum over axis 0 is missing")


def test_float32_inside_a_backward_that_returns_float64_is_told_by_the_numbers():
    def inside(params, trace, y):
        grads = backward(params, trace, y)
        return {name: getattr(grads, name).astype(np.float32).astype(float) for name in NAMES}

    causes = {one.cause for one in check(CASE, backward=inside).checks.values()}
    assert causes == {"computed in float32, whose rounding explains an error of this size"}


def test_clipping_by_the_norm_and_weight_decay_are_told():
    def scaled(grads, params, trace):
        norm = np.sqrt(sum((getattr(grads, name) ** 2).sum() for name in Params._fields))
        return {name: getattr(grads, name) * 0.05 / norm for name in Params._fields} | {"h0": None}

    report = check(CASE, backward=only(scaled))
    assert {"have the length 0.05: clipped by the norm?" in one.cause for one in report.checks.values()} == {True}
    report = check(CASE, backward=only(lambda g, p, tr: {"Whh": g.Whh + 0.01 * p.Whh}))
    assert report.checks["Whh"].cause == "0.01 times the weight itself is added: weight decay?"


@pytest.mark.parametrize(
    "options, error, argument, got",
    [
        ({"method": "forward"}, ValueError, "method", "str 'forward'"),
        ({"method": None}, ValueError, "method", "NoneType None"),
        ({"step": 0}, ValueError, "step", "0"),
        ({"step": -1e-6}, ValueError, "step", "-1e-06"),
        ({"step": np.nan}, ValueError, "step", "nan"),
        ({"step": np.inf}, ValueError, "step", "inf"),
        ({"step": "1e-6"}, TypeError, "step", "str '1e-6'"),
        ({"step": 1e-20, "method": "central"}, ValueError, "step", "1e-20"),
        ({"step": 1e-3}, ValueError, "step", "0.001"),
        ({"step": 1e-320}, ValueError, "step", "e-321"),
        ({"step": 1e-5, "tolerance": 1e-10}, ValueError, "step", "1e-05"),
        ({"step": 0.2, "method": "central"}, ValueError, "step", "0.2"),
        ({"tolerance": 0.0}, ValueError, "tolerance", "0.0"),
        ({"tolerance": True}, TypeError, "tolerance", "bool True"),
        ({"sample": 0}, ValueError, "sample", "0"),
        ({"sample": 2.0}, TypeError, "sample", "float 2.0"),
        ({"sample": True}, TypeError, "sample", "bool True"),
        ({"rng": 0}, TypeError, "rng", "int 0"),
        ({"backward": None}, TypeError, "backward", "NoneType None"),
        ({"backward": lambda *a, **k: None}, TypeError, "backward", "NoneType None"),
        ({"backward": lambda *a, **k: {"loss": 0}}, TypeError, "backward", "'loss'"),
        ({"forward": 3}, TypeError, "forward", "int 3"),
        ({"forward": lambda *a: None}, TypeError, "forward", "NoneType None"),
        ({"h0": np.zeros(7)}, ValueError, "h0", "(7,)"),
        ({"h0": np.zeros((2, 3), complex)}, TypeError, "h0", "complex128"),
        ({"x": CASE.x + 9}, ValueError, "x", "13"),
        ({"x": np.zeros((5, 2, 4), complex)}, TypeError, "x", "complex128"),
        ({"y": CASE.y[:4]}, ValueError, "y", "(4, 2)"),
        ({"y": CASE.y / 1}, TypeError, "y", "float64"),
        ({"reduction": "max"}, ValueError, "reduction", "str 'max'"),
        ({"params": CASE.params._replace(bh=np.zeros(2))}, ValueError, "params.bh", "(2,)"),
        ({"params": Params(*(array + 0j for array in CASE.params))}, TypeError, "params", "complex128"),
    ],
)
def test_arguments_of_no_use_are_refused(options, error, argument, got):
    options = {"params": CASE.params, "x": CASE.x, "y": CASE.y, "h0": CASE.h0} | options
    if argument == "x" and error is ValueError:
        got = str(int(options["x"][options["x"] > 3][0]))
    with refuses(error, argument, got):
        check_gradients(options.pop("params"), options.pop("x"), options.pop("y"), **options)


@pytest.mark.parametrize(
    "real",
    [
        lambda trace: trace._replace(o=trace.o.real),
        lambda trace: trace._replace(o=trace.o.astype(float)),
        lambda trace: trace._replace(o=np.array([[[float(v) for v in row] for row in step] for step in trace.o])),
    ],
)
def test_a_forward_that_drops_the_imaginary_part_is_refused_for_complex_steps_only(real):
    def dropping(params, x, h0=None):
        return real(forward(params, x, h0))

    with refuses(TypeError, "forward", "'central'", expected="complex"):
        check(CASE, forward=dropping)
    assert check(CASE, forward=lambda *args: (lambda tr: tr._replace(o=tr.o.real))(forward(*args)), method="central").ok


def test_a_pickled_report_comes_back_and_so_does_one_from_when_the_check_was_a_single_module():
    report = check(CASE)
    assert str(pickle.loads(pickle.dumps(report))) == str(report)
    assert pickle.loads(b"crnnlib.gradcheck\nReport\n.") is Report
    assert pickle.loads(b"crnnlib.gradcheck\nCheck\n.") is Check


def batched_loop(*, do=None, slope=None, send=None, rows=None, outer=None):
    """A pass backward over a batch with weights, step by step and sequence by sequence, with one part replaced.

    do: (ŷ, one-hot targets, weights) -> do; slope: (h, h_prev, Whh) -> the slope; send: (da Whhᵀ, dh, weights of the
    step) -> what goes to the previous step; rows: sequence -> that whose da is added to dWxh; outer: (h_prev, da) ->
    the term of dWhh.
    """

    def by_hand(params, trace, y, *, reduction, weights):
        h, total = trace.h, {name: np.zeros_like(array) for name, array in params._asdict().items()}
        errors = trace.yhat - np.eye(len(params.by))[y]
        errors *= (weights / weights.sum())[..., None]
        if do:
            errors = do(trace.yhat, np.eye(len(params.by))[y], weights)
        future = np.zeros_like(trace.h0)
        for t in reversed(range(len(y))):
            h_prev = h[t - 1] if t else trace.h0
            dh = errors[t] @ params.Why.T + future
            da = dh * (slope(h[t], h_prev, params.Whh) if slope else 1 - h[t] ** 2)
            for b, x in enumerate(trace.x[t]):
                total["Wxh"][x] += da[rows(b) if rows else b]
            total["Whh"] += outer(h_prev, da) if outer else h_prev.T @ da
            total["Why"] += h[t].T @ errors[t]
            total["bh"] += da.sum(axis=0)
            total["by"] += errors[t].sum(axis=0)
            future = da @ params.Whh.T
            future = send(future, dh, weights[t]) if send else future
        return total | {"h0": future}

    return by_hand


IN_A_BATCH = {
    "target alone": ({"do": lambda p, y, w: (p - y) * y * (w / w.sum())[..., None]}, NAMES, "at the target alone"),
    "mean of means": (
        {"do": lambda p, y, w: (p - y) * (w / w.sum(axis=0) / w.shape[1])[..., None]}, NAMES, "own weights, and by B",
    ),
    "no input": ({"slope": lambda h, h_prev, W: 1 - np.tanh(h_prev @ W) ** 2}, RECURRENT, "the input is left out"),
    "residual": ({"send": lambda sent, dh, w: sent + dh}, RECURRENT, "as well, in addition to da"),
    "masked": ({"send": lambda sent, dh, w: sent * (w > 0)[:, None]}, RECURRENT, "through a step of weight 0"),
    "one sequence": ({"rows": lambda b: 0}, {"Wxh"}, "the error of the first sequence for every sequence"),
    "mean state": (
        {"outer": lambda h, da: np.outer(h.mean(axis=0), da.sum(axis=0))}, {"Whh"}, "one factor is summed and",
    ),
    "both means": (
        {"outer": lambda h, da: np.outer(h.mean(axis=0), da.mean(axis=0))}, {"Whh"}, "both factors are averaged",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", IN_A_BATCH)
def test_a_mistake_in_a_batch_with_weights_is_named(mistake):
    changes, names, words = IN_A_BATCH[mistake]
    for seed in range(5):
        case = make_case(seed, T=6, B=3, V=4, H=5)
        weights = np.ones((6, 3))
        weights[1 + seed % 3, 0] = weights[4:, 2] = weights[2, 1] = 0
        assert check(case, backward=batched_loop(), weights=weights).ok
        report = check(case, backward=batched_loop(**changes), weights=weights)
        assert {name for name, one in report.checks.items() if not one.ok} == set(names), report
        assert {one.cause for one in report.checks.values() if not one.ok} == {report.checks[min(names)].cause}
        assert words in report.checks[min(names)].cause, report


def test_a_gradient_that_stops_where_all_weights_are_zero_is_not_called_truncated_alone():
    """One sequence, masked at one step: the numbers are those of chunks, too, so that both causes are said."""
    case, weights = make_case(0, T=6, B=1, V=4, H=5), np.ones((6, 1))
    weights[3] = 0
    wrong = batched_loop(send=lambda sent, dh, w: sent * (w > 0)[:, None])
    said = {one.cause for one in check(case, backward=wrong, weights=weights).checks.values() if not one.ok}
    assert len(said) == 1
    (cause,) = said
    assert cause.startswith("2 explanations fit: ") and "weight 0" in cause and "chunks of 3" in cause and OR in cause
