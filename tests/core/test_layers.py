"""Imports run one way: from what stands on top to what it is built on."""

import ast
import sys

import pytest
from books import ROOT

HELPERS = {"_cell", "_check", "_repr", "_extras", "_flat", "_files", "_watching"}
CORE = HELPERS | {"text", "loss", "rnn", "bptt"}
CELLS = {"lstm", "gru"}  # built on the core, beside the vanilla network
TRAINING = CELLS | {"optim", "workspace", "gated_workspace"}
BELOW_FIGURES = CORE | TRAINING | {"starts", "flow", "gradcheck", "mistakes", "train", "checkpoint", "sweep", "tasks"}

# part of rnnlib -> the parts that it may import, beside itself
MAY_IMPORT = {
    **{part: HELPERS for part in HELPERS | {"text", "loss", "tasks"}},
    "rnn": CORE - {"bptt"},
    "bptt": CORE,
    "__init__": CORE | {"gradcheck", "padding"},
    **{part: CORE for part in (*CELLS, "starts", "flow", "optim", "workspace", "gradcheck", "mistakes", "padding")},
    "gated_workspace": CORE | CELLS | {"workspace"},
    "train": CORE | TRAINING,
    **{part: CORE | TRAINING | {"train"} for part in ("checkpoint", "sweep")},
    "formulations": BELOW_FIGURES,
    "plots": BELOW_FIGURES | {"formulations", "_tokens"},
    "widgets": BELOW_FIGURES | {"formulations", "plots", "_tokens"},
}
# what a part needs beside NumPy and the standard library
PACKAGES = {
    "train": {"tqdm"},
    "sweep": {"joblib", "distributed"},
    "plots": {"matplotlib", "cycler", "PIL", "IPython"},  # two come with matplotlib, the last where a notebook runs
    "widgets": {"anywidget", "IPython", "ipywidgets", "PIL", "traitlets"},
}


def imports(path, package):
    """(line, dotted name) of all that a file of the `package` imports; what only a type checker reads is none."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: 1 - node.level or None] if node.level else []
            base += node.module.split(".") if node.module else []
            yield from ((node.lineno, ".".join([*base, alias.name])) for alias in node.names)


def wrong_arrows(folder):
    """file:line -> import, of each import of an rnnlib in a folder that runs the wrong way."""
    for path in sorted((folder / "rnnlib").rglob("*.py")):
        file = path.relative_to(folder)
        part = file.parts[1] if len(file.parts) > 2 else file.stem
        for line, name in imports(path, ".".join(file.parts[:-1])):
            top, *rest = name.split(".")
            if top == "rnnlib":
                allowed = rest and (rest[0] == part or rest[0] in MAY_IMPORT[part])
                if part == "widgets" and rest[0] == "plots":
                    allowed = not any(name.startswith("_") for name in rest)  # the public face only
            else:
                allowed = top in sys.stdlib_module_names | {"numpy"} | PACKAGES.get(part, set())
            if not allowed:
                yield f"{file.as_posix()}:{line}: {part} imports {name}"


def private_imports(folder):
    """The imports of what rnnlib keeps to itself by the book's extension."""
    for path in sorted((folder / "_ext" / "bookext").rglob("*.py")):
        file = path.relative_to(folder)
        for line, name in imports(path, ".".join(file.parts[1:-1])):
            if name.startswith("rnnlib.") and "._" in name:
                yield f"{file.as_posix()}:{line}: imports {name}"


def test_every_part_imports_only_what_it_is_built_on():
    assert list(wrong_arrows(ROOT)) == []


def test_the_book_s_extension_imports_only_public_names():
    assert list(private_imports(ROOT)) == []


@pytest.mark.parametrize(
    "file, code, name",
    [
        ("rnnlib/loss.py", "from .rnn import forward", "rnnlib.rnn.forward"),
        ("rnnlib/_check.py", "from . import text", "rnnlib.text"),
        ("rnnlib/rnn.py", "def f():\n    import rnnlib.optim", "rnnlib.optim"),
        ("rnnlib/rnn.py", "import scipy.special", "scipy.special"),
        ("rnnlib/gradcheck/__init__.py", "from ..train import train", "rnnlib.train.train"),
        ("rnnlib/gradcheck/_numeric.py", "from .. import plots", "rnnlib.plots"),
        ("rnnlib/formulations/cells.py", "from ..plots import label", "rnnlib.plots.label"),
        ("rnnlib/plots/_style.py", "from ..widgets import words", "rnnlib.widgets.words"),
        ("rnnlib/widgets/rosetta/__init__.py", "from ...plots._style import ink", "rnnlib.plots._style.ink"),
    ],
)
def test_an_arrow_the_wrong_way_is_named_with_its_line(tmp_path, file, code, name):
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(f"{code}\n", encoding="utf-8")
    [told] = wrong_arrows(tmp_path)
    assert told.startswith(f"{file}:{code.count(chr(10)) + 1}: ") and told.endswith(f" imports {name}")


@pytest.mark.parametrize("code", ["from rnnlib._check import number", "from rnnlib.widgets import _bundle"])
def test_a_private_name_in_the_extension_is_named_with_its_line(tmp_path, code):
    path = tmp_path / "_ext" / "bookext" / "words.py"
    path.parent.mkdir(parents=True)
    path.write_text(f"import rnnlib\n{code}\n", encoding="utf-8")
    [told] = private_imports(tmp_path)
    assert told.startswith("_ext/bookext/words.py:2: imports rnnlib.")
