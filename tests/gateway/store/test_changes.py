"""The feed of changes has no gaps: a transaction that began earlier and commits later is not skipped."""

import psycopg
import pytest

from gateway.store.database import Connection, Pool
from gateway.store.desk import changes
from gateway.store.desk.changes import StaleCursorError
from tests.gateway.support.deliveries import text
from tests.gateway.support.harness import Gateway
from tests.gateway.support.people import conversation


async def test_an_older_transaction_that_commits_later_is_not_skipped(gateway: Gateway, database: str) -> None:
    await gateway.receive(text("Olá"))
    conversation_id = await conversation(gateway)
    note = "INSERT INTO note (conversation_id, person_name, text) VALUES (%s, 'Ana', 'x') RETURNING id"
    older = await psycopg.AsyncConnection.connect(database)
    async with older, gateway.pool.connection() as conn:
        start = await changes.newest(conn)
        first = await (await older.execute(note, (conversation_id,))).fetchone()
        second = await (await conn.execute(note, (conversation_id,))).fetchone()
        early = await changes.after(conn, start)
        assert (early.changes, early.cursor, early.behind) == ([], start, True)
        await older.commit()
        late = await changes.after(conn, early.cursor)
        assert [one.subject for one in late.changes] == [first[0], second[0]]  # type: ignore[index]
        assert (await changes.after(conn, late.changes[0].cursor)).changes == late.changes[1:]
        assert (await changes.after(conn, late.cursor)).behind is False


async def test_the_kinds_of_changes(gateway: Gateway) -> None:
    async with gateway.pool.connection() as conn:
        start = await changes.newest(conn)
    await gateway.receive(text("Olá"))
    await gateway.settle()
    await gateway.send()
    async with gateway.pool.connection() as conn:
        kinds = [one.kind for one in (await changes.after(conn, start)).changes]
    assert kinds.count("message") == 2
    assert kinds.count("status") == 1  # accepted; the claim is no news
    assert "conversation" in kinds


@pytest.mark.parametrize("cursor", ["", "1", "a-b", "1-2-3", "٣-٣", "9" * 30, "9999999999999999-1"])
async def test_a_cursor_that_is_none(gateway: Gateway, cursor: str) -> None:
    async with gateway.pool.connection() as conn:
        with pytest.raises(StaleCursorError):
            await changes.after(conn, cursor)


async def test_what_was_deleted_is_known_to_be_missing(gateway: Gateway) -> None:
    async with gateway.pool.connection() as conn:
        start = await changes.newest(conn)
        await gateway.receive(text("Olá"))
        end = (await changes.after(conn, start)).cursor
        await conn.execute("UPDATE change SET at = now() - interval '2 days'")
        assert await changes.purge(conn, 1, 1000) > 0
        with pytest.raises(StaleCursorError):
            await changes.after(conn, start)
        assert (await changes.after(conn, end)).changes == []
        assert await changes.newest(conn) == end


async def test_a_read_costs_what_is_new_however_many_changes_are_kept(pool: Pool) -> None:
    """Pages ask ten times a second; statements that are asked so often are planned without their values."""
    async with pool.connection() as conn:
        await conn.execute(
            """INSERT INTO change (conversation_id, kind) SELECT gen_random_uuid(), 'message'
               FROM generate_series(1, 20000)"""
        )
        cursor = await changes.newest(conn)
        read_before = await _read_as_a_whole(conn)
        for _ in range(12):
            assert (await changes.after(conn, cursor)).changes == []
        assert await _read_as_a_whole(conn) == read_before


async def _read_as_a_whole(conn: Connection) -> int:
    await conn.execute("SELECT pg_stat_force_next_flush()")
    cursor = await conn.execute("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'change'", prepare=False)
    row = await cursor.fetchone()
    assert row
    return int(row[0])
