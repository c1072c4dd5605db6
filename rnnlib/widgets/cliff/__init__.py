"""Cliff: the loss of a network of one unit over its two parameters, and gradient descent that meets the wall in it."""

from typing import NamedTuple

import numpy as np

from ... import _check
from .._bundle import bundle, constants, style
from .._figure import Figure
from .._traits import Choice, Number, Whole, defaults

FIRST, TARGET = -0.5, 0.7  # h_0, and what the last state should be
WEIGHTS, BIASES = (0.5, 2.5), (-0.2, 1.0)  # of the map
STEPS = 2, 100
RATES, RADII = (0.001, 0.1), (0.1, 10.0)
UPDATES = 60
RULES = ("norm", "value")
FACTS = {
    "model/cliff_facts.js": constants(FIRST=FIRST, TARGET=TARGET, WEIGHTS=WEIGHTS, BIASES=BIASES),
}


class Point(NamedTuple):
    """A place on the map, the loss there, and its gradient."""

    w: float
    b: float
    loss: float
    dw: float
    db: float

    @property
    def length(self):
        """The length of the gradient."""
        return float(np.hypot(self.dw, self.db))


def states(w, b, steps):
    """The states h_0 … h_T of the network, (steps + 1, …); w and b are numbers, or arrays of the same shape.

    h_t = tanh(w h_{t−1} + b), h_0 = −0.5
    """
    h = [np.full(np.broadcast(w, b).shape, FIRST)]
    for _ in range(steps):
        h.append(np.tanh(w * h[-1] + b))
    return np.array(h)


def point(w, b, steps):
    """The loss L = (h_T − 0.7)² and its gradient with respect to w and b, as a `Point`."""
    h = states(w, b, steps)
    dh, dw, db = 2 * (h[-1] - TARGET), 0.0, 0.0
    for t in range(steps, 0, -1):
        da = dh * (1 - h[t] ** 2)
        dw, db, dh = dw + da * h[t - 1], db + da, da * w
    return Point(float(w), float(b), float((h[-1] - TARGET) ** 2), float(dw), float(db))


def next_place(here, rate, clip, clipping):
    """The place (w, b) that one update leads to from a `Point`; arguments as those of `walk`."""
    gradient = np.array([here.dw, here.db])
    if clip is not None and clipping == "value":
        gradient = np.clip(gradient, -clip, clip)
    elif clip is not None and here.length > clip:
        gradient *= clip / here.length
    return here.w - rate * gradient[0], here.b - rate * gradient[1]


def walk(w, b, *, steps, rate, updates, clip=None, clipping="norm"):
    """The points of gradient descent from (w, b), the first one and that after each update: `updates` + 1 of them.

    Args:
        w, b: where it starts.
        steps: T of the network; at least 1.
        rate: learning rate η.
        updates: how many.
        clip: the bound of the gradient; None for plain descent.
        clipping: what is bounded, the "norm" of the gradient or each "value" of it.

    Raises ValueError for a value out of range, TypeError for a value of another type; both name the argument.
    """
    w, b, rate = _check.finite("w", w), _check.finite("b", b), _check.positive("rate", rate)
    steps, updates = _check.whole("steps", steps, 1, 10**6), _check.whole("updates", updates, 0, 10**6)
    clip, clipping = clip if clip is None else _check.positive("clip", clip), _check.one_of("clipping", clipping, RULES)
    points = [point(w, b, steps)]
    for _ in range(updates):
        points.append(point(*next_place(points[-1], rate, clip, clipping), steps))
    return points


def wall(w, steps):
    """The b at which the last state is 0, for one w above 0: by bisection, since h_T only rises with b.

    Raises TypeError or ValueError for a w that is not a positive number and for steps that are not a whole number
    from 1 on.
    """
    w, steps = _check.positive("w", w), _check.whole("steps", steps, 1, 10**6)
    low, high = -1.0, w  # with b = w every state after h_0 is positive, with b = −1 none is
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if states(w, middle, steps)[-1] < 0 else (low, middle)
    return low


class Cliff(Figure):
    """The loss of a network of one unit over its weight w and its bias b, and two walks of gradient descent on it.

        h_t = tanh(w h_{t−1} + b), h_0 = −0.5, L = (h_T − 0.7)²

    Both walks start at (`w`, `b`): one is plain, the other clips the gradient.

    Traits, to be set, observed or linked: `w` (0.5 to 2.5), `b` (-0.2 to 1), `steps` (T, 2 to 100), `rate` (η, 0.001 to
    0.1), `clip` (the bound, 0.1 to 10), `clipping` (what is bounded: "norm" or "value"), `updates` (0 to 60).

    Raises ValueError for a value out of range, TypeError for a value of another type; both name the trait, what came
    and what was expected.
    """

    w = Number(*WEIGHTS, default_value=1.35).tag(sync=True)
    b = Number(*BIASES, default_value=0.075).tag(sync=True)
    steps = Whole(*STEPS, default_value=50).tag(sync=True)
    rate = Number(*RATES, default_value=0.01).tag(sync=True)
    clip = Number(*RADII, default_value=1.0).tag(sync=True)
    clipping = Choice(RULES, default_value="norm").tag(sync=True)
    updates = Whole(0, UPDATES, default_value=8).tag(sync=True)

    _esm = bundle(
        "cliff/view.js",
        {
            **FACTS,
            "cliff/facts.js": constants(
                DEFAULTS=defaults(vars()), STEPS=STEPS, RATES=RATES, RADII=RADII, UPDATES=UPDATES, RULES=RULES
            ),
        },
    )
    _css = style("ui/base.css", "ui/network.css", "ui/tabs.css", "cliff/style.css")

    @property
    def states(self):
        """The states h_0 … h_T at (w, b), (T + 1,)."""
        return states(self.w, self.b, self.steps)

    @property
    def loss(self):
        """The loss at (w, b)."""
        return point(self.w, self.b, self.steps).loss

    @property
    def gradient(self):
        """The gradient of the loss at (w, b): with respect to w, and to b."""
        here = point(self.w, self.b, self.steps)
        return np.array([here.dw, here.db])

    @property
    def walk(self):
        """The `Point`s of plain gradient descent, `updates` + 1 of them."""
        return walk(self.w, self.b, steps=self.steps, rate=self.rate, updates=self.updates)

    @property
    def clipped_walk(self):
        """The `Point`s of gradient descent with the clipped gradient."""
        bound = {"clip": self.clip, "clipping": self.clipping}
        return walk(self.w, self.b, steps=self.steps, rate=self.rate, updates=self.updates, **bound)

    @property
    def wall(self):
        """The b of the wall at w: there the last state is 0."""
        return wall(self.w, self.steps)

    def _said(self):
        values = {"w": f"{self.w:g}", "b": f"{self.b:g}", "T": self.steps, "updates": self.updates}
        return "cliff_picture", values

    def _figure(self, plots):
        from ...plots import new_figure, styled

        colour = plots.COLOURS
        walks = (("plain", self.walk, "back", "--"), ("clipped", self.clipped_walk, "ink", "-"))
        edges = [np.linspace(*ends, 201) for ends in (WEIGHTS, BIASES)]
        w, b = np.meshgrid(*((each[1:] + each[:-1]) / 2 for each in edges))
        with styled():
            figure = new_figure(6.4, 3)
            plane, axes = figure.subplots(1, 2, width_ratios=[3, 2])
            losses = (states(w, b, self.steps)[-1] - TARGET) ** 2
            plane.pcolormesh(*edges, losses, cmap="Greys", vmin=0, vmax=5, rasterized=True)
            for name, points, hue, line in walks:
                plane.plot(
                    [p.w for p in points], [p.b for p in points], line, color=colour[hue], marker=".", markersize=3
                )
                h = states(points[-1].w, points[-1].b, self.steps)
                axes.plot(np.arange(len(h)), h, line, color=colour[hue], label=name)
            plane.set(xlim=WEIGHTS, ylim=BIASES, xlabel="w", ylabel="b", title="loss, and two walks")
            axes.set(ylim=(-1.05, 1.05), xlabel="step", title="state after the last update")
            axes.legend()
        return figure
