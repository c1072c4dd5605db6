"""From the JavaScript files of a figure to the one module text that anywidget wants.

anywidget loads a module from its text alone, so a relative import in it has nowhere to point. `bundle` follows the
imports of a file and writes each file that they reach once, in a scope of its own, after those that it imports. It
knows named imports and exports only, and refuses whatever else it meets.
"""

import json
import posixpath
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from .. import _tokens
from ._traits import LIMITS, TRAINING

HERE = Path(__file__).parent
GIVEN: dict[str, str] = {}  # path -> text of the modules without a file in all bundles: tools look at them, too
_STATEMENT = re.compile(r"^(?:import|export)\b", re.M)
_IMPORT = re.compile(r'import \{([^}]*)\} from "([^"]+)";')
_DECLARED = re.compile(r"export (?=(?:async function\*?|function\*?|class|const) ([\w$]+))")
_LISTED = re.compile(r"export \{([^}]*)\};")
_DEFAULT = re.compile(r"export default ")
_NAME = re.compile(r"([\w$]+)(?: as ([\w$]+))?")


class BundleError(ValueError):
    """A file that cannot be bundled; says which, where and why."""


class MissingFile(BundleError, FileNotFoundError):
    """A file that is not there."""


@cache
def words():
    """The words that widgets show: language -> key -> text, with {names} to be filled in."""
    return json.loads((HERE / "words.json").read_text(encoding="utf-8"))


def _words_of(text):
    """A module with the words whose keys are strings in `text`, in every language."""
    keys = set(re.findall(r'"(\w+)"', text))
    said = {language: {key: table[key] for key in table if key in keys} for language, table in words().items()}
    return f"export const WORDS = {json.dumps(said, ensure_ascii=False)};\n"


def constants(**values):
    """The text of a module that exports these values, as JSON has them."""
    return "".join(f"export const {name} = {json.dumps(v, ensure_ascii=False)};\n" for name, v in values.items())


def bundle(entry: str, modules: Mapping[str, str] | None = None, *, folder: Path = HERE) -> str:
    """The text of the file `entry` and of all that it imports, as one module with the exports of `entry`.

    Args:
        entry: the path of a file below `folder`, with slashes.
        modules: path -> text of a module that has no file or takes the place of one. `words.json` needs none: as the
            module `words.js` it exports WORDS, with those words whose keys stand in the bundle as strings.
        folder: where paths begin.

    Raises BundleError naming file and line for a form of import or export that is not known, a file or a name that is
    not there, and imports in a circle.
    """
    made = Bundle(modules or {}, folder)
    GIVEN.update({path: text for path, text in made.given.items() if isinstance(text, str)})
    return made.write(entry)


class Bundle:
    """The files of one bundle, as they are found."""

    def __init__(self, modules: Mapping[str, str], folder: Path):
        shared = {
            "words.js": _words_of,
            "model/limits.js": constants(LIMITS=LIMITS),
            "ui/tokens.js": constants(STEPS=_tokens.STEPS, RAMPS=_tokens.RAMPS, CUT=_tokens.CUT),
            "model/training.js": constants(**TRAINING),
        }
        self.given, self.folder = shared | modules, folder
        self.exports: dict[str, list[tuple[str, str]]] = {}  # path -> (name outside, name inside)
        self.bodies: dict[str, str] = {}  # in the order in which they are to be written
        self.late: list[tuple[str, Callable[[str], str]]] = []

    def write(self, entry):
        body = self.visit(entry, ())
        del self.bodies[entry]
        scopes = [self.scope(path, text) for path, text in self.bodies.items()]
        named = ", ".join(name if name == local else f"{local} as {name}" for name, local in self.exports[entry])
        written = "\n".join([*scopes, body, *([f"export {{ {named} }};"] if named else [])])
        return (
            "".join(self.scope(path, self.body(path, make(written), ())) + "\n" for path, make in self.late) + written
        )

    def scope(self, path, body):
        names = ", ".join(
            outside if outside == inside else f"{outside}: {inside}" for outside, inside in self.exports[path]
        )
        return f"const {self.variable(path)} = (() => {{\n{body}\nreturn {{ {names} }};\n}})();"

    def variable(self, path):
        return "$" + re.sub(r"\W", "$", path.removesuffix(".js"))  # so that ui/a.js and ui_a.js are two

    def visit(self, path, importing):
        """Take in a file and all below it; returns its text without its imports and exports."""
        if path in importing:
            raise BundleError(f"{path} imports itself, by way of {' -> '.join([*importing, path])}")
        if path not in self.exports:
            text = self.given.get(path)
            if callable(text):  # made of the others, when these are there
                self.late.append((path, text))
                self.exports[path] = [("WORDS", "WORDS")]
            else:
                self.bodies[path] = self.body(path, self.read(path) if text is None else text, (*importing, path))
        return self.bodies.get(path)

    def read(self, path):
        file = self.folder / path
        if not file.is_file():
            raise MissingFile(f"{path}: no such file below {self.folder.name}")
        return file.read_text(encoding="utf-8")

    def body(self, path, text, importing):
        exports, pieces, end = [], [], 0
        for statement in _STATEMENT.finditer(text):
            start = statement.start()
            if start < end:
                continue
            pieces.append(text[end:start])
            if found := _IMPORT.match(text, start):
                pieces.append(self.imported(path, text, found, importing))
            elif found := _DECLARED.match(text, start):
                exports.append((found[1], found[1]))
            elif found := _LISTED.match(text, start):
                exports += [(outside or inside, inside) for inside, outside in self.names(path, text, found, found[1])]
            elif (found := _DEFAULT.match(text, start)) and len(importing) == 1:
                pieces.append(found[0])
            else:
                raise BundleError(f"{self.place(path, text, start)}: not known: {text[start:].partition(chr(10))[0]}")
            end = found.end()
        self.exports[path] = exports
        return "".join([*pieces, text[end:]]).strip("\n")

    def imported(self, path, text, found, importing):
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), found[2]))
        if not found[2].startswith(("./", "../")) or target.startswith(".."):
            raise BundleError(f"{self.place(path, text, found.start())}: expected a relative path, got {found[2]!r}")
        try:
            self.visit(target, importing)
        except MissingFile as error:
            raise BundleError(f"{self.place(path, text, found.start())}: {error}") from None
        names = self.names(path, text, found, found[1])
        there = {outside for outside, _ in self.exports[target]}
        if missing := [name for name, _ in names if name not in there]:
            raise BundleError(f"{self.place(path, text, found.start())}: {target} exports no {', '.join(missing)}")
        taken = ", ".join(f"{name}: {local}" if local else name for name, local in names)
        return f"const {{ {taken} }} = {self.variable(target)};"

    def names(self, path, text, found, listed):
        """(name, name after `as` or "") of each in a list between braces, whose lines may have comments."""
        items = re.sub(r"//.*", "", listed).replace("\n", " ").split(",")
        names = [_NAME.fullmatch(item.strip()) for item in items if item.strip()]
        if None in names:
            raise BundleError(f"{self.place(path, text, found.start())}: not a list of names: {listed.strip()}")
        return [(name[1], name[2] or "") for name in names]

    def place(self, path, text, at):
        return f"{path}:{text.count(chr(10), 0, at) + 1}"


def style(*names):
    """The text of several style sheets, one after the other, after the table of colours."""
    return "\n".join([_tokens.css(), *((HERE / name).read_text(encoding="utf-8") for name in names)])
