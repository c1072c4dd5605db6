"""What goes on around a training run: Ctrl-C, and a bar that moves on."""

import signal
import sys
import threading
from contextlib import contextmanager


@contextmanager
def interrupts():
    """A list that the first Ctrl-C puts something into; the second one is a KeyboardInterrupt, as ever."""
    asked = []
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


@contextmanager
def bar(progress, total, done):
    """A function of characters and loss that moves a bar on, or does nothing where none is shown."""
    try:
        if not (sys.stderr.isatty() if progress is None else progress):
            raise ModuleNotFoundError
        from tqdm.auto import tqdm
    except ModuleNotFoundError:
        if progress:
            hint = 'pip install "rnnlib[train]"'
            raise ModuleNotFoundError(f"progress: expected tqdm to be installed ({hint}), got no such module") from None
        yield lambda characters, loss: None
        return
    with tqdm(total=total, initial=done, unit=" characters", unit_scale=True) as shown:

        def advance(characters, loss):
            shown.set_postfix(loss=f"{loss:.3f}", refresh=False)
            shown.update(characters)

        yield advance
