"""ForwardStepper: a recurrent network reads a text, step by step."""

import traitlets

from .._bundle import bundle, constants, style
from .._trained import TrainedWidget
from .._traits import MAX_HIDDEN, MAX_STEPS, InvalidValue, Whole, defaults


class ForwardStepper(TrainedWidget):
    """The forward pass over `text`, shown step by step: x_t, a_t, h_t, o_t, ŷ_t with their numbers.

    `ForwardStepper(text="hello", hidden_size=4, seed=0)` shows a network with the weights of
    `init_params(V, hidden_size, rng=np.random.default_rng(seed))`, where V counts the distinct characters of the text;
    `ForwardStepper.from_params(params, vocab, text)` shows given weights.

    Traits, to be set, observed or linked: `text` (2 to 65 characters), `hidden_size` (1 to 64), `seed` (0 to 2**53 -
    1), `t` (the step, from 0), `unit` (the hidden unit whose terms are shown, from 0), `updates` (0 to 300: after how
    many updates of gradient descent on this text, at the rate 0.2). A text or hidden size that leaves `t` or `unit`
    beyond the end moves it to the last one.

    Raises ValueError for a value out of range or a text with characters that given weights do not know, TypeError for a
    value of another type; both name the trait, what came and what was expected.
    """

    t = Whole(0, MAX_STEPS - 1, default_value=0).tag(sync=True)
    unit = Whole(0, MAX_HIDDEN - 1, default_value=0).tag(sync=True)

    _esm = bundle(
        "forward_stepper/view.js",
        {"forward_stepper/facts.js": constants(DEFAULTS=defaults(vars(TrainedWidget) | vars()))},
    )
    _css = style("ui/base.css", "ui/network.css", "ui/river.css", "forward_stepper/style.css")

    @traitlets.validate("t")
    def _step_in_text(self, proposal):
        return self._step("t", proposal["value"])

    @traitlets.validate("unit")
    def _unit_in_state(self, proposal):
        if proposal["value"] >= self.hidden_size:
            raise InvalidValue(f"unit: expected a unit from 0 to {self.hidden_size - 1}, got {proposal['value']}")
        return proposal["value"]

    @traitlets.observe("text", "hidden_size")
    def _stay_inside(self, change):
        self.t = min(self.t, len(self.text) - 2)
        self.unit = min(self.unit, self.hidden_size - 1)

    def _said(self):
        return "picture", {"text": self.text, "H": self.hidden_size, "t": self.t + 1, "T": len(self.text) - 1}

    def _figure(self, plots):
        return plots.plot_trace(self.trace, self.vocab, self.targets, t=self.t)
