"""Texts whose difficulty is a lag: lines at whose end something is to be recalled that was read at their beginning.

    task = tasks.recall(10, rng=np.random.default_rng(0))
    TrainingLab(cell="lstm", **task._asdict())

All lines of a text have the same length, so that windows of that length have one line each.
"""

from __future__ import annotations  # naming `np.random` would import it, which takes a while

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from . import _check

LETTERS, FILLERS = "abcd", "wxyz"
OPENING, CLOSING = "([{<", ")]}>"
SUMS = "⓪①②③④"  # of two numbers from 0 to 2
LENGTH = 2000  # of a text, at most


class Task(NamedTuple):
    """A text and what is to be recalled in it, in the names that `TrainingLab` has for them."""

    text: str
    recalled: str  # the characters that depend on what was read long before
    steps: int  # characters in a line, the end of the line counts


def recall(fillers: int, *, rng: np.random.Generator, length: int = LENGTH) -> Task:
    """Lines such as "bxwzy?B": a letter, so many random fillers, a question mark, and the letter again as a capital.

    It is predicted fillers + 1 steps after the letter was read. `length`: the characters of the text, at most.

    Raises TypeError or ValueError for fillers or a length that are not whole numbers of at least 1, a text too short
    for one line, and an rng that is not a Generator.
    """
    fillers = _check.positive_int("fillers", fillers)

    def line(u):
        letter = LETTERS[int(len(LETTERS) * u[0])]
        noise = "".join(FILLERS[int(len(FILLERS) * each)] for each in u[1:])
        return f"{letter}{noise}?{letter.upper()}\n"

    return _task(line, fillers + 1, fillers + 4, LETTERS.upper(), rng, length)


def brackets(depth: int, *, rng: np.random.Generator, length: int = LENGTH) -> Task:
    """Lines such as "([<>])": so many random brackets are opened, and all of them are closed, the last one first.

    The bracket that is closed last is predicted 2 depth - 2 steps after it was opened. Raises as `recall` does.
    """
    depth = _check.positive_int("depth", depth)

    def line(u):
        kinds = [int(len(OPENING) * each) for each in u]
        return "".join([OPENING[kind] for kind in kinds] + [CLOSING[kind] for kind in reversed(kinds)] + ["\n"])

    return _task(line, depth, 2 * depth + 1, CLOSING, rng, length)


def sums(fillers: int, *, rng: np.random.Generator, length: int = LENGTH) -> Task:
    """Lines such as "..2....1.=③": two numbers from 0 to 2 at random places among so many dots, and their sum.

    Each of them was read up to fillers + 2 steps before. Raises as `recall` does.
    """
    fillers = _check.positive_int("fillers", fillers)
    places = fillers + 2

    def line(u):
        first, second = int(places * u[0]), int((places - 1) * u[1])
        numbers = int(3 * u[2]), int(3 * u[3])
        signs = ["."] * places
        signs[first], signs[second + (second >= first)] = map(str, numbers)
        return f"{''.join(signs)}={SUMS[sum(numbers)]}\n"

    return _task(line, 4, fillers + 5, SUMS, rng, length)


def _task(
    line: Callable[[list[float]], str], draws: int, steps: int, signs: str, rng: np.random.Generator, length: int
) -> Task:
    """As many lines of `steps` characters as fit into the length, each made of so many numbers from [0, 1)."""
    rng, length = _check.generator("rng", rng), _check.positive_int("length", length)
    if length < steps:
        raise ValueError(f"length: expected at least the {steps} characters of one line, got {length}")
    text = "".join(line(rng.random(draws).tolist()) for _ in range(length // steps))
    return Task(text, "".join(sign for sign in signs if sign in text), steps)
