"""The JavaScript numerics of the widgets compute what the Python core computes, in the browser that readers use."""

import numpy as np
import pytest
from engine_page import (
    MODEL,
    TOLERANCE,
    as_data,
    assert_refused,
    check_errors,
    gradient_errors,
    opened,
    random_models,
    relative_error,
    run,
)

import rnnlib
from rnnlib import Vocabulary, cross_entropy, forward, init_params, step_losses

EDGE_SEEDS = [0, 1, 2**31, 2**32 - 1, 2**32, 2**53 - 1]


@pytest.fixture(scope="module")
def engine(browser, serving):
    with opened(browser, serving) as page:
        yield page


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


@pytest.mark.parametrize(
    "known, text",
    [
        ("a", "".join(map(chr, range(0x4E00, 0x4E00 + 300)))),
        ("ab", "a\u0301b\u0940a\u20dd"),
        ("é", "e\u0301"),
        ("e\u0301", "é"),
        ("abc", "ａｂｃ"),
        ("e\u0301fi", "ﬁé"),
        ("é", "e\u0301z"),
    ],
)
def test_unknown_characters_are_named_as_python_names_them(engine, known, text):
    message = run(
        engine,
        """(engine, [known, text]) => {
            try { engine.encode(engine.vocabulary(known), text); } catch (error) { return error.message; }
        }""",
        [known, text],
    )
    with pytest.raises(ValueError, match=r"^text") as caught:
        Vocabulary(known).encode(text)
    said = str(caught.value).replace("unicodedata.normalize(", "text.normalize(").replace(", text) has", ") has")
    assert message == said.replace("'", '"')


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
    assert_refused(engine, call, argument)
