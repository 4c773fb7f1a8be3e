"""Signing in with the company's account: to the issuer, and back from it."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.console.access.oidc import CALLBACK, Client, Identity, Issuer, OidcError
from gateway.console.access.sign_in import HOME, SignIn, safe_path
from gateway.console.parts import Parts
from gateway.console.routes import Page
from gateway.runtime.telemetry import LOGINS
from gateway.store.database import Connection
from gateway.store.people import audit, people, sign_ins
from gateway.store.people.people import LOGIN, LoginTakenError, Person, Role
from gateway.store.people.sign_ins import Flow

if TYPE_CHECKING:
    from gateway.console.settings import ConsoleSettings

log = structlog.get_logger(__name__)

START = "/console/oidc"
_FLOW_SECONDS = 600


class OidcPages:
    """`/console/oidc` and `/console/oidc/callback`; there are none where no issuer is configured."""

    def __init__(self, parts: Parts, sign_in: SignIn) -> None:
        self._parts = parts
        self._sign_in = sign_in
        client = _client(parts.settings)
        self._issuer = Issuer(client, parts.http) if client else None

    def routes(self) -> list[Page]:
        """The routes to mount."""
        return [Page(START, self._start, None), Page(CALLBACK, self._back, None)] if self._issuer else []

    async def _start(self, request: Request) -> Response:
        assert self._issuer  # noqa: S101  # there is no route without
        where = safe_path(request.query_params.get("next"))
        async with self._parts.pool.connection() as conn:
            token, flow = await sign_ins.start_flow(conn, where)
        try:
            response = RedirectResponse(await self._issuer.address(flow), 302)
        except OidcError as error:
            return self._refused(request, str(error), where)
        self._parts.cookies.set(response, self._parts.cookies.flow, token, seconds=_FLOW_SECONDS)
        return response

    async def _back(self, request: Request) -> Response:
        assert self._issuer  # noqa: S101  # there is no route without
        cookies, query = self._parts.cookies, request.query_params
        async with self._parts.pool.connection() as conn:
            flow = await sign_ins.finish_flow(conn, request.cookies.get(cookies.flow, ""))
        if flow is None or not hmac.compare_digest(flow.state.encode(), query.get("state", "").encode()):
            return self._refused(request, "it was not begun by this browser, or too long ago", HOME)
        try:
            identity = await self._identity(flow, query.get("code"))
        except OidcError as error:
            return self._refused(request, str(error), flow.next)
        response = await self._enter(request, identity, flow)
        cookies.delete(response, cookies.flow)
        return response

    async def _identity(self, flow: Flow, code: str | None) -> Identity:
        assert self._issuer  # noqa: S101  # there is no route without
        if not code:
            raise OidcError("the issuer did not let them in")
        return await self._issuer.identity(flow, code)

    async def _enter(self, request: Request, identity: Identity, flow: Flow) -> Response:
        async with self._parts.pool.connection() as conn:
            async with conn.transaction():
                person = await self._person(conn, identity)
            if person is None or person.disabled:
                await self._sign_in.refuse(conn, request, person, "oidc")
                return self._sign_in.page(request, 403, "access.login.unknown_account", flow.next)
            return await self._sign_in.enter(conn, request, person, flow.next, "oidc")

    async def _person(self, conn: Connection, identity: Identity) -> Person | None:
        """Return the person of an account: the one bound to it, else the one with its login, else perhaps a new one."""
        found = await people.by_subject(conn, identity.subject)
        login = login_of(identity, self._parts.settings.oidc_login_claim)
        if found or login is None:
            return found
        known = await people.by_login(conn, login)
        if known is not None:
            return known if await people.bind(conn, known.id, identity.subject) else None
        role = self._parts.settings.oidc_new_role
        return await _new(conn, identity, login, Role(role)) if role else None

    def _refused(self, request: Request, why: str, where: str) -> Response:
        log.info("oidc_refused", reason=why)
        LOGINS.labels("failed").inc()
        return self._sign_in.page(request, 403, "access.login.oidc_failed", where)


def login_of(identity: Identity, claim: str) -> str | None:
    """Return the login that a claim says, if it may be one; an e-mail address only if the issuer verified it."""
    login = str(identity.claims.get(claim) or "").strip().lower()
    if claim == "email" and identity.claims.get("email_verified") is not True:
        return None
    return login if LOGIN.fullmatch(login) else None


async def _new(conn: Connection, identity: Identity, login: str, role: Role) -> Person | None:
    name = str(identity.claims.get("name") or login).strip()[:100] or login
    try:
        person_id = await people.add(conn, login, name, role, oidc_subject=identity.subject)
    except LoginTakenError:  # somebody added them just now
        return None
    person = await people.find(conn, person_id)
    await audit.write(
        conn, person, "person_added", f"person:{person_id}", {"login": login, "role": role, "way": "oidc"}
    )
    return person


def _client(settings: ConsoleSettings) -> Client | None:
    if not (settings.oidc_issuer and settings.oidc_client_id and settings.oidc_client_secret):
        return None
    secret = settings.oidc_client_secret.get_secret_value()
    return Client(settings.oidc_issuer, settings.oidc_client_id, secret, f"{settings.console_url}{CALLBACK}")
