"""A graph of gates, each with its own derivative: the chain rule turns these into the gradient of the whole network.

The idea: split the network into pieces until the derivative of each piece is one line; the chain rule joins the lines.
A gate defines its forward and its backward function, and nothing else does. Calling a gate records a node on the tape;
the backward pass reads the nodes: one by one in `bptt`, automatically in `Value.backward`.

    a_t = U x_t + W h_{t-1}        ours:   a_t = x_t Wxh + h_{t-1} Whh       U = Wxhᵀ (H, n),  W = Whhᵀ (H, H)
    h_t = tanh(a_t)                        h_t = tanh(a_t)
    o_t = V h_t                            o_t = h_t Why                     V = Whyᵀ (n, H)

Layout: column vectors, so that a gate's code is its formula; one sequence, no batch, no biases. V is a matrix here, and
n the number of symbols. Reduction: the sum over the steps, L = Σ_t L_t with L_t = -log softmax(o_t)[y_t].
Good for: seeing which gate adds which term to BPTT, and how a framework differentiates.
"""

import sys
from typing import NamedTuple

import numpy as np

from .. import _check, _repr
from ..rnn import Params, check_params, init_params


class Value:
    """A node: its data, the gate and the parents that it was computed from and, after `backward`, its gradient."""

    def __init__(self, data, name="", gate=None, parents=()):
        self.data, self.grad = _check.numbers(name or "data", data), None
        self.name, self.gate, self.parents = name, gate, parents
        self.operation = type(gate).__name__ if gate else ""

    def __repr__(self):
        source = f" = {self.operation}({', '.join(parent.name for parent in self.parents)})" if self.gate else ""
        return f"<{self.name}{source}, shape {self.data.shape}>"

    def to_parents(self, dz):
        """The gradients that this node passes to its parents, one for each, when its own gradient is dz."""
        if not self.gate:
            return ()
        grads = self.gate.backward(*(parent.data for parent in self.parents), dz, z=self.data)
        return grads if isinstance(grads, tuple) else (grads,)

    def backward(self):
        """Set grad = ∂self/∂node on all nodes of the graph, in one pass through the tape, last node first.

        Returns {name: gradient}; that of an id is None. Raises ValueError when this node is not a single number.
        """
        if self.data.shape != ():
            raise ValueError(f"{self.name or 'data'}: expected a single number, got {_check.describe(self.data)}")
        tape = graph(self)
        for node in tape:
            node.grad = None
        self.grad = np.ones_like(self.data)
        for node in reversed(tape):  # every node that used this one comes after it: its gradient is complete
            for parent, grad in zip(node.parents, node.to_parents(node.grad), strict=True):
                if grad is not None:
                    parent.grad = grad + (0 if parent.grad is None else parent.grad)
        return {node.name: node.grad for node in tape if node.name}


def graph(loss):
    """The nodes that `loss` was computed from and `loss` itself, in topological order: parents before children."""
    if not isinstance(loss, Value):
        raise TypeError(f"loss: expected a Value, got {_check.describe(loss)}")
    tape, stack = {}, [loss]  # a dict, because it keeps the order of its keys
    while stack:
        waiting = [parent for parent in stack[-1].parents if parent not in tape]
        if waiting:
            stack += reversed(waiting)
        else:
            tape[stack.pop()] = True
    return list(tape)


def _check_dz(dz, shape):
    """Raise ValueError unless dz has the shape of z: it would be broadcast, to a gradient of something else."""
    if np.shape(dz) != shape:
        raise ValueError(f"dz: expected the shape of z, {shape}, got {np.shape(dz)}")


class Gate:
    """z = forward(*inputs), and backward(*inputs, dz): the gradient of each input, None for an id; of arrays.

    A gate of one input returns its gradient, the others a tuple. The tape also passes z, which tanh and sigmoid compute
    again where it is not given. Calling a gate runs `forward` and returns a node; inputs are nodes, or arrays, which
    become nodes without parents.
    """

    def __call__(self, *inputs, name=""):
        parents = tuple(value if isinstance(value, Value) else Value(value) for value in inputs)
        return Value(self.forward(*(parent.data for parent in parents)), name, self, parents)


class MultiplyGate(Gate):
    """z = W x, for a matrix W (m, n) and a vector x (n,)."""

    def forward(self, W, x):
        if W.ndim != 2 or x.shape != W.shape[1:]:
            raise ValueError(f"x: expected a vector (n,) for a matrix (m, n), got {x.shape} for {W.shape}")
        return W @ x

    def backward(self, W, x, dz, *, z=None):
        _check_dz(dz, W.shape[:1])
        return np.outer(dz, x), W.T @ dz


class PickGate(Gate):
    """z = U x for the one-hot vector of an id x: column x of U."""

    def forward(self, U, x):
        return U[:, self._column(U, x)]

    def backward(self, U, x, dz, *, z=None):
        _check_dz(dz, U.shape[:1])
        dU = np.zeros(U.shape, dz.dtype)
        dU[:, self._column(U, x)] = dz
        return dU, None

    def _column(self, U, x):
        return _check.whole("x", np.asarray(x)[()], 0, U.shape[1] - 1)


class AddGate(Gate):
    """z = the sum of any number of arrays of the same shape."""

    def forward(self, *terms):
        if len({term.shape for term in terms}) != 1:
            raise ValueError(f"terms: expected arrays of one shape, got {[term.shape for term in terms]}")
        return sum(terms)

    def backward(self, *terms_and_dz, z=None):
        *terms, dz = terms_and_dz
        if {np.shape(term) for term in terms} != {np.shape(dz)}:
            shapes = [np.shape(array) for array in terms_and_dz]
            raise ValueError(f"dz: expected the terms and then dz, all of one shape, got {shapes}")
        return (dz,) * len(terms)


class Tanh(Gate):
    """z = tanh(a), so that ∂z/∂a = 1 - z²."""

    def forward(self, a):
        return np.tanh(a)

    def backward(self, a, dz, *, z=None):
        _check_dz(dz, np.shape(a))
        z = self.forward(a) if z is None else z
        return dz * (1 - z**2)


class Sigmoid(Gate):
    """z = 1 / (1 + exp(-a)), computed so that nothing overflows; ∂z/∂a = z (1 - z)."""

    def forward(self, a):
        return (1 + np.tanh(a / 2)) / 2

    def backward(self, a, dz, *, z=None):
        _check_dz(dz, np.shape(a))
        z = self.forward(a) if z is None else z
        return dz * z * (1 - z)


class Softmax(Gate):
    """z = -log ŷ[y], ŷ = softmax(o), for logits o (n,) and a target id y; ∂z/∂o = ŷ - the one-hot vector of y."""

    def predict(self, o):
        """ŷ (n,), the probabilities."""
        if o.ndim != 1:
            raise ValueError(f"o: expected logits (n,), got shape {o.shape}")
        e = np.exp(o - o.real.max())
        return e / e.sum()

    def loss(self, o, y):
        """-log ŷ[y], computed from the logits, so that no probability underflows to zero."""
        y = self._target(o, y)
        o = o - o.real.max()
        return np.log(np.exp(o).sum()) - o[y]

    def diff(self, o, y):
        """The gradient of the loss with respect to o."""
        y = self._target(o, y)
        do = self.predict(o)
        do[y] -= 1
        return do

    forward = loss

    def backward(self, o, y, dz, *, z=None):
        _check_dz(dz, ())
        return dz * self.diff(o, y), None

    def _target(self, o, y):
        if o.ndim != 1:
            raise ValueError(f"o: expected logits (n,), got shape {o.shape}")
        return _check.whole("y", np.asarray(y)[()], 0, len(o) - 1)


multiply, pick, add = MultiplyGate(), PickGate(), AddGate()
tanh, sigmoid, softmax = Tanh(), Sigmoid(), Softmax()


class Parameters(NamedTuple):
    """The weights, the same at every step."""

    U: np.ndarray  # (H, n)  input to hidden
    W: np.ndarray  # (H, H)  hidden to hidden, one step later
    V: np.ndarray  # (n, H)  hidden to output

    def __repr__(self):
        return _repr.short(self)


class RNNLayer:
    """Step t of the network: five gates and the connections between them. It keeps their nodes."""

    def __init__(self, t, activation=tanh):
        self.t, self.activation = t, activation

    def forward(self, x, h_prev, U, W, V):
        """Compute the nodes of h_t (H,) and o_t (n,) from those of x_t, an id, and h_{t-1} (H,). Returns the layer."""
        self.Ux = pick(U, x, name=f"U x_{self.t}")
        self.Wh = multiply(W, h_prev, name=f"W h_{self.t - 1}")
        self.a = add(self.Ux, self.Wh, name=f"a_{self.t}")
        self.h = self.activation(self.a, name=f"h_{self.t}")
        self.o = multiply(V, self.h, name=f"o_{self.t}")
        return self

    def backward(self, dh):
        """(dU, dW, dh_{t-1}) of this step only, from dh_t: its gates are called in reverse order."""
        (da,) = self.h.to_parents(dh)
        dUx, dWh = self.a.to_parents(da)
        dU, _ = self.Ux.to_parents(dUx)
        return dU, *self.Wh.to_parents(dWh)


def forward(parameters, x, h0=None, *, activation=tanh):
    """The network unrolled over the ids x (T,) from the state h0 (H,), zeros unless given: a list of T `RNNLayer`.

    activation: the gate `tanh` or `sigmoid`. With complex parameters or a complex h0, all results are complex.

    Raises TypeError for an x that is not of integers and for parameters of a different type; ValueError for ids out of
    range, an empty sequence, shapes of a different layout, and numbers that are not finite.
    """
    parameters = _check_parameters(parameters)
    x = _check.sequence("x", x, len(parameters.V))
    if activation not in (tanh, sigmoid):
        raise ValueError(f"activation: expected the gate tanh or sigmoid, got {_check.describe(activation)}")
    W = parameters.W
    h0 = np.zeros(len(W), W.dtype) if h0 is None else _check.numbers("h0", h0, (len(W),))
    weights = [Value(array, name) for name, array in parameters._asdict().items()]
    layers, h = [], Value(h0, "h_0")
    for t, x_t in enumerate(x, start=1):
        layers.append(RNNLayer(t, activation).forward(Value(x_t, f"x_{t}"), h, *weights))
        h = layers[-1].h
    return layers


def rnn_loss(parameters, x, y, h0=None, *, activation=tanh):
    """The node of L = Σ_t L_t; after its `backward()` every node of `graph(loss)` holds its gradient.

    y: target ids (T,); the other arguments and the errors are those of `forward`. The nodes are named as in the
    equations: U, W, V, h_0; for each step x_1, U x_1, W h_0, a_1, h_1, o_1, y_1, L_1, x_2, …; and L.
    """
    layers = forward(parameters, x, h0, activation=activation)
    targets = [Value(y_t, f"y_{t}") for t, y_t in enumerate(_check_targets(layers, y), start=1)]
    losses = [softmax(layer.o, y_t, name=f"L_{layer.t}") for layer, y_t in zip(layers, targets, strict=True)]
    return add(*losses, name="L")


def bptt(layers, y, *, truncate=4):
    """(dU, dW, dV, dh0) by hand, from what `forward` returned: each loss goes back `truncate` steps at most.

        ∂L_t/∂W = Σ_s ∂L_t/∂h_t · ∂h_t/∂h_s · ∂⁺h_s/∂W,  s = t, t-1, …, t-k+1        ∂⁺ holds h_{s-1} fixed

    and likewise for U; V is used only in o_t. With None every loss goes back to the first step, which gives the full
    gradient. It takes T (T + 1) / 2 backward steps; the tape takes T, because it adds up all gradients that arrive at
    h_s before it continues.
    """
    y = _check_targets(layers, y)
    k = len(layers) if truncate is None else _check.positive_int("truncate", truncate)
    dU = dW = dV = dh0 = 0
    for t, layer in enumerate(layers):
        dV_t, dh = layer.o.to_parents(softmax.diff(layer.o.data, y[t]))
        dV = dV + dV_t
        for earlier in reversed(layers[max(0, t + 1 - k) : t + 1]):
            dU_s, dW_s, dh = earlier.backward(dh)
            dU, dW = dU + dU_s, dW + dW_s
        dh0 = dh0 + (dh if t < k else 0)  # later losses were cut off before they reached h_0
    return dU, dW, dV, dh0


def init_parameters(vocab_size, hidden_size, *, rng):
    """Uniform within ±1/√(columns of the matrix): the numbers of `init_params`, transposed."""
    return from_params(init_params(vocab_size, hidden_size, rng=rng))


def train(parameters, sentences, *, epochs, rate, truncate=4):
    """(parameters, losses) of gradient descent on the mean loss of all predictions in all sentences, with `bptt`.

    sentences: arrays of at least 2 ids, each id to be predicted from those before it; every sentence starts from a
    state of zeros. losses (epochs,): the mean loss before each update.
    """
    epochs, rate = _check.positive_int("epochs", epochs), _check.positive("rate", rate)
    if not isinstance(sentences, (list, tuple)) or min(map(np.size, sentences), default=0) < 2:
        raise ValueError(f"sentences: expected a list of arrays of at least 2 ids, got {_check.describe(sentences)}")
    weight = 1 / sum(len(ids) - 1 for ids in sentences)
    losses = np.zeros(epochs)
    for epoch in range(epochs):
        before = parameters
        for ids in sentences:
            layers, y = forward(before, ids[:-1]), ids[1:]
            losses[epoch] += weight * sum(softmax.loss(layer.o.data, y_t) for layer, y_t in zip(layers, y, strict=True))
            *grads, _ = bptt(layers, y, truncate=truncate)
            parameters = Parameters(*(p - rate * weight * grad for p, grad in zip(parameters, grads, strict=True)))
    return parameters, losses


class Model:
    """The network with the method names of tutorials in U, W, V; stochastic gradient descent, one sentence at a time.

    bptt_truncate: over how many *moves* from one step to the previous one an error goes back, as programs with this
    class count; None for all. Its 4 is the 5 of `bptt(truncate=5)`, which counts the step itself as well.
    U (H, n), W (H, H) and V (n, H) are drawn by `init_parameters`; x and y are ids (T,), X and Y lists of them.
    """

    def __init__(self, word_dim, hidden_dim=100, bptt_truncate=4, *, rng):
        self.U, self.W, self.V = init_parameters(word_dim, hidden_dim, rng=rng)
        self.bptt_truncate = bptt_truncate
        if bptt_truncate is not None:
            self.bptt_truncate = _check.whole("bptt_truncate", bptt_truncate, 0, sys.maxsize - 1)

    @property
    def parameters(self):
        return Parameters(self.U, self.W, self.V)

    def forward_propagation(self, x):
        """A list of T `RNNLayer`, from a state of zeros."""
        return forward(self.parameters, x)

    def predict(self, x):
        """The most likely next symbol after each step: a list of T ids."""
        return [int(np.argmax(layer.o.data)) for layer in self.forward_propagation(x)]

    def calculate_loss(self, x, y):
        """The mean loss of the predictions in one sentence, in nats."""
        layers = self.forward_propagation(x)
        y = _check_targets(layers, y)
        return sum(softmax.loss(layer.o.data, y_t) for layer, y_t in zip(layers, y, strict=True)) / len(y)

    def calculate_total_loss(self, X, Y):
        """The mean of `calculate_loss` over the sentences: each counts once, whatever its length."""
        _check.pairs("X, Y", X, Y)
        return sum(self.calculate_loss(x, y) for x, y in zip(X, Y, strict=True)) / len(Y)

    def bptt(self, x, y):
        """(dU, dW, dV) of the loss summed over one sentence."""
        truncate = None if self.bptt_truncate is None else self.bptt_truncate + 1
        return bptt(self.forward_propagation(x), y, truncate=truncate)[:3]

    def sgd_step(self, x, y, learning_rate):
        """One step of gradient descent on the loss summed over one sentence."""
        rate, (dU, dW, dV) = _check.positive("learning_rate", learning_rate), self.bptt(x, y)
        self.U, self.W, self.V = self.U - rate * dU, self.W - rate * dW, self.V - rate * dV

    def train(self, X, Y, learning_rate=0.005, nepoch=100, evaluate_loss_after=5):
        """One `sgd_step` for each sentence and epoch. Returns a list of (sentences seen, total loss).

        The loss is computed at the start of every epoch whose number, from 0, is a multiple of `evaluate_loss_after`;
        if it has risen, the learning rate is halved. Raises ValueError where a weight is no longer finite.
        """
        rate, last, losses = _check.positive("learning_rate", learning_rate), np.inf, []
        every = _check.positive_int("evaluate_loss_after", evaluate_loss_after)
        if not (isinstance(X, (list, tuple)) and isinstance(Y, (list, tuple)) and len(X) == len(Y) > 0):
            raise ValueError(
                f"X, Y: expected two lists of equal length, got {_check.describe(X)}, {_check.describe(Y)}"
            )
        for epoch in range(_check.positive_int("nepoch", nepoch)):
            if epoch % every == 0:
                loss = float(self.calculate_total_loss(X, Y))
                losses.append((epoch * len(X), loss))
                rate = rate if loss <= last else rate / 2
                last = loss
            for x, y in zip(X, Y, strict=True):
                self.sgd_step(x, y, rate)
        return losses


def from_params(params):
    """`Parameters` of the same network. Raises ValueError for biases that are not zero, since this form has none."""
    Wxh, Whh, Why, *biases = check_params(params)
    for name, bias in zip(("bh", "by"), biases, strict=True):
        if bias.any():
            raise ValueError(f"params.{name}: expected zeros, for there are no biases here, got {bias[bias != 0][0]}")
    return Parameters(Wxh.T.copy(), Whh.T.copy(), Why.T.copy())


def to_params(parameters):
    """`Params` of the same network, with biases of zero."""
    U, W, V = _check_parameters(parameters)
    return Params(U.T.copy(), W.T.copy(), V.T.copy(), np.zeros(len(W), W.dtype), np.zeros(len(V), V.dtype))


def gradients(params, x, y, *, h0=None, reduction="mean", truncate=None):
    """`Params` of gradients, with None for bh and by: from the tape, or from `bptt` where `truncate` is given.

    params: `Params` with biases of zero; x, y: ids (T,); h0: (H,).
    """
    _check.one_of("reduction", reduction, ("sum", "mean"))
    parameters = from_params(params)
    if truncate is None:
        by_name = rnn_loss(parameters, x, y, h0).backward()
        grads = [by_name[name] for name in Parameters._fields]
    else:
        *grads, _ = bptt(forward(parameters, x, h0), y, truncate=truncate)
    return Params(*(grad.T / (len(y) if reduction == "mean" else 1) for grad in grads), bh=None, by=None)


def _check_parameters(parameters):
    try:
        parameters = Parameters(*parameters)
    except TypeError:
        raise TypeError(f"parameters: expected Parameters(U, W, V), got {_check.describe(parameters)}") from None
    parameters = Parameters(*(_check.numbers(f"parameters.{name}", p) for name, p in parameters._asdict().items()))
    U, W, V = (array.shape for array in parameters)
    if len(U) != 2 or 0 in U or (W, V) != ((U[0], U[0]), U[::-1]):
        raise ValueError(f"parameters: expected columns, so U (H, n), W (H, H), V (n, H), got {U}, {W}, {V}")
    return parameters


def _check_targets(layers, y):
    if not (isinstance(layers, list) and layers and isinstance(layers[0], RNNLayer)):
        raise TypeError(f"layers: expected the list that forward returned, got {_check.describe(layers)}")
    return _check.sequence("y", y, len(layers[0].o.data), len(layers))
