"""The results of planning: actions, conditions and fields of the status, the time of the next check. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from k8s.model.conditions import Condition, holds
from k8s.model.declared import KeyRef
from k8s.model.json_object import Json


@dataclass(frozen=True, slots=True)
class Publish:
    """Write the number's entry into the channels Secret."""

    entry: Json = field(repr=False)
    name: str = "publish"


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Subscribe the app to the account; with a callback URL that overrides the app's, unless None."""

    callback: str | None
    name: str = "subscribe"


@dataclass(frozen=True, slots=True)
class SetProfile:
    """Set these fields of the number's profile."""

    fields: Json
    name: str = "profile"


@dataclass(frozen=True, slots=True)
class SetPicture:
    """Upload the picture of the profile."""

    source: KeyRef
    name: str = "picture"


@dataclass(frozen=True, slots=True)
class CreateTemplate:
    """Create the template."""

    name: str = "create"


@dataclass(frozen=True, slots=True)
class EditTemplate:
    """Edit the template; approved: it counts against Meta's limit on edits, and its category cannot change."""

    id: str
    approved: bool
    name: str = "edit"


Action = Publish | Subscribe | SetProfile | SetPicture | CreateTemplate | EditTemplate


@dataclass(frozen=True, slots=True)
class Plan:
    """The actions to take for one resource, and its status.

    status: the fields of the status besides the conditions; retry: a reading or action failed that may succeed later;
    check_after: seconds until the next check when nothing failed, None for the ordinary resync.
    """

    actions: tuple[Action, ...]
    conditions: tuple[Condition, ...]
    status: Json
    retry: bool = False
    retry_after: float | None = None
    check_after: float | None = None


def suspended(status: Mapping[str, Any]) -> Plan:
    """Return the plan of a suspended resource: no action, and the status keeps its fields.

    It is Ready, so that nothing waits for it.
    """
    transient = {"conditions", "observedGeneration", "queuePosition"}
    facts = {key: value for key, value in status.items() if key not in transient}
    ready = holds("Ready", "Suspended", "Neither checked nor changed while spec.suspend is true")
    return Plan(actions=(), conditions=(ready,), status=facts)
