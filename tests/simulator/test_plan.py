"""What the stack would start, where, and what each part is told; nothing is started here."""

import pytest

from simulator.plan import agent_command, listeners, make_plan, without_password
from simulator.settings import Settings, environment, load

BASE = {"PATH": "/bin", "LANG": "C"}


def test_with_nothing_set_everything_is_our_own() -> None:
    plan = make_plan(BASE)
    assert plan.own_postgres
    assert plan.own_redis
    assert plan.own_agent
    assert plan.own_meta
    assert plan.own_model
    assert listeners(plan) == {
        "GATEWAY_PORT": 8000,
        "OPS_PORT": 8003,
        "WORK_PORT": 8001,
        "LANGGRAPH_PORT": 2024,
        "SIMULATOR_PORT": 8100,
        "POSTGRES_PORT": plan.postgres_port,
        "REDIS_PORT": plan.redis_port,
    }
    assert plan.addresses()["studio"] == "https://smith.langchain.com/studio/?baseUrl=http://127.0.0.1:2024"


REAL = {"WHATSAPP_GRAPH_URL": "https://graph.facebook.com", "OPENAI_API_KEY": "sk"}


@pytest.mark.parametrize(
    ("given", "let_in"),
    [
        ({}, True),
        ({"STUDIO": "false"}, False),
        (REAL, False),  # customers are real
        ({"WHATSAPP_GRAPH_URL": "https://graph.facebook.com"}, False),  # also where the model is not
        (REAL | {"STUDIO": "true"}, True),
        ({"LANGGRAPH_URL": "http://agent:2024"}, False),  # not ours to open
    ],
)
def test_studio_is_let_in_where_meta_is_simulated_or_somebody_says_so(given, let_in) -> None:
    plan = make_plan(BASE | given)
    assert plan.agent_environment()["STUDIO"] == str(let_in).lower()
    assert ("studio" in plan.addresses()) is let_in
    assert "STUDIO" not in plan.gateway_environment()


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"DATABASE_URL": "postgresql://db/x"}, {"POSTGRES_PORT"}),
        ({"REDIS_URL": "redis://cache"}, {"REDIS_PORT"}),
        ({"LANGGRAPH_URL": "http://agent:2024"}, {"LANGGRAPH_PORT"}),
        ({"WHATSAPP_GRAPH_URL": "https://graph.facebook.com"}, set()),  # the model still needs it
        ({"WHATSAPP_GRAPH_URL": "https://graph.facebook.com", "OPENAI_API_KEY": "sk"}, {"SIMULATOR_PORT"}),
        ({"WHATSAPP_GRAPH_URL": "https://x", "AGENT_MODEL": "anthropic:claude"}, {"SIMULATOR_PORT"}),
    ],
)
def test_what_has_an_address_is_not_started(given, missing) -> None:
    every = set(listeners(make_plan(BASE)))
    assert set(listeners(make_plan(BASE | given))) == every - missing


def test_a_key_alone_means_openai_itself() -> None:
    told = make_plan(BASE | {"OPENAI_API_KEY": "sk-real"}).agent_environment()
    assert (told["OPENAI_API_KEY"], "OPENAI_BASE_URL" in told, "AGENT_MODEL" in told) == ("sk-real", False, False)
    both = make_plan(BASE | {"OPENAI_API_KEY": "sk", "OPENAI_BASE_URL": "http://own"}).agent_environment()
    assert both["OPENAI_BASE_URL"] == "http://own"
    none = make_plan(BASE).agent_environment()
    assert (none["OPENAI_BASE_URL"], none["AGENT_MODEL"]) == ("http://127.0.0.1:8100/v1", "openai:demo")


def test_each_part_is_told_only_what_it_may_know() -> None:
    secrets = {
        "WHATSAPP_ACCESS_TOKEN": "whatsapp-secret",
        "CHANNELS_FILE": "/channels.json",
        "OPENAI_API_KEY": "model-secret",
        "ANTHROPIC_API_KEY": "model-secret",
        "OPENAI_API_KEY_FILE": "/key",
        "LANGSMITH_API_KEY": "model-secret",
        "BUSINESS_DATABASE_URL": "postgresql://business-secret/x",
        "QUIET_PERIOD_SECONDS": "0.1",
    }
    plan = make_plan(BASE | secrets)
    gateway, agent, simulator = plan.gateway_environment(), plan.agent_environment(), plan.simulator_environment()
    assert gateway["WHATSAPP_ACCESS_TOKEN"] == "whatsapp-secret"
    assert gateway["DATABASE_URL"] == plan.database_url
    assert gateway["QUIET_PERIOD_SECONDS"] == "0.1"
    assert not any("model-secret" in value or "business-secret" in value for value in gateway.values())
    assert not {name for name in gateway if "OPENAI" in name or name.startswith("AGENT_")}
    assert agent["ANTHROPIC_API_KEY"] == "model-secret"
    assert not {name for name in agent if name.startswith("WHATSAPP_")}
    assert not {"DATABASE_URL", "REDIS_URL", "CHANNELS_FILE"} & set(agent)
    assert "simulator-app-secret" not in str(agent)
    assert not {"DATABASE_URL", "LANGGRAPH_TOKEN", "OPENAI_API_KEY", "INTERNAL_TOKEN"} & set(simulator)
    assert simulator["WHATSAPP_ACCESS_TOKEN"] == "whatsapp-secret"
    for part in (gateway, agent, simulator):
        assert part["PATH"] == "/bin"


def test_the_tokens_between_the_parts_agree_and_are_new_each_time() -> None:
    plan = make_plan(BASE)
    for name in ("LANGGRAPH_TOKEN", "INTERNAL_TOKEN"):
        assert plan.gateway_environment()[name] == plan.agent_environment()[name]
        assert plan.agent_environment()[name] != make_plan(BASE).agent_environment()[name]
    assert make_plan(BASE | {"LANGGRAPH_TOKEN": "mine"}).agent_environment()["LANGGRAPH_TOKEN"] == "mine"


def test_own_addresses_are_passed_on() -> None:
    given = {"DATABASE_URL": "postgresql://me:pass@db/x", "OPS_PORT": "9000", "LANGGRAPH_PORT": "9001"}
    plan = make_plan(BASE | given)
    assert plan.gateway_environment()["DATABASE_URL"] == given["DATABASE_URL"]
    assert plan.agent_environment()["AGENT_DATABASE_URL"] == given["DATABASE_URL"]
    assert plan.agent_environment()["GATEWAY_URL"] == "http://127.0.0.1:9000"
    assert plan.gateway_environment()["LANGGRAPH_URL"] == "http://127.0.0.1:9001"
    assert "9001" in agent_command(plan)
    assert plan.addresses()["postgres"] == "postgresql://me:***@db/x"


def test_secrets_may_come_as_files(tmp_path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://from-file/x\n")
    plan = make_plan(BASE | {"DATABASE_URL_FILE": str(file)})
    assert not plan.own_postgres
    assert plan.agent_environment()["AGENT_DATABASE_URL"] == "postgresql://from-file/x"
    assert plan.gateway_environment()["DATABASE_URL_FILE"] == str(file)


def test_passwords_are_hidden() -> None:
    assert without_password("redis://:geheim@cache:1/0") == "redis://:***@cache:1/0"
    assert without_password("postgresql://me@db/x") == "postgresql://me@db/x"


def test_of_two_app_secrets_the_current_one_signs() -> None:
    number = load({"WHATSAPP_APP_SECRET": "current, previous", "WHATSAPP_PHONE_NUMBER_ID": "7"}).number()
    assert (number.app_secret, number.id) == ("current", "7")


def test_a_dotenv_file_is_read_below_the_environment(tmp_path, monkeypatch) -> None:
    (tmp_path / ".env").write_text("GATEWAY_PORT=9000\nWORK_PORT=9001\nREDIS_URL=\nOPENAI_API_KEY=sk\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORK_PORT", "9002")
    monkeypatch.setenv("OPENAI_API_KEY", "")  # empty: unset, even over the file
    settings = load(environment())
    assert (settings.gateway_port, settings.work_port) == (9000, 9002)
    assert (settings.redis_url, settings.openai_api_key) == (None, None)


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
