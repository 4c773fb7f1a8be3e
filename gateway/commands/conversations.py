"""Conversations that people hold: list them, answer in one, hand one back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

import httpx
import typer

from gateway.commands.common import die, given, read_settings, with_database
from gateway.conversations import holding, writing
from gateway.conversations.checks import locked
from gateway.conversations.errors import NoConversationError, TakenByOtherError
from gateway.numbers.clients import MetaClients
from gateway.outbox import thread_control
from gateway.outbox.thread_control import NoThreadError
from gateway.settings import Settings
from gateway.store import ownership
from gateway.store.database import Connection
from gateway.store.outbox import doubts
from gateway.whatsapp.api.client import ThreadAction
from gateway.whatsapp.errors import WhatsAppError
from gateway.whatsapp.messages.compose import split
from gateway.whatsapp.messages.messages import Text, as_reply

commands = typer.Typer()


@commands.command()
def conversations() -> None:
    """List the conversations that a person or another app holds, with the reason; then messages in doubt."""
    held, doubts = with_database(read_settings(), _listed)
    for one in held:
        waits = f"waits since {one.waits_since:%Y-%m-%d %H:%M}" if one.waits_since else "waits for nothing"
        has_it = f"{one.person_name or one.holder} since {one.held_since:%Y-%m-%d %H:%M}"
        print(f"{one.id}  {one.customer_name or 'no name'}  {has_it}, {waits}")
        for label, text in (("reason", one.reason), ("summary", one.summary), ("last message", one.last_text)):
            if text:
                print(f"    {label}: {text}")
    for doubt in doubts:
        state = "uncertain" if doubt.state == "uncertain" else "given up"
        print(
            f"{doubt.conversation_id}  {doubt.customer_name or 'no name'}  message {doubt.id} {state}: "
            f"no status from Meta since {doubt.since:%Y-%m-%d %H:%M}"
        )


async def _listed(conn: Connection) -> tuple[list[ownership.Held], list[doubts.InDoubt]]:
    return await ownership.held(conn), await doubts.in_doubt(conn)


@commands.command()
def reply(
    conversation: UUID,
    text: Annotated[str, typer.Argument(help="The text; -: a line of standard input.")],
    take_over: Annotated[bool, typer.Option(help="Also where a person has taken it in the console.")] = False,  # a flag
) -> None:
    """Answer as a person. The agent does not answer there until you hand it back; the console lists it as waiting."""
    contents = [as_reply(part) for part in split(Text(text=given(text)))]
    if not contents:
        die("the text is empty")

    async def answer(conn: Connection) -> None:
        async with conn.transaction():
            found = await locked(conn, conversation, None)
            colleague = found.assignee_id if take_over else None
            await holding.take(conn, conversation, None, found.version, from_person=colleague)
            await writing.send(conn, conversation, None, contents)

    _decide(read_settings(), answer)
    print(f"queued; the agent does not answer there until you run `gateway hand-back {conversation}`")


@commands.command()
def hand_back(conversation: UUID) -> None:
    """Return a conversation to the agent, whoever has it."""
    settings = read_settings()
    quiet = settings.quiet_period()

    async def return_it(conn: Connection) -> None:
        async with conn.transaction():
            found = await locked(conn, conversation, None)
            await holding.hand_back(conn, conversation, None, found.version, quiet)

    _decide(settings, return_it)
    print("the agent answers there again")


def _decide(settings: Settings, act: Callable[[Connection], Awaitable[None]]) -> None:
    try:
        with_database(settings, act)
    except NoConversationError as error:
        die(f"{error}; `gateway conversations` lists those that wait for a person")
    except TakenByOtherError as error:
        die(f"{error.winner} has the conversation in the console; --take-over takes it from them")


@commands.command()
def take_thread(conversation: UUID) -> None:
    """Take a conversation over from another app at Meta; then the agent answers. Needs Meta's escalation partner."""
    _thread(conversation, "take")
    print("this app controls the conversation; the agent answers there")


@commands.command()
def release_thread(conversation: UUID) -> None:
    """Release a conversation to Meta's automatic responder at Meta; the agent does not answer there."""
    _thread(conversation, "release")
    print("Meta's automatic responder controls the conversation; the agent does not answer until control returns")


def _thread(conversation: UUID, action: ThreadAction) -> None:
    settings = read_settings()
    quiet = settings.quiet_period()

    async def asked(conn: Connection) -> None:
        async with httpx.AsyncClient(timeout=20) as http:
            clients = MetaClients(http, settings.whatsapp_graph_url, settings.whatsapp_api_version)
            channels = settings.channels(("access_token",))
            await thread_control.ask(conn, channels, clients.api, conversation, action, quiet)

    try:
        with_database(settings, asked)
    except NoThreadError as error:
        die(str(error))
    except WhatsAppError as error:
        die(f"Meta did not {action} it: {error}")
