"""The JavaScript of the figures keeps to its types and to ESLint's rules."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT = [sys.executable, ROOT / "tools" / "lint_js.py"]
PROGRAMS = ROOT / "tests" / "node_modules" / ".bin"
HAVE = shutil.which("node") and all((PROGRAMS / name).exists() for name in ("tsc", "eslint"))
needs_node = pytest.mark.skipif(not HAVE, reason="needs Node.js and `npm ci --prefix tests --ignore-scripts`")


@needs_node
def test_no_type_and_no_rule_is_broken():
    done = subprocess.run(LINT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_node
@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("/** @param {number} x */\nexport const twice = (x) => 2 * x;\ntwice('a');\n", "TS2345"),
        ("export const one = 1;\nconst unused = one;\n", "no-unused-vars"),
    ],
)
def test_a_broken_type_or_rule_is_seen(broken, says, load_ext, monkeypatch, capfd):
    lint = load_ext("lint_js")
    monkeypatch.setattr(lint, "write_modules", lambda folder: (folder / "broken.js").write_text(broken))
    with pytest.raises(SystemExit, match="1"):
        lint.main()
    assert says in capfd.readouterr().out
