"""How fast TrainingLab trains in the page while it paints, and how soon it answers its reader while it trains.

    python benchmarks/lab.py

prints the updates per second with Adam, and of 60 presses of an arrow key on a slider, while it trains, the median and
the 95th percentile of the time from the press until the new state is painted, in ms. The target is 10,000 and 2,500
updates per second at the first two sizes, 1,500 for an LSTM or a GRU at the second, and an answer within 100 ms. The
time of a press is that of the browser's event, so that it contains the wait for whatever the page was doing.
"""

import statistics
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from rnnlib.widgets import TrainingLab

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from browsing import BROWSER_ARGS, chromium_path

MIDDLE = "".join(chr(0x41 + 7 * i % 30) for i in range(200))
SIZES = {
    "rnn, H = 16, T = 16, V = 20": (
        "".join(chr(0x61 + i * i % 20) for i in range(20)) + "abcdefghijklmnopqrst", 16, 16, "rnn",
    ),
    "rnn, H = 32, T = 24, V = 30": (MIDDLE, 32, 24, "rnn"),
    "lstm, H = 32, T = 24, V = 30": (MIDDLE, 32, 24, "lstm"),
    "gru, H = 32, T = 24, V = 30": (MIDDLE, 32, 24, "gru"),
    "rnn, H = 64, T = 64, V = 500": ("".join(chr(0x4E00 + 7 * i % 500) for i in range(2000)), 64, 64, "rnn"),
}  # fmt: skip
SECONDS, PRESSES = 4, 60
SLIDERS = ("Temperature", "Learning rate η", "Hidden size H")

MOUNT = """async ([esm, css, traits]) => {
  const { default: view } = await import(URL.createObjectURL(new Blob([esm], { type: "text/javascript" })));
  document.head.append(Object.assign(document.createElement("style"), { textContent: css }));
  const heard = {};
  window.traits = traits;
  const model = {
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
  document.querySelector(".rnn-lab-full").click();
  document.querySelector(".rnn-more").open = true;
  // The answer to a key is there when the frame after it is painted.
  window.answers = [];
  const channel = new MessageChannel();
  addEventListener("keydown", ({ timeStamp }) => requestAnimationFrame(() => {
    channel.port1.onmessage = () => window.answers.push(performance.now() - timeStamp);
    channel.port2.postMessage(0);
  }), true);
}"""
PLAY = """async (seconds) => {
  const button = document.querySelector(".rnn-lab-play");
  const before = window.traits.updates;
  const start = performance.now();
  button.click();
  await new Promise((done) => setTimeout(done, 1000 * seconds));
  button.click(); // what was done is written when it is paused
  return (1000 * (window.traits.updates - before)) / (performance.now() - start);
}"""


def main():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=BROWSER_ARGS)
        print(f"{'':30}{'updates/s':>10}   answer while training, ms: median, p95")
        for size, (text, H, T, cell) in SIZES.items():
            page = browser.new_page(viewport={"width": 736, "height": 900})  # the width of the book's column
            lab = TrainingLab(text=text, cell=cell, hidden_size=H, steps=T, learning_rate=0.002)
            traits = {name: v for name, v in lab.get_state().items() if isinstance(v, (str, int, float))}
            page.evaluate(MOUNT, [lab._esm, lab._css, traits])
            page.evaluate(PLAY, 1)  # warm
            speed = page.evaluate(PLAY, SECONDS)
            page.locator(".rnn-lab-play").click()
            answers = []
            for name in SLIDERS:
                page.get_by_role("slider", name=name, exact=True).focus()
                page.evaluate("window.answers.length = 0")
                for i in range(PRESSES):
                    page.keyboard.press("ArrowLeft" if i % 2 else "ArrowRight")
                    page.wait_for_function("n => window.answers.length > n", arg=i)
                    page.wait_for_timeout(7 * i % 50)  # at any moment of a slice
                times = page.evaluate("window.answers")
                answers.append(f"{name} {statistics.median(times):.0f}, {statistics.quantiles(times, n=20)[-1]:.0f}")
            print(f"{size:30}{speed:10.0f}   {'; '.join(answers)}")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
