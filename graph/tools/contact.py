"""Asking a customer who hides the number for it."""

from __future__ import annotations

from typing import Annotated, Any

from langchain.tools import tool
from langgraph.types import Command
from pydantic import Field

from graph.contract.replies import ContactRequestReply
from graph.policy.departments import knows_number
from graph.prompts import TEXTS
from graph.tools.common import Runtime, end_with

KNOWN = "O número de telefone deste cliente já é conhecido."
ASKED = "O cliente foi convidado a compartilhar o número dele. Ele pode não querer: então siga sem ele."


@tool
async def request_phone_number(
    reason: Annotated[str, Field(min_length=1, max_length=300)], runtime: Runtime
) -> str | Command[Any]:
    """Ask the customer, who hides the phone number from us, to share it by a button. Ends the turn.

    Only when something cannot be done without it, such as finding the orders; the customer may say no.

    Args:
        reason: What the number is needed for, as a whole sentence to the customer, in their language.
    """
    if knows_number(runtime.context):
        return KNOWN
    text = f"{reason.strip()}\n{TEXTS['ask_number']}"
    return end_with(runtime, text, ASKED, ContactRequestReply(body=text))
