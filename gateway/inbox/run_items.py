"""Messages of customers in the words of the run contract (`graph/contract/state.py`): JSON for rows and runs."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from gateway.whatsapp.json_bytes import Json
from gateway.whatsapp.webhooks.contents import (
    ContactsContent,
    Content,
    InteractiveContent,
    LocationContent,
    MediaContent,
    OrderContent,
    ReactionContent,
    UnsupportedContent,
)
from gateway.whatsapp.webhooks.events import MessageEchoed, MessageReceived

#: Kinds that the agent answers; the others (reactions, system messages, …) are only kept.
ANSWERED = frozenset(
    {
        "text", "image", "audio", "video", "document", "sticker", "location", "contacts", "button", "interactive",
        "order",
    }
)  # fmt: skip
MEDIA = frozenset({"image", "audio", "video", "document", "sticker"})

# The errors of messages that WhatsApp did not pass on: of a kind that it keeps back, and media that is too large.
_NOT_PASSED_ON, _MEDIA_NOT_PASSED_ON = 131051, 131052
# The kinds of unsupported messages that no customer sent for an answer.
_SILENT = frozenset({"system", "ephemeral", "unknown"})


def kind(event: MessageReceived | MessageEchoed) -> str:
    """Return the contract's kind: media that WhatsApp could not pass on keeps its kind."""
    content = event.content
    return content.type if isinstance(content, UnsupportedContent) and content.type in MEDIA else content.kind


def answered(event: MessageReceived, word: str) -> bool:
    """Return whether a message asks for an answer, also an unreadable one that the customer certainly wrote.

    word: its type in the payload. WhatsApp's own messages, and unknown types, never lead to an apology by themselves.
    """
    content = event.content
    if isinstance(content, UnsupportedContent):
        reported = {cause.code for cause in event.errors} & {_NOT_PASSED_ON, _MEDIA_NOT_PASSED_ON}
        return bool(reported) and (word in MEDIA or (word == "unsupported" and content.type not in _SILENT))
    if isinstance(content, InteractiveContent) and content.type == "call_permission_reply":
        return False
    return content.kind in ANSWERED


def inbound(
    event: MessageReceived | MessageEchoed, received_at: datetime, *, quoted: str | None = None, media_id: str = ""
) -> Json:
    """Return the contract's item for a message. A message without a time was sent when it was received.

    quoted: the text of the message that it answers; media_id: the gateway's id for its media. The media's status is
    that of missing media; the turn replaces it with the true one.
    """
    content = event.content
    return {
        "id": event.wamid,
        "kind": kind(event),
        "text": content.text,
        "media": _media(event, media_id),
        "interactive": _interactive(content),
        "location": _location(content),
        "contacts": content.contacts if isinstance(content, ContactsContent) else None,
        "reaction": _reaction(content),
        "order": _order(content),
        "context": _context(event, quoted),
        "referral": _referral(event),
        "timestamp": (event.timestamp or received_at).astimezone(UTC).isoformat(),
    }


def _media(event: MessageReceived | MessageEchoed, media_id: str) -> Json | None:
    content = event.content
    if isinstance(content, UnsupportedContent) and content.type in MEDIA:
        return {"id": "", "mime_type": "", "filename": None, "size": None, "voice": False, "status": "too_large"}
    if not isinstance(content, MediaContent):
        return None
    return {
        "id": media_id,
        "mime_type": content.mime_type or "",
        "filename": content.filename,
        "size": None,
        "voice": content.voice,
        "status": "failed" if media_id else "expired",
    }


def _interactive(content: Content) -> Json | None:
    if content.kind == "button":
        return {"type": "button", "id": content.payload, "title": content.text, "description": None, "data": None}
    if not isinstance(content, InteractiveContent):
        return None
    return {
        "type": content.type, "id": content.id, "title": content.text, "description": content.description,
        "data": content.data,
    }  # fmt: skip


def _location(content: Content) -> Json | None:
    if not isinstance(content, LocationContent):
        return None
    return {
        "latitude": content.latitude,
        "longitude": content.longitude,
        "name": content.name,
        "address": content.address,
    }


def _reaction(content: Content) -> Json | None:
    return (
        {"message_id": content.message_id, "emoji": content.emoji or ""}
        if isinstance(content, ReactionContent)
        else None
    )


def _order(content: Content) -> Json | None:
    if not isinstance(content, OrderContent):
        return None
    items = [
        {
            "product": item.product_retailer_id,
            "quantity": item.quantity,
            "price": item.item_price,
            "currency": item.currency,
        }
        for item in content.items
    ]
    return {"catalog": content.catalog_id, "items": items}


def _context(event: MessageReceived | MessageEchoed, quoted: str | None) -> Json | None:
    context = event.context
    if context is None:
        return None
    told: Json = {"message_id": context.message_id, "text": quoted, "forwarded": context.forwarded}
    if context.product:
        told["product"] = {
            "catalog": context.product.catalog_id, "product": context.product.product_retailer_id
        }  # fmt: skip
    return told


def _referral(event: MessageReceived | MessageEchoed) -> Json | None:
    referral = event.referral if isinstance(event, MessageReceived) else None
    return asdict(referral) if referral else None
