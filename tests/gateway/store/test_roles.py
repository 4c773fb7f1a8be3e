"""The database roles of the processes: what each may do, what it may not, and how an older installation gets them."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.errors import InsufficientPrivilege

from gateway import health_checks
from gateway.store.database import make_pool
from gateway.store.desk import changes
from gateway.store.migrate import is_running, migrate
from gateway.store.people import audit, sessions, sign_ins
from gateway.store.roles import GRANTS, statements
from graph.business.demo import create
from simulator.stack.postgres import Postgres
from tests.gateway.conftest import Command

ROLES = ("wa_migrate", "wa_gateway", "wa_console", "wa_agent", "wa_backup")
PROGRAM = "COPY (SELECT 1) TO PROGRAM 'true'"
DDL = ("CREATE TABLE public.mine ()", "CREATE SCHEMA mine", "CREATE TEMP TABLE mine ()", "CREATE EXTENSION citext")
ANYBODY = (
    PROGRAM,
    "CREATE ROLE mine",
    "SELECT pg_read_file('PG_VERSION')",
    "SET session_replication_role = replica",  # triggers would not fire
    "ALTER SYSTEM SET work_mem = '8MB'",
)
FORBIDDEN = {
    "wa_migrate": (*ANYBODY, "SELECT FROM agent.checkpoints"),
    "wa_gateway": (
        *ANYBODY,
        *DDL,
        "SET ROLE wa_migrate",
        "ALTER TABLE message ADD COLUMN mine int",
        "DROP TABLE message",
        "TRUNCATE message",
        "UPDATE audit SET action = ''",
        "TRUNCATE audit",
        "DELETE FROM _yoyo_migration",
        "SELECT FROM business.orders",
        "SELECT FROM agent.checkpoints",
    ),
    "wa_console": (
        *ANYBODY,
        *DDL,
        "SET ROLE wa_gateway",
        "SELECT FROM event",
        "UPDATE message SET content = '{}'",
        "UPDATE message SET wamid = ''",
        "DELETE FROM message",
        "UPDATE turn SET run_id = NULL",
        "DELETE FROM conversation",
        "UPDATE contact SET name = ''",
        "DELETE FROM person",
        "UPDATE audit SET action = ''",
        "SELECT set_config('gateway.deletes_old_audit', 'on', false); DELETE FROM audit",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "TRUNCATE audit",
        "SELECT FROM business.orders",
        "SELECT FROM agent.checkpoints",
    ),
    "wa_agent": (
        *ANYBODY,
        *DDL,
        "SET ROLE wa_gateway",
        "SELECT FROM message",
        "SELECT FROM contact",
        "SELECT FROM person",
        "SELECT FROM audit",
        "INSERT INTO message (type) VALUES ('text')",
        "CREATE TABLE business.mine ()",
        "ALTER TABLE business.orders ADD COLUMN mine int",
        "TRUNCATE business.orders",
        "CREATE TABLE knowledge.mine ()",
    ),
    "wa_backup": (
        *ANYBODY,
        *DDL,
        "SET ROLE wa_gateway",
        "INSERT INTO tag (name) VALUES ('a')",
        "UPDATE message SET content = '{}'",
        "DELETE FROM event",
        "DELETE FROM backup_run",
        "INSERT INTO agent.checkpoints VALUES ('1')",
        "UPDATE business.orders SET status = status",
    ),
}
ALLOWED = {
    "wa_migrate": ("CREATE TABLE mine ()", "CREATE SCHEMA mine", "SELECT FROM message"),
    "wa_gateway": (
        "SELECT FROM message",
        "DELETE FROM event",
        "DELETE FROM change",
        "INSERT INTO tag (name) VALUES ('a')",
    ),
    "wa_console": ("SELECT FROM message", "INSERT INTO tag (name) VALUES ('a')", "DELETE FROM draft"),
    "wa_agent": (
        "UPDATE business.orders SET status = status",
        "SELECT FROM agent.checkpoints",
        "CREATE TABLE agent.mine ()",
        "SELECT '[1,2]'::vector <-> '[1,3]'",
    ),
    "wa_backup": (
        "SELECT pg_export_snapshot()",
        "SELECT FROM event",
        "SELECT FROM agent.checkpoints",
        "SELECT FROM business.orders",
        "INSERT INTO backup_run VALUES ('backup', now(), 'a') ON CONFLICT (kind) DO UPDATE SET at = excluded.at",
    ),
}


def _as(url: str, role: str) -> str:
    return make_conninfo(url, user=role)


def _run(url: str, *wanted: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in wanted:
            connection.execute(statement.encode())


def _agent_tables(url: str) -> None:
    _run(url, "CREATE TABLE agent.checkpoints (thread_id text)")


@pytest.fixture(scope="module")
def installed(postgres: Postgres) -> Iterator[str]:
    """A database as a new installation has it: first the roles, then each role makes its tables."""
    url = postgres.create_database("roles_installed")
    _run(url, statements(), statements())
    migrate(_url(postgres, "wa_migrate", "roles_installed"))
    asyncio.run(create(_as(url, "wa_migrate")))
    _agent_tables(_as(url, "wa_agent"))
    yield url
    postgres.drop_database("roles_installed")


def _url(postgres: Postgres, role: str, database: str) -> str:
    return f"postgresql://{role}@127.0.0.1:{postgres.port}/{database}"


@pytest.mark.parametrize(("role", "statement"), [(role, one) for role in ROLES for one in FORBIDDEN[role]])
def test_a_role_may_not(installed: str, role: str, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        _run(_as(installed, role), statement)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may(installed: str, role: str) -> None:
    with psycopg.connect(_as(installed, role)) as connection:
        for statement in ALLOWED[role]:
            connection.execute(statement.encode())
        connection.rollback()


def test_no_role_has_rights_over_the_server(installed: str) -> None:
    with psycopg.connect(installed) as connection:
        found = connection.execute(
            """SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)
               AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication)
               UNION SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member
               WHERE r.rolname = ANY(%s)""",
            [list(ROLES), list(ROLES)],
        )
        assert found.fetchall() == [("wa_backup",)]  # a member of pg_read_all_data


def test_every_table_of_the_gateway_has_its_rights_written_down(installed: str) -> None:
    with psycopg.connect(installed) as connection:
        rows = connection.execute(
            """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
               AND relkind IN ('r', 'v', 'm', 'p') AND relowner = 'wa_migrate'::regrole"""
        ).fetchall()
    assert {row[0] for row in rows} == set(re.findall(r"^ +\('(\w+)'", GRANTS.read_text(), re.MULTILINE))


def test_the_newest_schema_has_every_column_that_a_right_names(installed: str) -> None:
    said: list[str] = []
    with psycopg.connect(installed, autocommit=True) as conn:
        conn.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
        conn.execute(GRANTS.read_bytes())
    assert said == []


def test_no_function_runs_with_the_rights_of_its_owner(installed: str) -> None:
    with psycopg.connect(installed) as connection:
        found = connection.execute("SELECT proname FROM pg_proc WHERE prosecdef AND proowner = 'wa_migrate'::regrole")
        assert found.fetchall() == []


def test_tables_of_later_migrations_are_covered(installed: str) -> None:
    later = ("CREATE TABLE later (id bigserial)", "CREATE TABLE knowledge.later (id bigserial)")
    _run(_as(installed, "wa_migrate"), *later)
    try:
        _run(_as(installed, "wa_gateway"), "INSERT INTO later DEFAULT VALUES", "DELETE FROM later")
        _run(_as(installed, "wa_agent"), "INSERT INTO knowledge.later DEFAULT VALUES", "DELETE FROM knowledge.later")
        for role in ("wa_console", "wa_agent"):
            with pytest.raises(InsufficientPrivilege):
                _run(_as(installed, role), "SELECT FROM later")
    finally:
        _run(_as(installed, "wa_migrate"), "DROP TABLE later", "DROP TABLE knowledge.later")


async def test_housekeeping_deletes_as_the_gateway(installed: str) -> None:
    async with await psycopg.AsyncConnection.connect(_as(installed, "wa_gateway"), autocommit=True) as connection:
        await audit.write(connection, None, "tested", "person:1")
        await connection.execute("INSERT INTO change (conversation_id, kind) VALUES (gen_random_uuid(), 'note')")
        assert await audit.purge(connection, 0, 10) == 1
        assert await changes.purge(connection, 0, 10) == 1
        await sessions.purge(connection)
        await sign_ins.purge(connection)
        got = await (await connection.execute("SELECT pg_try_advisory_lock(1)")).fetchone()
        assert got == (True,)


@pytest.mark.parametrize(("role", "ready"), [("wa_gateway", True), ("wa_console", True), ("wa_agent", False)])
async def test_a_process_is_ready_with_the_role_that_it_uses(
    postgres: Postgres, installed: str, role: str, ready: bool
) -> None:
    async with make_pool(_url(postgres, role, "roles_installed"), 2) as pool:
        problem = await health_checks.postgres(pool)
    assert (problem is None, "gateway migrate" in (problem or "")) == (ready, not ready)


OWNER = "whatsapp_agent"


@pytest.fixture(scope="module")
def server(server_dir: Path) -> Iterator[Postgres]:
    """A Postgres of its own: roles belong to all databases of a server."""
    with Postgres(server_dir / "postgres-roles") as server:
        yield server


@pytest.fixture
def older(server: Postgres) -> Iterator[str]:
    """Return the database of an installation in which one role owns everything; it is no superuser."""
    _run(server.url, f"CREATE ROLE {OWNER} LOGIN CREATEROLE", f"CREATE DATABASE older OWNER {OWNER}")
    own = _url(server, OWNER, "older")
    migrate(own)
    asyncio.run(create(own))
    _run(own, "CREATE SCHEMA agent", "CREATE TABLE agent.checkpoints (thread_id text)")
    _run(own, "CREATE TYPE public.mood AS ENUM ('calm')")
    yield server.database_url("older")
    server.drop_database("older")
    _run(server.url, f"DROP ROLE {', '.join((*ROLES, OWNER))}")


USES = {
    "wa_gateway": "INSERT INTO tag (name) VALUES ('gateway')",
    "wa_console": "INSERT INTO tag (name) VALUES ('console')",
    "wa_agent": "UPDATE business.orders SET status = status; INSERT INTO agent.checkpoints VALUES ('1')",
}


def _owned(url: str, role: str) -> list[tuple[str, int]]:
    """Return what a role owns in a database, but for its extensions with their parts."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            """SELECT s.classid::regclass::text, s.objid::int FROM pg_shdepend s JOIN pg_database b ON b.oid = s.dbid
               WHERE b.datname = current_database() AND s.refobjid = %s::regrole AND s.deptype = 'o'
                 AND s.classid <> 'pg_extension'::regclass AND NOT EXISTS (SELECT FROM pg_depend d
                     WHERE d.classid = s.classid AND d.objid = s.objid AND d.deptype = 'e')""",
            [role],
        ).fetchall()


@pytest.mark.parametrize("administrator", ["postgres", OWNER])
def test_an_installation_of_one_role_gets_the_roles(server: Postgres, older: str, administrator: str) -> None:
    _run(_as(older, administrator), statements(OWNER))
    assert _owned(older, OWNER) == []
    # The processes of before go on until those of the roles have taken over.
    _run(_as(older, OWNER), *USES.values(), "DELETE FROM tag")

    migrate(_url(server, "wa_migrate", "older"))
    asyncio.run(create(_as(older, "wa_migrate")))
    for role, statement in USES.items():
        _run(_as(older, role), statement)
    for role, statement in (("wa_gateway", "DROP TABLE tag"), ("wa_agent", "SELECT FROM message")):
        with pytest.raises(InsufficientPrivilege):
            _run(_as(older, role), statement)

    _run(_as(older, administrator), f"REVOKE wa_migrate, wa_agent FROM {OWNER}")  # the last step of docs/operations.md
    for statement in ("SELECT FROM message", "ALTER TABLE tag ADD mine int", "SELECT FROM agent.checkpoints"):
        with pytest.raises(InsufficientPrivilege):
            _run(_as(older, OWNER), statement)


def test_a_superuser_who_owned_everything_is_replaced_too(server: Postgres) -> None:
    url = server.create_database("superuser")
    migrate(url)
    _run(url, statements("postgres"))
    migrate(_url(server, "wa_migrate", "superuser"))
    _run(_as(url, "wa_gateway"), USES["wa_gateway"])
    _run(_as(url, "wa_migrate"), "ALTER TABLE message ADD COLUMN mine int")
    server.drop_database("superuser")
    _run(server.url, f"DROP ROLE {', '.join(ROLES)}")


def test_an_unknown_previous_owner_changes_nothing(server: Postgres) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="no role nobody's"):
        _run(server.url, statements("nobody's"))
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT to_regrole('wa_gateway')").fetchone() == (None,)


async def test_the_command_prints_the_sql_and_needs_to_be_told_so(command: Command) -> None:
    assert await command("roles", "--sql", "--previous-owner", OWNER) == (0, statements(OWNER))
    assert (await command("roles"))[0] == 1


async def test_migrating_with_the_role_of_a_process_is_refused_in_a_sentence(
    postgres: Postgres, installed: str, command: Command
) -> None:
    code, said = await command("migrate", DATABASE_URL=_url(postgres, "wa_gateway", "roles_installed"))
    assert (code, "use that of wa_migrate" in said) == (1, True)


def test_a_pod_waits_until_the_rights_are_given_too(installed: str) -> None:
    assert not is_running(installed)
    with psycopg.connect(installed) as migrating:
        migrating.execute("SELECT pg_advisory_lock(%s)", (0x77612D6D,))
        assert is_running(installed)
