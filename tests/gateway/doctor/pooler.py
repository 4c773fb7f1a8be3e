"""A pooler in transaction mode, as small as can be: all clients share one connection, a transaction at a time."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator

from psycopg.conninfo import conninfo_to_dict

_SSL, _GSS = 80877103, 80877104
_READY, _IN_NO_TRANSACTION = b"Z", b"I"
_ENDS_A_STEP = (b"Q", b"S")  # Query and Sync: the server answers them with ReadyForQuery
_TERMINATE = b"X"


class _Pooler:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, greeting: bytes) -> None:
        self._reader, self._writer, self._greeting = reader, writer, greeting
        self._turn = asyncio.Lock()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError), contextlib.closing(writer):
            while await _startup_code(reader) in (_SSL, _GSS):
                writer.write(b"N")
            writer.write(self._greeting)
            while await self._transaction(reader, writer):
                pass

    async def _transaction(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Pass on a transaction; return False after the client's goodbye."""
        kind, message = await _message(reader)
        async with self._turn:
            while kind != _TERMINATE:
                self._writer.write(message)
                if kind in _ENDS_A_STEP and await self._answer(writer) == _IN_NO_TRANSACTION:
                    return True
                kind, message = await _message(reader)
        return False

    async def _answer(self, writer: asyncio.StreamWriter) -> bytes:
        kind = b""
        while kind != _READY:
            kind, message = await _message(self._reader)
            writer.write(message)
        return message[-1:]


@contextlib.asynccontextmanager
async def transaction_pooler(url: str) -> AsyncIterator[str]:
    """Give the address of a pooler in front of a database whose server trusts us."""
    target = {key: str(value) for key, value in conninfo_to_dict(url).items()}
    reader, writer = await asyncio.open_connection(target["host"], int(target["port"]))
    named = b"".join(part.encode() + b"\0" for part in ("user", target["user"], "database", target["dbname"]))
    writer.write(struct.pack("!ii", len(named) + 9, 196608) + named + b"\0")
    greeting, kind = b"", b""
    while kind != _READY:
        kind, message = await _message(reader)
        greeting += message
    server = await asyncio.start_server(_Pooler(reader, writer, greeting).serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"postgresql://{target['user']}@127.0.0.1:{port}/{target['dbname']}?sslmode=disable"
    writer.close()


async def _startup_code(reader: asyncio.StreamReader) -> int:
    length, code = struct.unpack("!ii", await reader.readexactly(8))
    await reader.readexactly(length - 8)
    return int(code)


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(5)
    return head[:1], head + await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)
