"""Writing in a conversation: messages, notes, drafts, and a failed message again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.console.conversation.holding import CONVERSATION
from gateway.console.conversation.requests import Fields, conversation_id, told
from gateway.console.parts import Parts
from gateway.console.routes import Page, RefusedError, person_of
from gateway.conversations import writing
from gateway.outbox.replies import parts_of
from gateway.store.database import Connection
from gateway.store.desk import lists, notes, thread
from gateway.store.desk.thread import Message
from gateway.store.people.people import Person, Role
from gateway.whatsapp.errors import InvalidMessage

_LONGEST_TEXT, _LONGEST_NOTE, _LONGEST_ID = 20_000, 10_000, 300
_NOT_SENT = frozenset({"failed", "uncertain"})


class Writing:
    """`POST /console/conversations/{id}/send` and the like."""

    def __init__(self, parts: Parts) -> None:
        self._pool = parts.pool

    def routes(self) -> list[Page]:
        """The routes to mount."""
        endpoints = {"send": self._send, "note": self._note, "draft": self._draft, "retry": self._retry}
        return [
            Page(f"{CONVERSATION}/{name}", endpoint, Role.ATTENDANT, ["POST"]) for name, endpoint in endpoints.items()
        ]

    async def _send(self, request: Request) -> Response:
        """Queue a person's text; last_seen: the customer's newest message that the page showed."""
        fields = await Fields.of(request)
        text = fields.text("text", _LONGEST_TEXT).strip()
        if not text:
            raise RefusedError(400, "conversation.errors.empty")
        reply_to = fields.text("reply_to", _LONGEST_ID) or None
        contents = _checked([{"type": "text", "text": text, "verbatim": True, "reply_to": reply_to}])
        return await self._queue(request, fields.needed("last_seen"), contents, keeps_draft=False)

    async def _retry(self, request: Request) -> Response:
        """Send once more, as a new message, what failed or may have failed."""
        fields = await Fields.of(request)
        message_id = fields.id("message")
        async with self._pool.connection() as conn:
            failed = await self._message(conn, request, message_id) if message_id else None
        if failed is None or failed.direction != "out" or failed.status not in _NOT_SENT:
            raise RefusedError(409, "conversation.errors.not_failed")
        return await self._queue(request, fields.needed("last_seen"), [failed.content])

    async def _message(self, conn: Connection, request: Request, message_id: UUID) -> Message | None:
        found = conversation_id(request)
        if await lists.one(conn, person_of(request), found) is None:
            return None
        return next(iter(await thread.some(conn, found, [message_id])), None)

    async def _queue(
        self, request: Request, last_seen: int | None, contents: list[dict[str, Any]], *, keeps_draft: bool = True
    ) -> Response:
        person, found = person_of(request), conversation_id(request)
        async with self._pool.connection() as conn:
            with told():
                sent = await writing.send(conn, found, person, contents, last_seen=last_seen)
            if not keeps_draft:
                await notes.save_draft(conn, found, person.id, "reply", "")
        return JSONResponse({"messages": [str(one) for one in sent]})

    async def _note(self, request: Request) -> Response:
        person, found, fields = person_of(request), conversation_id(request), await Fields.of(request)
        text = fields.text("text", _LONGEST_NOTE).strip()
        if not text:
            raise RefusedError(400, "conversation.errors.empty")
        async with self._pool.connection() as conn:
            with told():
                note = await writing.note(conn, found, person, text)
            await notes.save_draft(conn, found, person.id, "note", "")
        return JSONResponse({"note": str(note)})

    async def _draft(self, request: Request) -> Response:
        person, found, fields = person_of(request), conversation_id(request), await Fields.of(request)
        mode, text = fields.text("mode", 10), fields.text("text", _LONGEST_TEXT)
        if mode not in ("reply", "note"):
            raise RefusedError(400, "errors.400")
        async with self._pool.connection() as conn:
            await _seen_by(conn, person, found)
            await notes.save_draft(conn, found, person.id, mode, text, fields.text("reply_to", _LONGEST_ID) or None)
        return JSONResponse({})


def _checked(replies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return messages within Meta's limits, long texts in several. Raises RefusedError where they cannot be sent."""
    try:
        return parts_of([{name: value for name, value in reply.items() if value is not None} for reply in replies])
    except InvalidMessage:
        raise RefusedError(400, "conversation.errors.not_sendable") from None


async def _seen_by(conn: Connection, person: Person, found: UUID) -> None:
    """Raise RefusedError (404) for a conversation that a person does not see."""
    if await lists.one(conn, person, found) is None:
        raise RefusedError(404, "errors.404")
