"""A test's database is as its template has it, whatever tests before have done in it."""

from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg
import pytest

from simulator.stack.postgres import Postgres
from tests.databases import Databases

SCHEMA = """
    CREATE TABLE customer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
    CREATE TABLE purchase (id serial PRIMARY KEY, customer bigint NOT NULL REFERENCES customer ON DELETE RESTRICT);
    CREATE TABLE settings (name text, value text);
    CREATE SEQUENCE numbers START 1001;
    INSERT INTO customer (name) VALUES ('Maria');
    INSERT INTO settings VALUES ('empty', ''), (NULL, E'a\\tb\\n');
    SELECT nextval('numbers');
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'kept'; END $$;
    CREATE TRIGGER kept BEFORE DELETE ON settings FOR EACH ROW EXECUTE FUNCTION refuse();
"""
Run = Callable[..., list[tuple]]


def run(url: str, *statements: str) -> list[tuple]:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def template(make_template: Callable[..., str]) -> str:
    return make_template("databases", lambda url: run(url, SCHEMA) and None)


@pytest.fixture
def own(postgres: Postgres) -> Iterator[Databases]:
    """Databases that no other test has used."""
    with closing(Databases(postgres, "of_test_databases")) as databases:
        yield databases


def oid(url: str) -> int:
    return run(url, "SELECT oid FROM pg_database WHERE datname = current_database()")[0][0]


def test_rows_and_sequences_are_the_templates_again(own: Databases, template: str) -> None:
    with own.one(template) as first:
        run(
            first,
            "INSERT INTO customer (name) VALUES ('Ana')",
            "INSERT INTO purchase (customer) VALUES (1), (2)",
            "UPDATE settings SET value = 'changed'",
            "SELECT nextval('numbers')",
        )
        used = oid(first)
    with own.one(template) as second:
        assert oid(second) == used
        assert run(second, "TABLE customer") == [(1, "Maria")]
        assert run(second, "TABLE purchase") == []
        assert run(second, "TABLE settings") == [("empty", ""), (None, "a\tb\n")]
        assert run(second, "INSERT INTO customer (name) VALUES ('Bia') RETURNING id") == [(2,)]
        assert run(second, "INSERT INTO purchase (customer) VALUES (1) RETURNING id") == [(1,)]
        assert run(second, "SELECT nextval('numbers')") == [(1002,)]


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE purchase ADD COLUMN more int",
        "ALTER TABLE customer ALTER COLUMN name DROP NOT NULL",
        "DROP TABLE purchase",
        "CREATE INDEX ON settings (name)",
        "ALTER TABLE settings DISABLE TRIGGER kept",
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN OLD; END $$",
        "GRANT SELECT ON settings TO PUBLIC",
        "REVOKE EXECUTE ON FUNCTION refuse FROM PUBLIC",
        "ALTER SEQUENCE numbers INCREMENT 5",
        "CREATE SCHEMA other",
        "CREATE EXTENSION pg_trgm",
        "SELECT lo_create(0)",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = ''UTC''', current_database()); END $$",
        "DO $$ BEGIN EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database()); END $$",
        "INSERT INTO settings SELECT repeat('x', 1000) FROM generate_series(1, 10000)",
    ],
)
def test_a_database_that_was_changed_otherwise_is_not_used_again(own: Databases, template: str, change: str) -> None:
    with own.one(template) as first:
        run(first, change)
        changed = oid(first)
    with own.one(template) as second:
        assert oid(second) != changed


def test_clients_that_a_test_leaves_are_ended_and_find_no_later_database(own: Databases, template: str) -> None:
    with own.one(template) as first:
        left = psycopg.connect(first)
        left.execute("LOCK TABLE settings")
        used = oid(first)
    with own.one(template) as second:
        assert oid(second) == used
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(first)
    with pytest.raises(psycopg.OperationalError):
        left.execute("SELECT 1")
    left.close()


def test_a_restart_of_the_server_does_no_harm(own: Databases, postgres: Postgres, template: str) -> None:
    with own.one(template) as first:
        postgres.restart()
        used = oid(first)
    with own.one(template) as second:
        assert oid(second) == used


def test_a_kept_database_is_emptied_under_its_clients(own: Databases, template: str) -> None:
    with own.kept(template) as (url, clean), psycopg.connect(url, autocommit=True) as client:
        client.execute("INSERT INTO customer (name) VALUES ('Ana'); UPDATE settings SET value = 'changed'")
        clean()
        assert client.execute("SELECT * FROM customer").fetchall() == [(1, "Maria")]
        assert client.execute("SELECT count(*) FROM settings WHERE value = 'changed'").fetchone() == (0,)
        assert client.execute("INSERT INTO customer (name) VALUES ('Rui') RETURNING id").fetchone() == (2,)
