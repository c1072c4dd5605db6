"""`plot_sweep`: the result of each hidden size and learning rate."""

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from .. import _check
from ..sweep import MEASURED, Sweep
from ._inputs import instance
from ._style import (
    COLOURS,
    CUT,
    GREY_COLOURS,
    MOST_NUMBERS,
    colour_bar,
    new_figure,
    outline,
    styled,
    thinned,
    write_numbers,
)

NAMES = {
    "loss": "last loss, nats",
    "best": "lowest loss, nats",
    "perplexity": "perplexity",
    "updates": "updates",
    "seconds": "seconds",
}
# cells in which no run finished
OPEN = {"facecolor": COLOURS["paper"], "edgecolor": COLOURS["control"], "linewidth": 0.8}


def plot_sweep(result: Sweep, of: str = "loss") -> Figure:
    """A heat map of `Sweep.grid`: one row for each hidden size, one column for each learning rate.

    Sizes and rates rise from the first to the last. of: which measurement is shown, its median over the seeds, with the
    number in each cell of a small figure; the colours of perplexities are logarithmic. Cells in which at least half of
    the runs diverged are hatched, those in which no run finished are white, and the lowest loss or perplexity is
    outlined; the legend says so. Returns a `matplotlib.figure.Figure`.

    Raises TypeError for a result that is not a `Sweep`, ValueError for a measurement that it does not have.
    """
    instance("result", result, Sweep)
    _check.one_of("of", of, MEASURED)
    sizes, rates = np.argsort(result.hidden_sizes), np.argsort(result.rates)
    values, losses = (result.grid(name)[np.ix_(sizes, rates)] for name in (of, "loss"))
    diverged, missing = np.isposinf(losses) | np.isposinf(values), np.isnan(losses)
    shown = np.ma.masked_array(values, ~np.isfinite(values) | diverged)

    width, height = np.clip(len(rates) * 0.62, 1.9, 5.0), np.clip(len(sizes) * 0.42, 0.8, 4.5)
    with styled():
        figure = new_figure(width + 1.7, height + 1.1)
        axes = figure.subplots()
        image = axes.imshow(shown, cmap=GREY_COLOURS, norm=_norm(shown, of), aspect="auto", interpolation="none")
        if shown.count():
            _draw_scale(axes, image, shown, of)
        if max(shown.shape) <= MOST_NUMBERS:
            write_numbers(axes, image, shown, _number)
        words = "diverged" + (": at least half of the runs" if len(result.seeds) > 1 else "")
        legend = _mark(axes, diverged, CUT, words) | _mark(axes, missing, OPEN, "no run came to its end")
        if of in ("loss", "best", "perplexity") and shown.count() > 1:
            row, column = np.unravel_index(shown.argmin(), shown.shape)
            outline(axes, column, row - 0.5, 1, COLOURS["ink"], clip_on=False)
            legend["the lowest"] = Patch(fill=False, edgecolor=COLOURS["ink"], linewidth=2)
        if legend:
            options = {"ncols": min(2, len(legend)), "fontsize": 8, "frameon": False}
            figure.legend(legend.values(), legend, loc="outside lower center", **options)
        columns, rows = thinned(len(rates), width, 0.45), thinned(len(sizes), height, 0.16)
        axes.set_xticks(columns, [f"{result.rates[rates[i]]:.4g}" for i in columns])
        axes.set_yticks(rows, [result.hidden_sizes[sizes[i]] for i in rows])
        axes.set(xlabel="learning rate", ylabel="hidden size H")
    return figure


def _norm(shown, of):
    """Colours from the least to the greatest number shown; those of perplexities are linear in their logarithm."""
    if not shown.count():
        return Normalize(0, 1)
    return (LogNorm if of == "perplexity" else Normalize)(shown.min(), shown.max())


def _draw_scale(axes, image, shown, of):
    bar = colour_bar(axes.figure, image, axes, label=NAMES[of], pad=0.02)
    if of == "perplexity":  # its own ticks are powers of ten, and few perplexities are
        bar.set_ticks(np.unique(np.geomspace(shown.min(), shown.max(), 4)), minor=False)
        bar.minorticks_off()
        bar.ax.yaxis.set_major_formatter(lambda value, place: _number(value))


def _mark(axes, places, style, words):
    """Cover the cells where `places` is true; returns what goes into the legend, {words: patch} or nothing."""
    for row, column in np.argwhere(places):
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **style))
    return {words: Patch(**style)} if places.any() else {}


def _number(value):
    """A number to three digits that fits into a cell."""
    return f"{value:.0f}" if 100 <= value < 1e5 else f"{value:#.3g}".rstrip(".").replace("e+0", "e")
