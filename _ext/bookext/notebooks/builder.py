"""Notebooks for Jupyter, made from the book's sources with Sphinx's own knowledge of numbers and targets.

Their text is plain Markdown (``markdown.py``); their cells are those of the sources, and what a tag means on a
page is told to JupyterLab in its own metadata. The builder ``notebooks`` writes a folder of them without running a cell
(``make_notebooks.py`` starts it); ``pages/launch_links.py`` makes the copies that a published page offers.

There are two editions: the full one holds the solutions, folded; in the student edition an empty cell with the checks
of the solution takes the place of each.
"""

import ast
import bisect
import hashlib
import json
import os
import posixpath
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from itertools import groupby
from pathlib import Path

import nbformat
from docutils import nodes
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from sphinx.builders import Builder
from sphinx.transforms.post_transforms import SphinxPostTransform

from ..words import word
from .markdown import NotebookMarkdown

EDITIONS = ("full", "student")
FIRST_DAY = str(int(datetime(1980, 1, 1, tzinfo=timezone.utc).timestamp()))  # that an archive can tell
EXTRAS = "[plots,widgets,train,sweep]"
# What a tag hides on the page is folded in a notebook.
HIDDEN = {
    "hide-input": ["source_hidden"],
    "remove-input": ["source_hidden"],
    "hide-output": ["outputs_hidden"],
    "remove-output": ["outputs_hidden"],
    "hide-cell": ["source_hidden", "outputs_hidden"],
    "remove-cell": ["source_hidden", "outputs_hidden"],
}
FIRST_CELL = """\
# {says}
try:
    import rnnlib
except ModuleNotFoundError:
    {get}
try:
    from google.colab import output

    output.enable_custom_widget_manager()  # Colab shows such figures only when told to
except ImportError:
    pass  # not in Colab
from rnnlib.plots import use_style

use_style()  # the colours of the book, also for figures of pyplot"""


class NotebookBuilder(Builder):
    """Writes every page as a notebook into the folder ``book_notebooks``."""

    name = "notebooks"
    format = "notebooks"
    epilog = "The notebooks are made."
    beside = True  # whether the book's other notebooks lie beside each

    def init(self):
        self.anchors = {}
        self.current_doc_name = ""

    def get_outdated_docs(self):
        return self.env.found_docs

    def get_target_uri(self, docname, typ=None):
        """An address that only ``link`` understands: where it leads depends on where the notebook lies."""
        return f"doc:{docname}"

    def get_relative_uri(self, from_, to, typ=None):
        return self.get_target_uri(to)

    def prepare_writing(self, docnames):
        self.folder = Path(self.config.book_notebooks or self.outdir)
        self.wheel = "" if self.config.book_repository else build_wheel(Path(self.srcdir), self.folder)

    def write_doc(self, docname, doctree):
        if docname not in pages(self.env):
            return
        wheel = self.wheel and posixpath.relpath(self.wheel, posixpath.dirname(docname) or ".")
        made = self.notebook(docname, doctree, wheel, self.config.book_edition)
        path = self.folder / f"{docname}.ipynb"
        if not put(path, made):
            print(f"{path} has changes of yours and is kept; delete it to get the book's")

    def notebook(self, docname, doctree, wheel="", edition="full", *, outputs=False):
        """The notebook of a resolved page.

        Args:
            docname, doctree: the page.
            wheel: the address of rnnlib's wheel, which the first cell installs; "" if there is none.
            edition: one of EDITIONS.
            outputs: whether to keep what the cells gave when the page was built.
        """
        self.current_doc_name = docname
        self.fignumbers = self.env.toc_fignumbers.get(docname, {})  # where Sphinx looks for an equation's number
        source = executed(self.app, docname)
        source = nbformat.read(source, as_version=4) if source else new_notebook()
        texts = self.texts(doctree, self.env.metadata[docname].get("source_map", [0]))
        code = {place: cell for place, cell in enumerate(source.cells) if cell.cell_type == "code"}
        cells = [first_cell(self.config, wheel)] if code else []
        for place in sorted({*texts, *code}):
            cells += texts[place] if place in texts else [code_cell(place, code[place], outputs)]
        if edition == "student":
            cells = without_solutions(cells, self.config.language)
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}  # or JupyterLab asks for one
        metadata = {"language_info": {"name": "python"}, "kernelspec": source.metadata.get("kernelspec", kernel)}
        if outputs and "widgets" in source.metadata:
            metadata["widgets"] = source.metadata["widgets"]
        metadata["book"] = {"sources": digest(cells)}
        return new_notebook(cells=cells, metadata=metadata)

    def texts(self, doctree, source_map):
        """place in the source's cells -> the Markdown cells made from it: one, or as many as it has headings."""
        made, place, count = {}, 0, 0
        blocks = []
        for node, level in parts(doctree):
            if node.get("nb_element") == "cell_code":
                place = node["cell_index"]
                continue
            line = node.line or node.parent.line  # a title has none of its own
            if line:
                place = max(place, bisect.bisect_right(source_map, line) - 1)
            count += isinstance(node, nodes.title)
            blocks.append(((place, count), node, level))
        for (place, _), group in groupby(blocks, key=lambda block: block[0]):
            cell = self.text_cell(doctree, [block[1:] for block in group])
            if cell:
                made.setdefault(place, []).append(cell)
                cell.id = f"text-{place}-{len(made[place])}"
        return made

    def text_cell(self, doctree, blocks):
        writer = NotebookMarkdown(doctree, self)
        for node, level in blocks:
            writer.write(node, level)
        cell = new_markdown_cell(writer.astext().strip())
        if writer.attachments:
            cell.attachments = writer.attachments
        return cell if cell.source else None

    def link(self, docname, place):
        """Where a link leads that on the page leads to ``place``, an id of ``docname`` or ""; None where nowhere."""
        if docname == self.current_doc_name or self.beside:
            path = posixpath.relpath(f"{docname}.ipynb", posixpath.dirname(self.current_doc_name) or ".")
            anchor = self.anchor(docname, place)
            address = ("" if docname == self.current_doc_name else path) + (anchor and f"#{anchor}")
        else:
            base = self.config.html_baseurl
            address = base and f"{base}{docname}.html" + (place and f"#{place}")
        return address or None

    def anchor(self, docname, place):
        """The anchor that Jupyter makes of the heading above ``place``: its text, with hyphens for spaces."""
        if docname not in self.anchors:
            found = self.anchors[docname] = {}
            doctree = self.env.get_doctree(docname)
            for section in doctree.findall(nodes.section):
                for node in section.findall(nodes.Element):
                    found |= dict.fromkeys(node.get("ids", ()), section.next_node(nodes.title).astext())
            for term in doctree.findall(nodes.term):
                found |= dict.fromkeys(term["ids"], term.astext())
        return self.anchors[docname].get(place, "").replace(" ", "-")


class EmptyCells(SphinxPostTransform):
    """Only the place of a cell on its page counts; what it shows comes from the notebook that was run."""

    default_priority = 3  # myst-nb chooses among a cell's outputs at 4
    formats = (NotebookBuilder.format,)

    def run(self, **kwargs):
        for node in self.document.findall(nodes.container):
            if node.get("nb_element") == "cell_code":
                node.clear()


def pages(env):
    """The pages that have something to read; Sphinx itself makes the index."""
    return [name for name in env.all_docs if name != "genindex"]


def parts(node, level=0):
    """(block, level of its section) for every title, paragraph and other block of a page, in order."""
    for child in node.children:
        if isinstance(child, nodes.section):
            yield from parts(child, level + 1)
        elif isinstance(child, nodes.Element):
            yield child, level


def executed(app, docname):
    """The notebook file that myst-nb wrote for the page, run or not; None if the page is not a notebook."""
    path = Path(app.outdir).parent / "jupyter_execute" / f"{docname}.ipynb"
    return path if path.exists() else None


def code_cell(place, cell, outputs):
    """A cell of the source, with JupyterLab's words for what its tags and MyST's settings say."""
    tags, settings = cell.metadata.get("tags", []), cell.metadata.get("mystnb", {})
    made = new_code_cell(cell.source, id=f"code-{place}")
    if tags:
        made.metadata["tags"] = tags
    hidden = {name: True for tag in tags for name in HIDDEN.get(tag, ())}
    if hidden:
        made.metadata["jupyter"] = hidden
    prompt = settings.get("code_prompt_show", "").removeprefix("Show ")
    if prompt:  # JupyterLab shows a folded cell's first line
        made.source = f"# {prompt[:1].upper()}{prompt[1:]}\n{made.source}"
    if outputs:
        made.outputs, made.execution_count = cell.outputs, cell.execution_count
        alt = settings.get("image", {}).get("alt")
        for output in made.outputs if alt else ():
            if "image/png" in output.get("data", {}):
                output.metadata.setdefault("image/png", {})["alt"] = alt
    return made


def first_cell(config, wheel):
    site = config.book_repository
    if site:
        get = f'%pip install -q "rnnlib{EXTRAS} @ git+{site}@{config.book_branch}"'
    elif "://" in wheel:
        get = f'%pip install -q "rnnlib{EXTRAS} @ {wheel}"'
    elif wheel:
        get = f'%pip install -q "{wheel}{EXTRAS}"'
    else:
        missing = word("notebook_missing", config.language).format(extras=EXTRAS)
        get = f"raise ModuleNotFoundError({missing!r}) from None"
    source = FIRST_CELL.format(says=word("notebook_install", config.language), get=get)
    return new_code_cell(source, id="install", metadata={"jupyter": {"source_hidden": True}})


def is_solution(cell):
    return "solution" in cell.metadata.get("tags", ())


def without_solutions(cells, language):
    """The cells, with one to be filled in for each run of cells that are a solution."""
    made = []
    for solution, group in groupby(cells, key=is_solution):
        group = list(group)
        made += [answer_cell(group, language)] if solution else group
    return made


def answer_cell(solution, language):
    """An empty cell, and below it what judges the answer: the statements of the solution that hold an assert."""
    source = "\n".join(cell.source for cell in solution)
    lines, imports, checks = source.splitlines(), [], []
    used, bound = set(), set()
    for statement in ast.parse(source).body:
        text = "\n".join(lines[statement.lineno - 1 : statement.end_lineno])
        names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            imports.append(text)
        elif isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            bound.add(statement.name)
        elif any(isinstance(node, ast.Assert) for node in ast.walk(statement)):
            checks.append(text)
            used |= {name.id for name in names}
        else:
            bound |= {name.id for name in names if isinstance(name.ctx, ast.Store)}
    parts = ["\n".join(imports), f"# {word('notebook_answer', language)}\n"]
    if checks:
        says = word("notebook_checks", language).format(names=", ".join(sorted(used & bound)))
        parts.append("\n".join([f"# {says}", *checks]))
    cell = new_code_cell("\n\n".join(filter(None, parts)), id=solution[0].id)
    cell.metadata["tags"] = ["raises-exception"]  # until there is an answer, Run All goes on
    return cell


def digest(cells):
    """What a notebook says, in short: its cells' kinds and texts, not what they gave."""
    return hashlib.sha256(json.dumps([(cell.cell_type, cell.source) for cell in cells]).encode()).hexdigest()


def put(path, made):
    """Write a notebook, unless its reader has changed the one that is there; then False.

    One that has only been run is kept, with its outputs, as long as the book says the same.
    """
    if path.exists():
        there = nbformat.read(path, as_version=4)
        before = there.metadata.get("book", {}).get("sources")
        if before == made.metadata["book"]["sources"]:
            return True
        if before != digest(there.cells):
            return False
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(made, path)
    return True


def build_wheel(source, folder):
    """Put rnnlib's wheel into the folder and return its name; "" where the source is not that of the library."""
    if not (source / "rnnlib").is_dir():
        return ""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:  # setuptools leaves things beside what it builds
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source / "rnnlib", Path(place, "rnnlib"), ignore=ignored)
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(source / name, place)
        command = "import sys; from setuptools import build_meta; print('\\n' + build_meta.build_wheel(sys.argv[1]))"
        out = Path(place, "out")
        out.mkdir()
        environment = os.environ | {"SOURCE_DATE_EPOCH": FIRST_DAY}  # else the archive has the files' own times
        run = subprocess.run(
            [sys.executable, "-c", command, out],
            cwd=place, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if run.returncode:
            raise RuntimeError(f"rnnlib's wheel cannot be built:\n{run.stderr}")
        (built,) = out.iterdir()
        shutil.copy(built, folder)
        return built.name


def forget_changed(app, env, docnames):
    """Forget all pages that have changed before the first is read.

    Otherwise a label that has moved from one page to another would be defined twice.
    """
    if app.builder.name != NotebookBuilder.name:
        return
    for docname in docnames:
        app.events.emit("env-purge-doc", env, docname)
        env.clear_doc(docname)


def setup(app):
    app.setup_extension("sphinx_markdown_builder")
    app.connect("env-before-read-docs", forget_changed)
    app.add_config_value("book_edition", "full", "", str)
    app.add_config_value("book_notebooks", "", "", str)
    app.add_builder(NotebookBuilder)
    app.add_post_transform(EmptyCells)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
