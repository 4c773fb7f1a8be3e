"""A small HTTP/1.1 load generator: several connections, each with one request at a time; latencies in seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Result:
    """The measurements of one run."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    failures: int = 0

    @property
    def rate(self) -> float:
        """Answered requests a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Return the latency in milliseconds under which this share of the requests was answered."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Connection(asyncio.Protocol):
    """Send the next request when the answer to the last one is complete; answers carry a content-length."""

    def __init__(self, requests: Iterator[bytes], until: float, result: Result, done: asyncio.Future[None]) -> None:
        self._requests, self._until, self._result, self._done = requests, until, result, done
        self._buffer = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # TCP gives one
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._result.failures += exc is not None
            self._done.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found or len(rest) < _length(head):
            return
        self._buffer = b""
        if head.startswith(b"HTTP/1.1 200"):
            self._result.latencies.append(time.perf_counter() - self._sent_at)
        else:
            self._result.failures += 1
        self._next()

    def _next(self) -> None:
        self._sent_at = time.perf_counter()
        if self._sent_at >= self._until:
            self._transport.close()
        else:
            self._transport.write(next(self._requests))


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


async def load(port: int, connections: int, seconds: float, requests: Iterator[bytes]) -> Result:
    """Keep `connections` busy for some seconds with whole requests, head and body, from an iterator."""
    loop = asyncio.get_running_loop()
    result = Result(seconds)
    until = time.perf_counter() + seconds
    waiting = []
    for _ in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        await loop.create_connection(lambda done=done: _Connection(requests, until, result, done), "127.0.0.1", port)  # type: ignore[misc]  # mypy cannot infer this lambda
        waiting.append(done)
    await asyncio.gather(*waiting)
    return result
