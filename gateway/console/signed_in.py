"""From a request's cookies to the person who is signed in. Nobody else gets further than to the pages that are open."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from urllib.parse import quote, urlsplit

import psycopg
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.console import texts
from gateway.console.settings import ConsoleSettings
from gateway.console.static_files import PREFIX
from gateway.store.database import Pool, is_away
from gateway.store.people import sessions

LOGIN = "/console/login"


class Cookies:
    """The cookies of the console: of a session, of a browser that is about to sign in, and of a flow at the issuer."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        prefix = "__Host-" if secure else ""  # the browser takes it from this host over https only
        self.session, self.form, self.flow = (f"{prefix}console_{name}" for name in ("session", "form", "flow"))

    def set(self, response: Response, name: str, value: str, *, seconds: int | None = None) -> None:
        """Set a cookie that scripts do not see; seconds: how long it lives, None: as long as the browser runs."""
        response.set_cookie(name, value, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="lax")

    def delete(self, response: Response, name: str) -> None:
        """Take a cookie back."""
        response.delete_cookie(name, path="/", secure=self._secure, httponly=True, samesite="lax")


class SignedIn:
    """Middleware. Of each request it sets in `request.state`:

    `person` (or None), `session_id`, `must_choose` (a password), `decisions` (that wait for an admin), `secret` (of
    which the form's token is made), `language` and `public_host`. open_paths: those that need no session; away: the
    answer while the store is away.
    """

    def __init__(
        self, app: ASGIApp, *, pool: Pool, settings: ConsoleSettings, cookies: Cookies, open_paths: Collection[str],
        away: Callable[[Request], Response],
    ) -> None:  # fmt: skip
        self.app = app
        self._away = away
        self._pool = pool
        self._cookies = cookies
        self._open = frozenset(open_paths)
        self._public_host = urlsplit(settings.console_url or "").netloc.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on with the person, or answer that somebody has to sign in."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request = Request(scope, receive)
        self._tell(request, None)  # also for the answer to an error
        if scope["path"] == "/healthz" or scope["path"].startswith(f"{PREFIX}/"):
            return await self.app(scope, receive, send)
        try:
            self._tell(request, await self._find(request))
        except psycopg.Error as error:
            if not is_away(error):
                raise
            return await self._away(request)(scope, receive, send)
        if request.state.person is None and scope["path"] not in self._open:
            return await _sign_in_first(request)(scope, receive, send)
        return await self.app(scope, receive, self._with_form_cookie(request, send))

    async def _find(self, request: Request) -> sessions.SignedIn | None:
        token = request.cookies.get(self._cookies.session, "")
        if not token:
            return None
        async with self._pool.connection() as conn:
            return await sessions.find(conn, token)

    def _tell(self, request: Request, found: sessions.SignedIn | None) -> None:
        state, cookies = request.state, request.cookies
        state.person = found.person if found else None
        state.session_id = found.session_id if found else None
        state.must_choose = bool(found and found.must_choose)
        state.decisions = found.decisions if found else 0
        name = self._cookies.session if found else self._cookies.form
        state.secret = cookies.get(name) or secrets.token_urlsafe(32)
        own = state.person.language if state.person else None
        state.language = texts.chosen(request.headers.get("accept-language", ""), own)
        state.public_host = self._public_host

    def _with_form_cookie(self, request: Request, send: Send) -> Send:
        """Give a browser that nobody is signed in with a secret of its own, of which its forms' token is made."""
        if request.state.person is not None or request.cookies.get(self._cookies.form):
            return send

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                carrier = Response()
                self._cookies.set(carrier, self._cookies.form, request.state.secret)
                MutableHeaders(scope=message).append("set-cookie", carrier.headers["set-cookie"])
            await send(message)

        return with_cookie


def wants_page(request: Request) -> bool:
    """Return whether a person opens an address, and not a script."""
    return "text/html" in request.headers.get("accept", "")


def _sign_in_first(request: Request) -> Response:
    """To the login page, and from there back; a script, or a form that comes too late, is told instead."""
    if request.method in ("GET", "HEAD") and wants_page(request):
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{LOGIN}?next={quote(request.url.path + query, safe='')}", 302)
    if wants_page(request):
        return RedirectResponse(LOGIN, 303)
    return JSONResponse({"error": texts.words(request.state.language)("errors.signed_out")}, 401)
