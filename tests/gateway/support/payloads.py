"""The payloads of a reply as the gateway makes them: split first, then each part rendered."""

from collections.abc import Mapping
from typing import Any

from gateway.whatsapp.messages.compose import split
from gateway.whatsapp.messages.messages import Message
from gateway.whatsapp.messages.render import render


def payloads(
    content: Message | Mapping[str, Any], *, context: str | None = None, **envelope: Any
) -> list[dict[str, Any]]:
    """Return the payloads of a reply in order. context: the wamid that its first message answers."""
    first, *rest = split(content)
    return [render(first, context=context, **envelope), *(render(part, **envelope) for part in rest)]
