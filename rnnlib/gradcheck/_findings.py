"""What the errors show of a wrong gradient whose cause is not known: where it is right, and from which step on not."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ._diagnosis import MATCH, Evidence, fits_the_loss
from ._replay import Replay


def findings(
    evidence: dict[str, Evidence], given_steps: Mapping[str, np.ndarray], right: Any, replay: Replay | None
) -> tuple[str, ...]:
    """Sentences about wrong gradients that no known mistake explains.

    given_steps: do, dh, da where `backward` returned them; they are compared with those of `right`, what a right pass
    returns for this trace, None where there is none.
    """
    known = [name for name, e in evidence.items() if e.ok]
    wrong = [name for name, e in evidence.items() if not e.ok]
    lines = ["no known mistake explains all that is wrong; what the errors do show:"]
    if known:
        lines.append(f"right: {', '.join(known)}; wrong: {', '.join(wrong)}")
    lines += [line for name in wrong for line in _place(name, evidence[name])]
    if right is not None and fits_the_loss(lambda name: getattr(right, name), evidence):
        steps = [line for name, array in given_steps.items() for line in _steps(name, getattr(right, name), array)]
        lines += steps or (_rows(evidence, replay) if replay else ())
    return tuple(lines)


def _steps(name, right, given) -> Iterator[str]:
    close = np.abs(given - right) <= MATCH * max(np.abs(right).max(), 1e-300)
    wrong = np.flatnonzero(~close.reshape(len(right), -1).all(axis=1))
    if not len(wrong):
        yield f"{name} is right at every step"
    elif len(wrong) == len(right):
        yield f"{name} is wrong at every step, the last one too"
    elif wrong[-1] == len(right) - 1:
        yield f"{name} is wrong at {_listed(wrong)}, the last step among them, and right at the others"
    else:
        last = int(wrong[-1])
        yield f"{name} is right from step {last + 1} to the last, and wrong earlier: {_listed(wrong)}, counted from 0"


def _rows(evidence, replay) -> Iterator[str]:
    """The rows of dWxh belong to characters, and so to the steps that read them."""
    e = evidence.get("Wxh")
    if e is None or e.ok or not e.finite or not replay.has_ids:
        return
    right = replay.gradient("Wxh", replay.right)
    wrong = np.abs(e.given - right).max(axis=1) > max(MATCH, e.tolerance) * e.scale
    unread = np.setdiff1d(np.flatnonzero(wrong), replay.x)
    if len(unread):
        yield f"dWxh has numbers in row {unread[0]}, which no step reads"
    reads_wrong = np.flatnonzero(wrong[replay.x].any(axis=1))
    if not len(reads_wrong):
        return
    last = int(reads_wrong[-1])
    if last < replay.T - 1:
        yield f"the rows of dWxh that are read at step {last + 1} and later are right, so da is right there"
    alone = [t for t in reads_wrong if any(wrong[i] and (replay.x == i).sum() == 1 for i in replay.x[t])]
    if alone:
        yield f"da is wrong at step {alone[-1]}: no other step reads a certain row of dWxh, which is wrong"


def _place(name, e) -> Iterator[str]:
    """How many entries are wrong where not all are, and the row or column that has them all."""
    wrong = np.argwhere(e.errors > e.tolerance + e.doubts) if e.comparable else np.empty((0, 1))
    checked = int((~np.isnan(e.errors)).sum())
    if not 0 < len(wrong) < checked:
        return
    line = f"{name}: {len(wrong)} of {checked} entries are wrong"
    words = ("row", "column") if e.errors.ndim == 2 else ("entry",)
    shared = [f"{word} {at[0]}" for word, at in zip(words, wrong.T, strict=True) if len(set(at)) == 1]
    yield f"{line}, all in {' and '.join(shared)}" if shared else line


def _listed(steps) -> str:
    """Steps as ranges: t = 0-3, 7."""
    runs = np.split(steps, np.flatnonzero(np.diff(steps) > 1) + 1)
    return "t = " + ", ".join(f"{run[0]}" if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
