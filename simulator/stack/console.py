"""People of the local stack's console: two attendants and an administrator, with random passwords."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.keys import new_secret, write_private
from simulator.stack.process import StartError

FILE = "console.json"
PEOPLE = (("ana", "Ana Lima", "attendant"), ("bruno", "Bruno Reis", "attendant"), ("rosa", "Rosa Fonseca", "admin"))
_SECONDS = 60


@dataclass(frozen=True)
class ConsolePerson:
    """A person who may sign in to the local console."""

    login: str
    name: str
    role: str
    password: str


def load_or_make(directory: Path) -> list[ConsolePerson]:
    """Return the people with the passwords stored in the directory, or new ones, which are then stored there."""
    path = directory / FILE
    stored = _read(path)
    people = [ConsolePerson(*person, stored.get(person[0]) or new_secret()) for person in PEOPLE]
    wanted = {person.login: person.password for person in people}
    if wanted != stored:
        write_private(path, json.dumps(wanted))
    return people


def add_to_database(people: list[ConsolePerson], environment: dict[str, str]) -> None:
    """Add the people by `gateway users add`, which changes nothing where they exist already. Raises StartError."""
    started = [(person, _start(person, environment)) for person in people]
    for person, process in started:
        try:
            output, _ = process.communicate(f"{person.password}\n", timeout=_SECONDS)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise StartError(f"gateway users add {person.login} did not end in {_SECONDS} s.") from error
        if process.returncode:
            raise StartError(f"gateway users add {person.login} failed: {output.strip()}")


def _start(person: ConsolePerson, environment: dict[str, str]) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "gateway.cli", "users", "add", person.login, "--role", person.role]
    command += ["--full-name", person.name, "--password-stdin", "--ensure"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True)  # noqa: S603  # our own command


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
