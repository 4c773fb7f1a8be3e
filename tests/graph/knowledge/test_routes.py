"""The routes for people: list, write, try, publish, take back, import; with their own token alone."""

from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from graph.knowledge.json_routes import MAX_BYTES
from graph.knowledge.routes import ROUTES
from graph.knowledge.tables import Knowledge
from graph.server.auth import authorized
from graph.server.server import make_app
from graph.settings import settings
from tests.absurd import Asked, Program
from tests.absurd import asked as asked
from tests.graph.knowledge.conftest import PIX

TOKEN = {"authorization": "Bearer knowledge-token"}


@pytest.fixture
async def people(known: Knowledge, environment: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    environment.setenv("KNOWLEDGE_TOKEN", "knowledge-token")
    environment.setenv("LANGGRAPH_TOKEN", "server-token")
    settings.cache_clear()
    transport = httpx.ASGITransport(make_app(ROUTES, settings(), development=False))
    async with httpx.AsyncClient(transport=transport, base_url="http://agent", headers=TOKEN) as client:
        yield client


async def test_a_text_is_written_tried_published_changed_and_taken_back(people: httpx.AsyncClient) -> None:
    text = PIX.model_dump(mode="json")
    draft = (await people.post("/knowledge/sources", json=text)).json()
    place = f"/knowledge/sources/{draft['source_id']}"
    asked = {"question": "aceita pix?"}
    assert (await people.post("/knowledge/try", json=asked)).json()["passages"] == []
    tried = (await people.post("/knowledge/try", json=asked | {"source_id": draft["source_id"]})).json()
    assert [(one["body"], one["answers"]) for one in tried["passages"]] == [(PIX.content, True)]
    assert (await people.post(f"{place}/publish")).json() == {"number": 1}
    assert (await people.post("/knowledge/try", json=asked)).json()["passages"][0]["version"] == 1
    changed = await people.put(place, json=text | {"content": "Só Pix."})
    assert (changed.json()["number"], changed.json()["state"]) == (2, "draft")
    assert [one["state"] for one in (await people.get(place)).json()] == ["draft", "published"]
    assert [one["title"] for one in (await people.get("/knowledge/sources?q=pagamento")).json()] == [PIX.title]
    assert (await people.post(f"{place}/take-back")).status_code == 200
    assert (await people.post("/knowledge/try", json=asked)).json()["passages"] == []
    assert (await people.delete(place)).status_code == 200
    assert (await people.get(place)).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        PIX.model_dump(mode="json"),
        {"question": "aceita pix?", "source_id": str(uuid4()), "department": "sales", "channel_id": "1"},
        {"url": "https://example.com/perguntas"},
    ],
)
async def test_no_absurd_value_is_a_failure(people: httpx.AsyncClient, asked: Asked, body: dict[str, Any]) -> None:
    transport = people._transport
    assert isinstance(transport, httpx.ASGITransport)
    program = Program(transport.app, ROUTES, {"host": "agent", **TOKEN}, body)
    problems = await program.problems(asked)
    assert not problems, "\n".join(problems)


async def test_texts_are_listed_by_words_and_not_by_patterns(people: httpx.AsyncClient) -> None:
    for title in ("100% lã", "100 lentes"):
        await people.post("/knowledge/sources", json=PIX.model_dump(mode="json") | {"title": title})
    for words, found in (("100%", ["100% lã"]), ("_", []), ("LENTES", ["100 lentes"])):
        listed = (await people.get("/knowledge/sources", params={"q": words})).json()
        assert [one["title"] for one in listed] == found


async def test_questions_in_vain_are_listed_and_removed(people: httpx.AsyncClient, known: Knowledge) -> None:
    await known.unanswered.add("t1", "Vendem ração?", None, None)
    [one] = (await people.get("/knowledge/unanswered")).json()
    assert one["question"] == "Vendem ração?"
    await people.delete(f"/knowledge/unanswered/{one['id']}")
    assert (await people.get("/knowledge/unanswered")).json() == []


@pytest.mark.parametrize(
    ("send", "status"),
    [
        (lambda people: people.post("/knowledge/sources", json={"kind": "qa"}), 422),
        (lambda people: people.post("/knowledge/sources", content=b"x" * (MAX_BYTES + 1)), 413),
        (lambda people: people.post(f"/knowledge/sources/{uuid4()}/publish"), 404),
        (lambda people: people.put(f"/knowledge/sources/{uuid4()}", json=PIX.model_dump(mode="json")), 404),
        (lambda people: people.get("/knowledge/sources/no-id"), 404),
    ],
)
async def test_wrong_requests_say_what_is_wrong(
    people: httpx.AsyncClient, send: Callable[[httpx.AsyncClient], httpx.Response], status: int
) -> None:
    assert (await send(people)).status_code == status  # type: ignore[misc]


@pytest.mark.parametrize("token", ["", "Bearer server-token", "Bearer wrong"])
async def test_only_the_token_of_knowledge_opens_it(people: httpx.AsyncClient, token: str) -> None:
    answer = await people.get("/knowledge/sources", headers={"authorization": token})
    assert answer.status_code == 401
    assert not authorized(TOKEN["authorization"], "/threads")
    assert not authorized(TOKEN["authorization"], "/knowledgex")


async def test_without_a_token_the_routes_are_closed(
    people: httpx.AsyncClient, environment: pytest.MonkeyPatch
) -> None:
    environment.delenv("KNOWLEDGE_TOKEN")
    settings.cache_clear()
    assert (await people.get("/knowledge/sources")).status_code == 401
