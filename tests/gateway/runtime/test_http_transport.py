"""Requests over aiohttp: what httpx's client promises, and above all which errors say that nothing was sent."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from gateway.runtime.http_transport import AiohttpTransport
from gateway.whatsapp import refusals
from gateway.whatsapp.errors import NotSent, Uncertain
from simulator.ports import free_port

#: Answers a request, given its bytes, and the streams of its connection.
Answer = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_BODY = b"hello"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    timeout = httpx.Timeout(0.2, connect=0.2)
    async with httpx.AsyncClient(transport=AiohttpTransport(2), timeout=timeout) as client:
        yield client


@asynccontextmanager
async def served(answer: Answer) -> AsyncIterator[str]:
    """Serve one request of `_BODY`, and provide the address."""
    ended = asyncio.Event()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await answer(head + await reader.readexactly(len(_BODY)), reader, writer)
        writer.close()
        ended.set()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/%2Fa%20b?c=%2B"
        await ended.wait()


def answering(raw: bytes) -> Answer:
    async def answer(_: bytes, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return answer


async def silence(_: bytes, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Give no answer until the client has closed the connection."""
    await reader.read()


async def test_a_request_goes_out_as_the_client_made_it(client: httpx.AsyncClient) -> None:
    seen = b""

    async def answer(request: bytes, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen = request
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 0\r\n\r\n")

    async with served(answer) as address:
        response = await client.post(address, content=_BODY)
    assert seen.startswith(b"POST /%2Fa%20b?c=%2B HTTP/1.1\r\n")
    assert seen.endswith(b"\r\n\r\nhello")
    assert seen.lower().count(b"user-agent: python-httpx") == seen.lower().count(b"user-agent:") == 1
    assert response.status_code == 302
    assert response.headers.get_list("x-a") == ["1", "2"]


async def test_a_compressed_answer_is_read(client: httpx.AsyncClient) -> None:
    body = gzip.compress(b"{}")
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    async with served(answering(head + body)) as address:
        assert (await client.post(address, content=_BODY)).json() == {}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"this is no HTTP\r\n\r\n",
    ],
    ids=["nothing", "half a head", "half a body", "no HTTP"],
)
async def test_a_broken_answer_leaves_in_doubt_whether_the_request_arrived(
    client: httpx.AsyncClient, raw: bytes
) -> None:
    async with served(answering(raw)) as address:
        with pytest.raises(httpx.TransportError) as caught:
            await client.post(address, content=_BODY)
    assert isinstance(refusals.of_transport(caught.value), Uncertain)


async def test_a_reset_leaves_in_doubt_whether_the_request_arrived(client: httpx.AsyncClient) -> None:
    async def answer(_: bytes, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with served(answer) as address:
        with pytest.raises(httpx.ReadError):
            await client.post(address, content=_BODY)


async def test_an_answer_that_does_not_come_is_a_read_timeout(client: httpx.AsyncClient) -> None:
    async with served(silence) as address:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(address, content=_BODY)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:{port}/", "https://127.0.0.1:{port}/", "http://nowhere.invalid/"]
)
async def test_where_nobody_listens_nothing_was_sent(client: httpx.AsyncClient, address: str) -> None:
    with pytest.raises(httpx.TransportError) as caught:
        await client.post(address.format(port=free_port()), content=_BODY)
    assert isinstance(refusals.of_transport(caught.value), NotSent)


async def test_a_wait_for_a_connection_ends_without_sending() -> None:
    timeout = httpx.Timeout(0.3, pool=0.05)
    async with (
        httpx.AsyncClient(transport=AiohttpTransport(1), timeout=timeout) as client,
        served(silence) as address,
    ):
        first = asyncio.create_task(client.post(address, content=_BODY))
        await asyncio.sleep(0)
        with pytest.raises(httpx.TransportError) as caught:
            await client.post(address, content=_BODY)
        with pytest.raises(httpx.ReadTimeout):
            await first
    assert isinstance(refusals.of_transport(caught.value), NotSent)
