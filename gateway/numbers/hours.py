"""Business hours of a channel's context, validated when the channel is read: a mistyped zone would fail every run."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

_CLOCK = r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$"


def _known(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if available_timezones():  # without the time zone database nothing can be checked
            raise ValueError(f"{name!r} is no time zone, such as America/Sao_Paulo") from None
    return name


class Hours(BaseModel):
    """Hours on some days of the week; `to` before `from` means over midnight, into the next day."""

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
    """The part of a channel's context that is validated here; the agent reads the rest."""

    model_config = ConfigDict(hide_input_in_errors=True)

    business_hours: BusinessHours | None = None
