"""An agent server and a Meta that answer at once and note the time: the rest is the gateway's own time."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

_BLANK_SECONDS = 5


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
        self.app = Starlette(
            routes=[
                Route("/ok", lambda _: JSONResponse({"ok": True})),
                Route("/threads/{thread}/runs/wait", self._wait, methods=["POST"]),
                Route("/{version}/{number}/messages", self._send, methods=["POST"]),
            ]
        )

    async def _wait(self, request: Request) -> Response:
        body, run_id = await request.json(), uuid.uuid4()
        wa_id = body["context"]["customer_keys"][0]["value"]
        self.times.asked[wa_id] = time.time()
        self.joined += 1
        head = {"content-location": f"/threads/{request.path_params['thread']}/runs/{run_id}"}
        return StreamingResponse(self._answer(body["input"]["turn_id"], wa_id), headers=head)

    async def _answer(self, turn_id: str, wa_id: str) -> AsyncIterator[bytes]:
        ended = asyncio.ensure_future(asyncio.sleep(self.run_seconds) if self.run_seconds else self.end.wait())
        while not (await asyncio.wait([ended], timeout=_BLANK_SECONDS))[0]:
            yield b"\n"  # as the agent server does: else the gateway takes the connection for dead
        self.times.ended[wa_id] = time.time()
        replies = [{"type": "text", "text": "Olá"}]
        yield json.dumps({"turn_id": turn_id, "answered": turn_id, "replies": replies, "handoff": None}).encode()

    async def _send(self, request: Request) -> Response:
        body: dict[str, Any] = await request.json()
        if body.get("type") == "text":  # not the reaction on receipt
            self.times.sent.setdefault(body["to"].lstrip("+"), time.time())
        wa_id = body.get("to", "+0").lstrip("+")
        return JSONResponse(
            {"contacts": [{"input": wa_id, "wa_id": wa_id}], "messages": [{"id": f"wamid.{uuid.uuid4()}"}]}
        )
