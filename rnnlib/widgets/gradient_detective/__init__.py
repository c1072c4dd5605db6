"""GradientDetective: the code of a gradient is wrong somewhere, and its errors tell where."""

import json
import re

import numpy as np

from ... import bptt, rnn
from ...gradcheck import NAMES, TOLERANCES, check_gradients
from ...mistakes import BATCH_MISTAKES, MISTAKES, MORE_MISTAKES, gradient_descent, mutant
from .._bundle import HERE, bundle, constants, style
from .._network import NetworkWidget
from .._traits import LIMITS as SHARED_LIMITS
from .._traits import Choice, Text, Whole, defaults

# After each change the page checks and trains again at once: limits for which this takes less than 0.1 s.
LIMITS = SHARED_LIMITS | {"steps": 24, "hidden": 8}
TRAINING = {"updates": 200, "rate": 0.2}

# The computation from the states to the gradients, in the order in which it is read. Indented lines belong to a loop.
LINES = {
    "state": "    h[t] = np.tanh(a[t])",
    "softmax": "yhat = softmax(o)",
    "error": "do = yhat - one_hot(y, V)",
    "mean": "do /= y.size",
    "future": "    dh[t] = do[t] @ Why.T + dh_next",
    "slope": "    da[t] = dh[t] * (1 - h[t] ** 2)",
    "back": "    dh_next = da[t] @ Whh.T",
    "before": "h_prev = np.vstack([[h0], h[:-1]])",
    "dWhh": "dWhh = h_prev.T @ da",
    "dbh": "dbh = da.sum(axis=0)",
}
BATCH_LINES = {  # those that are written otherwise for a batch
    "dWhh": "dWhh = sum(h_prev[t].T @ da[t] for t in range(T))",
    "dbh": "dbh = da.sum(axis=(0, 1))",
}
LOOPS = {"state": "for t in range(T):", "future": "for t in reversed(range(T)):"}  # printed before these lines
OTHER_LINES = {"dWxh": "np.add.at(dWxh, x, da)"}  # not shown: a fault in one of them is in none of the ten
NONE = "none"  # picked where no line that is shown is at fault
GALLERIES = {"MISTAKES": MISTAKES, "MORE_MISTAKES": MORE_MISTAKES, "BATCH_MISTAKES": BATCH_MISTAKES}
ALL = [mistake for gallery in GALLERIES.values() for mistake in gallery]


def _cases():
    """Key of the words on a case -> the mistakes in it: the gallery in its order, then two mistakes at once, then one
    in a line that is not shown, then those of a batch."""
    named = {mistake.name: mistake for mistake in ALL}
    single = sorted((mistake for mistake in named.values() if mistake.case), key=lambda mistake: mistake.case)
    cases = [(mistake,) for mistake in single]
    cases.insert(len(MISTAKES), (named["clipped"], named["one_step_bias"]))
    return {f"mistake_{'_and_'.join(mistake.name for mistake in case)}": case for case in cases}


CASES = _cases()
FUNCTIONS = {"rnn.py": "batchForward", "bptt.py": "batchBackward"}  # in ENGINE
ENGINE = "engine/batch.js"


def faults(mistakes):
    """The lines at fault, in the order of LINES; NONE where it is a line that is not shown."""
    lines = {mistake.line for mistake in mistakes}
    return [line for line in LINES if line in lines] or [NONE]


SUSPECTS = ("", *LINES, NONE, *("+".join(faults(case)) for case in CASES.values() if len(case) > 1))


def written(line):
    """How a line is written for one sequence, and for a batch."""
    code = (LINES | OTHER_LINES)[line]
    return [code, BATCH_LINES.get(line, code)]


def fingerprints():
    """Line -> the gradients in which a fault in it shows: those that a check of its mistakes finds wrong.

    The network is one that hides nothing: no number in it is zero, Whh is not symmetric, there are three steps, and two
    sequences that read the same character at the second.
    """
    params = rnn.init_params(3, 2, rng=np.random.default_rng(0))
    x, y, h0 = (
        np.array([[0, 2], [1, 1], [0, 2]]),
        np.array([[1, 1], [2, 0], [0, 1]]),
        np.array([[0.5, -0.4], [0.2, 0.3]]),
    )
    found = {line: set() for line in LINES}
    for mistake in ALL:
        if mistake.line in LINES:
            forward, backward = mutant(mistake)
            report = check_gradients(params, x, y, h0=h0, forward=forward, backward=backward)
            found[mistake.line] |= {name for name, check in report.checks.items() if not check.ok}
    return {line: [name for name in NAMES if name in names] for line, names in found.items()}


def facts():
    """The lines, the cases and their wrong functions as JavaScript: no page need run text as code.

    A wrong function is a module of its own beside the right one, with the same imports.

    Raises RuntimeError naming the case whose right text is not exactly once in its function.
    """
    modules, imports, cases = {}, [], []
    for key, mistakes in CASES.items():
        wrong = []
        for file in {mistake.file: None for mistake in mistakes}:
            name = FUNCTIONS[file]
            module = f"engine/{name}_{key}.js"
            changes = [mistake for mistake in mistakes if mistake.file == file]
            modules[module] = _changed(key, source_of(ENGINE, name), changes)
            imports.append(f'import {{ {name} as {key}_{name} }} from "../{module}";')
            wrong.append(f"{name}: {key}_{name}")
        cases.append(f"{{ ...{json.dumps(_told(key, mistakes))}, {', '.join(wrong)} }}")
    reach = fingerprints()
    lines = [{"key": key, "code": written(key), "loop": LOOPS.get(key, ""), "reach": reach[key]} for key in LINES]
    listed = ",\n".join(cases)
    text = constants(TOLERANCE=TOLERANCES["central"], TRAINING=TRAINING, LINES=lines, NONE=NONE, SUSPECTS=SUSPECTS)
    modules["gradient_detective/cases.js"] = "\n".join([*imports, text, f"export const CASES = [{listed}];"])
    return modules


def _told(key, mistakes):
    """What the page knows of a case besides its wrong functions. batch: how many sequences show the fault."""
    names = [mistake.name for mistake in mistakes]
    gallery = next(name for name, those in GALLERIES.items() if {*names} <= {mistake.name for mistake in those})
    was = [[mistake.code.strip(), mistake.batch_code or mistake.code.strip()] for mistake in mistakes]
    belongs = [[code.strip() for code in written(mistake.line)] for mistake in mistakes]
    batch = 2 if gallery == "BATCH_MISTAKES" else 1
    told = {"words": key, "faults": faults(mistakes), "names": names, "gallery": gallery, "batch": batch}
    return told | {"was": was, "belongs": belongs}


def _changed(key, function, mistakes):
    """The JavaScript of a function with mistakes in it."""
    for mistake in mistakes:
        found = function.count(mistake.right_js)
        if found != 1:
            expected = f"expected {mistake.right_js!r} once in {FUNCTIONS[mistake.file]} of {ENGINE}"
            raise RuntimeError(f"{key}: {expected}, found it {found} times")
        function = function.replace(mistake.right_js, mistake.wrong_js)
    return function


def source_of(file, name):
    """A function of a module below what it needs from other modules, and from its own."""
    text = (HERE / file).read_text(encoding="utf-8")
    start = text.index(f"export function {name}(")
    function = text[start : text.index("\n}\n", start) + 2]
    there = re.findall(r'^import \{([^}]*)\} from "([^"]+)";', text, re.M)
    there.append((",".join(re.findall(r"^export function (\w+)", text, re.M)), f"./{file.rpartition('/')[2]}"))
    imports = []
    for names, path in there:
        used = [n for n in re.findall(r"\w+", names) if n != name and re.search(rf"\b{n}\b", function)]
        if used:
            imports.append(f'import {{ {", ".join(used)} }} from "{path}";')
    return "\n".join([*imports, function])


class GradientDetective(NetworkWidget):
    """A case: code of a gradient with a mistake, its errors against central differences, and how it trains.

    Forward and backward are those of one or two mistakes of `rnnlib.mistakes`, for the network that reads `text`. They
    start from h0, the state after reading the text once from zero, so that h0 is not zero. With batch=2 they read two
    sequences side by side, the text and the text backwards. The loss is the mean over all predictions.

    `GradientDetective(text="hello", hidden_size=4, seed=0)` shows a network with the weights of
    `init_params(V, hidden_size, rng=np.random.default_rng(seed))`, where V counts the distinct characters of the text;
    `GradientDetective.from_params(params, vocab, text)` shows given weights.

    Traits, to be set, observed or linked: `text` (2 to 25 characters), `hidden_size` (1 to 8), `seed` (0 to 2**53 - 1),
    `case` (1 to 17, in a fixed order: 1 to 11 have one wrong line, 12 has two, in 13 the mistake is in a line that is
    not shown, and the mistakes in 14 to 17 change nothing unless batch=2; 0 is healthy code; 3 unless given), `batch`
    (how many sequences: 1, or 2), `suspect` (the line that is held to be wrong: "state", "softmax", "error", "mean",
    "future", "slope", "back", "before", "dWhh", "dbh", "none" for none of them, "dWhh+dbh" for the two of case 12; ""
    while nothing is picked).

    Raises ValueError for a value out of range or a text with characters that given weights do not know, TypeError for a
    value of another type; both name the trait, what came and what was expected.
    """

    text = Text(LIMITS["steps"] + 1, default_value="I am learning RNN").tag(sync=True)
    hidden_size = Whole(1, LIMITS["hidden"], default_value=4).tag(sync=True)
    case = Whole(0, len(CASES), default_value=3).tag(sync=True)
    batch = Whole(1, 2, default_value=1).tag(sync=True)
    suspect = Choice(SUSPECTS, default_value="").tag(sync=True)

    _esm = bundle(
        "gradient_detective/view.js",
        {**facts(), "gradient_detective/facts.js": constants(LIMITS=LIMITS, DEFAULTS=defaults(vars()))},
    )
    _css = style("ui/base.css", "ui/network.css", "gradient_detective/style.css")

    @property
    def functions(self):
        """(forward, backward) of the case."""
        return mutant(*[*CASES.values()][self.case - 1]) if self.case else (rnn.forward, bptt.backward)

    @property
    def _ids(self):
        """The ids of the text, (T + 1,); with batch=2 those of the text backwards as a second column."""
        ids = self.vocab.encode(self.text)
        return ids if self.batch == 1 else np.stack([ids, ids[::-1]], axis=1)

    @property
    def trace(self):
        """The `Trace` of reading all characters but the last from zero; with batch=2 in both sequences."""
        return rnn.forward(self.params, self._ids[:-1])

    @property
    def targets(self):
        """The ids of the true next characters, (T,), or (T, 2)."""
        return self._ids[1:]

    @property
    def h0(self):
        """The states that the text is read from: the last of reading it from zero; (H,), or (2, H)."""
        return self.trace.h[-1]

    @property
    def report(self):
        """What `check_gradients` finds: the gradient of the case against central differences of its own loss."""
        forward, backward = self.functions
        options = {"h0": self.h0, "forward": forward, "backward": backward, "method": "central"}
        return check_gradients(self.params, self.trace.x, self.targets, **options)

    @property
    def losses(self):
        """The losses of 200 updates with the gradient of the case; see `rnnlib.mistakes.gradient_descent`."""
        forward, backward = self.functions
        options = {**TRAINING, "forward": forward, "backward": backward}
        return gradient_descent(self.params, self.trace.x, self.targets, self.h0, **options)[0]

    def _said(self):
        key = "detective_picture" if self.case else "detective_picture_healthy"
        return key + "_batch" * (self.batch > 1), {"case": self.case, "text": self.text, "H": self.hidden_size}

    def _figure(self, plots):
        return plots.plot_check(self.report)
