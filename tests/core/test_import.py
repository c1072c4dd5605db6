"""What `import rnnlib` costs and loads, each time in a fresh interpreter."""

import inspect
import json
import pkgutil
import statistics
import subprocess
import sys
from types import FunctionType
from typing import get_type_hints

import pytest

import rnnlib
from rnnlib import (
    checkpoint,
    flow,
    gated_workspace,
    gru,
    lstm,
    mistakes,
    optim,
    plots,
    starts,
    sweep,
    tasks,
    text,
    train,
    workspace,
)


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


# The modules of the package

HEAVY = "{'matplotlib', 'anywidget', 'ipywidgets', 'tqdm', 'joblib', 'PIL'}"


def test_completion_shows_every_module_and_imports_none():
    listed, loaded = run(
        f"import json, sys, rnnlib; names = dir(rnnlib); print(json.dumps([names, sorted({HEAVY} & set(sys.modules))]))"
    )
    modules = {module.name for module in pkgutil.iter_modules(rnnlib.__path__) if not module.name.startswith("_")}
    assert modules | set(rnnlib.__all__) <= set(listed)
    assert loaded == [] and listed == sorted(set(listed))


def test_a_module_is_imported_when_it_is_first_used():
    kinds = run(
        "import json, rnnlib; "
        "print(json.dumps([type(getattr(rnnlib, name)).__name__ for name in ('train', 'sweep', 'optim', 'path')]))"
    )
    assert kinds == ["module", "module", "module", "function"]
    assert rnnlib.train is sys.modules["rnnlib.train"] and rnnlib.path is rnnlib.bptt.path


def test_a_name_that_is_nowhere_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'rnnlib' has no attribute 'trian'"):
        _ = rnnlib.trian


@pytest.mark.parametrize(
    "module, blocked, extra",
    [
        ("plots", "matplotlib", "plots"),
        ("widgets", "anywidget", "widgets"),
        ("widgets", "traitlets", "widgets"),
        ("widgets", "ipywidgets", "widgets"),
    ],
)
def test_a_missing_extra_is_named(module, blocked, extra):
    code = f"""
import json, pydoc, sys
sys.modules[{blocked!r}] = None
import rnnlib

told = [hasattr(rnnlib, {module!r})]
for how in ("import rnnlib.{module}", "from rnnlib import {module}", "rnnlib.{module}"):
    try:
        exec(how)
    except Exception as error:
        told.append([type(error).__name__, str(error)])
help = pydoc.render_doc(rnnlib, renderer=pydoc.plaintext)
print(json.dumps([told, "init_params(" in help]))
"""
    told, documented = run(code)
    says = f"rnnlib.{module}: expected {'matplotlib' if module == 'plots' else 'anywidget'} to be installed "
    says += f'(pip install "rnnlib[{extra}]"), got no such module'
    errors = ["ModuleNotFoundError", "ModuleNotFoundError", "AttributeError"]
    assert told == [False, *([error, says] for error in errors)] and documented


# Types


def public(module):
    """The functions and methods that a user calls, by name."""
    for name in getattr(module, "__all__", vars(module)):
        value = getattr(module, name)
        found = {name: value}
        if isinstance(value, type):
            found = {
                f"{name}.{key}": method for key, method in vars(value).items() if key == "__init__" or key[0] != "_"
            }
        for name, function in found.items():
            if name[0] != "_" and isinstance(function, FunctionType) and function.__module__.startswith("rnnlib"):
                yield name, function


# `step` has one set of types for all optimisers, in the protocol `Optimizer`
MODULES = [
    rnnlib, checkpoint, flow, gated_workspace, gru, lstm, mistakes, optim, plots, starts, sweep, tasks, text, train,
    workspace,
]  # fmt: skip
FUNCTIONS = {function: name for module in MODULES for name, function in public(module) if not name.endswith(".step")}


@pytest.mark.parametrize("function", FUNCTIONS, ids=FUNCTIONS.values())
def test_every_public_function_says_the_types_of_what_it_takes_and_returns(function):
    hints = get_type_hints(function)
    assert [name for name in [*inspect.signature(function).parameters, "return"] if name not in {"self", *hints}] == []
