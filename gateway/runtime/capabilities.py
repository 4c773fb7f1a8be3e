"""Capabilities: a run may read the data of one customer, as long as its turn lasts.

A capability names a turn, a customer and an expiry, and is signed with INTERNAL_TOKEN, which only processes of the
gateway hold. `work` gives one to each run; `serve` accepts it at `/internal` while the turn is open.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

_PURPOSE = b"capability of a run, 1\n"  # a signature for another purpose under the same key is not valid here


@dataclass(frozen=True, slots=True)
class Capability:
    """The turn of a run, and the customer whose data it may read."""

    turn_id: UUID
    customer_id: UUID


class Capabilities:
    """Issues and reads capabilities. Without a token it issues and accepts none."""

    def __init__(self, token: str | None, clock: Callable[[], float] = time.time) -> None:
        self._key = token.encode() if token else None
        self._clock = clock

    def issue(self, turn_id: UUID, customer_id: UUID, seconds: float) -> str | None:
        """Return a capability that expires after so many seconds; None without a token."""
        if self._key is None:
            return None
        statement = f"{turn_id}.{customer_id}.{int(self._clock() + seconds)}"
        return f"{statement}.{_signature(self._key, statement)}"

    def read(self, text: str) -> Capability | None:
        """Return the capability; None if it was not issued with this token, or has expired."""
        statement, _, signature = text.rpartition(".")
        if self._key is None or not hmac.compare_digest(signature.encode(), _signature(self._key, statement).encode()):
            return None
        turn_id, customer_id, expires_at = statement.split(".")
        return Capability(UUID(turn_id), UUID(customer_id)) if self._clock() < int(expires_at) else None


def _signature(key: bytes, statement: str) -> str:
    return hmac.new(key, _PURPOSE + statement.encode(), "sha256").hexdigest()
