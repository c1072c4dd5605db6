"""Files that are written completely or not at all, and files that are read: regular ones only."""

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from . import _check

STALE = 3600
"""Seconds without a write after which an unfinished file is one that a killed process has left behind."""

_UNFINISHED = re.compile(r"\.rnnlib-[0-9a-f]{16}\.tmp")


def checked_path(name: str, value: str | os.PathLike[str]) -> str:
    """The path as a string; else raises TypeError or ValueError. A number, which `open` takes, is no path."""
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{name}: expected a string or a path, got {_check.describe(value)}")
    value = os.fsdecode(value)
    if not value or "\0" in value:
        raise ValueError(f"{name}: expected a path, got {value!r}")
    return value


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write to and read from; when the block ends, it is flushed to the disk and replaces the file at `path`.

    It is a new file next to `path` with a name of its own, so that several threads and processes can write to one path
    at once: the last one to finish replaces the others, and a reader always finds a complete file. If anything is
    raised before it is complete, it is deleted and an older file at `path` stays as it is. The permissions of an older
    file are kept. A symbolic link at `path` stays a link: the file that it points to is replaced. What killed processes
    have left in this folder is deleted. Raises OSError where the file cannot be written, and for a path that is a
    folder, a pipe or a device.
    """
    path = os.path.realpath(path)
    mode = _mode(path)
    unfinished = os.path.join(os.path.dirname(path), f".rnnlib-{os.urandom(8).hex()}.tmp")
    try:
        file = open(unfinished, "x+b", opener=_create)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, path) from None
    with file:
        try:
            _clean(os.path.dirname(path), os.fstat(file.fileno()).st_mtime)
            yield file
            file.flush()
            os.fsync(file.fileno())
            file.close()  # Windows replaces no file that is open
            if mode is not None:
                os.chmod(unfinished, mode)
            os.replace(unfinished, path)
        except BaseException:
            file.close()
            with suppress(FileNotFoundError):
                os.remove(unfinished)
            raise


def open_regular(path: str | os.PathLike[str], buffering: int = -1) -> BinaryIO:
    """Open the file at `path` for reading.

    Raises OSError if it cannot be read, and ValueError for a pipe or a device, without waiting for data.
    """
    file = open(path, "rb", buffering=buffering, opener=_open_at_once)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ValueError(f"path: expected a regular file, got the pipe or device {os.fspath(path)!r}")
    return file


def _create(path, flags):
    """Create the file with the permissions that new files have here; never through a symbolic link."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _open_at_once(path, flags):
    """Open a file; a pipe, too, without waiting for what writes to it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _mode(path):
    """The permissions of the file at `path`, None if there is none. Raises OSError for what is no regular file."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "a pipe or a device, not a regular file", path)
    return stat.S_IMODE(mode)


def _clean(folder, now):
    """Delete the unfinished files of a folder that were last written long before `now`, by the folder's own clock."""
    with suppress(OSError), os.scandir(folder) as entries:  # it may be a folder that cannot be listed
        for entry in entries:
            with suppress(OSError):  # another process may delete it first, or own it
                if _UNFINISHED.fullmatch(entry.name) and now - entry.stat(follow_symlinks=False).st_mtime > STALE:
                    os.remove(entry.path)
