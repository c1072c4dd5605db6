"""How long the book takes to build: from nothing, and as `make book` does it after each kind of change.

    python benchmarks/build.py [--page chapters/bptt]

Builds a copy of the repository, changes one thing at a time in it, and prints the seconds until the changed page is
served: on the clock, and of the processors, which other work on the machine lengthens less.
"""

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tools"))
from serve import serve  # noqa: E402

BOOK = "from jupyter_book.cli.main import main; main()"
BUILD = [sys.executable, "-c", BOOK, "build", "-W", "-n", "--keep-going", "."]
SENTENCE = "A sentence of the benchmark."


def copy_of(root, folder):
    files = subprocess.run(["git", "-C", root, "ls-files", "-z"], capture_output=True, text=True, check=True).stdout
    for name in filter(None, files.split("\0")):
        if (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, folder / name)


def build(folder, page, *, cache):
    """Seconds on the clock and of the processor until the page is served, as `make html` and `make book` build it."""
    environment = os.environ | {"PYTHONPATH": str(folder), "OPENBLAS_NUM_THREADS": "1"}
    environment.pop("BOOK_CACHE", None)
    if cache:
        environment["BOOK_CACHE"] = "_build/.cells"
    began, used = time.perf_counter(), processor()
    for made in ("html", ".doctrees", "jupyter_execute"):
        shutil.rmtree(folder / "_build" / made, ignore_errors=True)
    run = subprocess.run(BUILD, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        sys.exit("\n".join((run.stdout + run.stderr).splitlines()[-30:]))
    with serve(folder / "_build" / "html") as address, urlopen(f"{address}/{page}.html") as answer:
        html = answer.read().decode()
    return time.perf_counter() - began, processor() - used, html


def processor():
    """Of this process and all that it has waited for."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def sentence(path):
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"(?m)^# .*$", rf"\g<0>\n\n{SENTENCE}", text, count=1), encoding="utf-8")


def cell(path):
    """A comment in the page's last cell; all of its cells run again."""
    before, last = path.read_text(encoding="utf-8").rsplit("\n```{code-cell}", 1)
    last = last.replace("\n```", "\n# changed\n```", 1)
    path.write_text(f"{before}\n```{{code-cell}}{last}", encoding="utf-8")


def library(path):
    path.write_text(path.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", default="chapters/bptt", help="whose sentence and cell change")
    page = parser.parse_args().page
    if not (ROOT / f"{page}.md").is_file():
        parser.error(f"--page: expected a page such as chapters/bptt, got {page!r}")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        copy_of(ROOT, folder)
        source = folder / f"{page}.md"

        def tell(name, cache=True):
            wall, cpu, html = build(folder, page, cache=cache)
            print(f"{name:32} {wall:6.1f} s, processors {cpu:6.1f} s", flush=True)
            return html

        tell("from nothing, as make html does", cache=False)
        tell("the first make book")
        tell("again, nothing changed")
        sentence(source)
        if SENTENCE not in tell("one changed sentence"):
            sys.exit(f"the page of {page} has no sentence {SENTENCE!r}")
        cell(source)
        tell("one changed cell")
        library(folder / "rnnlib" / "rnn.py")
        tell("a change in rnnlib")


if __name__ == "__main__":
    main()
