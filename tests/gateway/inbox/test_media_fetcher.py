"""Media of customers: fetched at once, checked, stored, served; a turn waits for it, but not for ever."""

import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import obstore
import pytest
from obstore.store import MemoryStore
from starlette.applications import Starlette

from gateway.inbox.media_fetcher import MediaLoader, open_store, origins
from gateway.internal.routes import Internal
from gateway.store.conversations import QuietPeriod
from gateway.store.database import Pool
from gateway.whatsapp.api.client import CloudApi
from gateway.whatsapp.api.media import MEDIA_ORIGINS
from tests.conftest import Simulator
from tests.gateway.support.bench import NO_QUIET, Bench, until
from tests.gateway.support.deliveries import NUMBER
from tests.gateway.support.faults import poison
from tests.gateway.support.inbound import CHANNELS, Inbox, message, raw_message, zoo

PICTURE = b"\xff\xd8 a picture" * 1000
HOST = "https://lookaside.fbsbx.com"


class Meta:
    """Media of Meta: one file, the address of which can be chosen, and faults."""

    def __init__(self) -> None:
        self.content, self.mime_type, self.host = PICTURE, "image/jpeg", HOST
        self.stated: dict[str, Any] = {}  # other fields of the answer about it
        self.answers: list[httpx.Response | Exception] = []  # instead of the next answers
        self.asked: list[str] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.url.scheme}://{request.url.host}{request.url.path}")
        assert request.headers["authorization"] == "Bearer t"
        if self.answers and (answer := self.answers.pop(0)):
            if isinstance(answer, Exception):
                raise answer
            return answer
        if request.url.host == "graph.facebook.com":
            assert request.url.params["phone_number_id"] == NUMBER
            digest = hashlib.sha256(self.content).hexdigest()
            info = {"url": f"{self.host}/file", "mime_type": self.mime_type, "sha256": digest, "id": "M1"}
            return httpx.Response(200, json=info | {"file_size": len(self.content)} | self.stated)
        return httpx.Response(200, content=self.content, headers={"content-type": self.mime_type})


class Desk(Bench):
    """A worker with media."""

    def __init__(self, pool: Pool, *, wait: float = 1000, limit: int = 1_000_000) -> None:
        super().__init__(pool)
        self.meta, self.objects = Meta(), MemoryStore()
        self.inbox = Inbox(pool, media_wait=wait)
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self.meta))
        self.loader = MediaLoader(
            pool, CHANNELS, lambda _: CloudApi(self.http, access_token="t"), self.objects, limit=limit, quiet=NO_QUIET
        )

    async def send(self, kind: str = "image", **more: Any) -> None:
        body = {"id": "M1", "mime_type": self.meta.mime_type, **more}
        await self.inbox.take(message(raw_message(kind, body)))

    async def fetch(self) -> None:
        """Make one attempt at everything that is to be fetched."""
        await self.rows("UPDATE media SET due_at = now() WHERE status = 'pending' RETURNING 1")
        await self.loader.step()
        await self.loader.drain()

    async def status(self) -> str:
        return (await self.rows("SELECT status FROM media"))[0][0]  # type: ignore[no-any-return]

    def given(self) -> dict[str, Any]:
        """Return the media that the agent received."""
        [item] = self.server.runs[0]["input"]["inbound"]
        return item["media"]  # type: ignore[no-any-return]


@pytest.fixture
async def desk(pool: Pool) -> AsyncIterator[Desk]:
    desk = Desk(pool)
    desk.server.answer = lambda given: {"turn_id": given["turn_id"], "replies": [], "handoff": None}
    yield desk
    await desk.turns.drain()


async def test_media_is_stored_and_the_agent_is_given_our_id_for_it(desk: Desk) -> None:
    await desk.send(caption="assim")
    await desk.settle()
    assert desk.server.runs == []  # it waits for the file
    await desk.fetch()
    await desk.settle()
    [(media_id, path)] = await desk.rows("SELECT id::text, path FROM media")
    assert desk.given() == {
        "id": media_id, "mime_type": "image/jpeg", "filename": None, "size": len(PICTURE), "voice": False,
        "status": "stored",
    }  # fmt: skip
    assert bytes((await obstore.get_async(desk.objects, path)).bytes()) == PICTURE
    assert desk.meta.asked == ["https://graph.facebook.com/v26.0/M1", f"{HOST}/file"]


async def test_two_workers_fetch_once(desk: Desk) -> None:
    await desk.send()
    await desk.loader.step()
    await desk.loader.step()
    await desk.loader.drain()
    assert len(desk.meta.asked) == 2


async def test_what_a_dead_worker_left_is_fetched_by_another(desk: Desk) -> None:
    await desk.send()
    await desk.rows("UPDATE media SET attempts = 1, lease_until = now() + interval '60 s' RETURNING 1")
    await desk.fetch()
    assert await desk.status() == "pending"
    await desk.rows("UPDATE media SET lease_until = now() RETURNING 1")
    await desk.fetch()
    assert await desk.status() == "stored"


TROUBLE = [
    [httpx.Response(500, json={"error": {"code": 1}})],
    [httpx.Response(429, json={"error": {"code": 4}})],
    [httpx.ConnectError("refused")],
    [None, httpx.ReadError("cut")],
    [None, httpx.Response(404)],  # the address no longer works: a new one is requested
    [None, httpx.Response(200, content=b"half of it")],
    [httpx.Response(401, json={"error": {"code": 190}})],  # the token: a person will renew it
]


@pytest.mark.parametrize("answers", TROUBLE)
async def test_a_failed_attempt_is_made_again_from_the_id(desk: Desk, answers: list[Any]) -> None:
    await desk.send()
    desk.meta.answers = answers
    await desk.fetch()
    assert await desk.status() == "pending"
    assert await desk.rows("SELECT due_at > now(), attempts, error IS NOT NULL FROM media") == [(True, 1, True)]
    await desk.fetch()
    assert await desk.status() == "stored"


async def test_the_delays_grow_and_end_after_seven_days(desk: Desk) -> None:
    await desk.send()
    waits = []
    for _ in range(4):
        desk.meta.answers = [httpx.ConnectError("refused")]
        await desk.fetch()
        [(wait,)] = await desk.rows("SELECT extract(epoch FROM due_at - now())::float8 FROM media")
        waits.append(round(wait))
    assert waits == [1, 2, 4, 8]
    await desk.rows("UPDATE media SET created_at = now() - interval '8 days' RETURNING 1")
    desk.meta.answers = [httpx.ConnectError("refused")]
    await desk.fetch()
    assert await desk.status() == "expired"


def _large(meta: Meta) -> None:
    meta.stated = {"file_size": 2_000_000}


def _secretly_large(meta: Meta) -> None:
    meta.stated, meta.content = {"file_size": 10}, b"x" * 2_000_000


def _gone(meta: Meta) -> None:
    gone = {"code": 100, "error_subcode": 33, "message": "Unsupported get request. Object with ID does not exist"}
    meta.answers = [httpx.Response(400, json={"error": gone})]


def _elsewhere(meta: Meta) -> None:
    meta.host = "https://evil.example"


def _program(meta: Meta) -> None:
    meta.mime_type = "application/x-msdownload"


FINAL = [
    (_large, "too_large", "grande demais"), (_secretly_large, "too_large", "grande demais"),
    (_gone, "expired", "Não consegui abrir"), (_elsewhere, "failed", "Não consegui abrir"),
    (_program, "unsupported", "esse tipo de arquivo"),
]  # fmt: skip


@pytest.mark.parametrize(("trouble", "status", "line"), FINAL)
async def test_what_cannot_be_had_is_said_politely_and_nothing_of_it_is_stored(
    desk: Desk, trouble: Callable[[Meta], None], status: str, line: str
) -> None:
    await desk.send()
    trouble(desk.meta)
    await desk.fetch()
    assert await desk.status() == status
    await desk.settle()
    [said_so] = await desk.replies()
    assert line in said_so
    assert desk.server.runs == []
    assert obstore.list(desk.objects).collect() == []
    assert not any("evil" in url for url in desk.meta.asked)


@pytest.mark.parametrize(("trouble", "status", "_"), FINAL)
async def test_with_a_caption_the_agent_answers_and_sees_the_status(
    desk: Desk, trouble: Callable[[Meta], None], status: str, _: str
) -> None:
    await desk.send(caption="quanto custa este?")
    trouble(desk.meta)
    await desk.fetch()
    await desk.settle()
    assert desk.given()["status"] == status
    assert await desk.replies() == []


async def test_an_address_that_never_works_is_given_up(desk: Desk) -> None:
    await desk.send()
    for _ in range(3):
        desk.meta.answers = [None, httpx.Response(404)]  # type: ignore[list-item]
        await desk.fetch()
    assert await desk.status() == "expired"


async def test_a_turn_does_not_wait_for_ever(pool: Pool) -> None:
    desk = Desk(pool, wait=0)
    await desk.send(caption="e aí?")
    await desk.settle()
    assert desk.given()["status"] == "failed"
    await desk.fetch()
    assert await desk.status() == "stored"  # for people, although the turn went on without it


async def test_what_else_is_said_waits_with_it_and_nobody_elses(desk: Desk) -> None:
    await desk.send()
    await desk.inbox.take(
        message(raw_message(body="olha")), message({**raw_message(body="outro"), "from": "5511900000000"})
    )
    await desk.settle()
    assert [item["text"] for run in desk.server.runs for item in run["input"]["inbound"]] == ["outro"]
    await desk.fetch()
    await desk.settle()
    assert [item["text"] for item in desk.server.runs[0]["input"]["inbound"]] == [None, "olha"]


async def test_the_quiet_period_still_counts_when_media_is_there(desk: Desk) -> None:
    slow = Inbox(desk.pool, QuietPeriod(1000, 1000), media_wait=5)
    desk.loader._quiet = QuietPeriod(1000, 1000)
    await slow.take(message(raw_message("image", {"id": "M1", "mime_type": "image/jpeg"})))
    await desk.fetch()
    [(wait,)] = await desk.rows("SELECT extract(epoch FROM due_at - now())::float8 FROM conversation")
    assert 900 < wait <= 1000


async def test_no_media_is_fetched_for_a_number_that_is_not_ours_any_more(desk: Desk) -> None:
    await desk.send()
    await desk.rows("UPDATE media SET channel_id = 'gone' RETURNING 1")
    await desk.fetch()
    assert (await desk.status(), desk.meta.asked) == ("pending", [])


async def test_an_object_store_that_is_away_is_said_and_tried_again(desk: Desk, tmp_path: Any) -> None:
    await desk.send()
    away = tmp_path / "media"
    desk.loader._objects = open_store(f"file://{away}")
    away.rmdir()
    away.write_text("no directory")
    await desk.fetch()
    assert "object store" in str(await desk.loader.problem())
    away.unlink()
    await desk.fetch()
    assert (await desk.status(), await desk.loader.problem()) == ("stored", None)


def test_an_address_that_names_no_store_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="MEDIA_URL names no object store"):
        open_store("ftp://somewhere/x")
    with pytest.raises(ValueError, match="MEDIA_URL names no object store"):
        open_store("file:///proc/nowhere/x")


def test_a_stand_in_for_meta_serves_media_too() -> None:
    assert origins("https://graph.facebook.com/") == MEDIA_ORIGINS
    assert origins("http://127.0.0.1:8100/base") == (*MEDIA_ORIGINS, "http://127.0.0.1:8100")


async def test_a_turn_with_files_that_takes_the_server_down_again_and_again_is_given_up(desk: Desk) -> None:
    await desk.send()
    await desk.fetch()
    for attempt in range(3):
        assert await desk.rows("SELECT attempts, state FROM turn") == ([(attempt, "open")] if attempt else [])
        desk.server.gate.clear()
        await desk.turns.step()
        await until(lambda: len(desk.server.runs) == 1)
        desk.server.lose_everything()
        desk.server.gate.set()
        await until(lambda: not desk.turns._held)
    assert await desk.rows("SELECT state, error FROM turn") == [("failed", "the run was lost")]
    assert [reply[:8] for reply in await desk.replies()] == ["Desculpe"]


# Served to the agent ------------------------------------------------------------------------------------------------


@pytest.fixture
async def internal(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=Internal(desk.pool, desk.objects, "secret").routes())
    headers = {"authorization": "Bearer secret"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://g", headers=headers) as client:
        yield client


async def test_the_agent_gets_the_bytes_with_their_type(desk: Desk, internal: httpx.AsyncClient) -> None:
    await desk.send()
    [(media_id,)] = await desk.rows("SELECT id::text FROM media")
    assert (await internal.get(f"/internal/media/{media_id}")).status_code == 409  # not there yet
    await desk.fetch()
    answer = await internal.get(f"/internal/media/{media_id}")
    assert (answer.status_code, answer.content) == (200, PICTURE)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-length"] == str(len(PICTURE))
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_nobody_gets_media_without_the_token(desk: Desk, internal: httpx.AsyncClient) -> None:
    await desk.send()
    await desk.fetch()
    [(media_id,)] = await desk.rows("SELECT id::text FROM media")
    for wrong in ("", "Bearer", "Bearer wrong", "secret"):
        answer = await internal.get(f"/internal/media/{media_id}", headers={"authorization": wrong})
        assert answer.status_code == 401


async def test_what_is_not_there_says_so(desk: Desk, internal: httpx.AsyncClient) -> None:
    assert (await internal.get("/internal/media/00000000-0000-0000-0000-000000000000")).status_code == 404
    await desk.send()
    await desk.fetch()
    [(media_id, path)] = await desk.rows("SELECT id::text, path FROM media")
    await obstore.delete_async(desk.objects, path)
    assert (await internal.get(f"/internal/media/{media_id}")).status_code == 410


async def test_media_of_a_message_that_was_taken_back_is_served_no_more(
    desk: Desk, internal: httpx.AsyncClient
) -> None:
    await desk.send()
    await desk.fetch()
    await desk.rows("UPDATE message SET revoked_at = now() RETURNING 1")
    [(media_id,)] = await desk.rows("SELECT id::text FROM media")
    answer = await internal.get(f"/internal/media/{media_id}")
    assert (answer.status_code, answer.text) == (410, "the media is not there: revoked")


# Against the simulator ----------------------------------------------------------------------------------------------


async def test_the_simulators_media_comes_by_the_same_way(pool: Pool, simulator: Simulator) -> None:
    sample = simulator.post("media", sample="image")
    objects, inbox = MemoryStore(), Inbox(pool)
    await inbox.take(message(raw_message("image", {"id": sample["id"], "mime_type": sample["mime_type"]})))
    async with httpx.AsyncClient(trust_env=False) as http:
        loader = MediaLoader(
            pool, CHANNELS,
            lambda _: CloudApi(http, access_token=simulator.access_token, base_url=simulator.url), objects,
            limit=10_000_000, quiet=NO_QUIET, allowed=origins(simulator.url),
        )  # fmt: skip
        await loader.step()
        await loader.drain()
    assert await inbox.sql("SELECT status, size, mime_type FROM media") == [
        ("stored", sample["size"], sample["mime_type"])
    ]


async def test_standby_and_history_media(desk: Desk) -> None:
    await desk.inbox.take(zoo("history", "media_that_follows"))
    assert await desk.rows("SELECT count(*) FROM media") == [(0,)]
    assert await desk.rows("SELECT content->'media'->>'status' FROM message") == [("expired",)]


async def test_media_that_cannot_be_noted_ends_some_time_and_keeps_no_other_back(desk: Desk) -> None:
    await poison(desk.pool, "media", "NEW.status = 'stored' AND NEW.kind = 'image'")
    await desk.send()
    for _ in range(3):
        assert await desk.status() == "pending"
        await desk.fetch()
    assert await desk.rows("SELECT status, error FROM media") == [("failed", "ProgramLimitExceeded")]
    desk.meta.mime_type = "application/pdf"
    await desk.send("document")
    await desk.fetch()
    assert await desk.rows("SELECT status FROM media WHERE kind = 'document'") == [("stored",)]
