"""The numeric modules run in V8 alone, without a page, and know the limits that Python knows."""

import numpy as np
import pytest
from engine_page import MODEL, TOLERANCE, as_data, gradient_errors, relative_error, some_models
from javascript import bundled, entry_of

from rnnlib import Vocabulary, cross_entropy, init_params
from rnnlib.gradcheck import check_gradients
from rnnlib.optim import norm
from rnnlib.train import sample, train
from rnnlib.widgets import TrainingLab
from rnnlib.widgets._bundle import HERE
from rnnlib.widgets._traits import MAX_SEED
from rnnlib.widgets.training_lab import MAX_RATES, MAX_UPDATES, OPTIMIZERS, RATES, facts

FILES = [path.relative_to(HERE).as_posix() for path in sorted((HERE / "engine").glob("*.js"))]


@pytest.fixture(scope="module")
def engine():
    with bundled("entry.js", {"entry.js": entry_of(*FILES)}) as engine:
        yield engine


def test_nothing_of_a_page_is_there(engine):
    there = engine.call("() => ['document', 'window', 'navigator', 'fetch'].filter((name) => name in globalThis)")
    assert there == []


def test_forward_loss_and_gradients_are_those_of_python(engine):
    models = some_models(3, limit=12, count=20)
    found = engine.call(
        f"""(engine, models) => models.map({MODEL}).map(({{ params, ids, h0, y, reduction }}) => {{
            const trace = engine.forward(params, ids, h0);
            return {{ trace, loss: engine.crossEntropy(trace.o, y, params.V, reduction),
                grads: engine.backward(params, trace, y, reduction) }};
        }})""",
        [plain(as_data(*model)) for *model, _ in models],
    )
    for (params, _ids, _h0, y, reduction, trace), result in zip(models, found, strict=True):
        for name in ("a", "h", "o", "yhat"):
            assert relative_error(result["trace"][name], getattr(trace, name)) <= TOLERANCE
        assert result["loss"] == pytest.approx(cross_entropy(trace.o, y, reduction=reduction), rel=1e-12)
        assert max(gradient_errors(result["grads"], params, trace, y, reduction).values()) <= TOLERANCE


def plain(data):
    """Arrays as lists, all the way down."""
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    return data.tolist() if isinstance(data, np.ndarray) else data


@pytest.mark.parametrize("seed", [0, 1, 2**32, MAX_SEED])
def test_weights_are_drawn_bit_for_bit(engine, seed):
    found = engine.call("({ initParams }, V, H, seed) => initParams(V, H, seed)", 5, 3, seed)
    for name, array in init_params(5, 3, rng=np.random.default_rng(seed))._asdict().items():
        assert found[name] == array.ravel().tolist()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_run_and_its_sample_are_those_of_python(engine, optimizer):
    text = "on and on and on"
    vocab = Vocabulary(text)
    ids = vocab.encode(text)
    start = init_params(len(vocab), 4, rng=np.random.default_rng(2))
    options = {"steps": 5, "clip": 0.5, "progress": False}
    run = train(start, ids, OPTIMIZERS[optimizer], rate=0.02, updates=30, **options)
    found = engine.call(
        """(engine, V, H, seed, ids, optimizer) => {
            const run = engine.beginRun({ params: engine.initParams(V, H, seed), ids, steps: 5, optimizer, clip: 0.5 });
            for (let i = 0; i < 30; i++) engine.update(run, 0.02);
            return { params: run.params, losses: run.losses.values(),
                drawn: engine.sample(run.params, [ids[0]], 20, 0.7, engine.generator(seed)) };
        }""",
        len(vocab), 4, 2, ids.tolist(), optimizer,
    )  # fmt: skip
    np.testing.assert_allclose(found["losses"], run.losses, rtol=1e-9)
    for name, array in run.params._asdict().items():
        np.testing.assert_allclose(found["params"][name], array.ravel(), rtol=1e-7, atol=1e-12)
    written = sample(run.params, vocab, text[0], 20, temperature=0.7, rng=np.random.default_rng(2))
    assert "".join(vocab.characters[i] for i in found["drawn"]) == written[-20:]


def test_the_check_is_that_of_python(engine):
    (params, ids, h0, y, _, trace), *_ = some_models(5, limit=5, count=1)
    report = check_gradients(params, ids, y, h0=h0, method="central")
    found = engine.call(
        f"""(engine, model) => {{
            const {{ params, ids, h0, y }} = {MODEL}(model);
            const grads = engine.backward(params, engine.forward(params, ids, h0), y, "mean");
            const expected = engine.centralDifferences(params, ids, y, h0, "mean", engine.forward);
            return engine.compare(grads, expected, "mean", ids.length);
        }}""",
        plain(as_data(params, ids, h0, y, "mean")),
    )
    assert report.ok and len(trace.h) == len(ids)
    for name, check in report.checks.items():
        assert found[name]["error"] == pytest.approx(check.error, rel=1e-6, abs=1e-8)


def test_the_length_of_a_gradient_is_that_of_python(engine):
    vectors = [[3.0, 4.0], [1e200, 1e200, 1.0], [1e-300], [0.0] * 5, list(range(7))]
    for vector in vectors:
        found = engine.call("({ lengthOf }, g) => lengthOf(Float64Array.from(g))", vector)
        assert found == pytest.approx(norm(np.array(vector, float)), rel=1e-14, abs=0)


# --- limits ---------------------------------------------------------------------------------------------------------

LAB = """
import { labSettings, parseRates } from "./training_lab/run.js";
const settings = (traits) => labSettings({ get: (name) => traits[name] });
export { settings, parseRates };
"""


@pytest.fixture(scope="module")
def lab():
    with bundled("lab.js", {**facts({}), "lab.js": LAB}) as engine:
        yield engine


def accepts(**traits):
    try:
        TrainingLab(**traits)
    except (ValueError, TypeError):
        return False
    return True


TRAITS = ("text", "hidden_size", "seed", "steps", "clip", "optimizer", "learning_rate", "temperature", "_characters")


@pytest.mark.parametrize("trait", ["hidden_size", "seed", "steps", "clip", "learning_rate", "temperature"])
def test_python_and_the_page_refuse_the_same_values(lab, trait):
    kind = TrainingLab.class_traits()[trait]
    inside = [kind.low, kind.high]
    step = 1 if isinstance(kind.low, int) and trait != "clip" else 1e-6
    outside = [kind.low - step, kind.high + step]
    default = TrainingLab()
    traits = {name: getattr(default, name) for name in TRAITS}
    for value in inside + outside:
        page = lab.call(
            "({ settings }, traits) => { try { settings(traits); return true; } catch { return false; } }",
            {**traits, trait: value},
        )
        assert page == accepts(**{trait: value}) == (value in inside), value


@pytest.mark.parametrize(
    "text",
    [
        "", "0:0.1", "0:0.1,5:0.2", "0:0.1,5:0.2*", "0:3", f"0:{RATES[0]}", f"0:0.1,{MAX_UPDATES}:0.1", "0:1e-2",
        "1:0.1", "0:0.1*", "0:0.1,0:0.2", "0:0.1,5:0.2,3:0.1", "0:3.1", "0:0.00001", f"0:0.1,{MAX_UPDATES + 1}:0.1",
        "0:0.1,", "0:", ":0.1", "0 :0.1", "0:-0.1", "0:0.1**", "٠:0.1", "0:0.1,12345678:0.1", "0:.1", "0:1e", "x",
    ],
)  # fmt: skip
def test_python_and_the_page_read_the_same_rates(lab, text):
    assert lab.call("({ parseRates }, text) => parseRates(text) !== undefined", text) == accepts(_rates=text)


def test_the_page_takes_as_many_rates_as_it_writes(lab):
    entries = [f"{i}:0.1" for i in range(MAX_RATES + 1)]
    for n, length in ((MAX_RATES, MAX_RATES), (MAX_RATES + 1, None)):
        assert lab.call("({ parseRates }, text) => parseRates(text)?.length", ",".join(entries[:n])) == length
