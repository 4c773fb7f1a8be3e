"""`gateway doctor`."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated

import orjson
import typer

from gateway.commands.common import read
from gateway.doctor.examination import Examination, examine
from gateway.doctor.findings import exit_status
from gateway.settings import Settings

commands = typer.Typer()


@commands.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:
    """Say what is wrong and what to do: Meta, database, agent server, files, Valkey, clock, versions, backup.

    It uses the secrets of the process in whose place it runs, and says which checks it could not do there.
    Exit code 0: nothing is wrong; 1: a problem exists; 2: something will stop, or works badly.
    """
    found = asyncio.run(examine(read(Settings, log_level="error")))
    print(orjson.dumps(asdict(found), option=orjson.OPT_INDENT_2).decode() if as_json else _lines(found))
    raise SystemExit(exit_status(found.findings))


def _lines(found: Examination) -> str:
    agent = f"agent server {found.agent}" if found.agent else "agent server not known"
    lines = [one.line() for one in found.findings]
    if not exit_status(found.findings):
        lines.append("nothing wrong was found")
    return "\n".join((*lines, f"versions: gateway {found.gateway}, schema {found.schema}, {agent}"))
