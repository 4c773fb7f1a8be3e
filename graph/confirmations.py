"""Nothing is changed before the customer said yes to it: what is asked, and what an answer means.

A tool that changes something leaves a ``Pending`` in the state and ends the turn with two buttons. The next turn
decides: a button or a plain yes or no without the model, anything else with its help (``confirm_change``).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from graph.prompts import TEXTS, YES_NO
from graph.replies import Button, ButtonsReply
from graph.state import Inbound, Pending

Decision = Literal["yes", "no", "late", "open"]

YES_ID, NO_ID = "confirm", "drop"


def question(body: str, turn_id: str) -> ButtonsReply:
    """The question with its two buttons, which name the turn that asks."""
    buttons = [Button(id=f"{YES_ID}:{turn_id}", title=TEXTS["yes"]), Button(id=f"{NO_ID}:{turn_id}", title=TEXTS["no"])]
    return ButtonsReply(body=body, buttons=buttons)


def decide(pending: Sequence[Pending], inbound: Sequence[Inbound], moment: datetime, *, words: bool = True) -> Decision:
    """What the turn's messages say to the question: a no counts more than a yes, the last yes or no more than none.

    ``late``: a yes to a question that is not open (any more). ``open``: no answer, or one that takes reading.
    ``words``: False where somebody else spoke since the question; then only its own buttons answer it.
    """
    answers = [answer for message in inbound if (answer := _answer(message, pending, words))]
    if not answers:
        return "open"
    if "no" in answers:
        return "no" if pending else "open"
    if "late" in answers or not alive(pending, moment):
        return "late" if pending or "late" in answers else "open"
    return "yes"


def alive(pending: Sequence[Pending], moment: datetime) -> bool:
    """Whether there is something to confirm and time for it."""
    return bool(pending) and all(moment <= datetime.fromisoformat(one["expires_at"]) for one in pending)


def call_id(turn_id: str) -> str:
    """The id of the call that carries a yes out: the same for the same turn, and within OpenAI's 40 characters."""
    return f"confirm_{hashlib.sha256(turn_id.encode()).hexdigest()[:24]}"


def _answer(message: Inbound, pending: Sequence[Pending], words: bool) -> Decision | None:
    chosen = message.interactive.id if message.interactive else ""
    kind, _, turn_id = chosen.partition(":")
    if kind in (YES_ID, NO_ID):
        if any(one["turn_id"] == turn_id for one in pending):
            return "yes" if kind == YES_ID else "no"
        return "late" if kind == YES_ID else None
    if chosen or not pending or not words:
        return None
    said = _plain(message.text or "")
    return "yes" if said in YES_NO["yes"] else "no" if said in YES_NO["no"] else None


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text.lower())
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    return " ".join(re.sub(r"[.,!;]+", " ", letters).split())
