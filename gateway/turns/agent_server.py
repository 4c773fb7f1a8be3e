"""The agent server: one run a turn, looked for before it is requested again.

The code depends on these facts about the server: a run has no idempotency key; `runs/wait` names the run in its head,
and the run goes on if the request breaks; a lost run answers 404; `wait` and `join` answer 200 with `__error__` for
failed runs (`join` for lost ones too), and without it for a timed-out run, so that only the values of our own graph
(`answered`) or the run's status tell that it succeeded; after a success `join` returns the thread's current values;
while a run lasts, both send a blank every 5 s.
(langgraph-api 0.16; `docs/decisions/`.)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, get_args
from uuid import UUID

import httpx
import structlog
from langgraph_sdk.client import LangGraphClient

from gateway.runtime.http_transport import AiohttpTransport
from gateway.runtime.tracing import trace_headers
from gateway.store.turns.usage import Usage
from gateway.turns.erasures import Way
from gateway.whatsapp.text import NestingError, clean, clean_text

log = structlog.get_logger(__name__)

# A pod that is gone takes no connection and refuses none: its turns are then asked of another server.
# While a run lasts, the server sends a blank every 5 s: after a longer silence the connection is dead, and the run is
# joined anew.
_SECONDS = 20
_TIMEOUT = httpx.Timeout(_SECONDS, connect=3)
_PAGE_RUNS = 100
_MOST_STEPS, _STEP_LENGTH = 20, 1000
_PASSAGE: dict[str, type] = {"id": int, "source": str, "version": int, "title": str, "used": bool}
_MOST_TRANSCRIPTS, _LONGEST_TRANSCRIPT = 50, 12_000
_MOST_TOKENS = 10**12  # more is no count
_LONGEST_MODEL = 100
_STATE_AWAY = "StateAwayError"  # in the run contract: the server's own database is away (graph/server/postgres.py)
_LIVE_STATES = ("pending", "running", "success")


class AgentAwayError(Exception):
    """The agent server cannot be reached or does not work: nothing is wrong with the turn."""


class NotConnectedError(AgentAwayError):
    """No connection could be opened: the agent server has not seen the request."""


class RunCutOffError(AgentAwayError):
    """The run ended because the agent server could not reach its own database: it may be resumed."""


class RunLostError(Exception):
    """The server does not know this run, or no longer."""


class RunFailedError(Exception):
    """The run ended without an answer; the text is the kind of error, never content."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The agent's answer to a turn; every text is clean (no NUL, no lone surrogate).

    verified: in this turn the customer proved that their numbers are theirs; steps: the tools of the turn, for people;
    usage: None where the agent counts none; transcripts: the words of recordings, by the id of their message;
    erasure: how the customer wants all data erased, None: they do not.
    """

    replies: list[dict[str, Any]]
    handoff: dict[str, Any] | None
    verified: bool = False
    steps: list[dict[str, Any]] = field(default_factory=list)
    usage: Usage | None = None
    transcripts: dict[str, str] = field(default_factory=dict)
    erasure: Way | None = None


@dataclass(frozen=True, slots=True)
class StartedRun:
    """A run that was requested; `answer` waits for its end by the same request, and raises as `Agent.wait`."""

    id: UUID
    answer: Callable[[], Awaitable[Answer]]


class Agent:
    """Runs of one assistant on an agent server. Use it as `async with`."""

    def __init__(self, url: str, token: str | None, transport: httpx.AsyncBaseTransport | None = None) -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        # The SDK's own client has a pool too small for hundreds of joins.
        self._http = httpx.AsyncClient(
            base_url=url, headers=headers, timeout=_TIMEOUT, transport=transport or AiohttpTransport(0)
        )
        self._client = LangGraphClient(self._http)

    async def __aenter__(self) -> Agent:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Make requests possible."""
        await self._http.__aenter__()

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    @asynccontextmanager
    async def start(
        self, thread: UUID, turn: UUID, assistant: str, run_input: Mapping[str, Any] | None,
        context: Mapping[str, Any], *, fence: int,
    ) -> AsyncIterator[StartedRun]:  # fmt: skip
        """Request a run that answers a turn; its answer arrives as long as the block lasts. The run goes on after it.

        run_input: None continues where an earlier run of the same turn was cut off; fence: a number above those of all
        earlier runs of the thread, which write nothing once this one has begun.

        Raises:
            NotConnectedError: The server was not reached.
            AgentAwayError: The server did not confirm it. The run may exist: `find` it before requesting again.
            RunFailedError: The server refuses such a run.
        """
        asked = {
            "assistant_id": assistant, "context": dict(context), "metadata": {"turn_id": str(turn), "fence": fence},
            "if_not_exists": "create", "multitask_strategy": "enqueue", "durability": "sync",
            "on_disconnect": "continue", **({} if run_input is None else {"input": dict(run_input)}),
        }  # fmt: skip
        request = self._http.build_request("POST", f"/threads/{thread}/runs/wait", json=asked, headers=trace_headers())
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(_SECONDS):
                    response = await self._http.send(request, stream=True)
                stack.push_async_callback(response.aclose)
                response.raise_for_status()
            except TimeoutError:
                raise AgentAwayError(f"no run was confirmed within {_SECONDS} s") from None
            except httpx.HTTPError as error:
                raise _translated(error) from error
            run = _named(response)
            yield StartedRun(run, lambda: self._answer(thread, run, turn, _values(response)))

    async def find(self, thread: UUID, turn: UUID) -> UUID | None:
        """Return the newest run of a turn, if it is in progress or has succeeded. Raises AgentAwayError.

        Where the newest one failed, an older one that succeeded is of no use: to join it gives the thread's error.
        """
        offset = 0
        while True:
            try:
                page = await self._client.runs.list(str(thread), limit=_PAGE_RUNS, offset=offset)
            except httpx.HTTPError as error:
                if _status(error) == httpx.codes.NOT_FOUND:  # no thread, so no run
                    return None
                raise _translated(error) from error
            for run in page:  # newest first
                if (run.get("metadata") or {}).get("turn_id") == str(turn):
                    return UUID(run["run_id"]) if run["status"] in _LIVE_STATES else None
            if len(page) < _PAGE_RUNS:
                return None
            offset += _PAGE_RUNS

    async def begun(self, thread: UUID, turn: UUID, assistant: str) -> bool:
        """Return whether the thread is in the middle of this turn and has to be resumed. Raises AgentAwayError."""
        try:
            # A restarted in-memory server knows a thread only after it was created again.
            await self._client.threads.create(thread_id=str(thread), graph_id=assistant, if_exists="do_nothing")
            state = await self._client.threads.get_state(str(thread))
        except httpx.HTTPError as error:
            raise _translated(error) from error
        values = state.get("values")
        return bool(state.get("next")) and isinstance(values, dict) and values.get("turn_id") == str(turn)

    async def wait(self, thread: UUID, run: UUID, turn: UUID) -> Answer:
        """Wait for the end of a run, without a limit of its own, and return the answer.

        Raises:
            RunLostError: The server does not know the run.
            RunFailedError: It ended without an answer to this turn.
            RunCutOffError: It ended without an answer, and nothing is wrong with the turn.
            AgentAwayError: The server went away meanwhile; the run may still exist.
        """
        return await self._answer(thread, run, turn, self._join(thread, run))

    async def _answer(self, thread: UUID, run: UUID, turn: UUID, told: Awaitable[dict[str, Any]]) -> Answer:
        """Return a run's answer to a turn, from the values that the server tells at its end. Raises as `wait`."""
        try:
            values = await told
            status = "success" if _is_whole(turn, values) else await self._status(thread, run)
        except httpx.HTTPError as error:
            if _status(error) == httpx.codes.NOT_FOUND:
                raise RunLostError from error
            raise _translated(error) from error
        if failure := values.get("__error__"):
            kind = _kind(failure)
            raise RunCutOffError(kind) if kind == _STATE_AWAY else RunFailedError(kind)
        if status != "success":
            raise RunFailedError(status)
        try:
            return _answer(turn, values)
        except NestingError:
            raise RunFailedError("the answer is nested too deeply") from None

    async def _status(self, thread: UUID, run: UUID) -> str:
        return str((await self._client.runs.get(str(thread), str(run)))["status"])

    async def _join(self, thread: UUID, run: UUID) -> dict[str, Any]:
        # Not the SDK's join, which retries by itself, warns, and hides for 15 s that the server went away.
        response = await self._http.get(f"/threads/{thread}/runs/{run}/join")
        response.raise_for_status()
        return await _values(response)

    async def cancel(self, thread: UUID, run: UUID) -> None:
        """Ask the server to stop a run whose answer is no longer needed; failures are only logged."""
        try:
            await self._client.runs.cancel(str(thread), str(run))
        except httpx.HTTPError as error:
            log.info("run_not_cancelled", run_id=str(run), error=type(error).__name__)


def _named(response: httpx.Response) -> UUID:
    """Return the id of the run that a response is about; without one the run has to be looked for."""
    try:
        return UUID(response.headers.get("content-location", "").rpartition("/")[2])
    except ValueError:
        raise AgentAwayError("the agent server does not say which run it began") from None


async def _values(response: httpx.Response) -> dict[str, Any]:
    """Read the values of a thread, which arrive at the end of its run. Raises httpx.HTTPError and RunFailedError."""
    await response.aread()
    try:
        values = response.json()
    except RecursionError:
        raise RunFailedError("the answer is nested too deeply") from None
    return values if isinstance(values, dict) else {}


def _is_whole(turn: UUID, values: Mapping[str, Any]) -> bool:
    """Return whether values say themselves that they are the whole answer to a turn, as those of our own graph do."""
    return "__error__" not in values and values.get("answered") == str(turn)


def _answer(turn: UUID, values: Mapping[str, Any]) -> Answer:
    """Return the run's answer to a turn, from the values of its thread.

    Raises RunFailedError where it is no answer, and NestingError where it is nested too deeply.
    """
    if values.get("turn_id") != str(turn):
        raise RunFailedError("the run answered another turn")
    replies, handoff = clean(values.get("replies")), clean(values.get("handoff"))
    if not isinstance(replies, list) or not all(isinstance(reply, dict) and "type" in reply for reply in replies):
        raise RunFailedError("the replies are no list of replies")
    if handoff is not None and not isinstance(handoff, dict):
        raise RunFailedError("the handoff is no object")
    return Answer(
        replies,
        handoff,
        values.get("verified") is True,
        _steps(clean(values.get("steps"))),
        _usage(values.get("usage")),
        _transcripts(clean(values.get("transcripts"))),
        next((way for way in get_args(Way) if way == values.get("erasure")), None),
    )


def _steps(given: object) -> list[dict[str, Any]]:
    """Return the steps that are as they should be: for people only, so that a bad one is no reason to fail."""
    names = ("tool", "arguments", "result")
    known = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    whole = [one for one in known if all(isinstance(one.get(name), str) for name in names)]
    return [
        {name: one[name][:_STEP_LENGTH] for name in names} | _passages(one.get("passages"))
        for one in whole[:_MOST_STEPS]
    ]


def _passages(given: object) -> dict[str, Any]:
    """Return the passages of knowledge that a step gave to the agent, by their name; nothing where there are none."""
    known = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    whole = [
        {name: one[name] for name in _PASSAGE} | {"title": one["title"][:_STEP_LENGTH], "source": one["source"][:36]}
        for one in known[:_MOST_STEPS]
        if all(isinstance(one.get(name), kind) for name, kind in _PASSAGE.items())
    ]
    return {"passages": whole} if whole else {}


def _transcripts(given: object) -> dict[str, str]:
    """Return the transcripts that are as they should be: for people only, as the steps."""
    known = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    pairs = [(one.get("message"), one.get("text")) for one in known[:_MOST_TRANSCRIPTS]]
    return {
        message: text[:_LONGEST_TRANSCRIPT]
        for message, text in pairs
        if isinstance(message, str) and isinstance(text, str) and text
    }


def _usage(told: object) -> Usage | None:
    """Return the tokens that the run used; None where it tells none, or not in the contract's shape."""
    if not isinstance(told, dict):
        return None
    counts = [told.get(name) for name in ("tokens_in", "tokens_out", "cached")]
    numbers = [count for count in counts if isinstance(count, int) and 0 <= count <= _MOST_TOKENS]
    if len(numbers) < len(counts):
        return None
    return Usage(clean_text(str(told.get("model") or ""))[:_LONGEST_MODEL], *numbers)


def _status(error: httpx.HTTPError) -> int | None:
    return error.response.status_code if isinstance(error, httpx.HTTPStatusError) else None


def _translated(error: httpx.HTTPError) -> Exception:
    """Return RunFailedError for a 4xx that every retry would get too, else AgentAwayError."""
    status = _status(error)
    if status is not None and 400 <= status < 500 and status not in (401, 403, 408, 409, 425, 429):
        return RunFailedError(f"the agent server refused the run with {status}")
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        return NotConnectedError(type(error).__name__)
    return AgentAwayError(f"status {status}" if status else type(error).__name__)


def _kind(failure: object) -> str:
    """Return the class of a run's error without its message, which may quote a customer."""
    named = str(failure.get("error", "error")) if isinstance(failure, dict) else str(failure).split(":", 1)[0]
    return clean_text(named)[:100]
