"""Meta's own count of an account's calls, which every answer about the account carries (business use case usage).

Source: developers.facebook.com/docs/graph-api/overview/rate-limiting#headers-2. A header of another shape is ignored.
So is processor time (`total_cputime`, `total_time`), which Meta counts too: its refusals report that limit.
"""

import json
import math
from collections.abc import Mapping

_HEADER = "x-business-use-case-usage"


def calls_used(headers: Mapping[str, str]) -> dict[str, float]:
    """Return the share of an hour's calls that is used, 1.0 for all, by id of the business account."""
    return {account: per_cent / 100 for account, per_cent in _highest(headers, "call_count").items()}


def seconds_to_regain_access(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until calls are possible again; None when they are possible now, or the header is missing."""
    minutes = _highest(headers, "estimated_time_to_regain_access")
    return max(minutes.values(), default=0) * 60 or None


def _highest(headers: Mapping[str, str], name: str) -> dict[str, float]:
    """Return the highest value of that name for each account, among the kinds of use that Meta counts."""
    try:
        usage = dict(json.loads(headers.get(_HEADER) or "{}"))
    except (ValueError, TypeError):
        return {}
    found = {}
    for account, uses in usage.items():
        try:
            value = max(float(one[name]) for one in uses)
        except (ValueError, TypeError, KeyError):
            continue
        if math.isfinite(value):
            found[str(account)] = value
    return found
