"""How long a reader on a phone waits until a figure answers: from the click on the link to the first changed picture.

    python benchmarks/first_answer.py [FOLDER [ROUNDS]]

prints for each page of the built book that has figures the median and the longest of a few first visits, in seconds,
with the slow 4G and the processor four times slower that Lighthouse takes for a phone. The controls of the first
figure are moved, one after the other, until its words change; the page's other figures start as they do for readers.
"""

import statistics
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "tests" / "support"), str(ROOT / "tools")]

from browsing import BROWSER_ARGS, chromium_path  # noqa: E402
from serve import serve  # noqa: E402

SLOW_4G = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8}
SLOWER = 4
PRESS = """
const move = (control) => {
  if (control.matches("select")) control.selectedIndex = (control.selectedIndex + 1) % control.length;
  else if (control.matches("button")) return control.click();
  else control[control.value === control.max ? "stepDown" : "stepUp"]();
  for (const kind of ["input", "change"]) control.dispatchEvent(new Event(kind, { bubbles: true }));
};
const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
(async () => {
  for (let i = 0; ; await new Promise((done) => setTimeout(done, 10))) {
    const figure = document.querySelector(".rnn-widget");
    if (figure?.dataset.state !== "live") continue;
    const controls = figure.querySelectorAll("input[type=range]:enabled, select:enabled, button:enabled");
    const before = figure.textContent;
    move(controls[i++ % controls.length]);
    await painted();
    if (figure.textContent !== before) return void (window.answered = performance.now());
  }
})();"""


def first_answer(browser, address):
    """Seconds from the navigation to the paint of the first answer."""
    context = browser.new_context(
        viewport={"width": 360, "height": 640}, device_scale_factor=2, service_workers="block"
    )
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW_4G)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.add_init_script(PRESS)
    page.goto(address, wait_until="commit")
    seconds = page.wait_for_function("() => window.answered", timeout=60_000).json_value() / 1000
    context.close()
    return seconds


def main(folder=ROOT / "_build/html", rounds="3"):
    with serve(folder) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=BROWSER_ARGS)
        for path in sorted(Path(folder).rglob("*.html")):
            if "data-model-id=" in path.read_text(encoding="utf-8"):
                name = path.relative_to(folder).as_posix()
                times = [first_answer(browser, f"{base}/{name}") for _ in range(int(rounds))]
                print(f"{name:28} median {statistics.median(times):5.2f} s  longest {max(times):5.2f} s", flush=True)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
