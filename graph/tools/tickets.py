"""Support tickets."""

from __future__ import annotations

from typing import Annotated, Any

from langchain.tools import tool
from langgraph.types import Command
from pydantic import Field

from graph.business import Priority, Ticket, TicketRequest, business
from graph.policy.masking import mask
from graph.prompts import TEXTS
from graph.tools.access import trusted_keys, with_hint
from graph.tools.common import Runtime, line_of, lines_of, number_of, propose

LARGEST_NUMBER = 2**63 - 1  # of a bigint


@tool
async def create_ticket(
    subject: Annotated[str, Field(min_length=1, max_length=200)],
    description: Annotated[str, Field(min_length=1, max_length=4000)],
    runtime: Runtime,
    priority: Priority = "normal",
) -> str | Command[Any]:
    """Ask the customer whether a support ticket is to be opened; after the yes they are told its number.

    Args:
        subject: What it is about, in a few words.
        description: What happened and what the customer wants, in the customer's words.
        priority: urgent only where health or safety is at stake.
    """
    request = TicketRequest(subject=mask(line_of(subject)), description=mask(lines_of(description)), priority=priority)
    if not request.subject or not request.description:
        return "O assunto e a descrição não podem ser vazios."
    asked = TEXTS["ask_ticket"].format(**request.model_dump() | {"priority": TEXTS[f"priority_{priority}"]})
    return propose(runtime, "create_ticket", request.model_dump(), asked)


@tool
async def get_ticket(ticket_id: Annotated[str, Field(max_length=64)], runtime: Runtime) -> str:
    """One support ticket of this customer.

    Args:
        ticket_id: The ticket's number.
    """
    number = number_of(ticket_id)
    known = number.isascii() and number.isdigit() and int(number) <= LARGEST_NUMBER
    ticket = await business().ticket(trusted_keys(runtime), int(number)) if known else None
    not_found = f"Nenhum chamado {ticket_id} foi encontrado para este cliente."
    return _whole(ticket) if ticket else with_hint(runtime, not_found)


@tool
async def list_tickets(runtime: Runtime) -> str:
    """The support tickets of this customer, newest first."""
    tickets = await business().tickets(trusted_keys(runtime))
    lines = (f"Chamado {one.id} de {one.created_at:%d/%m/%Y}: {one.subject}. {one.status}" for one in tickets)
    return "\n".join(lines) or with_hint(runtime, "Este cliente não tem chamados.")


def _whole(ticket: Ticket) -> str:
    return (
        f"Chamado {ticket.id}: {ticket.subject}. Situação: {ticket.status}. "
        f"Aberto em {ticket.created_at:%d/%m/%Y}. Descrição: {ticket.description}"
    )
