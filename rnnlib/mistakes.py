"""A gallery of real mistakes in gradient code: each is the library's own source with one place changed.

They are easy to make in a recurrent network written by hand, and most of them still train: the loss falls, and only a
gradient check finds them. The chapter on checking shows them all; the widget `GradientDetective` has those of
`MISTAKES` and `BATCH_MISTAKES`, two of them together, and one of `MORE_MISTAKES`. `mutant` gives the wrong functions,
with one mistake or with several, so that everything said about a mistake is computed with it.
"""

import linecache
import types
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import bptt, rnn
from .loss import cross_entropy
from .rnn import Params


class Mistake(NamedTuple):
    """One change to the source of the library that makes it wrong; the rest shows it in the widget `GradientDetective`.

    What the widget says about a mistake is in its words as `mistake_<name>`; one without a case is not shown there.
    """

    name: str
    line: str  # the step of the computation that is at fault; see `GradientDetective` for the ten of them
    file: str  # of the library: rnn.py holds forward, bptt.py holds backward
    right: str  # occurs exactly once in that file
    wrong: str
    case: int = 0  # its number in the widget
    code: str = ""  # the line at fault as the widget shows it
    right_js: str = ""  # the same change in engine/batch.js, where this occurs exactly once
    wrong_js: str = ""
    batch_code: str = ""  # the line at fault for a batch, where it differs


_SLOPE = "dh[t] * (1 - trace.h[t] ** 2)"
_SLOPE_JS = "dht[j] * (1 - ht[j] * ht[j])"
_SUMS_JS = "addProductGradients(dhPrevious, dWhh, dat, hPrevious, Whh)"
_TRANSPOSED_JS = "n >= B ? Whh.map((_, i) => Whh[(i % H) * H + Math.floor(i / H)]) : Whh"
_FUTURE_JS = "dht = rowOf(dh, dh, n, H)"
_ROW_JS = "dWxh[ids[n] * H + j] += dat[j]"
_PRODUCT = "sum({}[t].T @ da[t] for t in range(T))"  # dWhh of a batch

MISTAKES = (
    Mistake(
        name="no_tanh", line="state", file="rnn.py",
        right="h[t] = np.tanh(a[t])",
        wrong="h[t] = a[t]",
        case=10, code="    h[t] = a[t]",
        right_js="ht[j] = Math.tanh(at[j])",
        wrong_js="ht[j] = at[j]",
    ),
    Mistake(
        name="lost_state", line="before", file="bptt.py",
        right="([trace.h0[None], ",
        wrong="([np.zeros_like(trace.h0)[None], ",
        case=3, code="h_prev = np.vstack([[0 * h0], h[:-1]])",
        right_js="rowOf(h, h0, n - B, H)",
        wrong_js="rowOf(h, new Float64Array(B * H), n - B, H)",
    ),
    Mistake(
        name="not_transposed", line="back", file="bptt.py",
        right="dh_next = da[t] @ Whh.T",
        wrong="dh_next = da[t] @ Whh",
        case=8, code="    dh_next = da[t] @ Whh",
        right_js=_SUMS_JS,
        wrong_js=_SUMS_JS.replace("Whh)", f"{_TRANSPOSED_JS})"),
    ),
    Mistake(
        name="late", line="dWhh", file="bptt.py",
        right="Whh=h_prev.T @ da_rows",
        wrong="Whh=h.T @ da_rows",
        case=6, code="dWhh = h.T @ da",
        right_js=_SUMS_JS,
        wrong_js=_SUMS_JS.replace(" hPrevious", " ht"),
        batch_code=f"dWhh = {_PRODUCT.format('h')}",
    ),
    Mistake(
        name="no_mean", line="mean", file="bptt.py",
        right="do /= y.size",
        wrong="do /= 1",
        case=2, code="# do /= y.size",
        right_js="dO[i] /= N",
        wrong_js="dO[i] /= 1",
    ),
    Mistake(
        name="slope_of_a", line="slope", file="bptt.py",
        right=_SLOPE,
        wrong="dh[t] * (1 - trace.a[t] ** 2)",
        case=11, code="    da[t] = dh[t] * (1 - a[t] ** 2)",
        right_js=_SLOPE_JS,
        wrong_js="dht[j] * (1 - a[n * H + j] ** 2)",
    ),
    Mistake(
        name="slope_inverse", line="slope", file="bptt.py",
        right=_SLOPE,
        wrong="dh[t] / (1 - trace.h[t] ** 2)",
        case=7, code="    da[t] = dh[t] / (1 - h[t] ** 2)",
        right_js=_SLOPE_JS,
        wrong_js="dht[j] / (1 - ht[j] * ht[j])",
    ),
    Mistake(
        name="no_future", line="future", file="bptt.py",
        right="do[t] @ Why.T + dh_next",
        wrong="do[t] @ Why.T",
        case=4, code="    dh[t] = do[t] @ Why.T",
        right_js=_FUTURE_JS,
        wrong_js=f"{_FUTURE_JS}.fill(0)",
    ),
    Mistake(
        name="whole_softmax", line="softmax", file="rnn.py",
        right="softmax(o))",
        wrong="softmax(o.reshape(-1)).reshape(o.shape))",
        case=5, code="yhat = np.exp(o) / np.exp(o).sum()",
        right_js="softmax(o, V)",
        wrong_js="softmax(o, o.length)",
    ),
    Mistake(
        name="clipped", line="dWhh", file="bptt.py",
        right="Whh=h_prev.T @ da_rows",
        wrong="Whh=(h_prev.T @ da_rows).clip(-0.01, 0.01)",
        case=9, code="dWhh = (h_prev.T @ da).clip(-0.01, 0.01)",
        right_js="Whh: dWhh,",
        wrong_js="Whh: dWhh.map((x) => Math.max(-0.01, Math.min(0.01, x))),",
        batch_code=f"dWhh = {_PRODUCT.format('h_prev')}.clip(-0.01, 0.01)",
    ),
    Mistake(
        name="one_step_bias", line="dbh", file="bptt.py",
        right="bh=da_rows.sum(axis=0)",
        wrong="bh=da[0].reshape(-1, H).sum(axis=0)",
        case=1, code="dbh = da[0]",
        right_js="dbh[j] += dat[j]",
        wrong_js="dbh[j] += n < B ? dat[j] : 0",
        batch_code="dbh = da[0].sum(axis=0)",
    ),
)  # fmt: skip


# Two more that a single sequence shows. They are not in the gallery of the chapter: the first is a case of the widget,
# whose line is not one of the ten; the second tells the widget where a mistake in its third line shows.
MORE_MISTAKES = (
    Mistake(  # of the steps that read one character, only the last adds to its row
        name="repeated_steps", line="dWxh", file="bptt.py",
        right="np.add.at(dWxh, trace.x.reshape(-1), da_rows)",
        wrong="dWxh[trace.x.reshape(-1)] += da_rows",
        case=13, code="dWxh[x] += da",
        right_js=_ROW_JS,
        wrong_js=f"{_ROW_JS[:-6]}ids.includes(ids[n], n + 1) ? 0 : dat[j]",
    ),
    Mistake(
        name="no_target", line="error", file="bptt.py",
        right="y[..., None], axis=-1) - 1",
        wrong="y[..., None], axis=-1) - 0",
        code="do = yhat.copy()",
    ),
)  # fmt: skip

# A single sequence does not show these: the wrong source is right for it.
BATCH_MISTAKES = (
    Mistake(  # NumPy adds once for each row that is named, however often it is named
        name="repeated", line="dWxh", file="bptt.py",
        right="np.add.at(dWxh, trace.x.reshape(-1), da_rows)",
        wrong="for t in range(T): dWxh[trace.x[t]] += da[t]",
        case=14, code="for t in range(T): dWxh[x[t]] += da[t]",
        right_js=_ROW_JS,
        wrong_js=f"{_ROW_JS[:-6]}ids.slice(n + 1, n + B - n % B).includes(ids[n]) ? 0 : dat[j]",
    ),
    Mistake(
        name="mean_over_steps", line="mean", file="bptt.py",
        right="do /= y.size",
        wrong="do /= len(y)",
        case=15, code="do /= len(y)",
        right_js="dO[i] /= N",
        wrong_js="dO[i] /= N / B",
    ),
    Mistake(
        name="first_sequence", line="dbh", file="bptt.py",
        right="bh=da_rows.sum(axis=0)",
        wrong="bh=da.reshape(T, -1, H)[:, 0].sum(axis=0)",
        case=16, code="dbh = da[:, 0].sum(axis=0)",
        right_js="dbh[j] += dat[j]",
        wrong_js="dbh[j] += n % B ? 0 : dat[j]",
    ),
    Mistake(
        name="shared_future", line="back", file="bptt.py",
        right="dh_next = da[t] @ Whh.T",
        wrong="dh_next = (da[t] @ Whh.T).reshape(-1, H).mean(axis=0)",
        case=17, code="    dh_next = (da[t] @ Whh.T).mean(axis=0)",
        right_js=f"{_SUMS_JS};",
        wrong_js=f"""const sent = n < B ? dhPrevious : new Float64Array(H);
    {_SUMS_JS.replace("dhPrevious", "sent")};
    const before = (n - n % B - B) * H; // the row of the first sequence, one step earlier
    for (let i = 0; n >= B && i < B * H; i++) dh[before + i] += sent[i % H] / B;""",
    ),
)  # fmt: skip

# The check finds these, and does not know them: its report says what the errors show.
UNKNOWN_MISTAKES = (
    Mistake(
        name="faded_future", line="future", file="bptt.py",
        right="do[t] @ Why.T + dh_next",
        wrong="do[t] @ Why.T + 0.9 * dh_next",
        code="    dh[t] = do[t] @ Why.T + 0.9 * dh_next",
    ),
    Mistake(
        name="half_future", line="future", file="bptt.py",
        right="do[t] @ Why.T + dh_next",
        wrong="do[t] @ Why.T + dh_next * (1 if t > T // 2 else 0.5)",
        code="    dh[t] = do[t] @ Why.T + dh_next * (1 if t > T // 2 else 0.5)",
    ),
)  # fmt: skip


@cache
def mutant(mistake: Mistake, *others: Mistake) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """(forward, backward) with the mistakes in them; a function without a mistake is the library's own.

    `patched` is another name for this function. The changed source runs as a separate module, and the library stays as
    it is. The module uses the library's classes, so that its functions work together with all others. Raises
    RuntimeError when the right text of a mistake does not occur exactly once in the file, because the
    source has been edited or because two mistakes change the same place.
    """
    mistakes = (mistake, *others)
    functions = {"rnn.py": rnn.forward, "bptt.py": bptt.backward}
    for file, module in (("rnn.py", rnn), ("bptt.py", bptt)):
        if changes := [one for one in mistakes if one.file == file]:
            functions[file] = getattr(_changed(module, changes), functions[file].__name__)
    return functions["rnn.py"], functions["bptt.py"]


patched = mutant


def _changed(original, mistakes):
    """A copy of a module with the mistakes in its source."""
    source = original.__spec__.loader.get_source(original.__name__)
    for mistake in mistakes:
        found = source.count(mistake.right)
        if found != 1:
            expected = f"expected {mistake.right!r} once in {mistake.file}"
            raise RuntimeError(f"{mistake.name}: {expected}, found it {found} times")
        source = source.replace(mistake.right, mistake.wrong)
    names = "_".join(mistake.name for mistake in mistakes)
    name = f"<{mistakes[0].file} with the mistake {names}>"
    linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name  # for tracebacks and inspect
    module = types.ModuleType(f"{original.__name__}_{names}")
    module.__package__ = original.__package__
    exec(compile(source, name, "exec"), vars(module))
    vars(module).update({name: value for name, value in vars(original).items() if isinstance(value, type)})
    return module


def gradient_descent(
    params: Params,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    h0: npt.ArrayLike | None,
    *,
    updates: int,
    rate: float,
    forward: Callable[..., Any] = rnn.forward,
    backward: Callable[..., Any] = bptt.backward,
) -> tuple[np.ndarray, Params]:
    """(losses, params) of plain gradient descent on the mean loss: p ← p - rate · dp, always from the state h0.

    rate: the learning rate. losses: the loss before the first update and after each one, `updates` + 1 numbers. The
    descent ends before a loss or a parameter that is not finite: the remaining losses are NaN, and params are those of
    the last finite loss. `descend` is another name for this function.
    """
    losses, reached = np.full(updates + 1, np.nan), params
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for update in range(updates + 1):
            trace = forward(params, x, h0)
            if not np.isfinite(trace.o).all():
                break
            losses[update], reached = cross_entropy(trace.o, y), params
            grads = backward(params, trace, y, reduction="mean")
            params = Params(*(p - rate * getattr(grads, name) for name, p in params._asdict().items()))
            if not all(np.isfinite(p).all() for p in params):
                break
    return losses, reached


descend = gradient_descent
