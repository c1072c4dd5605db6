"""Recurrent networks and backpropagation through time, in NumPy, to be read and stepped through.

    text -> ids -> forward -> Trace -> loss -> backward -> gradients

Everything else is in modules that are imported when they are first used, `rnnlib.train` for example. Two of them need
more than NumPy: `rnnlib.plots` (matplotlib) and `rnnlib.widgets` (anywidget), the interactive figures.
"""

from importlib import import_module as _import_module
from types import ModuleType as _ModuleType
from typing import TYPE_CHECKING as _TYPE_CHECKING

from .bptt import Grads, Path, backward, contributions, jacobians, path, shares
from .gradcheck import check_gradients
from .loss import cross_entropy, log_softmax, softmax, step_losses
from .padding import Padded, last_step_weights, pad
from .rnn import Params, Trace, forward, init_params
from .text import Vocabulary, one_hot, windows

if _TYPE_CHECKING:
    from . import checkpoint as checkpoint
    from . import flow as flow
    from . import formulations as formulations
    from . import gated_workspace as gated_workspace
    from . import gru as gru
    from . import lstm as lstm
    from . import mistakes as mistakes
    from . import optim as optim
    from . import plots as plots
    from . import starts as starts
    from . import sweep as sweep
    from . import tasks as tasks
    from . import train as train
    from . import widgets as widgets
    from . import workspace as workspace

__version__ = "0.1.0"

__all__ = [
    "Grads",
    "Padded",
    "Params",
    "Path",
    "Trace",
    "Vocabulary",
    "backward",
    "check_gradients",
    "contributions",
    "cross_entropy",
    "forward",
    "init_params",
    "jacobians",
    "last_step_weights",
    "log_softmax",
    "one_hot",
    "pad",
    "path",
    "shares",
    "softmax",
    "step_losses",
    "windows",
]

_MODULES = {
    "checkpoint",
    "flow",
    "formulations",
    "gated_workspace",
    "gru",
    "lstm",
    "mistakes",
    "optim",
    "plots",
    "starts",
    "sweep",
    "tasks",
    "train",
    "widgets",
    "workspace",
}


def __getattr__(name: str) -> _ModuleType:
    """Import a module of the package when it is first asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return _import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:  # an attribute that is not there, to `hasattr`, `help` and completion
        raise AttributeError(str(error)) from error


def __dir__() -> list[str]:
    return sorted(_MODULES.union(globals()))
