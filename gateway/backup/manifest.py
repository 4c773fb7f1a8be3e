"""The manifest of a backup: what is in it, and how to recognise it whole."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ValidationError

from gateway.backup.errors import BackupError

#: The names of backups: their times.
NAME = "%Y%m%dT%H%M%SZ"


class Table(BaseModel):
    """The content of a table: its number of rows, and a hash over some of them."""

    rows: int
    sample: str


class Dump(BaseModel):
    """The dump of a database: its file (size in bytes and SHA-256, encrypted), and its tables by name."""

    name: str
    size: int
    sha256: str
    tables: dict[str, Table]


class File(BaseModel):
    """A customer's file: its path in MEDIA_URL, and the encrypted copy under `files/`."""

    path: str
    copy_name: str
    size: int
    sha256: str


class Manifest(BaseModel):
    """One backup."""

    made_at: datetime
    dumps: list[Dump]
    files: list[File]

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.made_at.strftime(NAME)


def read(data: bytes) -> Manifest:
    """Return a manifest. Raises BackupError for a damaged one."""
    try:
        return Manifest.model_validate_json(data)
    except ValidationError:
        raise BackupError("the manifest of the backup is damaged") from None
