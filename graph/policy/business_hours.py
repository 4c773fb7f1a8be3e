"""The hours in which people of the company answer."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from graph.contract.context import BusinessHours, Hours

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_NAMES = dict(zip(DAYS, ("seg", "ter", "qua", "qui", "sex", "sáb", "dom"), strict=True))


def is_open(hours: BusinessHours | None, moment: datetime) -> bool:
    """Return whether people answer at that moment; always if no hours are given. `moment` has a time zone."""
    if hours is None:
        return True
    local = moment.astimezone(ZoneInfo(hours.timezone))
    clock, day, day_before = f"{local:%H:%M}", DAYS[local.weekday()], DAYS[local.weekday() - 1]
    return any(_covers(entry, clock, day, day_before) for entry in hours.open)


def _covers(entry: Hours, clock: str, day: str, day_before: str) -> bool:
    if entry.opens <= entry.closes:
        return day in entry.days and entry.opens <= clock < entry.closes
    return (day in entry.days and entry.opens <= clock) or (day_before in entry.days and clock < entry.closes)


def in_words(hours: BusinessHours) -> str:
    """Return the hours as a customer reads them: `seg, ter, qua 09:00 às 18:00; sáb 09:00 às 13:00`."""
    lines = (
        f"{', '.join(DAY_NAMES[day] for day in DAYS if day in entry.days)} {entry.opens} às {entry.closes}"
        for entry in hours.open
    )
    return "; ".join(lines)
