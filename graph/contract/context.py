"""The context of a run: the customer's identity and the channel's settings, from the gateway, never from the model."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from graph.time_zone import Zone

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
# The access that a customer's number gives, the widest first. The gateway decides; a proof (`verify_customer`) may
# raise it.
Verification = Literal["verified", "changes_need_proof", "stages_only", "unverified"]
# What follows a customer's yes to the erasure of all their data: a person decides about it, or it begins at once.
Erasure = Literal["request", "immediate"]
# Keys that belong to one person for ever; a number belongs to a person for a time.
LASTING = ("user_id", "customer_id")
CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$"


class CustomerKey(BaseModel):
    """One key by which other systems know the customer: a number (`wa_id`), a `user_id`, …

    `since`, `until`: when the key began and ceased to be the customer's (ISO 8601); no `until`: a current key.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    kind: str
    value: str
    since: str | None = None
    until: str | None = None


class Hours(BaseModel):
    """The hours in which people answer on some days of the week, local time `HH:MM`; 24:00 is midnight.

    They end on the next day if `to` is before `from`.
    """

    model_config = ConfigDict(populate_by_name=True)

    days: list[Day]
    opens: str = Field(alias="from", pattern=CLOCK)
    closes: str = Field(alias="to", pattern=CLOCK)


class BusinessHours(BaseModel):
    """The hours in which people answer; `timezone`: a name of the tz database."""

    timezone: Zone = "America/Sao_Paulo"
    open: list[Hours]


class OwnDepartment(BaseModel):
    """A department that only this channel has, or that replaces the department of the same name."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]*$")
    title: str
    about: str = Field("", description="its matters, for the other departments to know")
    instructions: str = ""
    tools: list[str] = Field(default_factory=list)


class Context(BaseModel):
    """The context of a run, besides its input. Everything has a default, so that Studio can run the graph too."""

    model_config = ConfigDict(hide_input_in_errors=True)  # errors are logged; numbers and names must not be

    channel_id: str = Field("", description="Id of the business's number (phone_number_id)")
    customer_id: str = Field("", description="The gateway's id of the customer")
    capability: SecretStr | None = Field(
        None, description="What the run shows to the gateway to read this customer's messages and files; in Studio none"
    )
    customer_keys: list[CustomerKey] = Field(default_factory=list, description="Keys by which business data knows them")
    verification: Verification = Field(
        "verified", description="Access of the customer's number to business data (docs/decisions/identity.md)"
    )
    erasure: Erasure = Field(
        "request", description="What follows when the customer wants all data erased (ERASURE_BY_CUSTOMER)"
    )
    customer_name: str | None = Field(None, description="Name in the customer's profile, if known")
    locale: str = Field("pt_BR", description="Language of the answers")
    department: str | None = Field(None, description="Department that answers first")
    model: str | None = Field(None, description="provider:model instead of AGENT_MODEL")
    persona: str | None = Field(None, description="Persona of the agent, instead of prompts/persona.md")
    departments: list[str | OwnDepartment] | None = Field(
        None, description="Departments of this number, the first one answers first; default: all of prompts/departments"
    )
    tools: list[str] | None = Field(None, description="Tools that may be used on this number; default: all")
    business_hours: BusinessHours | None = Field(None, description="Hours in which people answer; default: always")

    @field_validator("verification", mode="before")
    @classmethod
    def _least(cls, value: object) -> object:
        """Read a level that this version does not know as the lowest one."""
        return value if value in get_args(Verification) else "unverified"

    @field_validator("erasure", mode="before")
    @classmethod
    def _asked_about(cls, value: object) -> object:
        """Read a way that this version does not know as the one by which nothing is erased without a person."""
        return value if value in get_args(Erasure) else "request"

    @classmethod
    @cache  # mypy objects to its type only: it takes the same arguments as pydantic's
    def model_json_schema(cls, *args: Any, **settings: Any) -> dict[str, Any]:  # type: ignore[override]  # noqa: ANN401
        """Return the schema, made once: LangGraph Server asks for it at every run, and making it takes 3 ms."""
        return super().model_json_schema(*args, **settings)
