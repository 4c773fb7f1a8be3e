"""Every case of tests/payloads/<type>.json and its events; a case without an expectation fails."""

import json
import os
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from gateway.whatsapp.json_bytes import decode
from gateway.whatsapp.webhooks.events import Customer, Unknown
from gateway.whatsapp.webhooks.parse import event, items
from tests.gateway.whatsapp.zoo import accounts, conversations, messages
from tests.gateway.whatsapp.zoo.words import zoo


@cache
def expected():
    """Return the events of each case by file and case name."""
    return messages.expected() | conversations.expected() | accounts.expected()


CASES = [(name, case) for name, cases in zoo().items() for case in cases]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_every_case_means_what_it_should(name, case):
    found = [event(item) for item in items(zoo()[name][case])]
    assert found == expected()[name][case]


def test_nothing_is_expected_that_is_not_in_the_zoo():
    assert {(name, case) for name, cases in expected().items() for case in cases} == set(CASES)


def test_a_stored_item_means_the_same_as_a_fresh_one():
    for name, case in CASES:
        for item in items(zoo()[name][case]):
            assert event(replace(item, value=json.loads(json.dumps(item.value)))) == event(item)


def _by_user_id(part):
    """Return the same payload with a business-scoped id in every place of the customer's number."""
    if isinstance(part, dict):
        told = {name: one for name, one in part.items() if not (name.endswith("user_id") and isinstance(one, str))}
        return {name: _by_user_id(inner) for name, inner in told.items()}
    if isinstance(part, list):
        return [_by_user_id(inner) for inner in part]
    return "BR.99991208655302741999" if part == "5511987654321" else part


@pytest.mark.parametrize(
    ("name", "case"), [one for one in CASES if "5511987654321" in json.dumps(zoo()[one[0]][one[1]])]
)
def test_a_user_id_in_the_place_of_a_number_is_a_user_id(name, case):
    for item in items(_by_user_id(zoo()[name][case])):
        found = event(item)
        for told in getattr(found, "messages", [found]):
            who = getattr(told, "customer", Customer())
            assert who.wa_id != "BR.99991208655302741999"
            assert who.user_id in {"BR.99991208655302741999", None}


def test_whoever_was_known_by_a_number_is_known_by_the_user_id_in_its_place():
    for name, case in CASES:
        before = [event(item) for item in items(zoo()[name][case])]
        after = [event(item) for item in items(_by_user_id(zoo()[name][case]))]
        for one, other in zip(before, after, strict=True):
            if getattr(one, "customer", Customer()).wa_id == "5511987654321":
                assert other.customer.user_id == "BR.99991208655302741999"


def _public_payloads():
    """Return the files of the public payloads, by source; INDEX.tsv names their kinds."""
    folder = os.environ.get("WHATSAPP_PAYLOADS")
    if folder is None:
        pytest.skip("WHATSAPP_PAYLOADS names no folder of public payloads")
    return sorted(Path(folder).glob("**/*.json"))


def _elements(payload):
    """Return the number of reports in a payload: list elements, else one for each change."""
    count = 0
    for entry in payload["entry"]:
        for change in entry["changes"]:
            value = change["value"]
            lists = [value.get(name) for name in ("messages", "statuses", "errors", "calls", "message_echoes")]
            listed = sum(len(one) for one in lists if isinstance(one, list))
            count += listed or len(value.get("user_preferences", [])) or len(value.get("user_id_update", [])) or 1
    return count


def test_every_public_payload_comes_out_whole():
    paths = _public_payloads()
    assert paths
    typed = total = 0
    for path in paths:
        payload = decode(path.read_bytes())
        found = items(payload)
        assert len(found) == _elements(payload), path.name
        events = [event(item) for item in found]
        assert all(one.raw for one in events if isinstance(one, Unknown)), path.name
        typed += sum(not isinstance(one, Unknown) for one in events)
        total += len(events)
    assert typed >= 0.95 * total
