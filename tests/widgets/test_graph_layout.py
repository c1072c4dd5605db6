"""The layout of the graph in the page, without a browser: as in the static image, and nothing covers anything else."""

import itertools

import numpy as np
import pytest
from javascript import bundled, entry_of

from rnnlib.formulations import gates
from rnnlib.formulations._grid import GRID, places
from rnnlib.plots._graph_layout import lay_out
from rnnlib.widgets._bundle import constants

SIZES = [(T, V, H) for T in (1, 2) for V in (1, 2, 3) for H in (1, 2, 3)]
LETTER, LINE = 6, 11  # px of the words at a sum, at most


@pytest.fixture(scope="module")
def page():
    modules = {"graph_stepper/facts.js": constants(GRID=GRID), "entry.js": entry_of("graph_stepper/layout.js")}
    with bundled("entry.js", modules) as engine:
        yield engine


def tape_of(T, V, H):
    rng = np.random.default_rng(0)
    loss = gates.rnn_loss(gates.init_parameters(V, H, rng=rng), rng.integers(V, size=T), rng.integers(V, size=T))
    loss.backward()
    return gates.graph(loss)


def laid_out(page, tape):
    nodes = [{"name": node.name, "shape": node.data.shape} for node in tape]
    edges = [
        {"child": child, "parent": tape.index(parent), "back": grad is not None}
        for child, node in enumerate(tape)
        for parent, grad in zip(node.parents, node.to_parents(node.grad), strict=True)
    ]
    return page.call("(js, nodes, edges) => js.layOut(nodes, edges)", nodes, edges), edges


def corners(box):
    return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]


def words(label):
    """The corners of the longest words at a sum, "1 of 2"."""
    width = 6 * LETTER
    left = label["x"] - (width / 2 if label["anchor"] == "middle" else 0)
    return left, label["y"] - LINE / 2, left + width, label["y"] + LINE / 2


@pytest.mark.parametrize(("T", "V", "H"), SIZES)
def test_nothing_covers_anything_else_and_all_is_inside_the_drawing(page, T, V, H):
    layout, _ = laid_out(page, tape_of(T, V, H))
    taken = [*map(corners, layout["boxes"]), *(corners(sum_["box"]) for sum_ in layout["sums"])]
    taken += [corners(edge[kind]) for edge in layout["edges"] for kind in ("value", "gradient") if edge[kind]]
    taken += [words(sum_["label"]) for sum_ in layout["sums"]]
    assert len(taken) == 8 * T + 5 + (12 + 10 if T == 1 else 24 + 20) + 2 * (4 if T == 2 else 0)
    for one, other in itertools.combinations(taken, 2):
        across, down = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
        assert min(across, down) <= 1e-9, (one, other)
    for line in (edge[way] for edge in layout["edges"] for way in ("forward", "back") if edge[way]):
        for (x, y), (u, v) in itertools.pairwise(line):
            part = min(x, u), min(y, v), max(x, u), max(y, v)
            for box in taken[: -len(layout["sums"]) or None]:  # an arrow may pass under words
                clear = part[2] <= box[0] or box[2] <= part[0] or part[3] <= box[1] or box[3] <= part[1]
                assert clear, (part, box)
    points = [point for edge in layout["edges"] for line in ("forward", "back") for point in edge[line] or ()]
    points += [corner for box in taken for corner in (box[:2], box[2:])]
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    assert (low >= 3).all() and (high <= np.array([layout["width"], layout["height"]]) - 3).all()  # an outline has 3 px
    assert layout["width"] <= 662  # the width of a page's text, less the border of a figure


@pytest.mark.parametrize(("T", "V", "H"), [(1, 2, 2), (2, 2, 2), (2, 3, 3)])
def test_the_nodes_are_arranged_as_in_the_static_image(page, T, V, H):
    tape = tape_of(T, V, H)
    layout, _ = laid_out(page, tape)
    seen = np.array([[box["x"] + box["width"] / 2, box["y"] + box["height"] / 2] for box in layout["boxes"]])
    drawn = np.array([box.middle for box in lay_out(tape).boxes])
    along = [(points[:, 0] - points[:, 0].min()) / np.ptp(points[:, 0]) for points in (seen, drawn)]
    np.testing.assert_allclose(*along, atol=1e-12)
    lanes = [np.unique(points[:, 1].round(6), return_inverse=True)[1] for points in (seen, drawn)]
    assert (lanes[0] == lanes[1]).all()
    assert (lanes[0] == [3 - places(T)[node.name][0] for node in tape]).all(), "the losses are at the top"


@pytest.mark.parametrize(("T", "V", "H"), [(1, 3, 1), (2, 2, 2), (2, 3, 3)])
def test_both_arrows_of_an_edge_run_from_border_to_border_side_by_side(page, T, V, H):
    layout, edges = laid_out(page, tape_of(T, V, H))
    for edge, lines in zip(edges, layout["edges"], strict=True):
        parent, child = (layout["boxes"][edge[end]] for end in ("parent", "child"))
        ends = [(lines["forward"][0], parent), (lines["forward"][-1], child)]
        if edge["back"]:
            ends += [(lines["back"][0], child), (lines["back"][-1], parent)]
            apart = np.abs(np.array(lines["forward"]) - lines["back"][::-1])
            assert (np.isclose(apart, 6) | np.isclose(apart, 0)).all() and apart.max(axis=1).min() > 5
        for (x, y), box in ends:
            left, top, right, bottom = corners(box)
            away = max(left - x, x - right, top - y, y - bottom)
            assert away == pytest.approx(0, abs=1e-9), (edge, x, y)
        for line in filter(None, (lines["forward"], lines["back"])):
            steps = np.diff(line, axis=0)
            assert (np.abs(steps).min(axis=1) < 1e-9).all(), "upright or level"


def test_a_window_on_the_drawing_moves_no_further_than_it_must(page):
    rng = np.random.default_rng(0)
    for _ in range(300):
        boxes = [
            {"x": float(x), "y": 0, "width": 50, "height": 34} for x in rng.uniform(4, 600, size=rng.integers(1, 5))
        ]
        left, width = rng.uniform(0, 400), rng.uniform(90, 500)
        moved = page.call("(js, boxes, left, width) => js.windowOn(boxes, left, width)", boxes, left, width)
        first = boxes[0]["x"]
        assert moved >= 0 and moved <= first and first + 50 <= moved + width, "the first is in it"
        shown = [box["x"] for box in boxes]
        low, high = min(shown) - 20, max(shown) + 70
        if high - low <= width:
            assert moved <= max(low, 0) + 1e-9 and high <= moved + width + 1e-9, "all are, with a margin"
            if left <= low and high <= left + width:
                assert moved == left, "nothing moves that is in sight"
