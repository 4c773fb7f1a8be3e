"""Many templates of one account: few calls, in order, within what Meta allows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from k8s.meta.budget import HOUR_SECONDS
from tests.k8s.conftest import ACCOUNT, Harness
from tests.k8s.support.templates import BODY, at_meta, calls, declared, review
from tests.simulator.support.helpers import eventually


async def test_templates_of_an_account_share_one_list(operator: Harness, waiting: Any) -> None:
    names = [f"aviso_{n}" for n in range(20)]
    texts = [{"name": name, "language": "pt_BR", "category": "UTILITY", "components": [BODY]} for name in names]
    waiting.post("templates", account_id=ACCOUNT, templates=texts)
    operator.number()
    templates = [operator.template(name, name=name) for name in names]
    for template in templates:
        await template.run(after=0.1)
    assert calls(waiting, "GET", "/message_templates") == 1
    assert {template.condition("Ready") for template in templates} == {("True", "Ready")}


async def test_the_list_of_500_costs_few_calls(operator: Harness, waiting: Any) -> None:
    names = [f"aviso_{n}" for n in range(500)]
    texts = [{"name": name, "language": "pt_BR", "category": "UTILITY", "components": [BODY]} for name in names]
    waiting.post("templates", account_id=ACCOUNT, templates=texts)
    operator.number()
    templates = [operator.template(name, name=name) for name in names]
    for template in templates:
        await template.run()
    assert {template.condition("Synced") for template in templates} == {("True", "Synced")}
    assert calls(waiting, "GET", "/message_templates") <= 6
    assert operator.meta.account(ACCOUNT).calls.left() == 200 - calls(waiting, "GET", "/message_templates")


async def test_a_long_list_is_read_less_often_while_a_review_is_followed(operator: Harness, waiting: Any) -> None:
    texts = [{"name": f"a{n}", "language": "pt_BR", "category": "UTILITY", "components": [BODY]} for n in range(500)]
    waiting.post("templates", account_id=ACCOUNT, templates=texts)
    template = declared(operator)
    await template.run()
    for _ in range(30):
        await template.run(after=60)
    review(waiting, status="APPROVED")
    assert calls(waiting, "GET", "/message_templates") <= 45  # a minute's list would have cost 186 of 200 an hour
    await template.run(after=360)
    assert template.condition("Approved") == ("True", "Approved")


async def test_a_review_is_never_followed_less_often_than_the_resync_looks(operator: Harness, waiting: Any) -> None:
    operator.context = replace(operator.context, resync_seconds=5)
    template = declared(operator)
    await template.run()
    review(waiting, status="APPROVED")
    await template.run(after=5)
    assert template.condition("Approved") == ("True", "Approved")


async def test_more_templates_than_meta_takes_in_an_hour_wait_in_order(operator: Harness, simulator: Any) -> None:
    simulator.configure(review={"seconds": 0, "creations_an_hour": 3})
    operator.number()
    templates = [operator.template(f"t{n}", name=f"t{n}") for n in range(6)]
    for template in templates:
        await template.run(after=0.1)
    assert [template.condition("Synced")[1] for template in templates] == ["Synced"] * 3 + ["Queued"] * 3
    assert [template.status.get("queuePosition") for template in templates[3:]] == [1, 2, 3]
    await templates[4].run(after=0.1)
    assert "place 2 of 3" in templates[4].message("Synced")
    assert calls(simulator, "POST", "/message_templates") == 4  # the fourth was told to wait, for all
    number = operator.number()
    await number.run()
    assert number.condition("Ready") == ("True", "Ready")  # creations have a limit of their own: reading goes on
    simulator.post("clock", advance_seconds=HOUR_SECONDS)
    operator.clock.seconds += 61  # the pause after "too many calls"
    for template in templates[3:]:
        await template.run(after=0.1)
        assert "queuePosition" not in template.status
    assert [template.condition("Synced")[1] for template in templates] == ["Synced"] * 6
    assert operator.woken[-2:] == ["shop/t4", "shop/t5"]


async def test_a_limit_of_our_own_leaves_calls_for_reading(operator: Harness, simulator: Any) -> None:
    account = operator.meta.account(ACCOUNT)
    while account.calls.left() > 200 * 0.3:
        account.calls.spend()
    template = declared(operator)
    await template.run()
    assert template.condition("Synced") == ("False", "Queued")
    assert calls(simulator, "GET", "/message_templates") == 1
    await template.run(after=HOUR_SECONDS)
    assert template.condition("Ready") == ("True", "Ready")


async def test_what_was_spent_before_a_restart_is_known_from_metas_count(operator: Harness, simulator: Any) -> None:
    number = operator.number()
    simulator.configure(usage={"calls_an_hour": 10})
    for _ in range(4):
        await number.run(after=600)  # two calls about the account
    operator.restart()
    template = declared(operator)
    await template.run()
    assert template.condition("Synced") == ("False", "Queued")
    simulator.post("clock", advance_seconds=HOUR_SECONDS)
    await template.run(after=300)
    assert template.condition("Ready") == ("True", "Ready")


async def test_while_meta_is_away_what_was_known_stays(operator: Harness, simulator: Any) -> None:
    simulator.configure(review={"seconds": 0})
    template = declared(operator)
    await template.run()
    eventually(lambda: (at_meta(simulator) or {}).get("status") == "APPROVED")
    await template.run(after=60)
    fault = simulator.fault("management", "cut", times=None)
    result = await template.run(after=600)
    assert result is not None
    assert template.condition("Ready") == ("True", "Ready")
    assert template.condition("Outdated") == ("True", "MetaUnavailable")
    assert result.next_in == 10
    operator.restart()
    await template.run(after=1201)
    assert template.condition("Ready") == ("Unknown", "MetaUnavailable")
    assert template.condition("Approved") == ("True", "Approved")
    simulator.control.delete(f"/_sim/faults/{fault}")
    await template.run(after=10)
    assert template.condition("Ready") == ("True", "Ready")
    assert not template.has("Outdated")
