"""One logit of a prediction, moved, in V8: held against the library."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from javascript import bundled, entry_of

from rnnlib import cross_entropy, softmax


@pytest.fixture(scope="module")
def engine():
    with bundled("entry.js", {"entry.js": entry_of("model/logit_loss.js")}) as found:
        yield found


@given(st.integers(0, 2**32 - 1), st.integers(1, 65), st.floats(-4, 4))
@settings(max_examples=40)
def test_loss_slope_and_probabilities_are_those_of_the_library(engine, seed, V, shift):
    rng = np.random.default_rng(seed)
    o, target, logit = 5 * rng.normal(size=V), int(rng.integers(V)), int(rng.integers(V))
    found = engine.call("(b, o, ...at) => b.moved(o, ...at)", o.tolist(), target, logit, shift)
    raised = o + shift * np.eye(V)[logit]
    np.testing.assert_allclose(found["yhat"], softmax(raised), rtol=1e-12)
    assert found["loss"] == pytest.approx(cross_entropy(raised, target), rel=1e-12, abs=1e-13)
    # the slope has an oracle of its own: a central difference, whose error is about 1e-10
    ends = [cross_entropy(raised + step * np.eye(V)[logit], target) for step in (1e-5, -1e-5)]
    assert found["slope"] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-9)


def test_the_curve_goes_through_the_losses_of_both_ends(engine):
    o = [0.5, -1.0, 2.0]
    found = engine.call("(b, o) => b.curve(o, 2, 0, 4, 2)", o)
    losses = [cross_entropy(np.array([0.5 + shift, -1.0, 2.0]), 2) for shift in (-4, -2, 0, 2, 4)]
    np.testing.assert_allclose(found, losses, rtol=1e-12)


@pytest.mark.parametrize(
    "most, also, ids",
    [(3, [], [1, 3, 0]), (3, [2], [1, 3, 2]), (3, [2, 4], [1, 2, 4]), (9, [1, 1], [1, 3, 0, 2, 4]), (1, [3], [3])],
)
def test_the_most_probable_are_shown_and_those_that_must_be(engine, most, also, ids):
    yhat = [0.2, 0.4, 0.1, 0.25, 0.05]
    assert engine.call("(b, yhat, ...how) => b.leading(yhat, ...how)", yhat, most, also) == ids
