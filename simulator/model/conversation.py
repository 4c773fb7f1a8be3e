"""A request to the demo model, sorted: texts of the customer, answers of tools, offered tools."""

from collections.abc import Iterable
from dataclasses import dataclass

from simulator.json_type import Json
from simulator.model.tools import Call, Tool

TRANSFER_TOOL = "transfer_to"
KNOWLEDGE_TOOL = "search_knowledge"
VERIFY_TOOL = "verify_customer"


@dataclass(frozen=True)
class Conversation:
    """The request in parts: the customer's texts of this turn and before, and the tools' answers in this turn."""

    now: list[str]
    before: list[str]
    results: list[tuple[str, str]]
    tools: list[Tool]
    instructions: str = ""

    @classmethod
    def of(cls, messages: list[Json], tools: list[Json]) -> "Conversation":
        """Sort a request's messages. `results`: tool name and text, in order."""
        last = max((i for i, m in enumerate(messages) if m["role"] == "user"), default=-1)
        first = last
        while first > 0 and messages[first - 1]["role"] == "user":
            first -= 1  # several messages in a row are one turn
        names = {c["id"]: c["function"]["name"] for m in messages for c in m.get("tool_calls") or []}
        answers = [m for m in messages[last + 1 :] if m["role"] == "tool"]
        return cls(
            [text_of(m) for m in messages[max(first, 0) : last + 1]],
            [text_of(m) for m in messages[: max(first, 0)] if m["role"] == "user"],
            [(names[m["tool_call_id"]], text_of(m)) for m in answers],
            [Tool.of(one) for one in tools],
            "\n".join(text_of(m) for m in messages if m["role"] == "system"),
        )

    @property
    def customer_text(self) -> str:
        """The customer's texts of this turn, joined."""
        return "\n".join(self.now)

    @property
    def was_transferred(self) -> bool:
        """Whether the last call transferred the conversation to the department that has the tools."""
        return bool(self.results) and self.results[-1][0] == TRANSFER_TOOL

    def transfer_to(self, department: str) -> Iterable["Call"]:
        """Yield the call that transfers the conversation, once, where there is such a department."""
        known = f"- {department}:" in self.instructions
        if known and not self.was_transferred and any(tool.name == TRANSFER_TOOL for tool in self.tools):
            yield Call(TRANSFER_TOOL, {"department": department})

    def tool(self, *words: str, needs_arguments: bool | None = None) -> Tool | None:
        """Return the first tool whose name (else description) has one of the words."""
        fitting = [t for t in self.tools if t.name != VERIFY_TOOL and needs_arguments in {None, bool(t.required)}]
        by_name = (t for t in fitting if any(word in t.name.lower() for word in words))
        by_description = (t for t in fitting if any(word in t.description.lower() for word in words))
        return next(by_name, None) or next(by_description, None)


def text_of(message: Json) -> str:
    """Return the text of a message, whose content may come in parts."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(str(part["text"]) for part in content if part.get("type") == "text")
