"""What a process asks of the parts that it uses, for ``/readyz`` and ``/health``: None, or one sentence."""

from __future__ import annotations

import psycopg
import redis.asyncio as redis

from gateway.agent import Agent
from gateway.channels import Channels
from gateway.store.database import Pool


async def postgres(pool: Pool) -> str | None:
    """Whether the database answers, and has its tables."""
    try:
        async with pool.connection(timeout=3) as conn:
            await conn.execute("SELECT FROM event LIMIT 1")
    except psycopg.errors.UndefinedTable:
        return "its tables are missing: run `gateway migrate`"
    except psycopg.Error as error:
        return f"no connection ({type(error).__name__})"
    return None


async def valkey(client: redis.Redis) -> str | None:
    """Whether the limits' common store answers."""
    try:
        await client.ping()
    except (redis.RedisError, OSError) as error:
        return f"no answer ({type(error).__name__}); each worker keeps stricter limits of its own"
    return None


async def numbers(channels: Channels) -> str | None:
    """Whether the channels files could be read, and name a number."""
    if channels.problems:
        return "; ".join(f"{file} {problem}" for file, problem in channels.problems.items())
    return None if channels.all() else "no number is configured: set WHATSAPP_PHONE_NUMBER_ID or CHANNELS_FILE"


async def agent_server(agent: Agent, url: str) -> str | None:
    """Whether the agent server at that address answers."""
    return None if await agent.healthy() else f"no answer from the agent server at {url}"
