"""How sure it is that a passage answers a question: a logistic rule of three values, explained in docs/knowledge.md.

One similarity is no reason to answer: "qual seu nome" finds the word *nome* whole, and *vale alimentação* is close to
ways of paying. The numbers are those that `python -m evals knowledge` prints from `evals/knowledge/calibration.toml`
and `questions.toml`; no question that measures the rule (`held_out.toml`) was used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from graph.knowledge.data import Found


@dataclass(frozen=True)
class Rule:
    """The weights of a passage's values; their sum and `constant` are the log-odds that it answers."""

    constant: float
    coverage: float
    evidence: float
    similarity: float = 0.0

    def confidence(self, found: Found) -> float:
        """Return the probability that a passage answers, where half of the questions have an answer."""
        values = self.coverage * found.coverage + self.evidence * found.evidence
        odds = self.constant + values + self.similarity * (found.similarity or 0.0)
        return 1 / (1 + math.exp(-odds))


WITH_VECTORS = Rule(constant=-5.1, coverage=2.1, evidence=3.2, similarity=5.2)
WORDS_ALONE = Rule(constant=-4.5, coverage=3.3, evidence=4.0)


def confidence(found: Found) -> float:
    """Return how sure it is that a passage answers its question, 0 to 1."""
    return (WORDS_ALONE if found.similarity is None else WITH_VECTORS).confidence(found)
