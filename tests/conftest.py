"""What the browser tests share: a browser, the book built from nothing, and a watch on what a page does."""

import contextlib
import importlib
import os
import shutil

import pytest
from books import ROOT, build, specimen_source
from browsing import BROWSER_ARGS, STARTED, Watch, chromium_path, patient
from filelock import FileLock
from hypothesis import settings

settings.register_profile("book", deadline=None)  # no test is about time: machines are busy
settings.load_profile("book")

# Modules that start a server or another browser come first: where a piece is shared, each process would start its own.
STARTING = "test_firefox", "test_jupyterlab", "test_jupyterlab_figures", "test_notebooks"
LIGHT = "core", "formulations", "plots", "engine", "widgets"  # folders, as in `make check`


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Two processes for each core: a test in a browser spends half of its time waiting for it."""
    return 2 * (os.cpu_count() or 1)


def pytest_configure(config):
    config.addinivalue_line("markers", "browser: needs a browser; given to each test that asks for one")


def pytest_collection_modifyitems(items):
    for item in items:
        if {"browser", "firefox"} & {*item.fixturenames}:
            item.add_marker("browser")
    by_weight = [[], [], []]
    for item in items:
        by_weight[weight(item)].append(item)
    whole_book, others, light = by_weight
    others.sort(key=lambda item: item.path.stem not in STARTING)
    middle = max(0, len(items) // 2 - len(whole_book))
    items[:] = [*whole_book, *light[:middle], *others, *light[middle:]]


def weight(item):
    """What a test needs: 0 the whole book, whose build takes minutes, 1 a browser or a smaller build, 2 neither.

    The processes of pytest-xdist begin with equal pieces of the list of tests, and who has done take from the ends of
    the others' pieces. So one begins to build the book while another one does what takes long without it, and what
    remains for the end is short.
    """
    params = item.callspec.params.values() if hasattr(item, "callspec") else ()
    if "book" in item.fixturenames or "book" in filter(lambda value: isinstance(value, str), params):
        return 0
    return 2 if item.path.parent.name in LIGHT and not item.get_closest_marker("browser") else 1


@pytest.fixture(scope="session")
def load_ext():
    """load_ext("bookext.words") -> that module of _ext or of tools; imported when a test asks for it."""
    return importlib.import_module


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """made_once(name, make) -> the folder that make(folder) has filled; several processes of tests share it."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def find(name, make):
        folder = shared / name
        done = folder / "done"
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                folder.mkdir()
                make(folder)
                done.touch()
        if not done.exists():
            pytest.fail(f"making {name} has failed, see the first test that needed it", pytrace=False)
        return folder

    return find


@pytest.fixture(scope="session")
def built_once(made_once):
    """built_once(name, source) -> the folder of a built book.

    With `cells_of`, the name of a book that was built before, cells that this one ran are not run again.
    """

    def find(name, source, cells_of=None):
        def make(folder):
            if cells_of:  # a copy: at its end a build deletes the cells that it had no use for
                shutil.copytree(folder.with_name(cells_of) / "cells", folder / "cells")
            build(source(), folder, folder / "cells")

        return made_once(name, make) / "_build" / "html"

    return find


@pytest.fixture(scope="session")
def book(built_once):
    """The built book's folder."""
    return built_once("book", lambda: ROOT)


@pytest.fixture(scope="session")
def specimen(built_once, tmp_path_factory):
    """A small book with the book's own settings, whose pages hold one of each thing that can happen."""
    return built_once("specimen", lambda: specimen_source(tmp_path_factory.mktemp("specimen-source")))


@pytest.fixture(scope="session")
def published(built_once, specimen, tmp_path_factory):
    """A front and some pages of the specimen, in a book that has a repository, a hub and a base address."""

    def source():
        folder = specimen_source(
            tmp_path_factory.mktemp("published-source"),
            book_repository="git@github.com:reader/the-book.git",
            book_hub="https://hub.example.org/",
            html_baseurl="https://reader.github.io/the-book",
        )
        shutil.copy(ROOT / "CHANGELOG.md", folder)
        (folder / "intro.md").write_text("# The front\n\nFirst words of the front page.\n", encoding="utf-8")
        files = ("pages/plain", "pages/equations", "chapters/notation", "chapters/glossary")
        toc = "format: jb-book\nroot: intro\nchapters:\n" + "".join(f"  - file: {file}\n" for file in files)
        (folder / "_toc.yml").write_text(toc)
        return folder

    return built_once("published", source, cells_of="specimen")


@pytest.fixture(scope="session")
def unpurged(built_once, specimen, tmp_path_factory):
    """The same with every rule of the theme's style sheets."""
    folder = tmp_path_factory.mktemp("unpurged-source")
    return built_once("unpurged", lambda: specimen_source(folder, book_purge=False), cells_of="specimen")


@pytest.fixture(scope="session")
def serving(load_ext):
    """serving(folder) -> base address; every folder stays served until the session ends."""
    serve, addresses = load_ext("serve").serve, {}
    with contextlib.ExitStack() as stack:

        def address(folder):
            if folder not in addresses:
                addresses[folder] = stack.enter_context(serve(folder))
            return addresses[folder]

        yield address


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=BROWSER_ARGS)
        chromium.new_page, chromium.new_context = patient(chromium.new_page), patient(chromium.new_context)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, serving):
    """visit(folder, "page.html", width=…, theme=…) -> (page, watch); the pages close with the test.

    `before` is called with the page before it goes anywhere.

    Nothing is kept for reading offline: that would ask for the search's files beside every page.
    """
    contexts = []

    def go(folder, path, *, width=1280, height=900, theme="light", before=None, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme, **options)
        contexts.append(context)
        page = context.new_page()
        page.add_init_script("if (navigator.serviceWorker) navigator.serviceWorker.register = async () => {}")
        base = serving(folder)
        watch = Watch(page, base)
        if before:
            before(page)
        page.goto(f"{base}/{path}")
        if options.get("java_script_enabled", True):
            page.wait_for_function(STARTED)
        return page, watch

    yield go
    for context in contexts:
        context.close()


@pytest.fixture
def visit_alone(visit, tmp_path):
    """visit_alone(widget, …) -> (page, watch) as `visit` gives them: a page that has this figure and nothing else.

    No book is built for it, and it opens in a fraction of the time that a chapter takes.
    """
    from figure_pages import write_page

    def go(widget, fragment="", *, width=800, **options):
        return visit(tmp_path, write_page(tmp_path, [widget]) + fragment, width=width, **options)

    return go
