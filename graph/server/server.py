"""The middleware that stands before LangGraph Server, and before the route of the console (`graph/app.py`).

Development and production answer to known host names only, and require a token for everything except probes and
metrics. Development differs in one point: with STUDIO it admits LangGraph Studio's page, which has no token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Lifespan, Message, Receive, Scope, Send

from graph.policy.masking import mask_values
from graph.server.auth import REFUSED, authorized
from graph.server.hosts import KnownHosts
from graph.server.leaving import TellLeaving
from graph.server.tracing import JoinTrace
from graph.settings import Settings

# Paths for probes and Prometheus, which have no token; a NetworkPolicy keeps other clients away.
OPEN_PATHS = ("/ok", "/metrics")
# Studio's page, as browsers name it (langgraph.json allows the same), and the paths that it requests.
STUDIO_ORIGIN = re.compile(r"https://([a-z]+\.)?smith\.langchain\.com")
STUDIO_PATHS = ("/info", "/assistants", "/threads", "/runs", "/store")
RUNTIME_FOLDER = Path(".langgraph_api")


class AllowPrivateNetwork:
    """Lets a browser's preflight from Studio reach this machine.

    Chrome asks with `Access-Control-Request-Private-Network`; langgraph-api adds the permission to its answer, but
    Starlette's CORS middleware, which it configures without that permission, has refused before (400).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Remove the request header, and pass the request on."""
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            headers = MutableHeaders(scope=scope)
            del headers["access-control-request-private-network"]
            scope = {**scope, "headers": headers.raw}
        await self.app(scope, receive, send)


class RequireToken:
    """Refuses requests without the token before any other code reads them, also preflights, documentation and schemas.

    `studio`: whether LangGraph Studio's page is admitted without a token.
    """

    def __init__(self, app: ASGIApp, studio: bool = False) -> None:
        self.app = app
        self._studio = studio

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401, or pass the request on."""
        if scope["type"] == "lifespan" or scope["path"] in OPEN_PATHS:
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        if authorized(headers.get("authorization"), scope["path"]) or (self._studio and _from_studio(scope, headers)):
            return await self.app(scope, receive, send)
        return await JSONResponse({"detail": REFUSED}, status_code=401)(scope, receive, send)


def _from_studio(scope: Scope, headers: Headers) -> bool:
    """Return whether Studio's page, in a browser, requests a path that it needs, with the server's own auth scheme."""
    if scope["type"] != "http" or not STUDIO_ORIGIN.fullmatch(headers.get("origin", "")):
        return False
    path = str(scope["path"])
    needed = any(path == one or path.startswith(f"{one}/") for one in STUDIO_PATHS)
    scheme = headers.get("x-auth-scheme") == "langsmith" or path == "/info"
    return needed and (scheme or scope["method"] == "OPTIONS")


class MaskInput:
    """Masks card and document numbers in a run's input before the server sees it.

    The graph masks the messages that it makes, but the server stores a run's input before the graph begins: with the
    run, and in the turn's first two checkpoints. Only this middleware comes before all of them, in both editions.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with another body if numbers were masked."""
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
    """Return the body of a request for a run with its input masked; the same body if it is not JSON."""
    try:
        request = json.loads(body)
    except ValueError:  # the server reports the error
        return body
    if not isinstance(request, dict) or (masked := mask_values(request.get("input"))) == request.get("input"):
        return body
    return json.dumps({**request, "input": masked}).encode()


def forget_runs(folder: Path) -> None:
    """Remove the files in which an earlier in-memory server kept its runs.

    They may be as old as that server's last orderly stop, and a run that they hold as unfinished would run once more,
    however the conversation has gone on since. The gateway knows which turns are open, and continues those.
    """
    for pickle in folder.glob(".langgraph_*.pckl"):
        pickle.unlink(missing_ok=True)


def make_app(
    routes: Sequence[Route], config: Settings, *, development: bool, lifespan: Lifespan[Starlette] | None = None
) -> Starlette:
    """Return an app that LangGraph Server adds its own routes to; `lifespan`: what runs as long as the server."""
    known_hosts = Middleware(KnownHosts, names=config.known_hosts.split(","))
    studio = [Middleware(AllowPrivateNetwork)] if development else []
    token = Middleware(RequireToken, studio=development and config.studio)
    middleware = [known_hosts, Middleware(TellLeaving), *studio, token, Middleware(JoinTrace), Middleware(MaskInput)]
    return Starlette(routes=list(routes), middleware=middleware, lifespan=lifespan)
