"""The decisions that a person may take back: kept by their browser, and sealed so that it is what the server wrote."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from starlette.requests import Request

from gateway.console.routes import RefusedError
from gateway.store.desk.standing import Standing

_IDS, _TIMES = ("id", "assignee_id"), ("held_until", "snoozed_until", "closed_at", "waits_since")


def sealed(request: Request, value: Mapping[str, Any]) -> str:
    """Return a value as a text that only this browser can give back."""
    body = urlsafe_b64encode(orjson.dumps(value)).decode()
    return f"{body}.{_seal(request, body)}"


def unsealed(request: Request, text: str) -> dict[str, Any]:
    """Return the value of a sealed text. Raises RefusedError (400) where it was not sealed for this browser."""
    body, _, seal = text.partition(".")
    if not hmac.compare_digest(seal.encode(), _seal(request, body).encode()):
        raise RefusedError(400, "errors.400")
    value: dict[str, Any] = orjson.loads(urlsafe_b64decode(body))
    return value


def standing_of(values: Mapping[str, Any]) -> Standing:
    """Return a standing that was sealed."""
    ids = {name: UUID(values[name]) for name in _IDS if values[name]}
    times = {name: datetime.fromisoformat(values[name]) for name in _TIMES if values.get(name)}
    return Standing(**{**values, **ids, **times})


def _seal(request: Request, body: str) -> str:
    secret: str = request.state.secret
    return hmac.new(secret.encode(), b"undo" + body.encode(), hashlib.sha256).hexdigest()
