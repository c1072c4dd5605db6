"""The book as notebooks: plain Markdown with the book's own numbers, folded solutions, links that lead somewhere."""

import ast
import json
import posixpath
import re
import subprocess
import sys
from types import SimpleNamespace
from urllib.parse import unquote

import nbformat
import pytest
import yaml
from books import ROOT, specimen_source

HEADER = (ROOT / "tests" / "specimen" / "pages" / "plain.md").read_text(encoding="utf-8").partition("\n# ")[0]
# What would be MyST's own in a cell of Markdown: a directive, a role, an option of a directive, a macro of the book.
SYNTAX = re.compile(r"^\s*(?:`{3,}|:{3,})\{|\{[a-z:_-]+\}`|^:\w+:|\\dplus\b|\\softmax\b", re.M)
PAGE = r"""
# A *page*

Before $a | b$, \* 1 < 2, x<y and 3 \$ \[no\](link).
A line that begins with
1\. and {term}`target`, {eq}`eq-one`, {eq}`eq-two`, [there](other.md), [below](section-b), [](other.md).

```{math}
:label: eq-one
\dplus h_t = \softmax(o_t)
```

```{math}
:label: eq-two
a &= b \\
c &= d
```

```{note}
A note with `code`.

- one
- two
```

```{admonition} An answer
:class: dropdown

It is $x$.
```

First
: what a *first* is

| bar | code |
|---|---|
| $\|x\|$ | `a \| b` |

![A dot](dot.png)

```{code-cell} ipython3
:tags: [remove-cell]
hidden = 1
```

Between.

```{code-cell} ipython3
:tags: [hide-input]
print(hidden)
```

(section-b)=
## Section B: $h_t$

```{code-cell} ipython3
---
tags: [hide-cell, solution]
mystnb:
  code_prompt_show: Show the solution
---
import math

def answer():
    return 42
```

```{code-cell} ipython3
:tags: [hide-cell, solution]
right = math.sqrt(answer() ** 2)
assert right == 42  # the check
for n in range(2):
    assert n < right
```
"""


def make(source, folder, edition="full"):
    """Run the maker as its command does; its exit code, and what it said."""
    code = "import sys; from make_notebooks import make; sys.exit(make(*sys.argv[1:]))"
    command = [sys.executable, "-c", code, source, folder, edition]
    run = subprocess.run(command, cwd=ROOT / "tools", capture_output=True, text=True, check=False)
    return run.returncode, run.stdout + run.stderr


def small_book(source, page=PAGE):
    specimen_source(source, nb_execution_mode="off")
    (source / "pages" / "page.md").write_text(HEADER + "\n" + page, encoding="utf-8")
    (source / "pages" / "other.md").write_text("# The other page\n\nWords.\n", encoding="utf-8")
    (source / "index.md").write_text("# The front\n\nWords.\n", encoding="utf-8")
    (source / "pages" / "dot.png").write_bytes((ROOT / "_ext" / "bookext" / "theme" / "icon.png").read_bytes())
    files = ["pages/page", "pages/other", "pages/plain", "pages/equations", "chapters/glossary", "chapters/notation"]
    toc = {"format": "jb-book", "root": "index", "chapters": [{"file": file} for file in files]}
    (source / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    return source


@pytest.fixture(scope="module")
def small(made_once):
    """A small book's folder, and the notebooks made of it."""

    def book_and_notebooks(folder):
        code, said = make(small_book(folder / "source"), folder / "made")
        assert code == 0, said

    folder = made_once("small-notebooks", book_and_notebooks)
    return folder / "source", folder / "made"


def read(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def text(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_a_page_becomes_plain_markdown(small):
    said = text(read(small[1] / "pages" / "page.ipynb"))
    assert not SYNTAX.search(said)
    for line in (
        "# A *page*",
        r"Before $a | b$, \* 1 < 2, x\<y and 3 \$ [no\](link).",
        r"1\. and [target](../chapters/glossary.ipynb#target), [(1)](#A-page), [(2)](#A-page), "
        "[there](other.ipynb), [below](#Section-B:-h_t), [The other page](other.ipynb).",
        "$$\n\\partial^{+} h_t = \\operatorname{softmax}(o_t)\n\\tag{1}\n$$",
        "$$\n\\begin{aligned}a &= b \\\\\nc &= d\\end{aligned}\n\\tag{2}\n$$",
        "> **Note.**\n> \n> A note with `code`.",
        "> - one\n> - two",
        "<details><summary>An answer</summary>\n\nIt is $x$.\n\n</details>",
        "- **First**: what a *first* is",
        r"| $\vert x\vert$ |",
        r"| `a \| b`",
        "![A dot](attachment:dot.png)",
        "## Section B: $h_t$",
    ):
        assert line in said, f"{line}\n\nnot in\n\n{said}"


def test_what_belongs_to_a_cell_stays_with_it(small):
    cells = read(small[1] / "pages" / "page.ipynb").cells
    kinds = [cell.source.partition("\n")[0] if cell.cell_type == "code" else "text" for cell in cells]
    assert kinds[1:] == [
        "text", "hidden = 1", "text", "print(hidden)", "text", "# The solution", "right = math.sqrt(answer() ** 2)",
    ]  # fmt: skip
    assert cells[3].source == "Between."
    assert cells[1].attachments["dot.png"]["image/png"]
    assert len({cell.id for cell in cells}) == len(cells)


def test_tags_become_what_jupyterlab_folds(small):
    cells = [cell for cell in read(small[1] / "pages" / "page.ipynb").cells if cell.cell_type == "code"]
    folded = [cell.metadata.get("jupyter", {}) for cell in cells]
    both = {"source_hidden": True, "outputs_hidden": True}
    assert folded == [{"source_hidden": True}, both, {"source_hidden": True}, both, both]
    assert "mystnb" not in json.dumps([cell.metadata for cell in cells])


def test_numbered_environments_stand_between_dollars_without_complaint(small):
    said = text(read(small[1] / "pages" / "equations.ipynb"))
    assert "{align" not in said.replace("{aligned}", "") and not SYNTAX.search(said)
    assert said.count(r"\tag{") == 4


@pytest.mark.parametrize(
    ("page", "named"),
    [
        ("# A page\n\nWords {nosuchrole}`x`.", "nosuchrole"),
        ("# A page\n\n```{nosuchdirective}\n```", "nosuchdirective"),
        ("# A page\n\nWords.\n\n```{raw} html\n<b>x</b>\n```", "raw"),
        ("# A page\n\nWords.\n\n::::{tab-set}\n:::{tab-item} X\nx\n:::\n::::", "tab-set"),
    ],
)
def test_what_the_maker_does_not_know_stops_it_and_is_named_with_page_and_line(tmp_path, page, named):
    code, said = make(small_book(tmp_path / "source", page), tmp_path / "made")
    assert code != 0
    assert re.search(rf"pages/page\.md:\d+.*{named}", said), said


def test_an_equation_may_move_from_page_to_page_between_two_runs(tmp_path):
    equation = "\n\n```{math}\n:label: eq-moves\na = b\n```\n"
    source = small_book(tmp_path / "source", "# A page\n\nWords." + equation)
    code, said = make(source, tmp_path / "made")
    assert code == 0, said
    small_book(source, "# A page\n\nWords.\n")
    (source / "pages" / "other.md").write_text("# The other page\n\nWords." + equation, encoding="utf-8")
    code, said = make(source, tmp_path / "made")
    assert code == 0, said


def test_the_student_s_copy_has_a_cell_with_the_checks_in_place_of_a_solution(small, tmp_path):
    code, said = make(small[0], tmp_path, "student")
    assert code == 0, said
    cells = read(tmp_path / "pages" / "page.ipynb").cells
    assert len(cells) == len(read(small[1] / "pages" / "page.ipynb").cells) - 1
    assert cells[-1].source == (
        "import math\n\n# Your answer.\n\n\n# The checks. They use these names of yours: right\n"
        "assert right == 42  # the check\nfor n in range(2):\n    assert n < right"
    )
    assert cells[-1].metadata["tags"] == ["raises-exception"] and "jupyter" not in cells[-1].metadata


def test_a_notebook_that_its_reader_has_changed_is_kept(small, load_ext, tmp_path):
    put, path = load_ext("bookext.notebooks.builder").put, tmp_path / "x.ipynb"
    old, new = (read(small[1] / "pages" / f"{name}.ipynb") for name in ("plain", "page"))
    assert put(path, old)
    run = read(path)
    run.cells[-1].metadata["mine"] = True  # as a cell that has been run
    nbformat.write(run, path)
    assert put(path, old) and read(path) == run, "the book says the same: what was run is kept"
    assert put(path, new) and read(path) == new, "only run, never changed: replaced"
    mine = read(path)
    mine.cells[0].source = "mine"
    nbformat.write(mine, path)
    assert not put(path, old) and read(path) == mine


# The book itself


@pytest.fixture(scope="module")
def made(made_once):
    """The whole book's notebooks, in both editions."""

    def both(folder):
        for edition in ("full", "student"):
            code, said = make(ROOT, folder / edition, edition)
            assert code == 0, said

    return made_once("notebooks", both)


def notebooks(folder):
    return {path.relative_to(folder).with_suffix("").as_posix(): read(path) for path in folder.rglob("*.ipynb")}


def test_no_piece_of_syntax_and_no_open_solution_is_left(made):
    found = notebooks(made / "full")
    contents = re.findall(r"(?:root|file): (\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))
    assert sorted(found) == sorted(set(contents) - {"genindex"}) and len(found) > 20
    assert [(name, match) for name, n in found.items() for match in SYNTAX.findall(text(n))] == []
    solutions = [c for n in found.values() for c in n.cells if "solution" in c.metadata.get("tags", ())]
    assert len(solutions) > 50
    assert all(c.metadata["jupyter"] == {"source_hidden": True, "outputs_hidden": True} for c in solutions)


def test_equations_have_the_numbers_of_the_pages(made, book):
    for name, notebook in notebooks(made / "full").items():
        html = (book / f"{name}.html").read_text(encoding="utf-8")
        on_page = re.findall(r'<span class="eqno">\((\d+)\)', html)
        assert re.findall(r"\\tag\{(\d+)\}", text(notebook)) == on_page, name


def test_every_link_leads_to_a_notebook_and_a_heading_that_are_there(made):
    found = notebooks(made / "full")
    headings = {
        name: {re.sub(r"[*`$\\]", "", h).replace(" ", "-") for h in re.findall(r"^#+ (.*)$", text(n), re.M)}
        for name, n in found.items()
    }
    count = 0
    for name, notebook in found.items():
        for address in re.findall(r"\]\(([^)\s]+)\)", text(notebook)):
            address = unquote(address)
            if "://" in address or address.startswith("attachment:"):
                continue
            path, _, anchor = address.partition("#")
            where = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)).removesuffix(".ipynb")
            where = where if path else name
            assert where in found, f"{name}: {address}"
            assert not anchor or re.sub(r"[*`$\\]", "", anchor) in headings[where], f"{name}: {address}"
            count += 1
    assert count > 400


def test_works_that_are_cited_are_named_and_listed(made):
    notebook = read(made / "full" / "chapters" / "bptt.ipynb")
    assert "Werbos [1990] is the classic account" in text(notebook)
    assert "Backpropagation through time: what it does and how to do it" in notebook.cells[-1].source


def test_the_code_is_that_of_the_sources_and_the_student_s_copy_has_no_solution(made):
    import jupytext

    full, student = notebooks(made / "full"), notebooks(made / "student")
    for name, notebook in full.items():
        source = jupytext.read(ROOT / f"{name}.md")
        cells = [cell.source for cell in source.cells if cell.cell_type == "code"]
        code = [cell.source for cell in notebook.cells if cell.cell_type == "code"][1:]
        assert [c for c, s in zip(code, cells, strict=True) if not c.endswith(s)] == [], name
        solutions = {c.source for c in notebook.cells if "solution" in c.metadata.get("tags", ())}
        for cell in student[name].cells:
            assert cell.source not in solutions
            if cell.cell_type == "code" and not cell.source.startswith("%"):
                ast.parse(re.sub(r"^ *%pip.*$", "    pass", cell.source, flags=re.M))


@pytest.mark.parametrize("edition", ["full", "student"])
def test_a_notebook_runs_alone_in_an_empty_folder(made, tmp_path, edition):
    from bookext.execution import OUTPUTS
    from nbclient import NotebookClient

    notebook = read(made / edition / "chapters" / "cells.ipynb")
    place = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=300, resources=place, **OUTPUTS).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    failed = [output for output in outputs if output.output_type == "error"]
    assert (len(failed) > 0) == (edition == "student"), "an exercise without an answer fails its checks, and no more"
    assert list(tmp_path.iterdir()) == []


def test_the_first_cell_installs_from_what_is_known(load_ext):
    def cell(wheel="", repository=""):
        config = SimpleNamespace(book_repository=repository, book_branch="main", language="en")
        return load_ext("bookext.notebooks.builder").first_cell(config, wheel).source

    assert '%pip install -q "rnnlib[plots,widgets,train,sweep] @ git+https://github.com/a/b@main"' in cell(
        repository="https://github.com/a/b"
    )
    wheel = "rnnlib-0.1.0-py3-none-any.whl"
    assert f'%pip install -q "../{wheel}[plots,widgets,train,sweep]"' in cell(f"../{wheel}")
    assert f'%pip install -q "rnnlib[plots,widgets,train,sweep] @ https://example.org/{wheel}"' in cell(
        f"https://example.org/{wheel}"
    )
    assert "raise ModuleNotFoundError(" in cell()
