"""Interactive figures for Jupyter and for static pages; needs the extra `rnnlib[widgets]`."""

from .backward_stepper import BackwardStepper
from .forward_stepper import ForwardStepper
from .gradient_detective import GradientDetective

__all__ = ["BackwardStepper", "ForwardStepper", "GradientDetective"]
