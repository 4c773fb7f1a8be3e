"""Requests to Meta for control of a thread: take it from another app, or release it to Meta's automatic responder.

Meta reports the changes of other apps by webhook (`notice_events.handover`), but not our own release.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from gateway.numbers.channels import Channel, Channels
from gateway.numbers.clients import address
from gateway.numbers.quiet_period import QuietPeriod
from gateway.store import conversations, ownership
from gateway.store.customers import contacts
from gateway.store.database import Connection
from gateway.whatsapp.api.client import CloudApi, ThreadAction


class NoThreadError(Exception):
    """The conversation does not exist, or its number is not configured here; the text says which."""


async def ask(
    conn: Connection,
    channels: Channels,
    api: Callable[[Channel], CloudApi],
    conversation_id: UUID,
    action: ThreadAction,
    quiet: QuietPeriod,
) -> None:
    """Take a thread, so that the agent answers again, or release it, so that the agent is silent.

    Raises:
        NoThreadError: Meta was not asked.
        WhatsAppError: Meta refused, or does not answer; nothing is changed here.
    """
    where = await conversations.place(conn, conversation_id)
    if where is None:
        raise NoThreadError(f"there is no conversation {conversation_id}")
    channel = channels.get(where.channel_id)
    if channel is None:
        raise NoThreadError("the conversation's number is not configured here")
    to = address(await contacts.keys_of(conn, where.contact_id))
    await api(channel).thread_control(channel.phone_number_id, action, to=to.get("to"), recipient=to.get("recipient"))
    async with conn.transaction():
        await conversations.conversation_for(conn, where.channel_id, where.contact_id)  # locks it
        if action == "take":
            await ownership.control_returned(conn, conversation_id, datetime.now(UTC))
            await quiet.schedule(conn, conversation_id)
        else:
            await ownership.control_lost(conn, conversation_id, datetime.now(UTC))
