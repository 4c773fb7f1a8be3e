"""Clients that try to starve `serve`, by real sockets: honest webhooks beside them are acknowledged within a second.

One process for all tests, with short deadlines; its memory is looked at after each.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psycopg
import pytest

from gateway.whatsapp.webhooks.signature import sign
from simulator import ports
from simulator.stack.postgres import Postgres
from tests.gateway.support.deliveries import NUMBER, SECRET, payload, signed, text

PATH = "/webhook/whatsapp"
BODY_BYTES = 3_000_000
MAX_MEMORY_KB = 300_000
HEADER_SECONDS, BODY_SECONDS = 2, 3


class Served(NamedTuple):
    """A running `serve`: its ports, its process and its database."""

    port: int
    ops_port: int
    pid: int
    database: str


@pytest.fixture(scope="module")
def served(postgres: Postgres, database_template: str) -> Iterator[Served]:
    database = postgres.create_database("starving", database_template)
    port, ops_port = ports.free_port(), ports.free_port()
    settings = {
        "DATABASE_URL": database, "GATEWAY_PORT": str(port), "OPS_PORT": str(ops_port), "LOG_LEVEL": "error",
        "WHATSAPP_PHONE_NUMBER_ID": NUMBER, "WHATSAPP_ACCESS_TOKEN": "t", "WHATSAPP_APP_SECRET": SECRET,
        "HTTP_HEADER_SECONDS": str(HEADER_SECONDS), "HTTP_BODY_SECONDS": str(BODY_SECONDS),
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-m", "gateway.cli", "serve"], env={**os.environ, **settings})
    _await(lambda: httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200)
    yield Served(port, ops_port, process.pid, database)
    process.terminate()
    process.wait(timeout=30)
    postgres.drop_database("starving")


@pytest.fixture(autouse=True)
def _memory(served: Served) -> Iterator[None]:
    yield
    status = Path(f"/proc/{served.pid}/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0])
    assert peak < MAX_MEMORY_KB, f"serve took {peak} kB"


def _await(condition: Callable[[], bool]) -> None:
    for _ in range(400):
        with suppress(httpx.TransportError):
            if condition():
                return
        time.sleep(0.05)
    raise AssertionError("it did not come true")


class Attackers:
    """Connections that stay open until the block ends, or until the server closes them."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._open: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def __aenter__(self) -> "Attackers":
        return self

    async def __aexit__(self, *_: object) -> None:
        for _, writer in self._open:
            writer.transport.abort()
        for _, writer in self._open:
            with suppress(OSError):
                await writer.wait_closed()

    async def send(self, data: bytes) -> asyncio.StreamReader:
        """Send as much as is taken on a new connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._served.port)
        self._open.append((reader, writer))
        with suppress(OSError):
            writer.write(data)
            await writer.drain()
        return reader

    async def all_closed(self, seconds: float) -> None:
        """Wait until the server has closed all connections."""
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(_closed(reader) for reader, _ in self._open))


async def _closed(reader: asyncio.StreamReader) -> None:
    with suppress(OSError):
        while await reader.read(65536):
            pass


def _header(length: int, signature: str) -> bytes:
    return (
        f"POST {PATH} HTTP/1.1\r\nHost: g\r\nContent-Length: {length}\r\nX-Hub-Signature-256: {signature}\r\n\r\n"
    ).encode()


PLAUSIBLE = "sha256=" + "0" * 64


@contextmanager
def honest(served: Served) -> Iterator[None]:
    """Deliver a new message every 50 ms as long as the block lasts, and at least once after it."""
    times: list[float] = []
    over = threading.Event()

    def deliver() -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{served.port}", timeout=30) as client:
            last = False
            while not last:
                last = over.wait(0.05)
                request = signed(payload(text("Olá")))
                began = time.monotonic()
                answer = client.post(PATH, **request)
                times.append(time.monotonic() - began if answer.status_code == 200 else float("inf"))

    thread = threading.Thread(target=deliver)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert max(times) < 1, f"an honest webhook waited for {max(times):.1f} s"


async def test_half_sent_requests_are_closed_and_cannot_take_all_places(served: Served) -> None:
    with honest(served):
        async with Attackers(served) as attackers:
            for _ in range(1_200):
                await attackers.send(b"POST /webhook/whatsapp HTTP/1.1\r\nHost:")
            await attackers.all_closed(HEADER_SECONDS + 5)


async def test_a_dripping_body_is_closed(served: Served) -> None:
    with honest(served):
        async with Attackers(served) as attackers:
            for _ in range(50):
                await attackers.send(_header(1000, PLAUSIBLE) + b"{")
            await attackers.all_closed(BODY_SECONDS + 3)


async def test_a_header_is_read_to_its_bound(served: Served) -> None:
    with honest(served):
        async with Attackers(served) as attackers:
            answer = await attackers.send(b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 17_000)
            assert b" 431 " in await answer.readline()
            endless = b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 30_000_000
            await asyncio.gather(*(attackers.send(endless) for _ in range(5)))


async def test_a_header_of_thousands_of_fields_is_refused(served: Served) -> None:
    async with Attackers(served) as attackers:
        answer = await attackers.send(b"GET /healthz HTTP/1.1\r\n" + b"a:\r\n" * 3_000 + b"\r\n")
        assert b" 400 " in await answer.readline()


@pytest.mark.parametrize("signature", ["", "sha1=abc", "sha256=00"])
async def test_a_body_without_a_signature_is_answered_before_it_comes(served: Served, signature: str) -> None:
    async with Attackers(served) as attackers:
        answer = await attackers.send(_header(BODY_BYTES, signature))
        assert b" 403 " in await asyncio.wait_for(answer.readline(), 1)


async def test_bodies_that_no_secret_signed_do_not_fill_the_memory(served: Served) -> None:
    almost = _header(BODY_BYTES, PLAUSIBLE) + b" " * (BODY_BYTES - 1)
    with honest(served):
        async with Attackers(served) as attackers:
            for _ in range(10):
                await asyncio.gather(*(attackers.send(almost) for _ in range(10)))


async def test_one_request_before_the_answer_to_the_first_is_answered(served: Served) -> None:
    asked = b"GET /healthz HTTP/1.1\r\nHost: g\r\n"
    async with Attackers(served) as clients:
        reader = await clients.send(asked + b"\r\n" + asked + b"Connection: close\r\n\r\n")
        async with asyncio.timeout(30):
            assert (await reader.read()).count(b"HTTP/1.1 200 OK") == 2


async def test_requests_before_the_answer_to_the_first_are_refused(served: Served) -> None:
    with honest(served):
        async with Attackers(served) as attackers:
            many = b"GET /healthz HTTP/1.1\r\nHost: g\r\n\r\n" * 50_000
            await asyncio.gather(*(attackers.send(many) for _ in range(20)))
            await attackers.all_closed(BODY_SECONDS + 3)


ERROR = {"code": 131000, "title": "x"}
CONTACTS = [{"wa_id": str(n), "user_id": str(n)} for n in range(2_000)]
SHAPES: dict[str, Callable[[], dict[str, Any]]] = {
    "tiny messages": lambda: {"messages": [{}] * 900_000},
    "tiny statuses": lambda: {"statuses": [0] * 1_400_000},
    "errors that name messages": lambda: {
        "messages": [{"id": f"wamid.{n}"} for n in range(60_000)], "errors": [ERROR] * 40_000,
    },
    "errors next to nameless calls": lambda: {"calls": [{}] * 500_000, "errors": [ERROR] * 4_000},
    "unknown items with contacts": lambda: {"contacts": CONTACTS, "messages": [7] * 4_000},
    "items with a large contact": lambda: {
        "contacts": [{"wa_id": "1", "profile": {"name": "x" * 2_000_000}}],
        "messages": [{"id": f"w{n}", "from": "1", "type": "text"} for n in range(4_000)],
    },
    "small dictionaries": lambda: {"messages": [{"": 0}] * 400_000},
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
async def test_one_signed_body_costs_little_whatever_its_shape(served: Served, shape: str) -> None:
    content = payload()
    content["entry"][0]["changes"][0]["value"] |= SHAPES[shape]() | {"made_by": shape}
    body = json.dumps(content, separators=(",", ":")).encode()
    assert len(body) < 3 * 1024 * 1024
    request = b"".join((_header(len(body), sign(body, SECRET)), body))
    with honest(served):
        async with Attackers(served) as attackers:
            readers = await asyncio.gather(*(attackers.send(request) for _ in range(3)))
            answers = [await reader.readline() for reader in readers]
    assert [answer.split()[1] for answer in answers] == [b"200"] * 3
    with psycopg.connect(served.database) as conn:
        found = conn.execute("SELECT field, type, raw FROM event WHERE type = 'unknown'").fetchall()
        conn.execute("DELETE FROM event")
    [(field, _, raw)] = found
    assert (field, json.loads(raw)) == ("unknown", {"raw": content})


def test_the_metrics_name_the_bounds(served: Served) -> None:
    told = httpx.get(f"http://127.0.0.1:{served.ops_port}/metrics").text
    for bound in ("header_seconds", "body_seconds", "header_bytes", "header_fields", "pipeline", "connections"):
        assert f'whatsapp_connections_closed_total{{bound="{bound}"}}' in told
