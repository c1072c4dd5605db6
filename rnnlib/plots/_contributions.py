"""`plot_contributions`: which loss reaches which step of the backward pass, and how strongly."""

import numpy as np
import numpy.typing as npt
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .. import _check
from ._inputs import instance, not_negative, real
from ._style import (
    COLOURS,
    CUT,
    LENGTH_COLOURS,
    colour_bar,
    label,
    new_figure,
    short,
    styled,
    thinned,
    turn_code_points,
    write_numbers,
)


def plot_contributions(matrix: npt.ArrayLike, text: str | None = None, *, truncate: int | None = None) -> Figure:
    """A heat map of `contributions`: how much the loss of each step depends on the pre-activation of each earlier step.

    matrix: |∂L_t/∂a_s| of shape (T, T), in nats per unit of pre-activation. Row t is the step of the loss, column
    s <= t the step that it reaches, both counted from 1 as in the equations; nothing is drawn above the diagonal.
    The colours are logarithmic, from the largest number down to the smallest, over two to six decades; zero and all
    smaller numbers have the lowest colour. The first T characters of `text` label the steps. With `truncate=k` the
    cells that `backward` leaves out, t - s >= k, are grey and the edge of the band is drawn; the colours of the others
    stay the same. Up to ten steps show their numbers; of many steps only some are labelled. Returns a
    `matplotlib.figure.Figure`.

    Raises TypeError for a matrix that does not hold real numbers, a text that is not a string and a truncate that is
    not a whole number; ValueError for a matrix that is not square or is empty, for numbers that are not finite,
    negative or above the diagonal, for a text of fewer than T characters and a truncate below 1.
    """
    matrix = _checked(matrix)
    T = len(matrix)
    if text is not None and len(instance("text", text, str, "a string")) < T:
        raise ValueError(f"text: expected at least {T} characters, one for each step, got {len(text)}")
    k = T if truncate is None else _check.positive_int("truncate", truncate)

    lowest, largest = _colour_range(matrix)
    lag = np.subtract.outer(np.arange(T), np.arange(T))
    size = np.clip(T * 0.42, 2.0, 5.0)
    signs = [""] * T if text is None else [label(character) for character in text[:T]]
    more = 0.07 * (max(map(len, signs)) - 1)  # inches
    with styled():
        figure = new_figure(size + 1.6 + more, size + 0.7 + more)
        axes = figure.subplots()
        shown = np.ma.masked_array(np.clip(matrix, lowest, largest), (lag < 0) | (lag >= k))
        options = {"norm": LogNorm(lowest, largest), "aspect": "auto", "interpolation": "none"}
        image = axes.imshow(shown, cmap=LENGTH_COLOURS, **options)
        name = "$|\\partial L_t / \\partial a_s|$\nnats per unit of pre-activation"
        extend = "min" if (matrix[lag >= 0] < lowest).any() else "neither"
        colour_bar(figure, image, axes, label=name, extend=extend, pad=0.02, fraction=0.06)
        if T <= 10:
            write_numbers(axes, image, np.ma.masked_array(matrix, shown.mask), short)
        if k < T:
            _draw_cut(axes, T, k)
        _label_steps(axes, signs, size)
        axes.set_xlabel("step reached s" + ("" if text is None else "\n(beside the steps: their input characters)"))
        axes.set_ylabel("step of the loss t")
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _checked(matrix):
    matrix = real("matrix", matrix)
    if matrix.ndim != 2 or len(matrix) != matrix.shape[-1] or not matrix.size:
        raise ValueError(f"matrix: expected shape (T, T), T at least 1, got {matrix.shape}")
    not_negative("matrix", matrix)
    if np.triu(matrix, 1).any():
        t, s = (int(i) for i in np.argwhere(np.triu(matrix, 1))[0])
        raise ValueError(f"matrix: expected zeros above the diagonal, for s > t, got {matrix[t, s]} at index {t, s}")
    return matrix


def _colour_range(matrix):
    """The numbers with the lowest and the highest colour: two to six decades that end with the largest number."""
    seen = np.clip(matrix[matrix > 0], 1e-270, 1e300)  # a colour bar cannot show smaller or larger ones
    largest, smallest = (seen.max(), seen.min()) if seen.size else (1.0, 0.0)
    return np.clip(smallest, largest / 1e6, largest / 1e2), largest


def _draw_cut(axes, T, k):
    """Hatch the cells that the truncation leaves out, and draw the edge of the band."""
    corners = np.arange(T - k + 1) - 0.5
    axes.fill_between(corners, corners + k, T - 0.5, step="post", **CUT)
    axes.step(corners, corners + k, COLOURS["ink"], where="post", linewidth=2, solid_joinstyle="miter")
    axes.legend([Patch(**CUT)], [f"cut (k = {k})"], loc="upper right", fontsize=8, frameon=False, borderpad=0)


def _label_steps(axes, signs, size):
    """The numbers of the steps and their characters along both axes, of so many inches each."""
    ticks = thinned(len(signs), size, 0.2)
    axes.set_yticks(ticks, [f"{signs[i]}  {i + 1}" for i in ticks])
    axes.set_xticks(ticks, [f"{i + 1}\n{signs[i]}" if len(signs[i]) < 2 else f"{signs[i]}  {i + 1}" for i in ticks])
    turn_code_points(axes.get_xticklabels(), [signs[i] for i in ticks])
