"""The notices of other people's work in the built book, in one text that every page leads to.

Licences ask that their notices go with each copy. Minified scripts, and a style sheet made of many, have no room for
them. So they are collected here, from the installed packages and from the files before they are minified.
"""

import re
from importlib.metadata import distribution
from pathlib import Path

from sphinx.errors import ExtensionError
from sphinx.util import logging

from ..spans import spans
from . import assets

HERE = Path(__file__).resolve().parents[1]
FILE = "notices.txt"
# Package -> what of it is in the built book. The build warns of a file that comes from none of them.
PARTS = {
    "sphinx-book-theme": "style sheet",
    "pydata-sphinx-theme": "style sheet, with Bootstrap's",
    "Sphinx": "style sheet, scripts of the search",
    "Pygments": "style sheet of code",
    "myst-nb": "style sheet of cells",
    "sphinx-design": "style sheet, script of tabs",
    "sphinx-togglebutton": "style sheet",
    "sphinx-copybutton": "style sheet",
    "sphinx-thebe": "style sheet",
}
FONT = "_static/LATIN-MODERN-MATH.txt"
LICENCE = re.compile(r"licen[cs]e|copying|notice", re.I)
NOTICE = re.compile(r"copyright|licen[cs]e", re.I)
COMMENT = re.compile(r"/\*")
RULE = "=" * 80

logger = logging.getLogger(__name__)


def licences(package):
    """The texts of the licences that come with an installed package."""
    files = distribution(package).files or ()
    found = [file for file in files if ".dist-info" in file.parts[0] and LICENCE.search(file.name)]
    if not found:
        raise ExtensionError(f"{package}: expected a licence among its files, for {FILE}; found none")
    return [file.read_text(encoding="utf-8").strip() for file in sorted(found)]


def in_files(site, names):
    """The comments in files that tell of a copyright or a licence, each once."""
    comments = {}
    for name in names:
        text = site.text(name)
        for start, end in spans(text, COMMENT, "*/"):
            if NOTICE.search(text[start:end]):
                comments.setdefault(text[start:end], name)
    return list(comments)


def strangers(app, names):
    """The names of files that come neither from the book, nor from a package whose notices are there."""

    def stem(name):
        return name.rpartition("/")[2].partition(".")[0]  # also of mystnb.0123.css and basic.css_t

    folders = [Path(app.srcdir, folder) for folder in app.config.html_static_path]
    own = [folder for folder in folders if folder.is_relative_to(HERE) or folder == Path(app.srcdir, "_static")]
    known = {stem(path.name) for folder in own for path in folder.rglob("*")}
    known |= {stem(file.name) for package in PARTS for file in distribution(package).files or ()}
    return [name for name in names if stem(name) not in known | {"pygments"}]  # which Pygments writes


def mit_terms():
    """The terms of the MIT licence, which Bootstrap's notice names and does not repeat."""
    text = licences("sphinx-design")[0]
    return text[text.index("Permission is hereby granted") :]


def add_file(site, app):
    """Write ``notices.txt``, before style sheets and scripts lose their comments."""
    if not app.linked_sheets:  # no page was written
        return
    sheets = [name for name in (f"_static/{sheet}" for sheet in assets.style_names(app)) if name in site]
    names = sheets + site.find("_static/*.js")
    for name in strangers(app, names):
        told = "%s: expected the book's own, or of a package in PARTS of notices.py, whose notices go along"
        logger.warning(told, name, type="notices", subtype="unknown")
    pieces = ["Parts of this book are the work of others. These are their notices."]
    for package, part in PARTS.items():
        pieces += [RULE, f"{package}: {part}", *licences(package)]
    pieces += [RULE, "Notices in the files themselves", *in_files(site, names)]
    pieces += ["Where such a notice names the MIT licence, its terms are:", mit_terms()]
    if FONT in site:
        pieces += [RULE, site.text(FONT).strip()]
    # the mark at its beginning: hosts do not say how a .txt is encoded
    site.write(FILE, "\ufeff" + "\n\n".join(pieces) + "\n")
