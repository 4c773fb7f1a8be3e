"""The health of numbers at Meta: commands, the periodic check, health and metrics, against the simulator."""

import json
import stat
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette

from gateway.numbers.channels import Channel, Channels
from gateway.numbers.clients import MetaClients
from gateway.numbers.number_health import HealthMonitor, version_warning
from gateway.runtime.operations import Ops
from gateway.store.database import Pool
from tests.conftest import Simulator
from tests.gateway.conftest import Command
from tests.gateway.support.deliveries import NUMBER

WABA = "200000000000002"
CHANNELS = Channels([Channel(phone_number_id=NUMBER, waba_id=WABA, access_token="simulator-token")])


Gateway = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def gateway(simulator: Simulator, command: Command) -> Gateway:
    """`gateway …` against the simulator, whose app is subscribed."""
    subscribe = f"{simulator.url}/v26.0/{WABA}/subscribed_apps"
    httpx.post(subscribe, headers={"authorization": "Bearer simulator-token"}).raise_for_status()
    environment = {
        "DATABASE_URL": "postgresql://unused@127.0.0.1:1/x", "WHATSAPP_GRAPH_URL": simulator.url,
        "WHATSAPP_PHONE_NUMBER_ID": NUMBER, "WHATSAPP_BUSINESS_ACCOUNT_ID": WABA,
        "WHATSAPP_ACCESS_TOKEN": "simulator-token", "WHATSAPP_APP_SECRET": "simulator-app-secret",
    }  # fmt: skip

    async def run(*arguments: str, **changes: str) -> tuple[int, str]:
        code, said = await command(*arguments, **{**environment, **changes})
        assert "simulator-token" not in said
        assert "simulator-app-secret" not in said
        return code, said

    return run


def change_token(simulator: Simulator, **change: object) -> None:
    simulator.control.put("/_sim/tokens/simulator-token", json=change).raise_for_status()


async def test_all_well_is_exit_code_0(gateway: Gateway) -> None:
    code, said = await gateway("check-token")
    assert code == 0, said
    for line in ("token: valid, never expires", "whatsapp_business_messaging", "app subscribed: yes", "quality: GREEN"):
        assert line in said


async def test_it_wants_no_secret_that_the_pod_of_work_is_not_given(gateway: Gateway, tmp_path: Path) -> None:
    secrets = {f"{name}_file": name.replace("_", "-") for name in ("access_token", "app_secrets", "verify_token")}
    channel = {"phone_number_id": NUMBER, "waba_id": WABA, **secrets}
    (tmp_path / "channels.json").write_text(json.dumps({"channels": [channel]}))
    (tmp_path / "access-token").write_text("simulator-token")
    given = {"CHANNELS_FILE": "channels.json", "WHATSAPP_PHONE_NUMBER_ID": "", "WHATSAPP_APP_SECRET": ""}
    code, said = await gateway("check-token", **given)
    assert code == 0, said
    code, said = await gateway("exchange-token", "--out", "new", **given)
    assert (code, "names app-secrets, which cannot be read" in said) == (1, True), said


async def test_a_revoked_token_is_exit_code_1(gateway: Gateway, simulator: Simulator) -> None:
    change_token(simulator, valid=False)
    code, said = await gateway("check-token")
    assert (code, "token: not valid" in said) == (1, True)


async def test_a_missing_scope_is_named(gateway: Gateway, simulator: Simulator) -> None:
    change_token(simulator, scopes=["whatsapp_business_management"])
    code, said = await gateway("check-token")
    assert code == 1
    assert "lacks whatsapp_business_messaging" in said


async def test_a_token_that_ends_soon_is_exit_code_2(gateway: Gateway, simulator: Simulator) -> None:
    change_token(simulator, expires_at=int(time.time()) + 5 * 86_400 + 60)
    code, said = await gateway("check-token")
    assert (code, "works for 5 more days" in said) == (2, True)


async def test_a_lost_subscription_is_a_problem(gateway: Gateway, simulator: Simulator) -> None:
    url = f"{simulator.url}/v26.0/{WABA}/subscribed_apps"
    async with httpx.AsyncClient(headers={"authorization": "Bearer simulator-token"}) as http:
        (await http.delete(url)).raise_for_status()
    code, said = await gateway("check-token")
    assert (code, "not subscribed" in said) == (1, True)


async def test_a_meta_that_does_not_answer_is_said(gateway: Gateway) -> None:
    code, said = await gateway("check-token", WHATSAPP_GRAPH_URL="http://127.0.0.1:9")
    assert (code, "No connection to Meta" in said) == (1, True)


@pytest.mark.parametrize(
    ("version", "today", "named"),
    [
        ("v26.0", date(2026, 11, 23), None),
        ("v21.0", date(2026, 10, 22), None),  # 91 days before
        ("v21.0", date(2026, 10, 23), "in 90 days"),
        ("v21.0", date(2027, 1, 20), "in 1 days"),
        ("v21.0", date(2027, 1, 21), "ended on 2027-01-21"),
        ("v99.0", date(2027, 1, 21), None),
    ],
)
def test_the_versions_end_is_told_90_days_before(version: str, today: date, named: str | None) -> None:
    said = version_warning(version, today)
    assert (said is None) if named is None else named in str(said)


async def test_a_token_is_exchanged_into_a_file_for_its_owner(gateway: Gateway, tmp_path: Path) -> None:
    (tmp_path / "new").write_text("old")
    (tmp_path / "new").chmod(0o644)
    code, said = await gateway("exchange-token", "--out", "new")
    assert code == 0, said
    written = (tmp_path / "new").read_text().strip()
    assert written not in ("old", "simulator-token")
    assert written not in said
    assert "days" in said
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
    assert "token: valid" in (await gateway("check-token", WHATSAPP_ACCESS_TOKEN=written))[1]


async def test_a_refused_exchange_is_one_sentence(gateway: Gateway, simulator: Simulator) -> None:
    change_token(simulator, valid=False)
    code, said = await gateway("exchange-token", "--out", "new")
    assert (code, said.count("\n")) == (1, 1)


# The periodic check ---------------------------------------------------------------------------------------------


@pytest.fixture
async def monitor(pool: Pool, simulator: Simulator) -> AsyncIterator[HealthMonitor]:
    async with httpx.AsyncClient() as http:
        clients = MetaClients(http, simulator.url, "v26.0")
        yield HealthMonitor(pool, clients, CHANNELS, "v26.0")


def gauge(name: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"phone_number_id": NUMBER})


def management_calls(simulator: Simulator) -> int:
    return len([call for call in simulator.get("calls")["calls"] if "debug_token" in call["path"]])


async def test_quality_and_days_left_are_measured_by_one_worker_for_all(
    pool: Pool, monitor: HealthMonitor, gateway: Gateway, simulator: Simulator
) -> None:
    change_token(simulator, expires_at=int(time.time()) + 30 * 86_400 + 60)
    simulator.control.put(f"/_sim/numbers/{NUMBER}", json={"quality_rating": "YELLOW"}).raise_for_status()
    await monitor.step()
    assert gauge("whatsapp_number_quality") == 2
    assert gauge("whatsapp_token_days_left") == 30
    assert await monitor.warning() is None
    other = HealthMonitor(pool, monitor._clients, CHANNELS, "v26.0")
    await other.step()
    await monitor.step()
    assert management_calls(simulator) == 1


async def test_what_goes_wrong_is_a_warning_and_asked_again_soon(
    pool: Pool, monitor: HealthMonitor, gateway: Gateway, simulator: Simulator
) -> None:
    change_token(simulator, valid=False)
    await monitor.step()
    assert "invalid" in str(await monitor.warning())
    async with pool.connection() as conn:
        cursor = await conn.execute("SELECT due_at < now() + interval '16 min' FROM number_check")
        assert await cursor.fetchone() == (True,)
        await conn.execute("UPDATE number_check SET due_at = now()")
    change_token(simulator, valid=True)
    await monitor.step()
    assert await monitor.warning() is None


async def test_what_another_version_of_the_program_kept_can_be_read(pool: Pool, monitor: HealthMonitor) -> None:
    async with pool.connection() as conn:
        await conn.execute(
            """INSERT INTO number_check VALUES (%s, now() + interval '1 h', '{"phone_number_id": "1", "new": 1}')""",
            (NUMBER,),
        )
    await monitor.step()
    assert await monitor.warning() is None


async def test_health_says_it_and_stays_well(pool: Pool, monitor: HealthMonitor, gateway: Gateway) -> None:
    old = HealthMonitor(pool, monitor._clients, CHANNELS, "v21.0", lambda: datetime(2026, 11, 23, tzinfo=UTC))
    await old.step()
    app = Starlette(routes=Ops({}, frozenset(), warning=old.warning).routes())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://work") as client:
        answer = await client.get("/health")
    assert answer.status_code == 200
    assert "v21.0 of the Graph API ends on 2027-01-21, in 59 days" in answer.json()["warning"]
