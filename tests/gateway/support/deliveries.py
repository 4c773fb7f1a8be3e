"""Webhook bodies for tests, as Meta writes them: of any kind (`change`), or with plain texts (`payload`)."""

import itertools
import json
import time
from pathlib import Path
from typing import Any

from gateway.whatsapp.webhooks.signature import sign

NUMBER = "100000000000001"
ACCOUNT = "200000000000002"
SECRET = "simulator-app-secret"
PAYLOADS = Path(__file__).parents[2] / "payloads"
MARIA = "5511987654321"
T = 1_790_000_000
_times = itertools.count(T)
_wamids = itertools.count(1)


def wamid() -> str:
    """Return a new message id."""
    return f"wamid.TEST{next(_wamids):08d}"


def text(
    body: str, *, wa_id: str = MARIA, message_id: str | None = None, timestamp: int | None = None
) -> dict[str, Any]:
    """Return a text message."""
    return {
        "from": wa_id,
        "id": message_id or wamid(),
        "timestamp": str(int(time.time()) if timestamp is None else timestamp),
        "type": "text",
        "text": {"body": body},
    }


def payload(
    *messages: dict[str, Any], statuses: list[dict[str, Any]] | None = None, number: str = NUMBER
) -> dict[str, Any]:
    """Return a payload of one change."""
    value: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "551130000000", "phone_number_id": number},
    }
    if messages:
        value["contacts"] = [{"profile": {"name": "Maria"}, "wa_id": one["from"]} for one in messages]
        value["messages"] = list(messages)
    if statuses:
        value["statuses"] = statuses
    change = {"field": "messages", "value": value}
    return {"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT, "changes": [change]}]}


def signed(content: object, secret: str = SECRET) -> dict[str, Any]:
    """Return the arguments of a POST: body and headers."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return {"content": body, "headers": {"X-Hub-Signature-256": sign(body, secret)}}


def zoo(name: str, case: str) -> dict[str, Any]:
    """Return a payload of tests/payloads."""
    return json.loads((PAYLOADS / f"{name}.json").read_text())[case]  # type: ignore[no-any-return]


def raw_message(kind: str = "text", body: Any = None, *, at: int | None = None, **more: Any) -> dict[str, Any]:
    """Return a raw message, a second later than the one before. body: the object under its type, or its text."""
    content = {"body": body or "Olá"} if kind == "text" else body
    return {
        "from": MARIA, "id": wamid(), "timestamp": str(next(_times) if at is None else at), "type": kind,
        kind: content, **more,
    }  # fmt: skip


def change(value: dict[str, Any], field: str = "messages", number: str | None = NUMBER) -> dict[str, Any]:
    """Return a payload of one change."""
    metadata = {"metadata": {"display_phone_number": "551130000000", "phone_number_id": number}} if number else {}
    whole = {"messaging_product": "whatsapp", **metadata, **value}
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": ACCOUNT, "changes": [{"field": field, "value": whole}]}],
    }


def message(*messages: dict[str, Any], field: str = "messages", number: str = NUMBER) -> dict[str, Any]:
    """Return a payload with messages."""
    return change({"messages": list(messages)}, field, number)


def echo(text: str, at: int | None = None, **more: Any) -> dict[str, Any]:
    """Return the echo of a message that a person wrote in the phone app."""
    one = {**raw_message(body=text, at=at), "from": "551130000000", "to": MARIA, **more}
    return change({"message_echoes": [one]}, "smb_message_echoes")
