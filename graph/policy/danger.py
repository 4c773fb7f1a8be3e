"""Signs of danger to a customer's health, which have a fixed answer: no document may say otherwise."""

from __future__ import annotations

import re
import unicodedata

from graph.prompts import DANGER

SIGNS = [re.compile(sign, re.DOTALL) for sign in DANGER["signs"]]
ANSWER: str = DANGER["answer"]


def is_dangerous(text: str) -> bool:
    """Return whether a customer's words tell of such a sign."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    return any(sign.search(plain) for sign in SIGNS)
