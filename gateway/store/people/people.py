"""People of the company: names, roles, what they may see, how they sign in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from psycopg.rows import class_row

from gateway.store.database import Connection

LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,253}")
COLUMNS = """p.id, p.login, p.name, p.role, p.departments, p.masks_numbers, p.language, p.theme,
             p.disabled_at IS NOT NULL AS disabled, p.password_hash IS NOT NULL AS has_password, p.password_given"""


class Role(StrEnum):
    """The permissions of a person; each role has all permissions of the roles before it."""

    VIEWER = "viewer"
    ATTENDANT = "attendant"
    MANAGER = "manager"
    ADMIN = "admin"

    def includes(self, needed: Role) -> bool:
        """Return whether this role may do what another one may."""
        return _ORDER.index(self) >= _ORDER.index(needed)


_ORDER = list(Role)


class LoginTakenError(Exception):
    """Another person has this login."""


@dataclass(frozen=True)
class Person:
    """A person. departments: those that they see, None for all; masks_numbers: customers' numbers are not shown whole.

    language and theme: their choice, None for the browser's. password_given: another person made the password.
    """

    id: UUID
    login: str
    name: str
    role: Role
    departments: list[str] | None = None
    masks_numbers: bool = False
    language: str | None = None
    theme: str | None = None
    disabled: bool = False
    has_password: bool = False
    password_given: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "role", Role(self.role))  # the database says a word

    def may(self, needed: Role) -> bool:
        """Return whether the person may do what this role may."""
        return not self.disabled and self.role.includes(needed)

    def sees(self, department: str | None) -> bool:
        """Return whether the person sees conversations of this department; all see those that have none."""
        return self.departments is None or department is None or department in self.departments


async def find(conn: Connection, person_id: UUID) -> Person | None:
    """Return a person."""
    return await _one(conn, "p.id = %s", person_id)


async def by_login(conn: Connection, login: str) -> Person | None:
    """Return the person who has this login, in whatever case it is written."""
    return await _one(conn, "p.login = %s", login.strip().lower())


async def by_subject(conn: Connection, subject: str) -> Person | None:
    """Return the person whose account at the company's issuer this is."""
    return await _one(conn, "p.oidc_subject = %s", subject)


async def _one(conn: Connection, condition: str, value: UUID | str) -> Person | None:
    async with conn.cursor(row_factory=class_row(Person)) as cursor:
        await cursor.execute(f"SELECT {COLUMNS} FROM person p WHERE {condition}", (value,))  # noqa: S608  # constants
        return await cursor.fetchone()


async def every(conn: Connection) -> list[Person]:
    """Return all people by name, those who are disabled last."""
    async with conn.cursor(row_factory=class_row(Person)) as cursor:
        await cursor.execute(
            f"SELECT {COLUMNS} FROM person p ORDER BY p.disabled_at IS NOT NULL, lower(p.name), p.login"  # noqa: S608  # a constant
        )
        return await cursor.fetchall()


async def add(
    conn: Connection, login: str, name: str, role: Role, *,
    password_hash: str | None = None, oidc_subject: str | None = None,
    departments: list[str] | None = None, masks_numbers: bool = False, password_given: bool = False,
) -> UUID:  # fmt: skip
    """Add a person; return the id. Raises LoginTakenError."""
    cursor = await conn.execute(
        """INSERT INTO person (login, name, role, password_hash, oidc_subject, departments, masks_numbers,
                               password_given)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (login) DO NOTHING RETURNING id""",
        (login.strip().lower(), name, role, password_hash, oidc_subject, departments, masks_numbers, password_given),
    )
    row = await cursor.fetchone()
    if row is None:
        raise LoginTakenError(f"there is a person with the login {login} already")
    return row[0]  # type: ignore[no-any-return]


async def change(
    conn: Connection, person_id: UUID, name: str, role: Role, departments: list[str] | None, *, masks_numbers: bool
) -> None:
    """Change what a manager may change of a person."""
    await conn.execute(
        "UPDATE person SET name = %s, role = %s, departments = %s, masks_numbers = %s WHERE id = %s",
        (name, role, departments, masks_numbers, person_id),
    )
    await release(conn, person_id)


async def release(conn: Connection, person_id: UUID) -> None:
    """Let the conversations that a person has, but cannot attend to, wait for another one.

    Those are all of a person who is disabled or a viewer, and those of departments that the person does not see: with
    such a person a customer would wait without anybody being called.
    """
    await conn.execute(
        """UPDATE conversation SET assignee_id = NULL WHERE id IN (
               SELECT c.id FROM conversation c JOIN person p ON p.id = c.assignee_id
               WHERE p.id = %s
                 AND (p.disabled_at IS NOT NULL OR p.role = 'viewer' OR c.department <> ALL (p.departments))
               ORDER BY c.id FOR UPDATE OF c)""",
        (person_id,),
    )


async def prefer(conn: Connection, person_id: UUID, language: str | None, theme: str | None) -> None:
    """Keep a person's choice of language and theme; None: as the browser says."""
    await conn.execute("UPDATE person SET language = %s, theme = %s WHERE id = %s", (language, theme, person_id))


async def disable(conn: Connection, person_id: UUID) -> None:
    """Let a person in no more, from now on."""
    await conn.execute("UPDATE person SET disabled_at = coalesce(disabled_at, now()) WHERE id = %s", (person_id,))
    await release(conn, person_id)


async def enable(conn: Connection, person_id: UUID) -> None:
    """Let a person in again."""
    await conn.execute("UPDATE person SET disabled_at = NULL WHERE id = %s", (person_id,))


async def password_hash(conn: Connection, person_id: UUID) -> str | None:
    """Return the hash of a person's password, if there is one."""
    row = await (await conn.execute("SELECT password_hash FROM person WHERE id = %s", (person_id,))).fetchone()
    return row[0] if row else None


async def set_password(conn: Connection, person_id: UUID, hashed: str, *, given: bool) -> None:
    """Set a person's password, as its hash; given: another person made it, so that a new one is chosen at sign-in."""
    await conn.execute(
        "UPDATE person SET password_hash = %s, password_given = %s WHERE id = %s", (hashed, given, person_id)
    )


async def rehash(conn: Connection, person_id: UUID, hashed: str) -> None:
    """Replace the hash of a person's password by another one of the same password."""
    await conn.execute("UPDATE person SET password_hash = %s WHERE id = %s", (hashed, person_id))


async def bind(conn: Connection, person_id: UUID, subject: str) -> bool:
    """Bind a person to an account of the issuer's; return False where they have one already."""
    cursor = await conn.execute(
        "UPDATE person SET oidc_subject = %s WHERE id = %s AND oidc_subject IS NULL", (subject, person_id)
    )
    return cursor.rowcount == 1


async def other_admins(conn: Connection, person_id: UUID) -> int:
    """Return how many admins there are besides this person. Locks them, so that two cannot remove each other."""
    cursor = await conn.execute(
        "SELECT id FROM person WHERE role = 'admin' AND disabled_at IS NULL ORDER BY id FOR UPDATE"
    )
    return sum(row[0] != person_id for row in await cursor.fetchall())
