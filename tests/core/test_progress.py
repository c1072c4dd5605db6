"""Who watches a training run: a person in a notebook, or nobody while a page is built. Each in a real kernel."""

import nbformat
import pytest
from bookext.execution import OUTPUTS
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

BEGIN = """
import signal
import numpy as np
from rnnlib import Vocabulary, init_params
from rnnlib.train import train
TEXT = "one fish two fish red fish blue fish " * 3
vocab = Vocabulary(TEXT)
start = init_params(len(vocab), 4, rng=np.random.default_rng(0))
options = {"ids": vocab.encode(TEXT), "rate": 0.1, "steps": 10}
"""
TRAIN = "run = train(start, **options)"
INTERRUPT = "run = train(start, **options, callbacks=[lambda run: signal.raise_signal(signal.SIGINT)], epochs=3)"


@pytest.fixture(scope="module")
def kernel():
    """`run(code)`: what a cell of a notebook shows that a person has run, as (name of the stream or message, text)."""
    manager, client = start_new_kernel()

    def run(code):
        shown = []

        def show(message):
            content = message["content"]
            if message["msg_type"] == "stream":
                before = shown.pop()[1] if shown and shown[-1][0] == content["name"] else ""
                shown.append((content["name"], before + content["text"]))  # which may come in pieces
            elif message["msg_type"] == "error":
                shown.append(("error", "\n".join(content["traceback"])))
            elif message["msg_type"] not in ("status", "execute_input"):
                shown.append((message["msg_type"], str(content.get("data"))))

        client.execute_interactive(code, output_hook=show, timeout=60)
        return shown

    assert run(BEGIN) == []
    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_a_notebook_shows_the_bar_by_itself_as_text(kernel):
    [(name, text)] = kernel(TRAIN)
    assert name == "stdout"  # which a saved notebook shows, and ipywidgets need not be there
    assert "100%" in text and "loss=" in text


def test_a_notebook_tells_of_an_interrupt_in_one_line(kernel):
    [(name, text)] = kernel(INTERRUPT)
    assert name == "stdout"
    line = text.splitlines()[-1]
    assert line.startswith("train: interrupted after update ") and "train(run, ...)" in line


def test_a_notebook_finds_the_run_of_an_exception_that_nothing_caught(kernel):
    name, text = kernel("train(start, **options, callbacks=[lambda run: 1 / 0])")[-1]
    assert name == "error" and "ZeroDivisionError" in text
    assert kernel("import sys\nsys.last_value.run.epoch") == [("execute_result", "{'text/plain': '1'}")]


def test_a_notebook_shows_no_bar_where_none_is_wanted(kernel):
    assert kernel("run = train(start, **options, progress=False)") == []


def test_a_notebook_without_tqdm_trains_too_and_still_tells_of_an_interrupt(kernel):
    kernel("import sys; sys.modules['tqdm'] = None")
    try:
        assert kernel(TRAIN) == []
        [(name, text)] = kernel(INTERRUPT)
        assert name == "stdout" and text.startswith("train: interrupted after") and text.count("\n") == 1
    finally:
        kernel("del sys.modules['tqdm']")


def test_cells_that_nobody_watches_leave_nothing_in_the_page():
    cells = [nbformat.v4.new_code_cell(source) for source in (BEGIN, TRAIN, INTERRUPT)]
    notebook = NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=600, **OUTPUTS).execute()
    assert [cell.outputs for cell in notebook.cells] == [[], [], []]
    assert [cell.execution_count for cell in notebook.cells] == [1, 2, 3]
