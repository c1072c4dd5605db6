"""`plot_graph`: a tape of gates as a picture, each edge with what it carries forward and what it carries back.

Points are (x, y) in inches, y downwards. The network unrolled over time stands on a grid: time runs down its rows; in
its four columns stand what is read, the states, the outputs and the losses.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from .. import _check
from ._style import OUTLINE, STATE_COLOURS, new_figure, short, styled

MOST_NODES = 64  # more can be read by nobody
MOST_CELLS = 3  # rows or columns of an array that is drawn; of a larger one stands the shape
COLUMNS = 1.12, 2.9, 4.72, 6.4  # x of the columns of the unrolled network
APART = 1.9  # and of those of any other graph
BOX = 0.66, 0.36
LOSS_BOX = 0.66, 0.54  # with the value of the loss between its name and its gate
CELL = 0.305, 0.135
SHIFT = 0.035  # of either of two opposite arrows from the middle between them
MARGIN = 0.15
FORWARD = "#57606a"
DASHES = (0, (3, 2))
PARTS = ("name", "data", "grad", "operation", "parents", "to_parents")


class Edge(NamedTuple):
    """How a value comes from a parent to its child."""

    points: list  # the corners of the line, from border to border
    middle: tuple  # on either side of this point stand the numbers
    upright: bool  # the line, there


class Strip(NamedTuple):
    """An array beside its edge, or a sum of gradients beside the box of its node."""

    array: np.ndarray
    corner: tuple  # left and top
    size: tuple
    back: bool
    title: str = ""


def plot_graph(nodes: Sequence[Any]) -> Figure:
    """A picture of a tape: its nodes, and on each edge what flows forward and, after `backward`, what flows back.

    nodes: what `gates.graph(loss)` returned, or any list of nodes, parents before children, with the `name`, `data`,
    `grad`, `operation`, `parents` and `to_parents(dz)` of a `gates.Value`; at most 64. The network of `gates.rnn_loss`
    is laid out with time running down, any other graph in columns, every node to the right of its parents. Beside an
    edge stands in a solid frame the value of the parent, in a dashed one the gradient that the child hands back; of an
    array with more than 3 rows or columns the shape. The loss, which goes into no other node, has its value in its
    box; beside U, W and V of the network stands the sum of the gradients that come to them. Blue is below zero and
    orange above it. Returns a `matplotlib.figure.Figure`.

    Raises TypeError for what is no list of nodes and for complex numbers; ValueError for no node at all or too many, a
    parent that does not stand before its child, and numbers that are not finite.
    """
    nodes = _checked(nodes)
    handed = [() if node.grad is None else node.to_parents(node.grad) for node in nodes]
    edges = [(node, i, parent) for node in nodes for i, parent in enumerate(node.parents)]
    boxes = [LOSS_BOX if _is_loss(node, edges) else BOX for node in nodes]
    grads = [grad for each, node in zip(handed, nodes, strict=True) for grad in each or (None,) * len(node.parents)]
    tallest = max((len(_cells(parent.data)) for *_, parent in edges), default=1)
    pitch = BOX[1] + tallest * CELL[1] + 0.22
    unrolled = _unrolled(nodes, edges, pitch)
    middles, lines = unrolled or _layered(nodes, edges, pitch)
    strips = _sums(nodes, edges, middles) if unrolled else []
    for (*_, parent), grad, line in zip(edges, grads, lines, strict=True):
        strips.append(_strip(parent.data, line, back=False))
        strips += [] if grad is None else [_strip(grad, line, back=True)]

    corners = [(x + i * w / 2, y + i * h / 2) for (x, y), (w, h) in zip(middles, boxes, strict=True) for i in (-1, 1)]
    corners += [point for line in lines for point in line.points]
    corners += [np.add(strip.corner, share) for strip in strips for share in ((0, 0), strip.size)]
    left, top = np.min(corners, axis=0) - MARGIN
    width, height = np.max(corners, axis=0) + MARGIN - (left, top) + (0, 0.3)
    width = max(width, 4.6)  # of the legend
    scales = [_scale([strip.array for strip in strips if strip.back == back]) for back in (False, True)]
    with styled():
        figure = new_figure(width, height)
        figure.set_layout_engine("none")  # an inch is an inch here
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(left, left + width), ylim=(top + height, top))
        axes.axis("off")
        for line, grad in zip(lines, grads, strict=True):
            _draw_arrows(axes, line.points, back=grad is not None)
        for strip in strips:
            _draw_strip(axes, strip, scales[strip.back])
        for node, middle, box in zip(nodes, middles, boxes, strict=True):
            _draw_node(axes, node, middle, box)
        _draw_legend(axes, left + MARGIN, top + height - 0.2, any(strip.back for strip in strips))
    return figure


def _checked(nodes):
    if not isinstance(nodes, (list, tuple)):
        raise TypeError(f"nodes: expected a list of nodes, got {_check.describe(nodes)}")
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
            array = getattr(node, part)
            if array is not None and _check.numbers(f"nodes[{i}].{part}", array).dtype.kind == "c":
                raise TypeError(f"nodes[{i}].{part}: expected real numbers, got {_check.describe(array)}")
    return nodes


def _is_loss(node, edges):
    """Whether its value is a single number that stands on no edge."""
    return bool(node.parents) and not node.data.ndim and not any(parent is node for *_, parent in edges)


def _scale(arrays):
    """From minus to plus the largest size in the arrays. Ids have no colour."""
    limit = max([1e-300, *(abs(array).max() for array in arrays if array.dtype.kind == "f")])
    return Normalize(-limit, limit)


# Where everything stands


def _unrolled(nodes, edges, pitch):
    """The middles of the nodes of `rnn_loss`, told by their names, and their edges; None for any other graph."""
    T = sum(node.name.startswith("x_") for node in nodes)
    places = {"U": (0, 3.5), "W": (2, 1), "V": (2, 4.5), "L": (3, 4.5), "h_0": (1, 0)}
    for t in range(1, T + 1):
        places |= {f"U x_{t}": (0, 3 * t - 1), f"x_{t}": (0, 3 * t if t > 1 else 1)}
        places |= {f"W h_{t - 1}": (1, 3 * t - 2), f"a_{t}": (1, 3 * t - 1), f"h_{t}": (1, 3 * t)}
        places |= {f"o_{t}": (2, 3 * t), f"L_{t}": (3, 3 * t), f"y_{t}": (3, 3 * t + 0.8 if t > 1 else 2)}
    if not T or sorted(places) != sorted(node.name for node in nodes):
        return None
    middle = {name: (COLUMNS[column], row * pitch) for name, (column, row) in places.items()}
    lines = [_grid_edge(parent.name, node.name, i, middle, pitch) for node, i, parent in edges]
    return [middle[node.name] for node in nodes], lines


def _grid_edge(parent, child, i, middle, pitch):
    """Straight where nothing stands between; else down a lane beside the column, on its outer or its inner side."""
    (x1, y1), (x2, y2) = middle[parent], middle[child]
    if parent == "W" and y2 > y1:
        x, turn = x2 + BOX[0] / 2 + 0.2, y1 + 1.35 * pitch
        points = [(x1, y1 + BOX[1] / 2), (x1, turn), (x, turn), (x, y2), (x2 + BOX[0] / 2, y2)]
        near = y2 < y1 + 4 * pitch
        return Edge(points, (x1, y1 + 0.88 * pitch) if near else (x + 0.55, y2), near)
    if (parent in "UV" and y2 > y1 + 3 * pitch) or (child == "L" and i > 1):
        side, far = (1 if child == "L" else -1), max(y1, y2)
        border, x = x1 + side * BOX[0] / 2, x1 + side * (BOX[0] / 2 + 0.12)
        return Edge([(border, y1), (x, y1), (x, y2), (border, y2)], (x, far - 0.95 * pitch), True)
    return _straight([(x1, y1), (x2, y2)], LOSS_BOX if child == "L" else BOX)


def _layered(nodes, edges, pitch):
    """Columns, every node one to the right of its parents; a value that is used further on keeps a row for itself."""
    column = {}
    for node in nodes:
        column[node] = 1 + max((column[parent] for parent in node.parents), default=-1)
    for node in nodes:  # what was given stands just before its first use
        uses = [column[child] for child, _, parent in edges if parent is node]
        column[node] = min(uses) - 1 if uses and not node.parents else column[node]
    ends = {node: max((column[child] for child, _, parent in edges if parent is node), default=0) for node in nodes}
    middle = {}  # (node, column) -> point
    for c in range(max(column.values()) + 1):
        rows = [node for node in nodes if column[node] == c or column[node] < c < ends[node]]
        rows.sort(key=lambda node: (column[node] < c, nodes.index(node)))
        for row, node in enumerate(rows):
            middle[node, c] = (APART * c, 2.2 * pitch * (row - (len(rows) - 1) / 2))
    lines = [
        _straight([middle[parent, c] for c in range(column[parent], column[child])] + [middle[child, column[child]]])
        for child, _, parent in edges
    ]
    return [middle[node, column[node]] for node in nodes], lines


def _straight(points, last=BOX):
    """From box to box through the points; the numbers stand beside the first part of the way."""
    (x1, y1), (x2, y2) = points[0], points[1]
    upright = abs(x1 - x2) < 1e-9
    halves = [np.array((0, height / 2) if upright else (width / 2, 0)) for width, height in (BOX, last)]
    way = 1 if x2 + y2 > x1 + y1 or x2 > x1 + 1e-9 else -1
    points = [points[0] + way * halves[0], *points[1:-1], points[-1] - way * halves[1]]
    return Edge([tuple(point) for point in points], tuple(np.mean(points[:2], axis=0)), upright)


def _cells(array):
    """The array as a table, or none where it is too large."""
    table = np.reshape(array, (-1, 1)) if array.ndim < 2 else array
    return table if max(table.shape) <= MOST_CELLS else np.empty((0, 0))


def _strip(array, edge, back):
    """What flows forward stands to the left of the line or above it, what flows back to the right or below."""
    rows, columns = _cells(array).shape
    width, height = (columns * CELL[0], rows * CELL[1]) if rows else (0.06 * len(str(array.shape)) + 0.08, CELL[1])
    (x, y), gap = edge.middle, SHIFT + 0.06
    if edge.upright:
        corner = (x + gap if back else x - gap - width), y - height / 2
    else:
        corner = x - width / 2, (y + gap if back else y - gap - height)
    return Strip(array, corner, (width, height), back)


def _sums(nodes, edges, middles):
    """The gradients of U, W and V, to which one comes from each step, beside their boxes."""
    strips = []
    for node, (x, y) in zip(nodes, middles, strict=True):
        uses = sum(parent is node for *_, parent in edges)
        if node.name in ("U", "W", "V") and uses > 1 and node.grad is not None and _cells(node.grad).size:
            rows, columns = node.grad.shape
            size = columns * CELL[0], rows * CELL[1]
            strips.append(Strip(node.grad, (x + BOX[0] / 2 + 0.06, y - size[1] / 2), size, back=True, title="sum"))
    return strips


# Drawing


def _draw_arrows(axes, points, back):
    """The arrow forward and, where there is a gradient, one back; each to the right of its own way."""
    ways = [(points, FORWARD, "-")] + ([(points[::-1], OUTLINE, DASHES)] if back else [])
    for along, colour, dashes in ways:
        corners = np.array(along, float)
        steps = np.diff(corners, axis=0)
        units = steps / np.linalg.norm(steps, axis=1)[:, None]
        sides = SHIFT * back * np.stack([-units[:, 1], units[:, 0]], axis=1)
        corners += np.vstack([sides[:1], sides[:-1] + sides[1:], sides[-1:]]) if abs(units).max() == 1 else sides[0]
        axes.plot(*corners.T, color="white", linewidth=3.5, solid_capstyle="butt", zorder=1)  # where lines cross
        axes.plot(*corners.T, color=colour, linewidth=1, linestyle=dashes, zorder=1.1)
        head = {"arrowstyle": "-|>,head_width=0.17,head_length=0.34", "color": colour, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", corners[-1], corners[-1] - 0.02 * units[-1], arrowprops=head | {"linewidth": 0}, zorder=1.2)


def _draw_strip(axes, strip, scale):
    (left, top), table = strip.corner, _cells(strip.array)
    whole = strip.array.dtype.kind != "f"
    for (i, j), value in np.ndenumerate(table):
        x, y = left + j * CELL[0], top + i * CELL[1]
        colour = (1.0, 1.0, 1.0) if whole else STATE_COLOURS(scale(value))[:3]
        ink = "black" if np.array(colour) ** 2.2 @ [0.2126, 0.7152, 0.0722] > 0.18 else "white"
        axes.add_patch(Rectangle((x, y), *CELL, facecolor=colour, edgecolor="white", linewidth=0.4, zorder=2))
        text = _number(value)
        size = 6 if len(text) < 7 else 5
        _write(axes, x + CELL[0] / 2, y + CELL[1] / 2, text, fontsize=size, color=ink, zorder=3)
    if strip.title:
        _write(axes, left + strip.size[0] / 2, top - 0.08, strip.title, fontsize=6.5, color=OUTLINE, zorder=3)
    line = {"edgecolor": OUTLINE, "linestyle": DASHES} if strip.back else {"edgecolor": FORWARD}
    face = "none" if table.size else "white"
    axes.add_patch(Rectangle((left, top), *strip.size, facecolor=face, linewidth=0.8, zorder=2.5, **line))
    if not table.size:
        middle = left + strip.size[0] / 2, top + strip.size[1] / 2
        _write(axes, *middle, str(strip.array.shape), fontsize=6.5, zorder=3)


def _draw_node(axes, node, middle, box):
    (x, y), (width, height) = middle, box
    options = {"boxstyle": "round,pad=0,rounding_size=0.06", "facecolor": "#f6f8fa", "edgecolor": FORWARD, "zorder": 4}
    axes.add_patch(FancyBboxPatch((x - width / 2, y - height / 2), width, height, linewidth=1, **options))
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
    entries += [({"edgecolor": OUTLINE, "linestyle": DASHES}, "gradient, on its way back")] if back else []
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
    """a_1 or U x_1 in signs of mathematics; any other name as it is."""
    if not re.fullmatch(r"[A-Za-z](_\d+)?( [A-Za-z](_\d+)?)?", name):
        return name.replace("$", r"\$")
    return "$" + re.sub(r"_(\d+)", r"_{\1}", name).replace(" ", r"\,") + "$"
