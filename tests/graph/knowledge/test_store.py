"""Versions: a draft is not used, a published version takes the place of the one before, and what goes is gone."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from pydantic import ValidationError

from graph.knowledge.data import NotFoundError
from graph.knowledge.store import RETIRED_KEPT
from graph.knowledge.tables import Knowledge, create_tables
from tests.graph.knowledge.conftest import PIX, SmallModel, published, question


async def answers(known: Knowledge, asked: str = "vcs aceitam pix?", **where: str) -> list[str]:
    return [one.body for one in await known.search.find(asked, 5, **where)]


async def test_a_draft_is_not_found_until_it_is_published(known: Knowledge) -> None:
    draft = await known.sources.write(PIX)
    assert await answers(known) == []
    assert await known.sources.publish(draft.source_id) == 1
    assert await answers(known) == [PIX.content]


async def test_a_new_version_takes_the_place_of_the_old_one_at_once(known: Knowledge) -> None:
    first = await published(known, PIX)
    await known.sources.write(PIX.model_copy(update={"content": "Só aceitamos Pix."}), first.source_id)
    assert await answers(known) == [PIX.content]
    await known.sources.publish(first.source_id)
    assert await answers(known) == ["Só aceitamos Pix."]
    [found] = await known.search.find("aceitam pix?", 5)
    assert found.version == 2


async def test_every_reader_sees_exactly_one_version_while_it_is_replaced(known: Knowledge) -> None:
    first = await published(known, PIX)

    async def replace() -> None:
        for number in range(4):
            await known.sources.write(PIX.model_copy(update={"content": f"Pix, texto {number}."}), first.source_id)
            await known.sources.publish(first.source_id)

    async def read() -> list[int]:
        return [len(await answers(known)) for _ in range(8)]

    _, *seen = await asyncio.gather(replace(), read(), read())
    assert {count for counts in seen for count in counts} == {1}


@pytest.mark.parametrize("end", ["take back", "delete", "expire"])
async def test_what_is_taken_back_deleted_or_expired_is_not_found_by_the_next_search(
    known: Knowledge, database: str, end: str
) -> None:
    version = await published(known, PIX)
    assert await answers(known)
    if end == "take back":
        await known.sources.take_back(version.source_id)
    elif end == "delete":
        await known.sources.delete(version.source_id)
    else:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("UPDATE knowledge.version SET valid_until = now()")
    assert await answers(known) == []


async def test_a_deleted_source_leaves_nothing(known: Knowledge, database: str) -> None:
    version = await published(known, PIX)
    await known.sources.delete(version.source_id)
    with psycopg.connect(database) as connection:
        for table in ("source", "version", "passage", "word", "embedding"):
            assert connection.execute(f"SELECT count(*) FROM knowledge.{table}").fetchone() == (0,)


async def test_only_what_is_for_this_department_and_number_is_found(known: Knowledge) -> None:
    await published(known, PIX.model_copy(update={"department": "sales"}))
    await published(known, PIX.model_copy(update={"channel_id": "1", "content": "Pix no número 1."}))
    assert await answers(known) == []
    assert await answers(known, department="sales") == [PIX.content]
    assert await answers(known, channel_id="1") == ["Pix no número 1."]


async def test_nothing_is_found_before_its_time(known: Knowledge) -> None:
    await published(known, PIX.model_copy(update={"valid_from": datetime.now(UTC) + timedelta(hours=1)}))
    assert await answers(known) == []


async def test_unknown_sources_are_said_to_be_unknown(known: Knowledge) -> None:
    version = await known.sources.write(PIX)
    await known.sources.delete(version.source_id)
    for change in (known.sources.publish, known.sources.take_back, known.sources.delete):
        with pytest.raises(NotFoundError):
            await change(version.source_id)
    with pytest.raises(NotFoundError):
        await known.sources.write(PIX, version.source_id)


async def test_a_source_keeps_a_bounded_number_of_old_versions(known: Knowledge) -> None:
    first = await published(known, PIX)
    for number in range(RETIRED_KEPT + 3):
        await known.sources.write(PIX.model_copy(update={"content": f"Pix {number}"}), first.source_id)
        await known.sources.publish(first.source_id)
    assert len(await known.sources.versions(first.source_id)) == RETIRED_KEPT + 1


async def test_the_list_has_the_newest_version_of_each_source(known: Knowledge) -> None:
    first = await published(known, PIX)
    await known.sources.write(PIX.model_copy(update={"title": "Formas de pagamento?"}), first.source_id)
    await known.sources.write(question("Vocês abrem aos sábados?", "Sim, das 9h às 13h."))
    assert [(one.title, one.state) for one in await known.sources.sources("pagamento")] == [
        ("Formas de pagamento?", "draft")
    ]
    assert len(await known.sources.sources()) == 2


async def test_making_the_tables_again_changes_nothing(known: Knowledge, database: str) -> None:
    await published(known, PIX)
    assert await create_tables(database)
    assert await answers(known) == [PIX.content]


async def test_vectors_are_made_later_where_the_model_was_away(known: Knowledge, model: SmallModel) -> None:
    model.away = True
    version = await known.sources.write(PIX)
    await known.sources.publish(version.source_id)
    with pytest.raises(TimeoutError):
        await known.vectors.embed_missing()
    [found] = await known.search.find("aceitam pix?", 5)
    assert found.similarity is None
    model.away = False
    assert await known.vectors.embed_missing() == 1
    assert await known.vectors.embed_missing() == 0
    [found] = await known.search.find("aceitam pix?", 5)
    assert (found.similarity or 0) > 0.4


def test_a_link_for_customers_is_an_address_of_the_web() -> None:
    for wrong in ("http://a.example", "javascript:alert(1)", "https://", "https://a b"):
        with pytest.raises(ValidationError):
            question("a", "b", link=wrong)
