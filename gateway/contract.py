"""What a customer sent, in the words of the run contract (`graph/state.py`): plain JSON for a row and for a run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gateway.whatsapp.contents import (
    ContactsContent,
    Content,
    InteractiveContent,
    LocationContent,
    MediaContent,
    OrderContent,
    ReactionContent,
)
from gateway.whatsapp.events import MessageReceived

Json = dict[str, Any]

#: Kinds that the agent answers; the others (reactions, system messages, …) are only kept.
ANSWERED = frozenset(
    {
        "text", "image", "audio", "video", "document", "sticker", "location", "contacts", "button", "interactive",
        "order",
    }
)  # fmt: skip


def inbound(event: MessageReceived, received_at: datetime) -> Json:
    """The contract's item for a message. A message without a time was sent when it was received."""
    said = event.content
    return {
        "id": event.wamid,
        "kind": said.kind,
        "text": said.text,
        "media": _media(said),
        "interactive": _interactive(said),
        "location": _location(said),
        "contacts": said.contacts if isinstance(said, ContactsContent) else None,
        "reaction": _reaction(said),
        "order": _order(said),
        "context": _context(event),
        "timestamp": (event.timestamp or received_at).astimezone(UTC).isoformat(),
    }


def _media(said: Content) -> Json | None:
    if not isinstance(said, MediaContent):
        return None
    return {
        "id": said.id,
        "mime_type": said.mime_type,
        "filename": said.filename,
        "size": None,
        "voice": said.voice,
        "status": "unsupported",
    }


def _interactive(said: Content) -> Json | None:
    if said.kind == "button":
        return {"type": "button", "id": said.payload, "title": said.text, "description": None, "data": None}
    if not isinstance(said, InteractiveContent):
        return None
    return {
        "type": said.type, "id": said.id, "title": said.text, "description": said.description, "data": said.data,
    }  # fmt: skip


def _location(said: Content) -> Json | None:
    if not isinstance(said, LocationContent):
        return None
    return {"latitude": said.latitude, "longitude": said.longitude, "name": said.name, "address": said.address}


def _reaction(said: Content) -> Json | None:
    return {"message_id": said.message_id, "emoji": said.emoji} if isinstance(said, ReactionContent) else None


def _order(said: Content) -> Json | None:
    if not isinstance(said, OrderContent):
        return None
    items = [
        {
            "product": item.product_retailer_id,
            "quantity": item.quantity,
            "price": item.item_price,
            "currency": item.currency,
        }
        for item in said.items
    ]
    return {"catalog": said.catalog_id, "items": items}


def _context(event: MessageReceived) -> Json | None:
    context = event.context
    return {"message_id": context.message_id, "text": None, "forwarded": context.forwarded} if context else None
