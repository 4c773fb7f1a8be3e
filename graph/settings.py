"""The settings of the graph; this is the only module of the graph that reads the environment."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from graph.time_zone import Zone

SECRETS = (
    "DATABASE_URL",
    "AGENT_DATABASE_URL",
    "BUSINESS_DATABASE_URL",
    "BUSINESS_API_TOKEN",
    "BUSINESS_TOKEN",
    "KNOWLEDGE_DATABASE_URL",
    "KNOWLEDGE_TOKEN",
    "EMBEDDINGS_KEY",
    "LANGGRAPH_TOKEN",
    "OPENAI_API_KEY",
)


class Settings(BaseSettings):
    """The settings of the agent server; names in the environment are these in capitals.

    A secret may come as a file instead: `NAME_FILE` holds its path.
    """

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    database_url: SecretStr | None = Field(None, description="Postgres, 15 or newer: default of the others")
    agent_database_url: SecretStr | None = Field(None, description="checkpoints and store; default schema: agent")
    agent_retention_days: float = Field(
        1825, ge=0, description="open edition: how long a conversation without a new turn is remembered; 0: for ever"
    )
    business_database_url: SecretStr | None = Field(None, description="orders and tickets, in the schema business")
    business_api_url: str | None = Field(
        None, description="the company's own API instead (graph/business/openapi.yaml)"
    )
    business_api_token: SecretStr | None = Field(None, description="bearer token for BUSINESS_API_URL")

    knowledge: bool = Field(False, description="whether the agent answers from what the company has written down")
    knowledge_database_url: SecretStr | None = Field(
        None, description="what is written down, in the schema knowledge; default: AGENT_DATABASE_URL"
    )
    knowledge_token: SecretStr | None = Field(
        None, description="bearer token of /knowledge, by which people write and publish; unset: it is closed"
    )
    knowledge_unanswered_days: int = Field(90, ge=1, description="how long questions without an answer are kept")
    knowledge_threshold: float = Field(
        0.65, gt=0, lt=1, description="confidence from which a passage answers; depends on EMBEDDINGS_MODEL"
    )
    embeddings_model: str | None = Field(
        None, description="model that turns texts into vectors; without it knowledge is searched by words alone"
    )
    embeddings_url: str | None = Field(
        None, description="OpenAI-compatible server of that model; default: OPENAI_BASE_URL"
    )
    embeddings_key: SecretStr | None = Field(None, description="key for that server; default: OPENAI_API_KEY")

    langgraph_token: SecretStr | None = Field(None, description="bearer token that the gateway shows to this server")
    business_token: SecretStr | None = Field(
        None, description="bearer token by which the console asks for a customer's orders, tickets and facts"
    )
    studio: bool = Field(
        False, description="development server: whether LangGraph Studio, in this machine's browser, is let in"
    )
    known_hosts: str = Field(
        "", description="host names, comma-separated, by which the parts are called beyond addresses and local names"
    )
    gateway_url: str = Field("http://127.0.0.1:8003", description="where the gateway serves /internal (its OPS_PORT)")

    otel_exporter_otlp_endpoint: str | None = Field(None, description="OTLP/HTTP collector for traces, http://…:4318")

    agent_model: str = Field("openai:gpt-5.6-terra", description="provider:model, as init_chat_model takes it")
    openai_api_key: SecretStr | None = Field(None, description="key for models of the provider openai")
    openai_base_url: str | None = Field(None, description="an OpenAI-compatible server instead of OpenAI itself")
    agent_fallback_model: str | None = Field(None, description="provider:model that is asked when the first one fails")
    model_timeout_seconds: float = Field(45, gt=0, description="bound of one model call, its retries included")
    model_retries: int = Field(2, ge=0, description="further attempts after 408, 409, 429, 5xx or a lost connection")
    model_calls_per_turn: int = Field(8, ge=1, description="the last one has to answer: it gets no tools")
    tool_calls_per_turn: int = Field(16, ge=1, description="further calls are not made, and the model is told so")
    history_tokens: int = Field(12_000, ge=500, description="a longer history is summarised, its last turns kept")
    identity_proof: Literal["order_and_postcode", "person"] = Field(
        "order_and_postcode", description="how a customer whose number may have changed hands proves who they are"
    )
    confirmation_minutes: int = Field(30, ge=1, description="how long a question before a change may be answered")
    transcription_model: str = Field(
        "gpt-transcribe", description="model of POST /audio/transcriptions, for voice notes"
    )
    files_per_turn: int = Field(5, ge=1, description="further files of a turn are not opened, and the model is told so")
    file_bytes_per_turn: int = Field(
        20_000_000, ge=1, description="bytes of a turn's files together; larger ones are not fetched"
    )
    file_readers: int = Field(
        2, ge=1, description="files read at once, each by a process with 256 MiB and 10 s of a processor at most"
    )
    agent_timezone: Zone = Field("America/Sao_Paulo", description="the company's time zone: what the agent calls today")

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        for name in SECRETS:
            path = os.environ.get(f"{name}_FILE")
            if path and name.lower() not in values:
                values[name.lower()] = Path(path).read_text().strip()
        return values

    @property
    def agent_database(self) -> str:
        """The address of checkpoints and store. Raises ValueError when no address is set."""
        return _address("AGENT_DATABASE_URL", self.agent_database_url or self.database_url)

    @property
    def business_database(self) -> str:
        """The address of orders and tickets. Raises ValueError when no address is set."""
        return _address("BUSINESS_DATABASE_URL", self.business_database_url or self.database_url)

    @property
    def knowledge_database(self) -> str:
        """The address of what the company has written down. Raises ValueError when no address is set."""
        found = self.knowledge_database_url or self.agent_database_url or self.database_url
        return _address("KNOWLEDGE_DATABASE_URL, AGENT_DATABASE_URL", found)


def _address(name: str, value: SecretStr | None) -> str:
    if value is None:
        raise ValueError(f"Neither {name} nor DATABASE_URL is set: give the address of a Postgres in one of them.")
    return value.get_secret_value()


@lru_cache
def settings() -> Settings:
    """Return the settings of this process, read once."""
    return Settings()
