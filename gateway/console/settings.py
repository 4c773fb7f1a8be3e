"""The settings of the console: none of Meta's secrets, nor the agent server's token."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator, model_validator

from gateway.runtime.agent_servers import checked
from gateway.runtime.settings import CommonSettings


class ConsoleSettings(CommonSettings):
    """The settings of `console`."""

    secrets: ClassVar[tuple[str, ...]] = (
        *CommonSettings.secrets, "BUSINESS_TOKEN", "KNOWLEDGE_TOKEN", "OIDC_CLIENT_SECRET"
    )  # fmt: skip

    console_port: int = Field(8002, ge=0, le=65535, description="port of gateway console's pages")
    console_ops_port: int = Field(8004, ge=0, le=65535, description="port of gateway console's health and metrics")
    console_url: str | None = Field(
        None, description="address at which people open the console, https://…; its host is known"
    )
    console_proxies: int = Field(
        0, ge=0, description="proxies before the console that add to X-Forwarded-For; 0: that header is not believed"
    )
    console_session_idle_hours: float = Field(
        12, gt=0, description="a person signs in again after so long without a request"
    )
    console_session_hours: float = Field(168, gt=0, description="a person signs in again after so long in any case")
    console_timezone: str = Field("America/Sao_Paulo", description="time zone in which the console tells times")

    langgraph_url: str = Field(
        "http://127.0.0.1:2024",
        description="the agent servers (as for work), one of which is asked for orders, facts and knowledge",
    )
    business_token: SecretStr | None = Field(
        None, description="bearer token for these questions, and for nothing else; unset: none is asked"
    )
    knowledge_token: SecretStr | None = Field(
        None, description="bearer token of the agent server's /knowledge, for Conhecimento; unset: no such page"
    )

    trace_url: str | None = Field(
        None,
        description="address of the trace of a run, https://…, with {run_id}: people follow it from a conversation",
    )

    oidc_issuer: str | None = Field(
        None, description="people sign in with the company's accounts: OpenID Connect issuer, https://…"
    )
    oidc_client_id: str | None = Field(None, description="the console's client id at that issuer")
    oidc_client_secret: SecretStr | None = Field(None, description="the console's client secret at that issuer")
    oidc_login_claim: str = Field(
        "email", description="claim that is a person's login here; email counts only if the issuer verified it"
    )
    oidc_new_role: Literal["viewer", "attendant", "manager", "admin"] | None = Field(
        None, description="role of people whom the issuer knows and the console does not; unset: they are refused"
    )

    @field_validator("console_url", "oidc_issuer", "trace_url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname):
            raise ValueError("it must start with https:// or http://, and name a host")
        return value.rstrip("/") if value else value

    @field_validator("langgraph_url")
    @classmethod
    def _names_agent_servers(cls, value: str) -> str:
        return checked(value)

    @field_validator("console_timezone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("it must be a time zone such as America/Sao_Paulo") from error
        return value

    @model_validator(mode="after")
    def _oidc_is_whole(self) -> ConsoleSettings:
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_client_secret and self.console_url):
            raise ValueError("OIDC_ISSUER wants OIDC_CLIENT_ID, OIDC_CLIENT_SECRET and CONSOLE_URL too")
        return self

    @property
    def secure(self) -> bool:
        """Whether people open the console by https, so that cookies are for https only."""
        return self.console_url is not None and self.console_url.startswith("https://")

    @property
    def names(self) -> str:
        """Host names by which the console may be called, comma-separated."""
        own = urlsplit(self.console_url or "").hostname
        return ",".join(filter(None, (self.known_hosts, own)))

    @property
    def idle(self) -> timedelta:
        """How long a session lives without a request."""
        return timedelta(hours=self.console_session_idle_hours)

    @property
    def age(self) -> timedelta:
        """How long a session lives in any case."""
        return timedelta(hours=self.console_session_hours)
