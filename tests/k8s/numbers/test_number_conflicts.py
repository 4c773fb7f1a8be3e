"""Numbers that are deleted, and numbers that contradict each other."""

from __future__ import annotations

from typing import Any

import pytest

from k8s.meta.session import MetaError
from tests.k8s.conftest import NUMBER_SPEC, Harness
from tests.k8s.support.apiserver import ApiServer
from tests.k8s.support.numbers import account, calls, channel_entry
from tests.simulator.support.helpers import Business


async def test_of_two_that_declare_the_same_number_the_first_has_it(
    operator: Harness, simulator: Any, api: ApiServer
) -> None:
    first = operator.number()
    second = operator.number("outro", agent={"departments": ["sales"]})
    await first.run()
    simulator.control.delete("/_sim/calls")
    await second.run()
    assert second.condition("Ready") == ("False", "DeclaredTwice")
    assert calls(simulator) == []
    found = channel_entry(api)
    assert found is not None
    assert found["context"] == {}
    operator.undeclare("loja")
    assert await first.clean_up() is None
    await second.run(after=120)
    assert second.condition("Ready") == ("True", "Ready")
    found = channel_entry(api)
    assert found is not None
    assert found["context"] == {"departments": ["sales"]}


@pytest.mark.parametrize(
    "url",
    ["https://evil.example/webhook", "https://a.example.com@evil.example/", "https://evil.example\\@a.example.com/"],
)
async def test_the_verify_token_is_sent_to_no_other_host(operator: Harness, simulator: Any, url: str) -> None:
    number = operator.number(callback={"url": url})
    await number.run()
    assert number.condition("Subscribed") == ("False", "CallbackNotAllowed")
    assert account(simulator)["override"] is None
    assert not [call for call in calls(simulator) if "subscribed_apps" in call and call.startswith("POST")]


async def test_another_secret_is_never_sent_as_the_verify_token(
    operator: Harness, simulator: Any, business: Business
) -> None:
    keys = {**NUMBER_SPEC["credentials"], "verifyToken": {"name": "loja", "key": "access-token"}}
    number = operator.number(callback={"url": business.url}, credentials=keys)
    await number.run()
    assert number.condition("Ready") == ("False", "SecretMissing")
    assert "the key of a verify token ends with verify-token" in number.message("Ready")
    assert account(simulator)["override"] is None


async def test_callbacks_that_contradict_each_other_are_told_of(
    operator: Harness, simulator: Any, business: Business
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
    operator: Harness, simulator: Any, business: Business
) -> None:
    other = operator.number("filial", phoneNumberId="100000000000009", callback={"url": "https://b.example.com/"})
    number = operator.number(callback={"url": business.url})
    await number.run()
    other.change(callback={"url": business.url})
    simulator.control.delete("/_sim/calls")
    await number.run(after=120)
    assert number.condition("Subscribed") == ("True", "Subscribed")
    assert calls(simulator) == ["POST subscribed_apps"]  # nothing was read again for it


async def test_deleting_a_number_leaves_meta_as_it_is_unless_asked(
    operator: Harness, simulator: Any, api: ApiServer, business: Business
) -> None:
    number = operator.number(callback={"url": business.url})
    await number.run()
    operator.undeclare("loja")
    assert await number.clean_up() is None
    assert channel_entry(api) is None
    assert account(simulator)["subscribed"]
    number.change(deletionPolicy="Delete")
    assert await number.clean_up() is None
    assert not account(simulator)["subscribed"]


async def test_deletion_waits_for_meta(operator: Harness, simulator: Any) -> None:
    number = operator.number(deletionPolicy="Delete")
    await number.run()
    operator.undeclare("loja")
    simulator.fault("management", "error", code=2, status=503)
    with pytest.raises(MetaError) as failed:
        await number.clean_up()
    assert failed.value.problem.reason == "MetaUnavailable"
    assert await number.clean_up() is None
