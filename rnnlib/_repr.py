"""Short reprs of named tuples of arrays: types and shapes in place of thousands of numbers."""

from reprlib import Repr
from typing import Any

import numpy as np

_OTHERS = Repr()
_OTHERS.maxstring = _OTHERS.maxother = 80


def short(self: Any) -> str:
    """The `__repr__` of a named tuple: each array as its type and shape, such as `float64[12, 5]`."""
    fields = zip(self._fields, self, strict=True)
    return f"{type(self).__name__}({', '.join(f'{name}={_brief(value)}' for name, value in fields)})"


def _brief(value):
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{list(value.shape)}"
    return repr(value) if hasattr(value, "_fields") else _OTHERS.repr(value)
