"""The address to which Meta sends the webhooks of a number: which one it is, and whether the gateway answers there."""

from __future__ import annotations

import secrets

import httpx

from gateway.doctor.findings import Finding, problem, unchecked
from gateway.numbers.channels import Channel
from gateway.whatsapp.api.management import Management
from gateway.whatsapp.errors import WhatsAppError
from gateway.whatsapp.reading import part as part_of
from gateway.whatsapp.reading import text

PATH = "/webhook/whatsapp"
_PRECEDENCE = ("phone_number", "whatsapp_business_account", "application")  # as Meta chooses


async def callback(part: str, management: Management, channel: Channel, http: httpx.AsyncClient) -> list[Finding]:
    """Ask Meta for the number's callback address, then ask that address as Meta does when it verifies it."""
    try:
        number = await management.phone_number(channel.phone_number_id)
    except WhatsAppError:
        return []  # told by the checks of the number
    configured = part_of(number.raw, "webhook_configuration")
    url = next((value for level in _PRECEDENCE if (value := text(configured, level))), None)
    if url is None:
        step = f"enter https://YOUR.ADDRESS{PATH} and the verify token in WhatsApp > Configuration"
        return [problem(part, "Meta has no callback address: no webhook comes", step)]
    return await _asked(part, url, channel, http)


async def _asked(part: str, url: str, channel: Channel, http: httpx.AsyncClient) -> list[Finding]:
    given = channel.verify_token.get_secret_value() if channel.verify_token else ""
    challenge = secrets.token_hex(8)
    query = {"hub.mode": "subscribe", "hub.verify_token": given or "none", "hub.challenge": challenge}
    where = _shown(url)
    try:
        answer = await http.get(url, params=query, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        step = f"look at tunnel, ingress, DNS and certificate of the address; from outside: curl -i {where}"
        return [problem(part, f"the callback {where} does not answer from here ({type(error).__name__})", step)]
    if not given and answer.status_code == httpx.codes.FORBIDDEN:
        return [unchecked(part, "this process has no verify token; the callback answers", "run it where `serve` runs")]
    if given and answer.is_success and answer.text == challenge:
        return []
    if answer.status_code == httpx.codes.FORBIDDEN:
        step = "set WHATSAPP_WEBHOOK_VERIFY_TOKEN to what was typed into Meta's form, or type it again"
        return [problem(part, f"the callback {where} refuses the verify token that is configured here", step)]
    step = f"lead the address to port 8000 of `gateway serve`, with the path {PATH}"
    return [problem(part, f"the callback {where} answers {answer.status_code}, not as the gateway does", step)]


def _shown(url: str) -> str:
    """Return an address without user, password and query, which may hold secrets."""
    parsed = httpx.URL(url)
    return str(parsed.copy_with(userinfo=b"", query=None, fragment=None))
