"""Signed webhook requests, each with a new message."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

from gateway.whatsapp.webhooks.signature import sign

NUMBER = "100000000000001"
SECRET = "bench-app-secret"
_wamids = count(1)


def payload(wa_id: str, body: str) -> dict[str, Any]:
    """Return a text message as Meta delivers it."""
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "551130000000", "phone_number_id": NUMBER},
        "contacts": [{"profile": {"name": "Maria"}, "wa_id": wa_id}],
        "messages": [
            {
                "from": wa_id,
                "id": f"wamid.HBgNNTUxMTk4NzY1NDMyMRUCABIYFjNFQjBC{next(_wamids):016d}",
                "timestamp": str(int(time.time())),  # older ones would close the 24-hour window
                "type": "text",
                "text": {"body": body},
            }
        ],
    }
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "200000000000002", "changes": [{"field": "messages", "value": value}]}],
    }


def request(content: object) -> bytes:
    """Return a whole HTTP request."""
    body = json.dumps(content).encode()
    head = (
        "POST /webhook/whatsapp HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nX-Hub-Signature-256: {sign(body, SECRET)}\r\n\r\n"
    )
    return head.encode() + body


def requests() -> Iterator[bytes]:
    """Yield requests without end, of many customers."""
    for n in count():
        yield request(payload(f"55119{n % 5000:08d}", "Olá, quero saber do meu pedido 12345"))
