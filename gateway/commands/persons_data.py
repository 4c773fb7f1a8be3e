"""Export or erase everything about one person, and tell what was done."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID, uuid4

import httpx
import psycopg
import typer
from psycopg_pool import PoolTimeout

from gateway import persons_data
from gateway.commands.common import die, given, read_settings
from gateway.customers.data_requests import DataRequests
from gateway.customers.export import Export, File, NoContactError, Written
from gateway.customers.tombstones import ObjectStoreAwayError
from gateway.runtime.object_store import open_store
from gateway.settings import Settings
from gateway.store.customers import data_requests as store
from gateway.store.customers import named
from gateway.store.customers.data_requests import DataRequest, Kind
from gateway.store.database import Connection, Pool, is_away, make_pool
from gateway.store.people import audit
from gateway.whatsapp.numbers import is_parent_id, is_user_id, wa_id_variants

T = TypeVar("T")

commands = typer.Typer()

_Customer = Annotated[
    str,
    typer.Argument(help="The contact's id, a number with country code, or a user id; -: read from standard input."),
]
_UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_NUMBER = re.compile(r"[1-9][0-9]{6,14}")
_DECORATION = re.compile(r"[\s+().-]")
_CONNECT_SECONDS = 10.0
_BEGUN = 2  # exit code: `gateway work` goes on with what was not reached
_PATIENCE_SECONDS = 30.0  # for a place that does not answer; then `gateway work` goes on


@commands.command()
def erase(
    customer: _Customer,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
) -> None:
    """Erase everything about one person, in every store and for good; a second call continues an unfinished one."""
    settings, customer = read_settings(), given(customer)
    if settings.tombstone_key is None:
        die("set TOMBSTONE_KEY first: without tombstones an erased person would come back by a repeated webhook")
    if not yes:
        typer.confirm(f"Erase everything about {customer}, in every store, for good?", abort=True)
    ended = _with_parts(settings, lambda parts: _asked_for(parts, "erase", customer))
    for line in _told(ended):
        print(line)
    if ended.state != "done":
        raise SystemExit(1)


@commands.command()
def export(
    customer: _Customer,
    out: Annotated[Path, typer.Option(help="The ZIP file to write; only its owner may read it.")],
) -> None:
    """Write everything about one person, from every store, into a ZIP file: JSON, a page to read, and the files."""
    settings, customer = read_settings(), given(customer)
    try:
        written = _with_parts(settings, lambda parts: _exported(parts, customer, out))
    except OSError as error:
        die(f"{out} cannot be written: {error.strerror}")
    for place, count in sorted(written.counts.items()):
        print(f"{place}: {count}")
    for place, why in written.not_reached.items():
        print(f"NOT REACHED: {place}: {why}")
    print(f"written to {out}")
    if written.not_reached:
        raise SystemExit(1)


@commands.command()
def tombstones(
    wait: Annotated[bool, typer.Option(help="Wait for places that do not answer, up to 30 s for each person.")] = True,
) -> None:
    """After a restore: take the tombstones from the object store, and erase the people whom the backup brought back.

    Exit code 1: nobody was erased; 2: places were not reached, and `gateway work` goes on with them.
    """
    settings = read_settings()
    if settings.tombstone_key is None:
        die("set TOMBSTONE_KEY, the same as before the restore")
    try:
        known, ended = _with_parts(settings, lambda parts: _erase_again(parts, wait=wait))
    except ObjectStoreAwayError as error:
        die(f"the object store does not give the tombstones ({error}): nobody was erased")
    print(f"{known} tombstones; people whom the restore brought back: {len(ended)}")
    for line in [line for one in ended for line in _told(one)]:
        print(line)
    if any(one.state != "done" for one in ended):
        raise SystemExit(_BEGUN)


@dataclass(frozen=True, slots=True)
class _Parts:
    settings: Settings
    pool: Pool
    requests: DataRequests
    export: Export


def _with_parts(settings: Settings, act: Callable[[_Parts], Awaitable[T]]) -> T:
    """Return the result of an action with the parts that carry out requests; end with a sentence if they are away."""
    try:
        return asyncio.run(_connected(settings, act))
    except psycopg.Error as error:
        if not is_away(error):
            raise
        die(f"Postgres at DATABASE_URL does not answer: {str(error).splitlines()[0]}")
    except (PoolTimeout, NoContactError, ValueError) as error:
        die(str(error))


async def _connected(settings: Settings, act: Callable[[_Parts], Awaitable[T]]) -> T:
    objects, valkey = open_store(settings.media_url), persons_data.valkey(settings)
    pool = make_pool(settings.database_url.get_secret_value(), 2)
    async with AsyncExitStack() as stack:
        await pool.open(wait=True, timeout=_CONNECT_SECONDS)
        stack.push_async_callback(pool.close)
        if valkey is not None:
            stack.push_async_callback(valkey.aclose)
        http = await stack.enter_async_context(httpx.AsyncClient())
        requests = persons_data.data_requests(settings, pool, http, valkey, objects)
        return await act(_Parts(settings, pool, requests, persons_data.export(settings, pool, http, objects)))


async def _carry_out(parts: _Parts, request_id: UUID, *, wait: bool = True) -> DataRequest:
    """Return a request as it ended, or as it waits for a place that does not answer."""
    until = time.monotonic() + (_PATIENCE_SECONDS if wait else 0)
    while (found := await _state(parts.pool, request_id)).state == "waiting":
        if await parts.requests.go_on(request_id):
            continue
        if time.monotonic() > until:
            break
        await asyncio.sleep(0.2)
    return found


async def _asked_for(parts: _Parts, kind: Kind, customer: str) -> DataRequest:
    """Ask for an export or erasure, and carry it out."""
    async with parts.pool.connection() as conn, conn.transaction():
        request = await _ask(conn, kind, customer)
    return await _carry_out(parts, request.id)


async def _exported(parts: _Parts, customer: str, out: Path) -> Written:
    """Write the export beside its place, and put it there once it is whole."""
    async with parts.pool.connection() as conn:
        contact_id, _ = await _found(conn, customer)
    if contact_id is None:
        die("there is no such contact: name an id, a number with its country code, or a user id")
    half = out.with_name(f"{out.name}.part")
    try:
        with os.fdopen(os.open(half, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            written = await parts.export.write(contact_id, uuid4(), File(file))
        half.replace(out)
    finally:
        half.unlink(missing_ok=True)
    async with parts.pool.connection() as conn:
        await audit.write(conn, None, "customer_export", f"contact:{contact_id}", {"counts": written.counts})
    return written


async def _erase_again(parts: _Parts, *, wait: bool) -> tuple[int, list[DataRequest]]:
    marks = persons_data.tombstones(parts.settings)
    if marks is None:
        return 0, []
    async with parts.pool.connection() as conn:
        known, back = await marks.restore(conn), await marks.returned(conn)
        asked = [await _ask(conn, "erase", str(contact_id)) for contact_id in back]
    return known, [await _carry_out(parts, one.id, wait=wait) for one in asked]


async def _ask(conn: Connection, kind: Kind, customer: str) -> DataRequest:
    """Ask for an export or erasure of the customer, in whatever way they are named."""
    contact_id, keys = await _found(conn, customer)
    if contact_id is None and not keys:
        die("that is no id of a contact, no number with its country code, and no user id")
    facts: dict[str, Any] = {"keys": keys}
    request = await store.ask(conn, kind, contact_id, "command", facts=facts)
    await audit.write(
        conn, None, f"customer_{kind}", f"contact:{contact_id or request.id}", {"request": str(request.id)}
    )
    return request


async def _found(conn: Connection, customer: str) -> tuple[UUID | None, list[list[str | None]]]:
    """Return the contact who has this name now, and the keys of a person of whom there may be webhook items only."""
    if _UUID.fullmatch(customer):
        contact_id = await named.by_id(conn, UUID(customer))
        return contact_id or die(f"there is no contact {customer}, and no unfinished request about it"), []
    number = _DECORATION.sub("", customer)
    if is_user_id(customer) and not is_parent_id(customer):
        kind, forms = "user_id", [customer]
    elif _NUMBER.fullmatch(number):
        kind, forms = "wa_id", wa_id_variants(number)
    else:
        return None, []
    contact_id = await named.by_key(conn, kind, forms)
    if contact_id is None and kind == "wa_id" and (former := await named.gave_up(conn, forms)):
        die(f"nobody has that number now; the contact {former} gave it up: name them by that id")
    return contact_id, [] if contact_id else [[kind, form, None] for form in forms]


async def _state(pool: Pool, request_id: UUID) -> DataRequest:
    async with pool.connection() as conn:
        found = await store.find(conn, request_id)
    return found or die("the request is gone: somebody has deleted its row")


def _told(request: DataRequest) -> list[str]:
    """Return what is to be said about a request."""
    report = dict(request.report)
    business, missed, left = report.pop("business", {}), report.pop("not_reached", {}), report.pop("left", {})
    lines = [f"{place}: {count}" for place, count in report.items()] or ["nothing of them was found"]
    lines += [f"business data, {thing}: {count}" for thing, count in business.get("erased", {}).items()]
    lines += [f"business data, kept: {thing}" for thing in business.get("kept", [])]
    lines += [f"NOT REACHED: {place}: {why}" for place, why in missed.items()]
    lines += [f"LEFT: {place}: {why}" for place, why in left.items()]
    if request.state == "waiting":
        lines.append(f"NOT DONE YET: {request.step}: {request.error}. `gateway work` tries again; so does this command")
    elif request.state == "unfinished":
        lines.append(f"to go on with it: the same command with {request.contact_id or 'the same name'}")
    return lines
