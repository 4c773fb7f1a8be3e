"""The webhook endpoint against a real Postgres."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gateway.inbox.verification import MAX_ADDRESSES, MAX_FAILURES, WINDOW_SECONDS, Failures
from gateway.inbox.webhook import MAX_BODY
from gateway.settings import Settings
from gateway.whatsapp.webhooks.signature import sign
from simulator.stack.postgres import Postgres
from tests.gateway.support.deliveries import NUMBER, SECRET, payload, signed, text
from tests.gateway.support.doors import Doors, opened

PATH = "/webhook/whatsapp"


@pytest.fixture
def configured(database: str) -> Settings:
    return Settings(
        _env_file=None,
        database_url=database,
        whatsapp_phone_number_id=NUMBER,
        whatsapp_access_token="t",
        whatsapp_app_secret=f"{SECRET},the-previous-one",
        whatsapp_webhook_verify_token="verify-me-by-this",
    )


@pytest.fixture
async def doors(configured: Settings) -> AsyncIterator[Doors]:
    async with opened(configured) as doors:
        yield doors


@pytest.fixture
def http(doors: Doors) -> httpx.AsyncClient:
    return doors.webhook


def rows(url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as conn:
        return conn.execute("SELECT key, field, type, phone_number_id, raw FROM event ORDER BY id").fetchall()


async def test_verification_answers_the_challenge(http: httpx.AsyncClient) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "verify-me-by-this", "hub.challenge": "31415"}
    answer = await http.get(PATH, params=query)
    assert (answer.status_code, answer.text) == (200, "31415")
    assert answer.headers["content-type"].startswith("text/plain")
    for wrong in (
        {"hub.verify_token": "wrong"},
        {"hub.mode": "unsubscribe"},
        {"hub.verify_token": "vérify-me"},
    ):
        assert (await http.get(PATH, params=query | wrong)).status_code == 403
    assert (await http.get(PATH)).status_code == 403


async def test_wrong_verify_tokens_are_counted_logged_and_throttled_by_address(http: httpx.AsyncClient) -> None:
    right = {"hub.mode": "subscribe", "hub.verify_token": "verify-me-by-this", "hub.challenge": "31415"}
    with capture_logs() as lines:
        answers = [(await http.get(PATH, params={"hub.verify_token": f"guess-{n}"})).status_code for n in range(30)]
    assert answers == [403] * MAX_FAILURES + [429] * (30 - MAX_FAILURES)
    assert [line["event"] for line in lines] == ["verification_failed"] * MAX_FAILURES
    assert "guess" not in str(lines)
    assert (await http.get(PATH, params=right)).status_code == 429  # else a throttled guess would still be answered


def test_an_address_may_try_again_later_and_the_memory_is_bounded() -> None:
    now = 0.0
    failures = Failures(lambda: now)
    for _ in range(MAX_FAILURES):
        assert failures.wait_of("meta") == 0
        failures.add("meta")
    assert 0 < failures.wait_of("meta") <= WINDOW_SECONDS
    assert failures.wait_of("another") == 0
    now = WINDOW_SECONDS + 1
    assert (failures.wait_of("meta"), failures.add("meta")) == (0, 1)
    for number in range(2 * MAX_ADDRESSES):
        failures.add(str(number))
    assert len(failures._of_address) == MAX_ADDRESSES


async def test_an_item_is_durable_when_it_is_acknowledged(http: httpx.AsyncClient, database: str) -> None:
    message = text("Olá")
    answer = await http.post(PATH, **signed(payload(message)))
    assert answer.status_code == 200
    [(key, field, kind, number, raw)] = rows(database)
    assert (key, field, kind, number) == (f"msg:{message['id']}", "messages", "text", NUMBER)
    assert json.loads(raw)["message"] == message


async def test_the_previous_secret_still_signs(http: httpx.AsyncClient) -> None:
    assert (await http.post(PATH, **signed(payload(text("a")), "the-previous-one"))).status_code == 200


async def test_a_bad_or_missing_signature_stores_nothing(http: httpx.AsyncClient, database: str) -> None:
    request = signed(payload(text("Olá")), "not-our-secret")
    assert (await http.post(PATH, **request)).status_code == 403
    assert (await http.post(PATH, content=request["content"])).status_code == 403
    tampered = signed(payload(text("Olá")))
    assert (await http.post(PATH, content=tampered["content"] + b" ", headers=tampered["headers"])).status_code == 403
    assert rows(database) == []


async def test_a_body_over_the_limit_is_413_whatever_its_length_says(http: httpx.AsyncClient, database: str) -> None:
    assert (await http.post(PATH, **signed(b" " * (MAX_BODY + 1)))).status_code == 413

    async def stream() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY // 65536 + 1):
            yield b" " * 65536

    headers = {"X-Hub-Signature-256": sign(b"", SECRET)}
    assert (await http.post(PATH, content=stream(), headers=headers)).status_code == 413
    assert rows(database) == []


async def test_three_megabytes_are_taken(http: httpx.AsyncClient, database: str) -> None:
    whole = payload(text("x"))
    whole["padding"] = "x" * (MAX_BODY - len(json.dumps(whole)) - 20)
    assert (await http.post(PATH, **signed(whole))).status_code == 200
    assert len(rows(database)) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"not json", b"\xff\xfe", b'{"a": NaN}'])
async def test_what_is_no_json_is_400(http: httpx.AsyncClient, database: str, body: bytes) -> None:
    assert (await http.post(PATH, **signed(body))).status_code == 400
    assert rows(database) == []


@pytest.mark.parametrize("content", [None, 7, "text", [], {}, {"entry": [{"changes": [{"field": "x", "value": 3}]}]}])
async def test_json_of_an_unknown_shape_is_kept(http: httpx.AsyncClient, database: str, content: object) -> None:
    assert (await http.post(PATH, **signed(content))).status_code == 200
    [(_, field, kind, _, raw)] = rows(database)
    assert (field, kind) == ("unknown", "unknown")
    assert raw


async def test_nul_and_lone_surrogates_are_kept_as_they_came(http: httpx.AsyncClient, database: str) -> None:
    body = json.dumps(payload(text("a\0b\ud800c"))).encode()
    assert b"\\u0000" in body
    assert b"\\ud800" in body
    assert (await http.post(PATH, **signed(body))).status_code == 200
    [(*_, raw)] = rows(database)
    assert json.loads(raw)["message"]["text"]["body"] == "a\0b\ud800c"


async def test_twenty_deliveries_at_once_are_one_event(http: httpx.AsyncClient, database: str) -> None:
    request = signed(payload(text("Olá")))
    answers = await asyncio.gather(*(http.post(PATH, **request) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(rows(database)) == 1


async def test_a_batch_keeps_every_item_in_order(http: httpx.AsyncClient, database: str) -> None:
    messages = [text(str(n), wa_id=f"55119{n:08d}") for n in range(300)]
    assert (await http.post(PATH, **signed(payload(*messages)))).status_code == 200
    assert [row[0] for row in rows(database)] == [f"msg:{message['id']}" for message in messages]


async def test_without_its_tables_or_without_postgres_meta_is_asked_to_come_again(
    doors: Doors, http: httpx.AsyncClient, database: str
) -> None:
    request = signed(payload(text("Olá")))
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("ALTER TABLE event RENAME TO elsewhere")
        conn.execute("ALTER TABLE conversation RENAME TO also_elsewhere")
    assert (await http.post(PATH, **request)).status_code == 503
    assert "gateway migrate" in (await doors.ops.get("/readyz")).json()["postgres"]
    assert (await http.get("/healthz")).status_code == 200
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("ALTER TABLE elsewhere RENAME TO event")
        conn.execute("ALTER TABLE also_elsewhere RENAME TO conversation")
    assert (await http.post(PATH, **request)).status_code == 200
    assert "postgres" not in (await doors.ops.get("/readyz")).json()


async def test_a_restart_of_postgres_costs_no_webhook(
    http: httpx.AsyncClient, postgres: Postgres, database: str
) -> None:
    assert (await http.post(PATH, **signed(payload(text("before"))))).status_code == 200
    postgres.restart()
    assert (await http.post(PATH, **signed(payload(text("after"))))).status_code == 200
    assert len(rows(database)) == 2


@pytest.mark.parametrize(
    "path",
    ["/metrics", "/health", "/readyz", "/internal/templates", "/", "/docs", "/webhook", "/webhook/whatsapp/",
     "/healthz/", "/internal/media/00000000-0000-0000-0000-000000000000", "/webhook/whatsapp/../../metrics"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_the_webhooks_door_has_nothing_else(http: httpx.AsyncClient, path: str, method: str) -> None:
    assert (await http.request(method, path)).status_code == 404


async def test_the_webhooks_door_says_that_it_lives_and_no_more(http: httpx.AsyncClient) -> None:
    answer = await http.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_the_other_door_takes_no_webhook(doors: Doors, database: str) -> None:
    assert (await doors.ops.post(PATH, **signed(payload(text("Olá"))))).status_code == 404
    assert rows(database) == []


@pytest.mark.parametrize("path", ["/metrics", "/health", "/readyz", "/internal/templates"])
async def test_the_other_door_answers_to_known_names_only(doors: Doors, path: str) -> None:
    assert (await doors.ops.get(path, headers={"host": "evil.example"})).status_code == 400
    assert (await doors.ops.get(path, headers={"host": "wa-gateway.shop.svc:8003"})).status_code != 400


async def test_meta_may_call_the_webhook_by_any_name(http: httpx.AsyncClient) -> None:
    request = signed(payload(text("Olá")))
    request["headers"]["host"] = "shop.example"
    assert (await http.post(PATH, **request)).status_code == 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=json_values)
async def test_no_json_makes_an_error(http: httpx.AsyncClient, value: object) -> None:
    assert (
        await http.post(PATH, **signed({"entry": [{"changes": [{"field": "messages", "value": value}]}]}))
    ).status_code == 200
