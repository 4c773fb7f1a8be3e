"""The age of the newest backup, and of the last drill that restored one."""

from __future__ import annotations

from datetime import datetime, timedelta

import psycopg

from gateway.doctor.findings import Finding, unchecked, warning
from gateway.store import backup_runs
from gateway.store.database import Connection, now

PART = "backup"
_OLD_BACKUP = timedelta(days=2)
_OLD_DRILL = timedelta(days=14)
_NONE = "make backups (`backup.enabled` of the chart, `gateway backup`: docs/backup.md), and restore one as a trial"
_NO_DRILL = "switch on `backup.drill` of the chart, or run `gateway drill` (docs/backup.md)"


async def backup(conn: Connection) -> list[Finding]:
    """Check the times that `gateway backup` and `gateway drill` have noted in the database."""
    try:
        times, today = await backup_runs.times(conn), await now(conn)
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
        return [unchecked(PART, "this schema or role knows nothing about backups", "run it in the pod of `work`")]
    if "backup" not in times:
        return [unchecked(PART, "no backup is known", _NONE)]
    return [*_aged(today - times["backup"]), *_drilled(today, times.get("drill"))]


def _aged(age: timedelta) -> list[Finding]:
    if age < _OLD_BACKUP:
        return []
    step = "look at the last Job of the CronJob `…-backup`, or run `gateway backup` and read what it says"
    return [warning(PART, f"the newest backup is {age.days} days old", step)]


def _drilled(today: datetime, at: datetime | None) -> list[Finding]:
    if at is None:
        return [unchecked(PART, "no drill has restored a backup yet", _NO_DRILL)]
    if today - at < _OLD_DRILL:
        return []
    step = "look at the last Job of the CronJob `…-drill`, or run `gateway drill` and read what it says"
    return [warning(PART, f"a backup was last restored as a trial {(today - at).days} days ago", step)]
