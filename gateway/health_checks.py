"""The checks of the parts that a process uses, for `/readyz` and `/health`. Each returns None, or one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from gateway.store.database import Pool

if TYPE_CHECKING:  # the processes that check them import them
    import redis.asyncio as redis

    from gateway.numbers.channels import Channels
    from gateway.turns.servers import Servers


async def postgres(pool: Pool) -> str | None:
    """Check that the database answers and has its tables."""
    try:
        async with pool.connection(timeout=3) as conn:
            await conn.execute("SELECT FROM conversation LIMIT 1")
    except psycopg.errors.UndefinedTable:
        return "its tables are missing: run `gateway migrate`"
    except psycopg.errors.InsufficientPrivilege:
        return "the database role has no right to its tables: run `gateway migrate`"
    except psycopg.Error as error:
        return f"no connection ({type(error).__name__})"
    return None


async def valkey(client: redis.Redis) -> str | None:
    """Check that the store of the shared rate limits answers."""
    from redis.exceptions import RedisError

    try:
        await client.ping()
    except (RedisError, OSError) as error:
        return f"no answer ({type(error).__name__}); each worker keeps stricter limits of its own"
    return None


async def numbers(channels: Channels) -> str | None:
    """Check that the channels files can be read, and name a number."""
    known = channels.all()  # reads the files again where they changed
    problems = [f"{file} {problem}" for file, problem in channels.problems.items()]
    if not known and not problems:
        return "no number is configured: set WHATSAPP_PHONE_NUMBER_ID or CHANNELS_FILE"
    return "; ".join(problems) or None


async def signed_numbers(channels: Channels) -> str | None:
    """Check the same, and that each number has a secret that verifies its webhooks."""
    problem = await numbers(channels)
    unsigned = sorted(number for number, channel in channels.all().items() if not channel.signed_by)
    if not unsigned:
        return problem
    cure = "set app_secrets of the channel, or WHATSAPP_APP_SECRET"
    missing = f"no app secret for {', '.join(unsigned)}, so that their webhooks are refused: {cure}"
    return "; ".join(filter(None, (problem, missing)))


async def agent_servers(servers: Servers) -> str | None:
    """Check that all agent servers answer."""
    return await servers.problem()
