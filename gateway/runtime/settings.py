"""The settings that several processes of the gateway share, and how settings are read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gateway.runtime.connections import Bounds


class CommonSettings(BaseSettings):
    """Names in the environment are these in capitals. A secret may come as a file instead: `NAME_FILE` is its path.

    A process is given no secret that its class does not name.
    """

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)
    secrets: ClassVar[tuple[str, ...]] = ("DATABASE_URL",)

    database_url: SecretStr = Field(description="the gateway's Postgres, 15 or newer")
    database_pool_size: int = Field(10, ge=2, description="Postgres connections of one process")
    media_url: str = Field("file:///tmp/whatsapp-agent-media", description="object store: file:///…, s3://…")
    gateway_host: str = Field("127.0.0.1", description="address to listen on")
    http_connections: int = Field(
        1000, ge=1, description="connections of a port; one more closes the one that waits longest for its client"
    )
    http_header_bytes: int = Field(16_384, ge=1024, description="bytes of a request's header")
    http_header_seconds: float = Field(10, gt=0, description="within this time a request's header has come")
    http_body_bytes: int = Field(4_194_304, ge=1024, description="bytes of a request's body; Meta sends 3 MB at most")
    http_body_seconds: float = Field(20, gt=0, description="within this time after the header, the body has come")
    http_bodies_bytes: int = Field(
        33_554_432, ge=1024, description="bytes of all bodies that a port reads and answers at once"
    )
    known_hosts: str = Field(
        "", description="host names, comma-separated, by which the parts are called beyond addresses and local names"
    )
    quiet_period_seconds: float = Field(1.5, ge=0, description="a turn starts when the customer was quiet for so long")
    quiet_period_max_seconds: float = Field(8, ge=0, description="… but at the latest so long after the first message")
    drain_seconds: float = Field(20, ge=0, description="how long work may finish what it has begun after SIGTERM")
    otel_exporter_otlp_endpoint: str | None = Field(None, description="OTLP/HTTP collector for traces, http://…:4318")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="debug, info, warning or error")
    log_format: str = Field("auto", pattern="^(auto|json|text)$", description="text on a terminal, JSON elsewhere")

    def bounds(self) -> Bounds:
        """Return the bounds of each HTTP port."""
        return Bounds(
            connections=self.http_connections,
            header_bytes=self.http_header_bytes,
            header_seconds=self.http_header_seconds,
            body_bytes=self.http_body_bytes,
            body_seconds=self.http_body_seconds,
            bodies_bytes=self.http_bodies_bytes,
        )

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        for name in cls.secrets:
            path = os.environ.get(f"{name}_FILE")
            if path and name.lower() not in values:
                values[name.lower()] = Path(path).read_text().strip()
        return values

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("DATABASE_URL must start with postgresql://")
        return value
