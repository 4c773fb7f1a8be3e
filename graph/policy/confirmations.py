"""Confirmations: the question before a change, and the meaning of the customer's answer.

Nothing is changed before the customer has confirmed it. A tool that changes something leaves a `Pending` in the
state; the end of the turn shows its question (`question_replies`) after all other replies. The next turn decides
without the model (`decide`): only a tap on the buttons of that question counts, or a plain yes or no if the question
alone was shown last. The pending change itself is carried out, so it is exactly the change that was shown.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from graph.contract.compose import dump, split
from graph.contract.replies import BUTTONS_BODY_LIMIT, Button, ButtonsReply, Reply, TextReply
from graph.contract.state import Inbound, MessageContext, Pending, State
from graph.prompts import TEXTS, YES_NO

# late: a yes to a question that is not open (any more). unclear: a yes together with something else.
Decision = Literal["yes", "no", "late", "unclear", "open"]
Meaning = Literal["yes", "no", "late", "thanks", "other"]

YES_ID, NO_ID = "confirm", "drop"
QUESTION_LIMIT = 4000  # characters of a question: it has to be read, and fits one text and one message with buttons
# Additions of a phone to a thumb: the tone of skin, and the mark that it is shown as a picture.
ORNAMENT = re.compile("[\U0001f3fb-\U0001f3ff\ufe0f]")


def pending_change(state: State) -> Pending | None:
    """Return the change that waits for an answer; None also if an older version left several."""
    pending = state.get("pending") or []
    return pending[0] if len(pending) == 1 else None


def question_replies(one: Pending) -> list[Reply]:
    """Return the whole question, in as many messages as it takes; the last has the buttons, which name the change.

    It is shown verbatim, because it contains the model's arguments and Markdown could hide a part of them.
    """
    *before, last = _parts(one["question"])
    buttons = [
        Button(id=f"{YES_ID}:{_name(one)}", title=TEXTS["yes"]),
        Button(id=f"{NO_ID}:{_name(one)}", title=TEXTS["no"]),
    ]
    texts = [TextReply(text=part, verbatim=True) for part in before]
    return [*texts, ButtonsReply(body=last, buttons=buttons, verbatim=True)]


def shown_last(state: State, one: Pending) -> bool:
    """Return whether the last answer was this question and nothing else: only then words are an answer to it."""
    answers = state.get("answers", [])
    return bool(answers) and answers[-1]["replies"] == dump(question_replies(one))


def decide(one: Pending | None, inbound: Sequence[Inbound], moment: datetime, *, words: bool = True) -> Decision:
    """Decide what the turn's messages answer. A no counts whatever else is said, a yes only by itself.

    `words`: False if words may be about something else; then only the question's own buttons answer it.
    """
    meant = [_meaning(message, one, words) for message in inbound]
    if "no" in meant:
        return "no"
    if "late" in meant or ("yes" in meant and not answerable(one, moment)):
        return "late"
    if "yes" not in meant:
        return "open"
    return "yes" if set(meant) <= {"yes", "thanks"} else "unclear"


def answerable(one: Pending | None, moment: datetime) -> bool:
    """Return whether there is a change to confirm and its time has not run out."""
    return one is not None and moment <= datetime.fromisoformat(one["expires_at"])


def call_id(turn_id: str) -> str:
    """Return the id of the call that carries out a yes: the same for the same turn, within OpenAI's 40 characters."""
    return f"confirm_{hashlib.sha256(turn_id.encode()).hexdigest()[:24]}"


def _parts(text: str) -> list[str]:
    """Return the text in one part, or in two, of which the last, above the buttons, refers to the first."""
    if len(text) <= BUTTONS_BODY_LIMIT:
        return [text]
    more = f"\n\n{TEXTS['ask_all']}"
    last = split(text, BUTTONS_BODY_LIMIT - len(more))[-1]
    return [text.strip().removesuffix(last).strip(), last + more]


def _name(one: Pending) -> str:
    """Return a short name of exactly this change, for the ids of its buttons."""
    whole = json.dumps([one["id"], one["tool"], one["arguments"], one["question"]], sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()[:32]


def _meaning(message: Inbound, one: Pending | None, words: bool) -> Meaning:
    chosen = message.interactive
    if chosen is None:
        return _meaning_of_words(message, one) if words else "other"
    kind, _, name = chosen.id.partition(":")
    # Only a tap on a button of ours is an answer: a template's button carries an id that others choose.
    if chosen.type != "button_reply" or kind not in (YES_ID, NO_ID):
        return "other"
    if one is not None and name == _name(one):
        return "yes" if kind == YES_ID else "no"
    return "late" if kind == YES_ID else "other"


def _meaning_of_words(message: Inbound, one: Pending | None) -> Meaning:
    if one is None or message.kind != "text" or message.referral or not _refers_to(one, message.context):
        return "other"
    words = _plain(message.text or "")
    if words in YES_NO["yes"] | YES_NO.get(f"yes_{one['tool']}", frozenset()):
        return "yes"
    return "no" if words in YES_NO["no"] else "thanks" if words in YES_NO["thanks"] else "other"


def _refers_to(one: Pending, context: MessageContext | None) -> bool:
    """Return whether a message refers to the question, or to nothing."""
    if context is None or (context.message_id is None and context.text is None):
        return context is None or not (context.product or context.forwarded)
    asked = _parts(one["question"])[-1]
    return not context.forwarded and _letters(context.text or "") == _letters(asked)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", ORNAMENT.sub("", text).lower())
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    return " ".join(re.sub(r"[.,!;]+", " ", letters).split())
