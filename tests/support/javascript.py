"""Files of rnnlib/widgets run in V8, without a browser."""

import json
import re
from contextlib import contextmanager

from py_mini_racer import MiniRacer

from rnnlib.widgets._bundle import HERE, bundle


class Engine:
    """V8 with the exports of one bundle."""

    def __init__(self, v8):
        self.v8 = v8

    def call(self, function, *arguments):
        """The value of the JavaScript `function(exports, ...arguments)`; JSON keeps every bit of a double."""
        given = json.dumps(arguments)
        plain = "(_, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value)"
        text = self.v8.eval(f"JSON.stringify({{ value: ({function})(globalThis.bundled, ...{given}) }}, {plain})")
        return json.loads(text).get("value")


@contextmanager
def bundled(entry, modules=None, folder=HERE):
    """An `Engine` with what the bundle of `entry` exports by name."""
    text = bundle(entry, modules, folder=folder)
    text, found = re.subn(r"^export \{ (.*) \};\s*\Z", lambda names: f"globalThis.bundled = {{ {swapped(names[1])} }};",
                          text, flags=re.M)  # fmt: skip
    assert found == 1, "a bundle ends with the list of its exports"
    v8 = MiniRacer()
    try:
        v8.eval(text)
        yield Engine(v8)
    finally:
        v8.close()  # left to the end of the interpreter, it may wait for itself for ever


def swapped(names):
    """`a, b as c` of an export as `a: a, c: b` of an object."""
    pairs = [name.split(" as ") for name in names.split(", ")]
    return ", ".join(f"{pair[-1]}: {pair[0]}" for pair in pairs)


def entry_of(*files):
    """The text of an entry module, below rnnlib/widgets, that exports all that these files export."""
    lines, names = [], []
    for file in files:
        text = (HERE / file).read_text(encoding="utf-8")
        there = re.findall(r"^export (?:async )?(?:function\*?|class|const) ([\w$]+)", text, re.M)
        lines.append(f'import {{ {", ".join(there)} }} from "./{file}";')
        names += there
    return "\n".join([*lines, f"export {{ {', '.join(names)} }};"])
