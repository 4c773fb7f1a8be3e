"""Files that are no messages: samples of templates with a media header, pictures of profiles.

Source: developers.facebook.com/docs/graph-api/guides/upload (Resumable Upload API).
"""

import httpx

from gateway.whatsapp import refusals
from gateway.whatsapp.api.connection import GraphApi
from gateway.whatsapp.errors import Temporary, Uncertain, WhatsAppError
from gateway.whatsapp.json_bytes import Json, decode
from gateway.whatsapp.reading import text


class Uploads:
    """Uploads of one app."""

    def __init__(self, api: GraphApi) -> None:
        self._api = api

    async def handle(self, app_id: str, content: bytes, mime_type: str) -> str:
        """Upload a file and return the handle that templates (`header_handle`) and profiles take.

        mime_type: image/jpeg, image/png, video/mp4 or application/pdf.

        Raises:
            WhatsAppError: Never Uncertain: an upload made twice only costs space.
        """
        params = {"file_length": str(len(content)), "file_type": mime_type}
        session = text(await self._api.repeatable("POST", app_id, "uploads", params=params), "id")
        if session is None:
            raise Temporary("Meta's answer to an upload names no session.")
        handle = text(await self._send(session, content), "h")
        if handle is None:
            raise Temporary("Meta's answer to an upload names no handle.")
        return handle

    async def _send(self, session: str, content: bytes) -> Json:
        # The session is part of an address already: it may carry a query, and must not be quoted.
        url = f"{self._api.base_url}/{self._api.version}/{session}"
        token = self._api.authorization()["authorization"].partition(" ")[2]
        headers = {"authorization": f"OAuth {token}", "file_offset": "0"}
        try:
            response = await self._api.http.post(url, headers=headers, content=content, follow_redirects=False)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise _temporary(refusals.of_transport(error)) from None
        try:
            answer = decode(response.content)
        except ValueError:  # a page of some proxy
            answer = None
        if response.is_success and isinstance(answer, dict):
            return answer
        stated = answer.get("error") if isinstance(answer, dict) else None
        cause = refusals.cause_of(stated, response.status_code, (token,))
        raise _temporary(refusals.of_cause(cause, refusals.retry_after(response.headers)))


def _temporary(error: WhatsAppError) -> WhatsAppError:
    """Return an error without its doubt: uploading twice does no harm."""
    if isinstance(error, Uncertain):
        return Temporary(error.meaning, error.cause, retry_after=error.retry_after)
    return error
