"""The training loop: a session does one update and one epoch after another, and `train` runs it from start to end."""

import copy
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _cell, _check
from ..gated_workspace import workspace_of
from ..optim import HalveOnRise, Optimizer, Schedule, clip_by_norm, flatten, norm, unflatten
from ..rnn import Params
from ..workspace import Workspace
from ._config import Config, checked
from ._metrics import mean_loss
from ._progress import bar, interrupts, keeping, say
from ._run import Run, check_run, check_trainable, fresh_run
from ._windows import Windows


def train(
    start: Params | Run,
    ids: npt.ArrayLike | Sequence[npt.ArrayLike],
    optimizer: Optimizer | None = None,
    *,
    rate: float | Schedule,
    steps: int,
    batch: int = 1,
    epochs: int | None = None,
    updates: int | None = None,
    carry: bool = True,
    clip: float | None = None,
    weights: npt.ArrayLike | Sequence[npt.ArrayLike] | None = None,
    validation: npt.ArrayLike | Sequence[npt.ArrayLike] | None = None,
    validation_weights: npt.ArrayLike | Sequence[npt.ArrayLike] | None = None,
    patience: int | None = None,
    seed: int = 0,
    callbacks: Sequence[Callable[[Run], object]] = (),
    progress: bool | None = None,
) -> Run:
    """Train on a text until the given number of epochs or updates is done, or the run ends early: a `Run`.

    start       `Params` of any cell to begin with, or a `Run` to resume, given the same other arguments; it is not
                changed
    ids         (n,)  the text, each id predicted from those before it; or a list of sequences (n_1,), (n_2,), …, each
                read from a state of zeros
    optimizer   a value of `optim`; Adam() unless given
    rate        the learning rate, a number or a learning-rate schedule of `optim`
    steps       T, the window length: the gradient reaches back over at most T steps; `batch`: B windows side by side
    epochs      how often the text is read in total, including the epochs of a `Run`; 1 unless `updates` is given
    updates     how many updates are done in total, including those of a `Run`, even if that ends the run within an
                epoch; if both are given, the first to be reached ends the run
    carry       stateful training: the state is carried from window to window; else the windows are shuffled by `seed`
    clip        the norm to which a gradient with a larger norm is scaled down; None for no clipping
    weights     in the shape of the ids, how much the loss of predicting each id counts, at least 0; the first of each
                sequence is not used, since nothing predicts it
    validation  another text or list of sequences, evaluated after each epoch, with its `validation_weights`;
                `patience`: end after so many epochs without a new best
    callbacks   functions of the `Run` so far, called after each epoch
    progress    whether a progress bar is shown; by default when stderr is a terminal or someone runs the cell of a
                notebook, and tqdm is installed (TQDM_DISABLE=1 in the environment: never). Below it a line says why a
                run ended early, and how to resume after an interrupt

    The loss of an update is the mean over its window, so a prediction in a shorter window, such as the last one of a
    stream, moves the weights more than the others. With weights it is the weighted mean. A window without any weight is
    read for its state alone, and makes no update. Evaluations count each prediction once, or by its weight.

    Sequences: with `carry`, B of them are read side by side from their beginnings on in windows of T steps, then the
    next B, and the state goes back to zeros in between. Without, each is cut into windows of T steps, the last of which
    may be shorter, and these are shuffled. What is too short is padded, and padding has weight 0.

    Ctrl-C, or a notebook's stop button, ends the run after the current update, a second Ctrl-C at once; where Ctrl-C is
    ignored, it stays ignored. If a loss, an update or an evaluation is not finite, the run ends with the weights before
    it and the optimiser state reset to zeros; with `HalveOnRise` only the epoch ends, and the next one begins from the
    best weights with half the rate, unless that is zero.

    An exception in a callback or a schedule, and a second Ctrl-C, carry the run so far as their attribute `run`, from
    which `train` resumes: `error.run`, or `sys.last_value.run` when the exception was not caught. If it was raised
    within an update, the optimiser state of that run is reset to zeros. A `Run` that has already done what is asked for
    is returned as it is: a line says so where the bar would be, or a UserWarning if neither `epochs` nor `updates` is
    given.

    A `Run` knows its `settings`, and resumes only with the same ids, weights, steps, batch, carry, seed, clip and
    hyperparameters of the optimiser; the rate, the validation and when to end may change.
    `run._replace(settings=None)` resumes with different ones.

    Raises TypeError or ValueError, before anything is computed, for arguments that do not fit; and for a schedule that
    gives anything but a finite number of at least 0; ModuleNotFoundError for a bar that is asked for without tqdm.
    """
    params = check_trainable(start.params if isinstance(start, Run) else start)
    given = Config(
        ids, optimizer, rate, steps, batch, epochs, updates, carry, clip,
        weights, validation, validation_weights, patience, seed, callbacks,
    )  # fmt: skip
    config = checked(len(params.by), given)
    settings = config.settings()
    if isinstance(start, Run):
        run = start
        _check_resumable(run, config, settings)
        if not config.work_left(run.epoch, run.window, len(run.losses)):
            line = _nothing_left(run, config)
            if epochs is updates is None:
                warnings.warn(line, stacklevel=2)
            else:
                say(progress, line)
    else:
        run = fresh_run(params, config.optimizer, config.batch, settings)

    session = Session(config, run, settings)
    done = config.characters_read(run.epoch, run.window)
    with (
        interrupts() as interrupted,
        bar(progress, config.characters_to_read(), done) as advance,
        keeping(session.snapshot),
    ):
        while session.work_left():
            session.run_epoch(interrupted, advance)
    if session.stopped:
        resume = "; train(run, ...) with the Run returned goes on from there" if interrupted else ""
        say(progress, f"train: {session.stopped}{resume}")
    return session.snapshot()


class Session:
    """A training run in progress: what `Run` holds as a value is here in buffers that each update overwrites.

    It starts from a run that fits the configuration. `stopped` is empty until something ends the run early.
    """

    def __init__(self, config: Config, run: Run, settings: dict[str, Any]) -> None:
        self.config, self.settings = config, settings
        self.kind, (self.V, self.H, _) = type(run.params), _cell.sizes(run.params)
        self.weights = flatten(run.params)
        self.gradient, self.candidate = np.empty_like(self.weights), np.empty_like(self.weights)
        self.slots = {name: vector.copy() for name, vector in run.slots.items()}
        self.memory = list(self.slots.values())
        self.slots_valid = True  # False during an update, which may be cut off after it has changed them
        self.best, self.t, self.stopped = run.best, run.t, ""
        self.states = {name: getattr(run, name).copy() for name in self.kind.states}  # h, and c of an LSTM
        self.losses, self.norms, self.rates = list(run.losses), list(run.norms), list(run.rates)
        self.evaluations, self.epoch, self.window = tuple(run.evaluations), run.epoch, run.window
        self.workspaces: dict[tuple[int, ...], Workspace] = {}

    def work_left(self) -> bool:
        """Whether `run_epoch` has something to do."""
        return not self.stopped and self.config.work_left(self.epoch, self.window, len(self.losses))

    def run_epoch(self, interrupted: Sequence[int], advance: Callable[[int, float], None]) -> None:
        """Do the rest of this epoch: its updates, its evaluation, the callbacks.

        It ends early when `config.updates` is reached, when `interrupted` is no longer empty, and on a divergence.
        `advance(characters, loss)` is called after each update.
        """
        windows, divergence = self.config.windows(self.epoch), ""
        updates_left = max(0, self.config.updates - len(self.losses))
        padded = self.config.ids.padded
        for window in windows[self.window : min(len(windows), self.window + updates_left)]:
            divergence = self.update(*window) if not padded or window[2].any() else self.read(*window)
            if divergence:
                break
            characters = window[0].size
            if padded:
                characters = windows.predictions(self.window) - windows.predictions(self.window - 1)
                if self.window in windows.begins:
                    self._forget()
            advance(characters, self.losses[-1] if self.losses else math.nan)
            if interrupted:
                break
        if not divergence:
            if interrupted:
                self.stopped = f"interrupted after update {len(self.losses)}"
            if interrupted or self.window < len(windows):
                return
            evaluation = self.evaluate(windows)
            if not math.isfinite(evaluation):
                divergence = f"after update {len(self.losses)} the evaluation is {evaluation}, not finite"
        if divergence:
            self.reset_optimizer()
            if interrupted or not self.recover():
                self.stopped = divergence
                return
            evaluation = math.inf
        self._end_epoch(evaluation)

    def read(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> str:
        """Read a window in which no prediction counts: the state is carried on, nothing else changes. Returns ""."""
        workspace = self._workspace(x.shape)
        if self.config.carry:
            self._hand_over(workspace)
            workspace.loss(x, y)
            self._take_back(workspace)
        self.window += 1
        return ""

    def update(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> str:
        """Train on one window (x, y), ids (T, B), with the weights of its predictions, if they differ. Returns "".

        Forward, backward, clipping and a step of the optimiser.

        If the loss, the gradient, the new weights or the new optimiser state are not finite, the weights stay as they
        are, and a sentence about it is returned.
        """
        config, number = self.config, len(self.losses)
        workspace = self._workspace(x.shape)
        self._hand_over(workspace)
        learning_rate = config.rate(number, self.evaluations)
        if type(learning_rate) is not float or not 0 <= learning_rate < math.inf:
            learning_rate = _check.learning_rate("rate", learning_rate)
        with np.errstate(all="ignore"):  # what is not finite is reported instead
            loss = workspace.loss_and_gradient(x, y, weights)
            length = clip_by_norm(self.gradient, config.clip) if config.clip else norm(self.gradient)
            finite = math.isfinite(loss) and math.isfinite(length) and self._make_candidate(learning_rate)
        if not finite:
            return divergence_message(number + 1, loss, length, learning_rate)
        self.weights[:] = self.candidate
        if config.carry:
            self._take_back(workspace)
        self.losses.append(loss)
        self.norms.append(length)
        self.rates.append(learning_rate)
        self.window, self.t, self.slots_valid = self.window + 1, self.t + 1, True
        return ""

    def evaluate(self, windows: Windows) -> float:
        """The loss on the validation text, or without one over all predictions of the epoch's updates; in nats."""
        with np.errstate(all="ignore"):
            if self.config.validation is None:
                counted = windows.counted()
                return float(np.dot(self.losses[-len(counted) :], counted / counted.sum()))
            return mean_loss(self._params(self.weights), self.config.validation)

    def reset_optimizer(self) -> None:
        """Set the state of the optimiser to zeros, as at its first step."""
        self.t, self.slots_valid = 0, True
        for vector in self.memory:
            vector[:] = 0

    def recover(self) -> bool:
        """After a divergence go back to the best weights, if the schedule halves its rate; whether it does.

        A rate that has been halved down to zero would repeat the divergence forever.
        """
        schedule = self.config.rate
        if not isinstance(schedule, HalveOnRise) or not schedule(len(self.losses), (*self.evaluations, math.inf)):
            return False
        self.weights[:] = flatten(self.best)
        return True

    def snapshot(self) -> Run:
        """The run so far as a value; an update that was cut off leaves it with an optimiser state of zeros."""
        n = len(self.rates)  # an update that was cut off may have appended a loss and no rate
        slots = {name: vector.copy() for name, vector in self.slots.items()}
        if not self.slots_valid:
            slots = {name: np.zeros_like(vector) for name, vector in slots.items()}
        return Run(
            params=self._params(self.weights.copy()),
            best=self._params(flatten(self.best)),
            losses=np.array(self.losses[:n], float),
            norms=np.array(self.norms[:n], float),
            rates=np.array(self.rates, float),
            evaluations=np.array(self.evaluations[: self.epoch], float),
            stopped=self.stopped,
            epoch=self.epoch,
            window=self.window,
            slots=slots,
            t=self.t if self.slots_valid else 0,
            settings=copy.deepcopy(self.settings),
            **{name: state.copy() for name, state in self.states.items()},
        )

    def _params(self, vector):
        """The parameters of the cell as views of a vector."""
        return unflatten(vector, self.V, self.H, kind=self.kind)

    def _hand_over(self, workspace):
        """Let the next window start from the states carried, or from zeros."""
        carries = self.config.carry and self.window
        for first, state in zip(workspace.states, self.states.values(), strict=True):
            first[0] = state if carries else 0

    def _take_back(self, workspace):
        """Carry the states at the end of a window."""
        for state, after in zip(self.states.values(), workspace.states, strict=True):
            state[:] = after[-1]

    def _forget(self):
        """Begin from states of zeros."""
        for state in self.states.values():
            state[:] = 0

    def _workspace(self, shape):
        """The workspace for windows of this shape: the last windows of an epoch may be smaller than the others."""
        if shape not in self.workspaces:
            vectors = {"weights": self.weights, "gradient": self.gradient}
            self.workspaces[shape] = workspace_of(self.kind)(
                self.V, self.H, *shape, dtype=self.weights.dtype, **vectors
            )
        return self.workspaces[shape]

    def _make_candidate(self, learning_rate):
        """Write the next weights to `candidate` and update the optimiser state; whether all of it is finite."""
        self.slots_valid = False
        self.config.optimizer.step(self.gradient, self.memory, learning_rate, self.t + 1, self.candidate)
        np.subtract(self.weights, self.candidate, self.candidate)
        return all(math.isfinite(norm(vector)) for vector in (self.candidate, *self.memory))

    def _end_epoch(self, evaluation):
        """Record the evaluation, call the callbacks, and stop when `patience` is exhausted."""
        if evaluation < min(self.evaluations, default=math.inf):
            self.best = self._params(self.weights.copy())
        self.evaluations += (evaluation,)
        self.epoch, self.window = self.epoch + 1, 0
        self._forget()
        for callback in self.config.callbacks:
            callback(self.snapshot())
        patience = self.config.patience
        if patience and self.epoch - int(np.argmin(self.evaluations)) > patience:
            self.stopped = f"no evaluation below {min(self.evaluations):.4g} for {patience} epochs"


def divergence_message(update: int, loss: float, length: float, learning_rate: float) -> str:
    """The sentence about an update that was not finite: its loss, the norm of its gradient, what may help."""
    measured = (
        f"update {update}: the loss is {loss:.4g}, the gradient {length:.4g} long, at the rate {learning_rate:.4g}"
    )
    return f"{measured}; not finite, so the weights are those before it. A smaller rate or `clip` may help"


def _check_resumable(run, config, settings):
    """Raise TypeError or ValueError unless this run can go on with this configuration."""
    check_run(run, config.optimizer)
    for name, before in (run.settings or {}).items():
        now = settings.get(name, before)
        if now != before:
            hint = "run._replace(settings=None) resumes all the same"
            raise ValueError(f"{name}: expected {before}, as in the run that is resumed, got {now}; {hint}")
    if len(run.h) != config.batch:
        raise ValueError(f"batch: expected {len(run.h)}, as in the run that is resumed, got {config.batch}")
    if run.window > config.windows_per_epoch:
        count = config.windows_per_epoch
        raise ValueError(f"start: expected at most the {count} windows of an epoch done, got {run.window}")


def _nothing_left(run, config):
    """The sentence about a run that has already done what is asked for."""
    limits = {"epochs": config.epochs, "updates": config.updates}
    asked = " and ".join(f"{name}={limit}" for name, limit in limits.items() if limit < math.inf)
    reached = f"the run has come to epoch {run.epoch}, update {len(run.losses)}"
    return f"train: nothing left to do: {reached}, and {asked} counts from its beginning"
