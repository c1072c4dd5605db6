"""A gallery of real mistakes in gradient code: each is the library's own source with one place changed.

They are easy to make in a recurrent network written by hand, and most of them still train: the loss falls, and only a
gradient check finds them. The chapter on checking and the widget `GradientDetective` show them. `mutant` gives the
wrong functions, so that everything said about a mistake is computed with it.
"""

import linecache
import types
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import bptt, rnn
from .loss import cross_entropy
from .rnn import Params


class Mistake(NamedTuple):
    """One change to the source of the library that makes it wrong."""

    name: str
    line: str  # the step of the computation that is at fault; see `GradientDetective` for the ten of them
    file: str  # of the library: rnn.py holds forward, bptt.py holds backward
    right: str  # occurs exactly once in that file
    wrong: str


MISTAKES = (
    Mistake("no_tanh", "state", "rnn.py", "h[t] = np.tanh(a[t])", "h[t] = a[t]"),
    Mistake("lost_state", "before", "bptt.py", "([trace.h0[None], ", "([np.zeros_like(trace.h0)[None], "),
    Mistake("not_transposed", "back", "bptt.py", "dh_next = da[t] @ Whh.T", "dh_next = da[t] @ Whh"),
    Mistake("late", "dWhh", "bptt.py", "Whh=h_prev.T @ da_rows", "Whh=h.T @ da_rows"),
    Mistake("no_mean", "mean", "bptt.py", "do /= y.size", "do /= 1"),
    Mistake("slope_of_a", "slope", "bptt.py", "dh[t] * (1 - trace.h[t] ** 2)", "dh[t] * (1 - trace.a[t] ** 2)"),
    Mistake("slope_inverse", "slope", "bptt.py", "dh[t] * (1 - trace.h[t] ** 2)", "dh[t] / (1 - trace.h[t] ** 2)"),
    Mistake("no_future", "future", "bptt.py", "do[t] @ Why.T + dh_next", "do[t] @ Why.T"),
    Mistake("whole_softmax", "softmax", "rnn.py", "softmax(o))", "softmax(o.reshape(-1)).reshape(o.shape))"),
    Mistake("clipped", "dWhh", "bptt.py", "Whh=h_prev.T @ da_rows", "Whh=(h_prev.T @ da_rows).clip(-0.01, 0.01)"),
    Mistake("one_step_bias", "dbh", "bptt.py", "bh=da_rows.sum(axis=0)", "bh=da[0].reshape(-1, H).sum(axis=0)"),
)


@cache
def mutant(mistake: Mistake) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """(forward, backward) with the mistake in one of them; the other is the library's own.

    `patched` is another name of this function. The changed source runs as a separate module, and the library stays as
    it is. The module uses the library's classes, so that its functions work together with all others. Raises
    RuntimeError when the right text does not occur exactly once in the file: then only the source has been edited.
    """
    original = {"rnn.py": rnn, "bptt.py": bptt}[mistake.file]
    source = original.__spec__.loader.get_source(original.__name__)
    found = source.count(mistake.right)
    if found != 1:
        raise RuntimeError(f"{mistake.name}: expected {mistake.right!r} once in {mistake.file}, found it {found} times")
    source = source.replace(mistake.right, mistake.wrong)
    name = f"<{mistake.file} with the mistake {mistake.name}>"
    linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name  # for tracebacks and inspect
    module = types.ModuleType(f"{original.__name__}_{mistake.name}")
    module.__package__ = original.__package__
    exec(compile(source, name, "exec"), vars(module))
    vars(module).update({name: value for name, value in vars(original).items() if isinstance(value, type)})
    return (module.forward, bptt.backward) if original is rnn else (rnn.forward, module.backward)


patched = mutant


def gradient_descent(
    params: Params,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    h0: npt.ArrayLike | None,
    *,
    updates: int,
    rate: float,
    forward: Callable[..., Any] = rnn.forward,
    backward: Callable[..., Any] = bptt.backward,
) -> tuple[np.ndarray, Params]:
    """(losses, params) of plain gradient descent on the mean loss: p ← p - rate · dp, always from the state h0.

    rate: the learning rate. losses: the loss before the first update and after each one, `updates` + 1 numbers. The
    descent ends before a loss or a parameter that is not finite: the remaining losses are NaN, and params are those of
    the last finite loss. `descend` is another name of this function.
    """
    losses, reached = np.full(updates + 1, np.nan), params
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for update in range(updates + 1):
            trace = forward(params, x, h0)
            if not np.isfinite(trace.o).all():
                break
            losses[update], reached = cross_entropy(trace.o, y), params
            grads = backward(params, trace, y, reduction="mean")
            params = Params(*(p - rate * getattr(grads, name) for name, p in params._asdict().items()))
            if not all(np.isfinite(p).all() for p in params):
                break
    return losses, reached


descend = gradient_descent
