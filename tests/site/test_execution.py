"""A book made from kept outputs is the book made from nothing, and follows every change of what they came from."""

import json
import os
import shutil
from types import SimpleNamespace

import pytest
from books import ROOT, build, specimen_source
from nbformat import v4

HEADER = (ROOT / "tests" / "specimen" / "pages" / "plain.md").read_text(encoding="utf-8").partition("\n# ")[0]
PAGE = """
# One of each

A sentence.

\\begin{align}
a &= b \\\\
c &= d
\\end{align}

```{code-cell} ipython3
import os
import sys

import matplotlib.pyplot as plt

from rnnlib import Vocabulary, forward, init_params
from rnnlib.plots import plot_trace
from rnnlib.widgets import ForwardStepper

print("run number", os.environ["BOOK_RUN"])
sys.stdout.flush()
print("and so on")
stepper = ForwardStepper(text="hello", hidden_size=3)
stepper
```

```{code-cell} ipython3
plot_trace(stepper.trace, stepper.vocab, stepper.targets, t=0)
```

```{code-cell} ipython3
fig, ax = plt.subplots()
ax.plot([1, 2])
fig
```
"""


@pytest.fixture
def build_again(tmp_path, monkeypatch):
    """build_again(number, cache=None) -> the folder of a small book, built anew beside a copy of rnnlib."""
    library, source, target = (tmp_path / name for name in ("library", "source", "target"))
    shutil.copytree(ROOT / "rnnlib", library / "rnnlib", ignore=shutil.ignore_patterns("__pycache__"))
    specimen_source(source, notation_page="")
    for folder in ("pages", "chapters"):
        shutil.rmtree(source / folder)
    (source / "page.md").write_text(f"{HEADER}\n{PAGE}", encoding="utf-8")
    (source / "index.md").write_text("# Front\n\n{doc}`page`\n", encoding="utf-8")
    (source / "_toc.yml").write_text("format: jb-book\nroot: index\nchapters:\n  - file: page\n  - file: genindex\n")
    monkeypatch.chdir(library)  # whose rnnlib the build finds first; the kernel finds it by
    monkeypatch.setenv("PYTHONPATH", str(library))

    def go(number, cache=None):
        monkeypatch.setenv("BOOK_RUN", str(number))
        monkeypatch.delenv("BOOK_CACHE", raising=False)
        if cache:
            monkeypatch.setenv("BOOK_CACHE", str(cache))
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        build(source, target)
        return target / "_build"

    go.library, go.page = library, source / "page.md"
    return go


def contents(folder):
    """Every file that is published or downloaded: path -> bytes."""
    files = [path for part in ("html", "jupyter_execute") for path in (folder / part).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def differing(one, other):
    return sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))


def change(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_book_from_kept_cells_is_the_book_from_nothing_and_follows_every_change(build_again, tmp_path):
    cache = tmp_path / "cache"
    filling = contents(build_again(1, cache))
    kept = contents(build_again(2, cache))
    assert differing(filling, kept) == [] and b"run number 1\nand so on" in kept["html/page.html"]

    change(build_again.page, "A sentence.", "Another sentence.")
    page = contents(build_again(3, cache))["html/page.html"].decode()
    assert "Another sentence." in page and "run number 1" in page

    change(build_again.library / "rnnlib" / "widgets" / "words.json", '"Hidden size H"', '"Units H"')
    book = contents(build_again(4, cache))
    page = book["html/page.html"].decode()
    assert "run number 4" in page and "Units H" in page and "Hidden size H" not in page
    assert differing(book, contents(build_again(4))) == []  # two runs, byte for byte


def test_two_builds_in_two_folders_are_equal(specimen, tmp_path):
    """Else each publication would be a new one for every reader, who would load the whole book again."""
    cells = shutil.copytree(specimen.parents[1] / "cells", tmp_path / "cells")  # the test above runs cells twice
    build(specimen_source(tmp_path / "elsewhere"), tmp_path, cells)
    assert differing(contents(specimen.parent), contents(tmp_path / "_build")) == []


def test_a_wheel_is_the_same_whenever_its_files_were_written(load_ext, tmp_path):
    build_wheel = load_ext("bookext.notebooks.builder").build_wheel
    wheels = []
    for place, when in (("one", 1_000_000_000), ("two", 1_500_000_000)):
        source = tmp_path / place / "source"
        shutil.copytree(ROOT / "rnnlib", source / "rnnlib", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, source)
        for path in source.rglob("*"):
            os.utime(path, (when, when))
        name = build_wheel(source, tmp_path / place)
        wheels.append((name, (tmp_path / place / name).read_bytes()))
    assert wheels[0] == wheels[1]


# The key, with a kernel that only counts


@pytest.fixture
def book(tmp_path, load_ext, monkeypatch):
    """book.ran(notebook) says whether its cells ran; book.library and book.settings are what they can see."""
    execution = load_ext("bookext.execution")
    settings, library = tmp_path / "settings", tmp_path / "library"
    (settings / "profile_default").mkdir(parents=True)
    (library / "widgets").mkdir(parents=True)
    for path in SEEN.values():
        if "new" not in path:
            (tmp_path / path).write_text("as it is")
    monkeypatch.setenv("IPYTHONDIR", str(settings))
    monkeypatch.setattr(execution, "LIBRARY", library)
    runs = []

    def execute(notebook, cwd, **options):
        runs.append(notebook)
        Book.options = options
        [cell] = execution.code_cells(notebook)
        cell.execution_count = 1
        cell.outputs = [v4.new_output("stream", text=text) for text in (f"run {len(runs)}", ", ended")]
        return SimpleNamespace(nb=notebook, err=ValueError("fails") if cell.source == "fails" else None)

    monkeypatch.setattr(execution, "single_nb_execution", execute)

    class Book:
        cache = tmp_path / "cache"

        def ran(self, notebook, timeout=30):
            before = len(runs)
            self.kept = execution.Kept(self.cache) if not hasattr(self, "kept") else self.kept
            self.kept.run(notebook, str(tmp_path / f"random {len(runs)}"), timeout=timeout, allow_errors=False)
            return len(runs) > before

        def end(self, exception=None):
            self.kept.forget(None, exception)
            del self.kept

    return Book()


SEEN = {
    "the library's code": "library/rnn.py",
    "a private module of it": "library/_check.py",
    "its data": "library/widgets/words.json",
    "a new module of it": "library/new.py",
    "what every kernel reads": "settings/profile_default/ipython_kernel_config.py",
    "what matplotlib reads": "settings/matplotlibrc",
}


def notebook(code="print(1)", words="Words.", tags=(), kernel="python3"):
    cell = v4.new_code_cell(code, metadata={"tags": list(tags)})
    metadata = {"kernelspec": {"name": kernel, "display_name": kernel}, "source_map": [len(words)]}
    return v4.new_notebook(metadata=metadata, cells=[v4.new_markdown_cell(words), cell])


def test_the_same_cells_run_once_and_give_the_same(book):
    first, second = notebook(), notebook(words="Other words.\nAnd a line.")
    assert book.ran(first) and not book.ran(second)
    assert second.cells[1] == first.cells[1] and [o.text for o in second.cells[1].outputs] == ["run 1, ended"]
    assert second.cells[0].source == "Other words.\nAnd a line." and second.metadata.source_map == [24]


def test_what_a_busy_machine_sends_late_is_waited_for_or_stops_the_build(book):
    from nbclient import NotebookClient

    assert book.ran(notebook())
    assert {*book.options} <= {*NotebookClient.class_trait_names()}
    assert (
        book.options["raise_on_iopub_timeout"]
        and book.options["iopub_timeout"] >= 100 * NotebookClient.iopub_timeout.default_value
    )


@pytest.mark.parametrize("other", [{"code": "print(2)"}, {"tags": ["raises-exception"]}, {"kernel": "other"}], ids=str)
def test_other_cells_run(book, other):
    assert book.ran(notebook()) and book.ran(notebook(**other))


def test_other_limits_run(book):
    assert book.ran(notebook()) and book.ran(notebook(), timeout=60)


@pytest.mark.parametrize("what", SEEN)
def test_cells_run_again_when_what_they_see_changes(book, what, tmp_path):
    assert book.ran(notebook())
    book.end()
    assert not book.ran(notebook())
    book.end()
    (tmp_path / SEEN[what]).write_text("changed")
    assert book.ran(notebook())


def test_cells_run_again_when_a_module_is_gone(book, tmp_path):
    assert book.ran(notebook())
    book.end()
    (tmp_path / SEEN["the library's code"]).unlink()
    assert book.ran(notebook())


def test_cells_run_again_with_another_package(book, tmp_path, monkeypatch):
    assert book.ran(notebook())
    book.end()
    (tmp_path / "site" / "numpy-99.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert book.ran(notebook())


def test_cells_that_fail_are_not_kept(book):
    assert book.ran(notebook("fails")) and book.ran(notebook("fails"))


def test_a_build_leaves_in_the_cache_what_it_used_and_what_is_not_its_own(book):
    assert book.ran(notebook("print(1)")) and book.ran(notebook("print(2)"))
    book.end()
    (book.cache / "mine.json").write_text("{}")
    assert not book.ran(notebook("print(2)"))
    book.end(exception=RuntimeError("a build that failed"))
    assert not book.ran(notebook("print(1)"))
    book.end()
    assert len(list(book.cache.iterdir())) == 2 and (book.cache / "mine.json").exists()
    assert not book.ran(notebook("print(1)")) and book.ran(notebook("print(2)"))


def test_what_takes_long_is_made_once_and_anew_when_its_code_changes(book, load_ext, monkeypatch, tmp_path):
    execution, source, made = load_ext("bookext.execution"), tmp_path / "code.py", []

    def twice(data):
        made.append(data)
        return 2 * data

    source.write_text("first")
    monkeypatch.setattr(execution, "kept", None)
    assert [execution.remembered(twice, source, b"x") for _ in range(2)] == [b"xx"] * 2 and len(made) == 2
    for text, times in (("first", 3), ("first", 3), ("second", 4), ("first", 5)):
        source.write_text(text)
        monkeypatch.setattr(execution, "kept", execution.Kept(book.cache))
        assert execution.remembered(twice, source, b"x") == b"xx" and len(made) == times
        execution.kept.forget(None, None)
    assert len(list(book.cache.iterdir())) == 1, "what this build had no use for is deleted"


def test_cells_that_could_read_other_files_are_not_kept(load_ext, monkeypatch, tmp_path):
    monkeypatch.setenv("BOOK_CACHE", str(tmp_path))
    app = SimpleNamespace(config=SimpleNamespace(nb_execution_in_temp=False))
    with pytest.raises(Exception, match="run_in_temp: true"):
        load_ext("bookext.execution").begin(app)


# Names


def test_models_are_named_in_the_order_in_which_they_were_made(load_ext):
    execution = load_ext("bookext.execution")

    def made(random):
        one, two = (character * 32 for character in random)
        models = {one: {"state": {"children": [f"IPY_MODEL_{two}"]}}, two: {"state": {"value": f"anywidget:{one}"}}}
        views = [v4.new_output("display_data", {"application/vnd.jupyter.widget-view+json": {"model_id": two}})]
        cells = [v4.new_code_cell("x", outputs=views), v4.new_markdown_cell("y")]
        metadata = {"widgets": {execution.STATE_MIME: {"state": models}}}
        book = v4.new_notebook(cells=cells, metadata=metadata)
        execution.name_in_order(book)
        return json.dumps(book)

    assert made("ab") == made("ba") and "aaaa" not in made("ab")
