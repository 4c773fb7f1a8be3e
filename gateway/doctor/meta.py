"""Each number at Meta: token, scopes, app secret, subscription, quality, templates, callback."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx

from gateway.doctor.callback import callback
from gateway.doctor.findings import Finding, problem, unchecked, warning
from gateway.numbers.channels import Channel
from gateway.numbers.clients import MetaClients
from gateway.numbers.number_health import SCOPES, TOKEN_WARNING_DAYS, NumberHealth, check
from gateway.settings import Settings
from gateway.whatsapp.api.client import CloudApi
from gateway.whatsapp.api.management import Management, TemplateInfo
from gateway.whatsapp.errors import Temporary, WhatsAppError

_TOKEN_STEP = "generate a system user's token with both scopes and set it (README, Connect Meta, step 4)"  # noqa: S105 - no token
_SUBSCRIBE = "POST /{waba}/subscribed_apps with the access token (README, Connect Meta, step 12)"
_MANAGEMENT = "whatsapp_business_management"  # without it Meta answers no question about numbers and accounts
_BAD_TEMPLATES = frozenset({"REJECTED", "PAUSED", "DISABLED"})


async def meta(settings: Settings, channels: list[Channel], http: httpx.AsyncClient) -> list[Finding]:
    """Check each number by management calls to Meta, as far as this process has its secrets."""
    clients = MetaClients(http, settings.whatsapp_graph_url, settings.whatsapp_api_version)
    found: list[Finding] = []
    accounts: dict[str, Channel] = {}  # those whose templates can be asked for, with a channel that has the token
    for channel in channels:
        answered, findings = await _number(settings, channel, clients, http)
        found += findings
        if answered and channel.waba_id:
            accounts[channel.waba_id] = channel
    for account, channel in accounts.items():
        of_account = [one for one in channels if one.waba_id == account]
        found += await _templates(Management(clients.api(channel)), account, of_account)
    return found


async def _number(
    settings: Settings, channel: Channel, clients: MetaClients, http: httpx.AsyncClient
) -> tuple[bool, list[Finding]]:
    """Return whether Meta answers the number's token about its account, and the findings about the number."""
    part = f"meta, number {channel.phone_number_id}"
    if not channel.access_token.get_secret_value():
        return False, [unchecked(part, "this process has no access token", "run it in the pod of `work`")]
    api = clients.api(channel)
    health = await check(api, channel, datetime.now(UTC))
    if health.token_valid is False:
        what = "the access token is not valid (mistyped, revoked or expired): no message is sent and no file is fetched"
        return False, [problem(part, what, _TOKEN_STEP)]
    if health.token_valid is None:
        step = f"look whether {settings.whatsapp_graph_url} is reached from here (egress, proxy, DNS), then ask again"
        return False, [problem(part, health.problems[0], step)]
    return _MANAGEMENT in health.scopes, [
        *_token(part, health),
        *_standing(part, channel, health),
        *await _app_secret(part, api, channel, health, settings),
        *await callback(part, Management(api), channel, http),
    ]


def _token(part: str, health: NumberHealth) -> list[Finding]:
    found = []
    if missing := SCOPES - set(health.scopes):
        found.append(problem(part, f"the access token lacks {' and '.join(sorted(missing))}", _TOKEN_STEP))
    if health.token_days_left is not None and health.token_days_left < TOKEN_WARNING_DAYS:
        step = "use a system user's token, which never expires, or `gateway exchange-token`"
        found.append(warning(part, f"the access token works for {health.token_days_left} more days", step))
    return found


def _standing(part: str, channel: Channel, health: NumberHealth) -> list[Finding]:
    found = []
    manager = "look at the number in Meta's WhatsApp Manager (Phone numbers), which names the reason"
    if health.can_send == "BLOCKED":
        found.append(problem(part, "Meta blocks sending from this number", manager))
    if health.can_send == "LIMITED":
        found.append(warning(part, "Meta limits sending from this number", manager))
    if health.quality == "RED":
        step = "send fewer templates, and those that people asked for"
        found.append(warning(part, "the number's quality is RED: Meta may lower its limits", step))
    if not channel.waba_id:
        step = "set WHATSAPP_BUSINESS_ACCOUNT_ID (waba_id of the channel)"
        found.append(unchecked(part, "its account is not configured: subscription and templates are not known", step))
    elif health.subscribed is False:
        step = _SUBSCRIBE.format(waba=channel.waba_id)
        found.append(problem(part, "the app is not subscribed to the account: no webhook comes", step))
    if not health.whole and _MANAGEMENT in health.scopes:
        step = "look at WHATSAPP_PHONE_NUMBER_ID, WHATSAPP_BUSINESS_ACCOUNT_ID and the assets of the system user"
        found += [problem(part, one, step) for one in health.problems if one.startswith("Meta says nothing")]
    return found


async def _app_secret(
    part: str, api: CloudApi, channel: Channel, health: NumberHealth, settings: Settings
) -> list[Finding]:
    """Compare the app secret with that of the token's app, by a call with the app's own token `id|secret`."""
    if not channel.signed_by:
        step = "run it where app secret and access token both are: on a machine with the settings of both processes"
        return [unchecked(part, "this process has no app secret to compare with the token's app", step)]
    if health.app_id is None:
        return []
    app = CloudApi(
        api.http, access_token=f"{health.app_id}|{channel.signed_by[0]}",
        base_url=settings.whatsapp_graph_url, version=settings.whatsapp_api_version,
    )  # fmt: skip
    try:
        await Management(app).token(channel.access_token.get_secret_value())
    except Temporary:
        return []  # Meta was asked the same a moment ago, and answered: the next run tells
    except WhatsAppError:
        step = "copy it from the app's Settings > Basic to WHATSAPP_APP_SECRET (app_secrets of the channel)"
        what = f"the app secret is not that of the app {health.app_id}: every webhook is refused with 403"
        return [problem(part, what, step)]
    return []


async def _templates(management: Management, account: str, channels: list[Channel]) -> list[Finding]:
    part = f"meta, account {account}"
    try:
        templates = await management.templates(account)
    except WhatsAppError as error:
        return [problem(part, f"Meta does not list the templates: {error}", "look at the token's scopes and assets")]
    found = [
        warning(part, f"the template {one.name} ({one.language}) is {one.status}", "edit it in WhatsApp Manager")
        for one in templates
        if one.status in _BAD_TEMPLATES
    ]
    return found + [one for channel in channels for one in _fallback(part, channel, templates)]


def _fallback(part: str, channel: Channel, templates: list[TemplateInfo]) -> list[Finding]:
    """Check that the template that replaces late replies can be sent."""
    wanted = channel.fallback_template
    if wanted is None or any(
        (one.name, one.language, one.status) == (wanted.name, wanted.language, "APPROVED") for one in templates
    ):
        return []
    what = f"fallback_template {wanted.name} ({wanted.language}) is not approved: replies after 24 hours fail"
    return [problem(part, what, "have it approved, or name another one in the channel")]
