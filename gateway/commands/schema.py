"""The commands about the schema of the database and its roles."""

from __future__ import annotations

import time
import typing

import psycopg
import typer

from gateway.commands.common import die, read_settings
from gateway.store.migrate import WrongRoleError, is_running, pending
from gateway.store.migrate import migrate as run_migrations
from gateway.store.roles import statements

commands = typer.Typer()


@commands.command()
def migrate(
    wait: typing.Annotated[bool, typer.Option("--wait", help="Apply nothing; return once it is the newest.")] = False,
) -> None:
    """Bring the database to the newest schema."""
    url = read_settings().database_url.get_secret_value()
    if wait:
        _wait_for_migrations(url)
        return
    try:
        applied = run_migrations(url)
    except psycopg.OperationalError as error:
        die(f"Postgres at DATABASE_URL does not answer: {str(error).splitlines()[0]}")
    except WrongRoleError as error:
        die(str(error))
    print(f"applied {', '.join(applied)}" if applied else "the schema is the newest already")


@commands.command()
def roles(
    sql: typing.Annotated[bool, typer.Option("--sql", help="Print the SQL; the command changes nothing.")] = False,
    previous_owner: typing.Annotated[
        str | None, typer.Option(help="The role that owned everything before: its tables are taken over.")
    ] = None,
) -> None:
    """Print the SQL that makes the database roles of the processes, for an administrator to run."""
    if not sql:
        die("add --sql: the command only prints the SQL, which an administrator of the database runs")
    print(statements(previous_owner), end="")


def _wait_for_migrations(url: str) -> None:
    """Return once the schema is the newest, however long that takes, even if Postgres does not answer yet."""
    last = ""
    while True:
        try:
            missing = pending(url)
            if not missing and not is_running(url):
                return
        except psycopg.OperationalError:
            now = "Postgres does not answer yet"
        except psycopg.errors.InsufficientPrivilege:
            now = "waiting for the rights of this database role, which `gateway migrate` gives at its end"
        else:
            now = f"waiting for {', '.join(missing) or 'a migration that runs'}"
        if now != last:
            print(now, flush=True)
        last = now
        time.sleep(0.5)
