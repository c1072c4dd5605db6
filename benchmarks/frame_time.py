"""How long the browser works on one change of a figure: recompute, style, layout and paint, on the main thread.

    python benchmarks/frame_time.py

prints the median and the 95th percentile in milliseconds at H = 64, T = 64, V = 65, the largest figure there is, at
half of that, and at the size of the book's sentence; then those of GradientFlow at H = 32, T = 64, with
the product of its Jacobians. A frame has 16 ms.
The time is that of the tasks of Chromium's main thread from the change until it is painted, so that waiting for the
next frame does not count. The last lines are yardsticks for the machine's mood: 180 numbers that change on a page with
nothing else, and one forward and backward pass of the engine at V = 65, H = 64, T = 32.
"""

import json
import statistics
import sys
from itertools import product
from pathlib import Path

from playwright.sync_api import sync_playwright

from rnnlib.widgets import BackwardStepper, ForwardStepper, GradientFlow
from rnnlib.widgets._bundle import bundle

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from browsing import BROWSER_ARGS, chromium_path

SIZES = {
    "H = 64, T = 64, V = 65": ("".join(chr(0x4E00 + i) for i in range(65)), 64),
    "H = 32, T = 32, V = 33": ("".join(chr(0x4E00 + i) for i in range(33)), 32),
    "H = 8, T = 16, V = 12": ("I am learning RNN", 8),
}
FLOW_TEXT = "to be, or not to be: that is the question: whether 'tis nobler in"  # 65 characters
ROUNDS, WARM_UP = 60, 20

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
YARDSTICK = """async (esm) => {
  const { engine } = await import(URL.createObjectURL(new Blob([esm], { type: "text/javascript" })));
  const params = engine.initParams(65, 64, 0);
  const ids = Int32Array.from({ length: 33 }, (_, i) => (7 * i) % 65);
  const times = Array.from({ length: 200 }, () => {
    const start = performance.now();
    engine.backward(params, engine.forward(params, ids.slice(0, -1)), ids.slice(1));
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[100];
}"""
ENGINE = """import { backward } from "./engine/bptt.js";
import { initParams } from "./engine/params.js";
import { forward } from "./engine/rnn.js";
export const engine = { backward, forward, initParams };
"""
BARE = """() => {
  const cells = [...document.querySelectorAll("span")];
  const number = (v, i) => `0.${((7 * v + 31 * i) % 900) + 100} `;
  window.model = { set: (_, v) => cells.forEach((cell, i) => (cell.textContent = number(v, i))) };
}"""
RUN = """async ([changes, rounds]) => {
  const channel = new MessageChannel();
  const painted = () => new Promise((done) => requestAnimationFrame(() => {
    channel.port1.onmessage = done; // after the frame that the next callback belongs to
    channel.port2.postMessage(0);
  }));
  for (let i = 0; i < rounds; i++) {
    for (const [name, values] of Object.entries(changes)) {
      await new Promise((done) => setTimeout(done, 30));
      await painted();
      performance.mark(`change ${name}`);
      window.model.set(name, values[i % values.length]);
      await painted();
      performance.mark("painted");
    }
  }
}"""


def busy_times(events):
    """For each change, in order: its name, and how long the main thread worked until it was painted."""
    marks = sorted((e for e in events if e.get("cat") == "blink.user_timing" and "ts" in e), key=lambda e: e["ts"])
    marks = [mark for mark in marks if mark["name"].startswith("change ") or mark["name"] == "painted"]
    thread = marks[0]["pid"], marks[0]["tid"]
    tasks = [
        e
        for e in events
        if e.get("name") == "ThreadControllerImpl::RunTask" and e["ph"] == "X" and (e["pid"], e["tid"]) == thread
    ]
    for start, end in zip(marks[::2], marks[1::2], strict=True):
        spans = ((max(e["ts"], start["ts"]), min(e["ts"] + e["dur"], end["ts"])) for e in tasks)
        yield start["name"].removeprefix("change "), sum(max(0, b - a) for a, b in spans) / 1000


def changes_of(stepper, text, H):
    """Which traits are changed, and to which values in turn."""
    T = len(text) - 1
    places = [7 * i % (T - 1) for i in range(1, ROUNDS)]
    network = {"seed": list(range(1, ROUNDS)), "hidden_size": [H, H - 1, H - 2], "text": [text[:-1], text]}
    if stepper is ForwardStepper:
        return {"t": places, "unit": [3 * i % (H - 2) for i in range(1, ROUNDS)], **network}
    steps = {"t": places, "move": [i % 5 for i in range(1, ROUNDS)], "parameter": ["Wxh", "Whh", "Why", "bh", "by"]}
    return {**steps, "s": places, "truncate": [1 + place for place in places], **network}


def changes_of_flow(cell):
    """The sliders of GradientFlow with this second cell; what is drawn anew at another seed or size is no slider's."""
    own = {"leaky": {"alpha": [0.05, 0.5, 0.2]}, "lstm": {"forget_bias": [0.5, 3.0, 1.0]}, "gru": {}}[cell]
    return {"gain": [0.8, 2.5, 1.0, 4.0], **own, "loss_t": [20, 62, 40, 63], "hidden_size": [31, 32], "seed": [1, 2, 3]}


def measure(browser, page, changes):
    """name of the trait -> the times of its changes, in ms."""
    page.evaluate(RUN, [changes, WARM_UP])
    browser.start_tracing(page=page, categories=["devtools.timeline", "toplevel", "blink.user_timing"])
    page.evaluate(RUN, [changes, ROUNDS])
    times = {name: [] for name in changes}
    for name, time in busy_times(json.loads(browser.stop_tracing())["traceEvents"]):
        times[name].append(time)
    return times


def report(browser, figure, size, changes):
    """Print a line for each change of this figure."""
    page = browser.new_page(viewport={"width": 736, "height": 900})  # the width of the book's column
    traits = {name: value for name, value in figure.get_state().items() if isinstance(value, (str, int, float))}
    page.evaluate(MOUNT, [figure._esm, figure._css, traits | {"_weights": None}])
    for name, values in measure(browser, page, changes).items():
        p95 = statistics.quantiles(values, n=20)[-1]
        print(f"{type(figure).__name__:16}{size:24}{name:14}{statistics.median(values):8.1f}{p95:8.1f}")
    page.close()


def main():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=BROWSER_ARGS)
        print(f"{'':40}{'change of':14}{'median':>8}{'p95':>8}  ms on the main thread")
        for (size, (text, H)), stepper in product(SIZES.items(), (ForwardStepper, BackwardStepper)):
            report(browser, stepper(text=text, hidden_size=H), size, changes_of(stepper, text, H))
        for cell in ("leaky", "lstm", "gru"):
            figure = GradientFlow(text=FLOW_TEXT, hidden_size=32, cell=cell, product="on")
            report(browser, figure, f"{cell}, H = 32, T = 64", changes_of_flow(cell))
        page = browser.new_page(viewport={"width": 736, "height": 900})
        page.set_content(("<p>" + "<span>0.123 </span>" * 6 + "</p>") * 30)
        page.evaluate(BARE)
        (bare,) = measure(browser, page, {"all": list(range(ROUNDS))}).values()
        print(f"yardstick: {statistics.median(bare):.1f} ms for 180 numbers of a bare page")
        ms = page.evaluate(YARDSTICK, bundle("engine.js", {"engine.js": ENGINE}))
        print(f"yardstick: {ms:.2f} ms for one pass of the engine")
        browser.close()


if __name__ == "__main__":
    main()
