"""The client of the gateway's internal API, which serves the data of one customer as long as the turn is open."""

from __future__ import annotations

import ssl
from functools import lru_cache
from urllib.parse import quote

import httpx
from pydantic import BaseModel, SecretStr

from graph.settings import Settings, settings

TIMEOUT_SECONDS = 5
MEDIA_SECONDS = 20
# Made once: reading the certificates takes longer than the request.
TLS = ssl.create_default_context()


class HistoryEntry(BaseModel):
    """One message of the customer's conversations, by any author."""

    direction: str
    author: str
    kind: str
    text: str | None
    timestamp: str


class _History(BaseModel):
    messages: list[HistoryEntry]


class NoCapabilityError(Exception):
    """The run has no capability, so that it may read nothing of the gateway: the gateway did not start it."""


class TooLargeError(Exception):
    """The file has more bytes than allowed."""


class _Tries(BaseModel):
    left: int


class GatewayClient:
    """A client of the gateway. `transport`: a stand-in for the network, for tests.

    `capability`: that of the run's context, which also says whose data is asked for. All requests raise
    NoCapabilityError without one.
    """

    def __init__(self, config: Settings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = config.gateway_url
        self._transport = transport

    async def history(self, capability: SecretStr | None, limit: int) -> list[HistoryEntry]:
        """Return the customer's last `limit` messages, oldest first. Raises httpx.HTTPError."""
        headers = _headers(capability)
        # A client for one request: requests are rare, and so no client outlives an event loop.
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, transport=self._transport, verify=TLS) as client:
            response = await client.get(f"{self._url}/internal/history", params={"limit": limit}, headers=headers)
            response.raise_for_status()
            return _History.model_validate_json(response.content).messages

    async def proof_tries(self, capability: SecretStr | None, order_id: str) -> int | None:
        """Use one of today's tries to prove to be an order's customer; return the tries left, None if there was none.

        Raises httpx.HTTPError.
        """
        headers = _headers(capability)
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, transport=self._transport, verify=TLS) as client:
            response = await client.post(f"{self._url}/internal/proofs", json={"order": order_id}, headers=headers)
            if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
                return None
            response.raise_for_status()
            return _Tries.model_validate_json(response.content).left

    async def media(self, capability: SecretStr | None, media_id: str, limit: int) -> bytes:
        """Return the bytes of a file that the customer sent, at most `limit`.

        Raises httpx.HTTPError, and TooLargeError, before any byte is fetched if the size is known.
        """
        url, headers = f"{self._url}/internal/media/{quote(media_id, safe='')}", _headers(capability)
        async with (
            httpx.AsyncClient(timeout=MEDIA_SECONDS, transport=self._transport, verify=TLS) as client,
            client.stream("GET", url, headers=headers) as response,
        ):
            response.raise_for_status()
            return await _body(response, limit)


def _headers(capability: SecretStr | None) -> dict[str, str]:
    if capability is None:
        raise NoCapabilityError
    return {"authorization": f"Bearer {capability.get_secret_value()}"}


async def _body(response: httpx.Response, limit: int) -> bytes:
    if int(response.headers.get("content-length", 0)) > limit:
        raise TooLargeError
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > limit:
            raise TooLargeError
    return bytes(content)


@lru_cache
def gateway() -> GatewayClient:
    """Return the gateway's client of this process."""
    return GatewayClient(settings())
