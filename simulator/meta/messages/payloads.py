"""The shapes of webhooks: the content of `entry[].changes[]`, and its signature.

Source: WhatsApp Cloud API, "Webhooks: components" and "Business-scoped user IDs" (2026).
"""

import hashlib
import hmac
import json
from typing import Any, NamedTuple

from simulator.json_type import Json
from simulator.meta.business.templates import Template
from simulator.meta.errors import GraphError
from simulator.meta.world import Message, Number, Persona, text_of

OBJECT = "whatsapp_business_account"
NUMBERS_PER_ACCOUNT = 25
LIST_NAMES = ("messages", "statuses", "errors")  # lists in one value


class Change(NamedTuple):
    """One item of `changes[]` and the business account whose entry it belongs to."""

    account_id: str
    field: str
    value: Json
    time: int | None = None

    @property
    def number_id(self) -> str | None:
        """The id of the number that the change is about; None for a change of the account."""
        holder = self.value.get("metadata") or self.value.get("recipient") or {}
        found = holder.get("phone_number_id")
        return found if isinstance(found, str) else None

    @property
    def event(self) -> dict[str, Any]:
        """The attributes that faults match on."""
        value = self.value.get("standby", self.value)
        kind = next((kind for kind in (*LIST_NAMES, "message_echoes") if value.get(kind)), self.field)
        items = value.get(kind)
        item = items[0] if isinstance(items, list) and items else {}
        who = item.get("from") or item.get("recipient_id") or item.get("to") or item.get("wa_id")
        detail = item.get("type") or item.get("status") or self.value.get("event")
        return {"field": self.field, "kind": kind, "type": detail, "wa_id": who, "text": text_of(item)}


def message_change(number: Number, persona: Persona, message: Message) -> Change:
    """Return a person's message; by `standby` while another app has the conversation."""
    sender = {} if persona.hidden else {"from": persona.wa_id}
    stamp = str(int(message.timestamp))
    item = sender | {"from_user_id": persona.user_id, "id": message.id, "timestamp": stamp, **message.content}
    return _inbound(number, persona, {"contacts": [_contact(persona)], "messages": [item]})


def echo_change(number: Number, persona: Persona, message: Message) -> Change:
    """Return a message of the business that the API did not send: from its phone app, or from another app (standby)."""
    stamp = str(int(message.timestamp))
    item = {"from": number.digits, "id": message.id, "timestamp": stamp, **message.content}
    item |= {"to_user_id": persona.user_id} | ({} if persona.hidden else {"to": persona.wa_id})
    content = {"contacts": [_contact(persona)], "message_echoes": [item]}
    if message.author == "business_app":
        return _change(number, content)._replace(field="smb_message_echoes")
    return _standby(number, content)


def system_change(number: Number, sender: Json, wamid: str, stamp: str, system: Json) -> Change:
    """Return a system message about a person; it comes without contacts."""
    item = sender | {"id": wamid, "timestamp": stamp, "type": "system", "system": system}
    return _change(number, {"messages": [item]})


def preference_change(number: Number, persona: Persona, now: float) -> Change:
    """Return the change that tells that a person stopped or resumed marketing."""
    item: Json = {"detail": f"User requested to {persona.marketing} marketing messages"}
    item |= {"category": "marketing_messages", "value": persona.marketing, "timestamp": int(now)}
    item |= {"user_id": persona.user_id} | ({} if persona.hidden else {"wa_id": persona.wa_id})
    change = _change(number, {"contacts": [_contact(persona)], "user_preferences": [item]})
    return change._replace(field="user_preferences")


def handover_change(number: Number, persona: Persona, previous: str, stamp: str) -> Change:
    """Return the change that tells who has the conversation now. The shape is the one that implementations report."""
    sender = {"user_id": persona.user_id} | ({} if persona.hidden else {"phone_number": persona.wa_id})
    kind = "control_passed" if persona.owner == "us" or previous == "us" else "control_taken"
    roles = {"previous_owner_role": _role(previous), "new_owner_role": _role(persona.owner)}
    value: Json = {"messaging_product": "whatsapp", "sender": sender, "timestamp": stamp, "type": kind, kind: roles}
    value["recipient"] = {"display_phone_number": number.digits, "phone_number_id": number.id}
    return Change(number.account_id, "messaging_handovers", value)


def _role(owner: str) -> str:
    return "escalation" if owner == "us" else owner


def status_change(
    number: Number, persona: Persona, message: Message, status: str, stamp: str, failure: GraphError | None = None
) -> Change:
    """Return the status of a message of the business: `sent`, `delivered`, `read` or `failed`."""
    recipient = {} if persona.hidden else {"recipient_id": persona.wa_id}
    item: Json = {"id": message.id, "status": status, "timestamp": stamp}
    item |= recipient | {"recipient_user_id": persona.user_id}
    if failure:
        item["errors"] = [failure.webhook_error()]
    else:
        item["pricing"] = message.pricing
    if message.callback_data is not None:
        item["biz_opaque_callback_data"] = message.callback_data
    return _change(number, {"statuses": [item]})


def template_status_change(template: Template, event: str, now: float) -> Change:
    """Return the change that tells of a review, a pause or a deletion of a template."""
    value: Json = {"event": event, **_template_facts(template), "reason": template.rejected_reason}
    value["message_template_category"] = template.category
    if event in {"PAUSED", "UNPAUSED", "DISABLED"}:
        title = {0: "", 1: "FIRST_PAUSE", 2: "SECOND_PAUSE"}.get(template.pauses, "RATE_LIMITING_PAUSE")
        value["other_info"] = {"title": title, "description": "Your template's quality is low: customers reported it."}
    if event == "DISABLED":
        value["disable_info"] = {"disable_date": int(now)}
    return Change(template.account_id, "message_template_status_update", value, int(now))


def template_quality_change(template: Template, previous: str, now: float) -> Change:
    """Return the change that tells of a template's new quality score."""
    scores = {"previous_quality_score": previous, "new_quality_score": template.quality}
    return Change(template.account_id, "message_template_quality_update", scores | _template_facts(template), int(now))


def template_category_change(template: Template, previous: str, now: float) -> Change:
    """Return the change that tells that Meta put a template into another category."""
    value = {"previous_category": previous, "new_category": template.category} | _template_facts(template)
    return Change(template.account_id, "template_category_update", value, int(now))


def template_components_change(template: Template, now: float) -> Change:
    """Return the change that tells of an edit of a template's content."""
    value: Json = _template_facts(template)
    for kind, name in (("BODY", "element"), ("HEADER", "title"), ("FOOTER", "footer")):
        found = template.component(kind)
        if found and "text" in found:
            value[f"message_template_{name}"] = found["text"]
    return Change(template.account_id, "message_template_components_update", value, int(now))


def number_changes(old: Number, new: Number, now: float) -> list[Change]:
    """Return Meta's webhooks for a number whose limit, throughput, quality or name changed.

    The limit is the business portfolio's: business_capability_update tells of it, and a number's webhooks have no
    current_limit since February 2026. Source: developers.facebook.com/docs/whatsapp/webhooks/reference.
    """
    found: list[Change] = []

    def add(field: str, **value: object) -> None:
        found.append(Change(new.account_id, field, value, int(now)))

    limit = {"max_daily_conversations_per_business": new.messaging_limit_tier}
    if old.messaging_limit_tier != new.messaging_limit_tier:
        add("business_capability_update", **limit, max_phone_numbers_per_waba=NUMBERS_PER_ACCOUNT)
    number = {"display_phone_number": new.digits}
    if (old.throughput, new.throughput) == ("STANDARD", "HIGH"):
        add("phone_number_quality_update", **number, event="THROUGHPUT_UPGRADE", **limit)
    if (old.quality_rating == "RED") != (new.quality_rating == "RED"):
        event = "FLAGGED" if new.quality_rating == "RED" else "UNFLAGGED"
        add("phone_number_quality_update", **number, event=event, **limit)
    if old.name_status != new.name_status:
        review = {"decision": new.name_status, "requested_verified_name": new.name, "rejection_reason": None}
        add("phone_number_name_update", **number, **review)
    return found


def _template_facts(template: Template) -> Json:
    return {
        "message_template_id": int(template.id),
        "message_template_name": template.name,
        "message_template_language": template.language,
    }


def merge(changes: list[Change], shape: str) -> Json:
    """Return one payload of many changes: each in an entry, in one entry, or merged (`messages`)."""
    if shape == "messages":
        changes = _merge_values(changes)
    if shape == "entries":
        return {"object": OBJECT, "entry": [_entry(one.account_id, [one]) for one in changes]}
    groups = dict.fromkeys((one.account_id, one.time) for one in changes)
    entries = [_entry(group[0], [one for one in changes if (one.account_id, one.time) == group]) for group in groups]
    return {"object": OBJECT, "entry": entries}


def encode(payload: Json) -> bytes:
    """Return the bytes of a payload: Meta escapes everything outside ASCII, and signs the escaped form."""
    return json.dumps(payload, separators=(",", ":")).encode()


def message_ids(body: bytes) -> list[str]:
    """Return the ids of the messages in a payload."""
    values = [change["value"] for entry in json.loads(body)["entry"] for change in entry["changes"]]
    return [item["id"] for value in values for item in value.get("messages", [])]


def sign(body: bytes, app_secret: str) -> str:
    """Return the value of X-Hub-Signature-256."""
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


def _change(number: Number, content: Json) -> Change:
    metadata = {"display_phone_number": number.digits, "phone_number_id": number.id}
    return Change(number.account_id, "messages", {"messaging_product": "whatsapp", "metadata": metadata, **content})


def _inbound(number: Number, persona: Persona, content: Json) -> Change:
    return _change(number, content) if persona.owner == "us" else _standby(number, content)


def _standby(number: Number, content: Json) -> Change:
    metadata = {"display_phone_number": number.digits, "phone_number_id": number.id}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "standby": content}
    return Change(number.account_id, "standby", value)


def _contact(persona: Persona) -> Json:
    profile = {"name": persona.name} | ({"username": persona.username} if persona.username else {})
    contact: Json = {"profile": profile, "user_id": persona.user_id}
    return contact if persona.hidden else contact | {"wa_id": persona.wa_id}


def _entry(account_id: str, changes: list[Change]) -> Json:
    entry: Json = {"id": account_id, "changes": [{"value": one.value, "field": one.field} for one in changes]}
    return entry if changes[0].time is None else entry | {"time": changes[0].time}


def _merge_values(changes: list[Change]) -> list[Change]:
    """Merge the items of one number and kind into one value, as Meta does with simultaneous events."""
    merged: dict[tuple[Any, ...], Change] = {}
    for one in changes:
        kind = one.event["kind"]
        key = (one.account_id, one.field, one.number_id, kind)
        if kind not in LIST_NAMES or one.field != "messages":  # an account's updates cannot be merged
            merged[*key, len(merged)] = one
            continue
        if key not in merged:
            merged[key] = Change(one.account_id, one.field, dict(one.value))
            continue
        value = merged[key].value
        for name in ("contacts", *LIST_NAMES):
            if name in one.value:
                value[name] = value.get(name, []) + [c for c in one.value[name] if c not in value.get(name, [])]
    return list(merged.values())
