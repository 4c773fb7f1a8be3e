"""Files of people on their way to Meta: uploaded right before the message that shows them, once for all its tries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import obstore
import structlog
from obstore.exceptions import BaseError

from gateway.numbers.channels import Channel
from gateway.store.database import Pool
from gateway.store.outbox import files as store
from gateway.store.outbox.files import OutboundFile
from gateway.store.outbox.queue import Outbound
from gateway.whatsapp.api.connection import GraphApi
from gateway.whatsapp.api.media import MediaApi
from gateway.whatsapp.errors import Cause, Permanent, Temporary
from gateway.whatsapp.messages.caps import UPLOADED_MEDIA_DAYS

if TYPE_CHECKING:
    from obstore.store import ObjectStore

log = structlog.get_logger(__name__)

_UPLOAD_SECONDS = 150.0
_LEASE_SECONDS = _UPLOAD_SECONDS + 30  # the request that follows has a lease of its own
_AT_ONCE = 2  # a file is in memory while it is uploaded, 100 MB at most
_MEDIA_FAILED = 131053  # Meta's code for a file that it did not take


class OutboundFiles:
    """The files of messages. objects: the object store, None where the process has none; api: a client for a number."""

    def __init__(self, pool: Pool, objects: ObjectStore | None, api: Callable[[Channel], GraphApi]) -> None:
        self._pool = pool
        self._objects = objects
        self._api = api
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def attach(self, channel: Channel, message: Outbound) -> None:
        """Put Meta's id of a message's file into it; other messages stay as they are.

        Raises:
            Temporary: The object store or Meta does not answer, or another sender has the message.
            WhatsAppError: The file is gone, or Meta does not take it.
        """
        content = message.content
        if message.type != "media" or content.get("link") or content.get("media_id"):
            return
        async with self._pool.connection() as conn:
            found = await store.of(conn, message.id, UPLOADED_MEDIA_DAYS)
        if found is None or found.path is None:
            raise Permanent("The file of the message is gone.", Cause(code=_MEDIA_FAILED))
        remote_id = found.remote_id or await self._upload(channel, message, found)
        message.content = {**content, "media_id": remote_id}

    async def _upload(self, channel: Channel, message: Outbound, found: OutboundFile) -> str:
        name = message.content.get("filename") or "file"
        async with self._room:
            async with self._pool.connection() as conn:
                if not await store.lease(conn, message, _LEASE_SECONDS):
                    raise Temporary("Another sender has the message.")
            try:
                async with asyncio.timeout(_UPLOAD_SECONDS):
                    content = await self._read(found.path or "")
                    remote_id = await MediaApi(self._api(channel)).upload(
                        channel.phone_number_id, content, found.mime_type, name
                    )
            except TimeoutError:
                raise Temporary("The upload of the file takes too long.") from None
        async with self._pool.connection() as conn:
            await store.uploaded(conn, found.id, remote_id)
        return remote_id

    async def _read(self, path: str) -> bytes:
        if self._objects is None:
            raise Temporary("There is no object store.")
        try:
            return bytes(await (await obstore.get_async(self._objects, path)).bytes_async())
        except FileNotFoundError:
            raise Permanent("The file of the message is gone.", Cause(code=_MEDIA_FAILED)) from None
        except (BaseError, OSError) as error:
            log.warning("object_store_away", error=type(error).__name__)
            raise Temporary("The object store does not answer.") from None
