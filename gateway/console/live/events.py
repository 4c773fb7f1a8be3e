"""`/console/events`: what changed, as server-sent events. The id of an event is the cursor of those that follow."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from uuid import UUID

import orjson
import psycopg
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gateway.console.listener import Listener
from gateway.console.live.shared_reads import SharedReads
from gateway.console.parts import Parts
from gateway.console.routes import Page
from gateway.store.database import Pool, is_away
from gateway.store.desk.changes import StaleCursorError
from gateway.store.people import sessions
from gateway.store.people.people import Role

EVENTS = "/console/events"
_LOOK_SECONDS = 15.0  # at the latest; then the browser is also told that the stream lives
_BEHIND_SECONDS = 0.1  # an older transaction still runs: nothing tells when it ends
_ALIVE_SECONDS = 30.0  # between two looks whether the session still lives
_LIFE_SECONDS = 3600.0  # of one stream; browsers then open another one


class Events:
    """The stream of changes; scripts fetch what they show anew."""

    def __init__(self, parts: Parts) -> None:
        self._pool = parts.pool
        self._listener = parts.listener
        self._reads = SharedReads(parts.pool)

    def routes(self) -> list[Page]:
        """The route to mount."""
        return [Page(EVENTS, self._stream, Role.VIEWER)]

    async def _stream(self, request: Request) -> Response:
        cursor = request.headers.get("last-event-id") or request.query_params.get("after", "")
        stream = Stream(self._pool, self._listener, self._reads, request.state.session_id, cursor)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(stream.events(), media_type="text/event-stream", headers=headers)


class Stream:
    """The events of one page. cursor: the last change that the page knows."""

    def __init__(self, pool: Pool, listener: Listener, reads: SharedReads, session_id: UUID, cursor: str) -> None:
        self._pool = pool
        self._listener = listener
        self._reads = reads
        self._session_id = session_id
        self._cursor = cursor
        self._checked = time.monotonic()

    async def events(self) -> AsyncIterator[bytes]:
        """Yield events until the session or the stream's life is over."""
        ends = time.monotonic() + _LIFE_SECONDS
        yield b"retry: 1000\n\n"
        while time.monotonic() < ends and not self._listener.closing:
            try:
                mark = self._listener.mark  # before the look: what changes during it is not slept through
                if not await self._alive():
                    yield _event("signed-out", None, None)
                    return
                told, wait = await self._next(mark)
            except StaleCursorError:
                yield _event("reload", None, None)
                return
            except psycopg.Error as error:
                if not is_away(error):
                    raise
                return  # the browser asks again
            yield told
            await self._listener.after(mark, wait)

    async def _next(self, mark: int) -> tuple[bytes, float]:
        """Return the next event, or a sign of life, and for how long to wait for more."""
        read = await self._reads.after(self._cursor, mark)
        self._cursor = read.cursor
        wait = _BEHIND_SECONDS if read.behind else _LOOK_SECONDS
        if not read.changes:
            return b": \n\n", wait
        told = [
            {"conversation": one.conversation_id, "kind": one.kind, "subject": one.subject, "state": one.state}
            for one in read.changes
        ]
        return _event("changes", read.cursor, told), wait

    async def _alive(self) -> bool:
        """Return whether the session goes on; asked now and then."""
        if time.monotonic() - self._checked < _ALIVE_SECONDS:
            return True
        self._checked = time.monotonic()
        async with self._pool.connection() as conn:
            return await sessions.alive(conn, self._session_id)


def _event(name: str, cursor: str | None, data: object) -> bytes:
    head = f"id: {cursor}\n" if cursor else ""
    return f"{head}event: {name}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"
