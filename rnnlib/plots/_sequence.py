"""`plot_trace`: the hidden states and the predictions of one sequence."""

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from .. import _check
from ..loss import check_targets
from ..rnn import Trace
from ..text import Vocabulary
from ._inputs import instance
from ._style import (
    COLOURS,
    GREY_COLOURS,
    MOST_NUMBERS,
    STATE_COLOURS,
    colour_bar,
    fixed,
    label,
    new_figure,
    outline,
    styled,
    thinned,
    turn_code_points,
    write_numbers,
)


def plot_trace(trace: Trace, vocab: Vocabulary, y: npt.ArrayLike | None = None, *, t: int | None = None) -> Figure:
    """Two heat maps of one sequence over a shared time axis: the hidden states h, and the predictions ŷ.

    trace: what `forward` returned for ids of shape (T,); vocab: its `Vocabulary` of V characters. The upper map is h,
    one row for each of the H units, from -1 to 1; the lower one is ŷ, one row for each character, from 0 to 1. The
    columns are the steps, labelled with the input characters at the bottom. With targets y of shape (T,), the cell of
    each true next character is outlined; with a step t, its column is. As everywhere in code t counts from 0; the
    figure counts steps and units from 1, as the equations do. Small figures show their numbers, large ones label only
    some of their rows and columns. Returns a `matplotlib.figure.Figure`.

    Raises TypeError when vocab is not a Vocabulary, t not a whole number, or an id not an integer; ValueError for a
    batch, features instead of ids, complex numbers, a vocabulary of another size, targets that do not fit, and a step
    out of range.
    """
    T, H, V, t, y = _checked(trace, vocab, y, t)
    width = np.clip(T * 0.42, 1.6, 8.4)  # wide enough for a number in each cell
    heights = [np.clip(rows * 0.26, 1.3, 4.6) for rows in (H, V)]

    with styled():
        figure = new_figure(width + 1.9, sum(heights) + 1.1)
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=heights)
        _draw_map(upper, trace.h, t, (-1, 0, 1), STATE_COLOURS, "hidden state h")
        _draw_map(lower, trace.yhat, t, (0, 0.5, 1), GREY_COLOURS, "probability ŷ")
        rows = thinned(H, heights[0], 0.14)
        upper.set_yticks(rows, [i + 1 for i in rows])
        upper.set_ylabel("hidden unit")
        rows = thinned(V, heights[1], 0.14)
        lower.set_yticks(rows, [label(vocab.characters[i]) for i in rows])
        lower.set_ylabel("next character")
        _label_steps(upper, lower, [label(vocab.characters[i]) for i in trace.x], width)
        if y is not None:
            lower.set_xlabel("input character\n(outlined: the true next one)")
            for column, row in enumerate(y):
                outline(lower, column, row - 0.5, 1, COLOURS["paper"], inset=0.06)
                outline(lower, column, row - 0.5, 1, COLOURS["ink"], inset=0.06, linewidth=1, linestyle=(0, (3, 2)))
    return figure


def _checked(trace, vocab, y, t):
    """T, H, V, the step as an int or None, and the targets as an array or None."""
    instance("vocab", vocab, Vocabulary)
    h, o = np.asarray(trace.h), np.asarray(trace.o)
    if h.ndim != 2:
        raise ValueError(
            f"trace: expected one sequence, h of shape (T, H), got {h.shape}; of a batch, run forward on one column"
        )
    if np.asarray(trace.x).ndim != 1:
        raise ValueError(f"trace: expected x to be ids of shape (T,), got features of shape {np.shape(trace.x)}")
    if np.iscomplexobj(h):
        raise ValueError("trace: expected real numbers, got complex ones")
    if len(vocab) != o.shape[-1]:
        raise ValueError(f"vocab: expected {o.shape[-1]} characters, as many as ŷ has columns, got {len(vocab)}")
    t = None if t is None else _check.whole("t", t, 0, len(h) - 1)
    return *h.shape, o.shape[-1], t, None if y is None else check_targets(o, y)


def _draw_map(axes, values, t, ticks, colours, name):
    """The values (T, rows) with time from left to right, and a colour bar from the first of its ticks to the last."""
    options = {"vmin": ticks[0], "vmax": ticks[-1], "aspect": "auto", "interpolation": "none"}
    image = axes.imshow(values.T, cmap=colours, **options)
    colour_bar(axes.figure, image, axes, label=name, ticks=ticks, pad=0.02)
    if max(values.shape) <= MOST_NUMBERS:
        write_numbers(axes, image, values.T, fixed)
    if t is not None:
        outline(axes, t, -0.5, values.shape[1], COLOURS["ink"], clip_on=False)


def _label_steps(upper, lower, inputs, width):
    """The numbers of the steps above the upper map, their input characters below the lower one."""
    steps = upper.secondary_xaxis("top")
    columns = thinned(len(inputs), width, 0.3)
    steps.set_xticks(columns, [i + 1 for i in columns])
    steps.set_xlabel("step t")
    columns = thinned(len(inputs), width, 0.13)
    lower.set_xticks(columns, [inputs[i] for i in columns])
    turn_code_points(lower.get_xticklabels(), [inputs[i] for i in columns])
    lower.set_xlabel("input character")
