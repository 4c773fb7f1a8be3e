"""Every code with which the Cloud API refuses, mapped in this one place to a class of error, a scope and our words.

Where the meanings come from: Meta's table (developers.facebook.com/documentation/business-messaging/whatsapp/support/
error-codes), of which only the beginning could be read in November 2026. This table was compared then, code by
code, with three public copies of Meta's (one dated August 2026), with Meta's changelog for 131064 and Meta's page on
user ids for 131062. None of these has 17, 32, 613, 80008 (Graph API), 131055, 131058, 132008, 137000, 2494191: they
stand as they were known before. The copies count 130497 as an error of the account, a restriction towards some
countries: here it is about the recipient, since customers elsewhere are reached. Where Meta does not say whether a
message went out, the code counts as uncertain; 131057 and 2494100 (HTTP 503) say that the number could not be used.
"""

from gateway.whatsapp.errors import (
    AccountBlocked,
    Cause,
    PairLimited,
    Permanent,
    Scope,
    TemplateError,
    Temporary,
    Uncertain,
    WhatsAppError,
    WindowClosed,
)

_CODES: dict[int, tuple[type[WhatsAppError], Scope, str]] = {
    # Temporary: throughput and request limits, refused before anything was done.
    4: (Temporary, Scope.ACCOUNT, "The app has reached its limit of API calls."),
    17: (Temporary, Scope.ACCOUNT, "The user of the token has reached the limit of API calls."),
    32: (Temporary, Scope.ACCOUNT, "The limit of API calls is reached."),
    613: (Temporary, Scope.ACCOUNT, "The limit of calls of this API is reached."),
    80007: (Temporary, Scope.ACCOUNT, "The business account has reached its rate limit."),
    80008: (Temporary, Scope.ACCOUNT, "The business account has reached its limit of management calls."),
    130429: (Temporary, Scope.NUMBER, "The number has reached its message throughput."),
    # Meta raises the throughput of the number, for up to a minute: "not usable on our platform" (Throughput).
    131057: (Temporary, Scope.NUMBER, "The number is in maintenance for up to a minute."),
    2494100: (Temporary, Scope.NUMBER, "The number is in maintenance for some minutes."),
    131056: (PairLimited, Scope.RECIPIENT, "Too many messages to this customer in a short time."),
    # Uncertain: faults at Meta's side; the message may have been taken.
    1: (Uncertain, Scope.MESSAGE, "Unknown error of the API; the message may have been taken."),
    2: (Uncertain, Scope.MESSAGE, "The API service is down or overloaded; the message may have been taken."),
    131000: (Uncertain, Scope.MESSAGE, "Something went wrong at Meta; the message may have been taken."),
    131016: (Uncertain, Scope.MESSAGE, "Meta's service is overloaded; the message may have been taken."),
    133004: (Uncertain, Scope.MESSAGE, "Meta's server is temporarily unavailable; the message may have been taken."),
    # The window.
    131047: (WindowClosed, Scope.RECIPIENT, "More than 24 hours since the customer's last message: send a template."),
    # Permanent: this message to this customer will not go out; the next one may.
    100: (Permanent, Scope.MESSAGE, "A parameter is wrong or missing."),
    130403: (Permanent, Scope.RECIPIENT, "The customer or the business blocks messages between them."),
    130497: (Permanent, Scope.RECIPIENT, "The business account may not message customers in this customer's country."),
    130472: (Permanent, Scope.RECIPIENT, "The customer is part of an experiment of Meta and gets no marketing."),
    2494191: (Permanent, Scope.MESSAGE, "Only the escalation partner that is configured at Meta may take a thread."),
    131008: (Permanent, Scope.MESSAGE, "A required parameter is missing."),
    131009: (Permanent, Scope.MESSAGE, "The value of a parameter is not valid."),
    131021: (Permanent, Scope.RECIPIENT, "Sender and recipient are the same number."),
    131026: (Permanent, Scope.RECIPIENT, "It cannot be delivered: no WhatsApp, old app or terms not accepted."),
    131030: (Permanent, Scope.RECIPIENT, "The recipient is not on the list of allowed test numbers."),
    131048: (Permanent, Scope.NUMBER, "Messages of this number are restricted as spam."),
    131049: (Permanent, Scope.RECIPIENT, "Meta holds marketing to this customer back: not again within 24 hours."),
    131050: (Permanent, Scope.RECIPIENT, "The customer has stopped marketing messages."),
    131051: (Permanent, Scope.MESSAGE, "The message type is not supported."),
    131052: (Permanent, Scope.MESSAGE, "The customer's media cannot be downloaded."),
    131053: (Permanent, Scope.MESSAGE, "The media was not accepted: check its type, codec and size."),
    131055: (Permanent, Scope.MESSAGE, "The method is not allowed."),
    131060: (Permanent, Scope.MESSAGE, "The customer's message is not available."),
    # Authentication templates, and those with dynamic prices.
    131062: (Permanent, Scope.RECIPIENT, "This message is not possible for a business-scoped user id."),
    135000: (Permanent, Scope.MESSAGE, "The message was refused for an unknown reason in its parameters."),
    137000: (Permanent, Scope.RECIPIENT, "This message is not possible for a business-scoped user id."),
    # Operator alert: nothing of this number, or of all numbers of the account, goes out.
    0: (AccountBlocked, Scope.ACCOUNT, "The app user cannot be authenticated: renew the access token."),
    3: (AccountBlocked, Scope.ACCOUNT, "The app or the token lacks a capability: check its permissions."),
    10: (AccountBlocked, Scope.ACCOUNT, "The token lacks a permission: check its scopes and assets."),
    33: (AccountBlocked, Scope.NUMBER, "The business phone number does not exist any more."),
    190: (AccountBlocked, Scope.ACCOUNT, "The access token is expired or invalid: set a new one."),
    368: (AccountBlocked, Scope.ACCOUNT, "The business account is blocked for violating policies."),
    131005: (AccountBlocked, Scope.ACCOUNT, "Access denied: check the permissions of the token."),
    131031: (AccountBlocked, Scope.ACCOUNT, "The business account is locked."),
    131037: (AccountBlocked, Scope.NUMBER, "The number needs an approved display name before it can send."),
    131042: (AccountBlocked, Scope.ACCOUNT, "There is a problem with the payment method."),
    131045: (AccountBlocked, Scope.NUMBER, "The number is not registered correctly: register it again."),
    # HTTP 429, but for days: it ends by itself, and some messages may go out meanwhile.
    131064: (AccountBlocked, Scope.ACCOUNT, "The account sends less for now: its templates were in wrong categories."),
    133010: (AccountBlocked, Scope.NUMBER, "The number is not registered on the Cloud API."),
    # Templates.
    131058: (TemplateError, Scope.MESSAGE, "Meta's hello_world goes out from test numbers only."),
    131063: (TemplateError, Scope.MESSAGE, "Marketing templates are switched off for this account."),
    132000: (TemplateError, Scope.MESSAGE, "The number of template parameters does not match the template."),
    132001: (TemplateError, Scope.MESSAGE, "The template does not exist in this language or is not approved."),
    132005: (TemplateError, Scope.MESSAGE, "The filled-in template is too long."),
    132007: (TemplateError, Scope.MESSAGE, "The template violates a policy."),
    132008: (TemplateError, Scope.MESSAGE, "A parameter of the template is missing or not as declared."),
    132012: (TemplateError, Scope.MESSAGE, "The format of a template parameter does not match the template."),
    132015: (TemplateError, Scope.MESSAGE, "The template is paused for low quality."),
    132016: (TemplateError, Scope.MESSAGE, "The template is disabled for low quality."),
    132018: (TemplateError, Scope.MESSAGE, "The parameters do not fit how the template is made."),
    132068: (TemplateError, Scope.MESSAGE, "The flow of this template is blocked."),
    132069: (TemplateError, Scope.MESSAGE, "The flow of this template is throttled."),
}
# Graph API: 200 to 299 are missing permissions (developers.facebook.com/docs/graph-api/guides/error-handling).
_PERMISSIONS = range(200, 300)
# Code 100 with this subcode: the object (our number) does not exist for this token. The message is not at fault.
NO_SUCH_OBJECT = (100, 33)


def classify(cause: Cause) -> tuple[type[WhatsAppError], Scope, str]:
    """Return class, scope and meaning, by the code where it is known, else by the HTTP status."""
    if (cause.code, cause.subcode) == NO_SUCH_OBJECT:
        return AccountBlocked, Scope.NUMBER, "The phone number id does not exist or the token has no access to it."
    if cause.code in _CODES:
        return _CODES[cause.code]
    if cause.code in _PERMISSIONS:
        return AccountBlocked, Scope.ACCOUNT, "The token lacks a permission: check its scopes and assets."
    return _by_http_status(cause.http_status)


def _by_http_status(status: int | None) -> tuple[type[WhatsAppError], Scope, str]:
    if status is None or status >= 500:
        return Uncertain, Scope.MESSAGE, "Meta answered with an error of its own; the message may have been taken."
    if status in (408, 425, 429):
        return Temporary, Scope.NUMBER, "Meta asks to try again later."
    if status == 401:
        return AccountBlocked, Scope.ACCOUNT, "Meta does not accept the access token."
    return Permanent, Scope.MESSAGE, "Meta refused the request."
