"""The chart's own Postgres gives each process a role of its own, also over the volume of an older release."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from gateway.store.migrate import migrate
from simulator.stack.postgres import Postgres, _binary
from tests.charts import chart
from tests.charts.test_secrets import decoded

URLS = {
    "migrate-url": ("wa_migrate", "whatsapp_agent"),
    "url": ("wa_gateway", "whatsapp_agent"),
    "console-url": ("wa_console", "whatsapp_agent"),
    "business-url": ("wa_agent", "whatsapp_agent"),
    "agent-url": ("wa_agent", "agent"),
}
OWNER = "whatsapp_agent"


@pytest.fixture(scope="module")
def server(server_dir: Path) -> Iterator[Postgres]:
    """A Postgres with the superuser of the chart, whose tables an older release made."""
    with Postgres(server_dir / "postgres-chart", password="kept-apart") as server:
        secret = chart.pick(chart.scenario("licensed-dev"), "Secret", "postgres")
        password = sql.Literal(decoded(secret, "password"))
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE ROLE whatsapp_agent SUPERUSER LOGIN PASSWORD {}").format(password))
            connection.execute("CREATE DATABASE whatsapp_agent OWNER whatsapp_agent")
        migrate(_url(server, secret, OWNER, decoded(secret, "password")))
        yield server


def _url(server: Postgres, secret: dict[str, Any], role: str, password: str) -> str:
    return f"postgresql://{role}:{password}@127.0.0.1:{server.port}/whatsapp_agent"


def _start(server: Postgres, objects: list[chart.Object], folder: Path) -> None:
    """Do what the chart's Postgres does after each start."""
    secret = chart.pick(objects, "Secret", "postgres")
    pod = chart.pick(objects, "StatefulSet", "postgres")["spec"]["template"]["spec"]
    for name, text in chart.pick(objects, "ConfigMap", "postgres")["data"].items():
        (folder / name).write_text(text)
    environment = {one["name"]: one["value"] for one in pod["containers"][0]["env"]}
    [volume] = [one for one in pod["volumes"] if one["name"] == "secrets"]
    for source in volume["projected"]["sources"]:
        [item] = source["secret"]["items"]
        (folder / item["path"]).write_text(decoded(secret, item["key"]))
    files = {name: str(folder / Path(path).name) for name, path in environment.items() if name.endswith("_FILE")}
    own = {"PATH": f"{_binary('psql').parent}:{os.environ['PATH']}", "PGPORT": str(server.port)}
    handler = pod["containers"][0]["lifecycle"]["postStart"]["exec"]["command"]
    command = [handler[0], str(folder / Path(handler[1]).name)]
    done = subprocess.run(command, env=environment | files | own, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_each_url_of_the_secret_opens_its_database_with_its_role(server: Postgres, tmp_path: Path) -> None:
    objects = chart.with_values({"postgres.dev.rolePasswords.gateway": "p/a+s s@wörd:%'\"`$\\"}, "licensed-dev")
    secret = chart.pick(objects, "Secret", "postgres")
    for _ in range(2):  # each start
        _start(server, objects, tmp_path)
    for key, (role, database) in URLS.items():
        made = urlsplit(decoded(secret, key))
        here = made._replace(netloc=f"{made.netloc.rpartition('@')[0]}@127.0.0.1:{server.port}").geturl()
        with psycopg.connect(here) as connection:
            assert connection.execute("SELECT current_user, current_database()").fetchone() == (role, database)
        if role == "wa_migrate":
            migrate(here)
            with psycopg.connect(here) as connection:
                connection.execute("ALTER TABLE message ADD COLUMN mine int")  # it owns what the older release made
                connection.rollback()
        if database == "agent":
            with psycopg.connect(here) as connection:
                connection.execute("CREATE TABLE checkpoints ()")
                connection.rollback()


def test_each_pod_gets_the_url_of_its_own_role() -> None:
    used = {
        "gateway": {"DATABASE_URL": "url"},
        "worker": {"DATABASE_URL": "url"},
        "console": {"DATABASE_URL": "console-url"},
        "agent": {"AGENT_DATABASE_URL": "agent-url", "BUSINESS_DATABASE_URL": "business-url"},
    }
    objects = chart.scenario("demo")
    assert {name: _keys(chart.workload(objects, name)) for name in used} == used
    jobs = [_keys(one) for one in objects if one["kind"] == "Job"]
    assert jobs == [{"DATABASE_URL": "migrate-url"}, {"BUSINESS_DATABASE_URL": "migrate-url"}]


@pytest.mark.parametrize(
    ("keys", "migrates", "console", "business"),
    [
        ({}, "url", "url", "url"),
        ({"businessUrlKey": "b"}, "url", "url", "b"),
        ({"migrateUrlKey": "m", "consoleUrlKey": "c"}, "m", "c", "m"),
        ({"migrateUrlKey": "m", "businessUrlKey": "b", "businessMigrateUrlKey": "bm"}, "m", "url", "bm"),
    ],
)
def test_a_secret_of_ones_own_has_a_url_for_each_role_or_one_for_all(
    keys: dict[str, str], migrates: str, console: str, business: str
) -> None:
    external = {"postgres.mode": "external", "postgres.external.existingSecret": "own"}
    objects = chart.with_values(external | {f"postgres.external.{name}": key for name, key in keys.items()})
    jobs = [_keys(one) for one in objects if one["kind"] == "Job"]
    assert jobs == [{"DATABASE_URL": migrates}, {"BUSINESS_DATABASE_URL": business}]
    assert _keys(chart.pick(objects, "Deployment", "console")) == {"DATABASE_URL": console}
    assert _keys(chart.pick(objects, "Deployment", "worker")) == {"DATABASE_URL": "url"}


def _keys(one: chart.Object) -> dict[str, str]:
    """Return the keys of the Secret of Postgres by the variable that they become."""
    found = {}
    for volume in one["spec"]["template"]["spec"]["volumes"]:
        for source in volume.get("projected", {}).get("sources", []):
            for item in source.get("secret", {}).get("items", []):
                if item["path"].endswith("database-url"):
                    found[item["path"].upper().replace("-", "_")] = item["key"]
    return found
