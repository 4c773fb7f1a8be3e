"""Backup and restore of the local stack: `gateway backup` and `gateway restore` with the stack's own Postgres."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from simulator.stack.plan import DATABASE_NAME, Plan, SettingsError
from simulator.stack.postgres import Postgres, address, programs
from simulator.stack.process import StartError
from simulator.stack.roles import RolesSql, make_roles
from simulator.stack.stack import lock, postgres_port


class CommandError(Exception):
    """A command of the gateway failed; the message is its sentence."""


def make(plan: Plan, folder: Path, key: Path) -> str:
    """Back up the stack, which may run, into a folder; return what the gateway says.

    key: file with the private key; it is made if it does not exist. Raises CommandError, StartError, SettingsError.
    """
    _require_own(plan)
    if not key.exists():
        _run(["backup-key", str(key)], _environment(plan, folder, key))
    given = _environment(plan, folder, key) | {"BACKUP_RECIPIENT": _public(key)}
    port = postgres_port(plan.dev_dir)
    if port is not None:
        return _run(["backup"], given | _database(plan, port))
    with lock(plan.dev_dir), _postgres(plan) as postgres:
        return _run(["backup"], given | _database(plan, postgres.port))


def restore(plan: Plan, folder: Path, key: Path) -> str:
    """Restore the newest backup of a folder into a stack that does not run and has no database; return what was said.

    Then those who were erased since are erased again, and what was under way is settled. Raises as `make` does.
    """
    _require_own(plan)
    with lock(plan.dev_dir):
        for secrets in (plan.keys, plan.passwords, plan.tombstone):
            secrets.save(plan.dev_dir)
        with _postgres(plan) as postgres:
            given = _environment(plan, folder, key) | _database(plan, postgres.port)
            _prepare(plan, postgres)
            said = [_run(["restore"], given)]
            # Without the agent server an erasure does not come to its end: `work` goes on with it once the stack runs.
            said.append(_run(["tombstones", "--no-wait"], given, begun=2))
            said.append(_run(["restore", "--finish"], given))
    return "\n".join(said)


def _require_own(plan: Plan) -> None:
    settings = plan.settings
    if not plan.own_postgres or settings.agent_database_url or settings.business_database_url:
        raise SettingsError("The databases are yours (…DATABASE_URL is set): docs/backup.md says how to back them up.")


@contextmanager
def _postgres(plan: Plan) -> Iterator[Postgres]:
    """Start the stack's Postgres alone. Raises StartError."""
    log, data = plan.dev_dir / "logs" / "postgres.log", plan.dev_dir / "postgres"
    log.parent.mkdir(parents=True, exist_ok=True)
    with Postgres(data, plan.postgres_port, durable=True, log=log, password=plan.passwords.postgres) as postgres:
        yield postgres


def _prepare(plan: Plan, postgres: Postgres) -> None:
    """Make the roles, which belong to the server, and an empty database. Raises StartError where it exists."""
    if postgres.has_database(DATABASE_NAME):
        raise StartError(f"{plan.dev_dir / 'postgres'} has a database: remove that folder before you restore.")
    statements = RolesSql().read()
    postgres.create_database(DATABASE_NAME)
    make_roles(postgres.database_url(DATABASE_NAME), statements, plan.passwords.of_processes())
    # What the statements made in the database is a part of the backup too.
    postgres.drop_database(DATABASE_NAME)
    postgres.create_database(DATABASE_NAME)


def _database(plan: Plan, port: int) -> dict[str, str]:
    """Return the address of the database for the superuser, who alone may read and make all schemas."""
    return {"DATABASE_URL": address(port, DATABASE_NAME, "postgres", plan.passwords.postgres)}


def _environment(plan: Plan, folder: Path, key: Path) -> dict[str, str]:
    """Return the variables of the gateway's commands, with the programs of Postgres on the path."""
    path = f"{programs()}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    given = plan.gateway_environment() | {"PATH": path, "LOG_LEVEL": "warning"}
    return given | {"BACKUP_URL": folder.resolve().as_uri(), "BACKUP_KEY_FILE": str(key.resolve()), "BACKUP_DAYS": "0"}


def _public(key: Path) -> str:
    """Return the public key that the file with the private one names. Raises CommandError."""
    try:
        lines = key.read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("# public key:"))
    except (OSError, UnicodeDecodeError, StopIteration) as error:
        raise CommandError(f"{key} names no public key: give another file, and a key is made there.") from error


def _run(arguments: list[str], environment: Mapping[str, str], *, begun: int = 0) -> str:
    """Return what a command of the gateway prints. begun: the exit code of one that `work` goes on with.

    Raises CommandError with its sentence.
    """
    command = [sys.executable, "-m", "gateway.cli", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  # our own command
    if done.returncode not in (0, begun):
        raise CommandError(done.stderr.strip())
    return (done.stdout + (done.stderr if done.returncode else "")).strip()
