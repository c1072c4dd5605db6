"""A browser for tests, and a watch on what a page does in it."""

import shutil
from urllib.parse import urlsplit

BROWSER_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# The first is the same engine without windows: a new context costs a third.
BROWSERS = "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"


def chromium_path():
    """The system's Chromium; None where only Playwright's own can be there."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


PATIENCE = 120
"""Seconds that a condition is waited for: many times what it takes, for machines that are ten times slower."""


def patient(make):
    """A browser's `new_page` or `new_context` whose waits have the patience of the tests."""

    def made(**options):
        opened = make(**options)
        opened.set_default_timeout(1000 * PATIENCE)
        return opened

    return made


# Chromium logs what the page's policy forbids; this tells it in one wording, whoever logs what.
REFUSALS = """addEventListener("securitypolicyviolation", (event) =>
  console.error(`refused: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile ?? ""}`))"""
# A function: what is waited for is asked again and again by the page, whose policy lets it run no text as code.
STARTED = "() => [...document.querySelectorAll('.rnn-widget')].every((view) => view.dataset.state)"


FRAMES = """(n) => new Promise((done) => {
  const next = () => (n-- > 0 ? requestAnimationFrame(next) : setTimeout(done));
  next();
})"""


def painted(page, frames=2):
    """Wait until the page has painted some frames; what was asked for before is drawn in the first."""
    page.evaluate(FRAMES, frames)


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
