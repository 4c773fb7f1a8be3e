"""Availability while pods come and go, and the way in from outside."""

import pytest

from tests.charts import chart

BUDGET = "PodDisruptionBudget"


@pytest.mark.parametrize("component", ["gateway", "worker", "console"])
def test_a_rollout_takes_no_pod_away_before_another_is_ready(component: str) -> None:
    strategy = chart.pick(chart.scenario("demo"), "Deployment", component)["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}


@pytest.mark.parametrize("component", ["operator", "simulator", "redis"])
def test_of_these_there_are_never_two(component: str) -> None:
    spec = chart.pick(chart.scenario("demo"), "Deployment", component)["spec"]
    assert (spec["strategy"], spec["replicas"]) == ({"type": "Recreate"}, 1)


def test_agent_servers_have_names_by_which_they_are_found_until_they_have_ended() -> None:
    objects = chart.scenario("demo")
    agents = chart.pick(objects, "StatefulSet", "agent")["spec"]
    service = chart.pick(objects, "Service", "agent")
    assert agents["serviceName"] == service["metadata"]["name"] == "wa-whatsapp-agent-agents"
    assert (service["spec"]["clusterIP"], service["spec"]["publishNotReadyAddresses"]) == ("None", True)
    found = f"srv+http://_{service['spec']['ports'][0]['name']}._tcp.wa-whatsapp-agent-agents.shop.svc"
    assert [chart.environment(objects, one)["LANGGRAPH_URL"] for one in ("worker", "console")] == [found, found]


def test_agent_servers_are_replaced_one_by_one_and_started_together() -> None:
    spec = chart.pick(chart.with_values({"agent.replicas": 3}), "StatefulSet", "agent")["spec"]
    assert (spec["replicas"], spec["podManagementPolicy"], spec["minReadySeconds"]) == (3, "Parallel", 30)
    assert "updateStrategy" not in spec  # Kubernetes' own: one by one, from the last to the first
    spread = spec["template"]["spec"]["topologySpreadConstraints"]
    assert all(one["matchLabelKeys"] == ["controller-revision-hash"] for one in spread)


def test_a_postgres_with_a_wrong_image_is_replaced_by_an_upgrade() -> None:
    """In order, a StatefulSet waits for ever for a pod that never becomes ready."""
    assert chart.pick(chart.scenario("demo"), "StatefulSet", "postgres")["spec"]["podManagementPolicy"] == "Parallel"


@pytest.mark.parametrize("component", ["gateway", "console"])
def test_what_is_called_leaves_its_service_before_it_stops(component: str) -> None:
    main = chart.pick(chart.scenario("demo"), "Deployment", component)["spec"]["template"]["spec"]["containers"][0]
    assert main["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}


@pytest.mark.parametrize("component", ["gateway", "worker", "console", "agent", "agent-queue"])
def test_drains_leave_all_but_one(component: str) -> None:
    spec = chart.pick(chart.scenario("production"), BUDGET, component)["spec"]
    assert (spec["maxUnavailable"], spec["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")


@pytest.mark.parametrize("name", chart.SCENARIOS)
def test_a_drain_never_waits_for_ever(name: str) -> None:
    """Pods that are bound to one node by a volume could not come back elsewhere before the last of them has gone."""
    objects = chart.scenario(name)
    kept = {one["metadata"]["labels"]["app.kubernetes.io/component"] for one in objects if one["kind"] == BUDGET}
    for component in ("gateway", "worker", *chart.console(objects)):
        spec = chart.pick(objects, "Deployment", component)["spec"]["template"]["spec"]
        bound = "podAffinity" in spec.get("affinity", {})
        assert (component in kept) is (not bound and name != "minimal")


def test_pods_are_spread_by_revision() -> None:
    spread = chart.pick(chart.scenario("demo"), "Deployment", "gateway")["spec"]["template"]["spec"]
    keys = {one["topologyKey"]: one for one in spread["topologySpreadConstraints"]}
    assert keys.keys() == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    assert all(one["matchLabelKeys"] == ["pod-template-hash"] for one in keys.values())


def test_pods_that_share_a_volume_of_one_node_go_there_together() -> None:
    for name, together in (("demo", True), ("hosts", False), ("external", False), ("minimal", False)):
        components = ["gateway", "worker", *chart.console(chart.scenario(name))]
        for component in components:
            affinity = chart.pick(chart.scenario(name), "Deployment", component)["spec"]["template"]["spec"].get(
                "affinity", {}
            )
            assert ("podAffinity" in affinity) is together, name
            for rule in affinity.get("podAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution", []):
                [expression] = rule["labelSelector"]["matchExpressions"]
                assert expression["values"] == components


def test_only_the_webhook_is_routed() -> None:
    route = chart.pick(chart.scenario("external"), "HTTPRoute", "gateway")["spec"]
    assert [rule["matches"] for rule in route["rules"]] == [[{"path": {"type": "Exact", "value": "/webhook/whatsapp"}}]]
    ingress = chart.pick(chart.scenario("licensed"), "Ingress", "gateway")["spec"]
    paths = [path for rule in ingress["rules"] for path in rule["http"]["paths"]]
    assert [(path["path"], path["pathType"]) for path in paths] == [("/webhook/whatsapp", "Exact")]
    assert ingress["tls"] == [{"hosts": ["whatsapp.example.com"], "secretName": "wa-whatsapp-agent-tls"}]


def test_nothing_is_reached_from_outside_but_through_a_route() -> None:
    """A load balancer would open all ports of the Service: that of metrics and /internal too."""
    for name in chart.SCENARIOS:
        types = {one["spec"]["type"] for one in chart.scenario(name) if one["kind"] == "Service"}
        assert types == {"ClusterIP"}


def test_bodies_of_meta_fit_through_the_ingress() -> None:
    annotations = chart.pick(chart.scenario("licensed"), "Ingress", "gateway")["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/proxy-body-size"] == "4m"  # Meta sends up to 3 MB
    assert annotations["cert-manager.io/cluster-issuer"] == "letsencrypt"
    own = chart.pick(chart.scenario("everything"), "Ingress", "gateway")["metadata"]["annotations"]
    assert own == {"example.com/x": "z", "example.com/owner": "care@example.com"}
