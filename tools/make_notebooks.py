"""The book as notebooks for Jupyter, none of them run.

    python tools/make_notebooks.py [--edition student] [FOLDER]

A notebook in FOLDER that its reader has changed is kept.
"""

import argparse
import os
import sys
from pathlib import Path

from jupyter_book.sphinx import build_sphinx

ROOT = Path(__file__).resolve().parents[1]


def make(source, folder, edition="full"):
    """Write the notebooks; returns 0 when all went well, as a command does."""
    source, build = Path(source).resolve(), Path(source).resolve() / "_build" / "notebooks"
    settings = {
        "nb_execution_mode": "off",
        "book_edition": edition,
        "book_notebooks": str(Path(folder).resolve()),
        "nitpicky": True,
    }
    result = build_sphinx(
        source,
        build / "out",
        path_config=source / "_config.yml",
        noconfig=True,
        confoverrides={**settings, "external_toc_path": str(source / "_toc.yml"), "latex_individualpages": False},
        builder="notebooks",
        warningiserror=True,
        keep_going=True,
        quiet=True,
    )
    return result if isinstance(result, int) else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edition", choices=("full", "student"), default="full")
    parser.add_argument("folder", nargs="?", default="notebooks", metavar="FOLDER")
    options = parser.parse_args()
    os.chdir(ROOT)
    result = make(ROOT, options.folder, options.edition)
    if result == 0:
        print(f"The notebooks are in {options.folder}; start with {Path(options.folder, 'intro.ipynb')}")
    return result


if __name__ == "__main__":
    sys.exit(main())
