"""The specs of custom resources as types, as k8s/crds defines them. The API server has checked them before."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

GROUP = "whatsapp-agent.io"
VERSION = "v1alpha1"

# A name that only a verify token has: Meta sends its value to the callback, whose host the number's author chooses.
VERIFY_TOKEN_KEY = re.compile(r"([-._a-zA-Z0-9]*[-._])?verify[-_.]token")
MIN_VERIFY_TOKEN = 16  # as in gateway/numbers/channels.py, which refuses shorter ones
# No other form: other programs might read another host out of it.
_PLAIN_URL = re.compile(r"https?://([-.a-z0-9]+)(:[0-9]+)?(/[^\s\\@]*)?", re.IGNORECASE)

DeletionPolicy = Literal["Orphan", "Delete"]


class Declared(BaseModel):
    """Base: camelCase in Kubernetes, unknown fields (of a newer definition) ignored."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, hide_input_in_errors=True)


class KeyRef(Declared):
    """A key of a Secret or ConfigMap in the same namespace."""

    name: str
    key: str


class Credentials(Declared):
    """The keys of Secrets that hold a number's credentials."""

    access_token: KeyRef
    app_secrets: tuple[KeyRef, ...]
    verify_token: KeyRef

    def all(self) -> tuple[KeyRef, ...]:
        """Return every key that is referred to."""
        return (self.access_token, *self.app_secrets, self.verify_token)


class Callback(Declared):
    """The address to which Meta sends webhooks of the account."""

    url: str

    @property
    def host(self) -> str:
        """The host of the URL, in small letters; empty if the URL has a form that programs read differently."""
        found = _PLAIN_URL.fullmatch(self.url)
        return found[1].lower() if found else ""


class Profile(Declared):
    """The profile that customers see; a field that is None stays as it is at Meta."""

    about: str | None = None
    address: str | None = None
    description: str | None = None
    email: str | None = None
    websites: tuple[str, ...] | None = None
    vertical: str | None = None
    picture: KeyRef | None = None

    def fields(self) -> dict[str, Any]:
        """Return the declared fields in Meta's names, without the picture."""
        return self.model_dump(mode="json", exclude_none=True, exclude={"picture"})


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone, such as America/Sao_Paulo") from None
    return name


class Hours(Declared):
    """Opening hours of some days of the week (`mon` to `sun`), `HH:MM` local time; `to` may be on the next day."""

    days: tuple[str, ...]
    from_: str = Field(alias="from")
    to: str

    def plain(self) -> dict[str, Any]:
        """Return the hours as the agent reads them."""
        return {"days": list(self.days), "from": self.from_, "to": self.to}


class BusinessHours(Declared):
    """The hours in which people answer; timezone: a name of the tz database."""

    timezone: Annotated[str, AfterValidator(_known_zone)]
    open: tuple[Hours, ...]


class OwnDepartment(Declared):
    """A department that only this number has."""

    name: str
    title: str
    about: str = ""
    instructions: str = ""
    tools: tuple[str, ...] = ()


class FallbackTemplate(Declared):
    """A template with the values of its body's variables, in order or by name."""

    name: str
    language: str
    parameters: tuple[str, ...] = ()
    named_parameters: dict[str, str] = Field(default_factory=dict)


class Agent(Declared):
    """The agent that answers on a number, and its settings."""

    assistant: str = "agent"
    locale: str = "pt_BR"
    model: str | None = None
    persona: str | None = None
    departments: tuple[str, ...] | None = None
    own_departments: tuple[OwnDepartment, ...] = ()
    tools: tuple[str, ...] | None = None
    business_hours: BusinessHours | None = None
    quiet_period_seconds: float | None = None
    messages_per_second: int | None = None
    fallback_template: FallbackTemplate | None = None
    context: dict[str, Any] = Field(default_factory=dict)


class Number(Declared):
    """The spec of a WhatsAppNumber."""

    phone_number_id: str
    business_account_id: str
    credentials: Credentials
    graph_version: str | None = None
    callback: Callback | None = None
    profile: Profile | None = None
    agent: Agent = Agent()
    suspend: bool = False
    deletion_policy: DeletionPolicy = "Orphan"


class Header(Declared):
    """The header, above the text."""

    format: str
    text: str | None = None


class Body(Declared):
    """The body: the text."""

    text: str | None = None
    add_security_recommendation: bool | None = None


class Footer(Declared):
    """The footer, in small print."""

    text: str | None = None
    code_expiration_minutes: int | None = None


class SupportedApp(Declared):
    """An Android app that may fill in a code by itself."""

    package_name: str
    signature_hash: str


class Button(Declared):
    """A button; which fields it has depends on its type."""

    type: str
    text: str | None = None
    url: str | None = None
    example: str | None = None
    phone_number: str | None = None
    flow_id: str | None = None
    flow_action: str | None = None
    navigate_screen: str | None = None
    otp_type: str | None = None
    autofill_text: str | None = None
    supported_apps: tuple[SupportedApp, ...] | None = None


class Components(Declared):
    """The parts of a template's message; further: components in Meta's own JSON."""

    header: Header | None = None
    body: Body | None = None
    footer: Footer | None = None
    buttons: tuple[Button, ...] = ()
    further: tuple[dict[str, Any], ...] = ()


class Samples(Declared):
    """Values that show reviewers the meaning of variables; body: by number or name of the variable."""

    header: str | None = None
    body: dict[str, str] = Field(default_factory=dict)
    media: KeyRef | None = None


class NumberRef(Declared):
    """The WhatsAppNumber whose account has the template."""

    name: str


class Template(Declared):
    """The spec of a MessageTemplate."""

    number_ref: NumberRef
    name: str
    language: str
    category: str
    parameter_format: str = "POSITIONAL"
    components: Components
    samples: Samples = Samples()
    suspend: bool = False
    deletion_policy: DeletionPolicy = "Orphan"


def fingerprint(value: object) -> str:
    """Return a short, stable hash of plain data: equal data has an equal fingerprint."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
