"""The command ``gateway``."""

from __future__ import annotations

import socket
import sys
import typing
from collections.abc import Callable

import psycopg
import typer
import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette

from gateway import app as apps
from gateway.settings import Settings
from gateway.store.migrate import migrate as run_migrations
from gateway.telemetry import configure_logging

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)


def main() -> None:
    """Entry point of the console script."""
    app()


@app.command()
def serve() -> None:
    """Take webhooks, and answer what the agent asks of the gateway."""
    settings = _settings()
    _run(apps.serve, settings, settings.gateway_port, "GATEWAY_PORT")


@app.command()
def work() -> None:
    """Turn what came in into runs of the agent, and send the replies."""
    settings = _settings()
    _run(apps.work, settings, settings.work_port, "WORK_PORT")


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    url = _settings().database_url.get_secret_value()
    try:
        applied = run_migrations(url)
    except psycopg.OperationalError as error:
        _die(f"Postgres at DATABASE_URL does not answer: {str(error).splitlines()[0]}")
    print(f"applied {', '.join(applied)}" if applied else "the schema is the newest already")


def _run(make: Callable[[Settings], Starlette], settings: Settings, port: int, port_setting: str) -> None:
    """Serve until SIGTERM or SIGINT; what was begun is finished within the drain time."""
    config = uvicorn.Config(
        make(settings),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody here looks at the client's address
        lifespan="on",
        timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
    )
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
        _die(f"cannot listen on {host}:{port} ({error.strerror}); {port_setting} and GATEWAY_HOST move it")
    listener.listen(2048)  # as uvicorn does by itself: Meta delivers in bursts
    return listener


def _settings() -> Settings:
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        _die(f"{str(first['loc'][0]).upper() if first['loc'] else 'settings'}: {first['msg']} (see .env.example)")
    configure_logging(settings.log_level, settings.log_format)
    return settings


def _die(sentence: str) -> typing.NoReturn:
    print(f"gateway: {sentence}", file=sys.stderr)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
