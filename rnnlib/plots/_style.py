"""What the figures share: fonts, signs for characters, colours, ticks, numbers and outlines."""

import io
import sys
import unicodedata
from contextlib import AbstractContextManager
from functools import lru_cache
from importlib import import_module

import matplotlib
import numpy as np
from cycler import cycler  # comes with matplotlib
from matplotlib import font_manager, style
from matplotlib.colors import ListedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .. import _check, _tokens
from ._dark import aware, cell_ink

# Tried in this order for each character, those that are installed; the first comes with matplotlib.
FONTS = (
    "DejaVu Sans",
    *("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "Noto Sans CJK JP"),
    *("PingFang SC", "Hiragino Sans GB", "Heiti SC", "STHeiti", "Microsoft YaHei", "SimHei", "SimSun"),
    *("WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback", "Arial Unicode MS"),
)
SIGNS = {" ": "␣", "\n": "⏎", "\t": "⇥"}


COLOURS = {name: light for name, (light, _) in _tokens.COLOURS.items()}  # on light; `_dark` knows those on dark

# The sign of a number; probabilities, losses and errors; lengths of gradients. Colour-blind readers can tell the two
# signs apart, and all grow steadily darker, in grey print too.
STATE_COLOURS, GREY_COLOURS, LENGTH_COLOURS = map(ListedColormap, map(_tokens.ramp, ("signed", "grey", "length")))
CUT = {  # cells that are left out
    "facecolor": COLOURS["band"],
    "edgecolor": COLOURS["control"],
    "hatch": "////",
    "linewidth": 0,
}

STYLE = {  # of every figure, ours or pyplot's
    "font.size": 9,
    "hatch.linewidth": 0.6,
    "text.color": COLOURS["ink"],
    "axes.labelcolor": COLOURS["ink"],
    "axes.edgecolor": COLOURS["control"],
    "axes.facecolor": COLOURS["paper"],
    "figure.facecolor": COLOURS["paper"],
    "savefig.facecolor": COLOURS["paper"],
    "xtick.color": COLOURS["muted"],
    "ytick.color": COLOURS["muted"],
    "grid.color": COLOURS["line"],
    "patch.edgecolor": COLOURS["ink"],
    "legend.edgecolor": COLOURS["line"],
    "image.cmap": "Greys",
    # the curve that matters is the first one
    "axes.prop_cycle": cycler(color=[COLOURS[name] for name in ("ink", "control", "muted", "bar")]),
}

MOST_NUMBERS = 20  # rows or columns; beyond that the cells carry no numbers


class ShownFigure(Figure):
    """A Figure that a notebook displays although pyplot was never imported, always in the style of this package."""

    def draw(self, renderer):
        with styled():  # the ticks of a logarithmic axis are not made before this
            super().draw(renderer)

    def _repr_png_(self):
        return self._as("png")

    def _repr_svg_(self):
        return aware(self._as("svg", metadata={"Date": None}).decode())  # the same bytes for the same figure

    def _as(self, kind, **options):
        picture = io.BytesIO()
        self.savefig(picture, format=kind, facecolor=self.get_facecolor(), **options)
        return picture.getvalue()


def styled() -> AbstractContextManager[None]:
    """The context in which every figure is made and drawn; whether an SVG has text or outlines stays your choice."""
    own = {"font.family": list(fonts()), "svg.hashsalt": "rnnlib", "svg.fonttype": matplotlib.rcParams["svg.fonttype"]}
    return style.context(["default", STYLE | own])


def use_style() -> None:
    """Give pyplot the colours and fonts of these figures from now on; in a notebook they follow dark mode too."""
    matplotlib.rcParams.update(STYLE | {"font.family": list(fonts()), "svg.hashsalt": "rnnlib"})
    if "IPython" not in sys.modules:
        return
    from IPython import get_ipython

    if shell := get_ipython():
        import_module("matplotlib_inline.backend_inline")  # when it is first imported, it drops all formats of figures
        formatter = shell.display_formatter.formatters["image/svg+xml"]
        formatter.for_type(Figure, _notebook_svg)


def _notebook_svg(figure):
    """What a notebook shows of a figure of pyplot."""
    picture = io.StringIO()
    figure.savefig(picture, format="svg", bbox_inches="tight", metadata={"Date": None})
    return aware(picture.getvalue())


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of the given inches; the book shows figures about 6.4 inches wide."""
    return ShownFigure((width, height), dpi=110, facecolor=COLOURS["paper"], layout="constrained")


def fonts() -> tuple[str, ...]:
    """The installed font families that figures use, in the order in which they are tried for each character."""
    return tuple(family for family in FONTS if family in _installed())


@lru_cache
def _installed():
    """Every installed family; asking matplotlib for one that is not installed would log a warning."""
    return frozenset(font_manager.get_font_names())


@lru_cache
def code_points(family):
    """The code points for which the font has a glyph."""
    path = font_manager.findfont(family, fallback_to_default=False)
    return frozenset(font_manager.get_font(path).get_charmap())


def label(character: str) -> str:
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
    if visible and any(ord(sign) in code_points(family) for family in fonts()):
        return sign
    return f"U+{ord(character):04X}"


def short(number):
    """A number that is not negative, to two digits in at most six characters: 0.31, 1.2e−7, 0, ∞."""
    if not np.isfinite(number):
        return "∞"
    mantissa, _, exponent = (f"{number:.1e}" if 0 < number < 1e-3 else f"{number:.2g}").partition("e")
    return (mantissa.removesuffix(".0") + (f"e{int(exponent)}" if exponent else "")).replace("-", "−")


def fixed(number, digits=2):
    """A number with so many decimals and a true minus sign: −0.31."""
    return f"{round(number, digits) + 0.0:.{digits}f}".replace("-", "−")  # + 0.0 turns -0.0 into 0.0


def thinned(n, inches, gap):
    """Every tick of n, or every second, every third …, so that `gap` inches lie between those that are left."""
    return list(range(0, n, max(1, int(np.ceil(n * gap / inches)))))


def turn_code_points(texts, signs):
    """Write those labels upright whose character is shown as a code point."""
    for text, sign in zip(texts, signs, strict=True):
        text.set_rotation(90 if len(sign) > 1 else 0)


def ink(colour):
    """The colour of a number on a cell of a colour (R, G, B, ...) from 0 to 1: black or white, as it contrasts more."""
    return cell_ink(to_hex(np.asarray(colour, float)[:3]))


def colour_bar(figure, image, axes, **options):
    """The scale of an image, without seams between its colours in an SVG."""
    bar = figure.colorbar(image, ax=axes, **options)
    bar.solids.set_edgecolor("face")
    return bar


def write_numbers(axes, image, shown, form):
    """Each number of the heat map in its cell, in black or white; masked cells stay empty."""
    colours, masked = image.to_rgba(shown), np.ma.getmaskarray(shown)
    for (row, column), number in np.ndenumerate(shown):
        if not masked[row, column]:
            colour = ink(colours[row, column])
            axes.text(column, row, form(number), color=colour, fontsize=7, ha="center", va="center")


def outline(axes, column, top, height, colour, inset=0.0, linewidth=2, **more):
    """A frame around the cells of one column, from `top` on."""
    size = 1 - 2 * inset, height - 2 * inset
    corner = column - 0.5 + inset, top + inset
    axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=colour, linewidth=linewidth, zorder=3, **more))
