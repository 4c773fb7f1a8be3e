"""A provider that refuses a message refuses it again: the turn ends with a text, and the next turn is normal."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from graph.model.reduction import GIVEN_UP, HISTORY_LEFT_OUT, LEFT_OUT, NOT_SHOWN
from graph.prompts import TEXTS
from graph.server.gateway_client import GatewayClient
from graph.settings import settings
from graph.turn import files as understand
from tests.graph.files import bombs
from tests.graph.support.model_server import Message, ModelServer, Raw, body, call, has_picture, refusal, say
from tests.graph.support.talk import Talk, by_a_person, inbound, texts

CASES = Path(__file__).parents[2] / "cases"
POISON = "\u00ad palavra que o provedor recusa"
STATUSES = (400, 413, 415, 422)


@pytest.fixture(autouse=True)
def files(environment: pytest.MonkeyPatch) -> list[bytes]:
    """The file that the gateway returns for every id: a good picture, unless a test replaces it."""
    content = [bombs.png()]
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=content[0]))
    environment.setattr(understand, "gateway", lambda: GatewayClient(settings(), transport))
    return content


def picture(text: str = "") -> dict[str, Any]:
    return inbound(text, kind="image", media={"id": "m1", "mime_type": "image/png", "status": "stored"})


def refusing(wrong: Callable[[list[Message]], bool], status: int = 400) -> Callable[[list[Message]], Message | Raw]:
    """Return a model that refuses some requests and answers the others with the customer's last words."""

    def script(messages: list[Message]) -> Message | Raw:
        if wrong(messages):
            return body({"error": {"message": "invalid"}}, status)
        return say(f"Você disse: {messages[-1]['content'] or ''}")

    return script


def poisoned(messages: list[Message]) -> bool:
    return any(POISON in str(message["content"]) for message in messages)


@pytest.mark.parametrize("status", [*STATUSES, 404])
async def test_a_picture_that_is_refused_is_answered_in_words(
    http_talk: Talk, model_server: ModelServer, status: int
) -> None:
    """A model without vision refuses the same way."""
    model_server.script = refusing(has_picture, status)
    [said] = texts(await http_talk.turn("t1", picture("O que é isto?")))
    assert said == f"Você disse: [imagem] O que é isto?\n{NOT_SHOWN}"
    assert len(model_server.requests) == 2
    assert texts(await http_talk.turn("t2", "Obrigada")) == ["Você disse: Obrigada"]
    assert len(model_server.requests) == 3
    assert (await http_talk.state())["failures"] == 0


async def test_what_is_no_picture_is_answered_in_words(
    http_talk: Talk, model_server: ModelServer, files: list[bytes]
) -> None:
    files[0] = (CASES / "P18_not_a_picture.jpg").read_bytes()
    model_server.script = refusing(has_picture)
    assert len(texts(await http_talk.turn("t1", picture("O que é isto?")))) == 1
    assert texts(await http_talk.turn("t2", "Obrigada")) == ["Você disse: Obrigada"]


async def test_the_picture_is_not_shown_again_within_the_turn(http_talk: Talk, model_server: ModelServer) -> None:
    def script(messages: list[Message]) -> Message | Raw:
        if has_picture(messages):
            return refusal()
        return say("Pronto") if messages[-1]["role"] == "tool" else call("list_orders", "call_1")

    model_server.script = script
    assert texts(await http_talk.turn("t1", picture())) == ["Pronto"]
    assert [has_picture(request["messages"]) for request in model_server.requests] == [True, False, False]


async def test_a_text_that_is_refused_ends_its_turn_politely(http_talk: Talk, model_server: ModelServer) -> None:
    model_server.script = refusing(poisoned)
    assert texts(await http_talk.turn("t1", "Oi")) == ["Você disse: Oi"]
    assert texts(await http_talk.turn("t2", POISON)) == [TEXTS["not_read"]]
    assert len(model_server.requests) == 3  # as it is, and without the history
    assert texts(await http_talk.turn("t3", "Tudo bem?")) == ["Você disse: Tudo bem?"]
    assert len(model_server.requests) == 4
    kept = [message.text for message in await http_talk.messages()]
    assert kept == ["Oi", "Você disse: Oi", LEFT_OUT, TEXTS["not_read"], "Tudo bem?", "Você disse: Tudo bem?"]


async def test_the_number_of_tries_is_bounded(
    http_talk: Talk, model_server: ModelServer, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("AGENT_FALLBACK_MODEL", "openai:second")
    settings.cache_clear()
    model_server.script = lambda _: refusal()
    for number in range(2):
        model_server.requests.clear()
        assert texts(await http_talk.turn(f"t{number}", picture())) == [TEXTS["not_read"]]
        assert len(model_server.requests) <= 8


async def test_three_refused_turns_call_a_person(http_talk: Talk, model_server: ModelServer) -> None:
    model_server.script = refusing(poisoned)
    outputs = [await http_talk.turn(f"t{number}", f"{POISON} {number}") for number in range(3)]
    assert [bool(output["handoff"]) for output in outputs] == [False, False, True]
    assert outputs[-1]["handoff"]["reason"] == TEXTS["three_failures"]
    assert POISON in outputs[-1]["handoff"]["summary"]
    assert texts(outputs[-1]) == [TEXTS["handoff"]]
    assert texts(await http_talk.turn("t3", "Oi")) == ["Você disse: Oi"]


async def test_a_turn_that_was_given_up_is_closed(http_talk: Talk, model_server: ModelServer) -> None:
    """Its words stay, its pictures are not shown again, and it counts as failed until a proper answer."""
    model_server.failures = 1
    with pytest.raises(Exception, match="scripted failure"):
        await http_talk.turn("t1", picture("veja"))
    model_server.script = refusing(has_picture)
    assert texts(await http_talk.turn("t2", "Oi?")) == ["Você disse: Oi?"]
    assert [message.text for message in await http_talk.messages()][:3] == ["[imagem] veja", GIVEN_UP, "Oi?"]
    assert len(model_server.requests) == 2
    assert (await http_talk.state())["failures"] == 0


async def test_turns_that_were_given_up_count_with_the_others(http_talk: Talk, model_server: ModelServer) -> None:
    for number in range(2):
        model_server.failures = 1
        with pytest.raises(Exception, match="scripted failure"):
            await http_talk.turn(f"t{number}", "Oi")
    model_server.script = lambda _: say("")
    assert (await http_talk.turn("t2", "Oi?"))["handoff"]["reason"] == TEXTS["three_failures"]


async def test_what_a_person_said_ends_the_count(http_talk: Talk, model_server: ModelServer) -> None:
    for number in range(2):
        model_server.failures = 1
        with pytest.raises(Exception, match="scripted failure"):
            await http_talk.turn(f"t{number}", "Oi")
    model_server.script = lambda _: say("")
    assert (await http_talk.turn("t2", "Oi?", since=[by_a_person("Já resolvi")]))["handoff"] is None


async def test_unanswered_messages_of_before_are_left_out_where_they_are_refused(
    http_talk: Talk, model_server: ModelServer
) -> None:
    model_server.script = refusing(lambda _: False)
    await http_talk.turn("t0", "Oi")
    model_server.failures = 1
    with pytest.raises(Exception, match="scripted failure"):
        await http_talk.turn("t1", POISON)
    model_server.script = refusing(poisoned)
    assert texts(await http_talk.turn("t2", "Alô?")) == ["Você disse: Alô?"]
    assert [message.text for message in await http_talk.messages()][:4] == ["Oi", "Você disse: Oi", LEFT_OUT, GIVEN_UP]
    model_server.requests.clear()
    assert texts(await http_talk.turn("t3", "E agora?")) == ["Você disse: E agora?"]
    assert len(model_server.requests) == 1


async def test_a_history_that_is_refused_is_left_behind(http_talk: Talk, model_server: ModelServer) -> None:
    model_server.script = lambda _: say("Certo")
    await http_talk.turn("t1", POISON)
    model_server.script = refusing(poisoned)
    assert texts(await http_talk.turn("t2", "Alô?")) == ["Você disse: Alô?"]
    assert [message.text for message in await http_talk.messages()] == [HISTORY_LEFT_OUT, "Alô?", "Você disse: Alô?"]
    model_server.requests.clear()
    await http_talk.turn("t3", "E agora?")
    assert len(model_server.requests) == 1


async def test_a_model_that_does_not_exist_fails_the_run(http_talk: Talk, model_server: ModelServer) -> None:
    model_server.script = lambda _: body({"error": {"message": "no such model"}}, 404)
    with pytest.raises(Exception, match="no such model"):
        await http_talk.turn("t1", "Oi")


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_may_pass_is_not_asked_with_less(http_talk: Talk, model_server: ModelServer, status: int) -> None:
    model_server.script = lambda _: body({"error": {"message": "later"}}, status)
    with pytest.raises(Exception, match="later"):
        await http_talk.turn("t1", picture())
    assert len(model_server.requests) == 1


async def test_a_refusal_by_one_model_and_trouble_of_the_other_may_pass(
    http_talk: Talk, model_server: ModelServer, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("AGENT_FALLBACK_MODEL", "openai:second")
    settings.cache_clear()
    busy = body({"error": {"message": "later"}}, 503)
    model_server.script = lambda _: refusal() if model_server.requests[-1]["model"] == "first" else busy
    with pytest.raises(Exception, match="later"):
        await http_talk.turn("t1", "Oi")
