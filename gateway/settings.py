"""The settings of the gateway, read from the environment; no other module reads it."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from gateway.numbers.channels import ALL_SECRETS, Channel, Channels, hard_to_guess
from gateway.numbers.quiet_period import QuietPeriod
from gateway.runtime.agent_servers import checked
from gateway.runtime.capabilities import Capabilities
from gateway.runtime.settings import CommonSettings

_LATEST_RESEND_SECONDS = 86_400.0  # later the customer's window has closed, and the answer is of no use


class Settings(CommonSettings):
    """The settings of `serve` and `work`; names in the environment are these in capitals."""

    secrets: ClassVar[tuple[str, ...]] = (
        *CommonSettings.secrets,
        "WHATSAPP_ACCESS_TOKEN",
        "WHATSAPP_APP_SECRET",
        "WHATSAPP_WEBHOOK_VERIFY_TOKEN",
        "REDIS_URL",
        "LANGGRAPH_TOKEN",
        "INTERNAL_TOKEN",
        "TEMPLATES_TOKEN",
        "TOMBSTONE_KEY",
    )

    whatsapp_graph_url: str = Field("https://graph.facebook.com", description="Meta's Graph API, or a stand-in for it")
    whatsapp_api_version: str = Field("v26.0", description="version of the Graph API", pattern=r"^v\d+\.\d+$")
    whatsapp_phone_number_id: str | None = Field(None, description="the number's id, not the number itself")
    whatsapp_business_account_id: str | None = Field(None, description="the WABA's id")
    whatsapp_access_token: SecretStr | None = Field(None, description="system user token")
    whatsapp_app_secret: SecretStr | None = Field(None, description="app secret; during a rotation: new,old")
    whatsapp_webhook_verify_token: SecretStr | None = Field(
        None, description="what you typed into Meta's webhook form, at least 16 characters"
    )
    channels_file: str | None = Field(None, description="several numbers: JSON files, comma-separated, merged")

    redis_url: SecretStr | None = Field(
        None, description="rate limits shared by all workers; without it Postgres keeps them"
    )
    langgraph_url: str = Field(
        "http://127.0.0.1:2024", description="the agent servers: comma-separated, or srv+http:// and a name in DNS"
    )
    agent_away_seconds: float = Field(
        10, gt=0, description="an agent server that is silent for so long has lost its turns; another one resumes them"
    )
    langgraph_token: SecretStr | None = Field(None, description="bearer token for the agent server")
    langgraph_assistant: str = Field("agent", description="assistant id or graph name that answers")
    internal_token: SecretStr | None = Field(
        None, description="signs what a run may read at /internal; for serve and work only"
    )
    templates_token: SecretStr | None = Field(None, description="bearer token of POST /internal/templates")

    webhook_items: int = Field(
        5_000, ge=1, description="items of one webhook; a body with more is kept as one unknown event"
    )
    webhook_rows_bytes: int = Field(
        8_000_000, ge=1024, description="bytes of one webhook's items, each with its contact; as with WEBHOOK_ITEMS"
    )

    media_max_bytes: int = Field(100 * 1024 * 1024, ge=1, description="larger files of customers are not kept")
    media_wait_seconds: float = Field(20, ge=0, description="how long a turn waits for its files to be fetched")

    gateway_port: int = Field(8000, ge=0, le=65535, description="port of gateway serve's webhook, all that Meta calls")
    ops_port: int = Field(
        8003,
        ge=0,
        le=65535,
        description="port of gateway serve's health, metrics and /internal; for nobody outside",
    )
    work_port: int = Field(8001, ge=0, le=65535, description="port of gateway work's health and metrics")

    phone_app_hold_seconds: float = Field(
        14_400, ge=0, description="the agent is silent so long after a message of the phone app; 0: until handed back"
    )
    unknown_number_hours: float = Field(
        24, ge=0, description="what comes for a number that is not configured (yet) waits so long for it"
    )
    number_silence_days: float = Field(
        90, gt=0, description="a number that nobody wrote from for longer may be another person's: nothing old is shown"
    )
    phone_changed_hold_hours: float = Field(
        0, ge=0, description="changes need a proof so long after WhatsApp said that a customer's phone is another one"
    )
    customer_turns_per_day: int = Field(
        200, ge=0, description="turns of a customer that the agent answers within 24 hours, then a person; 0: all"
    )
    customer_tokens_per_day: int = Field(
        2_000_000, ge=0, description="tokens of models for a customer within 24 hours, then a person; 0: any number"
    )
    turns_in_flight: int = Field(
        100,
        ge=1,
        description="turns that one work process holds at once, with those that wait for an agent server's place",
    )
    turn_timeout_seconds: float = Field(300, gt=0, description="bound of a turn over all its attempts")
    turn_attempts: int = Field(3, ge=1, description="attempts of a turn before the customer gets an apology")
    lease_seconds: float = Field(
        15, ge=1, description="after so long without renewal a dead worker's work is taken over"
    )
    poll_seconds: float = Field(
        5,
        gt=0,
        description="how often work looks for something to do when nothing wakes it: a notification may be lost",
    )
    react_on_receipt: bool = Field(
        True, description="👀 on the newest message when a turn starts; one more message that Meta may bill"
    )
    uncertain_wait_seconds: float = Field(
        604_800,
        ge=0,
        description="how long a send without an answer waits for its status; what follows leaves after 5 s",
    )
    uncertain_policy: str = Field(
        "give-up",
        pattern="^(resend|give-up)$",
        description="what follows that wait; resend, twice at most, risks that the customer reads it more than once",
    )
    event_retention_days: float = Field(
        30, ge=0, description="processed webhook items are deleted after so long; Meta repeats for 7 days; 0: never"
    )
    event_left_retention_days: float = Field(
        180, ge=0, description="items kept as unknown or failed, for a replay, are deleted after so long; 0: never"
    )
    message_retention_days: float = Field(
        1825, ge=0, description="messages and notes are deleted after so long, their files with them; 0: never"
    )
    contact_retention_days: float = Field(
        1825, ge=0, description="customers without a message are deleted after so long without one; 0: never"
    )
    media_retention_days: float = Field(
        365, ge=0, description="files of customers are deleted after so long, their messages stay; 0: never"
    )
    tombstone_key: SecretStr | None = Field(
        None, description="key of the hashes by which erased people are known; never change it; unset: nobody is erased"
    )
    erasure_by_customer: Literal["request", "immediate"] = Field(
        "request", description="the yes of a customer who wants all data erased: an admin decides, or immediate"
    )
    tombstone_url: str | None = Field(
        None, description="object store of tombstones, outside of backups; unset: MEDIA_URL, under tombstones/"
    )
    tombstone_days: float = Field(
        1825, ge=0, description="tombstones are deleted after so long, more than any backup is kept; 0: never"
    )
    consent_days: float = Field(
        1825, ge=0, description="the log of customers' choices about marketing is kept so long; 0: for ever"
    )
    export_days: float = Field(
        1, gt=0, description="a person's export that the console asked for can be downloaded for so long"
    )
    draft_days: float = Field(
        90, ge=0, description="what people wrote and neither sent nor changed is deleted after so long; 0: never"
    )
    audit_days: float = Field(730, ge=0, description="what people did in the console is kept so long; 0: for ever")
    episode_idle_hours: float = Field(
        24, gt=0, description="a customer's matter that the agent has is closed after so long without a message"
    )

    @field_validator("whatsapp_webhook_verify_token")
    @classmethod
    def _cannot_be_guessed(cls, value: SecretStr | None) -> SecretStr | None:
        return hard_to_guess(value)

    @field_validator("langgraph_url")
    @classmethod
    def _names_agent_servers(cls, value: str) -> str:
        return checked(value)

    @model_validator(mode="after")
    def _resumes_in_time(self) -> Settings:
        if self.agent_away_seconds >= self.turn_timeout_seconds:
            raise ValueError("AGENT_AWAY_SECONDS must be less than TURN_TIMEOUT_SECONDS, or no turn is resumed in time")
        return self

    @model_validator(mode="after")
    def _resends_while_it_makes_sense(self) -> Settings:
        if self.uncertain_policy == "resend" and self.uncertain_wait_seconds > _LATEST_RESEND_SECONDS:
            raise ValueError("UNCERTAIN_POLICY=resend wants UNCERTAIN_WAIT_SECONDS of a day at most, such as 600")
        return self

    def capabilities(self) -> Capabilities:
        """Return the issuer and reader of the capabilities of runs."""
        return Capabilities(self.internal_token.get_secret_value() if self.internal_token else None)

    def quiet_period(self) -> QuietPeriod:
        """Return how long a customer has to be quiet, where their number has no quiet period of its own."""
        return QuietPeriod(self.quiet_period_seconds, self.quiet_period_max_seconds)

    def channels(self, secrets: Collection[str] = ALL_SECRETS) -> Channels:
        """Return the channels that the environment names: the number of the short form, and those of files.

        secrets: the fields of a channel that the process uses.
        """
        fixed = []
        token = self.whatsapp_access_token if "access_token" in secrets else None
        if self.whatsapp_phone_number_id and (token or "access_token" not in secrets):
            fixed.append(
                Channel(
                    phone_number_id=self.whatsapp_phone_number_id,
                    waba_id=self.whatsapp_business_account_id,
                    **({"access_token": token} if token else {}),
                    assistant=self.langgraph_assistant,
                    app_secrets=self._app_secrets() if "app_secrets" in secrets else (),
                    verify_token=self.whatsapp_webhook_verify_token if "verify_token" in secrets else None,
                )
            )
        files = [Path(name.strip()) for name in (self.channels_file or "").split(",") if name.strip()]
        return Channels(fixed, files, secrets=secrets)

    def _app_secrets(self) -> list[str]:
        """Return the app secrets of the single-number form, the current one first."""
        value = self.whatsapp_app_secret.get_secret_value() if self.whatsapp_app_secret else ""
        return [secret.strip() for secret in value.split(",") if secret.strip()]


def new_owner() -> uuid.UUID:
    """Return an identity for the leases of this process."""
    return uuid.uuid4()
