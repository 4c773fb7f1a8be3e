"""Versions of the Graph API and the day each stops working.

Source: developers.facebook.com/docs/graph-api/changelog/versions (read in November 2026).
"""

from datetime import date

CURRENT = "v26.0"

_EXPIRY = {
    "v21.0": date(2027, 1, 21),
    "v22.0": date(2027, 5, 20),
    "v23.0": date(2027, 10, 8),
    "v24.0": date(2028, 2, 18),
    "v25.0": date(2028, 7, 29),
}


def expiry(version: str) -> date | None:
    """Return the first day on which calls with this version fail; None: not announced (the current) or not known."""
    return _EXPIRY.get(version)


def days_left(version: str, today: date) -> int | None:
    """Return the days until `expiry` (negative: over); None where that is None."""
    end = expiry(version)
    return None if end is None else (end - today).days
