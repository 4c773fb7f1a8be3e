"""The command ``gateway``."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
import typing
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

import psycopg
import typer
import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette

from gateway import app as apps
from gateway.settings import Settings
from gateway.store import ownership
from gateway.store.conversations import Quiet
from gateway.store.database import AWAY, Connection
from gateway.store.migrate import migrate as run_migrations
from gateway.store.migrate import pending
from gateway.telemetry import configure_logging
from gateway.tracing import configure_tracing
from gateway.whatsapp.messages import Text, as_reply
from gateway.whatsapp.render import split

T = TypeVar("T")

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
def migrate(
    wait: typing.Annotated[bool, typer.Option("--wait", help="Apply nothing: return once somebody else has.")] = False,
) -> None:
    """Bring the database to the newest schema."""
    url = _settings().database_url.get_secret_value()
    if wait:
        _wait_for_migrations(url)
        return
    try:
        applied = run_migrations(url)
    except psycopg.OperationalError as error:
        _die(f"Postgres at DATABASE_URL does not answer: {str(error).splitlines()[0]}")
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


@app.command()
def conversations() -> None:
    """List the conversations that a person (or another app) holds, and why; who waits longest comes first."""
    for one in _with_database(ownership.held):
        waits = f"waits since {one.waits_since:%Y-%m-%d %H:%M}" if one.waits_since else "waits for nothing"
        print(
            f"{one.id}  {one.customer_name or 'no name'}  {one.holder} since {one.held_since:%Y-%m-%d %H:%M}, {waits}"
        )
        for label, text in (("reason", one.reason), ("summary", one.summary), ("last message", one.last_text)):
            if text:
                print(f"    {label}: {text}")


@app.command()
def reply(conversation: UUID, text: str) -> None:
    """Answer as a person; the conversation is yours until you hand it back."""

    async def queue(conn: Connection) -> list[UUID | None]:
        async with conn.transaction():
            return [await ownership.reply(conn, conversation, as_reply(part)) for part in split(Text(text=text))]

    queued = _with_database(queue)
    if not queued:
        _die("the text is empty")
    if None in queued:
        _die(f"there is no conversation {conversation}; `gateway conversations` lists those that wait for a person")
    print(f"queued; the agent is silent there until `gateway hand-back {conversation}`")


@app.command()
def hand_back(conversation: UUID) -> None:
    """Return a conversation to the agent."""
    settings = _settings()
    quiet = Quiet(settings.quiet_period_seconds, settings.quiet_period_max_seconds)
    if not _with_database(lambda conn: ownership.hand_back(conn, conversation, quiet)):
        _die(f"there is no conversation {conversation}")
    print("the agent answers there again")


def _with_database(act: Callable[[Connection], Awaitable[T]]) -> T:
    """Do something over one connection; a database that is away is one sentence."""
    url = _settings().database_url.get_secret_value()

    async def connected() -> T:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=5) as conn:
            return await act(conn)

    try:
        return asyncio.run(connected())
    except AWAY as error:
        _die(f"Postgres at DATABASE_URL does not answer: {str(error).splitlines()[0]}")


def _run(make: Callable[[Settings], Starlette], settings: Settings, port: int, port_setting: str) -> None:
    """Serve until SIGTERM or SIGINT; what was begun is finished within the drain time."""
    try:
        made = make(settings)
    except ValueError as error:
        _die(str(error))
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
