"""Conditions of a status, in the way that kstatus (helm --wait, GitOps tools) and kubectl wait read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from k8s.model.json_object import Json

Truth = Literal["True", "False", "Unknown"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition.

    stalled: it will not come true before a person acts; warn: whether its Event is a warning, None: when it is false.
    """

    type: str
    status: Truth
    reason: str
    message: str
    stalled: bool = False
    warn: bool | None = None

    @property
    def alarming(self) -> bool:
        """Whether a person should look at it."""
        return self.status == "False" if self.warn is None else self.warn


_TRANSIENT_REASONS = frozenset(
    {"NotChecked", "WaitingForToken", "Publishing", "Subscribing", "Setting", "NotSubmitted", "Creating", "Editing"}
    | {"Queued"}  # often for less than a second; the column shows for how long
)


class Event(NamedTuple):
    """A Kubernetes Event to post; type: Normal or Warning."""

    type: str
    reason: str
    message: str


def holds(type_: str, reason: str, message: str, *, warn: bool = False) -> Condition:
    """Return a condition that is true; warn: a person should look at it nevertheless."""
    return Condition(type_, "True", reason, message, warn=warn)


def fails(type_: str, reason: str, message: str, *, stalled: bool = False) -> Condition:
    """Return a condition that is false."""
    return Condition(type_, "False", reason, message, stalled)


def waits(type_: str, reason: str, message: str) -> Condition:
    """Return a condition that is false for the time being, without a warning."""
    return Condition(type_, "False", reason, message, warn=False)


def unknown(type_: str, reason: str, message: str) -> Condition:
    """Return a condition that is not known now."""
    return Condition(type_, "Unknown", reason, message)


def summary(parts: Sequence[Condition], message: str) -> list[Condition]:
    """Return Ready for those parts, and Stalled where one of them is; message: of Ready when all are true."""
    failing = next((part for part in parts if part.status != "True"), None)
    if failing is None:
        return [holds("Ready", "Ready", message)]
    ready = Condition("Ready", failing.status, failing.reason, failing.message)
    stalled = next((part for part in parts if part.stalled), None)
    return [ready] if stalled is None else [ready, holds("Stalled", stalled.reason, stalled.message)]


def as_status(
    conditions: Iterable[Condition], before: Sequence[Mapping[str, Any]], generation: int, now: datetime
) -> list[Json]:
    """Return the list for the status; lastTransitionTime stays where a condition has the same status as before."""
    earlier = {one.get("type"): one for one in before}
    listed = []
    for condition in conditions:
        old = earlier.get(condition.type, {})
        same = old.get("status") == condition.status
        listed.append(
            {
                "type": condition.type,
                "status": condition.status,
                "reason": condition.reason,
                "message": condition.message,
                "lastTransitionTime": old.get("lastTransitionTime") if same else stamp(now),
                "observedGeneration": generation,
            }
        )
    return listed


def events(conditions: Iterable[Condition], before: Sequence[Mapping[str, Any]]) -> list[Event]:
    """Return an Event for every condition whose status or reason differs from before.

    Ready and Stalled only repeat other conditions, and transient reasons need no Event.
    """
    earlier = {one.get("type"): (one.get("status"), one.get("reason")) for one in before}
    changed = [
        condition
        for condition in conditions
        if condition.type not in {"Ready", "Stalled"}
        and condition.reason not in _TRANSIENT_REASONS
        and earlier.get(condition.type) != (condition.status, condition.reason)
    ]
    return [
        Event("Warning" if condition.alarming else "Normal", condition.reason, condition.message)
        for condition in changed
    ]


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> Json:
    """Return the JSON merge patch (RFC 7386) that turns old into new; empty when they are equal."""
    patch: Json = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            inner = merge_patch(before, value)
            if inner:
                patch[key] = inner
        elif value != before:
            patch[key] = value
    return patch


def utc_now() -> datetime:
    """Return the time of the wall clock."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """Return a moment as Kubernetes writes it: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str | None) -> datetime | None:
    """Return the moment that `stamp` wrote; None for no text or any other text."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:  # another program wrote it
        return None
