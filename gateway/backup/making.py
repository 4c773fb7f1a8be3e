"""Make a backup."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import obstore
from pyrage import x25519

from gateway.backup import dumps
from gateway.backup.errors import BackupError
from gateway.backup.manifest import NAME, Dump, File, Manifest
from gateway.backup.repository import FILES, Repository

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore


def make(databases: dict[str, str], media: ObjectStore, to: Repository, key: x25519.Recipient) -> Manifest:
    """Back up the databases in their order, then the files that they name; return the manifest. Raises BackupError.

    No other file is taken. One that came after the dumps would return without the row by which it is deleted or erased,
    and tombstones are to be those of the store that is restored into, also of later erasures.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    folder = now.strftime(NAME)
    if folder in to.names():
        raise BackupError(f"the backup {folder} was made in this second: try again")
    made, named = [], set[str]()
    for name, url in _different(databases).items():
        with dumps.snapshot(url) as (conn, snapshot):
            with dumps.dump(url, snapshot) as stream:
                sealed = to.put(f"{folder}/{name}.dump.age", stream, key)
            made.append(Dump(name=name, size=sealed.size, sha256=sealed.sha256, tables=dumps.tables(conn)))
            named |= dumps.paths(conn)
    return to.finish(Manifest(made_at=now, dumps=made, files=_files(media, named, to, key)))


def _different(databases: dict[str, str]) -> dict[str, str]:
    """Return one address for each database; the last name of several counts."""
    names = {dumps.identity(url): name for name, url in databases.items()}
    return {name: databases[name] for name in databases if name in names.values()}


def _files(media: ObjectStore, named: set[str], to: Repository, key: x25519.Recipient) -> list[File]:
    """Copy the named files that the backup before lacks, and return all. A file that goes meanwhile is left out."""
    sizes = to.sizes(FILES)
    before = [file for name in to.names()[-1:] for file in to.manifest(name).files]
    known = {file.copy_name: file for file in before if sizes.get(file.copy_name) == file.size}
    listed = [one for page in obstore.list(media) for one in page if one["path"] in named]
    found = (known.get(_copy_name(one)) or _copied(one, media, to, key) for one in listed)
    return [one for one in found if one is not None]


def _copied(one: ObjectMeta, media: ObjectStore, to: Repository, key: x25519.Recipient) -> File | None:
    name = _copy_name(one)
    try:
        source = obstore.open_reader(media, one["path"])
    except FileNotFoundError:  # housekeeping deleted it
        return None
    sealed = to.put(f"{FILES}/{name}", source, key)
    return File(path=one["path"], copy_name=name, size=sealed.size, sha256=sealed.sha256)


def _copy_name(one: ObjectMeta) -> str:
    """Return the copy's name. A file that was replaced under its path gets another one."""
    version = f"{one['path']}\n{one['size']}\n{one['last_modified'].isoformat()}"
    return f"{hashlib.sha256(version.encode()).hexdigest()}.age"
