"""A log of every call that the simulator receives, and a response that cuts the connection."""

import json
import time
from collections import deque
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator.json_type import Json

MAX_CALLS = 10_000
MAX_RECORDED_BYTES = 256 * 1024  # longer bodies (uploads) are recorded by their length only
UNRECORDED_PATHS = ("/_sim", "/phone", "/favicon")


class CallLog:
    """ASGI middleware: keep the last calls, each with its body and the status of its answer.

    `status` is None while a call is being answered, and "cut" when its connection was cut. Credentials are not kept.
    """

    def __init__(self, app: ASGIApp, calls: deque[Json]) -> None:
        self._app = app
        self._calls = calls
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"].startswith(UNRECORDED_PATHS):
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        body = await _read(receive)
        call = self._record(scope, body)

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                call["status"] = message["status"]
                call["seconds"] = round(time.monotonic() - started, 4)
            await send(message)

        scope["simulator.call"] = call
        scope["simulator.cut"] = _cutter(send, call)
        await self._app(scope, _replay(body, receive), watched)

    def _record(self, scope: Scope, body: bytes) -> Json:
        self._count += 1
        call: Json = {"n": self._count, "at": time.time(), "method": scope["method"], "path": scope["path"]}
        call |= {"query": scope["query_string"].decode(errors="replace"), "body": _readable(scope, body)}
        call["status"] = None
        self._calls.append(call)
        return call


def new_calls() -> deque[Json]:
    """Return an empty record."""
    return deque(maxlen=MAX_CALLS)


class CutConnection(Response):
    """Reset the connection instead of answering, as when Meta's answer is lost."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Cut the connection."""
        scope["simulator.cut"]()
        while (await receive())["type"] != "http.disconnect":
            pass  # the server has to see the disconnect before this returns, or it would try to answer 500


def _cutter(send: Send, call: Json) -> Callable[[], None]:
    def cut() -> None:
        # ASGI cannot cut a connection: take the transport from uvicorn's cycle, to which the method `send` belongs.
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        if transport is None:
            raise RuntimeError("Only a simulator behind uvicorn can cut connections")
        call["status"] = "cut"
        transport.abort()

    return cut


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body once, then the server's next message (the disconnect)."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _readable(scope: Scope, body: bytes) -> object:
    kind = dict(scope["headers"]).get(b"content-type", b"")
    if len(body) > MAX_RECORDED_BYTES or kind.startswith((b"multipart/", b"application/octet-stream")):
        return f"({len(body)} bytes)"
    try:
        parsed: object = json.loads(body) if body else None
    except ValueError:
        return body.decode(errors="replace")
    return parsed
