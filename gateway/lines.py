"""The numbers as lines to Meta: an API client for each, and which of them Meta refuses at present."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import httpx

from gateway.channels import Channel
from gateway.store.contacts import Key
from gateway.telemetry import BLOCKED, ERRORS
from gateway.whatsapp.client import CloudApi

_BLOCKED = 60.0  # seconds until a number that Meta refuses is tried again, with its next message


class Lines:
    """All lines of a process. A refusal is not told to other workers: each learns it at its own first try."""

    def __init__(
        self, http: httpx.AsyncClient, base_url: str, version: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._http = http
        self._base_url = base_url
        self._version = version
        self._clock = clock
        self._refused: dict[str, tuple[str, float, Channel]] = {}  # by number: why, until when, with which settings

    def api(self, channel: Channel) -> CloudApi:
        """The Cloud API with a number's token."""
        token = channel.access_token.get_secret_value()
        return CloudApi(self._http, access_token=token, base_url=self._base_url, version=self._version)

    def refuse(self, channel: Channel, why: str) -> None:
        """Send nothing over this number for a while, because Meta says that a person has to act."""
        self._refused[channel.phone_number_id] = (why, self._clock() + _BLOCKED, channel)
        BLOCKED.labels(channel.phone_number_id).set(1)
        ERRORS.labels("number_blocked").inc()

    def works(self, channel: Channel) -> None:
        """Meta has taken something over this number: whatever was wrong is over."""
        if self._refused.pop(channel.phone_number_id, None):
            BLOCKED.labels(channel.phone_number_id).set(0)

    def is_refused(self, channel: Channel) -> bool:
        """Whether Meta refuses this number; new settings (a new token) are tried at once."""
        why = self._refused.get(channel.phone_number_id)
        return why is not None and self._clock() < why[1] and channel == why[2]

    async def problem(self) -> str | None:
        """Why numbers do not send, for operators."""
        refused = [(name, why) for name, (why, until, _) in self._refused.items() if self._clock() < until]
        return "; ".join(f"number {name} has stopped sending: {why}" for name, why in refused) or None


def address(keys: Sequence[Key]) -> dict[str, str]:
    """How `render` addresses a customer: by the newest number, else by the business-scoped user id."""
    by_kind = {key.kind: key.value for key in keys}
    if "wa_id" in by_kind:
        return {"to": by_kind["wa_id"]}
    return {"recipient": by_kind.get("user_id", "")}
