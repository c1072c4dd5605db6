"""The geometry of the river, and the descent that it follows, in V8: held against `contributions` and the library."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from javascript import bundled, entry_of

from rnnlib import Params, Vocabulary, backward, contributions, forward, init_params

SIZE = 1000


@pytest.fixture(scope="module")
def river():
    entry = entry_of("model/river.js", "model/descent.js", "engine/params.js", "engine/rnn.js", "ui/film.js")
    with bundled("entry.js", {"entry.js": entry}) as engine:
        yield engine


def numbers(seed, T, H):
    rng = np.random.default_rng(seed)
    params = init_params(12, H, rng=rng)
    x, y = rng.integers(12, size=(2, T))
    trace = forward(params, x)
    matrix = contributions(params, trace, y, reduction="sum")
    norms = np.linalg.norm(backward(params, trace, y, reduction="sum").da, axis=1)
    return matrix, norms


def rectangles(path):
    """(left, top, right, bottom) of each rectangle of a path."""
    return [tuple(map(float, found)) for found in re.findall(r"M(\S+) (\S+)H(\S+)V([^HZM]+)H\S+Z", path)]


cases = [st.integers(0, 2**32 - 1), st.integers(1, 64), st.integers(1, 64)]


@given(*cases)
@settings(max_examples=25)
def test_the_segments_are_the_contributions(river, seed, T, H):
    matrix, norms = numbers(seed, T, H)
    scale = 1.25 * matrix.sum(axis=0).max()
    for lit in {0, T // 2, T - 1}:
        drawn = river.call(
            "(b, given) => b.paths(given)",
            {"matrix": matrix.ravel().tolist(), "norms": norms.tolist(), "T": T, "scale": scale, "first": 0,
             "count": T, "lit": lit},
        )  # fmt: skip
        bars, lit_bars = rectangles(drawn["bars"]), rectangles(drawn["litBars"])
        assert len(bars) == T and len(lit_bars) == lit + 1
        rounding = 0.051 * scale / SIZE  # a tenth of a unit, rounded
        for s, (left, top, right, bottom) in enumerate(bars):
            assert top == 0 and abs(bottom * scale / SIZE - matrix[:, s].sum()) <= rounding
            assert left < (s + 0.5) * SIZE / T < right
        for s, (_, top, _, bottom) in enumerate(lit_bars):
            assert abs(top * scale / SIZE - matrix[:lit, s].sum()) <= rounding
            assert abs((bottom - top) * scale / SIZE - matrix[lit, s]) <= 2 * rounding
        ticks = [float(value) for value in re.findall(r"M\S+ ([^H]+)H", drawn["ticks"])]
        assert np.allclose(np.array(ticks) * scale / SIZE, norms, rtol=0, atol=rounding)
        assert drawn["litRibbons"].count("M") == lit and drawn["ribbons"].count("M") == T - 1


def test_a_ribbon_joins_the_segments_of_one_loss(river):
    matrix, norms = numbers(0, 6, 4)
    given = {"matrix": matrix.ravel().tolist(), "norms": norms.tolist(), "T": 6, "scale": 3.0, "first": 0, "count": 6}
    drawn = river.call("(b, given) => b.paths(given)", {**given, "lit": 4})
    bars = rectangles(drawn["litBars"])
    ribbons = re.findall(r"M(\S+) (\S+)C\S+ \S+ \S+ \S+ (\S+) ([^L]+)L(\S+) ([^C]+)C", drawn["litRibbons"])
    for s, ribbon in enumerate(ribbons):
        x, top, end, far_top, _, far_bottom = map(float, ribbon)
        assert (x, top) == bars[s + 1][:2]  # leaves step s + 1 at its segment's upper left corner
        assert (end, far_top, far_bottom) == (bars[s][2], bars[s][1], bars[s][3])


@pytest.mark.parametrize("T, t, most, first, count", [
    (16, 3, 40, 0, 16), (64, 0, 40, 0, 40), (64, 63, 40, 24, 40), (64, 32, 40, 12, 40), (1, 0, 40, 0, 1),
])  # fmt: skip
def test_a_long_text_is_drawn_around_its_current_step(river, T, t, most, first, count):
    assert river.call("(b, ...a) => b.inView(...a)", T, t, most) == {"first": first, "count": count}


def test_of_a_long_text_the_part_in_view_is_drawn_in_place(river):
    matrix, norms = numbers(1, 30, 5)
    given = {"matrix": matrix.ravel().tolist(), "norms": norms.tolist(), "T": 30, "scale": 4.0, "lit": 20}
    drawn = river.call("(b, given) => b.paths(given)", {**given, "first": 15, "count": 10})
    bars = rectangles(drawn["bars"])
    assert len(bars) == 10 and len(rectangles(drawn["litBars"])) == 6
    assert abs(bars[0][3] * 4 / SIZE - matrix[:, 15].sum()) < 1e-3


@pytest.mark.parametrize("text, H, seed", [("I am learning RNN", 8, 1), ("ab", 1, 0), ("hello", 5, 3)])
def test_the_descent_is_that_of_the_library(river, text, H, seed):
    vocab = Vocabulary(text)
    ids = vocab.encode(text)
    x, y = ids[:-1], ids[1:]
    params = init_params(len(vocab), H, rng=np.random.default_rng(seed))
    steps = {}
    for n in range(61):
        steps[n] = params
        grads = backward(params, forward(params, x), y)
        params = Params(*(p - 0.2 * g for p, g in zip(params, grads[:5], strict=True)))
    got = river.call(
        """(b, V, H, seed, x, y) => {
          const descent = new b.Descent({ params: b.initParams(V, H, seed), x, y, rate: 0.2 });
          const reached = [descent.reach(0), descent.reach(60), descent.reach(25)];
          const names = ["Wxh", "Whh", "Why", "bh", "by"];
          const at = (n) => Object.fromEntries(names.map((name) => [name, Array.from(descent.at(n)[name])]));
          return { reached, at: { 0: at(0), 7: at(7), 10: at(10), 59: at(59), 60: at(60) } };
        }""",
        len(vocab), H, seed, x.tolist(), y.tolist(),
    )  # fmt: skip
    assert got["reached"] == [0, 60, 25]
    for n, arrays in got["at"].items():
        for name, array in arrays.items():
            assert np.allclose(array, getattr(steps[int(n)], name).ravel(), rtol=0, atol=1e-11)


def test_a_descent_stops_when_its_time_is_over_and_goes_on(river):
    got = river.call(
        """(b) => {
          const descent = new b.Descent({ params: b.initParams(3, 2, 0), x: [0, 1], y: [1, 2], rate: 0.2 });
          let left = 4;
          const first = descent.reach(100, () => left-- > 0);
          return [first, descent.reach(100), descent.reach(50)];
        }"""
    )
    assert got == [4, 100, 50]


@pytest.mark.parametrize(
    "passed, scene",
    [
        (0, ["a", 0]),
        (30, ["a", 0.3]),
        (100, ["b", 0]),
        (150, ["b", 0.25]),
        (299, ["b", 0.995]),
        (300, None),
        (9e9, None),
    ],
)
def test_a_film_goes_through_its_phases_one_after_the_other(river, passed, scene):
    shown = river.call("(b, passed) => b.sceneAt([['a', 100], ['b', 200]], passed)", passed)
    assert shown == (scene and [scene[0], pytest.approx(scene[1])])


@pytest.mark.parametrize(
    "height, window, seen, acts",
    [
        (400, 800, 199, 0),
        (400, 800, 200, 1),
        (2000, 600, 290, 0),  # half of what is higher than the window never comes into sight
        (2000, 600, 300, 1),
        (0, 600, 0, 0),  # not shown
        (400, None, 200, 1),  # inside a frame of another site, the window is not told
    ],
)
def test_what_is_half_in_sight_is_seen_and_only_once(river, height, window, seen, acts):
    told = river.call(
        """(b, { height, window, seen }) => {
          let [count, watched] = [0, true];
          globalThis.IntersectionObserver = class {
            constructor(notice) { this.notice = notice; }
            observe() {
              const entry = { intersectionRect: { height: seen }, boundingClientRect: { height },
                rootBounds: window && { height: window } };
              for (const _ of [0, 1]) if (watched) this.notice([entry]);
            }
            disconnect() { watched = false; }
          };
          b.whenSeen(null, () => { count++; });
          return count;
        }""",
        {"height": height, "window": window, "seen": seen},
    )
    assert told == acts
