"""What `import rnnlib` costs and loads, each time in a fresh interpreter."""

import json
import statistics
import subprocess
import sys

import rnnlib


def run(code):
    """What a new interpreter prints, read as JSON."""
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    return json.loads(output)


def test_import_loads_numpy_and_the_standard_library_only():
    loaded = run(
        "import json, sys, numpy; before = set(sys.modules); import rnnlib; "
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    packages = {name.partition(".")[0] for name in loaded}
    assert "rnnlib" in packages
    assert packages - {"rnnlib", "numpy"} <= sys.stdlib_module_names


def test_import_loads_no_plots_and_no_widgets():
    loaded = run("import json, sys, rnnlib; print(json.dumps(sorted(sys.modules)))")
    assert not {"matplotlib", "ipywidgets", "anywidget", "IPython"} & set(loaded)
    assert not {"rnnlib.plots", "rnnlib.widgets"} & set(loaded)


def test_import_adds_less_than_a_sixth_of_a_second_to_numpy(record_property):
    code = "import numpy; from time import perf_counter; t = perf_counter(); import rnnlib; print(perf_counter() - t)"
    seconds = [run(code) for _ in range(5)]
    median = statistics.median(seconds)
    record_property("median_seconds", median)
    print(f"import rnnlib beyond NumPy: median {median * 1e3:.1f} ms, least {min(seconds) * 1e3:.1f} ms")
    assert min(seconds) < 0.15  # the least, for a busy machine only ever adds time


def test_every_public_name_exists():
    assert [name for name in rnnlib.__all__ if not hasattr(rnnlib, name)] == []
