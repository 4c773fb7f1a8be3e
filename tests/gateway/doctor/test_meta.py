"""The doctor about Meta: each finding is caused at the simulator, over HTTP."""

import socket
import time

import pytest

from tests.conftest import Simulator
from tests.gateway.doctor.conftest import Doctor
from tests.gateway.support.deliveries import ACCOUNT, NUMBER


def change_token(simulator: Simulator, **change: object) -> None:
    simulator.control.put("/_sim/tokens/simulator-token", json=change).raise_for_status()


def change_number(simulator: Simulator, **change: object) -> None:
    simulator.control.put(f"/_sim/numbers/{NUMBER}", json=change).raise_for_status()


async def test_nothing_wrong_is_exit_status_0(doctor: Doctor) -> None:
    report = await doctor()
    assert (report.of("problem"), report.of("warning"), report.code) == ([], [], 0)
    assert report.of("unchecked") == ["backup: no backup is known"]


async def test_a_revoked_token_is_the_finding_and_not_its_consequences(doctor: Doctor, simulator: Simulator) -> None:
    change_token(simulator, valid=False)
    report = await doctor()
    assert (report.code, len(report.of("problem"))) == (1, 1)
    assert "system user" in report.step_of("the access token is not valid")


async def test_a_missing_scope_is_named(doctor: Doctor, simulator: Simulator) -> None:
    change_token(simulator, scopes=["whatsapp_business_management"])
    assert "system user" in (await doctor()).step_of("the access token lacks whatsapp_business_messaging")


async def test_a_scope_that_hides_the_number_is_the_finding_and_not_its_consequences(
    doctor: Doctor, simulator: Simulator
) -> None:
    change_token(simulator, scopes=["whatsapp_business_messaging"])
    report = await doctor()
    assert [one.partition(": ")[2] for one in report.of("problem")] == [
        "the access token lacks whatsapp_business_management"
    ]


async def test_the_id_of_another_number(doctor: Doctor) -> None:
    report = await doctor(WHATSAPP_PHONE_NUMBER_ID="999")
    assert "WHATSAPP_PHONE_NUMBER_ID" in report.step_of("Meta says nothing about the number")


async def test_a_token_that_ends_soon_is_a_warning_and_exit_status_2(doctor: Doctor, simulator: Simulator) -> None:
    change_token(simulator, expires_at=int(time.time()) + 5 * 86_400 + 60)
    report = await doctor()
    assert (report.code, report.of("problem")) == (2, [])
    assert "exchange-token" in report.step_of("works for 5 more days")


async def test_an_app_that_is_not_subscribed(doctor: Doctor, simulator: Simulator) -> None:
    simulator.control.put(f"/_sim/accounts/{ACCOUNT}", json={"subscribed": False}).raise_for_status()
    report = await doctor()
    assert report.code == 1
    assert f"POST /{ACCOUNT}/subscribed_apps" in report.step_of("the app is not subscribed to the account")


async def test_an_app_secret_of_another_app(doctor: Doctor) -> None:
    report = await doctor(WHATSAPP_APP_SECRET="of-another-app")
    assert "WHATSAPP_APP_SECRET" in report.step_of("every webhook is refused with 403")


async def test_a_callback_where_nobody_listens(doctor: Doctor, simulator: Simulator) -> None:
    simulator.configure(webhook_url="http://user:hidden-password@127.0.0.1:9/webhook/whatsapp?key=hidden-key")
    report = await doctor()
    assert "curl -i http://127.0.0.1:9/webhook/whatsapp" in report.step_of("does not answer from here (ConnectError)")
    assert "hidden" not in report.printed


async def test_a_callback_that_leads_to_another_server(doctor: Doctor, simulator: Simulator) -> None:
    simulator.configure(webhook_url=f"{simulator.url}/elsewhere")
    assert "port 8000" in (await doctor()).step_of("answers 404, not as the gateway does")


async def test_a_verify_token_that_differs(doctor: Doctor) -> None:
    report = await doctor(WHATSAPP_WEBHOOK_VERIFY_TOKEN="another-verify-token-of-the-tests")
    assert "Meta's form" in report.step_of("refuses the verify token")


async def test_quality_and_a_blocked_number(doctor: Doctor, simulator: Simulator) -> None:
    change_number(simulator, quality_rating="RED", can_send_message="BLOCKED")
    report = await doctor()
    assert "WhatsApp Manager" in report.step_of("Meta blocks sending")
    assert "fewer templates" in report.step_of("quality is RED")


async def test_a_limited_number_is_a_warning(doctor: Doctor, simulator: Simulator) -> None:
    change_number(simulator, can_send_message="LIMITED")
    assert (await doctor()).code == 2


async def test_a_meta_that_is_not_reached(doctor: Doctor) -> None:
    report = await doctor(WHATSAPP_GRAPH_URL="http://127.0.0.1:9")
    assert report.code == 1
    assert "egress" in report.step_of("No connection to Meta")


async def test_a_meta_that_takes_connections_and_says_nothing_costs_seconds_only(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.doctor.examination.examine.__defaults__", (0.5,))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        report = await doctor(WHATSAPP_GRAPH_URL=f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert time.monotonic() - began < 10
    assert "meta: the check did not end within 0 s" in report.of("problem")


async def test_an_api_version_near_its_end(doctor: Doctor) -> None:
    assert "changelog" in (await doctor(WHATSAPP_API_VERSION="v21.0")).step_of("v21.0 of the Graph API")
