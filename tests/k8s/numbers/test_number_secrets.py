"""Tokens and Secrets of a number: rotated, revoked, missing, as people make them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.k8s.conftest import Harness
from tests.k8s.support.apiserver import ApiServer
from tests.k8s.support.numbers import channel_entry


async def test_a_rotated_token_is_checked_again_at_once(operator: Harness, simulator: Any, api: ApiServer) -> None:
    number = operator.number()
    await number.run()
    simulator.control.put(
        "/_sim/tokens/token-2", json={"expires_at": int(operator.clock.now().timestamp()) + 5 * 86400}
    )
    api.put("secrets", "shop", "loja", {"access-token": "token-2", "app-secret": "new,old", "verify-token": "v" * 16})
    await number.run(after=15)
    found = channel_entry(api)
    assert found is not None
    assert (found["access_token"], found["app_secrets"]) == ("token-2", ["new", "old"])
    assert number.condition("TokenValid") == ("True", "ExpiresSoon")
    assert number.status["token"]["daysLeft"] == "4"


async def test_a_bad_token_does_not_displace_a_good_one(operator: Harness, simulator: Any, api: ApiServer) -> None:
    number = operator.number()
    await number.run()
    api.put("secrets", "shop", "loja", {"access-token": "wrong", "app-secret": "new", "verify-token": "v" * 16})
    result = await number.run(after=15)
    assert result is not None
    found = channel_entry(api)
    assert found is not None
    assert (found["access_token"], found["app_secrets"]) == ("simulator-token", ["new"])
    assert number.condition("Ready") == ("False", "TokenInvalid")
    assert number.condition("Stalled") == ("True", "TokenInvalid")
    assert ("Warning", "TokenInvalid") in {(event.type, event.reason) for event in result.events}
    shown = str(number.status) + str(result.events)
    assert "wrong" not in shown
    assert "simulator-token" not in shown


async def test_a_token_that_is_revoked_is_seen_with_the_next_check(operator: Harness, simulator: Any) -> None:
    number = operator.number()
    await number.run()
    simulator.control.put("/_sim/tokens/simulator-token", json={"valid": False})
    await number.run(after=600)
    assert number.condition("TokenValid") == ("False", "TokenInvalid")
    simulator.control.put("/_sim/tokens/simulator-token", json={"valid": True})
    await number.run(after=120)
    assert number.condition("TokenValid") == ("True", "Valid")


async def test_missing_and_forbidden_secrets_are_named(operator: Harness, simulator: Any, api: ApiServer) -> None:
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
        ({"verify-token": "v" * 15}, "SecretMissing", "a verify token has at least 16 characters: openssl rand"),
    ],
)
async def test_secrets_as_people_make_them(
    operator: Harness, simulator: Any, api: ApiServer, change: dict[str, str | bytes], reason: str, words: str
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


async def test_a_number_that_is_lost_to_the_token_is_found_again(operator: Harness, simulator: Any) -> None:
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


async def test_deletion_does_not_wait_for_a_secret_that_went_with_the_namespace(
    operator: Harness, simulator: Any, api: ApiServer
) -> None:
    number = operator.number(deletionPolicy="Delete")
    await number.run()
    operator.undeclare("loja")
    api.delete("secrets", "shop", "loja")
    api.delete("secrets", "shop", "operator-channels")
    assert "stays subscribed at Meta" in str(await number.clean_up())
