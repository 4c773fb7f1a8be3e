"""The work of the agent in turns, for people: tools with their results, and the run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.database import Connection


@dataclass(frozen=True, slots=True)
class Work:
    """A turn. steps: JSON objects `tool, arguments, result`, masked and bounded; run_id: in the agent server."""

    turn_id: UUID
    run_id: UUID | None
    steps: list[dict[str, Any]]


async def of(conn: Connection, turn_ids: Collection[UUID]) -> dict[UUID, Work]:
    """Return what the agent did in turns, by the turn's id."""
    if not turn_ids:
        return {}
    async with conn.cursor(row_factory=class_row(Work)) as cursor:
        await cursor.execute(
            "SELECT id AS turn_id, run_id, steps FROM turn WHERE id = ANY(%s) AND run_id IS NOT NULL", (list(turn_ids),)
        )
        return {work.turn_id: work for work in await cursor.fetchall()}
