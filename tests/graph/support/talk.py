"""Turns of a conversation with the graph in this process, answered by a scripted model."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.exceptions import ModelError
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.store.base import BaseStore
from pydantic import PrivateAttr

from graph.agent import build
from graph.business import DEMO_KEY
from graph.history.tool_calls import unanswered_calls

CAPABILITY = "the run's capability"
NOON = "2026-11-23T12:00:00+00:00"  # a Monday; 09:00 in São Paulo


class ModelDownError(ModelError):
    """The scripted model does not answer."""


class ScriptedModel(BaseChatModel):
    """Returns the prepared answers, one for each call, raises prepared exceptions, and refuses as model APIs do."""

    _answers: list[AIMessage | Exception] = PrivateAttr(default_factory=list)
    _seen: list[list[BaseMessage]] = PrivateAttr(default_factory=list)
    _tools: list[list[str]] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def seen(self) -> list[list[BaseMessage]]:
        """The messages of every call, without the instructions."""
        return [messages[1:] for messages in self._seen]

    @property
    def instructions(self) -> str:
        """The system prompt of the last call."""
        return self._seen[-1][0].text

    @property
    def tools(self) -> list[list[str]]:
        """Names of the tools of every call."""
        return self._tools

    def prepare(self, *answers: AIMessage | Exception | str) -> None:
        """Prepare the answers of the next calls."""
        self._answers += [AIMessage(answer) if isinstance(answer, str) else answer for answer in answers]

    def forget(self) -> None:
        """Remove prepared answers and recorded calls."""
        self._answers.clear()
        self._seen.clear()
        self._tools.clear()

    def bind_tools(self, tools: Sequence[BaseTool], **_: Any) -> Runnable[LanguageModelInput, AIMessage]:
        return self.bind(tools=[tool.name for tool in tools])

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **settings: Any,
    ) -> ChatResult:
        assert not unanswered_calls(messages), "the model API would answer 400 for ever"
        self._seen.append(messages)
        self._tools.append(settings.get("tools", []))
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return ChatResult(generations=[ChatGeneration(message=answer)])


def calls(*tool_calls: tuple[str, dict[str, Any]], start: int = 1) -> AIMessage:
    """Return an answer that calls tools, with the ids `call-1`, `call-2`, … (from `start` on)."""
    made = [
        {"name": name, "args": arguments, "id": f"call-{number}", "type": "tool_call"}
        for number, (name, arguments) in enumerate(tool_calls, start)
    ]
    return AIMessage("", tool_calls=made)


def inbound(text: str, wamid: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a message of the customer as the gateway passes it."""
    return {"id": wamid or f"wamid.{uuid.uuid4()}", "kind": "text", "text": text, "timestamp": NOON, **more}


def turn_input(
    turn_id: str, *messages: str | dict[str, Any], since: Sequence[dict[str, Any]] = (), **more: Any
) -> dict[str, Any]:
    """Return the input of a run."""
    made = [
        inbound(message, f"wamid.{turn_id}.{number}") if isinstance(message, str) else message
        for number, message in enumerate(messages)
    ]
    return {"turn_id": turn_id, "inbound": made, "since": list(since), **more}


def by_a_person(text: str) -> dict[str, Any]:
    """Return a message by a person of the company, as the gateway passes it."""
    return {"author": "person", "text": text, "timestamp": None}


def context(value: str = DEMO_KEY.value, **more: Any) -> dict[str, Any]:
    """Return the context of a run of the customer with that number; default: the owner of the demo's orders."""
    keys = [{"kind": "wa_id", "value": value}]
    return {
        "channel_id": "100000000000001",
        "customer_id": str(uuid.uuid4()),
        "customer_keys": keys,
        "capability": CAPABILITY,
        **more,
    }


class Talk:
    """One conversation."""

    def __init__(self, saver: BaseCheckpointSaver[Any], store: BaseStore | None = None) -> None:
        self.saver = saver
        self.store = store
        self.context = context()
        self.ask(ScriptedModel())
        self.begin()

    def ask(self, model: ScriptedModel) -> None:
        """Let this model answer from now on."""
        self.model = model
        self.graph = build(model, self.saver, self.store)

    def begin(self) -> None:
        """Begin another conversation."""
        self.config: Any = {"configurable": {"thread_id": str(uuid.uuid4())}}

    async def turn(self, turn_id: str, *messages: str | dict[str, Any], **more: Any) -> Any:
        """Run one turn and return its output."""
        return await self._run(turn_input(turn_id, *messages, **more))

    async def go_on(self) -> Any:
        """Continue the interrupted run."""
        return await self._run(None)

    async def messages(self) -> list[AnyMessage]:
        """Return the history as the state keeps it."""
        return (await self.graph.aget_state(self.config)).values["messages"]

    async def state(self) -> dict[str, Any]:
        """Return all values of the state."""
        return dict((await self.graph.aget_state(self.config)).values)

    async def _run(self, run_input: dict[str, Any] | None) -> Any:
        return await self.graph.ainvoke(run_input, self.config, context=self.context, durability="sync")


def texts(output: dict[str, Any]) -> list[str]:
    """Return the texts of a run's replies; of a question its body."""
    return [reply["text"] if "text" in reply else reply["body"] for reply in output["replies"]]


def tap(output: dict[str, Any], title: str, **more: Any) -> dict[str, Any]:
    """Return the message of a customer who taps the button or row of that title in the run's last reply."""
    asked = output["replies"][-1]
    choices = asked.get("buttons") or [row for section in asked["sections"] for row in section["rows"]]
    [chosen] = [choice for choice in choices if choice["title"] == title]
    kind = "button_reply" if asked["type"] == "buttons" else "list_reply"
    interactive = {"type": kind, "id": chosen["id"], "title": title}
    return inbound(title, kind="interactive", interactive=interactive, **more)
