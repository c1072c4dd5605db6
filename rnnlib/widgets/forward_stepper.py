"""ForwardStepper: a recurrent network reads a text, step by step."""

import base64
import io

import anywidget
import numpy as np
import traitlets

from .. import _check
from ..rnn import Params, check_params, forward, init_params
from ..text import Vocabulary
from ._modules import join, style, words

MAX_STEPS = 64
MAX_HIDDEN = 64
MAX_SEED = 2**53 - 1  # the largest whole number that a page's script holds exactly


class InvalidValue(traitlets.TraitError, ValueError):
    """A trait's value is out of range; caught as ValueError or as TraitError."""


class InvalidType(traitlets.TraitError, TypeError):
    """A trait's value is of the wrong type; caught as TypeError or as TraitError."""


class Whole(traitlets.TraitType):
    """A trait that holds a whole number from `low` to `high`."""

    def __init__(self, low, high, **kwargs):
        self.low, self.high = low, high
        super().__init__(**kwargs)

    def validate(self, obj, value):
        expected = f"{self.name}: expected a whole number from {self.low} to {self.high}"
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
            raise InvalidType(f"{expected}, got {_check.describe(value)}")
        if not self.low <= value <= self.high:
            raise InvalidValue(f"{expected}, got {value}")
        return int(value)


class Text(traitlets.TraitType):
    """A trait that holds a text of 2 to `MAX_STEPS` + 1 characters: the last is only predicted."""

    def validate(self, obj, value):
        expected = f"{self.name}: expected a string of 2 to {MAX_STEPS + 1} characters"
        if not isinstance(value, str):
            raise InvalidType(f"{expected}, got {_check.describe(value)}")
        if not 2 <= len(value) <= MAX_STEPS + 1:
            raise InvalidValue(f"{expected}, got {len(value)}")
        return value


class ForwardStepper(anywidget.AnyWidget):
    """The forward pass over `text`, shown step by step: x_t, a_t, h_t, o_t, ŷ_t with their numbers.

    `ForwardStepper(text="hello", hidden_size=4, seed=0)` shows a network with the weights of
    `init_params(V, hidden_size, rng=np.random.default_rng(seed))`, where V counts the distinct characters of the text;
    `ForwardStepper.from_params(params, vocab, text)` shows given weights.

    Traits, to be set, observed or linked: `text` (2 to 65 characters), `hidden_size` (1 to 64), `seed` (0 to
    2**53 - 1), `t` (the step, from 0), `unit` (the hidden unit whose terms are shown, from 0). A text or hidden size
    that leaves `t` or `unit` beyond the end moves it to the last one.

    Raises ValueError for a value out of range or a text with characters that given weights do not know, TypeError for a
    value of another type; both name the trait, what came and what was expected.
    """

    _esm = join("forward_stepper.js")
    _css = style("parts.css", "forward_stepper.css")

    text = Text("I am learning RNN").tag(sync=True)
    hidden_size = Whole(1, MAX_HIDDEN, default_value=4).tag(sync=True)
    seed = Whole(0, MAX_SEED, default_value=0).tag(sync=True)
    t = Whole(0, MAX_STEPS - 1, default_value=0).tag(sync=True)
    unit = Whole(0, MAX_HIDDEN - 1, default_value=0).tag(sync=True)
    # Given weights: the arrays of Params one after the other as float64, and the characters they know. Else empty.
    _weights = traitlets.Bytes().tag(sync=True)
    _characters = traitlets.Unicode().tag(sync=True)

    @classmethod
    def from_params(cls, params, vocab, text, **traits):
        """A stepper that shows given weights: `params` for the characters of `vocab`, reading `text`.

        Raises as the class does, and ValueError when params and vocab disagree about V or there are more than 64 units.
        """
        params = check_params(params)
        if np.iscomplexobj(params.Wxh):
            raise TypeError(f"params: expected real numbers, got {params.Wxh.dtype}")
        if not isinstance(vocab, Vocabulary):
            raise TypeError(f"vocab: expected a Vocabulary, got {_check.describe(vocab)}")
        V, H = params.Wxh.shape
        if V != len(vocab):
            raise ValueError(f"vocab: expected the {V} characters of params.Wxh, got {len(vocab)}")
        weights = b"".join(p.astype("<f8").tobytes() for p in params)
        characters = "".join(vocab.characters)
        return cls(text=text, hidden_size=H, _weights=weights, _characters=characters, **traits)

    @property
    def vocab(self):
        """The `Vocabulary` of the network shown."""
        return Vocabulary(self._characters or self.text)

    @property
    def params(self):
        """The `Params` of the network shown, the given ones or those drawn from the seed."""
        V, H = len(self.vocab), self.hidden_size
        if not self._weights:
            return init_params(V, H, rng=np.random.default_rng(self.seed))
        numbers = np.frombuffer(self._weights, "<f8").astype(np.float64)
        shapes = Params((V, H), (H, H), (H, V), (H,), (V,))
        ends = np.cumsum([np.prod(shape) for shape in shapes])[:-1]
        parts = zip(np.split(numbers, ends), shapes, strict=True)
        return Params(*(part.reshape(shape) for part, shape in parts))

    @property
    def trace(self):
        """The `Trace` shown: the forward pass over all characters of the text but the last."""
        return forward(self.params, self.vocab.encode(self.text[:-1]))

    @traitlets.validate("text")
    def _known_text(self, proposal):
        text = proposal["value"]
        unknown = sorted(set(text) - set(self._characters)) if self._characters else []
        if unknown:
            raise InvalidValue(
                f"text: expected only the characters {self._characters!r} of the given weights, "
                f"got the unknown {', '.join(map(repr, unknown))}"
            )
        return text

    @traitlets.validate("hidden_size")
    def _given_size(self, proposal):
        H, V = proposal["value"], len(self._characters)
        if self._weights and len(self._weights) != 8 * (2 * H * V + H * H + H + V):
            raise InvalidValue(f"hidden_size: expected the size of the given weights, got {H}")
        return H

    @traitlets.validate("t")
    def _step_in_text(self, proposal):
        if proposal["value"] > len(self.text) - 2:
            raise InvalidValue(f"t: expected a step from 0 to {len(self.text) - 2}, got {proposal['value']}")
        return proposal["value"]

    @traitlets.validate("unit")
    def _unit_in_state(self, proposal):
        if proposal["value"] >= self.hidden_size:
            raise InvalidValue(f"unit: expected a unit from 0 to {self.hidden_size - 1}, got {proposal['value']}")
        return proposal["value"]

    @traitlets.observe("text", "hidden_size")
    def _stay_inside(self, change):
        self.t = min(self.t, len(self.text) - 2)
        self.unit = min(self.unit, self.hidden_size - 1)

    def _repr_mimebundle_(self, **kwargs):
        """The widget for whoever can run it; the same state as a picture and in words for whoever cannot."""
        data, metadata = super()._repr_mimebundle_(**kwargs)
        values = {"text": self.text, "H": self.hidden_size, "t": self.t + 1, "T": len(self.text) - 1}
        data["text/plain"] = words()["en"]["picture"].format(**values)
        picture = _picture(self)
        if picture is not None:
            data["image/png"] = picture
        return data, metadata


def _picture(widget):
    """The state of the widget as a PNG in base64, or None where matplotlib is not installed."""
    try:
        from ..plots import plot_trace
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        return None
    figure = plot_trace(widget.trace, widget.vocab, widget.vocab.encode(widget.text[1:]), t=widget.t)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, bbox_inches="tight")
    return base64.b64encode(buffer.getvalue()).decode("ascii")
