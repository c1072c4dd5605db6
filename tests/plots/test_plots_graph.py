"""The picture of a tape: everything on it is there, readable, and what the tape holds."""

import io
import itertools
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.image import imread
from matplotlib.patches import FancyBboxPatch, Rectangle
from models import refuses

from rnnlib.formulations import gates
from rnnlib.formulations._grid import GRID, place, places
from rnnlib.formulations.gates import Value, add, graph, multiply, rnn_loss, sigmoid, softmax, tanh
from rnnlib.plots import plot_graph
from rnnlib.plots._graph_layout import lay_out


def tape(T=2, V=2, H=2, seed=0, back=True):
    rng = np.random.default_rng(seed)
    parameters = gates.init_parameters(V, H, rng=rng)
    loss = rnn_loss(parameters, rng.integers(V, size=T), rng.integers(V, size=T), rng.uniform(-0.5, 0.5, H))
    if back:
        loss.backward()
    return graph(loss)


def small():
    rng = np.random.default_rng(0)
    W, x, b = (Value(rng.normal(size=size), name) for size, name in (((2, 2), "W"), (2, "x"), (2, "b")))
    h = tanh(add(multiply(W, x, name="W x"), b, name="a"), name="h")
    loss = softmax(multiply(W, h, name="o"), Value(1, "y"), name="L")
    loss.backward()
    return graph(loss)


def texts(figure):
    (axes,) = figure.axes
    return [text.get_text() for text in axes.texts if text.get_text()]


def boxes(figure, kind, **style):
    found = [patch for patch in figure.axes[0].patches if type(patch) is kind]
    return [patch for patch in found if all(getattr(patch, f"get_{key}")() == value for key, value in style.items())]


def printed(value):
    """Two digits, a true minus sign, and powers of ten below a thousandth."""
    if np.asarray(value).dtype.kind == "i":
        return f"id {value}"
    size = abs(value)
    text = f"{size:.1e}" if 0 < size < 1e-3 else f"{size:.2g}"
    mantissa, _, exponent = text.partition("e")
    return ("−" if value < 0 else "") + (f"{mantissa.removesuffix('.0')}e−{-int(exponent)}" if exponent else mantissa)


def handed(nodes):
    """Value and gradient of every edge."""
    for node in nodes:
        grads = node.to_parents(node.grad) if node.grad is not None else [None] * len(node.parents)
        yield from ((parent.data, grad) for parent, grad in zip(node.parents, grads, strict=True))


def extent(patch):
    x, y = patch.get_xy() if isinstance(patch, Rectangle) else (patch.get_x(), patch.get_y())
    return x, y, x + patch.get_width(), y + patch.get_height()


# The layout, before anything is drawn


@pytest.mark.parametrize("T", [1, 2, 3, 5])
def test_the_grid_has_a_place_for_every_node_of_the_network_and_for_no_other(T):
    assert sorted(places(T)) == sorted(names(tape(T)))
    assert len(set(places(T).values())) == 8 * T + 5


def test_the_grid_goes_three_columns_on_with_each_step():
    assert [place(name) for name in ("h_0", "W h_0", "a_1", "h_1", "W h_1", "a_2", "h_2")] == [(1, i) for i in range(7)]
    for name in ("U x", "a", "h", "o", "L"):
        assert place(f"{name}_3")[1] - place(f"{name}_2")[1] == GRID["columns"] == 3
    assert json.loads(json.dumps(GRID)) == {key: as_lists(value) for key, value in GRID.items()}  # as the page reads it


def as_lists(value):
    return {key: list(at) for key, at in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("nodes", [tape(), tape(2, 9, 4), tape(5, 3, 1), tape(back=False), small()])
def test_the_layout_has_a_box_for_each_node_and_strips_for_each_edge_all_inside_the_figure(nodes):
    layout = lay_out(nodes)
    pairs = list(handed(nodes))
    assert (len(layout.boxes), len(layout.edges)) == (len(nodes), len(pairs))
    assert [edge.back for edge in layout.edges] == [grad is not None for _, grad in pairs]
    expected = [array for pair in pairs for array in pair if array is not None]
    strips = [strip for strip in layout.strips if not strip.title]
    assert all(map(np.array_equal, [strip.array for strip in strips], expected)) and len(strips) == len(expected)
    low, high = np.array(layout.corner), np.add(layout.corner, layout.size)
    inside = [np.subtract(box.middle, np.multiply(box.size, 0.5)) for box in layout.boxes]
    inside += [np.add(box.middle, np.multiply(box.size, 0.5)) for box in layout.boxes]
    inside += [np.add(strip.corner, share) for strip in layout.strips for share in ((0, 0), strip.size)]
    inside += [np.array(point) for edge in layout.edges for point in edge.points]
    assert all((low < point).all() and (point < high).all() for point in inside)


@pytest.mark.parametrize("nodes", [tape(), tape(5), small()])
def test_every_edge_runs_from_the_border_of_its_parent_to_that_of_its_child(nodes):
    layout = lay_out(nodes)
    boxes = dict(zip(nodes, layout.boxes, strict=True))
    links = [(parent, child) for child in nodes for parent in child.parents]
    for (parent, child), edge in zip(links, layout.edges, strict=True):
        for node, point in ((parent, edge.points[0]), (child, edge.points[-1])):
            away = np.abs(np.subtract(point, boxes[node].middle)) - np.multiply(boxes[node].size, 0.5)
            assert away.max() == pytest.approx(0, abs=1e-12), (parent.name, child.name)


# The figure


@pytest.mark.parametrize(("T", "V", "H"), [(1, 1, 1), (1, 2, 3), (2, 2, 2), (2, 3, 3), (3, 2, 2), (5, 3, 1)])
def test_every_node_has_a_box_with_its_name_and_its_gate(T, V, H):
    nodes = tape(T, V, H)
    figure = plot_graph(nodes)
    assert len(boxes(figure, FancyBboxPatch)) == len(nodes) == 8 * T + 5
    shown = texts(figure)
    for name in ("$h_{0}$", "$U\\,x_{1}$", f"$W\\,h_{{{T - 1}}}$", f"$y_{{{T}}}$", "$L$"):
        assert shown.count(name) == 1
    gates_shown = {word: shown.count(word) for word in ("pick", "multiply", "add", "tanh", "softmax")}
    assert gates_shown == {"pick": T, "multiply": 2 * T, "add": T + 1, "tanh": T, "softmax": T}


@pytest.mark.parametrize("nodes", [tape(), tape(2, 3, 3), tape(1, 1, 1), tape(3, 3, 2), small()])
def test_all_numbers_stand_in_the_picture_the_loss_and_the_sums_too(nodes):
    expected = [
        node.data[()] for node in nodes if not (node.parents or node.data.ndim)
    ]  # ids stand in their boxes, too
    for value, grad in handed(nodes):
        expected += [*np.ravel(value)] + ([] if grad is None else [*np.ravel(grad)])
    expected += [nodes[-1].data[()], *np.concatenate([[], *(np.ravel(node.grad) for node in summed(nodes))])]
    words = {"pick", "multiply", "add", "tanh", "softmax"}
    shown = [text for text in texts(plot_graph(nodes)) if not text.startswith(("$", "(")) and text not in words]
    legend = {"value, on its way forward", "gradient, on its way back"}
    assert legend <= set(shown)
    legend.add("sum")
    assert sorted(text for text in shown if text not in legend) == sorted(map(printed, expected))


def test_before_the_way_back_there_are_values_only():
    figure = plot_graph(tape(back=False))
    assert "gradient, on its way back" not in texts(figure)
    assert len(boxes(figure, Rectangle, linewidth=0.8)) == 24 + 2  # one for each edge, of the loss and of the legend
    assert len(boxes(plot_graph(tape()), Rectangle, linewidth=0.8)) == 24 + 20 + 3 + 4  # no gradient of ids, four sums


def summed(nodes):
    """The nodes of the network to which more than one gradient comes: the weights, and the states but the last."""
    return [node for node in nodes if len(uses(nodes, node)) > 1 and "L_1" in names(nodes)]


def uses(nodes, node):
    return [child for child in nodes for parent in child.parents if parent is node]


def names(nodes):
    return [node.name for node in nodes]


@pytest.mark.parametrize("nodes", [tape(), tape(2, 3, 3), tape(3, 2, 2)])
def test_next_to_a_node_that_is_used_more_than_once_is_the_sum_of_its_gradients(nodes):
    figure = plot_graph(nodes)
    sums = [text for text in figure.axes[0].texts if text.get_text() == "sum"]
    T = sum(name.startswith("x_") for name in names(nodes))
    assert len(sums) == 3 + T - 1 and "sum" not in texts(plot_graph(tape(1)))
    corners = dict(zip(names(nodes), map(extent, boxes(figure, FancyBboxPatch)), strict=True))
    numbers = {
        (round(x, 6), round(y, 6)): text.get_text() for text in figure.axes[0].texts for x, y in [text.get_position()]
    }
    for node, title in zip(summed(nodes), sums, strict=True):
        left, top, right, bottom = corners[node.name]
        x, y = title.get_position()
        strips = [extent(patch) for patch in boxes(figure, Rectangle, linewidth=0.8)]
        (strip,) = [one for one in strips if min(abs(one[1] - y), abs(one[3] - y)) < 0.1 and one[0] < x < one[2]]
        assert (left + right) / 2 == pytest.approx(x) == (strip[0] + strip[2]) / 2
        assert y < strip[1] < strip[3] < top if node.name in "UWV" else bottom < strip[1] < strip[3] < y
        inside = [at for at in numbers if strip[0] < at[0] < strip[2] and strip[1] < at[1] < strip[3]]
        total = sum(child.to_parents(child.grad)[child.parents.index(node)] for child in uses(nodes, node))
        assert [numbers[at] for at in sorted(inside, key=lambda at: (at[1], at[0]))] == list(
            map(printed, total.ravel())
        )


def test_an_arrow_to_the_loss_ends_at_its_box():
    nodes = tape()
    figure = plot_graph(nodes)
    *_, loss = map(extent, boxes(figure, FancyBboxPatch))
    assert loss[3] - loss[1] > 0.5  # higher than the others: its value stands in it
    ends = [line.get_xydata()[-1] for line in figure.axes[0].lines]
    assert [end for end in ends if loss[0] < end[0] < loss[2] and loss[1] + 1e-9 < end[1] < loss[3] - 1e-9] == []


def test_numbers_stay_inside_their_frames():
    for seed in (0, 1):
        figure = plot_graph(tape(2, 3, 3, seed))
        figure.canvas.draw()
        (axes,) = figure.axes
        frames = [patch.get_window_extent() for patch in boxes(figure, Rectangle, linewidth=0.8)]
        for text in axes.texts:
            if re.fullmatch(r"−?[\d.]+(e−\d+)?", text.get_text()):
                x, y = axes.transData.transform(text.get_position())
                (frame,) = [one for one in frames if one.x0 < x < one.x1 and one.y0 < y < one.y1]
                box = text.get_window_extent()
                assert frame.x0 - 1 < box.x0 and box.x1 < frame.x1 + 1, text.get_text()


def test_of_large_arrays_there_are_shapes():
    shown = texts(plot_graph(tape(2, 9, 4)))
    assert shown.count("(4, 9)") == 1 + 2 * 2  # its box, and both ways on two edges
    assert shown.count("(4, 4)") == 1 + 2 * 2
    assert not any("." in text and text.lstrip("−")[0].isdigit() and len(text) > 6 for text in shown)


@pytest.mark.parametrize(
    "nodes", [tape(), tape(2, 3, 3), tape(1, 3, 3), tape(1, 1, 1), tape(3, 2, 2), tape(3, 3, 3), small()]
)
def test_no_box_covers_another_and_no_number_a_box(nodes):
    figure = plot_graph(nodes)
    frames = boxes(figure, FancyBboxPatch) + boxes(figure, Rectangle, linewidth=0.8)
    taken = [extent(patch) for patch in frames if patch.get_zorder() < 5]  # the value of the loss stands in a box
    for one, other in itertools.combinations(taken, 2):
        across = min(one[2], other[2]) - max(one[0], other[0])
        down = min(one[3], other[3]) - max(one[1], other[1])
        assert min(across, down) < 0.03, (one, other)  # inches: frames may touch
    low, high = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
    for left, top, right, bottom in taken:
        assert low[0] < left < right < low[1] and high[1] < top < bottom < high[0]


def test_time_runs_to_the_right_and_the_losses_are_at_the_top():
    nodes = tape(3)
    at = dict(zip(names(nodes), (box.middle for box in lay_out(nodes).boxes), strict=True))
    order = ["h_0", "W h_0", "a_1", "h_1", "W h_1", "a_2", "h_2", "W h_2", "a_3", "h_3"]
    along = [at[name][0] for name in order]
    assert along == sorted(along) and len({at[name][1] for name in order}) == 1
    for upright in (("L_2", "o_2", "h_2"), ("a_2", "U x_2"), ("W", "W h_0", "x_1")):
        assert len({round(at[name][0], 12) for name in upright}) == 1
        assert [at[name][1] for name in upright] == sorted(at[name][1] for name in upright)


def test_any_other_graph_runs_from_left_to_right():
    nodes = small()
    left = dict(zip(nodes, [extent(box)[0] for box in boxes(plot_graph(nodes), FancyBboxPatch)], strict=True))
    for node in nodes:
        assert all(left[parent] < left[node] for parent in node.parents)
    half = Value([0.5, -0.5])
    assert texts(plot_graph(graph(sigmoid(half, name="$5")))).count("\\$5") == 1
    assert len(boxes(plot_graph([half]), FancyBboxPatch)) == 1


def test_it_can_be_drawn_in_a_size_that_a_page_has_room_for():
    for nodes in (tape(), tape(2, 3, 3)):
        figure = plot_graph(nodes)
        assert 5 < figure.get_size_inches()[0] < 8.1 and figure.get_size_inches()[1] < 6.5
        picture = io.BytesIO()
        figure.savefig(picture, format="png")
        picture.seek(0)
        assert len(np.unique(imread(picture).reshape(-1, 4), axis=0)) > 50


def test_what_is_no_tape_is_refused():
    nodes = tape()
    with refuses(TypeError, "nodes", "<L = AddGate", expected="a list of nodes"):
        plot_graph(nodes[-1])
    with refuses(ValueError, "nodes", "0", expected="1 to 64 nodes"):
        plot_graph([])
    with refuses(ValueError, "nodes", "69", expected="1 to 64 nodes"):
        plot_graph(tape(8))
    loss = rnn_loss(gates.init_parameters(2, 2, rng=np.random.default_rng(0)), [0], [1], h0=np.array([0.5, 1j]))
    broken = SimpleNamespace(name="a", data=np.array([1, np.nan]), grad=None, operation="", parents=(), to_parents=None)
    for given, error, message in (
        ([nodes[0], 3], TypeError, "nodes[1]: expected a node of a tape, such as a gates.Value, got int 3"),
        (nodes[::-1], ValueError, "nodes[0]: expected its parents before it, got <L_1 = Softmax(o_1, y_1), shape ()>"),
        ([*nodes[:2], *nodes[3:]], ValueError, "nodes[2]: expected its parents before it, got <x_1, shape ()>"),
        (
            graph(loss),
            TypeError,
            "nodes[5].data: expected real numbers, got an array of shape (2,) and type complex128",
        ),
        ([broken], ValueError, "nodes[0].data: expected finite numbers, got nan at index (1,)"),
    ):
        with pytest.raises(error, match=re.escape(message)):
            plot_graph(given)
