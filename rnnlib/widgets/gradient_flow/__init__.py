"""GradientFlow: how far the gradient of one loss reaches back, in a plain cell and in one that keeps its state."""

from typing import NamedTuple

import numpy as np
import traitlets

from ... import _cell, gru, lstm
from ...flow import gradient_flow
from ...loss import softmax
from ...rnn import forward, init_params
from ...starts import orthogonal_factor
from ...text import one_hot
from .._bundle import bundle, constants, style, words
from .._network import NetworkWidget
from .._traits import FORGET_BIASES, MAX_HIDDEN, MAX_STEPS, Choice, InvalidValue, Number, Text, Whole, defaults

SEEDS = 8  # networks that are drawn, one for each seed from `seed` on
GAINS = 0.1, 8.0
ALPHAS = 0.01, 1.0
STARTS = ("uniform", "orthogonal", "identity")
INPUTS = ("on", "off")
PRODUCTS = ("on", "off")
CELLS = {"leaky": "alpha", "lstm": "forget_bias", "gru": None}  # each with the trait that is its own


class Flow(NamedTuple):
    """The gradient of one loss on its way back through several networks; T counts the steps up to that loss."""

    shares: np.ndarray  # (networks, T + 1): the length of the gradient k steps back, as part of the first, k = 0 … T
    slopes: np.ndarray  # (networks, T): the mean over the units of tanh's slope; of an LSTM of f, of a GRU of z


def flow(params, x, last, *, alpha=1.0):
    """Shares (T + 1,) and mean slopes (T,) of one network, as in `Flow`.

        h_t = (1 − α) h_{t−1} + α tanh(x_t W_xh + h_{t−1} W_hh + b_h)

    params: of any cell; x: T ids; last: the id that the last step should predict; alpha: 1 is the plain network. The
    gradient is dh_t, of an LSTM dc_t by both paths, through h_t and along c, as in `lstm.backward`. All shares are 0
    where the loss has no gradient, as with a single character to choose from.

    Raises ValueError for an alpha other than 1 with a cell that has gates.
    """
    if (cell := _cell.cell_of(params)) in (lstm, gru):
        if alpha != 1:
            raise ValueError(f"alpha: expected 1 with the parameters of {params.cell}, which has no leak, got {alpha}")
        return _gated_flow(cell, params, x, last)
    h, slopes = np.zeros(len(params.bh)), []
    for i in x:
        made = np.tanh(params.Wxh[i] + h @ params.Whh + params.bh)
        h = (1 - alpha) * h + alpha * made
        slopes.append(1 - made**2)
    dh = (softmax(h @ params.Why + params.by) - one_hot(last, len(params.by))) @ params.Why.T
    lengths = [np.linalg.norm(dh)]
    for slope in reversed(slopes):
        dh = (1 - alpha) * dh + alpha * (dh * slope) @ params.Whh.T
        lengths.append(np.linalg.norm(dh))
    return np.array(lengths) / (lengths[0] or 1.0), np.mean(slopes, axis=1)


def _gated_flow(cell, params, x, last):
    """The same of an LSTM or a GRU: from a pass back in which the loss of the last step alone counts."""
    trace = cell.forward(params, x)
    weights = np.r_[np.zeros(len(x) - 1), 1]
    grads = cell.backward(params, trace, np.full(len(x), last), reduction="sum", weights=weights)
    first, back, kept = (grads.c0, grads.dc, trace.f) if cell is lstm else (grads.h0, grads.dh, trace.z)
    lengths = np.linalg.norm(np.vstack([first, back])[::-1], axis=1)
    return lengths / (lengths[0] or 1.0), kept.mean(axis=1)


def start_matrix(Whh, start):
    """The recurrent matrix before its gain: Whh itself, the orthogonal factor of it, or the identity.

    Of a cell with gates (H, 4H) or (H, 3H): each block of H columns by itself.
    """
    if start == "uniform":
        return Whh
    blocks = np.split(Whh, Whh.shape[1] // len(Whh), axis=1)
    return np.hstack([np.eye(len(Whh)) if start == "identity" else orthogonal_factor(block) for block in blocks])


class GradientFlow(NetworkWidget):
    """The length |∂L_t/∂h_{t−k}| of a gradient at each lag k, in a plain cell and in a second one.

    The recurrent matrix is `gain` times a start: "uniform", as `init_params` draws it; "orthogonal", the orthogonal
    factor of that; "identity". Eight networks are drawn, from `seed` to `seed + 7`; `from_params` shows given weights,
    one network.

    The second cell is a choice, `cell`. A "leaky" one has the same weights as the plain one and keeps a part of its
    state, h_t = (1 − α) h_{t−1} + α tanh(x_t W_xh + h_{t−1} W_hh + b_h). An "lstm" or a "gru" is drawn by its own
    `init_params` from the same seeds, an LSTM with `forget_bias`; gain and start act on each block of its W_hh. Of an
    LSTM the gradient is that of the cell state, |dc_{t−k}|, by both paths: through h_{t−k} and along c.

    Traits, to be set, observed or linked: `text` (2 to 65 characters), `hidden_size` (1 to 64), `seed` (0 to
    2**53 - 1), `gain` (0.1 to 8), `start`, `inputs` ("on" or "off"), `product` ("on" or "off": the singular
    values of the product of the Jacobians, of the first plain network), `cell`, `alpha` (0.01 to 1, of a leaky cell),
    `forget_bias` (0 to 6, of an LSTM), `loss_t` (the step of the loss, from 0; None is the last one). A text that is
    too short for `loss_t` makes it the last step.

    Raises ValueError for a value out of range, a text with characters that given weights do not know, or a cell with
    gates for given weights; TypeError for a value of another type, and for an `alpha` or a `forget_bias` that the cell
    does not have. All name the trait, what came and what was expected.
    """

    text = Text(default_value="to be, or not to be: that is the question").tag(sync=True)
    hidden_size = Whole(1, MAX_HIDDEN, default_value=32).tag(sync=True)
    gain = Number(*GAINS, default_value=2.5).tag(sync=True)
    start = Choice(STARTS, default_value="uniform").tag(sync=True)
    inputs = Choice(INPUTS, default_value="on").tag(sync=True)
    product = Choice(PRODUCTS, default_value="off").tag(sync=True)
    cell = Choice(tuple(CELLS), default_value="leaky").tag(sync=True)
    alpha = Number(*ALPHAS, default_value=0.2).tag(sync=True)
    forget_bias = Number(*FORGET_BIASES, default_value=1.0).tag(sync=True)
    loss_t = Whole(0, MAX_STEPS - 1, default_value=None, allow_none=True).tag(sync=True)

    _esm = bundle(
        "gradient_flow/view.js",
        {
            "gradient_flow/facts.js": constants(
                DEFAULTS=defaults(vars()),
                SEEDS=SEEDS,
                GAINS=GAINS,
                ALPHAS=ALPHAS,
                FORGET_BIASES=FORGET_BIASES,
                STARTS=STARTS,
                INPUTS=INPUTS,
                PRODUCTS=PRODUCTS,
                CELLS=list(CELLS),
            )
        },
    )
    _css = style("ui/base.css", "ui/network.css", "gradient_flow/style.css")

    def __init__(self, **traits):
        cell = traits.get("cell", "leaky")
        for owner, name in CELLS.items():
            if name in traits and owner != cell and cell in tuple(CELLS):  # no cell at all is refused below
                raise TypeError(f"{name}: expected none with cell={cell!r}, since it is a number of cell={owner!r}")
        super().__init__(**traits)

    def _changed(self, params):
        Wxh = params.Wxh if self.inputs == "on" else np.zeros_like(params.Wxh)
        return params._replace(Wxh=Wxh, Whh=self.gain * start_matrix(params.Whh, self.start))

    def _drawn(self, make, **options):
        """The `Params` of all networks that a function such as `init_params` draws."""
        sizes = len(self.vocab), self.hidden_size
        rngs = map(np.random.default_rng, range(self.seed, self.seed + SEEDS))
        return [self._changed(make(*sizes, rng=rng, **options)) for rng in rngs]

    @property
    def params(self):
        """The `Params` of the first plain network, with its gain; W_xh is zero where the inputs are off."""
        return self._changed(super().params)

    @property
    def networks(self):
        """The `Params` of all plain networks, the first one first."""
        return [self.params] if self._weights else self._drawn(init_params)

    @property
    def second_networks(self):
        """The `Params` of all networks of the second cell: those of the plain ones where it is leaky."""
        if self.cell == "leaky":
            return self.networks
        return (
            self._drawn(lstm.init_params, forget_bias=self.forget_bias)
            if self.cell == "lstm"
            else self._drawn(gru.init_params)
        )

    def _flow(self, networks, alpha=1.0):
        t = len(self.text) - 2 if self.loss_t is None else self.loss_t
        x, last = self.vocab.encode(self.text[: t + 1]), self.targets[t]
        return Flow(*map(np.array, zip(*(flow(params, x, last, alpha=alpha) for params in networks), strict=True)))

    @property
    def plain(self):
        """The `Flow` of the plain networks."""
        return self._flow(self.networks)

    @property
    def singular_values(self):
        """Largest and smallest singular value of ∂h_t/∂h_{t-k} of the first plain network, (2, t + 1), k = 0 … t."""
        t = len(self.text) - 2 if self.loss_t is None else self.loss_t
        params, x = self.params, self.vocab.encode(self.text[: t + 1])
        found = gradient_flow(params, forward(params, x), self.targets[: t + 1])
        return np.stack([found.largest, found.smallest])

    @property
    def leaky(self):
        """The `Flow` of the leaky cells with the same weights."""
        return self._flow(self.networks, self.alpha)

    @property
    def second(self):
        """The `Flow` of the second cell."""
        return self.leaky if self.cell == "leaky" else self._flow(self.second_networks)

    @traitlets.validate("cell")
    def _drawable(self, proposal):
        if self._weights and proposal["value"] != "leaky":
            raise InvalidValue(
                f"cell: expected 'leaky' with given weights, which have no gates, got {proposal['value']!r}"
            )
        return proposal["value"]

    @traitlets.validate("loss_t")
    def _loss_in_text(self, proposal):
        return None if proposal["value"] is None else self._step("loss_t", proposal["value"])

    @traitlets.observe("text")
    def _stay_inside(self, change):
        if self.loss_t is not None and self.loss_t > len(self.text) - 2:
            self.loss_t = None

    @property
    def eigenvalues(self):
        """The eigenvalues of W_hh of the first network, (H,) complex, largest first."""
        values = np.linalg.eigvals(self.params.Whh).astype(complex)
        return values[np.argsort(-abs(values), kind="stable")]

    @property
    def sigma(self):
        """The largest singular value of W_hh of the first network."""
        return float(np.linalg.norm(self.params.Whh, ord=2))

    @property
    def rho(self):
        """The spectral radius of W_hh of the first network."""
        return float(abs(self.eigenvalues[0]))

    def _said(self):
        second = words()["en"][f"flow_of_{self.cell}"]
        return "flow_picture", {"text": self.text, "H": self.hidden_size, "gain": f"{self.gain:g}", "second": second}

    def _figure(self, plots):
        from ...plots import new_figure, styled

        colour, plain, second = plots.COLOURS, self.plain.shares, self.second.shares
        with styled():
            figure = new_figure(6.4, 3)
            plane, axes = figure.subplots(1, 2, width_ratios=[2, 3])
            values, turn = self.eigenvalues, np.exp(2j * np.pi * np.linspace(0, 1, 200))
            plane.plot(turn.real, turn.imag, color=colour["muted"], linewidth=1)
            plane.plot(self.sigma * turn.real, self.sigma * turn.imag, "--", color=colour["muted"], linewidth=1)
            plane.plot(values.real, values.imag, ".", color=colour["ink"])
            plane.set(aspect="equal", title="eigenvalues of $W_{hh}$")
            said = words()["en"]
            for shares, kind, hue in ((plain, "plain", "back"), (second, self.cell, "ink")):
                axes.plot(shares.T, color=colour[hue], linewidth=0.5, alpha=0.4)
                axes.plot(np.median(shares, axis=0), "--", color=colour[hue], linewidth=2, label=said[f"flow_{kind}"])
            if self.product == "on":
                for edge in self.singular_values:
                    axes.plot(np.maximum(edge, plain.min()), color=colour["muted"], linewidth=1)
            axes.set(yscale="log", xlabel="steps back", title="length of the gradient")
            axes.legend()
        return figure
