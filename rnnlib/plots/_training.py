"""`plot_training`: what a training run did to the loss, and what the network now predicts for its text."""

import unicodedata

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from .. import _cell
from ..text import Vocabulary
from ..train import Run
from ._inputs import instance
from ._style import COLOURS, GREY_COLOURS, ink, label, new_figure, short, styled

SHOWN = 120  # characters of the text
COLUMNS = 30  # in a row
LOWEST = 1e-12  # where the logarithmic axis shows a loss of zero


def plot_training(run: Run, vocab: Vocabulary, text: str, *, sample: str = "") -> Figure:
    """The loss of each update, the first characters of the text with their probabilities, and a sample, in one figure.

    run: a `Run` of `train`; vocab: the `Vocabulary` of its V characters; text: a string of at least 2 of them. The
    upper panel shows the loss on a logarithmic axis with ln V, the loss of a uniform guess, and with its mean over one
    reading of the text where that took several updates. In the middle, each character but the first is coloured by the
    probability that the network gave it, starting from a state of zeros; below each is the most likely one. sample: a
    string to be shown at the bottom, as `sample` returns it. Returns a `matplotlib.figure.Figure`.

    Raises TypeError when run is not a Run, vocab not a Vocabulary, text or sample not a string; ValueError for a
    vocabulary of another size, a text shorter than 2, and characters that the vocabulary lacks.
    """
    params, ids = _checked(run, vocab, text, sample)
    ids, V = ids[:SHOWN], len(params.by)
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


def _checked(run, vocab, text, sample):
    """The parameters of the run, and the text as ids."""
    instance("run", run, Run, "a Run, as train returns it")
    instance("vocab", vocab, Vocabulary)
    instance("sample", sample, str, "a string")
    params, ids = _cell.check_any(run.params), vocab.encode(text)
    if len(vocab) != len(params.by):
        raise ValueError(f"vocab: expected the {len(params.by)} characters of run.params, got {len(vocab)}")
    if len(ids) < 2:
        raise ValueError(f"text: expected at least 2 characters, got {len(ids)}")
    return params, ids


def _draw_losses(axes, run, V):
    losses = np.maximum(run.losses, LOWEST)
    updates = np.arange(1, len(losses) + 1)
    several = run.epoch > 0 and (len(losses) - run.window) // run.epoch  # updates of one reading
    one = several <= 1
    axes.plot(updates, losses, color=COLOURS["ink" if one else "bar"], linewidth=1.6 if one else 0.8, label="loss")
    if not one:
        total = np.concatenate([[0.0], np.cumsum(run.losses)])
        means = (total[several:] - total[:-several]) / several
        options = {"color": COLOURS["ink"], "label": "mean over one reading"}
        axes.plot(updates[several - 1 :], np.maximum(means, LOWEST), **options)
    if V > 1:
        axes.axhline(np.log(V), color=COLOURS["muted"], linestyle=":", linewidth=1, label=f"a uniform guess: ln {V}")
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
    """A cell for each character, with the most likely one below it."""
    yhat = _cell.cell_of(params).forward(params, ids[:-1]).yhat
    given, guesses = yhat[np.arange(len(ids) - 1), ids[1:]], yhat.argmax(axis=1)
    colours = GREY_COLOURS
    axes.set(xlim=(0, COLUMNS), ylim=(2.2 * rows, 0))
    axes.axis("off")
    words = "each character, coloured by its probability; below it the likeliest one, bold where right"
    axes.set_title(words, fontsize=9, loc="left")
    for t, i in enumerate(ids):
        x, y = t % COLUMNS, 2.2 * (t // COLUMNS)
        face = colours(given[t - 1])[:3] if t else (1.0, 1.0, 1.0)
        axes.add_patch(Rectangle((x, y), 0.94, 1, facecolor=face))
        _write_sign(axes, x + 0.47, y + 0.5, vocab.characters[i], ink(face))
        if t:
            guess, hit = vocab.characters[guesses[t - 1]], guesses[t - 1] == i
            _write_sign(axes, x + 0.47, y + 1.5, guess, COLOURS["ink" if hit else "muted"], bold=hit)


def _write_sign(axes, x, y, character, colour, bold=False):
    sign = label(character)
    size = 10 if len(sign) == 1 else 3.5
    look = {"color": colour, "fontsize": size, "weight": "bold" if bold else "normal"}
    axes.text(x, y, sign, ha="center", va="center", parse_math=False, **look)


def _lines(sample):
    """The sample in lines of about the width of the text above. Spaces stay; other invisible characters get a sign."""
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
