"""Every object of every scenario, in every Kubernetes that the chart is for."""

import pytest

from tests.charts import chart, schemas

CUSTOM = ("gateway.networking.k8s.io/", "monitoring.coreos.com/", "keda.sh/", "cert-manager.io/", "postgresql.cnpg.io/")


@pytest.mark.parametrize("version", schemas.VERSIONS)
@pytest.mark.parametrize("name", chart.SCENARIOS)
def test_objects_are_what_kubernetes_expects(name: str, version: str) -> None:
    objects = [one for one in chart.scenario(name, kubernetes=version) if not one["apiVersion"].startswith(CUSTOM)]
    assert objects
    assert [problem for one in objects for problem in schemas.problems(one, version)] == []


@pytest.mark.skipif(
    not schemas.custom_resources_known(),
    reason=f"{schemas.CRDS_VARIABLE} names no folder with definitions of KEDA, Gateway API, cert-manager …",
)
def test_objects_of_other_projects_are_what_their_definitions_say() -> None:
    objects = [one for name in chart.SCENARIOS for one in chart.scenario(name) if one["apiVersion"].startswith(CUSTOM)]
    kinds = {one["kind"] for one in objects}
    wanted = {"HTTPRoute", "ServiceMonitor", "ScaledObject", "TriggerAuthentication", "Certificate"}
    assert kinds == wanted | {"Cluster", "ScheduledBackup"}  # of CloudNativePG
    assert [problem for one in objects for problem in schemas.problems(one, "1.34")] == []


@pytest.mark.parametrize("name", chart.SCENARIOS)
def test_helm_3_and_helm_4_render_the_same(name: str) -> None:
    assert by_name(chart.scenario(name, helm=3)) == by_name(chart.scenario(name, helm=4))


@pytest.mark.parametrize("name", chart.SCENARIOS)
def test_the_output_does_not_depend_on_kubernetes(name: str) -> None:
    oldest, newest = (chart.scenario(name, kubernetes=version) for version in ("1.31", "1.37"))
    assert [without_made_up(one) for one in oldest] == [without_made_up(one) for one in newest]


def test_an_older_kubernetes_is_refused() -> None:
    with pytest.raises(chart.RenderError, match=r"kubeVersion: >=1\.31\.0-0"):
        chart.scenario("demo", kubernetes="1.30")


def by_name(objects: list[chart.Object]) -> dict[tuple[str, str], chart.Object]:
    return {(one["kind"], one["metadata"]["name"]): without_made_up(one) for one in objects}


def without_made_up(one: chart.Object) -> chart.Object:
    """The object; of Secrets whose values are made up at each render without a cluster, the keys."""
    component = one["metadata"]["labels"]["app.kubernetes.io/component"]
    made_up = one["kind"] == "Secret" and component in (
        "simulator",
        "console-business",
        "knowledge",
        "postgres",
        "tombstones",
    )
    return {**one, "data": sorted(one["data"])} if made_up else one
