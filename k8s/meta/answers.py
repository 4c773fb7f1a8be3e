"""Meta's answers as observations and problems of the operator. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.whatsapp.api.management import PhoneNumber, TemplateInfo, TokenInfo
from gateway.whatsapp.errors import AccountBlocked, Permanent, Temporary, Uncertain, WhatsAppError
from k8s.model.json_object import Json
from k8s.model.observed import Phone, Problem, RemoteTemplate, Token

# Codes that mean "too many calls": developers.facebook.com/docs/graph-api/overview/rate-limiting
RATE_LIMIT_CODES = frozenset({4, 17, 32, 613, 80007, 80008, 130429})
BAD_TOKEN_CODES = frozenset({0, 190})
CALLBACK_REFUSED_CODE = 2200  # "Callback verification failed"
TEMPLATE_EXISTS_CODES = (100, 2388024)  # this template exists already: it was created a moment ago
RATE_LIMITED = "RateLimited"  # the reason of such a problem


def problem_of(error: WhatsAppError) -> Problem:
    """Return the problem of a failed call, with a message for the status; the library has removed tokens from it."""
    details = error.details or error.title
    message = f"{error.meaning} Meta says: {details}" if details else str(error)
    match error:
        case Temporary() | Uncertain() if error.code in RATE_LIMIT_CODES:
            return Problem("temporary", RATE_LIMITED, _short(error.meaning), error.retry_after)
        case Temporary() | Uncertain():
            return Problem("temporary", "MetaUnavailable", _short(error.meaning), error.retry_after)
        case _ if (error.code, error.subcode) == TEMPLATE_EXISTS_CODES:
            return Problem("temporary", "AlreadyExists", "Meta has this template already, but does not list it yet")
        case AccountBlocked():
            return Problem("blocked", "TokenInvalid" if error.code in BAD_TOKEN_CODES else "AccessDenied", message)
        case Permanent() if error.code == CALLBACK_REFUSED_CODE:
            reason = "Meta could not verify the callback URL; it has to reach the gateway, with the same verify token."
            return Problem("waiting", "CallbackRefused", f"{reason} Meta says: {details}" if details else reason)
        case _:
            return Problem("refused", "Refused", message)


def _short(meaning: str) -> str:
    """Return the library's sentence without its part about messages: the operator sends none."""
    return meaning.partition(";")[0].rstrip(".") + "."


def token_of(info: TokenInfo) -> Token:
    """Read a token check."""
    ends = [end for end in (info.expires_at, info.data_access_expires_at) if end is not None]
    limits = [set(info.targets[scope]) for scope in ("whatsapp_business_management",) if info.targets.get(scope)]
    return Token(
        valid=info.valid,
        app_id=info.app_id,
        expires_at=min(ends) if ends else None,
        scopes=frozenset(info.scopes),
        accounts=frozenset(limits[0]) if limits else None,
    )


def phone_of(info: PhoneNumber) -> Phone:
    """Read a number."""
    return Phone(
        display_number=info.display_phone_number,
        verified_name=info.verified_name,
        name_status=info.name_status,
        state=info.status,
        quality=info.quality,
        messaging_limit=info.messaging_limit,
        throughput=info.throughput,
        can_send_message=info.can_send,
        obstacles=tuple(_obstacles(info.raw)),
        coexists=info.on_business_app,
    )


def _obstacles(answer: Json) -> Iterator[str]:
    health = answer.get("health_status")
    entities = health.get("entities") if isinstance(health, dict) else None
    for entity in entities if isinstance(entities, list) else ():
        for error in entity.get("errors") or ():
            words = (error.get("error_description"), error.get("possible_solution"))
            yield " ".join(word for word in words if word)


def template_of(info: TemplateInfo) -> RemoteTemplate:
    """Read a template of the list."""
    return RemoteTemplate(
        id=info.id,
        state=(info.status or "UNKNOWN").upper(),
        category=info.category,
        components=tuple(info.components),
        quality=info.quality,
        rejected_reason=None if info.rejected_reason in (None, "", "NONE") else info.rejected_reason,
    )


def app_id_of(app: Json) -> str | None:
    """Read which app an item of the subscriptions is."""
    data = app.get("whatsapp_business_api_data")
    return str(data.get("id")) if isinstance(data, dict) and data.get("id") else None
