"""The commands that start a process of the gateway. Each imports its process only when it runs."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from gateway.commands.common import S, die, read

if TYPE_CHECKING:
    from gateway.runtime.serving import Process

commands = typer.Typer()


@commands.command()
def serve() -> None:
    """Receive webhooks, and answer the agent's requests to the gateway."""
    from gateway.serve import serve as process
    from gateway.settings import Settings

    _run(process, Settings)


@commands.command()
def work() -> None:
    """Make runs of the agent of the messages that came in, and send the replies."""
    from gateway.runtime.telemetry import leave_out_the_webhook
    from gateway.settings import Settings
    from gateway.work import work as process

    leave_out_the_webhook()
    _run(process, Settings)


@commands.command()
def console() -> None:
    """Show people the conversations, and let them answer: the pages of the console."""
    from gateway.console.process import console as process
    from gateway.console.settings import ConsoleSettings
    from gateway.runtime.telemetry import leave_out_the_webhook

    leave_out_the_webhook()
    _run(process, ConsoleSettings)


def _run(make: Callable[[S], Process], kind: type[S]) -> None:
    """Serve until SIGTERM or SIGINT; requests and turns under way are finished within the drain time."""
    from gateway.runtime import serving
    from gateway.runtime.tracing import SERVICE, configure_tracing

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
