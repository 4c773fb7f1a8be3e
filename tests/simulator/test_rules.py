"""The rules of recipients, windows, rates and prices."""

import pytest

from tests.simulator.support.helpers import eventually

MARIA, NUMBER = "5511987654321", "100000000000001"
DAY = 24 * 3600 + 1


def send(cloud, to=MARIA, **body):
    content = body or {"type": "text", "text": {"body": "oi"}}
    return cloud.post("/messages", json={"messaging_product": "whatsapp", "to": f"+{to}", **content})


def template(name="hello_world", code="en_US"):
    return {"type": "template", "template": {"name": name, "language": {"code": code}}}


def outcome(business, wamid):
    """Return the last status of a message, and the code of its error."""

    def statuses():
        return [one for one in business.items("statuses") if one["id"] == wamid]

    last = eventually(lambda: [one for one in statuses() if one["status"] in {"failed", "read"}])[-1]
    return last["status"], last.get("errors", [{}])[0].get("code")


def sent(answer):
    assert answer.is_success, answer.text
    return answer.json()["messages"][0]["id"]


def test_the_window_closes_after_a_day_for_all_but_templates(business, cloud, simulator) -> None:
    assert outcome(business, sent(send(cloud))) == ("read", None)
    simulator.post("clock", advance_seconds=DAY)
    assert outcome(business, sent(send(cloud))) == ("failed", 131047)
    assert outcome(business, sent(send(cloud, **template()))) == ("read", None)
    simulator.post(f"personas/{MARIA}/messages", text="voltei")
    assert outcome(business, sent(send(cloud))) == ("read", None)
    simulator.post("clock", advance_seconds=DAY)
    simulator.configure(rules={"window": False})
    assert outcome(business, sent(send(cloud))) == ("read", None)


def test_a_click_on_an_advertisement_makes_messages_free_but_keeps_no_window_open(business, cloud, simulator) -> None:
    simulator.post(f"personas/{MARIA}/messages", text="vi o anúncio", referral=True)
    simulator.post("clock", advance_seconds=2 * DAY)
    assert outcome(business, sent(send(cloud))) == ("failed", 131047)
    free = sent(send(cloud, **template()))
    assert outcome(business, free) == ("read", None)
    assert {one["pricing"]["type"] for one in business.items("statuses") if one["id"] == free} == {"free_entry_point"}
    simulator.post("clock", advance_seconds=2 * DAY)
    paid = sent(send(cloud, **template()))
    outcome(business, paid)
    assert {one["pricing"]["type"] for one in business.items("statuses") if one["id"] == paid} == {"regular"}


@pytest.mark.parametrize(("own", "dialled"), [("5215512345678", "525512345678"), ("5491187654321", "541187654321")])
def test_the_receipt_names_the_persons_own_form_of_a_number(cloud, simulator, own: str, dialled: str) -> None:
    simulator.post(f"personas/{own}/messages", text="oi")
    assert send(cloud, dialled).json()["contacts"][0]["wa_id"] == own


def test_somebody_who_never_wrote_gets_templates_only(business, cloud, simulator) -> None:
    simulator.control.put("/_sim/personas/5521900000000", json={"name": "Ana"})
    assert outcome(business, sent(send(cloud, "5521900000000"))) == ("failed", 131047)
    simulator.control.put("/_sim/personas/5521900000000", json={"window_open": True})
    assert outcome(business, sent(send(cloud, "5521900000000"))) == ("read", None)


def test_marketing_stops_when_the_person_says_so(business, cloud, simulator) -> None:
    offer = {"name": "oferta", "language": "pt_BR", "category": "MARKETING",
             "components": [{"type": "BODY", "text": "Lentes pela metade do preço."}]}  # fmt: skip
    simulator.post("templates", account_id="200000000000002", templates=[offer])
    simulator.post(f"personas/{MARIA}/preferences", marketing="stop")
    told = eventually(lambda: business.payloads)[0]["entry"][0]["changes"][0]
    assert (told["field"], told["value"]["user_preferences"][0]["value"]) == ("user_preferences", "stop")
    assert outcome(business, sent(send(cloud, **template("oferta", "pt_BR")))) == ("failed", 131050)
    assert outcome(business, sent(send(cloud, **template()))) == ("read", None)  # utility
    simulator.post(f"personas/{MARIA}/preferences", marketing="resume")
    simulator.control.put(f"/_sim/personas/{MARIA}", json={"experiment": True})
    assert outcome(business, sent(send(cloud, **template("oferta", "pt_BR")))) == ("failed", 130472)


@pytest.mark.parametrize(("known", "written"), [("551187654321", "5511987654321"), ("5521987654321", "552187654321")])
def test_brazilian_numbers_are_found_with_and_without_their_ninth_digit(cloud, simulator, known, written) -> None:
    simulator.control.put(f"/_sim/personas/{MARIA}", json={})
    if known.startswith("5511"):
        simulator.post(f"personas/{MARIA}/number", wa_id=known)
    simulator.post(f"personas/{known}/messages", text="oi")
    contact = send(cloud, written).json()["contacts"][0]
    assert (contact["input"], contact["wa_id"]) == (f"+{written}", known)


def test_blocked_people(business, cloud, simulator) -> None:
    block = {"messaging_product": "whatsapp", "block_users": [{"user": f"+{MARIA}"}]}
    done = cloud.post("/block_users", json=block).json()
    assert done["block_users"]["added_users"] == [{"input": f"+{MARIA}", "wa_id": MARIA}]
    assert send(cloud).json()["error"]["code"] == 130403
    simulator.post(f"personas/{MARIA}/messages", text="ninguém ouve")
    assert cloud.get("/block_users").json()["data"][0]["wa_id"] == MARIA
    assert cloud.request("DELETE", "/block_users", json=block).is_success
    assert cloud.post("/block_users", json=block | {"block_users": [{"user": "+1"}]}).json()["error"]["code"] == 139100
    simulator.control.put(f"/_sim/personas/{MARIA}", json={"blocks": True})
    wamid = sent(send(cloud))
    eventually(lambda: business.items("statuses"))
    assert [one["status"] for one in simulator.get(f"messages/{wamid}")["statuses"]] == ["sent"]
    assert business.items("messages") == []
    silent = simulator.control.post(f"/_sim/personas/{MARIA}/messages", json={"text": "oi"})
    assert "has blocked" in silent.json()["error"]


def test_authentication_goes_to_numbers_only(cloud, simulator) -> None:
    login = {"name": "codigo", "language": "pt_BR", "category": "AUTHENTICATION",
             "components": [{"type": "BODY"}, {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE",
                                                                              "text": "Copiar"}]}]}  # fmt: skip
    simulator.post("templates", account_id="200000000000002", templates=[login])
    user_id = simulator.get("personas")["personas"][0]["user_id"]
    code = {"type": "text", "text": "123456"}
    filled = [{"type": "body", "parameters": [code]},
              {"type": "button", "sub_type": "url", "index": "0", "parameters": [code]}]  # fmt: skip
    content = template("codigo", "pt_BR")
    content["template"]["components"] = filled
    assert send(cloud, **content).is_success
    body = {"messaging_product": "whatsapp", "recipient": user_id, **content}
    assert cloud.post("/messages", json=body).json()["error"]["code"] == 131062
    assert send(cloud, "551130000000").json()["error"]["code"] == 131021


def test_delivered_messages_are_billed(business, cloud, simulator) -> None:
    for content in ({}, template(), {}):
        outcome(business, sent(send(cloud, **content)))
    ledger = simulator.get("ledger")
    assert ledger["categories"] == {
        "service": {"messages": 2, "billable": 2, "usd": 0.0136},
        "utility": {"messages": 1, "billable": 1, "usd": 0.0068},  # inside the window too, since October 2026
    }
    simulator.post("clock", advance_seconds=DAY)
    outcome(business, sent(send(cloud, **template())))
    assert simulator.get("ledger")["categories"]["utility"]["billable"] == 2
    simulator.post(f"personas/{MARIA}/messages", text="vi o anúncio", referral=True)
    wamid = sent(send(cloud))
    outcome(business, wamid)
    prices = [one["pricing"]["type"] for one in business.items("statuses") if one["id"] == wamid]
    assert set(prices) == {"free_entry_point"}
    failed = sent(send(cloud, "5531900000000"))
    eventually(lambda: simulator.get(f"messages/{failed}")["statuses"])
    assert len(simulator.get("ledger")["entries"]) == 5
