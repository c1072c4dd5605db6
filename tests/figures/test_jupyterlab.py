"""In JupyterLab, with a kernel: chapters open as notebooks; figure, Python and sliders move together."""

import subprocess
import sys
from pathlib import Path

import pytest
from lab_server import jupyterlab, run_all

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
    format_version: 0.13
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

```{code-cell} ipython3
import ipywidgets as w
from rnnlib.widgets import ForwardStepper

stepper = ForwardStepper(text="hello", hidden_size=3)
linked, front = w.IntSlider(description="linked", max=3), w.IntSlider(description="front", max=3)
w.link((linked, "value"), (stepper, "t"))
w.jslink((front, "value"), (stepper, "t"))
told = w.Label("nothing yet")
stepper.observe(lambda change: setattr(told, "value", f"python: {stepper.text} {stepper.t} {stepper.params.Whh.shape}"))
w.VBox([stepper, linked, front, told])
```
"""


@pytest.fixture
def lab(tmp_path):
    """The address of a JupyterLab in a folder that holds one notebook of text."""
    (tmp_path / "note.md").write_text(NOTEBOOK, encoding="utf-8")
    with jupyterlab(tmp_path) as address:
        yield address


def test_the_figure_python_and_sliders_move_together(browser, lab):
    page = run_all(browser, f"{lab}/lab/tree/note.md?token=t")
    view = page.locator(".rnn-forward")
    view.get_by_role("button", name="Next step").click()
    page.get_by_text("python: hello 1 (3, 3)").wait_for()
    linked, front = (
        page.locator(".widget-slider", has_text=name).get_by_role("slider") for name in ("linked", "front")
    )
    assert float(linked.get_attribute("aria-valuenow")) == 1
    linked.focus()
    page.keyboard.press("ArrowRight")  # link: through Python
    view.locator("[data-t='2'][aria-current=step]").wait_for()
    front.focus()
    page.keyboard.press("ArrowRight")  # jslink: in the page
    view.locator("[data-t='3'][aria-current=step]").wait_for()
    view.get_by_label("Text", exact=True).fill("hi 你好")
    page.get_by_text("python: hi 你好 3 (3, 3)").wait_for()
    page.close()


def test_a_chapter_s_notebook_reads_as_the_page_and_runs(browser, lab, tmp_path):
    command = [sys.executable, ROOT / "tools" / "make_notebooks.py", tmp_path / "notebooks"]
    subprocess.run(command, check=True, capture_output=True)
    page = run_all(browser, f"{lab}/lab/tree/notebooks/intro.ipynb?token=t")
    page.locator(".jp-OutputArea-output").get_by_text("V = 12 characters, T = 16 steps").wait_for()
    page.locator(".jp-WindowedPanel-outer").evaluate("n => n.scrollTo(0, 0)")
    page.locator(".jp-RenderedMarkdown a", has_text="recurrent network").wait_for()
    page.locator(".jp-RenderedMarkdown mjx-container").first.wait_for()
    assert "{" not in "".join(page.locator(".jp-RenderedMarkdown").all_inner_texts())

    def in_sight():  # Lab draws what is in sight
        page.locator(".jp-WindowedPanel-outer").evaluate("n => n.scrollTo(0, 0)")
        return page.locator(".rnn-river-figure")

    in_sight().locator("[data-t='12'][aria-current=step]").press("ArrowLeft")
    in_sight().locator("[data-t='11'][aria-current=step]").wait_for()
    page.locator(".jp-Notebook").press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.type("print('python: t =', Out[2].t); Out[2].t = 2")
    page.keyboard.press("Shift+Enter")
    page.get_by_text("python: t = 11").wait_for()  # what was done in the page
    in_sight().locator("[data-t='2'][aria-current=step]").wait_for()  # what was done in Python
    page.close()
