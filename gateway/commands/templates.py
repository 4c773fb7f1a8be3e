"""Send templates from a terminal or a script."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
import typer
from pydantic import ValidationError

from gateway.commands.common import die, given, read_settings, with_database
from gateway.outbox.proactive import RefusedError, TemplateRequest, first_problem, send

commands = typer.Typer()


@commands.command()
def send_template(
    to: Annotated[str, typer.Option(help="Number with country code, or a user id; -: read from standard input.")],
    name: Annotated[str, typer.Option(help="The template's name.")],
    language: Annotated[str, typer.Option(help="Its language, such as pt_BR.")],
    params: Annotated[list[str] | None, typer.Argument(help="Values of the body, in order.")] = None,
    named: Annotated[list[str] | None, typer.Option(help="A named value, NAME=VALUE; repeatable.")] = None,
    components: Annotated[str, typer.Option(help="Header and buttons: a JSON list as the Cloud API takes it.")] = "[]",
    key: Annotated[
        str | None, typer.Option(help="Idempotency key: a message with this key is sent at most once.")
    ] = None,
    channel: Annotated[
        str | None, typer.Option(help="Id of the sending number; required if there are several.")
    ] = None,
    category: Annotated[str, typer.Option(help="marketing, utility or authentication.")] = "marketing",
) -> None:
    """Send a template, and print the message's id and state. With a known --key, print those of the first message."""
    settings = read_settings()
    fields: dict[str, Any] = {
        "to": given(to), "name": name, "language": language, "parameters": _parameters(params or [], named or []),
        "components": _json(components), "key": key, "channel": channel, "category": category,
    }  # fmt: skip
    try:
        request = TemplateRequest.model_validate(fields)
        queued = with_database(settings, lambda conn: send(conn, settings.channels(()), request))
    except ValidationError as error:
        die(first_problem(error))
    except RefusedError as error:
        die(str(error))
    print(f"{queued.id} {queued.state}")


def _parameters(params: list[str], named: list[str]) -> list[str] | dict[str, str]:
    if params and named:
        die("give parameters in order or by name, not both")
    for one in named:
        if "=" not in one:
            die("--named takes NAME=VALUE")
    return dict(one.split("=", 1) for one in named) if named else params


def _json(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        die("--components is not JSON")
