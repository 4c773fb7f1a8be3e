"""An agent's replies made into messages that can be sent: formatted for WhatsApp, split, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.whatsapp.compose import prepare
from gateway.whatsapp.errors import InvalidMessage
from gateway.whatsapp.messages import Message, Text, as_reply
from gateway.whatsapp.render import render

Json = dict[str, Any]

_ANYBODY = "+10000000000"  # limits do not depend on who gets a message


def parts_of(replies: Sequence[Mapping[str, Any]]) -> list[Json]:
    """Give the messages to queue, in order, each within Meta's limits.

    Texts of nothing but white space are left out, but not all of them.

    Raises:
        InvalidMessage: A reply is none of the contract's, breaks a limit, or all of them say nothing.
    """
    parts = [part for reply in replies for part in prepare(reply) if not _is_empty(part)]
    if replies and not parts:
        raise InvalidMessage("replies", "say nothing.")
    for part in parts:
        check(part)
    return [as_reply(part) for part in parts]


def check(part: Message) -> None:
    """Raise InvalidMessage where a message breaks a limit or does not fit into one."""
    if len(render(part, to=_ANYBODY)) != 1:
        raise InvalidMessage(part.type, "is too long for one message.")


def _is_empty(part: Message) -> bool:
    return isinstance(part, Text) and not part.text.strip()
