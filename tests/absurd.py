"""Requests that no client of ours makes: each route of a program gets absurd values under every name that it reads."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from json import dumps
from types import MappingProxyType
from typing import Any
from urllib.parse import quote_from_bytes, unquote
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel
from starlette.convertors import UUIDConvertor
from starlette.datastructures import FormData, Headers, ImmutableMultiDict, QueryParams
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message

#: As bytes, because an address may hold any: huge and odd numbers, NUL, half a character, surrogates, no such day.
VALUES = (
    b"a\0b",
    b"-1",
    b"9" * 25,
    b"9" * 5000,
    "²".encode(),
    b"\xed\xa0\x80",
    b"2026-02-30",
    b"0001-01-01T00:00:00+23:59",
    b"x" * 8000,
    b"//[",
)
JSON_VALUES: tuple[Any, ...] = (
    True, 10**30, "a\0b", "\ud800", "9" * 5000, "0001-01-01T00:00:00+23:59", str(UUID(int=0)), ["\0"], {"\0": "\0"},
)  # fmt: skip
#: Bytes that servers let through in a header: other alphabets, numbers without end, addresses and pairs cut short.
HEADER_VALUES = (
    b"", b"\xff\xe9", "٣€".encode(), b"9" * 5000, b"-1", b"9" * 25, b"http://[", b"bytes=9-1,-", b'a=b; ;=;"',
    b"x" * 8000,
    b"9223372036854775808-9223372036854775808", b"Bearer \xe9", b"sha256=" + b"\xe9" * 64, b"%ff%00",
    b"multipart/form-data", b"multipart/form-data; boundary=\xe9", b"application/json; charset=nothing",
)  # fmt: skip
ROUTES_FOR_A_HEADER = 2  # of each method
_OF_SERVERS = frozenset({"content-length", "transfer-encoding"})  # which a server of HTTP checks itself
PATIENCE_SECONDS = 20
FAILED = 599  # an application that fails without an answer


class Asked:
    """The names that a program has looked up in queries, forms, JSON bodies, headers and cookies.

    header_walks: how many requests with absurd values of a header, or cookie, were made already, by its name.
    """

    def __init__(self) -> None:
        self.query: set[str] = set()
        self.form: set[str] = set()
        self.json: set[str] = set()
        self.headers: set[str] = set()
        self.cookies: set[str] = set()
        self.header_walks: Counter[tuple[str, str]] = Counter()

    def clear(self, json: Iterable[str]) -> None:
        """Forget the names, before the requests to another route. json: those that its body has."""
        self.query, self.form, self.json, self.headers, self.cookies = set(), set(), set(json), set(), set()

    def note(self, container: object, name: object) -> None:
        """Note a name that was looked up."""
        if isinstance(name, str):
            names = self.query if isinstance(container, QueryParams) else self.form
            names.add(name)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Watch what a program looks up in what it is sent."""
    found = Asked()
    for method in ("__getitem__", "getlist", "__contains__"):
        real = getattr(ImmutableMultiDict, method)

        def watched(self: Any, name: Any, real: Any = real) -> Any:
            if isinstance(self, QueryParams | FormData):
                found.note(self, name)
            return real(self, name)

        monkeypatch.setattr(ImmutableMultiDict, method, watched)
    _watch_headers(found, monkeypatch)
    read = BaseModel.model_validate_json.__func__  # type: ignore[attr-defined]

    def reading(cls: type[BaseModel], *given: Any, **more: Any) -> BaseModel:
        found.json |= set(cls.model_fields)
        return read(cls, *given, **more)  # type: ignore[no-any-return]

    monkeypatch.setattr(BaseModel, "model_validate_json", classmethod(reading))
    return found


def _watch_headers(found: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    for method in ("__getitem__", "__contains__", "getlist"):
        real = getattr(Headers, method)

        def watched(self: Any, name: Any, real: Any = real) -> Any:
            found.headers.add(str(name).lower())
            return real(self, name)

        monkeypatch.setattr(Headers, method, watched)

    class Cookies(dict[str, str]):
        def get(self, name: str, default: Any = None) -> Any:
            found.cookies.add(name)
            return super().get(name, default)

    read = HTTPConnection.cookies.fget  # type: ignore[attr-defined]
    monkeypatch.setattr(HTTPConnection, "cookies", property(lambda self: Cookies(read(self))))


@dataclass(frozen=True)
class Program:
    """An application and the content of its requests.

    json: a good body; left_out: paths of routes; expected: statuses that say that another part is away; places: by the
    paths of routes, addresses under which they find something.
    """

    app: ASGIApp
    routes: Iterable[BaseRoute]
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, Any] = field(default_factory=dict)
    left_out: Collection[str] = ()
    expected: Collection[int] = ()
    places: Mapping[str, str] = field(default_factory=dict)

    def calls(self) -> Iterator[tuple[str, Route]]:
        """Yield each method with its route."""
        for route in self.routes:
            if isinstance(route, Route) and route.path not in self.left_out:
                yield from ((method, route) for method in sorted((route.methods or {"GET"}) - {"HEAD"}))

    async def problems(self, asked: Asked) -> list[str]:
        """Return the requests that this program answered with its own failure."""
        found = []
        for method, route in self.calls():
            for request in await self._requests(method, route, asked):
                status = await self.status(method, route, **request)
                if status >= 500 and status not in self.expected:
                    shown = {name: str(value)[:60] for name, value in request.items()}
                    found.append(f"{status} {method} {route.path} {shown}")
        return found

    async def _requests(self, method: str, route: Route, asked: Asked) -> list[dict[str, Any]]:
        """Return requests with one absurd value each, under the names that the route reads."""
        asked.clear(self.json)
        for _ in range(3):  # further names may be read after the first ones were found
            await self.status(method, route, query=dict.fromkeys(asked.query, b"1"))
            if method != "GET":
                await self.status(method, route, form=dict.fromkeys(asked.form, b"1"))
                await self.status(method, route, json=dict.fromkeys(asked.json, "1") | self.json)
        texts = [name for name, kind in route.param_convertors.items() if not isinstance(kind, UUIDConvertor)]
        found = [{"query": {name: value}} for name in sorted(asked.query) for value in VALUES]
        found += [{"path": {name: value}} for name in texts for value in VALUES]
        if method != "GET":
            found += [{"form": {name: value}} for name in sorted(asked.form) for value in VALUES]
            found += [{"json": {name: value}} for name in sorted(asked.json) for value in JSON_VALUES]
            found += [{"body": value} for value in VALUES]
        return found + self._headers(method, asked)

    def _headers(self, method: str, asked: Asked) -> list[dict[str, Any]]:
        """Return requests with an absurd header or cookie each; of those that all routes read, for a few routes."""
        found = []
        for kind, names in (("header", asked.headers - _OF_SERVERS), ("cookie", asked.cookies)):
            for name in sorted(names):
                asked.header_walks[method, name] += 1
                if asked.header_walks[method, name] <= ROUTES_FOR_A_HEADER:
                    sent = [(name, value) if kind == "header" else ("cookie", name.encode() + b"=" + value)
                            for value in HEADER_VALUES]  # fmt: skip
                    found += [{"headers": dict([one])} for one in sent]
        return found

    async def status(
        self,
        method: str,
        route: Route,
        *,
        path: Mapping[str, bytes] | None = None,
        query: Mapping[str, bytes] | None = None,
        form: Mapping[str, bytes] | None = None,
        json: Mapping[str, Any] | None = None,
        body: bytes = b"",
        headers: Mapping[str, bytes] = MappingProxyType({}),
    ) -> int:
        """Return the status of a request; 599 if the program fails without one. headers: in the place of others."""
        own = {name: value.encode() for name, value in self.headers.items()}
        sent = [(name.encode(), value) for name, value in {**own, **headers}.items()]
        if form is not None:
            body = _encoded(form)
            sent.append((b"content-type", b"application/x-www-form-urlencoded"))
        elif json is not None or body:
            body = body or dumps({**self.json, **(json or {})}).encode()
            sent.append((b"content-type", b"application/json"))
        address = self.places.get(route.path, "") if not path else ""
        address = address or _filled(route, path or {})
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "method": method,
            "path": unquote(address), "raw_path": address.encode(),
            "root_path": "", "query_string": _encoded(query or {}), "client": ("127.0.0.1", 1),
            "server": ("localhost", 80), "headers": [*sent, (b"content-length", str(len(body)).encode())],
        }  # fmt: skip
        return await _status(self.app, scope, body)


async def _status(app: ASGIApp, scope: dict[str, Any], body: bytes) -> int:
    """Return the status that an application answers with; an answer without an end is left after its beginning."""
    answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    parts = iter([{"type": "http.request", "body": body}])

    async def receive() -> Message:
        if (part := next(parts, None)) is None:
            await answered
            part = {"type": "http.disconnect"}
        return part

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start" and not answered.done():
            answered.set_result(message["status"])

    task = asyncio.ensure_future(app(scope, receive, send))
    await asyncio.wait({task, answered}, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return answered.result() if answered.done() else FAILED


def _filled(route: Route, given: Mapping[str, bytes]) -> str:
    """Return a route's path with these bytes in its places, or with values that it takes."""

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name in given:
            return quote_from_bytes(given[name], safe="")
        return str(uuid4()) if isinstance(route.param_convertors[name], UUIDConvertor) else "1"

    return re.sub(r"\{(\w+)(?::\w+)?\}", value, route.path)


def _encoded(values: Mapping[str, bytes]) -> bytes:
    return "&".join(f"{name}={quote_from_bytes(value, safe='')}" for name, value in values.items()).encode()
