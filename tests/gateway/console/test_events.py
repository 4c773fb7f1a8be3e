"""The stream of changes: nothing is skipped, nothing told to people who are signed out."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import orjson
import psycopg
import pytest
from starlette.requests import Request

from gateway.console.listener import Listener
from gateway.console.live.events import EVENTS, Events, Stream
from gateway.console.live.shared_reads import SharedReads
from gateway.store.desk import changes
from gateway.store.people.people import Role
from tests.gateway.console.test_routes import parts


@pytest.fixture
async def listener(database):
    listener = Listener(database)
    async with listener.running():
        yield listener


async def told(stream: Stream) -> list[dict[str, str]]:
    """Return the changes of the next event that has any."""
    async for event in stream.events():
        if b"event: changes" in event:
            found: list[dict[str, str]] = orjson.loads(event.partition(b"data: ")[2])
            return found
    raise AssertionError("the stream ended")


async def test_an_older_transaction_that_commits_later_is_told_too(pool, desk, database, listener) -> None:
    first, second = desk.conversation("Carla", "5511987654321"), desk.conversation("Davi", "5511987654322")
    async with pool.connection() as conn:
        cursor = await changes.newest(conn)
    with psycopg.connect(database) as older:  # has changed something, and has not committed
        older.execute("UPDATE conversation SET holder = 'person' WHERE id = %s", (first,))
        desk.waits(second, "Pediu uma pessoa")
        stream = Stream(pool, listener, SharedReads(pool), uuid4(), cursor)
        waiting = asyncio.create_task(told(stream))
        await asyncio.sleep(0.3)
        older.commit()
    seen = {one["conversation"] for one in await asyncio.wait_for(waiting, 10)}
    if seen != {str(first), str(second)}:
        seen |= {one["conversation"] for one in await asyncio.wait_for(told(stream), 10)}
    assert seen == {str(first), str(second)}


async def test_after_sleep_the_last_event_id_leads_to_what_an_older_transaction_did(
    pool, desk, database, listener
) -> None:
    first, second = desk.conversation("Carla", "5511987654321"), desk.conversation("Davi", "5511987654322")
    with psycopg.connect(database) as older:  # has changed something, and has not committed
        older.execute("UPDATE conversation SET holder = 'person' WHERE id = %s", (first,))
        desk.waits(second, "Pediu uma pessoa")
        async with pool.connection() as conn:
            last = await changes.newest(conn)  # the newest event that a browser gets; then it sleeps
        older.commit()
    seen: set[str] = set()
    scope = {
        "type": "http", "method": "GET", "path": EVENTS, "query_string": b"after=nonsense",
        "headers": [(b"last-event-id", last.encode())], "state": {"session_id": uuid4()},
    }  # fmt: skip
    answer = await Events(replace(parts(), pool=pool, listener=listener))._stream(Request(scope))
    async with asyncio.timeout(10):
        async for event in answer.body_iterator:  # type: ignore[attr-defined]
            if b"event: changes" in event:
                seen |= {one["conversation"] for one in orjson.loads(event.partition(b"data: ")[2])}
            if seen == {str(first), str(second)}:
                break


async def test_a_place_that_is_not_known_begins_anew(signed_in) -> None:
    browser = await signed_in(Role.VIEWER)
    answer = await browser.get("/console/events?after=nonsense")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "event: reload" in answer.text


async def test_all_streams_end_with_the_process(pool, listener) -> None:
    async with pool.connection() as conn:
        stream = Stream(pool, listener, SharedReads(pool), uuid4(), await changes.newest(conn))

    async def read() -> None:
        async for _ in stream.events():
            pass

    reading = asyncio.create_task(read())
    await asyncio.sleep(0.2)
    listener.close()
    await asyncio.wait_for(reading, 5)


async def test_streams_at_the_same_place_share_one_read(pool, desk, listener) -> None:
    conversation = desk.conversation("Carla", "5511987654321")
    async with pool.connection() as conn:
        cursor = await changes.newest(conn)
    reads = SharedReads(pool)
    streams = [Stream(pool, listener, reads, uuid4(), cursor) for _ in range(50)]
    before = pool.get_stats().get("requests_num", 0)
    waiting = [asyncio.create_task(told(stream)) for stream in streams]
    desk.said(conversation, "Olá")
    for task in waiting:
        assert {one["conversation"] for one in await asyncio.wait_for(task, 10)} == {str(conversation)}
    assert pool.get_stats()["requests_num"] - before <= 10


async def test_a_stream_that_ends_leaves_the_read_of_the_others(pool, desk, listener) -> None:
    conversation = desk.conversation("Carla", "5511987654321")
    async with pool.connection() as conn:
        cursor = await changes.newest(conn)
    desk.said(conversation, "Olá")
    reads = SharedReads(pool)
    first, second = (asyncio.create_task(reads.after(cursor, listener.mark)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert {str(one.conversation_id) for one in (await second).changes} == {str(conversation)}
