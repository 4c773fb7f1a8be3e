"""Closed both ways, but for exactly the flows that are needed."""

import pytest

from tests.charts import chart
from tests.charts.network import NAMESPACE, Network, Outside, Pod

PORTS = {22, 53, 80, 443, 2024, 5432, 6379, 6443, 8000, 8001, 8002, 8003, 8004, 8080, 8100}
DEMO = {
    ("simulator", "gateway", 8000),
    ("agent", "gateway", 8003),
    ("test", "gateway", 8000),
    ("worker", "agent", 2024),
    ("console", "agent", 2024),
    ("worker", "simulator", 8100),
    ("operator", "simulator", 8100),
    ("agent", "simulator", 8100),
    ("worker", "redis", 6379),
    *((one, "postgres", 5432) for one in ("gateway", "worker", "console", "agent", "migrate", "business", "test")),
}
META, MODEL_V6 = Outside("157.240.12.53"), Outside("2606:4700::6812:1")
NOT_THE_INTERNET = [
    Outside(address)
    for address in ("10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "127.0.0.1", "0.0.0.1",
                    "198.18.0.1", "224.0.0.1", "255.255.255.255", "::1", "fd00:ec2::254", "fe80::1", "::ffff:10.0.0.1")
]  # fmt: skip
DNS = Pod({"k8s-app": "kube-dns"}, {"kubernetes.io/metadata.name": "kube-system"})
NODE_LOCAL_DNS = Outside("169.254.20.10")
STRANGER = Pod({}, NAMESPACE)
CONTROLLER = Pod({}, {"kubernetes.io/metadata.name": "ingress"})
KEDA = Pod({}, {"kubernetes.io/metadata.name": "keda"})
TRACING = {"gateway", "worker", "console", "agent"}
WITH_POLICIES = sorted(chart.SCENARIOS.keys() - {"minimal"})


def test_the_demo_opens_exactly_these_flows() -> None:
    assert Network(chart.scenario("demo")).among_pods(PORTS) == DEMO


@pytest.mark.parametrize("name", WITH_POLICIES)
def test_who_may_go_to_a_component_is_let_in(name: str) -> None:
    objects = chart.scenario(name)
    network = Network(objects)
    for _, metadata, spec in chart.pods(objects):
        target = metadata["labels"]["app.kubernetes.io/component"]
        for port in (port["containerPort"] for port in spec["containers"][0].get("ports", [])):
            for source, pod in network.pods.items():
                if network.leaves(pod, network.pods[target], port):
                    assert network.enters(pod, network.pods[target], port), (source, target, port)


@pytest.mark.parametrize("name", WITH_POLICIES)
def test_every_pod_is_closed_and_may_ask_for_names(name: str) -> None:
    network = Network(chart.scenario(name))
    for component, pod in network.pods.items():
        assert not network.leaves(pod, Outside("1.1.1.1"), 80), component
        assert not network.leaves(pod, STRANGER, 8000), component
        assert not network.enters(STRANGER, pod, 22), component
        asks = component not in ("postgres", "redis")
        assert network.leaves(pod, DNS, 53, "UDP") is asks, component
        assert network.leaves(pod, DNS, 53, "TCP") is asks, component
        assert network.leaves(pod, NODE_LOCAL_DNS, 53, "UDP") is asks, component


@pytest.mark.parametrize("name", WITH_POLICIES)
def test_nothing_reaches_private_addresses_as_if_they_were_the_internet(name: str) -> None:
    network = Network(chart.scenario(name))
    for component, pod in network.pods.items():
        if component == "operator":  # it may: the API server is there
            continue
        for address in NOT_THE_INTERNET:
            assert not network.leaves(pod, address, 443), (component, address)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("demo", set()),
        ("first-try", {"worker", "agent"}),
        (
            "external",
            {"gateway", "worker", "console", "agent", "backup", "drill", "restore"},
        ),  # some: to the object store
        ("licensed", {"worker", "agent", "agent-queue"}),
        ("licensed-dev", {"agent", "agent-queue"}),
    ],
)
def test_only_these_reach_meta_and_the_model(name: str, expected: set[str]) -> None:
    network = Network(chart.scenario(name))
    for address in (META, MODEL_V6):
        reach = {component for component, pod in network.pods.items() if network.leaves(pod, address, 443)}
        assert reach - {"operator"} == expected


@pytest.mark.parametrize("url", ["s3://bucket/media", "gs://bucket", "az://container"])
def test_whoever_keeps_media_reaches_the_object_store(url: str) -> None:
    network = Network(chart.with_values({"media.url": url}))
    reach = {component for component, pod in network.pods.items() if network.leaves(pod, META, 443)}
    assert reach - {"operator"} == {"gateway", "worker", "console"}


def test_whoever_traces_reaches_the_collector() -> None:
    objects = chart.scenario("external")
    network = Network(objects)
    collector = Pod({}, {"kubernetes.io/metadata.name": "monitoring"})
    reach = {component for component, pod in network.pods.items() if network.leaves(pod, collector, 4318)}
    told = {
        one
        for one in network.pods
        if one in TRACING and "OTEL_EXPORTER_OTLP_ENDPOINT" in chart.environment(objects, one)
    }
    assert reach == told == TRACING


def test_the_agent_server_and_databases_are_reached_from_inside_alone() -> None:
    network = Network(
        chart.scenario(
            "first-try", "--set", "ingress.enabled=true,ingress.host=a.example.com,ingress.tls.secretName=tls"
        )
    )
    for component, port in (("agent", 2024), ("postgres", 5432), ("redis", 6379), ("worker", 8001), ("gateway", 8003)):
        for source in (STRANGER, CONTROLLER, META):
            assert not network.enters(source, network.pods[component], port), component
    assert network.enters(CONTROLLER, network.pods["gateway"], 8000)


def test_without_a_way_in_the_gateway_is_closed_to_others() -> None:
    network = Network(chart.scenario("first-try"))
    assert not network.enters(CONTROLLER, network.pods["gateway"], 8000)


def test_metrics_are_open_where_they_are_scraped() -> None:
    network = Network(chart.scenario("licensed"))
    ports = {"gateway": 8003, "worker": 8001, "agent": 8000, "agent-queue": 8000, "operator": 8080, "console": 8004}
    for component, port in ports.items():
        assert network.enters(CONTROLLER, network.pods[component], port), component


def test_keda_reaches_what_it_measures() -> None:
    scaled = chart.with_values({"worker.autoscaling.enabled": True})
    network = Network(scaled)
    assert network.enters(KEDA, network.pods["postgres"], 5432)
    assert not network.enters(CONTROLLER, network.pods["postgres"], 5432)
    licensed = Network(chart.with_values({"monitoring.serviceMonitor.enabled": False}, "licensed"))
    assert licensed.enters(KEDA, licensed.pods["agent"], 8000)
    assert not licensed.enters(CONTROLLER, licensed.pods["agent"], 8000)


def test_external_databases_are_reached_by_those_who_use_them() -> None:
    network = Network(chart.scenario("external"))
    database = Outside("10.20.30.40")
    users = {component for component, pod in network.pods.items() if network.leaves(pod, database, 6432)}
    assert users == {
        "gateway",
        "worker",
        "console",
        "agent",
        "migrate",
        "knowledge",
        "test",
        "backup",
        "drill",
        "restore",
    }
    assert {component for component, pod in network.pods.items() if network.leaves(pod, database, 6379)} == {"worker"}


def test_more_rules_are_added() -> None:
    network = Network(chart.scenario("hosts"))
    assert network.leaves(network.pods["agent"], Pod({}, {"kubernetes.io/metadata.name": "models"}), 8000)
    assert not network.leaves(network.pods["worker"], Pod({}, {"kubernetes.io/metadata.name": "models"}), 8000)


def test_they_can_be_left_to_somebody_else() -> None:
    assert not [one for one in chart.scenario("minimal") if one["kind"] == "NetworkPolicy"]
