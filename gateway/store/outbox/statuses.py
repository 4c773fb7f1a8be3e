"""Meta's statuses, applied to our messages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from gateway.store.database import OUTBOX, Connection, notify


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A status of Meta about a message of ours; channel_id: the number that it came for."""

    channel_id: str
    wamid: str
    callback: str | None  # our message id, echoed
    status: str
    error_code: int | None
    error: str | None
    pricing: dict[str, Any] | None

    @property
    def ours(self) -> UUID | None:
        """Return our id of the message; None where the status echoes none, or somebody else's data."""
        try:
            return UUID(self.callback) if self.callback else None
        except ValueError:
            return None


@dataclass(slots=True)
class _Message:
    """A message, as it was and as statuses left it; the other values are those that are new."""

    id: UUID
    before: str
    status: str
    wamid: str | None
    given_up: bool  # failed by us, because nobody knew whether it had arrived: any word of Meta's is news
    error_code: int | None = None
    error: str | None = None
    pricing: dict[str, Any] | None = None
    changed: bool = False

    def take(self, change: StatusChange, advance: Callable[[str, str], str]) -> None:
        if change.status == "failed" and self.wamid not in (None, change.wamid):
            return  # one of its sends failed, another one succeeded
        self.wamid = self.wamid or change.wamid
        known = "uncertain" if self.given_up else self.status
        if (moved := advance(known, change.status)) != known:
            self.status, self.given_up = moved, False
        self.error_code = self.error_code if change.error_code is None else change.error_code
        self.error, self.pricing = change.error or self.error, change.pricing or self.pricing
        self.changed = True


async def apply_statuses(
    conn: Connection, changes: Sequence[StatusChange], advance: Callable[[str, str], str]
) -> list[bool]:
    """Move messages forward by statuses of any of their sends, in order; return for each whether a message is ours."""
    if not changes:
        return []
    found = await _find(conn, changes)
    for place, change in enumerate(changes):
        if message := found.get(place):
            message.take(change, advance)
    moved = {message.id: message for message in found.values() if message.changed}.values()
    if moved:
        await _store(conn, moved)
    if any(message.before in ("queued", "sending", "uncertain") for message in moved):
        await notify(conn, OUTBOX)
    return [place in found for place in range(len(changes))]


async def _find(conn: Connection, changes: Sequence[StatusChange]) -> dict[int, _Message]:
    """Lock the messages of statuses, and return them by the places of these."""
    # In the same order everywhere, so that two workers with statuses of the same messages wait and do not deadlock. The
    # number is compared last: joined, a table that is not analysed yet would be read whole for each status.
    order = sorted(range(len(changes)), key=lambda place: str(changes[place].ours or changes[place].wamid))
    wanted = [changes[place] for place in order]
    cursor = await conn.execute(
        """SELECT w.place, m.id, m.status, m.wamid, m.status = 'failed' AND m.uncertain_at IS NOT NULL
           FROM unnest(%s::int[], %s::text[], %s::uuid[], %s::text[]) AS w(place, wamid, ours, channel_id)
           CROSS JOIN LATERAL (
               SELECT m.id, m.status, m.wamid, m.uncertain_at FROM message m
               WHERE m.direction = 'out' AND (m.wamid = w.wamid OR m.id = w.ours)
                 AND w.channel_id = (SELECT c.channel_id FROM conversation c WHERE c.id = m.conversation_id)
               ORDER BY (m.id = w.ours) DESC LIMIT 1 FOR UPDATE OF m) m""",
        (
            order, [one.wamid for one in wanted], [one.ours for one in wanted], [one.channel_id for one in wanted],
        ),
    )  # fmt: skip
    messages: dict[UUID, _Message] = {}
    return {
        place: messages.setdefault(message_id, _Message(message_id, status, status, wamid, given_up))
        for place, message_id, status, wamid, given_up in await cursor.fetchall()
    }


async def _store(conn: Connection, moved: Collection[_Message]) -> None:
    rows = [
        (
            one.id, one.wamid, one.status, one.error_code, one.error, Jsonb(one.pricing) if one.pricing else None,
            one.given_up,
        )
        for one in moved
    ]  # fmt: skip
    await conn.execute(
        """UPDATE message m SET wamid = coalesce(m.wamid, n.wamid), status = n.status,
                  sent_at = coalesce(m.sent_at, now()), error_code = coalesce(n.error_code, m.error_code),
                  error = coalesce(n.error, m.error), pricing = coalesce(n.pricing, m.pricing),
                  uncertain_at = CASE WHEN n.status = 'uncertain' OR n.given_up THEN m.uncertain_at END
           FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::int[], %s::text[], %s::jsonb[], %s::bool[])
                AS n(id, wamid, status, error_code, error, pricing, given_up)
           WHERE m.id = n.id""",
        tuple(list(column) for column in zip(*rows, strict=True)),
    )
