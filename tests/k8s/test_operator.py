"""The running operator without kopf: cycles with their statuses written, schedules, gauges, settings."""

from __future__ import annotations

import asyncio
from typing import Any

import kopf
import pytest
from prometheus_client import REGISTRY

from k8s.handlers import FINALIZER, configure
from k8s.model.declarations import Declarations
from k8s.operator import NUMBERS, TEMPLATES, Operator
from k8s.resource import Resource, Schedule, backoff
from k8s.settings import Settings
from tests.k8s.conftest import NUMBER_SPEC, TEMPLATE_SPEC, Harness
from tests.k8s.support.apiserver import ApiServer


@pytest.fixture
def running(operator: Harness) -> Operator:
    return Operator(Settings(_env_file=None), operator.meta, operator.cluster)  # type: ignore[call-arg]


def number(**spec: Any) -> Resource:
    return Resource("shop", "loja", 3, {**NUMBER_SPEC, **spec}, {"observedGeneration": -1, "gone": 1})


async def test_a_cycle_writes_its_status_as_a_patch(running: Operator, api: ApiServer) -> None:
    runtime = running.runtime(NUMBERS, "shop/loja", "uid-1")
    result = await running.reconcile(NUMBERS, runtime, number(), Declarations({}, {}))
    assert result is not None
    [(name, patch)] = api.patches
    assert name == "loja"
    assert (patch["observedGeneration"], patch["gone"]) == (3, None)
    assert runtime.status == result.status
    assert runtime.schedule.next_in == 15
    again = Resource("shop", "loja", 3, NUMBER_SPEC, runtime.status)
    assert await running.reconcile(NUMBERS, runtime, again, Declarations({}, {})) is None
    assert len(api.patches) == 1


async def test_a_cluster_that_is_away_is_asked_again_after_a_growing_pause(running: Operator, api: ApiServer) -> None:
    runtime = running.runtime(NUMBERS, "shop/loja", "uid-1")
    api.away = True
    for pause in (10, 20, 40):
        assert await running.reconcile(NUMBERS, runtime, number(), Declarations({}, {})) is None
        assert runtime.schedule.next_in == pause


async def test_a_spec_that_cannot_be_read_says_so_in_the_status(running: Operator, api: ApiServer) -> None:
    runtime = running.runtime(TEMPLATES, "shop/t", "uid-1")
    broken = Resource("shop", "t", 1, {**TEMPLATE_SPEC, "components": 1}, {})
    result = await running.reconcile(TEMPLATES, runtime, broken, Declarations({}, {}))
    assert result is not None
    conditions = {one["type"]: one for one in result.status["conditions"]}
    assert conditions["Ready"]["reason"] == conditions["Stalled"]["reason"] == "InvalidSpec"
    assert "spec.components" in conditions["Ready"]["message"]


async def test_a_resource_that_went_while_its_cycle_ran_is_no_error(running: Operator, api: ApiServer) -> None:
    api.gone = True
    runtime = running.runtime(NUMBERS, "shop/loja", "uid-1")
    assert await running.reconcile(NUMBERS, runtime, number(), Declarations({}, {})) is not None


async def test_another_resource_of_the_same_name_starts_anew(running: Operator) -> None:
    first = running.runtime(NUMBERS, "shop/loja", "uid-1")
    assert running.runtime(NUMBERS, "shop/loja", "uid-1") is first
    assert running.runtime(NUMBERS, "shop/loja", "uid-2") is not first


async def test_gauges_show_what_the_statuses_say(running: Operator) -> None:
    runtime = running.runtime(NUMBERS, "shop/loja", "uid-1")
    runtime.status = {
        "conditions": [{"type": "Ready", "status": "True"}],
        "token": {"daysLeft": "12"},
        "phone": {"quality": "YELLOW"},
    }
    running.runtime(TEMPLATES, "shop/t", "uid-2").status = {"state": "PAUSED"}
    running.collect()
    labels = {"namespace": "shop", "name": "loja"}
    assert REGISTRY.get_sample_value("whatsapp_operator_token_days_left", labels) == 12
    assert REGISTRY.get_sample_value("whatsapp_operator_number_quality", labels) == 2
    ready = {"kind": "whatsappnumbers", "ready": "True"}
    assert REGISTRY.get_sample_value("whatsapp_operator_resources", ready) == 1
    assert REGISTRY.get_sample_value("whatsapp_operator_templates", {"state": "PAUSED"}) == 1
    running.drop(NUMBERS, "shop/loja")
    running.collect()
    assert REGISTRY.get_sample_value("whatsapp_operator_token_days_left", labels) is None


async def test_a_schedule_waits_until_it_is_woken_or_stopped() -> None:
    never, stop = asyncio.Event(), asyncio.Event()
    schedule = Schedule()
    await schedule.wait(never.wait)  # the first cycle comes at once
    schedule.next_in = 3600
    waiting = asyncio.ensure_future(schedule.wait(never.wait))
    await asyncio.sleep(0)
    assert not waiting.done()
    schedule.wake()
    await waiting
    stop.set()
    await schedule.wait(stop.wait)
    schedule.next_in = 0
    await schedule.wait(never.wait)


async def test_templates_of_a_namespace_are_woken_together(running: Operator) -> None:
    here, there = running.runtime(TEMPLATES, "shop/t", "1"), running.runtime(TEMPLATES, "other/t", "2")
    for runtime in (here, there):
        runtime.schedule.next_in = 3600
        await runtime.schedule.wait(asyncio.Event().wait)
    running.wake_templates("shop")
    await here.schedule.wait(asyncio.Event().wait)
    waiting = asyncio.ensure_future(there.schedule.wait(asyncio.Event().wait))
    await asyncio.sleep(0)
    assert not waiting.done()
    there.schedule.wake()
    await waiting


async def test_without_definitions_the_operator_says_what_to_do(operator: Harness, api: ApiServer) -> None:
    await operator.cluster.check_definitions()
    api.defined = False
    with pytest.raises(RuntimeError, match="kubectl apply -f k8s/crds"):
        await operator.cluster.check_definitions()


def test_kopf_leaves_nobody_elses_marks() -> None:
    settings = kopf.OperatorSettings()
    configure(settings)
    assert settings.persistence.finalizer == FINALIZER == "operator.whatsapp-agent.io/finalizer"
    assert settings.watching.server_timeout
    assert settings.watching.client_timeout
    assert settings.scanning.disabled


def test_namespaces_come_from_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPERATOR_NAMESPACES", "shop, lab,")
    assert Settings(_env_file=None).namespaces() == ["shop", "lab"]  # type: ignore[call-arg]
    monkeypatch.delenv("OPERATOR_NAMESPACES")
    assert Settings(_env_file=None).namespaces() == ["default"]  # type: ignore[call-arg]


def test_backoff_goes_from_ten_seconds_to_two_minutes() -> None:
    assert [backoff(n) for n in range(1, 8)] == [10, 20, 40, 80, 120, 120, 120]
    assert backoff(10_000) == 120
