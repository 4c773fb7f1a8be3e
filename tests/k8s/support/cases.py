"""The cases of cases/*.yaml: input and expected output of planning side by side."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s.model.actions import Plan
from k8s.model.declared import Number, Template
from k8s.model.json_object import Json
from k8s.model.last_seen import last_seen
from k8s.model.observed import (
    Problem,
    Token,
)
from k8s.numbers.plan import plan_number
from k8s.templates.plan import plan_template

GENERATION, PATIENCE = 3, timedelta(minutes=30)
CASES = Path(__file__).parents[1] / "cases"


def cases(name: str) -> list[Any]:
    file = plain(yaml.safe_load((CASES / name).read_text()))
    return [pytest.param({**file, **case}, id=case["case"]) for case in file["cases"]]


def plain(value: Any) -> Any:
    """Return the value with texts for moments, as the API server gives them; YAML reads moments."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.isoformat() if isinstance(value, date) else value


def made(kind: Any, value: Any) -> Any:
    """Return a part of an observation; a mapping with a `kind` is a problem instead."""
    if not isinstance(value, dict):
        return value
    if "kind" in value:
        return Problem(**value)
    ready = {key: tuple(one) if isinstance(one, list) else one for key, one in value.items()}
    for name in ("scopes", "accounts"):
        if kind is Token and ready.get(name) is not None:
            ready[name] = frozenset(ready[name])
    if kind is Token and ready.get("expires_at"):
        ready["expires_at"] = datetime.fromisoformat(ready["expires_at"])
    return kind(**ready)


def before(case: Json) -> Json:
    """Return the status of a case, with its conditions written out: they stand as type: [status, reason, message]."""
    status = dict(case.get("status", {}))
    names = ("status", "reason", "message")
    listed = [
        {"type": type_, **dict(zip(names, one, strict=True))} for type_, one in status.get("conditions", {}).items()
    ]
    return {"observedGeneration": GENERATION, **status, "conditions": listed}


def planned(declared: Number | Template, seen: Any, status: Json, now: str) -> Plan:
    moment = datetime.fromisoformat(now)
    last = last_seen(status, GENERATION, moment, PATIENCE)
    if isinstance(declared, Number):
        return plan_number(declared, seen, status, last, "v26.0", moment)
    return plan_template(declared, seen, status, last, moment)


def check(plan: Plan, expect: Json) -> None:
    conditions = {one.type: one for one in plan.conditions}
    if "actions" in expect:
        assert [_as_case(action, want) for action, want in _pairs(plan, expect["actions"])] == expect["actions"]
    for type_, (status, reason) in expect.get("conditions", {}).items():
        assert (conditions[type_].status, conditions[type_].reason) == (status, reason), conditions[type_].message
    for type_, words in expect.get("says", {}).items():
        assert str(words) in conditions[type_].message
    for type_ in expect.get("lacks", ()):
        assert type_ not in conditions
    for name, value in expect.get("status", {}).items():
        assert plan.status.get(name) == value
    for name in ("retry", "retry_after", "check_after"):
        if name in expect:
            assert getattr(plan, name) == expect[name]


def _pairs(plan: Plan, wanted: list[Any]) -> list[tuple[Any, Any]]:
    assert len(plan.actions) == len(wanted), plan.actions
    return list(zip(plan.actions, wanted, strict=True))


def _as_case(action: Any, want: Any) -> Any:
    """Return the action as the case writes it: its name, or its name with those fields that the case names."""
    if isinstance(want, str):
        return action.name
    shown = (
        {f.name: getattr(action, f.name) for f in fields(action)} if not hasattr(action, "entry") else asdict(action)
    )
    inner = want[action.name]
    return {action.name: {key: _cut(shown[key], value) for key, value in inner.items()}}


def _cut(value: Any, like: Any) -> Any:
    return {key: value.get(key) for key in like} if isinstance(like, dict) and isinstance(value, dict) else value
