"""One request to the Graph API: address, token, answer; every failure leaves as an error of `errors`.

Its logger is nobody's: who uses the library must keep the loggers `httpx` and `httpcore` at WARNING or above, because
they write addresses, and Meta's token check takes the token that it checks as a query parameter.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx

from gateway.whatsapp import errors
from gateway.whatsapp.errors import Temporary, Uncertain, WhatsAppError
from gateway.whatsapp.raw import decode, encode
from gateway.whatsapp.versions import CURRENT

Json = dict[str, Any]

GRAPH_URL = "https://graph.facebook.com"


class File(NamedTuple):
    """A file of a multipart form."""

    name: str
    content: bytes
    mime_type: str


class GraphApi:
    """The Graph API with one access token over an httpx client that the caller opens, tunes and closes.

    base_url: without version; access_token: printable ASCII (ValueError otherwise, without quoting it).
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        access_token: str,
        base_url: str = GRAPH_URL,
        version: str = CURRENT,
    ) -> None:
        token = access_token.strip()
        if not (token and token.isascii() and token.isprintable()):
            raise ValueError("The access token is empty or holds characters that no header can carry.")
        self._http = http
        self._token = token
        self.base_url = base_url.rstrip("/")
        self.version = version

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r}, {self.version!r})"

    async def get(self, *path: str, params: Mapping[str, str] | None = None) -> Json:
        """Read an object or an edge. Reading again is always safe: it never raises Uncertain, but Temporary."""
        return await self.repeatable("GET", *path, params=params)

    async def post(self, *path: str, body: Json | None = None, params: Mapping[str, str] | None = None) -> Json:
        """Create or change something.

        Raises:
            WhatsAppError: In its classes; Uncertain where it may have been done although no answer came.
        """
        return await self._call("POST", self._url(*path), body=body, params=params)

    async def repeatable(
        self, method: str, *path: str, body: Json | None = None, params: Mapping[str, str] | None = None
    ) -> Json:
        """Make a call that does no harm when made twice: doubt about it is only Temporary."""
        try:
            return await self._call(method, self._url(*path), body=body, params=params)
        except Uncertain as error:
            raise Temporary(error.meaning, error.cause, retry_after=error.retry_after) from None

    async def upload(self, *path: str, form: Mapping[str, str], file: File) -> Json:
        """Post a multipart form with one file. An upload made twice does no harm: never Uncertain."""
        try:
            return await self._call("POST", self._url(*path), data=form, files={"file": file})
        except Uncertain as error:
            raise Temporary(error.meaning, error.cause, retry_after=error.retry_after) from None

    def _url(self, *path: str) -> str:
        return "/".join([self.base_url, self.version, *(quote(part, safe="") for part in path)])

    def authorization(self) -> dict[str, str]:
        """Give the header that carries the token."""
        return {"authorization": f"Bearer {self._token}"}

    async def _call(
        self,
        method: str,
        url: str,
        *,
        body: Json | None = None,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        files: Mapping[str, File] | None = None,
    ) -> Json:
        headers = self.authorization()
        content = None
        if body is not None:
            headers["content-type"] = "application/json"
            content = encode(body)
        try:
            response = await self._http.request(
                method, url, headers=headers, content=content, params=params, data=data, files=files
            )
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise errors.of_transport(error) from None  # the original may quote the token
        return self._answer(response)

    def _answer(self, response: httpx.Response) -> Json:
        answer = _json(response)
        if response.is_success and isinstance(answer, dict) and "error" not in answer:
            return answer
        if response.is_success and not isinstance(answer, dict):
            raise Uncertain("Meta's answer cannot be read; the request was probably carried out.")
        raise self._error(answer, response)

    def _error(self, answer: object, response: httpx.Response) -> WhatsAppError:
        stated = answer.get("error") if isinstance(answer, dict) else None
        cause = errors.cause_of(stated, response.status_code, (self._token,))
        return errors.of_cause(cause, errors.retry_after(response.headers))


def _json(response: httpx.Response) -> object:
    try:
        return decode(response.content)
    except ValueError:  # a page of some proxy
        return None
