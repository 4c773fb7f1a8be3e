"""Values that the chart accepts, and those that it refuses with a sentence that helps."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.charts import chart, console_refusals
from tests.charts.generator import generate

SCHEMA = json.loads((chart.CHART / "values.schema.json").read_text())
VALUES = (chart.CHART / "values.yaml").read_text()
# Objects that are handed on to Kubernetes, or to the agent, as they are.
FREE = {
    "context",
    "volume",
    "affinity",
    "dnsConfig",
    "securityContext",
    "containerSecurityContext",
    "items",
    "valueFrom",
}
FREE |= {"podSelector", "namespaceSelector", "global"}

RECIPIENT = f"age1{'q' * 58}"
REFUSALS = {
    "an unknown value": ({"gateway.replica": 2}, "additional properties 'replica' not allowed"),
    "an unknown section": ({"gatway.replicas": 2}, "additional properties 'gatway' not allowed"),
    "a section taken away": ({"gateway": None}, "missing property 'gateway'"),
    "a wrong type": ({"gateway.replicas": "two"}, "/gateway/replicas"),
    "an unknown edition": ({"edition": "free"}, "/edition"),
    "a tag that is none": ({"images.gateway.tag": "a b"}, 'images.gateway.tag is "a b": write it as a tag'),
    "two digests": (
        {"images.gateway": {"tag": f"1@sha256:{'0' * 64}", "digest": f"sha256:{'1' * 64}"}},
        "images.gateway has a digest in its tag and in digest: leave one of them out",
    ),
    "a telephone number": ({"channel.phoneNumberId": "+5511999999999"}, "write it as the id that Meta's dashboard"),
    "a long number without quotes": ({"channel.phoneNumberId": 1.2210748931234568e17}, "digits alone"),
    "a model of nobody": ({"model.name": "gpt-5"}, 'model.name is "gpt-5": write it as provider:model'),
    "a Secret that is none": ({"model.existingSecret": "My_Secret"}, "write it as the name of a Secret"),
    "a quantity that is none": (
        {"gateway.resources.limits.memory": "1GB"},
        'gateway.resources.limits is "1GB": write it as a quantity',
    ),
    "an address as a host": ({"route.hostnames": ["https://a.example.com/"]}, "without https:// and without a path"),
    "a name with capitals": ({"fullnameOverride": "My_App"}, 'fullnameOverride is "My_App": write it as lower case'),
    "a gateway scaled to zero": ({"gateway.autoscaling.minReplicas": 0}, "/gateway/autoscaling/minReplicas"),
    "a worker scaled to zero": ({"worker.autoscaling.minReplicas": 0}, "/worker/autoscaling/minReplicas"),
    "no number": ({"simulator.enabled": False}, "channel.phoneNumberId is missing: set it to"),
    "no access token": (
        {"simulator.enabled": False, "channel.phoneNumberId": "1"},
        "channel.accessToken is missing: name a Secret",
    ),
    "no verify token": (
        {"simulator.enabled": False, "channel": {"phoneNumberId": "1", "accessToken": "a", "appSecret": "b"}},
        "channel.verifyToken is missing: name a Secret",
    ),
    "a short verify token": (
        {
            "simulator.enabled": False,
            "channel": {"phoneNumberId": "1", "accessToken": "a", "appSecret": "b", "verifyToken": "a" * 15},
        },
        "channel.verifyToken has fewer than 16 characters",
    ),
    "a Secret and values": (
        {
            "whatsapp.graphUrl": "https://graph.facebook.com",
            "channel.phoneNumberId": "1",
            "channel.existingSecret": "whatsapp",
            "channel.accessToken": "token",
        },
        "leave out channel.accessToken",
    ),
    "no number and nobody to declare one": (
        {"simulator.enabled": False, "channel.enabled": False, "operator.enabled": False},
        "enable one of them",
    ),
    "a simulator of no number": ({"channel.enabled": False}, "simulator.enabled needs channel.enabled"),
    "no model": (
        {"simulator.enabled": False, "channel": {"phoneNumberId": "1", "existingSecret": "whatsapp"}},
        "The model's key is missing: name a Secret",
    ),
    "two keys of the model": ({"model": {"apiKey": "a", "existingSecret": "b"}}, "leave one of them out"),
    "no external database": ({"postgres.mode": "external"}, "name a Secret with the URL in postgres.external"),
    "an external database that is not used": (
        {"postgres.external.existingSecret": "postgres"},
        "postgres.mode is dev, so that it would not be used: set postgres.mode=external",
    ),
    "two addresses of one database": (
        {"redis": {"mode": "external", "external": {"host": "a", "existingSecret": "b"}}},
        "redis.external.existingSecret and redis.external.host are both set",
    ),
    "tokens twice": (
        {"tokens.existingSecret": "tokens"},
        "leave out tokens.agent, tokens.internal and tokens.templates",
    ),
    "a licence that is not used": (
        {"agent.license.existingSecret": "licence"},
        "edition: open uses no licence: set edition=licensed",
    ),
    "no external Redis": ({"redis.mode": "external"}, "name a Secret with the URL in redis.external"),
    "an agent server that is given up too late": (
        {"agent.awaySeconds": 300},
        "agent.awaySeconds is not less than worker.turnSeconds",
    ),
    "no licence": ({"edition": "licensed"}, "name its Secret in agent.license.existingSecret"),
    "a licensed server in the gateway's database": (
        {
            "edition": "licensed",
            "agent.license.existingSecret": "licence",
            "postgres": {"mode": "external", "external": {"existingSecret": "postgres"}},
        },
        "edition: licensed needs a database of its own",
    ),
    "a route and an ingress": (
        {"route": {"enabled": True, "parentRefs": [{"name": "a"}]}, "ingress": {"enabled": True, "host": "a"}},
        "route.enabled and ingress.enabled are both true",
    ),
    "a route of no Gateway": ({"route.enabled": True}, "route.enabled needs route.parentRefs"),
    "an ingress of no host": ({"ingress.enabled": True}, "ingress.enabled needs ingress.host"),
    "an ingress without a certificate": (
        {"ingress": {"enabled": True, "host": "a"}},
        "ingress.tls has no certificate: name its Secret in ingress.tls.secretName",
    ),
    **{
        f"a real {name} for a simulator": (
            {f"channel.{name}": "real"},
            f"channel.{name} is set, which may be a real one",
        )
        for name in ("existingSecret", "accessToken", "appSecret", "verifyToken")
    },
    "the simulator as Meta's address": (
        {"whatsapp.graphUrl": "http://wa-whatsapp-agent-simulator:8100", "channel.existingSecret": "real"},
        "whatsapp.graphUrl is the simulator's address",
    ),
    "a simulator beside Meta, with a route, a token and no secret of the app": (
        {
            "whatsapp.graphUrl": "https://graph.facebook.com",
            "channel": {"phoneNumberId": "1", "accessToken": "real"},
            "route": {"enabled": True, "parentRefs": [{"name": "public"}]},
        },
        "channel.appSecret is missing",
    ),
    "a simulator beside Meta without a number": (
        {"whatsapp.graphUrl": "https://graph.facebook.com"},
        "channel.phoneNumberId is missing",
    ),
    "webhooks on the port of metrics": ({"gateway.service.port": 8003}, "gateway.service.port is 8003"),
    "customers who would write to a simulator": (
        {"route": {"enabled": True, "parentRefs": [{"name": "a"}]}},
        "leave the simulator or the way in out",
    ),
    "backups that nobody could read": ({"backup.enabled": True}, "backup.enabled needs backup.recipient: make a pair"),
    "a private key as a value": (
        {"backup.recipient": "AGE-SECRET-KEY-1"},
        "the private one, AGE-SECRET-KEY-…, is never",
    ),
    "a drill of no backup": ({"backup.drill.enabled": True}, "backup.drill.enabled needs backup.enabled"),
    "a drill without a key": (
        {"backup": {"enabled": True, "recipient": RECIPIENT, "drill": {"enabled": True}}},
        "backup.drill.enabled needs backup.drill.existingSecret",
    ),
    "backups among customers' files": (
        {"media.url": "s3://a/b", "backup": {"enabled": True, "recipient": RECIPIENT, "url": "s3://a/b/"}},
        "backup.url is the object store of media.url",
    ),
    "backups by a role that may not read everything": (
        {
            "backup": {"enabled": True, "recipient": RECIPIENT},
            "postgres": {"mode": "external", "external": {"existingSecret": "a", "migrateUrlKey": "m"}},
        },
        "needs postgres.external.backupUrlKey",
    ),
    "a schedule of four fields": ({"backup.schedule": "17 3 * *"}, "minute, hour, day, month and day of the week"),
    "an operator's Postgres that is not used": (
        {"postgres.cnpg.backup.objectStore": "a"},
        "postgres.cnpg is set, but postgres.mode is dev",
    ),
    "a recovery from nobody": (
        {"postgres": {"mode": "cnpg", "cnpg": {"recovery": {"objectStore": "a"}}}},
        "recovery needs serverName",
    ),
    "a recovery over its own backups": (
        {"postgres": {"mode": "cnpg", "cnpg": {"name": "a", "recovery": {"objectStore": "a", "serverName": "a"}}}},
        "set postgres.cnpg.name to a new one",
    ),
    "two issuers": (
        {"ingress": {"enabled": True, "host": "a", "certManager": {"clusterIssuer": "a", "issuer": "b"}}},
        "leave one of them out",
    ),
    "a certificate of nobody": ({"certificate.enabled": True}, "certificate.enabled needs certificate.issuerRef.name"),
    "a certificate for nothing": (
        {"certificate": {"enabled": True, "issuerRef": {"name": "a"}}},
        "certificate.enabled needs names",
    ),
    "hooks without a database": ({"migrations.useHooks": True}, "migrations.useHooks needs postgres.mode=external"),
    "too little grace for the gateway": (
        {"gateway.terminationGracePeriodSeconds": 39},
        "but preStopSeconds + drainSeconds + 15 is 40 and requests would be cut off: raise it to that, or leave it out",
    ),
    "too little grace for the worker": (
        {"worker": {"terminationGracePeriodSeconds": 30, "drainSeconds": 30}},
        "but preStopSeconds + drainSeconds + 15 is 45 and turns and sends would be cut off",
    ),
    "too little grace for a run": (
        {"agent.terminationGracePeriodSeconds": 254},
        "but preStopSeconds + runSeconds + 15 is 255 and a run would be killed",
    ),
    "another drain than the grace period knows": (
        {"agent.pod.env": {"BG_JOB_SHUTDOWN_GRACE_PERIOD_SECS": 600}},
        "agent.pod.env.BG_JOB_SHUTDOWN_GRACE_PERIOD_SECS would contradict what the pods' grace period is made from: "
        "set agent.runSeconds instead",
    ),
    "no CPU to scale by": (
        {"gateway.resources.requests.cpu": None},
        "gateway.autoscaling measures CPU in per cent of gateway.resources.requests.cpu, which is not set",
    ),
    "no drain allowed": ({"gateway.pdb.maxUnavailable": 0}, "/gateway/pdb/maxUnavailable': minimum: got 0, want 1"),
    "runs longer than turns": ({"agent.runSeconds": 301}, "workers give a turn only 300 s (worker.turnSeconds)"),
    "a quiet period beyond its bound": ({"worker.quietPeriodSeconds": 9}, "the latter is the upper bound"),
    "less at most than at least": ({"gateway.autoscaling.maxReplicas": 1}, "raise the one or lower the other"),
    **console_refusals.REFUSALS,
}


@pytest.mark.parametrize("what", REFUSALS)
@pytest.mark.parametrize("helm", [3, 4])
def test_what_cannot_work_is_refused_by_one_sentence(what: str, helm: int) -> None:
    values, sentence = REFUSALS[what]
    with pytest.raises(chart.RenderError) as refusal:
        chart.with_values(values, helm=helm)
    assert sentence in str(refusal.value)
    said = re.sub(r".*?\(whatsapp-agent/templates/[\w.]+:\d+:\d+\): ", "", str(refusal.value), flags=re.DOTALL)
    assert len(said.strip().splitlines()) <= 6, said


def test_with_nothing_said_it_says_what_is_missing() -> None:
    with pytest.raises(chart.RenderError, match=r"channel\.phoneNumberId is missing: .* simulator\.enabled=true"):
        chart.template()


@pytest.mark.parametrize("helm", [3, 4])
@pytest.mark.parametrize("how", ["--set", "--set-string", "--set-json"])
def test_ids_may_be_numbers(how: str, helm: int) -> None:
    """`--set` makes a number of what looks like one, and so does YAML."""
    objects = chart.scenario("demo", how, "channel.phoneNumberId=106540352242922", helm=helm)
    text = chart.pick(objects, "ConfigMap", "channel")["data"]["channels.json"]
    assert json.loads(text)["channels"][0]["phone_number_id"] == "106540352242922"


def test_enough_grace_is_taken_as_it_is_said() -> None:
    assert grace({"agent.terminationGracePeriodSeconds": 256}, "agent") == 256


@pytest.mark.parametrize(
    ("component", "values", "expected"),
    [
        ("gateway", {"gateway": {"preStopSeconds": 7, "drainSeconds": 30}}, 52),
        ("gateway", {"gateway": {"preStopSeconds": 0}}, 35),
        ("worker", {"worker": {"drainSeconds": 2}}, 17),
        ("console", {"console.preStopSeconds": 0, "console.drainSeconds": 5}, 20),
        ("agent", {"agent": {"runSeconds": 100}}, 115),
    ],
)
def test_grace_periods_follow_from_the_work(component: str, values: dict[str, Any], expected: int) -> None:
    assert grace(values, component) == expected


def grace(values: dict[str, Any], component: str) -> int:
    spec = chart.workload(chart.with_values(values), component)["spec"]["template"]["spec"]
    return int(spec["terminationGracePeriodSeconds"])


def test_every_value_has_a_comment() -> None:
    assert [value.path for value in generate.values(VALUES) if not value.about] == []


def test_every_value_is_used() -> None:
    templates = "".join(path.read_text() for path in (chart.CHART / "templates").rglob("*") if path.is_file())
    unused = [value.path for value in generate.values(VALUES) if value.path.split(".")[-1] not in templates]
    assert unused == []


def test_the_schema_is_closed() -> None:
    """Or a typing error would change nothing and nobody would know."""
    open_ones = [path for path, schema in objects(SCHEMA) if not closed(schema) and path.rsplit("/", 1)[-1] not in FREE]
    assert open_ones == []


def test_no_section_may_be_missing() -> None:
    """As after an upgrade with --reuse-values, which knows nothing that is new."""
    assert SCHEMA["required"] == list(SCHEMA["properties"])


def test_the_schema_knows_every_value_and_no_other() -> None:
    known = set(leaves(SCHEMA))
    said = {value.path for value in generate.values(VALUES)}
    assert {path for path in said if not any(one == path or one.startswith(f"{path}.") for one in known)} == set()
    extra = {path for path in known if not any(path == one or path.startswith(f"{one}.") for one in said)}
    assert extra == set()


def closed(schema: dict[str, Any]) -> bool:
    return schema.get("additionalProperties") is False or isinstance(schema.get("additionalProperties"), dict)


def objects(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of an object, wherever it is."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield path, schema
        for key, part in schema.items():
            yield from objects(part, f"{path}/{key}")
    elif isinstance(schema, list):
        for part in schema:
            yield from objects(part, path)


def leaves(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """The dotted paths that a schema names."""
    if "$ref" in schema:
        schema = SCHEMA["definitions"][schema["$ref"].rsplit("/", 1)[-1]]
    properties = schema.get("properties")
    if not properties:
        yield path
        return
    for key, part in properties.items():
        yield from leaves(part, f"{path}.{key}" if path else key)


def test_the_examples_of_production_are_values() -> None:
    assert chart.SCENARIOS["production"] == Path(chart.CHART / "values-production.yaml")
    assert chart.scenario("production")
