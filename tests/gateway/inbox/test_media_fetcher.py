"""Media of customers: fetched at once, checked, stored, served; a turn waits for it, but not for ever."""

import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import obstore
import pytest
from obstore.store import MemoryStore

from gateway.inbox.media_fetcher import MediaLoader, origins
from gateway.numbers.quiet_period import QuietPeriod
from gateway.runtime.object_store import open_store
from gateway.store.database import Pool
from gateway.whatsapp.api.client import CloudApi
from gateway.whatsapp.api.media import MEDIA_ORIGINS
from tests.conftest import Simulator
from tests.gateway.support.deliveries import NUMBER, message, raw_message, zoo
from tests.gateway.support.faults import poison
from tests.gateway.support.harness import CHANNELS, NO_QUIET, Gateway, until
from tests.gateway.support.internal import customers_client

PICTURE = b"\xff\xd8 a picture" * 1000
HOST = "https://lookaside.fbsbx.com"


class MediaOfMeta:
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


class MediaGateway(Gateway):
    """A worker that fetches media, which have a Meta of their own."""

    def __init__(self, pool: Pool, *, wait: float = 1000, limit: int = 1_000_000) -> None:
        super().__init__(pool, media_wait=wait)
        self.media, self.objects = MediaOfMeta(), MemoryStore()
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self.media))
        self.loader = MediaLoader(
            pool, CHANNELS, lambda _: CloudApi(self.http, access_token="t"), self.objects, limit=limit, quiet=NO_QUIET
        )

    async def receive_media(self, kind: str = "image", **more: Any) -> None:
        body = {"id": "M1", "mime_type": self.media.mime_type, **more}
        await self.take(message(raw_message(kind, body)))

    async def fetch(self) -> None:
        """Make one attempt at everything that is to be fetched."""
        await self.sql("UPDATE media SET due_at = now() WHERE status = 'pending' RETURNING 1")
        await self.loader.step()
        await self.loader.drain()

    async def status(self) -> str:
        return (await self.sql("SELECT status FROM media"))[0][0]  # type: ignore[no-any-return]

    def given(self) -> dict[str, Any]:
        """Return the media that the agent received."""
        [item] = self.agent.runs[0]["input"]["inbound"]
        return item["media"]  # type: ignore[no-any-return]


@pytest.fixture
async def gateway(pool: Pool) -> AsyncIterator[MediaGateway]:
    gateway = MediaGateway(pool)
    gateway.agent.answer = lambda given: {"turn_id": given["turn_id"], "replies": [], "handoff": None}
    yield gateway
    await gateway.turns.drain()


async def test_media_is_stored_and_the_agent_is_given_our_id_for_it(gateway: MediaGateway) -> None:
    await gateway.receive_media(caption="assim")
    await gateway.settle()
    assert gateway.agent.runs == []  # it waits for the file
    await gateway.fetch()
    await gateway.settle()
    [(media_id, path)] = await gateway.sql("SELECT id::text, path FROM media")
    assert gateway.given() == {
        "id": media_id, "mime_type": "image/jpeg", "filename": None, "size": len(PICTURE), "voice": False,
        "status": "stored",
    }  # fmt: skip
    assert bytes((await obstore.get_async(gateway.objects, path)).bytes()) == PICTURE
    assert gateway.media.asked == ["https://graph.facebook.com/v26.0/M1", f"{HOST}/file"]


async def test_two_workers_fetch_once(gateway: MediaGateway) -> None:
    await gateway.receive_media()
    await gateway.loader.step()
    await gateway.loader.step()
    await gateway.loader.drain()
    assert len(gateway.media.asked) == 2


async def test_what_a_dead_worker_left_is_fetched_by_another(gateway: MediaGateway) -> None:
    await gateway.receive_media()
    await gateway.sql("UPDATE media SET attempts = 1, lease_until = now() + interval '60 s' RETURNING 1")
    await gateway.fetch()
    assert await gateway.status() == "pending"
    await gateway.sql("UPDATE media SET lease_until = now() RETURNING 1")
    await gateway.fetch()
    assert await gateway.status() == "stored"


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
async def test_a_failed_attempt_is_made_again_from_the_id(gateway: MediaGateway, answers: list[Any]) -> None:
    await gateway.receive_media()
    gateway.media.answers = answers
    await gateway.fetch()
    assert await gateway.status() == "pending"
    assert await gateway.sql("SELECT due_at > now(), attempts, error IS NOT NULL FROM media") == [(True, 1, True)]
    await gateway.fetch()
    assert await gateway.status() == "stored"


async def test_the_delays_grow_and_end_after_seven_days(gateway: MediaGateway) -> None:
    await gateway.receive_media()
    waits = []
    for _ in range(4):
        gateway.media.answers = [httpx.ConnectError("refused")]
        await gateway.fetch()
        [(wait,)] = await gateway.sql("SELECT extract(epoch FROM due_at - now())::float8 FROM media")
        waits.append(round(wait))
    assert waits == [1, 2, 4, 8]
    await gateway.sql("UPDATE media SET created_at = now() - interval '8 days' RETURNING 1")
    gateway.media.answers = [httpx.ConnectError("refused")]
    await gateway.fetch()
    assert await gateway.status() == "expired"


def _large(meta: MediaOfMeta) -> None:
    meta.stated = {"file_size": 2_000_000}


def _secretly_large(meta: MediaOfMeta) -> None:
    meta.stated, meta.content = {"file_size": 10}, b"x" * 2_000_000


def _gone(meta: MediaOfMeta) -> None:
    gone = {"code": 100, "error_subcode": 33, "message": "Unsupported get request. Object with ID does not exist"}
    meta.answers = [httpx.Response(400, json={"error": gone})]


def _elsewhere(meta: MediaOfMeta) -> None:
    meta.host = "https://evil.example"


def _program(meta: MediaOfMeta) -> None:
    meta.mime_type = "application/x-msdownload"


FINAL = [
    (_large, "too_large", "grande demais"), (_secretly_large, "too_large", "grande demais"),
    (_gone, "expired", "Não consegui abrir"), (_elsewhere, "failed", "Não consegui abrir"),
    (_program, "unsupported", "esse tipo de arquivo"),
]  # fmt: skip


@pytest.mark.parametrize(("trouble", "status", "line"), FINAL)
async def test_what_cannot_be_had_is_said_politely_and_nothing_of_it_is_stored(
    gateway: MediaGateway, trouble: Callable[[MediaOfMeta], None], status: str, line: str
) -> None:
    await gateway.receive_media()
    trouble(gateway.media)
    await gateway.fetch()
    assert await gateway.status() == status
    await gateway.settle()
    [said_so] = await gateway.replies()
    assert line in said_so
    assert gateway.agent.runs == []
    assert obstore.list(gateway.objects).collect() == []
    assert not any("evil" in url for url in gateway.media.asked)


@pytest.mark.parametrize(("trouble", "status", "_"), FINAL)
async def test_with_a_caption_the_agent_answers_and_sees_the_status(
    gateway: MediaGateway, trouble: Callable[[MediaOfMeta], None], status: str, _: str
) -> None:
    await gateway.receive_media(caption="quanto custa este?")
    trouble(gateway.media)
    await gateway.fetch()
    await gateway.settle()
    assert gateway.given()["status"] == status
    assert await gateway.replies() == []


async def test_an_address_that_never_works_is_given_up(gateway: MediaGateway) -> None:
    await gateway.receive_media()
    for _ in range(3):
        gateway.media.answers = [None, httpx.Response(404)]  # type: ignore[list-item]
        await gateway.fetch()
    assert await gateway.status() == "expired"


async def test_a_turn_does_not_wait_for_ever(pool: Pool) -> None:
    gateway = MediaGateway(pool, wait=0)
    await gateway.receive_media(caption="e aí?")
    await gateway.settle()
    assert gateway.given()["status"] == "failed"
    await gateway.fetch()
    assert await gateway.status() == "stored"  # for people, although the turn went on without it


async def test_what_else_is_said_waits_with_it_and_nobody_elses(gateway: MediaGateway) -> None:
    await gateway.receive_media()
    await gateway.take(
        message(raw_message(body="olha")), message({**raw_message(body="outro"), "from": "5511900000000"})
    )
    await gateway.settle()
    assert [item["text"] for run in gateway.agent.runs for item in run["input"]["inbound"]] == ["outro"]
    await gateway.fetch()
    await gateway.settle()
    assert [item["text"] for item in gateway.agent.runs[0]["input"]["inbound"]] == [None, "olha"]


async def test_the_quiet_period_still_counts_when_media_is_there(gateway: MediaGateway) -> None:
    slow = Gateway(gateway.pool, QuietPeriod(1000, 1000), media_wait=5)
    gateway.loader._quiet = QuietPeriod(1000, 1000)
    await slow.take(message(raw_message("image", {"id": "M1", "mime_type": "image/jpeg"})))
    await gateway.fetch()
    [(wait,)] = await gateway.sql("SELECT extract(epoch FROM due_at - now())::float8 FROM conversation")
    assert 900 < wait <= 1000


async def test_no_media_is_fetched_for_a_number_that_is_not_ours_any_more(gateway: MediaGateway) -> None:
    await gateway.receive_media()
    await gateway.sql("UPDATE media SET channel_id = 'gone' RETURNING 1")
    await gateway.fetch()
    assert (await gateway.status(), gateway.media.asked) == ("pending", [])


async def test_an_object_store_that_is_away_is_said_and_tried_again(gateway: MediaGateway, tmp_path: Any) -> None:
    await gateway.receive_media()
    away = tmp_path / "media"
    gateway.loader._objects = open_store(f"file://{away}")
    away.rmdir()
    away.write_text("no directory")
    await gateway.fetch()
    assert "object store" in str(await gateway.loader.problem())
    away.unlink()
    await gateway.fetch()
    assert (await gateway.status(), await gateway.loader.problem()) == ("stored", None)


def test_an_address_that_names_no_store_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="MEDIA_URL names no object store"):
        open_store("ftp://somewhere/x")
    with pytest.raises(ValueError, match="MEDIA_URL names no object store"):
        open_store("file:///proc/nowhere/x")


def test_a_stand_in_for_meta_serves_media_too() -> None:
    assert origins("https://graph.facebook.com/") == MEDIA_ORIGINS
    assert origins("http://127.0.0.1:8100/base") == (*MEDIA_ORIGINS, "http://127.0.0.1:8100")


async def test_a_turn_with_files_that_takes_the_server_down_again_and_again_is_given_up(gateway: MediaGateway) -> None:
    await gateway.receive_media()
    await gateway.fetch()
    for attempt in range(3):
        assert await gateway.sql("SELECT attempts, state FROM turn") == ([(attempt, "open")] if attempt else [])
        gateway.agent.gate.clear()
        await gateway.turns.step()
        await until(lambda: len(gateway.agent.runs) == 1)
        gateway.agent.lose_everything()
        gateway.agent.gate.set()
        await until(lambda: not gateway.turns._held)
    assert await gateway.sql("SELECT state, error FROM turn") == [("failed", "the run was lost")]
    assert [reply[:8] for reply in await gateway.replies()] == ["Desculpe"]


# Served to the agent ------------------------------------------------------------------------------------------------


@pytest.fixture
async def internal(gateway: MediaGateway) -> AsyncIterator[httpx.AsyncClient]:
    """Return the client of a run of the customer who sends the media."""
    await gateway.receive_media()
    [(contact,)] = await gateway.sql("SELECT id FROM contact")
    async with await customers_client(gateway.pool, contact, gateway.objects) as client:
        yield client


async def test_the_agent_gets_the_bytes_with_their_type(gateway: MediaGateway, internal: httpx.AsyncClient) -> None:
    [(media_id,)] = await gateway.sql("SELECT id::text FROM media")
    assert (await internal.get(f"/internal/media/{media_id}")).status_code == 409  # not there yet
    await gateway.fetch()
    answer = await internal.get(f"/internal/media/{media_id}")
    assert (answer.status_code, answer.content) == (200, PICTURE)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-length"] == str(len(PICTURE))
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_nobody_gets_media_without_a_capability(gateway: MediaGateway, internal: httpx.AsyncClient) -> None:
    await gateway.fetch()
    [(media_id,)] = await gateway.sql("SELECT id::text FROM media")
    for wrong in ("", "Bearer", "Bearer wrong", "secret"):
        answer = await internal.get(f"/internal/media/{media_id}", headers={"authorization": wrong})
        assert answer.status_code == 401


async def test_what_is_not_there_says_so(gateway: MediaGateway, internal: httpx.AsyncClient) -> None:
    assert (await internal.get("/internal/media/00000000-0000-0000-0000-000000000000")).status_code == 404
    await gateway.fetch()
    [(media_id, path)] = await gateway.sql("SELECT id::text, path FROM media")
    await obstore.delete_async(gateway.objects, path)
    assert (await internal.get(f"/internal/media/{media_id}")).status_code == 410


async def test_media_of_a_message_that_was_taken_back_is_served_no_more(
    gateway: MediaGateway, internal: httpx.AsyncClient
) -> None:
    await gateway.fetch()
    await gateway.sql("UPDATE message SET revoked_at = now() RETURNING 1")
    [(media_id,)] = await gateway.sql("SELECT id::text FROM media")
    answer = await internal.get(f"/internal/media/{media_id}")
    assert (answer.status_code, answer.text) == (410, "the media is not there: revoked")


# Against the simulator ----------------------------------------------------------------------------------------------


async def test_the_simulators_media_comes_by_the_same_way(pool: Pool, simulator: Simulator) -> None:
    sample = simulator.post("media", sample="image")
    objects, gateway = MemoryStore(), Gateway(pool)
    await gateway.take(message(raw_message("image", {"id": sample["id"], "mime_type": sample["mime_type"]})))
    async with httpx.AsyncClient(trust_env=False) as http:
        loader = MediaLoader(
            pool, CHANNELS,
            lambda _: CloudApi(http, access_token=simulator.access_token, base_url=simulator.url), objects,
            limit=10_000_000, quiet=NO_QUIET, allowed=origins(simulator.url),
        )  # fmt: skip
        await loader.step()
        await loader.drain()
    assert await gateway.sql("SELECT status, size, mime_type FROM media") == [
        ("stored", sample["size"], sample["mime_type"])
    ]


async def test_standby_and_history_media(gateway: MediaGateway) -> None:
    await gateway.take(zoo("history", "media_that_follows"))
    assert await gateway.sql("SELECT count(*) FROM media") == [(0,)]
    assert await gateway.sql("SELECT content->'media'->>'status' FROM message") == [("expired",)]


async def test_media_that_cannot_be_noted_ends_some_time_and_keeps_no_other_back(gateway: MediaGateway) -> None:
    await poison(gateway.pool, "media", "NEW.status = 'stored' AND NEW.kind = 'image'")
    await gateway.receive_media()
    for _ in range(3):
        assert await gateway.status() == "pending"
        await gateway.fetch()
    assert await gateway.sql("SELECT status, error FROM media") == [("failed", "ProgramLimitExceeded")]
    gateway.media.mime_type = "application/pdf"
    await gateway.receive_media("document")
    await gateway.fetch()
    assert await gateway.sql("SELECT status FROM media WHERE kind = 'document'") == [("stored",)]
