"""Questions to the agent server about the knowledge: any of its servers that answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
import structlog
from pydantic import TypeAdapter, ValidationError

from gateway.console.parts import Parts
from gateway.console.routes import RefusedError
from gateway.runtime.agent_servers import AgentServers, State, look
from gateway.runtime.telemetry import ERRORS

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS, TRIAL_SECONDS, FILE_SECONDS = 8.0, 15.0, 30.0  # a trial may wait for the vectors of its draft
_CONNECT_SECONDS = 2.0  # after them another server is asked
_LOOK_SECONDS = 2.0
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout)
_SENTENCES = {404: "knowledge.gone", 409: "knowledge.changed", 413: "errors.413", 422: "knowledge.refused"}
T = TypeVar("T")
NOTHING: TypeAdapter[Any] = TypeAdapter(Any)


class KnowledgeServer:
    """`/knowledge/…` of the agent servers that LANGGRAPH_URL names: of the first one that answers."""

    def __init__(self, parts: Parts) -> None:
        self._http = parts.http
        self._token = parts.settings.knowledge_token
        self._servers = AgentServers(parts.settings.langgraph_url)
        self._well: str | None = None

    async def get(
        self, path: str, shape: TypeAdapter[T], params: Mapping[str, str] | None = None,
        seconds: float = TIMEOUT_SECONDS,
    ) -> T:  # fmt: skip
        """Return an answer of the server, which may take so long. Raises RefusedError, which says what is wrong."""
        return _read(await self._answer("GET", path, repeatable=True, seconds=seconds, params=params), shape)

    async def ask(self, path: str, body: object, shape: TypeAdapter[T], seconds: float = TRIAL_SECONDS) -> T:
        """Return the answer to a question that changes nothing. Raises RefusedError."""
        return _read(await self._answer("POST", path, repeatable=True, seconds=seconds, json=body), shape)

    async def change(self, method: str, path: str, body: object = None, shape: TypeAdapter[T] = NOTHING) -> T:
        """Carry out a change and return its answer. Raises RefusedError, also where it is not known to be done."""
        return _read(await self._answer(method, path, repeatable=False, json=body), shape)

    async def send(self, path: str, content: bytes, shape: TypeAdapter[T]) -> T:
        """Send a file, and return the answer. Raises RefusedError as `change` does."""
        return _read(await self._answer("POST", path, repeatable=False, seconds=FILE_SECONDS, content=content), shape)

    async def _answer(
        self, method: str, path: str, *, repeatable: bool, seconds: float = TIMEOUT_SECONDS, **content: object
    ) -> httpx.Response:
        if self._token is None:
            raise RefusedError(404, "knowledge.off")
        headers = {"authorization": f"Bearer {self._token.get_secret_value()}"}
        timeout = httpx.Timeout(seconds, connect=_CONNECT_SECONDS)
        for url in await self._in_order(long=seconds > TIMEOUT_SECONDS):
            try:
                answer = await self._http.request(method, url + path, headers=headers, timeout=timeout, **content)  # type: ignore[arg-type] # json or params
                if answer.status_code in _SENTENCES:
                    raise _refused(answer)
                answer.raise_for_status()
            except httpx.HTTPError as error:
                self._well = None
                ERRORS.labels("knowledge").inc()
                log.warning("knowledge_away", error=type(error).__name__)
                if not repeatable and not isinstance(error, _NOT_SENT):
                    raise RefusedError(503, "knowledge.unsure") from None
            else:
                self._well = url
                return answer
        raise RefusedError(503, "knowledge.away")

    async def _in_order(self, *, long: bool) -> list[str]:
        """Return the addresses, first the one that answered last; one that hangs costs a look, and not each page.

        long: of a request that may take long; a server that is away is not asked then.
        """
        found = list(await self._servers.addresses())
        if long or (self._well not in found and len(found) > 1):
            looks = await asyncio.gather(*(look(self._http, one, _LOOK_SECONDS) for one in found))
            states = dict(zip(found, looks, strict=True))
            self._well = next((one for one in found if states[one] is State.WELL), None)
            found = [one for one in found if not long or states[one] is not State.AWAY]
        return sorted(found, key=lambda one: one != self._well)


def _refused(answer: httpx.Response) -> RefusedError:
    """Return what is wrong, in the server's own sentence where it is one for people: such an answer has a code."""
    told = answer.json()
    if told.get("code"):
        return RefusedError(answer.status_code, "knowledge.told", values={"detail": told["detail"]})
    return RefusedError(answer.status_code, _SENTENCES[answer.status_code])


def _read(answer: httpx.Response, shape: TypeAdapter[T]) -> T:
    try:
        return shape.validate_json(answer.content)
    except ValidationError as error:
        ERRORS.labels("knowledge").inc()
        log.warning("knowledge_away", error=type(error).__name__)
        raise RefusedError(503, "knowledge.away") from None
