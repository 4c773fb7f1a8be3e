import pytest
from langchain_openai import ChatOpenAI

from graph.settings import settings
from graph.turn.model import chat_model
from tests.graph.support.talk import Talk, calls, context, texts


@pytest.fixture(autouse=True)
def fresh_models(environment: pytest.MonkeyPatch) -> None:
    chat_model.cache_clear()


def openai_model(name: str = "openai:gpt-5.6-terra") -> ChatOpenAI:
    model = chat_model(name)
    assert isinstance(model, ChatOpenAI)
    return model


def test_openai_itself_is_asked_over_responses_and_stores_nothing(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OPENAI_API_KEY", "key")
    model = openai_model()
    assert model.use_responses_api is True
    assert model.store is False
    assert model.include == ["reasoning.encrypted_content"]


def test_another_server_is_asked_over_chat_completions(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8100/v1")
    model = openai_model("openai:any-name")
    assert model.use_responses_api is False
    assert model.openai_api_base == "http://127.0.0.1:8100/v1"


def test_a_missing_key_is_said_and_does_not_stop_the_start(caplog: pytest.LogCaptureFixture) -> None:
    openai_model()
    assert "OPENAI_API_KEY is not set" in caplog.text


def test_calls_are_bounded(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("MODEL_TIMEOUT_SECONDS", "7")
    environment.setenv("MODEL_RETRIES", "1")
    model = openai_model()
    assert (model.request_timeout, model.max_retries) == (7, 1)


async def test_the_model_gets_instructions_and_the_tools_of_its_department(talk: Talk) -> None:
    talk.context = context(customer_name="Maria Souza")
    talk.model.prepare("ok")
    await talk.turn("t1", "Oi")
    assert "Maria Souza" in talk.model.instructions
    assert {"order_status", "create_ticket", "request_human", "transfer_to"} <= set(talk.model.tools[0])
    assert not {"cancel_order", "search_products", "confirm_change"} & set(talk.model.tools[0])


async def test_the_last_call_of_a_turn_has_no_tools_and_has_to_answer(
    talk: Talk, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("MODEL_CALLS_PER_TURN", "3")
    settings.cache_clear()
    talk.model.prepare(*(calls(("list_orders", {}), start=number) for number in range(2)), "Chega.", "Oi")
    assert texts(await talk.turn("t1", "Liste")) == ["Chega."]
    assert [bool(offered) for offered in talk.model.tools] == [True, True, False]
    await talk.turn("t2", "E agora?")  # the next turn counts anew
    assert talk.model.tools[-1]


async def test_tool_calls_in_the_last_call_are_dropped(talk: Talk, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("MODEL_CALLS_PER_TURN", "1")
    settings.cache_clear()
    stubborn = calls(("list_orders", {}))
    stubborn.content = "Um momento"
    talk.model.prepare(stubborn)
    assert texts(await talk.turn("t1", "Liste")) == ["Um momento"]


async def test_the_channel_may_choose_the_model(talk: Talk, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    environment.setenv("MODEL_RETRIES", "0")
    settings.cache_clear()
    talk.context["model"] = "openai:other"
    with pytest.raises(Exception, match="Connection error"):  # the other one was asked: nobody listens there
        await talk.turn("t1", "Oi")
    assert talk.model.seen == []
