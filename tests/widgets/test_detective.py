"""GradientDetective as a Jupyter widget, the lines it shows, and its cases in JavaScript held against Python's."""

import base64
import itertools
import json
import re
from functools import cache

import numpy as np
import pytest
from engine_page import MODEL, as_data, check_errors, random_models, relative_error
from javascript import bundled
from models import make_case

from rnnlib import Grads, Params, backward, check_gradients, forward, one_hot, softmax
from rnnlib.gradcheck import NAMES, TOLERANCES
from rnnlib.mistakes import BATCH_MISTAKES, MISTAKES, MORE_MISTAKES, gradient_descent, mutant
from rnnlib.widgets._bundle import words
from rnnlib.widgets.gradient_detective import (
    BATCH_LINES,
    CASES,
    LINES,
    LOOPS,
    NONE,
    OTHER_LINES,
    SUSPECTS,
    TRAINING,
    GradientDetective,
    facts,
    faults,
    fingerprints,
    written,
)

NETWORK = "I am learning RNN", 4, 0  # of the book


@cache
def figure_of(case, batch, text, size, seed):
    """A figure, and what the check finds."""
    widget = GradientDetective(text=text, hidden_size=size, seed=seed, case=case, batch=batch)
    return widget, widget.report


each_case = pytest.mark.parametrize("number, key", [*enumerate(CASES, 1)], ids=CASES)


# --- the widget -----------------------------------------------------------------------------------------------------


def test_every_mistake_is_a_case_and_every_case_explained():
    singles = [case[0] for case in CASES.values() if len(case) == 1]
    assert {*MISTAKES, *BATCH_MISTAKES} < {*singles}
    assert [mistake.case for mistake in singles] == [*range(1, 12), *range(13, 18)]
    assert [number for number, case in enumerate(CASES.values(), 1) if len(case) == 2] == [12]
    assert [number for number, case in enumerate(CASES.values(), 1) if faults(case) == [NONE]] == [13, 14]
    assert len(CASES) == 17 and {"+".join(faults(case)) for case in CASES.values()} < {*SUSPECTS}
    for key in CASES:
        title, *parts = words()["en"][key].split("\n")
        assert title[-1] not in "." and len(parts) == 3 and all(part.endswith(".") for part in parts)


@pytest.mark.parametrize("batch", [1, 2])
def test_the_report_and_the_losses_are_those_of_the_case(batch):
    widget = GradientDetective(text="hello there", hidden_size=3, seed=5, batch=batch)
    ids = widget.vocab.encode("hello there")
    if batch == 2:
        ids = np.stack([ids, widget.vocab.encode("ereht olleh")], axis=1)
    h0 = forward(widget.params, ids[:-1]).h[-1]
    assert np.array_equal(widget.h0, h0) and np.abs(h0).min() > 0
    for case in (0, 3, 7, 12, 13, 15, 17):
        key = [None, *CASES][case]
        widget.case = case
        run_, back = mutant(*CASES[key]) if key else (forward, backward)
        assert widget.functions == (run_, back)
        options = {"h0": h0, "forward": run_, "backward": back, "method": "central"}
        assert str(widget.report) == str(check_gradients(widget.params, ids[:-1], ids[1:], **options))
        assert widget.report.ok == (case == 0 or (batch == 1 and case > 13))
        expected = gradient_descent(widget.params, ids[:-1], ids[1:], h0, **TRAINING, forward=run_, backward=back)[0]
        np.testing.assert_array_equal(widget.losses, expected)
        assert len(widget.losses) == 201


@each_case
def test_at_the_first_sight_of_the_book_every_case_shows_its_fault(number, key):
    for batch in (1, 2)[number > 13 :]:
        _, report = figure_of(number, batch, *NETWORK)
        assert not report.ok and all(check.cause for check in report.checks.values() if not check.ok)


@pytest.mark.parametrize(
    ("trait", "value", "kind", "expected"),
    [
        ("text", "a", ValueError, "text: expected a string of 2 to 25 characters, got 1"),
        ("text", "ab" * 13, ValueError, "got 26"),
        ("hidden_size", 9, ValueError, "hidden_size: expected a whole number from 1 to 8, got 9"),
        ("seed", -1, ValueError, "seed: expected a whole number from 0 to"),
        ("case", 18, ValueError, "case: expected a whole number from 0 to 17, got 18"),
        ("case", "late", TypeError, "case: expected a whole number from 0 to 17, got str 'late'"),
        ("batch", 0, ValueError, "batch: expected a whole number from 1 to 2, got 0"),
        ("batch", 3, ValueError, "batch: expected a whole number from 1 to 2, got 3"),
        ("batch", None, TypeError, "batch: expected a whole number from 1 to 2, got None"),
        ("suspect", "dby", ValueError, "suspect: expected one of '', 'state', 'softmax'"),
        ("suspect", 3, TypeError, "got int 3"),
    ],
)
def test_a_value_that_cannot_be_is_refused_and_the_old_one_kept(trait, value, kind, expected):
    widget = GradientDetective(text="hello", case=2, suspect="mean")
    before = getattr(widget, trait)
    with pytest.raises(kind, match=re.escape(expected)):
        setattr(widget, trait, value)
    assert getattr(widget, trait) == before


def test_given_weights_are_the_ones_under_suspicion():
    case = make_case(0, T=4, B=None, V=4, H=3)
    vocab = GradientDetective(text="hello").vocab
    widget = GradientDetective.from_params(case.params, vocab, "hole", case=6)
    assert all(np.array_equal(a, b) for a, b in zip(widget.params, case.params, strict=True))
    assert [name for name, check in widget.report.checks.items() if not check.ok] == ["Whh"]


def test_where_no_script_runs_a_picture_and_words_stand_in_and_do_not_tell():
    data, _ = GradientDetective(case=6)._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert "case 6" in data["text/plain"] and "“I am learning RNN”" in data["text/plain"]
    assert "late" not in data["text/plain"].replace("relative", "")
    healthy = GradientDetective(case=0, batch=2)._repr_mimebundle_()[0]["text/plain"]
    assert "the right gradient" in healthy and "“I am learning RNN” and its reverse in a batch" in healthy


# --- the lines that are shown ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size, steps, batch", [(2, 3, None), (4, 6, None), (5, 12, None), (2, 3, 2), (4, 6, 3)])
def test_the_fingerprint_of_a_line_is_the_same_for_other_networks(size, steps, batch):
    marks = fingerprints()
    assert [*marks] == [*LINES]
    seen = {line: set() for line in LINES}
    for mistake in (*MISTAKES, *MORE_MISTAKES, *(BATCH_MISTAKES if batch else ())):
        if mistake.line in LINES:
            case = make_case(3, T=steps, B=batch, V=5, H=size, scale=0.7, reduction="mean")
            run_, back = mutant(mistake)
            report = check_gradients(case.params, case.x, case.y, h0=case.h0, forward=run_, backward=back)
            wrong = {name for name, check in report.checks.items() if not check.ok}
            assert wrong == {*marks[mistake.line]}, mistake.name
            seen[mistake.line] |= wrong
    assert {line: {*names} for line, names in marks.items()} == seen


def test_a_mistake_in_two_functions_is_a_case_with_both_changed(monkeypatch):
    named = {mistake.name: mistake for mistake in MISTAKES}
    monkeypatch.setitem(CASES, "mistake_both", (named["no_tanh"], named["one_step_bias"]))
    modules = facts()
    assert "ht[j] = at[j]" in modules["engine/batchForward_mistake_both.js"]
    assert "dbh[j] += n < B ? dat[j] : 0" in modules["engine/batchBackward_mistake_both.js"]


# The ten lines and the heads of their loops as they are shown; between them what they do not say.
PROGRAM = """
{loop_state}
    a[t] = Wxh[x[t]] + (h[t - 1] if t else h0) @ Whh + bh
{state}
o = h @ Why + by
{softmax}
{error}
{mean}
{loop_future}
{future}
{slope}
{back}
{before}
{dWhh}
{dbh}
dWxh = np.zeros_like(Wxh)
{dWxh}
"""


def walked(lines, params, x, y, h0):
    """The gradients that ten lines make."""
    T, V, H = len(x), *params.Wxh.shape
    scope = {**params._asdict(), "x": x, "y": y, "h0": h0, "T": T, "V": V, "dh_next": np.zeros(H)}
    scope |= {name: np.empty((T, *h0.shape)) for name in ("a", "h", "dh", "da")}
    loops = {f"loop_{key}": head for key, head in LOOPS.items()}
    scope |= {"np": np, "softmax": softmax, "one_hot": one_hot}
    exec(PROGRAM.format(**lines, **loops), scope)
    do, dh, da, h = (scope[name] for name in ("do", "dh", "da", "h"))
    sums = {
        "Wxh": scope["dWxh"],
        "Whh": scope["dWhh"],
        "Why": h.reshape(-1, H).T @ do.reshape(-1, V),
        "bh": scope["dbh"],
        "by": do.reshape(-1, V).sum(axis=0),
    }
    return Grads(**sums, h0=da[0] @ params.Whh.T, do=do, dh=dh, da=da)


@pytest.mark.parametrize(
    ("key", "batch"),
    # The page writes the cases of a batch for a batch, also where it has one sequence.
    [
        (key, batch)
        for key in ("", *CASES)
        for batch in (None, 1, 2)
        if batch or not {*CASES.get(key, ())} & {*BATCH_MISTAKES}
    ],
)
def test_the_lines_as_shown_give_the_gradient_of_the_library_or_of_the_mistake(key, batch):
    lines = LINES | OTHER_LINES | (BATCH_LINES if batch else {})
    for mistake in CASES[key] if key else ():
        lines[mistake.line] = (batch and mistake.batch_code) or mistake.code
    run_, back = mutant(*CASES[key]) if key else (forward, backward)
    for seed in range(5):
        case = make_case(seed, T=6, B=batch, V=5, H=4)
        expected = back(case.params, run_(case.params, case.x, case.h0), case.y)
        for name, got in walked(lines, *case[:4])._asdict().items():
            right = getattr(expected, name)
            np.testing.assert_allclose(got, right, rtol=0, atol=1e-14 * max(1, abs(right).max()), err_msg=name)


def test_the_wrong_line_is_another_one_in_the_same_place():
    for mistake in (mistake for case in CASES.values() for mistake in case):
        for code, right in zip((mistake.code, mistake.batch_code or mistake.code), written(mistake.line), strict=True):
            assert code != right and (code[:4].isspace(), len(code.strip()) > 0) == (right[:4].isspace(), True)


# --- the cases in JavaScript ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def engine():
    """The wrong functions and the numerics they are checked with, joined as a widget's module is."""
    entry = """
import { CASES } from "./gradient_detective/cases.js";
import { evaluate, sequences } from "./gradient_detective/evidence.js";
import { comparison, fitOf, hintFor } from "./gradient_detective/hints.js";
import { LINES } from "./gradient_detective/cases.js";
import { batchBackward, batchForward } from "./engine/batch.js";
export { CASES, LINES, batchBackward, batchForward, comparison, evaluate, fitOf, hintFor, sequences };
"""
    with bundled("entry.js", {**facts(), "entry.js": entry}) as engine:
        yield engine


def plain(data):
    """What JSON can hold of arrays."""
    return json.loads(json.dumps(data, default=np.ndarray.tolist))


def rounding(name, trace, grads):
    """What the rounding errors of a gradient are measured by: the terms of a sum, which may cancel, not the sum."""
    terms = {
        "do": [grads.do],
        "dh": [grads.dh],
        "da": [grads.da],
        "h0": [grads.da[:1]],
        "bh": [grads.da],
        "by": [grads.do],
    }
    terms |= {"Wxh": [grads.da], "Whh": [grads.da, np.append(trace.h0, trace.h)], "Why": [grads.do, trace.h]}
    return max(1e-300, np.prod([np.abs(term).max() for term in terms[name]]))


def models_of(key, batch):
    """Random models, each for so many sequences side by side that its steps come out even."""
    for params, ids, h0, y, reduction in random_models(40, contracting=True):
        ids, y = (array[: len(array) // batch * batch].reshape(-1, batch) for array in (ids, y))
        if not 0 < len(ids) <= 32 // batch:
            continue
        rng = np.random.default_rng(len(ids))
        h0 = rng.uniform(-1.5, 1.5, (batch, len(params.Whh))) if h0 is not None else np.zeros((batch, len(params.Whh)))
        # division by a slope near 0 makes large errors of rounding errors
        if key != "mistake_slope_inverse" or (1 - forward(params, ids, h0).h ** 2).min() > 0.2:
            yield params, ids, h0, y, reduction


@pytest.mark.parametrize("batch", [1, 2, 3])
@each_case
def test_a_case_in_javascript_gives_the_numbers_of_its_python(engine, number, key, batch, record_property):
    models = [*models_of(key, batch)][:40]
    got = engine.call(
        f"""(engine, models) => models.map({MODEL}).map(({{ params, ids, h0, y, reduction }}) => {{
            const code = {{ ...engine, ...engine.CASES[{number - 1}] }};
            const trace = code.batchForward(params, ids.flat(), h0.flat());
            return {{ trace, grads: code.batchBackward(params, trace, y.flat(), reduction) }};
        }})""",
        plain([as_data(*model) for model in models]),
    )
    wrong_forward, wrong_backward = mutant(*CASES[key])
    errors, wrong = {}, 0
    for i, ((params, ids, h0, y, reduction), result) in enumerate(zip(models, got, strict=True)):
        trace = wrong_forward(params, ids, h0)
        grads = wrong_backward(params, trace, y, reduction=reduction)
        right = backward(params, forward(params, ids, h0), y, reduction=reduction)
        wrong += not all(np.allclose(a, b, rtol=1e-9, atol=0) for a, b in zip(grads, right, strict=True))
        for name in ("a", "h", "o", "yhat"):
            errors[f"model {i}, {name}"] = relative_error(result["trace"][name], getattr(trace, name))
        for name, expected in grads._asdict().items():
            size = rounding(name, trace, grads)
            errors[f"model {i}, gradient {name}"] = relative_error(result["grads"][name], expected, size)
    if batch == 1 and number > 13:
        assert wrong == 0
    else:  # two sequences seldom read the same character at the same step
        assert wrong > (4 if key == "mistake_repeated" else 10)
    check_errors(errors, record_property)


def foreseeable(widget):
    """The number of losses, from the first, that are the same to 1e-8 from weights that are 1e-13 beside the widget's.

    Rounding errors grow in training, and without bound where the loss swings or breaks off.
    """
    rng = np.random.default_rng(0)
    beside = Params(*(array + rng.choice([-1e-13, 1e-13], array.shape) for array in widget.params))
    options = TRAINING | dict(zip(("forward", "backward"), widget.functions, strict=True))
    losses = gradient_descent(beside, widget.trace.x, widget.targets, widget.h0, **options)[0]
    return int(np.cumprod(np.isclose(losses, widget.losses, rtol=1e-8, atol=0)).sum())


WILD = "mistake_no_mean", "mistake_slope_inverse"  # whose loss swings at once
SHOWN = [(1, *NETWORK), (2, *NETWORK), (2, "循环神经网络，循环不已", 7, 2**40), (2, "abab", 2, 1)]


@pytest.mark.parametrize("number, key", [*enumerate(["", *CASES])])
def test_the_check_and_the_training_in_javascript_are_those_of_python(engine, number, key):
    for batch, text, size, seed in SHOWN:
        widget, report = figure_of(number, batch, text, size, seed)
        losses = widget.losses
        ids = widget.vocab.encode(text)
        got = engine.call(
            f"""(engine, data) => {{
                const {{ params, ids, y }} = {MODEL}(data);
                const read = engine.sequences({{ H: params.H, params, x: ids, y }}, {batch});
                const right = engine.evaluate(params, read, {{}});
                return {{ read, ...engine.evaluate(params, read, engine.CASES[{number} - 1] ?? {{}}, right) }};
            }}""",
            plain(as_data(widget.params, ids[:-1], None, ids[1:], "mean")),
        )
        assert (
            got["read"]["x"] == widget.trace.x.ravel().tolist() and got["read"]["y"] == widget.targets.ravel().tolist()
        )
        assert got["wrong"] == [name for name, check in report.checks.items() if not check.ok]
        assert tuple(got["checks"]) == NAMES
        for name, check in report.checks.items():
            found = got["checks"][name]
            assert (found["error"] <= TOLERANCES["central"]) == check.ok
            assert found["error"] == pytest.approx(check.error, rel=1e-6, abs=1e-7)  # rounding errors differ
            errors = report.relative_errors[name].ravel()
            np.testing.assert_allclose(found["errors"], errors, rtol=1e-6, atol=1e-7)
        page_losses = np.array([np.nan if loss is None else loss for loss in got["losses"]], float)
        np.testing.assert_allclose(page_losses[:5], losses[:5], rtol=1e-11)
        held = foreseeable(widget)
        assert held > (10 if key in WILD else 40)
        np.testing.assert_allclose(page_losses[:held], losses[:held], rtol=1e-6)


def test_healthy_code_is_right_for_every_network(engine):
    networks = [("ab", 1), ("aa", 8), ("abcdefghijklmnopqrstuvwxy", 8), ("\U0001f600 \u0301x", 3)]
    for (text, size), batch, seed in itertools.product(networks, (1, 2), range(3)):
        widget = GradientDetective(text=text, hidden_size=size, seed=seed)
        wrong = engine.call(
            f"""(engine, data) => {{
                const {{ params, ids, y }} = {MODEL}(data);
                const read = engine.sequences({{ H: params.H, params, x: ids, y }}, {batch});
                return engine.evaluate(params, read, {{}}).wrong;
            }}""",
            plain(as_data(widget.params, widget.trace.x, None, widget.targets, "mean")),
        )
        assert wrong == [], (text, size, batch, seed)


def test_what_is_said_of_a_line_that_is_right_is_true(engine):
    """Every line picked in every case, for one sequence and for two."""
    marks, at_fault = fingerprints(), {key: faults(case) for key, case in CASES.items()}
    for batch in (1, 2):
        for case, key in enumerate(["", *CASES]):
            widget, report = figure_of(case, batch, *NETWORK)
            wrong = [name for name, check in report.checks.items() if not check.ok]
            lines = [line for line in (*LINES, NONE) if line not in at_fault.get(key, ())]
            hints = engine.call(
                "({ hintFor }, lines, ...given) => lines.map((line) => hintFor(line, ...given))",
                lines, at_fault.get(key, []), wrong,
            )  # fmt: skip
            for line, hint in zip(lines, hints, strict=True):
                assert hint["key"] in words()["en"]
                if hint["key"] == "detective_beyond":
                    assert {*hint["names"]} <= {*wrong} - {*marks[line]}
                elif hint["key"] == "detective_missing":
                    assert hint["names"] and {*hint["names"]} == {*marks[line]} - {*wrong}
                elif hint.get("last"):  # the words say of which steps da is right
                    da, right = (
                        f(widget.params, widget.trace, widget.targets).da for f in (widget.functions[1], backward)
                    )
                    is_right = np.allclose(da[-1], right[-1], rtol=1e-9, atol=0)
                    assert is_right == (hint["key"] == "detective_near_last_wrong") or "no_tanh" in key
                else:
                    assert line == NONE or not wrong or {*marks[line]} == {*wrong} or len(at_fault[key]) == 2
            fits = engine.call("({ LINES, fitOf }, wrong) => LINES.map(({ reach }) => fitOf(reach, wrong))", wrong)
            compared = engine.call("({ comparison }, wrong) => comparison(wrong)", wrong)
            expected = [
                "not" if {*marks[line]} - {*wrong} else "fits" if {*marks[line]} == {*wrong} else "part"
                for line in LINES
            ]
            assert fits == expected
            only = [fault for fault in at_fault.get(key, []) if fault != NONE]
            assert (len(only) == 1 and bool(wrong)) == (fits.count("fits") > 0)
            if len(only) == 1 and wrong:
                assert 1 + [*LINES].index(only[0]) in compared["at"]


@pytest.mark.parametrize("right", ["no such text", "dat"])
def test_a_case_whose_place_is_not_there_once_is_refused_by_name(right, monkeypatch):
    monkeypatch.setitem(CASES, "mistake_late", (CASES["mistake_late"][0]._replace(right_js=right),))
    message = f"mistake_late: expected {right!r} once in batchBackward of engine/batch.js, found it"
    with pytest.raises(RuntimeError, match=message):
        facts()


def test_the_wrong_functions_stand_in_the_module_and_no_text_is_run_as_code():
    module = GradientDetective._esm
    assert not re.search(r"\beval\(|new Function\(", module)
    assert module.count("function batchBackward(") == 1 + 15 and module.count("function batchForward(") == 1 + 2
    assert re.findall(r"^export .*", module, re.MULTILINE) == ["export default figure(render);"]
