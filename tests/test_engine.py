"""The JavaScript numerics of the widgets compute what the Python core computes, in the browser that readers use."""

import json
from pathlib import Path

import numpy as np
import pytest

import rnnlib
from rnnlib import Params, Vocabulary, backward, cross_entropy, forward, init_params, step_losses

ENGINE = Path(rnnlib.__file__).parent / "widgets" / "engine.js"
EDGE_SEEDS = [0, 1, 2**31, 2**32 - 1, 2**32, 2**53 - 1]

# Arrays hold rounding errors of the size of their largest entry, so that this is what errors are measured by.
TOLERANCE = 1e-12


@pytest.fixture(scope="module")
def engine(browser):
    """A page with the module on `window.engine`, loaded from a blob as anywidget loads it."""
    page = browser.new_page()
    page.evaluate(
        """async source => {
            const blob = new Blob([source], { type: "text/javascript" });
            window.engine = await import(URL.createObjectURL(blob));
        }""",
        ENGINE.read_text(encoding="utf-8"),
    )
    yield page
    page.close()


def run(page, function, data):
    """Call the JavaScript `function(engine, data)` in the page. JSON keeps every bit of a double, both ways."""
    result = page.evaluate(
        f"""json => JSON.stringify(
            ({function})(window.engine, JSON.parse(json)),
            (_, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value),
        )""",
        json.dumps(data, default=np.ndarray.tolist),
    )
    return json.loads(result)


def relative_error(got, expected, size=None):
    """The largest error of an array, in units of the largest entry of `size`, which is the array itself by default."""
    got, expected = np.asarray(got, float), np.ravel(expected)
    assert got.shape == expected.shape
    return np.abs(got - expected).max() / max(1e-300, np.abs(expected if size is None else size).max())


def gradient_errors(got, params, trace, y, reduction):
    """The relative error of each gradient. What is summed over the steps is measured by Σ_t |term|.

    The terms may cancel (in a network of one unit down to the last digits), but their rounding errors do not.
    """
    grads = backward(params, trace, y, reduction=reduction)
    da, do, h = np.abs(grads.da), np.abs(grads.do), np.abs(trace.h)
    h_previous = np.abs(np.vstack([trace.h0, trace.h[:-1]]))
    one_hot = rnnlib.one_hot(trace.x, len(params.Wxh))
    sizes = {"Wxh": one_hot.T @ da, "Whh": h_previous.T @ da, "Why": h.T @ do, "bh": da.sum(0), "by": do.sum(0)}
    assert set(got) == set(grads._fields)
    return {name: relative_error(got[name], expected, sizes.get(name)) for name, expected in grads._asdict().items()}


def check_errors(errors, record_property):
    """Report the worst of the errors {name: relative error}, and hold it against the tolerance."""
    worst = max(errors, key=errors.get)
    record_property("worst_relative_error", f"{errors[worst]:.1e} in {worst}")
    print(f"worst relative error: {errors[worst]:.1e} in {worst}")
    assert errors[worst] <= TOLERANCE, worst


# --- the seeded generator -------------------------------------------------------------------------------------------


def random_seed(rng):
    """A seed of 1 to 300 bits: Numbers, BigInts, and more than the four words that fill NumPy's pool."""
    bits = int(rng.choice([8, 32, 53, 64, 128, 160, 300]))
    return int.from_bytes(rng.bytes(40), "little") >> (320 - bits)


# In the page, a seed comes as a Number where it can.
SEED = "(text => Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text))"


def test_generator_draws_the_bits_of_numpy(engine):
    rng = np.random.default_rng(20)
    seeds = [*EDGE_SEEDS, 2**53, 2**64, 2**128 - 1, 2**128]
    seeds += [random_seed(rng) for _ in range(1000 - len(seeds))]
    draws = [(0, 1, 3), (-1, 1, 2), (-0.125, 0.125, 1), (1e-3, 7e5, 4), (-3, -3, 1), (0, 1, 0), (-0.3, 0.1, 9)]
    got = run(
        engine,
        f"""(engine, {{ seeds, draws }}) => seeds.map(seed => {{
            const rng = engine.generator({SEED}(seed));
            return draws.map(([low, high, n]) => rng.uniform(low, high, n));
        }})""",
        {"seeds": [str(seed) for seed in seeds], "draws": draws},
    )
    for seed, arrays in zip(seeds, got, strict=True):
        reference = np.random.default_rng(seed)
        assert arrays == [reference.uniform(*draw).tolist() for draw in draws], seed


def test_number_and_bigint_of_one_value_seed_the_same_generator(engine):
    pairs = run(
        engine,
        """(engine, seeds) => seeds.map(seed =>
            [Number(seed), BigInt(seed)].map(value => engine.generator(value).uniform(0, 1, 3)))""",
        [str(seed) for seed in EDGE_SEEDS],
    )
    assert all(number == bigint for number, bigint in pairs)


def test_init_params_are_the_bits_of_python(engine):
    rng = np.random.default_rng(21)
    cases = [(65, 64, 0), (1, 1, 1), (1, 64, 2**32), (65, 1, 2**53 - 1), (12, 3, 2**31)]
    cases += [(int(rng.integers(1, 66)), int(rng.integers(1, 65)), random_seed(rng)) for _ in range(55)]
    got = run(
        engine,
        f"(engine, cases) => cases.map(([V, H, seed]) => engine.initParams(V, H, {SEED}(seed)))",
        [(V, H, str(seed)) for V, H, seed in cases],
    )
    for (V, H, seed), params in zip(cases, got, strict=True):
        assert (params["V"], params["H"]) == (V, H)
        for name, expected in init_params(V, H, rng=np.random.default_rng(seed))._asdict().items():
            assert params[name] == expected.ravel().tolist(), (V, H, seed, name)


# --- forward, loss, backward ----------------------------------------------------------------------------------------


def random_models(seed, *, contracting):
    """200 models `(params, ids, h0, y, reduction)` of many sizes, weights and biases up to 5, and states to start from.

    Large recurrent weights make a chaotic network: a rounding error in one step grows until, some dozens of steps
    later, no digit is left, in Python as in JavaScript. `contracting` divides Whh by its norm, so that errors shrink.
    """
    rng = np.random.default_rng(seed)
    sizes = [(1, 1, 1), (65, 64, 64), (65, 64, 1), (1, 64, 64), (65, 1, 64), (2, 63, 5), (64, 33, 32)]
    sizes += [tuple(np.exp(rng.uniform(0, np.log([66, 65, 65]))).astype(int)) for _ in range(200 - len(sizes))]
    for V, H, T in sizes:
        scale = np.exp(rng.uniform(np.log(0.05), np.log(5)))
        shapes = [(V, H), (H, H), (H, V), (H,), (V,)]
        params = Params(*(rng.uniform(-scale, scale, shape) for shape in shapes))
        if contracting:
            params = params._replace(Whh=params.Whh / np.linalg.norm(params.Whh, 2))
        h0 = None if rng.random() < 0.25 else rng.uniform(-1.5, 1.5, H)
        reduction = "sum" if rng.random() < 0.5 else "mean"
        yield params, rng.integers(V, size=T), h0, rng.integers(V, size=T), reduction


def as_data(params, ids, h0, y, reduction):
    """A model in the shape in which `MODEL` below takes it."""
    V, H = params.Wxh.shape
    arrays = {name: array.ravel() for name, array in params._asdict().items()}
    return {"V": V, "H": H, "arrays": arrays, "ids": ids, "h0": h0, "y": y, "reduction": reduction}


MODEL = """(model => {
    const params = { V: model.V, H: model.H };
    for (const [name, values] of Object.entries(model.arrays)) params[name] = Float64Array.from(values);
    return { ...model, params };
})"""


def test_forward_loss_and_backward_equal_python(engine, record_property):
    models = list(random_models(22, contracting=True))
    got = run(
        engine,
        f"""(engine, models) => models.map({MODEL}).map(({{ params, ids, h0, y, reduction }}) => {{
            const trace = engine.forward(params, ids, h0);
            return {{
                trace,
                losses: engine.stepLosses(trace.o, y, params.V),
                loss: engine.crossEntropy(trace.o, y, params.V, reduction),
                logYhat: engine.logSoftmax(trace.o, params.V),
                grads: engine.backward(params, trace, y, reduction),
            }};
        }})""",
        [as_data(*model) for model in models],
    )
    errors = {}
    for i, ((params, ids, h0, y, reduction), result) in enumerate(zip(models, got, strict=True)):
        trace = forward(params, ids, h0)
        assert (result["trace"]["T"], result["trace"]["ids"]) == (len(ids), ids.tolist())
        for name in ("h0", "a", "h", "o", "yhat"):
            errors[f"model {i}, {name}"] = relative_error(result["trace"][name], getattr(trace, name))
        losses, loss = step_losses(trace.o, y), cross_entropy(trace.o, y, reduction)
        errors[f"model {i}, step losses"] = relative_error(result["losses"], losses)
        errors[f"model {i}, loss"] = relative_error([result["loss"]], loss)
        errors[f"model {i}, log ŷ"] = relative_error(result["logYhat"], rnnlib.log_softmax(trace.o))
        for name, error in gradient_errors(result["grads"], params, trace, y, reduction).items():
            errors[f"model {i}, gradient {name}"] = error
    check_errors(errors, record_property)


def test_single_steps_and_backward_equal_python_in_chaotic_networks_too(engine, record_property):
    """Each step from Python's state before it, and back through Python's trace: no error can grow over the steps."""
    models = list(random_models(23, contracting=False))
    traces = [forward(params, ids, h0) for params, ids, h0, _, _ in models]
    got = run(
        engine,
        f"""(engine, models) => models.map({MODEL}).map(({{ params, ids, h0, y, reduction, trace }}) => {{
            const {{ H }} = params;
            const T = ids.length;
            const steps = ids.map((id, t) =>
                engine.forward(params, [id], t ? trace.h.slice((t - 1) * H, t * H) : trace.h0));
            const joined = name => steps.flatMap(step => Array.from(step[name]));
            const python = {{ T, ids }};
            for (const [name, values] of Object.entries(trace)) python[name] = Float64Array.from(values);
            return {{
                trace: {{ a: joined("a"), h: joined("h"), o: joined("o"), yhat: joined("yhat") }},
                losses: engine.stepLosses(python.o, y, params.V),
                grads: engine.backward(params, python, y, reduction),
            }};
        }})""",
        [
            {
                **as_data(*model),
                "trace": {name: getattr(trace, name).ravel() for name in ("h0", "a", "h", "o", "yhat")},
            }
            for model, trace in zip(models, traces, strict=True)
        ],
    )
    errors = {}
    for i, ((params, _, _, y, reduction), trace, result) in enumerate(zip(models, traces, got, strict=True)):
        for name in ("a", "h", "o", "yhat"):
            errors[f"model {i}, {name}"] = relative_error(result["trace"][name], getattr(trace, name))
        errors[f"model {i}, step losses"] = relative_error(result["losses"], step_losses(trace.o, y))
        for name, error in gradient_errors(result["grads"], params, trace, y, reduction).items():
            errors[f"model {i}, gradient {name}"] = error
    check_errors(errors, record_property)


def test_reduction_is_the_mean_unless_told(engine):
    results = run(
        engine,
        """engine => {
            const params = engine.initParams(3, 2, 0);
            const y = [1, 2, 0, 1];
            const trace = engine.forward(params, [0, 1, 2, 0]);
            return [[], ["mean"], ["sum"]].map(given => [
                engine.crossEntropy(trace.o, y, 3, ...given), engine.backward(params, trace, y, ...given).by]);
        }""",
        None,
    )
    default, mean, total = results
    assert default == mean
    assert total[0] == 4 * mean[0]
    assert total[1] == pytest.approx(4 * np.array(mean[1]), rel=1e-15)


def test_softmax_and_losses_stay_exact_at_logits_of_ten_thousand(engine):
    big = 1e4
    rows = [[big, -big, big], [-big, -big, -big], [big, big, big], [-big, big, 0]]
    y = [1, 0, 2, 1]
    yhat, log_yhat, losses = run(
        engine,
        "(engine, { o, y }) => [engine.softmax(o, 3), engine.logSoftmax(o, 3), engine.stepLosses(o, y, 3)]",
        {"o": np.ravel(rows), "y": y},
    )
    third = 1 / 3
    assert yhat == pytest.approx([0.5, 0, 0.5, *[third] * 6, 0, 1, 0], rel=1e-15, abs=0)
    log2, log3 = np.log(2), np.log(3)
    expected = [-log2, -2 * big - log2, -log2, *[-log3] * 6, -2 * big, 0, -big]
    assert log_yhat == pytest.approx(expected, rel=1e-15, abs=0)
    assert losses == pytest.approx([2 * big + log2, log3, log3, 0], rel=1e-15, abs=0)


def test_softmax_holds_no_subnormal_numbers(engine):
    """They would slow every product they enter down; Python, where it is no matter, keeps them."""
    o = -np.arange(0, 800, 0.25)
    yhat = np.array(run(engine, "(engine, o) => engine.softmax(o, o.length)", o))
    assert not np.any((yhat > 0) & (yhat < np.finfo(float).tiny))
    assert np.count_nonzero(yhat) == np.count_nonzero(o >= -700)
    assert relative_error(yhat, rnnlib.softmax(o)) <= 1e-15


def test_dot_terms_are_those_of_the_product_and_sum_to_the_preactivation(engine):
    models = list(random_models(24, contracting=True))[:40]
    got = run(
        engine,
        f"""(engine, models) => models.map({MODEL}).map(({{ params, ids, h0 }}) => {{
            const trace = engine.forward(params, ids, h0);
            const units = Array.from({{ length: params.H }}, (_, unit) => unit);
            const steps = [...new Set([0, 1 % ids.length, ids.length - 1])];
            return steps.map(t => [t, units.map(unit => engine.dotTerms(params, trace, t, unit))]);
        }})""",
        [as_data(*model) for model in models],
    )
    for (params, ids, h0, _, _), steps in zip(models, got, strict=True):
        trace = forward(params, ids, h0)
        for t, units in steps:
            h_previous = trace.h[t - 1] if t else trace.h0
            terms = np.array([unit["h"] for unit in units]).T
            assert relative_error(terms.ravel(), h_previous[:, None] * params.Whh) <= TOLERANCE
            assert [unit["x"] for unit in units] == params.Wxh[ids[t]].tolist()
            assert [unit["b"] for unit in units] == params.bh.tolist()
            assert relative_error([unit["sum"] for unit in units], trace.a[t]) <= TOLERANCE
            sums = [unit["x"] + sum(unit["h"]) + unit["b"] for unit in units]
            assert relative_error(sums, [unit["sum"] for unit in units]) <= 1e-14


# --- text -----------------------------------------------------------------------------------------------------------


def random_texts(seed, count):
    """Texts from all of Unicode but the surrogates: ASCII, combining marks, CJK, the end of the BMP, and beyond it."""
    rng = np.random.default_rng(seed)
    ranges = [(0, 0x80), (0x300, 0x370), (0x4E00, 0xA000), (0xE000, 0x10000), (0x1F300, 0x1F700), (0x10000, 0x110000)]
    for _ in range(count):
        chosen = [ranges[i] for i in rng.integers(len(ranges), size=rng.integers(1, 81))]
        yield "".join(chr(rng.integers(low, min(high, low + 2 ** rng.integers(2, 21)))) for low, high in chosen)


def test_vocabulary_and_ids_equal_python(engine):
    texts = ["I am learning RNN", "\U0001f600\ufffd", "\ufffd\U0001f600a", "e\u0301é", "循环神经网络", "\0", "👩‍👩‍👧"]
    texts += random_texts(25, 500)
    got = run(
        engine,
        """(engine, texts) => texts.map(text => {
            const vocab = engine.vocabulary(text);
            return [vocab, engine.encode(vocab, text)];
        })""",
        texts,
    )
    for text, (characters, ids) in zip(texts, got, strict=True):
        vocab = Vocabulary(text)
        assert tuple(characters) == vocab.characters
        assert ids == vocab.encode(text).tolist()


def test_encoding_unknown_characters_names_them(engine):
    message = run(
        engine,
        "(engine, text) => { try { engine.encode(['a', 'b'], text); } catch (error) { return error.message; } }",
        "a😀bqa",
    )
    assert message.endswith('got the unknown "q", "😀"')


# --- wrong input ----------------------------------------------------------------------------------------------------

WRONG_INPUT = [
    ("generator(-1)", "seed"),
    ("generator(-1n)", "seed"),
    ("generator(0.5)", "seed"),
    ("generator(2 ** 53)", "seed"),
    ("generator('0')", "seed"),
    ("generator(NaN)", "seed"),
    ("generator()", "seed"),
    ("generator(0).uniform(0, 1, -1)", "n"),
    ("generator(0).uniform(NaN, 1, 1)", "low"),
    ("generator(0).uniform(0, Infinity, 1)", "high"),
    ("initParams(3, 0, 0)", "H"),
    ("initParams(3, 1.5, 0)", "H"),
    ("initParams(3, '2', 0)", "H"),
    ("initParams(0, 2, 0)", "V"),
    ("initParams(3, 2, -1)", "seed"),
    ("forward(undefined, ids)", "params.V"),
    ("forward({ ...params, H: 0 }, ids)", "params.H"),
    ("forward({ ...params, Wxh: short }, ids)", "params.Wxh"),
    ("forward({ ...params, Whh: short }, ids)", "params.Whh"),
    ("forward({ ...params, Why: short }, ids)", "params.Why"),
    ("forward({ ...params, bh: short }, ids)", "params.bh"),
    ("forward({ ...params, by: short }, ids)", "params.by"),
    ("forward(params, [])", "ids"),
    ("forward(params)", "ids"),
    ("forward(params, [0, 3])", "ids[1]"),
    ("forward(params, [-1])", "ids[0]"),
    ("forward(params, [0.5])", "ids[0]"),
    ("forward(params, ['0'])", "ids[0]"),
    ("forward(params, ids, short)", "h0"),
    ("softmax([1, 2, 3, 4], 3)", "o"),
    ("softmax([], 3)", "o"),
    ("softmax([1], 0)", "V"),
    ("logSoftmax([1, 2, 3, 4], 3)", "o"),
    ("stepLosses(trace.o, [0, 1], 3)", "y"),
    ("stepLosses(trace.o, [0, 1, 3], 3)", "y[2]"),
    ("crossEntropy(trace.o, [0, 1, 2, 0], 3)", "y"),
    ("crossEntropy(trace.o, y, 3, 'average')", "reduction"),
    ("backward(params, trace, [0, 1])", "y"),
    ("backward(params, trace, [0, 1, 0.5])", "y[2]"),
    ("backward(params, trace, y, 'none')", "reduction"),
    ("backward({ ...params, bh: short }, trace, y)", "params.bh"),
    ("backward(params, undefined, y)", "trace.T"),
    ("backward(params, { ...trace, T: 2 }, y)", "trace.ids"),
    ("backward(params, { ...trace, ids: [0, 1, 3] }, y)", "trace.ids[2]"),
    ("backward(params, { ...trace, h0: short }, y)", "trace.h0"),
    ("backward(params, { ...trace, h: short }, y)", "trace.h"),
    ("backward(params, { ...trace, yhat: short }, y)", "trace.yhat"),
    ("dotTerms(params, { ...trace, a: short }, 0, 0)", "trace.a"),
    ("dotTerms(params, trace, 3, 0)", "t"),
    ("dotTerms(params, trace, -1, 0)", "t"),
    ("dotTerms(params, trace, 0, 2)", "unit"),
    ("dotTerms(params, trace, 0, 0.5)", "unit"),
]


@pytest.mark.parametrize(("call", "argument"), WRONG_INPUT)
def test_wrong_input_throws_a_range_error_naming_the_argument(engine, call, argument):
    error = run(
        engine,
        f"""engine => {{
            const params = engine.initParams(3, 2, 0);
            const ids = [0, 1, 2];
            const y = [1, 2, 0];
            const trace = engine.forward(params, ids);
            const short = new Float64Array(1);
            try {{ engine.{call}; }} catch (error) {{ return [error.name, error.message]; }}
            return ["nothing was thrown", ""];
        }}""",
        None,
    )
    assert error[0] == "RangeError"
    assert error[1].startswith(f"{argument}: expected ")
