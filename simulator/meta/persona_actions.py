"""A person's actions on a phone (write, attach, tap, react, edit, delete), turned into the webhook's message.

Source: docs/whatsapp/cloud-api/webhooks/reference/messages, one page for each type.
"""

import base64
import hashlib
import json
from typing import Literal

from pydantic import Field, model_validator

from simulator.json_type import Json
from simulator.meta.errors import DOWNLOAD_FAILED, GraphError
from simulator.meta.media import INBOUND_SECONDS, MediaKind, Medium, is_animated, kind_of
from simulator.meta.samples import sample
from simulator.meta.strict_model import StrictModel
from simulator.meta.world import Message, Number, Persona, World

REFERRAL = {
    "source_url": "https://fb.me/simulado",
    "source_id": "120200000000000000",
    "source_type": "ad",
    "headline": "Armações com 20% de desconto",
    "body": "Fale conosco no WhatsApp",
    "media_type": "image",
    "image_url": "https://scontent.xx.fbcdn.net/simulado.jpg",
    "ctwa_clid": "simulated-click-id",
}


class Attachment(StrictModel):
    """A file: a built-in `sample`, `base64`, or `media_id` of `POST /_sim/media`; or one that is too large."""

    kind: MediaKind | None = None
    sample: str | None = None
    base64: str | None = None
    media_id: str | None = None
    mime_type: str | None = None
    filename: str | None = None
    caption: str | None = None
    voice: bool | None = None
    too_large: bool = False


class Tap(StrictModel):
    """A tap on a reply button, a list's row or a template's quick reply; `id`: its id, payload or title."""

    message_id: str
    id: str


class Reaction(StrictModel):
    """An emoji on a message; empty: taken back."""

    message_id: str
    emoji: str


class Edit(StrictModel):
    """A new text for the person's own message."""

    message_id: str
    text: str


class FlowAnswer(StrictModel):
    """A filled-in flow."""

    message_id: str
    data: Json = Field(default_factory=dict)


class PersonaAction(StrictModel):
    """One action of a person: exactly one of the first ten fields; the other fields modify it."""

    text: str | None = None
    message: Json | None = Field(None, description="as the Cloud API writes it: {type, <type>: …}")
    media: Attachment | None = None
    tap: Tap | None = None
    reaction: Reaction | None = None
    edit: Edit | None = None
    revoke: str | None = None
    flow: FlowAnswer | None = None
    share_number: str | None = Field(None, description="the message that asked for it")
    unsupported: str | None = None
    name: str | None = None
    number_id: str | None = None
    reply_to: str | None = None
    forwarded: bool | Literal["often"] = False
    referral: bool | Json = False
    product: Json | None = None
    group_id: str | None = None

    @model_validator(mode="after")
    def _check_exactly_one(self) -> "PersonaAction":
        given = [name for name in ACTIONS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give either text or message, or one of {', '.join(ACTIONS[2:])}")
        if self.message is not None and "type" not in self.message:
            raise ValueError("message has no type: add the field 'type'")
        return self


ACTIONS = ("text", "message", "media", "tap", "reaction", "edit", "revoke", "flow", "share_number", "unsupported")


class MessageBuilder:
    """Build the message of one person's action to one number. Raises ValueError for an action that no phone offers."""

    def __init__(self, world: World, number: Number, persona: Persona) -> None:
        self._world, self._number, self._persona = world, number, persona

    def content(self, action: PersonaAction) -> Json:
        """Return the message as the webhook has it, without id, sender and time."""
        name = next(name for name in ACTIONS if getattr(action, name) is not None)
        content: Json = getattr(self, f"_{name}")(getattr(action, name))
        context = self._context(action) | content.get("context", {})
        content |= {"context": context} if context else {}
        if action.referral:
            content["referral"] = REFERRAL if action.referral is True else action.referral
        return content | ({"group_id": action.group_id} if action.group_id else {})

    def _context(self, action: PersonaAction) -> Json:
        context: Json = {}
        if action.reply_to:
            context = {"from": self._number.digits, "id": action.reply_to}
        if action.forwarded:
            context["frequently_forwarded" if action.forwarded == "often" else "forwarded"] = True
        return context | ({"referred_product": action.product} if action.product else {})

    def _text(self, text: str) -> Json:
        return {"type": "text", "text": {"body": text}}

    def _message(self, message: Json) -> Json:
        return dict(message)

    def _media(self, wish: Attachment) -> Json:
        if wish.too_large:
            kind = wish.kind or "video"
            error = GraphError(DOWNLOAD_FAILED, "Media file size too big. Max file size we currently support: 100MB.")
            return {"type": kind, "errors": [error.webhook_error()]}
        medium = self._medium(wish)
        kind = wish.kind or kind_of(medium.mime_type) or "document"
        digest = base64.b64encode(hashlib.sha256(medium.content).digest()).decode()
        part: Json = {"id": medium.id, "mime_type": medium.mime_type, "sha256": digest}
        if wish.caption is not None and kind in {"image", "video", "document"}:
            part["caption"] = wish.caption
        if kind == "document":
            part["filename"] = medium.filename or "arquivo"
        if kind == "audio":
            part["voice"] = "opus" in medium.mime_type if wish.voice is None else wish.voice
        if kind == "sticker":
            part["animated"] = is_animated(medium.content)
        return {"type": kind, kind: part}

    def _medium(self, wish: Attachment) -> Medium:
        if wish.media_id is not None:
            found = self._world.media.get(wish.media_id)
            if found is None:
                raise ValueError(f"there is no medium {wish.media_id!r}: upload it by POST /_sim/media")
            return found
        if wish.base64 is not None:
            content, mime_type = base64.b64decode(wish.base64), wish.mime_type or "application/octet-stream"
            return store_medium(self._world, self._number, content, mime_type, wish.filename)
        content, mime_type, filename = sample(wish.sample or wish.kind or "image")
        return store_medium(self._world, self._number, content, wish.mime_type or mime_type, wish.filename or filename)

    def _tap(self, tap: Tap) -> Json:
        message = self._business_message(tap.message_id)
        context = {"context": {"from": self._number.digits, "id": message.id}}
        for choice in choices(message):
            if tap.id in (choice["id"], choice["title"]):
                return _tapped(choice) | context
        raise ValueError(f"message {message.id} has no button or row {tap.id!r}")

    def _reaction(self, wish: Reaction) -> Json:
        target = self._conversation_message(wish.message_id)
        return {"type": "reaction", "reaction": {"message_id": target.id, "emoji": wish.emoji}}

    def _edit(self, wish: Edit) -> Json:
        original = self._own_message(wish.message_id)
        kind = original.content["type"]
        if kind not in {"text", "image", "video", "document"}:
            raise ValueError(f"a message of type {kind} cannot be edited")
        name = "body" if kind == "text" else "caption"
        edited = {"type": kind, kind: original.content[kind] | {name: wish.text}}
        return {"type": "edit", "edit": {"original_message_id": original.id, "message": edited}}

    def _revoke(self, message_id: str) -> Json:
        return {"type": "revoke", "revoke": {"original_message_id": self._own_message(message_id).id}}

    def _flow(self, answer: FlowAnswer) -> Json:
        message = self._business_message(answer.message_id)
        action = message.content.get("interactive", {}).get("action", {})
        if action.get("name") != "flow":
            raise ValueError(f"message {message.id} opens no flow")
        data = {"flow_token": action["parameters"].get("flow_token", "unused")} | answer.data
        reply = {"name": "flow", "body": "Sent", "response_json": json.dumps(data)}
        context = {"from": self._number.digits, "id": message.id}
        return {"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": reply}, "context": context}

    def _share_number(self, message_id: str) -> Json:
        """Return the person's own number, shared by a request's button; a card shared by hand has another origin."""
        message = self._business_message(message_id)
        buttons = [one["type"] for one in (message.rendered or {}).get("buttons", [])]
        asked = message.content.get("interactive", {}).get("type") == "request_contact_info"
        if not asked and "REQUEST_CONTACT_INFO" not in buttons:
            raise ValueError(f"message {message.id} does not ask for the number")
        name, number = self._persona.name, self._persona.wa_id
        phones = [{"phone": f"+{number}", "wa_id": number, "type": "CELL"}]
        names = {"formatted_name": name, "first_name": name.partition(" ")[0]}
        card = {"origin": "contact_request", "name": names, "phones": phones}
        return {"type": "contacts", "contacts": [card], "context": {"from": self._number.digits, "id": message.id}}

    def _unsupported(self, kind: str) -> Json:
        error = GraphError(131051, "Message type is currently not supported.", title="Message type unknown")
        return {"type": "unsupported", "unsupported": {"type": kind}, "errors": [error.webhook_error()]}

    def _conversation_message(self, message_id: str) -> Message:
        message = self._world.messages.get(message_id)
        if message is None or message.wa_id != self._persona.wa_id:
            raise ValueError(f"there is no message {message_id!r} in this conversation")
        return message

    def _business_message(self, message_id: str) -> Message:
        message = self._conversation_message(message_id)
        if message.direction != "out":
            raise ValueError(f"message {message_id} is not the business's")
        return message

    def _own_message(self, message_id: str) -> Message:
        message = self._conversation_message(message_id)
        if message.direction != "in":
            raise ValueError(f"message {message_id} is not the person's own")
        return message


def store_medium(world: World, number: Number, content: bytes, mime_type: str, filename: str | None) -> Medium:
    """Store a customer's file, whose id works for seven days."""
    return world.media.add(number.id, content, mime_type, filename, world.clock.now() + INBOUND_SECONDS)


def choices(message: Message) -> list[Json]:
    """Return the choices in a message of the business: `type`, `id`, `title`, perhaps `description`."""
    action = message.content.get("interactive", {}).get("action", {})
    found = [{"type": "button_reply", **one["reply"]} for one in action.get("buttons", [])]
    rows = [row for section in action.get("sections", []) for row in section.get("rows", [])]
    found += [{"type": "list_reply", **row} for row in rows]
    buttons = (message.rendered or {}).get("buttons", [])
    replies = [one for one in buttons if one["type"] == "QUICK_REPLY"]
    return found + [{"type": "button", "id": one["payload"], "title": one["text"]} for one in replies]


def _tapped(choice: Json) -> Json:
    kind = choice["type"]
    if kind == "button":
        return {"type": "button", "button": {"payload": choice["id"], "text": choice["title"]}}
    reply = {name: choice[name] for name in ("id", "title", "description") if choice.get(name)}
    return {"type": "interactive", "interactive": {"type": kind, kind: reply}}
