"""Run the cells of a page reproducibly, and keep their outputs between builds.

Jupyter and myst-nb give random names to cells, models of widgets and unlabelled equations; here the names follow from
the places on the page. The places of objects in memory are left out. A kernel sends what a cell prints in pieces whose
ends depend on timing; here they are joined.

With the environment's ``BOOK_CACHE``, the path of a folder, the outputs of each page are kept there, with the pictures
that take long to encode, and the next build takes them from there. A page's cells run again when anything that they can
see has changed: their code, rnnlib and its data, Python, the installed packages, or the fonts of pictures. There is
nothing else, because cells run in an empty folder (``run_in_temp`` in ``_config.yml``). At its end a build deletes from
the cache what it had no use for. Without ``BOOK_CACHE`` every cell runs.
"""

import hashlib
import json
import os
import re
import sys
from pathlib import Path

from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution
from nbformat import from_dict
from sphinx.errors import ConfigError

import rnnlib

from . import compat

STATE_MIME = "application/vnd.jupyter.widget-state+json"
LIBRARY = Path(rnnlib.__file__).parent
MODEL_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")  # as uuid4().hex
ADDRESS = re.compile(r"(?<= object) at 0x?[0-9a-f]*")  # the end of a long output may be cut off
OUTPUTS = {"iopub_timeout": 600, "raise_on_iopub_timeout": True}  # s; nbclient leaves out what is 4 s late, silently
SETTINGS = ("profile_default/ipython_kernel_config.py", "matplotlibrc")


kept = None  # what begin() has opened, with BOOK_CACHE


def digest(*parts):
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def joined(outputs):
    """The outputs, with the pieces of each stream joined at the place of the first."""
    result, streams = [], {}
    for output in outputs:
        if output.output_type == "stream" and output.name in streams:
            streams[output.name].text += output.text
        else:
            result.append(output)
            if output.output_type == "stream":
                streams[output.name] = output
    return result


def drop_addresses(outputs):
    """Leave out where in memory an object is, which is another place with every run."""
    for output in outputs:
        if output.output_type == "stream":
            output.text = ADDRESS.sub("", output.text)
        elif "text/plain" in output.get("data", {}):
            output.data["text/plain"] = ADDRESS.sub("", output.data["text/plain"])


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def name_in_order(notebook):
    """Name cells and models of widgets by their order; nbformat and ipywidgets name them at random."""
    for i, cell in enumerate(notebook.cells):
        if "id" in cell:  # not in older notebooks
            cell["id"] = f"cell-{i}"
    widgets = notebook.metadata.get("widgets", {}).get(STATE_MIME)
    if not widgets or not widgets["state"]:
        return
    names = {old: f"{i:032x}" for i, old in enumerate(widgets["state"])}  # in the order in which they were made

    def renamed(value):
        return from_dict(json.loads(MODEL_ID.sub(lambda match: names.get(match[0], match[0]), json.dumps(value))))

    notebook.metadata["widgets"] = renamed(notebook.metadata["widgets"])
    for cell in code_cells(notebook):
        cell["outputs"] = renamed(cell["outputs"])


def label_in_order(renderer):
    """The label of a numbered equation that has none, by its order; myst-parser labels it at random."""
    env = renderer.sphinx_env
    return f"{env.docname}-{env.new_serialno('amsmath')}"


def run(notebook, cwd, **options):
    """Execute the notebook in place, as jupyter-cache's function does."""
    result = single_nb_execution(notebook, cwd=cwd, **OUTPUTS, **options)
    for cell in code_cells(notebook):
        cell["outputs"] = joined(cell["outputs"])
        drop_addresses(cell["outputs"])
    name_in_order(notebook)
    return result


class Kept:
    """A folder with the outputs of notebooks, each in a file named by the hash of everything that they depend on."""

    def __init__(self, folder):
        self.folder = Path(folder).resolve()
        self.used = set()
        self.seen = surroundings()

    def run(self, notebook, cwd, **options):
        """Like run(), but reads the outputs from the folder if the same cells ran in the same surroundings before."""
        cells = [[cell.source, cell.metadata] for cell in code_cells(notebook)]
        kernel = {key: notebook.metadata.get(key) for key in ("kernelspec", "execution")}
        path = self.path("json", kernel, options, cells)
        if path.exists():
            put(notebook, json.loads(path.read_text(encoding="utf-8")))
            return ExecutionResult(notebook, cwd, 0.0)
        result = run(notebook, cwd, **options)
        if result.err is None:
            self.write(path, json.dumps(taken(notebook)).encode())
        return result

    def path(self, suffix, *key):
        """The file, there or not, of what follows from the key and the surroundings."""
        path = self.folder / f"{digest(self.seen, *key)}.{suffix}"
        self.used.add(path)
        return path

    def write(self, path, data):
        self.folder.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".half")  # a build that is interrupted leaves no half of a file under its name
        half.write_bytes(data)
        half.replace(path)

    def forget(self, app, exception):
        """Delete the files that this build did not use."""
        if not exception:
            for path in {*self.folder.glob(64 * "[0-9a-f]" + ".*")} - self.used:
                path.unlink()


def remembered(make, source, given):
    """``make(given)``, bytes from bytes; with ``BOOK_CACHE`` it is kept.

    Args:
        make: a function that gives the same for the same, with the same packages.
        source: the file that has all its code.
        given: bytes.
    """
    if kept is None:
        return make(given)
    path = kept.path("bin", make.__name__, *(hashlib.sha256(data).hexdigest() for data in (source.read_bytes(), given)))
    if not path.exists():
        kept.write(path, make(given))
    return path.read_bytes()


def taken(notebook):
    """What a run adds to a notebook."""
    cells = [{key: cell[key] for key in ("execution_count", "outputs")} for cell in code_cells(notebook)]
    metadata = {key: notebook.metadata[key] for key in ("language_info", "widgets") if key in notebook.metadata}
    return {"cells": cells, "metadata": metadata}


def put(notebook, outcomes):
    outcomes = from_dict(outcomes)
    notebook.metadata.update(outcomes.metadata)
    for cell, outcome in zip(code_cells(notebook), outcomes.cells, strict=True):
        cell.update(outcome)
    name_in_order(notebook)


def surroundings():
    """A digest of everything that cells depend on, except their own code."""
    from rnnlib.plots import fonts  # loads matplotlib

    packages = sorted({path.name for folder in sys.path for path in Path(folder).glob("*.dist-info")})
    settings = Path(os.environ["IPYTHONDIR"])  # which pictures.py has written
    return digest(
        [sys.version, packages, fonts(), os.environ.get("OPENBLAS_NUM_THREADS")],
        [(settings / name).read_text(encoding="utf-8") for name in SETTINGS],
        contents(LIBRARY),
    )


def contents(folder):
    """Path -> digest of every file in the folder, except Python's compiled files."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.parent.name != "__pycache__"]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def begin(app):
    """Read kept outputs in this build, and keep new ones."""
    if not app.config.nb_execution_in_temp:
        raise ConfigError(
            "BOOK_CACHE needs `run_in_temp: true` in _config.yml: cells could read files it does not know"
        )
    global kept
    kept = Kept(os.environ["BOOK_CACHE"])
    compat.run_notebooks_with(kept.run)
    app.connect("build-finished", kept.forget)


def setup(app):
    compat.label_equations_with(label_in_order)
    compat.run_notebooks_with(run)
    if os.environ.get("BOOK_CACHE"):
        app.connect("builder-inited", begin)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
