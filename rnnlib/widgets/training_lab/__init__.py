"""TrainingLab: a network learns its text while one watches."""

import re
from typing import NamedTuple

import numpy as np
import traitlets

from ... import _check, _flat, gru, lstm, rnn
from ..._cell import cell_of, check_text_params, states_of
from ...optim import SGD, Adagrad, Adam, Momentum, RMSprop, unflatten
from ...train import sample, train
from .._bundle import bundle, constants, style, words
from .._network import NetworkWidget
from .._traits import (
    FORGET_BIASES,
    MAX_HIDDEN,
    MAX_SEED,
    Choice,
    InvalidType,
    InvalidValue,
    Number,
    Text,
    Whole,
    defaults,
)

MAX_CHARACTERS = 2000
MAX_WINDOW = 64
MAX_UPDATES = 1_000_000
MAX_CLIP = 100
MAX_RATES = 1000  # of one run
MAX_RECALLED = 16
RATES = 1e-4, 3.0
TEMPERATURES = 0.1, 3.0
OPTIMIZERS = {"sgd": SGD(), "momentum": Momentum(), "adagrad": Adagrad(), "rmsprop": RMSprop(), "adam": Adam()}
CELLS = {"rnn": rnn, "lstm": lstm, "gru": gru}
SAMPLE = 80  # characters drawn, as the page draws them
SHOWN = 200  # characters of the text that the page shows
REACH = 4096  # cells of all triangles of contributions whose mean it shows, but for the first one

# The traits with which another run begins
RUN_TRAITS = (
    "text",
    "hidden_size",
    "seed",
    "steps",
    "clip",
    "optimizer",
    "_weights",
    "_characters",
    "cell",
    "forget_bias",
    "recalled",
)

_RATE = re.compile(r"(\d{1,7}):(\d[\d.e-]{0,24})(\*?)", re.ASCII)


class Rates(traitlets.TraitType):
    """A trait that holds learning rates as a text: "0:0.1,312:0.05*", or an empty one.

    Each is in force after so many updates, rising from 0; a star says that the optimiser forgets what it remembers.
    """

    def validate(self, obj, value):
        expected = f"{self.name}: expected learning rates such as '0:0.1,312:0.05'"
        if not isinstance(value, str):
            raise InvalidType(f"{expected}, got {_check.describe(value)}")
        try:
            entries = read_rates(value)
        except ValueError:
            raise InvalidValue(f"{expected}, got {_check.describe(value)}") from None
        starts = [start for start, _, _ in entries]
        in_order = starts == sorted(set(starts)) and starts[:1] in ([], [0]) and not any(e[2] for e in entries[:1])
        in_range = all(RATES[0] <= rate <= RATES[1] and start <= MAX_UPDATES for start, rate, _ in entries)
        if not (in_order and in_range):
            raise InvalidValue(f"{expected}, got {_check.describe(value)}")
        return value


class Signs(traitlets.TraitType):
    """A trait that holds at most so many characters, each of them once."""

    def __init__(self, most, **kwargs):
        self.most = most
        super().__init__(**kwargs)

    def validate(self, obj, value):
        expected = f"{self.name}: expected at most {self.most} characters, each once"
        if not isinstance(value, str):
            raise InvalidType(f"{expected}, got {_check.describe(value)}")
        if len(value) > self.most or len(set(value)) < len(value):
            raise InvalidValue(f"{expected}, got {_check.describe(value)}")
        return value


def read_rates(text):
    """The entries (updates before it, rate, whether the optimiser forgets) of such a text; else raises ValueError."""
    matches = [_RATE.fullmatch(part) for part in text.split(",")] if text else []
    if not all(matches):
        raise ValueError
    return [(int(start), float(rate), star == "*") for start, rate, star in (match.groups() for match in matches)]


def write_rates(entries):
    """The text of such entries, digit for digit as the page writes it."""
    return ",".join(f"{start}:{repr(rate).removesuffix('.0')}{'*' * anew}" for start, rate, anew in entries)


class State(NamedTuple):
    """What a run is, then what it has come to: what belongs to another run can be told from it."""

    network: tuple  # the values of RUN_TRAITS
    rate: float
    updates: int
    rates: str  # as the trait `_rates` holds them
    trained: bytes


def settled(before: State, now: State) -> State:
    """`now` without what belongs to another run, and with the learning rates of a run whose rate was turned.

    before: the state from which traits were changed to `now`. What the page, or `hold_trait_notifications`, changes at
    one time belongs together: updates, rates or weights that come with another network are those of its run.
    """
    other = now.network != before.network
    fresh_rates, fresh_trained = now.rates != before.rates, now.trained != before.trained
    updates = 0 if other and now.updates == before.updates and not fresh_trained else now.updates
    trained = now.trained if fresh_trained or (not other and updates == before.updates) else b""
    rates = before.rates
    if fresh_rates and updates:
        rates = now.rates
    elif other or not updates:
        rates = ""
    elif before.updates and now.rate != before.rate:
        rates = _turned(read_rates(rates) or [(0, before.rate, False)], before.updates, now.rate)
    return now._replace(updates=updates, rates=rates, trained=trained)


def _turned(entries, updates, rate):
    """The text of such entries with another rate after so many updates; what was said for later is gone."""
    forgets = any(start == updates and anew for start, _, anew in entries)
    return write_rates([entry for entry in entries if entry[0] < updates] + [(updates, rate, forgets)])


def facts(initial):
    """Limits, constants and the default values `initial` of the traits as JavaScript."""
    limits = {
        "text": MAX_CHARACTERS, "hidden": MAX_HIDDEN, "steps": MAX_WINDOW, "clip": MAX_CLIP, "updates": MAX_UPDATES,
        "seed": MAX_SEED, "rate": RATES, "rates": MAX_RATES, "temperature": TEMPERATURES,
        "recalled": MAX_RECALLED, "forget_bias": FORGET_BIASES,
    }  # fmt: skip
    optimizers = {key: {"name": type(each).__name__, "words": f"lab_{key}"} for key, each in OPTIMIZERS.items()}
    cells = {key: {"words": f"lab_{key}", "one": f"lab_one_{key}"} for key in CELLS}
    values = constants(
        LIMITS=limits,
        LAB_NETWORK=RUN_TRAITS,
        SAMPLE=SAMPLE,
        SHOWN=SHOWN,
        REACH=REACH,
        OPTIMIZERS=optimizers,
        CELLS=cells,
        DEFAULTS=initial,
    )
    return {"training_lab/facts.js": values}


class TrainingLab(NetworkWidget):
    """A network that learns `text`, update by update, from random weights to a sample that reads like the text.

    The page does what `train(start, ids, optimizer, rate=learning_rate, steps=steps, clip=clip or None)` does: it reads
    the text in windows of `steps` characters, one after the other, again and again; the state goes on from window to
    window, and begins as zeros at each reading. Shown are the loss of each update, the weights and states, what the
    network expects at each character, and what it writes.

    `TrainingLab(text="hello", hidden_size=16, seed=0)` begins with the weights of
    `init_params(V, hidden_size, rng=np.random.default_rng(seed))`, where V counts the distinct characters of the text,
    with another cell, of its module. `TrainingLab.from_params(params, vocab, text)` begins with given weights, whose
    type says which cell they are of.

    Where something is to be recalled, the mean over all characters hides it: `recalled` names the characters whose loss
    and hits are shown alone. `TrainingLab(cell="lstm", **rnnlib.tasks.recall(10, rng=rng)._asdict())` has such a text.

    Traits, to be set, observed or linked: `text` (2 to 2000 characters), `cell` ("rnn", "lstm" or "gru"), `forget_bias`
    (0 to 6, of an LSTM: what the biases of its forget gates begin with), `recalled` (at most 16 characters of the text,
    each once; a text without one of them empties it), `hidden_size` (1 to 64), `seed` (0 to 2**53 - 1), `steps` (1 to
    64: how far the gradient reaches back), `clip` (0 to 100: the length to which a longer gradient is shortened, 0 for
    none), `optimizer` ("sgd", "momentum", "adagrad", "rmsprop" or "adam"), `learning_rate` (0.0001 to 3), `temperature`
    (0.1 to 3, of the sample), `updates` (0 to 1 000 000: how many are done, which goes up while the page trains).
    Another learning rate counts from the next update on; a change of the others but `temperature` and `updates` begins
    another run, of 0 updates.

    Raises ValueError for a value out of range, a text with characters that given weights do not know and recalled ones
    that the text lacks after its first character; TypeError for a value of another type, a cell beside given weights
    and a `forget_bias` without a fresh LSTM; both name the trait, what came and what was expected.
    """

    text = Text(MAX_CHARACTERS, default_value="I am learning RNN").tag(sync=True)
    cell = Choice(tuple(CELLS), default_value="rnn").tag(sync=True)
    forget_bias = Number(*FORGET_BIASES, default_value=1.0).tag(sync=True)
    recalled = Signs(MAX_RECALLED, default_value="").tag(sync=True)
    hidden_size = Whole(1, MAX_HIDDEN, default_value=16).tag(sync=True)
    learning_rate = Number(*RATES, default_value=0.01).tag(sync=True)
    steps = Whole(1, MAX_WINDOW, default_value=16).tag(sync=True)
    clip = Number(0, MAX_CLIP, default_value=5.0).tag(sync=True)
    optimizer = Choice(tuple(OPTIMIZERS), default_value="adam").tag(sync=True)
    temperature = Number(*TEMPERATURES, default_value=1.0).tag(sync=True)
    updates = Whole(0, MAX_UPDATES, default_value=0).tag(sync=True)
    _rates = Rates(default_value="").tag(sync=True)  # the learning rates of the run, where it had more than one
    # The page's weights after `updates` updates, as float64; else empty. What it sends comes as a view of a message.
    _trained = traitlets.Bytes().tag(sync=True, from_json=lambda value, _: bytes(value))

    _esm = bundle("training_lab/view.js", facts(defaults(vars())))
    _css = style("ui/base.css", "ui/network.css", "ui/tabs.css", "ui/triangle.css", "training_lab/style.css")

    def __init__(self, **traits):
        self._settled = self._known = None
        cell = traits.get("cell", "rnn")
        if "forget_bias" in traits and cell != "lstm" and cell in tuple(CELLS):  # no cell at all is refused below
            raise TypeError(f"forget_bias: expected none with cell={cell!r}, which has no forget gate")
        super().__init__(**traits)
        self._settled = self._state()

    @classmethod
    def from_params(cls, params, vocab, text, **traits):
        """A lab that begins with given weights: `Params` of any cell for the characters of `vocab`.

        Raises as the class does; TypeError for `cell` and `forget_bias`, which the weights decide; ValueError when
        params and vocab disagree about V or there are too many units.
        """
        for name in {"cell", "forget_bias"} & set(traits):
            raise TypeError(f"{name}: expected none beside given weights, got {_check.describe(traits[name])}")
        names = {module.Params: name for name, module in CELLS.items()}
        return super().from_params(params, vocab, text, cell=names.get(type(params), "rnn"), **traits)

    _checked = staticmethod(check_text_params)

    @property
    def ids(self):
        """The text in ids, (n,)."""
        return self.vocab.encode(self.text)

    @property
    def start(self):
        """The `Params` before the first update, of the module of the cell."""
        module, V, H = CELLS[self.cell], len(self.vocab), self.hidden_size
        if not self._weights:
            options = {"forget_bias": self.forget_bias} if self.cell == "lstm" else {}
            return module.init_params(V, H, rng=np.random.default_rng(self.seed), **options)
        return unflatten(np.frombuffer(self._weights, "<f8").astype(np.float64), V, H, kind=module.Params)

    @property
    def params(self):
        """The `Params` after `updates` updates: the page's, where it has trained, else those of `run`."""
        if not self._trained:
            return self.run.params
        vector, kind = np.frombuffer(self._trained, "<f8").astype(np.float64), CELLS[self.cell].Params
        return unflatten(vector, len(self.vocab), self.hidden_size, kind=kind)

    @property
    def run(self):
        """The `Run` of as many updates in NumPy, computed when it is asked for; a diverged one ends before."""
        traits = self._state()._replace(trained=b"")
        if self._known is None or self._known[0] != traits:
            run = self._train()
            if run.stopped.startswith("interrupted"):
                return run
            self._known = traits, run
        return self._known[1]

    @property
    def sample(self):
        """What the page lets the network write: the first character of the text and 80 more."""
        rng = np.random.default_rng(self.seed)
        return sample(self.params, self.vocab, self.text[0], SAMPLE, temperature=self.temperature, rng=rng)

    @property
    def contributions(self):
        """How long ∂L_t/∂a_s is, over all gates, with `params`: the triangle that the page shows, (T, T).

        Means over the first windows of the text, each read from the state that the one before it has left.
        """
        params, ids = self.params, self.ids[:SHOWN]
        cell, T = cell_of(params), min(self.steps, len(ids) - 1)
        windows = max(1, min((len(ids) - 1) // T, REACH // T**2))
        found, states = [], {}
        for x, y in zip(ids[: windows * T].reshape(-1, T), ids[1 : windows * T + 1].reshape(-1, T), strict=True):
            trace = cell.forward(params, x, **states)
            found.append(cell.contributions(params, trace, y, reduction="sum"))
            states = {name: getattr(trace, name[0])[-1] for name in states_of(cell.Params)}
        return np.mean(found, axis=0)

    def _train(self):
        optimizer = OPTIMIZERS[self.optimizer]
        options = {"steps": self.steps, "clip": self.clip or None, "progress": False}
        entries = [entry for entry in self._entries() if entry[0] < self.updates]
        run = train(self.start, self.ids, optimizer, rate=self.learning_rate, updates=0, **options)
        ends = [begin for begin, _, _ in entries[1:]] + [self.updates]
        for (_, rate, anew), end in zip(entries, ends, strict=False):
            if anew:
                run = run._replace(slots={name: np.zeros_like(slot) for name, slot in run.slots.items()}, t=0)
            run = train(run, self.ids, optimizer, rate=rate, updates=end, **options)
            if run.stopped:
                break
        return run

    def _entries(self):
        return read_rates(self._rates) or [(0, self.learning_rate, False)]

    def _state(self):
        network = tuple(getattr(self, name) for name in RUN_TRAITS)
        return State(network, self.learning_rate, self.updates, self._rates, self._trained)

    @traitlets.observe(*RUN_TRAITS, "learning_rate", "updates", "_rates", "_trained")
    def _settle(self, change):
        """Set what follows from a change: `settled` says what."""
        if self._settled is None:
            return
        state = settled(self._settled, self._state())
        self._settled = None  # what is set here need not be looked at
        self.updates, self._rates, self._trained = state.updates, state.rates, state.trained
        self._settled = self._state()

    @traitlets.validate("hidden_size", "cell")
    def _given_size(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        values = {"hidden_size": self.hidden_size, "cell": self.cell, name: value}
        size = 8 * _flat.size(len(self._characters), values["hidden_size"], kind=CELLS[values["cell"]].Params)
        if self._weights and len(self._weights) != size:
            expected = {"hidden_size": "the size", "cell": "the cell"}[name]
            raise InvalidValue(f"{name}: expected {expected} of the given weights, got {value}")
        return value

    @traitlets.validate("recalled")
    def _in_text(self, proposal):
        if missing := "".join(sign for sign in proposal["value"] if sign not in self.text[1:]):
            raise InvalidValue(f"recalled: expected characters of the text after its first one, got {missing!r}")
        return proposal["value"]

    @traitlets.observe("text")
    def _forget_recalled(self, change):
        if not set(self.recalled) <= set(self.text[1:]):
            self.recalled = ""

    @traitlets.validate("_trained")
    def _whole(self, proposal):
        expected = 8 * _flat.size(len(self.vocab), self.hidden_size, kind=CELLS[self.cell].Params)
        if len(proposal["value"]) not in (0, expected):
            raise InvalidValue(f"_trained: expected {expected} bytes or none, got {len(proposal['value'])}")
        return proposal["value"]

    def _said(self):
        text = self.text if len(self.text) <= 60 else f"{self.text[:59]}…"
        one = words()["en"][f"lab_one_{self.cell}"]
        return "lab_picture", {"text": text, "cell": one, "H": self.hidden_size, "updates": self.updates}

    def _figure(self, plots):
        run = self.run._replace(params=self.params)
        return plots.plot_training(run, self.vocab, self.text, sample=self.sample)
