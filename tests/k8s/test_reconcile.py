"""What is planned in the cases of cases/*.yaml: input and expected output side by side."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s.model import channels_file, template_content
from k8s.model.actions import CreateTemplate, EditTemplate, Plan
from k8s.model.declared import Number, Template, fingerprint
from k8s.model.json_object import Json
from k8s.model.last_seen import last_seen
from k8s.model.observed import (
    ObservedNumber,
    ObservedTemplate,
    Phone,
    Problem,
    RemoteTemplate,
    Secrets,
    Subscription,
    Token,
)
from k8s.numbers.plan import plan_number
from k8s.resource import backoff
from k8s.templates.plan import plan_template, status_after

GENERATION, PATIENCE = 3, timedelta(minutes=30)
CASES = Path(__file__).parent / "cases"


def cases(name: str) -> list[Any]:
    file = plain(yaml.safe_load((CASES / name).read_text()))
    return [pytest.param({**file, **case}, id=case["case"]) for case in file["cases"]]


def plain(value: Any) -> Any:
    """YAML knows moments; the API server gives texts."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.isoformat() if isinstance(value, date) else value


def made(kind: Any, value: Any) -> Any:
    """A part of what was observed; a mapping with a `kind` is a problem instead."""
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


@pytest.mark.parametrize("case", cases("templates.yaml"))
def test_template(case: Json) -> None:
    template = Template.model_validate({k: v for k, v in {**case["base"], **case.get("declared", {})}.items() if v})
    observed = case.get("observed", {})
    remote = made(RemoteTemplate, observed.get("remote"))
    seen = ObservedTemplate(
        remote=remote,
        duplicate_of=observed.get("duplicate_of"),
        unread=made(Problem, observed.get("unread")),
        failure=made(Problem, observed.get("failure")),
        queue=tuple(observed["queue"]) if "queue" in observed else None,
    )
    status = before(case)
    status["applied"] = _marks(template, remote, status.get("applied", {}))
    plan = planned(template, seen, status, case["now"])
    check(plan, case["expect"])
    if "remembers" in case["expect"]:
        shown = template_content.remote_fingerprint(list(remote.components))
        assert plan.status["applied"].get("shown") == (shown if case["expect"]["remembers"] else None)


def before(case: Json) -> Json:
    """The status of a case, its conditions written out: they stand as type: [status, reason, message]."""
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


def _marks(template: Template, remote: RemoteTemplate | None, applied: Json) -> Json:
    """SAME: the fingerprint of what is declared, or of what Meta shows."""
    marks = after_creation(template)
    marks["refused"] = marks["declared"]
    if remote:
        marks["shown"] = template_content.remote_fingerprint(list(remote.components))
    return {key: marks.get(key, "gone") if value == "SAME" else value for key, value in applied.items()}


def after_creation(template: Template) -> Json:
    return dict(status_after(CreateTemplate(), template, {}, datetime.now(UTC))["applied"])


@pytest.mark.parametrize("case", cases("numbers.yaml"))
def test_number(case: Json) -> None:
    base = yaml.safe_load((CASES / "numbers.yaml").read_text())
    declared = {**base["base"], **case.get("declared", {})}
    number = Number.model_validate({key: value for key, value in declared.items() if value is not None})
    observed = {**plain(base["observed"]), **case.get("observed", {})}
    seen = ObservedNumber(
        secrets=made(Secrets, observed.get("secrets")),
        missing=tuple(observed.get("missing", ())),
        token=made(Token, observed.get("token")),
        phone=made(Phone, observed.get("phone")),
        subscription=made(Subscription, observed.get("subscription")),
        profile=observed.get("profile"),
        channel_entry=_channel_entry(number, base)
        if observed.get("channel_entry") == "CHANNEL_ENTRY"
        else observed.get("channel_entry"),
        duplicate_of=observed.get("duplicate_of"),
        callback_conflicts=observed.get("callback_conflicts", {}),
        failures={name: Problem(**one) for name, one in observed.get("failures", {}).items()},
    )
    status = before(case)
    if status.get("applied", {}).get("profile") == "SAME":
        status["applied"]["profile"] = fingerprint(number.profile.fields())
    check(planned(number, seen, status, case["now"]), case["expect"])


def _channel_entry(number: Number, base: Json) -> Json:
    secrets, phone = made(Secrets, base["observed"]["secrets"]), made(Phone, base["observed"]["phone"])
    return channels_file.entry(number, secrets, phone, None, keep_token=False)


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
    """The action as the case writes it: its name, or its name with those fields that the case names."""
    if isinstance(want, str):
        return action.name
    shown = (
        {f.name: getattr(action, f.name) for f in fields(action)} if not hasattr(action, "entry") else asdict(action)
    )
    inner = want[action.name]
    return {action.name: {key: _cut(shown[key], value) for key, value in inner.items()}}


def _cut(value: Any, like: Any) -> Any:
    return {key: value.get(key) for key in like} if isinstance(like, dict) and isinstance(value, dict) else value


def test_backoff_goes_from_ten_seconds_to_two_minutes() -> None:
    assert [backoff(n) for n in range(1, 8)] == [10, 20, 40, 80, 120, 120, 120]
    assert backoff(10_000) == 120


def test_an_accepted_edit_counts_only_while_the_template_is_approved() -> None:
    template = Template.model_validate(yaml.safe_load((CASES / "templates.yaml").read_text())["base"])
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert status_after(EditTemplate("5000", approved=True), template, {}, now)["edits"] == ["2026-11-23T12:00:00Z"]
    assert "edits" not in status_after(EditTemplate("5000", approved=False), template, {}, now)
