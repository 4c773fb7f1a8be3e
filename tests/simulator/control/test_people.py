"""People's actions as the business receives them: through webhooks, and through the gateway's library."""

import json

import pytest

from gateway.whatsapp.webhooks import contents, events
from gateway.whatsapp.webhooks.items import items
from gateway.whatsapp.webhooks.parse import event
from tests.simulator.support.helpers import eventually

MARIA, NUMBER = "5511987654321", "100000000000001"
ROW = {"id": "r1", "title": "Vendas", "description": "Óculos"}


def speak(simulator, wa_id=MARIA, **act):
    return simulator.post(f"personas/{wa_id}/messages", **act)["id"]


def refused(simulator, **act):
    answer = simulator.control.post(f"/_sim/personas/{MARIA}/messages", json=act)
    assert answer.status_code == 422
    return answer.json()["error"]


def heard(business, count):
    """Return this many events as the gateway's library parses them; none of them is unknown."""

    def found():
        return [event(item) for payload in business.payloads for item in items(payload)]

    eventually(lambda: len(found()) >= count)
    assert not [one for one in found() if isinstance(one, events.Unknown)]
    return found()


def send(cloud, **body):
    answer = cloud.post("/messages", json={"messaging_product": "whatsapp", "to": f"+{MARIA}", **body})
    assert answer.is_success, answer.text
    return answer.json()["messages"][0]["id"]


@pytest.fixture
def quiet(simulator, business):
    simulator.configure(ticks={"sent": None, "delivered": None, "read": None})
    return business


def test_taps_answer_what_was_sent(quiet, cloud, simulator) -> None:
    buttons = {"buttons": [{"type": "reply", "reply": {"id": "sim", "title": "Sim"}}]}
    asked = send(cloud, type="interactive", interactive={"type": "button", "body": {"text": "?"}, "action": buttons})
    rows = {"button": "Ver", "sections": [{"rows": [ROW]}]}
    listed = send(cloud, type="interactive", interactive={"type": "list", "body": {"text": "?"}, "action": rows})
    template = send(cloud, type="template", template={"name": "retomar_atendimento", "language": {"code": "pt_BR"}})
    for wamid, choice in [(asked, "sim"), (listed, "Vendas"), (template, "Continuar")]:
        speak(simulator, tap={"message_id": wamid, "id": choice})
    one, two, three = heard(quiet, 3)
    assert (one.content.id, one.content.text, one.context.message_id) == ("sim", "Sim", asked)
    assert (two.content.type, two.content.id, two.content.description) == ("list_reply", "r1", "Óculos")
    assert three.content == contents.ButtonContent("Continuar", "Continuar")
    shown = simulator.get(f"messages/{listed}")
    assert shown["choices"] == [{"type": "list_reply", **ROW}]
    assert "no button or row 'não'" in refused(simulator, tap={"message_id": asked, "id": "não"})
    assert "there is no message" in refused(simulator, tap={"message_id": "wamid.x", "id": "sim"})


def test_flows_are_filled_in(quiet, cloud, simulator) -> None:
    parameters = {"flow_message_version": "3", "flow_id": "1", "flow_cta": "Abrir", "flow_token": "t"}
    action = {"name": "flow", "parameters": parameters}
    wamid = send(cloud, type="interactive", interactive={"type": "flow", "body": {"text": "?"}, "action": action})
    speak(simulator, flow={"message_id": wamid, "data": {"grau": "-2"}})
    [answer] = heard(quiet, 1)
    assert (answer.content.type, answer.content.data) == ("nfm_reply", {"flow_token": "t", "grau": "-2"})
    other = speak(simulator, text="oi")
    assert "not the business's" in refused(simulator, flow={"message_id": other})


def test_reactions_edits_and_deletions(quiet, cloud, simulator) -> None:
    first = speak(simulator, text="pedido 12345")
    speak(simulator, reaction={"message_id": first, "emoji": "👍"})
    speak(simulator, reaction={"message_id": first, "emoji": ""})
    speak(simulator, edit={"message_id": first, "text": "pedido 12346"})
    speak(simulator, revoke=first)
    _, liked, unliked, edited, revoked = heard(quiet, 5)
    assert (liked.content.emoji, unliked.content.emoji, liked.content.message_id) == ("👍", None, first)
    assert (edited.content.message_id, edited.content.text) == (first, "pedido 12346")
    assert revoked.content.message_id == first
    shown = simulator.get(f"messages/{first}")
    assert (shown["revoked"], shown["edited"]["text"]["body"]) == (True, "pedido 12346")
    theirs = send(cloud, type="text", text={"body": "oi"})
    assert "not the person's own" in refused(simulator, revoke=theirs)


def test_modifiers(quiet, simulator) -> None:
    speak(simulator, text="a", forwarded=True, reply_to="wamid.b")
    speak(simulator, text="b", forwarded="often", group_id="g1")
    speak(simulator, text="c", referral=True, product={"catalog_id": "1", "product_retailer_id": "2"})
    speak(simulator, unsupported="poll_creation")
    speak(simulator, message={"type": "order", "order": {"catalog_id": "1", "product_items": []}})
    one, two, three, four, five = heard(quiet, 5)
    assert (one.context.forwarded, one.context.message_id) == (True, "wamid.b")
    assert (two.context.often, two.group_id) == (True, "g1")
    assert (three.referral.source_type, three.context.product.catalog_id) == ("ad", "1")
    assert (four.content.kind, four.errors[0].code, five.content.kind) == ("unsupported", 131051, "order")
    assert "either text or message" in refused(simulator, text="a", revoke="b")


def test_who_hides_the_number_shares_it_by_the_button_that_asks(quiet, cloud, simulator) -> None:
    simulator.control.put(f"/_sim/personas/{MARIA}", json={"hidden": True})
    speak(simulator, text="oi")
    ask = {"type": "request_contact_info", "body": {"text": "?"}, "action": {"name": "request_contact_info"}}
    asked = send(cloud, type="interactive", interactive=ask)
    other = send(cloud, type="text", text={"body": "?"})
    parts = [
        {"type": "BODY", "text": "Seu número?"},
        {"type": "BUTTONS", "buttons": [{"type": "REQUEST_CONTACT_INFO"}]},
    ]
    made = {"name": "numero", "language": "pt_BR", "category": "UTILITY", "components": parts}
    simulator.post("templates", account_id="200000000000002", templates=[made])
    template = send(cloud, type="template", template={"name": "numero", "language": {"code": "pt_BR"}})
    for one in (asked, template):
        speak(simulator, share_number=one)
    for one, found in zip((asked, template), heard(quiet, 3)[1:], strict=True):
        assert (found.customer.wa_id, found.content.own_number, found.context.message_id) == (None, MARIA, one)
    assert "does not ask for the number" in refused(simulator, share_number=other)
    for wrong in ({**ask, "action": {"name": "send_location"}}, {**ask, "footer": {"text": "x"}}, {**ask, "body": {}}):
        body = {"messaging_product": "whatsapp", "to": f"+{MARIA}", "type": "interactive", "interactive": wrong}
        assert cloud.post("/messages", json=body).status_code == 400


def test_who_gets_a_number_that_was_given_up_is_another_person(simulator) -> None:
    mine = simulator.control.put(f"/_sim/personas/{MARIA}", json={}).json()["user_id"]
    simulator.post(f"personas/{MARIA}/number", wa_id="5511900000001")
    assert simulator.control.put(f"/_sim/personas/{MARIA}", json={}).json()["user_id"] != mine


def test_numbers_and_user_ids_change(quiet, cloud, simulator) -> None:
    speak(simulator, text="oi")
    old = next(one for one in simulator.get("personas")["personas"] if one["wa_id"] == MARIA)
    moved = simulator.post(f"personas/{MARIA}/number", wa_id="5511900000001")
    again = simulator.post("personas/5511900000001/number")
    simulator.post("personas/5511900000001/identity")
    systems = heard(quiet, 4)[1:]
    assert [one.content.event for one in systems] == [
        "user_changed_number", "user_changed_user_id", "customer_identity_changed",
    ]  # fmt: skip
    assert (systems[0].customer.wa_id, systems[0].content.wa_id) == (MARIA, "5511900000001")
    assert (systems[1].customer.user_id, systems[1].content.user_id) == (moved["user_id"], again["user_id"])
    assert [(one.content.previous_user_id, one.content.user_id) for one in systems[:2]] == [
        (old["user_id"], moved["user_id"]), (moved["user_id"], again["user_id"]),
    ]  # fmt: skip
    assert simulator.get("transcript", wa_id="5511900000001")["messages"][0]["text"] == "oi"
    gone = cloud.post("/messages", json={"messaging_product": "whatsapp", "to": f"+{MARIA}", "text": {"body": "?"}})
    assert gone.is_success
    simulator.post("personas/5511900000009/messages", text="outra")
    taken = simulator.control.post("/_sim/personas/5511900000009/number", json={"wa_id": "5511900000001"})
    assert "belongs to another person" in taken.json()["error"]


def test_standby_handovers_and_echoes(quiet, simulator) -> None:
    simulator.post(f"personas/{MARIA}/owner", owner="ai_agent")
    speak(simulator, text="para o outro")
    simulator.post(f"personas/{MARIA}/echoes", text="sou a IA", author="ai_agent")
    simulator.post(f"personas/{MARIA}/owner", owner="us")
    speak(simulator, text="para nós")
    simulator.post(f"personas/{MARIA}/echoes", text="sou a Ana, da loja")
    given, standby, other, back, ours, echo = heard(quiet, 6)
    assert (given.ours, back.ours) == (False, True)
    assert (standby.source, ours.source) == ("standby", "messages")
    assert (other.source, echo.source, echo.content.text) == ("standby", "business_app", "sou a Ana, da loja")
    assert echo.customer.wa_id == MARIA


def test_raw_json_of_both_directions(business, cloud, simulator) -> None:
    asked = speak(simulator, text="oi")
    answered = send(cloud, type="text", text={"body": "olá"}, biz_opaque_callback_data="ours")
    cloud.post("/messages", json={"messaging_product": "whatsapp", "status": "read", "message_id": asked})
    eventually(lambda: len(business.items("statuses")) == 3)
    inbound, outbound = simulator.get(f"messages/{asked}"), simulator.get(f"messages/{answered}")
    assert inbound["webhooks"][0]["body"]["entry"][0]["changes"][0]["value"]["messages"][0]["id"] == asked
    assert [call["body"]["status"] for call in inbound["calls"]] == ["read"]
    assert outbound["calls"][0]["body"]["biz_opaque_callback_data"] == "ours"
    assert outbound["answer"]["messages"][0]["id"] == answered
    assert len(outbound["webhooks"]) == 3
    assert simulator.control.get("/_sim/messages/none").status_code == 404


def test_changes_are_told_as_they_happen(simulator) -> None:
    first = speak(simulator, text="antes")
    with simulator.control.stream("GET", "/_sim/events") as stream:
        lines = (line for line in stream.iter_lines() if line.startswith(("event:", "data:")))
        assert (next(lines), json.loads(next(lines)[5:])["id"]) == ("event: message", first)
        assert (next(lines), next(lines)) == ("event: typing", "data: []")
        second = speak(simulator, text="agora")
        assert (next(lines), json.loads(next(lines)[5:])["id"]) == ("event: message", second)
