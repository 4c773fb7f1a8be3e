"""Requests of httpx clients over aiohttp's connections, which take less processor time than httpx's own.

For each request httpx's pool looks at every connection, and its protocol is pure Python: docs/decisions/turn-cost.md
has figures. The errors are httpx's, and they say whether the request may have been sent: the sender depends on it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from urllib.request import getproxies

import aiohttp
import httpx
from yarl import URL

_IDLE_SECONDS = 5.0  # after which an unused connection is closed, before the server closes it during a request
# httpx has set them, or left them out, on purpose.
_NOT_ADDED = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class AiohttpTransport(httpx.AsyncBaseTransport):
    """The transport of one `httpx.AsyncClient`, which opens and closes it. connections: open at once; 0: any number.

    Proxies of the environment are used, and the certificates that httpx trusts.
    """

    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> AiohttpTransport:
        connector = aiohttp.TCPConnector(
            limit=self._connections, keepalive_timeout=_IDLE_SECONDS, ssl=httpx.create_ssl_context()
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # httpx does it
            trust_env=bool(getproxies()),
        )
        return self

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its answer, whose body is read by the caller."""
        if self._session is None:
            raise RuntimeError("the client is not open: use it in `async with`")
        body = await request.aread()
        with _as_httpx(request):
            answer = await self._session.request(
                request.method, URL(str(request.url), encoded=True), data=body or None,
                headers=request.headers.multi_items(), skip_auto_headers=_NOT_ADDED, allow_redirects=False,
                timeout=_timeout(request),
            )  # fmt: skip
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(request, answer), request=request)


class _Body(httpx.AsyncByteStream):
    """The body of an answer. Its connection is used again only if the body was read to its end."""

    def __init__(self, request: httpx.Request, answer: aiohttp.ClientResponse) -> None:
        self._request = request
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx(self._request):
            async for piece in self._answer.content.iter_any():
                yield piece

    async def aclose(self) -> None:
        self._answer.close()


def _timeout(request: httpx.Request) -> aiohttp.ClientTimeout:
    given = request.extensions.get("timeout", {})
    # `connect` bounds the wait for a free connection too, as httpx's timeout of its pool does.
    return aiohttp.ClientTimeout(
        connect=given.get("pool"), sock_connect=given.get("connect"), sock_read=given.get("read")
    )


@contextmanager
def _as_httpx(request: httpx.Request) -> Iterator[None]:
    """Raise httpx's errors for aiohttp's. A connection that was not opened is told from one that broke."""
    try:
        yield
    except (aiohttp.ClientConnectorError, aiohttp.ClientConnectorCertificateError) as error:
        raise httpx.ConnectError(str(error), request=request) from error
    except aiohttp.ConnectionTimeoutError as error:
        raise httpx.ConnectTimeout(str(error), request=request) from error
    except aiohttp.ClientHttpProxyError as error:
        raise httpx.ProxyError(str(error), request=request) from error
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
        raise httpx.UnsupportedProtocol(str(error), request=request) from error
    except TimeoutError as error:  # aiohttp.ServerTimeoutError is one
        raise httpx.ReadTimeout(str(error), request=request) from error
    except aiohttp.ClientResponseError as error:
        raise httpx.RemoteProtocolError(str(error), request=request) from error
    except (aiohttp.ClientError, OSError) as error:
        raise httpx.ReadError(str(error), request=request) from error
