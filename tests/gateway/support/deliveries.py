"""Webhook bodies for tests, as Meta writes them."""

import itertools
import json
import time
from typing import Any

from gateway.whatsapp.webhooks.signature import sign

NUMBER = "100000000000001"
SECRET = "simulator-app-secret"
_wamids = itertools.count(1)


def wamid() -> str:
    """A new message id."""
    return f"wamid.TEST{next(_wamids):08d}"


def text(
    body: str, *, wa_id: str = "5511987654321", message_id: str | None = None, timestamp: int | None = None
) -> dict[str, Any]:
    """A text message."""
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
    """A payload of one change."""
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
    return {"object": "whatsapp_business_account", "entry": [{"id": "200000000000002", "changes": [change]}]}


def signed(content: object, secret: str = SECRET) -> dict[str, Any]:
    """Arguments for a POST: body and headers."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return {"content": body, "headers": {"X-Hub-Signature-256": sign(body, secret)}}
