import asyncio
import json
import socket

import httpx
import pytest

from gateway.whatsapp.api.client import CloudApi, Sent
from gateway.whatsapp.errors import (
    AccountBlocked,
    NotSent,
    PairLimited,
    Permanent,
    Temporary,
    Uncertain,
    WhatsAppError,
    WindowClosed,
)
from tests.gateway.support.payloads import payloads

PAYLOAD = payloads({"type": "text", "text": "segredo"}, to="5511987654321", callback="our-id")[0]
TAKEN = {
    "messaging_product": "whatsapp",
    "contacts": [{"input": "+5511987654321", "wa_id": "551187654321", "user_id": "BR.1"}],
    "messages": [{"id": "wamid.OUT", "message_status": "accepted"}],
}


def refusal(code, status=400, **more):
    return httpx.Response(status, json={"error": {"message": f"(#{code}) no", "code": code, **more}})


async def test_a_message_is_posted_once_and_its_receipt_read(meta):
    meta(httpx.Response(200, json=TAKEN))
    sent = await meta.api(base_url="http://sim:1/", version="v25.0").send("42", PAYLOAD)
    assert sent == Sent("wamid.OUT", "551187654321", "+5511987654321", "accepted", "BR.1")
    [request] = meta.requests
    assert (request.method, str(request.url)) == ("POST", "http://sim:1/v25.0/42/messages")
    assert request.headers["authorization"] == f"Bearer {meta.token}"
    assert json.loads(request.content) == PAYLOAD


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(131047), WindowClosed),
        (refusal(131056), PairLimited),
        (refusal(190, 401), AccountBlocked),
        (refusal(131000, 500), Uncertain),
        (refusal(131008), Permanent),
        (httpx.Response(502, text="<html>"), Uncertain),
        (httpx.Response(200, text="<html>"), Uncertain),
        (httpx.Response(200, json={"messages": []}), Uncertain),
        (httpx.Response(200, json={}), Uncertain),
        (httpx.Response(200, json={"error": {"code": 131047}}), WindowClosed),
        (httpx.Response(429), Temporary),
        (httpx.Response(404, text="nothing here"), Permanent),
        (httpx.ReadTimeout("x"), Uncertain),
        (httpx.ConnectError("x"), NotSent),
    ],
)
async def test_every_failure_has_its_class_and_is_not_tried_again(meta, answer, kind):
    meta(answer)
    with pytest.raises(kind) as caught:
        await meta.api().send("42", PAYLOAD)
    assert type(caught.value) is kind
    assert len(meta.requests) == 1


async def test_the_wait_that_meta_asks_for(meta):
    meta(httpx.Response(429, headers={"retry-after": "7"}, json={"error": {"code": 130429}}))
    with pytest.raises(Temporary) as caught:
        await meta.api().send("42", PAYLOAD)
    assert caught.value.retry_after == 7


async def test_no_error_says_token_or_text(meta):
    said = f"token {meta.token} said segredo"
    meta(refusal(100, message=said), httpx.LocalProtocolError(said))
    for _ in range(2):
        with pytest.raises(WhatsAppError) as caught:
            await meta.api().send("42", PAYLOAD)
        told = f"{caught.value} {caught.value!r} {caught.value.args} {caught.value.__cause__}"
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
        assert meta.token not in told
        assert "segredo" not in told


async def test_reading_and_typing_are_one_call(meta):
    meta(httpx.Response(200, json={"success": True}), httpx.Response(200, json={"success": True}))
    cloud = meta.api()
    await cloud.mark_read("42", "wamid.IN")
    await cloud.mark_read("42", "wamid.IN", typing=True)
    plain = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.IN"}
    assert [json.loads(r.content) for r in meta.requests] == [plain, {**plain, "typing_indicator": {"type": "text"}}]


async def test_marking_as_read_is_never_in_doubt_because_it_can_be_repeated(meta):
    meta(httpx.ReadTimeout("x"))
    with pytest.raises(Temporary):
        await meta.api().mark_read("42", "wamid.IN")


@pytest.mark.parametrize("token", ["", " ", "a\nb", "é"])
def test_a_token_that_no_header_can_carry_is_refused_without_quoting_it(token):
    with pytest.raises(ValueError, match="access token") as caught:
        CloudApi(httpx.AsyncClient(), access_token=token)
    assert token.strip() == "" or token not in str(caught.value)


def test_an_api_does_not_show_its_token(meta):
    assert meta.token not in repr(meta.api())


@pytest.fixture
def listener():
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def _over_the_wire(http, listener):
    return CloudApi(http, access_token="token", base_url=f"http://127.0.0.1:{listener.getsockname()[1]}")


async def test_over_a_real_connection_a_silent_server_is_uncertain(listener):
    async with httpx.AsyncClient(timeout=httpx.Timeout(5, read=0.05)) as http:
        with pytest.raises(Uncertain):
            await _over_the_wire(http, listener).send("42", PAYLOAD)


async def test_over_a_real_connection_a_cut_after_the_request_is_uncertain(listener):
    def cut():
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)

    async with httpx.AsyncClient() as http:
        cutting = asyncio.create_task(asyncio.to_thread(cut))
        with pytest.raises(Uncertain):
            await _over_the_wire(http, listener).send("42", PAYLOAD)
        await cutting


async def test_over_a_real_connection_a_refused_one_is_safe(listener):
    async with httpx.AsyncClient() as http:
        cloud = _over_the_wire(http, listener)
        listener.close()
        with pytest.raises(NotSent):
            await cloud.send("42", PAYLOAD)


async def test_a_thread_is_taken_at_the_host_that_meta_names(meta):
    meta(httpx.Response(200, json={"messaging_product": "whatsapp"}), httpx.Response(200, json={"ok": True}))
    await meta.api().thread_control("42", "take", to="5511987654321")
    await meta.api(base_url="http://sim:1").thread_control("42", "release", recipient="BR.1")
    [taken, released] = meta.requests
    assert str(taken.url) == "https://api.facebook.com/business/whatsapp/phone_numbers/42/thread_control"
    assert json.loads(taken.content) == {"messaging_product": "whatsapp", "action": "take", "to": "+5511987654321"}
    assert str(released.url) == "http://sim:1/v26.0/42/thread_control"
    assert json.loads(released.content)["recipient"] == "BR.1"


async def test_a_change_of_control_may_be_asked_again(meta):
    meta(httpx.ReadTimeout("late"), refusal(2494191))
    with pytest.raises(Temporary):
        await meta.api().thread_control("42", "take", to="5511987654321")
    with pytest.raises(Permanent):
        await meta.api().thread_control("42", "take", to="5511987654321")
