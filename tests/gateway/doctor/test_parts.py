"""The doctor about database, agent server, files, Valkey and clock: each finding is caused for real."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest

from gateway.doctor.clock import against_meta, against_postgres, utc_now
from gateway.doctor.database import database as examined
from gateway.store.database import Pool
from tests.conftest import Simulator
from tests.gateway.doctor.conftest import AgentServer, Doctor
from tests.gateway.doctor.pooler import transaction_pooler

# The database -----------------------------------------------------------------------------------------------------


async def execute(url: str, *statements: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        for one in statements:
            await connection.execute(one.encode())


async def test_a_postgres_that_is_away_hides_no_other_part(doctor: Doctor) -> None:
    report = await doctor(DATABASE_URL="postgresql://u:hidden-password@127.0.0.1:9/x", REDIS_URL="redis://127.0.0.1:9")
    assert "hidden-password" not in report.printed
    assert "DATABASE_URL" in report.step_of("Postgres does not answer")
    assert "REDIS_URL" in report.step_of("Valkey does not work (ConnectionError)")


async def test_migrations_that_were_not_applied(doctor: Doctor, database: str) -> None:
    await execute(database, "DELETE FROM _yoyo_migration WHERE migration_id = '0001.core'")
    assert "`gateway migrate`" in (await doctor()).step_of("1 migrations are missing, from 0001.core")


async def test_a_database_without_tables(doctor: Doctor, new_database: Callable[..., str]) -> None:
    report = await doctor(DATABASE_URL=new_database("template1"))
    assert report.code == 1
    assert "`gateway migrate`" in report.step_of("migrations are missing, from 0001.core")
    assert "as a superuser" in report.step_of("pg_trgm is missing")


async def test_rights_that_the_role_lacks(doctor: Doctor, database: str) -> None:
    await execute(database, "REVOKE SELECT ON message FROM wa_gateway")
    try:
        assert "`gateway migrate`" in (await doctor()).step_of("wa_gateway may not read message")
    finally:
        await execute(database, "GRANT SELECT ON message TO wa_gateway")


async def test_rows_that_the_role_may_read_and_not_change(doctor: Doctor, database: str) -> None:
    await execute(database, "REVOKE UPDATE ON turn FROM wa_gateway")
    try:
        assert "`gateway migrate`" in (await doctor()).step_of("wa_gateway may not change turn")
    finally:
        await execute(database, "GRANT UPDATE ON turn TO wa_gateway")


async def test_a_schema_of_a_newer_version(doctor: Doctor, database: str) -> None:
    await execute(
        database, "INSERT INTO _yoyo_migration (migration_hash, migration_id) VALUES ('of-tomorrow', '9999.tomorrow')"
    )
    report = await doctor()
    assert (report.code, report.of("problem")) == (2, [])
    assert "newer version" in report.step_of("newer than this program, which does not know 9999.tomorrow")


async def test_a_superuser_is_a_warning(doctor: Doctor, database: str) -> None:
    report = await doctor(DATABASE_URL=database)
    assert (report.code, report.of("problem")) == (2, [])
    assert "gateway roles --sql" in report.step_of("is a superuser")


async def test_a_server_that_takes_no_changes(doctor: Doctor, environment: dict[str, str]) -> None:
    read_only = environment["DATABASE_URL"].replace("options=", "options=-c%20default_transaction_read_only%3Don%20")
    assert "primary" in (await doctor(DATABASE_URL=read_only)).step_of("read-only")


async def test_a_pooler_in_transaction_mode(database: str) -> None:
    async with transaction_pooler(database) as url:
        found = await examined(url)
    [pooler] = [one for one in found if "pooler" in one.finding]
    assert "pool_mode to session" in pooler.step


# The agent server ---------------------------------------------------------------------------------------------------


async def test_an_agent_server_that_is_away(doctor: Doctor) -> None:
    report = await doctor(LANGGRAPH_URL="http://127.0.0.1:9")
    assert "LANGGRAPH_URL" in report.step_of("no answer from the agent server at http://127.0.0.1:9 (ConnectError)")


async def test_a_token_that_the_agent_server_refuses(doctor: Doctor) -> None:
    assert "same LANGGRAPH_TOKEN" in (await doctor(LANGGRAPH_TOKEN="another-token")).step_of("refuses LANGGRAPH_TOKEN")


async def test_a_token_that_was_forgotten_and_one_that_serve_never_has(doctor: Doctor) -> None:
    assert "same LANGGRAPH_TOKEN" in (await doctor(LANGGRAPH_TOKEN=None)).step_of("LANGGRAPH_TOKEN, which is not set")
    report = await doctor(LANGGRAPH_TOKEN=None, WHATSAPP_ACCESS_TOKEN=None)
    assert "pod of `work`" in report.step_of("this process has no token of the agent server's")


async def test_an_assistant_that_does_not_exist(doctor: Doctor) -> None:
    assert "one that exists: agent" in (await doctor(LANGGRAPH_ASSISTANT="nobody")).step_of("has no assistant nobody")


async def test_an_assistant_that_breaks_the_contract(doctor: Doctor, agent_server: AgentServer) -> None:
    agent_server.gives = ("turn_id", "handoff", "verified", "steps", "transcripts", "usage")
    assert "run contract: it lacks replies" in (await doctor()).of("problem")[0]


async def test_an_assistant_that_is_older(doctor: Doctor, agent_server: AgentServer) -> None:
    agent_server.gives = ("turn_id", "replies", "handoff", "verified")
    report = await doctor()
    assert (report.code, len(report.of("warning"))) == (2, 1)
    assert "gateway's own version" in report.step_of("older than this gateway: it lacks steps, transcripts, usage")


# Files and Valkey ---------------------------------------------------------------------------------------------------


async def test_an_object_store_that_cannot_be_written(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "media").mkdir(exist_ok=True)
    (tmp_path / "media" / "doctor").write_text("a file where a folder has to be")
    assert "MEDIA_URL" in (await doctor()).step_of("the object store cannot be written to")


async def test_an_object_store_that_does_not_exist(doctor: Doctor) -> None:
    assert "MEDIA_URL" in (await doctor(MEDIA_URL="nothing://x")).step_of("the object store cannot be opened")


async def test_the_file_of_the_check_is_deleted(doctor: Doctor, tmp_path: Path) -> None:
    assert (await doctor()).code == 0
    assert [path for path in (tmp_path / "media").rglob("*") if path.is_file()] == []


async def test_a_password_that_valkey_refuses(doctor: Doctor, environment: dict[str, str]) -> None:
    wrong = httpx.URL(environment["REDIS_URL"]).copy_with(username="nobody", password="hidden-password")
    report = await doctor(REDIS_URL=str(wrong))
    assert "hidden-password" not in report.printed
    assert "REDIS_URL" in report.step_of("Valkey does not work")


# The clock ----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


@pytest.mark.parametrize(("minutes", "how"), [(1, "60 s ahead of"), (-1, "s behind")], ids=["ahead", "behind"])
async def test_a_clock_that_differs(
    pool: Pool, simulator: Simulator, http: httpx.AsyncClient, minutes: int, how: str
) -> None:
    def clock() -> datetime:
        return utc_now() + timedelta(minutes=minutes)

    async with pool.connection() as conn:
        [postgres] = await against_postgres(conn, clock)
    [meta] = await against_meta(simulator.url, http, clock)
    assert ("that of Postgres" in postgres.finding, "that of Meta" in meta.finding) == (True, True)
    assert how in postgres.finding
    assert "NTP" in meta.step


async def test_a_clock_that_is_right(pool: Pool, simulator: Simulator, http: httpx.AsyncClient) -> None:
    async with pool.connection() as conn:
        assert [*await against_postgres(conn), *await against_meta(simulator.url, http)] == []


async def test_a_meta_without_a_clock_is_no_problem(http: httpx.AsyncClient) -> None:
    [finding] = await against_meta("http://127.0.0.1:9", http)
    assert finding.level == "unchecked"


# Backups ------------------------------------------------------------------------------------------------------------


async def test_an_old_backup_and_a_drill_that_is_too_long_ago(doctor: Doctor, database: str) -> None:
    note = "INSERT INTO backup_run VALUES ('{0}', now() - interval '{1} hours', 'a')"
    await execute(database, note.format("backup", 47))
    report = await doctor()
    assert (report.code, report.of("unchecked")) == (0, ["backup: no drill has restored a backup yet"])
    await execute(database, "UPDATE backup_run SET at = at - interval '2 hours'", note.format("drill", 15 * 24))
    report = await doctor()
    assert (report.code, report.of("unchecked")) == (2, [])
    assert "CronJob `…-backup`" in report.step_of("the newest backup is 2 days old")
    assert "CronJob `…-drill`" in report.step_of("last restored as a trial 15 days ago")
