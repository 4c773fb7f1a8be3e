"""Customers and their keys: one person is one contact, two people never are, and nothing that was said is lost."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore
from starlette.applications import Starlette

from gateway.identity import Ids, Statement, customer_for, number_changed, user_id_changed
from gateway.internal import Internal
from gateway.store import contacts
from gateway.store.contacts import Key
from gateway.store.database import Pool
from gateway.whatsapp.numbers import wa_id_variants
from tests.gateway.inbound import MARIA, Inbox, T, change, message, said, zoo
from tests.gateway.test_turns import Bench, until

NEW = "5511900000000"
OLD_ID, NEW_ID = "BR.1349120865530274", "BR.2481730591287364"
_events = itertools.count(1)


@pytest.fixture
def inbox(pool: Pool) -> Inbox:
    return Inbox(pool)


@pytest.fixture
async def bench(pool: Pool) -> AsyncIterator[Bench]:
    bench = Bench(pool)
    yield bench
    bench.server.gate.set()
    await bench.turns.drain()


def by(
    number: str | None = None, user_id: str | None = None, text: str = "Olá", at: int | None = None
) -> dict[str, Any]:
    """A message of whoever has this number and user id."""
    one = {name: part for name, part in said(body=text, at=at).items() if name != "from"}
    one |= {"from": number} if number else {}
    return message(one | ({"from_user_id": user_id} if user_id else {}))


def changed_number(old: str, new: str, at: int | None = None, **ids: str) -> dict[str, Any]:
    """WhatsApp's word that a number changed."""
    system = {"type": "user_changed_number", "body": "changed", "wa_id": new}
    if "new_id" in ids:
        system["user_id"] = ids["new_id"]
    more = {"from_user_id": ids["old_id"]} if "old_id" in ids else {}
    return message({**said("system", system, at=at), "from": old, **more})


async def people(inbox: Inbox) -> list[set[str]]:
    """What each contact has said, the oldest contact first."""
    rows = await inbox.sql(
        """SELECT p.id, array_agg(m.content->>'text') FROM contact p JOIN conversation c ON c.contact_id = p.id
           JOIN message m ON m.conversation_id = c.id WHERE m.type = 'text'
           GROUP BY p.id ORDER BY min(p.created_at), min(m.seq)"""
    )
    return [set(texts) for _, texts in rows]


async def keys(inbox: Inbox, text: str) -> set[tuple[str, str]]:
    """The keys of who said this."""
    [(contact,)] = await inbox.sql(
        """SELECT c.contact_id FROM message m JOIN conversation c ON c.id = m.conversation_id
           WHERE m.content->>'text' = %s""",
        text,
    )
    async with inbox.pool.connection() as conn:
        return {(key.kind, key.value) for key in await contacts.keys_of(conn, contact)}


# Keys ---------------------------------------------------------------------------------------------------------------


async def test_a_number_and_a_user_id_lead_to_one_customer(inbox: Inbox) -> None:
    await inbox.take(by(MARIA, OLD_ID, "a"), by(MARIA, None, "b"), by(None, OLD_ID, "c"))
    assert await people(inbox) == [{"a", "b", "c"}]
    assert await keys(inbox, "a") == {("wa_id", MARIA), ("user_id", OLD_ID)}


async def test_the_ninth_digit_makes_no_other_customer(inbox: Inbox) -> None:
    await inbox.take(by("551187654321", None, "a"), by("5511987654321", None, "b"), by("+551187654321", None, "c"))
    assert await people(inbox) == [{"a", "b", "c"}]
    assert await keys(inbox, "a") == {("wa_id", "551187654321"), ("wa_id", "5511987654321")}


async def test_a_landline_has_no_ninth_digit(inbox: Inbox) -> None:
    await inbox.take(by("551130001234", None, "a"), by("5511930001234", None, "b"))
    assert await people(inbox) == [{"a"}, {"b"}]


async def test_two_contacts_that_one_message_names_are_merged_and_recorded(inbox: Inbox) -> None:
    await inbox.take(by(MARIA, None, "a"), by(None, OLD_ID, "b"))
    conversations = await inbox.sql("SELECT id FROM conversation ORDER BY created_at")
    await inbox.take(by(MARIA, OLD_ID, "c"))
    assert await people(inbox) == [{"a", "b", "c"}]
    [(kept, absorbed, reason, joined)] = await inbox.sql(
        "SELECT kept_id, absorbed_id, reason, conversations FROM contact_merge"
    )
    assert await inbox.sql("SELECT id FROM contact") == [(kept,)]
    assert (absorbed != kept, reason) == (True, "one message named both")
    [older, newer] = [str(row[0]) for row in conversations]
    assert joined == [{"kept": older, "absorbed": newer}]
    assert [str(row[0]) for row in await inbox.sql("SELECT id FROM conversation")] == [older]


async def test_a_parent_id_is_kept_and_leads_to_nobody(inbox: Inbox) -> None:
    for number, user, text in ((MARIA, "BR.1", "a"), (NEW, "BR.2", "b")):
        told = by(number, user, text)
        told["entry"][0]["changes"][0]["value"]["messages"][0]["from_parent_user_id"] = "BR.ENT.9"
        await inbox.take(told)
    assert await people(inbox) == [{"a"}, {"b"}]
    assert ("parent_user_id", "BR.ENT.9") in await keys(inbox, "b")


async def test_a_number_with_another_user_id_is_another_person(inbox: Inbox) -> None:
    await inbox.take(by(MARIA, "BR.1", "hers"), by(MARIA, "BR.2", "his"), by(MARIA, None, "his too"))
    assert await people(inbox) == [{"hers"}, {"his", "his too"}]
    assert await keys(inbox, "hers") == {("old_wa_id", MARIA), ("user_id", "BR.1")}


async def test_user_ids_of_two_businesses_are_one_persons(inbox: Inbox) -> None:
    def elsewhere(text: str) -> dict[str, Any]:
        told = message({**said(body=text), "from": MARIA, "from_user_id": "BR.OTHER"}, number="2")
        told["entry"][0]["id"] = "the other business"
        return told

    await inbox.take(by(MARIA, "BR.1", "a"), elsewhere("b"), by(MARIA, "BR.1", "c"), elsewhere("d"))
    assert await people(inbox) == [{"a", "b", "c", "d"}]
    assert await inbox.sql("SELECT count(*) FROM conversation") == [(2,)]


async def test_a_message_from_before_is_its_former_owners(inbox: Inbox) -> None:
    await inbox.take(by(MARIA, None, "a", T), changed_number(MARIA, NEW, T + 100), by(MARIA, None, "somebody", T + 200))
    await inbox.take(by(MARIA, None, "late", T + 50))
    assert await people(inbox) == [{"a", "late"}, {"somebody"}]


# Changes ------------------------------------------------------------------------------------------------------------


async def test_a_changed_number_keeps_the_conversation_and_is_written_to(inbox: Inbox) -> None:
    await inbox.take(by(MARIA, OLD_ID, "a"), changed_number(MARIA, NEW, old_id=OLD_ID, new_id=NEW_ID))
    await inbox.take(by(NEW, NEW_ID, "b"))
    assert await people(inbox) == [{"a", "b"}]
    assert await inbox.sql("SELECT count(*) FROM conversation") == [(1,)]
    assert await keys(inbox, "a") == {
        ("wa_id", NEW), ("user_id", OLD_ID), ("user_id", NEW_ID), ("old_wa_id", MARIA),
    }  # fmt: skip


async def test_who_wrote_from_the_new_number_before_the_notice_is_merged(inbox: Inbox) -> None:
    await inbox.take(by(MARIA, None, "a", T), by(NEW, None, "b", T + 10), changed_number(MARIA, NEW, T + 20))
    assert await people(inbox) == [{"a", "b"}]
    assert await inbox.sql("SELECT reason FROM contact_merge") == [("a new number",)]


async def test_who_had_the_new_number_before_is_not(inbox: Inbox) -> None:
    day = 86_400
    await inbox.take(by(NEW, None, "previous owner", T - 30 * day), by(MARIA, None, "a", T))
    await inbox.take(changed_number(MARIA, NEW, T + 20), by(NEW, None, "b", T + 30))
    assert await people(inbox) == [{"previous owner"}, {"a", "b"}]
    assert await keys(inbox, "previous owner") == {("old_wa_id", NEW)}


async def test_a_change_that_two_of_our_numbers_report_is_one(inbox: Inbox) -> None:
    system = {"type": "user_changed_number", "body": "changed", "wa_id": NEW}
    again = message({**said("system", system, at=T + 30 * 86_400), "from": MARIA}, number="2")
    await inbox.take(by(MARIA, None, "a", T), changed_number(MARIA, NEW, T + 10), by(NEW, None, "b", T + 20), again)
    await inbox.take(by(NEW, None, "c", T + 31 * 86_400))
    assert await people(inbox) == [{"a", "b", "c"}]


async def test_changes_that_come_in_the_wrong_order_end_at_the_last_number(inbox: Inbox) -> None:
    last = "5511911112222"
    await inbox.take(by(MARIA, None, "a", T), changed_number(NEW, last, T + 200), changed_number(MARIA, NEW, T + 100))
    await inbox.take(by(last, None, "b", T + 300))
    assert await people(inbox) == [{"a", "b"}]
    assert {value for kind, value in await keys(inbox, "a") if kind == "wa_id"} == {last}


async def test_back_to_the_old_number(inbox: Inbox) -> None:
    await inbox.take(by(MARIA, None, "a", T), changed_number(MARIA, NEW, T + 10), changed_number(NEW, MARIA, T + 20))
    await inbox.take(by(MARIA, None, "b", T + 30))
    assert await people(inbox) == [{"a", "b"}]


@pytest.mark.parametrize("first", ["message", "update"])
async def test_a_changed_user_id_is_the_same_customer_in_any_order(inbox: Inbox, first: str) -> None:
    await inbox.take(by(MARIA, OLD_ID, "a", T))
    told = [by(MARIA, NEW_ID, "b", T + 10), zoo("user_id_update", "changed")]
    await inbox.take(*(told if first == "message" else reversed(told)))
    assert await people(inbox) == [{"a", "b"}]
    assert {("user_id", OLD_ID), ("user_id", NEW_ID), ("wa_id", MARIA)} <= await keys(inbox, "a")


@pytest.mark.parametrize("case", ["number_changed", "number_changed_with_new_user_id", "user_id_changed"])
async def test_system_messages_are_kept_in_the_conversation_and_not_answered(inbox: Inbox, case: str) -> None:
    await inbox.take(by(MARIA, OLD_ID, "a"), zoo("system", case))
    assert [(row[1], row[3]) for row in await inbox.messages()] == [("text", True), ("system", False)]
    assert await inbox.sql("SELECT count(*) FROM conversation") == [(1,)]


async def test_the_newest_number_is_the_address(inbox: Inbox) -> None:
    await inbox.take(by(MARIA, OLD_ID, "a"), changed_number(MARIA, NEW, old_id=OLD_ID, new_id=NEW_ID))
    async with inbox.pool.connection() as conn:
        [(contact,)] = await inbox.sql("SELECT id FROM contact")
        found = await contacts.keys_of(conn, contact)
    assert [key.value for key in found if key.kind == "wa_id"] == [NEW]
    assert [key.value for key in found if key.kind == "user_id"] == [OLD_ID, NEW_ID]


# Merging conversations ----------------------------------------------------------------------------------------------


async def two_halves(bench: Bench) -> Inbox:
    """A customer of whom nobody knows yet that the number and the user id are one person's."""
    inbox = Inbox(bench.pool)
    await inbox.take(by(MARIA, None, "a"))
    await bench.settle()
    await inbox.take(by(None, OLD_ID, "b"))
    return inbox


async def test_what_waits_in_both_is_answered_in_the_older_thread(bench: Bench) -> None:
    inbox = await two_halves(bench)
    [(older,)] = await inbox.sql("SELECT id::text FROM conversation ORDER BY created_at LIMIT 1")
    await inbox.take(by(MARIA, OLD_ID, "c"))
    await bench.settle()
    run = bench.server.runs[0]
    assert (run["thread_id"], [item["text"] for item in run["input"]["inbound"]]) == (older, ["b", "c"])
    assert await bench.replies() == ["a", "b | c"]
    [(absorbed,)] = await inbox.sql("SELECT absorbed_id::text FROM contact_merge")
    assert {"kind": "former_id", "value": absorbed} in run["context"]["customer_keys"]


async def test_a_merge_waits_for_the_run_in_the_conversation_that_goes(bench: Bench) -> None:
    inbox = await two_halves(bench)
    bench.server.gate.clear()
    await bench.turns.step()
    await until(lambda: len(bench.server.runs) == 2)
    await until(lambda: _posted(inbox))
    await inbox.take(by(MARIA, OLD_ID, "c"))
    assert await inbox.sql("SELECT count(*) FROM conversation") == [(2,)]
    assert await inbox.sql("SELECT count(*) FROM event WHERE state = 'new' AND due_at > now()") == [(1,)]
    bench.server.gate.set()
    await until(lambda: not bench.turns._held)
    await inbox.sql("UPDATE event SET due_at = now()")
    await inbox.intake.step()
    assert await people(inbox) == [{"a", "b", "c"}]
    await bench.settle()
    assert await bench.replies() == ["a", "b", "c"]


async def _posted(inbox: Inbox) -> bool:
    return await inbox.sql("SELECT count(*) FROM turn WHERE state = 'open' AND run_id IS NOT NULL") == [(1,)]


async def test_a_run_in_the_older_thread_goes_on(bench: Bench) -> None:
    inbox = Inbox(bench.pool)
    bench.server.gate.clear()
    await inbox.take(by(MARIA, None, "a"))
    await bench.turns.step()
    await until(lambda: _posted(inbox))
    await inbox.take(by(None, OLD_ID, "b"), by(MARIA, OLD_ID, "c"))
    assert await inbox.sql("SELECT count(*) FROM conversation") == [(1,)]
    bench.server.gate.set()
    await until(lambda: not bench.turns._held)
    await bench.settle()
    assert await bench.replies() == ["a", "b | c"]
    assert await inbox.sql("SELECT state, count(*) FROM turn GROUP BY 1") == [("done", 2)]


async def test_a_turn_without_a_run_is_undone_and_its_messages_wait_again(bench: Bench) -> None:
    inbox = await two_halves(bench)
    await inbox.sql(
        """WITH t AS (INSERT INTO turn (conversation_id) SELECT conversation_id FROM message WHERE awaits RETURNING id)
           UPDATE message SET turn_id = t.id, awaits = false FROM t WHERE awaits"""
    )
    await inbox.take(by(MARIA, OLD_ID, "c"))
    await bench.settle()
    assert await bench.replies() == ["a", "b | c"]


async def test_a_persons_hold_outlives_a_merge_and_silences_what_was_queued(bench: Bench) -> None:
    inbox = await two_halves(bench)
    await inbox.sql(
        "UPDATE conversation SET holder = 'person' WHERE created_at = (SELECT max(created_at) FROM conversation)"
    )
    await inbox.take(by(MARIA, OLD_ID, "c"))
    assert await inbox.sql("SELECT holder FROM conversation") == [("person",)]
    assert await inbox.sql("SELECT status FROM message WHERE direction = 'out'") == [("failed",)]


async def test_marketing_and_name_survive_a_merge(inbox: Inbox) -> None:
    await inbox.take(by(MARIA, None, "a"), by(None, OLD_ID, "b"))
    await inbox.sql(
        """UPDATE contact SET marketing = 'stop', marketing_at = now(), name = 'Maria'
           WHERE created_at = (SELECT max(created_at) FROM contact)"""
    )
    await inbox.take(by(MARIA, OLD_ID, "c"))
    assert await inbox.sql("SELECT name, marketing FROM contact") == [("Maria", "stop")]


async def test_the_id_of_a_merged_contact_still_leads_to_the_history(inbox: Inbox) -> None:
    await inbox.take(by(MARIA, None, "a"), by(None, OLD_ID, "b"), by(MARIA, OLD_ID, "c"))
    [(absorbed,)] = await inbox.sql("SELECT absorbed_id FROM contact_merge")
    app = Starlette(routes=Internal(inbox.pool, MemoryStore(), "secret").routes())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        headers = {"authorization": "Bearer secret"}
        answer = await client.get(f"/internal/customers/{absorbed}/history", headers=headers)
    assert [item["text"] for item in answer.json()["messages"]] == ["a", "b", "c"]


async def test_workers_that_meet_at_one_customer_lose_nothing(pool: Pool) -> None:
    one = Inbox(pool)
    workers = [one, Inbox(pool), Inbox(pool)]
    sets = [(MARIA, None), (None, OLD_ID), (MARIA, OLD_ID), ("551187654321", None)]
    for n in range(40):
        number, user = sets[n % 4]
        await _only_keep(one, by(number, user, str(n)))

    async def idle() -> bool:
        await asyncio.gather(*(worker.intake.step() for worker in workers))
        return await one.sql("SELECT count(*) FROM event WHERE state = 'new'") == [(0,)]

    await until(idle)
    assert await people(one) == [{str(n) for n in range(40)}]
    assert await one.sql("SELECT state, count(*) FROM event GROUP BY 1") == [("done", 40)]


async def _only_keep(inbox: Inbox, payload: dict[str, Any]) -> None:
    step, inbox.intake.step = inbox.intake.step, _nothing  # type: ignore[method-assign]
    await inbox.take(payload)
    inbox.intake.step = step  # type: ignore[method-assign]


async def _nothing() -> float:
    return 0.0


# Properties ---------------------------------------------------------------------------------------------------------

NUMBERS = ["5511987654321", "551187654321", "5511900000000", "4915112345678"]
USERS = ["BR.1", "BR.2", "BR.3"]


@dataclass(frozen=True)
class Named:
    """A message that names a customer."""

    number: str | None
    user_id: str | None
    at: int
    channel_id: str


named = st.builds(
    Named, st.none() | st.sampled_from(NUMBERS), st.none() | st.sampled_from(USERS), st.integers(0, 20),
    st.sampled_from(["1", "2"]),
).filter(lambda one: one.number or one.user_id)  # fmt: skip


def statement(at: int, channel_id: str = "1") -> Statement:
    return Statement(datetime.fromtimestamp(T + at, UTC), channel_id, f"account {channel_id}", next(_events))


async def emptied(pool: Pool) -> None:
    async with pool.connection() as conn:
        for table in ("message", "turn", "conversation", "contact_merge", "contact"):
            await conn.execute(f"DELETE FROM {table}")


async def resolved(pool: Pool, contact: UUID) -> UUID:
    async with pool.connection() as conn:
        return await contacts.current_id(conn, contact)


def components(told: list[Named]) -> list[int]:
    """Which messages hang together by shared strong keys; one number of a component for each message."""
    group = list(range(len(told)))
    strong = [{one.user_id, min(wa_id_variants(one.number)) if one.number else None} - {None} for one in told]
    for _ in told:
        for a, b in itertools.combinations(range(len(told)), 2):
            if strong[a] & strong[b]:
                group[a] = group[b] = min(group[a], group[b])
    return group


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(named, max_size=8))
async def test_people_who_never_shared_a_key_are_never_one_and_no_conversation_is_lost(
    pool: Pool, told: list[Named]
) -> None:
    await emptied(pool)
    who: list[UUID] = []
    for number, one in enumerate(told):
        async with pool.connection() as conn, conn.transaction():
            found = await customer_for(conn, Ids(one.number, one.user_id), statement(one.at, one.channel_id))
            who.append(found)
            await conn.execute(
                """WITH c AS (INSERT INTO conversation (channel_id, contact_id) VALUES (%s, %s)
                              ON CONFLICT (channel_id, contact_id) DO UPDATE SET channel_id = excluded.channel_id
                              RETURNING id)
                   INSERT INTO message (conversation_id, direction, author, wamid, type, content, status)
                   SELECT id, 'in', 'customer', %s, 'text', '{}', 'received' FROM c""",
                (one.channel_id, found, str(number)),
            )
    who = [await resolved(pool, contact) for contact in who]
    group = components(told)
    for a, b in itertools.combinations(range(len(told)), 2):
        assert who[a] != who[b] or group[a] == group[b]
    async with pool.connection() as conn:
        cursor = await conn.execute(
            """SELECT m.wamid::int, c.contact_id FROM message m JOIN conversation c ON c.id = m.conversation_id
               ORDER BY 1"""
        )
        assert [(row[0], row[1]) for row in await cursor.fetchall()] == list(enumerate(who))
        cursor = await conn.execute(
            """SELECT count(*) FROM contact_key a JOIN contact_key b USING (contact_id)
               WHERE a.kind = 'user_id' AND b.kind = 'user_id' AND a.value < b.value AND a.scopes && b.scopes"""
        )
        # An account of ours knows nobody by two ids, unless Meta says so; what several accounts say may clash.
        assert await cursor.fetchone() == (0,) or len({one.channel_id for one in told}) > 1


@dataclass(frozen=True)
class Told:
    """Something that a person of the story did."""

    person: str
    at: int
    ids: Ids
    new: Ids | None = None


# Ana moves from the first number to the second; Bia gets the first one later, and Caio had the second one before.
STORY = [
    Told("Caio", -9_000_000, Ids("551155550002", "BR.C")),
    Told("Ana", 10, Ids("551155550001", "BR.A1")),
    Told("Ana", 50, Ids("551155550001", "BR.A1")),
    Told("Ana", 100, Ids("551155550001", "BR.A1"), Ids("551155550002", "BR.A2")),
    Told("Ana", 150, Ids("551155550002", "BR.A2")),
    Told("Bia", 9_000_000, Ids("551155550001", "BR.B")),
    Told("Bia", 9_000_100, Ids("551155550001", "BR.B")),
]


async def told_in(pool: Pool, story: list[Told]) -> dict[str, set[UUID]]:
    """Who the people of the story are, told in this order."""
    await emptied(pool)
    found: list[tuple[str, UUID]] = []
    for one in story:
        async with pool.connection() as conn, conn.transaction():
            said_so = statement(one.at)
            if one.new:
                contact = await number_changed(conn, one.ids, one.new, said_so)
            else:
                contact = await customer_for(conn, one.ids, said_so)
        found.append((one.person, contact))
    who: dict[str, set[UUID]] = {}
    for person, contact in found:
        who.setdefault(person, set()).add(await resolved(pool, contact))
    return who


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(STORY))
async def test_everybody_is_one_contact_in_whatever_order_the_story_is_told(pool: Pool, order: list[Told]) -> None:
    who = await told_in(pool, order)
    assert all(len(found) == 1 for found in who.values()), who
    assert len(set.union(*who.values())) == 3


async def test_so_it_is_without_user_ids_when_it_is_told_in_order(pool: Pool) -> None:
    plain = [Told(one.person, one.at, Ids(one.ids.number), Ids(one.new.number) if one.new else None) for one in STORY]
    who = await told_in(pool, plain)
    assert [len(found) for found in who.values()] == [1, 1, 1]
    assert len(set.union(*who.values())) == 3


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ids=st.permutations(["BR.1", "BR.2", "BR.3"]), order=st.permutations(range(5)))
async def test_user_ids_that_meta_says_are_one_persons_are(pool: Pool, ids: list[str], order: list[int]) -> None:
    await emptied(pool)
    one, two, three = ids
    found = []
    for step in order:
        async with pool.connection() as conn, conn.transaction():
            match step:
                case 0 | 1 | 2:
                    found.append(await customer_for(conn, Ids(MARIA, ids[step]), statement(step * 10)))
                case 3:
                    found.append(await user_id_changed(conn, one, Ids(MARIA, two), statement(9)))
                case _:
                    found.append(await user_id_changed(conn, two, Ids(MARIA, three), statement(19)))
    assert len({await resolved(pool, contact) for contact in found}) == 1
    async with pool.connection() as conn:
        known = await contacts.keys_of(conn, await resolved(pool, found[0]))
    assert {Key("user_id", name) for name in ids} <= set(known)


async def test_a_preference_and_a_handover_know_the_customer_by_any_key(inbox: Inbox) -> None:
    told = {"user_id": OLD_ID, "category": "marketing_messages", "timestamp": T, "value": "stop"}
    await inbox.take(by(MARIA, OLD_ID, "a"), change({"user_preferences": [told]}, "user_preferences"))
    await inbox.take(zoo("messaging_handovers", "given_to_metas_agent"))
    assert await inbox.sql("SELECT count(*), min(marketing) FROM contact") == [(1, "stop")]
