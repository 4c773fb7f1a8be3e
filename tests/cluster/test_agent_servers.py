"""Three agent servers, which customers do not notice one by one: an update, an end without grace, a scale-down."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.cluster.kube import eventually
from tests.cluster.release import Release, Traffic

AWAY_SECONDS = 10  # the chart's default
MODEL_SECONDS = 0.5
LONGEST_PAUSE = """
    SELECT coalesce(max(extract(epoch FROM pause)), 0)::float8
    FROM (SELECT sent_at - lag(sent_at) OVER (ORDER BY sent_at) AS pause FROM message WHERE direction = 'out') AS sent
"""
LONGEST_WAIT = """
    SELECT max(extract(epoch FROM answered - written))::float8
    FROM (SELECT min(created_at) FILTER (WHERE direction = 'in') AS written,
                 coalesce(min(sent_at) FILTER (WHERE direction = 'out'), now()) AS answered
          FROM message GROUP BY turn_id) AS turn
"""
# Of each turn: its server, when it began, and the seconds until its run was asked for, and until it ended.
SLOWEST = """
    SELECT server, started_at, extract(epoch FROM posted_at - started_at)::float8 AS posted,
           extract(epoch FROM ended_at - started_at)::float8 AS ended
    FROM turn ORDER BY ended DESC NULLS FIRST LIMIT 9
"""


@pytest.fixture(scope="module")
def three(installed: Release) -> Iterator[Release]:
    """The release with three agent servers; afterwards with one, as it was."""
    installed.install(agent__replicas=3, agent__minReadySeconds=5)
    installed.rolled_out("agent")
    yield installed
    installed.install()
    installed.rolled_out("agent")


@pytest.fixture
def traffic(three: Release, release: Release) -> Iterator[Traffic]:
    release.fault(on="model", kind="delay", times=None, seconds=MODEL_SECONDS)
    customers = Traffic(release, customers=12, seconds=2)  # 12 leave out one of three servers once in 50 times
    with customers.running():
        yield customers
    release.settle()
    customers.check()


def busy_server(release: Release) -> str | None:
    """Return the name of a pod that has a run; None: none has one at this moment."""
    busy = release.sql("SELECT server FROM turn WHERE state = 'open' AND run_id IS NOT NULL ORDER BY started_at DESC")
    return str(urlsplit(busy[0][0]).hostname).partition(".")[0] if busy else None


def timed(release: Release, what: str, query: str, bound: float) -> None:
    """Print how many seconds a query gives; with `CLUSTER_TIMES`, for a machine that does nothing else, hold a bound.

    Other tests run beside these: what a customer waits is then the machine's, and says nothing about the servers.
    """
    [(found,)] = release.sql(query)
    print(f"{what}: {found:.1f} s (at most {bound:.0f} on a quiet machine)")  # noqa: T201  # shown by -rP
    if os.environ.get("CLUSTER_TIMES"):
        assert found < bound, release.sql(SLOWEST)


def test_an_update_pauses_nobody(release: Release, traffic: Traffic) -> None:
    release.kube("rollout", "restart", release.component("agent"))
    release.kube("rollout", "status", release.component("agent"), "--timeout=400s", timeout=420)
    timed(release, "longest pause", LONGEST_PAUSE, 5)
    timed(release, "longest wait", LONGEST_WAIT, AWAY_SECONDS)  # nobody waited for a lost server


def test_customers_of_a_pod_without_grace_wait_no_longer_than_said(release: Release, traffic: Traffic) -> None:
    pod = eventually(lambda: busy_server(release), "a run", pause=0.05)
    release.kube("delete", "pod", pod, "--grace-period=0", "--force", "--wait=false")
    traffic.more(60)
    timed(release, "longest wait", LONGEST_WAIT, AWAY_SECONDS + 5)


def test_a_scale_down_loses_nothing(release: Release, traffic: Traffic) -> None:
    release.kube("scale", release.component("agent"), "--replicas=1")
    eventually(lambda: len(release.kube.items("pods", "-l", "app.kubernetes.io/component=agent")) == 1, "one server")
    traffic.more(18)
    timed(release, "longest pause", LONGEST_PAUSE, 5)
