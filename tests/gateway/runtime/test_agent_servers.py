"""LANGGRAPH_URL: its forms, the SRV records of a real name server, and a server that is well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dns.asyncresolver
import dns.message
import dns.rrset
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.runtime import agent_servers
from gateway.runtime.agent_servers import AgentServers, State, look
from tests.gateway.support.serving import served

NAME = "_http._tcp.wa-agent.ns.svc"


@pytest.mark.parametrize(
    "given", ["agent:2024", "", "http://", "http://one,", "http://one two", "ftp://one", "srv+agent", "srv+http://"]
)
def test_another_form_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"write http://host:port|Invalid"):
        AgentServers(given)


async def test_a_list() -> None:
    servers = AgentServers("http://one:2024/, https://two")
    assert await servers.addresses() == ["http://one:2024", "https://two"]


class NameServer(asyncio.DatagramProtocol):
    """A name server on a port of this machine with the SRV records of one name; it can be silent."""

    def __init__(self) -> None:
        self.targets: list[str] = []
        self.silent = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question)
        name = question.question[0].name
        if name.to_text() == f"{NAME}.":
            answer.answer.append(dns.rrset.from_text(name, 5, "IN", "SRV", *self.targets))
        if not self.silent:
            self.transport.sendto(answer.to_wire(), sender)  # type: ignore[attr-defined]


@asynccontextmanager
async def name_server() -> AsyncIterator[tuple[NameServer, dns.asyncresolver.Resolver]]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(NameServer, ("127.0.0.1", 0))
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], transport.get_extra_info("sockname")[1]
    yield server, resolver
    transport.close()


async def test_srv_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_servers, "_FRESH_SECONDS", -1)
    monkeypatch.setattr(agent_servers, "_DNS_SECONDS", 0.2)
    async with name_server() as (server, resolver):
        servers = AgentServers(f"srv+http://{NAME}", resolver)
        server.targets = [f"0 50 2024 wa-agent-{number}.wa-agent.ns.svc.cluster.local." for number in (1, 0)]
        both = ["http://wa-agent-0.wa-agent.ns.svc:2024", "http://wa-agent-1.wa-agent.ns.svc:2024"]
        assert await servers.addresses() == both
        server.silent = True
        assert await servers.addresses() == both
        server.silent = False
        server.targets.pop()
        assert await servers.addresses() == both[1:]


async def test_a_name_that_dns_does_not_know() -> None:
    async with name_server() as (_, resolver), httpx.AsyncClient() as http:
        servers = AgentServers("srv+http://_http._tcp.other", resolver)
        assert await servers.addresses() == []
        with pytest.raises(httpx.ConnectError, match="DNS names no agent server"):
            await servers.any_well(http)


async def test_any_server_that_is_well_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ok(request: Request) -> Response:
        return JSONResponse({"ok": True}, 503 if leaving else 200, {"x-leaving": "true"} if leaving else {})

    leaving = False
    async with served(Starlette(routes=[Route("/ok", ok)])) as url, httpx.AsyncClient() as http:
        servers = AgentServers(f"http://127.0.0.1:9,{url}")
        for _ in range(4):
            assert await servers.any_well(http) == url
        leaving = True
        assert await servers.any_well(http) == "http://127.0.0.1:9"  # one has to be asked all the same
        assert (await look(http, url), await look(http, "http://127.0.0.1:9")) == (State.LEAVING, State.AWAY)
