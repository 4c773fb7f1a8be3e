"""The tokens that turns used, and how many turns and tokens a customer had within a day."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any
from uuid import UUID

from gateway.store.database import Connection

#: The note of a turn that the agent did not answer because of its customer's allowance.
LIMITED = "customer_limit"


@dataclass(frozen=True, slots=True)
class Usage:
    """The last model of a run, and the tokens of all its calls; cached: the part of tokens_in from a cache."""

    model: str
    tokens_in: int
    tokens_out: int
    cached: int


@dataclass(frozen=True, slots=True)
class Day:
    """A customer's turns that the agent was asked about within 24 hours, on all numbers.

    limited: one of the customer's turns met the allowance within that time.
    """

    turns: int
    tokens: int
    limited: bool


def columns(usage: Usage | None) -> dict[str, Any]:
    """Return the values of the columns of `turn` that hold a usage."""
    names = ("model", "tokens_in", "tokens_out", "tokens_cached")
    return dict(zip(names, astuple(usage) if usage else (None,) * len(names), strict=True))


async def of_day(conn: Connection, contact_id: UUID) -> Day:
    """Return what a customer used within the last 24 hours."""
    cursor = await conn.execute(
        """SELECT count(*) FILTER (WHERE t.posted_at IS NOT NULL),
                  coalesce(sum(t.tokens_in + t.tokens_out), 0)::bigint,
                  coalesce(bool_or(t.error = %s), false)
           FROM conversation c JOIN turn t ON t.conversation_id = c.id AND t.started_at > now() - interval '1 day'
           WHERE c.contact_id = %s""",
        (LIMITED, contact_id),
    )
    row = await cursor.fetchone()
    return Day(*row) if row else Day(0, 0, limited=False)
