"""Properties of any payload, besides the cases of tests/payloads."""

from dataclasses import asdict, replace
from datetime import datetime
from itertools import permutations
from json import dumps

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.whatsapp.json_bytes import decode, encode
from gateway.whatsapp.text import MAX_DEPTH, NestingError, clean, clean_text
from gateway.whatsapp.webhooks.events import HistoryReceived, MessageReceived, StatusChanged, Unknown
from gateway.whatsapp.webhooks.parse import Item, event, items
from gateway.whatsapp.webhooks.status import STATUS_ORDER, advance

WORDS = [
    *("text", "body", "image", "id", "caption", "mime_type", "interactive", "type", "button_reply", "list_reply"),
    *("nfm_reply", "response_json", "title", "location", "latitude", "longitude", "contacts", "contact", "name"),
    *("reaction", "emoji", "message_id", "order", "product_items", "system", "wa_id", "user_id", "edit", "message"),
    *("original_message_id", "revoke", "unsupported", "errors", "code", "error_data", "details", "context", "from"),
    *("referral", "timestamp", "status", "statuses", "pricing", "conversation", "origin", "profile", "metadata"),
    *("value", "field", "event", "threads", "messages", "history", "history_context", "phase", "expiration"),
    *("error", "call", "preference", "category", "user_id_update", "previous", "current", "contact_sync", "action"),
    *("group", "echo", "sender", "phone_number", "control_passed", "restriction_info", "restriction_type", "time"),
    *("message_template_id", "new_quality_score", "decision", "alert_info", "alert_type", "max_phone_numbers_per_waba"),
]
FIELDS = [
    *("messages", "standby", "history", "smb_message_echoes", "messaging_handovers", "account_update", "flows"),
    *("message_template_status_update", "account_alerts", "security", "business_capability_update", "tomorrow"),
]
words = st.sampled_from(WORDS)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(alphabet=st.characters(), max_size=6),  # NUL and lone surrogates included
    words,
)
json = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=6), max_leaves=20
)


def is_clean(text):
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


@given(st.sampled_from(FIELDS), words, st.dictionaries(words, json, max_size=5))
def test_any_item_is_an_event_and_its_texts_are_clean(field, kind, value):
    found = event(Item("key", field, kind, None, None, value))
    if isinstance(found, Unknown):
        assert found.raw is value
    else:
        found = replace(found, unread=[]) if isinstance(found, HistoryReceived) else found  # raw forms, as they came
        told = dumps(asdict(found), default=str, ensure_ascii=False)
        assert "\\u0000" not in told
        assert is_clean(told)


@given(words, st.dictionaries(words, json, max_size=5))
def test_any_message_of_a_payload_is_an_event(kind, message):
    value = {"messages": [{**message, "id": "wamid.A", "type": kind}], "contacts": [message]}
    [item, *_] = items({"entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]})
    found = event(item)
    assert isinstance(found, MessageReceived | Unknown)
    assert item.key == "msg:wamid.A"


@given(st.dictionaries(words, json, max_size=6))
def test_any_status_of_a_payload_is_an_event(status):
    value = {"statuses": [{**status, "type": None, "id": "wamid.A", "status": "sent"}]}
    [item, *_] = items({"entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]})
    found = event(item)
    assert isinstance(found, StatusChanged)
    assert found.timestamp is None or isinstance(found.timestamp, datetime)


def test_absurd_depth_is_unknown_not_an_error():
    deep = decode(b'{"a":' * 900 + b"1" + b"}" * 900)
    for value in (
        {"message": {"id": "A", "type": "contacts", "contacts": [deep]}},
        {"field": "flows", "value": {"event": "E", "deep": deep}},
    ):
        found = event(Item("key", "flows", "contacts", None, None, value))
        assert isinstance(found, Unknown)
        assert found.raw == value


def test_depth_is_counted_not_left_to_the_interpreter():
    def nested(levels):
        return [nested(levels - 1)] if levels else "\0"

    assert encode(clean(nested(MAX_DEPTH))) == b"[" * MAX_DEPTH + b'""' + b"]" * MAX_DEPTH
    with pytest.raises(NestingError):
        clean(nested(MAX_DEPTH + 1))


def test_edits_of_edits_end():
    message = {"type": "text", "text": {"body": "x"}}
    for _ in range(50):
        message = {"id": "A", "type": "edit", "edit": {"original_message_id": "B", "message": message}}
    found = event(Item("key", "messages", "edit", None, None, {"message": message}))
    assert isinstance(found, MessageReceived)
    assert found.content.text is None


@given(st.text(alphabet=st.characters()))
def test_cleaning_drops_nul_and_marks_surrogates(text):
    cleaned = clean_text(text)
    assert is_clean(cleaned)
    cleaned.encode()  # or it raises
    assert len(cleaned) == len(text) - text.count("\0")
    assert clean_text(cleaned) == cleaned
    assert clean({text: [text, 1, None]}) == {cleaned: [cleaned, 1, None]}


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_the_order_of_statuses_does_not_matter(length):
    for statuses in permutations(STATUS_ORDER, length):
        state = "queued"
        for status in statuses:
            state = advance(state, status)
        assert state == max(statuses, key=STATUS_ORDER.index)


@given(st.lists(st.sampled_from([*STATUS_ORDER, "deleted", "warning", "x"]), max_size=8), st.randoms())
def test_any_permutation_of_statuses_ends_in_the_same_state(statuses, random):
    def end(order):
        state = "queued"
        for status in order:
            state = advance(state, status)
        return state

    shuffled = random.sample(statuses, len(statuses))
    assert end(shuffled) == end(statuses) == end(statuses * 2)


def test_a_status_never_moves_back_and_failure_does_not_undo_a_delivery():
    assert advance("read", "delivered") == "read"
    assert advance("delivered", "failed") == "delivered"
    assert advance("failed", "delivered") == "delivered"
    assert advance("sent", "failed") == "failed"
    assert advance("failed", "sent") == "failed"
    assert advance("uncertain", "sent") == "sent"
    assert advance("sent", "deleted") == "sent"
