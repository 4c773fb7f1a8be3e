"""A customer with a hidden number shares it by the button that asks for it: only that card joins the keys."""

from typing import Any

import pytest

from gateway.whatsapp.errors import InvalidMessage
from tests.gateway.support.customers import OLD_ID, by, keys, people
from tests.gateway.support.deliveries import MARIA, T, message, raw_message
from tests.gateway.support.harness import Gateway
from tests.gateway.support.payloads import payloads

HIDDEN = "BR.1349120865530274"


def card(number: str = MARIA, **more: Any) -> dict[str, Any]:
    phones = [{"phone": f"+{number[:2]} {number[2:4]} {number[4:]}", "type": "CELL"}]
    return {"name": {"formatted_name": "Maria Souza"}, "phones": phones, **more}


def shared(*cards: dict[str, Any], at: int = T + 10, **more: Any) -> dict[str, Any]:
    """Receive contact cards from the customer who hides the number."""
    one = {name: part for name, part in raw_message("contacts", list(cards), at=at, **more).items() if name != "from"}
    return message({**one, "from_user_id": HIDDEN})


@pytest.mark.parametrize("answer", [
    shared(card(origin="contact_request")), shared(card(), origin="contact_request"),
    shared(card(origin="contact_request", user_id=HIDDEN)),
])  # fmt: skip
async def test_the_answer_to_our_request_is_a_key(gateway: Gateway, answer: dict[str, Any]) -> None:
    await gateway.take(by(None, HIDDEN, "a", T), answer, by(MARIA, None, "b", T + 20))
    assert await people(gateway) == [{"a", "b"}]
    assert await keys(gateway, "a") == {("user_id", HIDDEN), ("wa_id", MARIA)}
    [(content,)] = await gateway.sql("SELECT content FROM message WHERE type = 'contacts'")
    assert content["contacts"][0]["origin"] == "contact_request"


@pytest.mark.parametrize("answer", [
    shared(card()), shared(card(origin="other")), shared(card(), origin="other"),
    shared(card(origin="contact_request", user_id="BR.SOMEBODY")),
    shared(card(origin="contact_request"), card("5511900000001", origin="contact_request")),
    shared({**card(origin="contact_request"), "phones": [{"phone": "ramal 12"}]}),
    shared({"contact_request": True, **card()}, forwarded=True),
])  # fmt: skip
async def test_no_other_card_is_a_key(gateway: Gateway, answer: dict[str, Any]) -> None:
    await gateway.take(by(None, HIDDEN, "a", T), answer, by(MARIA, None, "b", T + 20))
    assert await people(gateway) == [{"a"}, {"b"}]
    assert await keys(gateway, "a") == {("user_id", HIDDEN)}


async def test_somebodys_own_number_is_not_replaced_by_a_card(gateway: Gateway) -> None:
    other = raw_message("contacts", [card("5511900000001", origin="contact_request")], at=T + 10)
    await gateway.take(by(MARIA, OLD_ID, "a", T), message({**other, "from_user_id": OLD_ID}))
    assert await keys(gateway, "a") == {("user_id", OLD_ID), ("wa_id", MARIA)}


def test_the_request_is_written_as_meta_takes_it() -> None:
    [payload] = payloads({"type": "contact_request", "body": "Qual é o seu número?"}, recipient=HIDDEN)
    assert payload["recipient"] == HIDDEN
    assert payload["interactive"] == {
        "type": "request_contact_info", "body": {"text": "Qual é o seu número?"},
        "action": {"name": "request_contact_info"},
    }  # fmt: skip


def test_a_request_that_is_too_long_begins_as_text() -> None:
    first, last = payloads({"type": "contact_request", "body": "palavra " * 200}, to=MARIA)
    assert (first["type"], last["interactive"]["type"]) == ("text", "request_contact_info")
    with pytest.raises(InvalidMessage):
        payloads({"type": "contact_request", "body": ""}, to=MARIA)
