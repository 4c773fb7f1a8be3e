"""The business profile that customers see, and its limits.

Source: docs/whatsapp/cloud-api/reference/business-profiles.
"""

from simulator.json_type import Json
from simulator.meta.business.accounts import PROFILE
from simulator.meta.errors import INVALID_PARAMETER, INVALID_VALUE, GraphError

MAX_CHARACTERS = {"about": 139, "address": 256, "description": 512, "email": 128}
MAX_WEBSITES, MAX_WEBSITE_CHARACTERS = 2, 256
VERTICALS = (
    "UNDEFINED", "OTHER", "AUTO", "BEAUTY", "APPAREL", "EDU", "ENTERTAIN", "EVENT_PLAN", "FINANCE", "GROCERY", "GOVT",
    "HOTEL", "HEALTH", "NONPROFIT", "PROF_SERVICES", "RETAIL", "TRAVEL", "RESTAURANT", "ALCOHOL", "ONLINE_GAMBLING",
    "PHYSICAL_GAMBLING", "OTC_DRUGS", "MATRIMONY_SERVICE", "NOT_A_BIZ",
)  # fmt: skip
PICTURE_URL = "https://pps.whatsapp.net/v/simulated/"


def check_profile(body: Json) -> Json:
    """Return the fields that a request sets. Raises GraphError."""
    if body.get("messaging_product") != "whatsapp":
        raise GraphError(INVALID_PARAMETER, title="The parameter messaging_product is required.")
    fields = {name: value for name, value in body.items() if name in (*PROFILE, "profile_picture_handle")}
    unknown = set(body) - set(fields) - {"messaging_product"}
    if unknown or "profile_picture_url" in fields:
        shown = sorted(unknown) or ["profile_picture_url"]
        raise GraphError(INVALID_PARAMETER, title=f'Unexpected key "{shown[0]}".')
    for name, limit in MAX_CHARACTERS.items():
        _check_text(name, fields.get(name, ""), limit)
    if "about" in fields and not fields["about"]:
        raise GraphError(INVALID_VALUE, "Parameter 'about' must not be empty")
    if fields.get("vertical", "OTHER") not in VERTICALS:
        raise GraphError(INVALID_VALUE, f"Parameter 'vertical' must be one of {', '.join(VERTICALS)}")
    _check_websites(fields.get("websites", []))
    if handle := fields.pop("profile_picture_handle", None):
        fields["profile_picture_url"] = PICTURE_URL + str(handle).rsplit(":", 1)[-1]
    return fields


def _check_text(name: str, value: object, limit: int) -> None:
    if not isinstance(value, str) or len(value) > limit:
        raise GraphError(INVALID_PARAMETER, title=f"Param {name} must be at most {limit} characters long.")


def _check_websites(websites: object) -> None:
    if not isinstance(websites, list) or len(websites) > MAX_WEBSITES:
        raise GraphError(INVALID_PARAMETER, title=f"Param websites must be an array of at most {MAX_WEBSITES}.")
    for one in websites:
        if not isinstance(one, str) or len(one) > MAX_WEBSITE_CHARACTERS or not one.startswith(("http://", "https://")):
            raise GraphError(INVALID_VALUE, f"A website is an address of at most {MAX_WEBSITE_CHARACTERS} characters")
