"""The probe: does reconciling go on, and do our own writes come back by the watch?"""

from __future__ import annotations

import httpx
import pytest

from k8s.health import WATCH_ECHO_SECONDS, Heartbeat, serve


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def heartbeat(clock: Clock) -> Heartbeat:
    return Heartbeat(clock, longest_pause=1000)


def test_without_resources_there_is_nothing_to_reconcile(heartbeat: Heartbeat, clock: Clock) -> None:
    clock.now = 10_000
    assert heartbeat.problem() is None


def test_no_cycle_for_too_long_is_a_problem(heartbeat: Heartbeat, clock: Clock) -> None:
    heartbeat.event_seen("a", "1")
    clock.now = 1001
    assert "no resource was reconciled for 1001 s" in str(heartbeat.problem())
    heartbeat.cycle_ended()
    assert heartbeat.problem() is None


def test_a_status_that_does_not_come_back_means_that_the_watch_is_dead(heartbeat: Heartbeat, clock: Clock) -> None:
    heartbeat.event_seen("a", "1")
    heartbeat.status_written("a", "2")
    clock.now = WATCH_ECHO_SECONDS + 1
    assert "has not come back by the watch" in str(heartbeat.problem())
    heartbeat.event_seen("a", "2")
    assert heartbeat.problem() is None


def test_an_event_may_be_faster_than_the_answer(heartbeat: Heartbeat, clock: Clock) -> None:
    heartbeat.event_seen("a", "2")
    heartbeat.status_written("a", "2")
    clock.now = WATCH_ECHO_SECONDS + 1
    assert heartbeat.problem() is None


def test_a_resource_that_went_is_not_waited_for(heartbeat: Heartbeat, clock: Clock) -> None:
    heartbeat.event_seen("a", "1")
    heartbeat.status_written("a", "2")
    heartbeat.status_written("b", None)
    heartbeat.resource_deleted("a")
    clock.now = 10_000
    assert heartbeat.problem() is None


async def test_health_and_metrics_are_served(heartbeat: Heartbeat, clock: Clock) -> None:
    collected: list[int] = []
    async with (
        serve("127.0.0.1", 0, heartbeat, lambda: collected.append(1)) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
    ):
        assert (await http.get("/healthz")).json() == {"status": "ok"}
        assert "whatsapp_operator_meta_calls_left" in (await http.get("/metrics")).text
        assert collected == [1]
        heartbeat.event_seen("a", "1")
        clock.now = 2000
        answer = await http.get("/healthz")
        assert (answer.status_code, "reconciled" in answer.json()["status"]) == (503, True)
