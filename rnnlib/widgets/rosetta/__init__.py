"""Rosetta: the equations of one network in nine notations, and its numbers as each of them stores them."""

import numpy as np
import traitlets

from ...bptt import backward
from ...formulations.dialects import DIALECTS, OURS, stored
from ...loss import REDUCTIONS
from .._bundle import bundle, constants, style
from .._network import NetworkWidget
from .._traits import LIMITS as SHARED_LIMITS
from .._traits import Choice, Text, Whole, defaults

LIMITS = SHARED_LIMITS | {"steps": 24, "hidden": 6}  # the two matrices are shown whole
SYMBOL_KEYS = (*OURS, "bh2")
LABELS = [[name, f"rosetta_{name}"] for name in REDUCTIONS]  # each with the key of its words
LAYOUTS = ("row", "column")
FIRST = "pytorch"  # our own notation translates into itself


def facts():
    """The dialects as JavaScript."""
    dialects = {
        name: dialect._asdict() | {"symbols": {key: symbol._asdict() for key, symbol in dialect.symbols.items()}}
        for name, dialect in DIALECTS.items()
    }
    keys = sorted(SYMBOL_KEYS, key=lambda key: [*OURS].index(key.removesuffix("2")))
    return {"rosetta/dialects.js": constants(DIALECTS=dialects, OURS=OURS, SYMBOL_KEYS=keys)}


class Rosetta(NetworkWidget):
    """The equations of the network in our notation and in one of nine, and its numbers as that one stores them.

    Picking `names` sets `layout` and `reduction` to what is usual in that dialect; then each can be changed on its own.
    The matrices stay as the dialect stores them, and the equations get the transposes that this needs.

    `Rosetta(text="hello", hidden_size=3, seed=0)` shows a network with the weights of
    `init_params(V, hidden_size, rng=np.random.default_rng(seed))`, where V counts the distinct characters of the text;
    `Rosetta.from_params(params, vocab, text)` shows given weights.

    Traits, to be set, observed or linked: `text` (2 to 25 characters), `hidden_size` (1 to 6), `seed` (0 to 2**53 - 1),
    `names` (a key of `rnnlib.formulations.dialects.DIALECTS`: "rnnlib", "equations", "cells", "matrices", "layers",
    "gates", "pytorch", "keras", "onnx"; at first "pytorch"), `layout` ("row" or "column"), `reduction` ("sum" or
    "mean").

    Raises ValueError for a value out of range or a text with characters that given weights do not know, TypeError for a
    value of another type; both name the trait, what came and what was expected.
    """

    text = Text(LIMITS["steps"] + 1, default_value="hello, hello").tag(sync=True)
    hidden_size = Whole(1, LIMITS["hidden"], default_value=3).tag(sync=True)
    names = Choice(tuple(DIALECTS), default_value=FIRST).tag(sync=True)
    layout = Choice(LAYOUTS, default_value=DIALECTS[FIRST].vectors).tag(sync=True)
    reduction = Choice(REDUCTIONS, default_value=DIALECTS[FIRST].reduction).tag(sync=True)

    _esm = bundle(
        "rosetta/view.js",
        {**facts(), "rosetta/facts.js": constants(LIMITS=LIMITS, REDUCTIONS=LABELS, DEFAULTS=defaults(vars()))},
    )
    _css = style("ui/base.css", "ui/network.css", "rosetta/style.css")

    def __init__(self, **traits):
        super().__init__(**traits)
        for name in ("layout", "reduction"):  # what is asked for goes before what is usual
            if name in traits:
                setattr(self, name, traits[name])

    @property
    def grads(self):
        """The `Grads` shown, in our own notation: of the sum or the mean of the step losses."""
        return backward(self.params, self.trace, self.targets, reduction=self.reduction)

    @property
    def stored(self):
        """The weights as the picked dialect stores them: arrays by their names in code.

        Raises ValueError for given biases other than zero where it has none.
        """
        return stored(self.names, self.params)

    @property
    def stored_grads(self):
        """Their gradients in the same shapes, by the names that the dialect has for them."""
        return stored(self.names, self.grads, gradients=True)

    def notify_change(self, change):
        """Send a dialect together with its habits, so that no view draws the one without the others."""
        if change["name"] != "names":
            return super().notify_change(change)
        with self.hold_sync():
            super().notify_change(change)

    @traitlets.observe("names")
    def _as_usual(self, change):
        dialect = DIALECTS[change["new"]]
        self.layout = dialect.vectors
        self.reduction = dialect.reduction or self.reduction

    def _said(self):
        title = DIALECTS[self.names].title
        return "rosetta_picture", {"text": self.text, "H": self.hidden_size, "title": title}

    def _figure(self, plots):
        dialect = DIALECTS[self.names]
        symbol, turned = dialect.symbols["Whh"], "Whh" in dialect.turned
        matrices = {symbol.code: self.params.Whh, symbol.grad or f"gradient of {symbol.code}": self.grads.Whh}
        matrices = {title: np.array(m.T if turned else m) for title, m in matrices.items()}
        sides = ("to unit", "from unit") if turned else ("from unit", "to unit")
        return plots.plot_matrices(matrices, *sides)
