"""Where something that takes long says how far it is: nowhere, unless a person watches."""

import sys
from typing import TextIO

from . import _check


def stream(progress: bool | None) -> TextIO | None:
    """Where progress is written; None for nowhere.

    If `progress` is None, it is written to stderr when it is a terminal, and to stdout in a notebook, which shows
    stderr as if it were an error. Each request to run a cell says whether its sender can answer `input()`: JupyterLab
    can. nbconvert and the build of a book cannot, so that no bar is left in their pages. Raises TypeError for anything
    but True, False and None.
    """
    if progress is not None and not _check.flag("progress", progress):
        return None
    if sys.stderr is not None and sys.stderr.isatty():
        return sys.stderr
    ipython = sys.modules.get("IPython")  # not imported here: a kernel has already imported it
    kernel = getattr(ipython and ipython.get_ipython(), "kernel", None)
    if getattr(kernel, "_allow_stdin", False):
        return sys.stdout
    return sys.stderr if progress else None
