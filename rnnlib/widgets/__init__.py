"""Interactive figures for Jupyter and for static pages; needs the extra `rnnlib[widgets]`."""

from .forward_stepper import ForwardStepper

__all__ = ["ForwardStepper"]
