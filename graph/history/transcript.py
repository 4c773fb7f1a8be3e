"""The transcript that the model reads: the customer's and the company's messages, in the form of chat messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage

from graph.contract.state import CompanyMessage, Inbound, TurnInput
from graph.history.descriptions import describe
from graph.history.words import clean
from graph.policy.masking import mask, mask_together

__all__ = ["after_last_customer_message", "clean", "mark_unsent", "messages_of_turn", "unanswered_messages"]

PICTURES = ("image/jpeg", "image/png", "image/webp", "image/gif")
NOTHING_READ: Mapping[str, str] = MappingProxyType({})
UNSENT = "[esta resposta não chegou ao cliente]"


def messages_of_turn(turn: TurnInput, read: Mapping[str, str] = NOTHING_READ) -> list[AnyMessage]:
    """Return the turn's input as messages, in order; `read`: the contents of files, by message id.

    The id of a message is its wamid; that of a company's message the turn's id and a number. Card and document numbers
    are masked.
    """
    company = [_company_message(f"{turn.turn_id}:since:{number}", words) for number, words in enumerate(turn.since)]
    texts = mask_together([describe(message) for message in turn.inbound])
    customer = zip(turn.inbound, texts, strict=True)
    return [*company, *(_customer_message(message, text, read.get(message.id, "")) for message, text in customer)]


def after_last_customer_message(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """Return the messages after the customer's last message."""
    start = next((n for n in range(len(messages), 0, -1) if isinstance(messages[n - 1], HumanMessage)), 0)
    return list(messages[start:])


def unanswered_messages(messages: Sequence[AnyMessage]) -> list[HumanMessage]:
    """Return the customer's messages of the current turn: those since the last answer in words."""
    asked: list[HumanMessage] = []
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            asked.insert(0, message)
        elif isinstance(message, AIMessage) and not message.tool_calls:
            break
    return asked


def mark_unsent(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """Return the history with a note on its last answer that the customer never received it."""
    last = next((one for one in reversed(messages) if isinstance(one, AIMessage) and not one.tool_calls), None)
    return [AIMessage(f"{UNSENT}\n{one.text}", id=one.id) if one is last else one for one in messages]


def _customer_message(message: Inbound, text: str, read: str) -> HumanMessage:
    return HumanMessage(f"{text}\n{read}" if read else text, id=message.id, additional_kwargs=_picture(message))


def _picture(message: Inbound) -> dict[str, Any]:
    """Return the reference by which the model can be shown a picture later: its id at the gateway and its type."""
    media = message.media
    kind = media.mime_type.split(";")[0].strip().lower() if media else ""
    if media is None or message.kind != "image" or media.status != "stored" or not media.id or kind not in PICTURES:
        return {}
    return {"picture": {"id": media.id, "mime_type": kind}}


def _company_message(message_id: str, words: CompanyMessage) -> AIMessage:
    # The name tells the model that a colleague wrote the message, or that it was sent automatically.
    name = "mensagem_automatica" if words.kind == "template" else "atendente"
    return AIMessage(mask(clean(words.text)), id=message_id, name=name)
