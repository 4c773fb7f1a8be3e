"""What the model reads: the customer's messages and a person's words as a history that every model API accepts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage

from graph.contract.state import CompanyMessage, Inbound, TurnInput
from graph.history.descriptions import clean, describe
from graph.policy.masking import mask

__all__ = ["after_last_customer_message", "clean", "mark_unsent", "messages_of_turn", "unanswered_messages"]

PICTURES = ("image/jpeg", "image/png", "image/webp", "image/gif")
NOTHING_READ: Mapping[str, str] = MappingProxyType({})
UNSENT = "[esta resposta não chegou ao cliente]"


def messages_of_turn(turn: TurnInput, read: Mapping[str, str] = NOTHING_READ) -> list[AnyMessage]:
    """The turn's input as messages, in order; ``read``: what files say, by message id.

    Ids: the wamid; for a person's words the turn's id and a number. Card and document numbers are masked.
    """
    said = [_company_message(f"{turn.turn_id}:since:{number}", words) for number, words in enumerate(turn.since)]
    return [*said, *(_said(message, read.get(message.id, "")) for message in turn.inbound)]


def after_last_customer_message(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """What was said since the customer's last message."""
    start = next((n for n in range(len(messages), 0, -1) if isinstance(messages[n - 1], HumanMessage)), 0)
    return list(messages[start:])


def unanswered_messages(messages: Sequence[AnyMessage]) -> list[HumanMessage]:
    """The customer's messages of the turn that is under way: those since somebody last answered in words."""
    asked: list[HumanMessage] = []
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            asked.insert(0, message)
        elif isinstance(message, AIMessage) and not message.tool_calls:
            break
    return asked


def mark_unsent(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """The history whose last answer says that the customer never got it."""
    last = next((one for one in reversed(messages) if isinstance(one, AIMessage) and not one.tool_calls), None)
    return [AIMessage(f"{UNSENT}\n{one.text}", id=one.id) if one is last else one for one in messages]


def _said(message: Inbound, read: str) -> HumanMessage:
    text = mask(describe(message))
    return HumanMessage(f"{text}\n{read}" if read else text, id=message.id, additional_kwargs=_picture(message))


def _picture(message: Inbound) -> dict[str, Any]:
    """What the history keeps of a picture, so that the model can be shown it: its id at the gateway and its type."""
    media = message.media
    kind = media.mime_type.split(";")[0].strip().lower() if media else ""
    if media is None or message.kind != "image" or media.status != "stored" or not media.id or kind not in PICTURES:
        return {}
    return {"picture": {"id": media.id, "mime_type": kind}}


def _company_message(message_id: str, words: CompanyMessage) -> AIMessage:
    # The company's side of the conversation; the name tells the model that a colleague said it, or no person at all.
    name = "mensagem_automatica" if words.kind == "template" else "atendente"
    return AIMessage(mask(clean(words.text)), id=message_id, name=name)
