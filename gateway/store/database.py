"""The connection pool, and waking one another by NOTIFY."""

from __future__ import annotations

import asyncio
from datetime import datetime

import psycopg
import structlog
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

log = structlog.get_logger(__name__)

Connection = psycopg.AsyncConnection[TupleRow]
Pool = AsyncConnectionPool[Connection]

#: What a database that is away raises, from a pool (its time-out included) or from a connection; one without its
#: tables counts as away too, until somebody runs the migrations.
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.UndefinedTable)

CHANNEL = "gateway"
EVENTS, TURNS, OUTBOX, MEDIA = "events", "turns", "outbox", "media"


def make_pool(url: str, size: int) -> Pool:
    """A pool that is not open yet: ``await pool.open(wait=False)`` in the lifespan.

    Connections are checked when taken, so that a restarted Postgres costs a reconnect and no error.
    """
    return AsyncConnectionPool(
        url,
        min_size=2,
        max_size=size,
        open=False,
        timeout=10,
        check=AsyncConnectionPool.check_connection,
        kwargs={"autocommit": True, "application_name": "whatsapp-gateway", "connect_timeout": 5},
        name="gateway",
    )


async def now(conn: Connection) -> datetime:
    """The database's time."""
    row = await (await conn.execute("SELECT clock_timestamp()")).fetchone()
    return row[0]  # type: ignore[index,no-any-return]


async def notify(conn: Connection, topic: str) -> None:
    """Wake who works on a topic, once the current transaction commits."""
    await conn.execute("SELECT pg_notify(%s, %s)", (CHANNEL, topic))


class Wakeups:
    """One LISTEN connection a process, and an event a topic. A lost NOTIFY is no loss: who waits also polls."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._events = {topic: asyncio.Event() for topic in (EVENTS, TURNS, OUTBOX, MEDIA)}

    def __getitem__(self, topic: str) -> asyncio.Event:
        return self._events[topic]

    async def listen(self) -> None:
        """Set the events as notifications come in, reconnecting for ever; runs until cancelled."""
        while True:
            try:
                await self._listen_once()
            except AWAY as error:
                log.info("wakeups_away", error=type(error).__name__, consequence="polling only")
            await asyncio.sleep(1)

    async def _listen_once(self) -> None:
        conn = await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, application_name="whatsapp-gateway-wakeups", connect_timeout=5
        )
        async with conn:
            await conn.execute(f"LISTEN {CHANNEL}")
            for topic in self._events.values():  # whatever was notified before we listened
                topic.set()
            async for notification in conn.notifies():
                if event := self._events.get(notification.payload):
                    event.set()
