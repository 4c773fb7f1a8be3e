"""Errors of a database that is away are distinguished from errors of a row."""

import psycopg
import pytest
from psycopg import errors
from psycopg_pool import PoolTimeout

from gateway.store.database import _LIMITS, CONFLICTS, is_away, make_pool


@pytest.mark.parametrize(
    "kind",
    [
        psycopg.OperationalError,
        psycopg.InterfaceError,
        PoolTimeout,
        errors.ConnectionFailure,
        errors.AdminShutdown,
        errors.CrashShutdown,
        errors.CannotConnectNow,
        errors.TooManyConnections,
        errors.DiskFull,
        errors.ReadOnlySqlTransaction,
        errors.UndefinedTable,
        errors.UndefinedColumn,
    ],
)
def test_what_says_that_the_database_is_away(kind: type[Exception]) -> None:
    assert is_away(kind("words"))


@pytest.mark.parametrize(
    "kind",
    [
        errors.ProgramLimitExceeded,
        errors.UntranslatableCharacter,
        errors.CheckViolation,
        errors.NumericValueOutOfRange,
        psycopg.DataError,
        ValueError,
        *CONFLICTS,
    ],
)
def test_what_is_the_fault_of_a_row_or_of_a_statement(kind: type[Exception]) -> None:
    assert not is_away(kind("words"))


async def test_as_a_real_server_says_it(database: str) -> None:
    async with make_pool(database, 2) as pool, pool.connection() as conn:
        await conn.execute("CREATE TABLE keys (key text PRIMARY KEY)")
        with pytest.raises(psycopg.OperationalError) as too_long:
            # Postgres compresses repeated content.
            await conn.execute(
                "INSERT INTO keys SELECT string_agg(md5(n::text), '') FROM generate_series(1, 1000) AS n"
            )
        with pytest.raises(psycopg.OperationalError) as ended:
            await conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(psycopg.OperationalError) as nobody:
        await psycopg.AsyncConnection.connect("postgresql://u@127.0.0.1:9/x", connect_timeout=2)
    assert [is_away(one.value) for one in (too_long, ended, nobody)] == [False, True, True]


async def test_a_connection_that_was_ended_while_nobody_used_it_is_replaced(database: str) -> None:
    async with make_pool(database, 2) as pool:
        async with pool.connection() as conn:
            await conn.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        for _ in range(3):
            async with pool.connection() as one, pool.connection() as other:
                assert await (await one.execute("SELECT 1")).fetchone() == (1,)
                assert await (await other.execute("SELECT 1")).fetchone() == (1,)


async def test_a_process_that_is_suspended_in_a_transaction_loses_its_locks(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.store.database._LIMITS", _LIMITS.replace("60s", "300ms"))
    async with make_pool(database, 2) as pool, pool.connection() as other:
        await other.execute("CREATE TABLE kept (word text)")
        await other.execute("INSERT INTO kept VALUES ('olá')")

        async def suspended() -> None:
            async with pool.connection() as conn, conn.transaction():
                await conn.execute("SELECT FROM kept FOR UPDATE")
                await other.execute("UPDATE kept SET word = 'oi'")  # waits for the lock
                await conn.execute("SELECT FROM kept")

        with pytest.raises(psycopg.Error) as ended:
            await suspended()
        assert is_away(ended.value)
