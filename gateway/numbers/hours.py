"""Business hours of a channel's context, looked at where they are read: a mistyped zone would fail every run."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

_CLOCK = r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$"


def _known(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if available_timezones():  # a machine without the database cannot tell
            raise ValueError(f"{name!r} is no time zone, such as America/Sao_Paulo") from None
    return name


class Hours(BaseModel):
    """When people are there on some days of the week; ``to`` before ``from``: over midnight, into the next day."""

    model_config = ConfigDict(populate_by_name=True, hide_input_in_errors=True)

    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]]
    opens: str = Field(alias="from", pattern=_CLOCK)
    closes: str = Field(alias="to", pattern=_CLOCK)

    @model_validator(mode="after")
    def _some_time(self) -> Hours:
        if self.opens == self.closes:
            raise ValueError("from and to are the same; the whole day is 00:00 to 24:00")
        return self


class BusinessHours(BaseModel):
    """When people answer, as the agent reads it (`graph/contract/context.py`)."""

    model_config = ConfigDict(hide_input_in_errors=True)

    timezone: Annotated[str, AfterValidator(_known)] = "America/Sao_Paulo"
    open: list[Hours]


class KnownContext(BaseModel):
    """What of a channel's context is looked at here; the rest is the agent's business."""

    model_config = ConfigDict(hide_input_in_errors=True)

    business_hours: BusinessHours | None = None
