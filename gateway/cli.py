"""The command `gateway`.

Only the module of the wanted command is imported, so that a process holds no more modules than it uses.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

import typer

# The module of gateway.commands that has each command; those of `users` are a group.
COMMANDS = {
    "serve": "processes",
    "work": "processes",
    "console": "processes",
    "migrate": "schema",
    "roles": "schema",
    "doctor": "doctor",
    "conversations": "conversations",
    "reply": "conversations",
    "hand-back": "conversations",
    "take-thread": "conversations",
    "release-thread": "conversations",
    "send-template": "templates",
    "check-token": "tokens",
    "exchange-token": "tokens",
    "replay": "events",
    "costs": "events",
    "export": "persons_data",
    "erase": "persons_data",
    "tombstones": "persons_data",
    "backup": "backup",
    "backup-key": "backup",
    "restore": "restore",
    "drill": "drill",
    "users": "users",
}
_GROUPS = frozenset({"users"})


def main() -> None:
    """Entry point of the console script."""
    os.umask(0o077)  # customers' files are for this user alone: the object store gives no modes of its own
    program(next(iter(sys.argv[1:]), None))()


def program(command: str | None) -> typer.Typer:
    """Return the program with the module of a command; with all modules if there is no such command, for the help."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    app.callback(help="The gateway between WhatsApp and the agent.")(_nothing)
    for name in dict.fromkeys([COMMANDS[command]] if command in COMMANDS else COMMANDS.values()):
        commands = import_module(f"gateway.commands.{name}").commands
        app.add_typer(commands, name=name if name in _GROUPS else None)
    return app


def _nothing() -> None:
    """Keep a program with a single command one that wants the command's name."""


if __name__ == "__main__":
    main()
