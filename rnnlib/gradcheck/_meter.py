"""Show the progress of a long check when stderr is a terminal or a notebook."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .._watching import stream

PATIENCE = 1.0  # seconds before the first word
PAUSE = 0.2  # seconds between two


@contextmanager
def meter(progress: bool | None, total: int) -> Iterator[Callable[[], None]]:
    """A function to call after each of `total` entries; after a second it begins to write how many are done."""
    to = stream(progress)
    done, due, said = 0, time.monotonic() + PATIENCE, False

    def advance() -> None:
        nonlocal done, due, said
        done += 1
        if to is None or time.monotonic() < due:
            return
        due, said = time.monotonic() + PAUSE, True
        print(f"\rcheck_gradients: {done:,} of {total:,} entries ({done / total:.0%})", end="", file=to, flush=True)

    try:
        yield advance
    finally:
        if said:
            print(file=to, flush=True)
