"""The object store of backups: their folders, files and manifests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from pyrage import x25519

from gateway.backup import encryption, manifest
from gateway.backup.encryption import Readable, Sealed
from gateway.backup.errors import BackupError
from gateway.backup.manifest import Manifest

if TYPE_CHECKING:
    from obstore.store import ObjectStore

MANIFEST = "manifest.json"
FILES = "files"


class Repository:
    """The backups in an object store."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def put(self, path: str, source: Readable, to: x25519.Recipient) -> Sealed:
        """Encrypt a stream into the store, and check that the store has all of it."""
        with obstore.open_writer(self._objects, path) as target:
            sealed = encryption.seal(source, target, to)
        self._require(path, sealed)
        return sealed

    def get(self, path: str, target: Path, key: x25519.Identity, expected: Sealed) -> None:
        """Decrypt a file of the store into a file of this machine. Raises BackupError unless it is whole."""
        self._require(path, expected)
        with target.open("wb") as file:
            encryption.unseal(obstore.open_reader(self._objects, path), file, key, expected)

    def finish(self, backup: Manifest) -> Manifest:
        """Write the manifest, with which the folder becomes a backup; return it. Raises BackupError if a file lacks."""
        self.require(backup)
        obstore.put(self._objects, f"{backup.name}/{MANIFEST}", backup.model_dump_json().encode())
        return backup

    def names(self) -> list[str]:
        """Return the names of the whole backups, oldest first."""
        return sorted(one.partition("/")[0] for one in self.paths() if one.endswith(f"/{MANIFEST}"))

    def manifest(self, name: str) -> Manifest:
        """Return a backup's manifest. Raises BackupError where there is no such backup, or a damaged one."""
        try:
            return manifest.read(bytes(obstore.get(self._objects, f"{name}/{MANIFEST}").bytes()))
        except FileNotFoundError:
            raise BackupError(f"there is no whole backup {name}") from None

    def paths(self) -> list[str]:
        """Return the paths of all objects."""
        return [one["path"] for page in obstore.list(self._objects) for one in page]

    def require(self, backup: Manifest) -> None:
        """Raise BackupError unless each file of a backup is in the store with its size."""
        for dump in backup.dumps:
            self._require(f"{backup.name}/{dump.name}.dump.age", Sealed(dump.size, dump.sha256))
        sizes = self.sizes(FILES)
        for file in backup.files:
            if sizes.get(file.copy_name) != file.size:
                raise BackupError(f"the backup lacks its file {FILES}/{file.copy_name}, or has a part of it only")

    def sizes(self, folder: str) -> dict[str, int]:
        """Return the size in bytes of each object of a folder, by its name in it."""
        listed = [one for page in obstore.list(self._objects, f"{folder}/") for one in page]
        return {one["path"].removeprefix(f"{folder}/"): one["size"] for one in listed}

    def prune(self, days: float, now: datetime) -> int:
        """Delete old backups, folders older than a day that never became one, and files that none names.

        The newest backup stays. Return the number of deleted backups.
        """
        names = self.names()
        old = [one for one in names[:-1] if days and _time(one) < now - timedelta(days=days)]
        kept = [one for one in names if one not in old]
        named = {file.copy_name for one in kept for file in self.manifest(one).files}
        settled = now - timedelta(days=1)  # a backup that is being made has no manifest yet
        listed = [one for page in obstore.list(self._objects) for one in page if one["last_modified"] < settled]
        for one in sorted(listed, key=lambda one: not one["path"].endswith(MANIFEST)):  # never half a backup
            folder, _, rest = one["path"].partition("/")
            if (rest not in named) if folder == FILES else _is_over(folder, kept):
                obstore.delete(self._objects, one["path"])
        return len(old)

    def _require(self, path: str, expected: Sealed) -> None:
        try:
            size = obstore.head(self._objects, path)["size"]
        except FileNotFoundError:
            raise BackupError(f"the backup lacks its file {path}") from None
        if size != expected.size:
            raise BackupError(f"the file {path} of the backup is truncated: {size} of {expected.size} bytes")


def _time(name: str) -> datetime:
    return datetime.strptime(name, manifest.NAME).replace(tzinfo=UTC)


def _is_over(folder: str, kept: list[str]) -> bool:
    """Return whether a folder is a backup that is not kept, or one that was begun and never finished."""
    try:
        _time(folder)
    except ValueError:  # a folder of somebody else's
        return False
    return folder not in kept
