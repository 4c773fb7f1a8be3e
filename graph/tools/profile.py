"""What is kept about the customer beyond the conversation."""

from __future__ import annotations

from typing import Annotated, Any

from langchain.tools import tool
from langgraph.types import Command
from pydantic import Field

from graph.policy import memory
from graph.policy.masking import mask
from graph.prompts import TEXTS
from graph.tools.access import CHANGES_NEED_PROOF, level
from graph.tools.common import Runtime, propose, store_of


@tool
async def remember(fact: Annotated[str, Field(min_length=1, max_length=memory.FACT_LENGTH)], runtime: Runtime) -> str:
    """Keep something that the customer told about themselves, for later conversations.

    Args:
        fact: One short sentence, for example: Prefere lentes mensais.
    """
    await memory.remember(store_of(runtime), runtime.context.customer_id, mask(fact))
    return "Guardado."


@tool
async def show_profile(runtime: Runtime) -> str:
    """Everything that is kept about this customer, for when they ask what is known about them."""
    known = await memory.facts(store_of(runtime), runtime.context.customer_id)
    return "\n".join(f"- {fact}" for fact in known) or "Não há nada guardado sobre este cliente."


@tool
async def forget(runtime: Runtime) -> str | Command[Any]:
    """Ask the customer whether everything that is kept about them is to be erased, for when they want that."""
    store_of(runtime)
    if level(runtime) == "changes_need_proof":
        return CHANGES_NEED_PROOF
    return propose(runtime, "forget", {}, TEXTS["ask_erase"])
