"""Duties that time brings: snoozes end, quiet episodes are closed, old traces are deleted."""

from __future__ import annotations

from gateway.store.database import Connection
from gateway.store.desk import changes, presence
from gateway.store.desk import standing as store

_BATCH = 1000
_CHANGE_DAYS = 1.0  # a browser that was away for longer begins anew


async def wake_due(conn: Connection) -> None:
    """Wake the conversations whose snooze has ended."""
    await store.wake_due(conn)


async def keep_up(conn: Connection, idle_hours: float) -> int:
    """Do all of it once, each in a transaction of its own, and return how many idle episodes were closed.

    idle_hours: hours of silence after which an episode is closed.
    """
    closed = await store.close_idle(conn, idle_hours, _BATCH)
    await presence.forget(conn)
    await changes.purge(conn, _CHANGE_DAYS, 10 * _BATCH)
    return closed
