"""`plot_matrices`: matrices side by side, each with its numbers."""

from functools import partial
from itertools import count
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .. import _check
from ._inputs import real
from ._style import MOST_NUMBERS, STATE_COLOURS, colour_bar, fixed, new_figure, styled, thinned, write_numbers


def plot_matrices(matrices: dict[str, Any], rows: str = "", columns: str = "") -> Figure:
    """Heat maps of matrices side by side, each on its own scale from minus to plus the largest magnitude in it.

    matrices: {title: matrix}, real numbers; rows and columns: what these are, in words, for all of them. Rows and
    columns count from 1. Small matrices show their numbers. Returns a `matplotlib.figure.Figure`.

    Raises TypeError for what is not a dict with strings as keys, and for what are not real numbers; ValueError for none
    at all, for what is not a matrix or is empty, and for numbers that are not finite.
    """
    if not (isinstance(matrices, dict) and all(isinstance(title, str) for title in matrices)):
        raise TypeError(f"matrices: expected a dict of title and matrix, got {_check.describe(matrices)}")
    if not matrices:
        raise ValueError("matrices: expected at least one, got an empty dict")
    arrays = [_matrix(f"matrices[{title!r}]", matrix) for title, matrix in matrices.items()]
    sizes = [np.clip(np.array(array.shape[::-1]) * 0.55, 1.6, 4.5) for array in arrays]
    widths, height = [width for width, _ in sizes], max(height for _, height in sizes)
    with styled():
        figure = new_figure(sum(widths) + 1.4 * len(arrays), height + 0.9)
        panels = figure.subplots(1, len(arrays), width_ratios=widths, squeeze=False)[0]
        for axes, title, array, width in zip(panels, matrices, arrays, widths, strict=True):
            limit = np.abs(array).max() or 1.0
            options = {"cmap": STATE_COLOURS, "vmin": -limit, "vmax": limit, "aspect": "auto"}
            image = axes.imshow(array, interpolation="none", **options)
            colour_bar(figure, image, axes, pad=0.02)
            if max(array.shape) <= MOST_NUMBERS:
                digits = next(n for n in count(2) if 10.0 ** (1 - n) <= limit)  # two of the largest number
                write_numbers(axes, image, array, partial(fixed, digits=digits))
            for name, size, inches in (("x", array.shape[1], width), ("y", array.shape[0], height)):
                ticks = thinned(size, inches, 0.3)
                axes.set(**{f"{name}ticks": ticks, f"{name}ticklabels": [i + 1 for i in ticks]})
            axes.set(xlabel=columns, ylabel=rows)
            axes.set_title(title, fontsize=9, parse_math=False)
    return figure


def _matrix(name, value):
    value = real(name, value)
    if value.ndim != 2 or not value.size:
        raise ValueError(f"{name}: expected a matrix, both sides at least 1, got shape {value.shape}")
    return value
