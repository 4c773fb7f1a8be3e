"""Restore a backup into empty databases."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
import psycopg
from pyrage import x25519

from gateway.backup import dumps
from gateway.backup.encryption import Sealed
from gateway.backup.errors import BackupError
from gateway.backup.manifest import Dump, File, Table
from gateway.backup.repository import FILES, Repository

if TYPE_CHECKING:
    from obstore.store import ObjectStore


def restore(
    databases: dict[str, str], media: ObjectStore, of: Repository, key: x25519.Identity, name: str | None
) -> str:
    """Restore a backup (None: the newest), and compare the tables with its manifest; return its name.

    Everything is fetched and verified before a database is changed, and each is changed as a whole. Raises BackupError.
    """
    name = name or newest(of)
    manifest = of.manifest(name)
    with tempfile.TemporaryDirectory(prefix="whatsapp-agent-restore-") as folder:
        fetched = {one.name: fetch(one, name, of, key, Path(folder)) for one in manifest.dumps}
        for one in manifest.dumps:
            _require_empty(one.name, databases)
        for file in manifest.files:
            _put_back(file, media, of, key, Path(folder))
        for one in manifest.dumps:
            dumps.load(databases[one.name], fetched[one.name])
            compare(one, databases[one.name])
    return name


def newest(of: Repository) -> str:
    """Return the name of the newest whole backup. Raises BackupError."""
    names = of.names()
    if not names:
        raise BackupError("there is no whole backup at BACKUP_URL")
    return names[-1]


def fetch(one: Dump, name: str, of: Repository, key: x25519.Identity, folder: Path) -> Path:
    """Return the verified and decrypted dump, in a folder. Raises BackupError."""
    target = folder / f"{one.name}.dump"
    of.get(f"{name}/{one.name}.dump.age", target, key, Sealed(one.size, one.sha256))
    return target


def _require_empty(name: str, databases: dict[str, str]) -> None:
    if name not in databases:
        raise BackupError(f"the backup has a database {name}: set {name.upper()}_DATABASE_URL")
    if not dumps.is_empty(databases[name]):
        raise BackupError(f"the database {name} is not empty: a restore wants an empty one, and changed nothing")


def _put_back(file: File, media: ObjectStore, of: Repository, key: x25519.Identity, folder: Path) -> None:
    target = folder / "file"
    of.get(f"{FILES}/{file.copy_name}", target, key, Sealed(file.size, file.sha256))
    obstore.put(media, file.path, target)


def compare(one: Dump, url: str) -> None:
    """Raise BackupError where the restored tables are not those of the manifest."""
    with psycopg.connect(url, connect_timeout=5) as conn:
        found = dumps.tables(conn)
    for name in sorted(one.tables.keys() | found.keys()):
        if found.get(name) != one.tables.get(name):
            raise BackupError(f"the restored table {name} is not that of the backup: {_told(one.tables, found, name)}")


def _told(wanted: dict[str, Table], found: dict[str, Table], name: str) -> str:
    rows = [str(tables[name].rows) if name in tables else "no" for tables in (wanted, found)]
    return f"{rows[0]} rows in the backup, {rows[1]} now"
