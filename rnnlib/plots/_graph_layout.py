"""Where everything in the figure of a tape goes; nothing is drawn here.

Points are (x, y) in inches, y downwards. The unrolled network of `gates.rnn_loss` is laid out on the grid of
`formulations._grid`, any other graph in columns from left to right.
"""

from typing import NamedTuple

import numpy as np

from ..formulations._grid import GRID, places
from ..formulations.gates import Parameters

MOST_CELLS = 3  # rows or columns of an array whose numbers are drawn; a larger one is drawn as its shape
COLUMNS = 1.12, 2.9, 4.72, 6.4  # x of the columns of the unrolled network
APART = 1.9  # the same for any other graph: from each column to the next
BOX = 0.66, 0.36
LOSS_BOX = 0.66, 0.54  # with the value of the loss between its name and its gate
CELL = 0.305, 0.135
SHIFT = 0.035  # of either of two opposite arrows from the middle between them
MARGIN = 0.15
LEGEND = 4.6, 0.3  # the least width, and the height


class Box(NamedTuple):
    """The box of a node."""

    middle: tuple
    size: tuple


class Edge(NamedTuple):
    """How a value goes from a parent to its child."""

    points: list  # the corners of the line, from border to border
    middle: tuple  # the numbers are on either side of this point
    upright: bool  # whether the line is, there
    back: bool = False  # whether a gradient comes back


class Strip(NamedTuple):
    """An array next to its edge, or a sum of gradients next to the box of its node."""

    array: np.ndarray
    corner: tuple  # left and top
    size: tuple
    back: bool  # whether it is a gradient
    title: str = ""


class Layout(NamedTuple):
    """The whole figure."""

    corner: tuple  # left and top
    size: tuple
    boxes: list  # a `Box` for each node
    edges: list  # an `Edge` for each parent of each node
    strips: list


def lay_out(nodes):
    """The `Layout` of the nodes of a tape, parents before children."""
    handed = [() if node.grad is None else node.to_parents(node.grad) for node in nodes]
    grads = [grad for each, node in zip(handed, nodes, strict=True) for grad in each or (None,) * len(node.parents)]
    links = [(node, i, parent) for node in nodes for i, parent in enumerate(node.parents)]
    tallest = max((len(table(parent.data)) for *_, parent in links), default=1)
    pitch = BOX[1] + tallest * CELL[1] + 0.22
    unrolled = _unrolled(nodes, links, pitch)
    middles, edges = unrolled or _layered(nodes, links, pitch)
    edges = [edge._replace(back=grad is not None) for edge, grad in zip(edges, grads, strict=True)]
    strips = _sums(nodes, links, middles) if unrolled else []
    for (*_, parent), grad, edge in zip(links, grads, edges, strict=True):
        strips.append(_strip(parent.data, edge, back=False))
        strips += [_strip(grad, edge, back=True)] if edge.back else []
    boxes = [Box(at, LOSS_BOX if _is_loss(node, links) else BOX) for node, at in zip(nodes, middles, strict=True)]
    return Layout(*_frame(boxes, edges, strips), boxes, edges, strips)


def table(array):
    """The array as a matrix of the numbers to be drawn, or an empty one where it is too large."""
    matrix = np.reshape(array, (-1, 1)) if array.ndim < 2 else array
    return matrix if max(matrix.shape) <= MOST_CELLS else np.empty((0, 0))


def _is_loss(node, links):
    """Whether its value is a single number that is on no edge."""
    return bool(node.parents) and not node.data.ndim and not any(parent is node for *_, parent in links)


def _frame(boxes, edges, strips):
    """Corner and size of the figure around all of this, with the legend at the bottom."""
    points = [(x + i * w / 2, y + i * h / 2) for (x, y), (w, h) in boxes for i in (-1, 1)]
    points += [point for edge in edges for point in edge.points]
    points += [np.add(strip.corner, share) for strip in strips for share in ((0, 0), strip.size)]
    corner = np.min(points, axis=0) - MARGIN
    width, height = np.max(points, axis=0) + MARGIN - corner
    return tuple(corner), (max(width, LEGEND[0]), height + LEGEND[1])


def _unrolled(nodes, links, pitch):
    """The middles of the nodes of `rnn_loss`, recognised by their names, and the edges; None for any other graph."""
    T = sum(node.name.startswith("x_") for node in nodes)
    grid = places(T)
    if not T or sorted(grid) != sorted(node.name for node in nodes):
        return None
    middle = {name: (COLUMNS[column], row * pitch) for name, (column, row) in grid.items()}
    edges = [_grid_edge(parent.name, node.name, i, middle, pitch) for node, i, parent in links]
    return [middle[node.name] for node in nodes], edges


def _grid_edge(parent, child, i, middle, pitch):
    """Straight where nothing is in between; else down a lane next to the column, on its outer or its inner side."""
    (x1, y1), (x2, y2) = middle[parent], middle[child]
    if parent == "W" and y2 > y1:
        x, turn = x2 + BOX[0] / 2 + 0.2, y1 + GRID["turn"] * pitch
        points = [(x1, y1 + BOX[1] / 2), (x1, turn), (x, turn), (x, y2), (x2 + BOX[0] / 2, y2)]
        near = y2 < y1 + 4 * pitch
        return Edge(points, (x1, y1 + 0.88 * pitch) if near else (x + 0.55, y2), near)
    if (parent in "UV" and y2 > y1 + 3 * pitch) or (child == "L" and i > 1):
        side, far = (1 if child == "L" else -1), max(y1, y2)
        border, x = x1 + side * BOX[0] / 2, x1 + side * (BOX[0] / 2 + 0.12)
        return Edge([(border, y1), (x, y1), (x, y2), (border, y2)], (x, far - 0.95 * pitch), True)
    return _straight([(x1, y1), (x2, y2)], LOSS_BOX if child == "L" else BOX)


def _layered(nodes, links, pitch):
    """Middles and edges in columns, each node to the right of its parents.

    A value that is used in a column further on keeps a row free for its line in those between.
    """
    column = {}
    for node in nodes:
        column[node] = 1 + max((column[parent] for parent in node.parents), default=-1)
    for node in nodes:  # given values go into the column before their first use
        uses = [column[child] for child, _, parent in links if parent is node]
        column[node] = min(uses) - 1 if uses and not node.parents else column[node]
    ends = {node: max((column[child] for child, _, parent in links if parent is node), default=0) for node in nodes}
    middle = {}  # (node, column) -> point
    for c in range(max(column.values()) + 1):
        rows = [node for node in nodes if column[node] == c or column[node] < c < ends[node]]
        rows.sort(key=lambda node: (column[node] < c, nodes.index(node)))
        for row, node in enumerate(rows):
            middle[node, c] = (APART * c, 2.2 * pitch * (row - (len(rows) - 1) / 2))
    edges = [
        _straight([middle[parent, c] for c in range(column[parent], column[child])] + [middle[child, column[child]]])
        for child, _, parent in links
    ]
    return [middle[node, column[node]] for node in nodes], edges


def _straight(points, last=BOX):
    """From box to box through the points; the numbers are next to the first part of the line."""
    (x1, y1), (x2, y2) = points[0], points[1]
    upright = abs(x1 - x2) < 1e-9
    halves = [np.array((0, height / 2) if upright else (width / 2, 0)) for width, height in (BOX, last)]
    way = 1 if x2 + y2 > x1 + y1 or x2 > x1 + 1e-9 else -1
    points = [points[0] + way * halves[0], *points[1:-1], points[-1] - way * halves[1]]
    return Edge([tuple(point) for point in points], tuple(np.mean(points[:2], axis=0)), upright)


def _strip(array, edge, back):
    """What flows forward goes to the left of the line or above it, what flows back to the right or below."""
    rows, columns = table(array).shape
    width, height = (columns * CELL[0], rows * CELL[1]) if rows else (0.06 * len(str(array.shape)) + 0.08, CELL[1])
    (x, y), gap = edge.middle, SHIFT + 0.06
    if edge.upright:
        corner = (x + gap if back else x - gap - width), y - height / 2
    else:
        corner = x - width / 2, (y + gap if back else y - gap - height)
    return Strip(array, corner, (width, height), back)


def _sums(nodes, links, middles):
    """The gradients of U, W and V, the sums of one from each step, next to their boxes."""
    strips = []
    for node, (x, y) in zip(nodes, middles, strict=True):
        uses = sum(parent is node for *_, parent in links)
        if node.name in Parameters._fields and uses > 1 and node.grad is not None and table(node.grad).size:
            rows, columns = node.grad.shape
            size = columns * CELL[0], rows * CELL[1]
            strips.append(Strip(node.grad, (x + BOX[0] / 2 + 0.06, y - size[1] / 2), size, back=True, title="sum"))
    return strips
