"""What a page may cost, and the table of what every page of the built book does cost: ``make audit``.

    python tools/audit.py [FOLDER]

opens each page as a first visit with every picture loaded, hands it to axe in both colours and at both widths, and to
Lighthouse with a phone's default throttling; it fails when the budget below is broken. Lighthouse's scores are told
and not judged, since they follow the machine. `tests/site/test_book.py` holds the same budget without Lighthouse.
"""

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import TimeoutError

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path.append(str(TESTS / "support"))
from browsing import BROWSER_ARGS, STARTED, chromium_path  # noqa: E402

WIDTHS = 1280, 360
THEMES = "light", "dark"
LIMIT = 150_000  # bytes over the wire, gzip, for a page and all that it loads
REQUESTS = 25
SHIFT = 0.01  # how far the page may jump while it loads, in the units of Cumulative Layout Shift

CATEGORIES = "performance", "accessibility", "best-practices", "seo"
METRICS = "largest-contentful-paint", "total-blocking-time", "cumulative-layout-shift"
HEAD = "page perf a11y best seo LCP/s TBT/ms CLS kB requests third axe"
STILL = "*, ::before, ::after { animation: none !important; transition: none !important; }"
WATCH_SHIFTS = """window.shifted = 0;
new PerformanceObserver((list) => list.getEntries().forEach((e) => { shifted += e.hadRecentInput ? 0 : e.value; }))
  .observe({ type: "layout-shift", buffered: true });"""
# two frames on, when what the last pictures moved has been told
SHIFTED = """() => new Promise((done) =>
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(shifted)))))"""
COLOURS = ["color-contrast", "link-in-text-block"]  # the rules of axe that ask for colours


class Cost(NamedTuple):
    weight: int  # bytes
    requests: int
    foreign: list  # addresses on other hosts
    shift: float

    def broken(self):
        """What breaks the budget, in words."""
        return [
            *([f"{self.weight} bytes"] if self.weight > LIMIT else []),
            *([f"{self.requests} requests"] if self.requests > REQUESTS else []),
            *([f"asks {self.foreign}"] if self.foreign else []),
            *([f"jumps by {self.shift:.3f}"] if self.shift >= SHIFT else []),
        ]


def pages(folder):
    """Every page of a built book, as addresses relative to it."""
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*.html"))


class Meter:
    """What a first visit of a page takes, gzipped as a host would send it; made before the page goes anywhere."""

    def __init__(self, page):
        self.page, self.sizes, self.asked, self.open = page, [], [], {}
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.loadingFinished", self.note_end)
        session.on("Network.loadingFailed", self.note_end)
        session.on("Network.requestWillBeSent", self.note_request)
        page.add_init_script(WATCH_SHIFTS)

    def note_request(self, event):
        self.asked.append(event["request"]["url"])
        self.open[event["requestId"]] = event["request"]["url"]

    def note_end(self, event):
        self.open.pop(event["requestId"], None)
        if "encodedDataLength" in event:  # it has not failed
            self.sizes.append(event["encodedDataLength"])

    def read(self):
        """The cost with the pictures further down. Those of live figures are not shown, and never asked for."""
        try:
            self.page.wait_for_load_state("networkidle")
        except TimeoutError as problem:
            raise TimeoutError(f"no answer to {list(self.open.values())}") from problem
        self.page.evaluate("document.querySelectorAll('img').forEach((i) => i.offsetParent && (i.loading = 'eager'))")
        self.page.wait_for_function("() => [...document.images].every((i) => i.complete || !i.offsetParent)")
        shift = self.page.evaluate(SHIFTED)
        asked = [url for url in self.asked if urlsplit(url).scheme not in ("data", "blob")]
        foreign = [url for url in asked if urlsplit(url).netloc != urlsplit(self.page.url).netloc]
        return Cost(int(sum(self.sizes)), len(asked), foreign, shift)


def cost(browser, address, width=360):
    """What a first visit takes, at a width."""
    context = browser.new_context(viewport={"width": width, "height": 800}, service_workers="block")
    page = context.new_page()
    meter = Meter(page)
    page.goto(address)
    page.wait_for_function(STARTED)
    found = meter.read()
    context.close()
    return found


@cache
def axe():
    """The axe of tests/package.json, which is raised by hand; where npm has not installed it, that of the package."""
    newest = TESTS / "node_modules" / "axe-core" / "axe.min.js"
    return Axe.from_file(newest) if newest.exists() else Axe()


def violations(page, leave_out=None, **options):
    """What axe finds on an open page, one line each; outside of the selector `leave_out`, with axe's own options."""
    page.evaluate("rule => document.styleSheets[0]?.insertRule(rule)", STILL)
    context = leave_out and {"exclude": [[leave_out]]}
    found = axe().run(page, context=context, options={"resultTypes": ["violations"], **options}).response["violations"]
    return [f"{v['id']} ({v['impact']}): {v['nodes'][0]['html'][:200]}" for v in found]


def violations_everywhere(browser, address):
    """What axe finds at each width and in both colours."""
    found = []
    for width in WIDTHS:
        for theme in THEMES:
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
            page = context.new_page()
            page.goto(address)
            page.wait_for_function(STARTED)
            found += [f"{width} {theme}: {words}" for words in violations(page)]
            context.close()
    return found


def lighthouse(chromium, address):
    """Scores of 100 by category, the metrics, and every audit that costs points."""
    run = subprocess.run(
        [
            *("node", TESTS / "node_modules/lighthouse/cli/index.js", address, "--quiet", "--output=json"),
            *(f"--only-categories={','.join(CATEGORIES)}", f"--chrome-flags=--headless=new {' '.join(BROWSER_ARGS)}"),
        ],
        **{"capture_output": True, "text": True, "check": False, "env": os.environ | {"CHROME_PATH": chromium}},
    )
    if run.returncode:
        sys.exit(f"Lighthouse failed on {address}:\n{run.stderr[-2000:]}")
    report = json.loads(run.stdout)
    categories = [report["categories"][name] for name in CATEGORIES]
    costly = []
    for category in categories:
        for ref in category["auditRefs"]:
            score = report["audits"][ref["id"]]["score"]
            if ref["weight"] and score is not None and score < (0.95 if category["id"] == "performance" else 1):
                costly.append(f"{ref['id']} {score:.2f}")
    scores = [round(100 * (category["score"] or 0)) for category in categories]
    return scores, [report["audits"][name]["numericValue"] for name in METRICS], costly


def main(folder="_build/html"):
    if not shutil.which("node"):
        sys.exit("Missing: Node.js for Lighthouse, 18.20 or newer (Debian and Ubuntu: apt install nodejs npm)")
    if not (TESTS / "node_modules/lighthouse").exists():
        sys.exit("Missing: Lighthouse (npm ci --prefix tests, or make audit)")
    if not pages(folder):
        sys.exit(f"Missing: the built book in {folder} (make book)")
    from playwright.sync_api import sync_playwright
    from serve import serve
    from tqdm import tqdm

    rows, costly, broken = [], {}, {}
    with serve(folder) as base, sync_playwright() as playwright:
        chromium = chromium_path() or playwright.chromium.executable_path
        for path in tqdm(pages(folder), unit="page"):
            address = f"{base}/{path}"
            browser = playwright.chromium.launch(executable_path=chromium, args=BROWSER_ARGS)
            costs = [cost(browser, address, width) for width in WIDTHS]
            found = violations_everywhere(browser, address)
            browser.close()  # or it would work beside Lighthouse's own
            scores, (lcp, tbt, cls), costly[path] = lighthouse(chromium, address)
            worst = Cost(*map(max, zip(*costs, strict=True)))
            broken[path] = worst.broken() + found
            cls = max(cls, worst.shift)
            worst_kb, third = worst.weight / 1000, len(worst.foreign)
            rows.append([*scores, lcp / 1000, tbt, cls, worst_kb, worst.requests, third, len(found)])
    print("{:28}{:>5}{:>5}{:>5}{:>5}{:>7}{:>7}{:>7}{:>7}{:>9}{:>6}{:>4}".format(*HEAD.split()))
    for path, row in zip(pages(folder), rows, strict=True):
        print("{:28}{:5}{:5}{:5}{:5}{:7.2f}{:7.0f}{:7.3f}{:7.1f}{:9}{:6}{:4}".format(path, *row))
    for title, lists in (("Costs points", costly), ("Breaks the budget", broken)):
        for path, words in lists.items():
            for line in words:
                print(f"{title}: {path}: {line}")
    sys.exit(any(broken.values()))


if __name__ == "__main__":
    main(*sys.argv[1:])
