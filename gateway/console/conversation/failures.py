"""The explanation of a message that did not arrive: the key of a sentence that says what to do."""

from __future__ import annotations

from gateway.whatsapp.error_codes import classify
from gateway.whatsapp.errors import AccountBlocked, Cause, TemplateError

# Codes about which a person can do more than to try again.
_BY_CODE = {
    131047: "window", 131026: "unreachable", 131021: "unreachable", 130497: "country", 130403: "blocked",
    131050: "stopped", 131049: "marketing", 130472: "marketing", 131053: "file", 131052: "file", 131048: "spam",
    131030: "test_number",
}  # fmt: skip


def reason(code: int | None) -> str:
    """Return which sentence explains why a message failed, by Meta's code."""
    if code is None:
        return "unknown"
    if code in _BY_CODE:
        return _BY_CODE[code]
    kind = classify(Cause(code=code))[0]
    if issubclass(kind, AccountBlocked):
        return "account"
    return "template" if issubclass(kind, TemplateError) else "refused"
