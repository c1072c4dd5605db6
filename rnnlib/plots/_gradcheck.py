"""`plot_check` and `plot_step_sizes`: the errors of gradients, and those of numerical derivatives."""

import re
import textwrap
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from .. import _check
from ..gradcheck import Report
from ._inputs import instance, not_negative, real
from ._style import COLOURS, GREY_COLOURS, colour_bar, label, new_figure, outline, short, styled, thinned

ERRORS = 1e-16, 1.0  # the ends of the colours of a gradient check
ZERO = 1e-17  # where a logarithmic axis shows an error of zero
PANELS = {  # place in the grid, and what rows and columns are; panels above each other share their columns
    "Wxh": (0, 0, "from symbol", "to unit"),
    "Whh": (0, 1, "from unit", "to unit"),
    "Why": (0, 2, "from unit", "to symbol"),
    "bh": (1, 0, "", "unit"),
    "h0": (1, 1, "sequence", "unit"),
    "by": (1, 2, "", "symbol"),
    "bn": (2, 0, "", "unit"),
    "c0": (2, 1, "sequence", "unit"),
}
CURVES = (  # colours, dashes and markers; the three lists repeat after different lengths, so that few curves look alike
    tuple(COLOURS[name] for name in ("ink", "control", "muted")),
    ("-", "--", "-.", ":"),
    ("o", "s", "^", "D", "v"),
)


def plot_check(report: Report) -> Figure:
    """A heat map of the relative errors of every gradient that `check_gradients` was given, all on one colour scale.

    report: the `Report` that it returned. The scale is logarithmic, from 1e-16 to 1, with the report's tolerance
    marked; smaller and larger errors have the colours of its ends, and an entry that is not finite has the upper one
    and a cross. An entry that was not checked stays blank. The worst entry of each gradient is outlined; the title of
    its panel gives the gradient's name, ok ✓ or WRONG ✗, the error and the index of that entry. Indices count from 0,
    as the report's do. A vector is a row. A gradient that cannot be compared, because of its shape or type, is an empty
    frame with the cause. Returns a `matplotlib.figure.Figure`.

    Raises TypeError when report is not a Report, ValueError when there is no gradient in it.
    """
    instance("report", report, Report, "a Report, as check_gradients returns it")
    if not report.checks:
        raise ValueError("report: expected at least one gradient, got none")
    maps = {name: np.atleast_2d(errors) for name, errors in report.relative_errors.items()}
    rows, heights = _sides(maps, 0)
    columns, widths = _sides(maps, 1)
    with styled():
        figure = new_figure(max(3.2, sum(widths) + 0.6 * len(columns)), sum(heights) + 0.95 * len(rows) + 0.75)
        grid = figure.add_gridspec(len(rows), len(columns), width_ratios=widths, height_ratios=heights)
        colours = ScalarMappable(LogNorm(*ERRORS), GREY_COLOURS)
        for name, errors in maps.items():
            row, column = rows.index(PANELS[name][0]), columns.index(PANELS[name][1])
            axes = figure.add_subplot(grid[row, column])
            _draw_errors(axes, report.checks[name], errors, colours, widths[column], heights[row])
            if report.expected[name].ndim == 1:
                axes.set_yticks([])
                axes.set_ylabel("")
        _draw_scale(figure, colours, report.tolerance, not any(np.isinf(errors).any() for errors in maps.values()))
    return figure


def _sides(maps, axis):
    """The rows (axis 0) or columns (axis 1) of the grid that hold a panel, and the inches that each of them gets."""
    used = sorted({PANELS[name][axis] for name in maps})
    counts = [max(maps[name].shape[axis] for name in maps if PANELS[name][axis] == side) for side in used]
    limits = [(1.3, 1.7) if axis else (0.45, 1.2 if side else 2.6) for side in used]
    return used, [np.clip(0.22 * n, *limit) for n, limit in zip(counts, limits, strict=True)]


def _draw_errors(axes, check, errors, colours, width, height):
    """The map of one gradient, in a panel of the given inches, or the cause why there is none."""
    axes.set_xlabel(PANELS[check.name][3])
    axes.set_ylabel(PANELS[check.name][2])
    title = f"{check.name} " + ("ok ✓" if check.ok else "WRONG ✗")
    if check.index is not None:
        title += f"\nworst {short(check.error)} at {check.index}"
    axes.set_title(title, fontsize=9, fontweight="normal" if check.ok else "bold")
    if check.index is None:
        axes.set(xticks=[], yticks=[])
        cause = textwrap.fill(re.sub(r"(?<=\d,) (?=\d)", "\N{NO-BREAK SPACE}", check.cause), int(width / 0.058))
        axes.text(0.5, 0.5, cause, transform=axes.transAxes, fontsize=7, ha="center", va="center")
        return
    shown = np.clip(errors, *ERRORS)
    axes.imshow(shown, cmap=colours.cmap, norm=colours.norm, aspect="auto", interpolation="none")
    crosses = np.argwhere(np.isinf(errors))
    axes.plot(crosses[:, 1], crosses[:, 0], "x", color=COLOURS["ink"], markersize=4)
    row, column = check.index if len(check.index) == 2 else (0, *check.index)
    outline(axes, column, row - 0.5, 1, COLOURS["paper"], linewidth=3.5, clip_on=False)
    outline(axes, column, row - 0.5, 1, COLOURS["ink"], linewidth=2, clip_on=False)
    axes.set_xticks(thinned(errors.shape[1], width, 0.2))
    axes.set_yticks(thinned(errors.shape[0], height, 0.15))


def _draw_scale(figure, colours, tolerance, finite):
    """The colour bar of all panels, with the tolerance marked."""
    words = "relative error" + ("" if finite else "  (×: not finite)")
    options = {"location": "bottom", "extend": "both", "aspect": 40, "label": words}
    bar = colour_bar(figure, colours, figure.axes, **options)
    at = np.clip(tolerance, *ERRORS)
    bar.ax.axvline(at, color=COLOURS["paper"], linewidth=5)
    bar.ax.axvline(at, color=COLOURS["ink"], linewidth=2.5)
    bar.ax.annotate(f"tolerance {short(tolerance)}", (at, 1), (0, 3), ha="center", textcoords="offset points")


def plot_step_sizes(steps: npt.ArrayLike, errors: dict[str, Any]) -> Figure:
    """The error of numerical derivatives against the size of their step, both on logarithmic axes.

    steps: positive numbers of shape (n,), in any order; errors: {label: array}, one curve of n errors for each label.
    The least error of each curve is ringed; the legend gives it with its step size. A logarithmic axis has no zero: an
    error of zero is drawn at 1e-17, or at the least error that is not zero where that is smaller; the axis says so.
    Returns a `matplotlib.figure.Figure`.

    Raises TypeError for steps or errors that are not real numbers, errors that are not a dict and a label that is not a
    string; ValueError for steps that are empty, of another shape or not positive, for errors of another shape than
    steps, negative or not finite, and for no errors at all.
    """
    steps, curves = _checked(steps, errors)
    order = np.argsort(steps)
    everything = np.concatenate(list(curves.values()))
    floor = min([ZERO, *everything[everything > 0]])

    with styled():
        figure = new_figure(6.4, 3.5 + 0.18 * len(curves))
        axes = figure.subplots()
        axes.set(xscale="log", yscale="log", xlabel="step size")
        axes.set_ylabel("error" + ("" if everything.all() else f"  (zero is drawn at {short(floor)})"))
        axes.grid(color=COLOURS["line"], linewidth=0.6)
        lines = []
        for i, values in enumerate(curves.values()):
            colour, dashes, marker = (choice[i % len(choice)] for choice in CURVES)
            shown = np.maximum(values, floor)
            options = {"marker": marker, "markersize": 3, "markevery": max(1, len(steps) // 30)}
            lines += axes.plot(steps[order], shown[order], dashes, color=colour, linewidth=1.5, **options)
            least = values.argmin()
            axes.plot(steps[least], shown[least], "o", markersize=11, fillstyle="none", color=colour, clip_on=False)
        _write_legend(figure, lines, steps, curves)
    return figure


def _checked(steps, errors):
    """The steps and each curve as an array of float64s."""
    steps = real("steps", steps)
    if steps.ndim != 1 or not steps.size:
        raise ValueError(f"steps: expected shape (n,), n at least 1, got {steps.shape}")
    if steps.min() <= 0:
        raise ValueError(f"steps: expected positive numbers, got {steps.min()}")
    if not instance("errors", errors, dict, "a dict of label and array"):
        raise ValueError("errors: expected at least one curve, got an empty dict")
    curves = {}
    for name, values in errors.items():
        if not isinstance(name, str):
            raise TypeError(f"errors: expected labels that are strings, got {_check.describe(name)}")
        curves[name] = not_negative(f"errors[{name!r}]", real(f"errors[{name!r}]", values, steps.shape))
    return steps, curves


def _write_legend(figure, lines, steps, curves):
    """Below the axes, the name of each curve with its least error and the step of that."""
    legend = figure.legend(lines, ["."] * len(lines), loc="outside lower center", fontsize=8, frameon=False)
    for text, (name, values) in zip(legend.get_texts(), curves.items(), strict=True):
        signs = "".join(sign if sign == " " else label(sign) for sign in name)
        text.set_text(f"{signs}: least {short(values.min())} at step {short(steps[values.argmin()])}")
        text.set_parse_math(False)
