"""Static matplotlib figures of what a network computed.

Each function returns a plain `matplotlib.figure.Figure`. None uses pyplot, so no display is needed, no figure has to be
closed, and no state is shared between figures. Figures of pyplot get the same looks from `use_style()`.
"""

from .._extras import missing

try:
    import matplotlib  # noqa: F401
except ModuleNotFoundError as error:
    raise missing("rnnlib.plots", "matplotlib", "plots") from error

from ._contributions import plot_contributions
from ._dark import aware
from ._drawings import plot_cuts, plot_outer_products, plot_uses, plot_vector_sum
from ._gradcheck import plot_check, plot_step_sizes
from ._graph import plot_graph
from ._labels import label_lines
from ._matrices import plot_matrices
from ._river import plot_river, plot_rivers
from ._sequence import plot_trace
from ._style import (
    COLOURS,
    GREY_COLOURS,
    LENGTH_COLOURS,
    STATE_COLOURS,
    STYLE,
    fonts,
    label,
    new_figure,
    styled,
    use_style,
)
from ._sweep import plot_sweep
from ._training import plot_training

__all__ = [
    "COLOURS",
    "GREY_COLOURS",
    "LENGTH_COLOURS",
    "STATE_COLOURS",
    "STYLE",
    "aware",
    "fonts",
    "label",
    "label_lines",
    "new_figure",
    "plot_check",
    "plot_contributions",
    "plot_cuts",
    "plot_graph",
    "plot_matrices",
    "plot_outer_products",
    "plot_river",
    "plot_rivers",
    "plot_step_sizes",
    "plot_sweep",
    "plot_trace",
    "plot_training",
    "plot_uses",
    "plot_vector_sum",
    "styled",
    "use_style",
]
