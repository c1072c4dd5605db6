"""What a gradient check found, and how it is printed."""

from typing import NamedTuple

import numpy as np

from ._numeric import NAMES, relative_errors


class Check(NamedTuple):
    """The verdict on the gradient with respect to one parameter."""

    name: str
    ok: bool
    error: float  # the largest |given - expected| / scale; infinite where the two cannot be compared
    index: tuple | None  # the entry with the largest error; None for a wrong shape or for an array without numbers
    given: float  # the two numbers at this index
    expected: float
    cause: str  # in plain words; empty if nothing is wrong, or if the known mistakes do not explain all that is wrong


class Report(NamedTuple):
    """What `check_gradients` found: print it. Its dicts have one entry for every gradient that was given."""

    method: str
    tolerance: float
    checks: dict[str, Check]  # name -> Check
    given: dict[str, np.ndarray]  # name -> what backward returned, as an array
    expected: dict[str, np.ndarray]  # name -> the derivatives of the loss, in its shape; NaN where not checked
    scales: dict[str, float]  # name -> the number that errors are relative to
    findings: tuple[str, ...] = ()  # where no cause is known: what the errors show of the wrong gradients
    blind_spots: tuple[str, ...] = ()  # mistakes that change nothing at this point, so that no check can see them
    names: tuple[str, ...] = NAMES  # of all gradients of the cell

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """name -> (how many entries were checked, how many there are)."""
        return {name: (int((~np.isnan(array)).sum()), array.size) for name, array in self.expected.items()}

    @property
    def ok(self) -> bool:
        """Whether every gradient that was given is right, at each entry that was checked."""
        return all(check.ok for check in self.checks.values())

    @property
    def relative_errors(self) -> dict[str, np.ndarray]:
        """name -> |given - expected| / scale, in its shape: what a heat map shows. NaN where not checked."""
        return {name: relative_errors(self.given[name], self.expected[name], s) for name, s in self.scales.items()}

    def __str__(self) -> str:
        wrong = [check.name for check in self.checks.values() if not check.ok]
        checked, entries = (sum(numbers) for numbers in zip(*self.counts.values(), strict=True))
        sample = f", {checked:,} of {entries:,} entries" if checked < entries else ""
        verdict = f"wrong: {', '.join(wrong)}" if wrong else "every gradient is right"
        if sample and not wrong:
            verdict = "every entry checked is right"
        method = {"complex": "complex steps", "central": "central differences"}[self.method]
        lines = [f"{method}, tolerance {self.tolerance:.1e}{sample}: {verdict}", *self._table()]
        for cause in dict.fromkeys(check.cause for check in self.checks.values() if check.cause):
            lines.append(f"{', '.join(name for name, check in self.checks.items() if check.cause == cause)}: {cause}")
        lines += self.findings
        absent = [name for name in self.names if name not in self.checks]
        if absent:
            lines.append(f"not checked, because backward returned no gradient for them: {', '.join(absent)}")
        return "\n".join(lines + [f"not detectable here: {spot}" for spot in self.blind_spots])

    def __repr__(self) -> str:
        return str(self)

    def _table(self):
        """One line for each gradient, below a line of headings, in columns."""
        rows = [("", "shape", "worst error", "at", " given", " expected", "")]
        for name, ok, error, index, given, expected, _ in self.checks.values():
            at, shape = "-" if index is None else str(index), str(self.expected[name].shape)
            rows.append((name, shape, f"{error:.1e}", at, f"{given: .6g}", f"{expected: .6g}", "ok" if ok else "WRONG"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
