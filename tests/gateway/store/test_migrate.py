"""Migrations give the same schema when applied to an empty database at once and one by one."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from gateway.store.migrate import MIGRATIONS, migrate, pending

_SCHEMA = """
SELECT 'column', c.table_name, c.column_name, c.data_type, c.is_nullable, c.column_default
FROM information_schema.columns c WHERE table_schema = 'public'
UNION ALL
SELECT 'index', tablename, indexname, indexdef, '', '' FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
ORDER BY 1, 2, 3
"""


def _schema(url: str) -> list[tuple[str, ...]]:
    with psycopg.connect(url) as conn:
        return [row for row in conn.execute(_SCHEMA).fetchall() if not row[1].lstrip('"_').startswith("yoyo")]


def test_step_by_step_and_at_once_give_the_same_schema(new_database: Callable[..., str]) -> None:
    at_once, stepwise = new_database(template="template1"), new_database(template="template1")
    names = sorted(path.stem for path in MIGRATIONS.glob("*.sql"))

    assert migrate(at_once) == names
    assert [migrate(stepwise, up_to=name) for name in names] == [[name] for name in names]

    assert _schema(at_once) == _schema(stepwise)
    assert len(_schema(at_once)) > 50


def test_migrating_again_does_nothing(database: str) -> None:
    assert migrate(database) == []


def test_several_at_once_wait_for_each_other(new_database: Callable[..., str]) -> None:
    url = new_database(template="template1")
    script = "import sys; from gateway.store.migrate import migrate; print(len(migrate(sys.argv[1])))"
    runs = [subprocess.Popen([sys.executable, "-c", script, url], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    counts = sorted(int(run.communicate(timeout=60)[0]) for run in runs)
    assert counts == [0, 0, len(list(MIGRATIONS.glob("*.sql")))]


def test_a_failing_migration_leaves_nothing(new_database: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "0001.bad.sql").write_text("CREATE TABLE half (id int);\nCREATE TABLE half (id int);\n")
    url = new_database(template="template1")
    with pytest.raises(psycopg.errors.DuplicateTable):
        migrate(url, migrations=tmp_path)
    assert _schema(url) == []


def test_what_is_missing_is_known_without_changing_anything(new_database: Callable[..., str]) -> None:
    url = new_database(template="template1")
    names = sorted(path.stem for path in MIGRATIONS.glob("*.sql"))

    assert pending(url) == names
    assert _schema(url) == []
    migrate(url, up_to=names[0])
    assert pending(url) == names[1:]
    migrate(url)
    assert pending(url) == []


def test_a_pod_of_the_next_version_waits_for_its_schema(new_database: Callable[..., str]) -> None:
    url = new_database(template="template1")
    command = [sys.executable, "-m", "gateway.cli", "migrate", "--wait"]
    with subprocess.Popen(command, env={"DATABASE_URL": url}, stdout=subprocess.PIPE, text=True) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline().startswith("waiting for 0001")
        assert waiting.poll() is None
        migrate(url)
        assert waiting.wait(30) == 0
