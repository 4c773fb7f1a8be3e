"""Replay webhook items that an older version could not process, and list the costs of messages."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.commands.common import die, read_settings, with_database
from gateway.store.database import Connection, now
from gateway.store.inbox import events
from gateway.store.outbox import costs as ledger

commands = typer.Typer()

_STATES = ("unknown", "failed", "ignored")
_BATCH = 1000


@commands.command()
def replay(
    state: Annotated[
        list[str] | None, typer.Option(help="unknown, failed or ignored; repeatable. Default: unknown and failed.")
    ] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Only items of this type.")] = None,
    max_age_days: Annotated[float | None, typer.Option(help="Only items that arrived in the last N days.")] = None,
) -> None:
    """Process webhook items again that are stored as unknown or failed. A second replay has no further effect."""
    states = state or ["unknown", "failed"]
    if wrong := set(states) - set(_STATES):
        die(f"there is no state {', '.join(sorted(wrong))} to replay: choose from {', '.join(_STATES)}")

    async def all_of_them(conn: Connection) -> int:
        count, began = 0, await now(conn)  # `gateway work` may give a replayed item the same state again
        while batch := await events.replay(conn, states, began, _BATCH, kind=type_, max_age_days=max_age_days):
            count += batch
        return count

    print(f"{with_database(read_settings(), all_of_them)} items wait for `gateway work` to process them again")


@commands.command()
def costs(days: Annotated[int, typer.Option(help="The last N days, up to today (UTC).")] = 30) -> None:
    """List the messages that Meta billed, by day, number and category."""
    for row in with_database(read_settings(), lambda conn: ledger.ledger(conn, days)):
        billed = "billed" if row.billable else "free"
        print(
            f"{row.day}  {row.channel_id}  {row.category or '-':<16} {row.type or '-':<24} {billed:<6} {row.messages}"
        )
