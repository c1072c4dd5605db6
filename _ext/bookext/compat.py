"""All that reaches into other packages further than they promise, and looks first whether they are as expected.

Where one is not, the build stops and names the package and its version: then this file has to learn of the new version.
"""

import inspect
import json
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
    """The widgets' models that the notebook of a page left, by id; myst-nb keeps them as the text of a script."""
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
    """Extensions that are loaded do nothing: none of the packages' functions hears of an event."""
    listeners = getattr(app.events, "listeners", None)
    expect(isinstance(listeners, dict), "Sphinx", "app.events.listeners, a dict")
    every = [listener for some in listeners.values() for listener in some]
    shaped = all(hasattr(listener, "id") and callable(getattr(listener, "handler", None)) for listener in every)
    expect(shaped, "Sphinx", "an id and a handler of every listener in app.events.listeners")
    for listener in every:
        if getattr(listener.handler, "__module__", "").split(".")[0] in packages:
            app.disconnect(listener.id)


def check_search():
    """Sphinx's search has what ``theme/static/search.js`` puts something in front of."""
    import sphinx

    path = Path(sphinx.__file__).parent / "themes" / "basic" / "static" / "searchtools.js"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for name in ("htmlToText", "setIndex", "query"):
        expect(f"\n  {name}: (" in text, "Sphinx", f"Search.{name}() in searchtools.js")
    expect('"sphinx_highlight_terms"' in text, "Sphinx", "what was asked for in localStorage.sphinx_highlight_terms")


def find_plain_citations_once():
    """pybtex looks through all packages for its plain backend with every citation; here it does so once."""
    from pybtex.plugin import find_plugin, register_plugin

    backend = find_plugin("pybtex.backends", "plaintext")
    register_plugin("pybtex.backends", "plaintext", backend, force=True)
    found = find_plugin("pybtex.backends", "plaintext")
    expect(found is backend, "pybtex", "find_plugin() that gives what register_plugin() was given")
