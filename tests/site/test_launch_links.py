"""Going on from a page: what its menu offers, where that leads, and what is fetched there."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, unquote, urlsplit

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
LABEL = "Download, run or edit this page"


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/a/b.git", "https://github.com/a/b"),
        ("https://GitHub.com/a/b/", "https://github.com/a/b"),
        ("git@github.com:a/b.git", "https://github.com/a/b"),
        ("org-12@github.com:a/b", "https://github.com/a/b"),
        ("ssh://git@gitlab.com/group/sub/b", "https://gitlab.com/group/sub/b"),
        ("ssh://git@gitlab.com:22/group/sub/b.c.git", "https://gitlab.com/group/sub/b.c"),
        ("https://user:secret@github.com/a/b", "https://github.com/a/b"),
        ("https://secret@codeberg.org/a/b.git", "https://codeberg.org/a/b"),
        ("https://user:sec@ret@github.com/a/b", ""),
        ("https://user:sec/ret@github.com/a/b", ""),
        ("https://github.com/a/b.git?token=secret", ""),
        ("https://github.com/a", ""),
        ("https://github.com.example.org/a/b", ""),
        ("https://git.internal.example/a/b.git", ""),
        ("git@git.internal.example:a/b.git", ""),
        ("javascript:alert(1)//github.com/a/b", ""),
        ('https://github.com/a/"><script>', ""),
        ("/srv/git/b.git", ""),
        ("file:///srv/git/b.git", ""),
        ("", ""),
    ],
)
def test_only_a_public_address_becomes_a_link(load_ext, tmp_path, remote, address):
    assert load_ext("bookext.pages.launch_links").repository(str(tmp_path), remote) == address


def test_the_address_is_that_of_the_clone_itself(load_ext, tmp_path):
    repository = load_ext("bookext.pages.launch_links").repository
    (tmp_path / "inside").mkdir()
    for command in (["init", "-q"], ["remote", "add", "origin", "https://user:secret@gitlab.com/a/b.git"]):
        subprocess.run(["git", "-C", tmp_path, *command], check=True)
    assert repository(str(tmp_path)) == "https://gitlab.com/a/b"
    assert repository(str(tmp_path), "https://codeberg.org/c/d") == "https://codeberg.org/c/d"
    assert repository(str(tmp_path / "inside")) == ""  # somebody's larger repository


@pytest.mark.parametrize(
    ("site", "keys"),
    [
        ("https://github.com/a/b", ["binder", "colab", "hub", "edit"]),
        ("https://gitlab.com/group/sub/b", ["binder", "hub", "edit"]),
        ("https://codeberg.org/a/b", ["binder", "hub", "edit"]),
        ("", []),
    ],
)
def test_only_what_can_work_is_offered(load_ext, site, keys):
    links = load_ext("bookext.pages.launch_links").links
    assert [k for k, _ in links(site, "main", "https://hub.org", "chapters/x", "chapters/x.md", True)] == keys
    assert [k for k, _ in links(site, "main", "", "chapters/x", "chapters/x.md", True)] == [
        k for k in keys if k != "hub"
    ]
    assert [k for k, _ in links(site, "main", "https://hub.org", "x", "x.md", False)] == [
        k for k in keys if k == "edit"
    ]


def test_binder_opens_the_chapter_in_lab_from_any_host(load_ext):
    links = load_ext("bookext.pages.launch_links").links

    def binder(site, branch="main"):
        return dict(links(site, branch, "", "chapters/x", "chapters/x.md", True))["binder"]

    assert binder("https://github.com/a/b").startswith("https://mybinder.org/v2/gh/a/b/main?")
    assert binder("https://github.com/a/b", "new/text").startswith("https://mybinder.org/v2/gh/a/b/new%2Ftext?")
    assert binder("https://gitlab.com/g/s/b").startswith("https://mybinder.org/v2/gl/g%2Fs%2Fb/main?")
    assert binder("https://codeberg.org/a/b").startswith(
        "https://mybinder.org/v2/git/https%3A%2F%2Fcodeberg.org%2Fa%2Fb/main?"
    )
    assert parse_qs(urlsplit(binder("https://github.com/a/b")).query) == {
        "urlpath": ["lab/tree/notebooks/chapters/x.ipynb"]
    }


def entries(page):
    return {a.inner_text().strip(): a for a in page.locator(".launch-links a").all()}


def test_without_a_repository_the_menu_holds_the_downloads_alone(specimen, visit):
    page, _ = visit(specimen, "pages/plain.html")
    page.get_by_label(LABEL).click()
    assert list(entries(page)) == ["Notebook with its outputs (.ipynb)", "Source of this page (.md)"]
    for name in entries(page):
        with page.expect_download() as download:
            page.get_by_label(LABEL).click() if not page.locator(".launch-links[open]").count() else None
            page.get_by_role("link", name=name).click()
        text = download.value.path().read_text(encoding="utf-8")
        if name.startswith("Source"):
            assert text == (ROOT / "tests" / "specimen" / "pages" / "plain.md").read_text(encoding="utf-8")
        else:
            assert any(cell.get("outputs") for cell in json.loads(text)["cells"])
    assert not (specimen / "_notebooks").exists()
    page, _ = visit(specimen, "search.html")
    assert not page.locator(".launch-links").count()


def test_with_a_repository_every_way_is_there_and_leads_to_what_the_book_holds(published, visit):
    page, watch = visit(published, "pages/plain.html")
    page.get_by_label(LABEL).click()
    found = {name: a.get_attribute("href") for name, a in entries(page).items()}
    assert list(found)[2:] == [
        "Run on Binder",
        "Run in Colab",
        "Run on JupyterHub",
        "Edit this page",
        "Source repository",
    ]
    colab = found["Run in Colab"]
    assert colab.startswith("https://colab.research.google.com/github/reader/the-book/blob/gh-pages/")
    assert (published / colab.partition("/gh-pages/")[2]).exists()
    hub = parse_qs(urlsplit(found["Run on JupyterHub"]).query)
    assert hub["repo"] == ["https://github.com/reader/the-book"] and hub["branch"] == ["gh-pages"]
    prefix = f"lab/tree/{hub['targetPath'][0]}/"
    assert (published / unquote(hub["urlpath"][0]).removeprefix(prefix)).exists()
    assert found["Edit this page"] == "https://github.com/reader/the-book/edit/main/pages/plain.md"
    assert found["Source repository"] == "https://github.com/reader/the-book"
    assert watch.complaints == []
    page, _ = visit(published, "search.html")
    page.get_by_label(LABEL).click()
    assert list(entries(page)) == ["Source repository"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_open_menu_is_all_in_sight_and_accessible(published, visit, width, theme):
    from axe_playwright_python.sync_playwright import Axe

    page, _ = visit(published, "pages/plain.html", width=width, theme=theme)
    page.get_by_label(LABEL).click()
    for a in page.locator(".launch-links a").all():
        box = a.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["height"] >= 40
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert Axe().run(page).response["violations"] == []


def test_the_menu_answers_the_keyboard_and_closes_when_left(published, visit):
    page, _ = visit(published, "pages/plain.html", width=360)
    menu, button = page.locator(".launch-links"), page.get_by_label(LABEL)
    is_open, focused = (
        (lambda: menu.evaluate("m => m.open")),
        (lambda: page.evaluate("document.activeElement.textContent.trim()")),
    )
    button.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert is_open() and focused() == "Notebook with its outputs (.ipynb)"
    page.keyboard.press("Escape")
    assert not is_open() and button.evaluate("b => b === document.activeElement")
    page.keyboard.press("Enter")
    for _ in range(8):
        page.keyboard.press("Tab")
    assert not is_open()  # the focus has gone past it
    button.click()
    page.mouse.click(20, 500)
    assert not is_open()


def test_the_menu_opens_without_a_script(published, visit):
    page, _ = visit(published, "pages/plain.html", java_script_enabled=False)
    page.get_by_label(LABEL).click()
    assert page.get_by_role("link", name="Run on Binder").is_visible()


def test_a_notebook_for_elsewhere_has_no_outputs_and_leads_to_the_pages(published):
    here = nbformat.read(published / "_sources" / "pages" / "plain.ipynb", as_version=4)
    there = nbformat.read(published / "_notebooks" / "pages" / "plain.ipynb", as_version=4)
    nbformat.validate(there)
    assert [cell.source for cell in there.cells] == [cell.source for cell in here.cells]
    assert any(cell.get("outputs") for cell in here.cells) and "widgets" not in there.metadata
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in there.cells)
    assert "git+https://github.com/reader/the-book@main" in there.cells[0].source
    text = "\n".join(cell.source for cell in there.cells if cell.cell_type == "markdown")
    assert "[target](https://reader.github.io/the-book/chapters/glossary.html#term-target)" in text


def test_without_an_address_a_copy_has_words_where_no_link_could_lead(specimen):
    copy = nbformat.read(specimen / "_sources" / "pages" / "plain.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in copy.cells if cell.cell_type == "markdown")
    assert "The hidden states meet a target." in text and "[link](https://example.org/)" in text


@pytest.mark.parametrize("way", ["repository", "wheel"])
def test_the_first_cell_installs_a_library_that_is_whole(load_ext, tmp_path, way):
    """Run where rnnlib is missing, and once more where it is not; what pip installs goes into a folder of its own."""
    notebooks, target, wheel, repository = load_ext("bookext.notebooks.builder"), tmp_path / "installed", "", ""
    if way == "wheel":
        wheel = notebooks.build_wheel(ROOT, tmp_path)
    else:
        upstream = tmp_path / "upstream.git"
        subprocess.run(["git", "clone", "-q", "--bare", ROOT, upstream], check=True)
        subprocess.run(["git", "-C", upstream, "branch", "-f", "shown", "HEAD"], check=True)
        repository = f"file://localhost{upstream}"
    target.mkdir()
    config = SimpleNamespace(book_repository=repository, book_branch="shown", language="en")
    cell = notebooks.first_cell(config, wheel).source
    hide = "import sys; sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]"
    show = "import rnnlib.widgets as w; print(w.ForwardStepper(text='hello').text, w.__file__)"
    (tmp_path / "cell.ipy").write_text(f"{hide}\n{cell}\n{cell}\n{show}\n", encoding="utf-8")
    settings = {"HOME": str(tmp_path), "IPYTHONDIR": str(tmp_path), "PYTHONPATH": str(target)}
    settings |= {"PIP_TARGET": str(target), "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "no"}  # "no": do not isolate
    run = subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", "cell.ipy"],
        env=os.environ | settings, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0 and f"hello {target}" in run.stdout, run.stdout + run.stderr
