"""The connections over which webhooks are posted.

They are aiohttp's, because a turn makes some seven webhooks: over httpx those took 60 % of the simulator's processor
time.
"""

from typing import Self

import aiohttp
import httpx

_IDLE_SECONDS = 3.0  # shorter than a server keeps an unused connection, which would break if it were used just then


class PostError(Exception):
    """No answer came to a request; the text says why."""


class Posting:
    """Posts bytes to addresses. Use it as `async with`."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_SECONDS, ssl=httpx.create_ssl_context())
        # The gateway is on this machine or in this cluster: no proxy is used, regardless of the environment.
        self._session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, url: str, body: bytes, headers: dict[str, str], seconds: float) -> int:
        """Post a body and return the status of the answer, which is not followed elsewhere. Raises PostError."""
        if self._session is None:
            raise RuntimeError("the connections are not open: use them in `async with`")
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self._session.post(
                url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise PostError(f"{type(error).__name__}: {error}") from error
