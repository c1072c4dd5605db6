"""LogitLoss: one logit of one prediction is moved; its loss, the slope of the loss, and the probabilities follow."""

import sys

import numpy as np
import traitlets

from ...loss import cross_entropy, softmax
from .._bundle import bundle, constants, style
from .._network import NetworkWidget
from .._traits import MAX_STEPS, InvalidValue, Number, Whole, defaults

SPAN = 4  # how far a logit can be moved
SHOWN = 6  # probabilities


class LogitLoss(NetworkWidget):
    """The loss L = −ln softmax(o)[y] of the prediction at one step, as a curve over one of its logits.

    The tangent at the moved logit has the slope ∂L/∂o_i = ŷ_i − 1[i = y], where y is the target.

    `LogitLoss(text="hello", hidden_size=4, seed=0)` shows the network with the weights of
    `init_params(V, hidden_size, rng=np.random.default_rng(seed))`, where V counts the distinct characters of the text;
    `LogitLoss.from_params(params, vocab, text)` shows given weights.

    Traits, to be set, observed or linked: `text` (2 to 65 characters), `hidden_size` (1 to 64), `seed` (0 to 2**53 -
    1), `t` (the step, from 0), `logit` (the id of the character whose logit is moved), `shift` (by how much it is moved
    from the network's own value, -4 to 4). A text that leaves `t` or `logit` beyond the end moves it to the last one.

    Raises ValueError for a value out of range or a text with characters that given weights do not know, TypeError for a
    value of another type; both name the trait, what came and what was expected.
    """

    t = Whole(0, MAX_STEPS - 1, default_value=0).tag(sync=True)
    logit = Whole(0, sys.maxunicode, default_value=0).tag(sync=True)  # given weights know any number of characters
    shift = Number(-SPAN, SPAN, default_value=0.0).tag(sync=True)

    _esm = bundle(
        "logit_loss/view.js",
        {"logit_loss/facts.js": constants(DEFAULTS=defaults(vars(NetworkWidget) | vars()), SPAN=SPAN, SHOWN=SHOWN)},
    )
    _css = style("ui/base.css", "ui/network.css", "logit_loss/style.css")

    @property
    def logits(self):
        """The logits of the step with the one that is moved, (V,)."""
        o = self.trace.o[self.t].copy()
        o[self.logit] += self.shift
        return o

    @property
    def loss(self):
        """The loss of these logits, in nats."""
        return float(cross_entropy(self.logits, self.targets[self.t]))

    @property
    def gradient(self):
        """The gradient of the loss with respect to these logits, ŷ − y, (V,)."""
        do = softmax(self.logits)
        do[self.targets[self.t]] -= 1
        return do

    @traitlets.validate("t")
    def _step_in_text(self, proposal):
        return self._step("t", proposal["value"])

    @traitlets.validate("logit")
    def _logit_there(self, proposal):
        V = len(self.vocab)
        if proposal["value"] >= V:
            raise InvalidValue(f"logit: expected the id of a character, from 0 to {V - 1}, got {proposal['value']}")
        return proposal["value"]

    @traitlets.observe("text")
    def _stay_inside(self, change):
        self.t = min(self.t, len(self.text) - 2)
        self.logit = min(self.logit, len(self.vocab) - 1)

    def _said(self):
        values = {"text": self.text, "t": self.t + 1, "sign": self.vocab.characters[self.logit]}
        numbers = {"shift": self.shift, "loss": self.loss, "slope": self.gradient[self.logit]}
        return "logit_picture", values | {name: f"{number:.3f}" for name, number in numbers.items()}

    def _figure(self, plots):
        from ...plots import new_figure, styled

        o, target, back = self.trace.o[self.t], self.targets[self.t], plots.COLOURS["back"]
        shifts, one = np.linspace(-SPAN, SPAN, 81), np.eye(len(o))[self.logit]
        losses = [cross_entropy(o + shift * one, target) for shift in shifts]
        slope, yhat = self.gradient[self.logit], softmax(self.logits)
        shown = np.argsort(-yhat, kind="stable")[:SHOWN][::-1]
        sign = plots.label(self.vocab.characters[self.logit])
        with styled():
            figure = new_figure(4.8, 2.5)
            axes, bars = figure.subplots(1, 2, width_ratios=[3, 2])
            axes.plot(shifts, losses)
            axes.plot(shifts, self.loss + slope * (shifts - self.shift), "--", color=back)
            axes.plot(self.shift, self.loss, "o", color="C0")
            axes.set(ylim=(0, 1.05 * max(losses) or 1), xlabel=f"change of the logit of {sign}", ylabel="loss in nats")
            axes.set_title(f"slope {slope:+.2f}".replace("-", "−"), color=back)
            bars.barh(range(len(shown)), yhat[shown], color=plots.COLOURS["bar"])
            bars.set_yticks(range(len(shown)), [plots.label(self.vocab.characters[i]) for i in shown])
            bars.set(xlim=(0, 1), title="probability")
        return figure
