"""Read decoded JSON from outside: each function returns the value in its type or None, and never raises."""

import math
from datetime import UTC, datetime

from gateway.whatsapp.json_bytes import Json
from gateway.whatsapp.text import clean_text

_YEAR_2009, _YEAR_9999 = 1_230_768_000, 253_402_300_799  # WhatsApp began in 2009
_LONGEST_ID = 512  # no id of Meta's is as long, and a database key may be


def text(holder: Json, name: str) -> str | None:
    """Return clean text; None where the value is missing, empty or no text."""
    value = holder.get(name)
    return clean_text(value) or None if isinstance(value, str) else None


def identifier(holder: Json, name: str) -> str | None:
    """Return an id as text: Meta writes some of them as numbers. None where the value is too long for one."""
    value = holder.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20:
        return str(value)
    found = text(holder, name)
    return found if found and len(found) <= _LONGEST_ID else None


def number(holder: Json, name: str) -> float | None:
    """Return a finite number, also one that was written as text."""
    value = holder.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def integer(holder: Json, name: str) -> int | None:
    """Return a whole number, also one that was written as text."""
    value = number(holder, name)
    return int(value) if value is not None and value == int(value) else None


def flag(holder: Json, name: str) -> bool:
    """Return whether something is true; anything else is not."""
    return holder.get(name) is True


def choice(holder: Json, name: str) -> bool | None:
    """Return a yes or no; None where it is neither."""
    value = holder.get(name)
    return value if isinstance(value, bool) else None


def moment(holder: Json, name: str) -> datetime | None:
    """Return a time written as Unix seconds (number or text; milliseconds are recognised) in UTC.

    None for a time before WhatsApp, such as 0: it is none.
    """
    seconds = number(holder, name)
    if seconds is None or seconds < _YEAR_2009:
        return None
    if seconds > 10**11:  # the year 5138 in seconds, 1973 in milliseconds
        seconds /= 1000
    return datetime.fromtimestamp(seconds, UTC) if seconds <= _YEAR_9999 else None


def part(holder: Json, name: str) -> Json:
    """Return an object, empty where there is none."""
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def parts(holder: Json, name: str) -> list[Json]:
    """Return the objects of a list, empty where there is none."""
    value = holder.get(name)
    return [element for element in value if isinstance(element, dict)] if isinstance(value, list) else []
