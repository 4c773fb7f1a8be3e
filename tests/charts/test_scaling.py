"""Autoscaling: the components, their metrics and their pace."""

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from gateway.store.migrate import migrate
from graph.business.postgres import POOL_SIZE
from graph.server.persistence import CHECKPOINT_POOL_SIZE, STORE_POOL_SIZE
from tests.charts import chart


@pytest.mark.parametrize(("name", "component"), [("demo", "gateway"), ("licensed", "agent")])
def test_http_scales_on_cpu_up_fast_and_down_slowly(name: str, component: str) -> None:
    spec = chart.pick(chart.scenario(name), "HorizontalPodAutoscaler", component)["spec"]
    assert spec["minReplicas"] >= 2
    assert spec["metrics"][0]["containerResource"]["name"] == "cpu"
    assert_behaviour(spec["behavior"])


def test_workers_scale_on_due_conversations() -> None:
    objects = chart.scenario("external")
    spec = chart.pick(objects, "ScaledObject", "worker")["spec"]
    assert spec["minReplicaCount"] == 2
    assert all(one["useCachedMetrics"] for one in spec["triggers"])  # or each of KEDA's two loops asks the database
    assert spec["fallback"] == {"failureThreshold": 3, "replicas": 2, "behavior": "currentReplicasIfHigher"}
    assert_behaviour(spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"])
    assert spec["triggers"][0]["metadata"]["targetQueryValue"] == "100"
    login = chart.pick(objects, "TriggerAuthentication", "worker")["spec"]["secretTargetRef"]
    assert login == [{"parameter": "connection", "name": "postgres", "key": "uri"}]


def test_due_conversations_are_counted_waiting_or_being_answered(new_database: Callable[..., str]) -> None:
    query = chart.pick(chart.scenario("external"), "ScaledObject", "worker")["spec"]["triggers"][0]["metadata"]["query"]
    url = new_database()
    migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        contact = connection.execute("INSERT INTO contact (name) VALUES ('x') RETURNING id").fetchone()
        assert contact is not None
        for channel, holder, due, leased in (
            ("waits", "agent", "now() - interval '1 s'", "NULL"),
            ("runs", "agent", "now() - interval '9 s'", "now() + interval '9 s'"),
            ("later", "agent", "now() + interval '9 s'", "NULL"),
            ("idle", "agent", "NULL", "NULL"),
            ("held by a person", "person", "now()", "NULL"),
        ):
            connection.execute(
                "INSERT INTO conversation (channel_id, contact_id, holder, due_at, lease_until)"
                f" VALUES (%s, %s, %s, {due}, {leased})",
                [channel, contact[0], holder],
            )
        assert connection.execute(query).fetchone() == (2,)


def test_queue_workers_scale_on_pending_and_running_together_and_down_to_zero() -> None:
    spec = chart.pick(chart.scenario("licensed"), "ScaledObject", "agent-queue")["spec"]
    assert spec["minReplicaCount"] == 0
    assert spec["advanced"]["scalingModifiers"] == {
        "formula": "pending + running", "target": "10", "metricType": "AverageValue",
    }  # fmt: skip
    locations = {one["name"]: one["metadata"]["valueLocation"] for one in spec["triggers"]}
    assert locations == {"pending": "queue.n_pending", "running": "queue.n_running"}
    url = spec["triggers"][0]["metadata"]["url"]
    assert url == "http://wa-whatsapp-agent-agent.shop.svc:8000/metrics?format=json"


def test_open_agent_servers_scale_on_runs_where_keda_is_and_else_on_cpu() -> None:
    values = {"agent.autoscaling.enabled": True}
    without = chart.with_values(values)
    spec = chart.pick(without, "HorizontalPodAutoscaler", "agent")["spec"]
    assert spec["scaleTargetRef"]["kind"] == "StatefulSet"
    assert_behaviour(spec["behavior"])
    found = chart.with_values(values, apis=("keda.sh/v1alpha1",))
    spec = chart.pick(found, "ScaledObject", "agent")["spec"]
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "wa-whatsapp-agent-agent"}
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (2, 10)
    assert spec["triggers"][0]["metadata"]["targetQueryValue"] == "30"
    assert_behaviour(spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"])
    for objects in (without, found):
        assert "replicas" not in chart.pick(objects, "StatefulSet", "agent")["spec"]
    assert not [
        one
        for one in found
        if one["kind"] == "HorizontalPodAutoscaler" and "agent" in one["metadata"]["name"].rpartition("-")[2]
    ]


def test_turns_at_the_agent_servers_are_counted(new_database: Callable[..., str]) -> None:
    objects = chart.with_values({"agent.autoscaling.enabled": True}, apis=("keda.sh/v1alpha1",))
    query = chart.pick(objects, "ScaledObject", "agent")["spec"]["triggers"][0]["metadata"]["query"]
    url = new_database()
    migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        for state, posted in (("open", "now()"), ("open", "NULL"), ("done", "now()")):
            connection.execute(
                "WITH c AS (INSERT INTO contact (name) VALUES ('x') RETURNING id),"
                " v AS (INSERT INTO conversation (channel_id, contact_id) SELECT '1', id FROM c RETURNING id)"
                f" INSERT INTO turn (conversation_id, state, posted_at) SELECT id, '{state}', {posted} FROM v"
            )
        assert connection.execute(query).fetchone() == (1,)


def test_zero_means_zero() -> None:
    """Helm's `default` would take it for nothing said."""
    objects = chart.with_values({"agent.queue.replicas": 0, "gateway.preStopSeconds": 0}, "licensed-dev")
    assert chart.pick(objects, "Deployment", "agent-queue")["spec"]["replicas"] == 0
    main = chart.pick(objects, "Deployment", "gateway")["spec"]["template"]["spec"]["containers"][0]
    assert "lifecycle" not in main
    entry = chart.pick(chart.scenario("first-try"), "ConfigMap", "channel")["data"]["channels.json"]
    assert json.loads(entry)["channels"][0]["quiet_period_seconds"] == 0


def test_keda_is_used_where_it_is() -> None:
    without = chart.pick(chart.scenario("demo"), "Deployment", "worker")
    assert without["spec"]["replicas"] == 2
    found = chart.scenario("demo", apis=("keda.sh/v1alpha1",))
    assert chart.pick(found, "ScaledObject", "worker")
    assert "replicas" not in chart.pick(found, "Deployment", "worker")["spec"]
    declined = chart.scenario("demo", "--set", "worker.autoscaling.enabled=false", apis=("keda.sh/v1alpha1",))
    assert not [one for one in declined if one["kind"] == "ScaledObject"]


def test_the_database_of_the_chart_takes_as_many_connections_as_all_may_open() -> None:
    objects = chart.scenario("demo", apis=("keda.sh/v1alpha1",))
    server = chart.pick(objects, "StatefulSet", "postgres")["spec"]["template"]["spec"]["containers"][0]
    allowed = int(server["args"][-1].removeprefix("max_connections="))
    gateways = 1 + chart.pick(objects, "HorizontalPodAutoscaler", "gateway")["spec"]["maxReplicas"]  # one in a rollout
    workers = 1 + chart.pick(objects, "ScaledObject", "worker")["spec"]["maxReplicaCount"]
    pools = [int(chart.environment(objects, one)["DATABASE_POOL_SIZE"]) for one in ("gateway", "worker", "console")]
    consoles = 1 + chart.pick(objects, "Deployment", "console")["spec"]["replicas"]
    listening = 1  # a worker's or a console's connection for NOTIFY
    servers = 3  # agent.replicas up to this
    agents = servers * (CHECKPOINT_POOL_SIZE + STORE_POOL_SIZE + POOL_SIZE)
    others = 3 + 10  # kept for the superuser; KEDA, Jobs, you
    people = consoles * (pools[2] + listening)
    assert gateways * pools[0] + workers * (pools[1] + listening) + people + agents + others <= allowed


def assert_behaviour(behaviour: dict[str, Any]) -> None:
    assert behaviour["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert behaviour["scaleDown"]["stabilizationWindowSeconds"] == 300
    assert behaviour["scaleDown"]["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 60}]
