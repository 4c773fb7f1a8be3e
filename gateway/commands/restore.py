"""Restore a backup, and end the restore."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.backup import encryption, restoring
from gateway.backup.errors import BackupError
from gateway.backup.repository import Repository
from gateway.backup.settings import BackupSettings
from gateway.commands.backup import whole
from gateway.commands.common import die, read, read_settings, with_database
from gateway.runtime.object_store import open_store
from gateway.store import restored

commands = typer.Typer()

_REASON = "Recuperada de um backup: talvez já tenha sido respondida. Confira antes de responder ou devolver."


@commands.command()
def restore(
    name: Annotated[str | None, typer.Argument(help="The backup; default: the newest.")] = None,
    finish: Annotated[bool, typer.Option("--finish", help="Settle what the backup holds as under way.")] = False,
) -> None:
    """Restore a backup from BACKUP_URL into empty databases; afterwards, --finish, before `gateway work` starts.

    With --finish nothing that the backup holds as under way goes on by itself: messages to be sent become uncertain,
    open turns end, and their conversations wait for a person. Safe to repeat.
    """
    if finish:
        _finish()
    else:
        settings = read(BackupSettings)
        print(f"restored {whole(lambda: _restore(settings, name))}; next: `gateway tombstones`, `restore --finish`")


def _restore(settings: BackupSettings, name: str | None) -> str:
    if settings.backup_key_file is None:
        raise BackupError("set BACKUP_KEY_FILE to the file with the private key")
    key = encryption.identity(settings.backup_key_file)
    of = Repository(open_store(settings.backup_url))
    return restoring.restore(settings.databases(), open_store(settings.media_url), of, key, name)


def _finish() -> None:
    try:
        done = with_database(read_settings(), lambda conn: restored.finish(conn, _REASON))
    except restored.WorkersLiveError:
        die("`gateway work` runs with this database: stop all of its processes first, then repeat the command")
    print(f"{done.messages} messages uncertain, {done.turns} turns ended, {done.conversations} conversations wait")
    if done.events:
        print(
            f"{done.events} items of webhooks are kept as failed: `gateway replay` takes them in, and the agent answers"
        )
