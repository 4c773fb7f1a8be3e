"""One pure function from what is declared and what was observed to actions, conditions and status."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, overload

from k8s.conditions import holds
from k8s.declared import Number, Template
from k8s.lastseen import last_seen
from k8s.numbers import plan_number
from k8s.observed import ObservedNumber, ObservedTemplate
from k8s.plan import Plan
from k8s.templates import plan_template

BACKOFF_FIRST, BACKOFF_MOST = 10.0, 120.0


@overload
def reconcile(
    declared: Number,
    observed: ObservedNumber,
    status: Mapping[str, Any],
    *,
    generation: int,
    version: str,
    now: datetime,
    patience: timedelta,
) -> Plan: ...
@overload
def reconcile(
    declared: Template,
    observed: ObservedTemplate,
    status: Mapping[str, Any],
    *,
    generation: int,
    version: str,
    now: datetime,
    patience: timedelta,
) -> Plan: ...
def reconcile(
    declared: Number | Template,
    observed: ObservedNumber | ObservedTemplate,
    status: Mapping[str, Any],
    *,
    generation: int,
    version: str,
    now: datetime,
    patience: timedelta,
) -> Plan:
    """Compare what is declared with what was observed.

    status: of the resource, as it is; generation: of what is declared; version: of the Graph API, where the resource
    names none; patience: how long what was last seen counts while Meta cannot be read.
    """
    if declared.suspend:
        return _suspended(status)
    last = last_seen(status, generation, now, patience)
    if isinstance(declared, Number) and isinstance(observed, ObservedNumber):
        return plan_number(declared, observed, status, last, declared.graph_version or version, now)
    if isinstance(declared, Template) and isinstance(observed, ObservedTemplate):
        return plan_template(declared, observed, status, last, now)
    raise TypeError(f"{type(declared).__name__} and {type(observed).__name__} do not go together.")


def backoff(failures: int) -> float:
    """Give the seconds to wait after so many failures in a row: 10, 20, 40, 80, then 120."""
    doublings = min(max(failures - 1, 0), 10)
    return min(BACKOFF_MOST, BACKOFF_FIRST * float(2**doublings))


def _suspended(status: Mapping[str, Any]) -> Plan:
    """Nothing is done; what was known stays in the status. Ready, so that nobody waits for it."""
    facts = {
        key: value for key, value in status.items() if key not in {"conditions", "observedGeneration", "queuePosition"}
    }
    ready = holds("Ready", "Suspended", "Neither checked nor changed while spec.suspend is true")
    return Plan(actions=(), conditions=(ready,), status=facts)
