"""The agent's replies as messages that can be sent: formatted for WhatsApp, split, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import structlog

from gateway.numbers.clients import address
from gateway.store.customers.contacts import Key
from gateway.whatsapp.errors import InvalidMessage
from gateway.whatsapp.json_bytes import Json
from gateway.whatsapp.messages.check import unique
from gateway.whatsapp.messages.compose import prepare, split
from gateway.whatsapp.messages.messages import (
    Buttons,
    Choices,
    ContactRequest,
    CtaUrl,
    Flow,
    Location,
    Media,
    Message,
    Row,
    Text,
    as_reply,
)
from gateway.whatsapp.messages.render import render

log = structlog.get_logger(__name__)

_ANYBODY = "+10000000000"  # limits do not depend on the recipient


def parts_of(replies: Sequence[Mapping[str, Any]]) -> list[Json]:
    """Return the messages to queue, in order, each within Meta's limits.

    A reply that breaks a limit, or has choices that look alike, becomes a text with the same content. Texts of white
    space only are left out.

    Raises:
        InvalidMessage: A reply does not follow the run contract, or all replies are empty.
    """
    parts = [sent for reply in replies for part in prepare(reply) for sent in _or_text(part) if not _is_empty(sent)]
    if replies and not parts:
        raise InvalidMessage("replies", "say nothing.")
    return [as_reply(part) for part in parts]


def check(part: Message) -> None:
    """Raise InvalidMessage where a message breaks a limit or does not fit into one."""
    render(part, to=_ANYBODY)


def payload(content: Message | Mapping[str, Any], message_id: UUID, keys: Sequence[Key]) -> Json:
    """Return Meta's payload that sends a message to the customer with these keys; statuses echo our message id.

    Raises:
        InvalidMessage: It breaks a limit, or cannot be written at all.
    """
    try:
        return render(content, callback=str(message_id), **address(keys))
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        kind = content.type if isinstance(content, Message) else str(content.get("type"))
        raise InvalidMessage(kind, f"cannot be written ({type(error).__name__})") from error


def as_text(part: Message) -> str:
    """Return the content of a message as text, with numbered choices; empty where it has no words."""
    lines: list[str | None] = []
    match part:
        case Text():
            lines = [part.text]
        case Buttons():
            lines = [part.header, part.body, *_numbered([button.title for button in part.buttons]), part.footer]
        case Choices():
            rows = [row for section in part.sections for row in section.rows]
            lines = [part.header, part.body, *_numbered([_row(row) for row in rows]), part.footer]
        case CtaUrl():
            lines = [part.header, part.body, f"{part.text}: {part.url}", part.footer]
        case Media():
            lines = [part.caption, part.link]
        case Location():
            lines = [part.name, part.address, f"{part.latitude}, {part.longitude}"]
        case Flow() | ContactRequest():
            lines = [part.body]
    return "\n".join(line for line in lines if line and line.strip())


def _numbered(choices: Sequence[str]) -> list[str]:
    return [f"{number}. {choice}" for number, choice in enumerate(choices, 1) if choice.strip()]


def _row(row: Row) -> str:
    """Return a choice of a list: its description alone where that begins with a title that was cut."""
    below, title = row.description or "", row.title
    return below if below.startswith(title.removesuffix("…")) else f"{title}: {below}" if below else title


def _or_text(part: Message) -> list[Message]:
    try:
        check(part)
        _distinct(part)
    except InvalidMessage as error:
        log.warning("reply_sent_as_text", type=part.type, field=error.field)
        return split(Text(text=as_text(part), reply_to=part.reply_to))
    return [part]


def _distinct(part: Message) -> None:
    if isinstance(part, Choices):
        labels = [_row(row).strip().casefold() for section in part.sections for row in section.rows]
        unique("interactive.action.sections.rows", labels)


def _is_empty(part: Message) -> bool:
    return isinstance(part, Text) and not part.text.strip()
