"""Access to the simulator: `/_sim` requires the token, JSON, and a known host name.

Any page in a browser of this machine can send requests to its ports, and one whose own name leads here (DNS rebinding)
can read the answers. Therefore the token is in no cookie, and only the phone page, loaded on this machine, contains it.
"""

import hmac
import ipaddress
import re

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

OPEN_PATH = "/_sim/health"
GUARDED_PATHS = ("/_sim", "/phone/facts")
MEDIA_PATH = re.compile(r"/_sim/media/[^/]+")  # the page's pictures and sounds, for which browsers send no header
UPLOAD_PATH = "/_sim/media"  # takes bytes of any type
# Suffixes that no public name has (RFC 6761, Kubernetes).
PRIVATE_SUFFIXES = (".localhost", ".svc", ".svc.cluster.local")
HOST_HEADER = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")


class Guard:
    """ASGI middleware: refuse unknown host names everywhere, and under `/_sim` requests without token or JSON."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it to the application."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers, path = Headers(scope=scope), str(scope["path"])
        if not is_known(headers.get("host", "")):
            return _problem(400, "this host name is not known here: use an address")
        if path == OPEN_PATH or not any(path == one or path.startswith(f"{one}/") for one in GUARDED_PATHS):
            return None
        if not self._has_token(scope, headers):
            return _problem(401, "send the simulator's token: Authorization: Bearer <SIMULATOR_TOKEN>")
        if path != UPLOAD_PATH and _has_body(headers) and not _is_json(headers):
            return _problem(415, "send JSON, and say so: Content-Type: application/json")
        return None

    def _has_token(self, scope: Scope, headers: Headers) -> bool:
        given = headers.get("authorization", "")
        if scope["method"] == "GET" and MEDIA_PATH.fullmatch(scope["path"]) and not given:
            given = f"Bearer {QueryParams(scope['query_string'].decode('latin-1')).get('token', '')}"
        return hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode())


def is_known(host: str) -> bool:
    """Return whether public DNS cannot point this name here: an address, a name without a dot, or a private suffix."""
    name = _name(host)
    return name is not None and ("." not in name or name.endswith(PRIVATE_SUFFIXES) or _address(name) is not None)


def is_at_this_machine(request: Request) -> bool:
    """Return whether the request is from this machine, to one of its own names, without a proxy."""
    name = _name(request.headers.get("host", ""))
    peer = _address(request.client.host) if request.client else None
    if name is None or peer is None or not peer.is_loopback or {"forwarded", "x-forwarded-for"} & {*request.headers}:
        return False
    address = _address(name)
    return name == "localhost" or name.endswith(".localhost") or (address is not None and address.is_loopback)


def _name(host: str) -> str | None:
    found = HOST_HEADER.fullmatch(host)
    return found["name"].strip("[]").lower() if found else None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _is_json(headers: Headers) -> bool:
    return headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def _problem(status: int, text: str) -> JSONResponse:
    return JSONResponse({"error": text}, status)
