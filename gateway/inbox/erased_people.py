"""Items of people who were erased after they sent them: repeated webhooks, and items that waited."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from gateway.customers.tombstones import Tombstones
from gateway.store.customers import tombstones as store
from gateway.store.database import Connection
from gateway.store.inbox import events
from gateway.store.inbox.events import StoredItem
from gateway.whatsapp.webhooks.events import HistoryReceived
from gateway.whatsapp.webhooks.parties import of_message, parties

_SKEW = timedelta(minutes=5)  # that a sender's clock may be behind ours


class ErasedPeople:
    """Finds the items of erased people. Without tombstones, and while nobody is erased, it costs nothing an item."""

    def __init__(self, tombstones: Tombstones | None) -> None:
        self._tombstones = tombstones
        self._newest: datetime | None = None

    async def look(self, conn: Connection) -> None:
        """Learn when somebody was erased last, before a batch of items."""
        self._newest = await store.newest(conn) if self._tombstones else None

    async def sent(self, conn: Connection, stored: StoredItem) -> bool:
        """Return whether an item is an erased person's (history: of erased people only) and older than the erasure."""
        if self._tombstones is None or self._newest is None or not self._is_old(stored):
            return False
        return await self._tombstones.covers(conn, stored.item(), stored.received_at)

    async def named(self, conn: Connection, stored: StoredItem) -> bool:
        """Return whether an item names somebody who was erased once, and who may be a customer again."""
        if self._tombstones is None or self._newest is None:
            return False
        return await self._tombstones.knows(conn, stored.item())

    def _is_old(self, stored: StoredItem) -> bool:
        """Return whether somebody was erased after a part of an item was sent, which is rare."""
        if self._newest is None:
            return False
        try:
            times = [party.at or stored.received_at for party in parties(stored.item())]
        except ValueError:  # it cannot be read, as its processing will find out
            return False
        return min(times) <= self._newest + _SKEW

    async def left_out(self, conn: Connection, stored: StoredItem, told: HistoryReceived) -> HistoryReceived:
        """Return history without the messages of erased people; where it had some, its raw form is deleted."""
        if self._tombstones is None or self._newest is None:
            return told
        kept = [
            message for message in told.messages
            if not await self._tombstones.is_erased(conn, of_message(message), stored.received_at)
        ]  # fmt: skip
        if len(kept) < len(told.messages):
            await events.forget_raw(conn, stored.id)
        return replace(told, messages=kept)
