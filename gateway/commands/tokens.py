"""Check access tokens and numbers by asking Meta, and exchange tokens. No secret is printed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import httpx
import typer

from gateway.commands.common import die, read_settings
from gateway.numbers.channels import Channel
from gateway.numbers.clients import MetaClients
from gateway.numbers.number_health import NumberHealth, check, version_warning
from gateway.settings import Settings
from gateway.whatsapp.api.management import Management
from gateway.whatsapp.api.versions import expiry
from gateway.whatsapp.errors import WhatsAppError

T = TypeVar("T")

commands = typer.Typer()

_EXIT_WARNING = 2


@commands.command()
def check_token(
    channel: Annotated[str | None, typer.Option(help="Only this number (its id); default: all.")] = None,
) -> None:
    """Ask Meta about each number: token, scopes, subscription, quality, API version.

    Exit code 0: no problem; 1: a problem exists; 2: a token or version ends soon, or the quality is falling.
    """
    settings = read_settings()
    now = datetime.now(UTC)
    found = _with_meta(settings, lambda clients: _check_all(clients, _chosen(settings, channel), now))
    for one in found:
        _print(one)
    warning = version_warning(settings.whatsapp_api_version, now.date())
    end = expiry(settings.whatsapp_api_version)
    print(
        f"API version {settings.whatsapp_api_version}: {warning or (f'ends on {end}' if end else 'no end announced')}"
    )
    if any(one.problems for one in found):
        raise SystemExit(1)
    if warning or any(one.warnings for one in found):
        raise SystemExit(_EXIT_WARNING)


@commands.command()
def exchange_token(
    out: Annotated[Path, typer.Option(help="File for the new token; only its owner may read it.")],
    token_file: Annotated[Path | None, typer.Option(help="File with the short-lived token.")] = None,
    channel: Annotated[str | None, typer.Option(help="Id of the number whose token and app secret are used.")] = None,
    app_id: Annotated[str | None, typer.Option(help="The app's id; default: the app of the token.")] = None,
) -> None:
    """Exchange a short-lived user token for a long-lived one (about 60 days), and write the new token to a file.

    Without --token-file, the configured token is exchanged. A system user's token, which never expires, is better: see
    README, Connect Meta.
    """
    settings = read_settings()
    chosen = _chosen(settings, channel, ("access_token", "app_secrets"))
    if len(chosen) != 1 or not chosen[0].app_secrets:
        die("the exchange needs one number with its app secret: set WHATSAPP_APP_SECRET, or give --channel")
    try:
        token = token_file.read_text().strip() if token_file else chosen[0].access_token.get_secret_value()
        new, seconds = _with_meta(settings, lambda clients: _exchange(clients, chosen[0], token, app_id))
        _write(out, new)
    except OSError as error:
        die(f"{error.filename} cannot be used: {error.strerror}")
    except WhatsAppError as error:
        die(f"Meta did not exchange the token: {error}")
    print(f"written to {out}; it works for {f'{seconds // 86_400} days' if seconds else 'an unknown time'}")


async def _check_all(clients: MetaClients, channels: list[Channel], now: datetime) -> list[NumberHealth]:
    return [await check(clients.api(channel), channel, now) for channel in channels]


async def _exchange(clients: MetaClients, channel: Channel, token: str, app_id: str | None) -> tuple[str, int | None]:
    management = Management(clients.api(channel))
    app = app_id or (await management.token(token)).app_id
    if app is None:
        die("Meta did not name the token's app: give --app-id")
    return await management.exchange_token(app, channel.app_secrets[0].get_secret_value(), token)


def _chosen(settings: Settings, wanted: str | None, secrets: Collection[str] = ("access_token",)) -> list[Channel]:
    """Return the numbers that are meant, with these secrets: a pod of the chart has no others."""
    channels = settings.channels(secrets)
    every = channels.all()
    if channels.problems:
        die("; ".join(f"{file} {problem}" for file, problem in channels.problems.items()))
    if wanted is not None and wanted not in every:
        die(f"there is no number {wanted} configured here")
    if not every:
        die("no number is configured: set WHATSAPP_PHONE_NUMBER_ID and WHATSAPP_ACCESS_TOKEN, or CHANNELS_FILE")
    return [every[wanted]] if wanted else list(every.values())


def _with_meta(settings: Settings, act: Callable[[MetaClients], Awaitable[T]]) -> T:
    async def connected() -> T:
        async with httpx.AsyncClient(timeout=20) as http:
            return await act(MetaClients(http, settings.whatsapp_graph_url, settings.whatsapp_api_version))

    return asyncio.run(connected())


def _print(one: NumberHealth) -> None:
    ends = "never expires" if one.token_never_expires else f"{one.token_days_left} days left"
    token = "not known" if one.token_valid is None else f"valid, {ends}" if one.token_valid else "not valid"
    subscribed = "not known" if one.subscribed is None else "yes" if one.subscribed else "no"
    print(f"number {one.phone_number_id}")
    print(f"    token: {token}")
    print(f"    scopes: {', '.join(one.scopes) or 'not known'}")
    print(f"    app subscribed: {subscribed}")
    print(f"    quality: {one.quality or 'not known'}, sending: {one.can_send or 'not known'}")
    print(f"    limits: {one.messaging_limit or 'not known'}, throughput {one.throughput or 'not known'}")
    for label, sentences in (("PROBLEM", one.problems), ("soon", one.warnings)):
        for sentence in sentences:
            print(f"    {label}: {sentence}")


def _write(path: Path, secret: str) -> None:
    """Write a file that only its owner can read, from the first byte on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(file.fileno(), 0o600)  # an older file may be readable by others
        file.write(secret + "\n")
