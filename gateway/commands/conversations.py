"""Conversations in the hands of people: who waits, an answer, handing back."""

from __future__ import annotations

from uuid import UUID

import typer

from gateway.commands.common import die, read_settings, with_database
from gateway.store import outbox, ownership
from gateway.store.conversations import Quiet
from gateway.store.database import Connection
from gateway.whatsapp.messages import Text, as_reply
from gateway.whatsapp.render import split

commands = typer.Typer()


@commands.command()
def conversations() -> None:
    """List the conversations that a person (or another app) holds, and why; then messages that may not have arrived."""
    held, doubts = with_database(read_settings(), _listed)
    for one in held:
        waits = f"waits since {one.waits_since:%Y-%m-%d %H:%M}" if one.waits_since else "waits for nothing"
        print(
            f"{one.id}  {one.customer_name or 'no name'}  {one.holder} since {one.held_since:%Y-%m-%d %H:%M}, {waits}"
        )
        for label, text in (("reason", one.reason), ("summary", one.summary), ("last message", one.last_text)):
            if text:
                print(f"    {label}: {text}")
    for doubt in doubts:
        state = "uncertain" if doubt.state == "uncertain" else "given up"
        print(
            f"{doubt.conversation_id}  {doubt.customer_name or 'no name'}  message {doubt.id} {state}: "
            f"no word from Meta since {doubt.since:%Y-%m-%d %H:%M}"
        )


async def _listed(conn: Connection) -> tuple[list[ownership.Held], list[outbox.InDoubt]]:
    return await ownership.held(conn), await outbox.in_doubt(conn)


@commands.command()
def reply(conversation: UUID, text: str) -> None:
    """Answer as a person; the conversation is yours until you hand it back."""

    async def queue(conn: Connection) -> list[UUID | None]:
        async with conn.transaction():
            return [await ownership.reply(conn, conversation, as_reply(part)) for part in split(Text(text=text))]

    queued = with_database(read_settings(), queue)
    if not queued:
        die("the text is empty")
    if None in queued:
        die(f"there is no conversation {conversation}; `gateway conversations` lists those that wait for a person")
    print(f"queued; the agent is silent there until `gateway hand-back {conversation}`")


@commands.command()
def hand_back(conversation: UUID) -> None:
    """Return a conversation to the agent."""
    settings = read_settings()
    quiet = Quiet(settings.quiet_period_seconds, settings.quiet_period_max_seconds)
    if not with_database(settings, lambda conn: ownership.hand_back(conn, conversation, quiet)):
        die(f"there is no conversation {conversation}")
    print("the agent answers there again")
