"""Reports besides messages: history, preferences, the state of accounts, calls, the address book."""

from datetime import UTC, datetime

import pytest

from gateway.store.customers import marketing
from gateway.store.numbers import accounts
from tests.gateway.support.deliveries import MARIA, T, change, message, raw_message, zoo
from tests.gateway.support.harness import Gateway, nothing


@pytest.fixture
def gateway(gateway: Gateway) -> Gateway:
    """A worker whose agent returns no replies."""
    gateway.agent.answer = nothing
    return gateway


async def test_history_is_kept_in_its_own_time_and_waits_for_nothing(gateway: Gateway) -> None:
    await gateway.take(zoo("history", "chunk"), zoo("history", "media_that_follows"))
    assert await gateway.messages() == [
        ("customer", "text", "vocês abrem sábado?", False),
        ("app", "text", "Sim, até 13h", False),
        ("customer", "image", "antiga", False),
    ]
    assert await gateway.sql("SELECT status FROM message WHERE author = 'app'") == [("delivered",)]
    assert await gateway.sql("SELECT count(*) FROM media") == [(0,)]
    assert await gateway.outcomes() == [("done", "1 messages are of no known shape"), ("done", None)]
    # Two: the picture is from 116 days later, and the first to name a user id, who may be the number's next owner.
    due = [(None,), (None,)]
    assert (await gateway.holder(), await gateway.sql("SELECT due_at FROM conversation")) == ("agent", due)
    await gateway.take(message(raw_message(body="oi")))
    await gateway.settle()
    given = gateway.agent.runs[0]["input"]
    assert ([item["text"] for item in given["inbound"]], given["since"]) == (["oi"], [])


async def test_a_declined_history_is_noted(gateway: Gateway) -> None:
    await gateway.take(zoo("history", "declined"))
    assert await gateway.outcomes() == [("done", "error 2593109")]


def preference(value: str, at: int) -> dict[str, object]:
    told = {"wa_id": MARIA, "category": "marketing_messages", "timestamp": at, "value": value}
    return change({"user_preferences": [told]}, "user_preferences")


@pytest.mark.parametrize(("told", "stopped"), [([("stop", 1)], True), ([("stop", 1), ("resume", 2)], False), ([("resume", 2), ("stop", 1)], False), ([("stop", 2), ("signup", 1)], True)])  # fmt: skip  # noqa: E501
async def test_the_customers_last_word_on_marketing_counts(
    gateway: Gateway, told: list[tuple[str, int]], stopped: bool
) -> None:
    await gateway.take(*(preference(value, T + at) for value, at in told))
    [(contact,)] = await gateway.sql("SELECT id FROM contact")
    async with gateway.pool.connection() as conn:
        assert await marketing.is_stopped(conn, contact) is stopped


async def test_the_newest_about_each_account_number_and_template_is_kept(gateway: Gateway) -> None:
    def quality(limit: str, at: int) -> dict[str, object]:
        value = {"display_phone_number": "551130000000", "event": "UPGRADE", "current_limit": limit}
        told = change(value, "phone_number_quality_update", None)
        told["entry"][0]["time"] = at
        return told

    await gateway.take(quality("TIER_10K", T + 2), quality("TIER_1K", T + 1))
    await gateway.take(zoo("message_template_status_update", "approved"), zoo("account_update", "restricted"))
    async with gateway.pool.connection() as conn:
        kept = {state.kind: state for state in await accounts.told(conn)}
        [number] = await accounts.told(conn, "phone_number_quality_update")
    assert (number.subject, number.value["current_limit"]) == ("551130000000", "TIER_10K")
    assert (number.waba_id, number.told_at) == ("200000000000002", datetime.fromtimestamp(T + 2, UTC))
    assert kept["message_template_status_update"].value["event"] == "APPROVED"
    assert kept["account_update"].value["restrictions"][0]["type"] == "RESTRICTED_BIZ_INITIATED_MESSAGING"
    assert [state for state, _ in await gateway.outcomes()] == ["done", "ignored", "done", "done"]


async def test_a_quality_under_the_field_for_the_status_does_not_replace_the_status(gateway: Gateway) -> None:
    name = "message_template_status_update"
    await gateway.take(zoo(name, "approved"), zoo(name, "quality_under_this_field"))
    assert await gateway.sql("SELECT kind FROM account_state ORDER BY 1") == [
        ("message_template_quality_update",),
        (name,),
    ]


async def test_an_error_of_a_whole_webhook_is_kept_by_its_code(gateway: Gateway) -> None:
    await gateway.take(zoo("errors", "of_a_value"))
    assert await gateway.sql("SELECT kind, value->>'code' FROM account_state") == [("error", "130429")]


async def test_calls_are_ignored_visibly(gateway: Gateway) -> None:
    await gateway.take(zoo("calls", "to_the_customer_ended"))
    assert await gateway.outcomes() == [("ignored", "a call: the agent takes none")]


async def test_a_customers_call_opens_the_window(gateway: Gateway) -> None:
    await gateway.take(zoo("calls", "from_the_customer"))
    assert await gateway.outcomes() == [("done", "a call: not taken, but it opens the 24-hour window")]
    assert await gateway.sql("SELECT extract(epoch FROM last_inbound_at)::bigint FROM conversation") == [
        (1_790_000_000,)
    ]


async def test_the_address_book_names_customers_and_makes_none(gateway: Gateway) -> None:
    await gateway.take(zoo("smb_app_state_sync", "added"))
    assert await gateway.sql("SELECT count(*) FROM contact") == [(0,)]
    await gateway.take(message(raw_message()))
    added = zoo("smb_app_state_sync", "added")
    added["entry"][0]["changes"][0]["value"]["state_sync"][0]["contact"]["full_name"] = "Maria da Silva"
    await gateway.take(added)
    assert await gateway.sql("SELECT name FROM contact") == [("Maria da Silva",)]


async def test_what_names_no_customer_for_certain_is_kept_as_unknown(gateway: Gateway) -> None:
    nameless = {name: part for name, part in raw_message().items() if name != "from"}
    await gateway.take(message(nameless), message({**nameless, "id": "wamid.P", "from_parent_user_id": "BR.ENT.1"}))
    assert [state for state, _ in await gateway.outcomes()] == ["unknown", "unknown"]
    assert await gateway.sql("SELECT count(*) FROM contact") == [(0,)]
