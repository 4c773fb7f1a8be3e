"""Any input is accepted or refused in the right format, and never crashes; a batch loses nothing."""

import json

from hypothesis import given
from hypothesis import strategies as st

from simulator.meta.errors import GraphError
from simulator.meta.messages.payloads import Change, encode, merge
from simulator.meta.messages.sends import parse_read, parse_send
from simulator.model.demo import answer
from simulator.model.rules import ChatError, check

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
keys = st.sampled_from(
    ["type", "text", "body", "to", "role", "content", "tool_calls", "id", "function", "name", "status"]
)
anything = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4))
objects = st.dictionaries(keys, anything, max_size=5)


def refusals(kind, function, *arguments):
    """Return the body of the error that the function raises, if it raises one of that kind."""
    try:
        function(*arguments)
    except kind as error:
        return [error.body()["error"]]
    return []


@given(objects)
def test_any_send_is_taken_or_refused_in_metas_format(body) -> None:
    body = {"messaging_product": "whatsapp", "to": "5511987654321"} | body
    errors = refusals(GraphError, parse_send, body) + refusals(GraphError, parse_read, body)
    assert {error["code"] for error in errors} <= {100, 131008, 131009}


@given(objects, st.lists(objects, max_size=3), st.none() | st.lists(anything, max_size=2))
def test_any_chat_is_taken_or_refused_in_openais_format(body, messages, tools) -> None:
    body |= {"model": "demo", "messages": messages, "tools": tools}
    assert all(error["message"] for error in refusals(ChatError, check, body))


@given(st.lists(st.text(max_size=30), min_size=1, max_size=4))
def test_the_demo_model_answers_any_text(texts) -> None:
    assert answer([{"role": "user", "content": text} for text in texts], []).text


changes = st.builds(
    lambda account, number, item: Change(
        account, "messages", {"metadata": {"phone_number_id": number}, item[0]: [{"id": item[1]}]}
    ),
    st.sampled_from("AB"),
    st.sampled_from("12"),
    st.tuples(st.sampled_from(["messages", "statuses"]), st.uuids().map(str)),
)


@given(st.lists(changes, max_size=8), st.sampled_from(["messages", "changes", "entries"]))
def test_a_batch_loses_nothing_and_mixes_nothing(given_changes, shape) -> None:
    payload = json.loads(encode(merge(given_changes, shape)))
    found = [
        (entry["id"], change["value"]["metadata"]["phone_number_id"], kind, item["id"])
        for entry in payload["entry"]
        for change in entry["changes"]
        for kind in ("messages", "statuses")
        for item in change["value"].get(kind, [])
    ]
    wanted = [
        (one.account_id, one.value["metadata"]["phone_number_id"], kind, item["id"])
        for one in given_changes
        for kind in ("messages", "statuses")
        for item in one.value.get(kind, [])
    ]
    assert sorted(found) == sorted(wanted)
