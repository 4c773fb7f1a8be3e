"""A drill restores the newest backup as a real restore would, changes nothing else, and only a good one is noted."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from psycopg.conninfo import conninfo_to_dict

from gateway.customers.tombstones import Tombstones
from gateway.store.customers.erasing import Key
from gateway.store.roles import statements
from tests.gateway.backup.conftest import Office, Said

KEY = "key-of-the-tombstones-in-these-tests"
ERASED, STAYED = "5511900000801", "5511900000802"


@pytest.fixture
def drill(office: Office) -> Callable[..., Said]:
    def run(*, full: bool = False, **changes: str) -> Said:
        given = {"DRILL_SERVER_URL": office.postgres.url, "TOMBSTONE_KEY": KEY} | changes
        return office.run("drill", full=full, **given)

    return run


def _person(office: Office, number: str) -> None:
    office.sql(
        f"""WITH c AS (INSERT INTO contact (name) VALUES ('Clara') RETURNING id)
            INSERT INTO contact_key (contact_id, kind, value) SELECT id, 'wa_id', '{number}' FROM c"""
    )


def _databases(office: Office) -> set[str]:
    return {str(name) for (name,) in office.sql("SELECT datname FROM pg_database")}


def test_a_drill_restores_the_newest_backup_and_erases_the_erased_again(
    office: Office, drill: Callable[..., Said]
) -> None:
    office.sql(statements())
    own = f"postgresql://wa_backup@127.0.0.1:{office.postgres.port}/{conninfo_to_dict(office.url)['dbname']}"
    _person(office, ERASED)
    _person(office, STAYED)
    office.sql("INSERT INTO tag (name, color) SELECT 'tag ' || n, 1 FROM generate_series(1, 150) n")
    assert office.run("backup", DATABASE_URL=own).returncode == 0
    (office.media / "tombstones" / "aa").unlink()
    marks = Tombstones(KEY, None).marks([Key("wa_id", ERASED)], datetime.now(UTC))  # type: ignore[arg-type]
    for name, at in marks.items():
        (office.media / "tombstones" / name.hex()).write_text(at.isoformat())
    before = {path.name: path.read_bytes() for path in (office.media / "tombstones").iterdir()}
    done = drill(DATABASE_URL=own)
    assert done.returncode == 0, done.stderr
    assert f"restored and compared backup {office.names()[-1]}: " in done.stdout
    assert "1 of 1 files; erased people erased again: 1" in done.stdout
    # Nothing of the installation has changed but the note.
    assert {path.name: path.read_bytes() for path in (office.media / "tombstones").iterdir()} == before
    assert office.sql("SELECT count(*) FROM contact_key") == [(2,)]
    assert not [name for name in _databases(office) if name.startswith("drill_")]
    assert office.sql("SELECT kind, backup FROM backup_run ORDER BY kind") == [
        ("backup", office.names()[-1]), ("drill", office.names()[-1]),
    ]  # fmt: skip


def test_a_drill_that_fails_leaves_the_age_of_the_last_good_one(office: Office, drill: Callable[..., Said]) -> None:
    assert "there is no whole backup" in drill().stderr
    name = office.backup()
    office.sql("INSERT INTO backup_run VALUES ('drill', '2026-01-01', 'a')")
    dump = office.backups / name / "gateway.dump.age"
    whole = dump.read_bytes()
    other = office.folder / "other.txt"
    office.run("backup-key", str(other))
    dump.write_bytes(whole[:-100])
    failures = {"truncated": {}, "made for another one": {"BACKUP_KEY_FILE": str(other)}}
    for words, changes in failures.items():
        done = drill(**changes)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done
        assert done.stderr.startswith("gateway: the drill failed: ")
        assert words in done.stderr
        dump.write_bytes(whole)
    full = drill(full=True, TMPDIR=str(office.folder))
    assert full.stderr == "gateway: the drill failed: a disk or an object store failed: [Errno 27] File too large\n"
    away = drill(DRILL_SERVER_URL="postgresql://postgres@127.0.0.1:1/postgres")
    assert "a database does not answer" in away.stderr
    (office.backups / "files").rename(office.folder / "gone")
    assert "the backup lacks its file files/" in drill().stderr
    assert office.sql("SELECT at FROM backup_run WHERE kind = 'drill'") == [(datetime(2026, 1, 1, tzinfo=UTC),)]
    assert not [one for one in _databases(office) if one.startswith("drill_")]


def test_an_older_time_does_not_replace_a_newer_one(office: Office) -> None:
    name = office.backup()
    later = datetime.now(UTC) + timedelta(days=1)
    office.sql(f"UPDATE backup_run SET at = '{later.isoformat()}', backup = 'later'")
    office.run("backup")
    assert office.sql("SELECT backup FROM backup_run") == [("later",)]
    assert name in office.names()
