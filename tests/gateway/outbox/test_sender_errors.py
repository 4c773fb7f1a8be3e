"""The sender's reaction to every error code of Meta."""

import asyncio

import pytest

from gateway.numbers.channels import Channel, Channels
from gateway.store.database import Pool
from gateway.whatsapp import error_codes, errors, refusals
from gateway.whatsapp.errors import AccountBlocked, Cause
from tests.gateway.support.deliveries import NUMBER
from tests.gateway.support.harness import Gateway
from tests.gateway.support.meta import refused

WAITS = "SELECT extract(epoch FROM send_at - now())::float8 FROM message WHERE status = 'queued'"


def of_kind(*kinds: type[errors.WhatsAppError]) -> list[int]:
    """Return the codes of these classes; test_errors.py checks the class of each code."""
    return [code for code, (kind, *_) in error_codes._CODES.items() if issubclass(kind, kinds)]


RESEND = of_kind(errors.Temporary)
UNCERTAIN = of_kind(errors.Uncertain)
NEVER = [code for code in of_kind(errors.Permanent) if code != 131047]
ALERT = [*of_kind(errors.AccountBlocked), 200, 299]


@pytest.mark.parametrize("code", RESEND)
async def test_resend(gateway: Gateway, code: int) -> None:
    await gateway.queue("1")
    gateway.meta.answers = [refused(code)]
    await gateway.send()
    [(state, in_the_future, attempts)] = await gateway.sql(
        "SELECT status, send_at > now() + interval '1 s', attempts FROM message WHERE direction = 'out'"
    )
    assert (state, in_the_future, attempts) == ("queued", True, 1)
    await gateway.later()
    await gateway.send()
    assert await gateway.statuses() == ["accepted"]


async def test_resend_backs_off_and_ends(gateway: Gateway) -> None:
    await gateway.queue("1")
    delays = []
    for _ in range(12):
        gateway.meta.answers = [refused(130429, 429)]
        await gateway.send()
        delays += await gateway.sql(WAITS)
        await gateway.later()
    assert [round(delay) for (delay,) in delays] == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert await gateway.statuses() == ["failed"]


async def test_meta_may_say_how_long_to_wait(gateway: Gateway) -> None:
    await gateway.queue("1")
    answer = refused(130429, 429)
    answer.headers["retry-after"] = "77"
    gateway.meta.answers = [answer]
    await gateway.send()
    [(delay,)] = await gateway.sql(
        "SELECT extract(epoch FROM send_at - now())::float8 FROM message WHERE direction = 'out'"
    )
    assert round(delay) == 77


@pytest.mark.parametrize("code", UNCERTAIN)
async def test_uncertain(gateway: Gateway, code: int) -> None:
    await gateway.queue("1")
    gateway.meta.answers = [refused(code, 500)]
    await gateway.send()
    assert await gateway.sql("SELECT status, error_code FROM message WHERE direction = 'out'") == [("uncertain", code)]


@pytest.mark.parametrize("code", NEVER)
async def test_never(gateway: Gateway, code: int) -> None:
    await gateway.queue("1")
    gateway.meta.answers = [refused(code)]
    await gateway.send()
    await gateway.later()
    await gateway.sender.expire()
    await gateway.send()
    assert await gateway.sql("SELECT status, error_code FROM message WHERE direction = 'out'") == [("failed", code)]
    assert len(gateway.meta.bodies) == 1


@pytest.mark.parametrize("code", ALERT)
async def test_operator_alert(gateway: Gateway, code: int) -> None:
    await gateway.queue("1", "2")
    gateway.meta.answers = [refused(code)]
    await gateway.send()
    await gateway.send()
    assert len(gateway.meta.bodies) == 1
    assert NUMBER in str(await gateway.clients.problem())
    assert await gateway.sql("SELECT status, attempts FROM message WHERE direction = 'out' ORDER BY seq") == [
        ("queued", 0), ("queued", 0),
    ]  # fmt: skip


async def test_another_worker_learns_of_a_blocked_number_at_its_first_try(gateway: Gateway) -> None:
    await gateway.queue("1")
    other = Gateway(gateway.pool)
    gateway.meta.answers, other.meta.answers = [refused(190, 401)], [refused(190, 401)]
    await gateway.send()
    assert await other.clients.problem() is None
    await gateway.later()
    other.now = gateway.now = 0
    for _ in range(3):
        await asyncio.gather(gateway.send(), other.send())
    assert len(other.meta.bodies) == 1
    assert await other.clients.problem() is not None
    assert await gateway.statuses() == ["queued"]


async def test_one_recipient_never_holds_others(gateway: Gateway) -> None:
    """Case O_130497: Meta refuses one customer's country permanently; other customers are answered without delay."""
    maria, others = "989120000006", [f"55119{n:08d}" for n in range(5)]
    for wa_id in others:
        await gateway.queue("1", wa_id=maria)
        await gateway.queue("oi", wa_id=wa_id)
        gateway.meta.refused_to = {f"+{maria}": refused(130497, 403)}
        await gateway.send()
        assert await gateway.clients.problem() is None
    assert gateway.meta.texts.count("oi") == 5
    assert set(await gateway.statuses()) == {"failed", "accepted"}


@pytest.mark.parametrize("code", [10, 131005, 131031, 190])
async def test_nor_does_one_by_a_code_that_means_the_account(gateway: Gateway, code: int) -> None:
    """If Meta answers an account's error for one recipient, other messages are sent, and this one fails at last."""
    maria = "989120000006"
    await gateway.queue("1", wa_id=maria)
    gateway.meta.refused_to = {f"+{maria}": refused(code, 403)}
    for n in range(15):
        await gateway.queue("oi", wa_id=f"55119{n:08d}")
        await gateway.send()
        await gateway.later(11)
    for _ in range(2):
        await gateway.send()
        await gateway.later(11)
    assert gateway.meta.texts.count("oi") == 15
    assert gateway.meta.texts.count("1") <= 8
    assert await gateway.sql("SELECT count(*) FROM message WHERE status = 'failed' AND content->>'text' = '1'") == [
        (1,)
    ]
    assert await gateway.clients.problem() is None


async def test_a_hold_ends_by_one_message_that_finds_out(gateway: Gateway) -> None:
    for n in range(8):
        await gateway.queue("oi", wa_id=f"55119{n:08d}")
    gateway.meta.always = refused(190, 401)
    await gateway.send()
    first = len(gateway.meta.bodies)
    waits = []
    for _ in range(8):
        hold = next(iter(gateway.clients._holds.values()))
        waits.append(hold.until - gateway.now)
        await gateway.later(waits[-1] + 2)
        await gateway.send()
    assert len(gateway.meta.bodies) == first + 8  # one at a time
    assert [round(wait) for wait in waits] == [5, 10, 20, 40, 80, 160, 300, 300]
    gateway.meta.always = None
    await gateway.later(302)
    await gateway.send()
    await gateway.later(302)
    await gateway.send()
    assert set(await gateway.statuses()) == {"accepted"}


def blocked(code: int) -> AccountBlocked:
    error = refusals.of_cause(Cause(code=code, http_status=400))
    assert isinstance(error, AccountBlocked)
    return error


async def test_another_number_goes_on_sending(pool: Pool) -> None:
    channels = Channels([Channel(phone_number_id=number, access_token="the-token") for number in (NUMBER, "2")])
    gateway = Gateway(pool, channels=channels)
    gateway.clients.refuse(channels.all()["2"], blocked(133010))
    await gateway.queue("1")
    await gateway.send()
    assert await gateway.statuses() == ["accepted"]


async def test_a_blocked_account_stops_its_numbers_and_no_others(pool: Pool) -> None:
    mine, sister, other, renewed = (
        Channel(phone_number_id=number, access_token=token, waba_id=waba)
        for number, token, waba in ((NUMBER, "a", "W"), ("2", "a", "W"), ("3", "b", "V"), ("4", "new", "W"))
    )
    clients = Gateway(pool).clients
    clients.refuse(mine, blocked(131031))
    assert [clients.is_refused(one) for one in (mine, sister, other, renewed)] == [True, True, False, False]
    assert "account W" in str(await clients.problem())
    clients.mark_working(sister)
    assert [clients.is_refused(one) for one in (mine, sister)] == [False, False]
    clients.refuse(mine, blocked(133010))
    assert [clients.is_refused(one) for one in (mine, sister)] == [True, False]


async def test_a_new_token_is_tried_at_once(pool: Pool) -> None:
    gateway = Gateway(pool)
    before = Channel(phone_number_id=NUMBER, access_token="the-old-one")
    gateway.clients.refuse(before, blocked(190))
    assert gateway.clients.is_refused(before)
    await gateway.queue("1")
    await gateway.send()
    assert await gateway.statuses() == ["accepted"]
    assert await gateway.clients.problem() is None
