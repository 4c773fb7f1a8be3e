"""One request to the Graph API: address, token, answer; every failure is raised as a class of `errors`.

The program that uses the library must keep the loggers `httpx` and `httpcore` at WARNING or above, because
they write addresses, and Meta's token check takes the token that it checks as a query parameter.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote

import httpx

from gateway.whatsapp import refusals
from gateway.whatsapp.api.versions import CURRENT
from gateway.whatsapp.errors import Temporary, Uncertain, WhatsAppError
from gateway.whatsapp.json_bytes import Json, decode, encode
from gateway.whatsapp.reading import part, parts, text

GRAPH_URL = "https://graph.facebook.com"


_MAX_PAGES = 1000  # an edge whose pages never end is a defect


class File(NamedTuple):
    """A file of a multipart form."""

    name: str
    content: bytes
    mime_type: str


class GraphApi:
    """The Graph API with one access token over an httpx client that the caller opens, tunes and closes.

    base_url: without version; access_token: printable ASCII (ValueError otherwise, without quoting it); on_headers: is
    called with the headers of every answer to a call of this object.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        access_token: str,
        base_url: str = GRAPH_URL,
        version: str = CURRENT,
        on_headers: Callable[[Mapping[str, str]], None] | None = None,
    ) -> None:
        token = access_token.strip()
        if not (token and token.isascii() and token.isprintable()):
            raise ValueError("The access token is empty or holds characters that no header can carry.")
        self.http = http
        self._token = token
        self.base_url = base_url.rstrip("/")
        self.version = version
        self._on_headers = on_headers

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r}, {self.version!r})"

    async def get_all(self, *path: str, params: Mapping[str, str] | None = None) -> list[Json]:
        """Read every element of an edge, page by page. Raises as `get`."""
        found: list[Json] = []
        after: str | None = None
        for _ in range(_MAX_PAGES):
            answer = await self.get(*path, params={**(params or {}), **({"after": after} if after else {})})
            found += parts(answer, "data")
            paging = part(answer, "paging")
            after = text(part(paging, "cursors"), "after")
            if not after or "next" not in paging:
                break
        return found

    async def get(self, *path: str, params: Mapping[str, str] | None = None) -> Json:
        """Read an object or an edge. Reading again is always safe: it never raises Uncertain, but Temporary."""
        return await self.repeatable("GET", *path, params=params)

    async def post(self, *path: str, body: Json | None = None, params: Mapping[str, str] | None = None) -> Json:
        """Create or change an object and return the answer.

        Raises:
            WhatsAppError: In its classes; Uncertain where it may have been done although no answer came.
        """
        return await self._call("POST", self._url(*path), body=body, params=params)

    async def repeatable(
        self, method: str, *path: str, body: Json | None = None, params: Mapping[str, str] | None = None
    ) -> Json:
        """Make a call that may be repeated without harm: it raises Temporary in place of Uncertain."""
        try:
            return await self._call(method, self._url(*path), body=body, params=params)
        except Uncertain as error:
            raise Temporary(error.meaning, error.cause, retry_after=error.retry_after, scope=error.scope) from None

    async def upload(self, *path: str, form: Mapping[str, str], file: File) -> Json:
        """Post a multipart form with one file. A repeated upload does no harm: never Uncertain."""
        try:
            return await self._call("POST", self._url(*path), data=form, files={"file": file})
        except Uncertain as error:
            raise Temporary(error.meaning, error.cause, retry_after=error.retry_after, scope=error.scope) from None

    async def repeatable_at(self, url: str, *, body: Json) -> Json:
        """Post to an address that Meta keeps outside the Graph API; otherwise as `repeatable`."""
        try:
            return await self._call("POST", url, body=body)
        except Uncertain as error:
            raise Temporary(error.meaning, error.cause, retry_after=error.retry_after) from None

    def _url(self, *path: str) -> str:
        return "/".join([self.base_url, self.version, *(quote(part, safe="") for part in path)])

    def authorization(self) -> dict[str, str]:
        """Return the header that carries the token."""
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
            response = await self.http.request(
                method, url, headers=headers, content=content, params=params, data=data, files=files,
                follow_redirects=False,
            )  # fmt: skip
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise refusals.of_transport(error) from None  # the original may quote the token
        if self._on_headers is not None:
            self._on_headers(response.headers)
        return self._answer(response, (self._token, *_secrets(params or {})))

    def _answer(self, response: httpx.Response, secrets: tuple[str, ...]) -> Json:
        answer = _json(response)
        if response.is_success and isinstance(answer, dict) and "error" not in answer:
            return answer
        if response.is_success and not isinstance(answer, dict):
            raise Uncertain("Meta's answer cannot be read; the request was probably carried out.")
        raise _error(answer, response, secrets)


def _error(answer: object, response: httpx.Response, secrets: tuple[str, ...]) -> WhatsAppError:
    stated = answer.get("error") if isinstance(answer, dict) else None
    cause = refusals.cause_of(stated, response.status_code, secrets)
    return refusals.of_cause(cause, refusals.retry_after(response.headers))


def _secrets(params: Mapping[str, str]) -> list[str]:
    return [value for name, value in params.items() if "token" in name or "secret" in name]


def _json(response: httpx.Response) -> object:
    try:
        return decode(response.content)
    except ValueError:  # a page of some proxy
        return None
