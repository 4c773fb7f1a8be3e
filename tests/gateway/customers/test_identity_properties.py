"""Identity, from any messages in any order (property-based)."""

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.customers.identity import customer_for, number_changed, user_id_changed
from gateway.customers.statements import Ids, Statement
from gateway.store.customers import contacts
from gateway.store.customers.contacts import Key
from gateway.store.database import Pool
from gateway.whatsapp.numbers import wa_id_variants
from tests.gateway.support.customers import OLD_ID, _events, by
from tests.gateway.support.deliveries import MARIA, T, change, zoo
from tests.gateway.support.harness import Gateway

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
    return Statement(datetime.fromtimestamp(T + at, UTC), channel_id, (f"account {channel_id}",), next(_events))


async def emptied(pool: Pool) -> None:
    async with pool.connection() as conn:
        for table in ("message", "turn", "conversation", "contact_merge", "contact"):
            await conn.execute(f"DELETE FROM {table}")


async def resolved(pool: Pool, contact: UUID) -> UUID:
    async with pool.connection() as conn:
        return await contacts.current_id(conn, contact)


def components(told: list[Named]) -> list[int]:
    """Group messages that share strong keys; return the number of the group of each message."""
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
    """An action of a person of the story."""

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
    """Return the contact of each person after the story was processed in this order."""
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


async def test_a_preference_and_a_handover_know_the_customer_by_any_key(gateway: Gateway) -> None:
    told = {"user_id": OLD_ID, "category": "marketing_messages", "timestamp": T, "value": "stop"}
    await gateway.take(by(MARIA, OLD_ID, "a"), change({"user_preferences": [told]}, "user_preferences"))
    await gateway.take(zoo("messaging_handovers", "given_to_metas_agent"))
    assert await gateway.sql("SELECT count(*), min(marketing) FROM contact") == [(1, "stop")]
