"""The end of a restore: `gateway restore --finish`."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.commands.common import die, read_settings, with_database
from gateway.store import restored

commands = typer.Typer()

_REASON = "Recuperada de um backup: talvez já tenha sido respondida. Confira antes de responder ou devolver."


@commands.command()
def restore(
    finish: Annotated[bool, typer.Option("--finish", help="Settle what the backup holds as under way.")] = False,
) -> None:
    """End a restore, before `gateway work` starts: nothing that the backup holds as under way goes on by itself.

    Messages to be sent become uncertain, open turns end, and their conversations wait for a person. Safe to repeat.
    """
    if not finish:
        die("add --finish once the database is restored: docs/backup.md has the steps of a restore")
    try:
        done = with_database(read_settings(), lambda conn: restored.finish(conn, _REASON))
    except restored.WorkersLiveError:
        die("`gateway work` runs with this database: stop all of its processes first, then repeat the command")
    print(f"{done.messages} messages uncertain, {done.turns} turns ended, {done.conversations} conversations wait")
    if done.events:
        print(
            f"{done.events} items of webhooks are kept as failed: `gateway replay` takes them in, and the agent answers"
        )
