"""Samples and pictures, uploaded to the simulator and to a Meta that refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from gateway.whatsapp.api.connection import GraphApi
from gateway.whatsapp.api.uploads import Uploads
from gateway.whatsapp.errors import AccountBlocked, Permanent, Temporary, WhatsAppError

TOKEN = "EAAB-token"


def uploads(answer: Callable[[httpx.Request], httpx.Response]) -> Uploads:
    return Uploads(GraphApi(httpx.AsyncClient(transport=httpx.MockTransport(answer)), access_token=TOKEN))


async def test_the_simulator_takes_a_sample(simulator: Any) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        api = GraphApi(http, access_token=simulator.access_token, base_url=simulator.url)
        assert await Uploads(api).handle("300000000000003", b"\x89PNG", "image/png")
        with pytest.raises(WhatsAppError):
            await Uploads(api).handle("999", b"\x89PNG", "image/png")


async def test_the_file_goes_to_the_session_as_it_was_named() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"id": "upload:abc?sig=x%2By"} if len(seen) == 1 else {"h": "4::handle"})

    assert await uploads(answer).handle("700", b"content", "image/png") == "4::handle"
    assert dict(seen[0].url.params) == {"file_length": "7", "file_type": "image/png"}
    assert str(seen[1].url).endswith("/upload:abc?sig=x%2By")
    assert (seen[1].content, seen[1].headers["file_offset"]) == (b"content", "0")
    assert seen[1].headers["authorization"] == f"OAuth {TOKEN}"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (503, {"error": {"code": 2, "message": "down"}}, Temporary),
        (502, "<html>", Temporary),
        (401, {"error": {"code": 190, "message": f"bad {TOKEN}"}}, AccountBlocked),
        (400, {"error": {"code": 100, "message": f"no such type {TOKEN}"}}, Permanent),
        (200, {"unknown": 1}, Temporary),
    ],
)
async def test_a_refusal_has_its_class_and_no_token(status: int, body: Any, kind: type[WhatsAppError]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/uploads"):
            return httpx.Response(200, json={"id": "upload:abc"})
        return httpx.Response(status, json=body) if isinstance(body, dict) else httpx.Response(status, text=body)

    with pytest.raises(kind) as refused:
        await uploads(answer).handle("700", b"content", "image/png")
    assert TOKEN not in f"{refused.value} {refused.value.title}"


async def test_a_connection_that_breaks_is_temporary() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/uploads"):
            return httpx.Response(200, json={"id": "upload:abc"})
        raise httpx.ReadError("cut")

    with pytest.raises(Temporary):
        await uploads(answer).handle("700", b"content", "image/png")


async def test_an_answer_without_a_session_is_temporary() -> None:
    with pytest.raises(Temporary):
        await uploads(lambda _: httpx.Response(200, json={})).handle("700", b"content", "image/png")
