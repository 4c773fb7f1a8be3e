"""The command `gateway`."""

from __future__ import annotations

import gc
import time
import typing
from collections.abc import Callable

import psycopg
import typer

from gateway.commands import conversations, events, templates, tokens, users
from gateway.commands.common import S, die, read, read_settings
from gateway.console.process import console as console_process
from gateway.console.settings import ConsoleSettings
from gateway.runtime import serving
from gateway.runtime.telemetry import leave_out_the_webhook
from gateway.runtime.tracing import SERVICE, configure_tracing
from gateway.serve import serve as serve_process
from gateway.settings import Settings
from gateway.store.migrate import WrongRoleError, is_running, pending
from gateway.store.migrate import migrate as run_migrations
from gateway.store.roles import statements
from gateway.work import work as work_process

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
for group in (conversations, templates, tokens, events):
    app.add_typer(group.commands)
app.add_typer(users.commands, name="users")


def main() -> None:
    """Entry point of the console script."""
    app()


@app.command()
def serve() -> None:
    """Receive webhooks, and answer the agent's requests to the gateway."""
    _run(serve_process, Settings)


@app.command()
def work() -> None:
    """Make runs of the agent of the messages that came in, and send the replies."""
    leave_out_the_webhook()
    _run(work_process, Settings)


@app.command()
def console() -> None:
    """Show people the conversations, and let them answer: the pages of the console."""
    leave_out_the_webhook()
    _run(console_process, ConsoleSettings)


@app.command()
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


@app.command()
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


def _run(make: Callable[[S], serving.Process], kind: type[S]) -> None:
    """Serve until SIGTERM or SIGINT; requests and turns under way are finished within the drain time."""
    settings = read(kind)
    try:
        process = make(settings)
    except ValueError as error:
        die(str(error))
    configure_tracing(settings.otel_exporter_otlp_endpoint, f"{SERVICE}-{process.name}")
    # Imported objects live as long as the process; each collection of garbage would look at them for 50 ms and more.
    gc.collect()
    gc.freeze()
    try:
        serving.run(process)
    except serving.PortTakenError as error:
        die(str(error))


if __name__ == "__main__":
    main()
