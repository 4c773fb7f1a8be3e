"""Messages that people send: texts, files with a caption, reactions, and the template for a closed window."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.console.routes import RefusedError
from gateway.outbox.replies import parts_of
from gateway.store.composer.uploads import Upload
from gateway.store.desk.lists import Row
from gateway.whatsapp.errors import InvalidMessage
from gateway.whatsapp.messages.caps import CAPTION, WINDOW_SECONDS, WITHOUT_CAPTION

Content = dict[str, Any]


def contents(text: str, files: Sequence[Upload], reply_to: str | None) -> list[Content]:
    """Return the messages: the files, the first one with the text as its caption where it takes one, else a text too.

    Raises RefusedError where there is nothing to send or WhatsApp does not take it.
    """
    if not text and not files:
        raise RefusedError(400, "conversation.errors.empty")
    caption = text if files and files[0].kind not in WITHOUT_CAPTION and len(text) <= CAPTION else ""
    sent = [
        _file(one, caption if not number else "", reply_to if not number else None) for number, one in enumerate(files)
    ]
    if text and not caption:
        sent += texts(text, None if files else reply_to)
    return sent


def texts(text: str, reply_to: str | None) -> list[Content]:
    """Return a text as messages within Meta's limits. Raises RefusedError where it cannot be sent."""
    try:
        return parts_of([_given({"type": "text", "text": text, "verbatim": True, "reply_to": reply_to})])
    except InvalidMessage:
        raise RefusedError(400, "conversation.errors.not_sendable") from None


def reaction(wamid: str, emoji: str) -> Content:
    """Return a reaction to a message; an empty emoji takes it back."""
    return {"type": "reaction", "message_id": wamid, "emoji": emoji}


def check_window(row: Row) -> None:
    """Raise RefusedError where Meta's 24-hour window is closed: the message would not arrive."""
    end = row.last_inbound_at and row.last_inbound_at + timedelta(seconds=WINDOW_SECONDS)
    if end is None or end <= datetime.now(UTC):
        raise RefusedError(409, "conversation.errors.window")


def _file(upload: Upload, caption: str, reply_to: str | None) -> Content:
    # The sender finds the file by the message, and gives it to Meta right before.
    return _given(
        {
            "type": "media", "kind": upload.kind, "mime_type": upload.mime_type, "caption": caption or None,
            "filename": upload.filename, "reply_to": reply_to,
        }
    )  # fmt: skip


def _given(content: Content) -> Content:
    return {name: value for name, value in content.items() if value is not None}
