"""Parts that the cycles of numbers and templates share: resource, context, result, memory and schedule."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from k8s.cluster import Cluster
from k8s.meta.client import Meta
from k8s.model.actions import Plan
from k8s.model.conditions import Event, as_status, events, stamp, utc_now
from k8s.model.json_object import Json
from k8s.model.observed import ObservedNumber

_RESYNCS_BEFORE_UNKNOWN = 3  # this many failed readings in a row are more than a short failure of Meta
_BACKOFF_FIRST_SECONDS, _BACKOFF_LONGEST_SECONDS = 10.0, 120.0


@dataclass(frozen=True, slots=True)
class Resource:
    """A custom resource as it was when a cycle began."""

    namespace: str
    name: str
    generation: int
    spec: Json
    status: Json

    @property
    def key(self) -> str:
        """Namespace and name."""
        return f"{self.namespace}/{self.name}"


class CycleResult(NamedTuple):
    """The result of a cycle: the whole new status, events to post, and seconds until the next cycle."""

    status: Json
    events: list[Event]
    next_in: float


@dataclass(slots=True)
class Memory:
    """The operator's memory of one resource while it runs; all of it can be read again.

    Times are monotonic seconds. secrets: fingerprint of the credentials that the observation was made with;
    checked: when Meta was last read completely; deletion_seen: its deletion was seen before.
    """

    observed: ObservedNumber = field(default_factory=ObservedNumber)
    read_at: float = float("-inf")
    due_at: float = float("-inf")
    failures: int = 0
    secrets: str | None = None
    generation: int | None = None
    checked: datetime | None = None
    deletion_seen: bool = False

    def set_due(self, plan: Plan, now: float, resync: float) -> float:
        """Note when Meta is to be read next; return the seconds until then."""
        self.failures = self.failures + 1 if plan.retry else 0
        if plan.retry:
            wait = max(backoff(self.failures), plan.retry_after or 0)
        else:
            wait = min(resync, plan.check_after or resync)
        self.due_at = now + wait
        return wait


class Schedule:
    """The time of the next cycle of one resource: after next_in seconds, or when it is woken."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.next_in = 0.0
        self._awake = asyncio.Event()
        self._awake.set()  # the first cycle comes at once

    def wake(self) -> None:
        """Start the next cycle at once."""
        self._awake.set()

    async def wait(self, stopped: Callable[[], Awaitable[object]]) -> None:
        """Wait for the time to be over, for `wake`, or for `stopped`."""
        waiting = [asyncio.ensure_future(self._awake.wait()), asyncio.ensure_future(stopped())]
        try:
            await asyncio.wait(waiting, timeout=self.next_in, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
            for task in waiting:
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        self._awake.clear()


@dataclass(frozen=True, slots=True)
class CycleContext:
    """The clients, settings and clocks that cycles work with.

    version: of the Graph API, where a number names none; resync_seconds: between two readings of Meta when nothing
    changes; secrets_seconds: between two readings of a number's Secrets; wake_template: starts the cycle of a key;
    callback_hosts: those that a number's callback URL may name.
    """

    meta: Meta
    cluster: Cluster
    version: str
    resync_seconds: float
    secrets_seconds: float
    wake_template: Callable[[str], None]
    callback_hosts: frozenset[str]
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = utc_now

    @property
    def last_seen_lifetime(self) -> timedelta:
        """How long the conditions last seen count while Meta cannot be read."""
        return timedelta(seconds=_RESYNCS_BEFORE_UNKNOWN * self.resync_seconds)


def cycle_result(
    plan: Plan, resource: Resource, context: CycleContext, next_in: float, checked: datetime | None = None
) -> CycleResult:
    """Return the result of a cycle; checked: when Meta was last read, None where that is not known."""
    now, before = context.now(), resource.status.get("conditions") or ()
    status = {key: value for key, value in plan.status.items() if value not in (None, {}, [])}
    last = stamp(checked) if checked else resource.status.get("lastChecked")
    if last:
        status["lastChecked"] = last
    status["observedGeneration"] = resource.generation
    status["conditions"] = as_status(plan.conditions, before, resource.generation, now)
    return CycleResult(status, events(plan.conditions, before), next_in)


def backoff(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row: 10, 20, 40, 80, then 120."""
    doublings = min(max(failures - 1, 0), 10)
    return min(_BACKOFF_LONGEST_SECONDS, _BACKOFF_FIRST_SECONDS * float(2**doublings))
