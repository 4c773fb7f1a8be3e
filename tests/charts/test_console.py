"""The console: an address of its own, few secrets, and media to read."""

import base64
from typing import Any

import pytest

from gateway.console.settings import ConsoleSettings
from gateway.console.static_files import PREFIX
from tests.charts import chart
from tests.charts.network import NAMESPACE, Network, Outside, Pod

WITH_CONSOLE = ["demo", "dev", "everything", "external", "licensed", "production"]
DATABASE, BUSINESS, OIDC = "database-url", "business-token", "oidc-client-secret"
CONTROLLER = Pod({}, {"kubernetes.io/metadata.name": "ingress"})
COLLEAGUE = Pod({}, NAMESPACE)
ISSUER = Outside("142.250.74.110")
# Beginnings of variables that only gateway, workers and agent server are told (gateway/settings.py, graph/settings.py).
NOT_ITS_OWN = ("LANGGRAPH", "INTERNAL", "WHATSAPP", "CHANNELS", "REDIS", "OPENAI", "BUSINESS", "AGENT")

# … but where the agent server is, and the token for the data of a customer.
ITS_OWN = {"LANGGRAPH_URL", "BUSINESS_TOKEN_FILE"}


def pod(objects: list[chart.Object]) -> chart.Object:
    found: chart.Object = chart.pick(objects, "Deployment", "console")["spec"]["template"]["spec"]
    return found


def test_it_runs_only_where_it_is_enabled() -> None:
    for name in chart.SCENARIOS:
        kinds = {one["kind"] for one in chart.scenario(name) if one["metadata"]["name"].endswith("-console")}
        assert ("Deployment" in kinds) is (name in WITH_CONSOLE), name
        assert kinds == set() or name in WITH_CONSOLE, name


@pytest.mark.parametrize("name", WITH_CONSOLE)
def test_it_is_given_no_secret_but_the_databases_and_its_own(name: str) -> None:
    objects = chart.scenario(name)
    spec = pod(objects)
    sources = [source for one in spec["volumes"] for source in one.get("projected", {}).get("sources", [])]
    files = {item["path"] for source in sources for item in source["secret"]["items"]}
    oidc = {OIDC} if "OIDC_ISSUER" in chart.environment(objects, "console") else set()
    knowledge = {"knowledge-token"} if "KNOWLEDGE" in chart.environment(objects, "agent") else set()
    assert files == {DATABASE, BUSINESS} | oidc | knowledge
    whole = {one["name"] for one in spec["volumes"] if "secret" in one or "configMap" in one}
    assert whole <= {"ca", "dev"}  # of the values of everything, and the reloader of dev.sync
    for container in chart.containers(spec):
        told = {one["name"] for one in container.get("env", [])}
        assert not [one for one in told - ITS_OWN if one.startswith(NOT_ITS_OWN)], container["name"]
        assert not [one for one in container.get("env", []) if "secretKeyRef" in one.get("valueFrom", {})]


@pytest.mark.parametrize("name", WITH_CONSOLE)
def test_it_refers_to_no_secret_of_meta_or_of_tokens(name: str) -> None:
    objects = chart.scenario(name)
    own, gateway, agent = (secrets_of(objects, one) for one in ("console", "gateway", "agent"))
    database = secrets_of(objects, "migrate", "Job")
    shared = {one for one in own if "console-business" in one or one.endswith("knowledge")}
    assert own - database <= shared | {one for one in own if "oidc" in one}
    assert (gateway | agent) & own <= database | shared
    assert not gateway & own - database


def secrets_of(objects: list[chart.Object], component: str, kind: str = "Deployment") -> set[str]:
    """Names of the Secrets that a component's pod mounts."""
    volumes = [volume for one in objects
               if one["kind"] == kind and one["metadata"]["labels"]["app.kubernetes.io/component"] == component
               for volume in one["spec"]["template"]["spec"]["volumes"]]  # fmt: skip
    sources = [source for one in volumes for source in one.get("projected", {}).get("sources", [])]
    whole = {one["secret"]["secretName"] for one in volumes if "secret" in one}
    return whole | {one["secret"]["name"] for one in sources if "secret" in one}


@pytest.mark.parametrize("name", WITH_CONSOLE)
def test_it_shares_the_media_with_workers_for_files_in_both_directions(name: str) -> None:
    objects = chart.scenario(name)
    worker = chart.pick(objects, "Deployment", "worker")["spec"]["template"]["spec"]
    addresses = {chart.environment(objects, one)["MEDIA_URL"] for one in ("console", "gateway", "worker")}
    assert len(addresses) == 1
    volumes = [[one for one in spec["volumes"] if one["name"] == "media"] for spec in (pod(objects), worker)]
    assert volumes[0] == volumes[1]
    assert bool(volumes[0]) is addresses.pop().startswith("file:")
    mounts = [one for one in pod(objects)["containers"][0]["volumeMounts"] if one["name"] == "media"]
    assert not any(one.get("readOnly") for one in mounts)


def test_a_route_leads_to_its_pages_and_lets_streams_live() -> None:
    objects = chart.scenario("external")
    spec = chart.pick(objects, "HTTPRoute", "console")["spec"]
    assert spec["hostnames"] == ["console.example.com"]
    events, pages = spec["rules"]
    assert events["matches"] == [{"path": {"type": "Exact", "value": "/console/events"}}]
    assert events["timeouts"] == {"request": "1h"}
    prefix, root = (one["path"] for one in pages["matches"])
    assert (prefix, root) == ({"type": "PathPrefix", "value": "/console"}, {"type": "Exact", "value": "/"})
    assert PREFIX.startswith("/console/")
    assert all(rule["backendRefs"] == [{"name": "wa-whatsapp-agent-console", "port": 8002}] for rule in spec["rules"])
    [rule] = chart.pick(
        chart.with_values({"console.route.eventsTimeout": ""}, "external"), "HTTPRoute", "console"
    )["spec"]["rules"]  # fmt: skip
    assert rule == pages


def test_an_ingress_leads_to_its_pages() -> None:
    objects = chart.scenario("licensed")
    spec = chart.pick(objects, "Ingress", "console")["spec"]
    [rule] = spec["rules"]
    assert rule["host"] == "console.example.com"
    assert {(path["path"], path["pathType"]) for path in rule["http"]["paths"]} == {
        ("/", "Exact"),
        ("/console", "Prefix"),
    }
    backends = [path["backend"]["service"] for path in rule["http"]["paths"]]
    assert backends == [{"name": "wa-whatsapp-agent-console", "port": {"name": "http"}}] * 2
    assert spec["tls"] == [{"hosts": ["console.example.com"], "secretName": "wa-whatsapp-agent-console-tls"}]


@pytest.mark.parametrize("name", chart.SCENARIOS)
def test_no_host_is_both_the_webhooks_and_the_consoles(name: str) -> None:
    hosts: dict[str, set[str]] = {"gateway": set(), "console": set()}
    for one in chart.scenario(name):
        if one["kind"] in ("HTTPRoute", "Ingress"):
            component = one["metadata"]["labels"]["app.kubernetes.io/component"]
            found = one["spec"].get("hostnames") or [rule["host"] for rule in one["spec"]["rules"]]
            assert found, f"{one['kind']} of {component} is for every host"
            hosts[component] |= set(found)
    assert not hosts["gateway"] & hosts["console"]


def test_a_certificate_for_the_gateway_has_both_names() -> None:
    spec = chart.pick(chart.scenario("external"), "Certificate", "gateway")["spec"]
    assert spec["dnsNames"] == ["whatsapp.example.com", "console.example.com"]


@pytest.mark.parametrize(
    ("name", "values", "proxies"),
    [
        ("demo", {}, "0"),
        ("external", {}, "1"),
        ("licensed", {}, "1"),
        ("licensed", {"console.proxies": 0}, "0"),
        ("everything", {}, "2"),
    ],
)
def test_as_many_proxies_are_believed_as_there_are(name: str, values: dict[str, Any], proxies: str) -> None:
    given = chart.environment(chart.with_values(values, name), "console")
    assert given["CONSOLE_PROXIES"] == proxies


def test_its_settings_reach_it() -> None:
    changes = {"console.sessionIdleHours": 0.5, "console.sessionHours": 24, "console.databasePoolSize": 3}
    given = chart.environment(chart.with_values(changes, "everything"), "console")
    told = {key.lower(): value for key, value in given.items() if isinstance(value, str)}
    settings = ConsoleSettings.model_validate(told | {"database_url": "postgresql://db/x", "oidc_client_secret": "x"})
    assert (settings.console_session_idle_hours, settings.console_session_hours) == (0.5, 24)
    assert (settings.console_timezone, settings.database_pool_size) == ("America/Manaus", 3)
    assert settings.trace_url == "https://traces.example.com/r/{run_id}"
    assert (settings.oidc_issuer, settings.oidc_client_id) == ("https://accounts.example.com/realms/shop", "1234")
    assert (settings.oidc_login_claim, settings.oidc_new_role) == ("preferred_username", None)
    assert settings.secure
    assert "console.example.com" in settings.names.split(",")
    zone = chart.environment(chart.with_values({"agent.timezone": "America/Belem"}), "console")["CONSOLE_TIMEZONE"]
    assert zone == "America/Belem"


def test_a_client_secret_is_made_where_none_is_named() -> None:
    made = chart.pick(chart.scenario("everything"), "Secret", "console")
    assert base64.b64decode(made["data"]["secret"]) == b"client-secret"
    assert not [one for one in chart.scenario("external") if one["kind"] == "Secret" and "oidc" in str(one["metadata"])]
    changed = chart.with_values({"console.oidc.clientSecret": "another"}, "everything")
    before, after = (
        chart.pick(objects, "Deployment", "console")["spec"]["template"]["metadata"]["annotations"]
        for objects in (chart.scenario("everything"), changed)
    )
    assert before["checksum/secrets"] != after["checksum/secrets"]


def test_people_reach_its_pages_by_its_own_way_in_alone() -> None:
    network = Network(chart.scenario("first-try", "--set", "console.enabled=true,console.url=http://127.0.0.1:8002"))
    for source in (CONTROLLER, COLLEAGUE, *(network.pods[one] for one in ("gateway", "agent", "worker"))):
        assert not network.enters(source, network.pods["console"], 8002)
        assert not network.enters(source, network.pods["console"], 8004)
    routed = Network(chart.with_values({"monitoring.serviceMonitor.enabled": False}, "external"))
    assert routed.enters(CONTROLLER, routed.pods["console"], 8002)
    assert not routed.enters(CONTROLLER, routed.pods["console"], 8004)


def test_the_webhooks_way_in_opens_nothing_of_the_console() -> None:
    way_in = "ingress.enabled=true,ingress.host=a.example.com,ingress.tls.secretName=tls"
    mine = "console.enabled=true,console.url=http://127.0.0.1:8002"
    network = Network(chart.scenario("first-try", "--set", f"{way_in},{mine}"))
    assert network.enters(CONTROLLER, network.pods["gateway"], 8000)
    assert not network.enters(CONTROLLER, network.pods["console"], 8002)


def test_it_reaches_the_database_the_agent_server_the_issuer_and_the_object_store_and_nothing_else() -> None:
    demo = Network(chart.scenario("demo"))
    assert not demo.leaves(demo.pods["console"], ISSUER, 443)
    with_issuer = Network(chart.scenario("everything"))
    assert with_issuer.leaves(with_issuer.pods["console"], ISSUER, 443)
    with_store = Network(chart.with_values({"media.url": "s3://bucket"}))
    assert with_store.leaves(with_store.pods["console"], ISSUER, 443)
    for network in (demo, with_issuer, with_store):
        for target in network.pods.keys() - {"postgres"}:
            for port in (2024, 6379, 8000, 8001, 8003, 8100):
                if (target, port) == ("agent", 2024):
                    continue
                assert not network.leaves(network.pods["console"], network.pods[target], port), target
