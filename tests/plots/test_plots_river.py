"""`plot_river`: what it draws is what the library computes."""

import numpy as np
import pytest
from matplotlib.patches import PathPatch, Rectangle
from models import refuses

from rnnlib import Vocabulary, backward, contributions, forward, init_params, step_losses
from rnnlib.plots import plot_river, plot_rivers
from rnnlib.plots._river import BACK, GREY

TEXT = "I am learning RNN"
VOCAB = Vocabulary(TEXT)
PARAMS = init_params(12, 8, rng=np.random.default_rng(1))
X, Y = VOCAB.encode(TEXT[:-1]), VOCAB.encode(TEXT[1:])


def rectangles(axes, colour):
    found = [p for p in axes.patches if isinstance(p, Rectangle) and p.get_facecolor()[:3] == rgb(colour)]
    return [(p.get_y(), p.get_height()) for p in sorted(found, key=lambda p: p.get_x())]


def rgb(colour):
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def test_losses_segments_and_ticks_are_the_numbers_of_the_library():
    top, middle, bottom = plot_river(PARAMS, VOCAB, TEXT, t=12).axes
    trace = forward(PARAMS, X)
    matrix = contributions(PARAMS, trace, Y, reduction="sum")
    assert np.allclose([height for _, height in rectangles(top, GREY)], step_losses(trace.o, Y), rtol=1e-12)
    assert np.array_equal(middle.images[0].get_array(), trace.h.T)
    assert np.allclose([height for _, height in rectangles(bottom, GREY)], matrix.sum(axis=0), rtol=1e-12)
    lit = rectangles(bottom, BACK)
    assert np.allclose([height for _, height in lit], matrix[12, :13], rtol=0, atol=1e-14)
    assert np.allclose([y for y, _ in lit], [matrix[:12, s].sum() for s in range(13)], rtol=1e-12)
    ticks = [segment[0][1] for segment in bottom.collections[0].get_segments()]
    norms = np.linalg.norm(backward(PARAMS, trace, Y, reduction="sum").da, axis=1)
    assert np.allclose(ticks, norms, rtol=1e-12)
    assert sum(isinstance(p, PathPatch) and p.get_facecolor()[:3] == rgb(BACK) for p in bottom.patches) == 12


def test_letters_are_the_targets_the_guesses_and_the_inputs():
    axes = plot_river(PARAMS, VOCAB, TEXT).axes
    rows = ["".join(label.get_text() for label in one.get_xticklabels()) for one in axes]
    guesses = VOCAB.decode(forward(PARAMS, X).yhat.argmax(axis=1))
    assert rows == [row.replace(" ", "␣") for row in (TEXT[1:], guesses, TEXT[:-1])]


@pytest.mark.parametrize("text", ["ab", "aaaa", "你好李焕英" * 4])
def test_every_text_of_two_characters_or_more_has_a_river(text):
    vocab = Vocabulary(text)
    params = init_params(len(vocab), 3, rng=np.random.default_rng(0))
    figure = plot_river(params, vocab, text)
    figure.canvas.draw()
    assert len(figure.axes) == 3


def test_what_cannot_be_drawn_is_refused():
    with refuses(ValueError, "text", "'a'", expected="two characters"):
        plot_river(PARAMS, VOCAB, "a")
    with refuses(ValueError, "t", "16", expected="0 to 15"):
        plot_river(PARAMS, VOCAB, TEXT, t=16)


def test_rivers_of_several_networks_are_drawn_on_the_same_scales():
    networks = {"small": PARAMS, "large": PARAMS._replace(Why=3 * PARAMS.Why)}
    figure = plot_rivers(networks, VOCAB, TEXT, t=12)
    parts = figure.subfigs
    assert [part.get_suptitle() for part in parts] == list(networks)
    for kind in (0, 2):
        assert len({part.axes[kind].get_ylim() for part in parts}) == 1
    for part, params in zip(parts, networks.values(), strict=True):
        losses = [height for _, height in rectangles(part.axes[0], GREY)]
        assert np.allclose(losses, step_losses(forward(params, X).o, Y), rtol=1e-12)
        bands = [height for _, height in rectangles(part.axes[2], GREY)]
        matrix = contributions(params, forward(params, X), Y, reduction="sum")
        assert np.allclose(bands, matrix.sum(axis=0), rtol=1e-12) and max(bands) < part.axes[2].get_ylim()[0]
    assert np.array_equal(parts[0].axes[1].images[0].get_array(), forward(PARAMS, X).h.T)


def test_rivers_of_no_network_are_refused():
    with refuses(ValueError, "networks", "empty", expected="at least one"):
        plot_rivers({}, VOCAB, TEXT)
    with refuses(TypeError, "networks", "Params", expected="a dict"):
        plot_rivers(PARAMS, VOCAB, TEXT)
