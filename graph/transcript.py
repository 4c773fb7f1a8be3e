"""What the model reads: the customer's messages and a person's words as a history that every model API accepts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from graph.masking import mask
from graph.state import Inbound, Meanwhile, TurnInput

MEDIA_NAMES = {
    "image": "imagem",
    "audio": "áudio",
    "video": "vídeo",
    "document": "documento",
    "sticker": "figurinha",
}
# Why a file cannot be looked at (the statuses of the run contract).
NOT_STORED = {
    "too_large": "grande demais para ser aberto",
    "expired": "não está mais disponível, peça de novo",
    "failed": "não foi possível recebê-lo, peça de novo",
}
PICTURES = ("image/jpeg", "image/png", "image/webp", "image/gif")
NOTHING_READ: Mapping[str, str] = MappingProxyType({})
UNSENT = "[esta resposta não chegou ao cliente]"
# What happened is not known: the process may have died before, during or after the effect.
INTERRUPTED = "A ferramenta foi interrompida e não respondeu. Verifique o resultado antes de afirmar qualquer coisa."


def clean(text: str) -> str:
    """The text without what databases, models and phones refuse: NUL is dropped, a lone surrogate becomes U+FFFD."""
    return text.replace("\0", "").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def messages_of(turn: TurnInput, read: Mapping[str, str] = NOTHING_READ) -> list[AnyMessage]:
    """The turn's input as messages, in order; ``read``: what files say, by message id.

    Ids: the wamid; for a person's words the turn's id and a number. Card and document numbers are masked.
    """
    said = [_said_meanwhile(f"{turn.turn_id}:since:{number}", words) for number, words in enumerate(turn.since)]
    return [*said, *(_said(message, read.get(message.id, "")) for message in turn.inbound)]


def of_turn(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """What was said since the customer's last message."""
    start = next((n for n in range(len(messages), 0, -1) if isinstance(messages[n - 1], HumanMessage)), 0)
    return list(messages[start:])


def asked_now(messages: Sequence[AnyMessage]) -> list[HumanMessage]:
    """The customer's messages of the turn that is under way: those since somebody last answered in words."""
    asked: list[HumanMessage] = []
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            asked.insert(0, message)
        elif isinstance(message, AIMessage) and not message.tool_calls:
            break
    return asked


def describe(message: Inbound) -> str:
    """One message of the customer in words; what is not text stands in brackets. Never empty."""
    body = " ".join(part for part in (_notice(message), clean(message.text or "").strip()) if part)
    quoted = clean(message.context.text) if message.context and message.context.text else ""
    return (f"[em resposta a: {quoted}]\n" if quoted else "") + (body or "[mensagem vazia]")


def unanswered_calls(messages: Sequence[AnyMessage]) -> list[str]:
    """Ids of the tool calls that have no answer, in order."""
    answered = {message.tool_call_id for message in messages if isinstance(message, ToolMessage)}
    calls = [call["id"] for message in messages if isinstance(message, AIMessage) for call in message.tool_calls]
    return [call for call in calls if call and call not in answered]


def close_calls(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """The history with an answer to every tool call: model APIs refuse one without, and would do so for ever."""
    missing = set(unanswered_calls(messages))
    closed: list[AnyMessage] = []
    for message in messages:
        closed.append(message)
        if isinstance(message, AIMessage):
            closed += [_interrupted(call["id"]) for call in message.tool_calls if call["id"] in missing]
    return closed


def mark_unsent(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """The history whose last answer says that the customer never got it."""
    last = next((one for one in reversed(messages) if isinstance(one, AIMessage) and not one.tool_calls), None)
    return [AIMessage(f"{UNSENT}\n{one.text}", id=one.id) if one is last else one for one in messages]


def _interrupted(call_id: str | None) -> ToolMessage:
    return ToolMessage(INTERRUPTED, tool_call_id=call_id, id=f"interrupted:{call_id}", status="error")


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


def _said_meanwhile(message_id: str, words: Meanwhile) -> AIMessage:
    # The company's side of the conversation; the name tells the model that a colleague said it.
    return AIMessage(mask(clean(words.text)), id=message_id, name="atendente")


def _notice(message: Inbound) -> str:
    """What the customer did besides writing text, in brackets; empty for plain text."""
    match message.kind:
        case "text" | "button":
            return ""
        case kind if kind in MEDIA_NAMES:
            return _media_notice(message)
        case "interactive":
            return clean(message.interactive.title) if message.interactive and not message.text else ""
        case "location":
            return _location_notice(message)
        case "contacts":
            return _contacts_notice(message)
        case "reaction":
            return _reaction_notice(message)
        case "order":
            return _order_notice(message)
        case _:
            return "[mensagem de um tipo que não é possível ler aqui]"


def _media_notice(message: Inbound) -> str:
    media = message.media
    filename = f": {clean(media.filename)}" if media and media.filename else ""
    lost = f", {NOT_STORED[media.status]}" if media and media.status in NOT_STORED else ""
    return f"[{MEDIA_NAMES[message.kind]}{filename}{lost}]"


def _location_notice(message: Inbound) -> str:
    place = message.location
    if place is None:
        return "[localização]"
    names = ", ".join(clean(name) for name in (place.name, place.address) if name)
    return f"[localização: {names + ' ' if names else ''}({place.latitude}, {place.longitude})]"


def _reaction_notice(message: Inbound) -> str:
    emoji = clean(message.reaction.emoji) if message.reaction else ""
    return f"[reagiu com {emoji}]" if emoji else "[retirou a reação]"


def _contacts_notice(message: Inbound) -> str:
    cards = "; ".join(filter(None, map(_card, message.contacts or [])))
    return f"[contatos enviados: {len(message.contacts or [])}{f': {clean(cards)}' if cards else ''}]"


def _card(contact: dict[str, Any]) -> str:
    """Name and numbers of a contact card in the Cloud API's form; empty where it holds neither."""
    name = contact.get("name")
    shown = name.get("formatted_name") if isinstance(name, dict) else None
    phones = contact.get("phones")
    numbers = [one.get("phone") for one in phones if isinstance(one, dict)] if isinstance(phones, list) else []
    return " ".join(str(part) for part in [shown, *numbers] if part)


def _order_notice(message: Inbound) -> str:
    items = (message.order or {}).get("items")
    known = [one for one in items if isinstance(one, dict)] if isinstance(items, list) else []
    listed = clean(", ".join(f"{one.get('quantity')} x {one.get('product')}" for one in known))
    return f"[pedido feito pelo catálogo{f': {listed}' if listed else ''}]"
