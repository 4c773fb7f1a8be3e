"""Webhooks of every kind for tests, delivered to a real inbox and processed."""

import itertools
import json
from pathlib import Path
from typing import Any

from gateway.inbox.intake import Intake
from gateway.numbers.channels import Channel, Channels
from gateway.store import conversations
from gateway.store.conversations import QuietPeriod
from gateway.store.database import Pool
from gateway.store.inbox import events
from gateway.whatsapp.webhooks.items import items
from tests.gateway.support.deliveries import NUMBER, wamid

CHANNELS = Channels([Channel(phone_number_id=name, access_token="t") for name in (NUMBER, "2", "3")])
PAYLOADS = Path(__file__).parents[2] / "payloads"
MARIA = "5511987654321"
T = 1_790_000_000
_times = itertools.count(T)


def zoo(name: str, case: str) -> dict[str, Any]:
    """Return a payload of tests/payloads."""
    return json.loads((PAYLOADS / f"{name}.json").read_text())[case]  # type: ignore[no-any-return]


def raw_message(kind: str = "text", body: Any = None, *, at: int | None = None, **more: Any) -> dict[str, Any]:
    """Return a raw message. body: its object under the type, or its text. Each is a second later than the last one."""
    content = {"body": body or "Olá"} if kind == "text" else body
    return {
        "from": MARIA, "id": wamid(), "timestamp": str(next(_times) if at is None else at), "type": kind,
        kind: content, **more,
    }  # fmt: skip


def change(value: dict[str, Any], field: str = "messages", number: str | None = NUMBER) -> dict[str, Any]:
    """A payload of one change."""
    metadata = {"metadata": {"display_phone_number": "551130000000", "phone_number_id": number}} if number else {}
    whole = {"messaging_product": "whatsapp", **metadata, **value}
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "200000000000002", "changes": [{"field": field, "value": whole}]}],
    }


def message(*messages: dict[str, Any], field: str = "messages", number: str = NUMBER) -> dict[str, Any]:
    """A payload with messages."""
    return change({"messages": list(messages)}, field, number)


def echo(text: str, at: int | None = None, **more: Any) -> dict[str, Any]:
    """A message that a person wrote in the phone app."""
    one = {**raw_message(body=text, at=at), "from": "551130000000", "to": MARIA, **more}
    return change({"message_echoes": [one]}, "smb_message_echoes")


class Inbox:
    """An intake over a database."""

    def __init__(self, pool: Pool, quiet: QuietPeriod | None = None, **settings: Any) -> None:
        self.pool = pool
        self.intake = Intake(pool, CHANNELS, quiet or QuietPeriod(0, 0), **settings)

    async def take(self, *payloads: dict[str, Any]) -> None:
        """Have payloads delivered and processed, one after the other."""
        for one in payloads:
            async with self.pool.connection() as conn:
                await events.keep(conn, items(one))
            await self.intake.step()

    async def sql(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        async with self.pool.connection() as conn:
            cursor = await conn.execute(sql, values)
            return await cursor.fetchall() if cursor.description else []

    async def outcomes(self) -> list[tuple[str, str | None]]:
        """Return state and note of each event, in order."""
        return [(row[0], row[1]) for row in await self.sql("SELECT state, note FROM event ORDER BY id")]

    async def messages(self) -> list[tuple[Any, ...]]:
        """Return author, type, text and whether it awaits an answer of each message, in order."""
        return await self.sql("SELECT author, type, content->>'text', awaits FROM message ORDER BY seq")

    async def holder(self) -> str:
        return (await self.sql("SELECT holder FROM conversation"))[0][0]  # type: ignore[no-any-return]


async def agents_view(inbox: Inbox) -> list[str | None]:
    """Return the texts of the history that the agent may read."""
    [(contact,)] = await inbox.sql("SELECT contact_id FROM conversation LIMIT 1")
    async with inbox.pool.connection() as conn:
        return [item.content.get("text") for item in await conversations.history(conn, contact, 50)]
