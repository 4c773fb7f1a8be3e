"""The plan of the local stack: its parts, their ports and their environments. Nothing is started here."""

import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from simulator.keys import CREDENTIALS, Kept, Keys, Passwords, Tombstone
from simulator.ports import HOST, free_port
from simulator.settings import Settings, load
from simulator.stack import environment
from simulator.stack.postgres import address
from simulator.stack.valkey import redis_url

STUDIO_URL = "https://smith.langchain.com/studio/?baseUrl="
DATABASE_NAME = "whatsapp_agent"
AGENT_CONFIGURATION = Path(__file__).parents[2] / "langgraph.json"
DEMO_MODEL = "openai:demo"
DEMO_EMBEDDINGS = "demo"
NO_TELEMETRY = {"LANGGRAPH_CLI_NO_ANALYTICS": "1", "LANGGRAPH_NO_VERSION_CHECK": "true", "LANGSMITH_TRACING": "false"}


K = TypeVar("K", bound=Kept)


class SettingsError(Exception):
    """Settings contradict each other; the message says what to do."""


@dataclass(frozen=True)
class Plan:
    """The stack that these variables ask for. `variables`: the user's, with the addresses of our own parts."""

    settings: Settings
    variables: dict[str, str]
    keys: Keys
    passwords: Passwords
    tombstone: Tombstone
    own_postgres: bool
    own_redis: bool
    own_agent: bool
    own_meta: bool
    own_model: bool
    postgres_port: int
    redis_port: int

    @property
    def needs_simulator(self) -> bool:
        """Whether the simulator is needed: for Meta or for the model."""
        return self.own_meta or self.own_model

    @property
    def studio(self) -> bool:
        """Whether LangGraph Studio, which has no token, is admitted: with real customers only by the setting."""
        return self.own_agent and (self.own_meta if self.settings.studio is None else self.settings.studio)

    @property
    def dev_dir(self) -> Path:
        """Absolute path of the stack's directory."""
        return self.settings.dev_dir.resolve()

    def database_url(self, role: str) -> str:
        """Return the gateway's database for a role; of a database of the user's, the address that was given."""
        given = _secret(self.settings.database_url)
        return given or address(self.postgres_port, DATABASE_NAME, role, getattr(self.passwords, role))

    @property
    def agent_ports(self) -> dict[str, int]:
        """The port of each agent server of our own, by the server's name."""
        count, first = (self.settings.agent_replicas if self.own_agent else 0), self.settings.langgraph_port
        return {"agent" if number == 0 else f"agent {number + 1}": first + number for number in range(count)}

    @property
    def agent_urls(self) -> dict[str, str]:
        """The address of each agent server by its name; of servers of the user's, what LANGGRAPH_URL says."""
        own = {name: f"http://{HOST}:{port}" for name, port in self.agent_ports.items()}
        return own or {"agent": str(self.settings.langgraph_url)}

    @property
    def simulator_url(self) -> str:
        """The simulator."""
        return f"http://{HOST}:{self.settings.simulator_port}"

    def gateway_environment(self) -> dict[str, str]:
        """Return the environment of the commands of `gateway`."""
        return environment.for_gateway(self.variables)

    def serve_environment(self) -> dict[str, str]:
        """Return the environment of `gateway serve`."""
        return environment.for_serve(self.variables)

    def work_environment(self) -> dict[str, str]:
        """Return the environment of `gateway work`."""
        return environment.for_work(self.variables)

    def migrate_environment(self) -> dict[str, str]:
        """Return the environment of `gateway migrate`."""
        return self.gateway_environment() | self._role("DATABASE_URL", "wa_migrate")

    def console_environment(self) -> dict[str, str]:
        """Return the variables of `gateway console`."""
        return environment.for_console(self.variables) | self._role("DATABASE_URL", "wa_console")

    def agent_environment(self) -> dict[str, str]:
        """Return the environment of the agent server."""
        return environment.for_agent(self.variables)

    def business_environment(self) -> dict[str, str]:
        """Return the environment of `graph.business`, which makes tables."""
        given = self.settings.business_database_url is not None
        return self.agent_environment() | ({} if given else self._role("BUSINESS_DATABASE_URL", "wa_migrate"))

    def knowledge_environment(self) -> dict[str, str]:
        """Return the environment of `graph.knowledge`, which makes tables."""
        given = self.settings.knowledge_database_url is not None
        return self.agent_environment() | ({} if given else self._role("KNOWLEDGE_DATABASE_URL", "wa_migrate"))

    def _role(self, variable: str, role: str) -> dict[str, str]:
        """Return the variable with the address of our own database; a database of the user's has one for all."""
        return {variable: self.database_url(role)} if self.own_postgres else {}

    def simulator_environment(self) -> dict[str, str]:
        """Return the environment of the simulator's server."""
        own = {"SIMULATOR_PORT": str(self.settings.simulator_port), "DEV_DIR": str(self.dev_dir)}
        own |= self.keys.environment() | (self.ids() if self.own_meta else {})
        return {"SIMULATOR_TOKEN": self.keys.control} | environment.for_simulator(self.variables) | own

    def unused(self) -> list[str]:
        """Return the names of the user's credentials that no part is given, because Meta is simulated."""
        given = self.settings.model_fields_set
        return [name for name in CREDENTIALS if self.own_meta and name.lower() in given]

    def ids(self) -> dict[str, str]:
        """Return the ids of the simulated number and account, which are no secrets."""
        settings = self.settings
        number, account = settings.whatsapp_phone_number_id, settings.whatsapp_business_account_id
        return {"WHATSAPP_PHONE_NUMBER_ID": number, "WHATSAPP_BUSINESS_ACCOUNT_ID": account}

    def addresses(self) -> dict[str, str]:
        """Return name and address of every part, for people and for stack.json; passwords are left out."""
        gateway = f"http://{HOST}:{self.settings.gateway_port}"
        ops = f"http://{HOST}:{self.settings.ops_port}"
        work = f"http://{HOST}:{self.settings.work_port}"
        shown = {
            "gateway": gateway,
            "webhook": f"{gateway}/webhook/whatsapp",
            "ops": ops,
            "health": f"{ops}/health",
            "metrics": f"{ops}/metrics",
            "work": work,
            "work metrics": f"{work}/metrics",
            "console": f"http://{HOST}:{self.settings.console_port}/console/",
            **self.agent_urls,
            "graph api": self.variables["WHATSAPP_GRAPH_URL"],
            "model": self.variables.get("OPENAI_BASE_URL", "https://api.openai.com/v1"),
            "postgres": without_password(self.database_url("wa_gateway")),
            "redis": without_password(_secret(self.settings.redis_url) or f"redis://{HOST}:{self.redis_port}/0"),
        }
        shown |= {"studio": f"{STUDIO_URL}{self.agent_urls['agent']}"} if self.studio else {}
        own = {"simulator": self.simulator_url, "phone": f"{self.simulator_url}/phone"}
        return shown | (own if self.needs_simulator else {})


def make_plan(variables: Mapping[str, str]) -> Plan:
    """Return the plan for these variables; only free ports and the secrets of an earlier run are looked up.

    Raises ValidationError, OSError or SettingsError for wrong ones.
    """
    settings = load(variables)
    if settings.whatsapp_graph_url is None and variables.get("CHANNELS_FILE"):
        raise SettingsError(
            "CHANNELS_FILE is set, but not WHATSAPP_GRAPH_URL, so that its tokens would go to the simulator: set"
            " WHATSAPP_GRAPH_URL=https://graph.facebook.com for real numbers, or leave CHANNELS_FILE out."
        )
    plan = Plan(
        settings=settings,
        variables={},
        keys=_kept(Keys, settings.dev_dir),
        passwords=_kept(Passwords, settings.dev_dir),
        tombstone=_kept(Tombstone, settings.dev_dir),
        own_postgres=settings.database_url is None,
        own_redis=settings.redis_url is None,
        own_agent=settings.langgraph_url is None,
        own_meta=settings.whatsapp_graph_url is None,
        own_model=not _has_model(settings),
        postgres_port=settings.postgres_port or free_port(),
        redis_port=settings.redis_port or free_port(),
    )
    plan.variables.update(_defaults(plan) | _without_credentials(plan, variables) | _addresses(plan))
    return plan


def _kept(kind: type[K], directory: Path) -> K:
    try:
        return kind.load_or_new(directory)
    except ValueError as error:
        raise SettingsError(f"The local stack's secrets cannot be read: {error}.") from error


def _without_credentials(plan: Plan, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the user's variables; where Meta is simulated, without credentials, which may be real ones."""
    credentials = {name + end for name in CREDENTIALS for end in ("", "_FILE")} if plan.own_meta else set()
    return {name: value for name, value in variables.items() if name not in credentials}


def listeners(plan: Plan) -> dict[str, int]:
    """Return the ports that the stack needs, by the setting that changes each."""
    settings = plan.settings
    needed = {"GATEWAY_PORT": settings.gateway_port, "OPS_PORT": settings.ops_port, "WORK_PORT": settings.work_port}
    needed |= {"CONSOLE_PORT": settings.console_port, "CONSOLE_OPS_PORT": settings.console_ops_port}
    for number, port in enumerate(plan.agent_ports.values()):
        needed |= {f"LANGGRAPH_PORT (agent {number + 1} has it plus {number})" if number else "LANGGRAPH_PORT": port}
    needed |= {"SIMULATOR_PORT": settings.simulator_port} if plan.needs_simulator else {}
    needed |= {"POSTGRES_PORT": plan.postgres_port} if plan.own_postgres else {}
    return needed | ({"REDIS_PORT": plan.redis_port} if plan.own_redis else {})


def agent_command(port: int, jobs: int) -> list[str]:
    """Return an agent server's command: in the foreground and without a reloader, so that our child is the server.

    jobs: runs at once; `langgraph dev` by itself has one at a time.
    """
    where = ["--host", HOST, "--port", str(port)]
    options = [
        "--no-reload",
        "--no-browser",
        "--n-jobs-per-worker",
        str(jobs),
        "--config",
        str(AGENT_CONFIGURATION),
    ]
    return [str(Path(sys.executable).with_name("langgraph")), "dev", *where, *options]


def without_password(url: str) -> str:
    """Return the address without the password in it."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@", 1)))


def _has_model(settings: Settings) -> bool:
    """Return whether the user has a model: an address, a key of OpenAI's, or another provider's name."""
    other_provider = settings.agent_model is not None and not settings.agent_model.startswith("openai:")
    return settings.openai_base_url is not None or settings.openai_api_key is not None or other_provider


def _defaults(plan: Plan) -> dict[str, str]:
    """Return the defaults, which the user's variables override."""
    return {
        **NO_TELEMETRY,
        "LANGGRAPH_TOKEN": secrets.token_urlsafe(24),
        "INTERNAL_TOKEN": secrets.token_urlsafe(24),
        "TEMPLATES_TOKEN": secrets.token_urlsafe(24),
        "BUSINESS_TOKEN": secrets.token_urlsafe(24),
        "TOMBSTONE_KEY": plan.tombstone.key,
        "KNOWLEDGE": "true",
        "KNOWLEDGE_TOKEN": secrets.token_urlsafe(24),
        **({"EMBEDDINGS_MODEL": DEMO_EMBEDDINGS} if plan.own_model else {}),
        "MEDIA_URL": (plan.dev_dir / "media").as_uri(),
        "TOMBSTONE_URL": (plan.dev_dir / "tombstones").as_uri(),
        "DRAIN_SECONDS": "5",  # Ctrl-C should not take long on a developer's machine; interrupted turns are continued
        **(plan.keys.environment() | plan.ids() if plan.own_meta else {}),
    }


def _addresses(plan: Plan) -> dict[str, str]:
    """Return the addresses of our own parts, and of the databases that the agent uses."""
    settings = plan.settings
    found = {
        "GATEWAY_HOST": HOST,
        "GATEWAY_PORT": str(settings.gateway_port),
        "OPS_PORT": str(settings.ops_port),
        "WORK_PORT": str(settings.work_port),
        "CONSOLE_PORT": str(settings.console_port),
        "CONSOLE_OPS_PORT": str(settings.console_ops_port),
        "GATEWAY_URL": f"http://{HOST}:{settings.ops_port}",
        "LANGGRAPH_URL": ",".join(plan.agent_urls.values()),
        "STUDIO": str(plan.studio).lower(),
        "AGENT_DATABASE_URL": _secret(settings.agent_database_url) or plan.database_url("wa_agent"),
        "BUSINESS_DATABASE_URL": _secret(settings.business_database_url) or plan.database_url("wa_agent"),
        "KNOWLEDGE_DATABASE_URL": _secret(settings.knowledge_database_url) or plan.database_url("wa_agent"),
    }
    found |= {"DATABASE_URL": plan.database_url("wa_gateway")} if plan.own_postgres else {}
    found |= {"REDIS_URL": redis_url(plan.redis_port, plan.passwords.valkey)} if plan.own_redis else {}
    found |= {"WHATSAPP_GRAPH_URL": plan.simulator_url} if plan.own_meta else {}
    if plan.own_model:
        found |= {"OPENAI_BASE_URL": f"{plan.simulator_url}/v1", "OPENAI_API_KEY": "simulator-key"}
        found |= {"AGENT_MODEL": DEMO_MODEL}
    return found


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value else None
