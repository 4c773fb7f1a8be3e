"""The host names that this server answers to, as a protection against DNS rebinding."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

# Endings that no public name has (RFC 6761, Kubernetes).
_LOCAL_SUFFIXES = (".localhost", ".svc", ".svc.cluster.local")
_REFUSED = "This host name is not known here: use an address, or add the name to KNOWN_HOSTS."
_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")


class KnownHosts:
    """Refuses requests for unknown host names; `names`: further known names."""

    def __init__(self, app: ASGIApp, names: Collection[str] = ()) -> None:
        self.app = app
        self._names = frozenset(name.strip().lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 400, or pass the request on."""
        if scope["type"] == "lifespan" or is_known(Headers(scope=scope).get("host", ""), self._names):
            return await self.app(scope, receive, send)
        return await PlainTextResponse(_REFUSED, 400)(scope, receive, send)


def is_known(host: str, names: Collection[str] = ()) -> bool:
    """Return whether no public DNS name can look like this: an address, a name without a dot, or one of ours."""
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    name = found["name"].strip("[]").lower()
    return _is_address(name) or "." not in name or name.endswith(_LOCAL_SUFFIXES) or name in names


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
