"""`label_lines`: the name of each curve at its end, in place of a legend."""

import numpy as np
from matplotlib.axes import Axes

from ._inputs import instance

GAP = 1.15  # between two names, in heights of a letter's box
AWAY = 6  # points from the edge of the axes to the names


def label_lines(axes: Axes, *, size: float = 8) -> None:
    """Write the label of each line to the right of the axes, level with the line's last point, in the line's colour.

    axes: a matplotlib `Axes`; lines without a label are left alone. Names that would lie on each other are moved apart,
    in the order of their lines' ends; `size` is the size of their letters in points. Call it last, when the limits of
    the axes are as they stay.

    Raises TypeError when axes is not an Axes.
    """
    instance("axes", axes, Axes, "a matplotlib Axes")
    lines = [line for line in axes.get_lines() if not str(line.get_label()).startswith("_") and _end(line) is not None]
    if not lines:
        return
    figure = axes.figure
    place = axes.transAxes.inverted()
    ends = [np.clip(place.transform(line.axes.transData.transform(_end(line)))[1], 0, 1) for line in lines]
    height = axes.get_position().height * figure.get_figheight() * 72
    for line, at in zip(lines, spread(ends, GAP * size / height), strict=True):
        options = {"xycoords": "axes fraction", "textcoords": "offset points", "ha": "left", "va": "center"}
        axes.annotate(line.get_label(), (1, at), (AWAY, 0), color=line.get_color(), fontsize=size, **options)


def _end(line):
    """The last point of a line that can be drawn, None where there is none."""
    points = np.column_stack([np.ma.filled(np.ma.asarray(part, float), np.nan) for part in line.get_data()])
    points = points[np.isfinite(line.get_transform().transform(points)).all(axis=1)]
    return points[-1] if len(points) else None


def spread(places, gap):
    """The places moved apart as little as is needed for neighbours to be `gap` apart, in the order that they have."""
    order = np.argsort(places, kind="stable")
    groups = []  # of names that lie on each other: [where each would be if it were the first, how many]
    for i, k in enumerate(order):
        groups.append([places[k] - i * gap, 1])
        while len(groups) > 1 and groups[-2][0] > groups[-1][0]:
            (low, n), (high, m) = groups[-2:]
            groups[-2:] = [[(low * n + high * m) / (n + m), n + m]]
    moved = np.empty(len(places))
    moved[order] = np.repeat([first for first, _ in groups], [n for _, n in groups]) + gap * np.arange(len(places))
    return moved
