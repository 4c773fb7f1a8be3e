"""What development and production add to LangGraph Server: it loads one of the two apps here (``http.app``)."""

from __future__ import annotations

import json
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graph.auth import REFUSED, authorized
from graph.masking import mask_values
from graph.settings import settings
from graph.tracing import JoinTrace, configure_tracing

# Asked by probes and by Prometheus, who have no token; a NetworkPolicy keeps others away.
OPEN_PATHS = ("/ok", "/metrics")
RUNTIME_FOLDER = Path(".langgraph_api")


class AllowPrivateNetwork:
    """Lets a browser's preflight from Studio reach this machine.

    Chrome asks with ``Access-Control-Request-Private-Network``; langgraph-api adds the permission to its answer, but
    Starlette's CORS middleware, which it configures without that permission, has refused before (400).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hide the question from what comes after."""
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            headers = MutableHeaders(scope=scope)
            del headers["access-control-request-private-network"]
            scope = {**scope, "headers": headers.raw}
        await self.app(scope, receive, send)


class RequireToken:
    """Refuses what shows no token before anything else looks at it: preflights, documentation and schemas too."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401, or hand on."""
        if scope["type"] == "lifespan" or scope["path"] in OPEN_PATHS:
            return await self.app(scope, receive, send)
        if authorized(Headers(scope=scope).get("authorization")):
            return await self.app(scope, receive, send)
        return await JSONResponse({"detail": REFUSED}, status_code=401)(scope, receive, send)


class MaskInput:
    """Masks card and document numbers in a run's input before the server sees it.

    The graph masks what it makes messages of, but the server stores a run's input before the graph begins: with the
    run, and in the turn's first two checkpoints. This is the one place before all of them, in both editions.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, with another body where something was masked."""
        if scope["type"] != "http" or scope["method"] != "POST" or "/runs" not in scope["path"]:
            return await self.app(scope, receive, send)
        body = masked_input(await Request(scope, receive).body())
        headers = MutableHeaders(scope=scope)
        headers["content-length"] = str(len(body))
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_masked() -> Message:
            return waiting.pop() if waiting else await receive()

        return await self.app({**scope, "headers": headers.raw}, receive_masked, send)


def masked_input(body: bytes) -> bytes:
    """The body of a request for a run with its input masked; unchanged where that changes nothing, or is no JSON."""
    try:
        request = json.loads(body)
    except ValueError:  # the server says what is wrong with it
        return body
    if not isinstance(request, dict) or (masked := mask_values(request.get("input"))) == request.get("input"):
        return body
    return json.dumps({**request, "input": masked}).encode()


def forget_runs(folder: Path) -> None:
    """Remove what an earlier in-memory server wrote down about its runs.

    It may be as old as that server's last orderly stop, and a run that it holds as unfinished would run once more,
    whatever the conversation has come to since. The gateway knows which turns are open, and continues those.
    """
    for pickle in folder.glob(".langgraph_*.pckl"):
        pickle.unlink(missing_ok=True)


# `disable_persistence` in langgraph.json does not reach the server (langgraph-cli 0.4.40 drops it, and with it an
# orderly stop would write all the same), so this has to happen before the server reads: now, while it loads the app.
forget_runs(RUNTIME_FOLDER)

configure_tracing(settings().otel_exporter_otlp_endpoint)

development = Starlette(middleware=[Middleware(AllowPrivateNetwork), Middleware(JoinTrace), Middleware(MaskInput)])
production = Starlette(middleware=[Middleware(RequireToken), Middleware(JoinTrace), Middleware(MaskInput)])
