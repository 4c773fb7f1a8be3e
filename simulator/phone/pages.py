"""Routes of the phone page: the page, its files, and the facts that it shows next to the conversations."""

import html
import json
from pathlib import Path
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator.access import is_at_this_machine
from simulator.faults import KINDS
from simulator.meta.errors import CODES
from simulator.meta.world import World

TOKEN_TAG = '<meta name="simulator-token" content="">'
STATIC_FILES = Path(__file__).with_name("static")
# Only this server's own files; `blob:` is a picture or a voice note before it is sent.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), geolocation=(self), camera=()",
    "Cache-Control": "no-cache",  # revalidated each time (by ETag): an upgrade shows at once
}


class Phone:
    """The page over one world. `token` opens the control API.

    `stack_file`: the state file of the local stack, if it runs.
    """

    def __init__(self, world: World, stack_file: Path, token: str) -> None:
        self._world = world
        self._token = token
        self._stack_file = stack_file

    def routes(self) -> list[BaseRoute]:
        """Return the routes under `/phone`."""
        return [
            Route("/phone", self.page),
            Route("/phone/facts", self.facts),
            Mount("/phone/static", _WithHeaders(StaticFiles(directory=STATIC_FILES))),
        ]

    async def page(self, request: Request) -> Response:
        """Serve the page. On this machine it contains the token; elsewhere its address brings it (`#token=…`)."""
        page = (STATIC_FILES / "index.html").read_text()
        if is_at_this_machine(request):
            page = page.replace(TOKEN_TAG, TOKEN_TAG.replace('""', f'"{html.escape(self._token)}"'))
        return HTMLResponse(page, headers=HEADERS | {"Cache-Control": "no-store"})

    async def facts(self, _: Request) -> Response:
        """Show the business, the addresses of the local stack, and all faults and error codes."""
        number = next(iter(self._world.numbers.values()))
        facts = {
            "business": {"name": number.name, "display": number.display, "number_id": number.id},
            "addresses": self._addresses(),
            "faults": {place: sorted(kinds) for place, kinds in KINDS.items()},
            "codes": {str(code): kind.title for code, kind in sorted(CODES.items())},
        }
        return JSONResponse(facts, headers=HEADERS)

    def _addresses(self) -> dict[str, Any]:
        """Return the addresses of the local stack; for a simulator on its own, only where its webhooks go."""
        try:
            addresses: dict[str, Any] = json.loads(self._stack_file.read_text())["addresses"]
        except FileNotFoundError:
            return {"webhook": self._world.app.callback}
        return addresses


class _WithHeaders:
    """ASGI middleware: add the page's headers to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, with_headers)
