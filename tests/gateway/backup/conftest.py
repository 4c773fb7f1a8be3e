"""The databases and folders of backups, and the commands."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from obstore.store import LocalStore
from typer.testing import CliRunner

from gateway.backup.manifest import NAME
from gateway.backup.repository import Repository
from gateway.cli import program
from gateway.commands import common
from simulator.stack.postgres import Postgres, programs

LIMIT = 40_000  # bytes that a file may have where the disk is "full"; a dump of the schema has more


class Said(NamedTuple):
    """The end of a command."""

    returncode: int
    stdout: str
    stderr: str


class Office:
    """The databases and folders of a test, and the commands."""

    def __init__(self, postgres: Postgres, url: str, folder: Path) -> None:
        self.postgres, self.url, self.folder = postgres, url, folder
        self.media, self.backups = folder / "media", folder / "backups"
        for one in (self.media, self.backups):
            one.mkdir()
        (self.media / "2026").mkdir()
        (self.media / "2026" / "photo").write_bytes(b"photo" * 50_000)
        self.sql("INSERT INTO data_request (kind, asked_by, path) VALUES ('export', 'command', '2026/photo')")
        (self.media / "tombstones").mkdir()
        (self.media / "tombstones" / "aa").write_bytes(b"2026")
        self.recipient = self.run("backup-key", str(self.key)).stdout.strip()

    @property
    def key(self) -> Path:
        return self.folder / "key.txt"

    def run(self, *arguments: str, full: bool = False, **changes: str) -> Said:
        """Run a command of the gateway; full: no file may grow beyond a limit."""
        given = {
            "PATH": f"{programs()}:{os.environ['PATH']}", "DATABASE_URL": self.url, "LOG_LEVEL": "error",
            "MEDIA_URL": self.media.as_uri(), "BACKUP_URL": self.backups.as_uri(),
            "BACKUP_KEY_FILE": str(self.key), "BACKUP_RECIPIENT": getattr(self, "recipient", ""),
        }  # fmt: skip
        if full:
            limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))  # noqa: E731
            command = [sys.executable, "-m", "gateway.cli", *arguments]
            done = subprocess.run(command, env=given | changes, capture_output=True, check=False, preexec_fn=limit)
            return Said(done.returncode, done.stdout.decode(), done.stderr.decode())
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (given | changes).items():
                patch.setenv(name, value)
            patch.setattr(common, "configure_logging", lambda *_: None)  # the tests' own logging stays
            result = CliRunner().invoke(program(arguments[0]), arguments)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    def refused(self, *arguments: str, full: bool = False, **changes: str) -> str:
        """Run a command that has to fail with one sentence; return it."""
        done = self.run(*arguments, full=full, **changes)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1), done
        return done.stderr

    def backup(self) -> str:
        """Make a backup and return its name; the next one may be made at once, since names are of a second."""
        done = self.run("backup")
        assert done.returncode == 0, done.stderr
        name = done.stdout.split()[1]
        while datetime.now(UTC).strftime(NAME) <= name:
            time.sleep(0.02)
        return name

    def names(self) -> list[str]:
        return Repository(LocalStore(self.backups)).names()

    def sql(self, query: str, url: str | None = None) -> list[tuple[object, ...]]:
        with psycopg.connect(url or self.url, autocommit=True) as conn:
            cursor = conn.execute(query.encode())
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def office(postgres: Postgres, database: str, tmp_path: Path) -> Office:
    return Office(postgres, database, tmp_path)


@pytest.fixture
def empty(postgres: Postgres) -> Callable[[], str]:
    """Return a function that makes an empty database."""
    names: list[str] = []

    def make() -> str:
        names.append(f"restored_{os.getpid()}_{len(names)}")
        postgres.drop_database(names[-1])
        return postgres.create_database(names[-1], "template0")

    return make
