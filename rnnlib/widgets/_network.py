"""What all figures of a network have in common: the traits that say which network it is, and what follows from them."""

import base64
import io
import re

import anywidget
import numpy as np
import traitlets
from IPython.display import publish_display_data

from .. import _check
from ..rnn import Params, check_params, forward, init_params
from ..text import Vocabulary
from ._modules import words
from ._still import still

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
        try:
            return _check.whole(self.name, value, self.low, self.high)
        except TypeError as error:
            raise InvalidType(str(error)) from None
        except ValueError as error:
            raise InvalidValue(str(error)) from None


class Choice(traitlets.TraitType):
    """A trait that holds one of `choices`, which are strings."""

    def __init__(self, choices, **kwargs):
        self.choices = choices
        super().__init__(**kwargs)

    def validate(self, obj, value):
        try:
            return _check.one_of(self.name, value, self.choices)
        except ValueError as error:
            raise (InvalidValue if isinstance(value, str) else InvalidType)(str(error)) from None


class Text(traitlets.TraitType):
    """A trait that holds a text of 2 to `most` characters: the last is only predicted."""

    def __init__(self, most=MAX_STEPS + 1, **kwargs):
        self.most = most
        super().__init__(**kwargs)

    def validate(self, obj, value):
        expected = f"{self.name}: expected a string of 2 to {self.most} characters"
        if not isinstance(value, str):
            raise InvalidType(f"{expected}, got {_check.describe(value)}")
        if not 2 <= len(value) <= self.most:
            raise InvalidValue(f"{expected}, got {len(value)}")
        if half := re.search("[\ud800-\udfff]", value):  # UTF-8 has no bytes for it, so no page could be told of it
            raise InvalidValue(f"{expected}, got half a surrogate pair, {half[0]!r}, at place {half.start()}")
        return value


class NetworkWidget(anywidget.AnyWidget):
    """A figure of the network that reads `text`: `hidden_size` units, weights drawn from `seed` or given.

    A figure on top of it adds traits of its own, and says in words and as a picture what it shows.
    """

    text = Text(default_value="I am learning RNN").tag(sync=True)
    hidden_size = Whole(1, MAX_HIDDEN, default_value=4).tag(sync=True)
    seed = Whole(0, MAX_SEED, default_value=0).tag(sync=True)
    # Given weights: the arrays of Params one after the other as float64, and the characters they know. Else empty.
    _weights = traitlets.Bytes().tag(sync=True)
    _characters = traitlets.Unicode().tag(sync=True)

    @classmethod
    def from_params(cls, params, vocab, text, **traits):
        """A figure that shows given weights: `params` for the characters of `vocab`, reading `text`.

        Raises as the class does, and ValueError when params and vocab disagree about V or there are too many units.
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

    @property
    def targets(self):
        """The ids of the true next characters, (T,)."""
        return self.vocab.encode(self.text[1:])

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

    def _step(self, name, value):
        """`value` when it is a step of the text, from 0; else InvalidValue naming the trait."""
        if value > len(self.text) - 2:
            raise InvalidValue(f"{name}: expected a step from 0 to {len(self.text) - 2}, got {value}")
        return value

    def _repr_mimebundle_(self, **kwargs):
        """The widget for whoever can run it; the same state as a picture and in words for whoever cannot."""
        data, metadata = super()._repr_mimebundle_(**kwargs)
        key, values = self._said()
        data["text/plain"] = words()["en"][key].format(**values)
        try:
            from .. import plots
        except ModuleNotFoundError as error:
            if error.name != "matplotlib":
                raise
        else:
            buffer = io.BytesIO()
            self._figure(plots).savefig(buffer, format="png", dpi=100, bbox_inches="tight")
            data["image/png"] = base64.b64encode(buffer.getvalue()).decode("ascii")
        return data, metadata

    def _ipython_display_(self):
        """Show the figure, and in an output of its own what a saved notebook shows where the figure is dead."""
        data, metadata = self._repr_mimebundle_()
        publish_display_data(data, metadata)
        png = data.get("image/png")
        publish_display_data({"text/html": still(data["text/plain"], base64.b64decode(png) if png else None)})

    def _said(self):
        """The key of the words that stand for this figure, and the values in them."""
        raise NotImplementedError  # every figure has its own

    def _figure(self, plots):
        """The matplotlib figure that stands for this one."""
        raise NotImplementedError  # every figure has its own
