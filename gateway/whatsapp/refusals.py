"""Answers of Meta, statuses and broken connections, read as errors."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from gateway.whatsapp import usage
from gateway.whatsapp.error_codes import classify
from gateway.whatsapp.errors import Cause, NotSent, Permanent, Temporary, Uncertain, WhatsAppError
from gateway.whatsapp.text import clean_text

_LONGEST_TEXT = 1000
_BEYOND_CODES = 2**31  # Postgres keeps codes as integers


def cause_of(error: object, http_status: int | None = None, secrets: tuple[str, ...] = ()) -> Cause:
    """Read an error object of the API: `error` of an answer, or an element of `errors` in a webhook. Never raises.

    secrets: strings (the access token) that are cut out of Meta's texts, which have no NUL and no lone surrogate then.
    """
    if not isinstance(error, Mapping):
        return Cause(http_status=http_status)
    data = error.get("error_data")
    details = data.get("details") if isinstance(data, Mapping) else error.get("details")
    return Cause(
        code=_int(error.get("code")),
        subcode=_int(error.get("error_subcode")),
        title=_text(error.get("title") or error.get("message"), secrets),
        details=_text(details or error.get("error_user_msg"), secrets),
        fbtrace_id=_text(error.get("fbtrace_id"), secrets),
        http_status=http_status,
    )


def of_cause(cause: Cause, retry_after: float | None = None) -> WhatsAppError:
    """Return the error (not raised) for what Meta answered to a request."""
    kind, scope, meaning = classify(cause)
    return kind(meaning, cause, retry_after=retry_after, scope=scope)


def of_transport(error: httpx.HTTPError | httpx.InvalidURL | OSError) -> WhatsAppError:
    """Return the error (not raised) for a request that got no answer.

    A request that failed before its first byte left is safe to repeat; after that only Meta knows whether it arrived.
    The texts of httpx are left out: an illegal header, for one, is quoted with the token in it.
    """
    name = type(error).__name__
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.PoolTimeout() | httpx.ProxyError():
            return NotSent(f"No connection to Meta could be opened ({name}).")
        case httpx.UnsupportedProtocol() | httpx.InvalidURL() | httpx.LocalProtocolError():
            return Permanent(f"The request cannot be made: check the API's address and the access token ({name}).")
        case _:
            return Uncertain(f"The connection to Meta failed after the request was sent ({name}).")


def of_status(error: object) -> WhatsAppError:
    """Return the error (not raised) for an element of `errors` in a `failed` status.

    Such a message is known to have failed: a code that is uncertain in an answer is only temporary here.
    """
    cause = cause_of(error)
    kind, scope, meaning = classify(cause)
    return (Temporary if issubclass(kind, Uncertain) else kind)(meaning, cause, scope=scope)


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Read how many seconds to wait from `Retry-After`, else from Meta's usage header; None where neither says."""
    header = headers.get("retry-after")
    if header is not None:
        return _seconds(header, now or datetime.now(UTC))
    return usage.seconds_to_regain_access(headers)


def _seconds(header: str, now: datetime) -> float | None:
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - now).total_seconds())
    except (ValueError, TypeError):  # not a date, or one without a zone
        return None


def _int(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < _BEYOND_CODES else None
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10 else None


def _text(value: object, secrets: tuple[str, ...]) -> str | None:
    if not isinstance(value, str):
        return None
    for secret in secrets:
        value = value.replace(secret, "[secret]") if secret else value
    return clean_text(value[:_LONGEST_TEXT])
