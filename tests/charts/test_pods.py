"""Rules that hold for every pod of every scenario."""

from collections.abc import Iterator

import pytest

from tests.charts import chart

SCENARIOS = sorted(chart.SCENARIOS)
# The volumes that the restricted Pod Security Standard allows.
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
# LangChain's server reads these from its environment alone.
SECRET_VARIABLES = {"DATABASE_URI", "REDIS_URI", "LANGGRAPH_CLOUD_LICENSE_KEY", "LANGSMITH_API_KEY"}
NAMES_OF_SECRETS = {"OPERATOR_CHANNELS_SECRET"}
NUMBERS = {"CUSTOMER_TOKENS_PER_DAY"}  # tokens of a model
SECRET_WORDS = ("TOKEN", "SECRET", "PASSWORD", "API_KEY", "DATABASE_URL", "REDIS_URL")


def each_pod(name: str) -> Iterator[tuple[str, chart.Object, chart.Object]]:
    found = list(chart.pods(chart.scenario(name)))
    assert found
    yield from found


@pytest.mark.parametrize("name", SCENARIOS)
def test_pods_meet_the_restricted_standard(name: str) -> None:
    for owner, _, spec in each_pod(name):
        context = spec["securityContext"]
        assert context["runAsNonRoot"] is True, owner
        assert context["runAsUser"] > 0, owner
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, owner
        assert not any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")), owner
        for volume in spec["volumes"]:
            assert (volume.keys() - {"name"}) <= VOLUMES, f"{owner}: {volume}"
        for container in chart.containers(spec):
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False, owner
            assert own["readOnlyRootFilesystem"] is True, owner
            assert own["capabilities"] == {"drop": ["ALL"]}, owner
            assert not any("hostPort" in port for port in container.get("ports", [])), owner


@pytest.mark.parametrize("name", SCENARIOS)
def test_only_the_operator_may_speak_to_the_api_server(name: str) -> None:
    for owner, metadata, spec in each_pod(name):
        operator = metadata["labels"]["app.kubernetes.io/component"] == "operator"
        assert spec["automountServiceAccountToken"] is operator, owner
        assert spec["enableServiceLinks"] is False, owner
    accounts = [one for one in chart.scenario(name) if one["kind"] == "ServiceAccount"]
    assert all(one["automountServiceAccountToken"] is False for one in accounts)


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_name_is_given_twice(name: str) -> None:
    """Helm 4 applies on the server's side, where a second variable or port of the same name is an error."""
    for owner, _, spec in each_pod(name):
        assert_unique([one["name"] for one in chart.containers(spec)], owner)
        assert_unique([one["name"] for one in spec["volumes"]], owner)
        for container in chart.containers(spec):
            assert_unique([one["name"] for one in container.get("env", [])], owner)
            assert_unique([one["mountPath"] for one in container.get("volumeMounts", [])], owner)
            ports = container.get("ports", [])
            assert_unique([one["name"] for one in ports], owner)
            assert_unique([(one["containerPort"], one["protocol"]) for one in ports], owner)


@pytest.mark.parametrize("name", SCENARIOS)
def test_secrets_are_files(name: str) -> None:
    for owner, _, spec in each_pod(name):
        for variable in (one for container in chart.containers(spec) for one in container.get("env", [])):
            if "secretKeyRef" in variable.get("valueFrom", {}):
                assert variable["name"] in SECRET_VARIABLES, owner
            elif any(word in variable["name"] for word in SECRET_WORDS):
                assert variable["name"].endswith("_FILE") or variable["name"] in NAMES_OF_SECRETS | NUMBERS, (
                    f"{owner}: {variable['name']}"
                )


@pytest.mark.parametrize("name", SCENARIOS)
def test_files_of_secrets_are_where_the_variables_say(name: str) -> None:
    for owner, _, spec in each_pod(name):
        there = {path for volume in spec["volumes"] for path in mounted_files(spec, volume)}
        for variable in (one for container in chart.containers(spec) for one in container.get("env", [])):
            if variable["name"].endswith("_FILE") and variable["name"] != "CHANNELS_FILE":
                assert variable["value"] in there, f"{owner}: {variable['name']}"


@pytest.mark.parametrize("name", SCENARIOS)
def test_whole_volumes_are_mounted_so_that_changes_of_secrets_arrive(name: str) -> None:
    for owner, _, spec in each_pod(name):
        mounts = [mount for container in chart.containers(spec) for mount in container.get("volumeMounts", [])]
        assert not any("subPath" in mount for mount in mounts), owner
        claimed = {"data"} if owner.endswith("-postgres") else set()
        assert {mount["name"] for mount in mounts} == {volume["name"] for volume in spec["volumes"]} | claimed, owner


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_container_says_what_it_needs(name: str) -> None:
    for owner, _, spec in each_pod(name):
        for container in chart.containers(spec):
            resources = container["resources"]
            assert {"cpu", "memory", "ephemeral-storage"} <= resources["requests"].keys(), owner
            assert {"memory", "ephemeral-storage"} <= resources["limits"].keys(), owner


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_runs_on_is_probed(name: str) -> None:
    for owner, _, spec in each_pod(name):
        if owner.startswith(chart.ENDING):
            continue
        main = spec["containers"][0]
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= main.keys(), owner
        names = {port["name"] for port in main["ports"]}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = main[probe].get("httpGet") or main[probe].get("tcpSocket")
            assert asked is None or asked["port"] in names, owner
        patience = main["livenessProbe"]["periodSeconds"] * main["livenessProbe"]["failureThreshold"]
        assert patience >= 60, f"{owner} would be killed for a moment's silence"


@pytest.mark.parametrize("name", SCENARIOS)
def test_liveness_does_not_depend_on_databases(name: str) -> None:
    """/readyz, and /ok of a queue worker unless told otherwise, ask Postgres: its restart would kill all pods."""
    for owner, _, spec in each_pod(name):
        if owner.startswith(chart.ENDING):
            continue
        main = spec["containers"][0]
        for path in (main[probe].get("httpGet", {}).get("path") for probe in ("startupProbe", "livenessProbe")):
            assert path in (None, "/healthz", "/ok", "/ok?check_db=0", "/_sim/health"), f"{owner}: {path}"
        if "langgraph_api.queue_entrypoint" in main.get("command", []):
            assert main["livenessProbe"]["httpGet"]["path"] == "/ok?check_db=0"


@pytest.mark.parametrize("name", SCENARIOS)
def test_readiness_of_what_is_called_depends_on_its_database(name: str) -> None:
    objects = chart.scenario(name)
    for component in ("gateway", "worker", *chart.console(objects)):
        main = chart.workload(objects, component)["spec"]["template"]["spec"]["containers"][0]
        assert main["readinessProbe"]["httpGet"]["path"] == "/readyz"


@pytest.mark.parametrize("name", SCENARIOS)
def test_pods_do_not_change_with_the_version_of_the_chart(name: str) -> None:
    """A label with the version would start every pod anew with each release of the chart."""
    for owner, metadata, _ in each_pod(name):
        if not owner.startswith("Pod/"):
            assert not {"helm.sh/chart", "app.kubernetes.io/version"} & metadata["labels"].keys(), owner


def test_containers_of_the_user_run_before_those_that_may_need_them() -> None:
    proxy = {"name": "proxy", "image": "proxy:1", "restartPolicy": "Always"}
    objects = chart.with_values({"pod.initContainers": [proxy]})
    for owner, _, spec in chart.pods(objects):
        assert spec["initContainers"][0] == proxy, owner
    first = chart.pick(objects, "Deployment", "gateway")["spec"]["template"]["spec"]["initContainers"]
    assert [one["name"] for one in first] == ["proxy", "schema"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_images_are_named_whole(name: str) -> None:
    for owner, _, spec in each_pod(name):
        for container in chart.containers(spec):
            repository, _, tag = container["image"].rpartition("/")[2].partition(":")
            assert repository, owner
            assert tag not in ("", "latest"), f"{owner}: {container['image']}"


def mounted_files(spec: chart.Object, volume: chart.Object) -> Iterator[str]:
    mounts = [mount for one in chart.containers(spec) for mount in one.get("volumeMounts", [])]
    folders = [mount["mountPath"] for mount in mounts if mount["name"] == volume["name"]]
    for source in volume.get("projected", {}).get("sources", []):
        for item in source.get("secret", {}).get("items", []):
            yield from (f"{folder}/{item['path']}" for folder in folders)


def assert_unique(values: list[object], owner: str) -> None:
    assert sorted(map(str, set(values))) == sorted(map(str, values)), f"{owner}: {values}"
