"""A fact stands once, in Python: what is changed there is changed in the page."""

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from javascript import bundled, entry_of

import rnnlib
from rnnlib import _flat
from rnnlib.formulations import gates
from rnnlib.formulations._grid import places
from rnnlib.widgets import (
    BackwardStepper,
    ForwardStepper,
    GatedStepper,
    GradientDetective,
    GradientFlow,
    GraphStepper,
    LogitLoss,
    River,
    Rosetta,
    TrainingLab,
    graph_stepper,
    training_lab,
)
from rnnlib.widgets._traits import LIMITS, MAX_HIDDEN, MAX_SEED, MAX_STEPS

CHANGES = {
    "widgets/_traits.py": ("MAX_HIDDEN = 64", "MAX_HIDDEN = 7"),
    "widgets/graph_stepper/__init__.py": ('"hidden": 3}', '"hidden": 2}'),
    "widgets/backward_stepper/__init__.py": ('default_value="Whh"', 'default_value="Why"'),
    "widgets/training_lab/__init__.py": ("RATES = 1e-4, 3.0", "RATES = 1e-4, 2.0"),
    "formulations/_grid.py": ('"turn": 1.35', '"turn": 1.25'),
}

# Run in a copy of the library with these changes: what traits take, what the modules say, what is drawn first.
PROBE = """
import json, re
import rnnlib
from rnnlib.widgets import BackwardStepper, ForwardStepper, GraphStepper, TrainingLab
from bookext.figures.collect import live_traits
from bookext.figures.prerender import first_state

def fact(figure, name, module="facts"):
    scope = re.search(rf"^const [$\\w]*[$]{module} = (?s:.*?)^}}[)]", figure._esm, re.M)[0]
    return json.loads(re.search(rf"^const {name} = (.*);$", scope, re.M)[1])

def refused(figure, **traits):
    try:
        figure(**traits)
    except ValueError as error:
        return str(error)

def drawn(figure):
    entry = {"model_name": "AnyModel", "state": live_traits({"state": figure.get_state()}), "esm": "figure.js"}
    page = json.dumps({"words": {}, "state": {"one": entry}}, default=lambda _: "")
    return first_state(page, {"figure.js": figure._esm}, "en", view_id="one", name="forwardstepper")

field = drawn(ForwardStepper(text="hello")).partition("rnn-control-hidden_size")[2]
slider = re.search(r'<input[^>]*type="range"[^>]*>', field)[0]
print(json.dumps({
    "file": rnnlib.__file__,
    "limits": [fact(figure, "LIMITS", "limits")["hidden"] for figure in (ForwardStepper, BackwardStepper)],
    "lab": [fact(TrainingLab, "LIMITS")["hidden"], fact(TrainingLab, "LIMITS")["rate"]],
    "refused": [refused(ForwardStepper, hidden_size=8), refused(TrainingLab, learning_rate=2.5)],
    "slider": re.search(r' max="(\\d+)"', slider)[1],
    "graph": [fact(GraphStepper, "LIMITS")["hidden"], refused(GraphStepper, hidden_size=3)],
    "turn": fact(GraphStepper, "GRID")["turn"],
    "parameter": [BackwardStepper().parameter, fact(BackwardStepper, "DEFAULTS")["parameter"]],
}))
"""


def test_what_is_changed_in_python_is_changed_in_the_page(tmp_path):
    shutil.copytree(Path(rnnlib.__file__).parent, tmp_path / "rnnlib", ignore=shutil.ignore_patterns("__pycache__"))
    for file, (right, changed) in CHANGES.items():
        path = tmp_path / "rnnlib" / file
        text = path.read_text(encoding="utf-8")
        assert text.count(right) == 1
        path.write_text(text.replace(right, changed), encoding="utf-8")
    ext = Path(__file__).resolve().parents[2] / "_ext"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ext)])}
    run = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, env=env, cwd=tmp_path, check=False
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["file"].startswith(str(tmp_path))
    assert found["limits"] == [7, 7] and found["lab"] == [7, [1e-4, 2.0]] and found["slider"] == "7"
    assert found["refused"] == [
        "hidden_size: expected a whole number from 1 to 7, got 8",
        "learning_rate: expected a number from 0.0001 to 2, got 2.5",
    ]
    assert found["graph"] == [2, "hidden_size: expected a whole number from 1 to 2, got 3"] and found["turn"] == 1.25
    assert found["parameter"] == ["Why", "Why"]


def test_the_limits_of_the_views_are_those_of_the_traits():
    assert LIMITS == {"steps": MAX_STEPS, "hidden": MAX_HIDDEN, "seed": MAX_SEED}
    others = GraphStepper, GradientDetective, GradientFlow, LogitLoss, River, Rosetta
    for figure in (ForwardStepper, BackwardStepper, GatedStepper, *others):
        assert f"const LIMITS = {json.dumps(LIMITS)};" in figure._esm


def test_the_optimisers_of_the_page_are_those_of_python():
    entry = entry_of("engine/optim.js")
    with bundled("entry.js", {"entry.js": entry}) as engine:
        slots = engine.call("({ RULES }) => Object.entries(RULES).map(([name, { slots }]) => [name, slots])")
    assert slots == [[name, len(optimizer.slots)] for name, optimizer in training_lab.OPTIMIZERS.items()]
    assert TrainingLab.optimizer.choices == tuple(training_lab.OPTIMIZERS)


@pytest.mark.parametrize("V, H", [(1, 1), (3, 2), (2, 5)])
def test_parameters_lie_in_a_vector_as_in_python(V, H):
    with bundled("entry.js", {"entry.js": entry_of("engine/flat.js")}) as engine:
        numbers = [float(i) for i in range(_flat.size(V, H))]
        found = engine.call(
            """({ PARAMETERS, shapes, size, unflatten, flatten }, numbers, V, H) => {
                const params = unflatten(Float64Array.from(numbers), V, H);
                return { PARAMETERS, shapes: shapes(V, H), size: size(V, H), params, flat: flatten(params) };
            }""",
            numbers, V, H,
        )  # fmt: skip
    assert found["PARAMETERS"] == list(rnnlib.Params._fields) == list(_flat.shapes(V, H))
    assert found["shapes"] == {name: list(shape) for name, shape in _flat.shapes(V, H).items()}
    assert found["size"] == len(numbers) and found["flat"] == numbers
    start = 0
    for name, shape in _flat.shapes(V, H).items():
        assert found["params"][name] == numbers[start : start + math.prod(shape)]
        start += len(found["params"][name])


def test_the_tape_of_the_graph_has_as_many_nodes_as_the_page_believes():
    for steps, nodes in graph_stepper.NODES.items():
        assert len(gates.graph(GraphStepper(text="aba"[: steps + 1]).loss)) == nodes == len(places(steps))
