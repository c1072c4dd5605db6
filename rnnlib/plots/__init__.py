"""Matplotlib pictures of what the network computed. They need no display and leave no state behind.

The figures are plain `matplotlib.figure.Figure`s, outside pyplot: nothing has to be closed, and nothing is shared.
"""

import re
import textwrap
from typing import Any

import numpy as np
import numpy.typing as npt

from .._extras import missing

try:
    import matplotlib  # noqa: F401
except ModuleNotFoundError as error:
    raise missing("rnnlib.plots", "matplotlib", "plots") from error

from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .. import _check
from ..gradcheck import Report
from ..loss import check_targets
from ..rnn import Trace
from ..text import Vocabulary
from ._graph import plot_graph
from ._matrices import plot_matrices
from ._style import (
    CUT,
    MAGNITUDE_COLOURS,
    MOST_NUMBERS,
    OUTLINE,
    PROBABILITY_COLOURS,
    STATE_COLOURS,
    fonts,
    label,
    new_figure,
    outline,
    short,
    styled,
    thinned,
    write_numbers,
)
from ._sweep import plot_sweep
from ._training import plot_training

__all__ = [
    "STATE_COLOURS",
    "fonts",
    "label",
    "plot_check",
    "plot_contributions",
    "plot_graph",
    "plot_matrices",
    "plot_step_sizes",
    "plot_sweep",
    "plot_trace",
    "plot_training",
]

ERRORS = 1e-16, 1.0  # the ends of the colours of a gradient check
ZERO = 1e-17  # where a logarithmic axis shows an error of zero
PANELS = {  # place in the grid, and what rows and columns are; those that share their columns stand below each other
    "Wxh": (0, 0, "from symbol", "to unit"),
    "Whh": (0, 1, "from unit", "to unit"),
    "Why": (0, 2, "from unit", "to symbol"),
    "bh": (1, 0, "", "unit"),
    "h0": (1, 1, "sequence", "unit"),
    "by": (1, 2, "", "symbol"),
}
WRONG = "#b2182b"
CURVES = (  # colours, dashes and markers, each repeated after a length of its own
    (WRONG, "#2166ac", "#1a1a1a", "#e08214", "#5aae61", "#762a83"),
    ("-", "--", "-.", ":"),
    ("o", "s", "^", "D", "v"),
)


def plot_trace(trace: Trace, vocab: Vocabulary, y: npt.ArrayLike | None = None, *, t: int | None = None) -> Figure:
    """Two heat maps of one sequence over a shared time axis: the hidden states h, and the predictions ŷ.

    trace: what `forward` returned for ids of shape (T,); vocab: its `Vocabulary` of V characters. Above stands
    h, one row for each of the H units, from -1 to 1; below ŷ, one row for each character, from 0 to 1. The
    columns are the steps, the input characters stand at the bottom. With targets y of shape (T,) the cell of
    each true next character is outlined; with a step t, its column. As everywhere in code t counts from 0; the
    picture counts steps and units from 1, as the equations do. Small pictures carry their numbers, large ones
    thin out their ticks. Returns a `matplotlib.figure.Figure`.

    Raises TypeError when vocab is no Vocabulary, t no whole number, or an id no integer; ValueError for a batch,
    features instead of ids, complex numbers, a vocabulary of another size, targets that do not fit, and a step
    out of range.
    """
    T, H, V, t, y = _checked(trace, vocab, y, t)
    width = np.clip(T * 0.42, 1.6, 8.4)  # wide enough for a number in each cell
    heights = [np.clip(rows * 0.26, 1.3, 4.6) for rows in (H, V)]

    with styled():
        figure = new_figure(width + 1.9, sum(heights) + 1.1)
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=heights)
        for axes, values, colours, lowest, name in (
            (upper, trace.h, STATE_COLOURS, -1, "hidden state h"),
            (lower, trace.yhat, PROBABILITY_COLOURS, 0, "probability ŷ"),
        ):
            image = axes.imshow(values.T, cmap=colours, vmin=lowest, vmax=1, aspect="auto", interpolation="nearest")
            figure.colorbar(image, ax=axes, label=name, ticks=[-1, 0, 1] if lowest else [0, 0.5, 1], pad=0.02)
            if max(values.shape) <= MOST_NUMBERS:
                # + 0.0 turns -0.0 into 0.0
                write_numbers(axes, image, values.T, lambda v: f"{round(v, 2) + 0.0:.2f}".replace("-", "−"))
            if t is not None:
                outline(axes, t, -0.5, values.shape[1], OUTLINE, clip_on=False)

        rows = thinned(H, heights[0], 0.14)
        upper.set_yticks(rows, [i + 1 for i in rows])
        upper.set_ylabel("hidden unit")
        rows = thinned(V, heights[1], 0.14)
        lower.set_yticks(rows, [label(vocab.characters[i]) for i in rows])
        lower.set_ylabel("next character")

        steps = upper.secondary_xaxis("top")
        columns = thinned(T, width, 0.3)
        steps.set_xticks(columns, [i + 1 for i in columns])
        steps.set_xlabel("step t")
        inputs = [label(vocab.characters[i]) for i in trace.x]
        columns = thinned(T, width, 0.13)
        lower.set_xticks(columns, [inputs[i] for i in columns])
        for sign in lower.get_xticklabels():
            sign.set_rotation(90 if len(sign.get_text()) > 1 else 0)
        lower.set_xlabel("input character" + ("" if y is None else "\n(outlined: the true next one)"))
        if y is not None:
            for column, row in enumerate(y):
                outline(lower, column, row - 0.5, 1, "white", inset=0.06)
                outline(lower, column, row - 0.5, 1, "black", inset=0.06, linewidth=1, linestyle=(0, (3, 2)))
    return figure


def _checked(trace, vocab, y, t):
    if not isinstance(vocab, Vocabulary):
        raise TypeError(f"vocab: expected a Vocabulary, got {_check.describe(vocab)}")
    h, o = np.asarray(trace.h), np.asarray(trace.o)
    if h.ndim != 2:
        raise ValueError(
            f"trace: expected one sequence, h of shape (T, H), got {h.shape}; of a batch, run forward on one column"
        )
    if np.asarray(trace.x).ndim != 1:
        raise ValueError(f"trace: expected x to be ids of shape (T,), got features of shape {np.shape(trace.x)}")
    if np.iscomplexobj(h):
        raise ValueError("trace: expected real numbers, got complex ones")
    if len(vocab) != o.shape[-1]:
        raise ValueError(f"vocab: expected {o.shape[-1]} characters, as many as ŷ has columns, got {len(vocab)}")
    t = None if t is None else _check.whole("t", t, 0, len(h) - 1)
    return *h.shape, o.shape[-1], t, None if y is None else check_targets(o, y)


def plot_contributions(matrix: npt.ArrayLike, text: str | None = None, *, truncate: int | None = None) -> Figure:
    """A heat map of `contributions`: how much the loss of each step moves the pre-activation of each earlier step.

    matrix: |∂L_t/∂a_s| of shape (T, T), in nats per unit of pre-activation. Row t is the step of the loss, column
    s <= t the step that it reaches, both counted from 1 as in the equations; nothing is drawn above the diagonal.
    The colours are logarithmic, from the largest number down to the smallest, over two to six decades; zero and all
    that is smaller still has the lowest. The first T characters of `text` label the steps. With `truncate=k` the cells
    that `backward` leaves out, t - s >= k, are grey and the edge of the band is drawn; the colours of the others stay
    the same. Up to ten steps carry their numbers, many steps thin out their ticks. Returns a
    `matplotlib.figure.Figure`.

    Raises TypeError for a matrix that holds no real numbers, a text that is no string and a truncate that is no whole
    number; ValueError for a matrix that is not square or is empty, for numbers that are not finite, negative or above
    the diagonal, for a text of fewer than T characters and a truncate below 1.
    """
    matrix = _real("matrix", matrix)
    if matrix.ndim != 2 or len(matrix) != matrix.shape[-1] or not matrix.size:
        raise ValueError(f"matrix: expected shape (T, T), T at least 1, got {matrix.shape}")
    _not_negative("matrix", matrix)
    if np.triu(matrix, 1).any():
        t, s = (int(i) for i in np.argwhere(np.triu(matrix, 1))[0])
        raise ValueError(f"matrix: expected zeros above the diagonal, for s > t, got {matrix[t, s]} at index {t, s}")
    T = len(matrix)
    if text is not None and not isinstance(text, str):
        raise TypeError(f"text: expected a string, got {_check.describe(text)}")
    if text is not None and len(text) < T:
        raise ValueError(f"text: expected at least {T} characters, one for each step, got {len(text)}")
    k = T if truncate is None else _check.positive_int("truncate", truncate)

    seen = np.clip(matrix[matrix > 0], 1e-270, 1e300)  # a colour bar reaches no further
    largest, smallest = (seen.max(), seen.min()) if seen.size else (1.0, 0.0)
    lowest = np.clip(smallest, largest / 1e6, largest / 1e2)
    lag = np.subtract.outer(np.arange(T), np.arange(T))
    size = np.clip(T * 0.42, 2.0, 5.0)
    signs = [""] * T if text is None else [label(character) for character in text[:T]]
    more = 0.07 * (max(map(len, signs)) - 1)  # inches
    with styled():
        figure = new_figure(size + 1.6 + more, size + 0.7 + more)
        axes = figure.subplots()
        shown = np.ma.masked_array(np.clip(matrix, lowest, largest), (lag < 0) | (lag >= k))
        options = {"norm": LogNorm(lowest, largest), "aspect": "auto", "interpolation": "nearest"}
        image = axes.imshow(shown, cmap=MAGNITUDE_COLOURS, **options)
        name = "$|\\partial L_t / \\partial a_s|$\nnats per unit of pre-activation"
        extend = "min" if (matrix[lag >= 0] < lowest).any() else "neither"
        figure.colorbar(image, ax=axes, label=name, extend=extend, pad=0.02, fraction=0.06)
        if T <= 10:
            write_numbers(axes, image, np.ma.masked_array(matrix, shown.mask), short)
        if k < T:
            corners = np.arange(T - k + 1) - 0.5
            axes.fill_between(corners, corners + k, T - 0.5, step="post", **CUT)
            axes.step(corners, corners + k, OUTLINE, where="post", linewidth=2, solid_joinstyle="miter")
            axes.legend([Patch(**CUT)], [f"cut (k = {k})"], loc="upper right", fontsize=8, frameon=False, borderpad=0)

        ticks = thinned(T, size, 0.2)
        axes.set_yticks(ticks, [f"{signs[i]}  {i + 1}" for i in ticks])
        axes.set_xticks(ticks, [f"{i + 1}\n{signs[i]}" if len(signs[i]) < 2 else f"{signs[i]}  {i + 1}" for i in ticks])
        for i, tick in zip(ticks, axes.get_xticklabels(), strict=True):
            tick.set_rotation(90 if len(signs[i]) > 1 else 0)
        axes.set_xlabel("step reached s" + ("" if text is None else "\n(beside the steps: their input characters)"))
        axes.set_ylabel("step of the loss t")
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def plot_check(report: Report) -> Figure:
    """A heat map of the relative errors of every gradient that `check_gradients` was given, all on one colour scale.

    report: the `Report` that it returned. The scale is logarithmic, from 1e-16 to 1, with the report's tolerance
    marked; smaller and larger errors have the colours of its ends, and an entry that is not finite the upper one and a
    cross. The worst entry of each gradient is outlined; above stand its name, ok or WRONG, and the error and the index
    of that entry. Indices count from 0, as the report's do. A vector is a row. A gradient that cannot be compared, for
    its shape or type, is an empty frame with the cause. Returns a `matplotlib.figure.Figure`.

    Raises TypeError when report is no Report, ValueError when there is no gradient in it.
    """
    if not isinstance(report, Report):
        raise TypeError(f"report: expected a Report, as check_gradients returns it, got {_check.describe(report)}")
    if not report.checks:
        raise ValueError("report: expected at least one gradient, got none")
    maps = {name: np.atleast_2d(errors) for name, errors in report.relative_errors.items()}
    rows, columns = (sorted({PANELS[name][axis] for name in maps}) for axis in (0, 1))
    counts = [
        [max(maps[n].shape[i] for n in maps if PANELS[n][i] == j) for j in used]
        for i, used in enumerate((rows, columns))
    ]
    heights = [np.clip(0.22 * n, 0.45, 1.2 if row else 2.6) for row, n in zip(rows, counts[0], strict=True)]
    widths = [np.clip(0.22 * n, 1.3, 1.7) for n in counts[1]]
    with styled():
        figure = new_figure(max(3.2, sum(widths) + 0.6 * len(columns)), sum(heights) + 0.95 * len(rows) + 0.75)
        grid = figure.add_gridspec(len(rows), len(columns), width_ratios=widths, height_ratios=heights)
        colours = ScalarMappable(LogNorm(*ERRORS), MAGNITUDE_COLOURS)
        for name, errors in maps.items():
            row, column = rows.index(PANELS[name][0]), columns.index(PANELS[name][1])
            axes = figure.add_subplot(grid[row, column])
            _draw_errors(axes, report.checks[name], errors, colours, widths[column], heights[row])
            if report.expected[name].ndim == 1:
                axes.set_yticks([])
                axes.set_ylabel("")
        crosses = "" if all(np.isfinite(errors).all() for errors in maps.values()) else "  (×: not finite)"
        options = {"location": "bottom", "extend": "both", "aspect": 40, "label": f"relative error{crosses}"}
        bar = figure.colorbar(colours, ax=figure.axes, **options)
        at = np.clip(report.tolerance, *ERRORS)
        bar.ax.axvline(at, color="white", linewidth=5)
        bar.ax.axvline(at, color=OUTLINE, linewidth=2.5)
        words = f"tolerance {short(report.tolerance)}"
        bar.ax.annotate(words, (at, 1), (0, 3), ha="center", textcoords="offset points")
    return figure


def _draw_errors(axes, check, errors, colours, width, height):
    """One gradient's map, of so many inches, or the cause why there is none."""
    axes.set_xlabel(PANELS[check.name][3])
    axes.set_ylabel(PANELS[check.name][2])
    title = f"{check.name} {'ok' if check.ok else 'WRONG'}"
    if check.index is not None:
        title += f"\nworst {short(check.error)} at {check.index}"
    axes.set_title(title, fontsize=9, fontweight="normal" if check.ok else "bold", color="black" if check.ok else WRONG)
    if check.index is None:
        axes.set(xticks=[], yticks=[])
        cause = textwrap.fill(re.sub(r"(?<=\d,) (?=\d)", "\N{NO-BREAK SPACE}", check.cause), int(width / 0.058))
        axes.text(0.5, 0.5, cause, transform=axes.transAxes, fontsize=7, ha="center", va="center", color=WRONG)
        return
    shown = np.clip(errors, *ERRORS)
    axes.imshow(shown, cmap=colours.cmap, norm=colours.norm, aspect="auto", interpolation="nearest")
    crosses = np.argwhere(~np.isfinite(errors))
    axes.plot(crosses[:, 1], crosses[:, 0], "x", color="black", markersize=4)
    row, column = check.index if len(check.index) == 2 else (0, *check.index)
    outline(axes, column, row - 0.5, 1, "white", linewidth=3.5, clip_on=False)
    outline(axes, column, row - 0.5, 1, OUTLINE, linewidth=2, clip_on=False)
    axes.set_xticks(thinned(errors.shape[1], width, 0.2))
    axes.set_yticks(thinned(errors.shape[0], height, 0.15))


def plot_step_sizes(steps: npt.ArrayLike, errors: dict[str, Any]) -> Figure:
    """The error of numerical derivatives against the size of their step, both on logarithmic axes.

    steps: positive numbers of shape (n,), in any order; errors: {label: array}, one curve of n errors for each label.
    The least error of each curve is ringed, and told in the legend with its step size. An error of zero, which a
    logarithmic axis has no place for, stands at 1e-17, or at the least error that is not zero where that is smaller;
    the axis says so. Returns a `matplotlib.figure.Figure`.

    Raises TypeError for steps or errors that are no real numbers, errors that are no dict and a label that is no
    string; ValueError for steps that are empty, of another shape or not positive, for errors of another shape than
    steps, negative or not finite, and for no errors at all.
    """
    steps = _real("steps", steps)
    if steps.ndim != 1 or not steps.size:
        raise ValueError(f"steps: expected shape (n,), n at least 1, got {steps.shape}")
    if steps.min() <= 0:
        raise ValueError(f"steps: expected positive numbers, got {steps.min()}")
    if not isinstance(errors, dict):
        raise TypeError(f"errors: expected a dict of label and array, got {_check.describe(errors)}")
    if not errors:
        raise ValueError("errors: expected at least one curve, got an empty dict")
    curves = {}
    for name, values in errors.items():
        if not isinstance(name, str):
            raise TypeError(f"errors: expected labels that are strings, got {_check.describe(name)}")
        curves[name] = _not_negative(f"errors[{name!r}]", _real(f"errors[{name!r}]", values, steps.shape))
    order = np.argsort(steps)
    everything = np.concatenate(list(curves.values()))
    floor = min([ZERO, *everything[everything > 0]])

    with styled():
        figure = new_figure(6.4, 3.5 + 0.18 * len(curves))
        axes = figure.subplots()
        axes.set(xscale="log", yscale="log", xlabel="step size")
        axes.set_ylabel("error" + ("" if everything.all() else f"  (zero stands at {short(floor)})"))
        axes.grid(color="#dddddd", linewidth=0.6)
        lines = []
        for i, values in enumerate(curves.values()):
            colour, dashes, marker = (choice[i % len(choice)] for choice in CURVES)
            shown = np.maximum(values, floor)
            options = {"marker": marker, "markersize": 3, "markevery": max(1, len(steps) // 30)}
            lines += axes.plot(steps[order], shown[order], dashes, color=colour, linewidth=1.5, **options)
            least = values.argmin()
            axes.plot(steps[least], shown[least], "o", markersize=11, fillstyle="none", color=colour, clip_on=False)
        legend = figure.legend(lines, ["."] * len(lines), loc="outside lower center", fontsize=8, frameon=False)
        for text, (name, values) in zip(legend.get_texts(), curves.items(), strict=True):
            signs = "".join(sign if sign == " " else label(sign) for sign in name)
            text.set_text(f"{signs}: least {short(values.min())} at step {short(steps[values.argmin()])}")
            text.set_parse_math(False)
    return figure


def _real(name, value, shape=None):
    """Return `value` as an array of finite float64s."""
    value = _check.numbers(name, value, shape)
    if value.dtype.kind == "c":
        raise TypeError(f"{name}: expected real numbers, got {_check.describe(value)}")
    return value.astype(np.float64)


def _not_negative(name, value):
    if value.min() < 0:
        where = tuple(int(i) for i in np.argwhere(value < 0)[0])
        raise ValueError(f"{name}: expected no negative numbers, got {value[where]} at index {where}")
    return value
