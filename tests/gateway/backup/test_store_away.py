"""An object store that goes away in the middle of a backup: no backup, one sentence, and the age goes on growing."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from obstore.store import ObjectStore, from_url

from gateway.commands import backup
from simulator.stack.postgres import programs
from tests.gateway.backup.conftest import Office

EMPTY = b"<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>"
S3 = {"AWS_REGION": "x", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_ALLOW_HTTP": "true"}


class Bucket(ThreadingHTTPServer):
    """An S3 that takes whole objects, and dies in the middle of a later one."""

    daemon_threads = True

    def __init__(self, whole: int) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.whole = whole
        self.objects: dict[str, bytes] = {}

    @property
    def environment(self) -> dict[str, str]:
        return S3 | {"AWS_ENDPOINT": f"http://127.0.0.1:{self.server_port}", "BACKUP_URL": "s3://backups"}


class _Request(BaseHTTPRequestHandler):
    server: Bucket

    def do_PUT(self) -> None:
        size = int(self.headers["content-length"])
        if len(self.server.objects) >= self.server.whole:
            self.rfile.read(size // 2)
            self.close_connection = True
            threading.Thread(target=self.server.shutdown).start()
            self.server.socket.close()
            return
        self.server.objects[self.path.split("?")[0]] = self.rfile.read(size)
        self._answer(200)

    def do_HEAD(self) -> None:
        found = self.server.objects.get(self.path.split("?")[0])
        self._answer(404 if found is None else 200, found or b"")

    def do_GET(self) -> None:
        self._answer(200, EMPTY)

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.send_header("etag", '"1"')
        self.send_header("last-modified", "Sun, 29 Nov 2026 10:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    def impatient(url: str) -> ObjectStore:
        """Return the real client; it would otherwise try for three minutes."""
        return from_url(url, retry_config={"max_retries": 0}) if url.startswith("s3:") else from_url(url)

    monkeypatch.setattr(backup, "open_store", impatient)
    with Bucket(whole=1) as one:
        thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield one
        one.shutdown()
        thread.join()


def test_a_store_that_dies_in_mid_backup_has_no_backup(office: Office, bucket: Bucket) -> None:
    said = office.refused("backup", **bucket.environment)
    assert "no backup was made or restored: a disk or an object store failed" in said
    assert [path.rpartition("/")[2] for path in bucket.objects] == ["gateway.dump.age"]
    assert office.sql("SELECT count(*) FROM backup_run") == [(0,)]


def test_a_folder_that_vanishes_and_comes_back_empty_has_no_backup(office: Office) -> None:
    """Its next file would be written into a new folder of the same name."""
    whole = office.backup()
    [(noted,)] = office.sql("SELECT at FROM backup_run")
    _unmounting(office.folder / "pg_dump", office.backups)
    office.sql("DROP SCHEMA IF EXISTS agent CASCADE")
    agent = office.postgres.create_database("backup_agent", "template0")
    try:
        said = office.refused("backup", AGENT_DATABASE_URL=agent, PATH=f"{office.folder}:/usr/bin:/bin")
    finally:
        office.postgres.drop_database("backup_agent")
    assert "the backup lacks its file" in said
    assert office.names() == []
    assert not (office.backups / whole).exists()
    assert office.sql("SELECT at FROM backup_run") == [(noted,)]


def _unmounting(program: Path, folder: Path) -> None:
    """Write a pg_dump that takes the folder of backups away before the second database."""
    program.write_text(
        f"""#!/bin/sh
[ -e {program}.called ] && rm -rf {folder}
touch {program}.called
exec {programs()}/pg_dump "$@"
"""
    )
    program.chmod(0o755)
