"""Search of people: names, numbers however they are written, and words of messages."""

import random
from uuid import UUID

import psycopg
import pytest

from gateway.store.database import Pool
from gateway.store.desk import search
from gateway.store.people import people
from gateway.store.people.people import Person, Role
from tests.gateway.console.desk import Desk


@pytest.fixture
def desk(database):
    with Desk(database) as desk:
        yield desk


async def person(pool: Pool, **more: object) -> Person:
    async with pool.connection() as conn:
        found = await people.find(conn, await people.add(conn, "ana", "Ana", Role.ATTENDANT, **more))  # type: ignore[arg-type]
    assert found
    return found


async def names(pool: Pool, ana: Person, words: str) -> list[str | None]:
    async with pool.connection() as conn:
        return [row.customer_name for row in (await search.customers(conn, ana, words)).rows]


async def test_a_customer_is_found_by_names_with_or_without_accents(pool, desk) -> None:
    found = desk.conversation("João d'Ávila da Conceição", "5511987654321")
    desk.conversation("Maria%_\\ Souza", "5511900000000")
    with_name = (
        "UPDATE contact SET user_name = 'jconceicao' WHERE id = (SELECT contact_id FROM conversation WHERE id = %s)"
    )
    async with pool.connection() as conn:
        await conn.execute(with_name, (found,))
    ana = await person(pool)
    for words in ("joao", "João", "CONCEIÇÃO", "conceicao joao", "joão da", "jconceicao", "João d'Ávila"):
        assert await names(pool, ana, words) == ["João d'Ávila da Conceição"], words


async def test_marks_of_queries_are_letters_and_find_nobody(pool, desk) -> None:
    conversation = desk.conversation("João", "5511987654321")
    desk.said(conversation, "Oi")
    ana = await person(pool)
    for words in ("%%%", "___", "zz\\", "jo", "", "'; DROP TABLE contact; --", "\x02<b>:*&|!()", "a <-> b | (c", "'"):
        assert await names(pool, ana, words) == []
        async with pool.connection() as conn:
            assert await search.messages(conn, ana, words) == search.Found([])
            await search.similar(conn, ana, words)


@pytest.mark.parametrize("stored", ["5511987654321", "551187654321"])
async def test_a_number_is_found_however_it_is_written(pool, desk, stored) -> None:
    desk.conversation("Carla", stored)
    desk.conversation("Outra", "5521912340000")
    ana = await person(pool)
    for words in (
        "5511987654321", "+55 11 98765-4321", "(11) 98765-4321", "011 98765-4321", "11 8765-4321", "98765-4321",
        "87654321", "4321", "551187654321",
    ):  # fmt: skip
        assert await names(pool, ana, words) == ["Carla"], words


async def test_no_search_tells_a_number_that_is_masked(pool, desk) -> None:
    desk.conversation("Carla", "5511987654321")
    ana = await person(pool, masks_numbers=True)
    for words in ("5511987654321", "98765-4321", "4321", "987654321"):
        assert await names(pool, ana, words) == []
        async with pool.connection() as conn:
            assert await search.similar(conn, ana, words) == []


async def test_a_name_with_typing_errors_is_like_the_right_one(pool, desk) -> None:
    desk.conversation("Carla Menezes", "5511987654321")
    desk.conversation("Bruno Alves", "5511987654322")
    ana = await person(pool)
    assert await names(pool, ana, "carla menezis") == []
    async with pool.connection() as conn:
        for words in ("carla menezis", "Meneses", "crala menezes"):
            assert [row.customer_name for row in await search.similar(conn, ana, words)] == ["Carla Menezes"], words


async def test_messages_are_found_by_stems_without_accents_and_by_beginnings(pool, desk) -> None:
    one = desk.conversation("Carla", "5511987654321")
    message = desk.said(one, "As lentes tóricas do pedido 12345 chegaram? carla@loja.com.br bem-vinda")
    desk.said(desk.conversation("Bruno", "5511987654322"), "Bom dia")
    ana = await person(pool)
    async with pool.connection() as conn:
        for words in (
            "lente",
            "LENTES torica",
            "tórica",
            "pedido 12345",
            "123",
            "chegaram",
            "carla@loja.com",
            "bem-vinda",
        ):
            hits = (await search.messages(conn, ana, words)).hits
            assert [hit.id for hit in hits] == [message], words
            assert [id_ for id_, _ in await search.inside(conn, words, one)] == [message], words
            assert search.BEGINS in hits[0].text
        for words in ("lentes azuis", "de"):
            assert await search.messages(conn, ana, words) == search.Found([]), words
            assert await search.inside(conn, words, one) == [], words


async def test_search_shows_only_departments_that_a_person_sees(pool, desk) -> None:
    for department in ("vendas", "suporte", None):
        one = desk.conversation(f"Carla {department}", f"55119{len(department or ''):08}", department=department)
        desk.said(one, "Quero trocar o grau")
    ana = await person(pool, departments=["vendas"])
    async with pool.connection() as conn:
        hits = {hit.customer_name for hit in (await search.messages(conn, ana, "grau")).hits}
        like = {row.customer_name for row in await search.similar(conn, ana, "Carla")}
    assert hits == like == set(await names(pool, ana, "carla")) == {"Carla vendas", "Carla None"}


async def every(pool: Pool, ana: Person, words: str, limit: int) -> list[UUID]:
    """Return what all pages of a search hold, in their order."""
    found: list[UUID] = []
    before: int | None = None
    async with pool.connection() as conn:
        while True:
            page = await search.messages(conn, ana, words, limit=limit, before=before)
            found += [hit.id for hit in page.hits]
            if (before := page.next) is None:
                return found


async def test_pages_show_each_hit_once_and_taken_back_messages_never(pool, desk) -> None:
    one = desk.conversation("Carla", "5511987654321")
    said = [desk.said(one, f"grau {place}") for place in range(7)]
    async with pool.connection() as conn:
        await conn.execute("UPDATE message SET revoked_at = now() WHERE id = %s", (said.pop(3),))
    other = desk.conversation("Carla B", "5511987654322")
    last = desk.said(other, "grau")
    ana = await person(pool)
    async with pool.connection() as conn:
        assert [id_ for id_, _ in await search.inside(conn, "grau", one)] == said[::-1]
        first = await search.customers(conn, ana, "carla", limit=1)
        second = await search.customers(conn, ana, "carla", limit=1, after=first.next)
    assert await every(pool, ana, "grau", 2) == [last, *said[::-1]]
    assert [row.id for row in (*first.rows, *second.rows)] == [other, one]
    assert second.next is None


@pytest.mark.parametrize("departments", [None, ["vendas"]])
async def test_however_many_blocks_are_looked_into_the_newest_come_first_and_each_once(
    pool, desk, database, monkeypatch, departments
) -> None:
    for name, value in {"_BLOCKS": 3, "_RECENT_BLOCKS": 1, "_MOST_JUDGED": 4}.items():
        monkeypatch.setattr(search, name, value)
    seen = desk.conversation("Carla", "5511987654320", department="vendas")
    unseen = desk.conversation("Carla", "5511987654321", department="exames")
    chance, said = random.Random(5), list[tuple[bool, UUID]]()  # noqa: S311  # not for secrets
    for number in range(120):  # many with the word, then few, then none among the newest
        has = chance.random() < (0.5 if number < 60 else 0.05 if number < 100 else 0)
        hidden = chance.random() < 0.4
        message = desk.said(unseen if hidden else seen, "graus" if has else "oi")
        said.append((has and not (hidden and departments), message))
    with psycopg.connect(database) as conn:  # as if 4,000 others had been written after each
        conn.execute("ALTER TABLE message ALTER seq SET GENERATED BY DEFAULT")
        conn.execute("UPDATE message SET seq = seq * 4000 + 1_000_000_000")
    wanted = [id_ for has, id_ in reversed(said) if has]
    ana = await person(pool, departments=departments)
    for words in ("grau", "gra"):
        for limit in (1, 3, 100):
            assert await every(pool, ana, words, limit) == wanted, (words, limit)


async def test_a_search_that_looked_at_the_newest_alone_says_so(pool, desk, monkeypatch) -> None:
    monkeypatch.setattr(search, "_MOST_JUDGED", 3)
    seen = desk.said(desk.conversation("Carla", "5511987654320"), "grau")
    other = desk.conversation("Bruno", "5511987654321", department="exames")
    for _ in range(3):
        desk.said(other, "grau")
    ana = await person(pool, departments=["vendas"])
    async with pool.connection() as conn:
        first = await search.messages(conn, ana, "grau", limit=2)
        assert (first.hits, first.sought) == ([], False)
        second = await search.messages(conn, ana, "grau", limit=2, before=first.next)
    assert ([hit.id for hit in second.hits], second.sought, second.next) == ([seen], True, None)


async def test_searches_ask_indexes_and_read_no_table_as_a_whole(pool, desk, database) -> None:
    conversation = desk.conversation("Carla Menezes", "5511987654321", department="vendas")
    desk.said(conversation, "Lentes tóricas")
    ana = await person(pool, departments=["vendas"])
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute(_MANY)
        conn.execute("VACUUM ANALYZE message, conversation, contact, contact_key")
        conn.execute("SELECT pg_stat_force_next_flush()")
        before = _scans(conn)
        async with pool.connection() as looking:
            # As Postgres would for large tables: it reads one as a whole only where no index can be used.
            await looking.execute("SET enable_seqscan = off")
            for words in ("lente", "tori", "Carla", "98765-4321", "ninguém disse isto"):
                await search.messages(looking, ana, words)
                await search.inside(looking, words, conversation)
                await search.customers(looking, ana, words)
                await search.similar(looking, ana, words)
                await looking.execute("SELECT pg_stat_force_next_flush()")
                assert (words, _scans(conn)) == (words, before)


#: 4,000 other customers with a message each.
_MANY = """
SET session_replication_role = replica;
INSERT INTO contact (id, name) SELECT md5('c' || n)::uuid, 'Nome ' || n FROM generate_series(1, 4000) n;
INSERT INTO contact_key (kind, value, contact_id)
SELECT 'wa_id', '55119' || lpad(n::text, 8, '0'), md5('c' || n)::uuid FROM generate_series(1, 4000) n;
INSERT INTO conversation (id, channel_id, contact_id, last_at)
SELECT md5('v' || n)::uuid, '106540352242922', md5('c' || n)::uuid, now() FROM generate_series(1, 4000) n;
INSERT INTO message (conversation_id, direction, author, type, content, status)
SELECT md5('v' || n)::uuid, 'in', 'customer', 'text', jsonb_build_object('kind', 'text', 'text', 'Lentes ' || n),
       'received'
FROM generate_series(1, 4000) n;
"""


def _scans(conn: psycopg.Connection) -> dict[str, int]:
    rows = conn.execute(
        """SELECT relname, seq_scan FROM pg_stat_user_tables
           WHERE relname IN ('message', 'conversation', 'contact', 'contact_key')"""
    ).fetchall()
    return dict(rows)


async def test_nobody_waits_long_for_a_guess(pool, desk, database) -> None:
    desk.conversation("Carla Menezes", "5511987654321")
    ana = await person(pool)
    async with pool.connection() as conn:
        assert len(await search.similar(conn, ana, "Karla Menezis")) == 1
        with psycopg.connect(database) as other:
            other.execute("LOCK TABLE contact")  # stands for names that take long to compare
            assert await search.similar(conn, ana, "Karla Menezis") == []
        assert len(await search.similar(conn, ana, "Karla Menezis")) == 1
