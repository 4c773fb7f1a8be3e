"""Cycles of a number against the simulator's Cloud API."""

from __future__ import annotations

from typing import Any

import pytest

from k8s import channels
from k8s.cluster import ClusterError
from k8s.remote import Failed
from tests.k8s.apiserver import ApiServer
from tests.k8s.conftest import ACCOUNT, NUMBER, Operator
from tests.simulator.helpers import Business


def channel(api: ApiServer, number_id: str = NUMBER) -> dict[str, Any] | None:
    return channels.read(api.secret("shop", "operator-channels")["channels.json"]).get(number_id)


def account(simulator: Any) -> dict[str, Any]:
    return next(one for one in simulator.get("accounts")["accounts"] if one["id"] == ACCOUNT)


def calls(simulator: Any) -> list[str]:
    made = [f"{one['method']} {one['path'].rsplit('/', 1)[-1]}" for one in simulator.get("calls")["calls"]]
    return [one for one in made if "_sim" not in one]


async def test_a_new_number_is_published_subscribed_and_told_of(
    operator: Operator, simulator: Any, api: ApiServer, business: Business
) -> None:
    simulator.control.put(f"/_sim/accounts/{ACCOUNT}", json={"subscribed": False})
    number = operator.number(callback={"url": business.url}, profile={"about": "Óculos e lentes"})
    outcome = await number.run()
    assert outcome is not None
    assert number.condition("Ready") == ("True", "Ready")
    assert account(simulator)["override"] == business.url
    found = channel(api)
    assert found is not None
    assert (found["access_token"], found["app_secrets"]) == ("simulator-token", ["simulator-app-secret"])
    assert number.status["phone"]["displayNumber"] == "+55 11 3000-0000"
    assert number.status["phone"]["messagingLimit"] == "TIER_2K"
    assert number.status["token"] == {"daysLeft": "never", "appId": "300000000000003"}
    assert number.status["observedGeneration"] == 1
    assert number.status["channelsSecret"] == "operator-channels"
    assert simulator.get("accounts")["numbers"][0]["profile"]["about"] == "Óculos e lentes"
    assert {event.reason for event in outcome.events} >= {"Valid", "Published", "Subscribed", "Synced", "Healthy"}


async def test_nothing_is_asked_while_nothing_changes(operator: Operator, simulator: Any) -> None:
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
    operator: Operator, simulator: Any, api: ApiServer
) -> None:
    number = operator.number()
    await number.run()
    simulator.control.delete("/_sim/calls")
    number.change(agent={"assistant": "agent", "locale": "pt_BR", "departments": ["sales"]})
    await number.run(after=1)
    found = channel(api)
    assert found is not None
    assert found["context"] == {"departments": ["sales"]}
    assert calls(simulator) == []
    assert number.status["observedGeneration"] == 2


async def test_drift_at_metas_side_is_undone(operator: Operator, simulator: Any, business: Business) -> None:
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


async def test_a_gateway_that_starts_later_is_waited_for(operator: Operator, simulator: Any, api: ApiServer) -> None:
    receiver = Business()
    url = receiver.url
    receiver.close()
    number = operator.number(callback={"url": url})
    outcome = await number.run()
    assert outcome is not None
    assert number.condition("Ready") == ("False", "CallbackRefused")
    assert "Stalled" not in {one["type"] for one in number.status["conditions"]}
    assert channel(api) is not None  # the gateway needs the verify token to pass the check
    assert outcome.next_in == 10
    later = Business(port=int(url.split(":")[2].split("/")[0]))
    try:
        await number.run(after=10)
    finally:
        later.close()
    assert number.condition("Ready") == ("True", "Ready")


@pytest.mark.parametrize(
    ("match", "parts"),
    [({}, {"TokenValid", "Subscribed", "Healthy"}), ({"edge": "subscribed_apps"}, {"Subscribed"})],
    ids=["everything", "one call"],
)
async def test_while_meta_is_away_the_pauses_grow_and_after_three_looks_nobody_knows(
    operator: Operator, simulator: Any, match: dict[str, str], parts: set[str]
) -> None:
    number = operator.number()
    await number.run()
    well, seen_at = number.status["conditions"], number.status["lastChecked"]
    fault = simulator.fault("management", "error", code=2, status=503, times=None, match=match)
    pauses, looked = [600.0], 0.0
    while looked + pauses[-1] <= 1800:
        looked += pauses[-1]
        outcome = await number.run(after=pauses[-1])
        assert outcome is not None
        kept = [one for one in number.status["conditions"] if one["type"] != "Outdated"]
        assert kept == well  # not even a message changes
        assert number.condition("Outdated") == ("True", "MetaUnavailable")
        assert [event.reason for event in outcome.events] == ["MetaUnavailable"] * (len(pauses) == 1)
        assert number.status["lastChecked"] == seen_at
        pauses.append(number.memory.due_at - operator.clock.seconds)
    assert pauses[1:7] == [10, 20, 40, 80, 120, 120]
    await number.run(after=pauses[-1])
    assert number.condition("Ready") == ("Unknown", "MetaUnavailable")
    unknown = {one["type"] for one in number.status["conditions"] if one["status"] == "Unknown"}
    assert unknown == parts | {"Ready"}
    assert not number.has("Outdated")
    simulator.control.delete(f"/_sim/faults/{fault}")
    await number.run(after=120)
    assert number.condition("Ready") == ("True", "Ready")
    assert number.status["lastChecked"] > seen_at


async def test_one_failed_look_is_over_with_the_next_good_one(operator: Operator, simulator: Any) -> None:
    number = operator.number()
    await number.run()
    simulator.fault("management", "error", code=4, status=400)
    await number.run(after=600)
    assert number.condition("Ready") == ("True", "Ready")
    assert number.condition("Outdated") == ("True", "RateLimited")
    operator.clock.seconds += 60  # the pause after "too many calls"
    outcome = await number.run(after=10)
    assert outcome is not None
    assert outcome.events == []
    assert not number.has("Outdated")


async def test_an_operator_that_starts_while_meta_is_away_believes_the_status(
    operator: Operator, simulator: Any, api: ApiServer
) -> None:
    number = operator.number()
    await number.run()
    simulator.fault("management", "cut", times=None)
    operator.restart()
    await number.run(after=60)
    assert number.condition("Ready") == ("True", "Ready")
    operator.restart()
    api.put("secrets", "shop", "loja", {"access-token": "token-2", "app-secret": "s", "verify-token": "v"})
    await number.run(after=60)
    assert number.condition("Ready") == ("Unknown", "MetaUnavailable")
    found = channel(api)
    assert found is not None
    assert found["access_token"] == "simulator-token"


async def test_looks_that_read_nothing_do_not_count_as_looks(operator: Operator, simulator: Any) -> None:
    number = operator.number(callback={"url": "https://nowhere.invalid/webhook"})
    await number.run()
    assert number.condition("Subscribed") == ("False", "CallbackRefused")
    seen_at = number.status["lastChecked"]
    await number.run(after=60)
    assert number.condition("Subscribed") == ("False", "CallbackRefused")
    assert number.status["lastChecked"] == seen_at


async def test_a_rotated_token_is_checked_again_at_once(operator: Operator, simulator: Any, api: ApiServer) -> None:
    number = operator.number()
    await number.run()
    simulator.control.put(
        "/_sim/tokens/token-2", json={"expires_at": int(operator.clock.now().timestamp()) + 5 * 86400}
    )
    api.put("secrets", "shop", "loja", {"access-token": "token-2", "app-secret": "new,old", "verify-token": "v"})
    await number.run(after=15)
    found = channel(api)
    assert found is not None
    assert (found["access_token"], found["app_secrets"]) == ("token-2", ["new", "old"])
    assert number.condition("TokenValid") == ("True", "ExpiresSoon")
    assert number.status["token"]["daysLeft"] == "4"


async def test_a_bad_token_does_not_displace_a_good_one(operator: Operator, simulator: Any, api: ApiServer) -> None:
    number = operator.number()
    await number.run()
    api.put("secrets", "shop", "loja", {"access-token": "wrong", "app-secret": "new", "verify-token": "v"})
    outcome = await number.run(after=15)
    assert outcome is not None
    found = channel(api)
    assert found is not None
    assert (found["access_token"], found["app_secrets"]) == ("simulator-token", ["new"])
    assert number.condition("Ready") == ("False", "TokenInvalid")
    assert number.condition("Stalled") == ("True", "TokenInvalid")
    assert ("Warning", "TokenInvalid") in {(event.type, event.reason) for event in outcome.events}
    shown = str(number.status) + str(outcome.events)
    assert "wrong" not in shown
    assert "simulator-token" not in shown


async def test_a_token_that_is_revoked_is_seen_with_the_next_check(operator: Operator, simulator: Any) -> None:
    number = operator.number()
    await number.run()
    simulator.control.put("/_sim/tokens/simulator-token", json={"valid": False})
    await number.run(after=600)
    assert number.condition("TokenValid") == ("False", "TokenInvalid")
    simulator.control.put("/_sim/tokens/simulator-token", json={"valid": True})
    await number.run(after=120)
    assert number.condition("TokenValid") == ("True", "Valid")


async def test_what_meta_says_of_the_number_is_shown(operator: Operator, simulator: Any, api: ApiServer) -> None:
    number = operator.number()
    await number.run()
    errors = [{"error_code": 141006, "error_description": "No payment.", "possible_solution": "Add a card."}]
    wish = {"quality_rating": "RED", "throughput": "HIGH", "can_send_message": "BLOCKED", "health_errors": errors}
    simulator.control.put(f"/_sim/numbers/{NUMBER}", json=wish)
    await number.run(after=600)
    assert number.condition("Healthy") == ("False", "Blocked")
    assert "No payment. Add a card." in number.message("Healthy")
    assert number.condition("Ready") == ("True", "Ready")
    found = channel(api)
    assert found is not None
    assert found["messages_per_second"] == 1000


async def test_a_number_that_a_phone_uses_too_sends_slower(operator: Operator, simulator: Any, api: ApiServer) -> None:
    simulator.control.put(f"/_sim/numbers/{NUMBER}", json={"is_on_biz_app": True})
    await operator.number().run()
    found = channel(api)
    assert found is not None
    assert found["messages_per_second"] == 20


async def test_missing_and_forbidden_secrets_are_named(operator: Operator, simulator: Any, api: ApiServer) -> None:
    api.delete("secrets", "shop", "loja")
    number = operator.number()
    await number.run()
    assert number.condition("Ready") == ("False", "SecretMissing")
    assert "Secret loja" in number.message("Ready")
    api.put("secrets", "shop", "loja", {"access-token": "simulator-token", "app-secret": ""})
    await number.run(after=15)
    assert "key app-secret of Secret loja, key verify-token of Secret loja" in number.message("Ready")
    api.forbidden.add("loja")
    await number.run(after=15)
    assert "operator.secretNames" in number.message("Ready")


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        ({"access-token": " simulator-token\n"}, "Ready", "what is declared"),  # made with echo instead of printf
        ({"access-token": "simulator\ntoken"}, "TokenInvalid", "characters that no header can carry"),
        ({"access-token": b"\xff\xfe"}, "TokenInvalid", "characters that no header can carry"),
        ({"access-token": "\n"}, "SecretMissing", "key access-token of Secret loja"),
        ({"app-secret": ", ,"}, "SecretMissing", "key app-secret of Secret loja"),
        ({"verify-token": ""}, "SecretMissing", "key verify-token of Secret loja"),
    ],
)
async def test_secrets_as_people_make_them(
    operator: Operator, simulator: Any, api: ApiServer, change: dict[str, str | bytes], reason: str, words: str
) -> None:
    whole = {name: text.decode() for name, text in api.secret("shop", "loja").items()}
    api.put("secrets", "shop", "loja", {**whole, **change})
    number = operator.number()
    await number.run()
    assert number.condition("Ready")[1] == reason
    assert words in number.message("Ready")
    api.put("secrets", "shop", "loja", dict(whole))
    await number.run(after=15)
    assert number.condition("Ready") == ("True", "Ready")


async def test_a_number_that_is_lost_to_the_token_is_found_again(operator: Operator, simulator: Any) -> None:
    number = operator.number()
    await number.run()
    simulator.fault("management", "error", code=190, status=401, times=None, match={"edge": "node"})
    await number.run(after=600)
    assert number.condition("TokenValid") == ("False", "NoAccess")
    assert number.condition("Stalled") == ("True", "NoAccess")
    simulator.control.delete("/_sim/faults")
    await number.run(after=120)
    assert number.condition("Ready") == ("True", "Ready")
    assert not number.has("Stalled")


async def test_two_numbers_share_the_channels_file(operator: Operator, simulator: Any, api: ApiServer) -> None:
    simulator.control.put("/_sim/numbers/100000000000009", json={})
    first, second = operator.number("loja"), operator.number("filial", phoneNumberId="100000000000009")
    await first.run()
    await second.run()
    assert channel(api) is not None
    assert channel(api, "100000000000009") is not None
    operator.undeclare("filial")
    assert await second.forget() is None
    assert channel(api, "100000000000009") is None
    assert channel(api) is not None


async def test_a_channel_is_written_although_others_write_too(
    operator: Operator, simulator: Any, api: ApiServer
) -> None:
    api.put("secrets", "shop", "operator-channels", {"channels.json": '{"channels": []}', "notes": "kept"})
    api.rivals = 2
    number = operator.number()
    await number.run()
    assert number.condition("Published") == ("True", "Published")
    assert api.secret("shop", "operator-channels")["notes"] == b"kept"


async def test_of_two_that_declare_the_same_number_the_first_has_it(
    operator: Operator, simulator: Any, api: ApiServer
) -> None:
    first = operator.number()
    second = operator.number("outro", agent={"departments": ["sales"]})
    await first.run()
    simulator.control.delete("/_sim/calls")
    await second.run()
    assert second.condition("Ready") == ("False", "DeclaredTwice")
    assert calls(simulator) == []
    found = channel(api)
    assert found is not None
    assert found["context"] == {}
    operator.undeclare("loja")
    assert await first.forget() is None
    await second.run(after=120)
    assert second.condition("Ready") == ("True", "Ready")
    found = channel(api)
    assert found is not None
    assert found["context"] == {"departments": ["sales"]}


async def test_callbacks_that_contradict_each_other_are_told_of(
    operator: Operator, simulator: Any, business: Business
) -> None:
    operator.number("filial", phoneNumberId="100000000000009", callback={"url": "https://b.example.com/"})
    number = operator.number(callback={"url": "https://a.example.com/"})
    await number.run()
    assert number.condition("Subscribed") == ("False", "CallbackConflict")
    assert account(simulator)["override"] is None
    operator.number("filial", phoneNumberId="100000000000009", callback={"url": business.url})
    number.change(callback={"url": business.url})
    await number.run(after=1)
    assert number.condition("Subscribed") == ("True", "Subscribed")


async def test_a_conflict_that_another_number_ends_is_over_within_two_minutes(
    operator: Operator, simulator: Any, business: Business
) -> None:
    other = operator.number("filial", phoneNumberId="100000000000009", callback={"url": "https://b.example.com/"})
    number = operator.number(callback={"url": business.url})
    await number.run()
    other.change(callback={"url": business.url})
    simulator.control.delete("/_sim/calls")
    await number.run(after=120)
    assert number.condition("Subscribed") == ("True", "Subscribed")
    assert calls(simulator) == ["POST subscribed_apps"]  # nothing was read again for it


async def test_a_picture_is_uploaded_when_its_content_changes(
    operator: Operator, simulator: Any, api: ApiServer
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


async def test_a_suspended_number_is_left_alone(operator: Operator, simulator: Any, api: ApiServer) -> None:
    number = operator.number(suspend=True)
    await number.run()
    assert number.condition("Ready") == ("True", "Suspended")
    assert calls(simulator) == []
    assert api.requests == []


async def test_deleting_a_number_leaves_meta_as_it_is_unless_asked(
    operator: Operator, simulator: Any, api: ApiServer, business: Business
) -> None:
    number = operator.number(callback={"url": business.url})
    await number.run()
    operator.undeclare("loja")
    assert await number.forget() is None
    assert channel(api) is None
    assert account(simulator)["subscribed"]
    number.change(deletionPolicy="Delete")
    assert await number.forget() is None
    assert not account(simulator)["subscribed"]


async def test_deletion_waits_for_meta(operator: Operator, simulator: Any) -> None:
    number = operator.number(deletionPolicy="Delete")
    await number.run()
    operator.undeclare("loja")
    simulator.fault("management", "error", code=2, status=503)
    with pytest.raises(Failed) as failed:
        await number.forget()
    assert failed.value.problem.reason == "MetaUnavailable"
    assert await number.forget() is None


async def test_deletion_does_not_wait_for_a_secret_that_went_with_the_namespace(
    operator: Operator, simulator: Any, api: ApiServer
) -> None:
    number = operator.number(deletionPolicy="Delete")
    await number.run()
    operator.undeclare("loja")
    api.delete("secrets", "shop", "loja")
    api.delete("secrets", "shop", "operator-channels")
    assert "stays subscribed at Meta" in str(await number.forget())


async def test_an_api_server_that_is_away_is_no_finding(operator: Operator, simulator: Any, api: ApiServer) -> None:
    number = operator.number()
    api.away = True
    with pytest.raises(ClusterError):
        await number.run()
