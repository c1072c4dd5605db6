"""Layers with forward, backward and update methods of their own, and a network that applies them at every step.

    here                                         elsewhere in this library
    a_t = Linear_xh(x_t) + Linear_hh(h_{t-1})    a_t = x_t Wxh + h_{t-1} Whh + bh    bh = b of xh + b of hh
    h_t = Tanh(a_t)                              h_t = tanh(a_t)
    o_t = Linear_hy(h_t)                         o_t = h_t Why + by
    ŷ_t = Softmax(o_t)                           ŷ_t = softmax(o_t)

    Linear:  y = x w + b;  backward:  dw += xᵀ dy,  db += dy,  dx = dy wᵀ

A vector is a row (1, n), an input a one-hot row. `backward` takes what `forward` was given and the gradient of what it
returned; only `Softmax` takes its result, the probabilities. Each layer is used at every step, so it does not store
its inputs: the network keeps the history and gives each layer what it needs in the backward pass. A long text is read
in chunks; the loss of an update is the sum over its chunk. The state is carried over from one chunk to the next and is
used in both passes; the gradient is not propagated beyond the start of its chunk.

Good for: building a different network from the same parts, and for a text that is too long for one backward pass.
"""

import re
from typing import NamedTuple

import numpy as np

from .. import _check, _repr
from ..rnn import Params, check_params


class Linear:
    """y = x w + b for a row x (1, n): w (n, m), b (1, m). dw and db add up from one `backward` to the next.

    bias_rate: b is updated with this fraction of the learning rate. The biases of two layers whose outputs are added
    have the same gradient: with the full rate for each, their sum would change twice as much as a single bias.
    """

    def __init__(self, w, b, *, bias_rate=1.0):
        w, b = _check.numbers("w", w), _check.numbers("b", b)
        if w.ndim != 2 or 0 in w.shape:
            raise ValueError(f"w: expected shape (n, m), both at least 1, got {w.shape}")
        if b.shape != (1, w.shape[1]):
            raise ValueError(f"b: expected {(1, w.shape[1])}, for vectors are rows here, got {b.shape}")
        dtype = np.result_type(w, b, np.float32)
        self.w, self.b, self.bias_rate = w.astype(dtype), b.astype(dtype), bias_rate
        self.zero()

    def zero(self):
        """Set the gradient to zero."""
        self.dw, self.db = np.zeros_like(self.w), np.zeros_like(self.b)

    def forward(self, x):
        return _row("x", x, len(self.w)) @ self.w + self.b

    def backward(self, x, dy):
        x, dy = _row("x", x, len(self.w)), _row("dy", dy, self.w.shape[1])
        self.dw += x.T @ dy
        self.db += dy
        return dy @ self.w.T

    def clip(self, bound):
        """Clip the gradient to ±bound elementwise, which can change its direction."""
        bound = _check.positive("bound", bound)
        self.dw, self.db = self.dw.clip(-bound, bound), self.db.clip(-bound, bound)

    def update(self, rate):
        rate = _check.positive("rate", rate)
        self.w -= rate * self.dw
        self.b -= rate * self.bias_rate * self.db


class Tanh:
    """h = tanh(a)."""

    def forward(self, a):
        return np.tanh(a)

    def backward(self, a, dh):
        """da = dh ⊙ (1 - tanh(a)²), from the pre-activation a, not from the state."""
        a = _row("a", a)
        return _row("dh", dh, a.shape[1]) * (1 - np.tanh(a) ** 2)

    def update(self, rate):
        """Nothing to learn."""


class Softmax:
    """ŷ = exp(o) / Σ exp(o); the largest logit is subtracted first, so that nothing overflows."""

    def forward(self, o):
        o = _row("o", o)
        e = np.exp(o - o.real.max())
        return e / e.sum()

    def backward(self, yhat, dyhat):
        """do = ŷ ⊙ (dŷ - Σ dŷ ŷ), because every probability depends on every logit."""
        yhat = _row("yhat", yhat)
        dyhat = _row("dyhat", dyhat, yhat.shape[1])
        return yhat * (dyhat - (dyhat * yhat).sum())

    def update(self, rate):
        """Nothing to learn."""


class CrossEntropy:
    """L = -log ŷ[y] = log Σ exp(o) - o[y], from the logits o (1, V) and the id y of the target, not from probabilities.

    do = ŷ - y is what `Softmax.backward` computes from dŷ[y] = -1 / ŷ[y], but without the division, which fails where
    ŷ[y] has underflowed to zero.
    """

    def forward(self, o, y):
        o, y = _logits_and_target(o, y)
        o = o - o.real.max()
        return np.log(np.exp(o).sum()) - o[0, y]

    def backward(self, o, y):
        o, y = _logits_and_target(o, y)
        do = Softmax().forward(o)
        do[0, y] -= 1
        return do

    def update(self, rate):
        """Nothing to learn."""


class Step(NamedTuple):
    """What one step of the forward pass stores for the backward pass; each is a row."""

    x: np.ndarray  # (1, V)
    before: np.ndarray  # (1, H)  h_{t-1}; at the first step of a chunk, the state that was carried over
    a: np.ndarray  # (1, H)
    h: np.ndarray  # (1, H)
    o: np.ndarray  # (1, V)

    def __repr__(self):
        return _repr.short(self)


class Network:
    """Three Linear layers: xh (V, H) from the input, hh (H, H) from the previous state, hy (H, V) to the output.

    Raises ValueError for weights that do not fit rows.
    """

    def __init__(self, xh, hh, hy):
        V, H = xh.w.shape
        for name, layer, shape in (("hh", hh, (H, H)), ("hy", hy, (H, V))):
            if layer.w.shape != shape:
                given = f"for vectors are rows here and xh.w, (V, H), is {(V, H)}"
                raise ValueError(f"{name}.w: expected shape {shape}, {given}, got {layer.w.shape}")
        self.xh, self.hh, self.hy, self.tanh, self.cross_entropy = xh, hh, hy, Tanh(), CrossEntropy()
        self.history = []  # a `Step` for each step of the last forward pass

    def step(self, symbol, before):
        """The `Step` for one id and the previous state; it is not added to the history."""
        x = np.zeros_like(self.xh.w[:, 0])[None]
        x[0, symbol] = 1
        a = self.xh.forward(x) + self.hh.forward(before)
        h = self.tanh.forward(a)
        return Step(x, before, a, h, self.hy.forward(h))

    def forward(self, x, h=None):
        """Run over the ids x (T,) from the state h (1, H), zeros unless given; return the last state, to go on from."""
        h = self.state() if h is None else _check.numbers("h", h, self.hh.b.shape)
        self.history = []
        for symbol in _check.sequence("x", x, len(self.xh.w)):
            self.history.append(self.step(symbol, h))
            h = self.history[-1].h
        return h

    def state(self):
        """The state of zeros that every text starts from: (1, H)."""
        return np.zeros_like(self.hh.b)

    def loss(self, y):
        """The losses of all steps in the history, added up, for the targets y (T,); in nats."""
        y = _check.sequence("y", y, len(self.xh.w), len(self.history))
        return sum(self.cross_entropy.forward(step.o, target) for step, target in zip(self.history, y, strict=True))

    def backward(self, y):
        """Leave the gradient of `loss(y)` in the Linear layers; return that of the state before the chunk (1, H)."""
        y = _check.sequence("y", y, len(self.xh.w), len(self.history))
        for layer in (self.xh, self.hh, self.hy):
            layer.zero()
        dh_next = self.state()  # no step follows the last one
        for step, target in zip(reversed(self.history), reversed(y), strict=True):
            do = self.cross_entropy.backward(step.o, target)
            dh = self.hy.backward(step.h, do) + dh_next
            da = self.tanh.backward(step.a, dh)
            self.xh.backward(step.x, da)
            dh_next = self.hh.backward(step.before, da)
        return dh_next

    def clip(self, bound):
        """Clip what `backward` left in the layers: a step of its own, for a clipped gradient passes no check."""
        for layer in (self.xh, self.hh, self.hy):
            layer.clip(bound)

    def update(self, rate):
        for layer in (self.xh, self.hh, self.tanh, self.hy, self.cross_entropy):
            layer.update(rate)


def network_of(Wxh, Whh, Why, b_xh, b_hh, b_hy):
    """The `Network` with these weights and biases; the two biases that are added share one learning rate."""
    return Network(Linear(Wxh, b_xh, bias_rate=0.5), Linear(Whh, b_hh, bias_rate=0.5), Linear(Why, b_hy))


def init_network(vocab_size, hidden_size=100, *, rng):
    """A new network: weights uniform within ±1/√n for n rows, biases zero."""
    V, H = _check.positive_int("vocab_size", vocab_size), _check.positive_int("hidden_size", hidden_size)
    rng = _check.generator("rng", rng)
    weights = (rng.uniform(-1, 1, shape) / np.sqrt(shape[0]) for shape in ((V, H), (H, H), (H, V)))
    return network_of(*weights, np.zeros((1, H)), np.zeros((1, H)), np.zeros((1, V)))


def train(network, ids, *, passes=30, chunk=40, rate=0.01, clip=5.0):
    """Train the network in place to predict each next id of one long text. Returns the mean loss of every chunk.

    ids: (n,), n at least 2. Each pass reads the whole text from a state of zeros, with one update for each chunk; the
    state is carried over from chunk to chunk. Several calls give the same result as one with all the passes.
    """
    passes, chunk = _check.positive_int("passes", passes), _check.positive_int("chunk", chunk)
    rate, clip = _check.positive("rate", rate), _check.positive("clip", clip)
    ids = _check.sequence("ids", ids, len(network.xh.w))
    if len(ids) < 2:
        raise ValueError(f"ids: expected at least 2, the second to be predicted from the first, got {len(ids)}")
    losses = []
    for _ in range(passes):
        h = network.state()
        for start in range(0, len(ids) - 1, chunk):
            y = ids[start + 1 : start + chunk + 1]
            h = network.forward(ids[start : start + len(y)], h)
            losses.append(float(network.loss(y)) / len(y))
            network.backward(y)
            network.clip(clip)
            network.update(rate)
    return losses


def smoothed(losses, start, *, keep=0.999):
    """The exponential moving average of the losses: s ← keep · s + (1 - keep) · L, from s = start.

    Raises TypeError or ValueError for losses and a start that are not finite numbers, and a keep not from 0 to below 1.
    """
    losses, curve = _check.numbers("losses", losses), []
    start, keep = _check.finite("start", start), _check.below_one("keep", keep)
    for loss in losses:
        start = keep * start + (1 - keep) * loss
        curve.append(start)
    return np.array(curve)


def sample(network, vocab, start, length=120, *, rng):
    """A text of `length` characters that begins with the character `start`; each next one is drawn from ŷ.

    The network runs step by step from a state of zeros; its history is not changed. Raises ValueError for a start that
    is not a character of the vocabulary, and for a vocabulary whose size is not the network's.
    """
    length, rng = _check.positive_int("length", length), _check.generator("rng", rng)
    if len(vocab) != len(network.xh.w):
        raise ValueError(f"vocab: expected {len(network.xh.w)} characters, as the network has, got {len(vocab)}")
    if start not in vocab.characters:
        raise ValueError(
            f"start: expected one of the {len(vocab)} characters of the vocabulary, got {_check.describe(start)}"
        )
    (symbol,), h, text = vocab.encode(start), network.state(), start
    while len(text) < length:
        step = network.step(symbol, h)
        symbol, h = rng.choice(len(vocab), p=Softmax().forward(step.o)[0]), step.h
        text += vocab.characters[symbol]
    return text


def share_of_three(sample):
    """The share of clauses that have three characters, from 0 to 1; it is 0 where there is no clause.

    A clause ends with ， or 。; the rest after the last of them is cut off by the end of the sample and ignored.
    Raises TypeError for anything but a string.
    """
    if not isinstance(sample, str):
        raise TypeError(f"sample: expected a string, got {_check.describe(sample)}")
    clauses = re.split("[，。]", sample)[:-1]
    return sum(len(clause) == 3 for clause in clauses) / max(1, len(clauses))


def from_params(params):
    """The `Network` of these `Params`; bh becomes the bias of the input's layer, that of the state's layer is zero."""
    Wxh, Whh, Why, bh, by = check_params(params)
    return network_of(Wxh, Whh, Why, bh[None], np.zeros_like(bh)[None], by[None])


def to_params(network):
    """The weights of a `Network` as `Params`; bh is the sum of the two biases that are added at every step."""
    xh, hh, hy = network.xh, network.hh, network.hy
    return Params(xh.w.copy(), hh.w.copy(), hy.w.copy(), (xh.b + hh.b)[0], hy.b[0].copy())


def gradients(params, x, y, *, h0=None, reduction="mean"):
    """The gradients as `Params`, from `Network.backward` over one sequence x, y (T,) with the first state h0 (H,).

    bh is the gradient of either of the two biases. Raises TypeError or ValueError for batches, features and anything
    else that does not fit, and ValueError for a reduction other than "sum" and "mean".
    """
    _check.one_of("reduction", reduction, ("sum", "mean"))
    network = from_params(params)
    network.forward(x, None if h0 is None else _check.numbers("h0", h0, network.hh.b[0].shape)[None])
    network.backward(y)
    xh, hh, hy = network.xh, network.hh, network.hy
    n = len(network.history) if reduction == "mean" else 1
    return Params(Wxh=xh.dw / n, Whh=hh.dw / n, Why=hy.dw / n, bh=xh.db[0] / n, by=hy.db[0] / n)


def _row(name, value, size=None):
    """`value` as a row (1, n), n = `size` where that is given; shapes alone are checked, as this runs at every step."""
    value = np.asarray(value)
    if value.ndim != 2 or len(value) != 1 or value.shape[1] != (size or value.shape[1]):
        raise ValueError(f"{name}: expected a row of shape (1, {size or 'n'}), got {_check.describe(value)}")
    return value


def _logits_and_target(o, y):
    """A row of logits and an id. Raises TypeError for a target in any other form, such as the pair (0, id)."""
    o = _row("o", o)
    if np.ndim(y) or not isinstance(y, (int, np.integer)):
        raise TypeError(f"y: expected the id of the target, for o are logits (1, V) here, got {_check.describe(y)}")
    return o, _check.whole("y", y, 0, o.shape[1] - 1)
