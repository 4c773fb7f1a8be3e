from datetime import UTC, datetime

import httpx
import pytest

from gateway.whatsapp import error_codes, refusals
from gateway.whatsapp.errors import (
    AccountBlocked,
    Cause,
    InvalidMessage,
    NotSent,
    PairLimited,
    Permanent,
    Scope,
    TemplateError,
    Temporary,
    Uncertain,
    WhatsAppError,
    WindowClosed,
)

MESSAGE, RECIPIENT, NUMBER, ACCOUNT = Scope.MESSAGE, Scope.RECIPIENT, Scope.NUMBER, Scope.ACCOUNT
# The scope and the class of each code (see the docstring of error_codes.py).
TABLE: dict[int, tuple[Scope, type[WhatsAppError]]] = {
    # Authorization: the token, and so every number that uses it.
    0: (ACCOUNT, AccountBlocked), 3: (ACCOUNT, AccountBlocked), 10: (ACCOUNT, AccountBlocked),
    190: (ACCOUNT, AccountBlocked), 200: (ACCOUNT, AccountBlocked), 299: (ACCOUNT, AccountBlocked),
    131005: (ACCOUNT, AccountBlocked),
    # Integrity: the account, but 130497, which is about "users in this country". 131064 is a limit of the account that
    # "is automatically lifted".
    368: (ACCOUNT, AccountBlocked), 131031: (ACCOUNT, AccountBlocked), 131064: (ACCOUNT, AccountBlocked),
    130497: (RECIPIENT, Permanent),
    131042: (ACCOUNT, AccountBlocked),
    # Throttling: of the app, the account, the number, or the pair of number and customer.
    4: (ACCOUNT, Temporary), 17: (ACCOUNT, Temporary), 32: (ACCOUNT, Temporary), 613: (ACCOUNT, Temporary),
    80007: (ACCOUNT, Temporary), 80008: (ACCOUNT, Temporary), 130429: (NUMBER, Temporary),
    131056: (RECIPIENT, PairLimited),
    131048: (NUMBER, Permanent),  # "restrictions on how many messages can be sent from this phone number"
    # The number.
    33: (NUMBER, AccountBlocked), 131037: (NUMBER, AccountBlocked), 131045: (NUMBER, AccountBlocked),
    133010: (NUMBER, AccountBlocked), 131057: (NUMBER, Temporary), 2494100: (NUMBER, Temporary),
    # Meta's own faults.
    1: (MESSAGE, Uncertain), 2: (MESSAGE, Uncertain), 131000: (MESSAGE, Uncertain), 131016: (MESSAGE, Uncertain),
    133004: (MESSAGE, Uncertain),
    # The customer.
    131047: (RECIPIENT, WindowClosed), 130403: (RECIPIENT, Permanent), 130472: (RECIPIENT, Permanent),
    131021: (RECIPIENT, Permanent), 131026: (RECIPIENT, Permanent), 131030: (RECIPIENT, Permanent),
    131049: (RECIPIENT, Permanent), 131050: (RECIPIENT, Permanent), 131062: (RECIPIENT, Permanent),
    137000: (RECIPIENT, Permanent),
    # The message.
    2494191: (MESSAGE, Permanent),  # thread control: "only the escalation partner"
    100: (MESSAGE, Permanent), 131008: (MESSAGE, Permanent), 131009: (MESSAGE, Permanent),
    131051: (MESSAGE, Permanent), 131052: (MESSAGE, Permanent), 131053: (MESSAGE, Permanent),
    131055: (MESSAGE, Permanent), 135000: (MESSAGE, Permanent),
    131060: (MESSAGE, Permanent), 131058: (MESSAGE, TemplateError), 131063: (MESSAGE, TemplateError),
    132018: (MESSAGE, TemplateError),
    132000: (MESSAGE, TemplateError), 132001: (MESSAGE, TemplateError), 132005: (MESSAGE, TemplateError),
    132007: (MESSAGE, TemplateError), 132008: (MESSAGE, TemplateError), 132012: (MESSAGE, TemplateError),
    132015: (MESSAGE, TemplateError), 132016: (MESSAGE, TemplateError), 132068: (MESSAGE, TemplateError),
    132069: (MESSAGE, TemplateError),
}  # fmt: skip


def test_the_table_has_every_code():
    assert set(error_codes._CODES) | {200, 299} == set(TABLE)


@pytest.mark.parametrize(("code", "scope", "kind"), [(code, *said) for code, said in TABLE.items()])
@pytest.mark.parametrize("http_status", [400, 401, 403, 500])
def test_a_known_code_decides_whatever_the_http_status(code, scope, kind, http_status):
    error = refusals.of_cause(Cause(code=code, http_status=http_status))
    assert (type(error), error.scope, error.code) == (kind, scope, code)


@pytest.mark.parametrize("code", [*TABLE, 0, 7, 999999])
@pytest.mark.parametrize("http_status", [None, 400, 401, 403, 404, 429, 500])
def test_only_what_is_about_a_number_or_an_account_stops_others(code, http_status):
    error = refusals.of_cause(Cause(code=code, http_status=http_status))
    assert not isinstance(error, AccountBlocked) or error.scope in (NUMBER, ACCOUNT)


def test_the_simulator_knows_no_code_that_the_table_does_not_place():
    from simulator.meta.errors import CODES

    of_management = {101, 2200, 2500, 139100}
    assert set(CODES) - of_management <= set(TABLE)


@pytest.mark.parametrize(
    ("http_status", "kind"),
    [
        *((status, Permanent) for status in (302, 400, 403, 404, 413)),
        *((status, Temporary) for status in (408, 425, 429)),
        *((status, Uncertain) for status in (500, 502, 503, 504)),
        (401, AccountBlocked),
    ],
)
def test_without_a_known_code_the_http_status_decides(http_status, kind):
    assert type(refusals.of_cause(Cause(http_status=http_status))) is kind
    assert type(refusals.of_cause(Cause(code=987654, http_status=http_status))) is kind


def test_a_number_that_the_token_cannot_see_blocks_the_account_not_the_message():
    assert type(refusals.of_cause(Cause(code=100, subcode=33, http_status=400))) is AccountBlocked


def test_a_failed_status_is_never_uncertain():
    failed = refusals.of_status({"code": 131000, "title": "Something went wrong"})
    assert type(failed) is Temporary
    assert type(refusals.of_status({"code": 131047})) is WindowClosed
    assert type(refusals.of_status(None)) is Temporary


def test_what_is_safe_to_resend_is_temporary_and_nothing_else_is():
    assert issubclass(NotSent, Temporary)
    assert issubclass(PairLimited, Temporary)
    for kind in (Uncertain, Permanent, AccountBlocked):
        assert not issubclass(kind, Temporary)
    for kind in (WindowClosed, TemplateError, InvalidMessage):
        assert issubclass(kind, Permanent)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError("x"), NotSent),
        (httpx.ConnectTimeout("x"), NotSent),
        (httpx.PoolTimeout("x"), NotSent),
        (httpx.ProxyError("x"), NotSent),
        (httpx.UnsupportedProtocol("x"), Permanent),
        (httpx.InvalidURL("x"), Permanent),
        (httpx.LocalProtocolError("x"), Permanent),
        (httpx.WriteError("x"), Uncertain),
        (httpx.WriteTimeout("x"), Uncertain),
        (httpx.ReadError("x"), Uncertain),
        (httpx.ReadTimeout("x"), Uncertain),
        (httpx.CloseError("x"), Uncertain),
        (httpx.RemoteProtocolError("x"), Uncertain),
        (httpx.DecodingError("x"), Uncertain),
        (ConnectionResetError("x"), Uncertain),
    ],
)
def test_only_what_fails_before_the_request_left_is_safe(error, kind):
    assert type(refusals.of_transport(error)) is kind


def test_every_error_of_httpx_is_mapped():
    def leaves(kind):
        below = kind.__subclasses__()
        return [leaf for one in below for leaf in leaves(one)] if below else [kind]

    for kind in leaves(httpx.RequestError):
        assert isinstance(refusals.of_transport(kind("x")), WhatsAppError)


def test_all_that_meta_says_is_kept_but_not_in_the_text():
    stated = {
        "message": "(#131009) Malformed access token EAABsecret",
        "type": "OAuthException",
        "code": 131009,
        "error_subcode": 2494010,
        "error_data": {"messaging_product": "whatsapp", "details": "Parameter value is not valid: meu CPF é 123"},
        "fbtrace_id": "Az8or2yhqkZfEZ",
    }
    error = refusals.of_cause(refusals.cause_of(stated, 400, ("EAABsecret",)))
    assert error.cause == Cause(
        131009,
        2494010,
        "(#131009) Malformed access token [secret]",
        "Parameter value is not valid: meu CPF é 123",
        "Az8or2yhqkZfEZ",
        400,
    )
    for text in (str(error), repr(error), str(error.args)):
        assert "EAAB" not in text
        assert "CPF" not in text
    assert "131009" in str(error)
    assert "Az8or2yhqkZfEZ" in str(error)


@pytest.mark.parametrize("odd", [None, [], "x", {}, {"code": "x", "error_data": [], "message": 7}, {"code": True}])
def test_an_error_of_an_unknown_shape_is_read_without_failing(odd):
    assert refusals.cause_of(odd).code is None


def test_what_postgres_cannot_keep_is_left_out():
    read = refusals.cause_of({"code": 10**40, "error_subcode": -(2**63), "title": "a\0b\ud800", "details": "\0"})
    assert (read.code, read.subcode, read.title, read.details) == (None, None, "ab\ufffd", "")


def test_codes_may_come_as_text():
    assert refusals.cause_of({"code": "131047"}).code == 131047


NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "30"}, 30.0),
        ({"retry-after": "Sun, 22 Nov 2026 12:01:00 GMT"}, 60.0),
        ({"retry-after": "Sun, 22 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        (
            {"x-business-use-case-usage": '{"1":[{"type":"whatsapp","estimated_time_to_regain_access":2}]}'},
            120.0,
        ),
        ({"x-business-use-case-usage": '{"1":[{"estimated_time_to_regain_access":0}]}'}, None),
        ({"x-business-use-case-usage": '{"1":[{"estimated_time_to_regain_access":NaN}]}'}, None),
        ({"x-business-use-case-usage": "[]"}, None),
        ({"x-business-use-case-usage": "{"}, None),
    ],
)
def test_how_long_to_wait(headers, seconds):
    assert refusals.retry_after(headers, NOW) == seconds
