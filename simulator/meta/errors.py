"""Meta's errors: the codes, their titles and HTTP statuses, and the body that carries them.

Source: WhatsApp Cloud API, "Error codes" (v26.0); the body's shape: Graph API, "Handling errors".
"""

import secrets
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """A code's HTTP status and title in Meta's table."""

    status: int
    title: str


WRONG_SECRET = 1
PERMISSION_DENIED = 10
INVALID_PARAMETER = 100
WRONG_APP = 101
MISSING_PARAMETER = 131008
INVALID_VALUE = 131009
INVALID_TOKEN = 190
PERMISSION_MISSING = 200
CALLBACK_REFUSED = 2200
UNKNOWN_PATH = 2500
TOO_MANY_CALLS = 80008
TOO_MANY_CALLS_SUBCODE = 2446079
USER_BLOCKED = 130403
THROUGHPUT = 130429
EXPERIMENT = 130472
SAME_NUMBER = 131021
UNDELIVERABLE = 131026
WINDOW_CLOSED = 131047
OPTED_OUT = 131050
PAIR_LIMIT = 131056
UNSUPPORTED_RECIPIENT = 131062
BLOCK_FAILED = 139100
TEMPLATE_PARAMETERS = 132000
TEMPLATE_MISSING = 132001
TEMPLATE_TOO_LONG = 132005
TEMPLATE_FORMAT = 132012
TEMPLATE_PAUSED = 132015
TEMPLATE_DISABLED = 132016
DOWNLOAD_FAILED = 131052
UPLOAD_FAILED = 131053
TAKE_NOT_ALLOWED = 2494191
UNKNOWN_OBJECT_SUBCODE = 33
EXPIRED_SUBCODE = 463  # of INVALID_TOKEN
REVOKED_SUBCODE = 460  # of INVALID_TOKEN: the session was ended

CODES = {
    0: Kind(401, "AuthException"),
    1: Kind(400, "API Unknown"),
    2: Kind(503, "API Service"),
    3: Kind(500, "API Method"),
    4: Kind(400, "API Too Many Calls"),
    10: Kind(403, "Permission Denied"),
    100: Kind(400, "Invalid parameter"),
    101: Kind(400, "Error validating application. Cannot get application info due to a system error."),
    190: Kind(401, "Access token has expired"),
    200: Kind(403, "Permissions error"),
    368: Kind(403, "Temporarily blocked for policies violations"),
    2494191: Kind(400, "Only the configured escalation partner may take thread control"),
    2200: Kind(400, "Callback verification failed"),
    2500: Kind(400, "Unknown path components"),
    80007: Kind(400, "Rate limit issues"),
    80008: Kind(400, "There have been too many calls to this WhatsApp Business account. Wait a bit and try again."),
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
    131030: Kind(400, "Recipient phone number not in allowed list"),
    131031: Kind(403, "Account has been locked"),
    131037: Kind(400, "Phone number display name not approved"),
    131042: Kind(400, "Business eligibility payment issue"),
    131045: Kind(500, "Incorrect certificate"),
    131047: Kind(400, "Re-engagement message"),
    131048: Kind(400, "Spam rate limit hit"),
    131049: Kind(400, "Meta chose not to deliver"),
    131050: Kind(400, "User has stopped marketing messages"),
    131051: Kind(400, "Unsupported message type"),
    131052: Kind(400, "Media download error"),
    131053: Kind(400, "Media upload error"),
    131055: Kind(400, "Method not allowed"),
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
    132068: Kind(400, "Flow is blocked"),
    132069: Kind(400, "Flow is throttled"),
    133004: Kind(503, "Server Temporarily Unavailable"),
    133010: Kind(400, "Phone number Not Registered"),
    135000: Kind(400, "Generic user error"),
    137000: Kind(400, "Recipient not supported"),
    139100: Kind(400, "Failed to block/unblock users"),
}


class GraphError(Exception):
    """A request that Meta refuses. `title` replaces the code's own where Meta has another one for the case.

    `user`: title and text that Meta writes for people; `headers`: additional headers of the answer.
    """

    def __init__(
        self,
        code: int,
        details: str | None = None,
        *,
        title: str | None = None,
        status: int | None = None,
        subcode: int | None = None,
        user: tuple[str, str] | None = None,
    ) -> None:
        kind = CODES.get(code, Kind(400, "Error"))
        self.code, self.details, self.subcode, self.user = code, details, subcode, user
        self.title = title or kind.title
        self.status = status or kind.status
        self.headers: dict[str, str] = {}
        super().__init__(f"(#{code}) {self.title}: {details}")

    def body(self) -> dict[str, Any]:
        """Return the answer's body, with a fresh trace id."""
        error: dict[str, Any] = {"message": f"(#{self.code}) {self.title}", "type": "OAuthException", "code": self.code}
        if self.details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if self.user:
            error |= {"is_transient": False, "error_user_title": self.user[0], "error_user_msg": self.user[1]}
        return {"error": error | {"fbtrace_id": "A" + secrets.token_urlsafe(16)}}

    def webhook_error(self) -> dict[str, Any]:
        """Return the error as an item of `errors[]` in a status or message of a webhook."""
        details = self.details or self.title
        return {"code": self.code, "title": self.title, "message": self.title, "error_data": {"details": details}}


def unknown_object(object_id: str, method: str = "post") -> GraphError:
    """Return Meta's answer for an id that does not exist, or that the token may not see."""
    title = (
        f"Unsupported {method} request. Object with ID '{object_id}' does not exist, cannot be loaded due to missing "
        "permissions, or does not support this operation."
    )
    return GraphError(INVALID_PARAMETER, title=title, subcode=UNKNOWN_OBJECT_SUBCODE)
