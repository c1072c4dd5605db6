"""CONTRIBUTING's recipe for a figure, followed to the letter in a copy of the repository, leaves the tests green."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from books import ROOT

FENCE = re.compile(r"^(?P<fence>`{3,})[^\n`]*\n(?P<body>.*?)^(?P=fence)\n", re.M | re.S)


def steps(section):
    """(words, block of code) of a section of CONTRIBUTING; the last words have no block."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    text = re.search(rf"^## {section}\n(.*?)^## ", text, re.M | re.S)[1]
    end = 0
    for block in FENCE.finditer(text):
        yield text[end : block.start()], block["body"]
        end = block.end()
    yield text[end:], None


def write(copy, words, code):
    """Put a block of code where the words before it say."""
    paragraph = words.strip().rpartition("\n\n")[2]
    path = copy / re.search(r"`((?:rnnlib|tests)/[\w./]+\.(?:py|js|css|json|md))`", paragraph)[1]
    if path.name == "words.json":
        top = '"en": {\n'
        before, after = path.read_text(encoding="utf-8").split(top)
        first, rest = after.split("\n", 1)
        code = f"{before}{top}{first}\n{code}{rest}"
    elif path.suffix == ".md":
        header = re.match(r"---\n.*?^---\n", path.with_name("plain.md").read_text(encoding="utf-8"), re.M | re.S)
        code = f"{header[0]}\n{code}"
    path.parent.mkdir(exist_ok=True)
    path.write_text(code, encoding="utf-8")


def name_it(copy):
    """The new class into both lists of the figures, and its page into the specimen's table of contents."""
    path = copy / "rnnlib" / "widgets" / "__init__.py"
    text = path.read_text(encoding="utf-8").replace("from .river", "from .loss_bars import LossBars\nfrom .river")
    path.write_text(text.replace('"River"', '"LossBars", "River"'), encoding="utf-8")
    with (copy / "tests" / "specimen" / "_toc.yml").open("a", encoding="utf-8") as toc:
        toc.write("  - file: pages/loss_bars\n")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The repository with the recipe's figure in it, and a way to run a program of the environment there."""
    folder = tmp_path_factory.mktemp("copy")
    files = ["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(files, capture_output=True, text=True, check=True).stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    commands = []
    for words, code in steps("Add one figure"):
        if code:
            write(folder, words, code)
        commands += re.findall(r"`\.venv/bin/(\w+ [^`]+)`", words)
    name_it(folder)
    return folder, commands


def run(folder, program, *rest):
    """What a program of this environment says in the copy, with its rnnlib; a failure shows the end of it."""
    found = sys.executable if program == "python" else Path(sys.executable).with_name(program)
    # Without pytest's own variables: given a worker's number, the copy's tests would reuse the small book of an
    # earlier run.
    where = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    where["PYTHONPATH"] = str(folder)
    told = subprocess.run([found, *rest], cwd=folder, env=where, capture_output=True, text=True, check=False)
    assert told.returncode == 0, "\n".join([program, *(told.stdout + told.stderr).splitlines()[-40:]])
    return told.stdout


# What asks something of every figure, word and module, without a build of the whole book. `-k` takes the recipe's own
# test too: the small book is built once.
SITE = ("tests/site/test_security.py", "tests/site/test_firefox.py", "tests/site/test_postprocess.py")
ASKING = ("-v", "tests/widgets/test_stepper.py", *SITE, "-k")
ASKED = "LossBars or the_bars or every_word or every_figure"


def test_the_recipe_for_a_figure_leaves_the_tests_green(copy):
    folder, commands = copy
    assert commands == ["ruff format .", "python -m pytest tests/figures/test_loss_bars_page.py"]
    run(folder, *commands[0].split())
    run(folder, "ruff", "check", ".")
    run(folder, "ruff", "format", "--check", ".")
    told = run(folder, *commands[1].split(), *ASKING, ASKED)
    for test in ("hostile_page", "becomes_markup", "control_changes", "every_word", "minified_figure"):
        assert test in told
