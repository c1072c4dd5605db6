"""Figures in notebooks: keys pressed in one stay in it; a saved, an executed and a converted notebook still show it."""

import json
import subprocess
from urllib.request import Request, urlopen

import nbformat
import pytest
from bookext.execution import OUTPUTS
from lab_server import BIN, environment_of, jupyterlab, open_notebook, run_all
from nbclient import NotebookClient

from rnnlib import widgets

CELL, FIGURE = ".jp-Notebook .jp-Cell", ".rnn"
# One control of each kind has the keys of all: hundreds of cells of tables are of one.
KINDS = """(nodes) => nodes.map((node) =>
  [node.localName, node.type, node.getAttribute("role"), ...node.classList].join(" "))"""
# All cells stay in the page, to be counted.
SETTINGS = {"@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"}}


def notebook(*names):
    cells = [nbformat.v4.new_code_cell(f"from rnnlib.widgets import {name}\n{name}()") for name in names]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="module")
def lab(folder):
    with jupyterlab(folder, SETTINGS) as address:
        yield address


# Keys


@pytest.fixture(scope="module")
def every(browser, lab, folder):
    """A notebook with each of the figures, run."""
    nbformat.write(notebook(*widgets.__all__), folder / "every.ipynb")
    page = run_all(browser, f"{lab}/lab/tree/every.ipynb?token=t")
    for cell in page.locator(CELL).all():
        cell.locator(FIGURE).wait_for()
    yield page
    page.close()


def test_keys_pressed_in_a_figure_stay_in_it(every):
    """One test for all figures: two processes of tests would start JupyterLab and its kernel twice."""
    cells = every.locator(CELL)
    for place, name in enumerate(widgets.__all__):
        figure = cells.nth(place).locator(FIGURE)
        for fold in figure.locator("summary").all():
            fold.click()  # what is folded away
        slider = figure.get_by_role("slider", disabled=False).first  # one that has somewhere to go
        before = slider.input_value()
        slider.press("ArrowRight")  # and with another size come other rows, with controls of their own
        assert slider.input_value() != before, name
        controls = figure.locator("input, select, textarea, button, a[href], [tabindex]").locator("visible=true")
        kinds = dict(zip(controls.evaluate_all(KINDS), controls.element_handles(), strict=True))
        assert len(kinds) >= 3, name
        for kind, control in kinds.items():
            if not control.is_visible():  # a key may change what can be reached
                continue
            control.focus()
            for key in ("b", "d", "d", "ArrowDown", "Escape"):
                every.keyboard.press(key)
            assert figure.evaluate("node => node.contains(document.activeElement)"), (name, kind)
            assert cells.count() == len(widgets.__all__), (name, kind)


def test_a_press_on_what_is_no_control_leaves_the_keys_in_the_figure(every):
    every.locator(".rnn-forward").click(position={"x": 2, "y": 2})
    for key in ("b", "d", "d"):
        every.keyboard.press(key)
        assert every.locator(CELL).count() == len(widgets.__all__), key


def test_beside_a_figure_the_keys_are_the_notebook_s(every):
    cells = every.locator(CELL)
    every.locator(".jp-InputPrompt").last.click()
    every.keyboard.press("b")
    cells.nth(len(widgets.__all__)).wait_for()
    every.keyboard.press("d")
    every.keyboard.press("d")
    cells.nth(len(widgets.__all__)).wait_for(state="detached")


def test_a_notebook_is_saved_from_a_figure(every):
    every.locator(".rnn-forward").get_by_label("Text", exact=True).focus()
    with every.expect_response(lambda answer: answer.request.method == "PUT" and "every.ipynb" in answer.url):
        every.keyboard.press("Control+s")


# Opened again


def end_sessions(lab):
    for session in json.loads(urlopen(f"{lab}/api/sessions?token=t").read()):
        urlopen(Request(f"{lab}/api/sessions/{session['id']}?token=t", method="DELETE"))


def test_a_notebook_saved_without_state_shows_the_picture(browser, lab, folder):
    nbformat.write(notebook("ForwardStepper"), folder / "saved.ipynb")
    page = run_all(browser, f"{lab}/lab/workspaces/a/tree/saved.ipynb?token=t")
    page.locator(".rnn-forward").wait_for()
    picture = page.locator(".rnn-still img")
    picture.wait_for(state="attached")
    assert not picture.is_visible()
    with page.expect_response(lambda answer: answer.request.method == "PUT" and "saved.ipynb" in answer.url):
        page.keyboard.press("Control+s")
    page.close()
    assert "widgets" not in nbformat.read(folder / "saved.ipynb", 4).metadata
    end_sessions(lab)
    page = open_notebook(browser, f"{lab}/lab/workspaces/b/tree/saved.ipynb?token=t")
    picture = page.get_by_role("img", name="ForwardStepper: a network with 4 hidden units")
    picture.wait_for()
    assert picture.count() == 1
    message = page.get_by_text("Error displaying widget")
    assert message.count() == 1 and not message.is_visible()
    page.close()


@pytest.fixture(scope="module")
def executed(folder):
    """A notebook that nobody has opened: its cells were run, and the state of its figures kept."""
    nb = notebook("ForwardStepper", "Rosetta")
    nb.cells.append(nbformat.v4.new_code_cell("type(Out[1]).__name__"))
    file = folder / "executed.ipynb"
    nbformat.write(NotebookClient(nb, kernel_name="python3", **OUTPUTS).execute(), file)
    return file


def test_a_figure_shown_last_in_a_cell_is_the_cell_s_result(executed):
    assert nbformat.read(executed, 4).cells[2].outputs[0].data["text/plain"] == "'ForwardStepper'"


def test_an_executed_notebook_shows_one_picture_until_it_is_trusted_and_then_the_figure(browser, lab, executed):
    page = open_notebook(browser, f"{lab}/lab/workspaces/c/tree/executed.ipynb?token=t")
    page.locator(".jp-OutputArea img").nth(3).wait_for(state="attached")
    assert page.locator(".jp-OutputArea img").locator("visible=true").count() == 2
    page.close()
    command = [BIN / "jupyter", "trust", executed]
    subprocess.run(command, env=environment_of(executed.parent), check=True, capture_output=True)
    page = open_notebook(browser, f"{lab}/lab/workspaces/d/tree/executed.ipynb?token=t")
    page.locator(".rnn-forward").get_by_role("button", name="Next step").click()
    page.locator(".rnn-forward [data-t='1'][aria-current=step]").wait_for()
    assert page.locator(".rnn-still img").locator("visible=true").count() == 0
    page.close()


# Converted


@pytest.fixture(scope="module", params=[["--output=kept"], ["--execute", "--output=executed"]], ids=" ".join)
def converted(executed, request):
    command = [BIN / "jupyter", "nbconvert", "--to", "html", *request.param, executed]
    subprocess.run(command, env=environment_of(executed.parent), check=True, capture_output=True)
    return executed.with_name(f"{request.param[-1].partition('=')[2]}.html").as_uri()


def test_a_page_of_nbconvert_is_alive_without_a_network(browser, converted):
    context = browser.new_context(offline=True)
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(converted)
    page.locator(".rnn-forward").get_by_role("button", name="Next step").click()
    page.locator(".rnn-forward [data-t='1'][aria-current=step]").wait_for()
    page.locator(".rnn-rosetta").get_by_label("Text", exact=True).fill("hi 你好")
    page.locator(".rnn-rosetta").get_by_role("slider").first.press("ArrowRight")
    assert page.locator(".rnn-still img").locator("visible=true").count() == 0
    assert [error for error in errors if "require" not in error] == []  # nbconvert's own, from its CDN
    context.close()


def test_a_page_of_nbconvert_without_scripts_shows_pictures(browser, converted):
    context = browser.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(converted)
    pictures = page.get_by_role("img").locator("visible=true")
    alts = [picture.get_attribute("alt") for picture in pictures.all()]
    assert [alt.split(":")[0] for alt in alts] == ["ForwardStepper", "Rosetta"]
    context.close()


DRAWN = """async () => {
  document.body.dataset.jpThemeLight = "false";
  const block = document.querySelector("script[type='application/vnd.jupyter.widget-state+json']");
  const { state } = JSON.parse(block.textContent);
  const held = Object.values(state).find((entry) => entry.state._anywidget_id?.endsWith("ForwardStepper")).state;
  const traits = { ...held, _weights: new DataView(new ArrayBuffer(0)) };
  const { default: figure } = await import(URL.createObjectURL(new Blob([held._esm], { type: "text/javascript" })));
  const el = document.createElement("div");
  figure.render({ el, model: { get: (name) => traits[name], set() {}, save_changes() {}, on() {}, off() {} } });
  return el.querySelector(".rnn-number[role=cell]").style.backgroundColor.match(/\\d+/g).map(Number);
}"""


def test_a_figure_drawn_before_it_is_in_its_page_has_the_page_s_colours(browser, converted):
    """JupyterLab lets a figure draw first and puts it into the page then."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(converted)
    page.locator(".rnn-forward").wait_for()  # and with it its style sheet
    assert max(page.evaluate(DRAWN)) < 128
    context.close()
