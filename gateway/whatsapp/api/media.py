"""Media of messages: uploads, addresses, downloads.

Source: developers.facebook.com/docs/whatsapp/cloud-api/reference/media.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from gateway.whatsapp import error_codes, errors, refusals
from gateway.whatsapp.api.connection import File, GraphApi
from gateway.whatsapp.errors import (
    AccountBlocked,
    Cause,
    InvalidMessage,
    MediaExpired,
    MediaTooLarge,
    Permanent,
    Temporary,
    WhatsAppError,
)
from gateway.whatsapp.messages import caps
from gateway.whatsapp.reading import identifier, integer, text

# The hosts to which GET /{media_id} points. Nothing is fetched from any other, and no other gets the token.
MEDIA_ORIGINS = ("https://lookaside.fbsbx.com", "https://mmg.whatsapp.net")


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """Meta's record of a medium. url: works for five minutes, with the token; size: in bytes."""

    id: str
    url: str
    mime_type: str | None = None
    sha256: str | None = None
    size: int | None = None


class Download:
    """A download that has begun; mime_type and size (bytes) as the server states them, None where it does not."""

    def __init__(self, response: httpx.Response, limit: int) -> None:
        self._response = response
        self._limit = limit
        self.mime_type = response.headers.get("content-type")
        self.size = integer(dict(response.headers), "content-length")

    async def chunks(self) -> AsyncIterator[bytes]:
        """Return the bytes as they come.

        Raises:
            MediaTooLarge: There are more bytes than the limit, regardless of the size that the server stated.
            Temporary: The connection broke.
        """
        received = 0
        try:
            async for chunk in self._response.aiter_bytes():
                received += len(chunk)
                if received > self._limit:
                    raise MediaTooLarge(self._limit)
                yield chunk
        except (httpx.HTTPError, OSError) as error:
            raise _temporary(refusals.of_transport(error)) from None


def check_upload(kind: str, mime_type: str, size: int) -> None:
    """Check a medium before it is uploaded to be sent as `kind` (image, audio, video, document, sticker); size: bytes.

    Raises:
        InvalidMessage: Meta takes no such type as this kind (131053: `audio/opus`, say), or not of this size.
    """
    limit, types = caps.MEDIA_BYTES.get(kind), caps.MEDIA_TYPES.get(kind)
    bare = mime_type.partition(";")[0].strip().lower()
    if limit is None:
        raise InvalidMessage("media.kind", "must be image, audio, video, document or sticker.")
    if types is not None and bare not in types:
        raise InvalidMessage(f"{kind}.mime_type", f"must be one of {', '.join(sorted(types))}.")
    if size > limit:
        problem = f"at most {limit} bytes are allowed, here are {size}."
        raise InvalidMessage(kind, problem, limit=limit, length=size)


class MediaApi:
    """Calls about media. origins: where media may be fetched from, as scheme://host[:port]."""

    def __init__(self, api: GraphApi, origins: Iterable[str] = MEDIA_ORIGINS) -> None:
        self._api = api
        self._origins = frozenset(map(_origin, origins))

    async def upload(self, phone_number_id: str, content: bytes, mime_type: str, filename: str = "file") -> str:
        """Upload a medium to send it and return its id, which is valid for 30 days.

        Raises:
            WhatsAppError: Never Uncertain: an upload made twice only costs space.
        """
        form = {"messaging_product": "whatsapp", "type": mime_type}
        answer = await self._api.upload(phone_number_id, "media", form=form, file=File(filename, content, mime_type))
        media_id = identifier(answer, "id")
        if media_id is None:
            raise Temporary("Meta's answer to an upload names no media id.")
        return media_id

    async def info(self, media_id: str, phone_number_id: str | None = None) -> MediaInfo:
        """Return a medium's address. phone_number_id: refuse a medium that does not belong to this number.

        Raises:
            MediaExpired: There is none of this id (any more).
            WhatsAppError: Otherwise, never Uncertain.
        """
        params = {"phone_number_id": phone_number_id} if phone_number_id else None
        try:
            answer = await self._api.get(media_id, params=params)
        except (AccountBlocked, Permanent) as error:
            raise _expired(error) from None
        url = text(answer, "url")
        if url is None:
            raise Temporary("Meta's answer about a medium names no address.")
        size, sha256 = integer(answer, "file_size"), text(answer, "sha256")
        return MediaInfo(media_id, url, text(answer, "mime_type"), sha256, size)

    async def delete(self, media_id: str) -> None:
        """Delete an upload."""
        await self._api.repeatable("DELETE", media_id)

    @asynccontextmanager
    async def download(self, url: str, *, limit: int) -> AsyncIterator[Download]:
        """Fetch a medium from the address that `info` gave, at most `limit` bytes.

        Raises:
            MediaTooLarge: The server states more than the limit (`chunks` counts what comes).
            MediaExpired: The address works no more: ask for a new one.
            Permanent: The address is not at one of the origins, or the server refuses.
            Temporary: No connection, or the server has a problem of its own.
        """
        if _origin(url) not in self._origins:
            raise Permanent("The address of the medium is not at a host that the Cloud API names.")
        request = self._api.http.build_request("GET", url, headers=self._api.authorization())
        try:
            response = await self._api.http.send(request, stream=True, follow_redirects=False)
        except (httpx.HTTPError, OSError) as error:
            raise _temporary(refusals.of_transport(error)) from None
        try:
            yield _checked(response, limit)
        finally:
            await response.aclose()


def _checked(response: httpx.Response, limit: int) -> Download:
    status = response.status_code
    if status in (401, 403, 404, 410):
        raise MediaExpired("The address of the medium works no more.", Cause(http_status=status))
    if not response.is_success:
        raise _temporary(refusals.of_cause(Cause(http_status=status), refusals.retry_after(response.headers)))
    download = Download(response, limit)
    if download.size is not None and download.size > limit:
        raise MediaTooLarge(limit)
    return download


def _expired(error: WhatsAppError) -> WhatsAppError:
    """Return MediaExpired for Meta's "no such object", which here means the medium and not the number."""
    gone = (error.code, error.subcode) == error_codes.NO_SUCH_OBJECT or error.cause.http_status == 404
    return MediaExpired("There is no medium of this id any more.", error.cause) if gone else error


def _temporary(error: WhatsAppError) -> WhatsAppError:
    """Return an error without its doubt: fetching twice does no harm."""
    if isinstance(error, errors.Uncertain):
        return Temporary(error.meaning, error.cause, retry_after=error.retry_after)
    return error


def _origin(url: str) -> str | None:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return None
    port = f":{parsed.port}" if parsed.port else ""
    return f"{parsed.scheme}://{parsed.host}{port}"
