"""Canned replies: the page on which people write them, and what the composer inserts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from gateway.console.inbox.query import as_uuid
from gateway.console.parts import Parts
from gateway.console.rendering.pages import render
from gateway.console.routes import Page, RefusedError, person_of
from gateway.store.composer import canned, canned_files
from gateway.store.composer.canned import SHORTCUT, CannedReply
from gateway.store.composer.canned_files import CannedFile
from gateway.store.database import Connection
from gateway.store.desk import lists
from gateway.store.desk.lists import Row
from gateway.store.people import audit
from gateway.store.people.people import Person, Role

CANNED = "/console/canned"
_LONGEST_TITLE, _LONGEST_TEXT = 100, 4000
_ORDER = re.compile(r"pedido\D{0,12}(\d{3,20})", re.IGNORECASE)


@dataclass(frozen=True)
class Written:
    """The content of the form. old: the reply that is edited; file: the reply's, or one that was just uploaded."""

    shortcut: str = ""
    title: str = ""
    text: str = ""
    shared: bool = True
    old: UUID | None = None
    file: UUID | None = None

    @classmethod
    def of(cls, form: FormData) -> Written:
        """Read what a person has sent."""
        return cls(
            shortcut=str(form.get("shortcut", "")).strip().lower().removeprefix("/"),
            title=" ".join(str(form.get("title", "")).split()),
            text=str(form.get("text", "")).strip(),
            shared=bool(form.get("shared")),
            old=as_uuid(str(form.get("id", ""))),
            file=as_uuid(str(form.get("file", ""))),
        )

    @property
    def fits(self) -> bool:
        """Return whether a reply can be made of it."""
        title, text = 0 < len(self.title) <= _LONGEST_TITLE, 0 < len(self.text) <= _LONGEST_TEXT
        return title and text and self.title.isprintable() and SHORTCUT.fullmatch(self.shortcut) is not None


class Canned:
    """`/console/canned`, and `/console/conversations/{id}/canned` for the composer."""

    def __init__(self, parts: Parts) -> None:
        self._pool = parts.pool

    def routes(self) -> list[Page]:
        """The routes to mount."""
        return [
            Page(CANNED, self._show, Role.ATTENDANT),
            Page(CANNED, self._save, Role.ATTENDANT, ["POST"]),
            Page(f"{CANNED}/{{reply_id:uuid}}/delete", self._delete, Role.ATTENDANT, ["POST"]),
            Page("/console/conversations/{id:uuid}/canned", self._filled, Role.ATTENDANT),
        ]

    async def _show(self, request: Request) -> Response:
        person, wanted = person_of(request), as_uuid(request.query_params.get("id", ""))
        async with self._pool.connection() as conn:
            edited = await canned.find(conn, wanted) if wanted else None
            if edited is None or not _may_change(person, edited):
                return await self._page(conn, request, 200, None, Written())
            found = (await canned_files.of(conn, [edited.id])).get(edited.id)
            file, shared = found.id if found else None, edited.person_id is None
            written = Written(edited.shortcut, edited.title, edited.text, shared, edited.id, file)
            return await self._page(conn, request, 200, None, written)

    async def _page(
        self, conn: Connection, request: Request, status: int, problem: str | None, written: Written
    ) -> Response:
        """Show the replies and the form with what it has."""
        person = person_of(request)
        replies = await canned.every(conn, person.id)
        files = await canned_files.of(conn, [one.id for one in replies])
        file = await canned_files.find(conn, written.file, person.id) if written.file else None
        return render(
            request, "admin/canned.html", status, replies=replies, files=files, written=written, file=file,
            problem=problem, variables=tuple(_values(None, person)),
            changeable={one.id for one in replies if _may_change(person, one)},
        )  # fmt: skip

    async def _save(self, request: Request) -> Response:
        """Keep a reply. None takes the place of another one of its shortcut but the one that is edited."""
        written, person = Written.of(await request.form()), person_of(request)
        if written.shared and not person.may(Role.MANAGER):
            raise RefusedError(403, "errors.forbidden")
        owner = None if written.shared else person.id
        async with self._pool.connection() as conn, conn.transaction():
            if not written.fits:
                return await self._page(conn, request, 422, "canned.invalid", written)
            edited = await _own(conn, person, written.old) if written.old else None
            if await canned.named(conn, owner, written.shortcut) not in (None, written.old):
                return await self._page(conn, request, 409, "canned.taken", written)
            kept = await canned.save(conn, owner, written.shortcut, written.title, written.text)
            before = edited.id if edited else None
            if not await canned_files.attach(conn, kept, written.file, person.id, before=before):
                raise RefusedError(409, "canned.file_gone")
            if edited and edited.id != kept:
                await canned.delete(conn, edited.id)
            if written.shared or (edited and edited.person_id is None):
                detail = {"shortcut": written.shortcut}
                await audit.write(conn, person, "canned_reply_saved", f"canned_reply:{kept}", detail)
        return RedirectResponse(CANNED, 303)

    async def _delete(self, request: Request) -> Response:
        person = person_of(request)
        async with self._pool.connection() as conn, conn.transaction():
            found = await _own(conn, person, UUID(str(request.path_params["reply_id"])))
            await canned.delete(conn, found.id)
            if found.person_id is None:
                detail = {"shortcut": found.shortcut}
                await audit.write(conn, person, "canned_reply_deleted", f"canned_reply:{found.id}", detail)
        return RedirectResponse(CANNED, 303)

    async def _filled(self, request: Request) -> Response:
        """Return the person's replies with what is known of a conversation in the place of the variables."""
        person = person_of(request)
        async with self._pool.connection() as conn:
            row = await lists.one(conn, person, UUID(str(request.path_params["id"])))
            if row is None:
                raise RefusedError(404, "errors.404")
            replies = await canned.for_person(conn, person.id)
            files = await canned_files.of(conn, [one.id for one in replies])
        values = _values(row, person)
        told = [
            {
                "shortcut": one.shortcut, "title": one.title, "text": filled(one.text, values),
                "file": _told(files.get(one.id)),
            }
            for one in replies
        ]  # fmt: skip
        return JSONResponse({"replies": told, "variables": [f"{{{name}}}" for name in values]})


def filled(text: str, values: dict[str, str]) -> str:
    """Return a text with its variables replaced; one whose value is not known stays, for the person to fill in."""
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1].lower()) or match[0], text)


def _values(row: Row | None, person: Person) -> dict[str, str]:
    name = (row.customer_name or "").split() if row else []
    order = _ORDER.search(f"{row.summary or ''} {row.reason or ''} {row.last_text or ''}") if row else None
    return {
        "nome": name[0] if name else "",
        "atendente": person.name.split()[0],
        "pedido": order[1] if order else "",
    }


def _told(file: CannedFile | None) -> dict[str, str] | None:
    return {"id": str(file.id), "name": file.filename, "kind": file.kind} if file else None


def _may_change(person: Person, reply: CannedReply) -> bool:
    return person.may(Role.MANAGER) if reply.person_id is None else reply.person_id == person.id


async def _own(conn: Connection, person: Person, reply_id: UUID) -> CannedReply:
    """Return a reply that a person may change. Raises RefusedError."""
    found = await canned.find(conn, reply_id)
    if found is None or (found.person_id is not None and found.person_id != person.id):
        raise RefusedError(404, "errors.404")
    if not _may_change(person, found):
        raise RefusedError(403, "errors.forbidden")
    return found
