import json
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from gateway.whatsapp.api.management import Management
from gateway.whatsapp.api.versions import CURRENT, days_left, expiry
from gateway.whatsapp.errors import Permanent, Temporary

OK = {"success": True}


@pytest.fixture
def management(meta):
    return Management(meta.api())


def ok(body=OK):
    return httpx.Response(200, json=body)


def sent(request):
    return json.loads(request.content) if request.content else None


async def test_a_number(meta, management):
    answer = {
        "id": "42",
        "display_phone_number": "+55 11 3000-0000",
        "verified_name": "SVLentes",
        "quality_rating": "GREEN",
        "status": "CONNECTED",
        "name_status": "APPROVED",
        "throughput": {"level": "STANDARD"},
        "whatsapp_business_manager_messaging_limit": "TIER_2K",
        "is_on_biz_app": True,
        "webhook_configuration": {"application": "https://a.example", "phone_number": "https://b.example"},
        "health_status": {"can_send_message": "AVAILABLE", "entities": []},
    }
    meta(ok(answer))
    number = await management.phone_number("42")
    assert (number.id, number.quality, number.throughput, number.can_send) == ("42", "GREEN", "STANDARD", "AVAILABLE")
    assert (number.webhook_override, number.messaging_limit) == ("https://b.example", "TIER_2K")
    assert number.on_business_app
    assert number.raw == answer
    assert meta.requests[0].url.path == "/v26.0/42"
    assert "quality_rating" in meta.requests[0].url.params["fields"]


@pytest.mark.parametrize(
    ("version", "field", "other"),
    [
        ("v23.0", "messaging_limit_tier", "whatsapp_business_manager_messaging_limit"),
        ("v24.0", "whatsapp_business_manager_messaging_limit", "messaging_limit_tier"),
    ],
)
async def test_the_messaging_limit_is_asked_for_as_the_version_knows_it(meta, version, field, other):
    meta(ok({"id": "42", field: "TIER_10K"}), ok({"data": [{"id": "42", field: "TIER_10K"}]}))
    management = Management(meta.api(version=version))
    assert (await management.phone_number("42")).messaging_limit == "TIER_10K"
    assert [one.messaging_limit for one in await management.phone_numbers("200")] == ["TIER_10K"]
    asked = [request.url.params["fields"].split(",") for request in meta.requests]
    assert all(field in fields and other not in fields for fields in asked)


async def test_numbers_page_by_page(meta, management):
    page = {"paging": {"cursors": {"before": "a", "after": "b"}, "next": "https://graph.facebook.com/x"}}
    meta(ok({"data": [{"id": "1"}, {"id": "2"}], **page}), ok({"data": [{"id": "3"}], "paging": {"cursors": {}}}))
    assert [number.id for number in await management.phone_numbers("200")] == ["1", "2", "3"]
    assert [request.url.params.get("after") for request in meta.requests] == [None, "b"]


async def test_the_last_page_has_a_cursor_but_no_next(meta, management):
    meta(ok({"data": [], "paging": {"cursors": {"before": "a", "after": "b"}}}))
    assert await management.phone_numbers("200") == []
    assert len(meta.requests) == 1


async def test_the_profile(meta, management):
    meta(ok({"data": [{"about": "Lentes", "messaging_product": "whatsapp"}]}), ok(), ok({"data": []}))
    assert (await management.profile("42"))["about"] == "Lentes"
    await management.set_profile("42", {"about": "Óculos"})
    assert await management.profile("42") == {}
    assert sent(meta.requests[1]) == {"about": "Óculos", "messaging_product": "whatsapp"}


async def test_templates(meta, management):
    listed = {
        "id": "9",
        "name": "pedido_enviado",
        "language": "pt_BR",
        "status": "REJECTED",
        "category": "UTILITY",
        "components": [{"type": "BODY", "text": "Oi {{1}}"}],
        "quality_score": {"score": "GREEN"},
        "rejected_reason": "INVALID_FORMAT",
    }
    new = {"name": "pedido_enviado", "language": "pt_BR", "category": "UTILITY", "components": []}
    meta(ok({"data": [listed]}), ok({"id": "9", "status": "PENDING", "category": "UTILITY"}), ok(), ok(), ok())
    [template] = await management.templates("200")
    assert (template.id, template.status, template.quality) == ("9", "REJECTED", "GREEN")
    assert (template.components, template.rejected_reason) == (listed["components"], "INVALID_FORMAT")
    assert (await management.create_template("200", new))["id"] == "9"
    await management.edit_template("9", {"category": "MARKETING"})
    await management.delete_template("200", "pedido_enviado")
    await management.delete_template("200", "pedido_enviado", "9")
    assert meta.asked[1:] == [
        "POST /200/message_templates",
        "POST /9",
        "DELETE /200/message_templates?name=pedido_enviado",
        "DELETE /200/message_templates?name=pedido_enviado&hsm_id=9",
    ]
    assert sent(meta.requests[1]) == new


async def test_subscriptions(meta, management):
    meta(ok({"data": [{"whatsapp_business_api_data": {"id": "5"}}]}), ok(), ok(), ok(), ok(), ok())
    assert await management.subscriptions("200") == [{"whatsapp_business_api_data": {"id": "5"}}]
    await management.subscribe("200")
    await management.subscribe("200", "https://x.example/webhook/whatsapp", "verify")
    await management.unsubscribe("200")
    await management.override_callback("42", "https://x.example/webhook/whatsapp", "verify")
    await management.override_callback("42", "", "")
    assert meta.asked == [
        "GET /200/subscribed_apps",
        "POST /200/subscribed_apps",
        "POST /200/subscribed_apps",
        "DELETE /200/subscribed_apps",
        "POST /42",
        "POST /42",
    ]
    override = {"override_callback_uri": "https://x.example/webhook/whatsapp", "verify_token": "verify"}
    assert [sent(request) for request in meta.requests[1:]] == [
        None,
        override,
        None,
        {"webhook_configuration": override},
        {"webhook_configuration": {"override_callback_uri": ""}},
    ]


async def test_a_token(meta, management):
    now = datetime(2026, 11, 22, tzinfo=UTC)
    data = {
        "app_id": "5",
        "type": "SYSTEM_USER",
        "is_valid": True,
        "expires_at": 0,
        "data_access_expires_at": int((now + timedelta(days=30, hours=1)).timestamp()),
        "scopes": ["whatsapp_business_messaging"],
        "granular_scopes": [{"scope": "whatsapp_business_messaging", "target_ids": ["200"]}, {"scope": "x"}],
    }
    meta(ok({"data": data}), ok({"data": {}}))
    token = await management.token("EAABother")
    assert (token.valid, token.type, token.expires_at, token.days_left(now)) == (True, "SYSTEM_USER", None, 30)
    assert token.targets == {"whatsapp_business_messaging": ("200",), "x": ()}
    assert meta.asked == ["GET /debug_token?input_token=EAABother"]
    nothing = await management.token("x")
    assert (nothing.valid, nothing.scopes, nothing.days_left(now)) == (False, (), None)


async def test_a_token_is_exchanged(meta, management):
    meta(ok({"access_token": "EAABlong", "token_type": "bearer", "expires_in": 5183944}), ok({}))
    assert await management.exchange_token("5", "secret", "EAABshort") == ("EAABlong", 5183944)
    assert dict(meta.requests[0].url.params) == {
        "grant_type": "fb_exchange_token",
        "client_id": "5",
        "client_secret": "secret",
        "fb_exchange_token": "EAABshort",
    }
    with pytest.raises(Temporary):
        await management.exchange_token("5", "secret", "EAABshort")


async def test_no_error_of_an_exchange_holds_its_secrets(meta, management):
    said = "Malformed access token EAABshort for the app with secret s3cr3t"
    meta(httpx.Response(400, json={"error": {"code": 1349174, "message": said}}))
    with pytest.raises(Permanent) as caught:
        await management.exchange_token("5", "s3cr3t", "EAABshort")
    told = f"{caught.value} {caught.value!r} {caught.value.title} {caught.value.__cause__}"
    assert "EAABshort" not in told
    assert "s3cr3t" not in told


async def test_what_can_be_repeated_is_never_in_doubt(meta, management):
    meta(httpx.ReadTimeout("x"), httpx.Response(502))
    with pytest.raises(Temporary):
        await management.subscribe("200")
    with pytest.raises(Temporary):
        await management.phone_number("42")


async def test_pages_without_end_end(meta, management, monkeypatch):
    monkeypatch.setattr("gateway.whatsapp.api.connection._MAX_PAGES", 3)
    endless = {"data": [{"id": "1"}], "paging": {"cursors": {"after": "same"}, "next": "x"}}
    meta(ok(endless), ok(endless), ok(endless))
    assert len(await management.subscriptions("200")) == 3


def test_versions_end():
    assert expiry("v23.0") == date(2027, 10, 8)
    assert days_left("v23.0", date(2027, 10, 1)) == 7
    assert days_left("v21.0", date(2027, 1, 22)) == -1
    assert days_left(CURRENT, date(2027, 1, 1)) is None
