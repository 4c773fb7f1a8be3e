"""Sending over a real Postgres; Meta's answers are chosen at the transport."""

import asyncio
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from pydantic import ValidationError

from gateway.numbers.channels import Channel, Channels
from gateway.outbox.sender import SendSettings
from gateway.settings import Settings
from gateway.store.database import Pool
from gateway.store.outbox import queue
from gateway.whatsapp import error_codes, errors, refusals
from gateway.whatsapp.errors import AccountBlocked, Cause
from tests.gateway.conftest import Command
from tests.gateway.support.deliveries import NUMBER
from tests.gateway.support.desk import Desk, refused, status
from tests.gateway.support.faults import poison


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.fixture
def desk(pool: Pool) -> Desk:
    return Desk(pool)


async def test_a_message_is_sent_with_our_id_and_its_wamid_kept(desk: Desk) -> None:
    [message_id] = await desk.queue("Olá, Maria")
    await desk.step()
    [body] = desk.meta.bodies
    assert body["to"] == "+5511987654321"
    assert body["biz_opaque_callback_data"] == message_id
    assert body["text"]["body"] == "Olá, Maria"
    assert await desk.sql("SELECT status, wamid, attempts FROM message WHERE direction = 'out'") == [
        ("accepted", "wamid.OUT1", 1)
    ]


async def test_messages_of_one_conversation_leave_in_order_others_beside_them(desk: Desk) -> None:
    await desk.queue("1", "2", "3")
    await desk.queue("other", wa_id="5511900000000")
    await desk.step()
    assert sorted(desk.meta.texts) == ["1", "other"]
    for _ in range(3):
        await desk.step()
    assert [said for said in desk.meta.texts if said != "other"] == ["1", "2", "3"]


async def test_two_senders_send_each_message_once(pool: Pool, desk: Desk) -> None:
    for n in range(30):
        await desk.queue("x", wa_id=f"55119{n:08d}")
    other = Desk(pool)
    for _ in range(5):
        await asyncio.gather(desk.step(), other.step(), desk.step(), other.step())
        await desk.later()
        other.now = desk.now
    sent = [body["biz_opaque_callback_data"] for body in desk.meta.bodies + other.meta.bodies]
    assert len(sent) == len(set(sent)) == 30


@pytest.mark.parametrize("answer", [httpx.ReadTimeout("late"), httpx.RemoteProtocolError("cut"), refused(1, 500), refused(131000, 500), httpx.Response(502)])  # fmt: skip  # noqa: E501
async def test_a_lost_answer_is_uncertain_and_holds_what_follows_for_five_seconds(desk: Desk, answer: Any) -> None:
    await desk.queue("1", "2")
    desk.meta.answers = [answer]
    await desk.step()
    await desk.step()
    assert await desk.statuses() == ["uncertain", "queued"]
    await desk.later(4)
    await desk.step()
    assert desk.meta.texts == ["1"]
    await desk.later(1)
    await desk.step()
    assert await desk.statuses() == ["uncertain", "accepted"]
    assert desk.meta.texts == ["1", "2"]


async def test_lost_answers_for_ever_hold_each_reply_for_five_seconds_and_nobody_else(desk: Desk) -> None:
    await desk.queue(*(str(n) for n in range(10)))
    for n in range(10):
        desk.meta.answers = [httpx.ReadTimeout("late")]
        await desk.step()
        await desk.later(5)
        assert desk.meta.texts[-1] == str(n)
    await desk.queue("other", wa_id="5511900000000")
    await desk.step()
    await desk.sender.expire()
    await desk.step()
    assert desk.meta.texts == [*(str(n) for n in range(10)), "other"]
    assert await desk.statuses() == ["uncertain"] * 10 + ["accepted"]


async def test_a_status_with_our_id_settles_an_uncertain_message(desk: Desk) -> None:
    first, _ = await desk.queue("1", "2")
    desk.meta.answers = [httpx.ReadTimeout("late")]
    await desk.step()
    await desk.deliver(statuses=[status("delivered", "wamid.REAL", first)])
    assert await desk.statuses() == ["delivered", "queued"]
    await desk.step()
    await desk.later()
    await desk.sender.expire()
    await desk.step()
    assert desk.meta.texts == ["1", "2"]
    assert await desk.sql("SELECT wamid, uncertain_at FROM message WHERE id::text = %s", first) == [
        ("wamid.REAL", None)
    ]


async def test_an_uncertain_message_is_given_up_visibly_and_never_sent_again(
    desk: Desk, database: str, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    before = counted("whatsapp_errors_total", type="given_up")
    [message_id] = await desk.queue("1")
    desk.meta.answers = [httpx.ReadTimeout("late")]
    await desk.step()
    for _ in range(3):
        await desk.later(19)
        await desk.sender.expire()
        await desk.step()
    assert await desk.statuses() == ["uncertain"]
    assert f"message {message_id} uncertain" in (await command("conversations", DATABASE_URL=database))[1]
    await desk.later(4)
    await desk.sender.expire()
    assert await desk.statuses() == ["failed"]
    assert counted("whatsapp_errors_total", type="given_up") == before + 1
    assert "given_up" in "".join(capsys.readouterr())
    assert f"message {message_id} given up" in (await command("conversations", DATABASE_URL=database))[1]
    await desk.step()
    assert desk.meta.texts == ["1"]


async def test_a_status_settles_even_what_was_given_up(desk: Desk) -> None:
    [message_id] = await desk.queue("1")
    desk.meta.answers = [httpx.ReadTimeout("late")]
    await desk.step()
    await desk.later()
    await desk.sender.expire()
    await desk.deliver(statuses=[status("delivered", "wamid.REAL", message_id)])
    assert await desk.statuses() == ["delivered"]


async def test_who_chose_to_resend_sends_three_times_at_most(pool: Pool) -> None:
    desk = Desk(pool, resend=True)
    await desk.queue("1")
    for _ in range(40):
        desk.meta.answers = [httpx.ReadTimeout("late")]
        await desk.step()
        await desk.sender.expire()
        await desk.step()
        await desk.later()
        await desk.sender.expire()
    assert desk.meta.texts == ["1"] * 3
    assert await desk.statuses() == ["failed"]


@pytest.mark.parametrize("wamid", ["wamid.FIRST", "wamid.OUT2"])
async def test_a_status_of_any_of_the_sends_settles_the_message(pool: Pool, wamid: str) -> None:
    desk = Desk(pool, resend=True)
    [message_id] = await desk.queue("1")
    desk.meta.answers = [httpx.ReadTimeout("late")]
    await desk.step()
    await desk.later()
    await desk.sender.expire()
    await desk.step()
    assert await desk.statuses() == ["accepted"]
    await desk.deliver(statuses=[status("delivered", wamid, message_id)])
    other = {"wamid.FIRST": "wamid.OUT2", "wamid.OUT2": "wamid.FIRST"}[wamid]
    await desk.deliver(statuses=[status("failed", other, message_id)])
    assert await desk.statuses() == ["delivered"]
    assert await desk.sql("SELECT count(*) FROM event WHERE state <> 'done'") == [(0,)]


async def test_of_two_sends_one_may_fail(pool: Pool) -> None:
    desk = Desk(pool, resend=True)
    [message_id] = await desk.queue("1")
    desk.meta.answers = [httpx.ReadTimeout("late")]
    await desk.step()
    await desk.later()
    await desk.sender.expire()
    await desk.step()
    await desk.deliver(statuses=[status("failed", "wamid.FIRST", message_id)])
    assert await desk.statuses() == ["accepted"]


async def test_what_a_sender_left_that_died_in_the_act_is_uncertain(desk: Desk) -> None:
    await desk.queue("1")
    await desk.sql("UPDATE message SET status = 'sending', lease_until = now() WHERE direction = 'out' RETURNING 1")
    await desk.sender.expire()
    assert await desk.statuses() == ["uncertain"]


async def test_what_a_sender_left_that_died_before_it_asked_is_sent_once(desk: Desk) -> None:
    await desk.queue("1")
    async with desk.pool.connection() as conn:
        [message] = await queue.claim(conn, 1, 30, [NUMBER])
    await desk.later(31)
    await desk.sender.expire()
    assert await desk.statuses() == ["queued"]
    await desk.step()
    assert desk.meta.texts == ["1"]
    async with desk.pool.connection() as conn:
        assert not await queue.mark_offered(conn, message, 30)  # the one who was taken for dead asks no more


async def test_a_message_whose_senders_die_over_it_ends(desk: Desk) -> None:
    await desk.queue("1", "2")
    for _ in range(12):
        async with desk.pool.connection() as conn:
            await queue.claim(conn, 1, 30, [NUMBER])
        await desk.later(31)
        await desk.sender.expire()
    assert await desk.statuses() == ["failed", "queued"]


async def test_a_refusal_that_took_long_to_note_counts(desk: Desk) -> None:
    await desk.queue("1")
    async with desk.pool.connection() as conn:
        [message] = await queue.claim(conn, 1, 30, [NUMBER])
        assert await queue.mark_offered(conn, message, 0)
        await desk.sender.expire()
        assert await desk.statuses() == ["uncertain"]
        await queue.retry(conn, message, 0, 130429, "for now")
    await desk.step()
    assert desk.meta.texts == ["1"]
    assert await desk.statuses() == ["accepted"]


async def test_a_request_ends_before_its_lease(desk: Desk) -> None:
    settings = SendSettings(60)
    assert settings.lease > settings.longest
    with pytest.raises(ValueError, match="too short"):
        SendSettings(60, longest=60, lease=60)

    async def never(_: object) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError

    await desk.queue("1")
    desk.clients._http._transport.handler = never  # type: ignore[attr-defined]  # httpx's MockTransport
    desk.sender._settings = SendSettings(60, longest=0.05)
    await desk.step()
    assert await desk.statuses() == ["uncertain"]


def test_to_resend_after_days_is_refused_by_name() -> None:
    database = "postgresql://nowhere/x"
    assert Settings(_env_file=None, database_url=database).uncertain_policy == "give-up"
    with pytest.raises(ValidationError, match="UNCERTAIN_WAIT_SECONDS"):
        Settings(_env_file=None, database_url=database, uncertain_policy="resend")
    Settings(_env_file=None, database_url=database, uncertain_policy="resend", uncertain_wait_seconds=600)


@pytest.mark.parametrize("answer", [refused(130429, 429), refused(4), refused(131056), httpx.ConnectError("refused")])
async def test_a_temporary_refusal_is_sent_again_later(desk: Desk, answer: Any) -> None:
    await desk.queue("1", "2")
    desk.meta.answers = [answer]
    await desk.step()
    await desk.step()
    assert len(desk.meta.bodies) == 1
    assert await desk.statuses() == ["queued", "queued"]
    await desk.later()
    await desk.step()
    await desk.step()
    assert desk.meta.texts[1:] == ["1", "2"]


async def test_a_permanent_refusal_fails_visibly_and_lets_the_next_go(desk: Desk) -> None:
    await desk.queue("1", "2")
    desk.meta.answers = [refused(131026)]
    await desk.step()
    await desk.step()
    assert await desk.statuses() == ["failed", "accepted"]
    assert await desk.sql("SELECT error_code FROM message WHERE status = 'failed'") == [(131026,)]


async def test_a_blocked_number_stops_and_keeps_what_waits(desk: Desk) -> None:
    await desk.queue("1")
    desk.meta.answers = [refused(190, 401)]
    await desk.step()
    assert "access token" in str(await desk.clients.problem())
    await desk.later()
    desk.now -= 999  # the number is not tried again yet
    await desk.step()
    assert len(desk.meta.bodies) == 1
    assert await desk.statuses() == ["queued"]
    desk.now += 1000
    assert await desk.clients.problem() is None
    await desk.step()
    assert await desk.statuses() == ["accepted"]


async def test_a_status_that_overtakes_the_answer_counts(desk: Desk) -> None:
    await desk.queue("1")
    await desk.deliver(statuses=[status("delivered", "wamid.OUT1")])  # carries no id of ours
    await desk.step()
    await desk.intake.step()
    assert await desk.statuses() == ["delivered"]


async def test_no_secret_and_no_text_in_what_is_logged(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    await desk.queue("texto do cliente")
    desk.meta.answers = [refused(131026)]
    await desk.step()
    logged = capsys.readouterr()
    for secret in ("texto do cliente", "the-token", "5511987654321", "words"):
        assert secret not in logged.out + logged.err


# Every code of errors.py, and what the sender makes of it -----------------------------------------------------------

WAITS = "SELECT extract(epoch FROM send_at - now())::float8 FROM message WHERE status = 'queued'"


def of_kind(*kinds: type[errors.WhatsAppError]) -> list[int]:
    """The codes of these classes; test_errors.py says for each code that its class is right."""
    return [code for code, (kind, *_) in error_codes._CODES.items() if issubclass(kind, kinds)]


RESEND = of_kind(errors.Temporary)
UNCERTAIN = of_kind(errors.Uncertain)
NEVER = [code for code in of_kind(errors.Permanent) if code != 131047]
ALERT = [*of_kind(errors.AccountBlocked), 200, 299]


@pytest.mark.parametrize("code", RESEND)
async def test_resend(desk: Desk, code: int) -> None:
    await desk.queue("1")
    desk.meta.answers = [refused(code)]
    await desk.step()
    [(state, in_the_future, attempts)] = await desk.sql(
        "SELECT status, send_at > now() + interval '1 s', attempts FROM message WHERE direction = 'out'"
    )
    assert (state, in_the_future, attempts) == ("queued", True, 1)
    await desk.later()
    await desk.step()
    assert await desk.statuses() == ["accepted"]


async def test_resend_backs_off_and_ends(desk: Desk) -> None:
    await desk.queue("1")
    delays = []
    for _ in range(12):
        desk.meta.answers = [refused(130429, 429)]
        await desk.step()
        delays += await desk.sql(WAITS)
        await desk.later()
    assert [round(delay) for (delay,) in delays] == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert await desk.statuses() == ["failed"]


async def test_meta_may_say_how_long_to_wait(desk: Desk) -> None:
    await desk.queue("1")
    answer = refused(130429, 429)
    answer.headers["retry-after"] = "77"
    desk.meta.answers = [answer]
    await desk.step()
    [(delay,)] = await desk.sql(
        "SELECT extract(epoch FROM send_at - now())::float8 FROM message WHERE direction = 'out'"
    )
    assert round(delay) == 77


@pytest.mark.parametrize("code", UNCERTAIN)
async def test_uncertain(desk: Desk, code: int) -> None:
    await desk.queue("1")
    desk.meta.answers = [refused(code, 500)]
    await desk.step()
    assert await desk.sql("SELECT status, error_code FROM message WHERE direction = 'out'") == [("uncertain", code)]


@pytest.mark.parametrize("code", NEVER)
async def test_never(desk: Desk, code: int) -> None:
    await desk.queue("1")
    desk.meta.answers = [refused(code)]
    await desk.step()
    await desk.later()
    await desk.sender.expire()
    await desk.step()
    assert await desk.sql("SELECT status, error_code FROM message WHERE direction = 'out'") == [("failed", code)]
    assert len(desk.meta.bodies) == 1


@pytest.mark.parametrize("code", ALERT)
async def test_operator_alert(desk: Desk, code: int) -> None:
    await desk.queue("1", "2")
    desk.meta.answers = [refused(code)]
    await desk.step()
    await desk.step()
    assert len(desk.meta.bodies) == 1
    assert NUMBER in str(await desk.clients.problem())
    assert await desk.sql("SELECT status, attempts FROM message WHERE direction = 'out' ORDER BY seq") == [
        ("queued", 0), ("queued", 0),
    ]  # fmt: skip


async def test_another_worker_learns_of_a_blocked_number_at_its_first_try(pool: Pool, desk: Desk) -> None:
    await desk.queue("1")
    other = Desk(pool)
    desk.meta.answers, other.meta.answers = [refused(190, 401)], [refused(190, 401)]
    await desk.step()
    assert await other.clients.problem() is None
    await desk.later()
    other.now = desk.now = 0
    for _ in range(3):
        await asyncio.gather(desk.step(), other.step())
    assert len(other.meta.bodies) == 1
    assert await other.clients.problem() is not None
    assert await desk.statuses() == ["queued"]


async def test_one_recipient_never_holds_others(desk: Desk) -> None:
    """Case O_130497: one customer's country, for ever; others are answered as fast as ever."""
    maria, others = "989120000006", [f"55119{n:08d}" for n in range(5)]
    for wa_id in others:
        await desk.queue("1", wa_id=maria)
        await desk.queue("oi", wa_id=wa_id)
        desk.meta.refused_to = {f"+{maria}": refused(130497, 403)}
        await desk.step()
        assert await desk.clients.problem() is None
    assert desk.meta.texts.count("oi") == 5
    assert set(await desk.statuses()) == {"failed", "accepted"}


@pytest.mark.parametrize("code", [10, 131005, 131031, 190])
async def test_nor_does_one_by_a_code_that_means_the_account(desk: Desk, code: int) -> None:
    """Should Meta say of one recipient what it says of accounts, others go out and the one message fails in the end."""
    maria = "989120000006"
    await desk.queue("1", wa_id=maria)
    desk.meta.refused_to = {f"+{maria}": refused(code, 403)}
    for n in range(15):
        await desk.queue("oi", wa_id=f"55119{n:08d}")
        await desk.step()
        await desk.later(11)
    for _ in range(2):
        await desk.step()
        await desk.later(11)
    assert desk.meta.texts.count("oi") == 15
    assert desk.meta.texts.count("1") <= 8
    assert await desk.sql("SELECT count(*) FROM message WHERE status = 'failed' AND content->>'text' = '1'") == [(1,)]
    assert await desk.clients.problem() is None


async def test_a_hold_ends_by_one_message_that_finds_out(desk: Desk) -> None:
    for n in range(8):
        await desk.queue("oi", wa_id=f"55119{n:08d}")
    desk.meta.always = refused(190, 401)
    await desk.step()
    first = len(desk.meta.bodies)
    waits = []
    for _ in range(8):
        hold = next(iter(desk.clients._holds.values()))
        waits.append(hold.until - desk.now)
        await desk.later(waits[-1] + 2)
        await desk.step()
    assert len(desk.meta.bodies) == first + 8  # one at a time
    assert [round(wait) for wait in waits] == [5, 10, 20, 40, 80, 160, 300, 300]
    desk.meta.always = None
    await desk.later(302)
    await desk.step()
    await desk.later(302)
    await desk.step()
    assert set(await desk.statuses()) == {"accepted"}


def blocked(code: int) -> AccountBlocked:
    error = refusals.of_cause(Cause(code=code, http_status=400))
    assert isinstance(error, AccountBlocked)
    return error


async def test_another_number_goes_on_sending(pool: Pool) -> None:
    channels = Channels([Channel(phone_number_id=number, access_token="the-token") for number in (NUMBER, "2")])
    desk = Desk(pool, channels)
    desk.clients.refuse(channels.all()["2"], blocked(133010))
    await desk.queue("1")
    await desk.step()
    assert await desk.statuses() == ["accepted"]


async def test_a_blocked_account_stops_its_numbers_and_no_others(pool: Pool) -> None:
    mine, sister, other, renewed = (
        Channel(phone_number_id=number, access_token=token, waba_id=waba)
        for number, token, waba in ((NUMBER, "a", "W"), ("2", "a", "W"), ("3", "b", "V"), ("4", "new", "W"))
    )
    clients = Desk(pool).clients
    clients.refuse(mine, blocked(131031))
    assert [clients.is_refused(one) for one in (mine, sister, other, renewed)] == [True, True, False, False]
    assert "account W" in str(await clients.problem())
    clients.works(sister)
    assert [clients.is_refused(one) for one in (mine, sister)] == [False, False]
    clients.refuse(mine, blocked(133010))
    assert [clients.is_refused(one) for one in (mine, sister)] == [True, False]


async def test_a_new_token_is_tried_at_once(pool: Pool) -> None:
    desk = Desk(pool)
    before = Channel(phone_number_id=NUMBER, access_token="the-old-one")
    desk.clients.refuse(before, blocked(190))
    assert desk.clients.is_refused(before)
    await desk.queue("1")
    await desk.step()
    assert await desk.statuses() == ["accepted"]
    assert await desk.clients.problem() is None


async def test_a_message_that_cannot_be_written_fails_and_the_next_one_goes(desk: Desk) -> None:
    await desk.queue("1", "2")
    await desk.queue("other", wa_id="5511900000000")
    await desk.sql("""UPDATE message SET content = '{"type": "text", "text": 7}' WHERE content->>'text' = '1'
                      RETURNING 1""")
    for _ in range(2):
        await desk.step()
    assert sorted(desk.meta.texts) == ["2", "other"]
    assert await desk.statuses() == ["failed", "accepted", "accepted"]


async def test_what_became_of_a_send_and_cannot_be_noted_keeps_no_other_back(desk: Desk) -> None:
    await poison(desk.pool, "message", "NEW.status = 'accepted' AND NEW.content->>'text' = '1'")
    await desk.queue("1")
    await desk.queue("other", wa_id="5511900000000")
    await desk.step()
    assert await desk.statuses() == ["sending", "accepted"]
    await desk.later()
    await desk.sender.expire()
    assert await desk.statuses() == ["uncertain", "accepted"]
