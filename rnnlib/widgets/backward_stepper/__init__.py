"""BackwardStepper: backpropagation through a text, move by move."""

import contextlib

import traitlets

from ...bptt import backward, contributions
from ...loss import REDUCTIONS
from ...rnn import Params
from .._bundle import bundle, constants, style
from .._network import NetworkWidget
from .._traits import MAX_STEPS, Choice, InvalidValue, Whole, defaults

MOVES = 5
BACK = 3  # loss_t - s at first
INSIGHT = {"move": 1, "of": [4, 5]}  # where a walk is opened: two paths meet, four fifths of the way to the last step
CARDS = ("step", "sums", "shares")
LABELS = [[name, f"back_reduction_{name}"] for name in REDUCTIONS]  # each with the key of its words


class BackwardStepper(NetworkWidget):
    """Backpropagation through time over `text`, from the last step to the first, with every number.

    The network is unrolled over time. Under each step s are the lengths |∂L_t/∂a_s| of all losses t that reach it, one
    of them lit, and a dashed front moves back. Each step has five moves: the error do_t; the two terms of dh_t; da_t,
    through tanh; the sums dWhy and dby; the sums dWhh, dWxh and dbh. One of three cards is open: the step as one row of
    vectors, the sums that it adds to, or the matrix of `contributions` with one of its cells and a truncation.

    `BackwardStepper(text="hello", hidden_size=4, seed=0)` shows a network with the weights of
    `init_params(V, hidden_size, rng=np.random.default_rng(seed))`, where V counts the distinct characters of the text;
    `BackwardStepper.from_params(params, vocab, text)` shows given weights.

    Traits, to be set, observed or linked: `text` (2 to 65 characters), `hidden_size` (1 to 64), `seed` (0 to
    2**53 - 1), `reduction` ("sum" or "mean"), `t` (the step, from 0), `move` (0 to 4), `parameter` (whose gradient is
    shown large: "Wxh", "Whh", "Why", "bh" or "by"), `loss_t` and `s` (the cell of the matrix: the step of the loss that
    is lit and the step it reaches, from 0; s is at most loss_t), `truncate` (1 to 64; nothing is cut from T on), `card`
    (the open one: "step", "sums" or "shares"). A shorter text moves the steps beyond its end to the last one.

    If none of `t`, `move`, `loss_t` and `s` is given, the figure opens four fifths of the way to the last step, at the
    second move and with the loss of that step. Otherwise those that are not given are the last step, the first move,
    the last loss, and the step three before that loss.

    Raises ValueError for a value out of range or a text with characters that given weights do not know, TypeError for a
    value of another type; both name the trait, what came and what was expected.
    """

    reduction = Choice(REDUCTIONS, default_value="sum").tag(sync=True)
    t = Whole(0, MAX_STEPS - 1).tag(sync=True)
    move = Whole(0, MOVES - 1, default_value=0).tag(sync=True)
    parameter = Choice(Params._fields, default_value="Whh").tag(sync=True)
    loss_t = Whole(0, MAX_STEPS - 1).tag(sync=True)
    s = Whole(0, MAX_STEPS - 1).tag(sync=True)
    truncate = Whole(1, MAX_STEPS, default_value=MAX_STEPS).tag(sync=True)
    card = Choice(CARDS, default_value=CARDS[0]).tag(sync=True)

    _facts = constants(
        MOVES=MOVES, BACK=BACK, INSIGHT=INSIGHT, CARDS=CARDS, REDUCTIONS=LABELS, DEFAULTS=defaults(vars())
    )
    _esm = bundle("backward_stepper/view.js", {"backward_stepper/facts.js": _facts})
    _css = style(
        "ui/base.css",
        "ui/network.css",
        "ui/river.css",
        "ui/tabs.css",
        "ui/moves.css",
        "ui/triangle.css",
        "backward_stepper/style.css",
    )

    def __init__(self, **traits):
        text = traits.get("text", type(self).text.default_value)
        last = len(text) - 2 if isinstance(text, str) and 2 <= len(text) <= MAX_STEPS + 1 else 0  # else refused below
        places = {"t": last, "loss_t": last, **traits}
        if not {"t", "move", "loss_t", "s"} & set(traits):
            of, whole = INSIGHT["of"]
            places |= dict.fromkeys(("t", "loss_t"), of * last // whole) | {"move": INSIGHT["move"]}
        with contextlib.suppress(TypeError):
            places.setdefault("s", max(0, places["loss_t"] - BACK))
        super().__init__(**places)

    @property
    def grads(self):
        """The `Grads` shown: of the sum or the mean of the step losses, in full."""
        return backward(self.params, self.trace, self.targets, reduction=self.reduction)

    @property
    def truncated_grads(self):
        """The `Grads` after the cut: every loss reaches back over `truncate` steps only."""
        return backward(self.params, self.trace, self.targets, reduction=self.reduction, truncate=self.truncate)

    @property
    def contributions(self):
        """The matrix shown, (T, T): how much the loss of one step moves another, in full."""
        return contributions(self.params, self.trace, self.targets, reduction=self.reduction)

    @traitlets.validate("t")
    def _t_in_text(self, proposal):
        return self._step("t", proposal["value"])

    @traitlets.validate("loss_t")
    def _loss_in_text(self, proposal):
        return self._step("loss_t", proposal["value"])

    @traitlets.validate("s")
    def _reached(self, proposal):
        if proposal["value"] > self.loss_t:
            raise InvalidValue(f"s: expected a step from 0 to loss_t = {self.loss_t}, got {proposal['value']}")
        return proposal["value"]

    @traitlets.observe("text", "loss_t")
    def _stay_inside(self, change):
        last = len(self.text) - 2
        self.t = min(self.t, last)
        self.loss_t = min(self.loss_t, last)
        self.s = min(self.s, self.loss_t)

    def _said(self):
        return "back_picture", {"text": self.text, "H": self.hidden_size, "T": len(self.text) - 1}

    def _figure(self, plots):
        if self.truncate < len(self.text) - 1 or self.reduction != "sum":
            return plots.plot_contributions(
                self.contributions, self.text, truncate=min(self.truncate, len(self.text) - 1)
            )
        return plots.plot_river(self.params, self.vocab, self.text, t=self.loss_t)
