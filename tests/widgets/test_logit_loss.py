"""LogitLoss as a Jupyter widget: its traits, its numbers, and the picture that stands for it."""

import re

import numpy as np
import pytest

from rnnlib import Vocabulary, cross_entropy, forward, init_params, plots
from rnnlib.widgets import LogitLoss

TEXT = "I am learning RNN"


def test_its_numbers_are_those_of_the_moved_logit():
    vocab = Vocabulary(TEXT)
    ids = vocab.encode(TEXT)
    o = forward(init_params(12, 4, rng=np.random.default_rng(0)), ids[:-1]).o[9].copy()
    figure = LogitLoss(text=TEXT, t=9, logit=7, shift=-1.25)
    o[7] -= 1.25
    assert np.array_equal(figure.logits, o) and figure.loss == cross_entropy(o, ids[10])
    steps = 1e-6 * np.eye(12)
    slopes = [(cross_entropy(o + step, ids[10]) - cross_entropy(o - step, ids[10])) / 2e-6 for step in steps]
    np.testing.assert_allclose(figure.gradient, slopes, rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    "traits, kind, expected",
    [
        ({"shift": 4.5}, ValueError, "shift: expected a number from -4 to 4, got 4.5"),
        ({"shift": "1"}, TypeError, "shift: expected a number from -4 to 4, got"),
        ({"logit": 4}, ValueError, "logit: expected the id of a character, from 0 to 3, got 4"),
        ({"logit": -1}, ValueError, "got -1"),
        ({"t": 4}, ValueError, "t: expected a step from 0 to 3, got 4"),
    ],
)
def test_a_value_that_cannot_be_is_refused(traits, kind, expected):
    with pytest.raises(kind, match=re.escape(expected)):
        LogitLoss(**({"text": "hello"} | traits))


def test_another_text_moves_what_it_has_not_to_the_last():
    figure = LogitLoss(text="hello", t=3, logit=3)
    figure.text = "hi"
    assert (figure.t, figure.logit) == (0, 1)


def test_given_weights_may_know_more_characters_than_a_text_has():
    vocab = Vocabulary("".join(map(chr, range(200, 290))))
    params = init_params(90, 3, rng=np.random.default_rng(0))
    figure = LogitLoss.from_params(params, vocab, "".join(vocab.characters[:4]), logit=89)
    figure.logit = 80
    assert figure.gradient.shape == (90,)
    with pytest.raises(ValueError, match="logit: expected the id of a character, from 0 to 89, got 90"):
        figure.logit = 90


@pytest.mark.parametrize("logit", [7, 10])
def test_on_paper_it_is_the_curve_with_the_tangent_where_the_logit_is(logit):
    figure = LogitLoss(text=TEXT, t=9, logit=logit, shift=1.5)
    curve, tangent, dot = figure._figure(plots).axes[0].lines
    assert dot.get_xydata().tolist() == [[1.5, figure.loss]]
    (x0, x1), (y0, y1) = tangent.get_xdata()[[0, -1]], tangent.get_ydata()[[0, -1]]
    assert (y1 - y0) / (x1 - x0) == pytest.approx(figure.gradient[logit], rel=1e-12)
    assert np.interp(1.5, curve.get_xdata(), curve.get_ydata()) == pytest.approx(figure.loss, rel=1e-12)


def test_its_stand_in_is_a_picture_and_a_sentence():
    data, _ = LogitLoss(text="hello", t=2, logit=2, shift=0.5)._repr_mimebundle_()
    assert "step 3 of “hello”" in data["text/plain"] and data["image/png"]
