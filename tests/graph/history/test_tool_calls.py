"""Tool calls and results in a history: whatever was stored, the model's API accepts the repaired form."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from graph.history.tool_calls import INTERRUPTED, admitted, ids_of, paired, renewed, unanswered_calls
from tests.graph.support.model_server import ModelServer, call, say
from tests.graph.support.talk import Talk, calls, inbound, texts

SOUND = st.sampled_from(["a", "b", "call_1", "0"])
FAULTY = st.sampled_from([None, "", "a", "a", "b", "with.dot", "x" * 41, "chamada_é", "a\0b", "😀"])


def calling(number: int, ids: list[Any], invalid: bool = False) -> AIMessage:
    made = [{"name": f"t{place}", "args": {}, "id": one, "type": "tool_call"} for place, one in enumerate(ids)]
    cut = [{"name": "t", "args": "{", "id": "a", "error": None, "type": "invalid_tool_call"}] if invalid else []
    blocks: list[Any] = [{"type": "function_call", "call_id": one, "name": "t", "arguments": "{}"} for one in ids]
    blocks += [{"type": "function_call", "call_id": one["id"], "name": "t", "arguments": one["args"]} for one in cut]
    return AIMessage(blocks, tool_calls=made, invalid_tool_calls=cut, id=f"a{number}")


@st.composite
def histories(draw: st.DrawFn, ids: st.SearchStrategy[Any] = FAULTY) -> list[AnyMessage]:
    """Generate turns with any ids; their calls have results: all, some, too many or none, in any order."""
    messages: list[AnyMessage] = []
    for turn in range(draw(st.integers(0, 4))):
        messages.append(HumanMessage("Oi", id=f"h{turn}"))
        made = draw(st.lists(ids, max_size=3))
        messages.append(calling(turn, made, draw(st.booleans())))
        answered = draw(st.permutations([*made, *draw(st.lists(ids, max_size=1))]))[: draw(st.integers(0, 4))]
        messages += [
            ToolMessage(f"fact {place}", tool_call_id=str(one or ""), id=f"t{turn}.{place}")
            for place, one in enumerate(answered)
        ]
    return messages


def accepted(history: list[AnyMessage]) -> bool:
    """Return whether a model's API accepts it: unique ids, and the results of calls right after them."""
    seen: set[str] = set()
    place = 0
    while place < len(history):
        message = history[place]
        place += 1
        if isinstance(message, ToolMessage):
            return False
        wanted = [one["id"] for one in message.tool_calls] if isinstance(message, AIMessage) else []
        following = history[place : place + len(wanted)]
        if sorted(one.tool_call_id for one in following if isinstance(one, ToolMessage)) != sorted(map(str, wanted)):
            return False
        if seen & set(wanted) or not all(one and len(one) <= 40 and one.isascii() for one in wanted):
            return False
        seen |= {str(one) for one in wanted}
        place += len(wanted)
    return True


@given(histories())
def test_whatever_is_stored_is_read_as_model_apis_accept_it(history: list[AnyMessage]) -> None:
    whole = paired(history)
    assert accepted(whole)
    assert not unanswered_calls(whole)
    assert paired(whole) == whole
    assert [one for one in whole if one.type == "human"] == [one for one in history if one.type == "human"]
    for message in whole:
        if isinstance(message, AIMessage):
            assert [block["call_id"] for block in message.content] == [one["id"] for one in message.tool_calls]  # type: ignore[index]
            assert not message.invalid_tool_calls


@given(histories())
def test_a_history_is_repaired_to_the_same_each_time(history: list[AnyMessage]) -> None:
    assert paired(history) == paired(history)


@given(st.lists(SOUND, unique=True, max_size=4), st.data())
def test_a_sound_history_stays_as_it_is(ids: list[str], data: st.DataObject) -> None:
    order = data.draw(st.permutations(ids))
    answers = [ToolMessage("fact", tool_call_id=one, id=f"t{one}") for one in order]
    history = [HumanMessage("Oi", id="h"), calling(0, ids), *answers, AIMessage("Olá", id="z")]
    whole = paired(history)
    assert len(whole) == len(history)
    assert all(one is other for one, other in zip(whole, history, strict=True))


@given(histories(), st.lists(FAULTY, max_size=4))
def test_ids_are_made_unique_as_they_arrive(history: list[AnyMessage], ids: list[Any]) -> None:
    arrived = admitted(calling(0, ids), history)
    own = [str(one["id"]) for one in arrived.tool_calls]
    assert len(set(own)) == len(own) == len(ids)
    assert "".join(own).isascii()  # they become headers of the company's API
    assert not set(own) & ids_of(history)
    assert arrived.id not in {one.id for one in history}
    assert renewed(arrived, history) == arrived


def test_answers_go_to_their_calls_by_name_and_the_others_by_place() -> None:
    answers = [ToolMessage(text, tool_call_id=one, id=text) for text, one in (("second", "b"), ("first", ""))]
    _, *read = paired([calling(0, [None, "b"]), *answers])
    assert [one.text for one in read] == ["first", "second"]
    _, *read = paired([calling(0, ["a", "a"]), ToolMessage("first", tool_call_id="a", id="t")])
    assert [one.text for one in read] == ["first", INTERRUPTED]


async def test_a_stored_history_with_faults_is_mended(http_talk: Talk, model_server: ModelServer) -> None:
    """Earlier versions stored a call without an id, and an id that the history had already."""
    call_of = {"name": "list_orders", "args": {}, "type": "tool_call"}
    stored = [
        HumanMessage("Oi", id="h1"),
        AIMessage("", tool_calls=[{**call_of, "id": None}], id="a1"),
        HumanMessage("Alô?", id="h2"),
        AIMessage("", tool_calls=[{**call_of, "id": "0"}], id="a2"),
        ToolMessage("fato", tool_call_id="0", id="t2"),
        AIMessage("", tool_calls=[{**call_of, "id": "0"}], id="a3"),
        ToolMessage("outro", tool_call_id="0", id="t3"),
        AIMessage("Pronto", id="a4"),
    ]
    await http_talk.graph.aupdate_state(http_talk.config, {"messages": stored, "turn_id": "t0"}, as_node="model")
    model_server.script = lambda _: say("Olá!")
    assert texts(await http_talk.turn("t1", "E agora?")) == ["Olá!"]
    assert len(model_server.requests) == 1
    assert accepted(await http_talk.messages())


async def test_the_key_of_an_effect_stays_the_same_when_a_turn_goes_on(
    http_talk: Talk, model_server: ModelServer
) -> None:
    """The turn is interrupted before its tools run; the call had no id."""
    asking = call("cancel_order", "", order_id="12345")
    asking["tool_calls"][0]["id"] = None
    model_server.script = lambda _: asking
    http_talk.context["department"] = "orders"
    run_input = {"turn_id": "t1", "inbound": [inbound("Cancele o 12345", "wamid.t1.0")]}
    options: Any = {"context": http_talk.context, "durability": "sync", "interrupt_before": ["tools"]}
    async for _ in http_talk.graph.astream(run_input, http_talk.config, **options):
        pass
    [made] = (await http_talk.messages())[-1].tool_calls  # type: ignore[union-attr]
    await http_talk.turn("t1", inbound("Cancele o 12345", "wamid.t1.0"))
    [pending] = (await http_talk.state())["pending"]
    assert pending["id"] == f"t1:{made['id']}"
    assert len(model_server.requests) == 1


async def test_calls_that_wait_under_no_id_get_one_before_their_tools_run(
    http_talk: Talk, model_server: ModelServer
) -> None:
    waiting = calls(("list_orders", {}))
    waiting.tool_calls[0]["id"] = None
    stored = [HumanMessage("Oi", id="wamid.t1.0"), waiting]
    await http_talk.graph.aupdate_state(http_talk.config, {"messages": stored, "turn_id": "t1"}, as_node="model")
    model_server.script = lambda _: say("Olá!")
    assert texts(await http_talk.turn("t1", "Oi")) == ["Olá!"]
    assert [one.type for one in await http_talk.messages()] == ["human", "ai", "tool", "ai"]
