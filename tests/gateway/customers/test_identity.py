"""Customers and their keys: one person is one contact, two people never are, and no message is lost."""

from typing import Any

import pytest

from gateway.store.customers import contacts
from tests.gateway.support.customers import NEW, NEW_ID, OLD_ID, by, changed_number, keys, people
from tests.gateway.support.deliveries import MARIA, T, message, raw_message, zoo
from tests.gateway.support.harness import Gateway

# Keys ---------------------------------------------------------------------------------------------------------------


async def test_a_number_and_a_user_id_lead_to_one_customer(gateway: Gateway) -> None:
    await gateway.take(by(MARIA, OLD_ID, "a"), by(MARIA, None, "b"), by(None, OLD_ID, "c"))
    assert await people(gateway) == [{"a", "b", "c"}]
    assert await keys(gateway, "a") == {("wa_id", MARIA), ("user_id", OLD_ID)}


async def test_the_ninth_digit_makes_no_other_customer(gateway: Gateway) -> None:
    await gateway.take(by("551187654321", None, "a"), by("5511987654321", None, "b"), by("+551187654321", None, "c"))
    assert await people(gateway) == [{"a", "b", "c"}]
    assert await keys(gateway, "a") == {("wa_id", "551187654321"), ("wa_id", "5511987654321")}


async def test_a_landline_has_no_ninth_digit(gateway: Gateway) -> None:
    await gateway.take(by("551130001234", None, "a"), by("5511930001234", None, "b"))
    assert await people(gateway) == [{"a"}, {"b"}]


async def test_two_contacts_that_one_message_names_are_merged_and_recorded(gateway: Gateway) -> None:
    await gateway.take(by(MARIA, None, "a"), by(None, OLD_ID, "b"))
    conversations = await gateway.sql("SELECT id FROM conversation ORDER BY created_at")
    await gateway.take(by(MARIA, OLD_ID, "c"))
    assert await people(gateway) == [{"a", "b", "c"}]
    [(kept, absorbed, reason, joined)] = await gateway.sql(
        "SELECT kept_id, absorbed_id, reason, conversations FROM contact_merge"
    )
    assert await gateway.sql("SELECT id FROM contact") == [(kept,)]
    assert (absorbed != kept, reason) == (True, "one message named both")
    [older, newer] = [str(row[0]) for row in conversations]
    assert joined == [{"kept": older, "absorbed": newer}]
    assert [str(row[0]) for row in await gateway.sql("SELECT id FROM conversation")] == [older]


async def test_a_parent_id_is_kept_and_leads_to_nobody(gateway: Gateway) -> None:
    for number, user, text in ((MARIA, "BR.1", "a"), (NEW, "BR.2", "b")):
        told = by(number, user, text)
        told["entry"][0]["changes"][0]["value"]["messages"][0]["from_parent_user_id"] = "BR.ENT.9"
        await gateway.take(told)
    assert await people(gateway) == [{"a"}, {"b"}]
    assert ("parent_user_id", "BR.ENT.9") in await keys(gateway, "b")


async def test_a_number_with_another_user_id_is_another_person(gateway: Gateway) -> None:
    await gateway.take(by(MARIA, "BR.1", "hers"), by(MARIA, "BR.2", "his"), by(MARIA, None, "his too"))
    assert await people(gateway) == [{"hers"}, {"his", "his too"}]
    assert await keys(gateway, "hers") == {("old_wa_id", MARIA), ("user_id", "BR.1")}


async def test_user_ids_of_two_businesses_are_one_persons(gateway: Gateway) -> None:
    def elsewhere(text: str) -> dict[str, Any]:
        told = message({**raw_message(body=text), "from": MARIA, "from_user_id": "BR.OTHER"}, number="2")
        told["entry"][0]["id"] = "the other business"
        return told

    await gateway.take(by(MARIA, "BR.1", "a"), elsewhere("b"), by(MARIA, "BR.1", "c"), elsewhere("d"))
    assert await people(gateway) == [{"a", "b", "c", "d"}]
    assert await gateway.sql("SELECT count(*) FROM conversation") == [(2,)]


async def test_a_message_from_before_is_its_former_owners(gateway: Gateway) -> None:
    await gateway.take(
        by(MARIA, None, "a", T), changed_number(MARIA, NEW, T + 100), by(MARIA, None, "somebody", T + 200)
    )
    await gateway.take(by(MARIA, None, "late", T + 50))
    assert await people(gateway) == [{"a", "late"}, {"somebody"}]


# Changes ------------------------------------------------------------------------------------------------------------


async def test_a_changed_number_keeps_the_conversation_and_is_written_to(gateway: Gateway) -> None:
    await gateway.take(by(MARIA, OLD_ID, "a"), changed_number(MARIA, NEW, old_id=OLD_ID, new_id=NEW_ID))
    await gateway.take(by(NEW, NEW_ID, "b"))
    assert await people(gateway) == [{"a", "b"}]
    assert await gateway.sql("SELECT count(*) FROM conversation") == [(1,)]
    assert await keys(gateway, "a") == {
        ("wa_id", NEW), ("user_id", OLD_ID), ("user_id", NEW_ID), ("old_wa_id", MARIA),
    }  # fmt: skip


async def test_who_wrote_from_the_new_number_before_the_notice_is_merged(gateway: Gateway) -> None:
    await gateway.take(by(MARIA, None, "a", T), by(NEW, None, "b", T + 10), changed_number(MARIA, NEW, T + 20))
    assert await people(gateway) == [{"a", "b"}]
    assert await gateway.sql("SELECT reason FROM contact_merge") == [("a new number",)]


async def test_who_had_the_new_number_before_is_not(gateway: Gateway) -> None:
    day = 86_400
    await gateway.take(by(NEW, None, "previous owner", T - 30 * day), by(MARIA, None, "a", T))
    await gateway.take(changed_number(MARIA, NEW, T + 20), by(NEW, None, "b", T + 30))
    assert await people(gateway) == [{"previous owner"}, {"a", "b"}]
    assert await keys(gateway, "previous owner") == {("old_wa_id", NEW)}


async def test_a_change_that_two_of_our_numbers_report_is_one(gateway: Gateway) -> None:
    system = {"type": "user_changed_number", "body": "changed", "wa_id": NEW}
    again = message({**raw_message("system", system, at=T + 30 * 86_400), "from": MARIA}, number="2")
    await gateway.take(by(MARIA, None, "a", T), changed_number(MARIA, NEW, T + 10), by(NEW, None, "b", T + 20), again)
    await gateway.take(by(NEW, None, "c", T + 31 * 86_400))
    assert await people(gateway) == [{"a", "b", "c"}]


async def test_changes_that_come_in_the_wrong_order_end_at_the_last_number(gateway: Gateway) -> None:
    last = "5511911112222"
    await gateway.take(by(MARIA, None, "a", T), changed_number(NEW, last, T + 200), changed_number(MARIA, NEW, T + 100))
    await gateway.take(by(last, None, "b", T + 300))
    assert await people(gateway) == [{"a", "b"}]
    assert {value for kind, value in await keys(gateway, "a") if kind == "wa_id"} == {last}


async def test_back_to_the_old_number(gateway: Gateway) -> None:
    await gateway.take(by(MARIA, None, "a", T), changed_number(MARIA, NEW, T + 10), changed_number(NEW, MARIA, T + 20))
    await gateway.take(by(MARIA, None, "b", T + 30))
    assert await people(gateway) == [{"a", "b"}]


@pytest.mark.parametrize("first", ["message", "update"])
async def test_a_changed_user_id_is_the_same_customer_in_any_order(gateway: Gateway, first: str) -> None:
    await gateway.take(by(MARIA, OLD_ID, "a", T))
    told = [by(MARIA, NEW_ID, "b", T + 10), zoo("user_id_update", "changed")]
    await gateway.take(*(told if first == "message" else reversed(told)))
    assert await people(gateway) == [{"a", "b"}]
    assert {("user_id", OLD_ID), ("user_id", NEW_ID), ("wa_id", MARIA)} <= await keys(gateway, "a")


@pytest.mark.parametrize("first", ["message", "update"])
async def test_who_hides_the_number_keeps_the_conversation_with_a_new_user_id(gateway: Gateway, first: str) -> None:
    """The notice comes from the new user id, and names the old one."""
    await gateway.take(by(None, OLD_ID, "a", T))
    told = [by(None, NEW_ID, "b", T + 10), zoo("system", "user_id_changed_with_the_previous_ones")]
    await gateway.take(*(told if first == "message" else reversed(told)))
    assert await people(gateway) == [{"a", "b"}]
    assert {("user_id", OLD_ID), ("user_id", NEW_ID)} <= await keys(gateway, "a")


async def test_a_new_number_of_who_hides_it_is_told_by_the_previous_user_id(gateway: Gateway) -> None:
    system = {"type": "user_changed_number", "body": "changed", "user_id": NEW_ID, "previous_user_id": OLD_ID}
    one = {name: part for name, part in raw_message("system", system, at=T + 5).items() if name != "from"}
    await gateway.take(by(None, OLD_ID, "a", T), message(one), by(None, NEW_ID, "b", T + 10))
    assert await people(gateway) == [{"a", "b"}]


@pytest.mark.parametrize("case", ["number_changed", "number_changed_with_new_user_id", "user_id_changed"])
async def test_system_messages_are_kept_in_the_conversation_and_not_answered(gateway: Gateway, case: str) -> None:
    await gateway.take(by(MARIA, OLD_ID, "a"), zoo("system", case))
    assert [(row[1], row[3]) for row in await gateway.messages()] == [("text", True), ("system", False)]
    assert await gateway.sql("SELECT count(*) FROM conversation") == [(1,)]


async def test_the_newest_number_is_the_address(gateway: Gateway) -> None:
    await gateway.take(by(MARIA, OLD_ID, "a"), changed_number(MARIA, NEW, old_id=OLD_ID, new_id=NEW_ID))
    async with gateway.pool.connection() as conn:
        [(contact,)] = await gateway.sql("SELECT id FROM contact")
        found = await contacts.keys_of(conn, contact)
    assert [key.value for key in found if key.kind == "wa_id"] == [NEW]
    assert [key.value for key in found if key.kind == "user_id"] == [OLD_ID, NEW_ID]
