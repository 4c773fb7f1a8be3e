"""The settings of the operator: the only module of it that reads the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

# Kubernetes puts the pod's namespace here, next to the service account's token.
_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class Settings(BaseSettings):
    """The settings of the operator; names in the environment are these in capitals."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    whatsapp_graph_url: str = Field("https://graph.facebook.com", description="Meta's Graph API, or a stand-in for it")
    whatsapp_api_version: str = Field("v26.0", description="version of the Graph API", pattern=r"^v\d+\.\d+$")

    operator_namespaces: str | None = Field(
        None, description="namespaces whose resources the operator keeps, comma-separated; default: its own"
    )
    operator_channels_secret: str = Field(
        "whatsapp-agent-operator-channels", description="Secret that the operator writes for the gateways"
    )
    operator_callback_hosts: str = Field(
        "", description="hosts, comma-separated, to which numbers may direct webhooks and verify tokens; default: none"
    )
    operator_host: str = Field("127.0.0.1", description="address of the operator's health and metrics")
    operator_port: int = Field(8080, ge=0, le=65535, description="port of the operator's health and metrics")
    operator_resync_seconds: float = Field(600, gt=0, description="how often the operator looks for drift at Meta")
    operator_secrets_seconds: float = Field(
        15, gt=0, description="how often the operator looks whether a number's Secrets changed"
    )
    meta_calls_per_hour: int = Field(
        200, ge=1, description="management calls that Meta allows for an account (5000 for active ones)"
    )
    meta_template_creates_per_hour: int = Field(100, ge=1, description="templates that Meta lets an account create")

    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="debug, info, warning or error")
    log_format: str = Field("auto", pattern="^(auto|json|text)$", description="text on a terminal, JSON elsewhere")

    def callback_hosts(self) -> frozenset[str]:
        """Return the hosts that a number's callback URL may name."""
        return frozenset(host.strip().lower() for host in self.operator_callback_hosts.split(",") if host.strip())

    def namespaces(self) -> list[str]:
        """Return the namespaces to serve: those that are set, else the pod's own, else `default`."""
        named = [name.strip() for name in (self.operator_namespaces or "").split(",") if name.strip()]
        if named:
            return named
        return [_OWN_NAMESPACE.read_text().strip() if _OWN_NAMESPACE.exists() else "default"]
