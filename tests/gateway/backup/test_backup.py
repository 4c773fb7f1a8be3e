"""A backup is whole or none: a failure is one sentence, and nothing half-done passes for a backup or a restore."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from obstore.store import LocalStore

from gateway.backup.repository import Repository
from tests.gateway.backup.conftest import Office


def test_a_restored_backup_has_every_row_and_file_but_no_tombstone(office: Office, empty: Callable[[], str]) -> None:
    office.sql("INSERT INTO tag (name, color) SELECT 'tag ' || n, 1 FROM generate_series(1, 150) n")
    office.backup()
    (office.media / "2026" / "photo").unlink()
    (office.media / "tombstones" / "aa").unlink()
    target = empty()
    done = office.run("restore", DATABASE_URL=target)
    assert done.returncode == 0, done.stderr
    assert office.sql("SELECT count(*) FROM tag", target) == [(150,)]
    assert (office.media / "2026" / "photo").read_bytes() == b"photo" * 50_000
    assert not (office.media / "tombstones" / "aa").exists()
    assert "is not empty" in office.refused("restore", DATABASE_URL=target)


def test_nothing_readable_is_in_the_store_and_a_file_is_stored_once(office: Office) -> None:
    office.sql("INSERT INTO tag (name, color) VALUES ('agulha', 1)")
    office.backup()
    stored = [path for path in office.backups.rglob("*") if path.is_file()]
    assert not any(b"agulha" in path.read_bytes() or b"photophoto" in path.read_bytes() for path in stored)
    second = office.run("backup")
    while "in this second" in second.stderr:
        second = office.run("backup")
    assert second.returncode == 0
    assert len(list((office.backups / "files").iterdir())) == 1


def test_what_is_broken_is_told_in_one_sentence_and_changes_no_database(
    office: Office, empty: Callable[[], str]
) -> None:
    name, target = office.backup(), empty()
    other = office.folder / "other.txt"
    office.run("backup-key", str(other))
    assert "made for another one" in office.refused("restore", DATABASE_URL=target, BACKUP_KEY_FILE=str(other))
    assert "File too large" in office.refused("restore", full=True, DATABASE_URL=target, TMPDIR=str(office.folder))
    dump = office.backups / name / "gateway.dump.age"
    whole = dump.read_bytes()
    dump.write_bytes(whole[:-100])
    assert "truncated" in office.refused("restore", DATABASE_URL=target)
    dump.write_bytes(whole[:5000] + b"x" + whole[5001:])
    assert "damaged" in office.refused("restore", DATABASE_URL=target)
    dump.unlink()
    assert "lacks its file" in office.refused("restore", DATABASE_URL=target)
    assert office.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", target) == [(0,)]


def test_a_file_that_came_after_the_dump_is_not_in_the_backup(office: Office, empty: Callable[[], str]) -> None:
    (office.media / "2026" / "later").write_bytes(b"later")
    office.backup()
    (office.media / "2026" / "later").unlink()
    assert office.run("restore", DATABASE_URL=empty()).returncode == 0
    assert [path.name for path in (office.media / "2026").iterdir()] == ["photo"]


def test_a_backup_that_did_not_end_is_none(office: Office) -> None:
    assert "File too large" in office.refused("backup", full=True)
    assert "no age public key" in office.refused("backup", BACKUP_RECIPIENT="age1wrong")
    assert "is not on the PATH" in office.refused("backup", PATH=str(office.folder))
    failing = office.folder / "pg_dump"
    failing.write_text("#!/bin/sh\nhead -c 100000 /dev/zero\necho 'server closed the connection' >&2\nexit 1\n")
    failing.chmod(0o755)
    assert "server closed" in office.refused("backup", PATH=f"{office.folder}:{os.environ['PATH']}")
    assert "failed" in office.refused("backup", BACKUP_URL="s3://nowhere?endpoint=http://127.0.0.1:1", AWS_REGION="x",
                                      AWS_ENDPOINT="https://127.0.0.1:1", AWS_ACCESS_KEY_ID="x",
                                      AWS_SECRET_ACCESS_KEY="x")  # fmt: skip
    assert office.names() == []
    assert "no whole backup" in office.refused("restore")


def test_old_backups_go_with_the_files_that_no_other_names_and_the_newest_stays(office: Office) -> None:
    name = office.backup()
    later = datetime.now(UTC) + timedelta(days=400)
    store = Repository(LocalStore(office.backups))
    assert store.prune(30, later) == 0  # it is the newest
    manifest = store.manifest(name)
    newest = store.finish(manifest.model_copy(update={"made_at": later, "dumps": [], "files": []}))
    assert store.prune(30, later + timedelta(days=2)) == 1
    assert store.paths() == [f"{newest.name}/manifest.json"]


def test_a_file_that_the_store_has_lost_is_copied_again(office: Office) -> None:
    first = office.backup()
    [copy] = (office.backups / "files").iterdir()
    copy.write_bytes(copy.read_bytes()[:-1])
    second = office.run("backup")
    while "in this second" in second.stderr:
        second = office.run("backup")
    assert second.returncode == 0
    store = Repository(LocalStore(office.backups))
    store.require(store.manifest(second.stdout.split()[1]))
    assert office.names()[0] == first
