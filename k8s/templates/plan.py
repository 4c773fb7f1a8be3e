"""Plans a template: whether to create or edit it, and its status. Pure.

Source of Meta's rules: developers.facebook.com/documentation/business-messaging/whatsapp/templates/template-management.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from k8s.model import template_content
from k8s.model.actions import Action, CreateTemplate, EditTemplate, Plan, suspended
from k8s.model.conditions import Condition, fails, holds, moment, stamp, summary, waits
from k8s.model.declared import Template, fingerprint
from k8s.model.json_object import Json
from k8s.model.last_seen import LastSeen
from k8s.model.observed import Applied, ObservedTemplate, Problem, RemoteTemplate
from k8s.model.verdicts import approved_by_meta, from_problem

# An approved template may be edited once in 24 hours and ten times in 30 days; a rejected or paused one at will.
MAX_EDITS_IN_30_DAYS = 10
EDIT_WINDOW, EDIT_PAUSE = timedelta(days=30), timedelta(days=1)
EDITABLE = frozenset({"APPROVED", "REJECTED", "PAUSED"})
UNDER_REVIEW = frozenset({"PENDING", "IN_APPEAL"})
BEING_DELETED = frozenset({"PENDING_DELETION", "DELETED"})
# Meta refuses the same again, but some of its reasons pass (a name that is being deleted, too many edits): try rarely.
RETRY_REFUSED_AFTER = timedelta(hours=6)
# A review takes minutes to a day: ask every minute for half an hour, then every five for six hours, then as usual.
REVIEW_POLLS = ((timedelta(minutes=30), 60.0), (timedelta(hours=6), 300.0))
# Waits of up to a day that Meta's rules impose: Ready does not wait for these, so that `helm --wait` ends.
_WAITS_FOR_META = frozenset({"InReview", "EditLimit"})


def plan_template(
    template: Template, observed: ObservedTemplate, status: Mapping[str, Any], last: LastSeen, now: datetime
) -> Plan:
    """Plan one template. status: the present one; last: the part of it that still counts."""
    if template.suspend:
        return suspended(status)
    remote, applied = observed.remote, dict(status.get("applied") or {})
    found, action = _synced(template, observed, status, applied, now)
    refusal = _refusal(template, observed.failure, status, applied, now) if action else None
    action = None if refusal else action
    synced = refusal or last.fill_in(found, observed.unread)
    facts = _facts(remote, status, now) if remote or not observed.unread else _previous_facts(status, now)
    approved = approved_by_meta(facts.get("state"), facts.get("rejectedReason"))
    if action and observed.queue is not None and observed.failure is None:
        facts["queuePosition"] = observed.queue[0] + 1
    problems = [problem for problem in (observed.unread, observed.failure) if problem and problem.kind != "refused"]
    return Plan(
        actions=(action,) if action and observed.failure is None and observed.queue is None else (),
        conditions=(*_ready(synced), synced, approved, *last.outdated([observed.unread])),
        status={**facts, "applied": applied},
        retry=bool(problems),
        retry_after=max((problem.retry_after or 0 for problem in problems), default=0) or None,
        check_after=poll_after(facts, now),
    )


def _refusal(
    template: Template, failure: Problem | None, status: Mapping[str, Any], applied: dict[str, str], now: datetime
) -> Condition | None:
    """Return the condition where Meta refused this declaration, now or not long ago; None: it may be tried.

    applied: brought up to date.
    """
    memory, mark = status.get("applied") or {}, _declared_fingerprint(template)
    if failure:
        if failure.kind != "refused":
            return None
        message = f"{failure.message} Change it; the same is tried again at {stamp(now + RETRY_REFUSED_AFTER)}"
        applied.update(refused=mark, refusedAt=stamp(now))
    else:
        at = moment(memory.get("refusedAt"))
        if at is None or memory.get("refused") != mark or now - at >= RETRY_REFUSED_AFTER:
            return None
        earlier = (one["message"] for one in status.get("conditions") or () if one["reason"] == "Refused")
        message = next(earlier, f"Meta refused it at {stamp(at)}")
        applied.update(refused=mark, refusedAt=memory["refusedAt"])
    return fails("Synced", "Refused", message, stalled=True)


def status_after(action: Action, template: Template, status: Mapping[str, Any], now: datetime) -> Json:
    """Return the status with a note of an action that Meta accepted."""
    noted = {**status, "submittedAt": stamp(now), "applied": {"declared": _declared_fingerprint(template)}}
    if isinstance(action, EditTemplate) and action.approved:
        noted["edits"] = [*_edits(status, now), stamp(now)]
    return noted


def _synced(
    template: Template, observed: ObservedTemplate, status: Mapping[str, Any], applied: dict[str, str], now: datetime
) -> tuple[Condition, Action | None]:
    """Return whether Meta has it as declared, and the action that would make it so; applied is brought up to date."""
    remote = observed.remote
    if observed.duplicate_of:
        message = (
            f"MessageTemplate {observed.duplicate_of} declares this template too, and came first: delete one of them"
        )
        return fails("Synced", "DeclaredTwice", message, stalled=True), None
    if observed.unread:
        return from_problem("Synced", observed.unread), None
    if remote is None:
        applied.clear()
        return _pending(observed, waits("Synced", "Creating", "To be created")), CreateTemplate()
    if remote.state in BEING_DELETED:
        message = "Meta is deleting a template of this name and language; it can be created again afterwards"
        return waits("Synced", "BeingDeleted", message), None
    if not _needs_edit(template, remote, applied):
        known = "declared" in applied
        _remember(template, remote, applied)
        return _in_sync(template, remote, known=known), None
    return _to_edit(observed, remote, status, now)


def _to_edit(
    observed: ObservedTemplate, remote: RemoteTemplate, status: Mapping[str, Any], now: datetime
) -> tuple[Condition, Action | None]:
    if remote.state in UNDER_REVIEW:
        return waits("Synced", "InReview", "Meta is reviewing it; it will be edited when the review is over"), None
    if remote.state not in EDITABLE:
        message = f"Meta does not let a template be edited that is {remote.state}: declare one of another name"
        return fails("Synced", "NotEditable", message, stalled=True), None
    approved = remote.state == "APPROVED"
    next_edit = _next_edit(status, now) if approved else None
    if next_edit:
        message = (
            f"Meta allows one edit a day and {MAX_EDITS_IN_30_DAYS} in 30 days;"
            f" the next is possible at {stamp(next_edit)}"
        )
        return waits("Synced", "EditLimit", message), None
    return _pending(observed, waits("Synced", "Editing", "To be edited")), EditTemplate(remote.id, approved)


def _pending(observed: ObservedTemplate, otherwise: Condition) -> Condition:
    """Return why a change has not been made yet."""
    if observed.failure:
        return from_problem("Synced", observed.failure)
    if observed.queue:
        before, waiting = observed.queue
        message = f"Waits for Meta's rate limit: place {before + 1} of {waiting}"
        return waits("Synced", "Queued", message)
    return otherwise


def _needs_edit(template: Template, remote: RemoteTemplate, applied: Mapping[str, str]) -> bool:
    """Return whether to edit: it differs, and not only in samples or in Meta's rewriting of the text sent."""
    memory, mark = Applied(applied.get("declared"), applied.get("shown")), _declared_fingerprint(template)
    changed = memory.declared is not None and memory.declared != mark
    if changed and (remote.state == "REJECTED" or template_content.is_opaque(template)):
        return True  # reviewers see samples and category too, so any change may help
    shown = template_content.remote_fingerprint(list(remote.components))
    return not template_content.matches(template, list(remote.components)) and not memory.settled(mark, shown)


def _remember(template: Template, remote: RemoteTemplate, applied: dict[str, str]) -> None:
    applied["declared"] = _declared_fingerprint(template)
    if remote.assumed:
        applied.pop("shown", None)  # the next list shows how Meta rewrote it
    else:
        applied["shown"] = template_content.remote_fingerprint(list(remote.components))


def _in_sync(template: Template, remote: RemoteTemplate, *, known: bool) -> Condition:
    if remote.category and remote.category != template.category:
        message = (
            f"Meta files it under {remote.category}, declared is {template.category}: prices follow Meta's category"
        )
        return holds("Synced", "CategoryChanged", message, warn=True)
    return holds(
        "Synced", "Synced", "Meta has it as declared" if known else "Meta had it already, as declared: adopted"
    )


def _ready(synced: Condition) -> list[Condition]:
    if synced.reason in _WAITS_FOR_META:
        return [holds("Ready", synced.reason, synced.message)]
    return summary([synced], "Meta has it as declared; Approved tells of its review")


def _facts(remote: RemoteTemplate | None, status: Mapping[str, Any], now: datetime) -> Json:
    facts: Json = {}
    if remote:
        facts = {
            "templateId": remote.id,
            "state": remote.state,
            "category": remote.category,
            "quality": remote.quality,
            "rejectedReason": remote.rejected_reason,
            "submittedAt": status.get("submittedAt"),
        }
    return {key: value for key, value in {**facts, "edits": _edits(status, now)}.items() if value}


def _previous_facts(status: Mapping[str, Any], now: datetime) -> Json:
    """Return the facts as they were, for a time when Meta cannot be read."""
    names = ("templateId", "state", "category", "quality", "rejectedReason", "submittedAt")
    kept = {name: status.get(name) for name in names} | {"edits": _edits(status, now)}
    return {key: value for key, value in kept.items() if value}


def _edits(status: Mapping[str, Any], now: datetime) -> list[str]:
    """Return the edits of the last 30 days, oldest first."""
    return [text for text in status.get("edits") or () if (when := moment(text)) and now - when < EDIT_WINDOW]


def _next_edit(status: Mapping[str, Any], now: datetime) -> datetime | None:
    """Return when an approved template may be edited again; None: now."""
    moments = [when for text in _edits(status, now) if (when := moment(text))]
    free = [moments[-1] + EDIT_PAUSE] if moments else []
    if len(moments) >= MAX_EDITS_IN_30_DAYS:
        free.append(moments[-MAX_EDITS_IN_30_DAYS] + EDIT_WINDOW)
    return max((when for when in free if when > now), default=None)


def poll_after(status: Mapping[str, Any], now: datetime) -> float | None:
    """Return the seconds until the next check while Meta reviews or deletes it; None: it does neither."""
    if status.get("state") not in UNDER_REVIEW | BEING_DELETED:
        return None
    age = now - (moment(status.get("submittedAt")) or now - REVIEW_POLLS[0][0])
    return next((seconds for limit, seconds in REVIEW_POLLS if age < limit), None)


def _declared_fingerprint(template: Template) -> str:
    """Return a fingerprint of the whole declaration, with samples and category."""
    return fingerprint([template.category, template_content.to_meta(template)])
