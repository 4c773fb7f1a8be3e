"""Bound the connections of a port, so that slow or greedy clients neither occupy it nor fill the memory.

uvicorn bounds the time between two requests only. A connection is here *waiting* while it is its client's turn: to
send a header or the rest of a body, or to read an answer. Where room is needed, the connection that has waited longest
is closed: an honest client waits for milliseconds, one that only occupies a place for seconds.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from gateway.runtime.telemetry import CONNECTIONS_CLOSED

_MAX_FIELDS = 100  # of one header: thousands of tiny ones would need a hundred times their bytes in memory
# A client that has all bytes of an answer may ask again before the application has said that they were all.
_MAX_PIPELINED = 1


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of one port. body_bytes: of one request; bodies_bytes: of all that are read or being answered.

    streamed: paths to which files are posted, with bounds of their own. The application asks for such a body part by
    part, once it knows the client, so that it is not counted among those in memory.
    """

    connections: int = 1000
    header_bytes: int = 16 * 1024
    header_seconds: float = 10
    body_bytes: int = 4 * 1024 * 1024
    body_seconds: float = 20
    bodies_bytes: int = 32 * 1024 * 1024
    streamed: re.Pattern[str] | None = None
    streamed_bytes: int = 100 * 1024 * 1024
    streamed_seconds: float = 900


class Crowd:
    """The connections of one port: those that wait, the longest waiting first, and the bytes of their bodies."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.waiting: dict[BoundedProtocol, None] = {}
        self.bodies_bytes = 0

    def close_longest_waiting(self) -> bool:
        """Close the connection that has waited longest; return whether there was one."""
        longest = next(iter(self.waiting), None)
        if longest is not None:
            longest.refuse("connections", 503)
        return longest is not None

    def hold(self, body: _Body, size: int) -> None:
        """Count the bytes of a body; if they are too many, close the connections whose bodies take longest."""
        body.size += size
        self.bodies_bytes += size
        while self.bodies_bytes > self.bounds.bodies_bytes:
            longest = next((one for one in self.waiting if one.body.size), None)
            if longest is None:
                return
            longest.refuse("bodies_bytes", 503)

    def release(self, body: _Body) -> None:
        """Count the bytes of a body no longer."""
        self.bodies_bytes -= body.size
        body.size = 0


class _Body:
    """The bytes of a request's body that are in memory, until its answer is made."""

    __slots__ = ("size",)

    def __init__(self) -> None:
        self.size = 0


class _ProtocolError(Exception):
    """A request breaks a bound inside one piece of data: the parser ends, and uvicorn answers 400."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's connection with bounds. One request may come before the answer to the one before, no more."""

    def __init__(
        self,
        crowd: Crowd,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._crowd, self._bounds = crowd, crowd.bounds
        self._deadline: asyncio.TimerHandle | None = None
        self._in_body = self._streams = False
        self._size = 0  # bytes of this header or this body
        self._fields = 0
        self.body = _Body()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        """Take a connection; where all places are taken, one that waits gives its place up."""
        super().connection_made(transport)
        if len(self.connections) > self._bounds.connections and not self._crowd.close_longest_waiting():
            return self.refuse("connections", 503)
        return self._wait("header_seconds", 408)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; its body is counted until the application has let go of it."""
        self._go()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse as many bytes as the bounds allow, and close the connection that sends more."""
        if self._deadline is None and not self._in_body and self._is_idle():
            self._wait("header_seconds", 408)
        while data and not self.transport.is_closing():
            left = self._most_bytes() - self._size
            if left <= 0:
                return self.refuse(*(("body_bytes", 413) if self._in_body else ("header_bytes", 431)))
            piece, data = data[:left], data[left:]
            self._size += len(piece)
            super().data_received(piece)
        return None

    def on_message_begin(self) -> None:
        """Begin a request, unless others wait for their answers: thousands of them fit into one piece of data."""
        if len(self.pipeline) >= _MAX_PIPELINED:
            CONNECTIONS_CLOSED.labels("pipeline").inc()
            raise _ProtocolError
        self._fields = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field of the header; those that follow a body are counted and left out."""
        self._fields += 1
        if self._fields > _MAX_FIELDS:
            CONNECTIONS_CLOSED.labels("header_fields").inc()
            raise _ProtocolError
        if not self._in_body:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the application, and expect the body."""
        super().on_headers_complete()
        self._in_body, self._size = True, 0
        files = self._bounds.streamed
        self._streams = (
            files is not None and self.scope["method"] == "POST" and bool(files.fullmatch(self.scope["path"]))
        )
        self._wait_for_body()

    def on_body(self, body: bytes) -> None:
        """Pass a part of the body on, unless nobody wants it any more."""
        super().on_body(body)
        if not self.cycle.response_complete and not self._streams:
            self._crowd.hold(self.body, len(body))

    def on_message_complete(self) -> None:
        """Leave the turn to the application; if it answered before the body ended, expect the next request."""
        super().on_message_complete()
        self._in_body, self._streams, self._size = False, False, 0
        if self.cycle.response_complete:
            self._wait("header_seconds", 408)
        else:
            self._go()

    def on_response_complete(self) -> None:
        """Expect the next request: uvicorn closes the connection if none begins (`timeout_keep_alive`)."""
        super().on_response_complete()
        if not self._in_body and self._is_idle():
            self._crowd.waiting[self] = None
        if self._streams:  # nobody wants the rest of the file
            self._wait("body_seconds", None)

    def pause_writing(self) -> None:
        """Expect the client to read."""
        super().pause_writing()
        self._wait("body_seconds", None)

    def resume_writing(self) -> None:
        """Leave the turn to the application again, or to the client whose body has not ended."""
        super().resume_writing()
        if self._in_body:
            self._wait_for_body()
        else:
            self._go()

    def refuse(self, bound: str, status: int | None) -> None:
        """Close the connection, with a status if one can still be sent. bound: the one that it broke, for the count."""
        CONNECTIONS_CLOSED.labels(bound).inc()
        self._go()
        self._crowd.release(self.body)
        self.connections.discard(self)
        if status is None or self.pipeline or (not self._is_idle() and self.cycle.response_started):
            self.transport.abort()
            return
        self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # noqa: ANN401 - a type of uvicorn's own
        self.body = _Body()
        super()._start_asgi_task(cycle, _releasing(app, self._crowd, self.body))

    def _most_bytes(self) -> int:
        if not self._in_body:
            return self._bounds.header_bytes
        return self._bounds.streamed_bytes if self._streams else self._bounds.body_bytes

    def _wait_for_body(self) -> None:
        self._wait("streamed_seconds" if self._streams else "body_seconds", 408)

    def _is_idle(self) -> bool:
        """Return whether every request so far has its whole answer."""
        return self.cycle is None or self.cycle.response_complete

    def _wait(self, bound: str, status: int | None) -> None:
        """Expect the client to do something within the seconds of this bound."""
        self._go()
        self._crowd.waiting[self] = None
        self._deadline = self.loop.call_later(getattr(self._bounds, bound), self.refuse, bound, status)

    def _go(self) -> None:
        """Expect nothing of the client."""
        self._crowd.waiting.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _releasing(app: ASGIApp, crowd: Crowd, body: _Body) -> Any:  # noqa: ANN401 - a type of uvicorn's own
    """Return the application; when it has ended, the body of its request is not counted any more."""

    async def releasing(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        finally:
            crowd.release(body)

    return releasing
