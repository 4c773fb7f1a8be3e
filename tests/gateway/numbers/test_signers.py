"""An app's secret signs for its own numbers only, in the webhook and for items that wait for their number."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from gateway.housekeeping import Ages, Housekeeping
from gateway.inbox.intake import NOT_ITS_APP, NOT_KNOWN, Intake
from gateway.inbox.late_signatures import LateSignatures
from gateway.numbers.quiet_period import QuietPeriod
from gateway.numbers.signers import Signers, SigningNumber, digest
from gateway.settings import Settings
from gateway.store.database import Pool
from gateway.store.inbox import events
from gateway.whatsapp.webhooks.items import items
from tests.gateway.support.deliveries import change, message, signed, text
from tests.gateway.support.doors import opened
from tests.gateway.support.harness import Gateway
from tests.gateway.support.meta import status

A, B, LATER = "100", "200", "300"  # numbers of three shops with an app each
Json = dict[str, Any]


def write(path: Path, **shops: list[str]) -> None:
    """Return a channels file; shops: `s` and a number, and the secrets of its app."""
    channels = [
        {"phone_number_id": name[1:], "waba_id": f"waba-{name[1:]}", "access_token": "t", "app_secrets": secrets}
        for name, secrets in shops.items()
    ]
    path.write_text(json.dumps({"channels": channels}))


class Shops:
    """A gateway whose channels may change, and its database."""

    def __init__(self, pool: Pool, url: str, file: Path) -> None:
        self.pool, self.file = pool, file
        self.configure(s100=["secret-a", "secret-a-before"], s200=["secret-b"])
        self.settings = Settings(_env_file=None, database_url=url, channels_file=str(file))
        self.http: httpx.AsyncClient

    def configure(self, **shops: list[str]) -> None:
        write(self.file, **shops)

    async def post(self, content: object, secret: str) -> int:
        return (await self.http.post("/webhook/whatsapp", **signed(content, secret))).status_code

    def intake(self, **settings: Any) -> Intake:
        """Return a worker that reads the current channels; it has no app secret."""
        return Intake(self.pool, self.settings.channels(("access_token",)), QuietPeriod(0, 0), **settings)

    async def find_late_signatures(self) -> None:
        """Have `serve` look at the items that wait, with the current channels."""
        await LateSignatures(self.pool, self.settings.channels(("app_secrets", "verify_token"))).step()

    async def sql(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        async with self.pool.connection() as conn:
            cursor = await conn.execute(sql, values)
            return await cursor.fetchall() if cursor.description else []

    async def look_again(self) -> None:
        await self.sql("UPDATE event SET due_at = now() WHERE due_at IS NOT NULL")

    async def texts(self) -> list[str]:
        return [row[0] for row in await self.sql("SELECT content->>'text' FROM message ORDER BY seq")]


@pytest.fixture
async def shops(pool: Pool, database: str, tmp_path: Path) -> AsyncIterator[Shops]:
    shops = Shops(pool, database, tmp_path / "channels.json")
    async with opened(shops.settings) as doors:
        shops.http = doors.webhook
        yield shops


def both(*changes: Json) -> Json:
    """Return one body with the entries of several."""
    return {"object": "whatsapp_business_account", "entry": [entry for one in changes for entry in one["entry"]]}


def account(waba: str) -> Json:
    """Return a notice of Meta about an account, without any number."""
    value = {"event": "APPROVED", "message_template_id": 1, "message_template_name": "a", "message_template_language": "pt_BR"}  # noqa: E501  # fmt: skip
    changed = {"field": "message_template_status_update", "value": value}
    return {"object": "whatsapp_business_account", "entry": [{"id": waba, "changes": [changed]}]}


def foreign() -> float:
    return REGISTRY.get_sample_value("whatsapp_webhook_foreign_items_total") or 0


# The rule -----------------------------------------------------------------------------------------------------------


def test_who_may_sign_for_what() -> None:
    signers = Signers(
        [
            SigningNumber("1", "w1", ["a", "a0"]),
            SigningNumber("2", "w1", ["a"]),
            SigningNumber("3", "w3", ["b", ""]),
            SigningNumber("4", None, ["c"]),
        ]
    )
    a, a0, b, c, nothing = (digest(secret) for secret in ("a", "a0", "b", "c", ""))
    assert [signers.may_sign(one, "1", "w1") for one in (a, a0, b, c, nothing, None)] == [True, True] + [False] * 4
    assert [signers.may_sign(one, "2", "w1") for one in (a, a0)] == [True, False]  # several numbers of one app
    assert signers.may_sign(b, "3", None) is True
    assert signers.may_sign(nothing, "3", None) is False
    assert [signers.may_sign(one, "9", "w1") for one in (a, b)] == [None, None]
    # Without a number the account decides, and a number whose account is not known may belong to any.
    assert [signers.may_sign(one, None, "w1") for one in (a, a0, b, c)] == [True, True, False, True]
    assert [signers.may_sign(one, None, "w9") for one in (a, c)] == [None, True]
    assert signers.may_sign(b, None, None) is True


async def test_items_that_wait_are_verified_by_the_same_rule(pool: Pool) -> None:
    """In one statement, for all combinations of numbers, accounts and secrets, known ones and others."""
    signers = Signers([SigningNumber("1", "w1", ["a"]), SigningNumber("2", "w2", ["b", ""]), SigningNumber("3", None, ["c"])])  # noqa: E501  # fmt: skip
    found = [
        (number, waba, digest(secret)) for number in ("1", "2", "3", "9", None) for waba in ("w1", "w2", "w9", None)
        for secret in ("a", "b", "c", "", "z")
    ]  # fmt: skip
    rows = [events.Row(str(place), "f", "t", number, b"{}", waba, signer, False) for place, (number, waba, signer) in enumerate(found)]  # noqa: E501  # fmt: skip
    async with pool.connection() as conn:
        await events.keep(conn, rows)
        assert await events.verify(conn, signers.rules()) == 0  # `work` has not looked at them yet
        await conn.execute("UPDATE event SET due_at = now() + interval '1 hour'")
        await events.verify(conn, signers.rules())
        cursor = await conn.execute("SELECT phone_number_id, waba_id, signer FROM event WHERE verified")
        verified = set(await cursor.fetchall())
        assert await events.verify(conn, []) == 0
    # An item that names neither needs no rule: it was verified when it came.
    named = [(number, waba, signer) for number, waba, signer in found if number or waba]
    assert verified - {one for one in found if one not in named} == {
        one for one in named if signers.may_sign(one[2], one[0], one[1])
    }


def test_a_digest_is_short_and_not_the_secret() -> None:
    assert digest("secret-a") != digest("secret-b")
    assert len(digest("secret-a" * 100)) == 16
    assert "secret" not in digest("secret")


# In the webhook -----------------------------------------------------------------------------------------------------


async def test_another_apps_secret_is_refused_and_counted(shops: Shops) -> None:
    before = foreign()
    assert await shops.post(message(text("para B"), number=B), "secret-a") == 403
    assert await shops.sql("SELECT 1 FROM event") == []
    assert foreign() == before + 1
    assert await shops.post(message(text("para B"), number=B), "secret-b") == 200
    assert await shops.sql("SELECT signer, verified FROM event") == [(digest("secret-b"), True)]


@pytest.mark.parametrize("secret", ["secret-a", "secret-a-before"])
async def test_the_current_and_the_previous_secret_of_its_app_sign(shops: Shops, secret: str) -> None:
    assert await shops.post(message(text("para A"), number=A), secret) == 200
    assert await shops.sql("SELECT verified FROM event") == [(True,)]


async def test_of_a_body_for_several_numbers_only_the_apps_own_are_taken(shops: Shops) -> None:
    body = both(message(text("para A"), number=A), message(text("para B"), number=B), account("waba-100"))
    assert await shops.post(body, "secret-a") == 403
    assert await shops.sql("SELECT phone_number_id, waba_id FROM event ORDER BY id") == [
        (A, "200000000000002"), (None, "waba-100"),
    ]  # fmt: skip


async def test_what_is_about_an_account_is_signed_by_one_of_its_apps(shops: Shops) -> None:
    assert await shops.post(account("waba-100"), "secret-b") == 403
    assert await shops.post(account("waba-100"), "secret-a-before") == 200
    assert await shops.post(account("waba-300"), "secret-b") == 200  # not known yet: it waits
    assert await shops.sql("SELECT waba_id, verified FROM event ORDER BY id") == [
        ("waba-100", True), ("waba-300", False),
    ]  # fmt: skip
    await shops.intake().step()
    assert await shops.sql("SELECT waba_id, state FROM event ORDER BY id") == [
        ("waba-100", "done"), ("waba-300", "new"),
    ]  # fmt: skip


# Items that wait for their number -----------------------------------------------------------------------------------


async def test_what_comes_before_its_number_is_known_is_taken_once_it_is(shops: Shops) -> None:
    assert await shops.post(message(text("cedo"), number=LATER), "secret-a") == 200
    await shops.intake().step()
    assert await shops.sql("SELECT state, note, due_at > now() FROM event") == [("new", NOT_KNOWN, True)]
    shops.configure(s100=["secret-a"], s300=["secret-a"])
    await shops.find_late_signatures()
    assert await shops.sql("SELECT verified, due_at <= now() FROM event") == [(True, True)]
    await shops.intake().step()
    assert await shops.sql("SELECT state FROM event") == [("done",)]
    assert await shops.texts() == ["cedo"]


async def test_it_is_taken_only_if_its_number_then_has_that_secret(shops: Shops) -> None:
    forged, true = text("forjada", message_id="wamid.X"), text("verdadeira", message_id="wamid.X")
    assert await shops.post(message(forged, number=LATER), "secret-a") == 200
    assert await shops.post(message(true, number=LATER), "secret-b") == 200
    await shops.intake().step()
    shops.configure(s100=["secret-a"], s200=["secret-b"], s300=["secret-b"])
    await shops.find_late_signatures()
    await shops.look_again()
    await shops.intake().step()
    assert await shops.texts() == ["verdadeira"]
    assert await shops.sql("SELECT state, note FROM event ORDER BY id") == [("new", NOT_ITS_APP), ("done", None)]


async def test_it_waits_for_hours_and_says_so_and_then_is_ignored(shops: Shops) -> None:
    await shops.post(message(text("Olá"), number=LATER), "secret-a")
    for age, delay in (("0 s", 1), ("40 s", 10), ("23 hours", 60)):
        await shops.sql("UPDATE event SET received_at = now() - %s::interval, due_at = NULL", age)
        await shops.intake().step()
        [(state, wait)] = await shops.sql("SELECT state, extract(epoch FROM due_at - now())::float8 FROM event")
        assert state == "new"
        assert delay - 5 < wait <= delay + 0.1
    await Housekeeping(shops.pool, Gateway(shops.pool).sender, QuietPeriod(0, 0), Ages(events=30)).step()
    assert REGISTRY.get_sample_value("whatsapp_queue_depth", {"queue": "unknown_numbers"}) == 1
    assert (REGISTRY.get_sample_value("whatsapp_queue_age_seconds", {"queue": "unknown_numbers"}) or 0) > 82_000
    assert REGISTRY.get_sample_value("whatsapp_queue_depth", {"queue": "events"}) == 0
    await shops.sql("UPDATE event SET received_at = now() - interval '25 hours', due_at = NULL")
    await shops.intake().step()
    assert await shops.sql("SELECT state, note FROM event") == [("ignored", NOT_KNOWN)]


async def test_a_worker_that_does_not_know_the_number_yet_waits_too(shops: Shops) -> None:
    """The worker may read its file a moment later than `serve`."""
    shops.configure(s100=["secret-a"])
    behind = shops.settings.channels()
    assert behind.get(B) is None
    behind._look_at = float("inf")
    shops.configure(s100=["secret-a"], s200=["secret-b"])
    now = shops.settings.channels()
    assert now.signers().may_sign(digest("secret-b"), B, None)
    message_of_b = items(message(text("para B"), number=B))[0]
    async with shops.pool.connection() as conn:
        await events.keep(conn, [events.row(replace(message_of_b, key="k", waba_id=None, signer=digest("secret-b")))])
    await Intake(shops.pool, behind, QuietPeriod(0, 0)).step()
    assert await shops.sql("SELECT state, note FROM event") == [("new", NOT_KNOWN)]
    await shops.look_again()
    await Intake(shops.pool, now, QuietPeriod(0, 0)).step()
    assert await shops.texts() == ["para B"]


async def test_those_that_wait_keep_nobody_else_waiting(shops: Shops) -> None:
    for _ in range(2):
        await shops.post(both(*(message(text("x"), number=LATER) for _ in range(60))), "secret-a")
    worker = shops.intake()
    await shops.post(message(text("Olá"), number=A), "secret-a")
    for _ in range(2):
        await shops.look_again()
        await worker.step()
    assert await shops.texts() == ["Olá"]


# Statuses -----------------------------------------------------------------------------------------------------------


async def test_a_status_is_looked_up_within_its_channel(gateway: Gateway) -> None:
    [ours] = await gateway.queue("1")
    await gateway.send()
    failed = status("failed", "wamid.OUT1", ours)
    await gateway.take(change({"statuses": [failed]}, number="2"))
    assert await gateway.statuses() == ["accepted"]
    await gateway.take(change({"statuses": [failed | {"status": "read"}]}, number=None))
    assert (await gateway.outcomes())[-1] == ("unknown", "it does not say to which of our numbers it belongs")
    await gateway.take(change({"statuses": [failed | {"status": "delivered"}]}))
    assert await gateway.statuses() == ["delivered"]


async def test_a_status_of_no_message_of_ours_is_looked_at_again_for_a_while(gateway: Gateway) -> None:
    await gateway.take(change({"statuses": [status("delivered", "wamid.OTHER")]}))
    waits = []
    for _ in range(5):
        waits += await gateway.sql("SELECT extract(epoch FROM due_at - now())::int FROM event WHERE state = 'new'")
        await gateway.sql("UPDATE event SET due_at = now()")
        await gateway.intake.step()
    assert [wait for (wait,) in waits] == [1, 4, 16, 64, 256]
    assert await gateway.outcomes() == [("ignored", "no message of ours")]
