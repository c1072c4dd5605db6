"""ForwardStepper as a Jupyter widget: its traits, its errors, and what it shares with other widgets."""

import base64
import json
import re
from pathlib import Path

import ipywidgets
import numpy as np
import pytest
import traitlets
from javascript import bundled, entry_of

from rnnlib import Params, Vocabulary, forward, init_params
from rnnlib.widgets import BackwardStepper, ForwardStepper, GatedStepper, GradientDetective, Rosetta, TrainingLab
from rnnlib.widgets._bundle import HERE, constants, words
from rnnlib.widgets.forward_stepper import WEIGHTS

ROOT = Path(__file__).resolve().parents[2]
TEXT = "I am learning RNN"


def given(text="hello", H=3, **traits):
    vocab = Vocabulary(text)
    params = init_params(len(vocab), H, rng=np.random.default_rng(5))
    return params, vocab, ForwardStepper.from_params(params, vocab, text, **traits)


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_seed_gives_the_weights_of_init_params_to_the_last_bit():
    stepper = ForwardStepper(text=TEXT, hidden_size=7, seed=2**40)
    assert same(stepper.params, init_params(12, 7, rng=np.random.default_rng(2**40)))


def test_given_weights_come_back_out_unchanged():
    params, vocab, stepper = given()
    params = params._replace(by=np.array([0.1, -2e-300, 3e9, np.pi]))
    stepper = ForwardStepper.from_params(params, vocab, "hello")
    assert same(stepper.params, params) and stepper.vocab == vocab
    single = Params(*(p.astype(np.float32) for p in init_params(4, 3, rng=np.random.default_rng(0))))
    assert same(ForwardStepper.from_params(single, vocab, "hello").params, single)


def test_the_trace_reads_all_characters_but_the_last():
    params, vocab, stepper = given()
    assert same(stepper.trace, forward(params, vocab.encode("hell")))


@pytest.mark.parametrize("weight, name, place, value", [
    ("Whh[2, 0] = -1.5", "Whh", (2, 0), -1.5), ("Wxh[3, 1] = 5", "Wxh", (3, 1), 5), ("bh[1] = 0.3", "bh", 1, 0.3),
    ("Why[0, 3] = 0.05", "Why", (0, 3), 0.05), ("by[3] = -5", "by", 3, -5),
])  # fmt: skip
@pytest.mark.parametrize("updates", [0, 7])
def test_one_weight_is_set_by_hand_and_everything_follows(weight, name, place, value, updates):
    drawn = ForwardStepper(text="hello", hidden_size=3, updates=updates)
    stepper = ForwardStepper(text="hello", hidden_size=3, updates=updates, weight=weight)
    expected = drawn.params
    getattr(expected, name)[place] = value
    assert same(stepper.params, expected) and not same(stepper.params, drawn.params)
    assert same(stepper.trace, forward(expected, Vocabulary("hello").encode("hell")))
    stepper.weight = ""
    assert same(stepper.params, drawn.params)


def test_a_weight_that_a_smaller_network_has_not_is_taken_back():
    stepper = ForwardStepper(text="hello", hidden_size=3, weight="Whh[2, 0] = 1")
    stepper.text = "hi"
    assert stepper.weight == "Whh[2, 0] = 1"
    stepper.hidden_size = 2
    assert stepper.weight == ""
    stepper.set_state({"text": "hello", "hidden_size": 5, "weight": "Wxh[3, 4] = 2"})
    assert stepper.weight == "Wxh[3, 4] = 2" and stepper.params.Wxh[3, 4] == 2


@pytest.mark.parametrize("weight", [
    *("Whh[2, 0] = -1.5", "Wxh[3, 2] = 5", "bh[2] = 0", "by[3] = -5", "Whh[3, 0] = 1", "Wxh[4, 0] = 1", "bh[0, 0] = 1"),
    *("Whh[0] = 1", "Whh[0, 0] = 5.1", "Whh[0, 0]=1", "h0[0] = 1", "", "Whh[0, 0] = 1e3", "Whh[0, 0] = 01.5"),
    "Whh[0, 0] = .5",
])  # fmt: skip
def test_the_page_reads_a_weight_as_python_does(weight):
    facts = {"forward_stepper/facts.js": constants(WEIGHTS=WEIGHTS)}
    with bundled("entry.js", facts | {"entry.js": entry_of("forward_stepper/by_hand.js")}) as page:
        found = page.call("(b, text) => b.readWeight(text, 4, 3)", weight)
    try:
        stepper = ForwardStepper(text="hello", hidden_size=3, weight=weight)
    except ValueError:
        assert found is None
        return
    if not weight:
        assert found is None
        return
    array = getattr(stepper.params, found["name"])
    assert array.ravel()[found["place"]] == found["value"] and (array.ravel() == found["value"]).sum() >= 1
    drawn = getattr(ForwardStepper(text="hello", hidden_size=3).params, found["name"]).copy()
    drawn.ravel()[found["place"]] = found["value"]
    assert np.array_equal(array, drawn)


def test_traits_can_be_observed():
    seen = []
    stepper = ForwardStepper(text="hello")
    stepper.observe(lambda change: seen.append((change["name"], change["new"])), ["t", "text"])
    stepper.t = 3
    stepper.text = "hi"
    assert seen[0] == ("t", 3)
    assert sorted(seen[1:]) == [("t", 0), ("text", "hi")]  # step 3 is gone with the end of the text


def test_traits_can_be_linked_with_those_of_jupyter_s_own_widgets():
    stepper, slider = ForwardStepper(text=TEXT), ipywidgets.IntSlider(max=15)
    ipywidgets.link((slider, "value"), (stepper, "t"))
    slider.value = 9
    assert stepper.t == 9
    stepper.t = 2
    assert slider.value == 2
    front_end = ipywidgets.jslink((slider, "value"), (stepper, "t"))
    assert front_end.target == (stepper, "t")


def test_it_stands_in_a_box_beside_other_widgets():
    stepper = ForwardStepper(text="hello")
    box = ipywidgets.VBox([stepper, ipywidgets.Label("below")])
    assert box.get_state()["children"][0] == f"IPY_MODEL_{stepper.model_id}"


def test_what_the_page_sends_arrives_in_the_traits():
    stepper = ForwardStepper(text="hello", hidden_size=8, t=3, unit=7)
    stepper.set_state({"text": "hi", "t": 0})
    stepper.set_state({"hidden_size": 2, "unit": 1})
    assert (stepper.text, stepper.t, stepper.hidden_size, stepper.unit) == ("hi", 0, 2, 1)
    assert stepper.params.Whh.shape == (2, 2)


@pytest.mark.parametrize(
    ("trait", "value", "kind", "expected"),
    [
        ("text", "", ValueError, "text: expected a string of 2 to 65 characters, got 0"),
        ("text", "a", ValueError, "got 1"),
        ("text", "ab" * 33, ValueError, "got 66"),
        ("text", "ab\ud83d", ValueError, "got half a surrogate pair, '\\ud83d', at place 2"),
        ("text", b"ab", TypeError, "text: expected a string of 2 to 65 characters, got bytes b'ab'"),
        ("hidden_size", 0, ValueError, "hidden_size: expected a whole number from 1 to 64, got 0"),
        ("hidden_size", 65, ValueError, "got 65"),
        ("hidden_size", 2.5, TypeError, "hidden_size: expected a whole number from 1 to 64, got float 2.5"),
        ("hidden_size", True, TypeError, "got bool True"),
        ("seed", -1, ValueError, "seed: expected a whole number from 0 to 9007199254740991, got -1"),
        ("seed", 2**53, ValueError, "got 9007199254740992"),
        ("t", -1, ValueError, "t: expected a whole number from 0 to 63, got -1"),
        ("t", 4, ValueError, "t: expected a step from 0 to 3, got 4"),
        ("unit", 3, ValueError, "unit: expected a unit from 0 to 2, got 3"),
        ("weight", "Whh[0, 1] = 5.1", ValueError, "weight: expected a weight such as"),
        ("weight", "Whh[0, 1]=1", ValueError, "from -5 to 5, or \"\", got 'Whh[0, 1]=1'"),
        ("weight", "Whh[-1, 0] = 1", ValueError, "got 'Whh[-1, 0] = 1'"),
        ("weight", "Whh[3, 0] = 1", ValueError, "weight: expected an entry of Wxh (4, 3), Whh (3, 3), Why (3, 4)"),
        ("weight", "Wxh[0, 3] = 1", ValueError, "got 'Wxh[0, 3] = 1'"),
        ("weight", "bh[0, 0] = 1", ValueError, "got 'bh[0, 0] = 1'"),
        ("weight", "Whh[0] = 1", ValueError, "got 'Whh[0] = 1'"),
        ("weight", "Whh[0, 0] = nan", ValueError, "got 'Whh[0, 0] = nan'"),
        ("weight", 0.5, TypeError, "got float 0.5"),
        ("weight", None, TypeError, "got NoneType None"),
    ],
)
def test_a_value_that_cannot_be_is_refused_and_the_old_one_kept(trait, value, kind, expected):
    traits = {"text": "hello", "hidden_size": 3, trait: value}
    with pytest.raises(kind, match=re.escape(expected)):
        ForwardStepper(**traits)
    stepper = ForwardStepper(text="hello", hidden_size=3)
    before = getattr(stepper, trait)
    with pytest.raises(kind, match=re.escape(expected)):
        setattr(stepper, trait, value)
    with pytest.raises(traitlets.TraitError):  # which is what ipywidgets expects of a trait
        setattr(stepper, trait, value)
    assert getattr(stepper, trait) == before


def test_given_weights_refuse_what_they_do_not_fit():
    params, vocab, stepper = given()
    with pytest.raises(ValueError, match=r"text: expected only the 4 characters .* unknown 'p', 'x'"):
        stepper.text = "help xx".replace(" ", "")
    with pytest.raises(ValueError, match="hidden_size: expected the size of the given weights, got 4"):
        stepper.hidden_size = 4
    with pytest.raises(ValueError, match=r"vocab: expected the 4 characters of params\.Wxh, got 2"):
        ForwardStepper.from_params(params, Vocabulary("ab"), "ab")
    with pytest.raises(TypeError, match="vocab: expected a Vocabulary, got str 'ehlo'"):
        ForwardStepper.from_params(params, "ehlo", "hello")
    with pytest.raises(TypeError, match="params: expected real numbers"):
        ForwardStepper.from_params(params._replace(bh=params.bh + 0j), vocab, "hello")
    with pytest.raises(ValueError, match=r"params.Whh: expected finite numbers, got nan at index \(0, 1\)"):
        broken = params.Whh.copy()
        broken[0, 1] = np.nan
        ForwardStepper.from_params(params._replace(Whh=broken), vocab, "hello")
    assert stepper.text == "hello" and stepper.hidden_size == 3


def test_where_no_script_runs_a_picture_and_words_stand_in():
    data, _ = ForwardStepper(text="你好李焕英", t=2)._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert "“你好李焕英”" in data["text/plain"] and "step 3 of 4" in data["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in data


def test_a_bundle_holds_each_file_once_and_imports_nothing():
    text = ForwardStepper._esm
    code = re.sub(r"^ *\*.*|/\*.*?\*/", "", text, flags=re.MULTILINE)  # types in comments are imported, too
    assert not re.search(r"^\s*import\b|\bimport\(", code, re.MULTILINE)
    assert re.findall(r"^export .*", text, re.MULTILINE) == ["export default figure(render);"]
    for function in ("function forward(", "function make(", "class VirtualList", "function render("):
        assert text.count(function) == 1


def test_every_word_in_the_table_is_used_and_every_word_used_is_in_the_table():
    table = words()["en"]
    folders = (HERE, ROOT / "_ext")
    files = [path for folder in folders for suffix in ("js", "py") for path in sorted(folder.rglob(f"*.{suffix}"))]
    sources = [path.read_text(encoding="utf-8") for path in files]
    # reductions, optimisers and mistakes bring the keys of their words
    sources += [BackwardStepper._esm, GatedStepper._esm, TrainingLab._esm, GradientDetective._esm, Rosetta._esm]
    quoted = set(re.findall(r'"(\w+)"|\bwords\.(\w+)', "\n".join(sources)))
    assert set(table) <= {name for pair in quoted for name in pair}
    used = set(re.findall(r'words\("(\w+)"', "\n".join(sources)))
    assert used <= set(table)
    assert json.loads((HERE / "words.json").read_text(encoding="utf-8")) == words()
