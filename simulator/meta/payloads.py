"""The shapes of webhooks: what Meta writes into ``entry[].changes[]``, and the signature over it.

Source: WhatsApp Cloud API, "Webhooks: components" and "Business-scoped user IDs" (2026).
"""

import hashlib
import hmac
import json
from typing import Any, NamedTuple

from simulator.meta.errors import GraphError
from simulator.meta.world import Json, Message, Number, Persona, text_of

OBJECT = "whatsapp_business_account"


class Change(NamedTuple):
    """One item of ``changes[]`` and the business account whose entry it belongs to."""

    account_id: str
    field: str
    value: Json

    @property
    def event(self) -> dict[str, Any]:
        """What faults match on."""
        kind = next((kind for kind in ("messages", "statuses", "errors") if self.value.get(kind)), self.field)
        items = self.value.get(kind) or [{}]
        item = items[0]
        who = item.get("from") or item.get("recipient_id")
        detail = item.get("type") or item.get("status")
        return {"field": self.field, "kind": kind, "type": detail, "wa_id": who, "text": text_of(item)}


def message_change(number: Number, persona: Persona, message: Message) -> Change:
    """A person's message."""
    sender = {} if persona.hidden else {"from": persona.wa_id}
    item = sender | {
        "from_user_id": persona.user_id,
        "id": message.id,
        "timestamp": str(int(message.timestamp)),
        **message.content,
    }
    return _change(number, {"contacts": [_contact(persona)], "messages": [item]})


def status_change(
    number: Number, persona: Persona, message: Message, status: str, stamp: str, failure: GraphError | None = None
) -> Change:
    """What became of a message of the business: ``sent``, ``delivered``, ``read`` or ``failed``."""
    recipient = {} if persona.hidden else {"recipient_id": persona.wa_id}
    item: Json = {"id": message.id, "status": status, "timestamp": stamp}
    item |= recipient | {"recipient_user_id": persona.user_id}
    if failure:
        item["errors"] = [failure.webhook_error()]
    else:
        item["pricing"] = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "service"}
    if message.callback_data is not None:
        item["biz_opaque_callback_data"] = message.callback_data
    return _change(number, {"statuses": [item]})


def merge(changes: list[Change], shape: str) -> Json:
    """One payload of many changes: each in its own entry, in one entry, or melted into few changes (``messages``)."""
    if shape == "messages":
        changes = _melt(changes)
    if shape == "entries":
        return {"object": OBJECT, "entry": [_entry(one.account_id, [one]) for one in changes]}
    accounts = dict.fromkeys(one.account_id for one in changes)
    entries = [_entry(account, [one for one in changes if one.account_id == account]) for account in accounts]
    return {"object": OBJECT, "entry": entries}


def encode(payload: Json) -> bytes:
    """The bytes of a payload: Meta escapes everything outside ASCII, and the signature is over the escaped form."""
    return json.dumps(payload, separators=(",", ":")).encode()


def sign(body: bytes, app_secret: str) -> str:
    """The value of X-Hub-Signature-256."""
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


def _change(number: Number, content: Json) -> Change:
    metadata = {"display_phone_number": number.digits, "phone_number_id": number.id}
    return Change(number.account_id, "messages", {"messaging_product": "whatsapp", "metadata": metadata, **content})


def _contact(persona: Persona) -> Json:
    contact: Json = {"profile": {"name": persona.name}, "user_id": persona.user_id}
    return contact if persona.hidden else contact | {"wa_id": persona.wa_id}


def _entry(account_id: str, changes: list[Change]) -> Json:
    return {"id": account_id, "changes": [{"value": one.value, "field": one.field} for one in changes]}


def _melt(changes: list[Change]) -> list[Change]:
    """Put the items of one number and kind into one value, as Meta does with what happens at once."""
    melted: dict[tuple[Any, ...], Change] = {}
    for one in changes:
        key = (one.account_id, one.field, one.value.get("metadata", {}).get("phone_number_id"), one.event["kind"])
        if key not in melted:
            melted[key] = Change(one.account_id, one.field, dict(one.value))
            continue
        value = melted[key].value
        for name in ("contacts", "messages", "statuses", "errors"):
            if name in one.value:
                value[name] = value.get(name, []) + [c for c in one.value[name] if c not in value.get(name, [])]
    return list(melted.values())
