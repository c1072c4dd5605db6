"""The figures of the pass backward: the matrix of contributions, the gradient check, and the choice of a step."""

import io
import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import style
from matplotlib.image import imread
from models import make_case, refuses

from rnnlib import Vocabulary, backward, contributions, forward, init_params
from rnnlib.gradcheck import NAMES, Report, check_gradients
from rnnlib.plots import COLOURS, plot_check, plot_contributions, plot_step_sizes

SENTENCE = "I am learning RNN"
LONG = "".join(map(chr, range(40, 105)))
ODD = "夏洛特烦恼$_🤖\n\t\u0301 你"


def matrix_of(text, hidden_size=4):
    vocab = Vocabulary(text)
    ids = vocab.encode(text)
    params = init_params(len(vocab), hidden_size, rng=np.random.default_rng(0))
    return contributions(params, forward(params, ids[:-1]), ids[1:])


def check(B=None, only=NAMES, wrong=None, **options):
    """A report on the gradients named, some of them replaced by what `wrong(grads)` returns."""

    def chosen(params, trace, y, *, reduction):
        grads = backward(params, trace, y, reduction=reduction)
        changed = grads._asdict() | (wrong(grads) if wrong else {})
        return SimpleNamespace(**{name: changed[name] for name in only})

    case = make_case(0, T=4, B=B, V=6, H=3)
    return check_gradients(case.params, case.x, case.y, h0=case.h0, backward=chosen, **options)


def png(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png")
    file.seek(0)
    return imread(file)


def panel(figure, name):
    (axes,) = (axes for axes in figure.axes if axes.get_title().split(" ")[0] == name)
    return axes


def ticks(axis):
    return [tick.get_text() for tick in axis.get_ticklabels()]


STEPS = 10.0 ** np.arange(-12, 1)
CURVES = {"central difference": STEPS**2 + 1e-16 / STEPS, "complex step": np.where(STEPS < 1e-8, 0, STEPS**2)}
EVERY_FIGURE = {
    "three steps": lambda: plot_contributions(matrix_of("abca", 3), "abc", truncate=2),
    "one step": lambda: plot_contributions(matrix_of("ab"), "a"),
    "a sentence": lambda: plot_contributions(matrix_of(SENTENCE), SENTENCE, truncate=5),
    "odd characters": lambda: plot_contributions(matrix_of(ODD), ODD, truncate=3),
    "64 steps": lambda: plot_contributions(matrix_of(LONG), LONG, truncate=20),
    "64 steps without a text": lambda: plot_contributions(matrix_of(LONG)),
    "all gradients": lambda: plot_check(check()),
    "a batch": lambda: plot_check(check(B=7, method="central")),
    "one vector": lambda: plot_check(check(only=["bh"])),
    "one matrix": lambda: plot_check(check(only=["Why"])),
    "causes": lambda: plot_check(check(wrong=lambda g: {n: getattr(g, n).ravel()[1:] + 0j for n in NAMES})),
    "curves": lambda: plot_step_sizes(STEPS, CURVES),
    "many curves": lambda: plot_step_sizes(STEPS, {f"{ODD} {i}": 10.0**-i * STEPS for i in range(12)}),
    "one point": lambda: plot_step_sizes([1e-3], {"one": [0.0]}),
}


@pytest.mark.parametrize("name", EVERY_FIGURE)
def test_nothing_is_clipped_or_too_wide_or_in_the_way_of_its_neighbour(name):
    figure = EVERY_FIGURE[name]()
    page = png(figure)
    assert (page[0] == 1).all() and (page[:, 0] == 1).all() and (page[-1] == 1).all() and (page[:, -1] == 1).all()
    width, height = figure.get_size_inches()
    box = figure.get_tightbbox()
    assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
    assert width <= 7.7 and height <= 7
    for axes in figure.axes:
        for axis, low, high in ((axes.xaxis, "x0", "x1"), (axes.yaxis, "y0", "y1")):
            signs = [tick.get_window_extent() for tick in axis.get_ticklabels() if tick.get_text()]
            for one, next in itertools.pairwise(sorted(signs, key=lambda box: getattr(box, low))):
                assert getattr(one, high) <= getattr(next, low)


@pytest.mark.parametrize("name", ["a sentence", "all gradients", "curves"])
def test_a_dark_style_of_the_reader_changes_nothing_even_while_the_figure_is_drawn(name):
    plain = png(EVERY_FIGURE[name]())
    with style.context("dark_background"):
        np.testing.assert_array_equal(png(EVERY_FIGURE[name]()), plain)


def test_the_heat_map_holds_the_matrix_and_nothing_above_the_diagonal():
    matrix = matrix_of(SENTENCE)
    axes = plot_contributions(matrix, SENTENCE).axes[0]
    shown = axes.images[0].get_array()
    np.testing.assert_array_equal(shown.mask, np.triu(np.ones((16, 16), bool), 1))
    np.testing.assert_array_equal(shown.filled(0), matrix)
    assert axes.images[0].get_clim() == (matrix[matrix > 0].min(), matrix.max())
    assert axes.get_ylabel() == "step of the loss t" and axes.get_xlabel().startswith("step reached s")
    assert ticks(axes.yaxis) == [f"{sign}  {t}" for t, sign in enumerate("I␣am␣learning␣RN", 1)]
    assert ticks(axes.xaxis) == [f"{s}\n{sign}" for s, sign in enumerate("I␣am␣learning␣RN", 1)]
    assert not axes.texts


def test_up_to_ten_steps_carry_their_numbers():
    matrix = np.tril([[0.31415], [0.0], [2.5e-9], [12.0]] * np.ones(4))
    texts = {text.get_position(): text.get_text() for text in plot_contributions(matrix, truncate=3).axes[0].texts}
    words = ["0.31", "0", "2.5e−9", "12"]
    assert texts == {(s, t): words[t] for t in range(4) for s in range(t + 1) if t - s < 3}


def test_the_colours_reach_over_six_decades_at_most_and_what_is_smaller_has_the_lowest():
    matrix = np.tril([[2.0, 0, 0], [2e-3, 1e-7, 0], [1e-300, 0.0, 1.0]])
    image = plot_contributions(matrix).axes[0].images[0]
    assert image.get_clim() == (2e-6, 2.0)
    np.testing.assert_array_equal(image.get_array().filled(0), [[2, 0, 0], [2e-3, 2e-6, 0], [2e-6, 2e-6, 1]])


@pytest.mark.parametrize("number", [0.0, 5e-324, 1e-310, 1e-300, 1.0, 1e300, 1.7e308])
@pytest.mark.parametrize("T", [1, 3])
def test_zeros_and_numbers_of_any_size_can_be_drawn(T, number):
    figure = plot_contributions(number * np.tril(np.ones((T, T))))
    low, high = figure.axes[0].images[0].get_clim()
    assert 0 < low <= high / 100
    png(figure)


@pytest.mark.parametrize("k", [1, 2, 5, 6, 7, 100, np.int64(3)])
def test_truncation_greys_the_cells_that_it_cuts_and_draws_the_edge_of_the_band(k):
    matrix = matrix_of("abcbcab")
    axes = plot_contributions(matrix, truncate=k).axes[0]
    cut = np.subtract.outer(np.arange(6), np.arange(6)) >= k
    shown = axes.images[0].get_array()
    np.testing.assert_array_equal(shown.mask, cut | np.triu(np.ones((6, 6), bool), 1))
    assert axes.images[0].get_clim() == plot_contributions(matrix).axes[0].images[0].get_clim()
    if k >= 6:
        assert not axes.collections and not axes.lines and axes.get_legend() is None
        return
    (grey,) = axes.collections[0].get_paths()
    assert {(t, s) for t, s in np.ndindex(6, 6) if grey.contains_point((s, t))} == set(map(tuple, np.argwhere(cut)))
    edge = axes.lines[0].get_xydata()
    np.testing.assert_array_equal(edge, [(i - 0.5, i + k - 0.5) for i in range(6 - k + 1)])
    assert axes.get_legend().get_texts()[0].get_text() == f"cut (k = {k})"


@pytest.mark.parametrize(
    "matrix, options, error, argument, got",
    [
        (np.zeros((2, 3)), {}, ValueError, "matrix", "(2, 3)"),
        (np.zeros(3), {}, ValueError, "matrix", "(3,)"),
        (np.zeros((0, 0)), {}, ValueError, "matrix", "(0, 0)"),
        (np.zeros((2, 2, 2)), {}, ValueError, "matrix", "(2, 2, 2)"),
        ([[1, 0], [1]], {}, ValueError, "matrix", "[[1, 0], [1]]"),
        ("text", {}, TypeError, "matrix", "'text'"),
        (np.eye(2) + 0j, {}, TypeError, "matrix", "complex128"),
        ([[1, 0], [np.nan, 1]], {}, ValueError, "matrix", "nan at index (1, 0)"),
        ([[1, 0], [-3, 1]], {}, ValueError, "matrix", "-3.0 at index (1, 0)"),
        ([[1, 0.5], [1, 1]], {}, ValueError, "matrix", "0.5 at index (0, 1)"),
        (np.eye(3), {"text": 3}, TypeError, "text", "int 3"),
        (np.eye(3), {"text": "ab"}, ValueError, "text", "2"),
        (np.eye(3), {"truncate": 0}, ValueError, "truncate", "0"),
        (np.eye(3), {"truncate": 1.0}, TypeError, "truncate", "float 1.0"),
    ],
)
def test_a_matrix_that_cannot_be_drawn_is_refused(matrix, options, error, argument, got):
    with refuses(error, argument, got):
        plot_contributions(matrix, **options)


@pytest.mark.parametrize("B", [None, 5])
def test_each_gradient_has_a_map_of_its_relative_errors_on_one_scale(B):
    report = check(B, wrong=lambda g: {"Whh": g.Whh.T, "by": g.by * 1e9}, tolerance=1e-7)
    figure = plot_check(report)
    assert [axes.get_title().split(" ")[0] for axes in figure.axes[:-1]] == list(NAMES)
    for name, errors in report.relative_errors.items():
        image = panel(figure, name).images[0]
        np.testing.assert_array_equal(image.get_array(), np.atleast_2d(np.clip(errors, 1e-16, 1)))
        assert image.get_clim() == (1e-16, 1)
    assert figure.axes[-1].get_xlim() == pytest.approx((1e-16, 1))
    assert {line.get_xdata()[0] for line in figure.axes[-1].lines if len(line.get_xdata())} == {1e-7}
    assert [text.get_text() for text in figure.axes[-1].texts] == ["tolerance 1e−7"]
    names = {axes.get_title().split(" ")[0]: (axes.get_ylabel(), axes.get_xlabel()) for axes in figure.axes[:-1]}
    assert names == {
        "Wxh": ("from symbol", "to unit"), "Whh": ("from unit", "to unit"), "Why": ("from unit", "to symbol"),
        "bh": ("", "unit"), "by": ("", "symbol"), "h0": ("" if B is None else "sequence", "unit"),
    }  # fmt: skip
    assert ticks(panel(figure, "Whh").yaxis) == ["0", "1", "2"]
    assert ticks(panel(figure, "h0").yaxis) == ([] if B is None else ["0", "1", "2", "3", "4"])


def test_the_worst_entry_is_outlined_and_told_with_the_verdict():
    report = check(2, wrong=lambda g: {"Why": g.Why + np.eye(3, 6, k=2)})
    figure = plot_check(report)
    for name, one in report.checks.items():
        axes = panel(figure, name)
        row, column = one.index if len(one.index) == 2 else (0, *one.index)
        assert {patch.get_xy() for patch in axes.patches} == {(column - 0.5, row - 0.5)}
        verdict, worst = axes.get_title().splitlines()
        assert verdict == f"{name} {'WRONG ✗' if name == 'Why' else 'ok ✓'}"
        assert worst.endswith(f" at {one.index}")
        number = float(worst.split(" ")[1].replace("−", "-"))
        assert number == pytest.approx(one.error, rel=0.05)


def test_entries_that_are_not_finite_have_the_worst_colour_and_a_cross():
    def wrong(grads):
        Wxh, h0 = grads.Wxh.copy(), grads.h0.copy()
        Wxh[4, 1], Wxh[2, 0], h0[2] = np.nan, np.inf, -np.inf
        return {"Wxh": Wxh, "h0": h0}

    figure = plot_check(check(wrong=wrong))
    for name, cells in (("Wxh", {(4, 1), (2, 0)}), ("h0", {(0, 2)}), ("Whh", set())):
        axes = panel(figure, name)
        assert {(row, column) for column, row in axes.lines[0].get_xydata()} == cells
        assert set(map(tuple, np.argwhere(axes.images[0].get_array() == 1))) == cells
    assert panel(figure, "Wxh").get_title() == "Wxh WRONG ✗\nworst ∞ at (2, 0)"
    assert figure.axes[-1].get_xlabel() == "relative error  (×: not finite)"


def test_a_gradient_that_cannot_be_compared_is_an_empty_frame_with_the_cause():
    report = check(wrong=lambda g: {"Why": g.Why.T, "bh": g.bh + 0j})
    figure = plot_check(report)
    for name in ("Why", "bh"):
        axes = panel(figure, name)
        assert not axes.images and not axes.patches and not axes.lines
        assert axes.get_title() == f"{name} WRONG ✗"
        (text,) = axes.texts
        assert text.get_text().replace("\N{NO-BREAK SPACE}", " ").split() == report.checks[name].cause.split()
    figure.draw_without_rendering()
    for name in ("Why", "bh"):  # the cause stays in its frame
        frame, text = panel(figure, name).get_window_extent(), panel(figure, name).texts[0].get_window_extent()
        assert frame.x0 <= text.x0 <= text.x1 <= frame.x1 and frame.y0 <= text.y0 <= text.y1 <= frame.y1


@pytest.mark.parametrize("only", [["Whh"], ["bh"], ["Wxh", "by"], ["h0", "Why", "Whh"]])
def test_only_the_gradients_that_were_given_are_drawn(only):
    report = check(only=only)
    assert [axes.get_title().split(" ")[0] for axes in plot_check(report).axes[:-1]] == list(report.checks)


def test_what_is_no_report_is_refused():
    with refuses(TypeError, "report", "dict {}", expected="Report"):
        plot_check({})
    with refuses(ValueError, "report", "none"):
        plot_check(Report("complex", 1e-9, {}, {}, {}, {}))


def test_each_curve_is_drawn_in_the_order_of_the_steps_and_its_least_error_ringed_and_told():
    mixed = np.random.default_rng(0).permutation(len(STEPS))
    curves = {name: errors[mixed] for name, errors in CURVES.items()}
    figure = plot_step_sizes(STEPS[mixed], curves)
    axes = figure.axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    central, ring, complex_step, other_ring = axes.lines
    np.testing.assert_array_equal(central.get_xydata(), np.stack([STEPS, CURVES["central difference"]], axis=1))
    np.testing.assert_array_equal(complex_step.get_ydata(), np.maximum(CURVES["complex step"], 1e-17))
    best = CURVES["central difference"].argmin()
    assert ring.get_xydata().tolist() == [[STEPS[best], CURVES["central difference"][best]]]
    assert other_ring.get_ydata() == [1e-17]
    first = STEPS[mixed][curves["complex step"].argmin()]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "central difference: least 1e−10 at step 1e−6",
        f"complex step: least 0 at step {first:.0e}".replace("e-", "e−").replace("−0", "−"),
    ]
    assert axes.get_ylabel() == "error  (zero is drawn at 1e−17)"


def test_zero_stands_no_higher_than_any_other_error_and_is_not_mentioned_where_there_is_none():
    axes = plot_step_sizes([1.0, 2.0], {"a": [0, 1e-30]}).axes[0]
    assert list(axes.lines[0].get_ydata()) == [1e-30, 1e-30]
    assert plot_step_sizes([1.0, 2.0], {"a": [1, 1e-30]}).axes[0].get_ylabel() == "error"


def test_no_two_of_twelve_curves_look_alike():
    figure = plot_step_sizes(STEPS, {str(i): STEPS for i in range(12)})
    lines = figure.axes[0].lines[::2]
    assert len({(line.get_linestyle(), line.get_marker()) for line in lines}) == 12
    assert lines[0].get_color() == COLOURS["ink"]


def test_any_name_of_a_curve_is_shown_as_it_is():
    figure = plot_step_sizes([1.0], {"_$x$ 🤖": [1.0]})
    png(figure)  # a glyph that no font has would warn, and warnings are errors here
    assert figure.legends[0].get_texts()[0].get_text() == "_$x$ U+1F916: least 1 at step 1"
    assert not figure.legends[0].get_texts()[0].get_parse_math()


@pytest.mark.parametrize(
    "steps, errors, error, argument, got",
    [
        ([], {"a": []}, ValueError, "steps", "(0,)"),
        ([[1.0]], {"a": [1.0]}, ValueError, "steps", "(1, 1)"),
        (1.0, {"a": 1.0}, ValueError, "steps", "()"),
        ([1.0, 0.0], {"a": [1, 1]}, ValueError, "steps", "0.0"),
        ([1.0, -2.0], {"a": [1, 1]}, ValueError, "steps", "-2.0"),
        ([np.inf], {"a": [1.0]}, ValueError, "steps", "inf at index (0,)"),
        ([1j], {"a": [1.0]}, TypeError, "steps", "complex128"),
        ("steps", {"a": [1.0]}, TypeError, "steps", "'steps'"),
        ([1.0], [1.0], TypeError, "errors", "list [1.0]"),
        ([1.0], {}, ValueError, "errors", "an empty dict"),
        ([1.0], {3: [1.0]}, TypeError, "errors", "int 3"),
    ],
)
def test_steps_and_errors_that_cannot_be_drawn_are_refused(steps, errors, error, argument, got):
    with refuses(error, argument, got):
        plot_step_sizes(steps, errors)


@pytest.mark.parametrize(
    "values, error, message",
    [
        ([1.0, 2.0], ValueError, "expected shape (1,), got (2,)"),
        ([-1.0], ValueError, "expected no negative numbers, got -1.0 at index (0,)"),
        ([np.nan], ValueError, "expected finite numbers, got nan at index (0,)"),
        ("b", TypeError, "expected an array of numbers, got str 'b'"),
        ([1j], TypeError, "expected real numbers, got an array of shape (1,) and type complex128"),
    ],
)
def test_a_curve_that_cannot_be_drawn_is_refused_by_its_name(values, error, message):
    with pytest.raises(error) as caught:
        plot_step_sizes([1.0], {"right": [1.0], "central difference": values})
    assert str(caught.value) == f"errors['central difference']: {message}"


def test_entries_that_were_not_checked_stay_blank_and_get_no_cross():
    figure = plot_check(check(B=2, sample=4, wrong=lambda grads: {"bh": [np.nan, *grads.bh[1:]]}))
    for name, shown in (("Wxh", 4), ("Why", 4), ("bh", 3)):
        axes = panel(figure, name)
        assert np.isfinite(np.ma.filled(axes.images[0].get_array(), np.nan)).sum() == shown
        assert len(axes.lines[0].get_xdata()) == (name == "bh")
