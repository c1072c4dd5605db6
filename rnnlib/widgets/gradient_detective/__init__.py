"""GradientDetective: the code of a gradient has one wrong line, and its errors tell which."""

import json
import re
from pathlib import Path

from ... import bptt, rnn
from ...gradcheck import TOLERANCES, check_gradients
from ...mistakes import MISTAKES, gradient_descent, mutant
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
    "before": "h_prev = np.vstack([h0, h[:-1]])",
    "dWhh": "dWhh = h_prev.T @ da",
    "dbh": "dbh = da.sum(axis=0)",
}
LOOPS = {"state": "for t in range(T):", "future": "for t in reversed(range(T)):"}  # printed before these lines

# The cases from 1 on, easy ones and hard ones in turn, by the key of the words on them.
CASES = {f"mistake_{mistake.name}": mistake for mistake in sorted(MISTAKES, key=lambda mistake: mistake.case)}
FUNCTIONS = {"rnn.py": "forward", "bptt.py": "backward"}  # in engine/rnn.js and engine/bptt.js


def facts():
    """The lines, the cases and their wrong functions as JavaScript: no page need run text as code.

    A wrong function is a module of its own beside the right one, with the same imports.

    Raises RuntimeError naming the case whose right text is not exactly once in its function.
    """
    modules, imports, cases = {}, [], []
    for key, mistake in CASES.items():
        name, module = FUNCTIONS[mistake.file], f"engine/{Path(mistake.file).stem}"
        function = source_of(f"{module}.js", name)
        found = function.count(mistake.right_js)
        if found != 1:
            expected = f"expected {mistake.right_js!r} once in {name} of {module}.js"
            raise RuntimeError(f"{key}: {expected}, found it {found} times")
        modules[f"{module}_{key}.js"] = function.replace(mistake.right_js, mistake.wrong_js)
        imports.append(f'import {{ {name} as {key} }} from "../{module}_{key}.js";')
        shown = json.dumps({"words": key, "fault": mistake.line, "code": mistake.code})
        cases.append(f"{{ ...{shown}, {name}: {key} }}")
    lines = [{"key": key, "code": code, "loop": LOOPS.get(key, "")} for key, code in LINES.items()]
    listed = ",\n".join(cases)
    text = constants(TOLERANCE=TOLERANCES["central"], TRAINING=TRAINING, LINES=lines)
    modules["gradient_detective/cases.js"] = "\n".join([*imports, text, f"export const CASES = [{listed}];"])
    return modules


def source_of(file, name):
    """A function of a module below what it needs from other modules, and from its own."""
    text = (HERE / file).read_text(encoding="utf-8")
    start = text.index(f"export function {name}(")
    function = text[start : text.index("\n}\n", start) + 2]
    there = re.findall(r'^import \{([^}]*)\} from "([^"]+)";', text, re.M)
    there.append((",".join(re.findall(r"^export function (\w+)", text, re.M)), f"./{Path(file).name}"))
    imports = []
    for names, path in there:
        used = [n for n in re.findall(r"\w+", names) if n != name and re.search(rf"\b{n}\b", function)]
        if used:
            imports.append(f'import {{ {", ".join(used)} }} from "{path}";')
    return "\n".join([*imports, function])


class GradientDetective(NetworkWidget):
    """A case: code of a gradient with one wrong line, its errors against central differences, and how it trains.

    Forward and backward are those of a mistake of `rnnlib.mistakes`, for the network that reads `text`. They start from
    h0, the state after reading the text once from zero, so that h0 is not zero. The loss is the mean over the steps.

    `GradientDetective(text="hello", hidden_size=4, seed=0)` shows a network with the weights of
    `init_params(V, hidden_size, rng=np.random.default_rng(seed))`, where V counts the distinct characters of the text;
    `GradientDetective.from_params(params, vocab, text)` shows given weights.

    Traits, to be set, observed or linked: `text` (2 to 25 characters), `hidden_size` (1 to 8), `seed` (0 to 2**53 - 1),
    `case` (1 to 11, the mistakes in a fixed order; 0 is healthy code), `suspect` (the line that is held to be wrong:
    "state", "softmax", "error", "mean", "future", "slope", "back", "before", "dWhh", "dbh", or "" for none).

    Raises ValueError for a value out of range or a text with characters that given weights do not know, TypeError for a
    value of another type; both name the trait, what came and what was expected.
    """

    text = Text(LIMITS["steps"] + 1, default_value="I am learning RNN").tag(sync=True)
    hidden_size = Whole(1, LIMITS["hidden"], default_value=4).tag(sync=True)
    case = Whole(0, len(CASES), default_value=0).tag(sync=True)
    suspect = Choice(("", *LINES), default_value="").tag(sync=True)

    _esm = bundle(
        "gradient_detective/view.js",
        {**facts(), "gradient_detective/facts.js": constants(LIMITS=LIMITS, DEFAULTS=defaults(vars()))},
    )
    _css = style("ui/base.css", "ui/network.css", "gradient_detective/style.css")

    @property
    def functions(self):
        """(forward, backward) of the case."""
        return mutant([*CASES.values()][self.case - 1]) if self.case else (rnn.forward, bptt.backward)

    @property
    def h0(self):
        """The state that the text is read from: the last one of reading it from zero."""
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
        return key, {"case": self.case, "text": self.text, "H": self.hidden_size}

    def _figure(self, plots):
        return plots.plot_check(self.report)
