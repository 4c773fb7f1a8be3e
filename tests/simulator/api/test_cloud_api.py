"""The Cloud API as a raw client sees it: accepted and refused sends, and the statuses that follow."""

import httpx
import pytest

from simulator.meta.errors import CODES
from tests.simulator.support.helpers import eventually

MARIA = "5511987654321"


def text(body="Oi", to=f"+{MARIA}", **more):
    return {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": body}, **more}


def test_a_send_is_answered_and_ticks_follow(business, cloud, simulator) -> None:
    answer = cloud.post("/messages", json=text(biz_opaque_callback_data="ours-1"))
    assert answer.status_code == 200
    wamid = answer.json()["messages"][0]["id"]
    contact = answer.json()["contacts"][0]
    assert wamid.startswith("wamid.")
    assert (contact["input"], contact["wa_id"]) == (f"+{MARIA}", MARIA)
    statuses = eventually(lambda: len(business.items("statuses")) == 3 and business.items("statuses"))
    assert [status["status"] for status in statuses] == ["sent", "delivered", "read"]
    assert {status["id"] for status in statuses} == {wamid}
    assert {status["biz_opaque_callback_data"] for status in statuses} == {"ours-1"}
    assert {status["pricing"]["pricing_model"] for status in statuses} == {"PMP"}
    assert {status["recipient_id"] for status in statuses} == {MARIA}
    assert all(business.signed_well())
    shown = simulator.get("transcript", wa_id=MARIA)["messages"][0]
    assert (shown["text"], [tick["status"] for tick in shown["statuses"]]) == ("Oi", ["sent", "delivered", "read"])


def test_ticks_can_be_left_out(business, cloud, simulator) -> None:
    simulator.configure(ticks={"delivered": None, "read": None})
    cloud.post("/messages", json=text())
    eventually(lambda: not simulator.get("webhooks", pending=1)["webhooks"] and business.posts)
    assert [status["status"] for status in business.items("statuses")] == ["sent"]


def test_what_a_person_writes_comes_as_meta_writes_it(business, simulator) -> None:
    sent = simulator.post(f"personas/{MARIA}/messages", text="Olá 👓")
    eventually(lambda: business.posts)
    entry = business.payloads[0]["entry"][0]
    value = entry["changes"][0]["value"]
    assert (entry["id"], entry["changes"][0]["field"]) == ("200000000000002", "messages")
    assert value["metadata"] == {"display_phone_number": "551130000000", "phone_number_id": "100000000000001"}
    assert value["contacts"][0]["profile"]["name"] == "Maria Souza"
    message = value["messages"][0]
    assert (message["id"], message["from"], message["type"]) == (sent["id"], MARIA, "text")
    assert message["text"] == {"body": "Olá 👓"}
    assert message["from_user_id"] == value["contacts"][0]["user_id"]
    assert message["timestamp"].isdigit()
    assert business.posts[0][1].isascii()  # Meta escapes, and signs what it escaped


def test_a_hidden_number_is_named_by_its_user_id_only(business, cloud, simulator) -> None:
    simulator.control.put("/_sim/personas/5521900000000", json={"name": "Ana", "hidden": True})
    simulator.post("personas/5521900000000/messages", text="oi")
    message = eventually(lambda: business.items("messages"))[0]
    assert "from" not in message
    user_id = message["from_user_id"]
    body = text()
    del body["to"]
    answer = cloud.post("/messages", json=body | {"recipient": user_id})
    assert answer.json()["contacts"][0]["user_id"] == user_id
    assert eventually(lambda: business.items("statuses"))[0]["recipient_user_id"] == user_id


def test_read_and_typing(business, cloud, simulator) -> None:
    wamid = simulator.post(f"personas/{MARIA}/messages", text="oi")["id"]
    read = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid}
    answer = cloud.post("/messages", json=read | {"typing_indicator": {"type": "text"}})
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    shown = simulator.get("transcript", wa_id=MARIA)
    assert shown["typing"] == [MARIA]
    assert shown["messages"][0]["statuses"][0]["status"] == "read"
    cloud.post("/messages", json=text())
    assert simulator.get("transcript")["typing"] == []


def test_reaction_and_reply(cloud, simulator) -> None:
    wamid = simulator.post(f"personas/{MARIA}/messages", text="oi")["id"]
    reaction = {"messaging_product": "whatsapp", "to": MARIA, "type": "reaction"}
    assert cloud.post("/messages", json=reaction | {"reaction": {"message_id": wamid, "emoji": "👀"}}).is_success
    assert cloud.post("/messages", json=text(context={"message_id": wamid})).is_success
    first, second = [m for m in simulator.get("transcript")["messages"] if m["direction"] == "out"]
    assert first["text"] == "👀"
    assert second["content"]["context"] == {"message_id": wamid}


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({}, 100, "messaging_product"),
        (text(to=""), 100, "The parameter to is required"),
        (text(to="12"), 131009, "phone number"),
        (text(type="telegram"), 100, "Param type must be one of"),
        (text(body="x" * 4097), 100, "must be at most 4096 characters"),
        (text(body=""), 131009, "text.body"),
        (text(body=7), 100, "must be a string"),
        ({"messaging_product": "whatsapp", "to": MARIA, "type": "text"}, 131008, "'text' is mandatory"),
        (text() | {"text": {}}, 131008, "text.body"),
        (text() | {"text": {"body": "a", "boby": 1}}, 100, 'Unexpected key "boby" on param "text"'),
        (text(surprise=1), 100, 'Unexpected key "surprise"'),
        (text(biz_opaque_callback_data="x" * 513), 131009, "biz_opaque_callback_data"),
        (text(messaging_product="sms"), 131009, "messaging_product"),
        ({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.unknown"}, 131009, "message_id"),
        ({"messaging_product": "whatsapp", "status": "red", "message_id": "x"}, 131009, "status"),
    ],
)
def test_wrong_requests_get_metas_errors(cloud, simulator, body, code, words) -> None:
    answer = cloud.post("/messages", json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["type"]) == (400, code, "OAuthException")
    assert words in error["message"] + str(error.get("error_data"))
    assert error["fbtrace_id"]
    assert simulator.get("transcript")["messages"] == []


def test_limits_are_inclusive(cloud) -> None:
    body = text(body="x" * 4096, biz_opaque_callback_data="x" * 512)
    assert cloud.post("/messages", json=body).is_success


@pytest.mark.parametrize(
    "raw", [b"{", b"[]", b'{"messaging_product":"whatsapp","to":"1234567","text":{"body":"\\ud800"}}']
)
def test_broken_json_is_refused(cloud, raw) -> None:
    answer = cloud.post("/messages", content=raw)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


def test_tokens_and_numbers_are_checked(cloud, simulator) -> None:
    wrong = cloud.post("/messages", json=text(), headers={"Authorization": "Bearer somebody"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, 190)
    unknown = httpx.post(f"{simulator.url}/v26.0/999/messages", json=text(), headers=cloud.headers, trust_env=False)
    assert (unknown.status_code, unknown.json()["error"]["error_subcode"]) == (400, 33)


def test_somebody_without_whatsapp_is_undeliverable(business, cloud) -> None:
    assert cloud.post("/messages", json=text(to="+5531900000000")).is_success
    status = eventually(lambda: business.items("statuses"))[0]
    assert (status["status"], status["errors"][0]["code"]) == ("failed", 131026)
    assert "pricing" not in status


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_error_code_can_be_had_at_once_and_later(business, cloud, simulator, code) -> None:
    simulator.fault("send", "error", code=code)
    simulator.fault("send", "failed", code=code)
    refused, accepted = (cloud.post("/messages", json=text()) for _ in range(2))
    assert (refused.status_code, refused.json()["error"]["code"]) == (CODES[code].status, code)
    assert accepted.is_success
    status = eventually(lambda: business.items("statuses"))[0]
    assert (status["status"], status["errors"][0]["code"]) == ("failed", code)


def test_faults_choose_status_headers_and_messages(cloud, simulator) -> None:
    simulator.fault("send", "error", status=429, code=130429, retry_after=7, times=2, contains="lento")
    assert cloud.post("/messages", json=text("rápido")).is_success
    slow = [cloud.post("/messages", json=text("lento")) for _ in range(3)]
    assert [answer.status_code for answer in slow] == [429, 429, 200]
    assert slow[0].headers["retry-after"] == "7"


def test_a_lost_answer_is_a_send_that_went_out(business, cloud, simulator) -> None:
    simulator.fault("send", "lost_answer")
    with pytest.raises(httpx.RemoteProtocolError):
        cloud.post("/messages", json=text(biz_opaque_callback_data="lost"))
    assert eventually(lambda: business.items("statuses"))[0]["biz_opaque_callback_data"] == "lost"
    assert simulator.get("calls")["calls"][-1]["status"] == "cut"


def test_a_cut_connection_is_a_send_that_did_not_go_out(cloud, simulator) -> None:
    simulator.fault("send", "cut")
    with pytest.raises(httpx.RemoteProtocolError):
        cloud.post("/messages", json=text())
    assert simulator.get("transcript")["messages"] == []
    assert cloud.post("/messages", json=text()).is_success  # the server goes on


def test_calls_are_kept_without_credentials(cloud, simulator) -> None:
    cloud.post("/messages", json=text("guardado"))
    calls = simulator.get("calls", path="/messages")["calls"]
    assert [(call["method"], call["status"], call["body"]["text"]["body"]) for call in calls] == [
        ("POST", 200, "guardado")
    ]
    assert "simulator-token" not in str(calls)
    assert simulator.get("calls", after=calls[0]["n"])["calls"] == []


def test_the_clock_moves_what_meta_stamps(business, simulator) -> None:
    before = simulator.get("clock")["now"]
    moved = simulator.post("clock", advance_seconds=86_400)
    assert moved["now"] - before >= 86_400
    simulator.post(f"personas/{MARIA}/messages", text="amanhã")
    assert int(eventually(lambda: business.items("messages"))[0]["timestamp"]) >= int(before) + 86_400
    simulator.post("clock", now="2030-01-01T00:00:00+00:00")
    assert abs(simulator.get("clock")["now"] - 1_893_456_000) < 60


def test_control_mistakes_are_explained(simulator) -> None:
    for path, body, words in [
        ("faults", {"on": "send", "kind": "batch"}, "there is no 'batch' on 'send'"),
        (f"personas/{MARIA}/messages", {}, "either text or message"),
        (f"personas/{MARIA}/messages", {"text": "a", "number_id": "7"}, "there is no number '7'"),
        ("webhooks/verify", {}, "does not answer"),
    ]:
        answer = simulator.control.post(f"/_sim/{path}", json=body)
        assert not answer.is_success
        assert words in answer.json()["error"]
