"""A model class with three matrices and no biases: the shortest program for a network that can be trained.

    here                             elsewhere in this library
    h_t = tanh(U x_t + W h_{t-1})    h_t = tanh(x_t Wxh + h_{t-1} Whh + bh)    U = Wxhᵀ, W = Whhᵀ; no biases
    o_t = V h_t                      o_t = h_t Why + by                        V = Whyᵀ
    ŷ_t = softmax(o_t)               ŷ_t = softmax(o_t)

Vectors are columns, and a sequence is a matrix of them: states (H, T), logits (K, T), for K symbols, H hidden units and
T steps (V is a matrix here). The loss of a training step is the sum over its sequence; the loss that is reported is the
mean over all predictions. Every sequence starts from a state of zeros and has targets of its own.

Good for: seeing each product of the chain rule. `bptt` propagates the error of every output back on its own, through
`bptt_truncate` = k steps at most; that takes up to T·k outer products, where one backward pass over all errors takes T.
"""

from typing import NamedTuple

import numpy as np

from .. import _check
from ..rnn import Params, check_params
from ..text import Vocabulary

TITLES = ("你好李焕英", "夏洛特烦恼")  # two films


def softmax(o):
    """ŷ = exp(o) / Σ exp(o) down each column; the largest logit is subtracted first, so that nothing overflows."""
    e = np.exp(o - o.real.max(axis=0))
    return e / e.sum(axis=0)


class RNN:
    """U (H, K) from input to hidden, V (K, H) from hidden to output, W (H, H) from one step to the next.

    bptt_truncate: through how many steps, its own included, the error of an output is propagated back; None for all.
    Raises TypeError for what is not an array of numbers, ValueError for shapes that do not fit column vectors.
    """

    def __init__(self, U, V, W, *, bptt_truncate=None):
        U, V, W = _matrix("U", U), _matrix("V", V), _matrix("W", W)
        H, K = U.shape
        for name, array, shape in (("W", W, (H, H)), ("V", V, (K, H))):
            if array.shape != shape:
                given = f"for vectors are columns here and U, (H, K), is {(H, K)}"
                raise ValueError(f"{name}: expected shape {shape}, {given}, got {array.shape}")
        dtype = np.result_type(U, V, W, np.float32)
        self.U, self.V, self.W = U.astype(dtype), V.astype(dtype), W.astype(dtype)
        self.bptt_truncate = None if bptt_truncate is None else _check.positive_int("bptt_truncate", bptt_truncate)

    @classmethod
    def uniform(cls, word_dim, hidden_dim, *, rng, bptt_truncate=None):
        """A new model, each matrix uniform within ±1/√n for its n columns: U within ±1/√K, V and W within ±1/√H."""
        K, H = _check.positive_int("word_dim", word_dim), _check.positive_int("hidden_dim", hidden_dim)
        rng = _check.generator("rng", rng)
        U, V, W = (rng.uniform(-1, 1, shape) / np.sqrt(shape[1]) for shape in ((H, K), (K, H), (H, H)))
        return cls(U, V, W, bptt_truncate=bptt_truncate)

    def forward(self, x, h0=None):
        """States h (H, T) and logits o (K, T) for the ids x (T,), from the state h0 (H,), zeros unless given.

        h_t = tanh(U x_t + W h_{t-1}),  o_t = V h_t.  x_t is one-hot, so U x_t is a column of U.
        """
        x = _check.sequence("x", x, len(self.V))
        h_t = np.zeros_like(self.W[0]) if h0 is None else _check.numbers("h0", h0, self.W[0].shape)
        states = []
        for symbol in x:
            h_t = np.tanh(self.U[:, symbol] + self.W @ h_t)
            states.append(h_t)
        h = np.stack(states, axis=1)
        return h, self.V @ h

    def predict(self, x):
        """The most likely next symbol after each step: ids (T,)."""
        _, o = self.forward(x)
        return o.argmax(axis=0)

    def total_loss(self, sequences, targets):
        """-Σ log ŷ_t[y_t] over all steps of all sequences, in nats, from the logits: log ŷ = o - log Σ exp(o)."""
        _check.pairs("sequences, targets", sequences, targets)
        total = 0
        for x, y in zip(sequences, targets, strict=True):
            _, o = self.forward(x)
            y = _check.sequence("y", y, *o.shape)
            o = o - o.real.max(axis=0)
            total += (np.log(np.exp(o).sum(axis=0)) - o[y, np.arange(len(y))]).sum()
        return total

    def loss(self, sequences, targets):
        """The mean over all predictions, to be compared with log K, the loss of a uniform guess."""
        return self.total_loss(sequences, targets) / sum(map(np.size, targets))

    def bptt(self, x, y, h0=None):
        """dU, dV, dW of the loss summed over one sequence: the error of each output t is propagated back on its own.

        δ = Vᵀ (ŷ_t - y_t) ⊙ (1 - h_t²) at step s = t; from s to s - 1,  δ ← Wᵀ δ ⊙ (1 - h_{s-1}²).
        Each of these steps adds δ x_sᵀ to dU and δ h_{s-1}ᵀ to dW; dV is Σ (ŷ_t - y_t) h_tᵀ.
        """
        h, o = self.forward(x, h0)
        y = _check.sequence("y", y, *o.shape)
        before = np.column_stack([np.zeros_like(h[:, 0]) if h0 is None else h0, h])  # column s is h_{s-1}
        do = softmax(o)
        do[y, np.arange(len(y))] -= 1
        dU, dV, dW = np.zeros_like(self.U, h.dtype), do @ h.T, np.zeros_like(self.W, h.dtype)
        for t in range(len(y)):
            delta = self.V.T @ do[:, t] * (1 - h[:, t] ** 2)
            last = 0 if self.bptt_truncate is None else max(0, t - self.bptt_truncate + 1)
            for s in range(t, last - 1, -1):
                dU[:, x[s]] += delta
                dW += np.outer(delta, before[:, s])
                delta = self.W.T @ delta * (1 - before[:, s] ** 2)
        return dU, dV, dW

    def sgd_step(self, x, y, rate):
        """One step of gradient descent on the loss summed over one sequence."""
        rate, (dU, dV, dW) = _check.positive("rate", rate), self.bptt(x, y)
        self.U -= rate * dU
        self.V -= rate * dV
        self.W -= rate * dW


class Evaluation(NamedTuple):
    """The state of the training after some epochs, and the learning rate from then on."""

    epoch: int
    loss: float  # the mean; not finite where the model was reset
    rate: float


def train_with_sgd(model, sequences, targets, *, rate=0.1, epochs=100, evaluate_every=5):
    """Train the model in place, one step for each sequence and epoch. Returns a list of `Evaluation`s.

    The model is evaluated every `evaluate_every` epochs and after the last one. If the loss has risen, the rate is
    halved. If the loss or a parameter is NaN or infinite, the rate is halved as well, and the model is reset to its
    state at the last evaluation where all were finite: comparisons with NaN are false, so "it rose" would not be
    noticed.
    """
    _check.pairs("sequences, targets", sequences, targets)
    epochs, every = _check.positive_int("epochs", epochs), _check.positive_int("evaluate_every", evaluate_every)
    rate, arrays = _check.positive("rate", rate), (model.U, model.V, model.W)
    evaluations, last, kept = [], np.inf, [array.copy() for array in arrays]
    with np.errstate(over="ignore", invalid="ignore"):  # overflows are found at the evaluation
        for epoch in range(epochs + 1):
            if epoch % every == 0 or epoch == epochs:
                loss = float(model.loss(sequences, targets))
                finite = all(np.isfinite(value).all() for value in (loss, *arrays))
                rate = rate if finite and loss <= last else rate / 2
                good, stale = (arrays, kept) if finite else (kept, arrays)
                for array, old in zip(good, stale, strict=True):
                    old[:] = array
                last = loss if finite else last
                evaluations.append(Evaluation(epoch, loss, rate))
            if epoch < epochs:
                for x, y in zip(sequences, targets, strict=True):
                    model.sgd_step(x, y, rate)
    return evaluations


def next_characters(titles=TITLES):
    """The vocabulary of all titles, their ids, and their targets: the next character, after the last one the first.

    Each title is a sequence of its own, so that no target is taken from the next title.
    """
    vocab = Vocabulary("".join(titles))
    sequences = [vocab.encode(title) for title in titles]
    return vocab, sequences, [np.roll(x, -1) for x in sequences]


def from_params(params, *, bptt_truncate=None):
    """The `RNN` with the weights of `Params`, transposed. Raises ValueError for biases other than zero."""
    params = check_params(params)
    for name in ("bh", "by"):
        bias = getattr(params, name)
        if bias.any():
            raise ValueError(
                f"params.{name}: expected zeros, for this formulation has no biases, got {bias[bias != 0][0]}"
            )
    return RNN(params.Wxh.T, params.Why.T, params.Whh.T, bptt_truncate=bptt_truncate)


def to_params(model):
    """The weights of an `RNN` as `Params`, with biases of zero."""
    (H, K), dtype = model.U.shape, model.U.dtype
    return Params(model.U.T.copy(), model.W.T.copy(), model.V.T.copy(), np.zeros(H, dtype), np.zeros(K, dtype))


def gradients(params, x, y, *, h0=None, reduction="mean", truncate=None):
    """The gradients as `Params`, from `RNN.bptt` over one sequence x, y (T,); None for the biases, which it lacks.

    truncate: the `bptt_truncate` of the model. Raises as `from_params` and `RNN` do, TypeError or ValueError for
    batches and features, and ValueError for a reduction other than "sum" and "mean".
    """
    _check.one_of("reduction", reduction, ("sum", "mean"))
    truncate = None if truncate is None else _check.positive_int("truncate", truncate)
    dU, dV, dW = from_params(params, bptt_truncate=truncate).bptt(x, y, h0)
    n = len(y) if reduction == "mean" else 1
    return Params(Wxh=dU.T / n, Whh=dW.T / n, Why=dV.T / n, bh=None, by=None)


def _matrix(name, value):
    """`value` as a matrix of finite numbers; raises TypeError or ValueError for anything else."""
    value = _check.numbers(name, value)
    if value.ndim != 2 or 0 in value.shape:
        raise ValueError(f"{name}: expected a matrix with no empty side, got shape {value.shape}")
    return value
