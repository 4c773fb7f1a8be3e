"""Search of people: names, numbers however they are written, and words of messages."""

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
            assert await search.messages(conn, ana, words) == []
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
            hits = await search.messages(conn, ana, words)
            assert [hit.id for hit in hits] == [message], words
            assert search.BEGINS in hits[0].text
        for words in ("lentes azuis", "de"):
            assert await search.messages(conn, ana, words) == [], words


async def test_search_shows_only_departments_that_a_person_sees(pool, desk) -> None:
    for department in ("vendas", "suporte", None):
        one = desk.conversation(f"Carla {department}", f"55119{len(department or ''):08}", department=department)
        desk.said(one, "Quero trocar o grau")
    ana = await person(pool, departments=["vendas"])
    async with pool.connection() as conn:
        hits = {hit.customer_name for hit in await search.messages(conn, ana, "grau")}
        like = {row.customer_name for row in await search.similar(conn, ana, "Carla")}
    assert hits == like == set(await names(pool, ana, "carla")) == {"Carla vendas", "Carla None"}


async def test_pages_show_each_hit_once_and_taken_back_messages_never(pool, desk) -> None:
    one = desk.conversation("Carla", "5511987654321")
    said = [desk.said(one, f"grau {place}") for place in range(7)]
    async with pool.connection() as conn:
        await conn.execute("UPDATE message SET revoked_at = now() WHERE id = %s", (said.pop(3),))
    other = desk.conversation("Carla B", "5511987654322")
    desk.said(other, "grau")
    ana, found, before = await person(pool), [], None
    async with pool.connection() as conn:
        while hits := await search.messages(conn, ana, "grau", conversation_id=one, limit=2, before=before):
            found += [hit.id for hit in hits]
            before = hits[-1].seq
        first = await search.customers(conn, ana, "carla", limit=1)
        second = await search.customers(conn, ana, "carla", limit=1, after=first.next)
    assert found == said[::-1]
    assert [row.id for row in (*first.rows, *second.rows)] == [other, one]
    assert second.next is None


async def test_pages_of_a_frequent_and_of_a_rare_word_hold_each_message_once(pool, desk) -> None:
    conversation = desk.conversation("Carla", "5511987654321")
    rare = [desk.said(conversation, "Lentes tóricas") for _ in range(3)]
    frequent = [desk.said(conversation, "Lentes") for _ in range(search._READ + 20)]
    ana = await person(pool)
    for inside in (None, conversation):
        for words, wanted in (("lente", rare + frequent), ("torica", rare)):
            found: list[search.Hit] = []
            async with pool.connection() as conn:
                while page := await search.messages(
                    conn, ana, words, conversation_id=inside, limit=100, before=found[-1].seq if found else None
                ):
                    found += page
            assert [hit.id for hit in found] == wanted[::-1]


async def test_nobody_waits_long_for_a_guess(pool, desk, database) -> None:
    desk.conversation("Carla Menezes", "5511987654321")
    ana = await person(pool)
    async with pool.connection() as conn:
        assert len(await search.similar(conn, ana, "Karla Menezis")) == 1
        with psycopg.connect(database) as other:
            other.execute("LOCK TABLE contact")  # stands for names that take long to compare
            assert await search.similar(conn, ana, "Karla Menezis") == []
        assert len(await search.similar(conn, ana, "Karla Menezis")) == 1
