"""Lean pages: the theme's looks without its scripts, icon fonts, unused styles and other people's hosts.

- The page's frame and its small scripts are ours (``templates/``, ``static/``), so that they are the same with each
  version of the theme; of the scripts that extensions add, only those that the page uses stay.
- All style sheets become one, ``book.css``, which keeps only rules whose classes occur in the book.
"""

import re
import shutil
from pathlib import Path

from docutils import nodes
from rcssmin import cssmin
from rjsmin import jsmin

from ..postprocess.purge import drop_variables, trim, words_of

HERE = Path(__file__).parent
# Scripts that other extensions put on every page. Ours do their work, or the page does not need it.
UNUSED_SCRIPTS = re.compile(
    r"(documentation_options|doctools|sphinx_highlight|sphinx-thebe|togglebutton|clipboard\.min|copybutton|"
    r"sphinx-book-theme|scripts/bootstrap|pydata-sphinx-theme|fontawesome|translations)\.js"
)
# Extensions of jupyter-book whose work is done by assets/page.js, by <details>, or not at all: they stay silent.
SILENCED = ("sphinx_thebe", "sphinx_togglebutton", "sphinx_copybutton")
TABS_SCRIPT = "design-tabs.js"
# Names, punctuation and spaces have the colour of plain code: a page is a tenth lighter without their elements.
PLAIN_CODE = re.compile(r'<span class="(?:n|nn|p|w)">([^<]*)</span>')
# Style sheets of the theme that its templates link by themselves; Bootstrap's is a file of its own in older versions.
THEME_STYLES = ("basic.css", "styles/bootstrap.css", "styles/pydata-sphinx-theme.css")
# Classes that scripts set, or that the page's own JSON does: they occur in no HTML.
LIVE_CLASSES = {
    "active", "scrolled", "show", "copied", "has-script", "copy-button", "pst-sidebar-hidden", "search", "context",
    "symbol-tip", "being-copied",
    "highlighted", "search-summary", "kind-title", "kind-text", "kind-index", "kind-object", "search-results",
}  # fmt: skip


def configure(app, config):
    """What belongs to this way of building, so that _config.yml only says what belongs to the book."""
    for listeners in app.events.listeners.values():
        for listener in list(listeners):
            if listener.handler.__module__.split(".")[0] in SILENCED:
                app.disconnect(listener.id)
    config.nb_ipywidgets_js = {}  # neither require.js nor html-manager: figures/static/host.js runs the widgets
    config.html_static_path += [str(folder) for folder in sorted(HERE.parent.glob("*/static"))]
    config.templates_path.insert(0, str(HERE / "templates"))
    config.html_copy_source = False
    config.html_show_sourcelink = False
    config.html_permalinks_icon = "#"
    config.html_context["default_mode"] = "auto"


def lighten(app, pagename, templatename, context, doctree):
    """Copies of Sphinx's lists, never the lists themselves: it shares them between pages."""
    body = context.get("body", "")
    styles = app.book_styles
    for sheet in context.get("css_files", []):
        name = str(getattr(sheet, "filename", sheet)).split("?")[0]
        if name.startswith("_static/"):
            styles.setdefault(name.removeprefix("_static/"))
    context["css_files"] = []
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if (name := str(script.filename or ""))  # inline scripts would need script-src 'unsafe-inline'
        and not UNUSED_SCRIPTS.search(name)
        and not (name.endswith(TABS_SCRIPT) and "sd-tab-set" not in body)
    ]
    # Sphinx's layout has the same line
    context["metatags"] = re.sub(r'\s*<meta name="viewport"[^>]*>', "", context.get("metatags", ""))
    context["body"] = PLAIN_CODE.sub(r"\1", body)
    context["page_has_math"] = "<math" in body
    named = context.get("title") or ("Index" if pagename == "genindex" else "")  # Sphinx gives its index no title
    context["page_description"] = summary(doctree) if doctree else f"{named}: {app.config.html_title}".lstrip(": ")


def summary(doctree, limit=160):
    """The page's first sentences of prose, else its title, for search engines; the theme would take code and all."""
    prose = (p for p in doctree.findall(nodes.paragraph) if isinstance(p.parent, nodes.section))
    words = " ".join(p.astext() for p in prose if not next(p.findall(nodes.math), None))
    words = " ".join(words.split()) or "".join(title.astext() for title in list(doctree.findall(nodes.title))[:1])
    return words if len(words) <= limit else words[:limit].rpartition(" ")[0] + " …"


def finish(app, exception):
    """Write the one style sheet, drop what no page asks for."""
    if exception or app.builder.format != "html" or not app.book_styles:  # nothing was written
        return
    out = Path(app.outdir)
    pages = {path: path.read_text(encoding="utf-8") for path in out.rglob("*.html")}
    used = set().union(LIVE_CLASSES, *(words_of(html) for html in pages.values()))
    static = out / "_static"
    names = [*THEME_STYLES, *(n for n in app.book_styles if n not in THEME_STYLES)]
    sheets = [(static / n).read_text(encoding="utf-8") for n in names if (static / n).exists()]
    for path in [*static.glob("*.js"), *static.glob("widgets/*.js")]:
        path.write_text(jsmin(path.read_text(encoding="utf-8")), encoding="utf-8")
    for path in static.glob("widgets/*.css"):
        path.write_text(cssmin(path.read_text(encoding="utf-8")), encoding="utf-8")
    beside = [path.read_text(encoding="utf-8") for path in [*static.rglob("*.js"), *static.glob("widgets/*.css")]]
    css, own = "\n".join(sheets), (HERE / "book.css").read_text(encoding="utf-8")
    if app.config.book_trim:
        css = drop_variables(cssmin(trim(css, used) + own), " ".join([*beside, *pages.values()]))
    else:
        css += own
    (static / "book.css").write_text(css, encoding="utf-8")
    if app.config.root_doc != "index":  # the book opens at once, not through a redirecting page
        shutil.copyfile(out / f"{app.config.root_doc}.html", out / "index.html")
    for unused in ("scripts", "vendor", "styles", "locales", "images"):
        shutil.rmtree(static / unused, ignore_errors=True)
    for path in [*static.glob("*.map"), *static.glob("*webpack-macros.html"), *(static / n for n in names)]:
        path.unlink(missing_ok=True)


def setup(app):
    app.book_styles = {}  # a dict for its order
    app.add_config_value("book_trim", True, "html", bool)  # False: all of the theme's rules, to compare with
    app.connect("config-inited", configure, priority=100)
    app.connect("html-page-context", lighten, priority=900)
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
