"""River: a sentence is read, surprises, and sends its gradients back; and how that changes while the network learns."""

import traitlets

from ...bptt import contributions
from ...loss import cross_entropy
from ...rnn import forward
from .._bundle import bundle, constants, style, words
from .._trained import UPDATES, TrainedWidget
from .._traits import MAX_STEPS, Whole, defaults

EARLY = 60  # updates after which a short text is half known


class River(TrainedWidget):
    """The network unrolled over `text`, the loss of each step, and how far the gradient of each loss reaches back.

    Under each step s the lengths |∂L_t/∂a_s| of the losses t = s, s + 1, … are drawn one under the other, and a ribbon
    joins those of one loss. A slider goes through 300 updates of gradient descent on the mean loss, with the learning
    rate 0.2.

    `River(text="hello", hidden_size=4, seed=0)` starts from the weights of
    `init_params(V, hidden_size, rng=np.random.default_rng(seed))`, where V counts the distinct characters of the text;
    `River.from_params(params, vocab, text)` starts from given weights.

    Traits, to be set, observed or linked: `text` (2 to 65 characters), `hidden_size` (1 to 64), `seed` (0 to
    2**53 - 1), `t` (the step whose loss is lit, from 0), `updates` (0 to 300), `fill` (whether the band is scaled to
    its highest step; else one scale holds for the whole training), `autoplay` (whether it plays once by itself when it
    comes into view: the reading, the gradients going back, the training to its end, and the band stretched to its
    highest step; not where the reader's system asks for less motion, nor where a link has opened a state of the
    figure).

    Raises ValueError for a value out of range or a text with characters that given weights do not know, TypeError for a
    value of another type; both name the trait, what came and what was expected.
    """

    t = Whole(0, MAX_STEPS - 1, default_value=0).tag(sync=True)
    fill = traitlets.Bool(False).tag(sync=True)
    autoplay = traitlets.Bool(False).tag(sync=True)

    _esm = bundle("river/view.js", {"river/facts.js": constants(DEFAULTS=defaults(vars(TrainedWidget) | vars()))})
    _css = style("ui/base.css", "ui/network.css", "ui/river.css", "river/style.css")

    @property
    def contributions(self):
        """The lengths drawn, (T, T): |∂L_t/∂a_s| for the sum of the step losses."""
        return contributions(self.params, self.trace, self.targets, reduction="sum")

    @traitlets.validate("t")
    def _step_in_text(self, proposal):
        return self._step("t", proposal["value"])

    @traitlets.observe("text")
    def _stay_inside(self, change):
        self.t = min(self.t, len(self.text) - 2)

    def _said(self):
        values = {"text": self.text, "H": self.hidden_size, "T": len(self.text) - 1, "updates": self.updates}
        return "river_picture", values | {"t": self.t + 1}

    def _figure(self, plots):
        """On paper nothing moves: the network before its training, at the moment shown or early, and at the end."""
        networks = {}
        for updates in sorted({0, self.updates if 0 < self.updates < UPDATES else EARLY, UPDATES}):
            params = self._params_after(updates)
            mean = cross_entropy(forward(params, self.trace.x).o, self.targets)
            title = words()["en"]["river_moment"].format(updates=updates, mean=f"{mean:.3f}")
            networks[title] = params
        return plots.plot_rivers(networks, self.vocab, self.text, t=self.t)
