"""An agent server for tests of the gateway's own logic: it serves the gateway's calls, and shows faults on demand.

tests/contract checks that the real server behaves in the same way.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

Json = dict[str, Any]


def echo(run_input: Json) -> Json:
    """Answer with the customer's own text."""
    said = " | ".join(item["text"] for item in run_input["inbound"])
    return {"turn_id": run_input["turn_id"], "replies": [{"type": "text", "text": said}], "handoff": None}


@dataclass
class AgentServer:
    """The runs that were requested, the answers, and the faults to show."""

    answer: Callable[[Json], Json | bytes] = echo  # bytes: the raw body
    runs: list[Json] = field(default_factory=list)  # newest first, as the server lists them
    gate: asyncio.Event = field(default_factory=asyncio.Event)  # runs end when it is set
    away: bool = False  # connections are refused
    fail: list[str] = field(default_factory=list)  # errors of the next runs
    loses: bool = False  # every run is forgotten as soon as it was created
    lose_answers: int = 0  # runs are created, but the next answers to it are cut off
    names: bool = True  # says which run it began
    breaks: int = 0  # of the next runs the answer breaks off after its head
    asked: int = 0  # runs that were requested
    looks: int = 0  # how often the state of a run was asked for
    begun: str | None = None  # the unfinished turn of a thread
    leaving: bool = False  # takes no new conversations
    hangs: bool = False  # answers nothing, and keeps connections open

    def __post_init__(self) -> None:
        self.gate.set()

    def transport(self) -> httpx.AsyncBaseTransport:
        """Return a transport that leads here without a port."""
        return _Line(self, httpx.ASGITransport(self.app()))

    def app(self) -> Starlette:
        """Return the application, for a port."""
        return Starlette(
            routes=[
                Route("/ok", self._ok),
                Route("/threads", self._thread, methods=["POST"]),
                Route("/threads/{thread}/state", self._state),
                Route("/threads/{thread}/runs", self._list, methods=["GET"]),
                Route("/threads/{thread}/runs", self._create, methods=["POST"]),
                Route("/threads/{thread}/runs/wait", self._wait, methods=["POST"]),
                Route("/threads/{thread}/runs/{run}", self._get),
                Route("/threads/{thread}/runs/{run}/join", self._join),
                Route("/threads/{thread}/runs/{run}/cancel", self._cancel, methods=["POST"]),
            ]
        )

    @property
    def created(self) -> list[str]:
        """Return the turn ids for which runs were created, oldest first."""
        return [run["metadata"]["turn_id"] for run in reversed(self.runs)]

    def lose_everything(self) -> None:
        """Forget all runs, as an in-memory server does when it is killed."""
        self.runs.clear()

    async def _ok(self, _: Request) -> Response:
        if self.hangs:
            await asyncio.Event().wait()
        return JSONResponse({"ok": False}, 503, {"x-leaving": "true"}) if self.leaving else JSONResponse({"ok": True})

    async def _thread(self, request: Request) -> Response:
        return JSONResponse({"thread_id": (await request.json())["thread_id"]})

    async def _state(self, _: Request) -> Response:
        return JSONResponse({"values": {"turn_id": self.begun}, "next": ["agent"] if self.begun else []})

    def create(self, thread: str, headers: Mapping[str, str], body: Json) -> Json:
        """Begin a run."""
        run: Json = {
            "run_id": str(uuid.uuid4()), "thread_id": thread, "status": "running", "metadata": body["metadata"],
            "headers": dict(headers), "input": body.get("input"), "context": body["context"],
            "error": self.fail.pop(0) if self.fail else None,
        }  # fmt: skip
        self.runs.insert(0, run)
        self.asked += 1
        return run

    async def _create(self, request: Request) -> Response:
        """Begin a run as the last release asks for it."""
        return JSONResponse(self.create(request.path_params["thread"], request.headers, await request.json()))

    async def _wait(self, request: Request) -> Response:
        run = self.create(request.path_params["thread"], request.headers, await request.json())
        return StreamingResponse(self.end(run["run_id"]), headers=location(run))

    async def end(self, run_id: str) -> AsyncIterator[bytes]:
        """Wait for the end of a run, and give its answer."""
        yield bytes((await self._answer(run_id)).body)

    async def _list(self, request: Request) -> Response:
        of_thread = [run for run in self.runs if run["thread_id"] == request.path_params["thread"]]
        start, size = int(request.query_params.get("offset", 0)), int(request.query_params.get("limit", 10))
        return JSONResponse(of_thread[start : start + size])

    async def _get(self, request: Request) -> Response:
        self.looks += 1
        run = self._find(request.path_params["run"])
        return JSONResponse(run) if run else JSONResponse({"detail": "Run not found"}, 404)

    async def _join(self, request: Request) -> Response:
        return await self._answer(request.path_params["run"])

    async def _answer(self, run_id: str) -> Response:
        if self.loses or self._find(run_id) is None:
            self.runs = [run for run in self.runs if run["run_id"] != run_id]
            return JSONResponse({"__error__": "404: Run not found"})
        await self.gate.wait()
        run = self._find(run_id)
        if run is None:
            return JSONResponse({"__error__": "404: Run not found"})
        run["status"] = "error" if run["error"] else "success"
        if run["error"]:
            return JSONResponse({"__error__": {"error": run["error"], "message": "secret words of a customer"}})
        first = next(r["input"] for r in reversed(self.runs) if r["metadata"] == run["metadata"] and r["input"])
        answer = self.answer(first)
        return Response(answer, media_type="application/json") if isinstance(answer, bytes) else JSONResponse(answer)

    async def _cancel(self, request: Request) -> Response:
        if run := self._find(request.path_params["run"]):
            run["status"] = "interrupted"
        return Response(status_code=204)

    def _find(self, run_id: str) -> Json | None:
        return next((run for run in self.runs if run["run_id"] == run_id), None)


class _Line(httpx.AsyncBaseTransport):
    """The transport to the server, with its faults."""

    def __init__(self, server: AgentServer, inner: httpx.AsyncBaseTransport) -> None:
        self._server, self._inner = server, inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._server.away:
            raise httpx.ConnectError("refused", request=request)
        if not request.url.path.endswith("/runs/wait"):
            return await self._inner.handle_async_request(request)
        # The inner transport would give the head of the answer only with its end.
        run = self._server.create(request.url.path.split("/")[2], request.headers, json.loads(request.content))
        if self._server.lose_answers:
            self._server.lose_answers -= 1
            raise httpx.ReadError("cut off", request=request)
        head = location(run) if self._server.names else {}
        return httpx.Response(200, headers=head, stream=_Body(self._server, run["run_id"], request))


class _Body(httpx.AsyncByteStream):
    def __init__(self, server: AgentServer, run_id: str, request: httpx.Request) -> None:
        self._server, self._run_id, self._request = server, run_id, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._server.breaks:
            self._server.breaks -= 1
            raise httpx.ReadError("broken", request=self._request)
        async for piece in self._server.end(self._run_id):
            yield piece


def location(run: Json) -> dict[str, str]:
    """Return the head that names a run."""
    return {"content-location": f"/threads/{run['thread_id']}/runs/{run['run_id']}"}


def inputs(server: AgentServer) -> list[list[str]]:
    """Return the texts of each run's input, oldest first."""
    return [
        [item["text"] for item in json.loads(json.dumps(run["input"]))["inbound"]]
        for run in reversed(server.runs)
        if run["input"]
    ]
