"""The frame of a page: the theme's looks without its scripts, its icon fonts and other hosts.

- The page's frame and its small scripts are ours (``templates/``, ``static/``), so that they are the same with each
  version of the theme; of the scripts that extensions add, only those that the page uses stay.
- All style sheets become one when the pages are written (``postprocess/assets.py``).
"""

import json
import re
from pathlib import Path

from docutils import nodes

from .. import compat
from ..words import tag, words_in

HERE = Path(__file__).parent
# Chinese characters in text, between tags; what is no text is left as it is.
HAN = re.compile("[\u2e80-\u2fdf\u3005-\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]+")
NO_TEXT = re.compile(r"<(?:(script|style|math|template)\b|!--)?")  # where something begins that is none
# myst-nb's name of what folds, in words that nobody sees: its summary says more
FOLD_NAME = re.compile(r'(<summary) aria-label="Toggle hidden content"')
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
    config.html_theme_options["home_page_in_toc"] = False  # the book's mark, above, leads there
    config.html_permalinks_icon = "#"
    config.html_context["default_mode"] = "auto"


def give_words(app, pagename, templatename, context, doctree):
    """The words of the frame: `said` for its templates, `words_for(start)` as JSON for its scripts."""
    context["said"] = said = words_in(app.config.language)
    context["words_for"] = lambda start: dumps({key: word for key, word in said.items() if key.startswith(start)})
    context["language_tag"] = tag(app.config.language)


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
    context["metatags"] = re.sub(r'<meta name="viewport"[^<>]*>\s*', "", context.get("metatags", ""))
    context["body"] = FOLD_NAME.sub(r"\1", PLAIN_CODE.sub(r"\1", body))
    context["page_has_math"] = "<math" in body
    index = context["said"]["index"] if pagename == "genindex" else ""  # Sphinx gives its index no title
    named = context.get("title") or index
    context["page_description"] = summary(doctree) if doctree else f"{named}: {app.config.html_title}".lstrip(": ")


def mark_han(app, pagename, templatename, context, doctree):
    """Mark Chinese characters as Chinese: a browser picks their font by it, and a screen reader its voice."""
    if context["language_tag"].partition("-")[0] not in ("zh", "ja", "ko") and HAN.search(context.get("body", "")):
        html, pieces, at = context["body"], [], 0
        while found := NO_TEXT.search(html, at):
            closing = f"</{found[1]}>" if found[1] else "-->" if found[0] == "<!--" else ">"
            end = html.find(closing, found.end())
            end = len(html) if end < 0 else end + len(closing)
            pieces += [HAN.sub(r'<span lang="zh">\g<0></span>', html[at : found.start()]), html[found.start() : end]]
            at = end
        context["body"] = "".join([*pieces, HAN.sub(r'<span lang="zh">\g<0></span>', html[at:])])


def dumps(words):
    return json.dumps(words, ensure_ascii=False, separators=(",", ":"))


def summary(doctree, limit=160):
    """The page's first sentences of prose, else its title, for search engines; the theme would take code and all."""
    prose = (p for p in doctree.findall(nodes.paragraph) if isinstance(p.parent, nodes.section))
    words = " ".join(p.astext() for p in prose if not next(p.findall(nodes.math), None))
    words = " ".join(words.split()) or "".join(title.astext() for title in list(doctree.findall(nodes.title))[:1])
    return words if len(words) <= limit else words[:limit].rpartition(" ")[0] + " …"


def setup(app):
    app.linked_sheets = {}  # the addresses of all pages' style sheets; a dict for its order
    app.connect("config-inited", configure, priority=100)
    app.connect("html-page-context", give_words, priority=100)  # before the theme writes its parts
    app.connect("html-page-context", mark_han, priority=200)  # before figures are put in, whose fields hold plain text
    app.connect("html-page-context", lighten, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
