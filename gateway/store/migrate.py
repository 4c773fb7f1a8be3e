"""Bring the database to the newest schema by yoyo, which applies plain SQL files."""

from __future__ import annotations

from pathlib import Path

import psycopg
import yoyo

from gateway.store.roles import GRANTS

MIGRATIONS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK_KEY = 0x77612D6D  # any number that no other program uses


class WrongRoleError(Exception):
    """The database role may not change the schema."""


def migrate(url: str, *, up_to: str | None = None, migrations: Path = MIGRATIONS) -> list[str]:
    """Apply the missing migrations in order, and return their ids; concurrent calls wait for each other.

    Then give the roles of the processes their rights, where these roles exist. Raises WrongRoleError.

    up_to: the last migration to apply. The lock is Postgres's, since yoyo's own would outlive a killed process.
    """
    with psycopg.connect(url, autocommit=True, application_name="whatsapp-gateway-migrate") as lock:
        lock.execute("SELECT pg_advisory_lock(%s)", (_ADVISORY_LOCK_KEY,))
        _require_rights(lock)
        backend = yoyo.get_backend(_driver(url))
        try:
            new = backend.to_apply(yoyo.read_migrations(str(migrations)))
            if up_to is not None:
                new = new.filter(lambda migration: migration.id <= up_to)
            backend.apply_migrations(new)
            lock.execute(GRANTS.read_bytes())
            return [migration.id for migration in new]
        finally:
            backend.connection.close()


def pending(url: str, *, migrations: Path = MIGRATIONS) -> list[str]:
    """Return the ids of the migrations that this database lacks. Raises psycopg.OperationalError if it is away."""
    applied = _applied(url)
    return [one for one in _known(migrations) if one not in applied]


def newer(url: str, *, migrations: Path = MIGRATIONS) -> list[str]:
    """Return the ids of applied migrations that this program does not know. Raises as `pending` does."""
    return sorted(_applied(url) - set(_known(migrations)))


def _known(migrations: Path) -> list[str]:
    return [migration.id for migration in yoyo.read_migrations(str(migrations))]


def _applied(url: str) -> set[str]:
    with psycopg.connect(url, connect_timeout=5, application_name="whatsapp-gateway-migrate") as connection:
        begun = connection.execute("SELECT to_regclass('_yoyo_migration') IS NOT NULL").fetchone()
        if begun != (True,):
            return set()
        return {row[0] for row in connection.execute("SELECT migration_id FROM _yoyo_migration")}


def is_running(url: str) -> bool:
    """Return whether a process migrates this database now; after the last migration it still gives rights."""
    with psycopg.connect(url, connect_timeout=5, application_name="whatsapp-gateway-migrate") as connection:
        asked = connection.execute("SELECT pg_try_advisory_xact_lock_shared(%s)", (_ADVISORY_LOCK_KEY,))
        return asked.fetchone() != (True,)


def _require_rights(connection: psycopg.Connection) -> None:
    """Raise WrongRoleError for the role of another process; yoyo would try for 10 s to lock its table."""
    asked = connection.execute("SELECT has_schema_privilege(current_schema(), 'CREATE'), current_user")
    if (row := asked.fetchone()) and not row[0]:
        raise WrongRoleError(f"the role {row[1]} in DATABASE_URL may not change the schema: use that of wa_migrate")


def _driver(url: str) -> str:
    """Return the URL in the form that makes yoyo use psycopg 3."""
    return "postgresql+psycopg://" + url.split("://", 1)[1]
