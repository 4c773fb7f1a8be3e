"""Backups, drills and restores: what each Job may read, where it may go, and who starts it."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from gateway.backup.settings import BackupSettings, DrillSettings
from simulator.stack.postgres import programs
from tests.charts import chart
from tests.charts.network import NAMESPACE, Network, Outside, Pod
from tests.charts.test_secrets import decoded

KINDS = ("backup", "drill", "restore")
RECIPIENT = f"age1{'q' * 58}"
ON = {"backup": {"enabled": True, "recipient": RECIPIENT, "drill": {"enabled": True, "existingSecret": "drill-key"}}}
NOT_SETTINGS = {"PATH", "TMPDIR", "MIGRATE_URL_FILE", "LANGGRAPH_URL"}


def _jobs(values: dict[str, Any], name: str = "demo") -> dict[str, chart.Object]:
    objects = chart.with_values(values, name)
    return {kind: chart.pick(objects, "CronJob", kind) for kind in KINDS}


def _secrets(job: chart.Object) -> dict[str, tuple[str, str]]:
    """Return name and key of each Secret by the file that it becomes."""
    return {
        item["path"]: (source["secret"]["name"], item["key"])
        for volume in chart.pod_template(job)["spec"]["volumes"]
        for source in volume.get("projected", {}).get("sources", [])
        for item in source["secret"]["items"]
    }


def test_without_being_asked_for_there_is_none() -> None:
    assert not [one for one in chart.scenario("demo") if one["kind"] == "CronJob"]
    assert "backup-url" not in chart.pick(chart.scenario("demo"), "Secret", "postgres")["data"]


def test_only_people_start_a_restore_and_never_two_of_a_kind_run() -> None:
    jobs = _jobs(ON)
    assert {kind: one["spec"]["suspend"] for kind, one in jobs.items()} == {
        "backup": False, "drill": False, "restore": True,
    }  # fmt: skip
    assert {one["spec"]["concurrencyPolicy"] for one in jobs.values()} == {"Forbid"}
    assert jobs["restore"]["spec"]["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert jobs["backup"]["spec"]["timeZone"] == "America/Sao_Paulo"


def test_each_job_holds_the_secrets_that_it_needs_and_no_others() -> None:
    postgres = "wa-whatsapp-agent-postgres"
    tombstones = ("wa-whatsapp-agent-tombstones", "tombstone-key")
    held = {kind: _secrets(one) for kind, one in _jobs(ON).items()}
    assert held["backup"] == {"database-url": (postgres, "backup-url")}  # the public key is no secret
    assert held["drill"] == {
        "database-url": (postgres, "backup-url"), "backup-key": ("drill-key", "key"), "tombstone-key": tombstones,
    }  # fmt: skip
    assert held["restore"] == {
        "database-url": (postgres, "restore-url"), "migrate-url": (postgres, "migrate-url"),
        "backup-key": ("wa-whatsapp-agent-restore", "key"), "tombstone-key": tombstones,
    }  # fmt: skip
    everything = chart.with_values(ON)
    holders = {owner for owner, _, spec in chart.pods(everything) if "drill-key" in str(spec)}
    assert holders == {"CronJob/wa-whatsapp-agent-drill"}


@pytest.mark.parametrize(
    ("keys", "backup", "restore"),
    [
        ({}, "url", "url"),
        ({"backupUrlKey": "b", "migrateUrlKey": "m"}, "b", "m"),
        ({"backupUrlKey": "b", "migrateUrlKey": "m", "restoreUrlKey": "r"}, "b", "r"),
    ],
)
def test_a_secret_of_ones_own_has_a_url_for_each_job_or_one_for_all(
    keys: dict[str, str], backup: str, restore: str
) -> None:
    external = {"mode": "external", "external": {"existingSecret": "own", "agentUrlKey": "a", **keys}}
    jobs = _jobs(ON | {"postgres": external})
    held = {kind: {path: key for path, (_, key) in _secrets(one).items()} for kind, one in jobs.items()}
    assert (held["backup"]["database-url"], held["restore"]["database-url"]) == (backup, restore)
    assert (held["backup"]["agent-database-url"], held["restore"]["agent-database-url"]) == ("a", "a")
    assert "agent-database-url" not in held["drill"]


def test_a_database_of_the_knowledges_own_is_in_backup_and_restore() -> None:
    keys = {"existingSecret": "own", "knowledgeUrlKey": "k", "knowledgeMigrateUrlKey": "m"}
    jobs = _jobs(ON | {"postgres": {"mode": "external", "external": keys}})
    held = {kind: {path: key for path, (_, key) in _secrets(one).items()} for kind, one in jobs.items()}
    assert (held["backup"]["knowledge-database-url"], held["restore"]["knowledge-database-url"]) == ("k", "m")
    assert "knowledge-database-url" not in held["drill"]  # it restores into a Postgres of its own


def test_the_licensed_servers_own_database_is_in_the_backup() -> None:
    objects = chart.scenario("licensed-dev")
    assert _secrets(chart.pick(objects, "CronJob", "backup"))["agent-database-url"][1] == "backup-agent-url"
    assert not [one for one in objects if one["kind"] == "CronJob" and one["metadata"]["name"].endswith("-drill")]


@pytest.mark.parametrize("name", ["demo", "external"])
def test_programs_know_every_variable_that_they_are_given(name: str) -> None:
    known = {field.upper() for field in DrillSettings.model_fields}
    for one in _jobs(ON, name).values():
        for container in chart.containers(chart.pod_template(one)["spec"]):
            if "gateway" in container["image"]:
                names = {entry["name"] for entry in container["env"]} - NOT_SETTINGS
                assert {variable for variable in names if variable not in known} <= {
                    "DATABASE_URL_FILE", "AGENT_DATABASE_URL_FILE", "BUSINESS_DATABASE_URL_FILE",
                    "KNOWLEDGE_DATABASE_URL_FILE", "TOMBSTONE_KEY_FILE",
                }  # fmt: skip


def test_programs_accept_what_they_are_given() -> None:
    objects = chart.with_values(ON)
    for kind, settings in (("backup", BackupSettings), ("drill", DrillSettings)):
        given = {key.lower(): value for key, value in chart.environment(objects, kind, "CronJob").items()}
        fields = {key: value for key, value in given.items() if key in settings.model_fields}
        settings.model_validate({**fields, "database_url": "postgresql://db/x"})


def test_they_reach_postgres_and_the_object_store_and_nobody_reaches_them() -> None:
    network = Network(chart.with_values(ON))
    for kind in KINDS:
        assert network.leaves(network.pods[kind], network.pods["postgres"], 5432)
        assert not network.leaves(network.pods[kind], Outside("157.240.12.53"), 443)
        assert not [other for other, pod in network.pods.items() if network.enters(pod, network.pods[kind], 5432)]
    remote = Network(chart.with_values(ON | {"backup.url": "s3://backups"}))
    assert all(remote.leaves(remote.pods[kind], Outside("157.240.12.53"), 443) for kind in KINDS)


def test_the_drills_postgres_listens_on_a_socket_of_its_pod_alone() -> None:
    spec = chart.pod_template(_jobs(ON)["drill"])["spec"]
    [scratch] = [one for one in spec["initContainers"] if one["name"] == "scratch"]
    assert scratch["restartPolicy"] == "Always"
    assert "listen_addresses=" in scratch["args"]
    assert scratch["securityContext"]["runAsUser"] == 999
    assert {"ports", "livenessProbe"} & scratch.keys() == set()


def test_backups_outlive_the_release() -> None:
    claim = next(
        one for one in chart.with_values(ON)
        if one["kind"] == "PersistentVolumeClaim" and one["metadata"]["name"].endswith("-backups")
    )  # fmt: skip
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    elsewhere = chart.with_values(ON | {"backup.url": "s3://backups"})
    assert not [one for one in elsewhere if one["metadata"]["name"].endswith("-backups")]


@pytest.mark.parametrize("found", ["on the path", "in Debian's folder"])
def test_copied_programs_of_postgres_run_without_their_image(found: str, tmp_path: Path) -> None:
    script = chart.CHART / "files" / "postgres-tools.sh"
    if found == "in Debian's folder" and not list(Path("/usr/lib/postgresql").glob("*/bin/pg_dump")):
        pytest.skip("Debian's Postgres is not installed here")
    path = f"{programs()}:/usr/bin:/bin" if found == "on the path" else "/usr/bin:/bin"
    subprocess.run(["sh", script, tmp_path], env={"PATH": path}, check=True)
    for program in ("pg_dump", "pg_restore"):
        done = subprocess.run(
            [tmp_path / "bin" / program, "--version"], env={}, capture_output=True, text=True, check=True
        )
        assert done.stdout.startswith(f"{program} (PostgreSQL)")


# CloudNativePG ------------------------------------------------------------------------------------------------------


def test_a_cluster_of_cloudnativepg_has_the_roles_and_passwords_that_the_pods_use() -> None:
    objects = chart.scenario("cnpg")
    [cluster] = [one for one in objects if one["kind"] == "Cluster"]
    named = {one["metadata"]["name"]: one.get("data", {}) for one in objects if one["kind"] == "Secret"}
    urls = named["wa-whatsapp-agent-postgres"]
    for role in cluster["spec"]["managed"]["roles"]:
        secret = named[role["passwordSecret"]["name"]]
        key = {"wa_gateway": "url", "wa_agent": "agent-url"}.get(role["name"], f"{role['name'][3:]}-url")
        url = conninfo_to_dict(decoded({"data": urls}, key))
        assert (url["user"], url["password"], url["host"]) == (
            role["name"], decoded({"data": secret}, "password"), "shop-2-rw.shop.svc",
        )  # fmt: skip
    superuser = conninfo_to_dict(decoded({"data": urls}, "restore-url"))
    assert superuser["password"] == decoded({"data": named[cluster["spec"]["superuserSecret"]["name"]]}, "password")


def test_it_goes_on_from_another_cluster_and_writes_under_its_own_name() -> None:
    [cluster] = [one for one in chart.scenario("cnpg") if one["kind"] == "Cluster"]
    assert cluster["spec"]["bootstrap"]["recovery"]["recoveryTarget"] == {"targetTime": "2026-11-29T10:00:00Z"}
    assert cluster["spec"]["externalClusters"][0]["plugin"]["parameters"]["serverName"] == "shop-1"
    new = chart.with_values({"postgres.mode": "cnpg", "edition": "open"})
    [cluster] = [one for one in new if one["kind"] == "Cluster"]
    assert cluster["spec"]["bootstrap"]["initdb"]["owner"] == "whatsapp_agent"
    assert not [one for one in new if one["kind"] == "ScheduledBackup"]
    assert not [one for one in new if one["kind"] == "StatefulSet" and one["metadata"]["name"].endswith("-postgres")]


def test_pods_reach_the_clusters_pods_which_the_chart_does_not_close() -> None:
    network = Network(chart.scenario("cnpg"))
    server = Pod({"cnpg.io/cluster": "shop-2"}, NAMESPACE)
    users = {component for component, pod in network.pods.items() if network.leaves(pod, server, 5432)}
    assert {"gateway", "worker", "agent", "agent-queue", "migrate", "backup", "restore"} <= users
    assert "simulator" not in users
    assert network.enters(Outside("10.1.2.3"), server, 5432)
