"""Sending over a real Postgres; Meta's answers are chosen at the transport."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from prometheus_client import REGISTRY
from pydantic import ValidationError

from gateway.outbox.sender import SendSettings
from gateway.settings import Settings
from gateway.store.database import Pool
from gateway.store.outbox import queue
from tests.gateway.conftest import Command
from tests.gateway.support.deliveries import NUMBER
from tests.gateway.support.faults import poison
from tests.gateway.support.harness import Gateway
from tests.gateway.support.meta import refused, status


@pytest.fixture
def database_role() -> str:
    """Return the role that the process has in production."""
    return "wa_gateway"


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_a_message_is_sent_with_our_id_and_its_wamid_kept(gateway: Gateway) -> None:
    [message_id] = await gateway.queue("Olá, Maria")
    await gateway.send()
    [body] = gateway.meta.bodies
    assert body["to"] == "+5511987654321"
    assert body["biz_opaque_callback_data"] == message_id
    assert body["text"]["body"] == "Olá, Maria"
    assert await gateway.sql("SELECT status, wamid, attempts FROM message WHERE direction = 'out'") == [
        ("accepted", "wamid.OUT1", 1)
    ]


async def test_messages_of_one_conversation_leave_in_order_others_beside_them(gateway: Gateway) -> None:
    await gateway.queue("1", "2", "3")
    await gateway.queue("other", wa_id="5511900000000")
    await gateway.send()
    assert sorted(gateway.meta.texts) == ["1", "other"]
    for _ in range(3):
        await gateway.send()
    assert [said for said in gateway.meta.texts if said != "other"] == ["1", "2", "3"]


async def test_two_senders_send_each_message_once(gateway: Gateway) -> None:
    for n in range(30):
        await gateway.queue("x", wa_id=f"55119{n:08d}")
    other = Gateway(gateway.pool)
    for _ in range(5):
        await asyncio.gather(gateway.send(), other.send(), gateway.send(), other.send())
        await gateway.later()
        other.now = gateway.now
    sent = [body["biz_opaque_callback_data"] for body in gateway.meta.bodies + other.meta.bodies]
    assert len(sent) == len(set(sent)) == 30


@pytest.mark.parametrize("answer", [httpx.ReadTimeout("late"), httpx.RemoteProtocolError("cut"), refused(1, 500), refused(131000, 500), httpx.Response(502)])  # fmt: skip  # noqa: E501
async def test_a_lost_answer_is_uncertain_and_holds_what_follows_for_five_seconds(
    gateway: Gateway, answer: Any
) -> None:
    await gateway.queue("1", "2")
    gateway.meta.answers = [answer]
    await gateway.send()
    await gateway.send()
    assert await gateway.statuses() == ["uncertain", "queued"]
    await gateway.later(4)
    await gateway.send()
    assert gateway.meta.texts == ["1"]
    await gateway.later(1)
    await gateway.send()
    assert await gateway.statuses() == ["uncertain", "accepted"]
    assert gateway.meta.texts == ["1", "2"]


async def test_lost_answers_for_ever_hold_each_reply_for_five_seconds_and_nobody_else(gateway: Gateway) -> None:
    await gateway.queue(*(str(n) for n in range(10)))
    for n in range(10):
        gateway.meta.answers = [httpx.ReadTimeout("late")]
        await gateway.send()
        await gateway.later(5)
        assert gateway.meta.texts[-1] == str(n)
    await gateway.queue("other", wa_id="5511900000000")
    await gateway.send()
    await gateway.sender.expire()
    await gateway.send()
    assert gateway.meta.texts == [*(str(n) for n in range(10)), "other"]
    assert await gateway.statuses() == ["uncertain"] * 10 + ["accepted"]


async def test_a_status_with_our_id_settles_an_uncertain_message(gateway: Gateway) -> None:
    first, _ = await gateway.queue("1", "2")
    gateway.meta.answers = [httpx.ReadTimeout("late")]
    await gateway.send()
    await gateway.receive(statuses=[status("delivered", "wamid.REAL", first)])
    assert await gateway.statuses() == ["delivered", "queued"]
    await gateway.send()
    await gateway.later()
    await gateway.sender.expire()
    await gateway.send()
    assert gateway.meta.texts == ["1", "2"]
    assert await gateway.sql("SELECT wamid, uncertain_at FROM message WHERE id::text = %s", first) == [
        ("wamid.REAL", None)
    ]


async def test_an_uncertain_message_is_given_up_visibly_and_never_sent_again(
    gateway: Gateway, database: str, command: Command, logged: Callable[[], str]
) -> None:
    before = counted("whatsapp_errors_total", type="given_up")
    [message_id] = await gateway.queue("1")
    gateway.meta.answers = [httpx.ReadTimeout("late")]
    await gateway.send()
    for _ in range(3):
        await gateway.later(19)
        await gateway.sender.expire()
        await gateway.send()
    assert await gateway.statuses() == ["uncertain"]
    assert f"message {message_id} uncertain" in (await command("conversations", DATABASE_URL=database))[1]
    await gateway.later(4)
    await gateway.sender.expire()
    assert await gateway.statuses() == ["failed"]
    assert counted("whatsapp_errors_total", type="given_up") == before + 1
    assert "given_up" in logged()
    assert f"message {message_id} given up" in (await command("conversations", DATABASE_URL=database))[1]
    await gateway.send()
    assert gateway.meta.texts == ["1"]


@pytest.mark.parametrize(
    ("word", "known", "in_doubt"),
    [("sent", "sent", False), ("delivered", "delivered", False), ("failed", "failed", False), ("odd", "failed", True)],
)
async def test_a_status_settles_even_what_was_given_up(gateway: Gateway, word: str, known: str, in_doubt: bool) -> None:
    [message_id] = await gateway.queue("1")
    gateway.meta.answers = [httpx.ReadTimeout("late")]
    await gateway.send()
    await gateway.later()
    await gateway.sender.expire()
    assert await gateway.statuses() == ["failed"]
    await gateway.receive(statuses=[status(word, "wamid.REAL", message_id)])
    assert await gateway.sql("SELECT status, uncertain_at IS NOT NULL FROM message WHERE direction = 'out'") == [
        (known, in_doubt)
    ]


@pytest.mark.parametrize(
    ("state", "known"),
    [
        ("status = 'failed', uncertain_at = now(), error = 'given up'", ("accepted", None, None)),
        ("status = 'failed', error_code = 131047, error = 'too late'", ("failed", 131047, "too late")),
    ],
    ids=["given up in doubt", "failed by Meta"],
)
async def test_an_answer_of_meta_that_is_noted_late(
    gateway: Gateway, state: str, known: tuple[str, int | None, str | None]
) -> None:
    [message_id] = await gateway.queue("1")
    await gateway.sql(f"UPDATE message SET {state} WHERE id = %s", message_id)  # ours
    async with gateway.pool.connection() as conn:
        await queue.mark_accepted(conn, UUID(message_id), "wamid.LATE")
    found = await gateway.sql("SELECT status, error_code, error, uncertain_at FROM message WHERE direction = 'out'")
    assert found == [(*known, None)]


async def test_who_chose_to_resend_sends_three_times_at_most(pool: Pool) -> None:
    gateway = Gateway(pool, resend=True)
    await gateway.queue("1")
    for _ in range(40):
        gateway.meta.answers = [httpx.ReadTimeout("late")]
        await gateway.send()
        await gateway.sender.expire()
        await gateway.send()
        await gateway.later()
        await gateway.sender.expire()
    assert gateway.meta.texts == ["1"] * 3
    assert await gateway.statuses() == ["failed"]


@pytest.mark.parametrize("wamid", ["wamid.FIRST", "wamid.OUT2"])
async def test_a_status_of_any_of_the_sends_settles_the_message(pool: Pool, wamid: str) -> None:
    gateway = Gateway(pool, resend=True)
    [message_id] = await gateway.queue("1")
    gateway.meta.answers = [httpx.ReadTimeout("late")]
    await gateway.send()
    await gateway.later()
    await gateway.sender.expire()
    await gateway.send()
    assert await gateway.statuses() == ["accepted"]
    await gateway.receive(statuses=[status("delivered", wamid, message_id)])
    other = {"wamid.FIRST": "wamid.OUT2", "wamid.OUT2": "wamid.FIRST"}[wamid]
    await gateway.receive(statuses=[status("failed", other, message_id)])
    assert await gateway.statuses() == ["delivered"]
    assert await gateway.sql("SELECT count(*) FROM event WHERE state <> 'done'") == [(0,)]


async def test_of_two_sends_one_may_fail(pool: Pool) -> None:
    gateway = Gateway(pool, resend=True)
    [message_id] = await gateway.queue("1")
    gateway.meta.answers = [httpx.ReadTimeout("late")]
    await gateway.send()
    await gateway.later()
    await gateway.sender.expire()
    await gateway.send()
    await gateway.receive(statuses=[status("failed", "wamid.FIRST", message_id)])
    assert await gateway.statuses() == ["accepted"]


async def test_what_a_sender_left_that_died_in_the_act_is_uncertain(gateway: Gateway) -> None:
    await gateway.queue("1")
    await gateway.sql("UPDATE message SET status = 'sending', lease_until = now() WHERE direction = 'out' RETURNING 1")
    await gateway.sender.expire()
    assert await gateway.statuses() == ["uncertain"]


async def test_what_a_sender_left_that_died_before_it_asked_is_sent_once(gateway: Gateway) -> None:
    await gateway.queue("1")
    async with gateway.pool.connection() as conn:
        [message] = await queue.claim(conn, 1, 30, [NUMBER])
    await gateway.later(31)
    await gateway.sender.expire()
    assert await gateway.statuses() == ["queued"]
    await gateway.send()
    assert gateway.meta.texts == ["1"]
    async with gateway.pool.connection() as conn:
        assert not await queue.mark_offered(conn, message, 30)  # the one who was taken for dead asks no more


async def test_a_message_whose_senders_die_over_it_ends(gateway: Gateway) -> None:
    await gateway.queue("1", "2")
    for _ in range(12):
        async with gateway.pool.connection() as conn:
            await queue.claim(conn, 1, 30, [NUMBER])
        await gateway.later(31)
        await gateway.sender.expire()
    assert await gateway.statuses() == ["failed", "queued"]


async def test_a_refusal_that_took_long_to_note_counts(gateway: Gateway) -> None:
    await gateway.queue("1")
    async with gateway.pool.connection() as conn:
        [message] = await queue.claim(conn, 1, 30, [NUMBER])
        assert await queue.mark_offered(conn, message, 0)
        await gateway.sender.expire()
        assert await gateway.statuses() == ["uncertain"]
        await queue.retry(conn, message, 0, 130429, "for now")
    await gateway.send()
    assert gateway.meta.texts == ["1"]
    assert await gateway.statuses() == ["accepted"]


async def test_a_request_ends_before_its_lease(gateway: Gateway) -> None:
    settings = SendSettings(60)
    assert settings.lease > settings.longest
    with pytest.raises(ValueError, match="too short"):
        SendSettings(60, longest=60, lease=60)

    async def never(_: object) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError

    await gateway.queue("1")
    gateway.clients._http._transport.handler = never  # type: ignore[attr-defined]  # httpx's MockTransport
    gateway.sender._settings = SendSettings(60, longest=0.05)
    await gateway.send()
    assert await gateway.statuses() == ["uncertain"]


def test_to_resend_after_days_is_refused_by_name() -> None:
    database = "postgresql://nowhere/x"
    assert Settings(_env_file=None, database_url=database).uncertain_policy == "give-up"
    with pytest.raises(ValidationError, match="UNCERTAIN_WAIT_SECONDS"):
        Settings(_env_file=None, database_url=database, uncertain_policy="resend")
    Settings(_env_file=None, database_url=database, uncertain_policy="resend", uncertain_wait_seconds=600)


@pytest.mark.parametrize("answer", [refused(130429, 429), refused(4), refused(131056), httpx.ConnectError("refused")])
async def test_a_temporary_refusal_is_sent_again_later(gateway: Gateway, answer: Any) -> None:
    await gateway.queue("1", "2")
    gateway.meta.answers = [answer]
    await gateway.send()
    await gateway.send()
    assert len(gateway.meta.bodies) == 1
    assert await gateway.statuses() == ["queued", "queued"]
    await gateway.later()
    await gateway.send()
    await gateway.send()
    assert gateway.meta.texts[1:] == ["1", "2"]


async def test_a_permanent_refusal_fails_visibly_and_lets_the_next_go(gateway: Gateway) -> None:
    await gateway.queue("1", "2")
    gateway.meta.answers = [refused(131026)]
    await gateway.send()
    await gateway.send()
    assert await gateway.statuses() == ["failed", "accepted"]
    assert await gateway.sql("SELECT error_code FROM message WHERE status = 'failed'") == [(131026,)]


async def test_a_blocked_number_stops_and_keeps_what_waits(gateway: Gateway) -> None:
    await gateway.queue("1")
    gateway.meta.answers = [refused(190, 401)]
    await gateway.send()
    assert "access token" in str(await gateway.clients.problem())
    await gateway.later()
    gateway.now -= 999  # the number is not tried again yet
    await gateway.send()
    assert len(gateway.meta.bodies) == 1
    assert await gateway.statuses() == ["queued"]
    gateway.now += 1000
    assert await gateway.clients.problem() is None
    await gateway.send()
    assert await gateway.statuses() == ["accepted"]


async def test_a_status_that_overtakes_the_answer_counts(gateway: Gateway) -> None:
    await gateway.queue("1")
    await gateway.receive(statuses=[status("delivered", "wamid.OUT1")])  # carries no id of ours
    await gateway.send()
    await gateway.intake.step()
    assert await gateway.statuses() == ["delivered"]


async def test_no_secret_and_no_text_in_what_is_logged(gateway: Gateway, logged: Callable[[], str]) -> None:
    await gateway.queue("texto do cliente")
    gateway.meta.answers = [refused(131026)]
    await gateway.send()
    lines = logged()
    assert "send_refused" in lines
    for secret in ("texto do cliente", "the-token", "5511987654321", "words"):
        assert secret not in lines


async def test_a_message_that_cannot_be_written_fails_and_the_next_one_goes(gateway: Gateway) -> None:
    await gateway.queue("1", "2")
    await gateway.queue("other", wa_id="5511900000000")
    await gateway.sql("""UPDATE message SET content = '{"type": "text", "text": 7}' WHERE content->>'text' = '1'
                      RETURNING 1""")
    for _ in range(2):
        await gateway.send()
    assert sorted(gateway.meta.texts) == ["2", "other"]
    assert await gateway.statuses() == ["failed", "accepted", "accepted"]


async def test_what_became_of_a_send_and_cannot_be_noted_keeps_no_other_back(gateway: Gateway) -> None:
    await poison(gateway.pool, "message", "NEW.status = 'accepted' AND NEW.content->>'text' = '1'")
    await gateway.queue("1")
    await gateway.queue("other", wa_id="5511900000000")
    await gateway.send()
    assert await gateway.statuses() == ["sending", "accepted"]
    await gateway.later()
    await gateway.sender.expire()
    assert await gateway.statuses() == ["uncertain", "accepted"]
