"""The page trains every cell as `train` does: the same updates, states, predictions and letters."""

import numpy as np
import pytest
from engine_page import relative_error
from javascript import bundled, entry_of

import rnnlib
from rnnlib import Vocabulary, gru, lstm
from rnnlib.optim import Adam, Momentum
from rnnlib.train import sample, train

TEXT = "the quick brown fox jumps over the lazy dog; "
CELLS = {"rnn": rnnlib, "lstm": lstm, "gru": gru}
OPTIMIZERS = {"adam": (Adam(), 0.005), "momentum": (Momentum(), 0.02)}
FILES = ("engine/train.js", "engine/params.js", "engine/random.js", "engine/flat.js")
RUN = """
  const start = engine.unflatten(Float64Array.from(given.weights), given.V, given.H, given.cell);
  const run = engine.beginRun({ ...given, params: start });
  for (let i = 0; i < given.updates; i++) engine.update(run, given.rate);"""


@pytest.fixture(scope="module")
def engine():
    with bundled("entry.js", {"entry.js": entry_of(*FILES)}) as engine:
        yield engine


def start_of(cell, H=7, seed=3):
    vocab = Vocabulary(TEXT)
    params = CELLS[cell].init_params(len(vocab), H, rng=np.random.default_rng(seed))
    given = {"V": len(vocab), "H": H, "cell": cell, "ids": vocab.encode(TEXT).tolist()}
    return vocab, params, given | {"weights": np.concatenate([p.ravel() for p in params]).tolist()}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("cell", CELLS)
def test_fifty_updates_equal_python(engine, cell, optimizer):
    """Seven readings of a text that does not come out even, the gradient clipped in a part of the updates."""
    vocab, params, given = start_of(cell)
    rule, rate = OPTIMIZERS[optimizer]
    given |= {"steps": 6, "optimizer": optimizer, "clip": 0.5, "rate": rate, "updates": 50}
    python = train(params, vocab.encode(TEXT), rule, rate=rate, steps=6, clip=0.5, updates=50)
    assert (python.norms > 0.5).any() and (python.norms < 0.5).any() and python.window
    got = engine.call(
        f"""(engine, given) => {{ {RUN}
          const {{ params, h, c, window, epoch, t }} = run;
          const arrays = Object.fromEntries(Object.entries(params).filter(([, value]) => ArrayBuffer.isView(value)));
          return {{ window, epoch, t, arrays, h, c, slots: run.space.slots, losses: run.losses.values(),
            norms: run.norms.values(), cell: params.cell ?? "rnn" }}; }}""",
        given,
    )
    assert (got["window"], got["epoch"], got["t"], got["cell"]) == (python.window, python.epoch, python.t, cell)
    assert list(got["arrays"]) == list(python.params._fields)
    states = {"h": python.h} | ({"c": python.c} if cell == "lstm" else {})
    assert ("c" in got) == (cell == "lstm")
    errors = {name: relative_error(got["arrays"][name], p) for name, p in python.params._asdict().items()}
    errors |= {name: relative_error(got[name], state[0]) for name, state in states.items()}
    errors |= {name: relative_error(got[name], getattr(python, name)) for name in ("losses", "norms")}
    for slot, (name, expected) in zip(got["slots"], python.slots.items(), strict=True):
        errors[name] = relative_error(slot, expected)
    assert max(errors.values()) <= 1e-12, errors


@pytest.mark.parametrize("cell", CELLS)
def test_each_step_of_the_last_window_has_its_loss_hit_and_gradient(engine, cell):
    vocab, params, given = start_of(cell)
    given |= {"steps": 9, "optimizer": "adam", "clip": 0, "rate": 0.01, "updates": 3}
    got = engine.call(
        f"""(engine, given) => {{ {RUN}
          engine.update(run, given.rate);
          return {{ norms: run.stepNorms, losses: run.space.losses, hits: run.space.hits }}; }}""",
        given,
    )
    ids = vocab.encode(TEXT)
    before = train(params, ids, Adam(), rate=0.01, steps=9, updates=3, clip=None)
    x, y = ids[27:36], ids[28:37]
    states = [state[0] for state in (before.h, before.c) if state is not None]
    module = CELLS[cell]
    trace = module.forward(before.params, x, *states)
    expected = -np.log(trace.yhat[np.arange(9), y])
    assert relative_error(got["losses"], expected) <= 1e-12
    assert got["hits"] == (trace.o.argmax(axis=1) == y).tolist()
    da = module.backward(before.params, trace, y).da
    assert relative_error(got["norms"], np.linalg.norm(da, axis=1)) <= 1e-12


@pytest.mark.parametrize("cell", CELLS)
def test_it_reads_and_writes_what_python_does(engine, cell):
    vocab, params, given = start_of(cell, H=11)
    given |= {"steps": 12, "optimizer": "adam", "clip": 5, "rate": 0.02, "updates": 60}
    got = engine.call(
        f"""(engine, given) => {{ {RUN}
          const drawn = engine.sample(run.params, given.ids.slice(0, 3), 90, 0.8, engine.generator(4));
          return {{ read: engine.predict(run.params, given.ids), drawn, weights: run.space.weights }}; }}""",
        given,
    )
    params = rnnlib.optim.unflatten(np.array(got["weights"]), given["V"], 11, kind=type(params))
    ids = vocab.encode(TEXT)
    trace = CELLS[cell].forward(params, ids[:-1])
    assert relative_error(got["read"]["h"], trace.h) <= 1e-12
    assert (
        relative_error(np.exp(-np.array(got["read"]["losses"])), trace.yhat[np.arange(len(ids) - 1), ids[1:]]) <= 1e-12
    )
    assert got["read"]["guesses"] == trace.yhat.argmax(axis=1).tolist() != ids[1:].tolist()
    written = sample(params, vocab, TEXT[:3], 90, temperature=0.8, rng=np.random.default_rng(4))
    assert TEXT[:3] + vocab.decode(got["drawn"]) == written


@pytest.mark.parametrize("cell", ["vanilla", "constructor"])
def test_a_cell_that_is_not_known_is_refused(engine, cell):
    _, _, given = start_of("rnn")
    told = engine.call(
        """(engine, given, cell) => {
          const params = { ...engine.initParams(3, 2, 0), cell };
          const calls = [() => engine.beginRun({ ...given, params, steps: 4, optimizer: "adam", clip: 0 }),
            () => engine.sample(params, [0], 5, 1, engine.generator(0)), () => engine.predict(params, [0, 1])];
          return calls.map((call) => { try { call(); } catch (error) { return error.message; } });
        }""",
        given,
        cell,
    )
    assert told == [f'params.cell: expected one of rnn, lstm, gru, got "{cell}"'] * 3
