"""The carrier between phones and the business: it takes messages from both sides and posts their statuses."""

import asyncio
import secrets

import httpx
from pydantic import BaseModel, Field

from simulator.faults import Faults, Taken
from simulator.json_type import Json
from simulator.meta.background import Background
from simulator.meta.business.usage import Usage
from simulator.meta.errors import (
    INVALID_PARAMETER,
    INVALID_VALUE,
    TAKE_NOT_ALLOWED,
    UPLOAD_FAILED,
    GraphError,
)
from simulator.meta.media import UPLOAD_SECONDS, MediaKind, Medium, check_size, kind_of
from simulator.meta.messages.billing import Ledger, pricing
from simulator.meta.messages.outbox import Outbox
from simulator.meta.messages.payloads import message_change, status_change
from simulator.meta.messages.rules import Rates, Rules, entry_point, failure, require_recipient
from simulator.meta.messages.sends import Control, Envelope, Read
from simulator.meta.messages.template_sends import TemplateSend, render, require_usable
from simulator.meta.reviews import Reviews
from simulator.meta.world import Message, Number, Persona, World, digits_of, new_wamid

TYPING_SECONDS = 25  # Meta: the indicator is dismissed by the reply or after 25 seconds
TYPES_WITHOUT_WINDOW = ("edit", "revoke", "system")  # these types open no customer service window
MEDIA_KINDS: tuple[MediaKind, ...] = ("image", "audio", "video", "document", "sticker")


class Ticks(BaseModel):
    """Seconds after acceptance at which a message of the business gets each status; None: never."""

    sent: float | None = Field(0.05, ge=0)
    delivered: float | None = Field(0.1, ge=0)
    read: float | None = Field(0.5, ge=0)
    played: float | None = Field(None, ge=0, description="voice notes only")

    def in_order(self, *, voice: bool = False) -> list[tuple[str, float]]:
        """Return the statuses that will follow, and the seconds after which each comes."""
        shown = self.model_dump(exclude=None if voice else {"played"})
        return [(name, seconds) for name, seconds in shown.items() if seconds is not None]


class Carrier:
    """Meta's handling of messages."""

    def __init__(self, world: World, outbox: Outbox, faults: Faults, client: httpx.AsyncClient) -> None:
        self.world = world
        self.outbox = outbox
        self.faults = faults
        self.reviews = Reviews(world, outbox)
        self._client = client
        self._background = Background()
        self._start()

    def _start(self) -> None:
        self.usage, self.ticks, self.rules = Usage(), Ticks(), Rules()
        self.rates, self.ledger = Rates(), Ledger()

    def receive(self, number: Number, persona: Persona, content: Json) -> Message:
        """Store a person's message and post it to the business. Raises ValueError when the person has blocked it."""
        if persona.blocks:
            raise ValueError(f"{persona.name} has blocked the business")
        now = self.world.clock.now()
        message = Message(new_wamid(), "in", persona.wa_id, number.id, content, now)
        message.medium_id = _media_id(content)
        self._remember(number, persona, content, now)
        self.world.add(message)
        self.rates.count(number, now)
        if persona.wa_id not in number.blocked:
            self.outbox.post(message_change(number, persona, message), lane=persona.wa_id)
        return message

    def accept(self, number: Number, send: Envelope, taken: Taken) -> Json:
        """Store a message of the business, answer as Meta does, and let its statuses follow. Raises GraphError."""
        now, persona = self.world.clock.now(), self.world.find_persona(send.address)
        wa_id = persona.wa_id if persona else digits_of(send.address)
        category, rendered = self._check_send(number, persona, send)
        if self.rules.rates:
            self.rates.spend(number, wa_id, now)
        message = Message(new_wamid(), "out", wa_id, number.id, send.message_content(), now)
        message.callback_data, message.rendered = send.biz_opaque_callback_data, rendered
        message.medium_id = _media_id(message.content, rendered)
        message.pricing = self._price(number, persona, category, now)
        self.world.add(message)
        failed = taken.get("failed")
        failing = GraphError(failed.code, failed.message) if failed else None
        failing = failing or failure(number, persona, category, now, window=self.rules.window)
        self._background.run(
            self._post_statuses(number, persona or self._unknown_recipient(wa_id), message, failing, taken)
        )
        contact = {"input": send.address, "wa_id": wa_id} | ({"user_id": persona.user_id} if persona else {})
        if persona and persona.hidden and not send.to:
            del contact["wa_id"]
        message.answer = {"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": message.id}]}
        return message.answer

    def read(self, read: Read) -> None:
        """Mark a person's message as read by the business, and show typing if asked for. Raises GraphError."""
        message = self.world.messages.get(read.message_id)
        if message is None or message.direction != "in":
            raise GraphError(INVALID_VALUE, "Parameter 'message_id' is not the id of a message that was received")
        self._add_status(message, "read")
        if read.typing_indicator:
            self.world.show_typing(message.wa_id, TYPING_SECONDS)

    def control_thread(self, number: Number, control: Control) -> None:
        """Let the business take or release a conversation. Raises GraphError."""
        persona = self.world.find_persona(control.to or control.recipient or "")
        if persona is None:
            raise GraphError(INVALID_PARAMETER, "There is no conversation with this recipient")
        if control.action == "take" and not number.escalation_partner:
            raise GraphError(TAKE_NOT_ALLOWED, "Your app is not the escalation partner of this number")
        if control.action == "release" and persona.owner != "us":
            raise GraphError(INVALID_PARAMETER, "Your app does not control this thread")
        persona.owner = "us" if control.action == "take" else "ai_agent"

    def reset(self) -> None:
        """Return to the initial state, faults and settings included."""
        self.cancel()
        self.faults.remove()
        self.reviews.reset()
        self.outbox.reset()
        self.world.reset()
        self._start()

    def cancel(self) -> None:
        """Cancel all background work."""
        self._background.cancel()
        self.reviews.cancel()
        self.outbox.cancel()

    def _remember(self, number: Number, persona: Persona, content: Json, now: float) -> None:
        """Apply the effects of a person's message: open the window, and edit or delete the original message."""
        if content["type"] not in TYPES_WITHOUT_WINDOW:
            persona.wrote[number.id] = now
        if "referral" in content:
            persona.entered[number.id] = now
        part = content.get(content["type"])
        original = self.world.messages.get(str(part.get("original_message_id"))) if isinstance(part, dict) else None
        if original and content["type"] == "revoke":
            original.revoked = True
        if original and content["type"] == "edit":
            original.edited = content["edit"]["message"]
        if original:
            self.world.changed(original)

    def _check_send(self, number: Number, persona: Persona | None, send: Envelope) -> tuple[str, Json | None]:
        """Return the category and the rendered template, if it is one. Raises GraphError for a refused send."""
        rendered, category = None, "service"
        if send.type == "template":
            template_send = TemplateSend.model_validate(send.content)
            found = self.world.templates.find(number.account_id, template_send.name, template_send.language.code)
            template = require_usable(found, template_send.name, template_send.language.code)
            rendered, category = render(template, template_send), template.category.lower()
        to = persona.wa_id if persona else digits_of(send.address)
        require_recipient(number, persona, to, by_user_id=not send.to, category=category)
        media_id = _media_id({"type": send.type, send.type: send.content}, rendered)
        if media_id and self._usable_medium(number, media_id) is None:
            raise GraphError(INVALID_VALUE, f"Media with id {media_id} does not exist, or is not this number's")
        return category, rendered

    def _usable_medium(self, number: Number, media_id: str) -> Medium | None:
        medium = self.world.media.usable(media_id, self.world.clock.now())
        return medium if medium and medium.number_id == number.id else None

    def _price(self, number: Number, persona: Persona | None, category: str, now: float) -> Json:
        return pricing(category, entry_point=persona is not None and entry_point(number, persona, now))

    async def _post_statuses(
        self, number: Number, persona: Persona, message: Message, failing: GraphError | None, taken: Taken
    ) -> None:
        if "undelivered" in taken:
            return
        failing = failing or await self._check_media(number, message)
        steps = [("failed", self.ticks.sent or 0)] if failing else self._status_times(persona, message)
        passed = 0.0
        for status, seconds in steps:
            await asyncio.sleep(max(0, seconds - passed))
            passed = seconds
            self._add_status(message, status, failing)
            if status == "delivered" and message.pricing:
                now = self.world.clock.now()
                self.ledger.add(message.id, number.id, message.wa_id, message.pricing, now)
            change = status_change(number, persona, message, status, self.world.clock.stamp(), failing)
            self.outbox.post(change, lane=message.id)

    def _status_times(self, persona: Persona, message: Message) -> list[tuple[str, float]]:
        """Return the statuses of an accepted message; to a person who blocked the business it is never delivered."""
        steps = self.ticks.in_order(voice=message.content["type"] == "audio")
        return [step for step in steps if step[0] == "sent"] if persona.blocks else steps

    async def _check_media(self, number: Number, message: Message) -> GraphError | None:
        """Download the file that a message links to, check its size and type, and return the error, if any."""
        kind = next((one for one in MEDIA_KINDS if one in message.content), None)
        link = message.content[kind].get("link") if kind else None
        medium = self.world.media.get(message.medium_id or "")
        try:
            if link and self.rules.links == "fetch":
                medium = await self._download(number, link)
                message.medium_id = medium.id
            if medium and kind:
                _check_kind(kind, medium)
        except GraphError as error:
            return error
        return None

    async def _download(self, number: Number, link: str) -> Medium:
        try:
            answer = await self._client.get(link, timeout=self.rules.link_seconds, follow_redirects=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise GraphError(UPLOAD_FAILED, f"Downloading media from weblink failed: {type(error).__name__}") from error
        if not answer.is_success:
            raise GraphError(
                UPLOAD_FAILED, f"Downloading media from weblink failed with http code {answer.status_code}"
            )
        mime_type = answer.headers.get("content-type", "application/octet-stream")
        expires_at = self.world.clock.now() + UPLOAD_SECONDS
        return self.world.media.add(number.id, answer.content, mime_type, None, expires_at)

    def _add_status(self, message: Message, status: str, failure: GraphError | None = None) -> None:
        entry: Json = {"status": status, "timestamp": self.world.clock.stamp()}
        message.statuses.append(entry | ({"errors": [failure.webhook_error()]} if failure else {}))
        self.world.changed(message)

    def _unknown_recipient(self, wa_id: str) -> Persona:
        return Persona(wa_id, "", "BR." + secrets.token_hex(8).upper())


def _check_kind(kind: MediaKind, medium: Medium) -> None:
    """Check that a file can be sent as that kind; every file can be a document. Raises GraphError."""
    if kind != "document" and kind_of(medium.mime_type) != kind:
        raise GraphError(UPLOAD_FAILED, f"A file of type {medium.mime_type} cannot be sent as {kind}")
    check_size(kind, medium.content)


def _media_id(content: Json, rendered: Json | None = None) -> str | None:
    """Return the id of the medium in a message, in its header, or in a template's header."""
    header = content.get("interactive", {}).get("header") if content["type"] == "interactive" else None
    for holder in (content, header or {}, (rendered or {}).get("header") or {}):
        parts = (holder.get(kind) for kind in MEDIA_KINDS)
        if found := next((part["id"] for part in parts if isinstance(part, dict) and part.get("id")), None):
            return str(found)
    return None
