"""Meta's answers become problems, and no token gets into their messages."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from gateway.whatsapp import errors
from k8s.meta.answers import problem_of
from k8s.meta.budget import Clock
from k8s.meta.client import Meta
from k8s.meta.session import MetaError
from k8s.model.declared import Number, Template
from tests.k8s.conftest import NUMBER_SPEC, TEMPLATE_SPEC

NUMBER, TEMPLATE = Number.model_validate(NUMBER_SPEC), Template.model_validate(TEMPLATE_SPEC)
TOKEN = "EAAB-token"


def answering(status: int, body: Any, headers: dict[str, str] | None = None) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _: httpx.Response(status, json=body, headers=headers))


def meta(transport: httpx.MockTransport, clock: Clock = lambda: 0.0, calls: int = 200) -> Meta:
    http = httpx.AsyncClient(transport=transport)
    return Meta(http, "https://graph.example", calls=calls, creates=100, clock=clock)


def refusal(code: int, **more: Any) -> dict[str, Any]:
    return {"error": {"message": f"(#{code}) Meta's words", "code": code, **more}}


@pytest.mark.parametrize(
    ("code", "subcode", "status", "kind", "reason"),
    [
        (2, None, 503, "temporary", "MetaUnavailable"),
        (131016, None, 500, "temporary", "MetaUnavailable"),
        (4, None, 400, "temporary", "RateLimited"),
        (80008, None, 400, "temporary", "RateLimited"),
        (190, None, 401, "blocked", "TokenInvalid"),
        (200, None, 403, "blocked", "AccessDenied"),
        (100, 33, 400, "blocked", "AccessDenied"),
        (100, None, 400, "refused", "Refused"),
        (100, 2388024, 400, "temporary", "AlreadyExists"),
        (2200, None, 400, "waiting", "CallbackRefused"),
    ],
)
async def test_every_answer_has_its_kind(code: int, subcode: int | None, status: int, kind: str, reason: str) -> None:
    more = {} if subcode is None else {"error_subcode": subcode}
    made = meta(answering(status, refusal(code, **more)))
    with pytest.raises(MetaError) as failed:
        await made.account("200").phone(made.login(TOKEN, "v26.0"), NUMBER)
    assert (failed.value.problem.kind, failed.value.problem.reason) == (kind, reason)


async def test_no_connection_is_meta_away() -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route")

    made = meta(httpx.MockTransport(refuse))
    with pytest.raises(MetaError) as failed:
        await made.account("200").phone(made.login(TOKEN, "v26.0"), NUMBER)
    assert failed.value.problem.reason == "MetaUnavailable"


async def test_a_token_in_metas_words_is_cut_out() -> None:
    body = refusal(100, error_user_msg=f"Malformed token {TOKEN} and text")
    made = meta(answering(400, body))
    with pytest.raises(MetaError) as failed:
        await made.account("200").create(made.login(TOKEN, "v26.0"), TEMPLATE)
    assert "and text" in str(failed.value)
    assert TOKEN not in str(failed.value) + repr(failed.value.problem)
    assert TOKEN not in repr(made.login(TOKEN, "v26.0"))


async def test_a_token_that_no_header_can_carry_is_invalid() -> None:
    with pytest.raises(MetaError) as failed:
        meta(answering(200, {})).login("to\nken", "v26.0")
    assert failed.value.problem.reason == "TokenInvalid"
    assert "to\nken" not in str(failed.value)


async def test_after_too_many_calls_the_account_pauses_as_long_as_meta_says() -> None:
    now = [0.0]
    answer = answering(400, refusal(80008), {"Retry-After": "300"})
    account = (made := meta(answer, lambda: now[0])).account("200")
    login = made.login(TOKEN, "v26.0")
    with pytest.raises(MetaError) as failed:
        await account.phone(login, NUMBER)
    assert failed.value.problem.retry_after == 300
    now[0] = 299.0
    with pytest.raises(MetaError, match="no calls left"):
        await account.phone(login, NUMBER)
    now[0] = 300.0
    assert account.calls.wait_seconds() == 0


async def test_no_call_is_made_over_the_budget() -> None:
    made = meta(answering(200, {"id": "1"}), calls=1)
    account, login = made.account("200"), made.login(TOKEN, "v26.0")
    await account.phone(login, NUMBER)
    with pytest.raises(MetaError) as failed:
        await account.phone(login, NUMBER)
    assert (failed.value.problem.reason, failed.value.problem.retry_after) == ("RateLimited", 3600)


async def test_metas_count_of_calls_outlives_a_restart() -> None:
    usage = '{"200": [{"type": "whatsapp_business_management", "call_count": 75}], "7": [{"call_count": 99}]}'
    made = meta(answering(200, {"id": "1"}, {"X-Business-Use-Case-Usage": usage}))
    account = made.account("200")
    await account.phone(made.login(TOKEN, "v26.0"), NUMBER)
    assert account.calls.left() == 52


async def test_numbers_of_an_account_share_its_budget() -> None:
    made = meta(answering(200, {}))
    assert made.account("200") is made.account("200")
    assert made.account("200") is not made.account("201")


def test_the_kinds_of_the_library_are_all_known() -> None:
    """A new class of errors has to be thought of here too."""
    known = {errors.Temporary, errors.Uncertain, errors.AccountBlocked, errors.Permanent}
    assert set(errors.WhatsAppError.__subclasses__()) == known
    assert problem_of(errors.Uncertain("It may be done.")).kind == "temporary"
