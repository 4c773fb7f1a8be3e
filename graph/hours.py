"""When people of the company are there."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from graph.context import BusinessHours

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_NAMES = dict(zip(DAYS, ("seg", "ter", "qua", "qui", "sex", "sáb", "dom"), strict=True))


def is_open(hours: BusinessHours | None, moment: datetime) -> bool:
    """Whether somebody is there at that moment; always, where no hours are given. ``moment`` knows its zone."""
    if hours is None:
        return True
    local = moment.astimezone(ZoneInfo(hours.timezone))
    clock, day = f"{local:%H:%M}", DAYS[local.weekday()]
    return any(day in entry.days and entry.opens <= clock < entry.closes for entry in hours.open)


def in_words(hours: BusinessHours) -> str:
    """The hours for a customer: ``seg, ter, qua 09:00 às 18:00; sáb 09:00 às 13:00``."""
    lines = (
        f"{', '.join(DAY_NAMES[day] for day in DAYS if day in entry.days)} {entry.opens} às {entry.closes}"
        for entry in hours.open
    )
    return "; ".join(lines)
