"""Signing in: tries by password, which are limited, and flows at the company's issuer that have begun."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from psycopg.rows import class_row

from gateway.store.database import Connection
from gateway.store.people.sessions import hashed

PERIOD = timedelta(minutes=15)
_FLOW_AGE = timedelta(minutes=10)


@dataclass(frozen=True)
class Flow:
    """A sign-in at the issuer that has begun. next: where the person wanted to go."""

    state: str
    nonce: str
    verifier: str
    next: str


async def take(conn: Connection, limits: Mapping[str, int]) -> bool:
    """Take a try, before it is made; return whether one was left for each key. In a transaction of the caller's.

    limits: tries in `PERIOD` by key, such as `login:ana` or `address:192.0.2.1`. Keys are kept as hashes.
    """
    keys = {_hash(key): limit for key, limit in limits.items()}
    for key in sorted(keys):  # one at a time for each key
        await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (key.hex(),))
    cursor = await conn.execute(
        "SELECT key_hash, count(*) FROM login_try WHERE key_hash = ANY(%s) AND tried_at > now() - %s GROUP BY key_hash",
        (list(keys), PERIOD),
    )
    made = {bytes(key): count for key, count in await cursor.fetchall()}
    if any(made.get(key, 0) >= limit for key, limit in keys.items()):
        return False
    await conn.execute("INSERT INTO login_try (key_hash) SELECT unnest(%s::bytea[])", (list(keys),))
    return True


async def forgive(conn: Connection, key: str) -> None:
    """Forget the tries of a key, after one that was right."""
    await conn.execute("DELETE FROM login_try WHERE key_hash = %s", (_hash(key),))


async def start_flow(conn: Connection, next_path: str) -> tuple[str, Flow]:
    """Begin a sign-in at the issuer; return the token that binds it to a browser, and what the issuer is told."""
    token = secrets.token_urlsafe(32)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    flow = Flow(state, nonce, verifier, next_path)
    await conn.execute(
        "INSERT INTO oidc_start (token_hash, state, nonce, verifier, next) VALUES (%s, %s, %s, %s, %s)",
        (hashed(token), flow.state, flow.nonce, flow.verifier, flow.next),
    )
    return token, flow


async def finish_flow(conn: Connection, token: str) -> Flow | None:
    """Return the flow that this browser began, once; None: there is none, or it is too old."""
    async with conn.cursor(row_factory=class_row(Flow)) as cursor:
        await cursor.execute(
            """WITH gone AS (DELETE FROM oidc_start WHERE token_hash = %s RETURNING *)
               SELECT state, nonce, verifier, next FROM gone WHERE started_at > now() - %s""",
            (hashed(token), _FLOW_AGE),
        )
        return await cursor.fetchone()


async def purge(conn: Connection) -> None:
    """Delete tries that no limit counts any more, and flows that nobody finished."""
    await conn.execute("DELETE FROM login_try WHERE tried_at < now() - %s", (PERIOD,))
    await conn.execute("DELETE FROM oidc_start WHERE started_at < now() - %s", (_FLOW_AGE,))


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
