"""Make a backup and its keys."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import psycopg
import typer
from obstore.exceptions import BaseError
from psycopg.errors import DiskFull, InsufficientPrivilege, UndefinedTable

from gateway.backup import encryption, making
from gateway.backup.errors import BackupError
from gateway.backup.manifest import Manifest
from gateway.backup.repository import Repository
from gateway.backup.settings import BackupSettings
from gateway.commands.common import die, read, with_database
from gateway.runtime.object_store import open_store
from gateway.store import backup_runs

T = TypeVar("T")

commands = typer.Typer()


@commands.command()
def backup() -> None:
    """Back up the databases and customers' files, encrypted, to BACKUP_URL; delete backups that are too old."""
    settings = read(BackupSettings)
    made, deleted = whole(lambda: _backup(settings))
    print(f"backup {made.name}" + (f"; {deleted} older ones deleted" if deleted else ""))
    note(settings, "backup", made.name, made.made_at)


def _backup(settings: BackupSettings) -> tuple[Manifest, int]:
    key = encryption.recipient(settings.backup_recipient)
    to = Repository(open_store(settings.backup_url))
    made = making.make(settings.databases(), open_store(settings.media_url), to, key)
    return made, to.prune(settings.backup_days, datetime.now(UTC))


@commands.command()
def backup_key(file: Annotated[Path, typer.Argument(help="The new file; keep it apart from the backups.")]) -> None:
    """Make a pair of keys: the private one goes to a file, the public one (BACKUP_RECIPIENT) is printed."""
    private, public = encryption.new_identity()
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as target:
            target.write(private)
    except OSError as error:
        die(f"{file} was not written: {error.strerror}")
    print(public)


def whole(act: Callable[[], T], failed: str = "no backup was made or restored") -> T:
    """Return the result of an action; end with one sentence, which begins with `failed`, if it did not succeed."""
    try:
        return act()
    except (BackupError, ValueError) as error:
        die(f"{failed}: {error}")
    except (BaseError, OSError) as error:
        first = str(error).splitlines()[:1]
        die(f"{failed}: a disk or an object store failed: {''.join(first)}")
    except DiskFull as error:
        die(f"{failed}: a database's disk is full: {error.diag.message_primary}")
    except psycopg.OperationalError as error:
        die(f"{failed}: a database does not answer: {str(error).splitlines()[0]}")
    except psycopg.Error as error:  # its words may hold values of rows
        die(f"{failed}: a database refused a statement ({type(error).__name__})")


def note(settings: BackupSettings, kind: backup_runs.Kind, name: str, at: datetime) -> None:
    """Note the time in the gateway's database, for metrics and `gateway doctor`."""
    try:
        with_database(settings, lambda conn: backup_runs.note(conn, kind, name, at))
    except (UndefinedTable, InsufficientPrivilege) as error:
        why = error.diag.message_primary
        die(f"the {kind} succeeded, but its time was not noted: run `gateway migrate` first ({why})")
