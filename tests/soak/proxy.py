"""TCP proxies that stand before a part of the stack, and that stall, reset, or cut a connection after its request."""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Literal

from simulator.ports import HOST

Trick = Literal["stall", "reset", "cut"]
CHUNK = 65_536
CONNECT_SECONDS = 5.0


class Proxy:
    """Pass connections on to the first of several ports that accepts one, each time beginning with the next port.

    `play` does one of three things to the connections that are open: `stall` passes nothing on for some seconds,
    `reset` ends them with a TCP reset, and `cut` passes on the next bytes of each client and resets it then, so that
    the request has its effect and the answer is lost.
    """

    def __init__(self, port: int, targets: Sequence[int]) -> None:
        self.port, self._targets = port, targets
        self._turn = itertools.count()
        self._open: set[_Connection] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def serve(self) -> asyncio.Server:
        """Listen on the port."""
        return await asyncio.start_server(self._accept, HOST, self.port, backlog=512)

    async def play(self, trick: Trick, seconds: float) -> int:
        """Play a trick on the open connections; return how many there are."""
        hit = [*self._open]
        if trick == "stall":
            self._flowing.clear()
            await asyncio.sleep(seconds)
            self._flowing.set()
        for one in hit if trick != "stall" else []:
            one.cut = True
            if trick == "reset":
                one.reset()
        return len(hit)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found = await self._connect()
        if found is None:
            _reset(writer)
            return
        connection = _Connection(writer, found[1])
        self._open.add(connection)
        try:
            await asyncio.gather(self._requests(reader, connection), self._answers(found[0], connection))
        except OSError:
            pass  # one of the two ends is gone, and so is the connection
        finally:
            self._open.discard(connection)
            connection.reset()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        first = next(self._turn)
        for offset in range(len(self._targets)):
            port = self._targets[(first + offset) % len(self._targets)]
            with suppress(OSError, TimeoutError):
                return await asyncio.wait_for(asyncio.open_connection(HOST, port), CONNECT_SECONDS)
        return None

    async def _requests(self, reader: asyncio.StreamReader, connection: _Connection) -> None:
        while chunk := await reader.read(CHUNK):
            await self._flowing.wait()
            connection.server.write(chunk)
            await connection.server.drain()
            if connection.cut:
                connection.reset()
        with suppress(OSError):
            connection.server.write_eof()

    async def _answers(self, reader: asyncio.StreamReader, connection: _Connection) -> None:
        while chunk := await reader.read(CHUNK):
            await self._flowing.wait()
            connection.client.write(chunk)
            await connection.client.drain()
        connection.reset() if connection.cut else connection.client.close()


class _Connection:
    """The two ends of a connection; `cut`: it ends with its next request."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client, self.server, self.cut = client, server, False

    def reset(self) -> None:
        """End it towards the client by a TCP reset; the server sees an ordinary end, after what was sent to it."""
        _reset(self.client)
        self.server.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None and not writer.is_closing():
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Proxies:
    """Proxies by name, in a thread of their own while the block runs."""

    def __init__(self, targets: dict[str, tuple[int, Sequence[int]]]) -> None:
        self._targets = targets

    @property
    def names(self) -> list[str]:
        """The names, in the order given."""
        return [*self._targets]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve while the block runs."""
        started: Future[asyncio.AbstractEventLoop] = Future()
        thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)))
        thread.start()
        self._loop = started.result(10)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._ended.set)
            thread.join(10)

    async def _serve(self, started: Future[asyncio.AbstractEventLoop]) -> None:
        self._ended = asyncio.Event()
        self._proxies = {name: Proxy(port, to) for name, (port, to) in self._targets.items()}
        servers = [await proxy.serve() for proxy in self._proxies.values()]
        started.set_result(asyncio.get_running_loop())
        await self._ended.wait()
        for server in servers:
            server.close()
        for proxy in self._proxies.values():
            await proxy.play("reset", 0)

    def play(self, name: str, trick: Trick, seconds: float = 0) -> int:
        """Play a trick on the connections of one proxy, and wait until it is over; return how many it hit."""
        return asyncio.run_coroutine_threadsafe(self._proxies[name].play(trick, seconds), self._loop).result(60)
