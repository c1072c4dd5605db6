"""The JavaScript training of the lab does what `train` does: update by update, when it diverges, and when it writes."""

import numpy as np
import pytest
from engine_page import assert_refused, check_errors, opened, random_models, relative_error, run

from rnnlib import Vocabulary, backward, forward, init_params
from rnnlib.optim import SGD, Adagrad, Adam, Momentum, RMSprop
from rnnlib.train import sample, streams, train
from rnnlib.widgets import TrainingLab

OPTIMIZERS = {"sgd": SGD(), "momentum": Momentum(), "adagrad": Adagrad(), "rmsprop": RMSprop(), "adam": Adam()}
RATES = {"sgd": 0.1, "momentum": 0.02, "adagrad": 0.02, "rmsprop": 0.002, "adam": 0.005}
TEXT = "the quick brown fox jumps over the lazy dog; "
# characters in the text, V, H, steps: the least of each, a window longer than the text, a short last window, the most
SIZES = [(2, 1, 1, 1), (9, 1, 5, 4), (9, 4, 1, 20), (7, 3, 2, 1), (30, 6, 7, 8), (33, 20, 16, 16), (130, 65, 64, 64)]


@pytest.fixture(scope="module")
def engine(browser, serving):
    with opened(browser, serving) as page:
        page.evaluate(
            """async () => {
                const load = (name) => import(new URL(`engine/${name}.js`, location));
                Object.assign(window.engine, await load("optim"), await load("train"));
            }""",
        )
        yield page


# A JavaScript run in the state in which a Python run is; `state.start` are its weights as {V, H, arrays}.
AT = """(engine, state) => {
    const params = { V: state.V, H: state.H };
    for (const [name, values] of Object.entries(state.params)) params[name] = Float64Array.from(values);
    const run = engine.beginRun({ ...state, params });
    state.slots.forEach((slot, i) => run.space.slots[i].set(slot));
    run.h.set(state.h);
    return Object.assign(run, { t: state.t, window: state.window, epoch: state.epoch, count: state.count });
}"""
SHOWN = """run => ({
    params: run.params, h: run.h, slots: run.space.slots, losses: run.losses.values(), norms: run.norms.values(),
    rates: run.rates.values(), window: run.window, epoch: run.epoch, count: run.count, t: run.t,
    stopped: run.stopped, stepNorms: run.stepNorms, lastStart: run.lastStart,
})"""


def as_state(python, ids, steps, optimizer, clip):
    V, H = python.params.Wxh.shape
    return {
        "V": V,
        "H": H,
        "params": {name: array.ravel() for name, array in python.params._asdict().items()},
        "ids": ids,
        "steps": steps,
        "optimizer": optimizer,
        "clip": clip or 0,
        "slots": list(python.slots.values()),
        "h": python.h[0],
        "t": python.t,
        "window": python.window,
        "epoch": python.epoch,
        "count": len(python.losses),
    }


def updated(engine, cases):
    """For each (state, rates): what the run shows after an update at each of the rates, and which were done."""
    return run(
        engine,
        f"""(engine, cases) => cases.map(([state, rates]) => {{
            const run = ({AT})(engine, state);
            const done = rates.map(rate => engine.update(run, rate));
            return {{ ...({SHOWN})(run), done }};
        }})""",
        cases,
    )


def differences(got, python, done=1):
    """The relative errors of a JavaScript run against a Python one, of which it did the last `done` updates."""
    assert (got["window"], got["epoch"], got["t"]) == (python.window, python.epoch, python.t)
    assert got["count"] == len(python.losses) and got["stopped"] is None
    assert got["rates"] == python.rates[-done:].tolist()
    errors = {name: relative_error(got["params"][name], array) for name, array in python.params._asdict().items()}
    errors |= {"h": relative_error(got["h"], python.h[0])}
    for (name, vector), slot in zip(python.slots.items(), got["slots"], strict=True):
        errors[name] = relative_error(slot, vector)
    for name in ("losses", "norms"):
        errors[name] = relative_error(got[name], getattr(python, name)[-done:])
    return errors


def models():
    """(params, ids, steps) of all sizes, with fresh weights and with larger ones and biases."""
    rng = np.random.default_rng(40)
    for n, V, H, steps in SIZES:
        yield init_params(V, H, rng=rng), rng.integers(V, size=n), steps
    for params, ids, _, _, _ in random_models(41, contracting=True):
        if len(ids) > 1 and max(params.Wxh.shape) <= 12 and np.abs(params.Why).max() < 2:
            yield params, ids, int(rng.integers(1, 12))


@pytest.mark.parametrize("clip", [None, 0.05])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_single_updates_from_the_state_of_python_equal_python(engine, optimizer, clip, record_property):
    """Each from Python's own state before it, so that no error of an earlier update can grow."""
    cases, expected = [], []
    for params, ids, steps in models():
        options = {"rate": RATES[optimizer], "steps": steps, "clip": clip}
        before = train(params, ids, OPTIMIZERS[optimizer], updates=0, **options)
        windows = len(streams(ids, 1, steps))
        for update in range(1, min(windows + 2, 9)):
            after = train(before, ids, OPTIMIZERS[optimizer], updates=update, **options)
            cases.append((as_state(before, ids, steps, optimizer, clip), [RATES[optimizer]]))
            expected.append(after)
            before = after
    errors = {}
    for i, (got, python) in enumerate(zip(updated(engine, cases), expected, strict=True)):
        errors |= {f"update {i}, {name}": error for name, error in differences(got, python).items()}
    if clip:
        assert any(python.norms[-1] > clip for python in expected)
    assert len(cases) > 100
    check_errors(errors, record_property)


@pytest.mark.parametrize("clip", [None, 0.5])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_whole_gentle_run_equals_python(engine, optimizer, clip, record_property):
    """From the very same weights, drawn from a seed in the page; the text does not come out even."""
    vocab, rate = Vocabulary(TEXT), RATES[optimizer]
    ids, V, H = vocab.encode(TEXT), len(vocab), 10
    got = run(
        engine,
        f"""(engine, {{ V, H, rate, updates, ...given }}) => {{
            const start = engine.initParams(V, H, 3);
            const run = engine.beginRun({{ ...given, params: start }});
            for (let i = 0; i < updates; i++) engine.update(run, rate);
            return {{ run: ({SHOWN})(run), start, ends: [run.losses.at(0), run.losses.at(updates - 1)] }};
        }}""",
        {
            "V": V,
            "H": H,
            "ids": ids,
            "steps": 8,
            "optimizer": optimizer,
            "clip": clip or 0,
            "rate": rate,
            "updates": 300,
        },
    )
    start = init_params(V, H, rng=np.random.default_rng(3))
    for name, array in start._asdict().items():
        assert got["start"][name] == array.ravel().tolist()  # bit for bit, and not changed by the run
    python = train(start, ids, OPTIMIZERS[optimizer], rate=rate, steps=8, clip=clip, updates=300)
    assert (python.epoch, python.window) == (50, 0)
    assert got["ends"] == [got["run"]["losses"][0], got["run"]["losses"][-1]]
    check_errors(differences(got["run"], python, done=300), record_property, 1e-9)


def unmoved(params, ids, steps, optimizer="sgd", clip=None):
    """The state of a run before its first update."""
    fresh = train(params, ids, OPTIMIZERS[optimizer], updates=0, rate=1, steps=steps)
    return as_state(fresh, ids, steps, optimizer, clip)


def test_the_norms_of_the_steps_are_those_of_the_last_window(engine, record_property):
    cases = list(models())
    shown = updated(engine, [(unmoved(*case), [1e-4]) for case in cases])
    errors = {}
    for (params, ids, steps), got in zip(cases, shown, strict=True):
        x, y = ids[:-1][:steps], ids[1:][:steps]
        da = backward(params, forward(params, x), y).da
        assert got["lastStart"] == 0 and len(got["stepNorms"]) == len(x)
        errors[f"V, H, T = {*params.Wxh.shape, len(x)}"] = relative_error(got["stepNorms"], np.linalg.norm(da, axis=1))
    check_errors(errors, record_property)


def test_the_last_window_is_told_by_its_first_id_and_its_length(engine):
    state = unmoved(init_params(5, 3, rng=np.random.default_rng(0)), np.arange(12) % 5, 4)
    shown = updated(engine, [(state, [0.01] * updates) for updates in range(5)])
    assert [(each["lastStart"], len(each["stepNorms"])) for each in shown] == [(0, 0), (0, 4), (4, 4), (8, 3), (0, 4)]
    assert [each["count"] for each in shown] == [0, 1, 2, 3, 4]


def test_every_number_of_a_long_run_stays(engine):
    """The arrays that grow lose nothing when they do."""
    whole, pieces, beyond = run(
        engine,
        f"""(engine, state) => {{
            const [run, same] = [({AT})(engine, state), ({AT})(engine, state)];
            const losses = [];
            for (let i = 0; i < 1100; i++) {{
                engine.update(run, 0.01);
                engine.update(same, 0.01);
                losses.push(same.losses.at(i));
            }}
            return [run.losses.values(), losses, [run.losses.at(1100) ?? null, run.losses.at(-1) ?? null]];
        }}""",
        unmoved(init_params(3, 2, rng=np.random.default_rng(0)), np.arange(9) % 3, 4),
    )
    assert len(whole) == 1100 and whole == pieces and beyond == [None, None]


# Divergence


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("rate", [1e9, 1e155, 1e308])
def test_a_run_diverges_at_the_update_where_python_does_with_the_weights_before_it(engine, optimizer, rate):
    """Each update from Python's state: at such rates a rounding error may decide what the next window does."""
    vocab = Vocabulary(TEXT)
    ids, kind, options = vocab.encode(TEXT), OPTIMIZERS[optimizer], {"rate": rate, "steps": 8}
    before = train(init_params(len(vocab), 6, rng=np.random.default_rng(1)), ids, kind, updates=0, **options)
    cases, runs = [], [before]
    while len(cases) < 12 and not runs[-1].stopped:
        cases.append((as_state(runs[-1], ids, 8, optimizer, 0), [rate]))
        runs.append(train(runs[-1], ids, kind, updates=len(cases), **options))
    for i, got in enumerate(updated(engine, cases)):
        before, after = runs[i : i + 2]
        assert got["done"] == [not after.stopped]
        if not after.stopped:
            continue  # differences of numbers near 1e9 keep few digits, in Python as in the page
        assert got["stopped"]["update"] == len(after.losses) + 1 and got["stopped"]["rate"] == rate
        assert (got["count"], got["t"], got["window"]) == (len(before.losses), 0, before.window)
        assert not np.any(got["slots"]) and got["h"] == before.h[0].tolist() and got["losses"] == []
        for name, array in before.params._asdict().items():
            assert got["params"][name] == array.ravel().tolist()


def test_some_of_these_runs_diverge_and_some_do_not():
    vocab = Vocabulary(TEXT)
    ids, start = vocab.encode(TEXT), init_params(len(vocab), 6, rng=np.random.default_rng(1))
    ends = {
        bool(train(start, ids, kind, rate=rate, steps=8, updates=12).stopped)
        for kind in OPTIMIZERS.values()
        for rate in (1e9, 1e155, 1e308)
    }
    assert ends == {True, False}


def test_squares_that_are_too_large_stop_the_optimisers_that_remember_them(engine):
    """The gradient, some 1e200, and the new weights are finite; a mean of its squares is not."""
    rng = np.random.default_rng(2)
    params, ids = init_params(4, 3, rng=rng), rng.integers(4, size=9)
    params = params._replace(Why=1e200 * params.Why)
    pythons = [train(params, ids, kind, rate=0.1, steps=8, updates=1) for kind in OPTIMIZERS.values()]
    assert [bool(python.stopped) for python in pythons] == [False, False, True, True, True]
    shown = updated(engine, [(unmoved(params, ids, 8, optimizer), [0.1]) for optimizer in OPTIMIZERS])
    for got, python in zip(shown, pythons, strict=True):
        assert got["done"] == [not python.stopped]
        for name, array in python.params._asdict().items():
            assert relative_error(got["params"][name], array) <= 1e-12


def test_a_stopped_run_stays_until_it_is_resumed_and_then_goes_on_as_in_python(engine):
    vocab = Vocabulary(TEXT)
    ids, start = vocab.encode(TEXT), init_params(len(vocab), 6, rng=np.random.default_rng(1))
    options = {"steps": 8, "clip": 1.0}
    diverged = train(train(start, ids, rate=0.01, updates=9, **options), ids, rate=1e308, updates=12, **options)
    assert "update 10" in diverged.stopped
    expected = train(diverged, ids, rate=0.005, updates=14, **options)
    got = run(
        engine,
        f"""(engine, state) => {{
            const run = ({AT})(engine, state);
            const rates = [...Array(9).fill(0.01), 1e308, 0.01];
            const done = rates.map(rate => engine.update(run, rate));
            const {{ stopped }} = run;
            engine.resume(run);
            for (let i = 0; i < 5; i++) done.push(engine.update(run, 0.005));
            return {{ ...({SHOWN})(run), done, was: stopped }};
        }}""",
        unmoved(start, ids, 8, "adam", 1.0),
    )
    assert got["done"] == [True] * 9 + [False, False] + [True] * 5
    assert (got["was"]["update"], got["was"]["rate"]) == (10, 1e308)
    assert max(differences(got, expected, done=14).values()) <= 1e-9


def test_rates_that_change_on_the_way_train_as_the_run_of_the_widget(engine, record_property):
    lab = TrainingLab(
        text=TEXT, hidden_size=7, steps=8, updates=60, learning_rate=0.002, _rates="0:0.01,20:0.005,41:0.002*"
    )
    got = run(
        engine,
        f"""(engine, state) => {{
            const run = ({AT})(engine, state);
            for (let i = 0; i < 60; i++) {{
                if (i === 41) engine.resume(run);
                engine.update(run, i < 20 ? 0.01 : i < 41 ? 0.005 : 0.002);
            }}
            return ({SHOWN})(run);
        }}""",
        unmoved(lab.start, lab.ids, 8, "adam", lab.clip),
    )
    assert got["t"] == 19
    check_errors(differences(got, lab.run, done=60), record_property, 1e-9)


# Sampling


def test_the_page_draws_the_very_characters_that_python_draws(engine):
    """From fresh, half-trained and trained weights, at temperatures from the surest to beyond the boldest."""
    vocab = Vocabulary(TEXT)
    ids, start = vocab.encode(TEXT), init_params(len(vocab), 12, rng=np.random.default_rng(5))
    runs = [train(start, ids, rate=0.01, steps=16, updates=updates) for updates in (0, 40, 400)]
    cases = [
        (run_.params, prompt, temperature, seed)
        for run_ in runs
        for prompt in ("t", "the qu", TEXT)
        for temperature in (5e-324, 0.1, 0.7, 1.0, 3.0, 1e9)
        for seed in (0, 2**53 - 1)
    ]
    got = run(
        engine,
        """(engine, { V, H, cases }) => cases.map(({ arrays, ids, temperature, seed }) => {
            const params = { V, H };
            for (const [name, values] of Object.entries(arrays)) params[name] = Float64Array.from(values);
            return engine.sample(params, ids, 100, temperature, engine.generator(seed));
        })""",
        {
            "V": len(vocab),
            "H": 12,
            "cases": [
                {
                    "arrays": {name: array.ravel() for name, array in params._asdict().items()},
                    "ids": vocab.encode(prompt),
                    "temperature": temperature,
                    "seed": seed,
                }
                for params, prompt, temperature, seed in cases
            ],
        },
    )
    for (params, prompt, temperature, seed), drawn in zip(cases, got, strict=True):
        rng = np.random.default_rng(seed)
        expected = sample(params, vocab, prompt, 100, temperature=temperature, rng=rng)
        assert prompt + vocab.decode(drawn) == expected, (prompt, temperature, seed)
    assert len({tuple(drawn) for drawn in got}) > 50


# Wrong input


@pytest.mark.parametrize(
    "call, argument",
    [
        ("beginRun({ params: {}, ids, steps: 2, optimizer: 'adam', clip: 0 })", "params.V"),
        ("beginRun({ params, ids: [0], steps: 2, optimizer: 'adam', clip: 0 })", "ids"),
        ("beginRun({ params, ids: [0, 3], steps: 2, optimizer: 'adam', clip: 0 })", "ids[1]"),
        ("beginRun({ params, ids, steps: 0, optimizer: 'adam', clip: 0 })", "steps"),
        ("beginRun({ params, ids, steps: 2, optimizer: 'Adam', clip: 0 })", "optimizer"),
        ("beginRun({ params, ids, steps: 2, optimizer: 'toString', clip: 0 })", "optimizer"),
        ("beginRun({ params, ids, steps: 2, optimizer: 'adam', clip: -1 })", "clip"),
        ("beginRun({ params, ids, steps: 2, optimizer: 'adam', clip: NaN })", "clip"),
        ("sample(params, [], 5, 1, engine.generator(0))", "ids"),
        ("sample(params, ids, 0, 1, engine.generator(0))", "length"),
        ("sample(params, ids, 5, 0, engine.generator(0))", "temperature"),
        ("sample(params, ids, 5, Infinity, engine.generator(0))", "temperature"),
    ],
)
def test_wrong_input_is_named(engine, call, argument):
    assert_refused(engine, call, argument)
