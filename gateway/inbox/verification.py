"""Answer Meta's question whether this is the right address: only to callers who know a verify token."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from gateway.numbers.channels import Channels
from gateway.runtime.telemetry import VERIFICATION_FAILURES

log = structlog.get_logger(__name__)

#: Failures of one address within this time; then its requests are refused without a look at their token.
MAX_FAILURES, WINDOW_SECONDS = 10, 60
MAX_ADDRESSES = 1_000


class Failures:
    """Failed verifications by address; of too many addresses the one that failed first is forgotten."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._of_address: dict[str, list[float]] = {}

    def wait_of(self, address: str) -> float:
        """Return the seconds until an address may try again; 0: now."""
        times = self._of_address.get(address, [])
        return max(0.0, times[0] + WINDOW_SECONDS - self._clock()) if len(times) >= MAX_FAILURES else 0.0

    def add(self, address: str) -> int:
        """Count a failure of an address, and return how many of its last ones are within the window."""
        now = self._clock()
        if address not in self._of_address and len(self._of_address) >= MAX_ADDRESSES:
            del self._of_address[next(iter(self._of_address))]
        recent = [at for at in self._of_address.get(address, []) if at > now - WINDOW_SECONDS]
        self._of_address[address] = [*recent, now][-MAX_FAILURES:]
        return len(self._of_address[address])


class Verification:
    """Meta's GET request. It comes when a number is subscribed, so that refusals delay no messages."""

    def __init__(self, channels: Channels, clock: Callable[[], float] = time.monotonic) -> None:
        self._channels = channels
        self._failures = Failures(clock)

    def answer(self, request: Request) -> Response:
        """Return the challenge to a caller with a verify token; 403 without one, 429 after too many failures."""
        address = request.client.host if request.client else ""
        if wait := self._failures.wait_of(address):
            VERIFICATION_FAILURES.inc()
            return PlainTextResponse("too many wrong verify tokens; try later", 429, {"Retry-After": f"{wait:.0f}"})
        query = request.query_params
        given = query.get("hub.verify_token", "").encode()
        known = [hmac.compare_digest(given, token.encode()) for token in self._channels.verify_tokens()]
        if query.get("hub.mode") != "subscribe" or not any(known):
            return self._refuse(address)
        return PlainTextResponse(query.get("hub.challenge", ""))

    def _refuse(self, address: str) -> Response:
        """Refuse an address, and log it: never more often than an address may fail."""
        VERIFICATION_FAILURES.inc()
        last = self._failures.add(address) >= MAX_FAILURES
        log.warning("verification_failed", consequence=f"refused for up to {WINDOW_SECONDS} s" if last else "refused")
        return PlainTextResponse("the verify token is not the one that is configured here", 403)
