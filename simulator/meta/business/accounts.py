"""A business's objects at Meta: its app, its accounts (WABAs), its numbers and their tokens.

Names and words of fields are those of the Graph API, nodes WhatsAppBusinessAccount and WhatsAppBusinessPhoneNumber.
"""

from collections import deque
from dataclasses import asdict, dataclass, field

from simulator.json_type import Json

APP_ID = "300000000000003"
BUSINESS_ID = "400000000000004"
MESSAGING, MANAGEMENT = "whatsapp_business_messaging", "whatsapp_business_management"
SCOPES = (MANAGEMENT, MESSAGING, "public_profile")
LONG_LIVED_SECONDS = 60 * 24 * 3600  # docs/facebook-login/guides/access-tokens/get-long-lived
PROFILE = ("about", "address", "description", "email", "profile_picture_url", "websites", "vertical")


@dataclass
class App:
    """The business's app: its secret signs webhooks, which go to `callback` unless an override says otherwise."""

    id: str
    name: str
    secret: str
    callback: str
    verify_token: str


@dataclass
class Account:
    """A WhatsApp Business Account. `calls`: times of management calls; `creations`: of templates."""

    id: str
    name: str
    currency: str = "BRL"
    subscribed: bool = True
    override: str | None = None
    account_review_status: str = "APPROVED"
    calls: deque[float] = field(default_factory=deque)
    creations: deque[float] = field(default_factory=deque)


@dataclass
class Number:
    """A business's number, with the credentials that its app holds, and the fields that Meta shows."""

    id: str
    account_id: str
    display: str
    name: str
    access_token: str
    app_secret: str
    verify_token: str
    quality_rating: str = "GREEN"
    status: str = "CONNECTED"
    name_status: str = "APPROVED"
    code_verification_status: str = "VERIFIED"
    messaging_limit_tier: str = "TIER_2K"
    throughput: str = "STANDARD"
    can_send_message: str = "AVAILABLE"
    health_errors: list[Json] = field(default_factory=list)
    is_on_biz_app: bool = False
    escalation_partner: bool = True  # whether this app may take threads from others
    override: str | None = None
    profile: Json = field(default_factory=lambda: {"vertical": "UNDEFINED"})
    blocked: list[str] = field(default_factory=list)

    @property
    def digits(self) -> str:
        """The number as webhooks write it."""
        return digits_of(self.display)

    def as_json(self) -> Json:
        """Return the fields that the control API shows: all but credentials."""
        hidden = {"access_token", "app_secret", "verify_token"}
        return {name: value for name, value in asdict(self).items() if name not in hidden}


@dataclass
class Token:
    """An access token. `expires_at` 0: never; `accounts` None: all accounts of the business."""

    value: str
    type: str = "SYSTEM_USER"
    scopes: list[str] = field(default_factory=lambda: list(SCOPES))
    expires_at: int = 0
    data_access_expires_at: int = 0
    issued_at: int = 0
    valid: bool = True
    accounts: list[str] | None = None

    def may_see(self, account_id: str) -> bool:
        """Return whether the token was granted for that account."""
        return self.accounts is None or account_id in self.accounts


def digits_of(number: str) -> str:
    """Return only the digits of a phone number."""
    return "".join(character for character in number if character in "0123456789")
