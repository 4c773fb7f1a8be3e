"""Numbers change hands: the new owner gets nothing of the former one, and a returning customer loses nothing."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.store.customers import contacts
from tests.gateway.support.customers import NEW, NEW_ID, OLD_ID, by, changed_number, people
from tests.gateway.support.deliveries import MARIA, T, change, message, raw_message, zoo
from tests.gateway.support.harness import Gateway, nothing

DAY = 86_400
PAST = T - 1000 * DAY  # what is still to come is no time at which something was said


async def level(gateway: Gateway, text: str) -> str:
    """Return the level of verification of the customer who wrote this text."""
    [(contact,)] = await gateway.sql(
        """SELECT c.contact_id FROM message m JOIN conversation c ON c.id = m.conversation_id
           WHERE m.content->>'text' = %s""",
        text,
    )
    async with gateway.pool.connection() as conn:
        return (await contacts.identity_of(conn, contact)).verification


# Proven changes -----------------------------------------------------------------------------------------------------


async def test_who_has_a_number_that_had_another_user_id_is_not_verified(gateway: Gateway) -> None:
    await gateway.take(by(MARIA, "BR.1", "hers"), by(MARIA, "BR.2", "his"))
    assert await level(gateway, "his") == "unverified"
    assert await level(gateway, "hers") == "verified"


async def test_who_writes_from_a_number_that_was_given_up_is_not_verified(gateway: Gateway) -> None:
    await gateway.take(by(MARIA, None, "a"), changed_number(MARIA, NEW), by(MARIA, None, "somebody"))
    assert await people(gateway) == [{"a"}, {"somebody"}]
    assert await level(gateway, "somebody") == "unverified"


@pytest.mark.parametrize("first", ["notice", "message"])
async def test_a_changed_number_is_not_verified_although_the_customer_is_the_same(gateway: Gateway, first: str) -> None:
    """The business data under the new number belongs to its former owner."""
    await gateway.take(by(MARIA, OLD_ID, "a", T))
    told = [changed_number(MARIA, NEW, T + 20, old_id=OLD_ID, new_id=NEW_ID), by(NEW, NEW_ID, "b", T + 10)]
    await gateway.take(*(told if first == "notice" else reversed(told)))
    assert await people(gateway) == [{"a", "b"}]
    assert await level(gateway, "a") == "unverified"


async def test_the_same_notice_again_takes_no_proof_away(gateway: Gateway) -> None:
    again = changed_number(MARIA, NEW, T + 30)
    again["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] = "2"
    await gateway.take(by(MARIA, None, "a", T), changed_number(MARIA, NEW, T + 10), by(NEW, None, "b", T + 20))
    await proven(gateway, "a", NEW)
    await gateway.take(again)
    assert await level(gateway, "a") == "verified"


async def test_back_at_the_own_number_nothing_is_in_doubt(gateway: Gateway) -> None:
    await gateway.take(by(MARIA, None, "a", T), changed_number(MARIA, NEW, T + 10))
    back = by(MARIA, OLD_ID, "b", T + 20)
    await gateway.take(changed_number(NEW, MARIA, T + 15), back)
    assert await people(gateway) == [{"a", "b"}]


async def test_a_known_person_with_another_number_does_not_take_over_who_had_it(gateway: Gateway) -> None:
    """No notice came, and the number's customer has no other key."""
    await gateway.take(by(MARIA, None, "hers"), by(NEW, "BR.2", "his"), by(MARIA, "BR.2", "his too"))
    assert await people(gateway) == [{"hers"}, {"his", "his too"}]
    assert await level(gateway, "his") == "unverified"


async def test_late_news_of_a_former_owner_puts_the_present_one_in_doubt(gateway: Gateway) -> None:
    await gateway.take(by(MARIA, "BR.2", "his", T + 50), by(MARIA, "BR.1", "hers, late", T))
    assert await people(gateway) == [{"his"}, {"hers, late"}]
    assert await level(gateway, "his") == "unverified"


async def test_a_shared_parent_id_is_no_key_of_a_run(gateway: Gateway) -> None:
    told = by(MARIA, "BR.1", "a")
    told["entry"][0]["changes"][0]["value"]["messages"][0]["from_parent_user_id"] = "BR.ENT.9"
    await gateway.take(told)
    await gateway.settle()
    keys = gateway.agent.runs[0]["context"]["customer_keys"]
    assert [(key["kind"], key["value"]) for key in keys] == [("user_id", "BR.1"), ("wa_id", MARIA)]


# Suspicion ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("known", "now"), [(None, None), (None, OLD_ID), (OLD_ID, None)])
async def test_after_long_silence_a_number_may_be_another_persons(
    gateway: Gateway, known: str | None, now: str | None
) -> None:
    await gateway.take(by(MARIA, known, "before", PAST), by(MARIA, now, "after", PAST + 200 * DAY))
    assert await people(gateway) == [{"before"}, {"after"}]
    assert await level(gateway, "after") == "stages_only"
    assert await gateway.sql("SELECT count(*) FROM conversation") == [(2,)]


@pytest.mark.parametrize(("known", "now"), [(None, None), (None, OLD_ID), (OLD_ID, None), (OLD_ID, OLD_ID)])
async def test_who_comes_back_after_two_months_notices_nothing(
    gateway: Gateway, known: str | None, now: str | None
) -> None:
    await gateway.take(by(MARIA, known, "before", PAST), by(MARIA, now, "after", PAST + 60 * DAY))
    assert await people(gateway) == [{"before", "after"}]
    assert await level(gateway, "after") == "verified"


async def test_a_user_id_that_is_known_is_the_same_person_after_years(gateway: Gateway) -> None:
    await gateway.take(by(MARIA, OLD_ID, "before", PAST), by(MARIA, OLD_ID, "after", PAST + 900 * DAY))
    assert await people(gateway) == [{"before", "after"}]
    assert await level(gateway, "after") == "verified"


async def test_who_writes_now_and_then_is_never_silent_for_long(gateway: Gateway) -> None:
    await gateway.take(*(by(MARIA, None, str(day), PAST + day * DAY) for day in (0, 60, 120, 180, 240)))
    assert await people(gateway) == [{"0", "60", "120", "180", "240"}]


async def test_how_long_is_a_setting(gateway: Gateway) -> None:
    strict = Gateway(gateway.pool, number_silence=timedelta(days=7))
    await strict.take(by(MARIA, None, "before", PAST), by(MARIA, None, "after", PAST + 8 * DAY))
    assert await people(gateway) == [{"before"}, {"after"}]


async def test_another_form_of_a_silent_number_is_as_silent(gateway: Gateway) -> None:
    await gateway.take(by("551187654321", None, "before", PAST), by("5511987654321", OLD_ID, "after", PAST + 200 * DAY))
    await gateway.take(by("551187654321", OLD_ID, "again", PAST + 201 * DAY))
    assert await people(gateway) == [{"before"}, {"after", "again"}]
    assert await level(gateway, "again") == "stages_only"


async def test_a_call_ends_no_silence(gateway: Gateway) -> None:
    await gateway.take(by(MARIA, None, "before", PAST))
    call = {"from": MARIA, "id": "wacid.1", "event": "connect", "direction": "USER_INITIATED",
            "timestamp": str(PAST + 200 * DAY), "to": "551130000000"}  # fmt: skip
    await gateway.take(change({"calls": [call]}, "calls"), by(MARIA, None, "after", PAST + 200 * DAY + 60))
    assert await people(gateway) == [{"before"}, {"after"}]


async def test_a_changed_user_id_on_a_silent_number_leads_to_nobody(gateway: Gateway) -> None:
    await gateway.take(by(MARIA, None, "before", T - 200 * DAY), zoo("user_id_update", "changed"))
    await gateway.take(by(MARIA, NEW_ID, "after", T + 10 * DAY))
    assert await people(gateway) == [{"before"}, {"after"}]


async def test_what_the_business_sends_is_no_sign_of_another_owner(gateway: Gateway) -> None:
    one = {**raw_message(body="Olá", at=PAST + 200 * DAY), "from": "551130000000", "to": MARIA}
    await gateway.take(by(MARIA, None, "before", PAST), change({"message_echoes": [one]}, "smb_message_echoes"))
    assert await gateway.sql("SELECT count(*) FROM contact") == [(1,)]


# A changed phone ----------------------------------------------------------------------------------------------------


def identity_changed() -> dict[str, Any]:
    system = {"type": "customer_identity_changed", "body": "changed", "identity": "x"}
    return message(raw_message("system", system))


@pytest.mark.parametrize(
    ("hold", "expected"), [(timedelta(0), "verified"), (timedelta(days=9e4), "changes_need_proof")]
)
async def test_after_a_change_of_phone_changes_need_a_proof_where_a_setting_says_so(
    gateway: Gateway, hold: timedelta, expected: str
) -> None:
    gateway = Gateway(gateway.pool, phone_changed_hold=hold)
    await gateway.take(by(MARIA, None, "a"), identity_changed(), by(MARIA, None, "b"))
    assert await people(gateway) == [{"a", "b"}]
    assert await level(gateway, "b") == expected


# What the agent is told ---------------------------------------------------------------------------------------------


async def test_a_run_gets_the_keys_of_now_with_their_beginning_and_the_level(gateway: Gateway) -> None:
    await gateway.take(by(MARIA, OLD_ID, "a", T), changed_number(MARIA, NEW, T + 10, old_id=OLD_ID, new_id=NEW_ID))
    await gateway.settle()
    context = gateway.agent.runs[0]["context"]
    assert {(key["kind"], key["value"]) for key in context["customer_keys"]} == {("user_id", NEW_ID), ("wa_id", NEW)}
    assert all(key["since"] for key in context["customer_keys"])
    assert {key["until"] for key in context["customer_keys"]} == {None}
    assert context["verification"] == "unverified"


async def test_a_user_id_that_meta_replaced_is_none_of_now(gateway: Gateway) -> None:
    await gateway.take(by(MARIA, OLD_ID, "a", T), zoo("user_id_update", "changed"), by(MARIA, NEW_ID, "b"))
    await gateway.settle()
    keys = gateway.agent.runs[0]["context"]["customer_keys"]
    assert OLD_ID not in {key["value"] for key in keys}
    assert await gateway.sql("SELECT count(*) FROM contact") == [(1,)]


async def test_a_proof_in_a_run_is_known_to_the_next_one(gateway: Gateway) -> None:
    gateway.agent.answer = lambda given: {**nothing(given), "verified": True}
    levels = []
    for text, day in (("a", 0), ("b", 200), ("c", 201)):
        await gateway.take(by(MARIA, None, text, PAST + day * DAY))
        await gateway.settle()
        levels.append(gateway.agent.runs[0]["context"]["verification"])
    assert levels == ["verified", "stages_only", "verified"]


@pytest.mark.parametrize("word", [False, "true", 1, None, "missing"])
async def test_only_a_plain_yes_is_a_proof(gateway: Gateway, word: Any) -> None:
    gateway.agent.answer = lambda given: {**nothing(given), **({} if word == "missing" else {"verified": word})}
    await gateway.take(by(MARIA, None, "a", PAST), by(MARIA, None, "b", PAST + 200 * DAY))
    await gateway.settle()
    assert await level(gateway, "b") == "stages_only"


async def proven(gateway: Gateway, text: str, number: str) -> None:
    [(contact,)] = await gateway.sql(
        """SELECT c.contact_id FROM message m JOIN conversation c ON c.id = m.conversation_id
           WHERE m.content->>'text' = %s""",
        text,
    )
    async with gateway.pool.connection() as conn:
        await contacts.trust(conn, contact, [number])
