"""Every public function, every argument, every kind of wrong value: a TypeError or ValueError that names the argument.

What each message says of its case is held by the tests of the module. These tests hold that no argument is left out:
none raises an error of another form, and none takes a value that the table does not call meant.
"""

import inspect
import re
from functools import cache

import numpy as np
import pytest

import rnnlib
from rnnlib import Vocabulary, flow, gated_workspace, gru, lstm, optim, starts, sweep, tasks, train, workspace

KINDS = {
    "None": None,
    "a text": "ab",
    "a fraction": 1.5,
    "True": True,
    "below zero": -1,
    "NaN": np.nan,
    "a masked array": np.ma.array([0, 1, 1, 0], mask=[0, 1, 0, 0]),
    "a ragged list": [[1, 2], [3]],
    "float16": np.ones(4, np.float16),
    "an object": object(),
    "a short list": [1, 2],
    "a dict": {"a": 1},
    "an array below zero": np.full(4, -1),
    "an array of NaN": np.full(4, np.nan),
    "an array of texts": np.array(list("abcd")),
    "an array of three axes": np.zeros((2, 2, 2), int),
    "complex numbers": np.ones(4) * 1j,
}
RATES = {"a fraction"}
LISTS = {"a short list"}
LOGITS = {"an array of three axes", "complex numbers", "a short list", "an array of NaN", "an array below zero"}
# What is not wrong for this argument of this function. None is the default where it is not named.
MEANT = {
    "forward x": LISTS,
    "check_gradients x": LISTS,  # of a call with two steps
    "check_gradients y": LISTS,
    "check_gradients weights": LISTS,
    "check_gradients tolerance": RATES,
    "check_gradients progress": {"True"},
    "orthogonal gain": RATES,
    "identity gain": RATES,
    "scaled gain": RATES,
    "init_params dtype": {"None"},  # NumPy's word for float64
    "init_params forget_bias": RATES | {"below zero"},
    "Workspace dtype": {"None"},
    "LSTMWorkspace dtype": {"None"},
    "GRUWorkspace dtype": {"None"},
    "sweep dtype": {"None"},
    "train rate": RATES,
    "train carry": {"True"},
    "train clip": RATES,
    "train progress": {"True"},
    "sample prompt": {"a text"},
    "sample temperature": RATES,
    "pad sequences": {"a ragged list"},
    "last_step_weights lengths": LISTS,
    "one_hot ids": LISTS | {"an array of three axes"},
    "one_hot dtype": {"None"},
    "windows ids": {"an array below zero"},  # it knows no vocabulary; `forward` refuses them
    "softmax o": LOGITS,  # NaN stays NaN in a network that has diverged
    "log_softmax o": LOGITS,
    "sweep ids": LISTS,
    "sweep hidden_sizes": LISTS,
    "sweep rates": LISTS,
    "sweep seeds": LISTS,
    "sweep carry": {"True"},
    "sweep clip": RATES,
    "sweep n_jobs": {"below zero"},
    "sweep progress": {"True"},
    "ema values": LISTS | {"an array below zero"},
    "perplexity loss": RATES | {"below zero", "NaN"},
    "bits_per_character loss": RATES
    | {"an array of three axes", "below zero", "NaN", "an array below zero", "an array of NaN"},
    "clip_by_value bound": RATES,
    "clip_by_norm bound": RATES,
    "clip_by_value g": {"an array of NaN"},  # `train` sees by the norm that a run has diverged
    "clip_by_norm g": {"an array of NaN"},
}
# Where two arguments contradict each other, the message may name another one.
NAMED = {
    "train start": "params",
    "cross_entropy o": "[oy]",
    "step_losses o": "[oy]",
    "evaluate ids": "ids|weights",
    "train ids": "ids|weights",
}


def fresh():
    return np.random.default_rng(0)


@cache
def calls():
    """name -> (function, arguments that fit)."""
    found = {}
    for cell in (rnnlib, lstm, gru):
        params = cell.init_params(5, 3, rng=fresh())
        x, y, ids = np.arange(4), np.arange(1, 5), np.arange(20) % 5
        states = {"h0": np.zeros(3)} | ({"c0": np.zeros(3)} if cell is lstm else {})
        trace = cell.forward(params, x)
        of_trace = {"params": params, "trace": trace, "y": y, "reduction": "sum", "weights": np.ones(4)}
        sizes = {"vocab_size": 5, "hidden_size": 3, "rng": fresh(), "dtype": float, "input_size": 4}
        checked = {"reduction": "sum", "weights": np.ones(2), "method": "complex", "step": 1e-30, "tolerance": 1e-9}
        text = {"ids": ids, "weights": np.ones(20), "validation": ids, "validation_weights": np.ones(20)}
        how = {"rate": 0.1, "steps": 4, "batch": 1, "epochs": 1, "updates": 1, "carry": True, "clip": 1.0}
        written = {"vocab": Vocabulary("abcde"), "prompt": "a", "length": 3, "temperature": 1.0, "top_k": 2}
        for function, arguments in {
            cell.init_params: sizes | ({"forget_bias": 1.0} if cell is lstm else {}),
            cell.forward: {"params": params, "x": x} | states,
            cell.backward: of_trace | {"truncate": 2},
            cell.shares: of_trace,
            cell.contributions: of_trace,
            cell.path: of_trace | {"t": 2, "s": 1},
            cell.jacobians: {"params": params, "trace": trace},
            rnnlib.check_gradients: {"params": params, "x": x[:2], "y": y[:2], "sample": 1, "rng": fresh()}
            | {**checked, **states, "progress": False},
            flow.gradient_flow: of_trace | {"t": 2},
            starts.uniform: {"params": params, "rng": fresh()},
            starts.orthogonal: {"params": params, "rng": fresh(), "gain": 1.0},
            starts.identity: {"params": params, "gain": 1.0},
            starts.scaled: {"params": params, "gain": 1.0},
            train.train: {"start": params, "optimizer": optim.SGD(), **text, **how, "patience": 1, "seed": 0}
            | {"callbacks": (), "progress": False},
            train.evaluate: {"params": params, "ids": ids, "weights": np.ones(20)},
            train.sample: {"params": params, **written, "rng": fresh()},
            optim.flatten: {"params": params},
        }.items():
            found[f"{cell.__name__}: {function.__name__}"] = function, arguments
    return found | {f"{function.__name__}": (function, arguments) for function, arguments in others()}


def others():
    """(function, arguments that fit) of what knows no parameters."""
    o, y, ids, g = np.zeros((4, 5)), np.arange(4), np.arange(20), np.ones(4)
    space = {"vocab_size": 5, "hidden_size": 3, "steps": 2, "batch": 1, "dtype": float, "input_size": 5}
    yield starts.orthogonal_factor, {"matrix": np.eye(3)}
    yield rnnlib.pad, {"sequences": [[1, 2], [3]]}
    yield rnnlib.last_step_weights, {"lengths": [1, 2]}
    yield rnnlib.one_hot, {"ids": [0, 1], "size": 3, "dtype": float}
    yield rnnlib.windows, {"ids": np.arange(5), "length": 2}
    yield rnnlib.softmax, {"o": o}
    yield rnnlib.log_softmax, {"o": o}
    yield rnnlib.step_losses, {"o": o, "y": y}
    yield rnnlib.cross_entropy, {"o": o, "y": y, "reduction": "sum", "weights": np.ones(4)}
    yield train.streams, {"ids": ids, "batch": 2, "steps": 3}
    yield train.shuffled, {"ids": ids, "batch": 2, "steps": 3, "rng": fresh()}
    yield train.ema, {"values": np.ones(4), "decay": 0.9}
    yield train.perplexity, {"loss": 1.0}
    yield train.bits_per_character, {"loss": 1.0}
    yield tasks.recall, {"fillers": 2, "rng": fresh(), "length": 200}
    yield tasks.brackets, {"depth": 2, "rng": fresh(), "length": 200}
    yield tasks.sums, {"fillers": 2, "rng": fresh(), "length": 200}
    yield workspace.Workspace, space
    yield gated_workspace.LSTMWorkspace, space
    yield gated_workspace.GRUWorkspace, space
    yield gated_workspace.workspace_of, {"kind": rnnlib.Params}
    yield optim.clip_by_value, {"g": g.copy(), "bound": 1.0}
    yield optim.clip_by_norm, {"g": g.copy(), "bound": 1.0}
    grid = {"ids": ids % 5, "vocab_size": 5, "hidden_sizes": [2], "rates": [0.1], "seeds": (0,), "steps": 4, "batch": 1}
    how = {"optimizer": optim.SGD(), "carry": True, "clip": 1.0, "patience": 1, "dtype": float, "n_jobs": 1}
    yield sweep.sweep, grid | how | {"epochs": 1, "init_params": rnnlib.init_params, "progress": False}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(calls()))
def test_each_kind_of_wrong_argument_is_named(name):
    function, fitting = calls()[name]
    function(**fitting)
    for argument in fitting:
        place = f"{name.split(': ')[-1]} {argument}"
        named = NAMED.get(place, argument)
        default = inspect.signature(function).parameters[argument].default
        meant = MEANT.get(place, set()) | ({"None"} if default is None else set())
        for kind, value in KINDS.items():
            given = {**fitting, argument: value}
            if argument == "validation" and value is None:
                del given["validation_weights"]  # which belong to it
            try:
                function(**given)
            except (TypeError, ValueError) as error:
                told = re.fullmatch(rf"({named})\S*( \* \S+)?: expected .*got .*", str(error), re.DOTALL)
                assert told, f"{argument}, {kind}: {error}"
                assert kind not in meant, f"{argument}, {kind}: {error}"
            else:
                assert kind in meant, f"{argument}: takes {kind} without a word"


def test_no_public_function_is_left_out():
    modules = [rnnlib, lstm, gru, flow, starts, rnnlib.padding, tasks, train, optim, sweep, gated_workspace]
    elsewhere = {
        "views",  # old names of what is here
        "bits",
        "smoothed",
        "norm",  # checks nothing, since it runs several times in every update
        "unflatten",  # its arguments are refused together: tests/core/test_optim.py
        "check_run",  # tests/core/test_train.py
    }
    here = {name.split(": ")[-1] for name in calls()}
    for module in modules:
        names = getattr(module, "__all__", None) or vars(module)
        for name in names:
            value = getattr(module, name)
            if (
                name[0] != "_"
                and inspect.isfunction(value)
                and (hasattr(module, "__all__") or value.__module__ == module.__name__)
            ):
                assert name in here | elsewhere, f"{module.__name__}.{name}"
