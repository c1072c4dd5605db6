"""Smaller scripts, style sheets and SVG that do the same, by tdewolff-minify.

It parses what it is given: a text that is no JavaScript is refused, not mangled. There are no wheels of it for Macs
with Apple's processors; a book that is built there without it is the same, only not minified, and the build says so.
"""

from functools import cache

from sphinx.util import logging

try:
    import minify as tdewolff
except ImportError:
    tdewolff = None

logger = logging.getLogger(__name__)


class CannotMinify(ValueError):
    """The minifier cannot parse a text; the message says where."""


def script(text):
    """A script or module, minified: names of a module's own scope and its exports stay.

    Raises:
        CannotMinify: where the text is no JavaScript, or holds a NUL, at which the minifier would cut it off.
    """
    return _minified("application/javascript", text)


def style(text):
    """A style sheet, minified.

    Raises:
        CannotMinify: where the text holds a NUL, at which the minifier would cut it off.
    """
    return _minified("text/css", text)


def svg(text):
    """A picture as SVG, minified.

    Raises:
        CannotMinify: where the text holds a NUL, at which the minifier would cut it off.
    """
    return _minified("image/svg+xml", text)


@cache  # the same modules stand on many pages
def _minified(kind, text):
    if "\0" in text:
        raise CannotMinify(f"{kind}: a NUL character at position {text.index(chr(0))}")
    if tdewolff is None or not text.strip():
        return text
    try:
        return tdewolff.string(kind, text)
    except ValueError as problem:
        raise CannotMinify(f"{kind}: {problem}") from None


def tell(app):
    if tdewolff is None:
        logger.info("bookext: without the package tdewolff-minify scripts, style sheets and SVG are not minified")


def setup(app):
    app.connect("builder-inited", tell)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
