"""Browsers in which people are signed in: the hash of a token for each, with an age."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.database import Connection
from gateway.store.people.people import COLUMNS, Person

_SEEN_EVERY = timedelta(minutes=1)  # how exact the time of the last request is
_LONGEST_BROWSER = 200  # characters


@dataclass(frozen=True)
class Session:
    """A browser in which a person is signed in."""

    id: UUID
    browser: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class SignedIn:
    """A person who is signed in. must_choose: by a password that another person made, which has to be replaced.

    decisions: for an admin, the number of customers' requests about their data that wait for an admin's decision.
    """

    person: Person
    session_id: UUID
    must_choose: bool
    decisions: int = 0


def hashed(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


async def begin(
    conn: Connection, person_id: UUID, browser: str, *, idle: timedelta, age: timedelta, by_password: bool = False
) -> str:
    """Sign a person in; return the new token. idle: it ends after so long without a request; age: in any case."""
    token = secrets.token_urlsafe(32)
    await conn.execute(
        """INSERT INTO session (token_hash, person_id, browser, idle, expires_at, by_password)
           VALUES (%s, %s, %s, %s, now() + %s, %s)""",
        (hashed(token), person_id, browser[:_LONGEST_BROWSER], idle, age, by_password),
    )
    return token


async def find(conn: Connection, token: str) -> SignedIn | None:
    """Return the person whom a token signs in; None: the session is over, or they are disabled."""
    cursor = await conn.execute(
        f"""SELECT s.id, s.seen_at < now() - %s, s.by_password,
                   CASE p.role WHEN 'admin' THEN (SELECT count(*) FROM data_request WHERE state = 'asked') ELSE 0 END,
                   {COLUMNS}
            FROM session s JOIN person p ON p.id = s.person_id
            WHERE s.token_hash = %s AND s.expires_at > now() AND s.seen_at + s.idle > now()
              AND p.disabled_at IS NULL""",  # noqa: S608  # a constant
        (_SEEN_EVERY, hashed(token)),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    if row[1]:
        await conn.execute("UPDATE session SET seen_at = now() WHERE id = %s", (row[0],))
    person = Person(*row[4:])
    return SignedIn(person, row[0], must_choose=row[2] and person.password_given, decisions=row[3])


async def alive(conn: Connection, session_id: UUID) -> bool:
    """Return whether a session goes on: a page that stays open, such as a stream of events, asks now and then."""
    cursor = await conn.execute(
        """SELECT FROM session s JOIN person p ON p.id = s.person_id
           WHERE s.id = %s AND s.expires_at > now() AND s.seen_at + s.idle > now() AND p.disabled_at IS NULL""",
        (session_id,),
    )
    return cursor.rowcount == 1


async def of_person(conn: Connection, person_id: UUID) -> list[Session]:
    """Return where a person is signed in, the last used first."""
    async with conn.cursor(row_factory=class_row(Session)) as cursor:
        await cursor.execute(
            """SELECT id, browser, created_at, seen_at, expires_at FROM session
               WHERE person_id = %s AND expires_at > now() AND seen_at + idle > now() ORDER BY seen_at DESC, id""",
            (person_id,),
        )
        return await cursor.fetchall()


async def end(conn: Connection, token: str) -> None:
    """End the session of a token, if there is one."""
    await conn.execute("DELETE FROM session WHERE token_hash = %s", (hashed(token),))


async def revoke(conn: Connection, person_id: UUID, session_id: UUID) -> bool:
    """End one session of a person's; return whether there was one."""
    cursor = await conn.execute("DELETE FROM session WHERE person_id = %s AND id = %s", (person_id, session_id))
    return cursor.rowcount == 1


async def revoke_all(conn: Connection, person_id: UUID, *, but: UUID | None = None) -> None:
    """End all sessions of a person's, perhaps but one."""
    await conn.execute("DELETE FROM session WHERE person_id = %s AND id IS DISTINCT FROM %s", (person_id, but))


async def purge(conn: Connection) -> None:
    """Delete sessions that are over."""
    await conn.execute("DELETE FROM session WHERE expires_at < now() OR seen_at + idle < now()")
