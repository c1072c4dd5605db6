"""Two ways to a gradient that share no formula with the library: complex steps, and automatic differentiation."""

import autograd.numpy as anp
import numpy as np
from models import STEP

from rnnlib import backward, forward


def gradients(case):
    return backward(case.params, forward(case.params, case.x, case.h0), case.y, reduction=case.reduction)


def weight(case):
    """What one prediction counts for in the loss."""
    return 1.0 if case.reduction == "sum" else 1 / case.y.size


def complex_step(function, at):
    """The derivative of a real `function` in every entry of the array `at`."""
    slope = np.empty(at.shape)
    for index in np.ndindex(at.shape):
        moved = at.astype(complex)
        moved[index] += 1j * STEP
        slope[index] = function(moved).imag / STEP
    return slope


def autograd_loss(params, h0, rows, targets, weight):
    """The loss from the definition, for `autograd` to differentiate: rows and targets are one-hot."""
    Wxh, Whh, Why, bh, by = params
    h, loss = h0, 0.0
    for row, target in zip(rows, targets, strict=True):
        h = anp.tanh(anp.dot(row, Wxh) + anp.dot(h, Whh) + bh)
        o = anp.dot(h, Why) + by
        loss = loss + anp.sum(anp.log(anp.sum(anp.exp(o), axis=-1))) - anp.sum(target * o)
    return weight * loss
