"""The built site in memory: each step changes it there, and each file is read and written once."""

import hashlib
import re
from functools import cache
from pathlib import Path


@cache
def _pattern(pattern):
    """The expression of a pattern: ``*`` stays inside a folder, ``**/`` stands for any folders, also for none."""
    signs = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
    return re.compile("".join(signs.get(part) or re.escape(part) for part in re.split(r"(\*\*/|\*\*|\*)", pattern)))


class Site:
    """The files of a folder by name: their paths below it, with slashes.

    A text is read when a step first asks for it, and stays in memory. ``save`` writes what has changed. Until then the
    folder is as it was.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self._names = {path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file()}
        self._found = frozenset(self._names)
        self._held = {}  # name -> str or bytes
        self._changed = set()

    def __contains__(self, name):
        return name in self._names

    def find(self, pattern="**"):
        """The names that match, sorted; the pattern is for the whole name."""
        return sorted(filter(_pattern(pattern).fullmatch, self._names))

    def text(self, name):
        """The text of a file; UnicodeDecodeError where it is none."""
        held = self._held.get(name)
        if not isinstance(held, str):
            held = self._held[name] = self.data(name).decode("utf-8")
        return held

    def data(self, name):
        """The bytes of a file."""
        if name not in self._names:
            raise FileNotFoundError(f"{name}: no such file in the built site")
        held = self._held.get(name)
        if held is None:
            return (self.folder / name).read_bytes()
        return held.encode() if isinstance(held, str) else held

    def digest(self, name):
        return hashlib.sha256(self.data(name)).hexdigest()

    def write(self, name, content):
        """Give a file, new or not, another content: a text or bytes."""
        if content == self._held.get(name) and name in self._names:
            return
        self._names.add(name)
        self._held[name] = content
        self._changed.add(name)

    def remove(self, name):
        self._names.discard(name)
        self._held.pop(name, None)
        self._changed.discard(name)

    def pages(self):
        """name -> HTML of every page."""
        return {name: self.text(name) for name in self.find("**/*.html")}

    def save(self):
        """Write to the folder what was changed, and delete what was removed, with folders that this leaves empty."""
        for name in sorted(self._changed):
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.data(name))
        for name in sorted(self._found - self._names):
            path = self.folder / name
            path.unlink(missing_ok=True)
            while (path := path.parent) != self.folder and path.is_dir() and not any(path.iterdir()):
                path.rmdir()
        self._found = frozenset(self._names)
        self._changed.clear()
