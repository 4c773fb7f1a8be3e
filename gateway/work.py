"""The worker process and the wiring of its parts: events to messages, messages to turns, replies to sends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import structlog

from gateway import health_checks as checks
from gateway import persons_data
from gateway.housekeeping import CLEANING_SECONDS, Ages, Housekeeping
from gateway.inbox.intake import Intake
from gateway.inbox.media_fetcher import MediaLoader, origins
from gateway.numbers.channels import Channels
from gateway.numbers.clients import MetaClients
from gateway.numbers.number_health import HealthMonitor
from gateway.outbox.fallbacks import FallbackNews
from gateway.outbox.farewell import Farewell
from gateway.outbox.presence import Presence
from gateway.outbox.rate_limits import Limiter
from gateway.outbox.sender import Sender, SendSettings
from gateway.outbox.template_texts import TemplateTexts
from gateway.runtime.agent_servers import AgentServers
from gateway.runtime.hosts import known_hosts_only
from gateway.runtime.http_transport import AiohttpTransport
from gateway.runtime.loops import Step, background, poll, supervised
from gateway.runtime.object_store import open_store
from gateway.runtime.operations import Check, Ops
from gateway.runtime.serving import Door, Process
from gateway.settings import Settings
from gateway.store.database import EVENTS, MEDIA, OUTBOX, TURNS, Pool, Wakeups, make_pool
from gateway.turns.agent_server import Agent
from gateway.turns.canned_texts import erased
from gateway.turns.erasures import Way
from gateway.turns.holder import Bounds, Turns
from gateway.turns.run import Runs
from gateway.turns.servers import INTERVAL_SECONDS, Servers

if TYPE_CHECKING:
    from obstore.store import ObjectStore

log = structlog.get_logger(__name__)

_HTTP_TIMEOUT = httpx.Timeout(20, connect=5)
_HTTP_CONNECTIONS = 200
# `serve` alone receives what Meta signs, so that only it has app secrets.
_SECRETS = ("access_token",)


def work(settings: Settings) -> Process:
    """Return the worker process, which offers only health and metrics over HTTP."""
    worker = Worker(settings)
    ops = Ops(worker.checks(), needed=frozenset({"postgres"}), warning=worker.warning)
    app = known_hosts_only(ops.routes(), settings.known_hosts)
    door = Door(app, settings.gateway_host, settings.work_port, "WORK_PORT", settings.bounds())
    return Process("work", [door], worker.lifespan, settings.drain_seconds)


class Worker:
    """The parts of `work`, opened and closed in one place: `lifespan`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = settings.database_url.get_secret_value()
        self._pool = make_pool(self._url, settings.database_pool_size)
        self._channels = settings.channels(_SECRETS)
        self._wakeups = Wakeups(self._url)
        self._stop = asyncio.Event()
        self._servers = _servers(settings)
        self._http = httpx.AsyncClient(timeout=_HTTP_TIMEOUT, transport=AiohttpTransport(_HTTP_CONNECTIONS))
        self._redis = persons_data.valkey(settings)
        self._clients = MetaClients(self._http, settings.whatsapp_graph_url, settings.whatsapp_api_version)
        limiter = Limiter(self._redis, self._pool)
        objects = open_store(settings.media_url)
        self._health_monitor = HealthMonitor(self._pool, self._clients, self._channels, settings.whatsapp_api_version)
        texts = TemplateTexts(self._pool, self._clients.api)
        self._fallback_news = FallbackNews(self._pool, self._channels, texts)
        self._intake = _intake(settings, self._pool, self._channels)
        self._media = _media_loader(settings, self._pool, self._channels, self._clients, objects)
        presence = Presence(self._pool, self._clients, limiter, react=settings.react_on_receipt)
        runs = Runs(self._pool, self._servers, settings.capabilities(), _erasure(settings))
        self._leases = make_pool(self._url, 1)
        self._turns = Turns(self._pool, runs, self._channels, presence.show, _bounds(settings), leases=self._leases)
        self._sender = Sender(
            self._pool, self._clients, self._channels, limiter, _send_settings(settings), objects=objects
        )
        self._housekeeping = _housekeeping(settings, self._pool, self._sender, objects)
        farewell = Farewell(self._clients, self._channels, erased)
        self._data_requests = persons_data.data_requests(
            settings, self._pool, self._http, self._redis, objects, farewell.tell
        )

    def checks(self) -> dict[str, Check]:
        """Return the checks of the parts that the worker uses, for `/health`."""
        parts: dict[str, Check] = {
            "postgres": lambda: checks.postgres(self._pool),
            "agent": lambda: checks.agent_servers(self._servers),
            "whatsapp": self._clients.problem,
            "channels": lambda: checks.numbers(self._channels),
            "media": self._media.problem,
        }
        if self._redis is not None:
            client = self._redis
            parts["redis"] = lambda: checks.valkey(client)
        return parts

    async def warning(self) -> str | None:
        """Return what will stop working unless somebody acts; None: nothing."""
        return await self._health_monitor.warning()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Run all parts while this lasts; work under way at the end is finished or given back."""
        async with AsyncExitStack() as stack:
            await self._pool.open(wait=False)
            stack.push_async_callback(self._pool.close)
            await self._leases.open(wait=False)
            stack.push_async_callback(self._leases.close)
            await stack.enter_async_context(self._servers)
            await stack.enter_async_context(self._http)
            if self._redis is not None:
                stack.push_async_callback(self._redis.aclose)
            await stack.enter_async_context(background(self._wakeups.listen()))
            # Not drained: the end should not wait for Meta's slow answers about numbers.
            monitor = poll("standing", self._health_monitor.step, wake=asyncio.Event(), stop=self._stop, at_most=60)
            await stack.enter_async_context(background(monitor))
            news = poll("fallbacks", self._fallback_news.step, wake=asyncio.Event(), stop=self._stop, at_most=300)
            await stack.enter_async_context(background(news))
            stack.push_async_callback(self._drain)
            stack.push_async_callback(asyncio.wait, self._loops())
            yield
            self._stop.set()

    def _loops(self) -> list[asyncio.Task[None]]:
        own = asyncio.Event()  # for loops that no notification wakes
        every = self._settings.poll_seconds
        loops: list[tuple[str, Step, asyncio.Event, float]] = [
            ("intake", self._intake.step, self._wakeups[EVENTS], every),
            ("agent_servers", self._servers.step, asyncio.Event(), INTERVAL_SECONDS),
            ("turns", self._turns.step, self._wakeups[TURNS], every),
            ("sender", self._sender.step, self._wakeups[OUTBOX], every),
            ("media", self._media.step, self._wakeups[MEDIA], every),
            ("leases", self._turns.renew, own, self._settings.lease_seconds / 3),
            ("housekeeping", self._housekeeping.step, own, 5),
            ("cleaning", self._housekeeping.clean, own, CLEANING_SECONDS),
            ("data_requests", self._data_requests.step, asyncio.Event(), 5),
        ]
        return [
            supervised(poll(name, step, wake=wake, stop=self._stop, at_most=at_most))
            for name, step, wake, at_most in loops
        ]

    async def _drain(self) -> None:
        """Finish or give back work under way. A failure of one part does not keep the others from doing so."""
        drains = (self._turns.drain(), self._sender.drain(), self._media.drain())
        problems: list[BaseException | None] = []
        try:
            async with asyncio.timeout(self._settings.drain_seconds):
                problems += await asyncio.gather(*drains, return_exceptions=True)
        except TimeoutError as error:
            problems.append(error)
        for problem in filter(None, problems):
            reason, consequence = type(problem).__name__, "leases run out, others take over"
            log.warning("drain_unfinished", error=reason, consequence=consequence)


def _servers(settings: Settings) -> Servers:
    token = settings.langgraph_token.get_secret_value() if settings.langgraph_token else None
    named = AgentServers(settings.langgraph_url)
    return Servers(named, lambda address: Agent(address, token), settings.agent_away_seconds)


def _erasure(settings: Settings) -> Way:
    """Return what follows when customers want all data erased: without TOMBSTONE_KEY an admin learns why not."""
    return settings.erasure_by_customer if settings.tombstone_key else "request"


def _intake(settings: Settings, pool: Pool, channels: Channels) -> Intake:
    return Intake(
        pool, channels, settings.quiet_period(),
        media_wait=settings.media_wait_seconds,
        phone_app_hold=settings.phone_app_hold_seconds,
        number_silence=timedelta(days=settings.number_silence_days),
        phone_changed_hold=timedelta(hours=settings.phone_changed_hold_hours),
        unknown_number_wait=settings.unknown_number_hours * 3600,
        tombstones=persons_data.tombstones(settings),
    )  # fmt: skip


def _media_loader(
    settings: Settings, pool: Pool, channels: Channels, clients: MetaClients, objects: ObjectStore
) -> MediaLoader:
    return MediaLoader(
        pool, channels, clients.api, objects,
        limit=settings.media_max_bytes,
        quiet=settings.quiet_period(),
        allowed=origins(settings.whatsapp_graph_url),
    )  # fmt: skip


def _bounds(settings: Settings) -> Bounds:
    return Bounds(
        in_flight=settings.turns_in_flight,
        timeout=settings.turn_timeout_seconds,
        attempts=settings.turn_attempts,
        lease=settings.lease_seconds,
        quiet=settings.quiet_period(),
        turns_per_day=settings.customer_turns_per_day,
        tokens_per_day=settings.customer_tokens_per_day,
    )


def _send_settings(settings: Settings) -> SendSettings:
    return SendSettings(
        settings.uncertain_wait_seconds,
        resend=settings.uncertain_policy == "resend",
        number_silence=timedelta(days=settings.number_silence_days),
    )


def _housekeeping(settings: Settings, pool: Pool, sender: Sender, objects: ObjectStore) -> Housekeeping:
    ages = Ages(
        events=settings.event_retention_days, left=settings.event_left_retention_days, audit=settings.audit_days,
        messages=settings.message_retention_days, files=settings.media_retention_days,
        tombstones=settings.tombstone_days, exports=settings.export_days, consents=settings.consent_days,
        contacts=settings.contact_retention_days, drafts=settings.draft_days,
    )  # fmt: skip
    return Housekeeping(
        pool, sender, settings.quiet_period(), ages, objects=objects, episode_idle_hours=settings.episode_idle_hours,
        tombstones=persons_data.tombstones(settings),
    )  # fmt: skip
