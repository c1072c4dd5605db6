"""Drawings of one idea each: a sum of two vectors, a weight and its uses, products that pile up, cuts."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

from .. import _check
from ._inputs import instance, not_negative, real
from ._style import COLOURS, STATE_COLOURS, fixed, label, new_figure, styled, turn_code_points

INK, MUTED, CONTROL, LINE, BACK, PAPER = (
    COLOURS[name] for name in ("ink", "muted", "control", "line", "back", "paper")
)
WIDTH = 4.8  # inches: narrower than other figures, so that their words can be read on a telephone too
DASHES = (0, (4, 1.5))  # of a gradient
SHOWN = 3  # products one by one, before the sum of all


def plot_vector_sum(terms: dict[str, npt.ArrayLike], total: str = "sum", at: str = "") -> Figure:
    """Two vectors that arrive at a point, and their sum that goes on from there, in the plane in which all three lie.

    terms: {label: vector of shape (n,)}, exactly two. Their lengths and the angle between them are drawn as they are;
    each label is followed by the length. total: the label of the sum; at: the name of the point. The sum points to the
    left, as a gradient goes back through the steps. Returns a `matplotlib.figure.Figure`.

    Raises TypeError when terms is no dict or holds anything but real numbers; ValueError when there are not two terms,
    when they are not vectors of the same length, and when both are zero.
    """
    a, b = _two_vectors(terms)
    basis = _plane(a, b)
    a, b = basis @ a, basis @ b
    with styled():
        figure = new_figure(WIDTH, 2.8)
        axes = figure.subplots()
        axes.plot(*np.transpose([-b, -a - b, -a]), color=LINE, linewidth=1, zorder=0)  # completes the parallelogram
        ends = {name: (-vector, 0 * a) for name, vector in zip(terms, (a, b), strict=True)} | {total: (0 * a, a + b)}
        for name, (start, end) in ends.items():
            bold = name == total
            _arrow(axes, start, end, linewidth=2.6 if bold else 1.6)
            words = f"{name}\nlength {fixed(np.linalg.norm(end - start), 3)}"
            options = {"textcoords": "offset points", "va": "center", "color": BACK}
            if bold:
                axes.annotate(words, end, (-6, 0), ha="right", fontweight="bold", **options)
            else:
                axes.annotate(words, start, (8, 0), ha="left", **options)
        axes.plot(0, 0, "o", color=INK, markersize=9)
        axes.annotate(at, (0, 0), (9, 0), textcoords="offset points", ha="left", va="center", fontweight="bold")
        axes.set_aspect("equal", "datalim")
        axes.margins(0.35, 0.12)
        axes.axis("off")
    return figure


def _two_vectors(terms):
    """The vectors of a dict of two."""
    instance("terms", terms, dict, "a dict of label and vector")
    if len(terms) != 2:
        raise ValueError(f"terms: expected two of them, got {len(terms)}")
    vectors = [real(f"terms[{name!r}]", value) for name, value in terms.items()]
    if vectors[0].ndim != 1 or vectors[0].shape != vectors[1].shape:
        came = " and ".join(str(vector.shape) for vector in vectors)
        raise ValueError(f"terms: expected two vectors of the same length, got shapes {came}")
    if not np.any(vectors):
        raise ValueError("terms: expected a vector that is not zero, got two zeros")
    return vectors


def _plane(a, b):
    """Two rows that take vectors to the plane of a and b: their sum points to the left, a comes from above."""
    scale = max(np.linalg.norm(a), np.linalg.norm(b))
    along = next(v for v in (a + b, a, b) if np.linalg.norm(v) > 1e-9 * scale)
    along = along / np.linalg.norm(along)
    across = a - (a @ along) * along
    if np.linalg.norm(across) > 1e-9 * scale:
        across = across / np.linalg.norm(across)
    return -np.array([along, across])


def _arrow(axes, start, end, **look):
    look = {"arrowstyle": "-|>", "color": BACK, "linestyle": DASHES, "mutation_scale": 12} | look
    axes.annotate("", end, start, arrowprops=look | {"shrinkA": 0, "shrinkB": 0})
    axes.update_datalim([start, end])


def plot_uses(effects: npt.ArrayLike, text: str | None = None, weight: str = "one weight") -> Figure:
    """One weight, a string to each step that uses it, what each use adds to its gradient, and the sum of them all.

    effects: numbers of shape (T,), in the order of the steps. Each bar begins where the one before it ended, so the
    last one ends at the sum, the bar on the right. text: the T characters that are read; weight: the name of the
    weight. Returns a `matplotlib.figure.Figure`.

    Raises TypeError for effects that are not real numbers and for a text that is no string; ValueError for effects of
    another shape and for a text of another length.
    """
    effects = real("effects", effects)
    if effects.ndim != 1 or not effects.size:
        raise ValueError(f"effects: expected shape (T,), T at least 1, got {effects.shape}")
    signs, T = _signs(text, len(effects)), len(effects)
    ends = np.cumsum(effects)
    total = ends[-1]
    top = max(0, *ends) + 0.8 * (np.ptp([0, *ends]) or 1)
    with styled():
        figure = new_figure(WIDTH, 3)
        axes = figure.subplots()
        for t, end in enumerate(ends):
            axes.plot([(T - 1) / 2, t], [top, max(end, end - effects[t])], color=CONTROL, linewidth=0.7, zorder=0)
            axes.plot([t, t + 1], [end, end], color=CONTROL, linewidth=0.8, linestyle=":", zorder=0)
        axes.axhline(0, color=INK, linewidth=0.8, zorder=0)
        heights = np.r_[effects, total]
        colours = [COLOURS["negative" if height < 0 else "positive"] for height in heights]
        axes.bar(np.r_[0:T, T + 0.3], heights, bottom=np.r_[ends - effects, 0], width=0.7, color=colours)
        axes.plot((T - 1) / 2, top, "o", color=INK, markersize=8)
        above = {"textcoords": "offset points", "ha": "center", "va": "bottom"}
        axes.annotate(f"{weight}, {T} uses", ((T - 1) / 2, top), (0, 7), **above)
        axes.annotate("0", (-0.8, 0), (0, 2), textcoords="offset points", ha="left", va="bottom", color=MUTED)
        below = above if total > 0 else above | {"va": "top"}
        axes.annotate(f"sum\n{fixed(total, 3)}", (T + 0.3, total), (0, 3 if total > 0 else -3), **below)
        axes.set_xticks(range(T), signs)
        turn_code_points(axes.get_xticklabels(), signs)
        axes.set(yticks=[], xlim=(-0.8, T + 1.3), ylim=(None, top + 0.2 * (top - min(0, *ends))))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return figure


def _signs(text, T):
    """A sign for each of T characters; their numbers where there is no text."""
    if text is None:
        return [str(t + 1) for t in range(T)]
    instance("text", text, str, "a string")
    if len(text) != T:
        raise ValueError(f"text: expected {T} characters, one for each step, got {len(text)}")
    return [label(character) for character in text]


def plot_outer_products(
    columns: npt.ArrayLike, rows: npt.ArrayLike, names: Sequence[str] = ("column", "row", "sum")
) -> Figure:
    """The sum of the products column × row of all steps, from the last one back: three products, the pile after each.

    columns: shape (T, n), T at least 4; rows: shape (T, m); names: of a column, of a row and of the sum. Each of the
    three kinds has a colour scale of its own that is symmetric about zero; the products share that of the sums.
    Returns a `matplotlib.figure.Figure`.

    Raises TypeError for arrays that are not real numbers, ValueError for other shapes.
    """
    columns, rows = real("columns", columns), real("rows", rows)
    for name, array in {"columns": columns, "rows": rows}.items():
        if array.ndim != 2 or len(array) <= SHOWN or not array.size or len(array) != len(columns):
            raise ValueError(f"{name}: expected shape (T, n), T at least {SHOWN + 1} in both, got {array.shape}")
    (T, n), m = columns.shape, rows.shape[1]
    products = columns[::-1, :, None] * rows[::-1, None, :]
    piles = products.cumsum(axis=0)
    limits = [abs(array).max() or 1 for array in (columns, rows, np.r_[products, piles])]
    wide, low = m + 3.4, n + 1.6
    with styled():
        figure = new_figure(WIDTH, WIDTH * (2 * n + 7.2) / (4 * wide + 1))
        axes = figure.subplots()

        def draw(array, x, y, limit):
            height, width = array.shape
            place = (x, x + width, y + height, y)
            axes.imshow(array, cmap=STATE_COLOURS, vmin=-limit, vmax=limit, extent=place, interpolation="none")
            axes.add_patch(Rectangle((x, y), width, height, fill=False, edgecolor=CONTROL, linewidth=0.8, zorder=3))

        for k in range(SHOWN):
            x, t = k * wide, T - 1 - k
            draw(columns[t][:, None], x, 0, limits[0])
            draw(rows[t][None], x + 1.5, -1.5, limits[1])
            draw(products[k], x + 1.5, 0, limits[2])
            _name_product(axes, x + 1.5 + m / 2, f"step {t + 1}", names[:2] if not k else (), n)
            _draw_pile(axes, draw, x + 1.5, low, piles[k], k + 1, limits[2])
            _point(axes, (x + 1.5 + m / 2, n + 0.15), (x + 1.5 + m / 2, low - 0.2))
            _point(axes, (x + 1.9 + m, low + n / 2), (x + wide + 1.1, low + n / 2))
        x = SHOWN * wide + 1.5
        _draw_pile(axes, draw, x, low, piles[-1], T, limits[2])
        axes.text(x + m / 2, n / 2, "…", ha="center", va="center")
        axes.text(x + m / 2, low + n + 0.5, f"{names[2]}\n{T} products", ha="center", va="top", fontweight="bold")
        axes.set(xlim=(-2.2, x + m + 0.8), ylim=(low + n + 2.8, -2.8), aspect="equal")
        axes.axis("off")
    return figure


def _name_product(axes, x, step, names, n):
    axes.text(x, -1.8, step, ha="center", va="bottom", color=MUTED)
    for name, place in zip(names, ((-0.3, n / 2), (1.2, -1)), strict=False):
        axes.text(*place, name, ha="right", va="center")


def _draw_pile(axes, draw, x, y, pile, count, limit):
    """The sum of so many products, over the edges of those below it."""
    height, width = pile.shape
    look = {"facecolor": PAPER, "edgecolor": CONTROL, "linewidth": 0.8}
    for below in range(min(count, 4) - 1, 0, -1):
        corner = x + 0.18 * below, y + 0.18 * below
        axes.add_patch(Rectangle(corner, width, height, zorder=-below, **look))
    draw(pile, x, y, limit)


def _point(axes, start, end):
    look = {"arrowstyle": "-|>", "color": MUTED, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 8, "linewidth": 0.9}
    axes.annotate("", end, start, arrowprops=look)


def plot_cuts(matrix: npt.ArrayLike, length: int, text: str | None = None) -> Figure:
    """Where three kinds of truncation cut: a limited reach, chunks that carry the state, chunks that reset it.

    matrix: `contributions` of shape (T, T); length: the reach, and that of the chunks. The last full chunk and the one
    before it are drawn: the state goes to the right along the upper arrows; below, a strand for each loss of the last
    chunk goes back through the steps that it reaches, as thick as the loss depends on their pre-activation. text: the T
    characters that are read. Returns a `matplotlib.figure.Figure`.

    Raises TypeError and ValueError for a matrix of another kind, a length of more than T / 2, and a text that is not a
    string of T characters.
    """
    matrix = not_negative("matrix", real("matrix", matrix))
    if matrix.ndim != 2 or len(set(matrix.shape)) != 1 or len(matrix) < 2:
        raise ValueError(f"matrix: expected shape (T, T), T at least 2, got {matrix.shape}")
    T = len(matrix)
    length = _check.whole("length", length, 1, T // 2)
    signs = _signs(text, T)
    start = (T // length - 1) * length
    steps = range(start - length, start + length)
    ways = {
        f"reach, k = {length}: every loss has a cut of its own": ([t - length for t in steps[length:]], False),
        f"chunks, c = {length}, state carried: one cut, of the gradient": ([start - 1] * length, False),
        f"chunks, c = {length}, state reset: the cut goes through both": ([start - 1] * length, True),
    }
    with styled():
        figure = new_figure(WIDTH, 3 * (0.95 + 0.18 * length))
        for axes, (name, (cuts, reset)) in zip(figure.subplots(3, 1), ways.items(), strict=True):
            axes.set_title(name, fontsize=9.5, loc="left")
            _draw_states(axes, steps, signs, start if reset else None)
            _draw_strands(axes, steps, cuts, matrix)
            for words, y in {"state": 0.2, "gradient": -0.54 - 0.21 * length}.items():
                axes.text(steps[0] - 2.2, y, words, va="center", color=MUTED if y > 0 else BACK)
            axes.set(xlim=(steps[0] - 2.2, steps[-1] + 1.2), ylim=(-0.8 - 0.42 * length, 0.75))
            axes.axis("off")
    return figure


def _draw_states(axes, steps, signs, reset):
    """The states with their characters; the arrow to the step `reset` is cut."""
    for s in steps:
        look = {"boxstyle": "square,pad=0.35", "facecolor": PAPER, "edgecolor": CONTROL}
        axes.text(s, 0.2, signs[s], ha="center", va="center", bbox=look)
        if s < steps[-1]:
            arrow = {"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 9}
            axes.annotate("", (s + 0.72, 0.2), (s + 0.28, 0.2), arrowprops=arrow)
    if reset is not None:
        _cut(axes, reset - 0.5, 0.2)


def _draw_strands(axes, steps, cuts, matrix):
    """For each loss of the second half of the steps, its way back to the step after its cut."""
    losses = steps[len(cuts) :]
    thickest = matrix[steps[0] :, steps[0] :].max() or 1
    for i, (t, cut) in enumerate(zip(losses, cuts, strict=True)):
        y = -0.75 - 0.42 * i
        for s in range(t, cut, -1):
            width = 0.8 + 5 * matrix[t, s] / thickest
            axes.plot([s, max(s - 1, cut + 0.5)], [y, y], color=BACK, linewidth=width, linestyle=(0, (2, 0.6)))
        axes.text(t + 0.15, y, f"loss {t + 1}", color=BACK, va="center", fontsize=8)
        _cut(axes, cut + 0.5, y)


def _cut(axes, x, y):
    axes.plot(x, y, marker=_scissors(), color=INK, markersize=13, markeredgewidth=0, zorder=4, clip_on=False)


def _scissors():
    """The sign of scissors as a marker, which looks the same in every reader's font."""
    path = TextPath((0, 0), "✂", prop=FontProperties(family="DejaVu Sans"))
    middle = path.get_extents().get_points().mean(axis=0)
    return path.transformed(Affine2D().translate(*-middle).rotate_deg(90))
