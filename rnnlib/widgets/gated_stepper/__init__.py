"""GatedStepper: the forward and the backward pass of an LSTM and of a GRU, move by move."""

import numpy as np
import traitlets

from ... import _cell, _check, _flat, gru, lstm
from ...optim import unflatten
from .._bundle import bundle, constants, style
from .._network import NetworkWidget
from .._traits import FORGET_BIASES, MAX_STEPS, Choice, InvalidValue, Number, Whole, defaults
from ._moves import COUNT, FORWARD, INSIGHT, MOVES, numbers

CELLS = {"lstm": lstm, "gru": gru}


def middle(T):
    """The step at which a walk over T steps is opened, from 0."""
    return (T - 1) // 2


class GatedStepper(NetworkWidget):
    """An LSTM or a GRU that reads `text`: forward over all steps, then back from the last one, with every number.

    Each step has six moves forward, from the pre-activations to the prediction, and six back, from the error to what
    goes on to the step before. Each move has its equation, its line of `rnnlib/lstm.py` or `gru.py`, and its numbers.
    The loss is the sum of the losses of the steps.

    `GatedStepper(text="hello", hidden_size=3, seed=0)` shows a network with the weights of
    `lstm.init_params(V, hidden_size, rng=np.random.default_rng(seed), forget_bias=forget_bias)`, where V counts the
    distinct characters of the text; with cell="gru" those of `gru.init_params`, which has no forget bias.
    `GatedStepper.from_params(params, vocab, text)` shows given weights, whose type says which cell they are of.

    Traits, to be set, observed or linked: `text` (2 to 65 characters), `hidden_size` (1 to 64), `seed` (0 to
    2**53 - 1), `cell` ("lstm" or "gru"), `forget_bias` (0 to 6), `t` (the step, from 0), `move` (0 to 11). A shorter
    text moves a step beyond its end to the last one.

    If neither `t` nor `move` is given, the figure opens in the middle of the text, on the way back: where the two paths
    to the cell state meet, in a GRU those to the hidden state. Otherwise the one that is not given is 0.

    Raises ValueError for a value out of range or a text with characters that given weights do not know, TypeError for a
    value of another type, and for a forget bias that the network does not have; all name the trait.
    """

    hidden_size = Whole(1, 64, default_value=3).tag(sync=True)
    cell = Choice(tuple(CELLS), default_value="lstm").tag(sync=True)
    forget_bias = Number(*FORGET_BIASES, default_value=1.0).tag(sync=True)
    t = Whole(0, MAX_STEPS - 1, default_value=0).tag(sync=True)
    move = Whole(0, COUNT - 1, default_value=0).tag(sync=True)

    _facts = constants(
        MOVES={
            cell: [{**move._asdict(), "words": f"gated_move_{move.name}"} for move in MOVES[cell]] for cell in MOVES
        },
        FORWARD=FORWARD,
        INSIGHT=INSIGHT,
        FORGET_BIAS=FORGET_BIASES,
        DEFAULTS=defaults(vars()),
    )
    _esm = bundle("gated_stepper/view.js", {"gated_stepper/facts.js": _facts})
    _css = style("ui/base.css", "ui/network.css", "ui/river.css", "ui/moves.css", "gated_stepper/style.css")

    def __init__(self, **traits):
        if "forget_bias" in traits and traits.get("cell") == "gru":
            raise TypeError("forget_bias: expected none with cell='gru', which has no forget gate")
        if not {"t", "move"} & set(traits):
            text = traits.get("text", type(self).text.default_value)
            if isinstance(text, str) and 2 <= len(text) <= MAX_STEPS + 1:  # else refused below
                traits["t"] = middle(len(text) - 1)
            traits["move"] = INSIGHT.get(str(traits.get("cell", "lstm")), 0)
        super().__init__(**traits)

    @classmethod
    def from_params(cls, params, vocab, text, **traits):
        """A figure that shows given weights: `lstm.Params` or `gru.Params` for the characters of `vocab`.

        Raises as the class does; TypeError for the parameters of another cell and for `cell` or `forget_bias`, which
        the weights decide; ValueError when params and vocab disagree about V or there are too many units.
        """
        for name in {"cell", "forget_bias"} & set(traits):
            raise TypeError(f"{name}: expected none with given weights, got {_check.describe(traits[name])}")
        names = {cell.Params: name for name, cell in CELLS.items()}
        traits["cell"] = names.get(type(params), "lstm")  # anything else is refused there
        return super().from_params(params, vocab, text, **traits)

    @staticmethod
    def _checked(params):
        if type(params) not in {cell.Params for cell in CELLS.values()}:
            raise TypeError(f"params: expected lstm.Params or gru.Params, got {_cell.describe(params)}")
        return _cell.check_text_params(params)

    @property
    def params(self):
        """The `lstm.Params` or `gru.Params` of the network shown, the given ones or those drawn from the seed."""
        V, H, cell = len(self.vocab), self.hidden_size, CELLS[self.cell]
        if self._weights:
            return unflatten(np.frombuffer(self._weights, "<f8").astype(np.float64), V, H, kind=cell.Params)
        options = {"forget_bias": self.forget_bias} if self.cell == "lstm" else {}
        return cell.init_params(V, H, rng=np.random.default_rng(self.seed), **options)

    @property
    def trace(self):
        """The `Trace` of the cell: the forward pass over all characters of the text but the last."""
        return CELLS[self.cell].forward(self.params, self.vocab.encode(self.text[:-1]))

    @property
    def grads(self):
        """The `Grads` shown: of the sum of the losses of all steps, and the gradients at each step."""
        return CELLS[self.cell].backward(self.params, self.trace, self.targets, reduction="sum")

    @property
    def contributions(self):
        """How much the loss of one step depends on the pre-activations of another, (T, T): the band under the text."""
        return CELLS[self.cell].contributions(self.params, self.trace, self.targets, reduction="sum")

    @property
    def numbers(self):
        """The rows of numbers of the move shown, by the names that the figure gives them: a dict of arrays.

        A row has a number for each unit; those of the logits have one for each character, those of the first move one
        for each unit of each gate. Where no step follows, nothing comes back from it, and its rows are missing.
        """
        return numbers(self.params, self.trace, self.grads, self.targets, self.t, self.move)

    @property
    def paths(self):
        """What meets where the gradient comes back, at each step: a dict of arrays (T, H).

        LSTM: `through_h` and `dc_next`, which add up to grads.dc. GRU: `do @ Why.T`, `through_z` and `through_gates`,
        which add up to grads.dh.
        """
        names = {"lstm": ("through_h", "dc_next"), "gru": ("do @ Why.T", "through_z", "through_gates")}[self.cell]
        given = self.params, self.trace, self.grads, self.targets
        steps = [numbers(*given, t, INSIGHT[self.cell]) for t in range(len(self.targets))]
        return {name: np.array([step[name] for step in steps]) for name in names}

    @traitlets.validate("hidden_size", "cell")
    def _given_size(self, proposal):
        values = {"hidden_size": self.hidden_size, "cell": self.cell, proposal["trait"].name: proposal["value"]}
        kind = CELLS[values["cell"]].Params
        if self._weights and len(self._weights) != 8 * _flat.size(
            len(self._characters), values["hidden_size"], kind=kind
        ):
            name = proposal["trait"].name
            raise InvalidValue(f"{name}: expected that of the given weights, got {proposal['value']!r}")
        return proposal["value"]

    @traitlets.validate("t")
    def _t_in_text(self, proposal):
        return self._step("t", proposal["value"])

    @traitlets.observe("text")
    def _stay_inside(self, change):
        self.t = min(self.t, len(self.text) - 2)

    def _said(self):
        T = len(self.text) - 1
        return f"gated_picture_{self.cell}", {"text": self.text, "H": self.hidden_size, "t": self.t + 1, "T": T}

    def _figure(self, plots):
        from ...plots import label, new_figure, styled

        paths, T = self.paths, len(self.targets)
        signs = [label(character) for character in self.text[:-1]]
        with styled():
            figure = new_figure(min(8.4, 2 + 0.36 * T), 3.2)
            states, lengths = figure.subplots(2, 1, height_ratios=[2, 3])
            state, total = ("c", self.grads.dc) if self.cell == "lstm" else ("h", self.grads.dh)
            states.imshow(getattr(self.trace, state).T, cmap=plots.STATE_COLOURS, vmin=-1, vmax=1, aspect="auto")
            states.set(ylabel=f"${state}_t$", yticks=[])
            lower = np.zeros(T)
            for (name, path), hue in zip(paths.items(), ("bar", "back", "band"), strict=False):
                length = np.linalg.norm(path, axis=1)
                lengths.bar(range(T), length, bottom=lower, width=0.5, color=plots.COLOURS[hue], label=name)
                lower += length
            lengths.plot(
                np.linalg.norm(total, axis=1), "_", color=plots.COLOURS["ink"], markersize=12, label=f"d{state}"
            )
            lengths.legend(fontsize=7)
            lengths.set_ylabel("length")
            for axes in (states, lengths):
                axes.axvspan(self.t - 0.5, self.t + 0.5, fill=False, edgecolor=plots.COLOURS["ink"], linewidth=1.5)
                axes.set_xticks(range(T), signs)
                axes.set_xlim(-0.5, T - 0.5)
                for text in axes.get_xticklabels():  # code points upright, as in rnnlib.plots
                    text.set_rotation(90 if len(text.get_text()) > 1 else 0)
        return figure
