"""The addresses of the agent servers, a list or a name in DNS, and one of them that is well."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import structlog

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

log = structlog.get_logger(__name__)

LOOK_SECONDS = 3.0  # after which a server that has not answered is not well
_DNS = "srv+"
_DNS_SECONDS = 3.0
_FRESH_SECONDS = 5.0  # how old an answer of DNS may be
_FORM = "write http://host:port, several of them with commas, or srv+http:// and the name of SRV records"


class State(StrEnum):
    """WELL: it takes turns. LEAVING: it takes no new ones, and ends those that it has. AWAY: neither is known."""

    WELL = "well"
    LEAVING = "leaving"
    AWAY = "away"


class AgentServers:
    """The agent servers that LANGGRAPH_URL names: `http://one:2024,http://two:2024`, or the SRV records of a name.

    Raises ValueError for an address in another form.
    """

    def __init__(self, given: str, resolver: Resolver | None = None) -> None:
        self._resolver = resolver
        self._name: str | None = None
        self._found: list[str] = []
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()
        if given.startswith(_DNS):
            self._scheme, self._name = _scheme_and_host(given.removeprefix(_DNS).strip().rstrip("/"))
        else:
            self._found = [_address(one.strip()) for one in given.split(",")]

    async def addresses(self) -> Sequence[str]:
        """Return the addresses; while DNS does not answer, those of its last answer, or none."""
        async with self._asking:
            if self._name is not None and time.monotonic() - self._asked_at > _FRESH_SECONDS:
                self._found = await self._look_up(self._name) or self._found
                self._asked_at = time.monotonic()
        return self._found

    async def any_well(self, http: httpx.AsyncClient) -> str:
        """Return the address of a server that is well; if none is, or there is only one, an address all the same.

        Raises httpx.ConnectError where DNS has named no server.
        """
        found = await self.addresses()
        if not found:
            raise httpx.ConnectError("DNS names no agent server")
        if len(found) > 1:
            for address in random.sample(found, len(found)):
                if await look(http, address) is State.WELL:
                    return address
        return found[0]

    async def _look_up(self, name: str) -> list[str]:
        import dns.asyncresolver  # only installations with several servers need it
        import dns.exception

        try:
            self._resolver = self._resolver or dns.asyncresolver.Resolver()
            records = await self._resolver.resolve(name, "SRV", search=True, lifetime=_DNS_SECONDS)
        except (dns.exception.DNSException, OSError) as error:
            log.warning("agent_servers_not_found", name=name, error=type(error).__name__)
            return []
        return sorted({f"{self._scheme}://{_host(str(one.target), name)}:{one.port}" for one in records})


async def look(http: httpx.AsyncClient, address: str, seconds: float = LOOK_SECONDS) -> State:
    """Ask a server whether it is well, and wait for its answer for some seconds."""
    try:
        answer = await http.get(f"{address}/ok", timeout=seconds)
    except httpx.HTTPError:
        return State.AWAY
    if answer.is_success:
        return State.WELL
    return State.LEAVING if answer.headers.get("x-leaving") else State.AWAY


def checked(given: str) -> str:
    """Return a value of LANGGRAPH_URL as it was given. Raises ValueError for one in another form."""
    AgentServers(given)
    return given


def _host(target: str, name: str) -> str:
    """Return the host of an SRV record as people name hosts below its Service: without the cluster's own domain."""
    service = name.rpartition("._tcp.")[2]
    before, found, _ = target.rstrip(".").partition(f".{service}")
    return f"{before}{found}"


def _address(given: str) -> str:
    _scheme_and_host(given)
    return given.rstrip("/")


def _scheme_and_host(given: str) -> tuple[str, str]:
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname or any(map(str.isspace, given)):
        raise ValueError(_FORM)
    return parts.scheme, parts.hostname
