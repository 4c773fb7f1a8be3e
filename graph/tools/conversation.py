"""The conversation itself: asking with choices, passing it on, calling a person, looking back."""

from __future__ import annotations

from typing import Annotated, Any

from langchain.tools import tool
from langgraph.types import Command
from pydantic import Field

from graph.business import NoCustomerError
from graph.contract.compose import choice, options_of
from graph.contract.context import Context
from graph.contract.replies import BUTTONS_BODY_LIMIT, ROW_COUNT_LIMIT
from graph.contract.state import State, asked_at
from graph.policy.business_hours import in_words, is_open
from graph.policy.departments import current, of_context
from graph.policy.masking import mask
from graph.prompts import TEXTS
from graph.server.gateway_client import HistoryEntry, channel
from graph.tools.common import Runtime, end_with, fact

HISTORY_LIMIT = 50
FEWER_THAN_TWO = (
    "Uma pergunta precisa de um texto e de duas respostas que se leiam diferentes. O cliente não foi perguntado."
)
AUTHORS = {"customer": "cliente", "agent": "assistente", "person": "atendente", "business_app": "atendente"}


@tool
async def ask_choice(
    question: Annotated[str, Field(min_length=1, max_length=BUTTONS_BODY_LIMIT)],
    options: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=72)]], Field(min_length=2, max_length=ROW_COUNT_LIMIT)
    ],
    runtime: Runtime,
) -> str | Command[Any]:
    """Ask the customer something with the possible answers to tap on, and end the turn with it.

    Args:
        question: What the customer is asked.
        options: The answers; up to three of 20 characters become buttons, else they become a list. Put what differs
            first: of a list's rows the customer reads 24 characters at once.
    """
    shown = options_of(options)
    if len(shown) < 2 or not question.strip():
        return FEWER_THAN_TWO
    asked = choice(question, shown, TEXTS["list_button"], TEXTS["list_title"])
    told = "; ".join(f"{number}. {option}" for number, option in enumerate(shown, 1))
    return end_with(runtime, question, f"O cliente foi perguntado. Opções: {told}", asked)


@tool
async def transfer_to(department: Annotated[str, Field(max_length=63)], runtime: Runtime) -> str | Command[Any]:
    """Pass the conversation to another department, which answers in this turn. The customer does not notice.

    Args:
        department: Name of the department, as in the instructions.
    """
    available = of_context(runtime.context)
    here = current(runtime.state, runtime.context)
    if department not in available or department == here.name:
        others = ", ".join(name for name in available if name != here.name)
        return f"Este não é um setor para onde passar a conversa. Os outros setores são: {others}"
    return fact(runtime, f"Agora responde o setor {available[department].title}.", department=department)


@tool
async def request_human(
    reason: Annotated[str, Field(min_length=1, max_length=300)],
    runtime: Runtime,
    summary: Annotated[str, Field(max_length=2000)] = "",
) -> Command[Any]:
    """Call a person of the company, who takes the conversation over. Ends the turn; the customer is told.

    Args:
        reason: Why, in a few words.
        summary: What the person has to know: what the customer wants, what was done, numbers of orders and tickets.
    """
    text = handoff_text(runtime.state, runtime.context)
    handoff = {"reason": mask(reason), "summary": mask(summary)}
    return end_with(runtime, text, "Uma pessoa da equipe foi chamada.", handoff=handoff)


@tool
async def conversation_history(runtime: Runtime, limit: Annotated[int, Field(ge=1, le=HISTORY_LIMIT)] = 20) -> str:
    """The last messages of this customer with the company, also those of other conversations, oldest first.

    Args:
        limit: How many messages.
    """
    if not runtime.context.customer_id:
        raise NoCustomerError
    entries = await channel().history(runtime.context.customer_id, limit)
    return "\n".join(_history_line(entry) for entry in entries) or "Não há mensagens anteriores."


def handoff_text(state: State, context: Context) -> str:
    """What the customer is told when a person is called, also that nobody is there now."""
    if context.business_hours is None or is_open(context.business_hours, asked_at(state)):
        return TEXTS["handoff"]
    return TEXTS["handoff_closed"].format(hours=in_words(context.business_hours))


def _history_line(entry: HistoryEntry) -> str:
    author = AUTHORS.get(entry.author, entry.author)
    return f"{entry.timestamp} {author}: {mask(entry.text) if entry.text else f'[{entry.kind}]'}"
