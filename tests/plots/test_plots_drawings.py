"""The drawings of one idea each: what they draw are the numbers that they are given."""

import io
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure
from models import refuses

from rnnlib import Vocabulary, backward, contributions, forward, init_params
from rnnlib.plots import COLOURS, label_lines, plot_cuts, plot_outer_products, plot_uses, plot_vector_sum
from rnnlib.plots._labels import spread

TEXT = "I am learning RNN"
VOCAB = Vocabulary(TEXT)
PARAMS = init_params(12, 4, rng=np.random.default_rng(0))
X, Y = VOCAB.encode(TEXT[:-1]), VOCAB.encode(TEXT[1:])
TRACE = forward(PARAMS, X)
GRADS = backward(PARAMS, TRACE, Y, reduction="sum")
BEFORE = np.vstack([TRACE.h0, TRACE.h[:-1]])


def words(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def arrows(axes):
    """Tail and tip of every arrow."""
    return [np.array([a.xyann, a.xy]) for a in axes.texts if getattr(a, "arrow_patch", None)]


# Two vectors and their sum


@pytest.mark.parametrize(
    ("a", "b"),
    [([1, 2, 0], [0, -1, 3]), ([1, 0], [0, 1]), ([1, 1], [2, 2]), ([1, 0], [-1, 0]), ([0, 0], [0, 2]), ([3], [-1])],
)
def test_lengths_and_the_angle_between_the_vectors_are_drawn_as_they_are(a, b):
    a, b = np.array(a, float), np.array(b, float)
    figure = plot_vector_sum({"one": a, "two": b}, "both", "here")
    figure.canvas.draw()
    first, second, total = arrows(figure.axes[0])
    u, v, w = (np.diff(ends, axis=0)[0] for ends in (first, second, total))
    assert np.allclose([u @ u, v @ v, u @ v], [a @ a, b @ b, a @ b], atol=1e-9)
    assert np.allclose(w, u + v) and np.allclose([first[1], second[1], total[0]], 0)
    assert w[0] <= 1e-9 and abs(w[1]) < 1e-9, "the sum goes to the left"
    assert f"both\nlength {np.linalg.norm(a + b):.3f}" in words(figure) and "here" in words(figure)


def test_what_is_no_pair_of_vectors_is_refused():
    with refuses(TypeError, "terms", "list", expected="dict"):
        plot_vector_sum([[1.0], [2.0]])
    with refuses(ValueError, "terms", "3", expected="two"):
        plot_vector_sum({"a": [1.0], "b": [1.0], "c": [1.0]})
    for value in ([1.0], [[1.0, 2.0]]):
        with refuses(ValueError, "terms", "(2,)", expected="same length"):
            plot_vector_sum({"a": [1.0, 2.0], "b": value})
    with refuses(ValueError, "terms", "zeros", expected="not zero"):
        plot_vector_sum({"a": [0.0], "b": [0.0]})
    with pytest.raises(TypeError, match=r"terms\['a'\]: expected real numbers, got .*complex"):
        plot_vector_sum({"a": [1j], "b": [0.0]})


# One weight and its uses


def test_each_use_begins_where_the_one_before_it_ended_and_the_last_bar_is_the_gradient():
    effects = BEFORE[:, 0] * GRADS.da[:, 1]
    figure = plot_uses(effects, TEXT[:-1], "Whh[0, 1]")
    (axes,) = figure.axes
    bars = [(bar.get_y(), bar.get_y() + bar.get_height()) for bar in axes.patches]
    assert len(bars) == 17
    assert np.allclose([end - start for start, end in bars[:-1]], effects, atol=1e-15)
    assert all(np.isclose(one[1], two[0]) for one, two in pairwise(bars[:-1]))
    assert np.allclose(bars[-1], (0, GRADS.Whh[0, 1]))
    assert "".join(tick.get_text() for tick in axes.get_xticklabels()) == TEXT[:-1].replace(" ", "␣")
    assert f"sum\n{GRADS.Whh[0, 1]:.3f}".replace("-", "−") in words(figure) and "Whh[0, 1], 16 uses" in words(figure)
    top = max(line.get_ydata()[0] for line in axes.lines)
    strings = [line for line in axes.lines if len(line.get_xdata()) == 2 and line.get_ydata()[0] == top]
    assert [line.get_xdata()[1] for line in strings] == list(range(16))


@pytest.mark.parametrize("effects", [[0.0], [0.0, 0.0], [-1.0], [1e-9, -1e9], np.ones(64)])
def test_effects_of_any_size_and_number_are_drawn(effects):
    plot_uses(effects).canvas.draw()


def test_effects_that_are_no_row_of_numbers_and_texts_of_another_length_are_refused():
    for effects in ([], [[1.0]]):
        with refuses(ValueError, "effects", expected="(T,)"):
            plot_uses(effects)
    with refuses(TypeError, "effects", "complex", expected="real"):
        plot_uses([1j])
    with refuses(ValueError, "text", "1", expected="2 characters"):
        plot_uses([1.0, 2.0], "a")
    with refuses(TypeError, "text", "5", expected="a string"):
        plot_uses([1.0], 5)


# Products that pile up


def test_tiles_are_the_products_and_the_last_pile_is_the_gradient():
    figure = plot_outer_products(BEFORE, GRADS.da, ("h", "da", "dWhh"))
    images = [np.asarray(image.get_array()) for image in figure.axes[0].images]
    assert np.allclose(images[-1], GRADS.Whh)
    pile = 0
    for k in range(3):
        column, row, tile, sum_ = images[4 * k : 4 * k + 4]
        t = 15 - k
        pile = pile + np.outer(BEFORE[t], GRADS.da[t])
        assert np.array_equal(column[:, 0], BEFORE[t]) and np.array_equal(row[0], GRADS.da[t])
        assert np.allclose(tile, column @ row) and np.allclose(sum_, pile)
    limits = {image.get_clim() for image in figure.axes[0].images}
    assert len(limits) == 3, "one scale for columns, one for rows, one for products and sums"
    assert {"step 16", "step 14", "dWhh\n16 products"} <= set(words(figure))


def test_columns_and_rows_that_do_not_belong_together_are_refused():
    for columns, rows in (((5, 2), (4, 2)), ((3, 2), (3, 2)), ((5,), (5, 1)), ((5, 0), (5, 1))):
        with pytest.raises(ValueError, match=r"(columns|rows): expected shape \(T, n\)"):
            plot_outer_products(np.ones(columns), np.ones(rows))
    plot_outer_products(np.zeros((4, 1)), np.zeros((4, 7))).canvas.draw()


# Cuts


def test_strands_reach_the_steps_that_each_cut_leaves_them():
    matrix = contributions(PARAMS, TRACE, Y)
    figure = plot_cuts(matrix, 4, TEXT[:-1])
    widest = matrix[8:, 8:].max()
    for axes, first in zip(figure.axes, ("reach", "chunks", "chunks"), strict=True):
        strands = {}
        for line in axes.lines:
            if line.get_color() == COLOURS["back"]:
                strands.setdefault(line.get_ydata()[0], []).append(line)
        assert len(strands) == 4
        for t, (_, lines) in zip(range(12, 16), sorted(strands.items(), reverse=True), strict=True):
            reached = [round(line.get_xdata()[0]) for line in lines]
            assert reached == list(range(t, t - 4 if first == "reach" else 11, -1))
            widths = [line.get_linewidth() for line in lines]
            assert np.allclose(np.subtract(widths, 0.8) / 5, matrix[t, reached] / widest)
    cuts = [sum(line.get_color() == COLOURS["ink"] for line in axes.lines) for axes in figure.axes]
    assert cuts == [4, 4, 5], "only a reset cuts the state too"


def test_cuts_that_do_not_fit_are_refused():
    with refuses(ValueError, "length", "9", expected="1 to 8"):
        plot_cuts(np.eye(16), 9)
    for matrix in (np.ones((3, 4)), np.ones((1, 1)), np.ones(4)):
        with refuses(ValueError, "matrix", str(matrix.shape), expected="(T, T)"):
            plot_cuts(matrix, 1)
    with refuses(ValueError, "matrix", "-1", expected="no negative"):
        plot_cuts([[1, 0], [-1, 1]], 1)
    with refuses(ValueError, "text", "3", expected="2 characters"):
        plot_cuts(np.eye(2), 1, "abc")
    plot_cuts(np.zeros((2, 2)), 1).canvas.draw()


# Names at the ends of lines


def test_names_that_would_lie_on_each_other_move_apart_as_little_as_they_must():
    assert np.allclose(spread([0.1, 0.9], 0.2), [0.1, 0.9])
    assert np.allclose(spread([0.5, 0.5], 0.2), [0.4, 0.6])
    assert np.allclose(spread([0.5, 0.1, 0.55], 0.2), [0.425, 0.1, 0.625])
    assert np.allclose(spread([0.9, 0.9, 0.9, 0.0], 0.1), [0.8, 0.9, 1.0, 0.0])


@pytest.mark.parametrize("seed", range(5))
def test_names_keep_their_order_and_their_distance(seed):
    places = np.random.default_rng(seed).random(12)
    moved = spread(places, 0.05)
    assert (np.diff(moved[np.argsort(places)]) > 0.05 - 1e-12).all()
    apart = np.isclose(np.diff(np.sort(moved)), 0.05)
    assert apart.any() and abs(np.mean(moved) - np.mean(places)) < 1e-12


def test_a_name_is_level_with_the_end_of_its_line_in_its_colour():
    figure = Figure((6, 3))
    axes = figure.subplots()
    axes.plot([1, 2, 3], [1, 10, 100], color="#1b1f24", label="up")
    axes.plot([1, 2, 3], [1, 0.1, np.nan], color="#767f89", label="down")
    axes.plot([1, 2], [5, 5])
    axes.set(yscale="log", ylim=(0.01, 1000))
    label_lines(axes)
    up, down = axes.texts
    assert (up.get_text(), up.get_color(), down.get_text(), down.get_color()) == ("up", "#1b1f24", "down", "#767f89")
    assert np.allclose([up.xy, down.xy], [(1, 0.8), (1, 0.2)])
    figure.savefig(io.BytesIO())


def test_what_has_no_lines_is_refused_or_left_alone():
    with refuses(TypeError, "axes", "None", expected="Axes"):
        label_lines(None)
    axes = Figure().subplots()
    axes.plot([], [], label="nothing")
    label_lines(axes)
    assert not axes.texts
