"""The connection pool, and the NOTIFY by which processes wake each other."""

from __future__ import annotations

import asyncio
import select
from datetime import datetime
from typing import Any

import psycopg
import structlog
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

log = structlog.get_logger(__name__)

Connection = psycopg.AsyncConnection[TupleRow]
Pool = AsyncConnectionPool[Connection]

#: Errors of a transaction that lost to another one, or to a time limit, and may succeed at the next try.
CONFLICTS = (
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.QueryCanceled,
)
# Classes of SQLSTATE: connection lost; memory, disk or connections used up; server starting or stopping.
_AWAY = ("08", "53", "57P")
# A read-only server (another one took over); a transaction of a process that was suspended meanwhile; a schema older
# than this program (no such table or column).
_NOT_READY = frozenset({"25006", "25P03", "42P01", "42703"})

NOTIFICATIONS = "gateway"  # the name under which Postgres notifies
WAKEUPS = "whatsapp-gateway-wakeups"  # the connection of each `gateway work` that is notified
EVENTS, TURNS, OUTBOX, MEDIA = "events", "turns", "outbox", "media"

# Bound of a caller's wait for a connection, and of the pool's own attempts: a later caller starts them again, so that
# nobody waits for the long pauses of an old backoff when Postgres is available again.
_WAIT_SECONDS = 10
# A host that vanished without a word is found within some 20 s, by a request that waits and by one that is sent.
_CONNECTION: dict[str, Any] = {
    "connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 3, "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}  # fmt: skip

# On Postgres's side: a process that is suspended in a transaction, or whose host vanished, loses its locks.
_LIMITS = """
    SELECT set_config(name, value, false) FROM (VALUES
        ('idle_in_transaction_session_timeout', '60s'), ('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '3'),
        ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '20s')) AS wanted(name, value)
"""


def make_pool(url: str, size: int) -> Pool:
    """Return a pool that is not open yet: `await pool.open(wait=False)` in the lifespan.

    Connections are checked when taken, so that a restarted Postgres costs a reconnect and no error.
    """
    return AsyncConnectionPool(
        url,
        min_size=min(2, size),
        max_size=size,
        open=False,
        timeout=_WAIT_SECONDS,
        reconnect_timeout=_WAIT_SECONDS,
        check=_check,
        configure=_limit,
        kwargs={"autocommit": True, "application_name": "whatsapp-gateway", **_CONNECTION},
        name="gateway",
    )


async def _limit(conn: Connection) -> None:
    await conn.execute(_LIMITS)


async def _check(conn: Connection) -> None:
    """Check that a connection still works. Raises psycopg.OperationalError.

    The round trip of the pool's own check is made only if there are bytes to read: on an idle connection they nearly
    always announce its end. A turn borrows some fifteen connections.
    """
    readable = select.poll()
    readable.register(conn.fileno(), select.POLLIN)
    if readable.poll(0):
        await AsyncConnectionPool.check_connection(conn)


def is_away(error: BaseException) -> bool:
    """Return whether an error means that the database is away or not ready for any statement.

    Any other error is that of one statement or row: that one fails, and the others continue.
    """
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:  # not from a server: no connection, or the pool's time-out
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate.startswith(_AWAY) or error.sqlstate in _NOT_READY


def may_pass(error: BaseException) -> bool:
    """Return whether a statement may succeed a moment later: the database is away, or others were in its way."""
    return is_away(error) or isinstance(error, CONFLICTS)


async def now(conn: Connection) -> datetime:
    """Return the database's time."""
    row = await (await conn.execute("SELECT clock_timestamp()")).fetchone()
    return row[0]  # type: ignore[index,no-any-return]


async def notify(conn: Connection, topic: str) -> None:
    """Wake the workers of a topic once the current transaction commits."""
    await conn.execute("SELECT pg_notify(%s, %s)", (NOTIFICATIONS, topic))


def notified(topic: str) -> str:
    """Return the SQL of `notify`, for a statement that wakes the workers only where there is work for them."""
    return f"pg_notify('{NOTIFICATIONS}', '{topic}')"


class Wakeups:
    """One LISTEN connection a process, and an event a topic. A lost NOTIFY does no harm: loops also poll."""

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
            except psycopg.Error as error:
                log.info("wakeups_away", error=type(error).__name__, consequence="polling only")
            await asyncio.sleep(1)

    async def _listen_once(self) -> None:
        conn = await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, application_name=WAKEUPS, **_CONNECTION
        )
        async with conn:
            await conn.execute(f"LISTEN {NOTIFICATIONS}")
            for topic in self._events.values():  # for notifications sent before we listened
                topic.set()
            async for notification in conn.notifies():
                if event := self._events.get(notification.payload):
                    event.set()
