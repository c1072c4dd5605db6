"""Files that are written completely or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write to; when the block ends, it is flushed to the disk and replaces the file at `path`.

    It is written next to `path` under a temporary name. If anything is raised before it is complete, it is deleted and
    an older file at `path` stays as it is. A symbolic link at `path` stays a link: the file that it points to is
    replaced. Raises OSError where the file cannot be written.
    """
    path = os.path.realpath(path)
    unfinished = f"{path}.{os.getpid()}.tmp"
    try:
        with open(unfinished, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        if os.path.exists(unfinished):
            os.remove(unfinished)
        raise
