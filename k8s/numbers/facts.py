"""Fields of a number's status besides its conditions: the number and its token as Meta describes them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.whatsapp.api import versions
from k8s.model.conditions import stamp
from k8s.model.json_object import Json
from k8s.model.observed import ObservedNumber, Phone, Token


def number_facts(observed: ObservedNumber, status: Mapping[str, Any], version: str, now: datetime) -> Json:
    """Return fields of the status; a field that could not be read keeps its last value."""
    phone = _phone_facts(observed.phone) if isinstance(observed.phone, Phone) else status.get("phone")
    token = status.get("token")
    if isinstance(observed.token, Token) and observed.token.valid:
        token = _token_facts(observed.token, now)
    end = versions.expiry(version)
    facts = {
        "phone": phone,
        "token": token,
        "graphVersion": {"version": version, "expiresOn": end.isoformat() if end else None},
    }
    return {name: _filled(one) for name, one in facts.items() if one}


def _token_facts(token: Token, now: datetime) -> Json:
    end = token.expires_at
    return {
        "daysLeft": str((end - now).days) if end else "never",
        "expiresAt": stamp(end) if end else None,
        "appId": token.app_id,
    }


def _phone_facts(phone: Phone) -> Json:
    return {
        "displayNumber": phone.display_number,
        "verifiedName": phone.verified_name,
        "nameStatus": phone.name_status,
        "state": phone.state,
        "quality": phone.quality,
        "messagingLimit": phone.messaging_limit,
        "throughput": phone.throughput,
        "canSendMessage": phone.can_send_message,
    }


def _filled(fields: Json) -> Json:
    return {key: value for key, value in fields.items() if value is not None}
