"""Look for mistakes in the JavaScript of the figures: types from its comments (tsc), and ESLint's rules.

    python tools/lint_js.py

Both are installed by `npm ci --prefix tests --ignore-scripts`. The modules that have no file, such as the limits and
defaults that come from Python, are written beside the others in a temporary folder, where both look.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import rnnlib.widgets
from rnnlib.widgets import _bundle

TESTS = Path(__file__).resolve().parents[1] / "tests"


def write_modules(folder):
    """Write all modules of the figures into the folder, those without a file, too."""
    for file in _bundle.HERE.rglob("*.js"):
        target = folder / file.relative_to(_bundle.HERE)
        target.parent.mkdir(exist_ok=True)
        shutil.copy(file, target)
    words = {"words.js": _bundle.constants(WORDS=rnnlib.widgets.words())}
    for path, text in (_bundle.GIVEN | words).items():
        (folder / path).write_text(text, encoding="utf-8")


def main():
    programs = TESTS / "node_modules" / ".bin"
    if not (programs / "tsc").exists() or not (programs / "eslint").exists():
        sys.exit("Missing: tsc and eslint; install them with `npm ci --prefix tests --ignore-scripts`")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_modules(folder)
        shutil.copy(TESTS / "tsconfig.json", folder)
        commands = [
            [programs / "tsc", "--project", folder],
            [programs / "eslint", "--config", TESTS / "eslint.config.mjs", "--max-warnings", "0", "."],
        ]
        failed = [subprocess.run(command, cwd=folder, check=False).returncode for command in commands]
    sys.exit(int(any(failed)))


if __name__ == "__main__":
    main()
