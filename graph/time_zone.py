"""Time zones by their names in the tz database."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator


def _known(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone, such as America/Sao_Paulo") from None
    return name


#: The name of a time zone; an unknown name is refused with a message that quotes it.
Zone = Annotated[str, AfterValidator(_known)]
