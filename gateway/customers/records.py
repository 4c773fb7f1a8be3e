"""The data of one person at the agent server: its memory of them, and the business data behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import httpx

from gateway.runtime.agent_servers import AgentServers

_TIMEOUT = httpx.Timeout(60, connect=5)  # a run that is under way has to end first
_MOST_IDS = 1000  # that a request may name
_NO_SERVER = "DNS names no agent server: look at LANGGRAPH_URL"
_EXPLANATIONS = {
    httpx.codes.UNAUTHORIZED: "the agent server does not take LANGGRAPH_TOKEN",
    httpx.codes.NOT_FOUND: "the agent server is older than this gateway: upgrade it",
    httpx.codes.NOT_IMPLEMENTED: "the company's API has no such call: see to it there",
}


class NotReachedError(Exception):
    """A place could not be reached; the text says why and what to do. passing: another attempt may succeed."""

    def __init__(self, why: str, *, passing: bool = True) -> None:
        super().__init__(why)
        self.passing = passing


class Records:
    """A client of the agent servers (`graph/customer_records.py`). http: opened and closed by the caller."""

    def __init__(self, http: httpx.AsyncClient, servers: AgentServers, token: str | None) -> None:
        self._http = http
        self._servers = servers
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    async def memory(self, act: str, threads: Sequence[UUID], profiles: Sequence[UUID]) -> dict[str, Any]:
        """Return the threads and facts of a person (`export`), or how much of them was erased (`erase`).

        Raises NotReachedError.
        """
        body = {
            "threads": [str(one) for one in threads[:_MOST_IDS]],
            "profiles": [str(one) for one in profiles[:_MOST_IDS]],
        }
        if act != "erase":
            return await self._post(f"/customer/memory/{act}", body)
        # Each server has the input of its latest runs in its own memory.
        counts: Counter[str] = Counter()
        if not (servers := await self._servers.addresses()):
            raise NotReachedError(_NO_SERVER)
        for server in servers:
            counts.update(await self._post_to(server, f"/customer/memory/{act}", body))
        return dict(counts)

    async def business(self, act: str, request: UUID, whose: dict[str, Any]) -> dict[str, Any]:
        """Return the records of the business data (`export`), or the company's answer to an erasure (`erase`).

        Raises NotReachedError.
        """
        return await self._post(f"/customer/business/{act}", {"request": str(request), "customer": whose})

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            server = await self._servers.any_well(self._http)
        except httpx.ConnectError as error:
            raise NotReachedError(_NO_SERVER) from error
        return await self._post_to(server, path, body)

    async def _post_to(self, server: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = await self._http.post(f"{server}{path}", json=body, headers=self._headers, timeout=_TIMEOUT)
            answer.raise_for_status()
            return dict(answer.json())
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            why = _EXPLANATIONS.get(httpx.codes(status), f"the agent server answered {status}")
            raise NotReachedError(why, passing=status != httpx.codes.NOT_IMPLEMENTED) from error
        except (httpx.HTTPError, ValueError) as error:
            raise NotReachedError(f"the agent server does not answer ({type(error).__name__})") from error
