"""Where everything in the figure of a tape goes; nothing is drawn here.

Points are (x, y) in inches, y downwards. The unrolled network of `gates.rnn_loss` is laid out on the grid of
`formulations._grid`, any other graph in columns from left to right.
"""

from typing import NamedTuple

import numpy as np

from ..formulations._grid import GRID, places
from ..formulations.gates import Parameters

MOST_CELLS = 3  # rows or columns of an array whose numbers are drawn; a larger one is drawn as its shape
APART = 1.9  # of a graph that is no unrolled network: from each column to the next
BOX = 0.56, 0.36
LOSS_BOX = 0.56, 0.54  # with the value of the loss between its name and its gate
CELL = 0.305, 0.135
SHIFT = 0.035  # of either of two opposite arrows from the middle between them
GAP = SHIFT + 0.06  # from that middle to the numbers
CLEAR = 0.08  # from the middle of an edge to numbers that are not its own
NEXT = 0.04  # between arrays that are next to each other
TITLE = 0.16  # the height of a word above or below an array
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
    above: bool = True  # whether its title is above it, or below


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
    unrolled = _unrolled(nodes, links)
    middles, edges = unrolled or _layered(nodes, links)
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


class Lanes(NamedTuple):
    """Where the lanes of the unrolled network are, and what is between them."""

    pitch: float  # from each column to the next
    y: list  # of the middle of each lane: inputs, states, outputs, losses
    line: float  # y of the line of W, past the numbers between two states
    numbers: float  # the height of the highest array
    above: float  # from the middle of a weight to the sum of its gradients


def _lanes(links, T):
    numbers = CELL[1] * _tallest(links)
    widest = CELL[0] * max((table(parent.data).shape[1] for *_, parent in links), default=1)
    pitch = max(BOX[0] + CELL[0] + 2 * NEXT, (BOX[0] + widest + 2 * NEXT) / 1.5)  # weights are 1.5 from their uses
    beside = 0.75 * pitch >= widest + NEXT  # then a sum has room between the arrays of two edges
    above = BOX[1] / 2 + NEXT if beside else GAP + numbers + NEXT
    past = GAP + numbers + CLEAR
    between = past + CLEAR + numbers  # from the states to the far end of the numbers at an edge to another lane
    apart = max(
        between + NEXT + numbers + GAP,  # those at the edges along the other lane
        BOX[1] / 2 + NEXT + numbers + TITLE + numbers + above,  # the sum of a state, and that of U
        (past + 3 * numbers + 2 * NEXT + CLEAR + 2 * GAP) * (T > 2),  # those at the long lines of W and V
    )
    outputs = max(LOSS_BOX[1] / 2 + TITLE + numbers + above, 3 * numbers + 2 * (NEXT + GAP))
    lanes = [outputs + 2 * apart, outputs + apart, outputs, 0.0]
    return Lanes(pitch, lanes, outputs + apart - past, numbers, above)


def _tallest(links):
    """Rows of the highest array whose numbers are drawn."""
    return max((len(table(parent.data)) for *_, parent in links), default=1) or 1


def _unrolled(nodes, links):
    """The middles of the nodes of `rnn_loss`, recognised by their names, and the edges; None for any other graph."""
    T = sum(node.name.startswith("x_") for node in nodes)
    grid = places(T)
    if not T or sorted(grid) != sorted(node.name for node in nodes):
        return None
    lanes = _lanes(links, T)
    middle = {name: (column * lanes.pitch, lanes.y[lane]) for name, (lane, column) in grid.items()}
    edges = [_grid_edge(parent.name, node.name, i, middle, lanes) for node, i, parent in links]
    return [middle[node.name] for node in nodes], edges


def _grid_edge(parent, child, i, middle, lanes):
    """Straight where nothing is in between; else along a line above the lane or below it."""
    (x1, y1), (x2, y2) = middle[parent], middle[child]
    if parent == "W" and x2 > x1:
        turn = x1 + GRID["turn"] * lanes.pitch
        points = [(x1 + BOX[0] / 2, y1), (turn, y1), (turn, lanes.line), (x2, lanes.line), (x2, y2 - BOX[1] / 2)]
        if x2 < x1 + 4 * lanes.pitch:
            return Edge(points, ((x1 + BOX[0] / 2 + turn) / 2, y1), upright=False)
        return Edge(points, (x2 + 0.5 * lanes.pitch, lanes.line - NEXT - lanes.numbers / 2), upright=True)
    if (parent in "UV" and x2 > x1 + 3 * lanes.pitch) or (child == "L" and i > 1):
        side = -1 if child == "L" else 1
        ends = y1 + side * BOX[1] / 2, y2 + side * (LOSS_BOX if child == "L" else BOX)[1] / 2
        y = y1 + side * (GAP + lanes.numbers + CLEAR)  # past the numbers at the edges along the lane
        points = [(x1, ends[0]), (x1, y), (x2, y), (x2, ends[1])]
        return Edge(points, (max(x1, x2) - 1.1 * lanes.pitch, y), upright=False)
    edge = _straight([(x1, y1), (x2, y2)], LOSS_BOX if child == "L" else BOX)
    states = lanes.y[1]
    if edge.upright and (y1 == states) != (y2 == states):  # past the numbers between two states
        way = 1 if max(y1, y2) > states else -1
        beyond = states - lanes.line + CLEAR + lanes.numbers / 2
        edge = edge._replace(middle=(x1, states + way * beyond))
    return edge


def _layered(nodes, links):
    """Middles and edges in columns, each node to the right of its parents.

    A value that is used in a column further on keeps a row free for its line in those between.
    """
    pitch = BOX[1] + _tallest(links) * CELL[1] + 0.22
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
    x, y = edge.middle
    if edge.upright:
        corner = (x + GAP if back else x - GAP - width), y - height / 2
    else:
        corner = x - width / 2, (y + GAP if back else y - GAP - height)
    return Strip(array, corner, (width, height), back)


def _sums(nodes, links, middles):
    """The gradient of each node that is used more than once, the sum of one from each use: of weights above the box."""
    strips, above = [], _lanes(links, 1).above
    for node, (x, y) in zip(nodes, middles, strict=True):
        uses = sum(parent is node for *_, parent in links)
        if uses > 1 and node.grad is not None and table(node.grad).size:
            rows, columns = table(node.grad).shape
            width, height = size = columns * CELL[0], rows * CELL[1]
            weight = node.name in Parameters._fields
            top = y - above - height if weight else y + BOX[1] / 2 + NEXT
            strips.append(Strip(node.grad, (x - width / 2, top), size, back=True, title="sum", above=weight))
    return strips
