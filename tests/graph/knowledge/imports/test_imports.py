"""Imports: a file becomes a draft once, whatever server reads it, and a cancelled one becomes nothing."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest

from graph.files.whole import WHOLE_READER, read_whole
from graph.knowledge import tables
from graph.knowledge.imports import formats, worker
from graph.knowledge.imports.formats import FILE_BYTES_LIMIT, File, texts_of
from graph.knowledge.imports.rows import ATTEMPTS_LIMIT, Import, Imports
from graph.knowledge.routes import ROUTES
from graph.knowledge.tables import Knowledge
from graph.server.server import make_app
from graph.settings import settings
from tests.graph.files import bombs

CARE = bombs.pages("Lave as lentes com a solucao multiuso.", "Nunca use agua da torneira.")


@pytest.fixture
async def people(known: Knowledge, environment: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    environment.setenv("KNOWLEDGE_TOKEN", "knowledge-token")
    settings.cache_clear()
    transport = httpx.ASGITransport(make_app(ROUTES, settings(), development=False))
    token = {"authorization": "Bearer knowledge-token"}
    async with httpx.AsyncClient(transport=transport, base_url="http://agent", headers=token) as client:
        yield client


@pytest.fixture
async def other(known: Knowledge, database: str) -> AsyncIterator[Knowledge]:
    """The knowledge as another server has it."""
    server = Knowledge(database)
    yield server
    await server.close()


async def give(people: httpx.AsyncClient, name: str, content: bytes, **more: str) -> Import:
    answer = await people.post("/knowledge/imports", params={"name": name, **more}, content=content)
    return Import.model_validate(answer.raise_for_status().json())


async def test_a_pdf_becomes_a_draft_that_is_tried_and_published(people: httpx.AsyncClient, known: Knowledge) -> None:
    waiting = await give(people, "Cuidados_com-lentes.pdf", CARE)
    assert (waiting.state, waiting.source_id) == ("waiting", None)
    assert await known.worker.read_next()
    assert not await known.worker.read_next()
    done = (await people.get(f"/knowledge/imports/{waiting.id}")).json()
    assert (done["state"], done["progress"], done["problem"]) == ("done", 100, None)
    [draft] = (await people.get(f"/knowledge/sources/{done['source_id']}")).json()
    assert (draft["kind"], draft["title"], draft["state"]) == ("pdf", "Cuidados com lentes", "draft")
    asked = {"question": "pode lavar com agua da torneira?"}
    assert (await people.post("/knowledge/try", json=asked)).json()["passages"] == []
    tried = (await people.post("/knowledge/try", json=asked | {"source_id": done["source_id"]})).json()
    assert tried["passages"][0]["answers"]
    await people.post(f"/knowledge/sources/{done['source_id']}/publish")
    assert "torneira" in (await known.search.find(asked["question"], 1))[0].body
    assert [one["id"] for one in (await people.get("/knowledge/imports")).json()] == [str(waiting.id)]


async def test_the_same_file_twice_changes_nothing(people: httpx.AsyncClient, known: Knowledge, database: str) -> None:
    first = await give(people, "a.pdf", CARE)
    assert (await give(people, "a.pdf", CARE)).id == first.id  # it still waits
    await known.worker.read_next()
    await known.sources.publish((await known.imports.one(first.id)).source_id)  # type: ignore[arg-type]
    again = await give(people, "b.pdf", CARE)
    assert (again.state, again.source_id) == ("done", (await known.imports.one(first.id)).source_id)
    assert not await known.worker.read_next()
    assert [(one.number, one.state) for one in await known.sources.versions(again.source_id)] == [(1, "published")]  # type: ignore[arg-type]
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM knowledge.import WHERE content IS NOT NULL").fetchone() == (0,)


async def test_a_new_file_of_a_source_becomes_its_draft_and_keeps_what_people_set(
    people: httpx.AsyncClient, known: Knowledge
) -> None:
    await give(people, "a.pdf", CARE)
    await known.worker.read_next()
    [version] = await known.sources.sources()
    text = (await texts_of(File("a.pdf", formats.PDF, CARE), print))[0]
    await known.sources.write(text.model_copy(update={"title": "Cuidados", "department": "support"}), version.source_id)
    await known.sources.publish(version.source_id)
    await give(people, "novo.docx", bombs.word("Lave as mãos antes."), source_id=str(version.source_id))
    await known.worker.read_next()
    draft, published = await known.sources.versions(version.source_id)
    assert (draft.kind, draft.title, draft.department) == ("docx", "Cuidados", "support")
    assert draft.content.startswith("Lave as mãos antes.")
    assert (published.state, "multiuso" in published.content) == ("published", True)


async def test_a_markdown_file_may_have_several_questions(people: httpx.AsyncClient, known: Knowledge) -> None:
    text = '+++\nkind = "qa"\n+++\n## Aceitam Pix?\nSim.\n## Emitem nota?\nSim.'
    await give(people, "perguntas.md", text.encode())
    await known.worker.read_next()
    assert sorted(one.title for one in await known.sources.sources()) == ["Aceitam Pix?", "Emitem nota?"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.xlsx", b"x", "not_supported"),
        ("a", b"x", "not_supported"),
        ("a.pdf", b"", "empty"),
        pytest.param("a.pdf", bytes(FILE_BYTES_LIMIT + 1), "too_large", id="too large"),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_at_once(
    people: httpx.AsyncClient, name: str, content: bytes, code: str
) -> None:
    answer = await people.post("/knowledge/imports", params={"name": name}, content=content)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["detail"].endswith(".")


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("a.pdf", b"<html></html>", "not_pdf", "não é um PDF"),
        pytest.param("a.pdf", bombs.pages(""), "scanned", "só tem imagens", id="scanned"),
        pytest.param("a.doc", b"\xd0\xcf\x11\xe0" + bytes(512), "old_word", "senha", id="old Word"),
        ("a.md", b"+++\nkind = qa\n+++\nx", "settings", "not TOML"),
        pytest.param("a.txt", b"x" * 400_001, "too_long", "400.000 caracteres", id="too long"),
    ],
)
async def test_what_is_wrong_with_a_file_is_said_in_a_sentence(
    people: httpx.AsyncClient, known: Knowledge, name: str, content: bytes, code: str, words: str
) -> None:
    given = await give(people, name, content)
    await known.worker.read_next()
    failed = await known.imports.one(given.id)
    assert (failed.state, failed.problem_code, failed.source_id) == ("failed", code, None)
    assert words in (failed.problem or "")
    assert await known.sources.sources() == []


@pytest.fixture
def slow(tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    """Files that are read without an end, after the first 40 %."""
    script = tmp_path / "child.py"
    script.write_text('import time\nprint(\'{"text": "x", "done": 40}\', flush=True)\ntime.sleep(600)')
    reader = replace(WHOLE_READER, command=(sys.executable, "-I", "-S", str(script)))
    environment.setattr(formats, "read_whole", partial(read_whole, reader=reader))
    environment.setattr(worker, "HEARTBEAT_SECONDS", 0.05)


async def until(imports: Imports, given: Import, true: Callable[[Import], bool]) -> Import:
    async with asyncio.timeout(20):
        while not true(found := await imports.one(given.id)):
            await asyncio.sleep(0.02)
    return found


@pytest.mark.usefixtures("slow")
async def test_a_long_file_shows_progress_and_is_cancelled_by_any_server(
    people: httpx.AsyncClient, known: Knowledge, other: Knowledge
) -> None:
    given = await give(people, "a.pdf", CARE)
    reading = asyncio.create_task(other.worker.read_next())
    assert (await until(known.imports, given, lambda one: one.progress == 40)).state == "reading"
    cancelled = (await people.post(f"/knowledge/imports/{given.id}/cancel")).json()
    assert cancelled["state"] == "cancelled"
    async with asyncio.timeout(20):
        assert await reading
    assert (await known.imports.one(given.id)).state == "cancelled"
    assert await known.sources.sources() == []
    assert (await people.post(f"/knowledge/imports/{given.id}/cancel")).json()["state"] == "cancelled"


async def test_another_server_goes_on_where_one_ended_and_the_first_one_writes_no_more(
    people: httpx.AsyncClient, known: Knowledge, other: Knowledge, database: str
) -> None:
    given = await give(people, "a.pdf", CARE)
    lost = await other.imports.claim()
    assert lost is not None
    assert not await known.worker.read_next()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE knowledge.import SET lease_until = now() - interval '1 second'")
    assert await known.worker.read_next()
    assert (await known.imports.one(given.id)).state == "done"
    file = File("a.pdf", formats.PDF, CARE)
    assert not await other.imports.keep(lost, 50)
    assert not await other.imports.finish(lost, file, await texts_of(file, print))
    assert len(await known.sources.sources()) == 1


async def test_a_file_that_ends_its_servers_is_given_up(
    people: httpx.AsyncClient, known: Knowledge, database: str
) -> None:
    given = await give(people, "a.pdf", CARE)
    with psycopg.connect(database, autocommit=True) as connection:
        for _ in range(ATTEMPTS_LIMIT):
            assert await known.imports.claim()
            connection.execute("UPDATE knowledge.import SET lease_until = now() - interval '1 second'")
    assert await known.imports.claim() is None
    failed = await known.imports.one(given.id)
    assert (failed.state, failed.problem_code) == ("failed", "interrupted")


async def test_a_file_that_was_cancelled_while_it_was_read_is_not_written(
    people: httpx.AsyncClient, known: Knowledge, other: Knowledge
) -> None:
    given = await give(people, "a.pdf", CARE)
    claimed = await other.imports.claim()
    assert claimed is not None
    await known.imports.cancel(given.id)
    file = File("a.pdf", formats.PDF, CARE)
    assert not await other.imports.finish(claimed, file, await texts_of(file, print))
    assert await known.sources.sources() == []


async def test_rows_have_an_age(people: httpx.AsyncClient, known: Knowledge, database: str) -> None:
    given = await give(people, "a.pdf", CARE)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE knowledge.import SET created_at = now() - interval '31 days'")
    assert await known.imports.claim() is None
    assert (await people.get(f"/knowledge/imports/{given.id}")).status_code == 404


async def test_a_worker_is_woken_by_a_new_file(people: httpx.AsyncClient, known: Knowledge) -> None:
    running = asyncio.create_task(tables.knowledge().worker.run())
    try:
        given = await give(people, "a.txt", b"Aceitamos Pix.")
        await until(known.imports, given, lambda one: one.state == "done")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize(
    ("send", "status"),
    [
        (lambda people: people.post("/knowledge/imports", json={"url": "ftp://a.example/x"}), 422),
        (lambda people: people.post("/knowledge/imports", json={"url": "https://user:word@a.example"}), 422),
        (lambda people: people.post("/knowledge/imports", json={}), 422),
        (lambda people: people.post("/knowledge/imports", params={"name": "a.pdf\0"}, content=b"x"), 422),
        (lambda people: people.post(f"/knowledge/imports?name=a.pdf&source_id={uuid4()}", content=b"x"), 404),
        (lambda people: people.get(f"/knowledge/imports/{uuid4()}"), 404),
        (lambda people: people.post(f"/knowledge/imports/{uuid4()}/cancel"), 404),
        (lambda people: people.get("/knowledge/sources?q=%00"), 422),
    ],
)
async def test_wrong_requests_are_refused(
    people: httpx.AsyncClient, send: Callable[[httpx.AsyncClient], httpx.Response], status: int
) -> None:
    assert (await send(people)).status_code == status  # type: ignore[misc]
