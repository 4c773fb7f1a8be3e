"""How long a customer has to be quiet before the agent answers their messages."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from gateway.store import conversations
from gateway.store.database import Connection


@dataclass(frozen=True, slots=True)
class QuietPeriod:
    """A turn begins after `seconds` without a new message, or `at_most` seconds after the first one."""

    seconds: float
    at_most: float

    async def schedule(self, conn: Connection, conversation_id: UUID) -> None:
        """Set when a conversation's next turn is due, in the transaction that changed what waits there."""
        await conversations.schedule(conn, conversation_id, seconds=self.seconds, at_most=self.at_most)
