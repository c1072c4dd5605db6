"""The tape of gates in JavaScript equals that of formulations/gates.py, node by node and edge by edge."""

import numpy as np
import pytest
from engine_page import CANCELLING, TOLERANCE, assert_refused, check_errors, opened, relative_error, run

from rnnlib import Params
from rnnlib.formulations import gates

# A model as tapeLoss takes it.
PARAMS = """({ V, H, arrays }) => {
    const params = { V, H };
    for (const [name, values] of Object.entries(arrays)) params[name] = Float64Array.from(values);
    return params;
}"""


@pytest.fixture(scope="module")
def engine(browser, serving):
    with opened(browser, serving) as page:
        yield page


def random_models(seed, count):
    """Models `(params, x, y, h0)` of many sizes, without biases; also the smallest and the largest in a figure."""
    rng = np.random.default_rng(seed)
    sizes = [(1, 1, 1), (2, 1, 1), (3, 3, 2), (1, 3, 2), (7, 7, 12)]
    sizes += [tuple(rng.integers((1, 1, 1), (8, 8, 13)).tolist()) for _ in range(count - len(sizes))]
    for V, H, T in sizes:
        scale = np.exp(rng.uniform(np.log(0.05), np.log(2)))
        params = Params(
            *(rng.uniform(-scale, scale, shape) for shape in [(V, H), (H, H), (H, V)]), np.zeros(H), np.zeros(V)
        )
        params = params._replace(Whh=params.Whh / max(1, np.linalg.norm(params.Whh, 2)))  # no chaos
        h0 = None if rng.random() < 0.25 else rng.uniform(-1.5, 1.5, H)
        yield params, rng.integers(V, size=T), rng.integers(V, size=T), h0


def as_data(params, x, y, h0):
    V, H = params.Wxh.shape
    arrays = {name: array.ravel() for name, array in params._asdict().items()}
    return {"model": {"V": V, "H": H, "arrays": arrays}, "x": x, "y": y, "h0": h0}


def walked(engine, models, most_sums=0):
    """The tapes that JavaScript walked: all nodes and edges, and of small ones what each node collected on the way."""
    return run(
        engine,
        f"""(engine, {{ models, most }}) => models.map(({{ model, x, y, h0 }}) => {{
            const tape = engine.tapeLoss(({PARAMS})(model), x, y, h0).backward();
            const edges = engine.tapeEdges(tape);
            const counted = tape.length > most ? [] : tape;
            return {{
                nodes: tape.map((node) => ({{ ...node, parents: node.parents.map((parent) => tape.indexOf(parent)) }})),
                edges,
                sums: counted.map((_, i) => counted.map((_, from) => engine.collected(edges, i, from))),
            }};
        }})""",
        {"models": [as_data(*model) for model in models], "most": most_sums},
    )


def python_tape(params, x, y, h0):
    loss = gates.rnn_loss(gates.from_params(params), x, y, h0)
    loss.backward()
    return gates.graph(loss)


def sizes_of(tape):
    """node -> Σ |gradient from a child|, entry by entry: the terms may cancel, their rounding errors do not."""
    sizes = {}
    for node in tape:
        for parent, grad in zip(node.parents, node.to_parents(node.grad), strict=True):
            if grad is not None:
                sizes[parent] = sizes.get(parent, 0) + abs(grad)
    return sizes


@pytest.fixture(scope="module")
def pairs(engine):
    """(the tape of Python, what JavaScript found) of 220 models."""
    models = list(random_models(60, 220))
    return list(zip([python_tape(*model) for model in models], walked(engine, models, most_sums=29), strict=True))


def test_every_node_has_the_name_the_gate_and_the_parents_of_python(pairs):
    for tape, found in pairs:
        seen = [(node["name"], node["operation"], node["data"]["shape"], node["parents"]) for node in found["nodes"]]
        assert seen == [
            (node.name, node.operation, [*node.data.shape], [tape.index(parent) for parent in node.parents])
            for node in tape
        ]


def test_every_value_equals_python(pairs, record_property):
    errors = {}
    for i, (tape, found) in enumerate(pairs):
        for node, seen in zip(tape, found["nodes"], strict=True):
            # what is added up may cancel; it is measured by its terms
            size = sum(abs(parent.data) for parent in node.parents) if node.operation == "AddGate" else None
            if node.operation == "MultiplyGate":
                size = abs(node.parents[0].data) @ abs(node.parents[1].data)
            if node.operation == "Softmax":
                size = np.maximum(1, abs(node.parents[0].data).max())
            errors[f"model {i}, {node.name}"] = relative_error(seen["data"]["entries"], node.data, size)
    check_errors(errors, record_property, TOLERANCE)


def test_every_gradient_equals_python_and_ids_have_none(pairs, record_property):
    errors = {}
    for i, (tape, found) in enumerate(pairs):
        sizes = sizes_of(tape)
        for node, seen in zip(tape, found["nodes"], strict=True):
            if node.grad is None:
                assert seen["grad"] is None and node.name[0] in "xy"
            else:
                assert seen["grad"]["shape"] == [*node.grad.shape]
                errors[f"model {i}, {node.name}"] = relative_error(seen["grad"]["entries"], node.grad, sizes.get(node))
    check_errors(errors, record_property, TOLERANCE)


def test_every_edge_carries_the_gradient_of_python_last_child_first(pairs, record_property):
    errors = {}
    for i, (tape, found) in enumerate(pairs):
        expected = [
            (child, tape.index(parent), place, grad)
            for child, node in enumerate(tape)
            for place, (parent, grad) in enumerate(zip(node.parents, node.to_parents(node.grad), strict=True))
        ][::-1]
        seen = found["edges"]
        assert [(e["child"], e["parent"], e["place"]) for e in seen] == [edge[:3] for edge in expected]
        for edge, (child, parent, _, grad) in zip(seen, expected, strict=True):
            assert (edge["grad"] is None) == (grad is None)
            if grad is not None:
                name = f"model {i}, from {tape[child].name} to {tape[parent].name}"
                size = terms_of(tape[child], tape[parent], grad)
                errors[name] = relative_error(edge["grad"]["entries"], grad, size)
    check_errors(errors, record_property, TOLERANCE)


def terms_of(child, parent, grad):
    """What an edge's gradient is made of: sums and differences lose digits, and their terms say how many."""
    if child.operation == "MultiplyGate" and parent is child.parents[1]:
        return abs(child.parents[0].data).T @ abs(child.grad)
    if child.operation == "Softmax":
        return np.ones(1)  # ŷ - y, where 1 - 1 may be left of it
    if child.operation == "Tanh":
        return abs(child.grad)  # 1 - h² where h is near 1
    return grad


def test_what_a_node_has_collected_grows_up_to_its_gradient(pairs, record_property):
    errors = {}
    for i, (tape, found) in enumerate(pairs):
        sizes = sizes_of(tape) if found["sums"] else {}
        for node, seen in zip(tape, found["sums"], strict=bool(sizes)):
            for start in range(len(tape)):
                parts = [
                    grad
                    for child in tape[start:]
                    for parent, grad in zip(child.parents, child.to_parents(child.grad), strict=True)
                    if parent is node and grad is not None
                ]
                assert (seen[start] is None) == (not parts)
                if parts:
                    name = f"model {i}, {node.name} from {start}"
                    errors[name] = relative_error(seen[start]["entries"], sum(parts), sizes[node])
    assert len(errors) > 1000
    check_errors(errors, record_property, CANCELLING)


def test_a_value_that_is_used_twice_by_one_gate_gets_both_gradients(engine):
    grad = run(
        engine,
        """engine => {
            const a = new engine.TapeNode({ shape: [], entries: Float64Array.of(0.5) }, "a");
            engine.callGate("AddGate", [a, engine.callGate("AddGate", [a, a])]).backward();
            return a.grad.entries;
        }""",
        None,
    )
    assert grad == [3]


def test_large_logits_overflow_nothing(engine):
    params = Params(np.full((2, 1), 30.0), np.zeros((1, 1)), np.array([[-2000.0, 2000.0]]), np.zeros(1), np.zeros(2))
    (found,) = walked(engine, [(params, np.array([0]), np.array([0]), None)])
    tape = python_tape(params, np.array([0]), np.array([0]), None)
    assert found["nodes"][-1]["data"]["entries"] == [tape[-1].data] == [4000]


WRONG_INPUT = [
    ("tapeLoss({ ...params, bh: Float64Array.of(0, 0.5) }, ids, y)", "params.bh"),
    ("tapeLoss({ ...params, by: Float64Array.of(1, 0, 0) }, ids, y)", "params.by"),
    ("tapeLoss({ ...params, Why: short }, ids, y)", "params.Why"),
    ("tapeLoss(params, [], y)", "x"),
    ("tapeLoss(params, [3], [0])", "x[0]"),
    ("tapeLoss(params, ids, [0, 1])", "y"),
    ("tapeLoss(params, ids, y, short)", "h0"),
    ("tapeOf(params)", "loss"),
    ("tapeOf(engine.tapeLoss(params, ids, y)).find(({ name }) => name === 'a_1').backward()", "a_1"),
    ("callGate('PickGate', [engine.tapeOf(engine.tapeLoss(params, ids, y))[0], { data: { entries: [9] } }])", "x"),
    ("callGate('MultiplyGate', engine.tapeOf(engine.tapeLoss(params, ids, y)).slice(0, 2))", "x"),
    ("callGate('AddGate', engine.tapeOf(engine.tapeLoss(params, ids, y)).slice(0, 2))", "terms"),
]


@pytest.mark.parametrize(("call", "argument"), WRONG_INPUT)
def test_wrong_input_throws_a_range_error_naming_the_argument(engine, call, argument):
    assert_refused(engine, call, argument)
