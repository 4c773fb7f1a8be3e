"""A finding of the doctor, and how findings are shown and counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

PROBLEM_EXIT, WARNING_EXIT = 1, 2


class Level(StrEnum):
    """PROBLEM: something does not work. WARNING: it will stop, or works badly. UNCHECKED: not possible from here."""

    PROBLEM = "problem"
    WARNING = "warning"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong (or could not be checked), in words, and the next step. Neither holds a secret."""

    level: Level
    part: str
    finding: str
    step: str

    def line(self) -> str:
        """Return the finding as one line of text."""
        return f"{self.level.upper():9} {self.part}: {' '.join(self.finding.split()).rstrip('.')}. Next: {self.step}"


def problem(part: str, finding: str, step: str) -> Finding:
    """Return a finding about something that does not work."""
    return Finding(Level.PROBLEM, part, finding, step)


def warning(part: str, finding: str, step: str) -> Finding:
    """Return a finding about something that will stop, or works badly."""
    return Finding(Level.WARNING, part, finding, step)


def unchecked(part: str, finding: str, step: str) -> Finding:
    """Return that a check was not possible with what this process has."""
    return Finding(Level.UNCHECKED, part, finding, step)


def exit_status(findings: Iterable[Finding]) -> int:
    """Return 1 with a problem, else 2 with a warning, else 0; a check that was not possible counts for nothing."""
    levels = {one.level for one in findings}
    return PROBLEM_EXIT if Level.PROBLEM in levels else WARNING_EXIT if Level.WARNING in levels else 0
