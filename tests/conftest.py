"""What the browser tests share: a browser, the book built from nothing, and a watch on what a page does."""

import contextlib
import importlib
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from filelock import FileLock
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
BROWSER_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

settings.register_profile("book", deadline=None)  # no test is about time: machines are busy
settings.load_profile("book")

sys.path.append(str(ROOT / "_ext"))  # as jupyter-book does: the folder is no package


@pytest.fixture(scope="session")
def load_ext():
    """load_ext("serve") -> that module of _ext."""
    return importlib.import_module


def build(source, target):
    """Build a book from nothing, as CI does; fails with the end of the log."""
    command = [
        *(sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(source)),
        *("--path-output", str(target), "-W", "-n", "--keep-going"),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        pytest.fail("\n".join((run.stdout + run.stderr).splitlines()[-60:]), pytrace=False)


@pytest.fixture(scope="session")
def built_once(tmp_path_factory, worker_id):
    """built_once(name, source) -> the folder of a built book; tests that run in several processes build it once."""

    def find(name, source):
        own = tmp_path_factory.getbasetemp()
        folder = (own if worker_id == "master" else own.parent) / name
        done = folder / "done"
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                folder.mkdir()
                build(source(), folder)
                done.touch()
        if not done.exists():
            pytest.fail(f"the build of {name} has failed, see the first test that needed it", pytrace=False)
        return folder / "_build" / "html"

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
def published(built_once, tmp_path_factory):
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

    return built_once("published", source)


@pytest.fixture(scope="session")
def untrimmed(built_once, tmp_path_factory):
    """The same with every rule of the theme's style sheets."""
    folder = tmp_path_factory.mktemp("untrimmed-source")
    return built_once("untrimmed", lambda: specimen_source(folder, book_trim=False))


def specimen_source(source, **settings):
    shutil.copytree(ROOT / "tests" / "specimen", source, dirs_exist_ok=True)
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    config.pop("bibtex_bibfiles", None)
    config["sphinx"]["config"].pop("bibtex_reference_style", None)
    config["title"] = "Specimen"
    config["sphinx"]["config"]["suppress_warnings"] = ["widget_host.first_state"]  # of pages/broken.md
    config["sphinx"]["config"] |= settings
    config["sphinx"]["local_extensions"] = dict.fromkeys(config["sphinx"]["local_extensions"], str(ROOT / "_ext"))
    (source / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return source


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


def chromium_path():
    """The system's Chromium; None where only Playwright's own can be there."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=BROWSER_ARGS)
        yield chromium
        chromium.close()


# Chromium logs what the page's policy forbids; this tells it in one wording, whoever logs what.
REFUSALS = """addEventListener("securitypolicyviolation", (event) =>
  console.error(`refused: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile ?? ""}`))"""
# A function: what is waited for is asked again and again by the page, whose policy lets it run no text as code.
STARTED = "() => [...document.querySelectorAll('.rnn-widget')].every((view) => view.dataset.state)"


class Watch:
    """What a page said and asked for, since it was opened."""

    def __init__(self, page, base):
        self.host = urlsplit(base).netloc
        self.console, self.errors, self.foreign, self.failed = [], [], [], []
        page.add_init_script(REFUSALS)
        page.on("console", lambda m: m.type in ("error", "warning") and self.console.append(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self.note_request)
        page.on("response", lambda r: r.status >= 400 and self.failed.append(f"{r.status} {r.url}"))

    def note_request(self, request):
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc != self.host:
            self.foreign.append(request.url)

    @property
    def complaints(self):
        return self.console + self.errors + self.foreign + self.failed


@pytest.fixture
def visit(browser, serving):
    """visit(folder, "page.html", width=…, theme=…) -> (page, watch); the pages close with the test.

    Nothing is kept for reading offline: that would ask for the search's files beside every page.
    """
    contexts = []

    def go(folder, path, *, width=1280, height=900, theme="light", **options):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme, **options)
        contexts.append(context)
        page = context.new_page()
        page.add_init_script("if (navigator.serviceWorker) navigator.serviceWorker.register = async () => {}")
        base = serving(folder)
        watch = Watch(page, base)
        page.goto(f"{base}/{path}")
        if options.get("java_script_enabled", True):
            page.wait_for_function(STARTED)
        return page, watch

    yield go
    for context in contexts:
        context.close()
