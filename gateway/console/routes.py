"""Routes of the console: each says which role it needs, and takes a change only from a page of ours."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Collection, Mapping
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.store.people.people import Person, Role

CHOOSE = "/console/account/password"
# Pages for a person who has to choose a password first.
_BEFORE = frozenset({CHOOSE, "/console/logout"})
CSRF_FIELD, CSRF_HEADER = "csrf", "x-csrf-token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_MOST_FIELDS, _LONGEST_FIELD = 200, 64 * 1024

Endpoint = Callable[[Request], Awaitable[Response]]


class RefusedError(HTTPException):
    """An answer that is an error: a page, or for scripts `{"error": sentence, **more}`.

    key: the text that says what is wrong and what to do; values: what is put into it; more: further fields for scripts.
    """

    def __init__(
        self,
        status: int,
        key: str,
        *,
        values: Mapping[str, object] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(status, key)
        self.key = key
        self.values = values or {}
        self.more = more or {}


class Page(Route):
    """A route of the console. needs: the role that a person has at least; None: open to everybody.

    A person who has to choose a password first gets no other page than that for it.

    A request that changes something has to come from a page of ours and carry its token: the form's field `csrf`
    (the macro `csrf()`), or the header `X-CSRF-Token`, which scripts send, also those that upload files.
    """

    def __init__(self, path: str, endpoint: Endpoint, needs: Role | None, methods: Collection[str] = ("GET",)) -> None:
        self.needs = needs
        super().__init__(path, _guarded(endpoint, needs), methods=list(methods))


def person_of(request: Request) -> Person:
    """Return the person who is signed in. Raises RefusedError (401) where nobody is."""
    person: Person | None = request.state.person
    if person is None:
        raise RefusedError(401, "errors.signed_out")
    return person


def csrf_token(request: Request) -> str:
    """Return what a form sends along so that it counts as ours, made of a secret in this browser's cookie."""
    secret: str = request.state.secret
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


def from_our_page(request: Request) -> bool:
    """Return whether the browser says that one of our own pages sent this."""
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site") == "same-origin"
    ours = {request.headers.get("host", "").lower(), request.state.public_host}
    try:
        return urlsplit(origin).netloc.lower() in ours - {""}
    except ValueError:  # no address
        return False


def _guarded(endpoint: Endpoint, needs: Role | None) -> Endpoint:
    async def guarded(request: Request) -> Response:
        if needs is not None and not person_of(request).may(needs):
            raise RefusedError(403, "errors.forbidden")
        if needs is not None and request.state.must_choose and request.url.path not in _BEFORE:
            return _choose_first(request)
        if request.method not in _SAFE:
            await _check_origin(request)
        await _check_values(request)
        return await endpoint(request)

    return guarded


def _choose_first(request: Request) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(CHOOSE, 303)
    raise RefusedError(403, "access.choose.first")


async def _check_origin(request: Request) -> None:
    if not from_our_page(request):
        raise RefusedError(403, "errors.foreign_page")
    given = request.headers.get(CSRF_HEADER) or await _form_token(request)
    if not hmac.compare_digest(given.encode(), csrf_token(request).encode()):
        raise RefusedError(403, "errors.old_page")


async def _check_values(request: Request) -> None:
    """Refuse NUL in addresses and forms: Postgres stores none, and no keyboard makes one. Raises RefusedError (400)."""
    form = await _form(request) if request.method not in _SAFE else {}
    if any("\0" in str(value) for values in (request.query_params, form) for value in values.values()):
        raise RefusedError(400, "errors.400")


async def _form_token(request: Request) -> str:
    return str((await _form(request)).get(CSRF_FIELD, ""))


async def _form(request: Request) -> Mapping[str, object]:
    """Return a form, read once; empty where there is none."""
    if not request.headers.get("content-type", "").startswith(_FORMS):
        return {}
    return await request.form(max_files=0, max_fields=_MOST_FIELDS, max_part_size=_LONGEST_FIELD)
