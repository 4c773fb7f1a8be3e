"""The simulator's settings: the only module that reads the environment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from simulator.keys import new_secret
from simulator.meta.business.accounts import Number
from simulator.ports import HOST

ENV_FILE = Path(".env")


def _new_secret() -> SecretStr:
    return SecretStr(new_secret())


class Settings(BaseModel):
    """Settings of the local stack and of the simulator's world; names in the environment are these in capitals.

    Addresses that are set belong to the user's servers; the stack does not start its own for them.
    A secret may come as a file instead: `NAME_FILE` holds its path.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    gateway_port: int = Field(8000, description="webhook of gateway serve")
    ops_port: int = Field(8003, description="health, metrics and internal of gateway serve")
    work_port: int = Field(8001, description="health and metrics of gateway work")
    console_port: int = Field(8002, description="pages of gateway console")
    console_ops_port: int = Field(8004, description="health and metrics of gateway console")
    langgraph_port: int = Field(2024, description="agent server; several have this port and the next ones")
    agent_replicas: int = Field(1, ge=1, le=9, description="agent servers")
    agent_jobs: int = Field(50, ge=1, description="runs that each agent server works on at once")
    simulator_port: int = Field(8100, description="simulator")
    postgres_port: int | None = Field(None, description="Postgres; a free port unless set")
    redis_port: int | None = Field(None, description="Valkey; a free port unless set")
    dev_dir: Path = Field(Path(".dev"), description="data, logs and stack.json of the local stack")

    database_url: SecretStr | None = Field(None, description="a Postgres of yours for the gateway")
    agent_database_url: SecretStr | None = Field(None, description="a Postgres of yours for checkpoints and store")
    business_database_url: SecretStr | None = Field(None, description="a Postgres of yours for business data")
    knowledge_database_url: SecretStr | None = Field(None, description="a Postgres of yours for knowledge")
    redis_url: SecretStr | None = Field(None, description="a Redis of yours")
    langgraph_url: str | None = Field(None, description="agent servers of yours")
    whatsapp_graph_url: str | None = Field(None, description="Meta's Graph API, or another stand-in for it")
    openai_base_url: str | None = Field(None, description="a model server of yours")
    agent_model: str | None = Field(None, description="provider:model; a provider other than openai needs no simulator")
    openai_api_key: SecretStr | None = Field(None, description="with it, and without an address, the model is OpenAI's")

    studio: bool | None = Field(None, description="LangGraph Studio may connect; default: if Meta is simulated")
    whatsapp_phone_number_id: str = Field("100000000000001", description="id of the simulated number")
    whatsapp_business_account_id: str = Field("200000000000002", description="id of the simulated account")
    whatsapp_access_token: SecretStr = Field(
        default_factory=_new_secret, description="access token that the simulator accepts"
    )
    whatsapp_app_secret: SecretStr = Field(default_factory=_new_secret, description="secret that signs webhooks")
    whatsapp_webhook_verify_token: SecretStr = Field(
        default_factory=_new_secret, description="token of the webhook's verification"
    )
    simulator_token: SecretStr = Field(default_factory=_new_secret, description="opens /_sim; default: a new one")
    simulator_webhook_url: str | None = Field(None, description="where webhooks go; default: the local gateway")
    simulator_host: str = Field(HOST, description="address that the simulator listens on")

    @property
    def webhook_url(self) -> str:
        """The address to which the simulator posts webhooks."""
        return self.simulator_webhook_url or f"http://{HOST}:{self.gateway_port}/webhook/whatsapp"

    def number(self) -> Number:
        """Return the simulated business number. The first of several app secrets signs, as it is the current one."""
        return Number(
            id=self.whatsapp_phone_number_id,
            account_id=self.whatsapp_business_account_id,
            display="+55 11 3000-0000",
            name="SVLentes",
            access_token=self.whatsapp_access_token.get_secret_value(),
            app_secret=self.whatsapp_app_secret.get_secret_value().split(",")[0].strip(),
            verify_token=self.whatsapp_webhook_verify_token.get_secret_value(),
        )


def environment() -> dict[str, str]:
    """Return the variables of `.env`, overridden by those of the process; empty ones count as absent."""
    merged = {**dotenv_values(ENV_FILE), **os.environ}
    return {name: value for name, value in merged.items() if value}


def load(variables: Mapping[str, str]) -> Settings:
    """Return the settings from variables. Raises ValidationError, or OSError for a `NAME_FILE` that is unreadable."""
    values: dict[str, Any] = {name.lower(): value for name, value in variables.items()}
    for name in Settings.model_fields:
        path = values.get(f"{name}_file")
        if path and name not in values:
            values[name] = Path(path).read_text().strip()
    return Settings.model_validate(values)
