"""The commands of `python -m simulator`."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import httpx
import typer
from pydantic import ValidationError

from simulator.keys import Keys
from simulator.meta.world import MARIA, digits_of
from simulator.ports import PortBusyError
from simulator.say import ANSWER_SECONDS, NoAnswerError, Phone
from simulator.settings import Settings, environment
from simulator.settings import load as read_settings

if TYPE_CHECKING:  # the large parts are imported by the command that needs them: the stack needs no web server
    from rich.table import Table

    from simulator.load import Report

# Longer than any client keeps an idle connection: closing it while a request is on its way would lose that request.
KEEP_ALIVE_SECONDS = 120
GRACE_SECONDS = 1  # open phone pages and held calls would wait without end: the shutdown does not wait for them
EXIT_NOT_ANSWERED, EXIT_NOT_RUNNING = 1, 2  # exit codes
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="WhatsApp, a phone and a model on this machine.")


@cli.command()
def up() -> None:
    """Start the whole local stack; Ctrl-C stops it."""
    from simulator.stack.plan import SettingsError, make_plan
    from simulator.stack.process import StartError
    from simulator.stack.stack import Stack

    for number in END_SIGNALS:
        signal.signal(number, _interrupt_once)
    try:
        Stack(make_plan(_variables()), report=_report).run()
    except (StartError, PortBusyError, SettingsError) as error:
        _fail(str(error), 1)
    except KeyboardInterrupt:
        return


@cli.command()
def serve() -> None:
    """Start only the simulator: Cloud API, model, phone page and control API."""
    import uvicorn

    from simulator.app import create_app
    from simulator.stack.stack import STATE_FILE

    settings = _settings()
    token = settings.simulator_token.get_secret_value()
    app = create_app(settings.number(), settings.webhook_url, settings.dev_dir / STATE_FILE, token)
    config = uvicorn.Config(
        app, settings.simulator_host, settings.simulator_port, log_level="warning", ws="none", access_log=False
    )
    config.timeout_keep_alive = KEEP_ALIVE_SECONDS
    config.timeout_graceful_shutdown = GRACE_SECONDS
    uvicorn.Server(config).run()


Folder = Annotated[Path, typer.Argument(help="folder of the backups")]
KeyFile = Annotated[Path, typer.Option("--key", help="file with the private key; keep it apart from the backups")]


@cli.command()
def backup(folder: Folder, key: KeyFile) -> None:
    """Back up the local stack, encrypted; it may run. The key is made at the first time."""
    _backup("make", folder, key)


@cli.command()
def restore(folder: Folder, key: KeyFile) -> None:
    """Restore the newest backup into a local stack that does not run and has no database."""
    _backup("restore", folder, key)


def _backup(action: str, folder: Path, key: Path) -> None:
    from simulator.stack import backup
    from simulator.stack.plan import SettingsError, make_plan
    from simulator.stack.process import StartError

    act = backup.make if action == "make" else backup.restore
    try:
        print(act(make_plan(_variables()), folder, key))
    except (StartError, PortBusyError, SettingsError, backup.CommandError) as error:
        _fail(str(error), 1)


@cli.command()
def say(
    text: str,
    sender: Annotated[str, typer.Option("--from", help="the customer's number, digits")] = MARIA[0],
    timeout: Annotated[float, typer.Option(help="seconds to wait for the first reply")] = ANSWER_SECONDS,
) -> None:
    """Send one message to the running stack as a customer, and print the replies."""
    wa_id = digits_of(sender)
    if not wa_id:
        _fail(f"--from is {sender!r}: give the digits of a phone number", EXIT_NOT_RUNNING)
    try:
        with httpx.Client(base_url=_simulator_address(), headers=_token(), timeout=30, trust_env=False) as client:
            phone = Phone(client, wa_id)
            phone.say(text)
            for reply in phone.replies(timeout):
                print(reply, flush=True)
    except NoAnswerError as error:
        _fail(str(error), EXIT_NOT_ANSWERED)
    except httpx.TransportError as error:
        _fail(f"The simulator does not answer ({type(error).__name__}): is the stack still running?", EXIT_NOT_RUNNING)


@cli.command()
def load(
    customers: Annotated[int, typer.Option(help="number of customers")] = 1000,
    messages: Annotated[int, typer.Option(help="questions of each customer; the next one follows the answer")] = 1,
    seconds: Annotated[float, typer.Option(help="seconds over which the first questions are spread")] = 10,
    timeout: Annotated[float, typer.Option(help="seconds to wait for all answers")] = 900,
) -> None:
    """Let many customers write to the running stack; report lost, repeated and misordered answers, and latencies."""
    from rich.console import Console

    address = _simulator_address()
    try:
        report = asyncio.run(_load(address, customers, messages, seconds, timeout))
    except ValueError as error:
        _fail(str(error), EXIT_NOT_RUNNING)
    except ExceptionGroup as group:
        _fail(f"The simulator does not answer: {group.exceptions[0]!r}", EXIT_NOT_RUNNING)
    Console().print(_table(report))
    if not report.correct:
        raise typer.Exit(EXIT_NOT_ANSWERED)


async def _load(address: str, customers: int, messages: int, seconds: float, timeout: float) -> "Report":  # noqa: ASYNC109 - the user's limit, not a cancellation
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from simulator.load import MAX_CONCURRENT_WRITES, Load

    limits = httpx.Limits(max_connections=MAX_CONCURRENT_WRITES + 2)
    token = _token()
    async with httpx.AsyncClient(base_url=address, headers=token, timeout=60, trust_env=False, limits=limits) as client:
        run = Load(client, customers, messages, seconds)
        shown = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*(TextColumn(one) if isinstance(one, str) else one for one in shown)) as progress:
            task = progress.add_task("answered", total=customers * messages)
            return await run.run(timeout, lambda count: progress.update(task, completed=count))


def _table(report: "Report") -> "Table":
    """Return the report for a terminal."""
    from rich.table import Table

    table = Table(title="Load: " + ("everybody answered once, in order" if report.correct else "NOT correct"))
    table.add_column("what")
    table.add_column("value", justify="right")
    rows = {"customers": report.customers, "questions": report.questions, "lost": report.lost}
    rows |= {"answered twice": report.duplicated, "customers with wrong order": report.out_of_order}
    rows |= {"answers that name no order": report.unrecognised}
    for name, count in rows.items():
        table.add_row(name, str(count))
    table.add_row("first questions sent in", f"{report.sending_seconds:.1f} s")
    for name, share in (("median", 0.5), ("90 %", 0.9), ("99 %", 0.99)):
        table.add_row(f"answered within, {name}", f"{report.percentile(share):.2f} s")
    table.add_row("slowest answer", f"{max(report.seconds, default=float('nan')):.2f} s")
    return table


def _interrupt_once(*_: object) -> None:
    """Handle a signal that ends the stack: start the shutdown, and ignore later signals."""
    for number in END_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line."""
    os.umask(0o077)  # databases, logs and media of the local stack are for this user alone
    cli()


def _simulator_address() -> str:
    """Return the address of the running stack's simulator."""
    from simulator.stack.stack import read_state

    try:
        addresses = read_state(_settings().dev_dir)["addresses"]
    except FileNotFoundError:
        _fail("The local stack does not run: start it with `make run` (or `python -m simulator up`).", EXIT_NOT_RUNNING)
    if "simulator" not in addresses:
        _fail("The running stack uses no simulator (WHATSAPP_GRAPH_URL is set): write from a phone.", EXIT_NOT_RUNNING)
    return str(addresses["simulator"])


def _token() -> dict[str, str]:
    """Return the header with the token for the control API of the running stack."""
    settings = _settings()
    if "simulator_token" in settings.model_fields_set:
        return {"Authorization": f"Bearer {settings.simulator_token.get_secret_value()}"}
    try:
        return {"Authorization": f"Bearer {Keys.load(settings.dev_dir).control}"}
    except (OSError, ValueError) as error:
        _fail(f"The running stack's token cannot be read: {error}", EXIT_NOT_RUNNING)


def _variables() -> dict[str, str]:
    try:
        read_settings(variables := environment())
    except (ValidationError, OSError) as error:
        _fail(f"The settings are wrong: {error}", EXIT_NOT_RUNNING)
    return variables


def _settings() -> Settings:
    return read_settings(_variables())


def _report(line: str) -> None:
    with suppress(OSError):  # the terminal or the pipe is closed: the shutdown must go on
        print(line, flush=True)


def _fail(text: str, code: int) -> NoReturn:
    print(text, file=sys.stderr)
    raise typer.Exit(code)
