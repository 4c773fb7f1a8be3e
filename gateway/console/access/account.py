"""A person's own account: language, theme, password, and where they are signed in."""

from __future__ import annotations

from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.console.access.sign_in import HOME
from gateway.console.parts import Parts
from gateway.console.rendering.pages import render
from gateway.console.routes import CHOOSE, Page, RefusedError, person_of
from gateway.console.texts import LANGUAGES
from gateway.runtime.passwords import Passwords, is_allowed
from gateway.store.people import audit, people, sessions, sign_ins
from gateway.store.people.people import Role

ACCOUNT = "/console/account"
TRIES = 10  # of a person's present password, in sign_ins.PERIOD
THEMES = ("light", "dark")


class Account:
    """The pages under `/console/account`."""

    def __init__(self, parts: Parts, passwords: Passwords) -> None:
        self._pool = parts.pool
        self._passwords = passwords

    def routes(self) -> list[Page]:
        """The routes to mount."""
        return [
            Page(ACCOUNT, self._show, Role.VIEWER),
            Page(f"{ACCOUNT}/look", self._look, Role.VIEWER, ["POST"]),
            Page(CHOOSE, self._choose, Role.VIEWER),
            Page(CHOOSE, self._password, Role.VIEWER, ["POST"]),
            Page(f"{ACCOUNT}/sessions/{{session_id:uuid}}/revoke", self._revoke, Role.VIEWER, ["POST"]),
            Page(f"{ACCOUNT}/sessions/revoke", self._revoke_others, Role.VIEWER, ["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        return await self._page(request, 200, None)

    async def _page(self, request: Request, status: int, problem: str | None) -> Response:
        async with self._pool.connection() as conn:
            open_sessions = await sessions.of_person(conn, person_of(request).id)
        done = request.query_params.get("done")
        return render(
            request, "access/account.html", status, sessions=open_sessions, this=request.state.session_id,
            problem=problem, done=done if done in ("look", "password", "sessions") else None,
        )  # fmt: skip

    async def _look(self, request: Request) -> Response:
        form = await request.form()
        language, theme = str(form.get("language", "")), str(form.get("theme", ""))
        async with self._pool.connection() as conn:
            await people.prefer(
                conn, person_of(request).id,
                language if language in LANGUAGES else None, theme if theme in THEMES else None,
            )  # fmt: skip
        return _done("look")

    async def _password(self, request: Request) -> Response:
        form = await request.form()
        problem = await self._change(request, str(form.get("old", "")), str(form.get("new", "")))
        if request.state.must_choose:
            return RedirectResponse(HOME, 303) if problem is None else _choice(request, 422, problem)
        return _done("password") if problem is None else await self._page(request, 422, problem)

    async def _choose(self, request: Request) -> Response:
        """Ask for a new password instead of the one that another person made."""
        return _choice(request, 200, None) if request.state.must_choose else RedirectResponse(ACCOUNT, 302)

    async def _change(self, request: Request, old: str, new: str) -> str | None:
        """Change the password, and end all other sessions; return the key of what was wrong."""
        person = person_of(request)
        if not is_allowed(new):
            return "access.account.password_length"
        if new == old:
            return "access.account.password_same"
        async with self._pool.connection() as conn:
            async with conn.transaction():
                if not await sign_ins.take(conn, {f"password:{person.id}": TRIES}):
                    return "access.login.limited"
            if not await self._passwords.fits(old, await people.password_hash(conn, person.id)):
                return "access.account.password_wrong"
            hashed = await self._passwords.hash(new)
            async with conn.transaction():
                await people.set_password(conn, person.id, hashed, given=False)
                await sessions.revoke_all(conn, person.id, but=request.state.session_id)
                await sign_ins.forgive(conn, f"password:{person.id}")
                await audit.write(conn, person, "password_changed", f"person:{person.id}")
        return None

    async def _revoke(self, request: Request) -> Response:
        person, session_id = person_of(request), request.path_params["session_id"]
        async with self._pool.connection() as conn, conn.transaction():
            if not await sessions.revoke(conn, person.id, UUID(str(session_id))):
                raise RefusedError(404, "errors.404")
            await audit.write(conn, person, "session_revoked", f"person:{person.id}")
        return _done("sessions")

    async def _revoke_others(self, request: Request) -> Response:
        person = person_of(request)
        async with self._pool.connection() as conn, conn.transaction():
            await sessions.revoke_all(conn, person.id, but=request.state.session_id)
            await audit.write(conn, person, "sessions_revoked", f"person:{person.id}")
        return _done("sessions")


def _choice(request: Request, status: int, problem: str | None) -> Response:
    return render(request, "access/choose.html", status, problem=problem)


def _done(what: str) -> Response:
    return RedirectResponse(f"{ACCOUNT}?done={what}", 303)
