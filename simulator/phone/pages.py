"""Routes of the phone page: the page, its files, and the facts that it shows beside the conversations."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator.faults import KINDS
from simulator.meta.carrier import Carrier
from simulator.meta.errors import CODES
from simulator.meta.world import Json

STATIC = Path(__file__).with_name("static")
# Only what this server serves; blob: is a picture or a voice note before it is sent.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), geolocation=(self), camera=()",
    "Cache-Control": "no-cache",  # asked again each time (by ETag): an upgrade shows at once
}


class Phone:
    """The page over one carrier and the calls that others made.

    ``webhook_url``: where webhooks go by default; ``stack_file``: where the local stack describes itself, absent when
    the simulator runs on its own.
    """

    def __init__(self, carrier: Carrier, calls: Iterable[Json], webhook_url: str, stack_file: Path) -> None:
        self._carrier = carrier
        self._calls = calls
        self._webhook_url = webhook_url
        self._stack_file = stack_file

    def routes(self) -> list[BaseRoute]:
        """Everything under /phone."""
        return [
            Route("/phone", self.page),
            Route("/phone/facts", self.facts),
            Route("/phone/raw", self.raw),
            Mount("/phone/static", _WithHeaders(StaticFiles(directory=STATIC))),
        ]

    async def page(self, _: Request) -> Response:
        """The page itself."""
        return FileResponse(STATIC / "index.html", headers=HEADERS)

    async def facts(self, _: Request) -> Response:
        """The business, the addresses of the local stack, the faults and error codes that there are."""
        number = next(iter(self._carrier.world.numbers.values()))
        facts = {
            "business": {"name": number.name, "display": number.display, "number_id": number.id},
            "addresses": self._addresses(),
            "faults": {place: sorted(kinds) for place, kinds in KINDS.items()},
            "codes": {str(code): kind.title for code, kind in sorted(CODES.items())},
        }
        return JSONResponse(facts, headers=HEADERS)

    async def raw(self, request: Request) -> Response:
        """The JSON of both directions about one message: webhooks that name it, calls that do or sent it."""
        message = self._carrier.world.messages.get(request.query_params.get("id", ""))
        if message is None:
            return JSONResponse({"error": "there is no such message"}, 404, HEADERS)
        named = [word for word in (message.id, message.callback_data) if word]
        webhooks = [one.as_json() for one in self._carrier.outbox.all()]
        found = {
            "webhooks": [one | {"body": json.loads(one["body"])} for one in webhooks if message.id in one["body"]],
            "calls": [one for one in self._calls if _names(one, named)],
        }
        return JSONResponse(found, headers=HEADERS)

    def _addresses(self) -> dict[str, Any]:
        """What the stack says about itself; of a simulator on its own, where its webhooks go."""
        try:
            addresses: dict[str, Any] = json.loads(self._stack_file.read_text())["addresses"]
        except FileNotFoundError:
            return {"webhook": self._webhook_url}
        return addresses


def _names(call: Json, words: list[str]) -> bool:
    """Whether it is a call to the channel (the model's quote messages, too) about what has one of these ids."""
    if not call["path"].endswith("/messages"):
        return False
    body = json.dumps(call["body"])
    return any(json.dumps(word) in body for word in words)


class _WithHeaders:
    """ASGI middleware: the page's headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, with_headers)
