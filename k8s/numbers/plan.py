"""Plans a number: what to do at Meta and in the channels Secret, and what its status says. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.whatsapp.api import versions
from k8s.model import channels_file
from k8s.model.actions import Action, Plan, Publish, SetPicture, SetProfile, Subscribe, suspended
from k8s.model.conditions import Condition, fails, holds, stamp, summary, unknown
from k8s.model.declared import Number, fingerprint
from k8s.model.json_object import Json
from k8s.model.last_seen import LastSeen
from k8s.model.observed import Applied, ObservedNumber, Phone, Problem, Subscription, Token
from k8s.model.verdicts import from_problem, healthy, token_valid, version_supported

Part = tuple[Condition, Action | None]


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
    facts = _facts(observed, status, version, now)
    if observed.duplicate_of:
        return _plan_duplicate(number, observed.duplicate_of, facts)
    token = _last_token(_token(number, observed, now), observed, last)
    applied = dict(status.get("applied") or {})
    usable = token.status != "False"
    parts: list[Part] = [
        (token, None),
        _published(number, observed, token),
        _subscribed(number, observed) if usable else _waiting_for_token("Subscribed"),
        _profile(number, observed, applied) if usable else _waiting_for_token("ProfileSynced"),
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
    """What was last seen of the token, where it cannot be checked; that it was good counts only for this very token."""
    before = last.fill_in(token, observed.token)
    used = (observed.channel_entry or {}).get("access_token")
    same = observed.secrets is not None and observed.secrets.access_token == used
    return before if same or before.status == "False" else token


def _published(number: Number, observed: ObservedNumber, token: Condition) -> Part:
    """The entry in the channels Secret; a token that Meta refuses does not displace one that worked."""
    if observed.secrets is None:
        return unknown("Published", "SecretMissing", "The credentials are not complete"), None
    good = token.status == "True"
    if token.status == "False" and observed.channel_entry is None:
        return unknown("Published", token.reason, "The gateways get this number once its access token is good"), None
    phone = observed.phone if isinstance(observed.phone, Phone) else None
    entry = channels_file.entry(number, observed.secrets, phone, observed.channel_entry, keep_token=not good)
    if entry == observed.channel_entry:
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


def _profile(number: Number, observed: ObservedNumber, applied: dict[str, str]) -> Part:
    """The profile; applied is brought up to date."""
    if number.profile is None:
        applied.clear()
        return holds("ProfileSynced", "NotDeclared", "The profile stays as it is at Meta"), None
    for check in (_profile_fields, _profile_picture):
        part = check(number, observed, applied)
        if part:
            return part
    return holds("ProfileSynced", "Synced", "The profile is as declared"), None


def _profile_fields(number: Number, observed: ObservedNumber, applied: dict[str, str]) -> Part | None:
    declared = number.profile.fields() if number.profile else {}
    if not declared:  # only a picture
        return None
    memory, mark = Applied(applied.get("profile"), applied.get("profileShown")), fingerprint(declared)
    match observed.profile:
        case None if memory.declared == mark:  # set a moment ago; the next check reads it
            applied.pop("profileShown", None)
            return None
        case None:
            return unknown("ProfileSynced", "NotChecked", "The profile has not been checked yet"), None
        case Problem() as problem:
            return from_problem("ProfileSynced", problem), None
        case shown:
            return _compared(declared, shown, memory, mark, observed, applied)


def _compared(
    declared: Json, shown: Json, memory: Applied, mark: str, observed: ObservedNumber, applied: dict[str, str]
) -> Part | None:
    differing = {key: value for key, value in declared.items() if not _equal(value, shown.get(key))}
    shown_mark = fingerprint({key: shown.get(key) for key in declared})
    if not differing or memory.settled(mark, shown_mark):
        applied.update(profile=mark, profileShown=shown_mark)
        return None
    failure = observed.failures.get("profile")
    waiting = unknown("ProfileSynced", "Setting", f"To be set: {', '.join(sorted(differing))}")
    return (from_problem("ProfileSynced", failure) if failure else waiting), SetProfile(differing)


def _profile_picture(number: Number, observed: ObservedNumber, applied: dict[str, str]) -> Part | None:
    source = number.profile.picture if number.profile else None
    if source is None:
        applied.pop("picture", None)
        return None
    if isinstance(observed.picture, Problem):
        return from_problem("ProfileSynced", observed.picture), None
    if observed.picture is None or observed.picture == applied.get("picture"):
        return None
    failure = observed.failures.get("picture")
    waiting = unknown("ProfileSynced", "Setting", "The picture is to be uploaded")
    return (from_problem("ProfileSynced", failure) if failure else waiting), SetPicture(source)


def _facts(observed: ObservedNumber, status: Mapping[str, Any], version: str, now: datetime) -> Json:
    """Fields of the status; what could not be read keeps its last value."""
    phone = _phone_facts(observed.phone) if isinstance(observed.phone, Phone) else status.get("phone")
    token = status.get("token")
    if isinstance(observed.token, Token) and observed.token.valid:
        token = _token_facts(observed.token, now)
    end = versions.expiry(version)
    facts = {
        "phone": phone,
        "token": token,
        "graphVersion": {"version": version, "expiresOn": end.isoformat() if end else None},
    }
    return {name: _filled(one) for name, one in facts.items() if one}


def _token_facts(token: Token, now: datetime) -> Json:
    end = token.expires_at
    return {
        "daysLeft": str((end - now).days) if end else "never",
        "expiresAt": stamp(end) if end else None,
        "appId": token.app_id,
    }


def _phone_facts(phone: Phone) -> Json:
    return {
        "displayNumber": phone.display_number,
        "verifiedName": phone.verified_name,
        "nameStatus": phone.name_status,
        "state": phone.state,
        "quality": phone.quality,
        "messagingLimit": phone.messaging_limit,
        "throughput": phone.throughput,
        "canSendMessage": phone.can_send_message,
    }


def _problems(observed: ObservedNumber) -> list[Problem]:
    return [part for part in (*observed.read(), observed.picture) if isinstance(part, Problem)]


def _waiting_for_token(type_: str) -> Part:
    return unknown(type_, "WaitingForToken", "Waits for a good access token"), None


def _equal(declared: object, shown: object) -> bool:
    if isinstance(declared, list):
        shown = shown if isinstance(shown, list) else []
        return [_plain(one) for one in declared] == [_plain(one) for one in shown]
    return _plain(declared) == _plain(shown)


def _plain(value: object) -> str:
    return str(value or "").strip().rstrip("/")


def _filled(fields: Json) -> Json:
    return {key: value for key, value in fields.items() if value is not None}
