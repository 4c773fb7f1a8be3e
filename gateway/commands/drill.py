"""Restore the newest backup as a trial."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import typer

from gateway.backup import encryption
from gateway.backup.errors import BackupError
from gateway.backup.repository import Repository
from gateway.backup.settings import DrillSettings
from gateway.backup.trial import trial
from gateway.commands.backup import note, whole
from gateway.commands.common import read
from gateway.drill import replay
from gateway.runtime.object_store import open_store
from gateway.store.migrate import migrate

commands = typer.Typer()


@commands.command()
def drill() -> None:
    """Restore the newest backup into a Postgres for drills, as after a disaster, compare it, and drop it again.

    DATABASE_URL is the gateway's: the time of the drill is noted there, for metrics and `gateway doctor`.
    """
    settings = read(DrillSettings)
    began = datetime.now(UTC)
    backup, sentence = whole(lambda: _drill(settings), "the drill failed")
    note(settings, "drill", backup, began)
    print(f"{sentence}; {(datetime.now(UTC) - began).total_seconds():.0f} s")


def _drill(settings: DrillSettings) -> tuple[str, str]:
    if settings.backup_key_file is None:
        raise BackupError("set BACKUP_KEY_FILE to the file with the private key")
    key, of = encryption.identity(settings.backup_key_file), Repository(open_store(settings.backup_url))
    secret = settings.tombstone_key.get_secret_value() if settings.tombstone_key else None
    tombstones = open_store(settings.tombstone_url or settings.media_url)
    with trial(settings.drill_server_url.get_secret_value(), of, key) as found:
        migrate(found.gateway)
        people = asyncio.run(replay(found.gateway, secret, tombstones))
    return found.manifest.name, f"restored and compared {found.summary()}; erased people erased again: {people}"
