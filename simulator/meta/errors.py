"""Meta's errors: the codes, their titles and HTTP statuses, and the body that carries them.

Source: WhatsApp Cloud API, "Error codes" (v26.0); the body's shape: Graph API, "Handling errors".
"""

import secrets
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """What Meta's table says about a code."""

    status: int
    title: str


INVALID_PARAMETER = 100
MISSING_PARAMETER = 131008
INVALID_VALUE = 131009
INVALID_TOKEN = 190
UNDELIVERABLE = 131026
UNKNOWN_OBJECT_SUBCODE = 33

CODES = {
    0: Kind(401, "AuthException"),
    1: Kind(400, "API Unknown"),
    2: Kind(503, "API Service"),
    3: Kind(500, "API Method"),
    4: Kind(400, "API Too Many Calls"),
    10: Kind(403, "Permission Denied"),
    100: Kind(400, "Invalid parameter"),
    190: Kind(401, "Access token has expired"),
    368: Kind(403, "Temporarily blocked for policies violations"),
    80007: Kind(400, "Rate limit issues"),
    130403: Kind(400, "User blocked the business"),
    130429: Kind(429, "Rate limit hit"),
    130472: Kind(400, "User's number is part of an experiment"),
    130497: Kind(403, "Business account is restricted from messaging users in this country"),
    131000: Kind(500, "Something went wrong"),
    131005: Kind(403, "Access denied"),
    131008: Kind(400, "Required parameter is missing"),
    131009: Kind(400, "Parameter value is not valid"),
    131016: Kind(500, "Service unavailable"),
    131021: Kind(400, "Recipient cannot be sender"),
    131026: Kind(400, "Message undeliverable"),
    131031: Kind(403, "Account has been locked"),
    131042: Kind(400, "Business eligibility payment issue"),
    131047: Kind(400, "Re-engagement message"),
    131048: Kind(400, "Spam rate limit hit"),
    131049: Kind(400, "Meta chose not to deliver"),
    131050: Kind(400, "User has stopped marketing messages"),
    131051: Kind(400, "Unsupported message type"),
    131052: Kind(400, "Media download error"),
    131053: Kind(400, "Media upload error"),
    131056: Kind(400, "(Business Account, Consumer Account) pair rate limit hit"),
    131057: Kind(500, "Account in maintenance mode"),
    131062: Kind(400, "Recipient not supported"),
    131064: Kind(403, "Business account restricted"),
    132000: Kind(400, "Template Param Count Mismatch"),
    132001: Kind(404, "Template does not exist"),
    132005: Kind(400, "Template Hydrated Text Too Long"),
    132007: Kind(400, "Template Format Character Policy Violated"),
    132008: Kind(400, "Template Parameter Format Mismatch"),
    132012: Kind(400, "Template Parameter Format Mismatch"),
    132015: Kind(400, "Template is Paused"),
    132016: Kind(400, "Template is Disabled"),
    133004: Kind(503, "Server Temporarily Unavailable"),
    137000: Kind(400, "Recipient not supported"),
}


class GraphError(Exception):
    """A request that Meta refuses. ``title`` replaces the code's own where Meta words it for the case."""

    def __init__(
        self,
        code: int,
        details: str | None = None,
        *,
        title: str | None = None,
        status: int | None = None,
        subcode: int | None = None,
    ) -> None:
        kind = CODES.get(code, Kind(400, "Error"))
        self.code, self.details, self.subcode = code, details, subcode
        self.title = title or kind.title
        self.status = status or kind.status
        super().__init__(f"(#{code}) {self.title}: {details}")

    def body(self) -> dict[str, Any]:
        """The answer's body, with a fresh trace id."""
        error: dict[str, Any] = {"message": f"(#{self.code}) {self.title}", "type": "OAuthException", "code": self.code}
        if self.details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        return {"error": error | {"fbtrace_id": "A" + secrets.token_urlsafe(16)}}

    def webhook_error(self) -> dict[str, Any]:
        """The same as an item of ``errors[]`` in a status or message of a webhook."""
        details = self.details or self.title
        return {"code": self.code, "title": self.title, "message": self.title, "error_data": {"details": details}}
