"""Minify scripts, merge the style sheets into one, and delete files that no page loads."""

from pathlib import Path

from rnnlib.widgets import colours

from .. import minify, theme
from . import purge

# Style sheets of the theme that its templates link by themselves; Bootstrap's is a file of its own in older versions.
THEME_STYLES = ("basic.css", "styles/bootstrap.css", "styles/pydata-sphinx-theme.css")
BOOK_STYLE = Path(theme.__file__).with_name("book.css")
# Classes that scripts set, or that the page's own JSON does: they occur in no HTML.
LIVE_CLASSES = {
    "active", "scrolled", "show", "copied", "has-script", "copy-button", "pst-sidebar-hidden", "search", "context",
    "symbol-tip", "being-copied",
    "highlighted", "search-summary", "kind-title", "kind-text", "kind-index", "kind-object", "search-results",
}  # fmt: skip
UNUSED = ("scripts/**", "vendor/**", "styles/**", "locales/**", "images/**", "*.map", "*webpack-macros.html")


def minify_scripts(site, app):
    for name in site.find("_static/*.js"):
        site.write(name, minify.script(site.text(name)))


def style_names(app):
    """Addresses below ``_static`` of all style sheets that a page of the theme would link, in their order."""
    return [*THEME_STYLES, *(name for name in app.linked_sheets if name not in THEME_STYLES)]


def build_style_sheet(site, app):
    """Write ``book.css``: of the theme's rules those that a page can match, and then the book's own."""
    if not app.linked_sheets:  # no page was written
        return
    sheets = [site.text(f"_static/{name}") for name in style_names(app) if f"_static/{name}" in site]
    css, own = "\n".join(sheets), colours("html", "") + BOOK_STYLE.read_text(encoding="utf-8")
    if app.config.book_purge:
        pages = site.pages().values()
        used = LIVE_CLASSES.union(*map(purge.words_of, pages))
        beside = [site.text(name) for kind in ("**/*.js", "widgets/*.css") for name in site.find(f"_static/{kind}")]
        css = purge.drop_variables(purge.purge(css, used) + own, " ".join([*beside, *pages]))
        css = minify.style(css)
    else:
        css += own
    site.write("_static/book.css", css)


def copy_front_page(site, app):
    """The book opens at once, not through a redirecting page."""
    if app.linked_sheets and app.config.root_doc != "index":
        site.write("index.html", site.text(f"{app.config.root_doc}.html"))


def drop_unused(site, app):
    if not app.linked_sheets:  # no page was written
        return
    for pattern in [*UNUSED, *style_names(app)]:
        for name in site.find(f"_static/{pattern}"):
            site.remove(name)
