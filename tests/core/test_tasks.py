"""The texts whose difficulty is a lag: their lines, the lag, and the same texts in the page."""

import re

import numpy as np
import pytest
from javascript import bundled, entry_of

from rnnlib import tasks

KINDS = ("recall", "brackets", "sums")


def made(kind, n, seed=0, **options):
    return getattr(tasks, kind)(n, rng=np.random.default_rng(seed), **options)


def rule(kind, line):
    """What is to be recalled in a line, from the rest of it: written down anew."""
    if kind == "recall":
        return line[0].upper()
    if kind == "brackets":
        return "".join({"(": ")", "[": "]", "{": "}", "<": ">"}[sign] for sign in line[: len(line) // 2])[::-1]
    return "⓪①②③④"[sum(map(int, re.findall(r"\d", line.partition("=")[0])))]


@pytest.mark.parametrize("n", [1, 2, 7, 16])
@pytest.mark.parametrize("kind", KINDS)
def test_every_line_ends_with_what_its_beginning_says(kind, n):
    task = made(kind, n)
    lines = task.text.splitlines()
    assert {len(line) + 1 for line in lines} == {task.steps} and task.text.endswith("\n")
    assert 2000 - task.steps < len(task.text) <= 2000
    for line in lines:
        due = rule(kind, line)
        assert line.endswith(due) and [sign for sign in line if sign in task.recalled] == list(due)
    assert len(set(lines)) > len(lines) / 2 or n < 3  # they differ
    assert len(task.recalled) in (4, 5)


def test_the_lags_are_those_that_the_words_say():
    line = made("recall", 10).text.splitlines()[0]
    assert line.index("?") - 0 == 11  # steps from reading the letter to predicting it
    depth = made("brackets", 5).text.splitlines()[0]
    assert len(depth) - 2 == 2 * 5 - 2
    sums = [line for line in made("sums", 6).text.splitlines() if line[0] != "."]
    assert sums and all(line.index("=") == 6 + 2 for line in sums)


def test_they_look_as_their_words_show_them():
    assert re.fullmatch(r"([abcd][wxyz]{3}\?[ABCD]\n)+", made("recall", 3).text)
    assert re.fullmatch(r"([(\[{<]{3}[)\]}>]{3}\n)+", made("brackets", 3).text)
    assert re.fullmatch(r"([.012]{5}=[⓪①②③④]\n)+", made("sums", 3).text)
    assert all(len(re.findall(r"\d", line)) == 2 for line in made("sums", 3).text.splitlines())


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_makes_the_same_text(kind):
    entry = entry_of("engine/tasks.js", "engine/random.js")
    with bundled("entry.js", {"entry.js": entry}) as engine:
        for n, seed, options in ((1, 0, {}), (10, 3, {}), (24, 7, {}), (5, 1, {"length": 30})):
            got = engine.call(
                """({ makeTask, sizeOfTask, generator }, kind, n, seed, length) => {
                  const task = makeTask(kind, n, generator(seed), length ?? undefined);
                  return [task, sizeOfTask(kind, task.steps), sizeOfTask(kind, 2) ?? null]; }""",
                kind, n, seed, options.get("length"),
            )  # fmt: skip
            assert got == [made(kind, n, seed, **options)._asdict(), n, None]


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_made_is_refused(kind):
    name = "depth" if kind == "brackets" else "fillers"
    rng = np.random.default_rng(0)
    make = getattr(tasks, kind)
    for value, error in ((0, ValueError), (1.5, TypeError), (True, TypeError)):
        with pytest.raises(error, match=f"{name}: expected .*at least 1, got"):
            make(value, rng=rng)
    steps = made(kind, 9).steps
    with pytest.raises(
        ValueError, match=f"length: expected at least the {steps} characters of one line, got {steps - 1}"
    ):
        make(9, rng=rng, length=steps - 1)
    assert len(make(9, rng=rng, length=steps).text) == steps
    with pytest.raises(TypeError, match=r"rng: expected a numpy\.random\.Generator"):
        make(9, rng=0)
    with bundled("entry.js", {"entry.js": entry_of("engine/tasks.js", "engine/random.js")}) as engine:
        told = engine.call(
            """({ makeTask, generator }, kind, short) => [[kind, 0], [kind, 1.5], ["lag", 1], [kind, 9, short]].map(
              ([kind, n, length]) => {
                try { makeTask(kind, n, generator(0), length); } catch (error) { return error.message; }
              })""",
            kind, steps - 1,
        )  # fmt: skip
    expected = [f"{name}: expected", f"{name}: expected", "kind: expected one of recall, brackets, sums", "length: exp"]
    assert all(message.startswith(start) for message, start in zip(told, expected, strict=True)), told
