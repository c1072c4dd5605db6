"""GraphStepper: the backward pass as a graph of gates, node by node."""

import traitlets

from ...formulations import gates
from ...formulations._grid import GRID
from .._bundle import bundle, constants, style
from .._network import NetworkWidget
from .._traits import LIMITS as SHARED_LIMITS
from .._traits import InvalidValue, Text, Whole, defaults

# The whole graph is drawn with its numbers: limits for which they fit on a phone.
LIMITS = SHARED_LIMITS | {"steps": 2, "hidden": 3}
MAX_CHARACTERS = 3
NODES = {1: 13, 2: 21}  # on the tape of a text of so many steps


class GraphStepper(NetworkWidget):
    """The tape of `rnnlib.formulations.gates` as a drawing: first every node gets its value, then its gradient.

    At each move forward one node of the tape is computed from its parents. At each move back, last node first, a
    node's gradient is complete, and it hands one to each of its parents; what arrives there adds up. The loss is the
    sum of the step losses, the state before the first step is zero, and there are no biases.

    `GraphStepper(text="aba", hidden_size=2, seed=0)` shows a network with the weights of
    `gates.init_parameters(V, hidden_size, rng=np.random.default_rng(seed))`, where V counts the distinct characters of
    the text; `GraphStepper.from_params(params, vocab, text)` shows given weights of at most 3 characters.

    Traits, to be set, observed or linked: `text` (2 or 3 characters), `hidden_size` (1 to 3), `seed` (0 to 2**53 - 1),
    `move` (0 to 2 N - 1 for the N nodes of the tape, 13 or 21: move i computes node i, and at move N + i node N - 1 - i
    hands its gradient on). A shorter text moves a `move` beyond its end to the last one.

    Raises ValueError for a value out of range, a text with characters that given weights do not know, and given biases
    that are not zero; TypeError for a value of another type. Each names what came and what was expected.
    """

    text = Text(LIMITS["steps"] + 1, default_value="aba").tag(sync=True)
    hidden_size = Whole(1, LIMITS["hidden"], default_value=2).tag(sync=True)
    move = Whole(0, 2 * NODES[LIMITS["steps"]] - 1, default_value=0).tag(sync=True)

    _esm = bundle(
        "graph_stepper/view.js",
        {"graph_stepper/facts.js": constants(GRID=GRID, LIMITS=LIMITS, NODES=NODES, DEFAULTS=defaults(vars()))},
    )
    _css = style("ui/base.css", "ui/network.css", "graph_stepper/style.css")

    @classmethod
    def from_params(cls, params, vocab, text, **traits):
        """A figure that shows given weights: `params`, biases zero, for the characters of `vocab`, reading `text`.

        Raises as the class does, and ValueError for more than 3 characters.
        """
        V = len(gates.from_params(params).V)
        if V > MAX_CHARACTERS:
            raise ValueError(f"params.Wxh: expected a row for each of at most {MAX_CHARACTERS} characters, got {V}")
        return super().from_params(params, vocab, text, **traits)

    @property
    def loss(self):
        """The node of the loss after `backward`: every node of `gates.graph(loss)` holds its value and its gradient."""
        loss = gates.rnn_loss(gates.from_params(self.params), self.trace.x, self.targets)
        loss.backward()
        return loss

    @property
    def grads(self):
        """The gradients of U, W and V in the layout of `Params`, of the sum of the losses; bh and by are None."""
        return gates.gradients(self.params, self.trace.x, self.targets, reduction="sum")

    @traitlets.validate("move")
    def _move_on_tape(self, proposal):
        last = self._last_move
        if proposal["value"] > last:
            raise InvalidValue(f"move: expected a move from 0 to {last}, got {proposal['value']}")
        return proposal["value"]

    @traitlets.observe("text")
    def _stay_inside(self, change):
        self.move = min(self.move, self._last_move)

    @property
    def _last_move(self):
        return 2 * NODES[len(self.text) - 1] - 1

    def _said(self):
        return "graph_picture", {"text": self.text, "H": self.hidden_size, "N": NODES[len(self.text) - 1]}

    def _figure(self, plots):
        return plots.plot_graph(gates.graph(self.loss))
