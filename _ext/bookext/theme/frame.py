"""The frame of a page: the theme's looks without its scripts, its icon fonts and other hosts.

- The page's frame and its small scripts are ours (``templates/``, ``static/``), so that they are the same with each
  version of the theme; of the scripts that extensions add, only those that the page uses stay.
- All style sheets become one when the pages are written (``postprocess/assets.py``).
"""

import re
from pathlib import Path

from docutils import nodes

from .. import compat

HERE = Path(__file__).parent
# Scripts that other extensions put on every page. Ours do their work, or the page does not need it.
UNUSED_SCRIPTS = re.compile(
    r"(documentation_options|doctools|sphinx_highlight|sphinx-thebe|togglebutton|clipboard\.min|copybutton|"
    r"sphinx-book-theme|scripts/bootstrap|pydata-sphinx-theme|fontawesome|translations)\.js"
)
# Extensions of jupyter-book whose work is done by static/page.js, by <details>, or not at all: they stay silent.
SILENCED = ("sphinx_thebe", "sphinx_togglebutton", "sphinx_copybutton")
TABS_SCRIPT = "design-tabs.js"
# Names, punctuation and spaces have the colour of plain code: a page is a tenth lighter without their elements.
PLAIN_CODE = re.compile(r'<span class="(?:n|nn|p|w)">([^<]*)</span>')


def configure(app, config):
    """What belongs to this way of building, so that _config.yml only says what belongs to the book."""
    compat.silence(app, SILENCED)
    compat.check_search()
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
    styles = app.linked_sheets
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


def setup(app):
    app.linked_sheets = {}  # the addresses of all pages' style sheets; a dict for its order
    app.connect("config-inited", configure, priority=100)
    app.connect("html-page-context", lighten, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
