"""The command ``gateway``."""

from __future__ import annotations

import gc
import socket
import time
import typing
from collections.abc import Callable

import psycopg
import typer
import uvicorn
from starlette.applications import Starlette

from gateway import app as apps
from gateway.commands import conversations, events, templates, tokens
from gateway.commands.common import die, read_settings
from gateway.settings import Settings
from gateway.store.migrate import migrate as run_migrations
from gateway.store.migrate import pending
from gateway.tracing import configure_tracing

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
for group in (conversations, templates, tokens, events):
    app.add_typer(group.commands)


def main() -> None:
    """Entry point of the console script."""
    app()


@app.command()
def serve() -> None:
    """Take webhooks, and answer what the agent asks of the gateway."""
    settings = read_settings()
    _run(apps.serve, settings, settings.gateway_port, "GATEWAY_PORT")


@app.command()
def work() -> None:
    """Turn what came in into runs of the agent, and send the replies."""
    settings = read_settings()
    _run(apps.work, settings, settings.work_port, "WORK_PORT")


@app.command()
def migrate(
    wait: typing.Annotated[bool, typer.Option("--wait", help="Apply nothing: return once somebody else has.")] = False,
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
    print(f"applied {', '.join(applied)}" if applied else "the schema is the newest already")


def _wait_for_migrations(url: str) -> None:
    """Return once the schema is the newest, however long that takes and whether Postgres is there already or not."""
    said = ""
    while True:
        try:
            missing = pending(url)
        except psycopg.OperationalError:
            now = "Postgres does not answer yet"
        else:
            if not missing:
                return
            now = f"waiting for {', '.join(missing)}"
        if now != said:
            print(now, flush=True)
        said = now
        time.sleep(0.5)


def _run(make: Callable[[Settings], Starlette], settings: Settings, port: int, port_setting: str) -> None:
    """Serve until SIGTERM or SIGINT; what was begun is finished within the drain time."""
    try:
        made = make(settings)
    except ValueError as error:
        die(str(error))
    config = uvicorn.Config(
        made,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody here looks at the client's address
        lifespan="on",
        timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
    )
    configure_tracing(settings.otel_exporter_otlp_endpoint, make.__name__)
    # What was imported lives as long as the process: looking through it again and again is a pause of 50 ms and more.
    gc.collect()
    gc.freeze()
    listener = _listen(settings.gateway_host, port, port_setting)
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        return  # uvicorn raises it again after a graceful stop by Ctrl-C


def _listen(host: str, port: int, port_setting: str) -> socket.socket:
    """Take the port before anything is started, so that a busy one is one sentence."""
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        die(f"cannot listen on {host}:{port} ({error.strerror}); {port_setting} and GATEWAY_HOST move it")
    listener.listen(2048)  # as uvicorn does by itself: Meta delivers in bursts
    return listener


if __name__ == "__main__":
    main()
