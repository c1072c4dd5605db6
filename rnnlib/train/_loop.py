"""Training: from a text in ids to weights that predict it, update by update, and nothing lost on the way.

A text is read in one of two ways. As streams (`carry=True`): B pieces of it side by side, each read from beginning to
end in windows of T steps, and the state goes on from one window to the next. The gradient ends where its window begins:
that is the truncation there is here, and `backward`'s `truncate`, which cuts within a window, is another.
Or as windows on their own (`carry=False`), in a new random order each epoch, each from a state of zeros.

The loss of an update is the mean over its window, in nats. Everything about a run stands in the `Run` that `train`
returns, also when it was interrupted or has diverged; handed back to `train` it goes on, bit for bit.
"""

from __future__ import annotations  # naming `np.random` would import it, which takes a while

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import _check
from ..loss import softmax
from ..optim import Adam, Constant, HalveOnRise, Optimizer, Schedule, below_one, clip_by_norm, norm, views
from ..rnn import Params, check_params, forward
from ..text import Vocabulary
from ..workspace import Workspace
from ._progress import bar, interrupts, keeping, say


class Run(NamedTuple):
    """A training run so far: what it learned, what was measured, and all that the next update depends on."""

    params: Params  # after the last good update: always finite
    best: Params  # at the lowest evaluation; before the first one, those it began with
    losses: np.ndarray  # (n,)  mean loss over the window of each update, just before it, in nats
    norms: np.ndarray  # (n,)  length of its gradient, before clipping
    rates: np.ndarray  # (n,)  its learning rate
    evaluations: np.ndarray  # (epoch,)  loss on the validation text, else the mean of the epoch's losses; inf: diverged
    stopped: str  # why the run ended before its last epoch, in a sentence; else empty
    epoch: int  # epochs done
    window: int  # windows of the next epoch done
    h: np.ndarray  # (B, H)  the state that the next window starts from
    slots: dict[
        str, np.ndarray
    ]  # name -> (weights,)  what the optimiser remembers, see `optim`; after a divergence zeros again
    t: int  # the updates that it remembers

    def __repr__(self) -> str:
        """How far it has come, and the shapes of what it learned; `_asdict()` shows all that was measured."""
        last = f"last loss {self.losses[-1]:.4g} nats" if len(self.losses) else "no loss yet"
        stopped = f", {self.stopped}" if self.stopped else ""
        return f"Run(epoch {self.epoch}, update {len(self.losses)}, {last}, {self.params!r}{stopped})"


class Windows:
    """The windows (x, y) of one epoch, each cut out of the text when its turn comes: a long text has millions.

    `len`, an index, a slice and a loop do what they do with a list.
    """

    def __init__(self, numbers: Sequence[int], cut: Callable[[int], tuple[np.ndarray, np.ndarray]]) -> None:
        self._numbers, self._cut = numbers, cut

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return map(self._cut, self._numbers)

    def __repr__(self) -> str:
        return f"<{len(self)} windows (x, y)>"

    def __getitem__(self, index: int | slice) -> Any:
        found = self._numbers[index]
        return self._cut(found) if isinstance(found, int) else Windows(found, self._cut)


def streams(ids: npt.ArrayLike, batch: int, steps: int) -> Windows:
    """The windows (x, y) of one epoch over `batch` streams, in order: ids (T, B), y one step ahead of x.

    The first batch · ⌊(n - 1) / batch⌋ predictions of the text are used, T of them a window; the last is shorter where
    it does not come out even. Raises ValueError for a text that is too short for one prediction in every stream.
    """
    ids = _text("ids", ids)
    B, T = _check.positive_int("batch", batch), _check.positive_int("steps", steps)
    length = (len(ids) - 1) // B
    if not length:
        raise ValueError(f"ids: expected at least batch + 1 = {B + 1} ids, got {len(ids)}")
    x, y = (ids[shift : shift + B * length].reshape(B, length).T for shift in (0, 1))
    return Windows(range(0, length, T), lambda t: (x[t : t + T], y[t : t + T]))


def shuffled(ids: npt.ArrayLike, batch: int, steps: int, rng: np.random.Generator) -> Windows:
    """The windows (x, y) of one epoch in random order: ids (T, B), each column T ids of the text and those after them.

    The text is cut into ⌊(n - 1) / T⌋ windows; the last batch has fewer columns where it does not come out even. Raises
    ValueError for a text that is shorter than one window and its last target.
    """
    ids = _text("ids", ids)
    B, T = _check.positive_int("batch", batch), _check.positive_int("steps", steps)
    count = (len(ids) - 1) // T
    if not count:
        raise ValueError(f"ids: expected at least steps + 1 = {T + 1} ids, got {len(ids)}")
    order = rng.permutation(count)
    x, y = (ids[shift : shift + count * T].reshape(count, T) for shift in (0, 1))
    return Windows(range(0, count, B), lambda b: (x[order[b : b + B]].T, y[order[b : b + B]].T))


def evaluate(params: Params, ids: npt.ArrayLike, *, steps: int = 256) -> float:
    """The mean loss over all predictions of a text (n,), in nats, read once from a state of zeros, `steps` at a time.

    Raises as `forward` does for parameters, and TypeError or ValueError for ids or steps that do not fit.
    """
    params = check_params(params)
    V, H = params.Wxh.shape
    weights, spaces = _vector(params), {}
    h, total = np.zeros((1, H), weights.dtype), 0.0
    for x, y in streams(_text("ids", ids, V), 1, steps):
        if len(x) not in spaces:
            spaces[len(x)] = Workspace(V, H, len(x), dtype=weights.dtype, weights=weights)
        space = spaces[len(x)]
        space.h[0] = h
        total += space.loss(x, y) * len(x)
        h = space.h[-1]
    return total / (len(ids) - 1)


def perplexity(loss: float) -> float:
    """exp L: as unsure as if it chose evenly among so many characters, for a loss L in nats."""
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf


def bits(loss: float) -> float:
    """L / ln 2: bits per character, for a loss L in nats."""
    return loss / math.log(2)


def smoothed(losses: npt.ArrayLike, *, keep: float = 0.99) -> np.ndarray:
    """s_n = keep · s_{n-1} + (1 - keep) · L_n from s_0 = L_0: a curve (n,) that one hard window hardly moves.

    Raises TypeError or ValueError for losses that are not finite numbers (n,), and a keep not from 0 to below 1.
    """
    keep, curve = below_one("keep", keep), np.array(_check.numbers("losses", losses), float)
    if curve.ndim != 1:
        raise ValueError(f"losses: expected shape (n,), got {curve.shape}")
    for n in range(1, len(curve)):
        curve[n] = keep * curve[n - 1] + (1 - keep) * curve[n]
    return curve


def train(
    start: Params | Run,
    ids: npt.ArrayLike,
    optimizer: Optimizer | None = None,
    *,
    rate: float | Schedule,
    steps: int,
    batch: int = 1,
    epochs: int | None = None,
    updates: int | None = None,
    carry: bool = True,
    clip: float | None = None,
    validation: npt.ArrayLike | None = None,
    patience: int | None = None,
    seed: int = 0,
    callbacks: Sequence[Callable[[Run], object]] = (),
    progress: bool | None = None,
) -> Run:
    """Train on one text until so many epochs or updates are done, or less: a `Run`.

    start       `Params` to begin with, or a `Run` to go on with, given the same other arguments; it stays as it is
    ids         (n,)  the text; each id is predicted from those before it
    optimizer   a value of `optim`; Adam() unless given
    rate        the learning rate, a number or a schedule of `optim`
    steps       T, the length of a window, over which the gradient reaches back; `batch`: B windows side by side
    epochs      how often the text is read in all, what a `Run` has read before included; 1 unless `updates` is given
    updates     how many updates are done in all, those of a `Run` included, though an epoch be only begun; where both
                are given, the first to be reached ends the run
    carry       the state goes on from window to window, see above; else windows in an order drawn from `seed`
    clip        the length to which a longer gradient is shortened; None for none
    validation  (m,)  another text, evaluated after each epoch; `patience`: end after so many epochs without a new best
    callbacks   functions of the `Run` so far, called after each epoch
    progress    whether a bar is shown; by default when stderr is a terminal, or a person runs the cell of a notebook,
                and tqdm is installed (TQDM_DISABLE=1 in the environment: never). Below it a line says why a run ended
                early, and how to go on after an interrupt

    Ctrl-C, or a notebook's stop button, ends the run after the update that is under way, a second Ctrl-C at once. Where
    a loss, an update or an evaluation is not finite the run ends with the weights before it and an optimiser that
    remembers nothing; with `HalveOnRise` the epoch ends there, and the next one begins from the best weights with half
    the rate, unless that is zero.

    An exception in a callback or a schedule, and a second Ctrl-C, carry the run so far as their attribute `run`, from
    which `train` goes on: `error.run`, or `sys.last_value.run` when the exception was not caught. If it was raised
    within an update, the optimiser of that run remembers nothing. A `Run` that has already done what is asked for is
    given back as it is: a line says so where the bar would be, and a UserWarning when neither `epochs` nor `updates` is
    given.

    Raises TypeError or ValueError, before anything is computed, for arguments that do not fit; ValueError when a
    schedule gives a rate below 0; ModuleNotFoundError for a bar that is asked for without tqdm.
    """
    T, B = _check.positive_int("steps", steps), _check.positive_int("batch", batch)
    seed, unsaid = _check.whole("seed", seed, 0, 2**63 - 1), epochs is updates is None
    epochs = 1 if unsaid else epochs
    epochs = math.inf if epochs is None else _check.positive_int("epochs", epochs)
    updates = math.inf if updates is None else _check.whole("updates", updates, 0, 2**63 - 1)
    clip = None if clip is None else _check.positive("clip", clip)
    patience = None if patience is None else _check.positive_int("patience", patience)
    optimizer = Adam() if optimizer is None else optimizer
    if isinstance(optimizer, type) or not callable(getattr(optimizer, "step", None)):
        raise TypeError(f"optimizer: expected a value of `optim` such as Adam(), got {_check.describe(optimizer)}")
    schedule = rate if callable(rate) and not isinstance(rate, type) else Constant(rate)
    callbacks = _functions("callbacks", callbacks)
    run = start if isinstance(start, Run) else _fresh(check_params(start), optimizer, B)
    V, H = check_run(run, optimizer)
    if len(run.h) != B:
        raise ValueError(f"batch: expected {len(run.h)}, as in the run that goes on, got {B}")
    ids = _text("ids", ids, V)
    validation = None if validation is None else _text("validation", validation, V)

    def windows_of(epoch):
        return streams(ids, B, T) if carry else shuffled(ids, B, T, np.random.default_rng([seed, epoch]))

    windows = windows_of(0)
    count, size = len(windows), (len(windows) - 1) * T * B + windows[-1][0].size  # only the last may be smaller
    if run.window > count:
        raise ValueError(f"start: expected at most the {count} windows of an epoch done, got {run.window}")

    if isinstance(start, Run) and not (run.epoch < epochs and (run.window or len(run.losses) < updates)):
        asked = [f"{name}={n}" for name, n in (("epochs", epochs), ("updates", updates)) if n < math.inf]
        line = (
            f"train: nothing left to do: the run has come to epoch {run.epoch}, update {len(run.losses)}, "
            f"and {' and '.join(asked)} counts from its beginning"
        )
        if unsaid:
            warnings.warn(line, stacklevel=2)
        else:
            say(progress, line)
    most, rest = divmod(min(epochs * count, updates), count)  # what is to be read: epochs and windows
    weights, slots = _vector(run.params), {name: vector.copy() for name, vector in run.slots.items()}
    gradient, update, memory = np.empty_like(weights), np.empty_like(weights), list(slots.values())
    best, h, t = run.best, run.h.copy(), run.t
    losses, norms, rates, evaluations = (list(values) for values in run[2:6])
    epoch, window, stopped, spaces = run.epoch, run.window, "", {}
    whole = True  # False while an update is under way

    def so_far():
        n = len(rates)  # an update that is cut off may have left a loss without its rate
        measured = (np.array(values, float) for values in (losses[:n], norms[:n], rates, evaluations[:epoch]))
        copies = {name: vector.copy() if whole else np.zeros_like(vector) for name, vector in slots.items()}
        weights_now = views(weights.copy(), V, H)
        return Run(weights_now, best, *measured, stopped, epoch, window, h.copy(), copies, t if whole else 0)

    with (
        interrupts() as interrupted,
        bar(progress, most * size + rest * T * B, epoch * size + min(window * T * B, size)) as advance,
        keeping(so_far),
    ):
        while epoch < epochs and (window or len(losses) < updates) and not stopped:
            windows, trouble = windows_of(epoch), ""
            end = min(len(windows), window + max(0, updates - len(losses)))
            for x, y in windows[window:end]:
                if x.shape not in spaces:  # a text need not come out even: the last windows may be smaller
                    options = {"dtype": weights.dtype, "weights": weights, "gradient": gradient}
                    spaces[x.shape] = Workspace(V, H, *x.shape, **options)
                space = spaces[x.shape]
                space.h[0] = h if carry and window else 0
                rate_now = schedule(len(losses), evaluations)
                if rate_now < 0:
                    raise ValueError(f"rate: expected a schedule that gives at least 0, got {rate_now}")
                with np.errstate(all="ignore"):  # what is not finite is told below
                    loss = space.loss_and_gradient(x, y)
                    length = clip_by_norm(gradient, clip) if clip else norm(gradient)
                    finite = math.isfinite(loss) and math.isfinite(length)
                    if finite:
                        whole = False
                        optimizer.step(gradient, memory, rate_now, t + 1, update)
                        np.subtract(weights, update, update)
                        finite = all(math.isfinite(norm(vector)) for vector in (update, *memory))
                if not finite:
                    trouble = _advice(len(losses) + 1, loss, length, rate_now)
                    break
                weights[:] = update
                if carry:
                    h[:] = space.h[-1]
                losses.append(loss)
                norms.append(length)
                rates.append(rate_now)
                window, t, whole = window + 1, t + 1, True
                advance(x.size, loss)
                if interrupted:
                    break
            if interrupted and not trouble:
                stopped = f"interrupted after update {len(losses)}"
                break
            if not trouble and window < len(windows):
                break
            if not trouble:
                with np.errstate(all="ignore"):
                    text = views(weights, V, H), validation
                    loss = float(np.mean(losses[-len(windows) :])) if validation is None else evaluate(*text)
                if not math.isfinite(loss):
                    trouble = f"after update {len(losses)} the evaluation is {loss}, not finite"
            if trouble:
                t, whole = 0, True
                for vector in memory:
                    vector[:] = 0
                halved = isinstance(schedule, HalveOnRise) and schedule(len(losses), [*evaluations, math.inf])
                if interrupted or not halved:  # at a rate of zero it would end here for ever
                    stopped = trouble
                    break
                weights[:], loss = _vector(best), math.inf
            if loss < min(evaluations, default=math.inf):
                best = views(weights.copy(), V, H)
            evaluations.append(loss)
            epoch, window, h[:] = epoch + 1, 0, 0
            for callback in callbacks:
                callback(so_far())
            if patience and epoch - int(np.argmin(evaluations)) > patience:
                stopped = f"no evaluation below {min(evaluations):.4g} for {patience} epochs"
    if stopped:
        going_on = "; train(run, ...) with the Run returned goes on from there" if interrupted else ""
        say(progress, f"train: {stopped}{going_on}")
    return so_far()


def sample(
    params: Params,
    vocab: Vocabulary,
    prompt: str,
    length: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    rng: np.random.Generator,
) -> str:
    """`prompt` and `length` characters more, each drawn from softmax(o / temperature): a string.

    The network reads the prompt from a state of zeros. temperature: below 1 surer, above 1 bolder; top_k: only the k
    likeliest characters are drawn, 1 for always the likeliest. `rng` is a `numpy.random.Generator`.

    Raises ValueError for an empty prompt, for characters that the vocabulary lacks and a vocabulary of another size;
    TypeError or ValueError for a length, temperature, top_k or rng that is none.
    """
    params, rng = check_params(params), _check.generator("rng", rng)
    length, temperature = _check.positive_int("length", length), _check.positive("temperature", temperature)
    V = len(params.by)
    if len(vocab) != V:
        raise ValueError(f"vocab: expected the {V} characters of params, got {len(vocab)}")
    k = V if top_k is None else _check.whole("top_k", top_k, 1, V)
    try:
        ids = vocab.encode(prompt)
    except (TypeError, ValueError) as error:  # which calls its argument otherwise
        raise type(error)("prompt" + str(error).removeprefix("text")) from None
    if not len(ids):
        raise ValueError("prompt: expected at least one character, got an empty string")
    draw = _drawer(params, forward(params, ids).h[-1], temperature, k)
    drawn = []
    for u in rng.random(length).tolist():
        drawn.append(draw(drawn[-1] if drawn else None, u))
    return prompt + vocab.decode(drawn)


def _drawer(params, h, temperature, k):
    """draw(symbol, u): the state h (H,) moves on over the symbol, None for none, and a number u from 0 to 1 picks one.

    It is picked from softmax(o / temperature) over the k likeliest. All that stays the same is made once, as in
    `workspace.py`; the odds are float64 whatever the weights are. One product gives the logits and, beside them, what
    the next state will need of this one.
    """
    dot, add, tanh, exp = np.dot, np.add, np.tanh, np.exp
    H, V = params.Why.shape
    with np.errstate(over="ignore"):  # |h| < 1, so no logit is beyond `most`; at a very low temperature it is inf
        most = (np.abs(params.Why).sum(axis=0) + np.abs(params.by)).max().astype(float) / temperature
    plain = k == V and most < 80  # e^most fits into float32
    Why, by = (p / temperature if plain else p for p in (params.Why, params.by))
    rows, state = list(params.Wxh + params.bh), np.append(h, h.dtype.type(1))  # a 1 after the state, for the biases
    both = np.block([[Why, params.Whh], [by, np.zeros(H, by.dtype)]])
    products, odds = np.empty(V + H, by.dtype), np.empty(V)
    h, o, move = state[:-1], products[:V], products[V:]
    accumulate, search = add.accumulate, odds[:-1].searchsorted
    dot(state, both, products)

    def draw(symbol, u):
        if symbol is not None:
            add(move, rows[symbol], move)
            tanh(move, h)
            dot(state, both, products)
        if plain:
            exp(o, odds)
            accumulate(odds, 0, None, odds)
            return int(search(u * odds[-1], "right"))
        logits = o.astype(float)
        kept = np.sort(np.argsort(-logits, kind="stable")[:k])
        with np.errstate(over="ignore"):  # what is not likeliest goes to -inf, as it should
            sums = softmax((logits[kept] - logits.max()) / temperature).cumsum()
        return int(kept[min(sums.searchsorted(u * sums[-1], side="right"), k - 1)])

    return draw


def _fresh(params, optimizer, batch):
    """The run of these `Params` before its first update."""
    begin, best = (views(_vector(params), *params.Wxh.shape) for _ in range(2))
    none, size = np.zeros(0), sum(array.size for array in params)
    slots = {name: np.zeros(size, params.bh.dtype) for name in optimizer.slots}
    return Run(
        begin, best, none, none, none, none, "", 0, 0, np.zeros((batch, len(params.bh)), params.bh.dtype), slots, 0
    )


def check_run(run: Run, optimizer: Optimizer) -> tuple[int, int]:
    """V and H of a run that fits together and to the optimiser; else raises TypeError or ValueError."""
    params, best = check_params(run.params), check_params(run.best)
    V, H = params.Wxh.shape
    if params.bh.dtype.kind != "f":
        raise TypeError(f"params: expected real numbers, got type {params.bh.dtype}")
    if best.Wxh.shape != (V, H):
        raise ValueError(f"best: expected parameters of shape {(V, H)}, as in params, got {best.Wxh.shape}")
    if tuple(run.slots) != tuple(optimizer.slots):
        names = f"slots {optimizer.slots}, which {type(optimizer).__name__} remembers"
        raise ValueError(f"optimizer: expected that of the run, with slots {tuple(run.slots)}, got {names}")
    for name, vector in run.slots.items():
        _check.numbers(f"slots.{name}", vector, (sum(array.size for array in params),))
    _check.numbers("h", run.h, (len(run.h), H))
    updates = len(run.losses)
    for name, size in (("losses", updates), ("norms", updates), ("rates", updates), ("evaluations", run.epoch)):
        if np.shape(getattr(run, name)) != (size,):
            raise ValueError(f"{name}: expected shape ({size},), got {np.shape(getattr(run, name))}")
    for name in ("epoch", "window", "t"):
        _check.whole(name, getattr(run, name), 0, 2**63 - 1)
    return V, H


def _functions(name, values):
    """The functions as a tuple; one alone is none of them."""
    if not isinstance(values, (list, tuple)) or not all(map(callable, values)):
        raise TypeError(f"{name}: expected a list or tuple of functions, got {_check.describe(values)}")
    return values


def _vector(params):
    """All numbers of `Params` in a new vector, in the order of `optim.views`."""
    return np.concatenate([array.ravel() for array in params])


def _text(name, ids, size=np.inf):
    """Ids of one text (n,), n at least 2; else raises TypeError or ValueError."""
    ids = _check.ids(name, ids, size, "(n,)")
    if ids.ndim != 1 or len(ids) < 2:
        raise ValueError(f"{name}: expected one text of at least 2 ids, shape (n,), got {ids.shape}")
    return ids


def _advice(update, loss, length, rate):
    """What is said of a run that has diverged."""
    told = f"update {update}: the loss is {loss:.4g}, the gradient {length:.4g} long, at the rate {rate:.4g}"
    return f"{told}; not finite, so the weights are those before it. A smaller rate or `clip` may help"
