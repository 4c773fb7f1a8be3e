"""The last reports of Meta about accounts, numbers and templates; for health, the console and the operator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from gateway.store.database import Connection


@dataclass(frozen=True, slots=True)
class AccountState:
    """A report of Meta. kind: the webhook field; subject: its number or template; value: the fields of the event."""

    kind: str
    subject: str
    waba_id: str
    value: dict[str, Any]
    told_at: datetime


async def keep(conn: Connection, state: AccountState) -> bool:
    """Keep a report; return False where a later one about the same subject is kept already."""
    cursor = await conn.execute(
        """INSERT INTO account_state AS a (kind, subject, waba_id, value, told_at) VALUES (%s, %s, %s, %s, %s)
           ON CONFLICT (kind, subject, waba_id) DO UPDATE SET value = excluded.value, told_at = excluded.told_at
           WHERE a.told_at <= excluded.told_at""",
        (state.kind, state.subject, state.waba_id, Jsonb(state.value), state.told_at),
    )
    return bool(cursor.rowcount)


async def told(conn: Connection, kind: str | None = None) -> list[AccountState]:
    """Return the last reports (of one kind), the newest first."""
    async with conn.cursor(row_factory=class_row(AccountState)) as cursor:
        await cursor.execute(
            """SELECT kind, subject, waba_id, value, told_at FROM account_state
               WHERE %s::text IS NULL OR kind = %s ORDER BY told_at DESC, kind, subject""",
            (kind, kind),
        )
        return await cursor.fetchall()
