"""Fetch the files of customers from Meta at once, check them, and keep them in the object store.

Addresses that Meta gives work for five minutes and ids for seven days, so an attempt begins with the id. Nothing is
fetched from anywhere but the hosts that the Cloud API names (and the stand-in for it, where one is configured).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

import obstore
import psycopg
import structlog
from obstore.exceptions import BaseError

from gateway.numbers.channels import Channel, Channels
from gateway.numbers.quiet_period import QuietPeriod
from gateway.runtime.telemetry import ERRORS, MEDIA
from gateway.store.database import Connection, Pool, is_away
from gateway.store.inbox import media as store
from gateway.store.inbox.media import ClaimedMedia
from gateway.whatsapp.api.connection import GRAPH_URL, GraphApi
from gateway.whatsapp.api.media import MEDIA_ORIGINS, Download, MediaApi, MediaInfo
from gateway.whatsapp.errors import AccountBlocked, MediaExpired, MediaTooLarge, Temporary, WhatsAppError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

log = structlog.get_logger(__name__)

_MAX_CONCURRENT = 8  # downloads of one process at once
_ATTEMPT_SECONDS = 120.0  # seconds for one attempt
_LEASE_SECONDS = 150.0  # longer than an attempt: it ends only after its worker has died
_MAX_DELAY = 3600.0
_MAX_CRASHES = 3  # attempts, when one ends with a defect of ours
_MAX_ADDRESSES = 3  # addresses that do not work before the media counts as expired
# The types that a kind of message may hold; a document may have any.
_TYPES = {"image": ("image/",), "sticker": ("image/",), "video": ("video/",), "audio": ("audio/", "application/ogg")}


def origins(graph_url: str) -> tuple[str, ...]:
    """Return the origins of media: Meta's hosts, and the stand-in for the Cloud API where that is configured."""
    parts = urlsplit(graph_url)
    return MEDIA_ORIGINS if graph_url.rstrip("/") == GRAPH_URL else (*MEDIA_ORIGINS, f"{parts.scheme}://{parts.netloc}")


@dataclass(slots=True)
class _Count:
    """The number and the SHA-256 of the bytes that pass."""

    size: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    async def over(self, download: Download) -> AsyncIterator[bytes]:
        async for chunk in download.chunks():
            self.size += len(chunk)
            self.digest.update(chunk)
            yield chunk


class MediaLoader:
    """The fetcher of media; `step` is called in a loop, and `drain` ends it.

    api: the Graph API with a channel's token; limit: in bytes; allowed: origins that media may come from.
    """

    def __init__(
        self, pool: Pool, channels: Channels, api: Callable[[Channel], GraphApi], objects: ObjectStore, *,
        limit: int, quiet: QuietPeriod, allowed: tuple[str, ...] = MEDIA_ORIGINS,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._channels = channels
        self._api = api
        self._objects = objects
        self._limit = limit
        self._quiet = quiet
        self._allowed = allowed
        self._fetching: set[asyncio.Task[None]] = set()
        self._problem: str | None = None

    async def step(self) -> float:
        """Begin downloads as far as there is room; return the seconds until the next call."""
        room = _MAX_CONCURRENT - len(self._fetching)
        if room <= 0:
            return 1.0
        async with self._pool.connection() as conn:
            due = await store.next_due(conn)
            if due != 0:
                return 60.0 if due is None else due
            claimed = await store.claim(conn, room, _LEASE_SECONDS, self._channels.all())
            due = await store.next_due(conn) if len(claimed) < room else 1.0
        for one in claimed:
            task = asyncio.create_task(self._fetch(one), name=f"media-{one.id}")
            self._fetching.add(task)
            task.add_done_callback(self._fetching.discard)
        return max(due, 0.1) if due is not None else 60.0

    async def drain(self) -> None:
        """Wait for the downloads that have begun."""
        if self._fetching:
            await asyncio.wait(self._fetching)

    async def problem(self) -> str | None:
        """Return the problem of the object store, for operators; None: it has none."""
        return self._problem

    async def _fetch(self, claimed: ClaimedMedia) -> None:
        """Make one attempt and store its result; where that fails, the lease ends and another attempt follows."""
        try:
            await self._attempt_or_fail(claimed)
        except psycopg.Error as error:
            log.warning("media_not_noted", media_id=str(claimed.id), error=type(error).__name__)

    async def _attempt_or_fail(self, claimed: ClaimedMedia) -> None:
        try:
            await self._attempt(claimed)
        except Exception as error:
            if is_away(error):
                raise
            # A defect of ours, or a value that cannot be stored: the worker goes on, and its attempts are bounded.
            ERRORS.labels("media").inc()
            log.exception("media_crashed", media_id=str(claimed.id))
            if claimed.attempts >= _MAX_CRASHES:
                await self._settle(claimed, "failed", error=type(error).__name__)
            else:
                await self._retry(claimed, type(error).__name__)

    async def _attempt(self, claimed: ClaimedMedia) -> None:
        channel = self._channels.get(claimed.channel_id)
        if channel is None:
            await self._retry(claimed, "its channel is gone")
            return
        try:
            async with asyncio.timeout(_ATTEMPT_SECONDS):
                await self._load(claimed, MediaApi(self._api(channel), self._allowed))
        except MediaTooLarge:
            await self._settle(claimed, "too_large", error="it is larger than MEDIA_MAX_BYTES")
        except (AccountBlocked, Temporary, TimeoutError) as error:
            await self._retry(claimed, str(error) or "no end after two minutes")
        except MediaExpired as error:
            await self._settle(claimed, "expired", error=str(error))
        except WhatsAppError as error:
            await self._settle(claimed, "failed", error=str(error))
        except (BaseError, OSError) as error:
            self._problem = f"the object store at MEDIA_URL does not take media ({type(error).__name__})"
            await self._retry(claimed, self._problem)

    async def _load(self, claimed: ClaimedMedia, api: MediaApi) -> None:
        info = await api.info(claimed.remote_id, claimed.channel_id)
        mime_type = info.mime_type or claimed.mime_type or ""
        if not mime_type.startswith(_TYPES.get(claimed.kind, "")):
            await self._settle(claimed, "unsupported", error=f"{mime_type or 'no type'} is no {claimed.kind}")
            return
        if info.size is not None and info.size > self._limit:
            raise MediaTooLarge(self._limit)
        path = f"{datetime.now(UTC):%Y/%m}/{claimed.id}"
        size = await self._copy(claimed, api, info, path)
        await self._settle(claimed, "stored", path=path, mime_type=mime_type, size=size)

    async def _copy(self, claimed: ClaimedMedia, api: MediaApi, info: MediaInfo, path: str) -> int:
        """Stream the bytes into the object store and return their number."""
        count = _Count()
        try:
            async with api.download(info.url, limit=self._limit) as download:
                await obstore.put_async(self._objects, path, count.over(download))
        except MediaExpired as error:
            if claimed.attempts < _MAX_ADDRESSES:
                raise Temporary("The address of the medium works no more.", error.cause) from None
            raise
        self._problem = None
        # Meta writes the digest in hexadecimal digits here, and as base64 in webhooks.
        if info.sha256 and len(info.sha256) == 64 and info.sha256.lower() != count.digest.hexdigest():
            raise Temporary("The medium arrived with another content than Meta says.")
        return count.size

    async def _settle(
        self, claimed: ClaimedMedia, status: str, *, path: str | None = None, mime_type: str | None = None,
        size: int | None = None, error: str | None = None,
    ) -> None:  # fmt: skip
        MEDIA.labels(status).inc()
        log.info("media_settled", media_id=str(claimed.id), kind=claimed.kind, status=status, size=size, error=error)
        async with self._pool.connection() as conn, conn.transaction():
            conversation_id = await store.settle(
                conn, claimed.id, status, path=path, mime_type=mime_type, size=size, error=error
            )
            await self._schedule(conn, claimed, conversation_id)
        if path and conversation_id is None:  # its customer was erased meanwhile
            await obstore.delete_async(self._objects, path)

    async def _retry(self, claimed: ClaimedMedia, error: str) -> None:
        delay = min(2.0 ** (claimed.attempts - 1), _MAX_DELAY)
        async with self._pool.connection() as conn:
            kept = await store.retry(conn, claimed.id, delay, error)
            if not kept:
                await self._expire(conn, claimed, error)
        MEDIA.labels("retried" if kept else "expired").inc()
        log.warning("media_attempt_failed", media_id=str(claimed.id), error=error, retry_in=delay if kept else None)

    async def _expire(self, conn: Connection, claimed: ClaimedMedia, error: str) -> None:
        async with conn.transaction():
            await self._schedule(conn, claimed, await store.settle(conn, claimed.id, "expired", error=error))

    async def _schedule(self, conn: Connection, claimed: ClaimedMedia, conversation_id: UUID | None) -> None:
        """Set when the turn is due that may have waited for this file only."""
        channel = self._channels.get(claimed.channel_id)
        quiet = channel.quiet(self._quiet) if channel else self._quiet
        if conversation_id:
            await quiet.schedule(conn, conversation_id)
