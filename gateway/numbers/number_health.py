"""The health of our numbers at Meta: token, permissions, subscription, quality, and the age of the API's version.

Checks are rare, because Meta allows few management calls (200 an hour). One worker checks for all, and the results are
in Postgres.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, date, datetime
from typing import Any

import structlog

from gateway.numbers.channels import Channel, Channels
from gateway.numbers.clients import MetaClients
from gateway.runtime.telemetry import API_VERSION_DAYS_LEFT, QUALITY, TOKEN_DAYS_LEFT
from gateway.store.database import Pool
from gateway.store.numbers import checks as store
from gateway.whatsapp.api.client import CloudApi
from gateway.whatsapp.api.management import Management, TokenInfo
from gateway.whatsapp.api.versions import days_left, expiry
from gateway.whatsapp.errors import WhatsAppError

log = structlog.get_logger(__name__)

SCOPES = frozenset({"whatsapp_business_messaging", "whatsapp_business_management"})
VERSION_WARNING_DAYS = 90
TOKEN_WARNING_DAYS = 14
_CHECK_SECONDS = 6 * 3600.0  # from one check to the next
_UNANSWERED_SECONDS = 900.0  # the same after a check that Meta did not answer
_INVALID_TOKEN = 190  # of errors.py; the token asks about itself
_QUALITIES = {"GREEN": 3, "YELLOW": 2, "RED": 1}


@dataclass(slots=True)
class NumberHealth:
    """A number and its token as Meta reports them. None: not known. problems, warnings: sentences for people."""

    phone_number_id: str
    token_valid: bool | None = None
    token_days_left: int | None = None  # None: never expires, or not known
    token_never_expires: bool = False
    app_id: str | None = None
    scopes: list[str] = field(default_factory=list)
    subscribed: bool | None = None
    quality: str | None = None
    messaging_limit: str | None = None
    throughput: str | None = None
    can_send: str | None = None
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    whole: bool = True  # Meta answered every question


def _read(kept: dict[str, Any]) -> NumberHealth:
    """Return a stored result, also one of another version of this program."""
    known = {one.name for one in fields(NumberHealth)}
    return NumberHealth(**{name: value for name, value in kept.items() if name in known})


async def check(api: CloudApi, channel: Channel, now: datetime) -> NumberHealth:
    """Return a number's health after three management calls to Meta; a refused call is among the problems."""
    found, management = NumberHealth(channel.phone_number_id), Management(api)
    await _ask(found, "the token", _token, management, channel, now)
    if found.token_valid is False:  # Meta would refuse the other calls
        return found
    await _ask(found, "the number", _number, management, channel, now)
    if channel.waba_id:
        await _ask(found, "the subscription", _subscription, management, channel, now)
    return found


async def _ask(
    found: NumberHealth, what: str, ask: Callable[..., Any], management: Management, channel: Channel, now: datetime
) -> None:
    try:
        await ask(found, management, channel, now)
    except WhatsAppError as error:
        if error.code == _INVALID_TOKEN:
            found.token_valid = False
        found.problems.append(f"Meta says nothing about {what}: {error}")
        found.whole = False


async def _token(found: NumberHealth, management: Management, channel: Channel, now: datetime) -> None:
    token: TokenInfo = await management.token(channel.access_token.get_secret_value())
    found.token_valid, found.app_id, found.scopes = token.valid, token.app_id, sorted(token.scopes)
    found.token_days_left = token.days_left(now)
    found.token_never_expires = found.token_days_left is None
    if not token.valid:
        found.problems.append("the access token is not valid: set a new one")
    if missing := SCOPES - set(token.scopes):
        found.problems.append(f"the access token lacks {' and '.join(sorted(missing))}")
    if found.token_days_left is not None and found.token_days_left < TOKEN_WARNING_DAYS:
        found.warnings.append(f"the access token works for {found.token_days_left} more days")


async def _number(found: NumberHealth, management: Management, channel: Channel, _: datetime) -> None:
    number = await management.phone_number(channel.phone_number_id)
    found.quality, found.can_send = number.quality, number.can_send
    found.messaging_limit, found.throughput = number.messaging_limit, number.throughput
    if number.can_send == "BLOCKED":
        found.problems.append("Meta blocks sending from this number")
    if number.can_send == "LIMITED":
        found.warnings.append("Meta limits sending from this number")
    if number.quality == "RED":
        found.warnings.append("the number's quality is RED: Meta may lower its limits")


async def _subscription(found: NumberHealth, management: Management, channel: Channel, _: datetime) -> None:
    apps = [one.get("whatsapp_business_api_data", {}) for one in await management.subscriptions(channel.waba_id or "")]
    ids = {str(app.get("id")) for app in apps if isinstance(app, dict)}
    found.subscribed = found.app_id in ids if found.app_id else bool(ids)
    if not found.subscribed:
        found.problems.append("the app is not subscribed to the business account: no webhooks come")


def version_warning(version: str, today: date) -> str | None:
    """Return a warning about the API's version; None while it has more than 90 days."""
    left, end = days_left(version, today), expiry(version)
    if left is None or end is None or left > VERSION_WARNING_DAYS:
        return None
    if left <= 0:
        return f"version {version} of the Graph API ended on {end}: set WHATSAPP_API_VERSION to a newer one"
    return f"version {version} of the Graph API ends on {end}, in {left} days: set WHATSAPP_API_VERSION to a newer one"


class HealthMonitor:
    """Checks all numbers. `step` is called in a loop; `warning` is for the health endpoint."""

    def __init__(
        self, pool: Pool, clients: MetaClients, channels: Channels, version: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self._pool = pool
        self._clients = clients
        self._channels = channels
        self._version = version
        self._clock = clock
        self._warnings: dict[str, list[str]] = {}

    async def step(self) -> float:
        """Check the numbers that are due, and show the results of all; return the seconds until the next call."""
        now = self._clock()
        for channel in self._channels.all().values():
            await self._check(channel, now)
        async with self._pool.connection() as conn:
            found = await store.known(conn, list(self._channels.all()))
        self._show([_read(one) for one in found], now.date())
        return 60.0

    async def warning(self) -> str | None:
        """Return what will stop working, or has stopped, in one sentence; None where all is well."""
        return "; ".join(f"{of}: {one}" for of, sentences in self._warnings.items() for one in sentences) or None

    async def _check(self, channel: Channel, now: datetime) -> None:
        async with self._pool.connection() as conn:
            if not await store.claim(conn, channel.phone_number_id, _UNANSWERED_SECONDS):
                return
        found = await check(self._clients.api(channel), channel, now)
        async with self._pool.connection() as conn:
            due_in = _CHECK_SECONDS if found.whole else _UNANSWERED_SECONDS
            await store.keep(conn, channel.phone_number_id, asdict(found), due_in)

    def _show(self, found: list[NumberHealth], today: date) -> None:
        warnings = {f"number {one.phone_number_id}": [*one.problems, *one.warnings] for one in found}
        warnings["api"] = [warning] if (warning := version_warning(self._version, today)) else []
        for one in found:
            QUALITY.labels(one.phone_number_id).set(_QUALITIES.get(one.quality or "", 0))
            if one.token_never_expires or one.token_days_left is not None:
                days = float("inf") if one.token_days_left is None else one.token_days_left
                TOKEN_DAYS_LEFT.labels(one.phone_number_id).set(days)
        left = days_left(self._version, today)
        API_VERSION_DAYS_LEFT.set(float("inf") if left is None else left)
        self._log_new(warnings)

    def _log_new(self, warnings: dict[str, list[str]]) -> None:
        """Log the warnings that are new; the age of the version is new each day."""
        for about, sentences in warnings.items():
            for sentence in set(sentences) - set(self._warnings.get(about, [])):
                log.warning("standing", about=about, warning=sentence)
        self._warnings = {about: sentences for about, sentences in warnings.items() if sentences}
