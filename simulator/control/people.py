"""The part of the control API about people: media, changes of numbers, owners of conversations, raw JSON."""

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator
from typing import Literal

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.control.common import Ascii, Body, number_of, wa_id_of
from simulator.json_type import Json
from simulator.meta.carrier import Carrier
from simulator.meta.messages.payloads import echo_change, handover_change, preference_change, system_change
from simulator.meta.persona_actions import choices, store_medium
from simulator.meta.samples import SAMPLES, sample
from simulator.meta.world import Message, Number, Persona, digits_of, new_wamid

PING_SECONDS = 15
RANGE_HEADER = re.compile(r"bytes=(\d+)-(\d*)")
# A person's file may be a page with scripts: opened in a browser it must not act with this server's rights.
SANDBOX_HEADERS = {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}


class _PersonBody(Body):
    number_id: str | None = None


class Move(_PersonBody):
    """A new phone number; without one only the user id is made anew."""

    wa_id: str | None = None


class Preference(_PersonBody):
    """The person's choice about marketing messages."""

    marketing: Literal["stop", "resume"]


class Owner(_PersonBody):
    """The owner of the conversation: `us`, `ai_agent` (Meta's own), or any other app's role."""

    owner: str


class Echo(_PersonBody):
    """A message that the business sent without the API: from its phone app, or from another app (then by standby)."""

    text: str | None = None
    message: Json | None = None
    author: str = "business_app"


class SampleRequest(_PersonBody):
    """A built-in sample."""

    sample: str


class PeopleControl:
    """People of one carrier's world."""

    def __init__(self, carrier: Carrier, calls: deque[Json]) -> None:
        self._carrier = carrier
        self._calls = calls

    def routes(self) -> list[Route]:
        """Return the routes of people, media and messages under `/_sim`."""
        persona = "/_sim/personas/{wa_id}"
        return [
            Route(f"{persona}/number", self.move, methods=["POST"]),
            Route(f"{persona}/identity", self.identity, methods=["POST"]),
            Route(f"{persona}/preferences", self.preferences, methods=["POST"]),
            Route(f"{persona}/owner", self.owner, methods=["POST"]),
            Route(f"{persona}/echoes", self.echo, methods=["POST"]),
            Route("/_sim/media", self.media, methods=["GET", "POST"]),
            Route("/_sim/media/{media_id}", self.medium),
            Route("/_sim/messages/{message_id:path}", self.message),  # an id may contain slashes
            Route("/_sim/ledger", self.ledger),
            Route("/_sim/events", self.events),
        ]

    async def move(self, request: Request) -> Response:
        """Give a person another number (user_changed_number), or only another user id (user_changed_user_id)."""
        body = Move.model_validate_json(await request.body() or b"{}")
        world, number, old = self._carrier.world, self._number(body), self._persona(request)
        new = world.move(old, digits_of(body.wa_id) if body.wa_id else None)
        before, after = (old.wa_id, new.wa_id) if body.wa_id else (old.user_id, new.user_id)
        kind = "user_changed_number" if body.wa_id else "user_changed_user_id"
        system: Json = {"body": f"User {new.name} changed from {before} to {after}", "type": kind}
        system |= {"user_id": new.user_id, "previous_user_id": old.user_id}
        system |= {"wa_id": new.wa_id} if body.wa_id and not new.hidden else {}
        self._post_system_message(number, old, new, system)
        return Ascii(vars(new))

    async def identity(self, request: Request) -> Response:
        """Post `customer_identity_changed`: the person has another phone."""
        body = _PersonBody.model_validate_json(await request.body() or b"{}")
        persona = self._persona(request)
        system = {"body": f"The identity of {persona.name} changed", "type": "customer_identity_changed"}
        self._post_system_message(self._number(body), persona, persona, system)
        return Response(status_code=204)

    async def preferences(self, request: Request) -> Response:
        """Let a person stop or resume marketing."""
        body = Preference.model_validate_json(await request.body())
        persona = self._persona(request)
        persona.marketing = body.marketing
        change = preference_change(self._number(body), persona, self._carrier.world.clock.now())
        self._carrier.outbox.post(change, lane=persona.wa_id)
        return Ascii(vars(persona))

    async def owner(self, request: Request) -> Response:
        """Pass the conversation to us, or to another app."""
        body = Owner.model_validate_json(await request.body())
        persona, previous = self._persona(request), self._persona(request).owner
        persona.owner = body.owner
        change = handover_change(self._number(body), persona, previous, self._carrier.world.clock.stamp())
        self._carrier.outbox.post(change, lane=persona.wa_id)
        return Ascii(vars(persona))

    async def echo(self, request: Request) -> Response:
        """Add a message that the business sent without the API."""
        body = Echo.model_validate_json(await request.body())
        if (body.text is None) == (body.message is None):
            raise ValueError("give either text or message")
        world, number, persona = self._carrier.world, self._number(body), self._persona(request)
        content: Json = body.message or {"type": "text", "text": {"body": body.text}}
        message = Message(new_wamid(), "out", persona.wa_id, number.id, content, world.clock.now(), author=body.author)
        world.add(message)
        self._carrier.outbox.post(echo_change(number, persona, message), lane=persona.wa_id)
        return Ascii({"id": message.id, "revision": message.revision}, 201)

    async def media(self, request: Request) -> Response:
        """Store a customer's file: a form with `file`, a sample by name, or the bytes; `GET` lists the samples."""
        if request.method == "GET":
            return Ascii({"samples": list(SAMPLES)})
        number = number_of(self._carrier.world, request.query_params.get("number_id"))
        content, mime_type, filename = await _file(request)
        return Ascii(store_medium(self._carrier.world, number, content, mime_type, filename).as_json(), 201)

    async def medium(self, request: Request) -> Response:
        """Answer with the bytes of a medium, expired or not."""
        medium = self._carrier.world.media.get(request.path_params["media_id"])
        if medium is None:
            return Ascii({"error": "there is no such medium"}, 404)
        return _range_response(medium.content, medium.mime_type, request.headers.get("range"))

    async def message(self, request: Request) -> Response:
        """Show a message with the raw JSON of both directions: webhooks that name it, the send that made it."""
        message = self._carrier.world.messages.get(request.path_params["message_id"])
        if message is None:
            return Ascii({"error": "there is no such message"}, 404)
        webhooks = [one.as_json() for one in self._carrier.outbox.all() if message.id.encode() in one.body]
        parsed = [one | {"body": json.loads(one["body"])} for one in webhooks]
        calls = [call for call in self._calls if message.id in (call.get("made"), _read_message_id(call))]
        shown = {"webhooks": parsed, "calls": calls, "answer": message.answer, "choices": choices(message)}
        return Ascii(message.as_json() | shown)

    async def ledger(self, _: Request) -> Response:
        """Show what delivered messages cost."""
        return Ascii(self._carrier.ledger.as_json())

    async def events(self, request: Request) -> Response:
        """Stream changes of the transcript as server-sent events: `message`, and `typing` with ids of people."""
        after = request.headers.get("last-event-id") or request.query_params.get("after") or "0"
        return EventSourceResponse(self._changes(int(after), request.query_params.get("wa_id")), ping=PING_SECONDS)

    async def _changes(self, after: int, wa_id: str | None) -> AsyncIterator[ServerSentEvent]:
        world, typing = self._carrier.world, None
        while True:
            reached = world.revision
            for message in sorted(world.transcript(wa_id, after), key=lambda one: one.revision):
                yield ServerSentEvent(json.dumps(message.as_json()), id=str(message.revision), event="message")
            now = [one for one in world.typing if world.is_typing(one)]
            if now != typing:
                typing = now
                yield ServerSentEvent(json.dumps(now), event="typing")
            after = reached
            await world.wait(after, 1 if now else PING_SECONDS)
            await asyncio.sleep(0)

    def _post_system_message(self, number: Number, old: Persona, new: Persona, system: Json) -> None:
        """Post a system message from the person's former number or user id."""
        world = self._carrier.world
        content = {"type": "system", "system": system}
        message = world.add(Message(new_wamid(), "in", new.wa_id, number.id, content, world.clock.now()))
        named = system["type"] != "user_changed_user_id" and not old.hidden
        sender = {"from_user_id": old.user_id} | ({"from": old.wa_id} if named else {})
        change = system_change(number, sender, message.id, world.clock.stamp(), system)
        self._carrier.outbox.post(change, lane=new.wa_id)

    def _persona(self, request: Request) -> Persona:
        return self._carrier.world.persona(wa_id_of(request))

    def _number(self, body: _PersonBody) -> Number:
        return number_of(self._carrier.world, body.number_id)


def _range_response(content: bytes, mime_type: str, wanted: str | None) -> Response:
    """Return the bytes, or the range of them that a browser's player asks for (RFC 9110, single ranges)."""
    size, headers = len(content), SANDBOX_HEADERS | {"Accept-Ranges": "bytes"}
    match = RANGE_HEADER.fullmatch(wanted or "")
    if match is None:
        return Response(content, media_type=mime_type, headers=headers)
    first, last = int(match[1]), min(int(match[2] or size - 1), size - 1)
    if first > last:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Response(content[first : last + 1], 206, headers, mime_type)


async def _file(request: Request) -> tuple[bytes, str, str | None]:
    """Return content, type and name of the posted file. Raises ValueError when there is none."""
    kind = request.headers.get("content-type", "application/octet-stream")
    if kind.startswith("application/json"):
        return sample(SampleRequest.model_validate_json(await request.body()).sample)
    if not kind.startswith("multipart/"):
        return await request.body(), kind, request.query_params.get("filename")
    file = (await request.form()).get("file")
    if not isinstance(file, UploadFile):
        raise ValueError("the form has no field 'file': add the file")  # noqa: TRY004 - a wrong request, no wrong type
    return await file.read(), file.content_type or "application/octet-stream", file.filename


def _read_message_id(call: Json) -> str | None:
    """Return the id of the message that a call marked as read."""
    body = call["body"]
    return body.get("message_id") if isinstance(body, dict) and body.get("status") == "read" else None
