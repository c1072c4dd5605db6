"""The picture of a training run: its losses, the line of a uniform guess, every character and the sample."""

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from models import refuses

from rnnlib import Vocabulary, forward, init_params
from rnnlib.optim import SGD
from rnnlib.plots import label, plot_training
from rnnlib.train import train

TEXT = "the cat sat on the mat"


def trained(text=TEXT, *, steps=8, epochs=4, hidden_size=6):
    vocab = Vocabulary(text)
    start = init_params(len(vocab), hidden_size, rng=np.random.default_rng(0))
    return train(start, vocab.encode(text), rate=0.01, steps=steps, epochs=epochs, progress=False), vocab


def lines(figure):
    return {line.get_label(): line.get_xydata() for line in figure.axes[0].lines}


def test_the_curve_is_the_losses_and_its_mean_that_of_one_reading():
    run, vocab = trained()
    drawn = lines(plot_training(run, vocab, TEXT))
    np.testing.assert_array_equal(drawn["loss"], np.column_stack([range(1, 13), run.losses]))
    np.testing.assert_allclose(
        drawn["mean over one reading"][::3, 1], run.losses.reshape(-1, 3).mean(axis=1), rtol=1e-14
    )
    assert drawn["mean over one reading"][0, 0] == 3
    np.testing.assert_array_equal(drawn["a uniform guess: ln 10"][:, 1], np.log(10))


def test_where_a_reading_is_one_update_there_is_one_curve():
    run, vocab = trained(steps=64)
    assert set(lines(plot_training(run, vocab, TEXT))) == {"loss", "a uniform guess: ln 10"}


def test_every_character_stands_in_the_colour_of_its_probability_above_the_likeliest_one():
    run, vocab = trained(epochs=60)
    axes = plot_training(run, vocab, TEXT).axes[1]
    signs = [text.get_text() for text in axes.texts]
    ids = vocab.encode(TEXT)
    yhat = forward(run.params, ids[:-1]).yhat
    guesses = [label(vocab.characters[i]) for i in yhat.argmax(axis=1)]
    pairs = [each for pair in zip(map(label, TEXT[1:]), guesses, strict=True) for each in pair]
    assert signs == [label(TEXT[0]), *pairs]
    given = yhat[np.arange(len(ids) - 1), ids[1:]]
    cells = [patch.get_facecolor() for patch in axes.patches if isinstance(patch, Rectangle)][1:]
    light = np.array(cells)[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(light[np.argsort(given)]) < 0.01).all() and np.ptp(light) > 0.2


@pytest.mark.parametrize("text", ["人之初，性本善。\n" * 20, "aaaa", "$x$ 😀\u200b"])
def test_any_text_can_be_drawn_and_the_sample_is_written_whole(text):
    run, vocab = trained(text)
    figure = plot_training(run, vocab, text, sample=text[:90])
    written = "".join(line.get_text() for line in figure.axes[2].texts)
    assert written == "".join(c if c == " " else label(c) for c in text[:90])
    figure.canvas.draw()


def test_a_run_without_updates_is_drawn_too():
    vocab = Vocabulary(TEXT)
    start = init_params(len(vocab), 6, rng=np.random.default_rng(0))
    run = train(start, vocab.encode(TEXT), SGD(), rate=0.1, steps=8, updates=0)
    figure = plot_training(run, vocab, TEXT)
    assert len(lines(figure)["loss"]) == 0
    figure.canvas.draw()


@pytest.mark.parametrize(
    ("error", "argument", "changed"),
    [
        (TypeError, "run", {"run": "a run"}),
        (TypeError, "vocab", {"vocab": "abc"}),
        (TypeError, "text", {"text": 3}),
        (TypeError, "sample", {"sample": None}),
        (ValueError, "text", {"text": "t"}),
        (ValueError, "text", {"text": "xyz"}),
        (ValueError, "vocab", {"vocab": Vocabulary("ab"), "text": "ab"}),
    ],
)
def test_what_does_not_fit_is_refused_by_name(error, argument, changed):
    run, vocab = trained()
    with refuses(error, argument):
        plot_training(**{"run": run, "vocab": vocab, "text": TEXT} | changed)
