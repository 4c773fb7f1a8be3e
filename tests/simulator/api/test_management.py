"""Accounts, numbers, templates and tokens as a raw client sees them, and as the gateway's library does."""

import json

import httpx
import pytest

from gateway.whatsapp.api.connection import GraphApi
from gateway.whatsapp.api.management import Management
from gateway.whatsapp.errors import AccountBlocked, Permanent, Temporary
from simulator.meta.business.accounts import APP_ID
from tests.simulator.support.helpers import eventually

WABA, NUMBER = "200000000000002", "100000000000001"
BODY = {"type": "BODY", "text": "Olá {{1}}, o pedido {{2}} saiu hoje.", "example": {"body_text": [["Maria", "12345"]]}}


def template(name="aviso", components=None, **more):
    return {"name": name, "language": "pt_BR", "category": "UTILITY", "components": components or [BODY], **more}


@pytest.fixture
def graph(simulator):
    headers = {"Authorization": f"Bearer {simulator.access_token}"}
    with httpx.Client(base_url=f"{simulator.url}/v26.0", headers=headers, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture
async def management(simulator):
    async with httpx.AsyncClient(trust_env=False) as http:
        yield Management(GraphApi(http, access_token=simulator.access_token, base_url=simulator.url))


def error_of(answer):
    return answer.status_code, answer.json()["error"]["code"], answer.json()["error"].get("error_subcode")


async def test_the_gateways_library_reads_and_changes_everything(business, simulator, management) -> None:
    number = await management.phone_number(NUMBER)
    assert (number.id, number.quality, number.throughput, number.can_send) == (NUMBER, "GREEN", "STANDARD", "AVAILABLE")
    assert [one.id for one in await management.phone_numbers(WABA)] == [NUMBER]
    await management.set_profile(NUMBER, {"about": "Óculos e lentes", "websites": ["https://example.org"]})
    assert (await management.profile(NUMBER))["about"] == "Óculos e lentes"

    simulator.configure(review={"seconds": 0.01})
    created = await management.create_template(WABA, template())
    assert created["status"] == "PENDING"
    with pytest.raises(Permanent) as duplicate:
        await management.create_template(WABA, template())
    assert duplicate.value.subcode == 2388024
    statuses = eventually(lambda: [p for p in business.payloads if p["entry"][0]["changes"][0]["field"] != "messages"])
    value = statuses[0]["entry"][0]["changes"][0]["value"]
    assert (value["event"], value["message_template_id"]) == ("APPROVED", int(created["id"]))
    assert statuses[0]["entry"][0]["time"]
    found = {one.name: one for one in await management.templates(WABA)}
    assert (found["aviso"].status, found["aviso"].components[0]["text"]) == ("APPROVED", BODY["text"])
    await management.edit_template(created["id"], {"components": [{"type": "BODY", "text": "Olá de novo"}]})
    await management.delete_template(WABA, "aviso", created["id"])
    assert "aviso" not in {one.name for one in await management.templates(WABA)}

    assert [app["whatsapp_business_api_data"]["id"] for app in await management.subscriptions(WABA)] == [APP_ID]
    token = await management.token("simulator-token")
    assert (token.valid, token.app_id, token.expires_at) == (True, APP_ID, None)
    assert token.targets["whatsapp_business_management"] == (WABA,)
    exchanged, seconds = await management.exchange_token(APP_ID, "simulator-app-secret", "simulator-token")
    assert seconds == 60 * 24 * 3600
    assert (await management.token(exchanged)).valid


def test_fields_are_chosen(graph) -> None:
    bare = graph.get(f"/{NUMBER}").json()
    assert {"verified_name", "display_phone_number", "quality_rating", "throughput", "id"} <= set(bare)
    chosen = graph.get(f"/{NUMBER}", params={"fields": "name_status,health_status{can_send_message}"}).json()
    assert set(chosen) == {"name_status", "health_status", "id"}
    wrong = graph.get(f"/{NUMBER}", params={"fields": "nome"})
    assert error_of(wrong) == (400, 100, None)
    assert "nonexisting field (nome)" in wrong.json()["error"]["message"]
    assert graph.get(f"/{WABA}", params={"fields": "name,currency,account_review_status"}).json()["currency"] == "BRL"
    for path in ("/999", "/999/message_templates", "/999/subscribed_apps", "/999/whatsapp_business_profile"):
        assert error_of(graph.get(path)) == (400, 100, 33)


def test_five_hundred_templates_come_page_by_page(graph, simulator) -> None:
    many = [template(f"pronto_{n}") for n in range(500)]
    simulator.post("templates", account_id=WABA, templates=many)
    seen, url, pages = [], f"/{WABA}/message_templates?limit=100&fields=name", 0
    while url:
        page = graph.get(url).json()
        seen += [one["name"] for one in page["data"]]
        url, pages = page["paging"].get("next"), pages + 1
    assert (len(seen), len(set(seen)), pages) == (502, 502, 6)  # two are there from the start
    first = graph.get(f"/{WABA}/message_templates", params={"name": "pronto_499"}).json()["data"]
    assert [one["name"] for one in first] == ["pronto_499"]
    assert error_of(graph.get(f"/{WABA}/message_templates?after=xx")) == (400, 100, None)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": "Aviso"}, "lowercase"),
        ({"language": "português"}, "language"),
        ({"category": "NEWS"}, "category"),
        ({"components": "BODY"}, "components"),
        ({"components": [{"type": "FOOTER", "text": "oi"}]}, "body"),
        ({"components": [{"type": "BODY", "text": "x" * 1025}]}, "1025 characters"),
        ({"components": [{"type": "BODY", "text": "Olá {{1}}, tudo bem por aí?"}]}, "sample"),
        ({"components": [BODY | {"text": "Olá {{1}}, {{3}} chegou aqui hoje."}]}, "without gaps"),
        ({"components": [BODY | {"text": "{{1}} chegou aqui {{2}} hoje."}]}, "begins or ends"),
        ({"components": [BODY | {"text": "Um {{1}} {{2}} dois."}]}, "too many variables"),
        ({"components": [BODY, {"type": "HEADER", "format": "IMAGE"}]}, "header_handle"),
        ({"components": [BODY, {"type": "HEADER", "format": "TEXT", "text": "x" * 61}]}, "limit is 60"),
        ({"components": [BODY, {"type": "FOOTER", "text": "até {{1}}"}]}, "no variables"),
        ({"components": [BODY, {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Ver"}]}]}, "needs url"),
        ({"components": [BODY, {"type": "BUTTONS", "buttons": []}]}, "1 to 10"),
        ({"components": [BODY, {"type": "MUSIC"}]}, "component type"),
    ],
)
def test_wrong_templates_are_refused(graph, wrong, words) -> None:
    answer = graph.post(f"/{WABA}/message_templates", json=template() | wrong)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, 100)
    assert (
        words.lower()
        in (error["message"] + error.get("error_user_title", "") + error.get("error_user_msg", "")).lower()
    )
    assert error["fbtrace_id"]


def test_reviewers_reject_pause_and_judge(business, graph, simulator) -> None:
    simulator.configure(review={"seconds": 0, "verdict": "reject", "reason": "TAG_CONTENT_MISMATCH"})
    made = graph.post(f"/{WABA}/message_templates", json=template()).json()["id"]
    event = eventually(lambda: business.payloads)[0]["entry"][0]["changes"][0]["value"]
    assert (event["event"], event["reason"]) == ("REJECTED", "TAG_CONTENT_MISMATCH")
    assert graph.get(f"/{made}?fields=status,rejected_reason").json()["rejected_reason"] == "TAG_CONTENT_MISMATCH"
    patch = simulator.control.patch(f"/_sim/templates/{made}", json={"status": "PAUSED", "quality": "RED"})
    assert patch.json()["status"] == "PAUSED"
    fields = eventually(lambda: len(business.payloads) == 3 and business.payloads)
    changes = [payload["entry"][0]["changes"][0] for payload in fields]
    quality = next(one["value"] for one in changes if one["field"] == "message_template_quality_update")
    assert (quality["previous_quality_score"], quality["new_quality_score"]) == ("UNKNOWN", "RED")
    assert simulator.control.patch("/_sim/templates/7", json={}).status_code == 404


def test_approved_templates_are_edited_once_a_day(graph, simulator) -> None:
    simulator.configure(review={"seconds": 0})
    made = graph.post(f"/{WABA}/message_templates", json=template()).json()["id"]

    def status():
        return graph.get(f"/{made}?fields=status").json()["status"] == "APPROVED"

    eventually(status)
    assert error_of(graph.post(f"/{made}", json={"category": "MARKETING"}))[1] == 100
    assert graph.post(f"/{made}", json={"components": [BODY]}).json()["success"]
    eventually(status)
    assert "24 hours" in graph.post(f"/{made}", json={"components": [BODY]}).json()["error"]["error_user_msg"]
    simulator.post("clock", advance_seconds=24 * 3600 + 1)
    assert graph.post(f"/{made}", json={"components": [BODY]}).is_success
    assert error_of(graph.post(f"/{made}", json={}))[1] == 100


def test_callbacks_can_be_overridden_by_account_and_number(business, graph, simulator) -> None:
    simulator.configure(webhook_url="http://127.0.0.1:9/nobody")
    override = {"override_callback_uri": business.url, "verify_token": "wrong"}
    refused = graph.post(f"/{WABA}/subscribed_apps", json=override)
    assert error_of(refused) == (400, 2200, None)
    override["verify_token"] = "simulator-verify-token"
    assert graph.post(f"/{WABA}/subscribed_apps", json=override).json() == {"success": True}
    assert graph.get(f"/{WABA}/subscribed_apps").json()["data"][0]["override_callback_uri"] == business.url
    simulator.post("personas/5511987654321/messages", text="pela conta")
    eventually(lambda: business.texts() == ["pela conta"])
    assert graph.post(f"/{NUMBER}", json={"webhook_configuration": override}).is_success
    assert graph.post(f"/{WABA}/subscribed_apps").is_success  # ends the account's override
    shown = graph.get(f"/{NUMBER}?fields=webhook_configuration").json()["webhook_configuration"]
    assert shown == {"phone_number": business.url, "application": "http://127.0.0.1:9/nobody"}
    simulator.post("personas/5511987654321/messages", text="pelo número")
    eventually(lambda: business.texts() == ["pela conta", "pelo número"])
    assert graph.delete(f"/{WABA}/subscribed_apps").is_success
    assert graph.get(f"/{WABA}/subscribed_apps").json() == {"data": []}
    assert "must be subscribed" in graph.post(f"/{WABA}/subscribed_apps", json=override).json()["error"]["message"]
    simulator.post("personas/5511987654321/messages", text="ninguém ouve")
    assert simulator.get("webhooks", pending=1)["webhooks"] == []


async def test_calls_are_limited_by_the_hour(graph, management, simulator) -> None:
    simulator.configure(usage={"calls_an_hour": 3})
    usage = json.loads(graph.get(f"/{NUMBER}").headers["x-business-use-case-usage"])[WABA][0]
    assert (usage["type"], usage["call_count"]) == ("whatsapp_business_management", 33)
    assert graph.get(f"/{WABA}").is_success
    assert graph.get(f"/{WABA}/message_templates").is_success
    over = graph.get(f"/{WABA}")
    assert error_of(over) == (400, 80008, 2446079)
    with pytest.raises(Temporary) as limited:
        await management.phone_number(NUMBER)
    assert 59 * 60 < limited.value.retry_after <= 60 * 60
    simulator.post("clock", advance_seconds=3601)
    assert graph.get(f"/{WABA}").is_success


def test_tokens_end_and_have_scopes(graph, simulator) -> None:
    put = simulator.control.put
    put("/_sim/tokens/simulator-token", json={"valid": False})
    assert error_of(graph.get(f"/{WABA}")) == (401, 190, 460)
    assert graph.get("/debug_token?input_token=x").status_code == 401
    put("/_sim/tokens/simulator-token", json={"valid": True, "expires_at": 1})
    assert error_of(graph.get(f"/{WABA}")) == (401, 190, 463)
    app_token = {"access_token": f"{APP_ID}|simulator-app-secret", "input_token": "simulator-token"}
    bare = httpx.get(f"{simulator.url}/v26.0/debug_token", params=app_token, trust_env=False)
    assert bare.json()["data"]["is_valid"] is False
    put("/_sim/tokens/simulator-token", json={"expires_at": 0, "scopes": ["whatsapp_business_messaging"]})
    assert error_of(graph.get(f"/{WABA}")) == (403, 200, None)
    put("/_sim/tokens/other", json={"accounts": ["1"]})
    assert error_of(graph.get(f"/{WABA}", headers={"Authorization": "Bearer other"})) == (400, 100, 33)
    wrong = {"grant_type": "fb_exchange_token", "client_id": APP_ID, "client_secret": "no", "fb_exchange_token": "x"}
    assert error_of(graph.get("/oauth/access_token", params=wrong))[1] == 1
    assert error_of(graph.get("/oauth/access_token", params=wrong | {"client_id": "1"}))[1] == 101


async def test_a_token_that_is_revoked_blocks_the_account(management, simulator) -> None:
    simulator.control.put("/_sim/tokens/simulator-token", json={"valid": False})
    with pytest.raises(AccountBlocked):
        await management.phone_number(NUMBER)


def test_several_numbers_and_accounts(business, graph, simulator) -> None:
    simulator.control.put("/_sim/accounts/77", json={"name": "Filial"})
    second = {"account_id": "77", "display": "+55 21 3000-0000", "name": "Filial", "access_token": "second"}
    assert simulator.control.put("/_sim/numbers/88", json=second).is_success
    simulator.post("personas/5511987654321/messages", text="oi", number_id="88")
    entry = eventually(lambda: business.payloads)[0]["entry"][0]
    assert (entry["id"], entry["changes"][0]["value"]["metadata"]["phone_number_id"]) == ("77", "88")
    headers = {"Authorization": "Bearer second"}
    assert graph.get("/77/phone_numbers", headers=headers).json()["data"][0]["id"] == "88"
    simulator.control.put("/_sim/numbers/88", json={"quality_rating": "RED", "messaging_limit_tier": "TIER_250"})
    events = eventually(lambda: len(business.payloads) == 3 and business.payloads)[1:]
    told = {one["entry"][0]["changes"][0]["field"]: one["entry"][0]["changes"][0]["value"] for one in events}
    assert told["business_capability_update"]["max_daily_conversations_per_business"] == "TIER_250"
    assert told["phone_number_quality_update"]["event"] == "FLAGGED"
    assert graph.get("/88?fields=quality_rating").json()["quality_rating"] == "RED"
    simulator.post("reset")
    assert [one["id"] for one in simulator.get("accounts")["numbers"]] == [NUMBER]


@pytest.mark.parametrize("version", ["v23.0", "v24.0", "v26.0"])
async def test_the_messaging_limit_has_another_name_since_v24(graph, simulator, version) -> None:
    old, new = "messaging_limit_tier", "whatsapp_business_manager_messaging_limit"
    url = f"{simulator.url}/{version}/{NUMBER}"

    def ask(field):
        return graph.get(url, params={"fields": field})

    if version == "v23.0":
        assert ask(old).json()[old] == "TIER_2K"
        assert "nonexisting field" in ask(new).json()["error"]["message"]
    else:
        assert ask(new).json()[new] == "TIER_2K"
        assert ask(old).json() == {"id": NUMBER}
    async with httpx.AsyncClient(trust_env=False) as http:
        api = GraphApi(http, access_token=simulator.access_token, base_url=simulator.url, version=version)
        assert (await Management(api).phone_number(NUMBER)).messaging_limit == "TIER_2K"


def test_management_has_faults(graph, simulator) -> None:
    simulator.fault("management", "error", code=80007, match={"edge": "subscribed_apps"})
    assert graph.get(f"/{WABA}").is_success
    assert error_of(graph.get(f"/{WABA}/subscribed_apps"))[1] == 80007
    simulator.fault("management", "lost_answer", match={"method": "POST"})
    with pytest.raises(httpx.RemoteProtocolError):
        graph.post(f"/{WABA}/message_templates", json=template())
    assert graph.get(f"/{WABA}/message_templates?name=aviso").json()["data"]


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ({"about": "x" * 140}, "about"), ({"about": ""}, "about"), ({"vertical": "PIRACY"}, "vertical"),
        ({"websites": ["a", "b", "c"]}, "websites"), ({"websites": ["example.org"]}, "website"),
        ({"nome": "x"}, "nome"),
    ],
)  # fmt: skip
def test_wrong_profiles_are_refused(graph, profile, words) -> None:
    answer = graph.post(f"/{NUMBER}/whatsapp_business_profile", json={"messaging_product": "whatsapp", **profile})
    assert answer.json()["error"]["code"] in {100, 131009}
    assert words in str(answer.json()["error"])


def test_versions_to_come_are_unknown(graph, simulator) -> None:
    url = f"{simulator.url}/v99.0/{WABA}"
    assert httpx.get(url, headers=graph.headers, trust_env=False).json()["error"]["code"] == 2500
