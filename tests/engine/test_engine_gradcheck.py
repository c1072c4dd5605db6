"""The check of a gradient and gradient descent in JavaScript equal Python's, in the browser that readers use."""

import itertools

import numpy as np
import pytest
from engine_page import TIGHT, assert_refused, check_errors, on_models, opened, relative_error, run
from models import make_case

from rnnlib import Params, backward, check_gradients, cross_entropy, forward
from rnnlib.widgets._bundle import bundle

PARAMETERS = Params._fields
NAMES = (*PARAMETERS, "h0")
EPS = np.finfo(float).eps
CASES = [make_case(seed, T=T, B=None, V=4, H=H, reduction=r) for seed, T, H, r in [(1, 5, 3, "mean"), (2, 6, 4, "sum")]]


@pytest.fixture(scope="module")
def engine(browser, serving):
    with opened(browser, serving) as page:
        yield page


def traced(case):
    """A case of tests/models.py in the shape of the models above."""
    return case.params, case.x, case.h0, case.y, case.reduction, forward(case.params, case.x, case.h0)


def test_central_differences_equal_python(engine, record_property):
    """Each is (L(p + s) - L(p - s)) / 2s with s of ∛eps or more, of losses off by some eps of the logits in them.

    So errors are in units of eps |o| / ∛eps, to which both are known, however alike they are written.
    """
    cases = [make_case(s, T=s, B=None, V=4, H=3, reduction=("sum", "mean")[s % 2], scale=s / 2) for s in range(1, 8)]
    got = on_models(
        engine,
        "({ params, ids, h0, y, reduction }) => engine.centralDifferences(params, ids, y, h0, reduction)",
        [traced(case) for case in cases],
    )
    errors = {}
    for i, (case, result) in enumerate(zip(cases, got, strict=True)):
        report = check_gradients(case.params, case.x, case.y, h0=case.h0, reduction=case.reduction, method="central")
        assert set(result) == set(report.expected)
        logits = np.abs(forward(case.params, case.x, case.h0).o).max(axis=-1)
        size = logits.sum() if case.reduction == "sum" else logits.mean()
        for name, expected in report.expected.items():
            errors[f"model {i}, {name}"] = relative_error(result[name], expected, size * EPS ** (2 / 3))
    check_errors(errors, record_property, 4)


def test_central_differences_call_the_forward_given_at_both_points_of_every_number(engine):
    result = run(
        engine,
        """engine => {
            const params = engine.initParams(2, 1, 0);
            params.by = Float64Array.of(-100, 0.5);
            const start = [0];
            const [seen, states] = [[], []];
            let untouched = true;
            const run = (moved, ids, h0) => {
                seen.push(...moved.by);
                states.push(h0[0]);
                untouched &&= params.by[0] === -100 && params.by[1] === 0.5 && start[0] === 0;
                return engine.forward({ ...moved, bh: [0] }, ids, h0); // drops the bias
            };
            const { bh } = engine.centralDifferences(params, [0, 1, 1], [1, 1, 0], start, "mean", run);
            return { bh, seen: [...new Set(seen)], states: [...new Set(states)], untouched };
        }""",
        None,
    )
    assert result["untouched"]
    assert result["bh"] == [0]
    step = np.cbrt(EPS)
    expected = [-100, 0.5, -100 + 100 * step, -100 - 100 * step, 0.5 + step, 0.5 - step]
    assert sorted(result["seen"]) == pytest.approx(sorted(expected), rel=1e-15)
    assert sorted(result["states"]) == pytest.approx([-step, 0, step], rel=1e-15)


def wrong_reports():
    """Reports on gradients with noise, from the kinds of models in which each rule of the scale decides."""
    rng = np.random.default_rng(37)
    for case, sure in itertools.product(CASES, (False, True)):
        params = case.params._replace(Whh=case.params.Whh * 1e-3)
        y = case.y
        if sure:  # of the right symbol, so that every gradient vanishes
            params, y = params._replace(by=np.array([0.0, 40, 0, 0])), np.full(len(y), 1)

        def noisy(*args, **options):
            grads = backward(*args, **options)
            noise = {name: getattr(grads, name) + 1e-4 * rng.normal(size=getattr(grads, name).shape) for name in NAMES}
            return grads._replace(**noise)

        yield check_gradients(params, case.x, y, h0=case.h0, reduction=case.reduction, backward=noisy, method="central")


def test_relative_errors_are_those_of_python_to_the_bit(engine):
    reports = list(wrong_reports())
    lengths = [(case.reduction, len(case.y)) for case in CASES for _ in range(2)]
    data = [
        {
            "given": {name: array.ravel() for name, array in report.given.items()},
            "expected": {name: array.ravel() for name, array in report.expected.items()},
            "reduction": reduction,
            "T": T,
        }
        for report, (reduction, T) in zip(reports, lengths, strict=True)
    ]
    got = run(
        engine,
        """(engine, data) => data.map(({ given, expected, reduction, T }) =>
            engine.compare(given, expected, reduction, T))""",
        data,
    )
    rules = set()
    for report, result, (reduction, T) in zip(reports, got, lengths, strict=True):
        assert set(result) == set(report.checks)
        most = max(abs(array).max() for array in report.expected.values())
        weight = 1 if reduction == "sum" else 1 / T
        for name, expected in report.relative_errors.items():
            assert result[name]["scale"] == report.scales[name]
            assert result[name]["errors"] == expected.ravel().tolist()
            assert result[name]["worst"] == expected.argmax()
            assert result[name]["error"] == expected.max()
            limits = {"own": abs(report.expected[name]).max(), "most": 1e-3 * most, "weight": 1e-3 * weight}
            rules.add(max(limits, key=limits.get))
    assert rules == {"own", "most", "weight"}


def test_numbers_that_are_not_finite_are_infinitely_wrong_and_what_is_not_given_is_not_compared(engine):
    result = run(
        engine,
        """engine => {
            const expected = { Wxh: [1, 2], Whh: [8000], bh: [1, 1, 2] };
            const given = { bh: [1, NaN, -Infinity], Wxh: [1, 2], h0: null };
            const result = engine.compare(given, expected, "sum", 3);
            for (const check of Object.values(result)) {
                check.errors = [...check.errors].map(String);
                check.error = String(check.error);
            }
            return result;
        }""",
        None,
    )
    assert result == {
        "Wxh": {"errors": ["0", "0"], "worst": 0, "error": "0", "scale": 2},  # 8000 was not given
        "bh": {"errors": ["0", "Infinity", "Infinity"], "worst": 1, "error": "Infinity", "scale": 2},
    }


# --- gradient descent -----------------------------------------------------------------------------------------------


def test_descent_equals_numpy(engine, record_property):
    models = [traced(case) for case in CASES]
    got = on_models(
        engine,
        """({ params, ids, h0, y }) => {
            const before = JSON.stringify(params);
            const result = engine.descend(params, ids, y, h0, { updates: 40, rate: 0.3 });
            return { ...result, untouched: JSON.stringify(params) === before };
        }""",
        models,
    )
    errors = {}
    for i, (case, result) in enumerate(zip(CASES, got, strict=True)):
        params, losses = case.params, []
        for _ in range(41):
            trace = forward(params, case.x, case.h0)
            losses.append(cross_entropy(trace.o, case.y))
            last = params
            grads = backward(params, trace, case.y)
            params = Params(*(p - 0.3 * dp for p, dp in zip(params, grads[:5], strict=True)))
        assert losses[-1] < losses[0] / 2
        assert result["untouched"]
        errors[f"model {i}, losses"] = relative_error(result["losses"], losses)
        for name in PARAMETERS:
            errors[f"model {i}, {name}"] = relative_error(result["params"][name], getattr(last, name))
    check_errors(errors, record_property, TIGHT)


STOPS = {
    "a first loss that is not finite": ("{ updates: 6, rate: 1, run: spoiled(engine.forward, 'o', 0) }", 0),
    "a later loss that is not finite": ("{ updates: 6, rate: 1, run: spoiled(engine.forward, 'o', 3) }", 3),
    "a gradient that is not finite": ("{ updates: 6, rate: 1, back: spoiled(engine.backward, 'Why', 2) }", 3),
    "a parameter that overflows": ("{ updates: 6, rate: 1e10, back: () => ({ ...params, bh: [1e300, 0] }) }", 1),
    "no update at all": ("{ updates: 0, rate: 1 }", 1),
}


@pytest.mark.parametrize(("options", "reached"), STOPS.values(), ids=STOPS)
def test_descent_ends_with_the_parameters_of_the_last_finite_loss(engine, options, reached):
    losses, loss, finite, start = run(
        engine,
        f"""engine => {{
            const spoiled = (f, name, calls) => (...args) => {{ // NaN after so many calls
                const result = f(...args);
                if (calls-- <= 0) result[name].fill(NaN);
                return result;
            }};
            const params = engine.initParams(3, 2, 0);
            const [ids, y] = [[0, 1, 2, 0], [1, 2, 0, 2]];
            const result = engine.descend(params, ids, y, null, {options});
            const loss = p => engine.crossEntropy(engine.forward(p, ids).o, y, 3);
            const finite = ["Wxh", "Whh", "Why", "bh", "by"].every(name => result.params[name].every(Number.isFinite));
            return [result.losses, loss(result.params), finite, loss(params)];
        }}""",
        None,
    )
    known = [value for value in losses if value is not None]  # JSON has no NaN
    assert finite
    assert losses == known + [None] * (len(losses) - len(known))
    assert loss == (known[-1] if known else start)
    assert len(known) == reached


def test_modules_bundled_for_anywidget_load_from_a_blob(engine):
    exported = engine.evaluate(
        """async source => {
            const blob = new Blob([source], { type: "text/javascript" });
            return Object.keys(await import(URL.createObjectURL(blob)));
        }""",
        bundle("engine/gradcheck.js"),
    )
    assert exported == ["centralDifferences", "compare", "descend"]


WRONG_INPUT = [
    ("centralDifferences({ ...params, Whh: short }, ids, y)", "params.Whh"),
    ("centralDifferences(params, [0, 3, 1], y)", "ids[1]"),
    ("centralDifferences(params, ids, [0, 1])", "y"),
    ("centralDifferences(params, ids, y, short)", "h0"),
    ("centralDifferences(params, ids, y, [1, 2, 3, 4])", "h0"),
    ("centralDifferences(params, ids, y, null, 'none')", "reduction"),
    ("centralDifferences(params, ids, y, null, 'sum', 'forward')", "run"),
    ("compare(grads, grads, 'none', 3)", "reduction"),
    ("compare(grads, grads, 'mean', 0)", "N"),
    ("compare(grads, grads, 'mean')", "N"),
    ("compare(undefined, grads, 'mean', 3)", "given"),
    ("compare({ dh: short }, grads, 'mean', 3)", "given"),
    ("compare(grads, { ...grads, Whh: undefined }, 'mean', 3)", "expected.Whh"),
    ("compare({ ...grads, bh: short }, grads, 'mean', 3)", "given.bh"),
    ("compare({ h0: 1 }, grads, 'mean', 3)", "given.h0"),
    ("compare(grads, { ...grads, bh: [0, NaN] }, 'mean', 3)", "expected.bh"),
    ("descend({ ...params, V: 0 }, ids, y, null, { updates: 1, rate: 1 })", "params.V"),
    ("descend(params, [], y, null, { updates: 1, rate: 1 })", "ids"),
    ("descend(params, ids, [0, 1, 3], null, { updates: 1, rate: 1 })", "y[2]"),
    ("descend(params, ids, y, short, { updates: 1, rate: 1 })", "h0"),
    ("descend(params, ids, y, null)", "updates"),
    ("descend(params, ids, y, null, { updates: -1, rate: 1 })", "updates"),
    ("descend(params, ids, y, null, { updates: 1 })", "rate"),
    ("descend(params, ids, y, null, { updates: 1, rate: 0 })", "rate"),
    ("descend(params, ids, y, null, { updates: 1, rate: Infinity })", "rate"),
    ("descend(params, ids, y, null, { updates: 1, rate: 1, run: null })", "run"),
    ("descend(params, ids, y, null, { updates: 1, rate: 1, back: 1 })", "back"),
    ("descend(params, ids, y, null, { updates: 1, rate: 1, back: () => ({ ...grads, by: short }) })", "back.by"),
]


@pytest.mark.parametrize(("call", "argument"), WRONG_INPUT)
def test_wrong_input_throws_a_range_error_naming_the_argument(engine, call, argument):
    assert_refused(engine, call, argument)
