"""The same weights in PyTorch and Keras: do their states, losses and gradients equal those of rnnlib, for each cell?

    pip install -e . -r benchmarks/requirements.txt
    python benchmarks/frameworks.py

Prints the worst difference over random models for each, measured by the largest number of its array, and fails above
the tolerance. The gradients are those of the mean loss. PyTorch computes in float64; Keras runs on PyTorch here, where
it multiplies matrices in float32 whatever it is given.
"""

import os
import sys

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch

import rnnlib
from rnnlib import cross_entropy, gru, lstm
from rnnlib.formulations import frameworks
from rnnlib.text import one_hot

MODELS = 50
TOLERANCE = {"PyTorch": 1e-12, "Keras": 1e-5}
CELLS = {"rnn": rnnlib, "lstm": lstm, "gru": gru}
STATES = {"rnn": ("h0",), "lstm": ("h0", "c0"), "gru": ("h0",)}


def in_pytorch(name, params, x, y, states):
    """(states, loss, gradients as `Params`) by `nn.RNN`, `nn.LSTM` or `nn.GRU`, `nn.Linear` and `cross_entropy`."""
    H, V = params.Why.shape
    layer = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[name](V, H)
    model = torch.nn.ModuleDict({name: layer, "linear": torch.nn.Linear(H, V)}).double()
    model.load_state_dict(frameworks.to_pytorch(params, like=model.state_dict()))
    back = frameworks.from_pytorch(model.state_dict())
    assert all(np.array_equal(one, other) for one, other in zip(back, params, strict=True))
    first = tuple(torch.tensor(state)[None] for state in states)
    h, _ = layer(torch.tensor(one_hot(x, V)), first if name == "lstm" else first[0])
    o = model["linear"](h)
    loss = torch.nn.functional.cross_entropy(o.flatten(0, 1), torch.tensor(y).flatten())
    loss.backward()
    grads = {name: parameter.grad for name, parameter in model.named_parameters()}
    return h.detach().numpy(), loss.item(), frameworks.from_pytorch(grads, gradients=True)


def in_keras(name, params, x, y, states):
    """The same by `SimpleRNN`, `LSTM` or `GRU`, `Dense` and `SparseCategoricalCrossentropy`; the batch comes first."""
    H, V = params.Why.shape
    layers = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
    layer, dense = layers[name](H, return_sequences=True), keras.layers.Dense(V)
    layer.build((None, None, V))
    dense.build((None, None, H))
    arrays = frameworks.to_keras(params)
    variables = [*layer.trainable_variables, *dense.trainable_variables]
    for variable, array in zip(variables, arrays.values(), strict=True):
        variable.assign(array)
    x, y, *first = (torch.tensor(a) for a in (one_hot(x, V, np.float32), y, *(s.astype(np.float32) for s in states)))
    h = layer(x.swapaxes(0, 1), initial_state=first if name == "lstm" else first[0])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y.T, dense(h))
    loss.backward()
    grads = {name: variable.value.grad.numpy() for name, variable in zip(arrays, variables, strict=True)}
    return h.swapaxes(0, 1).detach().numpy(), loss.item(), frameworks.from_keras(grads, gradients=True)


def difference(one, other):
    return np.abs(np.subtract(one, other)).max() / (np.abs(other).max() or 1)


def main():
    runs = {"PyTorch": in_pytorch, "Keras": in_keras}
    worst = {(framework, name): np.zeros(3) for framework in runs for name in CELLS}
    rng = np.random.default_rng(0)
    for name, cell in CELLS.items():
        for _ in range(MODELS):
            T, B, V, H = (int(n) for n in rng.integers(2, 9, size=4))
            params = cell.init_params(V, H, rng=rng)
            params = cell.Params(*(rng.normal(size=a.shape) if a.ndim == 1 else a for a in params))
            x, y = rng.integers(V, size=(T, B)), rng.integers(V, size=(T, B))
            states = [rng.normal(size=(B, H)) for _ in STATES[name]]
            trace = cell.forward(params, x, *states)
            loss, grads = cross_entropy(trace.o, y), cell.backward(params, trace, y)
            for framework, run in runs.items():
                found, their_loss, theirs = run(name, params, x, y, states)
                pairs = zip(theirs, grads[: len(params)], strict=True)
                gradients = max(difference(one, other) for one, other in pairs)
                errors = difference(found, trace.h), difference(their_loss, loss), gradients
                worst[framework, name] = np.maximum(worst[framework, name], errors)
    print(
        f"PyTorch {torch.__version__}, Keras {keras.__version__}: worst relative difference over {MODELS} models each"
    )
    print(f"{'':13}   states      loss gradients")
    for (framework, name), errors in worst.items():
        print(f"{framework:8}{name:5} " + " ".join(f"{error:9.1e}" for error in errors))
    sys.exit(any((errors > TOLERANCE[framework]).any() for (framework, _), errors in worst.items()))


if __name__ == "__main__":
    main()
