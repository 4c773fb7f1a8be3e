"""People of the console: managers add them, change them, let them in or not, never beyond their own role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.console.parts import Parts
from gateway.console.rendering.pages import render
from gateway.console.routes import Page, RefusedError, person_of
from gateway.runtime.passwords import Passwords, new_password
from gateway.store.database import Connection
from gateway.store.people import audit, people, sessions
from gateway.store.people.people import LOGIN, LoginTakenError, Person, Role

PEOPLE = "/console/people"
_LONGEST_NAME, _LONGEST_DEPARTMENT = 100, 64


@dataclass(frozen=True)
class Wanted:
    """The fields of the form about a person."""

    name: str
    role: Role
    departments: list[str] | None
    masks_numbers: bool


class People:
    """The pages under `/console/people`."""

    def __init__(self, parts: Parts, passwords: Passwords) -> None:
        self._pool = parts.pool
        self._passwords = passwords

    def routes(self) -> list[Page]:
        """The routes to mount."""
        one = f"{PEOPLE}/{{person_id:uuid}}"
        return [
            Page(PEOPLE, self._list, Role.MANAGER),
            Page(PEOPLE, self._add, Role.MANAGER, ["POST"]),
            Page(one, self._show, Role.MANAGER),
            Page(one, self._change, Role.MANAGER, ["POST"]),
            Page(f"{one}/password", self._password, Role.MANAGER, ["POST"]),
            Page(f"{one}/disable", self._disable, Role.MANAGER, ["POST"]),
            Page(f"{one}/enable", self._enable, Role.MANAGER, ["POST"]),
        ]

    async def _list(self, request: Request) -> Response:
        return await self._page(request, 200, None)

    async def _page(
        self, request: Request, status: int, problem: str | None, typed: Mapping[str, object] | None = None
    ) -> Response:
        """Show all people, and the form with what was typed into it."""
        async with self._pool.connection() as conn:
            everybody = await people.every(conn)
        return render(
            request,
            "admin/people.html",
            status,
            people=everybody,
            roles=roles_below(person_of(request)),
            problem=problem,
            typed=typed,
        )

    async def _add(self, request: Request) -> Response:
        form, manager = await request.form(), person_of(request)
        login, wanted = str(form.get("login", "")).strip().lower(), _wanted(form, manager)
        if wanted is None or not LOGIN.fullmatch(login):
            return await self._page(request, 422, "admin.people.invalid", _typed(form))
        password = new_password() if form.get("password") else None
        hashed = await self._passwords.hash(password) if password else None
        try:
            async with self._pool.connection() as conn, conn.transaction():
                person_id = await people.add(
                    conn, login, wanted.name, wanted.role, password_hash=hashed,
                    departments=wanted.departments, masks_numbers=wanted.masks_numbers,
                    password_given=password is not None,
                )  # fmt: skip
                detail = {"login": login, **_detail(wanted)}
                await audit.write(conn, manager, "person_added", f"person:{person_id}", detail)
        except LoginTakenError:
            return await self._page(request, 409, "admin.people.taken", _typed(form))
        if password is None:
            return RedirectResponse(f"{PEOPLE}/{person_id}", 303)
        return render(request, "admin/password.html", name=wanted.name, login=login, password=password)

    async def _show(self, request: Request) -> Response:
        async with self._pool.connection() as conn:
            found = await self._other(conn, request)
        return render(request, "admin/person.html", other=found, roles=roles_below(person_of(request)), problem=None)

    async def _change(self, request: Request) -> Response:
        form, manager = await request.form(), person_of(request)
        wanted = _wanted(form, manager)
        async with self._pool.connection() as conn, conn.transaction():
            found = await self._other(conn, request)
            if wanted is None:
                return render(
                    request, "admin/person.html", 422, other=found, roles=roles_below(manager),
                    problem="admin.people.invalid",
                )  # fmt: skip
            if wanted.role is not Role.ADMIN:
                await _keep_an_admin(conn, found)
            await people.change(
                conn, found.id, wanted.name, wanted.role, wanted.departments, masks_numbers=wanted.masks_numbers
            )
            await audit.write(conn, manager, "person_changed", f"person:{found.id}", _detail(wanted))
        return RedirectResponse(PEOPLE, 303)

    async def _password(self, request: Request) -> Response:
        password = new_password()
        hashed = await self._passwords.hash(password)
        async with self._pool.connection() as conn, conn.transaction():
            found = await self._other(conn, request)
            await people.set_password(conn, found.id, hashed, given=True)
            await sessions.revoke_all(conn, found.id)
            await audit.write(conn, person_of(request), "password_set", f"person:{found.id}")
        return render(request, "admin/password.html", name=found.name, login=found.login, password=password)

    async def _disable(self, request: Request) -> Response:
        async with self._pool.connection() as conn, conn.transaction():
            found = await self._other(conn, request)
            await _keep_an_admin(conn, found)
            await people.disable(conn, found.id)
            await sessions.revoke_all(conn, found.id)
            await audit.write(conn, person_of(request), "person_disabled", f"person:{found.id}")
        return RedirectResponse(PEOPLE, 303)

    async def _enable(self, request: Request) -> Response:
        async with self._pool.connection() as conn, conn.transaction():
            found = await self._other(conn, request)
            await people.enable(conn, found.id)
            await audit.write(conn, person_of(request), "person_enabled", f"person:{found.id}")
        return RedirectResponse(PEOPLE, 303)

    async def _other(self, conn: Connection, request: Request) -> Person:
        """Return the person whom a page is about. Raises RefusedError for one above the manager, or for oneself."""
        found = await people.find(conn, UUID(str(request.path_params["person_id"])))
        manager = person_of(request)
        if found is None:
            raise RefusedError(404, "errors.404")
        if not manager.role.includes(found.role):
            raise RefusedError(403, "admin.people.above")
        if found.id == manager.id and request.method != "GET":
            raise RefusedError(403, "admin.people.oneself")
        return found


def roles_below(person: Person) -> list[Role]:
    """Return the roles that a person may give: no higher one than their own."""
    return [role for role in Role if person.role.includes(role)]


async def _keep_an_admin(conn: Connection, found: Person) -> None:
    if found.role is Role.ADMIN and not found.disabled and not await people.other_admins(conn, found.id):
        raise RefusedError(409, "admin.people.last_admin")


def _wanted(form: FormData, manager: Person) -> Wanted | None:
    """Return what a form says; None: a name or role is missing or may not be given."""
    name, role = " ".join(str(form.get("name", "")).split()), str(form.get("role", ""))
    departments = _departments(form)
    fits = (
        0 < len(name) <= _LONGEST_NAME
        and name.isprintable()
        and all(len(one) <= _LONGEST_DEPARTMENT for one in departments)
    )
    if not fits or role not in roles_below(manager):
        return None
    return Wanted(name, Role(role), departments or None, masks_numbers=bool(form.get("masks_numbers")))


def _departments(form: FormData) -> list[str]:
    return [one.strip() for one in str(form.get("departments", "")).split(",") if one.strip()]


def _typed(form: FormData) -> dict[str, object]:
    """Return what a form has, for the page that says what is wrong with it."""
    return {
        "login": str(form.get("login", "")), "name": str(form.get("name", "")), "role": str(form.get("role", "")),
        "departments": _departments(form), "masks_numbers": bool(form.get("masks_numbers")),
    }  # fmt: skip


def _detail(wanted: Wanted) -> dict[str, object]:
    return {
        "name": wanted.name, "role": wanted.role, "departments": wanted.departments,
        "masks_numbers": wanted.masks_numbers,
    }  # fmt: skip
