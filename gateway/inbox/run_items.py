"""What a customer sent, in the words of the run contract (`graph/contract/state.py`): JSON for a row and for a run."""

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

# What WhatsApp could not pass on, by its error: a message of a kind it keeps back, and media that is too large.
_NOT_PASSED_ON, _MEDIA_NOT_PASSED_ON = 131051, 131052
# What is inside an unsupported message where the customer sent nothing that could be meant for an answer.
_SILENT = frozenset({"system", "ephemeral", "unknown"})


def kind(event: MessageReceived | MessageEchoed) -> str:
    """The contract's kind: media that WhatsApp could not pass on is still of its kind."""
    said = event.content
    return said.type if isinstance(said, UnsupportedContent) and said.type in MEDIA else said.kind


def answered(event: MessageReceived, word: str) -> bool:
    """Whether a message asks for an answer: also one that cannot be read, where it is certain that the customer wrote.

    word: its type in the payload. WhatsApp's own messages, and types that nobody knows, never lead to an apology by
    themselves.
    """
    said = event.content
    if isinstance(said, UnsupportedContent):
        reported = {cause.code for cause in event.errors} & {_NOT_PASSED_ON, _MEDIA_NOT_PASSED_ON}
        return bool(reported) and (word in MEDIA or (word == "unsupported" and said.type not in _SILENT))
    if isinstance(said, InteractiveContent) and said.type == "call_permission_reply":
        return False
    return said.kind in ANSWERED


def inbound(
    event: MessageReceived | MessageEchoed, received_at: datetime, *, quoted: str | None = None, media_id: str = ""
) -> Json:
    """The contract's item for a message. A message without a time was sent when it was received.

    quoted: the text of the message that it answers; media_id: the gateway's id for its media. The media's status is
    that of media that is not there (yet); the turn puts the true one in its place.
    """
    said = event.content
    return {
        "id": event.wamid,
        "kind": kind(event),
        "text": said.text,
        "media": _media(event, media_id),
        "interactive": _interactive(said),
        "location": _location(said),
        "contacts": said.contacts if isinstance(said, ContactsContent) else None,
        "reaction": _reaction(said),
        "order": _order(said),
        "context": _context(event, quoted),
        "referral": _referral(event),
        "timestamp": (event.timestamp or received_at).astimezone(UTC).isoformat(),
    }


def _media(event: MessageReceived | MessageEchoed, media_id: str) -> Json | None:
    said = event.content
    if isinstance(said, UnsupportedContent) and said.type in MEDIA:
        return {"id": "", "mime_type": "", "filename": None, "size": None, "voice": False, "status": "too_large"}
    if not isinstance(said, MediaContent):
        return None
    return {
        "id": media_id,
        "mime_type": said.mime_type or "",
        "filename": said.filename,
        "size": None,
        "voice": said.voice,
        "status": "failed" if media_id else "expired",
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
    return {"message_id": said.message_id, "emoji": said.emoji or ""} if isinstance(said, ReactionContent) else None


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
