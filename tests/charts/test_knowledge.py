"""The knowledge in a cluster: its tables and texts by a Job, its token in a Secret, in both editions."""

from typing import Any

import pytest

from tests.charts import chart


def job(objects: list[chart.Object]) -> dict[str, Any]:
    [spec] = [
        one["spec"]["template"]["spec"]
        for one in objects
        if one["kind"] == "Job" and "-knowledge-" in one["metadata"]["name"]
    ]
    found: dict[str, Any] = spec
    return found


def secrets(spec: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return Secret and key of each variable that ends with _FILE."""
    projected = [source["secret"] for one in spec["volumes"] for source in one.get("projected", {}).get("sources", [])]
    return {item["path"]: (one["name"], item["key"]) for one in projected for item in one["items"]}


def test_without_knowledge_nothing_of_it_is_made() -> None:
    objects = chart.scenario("first-try")
    assert not [one for one in objects if "knowledge" in one["metadata"]["name"]]
    assert not [name for name in chart.environment(objects, "agent") if "KNOWLEDGE" in name or "EMBEDDINGS" in name]


def test_the_job_makes_the_tables_and_publishes_the_texts_of_a_config_map() -> None:
    spec = job(chart.scenario("external"))
    [container] = spec["containers"]
    assert container["command"][-2:] == ["--sync", "/run/whatsapp-agent/knowledge"]
    [volume] = [one for one in spec["volumes"] if one["name"] == "knowledge"]
    assert volume["configMap"] == {"name": "what-we-know"}
    assert secrets(spec) == {"knowledge-database-url": ("postgres", "knowledge-migrate")}


def test_the_texts_may_be_on_a_volume() -> None:
    claim = {"persistentVolumeClaim": {"claimName": "texts"}}
    spec = job(chart.with_values({"knowledge.enabled": True, "knowledge.volume": claim}, "first-try"))
    assert {"name": "knowledge", **claim} in spec["volumes"]


def test_the_demo_has_its_texts_and_the_simulators_vectors() -> None:
    objects = chart.with_values({"knowledge.enabled": True})
    assert job(objects)["containers"][0]["command"] == ["python", "-m", "graph.knowledge", "migrate", "--demo"]
    assert secrets(job(objects))["knowledge-database-url"][1] == "migrate-url"
    given = chart.environment(objects, "agent")
    assert (given["KNOWLEDGE"], given["EMBEDDINGS_MODEL"]) == ("true", "demo")


@pytest.mark.parametrize(("name", "components"), [("external", ["agent"]), ("licensed", ["agent", "agent-queue"])])
def test_every_server_of_both_editions_is_given_the_knowledge(name: str, components: list[str]) -> None:
    objects = chart.scenario(name)
    for component in components:
        assert chart.environment(objects, component)["KNOWLEDGE"] == "true"
        files = secrets(chart.workload(objects, component)["spec"]["template"]["spec"])
        assert {"knowledge-database-url", "knowledge-token"} <= files.keys()


def test_a_company_brings_its_own_model_database_and_secrets() -> None:
    objects = chart.scenario("external")
    given = chart.environment(objects, "agent")
    assert given["EMBEDDINGS_MODEL"] == "text-embedding-3-small"
    assert given["EMBEDDINGS_URL"] == "https://embeddings.example.com/v1"
    assert (given["KNOWLEDGE_THRESHOLD"], given["KNOWLEDGE_UNANSWERED_DAYS"]) == ("0.6", "90")
    files = secrets(chart.workload(objects, "agent")["spec"]["template"]["spec"])
    assert files["knowledge-database-url"] == ("postgres", "knowledge")
    assert files["knowledge-token"] == ("knowledge", "knowledge-token")
    assert files["embeddings-key"] == ("embeddings", "api-key")
    assert not [one for one in objects if one["kind"] == "Secret" and "knowledge" in one["metadata"]["name"]]


@pytest.mark.parametrize(
    ("keys", "read", "migrate"),
    [
        ({}, "url", "url"),
        ({"migrateUrlKey": "m"}, "url", "m"),
        ({"agentUrlKey": "a", "migrateUrlKey": "m"}, "a", "a"),
        ({"agentUrlKey": "a", "knowledgeUrlKey": "k"}, "k", "k"),
        ({"knowledgeUrlKey": "k", "knowledgeMigrateUrlKey": "km"}, "k", "km"),
    ],
)
def test_its_database_is_the_agents_unless_it_has_its_own(keys: dict[str, str], read: str, migrate: str) -> None:
    own = {"postgres.mode": "external", "postgres.external.existingSecret": "own", "knowledge.enabled": True}
    objects = chart.with_values(own | {f"postgres.external.{name}": key for name, key in keys.items()})
    agent = chart.workload(objects, "agent")["spec"]["template"]["spec"]
    assert secrets(agent)["knowledge-database-url"] == ("own", read)
    assert secrets(job(objects))["knowledge-database-url"] == ("own", migrate)
