"""The object store of files, and Valkey, which shares the rates."""

from __future__ import annotations

import uuid

import obstore
import redis.asyncio as redis
from obstore.exceptions import BaseError

from gateway.doctor.findings import Finding, problem, unchecked, warning
from gateway.runtime.object_store import open_store
from gateway.settings import Settings

_CONTENT = b"written by gateway doctor"


async def object_store(settings: Settings) -> list[Finding]:
    """Write, read and delete a small file under `doctor/`."""
    part, key = "files", f"doctor/{uuid.uuid4()}"
    if "media_url" not in settings.model_fields_set:
        return [unchecked(part, "MEDIA_URL is not set here", "run it in the pod of `work`")]
    doing = "opened"
    try:
        store = open_store(settings.media_url)
        doing = "written to"
        await obstore.put_async(store, key, _CONTENT)
        doing = "read"
        same = bytes(await (await obstore.get_async(store, key)).bytes_async()) == _CONTENT
        doing = "deleted from"
        await obstore.delete_async(store, key)
    except (BaseError, OSError, ValueError) as error:
        step = "look whether the store of MEDIA_URL answers, and at the rights there: to read, write and delete"
        return [problem(part, f"the object store cannot be {doing} ({type(error).__name__})", step)]
    return [] if same else [problem(part, "the object store gives back another content", "look at what answers there")]


async def valkey(settings: Settings) -> list[Finding]:
    """Check that Valkey answers and takes keys; without it Postgres keeps the rates."""
    if settings.redis_url is None:
        return [unchecked("valkey", "REDIS_URL is not set here", "run it in the pod of `work`, if it is set there")]
    client = redis.Redis.from_url(
        settings.redis_url.get_secret_value(), socket_connect_timeout=3, socket_timeout=3, retry=None
    )
    key = f"doctor:{uuid.uuid4()}"
    try:
        async with client:
            await client.set(key, "1", ex=60)
            await client.delete(key)
    except (redis.RedisError, OSError, ValueError) as error:
        what = f"Valkey does not work ({type(error).__name__}): each worker keeps stricter rates of its own"
        return [warning("valkey", what, "start it, or mend REDIS_URL (address and password)")]
    return []
