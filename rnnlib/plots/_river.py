"""`plot_river`: a sentence that is read, the loss of each step, and how far its gradient reaches back."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from .. import _check
from ..bptt import backward, contributions
from ..loss import step_losses
from ..rnn import Params, forward
from ..text import Vocabulary
from ._inputs import instance
from ._style import COLOURS, STATE_COLOURS, label, new_figure, styled, turn_code_points

BAR = 0.25  # half the width of a segment; a step is 1 wide
INK, MUTED, GREY, RIBBON, BACK = (COLOURS[name] for name in ("ink", "muted", "bar", "band", "back"))


def plot_river(params: Params, vocab: Vocabulary, text: str, *, t: int | None = None) -> Figure:
    """The network unrolled over a text: losses, guesses and states, and under each step s the lengths |∂L_t/∂a_s|.

    params: of a network that reads the characters of vocab; text: at least two of them. The lengths of one loss are
    joined by a ribbon, the one of step t (from 0) in colour; they are `contributions` of the sum of the step losses.
    The black ticks are |da_s|, the lengths of their sums.

    Raises TypeError or ValueError as `forward` and `vocab.encode` do, and for a step that is not in the text.
    """
    ids, t = _reading(vocab, text, t)
    with styled():
        figure = new_figure(_width(ids), 3.6)
        _draw(figure, vocab, ids, _numbers(params, ids), t)
    return figure


def plot_rivers(networks: dict[str, Params], vocab: Vocabulary, text: str, *, t: int | None = None) -> Figure:
    """`plot_river` of several networks, one below the other: moments of one training, for example.

    networks: {title: parameters}. All are drawn on the same scales, so that losses and lengths can be compared.

    Raises as `plot_river` does, TypeError when networks is no dict, ValueError when it is empty.
    """
    if not instance("networks", networks, dict, "a dict of title and parameters"):
        raise ValueError("networks: expected at least one, got an empty dict")
    ids, t = _reading(vocab, text, t)
    numbers = {title: _numbers(params, ids) for title, params in networks.items()}
    with styled():
        figure = new_figure(_width(ids), 3.3 * len(numbers))
        parts = figure.subfigures(len(numbers), 1, squeeze=False)[:, 0]
        for part, (title, found) in zip(parts, numbers.items(), strict=True):
            part.suptitle(title, x=0.02, ha="left", fontsize=10, fontweight="bold")
            _draw(part, vocab, ids, found, t)
        for kind in (0, 2):  # the losses and the bands
            rows = [part.axes[kind] for part in parts]
            limits = np.array([axes.get_ylim() for axes in rows])
            for axes in rows:
                axes.set_ylim(limits[limits.max(axis=1).argmax()])
    return figure


def _reading(vocab, text, t):
    """The ids of the text, and the step whose loss is lit, if it is one of the text's."""
    ids = vocab.encode(text)
    if len(ids) < 2:
        raise ValueError(f"text: expected at least two characters, got {_check.describe(text)}")
    return ids, None if t is None else _check.whole("t", t, 0, len(ids) - 2)


def _width(ids):
    return min(8.4, 1 + 0.36 * (len(ids) - 1))


def _numbers(params, ids):
    """What a river shows: the trace, the step losses, the lengths of `contributions`, and those of da."""
    x, y = ids[:-1], ids[1:]
    trace = forward(params, x)
    lengths = contributions(params, trace, y, reduction="sum")
    norms = np.linalg.norm(backward(params, trace, y, reduction="sum").da, axis=1)
    return trace, step_losses(trace.o, y), lengths, norms


def _draw(figure, vocab, ids, numbers, t):
    """A river in a figure, or in a part of one."""
    trace, losses, lengths, norms = numbers
    x, y = ids[:-1], ids[1:]
    top, middle, bottom = figure.subplots(3, 1, height_ratios=[1, 1.3, 1.8])
    _draw_losses(top, losses, len(vocab))
    middle.imshow(trace.h.T, cmap=STATE_COLOURS, vmin=-1, vmax=1, aspect="auto", interpolation="none")
    middle.set(yticks=[], ylabel="state")
    middle.set_xlabel("the guess below each state; bold where it is the target", fontsize=8, color=MUTED)
    _draw_band(bottom, lengths, norms, t)
    for axes, characters in ((top, y), (middle, trace.yhat.argmax(axis=-1)), (bottom, x)):
        signs = [label(vocab.characters[i]) for i in characters]
        axes.set_xticks(range(len(x)), signs)
        axes.set_xlim(-0.5, len(x) - 0.5)
        axes.tick_params(length=0, labelbottom=True)
        turn_code_points(axes.get_xticklabels(), signs)
    top.xaxis.tick_top()
    for tick, hit in zip(middle.get_xticklabels(), trace.yhat.argmax(axis=-1) == y, strict=True):
        tick.set(weight="bold" if hit else "normal", color=INK if hit else MUTED)
    bottom.xaxis.tick_top()
    for axes in (top, bottom):
        axes.spines[:].set_visible(False)


def _draw_losses(axes, losses, V):
    axes.bar(range(len(losses)), losses, width=2 * BAR, color=GREY)
    axes.axhline(np.log(V), color=MUTED, linestyle=":", linewidth=1)
    axes.set(yticks=[0, np.log(V)], yticklabels=["0", f"ln {V}"], ylabel="loss")


def _draw_band(axes, lengths, norms, t):
    T = len(norms)
    edges = [np.r_[0, np.cumsum(lengths[s:, s])] for s in range(T)]
    for s in range(T):
        axes.add_patch(_bar(s, 0, edges[s][-1], GREY))
        if s:
            axes.add_patch(_ribbon(s, (0, edges[s][-1]), (edges[s - 1][1], edges[s - 1][-1]), RIBBON))
            for top, far in zip(edges[s][1:-1], edges[s - 1][2:-1], strict=True):
                axes.add_patch(_ribbon(s, (top, top), (far, far), "none", edgecolor=COLOURS["paper"], linewidth=0.5))
    for s in range(0 if t is None else t + 1):
        axes.add_patch(_bar(s, *edges[s][t - s : t - s + 2], BACK))
        if s:
            axes.add_patch(
                _ribbon(s, edges[s][t - s : t - s + 2], edges[s - 1][t - s + 1 : t - s + 3], BACK, alpha=0.6)
            )
    axes.hlines(norms, np.arange(T) - 1.3 * BAR, np.arange(T) + 1.3 * BAR, color=INK, linewidth=1.6)
    axes.set(yticks=[], ylabel="gradient ←", ylim=(1.05 * max(edge[-1] for edge in edges) or 1, 0))


def _bar(s, top, bottom, colour):
    return Rectangle((s - BAR, top), 2 * BAR, bottom - top, facecolor=colour, linewidth=0)


def _ribbon(s, near, far, colour, linewidth=0.0, **more):
    """From the near edge of step s, at heights `near`, to the far edge of step s - 1, at heights `far`."""
    start, half, end = s - BAR, s - 0.5, s - 1 + BAR
    (a, b), (c, d) = near, far
    points = [(start, a), (half, a), (half, c), (end, c), (end, d), (half, d), (half, b), (start, b), (start, a)]
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    return PathPatch(
        Path(points, codes), facecolor=colour, linewidth=linewidth, zorder=1 if colour != BACK else 2, **more
    )
