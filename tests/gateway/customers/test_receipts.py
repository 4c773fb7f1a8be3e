"""Meta's receipt of a send names the customer's ids: they become keys of this customer, and of nobody else."""

import json
from pathlib import Path

import pytest

from gateway.customers.statements import ids_of
from gateway.numbers.channels import Channel, Channels
from gateway.store.database import Pool
from gateway.whatsapp.numbers import are_forms, is_user_id
from gateway.whatsapp.webhooks.events import Customer
from tests.gateway.support.deliveries import ACCOUNT, NUMBER, text
from tests.gateway.support.harness import Gateway
from tests.gateway.support.meta import accepted

CASES = Path(__file__).parents[2] / "cases"
MEXICO, MEXICO_OLD = "525512345678", "5215512345678"
ARGENTINA, ARGENTINA_9 = "541187654321", "5491187654321"
CHANNELS = Channels([Channel(phone_number_id=NUMBER, waba_id=ACCOUNT, access_token="the-token")])


WITHOUT_ACCOUNT = Channels([Channel(phone_number_id=NUMBER, access_token="the-token")])


@pytest.fixture(params=[CHANNELS, WITHOUT_ACCOUNT], ids=["account", "no account"])
def gateway(pool: Pool, request: pytest.FixtureRequest) -> Gateway:
    """Return a gateway whose number has the account of the deliveries, or no account in its settings."""
    return Gateway(pool, channels=request.param)


async def keys(gateway: Gateway) -> list[tuple[str, ...]]:
    """Return the keys of each contact, the oldest contact first."""
    rows = await gateway.sql(
        """SELECT array_agg(k.value ORDER BY k.value) FROM contact p JOIN contact_key k ON k.contact_id = p.id
           GROUP BY p.id ORDER BY min(p.created_at)"""
    )
    return [tuple(row[0]) for row in rows]


@pytest.mark.parametrize(("ours", "metas"), [(MEXICO, MEXICO_OLD), (ARGENTINA, ARGENTINA_9), ("22901234567", "2290101234567")])  # fmt: skip  # noqa: E501
async def test_the_form_in_a_receipt_leads_to_the_same_customer(gateway: Gateway, ours: str, metas: str) -> None:
    await gateway.queue("1", wa_id=ours)
    gateway.meta.answers = [accepted("wamid.OUT1", wa_id=metas)]
    await gateway.send()
    await gateway.receive(text("respondo", wa_id=metas))
    assert await keys(gateway) == [tuple(sorted((ours, metas)))]
    assert await gateway.sql("SELECT count(*) FROM conversation") == [(1,)]


async def test_who_wrote_by_another_form_before_the_receipt_is_the_same_customer(gateway: Gateway) -> None:
    await gateway.queue("1", wa_id=MEXICO)
    await gateway.receive(text("já escrevi", wa_id=MEXICO_OLD))
    assert len(await keys(gateway)) == 2
    gateway.meta.answers = [accepted("wamid.OUT1", wa_id=MEXICO_OLD)]
    await gateway.send()
    assert await keys(gateway) == [(MEXICO_OLD, MEXICO)]
    assert await gateway.sql("SELECT reason FROM contact_merge") == [("a receipt named both",)]


async def test_a_user_id_in_a_receipt_leads_to_the_customer(gateway: Gateway) -> None:
    await gateway.queue("1")
    gateway.meta.answers = [accepted("wamid.OUT1", wa_id="5511987654321", user_id="BR.1349120865530274")]
    await gateway.send()
    await gateway.receive({**text("oi"), "from": "BR.1349120865530274"})
    assert await keys(gateway) == [("5511987654321", "BR.1349120865530274")]


async def test_who_writes_by_a_user_id_where_a_number_is_expected_is_answered_by_recipient(gateway: Gateway) -> None:
    """Case P06."""
    told = json.loads((CASES / "P06_user_id_in_from.json").read_text())
    await gateway.receive(*told["entry"][0]["changes"][0]["value"]["messages"])
    await gateway.sql(
        """INSERT INTO message (conversation_id, direction, author, type, content, status, send_at)
           SELECT id, 'out', 'agent', 'text', '{"type": "text", "text": "Oi, Lia"}', 'queued', now()
           FROM conversation RETURNING id"""
    )
    await gateway.sql("UPDATE conversation SET last_inbound_at = now() RETURNING id")
    await gateway.send()
    assert await keys(gateway) == [("BR.99991208655302741999",)]
    assert [body.get("recipient") for body in gateway.meta.bodies] == ["BR.99991208655302741999"]
    assert "to" not in gateway.meta.bodies[0]


async def test_a_receipt_that_names_a_stranger_joins_nobody(gateway: Gateway) -> None:
    await gateway.queue("1", wa_id=MEXICO)
    await gateway.receive(text("outra pessoa", wa_id="5511900000001"))
    gateway.meta.answers = [accepted("wamid.OUT1", wa_id="5511900000001")]
    await gateway.send()
    assert sorted(await keys(gateway)) == [(MEXICO,), ("5511900000001",)]


async def test_people_with_user_ids_of_their_own_are_not_joined(gateway: Gateway) -> None:
    await gateway.receive({**text("a", wa_id=MEXICO), "from_user_id": "MX.1"})
    await gateway.receive({**text("b", wa_id=MEXICO_OLD), "from_user_id": "MX.2"})
    await gateway.queue("1", wa_id=MEXICO)
    gateway.meta.answers = [accepted("wamid.OUT1", wa_id=MEXICO_OLD)]
    await gateway.send()
    assert len(await keys(gateway)) == 2


async def test_a_form_is_given_up_with_its_number(gateway: Gateway) -> None:
    await gateway.queue("1", wa_id=MEXICO)
    gateway.meta.answers = [accepted("wamid.OUT1", wa_id=MEXICO_OLD)]
    await gateway.send()
    changed = {"type": "user_changed_number", "body": "changed", "wa_id": "525599999999"}
    await gateway.receive({**text("", wa_id=MEXICO), "type": "system", "system": changed})
    rows = await gateway.sql("SELECT kind, value FROM contact_key ORDER BY kind, value")
    assert rows == [("old_wa_id", MEXICO_OLD), ("old_wa_id", MEXICO), ("wa_id", "525599999999")]


async def test_a_receipt_that_says_nothing_new_costs_no_query(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr("gateway.customers.receipts.identity.told_by_receipt", lambda *args: asked.append(args))
    await gateway.queue("1")
    await gateway.send()
    assert await gateway.statuses() == ["accepted"]
    assert asked == []


@pytest.mark.parametrize(("one", "other", "alike"), [
    (MEXICO, MEXICO_OLD, True), (ARGENTINA, ARGENTINA_9, True), ("5511987654321", "551187654321", True),
    ("5511987654321", "15551987654", False), ("5511987654321", "5511987654322", False), ("BR.1", "BR.1", False),
])  # fmt: skip
def test_what_may_be_forms_of_one_number(one: str, other: str, alike: bool) -> None:
    assert are_forms(one, other) is alike


def test_a_plus_is_no_part_of_a_number() -> None:
    assert ids_of(Customer(wa_id="+5511987654321")).number == "5511987654321"
    assert is_user_id("BR.99991208655302741999")
    assert not is_user_id("5511987654321")
