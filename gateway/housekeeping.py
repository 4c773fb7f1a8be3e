"""Periodic duties: decide about stuck sends, return held conversations to the agent, delete what is old."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import obstore
import structlog

from gateway.conversations import upkeep
from gateway.customers.tombstones import Tombstones
from gateway.inbox.intake import NOT_ITS_APP, NOT_KNOWN
from gateway.numbers.quiet_period import QuietPeriod
from gateway.outbox.sender import Sender
from gateway.runtime.object_store import delete_unfinished
from gateway.runtime.telemetry import (
    BACKUPS,
    DATA_REQUEST_AGE,
    DATA_REQUESTS,
    EPISODES,
    ERRORS,
    QUEUE,
    QUEUE_AGE,
    UNCERTAIN,
)
from gateway.store import backlog, backup_runs, old_messages, ownership, unanswered
from gateway.store.composer import canned_files, fallbacks, notes, uploads
from gateway.store.customers import data_requests, left, marketing, proofs
from gateway.store.database import Connection, Pool, is_away
from gateway.store.inbox import events, media
from gateway.store.outbox import rates
from gateway.store.people import audit, sessions, sign_ins

if TYPE_CHECKING:
    from obstore.store import ObjectStore

log = structlog.get_logger(__name__)

T = TypeVar("T")

_INTERVAL_SECONDS = 5.0
CLEANING_SECONDS = 60.0
_MAX_EVENTS_PER_BATCH = 1000  # events deleted at once: a short transaction
_MAX_FILES_PER_STEP = 100
_MAX_FAILED_ANSWERS = 20
_MAX_CONTACTS_PER_STEP = 1000  # that are looked at
_MAX_MESSAGES_PER_STEP = 500
_MAX_DRAFTS_PER_STEP = 500
_ATTACHED_DAYS = 1.0  # for which a file that a person attached waits to be sent
_UNFINISHED_DAYS = 1.0  # after which no process still writes a file
_LOOK_SECONDS = 86_400.0  # between two looks for such files, which list the whole folder
_MAX_BATCHES_PER_STEP = 5  # of events, so that the other duties are not delayed for long


@dataclass(frozen=True)
class Ages:
    """How many days rows are kept; 0: for ever.

    events: webhook items that were processed; left: those that are unknown or failed; audit: what people did in the
    console, and ended requests to export or erase; messages: messages, with what belongs to them, and notes; files:
    customers' files; tombstones: the hashes of erased people; exports: files of exports; consents:
    the log of choices about marketing; contacts: customers of whom nothing else is left; drafts:
    what people wrote and neither sent nor changed.
    """

    events: float = 0
    left: float = 0
    audit: float = 0
    messages: float = 0
    files: float = 0
    tombstones: float = 0
    exports: float = 1
    consents: float = 0
    contacts: float = 0
    drafts: float = 0


class Housekeeping:
    """The duties of a worker; `step` and `clean` are called in loops.

    objects: the store of customers' files. episode_idle_hours: after which an episode without a message is closed.
    """

    def __init__(
        self, pool: Pool, sender: Sender, quiet: QuietPeriod, ages: Ages, *,
        objects: ObjectStore | None = None, episode_idle_hours: float = 24,
        tombstones: Tombstones | None = None,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._sender = sender
        self._quiet = quiet
        self._ages = ages
        self._objects = objects
        self._episode_idle_hours = episode_idle_hours
        self._tombstones = tombstones
        self._contacts_after = left.FIRST
        self._next_look = 0.0

    async def step(self) -> float:
        """Perform the duties that somebody waits for, even if one fails; return the seconds until the next step."""
        await self._do(self._sender.expire)
        await self._do(self._with_database(self._end_holds))
        await self._do(self._with_database(_measure))
        return _INTERVAL_SECONDS

    async def clean(self) -> float:
        """Perform the duties that may wait for a minute, even if one fails; return the seconds until the next call."""
        await self._do(self._with_database(self._keep_conversations))
        await self._do(self._with_database(_forget_rates))
        await self._do(self._with_database(_measure_backups))
        await self._do(self._with_database(_measure_data_requests))
        await self._do(self._with_database(self._delete_files))
        await self._do(self._with_database(self._delete_attached))
        await self._do(self._with_database(self._delete_exports))
        await self._do(self._delete_unfinished)
        await self._do(self._with_database(fallbacks.purge))
        await self._do(self._with_database(proofs.purge))
        await self._do(self._with_database(sessions.purge))
        await self._do(self._with_database(sign_ins.purge))
        await self._do(self._with_database(self._purge_audit))
        await self._do(self._with_database(self._purge_tombstones))
        await self._do(self._with_database(self._purge_consents))
        await self._do(self._with_database(self._purge_contacts))
        await self._do(self._with_database(self._purge_drafts))
        more = [await self._do(self._with_database(duty)) for duty in (self._purge_events, self._purge_messages)]
        return 0.5 if any(more) else CLEANING_SECONDS

    async def _do(self, duty: Callable[[], Awaitable[T]]) -> T | None:
        try:
            return await duty()
        except Exception as error:
            if is_away(error):
                raise
            ERRORS.labels("housekeeping").inc()
            log.exception("duty_failed")
            return None

    def _with_database(self, duty: Callable[[Connection], Awaitable[T]]) -> Callable[[], Awaitable[T]]:
        async def done() -> T:
            async with self._pool.connection() as conn:
                return await duty(conn)

        return done

    async def _end_holds(self, conn: Connection) -> None:
        """Hand back what the phone app no longer holds, wake what is no longer snoozed, take up failed answers."""
        async with conn.transaction():
            await upkeep.wake_due(conn)
            handed_back = await ownership.hand_back_expired(conn)
            for conversation_id in [*handed_back, *await unanswered.take_up_failed(conn, _MAX_FAILED_ANSWERS)]:
                await self._quiet.schedule(conn, conversation_id)

    async def _purge_audit(self, conn: Connection) -> None:
        if self._ages.audit:
            await audit.purge(conn, self._ages.audit, _MAX_EVENTS_PER_BATCH)
            await data_requests.purge(conn, self._ages.audit, _MAX_EVENTS_PER_BATCH)

    async def _purge_consents(self, conn: Connection) -> None:
        if self._ages.consents:
            await marketing.purge(conn, self._ages.consents, _MAX_EVENTS_PER_BATCH)

    async def _purge_drafts(self, conn: Connection) -> None:
        if self._ages.drafts:
            await notes.purge_drafts(conn, self._ages.drafts, _MAX_DRAFTS_PER_STEP)

    async def _purge_contacts(self, conn: Connection) -> None:
        """Delete the empty ones among some of the customers, and look at the next ones when it is called again."""
        if self._ages.contacts:
            after = self._contacts_after
            self._contacts_after = await left.purge(conn, self._ages.contacts, after, _MAX_CONTACTS_PER_STEP)

    async def _purge_tombstones(self, conn: Connection) -> None:
        if self._ages.tombstones and self._tombstones:
            await self._tombstones.purge(conn, self._ages.tombstones, _MAX_FILES_PER_STEP)

    async def _keep_conversations(self, conn: Connection) -> None:
        EPISODES.inc(await upkeep.keep_up(conn, self._episode_idle_hours))

    async def _purge_events(self, conn: Connection) -> bool:
        """Delete old events, and return whether there may be more."""
        ages = {events.PROCESSED: self._ages.events, events.LEFT: self._ages.left}
        return any([await self._purge_states(conn, states, days) for states, days in ages.items() if days])

    async def _purge_messages(self, conn: Connection) -> bool:
        """Delete old messages, and return whether there may be more."""
        if not self._ages.messages:
            return False
        return await old_messages.purge(conn, self._ages.messages, _MAX_MESSAGES_PER_STEP) == _MAX_MESSAGES_PER_STEP

    async def _purge_states(self, conn: Connection, states: tuple[str, ...], days: float) -> bool:
        for _ in range(_MAX_BATCHES_PER_STEP):
            if await events.purge(conn, states, days, _MAX_EVENTS_PER_BATCH) < _MAX_EVENTS_PER_BATCH:
                return False
        return True

    async def _delete_files(self, conn: Connection) -> None:
        """Delete files of revoked messages, and old ones. A file that does not exist any more is no error."""
        if self._objects is None:
            return
        found = await media.revoked(conn, _MAX_FILES_PER_STEP)
        for days in {self._ages.files, self._ages.messages} - {0}:
            found += await old_messages.files(conn, days, _MAX_FILES_PER_STEP)
        for media_id, path in dict(found).items():
            try:
                await obstore.delete_async(self._objects, path)
            except FileNotFoundError:
                log.info("file_gone", media_id=str(media_id))
            await media.forget(conn, [media_id])

    async def _delete_attached(self, conn: Connection) -> None:
        """Delete files that people attached and never sent, and those that no canned reply has."""
        if self._objects is None:
            return
        for found, drop in ((uploads.old, uploads.drop), (canned_files.left, canned_files.drop)):
            for file_id, path in await found(conn, _ATTACHED_DAYS, _MAX_FILES_PER_STEP):
                try:
                    await obstore.delete_async(self._objects, path)
                except FileNotFoundError:
                    log.info("file_gone", file_id=str(file_id))
                await drop(conn, file_id)

    async def _delete_exports(self, conn: Connection) -> None:
        if self._objects is None:
            return
        for request_id, path in await data_requests.old_files(conn, self._ages.exports, _MAX_FILES_PER_STEP):
            try:
                await obstore.delete_async(self._objects, path)
            except FileNotFoundError:
                log.info("file_gone", request_id=str(request_id))
            await data_requests.forget_file(conn, request_id)

    async def _delete_unfinished(self) -> None:
        """Delete files that killed processes did not finish, at the start and then once a day."""
        if self._objects is None or time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _LOOK_SECONDS
        if count := await asyncio.to_thread(delete_unfinished, self._objects, _UNFINISHED_DAYS):
            log.info("unfinished_files_deleted", count=count)


async def _forget_rates(conn: Connection) -> None:
    await rates.purge(conn, _MAX_EVENTS_PER_BATCH)


async def _measure_backups(conn: Connection) -> None:
    """Export the times; 0: never, so that the age is larger than any bound."""
    times = await backup_runs.times(conn)
    for kind in backup_runs.KINDS:
        BACKUPS.labels(kind).set(times[kind].timestamp() if kind in times else 0)


async def _measure_data_requests(conn: Connection) -> None:
    found = await data_requests.open_ones(conn)
    for kind in data_requests.KINDS:
        for state in data_requests.OPEN:
            number, age = found.get((kind, state), (0, 0.0))
            DATA_REQUESTS.labels(kind, state).set(number)
            DATA_REQUEST_AGE.labels(kind, state).set(age)


async def _measure(conn: Connection) -> None:
    async with conn.transaction():
        now = await backlog.count(conn)
        strangers, strangers_age = await events.waiting(conn, (NOT_KNOWN, NOT_ITS_APP))
        files, files_age = await media.backlog(conn)
    for queue, depth, age in (
        ("events", now.events, now.events_age),
        ("turns", now.due, now.due_age),
        ("outbox", now.queued, now.queued_age),
        ("media", files, files_age),
        ("unknown_numbers", strangers, strangers_age),
    ):
        QUEUE.labels(queue).set(depth)
        QUEUE_AGE.labels(queue).set(age)
    UNCERTAIN.set(now.uncertain)
