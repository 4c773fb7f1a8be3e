"""Conditions, events, and patches of the status."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from k8s.model.conditions import (
    Event,
    as_status,
    events,
    fails,
    holds,
    merge_patch,
    moment,
    stamp,
    summary,
    unknown,
    waits,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)

plain = st.booleans() | st.integers() | st.text(max_size=3)
values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(st.text(max_size=2), values, max_size=4)


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386, word for word."""
    if not isinstance(patch, dict):
        return patch
    target = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        else:
            target[key] = merged(target.get(key), value)
    return target


@settings(max_examples=40)
@given(objects, objects)
def test_the_patch_makes_the_new_of_the_old(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert merged(old, merge_patch(old, new)) == new


@settings(max_examples=20)
@given(objects)
def test_equal_statuses_need_no_patch(status: dict[str, Any]) -> None:
    assert merge_patch(status, status) == {}


def test_the_transition_time_stays_while_the_status_stays() -> None:
    before = as_status([holds("Ready", "Ready", "m")], [], 1, NOW)
    later = NOW + timedelta(hours=1)
    assert as_status([holds("Ready", "Other", "m")], before, 2, later)[0]["lastTransitionTime"] == stamp(NOW)
    assert as_status([waits("Ready", "Other", "m")], before, 2, later)[0]["lastTransitionTime"] == stamp(later)


def test_ready_names_the_first_part_that_fails_and_stalled_the_first_hopeless_one() -> None:
    parts = [holds("A", "Fine", "a"), unknown("B", "Away", "b"), fails("C", "Refused", "c", stalled=True)]
    ready, stalled = summary(parts, "all is well")
    assert (ready.status, ready.reason, ready.message) == ("Unknown", "Away", "b")
    assert (stalled.type, stalled.status, stalled.reason) == ("Stalled", "True", "Refused")
    assert summary(parts[:1], "all is well") == [holds("Ready", "Ready", "all is well")]


def test_only_changes_are_events_and_only_alarming_ones_warn() -> None:
    before = as_status([holds("TokenValid", "Valid", "m"), holds("Ready", "Ready", "m")], [], 1, NOW)
    after = [
        fails("Ready", "TokenExpired", "m"),
        fails("TokenValid", "TokenExpired", "expired"),
        waits("Approved", "Pending", "pending"),
        holds("Synced", "CategoryChanged", "another", warn=True),
        unknown("Healthy", "NotChecked", "a step on the way"),
        waits("Queue", "Queued", "a step on the way"),
    ]
    assert events(after, before) == [
        Event("Warning", "TokenExpired", "expired"),
        Event("Normal", "Pending", "pending"),
        Event("Warning", "CategoryChanged", "another"),
    ]
    assert events(after, as_status(after, [], 1, NOW)) == []


def test_moments_survive_the_status() -> None:
    assert moment(stamp(NOW)) == NOW
    assert moment(None) is None
    assert moment("yesterday") is None
