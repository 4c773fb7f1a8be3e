"""The three troubles that people come with: nothing is received, nothing is sent, the worker is idle."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Simulator
from tests.gateway.doctor.conftest import Doctor
from tests.gateway.support.deliveries import ACCOUNT, MARIA, NUMBER, text
from tests.gateway.support.harness import Gateway
from tests.gateway.support.meta import refused

Sql = Callable[..., Awaitable[None]]


@pytest.fixture
def sql(database: str) -> Sql:
    async def execute(statement: str) -> None:
        async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
            await connection.execute(statement.encode())

    return execute


# Webhook receives nothing -------------------------------------------------------------------------------------------


async def test_a_webhook_that_receives_nothing(doctor: Doctor, simulator: Simulator, sql: Sql) -> None:
    """Its causes, from the address to the subscription, are found in one run, each with its step."""
    await sql("DELETE FROM event")
    simulator.control.put(f"/_sim/accounts/{ACCOUNT}", json={"subscribed": False}).raise_for_status()
    simulator.configure(webhook_url="http://127.0.0.1:9/webhook/whatsapp")
    report = await doctor(WHATSAPP_APP_SECRET="of-another-app")
    assert report.code == 1
    assert "write to the number" in report.step_of("no webhook has been received yet")
    assert "tunnel" in report.step_of("does not answer from here")
    assert "subscribed_apps" in report.step_of("the app is not subscribed")
    assert "WHATSAPP_APP_SECRET" in report.step_of("the app secret is not that of the app")


async def test_webhooks_for_a_number_that_is_not_configured(doctor: Doctor, gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    await gateway.sql("UPDATE event SET phone_number_id = '999', state = 'new' RETURNING 1")
    assert "CHANNELS_FILE" in (await doctor()).step_of("not configured here: 999")


# Messages are not sent ----------------------------------------------------------------------------------------------


async def test_messages_that_are_not_sent(doctor: Doctor, gateway: Gateway, simulator: Simulator) -> None:
    await gateway.queue("Oi", "Tudo bem?")
    await gateway.sql("UPDATE message SET created_at = now() - interval '5 min' WHERE status = 'queued' RETURNING 1")
    simulator.control.put("/_sim/tokens/simulator-token", json={"valid": False}).raise_for_status()
    report = await doctor()
    assert "system user" in report.step_of("no message is sent")
    assert "gateway work" in report.step_of("2 messages are queued and not sent, the oldest for 30")


@pytest.mark.parametrize(
    ("code", "step"), [(131047, "fallback_template"), (131026, "When Meta refuses")], ids=["window", "recipient"]
)
async def test_messages_that_meta_refused(doctor: Doctor, gateway: Gateway, code: int, step: str) -> None:
    await gateway.queue("Oi")
    gateway.meta.answers.append(refused(code))
    await gateway.send()
    report = await doctor()
    assert step in report.step_of(f"1 messages of the last day failed with {code}: ")
    assert MARIA not in report.printed


async def test_messages_in_doubt(doctor: Doctor, gateway: Gateway) -> None:
    await gateway.queue("Oi")
    gateway.meta.answers.append(refused(2, 503))
    await gateway.send()
    assert "see that webhooks come" in (await doctor()).step_of("nobody knows whether Meta has them")


async def test_a_fallback_template_that_is_not_approved(doctor: Doctor, tmp_path: Path) -> None:
    channel = {
        "phone_number_id": NUMBER, "waba_id": ACCOUNT, "access_token": "simulator-token",
        "fallback_template": {"name": "missing", "language": "pt_BR"},
    }  # fmt: skip
    (tmp_path / "channels.json").write_text(json.dumps({"channels": [channel]}))
    report = await doctor(CHANNELS_FILE=f"{tmp_path}/channels.json")
    assert "have it approved" in report.step_of("fallback_template missing (pt_BR) is not approved")


# The worker is idle -------------------------------------------------------------------------------------------------


async def test_an_idle_worker(doctor: Doctor, gateway: Gateway) -> None:
    """No process takes what came in: the events wait, and with them the turns that are due."""
    await gateway.keep({"object": "whatsapp_business_account", "entry": []})
    await gateway.receive(text("Olá"))
    await gateway.sql("UPDATE conversation SET due_at = now() - interval '5 min' RETURNING 1")
    await gateway.sql("UPDATE event SET state = 'new', received_at = now() - interval '5 min' RETURNING 1")
    report = await doctor(LANGGRAPH_URL="http://127.0.0.1:9")
    assert "gateway work" in report.step_of("conversations are due and no worker answers them")
    assert "gateway work" in report.step_of("webhook items are not processed, the oldest for 30")
    assert "agent server runs" in report.step_of("no answer from the agent server")


async def test_a_person_who_holds_a_conversation_is_the_reason(doctor: Doctor, gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    await gateway.sql("UPDATE conversation SET holder = 'person', waits_since = now(), due_at = NULL RETURNING 1")
    assert "gateway hand-back" in (await doctor()).step_of("1 conversations wait for people")


# Where it runs ------------------------------------------------------------------------------------------------------

OF_WORK = ("WHATSAPP_ACCESS_TOKEN", "LANGGRAPH_URL", "LANGGRAPH_TOKEN", "REDIS_URL")


async def test_in_the_pod_of_serve_it_says_what_it_cannot_check(doctor: Doctor) -> None:
    report = await doctor(**dict.fromkeys(OF_WORK))
    assert report.code == 0
    assert len(report.of("unchecked")) == 4
    assert "pod of `work`" in report.step_of("this process has no access token")
    assert "pod of `work`" in report.step_of("this process is not told of the agent server")
    assert "pod of `work`" in report.step_of("REDIS_URL is not set here")


async def test_in_the_pod_of_work_the_callback_is_asked_without_a_token(doctor: Doctor) -> None:
    report = await doctor(WHATSAPP_WEBHOOK_VERIFY_TOKEN=None, WHATSAPP_APP_SECRET=None)
    assert report.code == 0
    assert "where `serve` runs" in report.step_of("this process has no verify token; the callback answers")
    assert "settings of both processes" in report.step_of("this process has no app secret")


async def test_as_the_console_it_says_that_webhooks_are_not_its_business(
    doctor: Doctor, environment: dict[str, str]
) -> None:
    report = await doctor(DATABASE_URL=environment["DATABASE_URL"].replace("wa_gateway", "wa_console"))
    assert "pod of `serve` or `work`" in report.step_of("wa_console may not read webhooks")
    assert report.code == 0


# What it prints -----------------------------------------------------------------------------------------------------


async def test_a_finding_is_one_line_with_the_next_step(doctor: Doctor) -> None:
    report = await doctor("", LANGGRAPH_URL="http://127.0.0.1:9")
    lines = report.printed.splitlines()
    assert sum(line.startswith("PROBLEM ") for line in lines) == 1
    assert all(". Next: " in line for line in lines if line.startswith(("PROBLEM", "WARNING", "UNCHECKED")))
    assert lines[-1].startswith("versions: gateway ")
