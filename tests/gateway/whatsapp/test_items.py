import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.whatsapp.json_bytes import decode, encode
from gateway.whatsapp.webhooks.parse import Item, items

NUMBER = {"display_phone_number": "551130000000", "phone_number_id": "100000000000001"}
MARIA = {"profile": {"name": "Maria"}, "wa_id": "5511987654321", "user_id": "BR.1"}
JOAO = {"profile": {"name": "João"}, "wa_id": "5511912345678"}


def text(wamid, sender="5511987654321"):
    return {"from": sender, "id": wamid, "timestamp": "1700000000", "type": "text", "text": {"body": "oi"}}


def status(wamid, name):
    return {"id": wamid, "status": name, "timestamp": "1700000000", "recipient_id": "5511987654321"}


def change(field="messages", **value):
    return {"field": field, "value": {"messaging_product": "whatsapp", "metadata": NUMBER, **value}}


def payload(*changes, time=None):
    return {"object": "whatsapp_business_account", "entry": [{"id": "200", "time": time, "changes": list(changes)}]}


def keys(found):
    return [item.key for item in found]


def test_one_message():
    [item] = items(payload(change(contacts=[MARIA], messages=[text("wamid.A")])))
    assert item == Item(
        "msg:wamid.A",
        "messages",
        "text",
        "100000000000001",
        "200",
        {"message": text("wamid.A"), "contact": MARIA, "metadata": NUMBER},
    )


def test_a_batch_gives_every_item_with_its_own_contact():
    found = items(
        {
            "object": "whatsapp_business_account",
            "entry": [
                {
                    "id": "200",
                    "changes": [
                        change(contacts=[MARIA, JOAO], messages=[text("A", "5511912345678"), text("B")]),
                        change(statuses=[status("C", "sent"), status("C", "read")]),
                    ],
                },
                {"id": "300", "changes": [change(messages=[text("D")])]},
            ],
        }
    )
    assert keys(found) == ["msg:A", "msg:B", "st:C:sent", "st:C:read", "msg:D"]
    assert [item.value["contact"] for item in found] == [JOAO, MARIA, None, None, None]
    assert [item.waba_id for item in found] == ["200"] * 4 + ["300"]


def test_a_contact_is_found_by_its_business_scoped_id():
    message = {"from_user_id": "BR.1", "id": "A", "type": "text", "text": {"body": "oi"}}
    [item] = items(payload(change(contacts=[JOAO, MARIA], messages=[message])))
    assert item.value["contact"] == MARIA


def test_a_strangers_contact_is_not_borrowed():
    [item] = items(payload(change(contacts=[JOAO], messages=[text("A")])))
    assert item.value["contact"] is None


def test_a_bad_item_does_not_hold_up_the_others():
    bad = [None, 7, "x", {}, {"id": 3.5}, {"id": ""}, {"id": "é"}, {"id": "a" * 600}, {"id": "nul\0"}]
    found = items(payload(change(messages=[*bad, text("A")], statuses=[{"id": "B"}, status("B", "read")])))
    assert [item.type for item in found] == ["unknown"] * len(bad) + ["text", "unknown", "status"]
    assert len(set(keys(found))) == len(found)
    assert [item.value["raw"]["message"] for item in found[: len(bad)]] == bad


def test_the_same_delivery_gives_the_same_keys_and_another_gives_others():
    one = payload(change("account_update", event="ACCOUNT_DELETED"), time=1)
    later = payload(change("account_update", event="ACCOUNT_DELETED"), time=2)
    assert keys(items(one)) == keys(items(decode(encode(one)))) != keys(items(later))


def test_copies_of_bystanders_have_keys_of_their_own():
    found = items(
        payload(
            change("messages", messages=[text("A")]),
            change("standby", standby={"messages": [text("A")], "statuses": [status("A", "read")]}),
            change("standby", standby={"message_echoes": [text("A")]}),
            change("smb_message_echoes", message_echoes=[text("A")]),
            change("history", messages=[text("A")]),
        )
    )
    assert keys(found) == [
        "msg:A",
        "standby:msg:A",
        "standby:st:A:read",
        "standby:echo:A",
        "echo:A",
        "history:msg:A",
    ]
    assert [next(iter(item.value)) for item in found] == ["message", "message", "status", "echo", "echo", "message"]


def test_keys_are_bounded_whatever_the_ids():
    longest = {**status("w" * 512, "s" * 64), "recipient_participant_id": "p" * 512}
    [item] = items(payload(change("standby", standby={"statuses": [longest]})))
    assert 1024 < len(item.key) <= 1200


def test_each_participant_of_a_group_has_a_status():
    first = {**status("A", "read"), "recipient_participant_id": "1"}
    second = {**status("A", "read"), "recipient_participant_user_id": "BR.2", "recipient_participant_id": "2"}
    assert keys(items(payload(change(statuses=[first, second])))) == ["st:A:read:1", "st:A:read:BR.2"]


def test_errors_of_a_value_remember_what_they_stood_beside():
    error = {"code": 131000, "title": "Something went wrong"}
    first, second = (payload(change(messages=[text(wamid)], errors=[error])) for wamid in "AB")
    message, problem = items(first)
    assert (message.key, problem.type, problem.value["error"]) == ("msg:A", "error", error)
    assert problem.value["about"] == ["A"]
    assert problem.key != items(second)[1].key


def test_an_account_update_is_one_item():
    [item] = items(payload({"field": "flows", "value": {"event": "ENDPOINT_ERROR_RATE", "errors": [{"x": 1}, {}]}}))
    assert (item.field, item.type) == ("flows", "flows")
    assert item.value["value"] == {"event": "ENDPOINT_ERROR_RATE", "errors": [{"x": 1}, {}]}


def test_a_handover_names_its_number():
    value = {"type": "control_passed", "recipient": {"phone_number_id": "42"}, "sender": {"phone_number": "1"}}
    [item] = items(payload({"field": "messaging_handovers", "value": value}))
    assert item.phone_number_id == "42"


def test_what_stands_beside_the_known_lists_is_kept():
    message, rest = items(payload(change(messages=[text("A")], surprises=[{"x": 1}])))
    assert (message.type, rest.type) == ("text", "unknown")
    assert rest.value["value"]["surprises"] == [{"x": 1}]


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        "x",
        1,
        {},
        {"entry": None},
        {"entry": []},
        {"entry": [None]},
        {"entry": [{"id": "1"}]},
        {"entry": [{"id": "1", "changes": {}}]},
        {"entry": [{"id": "1", "changes": [None]}]},
        {"entry": [{"id": "1", "changes": [{"field": "messages", "value": None}]}]},
        {"entry": [{"id": "1", "changes": [{"field": 1, "value": {}}]}]},
        {"entry": [{"id": "1", "changes": [{"field": "messages", "value": {}}]}]},
        {"entry": [{"id": "1", "changes": [{"field": "messages", "value": {"messages": {"id": "A"}}}]}]},
    ],
)
def test_an_unknown_shape_is_one_unknown_item_with_its_raw_form(odd):
    [item] = items(odd)
    assert item.type == "unknown"
    assert item.value


def test_deep_nesting_and_surrogates_are_kept():
    deep = decode(b"[" * 900 + b'"\\ud800"' + b"]" * 900)
    [item] = items(deep)
    assert item.value == {"raw": deep}
    assert item.key.isascii()


# Arbitrary JSON that is likely to look like a payload.
_words = st.sampled_from(
    [
        *("entry", "changes", "field", "value", "messages", "statuses", "errors", "standby", "calls", "message_echoes"),
        *("id", "status", "type", "metadata", "contacts", "wa_id", "user_id", "from", "phone_number_id", "time"),
    ]
)
_scalars = st.none() | st.booleans() | st.integers() | st.text(alphabet=st.characters(), max_size=8) | _words
_json = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_words, inner, max_size=5), max_leaves=25
)


def _counted(value):
    return sum(len(value[name]) for name in ("messages", "statuses", "errors", "message_echoes") if name in value)


@given(_json)
def test_any_json_gives_at_least_one_item_and_never_raises(value):
    found = items(value)
    assert found
    for item in found:
        assert item.key.isascii()
        assert 0 < len(item.key) <= 1200
        assert item.field.isascii()
        assert item.type.isascii()


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "messages": st.lists(_json, max_size=4),
                "statuses": st.lists(_json, max_size=4),
                "errors": st.lists(_json, max_size=3),
            },
            optional={"contacts": _json, "metadata": _json},
        ).filter(_counted),
        min_size=1,
        max_size=4,
    )
)
def test_every_element_of_every_list_becomes_one_item(values):
    entries = [{"id": "1", "changes": [{"field": "messages", "value": value}]} for value in values]
    assert len(items({"entry": entries})) == sum(map(_counted, values))
