"""ForwardStepper: a recurrent network reads a text, step by step."""

import re

import traitlets

from ... import _check, _flat
from .._bundle import bundle, constants, style
from .._trained import TrainedWidget
from .._traits import MAX_HIDDEN, MAX_STEPS, InvalidType, InvalidValue, Whole, defaults

WEIGHTS = -5, 5  # what a weight can be set to
_ENTRY = re.compile(r"(Wxh|Whh|Why|bh|by)\[(\d{1,4})(?:, (\d{1,4}))?\] = (-?\d{1,2}(?:\.\d{1,16})?)", re.ASCII)


class Entry(traitlets.TraitType):
    """A trait that holds a weight and its value as Python sets it, such as "Whh[1, 0] = 0.5", or an empty string."""

    def validate(self, obj, value):
        expected = f'{self.name}: expected a weight such as "Whh[1, 0] = 0.5", from {WEIGHTS[0]} to {WEIGHTS[1]}, or ""'
        if not isinstance(value, str):
            raise InvalidType(f"{expected}, got {_check.describe(value)}")
        found = _ENTRY.fullmatch(value)
        if value and not (found and WEIGHTS[0] <= float(found[4]) <= WEIGHTS[1]):
            raise InvalidValue(f"{expected}, got {value!r}")
        return value


def entry(text):
    """The name, the place and the value that such a text gives."""
    name, row, column, value = _ENTRY.fullmatch(text).groups()
    return name, tuple(int(i) for i in (row, column) if i is not None), float(value)


class ForwardStepper(TrainedWidget):
    """The forward pass over `text`, shown step by step: x_t, a_t, h_t, o_t, ŷ_t with their numbers.

    `ForwardStepper(text="hello", hidden_size=4, seed=0)` shows a network with the weights of
    `init_params(V, hidden_size, rng=np.random.default_rng(seed))`, where V counts the distinct characters of the text;
    `ForwardStepper.from_params(params, vocab, text)` shows given weights.

    Traits, to be set, observed or linked: `text` (2 to 65 characters), `hidden_size` (1 to 64), `seed` (0 to 2**53 -
    1), `t` (the step, from 0), `unit` (the hidden unit whose terms are shown, from 0), `updates` (0 to 300: after how
    many updates of gradient descent on this text, at the rate 0.2), `weight` (one weight set by hand after these
    updates, such as "Whh[1, 0] = 0.5", from -5 to 5; "" for none). A text or hidden size that leaves `t` or `unit`
    beyond the end moves it to the last one, and takes back a weight that the network no longer has.

    Raises ValueError for a value out of range or a text with characters that given weights do not know, TypeError for a
    value of another type; both name the trait, what came and what was expected.
    """

    t = Whole(0, MAX_STEPS - 1, default_value=0).tag(sync=True)
    unit = Whole(0, MAX_HIDDEN - 1, default_value=0).tag(sync=True)
    weight = Entry(default_value="").tag(sync=True)

    _esm = bundle(
        "forward_stepper/view.js",
        {"forward_stepper/facts.js": constants(DEFAULTS=defaults(vars(TrainedWidget) | vars()), WEIGHTS=WEIGHTS)},
    )
    _css = style("ui/base.css", "ui/network.css", "ui/river.css", "forward_stepper/style.css")

    @property
    def params(self):
        """The `Params` shown: those given or drawn, after `updates` updates, with the weight that is set by hand."""
        params = super().params
        if not self.weight:
            return params
        name, place, value = entry(self.weight)
        array = getattr(params, name).copy()
        array[place] = value
        return params._replace(**{name: array})

    @traitlets.validate("t")
    def _step_in_text(self, proposal):
        return self._step("t", proposal["value"])

    @traitlets.validate("unit")
    def _unit_in_state(self, proposal):
        if proposal["value"] >= self.hidden_size:
            raise InvalidValue(f"unit: expected a unit from 0 to {self.hidden_size - 1}, got {proposal['value']}")
        return proposal["value"]

    @traitlets.validate("weight")
    def _weight_there(self, proposal):
        if proposal["value"] and not self._has(proposal["value"]):
            shapes = ", ".join(f"{name} {shape}" for name, shape in self._shapes().items())
            raise InvalidValue(f"weight: expected an entry of {shapes}, got {proposal['value']!r}")
        return proposal["value"]

    def _shapes(self):
        return _flat.shapes(len(self.vocab), self.hidden_size)

    def _has(self, weight):
        """Whether the network has the entry that this text sets."""
        name, place, _ = entry(weight)
        shape = self._shapes()[name]
        return len(place) == len(shape) and all(i < size for i, size in zip(place, shape, strict=True))

    @traitlets.observe("text", "hidden_size")
    def _stay_inside(self, change):
        self.t = min(self.t, len(self.text) - 2)
        self.unit = min(self.unit, self.hidden_size - 1)
        if self.weight and not self._has(self.weight):
            self.weight = ""

    def _said(self):
        return "picture", {"text": self.text, "H": self.hidden_size, "t": self.t + 1, "T": len(self.text) - 1}

    def _figure(self, plots):
        return plots.plot_trace(self.trace, self.vocab, self.targets, t=self.t)
