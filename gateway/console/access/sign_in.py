"""Signing in and out: the login page, the password, its limits, the session."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.console.parts import Parts
from gateway.console.rendering.pages import render
from gateway.console.routes import Page, person_of
from gateway.console.signed_in import LOGIN
from gateway.runtime import passwords
from gateway.runtime.passwords import Passwords
from gateway.runtime.telemetry import LOGINS
from gateway.store.database import Connection
from gateway.store.people import audit, people, sessions, sign_ins
from gateway.store.people.people import Person, Role

HOME = "/console/"
TRIES = {"login": 10, "address": 100}  # in sign_ins.PERIOD
REFUSALS = 50  # of them that the audit has


class SignIn:
    """The pages `/console/login` and `/console/logout`."""

    def __init__(self, parts: Parts, passwords_: Passwords) -> None:
        self._parts = parts
        self._passwords = passwords_

    def routes(self) -> list[Page]:
        """The routes to mount."""
        return [
            Page(LOGIN, self._form, None),
            Page(LOGIN, self._login, None, ["POST"]),
            Page("/console/logout", self._logout, Role.VIEWER, ["POST"]),
        ]

    async def _form(self, request: Request) -> Response:
        where = safe_path(request.query_params.get("next"))
        if request.state.person is not None:
            return RedirectResponse(where, 302)
        return self.page(request, 200, None, where)

    def page(self, request: Request, status: int, problem: str | None, where: str, login: str = "") -> Response:
        """Return the login page; problem: key of the text that says what was wrong."""
        oidc = self._parts.settings.oidc_issuer is not None
        return render(request, "access/login.html", status, problem=problem, next=where, login=login, oidc=oidc)

    async def _login(self, request: Request) -> Response:
        form = await request.form()
        login, where = str(form.get("login", "")).strip().lower(), safe_path(str(form.get("next", "")))
        async with self._parts.pool.connection() as conn:
            if not await self._take_try(conn, request, login):
                LOGINS.labels("limited").inc()
                return self.page(request, 429, "access.login.limited", where, login)
            person = await self._right(conn, login, str(form.get("password", "")))
            if person is None:
                await self.refuse(conn, request, await people.by_login(conn, login), "password")
                return self.page(request, 401, "access.login.wrong", where, login)
            return await self.enter(conn, request, person, where, "password")

    async def enter(self, conn: Connection, request: Request, person: Person, where: str, way: str) -> Response:
        """Sign a person in with a new session, whatever cookie the browser brought, and go on. way: how they came."""
        settings, cookies = self._parts.settings, self._parts.cookies
        response = RedirectResponse(where, 303)
        browser = request.headers.get("user-agent", "")
        async with conn.transaction():
            await sessions.end(conn, request.cookies.get(cookies.session, ""))
            token = await sessions.begin(
                conn, person.id, browser, idle=settings.idle, age=settings.age, by_password=way == "password"
            )
            await sign_ins.forgive(conn, f"login:{person.login}")
            await audit.write(conn, person, "login", f"person:{person.id}", {"way": way})
        cookies.set(response, cookies.session, token, seconds=round(settings.age.total_seconds()))
        cookies.delete(response, cookies.form)
        LOGINS.labels(way).inc()
        return response

    async def refuse(self, conn: Connection, request: Request, person: Person | None, way: str) -> None:
        """Write into the audit that somebody was not let in: never the login of nobody, which may be a password.

        Of many refusals in `sign_ins.PERIOD`, `REFUSALS` are written for each person, and as many for all unknown ones.
        """
        LOGINS.labels("refused").inc()
        subject = f"person:{person.id if person else 'unknown'}"
        async with conn.transaction():
            if await sign_ins.take(conn, {f"refused:{subject}": REFUSALS}):
                address = client_address(request, self._parts.settings.console_proxies)
                await audit.refuse(conn, subject, {"way": way, "address": _as_address(address)})

    async def _take_try(self, conn: Connection, request: Request, login: str) -> bool:
        address = client_address(request, self._parts.settings.console_proxies)
        async with conn.transaction():
            return await sign_ins.take(
                conn, {f"login:{login[:254]}": TRIES["login"], f"address:{address}": TRIES["address"]}
            )

    async def _right(self, conn: Connection, login: str, password: str) -> Person | None:
        """Return the person whose login and password these are; it takes as long for a login that nobody has."""
        person = await people.by_login(conn, login)
        kept = await people.password_hash(conn, person.id) if person else None
        if not await self._passwords.fits(password, kept) or person is None or person.disabled:
            return None
        if kept and passwords.is_old(kept):
            await people.rehash(conn, person.id, await self._passwords.hash(password))
        return person

    async def _logout(self, request: Request) -> Response:
        person, cookies = person_of(request), self._parts.cookies
        async with self._parts.pool.connection() as conn, conn.transaction():
            await sessions.end(conn, request.cookies.get(cookies.session, ""))
            await audit.write(conn, person, "logout", f"person:{person.id}")
        response = RedirectResponse(LOGIN, 303)
        cookies.delete(response, cookies.session)
        # Pages that the browser still has are no longer shown by its back button.
        response.headers["Clear-Site-Data"] = '"cache"'
        return response


def safe_path(wanted: str | None) -> str:
    """Return the path within the console to which somebody wants, else its first page: nobody is led elsewhere."""
    path = wanted or ""
    try:
        parts = urlsplit(path) if path.isprintable() and "\\" not in path else urlsplit("")
    except ValueError:  # no address
        return HOME
    inside = not parts.scheme and not parts.netloc and parts.path.startswith(HOME) and ".." not in parts.path
    return path if inside and not parts.path.startswith(LOGIN) else HOME


def client_address(request: Request, proxies: int) -> str:
    """Return the address from which a request comes; proxies: how many of ours add to X-Forwarded-For."""
    told = [one.strip() for one in ",".join(request.headers.getlist("x-forwarded-for")).split(",") if one.strip()]
    if proxies and len(told) >= proxies:
        return told[-proxies]
    return request.client.host if request.client else "unknown"


def _as_address(told: str) -> str | None:
    """Return an address; None for other words, which a header may hold."""
    try:
        return str(ipaddress.ip_address(told))
    except ValueError:
        return None
