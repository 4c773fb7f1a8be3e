"""The parts that the stack would start, their ports and environments; nothing is started here."""

from urllib.parse import urlsplit

import pytest

from simulator.settings import Settings, environment, load
from simulator.stack.plan import SettingsError, listeners, make_plan, without_password

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
        "CONSOLE_PORT": 8002,
        "CONSOLE_OPS_PORT": 8004,
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
        "OPENAI_API_KEY": "model-secret",
        "ANTHROPIC_API_KEY": "model-secret",
        "OPENAI_API_KEY_FILE": "/key",
        "LANGSMITH_API_KEY": "model-secret",
        "BUSINESS_DATABASE_URL": "postgresql://business-secret/x",
        "QUIET_PERIOD_SECONDS": "0.1",
    }
    plan = make_plan(BASE | secrets)
    gateway, agent, simulator = plan.gateway_environment(), plan.agent_environment(), plan.simulator_environment()
    assert gateway["DATABASE_URL"] == plan.database_url("wa_gateway")
    assert gateway["QUIET_PERIOD_SECONDS"] == "0.1"
    assert not any("model-secret" in value or "business-secret" in value for value in gateway.values())
    assert not {name for name in gateway if "OPENAI" in name or name.startswith("AGENT_")}
    assert agent["ANTHROPIC_API_KEY"] == "model-secret"
    assert not {name for name in agent if name.startswith("WHATSAPP_")}
    assert not {"DATABASE_URL", "REDIS_URL", "CHANNELS_FILE", "INTERNAL_TOKEN", "TEMPLATES_TOKEN"} & set(agent)
    assert not {*plan.keys.as_dict().values()} & {*agent.values()}
    assert not {"DATABASE_URL", "LANGGRAPH_TOKEN", "OPENAI_API_KEY", "INTERNAL_TOKEN"} & set(simulator)
    serve, work = plan.serve_environment(), plan.work_environment()
    assert not {"WHATSAPP_ACCESS_TOKEN", "LANGGRAPH_TOKEN", "REDIS_URL", "TOMBSTONE_KEY"} & set(serve)
    assert "TOMBSTONE_KEY" in work
    assert not {"TOMBSTONE_KEY", "TOMBSTONE_URL"} & {*agent, *simulator, *plan.console_environment()}
    assert not {"WHATSAPP_APP_SECRET", "WHATSAPP_WEBHOOK_VERIFY_TOKEN", "TEMPLATES_TOKEN"} & set(work)
    assert serve["INTERNAL_TOKEN"] == work["INTERNAL_TOKEN"]
    console = plan.console_environment()
    assert console["DATABASE_URL"] == plan.database_url("wa_console")
    assert not {name for name in console if name.startswith(("WHATSAPP_", "LANGGRAPH_TOKEN", "INTERNAL_", "OPENAI_"))}
    assert console["BUSINESS_TOKEN"] == agent["BUSINESS_TOKEN"]
    assert console["KNOWLEDGE_TOKEN"] == agent["KNOWLEDGE_TOKEN"]
    assert not {"BUSINESS_TOKEN", "KNOWLEDGE_TOKEN"} & set(gateway)
    assert not {name for name in console if name.startswith("KNOWLEDGE_D")}
    assert not {*plan.keys.as_dict().values()} & {*console.values()}
    for part in (gateway, agent, simulator, console):
        assert part["PATH"] == "/bin"


def test_each_part_has_a_database_role_of_its_own() -> None:
    plan = make_plan(BASE)
    used = {
        "wa_migrate": (
            plan.migrate_environment()["DATABASE_URL"],
            plan.business_environment()["BUSINESS_DATABASE_URL"],
        ),
        "wa_gateway": (plan.gateway_environment()["DATABASE_URL"],),
        "wa_console": (plan.console_environment()["DATABASE_URL"],),
        "wa_agent": tuple(plan.agent_environment()[f"{name}_DATABASE_URL"] for name in ("AGENT", "BUSINESS")),
    }
    for role, urls in used.items():
        password = plan.passwords.of_processes()[role]
        assert {(urlsplit(url).username, urlsplit(url).password) for url in urls} == {(role, password)}
    assert urlsplit(plan.gateway_environment()["REDIS_URL"]).password == plan.passwords.valkey
    assert "REDIS_URL" not in plan.agent_environment()
    assert plan.passwords.wa_gateway not in str(plan.addresses())


def test_a_database_of_the_users_has_the_roles_that_the_user_gives_it() -> None:
    given = {"DATABASE_URL": "postgresql://me@db/x", "BUSINESS_DATABASE_URL": "postgresql://me@db/business"}
    plan = make_plan(BASE | given)
    for part in (plan.gateway_environment(), plan.migrate_environment(), plan.console_environment()):
        assert part["DATABASE_URL"] == given["DATABASE_URL"]
    assert plan.business_environment()["BUSINESS_DATABASE_URL"] == given["BUSINESS_DATABASE_URL"]


CREDENTIALS = {
    "WHATSAPP_ACCESS_TOKEN": "real-token",
    "WHATSAPP_APP_SECRET_FILE": "/real-secret",
    "WHATSAPP_WEBHOOK_VERIFY_TOKEN": "real-verify",
}
META = {"WHATSAPP_GRAPH_URL": "https://graph.facebook.com"}


@pytest.fixture
def real(tmp_path) -> dict[str, str]:
    (tmp_path / "secret").write_text("real-secret")
    return BASE | CREDENTIALS | {"WHATSAPP_APP_SECRET_FILE": str(tmp_path / "secret"), "DEV_DIR": str(tmp_path)}


@pytest.mark.parametrize("more", [{}, META, META | {"OPENAI_API_KEY": "sk"}])
def test_real_credentials_never_reach_the_simulator(real, more) -> None:
    """With Meta's address and no key it is still started, as the model, regardless of other settings."""
    plan = make_plan(real | more)
    told = plan.simulator_environment()
    assert not any("real" in value or "secret" in value for name, value in told.items() if name != "DEV_DIR")
    assert [told[name] for name in plan.keys.environment()] == [*plan.keys.environment().values()]
    assert told["SIMULATOR_TOKEN"] == plan.keys.control
    assert "WHATSAPP_APP_SECRET_FILE" not in told


def test_the_gateway_has_the_real_ones_for_meta_and_the_simulated_ones_for_the_simulator(real) -> None:
    assert make_plan(real | META).gateway_environment().items() >= CREDENTIALS.items() - {
        ("WHATSAPP_APP_SECRET_FILE", "/real-secret")
    }
    plan = make_plan(real)
    told = plan.gateway_environment()
    assert told.items() >= plan.keys.environment().items()
    assert not [value for value in told.values() if "real-" in value]
    assert plan.unused() == ["WHATSAPP_ACCESS_TOKEN", "WHATSAPP_APP_SECRET", "WHATSAPP_WEBHOOK_VERIFY_TOKEN"]
    for other in (told, plan.agent_environment()):
        assert plan.keys.control not in other.values()


def test_channels_with_tokens_are_not_sent_to_the_simulator(real) -> None:
    with pytest.raises(SettingsError, match="set WHATSAPP_GRAPH_URL"):
        make_plan(real | {"CHANNELS_FILE": "/channels.json"})
    assert make_plan(real | META | {"CHANNELS_FILE": "/c.json"}).gateway_environment()["CHANNELS_FILE"] == "/c.json"


def test_simulated_secrets_are_random_and_kept(tmp_path) -> None:
    here = BASE | {"DEV_DIR": str(tmp_path)}
    first = make_plan(here).keys
    assert make_plan(here).keys != first  # nothing was started, nothing is kept
    assert len({*first.as_dict().values()}) == 4
    assert all(len(value) >= 32 for value in first.as_dict().values())
    first.save(tmp_path)
    assert make_plan(here).keys == first
    assert (tmp_path / "simulator.json").stat().st_mode & 0o777 == 0o600
    made = make_plan(here).passwords
    made.save(tmp_path)
    assert make_plan(here).passwords == made
    assert (tmp_path / "databases.json").stat().st_mode & 0o777 == 0o600
    for broken in ("", "[]", "{}", '{"control": ""}'):
        (tmp_path / "simulator.json").write_text(broken)
        with pytest.raises(SettingsError, match=r"simulator\.json|cannot be read"):
            make_plan(here)


def test_a_simulator_on_its_own_has_secrets_that_nobody_knows() -> None:
    one, other = load({}), load({})
    for name in ("whatsapp_access_token", "whatsapp_app_secret", "whatsapp_webhook_verify_token", "simulator_token"):
        assert getattr(one, name) != getattr(other, name)
        assert len(getattr(one, name).get_secret_value()) >= 32


def test_the_tokens_between_the_parts_agree_and_are_new_each_time() -> None:
    plan = make_plan(BASE)
    assert plan.gateway_environment()["LANGGRAPH_TOKEN"] == plan.agent_environment()["LANGGRAPH_TOKEN"]
    for name in ("LANGGRAPH_TOKEN", "INTERNAL_TOKEN", "TEMPLATES_TOKEN"):
        assert plan.gateway_environment()[name] != make_plan(BASE).gateway_environment()[name]
    assert make_plan(BASE | {"LANGGRAPH_TOKEN": "mine"}).agent_environment()["LANGGRAPH_TOKEN"] == "mine"


def test_own_addresses_are_passed_on() -> None:
    given = {"DATABASE_URL": "postgresql://me:pass@db/x", "OPS_PORT": "9000", "LANGGRAPH_PORT": "9001"}
    plan = make_plan(BASE | given)
    assert plan.gateway_environment()["DATABASE_URL"] == given["DATABASE_URL"]
    assert plan.agent_environment()["AGENT_DATABASE_URL"] == given["DATABASE_URL"]
    assert plan.agent_environment()["GATEWAY_URL"] == "http://127.0.0.1:9000"
    assert plan.gateway_environment()["LANGGRAPH_URL"] == "http://127.0.0.1:9001"
    assert plan.agent_ports == {"agent": 9001}
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


def test_several_agent_servers_have_ports_one_after_the_other() -> None:
    plan = make_plan(BASE | {"AGENT_REPLICAS": "3", "LANGGRAPH_PORT": "9001"})
    urls = ["http://127.0.0.1:9001", "http://127.0.0.1:9002", "http://127.0.0.1:9003"]
    assert plan.work_environment()["LANGGRAPH_URL"] == plan.console_environment()["LANGGRAPH_URL"] == ",".join(urls)
    assert [plan.addresses()[name] for name in ("agent", "agent 2", "agent 3")] == urls
    assert plan.addresses()["studio"].endswith("baseUrl=http://127.0.0.1:9001")
    assert {9001, 9002, 9003} <= set(listeners(plan).values())


def test_servers_of_the_users_are_named_as_they_were_given() -> None:
    plan = make_plan(BASE | {"AGENT_REPLICAS": "3", "LANGGRAPH_URL": "http://one:2024,http://two:2024"})
    assert plan.agent_ports == {}
    assert plan.work_environment()["LANGGRAPH_URL"] == "http://one:2024,http://two:2024"
