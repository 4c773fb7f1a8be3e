"""The context of a run: who the customer is and what the channel wants. Given by the gateway, never by the model."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class CustomerKey(BaseModel):
    """One way in which other systems know the customer: a number (``wa_id``), a ``user_id``, …"""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    kind: str
    value: str


class Context(BaseModel):
    """What every run is told beside its input. Everything has a default, so that Studio can run the graph too."""

    model_config = ConfigDict(hide_input_in_errors=True)  # errors are logged, numbers and names are not

    channel_id: str = Field("", description="Id of the business's number (phone_number_id)")
    customer_id: str = Field("", description="The gateway's id of the customer")
    customer_keys: list[CustomerKey] = Field(default_factory=list, description="Keys by which business data knows them")
    customer_name: str | None = Field(None, description="Name in the customer's profile, if known")
    locale: str = Field("pt_BR", description="Language of the answers")
    department: str | None = Field(None, description="Department that answers first")
    model: str | None = Field(None, description="provider:model instead of AGENT_MODEL")
