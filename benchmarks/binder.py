"""What a Binder session of this book costs: memory of each chapter's kernel, and time until a figure is alive.

    python benchmarks/binder.py [--python PYTHON] [--only memory|start] [CHAPTER ...]

PYTHON is the interpreter of the environment to measure, else this one; a clean one is made as Binder does:
``python -m venv E; E/bin/pip install -r requirements.txt; PATH=E/bin:$PATH ./postBuild``. Memory: a chapter's cells run
in a fresh kernel, then VmRSS (resident now) and VmHWM (its peak) of the kernel and of what it has started. Time: in
JupyterLab and Chromium, from "Run All Cells" to the first figure that can be used, and what server, kernel and browser
worked meanwhile: on a machine that does nothing else the wait is about that or less. Chapters without a figure are left
out. Exits with 1 when a kernel is over 300 MB or a figure later than 10 s of work. Needs what the tests need.
"""

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "tests" / "support"), str(ROOT / "_ext")]

MEMORY, START = 300, 10  # megabytes, seconds
FIGURE = ".jp-OutputArea .rnn :is(button, input):visible"


def chapters(folder, names):
    """The book's notebooks with code in them, made as Binder makes them."""
    subprocess.run([sys.executable, ROOT / "tools" / "make_notebooks.py", folder], check=True, capture_output=True)
    files = [folder / "intro.ipynb", *sorted((folder / "chapters").glob("*.ipynb"))]
    return [file for file in files if '"code"' in file.read_text("utf-8") and (not names or file.stem in names)]


def memory(python, file):
    """(resident, peak) in MB of a kernel that has run the chapter, with all processes below it."""
    import nbformat
    import psutil
    from bookext.execution import OUTPUTS
    from jupyter_client import KernelManager
    from nbclient import NotebookClient

    manager = KernelManager()
    manager.kernel_spec.argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    place = {"metadata": {"path": str(file.parent)}}
    client = NotebookClient(nbformat.read(file, as_version=4), km=manager, timeout=600, resources=place, **OUTPUTS)
    with client.setup_kernel():
        for number, cell in enumerate(client.nb.cells):
            client.execute_cell(cell, number)
        kernel = psutil.Process(manager.provisioner.pid)
        sizes = []
        for process in [kernel, *kernel.children(recursive=True)]:
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
            sizes.append([int(re.search(rf"{key}:\s+(\d+) kB", status)[1]) / 1000 for key in ("VmRSS", "VmHWM")])
    return [sum(column) for column in zip(*sizes, strict=True)]


@contextlib.contextmanager
def lab(python, book):
    """The address of a JupyterLab over a folder of notebooks."""
    bin_folder = Path(python).parent
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR")
        environment = os.environ | {name: str(folder / name) for name in names}
        environment |= {"PATH": f"{bin_folder}:{os.environ['PATH']}"}
        whole = folder / "JUPYTERLAB_SETTINGS_DIR" / "@jupyterlab" / "notebook-extension"
        whole.mkdir(parents=True)  # figures farther down are drawn too
        (whole / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}', encoding="utf-8")
        command = [python, "-m", "jupyterlab", "--no-browser", "--port=0", "--IdentityProvider.token=t", "--allow-root"]
        log = folder / "log"
        with log.open("w") as output:
            server = subprocess.Popen(command, cwd=book, env=environment, stdout=output, stderr=output)
        try:
            while not (found := re.search(r"http://[\w.]+:\d+", log.read_text(encoding="utf-8"))):
                if server.poll() is not None:
                    sys.exit(log.read_text(encoding="utf-8"))
                time.sleep(0.2)
            yield found[0]
        finally:
            server.terminate()
            server.wait(timeout=30)


def work():
    """Seconds of processor time that the processes below this one have had."""
    import psutil

    total = 0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:2])
    return total


def starts(python, book, files):
    """(chapter, seconds from Run All to its first living figure, of work meanwhile) for the chapters that have one."""
    from browsing import BROWSER_ARGS, chromium_path
    from playwright.sync_api import sync_playwright

    with lab(python, book) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=BROWSER_ARGS)
        for file in files:
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            page.set_default_timeout(120_000)
            page.goto(f"{address}/lab/tree/{file.relative_to(book)}?token=t")
            page.locator("#jp-main-statusbar").get_by_text("Python 3 (ipykernel) | Idle").wait_for()
            page.get_by_role("menuitem", name="Run").first.click()
            start, done = time.perf_counter(), work()
            page.get_by_text("Run All Cells", exact=True).click()
            page.locator(FIGURE).first.wait_for()
            yield file.stem, time.perf_counter() - start, work() - done
            page.close()
        browser.close()


def load():
    """What else the machine is doing: times mean little beside much of it."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--only", choices=("memory", "start"))
    parser.add_argument("chapter", nargs="*")
    options = parser.parse_args()
    over = []
    with tempfile.TemporaryDirectory() as book:
        files = chapters(Path(book), options.chapter)
        if options.only != "start":
            print(f"{'chapter':16}{'resident MB':>12}{'peak MB':>10}   {load()}")
            for file in files:
                resident, peak = memory(options.python, file)
                print(f"{file.stem:16}{resident:12.0f}{peak:10.0f}", flush=True)
                over += [file.stem] * (resident > MEMORY)
        if options.only != "memory":
            print(f"{'chapter':16}{'first figure s':>15}{'work s':>10}   {load()}")
            with_figure = [file for file in files if "rnnlib.widgets" in file.read_text(encoding="utf-8")]
            for name, seconds, worked in starts(options.python, Path(book), with_figure):
                print(f"{name:16}{seconds:15.1f}{worked:10.1f}", flush=True)
                over += [name] * (worked > START)
    if over:
        sys.exit(f"\nOver {MEMORY} MB or {START} s: {', '.join(over)}")


if __name__ == "__main__":
    main()
