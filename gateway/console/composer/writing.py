"""Writing in a conversation: messages, reactions, notes, drafts, and a failed message again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.console.composer import outgoing
from gateway.console.conversation.holding import CONVERSATION
from gateway.console.conversation.requests import Fields, conversation_id, told
from gateway.console.parts import Parts
from gateway.console.routes import Page, RefusedError, person_of
from gateway.conversations import writing
from gateway.conversations.writing import Attach
from gateway.store.composer import fallbacks, notes, uploads
from gateway.store.database import Connection
from gateway.store.desk import lists, thread
from gateway.store.desk.lists import Row
from gateway.store.desk.thread import Message
from gateway.store.people.people import Role

_LONGEST_TEXT, _LONGEST_NOTE, _LONGEST_ID, _LONGEST_EMOJI = 20_000, 10_000, 300, 40
_MOST_FILES = 10
_NOT_SENT = frozenset({"failed", "uncertain"})


class Writing:
    """`POST /console/conversations/{id}/send` and the like."""

    def __init__(self, parts: Parts) -> None:
        self._pool = parts.pool

    def routes(self) -> list[Page]:
        """The routes to mount."""
        endpoints = {
            "send": self._send, "react": self._react, "template": self._template, "note": self._note,
            "draft": self._draft, "retry": self._retry,
        }  # fmt: skip
        return [
            Page(f"{CONVERSATION}/{name}", endpoint, Role.ATTENDANT, ["POST"]) for name, endpoint in endpoints.items()
        ]

    async def _send(self, request: Request) -> Response:
        """Queue a person's text and files; last_seen: the customer's newest message that the page showed."""
        fields = await Fields.of(request)
        text, wanted = fields.text("text", _LONGEST_TEXT).strip(), fields.ids("files", _MOST_FILES)
        reply_to = fields.text("reply_to", _LONGEST_ID) or None
        async with self._pool.connection() as conn:
            outgoing.check_window(await _row(conn, request))
            by_id = {one.id: one for one in await _attached(conn, request)} if wanted else {}
            if not all(one in by_id for one in wanted):
                raise RefusedError(409, "conversation.files.gone")
            files = [by_id[one] for one in wanted]

            async def attach(conn: Connection, position: int, message_id: UUID) -> None:
                if position < len(files):
                    await uploads.send(conn, message_id, files[position])

            contents = outgoing.contents(text, files, reply_to)
            sent = await _queue(conn, request, fields.needed("last_seen"), contents, attach)
            await notes.save_draft(conn, conversation_id(request), person_of(request).id, "reply", "")
        return _queued(sent)

    async def _react(self, request: Request) -> Response:
        """React to a message by its wamid; nothing is lost where the customer has written since."""
        fields = await Fields.of(request)
        wamid, emoji = fields.text("message", _LONGEST_ID), fields.text("emoji", _LONGEST_EMOJI).strip()
        async with self._pool.connection() as conn:
            outgoing.check_window(await _row(conn, request))
            if not await thread.has(conn, conversation_id(request), wamid):
                raise RefusedError(404, "errors.404")
            return _queued(await _queue(conn, request, None, [outgoing.reaction(wamid, emoji)]))

    async def _template(self, request: Request) -> Response:
        """Queue the number's fallback template, which arrives although the window is closed."""
        fields = await Fields.of(request)
        async with self._pool.connection() as conn:
            row = await _row(conn, request)
            found = await fallbacks.of(conn, row.channel_id)
            if found is None:
                raise RefusedError(409, "conversation.errors.no_template")
            content = found.template | ({"text": found.text} if found.text else {})
            return _queued(await _queue(conn, request, fields.needed("last_seen"), [content]))

    async def _retry(self, request: Request) -> Response:
        """Send once more, as a new message, what failed or may have failed."""
        fields = await Fields.of(request)
        message_id = fields.id("message")
        async with self._pool.connection() as conn:
            row = await _row(conn, request)
            failed = await _message(conn, row, message_id) if message_id else None
            if failed is None or failed.direction != "out" or failed.status not in _NOT_SENT:
                raise RefusedError(409, "conversation.errors.not_failed")
            if failed.type != "template":
                outgoing.check_window(row)
            again = failed.id

            async def attach(conn: Connection, _: int, new: UUID) -> None:
                await uploads.send_again(conn, new, again)

            return _queued(await _queue(conn, request, fields.needed("last_seen"), [failed.content], attach))

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
            await _row(conn, request)
            await notes.save_draft(conn, found, person.id, mode, text, fields.text("reply_to", _LONGEST_ID) or None)
        return JSONResponse({})


async def _row(conn: Connection, request: Request) -> Row:
    """Return the conversation. Raises RefusedError (404) for one that the person does not see."""
    row = await lists.one(conn, person_of(request), conversation_id(request))
    if row is None:
        raise RefusedError(404, "errors.404")
    return row


async def _message(conn: Connection, row: Row, message_id: UUID) -> Message | None:
    return next(iter(await thread.some(conn, row.id, [message_id])), None)


async def _attached(conn: Connection, request: Request) -> list[uploads.Upload]:
    return await uploads.of(conn, conversation_id(request), person_of(request).id)


async def _queue(
    conn: Connection, request: Request, last_seen: int | None, contents: list[dict[str, Any]],
    attach: Attach | None = None,
) -> list[UUID]:  # fmt: skip
    with told():
        return await writing.send(
            conn, conversation_id(request), person_of(request), contents, last_seen=last_seen, attach=attach
        )


def _queued(messages: list[UUID]) -> Response:
    return JSONResponse({"messages": [str(one) for one in messages]})
