"""From several JavaScript files to the one module text that anywidget wants.

anywidget loads a module from its text alone, so a relative import inside it has nowhere to point. `join` follows such
imports and puts the files into one scope, each once, the imported before the importing.
"""

import json
import re
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


@cache
def words():
    """The words that widgets show: language -> key -> text, with {names} to be filled in."""
    return json.loads((HERE / "words.json").read_text(encoding="utf-8"))


@cache
def join(name, constants=""):
    """The text of the module `name` with all it imports, directly or not, and `constants` in one scope.

    An import is written `import { a, b } from "./file.js";`, without renaming. `words.json` becomes the constant WORDS,
    of the keys that stand in this text as strings. The exports of the file asked for are kept, those of the imported
    ones are not.
    """
    order = []

    def visit(file):
        text = (HERE / file).read_text(encoding="utf-8")
        for imported in _IMPORT.findall(text):
            if imported not in order:
                visit(imported)
        order.append(file)

    visit(name)
    parts = [_IMPORT.sub("", (HERE / file).read_text(encoding="utf-8")) for file in order]
    parts = [_EXPORT.sub("", part) for part in parts[:-1]] + parts[-1:]
    text = "\n".join([constants, *parts])
    strings = set(re.findall(r'"(\w+)"', text))
    said = {language: {key: table[key] for key in table if key in strings} for language, table in words().items()}
    return f"const WORDS = {json.dumps(said, ensure_ascii=False)};\n{text}"


def style(*names):
    """The text of several style sheets, one after the other."""
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)
