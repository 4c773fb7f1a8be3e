import asyncio
from collections.abc import Callable

import psycopg
import pytest
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import errors
from psycopg.conninfo import make_conninfo

from graph.server import persistence
from graph.server.postgres import ManyRowsCursor, StateAwayError, _of_many_rows, telling_away
from simulator.stack.postgres import Postgres

CONFIG = {"configurable": {"thread_id": "1", "checkpoint_ns": ""}}


@pytest.fixture
def agent_database(environment: pytest.MonkeyPatch, new_database: Callable[..., str]) -> str:
    """An empty database for checkpoints and store."""
    url = new_database(template="template1")
    environment.setenv("AGENT_DATABASE_URL", url)
    return url


async def test_tables_are_made_in_the_schema_agent(agent_database: str) -> None:
    async with persistence.checkpointer() as saver, persistence.store() as store:
        assert await saver.aget_tuple(CONFIG) is None
        await store.aput(("customers", "1"), "profile", {"name": "Maria"})
        item = await store.aget(("customers", "1"), "profile")
    assert item is not None
    assert item.value == {"name": "Maria"}
    with psycopg.connect(agent_database) as connection:
        schemas = connection.execute(
            "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename ~ '^(checkpoint|store)'"
        )
        assert schemas.fetchall() == [("agent",)]


async def test_calls_of_the_checkpointer_do_not_wait_for_each_other(agent_database: str) -> None:
    async with persistence.checkpointer() as saver, saver._cursor(), asyncio.timeout(10):
        assert await saver.aget_tuple(CONFIG) is None


async def test_a_role_that_may_not_create_schemas_uses_the_one_it_owns(
    environment: pytest.MonkeyPatch, agent_database: str
) -> None:
    with psycopg.connect(agent_database) as connection:
        connection.execute("CREATE ROLE only_agent LOGIN")
        connection.execute("CREATE SCHEMA agent AUTHORIZATION only_agent")
    try:
        environment.setenv("AGENT_DATABASE_URL", make_conninfo(agent_database, user="only_agent"))
        async with persistence.checkpointer() as saver, persistence.store() as store:
            assert await saver.aget_tuple(CONFIG) is None
            assert await store.aget(("customers", "1"), "profile") is None
    finally:
        with psycopg.connect(agent_database) as connection:
            connection.execute("DROP OWNED BY only_agent")
            connection.execute("DROP ROLE only_agent")


async def test_several_servers_may_start_at_once(agent_database: str) -> None:
    async def start() -> None:
        async with persistence.checkpointer() as saver, persistence.store() as store:
            await saver.aget_tuple(CONFIG)
            await store.aget(("a",), "b")

    await asyncio.gather(*(start() for _ in range(4)))


async def test_connections_that_broke_are_replaced(agent_database: str) -> None:
    async with persistence.checkpointer() as saver:
        await saver.aget_tuple(CONFIG)
        with psycopg.connect(agent_database, autocommit=True) as connection:
            # Until they are gone: what is asked in the moment in which Postgres goes away fails, as it always may.
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            )
        assert await saver.aget_tuple(CONFIG) is None


async def test_the_server_starts_without_postgres_and_recovers(
    environment: pytest.MonkeyPatch, postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    environment.setenv("AGENT_DATABASE_URL", postgres.database_url("not_yet"))
    environment.setattr("graph.server.postgres.WAIT_SECONDS", 0.2)
    async with persistence.checkpointer() as saver:
        with pytest.raises(StateAwayError, match="PoolTimeout"):
            await saver.aget_tuple(CONFIG)
        assert "error connecting in 'checkpoints'" in caplog.text
        postgres.create_database("not_yet")
        environment.setattr(saver.conn, "timeout", 10)
        assert await saver.aget_tuple(CONFIG) is None
    postgres.drop_database("not_yet")


@pytest.mark.parametrize(
    ("error", "is_away"),
    [
        (psycopg.OperationalError("server closed the connection"), True),
        (psycopg.InterfaceError("the connection is closed"), True),
        (errors.AdminShutdown(), True),
        (errors.TooManyConnections(), True),
        (errors.DiskFull(), True),
        (errors.DeadlockDetected(), True),
        (errors.ReadOnlySqlTransaction(), True),
        (errors.ProgramLimitExceeded(), False),  # a value of the turn itself
        (errors.UntranslatableCharacter(), False),
        (ValueError(), False),
    ],
)
async def test_what_counts_as_postgres_being_away(error: Exception, is_away: bool) -> None:
    with pytest.raises(StateAwayError if is_away else type(error)) as raised:
        async with telling_away():
            raise error
    assert isinstance(raised.value, StateAwayError) is is_away


async def test_the_store_tells_that_postgres_is_away(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AGENT_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    environment.setattr("graph.server.postgres.WAIT_SECONDS", 0.1)
    async with persistence.store() as store:
        with pytest.raises(StateAwayError):
            await store.aget(("customers", "1"), "profile")


async def test_rows_of_one_call_are_inserted_by_one_statement(agent_database: str) -> None:
    async with persistence.checkpointer() as saver, saver._pool.connection() as connection:
        query = saver.INSERT_CHECKPOINT_WRITES_SQL
        rows = [("t", "", "c", "task", "", place, "channel", None, b"v") for place in (0, 1, 1, 40_000)]
        async with ManyRowsCursor(connection) as cursor:
            await cursor.executemany(query, rows)
            assert cursor._query is None  # which a statement for each row would set
            await cursor.executemany(query, [])
            await cursor.execute("SELECT idx FROM checkpoint_writes ORDER BY idx")
            assert await cursor.fetchall() == [{"idx": 0}, {"idx": 1}, {"idx": 40_000}]


async def test_rows_that_may_replace_each_other_are_inserted_one_by_one(agent_database: str) -> None:
    async with persistence.checkpointer() as saver, saver._pool.connection() as connection:
        query = saver.UPSERT_CHECKPOINT_WRITES_SQL
        async with ManyRowsCursor(connection) as cursor:
            await cursor.executemany(
                query, [("t", "", "c", "task", "", -1, "__error__", None, value) for value in (b"1", b"2")]
            )
            await cursor.execute("SELECT blob FROM checkpoint_writes")
            assert await cursor.fetchall() == [{"blob": b"2"}]


def test_the_statements_of_the_library_are_known() -> None:
    for query in (AsyncPostgresSaver.INSERT_CHECKPOINT_WRITES_SQL, AsyncPostgresSaver.UPSERT_CHECKPOINT_BLOBS_SQL):
        many = _of_many_rows(query, 2)
        assert many is not None
        assert many.count(b"$1,") == 1


async def test_the_server_ends_although_the_retention_waits_for_a_connection(
    agent_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Python 3.11 the cancellation is lost where the connection comes at the same moment."""
    monkeypatch.setattr(persistence, "CHECKPOINT_POOL_SIZE", 1)
    monkeypatch.setattr("graph.server.retention.INTERVAL_SECONDS", 0.01)
    monkeypatch.setattr("graph.tasks._AGAIN_SECONDS", 0.01)
    async with persistence.checkpointer() as saver, saver._pool.connection():
        while not saver._pool.get_stats()["requests_waiting"]:
            await asyncio.sleep(0.01)
