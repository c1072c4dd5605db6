"""How long the browser works on one change of a ForwardStepper: recompute, style, layout and paint, on the main thread.

    python benchmarks/frame_time.py

prints the median and the 95th percentile in milliseconds at H = 64, T = 64, V = 65, the largest figure there is, and
at the size it has on the landing page. A frame has 16 ms. The time is Chromium's own account of its main thread
(TaskDuration), so that waiting for the next frame does not count.
"""

import shutil
import statistics

from playwright.sync_api import sync_playwright

from rnnlib.widgets import ForwardStepper

SIZES = {
    "H = 64, T = 64, V = 65": ("".join(chr(0x4E00 + i) for i in range(65)), 64),
    "H = 8, T = 16, V = 12": ("I am learning RNN", 8),
}
ROUNDS = 60

MOUNT = """async ([esm, css, traits]) => {
  const { default: view } = await import(URL.createObjectURL(new Blob([esm], { type: "text/javascript" })));
  document.head.append(Object.assign(document.createElement("style"), { textContent: css }));
  const heard = {};
  window.model = {
    get: (name) => traits[name],
    set(name, value) {
      if (traits[name] === value) return;
      traits[name] = value;
      heard[`change:${name}`]?.forEach((f) => f());
    },
    on: (names, f) => names.split(" ").forEach((name) => (heard[name] ??= []).push(f)),
    off() {}, save_changes() {},
  };
  view.render({ model, el: document.body.appendChild(document.createElement("div")) });
}"""
PAINTED = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"


def measure(page, session, change):
    """Milliseconds of the main thread that one change costs beyond what an empty call costs."""

    def spent(script):
        metrics = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
        page.evaluate(script)
        page.evaluate(PAINTED)
        after = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
        return 1000 * (after["TaskDuration"] - metrics["TaskDuration"])

    return spent(change) - spent("() => {}")


def main():
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-background-networking"]
        )
        print(f"{'':24}{'change of':14}{'median':>8}{'p95':>8}  ms on the main thread")
        for size, (text, H) in SIZES.items():
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            session = page.context.new_cdp_session(page)
            session.send("Performance.enable")
            traits = {"text": text, "hidden_size": H, "seed": 0, "t": 0, "unit": 0, "_weights": None, "_characters": ""}
            page.evaluate(MOUNT, [ForwardStepper._esm, ForwardStepper._css, traits])
            T = len(text) - 1
            changes = {
                "t": lambda i, T=T: f"() => model.set('t', {(7 * i + 1) % T})",
                "unit": lambda i, H=H: f"() => model.set('unit', {(3 * i + 1) % H})",
                "seed": lambda i: f"() => model.set('seed', {i + 1})",
                "hidden_size": lambda i, H=H: f"() => model.set('hidden_size', {H - i % 3})",
                "text": lambda i, text=text: f"() => model.set('text', {text[: len(text) - i % 2]!r})",
            }
            for name, change in changes.items():
                times = [measure(page, session, change(i)) for i in range(ROUNDS + 5)][5:]  # the first are cold
                p95 = statistics.quantiles(times, n=20)[-1]
                print(f"{size:24}{name:14}{statistics.median(times):8.1f}{p95:8.1f}")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
