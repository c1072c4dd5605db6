"""The cliff in V8, held against Python."""

import numpy as np
import pytest
from javascript import bundled, entry_of

from rnnlib.widgets import cliff


@pytest.fixture(scope="module")
def engine():
    with bundled("entry.js", {"entry.js": entry_of("model/cliff.js"), **cliff.FACTS}) as v8:
        yield v8


PLACES = [(0.5, -0.2), (2.5, 1.0), (1.5, 0.05), (1.35, 0.075), (-4.65, 13.0), (0.7, 0.9), (1.9, 0.2)]


@pytest.mark.parametrize("steps", [2, 50, 100])
@pytest.mark.parametrize("w, b", PLACES)
def test_a_point_is_that_of_python(engine, w, b, steps):
    got = engine.call("(e, w, b, steps) => e.pointAt(w, b, steps)", w, b, steps)
    ours = cliff.point(w, b, steps)._asdict()
    assert list(got) == list(ours)
    # 1 - h² of a saturated state is a difference of two numbers near 1
    np.testing.assert_allclose(list(got.values()), list(ours.values()), rtol=1e-12, atol=1e-15)
    h = engine.call("(e, w, b, steps) => e.states(w, b, steps)", w, b, steps)
    np.testing.assert_allclose(h, cliff.states(w, b, steps), rtol=1e-12)


# Roundings of 1e-16 grow with the gradient, and the points that follow from it: 1,424 on the wall, 14 from there on
@pytest.mark.parametrize(
    "start, rule, places",
    [
        ((1.35, 0.075), {"rate": 0.01}, 1e-9),
        ((1.35, 0.075), {"rate": 0.01, "clip": 1.0, "clipping": "norm"}, 1e-9),
        ((1.35, 0.075), {"rate": 0.01, "clip": 1.0, "clipping": "value"}, 1e-9),
        ((0.8, -0.1), {"rate": 0.05}, 1e-12),
        ((2.0, 0.9), {"rate": 0.1, "clip": 0.1, "clipping": "norm"}, 1e-12),
    ],
)
def test_a_walk_is_that_of_python(engine, start, rule, places):
    got = engine.call("(e, start) => e.walk(start)", {"w": start[0], "b": start[1], "steps": 50, "updates": 20, **rule})
    ours = cliff.walk(*start, steps=50, updates=20, **rule)
    assert len(got) == len(ours) == 21
    for mine, its in zip(got, ours, strict=True):
        np.testing.assert_allclose([mine["w"], mine["b"]], its[:2], rtol=places)


@pytest.mark.parametrize("w", [0.5, 1.0, 1.35, 1.5, 2.0, 2.5])
@pytest.mark.parametrize("steps", [2, 50, 100])
def test_the_wall_is_that_of_python_and_on_the_map(engine, w, steps):
    b = cliff.wall(w, steps)
    assert cliff.BIASES[0] < b < cliff.BIASES[1]
    # a rounding of tanh moves the wall by no more than a few units in the last place of its terms
    assert engine.call("(e, w, steps) => e.wallAt(w, steps)", w, steps) == pytest.approx(b, abs=1e-14)
    assert engine.call("(e, w, steps) => e.wallAt(w, steps, 1e-4)", w, steps) == pytest.approx(b, abs=1e-4)


@pytest.mark.parametrize("steps", [2, 50, 100])
def test_the_map_is_that_of_python(engine, steps):
    rows, columns = 54, 84
    got = np.reshape(engine.call("(e, steps) => e.lossMap(e.WHOLE, 84, 54, steps)", steps), (rows, columns))
    w, b = np.meshgrid(0.5 + (np.arange(columns) + 0.5) / 42, 1 - (np.arange(rows) + 0.5) / 45)
    # cells between two that are nearly alike are filled in; half a shade of the map is 0.06
    np.testing.assert_allclose(got, (cliff.states(w, b, steps)[-1] - 0.7) ** 2, rtol=0, atol=0.06)


def test_a_slice_goes_through_its_point_in_the_direction_of_the_move(engine):
    got = engine.call("(e) => e.slice({ w: 1.5, b: 0.1 }, [0.3, -0.4], 0.2, 2, 50)")
    far = np.array([-0.2, -0.1, 0, 0.1, 0.2])
    ours = [cliff.point(1.5 + 0.6 * s, 0.1 - 0.8 * s, 50).loss for s in far]
    np.testing.assert_allclose(got, ours, rtol=1e-10)
    still = engine.call("(e) => e.slice({ w: 1.5, b: 0.1 }, [0, 0], 0.2, 1, 50)")
    np.testing.assert_allclose(still, [cliff.point(1.5, b, 50).loss for b in (-0.1, 0.1, 0.3)], rtol=1e-10)


@pytest.mark.parametrize("places", [
    [(1.35, 0.075), (1.26, 0.12)], [(0.5, -0.2)], [(2.5, 1.0)], [(0.6, 0.9), (0.9, 0.7)], [(-4.6, 13), (0.7, 0.9)],
])  # fmt: skip
def test_a_close_up_lies_in_the_map_and_shows_its_points(engine, places):
    box = engine.call("(e, points) => e.closeUp(points)", [{"w": w, "b": b} for w, b in places])
    w, b = np.clip(places, *np.transpose([cliff.WEIGHTS, cliff.BIASES])).T
    for values, (low, high), (start, end) in ((w, cliff.WEIGHTS, box["w"]), (b, cliff.BIASES, box["b"])):
        assert low - 1e-12 <= start <= min(values) + 1e-12 and max(values) - 1e-12 <= end <= high + 1e-12
    size = np.ptp(box["w"]) / 2, np.ptp(box["b"]) / 1.2  # as shares of the map
    assert size[0] == pytest.approx(size[1]) and 1 / 40 - 1e-12 <= size[0] <= 1 / 2 + 1e-12


def test_points_far_apart_are_not_all_in_the_close_up(engine):
    box = engine.call("(e) => e.closeUp([{ w: 0.6, b: 0.9 }, { w: 2.4, b: 0 }])")
    assert np.ptp(box["w"]) == pytest.approx(1) and np.ptp(box["b"]) == pytest.approx(0.6)
