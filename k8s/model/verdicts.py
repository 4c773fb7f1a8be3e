"""Conditions for a token, the health of a number, a review and an API version, from Meta's answers. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.whatsapp.api import versions
from k8s.model.conditions import Condition, fails, holds, stamp, unknown, waits
from k8s.model.declared import Number
from k8s.model.observed import Phone, Problem, Token

REQUIRED_SCOPES = frozenset({"whatsapp_business_management", "whatsapp_business_messaging"})
TOKEN_WARNING_PERIOD = timedelta(days=14)
VERSION_WARNING_DAYS = 90

_NEW_TOKEN = "create a new token of a system user and put it into the Secret"  # noqa: S105 - a sentence
_SEE_MANAGER = "see the WhatsApp Manager"


def from_problem(type_: str, problem: Problem) -> Condition:
    """Return the condition for a reading or an action that failed."""
    if problem.kind == "temporary":
        return unknown(type_, problem.reason, problem.message)
    return fails(type_, problem.reason, problem.message, stalled=problem.kind in ("refused", "blocked"))


def token_valid(number: Number, token: Token, phone: Phone | Problem | None, now: datetime) -> Condition:
    """Return TokenValid from Meta's check of the token, and from whether the number could be read with it."""
    refused = _refused(number, token, phone, now)
    if refused:
        return fails("TokenValid", *refused, stalled=True)
    if token.expires_at is None:
        return holds("TokenValid", "Valid", "The access token does not expire")
    left, end = token.expires_at - now, stamp(token.expires_at)
    if left < TOKEN_WARNING_PERIOD:
        message = f"The access token expires in {left.days} days, on {end}: {_NEW_TOKEN}"
        return holds("TokenValid", "ExpiresSoon", message, warn=True)
    return holds("TokenValid", "Valid", f"The access token is good until {end}")


def _refused(number: Number, token: Token, phone: Phone | Problem | None, now: datetime) -> tuple[str, str] | None:
    """Return reason and message why a token cannot be used; None when it can."""
    if token.expires_at and token.expires_at <= now:
        return "TokenExpired", f"The access token expired on {stamp(token.expires_at)}: {_NEW_TOKEN}"
    if not token.valid:
        return "TokenInvalid", f"Meta does not accept the access token: {_NEW_TOKEN}"
    lacking = " and ".join(sorted(REQUIRED_SCOPES - token.scopes))
    if lacking:
        return "MissingPermission", f"The access token lacks {lacking}: {_NEW_TOKEN}"
    account = number.business_account_id
    if token.accounts is not None and account not in token.accounts:
        return (
            "MissingPermission",
            f"The access token may not manage account {account}: give its system user access to it",
        )
    if isinstance(phone, Problem) and phone.kind == "blocked":
        return "NoAccess", f"Number {number.phone_number_id} cannot be read with this access token: {phone.message}"
    return None


def healthy(phone: Phone | Problem | None) -> Condition:
    """Return Healthy: whether the number can send, and its quality as customers rate it."""
    if phone is None:
        return unknown("Healthy", "NotChecked", "The number has not been checked yet")
    if isinstance(phone, Problem):
        return unknown("Healthy", phone.reason, phone.message)
    return _cannot_send(phone) or _could_be_better(phone)


def _cannot_send(phone: Phone) -> Condition | None:
    if phone.can_send_message == "BLOCKED":
        why = "; ".join(phone.obstacles) or _SEE_MANAGER
        return fails("Healthy", "Blocked", f"Meta lets this number send nothing: {why}")
    if phone.state not in (None, "CONNECTED"):
        return fails("Healthy", camel(phone.state), f"Meta says that the number is {phone.state}: {_SEE_MANAGER}")
    return None


def _could_be_better(phone: Phone) -> Condition:
    if phone.quality == "RED":
        message = "Customers block or report this number often: its messaging limit may fall"
        return fails("Healthy", "QualityLow", message)
    if phone.can_send_message == "LIMITED":
        why = "; ".join(phone.obstacles) or _SEE_MANAGER
        return holds("Healthy", "Limited", f"Meta limits what this number may send: {why}", warn=True)
    if phone.quality == "YELLOW":
        return holds("Healthy", "QualityMedium", "Some customers block or report this number", warn=True)
    return holds("Healthy", "Healthy", "The number is connected and may send")


def version_supported(version: str, now: datetime) -> Condition:
    """Return VersionSupported: how long a version of the Graph API works."""
    end, left = versions.expiry(version), versions.days_left(version, now.date())
    if end is None or left is None:
        return holds("VersionSupported", "Supported", f"No end is announced for {version} of the Graph API")
    newer = f"set graphVersion to {versions.CURRENT}"
    if left <= 0:
        return fails("VersionSupported", "Expired", f"{version} of the Graph API ended on {end}: {newer}")
    if left <= VERSION_WARNING_DAYS:
        message = f"{version} of the Graph API ends on {end}: {newer}"
        return holds("VersionSupported", "ExpiresSoon", message, warn=True)
    return holds("VersionSupported", "Supported", f"{version} of the Graph API works until {end}")


def approved_by_meta(state: str | None, reason: str | None) -> Condition:
    """Return Approved, from a template's state at Meta; reason: why Meta rejected it."""
    match state:
        case None:
            return unknown("Approved", "NotSubmitted", "Not yet at Meta")
        case "APPROVED":
            return holds("Approved", "Approved", "It may be sent")
        case "PENDING" | "IN_APPEAL":
            return waits("Approved", "Pending", "Meta is reviewing it: usually minutes, at most a day or two")
        case "REJECTED":
            why = f" ({reason})" if reason else ""
            return fails("Approved", "Rejected", f"Meta rejected it{why}: change it here, and it is submitted again")
        case "PAUSED":
            return fails("Approved", "Paused", "Meta paused it for low quality; after the pause it is approved again")
        case "DISABLED":
            return fails("Approved", "Disabled", "Meta disabled it for low quality: declare one of another name")
        case other:
            return fails("Approved", camel(other), f"Meta says that it is {other}")


def camel(word: str) -> str:
    """Return Meta's WORDS_LIKE_THIS as a reason LikeThis."""
    return "".join(part.capitalize() for part in word.split("_"))
