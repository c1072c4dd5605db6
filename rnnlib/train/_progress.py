"""What a person sees of a training run, and says to it: a bar that moves on, lines below it, Ctrl-C."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from .._extras import missing


@contextmanager
def interrupts() -> Iterator[list[int]]:
    """A list that the first Ctrl-C puts something into; the second one is a KeyboardInterrupt, as ever."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked  # only the main thread hears signals
        return

    def ask(number, frame):
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)


def stream(progress: bool | None) -> TextIO | None:
    """Where a bar and lines about the run are written; None for nowhere.

    Unless `progress` decides, they are written when a person watches: to stderr when it is a terminal, and to stdout in
    a notebook, which shows stderr as if it were an error. Each request to run a cell says whether its sender could
    answer `input()`: JupyterLab could. nbconvert and the build of a book could not, so that no bar stays in their
    pages.
    """
    if progress is not None and not progress:
        return None
    if sys.stderr is not None and sys.stderr.isatty():
        return sys.stderr
    ipython = sys.modules.get("IPython")  # never imported here: a kernel has done it
    kernel = getattr(ipython and ipython.get_ipython(), "kernel", None)
    if getattr(kernel, "_allow_stdin", False):
        return sys.stdout
    return sys.stderr if progress else None


@contextmanager
def keeping(so_far: Callable[[], object]) -> Iterator[None]:
    """An exception takes the run so far along, as its attribute `run`."""
    try:
        yield
    except BaseException as error:
        error.run = so_far()  # type: ignore[attr-defined]
        if sys.version_info >= (3, 11):
            error.add_note(
                "train: the run so far is the attribute `run` of this exception (sys.last_value.run, when nothing "
                "catches it); train(run, ...) goes on from there"
            )
        raise


def say(progress: bool | None, line: str) -> None:
    """Write one line where the bar is, or would be without tqdm."""
    if to := stream(progress):
        print(line, file=to, flush=True)


@contextmanager
def bar(progress: bool | None, total: float, done: float) -> Iterator[Callable[[int, float], None]]:
    """A function of characters and loss that moves a bar on, or does nothing where none is shown.

    The bar is text in a notebook too: it stays readable in a saved one, and needs no ipywidgets.
    """
    to, tqdm = stream(progress), None
    if to is not None:
        try:
            from tqdm import tqdm
        except ModuleNotFoundError:
            if progress:
                raise missing("progress", "tqdm", "train") from None
    if tqdm is None:
        yield lambda characters, loss: None
        return
    with tqdm(total=total, initial=done, unit=" characters", unit_scale=True, file=to) as shown:

        def advance(characters: int, loss: float) -> None:
            shown.set_postfix(loss=f"{loss:.4g}", refresh=False)
            shown.update(characters)

        yield advance
