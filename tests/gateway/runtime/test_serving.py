"""Doors: a port that does not answer is reported, and a process opens all its ports or none."""

import asyncio
import socket
from collections.abc import Callable

import httpx
import pytest
from starlette.applications import Starlette

from gateway.runtime import operations
from gateway.runtime.serving import Door, PortTakenError

NOTHING = Starlette()


def asking(door: Door) -> httpx.AsyncClient:
    """Return a client for the health of a process whose only part is this door."""
    app = Starlette(routes=operations.Ops({"webhook": door.problem}, needed=frozenset({"webhook"})).routes())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


async def test_a_door_that_nobody_opened_is_not_ready(free_port: Callable[[], int]) -> None:
    async with asking(Door(NOTHING, "127.0.0.1", free_port(), "GATEWAY_PORT")) as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert "nobody listens" in answer.json()["webhook"]


async def test_a_door_behind_which_nobody_answers_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "_CHECK_SECONDS", 0.2)
    door = Door(NOTHING, "127.0.0.1", 0, "GATEWAY_PORT")
    with door.open():  # the kernel takes connections, the program does not
        async with asking(door) as client:
            answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert "no answer" in answer.json()["webhook"]


@pytest.mark.parametrize(
    ("said", "problem"),
    [(b"HTTP/1.1 200 OK\r\n\r\n", ""), (b"HTTP/1.1 500 No\r\n\r\n", "200"), (b"", "port"), (b"x\n", "200")],
)
async def test_only_a_200_is_an_answer(said: bytes, problem: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    door = Door(NOTHING, "127.0.0.1", 0, "GATEWAY_PORT")
    async with await asyncio.start_server(answer, sock=door.open()):
        found = await door.problem()
    assert (found is None) is (problem == "")
    assert problem in str(found)


@pytest.mark.parametrize(("host", "family"), [("0.0.0.0", socket.AF_INET), ("::", socket.AF_INET6)])  # noqa: S104
async def test_a_door_on_all_addresses_is_asked_on_this_machines_own(host: str, family: int) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()

    door = Door(NOTHING, host, 0, "GATEWAY_PORT")
    opened = door.open()
    assert opened.family == family
    async with await asyncio.start_server(answer, sock=opened):
        assert await door.problem() is None


def test_a_taken_port_names_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        door = Door(NOTHING, "127.0.0.1", taken.getsockname()[1], "OPS_PORT")
        with pytest.raises(PortTakenError, match="OPS_PORT"):
            door.open()
