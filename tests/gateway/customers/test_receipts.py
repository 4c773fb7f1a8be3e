"""Meta's receipt of a send says by which ids it knows the customer: those become keys, and nobody else's do."""

import json
from pathlib import Path

import pytest

from gateway.customers.identity import ids
from gateway.store.database import Pool
from gateway.whatsapp.numbers import are_forms, is_user_id
from gateway.whatsapp.webhooks.events import Customer
from tests.gateway.support.deliveries import text
from tests.gateway.support.desk import Desk, accepted

CASES = Path(__file__).parents[2] / "cases"
MEXICO, MEXICO_OLD = "525512345678", "5215512345678"
ARGENTINA, ARGENTINA_9 = "541187654321", "5491187654321"


@pytest.fixture
def desk(pool: Pool) -> Desk:
    return Desk(pool)


async def keys(desk: Desk) -> list[tuple[str, ...]]:
    """The keys of each contact, the oldest contact first."""
    rows = await desk.sql(
        """SELECT array_agg(k.value ORDER BY k.value) FROM contact p JOIN contact_key k ON k.contact_id = p.id
           GROUP BY p.id ORDER BY min(p.created_at)"""
    )
    return [tuple(row[0]) for row in rows]


@pytest.mark.parametrize(("ours", "metas"), [(MEXICO, MEXICO_OLD), (ARGENTINA, ARGENTINA_9), ("22901234567", "2290101234567")])  # fmt: skip  # noqa: E501
async def test_the_form_in_a_receipt_leads_to_the_same_customer(desk: Desk, ours: str, metas: str) -> None:
    await desk.queue("1", wa_id=ours)
    desk.meta.answers = [accepted("wamid.OUT1", wa_id=metas)]
    await desk.step()
    await desk.deliver(text("respondo", wa_id=metas))
    assert await keys(desk) == [tuple(sorted((ours, metas)))]
    assert await desk.sql("SELECT count(*) FROM conversation") == [(1,)]


async def test_who_wrote_by_another_form_before_the_receipt_is_the_same_customer(desk: Desk) -> None:
    await desk.queue("1", wa_id=MEXICO)
    await desk.deliver(text("já escrevi", wa_id=MEXICO_OLD))
    assert len(await keys(desk)) == 2
    desk.meta.answers = [accepted("wamid.OUT1", wa_id=MEXICO_OLD)]
    await desk.step()
    assert await keys(desk) == [(MEXICO_OLD, MEXICO)]
    assert await desk.sql("SELECT reason FROM contact_merge") == [("a receipt named both",)]


async def test_a_user_id_in_a_receipt_leads_to_the_customer(desk: Desk) -> None:
    await desk.queue("1")
    desk.meta.answers = [accepted("wamid.OUT1", wa_id="5511987654321", user_id="BR.1349120865530274")]
    await desk.step()
    await desk.deliver({**text("oi"), "from": "BR.1349120865530274"})
    assert await keys(desk) == [("5511987654321", "BR.1349120865530274")]


async def test_who_writes_by_a_user_id_where_a_number_is_expected_is_answered_by_recipient(desk: Desk) -> None:
    """Case P06."""
    told = json.loads((CASES / "P06_user_id_in_from.json").read_text())
    await desk.deliver(*told["entry"][0]["changes"][0]["value"]["messages"])
    await desk.sql(
        """INSERT INTO message (conversation_id, direction, author, type, content, status, send_at)
           SELECT id, 'out', 'agent', 'text', '{"type": "text", "text": "Oi, Lia"}', 'queued', now()
           FROM conversation RETURNING id"""
    )
    await desk.sql("UPDATE conversation SET last_inbound_at = now() RETURNING id")
    await desk.step()
    assert await keys(desk) == [("BR.99991208655302741999",)]
    assert [body.get("recipient") for body in desk.meta.bodies] == ["BR.99991208655302741999"]
    assert "to" not in desk.meta.bodies[0]


async def test_a_receipt_that_names_a_stranger_joins_nobody(desk: Desk) -> None:
    await desk.queue("1", wa_id=MEXICO)
    await desk.deliver(text("outra pessoa", wa_id="5511900000001"))
    desk.meta.answers = [accepted("wamid.OUT1", wa_id="5511900000001")]
    await desk.step()
    assert sorted(await keys(desk)) == [(MEXICO,), ("5511900000001",)]


async def test_people_with_user_ids_of_their_own_are_not_joined(desk: Desk) -> None:
    await desk.deliver({**text("a", wa_id=MEXICO), "from_user_id": "MX.1"})
    await desk.deliver({**text("b", wa_id=MEXICO_OLD), "from_user_id": "MX.2"})
    await desk.queue("1", wa_id=MEXICO)
    desk.meta.answers = [accepted("wamid.OUT1", wa_id=MEXICO_OLD)]
    await desk.step()
    assert len(await keys(desk)) == 2


async def test_a_form_is_given_up_with_its_number(desk: Desk) -> None:
    await desk.queue("1", wa_id=MEXICO)
    desk.meta.answers = [accepted("wamid.OUT1", wa_id=MEXICO_OLD)]
    await desk.step()
    changed = {"type": "user_changed_number", "body": "changed", "wa_id": "525599999999"}
    await desk.deliver({**text("", wa_id=MEXICO), "type": "system", "system": changed})
    rows = await desk.sql("SELECT kind, value FROM contact_key ORDER BY kind, value")
    assert rows == [("old_wa_id", MEXICO_OLD), ("old_wa_id", MEXICO), ("wa_id", "525599999999")]


async def test_a_receipt_that_says_nothing_new_costs_no_query(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("gateway.customers.receipts.identity.told_by_receipt", lambda *args: asked.append(args))
    await desk.queue("1")
    await desk.step()
    assert await desk.statuses() == ["accepted"]
    assert asked == []


@pytest.mark.parametrize(("one", "other", "alike"), [
    (MEXICO, MEXICO_OLD, True), (ARGENTINA, ARGENTINA_9, True), ("5511987654321", "551187654321", True),
    ("5511987654321", "15551987654", False), ("5511987654321", "5511987654322", False), ("BR.1", "BR.1", False),
])  # fmt: skip
def test_what_may_be_forms_of_one_number(one: str, other: str, alike: bool) -> None:
    assert are_forms(one, other) is alike


def test_a_plus_is_no_part_of_a_number() -> None:
    assert ids(Customer(wa_id="+5511987654321")).number == "5511987654321"
    assert is_user_id("BR.99991208655302741999")
    assert not is_user_id("5511987654321")
