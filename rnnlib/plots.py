"""Matplotlib pictures of what the network computed. They need no display and leave no state behind.

The figures are plain `matplotlib.figure.Figure`s, outside pyplot: nothing has to be closed, and nothing is shared.
"""

import io
import unicodedata
from functools import lru_cache

import numpy as np
from matplotlib import font_manager, style
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from . import _check
from .loss import check_targets
from .text import Vocabulary

# Tried in this order for every single character, as far as they are installed; the first comes with matplotlib.
FONTS = (
    "DejaVu Sans",
    *("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "Noto Sans CJK JP"),
    *("PingFang SC", "Hiragino Sans GB", "Heiti SC", "STHeiti", "Microsoft YaHei", "SimHei", "SimSun"),
    *("WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback", "Arial Unicode MS"),
)
SIGNS = {" ": "␣", "\n": "⏎", "\t": "⇥"}


def _diverging(steps=40, centre=0.975, end=0.58, chroma=0.15, hues=(250, 60)):
    """The scale of the widgets, `scale` in widgets/parts.js: blue to orange, lightness and chroma even in OKLab."""
    x = np.linspace(-1, 1, 2 * steps + 1)
    hue = np.radians(np.where(x < 0, *hues))
    L, C = centre + (end - centre) * abs(x), chroma * abs(x)
    lab = np.stack([L, C * np.cos(hue), C * np.sin(hue)])
    lms = np.array(
        [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.291485548]]
    )
    rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.707614701],
        ]
    )
    linear = np.clip(rgb @ (lms @ lab) ** 3, 0, 1).T
    return ListedColormap(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))


# Both can be told apart by colour-blind readers.
STATE_COLOURS, PROBABILITY_COLOURS = _diverging(), "cividis"
OUTLINE = "#d01c8b"  # stands out from both colour maps

CELL = 0.42, 0.26  # inches, wide enough for a number
LARGEST = 8.4, 4.6  # inches, of one heat map
SMALLEST = 1.6, 1.3
MOST_NUMBERS = 20  # rows or columns; beyond that the cells carry no numbers


class _ShownFigure(Figure):
    """A Figure that a notebook displays although pyplot was never imported."""

    def _repr_png_(self):
        png = io.BytesIO()
        self.savefig(png, format="png", facecolor=self.get_facecolor())
        return png.getvalue()


@lru_cache
def _families(fonts):
    """Those of `fonts` that are installed; asking matplotlib for the others would log warnings."""
    installed = set(font_manager.get_font_names())
    return tuple(font for font in fonts if font in installed)


@lru_cache
def _code_points(family):
    """The code points for which the font has a glyph."""
    path = font_manager.findfont(family, fallback_to_default=False)
    return frozenset(font_manager.get_font(path).get_charmap())


def label(character):
    """A printable sign for one character: itself; ␣ ⏎ ⇥ for space, line feed, tab; else its code point as U+1F916.

    The code point stands for controls, other white space, marks that combine with their neighbour, and every
    character for which none of the installed `FONTS` has a glyph.

    Raises TypeError for anything but a string, ValueError for a string that is not one character.
    """
    if not isinstance(character, str):
        raise TypeError(f"character: expected a string of one character, got {_check.describe(character)}")
    if len(character) != 1:
        raise ValueError(f"character: expected exactly one character, got {_check.describe(character)}")
    sign = SIGNS.get(character, character)
    visible = unicodedata.category(sign)[0] not in "CMZ"
    if visible and any(ord(sign) in _code_points(family) for family in _families(FONTS)):
        return sign
    return f"U+{ord(character):04X}"


def plot_trace(trace, vocab, y=None, *, t=None):
    """Two heat maps of one sequence over a shared time axis: the hidden states h, and the predictions ŷ.

    trace: what `forward` returned for ids of shape (T,); vocab: its `Vocabulary` of V characters. Above stands
    h, one row for each of the H units, from -1 to 1; below ŷ, one row for each character, from 0 to 1. The
    columns are the steps, the input characters stand at the bottom. With targets y of shape (T,) the cell of
    each true next character is outlined; with a step t, its column. As everywhere in code t counts from 0; the
    picture counts steps and units from 1, as the equations do. Small pictures carry their numbers, large ones
    thin out their ticks. Returns a `matplotlib.figure.Figure`.

    Raises TypeError when vocab is no Vocabulary, t no whole number, or an id no integer; ValueError for a batch,
    features instead of ids, complex numbers, a vocabulary of another size, targets that do not fit, and a step
    out of range.
    """
    T, H, V, t, y = _checked(trace, vocab, y, t)
    width = np.clip(T * CELL[0], SMALLEST[0], LARGEST[0])
    heights = [np.clip(rows * CELL[1], SMALLEST[1], LARGEST[1]) for rows in (H, V)]

    with style.context(["default", {"font.family": list(_families(FONTS)), "font.size": 9}]):
        figure = _ShownFigure((width + 1.9, sum(heights) + 1.1), dpi=110, facecolor="white", layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=heights)
        for axes, values, colours, lowest, name in (
            (upper, trace.h, STATE_COLOURS, -1, "hidden state h"),
            (lower, trace.yhat, PROBABILITY_COLOURS, 0, "probability ŷ"),
        ):
            image = axes.imshow(values.T, cmap=colours, vmin=lowest, vmax=1, aspect="auto", interpolation="nearest")
            figure.colorbar(image, ax=axes, label=name, ticks=[-1, 0, 1] if lowest else [0, 0.5, 1], pad=0.02)
            if max(values.shape) <= MOST_NUMBERS:
                _write_numbers(axes, image, values)
            if t is not None:
                _outline(axes, t, -0.5, values.shape[1], OUTLINE, clip_on=False)

        rows = _thinned(H, heights[0], 0.14)
        upper.set_yticks(rows, [i + 1 for i in rows])
        upper.set_ylabel("hidden unit")
        rows = _thinned(V, heights[1], 0.14)
        lower.set_yticks(rows, [label(vocab.characters[i]) for i in rows])
        lower.set_ylabel("next character")

        steps = upper.secondary_xaxis("top")
        columns = _thinned(T, width, 0.3)
        steps.set_xticks(columns, [i + 1 for i in columns])
        steps.set_xlabel("step t")
        inputs = [label(vocab.characters[i]) for i in trace.x]
        columns = _thinned(T, width, 0.13)
        lower.set_xticks(columns, [inputs[i] for i in columns])
        for sign in lower.get_xticklabels():
            sign.set_rotation(90 if len(sign.get_text()) > 1 else 0)
        lower.set_xlabel("input character" + ("" if y is None else "\n(outlined: the true next one)"))
        if y is not None:
            for column, row in enumerate(y):
                _outline(lower, column, row - 0.5, 1, "white", inset=0.06)
                _outline(lower, column, row - 0.5, 1, "black", inset=0.06, linewidth=1, linestyle=(0, (3, 2)))
    return figure


def _checked(trace, vocab, y, t):
    if not isinstance(vocab, Vocabulary):
        raise TypeError(f"vocab: expected a Vocabulary, got {_check.describe(vocab)}")
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
    if t is not None:
        if isinstance(t, (bool, np.bool_)) or not isinstance(t, (int, np.integer)):
            raise TypeError(f"t: expected a whole number from 0 to {len(h) - 1}, got {_check.describe(t)}")
        if not 0 <= t < len(h):
            raise ValueError(f"t: expected a step from 0 to {len(h) - 1}, got {t}")
    return *h.shape, o.shape[-1], t, None if y is None else check_targets(o, y)


def _thinned(n, inches, gap):
    """Every, every second, every third … of n ticks, such that `gap` inches lie between them."""
    return list(range(0, n, max(1, int(np.ceil(n * gap / inches)))))


def _write_numbers(axes, image, values):
    """Each value in its cell, black or white, whichever has the greater contrast to the cell's colour."""
    luminance = image.to_rgba(values)[..., :3] ** 2.2 @ [0.2126, 0.7152, 0.0722]
    for (column, row), value in np.ndenumerate(values):
        colour = "black" if luminance[column, row] > 0.18 else "white"
        text = f"{round(value, 2) + 0.0:.2f}".replace("-", "−")  # + 0.0 turns -0.0 into 0.0
        axes.text(column, row, text, color=colour, fontsize=7, ha="center", va="center")


def _outline(axes, column, top, height, colour, inset=0.0, linewidth=2, **more):
    size = 1 - 2 * inset, height - 2 * inset
    corner = column - 0.5 + inset, top + inset
    axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=colour, linewidth=linewidth, zorder=3, **more))
