"""The same network written in five ways, each in the notation and style of its kind, each equal to `rnnlib.backward`.

    equations   functions over a dict of weights, one line for each equation
    cells       a step and its cache, then a loop over the steps; column vectors, the batch in the middle
    matrices    a model class with U, W, V and no biases
    layers      layers with forward, backward and update methods of their own
    gates       gates on a tape, which differentiates whatever was computed

Each of the five has `from_params`, `to_params` and `gradients(params, x, y, ...)`. Two more modules translate:

    dialects    the symbols, names and shapes of nine texts and libraries
    frameworks  the weights as PyTorch, Keras and ONNX store them

A module is imported when it is first used.
"""

from importlib import import_module as _import_module
from types import ModuleType as _ModuleType
from typing import TYPE_CHECKING as _TYPE_CHECKING

if _TYPE_CHECKING:
    from . import cells as cells
    from . import dialects as dialects
    from . import equations as equations
    from . import frameworks as frameworks
    from . import gates as gates
    from . import layers as layers
    from . import matrices as matrices

_MODULES = {"cells", "dialects", "equations", "frameworks", "gates", "layers", "matrices"}


def __getattr__(name: str) -> _ModuleType:
    """Import a module of the package when it is first asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return sorted(_MODULES.union(globals()))
