"""The chart and the programs that it starts say the same: names of variables, ports, paths, what may be called."""

import ast
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from gateway.console.process import console
from gateway.console.settings import ConsoleSettings
from gateway.runtime.serving import Door
from gateway.serve import serve
from gateway.settings import Settings as GatewaySettings
from gateway.work import work
from graph.settings import Settings as GraphSettings
from k8s.model import channels_file
from k8s.settings import Settings as OperatorSettings
from simulator.settings import Settings as SimulatorSettings
from tests.charts import chart

KNOWN = {
    "gateway": GatewaySettings,
    "worker": GatewaySettings,
    "console": ConsoleSettings,
    "migrate": GatewaySettings,
    "agent": GraphSettings,
    "agent-queue": GraphSettings,
    "business": GraphSettings,
    "knowledge": GraphSettings,
    "operator": OperatorSettings,
    "simulator": SimulatorSettings,
}
# Variables of others: of langgraph-api (its config module), langgraph-cli and LangSmith.
FOREIGN = {
    "BG_JOB_TIMEOUT_SECS", "BG_JOB_SHUTDOWN_GRACE_PERIOD_SECS", "LANGGRAPH_CLI_NO_ANALYTICS", "LOG_JSON",
    "LANGGRAPH_NO_VERSION_CHECK", "LANGSMITH_TRACING", "DATABASE_URI", "REDIS_URI", "N_JOBS_PER_WORKER", "PORT",
    "LANGGRAPH_CLOUD_LICENSE_KEY", "LANGSMITH_API_KEY", "LANGGRAPH_THREAD_TTL",
}  # fmt: skip
# What each API call of the operator needs: the method's name in kubernetes_asyncio.
CALLS = {
    "read_namespaced_secret": ("get", "", "secrets"),
    "patch_namespaced_secret": ("patch", "", "secrets"),
    "create_namespaced_secret": None,  # only where the chart has not made it: it has
    "read_namespaced_config_map": ("get", "", "configmaps"),
    "patch_namespaced_custom_object_status": ("patch", "whatsapp-agent.io", "whatsappnumbers/status"),  # and templates'
    "get_api_resources": None,  # every authenticated user may
}
KOPF = [
    (verb, "whatsapp-agent.io", kind)
    for verb in ("list", "watch", "patch")
    for kind in ("whatsappnumbers", "messagetemplates")
]
KOPF += [("create", "", "events"), ("patch", "whatsapp-agent.io", "messagetemplates/status")]


@pytest.mark.parametrize("name", sorted(chart.SCENARIOS.keys() - {"everything"}))
def test_programs_know_every_variable_that_they_are_given(name: str) -> None:
    for owner, metadata, spec in chart.pods(chart.scenario(name)):
        settings = KNOWN.get(metadata["labels"]["app.kubernetes.io/component"])
        if settings is None:
            continue
        known = {field.upper() for field in settings.model_fields}
        for variable in (entry["name"] for entry in spec["containers"][0].get("env", [])):
            assert variable.removesuffix("_FILE") in known or variable in known | FOREIGN, f"{owner}: {variable}"


@pytest.mark.parametrize("name", sorted(chart.SCENARIOS.keys() - {"everything"}))
def test_programs_accept_what_they_are_given(name: str) -> None:
    objects = chart.scenario(name)
    for component in ("gateway", "worker", "console", "operator", "agent", "simulator"):
        if component not in {labels["app.kubernetes.io/component"] for labels in deployments(objects)}:
            continue
        given = chart.environment(objects, component)
        values = {key.lower(): value for key, value in given.items() if isinstance(value, str)}
        values |= {"database_url": "postgresql://db/x"} if component in ("gateway", "worker", "console") else {}
        values |= {"oidc_client_secret": "x"} if component == "console" else {}
        fields = {key: value for key, value in values.items() if key in KNOWN[component].model_fields}
        KNOWN[component].model_validate(fields)


def test_ports_are_those_that_programs_listen_on() -> None:
    objects = chart.scenario("demo")
    assert port_of(objects, "gateway") == int(chart.environment(objects, "gateway")["GATEWAY_PORT"])
    named = {one["name"]: one["containerPort"] for one in main(objects, "gateway")["ports"]}
    assert named["ops"] == int(chart.environment(objects, "gateway")["OPS_PORT"])
    assert port_of(objects, "worker") == int(chart.environment(objects, "worker")["WORK_PORT"])
    named = {one["name"]: one["containerPort"] for one in main(objects, "console")["ports"]}
    given = chart.environment(objects, "console")
    assert named == {"http": int(given["CONSOLE_PORT"]), "ops": int(given["CONSOLE_OPS_PORT"])}
    assert port_of(objects, "operator") == int(chart.environment(objects, "operator")["OPERATOR_PORT"])
    assert port_of(objects, "simulator") == int(chart.environment(objects, "simulator")["SIMULATOR_PORT"])
    agent = main(objects, "agent")
    assert str(port_of(objects, "agent")) == agent["args"][agent["args"].index("--port") + 1]


def test_everything_listens_on_all_addresses() -> None:
    objects = chart.scenario("demo")
    for component, variable in (
        ("gateway", "GATEWAY_HOST"),
        ("worker", "GATEWAY_HOST"),
        ("console", "GATEWAY_HOST"),
        ("operator", "OPERATOR_HOST"),
        ("simulator", "SIMULATOR_HOST"),
    ):
        assert chart.environment(objects, component)[variable] == "0.0.0.0"  # noqa: S104 - a pod's only network


def test_probes_ask_paths_that_the_gateway_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1/none")
    objects = chart.scenario("demo")
    processes = (
        ("gateway", "ops", serve(GatewaySettings())),
        ("worker", "metrics", work(GatewaySettings())),
        ("console", "ops", console(ConsoleSettings())),
    )
    for component, port, process in processes:
        served = paths(process.doors[-1])
        assert "/metrics" in served
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = main(objects, component)[probe]["httpGet"]
            assert asked["path"] in served
            assert asked["port"] == port


def test_the_only_port_that_is_routed_has_the_webhook_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1/none")
    outside, inside = serve(GatewaySettings()).doors
    assert paths(outside) == {"/webhook/whatsapp", "/healthz"}
    objects = chart.scenario("first-try", "--set", "route.enabled=true,route.parentRefs[0].name=public")
    backends = chart.pick(objects, "HTTPRoute", "gateway")["spec"]["rules"][0]["backendRefs"]
    service = {one["port"]: one["targetPort"] for one in chart.pick(objects, "Service", "gateway")["spec"]["ports"]}
    assert [service[one["port"]] for one in backends] == ["http"]
    assert not paths(inside) & {"/webhook/whatsapp"}


def test_the_agent_asks_the_gateway_where_it_serves_internal() -> None:
    url = urlsplit(chart.environment(chart.scenario("demo"), "agent")["GATEWAY_URL"])
    assert url.port == int(chart.environment(chart.scenario("demo"), "gateway")["OPS_PORT"])


def test_the_agent_knows_the_open_servers_options() -> None:
    known = set(re.findall(r'"(--[a-z]+)"', (chart.ROOT / "graph" / "server" / "launch.py").read_text()))
    given = {word for word in main(chart.scenario("demo"), "agent")["args"] if word.startswith("--")}
    assert given <= known


def test_the_bound_of_a_run_is_told_to_the_server_once_and_for_all() -> None:
    objects = chart.with_values({"agent.runSeconds": 77})
    given = chart.environment(objects, "agent")
    assert given["BG_JOB_TIMEOUT_SECS"] == given["BG_JOB_SHUTDOWN_GRACE_PERIOD_SECS"] == "77"
    assert main(objects, "agent")["args"][-2:] == ["--drain", "77"]


def test_what_becomes_of_uncertain_messages_is_said_to_the_worker() -> None:
    given = chart.environment(chart.with_values({}), "worker")
    assert (given["UNCERTAIN_WAIT_SECONDS"], given["UNCERTAIN_POLICY"]) == ("604800", "give-up")
    objects = chart.with_values({"worker.uncertainWaitSeconds": 600, "worker.uncertainPolicy": "resend"})
    given = chart.environment(objects, "worker")
    assert (given["UNCERTAIN_WAIT_SECONDS"], given["UNCERTAIN_POLICY"]) == ("600", "resend")


def test_whose_number_it_is_and_how_that_is_proven_is_said_to_the_programs() -> None:
    told = {"NUMBER_SILENCE_DAYS": "90", "PHONE_CHANGED_HOLD_HOURS": "0", "UNKNOWN_NUMBER_HOURS": "24"}
    assert told.items() <= chart.environment(chart.with_values({}), "worker").items()
    values = {
        "worker.numberSilenceDays": 30, "worker.phoneChangedHoldHours": 24, "worker.unknownNumberHours": 0.5,
        "agent.identityProof": "person",
    }  # fmt: skip
    objects = chart.with_values(values)
    told = {"NUMBER_SILENCE_DAYS": "30", "PHONE_CHANGED_HOLD_HOURS": "24", "UNKNOWN_NUMBER_HOURS": "0.5"}
    assert told.items() <= chart.environment(objects, "worker").items()
    assert chart.environment(objects, "agent")["IDENTITY_PROOF"] == "person"


@pytest.mark.parametrize(("name", "components"), [("demo", ["agent"]), ("licensed", ["agent", "agent-queue"])])
def test_how_much_of_customers_files_is_read_is_said_to_the_agent(name: str, components: list[str]) -> None:
    for component in components:
        given = chart.environment(chart.scenario(name), component)
        assert (given["FILES_PER_TURN"], given["FILE_READERS"]) == ("5", "2")
        assert given["FILE_BYTES_PER_TURN"] == "20000000"
        values = {"agent.filesPerTurn": 3, "agent.fileBytesPerTurn": 5_000_000, "agent.fileReaders": 1}
        given = chart.environment(chart.with_values(values, name), component)
        assert (given["FILES_PER_TURN"], given["FILE_READERS"]) == ("3", "1")
        assert given["FILE_BYTES_PER_TURN"] == "5000000"


def test_what_is_remembered_is_bounded_in_both_editions() -> None:
    days = {"agent.retentionDays": 730, "worker.eventRetentionDays": 10, "worker.eventLeftRetentionDays": 20}
    days["worker.episodeIdleHours"] = 5
    days |= {"worker.customerTurnsPerDay": 50, "worker.customerTokensPerDay": 3_000_000}
    objects = chart.with_values(days)
    assert chart.environment(objects, "agent")["AGENT_RETENTION_DAYS"] == "730"
    assert chart.environment(objects, "worker")["EVENT_RETENTION_DAYS"] == "10"
    assert chart.environment(objects, "worker")["EVENT_LEFT_RETENTION_DAYS"] == "20"
    assert chart.environment(objects, "worker")["EPISODE_IDLE_HOURS"] == "5"
    assert chart.environment(objects, "worker")["CUSTOMER_TURNS_PER_DAY"] == "50"
    assert chart.environment(objects, "worker")["CUSTOMER_TOKENS_PER_DAY"] == "3000000"
    ages = {"TOMBSTONE_DAYS": "1825", "CONSENT_DAYS": "1825", "EXPORT_DAYS": "1", "AUDIT_DAYS": "730",
            "DRAFT_DAYS": "90", "CONTACT_RETENTION_DAYS": "1825"}  # fmt: skip
    assert ages.items() <= chart.environment(objects, "worker").items()
    assert chart.environment(objects, "worker")["ERASURE_BY_CUSTOMER"] == "request"
    at_once = chart.with_values({"worker.erasureByCustomer": "immediate"})
    assert chart.environment(at_once, "worker")["ERASURE_BY_CUSTOMER"] == "immediate"
    licensed = chart.with_values(days, "licensed")
    for component in ("agent", "agent-queue"):
        given = chart.environment(licensed, component)
        assert "AGENT_RETENTION_DAYS" not in given
        assert given["LANGGRAPH_THREAD_TTL"] == str(730 * 24 * 60)  # minutes (langgraph_api.config, parse_thread_ttl)


def test_without_a_bound_each_edition_keeps_what_its_configuration_says() -> None:
    for name in ("demo", "licensed"):
        given = chart.environment(chart.scenario(name), "agent")
        assert not {"AGENT_RETENTION_DAYS", "LANGGRAPH_THREAD_TTL"} & given.keys()
    for_ever = {"agent.retentionDays": 0}
    assert chart.environment(chart.with_values(for_ever), "agent")["AGENT_RETENTION_DAYS"] == "0"
    assert "LANGGRAPH_THREAD_TTL" not in chart.environment(chart.with_values(for_ever, "licensed"), "agent")


def test_webhooks_may_go_to_the_hosts_of_the_release_and_those_that_are_named() -> None:
    demo = chart.environment(chart.scenario("demo"), "operator")["OPERATOR_CALLBACK_HOSTS"]
    assert demo == "wa-whatsapp-agent-gateway.shop.svc"
    named = {"operator.callbackHosts": ["b.example.com"]}
    given = chart.environment(chart.with_values(named), "operator")["OPERATOR_CALLBACK_HOSTS"]
    assert given == f"b.example.com,{demo}"
    routed = chart.environment(chart.scenario("everything"), "operator")["OPERATOR_CALLBACK_HOSTS"]
    assert routed == "whatsapp.example.com"


def test_the_operator_may_do_what_it_does_and_no_more() -> None:
    values = {"operator.secretNames": ["numbers"], "operator.configMapNames": ["pictures"]}
    rules = chart.pick(chart.with_values(values), "Role", "operator")["rules"]
    methods = set(api_calls())
    assert methods <= CALLS.keys(), "say in CALLS what a new call needs, and let the chart's Role allow it"
    needed = [call for method in methods if (call := CALLS[method])] + KOPF
    for verb, group, resource in needed:
        assert any(allows(rule, verb, group, resource) for rule in rules), f"{verb} {resource}"
    for rule in rules:
        assert "*" not in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])
        if {"secrets", "configmaps"} & set(rule["resources"]):
            assert rule["resourceNames"]
    given = {(v, g, r) for rule in rules for v in rule["verbs"] for g in rule["apiGroups"] for r in rule["resources"]}
    assert given == set(needed)


def test_the_operator_has_no_rights_beyond_its_namespace() -> None:
    for name in chart.SCENARIOS:
        assert not [one for one in chart.scenario(name) if one["kind"] in ("ClusterRole", "ClusterRoleBinding")]


def test_the_operator_writes_where_gateways_read() -> None:
    """Each process mounts the one file of that Secret that has no more secrets than it uses."""
    objects = chart.scenario("demo")
    name = chart.environment(objects, "operator")["OPERATOR_CHANNELS_SECRET"]
    secret = next(one for one in objects if one["kind"] == "Secret" and one["metadata"]["name"] == name)
    assert "data" not in secret  # or each upgrade would take away what the operator wrote
    for component, key in (("gateway", channels_file.SERVE_KEY), ("worker", channels_file.WORK_KEY)):
        spec = chart.pick(objects, "Deployment", component)["spec"]["template"]["spec"]
        [volume] = [one for one in spec["volumes"] if one.get("secret", {}).get("secretName") == name]
        assert volume["secret"]["items"] == [{"key": key, "path": "channels.json"}]
        assert volume["secret"]["optional"]  # or pods would not start before the operator has written it
        folder = next(
            one["mountPath"] for one in spec["containers"][0]["volumeMounts"] if one["name"] == volume["name"]
        )
        assert f"{folder}/channels.json" in chart.environment(objects, component)["CHANNELS_FILE"].split(",")


def deployments(objects: list[chart.Object]) -> Iterator[dict[str, str]]:
    yield from (one["metadata"]["labels"] for one in objects if one["kind"] in ("Deployment", "StatefulSet"))


def main(objects: list[chart.Object], component: str) -> dict[str, Any]:
    found: dict[str, Any] = chart.workload(objects, component)["spec"]["template"]["spec"]["containers"][0]
    return found


def paths(door: Door) -> set[str]:
    assert isinstance(door.app, Starlette)
    return {route.path for route in door.app.routes if isinstance(route, Route)}


def port_of(objects: list[chart.Object], component: str) -> int:
    return int(main(objects, component)["ports"][0]["containerPort"])


def allows(rule: dict[str, list[str]], verb: str, group: str, resource: str) -> bool:
    return verb in rule["verbs"] and group in rule["apiGroups"] and resource in rule["resources"]


def api_calls() -> Iterator[str]:
    """Methods of kubernetes_asyncio that the operator's code names."""
    shape = re.compile(r"(read|list|create|replace|patch|delete|get|watch)_(namespaced|cluster|custom|api)_\w+")
    for path in (chart.ROOT / "k8s").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and shape.fullmatch(node.attr):
                yield node.attr
