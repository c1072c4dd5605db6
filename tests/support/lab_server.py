"""JupyterLab for tests: a server in a folder, and what a reader does in a notebook."""

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from browsing import PATIENCE

BIN = Path(sys.executable).parent


def environment_of(folder):
    """The environment in which Jupyter keeps all it remembers inside `folder`."""
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR")
    return os.environ | {name: str(folder / name) for name in names}


@contextlib.contextmanager
def jupyterlab(folder, settings=None):
    """The address of a JupyterLab in `folder`, set up as `make lab` sets it up; settings: plugin -> its settings."""
    environment = environment_of(folder)
    view = [BIN / "jupytext-config", "set-default-viewer", "markdown"]
    subprocess.run(view, env=environment, check=True, capture_output=True)
    for plugin, values in (settings or {}).items():
        package, _, name = plugin.partition(":")
        file = folder / "JUPYTERLAB_SETTINGS_DIR" / package / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values), encoding="utf-8")
    command = [BIN / "jupyter", "lab", "--no-browser", "--port=0", "--IdentityProvider.token=t", "--allow-root"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    server = subprocess.Popen(command, cwd=folder, env=environment, **pipes)
    rest = threading.Thread(target=lambda: [*server.stdout])  # a server that nobody listens to would come to a stop
    try:
        told = []
        for line in server.stdout:
            told.append(line)
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                break
        else:
            pytest.fail(f"JupyterLab did not start:\n{''.join(told)[-2000:]}", pytrace=False)
        rest.start()
        yield found[0]
    finally:
        server.terminate()
        server.wait(PATIENCE)
        if rest.ident:
            rest.join()
        server.stdout.close()


def open_notebook(browser, address, **options):
    """A page with that notebook in it, its kernel ready."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000}, **options)
    page.goto(address)
    page.locator(".jp-Notebook").wait_for()
    page.locator("#jp-main-statusbar").get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    return page


def run_all(browser, address, **options):
    """The same, and every cell has been told to run."""
    page = open_notebook(browser, address, **options)
    page.get_by_role("menuitem", name="Run").first.click()
    page.get_by_text("Run All Cells", exact=True).click()
    return page
