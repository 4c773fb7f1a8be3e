"""Presence of people in a conversation: viewers, typing, and how far each person has read."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.console.conversation.holding import CONVERSATION
from gateway.console.conversation.requests import Fields, conversation_id
from gateway.console.parts import Parts
from gateway.console.routes import Page, RefusedError, person_of
from gateway.store.desk import lists, presence
from gateway.store.people.people import Role


class Presence:
    """`POST /console/conversations/{id}/viewing` and `/read`."""

    def __init__(self, parts: Parts) -> None:
        self._pool = parts.pool

    def routes(self) -> list[Page]:
        """The routes to mount."""
        return [
            Page(f"{CONVERSATION}/viewing", self._viewing, Role.VIEWER, ["POST"]),
            Page(f"{CONVERSATION}/read", self._read, Role.VIEWER, ["POST"]),
        ]

    async def _viewing(self, request: Request) -> Response:
        """Note that the person views, types or leaves; pages say so every few seconds."""
        person, found, fields = person_of(request), conversation_id(request), await Fields.of(request)
        async with self._pool.connection() as conn:
            if fields.flag("left"):
                await presence.leave(conn, found, person.id)
            elif await lists.one(conn, person, found) is None:
                raise RefusedError(404, "errors.404")
            else:
                await presence.view(conn, found, person.id, typing=fields.flag("typing"))
        return JSONResponse({})

    async def _read(self, request: Request) -> Response:
        person, found, fields = person_of(request), conversation_id(request), await Fields.of(request)
        async with self._pool.connection() as conn:
            if await lists.one(conn, person, found) is None:
                raise RefusedError(404, "errors.404")
            await presence.mark_read(conn, found, person.id, fields.needed("seq"))
        return JSONResponse({})
