"""The running operator without kopf: cycles with their statuses written, paces, gauges, settings."""

from __future__ import annotations

import asyncio
from typing import Any

import kopf
import pytest
from prometheus_client import REGISTRY

from k8s.handlers import FINALIZER, configure
from k8s.model.declarations import Declarations
from k8s.operator import NUMBERS, TEMPLATES, State
from k8s.resource import Pace, Resource
from k8s.settings import Settings
from tests.k8s.conftest import NUMBER_SPEC, TEMPLATE_SPEC, Operator
from tests.k8s.support.apiserver import ApiServer


@pytest.fixture
def state(operator: Operator) -> State:
    return State(Settings(_env_file=None), operator.meta, operator.cluster)  # type: ignore[call-arg]


def number(**spec: Any) -> Resource:
    return Resource("shop", "loja", 3, {**NUMBER_SPEC, **spec}, {"observedGeneration": -1, "gone": 1})


async def test_a_cycle_writes_its_status_as_a_patch(state: State, api: ApiServer) -> None:
    live = state.live(NUMBERS, "shop/loja", "uid-1")
    outcome = await state.reconcile(NUMBERS, live, number(), Declarations({}, {}))
    assert outcome is not None
    [(name, patch)] = api.patches
    assert name == "loja"
    assert (patch["observedGeneration"], patch["gone"]) == (3, None)
    assert live.status == outcome.status
    assert live.pace.next_in == 15
    again = Resource("shop", "loja", 3, NUMBER_SPEC, live.status)
    assert await state.reconcile(NUMBERS, live, again, Declarations({}, {})) is None
    assert len(api.patches) == 1


async def test_a_cluster_that_is_away_is_asked_again_after_a_growing_pause(state: State, api: ApiServer) -> None:
    live = state.live(NUMBERS, "shop/loja", "uid-1")
    api.away = True
    for pause in (10, 20, 40):
        assert await state.reconcile(NUMBERS, live, number(), Declarations({}, {})) is None
        assert live.pace.next_in == pause


async def test_a_spec_that_cannot_be_read_says_so_in_the_status(state: State, api: ApiServer) -> None:
    live = state.live(TEMPLATES, "shop/t", "uid-1")
    broken = Resource("shop", "t", 1, {**TEMPLATE_SPEC, "components": 1}, {})
    outcome = await state.reconcile(TEMPLATES, live, broken, Declarations({}, {}))
    assert outcome is not None
    conditions = {one["type"]: one for one in outcome.status["conditions"]}
    assert conditions["Ready"]["reason"] == conditions["Stalled"]["reason"] == "InvalidSpec"
    assert "spec.components" in conditions["Ready"]["message"]


async def test_a_resource_that_went_while_its_cycle_ran_is_no_error(state: State, api: ApiServer) -> None:
    api.gone = True
    live = state.live(NUMBERS, "shop/loja", "uid-1")
    assert await state.reconcile(NUMBERS, live, number(), Declarations({}, {})) is not None


async def test_another_resource_of_the_same_name_starts_anew(state: State) -> None:
    first = state.live(NUMBERS, "shop/loja", "uid-1")
    assert state.live(NUMBERS, "shop/loja", "uid-1") is first
    assert state.live(NUMBERS, "shop/loja", "uid-2") is not first


async def test_gauges_show_what_the_statuses_say(state: State) -> None:
    live = state.live(NUMBERS, "shop/loja", "uid-1")
    live.status = {
        "conditions": [{"type": "Ready", "status": "True"}],
        "token": {"daysLeft": "12"},
        "phone": {"quality": "YELLOW"},
    }
    state.live(TEMPLATES, "shop/t", "uid-2").status = {"state": "PAUSED"}
    state.collect()
    labels = {"namespace": "shop", "name": "loja"}
    assert REGISTRY.get_sample_value("whatsapp_operator_token_days_left", labels) == 12
    assert REGISTRY.get_sample_value("whatsapp_operator_number_quality", labels) == 2
    ready = {"kind": "whatsappnumbers", "ready": "True"}
    assert REGISTRY.get_sample_value("whatsapp_operator_resources", ready) == 1
    assert REGISTRY.get_sample_value("whatsapp_operator_templates", {"state": "PAUSED"}) == 1
    state.drop(NUMBERS, "shop/loja")
    state.collect()
    assert REGISTRY.get_sample_value("whatsapp_operator_token_days_left", labels) is None


async def test_a_pace_waits_until_it_is_woken_or_stopped() -> None:
    never, stop = asyncio.Event(), asyncio.Event()
    pace = Pace()
    await pace.wait(never.wait)  # the first cycle comes at once
    pace.next_in = 3600
    waiting = asyncio.ensure_future(pace.wait(never.wait))
    await asyncio.sleep(0)
    assert not waiting.done()
    pace.wake()
    await waiting
    stop.set()
    await pace.wait(stop.wait)
    pace.next_in = 0
    await pace.wait(never.wait)


async def test_templates_of_a_namespace_are_woken_together(state: State) -> None:
    here, there = state.live(TEMPLATES, "shop/t", "1"), state.live(TEMPLATES, "other/t", "2")
    for live in (here, there):
        live.pace.next_in = 3600
        await live.pace.wait(asyncio.Event().wait)
    state.wake_templates("shop")
    await here.pace.wait(asyncio.Event().wait)
    waiting = asyncio.ensure_future(there.pace.wait(asyncio.Event().wait))
    await asyncio.sleep(0)
    assert not waiting.done()
    there.pace.wake()
    await waiting


async def test_without_definitions_the_operator_says_what_to_do(operator: Operator, api: ApiServer) -> None:
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
