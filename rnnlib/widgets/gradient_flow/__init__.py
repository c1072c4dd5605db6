"""GradientFlow: how far the gradient of the last loss reaches back, in a plain and in a leaky cell."""

from typing import NamedTuple

import numpy as np

from ...loss import softmax
from ...rnn import init_params
from ...starts import orthogonal_factor
from ...text import one_hot
from .._bundle import bundle, constants, style
from .._network import NetworkWidget
from .._traits import MAX_HIDDEN, Choice, Number, Text, Whole, defaults

SEEDS = 8  # networks that are drawn, one for each seed from `seed` on
GAINS = 0.1, 8.0
ALPHAS = 0.01, 1.0
STARTS = ("uniform", "orthogonal", "identity")
INPUTS = ("on", "off")


class Flow(NamedTuple):
    """The gradient of the last loss on its way back through several networks."""

    shares: np.ndarray  # (networks, T + 1): |∂L_T/∂h_{T-k}| / |∂L_T/∂h_T| for k = 0 … T
    slopes: np.ndarray  # (networks, T): the mean over the units of the slope of tanh


def flow(params, x, last, *, alpha=1.0):
    """Shares (T + 1,) and mean slopes (T,) of one network, as in `Flow`.

        h_t = (1 − α) h_{t−1} + α tanh(x_t W_xh + h_{t−1} W_hh + b_h)

    x: T ids; last: the id that the last step should predict; alpha: 1 is the plain network. All shares are 0 where the
    last loss has no gradient, as with a single character to choose from.
    """
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


def start_matrix(Whh, start):
    """The recurrent matrix before its gain: Whh itself, the orthogonal factor of it, or the identity."""
    if start == "identity":
        return np.eye(len(Whh))
    if start == "uniform":
        return Whh
    return orthogonal_factor(Whh)


class GradientFlow(NetworkWidget):
    """Lengths |∂L_T/∂h_{T−k}| of the last loss's gradient against the lag k, for a plain and for a leaky cell.

    The recurrent matrix is `gain` times a start: "uniform", as `init_params` draws it; "orthogonal", the orthogonal
    factor of that; "identity". Eight networks are drawn, from `seed` to `seed + 7`; `from_params` shows given weights,
    one network. The leaky cell has the same weights and keeps a part of its state,
    h_t = (1 − α) h_{t−1} + α tanh(x_t W_xh + h_{t−1} W_hh + b_h).

    Traits, to be set, observed or linked: `text` (2 to 65 characters), `hidden_size` (1 to 64), `seed` (0 to
    2**53 - 1), `gain` (0.1 to 8), `start`, `inputs` ("on" or "off"), `alpha` (0.01 to 1).

    Raises ValueError for a value out of range or a text with characters that given weights do not know, TypeError for a
    value of another type; both name the trait, what came and what was expected.
    """

    text = Text(default_value="to be, or not to be: that is the question").tag(sync=True)
    hidden_size = Whole(1, MAX_HIDDEN, default_value=32).tag(sync=True)
    gain = Number(*GAINS, default_value=2.5).tag(sync=True)
    start = Choice(STARTS, default_value="uniform").tag(sync=True)
    inputs = Choice(INPUTS, default_value="on").tag(sync=True)
    alpha = Number(*ALPHAS, default_value=0.2).tag(sync=True)

    _esm = bundle(
        "gradient_flow/view.js",
        {
            "gradient_flow/facts.js": constants(
                DEFAULTS=defaults(vars()), SEEDS=SEEDS, GAINS=GAINS, ALPHAS=ALPHAS, STARTS=STARTS, INPUTS=INPUTS
            )
        },
    )
    _css = style("ui/base.css", "ui/network.css", "gradient_flow/style.css")

    def _changed(self, params):
        Wxh = params.Wxh if self.inputs == "on" else np.zeros_like(params.Wxh)
        return params._replace(Wxh=Wxh, Whh=self.gain * start_matrix(params.Whh, self.start))

    @property
    def params(self):
        """The `Params` of the first network, with its gain; W_xh is zero where the inputs are off."""
        return self._changed(super().params)

    @property
    def networks(self):
        """The `Params` of all networks drawn, the first one first."""
        if self._weights:
            return [self.params]
        sizes = len(self.vocab), self.hidden_size
        seeds = range(self.seed, self.seed + SEEDS)
        return [self._changed(init_params(*sizes, rng=np.random.default_rng(seed))) for seed in seeds]

    def _flow(self, alpha):
        x, last = self.vocab.encode(self.text[:-1]), self.targets[-1]
        return Flow(*map(np.array, zip(*(flow(params, x, last, alpha=alpha) for params in self.networks), strict=True)))

    @property
    def plain(self):
        """The `Flow` of the plain networks."""
        return self._flow(1.0)

    @property
    def leaky(self):
        """The `Flow` of the leaky cells with the same weights."""
        return self._flow(self.alpha)

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
        return "flow_picture", {"text": self.text, "H": self.hidden_size, "gain": f"{self.gain:g}"}

    def _figure(self, plots):
        from ...plots import new_figure, styled

        colour, steps = plots.COLOURS, np.arange(len(self.text))
        with styled():
            figure = new_figure(6.4, 3)
            plane, axes = figure.subplots(1, 2, width_ratios=[2, 3])
            values, turn = self.eigenvalues, np.exp(2j * np.pi * np.linspace(0, 1, 200))
            plane.plot(turn.real, turn.imag, color=colour["muted"], linewidth=1)
            plane.plot(self.sigma * turn.real, self.sigma * turn.imag, "--", color=colour["muted"], linewidth=1)
            plane.plot(values.real, values.imag, ".", color=colour["ink"])
            plane.set(aspect="equal", title="eigenvalues of $W_{hh}$")
            for shares, name, hue in ((self.plain.shares, "plain", "back"), (self.leaky.shares, "leaky", "ink")):
                axes.plot(steps, shares.T, color=colour[hue], linewidth=0.5, alpha=0.4)
                axes.plot(steps, np.median(shares, axis=0), "--", color=colour[hue], linewidth=2, label=name)
            axes.set(yscale="log", xlabel="steps back", title="length of the gradient")
            axes.legend()
        return figure
