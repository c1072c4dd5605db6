"""Patches of other packages, and uses of their private parts. Each checks first that the package is as expected.

If it is not, the build stops with the package's name and version; then this file must be adapted to that version.
"""

import inspect
import json
from functools import cache
from importlib.metadata import version
from pathlib import Path

from sphinx.errors import ExtensionError


def expect(holds, package, what):
    """Stop unless `holds`; `what` says what the package should have."""
    if not holds:
        raise ExtensionError(
            f"bookext expects {what}, and {package} {version(package)} has it otherwise: see bookext/compat.py"
        )


def parameters(function):
    return list(inspect.signature(function).parameters) if callable(function) else []


def run_notebooks_with(run):
    """myst-nb executes each notebook by `run`, called as jupyter-cache's ``single_nb_execution``."""
    from myst_nb.core.execute import direct

    there = parameters(getattr(direct, "single_nb_execution", None))
    what = "myst_nb.core.execute.direct.single_nb_execution(nb, cwd, timeout, allow_errors, …)"
    expect(there[:4] == ["nb", "cwd", "timeout", "allow_errors"] or there == parameters(run), "myst-nb", what)
    direct.single_nb_execution = run


def label_equations_with(label):
    """myst-parser names a numbered equation that has no label by `label(renderer)`, not at random."""
    from myst_parser.mdit_to_docutils.sphinx_ import SphinxRenderer

    there = parameters(getattr(SphinxRenderer, "_random_label", None))
    expect(len(there) == 1, "myst-parser", "SphinxRenderer._random_label(self)")
    SphinxRenderer._random_label = label


def widget_state(env, docname):
    """The models of a page's widgets, by id; myst-nb keeps them as the text of a script."""
    from myst_nb.sphinx_ import NbMetadataCollector

    find = getattr(NbMetadataCollector, "get_js_files", None)
    expect(parameters(find) == ["env", "docname"], "myst-nb", "NbMetadataCollector.get_js_files(env, docname)")
    found = find(env, docname).get("ipywidgets_state")
    if not found:
        return {}
    shaped = len(found) == 2 and isinstance(found[1], dict) and "body" in found[1]
    expect(shaped, "myst-nb", 'a pair (name, {"body": …}) as the script ipywidgets_state')
    return json.loads(found[1]["body"])["state"]


def describe_pages_with(describe):
    """sphinxext-opengraph describes a page by `describe(doctree)`: HTML but for its quotation marks."""
    from sphinxext import opengraph

    there = parameters(getattr(opengraph, "get_description", None))
    names = ["doctree", "description_length", "known_titles"]
    expect(there == names, "sphinxext-opengraph", f"sphinxext.opengraph.get_description({', '.join(names)})")
    opengraph.get_description = lambda doctree, description_length, known_titles=(): describe(doctree)


def silence(app, packages):
    """Disconnect every event handler of these packages, whose extensions are loaded all the same."""
    listeners = getattr(app.events, "listeners", None)
    expect(isinstance(listeners, dict), "Sphinx", "app.events.listeners, a dict")
    every = [listener for some in listeners.values() for listener in some]
    shaped = all(hasattr(listener, "id") and callable(getattr(listener, "handler", None)) for listener in every)
    expect(shaped, "Sphinx", "an id and a handler of every listener in app.events.listeners")
    for listener in every:
        if getattr(listener.handler, "__module__", "").split(".")[0] in packages:
            app.disconnect(listener.id)


def check_search():
    """Sphinx's index of the book is as ``theme/static/search.js`` asks it."""
    import sphinx
    from sphinx import search

    frozen = getattr(search.IndexBuilder, "freeze", None)
    text = inspect.getsource(frozen) if callable(frozen) else ""
    for name in ("docnames", "titles", "terms", "titleterms", "alltitles", "indexentries"):
        expect(f"{name}=" in text, "Sphinx", f"{name} in its index of the search")
    written = getattr(search, "js_index", None)
    expect(getattr(written, "PREFIX", "") == "Search.setIndex(", "Sphinx", "Search.setIndex(…) in searchindex.js")
    folder = Path(sphinx.__file__).parent / "themes" / "basic" / "static"
    text = "".join(path.read_text(encoding="utf-8") for path in folder.glob("language_data.js*"))
    expect("stopwords" in text and "stemmer" in text, "Sphinx", "stopwords and a stemmer in language_data.js")


def find_plugins_once():
    """pybtex looks through all installed packages for its plugins with every citation; here once for each plugin."""
    from pybtex import plugin

    load = getattr(plugin, "_load_entry_point", None)
    if hasattr(load, "cache_info"):  # a build before this one in the same process
        return
    names = ["group", "name", "use_aliases"]
    expect(parameters(load) == names, "pybtex", f"pybtex.plugin._load_entry_point({', '.join(names)})")
    plugin._load_entry_point = cache(load)
