"""Run a process with several HTTP ports in one event loop; they open and close together.

A *door* is a port together with the application that it serves.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from gateway.runtime.connections import BoundedProtocol, Bounds, Crowd

_ENDINGS = (signal.SIGINT, signal.SIGTERM)
_OTHER_FILES = 1024  # descriptors besides those of connections to the doors: Postgres, Meta, the agent server, logs


class PortTakenError(Exception):
    """A port is taken; the message is one sentence that names the settings."""


class Door:
    """A port and its application. setting: the name of the setting that changes the port."""

    def __init__(self, app: ASGIApp, host: str, port: int, setting: str, bounds: Bounds = Bounds()) -> None:  # noqa: B008  # frozen
        self.app = app
        self.bounds = bounds
        self._where = (host, port)
        self._setting = setting
        self._socket: socket.socket | None = None

    def open(self) -> socket.socket:
        """Open the port, before other parts start, so that a busy port is reported alone. Raises PortTakenError."""
        host, port = self._where
        try:
            found = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        except OSError as error:
            advice = f"set {self._setting} or GATEWAY_HOST to another one"
            raise PortTakenError(f"cannot listen on {host}:{port} ({error.strerror}); {advice}") from error
        found.listen(2048)  # as uvicorn does by itself: Meta delivers in bursts
        self._where = (host, found.getsockname()[1])
        self._socket = found
        return found

    async def problem(self) -> str | None:
        """Request `/healthz` through the port, as a client does. Return the problem, or None."""
        host, port = self._where
        here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not listened on
        try:
            reader, writer = await asyncio.open_connection(here, port)
        except OSError as error:
            return f"nobody listens on port {port} ({type(error).__name__})"
        try:
            writer.write(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            answer = (await reader.readline()).split()
        except OSError as error:
            return f"port {port} closed the connection ({type(error).__name__})"
        finally:
            writer.close()
        return None if answer[1:2] == [b"200"] else f"port {port} does not answer 200"


@dataclass(frozen=True)
class Process:
    """Doors with one lifespan, which begins before the first request and ends after the last answer."""

    name: str
    doors: Sequence[Door]
    lifespan: Callable[[], AbstractAsyncContextManager[None]]
    drain_seconds: float
    ending: Callable[[], None] = lambda: None  # called when it is asked to end: answers without an end come to one


def run(process: Process) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished within the drain time. Raises PortTakenError."""
    sockets = [door.open() for door in process.doors]
    _allow_descriptors(process.doors)
    servers = [_Server(_config(door, process.drain_seconds)) for door in process.doors]
    with asyncio.Runner(loop_factory=servers[0].config.get_loop_factory()) as runner:
        runner.run(_serve(process, servers, sockets))


async def _serve(process: Process, servers: list[_Server], sockets: list[socket.socket]) -> None:
    loop = asyncio.get_running_loop()
    for number in _ENDINGS:
        loop.add_signal_handler(number, _end, process, servers, number)
    async with process.lifespan(), asyncio.TaskGroup() as group:
        for server, one in zip(servers, sockets, strict=True):
            group.create_task(server.serve(sockets=[one]))


def _end(process: Process, servers: list[_Server], number: int) -> None:
    """Close all doors; a second SIGINT ends the process without waiting for requests under way."""
    process.ending()
    for server in servers:
        server.handle_exit(number, None)


class _Server(uvicorn.Server):
    """The server of one door. It handles no signals: the process does, for all its doors."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _allow_descriptors(doors: Sequence[Door]) -> None:
    """Allow this process as many open files as its doors allow connections, if the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = sum(door.bounds.connections for door in doors) + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def _config(door: Door, drain_seconds: float) -> uvicorn.Config:
    protocol = partial(BoundedProtocol, Crowd(door.bounds))  # uvicorn calls it for each connection
    return uvicorn.Config(
        door.app,
        http=cast("type[asyncio.Protocol]", protocol),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the client's address is not used
        lifespan="off",  # the process has one for all doors
        timeout_graceful_shutdown=max(1, round(drain_seconds)),
    )
