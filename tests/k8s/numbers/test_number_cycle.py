"""Cycles of a number against the simulator's Cloud API."""

from __future__ import annotations

from typing import Any

import pytest

from k8s.cluster import ClusterError
from tests.k8s.conftest import ACCOUNT, NUMBER, Harness
from tests.k8s.support.apiserver import ApiServer
from tests.k8s.support.numbers import account, calls, channel_entry
from tests.simulator.support.helpers import Business


async def test_a_new_number_is_published_subscribed_and_told_of(
    operator: Harness, simulator: Any, api: ApiServer, business: Business
) -> None:
    simulator.control.put(f"/_sim/accounts/{ACCOUNT}", json={"subscribed": False})
    number = operator.number(callback={"url": business.url}, profile={"about": "Óculos e lentes"})
    result = await number.run()
    assert result is not None
    assert number.condition("Ready") == ("True", "Ready")
    assert account(simulator)["override"] == business.url
    found = channel_entry(api)
    assert found is not None
    assert (found["access_token"], found["app_secrets"]) == ("simulator-token", ["simulator-app-secret"])
    assert number.status["phone"]["displayNumber"] == "+55 11 3000-0000"
    assert number.status["phone"]["messagingLimit"] == "TIER_2K"
    assert number.status["token"] == {"daysLeft": "never", "appId": "300000000000003"}
    assert number.status["observedGeneration"] == 1
    assert number.status["channelsSecret"] == "operator-channels"
    assert simulator.get("accounts")["numbers"][0]["profile"]["about"] == "Óculos e lentes"
    assert {event.reason for event in result.events} >= {"Valid", "Published", "Subscribed", "Synced", "Healthy"}


async def test_nothing_is_asked_while_nothing_changes(operator: Harness, simulator: Any) -> None:
    number = operator.number(profile={"about": "Óculos e lentes"})
    await number.run()
    simulator.control.delete("/_sim/calls")
    assert await number.run(after=15) is None
    assert calls(simulator) == []
    await number.run(after=600)
    assert sorted(calls(simulator)) == sorted(
        ["GET debug_token", f"GET {NUMBER}", "GET subscribed_apps", "GET whatsapp_business_profile"]
    )


async def test_a_changed_agent_reaches_the_gateways_without_a_call_to_meta(
    operator: Harness, simulator: Any, api: ApiServer
) -> None:
    number = operator.number()
    await number.run()
    simulator.control.delete("/_sim/calls")
    number.change(agent={"assistant": "agent", "locale": "pt_BR", "departments": ["sales"]})
    await number.run(after=1)
    found = channel_entry(api)
    assert found is not None
    assert found["context"] == {"departments": ["sales"]}
    assert calls(simulator) == []
    assert number.status["observedGeneration"] == 2


async def test_drift_at_metas_side_is_undone(operator: Harness, simulator: Any, business: Business) -> None:
    number = operator.number(callback={"url": business.url}, profile={"about": "Óculos e lentes"})
    await number.run()
    await number.run(after=600)
    simulator.control.put(f"/_sim/accounts/{ACCOUNT}", json={"override": "https://somebody.example/"})
    headers = {"Authorization": "Bearer simulator-token"}
    profile = {"messaging_product": "whatsapp", "about": "Hackeado"}
    simulator.control.post(f"/v26.0/{NUMBER}/whatsapp_business_profile", json=profile, headers=headers)
    await number.run(after=600)
    assert account(simulator)["override"] == business.url
    assert simulator.get("accounts")["numbers"][0]["profile"]["about"] == "Óculos e lentes"


async def test_a_gateway_that_starts_later_is_waited_for(operator: Harness, simulator: Any, api: ApiServer) -> None:
    receiver = Business()
    url = receiver.url
    receiver.close()
    number = operator.number(callback={"url": url})
    result = await number.run()
    assert result is not None
    assert number.condition("Ready") == ("False", "CallbackRefused")
    assert "Stalled" not in {one["type"] for one in number.status["conditions"]}
    assert channel_entry(api) is not None  # the gateway needs the verify token to pass the check
    assert result.next_in == 10
    later = Business(port=int(url.split(":")[2].split("/")[0]))
    try:
        await number.run(after=10)
    finally:
        later.close()
    assert number.condition("Ready") == ("True", "Ready")


async def test_what_meta_says_of_the_number_is_shown(operator: Harness, simulator: Any, api: ApiServer) -> None:
    number = operator.number()
    await number.run()
    errors = [{"error_code": 141006, "error_description": "No payment.", "possible_solution": "Add a card."}]
    wish = {"quality_rating": "RED", "throughput": "HIGH", "can_send_message": "BLOCKED", "health_errors": errors}
    simulator.control.put(f"/_sim/numbers/{NUMBER}", json=wish)
    await number.run(after=600)
    assert number.condition("Healthy") == ("False", "Blocked")
    assert "No payment. Add a card." in number.message("Healthy")
    assert number.condition("Ready") == ("True", "Ready")
    found = channel_entry(api)
    assert found is not None
    assert found["messages_per_second"] == 1000


async def test_a_number_that_a_phone_uses_too_sends_slower(operator: Harness, simulator: Any, api: ApiServer) -> None:
    simulator.control.put(f"/_sim/numbers/{NUMBER}", json={"is_on_biz_app": True})
    await operator.number().run()
    found = channel_entry(api)
    assert found is not None
    assert found["messages_per_second"] == 20


async def test_two_numbers_share_the_channels_file(operator: Harness, simulator: Any, api: ApiServer) -> None:
    simulator.control.put("/_sim/numbers/100000000000009", json={})
    first, second = operator.number("loja"), operator.number("filial", phoneNumberId="100000000000009")
    await first.run()
    await second.run()
    assert channel_entry(api) is not None
    assert channel_entry(api, "100000000000009") is not None
    operator.undeclare("filial")
    assert await second.clean_up() is None
    assert channel_entry(api, "100000000000009") is None
    assert channel_entry(api) is not None


async def test_a_channel_is_written_although_others_write_too(
    operator: Harness, simulator: Any, api: ApiServer
) -> None:
    api.put("secrets", "shop", "operator-channels", {"channels.json": '{"channels": []}', "notes": "kept"})
    api.faster_writers = 2
    number = operator.number()
    await number.run()
    assert number.condition("Published") == ("True", "Published")
    assert api.secret("shop", "operator-channels")["notes"] == b"kept"


async def test_what_an_older_operator_wrote_is_split_for_the_processes(
    operator: Harness, simulator: Any, api: ApiServer
) -> None:
    number = operator.number()
    await number.run()
    whole = api.secret("shop", "operator-channels")
    assert whole.keys() == {"channels.json", "serve.json", "work.json"}
    api.put("secrets", "shop", "operator-channels", {"channels.json": whole["channels.json"]})
    operator.restart()
    await number.run()
    assert api.secret("shop", "operator-channels") == whole
    api.put("secrets", "shop", "operator-channels", {**whole, "work.json": b"{}"})  # somebody edited it
    await number.run(after=600)
    assert api.secret("shop", "operator-channels") == whole
    assert number.condition("Published") == ("True", "Published")


async def test_a_picture_is_uploaded_when_its_content_changes(
    operator: Harness, simulator: Any, api: ApiServer
) -> None:
    number = operator.number(profile={"picture": {"name": "brand", "key": "logo.png"}})
    await number.run()
    assert number.condition("ProfileSynced") == ("False", "PictureMissing")
    api.put("configmaps", "shop", "brand", {"logo.png": b"\x89PNG one"})
    await number.run(after=10)
    assert number.condition("ProfileSynced") == ("True", "Synced")
    first = simulator.get("accounts")["numbers"][0]["profile"]["profile_picture_url"]
    await number.run(after=600)
    assert simulator.get("accounts")["numbers"][0]["profile"]["profile_picture_url"] == first
    api.put("configmaps", "shop", "brand", {"logo.png": b"\x89PNG two!"})
    await number.run(after=600)
    assert simulator.get("accounts")["numbers"][0]["profile"]["profile_picture_url"] != first


async def test_a_suspended_number_is_left_alone(operator: Harness, simulator: Any, api: ApiServer) -> None:
    number = operator.number(suspend=True)
    await number.run()
    assert number.condition("Ready") == ("True", "Suspended")
    assert calls(simulator) == []
    assert api.requests == []


async def test_an_api_server_that_is_away_is_no_finding(operator: Harness, simulator: Any, api: ApiServer) -> None:
    number = operator.number()
    api.away = True
    with pytest.raises(ClusterError):
        await number.run()
