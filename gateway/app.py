"""The two processes as ASGI apps: everything with a lifetime is opened here, and closed in the opposite order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import redis.asyncio as redis
import structlog
from starlette.applications import Starlette

from gateway.agent import Agent
from gateway.attention import Attention
from gateway.channels import Channel, Channels
from gateway.housekeeping import Housekeeping
from gateway.intake import Intake
from gateway.internal import Internal
from gateway.limits import Limiter
from gateway.lines import Lines
from gateway.media import MediaLoader, open_store, origins
from gateway.ops import Check, Ops
from gateway.outreach import Outreach
from gateway.polling import Step, ended, poll
from gateway.sender import Sender, SendSettings
from gateway.settings import Settings
from gateway.standing import Watch
from gateway.store.conversations import Quiet
from gateway.store.database import AWAY, EVENTS, MEDIA, OUTBOX, TURNS, Pool, Wakeups, make_pool
from gateway.turns import Bounds, Turns
from gateway.webhooks import Inbox, Webhook

log = structlog.get_logger(__name__)


def serve(settings: Settings) -> Starlette:
    """Webhooks in, and what the agent asks of us."""
    pool = make_pool(settings.database_url.get_secret_value(), settings.database_pool_size)
    channels = channels_of(settings)
    inbox = Inbox(pool)
    checks: dict[str, Check] = {"postgres": lambda: _postgres(pool), "channels": lambda: _channels(channels)}
    token = settings.internal_token.get_secret_value() if settings.internal_token else None
    internal = Internal(pool, open_store(settings.media_url), token)
    routes = [
        *Webhook(inbox, channels).routes(),
        *internal.routes(),
        *Outreach(pool, channels, internal.allowed).routes(),
        *Ops(checks, needed=frozenset({"postgres"})).routes(),
    ]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await pool.open(wait=False)
            stack.push_async_callback(pool.close)
            await stack.enter_async_context(_background(inbox.run()))
            yield

    return Starlette(routes=routes, lifespan=lifespan)


def work(settings: Settings) -> Starlette:
    """Events to messages, messages to turns, replies to sends; over HTTP only health and metrics."""
    worker = _Worker(settings)
    ops = Ops(worker.checks(), needed=frozenset({"postgres"}), warning=worker.warning)
    return Starlette(routes=ops.routes(), lifespan=lambda _: worker.lifespan())


class _Worker:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = settings.database_url.get_secret_value()
        self._pool = make_pool(self._url, settings.database_pool_size)
        self._channels = channels_of(settings)
        self._wakeups = Wakeups(self._url)
        self._stop = asyncio.Event()
        token = settings.langgraph_token.get_secret_value() if settings.langgraph_token else None
        self._agent = Agent(settings.langgraph_url, token)
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(20, connect=5),
            limits=httpx.Limits(max_connections=200),
        )
        self._redis = redis.Redis.from_url(
            settings.redis_url.get_secret_value(), socket_connect_timeout=1, socket_timeout=1
        ) if settings.redis_url else None  # fmt: skip
        quiet = Quiet(settings.quiet_period_seconds, settings.quiet_period_max_seconds)
        self._lines = Lines(self._http, settings.whatsapp_graph_url, settings.whatsapp_api_version)
        limiter = Limiter(self._redis)
        self._sender = Sender(self._pool, self._lines, self._channels, limiter, _send_settings(settings))
        attention = Attention(self._pool, self._lines, limiter, react=settings.react_on_receipt)
        self._intake = Intake(
            self._pool, self._channels, quiet,
            media_wait=settings.media_wait_seconds, phone_app_hold=settings.phone_app_hold_seconds,
        )  # fmt: skip
        self._housekeeping = Housekeeping(self._pool, self._sender, quiet, settings.event_retention_days)
        self._watch = Watch(self._pool, self._lines, self._channels, settings.whatsapp_api_version)
        self._media = MediaLoader(
            self._pool, self._channels, self._lines.api, open_store(settings.media_url),
            limit=settings.media_max_bytes, quiet=quiet, allowed=origins(settings.whatsapp_graph_url),
        )  # fmt: skip
        self._turns = Turns(
            self._pool, self._agent, self._channels, attention.attend,
            Bounds(settings.turns_in_flight, settings.turn_timeout_seconds, settings.turn_attempts,
                   settings.lease_seconds, quiet),
        )  # fmt: skip

    def checks(self) -> dict[str, Check]:
        checks: dict[str, Check] = {
            "postgres": lambda: _postgres(self._pool),
            "agent": self._agent_check,
            "whatsapp": self._lines.problem,
            "channels": lambda: _channels(self._channels),
            "media": self._media.problem,
        }
        if self._redis is not None:
            client = self._redis
            checks["redis"] = lambda: _redis(client)
        return checks

    async def warning(self) -> str | None:
        return await self._watch.warning()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await self._pool.open(wait=False)
            stack.push_async_callback(self._pool.close)
            await stack.enter_async_context(self._agent)
            await stack.enter_async_context(self._http)
            if self._redis is not None:
                stack.push_async_callback(self._redis.aclose)
            await stack.enter_async_context(_background(self._wakeups.listen()))
            # Meta's slow answers about numbers are no reason to wait at the end.
            watch = poll("standing", self._watch.step, wake=asyncio.Event(), stop=self._stop, at_most=60)
            await stack.enter_async_context(_background(watch))
            stack.push_async_callback(self._drain)
            loops = self._loops()
            stack.push_async_callback(_finished, loops)
            yield
            self._stop.set()

    def _loops(self) -> list[asyncio.Task[None]]:
        own = asyncio.Event()  # for loops that nothing wakes
        every = self._settings.poll_seconds
        loops: list[tuple[str, Step, asyncio.Event, float]] = [
            ("intake", self._intake.step, self._wakeups[EVENTS], every),
            ("turns", self._turns.step, self._wakeups[TURNS], every),
            ("sender", self._sender.step, self._wakeups[OUTBOX], every),
            ("media", self._media.step, self._wakeups[MEDIA], every),
            ("leases", self._turns.renew, own, self._settings.lease_seconds / 3),
            ("housekeeping", self._housekeeping.step, own, 5),
        ]
        return [
            _supervised(poll(name, step, wake=wake, stop=self._stop, at_most=at_most))
            for name, step, wake, at_most in loops
        ]

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(self._settings.drain_seconds):
                await self._turns.drain()
                await self._sender.drain()
                await self._media.drain()
        except (TimeoutError, *AWAY) as error:
            log.warning("drain_unfinished", error=type(error).__name__, consequence="leases run out, others take over")

    async def _agent_check(self) -> str | None:
        return (
            None
            if await self._agent.healthy()
            else f"no answer from the agent server at {self._settings.langgraph_url}"
        )


def channels_of(settings: Settings) -> Channels:
    """The channels that the environment names: the short form for one number, and files."""
    fixed = []
    if settings.whatsapp_phone_number_id and settings.whatsapp_access_token:
        fixed.append(
            Channel(
                phone_number_id=settings.whatsapp_phone_number_id,
                waba_id=settings.whatsapp_business_account_id,
                access_token=settings.whatsapp_access_token,
                assistant=settings.langgraph_assistant,
                app_secrets=settings.app_secrets(),
                verify_token=settings.whatsapp_webhook_verify_token,
            )
        )
    files = [Path(name.strip()) for name in (settings.channels_file or "").split(",") if name.strip()]
    return Channels(fixed, files)


def _send_settings(settings: Settings) -> SendSettings:
    return SendSettings(settings.uncertain_wait_seconds, settings.uncertain_policy == "resend")


async def _postgres(pool: Pool) -> str | None:
    try:
        async with pool.connection(timeout=3) as conn:
            await conn.execute("SELECT FROM event LIMIT 1")
    except psycopg.errors.UndefinedTable:
        return "its tables are missing: run `gateway migrate`"
    except AWAY as error:
        return f"no connection ({type(error).__name__})"
    return None


async def _redis(client: redis.Redis) -> str | None:
    try:
        await client.ping()
    except (redis.RedisError, OSError) as error:
        return f"no answer ({type(error).__name__}); each worker keeps stricter limits of its own"
    return None


async def _channels(channels: Channels) -> str | None:
    if channels.problems:
        return "; ".join(f"{file} {problem}" for file, problem in channels.problems.items())
    return None if channels.all() else "no number is configured: set WHATSAPP_PHONE_NUMBER_ID or CHANNELS_FILE"


@asynccontextmanager
async def _background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run something as long as the block lasts; should it fail, the process ends."""
    task = _supervised(work)
    try:
        yield
    finally:
        await ended([task])


def _supervised(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    task = asyncio.create_task(work)
    task.add_done_callback(_end_with)
    return task


def _end_with(task: asyncio.Task[None]) -> None:
    """A loop that failed is a defect: better to be started anew than to live on without it."""
    if not task.cancelled() and (error := task.exception()):
        log.error("background_task_failed", exc_info=error)
        signal.raise_signal(signal.SIGTERM)


async def _finished(tasks: list[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)
