"""The gates and their tape, against the core, complex steps and automatic differentiation."""

import itertools
from types import SimpleNamespace

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from models import assert_close, make_case, refuses
from oracles import complex_step

from rnnlib import Params, Vocabulary, backward, check_gradients, cross_entropy, forward, init_params
from rnnlib.formulations import gates
from rnnlib.formulations.gates import (
    AddGate,
    MultiplyGate,
    Parameters,
    PickGate,
    RNNLayer,
    Sigmoid,
    Softmax,
    Tanh,
    Value,
    add,
    bptt,
    from_params,
    graph,
    init_parameters,
    multiply,
    pick,
    rnn_loss,
    sigmoid,
    softmax,
    tanh,
    to_params,
    train,
)

# Of the largest entry; where H = 1 the one entry of Whh can nearly cancel out, and is known less well.
TOLERANCES = {"Wxh": 4e-14, "Whh": 5e-13, "Why": 5e-15, "h0": 1e-14}


def make_plain(seed, T, V, H, **options):
    """A model without biases: one sequence of ids."""
    case = make_case(seed, T=T, B=None, V=V, H=H, **options)
    return case._replace(params=case.params._replace(bh=np.zeros(H), by=np.zeros(V)))


def plain_cases(number):
    for seed in range(number):
        T, V, H = np.random.default_rng(seed).integers((1, 2, 1), (13, 7, 7)).tolist()
        scale = (0.1, 0.5, 1.0)[seed % 3]
        yield make_plain(seed, T, V, H, scale=scale, reduction=("sum", "mean")[seed % 2])


def core(case, reduction="sum", **options):
    return backward(case.params, forward(case.params, case.x, case.h0), case.y, reduction=reduction, **options)


def by_tape(case):
    """name -> gradient, in the layout and with the names of the core."""
    grads = rnn_loss(from_params(case.params), case.x, case.y, case.h0).backward()
    return {"Wxh": grads["U"].T, "Whh": grads["W"].T, "Why": grads["V"].T, "h0": grads["h_0"]}


def by_hand(case, truncate):
    layers = gates.forward(from_params(case.params), case.x, case.h0)
    dU, dW, dV, dh0 = bptt(layers, case.y, truncate=truncate)
    return {"Wxh": dU.T, "Whh": dW.T, "Why": dV.T, "h0": dh0}


def assert_same(grads, expected, worst):
    """Every gradient equals that of the core; `worst` keeps the largest differences, of the largest entry."""
    for name, grad in grads.items():
        slope = getattr(expected, name)
        worst[name] = max(worst.get(name, 0), float(np.abs(grad - slope).max() / np.abs(slope).max()))
        assert_close(grad, slope, TOLERANCES[name])


def test_the_tape_and_the_walk_by_hand_give_the_gradients_of_the_core():
    tape, hand = {}, {}
    for case in plain_cases(300):
        assert_same(by_tape(case), core(case), tape)
        assert_same(by_hand(case, None), core(case), hand)
    print("largest differences, by the tape:", tape, "by hand:", hand)


def test_every_truncation_by_hand_is_that_of_the_core():
    worst = {}
    for case in plain_cases(200):
        for k in range(1, len(case.x) + 2):
            assert_same(by_hand(case, k), core(case, truncate=k), worst)
    print("largest differences, truncated:", worst)


def test_gradients_of_params_are_params_of_gradients():
    worst = {}
    for case, truncate in zip(plain_cases(200), itertools.cycle([None, 1, 2, 4]), strict=False):
        options = {"reduction": case.reduction, "truncate": truncate}
        grads, expected = gates.gradients(case.params, case.x, case.y, h0=case.h0, **options), core(case, **options)
        assert isinstance(grads, Params) and grads.bh is None and grads.by is None
        assert_same({name: getattr(grads, name) for name in ("Wxh", "Whh", "Why")}, expected, worst)
    print("largest differences, of gradients():", worst)


def test_without_a_start_and_a_reduction_gradients_are_those_of_the_core_without():
    case = make_plain(1, T=6, V=4, H=3)
    expected = backward(case.params, forward(case.params, case.x), case.y)
    assert_close(gates.gradients(case.params, case.x.tolist(), case.y.tolist()).Whh, expected.Whh, 1e-14)


def test_the_window_is_four_steps_unless_another_is_given():
    case = make_plain(2, T=9, V=4, H=3)
    layers = gates.forward(from_params(case.params), case.x, case.h0)
    default, four, five = bptt(layers, case.y), bptt(layers, case.y, truncate=4), bptt(layers, case.y, truncate=5)
    assert all(np.array_equal(one, other) for one, other in zip(default, four, strict=True))
    assert not np.allclose(default[1], five[1])


def gates_trace(params, x, h0=None):
    """The network of gates, as `check_gradients` wants a forward."""
    layers = gates.forward(from_params(params), x, h0)
    return SimpleNamespace(o=np.array([layer.o.data for layer in layers]), h0=layers[0].Wh.parents[1].data)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("T", [1, 2, 7])
def test_the_gradients_pass_the_check_with_complex_steps_through_the_gates(T, reduction):
    case = make_plain(T, T=T, V=4, H=3)

    def gates_backward(params, trace, y, *, reduction):
        grads = gates.gradients(params, case.x, y, h0=trace.h0, reduction=reduction)
        dh0 = rnn_loss(from_params(params), case.x, y, trace.h0).backward()["h_0"]
        return SimpleNamespace(**grads._asdict(), h0=dh0 if reduction == "sum" else dh0 / len(y))

    options = {"h0": case.h0, "reduction": reduction, "backward": gates_backward, "forward": gates_trace}
    report = check_gradients(case.params, case.x, case.y, **options, tolerance=1e-13)
    assert report.ok and set(report.checks) == {"Wxh", "Whh", "Why", "h0"}, report


def test_the_nodes_hold_what_the_core_computes():
    for case in plain_cases(20):
        layers = gates.forward(from_params(case.params), case.x, case.h0)
        trace = forward(case.params, case.x, case.h0)
        for t, layer in enumerate(layers):
            assert layer.t == t + 1
            for name in ("a", "h", "o"):
                assert_close(getattr(layer, name).data, getattr(trace, name)[t], 1e-14, scale=1)
            assert_close(softmax.predict(layer.o.data), trace.yhat[t], 1e-14)
        loss = rnn_loss(from_params(case.params), case.x, case.y, case.h0)
        assert float(loss.data) == pytest.approx(cross_entropy(trace.o, case.y, "sum"), rel=1e-14)


def test_every_node_has_the_gradient_that_the_core_has_for_it():
    case = make_plain(3, T=5, V=4, H=3)
    grads, expected = rnn_loss(from_params(case.params), case.x, case.y, case.h0).backward(), core(case)
    for t in range(5):
        assert_close(grads[f"o_{t + 1}"], expected.do[t], 1e-14)
        assert_close(grads[f"h_{t + 1}"], expected.dh[t], 1e-14)
        for name in (f"a_{t + 1}", f"U x_{t + 1}", f"W h_{t}"):
            assert_close(grads[name], expected.da[t], 1e-14)
        assert grads[f"L_{t + 1}"] == 1 and grads[f"x_{t + 1}"] is None and grads[f"y_{t + 1}"] is None


# Each gate alone

ARRAYS = {
    MultiplyGate: [(3, 4), (4,)],
    PickGate: [(3, 4), 2],
    AddGate: [(3,), (3,), (3,)],
    Tanh: [(3,)],
    Sigmoid: [(3,)],
    Softmax: [(4,), 1],
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_the_backward_of_a_gate_is_the_derivative_of_its_forward(kind):
    gate, rng = kind(), np.random.default_rng(0)
    inputs = [np.array(i) if isinstance(i, int) else rng.normal(size=i) for i in ARRAYS[kind]]
    z = gate.forward(*inputs)
    dz = rng.normal(size=np.shape(z))
    grads = gate.backward(*inputs, dz)
    given_z = gate.backward(*inputs, dz, z=z)
    for i, (at, grad) in enumerate(zip(inputs, grads if isinstance(grads, tuple) else (grads,), strict=True)):
        if at.dtype.kind == "i":
            assert grad is None
        else:
            slope = complex_step(lambda moved, i=i: (dz * gate.forward(*inputs[:i], moved, *inputs[i + 1 :])).sum(), at)
            assert_close(grad, slope, 1e-15)
            assert np.array_equal(grad, given_z[i] if isinstance(given_z, tuple) else given_z)


def test_softmax_predicts_probabilities_and_its_diff_is_their_distance_from_the_target():
    o = np.array([1.0, -2.0, 0.5, 3.0])
    expected = np.exp(o) / np.exp(o).sum()
    assert_close(softmax.predict(o), expected, 2e-16)
    assert_close(softmax.diff(o, 2), expected - np.eye(4)[2], 2e-16)
    assert softmax.loss(o, 2) == pytest.approx(-np.log(expected[2]), rel=1e-15)


def test_large_numbers_neither_overflow_nor_vanish():
    o = np.array([-2000.0, 0.0, 2000.0])
    assert softmax.loss(o, 0) == 4000 and softmax.loss(o, 2) == 0
    assert np.array_equal(softmax.diff(o, 0), [-1, 0, 1])
    assert np.array_equal(sigmoid.forward(o), [0, 0.5, 1])


@pytest.mark.parametrize(
    "gate, inputs, error, argument, got",
    [
        (multiply, (np.ones((3, 4)), np.ones(3)), ValueError, "x", "(3,) for (3, 4)"),
        (multiply, (np.ones((3, 4)), np.ones((4, 2))), ValueError, "x", "(4, 2) for (3, 4)"),
        (multiply, (np.ones(4), np.ones(4)), ValueError, "x", "(4,) for (4,)"),
        (pick, (np.ones((3, 4)), 4), ValueError, "x", "4"),
        (pick, (np.ones((3, 4)), -1), ValueError, "x", "-1"),
        (pick, (np.ones((3, 4)), 1.0), TypeError, "x", "float64"),
        (pick, (np.ones((3, 4)), [1, 1]), TypeError, "x", "shape (2,)"),
        (add, (np.ones(3), np.ones(1)), ValueError, "terms", "[(3,), (1,)]"),
        (add, (), ValueError, "terms", "[]"),
        (softmax, (np.ones(3), 3), ValueError, "y", "3"),
        (softmax, (np.ones(3), 0.5), TypeError, "y", "float64"),
        (softmax, (np.ones((2, 3)), 0), ValueError, "o", "(2, 3)"),
        (tanh, ("a",), TypeError, "data", "str 'a'"),
        (tanh, (np.array([1, np.nan]),), ValueError, "data", "nan at index (1,)"),
    ],
)
def test_a_gate_refuses_what_it_has_no_derivative_for(gate, inputs, error, argument, got):
    with refuses(error, argument, got):
        gate(*inputs)


# The tape


def test_a_node_that_is_used_many_times_gathers_all_its_gradients():
    rng = np.random.default_rng(4)
    W, h = rng.normal(size=(3, 3)), rng.normal(size=3)

    def deep(W, h):
        a = anp.dot(W, h)
        b = anp.tanh(a)
        c = anp.dot(W, b) + a + b
        d = 1 / (1 + anp.exp(-(c + c + a)))
        return anp.log(anp.sum(anp.exp(anp.dot(W, d)))) - anp.dot(W, d)[2] + anp.log(anp.sum(anp.exp(d))) - d[0]

    nodes = Value(W, "W"), Value(h, "h")
    a = multiply(*nodes)
    b = tanh(a)
    c = add(multiply(nodes[0], b), a, b)
    d = sigmoid(add(c, c, a))
    loss = add(softmax(multiply(nodes[0], d), 2), softmax(d, 0))
    grads = loss.backward()
    assert float(loss.data) == pytest.approx(deep(W, h), rel=1e-14)
    assert set(grads) == {"W", "h"}  # what has no name is not listed
    for argument, (node, name) in enumerate(zip(nodes, "Wh", strict=True)):
        assert_close(node.grad, autograd.grad(deep, argument)(W, h), 2e-15)
        assert grads[name] is node.grad


def test_going_back_again_gives_the_same_and_not_twice_as_much():
    case = make_plain(5, T=4, V=4, H=3)
    loss = rnn_loss(from_params(case.params), case.x, case.y, case.h0)
    once, twice = loss.backward(), loss.backward()
    assert all(np.array_equal(once[name], twice[name]) for name in once if once[name] is not None)
    first = next(node for node in graph(loss) if node.name == "L_1")
    early = first.backward()  # of the first step's loss alone, along its part of the graph
    assert "h_2" not in early
    assert_close(early["W"].T, core(case._replace(x=case.x[:1], y=case.y[:1])).Whh, 1e-14)


def test_gradients_do_not_share_memory():
    case = make_plain(6, T=3, V=4, H=3)
    loss = rnn_loss(from_params(case.params), case.x, case.y, case.h0)
    loss.backward()
    arrays = [node.grad for node in graph(loss) if node.grad is not None]
    assert not any(np.shares_memory(one, other) for one, other in itertools.combinations(arrays, 2))


def test_the_tape_meets_each_gate_once_and_the_windows_meet_the_early_ones_again(monkeypatch):
    case, calls = make_plain(7, T=6, V=4, H=3), []
    real = Tanh.backward
    monkeypatch.setattr(Tanh, "backward", lambda self, *args, **z: calls.append(1) or real(self, *args, **z))
    for compute, expected in [(by_tape, 6), (lambda c: by_hand(c, None), 21), (lambda c: by_hand(c, 2), 11)]:
        calls.clear()
        compute(case)
        assert len(calls) == expected


def test_only_a_single_number_has_a_gradient():
    with refuses(ValueError, "h_1", "shape (3,)", expected="a single number"):
        Value(np.ones(3), "h_1").backward()
    with refuses(ValueError, "data", "shape (2,)"):
        tanh(np.ones(2)).backward()
    with refuses(TypeError, "loss", "float 0.5", expected="Value"):
        graph(0.5)


def test_the_graph_of_two_steps_can_be_read():
    case = make_plain(8, T=2, V=4, H=3)
    loss = rnn_loss(from_params(case.params), case.x, case.y, case.h0)
    nodes = graph(loss)
    edges = {node.name: (node.operation, *(parent.name for parent in node.parents)) for node in nodes}
    assert len(edges) == len(nodes) and nodes[-1] is loss
    leaves = {name for name, (operation, *_) in edges.items() if not operation}
    assert leaves == {"U", "W", "V", "h_0", "x_1", "x_2", "y_1", "y_2"}
    assert {name: edge for name, edge in edges.items() if name not in leaves} == {
        "U x_1": ("PickGate", "U", "x_1"),
        "W h_0": ("MultiplyGate", "W", "h_0"),
        "a_1": ("AddGate", "U x_1", "W h_0"),
        "h_1": ("Tanh", "a_1"),
        "o_1": ("MultiplyGate", "V", "h_1"),
        "L_1": ("Softmax", "o_1", "y_1"),
        "U x_2": ("PickGate", "U", "x_2"),
        "W h_1": ("MultiplyGate", "W", "h_1"),
        "a_2": ("AddGate", "U x_2", "W h_1"),
        "h_2": ("Tanh", "a_2"),
        "o_2": ("MultiplyGate", "V", "h_2"),
        "L_2": ("Softmax", "o_2", "y_2"),
        "L": ("AddGate", "L_1", "L_2"),
    }
    assert repr(nodes[[node.name for node in nodes].index("h_2")]) == "<h_2 = Tanh(a_2), shape (3,)>"
    assert all(node.grad is None for node in nodes)
    loss.backward()
    for node in nodes:
        assert node.name[0] in "xy" if node.grad is None else node.grad.shape == node.data.shape


@pytest.mark.parametrize("T", [1, 2, 9])
def test_parents_stand_before_children_in_the_graph(T):
    case = make_plain(T, T=T, V=4, H=3)
    nodes = graph(rnn_loss(from_params(case.params), case.x, case.y))
    place = {node: i for i, node in enumerate(nodes)}
    assert len(place) == len(nodes) == 3 + 1 + 8 * T + 1
    assert all(place[parent] < place[node] for node in nodes for parent in node.parents)


def test_a_long_sequence_needs_no_recursion():
    case = make_plain(9, T=1500, V=3, H=2, scale=0.5)
    assert_close(by_tape(case)["Whh"], core(case).Whh, 1e-12)


# Parameters, layouts, types


def test_parameters_there_and_back_are_the_same_bits():
    for case in plain_cases(20):
        parameters = from_params(case.params)
        assert [p.shape for p in parameters] == [p.T.shape for p in case.params[:3]]
        for before, after in zip(case.params, to_params(parameters), strict=True):
            assert np.array_equal(before, after) and not np.shares_memory(before, after)
        for before, after in zip(parameters, to_params(parameters)[:3], strict=True):
            assert np.array_equal(before, after.T) and not np.shares_memory(before, after)
        for before, after in zip(parameters, from_params(to_params(parameters)), strict=True):
            assert np.array_equal(before, after)


@pytest.mark.parametrize("name, index", [("bh", 1), ("by", 2)])
def test_biases_that_are_not_zero_are_refused(name, index):
    case = make_plain(0, T=3, V=4, H=3)
    getattr(case.params, name)[index] = -0.25
    with refuses(ValueError, f"params.{name}", "-0.25", expected="zeros"):
        from_params(case.params)
    with refuses(ValueError, f"params.{name}", "-0.25"):
        gates.gradients(case.params, case.x, case.y)


def test_first_weights_are_those_of_the_core_within_one_over_the_root_of_their_columns():
    parameters = init_parameters(50, 30, rng=np.random.default_rng(3))
    for array, expected in zip(parameters, init_params(50, 30, rng=np.random.default_rng(3))[:3], strict=True):
        bound = 1 / np.sqrt(array.shape[1])
        assert np.array_equal(array, expected.T)
        assert 0.98 * bound < array.max() <= bound and -bound <= array.min() < -0.98 * bound


def test_types_pass_through():
    case = make_plain(10, T=4, V=4, H=3)
    single = Params(*(array.astype(np.float32) for array in case.params))
    for truncate in (None, 2):
        grads = gates.gradients(single, case.x, case.y, truncate=truncate)
        assert {array.dtype for array in grads[:3]} == {np.dtype(np.float32)}
    parameters = from_params(case.params)
    assert rnn_loss(parameters, case.x, case.y, case.h0 + 0j).data.dtype == complex
    assert rnn_loss(parameters._replace(W=parameters.W + 0j), case.x, case.y).data.dtype == complex
    assert gates.forward(parameters, case.x, np.array([1, 0, 0]))[0].h.data.dtype == float


def test_nothing_that_is_given_is_changed():
    case = make_plain(11, T=4, V=4, H=3)
    parameters = from_params(case.params)
    for array in (*case.params, *parameters, case.x, case.y, case.h0):
        array.setflags(write=False)
    by_tape(case), by_hand(case, 2)
    train(parameters, [case.x, case.y], epochs=2, rate=0.1)


@pytest.mark.parametrize("T", [1, 6])
def test_a_network_of_sigmoids_is_differentiated_as_well(T):
    case = make_plain(12, T=T, V=4, H=3)

    def loss(weights):
        U, W, V, h = weights
        total = 0.0
        for x, y in zip(case.x, case.y, strict=True):
            h = 1 / (1 + anp.exp(-(U[:, x] + anp.dot(W, h))))
            o = anp.dot(V, h)
            total = total + anp.log(anp.sum(anp.exp(o))) - o[y]
        return total

    parameters = from_params(case.params)
    expected = autograd.grad(loss)((*parameters, case.h0))
    grads = rnn_loss(parameters, case.x, case.y, case.h0, activation=sigmoid).backward()
    layers = gates.forward(parameters, case.x, case.h0, activation=sigmoid)
    for name, slope, hand in zip(("U", "W", "V", "h_0"), expected, bptt(layers, case.y, truncate=None), strict=True):
        assert_close(grads[name], slope, 1e-14)
        assert_close(hand, slope, 1e-14)


P = init_parameters(4, 3, rng=np.random.default_rng(0))
NAN = P._replace(W=np.full((3, 3), np.nan))


@pytest.mark.parametrize(
    "parameters, x, h0, error, argument, expected, got",
    [
        (Parameters(*(p.T for p in P)), [0], None, ValueError, "parameters", "U (H, n)", "(4, 3), (3, 3), (3, 4)"),
        (P._replace(V=P.U), [0], None, ValueError, "parameters", "V (n, H)", "(3, 4), (3, 3), (3, 4)"),
        (P._replace(W=P.U), [0], None, ValueError, "parameters", "W (H, H)", "(3, 4), (3, 4), (4, 3)"),
        (P._replace(U=np.ones(3)), [0], None, ValueError, "parameters", "columns", "(3,), (3, 3), (4, 3)"),
        (P._replace(U=np.ones((3, 0)), V=np.ones((0, 3))), [0], None, ValueError, "parameters", "columns", "(3, 0)"),
        (to_params(P), [0], None, TypeError, "parameters", "Parameters(U, W, V)", "Params"),
        (None, [0], None, TypeError, "parameters", "Parameters(U, W, V)", "NoneType None"),
        (P._replace(U="weights"), [0], None, TypeError, "parameters.U", "numbers", "str 'weights'"),
        (NAN, [0], None, ValueError, "parameters.W", "finite", "nan at index (0, 0)"),
        (P, [0, 4], None, ValueError, "x", "from 0 to 3", "4"),
        (P, [-1], None, ValueError, "x", "from 0 to 3", "-1"),
        (P, [0.0, 1.0], None, TypeError, "x", "integer ids of shape (T,)", "list [0.0, 1.0]"),
        (P, np.eye(4), None, TypeError, "x", "integer ids", "shape (4, 4)"),
        (P, [[0, 1], [2, 3]], None, ValueError, "x", "(T,)", "(2, 2)"),
        (P, np.zeros(0, int), None, ValueError, "x", "at least 1", "(0,)"),
        (P, 2, None, ValueError, "x", "(T,)", "()"),
        (P, [0], np.zeros(4), ValueError, "h0", "(3,)", "(4,)"),
        (P, [0], np.zeros((2, 3)), ValueError, "h0", "(3,)", "(2, 3)"),
        (P, [0], [0, np.inf, 0], ValueError, "h0", "finite", "inf at index (1,)"),
    ],
)
def test_a_network_that_cannot_be_wired_is_refused(parameters, x, h0, error, argument, expected, got):
    for function in (gates.forward, lambda parameters, x, h0: rnn_loss(parameters, x, [0], h0)):
        with refuses(error, argument, got, expected=expected):
            function(parameters, x, h0)


@pytest.mark.parametrize(
    "y, error, expected, got",
    [
        ([0, 1, 4], ValueError, "from 0 to 3", "4"),
        ([0, 1], ValueError, "shape (3,)", "(2,)"),
        ([[0], [1], [2]], ValueError, "shape (3,)", "(3, 1)"),
        ([0.0, 1.0, 2.0], TypeError, "shape (3,)", "list [0.0, 1.0, 2.0]"),
    ],
)
def test_targets_that_do_not_fit_are_refused(y, error, expected, got):
    for function in (lambda: rnn_loss(P, [0, 1, 2], y), lambda: bptt(gates.forward(P, [0, 1, 2]), y)):
        with refuses(error, "y", got, expected=expected):
            function()
    for truncate in (None, 2):
        with refuses(error, "y", got, expected=expected):
            gates.gradients(to_params(P), [0, 1, 2], y, truncate=truncate)


def test_other_arguments_that_are_none_are_refused():
    layers = gates.forward(P, [0, 1, 2])
    for truncate, error in [(0, ValueError), (2.0, TypeError), (True, TypeError)]:
        with refuses(error, "truncate", str(truncate)):
            bptt(layers, [1, 2, 3], truncate=truncate)
    for wrong in ([], 3, [3], layers[0]):
        with refuses(TypeError, "layers", type(wrong).__name__, expected="forward"):
            bptt(wrong, [1, 2, 3])
    for activation, got in [(np.tanh, "ufunc"), (Tanh, "Tanh"), ("sigmoid", "str 'sigmoid'"), (add, "AddGate")]:
        with refuses(ValueError, "activation", got):
            gates.forward(P, [0], activation=activation)
    with refuses(ValueError, "reduction", "'average'"):
        gates.gradients(to_params(P), [0], [1], reduction="average")
    with refuses(TypeError, "params", "Parameters", expected="Params(Wxh"):
        gates.gradients(P, [0], [1])
    with refuses(TypeError, "rng", "NoneType None"):
        init_parameters(4, 3, rng=None)


# Training


def trained(texts, *, hidden_size, epochs, seed):
    """(losses with windows of four, losses with whole sentences), each from the same network."""
    vocab = Vocabulary("".join(texts))
    sentences = [vocab.encode(text) for text in texts]
    parameters = init_parameters(len(vocab), hidden_size, rng=np.random.default_rng(seed))
    return [train(parameters, sentences, epochs=epochs, rate=0.5, truncate=k)[1] for k in (4, None)]


def test_an_update_is_a_step_down_the_gradient_of_the_mean_over_all_predictions():
    params = init_params(4, 3, rng=np.random.default_rng(1))
    sentences = [np.array([0, 1, 2, 3, 2, 1, 0]), np.array([3, 0, 1])]
    for truncate in (2, 4, None):
        after, losses = train(from_params(params), sentences, epochs=1, rate=0.5, truncate=truncate)
        runs = [(forward(params, ids[:-1]), ids[1:]) for ids in sentences]
        grads = [backward(params, *run, reduction="sum", truncate=truncate) for run in runs]
        assert losses == pytest.approx([sum(cross_entropy(trace.o, y, "sum") for trace, y in runs) / 8], rel=1e-14)
        for name, p in zip(("Wxh", "Whh", "Why"), after, strict=True):
            expected = getattr(params, name) - 0.5 / 8 * sum(getattr(grad, name) for grad in grads)
            assert_close(p.T, expected, 1e-15, scale=1)


def test_within_four_steps_truncation_changes_nothing():
    cut, full = trained(["axxxa", "bxxxb"], hidden_size=12, epochs=100, seed=0)
    assert np.array_equal(cut, full) and full[-1] < 0.1 * full[0]


def test_beyond_four_steps_whole_sentences_are_learnt_faster():
    """The last letter, due at step 5, is known since step 1, which its window misses; guessing it costs log 2."""
    runs = [trained(["axxxxa", "bxxxxb"], hidden_size=12, epochs=250, seed=seed) for seed in range(4)]
    cut, full = 5 * np.array(runs).transpose(1, 0, 2)  # five predictions, all but one of them easy
    print("loss of a sentence, truncated:", cut[:, -1], "in full:", full[:, -1])
    assert np.array_equal(cut[:, 0], full[:, 0])
    assert full[:, -1].max() < 0.1 and np.median(cut[:, -1]) > 0.3


@pytest.mark.parametrize(
    "options, error, argument, got",
    [
        ({"sentences": []}, ValueError, "sentences", "list []"),
        ({"sentences": [[0, 1], [2]]}, ValueError, "sentences", "[2]"),
        ({"sentences": "abc"}, ValueError, "sentences", "str 'abc'"),
        ({"sentences": 3}, ValueError, "sentences", "int 3"),
        ({"sentences": [[0, 1], [2, 4, 1]]}, ValueError, "x", "4"),
        ({"epochs": 0}, ValueError, "epochs", "0"),
        ({"epochs": 2.0}, TypeError, "epochs", "float 2.0"),
        ({"rate": 0}, ValueError, "rate", "0"),
        ({"rate": np.nan}, ValueError, "rate", "nan"),
        ({"rate": "fast"}, TypeError, "rate", "str 'fast'"),
        ({"truncate": 0}, ValueError, "truncate", "0"),
    ],
)
def test_training_that_cannot_be_is_refused(options, error, argument, got):
    with refuses(error, argument, got):
        train(P, **{"sentences": [[0, 1, 2]], "epochs": 1, "rate": 0.1, **options})


def test_a_layer_may_be_wired_alone_and_takes_arrays():
    layer = RNNLayer(1).forward(2, np.zeros(3), *P)
    assert_close(layer.h.data, np.tanh(P.U[:, 2]), 1e-15)
    dU, dW, dh_prev = layer.backward(np.ones(3))
    assert_close(dU[:, 2], 1 - np.tanh(P.U[:, 2]) ** 2, 1e-15)
    assert not dW.any() and dh_prev.shape == (3,)


def test_a_gradient_of_another_shape_is_refused_where_it_would_be_broadcast():
    W, x, wide = np.ones((2, 3)), np.ones(3), np.ones((2, 2))
    for gate, inputs in (
        (multiply, (W, x)),
        (pick, (W, 1)),
        (tanh, (np.ones(2),)),
        (Sigmoid(), (np.ones(2),)),
        (softmax, (np.ones(2), 1)),
    ):
        with refuses(ValueError, "dz", "(2, 2)", expected="the shape of z"):
            gate.backward(*inputs, wide)
    with refuses(ValueError, "x", "-1"):  # that would be the last column
        pick.backward(W, -1, np.ones(2))
    with pytest.raises(ValueError, match="X, Y: expected two lists"):
        gates.Model(4, 3, rng=np.random.default_rng(0)).calculate_total_loss([], [])
