"""The five formulations side by side: one set of weights, one gradient; and none takes the arrays of another."""

import json
import pkgutil
import subprocess
import sys

import numpy as np
import pytest
from models import case_of, refuses, worst

import rnnlib
from rnnlib import Params, formulations
from rnnlib.formulations import cells, equations, frameworks, gates, layers, matrices

MODULES = {module.__name__.rpartition(".")[2]: module for module in (equations, cells, matrices, layers, gates)}
TRUNCATING = ("matrices", "gates")


def of(case, reduction):
    """The core's gradient of the case without biases, which all five can hold."""
    params = case.params._replace(bh=0 * case.params.bh, by=0 * case.params.by)
    trace = rnnlib.forward(params, case.x, case.h0)
    return params, rnnlib.backward(params, trace, case.y, reduction=reduction)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("seed", range(20))
def test_the_same_weights_give_the_same_gradient_in_all_five(seed, reduction):
    case = case_of(seed)
    params, grads = of(case, reduction)
    for name, module in MODULES.items():
        held = module.to_params(module.from_params(params))
        assert all(np.array_equal(one, other) for one, other in zip(held, params, strict=True))
        found = module.gradients(params, case.x, case.y, h0=case.h0, reduction=reduction)
        assert worst(found, Params(*grads[:5])) < 1e-13, name


@pytest.mark.parametrize("truncate", [1, 2, 4])
def test_the_two_with_a_window_cut_like_the_core(truncate):
    case = case_of(7, T=9)
    params, _ = of(case, "sum")
    trace = rnnlib.forward(params, case.x, case.h0)
    grads = rnnlib.backward(params, trace, case.y, reduction="sum", truncate=truncate)
    for name in TRUNCATING:
        found = MODULES[name].gradients(params, case.x, case.y, h0=case.h0, reduction="sum", truncate=truncate)
        assert worst(found, Params(*grads[:5])) < 1e-13, name


def arrays_in(layout):
    """Wxh, Whh, Why, bh, by of a network of V = 3, H = 2 in rows, in columns, or with its matrices out x in."""
    params = case_of(1, V=3, H=2).params
    if layout == "rows":
        return params
    turned = Params(params.Wxh.T, params.Whh.T, params.Why.T, params.bh, params.by)
    return turned if layout == "turned" else turned._replace(bh=params.bh[:, None], by=params.by[:, None])


REFUSALS = {  # handed the weights in another layout, each names the first array that does not fit and its own layout
    "equations": lambda: equations.to_params(arrays_in("columns")._asdict()),
    "cells": lambda: cells.to_params(dict(zip(cells.NAMES, arrays_in("rows"), strict=True))),
    "matrices": lambda: matrices.RNN(*(arrays_in("rows")[i] for i in (0, 2, 1))),
    "layers": lambda: layers.network_of(*arrays_in("turned")[:3], *(np.zeros((1, n)) for n in (2, 2, 3))),
    "gates": lambda: gates.to_params(arrays_in("rows")[:3]),
    "PyTorch": lambda: frameworks.from_pytorch(
        dict(
            zip(
                frameworks.to_pytorch(arrays_in("rows")),
                (*arrays_in("rows")[:2], arrays_in("rows").bh, arrays_in("rows").bh, *arrays_in("rows")[2::2]),
                strict=True,
            )
        )
    ),
}
EXPECTED = {
    "equations": r"weights\.Wxh: expected row vectors, so Wxh \(V, H\).*got shape \(2, 3\)",
    "cells": r"parameters\.Wax: expected column vectors, so Wax \(n_a, n_x\).*got shape \(3, 2\)",
    "matrices": r"W: expected shape \(3, 3\), for vectors are columns here and U, \(H, K\), is \(3, 2\), got \(2, 2\)",
    "layers": r"b: expected \(1, 3\), for vectors are rows here, got \(1, 2\)",
    "gates": r"parameters: expected columns, so U \(H, n\), W \(H, H\), V \(n, H\), got \(3, 2\), \(2, 2\), \(2, 3\)",
    "PyTorch": r"arrays\['rnn\.weight_ih_l0'\]: expected shape \(2, 2\), got \(3, 2\)",
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_weights_in_another_layout_are_refused_and_the_own_one_is_named(name):
    with pytest.raises(ValueError, match=EXPECTED[name]):
        REFUSALS[name]()


@pytest.mark.parametrize(
    "name, argument", [("equations", "weights.Wxh"), ("matrices", "V"), ("layers", "hy.w"), ("gates", "parameters")]
)
def test_four_of_them_refuse_another_number_of_inputs_than_of_outputs(name, argument):
    params = rnnlib.init_params(2, 4, rng=np.random.default_rng(0), input_size=3)
    with pytest.raises(ValueError, match=f"{argument}: expected"):
        MODULES[name].gradients(params, [0, 1, 1], [1, 0, 1])


@pytest.mark.parametrize("rate", [0, -0.1, np.nan, np.inf])
def test_no_training_takes_a_rate_that_is_not_positive(rate):
    ids, params = np.array([0, 1, 2, 0]), case_of(1, V=3, H=2).params
    bare = params._replace(bh=0 * params.bh, by=0 * params.by)
    column = cells.to_columns(rnnlib.one_hot(ids, 3))
    for run, argument in (
        (lambda: equations.train(equations.init_weights(3, 2), [(np.eye(3), np.eye(3))], epochs=1, rate=rate), "rate"),
        (lambda: cells.train(column, column, np.zeros((2, 1)), cells.from_params(params), steps=1, learning_rate=rate),
         "learning_rate"),
        (lambda: matrices.train_with_sgd(matrices.from_params(bare), [ids], [ids], rate=rate), "rate"),
        (lambda: layers.train(layers.from_params(params), ids, rate=rate), "rate"),
        (lambda: layers.train(layers.from_params(params), ids, clip=rate), "clip"),
        (lambda: gates.train(gates.from_params(bare), [ids], epochs=1, rate=rate), "rate"),
    ):  # fmt: skip
        with refuses(ValueError, argument, str(rate), expected="a positive number"):
            run()


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: equations.init_weights(3, 2, rng=rng),
        lambda rng: matrices.RNN.uniform(3, 2, rng=rng),
        lambda rng: layers.init_network(3, 2, rng=rng),
        lambda rng: gates.init_parameters(3, 2, rng=rng),
    ],
)
def test_what_draws_weights_wants_a_generator(draw):
    with refuses(TypeError, "rng", "int 0", expected="a numpy.random.Generator"):
        draw(0)


def test_completion_shows_every_module_and_imports_none_until_it_is_used():
    code = """
import json, sys, rnnlib
listed = dir(rnnlib.formulations)
before = [name for name in sys.modules if name.startswith("rnnlib.formulations.")]
print(json.dumps([listed, before, rnnlib.formulations.cells.__name__, hasattr(rnnlib.formulations, "cellos")]))
"""
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    listed, before, used, misspelt = json.loads(output)
    modules = {found.name for found in pkgutil.iter_modules(formulations.__path__) if not found.name.startswith("_")}
    assert modules == set(formulations._MODULES) and modules <= set(listed)
    assert (before, used, misspelt) == ([], "rnnlib.formulations.cells", False)
