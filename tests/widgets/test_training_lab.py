"""TrainingLab as a Jupyter widget: its traits, its errors, its run in NumPy, and what the page trained read back."""

import base64
import re
import sys

import ipywidgets
import numpy as np
import pytest
import traitlets

import rnnlib
from rnnlib import Params, Vocabulary, init_params, plots
from rnnlib.optim import SGD, Adam, RMSprop
from rnnlib.train import sample, train
from rnnlib.widgets import TrainingLab
from rnnlib.widgets.training_lab import State, settled

TEXT = "I am learning RNN"
LONGEST = "ab" * 999 + "cd"


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def packed(params):
    """Weights as the page sends them: a view of a message."""
    return memoryview(b"".join(array.astype("<f8").tobytes() for array in params))


def weights(lab, seed=9):
    """Some weights of the size of this lab's."""
    return init_params(len(lab.vocab), lab.hidden_size, rng=np.random.default_rng(seed))


def trained(updates=40, **traits):
    """A lab whose page has trained, and the weights that the page has come to."""
    lab = TrainingLab(text="hello", hidden_size=3, **traits)
    params = weights(lab)
    lab.set_state({"updates": updates, "_rates": "", "_trained": packed(params)})
    return lab, params


def come_to(lab):
    return lab.updates, lab._rates, lab._trained


# Traits


def test_without_arguments_it_shows_the_text_of_the_book_before_its_first_update():
    lab = TrainingLab()
    assert (lab.text, lab.hidden_size, lab.seed, lab.learning_rate, lab.steps) == (TEXT, 16, 0, 0.01, 16)
    assert (lab.clip, lab.optimizer, lab.temperature, lab.updates) == (5.0, "adam", 1.0, 0)
    assert come_to(lab) == (0, "", b"")
    assert same(lab.params, lab.start) and len(lab.run.losses) == 0


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("text", LONGEST),
        ("hidden_size", 64),
        ("seed", 2**53 - 1),
        ("learning_rate", 1e-4),
        ("learning_rate", 3),
        ("steps", 64),
        ("clip", 0),
        ("clip", 100),
        ("temperature", 0.1),
        ("temperature", np.float32(3)),
        ("updates", 1_000_000),
        *(("optimizer", name) for name in ("sgd", "momentum", "adagrad", "rmsprop", "adam")),
    ],
)
def test_each_trait_takes_its_whole_range(trait, value):
    lab = TrainingLab(**{trait: value})
    assert getattr(lab, trait) == value
    if trait in ("learning_rate", "clip", "temperature"):
        assert type(getattr(lab, trait)) is float


NUMBER = "a number from"
BAD = [
    ("text", "a", ValueError, "a string of 2 to 2000 characters", "1"),
    ("text", "ab" * 1000 + "c", ValueError, "a string of 2 to 2000 characters", "2001"),
    ("text", 3, TypeError, "a string of 2 to 2000 characters", "int 3"),
    ("hidden_size", 0, ValueError, "from 1 to 64", "0"),
    ("hidden_size", 65, ValueError, "from 1 to 64", "65"),
    ("seed", -1, ValueError, "from 0 to 9007199254740991", "-1"),
    ("learning_rate", 9e-5, ValueError, f"{NUMBER} 0.0001 to 3", "9e-05"),
    ("learning_rate", 3.1, ValueError, f"{NUMBER} 0.0001 to 3", "3.1"),
    ("learning_rate", float("nan"), ValueError, f"{NUMBER} 0.0001 to 3", "nan"),
    ("learning_rate", "0.1", TypeError, f"{NUMBER} 0.0001 to 3", "str '0.1'"),
    ("learning_rate", True, TypeError, f"{NUMBER} 0.0001 to 3", "bool True"),
    ("steps", 0, ValueError, "from 1 to 64", "0"),
    ("steps", 65, ValueError, "from 1 to 64", "65"),
    ("steps", 2.0, TypeError, "a whole number from 1 to 64", "float 2.0"),
    ("clip", -0.1, ValueError, f"{NUMBER} 0 to 100", "-0.1"),
    ("clip", 101, ValueError, f"{NUMBER} 0 to 100", "101"),
    ("clip", None, TypeError, f"{NUMBER} 0 to 100", "NoneType None"),
    ("optimizer", "Adam", ValueError, "one of 'sgd', 'momentum', 'adagrad', 'rmsprop', 'adam'", "str 'Adam'"),
    ("optimizer", Adam(), TypeError, "one of 'sgd', 'momentum', 'adagrad', 'rmsprop', 'adam'", "Adam Adam("),
    ("temperature", 0, ValueError, f"{NUMBER} 0.1 to 3", "0"),
    ("temperature", float("inf"), ValueError, f"{NUMBER} 0.1 to 3", "inf"),
    ("updates", -1, ValueError, "from 0 to 1000000", "-1"),
    ("updates", 1_000_001, ValueError, "from 0 to 1000000", "1000001"),
    ("updates", 1.5, TypeError, "from 0 to 1000000", "float 1.5"),
    *(
        ("_rates", rates, ValueError, "learning rates such as '0:0.1,312:0.05'", f"str {rates!r}")
        for rates in (
            "0.1", "0:", "1:0.1", "0:0.1,", "0:0.1,5:0.1,5:0.2", "0:0.1,9:0.1,5:0.2", "0:0.1*", "0:4", "0:0.1e",
            "0:0.1 ", "0:0.1,1000001:0.1", "0:0.00001", "0:-0.1", "0:nan", "٠:0.1",
        )
    ),
    ("_rates", None, TypeError, "learning rates such as '0:0.1,312:0.05'", "NoneType None"),
    ("_trained", b"12345678", ValueError, "1584 bytes or none", "8"),
]  # fmt: skip


@pytest.mark.parametrize(("trait", "value", "kind", "expected", "got"), BAD)
def test_a_value_that_cannot_be_is_refused_and_the_old_one_kept(trait, value, kind, expected, got):
    told = rf"{trait}: expected .*{re.escape(expected)}.*, got {re.escape(got)}"
    with pytest.raises(kind, match=told):
        TrainingLab(**{"hidden_size": 6, trait: value})
    lab = TrainingLab(hidden_size=6, updates=7)
    before = getattr(lab, trait)
    with pytest.raises(kind, match=told):
        setattr(lab, trait, value)
    with pytest.raises(traitlets.TraitError):  # which is what ipywidgets expects of a trait
        setattr(lab, trait, value)
    assert getattr(lab, trait) == before and lab.updates == 7


def test_traits_can_be_observed_and_linked():
    lab, slider, seen = TrainingLab(), ipywidgets.IntSlider(max=500), []
    lab.observe(lambda change: seen.append(change["new"]), "updates")
    ipywidgets.link((lab, "updates"), (slider, "value"))
    lab.set_state({"updates": 120, "_rates": "", "_trained": packed(weights(lab))})
    assert seen == [120] and slider.value == 120
    lab.text = "hello"
    assert seen == [120, 0] and slider.value == 0


# The start and the run


def test_it_starts_from_the_weights_of_init_params_to_the_last_bit():
    lab = TrainingLab(text=TEXT, hidden_size=7, seed=2**40, updates=30)
    expected = init_params(12, 7, rng=np.random.default_rng(2**40))
    assert same(lab.start, expected) and not same(lab.params, expected)


@pytest.mark.parametrize(
    ("optimizer", "kind", "clip"), [("sgd", SGD(), 0.0), ("rmsprop", RMSprop(), 0.5), ("adam", Adam(), 5.0)]
)
def test_its_run_is_that_of_train_bit_for_bit(optimizer, kind, clip):
    traits = {"optimizer": optimizer, "clip": clip, "steps": 5, "learning_rate": 0.02}
    lab = TrainingLab(text=TEXT, hidden_size=6, seed=4, updates=33, **traits)
    ids = Vocabulary(TEXT).encode(TEXT)
    start = init_params(12, 6, rng=np.random.default_rng(4))
    run = train(start, ids, kind, rate=0.02, steps=5, clip=clip or None, updates=33)
    assert lab.ids.tolist() == ids.tolist() and lab.vocab == Vocabulary(TEXT)
    assert same(lab.run.params, run.params) and same(lab.params, run.params)
    assert lab.run.losses.tolist() == run.losses.tolist() and (run.epoch, run.window) == (8, 1)


def test_given_weights_are_the_start_and_stay_as_they_are():
    vocab = Vocabulary("help")
    params = init_params(4, 3, rng=np.random.default_rng(5))
    params = params._replace(by=np.array([0.1, -2e-300, 3.0, np.pi]))
    lab = TrainingLab.from_params(params, vocab, "hehe", updates=12, learning_rate=0.1)
    assert same(lab.start, params) and lab.vocab == vocab and lab.hidden_size == 3
    run = train(params, vocab.encode("hehe"), rate=0.1, steps=16, clip=5.0, updates=12)
    assert same(lab.params, run.params)
    with pytest.raises(ValueError, match="text: expected only the 4 characters of the given weights"):
        lab.text = "hex"
    with pytest.raises(ValueError, match="hidden_size: expected the size of the given weights, got 4"):
        lab.hidden_size = 4
    assert lab.updates == 12
    with pytest.raises(ValueError, match="vocab: expected the 4 characters"):
        TrainingLab.from_params(params, Vocabulary("ab"), "ab")


def test_the_run_is_computed_once_for_the_same_traits():
    lab = TrainingLab(updates=20)
    first = lab.run
    lab.temperature = 0.5
    assert lab.run is first
    lab.updates = 21
    assert lab.run is not first and len(lab.run.losses) == 21


def test_the_sample_is_that_of_the_weights_shown_with_the_numbers_of_the_seed():
    lab = TrainingLab(seed=6, temperature=0.4, updates=100)
    expected = sample(lab.run.params, lab.vocab, "I", 80, temperature=0.4, rng=np.random.default_rng(6))
    assert lab.sample == expected and len(expected) == 81
    lab.set_state({"updates": 101, "_rates": "", "_trained": packed(weights(lab))})
    assert lab.sample == sample(weights(lab), lab.vocab, "I", 80, temperature=0.4, rng=np.random.default_rng(6))


def test_a_run_that_diverges_ends_with_the_last_finite_weights():
    huge = Params(*(np.full(shape, 1e308) for shape in ((2, 2), (2, 2), (2, 2), 2, 2)))
    lab = TrainingLab.from_params(huge, Vocabulary("ab"), "abab", updates=9)
    assert "update 1" in lab.run.stopped and len(lab.run.losses) == 0 and same(lab.params, huge)


# The learning rate on the way


def test_a_learning_rate_turned_before_the_first_update_is_that_of_the_whole_run():
    lab = TrainingLab(learning_rate=0.1)
    lab.learning_rate = 0.02
    lab.updates = 10
    assert lab._rates == "" and lab.run.rates.tolist() == [0.02] * 10


def test_a_learning_rate_turned_on_the_way_counts_from_the_next_update_on():
    lab = TrainingLab(text=TEXT, learning_rate=3, updates=10)
    lab.learning_rate = 0.05
    assert come_to(lab) == (10, "0:3,10:0.05", b"")
    lab.updates = 14
    lab.learning_rate = 1e-4
    lab.learning_rate = 2e-4  # turned again before the next update
    lab.updates = 16
    assert lab._rates == "0:3,10:0.05,14:0.0002"
    assert lab.run.rates.tolist() == [3.0] * 10 + [0.05] * 4 + [2e-4] * 2
    start, ids = lab.start, lab.ids
    options = {"steps": 16, "clip": 5.0}
    run = train(start, ids, rate=3.0, updates=10, **options)
    run = train(run, ids, rate=0.05, updates=14, **options)
    assert same(lab.params, train(run, ids, rate=2e-4, updates=16, **options).params)


def test_a_rate_turned_after_going_back_replaces_those_of_later():
    lab = TrainingLab(learning_rate=0.2, updates=40, _rates="0:0.1,20:0.05*,30:0.2")
    lab.updates = 20
    lab.learning_rate = 0.3
    assert lab._rates == "0:0.1,20:0.3*"  # what the optimiser forgets there stays forgotten


def test_back_at_the_start_the_rate_is_the_last_one_from_the_first_update_on():
    lab = TrainingLab(learning_rate=0.2, updates=40, _rates="0:0.1,20:0.05*,30:0.2")
    lab.updates = 0
    assert lab._rates == ""
    lab.updates = 5
    assert lab.run.rates.tolist() == [0.2] * 5


def test_a_star_lets_the_optimiser_forget():
    lab = TrainingLab(text=TEXT, learning_rate=0.01, updates=12, _rates="0:0.02,7:0.01*")
    options = {"steps": 16, "clip": 5.0}
    first = train(lab.start, lab.ids, rate=0.02, updates=7, **options)
    anew = first._replace(slots={name: np.zeros_like(slot) for name, slot in first.slots.items()}, t=0)
    assert same(lab.params, train(anew, lab.ids, rate=0.01, updates=12, **options).params) and lab.run.t == 5


def test_rates_of_updates_to_come_change_nothing_yet():
    assert TrainingLab(learning_rate=0.1, updates=5, _rates="0:0.02,7:0.1").run.rates.tolist() == [0.02] * 5


# What the page trained


def test_what_the_page_has_trained_is_read_back_and_trained_on_in_numpy():
    lab, params = trained()
    assert same(lab.params, params) and lab.updates == 40
    run = train(lab.params, lab.ids, SGD(), rate=0.1, steps=4, updates=3)
    assert not same(run.params, params) and same(lab.params, params)
    assert lab.params.Wxh.flags.writeable and lab.params.Wxh.dtype == np.float64


@pytest.mark.parametrize(
    ("trait", "value"),
    [("text", "olleh"), ("hidden_size", 4), ("seed", 8), ("steps", 2), ("clip", 0), ("optimizer", "sgd")],
)
def test_a_change_of_what_a_run_is_begins_another_one(trait, value):
    lab, _ = trained(_rates="0:0.01,30:0.02", learning_rate=0.02)
    setattr(lab, trait, value)
    assert come_to(lab) == (0, "", b"") and same(lab.params, lab.start)


@pytest.mark.parametrize(("trait", "value"), [("temperature", 0.2), ("learning_rate", 0.3), ("text", "hello")])
def test_other_changes_keep_what_was_trained(trait, value):
    lab, params = trained()
    setattr(lab, trait, value)
    assert lab.updates == 40 and same(lab.params, params)


def test_another_number_of_updates_is_computed_anew():
    lab, params = trained()
    lab.updates = 41
    assert lab._trained == b"" and same(lab.params, lab.run.params) and not same(lab.params, params)


def test_what_is_changed_at_one_time_belongs_together():
    lab, _ = trained()
    with lab.hold_trait_notifications():
        lab.updates = 25
        lab.text = "hell"
    assert come_to(lab) == (25, "", b"") and len(lab.run.losses) == 25
    with lab.hold_trait_notifications():
        lab.seed = 3
        lab.learning_rate = 0.2
    assert come_to(lab) == (0, "", b"")


def test_the_page_begins_another_run_or_goes_on_with_one_message():
    lab, _ = trained()
    lab.set_state({"text": "hi", "updates": 0, "_rates": "", "_trained": memoryview(b"")})
    assert come_to(lab) == (0, "", b"") and lab.params.Wxh.shape == (2, 3)
    params = weights(lab)
    told = {"learning_rate": 0.5, "updates": 9, "_rates": "0:0.01,4:0.5*", "_trained": packed(params)}
    lab.set_state(told)
    assert come_to(lab) == (9, "0:0.01,4:0.5*", bytes(packed(params))) and lab.learning_rate == 0.5
    lab.set_state({"text": "ho", "updates": 9, "_rates": "", "_trained": memoryview(b"")})
    assert come_to(lab) == (9, "", b"")


# Where no script runs


def test_the_picture_is_that_of_the_run_with_the_weights_of_the_page():
    lab, params = trained(updates=5)
    drawn = []
    recorder = type("plots", (), {"plot_training": lambda *args, **options: drawn.append((args, options))})
    lab._figure(recorder)
    (((run, vocab, text), options),) = drawn
    assert same(run.params, params) and len(run.losses) == 5
    assert (vocab, text, options) == (lab.vocab, "hello", {"sample": lab.sample})
    assert plots.plot_training(run, vocab, text, **options).axes


def test_a_picture_and_words_stand_in():
    data, _ = TrainingLab(text="你好李焕英\n夏洛特烦恼\n", updates=5)._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert "16 hidden units" in data["text/plain"] and "5 updates" in data["text/plain"]
    assert len(TrainingLab(text=LONGEST)._repr_mimebundle_()[0]["text/plain"]) < 200


def test_without_matplotlib_only_the_picture_is_missing(monkeypatch):
    monkeypatch.delitem(sys.modules, "rnnlib.plots")
    monkeypatch.delattr(rnnlib, "plots")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    data, _ = TrainingLab(text="hello")._repr_mimebundle_()
    assert set(data) == {"text/plain", "application/vnd.jupyter.widget-view+json"}
    assert "“hello”" in data["text/plain"]


# --- what follows from a change -------------------------------------------------------------------------------------

A, B = ("a",), ("b",)  # two networks
W = b"weights"


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        # nothing of a run is changed
        ((A, 0.1, 0, "", b""), (A, 0.1, 0, "", b""), (0, "", b"")),
        ((A, 0.1, 5, "", W), (A, 0.1, 5, "", W), (5, "", W)),
        # the page trains on
        ((A, 0.1, 5, "", W), (A, 0.1, 9, "", b"more"), (9, "", b"more")),
        # another number of updates is another state of the same run; the start has no rates but its own
        ((A, 0.1, 5, "", W), (A, 0.1, 9, "", W), (9, "", b"")),
        ((A, 0.1, 5, "0:0.1,3:0.2", W), (A, 0.1, 9, "0:0.1,3:0.2", W), (9, "0:0.1,3:0.2", b"")),
        ((A, 0.1, 5, "0:0.1,3:0.2", W), (A, 0.1, 0, "0:0.1,3:0.2", W), (0, "", b"")),
        # a rate that is turned is written down, but for a run that has not begun
        ((A, 0.1, 0, "", b""), (A, 0.2, 0, "", b""), (0, "", b"")),
        ((A, 0.1, 5, "", W), (A, 0.2, 5, "", W), (5, "0:0.1,5:0.2", W)),
        ((A, 0.1, 5, "0:0.4,3:0.1", W), (A, 0.2, 5, "0:0.4,3:0.1", W), (5, "0:0.4,3:0.1,5:0.2", W)),
        ((A, 0.1, 5, "0:0.4,7:0.1", W), (A, 0.2, 5, "0:0.4,7:0.1", W), (5, "0:0.4,5:0.2", W)),
        ((A, 0.1, 5, "0:0.4,5:0.1*", W), (A, 0.2, 5, "0:0.4,5:0.1*", W), (5, "0:0.4,5:0.2*", W)),
        # rates that are given stand
        ((A, 0.1, 5, "", W), (A, 0.2, 5, "0:0.3,4:0.2", W), (5, "0:0.3,4:0.2", W)),
        ((A, 0.1, 0, "", b""), (A, 0.1, 0, "0:0.3,4:0.2", b""), (0, "", b"")),
        # another network begins another run
        ((A, 0.1, 5, "0:0.4,3:0.1", W), (B, 0.1, 5, "0:0.4,3:0.1", W), (0, "", b"")),
        # unless what it has come to is given with it
        ((A, 0.1, 5, "", W), (B, 0.1, 9, "", W), (9, "", b"")),
        ((A, 0.1, 5, "", W), (B, 0.1, 5, "", b"more"), (5, "", b"more")),
        ((A, 0.1, 5, "", W), (B, 0.2, 9, "0:0.3,4:0.2", b"more"), (9, "0:0.3,4:0.2", b"more")),
        ((A, 0.1, 5, "0:0.4,3:0.1", W), (B, 0.1, 9, "0:0.4,3:0.1", W), (9, "", b"")),
    ],
)
def test_what_follows_from_a_change(before, now, expected):
    before, now = State(*before), State(*now)
    assert settled(before, now) == State(now.network, now.rate, *expected)
    after = settled(before, now)
    assert settled(after, after) == after
