"""All checks at once, each within a bound of time, with what the process is given and nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version as installed

import httpx
import psycopg

from gateway.doctor import agent_server, stores
from gateway.doctor.backup import backup
from gateway.doctor.channels import channels, known
from gateway.doctor.clock import against_meta, against_postgres
from gateway.doctor.database import away, connect, database
from gateway.doctor.findings import Finding, problem, warning
from gateway.doctor.meta import meta
from gateway.doctor.traffic import traffic
from gateway.numbers.channels import Channel
from gateway.numbers.number_health import version_warning
from gateway.settings import Settings
from gateway.store.migrate import MIGRATIONS

CHECK_SECONDS = 20.0
_REQUEST_SECONDS = 8.0

Check = Callable[[], Awaitable[list[Finding]]]


@dataclass(frozen=True, slots=True)
class Examination:
    """The findings, and the versions that were found; agent: that of the agent server's program, or None."""

    findings: list[Finding]
    gateway: str
    schema: str
    agent: str | None


async def examine(settings: Settings, seconds: float = CHECK_SECONDS) -> Examination:
    """Return all findings, problems first. Each part has its own bound of time, so that one does not hide another."""
    numbers = known(settings)
    async with httpx.AsyncClient(timeout=_REQUEST_SECONDS) as http:
        checks = [_bounded(part, check, seconds) for part, check in _checks(settings, numbers, http).items()]
        found, agent = await asyncio.gather(asyncio.gather(*checks), agent_server.version(settings, http))
    findings = [*channels(settings), *_versions(settings), *(one for each in found for one in each)]
    order = ("problem", "warning", "unchecked")
    findings.sort(key=lambda one: order.index(one.level))
    newest = max(path.stem for path in MIGRATIONS.glob("*.sql"))
    return Examination(findings, installed("whatsapp-agent"), newest, agent)


def _checks(settings: Settings, numbers: list[Channel], http: httpx.AsyncClient) -> dict[str, Check]:
    url = settings.database_url.get_secret_value()
    return {
        "meta": lambda: meta(settings, numbers, http),
        "clock": lambda: against_meta(settings.whatsapp_graph_url, http),
        "database": lambda: _database(url, numbers),
        "agent": lambda: agent_server.agent_server(settings, numbers, http),
        "files": lambda: stores.object_store(settings),
        "valkey": lambda: stores.valkey(settings),
    }


async def _database(url: str, numbers: list[Channel]) -> list[Finding]:
    try:
        found = await database(url)
        async with await connect(url) as conn:
            return [*found, *await traffic(conn, numbers), *await against_postgres(conn), *await backup(conn)]
    except psycopg.OperationalError as error:
        return [away(error)]


async def _bounded(part: str, check: Check, seconds: float) -> list[Finding]:
    try:
        async with asyncio.timeout(seconds):
            return await check()
    except TimeoutError:
        step = "look at the network between here and there: something takes connections and answers nothing"
        return [problem(part, f"the check did not end within {seconds:.0f} s", step)]


def _versions(settings: Settings) -> list[Finding]:
    sentence = version_warning(settings.whatsapp_api_version, datetime.now(UTC).date())
    return [warning("versions", sentence, "read Meta's changelog between the two versions first")] if sentence else []
