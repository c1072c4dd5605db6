"""Cliff as a Jupyter widget: its traits, its numbers, and the picture that stands for it."""

import re

import numpy as np
import pytest

from rnnlib.widgets import Cliff
from rnnlib.widgets.cliff import FIRST, walk, wall


def loss(w, b, steps=50):
    """The loss by itself, for complex numbers too."""
    h = -0.5
    for _ in range(steps):
        h = np.tanh(w * h + b)
    return (h - 0.7) ** 2


def gradient(w, b, steps=50):
    """The gradient by complex steps."""
    return np.array([loss(w + 1e-30j, b, steps).imag, loss(w, b + 1e-30j, steps).imag]) / 1e-30


@pytest.mark.parametrize("steps", [2, 50, 100])
@pytest.mark.parametrize("w, b", [(1.35, 0.075), (0.5, -0.2), (1.5, 0.05), (1.5, 0.2007), (2.5, 1.0)])
def test_loss_and_gradient_are_those_of_complex_steps(w, b, steps):
    figure = Cliff(w=w, b=b, steps=steps)
    assert figure.loss == pytest.approx(loss(w, b, steps), rel=1e-13)
    np.testing.assert_allclose(figure.gradient, gradient(w, b, steps), rtol=1e-10, atol=1e-15)
    assert figure.states.shape == (steps + 1,) and figure.states[0] == FIRST
    assert (figure.states[-1] - 0.7) ** 2 == figure.loss


def test_at_the_wall_the_gradient_is_four_decades_longer_than_before_it():
    """The wall at w = 1.5: where the last state changes its sign, found by bisection on the states alone."""
    low, high = 0.05, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        h = -0.5
        for _ in range(50):
            h = np.tanh(1.5 * h + middle)
        low, high = (middle, high) if h < 0 else (low, middle)
    b = Cliff(w=1.5).wall
    assert b == pytest.approx(low, abs=1e-15) and round(b, 5) == 0.20076
    assert abs(gradient(1.5, b)[1]) == pytest.approx(28_885, abs=1) and abs(gradient(1.5, 0.05)[1]) == pytest.approx(
        1.72, abs=0.01
    )
    near = b + np.linspace(-1e-5, 1e-5, 2001)
    steepest = max(abs(gradient(1.5, each)[1]) for each in near)
    assert steepest == pytest.approx(29_047, abs=1)  # a little beyond: the wall is not where the slope is largest


@pytest.mark.parametrize("steps", [2, 3, 50, 100])
@pytest.mark.parametrize("w", [0.5, 0.99, 1.0, 1.35, 2.5])
def test_the_wall_is_on_the_map_and_parts_the_signs(w, steps):
    b = wall(w, steps)
    assert -0.2 < b < 1
    h = [-0.5, -0.5]
    for _ in range(steps):
        h = np.tanh(w * np.array(h) + [b - 1e-9, b + 1e-9])
    assert h[0] < 0 < h[1]


def descend(w, b, clip):
    """Gradient descent in a few lines, with the gradients of complex steps."""
    places = [np.array([w, b])]
    for _ in range(8):
        g = gradient(*places[-1])
        places.append(places[-1] - 0.01 * clip(g))
    return np.array(places)


CLIPS = {
    "plain": lambda g: g,
    "norm": lambda g: g * min(1, 1 / np.linalg.norm(g)),
    "value": lambda g: np.maximum(-1, np.minimum(1, g)),
}


@pytest.mark.parametrize("clipping", CLIPS)
def test_the_walks_are_gradient_descent(clipping):
    figure = Cliff(clipping="norm" if clipping == "plain" else clipping)
    points = figure.walk if clipping == "plain" else figure.clipped_walk
    assert len(points) == figure.updates + 1 == 9
    # near the wall, where the seventh update of the clipped walk is, a rounding grows a thousandfold
    np.testing.assert_allclose([each[:2] for each in points], descend(1.35, 0.075, CLIPS[clipping]), rtol=1e-11)
    for each in points:
        assert each.loss == pytest.approx(loss(each.w, each.b), rel=1e-10) and each.length == np.hypot(each.dw, each.db)


def test_the_first_state_is_one_update_before_the_jump():
    plain, clipped = Cliff(updates=9).walk, Cliff(updates=60).clipped_walk
    moves = np.linalg.norm(np.diff([each[:2] for each in plain], axis=0), axis=1)
    assert Cliff().updates == 8 and moves[:8].max() < 0.06 and moves[8] == pytest.approx(14.24, abs=0.01)
    assert plain[8].length == pytest.approx(1424, abs=1) and plain[9].length < 1e-6
    assert not -0.2 < plain[9].b < 1 and plain[9].loss == pytest.approx(0.09, abs=1e-4)
    moves = np.linalg.norm(np.diff([each[:2] for each in clipped], axis=0), axis=1)
    assert moves.max() < 0.01 + 1e-12 and clipped[60].loss < 0.012
    assert all(0.5 < each.w < 2.5 and -0.2 < each.b < 1 for each in clipped)


def test_no_gradient_is_no_number():
    """The steepest walls and the largest rates there are."""
    for w in np.linspace(0.5, 2.5, 9):
        for points in (
            walk(w, wall(w, 100), steps=100, rate=0.1, updates=5),
            walk(w, 1.0, steps=2, rate=0.1, updates=60),
        ):
            assert np.isfinite(points).all()


@pytest.mark.parametrize(
    "traits, kind, expected",
    [
        ({"w": 3}, ValueError, "w: expected a number from 0.5 to 2.5, got 3"),
        ({"b": -1}, ValueError, "b: expected a number from -0.2 to 1, got -1"),
        ({"w": "1"}, TypeError, "w: expected a number"),
        ({"steps": 1}, ValueError, "steps: expected a whole number from 2 to 100, got 1"),
        ({"steps": 5.0}, TypeError, "steps: expected a whole number"),
        ({"rate": 0}, ValueError, "rate: expected a number from 0.001 to 0.1, got 0"),
        ({"clip": 0}, ValueError, "clip: expected a number from 0.1 to 10, got 0"),
        ({"clipping": "l2"}, ValueError, "clipping: expected one of 'norm', 'value'"),
        ({"updates": 61}, ValueError, "updates: expected a whole number from 0 to 60, got 61"),
    ],
)
def test_a_value_that_cannot_be_is_refused(traits, kind, expected):
    with pytest.raises(kind, match=re.escape(expected)):
        Cliff(**traits)


@pytest.mark.parametrize(
    "change, kind, expected",
    [
        ({"w": np.nan}, ValueError, "w: expected a finite number"),
        ({"b": None}, TypeError, "b: expected a finite number"),
        ({"steps": 0}, ValueError, "steps: expected a whole number from 1"),
        ({"rate": -0.1}, ValueError, "rate: expected a positive number"),
        ({"updates": -1}, ValueError, "updates: expected a whole number from 0"),
        ({"clip": 0}, ValueError, "clip: expected a positive number"),
        ({"clip": 1, "clipping": "max"}, ValueError, "clipping: expected one of 'norm', 'value'"),
    ],
)
def test_a_walk_that_cannot_be_is_refused(change, kind, expected):
    with pytest.raises(kind, match=re.escape(expected)):
        walk(**{"w": 1.35, "b": 0.075, "steps": 50, "rate": 0.01, "updates": 3} | change)


@pytest.mark.parametrize("w", [0, -1, np.inf])
def test_a_wall_for_a_weight_that_is_not_positive_is_refused(w):
    with pytest.raises(ValueError, match=r"w: expected a positive number"):
        wall(w, 50)


def test_its_stand_in_is_a_picture_and_a_sentence():
    data, _ = Cliff(updates=3)._repr_mimebundle_()
    assert "w = 1.35, b = 0.075, after 3 updates" in data["text/plain"] and data["image/png"]
