"""The channels file that the operator writes, as the gateway and the agent read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from gateway.numbers.channels import Channels
from graph.contract.context import Context
from k8s.model import channels_file
from k8s.model.declared import Agent, Number
from k8s.model.observed import Phone, Secrets

SECRETS = Secrets(access_token="token-1", app_secrets=("secret-1", "secret-0"), verify_token="verify-token-number-1")
SPEC: dict[str, Any] = {
    "phoneNumberId": "100",
    "businessAccountId": "200",
    "credentials": {
        "accessToken": {"name": "loja", "key": "access-token"},
        "appSecrets": [{"name": "loja", "key": "app-secret"}],
        "verifyToken": {"name": "loja", "key": "verify-token"},
    },
    "agent": {
        "assistant": "agent",
        "locale": "pt_BR",
        "model": "openai:gpt-5.6-terra",
        "persona": "Você é a Lia.",
        "departments": ["recalls", "sales"],
        "ownDepartments": [{"name": "recalls", "title": "Recalls", "tools": ["ask_for_person"]}],
        "tools": ["order_status"],
        "businessHours": {
            "timezone": "America/Sao_Paulo",
            "open": [{"days": ["mon", "fri"], "from": "09:00", "to": "18:00"}],
        },
        "quietPeriodSeconds": 2.5,
        "fallbackTemplate": {"name": "retomar", "language": "pt_BR", "parameters": ["SVLentes"]},
        "context": {"store": "centro", "persona": "shadowed"},
    },
}


def entry(spec: dict[str, Any] = SPEC, phone: Phone | None = None) -> dict[str, Any]:
    return channels_file.entry(Number.model_validate(spec), SECRETS, phone, None, keep_token=False)


def test_the_gateway_reads_what_the_operator_writes(tmp_path: Path) -> None:
    file = tmp_path / "channels.json"
    file.write_bytes(channels_file.merged(None, {"100": entry()}, ["100"]))
    read = Channels(files=[file])
    channel = read.get("100")
    assert read.problems == {}
    assert channel is not None
    assert channel.access_token.get_secret_value() == "token-1"
    assert read.app_secrets() == ["secret-1", "secret-0"]
    assert read.verify_tokens() == ["verify-token-number-1"]
    assert channel.quiet_period_seconds == 2.5
    assert channel.fallback_template is not None
    assert channel.fallback_template.reply()["components"][0]["parameters"][0]["text"] == "SVLentes"


def test_each_process_gets_only_the_secrets_that_it_uses(tmp_path: Path) -> None:
    keys = channels_file.keys(channels_file.merged(None, {"100": entry()}, ["100"]))
    assert b"token-1" not in keys["serve.json"]
    assert not [
        secret for secret in (b"secret-1", b"secret-0", b"verify-token-number-1") if secret in keys["work.json"]
    ]
    for name, content in keys.items():
        (tmp_path / name).write_bytes(content)
    serve = Channels(files=[tmp_path / "serve.json"], secrets=("app_secrets", "verify_token"))
    assert (serve.app_secrets(), serve.verify_tokens()) == (["secret-1", "secret-0"], ["verify-token-number-1"])
    work = Channels(files=[tmp_path / "work.json"], secrets=("access_token",))
    assert (one := work.get("100")) is not None
    assert one.access_token.get_secret_value() == "token-1"
    assert (one.context, one.waba_id) == (entry()["context"], "200")
    assert {**serve.problems, **work.problems} == {}


def test_the_agent_reads_the_context() -> None:
    context = Context.model_validate(entry()["context"])
    assert context.persona == "Você é a Lia."
    assert context.departments is not None
    assert [getattr(one, "name", one) for one in context.departments] == ["recalls", "sales"]
    assert context.business_hours is not None
    assert (context.business_hours.open[0].opens, context.business_hours.open[0].closes) == ("09:00", "18:00")


def test_fields_win_over_free_context_and_the_rest_of_it_stays() -> None:
    made = channels_file.context(Agent(persona="P", context={"persona": "Q", "store": "centro"}))
    assert made == {"persona": "P", "store": "centro"}


def test_nothing_is_handed_on_that_is_not_declared() -> None:
    assert channels_file.context(Agent()) == {}


def test_a_named_parameter_reaches_the_fallback_template() -> None:
    agent = {
        **SPEC["agent"],
        "fallbackTemplate": {"name": "r", "language": "pt_BR", "namedParameters": {"name": "Lia"}},
    }
    assert entry({**SPEC, "agent": agent})["fallback_template"]["parameters"] == {"name": "Lia"}


def test_own_departments_come_last_unless_they_are_named() -> None:
    agent = Agent.model_validate({"departments": ["sales"], "ownDepartments": [{"name": "recalls", "title": "R"}]})
    made = channels_file.context(agent)["departments"]
    assert [made[0], made[1]["name"]] == ["sales", "recalls"]


def test_entries_of_others_stay_and_those_of_unknown_numbers_go() -> None:
    before = channels_file.merged(None, {"1": {"phone_number_id": "1"}, "2": {"phone_number_id": "2"}}, ["1", "2"])
    after = channels_file.merged(before, {"3": {"phone_number_id": "3"}}, ["2", "3"])
    assert [one["phone_number_id"] for one in orjson.loads(after)["channels"]] == ["2", "3"]
    assert channels_file.read(channels_file.merged(after, {"3": None}, ["2", "3"])).keys() == {"2"}


def test_a_file_that_somebody_broke_is_made_anew() -> None:
    assert channels_file.read(channels_file.merged(b"{broken", {"1": {"phone_number_id": "1"}}, ["1"])).keys() == {"1"}
    assert channels_file.read(b'{"channels": [1]}') == {}


def test_the_same_content_is_the_same_bytes() -> None:
    once = channels_file.merged(None, {"2": {"phone_number_id": "2"}, "1": {"phone_number_id": "1"}}, ["1", "2"])
    assert channels_file.merged(once, {}, ["2", "1"]) == once


def test_no_secret_shows_in_what_is_logged() -> None:
    from k8s.model.actions import Publish
    from k8s.model.observed import ObservedNumber

    shown = repr([SECRETS, Publish(entry()), ObservedNumber(secrets=SECRETS, channel_entry=entry())])
    assert not any(secret in shown for secret in ("token-1", "secret-1", "verify-token-number-1"))


def test_a_time_zone_that_is_none_is_refused_by_name() -> None:
    hours = {"timezone": "America/Sao_Paolo", "open": [{"days": ["mon"], "from": "22:00", "to": "02:00"}]}
    with pytest.raises(ValidationError, match="'America/Sao_Paolo' is no time zone"):
        Number.model_validate({**SPEC, "agent": {"businessHours": hours}})
    hours["timezone"] = "America/Sao_Paulo"
    Number.model_validate({**SPEC, "agent": {"businessHours": hours}})
