"""What a value shows as the last line of a cell: names, types and shapes, never a wall of numbers."""

import pickle

import numpy as np
import pytest
from IPython.lib.pretty import pretty

from rnnlib import Grads, Params, Path, Trace, Vocabulary, backward, forward, init_params, path
from rnnlib.checkpoint import load, save
from rnnlib.formulations import dialects, gates, layers
from rnnlib.optim import Adam
from rnnlib.sweep import sweep
from rnnlib.train import streams, train

VOCAB = Vocabulary("to be, or not to be")
IDS = VOCAB.encode("to be, or not to be, " * 4)
PARAMS = init_params(len(VOCAB), 100, rng=np.random.default_rng(0), dtype=np.float32)
TRACE = forward(PARAMS, IDS[:-1])
GRADS = backward(PARAMS, TRACE, IDS[1:])
RUN = train(PARAMS, IDS, rate=0.01, steps=10, epochs=2, progress=False)
PLAIN = PARAMS._replace(bh=0 * PARAMS.bh, by=0 * PARAMS.by)
FORMULATED = [gates.from_params(PLAIN), layers.from_params(PARAMS).step(3, np.zeros((1, 100)))]
VALUES = [PARAMS, TRACE, GRADS, path(PARAMS, TRACE, IDS[1:], 9, 2), RUN, *FORMULATED]


def test_params_show_names_types_and_shapes():
    shown = "Wxh=float32[8, 100], Whh=float32[100, 100], Why=float32[100, 8], bh=float32[100], by=float32[8]"
    assert repr(PARAMS) == f"Params({shown})"


@pytest.mark.parametrize("value", [TRACE, GRADS, VALUES[3], *FORMULATED], ids=lambda value: type(value).__name__)
def test_every_array_of_a_named_tuple_is_shown_by_its_type_and_shape(value):
    name, _, fields = repr(value).removesuffix(")").partition("(")
    assert name == type(value).__name__
    assert fields == ", ".join(f"{name}={array.dtype}{list(array.shape)}" for name, array in value._asdict().items())


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_cell_shows_what_repr_gives_on_one_line(value):
    assert pretty(value) == repr(value) == str(value)
    assert "\n" not in repr(value) and len(repr(value)) < 250


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_the_numbers_are_shown_on_request(value):
    arrays = [array for array in value if isinstance(array, np.ndarray)]
    assert all(repr(array) in repr(value._asdict()) and repr(array) in repr(tuple(value)) for array in arrays)


def test_a_run_shows_how_far_it_has_come_its_last_loss_and_why_it_stopped():
    assert repr(RUN) == f"Run(epoch 2, update {len(RUN.losses)}, last loss {RUN.losses[-1]:.4g} nats, {PARAMS!r})"
    stopped = RUN._replace(stopped="interrupted after update 3")
    assert repr(stopped).endswith("), interrupted after update 3)")
    begun = train(PARAMS, IDS, rate=0.01, steps=10, updates=0, progress=False)
    assert repr(begun) == f"Run(epoch 0, update 0, no loss yet, {PARAMS!r})"


def test_what_is_no_array_is_shown_in_few_words():
    shown = repr(Params([[1.0] * 1000] * 1000, None, "x" * 1000, {}, 3))
    assert len(shown) < 400 and "Whh=None" in shown and "by=3" in shown


def test_a_dialect_shows_few_of_its_symbols():
    for name, dialect in dialects.DIALECTS.items():
        assert repr(dialect).startswith(f"Dialect(title={dialect.title!r}, ") and len(repr(dialect)) < 600, name


def test_a_sweep_shows_its_best_row():
    result = sweep(IDS, len(VOCAB), [2, 3], [0.1, 0.2], (0, 1), steps=9, n_jobs=1)
    assert repr(result) == f"Sweep(8 of 8 runs, lowest loss: {min(result.rows, key=lambda row: row.loss)})"
    assert repr(result._replace(rows=())) == "Sweep(0 of 8 runs)"


def test_windows_show_how_many_they_are():
    assert repr(streams(IDS, 1, 10)) == f"<{len(streams(IDS, 1, 10))} windows (x, y)>"


def test_a_large_vocabulary_shows_its_first_characters():
    assert repr(Vocabulary("abc")) == "Vocabulary('abc')"
    characters = [chr(0x4E00 + i) for i in range(5000)]
    assert repr(Vocabulary("".join(characters))) == f"Vocabulary('{''.join(characters[:80])}' and 4920 more)"


@pytest.mark.parametrize("kind", [Params, Trace, Grads, Path])
def test_named_tuples_are_still_tuples(kind):
    value = next(value for value in VALUES if type(value) is kind)
    again = pickle.loads(pickle.dumps(value))
    assert type(again) is kind and all(map(np.array_equal, again, value))
    first = kind._fields[0]
    assert getattr(value._replace(**{first: 1}), first) == 1 and tuple(value) == (*value,)


def test_a_checkpoint_gives_back_values_with_the_same_repr(tmp_path):
    save(tmp_path / "run.npz", RUN, VOCAB, Adam())
    run, vocab, _ = load(tmp_path / "run.npz")
    assert (repr(run), repr(vocab)) == (repr(RUN), repr(VOCAB))
