"""Delivery of webhooks as Meta does it: signed, at least once, retried until the business answers 200."""

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import BaseModel, Field

from simulator.faults import Fault, Faults
from simulator.json_type import Json
from simulator.meta.messages.payloads import Change, encode, merge, message_ids, sign
from simulator.meta.messages.posting import PostError, Posting
from simulator.meta.world import World

GIVE_UP_SECONDS = 7 * 24 * 3600  # Meta: "retried for up to 7 days"
MAX_IN_FLIGHT = 40
MAX_DELIVERED = 2000  # delivered webhooks that are still listed


class Retries(BaseModel):
    """Meta's retries ("immediately, then with decreasing frequency"), shortened for people who wait."""

    first_seconds: float = Field(0, ge=0)
    base_seconds: float = Field(0.5, gt=0)
    factor: float = Field(2, ge=1)
    most_seconds: float = Field(5, gt=0)
    timeout_seconds: float = Field(10, gt=0, description="how long an answer may take")

    def wait(self, failures: int) -> float:
        """Return the seconds to wait after that many failed attempts."""
        if failures == 1:
            return self.first_seconds
        exponent = min(failures - 2, 60)  # a larger one would only overflow
        return min(self.most_seconds, self.base_seconds * self.factor**exponent)


@dataclass
class Webhook:
    """One POST to the business, and the outcomes of its attempts."""

    number: int
    body: bytes
    lane: str
    url: str
    badly_signed: int = 0
    created: float = field(default_factory=time.time)
    attempts: list[Json] = field(default_factory=list)
    delivered: bool = False

    def as_json(self) -> Json:
        """Return the fields that the control API shows."""
        return {
            "number": self.number,
            "url": self.url,
            "delivered": self.delivered,
            "attempts": self.attempts,
            "body": self.body.decode(errors="replace"),
        }


@dataclass
class _Collection:
    """Webhooks that a batch or reorder fault holds until there are enough."""

    fault: Fault
    changes: list[Change] = field(default_factory=list)


class Outbox:
    """Post changes to the business's webhooks: `world` says where each goes, and with which secret it is signed.

    Changes of one lane (a person, or a message's statuses) are posted one after the other as long as no attempt fails;
    a failed webhook is retried independently of the others, so it may arrive late and out of order, as Meta's may.
    """

    def __init__(self, faults: Faults, world: World, posting: Posting) -> None:
        self._world = world
        self.retries = Retries()
        self._in_flight = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._faults = faults
        self._posting = posting
        self._numbers = itertools.count(1)
        self._webhooks: dict[int, Webhook] = {}
        self._lanes: dict[str, asyncio.Lock] = {}
        self._collections: dict[str, _Collection] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The app's callback: the address of webhooks without an override."""
        return self._world.app.callback

    def post(self, change: Change, lane: str) -> None:
        """Queue a change for delivery; faults decide how. Without a subscription it is dropped."""
        url = self._world.callback(change.account_id, change.number_id)
        if url is None:
            return
        taken = self._faults.take("webhook", change.event)
        if "drop" in taken:
            return
        if collecting := taken.get("batch") or taken.get("reorder"):
            self._collect(collecting, change, lane)
            return
        duplicate, signature = taken.get("duplicate"), taken.get("bad_signature")
        body = encode(merge([change], "messages"))
        webhook = self._new(body, lane, url, badly_signed=1 if signature else 0)
        self._run(self._deliver(webhook, taken.pause))
        for copy in range(duplicate.copies if duplicate else 0):
            self._run(self._deliver(self._new(body, f"{lane} copy {copy}", url), taken.pause))
        if storm := taken.get("storm"):
            self._run(self._repeat(webhook, storm.copies, storm.seconds))

    def pending(self) -> list[Webhook]:
        """Return the webhooks that are not acknowledged yet."""
        return [one for one in self._webhooks.values() if not one.delivered]

    def all(self) -> list[Webhook]:
        """Return the webhooks of this run, oldest first (of the delivered ones, the last few thousand)."""
        return list(self._webhooks.values())

    def reset(self) -> None:
        """Remove every webhook, delivered or not."""
        self.cancel()
        self._webhooks.clear()
        self._lanes.clear()
        self._collections.clear()
        self.retries = Retries()

    def cancel(self) -> None:
        """Cancel every delivery."""
        for task in self._tasks:
            task.cancel()

    async def attempt(self, url: str, body: bytes, signature: str | None) -> Json:
        """Post these bytes once to an address and return the outcome: `status`, or `error` when no answer came."""
        headers = {"Content-Type": "application/json", "User-Agent": "facebookexternalua"}
        if signature is not None:
            headers["X-Hub-Signature-256"] = signature
        async with self._in_flight:
            started = time.monotonic()
            try:
                timeout = self.retries.timeout_seconds
                outcome: Json = {"status": await self._posting.post(url, body, headers, timeout)}
            except PostError as error:
                outcome = {"error": str(error)}
        return {"at": time.time(), **outcome, "seconds": round(time.monotonic() - started, 4)}

    def _collect(self, fault: Fault, change: Change, lane: str) -> None:
        """Hold the change until there are `size` of them; the whole collection counts as one use of the fault."""
        collection = self._collections.setdefault(fault.id, _Collection(fault))
        collection.changes.append(change)
        if len(collection.changes) == 1:
            self._run(self._flush_later(collection))
        if len(collection.changes) < fault.size:
            fault.taken -= 1  # the next change belongs to the same use
        else:
            self._flush(collection)

    async def _flush_later(self, collection: _Collection) -> None:
        await asyncio.sleep(collection.fault.seconds)
        if self._collections.get(collection.fault.id) is collection:
            collection.fault.taken += 1
            self._flush(collection)

    def _flush(self, collection: _Collection) -> None:
        fault = self._collections.pop(collection.fault.id).fault
        changes = collection.changes
        groups = self._by_address(changes) if fault.kind == "batch" else [[one] for one in reversed(changes)]
        for group in groups:
            url = self._world.callback(group[0].account_id, group[0].number_id)
            if url is None:
                continue
            webhook = self._new(encode(merge(group, fault.shape)), f"{fault.id} {fault.taken}", url)
            self._run(self._deliver(webhook))

    def _by_address(self, changes: list[Change]) -> list[list[Change]]:
        """Return the changes grouped by address: a payload never mixes two."""
        groups: dict[str | None, list[Change]] = {}
        for one in changes:
            groups.setdefault(self._world.callback(one.account_id, one.number_id), []).append(one)
        return list(groups.values())

    def _new(self, body: bytes, lane: str, url: str, badly_signed: int = 0) -> Webhook:
        webhook = Webhook(next(self._numbers), body, lane, url, badly_signed)
        self._webhooks[webhook.number] = webhook
        if len(self._webhooks) > 2 * MAX_DELIVERED:
            self._forget_delivered()
        return webhook

    async def _deliver(self, webhook: Webhook, pause: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        """Post until it is acknowledged: the first time in its lane, later independently."""
        if pause:
            await pause()
        async with self._lanes.setdefault(
            webhook.lane, asyncio.Lock()
        ):  # asyncio's locks are fair, so the order is kept
            await self._try(webhook)
        while not webhook.delivered and time.time() < webhook.created + GIVE_UP_SECONDS:
            await asyncio.sleep(self.retries.wait(len(webhook.attempts)))
            await self._try(webhook)

    async def _repeat(self, webhook: Webhook, copies: int, seconds: float) -> None:
        """Post an acknowledged webhook again, as Meta does when the acknowledgements are lost."""
        for _ in range(copies):
            await asyncio.sleep(seconds)
            webhook.attempts.append(await self._attempt(webhook))

    async def _try(self, webhook: Webhook) -> None:
        outcome = await self._attempt(webhook)
        webhook.attempts.append(outcome)
        webhook.delivered = outcome.get("status") == httpx.codes.OK
        if webhook.delivered:
            self._mark_arrived(webhook)

    def _mark_arrived(self, webhook: Webhook) -> None:
        """Mark the messages in a delivered webhook as arrived, for the phones of their senders."""
        for message_id in message_ids(webhook.body):
            message = self._world.messages.get(message_id)
            if message and not message.arrived:
                message.arrived = True
                self._world.changed(message)

    async def _attempt(self, webhook: Webhook) -> Json:
        wrong = len(webhook.attempts) < webhook.badly_signed
        secret = self._world.app.secret
        return await self.attempt(webhook.url, webhook.body, sign(webhook.body, "wrong-" * wrong + secret))

    def _forget_delivered(self) -> None:
        delivered = [number for number, one in self._webhooks.items() if one.delivered]
        for number in delivered[:MAX_DELIVERED]:
            del self._webhooks[number]
        self._lanes = {name: lock for name, lock in self._lanes.items() if lock.locked()}

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
