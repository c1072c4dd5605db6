"""The same weights in PyTorch and Keras: do their states, losses and gradients equal those of rnnlib?

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

from rnnlib import backward, cross_entropy, forward, init_params
from rnnlib.formulations import frameworks
from rnnlib.text import one_hot

MODELS = 50
TOLERANCE = {"PyTorch": 1e-12, "Keras": 1e-5}


def in_pytorch(params, x, y, h0):
    """(states, loss, gradients as `Params`) by `nn.RNN`, `nn.Linear` and `cross_entropy`."""
    V, H = params.Wxh.shape
    model = torch.nn.ModuleDict({"rnn": torch.nn.RNN(V, H), "linear": torch.nn.Linear(H, V)}).double()
    model.load_state_dict(frameworks.to_pytorch(params, like=model.state_dict()))
    back = frameworks.from_pytorch(model.state_dict())
    assert all(np.array_equal(one, other) for one, other in zip(back, params, strict=True))
    h, _ = model["rnn"](torch.tensor(one_hot(x, V)), torch.tensor(h0)[None])
    o = model["linear"](h)
    loss = torch.nn.functional.cross_entropy(o.flatten(0, 1), torch.tensor(y).flatten())
    loss.backward()
    grads = {name: parameter.grad for name, parameter in model.named_parameters()}
    return h.detach().numpy(), loss.item(), frameworks.from_pytorch(grads, gradients=True)


def in_keras(params, x, y, h0):
    """The same by `SimpleRNN`, `Dense` and `SparseCategoricalCrossentropy`; Keras has the batch first."""
    V, H = params.Wxh.shape
    rnn = keras.layers.SimpleRNN(H, return_sequences=True)
    dense = keras.layers.Dense(V)
    rnn.build((None, None, V))
    dense.build((None, None, H))
    arrays = frameworks.to_keras(params)
    variables = [*rnn.trainable_variables, *dense.trainable_variables]
    for variable, array in zip(variables, arrays.values(), strict=True):
        variable.assign(array)
    x, y, h0 = (torch.tensor(array) for array in (one_hot(x, V, np.float32), y, h0.astype(np.float32)))
    h = rnn(x.swapaxes(0, 1), initial_state=h0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y.T, dense(h))
    loss.backward()
    grads = {name: variable.value.grad.numpy() for name, variable in zip(arrays, variables, strict=True)}
    return h.swapaxes(0, 1).detach().numpy(), loss.item(), frameworks.from_keras(grads)


def difference(one, other):
    return np.abs(np.subtract(one, other)).max() / (np.abs(other).max() or 1)


def main():
    runs = {"PyTorch": in_pytorch, "Keras": in_keras}
    worst = dict.fromkeys(runs, np.zeros(3))
    rng = np.random.default_rng(0)
    for _ in range(MODELS):
        T, B, V, H = (int(n) for n in rng.integers(2, 9, size=4))
        params = init_params(V, H, rng=rng)
        params = params._replace(bh=rng.normal(size=H), by=rng.normal(size=V))
        x, y, h0 = rng.integers(V, size=(T, B)), rng.integers(V, size=(T, B)), rng.normal(size=(B, H))
        trace = forward(params, x, h0)
        loss, grads = cross_entropy(trace.o, y), backward(params, trace, y)
        for name, run in runs.items():
            states, their_loss, theirs = run(params, x, y, h0)
            gradients = max(difference(one, other) for one, other in zip(theirs, grads[:5], strict=True))
            errors = difference(states, trace.h), difference(their_loss, loss), gradients
            worst[name] = np.maximum(worst[name], errors)
    print(f"PyTorch {torch.__version__}, Keras {keras.__version__}: worst relative difference over {MODELS} models")
    print(f"{'':8}   states      loss gradients")
    for name, errors in worst.items():
        print(f"{name:8} " + " ".join(f"{error:9.1e}" for error in errors))
    sys.exit(any((errors > TOLERANCE[name]).any() for name, errors in worst.items()))


if __name__ == "__main__":
    main()
