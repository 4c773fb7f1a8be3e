"""Web pages: fetched from public addresses alone, at every redirect, within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import pytest

from graph.knowledge.imports import formats
from graph.knowledge.imports.formats import FILE_BYTES_LIMIT
from graph.knowledge.imports.pages import Address, PageReader, is_public, parsed
from graph.knowledge.imports.problems import ImportProblem
from graph.knowledge.tables import Knowledge

HERE = "127.0.0.1"


@dataclass
class Site:
    """A web site on this machine: answers by path, and the requests that came."""

    port: int
    answers: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def url(self, path: str = "/", host: str = HERE) -> str:
        return f"http://{host}:{self.port}{path}"


def html(text: str, *headers: str, status: str = "200 OK") -> bytes:
    head = [f"HTTP/1.1 {status}", "Content-Type: text/html", "Connection: close", *headers]
    return "\r\n".join([*head, "", text]).encode()


def redirect(place: str) -> bytes:
    return html("", f"Location: {place}", status="302 Found")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        found.requests.append(request)
        path = request.split(" ", 2)[1]
        if path == "/silent":
            await reader.read()
        writer.write(found.answers.get(path, html("", status="404 Not Found")))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, HERE, 0)
    found = Site(server.sockets[0].getsockname()[1])
    async with server:
        yield found


def here(address: Address, _: int) -> bool:
    return str(address) == HERE


READER = PageReader(allowed=here, seconds=5)


async def problem(url: str, reader: PageReader = READER) -> str:
    with pytest.raises(ImportProblem) as caught:
        await reader.fetch(url)
    return caught.value.code


async def test_a_page_is_fetched_by_its_name_over_redirects(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = names(monkeypatch, {"loja.example": HERE})
    site.answers = {"/": redirect("/trocas?a=1"), "/trocas?a=1": html("<p>Em até 7 dias</p>")}
    file = await READER.fetch(site.url(host="loja.example"))
    assert (file.mime_type, file.content, file.url) == (
        "text/html",
        b"<p>Em at\xc3\xa9 7 dias</p>",
        site.url(host="loja.example"),
    )
    assert all(f"Host: loja.example:{site.port}".lower() in one.lower() for one in site.requests)
    assert asked == ["loja.example"] * 2  # once for each request: what was checked is what is connected to
    assert "cookie" not in "".join(site.requests).lower()


def names(monkeypatch: pytest.MonkeyPatch, known: dict[str, str]) -> list[str]:
    """Let names of hosts have these addresses; return the list of those that are looked up."""
    asked: list[str] = []
    original = asyncio.base_events.BaseEventLoop.getaddrinfo

    async def look_up(self: Any, host: str, port: int, **more: Any) -> Any:
        if host in known:
            asked.append(host)
        return await original(self, known.get(host, host), port, **more)

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", look_up)
    return asked


@pytest.mark.parametrize("place", ["http://127.0.0.2:{port}/", "http://[::1]:{port}/"])
async def test_a_redirect_leads_to_no_address_that_is_not_allowed(site: Site, place: str) -> None:
    site.answers = {"/": redirect(place.format(port=site.port))}
    assert await problem(site.url()) == "not_public"
    assert len(site.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost/", "http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.0.1/",
        "http://169.254.169.254/latest/meta-data/", "http://100.64.0.1/", "http://0.0.0.0/", "http://224.0.0.1/",
        "http://2130706433/", "http://0x7f.1/", "http://[::1]/", "http://[::ffff:10.0.0.1]/", "http://[fe80::1]/",
        "http://[fd00::1]/", "http://[64:ff9b::a00:1]/", "http://[2002:a00:1::]/", "http://[2001:0:a00:1::]/",
    ],
)  # fmt: skip
async def test_no_private_address_is_asked(url: str) -> None:
    assert await problem(url, PageReader()) == "not_public"


@pytest.mark.parametrize(
    ("address", "port", "public"),
    [("93.184.215.14", 443, True), ("2606:2800:220::1", 80, True), ("93.184.215.14", 5432, False)],
)
def test_public_addresses_are_asked_by_the_ports_of_the_web(address: str, port: int, public: bool) -> None:
    assert is_public(ip_address(address), port) is public


async def test_a_name_with_one_private_address_is_not_asked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, {"loja.example": "127.0.0.2"})
    assert await problem(site.url(host="loja.example")) == "not_public"
    assert site.requests == []


@pytest.mark.parametrize(
    "url", ["ftp://a.example", "file:///etc/passwd", "loja", "http://", "https://a:b@c.example", "http://a b"]
)
def test_what_is_no_address_of_the_web(url: str) -> None:
    with pytest.raises(ImportProblem, match="https://"):
        parsed(url)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (html("", status="404 Not Found"), "page_status"),
        (html("x", "Content-Encoding: gzip"), "page_compressed"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nConnection: close\r\n\r\nx", "page_type"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nx", "page_type"),
        (html(""), "empty"),
        (html("a", f"Content-Length: {FILE_BYTES_LIMIT + 1}"), "too_large"),
        (b"nonsense\r\n\r\n", "not_reached"),
        (redirect("/"), "too_many_redirects"),
        (redirect("file:///etc/passwd"), "not_an_address"),
    ],
)
async def test_what_is_wrong_with_a_page(site: Site, answer: bytes, code: str) -> None:
    site.answers = {"/": answer}
    assert await problem(site.url()) == code


async def test_a_page_without_an_end_is_not_taken(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "FILE_BYTES_LIMIT", 100_000)
    site.answers = {"/": html("a" * 100_001)}
    assert await problem(site.url()) == "too_large"


async def test_a_site_that_says_nothing_is_not_waited_for(site: Site) -> None:
    assert await problem(site.url("/silent"), PageReader(allowed=here, seconds=0.2)) == "not_reached"


async def test_a_page_becomes_a_draft_and_its_change_the_next_one(known: Knowledge, site: Site) -> None:
    known.worker._pages = READER
    site.answers = {"/": html("<title>Trocas</title><p>Em 7 dias.</p>")}
    for text, states in (("7", ["draft"]), ("7", ["draft"]), ("30", ["draft"])):
        site.answers["/"] = html(f"<title>Trocas</title><p>Em {text} dias.</p>")
        given = await known.imports.add_page(site.url(), None)
        await known.worker.read_next()
        done = await known.imports.one(given.id)
        assert (done.state, done.problem) == ("done", None)
        [version] = await known.sources.sources()
        assert (version.kind, version.title, version.content) == ("web", "Trocas", f"Em {text} dias.")
        assert (version.address, version.source_id) == (site.url(), done.source_id)
        assert [one.state for one in await known.sources.versions(version.source_id)] == states
