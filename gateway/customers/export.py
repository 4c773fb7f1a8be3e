"""Everything about one person from every store as a ZIP file: JSON for programs, `index.html` for people, the files.

Messages, webhook items and files are written as they are read, so that memory does not grow with their number.
"""

from __future__ import annotations

import mimetypes
import re
import time
import zipfile
from collections.abc import AsyncIterator, Awaitable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Protocol, cast
from uuid import UUID

import obstore
from obstore.exceptions import BaseError

from gateway.customers.erasure import names_of
from gateway.customers.export_page import Page
from gateway.customers.records import NotReachedError, Records
from gateway.store.customers import contacts, data_requests, erasing, exporting
from gateway.store.customers.data_requests import DataRequest
from gateway.store.customers.erasing import Person
from gateway.store.database import Connection, Pool, now
from gateway.store.desk import customers
from gateway.store.inbox import events
from gateway.whatsapp.json_bytes import Json, encode
from gateway.whatsapp.webhooks.parties import part_about, parties

if TYPE_CHECKING:
    from obstore import AsyncWritableFile
    from obstore.store import ObjectStore

_EVENTS = 5_000  # ids of webhook items that one query looks at
_RENEWAL_SECONDS = 30.0  # a quarter of a lease
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")


class NoContactError(Exception):
    """The contact does not exist."""


@dataclass(slots=True)
class Written:
    """The result of an export: counts by place, and the places that were not reached, each with the reason."""

    counts: dict[str, int] = field(default_factory=dict)
    not_reached: dict[str, str] = field(default_factory=dict)


class Target(Protocol):
    """An archive's place. `zipfile` writes into it at once; `drain` is called after each part."""

    def write(self, data: bytes, /) -> int:
        """Take bytes."""

    def flush(self) -> None:
        """Do what a file does."""

    async def drain(self) -> None:
        """Have all that was written go on to where it belongs."""


class File:
    """A file of this machine as a target."""

    def __init__(self, file: IO[bytes]) -> None:
        self.write, self.flush = file.write, file.flush

    async def drain(self) -> None:
        """Do nothing: all is in the file."""


class Export:
    """Writes exports. objects: the store of customers' files; records: the agent server's client."""

    def __init__(self, pool: Pool, objects: ObjectStore, records: Records) -> None:
        self._pool = pool
        self._objects = objects
        self._records = records

    async def write(self, contact_id: UUID, request_id: UUID, to: Target) -> Written:
        """Write everything about a contact as an archive. Raises NoContactError."""
        written = Written()
        async with self._pool.connection() as conn:
            contact_id = await contacts.current_id(conn, contact_id)
            async with conn.transaction():
                person = await erasing.person(conn, contact_id)
            if person is None:
                raise NoContactError(f"there is no contact {contact_id}")
            whose = await customers.identity(conn, contact_id)
            place = cast("IO[bytes]", to)  # `write` and `flush` are all that it uses
            with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
                await self._write(conn, archive, to, person, request_id, whose, written)
        await to.drain()
        return written

    async def _write(
        self, conn: Connection, archive: zipfile.ZipFile, target: Target, person: Person, request_id: UUID,
        whose: Json, written: Written,
    ) -> None:  # fmt: skip
        found: dict[str, Any] = {**await exporting.tables(conn, person.contacts, person.threads)}
        found["memory"] = await self._asked(written, "memory", self._records.memory(
            "export", person.threads, person.contacts))  # fmt: skip
        found["business"] = await self._asked(written, "business", self._records.business("export", request_id, whose))
        attached = await exporting.attached(conn, person.threads)
        found["attached"] = attached
        page = Page(found, await now(conn))
        files: dict[str, str] = {}  # by their paths
        with archive.open("messages.json", "w", force_zip64=True) as to:
            async for messages in _listed(to, exporting.messages(conn, person.threads), written, "messages"):
                media = [one for message in messages for one in message["media"] or [] if one["path"]]
                files |= {one["path"]: _file_name(one) for one in media}
                page.add(messages, {one["id"]: _file_name(one) for one in media})
                await target.drain()
        files |= {one["path"]: f"files/{one['id']}-{_NOT_IN_NAMES.sub('_', one['filename'])}" for one in attached}
        with archive.open("webhooks.json", "w", force_zip64=True) as to:
            async for _ in _listed(to, self._events(conn, person), written, "events"):
                await target.drain()
        await self._files(archive, target, files, written)
        found["not_reached"] = written.not_reached
        archive.writestr("data.json", encode(found))
        with archive.open("index.html", "w", force_zip64=True) as to:
            for part in page.parts(written.not_reached):
                to.write(part.encode())
        written.counts |= {name: len(rows) for name, rows in found.items() if isinstance(rows, list) and rows}

    async def _asked(self, written: Written, place: str, answer: Awaitable[Json]) -> Json:
        try:
            return await answer
        except NotReachedError as error:
            written.not_reached[place] = str(error)
            return {}

    async def _events(self, conn: Connection, person: Person) -> AsyncIterator[list[Json]]:
        """Yield the webhook items that name the person, as they came."""
        names = {name for key in person.keys for name in names_of(key)}
        after, last = await events.bounds(conn)
        while names and after < last:
            found = await events.mentioning(conn, sorted(names), after, after + _EVENTS)
            yield [_event(one, names) for one in found if _is_about(one, names)]
            after += _EVENTS

    async def _files(self, archive: zipfile.ZipFile, target: Target, files: dict[str, str], written: Written) -> None:
        for path, name in files.items():
            content = self._content(path)
            try:
                first = await anext(content, b"")
                # Pictures, recordings and documents are compressed already.
                with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as to:
                    to.write(first)
                    async for chunk in content:
                        await target.drain()
                        to.write(chunk)
            except NotReachedError as error:
                written.not_reached[name] = str(error)
            else:
                written.counts["files"] = written.counts.get("files", 0) + 1
            await target.drain()

    async def _content(self, path: str) -> AsyncIterator[bytes]:
        """Yield a file in parts. Raises NotReachedError."""
        try:
            async for chunk in (await obstore.get_async(self._objects, path)).stream():
                yield bytes(chunk)
        except FileNotFoundError as error:
            raise NotReachedError("the file is gone from the object store") from error
        except (BaseError, OSError) as error:
            raise NotReachedError(f"the object store does not answer ({type(error).__name__})") from error


class ExportRequests:
    """Exports that the console asked for: the file is put into the object store, from where an admin takes it."""

    def __init__(self, pool: Pool, export: Export, objects: ObjectStore) -> None:
        self._pool = pool
        self._export = export
        self._objects = objects
        self.steps: Mapping[str, object] = {"write": None}

    async def advance(self, request: DataRequest) -> bool:
        """Write the file. Raises NotReachedError."""
        if request.contact_id is None:
            return True
        path = data_requests.export_path(request.id)
        try:
            upload = _Upload(self._pool, request.id, obstore.open_writer_async(self._objects, path))
            written = await self._export.write(request.contact_id, request.id, upload)
            await upload.close()
            await self._unless_erased(request.contact_id, path)
        except NoContactError as error:
            raise NotReachedError(str(error), passing=False) from error
        except (BaseError, OSError) as error:
            raise NotReachedError(f"the object store does not take the file ({type(error).__name__})") from error
        request.path = path
        request.report = {**written.counts, **({"not_reached": written.not_reached} if written.not_reached else {})}
        return True

    async def _unless_erased(self, contact_id: UUID, path: str) -> None:
        """Delete the file of a person whose erasure began meanwhile, which may not know it. Raises NoContactError."""
        async with self._pool.connection() as conn:
            erased = await erasing.is_erased(conn, contact_id)
        if erased:
            await obstore.delete_async(self._objects, path)
            raise NoContactError(f"the contact {contact_id} was erased")


class _Upload:
    """A file of the object store as a target, of which nothing is on this machine's disk; its request stays leased.

    Unless it is closed, the object store has no such file.
    """

    def __init__(self, pool: Pool, request_id: UUID, writer: AsyncWritableFile) -> None:
        self._pool = pool
        self._request_id = request_id
        self._writer = writer
        self._waiting = bytearray()
        self._renewed = time.monotonic()

    def write(self, data: bytes, /) -> int:
        self._waiting += data
        return len(data)

    def flush(self) -> None:
        """Leave it to `drain`."""

    async def drain(self) -> None:
        data, self._waiting = bytes(self._waiting), bytearray()
        await self._writer.write(data)
        if time.monotonic() > self._renewed + _RENEWAL_SECONDS:
            async with self._pool.connection() as conn:
                await data_requests.renew(conn, self._request_id)
            self._renewed = time.monotonic()

    async def close(self) -> None:
        await self._writer.close()


async def _listed(
    to: IO[bytes], pages: AsyncIterator[list[Json]], written: Written, place: str
) -> AsyncIterator[list[Json]]:
    """Write pages as one JSON list, and yield each."""
    before = b"["
    async for page in pages:
        for one in page:
            to.write(before + encode(one))
            before = b",\n"
        written.counts[place] = written.counts.get(place, 0) + len(page)
        yield page
    to.write(b"[]" if before == b"[" else b"]")


def _file_name(media: Json) -> str:
    """Return the name of a file in the archive; its own name is with its message."""
    mime_type = str(media["mime_type"] or "").split(";")[0]
    return f"files/{media['id']}{mimetypes.guess_extension(mime_type) or '.bin'}"


def _is_about(stored: events.StoredItem, names: Iterable[str]) -> bool:
    try:
        return any({*party.numbers, *party.user_ids} & set(names) for party in parties(stored.item()))
    except ValueError:  # nested too deeply to be read
        return False


def _event(stored: events.StoredItem, names: Collection[str]) -> Json:
    """Return an item as it came; without the content that may be about other people."""
    item = stored.item()
    return {"key": item.key, "field": item.field, "type": item.type, "received_at": stored.received_at.isoformat(),
            "state": stored.state, "value": part_about(item, names)}  # fmt: skip
