"""The commands of ``python -m simulator``."""

import signal
import sys
from contextlib import suppress
from typing import Annotated

import httpx
import typer
import uvicorn
from pydantic import ValidationError

from simulator.app import create_app
from simulator.meta.world import MARIA, digits_of
from simulator.plan import make_plan
from simulator.ports import PortBusyError
from simulator.process import StartError
from simulator.say import ANSWER_SECONDS, NoAnswerError, Phone
from simulator.settings import Settings, environment, load
from simulator.stack import STATE_FILE, Stack, read_state

NOT_ANSWERED, NOT_RUNNING = 1, 2  # exit codes
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="WhatsApp, a phone and a model on this machine.")


@cli.command()
def up() -> None:
    """Start the whole local stack; Ctrl-C stops it."""
    for number in ENDINGS:
        signal.signal(number, _end_once)
    try:
        Stack(make_plan(_variables()), tell=_tell).run()
    except (StartError, PortBusyError) as error:
        _fail(str(error), 1)
    except KeyboardInterrupt:
        return


@cli.command()
def serve() -> None:
    """Only the simulator: Cloud API, model, phone page and control API."""
    settings = _settings()
    app = create_app(settings.number(), settings.webhook_url, settings.dev_dir / STATE_FILE)
    uvicorn.run(app, host=settings.simulator_host, port=settings.simulator_port, log_level="warning", ws="none")


@cli.command()
def say(
    text: str,
    sender: Annotated[str, typer.Option("--from", help="the customer's number, digits")] = MARIA[0],
    timeout: Annotated[float, typer.Option(help="seconds to wait for the first reply")] = ANSWER_SECONDS,
) -> None:
    """Send one message to the running stack as a customer, and print the replies."""
    wa_id = digits_of(sender)
    if not wa_id:
        _fail(f"--from takes a phone number, not {sender!r}", NOT_RUNNING)
    try:
        with httpx.Client(base_url=_simulator_address(), timeout=30, trust_env=False) as client:
            phone = Phone(client, wa_id)
            phone.say(text)
            for reply in phone.replies(timeout):
                print(reply, flush=True)
    except NoAnswerError as error:
        _fail(str(error), NOT_ANSWERED)
    except httpx.TransportError as error:
        _fail(f"The simulator does not answer ({type(error).__name__}): is the stack still running?", NOT_RUNNING)


def _end_once(*_: object) -> None:
    """Handler of every signal that ends the stack: begin the end, and let nothing interrupt it."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line."""
    cli()


def _simulator_address() -> str:
    """Where the running stack's simulator is."""
    try:
        addresses = read_state(_settings().dev_dir)["addresses"]
    except FileNotFoundError:
        _fail("The local stack does not run: start it with `make run` (or `python -m simulator up`).", NOT_RUNNING)
    if "simulator" not in addresses:
        _fail("The running stack uses no simulator (WHATSAPP_GRAPH_URL is set): write from a phone.", NOT_RUNNING)
    return str(addresses["simulator"])


def _variables() -> dict[str, str]:
    try:
        load(variables := environment())
    except (ValidationError, OSError) as error:
        _fail(f"The settings are wrong: {error}", NOT_RUNNING)
    return variables


def _settings() -> Settings:
    return load(_variables())


def _tell(line: str) -> None:
    with suppress(OSError):  # the terminal is gone or the pipe closed: nobody reads, and stopping must go on
        print(line, flush=True)


def _fail(text: str, code: int) -> None:
    print(text, file=sys.stderr)
    raise typer.Exit(code)
