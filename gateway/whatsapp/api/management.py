"""The Cloud API's calls about accounts: numbers, profiles, templates, webhook subscriptions, tokens.

Sources: developers.facebook.com/docs/whatsapp/business-management-api and docs/graph-api/reference/debug_token.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from gateway.whatsapp.api.connection import GraphApi
from gateway.whatsapp.errors import Temporary
from gateway.whatsapp.json_bytes import Json
from gateway.whatsapp.reading import flag, identifier, integer, moment, part, parts, text
from gateway.whatsapp.text import clean

_NUMBER_FIELDS = (
    "id,display_phone_number,verified_name,quality_rating,status,name_status,code_verification_status,platform_type,"
    "throughput,is_on_biz_app,webhook_configuration,health_status"
)
# The limit is the whole portfolio's since October 2025, under a new name since v24.0; asked for the other's name, a
# version gives nothing or refuses the call.
# Source: WhatsApp, "Messaging limits", via API (read in November 2026).
_LIMIT, _LIMIT_BEFORE_V24 = "whatsapp_business_manager_messaging_limit", "messaging_limit_tier"
_TEMPLATE_FIELDS = "id,name,language,status,category,components,parameter_format,quality_score,rejected_reason"
_PROFILE_FIELDS = "about,address,description,email,profile_picture_url,websites,vertical"
_PAGE = "100"


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A business number. quality: GREEN, YELLOW, RED, UNKNOWN; throughput: STANDARD, HIGH; raw: the whole answer.

    messaging_limit: customers that all numbers of the business portfolio together may write to first in 24 hours, as
    Meta names it: TIER_250, TIER_2K, TIER_10K, TIER_100K, TIER_UNLIMITED. on_business_app: a phone uses the number too.
    """

    id: str
    display_phone_number: str | None
    verified_name: str | None
    quality: str | None
    status: str | None
    name_status: str | None
    throughput: str | None
    messaging_limit: str | None
    webhook_override: str | None
    can_send: str | None  # health_status: AVAILABLE, LIMITED, BLOCKED
    on_business_app: bool = False
    raw: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TemplateInfo:
    """A template as Meta has it. status: APPROVED, PENDING, REJECTED, PAUSED, DISABLED ..."""

    id: str
    name: str
    language: str
    status: str | None
    category: str | None
    components: list[Json]
    parameter_format: str | None = None
    quality: str | None = None
    rejected_reason: str | None = None


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """The permissions of a token and their end; expires_at None: never."""

    valid: bool
    type: str | None
    app_id: str | None
    scopes: tuple[str, ...]
    expires_at: datetime | None
    data_access_expires_at: datetime | None
    targets: dict[str, tuple[str, ...]]  # by scope: the accounts it is limited to

    def days_left(self, now: datetime) -> int | None:
        """Return the whole days until the token or its access to data ends, whichever is first; None: never."""
        ends = [end for end in (self.expires_at, self.data_access_expires_at) if end is not None]
        return (min(ends) - now).days if ends else None


class Management:
    """Management calls. 200 an hour, 5,000 for active accounts; every one can be repeated, so none is Uncertain."""

    def __init__(self, api: GraphApi) -> None:
        self._api = api

    async def phone_number(self, phone_number_id: str) -> PhoneNumber:
        """Read a number."""
        return _phone_number(await self._api.get(phone_number_id, params={"fields": self._number_fields()}))

    async def phone_numbers(self, waba_id: str) -> list[PhoneNumber]:
        """Read all numbers of an account."""
        params = {"fields": self._number_fields(), "limit": _PAGE}
        return [_phone_number(one) for one in await self._api.get_all(waba_id, "phone_numbers", params=params)]

    async def profile(self, phone_number_id: str) -> Json:
        """Read the business profile: about, address, description, email, profile_picture_url, websites, vertical."""
        answer = await self._api.get(phone_number_id, "whatsapp_business_profile", params={"fields": _PROFILE_FIELDS})
        return next(iter(parts(answer, "data")), {})

    async def set_profile(self, phone_number_id: str, profile: Json) -> None:
        """Change the given fields of the business profile."""
        body = {**profile, "messaging_product": "whatsapp"}
        await self._api.repeatable("POST", phone_number_id, "whatsapp_business_profile", body=body)

    async def templates(self, waba_id: str, name: str | None = None) -> list[TemplateInfo]:
        """Read all templates of an account, or those whose name is or begins like this one."""
        params = {"fields": _TEMPLATE_FIELDS, "limit": _PAGE} | ({"name": name} if name else {})
        return [_template(one) for one in await self._api.get_all(waba_id, "message_templates", params=params)]

    async def create_template(self, waba_id: str, template: Json) -> Json:
        """Submit a template (name, language, category, components); return {id, status, category}.

        Created twice, Meta refuses the second as a duplicate: Permanent, code 100, subcode 2388024.
        """
        return await self._api.repeatable("POST", waba_id, "message_templates", body=template)

    async def edit_template(self, template_id: str, changes: Json) -> None:
        """Change category or components of a template (approved: once a day, ten times a month)."""
        await self._api.repeatable("POST", template_id, body=changes)

    async def delete_template(self, waba_id: str, name: str, template_id: str | None = None) -> None:
        """Delete a template in all its languages, or only the one with this id."""
        params = {"name": name} | ({"hsm_id": template_id} if template_id else {})
        await self._api.repeatable("DELETE", waba_id, "message_templates", params=params)

    async def subscriptions(self, waba_id: str) -> list[Json]:
        """Read which apps get the account's webhooks, each with override_callback_uri where it has one."""
        return await self._api.get_all(waba_id, "subscribed_apps")

    async def subscribe(self, waba_id: str, callback: str | None = None, verify_token: str | None = None) -> None:
        """Subscribe the token's app to the account; callback: an address instead of the app's own."""
        override = {"override_callback_uri": callback, "verify_token": verify_token} if callback else None
        await self._api.repeatable("POST", waba_id, "subscribed_apps", body=override)

    async def unsubscribe(self, waba_id: str) -> None:
        """End the subscription of the token's app."""
        await self._api.repeatable("DELETE", waba_id, "subscribed_apps")

    async def override_callback(self, phone_number_id: str, callback: str, verify_token: str) -> None:
        """Set the address of a number's webhooks, which precedes the account's and the app's; "" ends it."""
        override = {"override_callback_uri": callback} | ({"verify_token": verify_token} if callback else {})
        await self._api.repeatable("POST", phone_number_id, body={"webhook_configuration": override})

    async def token(self, token: str) -> TokenInfo:
        """Return the permissions of a token (it may be the calling one)."""
        return _token(part(await self._api.get("debug_token", params={"input_token": token}), "data"))

    async def exchange_token(self, app_id: str, app_secret: str, token: str) -> tuple[str, int | None]:
        """Exchange a short-lived user token for a long-lived one; return it and its life in seconds."""
        params = {
            "grant_type": "fb_exchange_token",
            "client_id": app_id,
            "client_secret": app_secret,
            "fb_exchange_token": token,
        }
        answer = await self._api.get("oauth", "access_token", params=params)
        exchanged = text(answer, "access_token")
        if exchanged is None:
            raise Temporary("Meta's answer to an exchange holds no token.")
        return exchanged, integer(answer, "expires_in")

    def _number_fields(self) -> str:
        major = int(self._api.version.removeprefix("v").partition(".")[0])
        return f"{_NUMBER_FIELDS},{_LIMIT if major >= 24 else _LIMIT_BEFORE_V24}"


def _phone_number(answer: Json) -> PhoneNumber:
    webhooks, health = part(answer, "webhook_configuration"), part(answer, "health_status")
    return PhoneNumber(
        id=identifier(answer, "id") or "",
        display_phone_number=identifier(answer, "display_phone_number"),
        verified_name=text(answer, "verified_name"),
        quality=text(answer, "quality_rating"),
        status=text(answer, "status"),
        name_status=text(answer, "name_status"),
        throughput=text(part(answer, "throughput"), "level"),
        messaging_limit=identifier(answer, _LIMIT) or identifier(answer, _LIMIT_BEFORE_V24),
        webhook_override=text(webhooks, "phone_number"),
        can_send=text(health, "can_send_message"),
        on_business_app=flag(answer, "is_on_biz_app"),
        raw=clean(answer),
    )


def _template(answer: Json) -> TemplateInfo:
    return TemplateInfo(
        id=identifier(answer, "id") or "",
        name=text(answer, "name") or "",
        language=text(answer, "language") or "",
        status=text(answer, "status"),
        category=text(answer, "category"),
        components=clean(parts(answer, "components")),
        parameter_format=text(answer, "parameter_format"),
        quality=text(part(answer, "quality_score"), "score"),
        rejected_reason=text(answer, "rejected_reason"),
    )


def _token(data: Json) -> TokenInfo:
    scopes = data.get("scopes")
    return TokenInfo(
        valid=flag(data, "is_valid"),
        type=text(data, "type"),
        app_id=identifier(data, "app_id"),
        scopes=tuple(map(str, scopes)) if isinstance(scopes, list) else (),
        expires_at=_end(data, "expires_at"),
        data_access_expires_at=_end(data, "data_access_expires_at"),
        targets={
            scope: tuple(map(str, ids)) if isinstance(ids := one.get("target_ids"), list) else ()
            for one in parts(data, "granular_scopes")
            if (scope := text(one, "scope"))
        },
    )


def _end(data: Json, name: str) -> datetime | None:
    """Read when something ends; Meta writes 0 for never."""
    end = moment(data, name)
    return None if end is None or end <= datetime.fromtimestamp(0, UTC) else end
