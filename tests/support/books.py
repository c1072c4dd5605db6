"""The book and the small book of the tests: where their sources are, and how they are built."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


def build(source, target, cache=None):
    """Build a book from nothing, as CI does; fails with the end of the log. `cache` keeps the outputs of its cells."""
    command = [
        *(sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(source)),
        *("--path-output", str(target), "-W", "-n", "--keep-going"),
    ]
    environment = os.environ | ({"BOOK_CACHE": str(cache)} if cache else {})
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        pytest.fail("\n".join((run.stdout + run.stderr).splitlines()[-60:]), pytrace=False)


def specimen_source(source, **settings):
    shutil.copytree(ROOT / "tests" / "specimen", source, dirs_exist_ok=True)
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    config.pop("bibtex_bibfiles", None)
    config["sphinx"]["config"].pop("bibtex_reference_style", None)
    config["title"] = "Specimen"
    # of pages/broken.md
    config["sphinx"]["config"]["suppress_warnings"] = ["widget_host.first_state", "widget_host.control"]
    config["sphinx"]["config"] |= settings
    config["sphinx"]["local_extensions"] = dict.fromkeys(config["sphinx"]["local_extensions"], str(ROOT / "_ext"))
    (source / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return source
