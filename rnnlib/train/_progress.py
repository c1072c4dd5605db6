"""What a training run shows, and how it is interrupted: a progress bar, lines below it, Ctrl-C."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .._extras import missing
from .._watching import stream


@contextmanager
def interrupts() -> Iterator[list[int]]:
    """A list to which the first Ctrl-C appends something; the second one raises KeyboardInterrupt as usual.

    Where Ctrl-C is ignored, as in a process that `nohup` or a shell's `&` started, it stays ignored; a handler that was
    not installed from Python, and could not be put back, stays too.
    """
    asked: list[int] = []
    receives = threading.current_thread() is threading.main_thread()  # no other thread receives signals
    if not receives or signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None):
        yield asked
        return

    def ask(number, frame):
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


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
