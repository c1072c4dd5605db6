"""What a training run shows, and how it is interrupted: a progress bar, lines below it, Ctrl-C."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from .._extras import missing


@contextmanager
def interrupts() -> Iterator[list[int]]:
    """A list to which the first Ctrl-C appends something; the second one raises KeyboardInterrupt as usual."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked  # only the main thread receives signals
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
    """Where the progress bar and the lines about the run are written; None for nowhere.

    If `progress` is None, they are written to stderr when it is a terminal, and to stdout in a notebook, which shows
    stderr as if it were an error. Each request to run a cell says whether its sender can answer `input()`: JupyterLab
    can. nbconvert and the build of a book cannot, so that no bar is left in their pages.
    """
    if progress is not None and not progress:
        return None
    if sys.stderr is not None and sys.stderr.isatty():
        return sys.stderr
    ipython = sys.modules.get("IPython")  # not imported here: a kernel has already imported it
    kernel = getattr(ipython and ipython.get_ipython(), "kernel", None)
    if getattr(kernel, "_allow_stdin", False):
        return sys.stdout
    return sys.stderr if progress else None


@contextmanager
def keeping(snapshot: Callable[[], object]) -> Iterator[None]:
    """Give an exception raised in this block the run so far, `snapshot()`, as its attribute `run`."""
    try:
        yield
    except BaseException as error:
        error.run = snapshot()  # type: ignore[attr-defined]
        if sys.version_info >= (3, 11):
            error.add_note(
                "train: the run so far is the attribute `run` of this exception (sys.last_value.run, when nothing "
                "catches it); train(run, ...) goes on from there"
            )
        raise


def say(progress: bool | None, line: str) -> None:
    """Write one line to where the bar is, or would be if tqdm were installed."""
    if to := stream(progress):
        print(line, file=to, flush=True)


@contextmanager
def bar(progress: bool | None, total: float, done: float) -> Iterator[Callable[[int, float], None]]:
    """A function of a number of characters and a loss that advances the bar, or does nothing if none is shown.

    The bar is plain text in a notebook too: it stays readable in a saved one, and needs no ipywidgets.
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
