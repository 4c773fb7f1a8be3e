"""Restore the newest backup as a trial, into databases of their own that are dropped again."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from pyrage import x25519

from gateway.backup import dumps
from gateway.backup.encryption import Sealed
from gateway.backup.manifest import Manifest
from gateway.backup.repository import FILES, Repository
from gateway.backup.restoring import compare, fetch, newest

_SAMPLE_FILES = 20


@dataclass(frozen=True, slots=True)
class Trial:
    """A backup that was restored: its manifest, the address of its gateway's database, and the files that were read."""

    manifest: Manifest
    gateway: str
    files_read: int

    def summary(self) -> str:
        """Return what was compared, in words."""
        tables = [table for dump in self.manifest.dumps for table in dump.tables.values()]
        rows = sum(table.rows for table in tables)
        files = f"{self.files_read} of {len(self.manifest.files)} files"
        return f"backup {self.manifest.name}: {len(tables)} tables, {rows} rows, {files}"


@contextmanager
def trial(server: str, of: Repository, key: x25519.Identity) -> Iterator[Trial]:
    """Restore the newest backup while this lasts, compare each table with the manifest, read a sample of the files.

    server: address of a superuser of a Postgres that holds nothing else. Raises BackupError.
    """
    name = newest(of)
    manifest = of.manifest(name)
    made = [f"drill_{one.name}" for one in manifest.dumps]
    try:
        with tempfile.TemporaryDirectory(prefix="whatsapp-agent-drill-") as folder:
            read = _read_sample(manifest, of, key, Path(folder))
            addresses = {one.name: _load(manifest, one.name, server, of, key, Path(folder)) for one in manifest.dumps}
        yield Trial(manifest, addresses["gateway"], read)
    except BaseException:  # Ctrl-C too: copies of customers' data must not stay
        with suppress(psycopg.OperationalError):  # of a server that broke, the first error tells more
            _drop(server, made)
        raise
    _drop(server, made)


def _drop(server: str, names: list[str]) -> None:
    for one in names:
        dumps.drop(server, one)


def _load(manifest: Manifest, name: str, server: str, of: Repository, key: x25519.Identity, folder: Path) -> str:
    dump = next(one for one in manifest.dumps if one.name == name)
    path = fetch(dump, manifest.name, of, key, folder)
    url = dumps.create(server, f"drill_{name}")
    dumps.load(url, path, owners=False)
    path.unlink()
    compare(dump, url)
    return url


def _read_sample(manifest: Manifest, of: Repository, key: x25519.Identity, folder: Path) -> int:
    """Check that each file is in the store, and decrypt some of them; return their number."""
    of.require(manifest)
    sample = random.sample(manifest.files, min(_SAMPLE_FILES, len(manifest.files)))
    for one in sample:
        of.get(f"{FILES}/{one.copy_name}", folder / "file", key, Sealed(one.size, one.sha256))
    return len(sample)
