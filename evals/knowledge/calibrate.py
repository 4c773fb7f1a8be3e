"""Fit the rule by which a passage answers (`graph/knowledge/confidence.py`) to questions that measure nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

STEPS = 6000
PACE = 0.5


@dataclass(frozen=True)
class Example:
    """The best passage of a question: coverage, evidence and similarity (none without vectors)."""

    values: tuple[float, ...]
    answers: bool


def fitted(examples: Sequence[Example]) -> list[float]:
    """Return constant and weights of the logistic rule that fits best; both kinds of examples count the same."""
    weights = [0.0] * (1 + len(examples[0].values))
    share = sum(one.answers for one in examples) / len(examples)
    counts = {True: 0.5 / share, False: 0.5 / (1 - share)}
    for _ in range(STEPS):
        slope = [0.0] * len(weights)
        for one in examples:
            given = (1.0, *one.values)
            odds = sum(weight * value for weight, value in zip(weights, given, strict=True))
            miss = counts[one.answers] * (one.answers - 1 / (1 + math.exp(-odds)))
            slope = [total + miss * value for total, value in zip(slope, given, strict=True)]
        weights = [weight + PACE * total / len(examples) for weight, total in zip(weights, slope, strict=True)]
    return weights
