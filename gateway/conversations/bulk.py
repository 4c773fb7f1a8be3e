"""The same decision about many conversations, each by itself: some may have changed since the person saw them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from gateway.conversations.errors import ConversationError, NoConversationError
from gateway.store.database import Connection
from gateway.store.desk import standing as store
from gateway.store.desk.standing import Standing


class Item(NamedTuple):
    """A conversation as the person saw it: its version, and the customer's newest message (None: not asked)."""

    id: UUID
    version: int
    last_seen: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for one conversation. before, after: for `restore`; error: why nothing was changed."""

    id: UUID
    before: Standing | None = None
    after: Standing | None = None
    error: ConversationError | NoConversationError | None = None


#: One decision: an operation with all but the connection and the item given.
Act = Callable[[Connection, Item], Awaitable[Standing]]


async def change(conn: Connection, items: Sequence[Item], act: Act) -> list[Outcome]:
    """Decide about conversations one after the other, each in a transaction of its own; return what became of each.

    `conn` is not within a transaction.
    """
    return [await _one(conn, item, act) for item in items]


async def _one(conn: Connection, item: Item, act: Act) -> Outcome:
    before = await store.read(conn, item.id)
    try:
        after = await act(conn, item)
    except (ConversationError, NoConversationError) as error:
        return Outcome(item.id, before, error=error)
    return Outcome(item.id, before, after)
