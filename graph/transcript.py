"""What the model reads: the customer's messages and a person's words as a history that every model API accepts."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from graph.state import Inbound, Meanwhile, TurnInput

MEDIA_NAMES = {
    "image": "imagem",
    "audio": "áudio",
    "video": "vídeo",
    "document": "documento",
    "sticker": "figurinha",
}
# What happened is not known: the process may have died before, during or after the effect.
INTERRUPTED = "A ferramenta foi interrompida e não respondeu. Verifique o resultado antes de afirmar qualquer coisa."


def clean(text: str) -> str:
    """The text without what databases, models and phones refuse: NUL is dropped, a lone surrogate becomes U+FFFD."""
    return text.replace("\0", "").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def messages_of(turn: TurnInput) -> list[AnyMessage]:
    """The turn's input as messages, in order. Ids: the wamid; for a person's words the turn's id and a number."""
    said = [_said_meanwhile(f"{turn.turn_id}:since:{number}", words) for number, words in enumerate(turn.since)]
    return [*said, *(HumanMessage(describe(message), id=message.id) for message in turn.inbound)]


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


def _interrupted(call_id: str | None) -> ToolMessage:
    return ToolMessage(INTERRUPTED, tool_call_id=call_id, id=f"interrupted:{call_id}", status="error")


def _said_meanwhile(message_id: str, words: Meanwhile) -> AIMessage:
    # The company's side of the conversation; the name tells the model that a colleague said it.
    return AIMessage(clean(words.text), id=message_id, name="atendente")


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
            return f"[contatos enviados: {len(message.contacts or [])}]"
        case "reaction":
            return _reaction_notice(message)
        case "order":
            return "[pedido feito pelo catálogo]"
        case _:
            return "[mensagem de um tipo que não é possível ler aqui]"


def _media_notice(message: Inbound) -> str:
    filename = message.media.filename if message.media else None
    return f"[{MEDIA_NAMES[message.kind]}{f': {clean(filename)}' if filename else ''}]"


def _location_notice(message: Inbound) -> str:
    place = message.location
    if place is None:
        return "[localização]"
    names = ", ".join(clean(name) for name in (place.name, place.address) if name)
    return f"[localização: {names + ' ' if names else ''}({place.latitude}, {place.longitude})]"


def _reaction_notice(message: Inbound) -> str:
    emoji = clean(message.reaction.emoji) if message.reaction else ""
    return f"[reagiu com {emoji}]" if emoji else "[retirou a reação]"
