"""Tombstones: by keyed hashes of their numbers and user ids, who was erased and when.

Items that an erased person sent before the erasure are not taken again, from a repeated webhook or a backup. A hash
says nothing about the person without TOMBSTONE_KEY, and the key nothing without the hashes: they are kept apart.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import obstore
from obstore.exceptions import BaseError

from gateway.store.customers import tombstones as store
from gateway.store.customers.erasing import Key
from gateway.store.database import Connection
from gateway.whatsapp.numbers import wa_id_variants
from gateway.whatsapp.webhooks.items import Item
from gateway.whatsapp.webhooks.parties import Party, parties

if TYPE_CHECKING:
    from obstore.store import ObjectStore

#: Where tombstones are in the object store. Backups leave it out, and a restore does not touch it.
PREFIX = "tombstones"
_PURPOSE = b"tombstone, 1\n"  # a hash for another purpose under the same key is another one
_BATCH = 1_000
_DELETE_SECONDS = 20.0
_NUMBERS = ("wa_id", "old_wa_id")

Marks = Mapping[bytes, datetime]


class ObjectStoreAwayError(Exception):
    """The object store does not take or give tombstones."""


class Tombstones:
    """The tombstones of an installation. key: TOMBSTONE_KEY; objects: the object store of their copies."""

    def __init__(self, key: str, objects: ObjectStore) -> None:
        self._key = key.encode()
        self._objects = objects

    def marks(self, keys: Iterable[Key], erased_at: datetime) -> dict[bytes, datetime]:
        """Return the hashes of a customer's keys, each with the time before which it was this customer's.

        A number that was given up may be another person's since then. Parent ids are left out: several people may
        share one.
        """
        found: dict[bytes, datetime] = {}
        for key in keys:
            if key.kind in _NUMBERS:
                found |= dict.fromkeys(self._hashes([key.value], []), key.until or erased_at)
            elif key.kind == "user_id":
                found |= dict.fromkeys(self._hashes([], [key.value]), erased_at)
        return found

    async def publish(self, marks: Marks) -> None:
        """Write tombstones to the object store. Raises ObjectStoreAwayError."""
        try:
            for name, sent_before in marks.items():
                await obstore.put_async(self._objects, f"{PREFIX}/{name.hex()}", sent_before.isoformat().encode())
        except (BaseError, OSError) as error:
            raise ObjectStoreAwayError(type(error).__name__) from error

    async def restore(self, conn: Connection) -> int:
        """Add the object store's tombstones to the database, which may come from a backup; return their number.

        Raises ObjectStoreAwayError.
        """
        count = 0
        try:
            async for page in obstore.list(self._objects, f"{PREFIX}/"):
                marks = {}
                for one in page:
                    got = await obstore.get_async(self._objects, one["path"])
                    text = bytes(await got.bytes_async()).decode()
                    marks[bytes.fromhex(one["path"].rpartition("/")[2])] = datetime.fromisoformat(text)
                await store.add(conn, marks)
                count += len(marks)
        except (BaseError, OSError) as error:
            raise ObjectStoreAwayError(type(error).__name__) from error
        return count

    async def returned(self, conn: Connection) -> list[UUID]:
        """Return the contacts whom a restore has brought back: they are older than the erasure of their keys."""
        found: dict[UUID, None] = {}
        after = ("", "", UUID(int=0))
        while rows := await store.keys_after(conn, after, _BATCH):
            for kind, value, contact_id, created_at in rows:
                names = self._hashes([value], []) if kind == "wa_id" else self._hashes([], [value])
                sent_before = await store.sent_before(conn, names)
                if sent_before is not None and created_at <= sent_before:
                    found[contact_id] = None
            after = rows[-1][:3]
        return list(found)

    async def purge(self, conn: Connection, days: float, limit: int) -> None:
        """Delete tombstones that are older than so many days, at most so many. Raises TimeoutError.

        Each has a transaction of its own, which must not wait for long: it locks the row, so that nobody writes the
        same tombstone anew before its object is deleted.
        """
        for _ in range(limit):
            async with conn.transaction():
                if not (names := await store.purge(conn, days, 1)):
                    return
                with suppress(FileNotFoundError):
                    async with asyncio.timeout(_DELETE_SECONDS):
                        await obstore.delete_async(self._objects, f"{PREFIX}/{names[0].hex()}")

    async def covers(self, conn: Connection, item: Item, received_at: datetime) -> bool:
        """Return whether an item is about a person who was erased after they sent it. History: about nobody else."""
        people = parties(item)
        erased = [await self.is_erased(conn, party, received_at) for party in people]
        return all(erased) if item.type == "history" else any(erased)

    async def knows(self, conn: Connection, item: Item) -> bool:
        """Return whether a person whom an item names was erased, whenever they did what it reports."""
        people = parties(item)
        names = [name for party in people for name in self._hashes(party.numbers, party.user_ids)]
        return await store.sent_before(conn, names) is not None

    async def is_erased(self, conn: Connection, party: Party, received_at: datetime) -> bool:
        """Return whether a person was erased after they did what is reported."""
        sent_before = await store.sent_before(conn, self._hashes(party.numbers, party.user_ids))
        return sent_before is not None and (party.at or received_at) <= sent_before

    def is_marked(self, marks: Marks, item: Item, received_at: datetime) -> bool:
        """Return whether an item is about a person of these marks, and older than them."""
        for party in parties(item):
            times = [marks[name] for name in self._hashes(party.numbers, party.user_ids) if name in marks]
            if times and (party.at or received_at) <= max(times):
                return True
        return False

    def _hashes(self, numbers: Iterable[str], user_ids: Iterable[str]) -> list[bytes]:
        names = [f"number:{form}" for number in numbers for form in wa_id_variants(number)]
        names += [f"user:{one}" for one in user_ids]
        return [hmac.digest(self._key, _PURPOSE + name.encode(), "sha256") for name in names]
