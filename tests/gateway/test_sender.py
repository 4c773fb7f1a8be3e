"""Sending over a real Postgres; Meta's answers are chosen at the transport."""

import asyncio
from typing import Any

import httpx
import pytest

from gateway.channels import Channel, Channels
from gateway.store.database import Pool
from tests.gateway.deliveries import NUMBER
from tests.gateway.desk import Desk, refused, status
from tests.gateway.faults import poison


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
async def test_a_lost_answer_is_uncertain_and_holds_what_follows(desk: Desk, answer: Any) -> None:
    await desk.queue("1", "2")
    desk.meta.answers = [answer]
    await desk.step()
    await desk.step()
    assert await desk.statuses() == ["uncertain", "queued"]
    assert desk.meta.texts == ["1"]


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
    assert await desk.sql("SELECT wamid FROM message WHERE id::text = %s", first) == [("wamid.REAL",)]


async def test_an_uncertain_message_is_resent_only_after_its_wait(desk: Desk) -> None:
    await desk.queue("1")
    desk.meta.answers = [httpx.ReadTimeout("late")]
    await desk.step()
    await desk.sender.expire()
    await desk.step()
    assert desk.meta.texts == ["1"]
    await desk.later()
    await desk.sender.expire()
    await desk.step()
    assert desk.meta.texts == ["1", "1"]
    assert await desk.statuses() == ["accepted"]


async def test_or_given_up_where_the_setting_says_so(pool: Pool) -> None:
    desk = Desk(pool, resend=False)
    await desk.queue("1", "2")
    desk.meta.answers = [httpx.ReadTimeout("late")]
    await desk.step()
    await desk.later()
    await desk.sender.expire()
    await desk.step()
    assert await desk.statuses() == ["failed", "accepted"]


async def test_what_a_dead_sender_left_is_uncertain(desk: Desk) -> None:
    await desk.queue("1")
    await desk.sql("UPDATE message SET status = 'sending', lease_until = now() WHERE direction = 'out' RETURNING 1")
    await desk.sender.expire()
    assert await desk.statuses() == ["uncertain"]


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
    assert "access token" in str(await desk.lines.problem())
    await desk.later()
    desk.now -= 999  # the number is not tried again yet
    await desk.step()
    assert len(desk.meta.bodies) == 1
    assert await desk.statuses() == ["queued"]
    desk.now += 1000
    assert await desk.lines.problem() is None
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


# Every code of the reference, and what the sender makes of it -----------------------------------------------------

WAITS = "SELECT extract(epoch FROM send_at - now())::float8 FROM message WHERE status = 'queued'"
RESEND = [4, 17, 32, 613, 80007, 80008, 130429, 131056]
UNCERTAIN = [1, 2, 131000, 131016, 131057, 133004]
NEVER = [100, 130403, 130472, 131008, 131009, 131021, 131026, 131030, 131048, 131049, 131050, 131051, 131052, 131053,
         131055, 131062, 135000, 137000, 132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132068, 132069]  # fmt: skip  # noqa: E501
ALERT = [0, 3, 10, 33, 190, 200, 299, 368, 130497, 131005, 131031, 131037, 131042, 131045, 131064, 133010]


def test_every_code_is_tried_here() -> None:
    from gateway.whatsapp.errors import _CODES

    assert set(_CODES) <= {*RESEND, *UNCERTAIN, *NEVER, *ALERT, 131047}


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
    assert NUMBER in str(await desk.lines.problem())
    assert await desk.sql("SELECT status, attempts FROM message WHERE direction = 'out' ORDER BY seq") == [
        ("queued", 0), ("queued", 0),
    ]  # fmt: skip


async def test_another_worker_learns_of_a_blocked_number_at_its_first_try(pool: Pool, desk: Desk) -> None:
    await desk.queue("1")
    other = Desk(pool)
    desk.meta.answers, other.meta.answers = [refused(190, 401)], [refused(190, 401)]
    await desk.step()
    assert await other.lines.problem() is None
    await desk.later()
    other.now = desk.now = 0
    for _ in range(3):
        await asyncio.gather(desk.step(), other.step())
    assert len(other.meta.bodies) == 1
    assert await other.lines.problem() is not None
    assert await desk.statuses() == ["queued"]


async def test_another_number_goes_on_sending(pool: Pool) -> None:
    channels = Channels([Channel(phone_number_id=number, access_token="the-token") for number in (NUMBER, "2")])
    desk = Desk(pool, channels)
    desk.lines.refuse(channels.all()["2"], "its token is expired")
    await desk.queue("1")
    await desk.step()
    assert await desk.statuses() == ["accepted"]


async def test_a_new_token_is_tried_at_once(pool: Pool) -> None:
    desk = Desk(pool)
    before = Channel(phone_number_id=NUMBER, access_token="the-old-one")
    desk.lines.refuse(before, "the token is expired")
    assert desk.lines.is_refused(before)
    await desk.queue("1")
    await desk.step()
    assert await desk.statuses() == ["accepted"]
    assert await desk.lines.problem() is None


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
