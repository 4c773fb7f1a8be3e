"""An agent server and a Meta that answer at once and note the time: the rest is the gateway's own time."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


@dataclass
class Times:
    """When things happened to a customer's turn (time.time())."""

    asked: dict[str, float] = field(default_factory=dict)  # by wa_id: the run was asked for
    ended: dict[str, float] = field(default_factory=dict)  # by wa_id: the run's end was told
    sent: dict[str, float] = field(default_factory=dict)  # by wa_id: the reply arrived at Meta


class Servers:
    """Both in one app: the gateway finds them by different paths."""

    def __init__(self, run_seconds: float) -> None:
        self.times = Times()
        self.run_seconds = run_seconds
        self.joined = 0
        self.end = asyncio.Event()  # runs without a duration of their own end when it is set
        self._runs: dict[str, tuple[str, str]] = {}  # run id: turn id, wa_id
        self.app = Starlette(
            routes=[
                Route("/ok", lambda _: JSONResponse({"ok": True})),
                Route("/threads/{thread}/runs", self._create, methods=["POST"]),
                Route("/threads/{thread}/runs/{run}", self._get),
                Route("/threads/{thread}/runs/{run}/join", self._join),
                Route("/{version}/{number}/messages", self._send, methods=["POST"]),
            ]
        )

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        run_id, wa_id = str(uuid.uuid4()), body["context"]["customer_keys"][0]["value"]
        self.times.asked[wa_id] = time.time()
        self._runs[run_id] = (body["input"]["turn_id"], wa_id)
        return JSONResponse({"run_id": run_id})

    async def _get(self, _: Request) -> Response:
        return JSONResponse({"status": "success"})

    async def _join(self, request: Request) -> Response:
        turn_id, wa_id = self._runs[request.path_params["run"]]
        self.joined += 1
        await (asyncio.sleep(self.run_seconds) if self.run_seconds else self.end.wait())
        self.times.ended[wa_id] = time.time()
        replies = [{"type": "text", "text": "Olá"}]
        return JSONResponse({"turn_id": turn_id, "answered": turn_id, "replies": replies, "handoff": None})

    async def _send(self, request: Request) -> Response:
        body: dict[str, Any] = await request.json()
        if body.get("type") == "text":  # not the reaction on receipt
            self.times.sent.setdefault(body["to"].lstrip("+"), time.time())
        wa_id = body.get("to", "+0").lstrip("+")
        return JSONResponse(
            {"contacts": [{"input": wa_id, "wa_id": wa_id}], "messages": [{"id": f"wamid.{uuid.uuid4()}"}]}
        )
