"""Brings the database to the newest schema: yoyo over plain SQL files."""

from __future__ import annotations

from pathlib import Path

import psycopg
import yoyo

MIGRATIONS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK_KEY = 0x77612D6D  # any number of our own, for the advisory lock


def migrate(url: str, *, up_to: str | None = None, migrations: Path = MIGRATIONS) -> list[str]:
    """Apply what is missing, in order, and give the ids applied; several at once wait for each other.

    ``up_to`` stops after that migration. A lock of Postgres, unlike yoyo's own, goes away with a killed process.
    """
    with psycopg.connect(url, autocommit=True, application_name="whatsapp-gateway-migrate") as lock:
        lock.execute("SELECT pg_advisory_lock(%s)", (_ADVISORY_LOCK_KEY,))
        backend = yoyo.get_backend(_driver(url))
        try:
            new = backend.to_apply(yoyo.read_migrations(str(migrations)))
            if up_to is not None:
                new = new.filter(lambda migration: migration.id <= up_to)
            backend.apply_migrations(new)
            return [migration.id for migration in new]
        finally:
            backend.connection.close()


def pending(url: str, *, migrations: Path = MIGRATIONS) -> list[str]:
    """The ids of the migrations that this database lacks. Raises psycopg.OperationalError when it does not answer."""
    wanted = [migration.id for migration in yoyo.read_migrations(str(migrations))]
    with psycopg.connect(url, connect_timeout=5, application_name="whatsapp-gateway-migrate") as connection:
        begun = connection.execute("SELECT to_regclass('_yoyo_migration') IS NOT NULL").fetchone()
        if begun != (True,):
            return wanted
        applied = {row[0] for row in connection.execute("SELECT migration_id FROM _yoyo_migration")}
    return [one for one in wanted if one not in applied]


def _driver(url: str) -> str:
    """The URL in the form that makes yoyo use psycopg 3."""
    return "postgresql+psycopg://" + url.split("://", 1)[1]
