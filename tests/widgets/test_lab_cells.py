"""TrainingLab with every cell, and what is to be recalled: traits, runs in the page, their curves, lines of Python."""

import base64
import re

import numpy as np
import pytest
from engine_page import relative_error
from javascript import bundled

import rnnlib
from rnnlib import Vocabulary, gru, lstm, tasks
from rnnlib.optim import Adam
from rnnlib.train import train
from rnnlib.widgets import ForwardStepper, TrainingLab
from rnnlib.widgets.training_lab import MAX_RECALLED, facts

CELLS = {"rnn": rnnlib, "lstm": lstm, "gru": gru}
TASK = tasks.recall(3, rng=np.random.default_rng(0), length=63)
ENTRY = """
import { beginLab, keepable, labSettings, labUpdate, readLab, rewind } from "./training_lab/run.js";
import { pythonOfRun } from "./training_lab/python.js";
import { partsOf, reachOf, sayRow } from "./training_lab/reach.js";
import { pythonLines } from "./model/python_source.js";
import { largestSize, taskOfSize, taskOfText, TASK_PRESETS } from "./training_lab/presets.js";
import { Trainer } from "./training_lab/trainer.js";
const model = (traits) => ({ get: (name) => traits[name] });
const begin = (traits, n) => {
  const settings = labSettings(model(traits));
  const lab = beginLab(settings, [{ from: 0, rate: settings.rate, anew: false }], model(traits));
  for (let i = 0; i < n; i++) labUpdate(lab);
  return lab;
};
const plain = (value) => (Number.isNaN(value) ? null : value);
const shownCurves = ({ recall: { loss, share } }) => [loss, share].map(({ length, places, level, smooth }) => (
  { length, level, smooth: Array.from(smooth.subarray(0, places), plain) }));
export { begin, keepable, labSettings, labUpdate, largestSize, model, partsOf, pythonLines, pythonOfRun, reachOf };
export { readLab, rewind, sayRow };
export { shownCurves, taskOfSize, taskOfText, TASK_PRESETS };
"""


@pytest.fixture(scope="module")
def page():
    modules = facts({"cell": "rnn", "recalled": "", "forget_bias": 1.0})
    with bundled("entry.js", {**modules, "entry.js": ENTRY}) as engine:
        yield engine


def traits_of(lab):
    """The traits of a lab without given weights, as its page has them."""
    names = ("text", "cell", "recalled", "hidden_size", "seed", "steps", "clip", "optimizer", "learning_rate")
    own = ("forget_bias",) if lab.cell == "lstm" else ()
    return {name: getattr(lab, name) for name in (*names, *own, "temperature", "updates", "_rates", "_characters")}


def own_of(cell):
    """What a lab of this cell alone has."""
    return {"forget_bias": 2.5} if cell == "lstm" else {}


# Traits


@pytest.mark.parametrize("cell", CELLS)
def test_a_lab_of_each_cell_begins_and_trains_as_its_module(cell):
    lab = TrainingLab(cell=cell, hidden_size=5, seed=4, updates=9, **own_of(cell), **TASK._asdict())
    start = CELLS[cell].init_params(len(lab.vocab), 5, rng=np.random.default_rng(4), **own_of(cell))
    run = train(start, lab.ids, Adam(), rate=0.01, steps=TASK.steps, clip=5, updates=9)
    for ours, theirs in ((lab.start, start), (lab.params, run.params)):
        assert type(ours) is CELLS[cell].Params
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert lab.sample.startswith(TASK.text[0]) and len(lab.sample) == 81
    assert {"rnn": "a recurrent network", "lstm": "an LSTM", "gru": "a GRU"}[cell] in lab._repr_mimebundle_()[0][
        "text/plain"
    ]


@pytest.mark.parametrize("cell", CELLS)
def test_given_weights_say_which_cell_they_are_of(cell):
    vocab = Vocabulary("abc")
    params = CELLS[cell].init_params(3, 4, rng=np.random.default_rng(1))
    lab = TrainingLab.from_params(params, vocab, "abcabc", updates=3, steps=2)
    assert lab.cell == cell and lab.hidden_size == 4 and type(lab.params) is type(params)
    assert all(np.array_equal(a, b) for a, b in zip(lab.start, params, strict=True))
    other = "gru" if cell != "gru" else "lstm"
    with pytest.raises(ValueError, match=f"cell: expected the cell of the given weights, got {other}"):
        lab.cell = other
    assert lab.cell == cell
    with pytest.raises(TypeError, match="cell: expected none beside given weights, got str 'lstm'"):
        TrainingLab.from_params(params, vocab, "abc", cell="lstm")
    with pytest.raises(TypeError if cell != "rnn" else ValueError, match="params"):
        if cell != "rnn":
            ForwardStepper.from_params(params, vocab, "abc")  # a figure of the vanilla network
        TrainingLab.from_params(params._replace(by=np.zeros(2)), vocab, "abc")


def test_another_cell_begins_another_run_and_what_the_page_trained_is_read_as_its_own():
    lab = TrainingLab(text="hello", hidden_size=3)
    lab.cell = "gru"
    params = gru.init_params(4, 3, rng=np.random.default_rng(9))
    sent = memoryview(b"".join(p.astype("<f8").tobytes() for p in params))
    lab.set_state({"updates": 7, "_rates": "", "_trained": sent})
    assert all(np.array_equal(a, b) for a, b in zip(lab.params, params, strict=True))
    lab.cell = "lstm"
    assert (lab.updates, lab._trained) == (0, b"") and type(lab.params) is lstm.Params
    for value in ("LSTM", "", None, lstm):
        with pytest.raises((ValueError, TypeError), match="cell: expected one of 'rnn', 'lstm', 'gru', got"):
            lab.cell = value


def test_another_forget_bias_begins_another_run_of_an_lstm(page):
    lab = TrainingLab(text="hello, hello", cell="lstm", hidden_size=3, updates=4)
    lab.forget_bias = 3
    assert lab.updates == 0 and (lab.params.bh[3:6] == 3).all()
    told = page.call(
        """({ labSettings, model }, traits) => [-1, 7, "1", NaN, null, 6].map((forget_bias) => {
          try {
            return labSettings(model({ ...traits, forget_bias })).forget_bias;
          } catch ({ control, values }) { return [control, values.low, values.high]; } })""",
        traits_of(lab),
    )
    assert told == [["forget_bias", 0, 6]] * 4 + [1, 6]  # null: the state of an older version


@pytest.mark.parametrize(
    ("traits", "kind", "expected"),
    [
        ({"cell": "lstm", "forget_bias": 6.5}, ValueError, "forget_bias: expected a number from 0 to 6, got 6.5"),
        ({"cell": "lstm", "forget_bias": "3"}, TypeError, "forget_bias: expected a number"),
        ({"cell": "gru", "forget_bias": 3}, TypeError, "forget_bias: expected none with cell='gru'"),
        ({"forget_bias": 3}, TypeError, "forget_bias: expected none with cell='rnn'"),
        ({"cell": "lstm2", "forget_bias": 3}, ValueError, "cell: expected one of"),
    ],
)
def test_a_forget_bias_that_cannot_be_is_refused(traits, kind, expected):
    with pytest.raises(kind, match=re.escape(expected)):
        TrainingLab(**traits)
    params = lstm.init_params(4, 3, rng=np.random.default_rng(5))
    with pytest.raises(TypeError, match="forget_bias: expected none beside given weights, got float"):
        TrainingLab.from_params(params, Vocabulary("ehlo"), "hello", forget_bias=2.0)


BAD = [("x", "'x'"), ("aa", "'aa'"), ("".join(map(chr, range(97, 98 + MAX_RECALLED))), "'abc"), ("ab", "'b'")]


@pytest.mark.parametrize(("value", "got"), BAD)
def test_python_and_the_page_refuse_what_cannot_be_recalled(page, value, got):
    """`b` is only the first character, which nothing predicts."""
    text = "bacada"
    with pytest.raises(ValueError, match=f"recalled: expected .*, got .*{re.escape(got)}"):
        TrainingLab(text=text, recalled=value)
    traits = {**traits_of(TrainingLab(text=text)), "recalled": value}
    told = page.call(
        """({ labSettings, model }, traits) => {
          try {
            labSettings(model(traits));
          } catch ({ control, key, values }) { return [control, key, values.most]; } }""",
        traits,
    )
    assert told == ["recalled", "lab_bad_recalled", MAX_RECALLED]
    assert (
        page.call(
            "({ labSettings, model }, traits) => labSettings(model(traits)).recalled", {**traits, "recalled": "acd"}
        )
        == "acd"
    )


def test_a_text_without_the_recalled_characters_empties_them():
    lab = TrainingLab(**TASK._asdict())
    lab.text = "Another text without one of them"
    assert lab.recalled == ""
    lab.set_state(TASK._asdict())
    assert lab.recalled == TASK.recalled
    with pytest.raises(TypeError, match="recalled: expected at most 16 characters, each once, got list"):
        lab.recalled = ["A"]


# The page


@pytest.mark.parametrize("cell", CELLS)
def test_the_page_trains_what_python_trains(page, cell):
    lab = TrainingLab(cell=cell, hidden_size=6, seed=2, updates=45, **own_of(cell), **TASK._asdict())
    got = page.call("({ begin }, traits, n) => begin(traits, n).run.space.weights", traits_of(lab), 45)
    assert relative_error(got, np.concatenate([p.ravel() for p in lab.params])) <= 1e-12


def test_a_state_of_an_older_version_is_that_of_the_vanilla_network(page):
    lab = TrainingLab(text="hello, hello", hidden_size=4, updates=12)
    old = {name: value for name, value in traits_of(lab).items() if name not in ("cell", "recalled")}
    got = page.call(
        """({ begin }, traits) => { const lab = begin(traits, 12);
          return [lab.settings.cell, lab.settings.recalled, lab.run.space.weights, "recall" in lab]; }""",
        old,
    )
    assert got[:2] == ["rnn", ""] and got[3] is False
    assert relative_error(got[2], np.concatenate([p.ravel() for p in lab.params])) <= 1e-12


def test_given_weights_of_a_cell_are_trained_in_the_page(page):
    vocab = Vocabulary("abc")
    params = lstm.init_params(3, 4, rng=np.random.default_rng(1), forget_bias=2.5)
    lab = TrainingLab.from_params(params, vocab, "abcacbabc", updates=20, steps=3)
    coded = base64.b64encode(lab._weights).decode()
    got = page.call(
        """({ begin }, traits, numbers) => {
          traits._weights = new DataView(Float64Array.from(numbers).buffer);
          return begin(traits, 20).run.space.weights; }""",
        traits_of(lab), np.frombuffer(base64.b64decode(coded), "<f8").tolist(),
    )  # fmt: skip
    assert relative_error(got, np.concatenate([p.ravel() for p in lab.params])) <= 1e-12


def found_at(cell, lab, updates):
    """(loss, hits, places) summed over the recalled characters of the window of each update, just before it."""
    ids, steps = lab.ids, lab.steps
    due = np.isin(ids, lab.vocab.encode(lab.recalled))
    windows = -(-(len(ids) - 1) // steps)
    sums = []
    for update in range(updates):
        run = train(lab.start, ids, Adam(), rate=lab.learning_rate, steps=steps, clip=5, updates=update)
        begin = update % windows * steps
        x, y = ids[begin:-1][:steps], ids[begin + 1 :][:steps]
        states = [state[0] for state in (run.h, run.c) if state is not None]
        trace = CELLS[cell].forward(run.params, x, *states)
        at = due[begin + 1 :][:steps]
        losses = -np.log(trace.yhat[np.arange(len(y)), y])
        sums.append((losses[at].sum(), (trace.o.argmax(axis=1) == y)[at].sum(), at.sum()))
    return np.array(sums), windows


@pytest.mark.parametrize(("cell", "steps"), [("rnn", TASK.steps), ("lstm", 3), ("gru", 5)])
def test_the_loss_and_the_hits_at_the_recalled_characters_are_means_over_one_reading(page, cell, steps):
    """Windows of other lengths than the lines have one such place, two or none."""
    lab = TrainingLab(cell=cell, hidden_size=4, seed=1, **{**TASK._asdict(), "steps": steps})
    n = 30
    loss, share = page.call("({ begin, shownCurves }, traits, n) => shownCurves(begin(traits, n))", traits_of(lab), n)
    sums, windows = found_at(cell, lab, n)
    for curve, column in ((loss, 0), (share, 1)):
        expected = []
        for last in range(1, n + 1):
            part = sums[max(0, last - windows) : last]
            expected.append(part[:, column].sum() / part[:, 2].sum() if part[:, 2].any() else None)
        assert curve["length"] == n and [each is None for each in curve["smooth"]] == [e is None for e in expected]
        known = [i for i, each in enumerate(expected) if each is not None]
        np.testing.assert_allclose(
            [curve["smooth"][i] for i in known], [expected[i] for i in known], rtol=0, atol=1e-12
        )
        assert curve["level"] == curve["smooth"][-1]
    assert (sums[:, 2].min() == 0) == (steps < TASK.steps)


def test_back_and_forth_gives_the_same_curves_and_a_kept_run_keeps_its_own(page):
    lab = TrainingLab(cell="lstm", hidden_size=4, **TASK._asdict())
    once, again, kept, back = page.call(
        """({ begin, keepable, labUpdate, rewind, shownCurves }, traits) => {
          const lab = begin(traits, 50);
          const once = [shownCurves(lab), Array.from(lab.run.c), lab.run.space.weights.slice()];
          const kept = keepable(lab);
          rewind(lab, 20);
          const back = lab.run.count;
          while (lab.run.count < 50) labUpdate(lab);
          return [once, [shownCurves(lab), lab.run.c, lab.run.space.weights], shownCurves(kept), back]; }""",
        traits_of(lab),
    )
    assert once == again and kept == once[0] and 0 < back < 20


@pytest.mark.parametrize("cell", CELLS)
def test_the_copied_lines_train_the_same_cell_and_recall_as_much(page, cell):
    task = tasks.brackets(2, rng=np.random.default_rng(0))
    lab = TrainingLab(cell=cell, hidden_size=8, seed=3, updates=150, **own_of(cell), **task._asdict())
    given = traits_of(lab)
    read, code = page.call(
        """({ begin, model, pythonLines, pythonOfRun, readLab }, traits) => {
          const lab = begin(traits, 150);
          readLab(lab);
          const names = Object.keys(traits).filter((name) => name[0] !== "_");
          const spec = Object.fromEntries(names.map((name) => [name, {}]));
          const figure = { figure: "TrainingLab", model: model(traits), traits, spec };
          const code = pythonLines({ ...figure, ...pythonOfRun(lab, 150) });
          return [{ ...lab.read, weights: lab.run.space.weights, written: lab.sample.join("") }, code]; }""",
        given,
    )
    names = {}
    exec(compile(code, "copied", "exec"), names)
    assert (names["right"], names["places"]) == (read["recalled"], read["of"]) and 0 < read["recalled"] < read[
        "of"
    ] > 60
    assert type(names["run"].params) is CELLS[cell].Params
    assert relative_error(read["weights"], np.concatenate([p.ravel() for p in names["run"].params])) <= 1e-10
    assert names["written"] == lab.text[0] + read["written"]
    assert {name: getattr(names["figure"], name) for name in given} == given


# The triangle of contributions


@pytest.mark.parametrize(
    ("cell", "steps", "row"), [("rnn", 7, 5), ("lstm", 7, 5), ("gru", 7, 5), ("lstm", 20, 20), ("gru", 3, 3)]
)
def test_the_triangle_is_that_of_the_library_and_looks_at_the_recalled_place(page, cell, steps, row):
    """A line of the task has 7 characters, the capital is the sixth; other windows have no place in common."""
    lab = TrainingLab(cell=cell, hidden_size=5, seed=3, updates=30, **{**TASK._asdict(), "steps": steps})
    got = page.call("({ begin, reachOf }, traits) => reachOf(begin(traits, 30))", traits_of(lab))
    # Each loss alone, its gradient with respect to a by the pass back of the library: row t, window by window
    states, found = {}, []
    for w in range(len(lab.ids[:200]) // steps):
        x, y = lab.ids[w * steps :][:steps], lab.ids[w * steps + 1 :][:steps]
        if len(y) < steps:
            break
        trace = CELLS[cell].forward(lab.params, x, **states)
        one = [CELLS[cell].backward(lab.params, trace, y, reduction="sum", weights=each).da for each in np.eye(steps)]
        found.append(np.linalg.norm(one, axis=2))
        states = {"h0": trace.h[-1], **({"c0": trace.c[-1]} if cell == "lstm" else {})}
    expected = np.mean(found, axis=0)
    assert got["windows"] == len(found) and (got["row"] + 1, got["recalled"]) == (row, row == 5)
    assert relative_error(got["mean"], expected.ravel()) <= 1e-11
    assert relative_error(lab.contributions.ravel(), expected.ravel()) <= 1e-12
    parts = page.call("({ begin, partsOf, reachOf }, traits) => partsOf(reachOf(begin(traits, 30)))", traits_of(lab))
    length = expected[row - 1, :row] / expected[row - 1, :row].max()
    np.testing.assert_allclose([parts["first"], parts["between"]], [length[0], length[1:-1].mean()], rtol=1e-10)


def test_a_triangle_of_long_windows_is_that_of_the_first_one_and_one_step_has_nothing_between(page):
    lab = TrainingLab(text="ab" * 90, cell="gru", hidden_size=2, steps=64)
    got = page.call("({ begin, reachOf }, traits) => reachOf(begin(traits, 0)).windows", traits_of(lab))
    assert got == 1 and lab.contributions.shape == (64, 64)
    lab.steps = 1
    got = page.call("({ begin, partsOf, reachOf }, traits) => partsOf(reachOf(begin(traits, 0)))", traits_of(lab))
    assert got == {"first": 1, "between": None} and lab.contributions.shape == (1, 1)


@pytest.mark.parametrize(
    ("row", "recalled", "keys"),
    [
        (0, True, ["lab_reach_recalled", "lab_reach_first"]),
        (1, False, ["lab_reach_last", "lab_reach_first"]),
        (2, True, ["lab_reach_recalled", "lab_reach_parts"]),
    ],
)
def test_a_row_speaks_of_the_steps_in_between_only_where_there_are_some(page, row, recalled, keys):
    said = page.call(
        """({ sayRow }, row, recalled) => {
          const keys = [];
          sayRow((key) => keys.push(key), { T: 3, mean: Float64Array.of(4, 0, 0, 1, 2, 0, 1, 2, 4), row, recalled }, 7);
          return keys;
        }""",
        row, recalled,
    )  # fmt: skip
    assert said == keys


# Tasks


def test_the_tasks_of_the_page_are_those_of_the_library_and_are_known_again(page):
    first = page.call("({ TASK_PRESETS }) => TASK_PRESETS")
    assert list(first) == ["recall", "brackets", "sums"]
    most = {kind: page.call("({ largestSize }, kind) => largestSize(kind)", kind) for kind in first}
    assert most == {"recall": 60, "brackets": 31, "sums": 59}
    for kind, (*_, n) in first.items():
        for size in (1, n, most[kind]):
            made = getattr(tasks, kind)(size, rng=np.random.default_rng(0))
            TrainingLab(**made._asdict())  # within the limits of the lab
            task, known = page.call(
                """({ taskOfSize, taskOfText }, kind, n) => {
                  const task = taskOfSize(kind, n);
                  return [task, taskOfText(task.text)]; }""",
                kind, size,
            )  # fmt: skip
            assert task == made._asdict() and known == {"kind": kind, "n": size, "steps": made.steps}
    for text in (
        "I am learning RNN",
        made.text[:-1],
        made.text + "x",
        "\n\n",
        "a" * 99,
        tasks.recall(3, rng=np.random.default_rng(1)).text,
    ):
        assert page.call("({ taskOfText }, text) => taskOfText(text) ?? null", text) is None
