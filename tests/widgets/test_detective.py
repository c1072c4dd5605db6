"""GradientDetective as a Jupyter widget, the lines it shows, and its cases in JavaScript held against Python's."""

import base64
import re

import numpy as np
import pytest
from engine_page import MODEL, as_data, check_errors, random_models, relative_error, run
from models import make_case

from rnnlib import Grads, backward, check_gradients, forward, one_hot, softmax
from rnnlib.gradcheck import NAMES, TOLERANCES
from rnnlib.mistakes import MISTAKES, MORE_MISTAKES, gradient_descent, mutant
from rnnlib.widgets._bundle import bundle, words
from rnnlib.widgets.gradient_detective import (
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
)

each_case = pytest.mark.parametrize("number, key", [*enumerate(CASES, 1)], ids=CASES)


# --- the widget -----------------------------------------------------------------------------------------------------


def test_every_mistake_is_a_case_and_every_case_explained():
    singles = [case[0] for case in CASES.values() if len(case) == 1]
    assert {*MISTAKES} < {*singles} and [mistake.case for mistake in singles] == [*range(1, 12), 13]
    assert [number for number, case in enumerate(CASES.values(), 1) if len(case) == 2] == [12]
    assert [number for number, case in enumerate(CASES.values(), 1) if faults(case) == [NONE]] == [13]
    assert len(CASES) == 13 and {"+".join(faults(case)) for case in CASES.values()} < {*SUSPECTS}
    for key in CASES:
        title, *parts = words()["en"][key].split("\n")
        assert title[-1] not in "." and len(parts) == 3 and all(part.endswith(".") for part in parts)


def test_the_report_and_the_losses_are_those_of_the_case():
    widget = GradientDetective(text="hello there", hidden_size=3, seed=5)
    ids = widget.vocab.encode("hello there")
    h0 = forward(widget.params, ids[:-1]).h[-1]
    assert np.array_equal(widget.h0, h0) and np.abs(h0).min() > 0
    for case, key in enumerate([None, *CASES]):
        widget.case = case
        run_, back = mutant(*CASES[key]) if key else (forward, backward)
        assert widget.functions == (run_, back)
        options = {"h0": h0, "forward": run_, "backward": back, "method": "central"}
        assert str(widget.report) == str(check_gradients(widget.params, ids[:-1], ids[1:], **options))
        assert widget.report.ok == (case == 0)
        expected = gradient_descent(widget.params, ids[:-1], ids[1:], h0, **TRAINING, forward=run_, backward=back)[0]
        np.testing.assert_array_equal(widget.losses, expected)
        assert len(widget.losses) == 201


@each_case
def test_at_the_first_sight_of_the_book_every_case_shows_its_fault(number, key):
    report = GradientDetective(case=number).report
    assert not report.ok and all(check.cause for check in report.checks.values() if not check.ok)


@pytest.mark.parametrize(
    ("trait", "value", "kind", "expected"),
    [
        ("text", "a", ValueError, "text: expected a string of 2 to 25 characters, got 1"),
        ("text", "ab" * 13, ValueError, "got 26"),
        ("hidden_size", 9, ValueError, "hidden_size: expected a whole number from 1 to 8, got 9"),
        ("seed", -1, ValueError, "seed: expected a whole number from 0 to"),
        ("case", 14, ValueError, "case: expected a whole number from 0 to 13, got 14"),
        ("case", "late", TypeError, "case: expected a whole number from 0 to 13, got str 'late'"),
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
    assert "the right gradient" in GradientDetective(case=0)._repr_mimebundle_()[0]["text/plain"]


# --- the lines that are shown ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size, steps", [(2, 3), (4, 6), (5, 12)])
def test_the_fingerprint_of_a_line_is_the_same_for_other_networks(size, steps):
    marks = fingerprints()
    assert [*marks] == [*LINES]
    seen = {line: set() for line in LINES}
    for mistake in (*MISTAKES, *MORE_MISTAKES):
        if mistake.line in LINES:
            case = make_case(3, T=steps, B=None, V=5, H=size, scale=0.7, reduction="mean")
            run_, back = mutant(mistake)
            report = check_gradients(case.params, case.x, case.y, h0=case.h0, forward=run_, backward=back)
            seen[mistake.line] |= {name for name, check in report.checks.items() if not check.ok}
    assert {line: {*names} for line, names in marks.items()} == seen


def test_a_mistake_in_two_functions_is_a_case_with_both_changed(monkeypatch):
    named = {mistake.name: mistake for mistake in MISTAKES}
    monkeypatch.setitem(CASES, "mistake_both", (named["no_tanh"], named["one_step_bias"]))
    modules = facts()
    assert "ht[j] = at[j]" in modules["engine/rnn_mistake_both.js"]
    assert "dbh[j] = dat[j]" in modules["engine/bptt_mistake_both.js"]


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
    scope |= {name: np.empty((T, H)) for name in ("a", "h", "dh", "da")}
    loops = {f"loop_{key}": head for key, head in LOOPS.items()}
    exec(PROGRAM.format(**lines, **loops), {"np": np, "softmax": softmax, "one_hot": one_hot}, scope)
    do, dh, da, h = (scope[name] for name in ("do", "dh", "da", "h"))
    sums = {
        "Wxh": scope["dWxh"],
        "Whh": scope["dWhh"],
        "Why": h.T @ do,
        "bh": scope["dbh"],
        "by": do.sum(axis=0),
    }
    return Grads(**sums, h0=da[0] @ params.Whh.T, do=do, dh=dh, da=da)


@pytest.mark.parametrize("key", ["", *CASES])
def test_the_lines_as_shown_give_the_gradient_of_the_library_or_of_the_mistake(key):
    lines = LINES | OTHER_LINES | ({mistake.line: mistake.code for mistake in CASES[key]} if key else {})
    run_, back = mutant(*CASES[key]) if key else (forward, backward)
    for seed in range(5):
        case = make_case(seed, T=6, B=None, V=5, H=4)
        expected = back(case.params, run_(case.params, case.x, case.h0), case.y)
        for name, got in walked(lines, *case[:4])._asdict().items():
            np.testing.assert_allclose(got, getattr(expected, name), rtol=0, atol=1e-14, err_msg=name)


def test_the_wrong_line_is_another_one_in_the_same_place():
    for mistake in (mistake for case in CASES.values() for mistake in case):
        code, right = mistake.code, (LINES | OTHER_LINES)[mistake.line]
        assert code != right and (code[:4].isspace(), len(code.strip()) > 0) == (right[:4].isspace(), True)


# --- the cases in JavaScript ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(browser):
    """A page with the wrong functions and the numerics they are checked with, joined as a widget's module is."""
    page = browser.new_page()
    entry = """
import { CASES, LINES } from "./gradient_detective/cases.js";
import { backward } from "./engine/bptt.js";
import { centralDifferences, compare, descend } from "./engine/gradcheck.js";
import { crossEntropy } from "./engine/loss.js";
import { forward } from "./engine/rnn.js";
export { CASES, LINES, backward, centralDifferences, compare, crossEntropy, descend, forward };
"""
    page.evaluate(
        """async source => {
            const blob = new Blob([source], { type: "text/javascript" });
            window.engine = await import(URL.createObjectURL(blob));
        }""",
        bundle("entry.js", {**facts(), "entry.js": entry}),
    )
    yield page
    page.close()


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
    terms |= {"Wxh": [grads.da], "Whh": [grads.da, [trace.h0, *trace.h]], "Why": [grads.do, trace.h]}
    return max(1e-300, np.prod([np.abs(term).max() for term in terms[name]]))


@each_case
def test_a_case_in_javascript_gives_the_numbers_of_its_python(page, number, key, record_property):
    models = [model for model in random_models(40, contracting=True) if len(model[1]) <= 32][:80]
    if key == "mistake_slope_inverse":  # division by a slope near 0 makes large errors of rounding errors
        models = [model for model in models if (1 - forward(*model[:3]).h ** 2).min() > 0.2]
    got = run(
        page,
        f"""(engine, models) => models.map({MODEL}).map(({{ params, ids, h0, y, reduction }}) => {{
            const code = {{ forward: engine.forward, backward: engine.backward, ...engine.CASES[{number - 1}] }};
            const trace = code.forward(params, ids, h0);
            return {{ trace, grads: code.backward(params, trace, y, reduction) }};
        }})""",
        [as_data(*model) for model in models],
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
    assert wrong > 20
    check_errors(errors, record_property)


@pytest.mark.parametrize("number, key", [*enumerate(["", *CASES])])
def test_the_check_and_the_training_in_javascript_are_those_of_python(page, number, key):
    widget = GradientDetective(text="on and on", hidden_size=3, seed=3, case=number)
    report, losses = widget.report, widget.losses
    model = as_data(widget.params, widget.trace.x, widget.h0, widget.targets, "mean")
    got = run(
        page,
        f"""(engine, {{ model, training }}) => {{
            const {{ params, ids, h0, y }} = {MODEL}(model);
            const code = {{ forward: engine.forward, backward: engine.backward, ...engine.CASES[{number} - 1] }};
            const grads = code.backward(params, code.forward(params, ids, h0), y);
            const expected = engine.centralDifferences(params, ids, y, h0, "mean", code.forward);
            const checks = engine.compare(grads, expected, "mean", ids.length);
            const options = {{ ...training, run: code.forward, back: code.backward }};
            return {{ checks, losses: engine.descend(params, ids, y, h0, options).losses }};
        }}""",
        {"model": model, "training": TRAINING},
    )
    assert tuple(got["checks"]) == NAMES
    for name, check in report.checks.items():
        found = got["checks"][name]
        assert (found["error"] <= TOLERANCES["central"]) == check.ok
        assert found["error"] == pytest.approx(check.error, rel=1e-6, abs=1e-8)
        errors = report.relative_errors[name].ravel()
        np.testing.assert_allclose(found["errors"], errors, rtol=1e-6, atol=1e-8)
    page_losses = np.array([np.nan if loss is None else loss for loss in got["losses"]], float)
    # Rounding errors grow in training, and without bound where it swings or breaks off; at first there are none.
    np.testing.assert_allclose(page_losses[:10], losses[:10], rtol=1e-12)
    if key not in ("mistake_no_mean", "mistake_slope_inverse"):
        np.testing.assert_allclose(page_losses, losses, rtol=1e-6)


@pytest.mark.parametrize("right", ["no such text", "dat"])
def test_a_case_whose_place_is_not_there_once_is_refused_by_name(right, monkeypatch):
    monkeypatch.setitem(CASES, "mistake_late", (CASES["mistake_late"][0]._replace(right_js=right),))
    message = f"mistake_late: expected {right!r} once in backward of engine/bptt.js, found it"
    with pytest.raises(RuntimeError, match=message):
        facts()


def test_the_wrong_functions_stand_in_the_module_and_no_text_is_run_as_code():
    module = GradientDetective._esm
    assert not re.search(r"\beval\(|new Function\(", module)
    assert module.count("function backward(") == 1 + 11 and module.count("function forward(") == 1 + 2
    assert re.findall(r"^export .*", module, re.MULTILINE) == ["export default figure(render);"]
