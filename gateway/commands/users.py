"""People of the console, from the command line; it also makes the first one."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from gateway.commands.common import die, read, with_database
from gateway.runtime.passwords import LONGEST, SHORTEST, hashed, is_allowed, matches, new_password
from gateway.runtime.settings import CommonSettings
from gateway.store.database import Connection
from gateway.store.people import audit, people, sessions
from gateway.store.people.people import LOGIN, LoginTakenError, Person, Role

commands = typer.Typer(no_args_is_help=True, help="People who use the console.")

_Name = Annotated[str, typer.Argument(help="The login: letters, digits and . _ @ + -, such as an e-mail address.")]
_FromStdin = Annotated[
    bool,
    typer.Option(
        "--password-stdin",
        help="Read the password, which the person need not change, from standard input, instead of making one.",
    ),
]


@commands.command()
def add(
    name: _Name,
    role: Annotated[Role, typer.Option(help="What the person may do.")],
    full_name: Annotated[str | None, typer.Option(help="Name that colleagues read; default: the login.")] = None,
    departments: Annotated[str | None, typer.Option(help="Departments seen, comma-separated; default: all.")] = None,
    masks_numbers: Annotated[bool, typer.Option("--masks-numbers", help="Hide customers' numbers.")] = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="Only with the company's account.")] = False,
    password_stdin: _FromStdin = False,
    ensure: Annotated[bool, typer.Option("--ensure", help="Where the person exists, only set the password.")] = False,
) -> None:
    """Add a person; print their new password, once."""
    login = _checked(name)
    chosen = [one.strip() for one in (departments or "").split(",") if one.strip()] or None
    password = None if no_password else _password(password_stdin)

    async def added(conn: Connection) -> None:
        async with conn.transaction():
            existing = await people.by_login(conn, login) if ensure else None
            if existing and password:
                await _ensure_password(conn, existing, password, given=not password_stdin)
                return
            kept = hashed(password) if password else None
            person_id = await people.add(
                conn, login, full_name or login, role, password_hash=kept,
                departments=chosen, masks_numbers=masks_numbers, password_given=not password_stdin,
            )  # fmt: skip
            await audit.write(conn, None, "person_added", f"person:{person_id}", {"login": login, "role": role})

    try:
        with_database(read(CommonSettings), added)
    except LoginTakenError as error:
        die(str(error))
    print(f"{login} may sign in to the console as {role}")
    _show(None if password_stdin else password)


@commands.command("list")
def list_people() -> None:
    """List people: login, role, name, and what they may see."""
    for one in with_database(read(CommonSettings), people.every):
        more = [", ".join(one.departments)] if one.departments else []
        more += ["numbers masked"] if one.masks_numbers else []
        more += ["disabled"] if one.disabled else []
        print("  ".join((one.login, one.role, one.name, *more)))


@commands.command()
def disable(name: _Name) -> None:
    """Let a person in no more, and sign them out everywhere at once."""

    async def disabled(conn: Connection, person: Person) -> None:
        await people.disable(conn, person.id)
        await sessions.revoke_all(conn, person.id)
        await audit.write(conn, None, "person_disabled", f"person:{person.id}")

    _change(name, disabled)
    print(f"{name} is not let in any more")


@commands.command()
def enable(name: _Name) -> None:
    """Let a person in again who was disabled."""

    async def enabled(conn: Connection, person: Person) -> None:
        await people.enable(conn, person.id)
        await audit.write(conn, None, "person_enabled", f"person:{person.id}")

    _change(name, enabled)
    print(f"{name} is let in again")


@commands.command()
def password(name: _Name, password_stdin: _FromStdin = False) -> None:
    """Set a person's password, sign them out everywhere, and print it, once."""
    chosen = _password(password_stdin)

    async def changed(conn: Connection, person: Person) -> None:
        await _set_password(conn, person, chosen, given=not password_stdin)

    _change(name, changed)
    print(f"{name} has a new password")
    _show(None if password_stdin else chosen)


@commands.command()
def role(name: _Name, new: Annotated[Role, typer.Argument(metavar="ROLE", help="What the person may do.")]) -> None:
    """Change what a person may do; it counts from their next request on."""

    async def changed(conn: Connection, person: Person) -> None:
        await people.change(conn, person.id, person.name, new, person.departments, masks_numbers=person.masks_numbers)
        await audit.write(conn, None, "person_changed", f"person:{person.id}", {"role": new})

    _change(name, changed)
    print(f"{name} is {new} now")


async def _ensure_password(conn: Connection, person: Person, chosen: str, *, given: bool) -> None:
    kept = await people.password_hash(conn, person.id)
    if kept is None or not matches(kept, chosen):
        await _set_password(conn, person, chosen, given=given)


async def _set_password(conn: Connection, person: Person, chosen: str, *, given: bool) -> None:
    await people.set_password(conn, person.id, hashed(chosen), given=given)
    await sessions.revoke_all(conn, person.id)
    await audit.write(conn, None, "password_set", f"person:{person.id}")


def _change(name: str, change: Callable[[Connection, Person], Awaitable[None]]) -> None:
    """Do something to a person, in one transaction."""

    async def found_and_changed(conn: Connection) -> bool:
        async with conn.transaction():
            person = await people.by_login(conn, name)
            if person:
                await change(conn, person)
        return person is not None

    if not with_database(read(CommonSettings), found_and_changed):
        die(f"there is nobody with the login {name}; `gateway users list` shows all")


def _checked(name: str) -> str:
    login = name.strip().lower()
    if not LOGIN.fullmatch(login):
        die("a login has letters, digits and . _ @ + - only, at most 254")
    return login


def _password(from_stdin: bool) -> str:
    if not from_stdin:
        return new_password()
    given = sys.stdin.readline().rstrip("\r\n")
    if not is_allowed(given):
        die(f"the password on standard input needs {SHORTEST} to {LONGEST} characters")
    return given


def _show(made: str | None) -> None:
    if made:
        print(f"password, shown only now: {made}")
