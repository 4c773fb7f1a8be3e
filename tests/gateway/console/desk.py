"""Conversations as the gateway leaves them, for the pages to show."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

CHANNEL = "106540352242922"


class Desk:
    """Writes conversations into a database, as inbox, turns and outbox do."""

    def __init__(self, url: str) -> None:
        self._conn = psycopg.connect(url, autocommit=True)

    def __enter__(self) -> "Desk":
        return self

    def __exit__(self, *_: object) -> None:
        self._conn.close()

    def conversation(self, name: str | None, number: str, **columns: Any) -> UUID:
        """Add a customer with a number, and their conversation."""
        contact = self._one("INSERT INTO contact (name) VALUES (%s) RETURNING id", name)
        self._conn.execute(
            "INSERT INTO contact_key (kind, value, contact_id) VALUES ('wa_id', %s, %s)", (number, contact)
        )
        conversation = self._one(
            "INSERT INTO conversation (channel_id, contact_id) VALUES (%s, %s) RETURNING id", CHANNEL, contact
        )
        self.set(conversation, **columns)
        return conversation

    def set(self, conversation: UUID, **columns: Any) -> None:
        """Change columns of a conversation."""
        for column, value in columns.items():
            self._conn.execute(f"UPDATE conversation SET {column} = %s WHERE id = %s", (value, conversation))

    def waits(self, conversation: UUID, reason: str, summary: str | None = None, minutes: float = 0) -> None:
        """Hand a conversation over to people."""
        since = datetime.now(UTC) - timedelta(minutes=minutes)
        self._conn.execute(
            """UPDATE conversation SET holder = 'person', handoff_reason = %s, handoff_summary = %s, held_since = %s,
                      waits_since = %s WHERE id = %s""",
            (reason, summary, since, since, conversation),
        )

    def said(
        self, conversation: UUID, text: str | None = None, *, kind: str = "text", minutes: float = 0, **content: Any
    ) -> UUID:
        """Add a message of the customer's."""
        at = datetime.now(UTC) - timedelta(minutes=minutes)
        item = {"id": f"wamid.{uuid4().hex}", "kind": kind, "text": text, "timestamp": at.isoformat(), **content}
        message = self._one(
            """INSERT INTO message (conversation_id, direction, author, wamid, type, content, awaits, status,
                                    created_at, sent_at)
               VALUES (%s, 'in', 'customer', %s, %s, %s, false, 'received', %s, %s) RETURNING id""",
            conversation, item["id"], kind, Jsonb(item), at, at,
        )  # fmt: skip
        self._conn.execute(
            "UPDATE conversation SET last_inbound_at = greatest(last_inbound_at, %s) WHERE id = %s", (at, conversation)
        )
        return message

    def replied(
        self, conversation: UUID, content: dict[str, Any], *, author: str = "agent", status: str = "read",
        minutes: float = 0, error_code: int | None = None,
    ) -> UUID:  # fmt: skip
        """Add a message of ours."""
        at = datetime.now(UTC) - timedelta(minutes=minutes)
        return self._one(
            """INSERT INTO message (conversation_id, direction, author, wamid, type, content, status, created_at,
                                    sent_at, error_code)
               VALUES (%s, 'out', %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id""",
            conversation, author, f"wamid.{uuid4().hex}", content["type"], Jsonb(content), status, at, at, error_code,
        )  # fmt: skip

    def worked(self, message: UUID, *steps: dict[str, str]) -> UUID:
        """Make a message of ours the answer of a turn in which the agent called tools; return the run."""
        run = uuid4()
        turn = self._one(
            """INSERT INTO turn (conversation_id, state, run_id, steps)
               SELECT conversation_id, 'done', %s, %s FROM message WHERE id = %s RETURNING id""",
            run, Jsonb(list(steps)), message,
        )  # fmt: skip
        self._conn.execute("UPDATE message SET turn_id = %s, part = 0 WHERE id = %s", (turn, message))
        return run

    def file(self, message: UUID, kind: str, mime_type: str, path: str | None, size: int = 0) -> UUID:
        """Add a file to a message."""
        return self._one(
            """INSERT INTO media (message_id, channel_id, remote_id, kind, mime_type, size, status, path, wait_until)
               VALUES (%s, %s, 'x', %s, %s, %s, %s, %s, now()) RETURNING id""",
            message, CHANNEL, kind, mime_type, size, "stored" if path else "expired", path,
        )  # fmt: skip

    def _one(self, sql: str, *values: object) -> UUID:
        row = self._conn.execute(sql, values).fetchone()
        assert row
        return row[0]
