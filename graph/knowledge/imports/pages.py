"""Fetch a web page: from public addresses alone, at every redirect, within bounds of size and time.

A host's addresses are looked up here, checked, and connected to as they are, so that a name that leads elsewhere a
moment later leads nowhere. No cookies, no proxy, no compression: a small answer cannot unpack to a large one.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx

from graph.files.whole_documents import HTML
from graph.knowledge.imports.formats import WEB_TYPES, File, check_size
from graph.knowledge.imports.problems import ImportProblem

PAGE_SECONDS = 30  # for all redirects together
REDIRECTS_LIMIT = 5
PORTS = (80, 443)
URL_LIMIT = 2000  # characters
HEADERS = {"accept-encoding": "identity", "user-agent": "whatsapp-agent (knowledge import)"}
Address = IPv4Address | IPv6Address
# They stand for addresses of IPv4, private ones too: translation (RFC 6052, 8215), 6to4, Teredo.
_TRANSLATED = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))


def is_public(address: Address, port: int) -> bool:
    """Return whether everybody can reach an address, by a port of the web."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped, port)
        if any(address in one for one in _TRANSLATED):
            return False
    return address.is_global and not address.is_multicast and port in PORTS


@dataclass(frozen=True)
class PageReader:
    """Fetches pages; `allowed`: whether an address and a port may be connected to; `trusted`: the certificates."""

    allowed: Callable[[Address, int], bool] = is_public
    trusted: ssl.SSLContext | bool = True
    seconds: float = PAGE_SECONDS

    async def fetch(self, address: str) -> File:
        """Return the page, or the document, at an address. Raises ImportProblem."""
        try:
            async with asyncio.timeout(self.seconds), httpx.AsyncClient(trust_env=False, verify=self.trusted) as client:
                return await self._follow(client, parsed(address), address)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError):
            raise ImportProblem("not_reached") from None

    async def _follow(self, client: httpx.AsyncClient, url: httpx.URL, address: str) -> File:
        for _ in range(REDIRECTS_LIMIT + 1):
            request = await self._request(client, url)
            response = await client.send(request, stream=True)
            try:
                if not response.has_redirect_location:
                    return await _file(response, address)
                url = parsed(str(url.join(response.headers["location"])))
            finally:
                await response.aclose()
        raise ImportProblem("too_many_redirects")

    async def _request(self, client: httpx.AsyncClient, url: httpx.URL) -> httpx.Request:
        """Return a request to one of the host's addresses, for the host by its name."""
        port = url.port or (443 if url.scheme == "https" else 80)
        address = await self._address(url.raw_host.decode("ascii"), port)
        return client.build_request(
            "GET",
            url.copy_with(host=str(address)),
            headers={**HEADERS, "host": url.netloc.decode("ascii")},
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        )

    async def _address(self, host: str, port: int) -> Address:
        """Return an address of a host. Raises ImportProblem if it has none, or one that is not allowed."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise ImportProblem("not_found") from None
        addresses = [ip_address(str(one[4][0]).partition("%")[0]) for one in found]
        if not all(self.allowed(one, port) for one in addresses):
            raise ImportProblem("not_public")
        return min(addresses, key=lambda one: one.version)  # IPv4 where there is one: many networks have no other


def parsed(address: str) -> httpx.URL:
    """Return an address of the web. Raises ImportProblem for any other."""
    address = address.strip()
    try:
        url = httpx.URL(address)
    except (httpx.InvalidURL, UnicodeError):
        raise ImportProblem("not_an_address") from None
    wrong = url.scheme not in ("http", "https") or not url.host or url.userinfo
    if wrong or len(address) > URL_LIMIT or len(address.split()) > 1:
        raise ImportProblem("not_an_address")
    return url.copy_with(fragment=None)


async def _file(response: httpx.Response, address: str) -> File:
    if response.status_code != httpx.codes.OK:
        raise ImportProblem("page_status", status=response.status_code)
    stated = response.headers.get("content-type", "")
    mime_type = WEB_TYPES.get(stated.partition(";")[0].strip().lower())
    if mime_type is None:
        raise ImportProblem("page_type")
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise ImportProblem("page_compressed")
    check_size(int(response.headers.get("content-length", "1")))  # a number: the HTTP library refuses others
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        check_size(len(content))
    check_size(len(content))
    return File(address, stated if mime_type == HTML else mime_type, bytes(content), address)
