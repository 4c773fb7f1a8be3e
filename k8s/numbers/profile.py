"""Plans the profile of a number: the fields that customers see, and the picture. Pure."""

from __future__ import annotations

from k8s.model.actions import Action, SetPicture, SetProfile
from k8s.model.conditions import Condition, holds, unknown
from k8s.model.declared import Number, fingerprint
from k8s.model.json_object import Json
from k8s.model.observed import Applied, ObservedNumber, Problem
from k8s.model.verdicts import from_problem

Part = tuple[Condition, Action | None]  # a condition of the status, and the action that would make it true


def plan_profile(number: Number, observed: ObservedNumber, applied: dict[str, str]) -> Part:
    """Plan the profile; applied is brought up to date."""
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


def _equal(declared: object, shown: object) -> bool:
    if isinstance(declared, list):
        shown = shown if isinstance(shown, list) else []
        return [_plain(one) for one in declared] == [_plain(one) for one in shown]
    return _plain(declared) == _plain(shown)


def _plain(value: object) -> str:
    return str(value or "").strip().rstrip("/")
