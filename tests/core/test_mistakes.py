"""The gallery of mistakes: each is found and named by the gradient check, and most of them train all the same."""

import inspect
import linecache
import re
import traceback

import numpy as np
import pytest
from models import make_case

from rnnlib import (
    Grads,
    Params,
    Trace,
    Vocabulary,
    backward,
    bptt,
    check_gradients,
    cross_entropy,
    forward,
    init_params,
)
from rnnlib.gradcheck import NAMES, TOLERANCES
from rnnlib.mistakes import (
    BATCH_MISTAKES,
    MISTAKES,
    MORE_MISTAKES,
    UNKNOWN_MISTAKES,
    Mistake,
    descend,
    gradient_descent,
    mutant,
    patched,
)

RECURRENT = {"Wxh", "Whh", "bh", "h0"}
FOUND = {
    "no_tanh": (RECURRENT, "does forward leave the tanh out?"),
    "lost_state": ({"Whh"}, "is the initial state lost?"),
    "not_transposed": (RECURRENT, "Whh where its transpose belongs"),
    "late": ({"Whh"}, "h_t where h_{t-1} belongs"),
    "no_mean": (set(NAMES), "times too large: sum or mean?"),
    "slope_of_a": (RECURRENT, "1 - a² where 1 - h² belongs"),
    "slope_inverse": (RECURRENT, "1 / (1 - h²) where 1 - h² belongs"),
    "no_future": (RECURRENT, "the future term is missing"),
    "whole_softmax": (set(NAMES), "is every step normalised by itself?"),
    "clipped": ({"Whh"}, "clipped: every entry beyond 0.01 is ±0.01"),
    "one_step_bias": ({"bh"}, "the first step's term alone"),
}
BY_NAME = {mistake.name: mistake for mistake in MISTAKES}
IN_A_BATCH = {
    "repeated": ({"Wxh"}, "a repeated character loses terms"),
    "mean_over_steps": (set(NAMES), "B = 3 times too large: sum or mean?"),
    "first_sequence": ({"bh"}, "the term of the first sequence of the batch alone"),
    "shared_future": (RECURRENT, "what goes to the previous step is averaged over the batch"),
}
TWO = {  # pairs of mistakes, and the gradients that each of the two is named at
    ("late", "one_step_bias"): ({"Whh"}, {"bh"}),
    ("lost_state", "no_mean"): ({"Whh"}, set(NAMES)),
    ("slope_of_a", "one_step_bias"): (RECURRENT, {"bh"}),
    ("no_future", "late"): (RECURRENT, {"Whh"}),
    ("not_transposed", "clipped"): None,  # a bound that nobody knows behind a wrong loop
}
each_mistake = pytest.mark.parametrize("mistake", MISTAKES, ids=BY_NAME)


def check(case, functions, method="complex"):
    forward, backward = functions
    return check_gradients(
        case.params,
        case.x,
        case.y,
        h0=case.h0,
        reduction=case.reduction,
        forward=forward,
        backward=backward,
        method=method,
    )


@pytest.mark.parametrize("method", TOLERANCES)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("B", [None, 3])
@each_mistake
def test_each_mistake_is_found_its_cause_named_and_no_other_gradient_accused(mistake, B, reduction, method):
    names, cause = FOUND[mistake.name]
    if mistake.name == "no_mean" and reduction == "sum":
        names = set()  # the forgotten division is not due there
    for seed in range(3):
        case = make_case(seed, T=6, B=B, V=5, H=4, scale=0.7, reduction=reduction)
        assert np.abs(case.h0).min() > 0
        report = check(case, mutant(mistake), method)
        assert {name for name, one in report.checks.items() if not one.ok} == names, report
        for name, one in report.checks.items():
            assert (cause in one.cause) if name in names else one.cause == "", report


def test_one_softmax_for_all_steps_leaves_errors_that_do_not_cancel():
    """What the widget says: of the mean loss the entries of do at one step sum to (1/T - 1)/T, on average."""
    case = make_case(0, T=16, B=None, V=5, H=4)
    wrong_forward, _ = mutant(BY_NAME["whole_softmax"])
    do = backward(case.params, wrong_forward(case.params, case.x, case.h0), case.y).do
    assert do.sum(axis=1).mean() == pytest.approx((1 / 16 - 1) / 16, rel=1e-12)
    assert (1 / 16 - 1) / 16 == pytest.approx(-0.0586, abs=5e-5)


def test_the_gallery_is_complete_and_every_name_stands_once():
    assert list(BY_NAME) == list(FOUND) and len(MISTAKES) == 11


@pytest.mark.parametrize("mistake", MORE_MISTAKES, ids=lambda mistake: mistake.name)
def test_two_more_mistakes_are_found_and_named(mistake):
    names, cause = {
        "repeated_steps": ({"Wxh"}, "a repeated character loses terms"),
        "no_target": (set(NAMES), "the targets are left out"),
    }[mistake.name]
    for seed in range(3):
        case = make_case(seed, T=6, B=None, V=4, H=4, scale=0.7)
        assert len(set(case.x.tolist())) < 6  # some character is read again
        report = check(case, mutant(mistake))
        assert {name for name, one in report.checks.items() if not one.ok} == names, report
        assert all(cause in report.checks[name].cause for name in names), report


@pytest.mark.parametrize("mistake", BATCH_MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_in_a_batch_is_named_and_one_sequence_does_not_show_it(mistake):
    names, cause = IN_A_BATCH[mistake.name]
    for seed in range(3):
        case = make_case(seed, T=6, B=3, V=4, H=5, scale=0.7)
        assert any(len(set(row)) < 3 for row in case.x.tolist())  # two sequences read one character at one step
        report = check(case, mutant(mistake))
        assert {name for name, one in report.checks.items() if not one.ok} == names, report
        assert all((cause in one.cause) if name in names else one.cause == "" for name, one in report.checks.items())
        assert check(make_case(seed, T=6, B=None, V=4, H=5, scale=0.7), mutant(mistake)).ok
    assert set(IN_A_BATCH) == {one.name for one in BATCH_MISTAKES}


def test_a_lost_repetition_is_no_mistake_where_no_two_sequences_read_the_same_character_at_the_same_step():
    """The two columns of a batch of three steps that is often tried first."""
    vocab = Vocabulary("I a ear")
    params = init_params(len(vocab), 4, rng=np.random.default_rng(0))
    h0 = np.array([0.6, -0.4, 0.3, -0.7])
    x = np.stack([vocab.encode("I a"), vocab.encode("ear")], axis=1)
    y = np.roll(x, -1, axis=0)
    wrong_forward, wrong_backward = mutant(BATCH_MISTAKES[0])
    options = {"h0": h0, "forward": wrong_forward, "backward": wrong_backward}
    report = check_gradients(params, x, y, **options)
    assert report.ok and any("the same character at the same step" in spot for spot in report.blind_spots)
    x[1, 1] = x[1, 0]
    report = check_gradients(params, x, y, **options)
    assert not report.ok and not any("same step" in spot for spot in report.blind_spots)


@pytest.mark.parametrize("pair", TWO, ids="-".join)
def test_two_mistakes_are_named_together_each_where_it_is_or_not_at_all(pair):
    functions = mutant(*(BY_NAME[name] for name in pair))
    for seed, B in ((0, None), (1, 3)):
        report = check(make_case(seed, T=6, B=B, V=5, H=4, scale=0.7), functions)
        assert not report.ok
        if TWO[pair] is None:
            assert not any(one.cause for one in report.checks.values()) and report.findings
            continue
        for name, at in zip(pair, TWO[pair], strict=True):
            words = FOUND[name][1].split(" times")[0] if name != "no_mean" else "times too large: sum or mean?"
            assert {key for key, one in report.checks.items() if words in one.cause} == at, report
        assert report.findings == ()


@pytest.mark.parametrize("mistake", UNKNOWN_MISTAKES, ids=lambda mistake: mistake.name)
@pytest.mark.parametrize("B", [None, 3])
def test_an_unknown_mistake_is_found_and_the_step_told_where_it_begins(mistake, B):
    T = 6
    report = check(make_case(3, T=T, B=B, V=5, H=4, scale=0.7), mutant(mistake))
    assert {name for name, one in report.checks.items() if not one.ok} == RECURRENT
    assert not any(one.cause for one in report.checks.values())
    assert "right: Why, by; wrong: Wxh, Whh, bh, h0" in report.findings
    first = {"faded_future": T - 2, "half_future": T // 2}[mistake.name]  # the first that the loop back gets wrong
    line = f"da is right from step {first + 1} to the last, and wrong earlier: t = 0-{first}, counted from 0"
    assert line in report.findings and "do is right at every step" in report.findings
    assert line in str(report)


def test_mistakes_in_both_functions_and_two_in_one_place():
    wrong_forward, wrong_backward = mutant(BY_NAME["no_tanh"], BY_NAME["late"])
    assert wrong_forward is not forward and wrong_backward is not backward
    with pytest.raises(RuntimeError, match=r"slope_inverse: expected .* once in bptt\.py, found it 0 times"):
        mutant(BY_NAME["slope_of_a"], BY_NAME["slope_inverse"])


@pytest.mark.parametrize("method", TOLERANCES)
def test_the_healthy_source_run_in_the_same_way_passes(method):
    for right, file in (("h[t] = np.tanh(a[t])", "rnn.py"), ("do /= y.size", "bptt.py")):
        functions = mutant(Mistake("healthy", "", file, right, right))
        for seed in range(3):
            assert check(make_case(seed, T=6, B=seed or None, V=5, H=4), functions, method).ok


def test_a_lost_state_is_no_mistake_while_the_state_is_zero():
    case = make_case(0, T=6, B=None, V=5, H=4)
    case = case._replace(h0=0 * case.h0)
    assert check(case, mutant(BY_NAME["lost_state"])).ok
    assert not check(case, mutant(BY_NAME["late"])).ok


@each_mistake
def test_only_one_function_changes_and_the_library_stays_as_it_is(mistake):
    case = make_case(1, T=5, B=2, V=4, H=3)
    trace = forward(case.params, case.x, case.h0)
    grads = backward(case.params, trace, case.y)
    wrong_forward, wrong_backward = mutant(mistake)
    assert (wrong_forward is forward, wrong_backward is backward) == (
        mistake.file != "rnn.py",
        mistake.file != "bptt.py",
    )
    wrong_trace = wrong_forward(case.params, case.x, case.h0)
    assert type(wrong_trace) is Trace and type(wrong_backward(case.params, wrong_trace, case.y)) is Grads
    again = forward(case.params, case.x, case.h0)
    assert all(np.array_equal(a, b) for a, b in zip(trace, again, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(grads, backward(case.params, again, case.y), strict=True))


@each_mistake
def test_the_wrong_source_can_be_read_and_stands_in_tracebacks(mistake):
    function = mutant(mistake)[0 if mistake.file == "rnn.py" else 1]
    linecache.checkcache()
    assert inspect.getsource(function).startswith("def ")
    assert mistake.wrong in "".join(linecache.getlines(function.__code__.co_filename))
    with pytest.raises(TypeError) as caught:
        function(None, None, None)
    assert any(
        f"{mistake.file} with the mistake {mistake.name}" in line for line in traceback.format_exception(caught.value)
    )


@pytest.mark.parametrize("right", ["no such text", "Whh.T"])
def test_a_mistake_whose_place_is_not_there_once_is_refused_by_name(right):
    times = inspect.getsource(bptt).count(right)
    assert times != 1
    message = f"stale: expected {right!r} once in bptt.py, found it {times} times"
    with pytest.raises(RuntimeError, match=re.escape(message)):
        mutant(Mistake("stale", "back", "bptt.py", right, "anything"))


# --- training with a wrong gradient ---------------------------------------------------------------------------------

TEXT = "I am learning RNN"
UPDATES = 400
# What becomes of the loss: it ends below half of the first one, or falls below that half and then breaks off, because
# numbers grow beyond all bounds, or neither.
HALVED = {"lost_state", "not_transposed", "late", "no_mean", "no_future", "clipped", "one_step_bias"}
HALVED_AT_FIRST = {"no_tanh", "slope_of_a"}


def curve(functions, seed, *, rate=0.1, H=8):
    """The losses of training on the text, from the state in which the network is after reading it once."""
    vocab = Vocabulary(TEXT)
    ids = vocab.encode(TEXT)
    params = init_params(len(vocab), H, rng=np.random.default_rng(seed))
    h0 = forward(params, ids[:-1]).h[-1]
    wrong_forward, wrong_backward = functions
    options = {"updates": UPDATES, "rate": rate, "forward": wrong_forward, "backward": wrong_backward}
    return gradient_descent(params, ids[:-1], ids[1:], h0, **options)[0]


def reached(losses):
    """The losses up to the last finite one."""
    count = np.isfinite(losses).sum()
    assert np.isfinite(losses[:count]).all()
    return losses[:count]


@pytest.fixture(scope="module")
def healthy():
    return [curve((forward, backward), seed) for seed in range(3)]


@each_mistake
def test_most_wrong_gradients_lower_the_loss_all_the_same(mistake, healthy, record_property):
    breaks = 0
    for seed, right in enumerate(healthy):
        assert right[-1] < right[0] / 10
        losses = reached(curve(mutant(mistake), seed))
        record = f"{losses[0]:.3f} to {losses[-1]:.3g} in {len(losses) - 1} updates, least {losses.min():.3f}"
        record_property(f"{mistake.name}, seed {seed}", f"{record}; healthy {right[-1]:.3f}")
        print(f"{mistake.name}, seed {seed}: {record}; healthy {right[-1]:.3f}")
        complete = len(losses) == UPDATES + 1
        breaks += not complete
        assert (complete and losses[-1] < losses[0] / 2) or mistake.name not in HALVED
        assert (losses.min() < losses[0] / 2) == (mistake.name in HALVED | HALVED_AT_FIRST)
        assert complete or mistake.name in HALVED_AT_FIRST | {"slope_inverse"}
        assert (losses[0] == right[0]) == (mistake.name != "no_tanh")  # a wrong backward leaves the first loss alone
    assert breaks >= 2 or mistake.name not in HALVED_AT_FIRST | {"slope_inverse"}


def test_some_wrong_gradients_end_with_a_lower_loss_than_the_right_one(healthy):
    for seed, right in enumerate(healthy):
        assert curve(mutant(BY_NAME["no_mean"]), seed)[-1] < right[-1] / 10  # a learning rate 16 times as large
        assert curve(mutant(BY_NAME["one_step_bias"]), seed)[-1] < right[-1]


def test_descent_is_the_one_that_is_written_out_here():
    case = make_case(3, T=4, B=2, V=3, H=2)
    losses, last = gradient_descent(case.params, case.x, case.y, case.h0, updates=3, rate=0.5)
    params = case.params
    for loss in losses:
        trace = forward(params, case.x, case.h0)
        assert loss == cross_entropy(trace.o, case.y)
        grads = backward(params, trace, case.y)
        before, params = params, Params(*(p - 0.5 * g for p, g in zip(params, grads[:5], strict=True)))
    assert all(np.array_equal(a, b) for a, b in zip(before, last, strict=True))


def test_the_names_that_chapters_and_notebooks_use_stay():
    assert descend is gradient_descent and patched is mutant
