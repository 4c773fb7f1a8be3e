"""The limit of management calls for an account, and the header that reports its use.

Source: docs/graph-api/overview/rate-limiting (business use case limits), docs/whatsapp/business-management-api.
"""

import json

from pydantic import BaseModel, Field

from simulator.meta.business.accounts import Account
from simulator.meta.errors import TOO_MANY_CALLS, TOO_MANY_CALLS_SUBCODE, GraphError

HOUR_SECONDS = 3600
HEADER = "X-Business-Use-Case-Usage"


class Usage(BaseModel):
    """The limit. Meta: 200 calls an hour, app and account; 5,000 for accounts with a registered number."""

    calls_an_hour: int = Field(200, ge=1)

    def spend(self, account: Account, now: float) -> None:
        """Count a call. Raises GraphError when there is none left."""
        self._forget(account, now)
        if len(account.calls) >= self.calls_an_hour:
            raise GraphError(TOO_MANY_CALLS, subcode=TOO_MANY_CALLS_SUBCODE)
        account.calls.append(now)

    def header(self, account: Account, now: float) -> dict[str, str]:
        """Return the header of every answer about the account: per cent used, and minutes until calls are possible."""
        self._forget(account, now)
        count = len(account.calls)
        wait = 0.0 if count < self.calls_an_hour else account.calls[0] + HOUR_SECONDS - now
        usage = {
            "type": "whatsapp_business_management",
            "call_count": round(100 * count / self.calls_an_hour),
            "total_cputime": 1,
            "total_time": 1,
            "estimated_time_to_regain_access": int(wait / 60 + 0.999),
        }
        return {HEADER: json.dumps({account.id: [usage]})}

    def _forget(self, account: Account, now: float) -> None:
        while account.calls and account.calls[0] <= now - HOUR_SECONDS:
            account.calls.popleft()
