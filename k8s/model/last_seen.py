"""The conditions last seen at Meta, which count on for a while when Meta cannot be read. Pure.

A failed call says nothing about the number or template.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from k8s.model.conditions import Condition, holds, moment, stamp
from k8s.model.observed import Problem

_NEVER_SEEN = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class LastSeen:
    """Conditions by type that still count; at: when Meta was last read completely; until: how long they count."""

    conditions: Mapping[str, Condition] = field(default_factory=dict)
    at: datetime = _NEVER_SEEN
    until: datetime = _NEVER_SEEN

    def fill_in(self, condition: Condition, part: object) -> Condition:
        """Return the condition as last seen where `part` could not be read and it is unknown; else the condition."""
        unread = condition.status == "Unknown" and is_unread(part)
        return self.conditions.get(condition.type, condition) if unread else condition

    def outdated(self, parts: Iterable[object]) -> list[Condition]:
        """Return the condition Outdated while conditions last seen replace those that could not be read."""
        problem = next((part for part in parts if isinstance(part, Problem) and is_unread(part)), None)
        if problem is None or not self.conditions:
            return []
        message = (
            f"Meta could not be read: {problem.message} The other conditions tell what was seen at {stamp(self.at)};"
            f" without another look they become Unknown at {stamp(self.until)}"
        )
        return [holds("Outdated", problem.reason, message)]


def last_seen(status: Mapping[str, Any], generation: int, now: datetime, lifetime: timedelta) -> LastSeen:
    """Read from a status the conditions that still count: of this generation, and seen within `lifetime`."""
    at = moment(status.get("lastChecked"))
    if at is None or now - at > lifetime or status.get("observedGeneration") != generation:
        return LastSeen()
    conditions = status.get("conditions") or ()
    stalled = {one.get("reason") for one in conditions if one.get("type") == "Stalled"}
    known = {
        one["type"]: Condition(
            one["type"], one["status"], one["reason"], one["message"], stalled=one["reason"] in stalled
        )
        for one in conditions
        if one["status"] != "Unknown"
    }
    return LastSeen(known, at, at + lifetime)


def is_unread(part: object) -> bool:
    """Return whether a part could not be read for a temporary reason, which says nothing about the part."""
    return isinstance(part, Problem) and part.kind == "temporary"
