"""The model server: OpenAI's contract, tested with OpenAI's own client and a raw one."""

import json

import httpx
import httpx2
import openai
import pytest

TOOL = {
    "type": "function",
    "function": {
        "name": "order_status",
        "description": "Status of one order",
        "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
    },
}
USER = {"role": "user", "content": "Quero saber do meu pedido 12345"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "order_status", "arguments": '{"order_id": "12345"}'}}
ASKED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "Pedido 12345: Em separação"}


@pytest.fixture
def client(simulator):
    with openai.OpenAI(
        base_url=f"{simulator.url}/v1", api_key="any", max_retries=0, http_client=httpx2.Client(trust_env=False)
    ) as client:
        yield client


def test_a_tool_is_called_and_its_answer_worded(client) -> None:
    asked = client.chat.completions.create(model="demo", messages=[USER], tools=[TOOL])
    choice = asked.choices[0]
    call = choice.message.tool_calls[0]
    assert (choice.finish_reason, asked.model, call.function.name) == ("tool_calls", "demo", "order_status")
    assert json.loads(call.function.arguments) == {"order_id": "12345"}
    done = [USER, choice.message.model_dump(exclude_none=True), RESULT | {"tool_call_id": call.id}]
    answered = client.chat.completions.create(model="demo", messages=done, tools=[TOOL])
    assert answered.choices[0].finish_reason == "stop"
    assert "Pedido 12345: Em separação" in answered.choices[0].message.content
    usage = answered.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.prompt_tokens > asked.usage.prompt_tokens - 1


def test_streams_carry_the_same_answer(client) -> None:
    whole = client.chat.completions.create(model="demo", messages=[USER, ASKED, RESULT], tools=[TOOL])
    stream = client.chat.completions.create(
        model="demo",
        messages=[USER, ASKED, RESULT],
        tools=[TOOL],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens


def test_streamed_tool_calls(client) -> None:
    chunks = list(client.chat.completions.create(model="demo", messages=[USER], tools=[TOOL], stream=True))
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
    assert json.loads(calls[0].function.arguments) == {"order_id": "12345"}
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_the_model_says_that_it_is_a_demo(client) -> None:
    models = client.models.list().data
    assert [model.id for model in models] == ["demo"]
    assert "demo" in models[0].owned_by
    assert client.models.retrieve("gpt-5").id == "gpt-5"
    hello = client.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "Oi"}])
    assert hello.model == "demo"
    assert "modelo de demonstração" in hello.choices[0].message.content


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"messages": [USER, ASKED]}, "did not have response messages: call_1"),
        ({"messages": [USER, ASKED, USER]}, "must be followed by tool messages"),
        ({"messages": [USER, RESULT]}, "must be a response to a preceeding message"),
        ({"messages": [USER, ASKED, RESULT, RESULT]}, "must be a response to a preceeding message"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "Invalid value: 'robot'"),
        ({"messages": []}, "empty array"),
        ({"messages": None}, "Missing required parameter: 'messages'"),
        ({"messages": ["x"]}, "expected an object"),
        ({"messages": [{"role": "user", "content": None}]}, "got null"),
        ({"messages": [{"role": "user", "content": 7}]}, "expected one of a string"),
        ({"messages": [{"role": "user", "content": [{"type": "smell"}]}]}, "Invalid value: 'smell'"),
        ({"messages": [USER, {"role": "assistant", "tool_calls": []}]}, "got null"),
        ({"messages": [USER, {"role": "assistant", "content": "x", "tool_calls": []}]}, "empty array"),
        ({"messages": [USER, {"role": "assistant", "tool_calls": [{"id": "a"}]}]}, "are strings"),
        ({"model": None}, "you must provide a model parameter"),
        ({"tools": []}, "Invalid 'tools'"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "does not match pattern"),
        ({"tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": "array"}}}]}, "'object'"),
        ({"tool_choice": "auto"}, "only allowed when 'tools'"),
    ],
)
def test_what_openai_rejects_is_rejected(client, change, words) -> None:
    body = {"model": "demo", "messages": [USER]} | change
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/chat/completions", body=body, cast_to=object)
    assert words in caught.value.body["message"]
    assert caught.value.body["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "raw", [b"{", b"[]", rb'{"model": "demo", "messages": [{"role": "user", "content": "\ud83d"}]}']
)
def test_broken_json_is_rejected(simulator, raw) -> None:
    answer = simulator.control.post("/v1/chat/completions", content=raw, headers={"Authorization": "Bearer any"})
    assert (answer.status_code, "parse the JSON" in answer.json()["error"]["message"]) == (400, True)


def test_a_key_is_needed(simulator) -> None:
    asked = {"model": "demo", "messages": [USER]}
    answer = httpx.post(f"{simulator.url}/v1/chat/completions", json=asked)  # without the token of the controls
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")


def test_it_fails_as_often_as_it_is_told(client, simulator) -> None:
    simulator.fault("model", "error", status=503, times=2)
    for _ in range(2):
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(model="demo", messages=[USER])
    assert client.chat.completions.create(model="demo", messages=[USER]).choices


def test_rate_limits_and_cut_connections(client, simulator) -> None:
    simulator.fault("model", "error", status=429, retry_after=3)
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="demo", messages=[USER])
    assert caught.value.response.headers["retry-after"] == "3"
    simulator.fault("model", "cut")
    with pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(model="demo", messages=[USER])


def test_a_slow_model_answers_when_released(client, simulator) -> None:
    fault = simulator.fault("model", "hold", contains="devagar")
    slow = client.with_options(timeout=0.3)
    with pytest.raises(openai.APITimeoutError):
        slow.chat.completions.create(model="demo", messages=[{"role": "user", "content": "devagar"}])
    assert client.chat.completions.create(model="demo", messages=[USER]).choices
    simulator.post(f"faults/{fault}/release")
    assert slow.chat.completions.create(model="demo", messages=[{"role": "user", "content": "devagar"}]).choices


def test_a_test_can_put_words_into_its_mouth(client, simulator) -> None:
    simulator.fault("model", "answer", text="# Título\n| a |")
    simulator.fault("model", "answer", tool_calls=[{"name": "create_ticket", "arguments": {"subject": "x"}}])
    first, second = (client.chat.completions.create(model="demo", messages=[USER]) for _ in range(2))
    assert first.choices[0].message.content == "# Título\n| a |"
    assert second.choices[0].message.tool_calls[0].function.name == "create_ticket"
    calls = simulator.get("calls", path="/v1/chat")["calls"]
    assert [call["body"]["messages"] for call in calls] == [[USER], [USER]]


def test_a_fault_refuses_a_conversation_as_often_as_it_is_asked(simulator, client) -> None:
    simulator.fault("model", "refuse", contains="veneno", times=None)
    before = [{"role": "user", "content": "veneno"}, {"role": "assistant", "content": "Olá"}]
    for _ in range(2):
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="any", messages=[*before, {"role": "user", "content": "Oi"}])
    client.chat.completions.create(model="any", messages=[{"role": "user", "content": "Oi"}])


def test_a_fault_makes_a_model_that_sees_nothing(simulator, client) -> None:
    simulator.fault("model", "refuse", match={"picture": True}, times=None)
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="any", messages=[{"role": "user", "content": [picture]}])
    client.chat.completions.create(model="any", messages=[{"role": "user", "content": "Oi"}])


def test_a_fault_answers_with_junk(simulator, client) -> None:
    simulator.fault("model", "junk")
    assert client.chat.completions.create(model="any", messages=[USER]).choices is None
    assert client.chat.completions.create(model="any", messages=[USER]).choices
