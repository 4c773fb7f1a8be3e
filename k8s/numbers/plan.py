"""Plans a number: the actions at Meta and in the channels Secret, and its status. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from k8s.model import channels_file
from k8s.model.actions import Plan, Publish, Subscribe, suspended
from k8s.model.conditions import Condition, fails, holds, summary, unknown
from k8s.model.declared import Number
from k8s.model.json_object import Json
from k8s.model.last_seen import LastSeen
from k8s.model.observed import ObservedNumber, Phone, Problem, Subscription
from k8s.model.verdicts import from_problem, healthy, token_valid, version_supported
from k8s.numbers.facts import number_facts
from k8s.numbers.profile import Part, plan_profile


def plan_number(
    number: Number,
    observed: ObservedNumber,
    status: Mapping[str, Any],
    last: LastSeen,
    version: str,
    now: datetime,
) -> Plan:
    """Plan one number.

    status: the present one; last: the part of it that still counts; version: of the Graph API, where the number names
    none.
    """
    if number.suspend:
        return suspended(status)
    version = number.graph_version or version
    facts = number_facts(observed, status, version, now)
    if observed.duplicate_of:
        return _plan_duplicate(number, observed.duplicate_of, facts)
    token = _last_token(_token(number, observed, now), observed, last)
    applied = dict(status.get("applied") or {})
    usable = token.status != "False"
    parts: list[Part] = [
        (token, None),
        _published(number, observed, token),
        _subscribed(number, observed) if usable else _waiting_for_token("Subscribed"),
        plan_profile(number, observed, applied) if usable else _waiting_for_token("ProfileSynced"),
    ]
    sources = (None, None, observed.subscription, observed.profile)
    conditions = [last.fill_in(condition, source) for (condition, _), source in zip(parts, sources, strict=True)]
    health = last.fill_in(healthy(observed.phone), observed.phone) if usable else _waiting_for_token("Healthy")[0]
    actions = tuple(action for _, action in parts if action and action.name not in observed.failures)
    problems = [one for one in (*observed.failures.values(), *_problems(observed)) if one.kind != "refused"]
    return Plan(
        actions=actions,
        conditions=(
            *summary(conditions, "Meta and the gateways have what is declared"),
            *conditions,
            health,
            version_supported(version, now),
            *last.outdated(observed.read()),
        ),
        status={**facts, "applied": {key: one for key, one in applied.items() if one}},
        retry=bool(problems or observed.missing or observed.callback_conflicts) or token.status != "True",
        retry_after=max((problem.retry_after or 0 for problem in problems), default=0) or None,
    )


def _plan_duplicate(number: Number, first: str, facts: Json) -> Plan:
    """Leave everything to the resource that declared the number first; check again soon, as it may be deleted."""
    message = f"WhatsAppNumber {first} declares number {number.phone_number_id} too, and came first: delete one of them"
    conflict = fails("Published", "DeclaredTwice", message, stalled=True)
    return Plan(actions=(), conditions=(*summary([conflict], ""), conflict), status=facts, retry=True)


def _token(number: Number, observed: ObservedNumber, now: datetime) -> Condition:
    if observed.missing:
        return fails("TokenValid", "SecretMissing", f"Missing: {', '.join(observed.missing)}")
    match observed.token:
        case None:
            return unknown("TokenValid", "NotChecked", "The access token has not been checked yet")
        case Problem() as problem:
            return from_problem("TokenValid", problem)
        case token:
            return token_valid(number, token, observed.phone, now)


def _last_token(token: Condition, observed: ObservedNumber, last: LastSeen) -> Condition:
    """Return the condition last seen where the token cannot be checked; a good one counts only for the same token."""
    before = last.fill_in(token, observed.token)
    used = (observed.channel_entry or {}).get("access_token")
    same = observed.secrets is not None and observed.secrets.access_token == used
    return before if same or before.status == "False" else token


def _published(number: Number, observed: ObservedNumber, token: Condition) -> Part:
    """Plan the entry in the channels Secret; a token that Meta refuses does not displace one that worked."""
    if observed.secrets is None:
        return unknown("Published", "SecretMissing", "The credentials are not complete"), None
    good = token.status == "True"
    if token.status == "False" and observed.channel_entry is None:
        return unknown("Published", token.reason, "The gateways get this number once its access token is good"), None
    phone = observed.phone if isinstance(observed.phone, Phone) else None
    entry = channels_file.entry(number, observed.secrets, phone, observed.channel_entry, keep_token=not good)
    if entry == observed.channel_entry and observed.channel_files_complete:
        return holds(
            "Published", "Published", "The channels Secret has this number; gateways read it within a minute or two"
        ), None
    failure = observed.failures.get("publish")
    condition = (
        from_problem("Published", failure)
        if failure
        else unknown("Published", "Publishing", "To be written into the channels Secret")
    )
    return condition, Publish(entry)


def _subscribed(number: Number, observed: ObservedNumber) -> Part:
    wanted = number.callback.url if number.callback else None
    if observed.foreign_callback:
        message = f"Webhooks may not go to {wanted}: name its host in the chart's operator.callbackHosts"
        return fails("Subscribed", "CallbackNotAllowed", message, stalled=True), None
    conflict = next((f"{name} ({url})" for name, url in sorted(observed.callback_conflicts.items())), None)
    if conflict:
        message = f"Numbers of one account share one callback URL, but {conflict} has another: give both the same"
        return fails("Subscribed", "CallbackConflict", message, stalled=True), None
    match observed.subscription:
        case None:
            return unknown("Subscribed", "NotChecked", "The subscription has not been checked yet"), None
        case Problem() as problem:
            return from_problem("Subscribed", problem), None
        case Subscription(subscribed=True, override=override) if wanted in (None, override):
            where = f"to {override}" if override else "to the callback URL of the app"
            return holds("Subscribed", "Subscribed", f"Meta sends webhooks {where}"), None
    failure = observed.failures.get("subscribe")
    condition = (
        from_problem("Subscribed", failure) if failure else unknown("Subscribed", "Subscribing", "To be subscribed")
    )
    return condition, Subscribe(wanted)


def _problems(observed: ObservedNumber) -> list[Problem]:
    return [part for part in (*observed.read(), observed.picture) if isinstance(part, Problem)]


def _waiting_for_token(type_: str) -> Part:
    return unknown(type_, "WaitingForToken", "Waits for a good access token"), None
