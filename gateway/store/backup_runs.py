"""The time of the newest backup, and of the last drill that restored one."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from gateway.store.database import Connection

Kind = Literal["backup", "drill"]
KINDS: tuple[Kind, ...] = ("backup", "drill")


async def note(conn: Connection, kind: Kind, backup: str, at: datetime) -> None:
    """Note that a backup was made, or that a drill of it succeeded. An older time than the noted one is left out."""
    await conn.execute(
        """INSERT INTO backup_run AS r (kind, at, backup) VALUES (%s, %s, %s)
           ON CONFLICT (kind) DO UPDATE SET at = excluded.at, backup = excluded.backup WHERE r.at < excluded.at""",
        (kind, at, backup),
    )


async def times(conn: Connection) -> dict[Kind, datetime]:
    """Return the time of each kind that ever happened."""
    cursor = await conn.execute("SELECT kind, at FROM backup_run")
    return dict(await cursor.fetchall())
