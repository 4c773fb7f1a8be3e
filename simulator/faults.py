"""The faults that tests and people can set.

A fault is set at one place (`on`), applies to the next `times` events there that `match` it, and changes how they
are handled. Faults of different kinds combine; of one kind, the oldest comes first.
"""

import asyncio
from collections.abc import Iterator
from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

Place = Literal["webhook", "send", "read", "management", "media", "model"]
Kind = Literal[
    "delay", "hold", "error", "cut", "lost_answer", "failed", "undelivered",
    "duplicate", "batch", "reorder", "drop", "bad_signature", "storm", "answer", "expired", "refuse", "junk",
]  # fmt: skip
BEFORE_KINDS: frozenset[Kind] = frozenset({"delay", "hold", "error", "cut"})  # these apply before a call has any effect
KINDS: dict[Place, frozenset[Kind]] = {
    "webhook": frozenset({"delay", "hold", "duplicate", "batch", "reorder", "drop", "bad_signature", "storm"}),
    "send": BEFORE_KINDS | {"lost_answer", "failed", "undelivered"},
    "read": BEFORE_KINDS | {"lost_answer"},
    "management": BEFORE_KINDS | {"lost_answer"},
    "media": BEFORE_KINDS | {"lost_answer", "expired"},
    "model": BEFORE_KINDS | {"refuse", "junk", "answer"},
}


class Fault(BaseModel):
    """One fault.

    | kind | where | what happens |
    |---|---|---|
    | delay | all | the event takes `seconds` longer |
    | hold | all | the event waits until the fault is released (or removed) |
    | error | all but webhook | answered with HTTP `status` and error `code`; the call has no effect |
    | cut | all but webhook | the connection is cut; the call has no effect |
    | expired | media | the address, or the id, has expired |
    | lost_answer | send, read, management, media | the call takes effect, then the connection is cut |
    | failed | send | accepted; the status `failed` with `code` follows instead of the others |
    | undelivered | send | accepted; no status follows |
    | answer | model | the model answers `text` and/or calls `tool_calls` ([{name, arguments}]) |
    | refuse | model | the provider always refuses: 400 whenever `contains` is in the conversation |
    | junk | model | HTTP 200, but no completion: `text` as the body, else an error without choices |
    | duplicate | webhook | the same body is posted `copies` more times, all at once |
    | batch | webhook | `size` webhooks are collected and posted as one, grouped as `shape` says |
    | reorder | webhook | `size` webhooks are collected and posted in reverse order |
    | storm | webhook | posted `copies` more times, `seconds` apart, although acknowledged: lost acks |
    | drop | webhook | the webhook is never posted |
    | bad_signature | webhook | signed with a wrong secret (and retried as usual, signed correctly) |

    `match` compares attributes of the event: of a webhook `field`, `kind` (messages, statuses, …), `type`
    (message type or status), `wa_id`; of a send `to` (digits) and `type`; of a read `message_id` and
    `typing`; of a management call `edge`, `method`, `id`; of media `what` (upload, url, download, delete),
    `id`; of the model `model`, `stream` and `picture` (whether one is shown). `contains` is searched in the
    text that is received, sent, or given last to the model. A batch or reorder that is not full after `seconds`
    (default 5) is posted as it is.
    """

    model_config = ConfigDict(extra="forbid")

    id: str = ""
    on: Place
    kind: Kind
    times: int | None = Field(1, ge=1, description="None: until removed")
    match: dict[str, str | bool] = {}
    contains: str | None = Field(None, description="only events whose text contains this")
    seconds: float = Field(5, ge=0)
    status: int | None = Field(None, ge=400, le=599)
    code: int = 131000
    message: str | None = None
    retry_after: int | None = None
    copies: int = Field(1, ge=1)
    size: int = Field(2, ge=2, le=1000)
    shape: Literal["messages", "changes", "entries"] = "messages"
    text: str | None = None
    tool_calls: list[dict[str, Any]] = []
    taken: int = 0
    waiting: int = Field(0, description="events that this fault holds at this moment")
    _released: asyncio.Event = PrivateAttr(default_factory=asyncio.Event)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.kind not in KINDS[self.on]:
            kinds = ", ".join(sorted(KINDS[self.on]))
            raise ValueError(f"there is no {self.kind!r} on {self.on!r}: choose from {kinds}")
        return self

    def applies(self, event: dict[str, Any]) -> bool:
        """Return whether the fault applies to this event."""
        if self.contains is not None and self.contains not in (event.get("text") or ""):
            return False
        return all(event.get(name) == value for name, value in self.match.items())

    def release(self) -> None:
        """Release the events that a `hold` holds, and let later ones pass."""
        self._released.set()

    async def pause(self) -> None:
        """Wait as long as a `delay` or `hold` requires; other kinds do not wait."""
        if self.kind == "delay":
            await asyncio.sleep(self.seconds)
        if self.kind == "hold":
            self.waiting += 1
            try:
                await self._released.wait()
            finally:
                self.waiting -= 1


class Faults:
    """The faults that were set, in order."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._count = 0

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults.values())

    def add(self, fault: Fault) -> Fault:
        """Set a fault and give it its id."""
        self._count += 1
        fault.id = f"fault-{self._count}"
        self._faults[fault.id] = fault
        return fault

    def get(self, fault_id: str) -> Fault | None:
        """Return the fault of that id, also when it is used up; None after it was removed."""
        return self._faults.get(fault_id)

    def remove(self, fault_id: str | None = None) -> None:
        """Remove one fault, or all; the events that it held go on."""
        for one in [fault_id] if fault_id else list(self._faults):
            fault = self._faults.pop(one, None)
            if fault:
                fault.release()

    def take(self, place: Place, event: dict[str, Any], kinds: frozenset[Kind] | None = None) -> "Taken":
        """Return the faults (of these kinds) that hit this event, at most one of each kind; count them as used."""
        wanted = KINDS[place] if kinds is None else kinds
        taken: dict[str, Fault] = {}
        for fault in self._faults.values():
            used_up = fault.times is not None and fault.taken >= fault.times
            fits = fault.on == place and fault.kind in wanted and fault.kind not in taken
            if fits and not used_up and fault.applies(event):
                fault.taken += 1
                taken[fault.kind] = fault
        return Taken(taken)


class Taken:
    """The faults that hit one event, by kind."""

    def __init__(self, by_kind: dict[str, Fault]) -> None:
        self._by_kind = by_kind

    def __contains__(self, kind: Kind) -> bool:
        return kind in self._by_kind

    def get(self, kind: Kind) -> Fault | None:
        """Return the fault of that kind, if one hit."""
        return self._by_kind.get(kind)

    async def pause(self) -> None:
        """Wait as long as the delays and holds among them require."""
        for fault in self._by_kind.values():
            await fault.pause()


assert set(get_args(Kind)) == frozenset().union(*KINDS.values())  # noqa: S101 - a new kind has to choose its places
