"""Truncation, shares, paths, sums and angles in JavaScript equal Python's, in the browser that readers use."""

import numpy as np
import pytest
from engine_page import (
    CANCELLING,
    TIGHT,
    assert_refused,
    check_errors,
    gradient_errors,
    on_models,
    opened,
    relative_error,
    run,
    some_models,
)

from rnnlib import Params, backward, contributions, path, shares

PARAMETERS = Params._fields


@pytest.fixture(scope="module")
def engine(browser, serving):
    with opened(browser, serving) as page:
        yield page


# --- truncation -----------------------------------------------------------------------------------------------------


def test_every_truncation_equals_python(engine, record_property):
    models = some_models(30, limit=12, count=40)
    lengths = [[*range(1, len(ids) + 2), 2**53 - 1] for _, ids, *_ in models]
    more = some_models(31, limit=65, count=60)
    lengths += [sorted({1, 2, (len(ids) + 1) // 2, max(1, len(ids) - 1)}) for _, ids, *_ in more]
    models += more
    got = on_models(
        engine,
        """({ params, y, reduction }, trace, lengths) =>
            lengths.map(k => engine.backward(params, trace, y, reduction, k))""",
        models,
        lengths,
    )
    errors = {}
    for i, ((params, _, _, y, reduction, trace), results) in enumerate(zip(models, got, strict=True)):
        for k, grads in zip(lengths[i], results, strict=True):
            for name, error in gradient_errors(grads, params, trace, y, reduction, truncate=k).items():
                errors[f"model {i}, k = {k}, gradient {name}"] = error
    check_errors(errors, record_property, TIGHT)


def test_a_truncation_as_long_as_the_sequence_gives_the_bits_of_the_full_pass(engine):
    results = on_models(
        engine,
        """({ params, y, reduction }, trace) => [undefined, null, trace.T, trace.T + 1].map(k =>
            engine.backward(params, trace, y, reduction, k))""",
        some_models(32, limit=12, count=5),
    )
    for full, *others in results:
        assert all(other == full for other in others)


# --- shares, contributions, paths -----------------------------------------------------------------------------------


def test_shares_and_contributions_equal_python(engine, record_property):
    models = some_models(33, limit=40, count=80)
    got = on_models(
        engine,
        """({ params, y, reduction }, trace) =>
            [engine.shares(params, trace, y, reduction), engine.contributions(params, trace, y, reduction)]""",
        models,
    )
    errors = {}
    for i, ((params, _, _, y, reduction, trace), (array, matrix)) in enumerate(zip(models, got, strict=True)):
        expected = shares(params, trace, y, reduction=reduction)
        array = np.reshape(array, expected.shape)
        lengths = contributions(params, trace, y, reduction=reduction)
        matrix = np.reshape(matrix, lengths.shape)
        assert not array[np.triu_indices(len(y), 1)].any()
        for t in range(len(y)):
            errors[f"model {i}, shares of loss {t}"] = relative_error(array[t].ravel(), expected[t])
            errors[f"model {i}, contributions of loss {t}"] = relative_error(matrix[t], lengths[t])
    check_errors(errors, record_property, CANCELLING)


def test_every_path_equals_python(engine, record_property):
    models = some_models(34, limit=12, count=25)
    pairs = [[(t, s) for t in range(len(ids)) for s in range(t + 1)] for _, ids, *_ in models]
    got = on_models(
        engine,
        """({ params, y, reduction }, trace, pairs) =>
            pairs.map(([t, s]) => engine.path(params, trace, y, t, s, reduction))""",
        models,
        pairs,
    )
    errors = {}
    for i, ((params, _, _, y, reduction, trace), results) in enumerate(zip(models, got, strict=True)):
        for (t, s), result in zip(pairs[i], results, strict=True):
            expected = path(params, trace, y, t, s, reduction=reduction)
            assert set(result) == {*expected._fields, "along"}
            assert (len(result["jacobians"]), len(result["along"])) == (t - s, t - s + 1)
            assert result["state"] == expected.state.tolist()
            along = [expected.error]
            for jacobian in expected.jacobians:
                along.append(along[-1] @ jacobian)
            at = f"model {i}, from {t} to {s}"
            for name in ("error", "slope", "share"):
                size = along[0] if name == "share" else None
                errors[f"{at}, {name}"] = relative_error(result[name], getattr(expected, name), size)
            for j, jacobian in enumerate(expected.jacobians):
                errors[f"{at}, jacobian {j}"] = relative_error(result["jacobians"][j], jacobian)
            for j, vector in enumerate(along):
                errors[f"{at}, along {j}"] = relative_error(result["along"][j], vector, along[0])
    check_errors(errors, record_property, TIGHT)


# --- sums and angles ------------------------------------------------------------------------------------------------


def test_sums_over_the_last_steps_equal_products_of_the_arrays(engine, record_property):
    models = some_models(35, limit=12, count=30)
    got = on_models(
        engine,
        """({ params, y, reduction }, trace) => {
            const grads = engine.backward(params, trace, y, reduction);
            const from = Array.from({ length: trace.T + 1 }, (_, s) => engine.sumsFrom(params, trace, grads, s));
            return { grads, from };
        }""",
        models,
    )
    errors = {}
    for i, ((params, ids, _, y, reduction, trace), result) in enumerate(zip(models, got, strict=True)):
        assert result["from"][0] == {name: result["grads"][name] for name in PARAMETERS}  # to the bit
        do, da = backward(params, trace, y, reduction=reduction)[-3::2]
        rows = np.eye(len(params.by))[ids]
        before = np.vstack([trace.h0, trace.h[:-1]])
        for s, sums in enumerate(result["from"]):
            factors = {"Wxh": (rows, da), "Whh": (before, da), "Why": (trace.h, do)}
            expected = {name: (a[s:].T @ b[s:], abs(a[s:]).T @ abs(b[s:])) for name, (a, b) in factors.items()}
            for name, array in {"bh": da, "by": do}.items():
                expected[name] = (array[s:].sum(axis=0), abs(array[s:]).sum(axis=0))
            assert set(sums) == set(expected)
            for name, (array, size) in expected.items():
                errors[f"model {i}, {name} from {s}"] = relative_error(sums[name], array, size)
        assert not any(np.any(array) for array in result["from"][-1].values())
    check_errors(errors, record_property, TIGHT)


def test_cosines_equal_numpy(engine):
    rng = np.random.default_rng(36)
    sizes = {"Wxh": 12, "Whh": 9, "Why": 12, "bh": 3, "by": 4}
    pairs = []
    for size in (1, 1e-200, 1e200):
        a = {name: size * rng.normal(size=n) for name, n in sizes.items()}
        noise = {name: rng.normal(size=n) for name, n in sizes.items()}
        pairs += [(a, {name: a[name] / size + amount * noise[name] for name in a}) for amount in (0.01, 1, 100)]
        pairs += [(a, {name: -2 * a[name] for name in a})]
    choices = [list(PARAMETERS), ["Whh"], ["bh", "by"]]
    got = run(
        engine,
        """(engine, { pairs, choices }) => pairs.map(([a, b]) =>
            [engine.cosine(a, b), ...choices.map(names => engine.cosine(a, b, names))])""",
        {"pairs": pairs, "choices": choices},
    )
    for (a, b), (default, *cosines) in zip(pairs, got, strict=True):
        assert default == cosines[0]
        for names, cosine in zip(choices, cosines, strict=True):
            p, q = (np.concatenate([v[name] for name in names]) for v in (a, b))
            p, q = p / abs(p).max(), q / abs(q).max()
            assert cosine == pytest.approx(p @ q / np.linalg.norm(p) / np.linalg.norm(q), rel=0, abs=2e-15)


def test_no_cosine_lies_beyond_one(engine):
    cosines = run(
        engine,
        """engine => {
            const rng = engine.generator(38);
            return Array.from({ length: 200 }, () => {
                const a = rng.uniform(-1, 1, 7);
                return engine.cosine({ by: a }, { by: a.map(value => value / 3) }, ["by"]);
            });
        }""",
        None,
    )
    assert max(cosines) == 1
    assert min(cosines) == pytest.approx(1, rel=1e-15)


def test_the_cosine_of_a_vector_with_itself_is_one_and_with_nothing_nan(engine):
    result = run(
        engine,
        """engine => {
            const [a, zero] = [{ bh: [1e-300, 0.1, 0.7] }, { bh: [0, 0, 0] }];
            return [[a, a], [a, zero], [zero, a], [zero, zero]].map(([p, q]) => String(engine.cosine(p, q, ["bh"])));
        }""",
        None,
    )
    assert result == ["1", "NaN", "NaN", "NaN"]


# --- wrong input ------------------------------------------------------------------------------------------------------

WRONG_INPUT = [
    ("backward(params, trace, y, 'mean', 0)", "truncate"),
    ("backward(params, trace, y, 'mean', 1.5)", "truncate"),
    ("backward(params, trace, y, 'mean', '2')", "truncate"),
    ("backward(params, trace, y, 'mean', NaN)", "truncate"),
    ("shares({ ...params, bh: short }, trace, y)", "params.bh"),
    ("shares(params, { ...trace, h: short }, y)", "trace.h"),
    ("shares(params, trace, [0, 1])", "y"),
    ("shares(params, trace, y, 'none')", "reduction"),
    ("contributions(params, undefined, y)", "trace.T"),
    ("contributions(params, trace, y, 'none')", "reduction"),
    ("path(params, trace, y, 3, 0)", "t"),
    ("path(params, trace, y, -1, 0)", "t"),
    ("path(params, trace, y, 1, 2)", "s"),
    ("path(params, trace, y, 1, -1)", "s"),
    ("path(params, trace, y, 1)", "s"),
    ("path(params, trace, [0, 1], 1, 0)", "y"),
    ("path(params, trace, y, 1, 0, 'none')", "reduction"),
    ("path(undefined, trace, y, 1, 0)", "params.V"),
    ("path(params, undefined, y, 1, 0)", "trace.T"),
    ("sumsFrom({ ...params, Why: short }, trace, grads, 0)", "params.Why"),
    ("sumsFrom(params, { ...trace, h0: short }, grads, 0)", "trace.h0"),
    ("sumsFrom(params, trace, undefined, 0)", "grads.do"),
    ("sumsFrom(params, trace, { ...grads, da: short }, 0)", "grads.da"),
    ("sumsFrom(params, trace, grads, 4)", "from"),
    ("sumsFrom(params, trace, grads, -1)", "from"),
    ("sumsFrom(params, trace, grads)", "from"),
    ("cosine(undefined, grads)", "a.Wxh"),
    ("cosine(grads, undefined)", "b.Wxh"),
    ("cosine(grads, { ...grads, by: short })", "b.by"),
    ("cosine(grads, grads, [])", "names"),
    ("cosine(grads, grads, ['Whx'])", "a.Whx"),
]


@pytest.mark.parametrize(("call", "argument"), WRONG_INPUT)
def test_wrong_input_throws_a_range_error_naming_the_argument(engine, call, argument):
    assert_refused(engine, call, argument)
