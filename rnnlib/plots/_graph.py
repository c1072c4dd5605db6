"""`plot_graph`: a tape of gates as a figure, each edge with what it carries forward and what it carries back."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from .. import _check
from ._graph_layout import BOX, CELL, MARGIN, SHIFT, lay_out, table
from ._inputs import instance, real
from ._style import COLOURS, STATE_COLOURS, ink, new_figure, short, styled

MOST_NODES = 64  # nobody can read more
FORWARD, BACK = COLOURS["muted"], COLOURS["back"]
DASHES = (0, (3, 2))
PARTS = ("name", "data", "grad", "operation", "parents", "to_parents")


def plot_graph(nodes: Sequence[Any]) -> Figure:
    """A figure of a tape: its nodes, and on each edge what flows forward and, after `backward`, what flows back.

    nodes: what `gates.graph(loss)` returned, or any list of nodes, parents before children, with the `name`, `data`,
    `grad`, `operation`, `parents` and `to_parents(dz)` of a `gates.Value`; at most 64. The network of `gates.rnn_loss`
    is laid out with time running to the right, any other graph in columns, every node to the right of its parents.
    Next to an edge, a solid frame holds the value of the parent and a dashed one the gradient that the child hands
    back; for an array with more than 3 rows or columns, the frame holds its shape. The loss, which goes into no other
    node, has its value in its box; next to a node of the network that is used more than once is the sum of its
    gradients. Blue is below zero, orange above it. Returns a `matplotlib.figure.Figure`.

    Raises TypeError for what is not a list of nodes and for complex numbers; ValueError for no node at all or too many,
    a parent that does not come before its child, and numbers that are not finite.
    """
    nodes = _checked(nodes)
    layout = lay_out(nodes)
    (left, top), (width, height) = layout.corner, layout.size
    scales = [_scale([strip.array for strip in layout.strips if strip.back == back]) for back in (False, True)]
    with styled():
        figure = new_figure(width, height)
        figure.set_layout_engine("none")  # an inch is an inch here
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(left, left + width), ylim=(top + height, top))
        axes.axis("off")
        for edge in layout.edges:
            _draw_arrows(axes, edge)
        for strip in layout.strips:
            _draw_strip(axes, strip, scales[strip.back])
        for node, box in zip(nodes, layout.boxes, strict=True):
            _draw_node(axes, node, box)
        _draw_legend(axes, left + MARGIN, top + height - 0.2, any(strip.back for strip in layout.strips))
    return figure


def _checked(nodes):
    instance("nodes", nodes, (list, tuple), "a list of nodes")
    if not 1 <= len(nodes) <= MOST_NODES:
        raise ValueError(f"nodes: expected 1 to {MOST_NODES} nodes, got {len(nodes)}")
    for i, node in enumerate(nodes):
        if not all(hasattr(node, part) for part in PARTS):
            raise TypeError(
                f"nodes[{i}]: expected a node of a tape, such as a gates.Value, got {_check.describe(node)}"
            )
        for parent in node.parents:
            if not any(parent is earlier for earlier in nodes[:i]):
                raise ValueError(f"nodes[{i}]: expected its parents before it, got {parent!r} later or not at all")
        for part in ("data", "grad"):
            if getattr(node, part) is not None:
                real(f"nodes[{i}].{part}", getattr(node, part))
    return nodes


def _scale(arrays):
    """From minus to plus the largest magnitude in the arrays. Ids have no colour."""
    limit = max([1e-300, *(abs(array).max() for array in arrays if array.dtype.kind == "f")])
    return Normalize(-limit, limit)


def _draw_arrows(axes, edge):
    """The arrow forward and, where there is a gradient, one back; each is shifted to its own right."""
    ways = [(edge.points, FORWARD, "-")] + ([(edge.points[::-1], BACK, DASHES)] if edge.back else [])
    for along, colour, dashes in ways:
        corners = np.array(along, float)
        steps = np.diff(corners, axis=0)
        units = steps / np.linalg.norm(steps, axis=1)[:, None]
        sides = SHIFT * edge.back * np.stack([-units[:, 1], units[:, 0]], axis=1)
        corners += np.vstack([sides[:1], sides[:-1] + sides[1:], sides[-1:]]) if abs(units).max() == 1 else sides[0]
        # where lines cross
        axes.plot(*corners.T, color=COLOURS["paper"], linewidth=3.5, solid_capstyle="butt", zorder=1)
        axes.plot(*corners.T, color=colour, linewidth=1, linestyle=dashes, zorder=1.1)
        head = {"arrowstyle": "-|>,head_width=0.17,head_length=0.34", "color": colour, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", corners[-1], corners[-1] - 0.02 * units[-1], arrowprops=head | {"linewidth": 0}, zorder=1.2)


def _draw_strip(axes, strip, scale):
    (left, top), numbers = strip.corner, table(strip.array)
    whole = strip.array.dtype.kind != "f"
    for (i, j), value in np.ndenumerate(numbers):
        x, y = left + j * CELL[0], top + i * CELL[1]
        colour = (1.0, 1.0, 1.0) if whole else STATE_COLOURS(scale(value))[:3]
        axes.add_patch(Rectangle((x, y), *CELL, facecolor=colour, edgecolor=COLOURS["paper"], linewidth=0.4, zorder=2))
        text = _number(value)
        size = 6 if len(text) < 7 else 5
        _write(axes, x + CELL[0] / 2, y + CELL[1] / 2, text, fontsize=size, color=ink(colour), zorder=3)
    if strip.title:
        title = top - 0.08 if strip.above else top + strip.size[1] + 0.08
        _write(axes, left + strip.size[0] / 2, title, strip.title, fontsize=6.5, color=BACK, zorder=3)
    line = {"edgecolor": BACK, "linestyle": DASHES} if strip.back else {"edgecolor": FORWARD}
    face = "none" if numbers.size else COLOURS["paper"]
    axes.add_patch(Rectangle((left, top), *strip.size, facecolor=face, linewidth=0.8, zorder=2.5, **line))
    if not numbers.size:
        middle = left + strip.size[0] / 2, top + strip.size[1] / 2
        _write(axes, *middle, str(strip.array.shape), fontsize=6.5, zorder=3)


def _draw_node(axes, node, box):
    (x, y), (width, height) = box
    shape = {"boxstyle": "round,pad=0,rounding_size=0.06", "linewidth": 1, "zorder": 4}
    options = shape | {"facecolor": COLOURS["field"], "edgecolor": FORWARD}
    axes.add_patch(FancyBboxPatch((x - width / 2, y - height / 2), width, height, **options))
    kind = node.operation.removesuffix("Gate").lower()
    under = kind or (str(node.data.shape) if node.data.ndim else _number(node.data))
    more = (height - BOX[1]) / 2
    if node.name:
        _write(axes, x, y - 0.07 - more, _in_maths(node.name), fontsize=9, zorder=5, parse_math=True)
    if more:
        frame = {"fill": False, "edgecolor": FORWARD, "linewidth": 0.8, "zorder": 5}
        axes.add_patch(Rectangle((x - 0.2, y - 0.06), 0.4, CELL[1], **frame))
        _write(axes, x, y - 0.06 + CELL[1] / 2, _number(node.data), fontsize=6, zorder=5)
    _write(axes, x, y + (0.1 if node.name else 0) + more, under, fontsize=6.5, color=FORWARD, zorder=5)


def _draw_legend(axes, x, y, back):
    entries = [({"edgecolor": FORWARD}, "value, on its way forward")]
    entries += [({"edgecolor": BACK, "linestyle": DASHES}, "gradient, on its way back")] if back else []
    for i, (line, words) in enumerate(entries):
        axes.add_patch(Rectangle((x + 2.2 * i, y - 0.06), 0.24, 0.12, fill=False, linewidth=0.8, **line))
        axes.text(x + 2.2 * i + 0.33, y, words, fontsize=8, va="center")


def _write(axes, x, y, text, parse_math=False, **options):
    axes.text(x, y, text, ha="center", va="center", parse_math=parse_math, **options)


def _number(value):
    if np.asarray(value).dtype.kind != "f":
        return f"id {value}"
    return ("−" if value < 0 else "") + short(abs(value))


def _in_maths(name):
    """The name as a formula where it is one, such as a_1 or U x_1; any other name as it is."""
    if not re.fullmatch(r"[A-Za-z](_\d+)?( [A-Za-z](_\d+)?)?", name):
        return name.replace("$", r"\$")
    return "$" + re.sub(r"_(\d+)", r"_{\1}", name).replace(" ", r"\,") + "$"
