"""`plot_training`: what a training run did to the loss, and what the network now makes of its text."""

import unicodedata

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from .. import _check
from ..rnn import check_params, forward
from ..text import Vocabulary
from ..train import Run
from ._style import OUTLINE, PROBABILITY_COLOURS, label, new_figure, short, styled

SHOWN = 120  # characters of the text
COLUMNS = 30  # in a row
LOWEST = 1e-12  # where the logarithmic axis shows a loss of zero


def plot_training(run: Run, vocab: Vocabulary, text: str, *, sample: str = "") -> Figure:
    """The loss of each update, the first characters of the text with their probabilities, and a sample: one picture.

    run: a `Run` of `train`; vocab: the `Vocabulary` of its V characters; text: a string of at least 2 of them. Above
    stands the loss on a logarithmic axis beside ln V, the loss of a uniform guess, and its mean over one reading of
    the text where that took several updates. Below, each character but the first is coloured by the probability that
    the network gave it, reading from a state of zeros; under it stands the likeliest one. sample: a string to be shown
    at the bottom, as `sample` gives it. Returns a `matplotlib.figure.Figure`.

    Raises TypeError when run is no Run, vocab no Vocabulary, text or sample no string; ValueError for a vocabulary of
    another size, a text shorter than 2, and characters that the vocabulary lacks.
    """
    if not isinstance(run, Run):
        raise TypeError(f"run: expected a Run, as train returns it, got {_check.describe(run)}")
    if not isinstance(vocab, Vocabulary):
        raise TypeError(f"vocab: expected a Vocabulary, got {_check.describe(vocab)}")
    if not isinstance(sample, str):
        raise TypeError(f"sample: expected a string, got {_check.describe(sample)}")
    params, ids = check_params(run.params), vocab.encode(text)
    V = len(params.by)
    if len(vocab) != V:
        raise ValueError(f"vocab: expected the {V} characters of run.params, got {len(vocab)}")
    if len(ids) < 2:
        raise ValueError(f"text: expected at least 2 characters, got {len(ids)}")
    ids = ids[:SHOWN]
    rows = -(-len(ids) // COLUMNS)
    written = _lines(sample)
    heights = [2.1, 0.62 * rows, 0.2 * len(written) + 0.3]
    with styled():
        figure = new_figure(7.4, sum(heights) + 0.9)
        upper, middle, lower = figure.subplots(3, 1, height_ratios=heights)
        _draw_losses(upper, run, V)
        _draw_text(middle, params, vocab, ids, rows)
        lower.axis("off")
        if sample:
            lower.set_title("what the network writes", fontsize=9, loc="left")
            lower.set_ylim(len(written), 0)
            for i, line in enumerate(written):
                lower.text(0, i + 0.5, line, va="center", parse_math=False)
    return figure


def _draw_losses(axes, run, V):
    losses = np.maximum(run.losses, LOWEST)
    updates = np.arange(1, len(losses) + 1)
    several = run.epoch > 0 and (len(losses) - run.window) // run.epoch  # updates of one reading
    one = several <= 1
    axes.plot(updates, losses, color="#0a5cc2" if one else "#b9d7ff", linewidth=1.6 if one else 0.8, label="loss")
    if not one:
        total = np.concatenate([[0.0], np.cumsum(run.losses)])
        means = (total[several:] - total[:-several]) / several
        axes.plot(updates[several - 1 :], np.maximum(means, LOWEST), color="#0a5cc2", label="mean over one reading")
    if V > 1:
        axes.axhline(np.log(V), color="black", linestyle=":", linewidth=1, label=f"a uniform guess: ln {V}")
    axes.set(xlabel="update", ylabel="loss (nats)", yscale="log", xlim=(0, max(len(losses), 20)))
    if not len(losses):
        axes.set_ylim(0.1 * np.log(max(V, 2)), 2 * np.log(max(V, 2)))
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 1e3 else (1,)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    axes.yaxis.set_minor_locator(NullLocator())
    if V > 1 or len(losses):
        axes.legend(fontsize=8, loc="upper right")


def _draw_text(axes, params, vocab, ids, rows):
    """A cell for each character, with the likeliest one below it."""
    yhat = forward(params, ids[:-1]).yhat
    given, guesses = yhat[np.arange(len(ids) - 1), ids[1:]], yhat.argmax(axis=1)
    colours = colormaps[PROBABILITY_COLOURS]
    axes.set(xlim=(0, COLUMNS), ylim=(2.2 * rows, 0))
    axes.axis("off")
    axes.set_title("each character, coloured by its probability; below it the likeliest one", fontsize=9, loc="left")
    for t, i in enumerate(ids):
        x, y = t % COLUMNS, 2.2 * (t // COLUMNS)
        face = colours(given[t - 1])[:3] if t else (1.0, 1.0, 1.0)
        ink = "black" if np.array(face) ** 2.2 @ [0.2126, 0.7152, 0.0722] > 0.18 else "white"
        axes.add_patch(Rectangle((x, y), 0.94, 1, facecolor=face))
        _write_sign(axes, x + 0.47, y + 0.5, vocab.characters[i], ink)
        if t:
            wrong = guesses[t - 1] != i
            _write_sign(axes, x + 0.47, y + 1.5, vocab.characters[guesses[t - 1]], OUTLINE if wrong else "#57606a")


def _write_sign(axes, x, y, character, ink):
    sign = label(character)
    size = 10 if len(sign) == 1 else 3.5
    axes.text(x, y, sign, color=ink, fontsize=size, ha="center", va="center", parse_math=False)


def _lines(sample):
    """The sample in lines of about the width of the text above. Spaces stay; what else cannot be seen gets its sign."""
    lines, room = [], 0
    for character in sample:
        sign = " " if character == " " else label(character)
        width = sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in sign)
        if room < width:
            lines.append("")
            room = 2 * COLUMNS
        lines[-1] += sign
        room -= width
    return lines
