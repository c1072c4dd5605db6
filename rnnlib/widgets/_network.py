"""What all figures of a network have in common: the traits that say which network it is, and what follows from them."""

import numpy as np
import traitlets

from .. import _check, _flat
from ..optim import unflatten
from ..rnn import check_text_params, forward, init_params
from ..text import Vocabulary
from ._figure import Figure
from ._traits import MAX_HIDDEN, MAX_SEED, InvalidValue, Text, Whole


class NetworkWidget(Figure):
    """A figure of the network that reads `text`: `hidden_size` units, weights drawn from `seed` or given.

    A figure on top of it adds traits of its own.
    """

    text = Text(default_value="I am learning RNN").tag(sync=True)
    hidden_size = Whole(1, MAX_HIDDEN, default_value=4).tag(sync=True)
    seed = Whole(0, MAX_SEED, default_value=0).tag(sync=True)
    # Given weights: the arrays of Params one after the other as float64, and the characters they know. Else empty.
    _weights = traitlets.Bytes().tag(sync=True)
    _characters = traitlets.Unicode().tag(sync=True)

    _checked = staticmethod(check_text_params)  # of a figure of another cell, its own

    @classmethod
    def from_params(cls, params, vocab, text, **traits):
        """A figure that shows given weights: `params` for the characters of `vocab`, reading `text`.

        Raises as the class does, and ValueError when params and vocab disagree about V or there are too many units.
        """
        params = cls._checked(params)
        if np.iscomplexobj(params.Wxh):
            raise TypeError(f"params: expected real numbers, got {params.Wxh.dtype}")
        if not isinstance(vocab, Vocabulary):
            raise TypeError(f"vocab: expected a Vocabulary, got {_check.describe(vocab)}")
        V, H = len(params.Wxh), len(params.Whh)
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
        return unflatten(np.frombuffer(self._weights, "<f8").astype(np.float64), V, H)

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
        if self._characters:  # those of given weights
            try:
                Vocabulary(self._characters).encode(text)
            except ValueError as error:
                raise InvalidValue(str(error).replace("the vocabulary", "the given weights")) from None
        return text

    @traitlets.validate("hidden_size")
    def _given_size(self, proposal):
        H, V = proposal["value"], len(self._characters)
        if self._weights and len(self._weights) != 8 * _flat.size(V, H):
            raise InvalidValue(f"hidden_size: expected the size of the given weights, got {H}")
        return H

    def _step(self, name, value):
        """`value` when it is a step of the text, from 0; else InvalidValue naming the trait."""
        if value > len(self.text) - 2:
            raise InvalidValue(f"{name}: expected a step from 0 to {len(self.text) - 2}, got {value}")
        return value
