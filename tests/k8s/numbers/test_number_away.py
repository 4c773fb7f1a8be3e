"""A number while Meta cannot be read: the conditions last seen stay for a while."""

from __future__ import annotations

from typing import Any

import pytest

from tests.k8s.conftest import Harness
from tests.k8s.support.apiserver import ApiServer
from tests.k8s.support.numbers import channel_entry


@pytest.mark.parametrize(
    ("match", "parts"),
    [({}, {"TokenValid", "Subscribed", "Healthy"}), ({"edge": "subscribed_apps"}, {"Subscribed"})],
    ids=["everything", "one call"],
)
async def test_while_meta_is_away_the_pauses_grow_and_after_three_looks_nobody_knows(
    operator: Harness, simulator: Any, match: dict[str, str], parts: set[str]
) -> None:
    number = operator.number()
    await number.run()
    well, seen_at = number.status["conditions"], number.status["lastChecked"]
    fault = simulator.fault("management", "error", code=2, status=503, times=None, match=match)
    pauses, looked = [600.0], 0.0
    while looked + pauses[-1] <= 1800:
        looked += pauses[-1]
        result = await number.run(after=pauses[-1])
        assert result is not None
        kept = [one for one in number.status["conditions"] if one["type"] != "Outdated"]
        assert kept == well  # not even a message changes
        assert number.condition("Outdated") == ("True", "MetaUnavailable")
        assert [event.reason for event in result.events] == ["MetaUnavailable"] * (len(pauses) == 1)
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


async def test_one_failed_look_is_over_with_the_next_good_one(operator: Harness, simulator: Any) -> None:
    number = operator.number()
    await number.run()
    simulator.fault("management", "error", code=4, status=400)
    await number.run(after=600)
    assert number.condition("Ready") == ("True", "Ready")
    assert number.condition("Outdated") == ("True", "RateLimited")
    operator.clock.seconds += 60  # the pause after "too many calls"
    result = await number.run(after=10)
    assert result is not None
    assert result.events == []
    assert not number.has("Outdated")


async def test_an_operator_that_starts_while_meta_is_away_believes_the_status(
    operator: Harness, simulator: Any, api: ApiServer
) -> None:
    number = operator.number()
    await number.run()
    simulator.fault("management", "cut", times=None)
    operator.restart()
    await number.run(after=60)
    assert number.condition("Ready") == ("True", "Ready")
    operator.restart()
    api.put("secrets", "shop", "loja", {"access-token": "token-2", "app-secret": "s", "verify-token": "v" * 16})
    await number.run(after=60)
    assert number.condition("Ready") == ("Unknown", "MetaUnavailable")
    found = channel_entry(api)
    assert found is not None
    assert found["access_token"] == "simulator-token"


async def test_looks_that_read_nothing_do_not_count_as_looks(operator: Harness, simulator: Any) -> None:
    number = operator.number(callback={"url": "https://nowhere.invalid/webhook"})
    await number.run()
    assert number.condition("Subscribed") == ("False", "CallbackRefused")
    seen_at = number.status["lastChecked"]
    await number.run(after=60)
    assert number.condition("Subscribed") == ("False", "CallbackRefused")
    assert number.status["lastChecked"] == seen_at
