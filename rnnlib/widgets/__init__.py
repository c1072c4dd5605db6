"""Interactive figures for Jupyter and for static pages; needs the extra `rnnlib[widgets]`."""

from .._extras import missing

try:
    import anywidget  # noqa: F401
except ModuleNotFoundError as error:  # anywidget's own dependencies count too
    raise missing("rnnlib.widgets", "anywidget", "widgets") from error

from .._tokens import css as colours  # noqa: F401  for those who host figures; no figure itself, like the words
from ._bundle import words as words
from .backward_stepper import BackwardStepper
from .cliff import Cliff
from .forward_stepper import ForwardStepper
from .gated_stepper import GatedStepper
from .gradient_detective import GradientDetective
from .gradient_flow import GradientFlow
from .graph_stepper import GraphStepper
from .logit_loss import LogitLoss
from .river import River
from .rosetta import Rosetta
from .training_lab import TrainingLab

__all__ = [
    "BackwardStepper",
    "Cliff",
    "ForwardStepper",
    "GatedStepper",
    "GradientDetective",
    "GradientFlow",
    "GraphStepper",
    "LogitLoss",
    "River",
    "Rosetta",
    "TrainingLab",
]
