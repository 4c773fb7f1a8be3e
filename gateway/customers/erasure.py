"""The erasure of one person, in every store: steps in batches, each of which may be repeated (docs/privacy.md).

First the tombstone, in the object store too, and the customer's keys are taken away: from then on the person is a new
customer. Then everything else, and at the end the agent's memory again, to which a run may have written meanwhile. A
person who asked for it themselves is told last.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import obstore
import redis.asyncio as redis
from obstore.exceptions import BaseError

from gateway.customers.records import NotReachedError, Records
from gateway.customers.statements import Ids
from gateway.customers.tombstones import ObjectStoreAwayError, Tombstones
from gateway.store import conversations
from gateway.store.customers import contacts, data_requests, erasing, tombstones
from gateway.store.customers.data_requests import DataRequest
from gateway.store.customers.erasing import Key
from gateway.store.database import Connection, Pool, now
from gateway.store.desk import customers
from gateway.store.inbox import events
from gateway.store.outbox import rates
from gateway.store.people import audit

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_FILES, _MESSAGES, _EVENTS = 100, 500, 5_000  # of one batch; of events: ids that it looks at

_FAREWELLS = 5  # tries to tell the customer, within a minute; the erasure is done all the same

Step = Callable[[DataRequest], Awaitable[bool]]
#: Tells a customer that it is done, by what `_whom_to_tell` returned. Raises NotReachedError.
Tell = Callable[[DataRequest, Mapping[str, Any]], Awaitable[None]]


class Erasure:
    """The steps of an erasure; `advance` makes one batch.

    objects: the store of customers' files; tombstones: None where TOMBSTONE_KEY is not set, so that nothing begins;
    tell: None where no messages are sent, so that the last step waits for `gateway work`.
    """

    def __init__(
        self, pool: Pool, objects: ObjectStore, tombstones: Tombstones | None, records: Records,
        valkey: redis.Redis | None, tell: Tell | None = None,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._objects = objects
        self._tombstones = tombstones
        self._records = records
        self._valkey = valkey
        self._tell = tell
        self.steps: Mapping[str, Step] = {
            "tombstone": self._begin, "memory": self._memory, "business": self._business, "files": self._files,
            "limits": self._limits, "messages": self._messages, "events": self._events, "rows": self._rows,
            "memory_again": self._memory_again, "farewell": self._farewell,
        }  # fmt: skip

    async def advance(self, request: DataRequest) -> bool:
        """Make one batch of the request's step; return whether the step is done. Raises NotReachedError."""
        return await self.steps[request.step or "tombstone"](request)

    async def _begin(self, request: DataRequest) -> bool:
        """Write the tombstones, and take the keys from the customer; note what the other steps need."""
        if request.facts.get("erased_at"):
            return True
        if self._tombstones is None:
            raise NotReachedError("set TOMBSTONE_KEY: without tombstones an erased person would come back")
        async with self._pool.connection() as conn:
            if request.contact_id:
                request.contact_id = await contacts.current_id(conn, request.contact_id)
            keys = await self._keys(conn, request)
            # Before anything is erased. It is written again below with the time that counts.
            await self._publish(keys, await now(conn))
            async with conn.transaction():
                await self._detach(conn, request)
        await self._publish(_keys(request), datetime.fromisoformat(request.facts["erased_at"]))
        return True

    async def _keys(self, conn: Connection, request: DataRequest) -> list[Key]:
        if request.contact_id is None:
            return _keys(request)
        async with conn.transaction():
            found = await erasing.person(conn, request.contact_id)
        return found.keys if found else []

    async def _publish(self, keys: Sequence[Key], at: datetime) -> None:
        if self._tombstones is None:
            return
        try:
            await self._tombstones.publish(self._tombstones.marks(keys, at))
        except ObjectStoreAwayError as error:
            raise NotReachedError(f"the object store does not take tombstones ({error})") from error

    async def _detach(self, conn: Connection, request: DataRequest) -> None:
        """Note the person in the request, write the tombstones, take the keys away; in the caller's transaction."""
        contact_id = request.contact_id
        known = {"keys": request.facts.get("keys", []), "contacts": [], "threads": [], "whose": _nobody(request)}
        if contact_id is not None:
            keys = [Key(key.kind, key.value) for key in await contacts.keys_of(conn, contact_id)]
            await contacts.lock(conn, [name for key in keys for name in names_of(key)])
            found = await erasing.person(conn, contact_id)
            if found is not None:
                known = {
                    "keys": [[key.kind, key.value, key.until.isoformat() if key.until else None] for key in found.keys],
                    "contacts": [str(one) for one in found.contacts],
                    "threads": [str(one) for one in found.threads],
                    "whose": await customers.identity(conn, contact_id),
                    "tell": await _whom_to_tell(conn, request, keys),
                }
                await erasing.detach(conn, contact_id)
        erased_at = await now(conn)
        after, last = await events.bounds(conn)
        request.facts = {**known, "erased_at": erased_at.isoformat(), "event": after, "last_event": last}
        if self._tombstones is not None:
            await tombstones.add(conn, self._tombstones.marks(_keys(request), erased_at))

    async def _memory(self, request: DataRequest) -> bool:
        for place, count in (await self._erase_memory(request)).items():
            request.count(place, int(count))
        return True

    async def _memory_again(self, request: DataRequest) -> bool:
        """Erase what a run wrote meanwhile, until nothing is left."""
        found = await self._erase_memory(request)
        if any(found.values()):
            raise NotReachedError("the agent server still writes: a run has not ended")
        return True

    async def _erase_memory(self, request: DataRequest) -> dict[str, Any]:
        facts = request.facts
        if not facts["contacts"]:
            return {}
        return await self._records.memory("erase", _ids(facts["threads"]), _ids(facts["contacts"]))

    async def _business(self, request: DataRequest) -> bool:
        request.report["business"] = await self._records.business("erase", request.id, request.facts["whose"])
        return True

    async def _files(self, request: DataRequest) -> bool:
        async with self._pool.connection() as conn:
            found = await erasing.files(conn, _ids(request.facts["threads"]), _FILES)
            for _, path in found:
                await self._delete(path)
            await erasing.forget_files(conn, [one for one, _ in found])
            for export in await erasing.archives(conn, _ids(request.facts["contacts"])):
                await self._delete(data_requests.export_path(export))
                await data_requests.forget_file(conn, export)
        request.count("files", len(found))
        return not found

    async def _delete(self, path: str) -> None:
        try:
            await obstore.delete_async(self._objects, path)
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise NotReachedError(f"the object store does not answer ({type(error).__name__})") from error

    async def _limits(self, request: DataRequest) -> bool:
        async with self._pool.connection() as conn:
            numbers, ids = await customers.channels(conn), request.facts["contacts"]
            keys = [rates.key(number, one, *more) for number in numbers for one in ids for more in ((), ("refused",))]
            await erasing.limits(conn, keys)
        try:
            if self._valkey is not None and keys:
                for key in keys:  # one at a time: they may be on different nodes of a cluster
                    await self._valkey.delete(key)
        except (redis.RedisError, OSError) as error:
            raise NotReachedError(f"Valkey at REDIS_URL does not answer ({type(error).__name__})") from error
        return True

    async def _messages(self, request: DataRequest) -> bool:
        async with self._pool.connection() as conn:
            gone, items = await erasing.messages(conn, _ids(request.facts["threads"]), _MESSAGES)
        request.count("messages", gone)
        request.count("events", items)
        return gone < _MESSAGES

    async def _events(self, request: DataRequest) -> bool:
        """Delete webhook items about the person among the next ids; others' that only mention them stay."""
        facts, keys = request.facts, _keys(request)
        after, last = int(facts["event"]), int(facts["last_event"])
        end = min(after + _EVENTS, last)
        async with self._pool.connection() as conn:
            found = await events.mentioning(conn, [name for key in keys for name in names_of(key)], after, end)
            gone = [one.id for one in found if self._is_theirs(one, keys, facts)]
            await events.drop(conn, gone)
        request.count("events", len(gone))
        facts["event"] = end
        return end >= last

    def _is_theirs(self, stored: events.StoredItem, keys: Sequence[Key], facts: dict[str, Any]) -> bool:
        if self._tombstones is None or (stored.state == "new" and stored.type == "history"):
            return False  # intake leaves the erased out of a history that has not been processed yet
        marks = self._tombstones.marks(keys, datetime.fromisoformat(facts["erased_at"]))
        try:
            return self._tombstones.is_marked(marks, stored.item(), stored.received_at)
        except ValueError:  # nested too deeply to be read: nobody can process it either
            return True

    async def _farewell(self, request: DataRequest) -> bool:
        """Tell the customer who asked for it, once, and only if all of it is done."""
        to = request.facts.get("tell")
        if not to or request.report.get("not_reached"):
            return True
        if self._tell is None:
            raise NotReachedError("`gateway work` tells the customer")
        request.facts["tell"] = None
        async with self._pool.connection() as conn:  # before it is sent: nobody is told twice
            await data_requests.save(conn, request)
        try:
            await self._tell(request, to)
        except NotReachedError as error:
            request.facts["tell"] = to
            raise NotReachedError(str(error), passing=error.passing and request.attempts + 1 < _FAREWELLS) from error
        request.count("told", 1)
        return True

    async def _rows(self, request: DataRequest) -> bool:
        facts = request.facts
        values = [key.value for key in _keys(request)]
        async with self._pool.connection() as conn:
            await erasing.rest(conn, _ids(facts["contacts"]), _ids(facts["threads"]), values)
        request.count("contacts", len(facts["contacts"]))
        request.count("conversations", len(facts["threads"]))
        return True


async def _whom_to_tell(conn: Connection, request: DataRequest, keys: Sequence[Key]) -> dict[str, Any] | None:
    """Return how a customer who asked for the erasure is told that it is done; None: nobody waits for that."""
    last = await conversations.last_written(conn, request.contact_id) if request.contact_id else None
    if request.asked_by != "customer" or last is None:
        return None
    named = [[key.kind, key.value] for key in keys if key.kind in ("wa_id", "user_id")]
    return {"channel": last.channel_id, "wrote_at": last.at.isoformat(), "keys": named} if named else None


async def audited(conn: Connection, request: DataRequest) -> None:
    """Write into the audit that a request was carried out."""
    await audit.write(
        conn, None, f"customer_{request.kind}_done", f"contact:{request.contact_id or request.id}",
        {"request": str(request.id), **{name: value for name, value in request.report.items() if name != "business"}},
    )  # fmt: skip


def _keys(request: DataRequest) -> list[Key]:
    rows = request.facts.get("keys", [])
    return [Key(kind, value, datetime.fromisoformat(until) if until else None) for kind, value, until in rows]


def names_of(key: Key) -> list[str]:
    """Return the forms of a key, as webhooks and locks have them."""
    named = Ids(number=key.value) if key.kind in ("wa_id", "old_wa_id") else Ids(user_id=key.value)
    return [one.value for one in named.strong]


def _nobody(request: DataRequest) -> dict[str, Any]:
    """Return who a person without a contact is for the business data: by the keys that were given."""
    keys = [{"kind": key.kind, "value": key.value} for key in _keys(request)]
    return {"customer_id": "", "customer_keys": keys, "verification": "verified"}


def _ids(values: Sequence[str]) -> list[UUID]:
    return [UUID(one) for one in values]
